"""`tunnel: true`: bytes that pass unopened, and everything that must not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from approvals.model import Refused
from approvals.proxy import reach
from approvals.proxy.credentials import Secret
from approvals.proxy.lint import lint
from approvals.proxy.revoked import Revoked
from approvals.proxy.rules import rulebook
from approvals.proxy.tunnel import MOST, MOST_IN_ALL, Tunnels, clashes
from approvals.proxy.wire import Problem
from tests.harness.gateway import QUICK, Gate, basic, gate, origin, parsed
from tests.harness.house import HANGS
from tests.harness.installation import run


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "_CLOSED", ())


@asynccontextmanager
async def echo() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server of no protocol: it says hello, and each line back; what it was told."""
    told: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        while line := await reader.readline():
            told.append(line)
            writer.write(line)
        writer.write(b"bye\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], told
    finally:
        server.close()


def tunnel(port: int, **more: str) -> str:
    agent = f", agent: {more['agent']}" if "agent" in more else ""
    when = f"{{host: [127.0.0.1:{port}]{agent}}}"
    return f"- {{name: pinned, when: {when}, then: allow, tunnel: true}}\n"


async def connect(
    our: Gate, port: int, agent: str | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", our.port)
    place = f"127.0.0.1:{port}"
    head = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nProxy-Authorization: {agent or basic()}"
    writer.write(f"{head}\r\n\r\n".encode())
    return reader, writer, await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HANGS)


async def closed(our: Gate) -> dict[str, Any]:
    """The audit's line of the end of a tunnel, once it is there."""
    async with asyncio.timeout(HANGS):
        while not (found := [it for it in our.lines() if it["event"] == "tunnel closed"]):
            await asyncio.sleep(0.01)
    return found[0]


@pytest.mark.usefixtures("loopback_is_public")
async def test_bytes_pass_unopened_and_are_counted(tmp_path: Path) -> None:
    async with echo() as (port, told), gate(tmp_path, rules=tunnel(port)) as our:
        reader, writer, head = await connect(our, port)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert await reader.readline() == b"hello\n"  # the server speaks first
        writer.write(b"\x16\x03\x01 csk_placeholder_bot_x\n")
        assert await reader.readline() == b"\x16\x03\x01 csk_placeholder_bot_x\n"
        writer.write_eof()  # one side's end is not the other's
        assert await asyncio.wait_for(reader.read(), HANGS) == b"bye\n"
        line = await closed(our)
        assert told == [b"\x16\x03\x01 csk_placeholder_bot_x\n"]
        assert (line["sent"], line["received"], line["end"]) == (26, 36, "closed")
        assert (line["agent"], line["url"], line["rule"]) == ("bot", f"127.0.0.1:{port}", "pinned")
        assert [it["event"] for it in our.lines()] == ["tunnel opened", "tunnel closed"]
        writer.close()


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize("end", ["idle", "time"])
async def test_law_27_a_tunnel_has_an_end(tmp_path: Path, end: str) -> None:
    patience = replace(QUICK, **({"tunnel_idle": 0.2} if end == "idle" else {"tunnel": 0.2}))
    async with echo() as (port, _), gate(tmp_path, rules=tunnel(port), patience=patience) as our:
        reader, writer, _ = await connect(our, port)
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while await asyncio.wait_for(reader.readuntil(b"\n"), HANGS):
                if end == "time":  # as long as it lives, something moves in it
                    writer.write(b"more\n")
        assert (await closed(our))["end"] == end
        writer.close()


@pytest.mark.usefixtures("loopback_is_public")
async def test_a_gateway_that_ends_says_so_of_its_tunnels(tmp_path: Path) -> None:
    async with echo() as (port, _), gate(tmp_path, rules=tunnel(port)) as our:
        reader, writer, _ = await connect(our, port)
        assert await reader.readline() == b"hello\n"
    assert (await closed(our))["end"] == "gateway"
    writer.close()


@pytest.mark.usefixtures("loopback_is_public")
async def test_who_is_shut_out_gets_no_byte_more_through_a_tunnel(tmp_path: Path) -> None:
    async with echo() as (port, told), gate(tmp_path, rules=tunnel(port)) as our:
        reader, writer, _ = await connect(our, port)
        assert await reader.readline() == b"hello\n"
        Revoked(our.settings.folder).put("bot", undo=False)
        writer.write(b"more\n")
        assert await asyncio.wait_for(reader.read(), HANGS) == b""
        assert (await closed(our))["end"] == "revoked"
        assert told == []
        writer.close()


async def test_law_10_a_tunnel_goes_to_no_private_address_listed_or_not(tmp_path: Path) -> None:
    async with echo() as (port, told), gate(tmp_path, rules=tunnel(port)) as our:
        _, writer, head = await connect(our, port)
        assert head.startswith(b"HTTP/1.1 403 ")
        assert our.lines()[-1]["type"] == "address_refused"
        assert told == []
        writer.close()


@pytest.mark.usefixtures("loopback_is_public")
async def test_law_15_no_tunnel_to_where_a_secret_goes(tmp_path: Path) -> None:
    async with echo() as (port, told):
        rules = tunnel(port)
        async with gate(tmp_path, rules=rules) as our:
            our.secret("sk_live_4eC39HqLyjWDarjtT1", "127.0.0.1:1")  # another port of that host
            _, writer, head = await connect(our, port)
            assert head.startswith(b"HTTP/1.1 403 ")
            assert our.lines()[-1]["type"] == "tunnel_refused"
            writer.close()
        with pytest.raises(Refused, match=r"'pinned' has `tunnel: true`.*the secret token"):
            async with gate(tmp_path, rules=rules):
                pass
        said = run("gateway", "check", cwd=tmp_path)
        assert said.code != 0
        assert "the secret token may go" in " ".join((said.out + said.err).split())
        assert told == []


@pytest.mark.usefixtures("loopback_is_public")
async def test_only_the_rules_agents_and_port_and_only_connect(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path, rules=tunnel(there.port, agent="other")) as our:
        reader, writer, head = await connect(our, there.port)  # another agent: opened as usual
        assert head.startswith(b"HTTP/1.1 200 ")
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % there.port)
        assert parsed(await asyncio.wait_for(reader.read(), HANGS))[0] == 503  # it is asked about
        status, _ = await our.ask(f"{there.url}/", agent=basic("other", "another-horse-battery"))
        assert status == 503  # a request that can be seen is no tunnel
        assert there.seen == []
        writer.close()


def test_law_27_an_agent_has_so_many_tunnels_at_once() -> None:
    tunnels, all_of_them = Tunnels(), contextlib.ExitStack()
    with all_of_them:
        for _ in range(MOST):
            all_of_them.enter_context(tunnels.one("bot"))
        with pytest.raises(Problem, match="64 tunnels open"), tunnels.one("bot"):
            pass
        with tunnels.one("other"):
            pass
        for number in range(MOST_IN_ALL - MOST):
            all_of_them.enter_context(tunnels.one(f"bot{number}"))
        with pytest.raises(Problem), tunnels.one("other"):
            pass
    with tunnels.one("bot"):
        pass


def book(*rules: dict[str, Any]) -> tuple[Any, list[str]]:
    faults: list[str] = []
    named = [{"name": f"r{at}"} | rule for at, rule in enumerate(rules)]
    made = rulebook({"rules": named}, lambda place, why, hint: faults.append(f"{why}: {hint}"))
    return made, faults


def through(**when: Any) -> dict[str, Any]:
    return {"when": when, "then": "allow", "tunnel": True}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (through(host="h.example") | {"then": "ask"}, "there is nothing to see, so nothing to ask"),
        (through(host="h.example") | {"then": "deny"}, "nothing to deny"),
        (through(), "names one by one"),
        (through(host="*.example"), "names one by one"),
        (through(host=["h.example", "*.com"]), "names one by one"),
        (through(host="h.example", path="/x"), "`path` means nothing"),
        (through(host="h.example", method="GET"), "`method` means nothing"),
        (through(host="h.example", header={"a": "b"}), "`header` means nothing"),
        (through(host="h.example") | {"if": "method == 'GET'"}, "`if` means nothing"),
        (through(host="h.example") | {"websocket": True}, "`websocket` means nothing"),
        (through(host="h.example") | {"oversize": True}, "`oversize` means nothing"),
    ],
)
def test_what_cannot_be_meant_is_a_fault(rule: dict[str, Any], why: str) -> None:
    assert why in str(book(rule)[1])


@pytest.mark.parametrize(
    ("rules", "authority", "passes"),
    [
        ([through(host="h.example")], "h.example", True),
        ([through(host="h.example")], "H.example".lower() + ":22", False),
        ([through(host="h.example:22")], "h.example:22", True),
        ([through(host="h.example:22")], "h.example", False),
        ([through(host="h.example")], "x.h.example", False),
        ([through(host="h.example", agent="b*")], "h.example", True),
        ([through(host="h.example", agent="other")], "h.example", False),
        # The first rule that may be about it decides, as everywhere.
        ([{"then": "deny", "when": {"path": "/x"}}, through(host="h.example")], "h.example", False),
        (
            [{"then": "ask", "when": {"host": "*.example"}}, through(host="h.example")],
            "h.example",
            0,
        ),
        (
            [{"then": "ask", "when": {"host": "i.example"}}, through(host="h.example")],
            "h.example",
            1,
        ),
        ([through(host="h.example"), {"then": "deny"}], "h.example", True),
    ],
)
def test_law_01_the_first_rule_about_a_host_says_whether_it_is_opened(
    rules: list[dict[str, Any]], authority: str, passes: bool
) -> None:
    made, faults = book(*rules)
    assert faults == []
    assert (made.tunnel("bot", authority) is not None) is bool(passes)


def test_lint_finds_a_tunnel_behind_a_rule_about_its_host() -> None:
    made, _ = book({"then": "ask", "when": {"host": "*.example"}}, through(host="h.example"))
    assert [(it.rule, it.kind) for it in lint(made)] == [("r1", "unreachable")]
    made, _ = book(through(host="h.example"), {"then": "ask", "when": {"host": "i.example"}})
    assert lint(made) == []


@pytest.mark.parametrize(
    ("host", "theirs", "clash"),
    [
        ("h.example", "h.example", True),
        ("h.example:22", "h.example", True),
        ("h.example", "a.example,h.example:8443", True),
        ("H.example", "*.example", True),
        ("h.example.", "h.example", True),
        ("example", "*.example", False),
        ("h.example", "i.example", False),
    ],
)
def test_law_15_a_tunnel_and_a_secret_do_not_meet(host: str, theirs: str, clash: bool) -> None:
    made, _ = book(through(host=host))
    secret = Secret("token", theirs, "authorization", None)
    assert bool(clashes(made.rules, [secret])) is clash


def test_check_says_what_passes_unopened(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(
        "service: {url: 'http://127.0.0.1:9', key: k, requester: r, issuer: 'http://127.0.0.1:9', "
        f"receipt_key: {'A' * 43}}}\nagents: {{bot: {{password: correct-horse-battery}}}}\n"
        "rules:\n- {name: pinned, when: {host: db.example.com}, then: allow, tunnel: true}\n"
    )
    said = run("gateway", "check", cwd=tmp_path)
    assert said.code == 0
    assert "! pinned: what agents send to db.example.com passes unopened" in said.out
    value = ["secret", "set", "db", "--host", "db.example.com", "--header", "Authorization"]
    kept = run(*value, cwd=tmp_path, stdin="sk_live_4eC39HqLyjWDarjtT1")
    assert kept.code == 1
    assert "the rule 'pinned' has `tunnel: true` for db.example.com" in kept.err
