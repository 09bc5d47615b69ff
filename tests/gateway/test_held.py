"""A wait belongs to the request and not to the connection: joined, collected, sent once."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h11
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.evidence import ReceiptKey
from approvals.proxy import proxy
from approvals.proxy.clients import alike, interim, limit
from approvals.proxy.held import COPY, Copy
from approvals.proxy.wire import PATIENCE
from approvals.store import Store
from tests.harness.gateway import PASSWORD, QUICK, Gate, Origin, basic, gate, liar, origin, parsed
from tests.harness.house import HANGS, Clock, Place, open_house

KEY = ReceiptKey(Ed25519PrivateKey.generate())
BODY = b"amount=5"


@pytest.fixture
async def there() -> AsyncIterator[Origin]:
    async with origin() as made:
        yield made


@pytest.fixture
async def house(sqlite_database: str) -> AsyncIterator[Place]:
    store = await Store.connect(sqlite_database)
    async with open_house(store, clock=Clock(time.time_ns() // 10**6), key=KEY) as made:
        yield made
    await store.close()


@contextlib.asynccontextmanager
async def gateway(tmp_path: Path, house: Place, **more: Any) -> AsyncIterator[Gate]:
    async with gate(tmp_path, rules="", service=house.url, pin=KEY.thumbprint, **more) as our:
        yield our


async def cases(house: Place, count: int = 1) -> list[dict[str, Any]]:
    """All there are, once there are so many."""
    while len(found := (await house.call("GET", "/v1/requests"))[1]["requests"]) < count:
        await asyncio.sleep(0.01)
    return list(found)


async def approved(house: Place, case: dict[str, Any]) -> None:
    assert (await house.decide(case, by="dana"))[0] == 200
    await house.carried()


def pay(our: Gate, there: Origin, *lines: str, body: bytes = BODY) -> asyncio.Task[Any]:
    return asyncio.create_task(our.ask(f"{there.url}/pay", "POST", *lines, body=body))


async def given_up(our: Gate, task: asyncio.Task[Any], line: int = 0) -> None:
    """The client hangs up, and the gateway has seen it."""
    task.cancel()
    (ticket,) = our.gateway._holdings._tickets.values()
    while len(ticket.line) > line:
        await asyncio.sleep(0.01)


async def test_law_28_a_client_that_gives_up_and_tries_again_joins_its_case(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    async with gateway(tmp_path, house) as our:
        for number in range(3):
            sent = pay(our, there, f"X-Stainless-Retry-Count: {number}", f"Date: {number}")
            (case,) = await cases(house)
            if number < 2:
                await given_up(our, sent)
        await approved(house, case)
        assert await sent == (200, b"ok")
        assert len(there.seen) == 1
        assert b"X-Stainless-Retry-Count: 0" in there.seen[0]  # what was asked about
        assert len(await cases(house)) == 1
        events = [line["event"] for line in our.lines()]
        assert events == ["asked", "opened", "joined", "joined", "released", "sent"]


async def test_law_28_a_verdict_given_while_nobody_waits_is_good_for_the_next_try(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    async with gateway(tmp_path, house) as our:
        sent = pay(our, there)
        (case,) = await cases(house)
        await given_up(our, sent)
        await approved(house, case)
        assert there.seen == []
        assert await pay(our, there) == (200, b"ok")
        assert len(there.seen) == 1
        assert len(await cases(house)) == 1
        other = pay(our, there)  # collected: the next one is a request of its own
        await cases(house, 2)
        await given_up(our, other)
    assert len(there.seen) == 1


@pytest.mark.parametrize("what", ["body", "path", "header", "agent"])
async def test_law_28_only_an_identical_request_of_the_same_agent_joins(
    tmp_path: Path, house: Place, there: Origin, what: str
) -> None:
    from tests.harness.gateway import OTHER

    async with gateway(tmp_path, house) as our:
        first = pay(our, there)
        await cases(house)
        url, lines, body, agent = f"{there.url}/pay", [], BODY, None
        match what:
            case "body":
                body = b"amount=6"
            case "path":
                url += "?x"
            case "header":
                lines = ["X-Account: 2"]
            case "agent":
                agent = basic("other", OTHER)
        second = asyncio.create_task(our.ask(url, "POST", *lines, body=body, agent=agent))
        await cases(house, 2)
        first.cancel()
        second.cancel()
    assert there.seen == []


async def test_law_16_many_identical_requests_are_one_case_and_one_is_sent(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    async with gateway(tmp_path, house) as our:
        sent = [pay(our, there) for _ in range(50)]
        (case,) = await cases(house)
        (ticket,) = our.gateway._holdings._tickets.values()
        while len(ticket.line) < 50:
            await asyncio.sleep(0.01)
        await approved(house, case)
        assert await asyncio.gather(*sent) == [(200, b"ok")] * 50  # the others get a copy
        assert len(there.seen) == 1
        assert len(await cases(house)) == 1


async def test_law_28_an_answer_that_nobody_was_there_for_is_kept_for_the_next_try(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    async with gateway(tmp_path, house) as our:
        there.gate.clear()
        sent = pay(our, there)
        (case,) = await cases(house)
        await approved(house, case)
        while not there.seen:
            await asyncio.sleep(0.01)
        sent.cancel()
        again = pay(our, there)  # while the upstream is still at it
        (ticket,) = our.gateway._holdings._tickets.values()
        while len(ticket.line) < 2:
            await asyncio.sleep(0.01)
        there.gate.set()
        assert await again == (200, b"ok")
        there.gate.clear()
        assert len(there.seen) == 1
        assert len(await cases(house)) == 1


async def test_law_28_an_answer_too_large_to_keep_is_not_asked_for_again(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    size = 3 * 2**20
    there.reply = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    async with gateway(tmp_path, house) as our:
        there.gate.clear()
        sent = pay(our, there)
        (case,) = await cases(house)
        await approved(house, case)
        while not there.seen:
            await asyncio.sleep(0.01)
        await given_up(our, sent, 1)
        there.gate.set()
        status, said = await pay(our, there)
        assert (status, said["type"], said["request"]) == (502, "answer_lost", case["id"])
        assert "answered with 200" in said["detail"]
        assert len(there.seen) == 1


async def test_law_17_a_refusal_is_remembered_and_nobody_is_asked_again(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    async with gateway(tmp_path, house) as our:
        sent = pay(our, there)
        (case,) = await cases(house)
        await given_up(our, sent)
        await house.decide(case, "decline", by="dana", reason="Not without a ticket.")
        await house.carried()
        for _ in range(3):
            status, said = await pay(our, there)
            assert (status, said["type"]) == (403, "declined")
            assert said["reason"] == "Not without a ticket."
            assert "Not without a ticket." in said["error"]["message"]
            assert said["retryable"] is False
        assert len(await cases(house)) == 1
    assert there.seen == []


async def test_law_28_a_gateway_that_was_killed_joins_the_next_try_to_the_same_case(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    """As `kill -9` leaves it: the folder, and nothing else, at any of these moments."""
    async with gateway(tmp_path, house) as our:
        sent = pay(our, there)
        (case,) = await cases(house)
        copy = tmp_path / "copy"
        await given_up(our, sent)
        while b'"request": "req_' not in dict(our.gateway._holdings._shelf.records()).popitem()[1]:
            await asyncio.sleep(0.01)
        copied(our.settings.folder, copy)
    restored(copy, tmp_path)
    async with gateway(tmp_path, house) as our:
        again = pay(our, there)
        (ticket,) = our.gateway._holdings._tickets.values()
        while not ticket.line:
            await asyncio.sleep(0.01)
        await approved(house, case)
        assert await again == (200, b"ok")
        assert len(await cases(house)) == 1
    assert len(there.seen) == 1
    restored(copy, tmp_path, but="used.db")  # older than the release, but for what was noted
    async with gateway(tmp_path, house) as our:
        status, said = await pay(our, there)
        assert (status, said["type"]) == (502, "upstream_failed")
    assert len(there.seen) == 1


def copied(folder: Path, to: Path) -> None:
    import shutil

    shutil.copytree(folder, to)


def restored(copy: Path, tmp_path: Path, but: str = "nothing") -> None:
    import shutil

    folder = tmp_path / "gateway"
    kept = {f.name: f.read_bytes() for f in folder.glob(f"{but}*")}
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    for old in folder.glob(f"{but}*"):
        old.unlink()
    for name, raw in kept.items():
        (folder / name).write_bytes(raw)


async def test_law_28_what_is_on_disk_is_encrypted_and_goes_when_it_is_collected(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    body = b"a large body, 4111 " * 5000
    async with gateway(tmp_path, house, patience=PATIENCE) as our:
        sent = pay(our, there, "X-Word: heliotrope", body=body)
        (case,) = await cases(house)
        folder = our.settings.folder
        assert len(list((folder / "held").iterdir())) == 1
        kept = b"".join(f.read_bytes() for f in folder.rglob("held*") if f.is_file())
        kept += b"".join(f.read_bytes() for f in (folder / "held").iterdir())
        assert b"4111" not in kept
        assert b"heliotrope" not in kept
        assert {oct(f.stat().st_mode)[-3:] for f in folder.glob("held.*")} <= {"600", "644"}
        await approved(house, case)
        assert await sent == (200, b"ok")
        assert there.seen[0].endswith(body)
        while list((folder / "held").iterdir()) or our.gateway._holdings._shelf.records():
            await asyncio.sleep(0.01)


async def test_law_28_what_was_altered_on_disk_is_not_sent(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    async with gateway(tmp_path, house, patience=PATIENCE) as our:
        sent = pay(our, there, body=b"x" * 50_000)
        (case,) = await cases(house)
        (file,) = (our.settings.folder / "held").iterdir()
        *kept, last = file.read_bytes()
        file.write_bytes(bytes([*kept, last ^ 1]))  # not a fixed byte, which it may have been
        await approved(house, case)
        status, said = await sent
        assert (status, said["type"]) == (502, "receipt_refused")
    assert there.seen == []


async def test_law_28_a_stop_lets_held_clients_come_again(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    async with gateway(tmp_path, house) as our:
        raw = asyncio.create_task(
            our.raw(
                f"POST {there.url}/pay HTTP/1.1\r\nHost: 127.0.0.1:{there.port}\r\n"
                f"Proxy-Authorization: {basic()}\r\nContent-Length: 8\r\n\r\namount=5".encode()
            )
        )
        (case,) = await cases(house)
    answer = await raw
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 3\r\n" in answer
    assert parsed(answer)[1]["type"] == "gateway_restarting"
    assert (await house.read(case["id"]))["status"] == "pending"
    async with gateway(tmp_path, house) as our:
        again = pay(our, there)
        await approved(house, case)
        assert await again == (200, b"ok")
        assert len(await cases(house)) == 1


async def test_law_24_a_stop_finishes_what_was_released_and_tells_what_it_cuts(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    for finished in (True, False):
        there.gate.clear()
        async with gateway(tmp_path, house, patience=replace(QUICK, drain=2)) as our:
            sent = pay(our, there, body=str(finished).encode())
            found = await cases(house, 1 if finished else 2)
            (case,) = (it for it in found if it["status"] == "pending")
            await approved(house, case)
            seen = 1 if finished else 2
            while len(there.seen) < seen:
                await asyncio.sleep(0.01)
            if finished:
                asyncio.get_running_loop().call_later(0.2, there.gate.set)
        if finished:
            assert await sent == (200, b"ok")
        else:
            sent.cancel()
        outcome = (await house.read(case["id"]))["outcome"]
        assert outcome["delivered"] is (True if finished else None)


@pytest.mark.parametrize(
    "away",
    [(503, {}), (200, {}), (200, {"ok": True}), (403, {"error": "blocked"}), (404, {"status": 1})],
)
async def test_law_24_an_outcome_is_told_until_the_service_takes_it(
    tmp_path: Path, there: Origin, away: tuple[int, object]
) -> None:
    """Whatever a proxy in between says."""
    async with liar(KEY) as service:
        given: dict[str, Any] = {"rules": "", "service": service.url, "pin": KEY.thumbprint}
        service.away = away
        async with gate(tmp_path, **given) as our:
            assert await our.ask(f"{there.url}/", "POST", body=b"x") == (200, b"ok")
            await service.refused.wait()
        assert service.outcomes == []
        service.away = None
        async with gate(tmp_path, **given) as our:  # it was kept on disk
            await asyncio.wait_for(service.told.wait(), HANGS)
            assert service.outcomes == [{"delivered": True, "status": 200}]
            service.away, service.told = away, asyncio.Event()
            assert await our.ask(f"{there.url}/2", "POST", body=b"x") == (200, b"ok")
            service.refused.clear()
            await service.refused.wait()
            service.away = None
            await asyncio.wait_for(service.told.wait(), HANGS)  # and without a restart
            assert len(service.outcomes) == 2


async def test_law_26_a_service_that_wants_us_slower_is_waited_for(
    tmp_path: Path, there: Origin
) -> None:
    async with liar(KEY) as service:
        slower = 2

        async def busy(request: web.Request) -> web.Response | None:
            nonlocal slower
            if slower:
                slower -= 1
                return web.json_response({}, status=429, headers={"Retry-After": "0"})
            return None

        service.before = busy
        async with gate(tmp_path, rules="", service=service.url, pin=KEY.thumbprint) as our:
            sent = [asyncio.create_task(our.ask(f"{there.url}/{n}")) for n in range(20)]
            assert {status for status, _ in await asyncio.gather(*sent)} == {200}
            assert slower == 0


async def test_law_28_while_the_service_is_away_the_case_waits_for_the_next_try(
    tmp_path: Path, there: Origin
) -> None:
    async with liar(KEY) as service:
        decided = asyncio.Event()

        async def undecided(request: web.Request) -> web.Response | None:
            if request.method == "GET" and "wait" in request.query and not decided.is_set():
                id_ = request.match_info["id"]
                return web.json_response({"id": id_, "status": "pending"})
            return None

        service.before = undecided
        port = int(service.url.rpartition(":")[2])
        async with gate(tmp_path, rules="", service=service.url, pin=KEY.thumbprint) as our:
            sent = pay(our, there)
            while not service.opened:
                await asyncio.sleep(0.01)
            await service.stop()
            status, said = await sent
            assert (status, said["type"]) == (503, "approval_service_unreachable")
            assert said["retryable"] is True
            async with liar(KEY, port) as back:
                back.opened = service.opened
                assert await pay(our, there) == (200, b"ok")
                assert len(back.opened) == 1  # it was not opened again
                assert back.gone == []
    assert len(there.seen) == 1


async def test_law_28_who_does_not_come_again_is_withdrawn_once_the_service_is_back(
    tmp_path: Path, there: Origin
) -> None:
    async with liar(KEY) as service:

        async def undecided(request: web.Request) -> web.Response | None:
            if request.method == "GET" and "wait" in request.query:
                await asyncio.sleep(0.05)
                return web.json_response({"id": request.match_info["id"], "status": "pending"})
            return None

        service.before = undecided
        port = int(service.url.rpartition(":")[2])
        given: dict[str, Any] = {"rules": "", "service": service.url, "pin": KEY.thumbprint}
        async with gate(tmp_path, **given, more="rejoin_within: 0s") as our:
            sent = pay(our, there)
            while not service.opened:
                await asyncio.sleep(0.01)
            await service.stop()
            assert (await sent)[0] == 503
            async with liar(KEY, port) as back:
                await asyncio.wait_for(back.withdrawn.wait(), HANGS)
                assert back.gone == ["req_1"]


async def test_law_28_a_withdrawal_that_the_service_was_too_busy_for_is_told_again(
    tmp_path: Path, there: Origin
) -> None:
    async with liar(KEY) as service:
        refused: list[str] = []

        async def busy(request: web.Request) -> web.Response | None:
            if request.method == "DELETE" and not refused:
                refused.append(request.path)
                said = {"type": "timeout", "status": 408}
                return web.json_response(said, status=408)
            if request.method == "GET" and "wait" in request.query:
                await asyncio.sleep(0.05)
                return web.json_response({"id": request.match_info["id"], "status": "pending"})
            return None

        service.before = busy
        given: dict[str, Any] = {"rules": "", "service": service.url, "pin": KEY.thumbprint}
        async with gate(tmp_path, **given, more="rejoin_within: 0s") as our:
            sent = pay(our, there)
            while not service.opened:
                await asyncio.sleep(0.01)
            await given_up(our, sent)
            await asyncio.wait_for(service.withdrawn.wait(), HANGS)
    assert (len(refused), service.gone) == (1, ["req_1"])


async def test_law_28_hold_answers_in_time_and_the_next_try_goes_on_waiting(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    async with gateway(tmp_path, house, more="hold: 1s") as our:
        status, said = await pay(our, there)
        assert (status, said["type"], said["retryable"]) == (503, "still_waiting", True)
        (case,) = await cases(house)
        assert said["request"] == case["id"]
        again = pay(our, there)
        await approved(house, case)
        assert await again == (200, b"ok")
        assert len(await cases(house)) == 1


async def test_law_28_a_client_that_would_give_up_is_told_before_to_come_again(
    tmp_path: Path, house: Place, there: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    notion = "User-Agent: notionhq-client/5.26.0"
    known = limit([("User-Agent", "notionhq-client/5.26.0")])
    assert known is not None
    assert known.seconds < 60  # when it gives up
    assert 3 * known.seconds + 2 * known.again > 180  # its three tries
    assert limit([("User-Agent", "node")]) is limit([]) is None
    monkeypatch.setattr(proxy, "limit", lambda _: replace(known, seconds=1))
    async with gateway(tmp_path, house) as our:
        raw = await pay(our, there, notion)
        assert (raw[0], raw[1]["type"], raw[1]["code"]) == (429, "still_waiting", "rate_limited")
        (case,) = await cases(house)
        again = pay(our, there, notion)
        await approved(house, case)
        assert await again == (200, b"ok")
        assert len(await cases(house)) == 1


@pytest.mark.parametrize(
    ("lines", "status"),
    [((), 100), (("User-Agent: python-requests/2.34",), 100), (("User-Agent: curl/8",), 100),
     (("User-Agent: node",), 102), (("User-Agent: octokit/1", "Sec-Fetch-Mode: cors"), 102)],
    ids=["nothing known", "requests", "curl", "fetch", "an SDK over fetch"],
)  # fmt: skip
async def test_law_28_a_client_is_kept_waiting_by_interim_answers(
    tmp_path: Path, house: Place, there: Origin, lines: tuple[str, ...], status: int
) -> None:
    patience = replace(QUICK, interim=0.02)
    async with gateway(tmp_path, house, patience=patience) as our:
        reader, writer = await asyncio.open_connection("127.0.0.1", our.port)
        head = [f"GET {there.url}/ HTTP/1.1", f"Host: 127.0.0.1:{there.port}", *lines]
        head += [f"Proxy-Authorization: {basic()}", "Connection: close", "", ""]
        writer.write("\r\n".join(head).encode())
        for _ in range(3):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 %d \r\n\r\n" % status
        (case,) = await cases(house)
        await approved(house, case)
        raw = await reader.read()
        assert b"HTTP/1.1 200 OK" in raw
        assert raw.endswith(b"ok")
        writer.close()


async def test_http_1_0_has_no_interim_answers(tmp_path: Path, house: Place, there: Origin) -> None:
    async with gateway(tmp_path, house, patience=replace(QUICK, interim=0.01)) as our:
        head = f"GET {there.url}/ HTTP/1.0\r\nHost: 127.0.0.1:{there.port}\r\n"
        sent = our.raw(f"{head}Proxy-Authorization: {basic()}\r\n\r\n".encode())
        task = asyncio.create_task(sent)
        (case,) = await cases(house)
        await asyncio.sleep(0.1)
        await approved(house, case)
        assert (await task).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("agent", "kept"),
    [("Go-http-client/1.1", None), ("kubectl/v1.33.0 (linux/amd64)", None),
     ("GitHub CLI 2.60", None), ("python-httpx/0.28.1", (100, 2)), ("undici", (102, 10)),
     ("OpenAI/Python 3.57.0", (100, 10)), ("influxdb-client-python/1.0", (100, 10))],
)  # fmt: skip
def test_interim_answers_are_what_the_client_can_take(agent: str, kept: Any) -> None:
    chosen = interim([("User-Agent", agent)])
    assert (chosen and (chosen.status, chosen.seconds)) == kept


SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKIA1/{day}/eu-west-1/s3/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature={sign}"
)


def _signed(day: str, sign: str) -> list[tuple[str, str]]:
    date = ("X-Amz-Date", f"{day}T101500Z")
    return [date, ("Authorization", SIGNED.format(day=day, sign=sign * 32))]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ([("User-Agent", "a/1")], [("user-agent", "b/2")], True),
        ([("Amz-Sdk-Request", "attempt=1")], [("amz-sdk-request", "attempt=2")], True),
        ([("Traceparent", "00-1")], [], True),
        (_signed("20260101", "aa"), _signed("20260102", "bb"), True),
        ([("Authorization", SIGNED.format(day="20260101", sign="a").replace("AKIA1", "AKIA2"))],
         [("Authorization", SIGNED.format(day="20260101", sign="a"))], False),
        ([("Authorization", SIGNED.format(day="20260101", sign="a").replace("eu-west-1", "x"))],
         [("Authorization", SIGNED.format(day="20260101", sign="a"))], False),
        ([("Authorization", 'OAuth oauth_token="t", oauth_nonce="1", oauth_signature="x"')],
         [("Authorization", 'OAuth oauth_token="t", oauth_nonce="2", oauth_signature="y"')], True),
        ([("Authorization", 'OAuth oauth_token="t", oauth_nonce="1"')],
         [("Authorization", 'OAuth oauth_token="u", oauth_nonce="1"')], False),
        ([("Authorization", "Bearer a")], [("Authorization", "Bearer b")], False),
        ([("Idempotency-Key", "1")], [("Idempotency-Key", "2")], False),
        ([("X-Http-Method-Override", "DELETE")], [], False),
        ([("Stripe-Account", "acct_1")], [], False),
        ([("Content-Type", "text/plain")], [("Content-Type", "application/json")], False),
        ([("Cookie", "a=1")], [], False),
        ([("X", "1"), ("X", "2")], [("X", "2"), ("X", "1")], False),
    ],
)  # fmt: skip
def test_law_28_identical_leaves_out_what_cannot_change_what_is_done(
    first: list[tuple[str, str]], second: list[tuple[str, str]], same: bool
) -> None:
    at = ("bot", "http", "POST", "https://api.example.com/x")
    assert (alike(*at, first, b"x") == alike(*at, second, b"x")) is same


async def test_law_27_an_agent_that_holds_too_much_is_told_so(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    async with gateway(tmp_path, house, more="held: {requests: 1}") as our:
        first = pay(our, there)
        await cases(house)
        status, said = await pay(our, there, body=b"amount=6")
        assert (status, said["type"], said["retryable"]) == (429, "too_many_held", True)
        first.cancel()
    async with gateway(tmp_path / "other", house, more="held: {agent_bytes: 10}") as our:
        assert (await pay(our, there, body=b"x" * 11))[0] == 429
    assert there.seen == []


@contextlib.asynccontextmanager
async def process(file: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """`countersign gateway` by itself, and its port."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "approvals.cli", "gateway", "-c", str(file),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert made.stdout is not None
    try:
        said = ""
        async with asyncio.timeout(HANGS):
            while not (found := re.search(r'listen[":= ]+http://127\.0\.0\.1:(\d+)', said)):
                line = (await made.stdout.readline()).decode()
                assert line, said
                said += re.sub(r"\x1b\[[0-9;]*m", "", line)
        yield made, int(found[1])
    finally:
        if made.returncode is None:
            made.kill()
        await made.wait()


async def through(port: int, there: Origin) -> tuple[int, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = f"POST {there.url}/pay HTTP/1.1\r\nHost: 127.0.0.1:{there.port}\r\n"
        head += f"Proxy-Authorization: {basic()}\r\nConnection: close\r\nContent-Length: 8\r\n\r\n"
        writer.write(head.encode() + BODY)
        return parsed(await asyncio.wait_for(reader.read(), 30))
    finally:
        writer.transport.abort()


async def test_law_24_kill_9_of_the_gateway_sends_nothing_twice_and_loses_no_case(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        f"listen: 127.0.0.1:0\nupstream: {{private: [127.0.0.0/8]}}\n"
        f"service: {{url: '{house.url}', key: csr_billing, requester: billing, "
        f"issuer: 'https://approve.example.com', receipt_key: {KEY.thumbprint}}}\n"
        f"agents: {{bot: {{password: {PASSWORD}}}}}\n"
    )
    async with process(file) as (killed, port):
        held = asyncio.create_task(through(port, there))
        (case,) = await cases(house)
        killed.send_signal(signal.SIGKILL)
        assert await held == (0, None)
    there.gate.clear()
    async with process(file) as (killed, port):
        held = asyncio.create_task(through(port, there))
        await approved(house, case)
        while not there.seen:  # it was released, and the upstream is at it
            await asyncio.sleep(0.01)
        assert len(await cases(house)) == 1
        killed.send_signal(signal.SIGKILL)
        assert await held == (0, None)
    there.gate.set()
    async with process(file) as (_, port):
        status, said = await through(port, there)
        assert (status, said["type"]) == (502, "upstream_failed")
        assert said["request"] == case["id"]
        assert len(there.seen) == 1
        while (outcome := (await house.read(case["id"]))["outcome"]) is None:
            await asyncio.sleep(0.01)
        assert outcome["delivered"] is None
        assert len(await cases(house)) == 1


async def test_law_01_what_cannot_be_kept_on_disk_is_not_asked_about(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    async with gateway(tmp_path, house) as our:
        our.gateway._holdings._shelf._database.execute("DROP TABLE held")
        answers = await asyncio.gather(*(pay(our, there) for _ in range(3)))
        assert {(status, said["type"]) for status, said in answers} == {(503, "not_held")}
        assert (await house.call("GET", "/v1/requests"))[1]["requests"] == []
        assert len(our.gateway._holdings) == 0
        our.gateway._holdings._shelf._database.execute(
            "CREATE TABLE held (id TEXT PRIMARY KEY, sealed BLOB)"
        )
        sent = pay(our, there)
        (case,) = await cases(house)
        await approved(house, case)
        assert await sent == (200, b"ok")


def test_law_32_an_answer_in_many_small_pieces_is_not_gone_through_for_each() -> None:
    class Pieces(list[bytes]):
        def __iter__(self) -> Iterator[bytes]:
            raise AssertionError("that is quadratic")

    copy = Copy(h11.Response(status_code=200, headers=[]), Pieces())
    for _ in range(COPY):
        copy.add(b"a")
    assert copy.pieces is not None
    copy.add(b"b")
    assert copy.pieces is None
