"""One Synapse for all of these tests, with an application service and people; and a store."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from approvals.store import Store
from tests.harness.house import HANGS
from tools.ports import free_port

AS_TOKEN, HS_TOKEN = "as-token-of-the-tests", "hs-token-of-the-tests"
APPROVALS = "@approvals:localhost"


@dataclass
class Server:
    """A running homeserver. `ours`: the port to which it pushes."""

    url: str
    ours: int

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        url = f"{self.url}/_matrix/client{path}"
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        asked = urllib.request.Request(url, sent, headers, method=method)
        with urllib.request.urlopen(asked, timeout=HANGS) as answer:
            return json.load(answer)

    def person(self, name: str) -> str:
        """A new account; its token."""
        wish = {"username": name, "password": "correct horse", "auth": {"type": "m.login.dummy"}}
        return str(self.call("POST", "/v3/register", wish)["access_token"])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("synapse")
    made = Server(f"http://127.0.0.1:{(port := free_port())}", free_port())
    seed = base64.b64encode(os.urandom(32)).decode().rstrip("=")
    (folder / "key").write_text(f"ed25519 a_test {seed}\n")
    (folder / "registration.yaml").write_text(json.dumps({
        "id": "countersign", "url": f"http://127.0.0.1:{made.ours}",
        "as_token": AS_TOKEN, "hs_token": HS_TOKEN, "sender_localpart": "approvals",
        "rate_limited": False, "namespaces": {"users": [], "aliases": [], "rooms": []},
    }))  # fmt: skip
    often = {"per_second": 1000, "burst_count": 1000}
    limits = ("rc_message", "rc_registration", "rc_admin_redaction", "rc_reports")
    nested: dict[str, Any] = {
        "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), often),
        "rc_joins": dict.fromkeys(("local", "remote"), often),
        "rc_invites": dict.fromkeys(("per_room", "per_user", "per_issuer"), often),
    }
    resources = [{"names": ["client"], "compress": False}]
    listener = {"port": port, "type": "http", "tls": False, "bind_addresses": ["127.0.0.1"]}
    (folder / "hs.yaml").write_text(json.dumps({
        "server_name": "localhost", "report_stats": False, "pid_file": str(folder / "pid"),
        "listeners": [{**listener, "resources": resources}],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "db")}},
        "media_store_path": str(folder / "media"), "signing_key_path": str(folder / "key"),
        "macaroon_secret_key": "m" * 40, "form_secret": "f" * 40, "trusted_key_servers": [],
        "enable_registration": True, "enable_registration_without_verification": True,
        "app_service_config_files": [str(folder / "registration.yaml")],
        **dict.fromkeys(limits, often), **nested,
    }))  # fmt: skip
    command = [os.environ["SYNAPSE_PYTHON"], "-m", "synapse.app.homeserver"]
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            [*command, "--config-path", "hs.yaml"], cwd=folder, stdout=log, stderr=log
        )
    until = time.monotonic() + HANGS
    while True:
        try:
            made.call("GET", "/versions")
            break
        except (urllib.error.URLError, ConnectionError):
            assert running.poll() is None, (folder / "log").read_text()[-3000:]
            assert time.monotonic() < until, "it does not start"
            time.sleep(0.1)  # nothing tells when it listens
    yield made
    running.terminate()
    assert running.wait(HANGS) is not None


@pytest.fixture
async def store(sqlite_database: str) -> AsyncIterator[Store]:
    opened = await Store.connect(sqlite_database)
    yield opened
    await opened.close()
