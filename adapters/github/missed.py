"""Deliveries that did not reach us. GitHub does not repeat them by itself, and does when asked:
https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from approvals.model import MINUTE, Duration, Instant

EVERY: Final = 60
"""Seconds between two looks."""
RECENT: Final[Duration] = 60 * MINUTE
"""After so long a press is not repeated: who pressed has seen that nothing came of it."""
MOST: Final = 7
"""Attempts for one event, GitHub's own the first."""
REST: Final[Duration] = MINUTE // 2
"""Between the first two attempts, and twice as long before each further one: all of them last for
half an hour, and copies of the service seldom ask for the same one."""
HEARD: Final = (("check_run", "requested_action"), ("issue_comment", "created"))
"""The events that may be a press or a command, with their action."""


def missed(deliveries: Iterable[Any], installation: int, now: Instant) -> list[int]:
    """The id of the newest delivery of each event that we should have had and did not take.

    Raises what reading a shape raises that is not as documented."""
    found = list[int]()
    mine = {
        one["id"]: one
        for one in deliveries
        if (one["event"], one["action"]) in HEARD and one["installation_id"] == installation
    }
    for _, attempts in groupby(sorted(mine.values(), key=_event), key=_event):
        tried = sorted(attempts, key=lambda one: int(one["id"]))
        rested = now - _at(tried[-1]) >= REST << (len(tried) - 1)
        recent = len(tried) < MOST and now - _at(tried[0]) < RECENT
        if rested and recent and all(map(_in_vain, tried)):
            found.append(tried[-1]["id"])
    return found


def _at(delivery: Any) -> Instant:
    return int(datetime.fromisoformat(delivery["delivered_at"]).timestamp() * 1000)


def _event(delivery: Any) -> str:
    return str(delivery["guid"])


def _in_vain(delivery: Any) -> bool:
    """Nobody was there, or could take it. What we refused we would refuse again."""
    return not 200 <= delivery["status_code"] < 500
