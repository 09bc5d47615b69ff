"""What goes wrong in the store for one goes wrong for nobody else; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from approvals.evidence import Entry
from approvals.model import ORG, Busy, Case, Instant
from approvals.store import CardState, Change, Job, Press, Result, Store
from approvals.store.cards import _update_bound
from approvals.turns import Decision, Turns
from tests.harness.house import HANGS
from tests.harness.stored import NOW, a_card, a_case, an_entry, opening, voting

BAD = ("nul \x00", "half \ud800", "long " + "key" * 3_000_000)


async def given(store: Store, *cases: Case) -> None:
    assert await store.commit([opening(case) for case in cases]) == [Result.WON] * len(cases)


@pytest.mark.parametrize("value", BAD[:2])
async def test_law_04_a_value_that_cannot_be_kept_is_the_fault_of_its_own_change(
    store: Store, value: str
) -> None:
    cases = [a_case(f"req_{n}") for n in range(4)]
    await given(store, *cases)
    heard: list[str] = []
    store.listen(lambda ids: heard.extend(ids or ()))
    changes = [voting(case, "lee") for case in cases]
    job = Job("redraw", "req_2", "slack", NOW, value)
    changes[2] = replace(changes[2], effects=(job,))
    results = await store.commit(changes)
    kept = results[2] is Result.WON  # SQLite can hold a NUL
    assert [r for i, r in enumerate(results) if i != 2] == [Result.WON] * 3
    assert kept or results[2] is Result.BAD
    now = await store.cases([case.id for case in cases])
    versions = {id_: case.version for id_, case in now.items()}
    assert versions == {"req_0": 2, "req_1": 2, "req_2": 2 if kept else 1, "req_3": 2}
    assert set(heard) >= {"req_0", "req_1", "req_3"}
    with suppress(ValueError):
        await store.append([an_entry(cases[0], value)])
    with suppress(ValueError):
        await store.presses([(b"look", value)])
    await given(store, a_case("req_after"))


async def test_law_04_what_postgresql_cannot_hold_is_an_error_of_its_own(
    postgresql_database: str,
) -> None:
    store = await Store.connect(postgresql_database)
    cases = [a_case("req_1"), a_case("req_2")]
    await given(store, *cases)
    for value in BAD:
        with pytest.raises(ValueError, match="database"):
            await store.put_meta(value, "x")
        now = await store.cases(["req_1", "req_2"])
        both = [voting(now["req_1"], "lee", value), voting(now["req_2"], "lee")]
        assert await store.commit(both) == [Result.BAD, Result.WON]
    await store.close()


@asynccontextmanager
async def turning(store: Store) -> AsyncIterator[tuple[Turns, list[str]]]:
    told: list[str] = []
    turns = Turns(store, lambda: NOW, lambda cases: told.extend(case.id for case in cases))
    work = asyncio.create_task(turns.run())
    yield turns, told
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work


@pytest.mark.parametrize("value", BAD[:2])
async def test_law_04_nobody_loses_a_vote_to_the_bad_value_of_somebody_else(
    postgresql_database: str, value: str
) -> None:
    store = await Store.connect(postgresql_database)
    cases = [a_case(f"req_{n}") for n in range(6)]
    await given(store, *cases)

    def vote(row: Press | Case | None, now: Instant) -> Decision[str]:
        assert isinstance(row, Case)
        change = voting(row, "lee")
        if row.id == "req_3":
            change = replace(change, seen=value)
        return Decision(row.id, change)

    def note(kind: str) -> Decision[str]:
        return Decision("noted", entries=(Entry(ORG, NOW, kind, None, "{}", b"s" * 16),))

    async with turning(store) as (turns, told):
        answers: Sequence[object] = await asyncio.gather(
            *(turns.take(vote, duplicate="seen", case=case.id) for case in cases),
            turns.take(lambda row, now: note(value), duplicate=""),
            turns.take(lambda row, now: note("fine"), duplicate=""),
            turns.take(lambda row, now: Decision("tapped"), duplicate="", press=(b"l", value)),
            turns.take(lambda row, now: Decision("tapped"), duplicate="", press=(b"l", "e")),
            return_exceptions=True,
        )
    failed = [i for i, answer in enumerate(answers) if isinstance(answer, ValueError)]
    assert failed == [3, 6, 8]
    good = [answer for i, answer in enumerate(answers) if i not in failed]
    assert good == ["req_0", "req_1", "req_2", "req_4", "req_5", "noted", "tapped"]
    assert sorted(told) == ["req_0", "req_1", "req_2", "req_4", "req_5"]
    await store.close()


async def test_law_04_a_vote_waits_for_its_own_case_only_and_then_goes_round_again(
    postgresql_database: str,
) -> None:
    store = await Store.connect(postgresql_database)
    await given(store, *(a_case(f"req_{n}") for n in range(3)))
    decided = asyncio.Event()

    async def vote(turns: Turns, case: str, person: str) -> str:
        def decide(row: Press | Case | None, now: Instant) -> Decision[str]:
            assert isinstance(row, Case)
            decided.set()
            return Decision(f"{row.id}: {person}", voting(row, person))

        return await turns.take(decide, duplicate="seen", case=case)

    direct = await asyncpg.connect(postgresql_database)
    async with turning(store) as (turns, told), asyncio.timeout(HANGS):
        busy = direct.transaction()
        await busy.start()
        await direct.execute("SELECT 1 FROM cases WHERE id = 'req_1' FOR UPDATE")
        first = asyncio.create_task(vote(turns, "req_1", "lee"))
        await decided.wait()
        assert await vote(turns, "req_0", "lee") == "req_0: lee"  # while the first one's waits
        second = asyncio.create_task(vote(turns, "req_1", "dana"))
        await asyncio.sleep(0)
        await busy.rollback()
        assert (await first, await second) == ("req_1: lee", "req_1: dana")
        assert sorted(told) == ["req_0", "req_1", "req_1"]
    assert (await store.cases(["req_1"]))["req_1"].version == 3
    await direct.close()
    await store.close()


async def test_law_04_a_read_only_database_is_busy_and_not_an_error_of_ours(
    postgresql_database: str,
) -> None:
    store = await Store.connect(postgresql_database)
    case = a_case()
    await given(store, case)
    await store.close()
    name = postgresql_database.partition("?")[0].rpartition("/")[2]
    direct = await asyncpg.connect(postgresql_database)
    await direct.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await direct.close()
    store = await Store.connect(postgresql_database)
    with pytest.raises(Busy):
        await store.commit([voting(case, "lee")])
    with pytest.raises(Busy):
        await store.commit([Change(replace(case, id="req_2"), None)])
    with pytest.raises(Busy):
        await store.put_meta("a", "b")
    assert (await store.cases([case.id]))[case.id] == case
    await store.close()


async def test_law_03_a_card_that_is_drawn_twice_keeps_its_echo(store: Store) -> None:
    case = a_case()
    await given(store, case)
    card, stored = a_card(case)
    await store.add_card(card, stored)
    await store.bind_message(card.id, "m", echo="posted")
    await store.drawing(card.id, "two")
    await store.drawing(card.id, "two")
    assert await store.drawn(card.id, 2)
    assert not await store.drawn(card.id, 2)
    drawn = await store.card(card.id)
    assert drawn is not None
    assert (drawn.echo, drawn.echo_next, drawn.drawn) == ("two", None, 2)
    assert await store.drawn(card.id, 3)
    drawn = await store.card(card.id)
    assert drawn is not None
    assert (drawn.echo, drawn.drawn) == ("two", 3)
    assert [job.kind for job in await claimed(store)] == ["post"]


async def test_law_03_a_late_draw_of_an_old_face_is_drawn_over(store: Store) -> None:
    case = a_case()
    await given(store, case)
    card, stored = a_card(case)
    await store.add_card(card, stored)
    await store.bind_message(card.id, "m", echo="one")
    await store.drawing(card.id, "two")
    await store.drawing(card.id, "three")
    assert await store.drawn(card.id, 3)
    assert not await store.drawn(card.id, 2)
    jobs = [job for job in await claimed(store) if job.kind == "draw"]
    assert [(job.request_id, job.target, job.data) for job in jobs] == [(case.id, "slack", card.id)]
    again = await store.card(card.id)
    assert again is not None
    assert (again.echo, again.drawn) == ("three", 0)
    await store.drawing(card.id, "three")
    assert await store.drawn(card.id, 3)
    assert not await store.drawn("none", 1)


@pytest.mark.parametrize("moves", [True, False])
async def test_law_03_a_case_that_moved_while_its_card_was_posted_has_it_drawn(
    store: Store, moves: bool
) -> None:
    case = a_case()
    await given(store, case)
    card, stored = a_card(case)
    await store.add_card(card, stored)
    if moves:
        assert await store.commit([voting(case, "lee")]) == [Result.WON]
    await store.bind_message(card.id, "m", echo="one")
    draws = [job.data for job in await claimed(store) if job.kind == "draw"]
    assert draws == [card.id] * moves


async def test_law_03_a_vote_waits_for_a_card_whose_message_is_just_kept(
    postgresql_database: str,
) -> None:
    """Else the vote's redraw would not find the card, nor the card the vote."""
    store = await Store.connect(postgresql_database)
    case = a_case()
    await given(store, case)
    card, stored = a_card(case)
    await store.add_card(card, stored)
    other = await asyncpg.connect(postgresql_database)
    dialect: Any = store._db._dialect  # type: ignore[attr-defined] # the driver's own
    bound = dialect.sql(_update_bound)
    binding = other.transaction()
    await binding.start()
    await other.fetch(bound.text, *bound.args({
        "id_": card.id, "message": "m", "given": "one", "state": CardState.POSTED
    }))  # fmt: skip
    vote = asyncio.create_task(store.commit([voting(case, "lee")]))
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    async with asyncio.timeout(HANGS):
        while not vote.done() and not await other.fetchval(waiting):
            await asyncio.sleep(0.01)
    assert not vote.done()
    await binding.commit()
    assert await vote == [Result.WON]
    await other.close()
    await store.close()


async def test_a_draw_is_noted_and_its_job_ended_in_one_transaction(store: Store) -> None:
    case = a_case()
    await given(store, case)
    card, stored = a_card(case)
    await store.add_card(card, stored)
    await store.bind_message(card.id, "m", echo="one")
    await store.append([], [Job("draw", case.id, "slack", NOW, card.id)])
    [job] = [job for job in await claimed(store) if job.kind == "draw"]
    await store.drawing(card.id, "two")
    with pytest.raises(ValueError, match=r"surrogate|database"):
        await store.drawn(card.id, 2, (an_entry(case, "\ud800"),), done=[job])
    kept = await store.card(card.id)
    assert kept is not None
    assert kept.drawn != 2
    assert await store.renew(job, job.due_at), "ended though the draw was not noted"
    await store.drawn(card.id, 2, done=[job])
    assert not await store.renew(job, job.due_at)


async def claimed(store: Store) -> list[Job]:
    return await store.claim("slack", worker="w", now=NOW, lease=1000, limit=10)
