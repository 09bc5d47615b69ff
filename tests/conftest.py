"""What every test may ask for: a store on each of the two databases, the real ones.

With pytest-xdist the controller runs one server for all workers; each makes databases of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import shutil
import signal
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil
import pytest
import structlog
from hypothesis import settings

from approvals.store import Store, metadata
from tests.harness import forks
from tests.harness.postgres import postgres

# A shell starts what it puts into the background deaf to Ctrl-C, and so would be whatever a test
# starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is slow, and that is no fault of the code; what must be quick is measured apart.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

PATIENCE: Final = 900
"""Seconds after which a test, or what is set up for it, has hung: whatever it waits for."""
LONGEST: Final = (
    "test_each_part_measures_and_keeps_a_whole_record",
    "test_no_page_has_a_fault_that_axe_can_find",
    "test_law_06_of_twenty_thousand_forged_taps_none_is_accepted",
    "test_law_24_killed_at_any_point_nothing_is_lost_and_nothing_is_decided_twice",
    "test_law_24_nor_on_postgresql",
    "test_law_24_jobs_of_a_killed_copy_are_done_by_another",
)
"""Come first, so that nobody is left alone with one of them at the end."""
OURS: Final = "COUNTERSIGN_TESTED_BY"
"""A variable that every process which a test starts has from us."""

_SERVER = pytest.StashKey[contextlib.ExitStack]()
_URL = pytest.StashKey[str]()
_LEFT = pytest.StashKey[list[str]]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Before a worker starts: tell it where the server is."""
    stash = node.config.stash
    if _SERVER not in stash:
        stash[_SERVER] = contextlib.ExitStack()
        stash[_URL] = stash[_SERVER].enter_context(postgres())
    node.workerinput["postgres_url"] = stash[_URL]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: getattr(item, "originalname", "") not in LONGEST)


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """Nothing waits for ever: what hangs fails, and is cleared away like whatever fails."""

    def hung(*_: object) -> None:
        raise TimeoutError(f"it hung: it was not done after {PATIENCE} s")

    was = signal.signal(signal.SIGALRM, hung)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, was)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None]:
    with _bounded():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    with _bounded():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None]:
    with _bounded():
        return (yield)


def _runs_tests(config: pytest.Config) -> bool:
    """A worker, or whoever has none."""
    return hasattr(config, "workerinput") or not config.getoption("numprocesses", None)


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[_LEFT] = []
    if _runs_tests(session.config):
        os.environ[OURS] = str(os.getpid())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """No process is left behind by a test; where one is, the run has failed."""
    left = session.config.stash[_LEFT]
    if _runs_tests(session.config):
        forks.end()
        _, still = psutil.wait_procs(_ours(), timeout=10)
        for one in still:
            with contextlib.suppress(psutil.Error):
                left.append(f"{one.pid}: {' '.join(one.cmdline())}")
                one.kill()
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = left


def _ours() -> Iterator[psutil.Process]:
    """What was started here and runs, whoever its parent is now."""
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if one.pid != os.getpid() and one.environ().get(OURS) == str(os.getpid()):
                yield one


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[_LEFT] += getattr(node, "workeroutput", {}).get("left", [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for one in config.stash[_LEFT]:
        terminalreporter.write_line(f"left behind by a test: {one}", red=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVER in config.stash:
        config.stash[_SERVER].close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """No garbage is collected while a failure is put into words: what a collected task has to say
    is a traceback, too, and Python 3.11 ends the whole run with "AST constructor recursion depth
    mismatch" where one is read within another (python/cpython#106905, pytest-dev/pytest#10874)."""
    if call.excinfo is None:
        return (yield)
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """SDKs take proxies, Twilio's its hosts, from the environment; the peers are on loopback."""
    taken = [name for name in os.environ if name.lower().endswith("_proxy")]
    for name in (*taken, "TWILIO_EDGE", "TWILIO_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """How it is logged is put back: a command that ran here chose it for a process of its own, and
    its stream ended with its test."""
    was, root, excepthook = structlog.get_config(), logging.getLogger(), threading.excepthook
    level, handlers = root.level, list(root.handlers)
    yield
    structlog.configure(**was)
    if root.handlers != handlers:
        root.handlers[:] = handlers
        logging.captureWarnings(capture=False)
    root.setLevel(level)
    threading.excepthook = excepthook


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a PostgreSQL database whose user may create others."""
    given = getattr(request.config, "workerinput", {}).get("postgres_url")
    if given is not None:
        yield given
        return
    with postgres() as url:
        yield url


async def create(server: str, template: str = "template1") -> str:
    """URL of a new database on a server."""
    name = f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    finally:
        await connection.close()
    head, mark, query = server.partition("?")
    return f"{head.rpartition('/')[0]}/{name}{mark}{query}"


async def drop(server: str, url: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {name_of(url)} WITH (FORCE)")
    finally:
        await connection.close()


def name_of(url: str) -> str:
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
    url = asyncio.run(create(postgres_url))
    yield name_of(asyncio.run(_migrated(url)))
    asyncio.run(drop(postgres_url, url))


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> str:
    """URL of an empty, migrated SQLite database."""
    path = tmp_path / "countersign.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql_spare(postgres_url: str) -> Iterator[dict[str, str]]:
    """Databases that a test is done with, emptied; and how each looked when it was new."""
    spare: dict[str, str] = {}
    yield spare
    for url in spare:
        asyncio.run(drop(postgres_url, url))


@pytest.fixture
async def postgresql_database(
    postgres_url: str, postgres_template: str, postgresql_spare: dict[str, str]
) -> AsyncIterator[str]:
    """URL of an empty, migrated PostgreSQL database.

    One that another test used is emptied and taken again if it looks as when it was new: to copy
    the template takes a hundred times as long.
    """
    if postgresql_spare:
        url, new = postgresql_spare.popitem()
    else:
        url = await create(postgres_url, postgres_template)
        new = await looks(url)
    yield url
    try:
        alike = await looks(url, empty=True) == new
    except (OSError, asyncpg.PostgresError):
        alike = False  # the test did something to it: it cannot be asked, or not be written
    if alike:
        postgresql_spare[url] = new
    else:
        await drop(postgres_url, url)


async def looks(url: str, *, empty: bool = False) -> str:
    """All of a database that a test could change, but for its rows.

    `empty`: first these are deleted, nobody stays connected, and it counts from one again.
    """
    connection = await asyncpg.connect(url)
    try:
        if empty:
            await connection.execute(_EMPTY)
        return str(await connection.fetchval(_LOOKS))
    finally:
        await connection.close()


_EMPTY = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
SELECT setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences
WHERE last_value IS NOT NULL;
"""
_EMPTY += "".join(f'DELETE FROM "{one.name}";' for one in reversed(metadata.sorted_tables))
_LOOKS = """
SELECT string_agg(said, E'\n' ORDER BY said) FROM (
  SELECT concat_ws(' ', c.relname, c.relkind, c.relacl::text, a.attnum, a.attname, a.atttypid,
    a.atttypmod, a.attnotnull, a.attidentity, a.attacl::text) said
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL SELECT conrelid::regclass || pg_get_constraintdef(oid) FROM pg_constraint
  WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger
  UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_'
  UNION ALL SELECT version_num FROM alembic_version
  UNION ALL SELECT concat_ws(' ', d.datacl::text, d.datallowconn, d.datconnlimit, s.setconfig::text)
  FROM pg_database d LEFT JOIN pg_db_role_setting s ON s.setdatabase = d.oid
  WHERE d.datname = current_database()
) everything
"""


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


@pytest.fixture
def blank(database: str, tmp_path: Path) -> str:
    """URL of a database without tables."""
    if database.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/blank.db"

    async def empty() -> None:
        connection = await asyncpg.connect(database)
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()

    asyncio.run(empty())
    return database
