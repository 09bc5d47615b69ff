"""Cases, cards, votes and changes as the store keeps them: what its tests write."""

from __future__ import annotations

from dataclasses import replace

from approvals.buttons import Binding, Stored
from approvals.evidence import Entry
from approvals.model import (
    Agent,
    Ask,
    Case,
    Choice,
    Escalation,
    Fact,
    Http,
    Kind,
    Label,
    Request,
    Risk,
    Vote,
)
from approvals.store import (
    CardRow,
    Change,
    Job,
    Result,
    Store,
)

NOW = 1_790_000_000_000

ASK = Ask(
    "payments",
    (("finance", 2), ("infra", 1)),
    ("slack", "slack:C024BE91L"),
    Risk.HIGH,
    expires=900_000,
    release_within=60_000,
    four_eyes=True,
    step_up="passkey",
    remind=(300_000,),
    escalate=Escalation(600_000, "infra"),
    policy="sha-256:abc",
)


def a_case(id_: str = "req_1", **changes: object) -> Case:
    case = Case(
        id_, "default", 1, f"sha-256:{id_}", "billing", "billing-bot", ASK, NOW, NOW + 900_000,
        ("dana",),
    )  # fmt: skip
    return replace(case, **changes)  # type: ignore[arg-type] # real fields


def a_request(case: Case) -> Request:
    return Request(
        case.id,
        case.org,
        case.revision,
        case.requester,
        Kind.GATEWAY,
        Agent("billing-bot", "Billing bot", "dana"),
        "stripe.payouts.create",
        Http("POST", "https://api.stripe.com/v1/payouts", (("a", "b"),), b"\x00\xff body", False),
        None,
        case.digest,
        NOW,
        "Pay ACME\ud800\x00",
        (Fact("Amount", "12,400.00 EUR"),),
        "claimed",
        (Fact("Why", "because"),),
        "note \u202e",
    )


def an_entry(case: Case, kind: str = "vote", at: int = NOW) -> Entry:
    return Entry(case.org, at, kind, case.id, '{"a":1}', b"s" * 16)


def opening(case: Case, **changes: object) -> Change:
    change = Change(
        case,
        None,
        (an_entry(case, "opened"),),
        (Job("post", case.id, "slack", NOW),),
        content=a_request(case),
        audiences=("group:finance", "person:dana"),
    )
    return replace(change, **changes)  # type: ignore[arg-type] # real fields


def a_vote(person: str, at: int = NOW) -> Vote:
    return Vote(
        person, Choice.APPROVE, ("finance",), "slack", 1, at, "fine ⏎", True, "k1", "ab" * 32
    )


def voting(case: Case, person: str, seen: str | None = None) -> Change:
    after = replace(case, version=case.version + 1, votes=(*case.votes, a_vote(person)))
    return Change(
        after,
        case.version,
        (an_entry(case),),
        (Job("redraw", case.id, "slack", NOW, f'{{"by":"{person}"}}'),),
        seen,
    )


def a_card(case: Case, n: int = 1) -> tuple[CardRow, list[Stored]]:
    card = CardRow(f"{case.id}-card-{n}", case.id, 1, "slack", "D1", "U1", "dana", drawn=1)
    return card, [
        Stored(
            f"{case.id}{n}{label}".encode().ljust(32)[:32],
            card.id,
            b"n" * 16,
            Binding(
                "k1", case.id, 1, case.digest, label.choice, label, "slack", "D1", "U1", NOW + 9
            ),
        )
        for label in (Label.APPROVE, Label.DECLINE)
    ]


async def given(store: Store, *cases: Case) -> None:
    assert await store.commit([opening(case) for case in cases]) == [Result.WON] * len(cases)


def crash_ids(turn: int) -> list[str]:
    return [f"req_{turn}_{n:02}" for n in range(16)]
