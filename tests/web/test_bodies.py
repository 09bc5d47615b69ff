"""Law 27: what a body may cost before anybody has proven anything."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from aiohttp import ClientSession, web
from aiohttp.compression_utils import ZLibDecompressor
from aiohttp.test_utils import TestServer

from approvals.store import Store
from approvals.web.bodies import HELD, Bodies
from approvals.web.problems import Problem
from approvals.web.schemas import HEADER_LIMIT, HEADERS_SIZE, TEXT_LIMIT
from tests.harness.house import Place, open_house

MEGABYTE = 1024 * 1024
STALLED = (
    b"POST /channels/desk/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n"
    + b"x" * (MEGABYTE - 1)
)


@pytest.fixture
async def place(store: Store) -> AsyncIterator[Place]:
    async with open_house(store) as place:
        yield place


async def stall(port: int, head: bytes) -> bytes:
    """Send this and nothing more; what comes back until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_law_27_stalled_deliveries_hold_a_bounded_memory_and_no_tap_waits(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """E6: 300 of them held 303 MiB for as long as they liked."""
    port = int(place.url.rpartition(":")[2])
    asked = await place.opened()
    card = await place.card(asked, "U-dana")
    beyond = HELD // MEGABYTE + 8
    stalled = [asyncio.create_task(stall(port, STALLED)) for _ in range(beyond)]
    gave_way = set[asyncio.Task[bytes]]()
    while len(gave_way) < 8:
        done, _ = await asyncio.wait(set(stalled) - gave_way, return_when=asyncio.FIRST_COMPLETED)
        gave_way |= done
    assert {one.result().split(b"\r\n")[0] for one in gave_way} <= {
        b"HTTP/1.1 408 Request Timeout", b"",
    }  # fmt: skip
    assert (await place.tap(place.desk.press(card)))[0] == 200, "the oldest gave way, not a tap"
    for one in stalled:
        one.cancel()
    await asyncio.gather(*stalled, return_exceptions=True)
    assert (await place.call("GET", f"/v1/requests/{asked['id']}"))[0] == 200
    assert "unexpected_error" not in capsys.readouterr().out, "who hangs up is no fault of ours"


@pytest.mark.parametrize("sent", [b"", b"x" * 9])
async def test_law_27_a_body_that_does_not_arrive_is_a_408_and_is_forgotten(sent: bytes) -> None:
    bodies = Bodies(seconds=0.05)

    async def read(request: web.Request) -> web.Response:
        try:
            return web.Response(body=await bodies.read(request, 10))
        except Problem as problem:
            return problem.response()

    app = web.Application()
    app.router.add_post("/", read)
    async with TestServer(app) as server, ClientSession() as http:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n" + sent
        answer = await asyncio.open_connection("127.0.0.1", server.port)
        answer[1].write(head)
        said = await answer[0].readuntil(b"\r\n")
        answer[1].close()
        assert said == b"HTTP/1.1 408 Request Timeout\r\n"
        assert (bodies._held, bodies._total) == ({}, 0)
        async with http.post(server.make_url("/"), data=b"ten bytes!") as whole:
            assert await whole.read() == b"ten bytes!"
        assert (bodies._held, bodies._total) == ({}, 0)


def bomb(megabytes: int) -> bytes:
    """So many megabytes of zeros, as gzip: a thousandth of it."""
    packing = zlib.compressobj(9, wbits=31)
    head = packing.compress(bytes(MEGABYTE)) + packing.flush(zlib.Z_FULL_FLUSH)
    block = packing.compress(bytes(MEGABYTE)) + packing.flush(zlib.Z_FULL_FLUSH)
    return head + block * (megabytes - 1)


async def test_law_27_a_compressed_body_is_refused_and_never_unpacked(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E5: each of these cost seconds of processor time, with no key."""

    def unpacked(*_: object, **__: object) -> bytes:
        raise AssertionError("a body was unpacked")

    for name in ("decompress", "decompress_sync"):
        monkeypatch.setattr(ZLibDecompressor, name, unpacked)
    body = bomb(2000)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    for path in ("/healthz", "/v1/requests", "/login", "/nope", "/channels/desk/events"):
        async with place.http.post(
            f"{place.url}{path}", data=BytesIO(body), headers=headers
        ) as answer:
            said = json.loads(await answer.read())
        assert (answer.status, said["type"]) == (415, "encoded_body"), path


def http(**fields: object) -> dict[str, object]:
    return {"http": {"method": "POST", "url": "https://api.example.com/", **fields}}


async def test_law_32_headers_and_words_beside_the_request_are_bounded(place: Place) -> None:
    """E3: 40,000 headers held everybody up for 0.7 s, a hundred long facts for 0.3 s a card."""
    many = {f"x-{n}": "v" for n in range(HEADER_LIMIT)}
    facts = [{"label": "Fact", "value": "token: " * 1400}] * (TEXT_LIMIT // 9800)
    for fits in (
        http(headers=many),
        http(headers={"x": ["v"] * HEADER_LIMIT}),
        http(headers={"x": "v" * (HEADERS_SIZE - 1)}),
        {"payload": 1, "facts": facts},
    ):
        status, said = await place.call("POST", "/v1/requests", {"action": "a", **fits})
        assert status == 201, said
    fill = {f"d{n}": ["x" * 1000] * 10 for n in range(14)}
    for words, beyond in {
        f"more than {HEADER_LIMIT} headers": [
            http(headers={**many, "x": "v"}),
            http(headers={"x": ["v"] * (HEADER_LIMIT + 1)}),
            http(headers={f"x-{n}": "v" for n in range(40_000)}),
        ],
        f"more than {HEADERS_SIZE} characters of headers": [
            http(headers={"x": "v" * HEADERS_SIZE}),
            http(headers={f"x{n}": "v" * 1000 for n in range(70)}),
        ],
        f"more than {TEXT_LIMIT} characters in title, facts, note and decoded": [
            {"payload": 1, "facts": [*facts, facts[0]]},
            {"payload": 1, "decoded": fill},
            {"payload": 1, "note": "x" * 20_000, "facts": facts[:12]},
        ],
    }.items():
        for asked in beyond:
            status, said = await place.call("POST", "/v1/requests", {"action": "a", **asked})
            assert (status, said["type"]) == (422, "invalid_request")
            assert words.lower() in said["detail"].lower(), said["detail"]
    assert len(await place.store.page()) == 4
