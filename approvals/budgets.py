"""What one agent may use, so that none takes the people or the service from the others.

Law: one agent's budget is never another's. Counted in memory of this process, by a clock that
nobody sets: each copy of the service counts what it is asked itself, from its start on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from approvals.model import MINUTE, SECOND, Duration, Instant, Kind, Requester

KEPT: Final = 10_000
"""Callers remembered; those not seen for longest are forgotten first."""
DAY: Final[Duration] = 24 * 60 * MINUTE
ASK_AGAIN: Final[Duration] = 30 * SECOND
"""When to come again where it depends on people."""


class Bucket:
    """`burst` at once, and as much again in each `period`, for each key.

    `steady`: a clock that nobody sets. By one that is set back, nothing would come for as long.
    """

    def __init__(
        self, steady: Callable[[], Instant], *, burst: float, period: Duration = SECOND
    ) -> None:
        self._steady, self._burst, self._rate = steady, burst, burst / period
        self._left: OrderedDict[str, tuple[float, Instant]] = OrderedDict()

    def wait(self, key: str, amount: float = 1) -> Duration:
        """For how long there will not be so much left; 0: there is. More than all of it counts as
        all of it."""
        missing = min(amount, self._burst) - self._now(key)
        return 0 if missing <= 0 else max(1, round(missing / self._rate))

    def count(self, key: str, amount: float = 1) -> None:
        """So much less is left; a negative amount gives back."""
        self._left[key] = (min(self._burst, self._now(key) - amount), self._steady())
        self._left.move_to_end(key)
        if len(self._left) > KEPT:
            self._left.popitem(last=False)

    def _now(self, key: str) -> float:
        left, since = self._left.get(key, (self._burst, 0))
        return min(self._burst, left + (self._steady() - since) * self._rate)


@dataclass(frozen=True, slots=True)
class Spent(Exception):
    """An agent has used up its budget. `why`: in words, for the agent; `wait`: until there is room,
    where time alone makes it."""

    why: str
    wait: Duration


@dataclass(slots=True)
class Account:
    """One agent's open requests, as far as this process opened them: size and deadline by id."""

    open: dict[str, tuple[int, Instant]] = field(default_factory=dict)

    def expire(self, now: Instant) -> None:
        """Forget what has run out."""
        for id in [id for id, (_, until) in self.open.items() if until <= now]:
            del self.open[id]


class Budgets:
    """The accounts of all agents, and what they use in a minute and in a day."""

    def __init__(self, steady: Callable[[], Instant]) -> None:
        self._steady = steady
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._accounts: OrderedDict[tuple[str, str], Account] = OrderedDict()

    def take(self, by: Requester, agent: str, size: int) -> None:
        """One request of so many bytes. Raises `Spent`, and then nothing is counted."""
        whose, asked = account_of(by, agent), []
        limits = (
            ("requests", by.budget.requests, MINUTE, 1, "requests a minute"),
            ("bytes", by.budget.bytes, DAY, size, "bytes a day"),
        )
        for name, limit, period, amount, what in limits:
            if limit is None:
                continue
            bucket = self._bucket(name, by, limit, period)
            if wait := bucket.wait(whose, amount):
                raise Spent(f"{_who(whose)} may send {limit:,} {what}, and has.", wait)
            asked.append((bucket, amount))
        for bucket, amount in asked:
            bucket.count(whose, amount)

    def give_back(self, by: Requester, agent: str, size: int) -> None:
        """It joined another one, or was not opened: it cost nobody anything."""
        for name, amount in (("requests", 1), ("bytes", size)):
            if (bucket := self._buckets.get((name, by.name))) is not None:
                bucket.count(account_of(by, agent), -amount)

    def account(self, by: Requester, agent: str) -> Account:
        """What this agent has open."""
        key = (by.name, account_of(by, agent))
        account = self._accounts.setdefault(key, Account())
        self._accounts.move_to_end(key)
        if len(self._accounts) > KEPT:
            self._accounts.popitem(last=False)
        return account

    def card(self, by: Requester, agent: str, person: str) -> Duration:
        """One card to this person; or, uncounted, for how long it has to wait."""
        if by.budget.cards is None:
            return 0
        bucket = self._bucket("cards", by, by.budget.cards, MINUTE)
        key = f"{account_of(by, agent)}\n{person}"
        if not (wait := bucket.wait(key)):
            bucket.count(key)
        return wait

    def _bucket(self, name: str, by: Requester, limit: int, period: Duration) -> Bucket:
        key = (name, by.name)
        if key not in self._buckets:
            self._buckets[key] = Bucket(self._steady, burst=limit, period=period)
        return self._buckets[key]


def room(by: Requester, agent: str, account: Account, size: int, revised: str = "") -> None:
    """Is there room for one more open request of so many bytes, which comes in the place of
    `revised` if that is open? Raises `Spent`."""
    budget, whose = by.budget, _who(account_of(by, agent))
    others = [taken for id, (taken, _) in account.open.items() if id != revised]
    held, more = sum(others), "Wait until some are decided, or withdraw one."
    if budget.open is not None and len(others) >= budget.open:
        raise Spent(f"{whose} may have {budget.open:,} open requests, and has. {more}", ASK_AGAIN)
    if budget.held is not None and others and held + size > budget.held:
        said = f"The open requests of {whose} hold {held:,} bytes of {budget.held:,}."
        raise Spent(f"{said} {more}", ASK_AGAIN)


def account_of(by: Requester, agent: str) -> str:
    """Whose budget it is. An agent that may call itself what it likes has that of its key."""
    return agent if by.kind is Kind.GATEWAY or by.agents is not None else ""


def _who(account: str) -> str:
    return f"agent {account!r}" if account else "this key"
