"""The approval service as a gateway sees it: over HTTP, and only its receipts are believed.

Laws: a verdict is a receipt that verifies by the pinned key, for exactly what is about to be sent,
used once (noted on disk before anything is sent); whatever else the service says or fails to say,
nothing is released; the outcome of a release is reported until the service has taken it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import structlog

from approvals.backoff import backoff
from approvals.evidence import Claims, read_json, thumbprint, verify_receipt
from approvals.model import MINUTE, Duration, Instant, Refused
from approvals.proxy.settings import Service
from approvals.proxy.wire import PIECE, Patience, Problem

T = TypeVar("T")
LONGEST: Final = 1024 * 1024
"""Bytes of an answer of the service."""
WAIT: Final = 60
SLOWEST: Final = 30.0
"""Seconds at most between two tries to report an outcome."""
LONGEST_WAIT: Final = 60.0
"""Seconds of a `Retry-After` that are obeyed at most."""
AT_ONCE: Final = 32
"""Outcomes that are reported at the same time."""
_CUT: Final = '{"delivered": null, "error": "unknown: the gateway stopped before an answer came"}'


class Away(Exception):
    """The service does not answer, or not as itself. `sent`: it may have got the request."""

    def __init__(self, why: str = "", *, sent: bool = True) -> None:
        super().__init__(why)
        self.sent = sent


class Slower(Exception):
    """The service is there and wants us slower (429): again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


def unreachable(request: str = "") -> Problem:
    why = (
        "The approval service can't be reached right now. Nothing was sent. "
        "Try again in a few seconds."
    )
    slug = "approval_service_unreachable"
    return Problem(503, slug, why, again=True, after=5, request=request)


KEEP: Final[Duration] = 30 * 24 * 60 * MINUTE
"""How long it is known that a receipt was used: it expired long before (an hour at most)."""
_FORGET: Final = """
    DELETE FROM used WHERE at < ? AND rowid IN (SELECT rowid FROM used ORDER BY rowid LIMIT 8)
"""
"""The oldest few, with each that is added; they were added in the order of time."""


class Used:
    """The receipts that released something, and the outcomes still to be told, on disk."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE IF NOT EXISTS used (id TEXT PRIMARY KEY, at INTEGER)")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS outcomes (id TEXT PRIMARY KEY, said TEXT, due INTEGER)"
        )
        # Whatever was released and has no outcome was cut off: nobody will ever know more.
        self._database.execute("UPDATE outcomes SET due = 1")
        self._aside = ThreadPoolExecutor(1, "countersign-used")  # a commit waits for the disk

    async def note(self, claims: Claims, now: Instant) -> None:
        """Durable when it returns, with the outcome "unknown" for when we never tell another.

        `Refused`: it was used before. `sqlite3.Error`: not noted.
        """

        def write() -> None:
            with self._database:  # the request's id too: it is released once, whatever is signed
                rows = [(f"jti:{claims['jti']}", now), (f"sub:{claims['sub']}", now)]
                self._database.execute("BEGIN IMMEDIATE")
                self._database.execute(_FORGET, (now - KEEP,))
                self._database.executemany("INSERT INTO used VALUES (?, ?)", rows)
                cut = (claims["sub"], _CUT)
                self._database.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?, 0)", cut)

        try:
            await self._do(write)
        except sqlite3.IntegrityError:
            raise Refused("the receipt was used before") from None

    async def released(self, request: str) -> bool:
        """Was this request sent, or about to be?"""
        query, row = "SELECT 1 FROM used WHERE id = ?", (f"sub:{request}",)
        return await self._do(lambda: self._database.execute(query, row).fetchone() is not None)

    async def outcome(self, request: str, said: str) -> None:
        """Keep it until `told`."""
        row = (request, said)
        query = "INSERT OR REPLACE INTO outcomes VALUES (?, ?, 1)"
        await self._do(lambda: self._database.execute(query, row))

    async def untold(self) -> list[tuple[str, str]]:
        """(request, JSON) of outcomes that the service has not taken yet, some of them."""
        query = "SELECT id, said FROM outcomes WHERE due = 1 LIMIT ?"
        return await self._do(lambda: self._database.execute(query, (AT_ONCE,)).fetchall())

    async def told(self, request: str, said: str) -> None:
        """The service took this; a newer outcome of the same request stays."""
        query = "DELETE FROM outcomes WHERE id = ? AND said = ?"
        await self._do(lambda: self._database.execute(query, (request, said)))

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._aside, work)

    def close(self) -> None:
        self._aside.shutdown()
        self._database.close()


def settled(status: int, case: Mapping[str, Any], request: str) -> bool:
    """Has the service taken what was told it of this request, or refused it for good?"""
    if status < 400:
        return case.get("id") == request  # whoever says less is not the service
    return status < 500 and status not in (401, 408)


class Approvals:
    """Asks, reads, verifies, tells."""

    def __init__(
        self, service: Service, used: Used, *, clock: Callable[[], Instant],
        random: Callable[[int], bytes], patience: Patience,
    ) -> None:  # fmt: skip
        self._service, self._patience = service, patience
        self.used = used
        self.clock, self.random = clock, random
        self._key: dict[str, str] | None = None
        self._later: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self.answers: bool | None = None
        """Did it, when it was asked last? None: it was not."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=10),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Authorization": f"Bearer {service.key.get_secret_value()}"},
        )
        self._teller = asyncio.create_task(self._tell())

    async def faults(self) -> list[str]:
        """What is wrong between the service and us, in words. `Away`, `Slower`: no answer."""
        ours = self._service
        status, who = await self.call("GET", "/v1/requester")
        if status == 401:
            return [
                f"the service at {ours.url} does not know service.key: set its variable "
                "(COUNTERSIGN_KEY) to the key of a requester with `kind: gateway` there"
            ]
        wrong = []
        if status == 200:
            if who.get("name") != ours.requester:
                wrong.append(
                    f"the service calls us {who.get('name')!r}, and service.requester is "
                    f"{ours.requester!r}: every receipt would be refused. "
                    f"Write `requester: {who.get('name')}`"
                )
            if who.get("kind") != "gateway":
                wrong.append(
                    f"the requester {who.get('name')!r} has `kind: {who.get('kind')}` at the "
                    "service: with `kind: gateway` its facts are shown as facts"
                )
            if who.get("issuer") != ours.issuer:
                wrong.append(
                    f"the service signs as {who.get('issuer')!r}, and service.issuer is "
                    f"{ours.issuer!r}: every receipt would be refused"
                )
        try:
            await self._pinned()
        except Refused:
            wrong.append(
                f"the service does not sign with the key {ours.receipt_key} that "
                "service.receipt_key pins: every receipt would be refused"
            )
        except Problem:
            raise Away("its keys cannot be read") from None
        return wrong

    async def release(self, case: Mapping[str, Any], digest: str) -> None:
        """Return if its receipt releases what has this digest, now and once. `Refused`."""
        keys = [await self._pinned()]
        try:
            claims = verify_receipt(
                str(case["receipt"]), keys, issuer=self._service.issuer,
                audience=self._service.requester, subject=case["id"], digest=digest,
                now=self.clock(),
            )  # fmt: skip
        except (TypeError, OverflowError) as error:
            raise Refused(f"the receipt cannot be read ({type(error).__name__})") from None
        await self.used.note(claims, self.clock())

    def report(self, request_id: str, **outcome: Any) -> None:
        """Tell the service what came of it: kept on disk until it has taken it."""

        async def keep() -> None:
            await self.used.outcome(request_id, json.dumps(outcome))
            self._news.set()

        self.later(keep())

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def close(self) -> None:
        """Give what is still to be told a moment; the rest is told after the next start."""
        if self._later:
            await asyncio.wait(self._later, timeout=5)
        for task in tuple(self._later):
            task.cancel()
        self._teller.cancel()
        await asyncio.gather(self._teller, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._tell_once()
        await self._http.close()
        self.used.close()

    async def _tell(self) -> None:
        failures = 0
        while True:
            self._news.clear()
            try:
                left = await self._tell_once()
            except sqlite3.Error as error:
                structlog.get_logger().error("outcomes_unreadable", why=type(error).__name__)
                left = True
            if not left:
                failures = 0
                await self._news.wait()
                continue
            await asyncio.sleep(backoff(failures, first=1, longest=SLOWEST, random=self.random))
            failures += 1

    async def _tell_once(self) -> bool:
        """Tell what is untold. True: some could not be, and are for later."""
        while rows := await self.used.untold():
            taken = await asyncio.gather(*(self._told(*row) for row in rows))
            if not all(taken):
                return True
        return False

    async def _told(self, request: str, said: str) -> bool:
        try:
            path = f"/v1/requests/{request}/outcome"
            status, case = await self.call("POST", path, said.encode())
        except (Away, Slower):
            return False
        if not settled(status, case, request):
            return False
        if status >= 400 and status != 409:
            structlog.get_logger().warning("outcome_refused", request=request, status=status)
        await self.used.told(request, said)
        return True

    async def _pinned(self) -> dict[str, str]:
        """The pinned key's bytes. From wherever they come, only they have this thumbprint."""
        if self._key is None:
            try:
                _, answer = await self.call("GET", "/.well-known/jwks.json")
                for jwk in answer["keys"]:
                    plain = {name: str(jwk.get(name)) for name in ("kty", "crv", "x")}
                    if plain["crv"] == "Ed25519" and thumbprint(plain) == self._service.receipt_key:
                        self._key = plain
            except (Away, Slower, LookupError, TypeError, ValueError, AttributeError):
                raise unreachable() from None
        if self._key is None:
            raise Refused("the service does not have the key that is pinned")
        return self._key

    async def call(
        self, method: str, path: str, body: bytes | None = None, *, key: str = "", wait: float = 0
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of an answer. `Away`, `Slower`."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"Idempotency-Key": key} if key else {}
        timeout = aiohttp.ClientTimeout(total=self._patience.service + wait)
        raw = bytearray()
        try:
            async with self._http.request(
                method, self._service.url + path, data=body, headers=headers,
                timeout=timeout, allow_redirects=False,
            ) as answer:  # fmt: skip
                if answer.status == 429:
                    self._reached(None)
                    raise Slower(_seconds(answer.headers.get("Retry-After")))
                async for piece in answer.content.iter_chunked(PIECE):
                    raw += piece
                    if len(raw) > LONGEST:
                        raise Away("an answer that is too long")
            value = read_json(bytes(raw))
            if not isinstance(value, dict):
                raise Away("an answer that is not a JSON object")
            if answer.status >= 400 and value.get("status") != answer.status:
                raise Away(f"{answer.status}, and not in its own words")
        except aiohttp.ClientConnectorError as error:
            self._reached(f"{error.os_error.strerror or error}")
            raise Away(sent=False) from None
        except Away as error:
            self._reached(str(error))
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            self._reached(type(error).__name__)
            raise Away from None
        self._reached(None)
        return answer.status, value

    def _reached(self, why: str | None) -> None:
        """One line in the log when it stops answering, and one when it answers again."""
        if (why is None) != self.answers:
            log, url = structlog.get_logger(), self._service.url
            if why is not None:
                log.error("approval_service_away", service=url, why=why)
            elif self.answers is False:
                log.info("approval_service_back", service=url)
            self.answers = why is None


def _seconds(text: str | None) -> float:
    whole = text if text and text.isascii() and text.isdigit() else "1"
    return min(float(whole[:9]), LONGEST_WAIT)
