"""Tries owners' templates on a sample card, for `check`: a template that leaves out part of what is
approved costs its cards their Approve, and one that cannot draw a card at all is a fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from approvals.app import channels
from approvals.config import Config
from approvals.marked import Place
from approvals.model import Button, Card, Fact, Label, Refused, Risk, Status
from approvals.port import LEAVES_OUT

SAMPLE: Final = Card(
    request_id="req_sample",
    revision=1,
    status=Status.PENDING,
    headline="Waiting for approval",
    title="Pay 100.00 EUR to a supplier",
    subject="Pay 100.00 EUR to a supplier · medium risk",
    risk=Risk.MEDIUM,
    action="sample",
    agent="sample-agent",
    facts=(Fact("First label", "first value"), Fact("Second label", "second value")),
    line="POST sample.example/v1/samples · JSON, 20 bytes",
    payload="first: part of the request",
    payload_tail="last: part of the request",
    elided=0,
    payload_size=52,
    note="what the agent says",
    digest="00000000",
    deadline=0,
    until="1 Jan 00:00 UTC",
    decided_at=None,
    decided="",
    progress="You can approve this alone.",
    shared=False,
    buttons=(Button(Label.APPROVE, "a" * 20), Button(Label.DECLINE, "d" * 20)),
    review="https://approve.example.com/requests/req_sample",
)


def faults(config: Config) -> Iterator[tuple[Place, str, str]]:
    """Of the owner's templates: where, what is wrong, how to mend it."""
    sections = channels.samples() | dict(config.channels)
    for name in config.templates:
        if name not in sections:
            continue
        place: Place = ("templates", name)
        channel = channels.made({name: sections[name]}, config.templates)[name]
        try:
            lacks = channel.drawn(SAMPLE).card.review_needed or ""
        except Refused as error:
            yield place, f"the template cannot draw a card: {error}", "compare it with ours"
            continue
        if lacks.startswith(LEAVES_OUT):
            what = lacks.removeprefix(LEAVES_OUT).removesuffix(".")
            why = f"the template leaves out {what}: its cards have no Approve"
            yield place, why, "draw every fact, the line, the payload and the note"
