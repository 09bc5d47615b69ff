"""X's API v2: how it is called, what its refusals mean, how it signs what it delivers."""

from __future__ import annotations

import hmac
import logging
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final, NoReturn

from adapters.kit.http import Http, object_of
from approvals.model import Busy, Duration, Instant, Refused
from approvals.port import Count, Line

log = logging.getLogger("countersign.x")
URL: Final = "https://api.x.com"
# Units of https://docs.x.com/x-api/getting-started/pricing (read 2026-11): $0.015 for a request
# that sends a message, $0.010 for each message that is delivered to us.
CREATED, RECEIVED = "dm_create", "dm_received"
# https://docs.x.com/x-api/fundamentals/rate-limits: a window of 15 minutes; a message counts for
# one of 24 hours as well, of our account and of the app.
WINDOWS: Final = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")
WINDOW: Final[Duration] = 15 * 60_000
DAY: Final[Duration] = 24 * 3_600_000
# https://docs.x.com/x-api/fundamentals/response-codes-and-errors, "Error types": the app's fault,
# or its budget's, and nobody's to whom we write.
OURS: Final = ("client-forbidden",)
SPENT: Final = ("usage-capped", "rate-limit-exceeded")


def signature(secret: str, message: bytes) -> str:
    """As X writes it in a header and wants it for a challenge; "" without a secret.

    https://docs.x.com/x-api/webhooks/introduction#signature-headers
    """
    made = hmac.digest(secret.encode(), message, "sha256")
    return f"sha256={b64encode(made).decode()}" if secret else ""


class Api:
    """One app's calls. `count`: whom to tell of those that cost money."""

    def __init__(self, url: str, clock: Callable[[], Instant]) -> None:
        self.count: Count = lambda what: None
        self.http = Http()
        self._url, self._clock = (url or URL).rstrip("/"), clock

    async def call(self, method: str, path: str, token: str, **more: Any) -> tuple[int, Any]:
        """Status, and the answer as an object. `Busy`: nobody is there, or it wants us slower."""
        heads = {"Authorization": token}
        try:
            status, text = await self.http.ask(method, self._url + path, headers=heads, **more)
        except Busy as why:
            slower = str(why) == "429"
            wait = (self._reset() if slower else None) or why.retry_after
            raise Busy(f"x: {why}", wait) from None
        if (said := object_of(text)) is None:
            raise Busy(f"x: {status}, and not in X's words")
        return status, said

    def _reset(self) -> Duration | None:
        """When the last of the windows that are used up begins again: within a day."""
        heads, ends = self.http.heads, list[Duration]()
        for window in WINDOWS:
            at = heads.get(f"{window}-reset", "")
            if re.fullmatch("[0-9]{1,12}", at) and heads.get(f"{window}-remaining", "0") == "0":
                ends.append(min(max(int(at) * 1000 - self._clock(), 0), DAY))
        return max(ends, default=None)


def fail(status: int, said: Any) -> NoReturn:
    """Raise what this refusal means: `Busy` for what an operator mends, `Refused` for the rest."""
    kind, title, detail = (str(said.get(name, "")) for name in ("type", "title", "detail"))
    if not (kind and title):  # X's problem documents have both: this is a proxy or a portal
        raise Busy(f"x: {status}, and not in X's words")
    kind = kind.rpartition("/")[2]
    why = f"x: {status} {title[:60]}"
    # A token without the scope for messages is refused by this word alone, and not by a sentence:
    # https://github.com/plhery/node-twitter-api-v2/issues/434
    ours = status in (401, 402) or kind in OURS or (status == 403 and detail == "Forbidden")
    if ours:
        log.error(Line("platform_refused_app", why=why))
    raise (Busy if ours or kind in SPENT or status < 400 else Refused)(why)
