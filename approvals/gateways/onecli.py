"""OneCLI 2.x: polling it for held requests, and sending it the verdicts.

Laws, each a test:

1. Nothing is opened twice or decided twice, however many replicas poll; a request is stored before
   its first card goes out, and found again after a restart of either side.
2. A request that is not ours, that nobody could be asked about, or that expired is left alone: no
   `deny` is ever sent for it. Another consumer may own it.
3. A verdict rests on what we sealed and signed, is sent while it is valid and not within a second
   of the request; the audit chain has its intent before it, and its result after it.
4. What became of it is never guessed: if OneCLI's answer does not say, card and chain say so.
5. A OneCLI that is down, slow, lying or that refuses our key delays only its own requests.
6. While a card is out, it is checked every second whether somebody else decided the request or its
   agent left, and once more before a person's decision counts.

Two loops for each workspace: `watch` waits for new requests, `reconcile` lists all and finds those
that are gone. The API is that of `apps/gateway/crates/server/src/lib.rs` and `crates/approval` of
https://github.com/onecli/onecli, as its own SDK uses it (npm, @onecli-sh/sdk, `approvals`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import structlog

from approvals import audit, buttons, cards, grants
from approvals.backoff import backoff
from approvals.evidence import verify_receipt
from approvals.gateways import onecli_rows as rows
from approvals.model import (
    SECOND,
    Busy,
    Case,
    Conflict,
    Duration,
    Instant,
    Outcome,
    Refused,
    Requester,
    Status,
)
from approvals.port import reason
from approvals.proposal import Proposal
from approvals.service import Mismatch, NotFound, Service
from approvals.store import Job, Store

log = structlog.get_logger()
YOUNG: Final[Duration] = SECOND
"""OneCLI's clustered store loses verdicts on younger requests."""
CLOSE: Final[Duration] = 3 * SECOND
"""A request that is gone this near to its deadline has expired: OneCLI counts whole seconds."""
PATIENT: Final = 4
"""A list that takes this many times as long as usual is empty."""
GRACE: Final = 0.05
"""Seconds that a poll still gets, at least, after OneCLI answered another call; then it is held."""
EXCLUDED: Final = 200
"""Ids that a poll names at most: the length of an address is limited."""
ANSWER: Final = 64 * 1024
"""Bytes of an answer to a verdict that are read."""
PASSED_ON: Final = "passed on to OneCLI"
PROBABLY: Final = "unknown, probably delivered"
NOT_HELD: Final = "unknown, OneCLI did not hold it any more"
NO_ANSWER: Final = "unknown, OneCLI did not answer"
NOT_SENT: Final = "never passed on, OneCLI could not be reached in time"
GONE: Final = (
    "OneCLI no longer holds it: the agent left, OneCLI was restarted, or somebody else decided. "
    "Nothing was sent from here."
)
CHANGED: Final = "OneCLI says something else of it now. Nothing was sent from here."


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `watch`: a poll for news is abandoned then, since a wake-up may have been missed.

    OneCLI answers at once if it holds anything, so a list that takes longer than usual is empty if
    OneCLI lives. "Usual" is measured, between `brief` and `list`. `every`: between two lists while
    a card is out. `rest`: after an empty answer. `barred`: after a 401. `first`, `slowest`: bounds
    of the back-off. `answer`: for a verdict or a probe. `tap`: for the whole check before a
    decision, for which a person waits.
    """

    watch: float = 10.0
    list: float = 5.0
    brief: float = 0.4
    every: float = 0.75
    tap: float = 0.8
    rest: float = 0.5
    barred: float = 60.0
    first: float = 1.0
    slowest: float = 30.0
    answer: float = 5.0


@dataclass(frozen=True, slots=True)
class Seat:
    """One workspace of a OneCLI. `name`: the gateway's, which may have several workspaces."""

    name: str
    requester: Requester
    url: str
    key: str = field(repr=False)
    workspace: str | None = None
    pace: Pace = Pace()


class OneCli:
    """One gateway and workspace: two loops, and the carrier of its verdicts."""

    def __init__(
        self,
        seat: Seat,
        service: Service,
        store: Store,
        *,
        keys: Sequence[Mapping[str, str]],
        issuer: str,
        clock: Callable[[], Instant],
        random: Callable[[int], bytes],
        opened: Callable[[Case], None] = lambda case: None,
    ) -> None:
        """`keys`: the public halves of the keys that receipts are believed by."""
        self.seat = seat
        self.lane = f"onecli:{seat.requester.name}"
        self._service = service
        self._store = store
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._random = random
        self._opened = opened
        self._http: aiohttp.ClientSession | None = None
        self._prefix = "/v1"
        self._loop_time: Callable[[], float] = asyncio.get_running_loop().time
        self._good = self._loop_time()
        self._barred_until = 0.0
        self._refused = False
        self._failing = 0
        """Loops whose last turn failed."""
        self._where = {"gateway": seat.name, "requester": seat.requester.name}
        self._known: set[str] = set()
        """Ids that we have handled and that may still be held: all others are new."""
        self._ids: dict[str, str] = {}
        """Case → OneCLI's id, of open cases."""
        self._live = asyncio.Event()
        self._usual: float | None = None
        """Seconds in which it lists what we know, lately."""

    # What others ask

    @property
    def fault(self) -> str | None:
        """Why this gateway keeps us from being ready, as a sentence; None: it does not."""
        return f"OneCLI {self.seat.name!r} refuses our key." if self._refused else None

    def age(self) -> float:
        """Seconds since OneCLI last answered a poll as it should."""
        return self._loop_time() - self._good

    async def close(self) -> None:
        """Give back connections."""
        if self._http is not None:
            await self._http.close()

    # The two loops

    async def watch(self) -> None:
        """Ask for news until cancelled."""
        await self._for_ever(self._news)

    async def reconcile(self) -> None:
        """List all, at the start and while anything is live, until cancelled."""
        await self._for_ever(self._all)

    async def _for_ever(self, turn: Callable[[], Awaitable[Awaitable[object]]]) -> None:
        """Take turns; each gives what to await before the next. However many loops fail, and
        however often, an outage is one line in the log, and so is its end."""
        failures = 0
        while True:
            await asyncio.sleep(max(0.0, self._barred_until - self._loop_time()))
            try:
                rest = await turn()
            except (Busy, Refused) as error:
                failures += 1
                wait = self._back_off(failures)
                self._failing += failures == 1
                if failures == self._failing == 1:
                    again = round(wait, 1)
                    log.warning("onecli_poll_failed", **self._where, why=str(error), again_in=again)
                await asyncio.sleep(wait)
                continue
            if failures:
                failures, self._failing = 0, self._failing - 1
                if not self._failing:
                    log.info("onecli_polled_again", **self._where)
            await rest

    def _back_off(self, failures: int) -> float:
        pace = self.seat.pace
        wait = backoff(failures - 1, first=pace.first, longest=pace.slowest, random=self._random)
        return min(pace.slowest, max(pace.first, wait))

    async def _news(self) -> Awaitable[object]:
        known = sorted(self._known)[:EXCLUDED]
        reply = await self._poll(known, self.seat.pace.watch)
        before = len(self._known)
        await self._take(reply)
        # An early empty answer, or more than it can be asked to leave out.
        early = reply is not None and len(self._known) == before
        return asyncio.sleep(self.seat.pace.rest if early else 0)

    async def _all(self) -> Awaitable[object]:
        """List everything once. A case that was open before and is not listed is gone."""
        open_cases = await self._open_cases()
        reply = await self._listed()
        await self._take(reply)
        if reply is None:  # held: it was empty, if a second look finds the same
            reply = await self._listed() or rows.Reply(())
            await self._take(reply)
        for case in open_cases:
            id = await self._id_of(case)
            if id is not None and id not in reply.ids:
                await self._gone(case)
        self._known &= reply.ids
        for case_id in self._ids.keys() - {case.id for case in open_cases}:
            if self._ids[case_id] not in reply.ids:
                del self._ids[case_id]
        if self._known:
            return asyncio.sleep(self.seat.pace.every)
        self._live.clear()
        return self._live.wait()

    async def _listed(self) -> rows.Reply | None:
        """All that is held; None: the poll is held, as it is when there is nothing."""
        pace, began = self.seat.pace, self._loop_time()
        usual = self._usual
        limit = pace.list if usual is None else min(pace.list, max(pace.brief, PATIENT * usual))
        reply = await self._poll((), limit)
        # A list with something new in it may have waited for that.
        if reply is not None and reply.ids and reply.ids <= self._known:
            self._usual = max(self._loop_time() - began, 0.8 * (usual or 0.0))
        return reply

    async def look(self, case: Case) -> None:
        """Check that it is still held, before a decision. If OneCLI is away, nothing changes."""
        id = await self._id_of(case)
        try:
            async with asyncio.timeout(self.seat.pace.tap):
                reply = await self._listed() or rows.Reply(())
        except (TimeoutError, Busy, Refused):
            return
        if id is not None and id not in reply.ids:
            await self._gone(case)

    async def _open_cases(self) -> list[Case]:
        found: list[Case] = []
        before: str | None = None
        by = self.seat.requester.name
        while True:
            page = await self._store.page(
                status=Status.PENDING, requester=by, before=before, limit=200
            )
            found += page
            if len(page) < 200:
                return found
            before = page[-1].id

    async def _id_of(self, case: Case) -> str | None:
        if case.id not in self._ids:
            content = await self._store.content(case.id, case.revision)
            facts = content.facts if content is not None else ()
            id = next((fact.value for fact in reversed(facts) if fact.label == rows.LABEL), None)
            if id is None:
                return None
            self._ids[case.id] = id
        return self._ids[case.id]

    async def _gone(self, case: Case, why: str = GONE) -> None:
        """It is not held any more: withdraw it, unless it is about to expire anyway."""
        if why == GONE:
            if case.expires_at - self._clock() <= CLOSE:
                return
            self._known.discard(self._ids.get(case.id, ""))  # listed again, it is asked again
        with suppress(Conflict, NotFound):  # decided meanwhile: the verdict's road says the rest
            await self._service.withdraw(self.seat.requester, case.id, why)

    # What is held becomes a request

    async def _take(self, reply: rows.Reply | None) -> None:
        if reply is None:
            return
        fresh = [row for row in reply.rows if row.id is None or row.id not in self._known]
        claimed = {row.id for row in fresh if row.id is not None}
        self._known |= claimed  # the other loop may just be reading the same
        try:
            done = await asyncio.gather(*(self._row(row, reply) for row in fresh))
        except BaseException:
            self._known -= claimed
            raise
        self._known -= {row.id for row, ok in zip(fresh, done, strict=True) if row.id and not ok}
        if self._known:
            self._live.set()

    async def _row(self, row: rows.Row | rows.Bad, reply: rows.Reply) -> bool:
        """Open a case for it. False: look at the row again; one that nobody can be asked about
        counts as handled."""
        seat = self.seat
        if isinstance(row, rows.Bad):
            await self._left_alone(row.id, row.why)
            return row.id is not None
        if None not in (seat.workspace, row.workspace) and seat.workspace != row.workspace:
            return True  # another workspace's, and another seat's business
        try:
            asked = rows.proposal(row, reply)
            case, new = await self._opened_once(row, asked)
        except Mismatch:
            await self._changed(row.id)
        except Refused as error:
            await self._left_alone(row.id, str(error))
        except ValueError as error:
            await self._left_alone(row.id, f"it cannot be bound: {error}")
        except Conflict:
            return False  # another copy is just opening it
        else:
            self._ids[case.id] = row.id
            if new:
                self._opened(case)
            await grants.use(self._service, self._store, case, now=self._clock())
        return True

    async def _opened_once(self, row: rows.Row, asked: Proposal) -> tuple[Case, bool]:
        """The case about it, and whether it is new. If an earlier case was withdrawn as gone, and
        the request is listed again, a new case is opened."""
        key, print_ = f"onecli:{row.id}", rows.fingerprint(row)
        while True:
            case, new = await self._service.open(self.seat.requester, asked, (key, print_))
            if case.status is not Status.WITHDRAWN or case.reason != GONE:
                return case, new
            key = _after(row.id, case.id)

    async def _left_alone(self, id: str | None, why: str) -> None:
        """Nobody can be asked. We don't refuse it: it expires, or another consumer decides."""
        log.warning("onecli_left_alone", gateway=self.seat.name, id=id, why=why)
        await self._note(audit.Kind.GATEWAY_LEFT_ALONE, None, id=id, why=why)

    async def _changed(self, id: str) -> None:
        """The id now has another request than the one that people were shown."""
        log.error("onecli_changed", gateway=self.seat.name, id=id)
        await self._note(audit.Kind.GATEWAY_CHANGED, None, id=id)
        key = f"onecli:{id}"
        while known := await self._store.idempotent(self.seat.requester.name, key):
            for case in (await self._store.cases([known[1]])).values():
                await self._gone(case, CHANGED)
            key = _after(id, known[1])

    # The verdict

    async def carry(self, job: Job, case: Case, receipt: str | None) -> None:
        """Send the verdict (an `approvals.outbox.Carrier`). Nothing is sent for expired and
        withdrawn cases."""
        if case.status not in (Status.APPROVED, Status.DECLINED):
            return
        id, now, approve = await self._sealed_id(case), self._clock(), _approved(case)
        if (young := case.created_at + YOUNG - now) > 0:
            await asyncio.sleep(min(young, YOUNG) / SECOND)
        begun = await self._begun(case)
        last = (case.decided_at or 0) + case.ask.release_within
        if now >= (last if approve else case.expires_at + CLOSE):
            words = NO_ANSWER if begun else NOT_SENT
            await self._result(case, words, delivered=None if begun or not approve else False)
            return
        if approve:
            verify_receipt(
                receipt or "",
                self._keys,
                issuer=self._issuer,
                audience=case.requester,
                subject=case.id,
                digest=case.digest,
                now=now,
            )
        if (pause := self._barred_until - self._loop_time()) > 0:
            raise Busy("OneCLI refuses our key", int(pause * SECOND))
        await self._tell(case, id, begun=begun)

    async def _sealed_id(self, case: Case) -> str:
        """OneCLI's id of the request, from what we sealed, not from what OneCLI lists now."""
        content = await self._store.content(case.id, case.revision)
        if content is None:
            raise Refused("its content was erased")
        genuine = buttons.case_genuine(self._service.trust.ring, case)
        if not genuine or cards.altered(case, content):
            raise Refused("what is stored of it was altered")
        return next(fact.value for fact in reversed(content.facts) if fact.label == rows.LABEL)

    async def _begun(self, case: Case) -> bool:
        """Was a verdict on it sent before, as far as anybody can know?"""
        kinds = [entry.kind for entry in await self._store.history(case.id)]
        return kinds.count(audit.Kind.VERDICT_SENDING) > kinds.count(audit.Kind.VERDICT_UNSENT)

    async def _tell(self, case: Case, id: str, *, begun: bool, again: bool = True) -> None:
        decision = "approve" if _approved(case) else "deny"
        await self._note(audit.Kind.VERDICT_SENDING, case.id, id=id, decision=decision)
        path, body = f"/approvals/{id}/decision", json.dumps({"decision": decision}).encode()
        try:
            async with asyncio.timeout(self.seat.pace.answer):
                status, _, raw = await self._ask("POST", path, body, most=ANSWER)
        except aiohttp.ClientConnectorError as error:
            await self._note(audit.Kind.VERDICT_UNSENT, case.id, why=type(error).__name__)
            raise Busy("OneCLI cannot be reached") from None
        except (TimeoutError, aiohttp.ClientError, Refused) as error:  # Refused: it has no end
            await self._note(audit.Kind.VERDICT_UNANSWERED, case.id, why=type(error).__name__)
            raise Busy("OneCLI did not answer") from None
        if not _own(status, raw):
            await self._note(audit.Kind.VERDICT_UNANSWERED, case.id, http_status=status)
            raise Busy(f"OneCLI gave no answer to the verdict ({status})")
        if status == 200:
            await self._result(case, PASSED_ON, status=status)
        elif status in (404, 410):
            await self._result(case, PROBABLY if begun else NOT_HELD, status=status)
        else:  # it says that it did nothing
            await self._note(audit.Kind.VERDICT_UNSENT, case.id, http_status=status)
            if status == 400 and again:
                self._other_prefix()
                return await self._tell(case, id, begun=begun, again=False)
            if status == 401:
                await self._bar()
                raise Busy("OneCLI refuses our key", int(self.seat.pace.barred * SECOND))
            if status in (408, 425, 429):
                raise Busy(f"OneCLI answered {status}")
            words = f"OneCLI refused the verdict ({status})"
            await self._result(case, words, delivered=False if _approved(case) else None)
            raise Refused(words)
        return None

    async def _result(
        self, case: Case, words: str, *, delivered: bool | None = None, status: int | None = None
    ) -> None:
        """Record the result in the chain, and on the cards unless it is a decline that arrived."""
        await self._note(audit.Kind.VERDICT_RESULT, case.id, said=words, http_status=status)
        if _approved(case) or words != PASSED_ON:
            outcome = Outcome(delivered, self._clock(), status if status == 200 else None, words)
            with suppress(Conflict):  # it is known already
                await self._service.report(self.seat.requester, case.id, outcome)

    # Talking to OneCLI

    async def _poll(self, exclude: Sequence[str], limit: float) -> rows.Reply | None:
        """What is held, except `exclude`. None: a live OneCLI held the poll for `limit` seconds.

        Raises `Busy` for a failed call, `Refused` for an unreadable reply.
        """
        query = "?exclude=" + ",".join(exclude) if exclude else ""
        for _ in range(2):
            answering = asyncio.Event()
            asked = asyncio.create_task(
                self._ask("GET", f"/approvals/pending{query}", most=rows.LARGEST, begun=answering)
            )
            try:
                await asyncio.wait((asked,), timeout=limit)
                if not asked.done() and await self._keeps_waiting(asked, answering):
                    self._well()
                    return None
                status, date, raw = await asked
            except aiohttp.ClientError as error:
                raise Busy(reason(error)) from None
            finally:
                asked.cancel()
                await asyncio.wait((asked,))
                if not asked.cancelled():
                    asked.exception()  # of no more use, or raised above
            if status != 400:
                break
            self._other_prefix()
        if status == 401:
            await self._bar()
            raise Busy("it refuses our key")
        if status != 200:
            raise Busy(f"it answered {status}")
        try:
            reply = rows.read(raw, date)
        except ValueError as error:
            raise Refused(str(error)) from None
        self._well()
        return reply

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        most: int,
        begun: asyncio.Event | None = None,
    ) -> tuple[int, str | None, bytes]:
        """Status, date and body of an answer. `begun` is set when it begins to come."""
        if self._http is None:
            self._http = aiohttp.ClientSession(
                auto_decompress=False,  # what we did not ask for could be a bomb
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.seat.pace.answer),
            )
        headers = {"Authorization": f"Bearer {self.seat.key}", "Accept-Encoding": "identity"}
        if self.seat.workspace is not None:
            headers["X-Workspace-Id"] = headers["X-Project-Id"] = self.seat.workspace
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self.seat.url}{self._prefix}{path}"
        # A redirect could carry the key elsewhere.
        async with self._http.request(
            method, url, data=body, headers=headers, allow_redirects=False
        ) as answer:
            if begun is not None:
                begun.set()
            raw = b""
            while chunk := await answer.content.read(65_536):
                raw += chunk
                if len(raw) > most:
                    raise Refused(f"its answer has more than {most} bytes")
            return answer.status, answer.headers.get("Date"), raw

    async def _keeps_waiting(self, asked: asyncio.Task[Any], answering: asyncio.Event) -> bool:
        """Does a live OneCLI hold this poll? It stays open during the probe: if OneCLI or we had
        been stalled, its answer arrives together with that of the probe."""
        if not answering.is_set():
            began = self._loop_time()
            await self._alive()
            await asyncio.wait((asked,), timeout=max(GRACE, self._loop_time() - began))
        if asked.done():
            return False
        if answering.is_set():
            raise Busy("its answer did not end")
        return True

    async def _alive(self) -> None:
        """Probe OneCLI; any answer will do. Raises `Busy` if there is none."""
        try:
            async with (
                asyncio.timeout(self.seat.pace.answer),
                aiohttp.ClientSession() as http,
                http.get(f"{self.seat.url}/healthz", allow_redirects=False),
            ):
                return
        except (TimeoutError, aiohttp.ClientError) as error:
            raise Busy(f"it does not answer: {reason(error)}") from None

    def _other_prefix(self) -> None:
        """Before May 2026 the prefix was `/api`; unknown routes are answered with 400."""
        self._prefix = "/api" if self._prefix == "/v1" else "/v1"

    def _well(self) -> None:
        self._good, self._refused = self._loop_time(), False

    async def _bar(self) -> None:
        """OneCLI refuses our key: pause, and report it once."""
        now = self._loop_time()
        first, self._barred_until = now >= self._barred_until, now + self.seat.pace.barred
        self._refused = True
        if first:
            log.error("onecli_key_refused", gateway=self.seat.name)
            await self._note(audit.Kind.GATEWAY_KEY_REFUSED, None)

    async def _note(self, kind: audit.Kind, about: str | None, **content: Any) -> None:
        """An entry for the audit chain."""
        content["gateway"] = self.seat.requester.name
        entry = audit.entry(kind, self._clock(), self._random, about, **content)
        await self._store.append([entry])


def _after(id: str, case_id: str) -> str:
    """The idempotency key of the case that follows one which was taken for gone."""
    return f"onecli:{id} {case_id}"


def _own(status: int, raw: bytes) -> bool:
    """Is this OneCLI's answer to a verdict? It says in JSON that it took it or has it no more; a
    proxy or a portal in between does not."""
    if status not in (200, 404, 410):
        return status in (400, 401, 408, 415, 422, 425, 429)
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        return False
    name, kind = ("success", bool) if status == 200 else ("error", str)
    return isinstance(said, dict) and isinstance(said.get(name), kind) and bool(said[name])


def _approved(case: Case) -> bool:
    return case.status is Status.APPROVED
