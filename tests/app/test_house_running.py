"""What a house does while it runs: it takes new keys at once, and its parts do not stay stopped."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import time
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from approvals.app import compose
from approvals.app.host import settled
from approvals.app.supervisor import SETTLED, STALE, Parts
from approvals.buttons import ACCOUNT, Key, KeyRing, seal
from approvals.model import ORG, Busy, Person
from approvals.people import Directory
from approvals.service import Trust
from approvals.store import Account, Store
from tests.harness.house import GROUPS, HANGS, PEOPLE, RING, open_house, until
from tests.harness.installation import install
from tests.peers.slack import APP_TOKEN, FIXTURES, SlackPeer, make

NEW = KeyRing({"k2": Key("k2", b"2" * 32)}, "k2")


async def learn(store: Store, account: str, person: str, asked: str, ring: KeyRing = RING) -> None:
    """A row as the outbox writes it once the desk vouched."""
    row = ("desk", account, person, "good", 1)
    await store.put_account(*row, seal=seal(ring, ACCOUNT, ORG, *row, asked))


async def test_many_who_are_vetted_at_once_share_a_look_at_the_accounts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 approvers cost 402 reads of all accounts."""
    async with open_house(store) as place:
        reads, real = [0], store.accounts

        async def accounts() -> list[Account]:
            reads[0] += 1
            return await real()

        monkeypatch.setattr(type(store), "accounts", lambda self: accounts())
        await asyncio.gather(*(place.house.outbox._vetted() for _ in range(400)))
        assert reads[0] <= 2
        await place.house.outbox._vetted()
        assert reads[0] <= 3  # who comes later looks for themselves
        assert reads[0] > 1


async def test_law_31_all_accounts_are_read_again_where_something_says_that_one_changed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second each copy read all of them."""
    reads, marks, real, mark = [0], [0], store.accounts, store.people_mark

    async def accounts() -> list[Account]:
        reads[0] += 1
        return await real()

    async def people_mark() -> str | None:
        marks[0] += 1
        return await mark()

    monkeypatch.setattr(compose, "REFRESH", 0.01)
    monkeypatch.setattr(type(store), "accounts", lambda self: accounts())
    monkeypatch.setattr(type(store), "people_mark", lambda self: people_mark())
    async with open_house(store) as place:
        await until(lambda: marks[0] > 20)
        before = reads[0]
        assert before <= 2
        await learn(store, "U-2", "dana", "dana@example.com")  # as another copy does
        await until(lambda: place.house.service.trust.directory.by_account("desk", "U-2"))
        assert reads[0] == before + 1


async def test_law_31_what_an_older_copy_changed_is_seen_though_it_does_not_say_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = [0]

    async def people_mark(_: Store) -> None:
        marks[0] += 1

    monkeypatch.setattr(compose, "REFRESH", 0.01)
    monkeypatch.setattr(type(store), "people_mark", people_mark)
    async with open_house(store) as place:
        await learn(store, "U-2", "dana", "dana@example.com")
        before = marks[0]
        await until(lambda: marks[0] > before + 3)
        assert place.house.service.trust.directory.by_account("desk", "U-2") is None
        place.clock.turn(compose.WHOLE)
        await until(lambda: place.house.service.trust.directory.by_account("desk", "U-2"))


async def test_law_06_a_revoked_key_counts_no_more_whatever_fails_afterwards(store: Store) -> None:
    held = [RING]

    def reload(trust: Trust) -> Trust:
        return trust if trust.ring is held[0] else replace(trust, ring=held[0])

    def directory(links: object) -> Directory:
        if held[0] is NEW:
            raise ValueError("nobody can be found")
        return Directory(PEOPLE, GROUPS, links)  # type: ignore[arg-type] # links of any kind

    async with open_house(store, reload=reload, directory=directory) as place:
        held[0] = NEW
        await until(lambda: place.house.service.trust.ring is NEW)


async def test_law_06_two_refreshes_at_once_lose_no_key(store: Store) -> None:
    held = [RING]

    def reload(trust: Trust) -> Trust:
        return trust if trust.ring is held[0] else replace(trust, ring=held[0])

    async with open_house(store, reload=reload) as place:
        refresh = place.house.outbox._vetted
        before = asyncio.ensure_future(refresh())
        await asyncio.sleep(0)
        held[0] = NEW
        await asyncio.gather(before, *(refresh() for _ in range(5)))
        assert place.house.service.trust.ring is NEW


async def test_law_02_a_learnt_link_to_somebody_elses_account_is_left_out(store: Store) -> None:
    """Such a row stopped the start, and every refresh after it."""
    await learn(store, "U-lee", "dana", "dana@example.com")
    await learn(store, "U-2", "dana", "dana@example.com")
    async with open_house(store) as place:
        directory = place.house.service.trust.directory
        assert directory.by_account("desk", "U-lee") == directory.person("lee")
        assert directory.by_account("desk", "U-2") == directory.person("dana")
        assert [link.person for link in directory.conflicts] == ["dana"]


@pytest.mark.parametrize("now", [None, "dana@elsewhere.example", "dana@example.com"])
async def test_law_02_a_link_learnt_by_address_ends_with_the_address(
    store: Store, now: str | None
) -> None:
    await learn(store, "U-9", "dana", "dana@example.com")
    await learn(store, "U-8", "dana", "U-8")  # by an entry that is configured no more
    async with open_house(store, people=(Person("dana", now), *PEOPLE[1:])) as place:
        directory = place.house.service.trust.directory
        whose = directory.person("dana") if now == "dana@example.com" else None
        assert directory.by_account("desk", "U-9") == whose
        assert directory.by_account("desk", "U-8") is None


# Parts


class Time:
    """Seconds, turned by the test."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_part_that_ends_is_started_again_and_says_so() -> None:
    time, runs = Time(), 0
    again = asyncio.Event()

    async def part() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ValueError("it broke")
        again.set()
        await asyncio.Event().wait()

    parts = Parts(time)
    parts.keep("taps", part)
    await until(parts.faults)
    assert parts.faults() == ["The part 'taps' is failing."]
    await asyncio.wait_for(again.wait(), HANGS)
    assert parts.faults()  # it has only just come back
    time.now += SETTLED
    assert parts.faults() == []
    await parts.stop()
    assert runs == 2


async def test_a_part_that_was_cancelled_from_inside_is_started_again() -> None:
    runs = 0

    async def part() -> None:
        nonlocal runs
        runs += 1
        raise asyncio.CancelledError

    parts = Parts(Time())
    parts.keep("socket", part)
    await until(lambda: runs == 2)
    await parts.stop()


async def test_periodic_work_that_fails_or_is_stuck_says_so() -> None:
    time, wait, fail = Time(), asyncio.Event(), [False]
    rounds = 0

    async def act() -> None:
        nonlocal rounds
        rounds += 1
        if fail[0]:
            raise Busy("the database is away")
        await wait.wait()

    parts = Parts(time)
    parts.repeat("sealer", 0.01, act)
    await until(lambda: rounds == 1)
    assert parts.faults() == []
    time.now += STALE + 1
    assert parts.faults() == ["The part 'sealer' is failing."]
    wait.set()
    await until(lambda: not parts.faults())
    fail[0] = True
    await until(parts.faults)
    fail[0] = False
    await until(lambda: not parts.faults())
    await parts.stop()


async def test_taps_work_again_when_slack_was_away_at_the_start(store: Store) -> None:
    async with SlackPeer() as peer:
        peer.break_next(503, None)
        slack = make(peer.api, mode="socket", app_token=APP_TOKEN, signing_secret="")
        only = frozenset({"slack"})
        async with open_house(store, channels={"slack": slack}, outbound_only=only) as place:
            await until(lambda: peer.calls)
            # One platform that is away takes no copy out of service: it is said, and no more.
            ready = (200, {"status": "ready", "warnings": ["The part 'listen slack' is failing."]})
            assert await place.call("GET", "/readyz") == ready
            await asyncio.wait_for(peer.connected.wait(), HANGS)
            press = json.loads((FIXTURES / "block_actions.json").read_text())["body"]
            assert (await peer.envelope(press, "e1"))["envelope_id"] == "e1"


async def test_a_part_that_others_can_do_without_is_a_warning() -> None:
    async def fail() -> None:
        raise Busy("away")

    parts = Parts(Time())
    parts.keep("listen desk", fail, vital=False)
    parts.repeat("prune", 60, fail, vital=False)
    parts.repeat("sealer", 60, fail)
    await until(parts.faults)
    assert parts.faults() == ["The part 'sealer' is failing."]
    assert parts.warnings() == [
        f"The part '{name}' is failing." for name in ("listen desk", "prune")
    ]
    await parts.stop()


async def test_a_read_only_database_is_not_ready(
    postgresql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "WRITES", 0.05)
    store = await Store.connect(postgresql_database)
    direct = await asyncpg.connect(postgresql_database)
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
    others += "current_database() AND pid <> pg_backend_pid()"
    name = await direct.fetchval("SELECT current_database()")

    async def until_ready(wanted: int, words: str = "") -> None:
        async with asyncio.timeout(HANGS):
            while True:
                status, said = await place.call("GET", "/readyz")
                if status == wanted and words in str(said):
                    break
                await asyncio.sleep(0.02)

    async with open_house(store) as place:
        await until_ready(200)
        await direct.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await direct.execute(others)
        await until_ready(503, "'writing to the database'")
        assert (await place.call("GET", "/healthz"))[0] == 200
        await direct.execute("SET default_transaction_read_only = off")
        await direct.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
        await direct.execute(others)
        await until_ready(200)
    await direct.close()
    await store.close()


def test_a_full_disk_is_not_ready(tmp_path: Path) -> None:
    place = install(tmp_path)
    place.start()
    try:
        assert place.process is not None

        def until_ready(wanted: int) -> str:
            ends = time.monotonic() + HANGS
            while (answer := place.call("GET", "/readyz"))[0] != wanted:
                assert time.monotonic() < ends, answer
                time.sleep(0.1)
            return str(answer[1])

        until_ready(200)
        # No file may grow: the kernel refuses as it does where there is no room.
        was = resource.prlimit(place.process.pid, resource.RLIMIT_FSIZE, (4096, -1))
        assert "'writing to the database'" in until_ready(503)
        resource.prlimit(place.process.pid, resource.RLIMIT_FSIZE, was)
        until_ready(200)
    finally:
        ran = place.stop()
    assert ran.code == 0


# HTTP that cannot be read


async def test_law_23_a_malformed_request_is_logged_without_its_headers(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_house(store) as place:
        host, port = place.url.removeprefix("http://").split(":")
        for line in (
            b"Authorization: Bearer csr_secret\x00\r\n",
            b"Authorization Bearer csr_secret\r\n",
            b"X: " + b"csr_secret" * 2000 + b"\r\n",
        ):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /v1/requests HTTP/1.1\r\nHost: here\r\n" + line + b"\r\n")
            answer = await asyncio.wait_for(reader.read(), HANGS)
            writer.close()
            head, _, body = answer.partition(b"\r\n\r\n")
            assert b" 400 " in head.splitlines()[0]
            assert b"application/problem+json" in head
            assert json.loads(body)["status"] == 400
            assert b"secret" not in answer
            assert b"aiohttp" not in answer
        async with place.http.get(place.url + "/healthz") as well:
            assert "Server" not in well.headers
    assert "http: " in caplog.text
    assert "secret" not in caplog.text


def test_what_a_start_leaves_is_not_looked_through_again() -> None:
    before = gc.get_threshold()
    with settled():
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() == (*before[:2], 100)
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before
