"""Every statement, built from the tables and compiled once for each of the two databases.

A builder makes a statement for a dialect. A script is a transaction without a database: it yields
builders with parameters and is sent their rows, so each is written once and runs on both drivers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import sqlalchemy as sa

from approvals.evidence import GENESIS, Checkpoint, Entry, commitment, link
from approvals.model import Instant, Status
from approvals.store import rows
from approvals.store.rows import Params, Row
from approvals.store.tables import (
    accounts,
    audiences,
    audit,
    buttons,
    cards,
    cases,
    checkpoints,
    contents,
    grants,
    idempotency,
    link_codes,
    linked,
    login_links,
    memory,
    meta,
    outbox,
    receipts,
    seen,
    sessions,
    tokens,
    windows,
)
from approvals.store.values import (
    Account,
    CardRow,
    CardState,
    Change,
    Grant,
    Job,
    LinkCode,
    Linked,
    LoginLink,
    Result,
    Session,
    Sign,
    Token,
)

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler

T = TypeVar("T")
P: Final = sa.bindparam


class Sql:
    """A compiled statement: its text and the order in which the driver wants its parameters."""

    __slots__ = ("_fixed", "_names", "text")

    def __init__(self, compiled: SQLCompiler) -> None:
        self.text: Final = str(compiled)
        self._names: Final = tuple(compiled.positiontup or ())
        self._fixed: Final = {n: b.value for n, b in compiled.binds.items() if not b.required}

    def args(self, params: Params) -> list[Any]:
        """The parameters in order, with the constants that are the statement's own."""
        if self._fixed:
            params = {**self._fixed, **params}
        return [params[name] for name in self._names]


class Dialect:
    """What differs in SQL, and the statements that were compiled."""

    def __init__(self, dialect: Any, insert: Callable[[sa.Table], Any]) -> None:
        self.postgresql: Final[bool] = dialect.name == "postgresql"
        self.insert: Final = insert
        self._dialect: Final = dialect
        self._known: dict[Builder, Sql] = {}

    def sql(self, build: Builder) -> Sql:
        """The statement of a builder."""
        known = self._known.get(build)
        if known is None:
            known = self._known[build] = Sql(build(self).compile(dialect=self._dialect))
        return known

    def among(self, column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
        """The column is in the list that is passed as one parameter."""
        if self.postgresql:
            return column == sa.any_(P(name, type_=sa.ARRAY(column.type)))
        return column.in_(sa.select(sa.column("value")).select_from(sa.func.json_each(P(name))))

    def put(self, table: sa.Table, columns: Collection[str] = ()) -> Any:
        """Insert a row; each column is a parameter of its name."""
        names = columns or [c.name for c in table.columns]
        return self.insert(table).values({name: P(name) for name in names}).inline()


Builder: TypeAlias = Callable[[Dialect], Any]
Script: TypeAlias = Generator["tuple[Builder, Params | Sequence[Params]]", Sequence[Row], T]
"""Yields a builder with its parameters, is sent the rows; with a list of them, runs for each."""


class Undo(Exception):
    """Ends a script with a result and takes back what it did."""

    def __init__(self, result: Result) -> None:
        self.result = result


def one(build: Builder, params: Params) -> Script[Sequence[Row]]:
    """The script of a single statement."""
    found = yield build, params
    return found


# Common shapes. A parameter that is compared is named like its column with `_` behind it, because
# SQLAlchemy keeps the bare name for values.


def _insert(table: sa.Table, *columns: str, quiet: bool = False) -> Builder:
    """`quiet`: where there is such a row, it stays and nothing is returned."""

    def build(d: Dialect) -> Any:
        statement = d.put(table, columns)
        if not quiet:
            return statement
        return statement.on_conflict_do_nothing().returning(*table.primary_key)

    return build


def _upsert(table: sa.Table) -> Builder:
    def build(d: Dialect) -> Any:
        statement = d.put(table)
        rest = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
        return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest)

    return build


def _select(table: sa.Table, columns: Sequence[str], *keys: str, order: str = "") -> Builder:
    def build(_: Dialect) -> Any:
        statement = sa.select(*(table.c[name] for name in columns))
        statement = statement.where(*(table.c[key] == P(f"{key}_") for key in keys))
        return statement.order_by(table.c[order]) if order else statement

    return build


def _update(table: sa.Table, values: Sequence[str], *keys: str) -> Builder:
    def build(_: Dialect) -> Any:
        return (
            table.update()
            .where(*(table.c[key] == P(f"{key}_") for key in keys))
            .values({name: P(name) for name in values})
            .returning(*table.primary_key)
        )

    return build


def delete_by(table: sa.Table, *keys: str) -> Builder:
    """The rows that have these values; it returns their keys."""

    def build(_: Dialect) -> Any:
        where = [table.c[key] == P(f"{key}_") for key in keys]
        return table.delete().where(*where).returning(*table.primary_key)

    return build


def _count(table: sa.Table, where: Callable[[], Any]) -> Builder:
    return lambda _: sa.select(sa.func.count()).select_from(table).where(where())


# Cases


def cases_by_id(d: Dialect) -> Any:
    return sa.select(*(cases.c[n] for n in rows.CASE)).where(d.among(cases.c.id, "ids"))


def _open() -> Any:
    # In the very words of the partial index: a parameter would not show that it serves.
    return sa.text(f"status = '{Status.PENDING}'")


def due(_: Dialect) -> Any:
    at = cases.c.wake_at
    return sa.select(cases.c.id).where(_open(), at <= P("now")).order_by(at).limit(P("most"))


@lru_cache(maxsize=64)
def newest(condition: str, before: bool, many: int = 1) -> Builder:
    """The ids that one condition of a list leaves, the newest first, from one index and no further
    than the limit: "status" (a state's name), "closed", "agent", "requester", "audience" (`many` of
    them) or "" (all). With `before`, below an id.

    That a column is one value is said as a range. As an equation PostgreSQL, which plans once for
    every value, would take what is common for what is asked, and walk all ids for one that is rare.
    """

    def build(_: Dialect) -> Any:
        return _together([part.limit(P("most")) for part in _walks(condition, before, many)])

    return build


def _walks(condition: str, before: bool, many: int) -> list[Any]:
    c, a = cases.c, audiences.c
    if condition in ("agent", "requester"):
        return [_walk(c[condition], c.id, f"{condition}_", before)]
    if condition == "audience":
        parts = [_walk(a.audience, a.request_id, f"audience{i}_", before) for i in range(many)]
        return [part.where(a.org == P("org_")) for part in parts]
    states: list[str | None] = [condition or None]
    if condition == "closed":
        states = [state for state in Status if state is not Status.PENDING]
    parts = [sa.select(c.id).order_by(c.id.desc()) for _ in states]
    where = [() if state is None else _state(state) for state in states]
    below = (c.id < P("before_"),) if before else ()
    return [part.where(*said, *below) for part, said in zip(parts, where, strict=True)]


def _state(state: str) -> tuple[Any, ...]:
    # In so many words: PostgreSQL then knows how many there are of this state, and SQLite that the
    # index of what is closed serves.
    said = sa.text(f"status = '{state}'")
    closed = () if state == Status.PENDING else (sa.text(f"status <> '{Status.PENDING}'"),)
    return said, *closed


def _walk(column: Any, id_: Any, name: str, before: bool) -> Any:
    top = sa.tuple_(column, id_) < sa.tuple_(P(name), P("before_")) if before else column <= P(name)
    return sa.select(id_).where(column >= P(name), top).order_by(column.desc(), id_.desc())


def _together(parts: Sequence[Any]) -> Any:
    """The newest of several selections, each of which is walked no further than it may matter."""
    if len(parts) == 1:
        return parts[0]
    every = sa.union(*(sa.select(one.subquery().columns[0].label("id")) for one in parts))
    return every.order_by(sa.text("id DESC")).limit(P("most"))


def shown(d: Dialect) -> Any:
    """Which of these requests one of the audiences may see."""
    a = audiences.c
    theirs = (a.org == P("org_"), d.among(a.request_id, "ids"), d.among(a.audience, "audiences_"))
    return sa.select(a.request_id).where(*theirs)


def visible(d: Dialect) -> Any:
    a = audiences.c
    mine = (a.org == P("org_"), a.request_id == P("id_"), d.among(a.audience, "audiences_"))
    return sa.select(a.request_id).where(*mine).limit(1)


def concluded(d: Dialect) -> Any:
    return sa.select(receipts.c.request_id).where(d.among(receipts.c.request_id, "ids"))


_MOVING: Final = ("status", "version", "state", "wake_at")
insert_case: Final = _insert(cases, quiet=True)
move_case: Final = _update(cases, _MOVING, "id", "version")
revise_case: Final = _update(
    cases, (*_MOVING, "revision", "digest", "agent", "terms", "expires_at"), "id", "version"
)
insert_seen: Final = _insert(seen, quiet=True)
select_seen: Final = _select(seen, ["key"], "key")
insert_content: Final = _insert(contents)
select_content: Final = _select(contents, ["meta", "body"], "request_id", "revision")


def select_small(_: Dialect) -> Any:
    c = contents.c
    size = sa.func.length(c.meta) + sa.func.coalesce(sa.func.length(c.body), 0)
    which = (c.request_id == P("request_id_"), c.revision == P("revision_"), size <= P("most"))
    return sa.select(c.meta, c.body).where(*which)


delete_contents: Final = delete_by(contents, "request_id")
delete_audiences: Final = delete_by(audiences, "request_id")
insert_audience: Final = _insert(audiences, quiet=True)
insert_idempotency: Final = _insert(idempotency, quiet=True)
put_idempotency: Final = _upsert(idempotency)
select_idempotency: Final = _select(
    idempotency, ["body_sha", "request_id"], "org", "requester", "key"
)
insert_receipt: Final = _insert(receipts, quiet=True)
select_receipt: Final = _select(receipts, ["jws"], "request_id")


@lru_cache(maxsize=8)
def count_open(ages: int) -> Builder:
    """How many are open, then how many of them are below each of so many ids, in one walk."""

    def build(_: Dialect) -> Any:
        below = [sa.func.count().filter(cases.c.id < P(f"before{n}_")) for n in range(ages)]
        return sa.select(sa.func.count(), *below).select_from(cases).where(_open())

    return build


def commit_one(change: Change) -> Script[Result]:
    """One change by itself: the way of all that is not the common case."""
    case = change.case
    params = rows.case_params(change)
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
        won = yield insert_case, params
    else:
        build = move_case if change.content is None else revise_case
        won = yield build, {**params, "id_": case.id, "version_": change.before}
    if change.seen is not None:
        if not won:
            again = yield select_seen, {"key_": change.seen}
            raise Undo(Result.SEEN if again else Result.LOST)
        if not (yield insert_seen, {"key": change.seen, "at": wall_clock()}):
            raise Undo(Result.SEEN)
    if not won:
        raise Undo(Result.LOST)
    if change.content is not None:
        yield insert_content, rows.content_params(change.content)
        if change.before is not None:  # of a new case there are none yet
            yield delete_audiences, {"request_id_": case.id}
        theirs = {"org": case.org, "request_id": case.id}
        yield insert_audience, [{**theirs, "audience": a} for a in change.audiences]
    yield from write(change.entries, change.effects)
    return Result.WON


def wall_clock() -> Instant:
    """When an event was seen, which only pruning reads."""
    return time.time_ns() // 1_000_000


def write(
    entries: Sequence[Entry],
    jobs: Sequence[Job] = (),
    build: Builder | None = None,
    params: Params | Sequence[Params] = (),
) -> Script[Sequence[Row]]:
    """A statement, if there is one, and the audit entries and jobs that commit with it."""
    found: Sequence[Row] = ()
    if build is not None:
        found = yield build, params
    if entries:
        yield insert_entry, [dict(zip(rows.ENTRY, rows.entry_row(e), strict=True)) for e in entries]
    if jobs:
        new = {"attempts": 0}
        yield (
            insert_job,
            [{**new, **dict(zip(rows.QUEUED, rows.job_row(j), strict=True))} for j in jobs],
        )
    return found


# Cards

insert_card: Final = _insert(cards)
insert_button: Final = _insert(buttons)
card_by_id: Final = _select(cards, rows.CARD, "id")
card_by_message: Final = _select(cards, rows.CARD, "channel", "conversation", "message")
card_by_former: Final = _select(cards, rows.CARD, "channel", "conversation", "former")
buttons_of: Final = _select(buttons, rows.BUTTON, "card_id")
_expect_echo: Final = _update(cards, ["echo_next"], "id")
_delete_button: Final = delete_by(buttons, "lookup")


def _fail_card(_: Dialect) -> Any:
    c = cards.c
    which = (c.id == P("id_"), c.state != CardState.FAILED.value)
    return cards.update().where(*which).values(state=P("state")).returning(c.id)


def fail_card(card_id: str, entries: Sequence[Entry], jobs: Sequence[Job]) -> Script[bool]:
    """The entries and jobs only for who says it first: two copies may hear the same."""
    found = yield _fail_card, {"id_": card_id, "state": CardState.FAILED}
    if found:
        yield from write(entries, jobs)
    return bool(found)


def posting(_: Dialect) -> Any:
    c = cards.c
    here = (c.channel == P("channel_"), c.conversation == P("conversation_"))
    young = (c.message.is_(None), c.state == CardState.POSTING.value, c.id >= P("since"))
    return sa.select(c.id).where(*here, *young).limit(1)


def cards_of(d: Dialect) -> Any:
    what = sa.select(*(cards.c[n] for n in rows.CARD))
    return what.where(d.among(cards.c.request_id, "ids")).order_by(cards.c.id)


def bind_message(_: Dialect) -> Any:
    c = cards.c
    echo: Any = sa.func.coalesce(P("given"), c.echo_next)
    values: dict[str, Any] = {"message": P("message"), "state": P("state"), "echo": echo}
    return cards.update().where(c.id == P("id_")).values(**values, echo_next=sa.null())


def move_card(_: Dialect) -> Any:
    c = cards.c
    values: dict[str, Any] = {"message": P("message"), "former": c.message, "echo_next": P("echo")}
    return cards.update().where(c.id == P("id_")).values(**values)


def _adopt(_: Dialect) -> Any:
    c = cards.c
    # Drawn never: should a copy that had stopped still hear of its post, it is drawn anew.
    values: dict[str, Any] = {"message": P("message"), "state": P("state"), "drawn": 0}
    return (
        cards.update().where(c.id == P("id_"), c.message.is_(None)).values(values).returning(c.id)
    )


def adopt(card: Params, entries: Sequence[Entry]) -> Script[bool]:
    """A lost card's message, if none is known."""
    found = yield _adopt, card
    yield from write(entries if found else ())
    return bool(found)


def _alter(_: Dialect) -> Any:
    c = cards.c
    what = cards.update().where(c.id == P("id_"), c.altered.is_(None))
    return what.values(altered=P("altered"), drawn=0).returning(c.request_id, c.channel)


def alter(card_id: str, altered: str, entries: Sequence[Entry]) -> Script[bool]:
    """Note it, the first time, and order a draw, due at once, however new what it shows is."""
    found = yield _alter, {"id_": card_id, "altered": altered}
    jobs = [Job("draw", request_id, channel, 0, card_id) for request_id, channel in found]
    yield from write(entries if found else (), jobs)
    return bool(found)


def altered_cards(_: Dialect) -> Any:
    c = cards.c
    what = sa.select(c.channel, c.id, c.altered).where(c.altered.is_not(None), c.id >= P("since"))
    return what.order_by(c.id.desc()).limit(P("most"))


def newest_cards(_: Dialect) -> Any:
    """The newest card that was posted on each channel, of so many cards altogether."""
    c = cards.c
    found = sa.select(c.channel, c.id, c.message).where(c.id >= P("since"))
    newest = found.order_by(c.id.desc()).limit(P("most")).subquery()
    posted = sa.select(newest.c.channel, sa.func.max(newest.c.id))
    return posted.where(newest.c.message.is_not(None)).group_by(newest.c.channel)


def drawing(
    card_id: str, echo: str | None, without: Sequence[bytes], entries: Sequence[Entry]
) -> Script[None]:
    """What a redraw will show, and what it will not offer any more."""
    yield _expect_echo, {"id_": card_id, "echo_next": echo}
    for one in without:
        yield _delete_button, {"lookup_": one}
    yield from write(entries)


def _drawn(_: Dialect) -> Any:
    c = cards.c
    echo: Any = sa.func.coalesce(c.echo_next, c.echo)
    values: dict[str, Any] = {"echo": echo, "echo_next": sa.null(), "drawn": P("version")}
    where = (c.id == P("id_"), c.drawn < P("version"))
    return cards.update().where(*where).values(values).returning(c.id)


def _overdrawn(_: Dialect) -> Any:
    c = cards.c
    where = (c.id == P("id_"), c.drawn > P("version"))
    what = cards.update().where(*where).values(drawn=0)
    return what.returning(c.request_id, c.channel)


def drawn(
    card_id: str,
    version: int,
    entries: Sequence[Entry],
    finished: Sequence[Params],
    moved: tuple[str, str] | None,
) -> Script[bool]:
    """Note the draw, the message that the card is now, and the jobs that end with it; where it came
    after a newer one's, order another, due at once."""
    params = {"id_": card_id, "version": version}
    if moved is not None:
        yield move_card, {"id_": card_id, "message": moved[0], "echo": moved[1]}
    found = yield _drawn, params
    over = () if found else (yield _overdrawn, params)
    again = [Job("draw", request_id, channel, 0, card_id) for request_id, channel in over]
    if finished:
        yield done, finished
    yield from write(entries, again)
    return bool(found)


def bound(
    card: Params,
    altered: str | None,
    entries: Sequence[Entry],
    jobs: Sequence[Job],
    finished: Sequence[Params],
) -> Script[None]:
    """The message of a card, and the jobs that follow from it and that end with it."""
    yield bind_message, card
    if altered is not None:
        yield from alter(card["id_"], altered, ())
    if finished:
        yield done, finished
    yield from write(entries, jobs)


def _lock_card(_: Dialect) -> Any:
    return sa.select(cards.c.id).where(cards.c.id == P("id_")).with_for_update()


def _lock_case(_: Dialect) -> Any:
    return sa.select(cases.c.id).where(cases.c.id == P("id_")).with_for_update()


_TIME: Final = len("crd_") + 10
"""Characters with which a card's id says when it was made, so that ids order by time."""


def add_card(
    card: CardRow,
    stored: Sequence[Params],
    entries: Sequence[Entry],
    instead: str | None,
    since: str,
    once: bool,
) -> Script[bool]:
    """The card, its buttons and the intent; nothing if `instead` was replaced already, or if it is
    to be there `once` and there is one."""
    if once:
        # Whoever comes second waits here, and then sees the first one's card.
        yield _lock_case, {"id_": card.request_id}
        for row in (yield cards_of, {"ids": [card.request_id]}):
            other = rows.card(row)
            young = other.id[:_TIME] >= since[:_TIME]
            live = other.state is CardState.POSTED or (other.state is CardState.POSTING and young)
            here = _address(other) == _address(card) and other.revision == card.revision
            if here and live and other.id != instead:
                return False
    if instead is not None:
        # Whoever comes second waits here, and then sees the first one's card.
        yield _lock_card, {"id_": instead}
        begun = {CardState.POSTED: instead, CardState.POSTING: max(instead, since)}
        for row in (yield cards_of, {"ids": [card.request_id]}):
            other = rows.card(row)
            late = other.state in begun and other.id[:_TIME] >= begun[other.state][:_TIME]
            if late and other.id != instead and _address(other) == _address(card):
                return False
    yield insert_card, rows.named(card)
    yield insert_button, stored
    yield from write(entries)
    return True


def _address(card: CardRow) -> tuple[str, str | None, str]:
    """Where it is; whose it is matters more than how the conversation is called."""
    return card.channel, card.account, "" if card.account else card.conversation


# Outbox

insert_job: Final = _insert(outbox, *rows.QUEUED, "attempts")
count_parked: Final = _count(outbox, lambda: outbox.c.parked_at.is_not(None))


def claim(d: Dialect) -> Any:
    o = outbox.c
    ready = [o.parked_at.is_(None), o.target == P("target_"), o.due_at <= P("now")]
    ready.append(d.among(o.kind, "kinds"))
    # A CTE that locks is never folded into the statement around it, so it runs once and its limit
    # holds; the outer condition repeats for a row that moved between snapshot and lock.
    picked = (
        sa.select(o.id)
        .where(*ready)
        .order_by(o.due_at, o.id)
        .limit(P("most"))
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    # Nobody waits for the disk. A claim that is lost with the server leaves its job due, as a lease
    # that ended does; and what a worker writes next is on the disk only after its claim, because
    # the log is written in order: https://www.postgresql.org/docs/current/wal-async-commit.html
    lazy = [sa.func.set_config("synchronous_commit", "off", True)] if d.postgresql else []
    return (
        outbox.update()
        .where(o.id.in_(sa.select(picked.c.id)), *ready)
        .values(worker=P("worker"), attempts=o.attempts + 1, due_at=P("until"))
        .returning(*(o[name] for name in rows.JOB), *lazy)
    )


def _held() -> tuple[sa.ColumnElement[bool], ...]:
    # Each claim counts `attempts` up and ends its lease at another time, so that who lost the
    # lease meanwhile matches nothing, not even a new job that was given the old one's id.
    o = outbox.c
    mine = (o.id == P("id_"), o.attempts == P("attempts_"), o.due_at == P("due_at_"))
    return *mine, o.parked_at.is_(None)


def held(job: Job) -> Params:
    """The parameters that say which claim this is."""
    return {"id_": job.id, "attempts_": job.attempts, "due_at_": job.due_at}


def done(_: Dialect) -> Any:
    return outbox.delete().where(*_held())


def _end(_: Dialect) -> Any:
    return outbox.delete().where(*_held()).returning(outbox.c.id)


def end(job: Job, entries: Sequence[Entry], then: Sequence[Job]) -> Script[bool]:
    """The entries and what follows only if it was held still."""
    found = yield _end, held(job)
    if found:
        yield from write(entries, then)
    return bool(found)


def renew(_: Dialect) -> Any:
    return outbox.update().where(*_held()).values(due_at=P("due_at")).returning(outbox.c.id)


def retry(_: Dialect) -> Any:
    values = {"due_at": P("due_at"), "last_error": P("last_error"), "worker": sa.null()}
    return outbox.update().where(*_held()).values(values)


def park(_: Dialect) -> Any:
    values = {"parked_at": P("parked_at"), "last_error": P("last_error"), "worker": sa.null()}
    return outbox.update().where(*_held()).values(values).returning(outbox.c.id)


def _stranded(d: Dialect) -> Any:
    o = outbox.c
    ours = d.among(o.target, "lanes") & d.among(o.kind, "kinds")
    return sa.select(o.id, o.kind, o.request_id, o.target).where(
        o.parked_at.is_(None), o.due_at < P("before"), ~ours
    )


stranded: Final[Builder] = _stranded


def hasten(d: Dialect) -> Any:
    o = outbox.c
    untried = (o.attempts == 0, o.parked_at.is_(None), o.due_at > P("beyond"))
    which = outbox.update().where(*untried, d.among(o.kind, "kinds"))
    return which.values(due_at=P("now")).returning(o.id)


def _strand(_: Dialect) -> Any:
    o = outbox.c
    which = (o.id == P("id_"), o.parked_at.is_(None), o.due_at < P("before"))
    values = {"parked_at": P("parked_at"), "last_error": P("last_error"), "worker": sa.null()}
    return outbox.update().where(*which).values(values).returning(o.id)


def strand(params: Params, entries: Sequence[Entry]) -> Script[bool]:
    """Park what nobody took; the entries only if it was still there."""
    found = yield _strand, params
    if found:
        yield from write(entries)
    return bool(found)


def parked(_: Dialect) -> Any:
    o = outbox.c
    what = sa.select(*(o[n] for n in rows.JOB), o.last_error, o.parked_at)
    return what.where(o.parked_at.is_not(None)).order_by(o.id.desc()).limit(P("most"))


def _resend(_: Dialect) -> Any:
    o = outbox.c
    which = outbox.update().where(o.id == P("id_"), o.parked_at.is_not(None))
    return which.values(parked_at=sa.null(), due_at=P("due_at")).returning(o.request_id)


def resend(job_id: int, now: Instant, entries: Sequence[Entry]) -> Script[bool]:
    """The entries only if there was such a job."""
    found = yield _resend, {"id_": job_id, "due_at": now}
    if found:
        yield from write(entries)
    return bool(found)


def count_jobs(_: Dialect) -> Any:
    o = outbox.c
    what = sa.select(o.kind, o.target, sa.func.count(), sa.func.min(o.due_at))
    return what.where(o.parked_at.is_(None)).group_by(o.kind, o.target)


# Evidence

_LINKED: Final = ("seq", *rows.ENTRY, "commitment", "link")
insert_entry: Final = _insert(audit, *rows.ENTRY)
count_unsealed: Final = _count(audit, lambda: audit.c.seq.is_(None))


def unsealed_since(_: Dialect) -> Any:
    a = audit.c
    return sa.select(a.at).where(a.seq.is_(None)).order_by(a.id).limit(1)


_insert_checkpoint: Final = _insert(checkpoints, quiet=True)


def _unsealed(_: Dialect) -> Any:
    a = audit.c
    what = sa.select(a.id, *(a[n] for n in rows.ENTRY))
    return what.where(a.seq.is_(None)).order_by(a.id).limit(P("most"))


def _history(*more: sa.ColumnElement[bool]) -> Any:
    # In two parts, since each has an index of its own.
    a = audit.c
    parts = [
        sa.select(a.id, *(a[n] for n in rows.ENTRY)).where(
            a.request_id == P("request_id_"), part, *more
        )
        for part in (a.seq.is_not(None), a.seq.is_(None))
    ]
    return sa.union_all(*parts).order_by(sa.text("1"))


def history(_: Dialect) -> Any:
    return _history()


def history_of(_: Dialect) -> Any:
    return _history(audit.c.kind == P("kind_"))


def _seal_row(_: Dialect) -> Any:
    a = audit.c
    values: dict[str, Any] = {name: P(name) for name in ("seq", "commitment", "link")}
    return audit.update().where(a.id == P("id_"), a.seq.is_(None)).values(values)


def head(_: Dialect) -> Any:
    a = audit.c
    what = sa.select(a.seq, a.link).where(a.org == P("org_"), a.seq.is_not(None))
    return what.order_by(a.seq.desc()).limit(1)


def audit_after(_: Dialect) -> Any:
    a = audit.c
    what = sa.select(*(a[n] for n in _LINKED)).where(a.org == P("org_"), a.seq > P("after"))
    return what.order_by(a.seq).limit(P("most"))


def checkpoints_after(_: Dialect) -> Any:
    c = checkpoints.c
    return sa.select(c.jws).where(c.org == P("org_"), c.seq > P("after")).order_by(c.seq)


def newest_checkpoint(_: Dialect) -> Any:
    c = checkpoints.c
    return sa.select(c.jws).where(c.org == P("org_")).order_by(c.seq.desc()).limit(1)


def _erase(_: Dialect) -> Any:
    a = audit.c
    sealed = (a.request_id == P("request_id_"), a.seq.is_not(None), a.salt.is_not(None))
    return audit.update().where(*sealed).values(content=sa.null(), salt=sa.null()).returning(a.id)


def erase(request_id: str) -> Script[int]:
    """Content and salts; the links stay."""
    erased = yield _erase, {"request_id_": request_id}
    yield delete_contents, {"request_id_": request_id}
    return len(erased)


def seal(now: Instant, sign: Sign | None, limit: int) -> Script[int]:
    """Link what is unsealed behind each organisation's head, by ascending id."""
    found = yield _unsealed, {"most": limit}
    heads: dict[str, tuple[int, bytes]] = {}
    sealed: list[Params] = []
    for id_, org, *fields in found:
        if org not in heads:
            last = yield head, {"org_": org}
            heads[org] = (last[0][0], last[0][1]) if last else (0, GENESIS)
        seq, previous = heads[org]
        entry = Entry(org, *fields)
        committed = commitment(entry)
        linked = link(previous, seq + 1, entry, committed)
        heads[org] = seq + 1, linked
        sealed.append({"id_": id_, "seq": seq + 1, "commitment": committed, "link": linked})
    yield _seal_row, sealed
    if sign is not None:
        for org, (seq, linked) in heads.items():
            jws = sign(Checkpoint(seq, linked, now))
            yield _insert_checkpoint, {"org": org, "seq": seq, "at": now, "jws": jws}
    return len(sealed)


def head_text(seq: int, linked: bytes) -> str:
    """A chain head as receipts and checkpoints name it."""
    return f"{seq}:{linked.hex()}"


# Who is who

put_session: Final = _upsert(sessions)
select_session: Final = _select(sessions, Session.__slots__, "sha")
delete_session: Final = delete_by(sessions, "sha")
delete_sessions: Final = delete_by(sessions, "org", "person")
insert_link: Final = _insert(login_links)
select_link: Final = _select(login_links, (*LoginLink.__slots__, "used_at"), "sha")
insert_token: Final = _insert(tokens)
select_token: Final = _select(tokens, Token.__slots__, "sha")
tokens_of: Final = _select(tokens, Token.__slots__, "org", "person", order="at")
delete_token: Final = delete_by(tokens, "org", "person", "name")
put_account: Final = _upsert(accounts)
select_account: Final = _select(accounts, Account.__slots__, "org", "channel", "account")
all_accounts: Final = _select(accounts, Account.__slots__, "org")
delete_account: Final = delete_by(accounts, "org", "channel", "account")
select_meta: Final = _select(meta, ["value"], "key")
_put_meta: Final = _upsert(meta)
_put_meta_once: Final = _insert(meta, quiet=True)


_MEMORY: Final = ("org", "channel", "key")
select_memory: Final = _select(memory, ["value"], *_MEMORY)
_insert_memory: Final = _insert(memory, quiet=True)
_update_memory: Final = _update(memory, ["value"], *_MEMORY, "value")
_delete_memory: Final = delete_by(memory, *_MEMORY, "value")


def put_memory(key: Params, value: bytes | None, was: bytes | None) -> Script[bool]:
    """Compare, and set or delete; False: it was not `was`."""
    where = {f"{name}_": part for name, part in key.items()} | {"value_": was}
    if value is None:
        if was is None:
            return not (yield select_memory, where)
        return bool((yield _delete_memory, where))
    if was is None:
        return bool((yield _insert_memory, {**key, "value": value}))
    return bool((yield _update_memory, {**where, "value": value}))


insert_grant: Final = _insert(grants)


def grants_of(d: Dialect) -> Any:
    """Of an identity or a request, with whether each was used or revoked, the oldest first."""
    g = grants.c
    spent = sa.exists().where(seen.c.key == sa.literal("grant:", type_=sa.Text()).concat(g.id))
    what = sa.select(*(g[n] for n in Grant.__slots__), sa.case((spent, 1), else_=0))
    which = sa.or_(g.identity == P("identity_"), g.request_id == P("request_id_"))
    return what.where(which).order_by(g.id)


def spend(grant_id: str, entries: Sequence[Entry]) -> Script[bool]:
    """Mark a grant as used up, with the entries; False: it was."""
    found = yield insert_seen, {"key": f"grant:{grant_id}", "at": wall_clock()}
    if found:
        yield from write(entries)
    return bool(found)


_insert_code: Final = _insert(link_codes)
_delete_codes: Final = delete_by(link_codes, "org", "person", "channel")
select_code: Final = _select(link_codes, LinkCode.__slots__, "sha")
_insert_linked: Final = _insert(linked, quiet=True)
_delete_linked: Final = delete_by(linked, "org", "channel", "account", "seal")
select_linked: Final = _select(linked, Linked.__slots__, "org", "channel", "account")
all_linked: Final = _select(linked, Linked.__slots__, "org")


def add_code(sha: bytes, code: LinkCode, entries: Sequence[Entry]) -> Script[None]:
    """The one code of this person for this channel: an older one ends."""
    yield _delete_codes, {"org_": code.org, "person_": code.person, "channel_": code.channel}
    yield _insert_code, {"sha": sha, **rows.named(code)}
    yield from write(entries)


def _take_code(_: Dialect) -> Any:
    c = link_codes.c
    live = (c.sha == P("sha_"), c.seal == P("seal_"), c.expires_at > P("now"))
    return link_codes.delete().where(*live).returning(c.sha)


def bind(
    sha: bytes,
    code: LinkCode,
    account: Linked,
    now: Instant,
    entries: Sequence[Entry],
    instead: Linked | None,
) -> Script[bool]:
    """Use the code up and keep the account, with the entries; False: neither."""
    if instead is not None:
        yield from _unbind(instead)
    if not (yield _insert_linked, rows.named(account)):
        return False
    # Who comes second waits here for the first, and then there is no code.
    if not (yield _take_code, {"sha_": sha, "seal_": code.seal, "now": now}):
        yield from _unbind(account)
        return False
    yield from write(entries)
    return True


def _unbind(one: Linked) -> Script[bool]:
    key = {"org_": one.org, "channel_": one.channel, "account_": one.account, "seal_": one.seal}
    return bool((yield _delete_linked, key))


def unbind(one: Linked, entries: Sequence[Entry]) -> Script[bool]:
    """The entries only if it was there."""
    found = yield from _unbind(one)
    if found:
        yield from write(entries)
    return found


def _hear(d: Dialect) -> Any:
    put, w = d.put(windows), windows.c
    newer = {"index_elements": list(windows.primary_key), "where": w.at < put.excluded.at}
    return put.on_conflict_do_update(**newer, set_={"at": put.excluded.at})


def heard(rows_: Sequence[Params]) -> Script[None]:
    """Note who wrote when; an older note than the one that is there changes nothing."""
    yield _hear, rows_


_WINDOW: Final = ("org", "channel", "account")
select_window: Final = _select(windows, ["at", "over_at"], *_WINDOW)


def _end_window(_: Dialect) -> Any:
    w = windows.c
    which = (w[name] == P(f"{name}_") for name in _WINDOW)
    return windows.update().where(*which, w.over_at < w.at).values(over_at=P("now"))


def end_window(key: Params, now: Instant) -> Script[Sequence[Row]]:
    """End it unless it has ended since they last wrote; the row as it is then."""
    yield _end_window, {**key, "now": now}
    found = yield select_window, key
    return found


def use_link(_: Dialect) -> Any:
    c = login_links.c
    live = (c.sha == P("sha_"), c.used_at.is_(None), c.expires_at > P("now"))
    what = login_links.update().where(*live).values(used_at=P("now"))
    return what.returning(*(c[n] for n in LoginLink.__slots__))


def count_links(_: Dialect) -> Any:
    c = login_links.c
    live = (c.used_at.is_(None), c.expires_at > P("now"))
    whose = (c.org == P("org_"), c.person == P("person_"))
    return sa.select(sa.func.count()).select_from(login_links).where(*whose, *live)


def put_meta(key: str, value: str, once: bool) -> Script[str]:
    """Write, and read what holds now."""
    yield (_put_meta_once if once else _put_meta), {"key": key, "value": value}
    found = yield select_meta, {"key_": key}
    return str(found[0][0])


def append(
    entries: Sequence[Entry], jobs: Sequence[Job], known: tuple[str, str] | None
) -> Script[None]:
    """Entries, jobs, and a value of our own with them."""
    if known is not None:
        yield _put_meta, {"key": known[0], "value": known[1]}
    yield from write(entries, jobs)


def time_there(d: Dialect) -> Any:
    if d.postgresql:
        return sa.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    return sa.text("SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)")


# The revision of the tables


def revision_table(d: Dialect) -> Any:
    # Asking a table that is not there would fail, and end the transaction on PostgreSQL.
    if d.postgresql:
        return sa.text("SELECT to_regclass('alembic_version')::text")
    return sa.text("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")


def _select_revision(_: Dialect) -> Any:
    return sa.select(sa.column("version_num")).select_from(sa.table("alembic_version"))


def revision() -> Script[str | None]:
    """What Alembic noted; None: nothing yet."""
    known = yield revision_table, {}
    if not known or known[0][0] is None:
        return None
    found = yield _select_revision, {}
    return str(found[0][0]) if found else None
