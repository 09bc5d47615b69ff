"""What agents really use goes through our gateway unchanged, with nothing but its CA trusted."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.app.host import clock
from approvals.evidence import ReceiptKey
from approvals.proxy.ca import utc
from approvals.proxy.wire import Patience
from tests.harness.gateway import Gate, authority, gate, liar, origin, ran

KEY = ReceiptKey(Ed25519PrivateKey.generate())
PEERS = Path(__file__).parents[1] / "peers"


@asynccontextmanager
async def both(tmp_path: Path, folder: Path | None = None) -> AsyncIterator[tuple[Gate, str]]:
    """A gateway that allows everything, and a site over https."""
    theirs = authority(tmp_path / "theirs")

    async def echo(request: web.Request) -> web.Response:
        body = await request.read()
        digest = hashlib.sha256(body).hexdigest()
        return web.json_response(
            {"method": request.method, "path": request.raw_path, "sha": digest}
        )

    app = web.Application(client_max_size=2**25)
    app.router.add_route("*", "/echo{rest:.*}", echo)
    if folder:
        app.router.add_static("/files", folder, show_index=True)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(
        runner, "127.0.0.1", 0, ssl_context=theirs.context("localhost", utc(clock()))
    )
    await site.start()
    try:
        async with gate(tmp_path, ca_file=tmp_path / "theirs/ca.pem") as our:
            yield our, f"https://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


BODY = bytes(range(256)) * 4096
SHA = hashlib.sha256(BODY).hexdigest()


async def test_curl(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(BODY)
    async with both(tmp_path) as (our, url):
        out = await ran(
            "curl", "-sS", "--path-as-is", "--data-binary", "@body", f"{url}/echo/x?y=%7e&z",
            "--next", "-sS", "-T", "-", f"{url}/echo/put",
            cwd=tmp_path, env=our.environ(), stdin=BODY,
        )  # fmt: skip
        assert out.count(SHA) == 2  # the second comes in chunks
        assert '"/echo/x?y=%7e&z"' in out


async def test_python_clients(tmp_path: Path) -> None:
    script = """
import sys, asyncio, os
import requests, httpx
url, body = sys.argv[1], open("body", "rb").read()
with requests.Session() as s:
    for _ in range(3):
        print(s.post(url + "/echo", data=body).json()["sha"])
with httpx.Client() as c:
    for _ in range(3):
        pieces = (body[at:at + 999] for at in range(0, len(body), 999))
        print(c.post(url + "/echo", content=pieces).json()["sha"])
"""
    (tmp_path / "body").write_bytes(BODY)
    async with both(tmp_path) as (our, url):
        out = await ran(sys.executable, "-c", script, url, cwd=tmp_path, env=our.environ())
        assert out.split() == [SHA] * 6
        import ssl

        trust = ssl.create_default_context(cafile=our.ca)
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{url}/echo", data=BODY, proxy=our.proxy(), ssl=trust) as answer,
        ):
            assert (await answer.json())["sha"] == SHA


async def test_node_fetch(tmp_path: Path) -> None:
    script = """
import { ProxyAgent, fetch } from 'undici'
import { readFileSync } from 'node:fs'
const ca = readFileSync(process.env.NODE_EXTRA_CA_CERTS)
const dispatcher = new ProxyAgent({ uri: process.env.HTTPS_PROXY, requestTls: { ca } })
for (const n of [1, 2, 3]) {
  const body = readFileSync(process.env.BODY)
  const answer = await fetch(process.argv[2] + '/echo?' + n, { method: 'POST', body, dispatcher })
  console.log((await answer.json()).sha)
}
await dispatcher.close()
"""
    assert (PEERS / "node_modules/undici").exists(), "run npm ci in tests/peers; make test does"
    (tmp_path / "body").write_bytes(BODY)
    (tmp_path / "node_modules").symlink_to(PEERS / "node_modules")
    (tmp_path / "fetch.mjs").write_text(script)
    node = shutil.which(
        "node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    assert node
    async with both(tmp_path) as (our, url):
        env = {**our.environ(), "BODY": str(tmp_path / "body")}
        out = await ran(node, "fetch.mjs", url, cwd=tmp_path, env=env)
        assert out.split() == [SHA] * 3


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A bare repository and a package index, as plain files."""
    folder = tmp_path / "files"
    work, env = tmp_path / "work", {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    person = ["-c", "user.name=dana", "-c", "user.email=dana@example.com"]
    (folder / "demo").mkdir(parents=True)
    for words in (
        ["init", "-q", "-b", "main", work],
        ["-C", work, *person, "commit", "-q", "--allow-empty", "-m", "A first commit"],
        ["clone", "-q", "--bare", work, folder / "work.git"],
        ["-C", folder / "work.git", "update-server-info"],
    ):
        subprocess.run(["git", *map(str, words)], check=True, env=env)
    with zipfile.ZipFile(folder / "demo/demo-1.0-py3-none-any.whl", "w") as wheel:
        about = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
        wheel.writestr("demo-1.0.dist-info/METADATA", about)
        wheel.writestr("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("demo-1.0.dist-info/RECORD", "")
    (folder / "demo/index.html").write_text(
        '<!DOCTYPE html><a href="demo-1.0-py3-none-any.whl">demo</a>'
    )
    return folder


async def test_git_clone(tmp_path: Path, files: Path) -> None:
    async with both(tmp_path, files) as (our, url):
        env = {**our.environ(), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        await ran("git", "clone", "-q", f"{url}/files/work.git", "got", cwd=tmp_path, env=env)
        out = await ran("git", "-C", "got", "log", "--format=%s", cwd=tmp_path, env=env)
        assert out == "A first commit\n"


async def test_pip_download(tmp_path: Path, files: Path) -> None:
    async with both(tmp_path, files) as (our, url):
        words = "-m pip --isolated --disable-pip-version-check download -q --no-deps demo -d got"
        where = ["--find-links", f"{url}/files/demo/index.html", "--no-index", "--no-cache-dir"]
        where += ["--proxy", our.proxy(), "--cert", str(our.ca)]
        await ran(sys.executable, *words.split(), *where, cwd=tmp_path, env=our.environ())
        assert [file.name for file in (tmp_path / "got").iterdir()] == ["demo-1.0-py3-none-any.whl"]


PYTHON = """
import asyncio, sys
import aiohttp, httpx, requests
which, url = sys.argv[1:]
if which == "requests":
    print(requests.post(url, data=b"x", timeout=1).status_code)
elif which == "httpx":
    print(httpx.post(url, content=b"x", timeout=1).status_code)
else:
    async def main():
        timeout = aiohttp.ClientTimeout(sock_read=1)
        async with aiohttp.ClientSession(trust_env=True, timeout=timeout) as http:
            async with http.post(url, data=b"x") as answer:
                print(answer.status)
    asyncio.run(main())
"""
FETCH = """
import { ProxyAgent, fetch } from 'undici'
import { readFileSync } from 'node:fs'
const ca = readFileSync(process.env.NODE_EXTRA_CA_CERTS)
const dispatcher = new ProxyAgent({
  uri: process.env.HTTPS_PROXY, requestTls: { ca }, headersTimeout: 1000,
})
console.log((await fetch(process.argv[3], { method: 'POST', body: 'x', dispatcher })).status)
await dispatcher.close()
"""


@pytest.mark.parametrize("client", ["requests", "httpx", "aiohttp", "undici"])
async def test_law_28_clients_wait_longer_than_their_timeout_for_a_person(
    tmp_path: Path, client: str
) -> None:
    """Each gives up after 1 s without a byte; the verdict takes three, in which they get some."""
    theirs, decided = authority(tmp_path / "theirs"), asyncio.Event()
    if client == "undici":
        (tmp_path / "node_modules").symlink_to(PEERS / "node_modules")
    (tmp_path / "wait.mjs").write_text(FETCH)
    (tmp_path / "wait.py").write_text(PYTHON)
    node = shutil.which(
        "node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    assert node
    program = [node, "wait.mjs"] if client == "undici" else [sys.executable, "wait.py"]

    async def undecided(request: web.Request) -> web.Response | None:
        if request.method == "GET" and "wait" in request.query and not decided.is_set():
            asyncio.get_running_loop().call_later(3, decided.set)
            await decided.wait()
        return None

    async with liar(KEY) as service, origin(theirs.context("localhost", utc(clock()))) as there:
        service.before = undecided
        patience = Patience(interim=0.25)
        ca = tmp_path / "theirs/ca.pem"
        given: dict[str, Any] = {"rules": "", "service": service.url, "pin": KEY.thumbprint}
        async with gate(tmp_path, **given, ca_file=ca, patience=patience) as our:
            url = f"https://localhost:{there.port}/"
            out = await ran(*program, client, url, cwd=tmp_path, env=our.environ())
        assert out.split() == ["200"]
        assert len(there.seen) == len(service.opened) == 1
