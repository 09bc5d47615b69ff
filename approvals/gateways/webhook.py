"""Verdicts pushed to a requester's own endpoint, by the Standard Webhooks scheme.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

Laws, each a test:

1. What is sent is what the requester may read with its key, signed; an approval only with its
   receipt.
2. An event keeps its id over all attempts; the signed time is that of the attempt.
3. The audit chain has an attempt's intent before it, and its result after it.
4. A failing receiver gets retries for `PATIENCE` from the decision on, no faster than it asks for;
   one that is gone (410) gets none.
5. Neither the receiver's answer nor the endpoint's path, which may hold a secret, is stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from standardwebhooks import Webhook as Signer

from approvals import audit
from approvals.evidence import canonical_of
from approvals.model import MINUTE, SECOND, Busy, Case, Duration, Instant, Refused, Status
from approvals.port import reason
from approvals.store import Job, Store

EVENT: Final = "request.decided"
PREFIX: Final = "webhook:"
"""Begins the lane of a requester's endpoint."""
PATIENCE: Final[Duration] = 24 * 60 * MINUTE
"""How long after the decision a failing receiver is still asked."""
TIMEOUT: Final = 10.0
"""Seconds in which a receiver connects and answers."""
GONE: Final = 410
"""The scheme's word for "send no more"."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A requester's endpoint (an `approvals.outbox.Carrier`).

    `secrets`: the keys' bytes, the newest first; during a rotation there are two, and what is sent
    carries a signature by each. `view`: a case and its receipt as the requester may read them.
    """

    requester: str
    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)
    store: Store
    clock: Callable[[], Instant]
    random: Callable[[int], bytes]
    view: Callable[[Case, str | None], Mapping[str, Any]]

    @property
    def lane(self) -> str:
        return PREFIX + self.requester

    async def carry(self, job: Job, case: Case, receipt: str | None) -> None:
        """Deliver the verdict. A second delivery has the first one's id."""
        if case.status is Status.APPROVED and receipt is None:
            raise Refused("it was approved and has no receipt: its stored votes do not verify")
        data = self.view(case, receipt)
        event = {"type": EVENT, "timestamp": data["decided_at"], "data": data}
        body = json.dumps(event, separators=(",", ":"))
        said = {"lane": self.lane, "host": urlsplit(self.url).netloc, "attempt": job.attempts}
        await self._note(audit.Kind.WEBHOOK_SENDING, case, said)
        now = self.clock()
        left = (case.decided_at or 0) + PATIENCE - now
        try:
            status = await self._send(body, signed(self.secrets, case, now, body), left)
        except (Busy, Refused) as error:
            await self._note(audit.Kind.WEBHOOK_FAILED, case, {**said, "why": str(error)})
            if isinstance(error, Busy) and left <= 0:
                raise Refused(f"{error}; it has failed for a day") from error
            raise
        await self._note(audit.Kind.WEBHOOK_DELIVERED, case, {**said, "status": status})

    async def _send(self, body: str, headers: Mapping[str, str], left: Duration) -> int:
        """The status of a delivery; raises `Busy` or `Refused` for one that failed."""
        # No proxy from the environment, no cookies; the answer's body is not read.
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                ) as http,
                http.post(
                    self.url, data=body.encode(), headers=headers, allow_redirects=False
                ) as answer,
            ):
                status, wait = answer.status, answer.headers.get("Retry-After")
        except TimeoutError as error:
            raise Busy(f"no answer within {TIMEOUT:.0f} seconds") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Not with the error's own words: they hold the address.
            raise Busy(reason(error)) from None
        if 200 <= status < 300:
            return status
        if status == GONE:
            raise Refused("HTTP 410: the receiver wants no more")
        if 300 <= status < 400:
            raise Busy(f"HTTP {status}: redirects are not followed")
        raise Busy(f"HTTP {status}", _wait(wait, self.clock(), left))

    async def _note(self, kind: audit.Kind, case: Case, said: Mapping[str, Any]) -> None:
        """Record it in the chain, and the result of the newest attempt for `countersign doctor`."""
        now = self.clock()
        entry = audit.entry(kind, now, self.random, case.id, **said)
        known = None
        if kind is not audit.Kind.WEBHOOK_SENDING:
            known = (f"{kind} {self.requester}", canonical_of({"at": now, **said}))
        await self.store.append([entry], known=known)


def signed(secrets: tuple[bytes, ...], case: Case, now: Instant, body: str) -> dict[str, str]:
    """The headers of an attempt at `now`. A case is decided once: its id serves as the event's."""
    name, at = "msg_" + case.id.removeprefix("req_"), datetime.fromtimestamp(now // 1000, UTC)
    return {
        "Content-Type": "application/json",
        "User-Agent": "countersign",
        "webhook-id": name,
        "webhook-timestamp": str(now // 1000),
        "webhook-signature": " ".join(Signer(key).sign(name, at, body) for key in secrets),
    }


def _wait(given: str | None, now: Instant, left: Duration) -> Duration | None:
    """`Retry-After`, in seconds or as a date (RFC 9110, 10.2.3); never beyond the last attempt."""
    if given is None:
        return None
    if given.isascii() and given.isdigit():
        asked = int(given[:9]) * SECOND
    else:
        try:
            asked = int(parsedate_to_datetime(given).timestamp() * 1000) - now
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0, min(asked, max(left, MINUTE)))
