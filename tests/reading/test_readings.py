"""Large requests are read in a process apart: the same reading, within a time, whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from approvals.model import Http
from approvals.reading import PLAIN, UNCLEAR, Dialect, Reading, read, read_payload
from approvals.readings import HERE, TOO_LONG, Readings, held
from approvals.store import Store
from tests.harness.house import HANGS, open_house

JSON = (("Content-Type", "application/json"),)


def large(value: object) -> Http:
    body = json.dumps({"value": value, "pad": "x" * HERE}).encode()
    return Http("POST", "https://api.example.com/pay?x=1", JSON, body)


@pytest.fixture
async def readings() -> AsyncIterator[Readings]:
    made = Readings(seconds=HANGS)
    yield made
    await made.close()


async def test_a_large_request_means_the_same_when_read_apart(readings: Readings) -> None:
    http = large({"amount": 5})
    assert await readings.of(http, None, PLAIN) == read(http)
    text = http.body.decode()
    assert await readings.of(None, text, PLAIN) == read_payload(text)
    twice = large(1)
    twice = Http(twice.method, twice.url, twice.headers, twice.body[:-1] + b',"value":2}')
    assert (await readings.of(twice, None, PLAIN)).body.tree is UNCLEAR


async def test_law_32_what_takes_too_long_to_read_is_unclear() -> None:
    readings = Readings(seconds=0)
    found = await readings.of(large(1), None, PLAIN)
    assert found.body.unclear == TOO_LONG
    assert found.body.tree is UNCLEAR
    assert found.target is not None
    assert found.target.host == "api.example.com"
    assert (await readings.of(None, json.dumps("x" * HERE), PLAIN)).unclear == TOO_LONG
    await readings.close()


async def test_a_worker_that_dies_is_started_again(readings: Readings) -> None:
    assert (await readings.of(large(1), None, PLAIN)).unclear is None
    worker = readings._reader.process
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    await worker.wait()
    assert (await readings.of(large(2), None, PLAIN)).unclear is None


async def test_a_worker_that_starts_slowly_says_nothing_of_the_request(
    readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    http = large(1)
    with monkeypatch.context() as patch:
        patch.setattr("approvals.readings.START", 0.0)
        assert (await readings.of(http, None, PLAIN)).unclear == TOO_LONG
    assert (await readings.of(http, None, PLAIN)).unclear is None


async def test_law_27_what_is_remembered_of_readings_has_a_bound_in_memory() -> None:
    """40 kB of small objects take 1.8 MB once they are read."""
    readings, body = Readings(remembered=2**20), b"[" + b",".join([b'{"a":1}'] * 5_000) + b"]"
    tracemalloc.start()
    try:
        for n in range(12):
            http = Http("POST", f"https://api.example.com/{n}", JSON, body)
            assert (await readings.of(http, None, PLAIN)).unclear is None
        held_now, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_now < 4 * 2**20


async def test_a_request_is_read_once_for_its_rule_and_all_its_cards(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_so_far: list[object] = []

    def reading(http: Http | None, payload: str | None, dialect: Dialect) -> Reading:
        read_so_far.append((http, payload))
        return read_payload(payload or "null", dialect=dialect)

    monkeypatch.setattr("approvals.readings._read", reading)
    async with open_house(store) as place:
        await place.opened()
        await place.carried()
    assert len(read_so_far) == 1


async def test_two_at_once_get_their_own_readings(readings: Readings) -> None:
    found = await asyncio.gather(*(readings.of(large(n), None, PLAIN) for n in range(5)))
    assert [one.body.tree["value"] for one in found] == [0, 1, 2, 3, 4]


async def test_closing_ends_the_worker() -> None:
    readings = Readings()
    await readings.of(large(1), None, PLAIN)
    worker = readings._reader.process
    assert worker is not None
    await readings.close()
    assert worker.returncode is not None


def test_of_a_summary_only_the_address_is_read() -> None:
    http = Http("POST", "https://a.example/x?to=bob", JSON, b'{"amount":1}')
    found = held(http, summary=True)
    assert found is not None
    assert read(found).body.tree is UNCLEAR
    assert read(found).query.tree == {"to": "bob"}
    assert held(http, summary=False) is http
