"""The next way to an approver: where one entry of `via` cannot reach them, the next one is tried.

It cannot: the platform knows no such account, refuses the card or will not vouch for them, no
message may be sent there now, or one that was sent did not arrive. A platform that is away is no
reason: its cards wait for it. Each entry is tried once, in the order of `via`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from approvals.evidence import Entry
from approvals.model import ORG, Case, Instant
from approvals.service import Trust
from approvals.store import CardRow, CardState, Job, Store, post_job

KIND: Final = "card.rerouted"
"""The entry in the chain."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Where a card could not be brought: to a person on a channel, or to a room of it (`person`
    None). `why`: in the platform's words, for the chain."""

    channel: str
    room: str | None
    person: str | None
    why: str

    @property
    def entry(self) -> str:
        """As it stands in `via`."""
        return f"{self.channel}:{self.room}" if self.room else self.channel


async def onward(
    store: Store,
    trust: Trust,
    case: Case,
    failed: Failed,
    *,
    now: Instant,
    random: Callable[[int], bytes],
) -> tuple[list[Job], list[Entry]]:
    """The cards to post instead, and what the chain and the page say of it; both empty where there
    is no other way."""
    people = [failed.person] if failed.person else await _meant(store, trust, case)
    jobs, entries = dict[str, Job](), list[Entry]()
    available = {name: has.open_by_email for name, has in trust.channels.items()}
    for person in people:
        place = trust.directory.after(case.ask, available, failed.entry, person)
        if place is None:
            continue
        to = {"person": place.person, "account": place.account, "room": place.room}
        job = post_job(case, place.channel, now, **to, onward="yes")
        jobs[job.target + job.data] = job
        said = {"person": person, "from": failed.entry, "to": place.entry, "why": failed.why}
        entries.append(Entry(ORG, now, KIND, case.id, json.dumps(said), random(16)))
    return list(jobs.values()), entries


async def asked_there(store: Store, case: Case, channel: str, conversation: str) -> bool:
    """Is there a card of this request already that everybody there sees?"""
    return any(
        (card.channel, card.conversation, card.account) == (channel, conversation, None)
        for card in await _live(store, case)
    )


def said_of(history: Sequence[Entry]) -> list[tuple[str, str, str]]:
    """(person, entry of `via` that could not reach them, entry that was tried next), in order."""
    contents = [json.loads(one.content) for one in history if one.kind == KIND and one.content]
    return [(said["person"], said["from"], said["to"]) for said in contents]


async def _meant(store: Store, trust: Trust, case: Case) -> list[str]:
    """For whom a room was the way: everybody who is asked and has no card of their own."""
    reached = {card.person for card in await _live(store, case)}
    asked = trust.directory.approvers(case.ask, case.escalated)
    return [person.id for person in asked if person.id not in reached]


async def _live(store: Store, case: Case) -> list[CardRow]:
    return [
        card
        for card in await store.cards_of(case.id)
        if card.revision == case.revision and card.state is not CardState.FAILED
    ]
