"""What the folders of the channels share."""

from __future__ import annotations

import gzip

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.kit.http import LONGEST, Http
from approvals.model import Busy


async def test_what_was_closed_opens_no_connection_again() -> None:
    http = Http()
    await http.close()
    with pytest.raises(Busy, match="ending"):
        await http.ask("GET", "http://127.0.0.1:1/")


@pytest.mark.parametrize("packed", [False, True])
async def test_law_27_an_answer_without_end_is_not_read_to_its_end(packed: bool) -> None:
    """Also one that is small until it is unpacked."""
    heads = {"Content-Encoding": "gzip"} if packed else {}

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers=heads)
        await answer.prepare(request)
        piece = gzip.compress(bytes(LONGEST)) if packed else bytes(65_536)
        while True:
            await answer.write(piece)

    app, http = web.Application(), Http()
    app.router.add_get("/", endless)
    async with TestServer(app) as server:
        with pytest.raises(Busy, match="too long"):
            await http.ask("GET", server.make_url("/"))
        await http.close()
