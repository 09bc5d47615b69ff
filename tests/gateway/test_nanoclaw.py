"""NanoClaw's gateway provider, run by Node against our gateway; and agents shut out at run time."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from approvals.app.exits import Stop
from approvals.cli.commands import app
from approvals.proxy.environment import FIXED, PROXY, TRUST
from approvals.proxy.revoked import FILE
from approvals.proxy.wire import PATIENCE
from tests.harness.gateway import Gate, Origin, authority, basic, gate, origin
from tests.harness.house import HANGS

ROOT: Final = Path(__file__).parents[2]
PROVIDER: Final = ROOT / "deploy/nanoclaw/countersign.ts"
KEY: Final = "k" * 32
DERIVED: Final = f"derived: {{prefix: nanoclaw-, key: {KEY}}}"
REGISTRY: Final = (
    "export const made = []; export function registerGatewayProvider(it) { made.push(it); }"
)
ENV: Final = (
    "export function readEnvFile(names) { return JSON.parse(process.env.DOT_ENV ?? '{}'); }"
)
RUN: Final = """
import { made } from './gateway-providers/gateway-provider-registry.js';
import './gateway-providers/countersign.js';
const [it] = made;
const stop = new AbortController();
const key = { installSlug: 'one', agentGroupId: process.argv[2], sessionId: 's' };
const input = { key, disposition: 'create', groupName: 'Group', credentialScope: { kind: 'all' } };
const lease = await it.sessions.ensure(input, stop.signal);
let ended = false;
const never = () => { throw new Error('NanoClaw was asked'); };
const asking = it.approvals.subscribe(never, stop.signal);
asking.then(() => { ended = true; });
await new Promise((resolve) => setImmediate(resolve));
const early = ended;
stop.abort();
await asking;
console.log(JSON.stringify({ kind: it.kind, ...lease.contribution, early, ended }));
"""


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Origin]:
    context = authority(tmp_path / "upstream").context("localhost", _now())
    async with origin(context) as made:
        yield made


def _now() -> Any:
    from approvals.app.host import clock
    from approvals.proxy.ca import utc

    return utc(clock())


async def provided(folder: Path, group: str, **env: str) -> tuple[int, Any]:
    """What NanoClaw would give a session: the provider's file as Node runs it.

    The file is JavaScript that TypeScript can check, so nothing has to be compiled.
    """
    host = folder / "host"
    (host / "gateway-providers").mkdir(parents=True, exist_ok=True)
    (host / "package.json").write_text('{"type": "module"}')
    (host / "env.js").write_text(ENV)
    (host / "gateway-providers/gateway-provider-registry.js").write_text(REGISTRY)
    shutil.copy(PROVIDER, host / "gateway-providers/countersign.js")
    (host / "run.js").write_text(RUN)
    process = await asyncio.create_subprocess_exec(
        "node", str(host / "run.js"), group, env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), HANGS)
    code = await process.wait()
    return code, json.loads(out) if code == 0 else err.decode()


async def curl(url: str, env: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", "-o", "-", "-w", "%{http_code}/%{http_connect}", url,
        env={"PATH": os.environ["PATH"], **env, "NO_PROXY": "", "no_proxy": ""},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), HANGS)
    return out.decode()


def settings(our: Gate) -> dict[str, str]:
    return {
        "COUNTERSIGN_PROXY": f"127.0.0.1:{our.port}",
        "COUNTERSIGN_AGENTS_KEY": KEY,
        "COUNTERSIGN_CA": str(our.ca),
    }


async def test_a_new_group_of_nanoclaw_sends_through_the_gateway_without_a_restart(
    tmp_path: Path, there: Origin
) -> None:
    ca = tmp_path / "upstream/ca.pem"
    async with gate(tmp_path / "gate", more=DERIVED, ca_file=ca) as our:
        for group in ("ag-1", "ag-2"):
            code, made = await provided(tmp_path, group, DOT_ENV=json.dumps(settings(our)))
            assert code == 0, made
            assert {*PROXY, *TRUST, *FIXED, "NO_PROXY", "no_proxy"} == made["env"].keys()
            (mount,) = made["mounts"]
            assert (mount["class"], mount["mode"], mount["groupScope"]) == (
                "gateway-trust",
                "ro",
                group,
            )
            inside = mount["containerPath"]
            assert {made["env"][name] for name in TRUST} == {inside}
            env = {k: v.replace(inside, mount["hostPath"]) for k, v in made["env"].items()}
            assert await curl(f"https://localhost:{there.port}/x", env) == "ok200/200"
            assert our.lines()[-1]["agent"] == f"nanoclaw-{group}"
        assert made["networkAccess"] == {"endpoint": "127.0.0.1", "target": {"kind": "host"}}
        assert (made["early"], made["ended"]) == (False, True)  # it asks nobody, and stays

        other = env["https_proxy"].replace("nanoclaw-ag-2", "nanoclaw-ag-3")
        assert "407" in await curl(
            f"https://localhost:{there.port}/x", {**env, "https_proxy": other}
        )


async def test_the_provider_refuses_what_could_only_fail_later(tmp_path: Path) -> None:
    for group, env, words in (
        ("ag-1", {"COUNTERSIGN_CA": "/x"}, "COUNTERSIGN_AGENTS_KEY"),
        ("ag-1", {"COUNTERSIGN_AGENTS_KEY": KEY}, "countersign gateway ca"),
        ("a g", {"COUNTERSIGN_AGENTS_KEY": KEY, "COUNTERSIGN_CA": "/x"}, "no name"),
    ):
        code, said = await provided(tmp_path, group, **env)
        assert (code, words in said) == (1, True), said


async def test_the_provider_gives_placeholders_for_the_gateways_secrets(
    tmp_path: Path, there: Origin
) -> None:
    async with gate(tmp_path / "gate", more=DERIVED) as our:
        our.secret("sk_live_value", "api.example.com")
        config = str(tmp_path / "gate/gateway.yaml")
        bin_ = tmp_path / "bin"
        bin_.mkdir()
        (bin_ / "countersign").write_text(
            f'#!/bin/sh\nexec python -m approvals.cli "$@" -c {config}\n'
        )
        (bin_ / "countersign").chmod(0o755)
        env = {**settings(our), "COUNTERSIGN_PLACEHOLDERS": "ANTHROPIC_API_KEY=token"}
        path = f"{bin_}:{os.environ['PATH']}"
        code, made = await provided(tmp_path, "ag-1", **env, PATH=path, PYTHONPATH=str(ROOT))
        assert code == 0, made
        assert made["env"]["ANTHROPIC_API_KEY"].startswith("csk_placeholder_nanoclaw-ag-1_token_")


def revoke(folder: Path, *words: str) -> tuple[int, str]:
    words = (*words, "-c", str(folder / "gateway.yaml"))
    result = CliRunner().invoke(app, ["gateway", *words])
    if isinstance(result.exception, Stop):
        return result.exception.code, str(result.exception)
    return result.exit_code, result.stdout


async def test_one_agent_is_shut_out_while_the_gateway_runs(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path, more=DERIVED, patience=PATIENCE) as our:
        there.keeps = True
        one, two = (our.settings.password(f"nanoclaw-{n}") or "" for n in ("a", "b"))
        as_a, as_b = basic("nanoclaw-a", one), basic("nanoclaw-b", two)
        assert (await our.ask(f"{there.url}/", agent=as_a))[0] == 200
        reader, writer = await asyncio.open_connection("127.0.0.1", our.port)
        place = f"127.0.0.1:{there.port}"
        head = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nProxy-Authorization: {as_a}\r\n\r\n"
        writer.write(head.encode())
        assert b"200" in await reader.readuntil(b"\r\n\r\n")

        assert (await asyncio.to_thread(revoke, tmp_path, "revoke", "nanoclaw-a"))[0] == 0
        assert (await our.ask(f"{there.url}/", agent=as_a))[0] == 407
        assert (await our.ask(f"{there.url}/", agent=as_b))[0] == 200
        writer.write(f"GET / HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())  # in the tunnel it had
        assert b" 407 " in await reader.readuntil(b"\r\n")
        writer.close()
        assert "is revoked" in (await asyncio.to_thread(revoke, tmp_path, "env", "nanoclaw-a"))[1]

        (our.settings.folder / FILE).write_bytes(b"\xff\xfe\n")  # not readable: nobody
        assert (await our.ask(f"{there.url}/", agent=as_b))[0] == 407
        (our.settings.folder / FILE).write_text("nanoclaw-a\n")
        await asyncio.to_thread(revoke, tmp_path, "revoke", "nanoclaw-a", "--undo")
        assert (await our.ask(f"{there.url}/", agent=as_a))[0] == 200
    assert revoke(tmp_path, "revoke", "stranger")[0] == 1


async def test_guessing_a_derived_password_is_slowed_down_as_any(tmp_path: Path) -> None:
    async with gate(tmp_path, more=DERIVED) as our:
        for number in range(5):
            agent = basic(f"nanoclaw-{number}", "0" * 40)
            assert (await our.ask("http://127.0.0.1:9/", agent=agent))[0] == 407
        refused = [it for it in our.lines() if it["type"] == "unknown_agent"]
        assert len(refused) == 1  # counted, not written one by one
