"""Requests as the vendors' own SDKs make them (`fixtures/requests`), as cases and as cards."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from approvals import cards, policy, proposal
from approvals.cli import preview as previews
from approvals.model import Agent, Button, Card, Case, Http, Kind, Request, Requester, Risk
from approvals.packs import PACKS, RuleBook, rule_book
from approvals.port import Channel
from approvals.reading import Reading, read
from tests.harness.channel_contract import NOW, ROOT

FOLDER: Final = ROOT / "tests/fixtures/requests"
NAMES: Final = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))
BY: Final = Requester("gateway", Kind.GATEWAY)
POLICY: Final = policy.Policy.of((), {"default": frozenset({"dana"})})
SALT: Final = b"s" * 16


@dataclass(frozen=True, slots=True)
class Real:
    """One of them at medium risk, whatever its pack says."""

    case: Case
    request: Request
    reading: Reading

    def card(self, channel: Channel, **more: Any) -> Card:
        """Its card, with the buttons that it gets there."""
        given = (self.case, self.request, self.reading)
        what = cards.bound(self.request, self.reading, salt=SALT)
        labels = cards.labels_for(*given, channel.abilities, channel.limits, what=what)
        return cards.build(
            *given,
            buttons=[Button(label, label.name.lower().ljust(20, "x")) for label in labels],
            limits=channel.limits,
            needs=policy.needs(self.case.ask.quorum, self.case.votes),
            review="https://approve.example.com/requests/req_1",
            names={"dana": "Dana Lee"},
            salt=SALT,
            what=what,
            **{"reader": "dana", **more},
        )


@cache
def book() -> RuleBook:
    """The rules of every pack that can be read; tests/packs/test_packs.py looks at each."""
    faults: list[object] = []
    # That of registries is about hosts that the operator names: without them, about every host.
    sound = [name for name in PACKS if name != "registries" and not _faults(name)]
    found = rule_book({"packs": sound}, lambda *fault: faults.append(fault))
    assert not faults
    return found


def _faults(name: str) -> list[object]:
    faults: list[object] = []
    rule_book({"packs": [name]}, lambda *fault: faults.append(fault))
    return faults


@cache
def previewed(name: str, risk: Risk = Risk.MEDIUM) -> dict[str, previews.Preview]:
    """What `countersign preview` makes of the request of this name, by channel."""
    how = replace(_setting(), risk=risk)
    found = previews.preview((FOLDER / f"{name}.json").read_text(), how, None, NOW)
    return {one.channel: one for one in found}


@cache
def _setting() -> previews.Setting:
    return previews.setting(None, (), None)


@cache
def real(name: str) -> Real:
    """The request of this name."""
    given = json.loads((FOLDER / f"{name}.json").read_text())
    http = Http(
        given["method"],
        given["url"],
        tuple(given["headers"].items()),
        base64.b64decode(given.get("body_base64") or ""),
    )
    reading = read(http, dialect=book().dialect(http))
    asked = proposal.Proposal("http.request", Agent("billing-bot", None, "dana"), http=http)
    made = proposal.draft(
        BY, asked, reading, POLICY, book(), request_id="req_1", revision=1, now=NOW
    )
    case = replace(made.case, ask=replace(made.case.ask, risk=Risk.MEDIUM, step_up=None))
    return Real(case, made.request, reading)
