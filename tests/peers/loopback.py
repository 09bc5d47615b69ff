"""Where the stand-ins listen."""

from __future__ import annotations

from aiohttp import web


async def started(app: web.Application) -> tuple[web.AppRunner, str]:
    """Listening on a port of its own: the runner that ends it, its base URL without a slash."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"
