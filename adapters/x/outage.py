"""Detects our own outages, and asks X to deliver again what it had for us meanwhile.

All copies write into the channel's memory when one of them was last running. After a gap X is asked
to repeat the deliveries of that time; a message that counted already counts once.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Final

from pydantic_core import from_json, to_json

from adapters.x.api import Api, fail, log
from approvals.model import Busy, Duration, Instant, Refused
from approvals.port import Memory

NOTE: Final = "last here"
EVERY: Final = 15.0
"""Seconds between two signs of life."""
GAP: Final[Duration] = 45_000
"""So long without one is an outage."""
FURTHEST: Final[Duration] = 24 * 3_600_000
"""https://docs.x.com/x-api/webhooks/create-replay-job-for-webhook: "up to the past 24 hours"."""


@dataclass(frozen=True, slots=True)
class Here:
    """`last`: the last sign of life of any copy. `since`: when an outage began for which X was not
    asked yet. `asking`: when a copy began to ask. 0: none."""

    last: Instant
    since: Instant = 0
    asking: Instant = 0

    @property
    def raw(self) -> bytes:
        return to_json(asdict(self))


@dataclass(frozen=True, slots=True)
class Outages:
    """`bearer`: the header of the app itself. `webhook`: its id there; "" until it is known."""

    api: Api
    bearer: str
    webhook: str

    async def watch(self, memory: Memory, now: Instant) -> None:
        """Give a sign of life; after an outage, ask X for its deliveries. `Busy`."""
        raw = await memory.get(NOTE)
        before = Here(**from_json(raw)) if raw else Here(now)
        since = before.since or (before.last if now - before.last > GAP else 0)
        due = since and abs(now - before.asking) > GAP
        here = Here(now, since, now if due else before.asking)
        if not await memory.put(NOTE, here.raw, was=raw) or not due:
            return  # where another copy was faster, it asks
        try:
            await self._again(since, now)
            since = 0
        except Refused as why:
            log.error("X does not repeat the deliveries of an outage: %s", why)
            since = 0
        finally:  # other copies have given signs of life meanwhile
            while (raw := await memory.get(NOTE)) is not None:
                done = replace(Here(**from_json(raw)), since=since, asking=0)
                if await memory.put(NOTE, done.raw, was=raw):
                    break

    async def _again(self, since: Instant, now: Instant) -> None:
        if not self.webhook:
            raise Refused("webhook_id is not configured")
        # X disables a webhook that failed its challenge; this repeats the challenge and enables it.
        path = f"/2/webhooks/{self.webhook}"
        status, said = await self.api.call("PUT", path, self.bearer)
        if status >= 300 or not (said.get("data") or {}).get("valid"):
            raise Busy(f"x: its challenge failed, or webhook_id is not ours: {status}")
        dates = {"from_date": _minute(max(since, now - FURTHEST)), "to_date": _minute(now)}
        asked = {"webhook_id": self.webhook, **dates}
        status, said = await self.api.call("POST", "/2/webhooks/replay", self.bearer, json=asked)
        if status >= 300:
            fail(status, said)
        log.warning("X repeats the deliveries from %s to %s", *dates.values())


def _minute(at: Instant) -> str:
    return time.strftime("%Y%m%d%H%M", time.gmtime(at // 1000))
