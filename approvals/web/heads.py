"""What lists show of requests: titles, agents, the first facts.

A title is shown only of an unaltered request, which takes reading all of it. So a large request is
checked once, in a thread and one at a time, and what the lists need is remembered.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from approvals import cards
from approvals.model import Case, Request
from approvals.store import Store
from approvals.web import views
from approvals.web.views import Head

KEPT: Final = 2_000
"""Heads remembered, about 2 kB each; those not asked for longest go first."""


class Heads:
    """The heads of requests, remembered for each revision."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], Head] = OrderedDict()
        self._large = asyncio.Lock()

    async def of(self, store: Store, cases: Sequence[Case], salt: bytes) -> list[Head | None]:
        """The head of each case; None for one that was altered. `salt`: of redactions."""
        return list(await asyncio.gather(*(self._one(store, case, salt) for case in cases)))

    async def _one(self, store: Store, case: Case, salt: bytes) -> Head | None:
        key = case.id, case.revision
        if (known := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return known
        found = await store.small_content(case.id, case.revision)
        if found is not None:
            made = _checked(case, found, salt)
        else:
            async with self._large:  # ten megabytes at once, not fifty times that
                whole = await store.content(case.id, case.revision)
                if whole is None:
                    return views.ERASED
                made = await asyncio.to_thread(_checked, case, whole, salt)
        if made is not None:
            self._kept[key] = made
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


def _checked(case: Case, request: Request, salt: bytes) -> Head | None:
    return None if cards.altered(case, request) else views.head(request, salt=salt)
