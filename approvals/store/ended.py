"""What this process knows to be over, whatever the database says afterwards.

A seal proves that we wrote a row once, not that it still holds: whoever writes an old row back has
a genuine one. So a process remembers what it saw end, for as long as the row would be worth
something. It forgets when it stops, and does not know what another copy ended, but for accounts and
links, which every copy reads again within a second of a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from approvals.model import Case
from approvals.people import GOOD

if TYPE_CHECKING:
    from approvals.store.people import Account, Linked

MOST: Final = 200_000
"""Of each kind; the oldest is forgotten first. A decided request takes about 200 bytes here."""


@dataclass(slots=True)
class Ended:
    """Secrets by their SHA-256, grants by id, links of accounts by their seal; closed cases."""

    _gone: dict[bytes | str, None] = field(default_factory=dict)
    _closed: dict[str, int] = field(default_factory=dict)
    _links: dict[str, None] = field(default_factory=dict)
    _linked: set[str] = field(default_factory=set)
    _barred: dict[tuple[str, str, str], Account] = field(default_factory=dict)

    def add(self, *what: bytes | str) -> None:
        """These were used, revoked or signed out."""
        for each in what:
            _keep(self._gone, each, None)

    def __contains__(self, what: bytes | str) -> bool:
        return what in self._gone

    def close(self, cases: Iterable[Case]) -> None:
        """Those of them that were decided never wait again."""
        for case in cases:
            if not case.open:
                _keep(self._closed, case.id, case.version)

    def reopened(self, case: str, version: int) -> bool:
        """Is this version of the case older than the one that was closed?"""
        return version < self._closed.get(case, 0)

    def unlink(self, seal: str) -> None:
        """The link with this seal was ended."""
        _keep(self._links, seal, None)

    def standing(self, linked: Sequence[Linked]) -> list[Linked]:
        """All links as they are stored, without those that ended: what was there before and then
        was not is ended."""
        now = {one.seal for one in linked}
        for seal in self._linked - now:
            self.unlink(seal)
        self._linked = now
        return [one for one in linked if self.links(one)]

    def links(self, one: Linked) -> bool:
        """Has it not ended?"""
        return one.seal not in self._links

    def note(self, account: Account) -> Account:
        """An account as it is stored; or as it was barred, if that is newer."""
        key = (account.org, account.channel, account.account)
        known = self._barred.get(key)
        if known is not None and known.vetted_at > account.vetted_at:
            return known
        if account.standing != GOOD:
            self._barred[key] = account
        else:
            self._barred.pop(key, None)
        return account

    def vanished(self, found: Iterable[Account], org: str) -> list[Account]:
        """Accounts that were barred and of which there is no row any more."""
        there = {(one.org, one.channel, one.account) for one in found}
        return [one for key, one in self._barred.items() if key not in there and key[0] == org]

    def known(self, org: str, channel: str, account: str) -> Account | None:
        """How an account of which there is no row was barred."""
        return self._barred.get((org, channel, account))


def _keep(where: dict[Any, Any], key: object, value: object) -> None:
    where.pop(key, None)
    where[key] = value
    if len(where) > MOST:
        del where[next(iter(where))]
