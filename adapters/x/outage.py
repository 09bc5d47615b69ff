"""Detects our own outages, and asks X to deliver again what it had for us meanwhile.

All copies write into the channel's memory when one of them was last running. After a gap X is asked
to repeat the deliveries of that time; a message that counted already counts once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from pydantic_core import from_json, to_json

from adapters.x.api import Api, fail, log
from approvals.model import Busy, Duration, Instant, Refused
from approvals.port import Line, Memory

NOTE: Final = "last here"
EVERY: Final = 15.0
"""Seconds between two signs of life."""
GAP: Final[Duration] = 45_000
"""So long without one is an outage."""
FURTHEST: Final[Duration] = 24 * 3_600_000
"""https://docs.x.com/x-api/webhooks/create-replay-job-for-webhook: "up to the past 24 hours"."""
MINUTE: Final[Duration] = 60_000
LATER: Final[Duration] = 45 * MINUTE
"""When X refuses to repeat deliveries it is asked once more, after so long. Its former endpoint
refused what began less than 31 minutes ago, or ended less than 10 minutes ago, or while another job
ran; and it left out the last minute:
https://developer.x.com/en/docs/x-api/enterprise/account-activity-api/api-reference/replay-api"""


@dataclass(frozen=True, slots=True)
class Here:
    """`last`: the last sign of life of any copy. `since`, `until`: when an outage began, and ended,
    for which X was not asked yet. `asking`: when a copy began to ask. 0: none. `refused`: X was
    asked, and refused."""

    last: Instant
    since: Instant = 0
    until: Instant = 0
    asking: Instant = 0
    refused: bool = False

    @property
    def raw(self) -> bytes:
        return to_json(asdict(self))


DONE: Final[Mapping[str, Any]] = {"since": 0, "until": 0, "asking": 0, "refused": False}


@dataclass(frozen=True, slots=True)
class Outages:
    """`bearer`: the header of the app itself. `webhook`: its id there; "" until it is known."""

    api: Api
    bearer: str = field(repr=False)
    webhook: str

    async def watch(self, memory: Memory, now: Instant) -> None:
        """Give a sign of life; after an outage, ask X for its deliveries. `Busy`."""
        raw = await memory.get(NOTE)
        before = Here(**from_json(raw)) if raw else Here(now)
        here = replace(before, last=now)
        if now - before.last > GAP:
            here = replace(here, since=before.since or before.last, until=now)
        due = here.since and abs(now - here.asking) > (LATER if here.refused else GAP)
        asks = replace(here, asking=now) if due else here
        if not await memory.put(NOTE, asks.raw, was=raw) or not due:
            return  # where another copy was faster, it asks
        after: Mapping[str, Any] = {"asking": 0}
        try:
            await self._again(here, now)
            after = DONE
        except Refused as why:
            again = self.webhook and not here.refused
            log.error(Line("missed_deliveries_not_repeated", why=why))
            after = {"refused": True} if again else DONE
        finally:  # other copies have given signs of life meanwhile
            while (raw := await memory.get(NOTE)) is not None:
                done = replace(Here(**from_json(raw)), **after)
                if await memory.put(NOTE, done.raw, was=raw):
                    break

    async def _again(self, here: Here, now: Instant) -> None:
        if not self.webhook:
            raise Refused("webhook_id is not configured")
        # X disables a webhook that failed its challenge; this repeats the challenge and enables it.
        path = f"/2/webhooks/{self.webhook}"
        status, said = await self.api.call("PUT", path, self.bearer)
        if status in (401, 402):  # bearer_token or the credits, and no fault of the webhook
            fail(status, said)
        if status >= 300 or not (said.get("data") or {}).get("valid"):
            raise Busy(f"x: its challenge failed, or webhook_id is not ours: {status}")
        start, end = max(here.since, now - FURTHEST), min(here.until + MINUTE, now)
        dates = {"from_date": _minute(start), "to_date": _minute(end)}
        asked = {"webhook_id": self.webhook, **dates}
        status, said = await self.api.call("POST", "/2/webhooks/replay", self.bearer, json=asked)
        if status >= 300:
            fail(status, said)
        log.warning(Line("missed_deliveries_asked_for", **dates))


def _minute(at: Instant) -> str:
    return time.strftime("%Y%m%d%H%M", time.gmtime(at // 1000))
