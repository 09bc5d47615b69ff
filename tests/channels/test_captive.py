"""X13: what is not a platform's own well-formed answer is `Busy` on every channel: a captive
portal, a proxy in between, an empty object. Only the platform's own words refuse, and nothing
counts as posted or drawn that it did not say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import ClientSession, DummyCookieJar, web
from aiohttp.test_utils import TestServer
from yarl import URL

from approvals.model import Busy
from approvals.port import Channel
from tests.harness.channel_contract import CARDS, KITS, Kit, card, kit
from tests.harness.portal import ANSWERS, JSON, everywhere

ENDED = CARDS["approved"]


@dataclass
class Way:
    """What lies between us and the platform. `instead`: what it answers by itself."""

    url: str = ""
    instead: tuple[int, str, bytes] | None = None
    caught: int = 0


@asynccontextmanager
async def between(api: str) -> AsyncIterator[Way]:
    """A proxy in front of this platform, which is honest until it is told otherwise."""
    real, way = URL(api), Way()

    async def relay(request: web.Request) -> web.Response:
        body = await request.read()
        if way.instead is not None:
            status, kind, said = way.instead
            way.caught += 1
            headers = {"Content-Type": kind, "Location": "/portal"}
            return web.Response(status=status, body=said or None, headers=headers)
        headers = {k: v for k, v in request.headers.items() if k not in ("Host", "Content-Length")}
        where = URL(f"{real.origin()}{request.raw_path}", encoded=True)
        async with http.request(request.method, where, data=body, headers=headers) as answer:
            kept = {k: v for k, v in answer.headers.items() if k in ("Content-Type", "Date")}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", relay)
    async with TestServer(app) as server, ClientSession(cookie_jar=DummyCookieJar()) as http:
        way.url = api.replace(str(real.origin()), str(server.make_url("/")).rstrip("/"))
        yield way


@pytest.fixture(params=[name for name in KITS if name not in ("email", "outlook")])
def one(request: pytest.FixtureRequest) -> Kit:
    """Mail is sent by SMTP, where no page can be taken for an answer."""
    return kit(request.param)


async def busy(channel: Channel, one: Kit, way: Way, what: str) -> None:
    """Posting, and drawing a card that is there, come to nothing that we believe."""
    way.instead = None
    ref = await channel.post(one.address, channel.layout(card()), "crd_1")
    way.instead, way.caught = ANSWERS[what], 0
    fresh = one.make(way.url)  # which has no token yet, where one is needed
    asks: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: channel.post(one.address, channel.layout(card()), "crd_2"),
        lambda: channel.redraw(ref, channel.layout(ENDED)),
        lambda: fresh.post(one.address, fresh.layout(card()), "crd_3"),
    )
    for ask in asks:
        try:
            await ask()
        except Busy:
            continue
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
        raise AssertionError(f"{what}: it was taken as done")
    await fresh.close()
    assert way.caught, "nothing was asked"
    way.instead = None
    await channel.redraw(ref, channel.layout(ENDED))


@pytest.mark.parametrize("what", ANSWERS)
async def test_law_26_what_the_platform_did_not_say_is_busy(one: Kit, what: str) -> None:
    async with one.peer() as peer, between(peer.api) as way:
        channel = one.make(way.url)
        try:
            await busy(channel, one, way, what)
        finally:
            await channel.close()


@pytest.mark.parametrize("name", ["discord", "github", "mattermost", "slack"])
async def test_law_26_an_edit_that_names_another_message_was_not_made(name: str) -> None:
    one = kit(name)
    async with one.peer() as peer, between(peer.api) as way:
        channel = one.make(way.url)
        ref = await channel.post(one.address, channel.layout(card()), "crd_1")
        way.instead = (200, JSON, everywhere(b'"7"').replace(b'"ok": "7"', b'"ok": true'))
        with pytest.raises(Busy):
            await channel.redraw(ref, channel.layout(ENDED))
        await channel.close()


async def test_law_26_a_code_that_is_no_number_is_not_discords() -> None:
    one = kit("discord")
    async with one.peer() as peer, between(peer.api) as way:
        channel = one.make(way.url)
        await channel.post(one.address, channel.layout(card()), "crd_1")
        way.instead = (404, JSON, b'{"message": "blocked", "code": "blocked"}')
        with pytest.raises(Busy):
            await channel.post(one.address, channel.layout(card()), "crd_2")
        await channel.close()
