"""HTTP as adapters speak it that have no SDK of their own, or whose SDK lets it be replaced: one
session, a timeout, no redirects, and whose fault a refusal is."""

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
"""What reading a shape raises that is not as documented: `int` of 1e999 is an `OverflowError`."""
ERRORS = frozenset(range(500, 600))
"""Of a platform whose answers say more than that they are errors."""


class Denied(Refused):
    """The platform said no. `code`: the status of its answer, or its own code of the error."""

    def __init__(self, why: str, code: int | str) -> None:
        super().__init__(why)
        self.code = code


class Outside(Refused):
    """Nothing but a template gets through: the time to answer freely is over."""


@dataclass(frozen=True, slots=True)
class Codes:
    """A platform's error codes, as regular expressions: outside the time to answer freely; slower,
    or later; something of ours, which an operator mends and no person is to blame for; and what is
    about the person, whatever else it looks like. Where a code has a subcode, `code/subcode` is
    looked for as well as the code alone."""

    outside: str = "(?!)"
    busy: str = "(?!)"
    ours: str = "(?!)"
    theirs: str = "(?!)"

    def fail(self, status: int, code: Any, log: logging.Logger, sub: str = "") -> NoReturn:
        """Raise what this refusal means. What none of them names will never work: `Refused`."""
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
    """The first group of a pattern that the whole text fits, or "". `ValueError`: it does not."""
    found = re.fullmatch(pattern, text)
    if not found:
        raise ValueError("not of that shape")
    return found[1] or ""


def object_of(text: str) -> dict[str, Any] | None:
    """The JSON object of an answer; None: it has none, so that a proxy or a portal answered."""
    try:
        value = from_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


@contextmanager
def read_as(platform: str) -> Iterator[None]:
    """Reading an answer. What stumbles over its shape has met another's than the platform's."""
    try:
        yield
    except FAULTS as why:
        raise Busy(f"{platform}: not its own answer ({type(why).__name__})") from None


class Http:
    """One session. `heads`: the headers of the last answer. `after`: the header that says in how
    many seconds to come again, where it is another than usual. `read`: statuses from 500 on whose
    text says more than that it failed. `narrow`: what the text of a 429 has in it, as a regular
    expression, where only this conversation has to wait."""

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
        """Status and text. `Busy`: nobody is there, it wants us slower, or this was closed."""
        if self._ended:  # a late call would open a session that is never closed
            raise Busy("the service is ending")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        more["allow_redirects"] = False
        try:
            async with self._session.request(method, url, **more) as answer:
                # A proxy's page may be in any encoding, and its status says enough.
                errors = "strict" if answer.status < 300 else "replace"
                self.heads, text = answer.headers, await answer.text(errors=errors)
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
        """Give the connections back, for good."""
        self._ended = True
        if self._session is not None:
            await self._session.close()
        self._session = None
