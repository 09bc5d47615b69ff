"""A port for a server that has to be told one before it starts (tests, benchmarks, `deploy_check`).

A server that can listen on port 0, and then say which port it got, should do that instead.
"""

from __future__ import annotations

import random
import socket
from typing import Final

BELOW_THE_KERNEL: Final = range(20_000, 32_768)
"""Linux hands out 32768 to 60999 by itself (ip(7), ip_local_port_range): a port that was free there
a moment ago is soon another process's, or the far end of one of our own connections."""


def free_port() -> int:
    """A port of loopback that nobody listens on, and that the kernel gives to nobody."""
    for port in random.sample(BELOW_THE_KERNEL, 100):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:  # somebody listens there
            continue
        return port
    raise OSError("of 100 ports on 127.0.0.1, none is free")
