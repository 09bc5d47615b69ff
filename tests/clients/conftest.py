"""A house whose effects are carried out by themselves, so that receipts are signed as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from approvals.store import Store
from tests.house import Place, open_house


@pytest.fixture
async def house(store: Store) -> AsyncIterator[Place]:
    async with open_house(store, carry=True) as made:
        yield made
