"""Bytes that pass unopened, to a host that a rule names with `tunnel: true`.

Law 27: a tunnel has an end, when nothing moves in it and in any case; an agent has so many at once.
What is in it is not read: no rule looks at it, nobody is asked, no placeholder is replaced in it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from approvals.packs import Rule
from approvals.proxy.credentials import Secret
from approvals.proxy.wire import PIECE, Patience, Problem

MOST: Final = 64
"""Tunnels of one agent at the same time."""
MOST_IN_ALL: Final = 512


@dataclass(slots=True)
class Passed:
    """What went through. `end`: `closed`, `idle`, `time`, `revoked` or `gateway`, what ended it."""

    sent: int = 0
    received: int = 0
    end: str = "gateway"


class Tunnels:
    """Those that are open now."""

    def __init__(self) -> None:
        self._open = Counter[str]()

    @contextmanager
    def one(self, agent: str) -> Iterator[None]:
        """One more of this agent, until it is left. `Problem`: there are enough."""
        if self._open[agent] >= MOST or self._open.total() >= MOST_IN_ALL:
            why = f"This agent has {self._open[agent]} tunnels open: close some, then try again."
            raise Problem(429, "too_many_tunnels", why, again=True)
        self._open[agent] += 1
        try:
            yield
        finally:
            self._open[agent] -= 1
            if not self._open[agent]:
                del self._open[agent]


def clashes(rules: Iterable[Rule], secrets: Sequence[Secret]) -> list[str]:
    """A sentence for each tunnel to a host, at any port, where a secret may go: nobody would see
    what an agent says there."""
    return [
        f"the rule {rule.id!r} has `tunnel: true` for {host}, where the secret {secret.name} may "
        "go, and nobody sees what an agent sends in a tunnel: remove one of them"
        for rule in rules
        if rule.tunnel
        for host in rule.when.host or ()
        for secret in secrets
        if any(_meet(host, theirs) for theirs in secret.host.split(","))
    ]


def _meet(host: str, theirs: str) -> bool:
    name, pattern = (_name(text.lower()) for text in (host, theirs))
    return name == pattern or (pattern.startswith("*.") and name.endswith(pattern[1:]))


def _name(host: str) -> str:
    """Without its port and the dot of the root."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).removesuffix(".")


class _Revoked(Exception):
    """Its agent was shut out meanwhile."""


async def joined(
    ours: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    theirs: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    patience: Patience,
    passed: Passed,
    shut_out: Callable[[], bool],
) -> None:
    """Pass bytes both ways until both sides have ended, or one is broken, or it is time, or its
    agent was shut out: then not a byte more."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience.tunnel
    async with asyncio.timeout(patience.tunnel_idle) as limit:

        async def pour(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, out: bool
        ) -> None:
            while data := await reader.read(PIECE):
                if shut_out():
                    raise _Revoked
                passed.sent += len(data) * out
                passed.received += len(data) * (not out)
                limit.reschedule(min(end, loop.time() + patience.tunnel_idle))
                writer.write(data)
                await writer.drain()
            with suppress(OSError):
                if writer.can_write_eof():
                    writer.write_eof()

        ways = (pour(ours[0], theirs[1], True), pour(theirs[0], ours[1], False))
        tasks = [asyncio.create_task(way) for way in ways]
        try:
            await asyncio.gather(*tasks)
            passed.end = "closed"
        except OSError:
            passed.end = "closed"
        except _Revoked:
            passed.end = "revoked"
        except asyncio.CancelledError:
            if limit.expired():
                passed.end = "time" if loop.time() >= end else "idle"
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
