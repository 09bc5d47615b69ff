"""What the web does when it is misused or its database is away."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace

import asyncpg
import pytest

from approvals.app import compose
from approvals.decoders import Decoder, Field, decode
from approvals.model import Busy, Http
from approvals.policy import Subject, When
from approvals.reading import read, read_payload
from approvals.reading.values import LARGEST, MAX_LEAVES
from approvals.store import Store
from approvals.web import credentials, events
from approvals.web.limits import Limit
from approvals.web.live import Live
from approvals.web.problems import UNCHANGED, UNKNOWN, Problem, away
from approvals.web.site import Site
from tests.harness.house import HANGS, RING, open_house, proposal, until


async def test_law_27_only_who_forges_is_told_to_slow_down(store: Store) -> None:
    async with open_house(store) as place:
        asked = await place.opened()
        card = await place.card(asked, "U-dana")
        forged = [(await place.deliver(b"{}", **{"x-desk-signature": "00"}))[0] for _ in range(102)]
        assert forged == [401] * 100 + [429] * 2
        assert (await place.deliver(b"{}"))[0] == 429, "what is proven but not understood counts"
        assert (await place.tap(place.desk.press(card)))[0] == 200
        assert (await place.case(asked["id"])).votes


async def test_law_25_a_flood_of_forgeries_waits_and_a_tap_does_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each connection that only forges is answered now and then; many of them not even later."""
    monkeypatch.setattr(events, "SLOWED", HANGS)
    monkeypatch.setattr(events, "MOST_SLOWED", 2)
    monkeypatch.setattr(compose, "DRAIN", 0.1)
    async with open_house(store) as place:
        asked = await place.opened()
        card = await place.card(asked, "U-dana")

        async def forge() -> int:
            return (await place.deliver(b"{}", **{"x-desk-signature": "00"}))[0]

        assert [await forge() for _ in range(100)] == [401] * 100
        waiting = [asyncio.create_task(forge()) for _ in range(2)]
        refused = place.house.deps.metrics.deliveries.labels("desk", "forged")
        await until(lambda: refused._value.get() == 102)
        assert await forge() == 429, "there is no room to let it wait"
        assert (await place.tap(place.desk.press(card)))[0] == 200
        assert (await place.case(asked["id"])).votes
        assert not any(one.done() for one in waiting)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_law_27_guessed_tokens_and_revisions_run_out(store: Store) -> None:
    async with open_house(store, opens_per_second=1.0) as place:
        asked = await place.opened()
        path, body = f"/v1/requests/{asked['id']}", {"action": "a", "payload": {}}
        codes = [(await place.call("PUT", path, body))[0] for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        wrong = [(await place.call("GET", path, key="csr_wrong"))[0] for _ in range(101)]
        assert wrong == [401] * 100 + [429]
        assert (await place.call("GET", path))[0] == 200


async def test_law_27_a_clock_that_is_set_changes_no_limit(store: Store) -> None:
    """X20: set back by ten minutes, everybody was told to come again in ten minutes."""
    async with open_house(store, opens_per_second=1.0) as place:
        body = {"action": "a", "payload": {}}
        for turned in (600_000, -600_000, -3_600_000, 7_200_000):
            place.clock.set(turned)
            place.clock.turn(1000)
            assert (await place.call("POST", "/v1/requests", body))[0] == 201, turned
        limit = Limit(place.clock.steady, burst=2, per_second=1.0)
        limit.take("a")
        place.clock.set(600_000)
        limit.take("a")
        with pytest.raises(Problem) as refused:
            limit.take("a")
        assert refused.value.headers["Retry-After"] == "1", "no time has passed"
        place.clock.set(-1_200_000)
        place.clock.turn(1000)
        limit.take("a")


async def alter(database: str, request_id: str) -> None:
    """Write another action into what was asked, as who has the database could."""
    words = "UPDATE contents SET meta = replace(meta, 'mail.send', 'mail.read') WHERE request_id = "
    path = database.removeprefix("sqlite:///")
    if path != database:
        with closing(sqlite3.connect(path, timeout=10)) as direct, direct:
            direct.execute(words + "?", [request_id])
        return
    connection = await asyncpg.connect(database)
    await connection.execute(words + "$1", request_id)
    await connection.close()


class Away:
    """A store that is away for a while."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []
        self.errors: list[Exception] = [Busy("away"), RuntimeError("not foreseen")]

    async def concluded(self, ids: Sequence[str]) -> Sequence[str]:
        self.asked.append(ids)
        if self.errors:
            raise self.errors.pop(0)
        return ids


async def test_law_24_a_waiter_is_woken_though_the_database_was_away() -> None:
    away = Away()
    live = Live(away)  # type: ignore[arg-type]  # a stand-in
    work = asyncio.create_task(live.run())
    await asyncio.wait_for(live.closed("req_1", 60), HANGS)
    assert away.asked == [["req_1"]] * 3
    assert not work.done()
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work


async def test_to_wait_for_a_case_is_no_change_of_it() -> None:
    live = Live(Away())  # type: ignore[arg-type]  # a stand-in
    page = asyncio.ensure_future(anext(live.changes()))
    await asyncio.sleep(0)
    await live.closed("req_1", 0.01)
    assert not page.done()
    live.changed(["req_1"])
    assert await page == "req_1"


def test_law_03_after_a_write_nobody_claims_that_nothing_happened() -> None:
    assert away("GET") == away("HEAD") == UNCHANGED
    assert away("POST") == away("PUT") == away("DELETE") == UNKNOWN


def test_law_27_nothing_is_decoded_of_what_is_too_large_to_read_at_once() -> None:
    decoders = [Decoder("d", When(), {"a": Field("json.a", "int")})]
    for pad, found in ((10, {"a": 1}), (LARGEST, {})):
        # Of few values a large body is read, apart: a mail may stand in one. Of many it is not.
        text = json.dumps({"a": 1, "b": ["x"] * min(pad, MAX_LEAVES + 1)})
        http = Http(
            "POST", "https://a.example/", (("Content-Type", "application/json"),), text.encode()
        )
        subject = Subject.of("billing", "bot", "act", http)
        assert decode(subject, read(http), decoders) == found
        assert decode(subject, read_payload(text), decoders) == found
        form = ("Content-Type", "application/x-www-form-urlencoded")
        other = replace(http, headers=(form,), body=f"a=1&b={'x' * pad}".encode())
        forms = [Decoder("f", When(), {"a": Field("form.a", "int")})]
        assert decode(subject, read(other), forms) == found


async def test_the_decided_tab_is_a_page_of_what_is_decided(store: Store) -> None:
    async with open_house(store) as place:
        first = await place.opened()
        assert (await place.decide(first, "decline", by="dana"))[0] == 200
        by = place.house.service
        gateway = next(iter(place.house.deps.requesters.values()))
        await asyncio.gather(*(by.open(gateway, proposal()) for _ in range(300)))
        found = await store.page(closed=True, limit=26)
        assert [case.id for case in found] == [first["id"]]


async def test_law_11_what_was_altered_is_shown_to_nobody(store: Store, database: str) -> None:
    async with open_house(store) as place:
        asked = await place.opened()
        token = await place.token("dana")
        assert (await place.read(asked["id"], key=token))["asked"]["action"] == "mail.send"
        await alter(database, asked["id"])
        status, problem = await place.call("GET", f"/v1/requests/{asked['id']}", key=token)
        assert (status, problem["type"]) == (409, "altered")
        listed = (await place.call("GET", "/v1/requests", key=token))[1]["requests"]
        assert [one["title"] for one in listed] == [None]


async def test_the_metrics_say_what_a_round_was(store: Store) -> None:
    async with open_house(store, metrics_open=True) as place:
        asked = await place.opened()
        waits = await place.opened()
        place.clock.now += 7_000
        assert (await place.decide(asked, "decline", by="dana"))[0] == 200
        text = str((await place.call("GET", "/metrics"))[1])
        found = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        assert found['countersign_requests_opened_total{risk="medium"}'] == "2.0"
        assert found['countersign_api_seconds_count{method="POST"}'] == "3.0"
        assert found['countersign_verdicts_total{status="declined"}'] == "1.0"
        assert found['countersign_outbox_oldest_seconds{lane="desk"}'] == "7.0"
        assert found["countersign_pending"] == "1.0"
        assert asked["id"] not in text
        assert waits["id"] not in text


async def test_law_08_off_loopback_the_cookie_wants_https_and_this_host_only(store: Store) -> None:
    site = Site.at("https://approve.example.com", "k3v9")
    async with open_house(store, site=site) as place:
        link = await credentials.make_link(
            store, RING, "dana", now=place.clock(), random=os.urandom
        )
        said = {"Host": site.host, "Origin": site.origin, "Sec-Fetch-Site": "same-origin"}
        url, form = f"{place.url}/login", {"link": link}
        async with place.http.post(url, data=form, headers=said, allow_redirects=False) as answer:
            assert answer.status == 303
            given = answer.headers["Set-Cookie"]
    name, _, rest = given.partition("=")
    assert name == "__Host-countersign"
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(rest.split("; "))
    assert "Domain" not in rest


async def test_the_metrics_are_for_this_machine_alone(store: Store) -> None:
    async with open_house(store) as place:
        port = place.url.rpartition(":")[2]
        for headers, status in (
            ({}, 200),
            ({"Host": f"localhost:{port}"}, 200),
            ({"Host": f"[::1]:{port}"}, 200),
            ({"X-Forwarded-For": "192.0.2.1"}, 404),
            ({"x-real-ip": "192.0.2.1"}, 404),
            ({"Forwarded": "for=192.0.2.1"}, 404),
            ({"Via": "1.1 proxy"}, 404),
            ({"Host": "approve.example.com"}, 404),
            ({"Host": "[::1"}, 404),
        ):
            async with place.http.get(f"{place.url}/metrics", headers=headers) as answer:
                assert answer.status == status, headers


async def test_no_answer_tells_the_version_of_the_server(store: Store) -> None:
    async with open_house(store) as place:
        for path in ("/healthz", "/nothing", "/v1/requests"):
            async with place.http.get(place.url + path) as answer:
                assert "/" not in answer.headers.get("Server", "")
