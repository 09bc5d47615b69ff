"""The service with a lease of its own: `python -m tests.harness.serving CONFIG LEASE`.

Starts at a line on stdin, and says where it listens as `countersign serve` does. LEASE:
milliseconds for which a dead copy keeps the jobs that it had taken.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

from approvals.app import host, log, serve
from approvals.app.compose import running


async def main(config: Path, lease: int) -> None:
    log.setup(console=False)
    async with serve.base(serve.configuration(config)) as on:
        plan = replace(await serve.plan(on), opens_per_second=1e6, lease=lease)
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        async with running(
            plan, on.store, clock=host.clock, random=host.random, steady=host.steady
        ) as house:
            log.started(house.url, on)
            await stop.wait()


sys.stdin.readline()  # loaded; what follows is the start
asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
