"""What people see on a channel besides cards: requests that wait for them, and their decisions.

1. An account sees no more than its person sees in the inbox; an unlinked account sees nothing.
2. Looking decides nothing and writes nothing. A row links to its page, which needs a session.
3. No row holds an agent's words: its title is that of lists, its state the core's (law 11).
4. A request whose `via` leaves this channel out shows its rule here and nothing of its content.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from approvals import policy, text, words
from approvals.model import MINUTE, SECOND, Busy, Case, Duration, Instant, Person, Refused, Scope
from approvals.port import Home, HomeRow, Hosts
from approvals.web import inbox, views
from approvals.web.deps import Deps, audiences

log = structlog.get_logger()
WAITING: Final = 10
DECIDED: Final = 5
LOOKED: Final = 100
"""Closed cases that are searched for the person's decisions."""
KNOWN: Final = 200
"""Accounts whose pages are kept up to date; those not seen for longest are left out first."""
SEEN: Final = 60 * MINUTE
"""How long after it was last opened a page is kept up to date: platforms say when one is opened,
not when it is closed."""
PAUSE: Final = 1.0
"""Seconds in which changes are gathered before pages are shown again."""
AGAIN: Final = 10 * SECOND
"""When a platform that was away is tried again, if it does not say so itself."""


class AccountHomes:
    """The lists of one channel's accounts. `host`: what shows them. `stub`: the channel's cards
    show no content."""

    def __init__(self, deps: Deps, channel: str, host: Hosts, *, stub: bool) -> None:
        self._deps = deps
        self._channel = channel
        self._host = host
        self._stub = stub
        self._shown: OrderedDict[str, tuple[Instant, Home]] = OrderedDict()
        self._touched = asyncio.Event()

    async def of(self, account: str, *, stays: bool) -> Home | None:
        """The list for an account; None: it is not linked. `stays`: keep the page up to date.
        Raises `Busy`."""
        person = self._deps.directory.by_account(self._channel, account)
        if person is None:
            self._shown.pop(account, None)
            return None
        home = await self._home(person)
        if stays:
            self._shown[account] = self._deps.clock(), home
            self._shown.move_to_end(account)
            if len(self._shown) > KNOWN:
                self._shown.popitem(last=False)
        return home

    def changed(self) -> None:
        """Some case has changed, here or in another copy."""
        self._touched.set()

    async def run(self) -> None:
        """Update pages when cases change, until cancelled."""
        while True:
            await self._touched.wait()
            await asyncio.sleep(PAUSE)
            self._touched.clear()
            if (after := await self._refresh()) is not None:
                await asyncio.sleep(after / SECOND)
                self._touched.set()

    async def _refresh(self) -> Duration | None:
        """Update the pages that changed. Returns how long to wait if the platform or the store is
        busy."""
        now = self._deps.clock()
        for account, (seen, before) in list(self._shown.items()):
            person = self._deps.directory.by_account(self._channel, account)
            if person is None or now - seen > SEEN:
                self._shown.pop(account, None)
                continue
            try:
                home = await self._home(person)
                if home != before:
                    await self._host.show(account, home)
            except (Busy, Refused) as why:
                log.warning("home_not_shown", channel=self._channel, why=str(why))
                if isinstance(why, Busy) and why.scope is Scope.PLATFORM:
                    return why.retry_after or AGAIN
                continue
            if account in self._shown:
                self._shown[account] = seen, home
        return None

    async def _home(self, person: Person) -> Home:
        deps = self._deps
        mine = await inbox.theirs(deps, person)
        closed = await deps.store.page(closed=True, audiences=audiences(person), limit=LOOKED)
        own = [one for one in closed if any(vote.person == person.id for vote in one.votes)]
        return Home(
            waiting=await self._rows(person, mine[:WAITING]),
            decided=await self._rows(person, own[:DECIDED]),
            more=max(0, len(mine) - WAITING),
            inbox=f"{deps.site.origin}/inbox",
        )

    async def _rows(self, person: Person, cases: Sequence[Case]) -> tuple[HomeRow, ...]:
        deps, rows = self._deps, list[HomeRow]()
        for case, head in zip(cases, await deps.heads_of(*cases), strict=True):
            if head is None:  # altered in the database: nobody may see it
                continue
            ways = {entry.partition(":")[0] for entry in case.ask.via}
            bare = self._stub or bool(ways and self._channel not in ways)
            rows.append(
                HomeRow(
                    title=text.clean(case.ask.rule) if bare else head.title,
                    state=words.label(case) if bare else self._state(person, case),
                    risk=case.ask.risk,
                    at=case.expires_at if case.open else case.decided_at or case.expires_at,
                    link=f"{deps.site.origin}/requests/{case.id}",
                )
            )
        return tuple(rows)

    def _state(self, person: Person, case: Case) -> str:
        voice = replace(views.voice(self._deps.directory.names, case, person), quote=None)
        if not case.open:
            return words.state(case, voice, now=self._deps.clock())
        return words.progress(case, policy.needs(case.ask.quorum, case.votes), voice)
