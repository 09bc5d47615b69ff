"""What the part `doors` measures against and with, each a process of its own.

`serve`: a service that approves at once and signs: what an answer costs there is not ours to count.
It prints its address and its receipt key's thumbprint, and ends with its input. `ask WHAT COUNT`:
so many decisions by one door, and what they cost this process; the service is in its environment.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

REQUESTER: Final = "scripts"
CALL: Final[dict[str, Any]] = {
    "to": "ACME GmbH", "iban": "DE89370400440532013000", "cents": 1_240_000, "currency": "EUR",
    "lines": [{"invoice": f"2026-{at}", "cents": 124_000} for at in range(10)],
}  # fmt: skip
"""The arguments of each call: half a kilobyte."""


async def serve() -> None:
    from aiohttp import web
    from countersign_client.digest import digest_payload
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from approvals.evidence import ReceiptKey, sign_receipt

    key = ReceiptKey(Ed25519PrivateKey.generate())
    cases: dict[str, dict[str, Any]] = {}

    async def opened(request: web.Request) -> web.Response:
        asked = await request.json()
        digest = digest_payload(action=asked["action"], payload=asked["payload"])
        id_, now = f"req_{len(cases)}", int(time.time())
        claims = {
            "iss": str(request.url.origin()), "aud": REQUESTER, "sub": id_, "iat": now,
            "exp": now + 60, "choice": "approve", "revision": 1, "digest": digest, "unseen": False,
        }  # fmt: skip
        cases[id_] = {
            "id": id_, "status": "approved", "digest": digest, "expires_at": "…", "reason": None,
            "outcome": None, "receipt": sign_receipt(key, claims),
        }  # fmt: skip
        return web.json_response(cases[id_], status=201)

    async def shown(request: web.Request) -> web.Response:
        return web.json_response(cases[request.match_info["id"]])

    async def keys(_: web.Request) -> web.Response:
        return web.json_response({"keys": [key.jwk()]})

    app = web.Application()
    app.router.add_post("/v1/requests", opened)
    app.router.add_get("/v1/requests/{id}", shown)
    app.router.add_post("/v1/requests/{id}/outcome", shown)
    app.router.add_get("/.well-known/jwks.json", keys)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"port": runner.addresses[0][1], "pin": key.thumbprint}))
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def ask(what: str, count: int) -> None:
    """Print the milliseconds that one decision takes, of the processor and by the clock."""
    from countersign_client import AsyncClient, Client
    from countersign_client.gate import Gate, ToolCall

    async def counted(one: Callable[[int], Awaitable[object]]) -> tuple[float, float]:
        await one(-1)  # what is imported with the first request is no part of a decision
        cpu, clock = time.process_time(), time.perf_counter()
        for at in range(count):
            await one(at)
        return time.process_time() - cpu, time.perf_counter() - clock

    async def asked() -> tuple[float, float]:
        with Client() as client:

            async def one(at: int) -> object:
                return client.ask(action="payouts.create", payload={"at": at, **CALL}).require()

            return await counted(one)

    async def gated() -> tuple[float, float]:
        async with AsyncClient() as client:
            gate = Gate(client, surface="bench")

            async def tool() -> str:
                return "paid"

            async def one(at: int) -> object:
                call = ToolCall(tool="pay", arguments={"at": at, **CALL}, id=f"bench:{at}")
                return await gate.run(call, tool)

            return await counted(one)

    cpu, clock = asyncio.run({"client": asked, "gate": gated}[what]())
    print(json.dumps({"cpu_ms": cpu * 1000 / count, "clock_ms": clock * 1000 / count}))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve())
    else:
        ask(sys.argv[2], int(sys.argv[3]))
