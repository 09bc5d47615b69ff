"""Group commit: what queues while one commit runs is loaded, decided and committed together.

A turn is one thing to decide. Its `decide` is pure and may be asked more than once: when somebody
else changed the case first, the loser loads it again and goes round again. Nobody is answered
before what he did is durable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from approvals.evidence import Entry
from approvals.model import Case, Duration, Instant
from approvals.store import Change, Job, Press, Result, Store

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Row: TypeAlias = Press | Case | None
BATCH: Final = 64
"""Most changes in one commit: beyond this the first in the queue wait longer than they gain."""
OVERTAKEN: Final[Duration] = 800
"""How long a tap waits for the platform's answer to the post of its own card: by the loop's clock,
because one that is set while a tap waits would refuse it, or hold it for ever. No longer: a tap is
answered within a second, and who was too early is told to press again."""
ASK_AGAIN: Final[Duration] = 50


@dataclass(frozen=True, slots=True)
class Decision(Generic[T_co]):
    """What a turn came to: an answer, and what must be durable before it is given.

    `again`: not decidable yet (the tap overtook the answer to its card's post); asked again
    shortly, until `OVERTAKEN`.
    """

    answer: T_co
    change: Change | None = None
    entries: tuple[Entry, ...] = ()
    jobs: tuple[Job, ...] = ()
    again: bool = False


@dataclass(slots=True)
class _Turn(Generic[T]):
    decide: Callable[[Row, Instant], Decision[T]]
    done: asyncio.Future[T]
    duplicate: T
    since: float
    case: str | None
    press: tuple[bytes, str] | None


class Turns:
    """The queue and its workers. `committed` is told of each case that changed, at once.

    As many work at a time as the store has writers: two on PostgreSQL, where one batch is decided
    while the other's commit waits for the disk. To each other they are as two copies of the service
    are: the case's version and unique keys say who was first, and the loser goes round again.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], Instant],
        committed: Callable[[Sequence[Case]], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._committed = committed
        self._queue: deque[_Turn[Any]] = deque()
        self._arrived = asyncio.Event()

    async def take(
        self,
        decide: Callable[[Row, Instant], Decision[T]],
        *,
        duplicate: T,
        case: str | None = None,
        press: tuple[bytes, str] | None = None,
    ) -> T:
        """Decide on a case (by id), on a press (button lookup, event id) or on nothing loaded.

        `duplicate`: the answer if the store finds that this was committed before. Raises what
        `decide` raises, and `Busy` if the database does not answer.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._enqueue(_Turn(decide, done, duplicate, loop.time(), case, press))
        return await done

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._store.writers):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            while not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            try:
                await self._work(batch)
            except Exception as error:  # a dead database: tell everyone who waits, and go on
                for turn in batch:
                    _fail(turn, error)

    def _enqueue(self, turn: _Turn[Any]) -> None:
        self._queue.append(turn)
        self._arrived.set()

    async def _work(self, batch: Sequence[_Turn[Any]]) -> None:
        rows = await self._load(batch)
        now, loop = self._clock(), asyncio.get_running_loop()
        answers: list[tuple[_Turn[Any], Any]] = []
        noted: list[tuple[_Turn[Any], Decision[Any]]] = []
        changing: list[tuple[_Turn[Any], Any, Change]] = []
        touched: set[str] = set()
        for turn, row in zip(batch, rows, strict=True):
            if turn.done.done():
                continue
            if isinstance(row, ValueError):
                _fail(turn, row)
                continue
            try:
                decision = turn.decide(row, now)
            except Exception as error:
                _fail(turn, error)
                continue
            change = decision.change
            if decision.again and loop.time() - turn.since < OVERTAKEN / 1000:
                loop.call_later(ASK_AGAIN / 1000, self._enqueue, turn)
            elif change is None and (decision.entries or decision.jobs):
                noted.append((turn, decision))
            elif change is None:
                answers.append((turn, decision.answer))
            elif change.case.id in touched:
                self._enqueue(turn)
            else:
                touched.add(change.case.id)
                changing.append((turn, decision.answer, change))
        if noted:
            answers += await self._note(noted)
        won: list[Case] = []
        if changing:
            results = await self._store.commit([change for _, _, change in changing])
            for (turn, answer, change), result in zip(changing, results, strict=True):
                if result is Result.LOST:
                    self._enqueue(turn)
                elif result is Result.WON:
                    won.append(change.case)
                    answers.append((turn, answer))
                elif result is Result.BAD:
                    _fail(turn, ValueError("the database cannot hold one of its values"))
                else:
                    answers.append((turn, turn.duplicate))
        if won:
            self._committed(won)
        for turn, answer in answers:
            if not turn.done.done():
                turn.done.set_result(answer)

    async def _note(
        self, noted: Sequence[tuple[_Turn[Any], Decision[Any]]]
    ) -> list[tuple[_Turn[Any], Any]]:
        """Make durable what changes no case. Who brings what cannot be kept fails alone."""
        entries = [entry for _, decision in noted for entry in decision.entries]
        jobs = [job for _, decision in noted for job in decision.jobs]
        try:
            await self._store.append(entries, jobs)
        except ValueError as error:
            if len(noted) == 1:
                _fail(noted[0][0], error)
                return []
            return [answer for one in noted for answer in await self._note([one])]
        return [(turn, decision.answer) for turn, decision in noted]

    async def _load(self, batch: Sequence[_Turn[Any]]) -> list[Row | ValueError]:
        """What each is about. A key that the database cannot even look for is its turn's error."""
        try:
            return [*await self._load_all(batch)]
        except ValueError as error:
            if len(batch) == 1:
                return [error]
            return [row for turn in batch for row in await self._load([turn])]

    async def _load_all(self, batch: Sequence[_Turn[Any]]) -> list[Row]:
        presses = [turn.press for turn in batch if turn.press]
        wanted = list({turn.case for turn in batch if turn.case})
        pressed = iter(await self._store.presses(presses) if presses else ())
        cases = await self._store.cases(wanted) if wanted else {}
        return [next(pressed) if turn.press else cases.get(turn.case or "") for turn in batch]


def _fail(turn: _Turn[Any], error: Exception) -> None:
    if not turn.done.done():
        turn.done.set_exception(error)
