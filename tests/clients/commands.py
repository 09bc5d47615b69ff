"""The command `countersign-client` as a process, beside a running service."""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.harness import forks
from tests.harness.house import HANGS
from tests.harness.installation import BOT, PAUSE, Installation, environment

SOURCE: Final = Path(__file__).parents[2] / "clients/python/src"


@dataclass(frozen=True, slots=True)
class Agents:
    """A user's home, the service they ask, and the token of the person who decides."""

    home: Path
    place: Installation
    pin: str
    token: str

    def env(self, **more: str) -> dict[str, str]:
        known = {
            "HOME": str(self.home),
            "COUNTERSIGN_STATE": str(self.home / "state"),
            "COUNTERSIGN_URL": self.place.url,
            "COUNTERSIGN_KEY": BOT,
            "COUNTERSIGN_RECEIPT_KEY": self.pin,
            "COUNTERSIGN_REQUESTER": "bot",
            "COUNTERSIGN_ISSUER": self.place.url,
            "COUNTERSIGN_PATIENCE": "0",
        }
        given = environment(PYTHONPATH=str(SOURCE), **{**known, **more})
        return {name: value for name, value in given.items() if value}

    def start(self, *words: str | Path, stdin: str = "", **env: str) -> subprocess.Popen[str]:
        with tempfile.TemporaryFile("w+") as given:
            given.write(stdin)
            given.seek(0)
            env = self.env(**env)
            return forks.command("countersign_client", *words, cwd=self.home, env=env, stdin=given)

    def pending(self) -> str:
        """The id of the request that waits, once it is there."""
        until = time.monotonic() + HANGS
        while time.monotonic() < until:
            _, page = self.place.call("GET", "/v1/requests?status=pending")
            if page["requests"]:
                return str(page["requests"][0]["id"])
            time.sleep(PAUSE)
        raise AssertionError("nothing waits")

    def decide(self, choice: str = "approve", reason: str | None = None) -> str:
        """Dana decides what waits."""
        request = self.pending()
        _, shown = self.place.call("GET", f"/v1/requests/{request}", key=self.token)
        body = {"choice": choice, "digest": shown["digest"], "reason": reason}
        path = f"/v1/requests/{request}/decision"
        status, answer = self.place.call("POST", path, body, key=self.token)
        assert status == 200, answer
        return request

    def shown(self, request: str) -> dict[str, object]:
        """What the person is shown."""
        return dict(self.place.call("GET", f"/v1/requests/{request}", key=self.token)[1])
