"""`mode: observe`: rules are suspended and written down, safety is not; and the report of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from approvals.app.exits import Stop
from approvals.cli.commands import app
from approvals.packs import Verb
from approvals.proxy.proxy import LARGEST
from approvals.proxy.report import MOST, Group, Tally, folded, pattern, quieting
from approvals.proxy.rules import Outbound, rulebook
from tests.harness.gateway import Gate, Origin, basic, gate, origin, started

OBSERVE = "mode: observe"
RULES = """\
- {name: never, when: {path: /never}, then: deny}
- {name: free, when: {path: /free}, then: allow}
- {name: paid, when: {path: /pay}, then: ask, risk: high}
"""


@pytest.fixture
async def there() -> AsyncIterator[Origin]:
    async with origin() as made:
        yield made


def observing(folder: Path, **more: Any) -> contextlib.AbstractAsyncContextManager[Gate]:
    return gate(folder, rules=more.pop("rules", RULES), more=OBSERVE, **more)


async def test_observe_passes_what_would_be_asked_or_denied_and_writes_it_down(
    tmp_path: Path, there: Origin
) -> None:
    async with observing(tmp_path) as our:  # and there is no service
        for path in ("/pay", "/never", "/free", "/else"):
            assert await our.ask(there.url + path, "POST", body=b"n=1") == (200, b"ok")
        assert len(there.seen) == 4
        told = [(it["event"], it.get("would"), it["rule"]) for it in our.lines()]
        assert told == [
            ("observed", "ask", "paid"), ("sent", "ask", "paid"),
            ("observed", "denied", "never"), ("sent", "denied", "never"),
            ("sent", None, "free"),
            ("observed", "ask", None), ("sent", "ask", None),
        ]  # fmt: skip
        assert our.lines()[0]["risk"] == "high"


async def test_observe_lets_a_websocket_through(tmp_path: Path, there: Origin) -> None:
    switching = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    there.reply = lambda raw: switching + b"\r\n"
    lines = ("Upgrade: websocket", "Sec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==")
    async with observing(tmp_path) as our:
        assert (await our.ask(f"{there.url}/free", "GET", *lines))[0] == 101
        assert our.lines()[0]["would"] == "websocket_refused"


async def test_observe_lets_a_large_body_through_as_it_comes(tmp_path: Path, there: Origin) -> None:
    size = LARGEST + 5
    async with observing(tmp_path) as our:
        assert await our.ask(f"{there.url}/pay", "PUT", body=b"x" * size) == (200, b"ok")
        assert there.seen[0].endswith(b"x" * size)
        assert our.lines()[0]["would"] == "too_large"


async def test_observe_passes_on_a_chunked_body_that_is_too_large_to_the_last_byte(
    tmp_path: Path,
) -> None:
    got = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = b""
        while length := int(await reader.readline(), 16):
            body += await reader.readexactly(length)
            await reader.readline()
        got.set_result((head, body))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    piece = bytes(range(256)) * 4096
    async with observing(tmp_path) as our:
        head = (
            f"POST http://127.0.0.1:{port}/pay HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Proxy-Authorization: {basic()}\r\nConnection: close\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        ).encode()
        chunk = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
        raw = await our.raw(head + chunk * 12 + b"0\r\n\r\n")
        assert raw.startswith(b"HTTP/1.1 200")
        told, body = await got
        assert b"transfer-encoding: chunked" in told.lower()
        assert body == piece * 12
    server.close()


@pytest.mark.parametrize(
    ("path", "method", "lines", "private", "slug"),
    [
        ("/a", "GET", (), "10.0.0.0/8", "address_refused"),
        ("/a%2e%2e/b", "get", (), "127.0.0.0/8", "ambiguous"),
        ("/x/..%2fnever", "GET", (), "127.0.0.0/8", "ambiguous"),
        ("/a", "GET", ("X-Echo: {placeholder}",), "127.0.0.0/8", "placeholder_refused"),
        ("/a", "GET", ("Connection: x", "Transfer-Encoding: gzip"), "127.0.0.0/8", "malformed"),
        ("/a", "TRACE", (), "127.0.0.0/8", "method_refused"),
    ],
)
async def test_observe_weakens_no_refusal_that_is_there_for_safety(
    tmp_path: Path, there: Origin, path: str, method: str, lines: tuple[str, ...], private: str,
    slug: str,
) -> None:  # fmt: skip
    async with observing(tmp_path, private=private) as our:
        placeholder = our.secret("sk_live_value", f"127.0.0.1:{there.port}")
        filled = [line.format(placeholder=placeholder) for line in lines]
        status, said = await our.ask(there.url + path, method, *filled)
        assert (status >= 400, said["type"]) == (True, slug)
        assert there.seen == []
        status, said = await our.ask(there.url + path, agent=basic("bot", "guessed"))
        assert status == 407


async def test_observe_fills_secrets_as_configured(tmp_path: Path, there: Origin) -> None:
    there.reply = lambda raw: b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nsk_live_value"
    async with observing(tmp_path) as our:
        placeholder = our.secret("sk_live_value", f"127.0.0.1:{there.port}")
        authorization = f"Authorization: Bearer {placeholder}"
        status, said = await our.ask(f"{there.url}/pay", "POST", authorization, body=b"n=1")
        assert (status, b"sk_live" in said) == (200, False)
        assert b"Authorization: Bearer sk_live_value" in there.seen[0]
        status, said = await our.ask(f"{there.url}/pay", "POST", body=placeholder.encode())
        assert (status, said["type"]) == (403, "placeholder_refused")
        assert len(there.seen) == 1


async def test_observe_names_the_pack_that_would_quiet_a_request(
    tmp_path: Path, there: Origin
) -> None:
    async with observing(tmp_path, rules="") as our:
        seen = Outbound("bot", "GET", "https://api.github.com/repos/a/b/pulls", (), b"")
        decision = our.settings.rules.decide(seen)
        about: dict[str, Any] = {"agent": "bot", "method": "GET", "url": seen.url, "rule": None}
        await our.gateway._observed(seen, decision, None, about)
        assert our.lines()[-1]["pack"] == "github"


async def test_observe_is_loud(tmp_path: Path, there: Origin) -> None:
    async with observing(tmp_path) as our:
        raw = await our.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert json.loads(raw.partition(b"\r\n\r\n")[2]) == {"status": "ok", "mode": "observe"}
        file = str(tmp_path / "gateway.yaml")
        _, checked = await asyncio.to_thread(run, "check", "-c", file)
        _, examined = await asyncio.to_thread(run, "doctor", "-c", file)
        assert "NOTHING IS HELD" in checked
        assert "NOTHING IS HELD" in examined
    code, said = await started(tmp_path / "gateway.yaml", until="nothing_is_held")
    assert (code, "NOTHING IS HELD" in said) == (0, True)


async def test_hold_is_the_default_and_asks(tmp_path: Path, there: Origin) -> None:
    async with gate(tmp_path, rules=RULES) as our:
        assert (await our.ask(f"{there.url}/never"))[0] == 403
        assert (await our.ask(f"{there.url}/pay"))[0] == 503
        assert there.seen == []


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["gateway", *words], env={"COLUMNS": "100"})
    if isinstance(result.exception, Stop):
        return result.exception.code, str(result.exception)
    return result.exit_code, result.stdout


def row(kind: str, at: str = "2026-11-20T10:00:00.000Z", **said: Any) -> str:
    about = {"agent": "bot", "method": "GET", "url": "https://api.example.com/v1/x", "rule": None}
    return json.dumps({"kind": kind, "at": at, "content": json.dumps({**about, **said})})


def counted(*lines: str) -> dict[str, int]:
    tally = Tally()
    tally.read(lines)
    return {f"{it.would} {it.method} {it.path}": n.times for it, n in tally.counted()}


def test_report_counts_requests_once_whatever_rows_they_have() -> None:
    assert counted(
        row("observed", would="ask"), row("sent", would="ask", status=200),
        row("observed", would="denied", method="POST"), row("sent", would="denied", method="POST"),
        row("sent", status=200),
        row("asked", digest="d", url="https://api.example.com/v2"),
        row("released", digest="d", url="https://api.example.com/v2"),
        row("sent", digest="d", url="https://api.example.com/v2"),
        row("refused", digest="d", type="declined", url="https://api.example.com/v2"),
        row("refused", type="denied", method="PUT"),
        row("refused", type="address_refused", method="PUT"),
        "torn", "{}", row("gateway.started", mode="observe"),
    ) == {
        "ask GET /v1/x": 1, "denied POST /v1/x": 1, "pass GET /v1/x": 1, "ask GET /v2": 1,
        "denied PUT /v1/x": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/v1/customers/cus_9s6XKzkNRiz8i3", "/v1/customers/*"),
        ("/repos/acme/shop/pulls/17", "/repos/acme/shop/pulls/*"),
        ("/x/3f0c9c1e-1111-4222-8333-444455556666/y", "/x/*/y"),
        ("/bot[redacted 35 chars #a1b2c3]/sendMessage", "/*/sendMessage"),
        ("/2.0/a%20b/v1beta1", "/2.0/*/v1beta1"),
        ("/", "/"),
        ("/items/1", "/items/*"),
        ("/2/tweets/7", "/2/tweets/*"),
    ],
)
def test_report_folds_what_looks_like_an_id(path: str, seen: str) -> None:
    assert pattern(path) == seen


def test_report_folds_many_names_in_one_place() -> None:
    many = [f"/users/{name}/posts" for name in ("ann", "bob", "cat", "dan", "eve", "fay")]
    assert set(folded(many)) == {"/users/*/posts"}
    assert folded(many[:5]) == many[:5]


def suggested() -> Iterator[tuple[Group, str]]:
    tally = Tally()
    tally.read([
        row("observed", would="ask", url="https://api.example.com/v1/[redacted 9 chars #aa]/x"),
        row("observed", would="ask", url="http://127.0.0.1:8080/a/b"),
        row("observed", would="ask", url="https://[fd00::1]/a"),
        row("observed", would="ask", url="https://x.example.com/a/b//c"),
        row("observed", would="too_large", method="POST"),
        row("observed", would="ask", method="PROPFIND"),
    ])  # fmt: skip
    for number, (group, count) in enumerate(tally.counted()):
        text = quieting(number, group, count)
        assert text is not None
        yield group, text


def test_report_suggests_rules_that_parse_and_let_exactly_these_pass() -> None:
    import yaml

    wrong: list[Any] = []
    texts = list(suggested())
    assert len(texts) == 6
    for group, text in texts:
        rules = rulebook({"rules": yaml.safe_load(text)}, lambda *said: wrong.append(said))
        assert wrong == []
        path = group.path.replace("*", "abc").replace("//", "/")
        url = f"{group.scheme}://{group.host}{path}"
        said = rules.decide(Outbound("bot", group.method, url, (), b""))
        assert said.verb is Verb.ALLOW, text
        other = f"{group.scheme}://other.example.com{path}"
        said = rules.decide(Outbound("bot", group.method, other, (), b""))
        assert said.verb is Verb.ASK


def test_report_suggests_nothing_for_what_is_denied_or_asked_at_high_risk() -> None:
    tally = Tally()
    tally.read([row("observed", would="denied"), row("observed", would="ask", risk="high")])
    assert [quieting(1, group, count) for group, count in tally.counted()] == [None, None]


def test_law_27_a_report_of_hostile_paths_has_a_bound() -> None:
    def flood() -> Iterator[str]:
        for number in range(40_000):
            name = "".join(chr(97 + int(digit)) for digit in str(number))
            yield row("sent", url=f"https://h{number % 7}.example.com/{name}/{name}")
        for number in range(9_000):
            yield row("sent", url=f"https://{number}.example.com/x", agent=f"a{number}")

    tally = Tally()
    tracemalloc.start()
    tally.read(flood())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(tally.groups) <= 2 * MOST + 1
    assert sum(count.times for _, count in tally.counted()) == 49_000
    assert peak < 30 * 2**20


SERVICE = """\
server: {listen: "127.0.0.1:1", public_url: "https://approve.example.com"}
database: {url: "sqlite:///x.db"}
requesters: {billing: {key: csr_0123456789abcdefghijklmn, kind: gateway, agents: [bot, other]}}
people: {dana: {email: dana@example.com}, lee: {email: lee@example.com}}
groups: {default: [dana, lee], finance: [dana, lee]}
rules:
  - {name: money, when: {path: /pay}, ask: {quorum: {finance: 2}}}
"""


async def test_report_shows_who_would_be_asked_and_what_would_quiet_it(
    tmp_path: Path, there: Origin
) -> None:
    async with observing(tmp_path) as our:
        for number in range(3):
            await our.ask(f"{there.url}/pay", "POST", body=b"n=%d" % number)
            await our.ask(f"{there.url}/items/item_{number}9/pictures", agent=basic("other",
                "another-horse-battery"))  # fmt: skip
        await our.ask(f"{there.url}/never")
        await our.ask(f"{there.url}/free")
        await our.ask("http://10.0.0.1/")
    (tmp_path / "service.yaml").write_text(SERVICE)
    words = ["-c", str(tmp_path / "gateway.yaml"), "--service", str(tmp_path / "service.yaml")]
    code, said = await asyncio.to_thread(run, "report", *words)
    assert code == 0, said
    assert "6 would have been asked" in said
    assert "1 would have been refused by a rule" in said
    assert "1 allowed" in said
    assert "2 of finance" in said
    assert "address_refused 1" in said
    path = "/items/*/pictures"
    assert f'{{host: "127.0.0.1:{there.port}", method: "GET", path: "{path}"}}, then: allow' in said
    tables = said.partition("What would quiet it")[0]
    assert max(cell_len(line) for line in tables.splitlines()) <= 100
    _, text = await asyncio.to_thread(run, "report", *words, "--json")
    found = json.loads(text)
    assert found["mode"] == "observe"
    assert [(it["would"], it["times"]) for it in found["requests"]] == [
        ("ask", 3), ("ask", 3), ("denied", 1), ("pass", 1),
    ]  # fmt: skip
    _, text = await asyncio.to_thread(run, "report", *words, "--json", "--since", "0m")
    assert json.loads(text)["requests"] == []


def test_report_says_what_is_wrong(tmp_path: Path) -> None:
    from tests.harness.gateway import config

    file = str(config(tmp_path))
    assert "has not run yet" in run("report", "-c", file)[1]
    assert "--since" in run("report", "-c", file, "--since", "week")[1]
