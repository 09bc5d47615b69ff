"""The use cases that change a case: open, revise, withdraw, report, tap, decide, tick.

Every change goes one way: load the case, let a pure function decide, commit with compare-and-set,
and go round again if somebody was faster. All that queues while one commit runs shares the next
one (group commit), and nobody is answered before what he did is durable.

A tap passes three checks, in this order, none implied by another: the token proves the button, the
platform's proof says who pressed it, and `policy.may` says whether they may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

from approvals import audit, buttons, machine, policy, refusals, words
from approvals.evidence import SKEW, Entry, ReceiptKey, frame, receipt_claims, sign_receipt
from approvals.model import (
    MINUTE,
    Case,
    Choice,
    Conflict,
    Instant,
    Outcome,
    Person,
    Refused,
    Request,
    Requester,
    Status,
    Vote,
)
from approvals.notices import (
    ALTERED,
    EARLY,
    INVALID,
    NEWER,
    OVER,
    STALE,
    TAMPERED,
    UNOFFERED,
    UNTRUSTED,
    WHY,
    notice_of,
)
from approvals.packs import RuleBook
from approvals.people import Directory, audiences
from approvals.port import Abilities, Notice, NoticeKind, Tap
from approvals.proposal import Proposal, Ulids, draft, ulid
from approvals.reading import Reading
from approvals.readings import Readings, held
from approvals.store import (
    CardRow,
    CardState,
    Change,
    Job,
    Press,
    Store,
    again_job,
    draw_job,
    found_job,
    post_job,
)
from approvals.text import clean
from approvals.turns import Decision, Row, Turns


class NotFound(Exception):
    """There is no such request, or it is not the caller's to see: the two are not told apart."""


class Mismatch(Exception):
    """An idempotency key came back with another body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What to tell the person. `counted`: this very act is now a committed vote.

    `conflict`: what they decided on is not what is asked now.
    """

    notice: Notice
    case: Case | None = None
    counted: bool = False
    conflict: bool = False


REMEMBERED: Final = 10 * MINUTE
"""For how long a refusal is the answer to the same request, for who joins."""
SEEN_PENDING: Final = 100
OVERTAKES: Final = (0.1, 0.2, 0.4, 0.0)
"""Seconds after which a card is looked for again: somebody may be faster than the answer to its
post."""
UNANSWERED: Final = MINUTE
"""After this nobody waits for the answer to a post: longer than a lease and a call together."""
_AFTER: Final = (audit.Kind.REQUEST_REPORTED, audit.Kind.REQUEST_LAPSED)
COUNTED_ALREADY: Final = Answer(Notice(NoticeKind.CLOSED, "This was counted already."))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Act:
    """How a person acts. `event`: what the platform calls it, which counts once."""

    channel: str
    way: policy.Way
    reason: str | None = None
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """Everything a decision rests on besides the store, as values that are swapped as one."""

    policy: policy.Policy
    directory: Directory
    ring: buttons.KeyRing
    book: RuleBook = field(default_factory=RuleBook)
    channels: Mapping[str, Abilities] = field(default_factory=dict)


class Service:
    """Decides, one batch at a time. `trust` may be replaced while running (a key, a person)."""

    def __init__(
        self,
        store: Store,
        trust: Trust,
        *,
        key: ReceiptKey,
        issuer: str,
        clock: Callable[[], Instant],
        random: Callable[[int], bytes],
        readings: Readings,
        committed: Callable[[Sequence[Case]], None] = lambda cases: None,
    ) -> None:
        self.trust = trust
        self.readings = readings
        self.head: str | None = None
        """The newest sealed chain head ("seq:hash"); the sealer keeps it fresh."""
        self.holders: Mapping[str, Callable[[Case], Awaitable[None]]] = {}
        """By requester: asks the gateway that holds an open case's request whether it still does,
        and withdraws the case where not. Such a gateway holds it for minutes, and nobody joins."""
        self._store = store
        self._key = key
        self.issuer = issuer
        self._clock = clock
        self._random = random
        self._ids = Ulids()
        self._turns = Turns(store, clock, committed)

    async def run(self) -> None:
        """Commit what queues, until cancelled. Every process that decides runs this once."""
        await self._turns.run()

    # What requesters do

    async def open(
        self, by: Requester, proposal: Proposal, idempotency: tuple[str, str] | None = None
    ) -> tuple[Case, bool]:
        """Open a case. `idempotency`: key and body hash. Returns the case and whether it is new.

        Raises `Refused` for an agent id that is not this requester's, ValueError for what cannot
        be digested, `Mismatch` for a known idempotency key with another body.
        """
        reading = await self._read(proposal)
        now = self._clock()
        request, step = self._opened(by, proposal, reading, now)
        if step.case.open and (why := await refusals.lately(self._store, by, request, now)):
            step = machine.transition(step.case, machine.Denied(now, why), self.head)
        change = replace(
            self._change(None, step, now, audit.Kind.REQUEST_OPENED, request=request),
            audiences=audiences(step.case, by, request),
            idempotency=(by.name, *idempotency) if idempotency else None,
        )
        if await self._turns.take(lambda row, now: Decision(True, change), duplicate=False):
            return change.case, True
        assert idempotency is not None  # noqa: S101 - only a known key is turned away
        known = await self._store.idempotent(by.name, idempotency[0])
        if known is None:
            raise Conflict("the first request with this key is just being opened; try again")
        if known[0] != idempotency[1]:
            raise Mismatch(idempotency[0])
        return await self.own(by, known[1]), False

    async def revise(self, by: Requester, request_id: str, proposal: Proposal) -> Case:
        """Ask for something else under the same id: a new revision, and votes start anew."""
        old = await self.own(by, request_id)
        reading, now = await self._read(proposal), self._clock()
        request, step = self._opened(by, proposal, reading, now, old)
        new = step.case
        refused: str | None = new.reason or ""
        if new.open:
            refused = await refusals.lately(self._store, by, request, now)

        def event(now: Instant) -> machine.Event:
            return machine.Revised(now, new) if refused is None else machine.Denied(now, refused)

        return await self._own_event(by, request_id, event, audit.Kind.REQUEST_REVISED, request)

    async def withdraw(self, by: Requester, request_id: str, reason: str | None = None) -> Case:
        """The agent hung up. Raises `Conflict` once decided."""
        event = lambda now: machine.Withdrawn(now, reason)  # noqa: E731 - one line, like `report`
        return await self._own_event(by, request_id, event, audit.Kind.REQUEST_WITHDRAWN)

    async def report(self, by: Requester, request_id: str, outcome: Outcome) -> Case:
        """The gateway says what happened. Raises `Conflict` unless approved and not yet known."""
        event, kind = machine.Reported(outcome), audit.Kind.REQUEST_REPORTED
        return await self._own_event(by, request_id, lambda now: event, kind)

    async def lapse(self, request_id: str) -> None:
        """Its receipt has expired: where no outcome was reported, nobody collected the verdict."""

        def turn(row: Row, now: Instant) -> Decision[None]:
            if not isinstance(row, Case):
                return Decision(None)
            step = machine.transition(row, machine.Lapsed(now), self.head)
            if step.said is not machine.Said.DONE:
                return Decision(None)
            return Decision(None, self._change(row, step, now, audit.Kind.REQUEST_LAPSED))

        await self._turns.take(turn, duplicate=None, case=request_id)

    async def join(
        self, by: Requester, proposal: Proposal, *, sent: str | None = None
    ) -> tuple[Case, bool]:
        """Open a case, or give back the identical one of the same agent that is pending or was just
        decided; and whether it is new. `sent`: a digest of all that it sent; then only one that is
        pending, on the same terms and with the same words beside it. Raises as `open`."""
        reading, now = await self._read(proposal), self._clock()
        request, step = self._opened(by, proposal, reading, now)
        who, digest = request.agent.id, request.digest
        pending = await self._store.page(
            status=Status.PENDING, requester=by.name, agent=who, limit=SEEN_PENDING
        )
        for case in pending:
            if case.digest == digest and (
                sent is None or await self._same(case, step.case, request)
            ):
                return case, False
        # Each case is the key of the one that may follow it: of many that come at once one opens.
        framed = ("countersign/join/1", who, digest, *([] if sent is None else [sent]))
        first = f"join {now // (60 * MINUTE)} {sha256(frame(*framed)).hexdigest()}"
        key = await self._store.last_key(by.name, first) or first
        while True:
            case, new = await self.open(by, proposal, (key, digest))
            joins = case.open if sent is not None else self._joinable(case, now)
            if new or (joins and case.digest == digest):  # it may have been revised
                return case, new
            key = f"{first} {case.id}"

    async def _same(self, case: Case, new: Case, request: Request) -> bool:
        """Would this new request be asked of the same people, for as long, with the same words?"""
        old = await self._store.content(case.id, case.revision)
        lasts, would_last = case.expires_at - case.created_at, new.expires_at - new.created_at
        if old is None or case.ask != new.ask or lasts != would_last:
            return False
        return replace(request, id=old.id, created_at=old.created_at) == old

    def _joinable(self, case: Case, now: Instant) -> bool:
        since = now - (case.decided_at or now)
        match case.status:
            case Status.APPROVED:
                return case.outcome is None and since < case.ask.release_within
            case Status.DECLINED:
                return since < REMEMBERED
            case _:
                return case.open

    async def refused(self, case: Case, by: Requester) -> None:
        """A closed case: where people declined it, the same is refused for a while."""
        if case.status is not Status.DECLINED:
            return
        request = await self._store.content(case.id, case.revision)
        if request is not None:
            await refusals.remember(self._store, case, request, by, self._clock())

    async def own(self, by: Requester, request_id: str) -> Case:
        """A requester's own case; anybody else's is `NotFound`."""
        case = (await self._store.cases([request_id])).get(request_id)
        if case is None or case.requester != by.name:
            raise NotFound(request_id)
        return case

    async def _read(self, asked: Proposal) -> Reading:
        """Before the queue, so that a large request holds up nobody's tap."""
        http = held(asked.http, summary=asked.summary)
        return await self.readings.of(http, asked.payload, self.trust.book.dialect(http))

    # What people do

    async def decide(
        self,
        person: Person,
        request_id: str,
        choice: Choice,
        digest: str,
        reason: str | None,
        *,
        way: policy.Way,
        channel: str = "web",
        event: str | None = None,
    ) -> Answer:
        """A person decides without a button: on our own page or command line, or by a typed code.

        `digest`: of what they were shown. `event`: what the platform calls what they wrote, which
        counts once. Raises `NotFound`.
        """

        def judge(row: Row, now: Instant) -> Decision[Answer]:
            if not isinstance(row, Case):
                raise NotFound(request_id)
            if row.digest != digest:
                away = self._turned_away(row.id, STALE, person.id, channel, "digest", now)
                return replace(away, answer=replace(away.answer, case=row, conflict=True))
            act = _Act(channel=channel, way=way, reason=reason, event=event)
            return self._vote(row, person, choice, act, now)

        if self.holders:
            await self._held((await self._store.cases([request_id])).get(request_id))
        return await self._turns.take(judge, duplicate=COUNTED_ALREADY, case=request_id)

    async def granted(self, person: Person, about: Case, grant: str, until: Instant) -> Answer:
        """A vote that was given in advance, until then; the grant is used up with it, once."""
        act = _Act(channel="grant", way=policy.Page(fresh=False), event=grant)

        def judge(row: Row, now: Instant) -> Decision[Answer]:
            if not isinstance(row, Case) or row.digest != about.digest or now >= until:
                return self._turned_away(about.id, STALE, person.id, "grant", "late", now)
            return self._vote(row, person, Choice.APPROVE, act, now)

        return await self._turns.take(judge, duplicate=COUNTED_ALREADY, case=about.id)

    async def tap(self, tap: Tap) -> Answer:
        """An account proven by its platform pressed a button."""
        lookup = buttons.lookup(tap.token)
        if self.holders:
            (press,) = await self._store.presses([(lookup, f"{tap.channel}:{tap.event}")])
            await self._held(press.case if press else None)
        return await self._turns.take(
            lambda row, now: self._tapped(row, tap, now),
            duplicate=COUNTED_ALREADY,
            press=(lookup, f"{tap.channel}:{tap.event}"),
        )

    async def tap_on(self, tap: Tap) -> Answer | None:
        """A tap by message and choice. None: that message is no card of ours, and nothing is said.

        The message says which card it is; what is then judged is a tap on that card's own button.
        """
        where = (tap.channel, tap.conversation)
        for wait in OVERTAKES:
            # Before the card, which may be bound between the two.
            since = "crd_" + ulid(self._clock() - UNANSWERED, bytes(10))
            posting = await self._store.posting(*where, since)
            card = await self._store.card_by_message(*where, tap.message or "")
            if card is not None or not posting:
                break
            await asyncio.sleep(wait)  # it may be the one whose post is not answered yet
        if card is None:
            # It was posted again meanwhile: who reacts to the old one is told of the new one.
            card = await self._store.card_by_former(*where, tap.message or "")
        if card is None:
            return None
        ring, request_id = self.trust.ring, card.request_id
        for stored in await self._store.buttons_of(card.id):
            if stored.binding.choice is tap.choice and stored.binding.kid in ring.keys:
                return await self.tap(replace(tap, token=buttons.token_of(ring, stored)))

        def unoffered(row: Row, now: Instant) -> Decision[Answer]:
            who, channel = tap.account, tap.channel
            return self._turned_away(request_id, UNOFFERED, who, channel, "choice", now)

        return await self._turns.take(unoffered, duplicate=COUNTED_ALREADY)

    async def _held(self, case: Case | None) -> None:
        """Before somebody decides: a request that has gone is not decided, its case says so."""
        ask = self.holders.get(case.requester) if case is not None and case.open else None
        if case is not None and ask is not None:
            await ask(case)

    async def tick(self, limit: int = 500) -> int:
        """Tell the cases whose time has come that it has. Returns how many changed."""

        def turn(row: Row, now: Instant) -> Decision[bool]:
            if not isinstance(row, Case):
                return Decision(False)
            step = machine.transition(row, machine.Ticked(now), self.head)
            if step.said is not machine.Said.DONE:
                return Decision(False)
            return Decision(True, self._change(row, step, now, audit.Kind.REQUEST_TICKED))

        due = await self._store.due(self._clock(), limit)
        turns = [self._turns.take(turn, duplicate=False, case=case) for case in due]
        return sum(await asyncio.gather(*turns))

    async def conclude(self, ids: Sequence[str]) -> set[str]:
        """Sign the receipts of closed cases, from what is stored, once and for all.

        The row alone is not believed: each vote must carry its MAC, and they must fill the quorum.
        Where they do not, somebody wrote into the database: no receipt, and an alarm. Returns those
        that wait for a button key, not here yet or revoked: nobody else waits with them.
        """
        receipts, entries, waiting = list[tuple[str, str]](), list[Entry](), set[str]()
        for case in (await self._store.cases(ids)).values():
            if case.open:
                continue
            kids = {case.seal.partition(":")[0], *(vote.kid for vote in case.votes)}
            if case.status is Status.APPROVED and not kids <= self.trust.ring.keys.keys():
                waiting.add(case.id)
            elif case.status is Status.APPROVED and not self._earned(case):
                entries.append(self._entry(audit.Kind.TAMPERED, self._clock(), case.id))
            else:
                claims = receipt_claims(case, issuer=self.issuer)
                receipts.append((case.id, sign_receipt(self._key, claims)))
        await self._store.put_receipts(receipts)
        if entries:
            await self._store.append(entries)
        return waiting

    def _earned(self, case: Case) -> bool:
        votes, at = case.votes, case.decided_at or 0
        whole = all(v.choice is Choice.APPROVE and v.revision == case.revision for v in votes)
        # The receipt runs from the last vote: any other time would revive what has run out.
        filled = policy.filled(case.ask.quorum, votes) and votes[-1].at == at
        return whole and filled and self._untouched(case, at)

    def _untouched(self, case: Case, now: Instant) -> bool:
        """Has nobody but us written what a yes rests on: the terms, the votes, the escalation?"""
        ring, late, by = self.trust.ring, case.ask.escalate, now + SKEW  # by another copy's clock
        due = not case.escalated or (late is not None and case.created_at + late.after <= by)
        votes = all(buttons.vote_genuine(ring, case, v) for v in case.votes)
        return due and votes and buttons.case_genuine(ring, case)

    # How a tap is judged

    def _tapped(self, row: Row, tap: Tap, now: Instant) -> Decision[Answer]:
        ring, who = self.trust.ring, tap.account
        if not isinstance(row, Press):
            return self._turned_away(None, INVALID, who, tap.channel, "token", now)
        case, card, stored = row.case, row.card, row.stored

        def refuse(why: str, say: str = INVALID, *, alert: bool = False) -> Decision[Answer]:
            decision = self._turned_away(case.id, say, who, tap.channel, why, now)
            if not alert:
                return decision
            if case.open:
                return replace(decision, jobs=(again_job(case, card, now, why),))
            # An old client, most likely: what it shows is drawn again.
            told = Answer(Notice(NoticeKind.REFUSED, OVER))
            return replace(decision, answer=told, jobs=(draw_job(card, now, again=True),))

        if row.seen:
            return replace(refuse("repeated"), answer=COUNTED_ALREADY)
        fault = buttons.mismatch(
            stored, case, channel=tap.channel, conversation=tap.conversation, account=who
        )
        if not buttons.genuine(ring, stored, tap.token) or fault:
            return refuse(fault or "mac", STALE if fault == "revision" else INVALID)
        choice, label = stored.binding.choice, stored.binding.label
        channel = self.trust.channels[tap.channel]
        echo = tap.echo if channel.echo else ""
        tier = policy.tap_tier(
            channel.tier,
            token=tap.choice is None,
            message=tap.message is not None,
            names_message=channel.names_message,
            alone=stored.binding.addressee is not None,
        )
        if tier is None:
            if choice is not Choice.DECLINE:
                return refuse("message")
        elif card.state is CardState.POSTING:
            # Overtaken by this tap; or we died before the platform's answer, and post another.
            # By then no copy that lives waits for that answer any more.
            found = _found(card, tap, now + UNANSWERED)
            return replace(refuse("posting", EARLY), again=True, jobs=found)
        elif card.state is not CardState.POSTED:
            lost = refuse("message", NEWER, alert=True)
            if card.message is not None:
                return lost
            return replace(lost, jobs=(*lost.jobs, *_found(card, tap, now)))
        elif tap.message not in (card.message, None):
            if tap.message == card.former:
                return refuse("message", NEWER)
            # While it is redrawn, this may be the message as which it is just posted again.
            return replace(refuse("message", alert=True), again=card.echo_next is not None)
        elif card.altered is not None:
            # The platform shows another card than we sent. A Decline token can only ever decline,
            # whatever stands around it: a mistaken press ends in a refusal, as all doubt does.
            if choice is not Choice.DECLINE:
                return refuse("altered", UNTRUSTED)
        elif not self._sent(card, echo):
            return refuse("echo", ALTERED, alert=True)
        if tap.stranger:
            return refuse(tap.stranger, f"You cannot approve here: {tap.stranger}.")
        person = self.trust.directory.by_account(tap.channel, who)
        if person is None:
            return refuse("unknown account", "You are not an approver of this request.")
        reasons, ready = case.ask.reasons, None
        if tap.ready is not None:
            if choice is not Choice.DECLINE or not 0 <= tap.ready < len(reasons):
                return refuse("reason")
            ready = reasons[tap.ready]
        if label.prompts and tap.reason is None and ready is None and case.open:
            may = policy.may(person, case, choice, policy.Tap(tier))
            if isinstance(may, policy.Seats) and now < case.expires_at:
                ask = Notice(NoticeKind.ASK_REASON, WHY, tuple(map(clean, reasons)))
                return Decision(Answer(ask, case))
        why = words.declining(ready, tap.reason)
        act = _Act(channel=tap.channel, way=policy.Tap(tier), reason=why, event=tap.event)
        decision = self._vote(case, person, choice, act, now)
        # Their client still shows the buttons, and may never get our word: it is drawn again.
        late = () if case.open else (draw_job(card, now, again=True),)
        return replace(decision, jobs=(*decision.jobs, *late))

    def _sent(self, card: CardRow, echo: str | None) -> bool:
        """Is this what we last sent, or are just sending, as this very message?"""
        return echo is not None and any(
            buttons.sealed(self.trust.ring, proof, buttons.CARD, card.id, card.message, echo)
            for proof in (card.echo, card.echo_next)
        )

    def _vote(
        self, case: Case, person: Person, choice: Choice, act: _Act, now: Instant
    ) -> Decision[Answer]:
        """The common end of every road to a vote: `may`, the machine, the change."""
        may = policy.may(person, case, choice, act.way)
        if choice is Choice.APPROVE and case.open and not self._untouched(case, now):
            may = policy.No(TAMPERED)
        if isinstance(may, policy.No):
            return self._turned_away(case.id, may.why, person.id, act.channel, may.why, now)
        unseen = choice is Choice.APPROVE and not case.complete
        how = (act.channel, case.revision, now, act.reason, unseen)
        vote = Vote(person.id, choice, may.groups, *how)
        sealed = buttons.seal_vote(self.trust.ring, case, vote)
        step = machine.transition(case, machine.Voted(sealed), self.head)
        notice = notice_of(step, choice, person.id, self.trust.directory.names)
        if step.case is case:
            late = self._turned_away(case.id, notice.text, person.id, act.channel, "late", now)
            return replace(late, answer=Answer(notice, case))
        counted = step.said is machine.Said.DONE
        kind = audit.Kind.VOTE if counted else audit.Kind.REQUEST_EXPIRED
        seen = f"{act.channel}:{act.event}" if act.event and counted else None
        change = self._change(case, step, now, kind, seen, by=person.id, via=act.channel)
        return Decision(Answer(notice, step.case, counted), change)

    def _turned_away(
        self, case: str | None, notice: str, who: str, channel: str, why: str, now: Instant
    ) -> Decision[Answer]:
        """A refusal consumes nothing, and is remembered."""
        entry = self._entry(audit.Kind.REFUSED, now, case, who=who, channel=channel, why=why)
        return Decision(Answer(Notice(NoticeKind.REFUSED, notice)), entries=(entry,))

    # How a change is made

    def _opened(
        self,
        by: Requester,
        asked: Proposal,
        reading: Reading,
        now: Instant,
        old: Case | None = None,
    ) -> tuple[Request, machine.Step]:
        """The request and the first step of its case; `old`: what it revises."""
        trust = self.trust
        made = draft(
            by,
            asked,
            reading,
            trust.policy,
            trust.book,
            request_id=old.id if old else "req_" + self._ids.next(now, self._random(10)),
            revision=old.revision + 1 if old else 1,
            now=now,
        )
        request, case = made.request, made.case
        if not all(map(trust.directory.person, case.barred)):
            raise Refused("on_behalf_of names nobody known here, so four eyes cannot be kept")
        reason = made.refused or self._unanswerable(case, old)
        if reason is not None:
            return request, machine.transition(case, machine.Denied(now, reason), self.head)
        return request, machine.opened(case)

    def _unanswerable(self, case: Case, old: Case | None) -> str | None:
        """Why nobody could ever approve this, for the agent; None where somebody could."""
        # A revision keeps the time of its first opening, and never a later deadline.
        since, until = case.created_at, case.expires_at
        if old is not None:
            since, until = old.created_at, min(old.expires_at, until)
        people = self.trust.directory.people()
        why = policy.nobody(case.ask, people, case.barred, wait=until - since)
        if why is None:
            return None
        unclear = " and ".join(map(repr, case.ask.also))
        doubt = (
            f" It is unclear whether {unclear} applies too, so its approvers must approve as well."
        )
        return f"Nobody may approve this: {why}.{doubt if unclear else ''}"

    async def _own_event(
        self,
        by: Requester,
        request_id: str,
        event: Callable[[Instant], machine.Event],
        kind: audit.Kind,
        request: Request | None = None,
    ) -> Case:
        def turn(row: Row, now: Instant) -> Decision[Case | None]:
            if not isinstance(row, Case) or row.requester != by.name:
                raise NotFound(request_id)
            if request is not None and request.revision != row.revision + 1:
                raise Conflict("it was revised at the same time; try again")
            step = machine.transition(row, event(now), self.head)
            change = None
            if request is not None and step.case.revision == request.revision:
                change = self._change(row, step, now, kind, request=request)
                change = replace(change, audiences=audiences(step.case, by, request))
            elif step.case is not row:  # denied, or too late: the old request is what it is about
                declined = step.case.status is Status.DECLINED
                late = audit.Kind.REQUEST_DECLINED if declined else audit.Kind.REQUEST_EXPIRED
                change = self._change(row, step, now, kind if request is None else late)
            return Decision(step.case if step.said is machine.Said.DONE else None, change)

        case = await self._turns.take(turn, duplicate=None, case=request_id)
        if case is None:
            raise Conflict("it is already decided, or its outcome is already known")
        return case

    def _change(
        self,
        before: Case | None,
        step: machine.Step,
        now: Instant,
        kind: audit.Kind,
        seen: str | None = None,
        *,
        request: Request | None = None,
        **said: Any,
    ) -> Change:
        """One change, with everything that must be durable together with it."""
        case = step.case
        if request is not None and request.revision == case.revision:
            case = buttons.seal_case(self.trust.ring, case)
        wake: Instant | None = None
        jobs: list[Job] = []
        for effect in step.effects:
            match effect:
                case machine.Wake(at):
                    wake = at
                case machine.Redraw() if case.open or kind in _AFTER:
                    jobs.append(Job("redraw", case.id, "", now))
                case machine.Forward():  # and redraw: one row to write while somebody waits
                    jobs.append(Job("forward", case.id, "", now))
                case machine.Post(to):
                    jobs += self._posts(case, now, to)
                case machine.Notify():
                    jobs += self._posts(case, now, None, silent=[v.person for v in case.votes])
        vote = case.votes[-1] if kind is audit.Kind.VOTE else None
        if vote is not None:
            said.update(choice=vote.choice, reason=vote.reason, seal=vote.mac[:32])
        if request is not None:
            said.update(requester=case.requester, agent=case.agent, action=request.action)
            said.update(rule=case.ask.rule, policy=case.ask.policy, risk=case.ask.risk)
            if case.ask.also:
                said.update(also=case.ask.also)
        if case.outcome is not None and kind is audit.Kind.REQUEST_REPORTED:
            said.update(delivered=case.outcome.delivered, http_status=case.outcome.status)
        said.update(status=case.status, revision=case.revision)
        said.update(digest=case.digest, version=case.version)
        entry = self._entry(kind, now, case.id, **said)
        what = ((entry,), tuple(jobs), seen, request)
        version = before.version if before else None
        return Change(case, version, *what, wake_at=wake if case.open else None)

    def _posts(
        self, case: Case, now: Instant, to: str | None, silent: Sequence[str] = ()
    ) -> list[Job]:
        directory = self.trust.directory
        available = {name: has.open_by_email for name, has in self.trust.channels.items()}
        asked = directory.groups.get(to, frozenset()) if to else None
        return [
            post_job(case, d.channel, now, person=d.person, account=d.account, room=d.room)
            for d in directory.destinations(case.ask, available, escalated=case.escalated)
            if d.person not in silent and (not asked or d.person is None or d.person in asked)
        ]

    def _entry(self, kind: audit.Kind, at: Instant, about: str | None, **content: Any) -> Entry:
        return audit.entry(kind, at, self._random, about, **content)


def _found(card: CardRow, tap: Tap, due: Instant) -> tuple[Job, ...]:
    """The job that looks after the message that a press named, if it named one."""
    return () if tap.message is None else (found_job(card, tap.message, due),)
