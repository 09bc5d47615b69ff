"""The approval service as a gateway sees it: over HTTP, and believed in nothing but receipts.

Laws: a verdict is a receipt that verifies by the pinned key, for exactly what is about to be sent,
used once (noted on disk before anything is sent); whatever else the service says or fails to say,
nothing is released; a request nobody waits for any more is withdrawn.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sqlite3
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import aiohttp
import structlog

from approvals.evidence import Claims, read_json, thumbprint, verify_receipt
from approvals.model import Instant, Refused
from approvals.proxy.settings import Service
from approvals.proxy.wire import PIECE, Patience, Problem, Reader

LONGEST: Final = 1024 * 1024
"""Bytes of an answer of the service."""
WAIT: Final = 60
_CLOSED: Final = ("approved", "declined", "expired", "withdrawn")


class Away(Exception):
    """The service does not answer, or not as itself."""


def unreachable() -> Problem:
    why = "Nobody can be asked right now. Nothing was sent; try again later."
    return Problem(503, "approval_service_unreachable", why, headers=[("retry-after", "5")])


class Used:
    """The receipts that released something, on disk."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE IF NOT EXISTS used (id TEXT PRIMARY KEY, at INTEGER)")
        self._aside = ThreadPoolExecutor(1, "countersign-used")  # a commit waits for the disk

    async def note(self, claims: Claims, now: Instant) -> None:
        """Durable when it returns. `Refused`: it was used before. `sqlite3.Error`: not noted."""

        def write() -> None:
            with self._database:  # the request's id too: it is released once, whatever is signed
                rows = [(f"jti:{claims['jti']}", now), (f"sub:{claims['sub']}", now)]
                self._database.execute("BEGIN IMMEDIATE")
                self._database.executemany("INSERT INTO used VALUES (?, ?)", rows)

        try:
            await asyncio.get_running_loop().run_in_executor(self._aside, write)
        except sqlite3.IntegrityError:
            raise Refused("the receipt was used before") from None

    def close(self) -> None:
        self._aside.shutdown()
        self._database.close()


class Approvals:
    """Asks, waits, verifies."""

    def __init__(
        self, service: Service, used: Used, *, clock: Callable[[], Instant],
        random: Callable[[int], bytes], patience: Patience,
    ) -> None:  # fmt: skip
        self._service, self._used, self._patience = service, used, patience
        self._clock, self._random = clock, random
        self._key: dict[str, str] | None = None
        self._later: set[asyncio.Task[None]] = set()
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=10),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Authorization": f"Bearer {service.key.get_secret_value()}"},
        )

    async def verdict(self, question: bytes, agent: Reader) -> dict[str, Any]:
        """The closed case, as the service tells it: nothing of it is proven.

        `Problem`: nobody could be asked. `Gone`: the agent left. The request is withdrawn then.
        """
        opening = asyncio.create_task(self._open(question))
        try:
            request_id = await agent.unless_gone(asyncio.shield(opening))
            del question
            return await agent.unless_gone(self._closed(request_id))
        except BaseException:
            self.later(self._withdraw(opening))
            raise

    async def release(self, case: Mapping[str, Any], digest: str) -> None:
        """Return if its receipt releases what has this digest, now and once. `Refused`."""
        keys = [await self._pinned()]
        try:
            claims = verify_receipt(
                str(case["receipt"]), keys, issuer=self._service.issuer,
                audience=self._service.requester, subject=case["id"], digest=digest,
                now=self._clock(),
            )  # fmt: skip
        except (TypeError, OverflowError) as error:
            raise Refused(f"the receipt cannot be read ({type(error).__name__})") from None
        await self._used.note(claims, self._clock())

    def report(self, request_id: str, **outcome: Any) -> None:
        """Tell the service what came of it, later."""

        async def tell() -> None:
            for pause in (1, 5, 25):
                try:
                    path = f"/v1/requests/{request_id}/outcome"
                    status, _ = await self._call("POST", path, json.dumps(outcome).encode())
                    if status < 500:
                        return
                except Away:
                    pass
                await asyncio.sleep(pause)

        self.later(tell())

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def close(self) -> None:
        """Give what is still to be told a moment."""
        if self._later:
            await asyncio.wait(self._later, timeout=5)
        for task in tuple(self._later):
            task.cancel()
        await self._http.close()
        self._used.close()

    async def _open(self, question: bytes) -> str:
        key = self._random(16).hex()
        for last in (False, True):
            try:
                status, case = await self._call("POST", "/v1/requests", question, key=key)
            except Away:
                if last:
                    raise unreachable() from None
                continue
            if status in (200, 201) and re.fullmatch(r"req_[0-9A-Za-z]+", str(case.get("id"))):
                return str(case["id"])
            if status in (403, 413, 422):
                slug = "refused_by_service" if status == 403 else "uninspectable"
                raise Problem(403 if status == 403 else 413, slug, str(case.get("detail"))[:500])
            break
        structlog.get_logger().error("approval_service_refuses", status=status)
        raise unreachable()

    async def _closed(self, request_id: str) -> dict[str, Any]:
        now = asyncio.get_running_loop().time
        heard, pause = now(), 0.05
        while True:
            asked = now()
            try:
                path = f"/v1/requests/{request_id}?wait={WAIT}"
                status, case = await self._call("GET", path, wait=WAIT)
                if status == 200 and case.get("id") == request_id:
                    state = case.get("status")
                    if state in _CLOSED and (state != "approved" or case.get("receipt")):
                        return case
                    if state == "pending":
                        heard = now()
                elif status in (401, 403, 404):
                    raise unreachable()  # it knows neither us nor the request
            except Away:
                pass
            if now() - heard > self._patience.away:
                raise unreachable()
            if now() - asked < 1:  # it does not wait: it was just decided, or something is wrong
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1)

    async def _withdraw(self, opening: asyncio.Task[str]) -> None:
        with contextlib.suppress(Away, Problem):  # then it expires
            await self._call("DELETE", f"/v1/requests/{await opening}")

    async def _pinned(self) -> dict[str, str]:
        """The pinned key's bytes. From wherever they come, only they have this thumbprint."""
        if self._key is None:
            try:
                _, answer = await self._call("GET", "/.well-known/jwks.json")
                for jwk in answer["keys"]:
                    plain = {name: str(jwk.get(name)) for name in ("kty", "crv", "x")}
                    if plain["crv"] == "Ed25519" and thumbprint(plain) == self._service.receipt_key:
                        self._key = plain
            except (Away, LookupError, TypeError, ValueError, AttributeError):
                raise unreachable() from None
        if self._key is None:
            raise Refused("the service does not have the key that is pinned")
        return self._key

    async def _call(
        self, method: str, path: str, body: bytes | None = None, *, key: str = "", wait: float = 0
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"Idempotency-Key": key} if key else {}
        timeout = aiohttp.ClientTimeout(total=self._patience.service + wait)
        raw = bytearray()
        try:
            async with self._http.request(
                method, self._service.url + path, data=body, headers=headers,
                timeout=timeout, allow_redirects=False,
            ) as answer:  # fmt: skip
                async for piece in answer.content.iter_chunked(PIECE):
                    raw += piece
                    if len(raw) > LONGEST:
                        raise Away
            value = read_json(bytes(raw))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError):
            raise Away from None
        if not isinstance(value, dict):
            raise Away
        return answer.status, value
