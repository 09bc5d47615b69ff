"""Cases: how they are read and change, what a tap loads, and the receipts of those decided."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, Protocol, TypeAlias

import sqlalchemy as sa

from approvals.buttons import Stored
from approvals.evidence import Entry
from approvals.model import (
    Ask,
    Case,
    Choice,
    Escalation,
    Instant,
    Outcome,
    Request,
    Risk,
    Status,
    Vote,
)
from approvals.store.cards import BUTTON, CARD, CardRow, button_of, card_of
from approvals.store.columns import dump, frozen, load, named
from approvals.store.driver import Driver
from approvals.store.outbox import Job, write
from approvals.store.requests import (
    content_params,
    insert_content,
    insert_idempotency,
    request_of,
    select_idempotency,
)
from approvals.store.statements import (
    Dialect,
    P,
    Row,
    Script,
    Statement,
    delete_by,
    insert,
    select,
    update,
)
from approvals.store.subject import Subject
from approvals.store.tables import audiences, buttons, cards, cases, contents, receipts, seen


class Result(StrEnum):
    """What became of one `Change`. Only WON changed anything."""

    WON = "won"
    LOST = "lost"
    """The version had moved, or a new case's id was there already: load again, decide again."""
    SEEN = "seen"
    """The event, or the idempotency key with this very body, was committed before."""
    MISMATCH = "mismatch"
    """The idempotency key was used before with another body."""
    BAD = "bad"
    """The database cannot hold one of its values (a NUL, too long a key). No other change of the
    same call suffers."""


@dataclass(frozen=True, slots=True)
class Press:
    """All that deciding a tap needs, as it stood at one moment. `seen`: this event was here."""

    stored: Stored
    card: CardRow
    case: Case
    seen: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One case's next state and everything that commits with it.

    `before`: the version this was decided on; None opens the case. `content` comes with a new case
    and with each revision, and only then are the case's terms and `audiences` written.
    `seen`: key of the event behind this. `idempotency`: (requester, key, hash of the body).
    `wake_at`: when time next matters to an open case; its expiry at the latest.
    """

    case: Case
    before: int | None
    entries: tuple[Entry, ...] = ()
    effects: tuple[Job, ...] = ()
    seen: str | None = None
    content: Request | None = None
    audiences: tuple[str, ...] = ()
    idempotency: tuple[str, str, str] | None = None
    wake_at: Instant | None = None


Taps: TypeAlias = Sequence[tuple[bytes, str]]
"""(look-up of the button, key of the event) each."""

GRANT: Final = "grant:"
"""Begins the event by which a grant is used up."""

_CHOICE: Final = {c.value: c for c in Choice}
_STATUS: Final = {c.value: c for c in Status}

CASE: Final = (
    *("id", "org", "revision", "digest", "requester", "agent", "terms", "created_at"),
    *("expires_at", "status", "version", "state"),
)
"""The columns of `case_of`, in order."""
_VERSION: Final = CASE.index("version")

_vote: Final[Callable[[Vote], tuple[Any, ...]]] = attrgetter(*Vote.__slots__)
_outcome: Final[Callable[[Outcome], tuple[Any, ...]]] = attrgetter(*Outcome.__slots__)
_plain: Final[Callable[[Case], tuple[Any, ...]]] = attrgetter(*CASE[:6])


# A rule's cases share their terms, and these are the longest part of a row: hence the caches.


@lru_cache(maxsize=1024)
def _terms_text(ask: Ask, barred: tuple[str, ...], inspectable: bool, complete: bool) -> str:
    escalate = ask.escalate and [ask.escalate.after, ask.escalate.to]
    return dump([{**named(ask), "escalate": escalate}, barred, inspectable, complete])


@lru_cache(maxsize=1024)
def _terms(text: str) -> tuple[Ask, tuple[str, ...], bool, bool]:
    fields, barred, inspectable, complete = load(text)
    fields = {name: frozen(value) for name, value in fields.items()}
    fields["risk"] = Risk(fields["risk"])
    fields["escalate"] = fields["escalate"] and Escalation(*fields["escalate"])
    return Ask(**fields), tuple(barred), inspectable, complete


def terms_row(case: Case) -> str:
    """The case's own seal and fingerprint, then what it shares with others of its rule."""
    shared = _terms_text(case.ask, case.barred, case.inspectable, case.complete)
    return f"{case.seal} {case.shown} {shared}"


_ROOM: Final = 320
"""Characters of state that a new case is given, by blanks: in SQLite a row that grew with its first
vote would burst its page, and each burst is three pages more to write."""
_FRESH: Final = "[[],null,null,null,false,0,null]".ljust(_ROOM)
_UNMOVED: Final = ((), None, None, None, False, 0, None)


def state_row(case: Case) -> str:
    """What moves in a case, besides the columns."""
    outcome = case.outcome and _outcome(case.outcome)
    return dump(
        (
            [_vote(vote) for vote in case.votes],
            case.decided_at,
            case.reason,
            outcome,
            case.escalated,
            case.reminded,
            case.head,
            *((True,) if case.lapsed else ()),
        )
    )


def _moved(text: str) -> tuple[Any, ...]:
    if text == _FRESH:
        return _UNMOVED
    votes, decided_at, reason, outcome, *rest = load(text)
    return (
        tuple([Vote(p, _CHOICE[c], tuple(groups), *more) for p, c, groups, *more in votes]),
        decided_at,
        reason,
        outcome and Outcome(*outcome),
        *rest,
    )


def wake_of(change: Change) -> Instant | None:
    """When time next matters; None once the case is closed."""
    case = change.case
    if not case.open:
        return None
    return case.expires_at if change.wake_at is None else min(change.wake_at, case.expires_at)


def case_params(change: Change) -> dict[str, Any]:
    """Every column of the case."""
    case = change.case
    return {
        **dict(zip(CASE[:6], _plain(case), strict=True)),
        "terms": terms_row(case),
        "created_at": case.created_at,
        "expires_at": case.expires_at,
        "status": case.status,
        "version": case.version,
        "state": state_row(case).ljust(_ROOM),
        "wake_at": wake_of(change),
    }


def case_of(row: Row) -> Case:
    """From the columns `CASE`."""
    id_, org, revision, digest, by, agent, terms, created, expires, status, version, state_ = row
    seal, shown, shared = terms.split(" ", 2)
    ask, barred, inspectable, complete = _terms(shared)
    votes, decided, reason, outcome, escalated, reminded, head, *lapsed = _moved(state_)
    moved = (votes, decided, reason, outcome, escalated, reminded, head)
    return Case(
        *(id_, org, revision, digest, by, agent, ask, created, expires, barred, inspectable),
        complete,
        _STATUS[status],
        version,
        *(*moved, shown, seal, *lapsed),
    )


_CARD_FROM: Final = 2 + len(BUTTON)
_CASE_FROM: Final = _CARD_FROM + len(CARD)


def presses_of(n: int, rows: Iterable[Row]) -> list[Press | None]:
    """From rows of: place, seen, `BUTTON`, `CARD`, `CASE`."""
    found: list[Press | None] = [None] * n
    for row in rows:
        found[row[0]] = Press(
            button_of(row[2:_CARD_FROM]),
            card_of(row[_CARD_FROM:_CASE_FROM]),
            case_of(row[_CASE_FROM:]),
            bool(row[1]),
        )
    return found


PRESS: Final = ", ".join(
    [*(f"b.{n}" for n in BUTTON), *(f"c.{n}" for n in CARD), *(f"k.{n}" for n in CASE)]
)
FROM_BUTTONS: Final = (
    f"JOIN {buttons} b ON b.lookup = t.lookup JOIN {cards} c ON c.id = b.card_id "
    f"JOIN {cases} k ON k.id = c.request_id LEFT JOIN {seen} s ON s.key = t.event"
)


class CaseDriver(Driver, Protocol):
    """A driver with words of its own for `presses` and `commit`, because all taps wait there."""

    async def presses(self, taps: Taps) -> list[Press | None]: ...
    async def commit(self, changes: Sequence[Change]) -> list[Result]: ...


def is_move(change: Change) -> bool:
    """A vote, a closing: a case that only moves, so that many go in one statement."""
    return change.before is not None and change.content is None and change.idempotency is None


class Undo(Exception):
    """Ends a script with a result and takes back what it did."""

    def __init__(self, result: Result) -> None:
        self.result = result


def select_cases(d: Dialect) -> Any:
    return sa.select(*(cases.c[n] for n in CASE)).where(d.among(cases.c.id, "ids"))


def _select_asked(d: Dialect) -> Any:
    k, c = cases.c, contents.c
    now = sa.and_(c.request_id == k.id, c.revision == k.revision)
    what = sa.select(*(k[n] for n in CASE), c.meta, c.body)
    return what.select_from(cases.outerjoin(contents, now)).where(d.among(k.id, "ids"))


IS_OPEN: Final = sa.text(f"status = '{Status.PENDING}'")
"""In the very words of the partial index: a parameter would not show that it serves."""
_select_due: Final = (
    sa.select(cases.c.id)
    .where(IS_OPEN, cases.c.wake_at <= P("now"))
    .order_by(cases.c.wake_at)
    .limit(P("most"))
)


def _select_concluded(d: Dialect) -> Any:
    return sa.select(receipts.c.request_id).where(d.among(receipts.c.request_id, "ids"))


_MOVING: Final = ("status", "version", "state", "wake_at")
_insert_case: Final = insert(cases, quiet=True)
_update_moved: Final = update(cases, _MOVING, "id", "version")
_update_revised: Final = update(
    cases, (*_MOVING, "revision", "digest", "agent", "terms", "expires_at"), "id", "version"
)
insert_seen: Final = insert(seen, quiet=True)
_select_seen: Final = select(seen, ["key"], "key")
_insert_audience: Final = insert(audiences, quiet=True)
delete_audiences: Final = delete_by(audiences, "request_id")
_insert_receipt: Final = insert(receipts, quiet=True)
_select_receipt: Final = select(receipts, ["jws"], "request_id")


def commit_one(change: Change) -> Script[Result]:
    """One change by itself: the slow path."""
    case = change.case
    params = case_params(change)
    if change.idempotency is not None:
        by, key, body_sha = change.idempotency
        mine = {"requester": by, "body_sha": body_sha, "request_id": case.id}
        at = case.created_at
        if not (yield insert_idempotency, {**mine, "org": case.org, "key": key, "at": at}):
            known = yield select_idempotency, {"org_": case.org, "requester_": by, "key_": key}
            same = bool(known) and known[0][0] == body_sha
            raise Undo(Result.SEEN if same else Result.MISMATCH)
    # The case before the event: every writer locks in this order, so that none waits in a ring.
    if change.before is None:
        won = yield _insert_case, params
    else:
        build = _update_moved if change.content is None else _update_revised
        won = yield build, {**params, "id_": case.id, "version_": change.before}
    if change.seen is not None:
        if not won:
            again = yield _select_seen, {"key_": change.seen}
            raise Undo(Result.SEEN if again else Result.LOST)
        if not (yield insert_seen, {"key": change.seen, "at": wall_clock()}):
            raise Undo(Result.SEEN)
    if not won:
        raise Undo(Result.LOST)
    if change.content is not None:
        yield insert_content, content_params(change.content)
        if change.before is not None:  # of a new case there are none yet
            yield delete_audiences, {"request_id_": case.id}
        theirs = {"org": case.org, "request_id": case.id}
        yield _insert_audience, [{**theirs, "audience": a} for a in change.audiences]
    yield from write(change.entries, change.effects)
    return Result.WON


def wall_clock() -> Instant:
    """When an event was seen, which only pruning reads."""
    return time.time_ns() // 1_000_000


class CaseStore(Subject):
    """Cases, and the changes that they commit."""

    _db: CaseDriver

    async def cases(self, ids: Sequence[str]) -> dict[str, Case]:
        """Those that exist, by id."""
        found = await self._case_rows(ids) if ids else {}
        return {one: case_of(row) for one, row in found.items()}

    async def asked(self, request_id: str) -> tuple[Case | None, Request | None]:
        """A case, and what it asks now. None: there is no such case; its content was erased."""
        row = (await self._case_rows([request_id], _select_asked)).get(request_id)
        if row is None:
            return None, None
        case, (meta, body) = case_of(row[: len(CASE)]), row[len(CASE) :]
        return case, None if meta is None else request_of(case.id, case.revision, meta, body)

    async def presses(self, taps: Taps) -> list[Press | None]:
        """For each tap what deciding it needs, all as of one moment; None: no such button."""
        found = await self._db.presses(taps) if taps else []
        if any(map(self._reopened, found)):
            found = await self._db.presses(taps)  # as in `_case_rows`
        return [None if self._reopened(one) else one for one in found]

    def _reopened(self, press: Press | None) -> bool:
        return press is not None and self._ended.reopened(press.case.id, press.case.version)

    async def commit(self, changes: Sequence[Change]) -> list[Result]:
        """Make each change whole or not at all, and say which won; those are durable then.

        Of several changes of one case in a call one wins at most. After `Busy` they may have
        happened or not: load, and see. A value that the database cannot hold is the `BAD` of its
        own change.
        """
        results = await self._db.commit(changes) if changes else []
        won = [one for one, result in zip(changes, results, strict=True) if result is Result.WON]
        self._ended.close(one.case for one in won)
        self._ended.add(*(one.seen for one in won if one.seen and one.seen.startswith(GRANT)))
        return results

    async def saw(self, channel: str, event: str) -> bool:
        """Did this event of a platform commit something?"""
        return bool(await self._read(_select_seen, key_=f"{channel}:{event}"))

    async def due(self, now: Instant, limit: int = 100) -> list[str]:
        """Open cases whose `wake_at` has come, the longest waiting first."""
        return [row[0] for row in await self._read(_select_due, now=now, most=limit)]

    async def receipt(self, request_id: str) -> str | None:
        """The signed verdict, once there is one."""
        found = await self._read(_select_receipt, request_id_=request_id)
        return found[0][0] if found else None

    async def put_receipts(self, receipts: Sequence[tuple[str, str]]) -> None:
        """(request id, JWS) each. One that is there stays: it is signed once."""
        params = [{"request_id": id_, "jws": jws} for id_, jws in receipts]
        script = write((), (), _insert_receipt, params)
        await self._db.write(script, [id_ for id_, _ in receipts])

    async def concluded(self, ids: Sequence[str]) -> list[str]:
        """Those that have their receipt."""
        return [row[0] for row in await self._read(_select_concluded, ids=list(ids))]

    async def _case_rows(
        self, ids: Sequence[str], statement: Statement = select_cases
    ) -> dict[str, Row]:
        """By id, without those that are older than what this process saw end."""
        read = {row[0]: row for row in await self._read(statement, ids=list(ids))}
        if old := self._older(read.values()):
            # A read may begin before a commit and end after it. By now the commit can be read; only
            # what was written back is still old.
            again = await self._read(statement, ids=old)
            read |= {row[0]: row for row in again}
            for one in self._older(read.values()):
                del read[one]
        return read

    def _older(self, read: Iterable[Row]) -> list[str]:
        return [row[0] for row in read if self._ended.reopened(row[0], row[_VERSION])]
