"""A house whose effects are carried out by themselves, and a service as a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from approvals.store import Store
from tests.clients.commands import Agents
from tests.harness.house import Place, open_house
from tests.harness.installation import Installation, install


@pytest.fixture
async def house(store: Store) -> AsyncIterator[Place]:
    async with open_house(store, carry=True) as made:
        yield made


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, str, str]]:
    """A running service, its receipt key's thumbprint, and Dana's token."""
    place = install(tmp_path_factory.mktemp("service"))
    place.start()
    keys = place.call("GET", "/.well-known/jwks.json")[1]["keys"]
    yield place, keys[0]["kid"], place.token("dana")
    assert place.stop().code == 0


@pytest.fixture
def agents(installed: tuple[Installation, str, str], tmp_path: Path) -> Iterator[Agents]:
    """A user of it, with an empty home. What they leave pending is withdrawn."""
    place, pin, token = installed
    yield Agents(tmp_path, place, pin, token)
    for left in place.call("GET", "/v1/requests?status=pending")[1]["requests"]:
        place.call("DELETE", f"/v1/requests/{left['id']}")
