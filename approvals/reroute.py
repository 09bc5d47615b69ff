"""The next way to an approver: where one entry of `via` cannot reach them, the next one is tried.

It cannot: the platform knows no such account, refuses the card or will not vouch for them, no
message may be sent there now, or one that was sent did not arrive. A platform that is away is no
reason: its cards wait for it. Each entry is tried once, in the order of `via`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from approvals import audit
from approvals.evidence import Entry
from approvals.model import Case, Instant
from approvals.service import Trust
from approvals.store import CardState, Job, Store, post_job


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
    whom: str | None = None,
    now: Instant,
    random: Callable[[int], bytes],
) -> tuple[list[Job], list[Entry]]:
    """The cards to post instead, and what the chain and the page say of it; both empty where there
    is no other way. `whom`: for which of the room's people it was, if it was for one only."""
    jobs, entries = list[Job](), list[Entry]()
    available = {name: has.open_by_email for name, has in trust.channels.items()}
    one = failed.person or whom
    people = [one] if one else await _meant(store, trust, case, failed.entry, available)
    for person in people:
        place = trust.directory.after(case.ask, available, failed.entry, person)
        if place is None:
            continue
        to = {"person": place.person, "account": place.account, "room": place.room}
        jobs.append(post_job(case, place.channel, now, **to, onward=person))
        said = {"person": person, "from": failed.entry, "to": place.entry, "why": failed.why}
        kind, revision = audit.Kind.CARD_REROUTED, case.revision
        entries.append(audit.entry(kind, now, random, case.id, **said, revision=revision))
    return jobs, entries


def said_of(history: Sequence[Entry], revision: int | None = None) -> list[tuple[str, str, str]]:
    """(person, entry of `via` that could not reach them, entry that was tried next), in order; of
    one revision, or of all."""
    kind = audit.Kind.CARD_REROUTED
    contents = [json.loads(one.content) for one in history if one.kind == kind and one.content]
    return [
        (said["person"], said["from"], said["to"])
        for said in contents
        if revision in (None, said.get("revision"))
    ]


async def _meant(
    store: Store, trust: Trust, case: Case, entry: str, available: Mapping[str, bool]
) -> list[str]:
    """For whom this room was the way: who is asked there first, or was sent on to it, and has no
    card of their own, nor was sent on from it."""
    reached = {
        card.person
        for card in await store.cards_of(case.id)
        if card.revision == case.revision and card.state is CardState.POSTED
    }
    history = await store.history(case.id, audit.Kind.CARD_REROUTED)
    moved = said_of(history, case.revision)
    left = {person for person, origin, _ in moved if origin == entry}
    came = {person for person, _, to in moved if to == entry}
    found = list[str]()
    for one in trust.directory.approvers(case.ask, case.escalated):
        first = trust.directory.first(case.ask, available, one.id)
        here = one.id in came or (first is not None and first.entry == entry)
        if here and one.id not in reached and one.id not in left:
            found.append(one.id)
    return found
