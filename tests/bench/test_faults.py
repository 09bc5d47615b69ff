"""How `bench.faults` counts: each kind of damage is found, in a database that is sound else."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from approvals.model import Status
from approvals.store import Store
from bench.faults import Count, count, wish
from tests.harness.house import Place, Wall, open_house

GOOD = Count(lost=0, twice=0, wrong=0, open=0, chain="whole")


@dataclass
class Day:
    """What a crowd saw of a day: requests that were opened, pressed and concluded."""

    place: Place
    file: str
    opened: dict[str, str]
    pressed: dict[tuple[str, str], str]
    concluded: dict[str, dict[str, Any]]

    async def count(self) -> Count:
        return await count(
            self.place.store, self.opened, self.pressed, self.concluded, self.place.key,
            channel="desk",
        )  # fmt: skip

    def sql(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self.file, timeout=10)) as file, file:
            file.execute(statement, values)


@pytest.fixture
async def day(sqlite_database: str) -> AsyncIterator[Day]:
    """Five requests, of which some were declined; all as the person wished."""
    store = await Store.connect(sqlite_database)
    async with open_house(store, clock=Wall()) as place:
        made = Day(place, sqlite_database.removeprefix("sqlite:///"), {}, {}, {})
        verdicts = set[Status]()
        while len(made.opened) < 5 or len(verdicts) < 2:
            request = await place.opened(payload={"n": len(made.opened)})
            made.opened[request["id"]] = request["digest"]
            card = await place.card(request, "U-dana")
            approves = wish(request["id"]) is Status.APPROVED
            verdicts.add(wish(request["id"]))
            await place.tap(place.desk.press(card, "Approve" if approves else "Decline"))
            await place.carried()
            made.pressed[card.ref.conversation, card.ref.message] = request["id"]
            made.concluded[request["id"]] = await place.read(request["id"])
        yield made
    await store.close()


async def pending(day: Day) -> tuple[str, tuple[str, str]]:
    """A request that nobody pressed yet, and its card."""
    request = await day.place.opened(payload={"n": "late"})
    day.opened[request["id"]] = request["digest"]
    card = await day.place.card(request, "U-dana")
    return request["id"], (card.ref.conversation, card.ref.message)


async def test_a_sound_day_counts_nothing(day: Day) -> None:
    assert await day.count() == GOOD
    assert GOOD.good


async def test_a_request_without_a_verdict_is_open(day: Day) -> None:
    await pending(day)
    assert await day.count() == Count(0, 0, 0, open=1, chain="whole")


async def test_a_press_that_was_acknowledged_and_left_no_vote_is_lost(day: Day) -> None:
    request, card = await pending(day)
    day.pressed[card] = request
    assert await day.count() == Count(lost=1, twice=0, wrong=0, open=1, chain="whole")


async def test_a_request_that_was_acknowledged_and_is_not_there_is_lost(day: Day) -> None:
    day.opened["req_" + "0" * 26] = "sha-256:" + "0" * 64
    assert (await day.count()).lost == 1


async def test_a_second_vote_or_opening_in_the_chain_is_twice(day: Day) -> None:
    for number, kind in enumerate(("vote", "request.opened"), 1):
        copy = "INSERT INTO audit (org, at, kind, request_id, content, salt) "
        copy += "SELECT org, at, kind, request_id, content, salt FROM audit "
        day.sql(f"{copy} WHERE kind = ? AND request_id = ?", kind, list(day.opened)[number])
        assert await day.count() == Count(0, twice=number, wrong=0, open=0, chain="whole")


async def test_a_receipt_that_changed_after_it_was_shown_is_twice(day: Day) -> None:
    first, second, *_ = day.opened
    day.concluded[first] |= {"receipt": day.concluded[second]["receipt"]}
    assert await day.count() == Count(0, twice=1, wrong=0, open=0, chain="whole")


async def test_another_verdict_than_was_pressed_is_wrong(day: Day) -> None:
    declined = next(id_ for id_ in day.opened if wish(id_) is Status.DECLINED)
    day.sql("UPDATE cases SET status = 'approved' WHERE id = ?", declined)
    assert await day.count() == Count(0, 0, wrong=1, open=0, chain="whole")


async def test_a_receipt_about_something_else_or_by_nobody_is_wrong(day: Day) -> None:
    first, second, *_ = day.opened
    for id_, digest in ((first, "sha-256:" + "0" * 64), (second, day.opened[second])):
        before, day.opened[id_] = day.opened[id_], digest
        if before == digest:
            day.sql("UPDATE receipts SET jws = substr(jws, 1, 80) WHERE request_id = ?", id_)
            del day.concluded[id_]
        assert await day.count() == Count(0, 0, wrong=1, open=0, chain="whole")
        day.opened[id_] = before


async def test_a_chain_that_was_written_over_is_broken(day: Day) -> None:
    await day.place.sealed()
    day.sql("UPDATE audit SET content = '{}' WHERE kind = 'vote'")
    found = await day.count()
    assert found.chain.startswith("broken: ")
    assert not found.good
