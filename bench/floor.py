"""The floor under our taps, as a peer of the bench: aiohttp, Slack's own check, and nothing else.

It reads a request with aiohttp, verifies it with `slack_sdk`, parses the form and its JSON, counts
it and answers. What Countersign takes beyond this is deciding: the card's proof, who may, the vote,
its seal, the audit entry and the commit. No server on aiohttp in CPython can be faster than this.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web
from slack_sdk.signature import SignatureVerifier


def main() -> None:
    """Serve until told to end."""
    verifier, taken = SignatureVerifier(os.environ["BENCH_SIGNING_SECRET"]), 0

    async def tap(request: web.Request) -> web.Response:
        nonlocal taken
        body = await request.read()
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not verifier.is_valid(body, stamp, signature):
            return web.Response(status=401)
        payload = json.loads(parse_qs(body.decode())["payload"][0])
        taken += payload["type"] == "block_actions" and len(payload["actions"]) == 1
        return web.Response()

    async def count(request: web.Request) -> web.Response:
        return web.Response(text=str(taken))

    async def serve() -> None:
        app = web.Application()
        app.add_routes([web.post("/slack", tap), web.get("/", count)])
        runner, stop = web.AppRunner(app, access_log=None), asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        print(json.dumps({"port": port, "version": aiohttp.__version__, "count": "/"}), flush=True)
        await stop.wait()
        await runner.cleanup()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
