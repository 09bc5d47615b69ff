"""A gateway's command that listens for deliveries, as a platform meets it."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from tests.clients.commands import Agents
from tests.harness.house import HANGS
from tests.harness.installation import read_until


def raw(body: Any) -> bytes:
    """The bytes of a delivery."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


class Listening:
    """The command, listening on loopback."""

    def __init__(self, agents: Agents, *words: str, **env: str) -> None:
        words = (words[0], "--listen", "127.0.0.1:0", *words[1:])
        self.process: subprocess.Popen[str] = agents.start(*words, **env)
        self.port = int(read_until(self.process, "Listening").strip().rpartition(":")[2])

    def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANGS)
        with closing(connection):
            try:
                connection.request("POST", "/", body, headers)
                return connection.getresponse().status
            except (BrokenPipeError, ConnectionResetError):
                return 413  # it read no more of what is too large, and hung up

    def end(self) -> str:
        """What it wrote to stderr."""
        self.process.terminate()
        return self.process.communicate(timeout=HANGS)[1]
