"""HTTP for adapters without an SDK, or whose SDK accepts another HTTP client: one session, a
timeout, no redirects, and whose fault a refusal is."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import aiohttp
from pydantic_core import from_json
from yarl import URL

from approvals.model import Busy, Refused, Scope
from approvals.port import Finding, Line, clock_finding, reason, retry_after

FAULTS = (LookupError, TypeError, ValueError, AttributeError, RecursionError, OverflowError)
"""What code raises that reads JSON of an undocumented shape; `int` of 1e999: `OverflowError`."""
LONGEST = 8 * 1024 * 1024
"""Bytes of an answer, unpacked. A page of a hundred messages has a tenth of it."""
ERRORS = frozenset(range(500, 600))
"""For platforms whose server errors have a text worth reading."""


class Denied(Refused):
    """The platform said no. `code`: the status of its answer, or its own code of the error."""

    def __init__(self, why: str, code: int | str = "") -> None:
        super().__init__(why)
        self.code = code


class Outside(Refused):
    """The 24 hours for free text are over: only a template can be sent."""


@dataclass(frozen=True, slots=True)
class Codes:
    """A platform's error codes, as regular expressions. `outside`: the time for free text is over;
    `busy`: try later; `ours`: the operator must fix it, no person is to blame; `theirs`: about the
    person, even if another pattern matches. A code with a subcode is matched as `code/subcode` and
    alone."""

    outside: str = "(?!)"
    busy: str = "(?!)"
    ours: str = "(?!)"
    theirs: str = "(?!)"

    def fail(self, status: int, code: Any, log: logging.Logger, sub: str = "") -> NoReturn:
        """Raise what this refusal means; `Refused` for a code that no pattern matches."""
        why = str(code or status)
        names = (f"{why}/{sub}", why) if sub else (why,)

        def of(kind: str) -> bool:
            return any(re.fullmatch(kind, name) for name in names)

        if of(self.outside):
            raise Outside(names[0])
        if of(self.theirs):
            raise Refused(names[0])
        ours = status in (401, 403) or of(self.ours)
        if ours:
            log.error(Line("platform_refused_app", why=names[0]))
        later = ours or status >= 500 or of(self.busy)
        raise (Busy if later else Refused)(names[0])


def exact(pattern: str, text: str) -> str:
    """The first group of a pattern that matches the whole text, or "". `ValueError`: no match."""
    found = re.fullmatch(pattern, text)
    if not found:
        raise ValueError("not of that shape")
    return found[1] or ""


def object_of(text: str) -> dict[str, Any] | None:
    """The JSON object in an answer; None: there is none, so a proxy or a portal answered."""
    try:
        value = from_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


@contextmanager
def read_as(platform: str) -> Iterator[None]:
    """Wraps the reading of an answer. `Busy` if its shape is wrong: a proxy or a portal sent it."""
    try:
        yield
    except FAULTS as why:
        raise Busy(f"{platform}: not its own answer ({type(why).__name__})") from None


class Http:
    """One session. `heads`: the headers of the last answer. `after`: the header that says how many
    seconds to wait, if it isn't Retry-After. `read`: statuses from 500 on whose text is returned.
    `narrow`: a regular expression for the text of a 429 that delays this conversation only."""

    def __init__(
        self,
        after: str = "Retry-After",
        read: frozenset[int] = frozenset(),
        narrow: str = "(?!)",
    ) -> None:
        self._after, self._read, self._narrow = after, read, narrow
        self.heads: Mapping[str, str] = {}
        self._session: aiohttp.ClientSession | None = None
        self._ended = False

    async def ask(self, method: str, url: str | URL, **more: Any) -> tuple[int, str]:
        """Status and text. `Busy`: no answer, too many requests, or this session was closed."""
        if self._ended:  # a late call would open a session that nobody closes
            raise Busy("the service is ending")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        more["allow_redirects"] = False
        try:
            async with self._session.request(method, url, **more) as answer:
                # A proxy's page may be in any encoding, and its status says enough.
                errors = "strict" if answer.status < 300 else "replace"
                raw = bytearray()
                async for piece in answer.content.iter_any():
                    raw += piece
                    if len(raw) > LONGEST:
                        raise Busy("an answer that is too long")
                self.heads, text = answer.headers, raw.decode(answer.charset or "utf-8", errors)
        except (aiohttp.ClientError, OSError, ValueError, LookupError) as why:
            raise Busy(reason(why)) from None  # LookupError: it names an encoding that is none
        if answer.status == 429 or (answer.status >= 500 and answer.status not in self._read):
            narrow = answer.status == 429 and re.search(self._narrow, text)
            scope = Scope.CONVERSATION if narrow else Scope.PLATFORM
            wait = retry_after(answer.headers.get(self._after))
            raise Busy(str(answer.status), wait, scope=scope)
        return answer.status, text

    def clock(self) -> Finding:
        """Our clock against the time of the last answer."""
        return clock_finding(self.heads.get("Date"), int(time.time() * 1000))

    async def close(self) -> None:
        """Close the connections; no call opens one again."""
        self._ended = True
        if self._session is not None:
            await self._session.close()
        self._session = None
