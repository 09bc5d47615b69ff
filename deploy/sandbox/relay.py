"""The one port of a network namespace that answers: passes connections on to the gateway outside.

`relay.py NAMESPACE HOST:PORT`, as root. A socket belongs to the namespace in which it was made, so
the listening one is made inside, and every connection to the gateway outside. Whoever connects can
reach that one address, and no other. Prints its port when it listens; ends with its standard input.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import sys
from pathlib import Path

CLONE_NEWNET = 0x4000_0000  # linux/sched.h; os.setns is Python 3.12's
NOBODY = 65534


def listening(namespace: str, port: int) -> socket.socket:
    """A listening socket on the loopback of that namespace."""
    home, there = Path("/proc/self/ns/net"), Path("/run/netns") / namespace
    with home.open() as back, there.open() as into:
        _enter(into.fileno())
        try:
            return socket.create_server(("127.0.0.1", port), backlog=4096)
        finally:
            _enter(back.fileno())


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One way of a connection. Its end is passed on too: a gateway withdraws what nobody awaits."""
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def main(namespace: str, gateway: str) -> None:
    """Relay until standard input ends."""
    host, _, port = gateway.rpartition(":")
    here = listening(namespace, int(port))
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(host.strip("[]"), int(port))
            ends.append(far_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(passed(reader, far_writer))
                both.create_task(passed(far_reader, writer))
        except* OSError:
            for end in ends:  # one side broke off: to the other it must not look like an end
                end.transport.abort()
        finally:
            for end in ends:
                end.close()

    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    async with await asyncio.start_server(joined, sock=here):
        print(port, flush=True)  # noqa: T201 - whoever started us waits for it
        await ended.wait()
    os._exit(0)  # with all that is under way


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
