"""Those who wait for a change: gateways in a long poll, and open pages.

The store reports which cases changed, here or on another replica. A waiter costs one future and is
woken when its own case is closed and the receipt is there.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Final

import structlog

from approvals.model import Busy
from approvals.store import Store

log = structlog.get_logger()
BACKLOG: Final = 200
"""Changes a slow page may fall behind before it is told to reload instead."""
AGAIN: Final = 1.0
"""Seconds until a database that did not answer is asked again."""
_END: Final = ""


class Live:
    """Wakes waiters. `changed` may be called as often as one likes; looking is batched."""

    def __init__(self, store: Store, *, most: int | None = None) -> None:
        """`most`: how many may wait at once; None: any number."""
        self._store = store
        self._most = most
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._pages: set[asyncio.Queue[str | None]] = set()
        self._touched: set[str] = set()
        self._arrived = asyncio.Event()
        self._ending = False

    @property
    def waiting(self) -> int:
        """How many clients wait for a verdict."""
        return sum(map(len, self._waiting.values()))

    @property
    def full(self) -> bool:
        """There is no room for one more who waits."""
        return self._most is not None and self.waiting + len(self._pages) >= self._most

    def changed(self, ids: Iterable[str] | None) -> None:
        """These cases changed; None: notifications were lost, so anything may have."""
        if ids is None:
            self._touched.update(self._waiting)
            for page in self._pages:
                _offer(page, None)
        else:
            for case_id in ids:
                if case_id in self._waiting:
                    self._touched.add(case_id)
                for page in self._pages:
                    _offer(page, case_id)
        self._arrived.set()

    async def run(self) -> None:
        """Work until cancelled."""
        failing = False  # said once an outage
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            ids = [case_id for case_id in self._touched if case_id in self._waiting]
            self._touched.clear()
            try:
                concluded = await self._store.concluded(ids) if ids else []
            except Exception as error:
                if isinstance(error, Busy):
                    if not failing:
                        log.warning("live_store_busy", error=str(error))
                    failing = True
                else:
                    log.exception("live_failed")
                # These are not reported again, so they are looked up until the store answers.
                self._touched.update(ids)
                self._arrived.set()
                await asyncio.sleep(AGAIN)
                continue
            failing = False
            for case_id in concluded:
                for waiter in self._waiting.pop(case_id, ()):
                    if not waiter.done():
                        waiter.set_result(None)

    def close(self) -> None:
        """Let go of all who wait and all pages: the service is ending, and they ask again."""
        self._ending = True
        for waiters in self._waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        for page in self._pages:
            _offer(page, _END)

    async def closed(self, case_id: str, seconds: float) -> None:
        """Return when the case is closed and its receipt signed, after `seconds`, or at the end."""
        if self._ending:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[case_id].add(waiter)
        # It may have closed between the caller's look and this line.
        self._touched.add(case_id)
        self._arrived.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waiter
        finally:
            others = self._waiting.get(case_id)
            if others is not None:
                others.discard(waiter)
                if not others:
                    del self._waiting[case_id]

    async def changes(self) -> AsyncIterator[str | None]:
        """Ids of changed cases, as they change; None: reload everything. Ends with the service."""
        page: asyncio.Queue[str | None] = asyncio.Queue(BACKLOG)
        self._pages.add(page)
        try:
            while not self._ending and (changed := await page.get()) != _END:
                yield changed
        finally:
            self._pages.discard(page)


def _offer(page: asyncio.Queue[str | None], case_id: str | None) -> None:
    if page.full():
        while not page.empty():
            page.get_nowait()
        case_id = case_id if case_id == _END else None
    page.put_nowait(case_id)
