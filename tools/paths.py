"""Draws docs/paths.md, the files that a tap goes through and a posted card's trips to the database:
`make docs`.

Both are watched, not written down: the service of the benchmark runs here on a SQLite file, with
Slack's own adapter, takes taps over HTTP and posts cards. Only what would go to Slack stays here.
"""

from __future__ import annotations

import asyncio
import os
import pkgutil
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from inspect import CO_COROUTINE
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeAlias, TypeVar

import sqlalchemy as sa

import approvals.store
from approvals.app import keys
from approvals.app.compose import House, Plan, running
from approvals.app.host import steady
from approvals.store import Store
from approvals.store.statements import Script, Statement
from bench import serve_taps, taps

T = TypeVar("T")
ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "paths.md"
SECRET: Final = "the signing secret of an app that is not there"
TIMES: Final = 3
"""Taps that are watched. Kept is what all of them did: the service does other things meanwhile, and
some only once."""
COMPOSE: Final = "approvals/app/compose.py"
"""Where those who are told of a commit are put together."""
BESIDE: Final = {"read": 0, "write alone": 0, "write": 2, "write, and tell": 3}
"""Trips to PostgreSQL that a call takes besides its statements."""
HEAD: Final = """\
# The paths of a tap and of a card

Drawn by `make docs` ([tools/paths.py](../tools/paths.py)) from what runs: the service on a SQLite
file, with Slack's own adapter, over HTTP. Only what would go to Slack stays here.

"""
TAP: Final = """\
## A tap

A tap enters {files} files. {way} are on its way: they wait for the network, the queue or the disk,
and hand it on. {asked} are asked or told on the way, and answer at once. Each holds one idea; none
is merged with another to make these numbers smaller.

| | function | file | called by |
|---|---|---|---|
{passed}

Entered more than once: {often}.
The channel is asked one step after the other, as its port says. The service is entered again when
the commit queue calls back what decides; the store once to load and once to commit.

A commit wakes each of these, in brackets how often: {woken}.

What is asked or told:

| file | what | by |
|---|---|---|
{others}

"""
CARD: Final = """\
## A posted card

A card in a person's own conversation takes {trips} trips to PostgreSQL: one for each statement, and
two where several begin and end a transaction. (SQLite is in the process.)

| | statements | trips |
|---|---|---|
{calls}

Slack is called between the last two: what a tap needs is durable before the card can be tapped. A
lane that carried something looks again: one trip more, for however many cards it posted.
"""
PRODUCT: Final = tuple(str(ROOT / part) + os.sep for part in ("approvals", "adapters"))


@dataclass(frozen=True, slots=True)
class Step:
    """A function that was entered from another file (None: from outside the product)."""

    file: str
    function: str
    by: str | None
    waits: bool
    """It is a coroutine: it is on the way of the tap, and not only asked."""

    @property
    def room(self) -> str:
        """The part of the product that it belongs to."""
        return _room(self.file)

    @property
    def name(self) -> str:
        """What it is called in its class."""
        return self.function.rpartition(".")[2]


Entered: TypeAlias = dict[Step, int]
"""In order, with how often."""


@dataclass(slots=True)
class Watch:
    """Notes what is entered in this thread, and in those that begin meanwhile."""

    steps: Entered = field(default_factory=dict)
    _mine: bool = False

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Threads that begin in this block are watched."""
        threading.setprofile(self._call)
        try:
            yield
        finally:
            threading.setprofile(None)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Note what is entered in this block."""
        self.steps = {}
        before = sys.getprofile()
        sys.setprofile(self._call)
        self._mine = True
        try:
            yield
        finally:
            self._mine = False
            sys.setprofile(before)

    def _call(self, frame: FrameType, event: str, _: object) -> None:
        # A coroutine that goes on after it waited is called again, elsewhere than where it begins.
        begins = frame.f_lineno == frame.f_code.co_firstlineno
        if self._mine and event == "call" and begins and _ours(frame):
            by = frame.f_back
            while by is not None and not _ours(by):
                by = by.f_back
            code = frame.f_code
            file, caller = _file(frame), None if by is None else _file(by)
            if file != caller:
                function = code.co_qualname.replace(".<locals>", "")
                waits = bool(code.co_flags & CO_COROUTINE)
                step = Step(file, function, caller, waits)
                self.steps[step] = self.steps.get(step, 0) + 1


def _ours(frame: FrameType) -> bool:
    """A function of the product that has a name."""
    code = frame.f_code
    return code.co_filename.startswith(PRODUCT) and not code.co_name.startswith("<")


def _file(frame: FrameType) -> str:
    return Path(frame.f_code.co_filename).relative_to(ROOT).as_posix()


MINE: Final = ContextVar("MINE", default=False)
"""Asked by what is drawn, and the tasks that it starts: other parts look at the store as well."""


@dataclass(slots=True)
class Driver:
    """The store's driver, and what is asked of it: the kind of each call and its statements."""

    driver: Any
    asked: list[tuple[str, list[str]]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.driver, name)

    async def read(self, script: Script[T], **more: Any) -> T:
        found: T = await self.driver.read(self._noted("read", script), **more)
        return found

    async def write(self, script: Script[T], moved: Collection[str] = (), **more: Any) -> T:
        noted = self._noted("write, and tell" if moved else "write", script)
        done: T = await self.driver.write(noted, moved, **more)
        return done

    async def alone(self, script: Script[T]) -> T:
        done: T = await self.driver.alone(self._noted("write alone", script))
        return done

    def _noted(self, kind: str, script: Script[T]) -> Script[T]:
        names = list[str]()
        if MINE.get():  # here, because a script runs in a thread of the driver's
            self.asked.append((kind, names))
        return _told(script, names)


def _told(script: Script[T], names: list[str]) -> Script[T]:
    """The script, whose statements are named as they run."""
    send: Any = None
    try:
        while True:
            statement, params = script.send(send)
            if params or not isinstance(params, Sequence):  # no rows, no statement
                names.append(NAMES[statement])
            send = yield statement, params
    except StopIteration as end:
        value: T = end.value
        return value


NAMES: Final[dict[Statement, str]] = {
    value: name.removeprefix("_")
    for module in pkgutil.iter_modules(approvals.store.__path__, "approvals.store.")
    for name, value in vars(import_module(module.name)).items()
    if callable(value) or isinstance(value, sa.Executable)
}
"""What each statement is called."""


@asynccontextmanager
async def _house(folder: Path) -> AsyncIterator[tuple[House, Plan]]:
    """The service, with a person who had a card before: their account is known to be theirs."""
    serve_taps.Posted.sent.clear()
    keys.new(folder / "keys", now=serve_taps.clock(), random=os.urandom)
    plan = serve_taps.plan(folder, SECRET)
    store = await Store.connect(f"sqlite:///{folder / 'paths.db'}")
    try:
        async with running(
            plan, store, clock=serve_taps.clock, random=os.urandom, steady=steady, carry=False
        ) as house:
            await _post(house, plan)
            yield house, plan
    finally:
        await store.close()


async def _post(house: House, plan: Plan) -> None:
    """One request, to the first of the people, and its card."""
    await serve_taps.open_cases(house, plan, 0, 1)
    await serve_taps.drain(house, "slack")


async def _tap(house: House, card: taps.Card) -> None:
    """Over HTTP, as Slack sends it."""
    [raw] = taps.sign([card], path="/channels/slack/events", secret=SECRET, now=time.time())
    reader, writer = await asyncio.open_connection("127.0.0.1", int(house.url.rpartition(":")[2]))
    writer.write(raw)
    status = await reader.readline()
    writer.close()
    if b" 200 " not in status:
        raise RuntimeError(f"the tap was answered {status!r}")


async def tapped() -> Entered:
    """What a tap enters, in order."""
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder, watch.threads():
        async with _house(Path(folder)) as (house, plan):
            seen = list[Entered]()
            for _ in range(TIMES):
                await _post(house, plan)
                with watch.running():
                    await _tap(house, serve_taps.Posted.sent[-1])
                seen.append(watch.steps)
    every = {step for step in seen[-1] if all(step in one for one in seen)}
    return {step: times for step, times in seen[-1].items() if step in every}


async def posted() -> list[tuple[str, list[str]]]:
    """What a card asks of the database, from the claim of its job to the end of it."""
    with tempfile.TemporaryDirectory() as folder:
        async with _house(Path(folder)) as (house, plan):
            await serve_taps.open_cases(house, plan, 0, 1)
            house.store._db = driver = Driver(house.store._db)  # type: ignore[assignment] # it is one
            MINE.set(True)
            await house.outbox.drain("slack")
            return driver.asked


def text() -> str:
    """The page."""
    return HEAD + _of_a_tap(asyncio.run(tapped())) + _of_a_card(asyncio.run(posted()))


def _of_a_tap(steps: Entered) -> str:
    way = {step.file for step in steps if step.waits}
    passed, asked = list[Step](), dict[str, list[Step]]()
    for step in steps:
        if step.file not in way:
            asked.setdefault(step.file, []).append(step)
        elif step.waits or (step.by and step.room != _room(step.by)):
            passed.append(step)
    entered = dict[str, list[str]]()
    for step in passed:
        if step.by and step.room != _room(step.by):
            entered.setdefault(step.room, []).append(f"`{step.name}`")
    return TAP.format(
        files=len(way) + len(asked),
        way=len(way),
        asked=len(asked),
        passed="\n".join(
            f"| {n} | `{step.name}` | {_link(step.file)} | {_caller(step)} |"
            for n, step in enumerate(passed, 1)
        ),
        often="; ".join(
            f"{room} by {', '.join(names)}" for room, names in entered.items() if len(names) > 1
        ),
        woken=", ".join(
            f"`{step.function}` ({times})" for step, times in steps.items() if step.by == COMPOSE
        ),
        others="\n".join(
            f"| {_link(file)} | {_joined(f'`{step.name}`' for step in found)} "
            f"| {_joined(map(_caller, found))} |"
            for file, found in sorted(asked.items())
        ),
    )


def _of_a_card(calls: Sequence[tuple[str, list[str]]]) -> str:
    trips = [BESIDE[kind] + len(names) for kind, names in calls]
    return CARD.format(
        trips=sum(trips),
        calls="\n".join(
            f"| {kind} | {_joined(f'`{name}`' for name in names)} | {count} |"
            for (kind, names), count in zip(calls, trips, strict=True)
        ),
    )


def _joined(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def _room(file: str | None) -> str:
    """The part of the product that a file belongs to."""
    parts = (file or "").removesuffix(".py").split("/")
    return parts[1] if len(parts) > 1 else ""


def _caller(step: Step) -> str:
    return _short(step.by) if step.by else "the server"


def _short(file: str) -> str:
    return file.partition("/")[2]


def _link(file: str) -> str:
    return f"[{_short(file)}](../{file})"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
