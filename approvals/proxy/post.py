"""A POST to a token endpoint, by the way that agents' requests take: judged addresses and TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

import h11

from approvals.evidence import Headers, split_url
from approvals.proxy.oauth import Denied
from approvals.proxy.reach import Reach
from approvals.proxy.wire import Problem

WAIT: Final = 20.0
"""Seconds for the whole of it."""
LONGEST: Final = 256 * 1024
"""Bytes of an answer."""


def poster(reach: Reach) -> Callable[[str, Headers, bytes], Coroutine[Any, Any, tuple[int, bytes]]]:
    """POSTs over this way out."""

    async def post(url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer; a redirect is not followed. `Denied`: there is none."""
        length = ("Content-Length", str(len(body)))
        return await exchanged(reach, "POST", url, [*headers, length], body)

    return post


async def exchanged(
    reach: Reach, method: str, url: str, headers: Headers, body: bytes = b""
) -> tuple[int, bytes]:
    """Status and body of the answer to one request on a connection of its own. `Denied`."""
    scheme, authority, path, query = split_url(url)
    origin = f"{scheme}://{authority}"
    if scheme != "https" and not reach.listed(url):
        raise Denied(f"{origin} is neither https nor a listed loopback address", again=False)
    own = [("Host", authority)] if all(name.lower() != "host" for name, _ in headers) else []
    head = h11.Request(
        method=method,
        target=path if query is None else f"{path}?{query}",
        headers=[
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in (*own, *headers, ("Connection", "close"))
        ],
    )
    raw = bytearray()
    try:
        async with asyncio.timeout(WAIT):
            upstream = await reach.connect(url, await reach.addresses(url))
            try:
                answer = await upstream.exchange(head, _whole(body))
                async for piece in upstream.data():
                    raw += piece
                    if len(raw) > LONGEST:
                        raise Denied(f"{origin} answers more than {LONGEST} bytes", again=False)
            finally:
                await upstream.close()
    except Problem as problem:  # where it may not go, TLS, or nobody there
        raise Denied(problem.detail.rstrip("."), again=problem.status >= 500) from None
    except (OSError, TimeoutError, h11.RemoteProtocolError):
        raise Denied(f"{origin} gives no answer", again=True) from None
    return answer.status_code, bytes(raw)


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body
