"""Takes effects from the store and carries them out: posts and redraws cards, forwards verdicts.

Each channel has a lane of its own, so that a platform that is down delays only its own cards. A
job is leased, done, retried later with back-off, or parked when the other side refused for good.
Nothing is rendered until it is sent: a card always says what the case says now.
"""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Any, Final, Protocol, TypeAlias, TypeVar
from weakref import WeakValueDictionary

import structlog

from approvals import audit, buttons, cards, machine, reroute
from approvals.backoff import backoff
from approvals.budgets import Budgets
from approvals.evidence import Entry, rfc3339
from approvals.faces import Faces, Look
from approvals.lanes import Lanes, Outage
from approvals.model import (
    MINUTE,
    ORG,
    SECOND,
    Address,
    Busy,
    Button,
    Case,
    Difference,
    Duration,
    Instant,
    MessageRef,
    Refused,
    Request,
    Requester,
    Status,
)
from approvals.people import GIVEN_UP, GOOD
from approvals.port import Channel, Payload, Personal, Places
from approvals.proposal import ulid
from approvals.reroute import Failed
from approvals.service import Service
from approvals.store import FOUND, JOBS, TAPPED, CardRow, CardState, Job, Store, draw_job
from approvals.text import clean

log = structlog.get_logger()
T = TypeVar("T")
LEASE: Final[Duration] = 30 * SECOND
BATCH: Final = 64
AT_ONCE: Final = 8
"""Jobs of one platform that are under way together: what is taken must be sent within the lease."""
FINISH: Final = 3.0
"""Seconds that what is being sent has when the service ends."""
POLL: Final[Duration] = SECOND
"""How often an idle lane looks for jobs whose time has come; a commit wakes it at once."""
SOON: Final[Duration] = 20 * SECOND
"""The longest back-off of a card, half as much again with jitter. A platform that is back shows the
verdict within a minute: a call that still hangs takes 20 s at most, then this and a `POLL`."""
ATTEMPTS: Final = 2000
"""After so many failures (about half a day of back-off) a job is parked and shown."""
SLOW: Final[Duration] = 30 * MINUTE
"""The same for a verdict, for which nobody waits at a screen,"""
CARRIED: Final = 120
"""and whose carrier says when it is over: over a day, whatever the jitter."""
VETTED: Final[Duration] = 24 * 60 * MINUTE
"""How long an account's standing on its platform (no guest, no bot, not deleted) is believed."""
LAST: Final = 2**31 - 1
"""The version of a card after which none follows: a channel that cannot edit was told the end."""
STRANDED: Final[Duration] = 60 * MINUTE
"""How long a job is left to a copy that may know it: longer than copies differ while one after the
other is brought up to date."""
AHEAD: Final[Duration] = MINUTE
"""No job but a lapse is queued for later, so one that is due later than this was queued by a clock
that ran ahead and was set right."""
UNSEEN: Final[Duration] = 60 * MINUTE
"""As `AHEAD`, for jobs that were tried, when a copy starts and nobody saw whether a clock was set:
longer than any back-off of ours. A platform may have named a longer wait: it is asked once more."""
LONGEST_ID: Final = 1000
"""Characters. An index entry of PostgreSQL holds 2,704 bytes."""
CORE: Final = ""
"""The lane of jobs that need no platform."""


class Carrier(Protocol):
    """Takes closed cases' verdicts to a place of its own: a gateway that is asked, an endpoint."""

    async def carry(self, job: Job, case: Case, receipt: str | None) -> None:
        """Deliver this verdict. May be called again for one that was delivered (a crash came
        between), so it keeps its own note of what it began. `receipt` None: none may be signed.

        Raises `Busy` (again later; its `retry_after` holds for the lane), `Refused` (parked).
        """
        ...


Errand: TypeAlias = Callable[[Job], Awaitable[Sequence[Job]]]
"""Does a job and returns those that follow. Raises `Busy` (later) or `Refused` (parked)."""


class Outbox:
    """One worker: a lane for each channel, each carrier, and one for what needs no platform."""

    def __init__(
        self,
        store: Store,
        service: Service,
        channels: Mapping[str, Channel],
        look: Look,
        *,
        worker: str,
        clock: Callable[[], Instant],
        random: Callable[[int], bytes],
        steady: Callable[[], Instant],
        vetted: Callable[[], Awaitable[None]],
        lease: Duration = LEASE,
        carriers: Mapping[str, Carrier] | None = None,
        routes: Mapping[str, Sequence[str]] | None = None,
        errands: Mapping[str, Errand] | None = None,
        reporters: Collection[str] = (),
        altered: Callable[[str], None] = lambda channel: None,
        budgets: tuple[Budgets, Mapping[str, Requester]] | None = None,
        failed: Callable[[str], None] = lambda lane: None,
        posted: Callable[[Case], None] = lambda case: None,
    ) -> None:
        """`carriers` by lane; `routes`: the lanes that a requester's verdicts go to; `errands`: who
        carries out the kinds of jobs that are about no request; `reporters`: requesters that always
        say what they did, so that silence means that they did nothing. `budgets`: how many cards
        an agent may send to one person, with all requesters by name. `altered` is told of each
        card that its channel shows otherwise than it was sent, `failed` of each call to a platform
        that failed, by lane, `posted` of each case of which a card is out."""
        self._store = store
        self._service = service
        self._channels = channels
        self._look = look
        self.faces = Faces(store, service, look)
        self._worker = worker
        self._clock = clock
        self._random = random
        self._steady = steady
        self._vetted = vetted
        self._altered, self._failed, self._posted = altered, failed, posted
        self._lease = lease
        self._known: dict[tuple[str, str], tuple[Address, Instant]] = {}
        self.lanes = Lanes(clock, steady, random)
        self._together = WeakValueDictionary[tuple[str, str], asyncio.Lock]()
        self._ending = False
        self._asked_all = False
        self._offset: Instant | None = None  # of the clock that is set from the one that is not
        self._set_back: Duration = 0  # jobs that were tried and are due later are due now
        self._heard: set[str] = set()  # lanes that answered once, or failed us
        self._carriers = carriers or {}
        self._routes, self._reporters = routes or {}, frozenset(reporters)
        self._errands = errands or {}
        self._budgets = budgets
        self._kinds = JOBS | frozenset(self._errands)
        lanes = (CORE, *channels, *self._carriers)
        self._kicks = {target: asyncio.Event() for target in lanes}

    def kick(self) -> None:
        """There may be work: look now. Called after a commit, here or on another replica."""
        for event in self._kicks.values():
            event.set()

    async def run(self) -> None:
        """Work until cancelled; then what is being sent is finished first, for `FINISH` at most."""
        self._ending = False
        lanes = [asyncio.create_task(self._lane(target)) for target in self._kicks]
        try:
            await asyncio.wait(lanes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ending = True
            self.kick()
            try:
                await asyncio.wait(lanes, timeout=FINISH)
            finally:
                for lane in lanes:
                    lane.cancel()
                await asyncio.gather(*lanes, return_exceptions=True)

    async def drain(self, target: str) -> int:
        """Carry out what is due in one lane now; returns how many jobs were taken.

        Nothing is taken before the time until which the platform told us to wait.
        """
        if self.lanes.pause(target):
            return 0
        limit = BATCH if target == CORE else AT_ONCE
        if target in self.lanes.outages:
            limit = 1  # a probe: while it fails, whatever else waits is left where it is
        jobs = await self._store.claim(
            target, worker=self._worker, now=self._clock(), lease=self._lease, limit=limit,
            kinds=self._kinds,
        )  # fmt: skip
        forwards = [job for job in jobs if job.kind == "forward"]
        if forwards:
            await self._attempt(forwards, self._forward)
        redraws = [job for job in jobs if job.kind == "redraw"]
        if redraws:
            await self._attempt(redraws, self._fan_out)
        turns: dict[str | int, list[Job]] = {}
        for job in jobs:
            if job.kind not in ("forward", "redraw"):
                card = job.data.partition(" ")[0]
                turns.setdefault(card if job.kind == "draw" else job.id, []).append(job)
        await asyncio.gather(*map(self._in_turn, turns.values()))
        return len(jobs)

    async def sweep(self) -> None:
        """Park what no copy has taken for `STRANDED`: of a lane or a kind that nobody knows any
        more. A copy takes only what it can carry, so that one with an older file spoils nothing.

        What was queued while a clock ran ahead is due by that clock: it is due now."""
        now, kinds = self._clock(), self._kinds - {"lapse"}
        early = await self._store.hasten(now, now + AHEAD, kinds)
        # A sweep later, so that what was being sent when the clock was set is over.
        if self._set_back:
            late = await self._store.hasten(now, now + self._set_back, kinds, tried=True)
            early += late if self._set_back == AHEAD else 0  # at a start, nobody knows why
        offset, last = now - self._steady(), self._offset
        self._offset, back = offset, last is not None and offset < last - AHEAD
        self._set_back = UNSEEN if last is None else AHEAD if back else 0
        if early:
            log.warning("clock_was_ahead", jobs=early)
        before, lanes = now - STRANDED, tuple(self._kicks)
        for job_id, kind, request_id, lane in await self._store.stranded(
            before, lanes, self._kinds
        ):
            why = "no copy of the service carries this: it has no such lane or kind of job"
            entry = self._entry(audit.Kind.PARKED, request_id, job=kind, lane=lane, why=why)
            if await self._store.strand(job_id, before, now=now, error=why, entries=(entry,)):
                log.error("outbox_parked", kind=kind, lane=lane, why=why)

    async def _in_turn(self, jobs: Sequence[Job]) -> None:
        """One after the other: draws of one card would overtake each other, and where it cannot be
        edited the second found the first at work, took the end as told, and it never was."""
        for job in jobs:
            await self._attempt([job], self._carry)

    async def _asked(
        self, lane: str, ask: Callable[[], Awaitable[T]], conversation: str | None = None
    ) -> T:
        """One call to a platform. What it says of slowing down holds for its whole lane, or for
        this conversation."""
        self._open(lane, conversation)
        began = self._steady()
        try:
            answer = await ask()
            if not _storable(answer):
                raise Busy("not its own answer (an id)")
        except Refused:
            await self._answered(lane, conversation)
            raise
        except Exception as error:
            # An answer of a shape that its adapter does not know is none of the platform's.
            unread = Busy(f"not its own answer ({type(error).__name__})")
            busy = error if isinstance(error, Busy) else unread
            self._failed(lane)
            outage = self.lanes.failed(lane, busy, began=began, conversation=conversation)
            if lane not in self.lanes.outages:
                self._heard.discard(lane)  # the next answer looks up what was noted
            if outage is not None:
                self._heard.add(lane)  # whatever is noted from now on is ours
                log.error("platform_down", lane=lane, why=outage.why, since=rfc3339(outage.since))
                await self._told_of(lane, outage.since, audit.Kind.OUTAGE_BEGAN, why=outage.why)
            raise busy from error
        await self._answered(lane, conversation)
        return answer

    def _open(self, lane: str, conversation: str | None = None) -> None:
        """Raises `Busy` while it is to be left alone."""
        if pause := self.lanes.pause(lane, conversation):
            raise Busy(f"{lane} told us to wait, or does not answer", pause)

    async def _answered(self, lane: str, conversation: str | None) -> None:
        ended = self.lanes.answered(lane, conversation)
        if ended is None and lane not in self._heard:
            try:
                before = await self._before(lane)
            except Busy:
                return  # looked up again with the next answer
            ended = None if lane in self._heard else before  # another call was quicker
        self._heard.add(lane)
        if ended is not None:
            seconds = (self._clock() - ended.since) // SECOND
            log.warning("platform_back", lane=lane, seconds=seconds, failures=ended.failures)
            said = {"seconds": seconds, "failures": ended.failures}
            await self._told_of(lane, None, audit.Kind.OUTAGE_ENDED, **said)

    async def _before(self, lane: str) -> Outage | None:
        """An outage that was noted and is not over, as far as is noted: we were ended during it.
        Raises `Busy`."""
        since = await self._store.meta(_outage(lane))
        return Outage(int(since), 0, "", declared=True) if since and since.isdigit() else None

    async def _told_of(
        self, lane: str, since: Instant | None, kind: audit.Kind, **said: str | int
    ) -> None:
        """One entry for the beginning of an outage and one for its end, whichever copy saw it."""
        value = "" if since is None else str(since)
        try:
            await self._store.turn(
                _outage(lane), value, [self._entry(kind, None, lane=lane, **said)]
            )
        except Busy as error:  # the database is away as well: the log has it
            log.warning("outage_not_noted", lane=lane, why=str(error))
            self._heard.discard(lane)

    async def _lane(self, target: str) -> None:
        kicked, failing = self._kicks[target], False
        while not self._ending:
            kicked.clear()
            try:
                more, failing = await self.drain(target), False
                if more:
                    continue
            except Exception as error:  # most likely a database that is away: the lane lives on
                why = f"{type(error).__name__}: {error}"
                if not failing:  # once an outage
                    log.warning("outbox_lane_failed", lane=target, why=why)
                failing = True
            try:
                await asyncio.wait_for(kicked.wait(), POLL / 1000)
            except TimeoutError:
                continue

    async def _attempt(self, jobs: list[Job], work: Callable[[list[Job]], Awaitable[None]]) -> None:
        """Do it; on failure decide between later and never. Both are written down.

        The work takes out of `jobs` what it finished itself, and puts in a lease it renewed.
        """
        try:
            await work(jobs)
            if jobs:
                await self._store.done(jobs)
        except Busy as error:
            await self._later(jobs, str(error), error.retry_after)
        except Refused as error:
            await self._park(jobs, str(error))
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            log.error("outbox_job_failed", jobs=[job.kind for job in jobs], why=why)
            await self._later(jobs, type(error).__name__, None)

    async def _later(self, jobs: Sequence[Job], error: str, retry_after: Duration | None) -> None:
        for job in jobs:
            longest, most = (SLOW, CARRIED) if job.kind == "verdict" else (SOON, ATTEMPTS)
            if job.attempts >= most:
                await self._park([job], error)
                continue
            pause = backoff(job.attempts, first=SECOND, longest=longest, random=self._random)
            due = self._clock() + max(retry_after or 0, int(pause))
            await self._store.retry(job, due=due, error=error)

    async def _park(self, jobs: Sequence[Job], error: str) -> None:
        for job in jobs:
            log.error("outbox_parked", kind=job.kind, lane=job.target, why=error)
            entry = self._entry(
                audit.Kind.PARKED, job.request_id, job=job.kind, lane=job.target, why=error
            )
            await self._store.park(job, error=error, now=self._clock(), entries=(entry,))

    async def _carry(self, jobs: list[Job]) -> None:
        (job,) = jobs
        match job.kind:
            case "post":
                await self._post(jobs)
            case "draw":
                await self._draw(jobs)
            case "verdict":
                await self._deliver(job)
            case "lapse":
                await self._service.lapse(job.request_id)
            case errand if errand in self._errands:
                carry = self._errands[errand]
                then = await self._asked(job.target, lambda: carry(job))
                await self._store.done(jobs, then=then)
                jobs.clear()
                for follows in then:
                    self._kicks[follows.target].set()
            case other:
                raise Refused(f"unknown kind of job {other!r}: written by a newer version?")

    async def _forward(self, jobs: list[Job]) -> None:
        """Sign the receipts, which wakes whoever waits; deliver them, and redraw the cards."""
        ids = {job.request_id for job in jobs}
        if waiting := await self._service.conclude(list(ids)):
            ids -= waiting
            late = [job for job in jobs if job.request_id in waiting]
            jobs[:] = [job for job in jobs if job not in late]
            why = "a button key that is not here yet, or was revoked, sealed this case"
            await self._later(late, why, None)
        now = self._clock()
        watched = self._routes or self._reporters or self._budgets
        cases = await self._store.cases(list(ids)) if watched else {}
        verdicts = [
            Job("verdict", case.id, lane, now)
            for case in cases.values()
            for lane in self._routes.get(case.requester, ())
        ]
        lapses = [
            Job("lapse", case.id, CORE, machine.lapse_at(case))
            for case in cases.values()
            if case.status is Status.APPROVED and case.requester in self._reporters
        ]
        _, asking = self._budgets or (None, {})
        for case in cases.values():
            if case.requester in asking:
                await self._service.refused(case, asking[case.requester])
        await self._fan_out(jobs, [*verdicts, *lapses])

    async def _fan_out(self, jobs: list[Job], more: Sequence[Job] = ()) -> None:
        """One redraw for each card, in its channel's lane, and these jobs: those of all commit
        together, and with the jobs' own end."""
        now = self._clock()
        draws = [
            draw_job(card, now)
            for card in await self._store.cards_of(*{job.request_id for job in jobs})
            if card.state is CardState.POSTED
        ]
        await self._store.done(jobs, then=[*draws, *more])
        jobs.clear()
        self.kick()

    async def _deliver(self, job: Job) -> None:
        """The verdict goes where its requester wants it."""
        carrier = self._carriers.get(job.target)
        case = (await self._store.cases([job.request_id])).get(job.request_id)
        if carrier is None or case is None:
            raise Refused(f"there is nothing called {job.target!r} any more")
        receipt = await self._store.receipt(case.id)
        await self._asked(job.target, lambda: carrier.carry(job, case, receipt))

    async def _hold(self, jobs: list[Job]) -> bool:
        """Is the job still ours, and long enough? Slow calls before this may have used it up."""
        (job,) = jobs
        now = self._clock()
        if job.due_at - now > self._lease // 2:
            return True
        renewed = await self._store.renew(job, now + self._lease)
        jobs[:] = [renewed] if renewed else []
        return bool(renewed)

    async def _post(self, jobs: list[Job]) -> None:
        """Every attempt has a card and buttons of its own: one that got lost cannot be tapped."""
        (job,) = jobs
        case, request = await self._store.asked(job.request_id)
        channel = self._channels.get(job.target)
        if case is None or not case.open:
            return
        if request is None:
            raise Refused("the request's content was erased")
        to = json.loads(job.data)
        if to.get("revision", case.revision) != case.revision:
            return  # its revision has a card of its own to come
        if to.get("why") == "echo" and not await self._replaceable(to["instead"]):
            return
        try:
            if channel is None:
                raise Refused(f"the channel {job.target!r} is no longer configured")
            # One place may be several people's next way, or where several people's cards go.
            turn: AbstractAsyncContextManager[None] = nullcontext()
            if isinstance(channel, Places) or "onward" in to:
                turn = self._together.setdefault((case.id, channel.name), asyncio.Lock())
            async with turn:
                await self._post_to(jobs, case, request, channel, to)
        except Refused as error:
            if not await self._onward(jobs, case, to, error):
                raise

    async def _onward(
        self, jobs: list[Job], case: Case, to: Mapping[str, str | None], error: Refused
    ) -> bool:
        """Whom this entry of `via` cannot reach is asked by the next. False: there is none."""
        (job,) = jobs
        failed = Failed(job.target, to["room"], to["person"], str(error))
        then, entries = await reroute.onward(
            self._store, self._service.trust, case, failed,
            whom=to.get("onward"), now=self._clock(), random=self._random,
        )  # fmt: skip
        if not then:
            return False
        held = await self._store.end(job, entries, then=then)
        jobs.clear()
        if not held:
            log.warning("outbox_lease_lost", kind=job.kind, lane=job.target)
            return True
        for one in then:
            log.warning("card_rerouted", entry=failed.entry, to=one.target, why=failed.why)
            if one.target in self._kicks:
                self._kicks[one.target].set()
        return True

    async def _post_to(
        self,
        jobs: list[Job],
        case: Case,
        request: Request,
        channel: Channel,
        to: Mapping[str, Any],
    ) -> None:
        (job,) = jobs
        address = await self._address(channel, case, to)
        if isinstance(channel, Places):
            whom, place = address, channel.place
            address = await self._asked(channel.name, lambda: place(whom, request))
            person = whom.person if address.account == whom.account else None
            address = replace(address, person=person)
        own_room = to["room"] is not None and "onward" not in to
        shared = address.account is None and not own_room
        self._open(channel.name, address.conversation)  # before anything is written for it
        if "why" not in to and (wait := self._too_many(case, address.person)):
            await self._later(jobs, "its agent may send this person no more for now", wait)
            jobs.clear()
            return
        viewers = await self._viewers(channel, case, address.conversation, address.account)
        if not await self._hold(jobs):
            log.warning("outbox_lease_lost", kind=job.kind, lane=job.target)
            return
        now = self._clock()
        card_id = "crd_" + ulid(now, self._random(10))
        ring, stub = self._service.trust.ring, channel.name in self._look.stub
        reading, limits = await self.faces.reading(request), channel.limits
        what = self.faces.bound(case, request, reading)
        labels = cards.labels_for(
            case, request, reading, channel.abilities, limits, stub=stub, what=what
        )
        # One for the card: the page of a link has the other buttons, too.
        tail = urlsafe_b64encode(self._random(15)).decode() if channel.abilities.links else ""
        minted = [
            buttons.mint(
                ring,
                self._random(16),
                card_id=card_id,
                case=case,
                label=label,
                address=address,
                tail=tail,
            )
            for label in labels
        ]
        tappable = [Button(stored.binding.label, token) for stored, token in minted]
        card = await self.faces.card(case, request, channel, tappable, address.person, what)
        payload, drawn = self.faces.payload(channel, card, viewers)
        offered = {button.token for button in drawn}
        row = CardRow(
            card_id,
            case.id,
            case.revision,
            channel.name,
            address.conversation,
            address.account,
            address.person,
            message=None,
            echo=None,
            echo_next=None,
            drawn=case.version,
            instead=to.get("instead") if to.get("why") == "echo" else None,
        )
        where = {"channel": channel.name, "conversation": address.conversation, "card": card_id}
        if not await self._store.add_card(
            row,
            # What is not drawn is not there for a reaction or a typed token either.
            [stored for stored, token in minted if token in offered],
            (self._entry(audit.Kind.CARD_POSTING, case.id, person=address.person, **where),),
            instead=to.get("instead"),
            # What a copy that died was posting stands in for nothing once its job is due again.
            since="crd_" + ulid(now - self._lease // 2, bytes(10)),
            once=shared,
        ):
            if shared and not await self._stands(row):
                raise Busy("another card is just being posted there")
            return  # it stands there, or another tap on the same altered card was faster
        try:
            ref = await self._asked(
                channel.name, lambda: channel.post(address, payload, card_id), address.conversation
            )
        except Exception as error:
            # Refused, or nobody knows: if it did arrive, its buttons are worth nothing.
            failed = self._entry(audit.Kind.CARD_FAILED, case.id, why=type(error).__name__, **where)
            await self._store.fail_card(card_id, (failed,))
            raise
        # The case may have changed meanwhile, and nobody redraws a card that is being posted: the
        # store orders a draw with the message then.
        altered, entries = self._otherwise(row, ref.altered)
        await self._store.bind_message(
            card_id,
            ref.message,
            (self._entry(audit.Kind.CARD_POSTED, case.id, message=ref.message, **where), *entries),
            echo=self._seal(channel, card_id, ref.message, payload),
            altered=altered,
            done=jobs,
        )
        jobs.clear()
        self._posted(case)

    async def _stands(self, row: CardRow) -> bool:
        """Is a card of this request there already that everybody there sees?"""
        return any(
            card.state is CardState.POSTED
            and (card.channel, card.conversation, card.account, card.revision)
            == (row.channel, row.conversation, None, row.revision)
            for card in await self._store.cards_of(row.request_id)
        )

    def _too_many(self, case: Case, person: str | None) -> Duration:
        """For how long this card waits, so that no agent floods a person. A room has no limit."""
        budgets, by = self._budgets or (None, {})
        whose = by.get(case.requester)
        if budgets is None or whose is None or person is None:
            return 0
        return budgets.card(whose, case.agent, person)

    async def _draw(self, jobs: list[Job]) -> None:
        """Make one card say what its case says now."""
        (job,) = jobs
        card_id, _, again = job.data.partition(" ")
        if again.startswith(FOUND):
            await self._found(job, card_id, again.removeprefix(FOUND))
        row = await self._store.card(card_id)
        case = (await self._store.cases([job.request_id])).get(job.request_id)
        channel = self._channels.get(job.target)
        if row is None or case is None or row.message is None:
            return
        if row.drawn >= case.version and not (again and channel and channel.abilities.edit):
            return
        if channel is None:
            raise Refused(f"the channel {job.target!r} is no longer configured")
        request = await self._store.content(case.id, row.revision)
        if request is None:
            raise Refused("the request's content was erased")
        edit = channel.abilities.edit
        if case.open and row.revision == case.revision and not edit:
            return  # one more message would say nothing that its page does not
        self._open(channel.name, row.conversation)
        shown, card = await self.faces.again(row, case, request, channel)
        viewers = await self._viewers(channel, shown, row.conversation, row.account)
        payload, drawn = self.faces.payload(channel, card, viewers)
        gone = await self._gone(row, drawn) if shown.open and row.altered is None else []
        where = {"channel": row.channel, "conversation": row.conversation, "card": row.id}
        intent = self._entry(audit.Kind.CARD_REDRAWING, case.id, version=case.version, **where)
        sealed = self._seal(channel, row.id, row.message, payload)
        await self._store.drawing(row.id, sealed, (intent,), without=gone)
        ref = MessageRef(row.channel, row.conversation, row.message)
        now_at = await self._asked(
            channel.name, lambda: channel.redraw(ref, payload), row.conversation
        )
        found: Sequence[Difference] = now_at.altered if now_at is not None else ()
        moved = None
        if now_at is not None and now_at.message != row.message:  # it had to be posted again
            moved = (now_at.message, self._seal(channel, row.id, now_at.message, payload))
            where["message"] = now_at.message
        entry = self._entry(audit.Kind.CARD_REDRAWN, case.id, version=case.version, **where)
        if row.state is not CardState.POSTED:  # nothing on it counts, nor follows
            await self._store.append([entry])
            return
        version = case.version if edit else LAST
        await self._store.drawn(row.id, version, (entry,), done=jobs, moved=moved)
        jobs.clear()
        # At the end there is no tap left to be trusted; and what is known is not told again.
        if found and card.status is Status.PENDING and row.altered is None:
            altered, entries = self._otherwise(row, found)
            await self._store.alter(row.id, altered or "", entries)
            self._kicks[channel.name].set()

    async def _gone(self, row: CardRow, drawn: Sequence[Button]) -> list[bytes]:
        """The buttons that a posted card offers no more. They end: a reaction, or a token that
        somebody kept, would choose what nobody is shown."""
        kept = {buttons.lookup(one.token) for one in drawn}
        known = [stored.lookup for stored in await self._store.buttons_of(row.id)]
        return [one for one in known if row.state is CardState.POSTED and one not in kept]

    async def _found(self, job: Job, card_id: str, message: str) -> None:
        """A press, proven by a genuine button, named the message of a card that got lost when a
        copy died between the post and the note of it. It is ours then, unless another card's."""
        row, channel = await self._store.card(card_id), self._channels.get(job.target)
        if row is None or row.state is CardState.POSTED or not (channel and channel.abilities.edit):
            return
        if await self._store.card_by_message(row.channel, row.conversation, message) is None:
            where = {"channel": row.channel, "conversation": row.conversation, "card": row.id}
            entry = self._entry(audit.Kind.CARD_FOUND, row.request_id, message=message, **where)
            await self._store.adopt(card_id, message, (entry,))

    def _otherwise(
        self, row: CardRow, found: Sequence[Difference]
    ) -> tuple[str | None, tuple[Entry, ...]]:
        """Where the platform shows another card than was sent, and what is kept of that; None: it
        shows the same. Law 7: what a person sees there is not what we know, so no tap approves."""
        if not found:
            return None, ()
        # A path holds names of fields, and those come from the other side.
        where = clean(found[0].path)[:200]
        return where, (self._told(row, where),)

    def _told(self, row: CardRow, where: str) -> Entry:
        """Counted, logged, and for the audit."""
        self._altered(row.channel)
        log.warning("card_altered", channel=row.channel, request=row.request_id, where=where)
        more = {"channel": row.channel, "card": row.id, "where": where}
        return self._entry(audit.Kind.CARD_ALTERED, row.request_id, **more)

    async def _replaceable(self, card_id: str) -> bool:
        """A tap showed that this card was altered: it is drawn again, without Approve. May another
        be posted in its place? Once per cause: not where it stands in for such a card itself."""
        row = await self._store.card(card_id)
        if row is None or row.altered not in (None, TAPPED):
            return False
        if row.altered is None:
            await self._store.alter(row.id, TAPPED, (self._told(row, TAPPED),))
        return row.instead is None

    def _seal(self, channel: Channel, card_id: str, message: str, payload: Payload) -> str:
        """What a tap on this message has to fit; the database alone cannot say it of another."""
        echo = channel.echo(payload) or ""
        return buttons.seal(self._service.trust.ring, buttons.CARD, card_id, message, echo)

    async def _viewers(
        self, channel: Channel, case: Case, conversation: str, account: str | None
    ) -> Sequence[str]:
        if not isinstance(channel, Personal):
            return ()
        ask = self.faces.viewers
        return await self._asked(channel.name, lambda: ask(channel, case, conversation, account))

    async def _address(self, channel: Channel, case: Case, to: Mapping[str, str | None]) -> Address:
        """Where the card goes. Whoever may tap it is first vouched for by the platform."""
        if to["room"] is None:
            return await self._vet(channel, to["account"] or "", to["person"])
        # Those called in later too: the card is there already when they are.
        for person in self._service.trust.directory.approvers(case.ask, True):
            account = person.accounts.get(channel.name)
            if account is None and channel.abilities.open_by_email:
                account = person.email
            if account is not None:
                try:
                    await self._vet(channel, account, person.id)
                except Refused as error:
                    log.warning("approver_refused_by_platform", person=person.id, why=str(error))
        return Address(channel.name, to["room"])

    async def _vet(self, channel: Channel, account: str, person: str | None) -> Address:
        """The platform's word on an account, asked anew once a day."""
        known = self._known.get((channel.name, account))
        directory = self._service.trust.directory
        named = directory.person(person or "")
        # The job is a row like any other: it may not say who somebody is, the configuration does.
        grounds = directory.grounds(channel.name, account, person or "")
        if (
            named is None
            or not grounds
            or account not in (named.accounts.get(channel.name), *grounds)
        ):
            raise Refused(f"{account!r} is not the account of {person!r}")
        asked = grounds[0]
        # An account that is not known any more (its key was revoked, its row lost) is asked again.
        if (
            known
            and self._clock() - known[1] < VETTED
            and directory.by_account(channel.name, known[0].account or account)
        ):
            return replace(known[0], person=person)
        # No platform can say whose a number is by now: a code can.
        row = await self._store.account(channel.name, account)
        if (
            row is not None
            and row.standing == GIVEN_UP
            and directory.by_account(channel.name, account) is None
        ):
            raise Refused(f"{account!r} was given up by {person!r}: link it by a code")
        try:
            address = await self._asked(channel.name, lambda: channel.open(account))
        except Refused as why:
            await self._keep(channel.name, account, person, str(why), asked)
            await self._vetted()
            raise
        owner = directory.by_account(channel.name, address.account or account)
        if owner is not None and owner.id != named.id:
            raise Refused(f"{account!r} of {person!r} is the account of {owner.id!r} there")
        await self._keep(channel.name, address.account or account, person, GOOD, asked)
        self._known[channel.name, account] = (address, self._clock())
        await self._vetted()
        return replace(address, person=person)

    async def ask_again(self) -> None:
        """Ask about configured accounts of bad standing: at the start, then each once a day.

        No card goes to such an account, so that nothing else would ever ask about it.
        """
        now, directory = self._clock(), self._service.trust.directory
        before, busy = (now - VETTED if self._asked_all else now), False
        for row in await self._store.accounts():
            channel = self._channels.get(row.channel)
            if row.standing == GOOD or channel is None or row.vetted_at > before:
                continue
            if row.account not in directory.grounds(row.channel, row.account, row.person or ""):
                continue
            try:
                await self._vet(channel, row.account, row.person)
            except (Refused, Busy) as error:
                log.warning("account_still_barred", channel=row.channel, why=str(error))
                busy |= isinstance(error, Busy)
        self._asked_all |= not busy

    async def _keep(
        self, channel: str, account: str, person: str | None, standing: str, asked: str
    ) -> None:
        """`asked`: the words of the configuration for which the platform named this account."""
        now, ring = self._clock(), self._service.trust.ring
        known = (channel, account, person, standing, now)
        seal = buttons.seal(ring, buttons.ACCOUNT, ORG, *known, asked)
        await self._store.put_account(*known, seal=seal)

    def _entry(self, kind: audit.Kind, about: str | None, **content: str | int | None) -> Entry:
        return audit.entry(kind, self._clock(), self._random, about, **content)


def _outage(lane: str) -> str:
    return f"outage {lane}"


def _storable(answer: object) -> bool:
    """Could a platform have given these ids, and can both databases keep them?"""
    match answer:
        case MessageRef(message=str(id)) | Address(conversation=str(id)):
            return 0 < len(id) <= LONGEST_ID and id.isprintable()
        case MessageRef() | Address():
            return False
    return True
