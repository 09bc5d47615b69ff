"""The parts of a running service: each is started again when it ends, and says when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from approvals.backoff import backoff

log = structlog.get_logger()
SHORTEST: Final = 1.0
LONGEST: Final = 30.0
"""Seconds until a part that failed is tried again, doubled from the one to the other."""
SETTLED: Final = 2.0
"""Seconds for which a part has run again before it is believed to be well."""
STALE: Final = 30.0
"""Seconds after the last success at which periodic work counts as stuck."""
Act: TypeAlias = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class _Part:
    every: float | None
    """Seconds between two rounds; None: runs by itself for as long as the service does."""
    since: float
    """When it was last started; of periodic work: when it last succeeded."""
    vital: bool
    """Without it nothing is decided or delivered; else its failing is a warning."""
    failures: int = 0
    running: bool = False
    failing_since: float | None = None
    """When that was logged."""


class Parts:
    """Runs parts until `stop`. `now`: seconds of a monotonic clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._parts: dict[str, _Part] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def keep(self, name: str, run: Act, *, vital: bool = True) -> None:
        """Run it for ever: whenever it ends it is started again, with back-off."""
        self._start(name, self._keep(name, self._add(name, None, vital), run))

    def repeat(self, name: str, every: float, act: Act, *, vital: bool = True) -> None:
        """Do it `every` so many seconds; after a failure sooner, if that is long."""
        self._start(name, self._repeat(name, self._add(name, every, vital), every, act))

    def faults(self) -> Sequence[str]:
        """The vital parts that are failing now, and periodic work that is stuck, in words."""
        return self._failing(vital=True)

    def warnings(self) -> Sequence[str]:
        """The same of those that others can do without."""
        return self._failing(vital=False)

    def _failing(self, *, vital: bool) -> Sequence[str]:
        now, found = self._now(), []
        for name, part in self._parts.items():
            if part.vital is not vital:
                continue
            if part.every is None:
                settled = part.running and now - part.since >= SETTLED
                failing = bool(part.failures) and not settled
            else:
                failing = bool(part.failures) or now - part.since > part.every + STALE
            if failing:
                found.append(f"The part {name!r} is failing.")
        return found

    async def stop(self) -> None:
        """End all of them and wait until they have.

        They are cancelled until they do: before Python 3.12 `asyncio.wait_for` may lose a
        cancellation that comes with its result (https://github.com/python/cpython/issues/86296).
        """
        running = set(self._tasks)
        while running:
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=SHORTEST)

    def _add(self, name: str, every: float | None, vital: bool) -> _Part:
        part = self._parts[name] = _Part(every, self._now(), vital)
        return part

    def _start(self, name: str, work: Awaitable[None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))
        self._tasks[-1].set_name(name)

    async def _keep(self, name: str, part: _Part, run: Act) -> None:
        while True:
            part.since, part.running = self._now(), True
            settling = asyncio.get_running_loop().call_later(SETTLED, self._well, name, part)
            try:
                why = await _tried(run) or "it ended"
            finally:
                settling.cancel()
            if part.failures and self._now() - part.since >= LONGEST:
                part.failures = 0
            part.running = False
            await self._failed(name, part, why)

    async def _repeat(self, name: str, part: _Part, every: float, act: Act) -> None:
        while True:
            if why := await _tried(act):
                await self._failed(name, part, why, most=max(SHORTEST, every))
            else:
                part.since = self._now()
                self._well(name, part)
                part.failures = 0
                await asyncio.sleep(every)

    async def _failed(self, name: str, part: _Part, why: str, *, most: float = LONGEST) -> None:
        """Wait, longer each time. Only the first failure of an outage is logged."""
        part.failures += 1
        most = min(most, LONGEST)
        wait = backoff(part.failures - 1, first=SHORTEST, longest=most, random=None)
        if part.failing_since is None:
            part.failing_since = self._now()
            log.error("part_failed", part=name, why=why)
        await asyncio.sleep(wait)

    def _well(self, name: str, part: _Part) -> None:
        if part.failing_since is not None:
            seconds = round(self._now() - part.failing_since, 1)
            log.info("part_recovered", part=name, seconds=seconds, tries=part.failures)
            part.failing_since = None


async def _tried(work: Act) -> str | None:
    """None once it is done, or why it failed: without a traceback, which may quote what it read."""
    try:
        await work()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # it is us who are stopped, not something inside that was
        return "it was cancelled from inside"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
