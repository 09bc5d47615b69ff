"""Requests that wait for a verdict, whichever of their agent's connections wait for it (law 28).

A ticket is one held request: its bytes on the shelf, its case at the service, and the connections
that wait for it. The laws:

1. An identical request of the same agent joins the ticket of the first; the service is asked once.
2. The held bytes are sent, by one connection, once; the others get a copy of the answer.
3. A connection that ends takes nothing with it: the ticket stays for `rejoin_within`, and a refusal
   or an answer that came meanwhile is for the next try. Then its case is withdrawn.
4. A ticket is on the shelf before the service knows of it, and until nobody can ask for it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import h11
import structlog
from cryptography.exceptions import InvalidTag

from approvals.audit import RecordKind
from approvals.backoff import backoff
from approvals.evidence import digest_http
from approvals.model import SECOND, Refused
from approvals.proxy.ask import WAIT, Approvals, Away, Slower, settled, unreachable
from approvals.proxy.clients import alike
from approvals.proxy.rules import Outbound
from approvals.proxy.settings import Holding
from approvals.proxy.shelf import Shelf
from approvals.proxy.wire import PIECE, Patience, Problem
from approvals.words import NOTHING_RUN

T = TypeVar("T")
INLINE: Final = 16 * 1024
"""Bytes of a body that stay in memory while it is held; a larger one lies on the disk alone."""
LARGE: Final = 2
"""Large bodies that are read from disk and sent to the service at the same time."""
COPY: Final = 1024 * 1024
"""Bytes of an answer that are kept for an agent that asks again."""
_CLOSED: Final = ("approved", "declined", "expired", "withdrawn")


@dataclass(slots=True)
class Copy:
    """An answer as the agent gets it, for another connection. `pieces` None: it was too large;
    `taken`: its first connection received all of it."""

    head: h11.Response
    pieces: list[bytes] | None = field(default_factory=list, repr=False)
    taken: bool = False
    size: int = 0

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > COPY:
            self.pieces = None
        if self.pieces is not None:
            self.pieces.append(piece)


Result: TypeAlias = "Problem | Copy"

Note: TypeAlias = Callable[[RecordKind, Mapping[str, Any]], object]
"""Adds a row to the gateway's record."""


class Ticket:
    """One held request. `seen.body` None: it is on the shelf."""

    def __init__(
        self, id_: str, key: bytes, seen: Outbound, question: Mapping[str, Any], digest: str
    ) -> None:
        self.id, self.key, self.seen, self.question = id_, key, seen, question
        self.digest, self.size = digest, len(seen.body or b"")
        self.request = ""
        self.expires: float | None = None
        self.rejoin: float | None = None
        """Seconds, as the service's answer says."""
        self.case: Mapping[str, Any] | None = None
        self.result: Result | None = None
        self.trouble: Problem | None = None
        self.line: list[object] = []  # places of those who wait, oldest first
        self.sender: object | None = None
        self.collected = False
        self.decided: float | None = None
        """When it was decided, by the loop's clock."""
        self.timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None
        self.fresh = asyncio.Event()  # somebody joined: do not pause
        self._moved: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def move(self) -> None:
        """Wake those who wait."""
        moved, self._moved = self._moved, asyncio.get_running_loop().create_future()
        moved.set_result(None)

    async def turn(self, place: object) -> Result | None:
        """The result; None: `place` is to send what is held. `Problem`: it cannot go on now."""
        while True:
            if self.result is not None:
                return self.result
            if self.trouble is not None:
                raise self.trouble
            # The youngest connection sends: older ones may have been given up without our noticing.
            approved = self.case is not None and self.sender is None
            if approved and self.line and self.line[-1] is place:
                self.sender = place
                return None
            await asyncio.shield(self._moved)

    def record(self) -> dict[str, Any]:
        """Everything needed to go on after a restart, except a large body."""
        sent = asdict(self.seen)
        if sent["body"] is not None:
            sent["body"] = base64.b64encode(sent["body"]).decode()
        about = {"key": self.key.hex(), "size": self.size, "request": self.request}
        return {**about, "question": self.question, "digest": self.digest, "seen": sent}


def _about(ticket: Ticket) -> dict[str, Any]:
    """The members of a row that tie it to the service's chain."""
    return {"agent": ticket.seen.agent, "digest": ticket.digest, "request": ticket.request}


def _restored(id_: str, raw: bytes) -> Ticket:
    it = json.loads(raw)
    sent = it["seen"]
    if sent["body"] is not None:
        sent["body"] = base64.b64decode(sent["body"])
    sent["headers"] = tuple((name, value) for name, value in sent["headers"])
    seen = Outbound(**sent)
    ticket = Ticket(id_, bytes.fromhex(it["key"]), seen, it["question"], it["digest"])
    ticket.size, ticket.request = it["size"], it["request"]
    return ticket


class Holdings:
    """All tickets of a gateway."""

    def __init__(
        self, folder: Path, limits: Holding, approvals: Approvals, patience: Patience,
        note: Note,
    ) -> None:  # fmt: skip
        self._shelf, self._limits, self._patience = Shelf(folder), limits, patience
        self._approvals, self._note = approvals, note
        self._tickets: dict[bytes, Ticket] = {}
        self._count, self._bytes = Counter[str](), Counter[str]()
        self._large = asyncio.Semaphore(LARGE)
        self._closing = False
        for id_, raw in self._shelf.records():
            ticket = _restored(id_, raw)
            self._add(ticket)
            self._run(ticket)
            self._left(ticket)

    def __len__(self) -> int:
        return len(self._tickets)

    @property
    def bytes(self) -> int:
        """The size of all held bodies."""
        return self._bytes.total()

    async def enter(
        self, seen: Outbound, question: Mapping[str, Any], digest: str, *, kind: str
    ) -> tuple[Ticket, bool]:
        """The ticket of this request, and whether it is new. `Problem`: too much is held.

        `kind`: "http", or what the connection is to become, which no bound header says.
        """
        body = seen.body or b""
        key = await aside(
            lambda: alike(seen.agent, kind, seen.method, seen.url, seen.headers, body), len(body)
        )
        ticket = self._tickets.get(key)
        if ticket is not None and not self._over(ticket):
            ticket.trouble = None  # the service may be back: this try finds out
            ticket.fresh.set()
            return ticket, False
        if self._closing:
            raise restarting()
        if ticket is not None:
            self._remove(ticket)  # before any await: nobody may find it any more
            self._approvals.later(self._forget(ticket))
        self._room(seen)
        ticket = Ticket(self._approvals.random(16).hex(), key, seen, question, digest)
        large = len(body) > INLINE
        if large:
            ticket.seen = replace(seen, body=None)
        self._add(ticket)
        try:
            record = json.dumps(ticket.record()).encode()
            await self._shelf.put(ticket.id, record, body if large else None)
        except (OSError, sqlite3.Error) as error:
            structlog.get_logger().error("held_not_kept", why=type(error).__name__)
            why = "The gateway can't store requests: its disk is full or not writable."
            problem = Problem(503, "not_held", why, again=True)
            self._remove(ticket)
            self._refused(ticket, problem)  # for those who joined it meanwhile
            raise problem from None
        self._run(ticket)
        return ticket, True

    def _room(self, seen: Outbound) -> None:
        limits, size = self._limits, len(seen.body or b"")
        over = (
            self._count[seen.agent] >= limits.requests
            or self._bytes[seen.agent] + size > limits.agent_bytes
            or self._bytes.total() + size > limits.bytes
        )
        if over:
            why = (
                "Too many requests of this agent are waiting for approval. "
                "Wait until some are decided, then try again."
            )
            raise Problem(429, "too_many_held", why, again=True, after=30)

    @contextlib.contextmanager
    def waiting(self, ticket: Ticket) -> Iterator[object]:
        """A place in the line of those who wait."""
        place = object()
        ticket.line.append(place)
        if ticket.timer is not None:
            ticket.timer.cancel()
            ticket.timer = None
        ticket.move()
        try:
            yield place
        finally:
            ticket.line.remove(place)
            if ticket.sender is place and ticket.result is None:
                ticket.sender = None  # nothing was released, or `finish` would have been called
            ticket.move()
            if not ticket.line and self._tickets.get(ticket.key) is ticket:
                self._left(ticket)

    async def whole(self, ticket: Ticket) -> Outbound:
        """The held request with its body. `Refused`: it is not what was asked about."""
        seen = ticket.seen
        if seen.body is None:
            try:
                seen = replace(seen, body=await self._shelf.body(ticket.id))
            except (OSError, InvalidTag):
                raise Refused("what was held cannot be read from disk any more") from None
        whole, action = seen, ticket.question["action"]
        digest = await aside(lambda: digest_of(action, whole), ticket.size)
        if digest != ticket.digest:
            raise Refused("what was held is not what was asked about")
        return seen

    def finish(self, ticket: Ticket, result: Result | None, *, collected: bool) -> None:
        """It was sent, or never will be. `result`: for other connections; `collected`: the agent
        has it."""
        ticket.result, ticket.collected = result, ticket.collected or collected
        if result is None:
            self._approvals.later(self._forget(ticket))
        ticket.move()

    async def close(self) -> None:
        """Tell those who wait to come again; the held requests stay on the shelf."""
        self._closing = True
        for ticket in tuple(self._tickets.values()):
            if ticket.timer is not None:
                ticket.timer.cancel()
            if ticket.task is not None:
                ticket.task.cancel()
            if ticket.sender is None and ticket.result is None:
                ticket.trouble = restarting(ticket.request)
            ticket.move()

    def end(self) -> None:
        """After everybody has left."""
        self._shelf.close()

    # A ticket's life

    def _add(self, ticket: Ticket) -> None:
        self._tickets[ticket.key] = ticket
        self._count[ticket.seen.agent] += 1
        self._bytes[ticket.seen.agent] += ticket.size

    def _run(self, ticket: Ticket) -> None:
        ticket.task = asyncio.create_task(self._live(ticket))

    def _remove(self, ticket: Ticket) -> None:
        if self._tickets.get(ticket.key) is ticket:
            del self._tickets[ticket.key]
            self._count[ticket.seen.agent] -= 1
            self._bytes[ticket.seen.agent] -= ticket.size
        if ticket.timer is not None:
            ticket.timer.cancel()

    async def _forget(self, ticket: Ticket) -> None:
        self._remove(ticket)
        if ticket.task is not None and ticket.task is not asyncio.current_task():
            ticket.task.cancel()
        with contextlib.suppress(sqlite3.Error, OSError):
            await self._shelf.drop(ticket.id)

    def _over(self, ticket: Ticket) -> bool:
        """Is it too late to join: collected, or approved by a receipt that has expired?"""
        if ticket.sender is not None or ticket.result is not None:
            status = ticket.case and ticket.case["status"]
            return ticket.collected and not ticket.line and status != "declined"
        if ticket.case is None:
            return False
        return _expiry(str(ticket.case.get("receipt"))) * SECOND <= self._approvals.clock()

    def _left(self, ticket: Ticket) -> None:
        """Nobody waits any more: start the time within which an identical request may join."""
        if self._closing:
            return
        declined = ticket.case is not None and ticket.case["status"] == "declined"
        if ticket.result is not None and ticket.collected and not declined:
            self._approvals.later(self._forget(ticket))
            return
        within = self._limits.rejoin_within / SECOND
        within = within if ticket.rejoin is None else min(within, ticket.rejoin)
        if ticket.case is None and ticket.expires is not None:
            within = min(within, max(0, ticket.expires - self._approvals.clock() / SECOND))
        loop = asyncio.get_running_loop()
        if declined and ticket.decided is not None:  # counted from the decline, asked again or not
            within = max(0, ticket.decided + within - loop.time())
        if ticket.timer is not None:
            ticket.timer.cancel()
        ticket.timer = loop.call_later(within, self._give_up, ticket)

    def _give_up(self, ticket: Ticket) -> None:
        ticket.timer = None
        if not ticket.line:
            self._approvals.later(self._ended(ticket))

    async def _ended(self, ticket: Ticket) -> None:
        """Nobody came again. The case is withdrawn as soon as the service can be reached."""
        self._remove(ticket)
        if ticket.case is None and ticket.result is None and ticket.request:
            self._note(RecordKind.GIVEN_UP, _about(ticket))
            if ticket.task is not None:
                ticket.task.cancel()
            await self._withdrawn(ticket.request)
        elif ticket.task is not None:  # still opening: it withdraws what it opened
            await asyncio.gather(ticket.task, return_exceptions=True)
        with contextlib.suppress(sqlite3.Error, OSError):
            await self._shelf.drop(ticket.id)

    async def _withdrawn(self, request: str) -> None:
        why = f"The agent's client gave up waiting and did not ask again. {NOTHING_RUN}"
        body, failures = json.dumps({"reason": why}).encode(), 0
        while True:
            wait, failures = self._pause(failures, first=0.5, longest=30), failures + 1
            try:
                path = f"/v1/requests/{request}"
                status, case = await self._approvals.call("DELETE", path, body)
                if settled(status, case, request):
                    return
            except Slower as error:
                wait = error.seconds
            except Away:
                pass
            await asyncio.sleep(wait)

    async def _live(self, ticket: Ticket) -> None:
        """Open its case and wait for the verdict, however long the service is away."""
        try:
            if not ticket.request:
                await self._opened(ticket)
            if ticket.result is None:
                await self._watched(ticket)
        except asyncio.CancelledError:
            raise
        except Problem as problem:
            self._refused(ticket, problem)
        except Exception:
            structlog.get_logger().exception("gateway_fault")
            self._refused(ticket, unreachable(ticket.request))

    def _refused(self, ticket: Ticket, problem: Problem) -> None:
        """There will be no case. Those who wait are told; the next request asks again."""
        ticket.result, ticket.collected = problem, True
        ticket.move()
        if not ticket.line:
            self._approvals.later(self._forget(ticket))

    async def _opened(self, ticket: Ticket) -> None:
        now, unsure = asyncio.get_running_loop().time, False
        since, failures = now(), 0
        async with self._large if ticket.seen.body is None else contextlib.nullcontext():
            seen = await self._whole(ticket)
            body = seen.body or b""
            question = await aside(partial(_question, ticket.question, body), ticket.size)
            del seen, body
            while True:
                wait, failures = self._pause(failures, first=0.1, longest=2), failures + 1
                try:
                    status, case = await self._approvals.call(
                        "POST", "/v1/requests", question, key=ticket.id
                    )
                    if status in (200, 201) and _ID.fullmatch(str(case.get("id"))):
                        ticket.request = str(case["id"])
                        self._note(RecordKind.OPENED, _about(ticket))
                        break
                    if status in (403, 413, 422):
                        slug = "refused_by_service" if status == 403 else "uninspectable"
                        detail = str(case.get("detail"))[:500]
                        raise Problem(403 if status == 403 else 413, slug, detail, again=False)
                    if status < 500:
                        structlog.get_logger().error("approval_service_refuses", status=status)
                        raise unreachable()
                    unsure = True
                except Slower as error:
                    wait, since = error.seconds, now()
                except Away as error:
                    unsure |= error.sent
                if self._tickets.get(ticket.key) is not ticket and not unsure:
                    return  # nobody waits, and the service never heard of it
                if now() - since > self._patience.away:
                    self._troubled(ticket)
                if await self._paused(ticket, wait):
                    since, failures = now(), 0
        self._read(ticket, case)
        if self._tickets.get(ticket.key) is not ticket:
            await self._withdrawn(ticket.request)
            return
        ticket.move()
        with contextlib.suppress(sqlite3.Error, OSError):
            await self._shelf.put(ticket.id, json.dumps(ticket.record()).encode())

    async def _whole(self, ticket: Ticket) -> Outbound:
        try:
            return await self.whole(ticket)
        except Refused as error:
            raise Problem(503, "not_held", f"The gateway lost this request: {error}.") from None

    async def _watched(self, ticket: Ticket) -> None:
        now = asyncio.get_running_loop().time
        heard, failures = now(), 0
        if await self._approvals.used.released(ticket.request):  # before a crash of ours
            why = "It was approved and sent; what came of it is not known."
            problem = Problem(502, "upstream_failed", why, request=ticket.request, again=False)
            ticket.case, ticket.result = {"status": "approved"}, problem
            ticket.move()
            return
        while True:
            asked = now()
            wait, failures = self._pause(failures, first=0.1, longest=1), failures + 1
            try:
                path = f"/v1/requests/{ticket.request}?wait={WAIT}"
                status, case = await self._approvals.call("GET", path, wait=WAIT)
                if status == 200 and case.get("id") == ticket.request:
                    self._read(ticket, case)
                    state = case.get("status")
                    if state in _CLOSED and (state != "approved" or case.get("receipt")):
                        self._decided(ticket, case)
                        return
                    if state == "pending":
                        heard = now()
                elif status in (401, 403, 404):
                    raise unreachable(ticket.request)  # it knows neither us nor the request
            except Slower as error:
                wait, heard = error.seconds, now()
            except Away:
                pass
            if now() - heard > self._patience.away:
                self._troubled(ticket)
            if now() - asked > 1:
                failures = 0
            elif await self._paused(ticket, wait):
                heard, failures = now(), 0

    def _pause(self, failures: int, *, first: float, longest: float) -> float:
        return backoff(failures, first=first, longest=longest, random=self._approvals.random)

    async def _paused(self, ticket: Ticket, seconds: float) -> bool:
        """Wait. True, and at once: somebody joined."""
        try:
            async with asyncio.timeout(seconds):
                await ticket.fresh.wait()
        except TimeoutError:
            return False
        ticket.fresh.clear()
        return True

    def _troubled(self, ticket: Ticket) -> None:
        if ticket.line:
            ticket.trouble = unreachable(ticket.request)
            ticket.move()

    def _read(self, ticket: Ticket, case: Mapping[str, Any]) -> None:
        """Take the times from the service's answer."""
        with contextlib.suppress(LookupError, TypeError, ValueError):
            ticket.expires = datetime.fromisoformat(str(case["expires_at"])).timestamp()
        within = case.get("rejoin_within")
        if isinstance(within, int | float) and not isinstance(within, bool) and within >= 0:
            ticket.rejoin = float(within)

    def _decided(self, ticket: Ticket, case: Mapping[str, Any]) -> None:
        ticket.case, ticket.decided = case, asyncio.get_running_loop().time()
        if case["status"] != "approved":
            ticket.result = _refusal(case)
        ticket.move()
        if not ticket.line:
            self._left(ticket)


_ID: Final = re.compile(r"req_[0-9A-Za-z]+")


def restarting(request: str = "") -> Problem:
    """The answer to those who wait when the gateway ends."""
    why = (
        "The gateway is restarting. Nothing was sent, and the approval stays open: "
        "send the same request again to go on waiting."
    )
    return Problem(503, "gateway_restarting", why, again=True, after=3, request=request)


def still_waiting(request: str, *, status: int = 503, again: int = 2) -> Problem:
    """The answer to a client that is kept waiting no longer: because of `hold`, or because it would
    give up. `again`: seconds until it should come again."""
    why = (
        "Still waiting for approval. Nothing was sent yet. "
        "Send the same request again to go on waiting."
    )
    return Problem(status, "still_waiting", why, again=True, after=again, request=request)


def _refusal(case: Mapping[str, Any]) -> Problem:
    id_, status = case["id"], case["status"]
    if status == "declined":
        reason = case.get("reason") if isinstance(case.get("reason"), str) else None
        why = f"A person declined this request: {reason}" if reason else "A person declined this."
        why = why if why.endswith((".", "!", "?")) else f"{why}."
        why += " Nothing was sent. Don't send it again: the answer would be the same."
        return Problem(403, "declined", why, request=id_, reason=reason, again=False)
    said = "Nobody decided in time." if status == "expired" else "The request was withdrawn."
    why = f"{said} Nothing was sent. Sending it again asks again."
    return Problem(403, status, why, request=id_, again=True)


def _question(question: Mapping[str, Any], body: bytes) -> bytes:
    """The question with its body, copied only once: ten megabytes of JSON are expensive."""
    rest = {name: value for name, value in question.items() if name != "http"}
    head = json.dumps(rest)[:-1] + ', "http": ' + json.dumps(question["http"])[:-1]
    return b"".join((head.encode(), b', "body": "', base64.b64encode(body), b'"}}'))


def digest_of(action: str, seen: Outbound) -> str:
    """The digest of what will be sent. `ValueError`: it cannot be sent."""
    return digest_http(
        revision=1, action=action, method=seen.method, url=seen.url, headers=seen.headers,
        body=seen.body or b"",
    )  # fmt: skip


async def aside(work: Callable[[], T], size: int) -> T:
    """The work's result. If it is about many bytes it runs in a thread, and others go on."""
    return work() if size <= PIECE else await asyncio.to_thread(work)


def _expiry(receipt: str) -> int:
    """When a receipt expires, in seconds since 1970. Not verified: it only saves a useless try."""
    try:
        part = receipt.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return int(claims["exp"])
    except (LookupError, TypeError, ValueError, OverflowError):
        return 2**53
