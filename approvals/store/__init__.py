"""Everything that is kept: SQLite on one machine, PostgreSQL under many copies.

What this room holds to, each a test:

1. `commit` answers after the database has: what it calls won is on the disk.
2. A case, its votes, audit rows, seen event and outgoing jobs commit together or not at all.
3. A case changes by compare-and-set on its version. A losing change takes no other with it.
4. An event that was seen commits nothing twice.
5. No secret is kept: sessions, sign-in links and tokens are found by SHA-256.

The tables (`tables`) are SQLAlchemy Core. Their statements (`statements`) are compiled once and run
on the driver itself, because Core's way of running them costs more than the database does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final, Self

from approvals.buttons import Stored
from approvals.evidence import GENESIS, Entry
from approvals.model import ORG, Case, Duration, Instant, Refused, Request, Status
from approvals.store import retention, rows, schema, statements
from approvals.store.driver import PATIENCE, Driver
from approvals.store.ended import Ended
from approvals.store.tables import metadata, windows
from approvals.store.values import (
    FOUND,
    TAPPED,
    Account,
    AuditRow,
    CardRow,
    CardState,
    Change,
    Counts,
    Grant,
    Heard,
    Job,
    LinkCode,
    Linked,
    LoginLink,
    Parked,
    Press,
    Result,
    Session,
    Sign,
    Taps,
    Token,
    again_job,
    draw_job,
    found_job,
    post_job,
)

__all__ = [
    "FOUND",
    "JOBS",
    "TAPPED",
    "Account",
    "AuditRow",
    "CardRow",
    "CardState",
    "Change",
    "Counts",
    "Grant",
    "Heard",
    "Job",
    "LinkCode",
    "Linked",
    "LoginLink",
    "Parked",
    "Press",
    "Result",
    "Session",
    "Sign",
    "Store",
    "Taps",
    "Token",
    "Unready",
    "again_job",
    "draw_job",
    "found_job",
    "metadata",
    "post_job",
]

JOBS: Final = frozenset(("post", "draw", "redraw", "forward", "verdict", "lapse"))
"""Kinds of jobs that every copy of this version carries out."""
_ORG, _REQUESTER, _AGENT, _STATUS, _VERSION = map(
    rows.CASE.index, ("org", "requester", "agent", "status", "version")
)
PROBED: Final = 100
"""Rows of an index that say whether a condition of a list leaves few."""
WALKED: Final = 500
"""Requests that are looked at in one step of a long list."""
_SEAL: Final = 0x636F756E02
"""The sealer's advisory lock on PostgreSQL."""
_GRANT: Final = "grant:"
"""Begins the event by which a grant is used up."""
_RETIRE: Final = 0x636F756E03
"""That of whoever deletes what is old."""


class Unready(Refused):
    """The tables are not those of this version: `revision` is theirs (None: there are none),
    `wanted` is ours."""

    def __init__(self, revision: str | None, wanted: str) -> None:
        super().__init__(
            f"the database is at revision {revision or 'none'} and this version needs {wanted}"
        )
        self.revision = revision
        self.wanted = wanted


class Store:
    """All that is kept. Every method raises `Busy` when the database is away, locked, read-only or
    full, and `ValueError` for a value that no database can hold, like a NUL in a text.

    One instance a process, made and used on one event loop; methods may run at the same time. What
    it saw end stays ended for it, whatever is written back (`ended`).
    """

    def __init__(self, driver: Driver, revision: str) -> None:
        self._db = driver
        self.revision: Final = revision
        """The newest migration of the tables; a newer one than ours where a newer copy was here."""
        self._ended = Ended()

    @classmethod
    async def connect(cls, url: str, *, migrate: bool = True, read_only: bool = False) -> Self:
        """Open `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/db`.

        Brings the tables up to date first; raises `Unready` where that is not wanted (`migrate`
        False, `read_only`) or cannot be done. Tables that a newer version made are used as they
        are, if it noted that this one fits. `Refused`: a pooler keeps back what we need.
        `ValueError` for any other URL: a database in memory would forget. `read_only`: nothing is
        written, so a copy on a read-only disk, or a standby, will do.
        """
        migrate = migrate and not read_only
        driver: Driver
        if url.startswith(("postgresql://", "postgres://")):
            # Each driver is imported where it is wanted: the other one's memory is saved.
            from approvals.store.postgresql import Postgresql  # noqa: PLC0415 - see above

            driver = await Postgresql.connect(url, read_only=read_only)
        else:
            path = url.removeprefix("sqlite:///")
            if path in (url, "", ":memory:"):
                raise ValueError("database.url: sqlite:///file.db or postgresql://user@host/db")
            from approvals.store.sqlite import Sqlite  # noqa: PLC0415 - see above

            driver = Sqlite(path, read_only=read_only)
        try:
            if not read_only:  # a standby takes no LISTEN
                await driver.check()
            found = await driver.read(statements.revision())
            newer = found is not None and found > schema.HEAD and await _fits(driver)
            # What is only read has been the same since the first version.
            as_it_is = newer or read_only
            revision = found if found is not None and as_it_is else schema.HEAD
            if found != revision:
                if not migrate:
                    raise Unready(found, schema.HEAD)
                try:
                    await driver.upgrade()
                except Refused as error:
                    raise Unready(found, schema.HEAD) from error
        except BaseException:
            await driver.close()
            raise
        return cls(driver, revision)

    @property
    def writers(self) -> int:
        """How many commits may usefully be under way at once."""
        return self._db.writers

    async def close(self) -> None:
        """Finish what is under way and give the connections back."""
        await self._db.close()

    async def ping(self, *, within: float = PATIENCE) -> None:
        """Return if the database answers within so many seconds."""
        await self._db.read(statements.one(statements.select_meta, {"key_": ""}), within=within)

    async def time(self) -> Instant:
        """What time it is where the database is."""
        return int((await self._read(statements.time_there))[0][0])

    def listen(self, heard: Heard) -> None:
        """Call `heard` with the ids of requests that moved, after each commit, here or in a copy.

        On the event loop; it must not raise. None: notices were lost, so any may have moved.
        """
        self._db.listen(heard)

    # Cases

    async def cases(self, ids: Sequence[str]) -> dict[str, Case]:
        """Those that exist, by id."""
        found = await self._case_rows(ids) if ids else {}
        return {one: rows.case(row) for one, row in found.items()}

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
        self._ended.add(*(one.seen for one in won if one.seen and one.seen.startswith(_GRANT)))
        return results

    async def content(self, request_id: str, revision: int) -> Request | None:
        """What was asked, whole; None: never was, or erased."""
        found = await self._read(
            statements.select_content, request_id_=request_id, revision_=revision
        )
        return rows.content(request_id, revision, *found[0]) if found else None

    async def small_content(
        self, request_id: str, revision: int, most: int = 64 * 1024
    ) -> Request | None:
        """What was asked, where it is small enough to be read for a list; else None."""
        found = await self._read(
            statements.select_small, request_id_=request_id, revision_=revision, most=most
        )
        return rows.content(request_id, revision, *found[0]) if found else None

    async def idempotent(
        self, requester: str, key: str, *, org: str = ORG
    ) -> tuple[str, str] | None:
        """(hash of the body, request id) of the first use of a requester's key."""
        found = await self._read(
            statements.select_idempotency, org_=org, requester_=requester, key_=key
        )
        return (found[0][0], found[0][1]) if found else None

    async def remember(
        self, requester: str, key: str, value: str, request_id: str, at: Instant, *, org: str = ORG
    ) -> None:
        """Keep under a key of our own what `idempotent` then gives back, in the place of what was
        there; forgotten with the keys that requesters chose."""
        await self._write(
            statements.put_idempotency,
            org=org, requester=requester, key=key, body_sha=value, request_id=request_id, at=at,
        )  # fmt: skip

    async def page(
        self,
        *,
        status: Status | None = None,
        closed: bool = False,
        agent: str | None = None,
        requester: str | None = None,
        audiences: Collection[str] | None = None,
        before: str | None = None,
        limit: int = 50,
        org: str = ORG,
    ) -> list[Case]:
        """Newest first, below the id `before`. None filters nothing, empty `audiences` all; with
        `closed` all but the pending."""
        if audiences is not None and not audiences:
            return []
        # What waits is little, most of the time: of it, and of what somebody may see, the former.
        conditions = ["pending"] if status is Status.PENDING else []
        conditions += ["audience"] if audiences else []
        conditions += [n for n, v in (("agent", agent), ("requester", requester)) if v is not None]
        if status is not Status.PENDING and (status or closed):
            conditions.append(str(status) if status else "closed")
        params = {"org_": org, "agent_": agent, "requester_": requester}
        params |= {f"audience{i}_": one for i, one in enumerate(audiences or ())}

        async def walk(condition: str, below: str | None, most: int) -> list[str]:
            many = len(audiences or ()) if condition == "audience" else 1
            build = statements.newest(condition, below is not None, many)
            found = await self._read(build, **params, before_=below, most=most)
            return [row[0] for row in found]

        # Walked is the first condition that leaves few, else the first. Each step is a read of its
        # own, so that nobody waits for a long list.
        ids, driver = list[str](), ""
        for condition in conditions:
            some = await walk(condition, before, PROBED)
            if not driver or len(some) < PROBED:
                ids, driver = some, condition
            if len(some) < PROBED:
                break
        step = PROBED
        if not conditions:
            step = min(PROBED, limit)
            ids = await walk(driver, before, step)
        found = list[Case]()
        while ids:
            theirs = None
            if audiences and driver != "audience":
                seen = await self._read(
                    statements.shown, org_=org, ids=ids, audiences_=list(audiences)
                )
                theirs = {row[0] for row in seen}
            read = await self._case_rows(ids)
            barren = True
            for row in (read[one] for one in ids if one in read):
                # Before a case is made of it: that takes longer than all the rest.
                state = row[_STATUS]
                fits = (
                    row[_ORG] == org
                    and (theirs is None or row[0] in theirs)
                    and agent in (None, row[_AGENT])
                    and requester in (None, row[_REQUESTER])
                    and (state == status if status else not (closed and state == Status.PENDING))
                )
                barren &= not fits
                if fits and len(found) < limit:
                    found.append(rows.case(row))
            if len(found) >= limit or len(ids) < step:
                break
            step, below = WALKED, ids[-1]
            for other in conditions if barren else ():
                # Not one by one through 100,000 that wait, where what was decided is asked for.
                if other != driver:
                    top = await walk(other, below, 1)
                    if not top:
                        return found
                    below = min(below, f"{top[0]}!")  # no other id is between
            ids = await walk(driver, below, step)
        return found

    async def saw(self, channel: str, event: str) -> bool:
        """Did this event of a platform commit something?"""
        return bool(await self._read(statements.select_seen, key_=f"{channel}:{event}"))

    async def visible(self, request_id: str, audiences: Collection[str], org: str = ORG) -> bool:
        """Is the request shown to one of these audiences?"""
        found = await self._read(
            statements.visible, org_=org, id_=request_id, audiences_=list(audiences)
        )
        return bool(found)

    async def due(self, now: Instant, limit: int = 100) -> list[str]:
        """Open cases whose `wake_at` has come, the longest waiting first."""
        return [row[0] for row in await self._read(statements.due, now=now, most=limit)]

    async def receipt(self, request_id: str) -> str | None:
        """The signed verdict, once there is one."""
        found = await self._read(statements.select_receipt, request_id_=request_id)
        return found[0][0] if found else None

    async def put_receipts(self, receipts: Sequence[tuple[str, str]]) -> None:
        """(request id, JWS) each. One that is there stays: it is signed once."""
        params = [{"request_id": id_, "jws": jws} for id_, jws in receipts]
        script = statements.write((), (), statements.insert_receipt, params)
        await self._db.write(script, [id_ for id_, _ in receipts])

    async def concluded(self, ids: Sequence[str]) -> list[str]:
        """Those that have their receipt."""
        return [row[0] for row in await self._read(statements.concluded, ids=list(ids))]

    # Cards

    async def add_card(
        self,
        card: CardRow,
        stored: Sequence[Stored],
        entries: Sequence[Entry] = (),
        *,
        instead: str | None = None,
        since: str = "",
        once: bool = False,
    ) -> bool:
        """Before each attempt to post: the card, its buttons and the intent, together.

        `instead`: the card that this one is to replace. False, and nothing is added, where one
        that is not older is there at the same address already: posted, or being posted and not
        older than `since` (ids of cards begin with their time). `once`: the same, where any card
        of this revision is there so.
        """
        params = [rows.button_params(each) for each in stored]
        return await self._db.write(
            statements.add_card(card, params, entries, instead, since, once)
        )

    async def bind_message(
        self,
        card_id: str,
        message: str,
        entries: Sequence[Entry] = (),
        *,
        echo: str | None = None,
        altered: str | None = None,
        jobs: Sequence[Job] = (),
        done: Sequence[Job] = (),
    ) -> None:
        """The platform took the card: its message id and echo (None: `echo_next` is it now).

        `altered`: where it shows another one than was sent; it is to be drawn again. With it, in
        one transaction: `jobs` are queued and those that are `done` finished.
        """
        params = {"id_": card_id, "message": message, "given": echo, "state": CardState.POSTED}
        held = [statements.held(job) for job in done]
        await self._db.write(statements.bound(params, altered, entries, jobs, held))

    async def drawing(
        self,
        card_id: str,
        echo: str | None,
        entries: Sequence[Entry] = (),
        *,
        without: Sequence[bytes] = (),
    ) -> None:
        """Before a redraw: from now on taps may echo the new card as well as the old. `without`:
        the look-ups of buttons that it offers no more, which end for good."""
        await self._db.write(statements.drawing(card_id, echo, without, entries))

    async def drawn(
        self,
        card_id: str,
        version: int,
        entries: Sequence[Entry] = (),
        *,
        done: Sequence[Job] = (),
        moved: tuple[str, str] | None = None,
    ) -> bool:
        """A redraw succeeded: only the new echo holds. Jobs that are `done` end in the same
        transaction. `moved`: the message as which it had to be posted again, and its echo.

        False: this version, or a newer one, was noted before, and the echoes stay as they are. Of
        a newer one the message may show the older face by now: then a `draw` of it is due at once.
        """
        held = [statements.held(job) for job in done]
        return await self._db.write(statements.drawn(card_id, version, entries, held, moved))

    async def alter(self, card_id: str, altered: str, entries: Sequence[Entry] = ()) -> bool:
        """The platform shows another card than was sent: no tap on it approves, from now on.

        False, and nothing is changed, where that is known. Else a `draw` of it is due at once.
        """
        return await self._db.write(statements.alter(card_id, altered, entries))

    async def altered(self, since: str, limit: int = 1000) -> list[tuple[str, str, str]]:
        """(channel, card id, where) of altered cards whose ids are not below `since`, the newest
        first."""
        found = await self._read(statements.altered_cards, since=since, most=limit)
        return [(row[0], row[1], row[2]) for row in found]

    async def newest_cards(self, since: str, of: int = 10_000) -> dict[str, str]:
        """The id of the newest card that each channel posted, of the newest `of` cards whose ids
        are not below `since`."""
        found = await self._read(statements.newest_cards, since=since, most=of)
        return {row[0]: row[1] for row in found}

    async def adopt(self, card_id: str, message: str, entries: Sequence[Entry] = ()) -> bool:
        """This is the message of a card that was never heard of again. Its taps are refused for
        good. False, and nothing is changed, where its message is known."""
        params = {"id_": card_id, "message": message, "state": CardState.FAILED}
        return await self._db.write(statements.adopt(params, entries))

    async def fail_card(
        self, card_id: str, entries: Sequence[Entry] = (), jobs: Sequence[Job] = ()
    ) -> bool:
        """The post failed, or nobody knows: its taps are refused for good. False, and nothing
        follows, where that is known."""
        script = statements.fail_card(card_id, entries, jobs)
        return await self._db.write(script, {job.request_id for job in jobs})

    async def card(self, card_id: str) -> CardRow | None:
        """One card."""
        found = await self._read(statements.card_by_id, id_=card_id)
        return rows.card(found[0]) if found else None

    async def card_by_message(
        self, channel: str, conversation: str, message: str
    ) -> CardRow | None:
        """The card that a message is, for taps that carry no data of ours."""
        found = await self._read(
            statements.card_by_message,
            channel_=channel,
            conversation_=conversation,
            message_=message,
        )
        return rows.card(found[0]) if found else None

    async def card_by_former(self, channel: str, conversation: str, message: str) -> CardRow | None:
        """The card that this message was before it had to be posted again."""
        found = await self._read(
            statements.card_by_former,
            channel_=channel,
            conversation_=conversation,
            former_=message,
        )
        return rows.card(found[0]) if found else None

    async def posting(self, channel: str, conversation: str, since: str) -> bool:
        """Is a card just being posted there, whose message is not known yet? `since`: the id that
        one had which was begun when no answer can come any more."""
        found = await self._read(
            statements.posting, channel_=channel, conversation_=conversation, since=since
        )
        return bool(found)

    async def cards_of(self, *request_ids: str) -> list[CardRow]:
        """Every attempt for these requests, by card id."""
        found = await self._read(statements.cards_of, ids=list(request_ids))
        return [rows.card(row) for row in found]

    async def buttons_of(self, card_id: str) -> list[Stored]:
        """A card's buttons, in no order."""
        found = await self._read(statements.buttons_of, card_id_=card_id)
        return [rows.button(row) for row in found]

    # Outbox

    async def claim(
        self,
        target: str,
        *,
        worker: str,
        now: Instant,
        lease: Duration,
        limit: int,
        kinds: Collection[str] = JOBS,
    ) -> list[Job]:
        """Take up to `limit` due jobs of one lane and of these kinds for `lease`; after that they
        are due again. A claim may be lost with the database's server, and is over then too."""
        params = {
            "target_": target, "worker": worker, "now": now, "until": now + lease, "most": limit,
            "kinds": sorted(kinds),
        }  # fmt: skip
        found = await self._db.alone(statements.one(statements.claim, params))
        jobs = [rows.job(row[: len(rows.JOB)]) for row in found]
        return sorted(jobs, key=attrgetter("id"))

    async def done(
        self, jobs: Sequence[Job], entries: Sequence[Entry] = (), *, then: Sequence[Job] = ()
    ) -> None:
        """They are finished, and what follows from them is queued, in one transaction.

        Nothing for one whose lease ended and that another took; what follows is queued all the
        same.
        """
        params = [statements.held(job) for job in jobs]
        moved = {job.request_id for job in then}
        await self._db.write(statements.write(entries, then, statements.done, params), moved)

    async def end(self, job: Job, entries: Sequence[Entry], *, then: Sequence[Job]) -> bool:
        """As `done`; but where another took the job nothing is written or queued (False): who has
        it now does that."""
        script = statements.end(job, entries, then)
        return await self._db.write(script, {one.request_id for one in then})

    async def renew(self, job: Job, until: Instant) -> Job | None:
        """Keep it leased until then; the job as it is held now. None: another has taken it."""
        found = await self._write(statements.renew, **statements.held(job), due_at=until)
        return replace(job, due_at=until) if found else None

    async def retry(
        self, job: Job, *, due: Instant, error: str, entries: Sequence[Entry] = ()
    ) -> None:
        """Not now: again at `due`."""
        params = {**statements.held(job), "due_at": due, "last_error": error}
        await self._db.write(statements.write(entries, (), statements.retry, params))

    async def park(
        self, job: Job, *, now: Instant, error: str, entries: Sequence[Entry] = ()
    ) -> None:
        """Never again by itself: it is among `parked` until `resend`."""
        params = {**statements.held(job), "parked_at": now, "last_error": error}
        await self._db.write(statements.write(entries, (), statements.park, params))

    async def stranded(
        self, before: Instant, lanes: Collection[str], kinds: Collection[str]
    ) -> list[tuple[int, str, str, str]]:
        """Jobs due since before then that are not of these lanes and kinds: their id, kind, request
        and lane."""
        found = await self._read(
            statements.stranded, before=before, lanes=sorted(lanes), kinds=sorted(kinds)
        )
        return [(row[0], row[1], row[2], row[3]) for row in found]

    async def hasten(self, now: Instant, beyond: Instant, kinds: Collection[str]) -> int:
        """Make jobs of these kinds that nobody tried yet due now where they are due after `beyond`;
        how many."""
        params = {"now": now, "beyond": beyond, "kinds": sorted(kinds)}
        return len(await self._write(statements.hasten, **params))

    async def strand(
        self, job_id: int, before: Instant, *, now: Instant, error: str, entries: Sequence[Entry]
    ) -> bool:
        """Park a job that was due before then, and that nobody took. False: somebody did."""
        params = {"id_": job_id, "before": before, "parked_at": now, "last_error": error}
        return await self._db.write(statements.strand(params, entries))

    async def parked(self, limit: int = 100) -> list[Parked]:
        """The newest first."""
        found = await self._read(statements.parked, most=limit)
        return [Parked(rows.job(row[:-2]), row[-2], row[-1]) for row in found]

    async def resend(self, job_id: int, now: Instant, entries: Sequence[Entry] = ()) -> bool:
        """Make a parked job due. False: there is none of this id."""
        return await self._db.write(statements.resend(job_id, now, entries))

    async def counts(self, older: Mapping[int, str] | None = None) -> Counts:
        """What waits, for metrics. `older`: for each age in seconds, the id that a case had which
        was opened then; how many open ones have a smaller one is counted."""
        jobs = await self._read(statements.count_jobs)
        ages = {f"before{n}_": id for n, id in enumerate((older or {}).values())}
        ((pending, *below),) = await self._read(statements.count_open(len(ages)), **ages)
        parked, unsealed = [
            (await self._read(what))[0][0]
            for what in (statements.count_parked, statements.count_unsealed)
        ]
        waiting = {(kind, target): (n, due) for kind, target, n, due in jobs}
        oldest = await self._read(statements.unsealed_since)
        since = oldest[0][0] if oldest else None
        by_age = dict(zip(older or {}, below, strict=True))
        return Counts(pending, waiting, parked, unsealed, by_age, since)

    # Evidence

    async def append(
        self,
        entries: Sequence[Entry],
        jobs: Sequence[Job] = (),
        *,
        known: tuple[str, str] | None = None,
    ) -> None:
        """Audit entries, and jobs, that belong to no change of a case. `known`: a `meta` key and
        its value, kept with them."""
        moved = {job.request_id for job in jobs}
        await self._db.write(statements.append(entries, jobs, known), moved)

    async def seal(self, now: Instant, sign: Sign | None = None, limit: int = 500) -> int | None:
        """Link up to `limit` unsealed entries to the chain; how many were.

        One sealer at a time: None where another is at it. With `sign` a signed checkpoint of the
        new head is kept. On PostgreSQL an entry may commit after one of a higher id was sealed, so
        the order of the chain is that of sealing, and none is ever passed over.
        """
        return await self._db.locked(statements.seal(now, sign, limit), _SEAL)

    async def audit(self, after: int = 0, limit: int = 1000, *, org: str = ORG) -> list[AuditRow]:
        """Sealed entries whose `seq` is above `after`, in order."""
        found = await self._read(statements.audit_after, org_=org, after=after, most=limit)
        return [AuditRow(row[0], Entry(*row[1:-2]), row[-2], row[-1]) for row in found]

    async def chain(
        self, after: int = 0, *, page: int = 1000, org: str = ORG
    ) -> AsyncIterator[list[AuditRow]]:
        """The sealed chain above `after`, in order, up to `page` entries at a time."""
        while found := await self.audit(after, page, org=org):
            yield found
            after = found[-1].seq

    async def export(self, after: int = 0, *, org: str = ORG) -> AsyncIterator[str]:
        """The sealed chain above `after` as lines of JSON, without line ends."""
        async for found in self.chain(after, org=org):
            for row in found:
                yield row.line()

    async def history(self, request_id: str, kind: str | None = None) -> list[Entry]:
        """What happened to one request, sealed or not, as it was written. `kind`: only this."""
        if kind is None:
            found = await self._read(statements.history, request_id_=request_id)
        else:
            found = await self._read(statements.history_of, request_id_=request_id, kind_=kind)
        return [Entry(*row[1:]) for row in found]

    async def head(self, *, org: str = ORG) -> str:
        """The newest sealed head, "seq:hash"; of an empty chain its start."""
        found = await self._read(statements.head, org_=org)
        return statements.head_text(*(found[0] if found else (0, GENESIS)))

    async def checkpoint(self, *, org: str = ORG) -> str | None:
        """The newest signed head."""
        found = await self._read(statements.newest_checkpoint, org_=org)
        return found[0][0] if found else None

    async def checkpoints(self, after: int = 0, *, org: str = ORG) -> list[str]:
        """Signed heads above `after`, in order."""
        found = await self._read(statements.checkpoints_after, org_=org, after=after)
        return [row[0] for row in found]

    async def erase(self, request_id: str) -> int:
        """Delete a request's content and cards, and text and salt of its sealed entries: how many.

        What is not sealed yet stays, or it could never be linked: `seal` first.
        """
        return await self._db.write(retention.empty_one(request_id))

    # Who is who

    async def put_session(self, secret: str, session: Session) -> None:
        """Keep or renew the session that a cookie opens."""
        await self._write(statements.put_session, sha=_sha(secret), **rows.named(session))

    async def session(self, secret: str, now: Instant) -> Session | None:
        """The live session of a cookie."""
        sha = _sha(secret)
        found = () if sha in self._ended else await self._read(statements.select_session, sha_=sha)
        session = Session(*found[0]) if found else None
        return session if session and now < session.expires_at else None

    async def end_session(self, secret: str) -> None:
        """Sign out."""
        await self._write(statements.delete_session, sha_=_sha(secret))
        self._ended.add(_sha(secret))

    async def end_sessions(self, person: str, *, org: str = ORG) -> int:
        """Sign a person out everywhere; of how many sessions."""
        found = await self._write(statements.delete_sessions, org_=org, person_=person)
        self._ended.add(*(row[0] for row in found))
        return len(found)

    async def add_link(self, secret: str, link: LoginLink) -> None:
        """Keep a sign-in link."""
        params = {"sha": _sha(secret), "used_at": None, **rows.named(link)}
        await self._write(statements.insert_link, **params)

    async def link(self, secret: str, now: Instant) -> LoginLink | None:
        """The live, unused link. Looking does not use it."""
        sha = _sha(secret)
        found = () if sha in self._ended else await self._read(statements.select_link, sha_=sha)
        link = LoginLink(*found[0][:-1]) if found and found[0][-1] is None else None
        return link if link and now < link.expires_at else None

    async def use_link(self, secret: str, now: Instant) -> LoginLink | None:
        """Use it up: None for all but the first, and when it has expired."""
        sha = _sha(secret)
        if sha in self._ended:
            return None
        found = await self._write(statements.use_link, sha_=sha, now=now)
        if not found:
            return None
        self._ended.add(sha)
        return LoginLink(*found[0])

    async def live_links(self, person: str, now: Instant, *, org: str = ORG) -> int:
        """How many sign-in links of this person could still be used."""
        found = await self._read(statements.count_links, org_=org, person_=person, now=now)
        return int(found[0][0])

    async def add_token(self, secret: str, token: Token) -> None:
        """Keep a personal token."""
        await self._write(statements.insert_token, sha=_sha(secret), **rows.named(token))

    async def token(self, secret: str, now: Instant) -> Token | None:
        """The live token."""
        sha = _sha(secret)
        found = () if sha in self._ended else await self._read(statements.select_token, sha_=sha)
        token = Token(*found[0]) if found else None
        if token is None or (token.expires_at is not None and token.expires_at <= now):
            return None
        return token

    async def tokens(self, person: str, *, org: str = ORG) -> list[Token]:
        """A person's tokens, expired ones too, the oldest first."""
        found = await self._read(statements.tokens_of, org_=org, person_=person)
        return [Token(*row) for row in found]

    async def revoke_token(self, person: str, name: str, *, org: str = ORG) -> bool:
        """Delete a person's tokens of this name. False: there was none."""
        key = {"org_": org, "person_": person, "name_": name}
        found = await self._write(statements.delete_token, **key)
        self._ended.add(*(row[0] for row in found))
        return bool(found)

    async def put_account(
        self,
        channel: str,
        account: str,
        person: str | None,
        standing: str,
        at: Instant,
        *,
        org: str = ORG,
        seal: str = "",
    ) -> None:
        """Keep or renew how an account stands on its channel."""
        known = Account(channel, account, person, standing, at, org, seal)
        await self._write(statements.put_account, **rows.named(known))
        self._ended.note(known)

    async def account(self, channel: str, account: str, *, org: str = ORG) -> Account | None:
        """How an account stood when it was last looked at."""
        found = await self._read(
            statements.select_account, org_=org, channel_=channel, account_=account
        )
        if not found:
            return self._ended.known(org, channel, account)
        return self._ended.note(Account(*found[0]))

    async def accounts(self, *, org: str = ORG) -> list[Account]:
        """All that are known."""
        found = await self._read(statements.all_accounts, org_=org)
        known = [self._ended.note(Account(*row)) for row in found]
        return [*known, *self._ended.vanished(known, org)]

    async def drop_account(self, channel: str, account: str, *, org: str = ORG) -> bool:
        """Forget it. False: it was not known."""
        found = await self._write(
            statements.delete_account, org_=org, channel_=channel, account_=account
        )
        self._ended.drop(org, channel, account)
        return bool(found)

    async def add_code(self, secret: str, code: LinkCode, entries: Sequence[Entry]) -> None:
        """Keep a code that links an account; the person's older one for the channel ends."""
        await self._db.write(statements.add_code(_sha(secret), code, entries))

    async def code(self, secret: str, now: Instant) -> LinkCode | None:
        """The live code. Looking does not use it."""
        sha = _sha(secret)
        found = () if sha in self._ended else await self._read(statements.select_code, sha_=sha)
        code = LinkCode(*found[0]) if found else None
        return code if code and now < code.expires_at else None

    async def bind(
        self,
        secret: str,
        code: LinkCode,
        account: Linked,
        now: Instant,
        entries: Sequence[Entry],
        *,
        instead: Linked | None = None,
    ) -> bool:
        """Use the code up and keep the account, in one transaction.

        False, and nothing is changed, where the code is gone or the account is linked already.
        `instead`: a row of this account that is worth nothing and goes first.
        """
        sha = _sha(secret)
        if sha in self._ended or not self._ended.links(account):
            return False
        done = await self._db.write(statements.bind(sha, code, account, now, entries, instead))
        if done:
            self._ended.add(sha)
        return done

    async def unbind(self, account: Linked, entries: Sequence[Entry]) -> bool:
        """End a link, as it stands there. False: it does not."""
        done = await self._db.write(statements.unbind(account, entries))
        self._ended.unlink(account.seal)
        return done

    async def linked(self, *, org: str = ORG) -> list[Linked]:
        """Every account that was linked by a code, or that a row says was."""
        found = await self._read(statements.all_linked, org_=org)
        return self._ended.standing([Linked(*row) for row in found])

    async def linked_as(self, channel: str, account: str, *, org: str = ORG) -> Linked | None:
        """The row of one account."""
        found = await self._read(
            statements.select_linked, org_=org, channel_=channel, account_=account
        )
        one = Linked(*found[0]) if found else None
        return one if one and self._ended.links(one) else None

    async def heard_from(
        self, channel: str, accounts: Mapping[str, Instant], *, org: str = ORG
    ) -> None:
        """These accounts wrote to us, at these times."""
        # In one order everywhere, so that no two wait for each other.
        found = [(org, channel, account, at, 0) for account, at in sorted(accounts.items())]
        if found:
            names = [column.name for column in windows.columns]
            params = [dict(zip(names, row, strict=True)) for row in found]
            await self._db.write(statements.heard(params))

    async def last_heard(self, channel: str, account: str, *, org: str = ORG) -> Instant:
        """When an account last wrote to us; 0: not known, or what that allowed has ended since."""
        key = {"org_": org, "channel_": channel, "account_": account}
        found = await self._read(statements.select_window, **key)
        return found[0][0] if found and found[0][0] > found[0][1] else 0

    async def end_window(
        self, channel: str, account: str, now: Instant, *, org: str = ORG
    ) -> Instant:
        """What their last word allowed is over, says the platform. Since when we know that; 0: the
        account never wrote."""
        key = {"org_": org, "channel_": channel, "account_": account}
        found = await self._db.write(statements.end_window(key, now))
        return found[0][1] if found else 0

    async def remembered(self, channel: str, key: str, *, org: str = ORG) -> bytes | None:
        """What a channel keeps under this name, as it was sealed."""
        found = await self._read(statements.select_memory, org_=org, channel_=channel, key_=key)
        return bytes(found[0][0]) if found else None

    async def put_remembered(
        self,
        channel: str,
        key: str,
        value: bytes | None,
        *,
        was: bytes | None,
        org: str = ORG,
    ) -> bool:
        """Keep it instead of `was`, or delete that (None). False: it is another by now."""
        where = {"org": org, "channel": channel, "key": key}
        return await self._db.write(statements.put_memory(where, value, was))

    async def add_grant(self, grant: Grant, entries: Sequence[Entry]) -> None:
        """Keep a yes in advance."""
        await self._db.write(
            statements.write(entries, (), statements.insert_grant, rows.named(grant))
        )

    async def grants(self, *, identity: str = "", request_id: str = "") -> list[tuple[Grant, bool]]:
        """Those of an identity, or given on a request; and whether each is used up or revoked."""
        found = await self._read(statements.grants_of, identity_=identity, request_id_=request_id)
        both = [(Grant(*row[:-1]), bool(row[-1])) for row in found]
        return [(one, spent or f"{_GRANT}{one.id}" in self._ended) for one, spent in both]

    async def spend(self, grant_id: str, entries: Sequence[Entry]) -> bool:
        """Revoke a grant. False: it was used up, or revoked before."""
        if (key := f"{_GRANT}{grant_id}") in self._ended:
            return False
        done = await self._db.write(statements.spend(grant_id, entries))
        self._ended.add(key)
        return done

    async def meta(self, key: str) -> str | None:
        """A value of our own."""
        found = await self._read(statements.select_meta, key_=key)
        return found[0][0] if found else None

    async def put_meta(
        self, key: str, value: str, *, once: bool = False, within: float = PATIENCE
    ) -> str:
        """Keep a value; with `once` only where there is none. Returns what holds now."""
        return await self._db.write(statements.put_meta(key, value, once), within=within)

    # What is deleted

    async def prune(self, now: Instant, keep: Duration) -> None:
        """Delete what has expired, and seen events and idempotency keys older than `keep`.

        `keep` must exceed the time for which any platform or requester repeats itself. Everything
        is read, a page at a time, and only what is old is written.
        """
        for table, column, before in retention.ageing(now, keep):
            key: Mapping[str, Any] = {}
            full = True
            while full:
                build = retention.ages(table, column, bool(key))
                page = await self._read(build, **key, most=retention.PAGE)
                old = [row for row in page if row[-1] is not None and row[-1] < before]
                if old:
                    params = [{**retention.key_of(table, row), "before": before} for row in old]
                    gone = retention.delete_old(table, column)
                    await self._db.write(statements.write((), (), gone, params))
                full = len(page) == retention.PAGE
                key = retention.key_of(table, page[-1]) if full else {}

    async def empty(self, before: str) -> int:
        """Erase what a few closed requests with ids below `before` asked, and their cards.

        How many; 0: there are no more, or another copy is at it. Call it until then.
        """
        return await self._db.locked(retention.empty(before), _RETIRE) or 0

    async def remove(self, before: str) -> int:
        """Delete a few closed requests with ids below `before`, receipts too; as `empty`."""
        return await self._db.locked(retention.remove(before), _RETIRE) or 0

    async def blank(self, before: Instant, now: Instant, *, org: str = ORG) -> int:
        """Erase the texts of a few sealed audit entries that are older; as `empty`."""
        return await self._db.locked(retention.blank_before(before, now, org), _RETIRE) or 0

    async def blank_entries(self, seqs: Sequence[int], *, org: str = ORG) -> None:
        """Erase the texts of these sealed audit entries; their commitments and links stay."""
        for start in range(0, len(seqs), retention.ENTRIES):
            some = seqs[start : start + retention.ENTRIES]
            await self._db.write(retention.blank(some, org))

    async def forget(
        self, person: str, known: Sequence[tuple[str, str]], *, org: str = ORG
    ) -> None:
        """Delete all that lets a person in or reaches them. `known`: channel, account each."""
        await self._db.write(retention.forget(person, known, org))

    async def sign_everybody_out(self) -> None:
        """Delete every session, sign-in link, personal token, linking code and grant."""
        await self._db.write(retention.sign_everybody_out())

    async def every_case(self, *, org: str = ORG) -> AsyncIterator[list[Case]]:
        """All that there are, the oldest first, some at a time."""
        after = ""
        while found := await self._read(
            retention.page_of_cases, org_=org, after_=after, most=retention.PAGE
        ):
            yield [rows.case(row) for row in found]
            after = found[-1][0]

    async def unname(self, ids: Sequence[str], person: str, *, org: str = ORG) -> None:
        """Take a person out of closed cases, and delete their cards of these."""
        for start in range(0, len(ids), retention.SOME):
            some = ids[start : start + retention.SOME]
            await self._db.write(retention.unname(some, person, org))

    async def _read(self, build: statements.Builder, **params: Any) -> Sequence[rows.Row]:
        return await self._db.read(statements.one(build, params))

    async def _case_rows(self, ids: Sequence[str]) -> dict[str, rows.Row]:
        """By id, without those that are older than what this process saw end."""
        read = {row[0]: row for row in await self._read(statements.cases_by_id, ids=list(ids))}
        if old := self._older(read.values()):
            # A read may begin before a commit and end after it. By now the commit can be read; only
            # what was written back is still old.
            again = await self._read(statements.cases_by_id, ids=old)
            read |= {row[0]: row for row in again}
            for one in self._older(read.values()):
                del read[one]
        return read

    def _older(self, read: Iterable[rows.Row]) -> list[str]:
        return [row[0] for row in read if self._ended.reopened(row[0], row[_VERSION])]

    async def _write(self, build: statements.Builder, **params: Any) -> Sequence[rows.Row]:
        return await self._db.write(statements.one(build, params))


async def _fits(driver: Driver) -> bool:
    """Did the newer version that made these tables leave to this one what it needs?"""
    noted = await driver.read(statements.one(statements.select_meta, {"key_": schema.FITS_KEY}))
    return bool(noted) and noted[0][0] <= schema.HEAD


def _sha(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
