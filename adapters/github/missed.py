"""Deliveries that did not reach us. GitHub does not repeat them by itself, and does when asked:
https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from adapters.github.setup import EVENTS
from approvals.model import MINUTE, Duration, Instant

EVERY: Final = 60
"""Seconds between two looks."""
RECENT: Final[Duration] = 60 * MINUTE
"""After so long a press is not repeated: who pressed has seen that nothing came of it."""
MOST: Final = 5
"""Attempts for one event, GitHub's own the first."""


def missed(deliveries: Iterable[Any], installation: int, now: Instant) -> list[int]:
    """The newest delivery of each event of ours that we did not take, by its id. Raises what
    reading a shape raises that is not as documented."""
    found = list[int]()
    mine = [
        one
        for one in deliveries
        if one["event"] in EVENTS and one["installation_id"] == installation
    ]
    for _, attempts in groupby(sorted(mine, key=_event), key=_event):
        tried = sorted(attempts, key=lambda one: int(one["id"]))
        at = int(datetime.fromisoformat(tried[0]["delivered_at"]).timestamp() * 1000)
        if len(tried) < MOST and now - at < RECENT and all(map(_in_vain, tried)):
            found.append(tried[-1]["id"])
    return found


def _event(delivery: Any) -> str:
    return str(delivery["guid"])


def _in_vain(delivery: Any) -> bool:
    """Nobody was there, or could take it. What we refused we would refuse again."""
    return not 200 <= delivery["status_code"] < 500
