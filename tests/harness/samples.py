"""A request, its case, and the card drawn of them; and the same with one text everywhere."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from approvals.cards import build
from approvals.model import (
    Agent,
    Ask,
    Button,
    Card,
    Case,
    Choice,
    Fact,
    Http,
    Kind,
    Label,
    Outcome,
    Request,
    Vote,
)
from approvals.port import Limits
from approvals.reading import Reading, read, read_payload

SALT = b"a salt of sixteen"
LIMITS = Limits(
    title=150,
    fact_label=50,
    fact_value=300,
    facts=12,
    payload=3000,
    note=1000,
    buttons=3,
    label=75,
)
BODY = b"amount=1240000&currency=eur"
REQUEST = Request(
    id="req_1",
    org="default",
    revision=1,
    requester="billing",
    kind=Kind.AGENT,
    agent=Agent("billing-bot", on_behalf_of="dana"),
    action="stripe.payouts.create",
    http=Http(
        "POST",
        "https://api.stripe.com/v1/payouts?expand=balance",
        (
            ("content-type", "application/x-www-form-urlencoded"),
            ("authorization", "Bearer csk_placeholder_stripe"),
            ("stripe-account", "acct_1"),
        ),
        BODY,
    ),
    payload=None,
    digest="sha-256:" + "ab" * 32,
    created_at=0,
)
assert REQUEST.http is not None
CASE = Case(
    id="req_1",
    org="default",
    revision=1,
    digest=REQUEST.digest,
    requester="billing",
    agent="billing-bot",
    ask=Ask("payments", (("finance", 2),)),
    created_at=0,
    expires_at=900_000,
)
APPROVE, DECLINE, REASON, PROMPT = (
    Button(label, code * 20) for label, code in zip(Label, "abcd", strict=True)
)
BUTTONS = (APPROVE, DECLINE, REASON)


def reading(request: Request) -> Reading:
    """What the service reads in it."""
    if request.http is None:
        return read_payload(request.payload or "null")
    return read(request.http)


def card(case: Case = CASE, request: Request = REQUEST, **given: Any) -> Card:
    usual = {"buttons": BUTTONS, "limits": LIMITS, "review": "https://x.example/r", "salt": SALT}
    all_: dict[str, Any] = usual | given
    return build(case, request, reading(request), **all_)


def plain(payload: str, **changes: Any) -> Request:
    return replace(REQUEST, http=None, payload=payload, **changes)


def vote(person: str, choice: Choice = Choice.APPROVE, revision: int = 1) -> Vote:
    return Vote(person, choice, ("finance",), "slack", revision, 5)


def values(shown: Card) -> dict[str, str]:
    return {fact.label: fact.value for fact in shown.facts}


def strings(shown: Card) -> list[tuple[str, str]]:
    found = []
    for each in fields(Card):
        value = getattr(shown, each.name)
        if isinstance(value, str):
            found.append((each.name, value))
    for fact in shown.facts:
        found += [("label", fact.label), ("value", fact.value)]
    return found


def everywhere(text: str, kind: Kind) -> tuple[Case, Request]:
    """A case with this text wherever somebody else may write."""
    facts = (Fact(text, text), Fact("Amount", text))
    request = replace(
        REQUEST,
        kind=kind,
        requester=text,
        agent=Agent(text, text, text),
        action=text,
        title=text,
        facts=facts,
        claimed_title=text,
        claimed_facts=facts,
        note=text,
        http=Http(
            text,
            f"https://{text}/{text}?{text}",
            (("content-type", text), (text, text), ("authorization", text)),
            text.encode("utf-8", "surrogatepass"),
        ),
    )
    case = replace(
        CASE,
        ask=Ask(text, ((text, 2),)),
        votes=(vote(text),),
        outcome=Outcome(False, 9, 500, text),
        reason=text,
    )
    return case, request
