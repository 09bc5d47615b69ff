"""How long what was asked is kept, and what is erased on request. The laws, each a test:

1. A request that waits is never touched.
2. What is erased leaves a tombstone: the audit entry's place, kind, time, commitment and link. The
   chain verifies as before, and nothing tells what the text was.
3. That something was erased, how much and by whom is an audit entry itself.
4. It is done a few rows at a time, and taps are decided in between.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from approvals import audit
from approvals.model import MINUTE, Case, Duration, Instant, Refused, Status
from approvals.proposal import ulid

if TYPE_CHECKING:  # the configuration has a `Retention`, and commands without a database read it
    from approvals.store import Store

Random = Callable[[int], bytes]

_OUR_WORDS: Final = frozenset(
    ("channel", "choice", "decision", "how", "job", "lane", "risk", "status", "via", "what")
)
"""Fields of an audit entry that hold words of ours, and never name a person or an account."""
SETTLED: Duration = 60 * MINUTE
"""After this long nothing follows from a verdict any more: its receipt has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """From the opening of a request: when its content is erased, and when the rest of it is
    deleted. None: never. `cases` is not less than `content`."""

    content: Duration | None = None
    cases: Duration | None = None


async def retire(store: Store, kept: Retention, *, now: Instant, random: Random) -> None:
    """Erase and delete what has been kept for long enough."""
    if kept.content is not None:
        before = now - kept.content
        many = await _all(store.empty, _id(before))
        await _note(store, audit.Kind.RETENTION_ERASED, many, before, now, random)
    if kept.cases is not None:
        before = now - kept.cases
        many = await _all(store.remove, _id(before))
        many += await _all(partial(store.blank, now=now), before)
        await _note(store, audit.Kind.RETENTION_DELETED, many, before, now, random)


async def erase_request(
    store: Store, request_id: str, *, by: str, now: Instant, random: Random
) -> int:
    """Erase what one closed request asked, before its time. Of how many audit entries the text
    went. `Refused`: there is none, or it waits."""
    case = (await store.cases([request_id])).get(request_id)
    if case is None:
        raise Refused(f"there is no request {request_id}")
    if case.open:
        raise Refused(f"{request_id} waits to be decided; it can be erased once it is closed")
    kind = audit.Kind.REQUEST_ERASED
    return await store.erase(
        request_id, lambda many: audit.entry(kind, now, random, request_id, by=by, entries=many)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was done about a person. `entries`: audit entries that lost their text; `requests`: that
    no longer name them; `left`: that still do, because they wait or were just decided."""

    entries: int
    requests: int
    left: int


async def erase_person(
    store: Store,
    person: str,
    accounts: Sequence[tuple[str, str]],
    *,
    by: str,
    now: Instant,
    random: Random,
) -> Erased:
    """Erase a person who is no longer in the configuration. `accounts`: channel, account of each.

    What agents wrote into requests is not searched: `erase_request`, or `retire`, takes that.
    """
    linked = [(one.channel, one.account) for one in await store.linked() if one.person == person]
    vetted = [(one.channel, one.account) for one in await store.accounts() if one.person == person]
    known = sorted({*accounts, *linked, *vetted})
    requests = left = 0
    async for page in store.every_case():
        named = [case for case in page if _names(case, person)]
        settled = {case.id for case in page if _settled(case, now)}
        asked = {one.request_id for one in await store.cards_of(*settled) if one.person == person}
        done = settled & {case.id for case in named}
        await store.unname(sorted(done | asked), person)
        requests, left = requests + len(done), left + len(named) - len(done)
    values = {person, *(account for _, account in known)}
    entries = 0
    async for rows in store.chain():
        theirs = [row.seq for row in rows if row.entry.content and _says(row.entry.content, values)]
        await store.blank_entries(theirs)
        entries += len(theirs)
    # Last: whoever is cut off before and begins again has to find their accounts.
    await store.forget(person, known)
    # Not whom: that would be the one entry that still names them.
    said: dict[str, Any] = {"by": by, "entries": entries, "requests": requests, "left": left}
    await store.append([audit.entry(audit.Kind.PERSON_ERASED, now, random, None, **said)])
    return Erased(entries=entries, requests=requests, left=left)


def _names(case: Case, person: str) -> bool:
    return person in case.barred or any(vote.person == person for vote in case.votes)


def _settled(case: Case, now: Instant) -> bool:
    return case.status is not Status.PENDING and (case.decided_at or now) + SETTLED < now


def _says(content: str, values: Collection[str]) -> bool:
    """Is one of the values in it, as a whole text, where it may name somebody?"""
    if not any(text in content for value in values for text in _quoted(value)):  # mostly: quickly
        return False
    said = json.loads(content)
    if isinstance(said, dict):  # a person may be called as a channel is, or `approve`
        said = [value for name, value in said.items() if name not in _OUR_WORDS]
    waiting: list[Any] = [said]
    while waiting:
        match waiting.pop():
            case dict() as object_:
                waiting += [*object_, *object_.values()]
            case list() as items:
                waiting += items
            case str() as text if text in values:
                return True
    return False


def _quoted(text: str) -> tuple[str, str]:
    """As JSON text has it, with what is not ASCII as it is, or escaped as older entries have it."""
    return json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]


def _id(before: Instant) -> str:
    """Ids of requests begin with their time: all below this one were opened before."""
    return f"req_{ulid(max(before, 0), bytes(10))}"


async def _all(some: Callable[[Any], Awaitable[int]], before: object) -> int:
    many = 0
    while found := await some(before):
        many += found
    return many


async def _note(
    store: Store, kind: audit.Kind, many: int, before: Instant, now: Instant, random: Random
) -> None:
    if many:
        await store.append([audit.entry(kind, now, random, None, many=many, before=before)])
