"""Nothing passes our gateway but by its rules, or by a receipt for exactly that."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.evidence import Claims, ReceiptKey, sign_receipt
from approvals.model import Refused
from approvals.proxy.ask import Used
from approvals.store import Store
from tests.harness.gateway import QUICK, Gate, Liar, Origin, basic, gate, liar, origin
from tests.harness.house import Clock, Place, open_house

KEY = ReceiptKey(Ed25519PrivateKey.generate())
OTHER_KEY = ReceiptKey(Ed25519PrivateKey.generate())


@pytest.fixture
async def there() -> AsyncIterator[Origin]:
    async with origin() as made:
        yield made


@pytest.fixture
async def service() -> AsyncIterator[Liar]:
    async with liar(KEY) as made:
        yield made


@pytest.fixture
async def our(tmp_path: Path, service: Liar) -> AsyncIterator[Gate]:
    """A gateway without rules, that pins `KEY`."""
    async with gate(tmp_path, rules="", service=service.url, pin=KEY.thumbprint) as made:
        yield made


@pytest.fixture
async def house(sqlite_database: str) -> AsyncIterator[Place]:
    store = await Store.connect(sqlite_database)
    async with open_house(store, clock=Clock(time.time_ns() // 10**6), key=KEY) as made:
        yield made
    await store.close()


@contextlib.asynccontextmanager
async def held(tmp_path: Path, house: Place, there: Origin, **more: Any) -> AsyncIterator[Any]:
    """A gateway of the real service, a request that it holds, and the case of it."""
    async with gate(tmp_path, rules="", service=house.url, pin=KEY.thumbprint, **more) as our:
        sent = asyncio.create_task(our.ask(f"{there.url}/pay?n=1", "POST", body=b"amount=5"))
        while not (found := (await house.call("GET", "/v1/requests"))[1]["requests"]):
            await asyncio.sleep(0.01)
        yield our, sent, found[0]


async def test_law_01_what_no_rule_is_about_waits_for_a_person(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    async with held(tmp_path, house, there) as (our, sent, case):
        assert there.seen == []
        assert (await house.decide(case, by="dana"))[0] == 200
        await house.carried()
        assert await sent == (200, b"ok")
        assert there.seen[0].endswith(b"\r\n\r\namount=5")
        assert there.seen[0].startswith(b"POST /pay?n=1 HTTP/1.1\r\n")
        while (after := await house.read(case["id"]))["outcome"] is None:
            await asyncio.sleep(0.01)
        assert (after["outcome"]["delivered"], after["outcome"]["status"]) == (True, 200)
        events = [line["event"] for line in our.lines()]
        assert events == ["asked", "opened", "released", "sent"]


async def test_law_01_declined(tmp_path: Path, house: Place, there: Origin) -> None:
    async with held(tmp_path, house, there) as (_, sent, case):
        await house.decide(case, "decline", by="dana", reason="Not this one.")
        await house.carried()
        status, said = await sent
        assert (status, said["type"], said["reason"]) == (403, "declined", "Not this one.")
        assert said["request"] == case["id"]
    assert there.seen == []


async def test_law_01_expired(tmp_path: Path, house: Place, there: Origin) -> None:
    async with held(tmp_path, house, there) as (_, sent, case):
        house.clock.turn(16 * 60_000)
        await house.house.service.tick()
        await house.carried()
        status, said = await sent
        assert (status, said["type"], said["request"]) == (403, "expired", case["id"])
    assert there.seen == []


async def test_an_agent_that_hangs_up_and_stays_away_is_withdrawn_at_the_service(
    tmp_path: Path, house: Place, there: Origin
) -> None:
    async with held(tmp_path, house, there, more="rejoin_within: 0s") as (_, sent, case):
        sent.cancel()
        while (await house.read(case["id"]))["status"] != "withdrawn":
            await asyncio.sleep(0.01)
    assert there.seen == []


async def test_what_a_receipt_releases_is_told(our: Gate, service: Liar, there: Origin) -> None:
    assert await our.ask(f"{there.url}/") == (200, b"ok")
    await service.told.wait()
    assert service.outcomes == [{"delivered": True, "status": 200}]
    assert service.opened[0]["agent"] == {"id": "bot"}


def _plain(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _unsigned(claims: Claims) -> str:
    head = {"alg": "none", "typ": "countersign-receipt+jwt", "kid": KEY.thumbprint}
    return f"{_plain(head)}.{_plain(claims)}."


def _by_public_key(claims: Claims) -> str:
    head = {"alg": "HS256", "typ": "countersign-receipt+jwt", "kid": KEY.thumbprint}
    text = f"{_plain(head)}.{_plain(claims)}"
    mac = hmac.digest(KEY.jwk()["x"].encode(), text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


LIES: dict[str, Callable[[Claims], Claims]] = {
    "a decline": lambda claims: {**claims, "choice": "decline"},
    "another request": lambda claims: {**claims, "sub": "req_other"},
    "another gateway": lambda claims: {**claims, "aud": "other"},
    "two gateways": lambda claims: {**claims, "aud": ["billing", "other"]},
    "another service": lambda claims: {**claims, "iss": "https://evil.example"},
    "another body": lambda claims: {**claims, "digest": "sha-256:" + "0" * 64},
    "an old one": lambda claims: {**claims, "iat": claims["iat"] - 200, "exp": claims["iat"] - 140},
    "one of tomorrow": lambda claims: {**claims, "iat": claims["iat"] + 86_400,
                                       "exp": claims["exp"] + 86_400},
    "no end": lambda claims: {k: v for k, v in claims.items() if k != "exp"},
    "no id": lambda claims: {k: v for k, v in claims.items() if k != "jti"},
    "a huge end": lambda claims: {**claims, "exp": 1e300},
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
async def test_law_22_a_receipt_that_says_anything_else_releases_nothing(
    our: Gate, service: Liar, there: Origin, lie: str
) -> None:
    service.claims = LIES[lie]
    status, said = await our.ask(f"{there.url}/", "POST", body=b"x")
    assert (status, said["type"]) == (502, "receipt_refused")
    assert there.seen == []
    await service.told.wait()
    assert service.outcomes[0]["delivered"] is False
    assert our.lines()[-1]["type"] == "receipt_refused"


@pytest.mark.parametrize(
    "sign",
    [_unsigned, _by_public_key, lambda claims: sign_receipt(OTHER_KEY, claims), lambda _: "a.b.c",
     lambda _: "", lambda _: "é", json.dumps],
    ids=["none", "HS256", "another key", "rubbish", "empty", "é", "claims"],
)  # fmt: skip
async def test_law_22_a_receipt_of_another_hand_releases_nothing(
    our: Gate, service: Liar, there: Origin, sign: Callable[[Claims], str]
) -> None:
    service.sign = sign
    service.keys = [OTHER_KEY.jwk(), KEY.jwk()]  # the URL adds no trust
    status, _ = await our.ask(f"{there.url}/", "POST", body=b"x")
    assert status in (502, 503)
    assert there.seen == []


async def test_law_22_whoever_answers_on_the_port_with_another_key_is_not_believed(
    our: Gate, service: Liar, there: Origin
) -> None:
    service.key = OTHER_KEY
    for keys in ([OTHER_KEY.jwk()], [{**OTHER_KEY.jwk(), "kid": KEY.thumbprint}], [], [{"x": 1}]):
        service.keys = keys
        status, _ = await our.ask(f"{there.url}/")
        assert status in (502, 503)
    assert there.seen == []
    service.key, service.keys = KEY, [OTHER_KEY.jwk(), KEY.jwk()]
    assert (await our.ask(f"{there.url}/"))[0] == 200


async def test_law_22_a_declines_receipt_under_an_altered_status(
    our: Gate, service: Liar, there: Origin
) -> None:
    service.claims = lambda claims: {**claims, "choice": "decline", "status": "declined"}
    assert (await our.ask(f"{there.url}/"))[0] == 502
    service.claims = lambda claims: claims
    service.view = lambda view: {**view, "status": "declined"}
    assert (await our.ask(f"{there.url}/"))[0] == 403  # the stricter of the two
    assert there.seen == []


async def test_law_22_the_answer_about_another_request_releases_nothing(
    our: Gate, service: Liar, there: Origin
) -> None:
    service.claims = lambda claims: {**claims, "sub": "req_9", "jti": "req_9.1"}
    service.view = lambda view: {**view, "id": "req_9"}
    status, said = await our.ask(f"{there.url}/")
    assert (status, said["type"]) == (503, "approval_service_unreachable")
    assert there.seen == []


async def test_law_22_a_receipt_releases_once_also_after_a_restart(
    tmp_path: Path, service: Liar, there: Origin
) -> None:
    made: list[str] = []

    def same(claims: Claims) -> str:
        made.append(sign_receipt(KEY, claims))
        return made[0]

    async def first(request: web.Request) -> web.Response | None:
        if request.method == "POST":
            service.opened.clear()  # every request gets the same id
        return None

    service.sign, service.before = same, first
    for expected in (200, 502):
        async with gate(tmp_path, rules="", service=service.url, pin=KEY.thumbprint) as our:
            assert (await our.ask(f"{there.url}/"))[0] == expected
            assert (await our.ask(f"{there.url}/"))[0] == 502
    assert len(there.seen) == 1


async def test_law_24_a_receipt_is_noted_on_disk_before_anything_is_sent(
    our: Gate, service: Liar, there: Origin
) -> None:
    noted: list[int] = []

    def count(_: bytes) -> bytes:
        with contextlib.closing(sqlite3.connect(our.settings.folder / "used.db")) as database:
            noted.append(database.execute("SELECT count(*) FROM used").fetchone()[0])
        return b"HTTP/1.1 204 No Content\r\n\r\n"

    there.reply = count
    assert (await our.ask(f"{there.url}/"))[0] == 204
    assert noted == [2]


RUBBISH: list[Any] = [
    lambda: web.Response(status=500),
    lambda: web.Response(text="<html>", content_type="text/html"),
    lambda: web.json_response([]),
    lambda: web.json_response({"id": "../../x", "status": "approved"}, status=201),
    lambda: web.json_response({"id": 7}, status=201),
    lambda: web.Response(text='{"id":"a","id":"b"}', content_type="application/json", status=201),
    lambda: web.Response(body=b"x" * 2**21, content_type="application/json"),
    lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
    lambda: web.json_response({"status": "approved"}, status=401),
]


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_law_01_a_service_that_talks_rubbish_hangs_or_fails_releases_nothing(
    our: Gate, service: Liar, there: Origin, method: str
) -> None:
    for made in RUBBISH:

        async def lie(request: web.Request, made: Any = made) -> web.Response | None:
            return made() if request.method == method else None

        service.before = lie
        status, said = await our.ask(f"{there.url}/")
        assert (status, said["type"]) == (503, "approval_service_unreachable")
    assert there.seen == []
    service.before = None
    assert (await our.ask(f"{there.url}/"))[0] == 200  # it recovers by itself


async def test_law_01_a_service_that_hangs_or_is_gone_releases_nothing(
    tmp_path: Path, there: Origin
) -> None:
    async with liar(KEY) as service:
        port = int(service.url.rpartition(":")[2])
        async with gate(tmp_path, rules="", service=service.url, pin=KEY.thumbprint) as our:

            async def hang(_: web.Request) -> None:
                await asyncio.sleep(60)

            service.before = hang
            raw = await our.raw(
                f"GET {there.url}/ HTTP/1.1\r\nHost: 127.0.0.1:{there.port}\r\n"
                f"Proxy-Authorization: {basic()}\r\n\r\n".encode()
            )
            assert raw.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 5\r\n" in raw
            await service.stop()
            assert (await our.ask(f"{there.url}/"))[0] == 503
            async with liar(KEY, port):
                assert (await our.ask(f"{there.url}/"))[0] == 200
    assert len(there.seen) == 1


async def test_law_01_what_the_service_refuses_is_refused(
    our: Gate, service: Liar, there: Origin
) -> None:
    for theirs, ours in ((403, 403), (413, 413), (422, 413), (409, 503)):

        async def refuse(_: web.Request, status: int = theirs) -> web.Response:
            return web.json_response({"status": status, "detail": "no"}, status=status)

        service.before = refuse
        assert (await our.ask(f"{there.url}/"))[0] == ours
    assert there.seen == []


async def test_law_26_what_a_proxy_in_between_refuses_is_an_outage(
    our: Gate, service: Liar, there: Origin
) -> None:
    """Only the service's own words end a request."""
    for said in ({"error": "blocked"}, {"detail": "no", "status": "403"}, {"status": 200}):

        async def refuse(_: web.Request, said: object = said) -> web.Response:
            return web.json_response(said, status=403)

        service.before = refuse
        status, problem = await our.ask(f"{there.url}/")
        assert (status, problem["type"]) == (503, "approval_service_unreachable")
        assert problem["retryable"] is True
    assert there.seen == []


async def test_an_upstream_that_broke_off_is_told_as_unknown(
    our: Gate, service: Liar, there: Origin
) -> None:
    there.reply = lambda _: b""
    assert (await our.ask(f"{there.url}/"))[0] == 502
    await service.told.wait()
    assert service.outcomes[0]["delivered"] is None
    service.told.clear()
    assert (await our.ask("http://127.0.0.1:1/"))[0] == 502
    await service.told.wait()
    assert service.outcomes[1]["delivered"] is False


async def test_a_denied_request_asks_nobody(tmp_path: Path, service: Liar, there: Origin) -> None:
    rules = "- {name: never, when: {path: /x}, then: deny}"
    async with gate(tmp_path, rules=rules, service=service.url, pin=KEY.thumbprint) as our:
        status, said = await our.ask(f"{there.url}/x", "POST", body=b"x")
        assert (status, said["type"], said["rule"]) == (403, "denied", "never")
    assert (there.seen, service.opened) == ([], [])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fd00::1]",
     "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[2002:7f00:1::]", "[64:ff9b::7f00:1]",
     "[64:ff9b:1::1]", "[::127.0.0.1]", "[ff02::1]", "[2001:0:7f00:1::80ff:fffe]", "[fec0::1]"],
)  # fmt: skip
async def test_law_10_addresses_that_are_not_public_are_refused(tmp_path: Path, host: str) -> None:
    async with gate(tmp_path, private="127.0.0.9:80") as our:
        status, said = await our.ask(f"http://{host}:8080/")
        assert (status, said["type"]) == (403, "address_refused")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "127.0.0.1."])
async def test_law_10_addresses_in_disguise_are_refused(tmp_path: Path, host: str) -> None:
    async with gate(tmp_path, private="127.0.0.9:80") as our:
        assert (await our.ask(f"http://{host}:8080/"))[0] in (400, 403)


async def test_law_10_a_listed_port_lists_no_other(tmp_path: Path, there: Origin) -> None:
    async with gate(tmp_path, private=f"127.0.0.1:{there.port}") as our:
        assert (await our.ask(f"{there.url}/"))[0] == 200
        assert (await our.ask(f"http://127.0.0.1:{our.port}/healthz"))[0] == 403


async def test_many_requests_are_held_at_once(tmp_path: Path, there: Origin) -> None:
    """Two hundred here; the memory of thousands is measured by hand (docs/gateway.md)."""
    go, waiting = asyncio.Event(), 0

    async def wait(request: web.Request) -> None:
        nonlocal waiting
        if request.method == "GET" and "wait" in request.query:
            waiting += 1
            await go.wait()

    async with liar(KEY) as service:
        service.before = wait
        patience = QUICK.__class__(service=30, away=30)
        async with gate(
            tmp_path, rules="", service=service.url, pin=KEY.thumbprint, patience=patience
        ) as our:
            held = [asyncio.create_task(our.ask(f"{there.url}/{n}")) for n in range(200)]
            while waiting < 200:
                await asyncio.sleep(0.01)
            assert there.seen == []
            go.set()
            assert {status for status, _ in await asyncio.gather(*held)} == {200}


async def test_law_22_a_request_is_released_once_whatever_is_signed_for_it(tmp_path: Path) -> None:
    used = Used(tmp_path / "used.db")
    try:
        await used.note({"jti": "req_1.1", "sub": "req_1"}, 1)
        for again in ("req_1.1", "req_1"), ("req_1.2", "req_1"), ("req_1.1", "req_2"):
            with pytest.raises(Refused):
                await used.note(dict(zip(("jti", "sub"), again, strict=True)), 2)
        await used.note({"jti": "req_2.1", "sub": "req_2"}, 3)  # a refusal noted nothing
    finally:
        used.close()


def test_used_is_of_its_owner_alone(tmp_path: Path) -> None:
    used = Used(tmp_path / "used.db")
    used.close()
    assert oct((tmp_path / "used.db").stat().st_mode)[-3:] == "600"
