"""What every test may ask for: a store on each of the two databases, the real ones.

With pytest-xdist the controller runs one server for all workers; each makes databases of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import settings

from approvals.store import Store
from tests.postgres import postgres

# A busy machine is slow, and that is no fault of the code; what must be quick is measured apart.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

_SERVER = pytest.StashKey[contextlib.ExitStack]()
_URL = pytest.StashKey[str]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Before a worker starts: tell it where the server is."""
    stash = node.config.stash
    if _SERVER not in stash:
        stash[_SERVER] = contextlib.ExitStack()
        stash[_URL] = stash[_SERVER].enter_context(postgres())
    node.workerinput["postgres_url"] = stash[_URL]


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVER in config.stash:
        config.stash[_SERVER].close()


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """SDKs take proxies from the environment; the peers are on loopback."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a PostgreSQL database whose user may create others."""
    given = getattr(request.config, "workerinput", {}).get("postgres_url")
    if given is not None:
        yield given
        return
    with postgres() as url:
        yield url


async def _create(server: str, template: str = "template1") -> str:
    """URL of a new database on a server."""
    name = f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    finally:
        await connection.close()
    head, mark, query = server.partition("?")
    return f"{head.rpartition('/')[0]}/{name}{mark}{query}"


async def _drop(server: str, url: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)")
    finally:
        await connection.close()


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


async def _migrated(url: str) -> str:
    await (await Store.connect(url)).close()
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    asyncio.run(_migrated(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    """Name of a migrated database, to be copied."""
    url = asyncio.run(_create(postgres_url))
    yield _name(asyncio.run(_migrated(url)))
    asyncio.run(_drop(postgres_url, url))


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> str:
    """URL of an empty, migrated SQLite database."""
    path = tmp_path / "countersign.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
async def postgresql_database(postgres_url: str, postgres_template: str) -> AsyncIterator[str]:
    """URL of an empty, migrated PostgreSQL database."""
    url = await _create(postgres_url, postgres_template)
    yield url
    await _drop(postgres_url, url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """URL of an empty, migrated database of each kind."""
    return str(request.getfixturevalue(f"{request.param}_database"))


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    """An empty store on each of the two databases."""
    store = await Store.connect(database)
    yield store
    await store.close()
