"""What each vendor's SDK gets when a person takes minutes: python -m bench.sdks.run VENV [SECONDS]

VENV: a virtual environment with requirements.txt, and beside it node_modules of package.json. Each
SDK writes once, through our gateway, with its default time-outs and retries; each request is
approved SECONDS (180) after its card was posted. By hand: it takes as long as people do.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.app.host import clock
from approvals.evidence import ReceiptKey
from approvals.proxy.ca import utc
from approvals.proxy.wire import PATIENCE
from approvals.store import Store
from tests.harness.gateway import authority, gate
from tests.harness.house import Wall, open_house

HERE = Path(__file__).parent
PYTHON = (
    *("openai", "anthropic", "pygithub", "slack_sdk", "google", "boto3", "stripe", "twilio"),
    *("kubernetes", "requests", "httpx", "aiohttp"),
)
ANSWER = {
    "id": "x1", "object": "chat.completion", "created": 1, "model": "m", "number": 1, "ok": True,
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
    ],
    "type": "message", "role": "assistant", "content": [{"type": "text", "text": "hi"}],
    "usage": {"input_tokens": 1, "output_tokens": 1}, "sid": "SM1", "url": "https://localhost/x",
    "kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "x"},
}  # fmt: skip


HEAD = "| SDK | came through | waited s | cases | cards | sent |\n|---|---|---:|---:|---:|---:|"


async def main(venv: Path, seconds: float) -> None:
    sent: dict[str, int] = {}

    async def answer(request: web.Request) -> web.Response:
        name = request.path.split("/")[1]
        sent[name] = sent.get(name, 0) + 1
        if name == "git":
            return web.Response(text=f"{'a' * 40}\trefs/heads/main\n")
        return web.json_response({} if name == "boto3" else ANSWER)

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        theirs, key = authority(place / "theirs"), ReceiptKey(Ed25519PrivateKey.generate())
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        tls = theirs.context("localhost", utc(clock()))
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        store = await Store.connect(f"sqlite:///{place}/s.db")
        async with (
            open_house(store, clock=Wall(0), key=key, carry=True) as house,
            gate(
                place / "gate", rules="", service=house.url, pin=key.thumbprint,
                ca_file=place / "theirs/ca.pem", patience=PATIENCE,
            ) as our,
        ):  # fmt: skip
            env = {**os.environ, **our.environ(), "AWS_EC2_METADATA_DISABLED": "true"}
            env["GIT_TERMINAL_PROMPT"] = "0"
            where = f"https://localhost:{port}"
            python, node = str(venv / "bin/python"), "node"
            programs = {
                name: [python, str(HERE / "clients.py"), name, f"{where}/{name}"] for name in PYTHON
            }
            programs["fetch"] = [node, str(HERE / "fetch.mjs"), f"{where}/fetch"]
            programs["notion"] = [node, str(venv.parent / "notion.mjs"), f"{where}/notion"]
            (venv.parent / "notion.mjs").write_text((HERE / "notion.mjs").read_text())
            programs["curl"] = ["curl", "-sS", "-d", "a=1", "-o", "/dev/null", "-w", "%{http_code}"]
            programs["curl"].append(f"{where}/curl")
            programs["git"] = ["git", "ls-remote", f"{where}/git/repo"]
            approving = asyncio.create_task(approver(house, seconds))
            found = await asyncio.gather(*(run(*one, env=env) for one in programs.values()))
            approving.cancel()
            cases = (await house.call("GET", "/v1/requests?limit=100"))[1]["requests"]
            urls = {case["id"]: (await store.content(case["id"], 1)) for case in cases}
            print(HEAD)
            for name, (code, out, took) in zip(programs, found, strict=True):
                mine = [
                    id_ for id_, request in urls.items()
                    if request is not None and request.http is not None
                    and f"/{name}" in request.http.url
                ]  # fmt: skip
                cards = sum(len(house.desk.of(id_)) for id_ in mine)
                said = "yes" if code == 0 else f"no: {out.splitlines()[-1][:90] if out else code}"
                counts = f"{took:.0f} | {len(mine)} | {cards} | {sent.get(name, 0)}"
                print(f"| {name} | {said} | {counts} |")
        await store.close()
        await runner.cleanup()


async def approver(house: Any, seconds: float) -> None:
    seen: dict[str, float] = {}
    while True:
        _, answer = await house.call("GET", "/v1/requests?status=pending&limit=100")
        for case in answer["requests"]:
            if time.monotonic() - seen.setdefault(case["id"], time.monotonic()) > seconds:
                await house.decide(case, by="dana")
        await asyncio.sleep(1)


async def run(*words: str, env: dict[str, str]) -> tuple[int, str, float]:
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *words, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode(), time.monotonic() - began


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 180))
