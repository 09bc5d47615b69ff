"""Credentials: put in where they belong, refused anywhere else, crossed out of what comes back."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.model import Refused
from approvals.proxy.credentials import COMMAND, Secret
from approvals.proxy.secrets import (
    FILE,
    KEY,
    STEP,
    VARIABLE,
    Misuse,
    Scrubber,
    Secrets,
    Spelling,
    _shapes,
    spelt,
)
from tests.harness.gateway import OTHER, PASSWORD, VALUE, basic, gate, origin
from tests.harness.installation import run

RULES = "- {name: all, then: allow, oversize: true}"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def test_law_15_a_placeholder_is_replaced_in_its_header_for_its_host(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path) as our:
        held = our.secret(VALUE, f"127.0.0.1:{there.port}")
        assert held.startswith("csk_placeholder_bot_token_")
        there.reply = lambda raw: (
            b"HTTP/1.1 200 OK\r\nX-Echo: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (VALUE.encode(), len(raw), raw)
        )
        status, said = await our.ask(
            f"{there.url}/", "GET", f"Authorization: Bearer {held}", "Accept-Encoding: gzip"
        )
        assert status == 200
        assert b"Authorization: Bearer " + VALUE.encode() in there.seen[0]
        assert there.seen[0].count(b"Accept-Encoding") == 1
        assert b"Accept-Encoding: identity" in there.seen[0]
        assert VALUE.encode() not in said
        assert b"Authorization: Bearer " + b"*" * len(VALUE) in said
        line = f"Authorization: Basic {b64('u:' + held)}"
        status, said = await our.ask(f"{there.url}/", "GET", line)
        assert f"Authorization: Basic {b64('u:' + VALUE)}\r\n".encode() in there.seen[1]
        assert b64("u:" + VALUE).encode() not in said


async def test_law_15_a_placeholder_anywhere_else_is_a_refusal(tmp_path: Path) -> None:
    async with origin() as there, origin() as other, gate(tmp_path) as our:
        held = our.secret(VALUE, f"127.0.0.1:{there.port}")
        secrets = Secrets(our.settings.folder, {})
        theirs = secrets.placeholder("token", "other")
        url, right = f"{there.url}/", f"Authorization: Bearer {held}"
        twice = quote("".join(f"%{ord(char):02x}" for char in held))
        wrong: list[tuple[str, str, tuple[str, ...], bytes]] = [
            (f"{other.url}/", "GET", (right,), b""),
            (f"{there.url}/{held}", "GET", (), b""),
            (f"{there.url}/?k={held}", "GET", (), b""),
            (f"{there.url}/?k=" + "".join(f"%{ord(char):02X}" for char in held), "GET", (), b""),
            (f"{there.url}/?k={twice}", "GET", (), b""),
            (url, "GET", (f"X-Echo: {held}",), b""),
            (url, "GET", (f"{held}: x",), b""),
            (url, "GET", (f"Cookie: a={quote(held)}",), b""),
            (url, "GET", (f"X-Echo: Basic {b64('u:' + held)}",), b""),
            (url, "GET", (f"Authorization: Bearer {theirs}",), b""),
            (url, "GET", (f"Authorization: Bearer {held}x{theirs}",), b""),
            (url, "GET", ("Authorization: Bearer csk_placeholder_bot_token_0",), b""),
            (url, "GET", (right, f"X-Other: {held}"), b""),
            (url, "POST", (right,), f"k={held}".encode()),
            (url, "POST", (), f"k={quote(held.upper())}".encode()),
            (url, "POST", (), b"x" * 2**17 + held.encode()),
        ]
        for place, method, lines, body in wrong:
            status, said = await our.ask(place, method, *lines, body=body)
            assert (status, said["type"]) == (403, "placeholder_refused"), (place, lines, body[:99])
            assert our.lines()[-1]["type"] == "placeholder_refused"
        assert (there.seen, other.seen) == ([], [])
        status, _ = await our.ask(url, "GET", right, agent=basic("other", OTHER))
        assert status == 403
        assert there.seen == []


async def test_law_15_a_placeholder_in_a_body_that_is_not_kept_ends_it(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path, rules=RULES) as our:
        held = our.secret(VALUE, f"127.0.0.1:{there.port}")
        body = b"x" * (2**16 - 9) + held.encode()
        status, said = await our.ask(f"{there.url}/", "POST", body=body)
        assert (status, said["type"]) == (403, "placeholder_refused")
        assert there.seen == []


async def test_law_15_a_secret_goes_nowhere_in_clear(tmp_path: Path) -> None:
    """But to a loopback address that is listed."""
    async with gate(tmp_path, private="127.0.0.0/8") as our:
        held = our.secret(VALUE, "localhost:1")
        status, said = await our.ask("http://localhost:1/", "GET", f"Authorization: Bearer {held}")
        assert (status, said["type"]) == (403, "placeholder_refused")


async def test_an_answer_that_is_compressed_all_the_same_is_refused(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path) as our:
        held = our.secret(VALUE, f"127.0.0.1:{there.port}")
        body = gzip.compress(VALUE.encode())
        there.reply = lambda _: (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        status, said = await our.ask(f"{there.url}/", "GET", f"Authorization: Bearer {held}")
        assert (status, said["type"]) == (502, "compressed_answer")
        assert (await our.ask(f"{there.url}/"))[0] == 200  # no secret went out


async def test_law_23_the_gateway_writes_no_secret_anywhere(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path, rules="") as our:
        held = our.secret(VALUE, f"127.0.0.1:{there.port}")
        for target in ("/", "/bot123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/x"):
            await our.ask(f"{there.url}{target}", "GET", f"Authorization: Bearer {held}")
        for file in filter(Path.is_file, our.settings.folder.rglob("*")):
            raw = file.read_bytes()
            for secret in (VALUE, PASSWORD, "csr_billing"):
                assert secret.encode() not in raw, file
        assert VALUE not in repr(our.settings) + repr(Secrets(our.settings.folder, {}).all())
        assert PASSWORD not in repr(our.settings)


@given(st.binary(max_size=200), st.lists(st.integers(0, 300), max_size=6))
def test_a_value_is_crossed_out_across_all_borders(noise: bytes, cuts: list[int]) -> None:
    values = (b"secret-secret-1", b"ret-secret", b"abcabcabd")
    text = noise + b"secret-secret-1" + noise + b"abcabcabcabd" + b"secret-secret-" + noise
    scrub, out, last = Scrubber(values), b"", 0
    for cut in (*sorted(cuts), len(text)):
        out += scrub.feed(text[last : max(cut, last)])
        last = max(cut, last)
    out += scrub.end()
    assert len(out) == len(text)
    assert not any(value in out for value in values)


def test_the_file_is_bound_to_its_key_and_places(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path, {})
    secrets.put(Secret("token", "a.example", "authorization", None), VALUE)
    held = secrets.placeholder("token", "bot")
    headers = [("Authorization", f"Bearer {held}")]
    filled = secrets.fill("bot", "https://a.example/", headers, clear=False)
    assert filled.headers == (("Authorization", f"Bearer {VALUE}"),)
    assert VALUE not in repr(filled)
    for port in ("", ":443"):
        secrets.fill("bot", f"https://a.example{port}/", headers, clear=False)
    for url in ("https://a.example:444/", "https://b.example/", "https://a.example.b.example/"):
        with pytest.raises(Misuse):
            secrets.fill("bot", url, headers, clear=False)
    secrets.put(Secret("token", "a.example", "authorization", ("other",)), VALUE)
    with pytest.raises(Misuse):  # though it is the placeholder that "bot" had
        secrets.fill("bot", "https://a.example/", headers, clear=False)
    secrets.put(Secret("token", "a.example", "authorization", None), VALUE)
    listed = json.loads((tmp_path / FILE).read_text())
    listed[0]["host"] = "evil.example"
    (tmp_path / FILE).write_text(json.dumps(listed))
    with pytest.raises(Refused, match="altered"):
        secrets.fill("bot", "https://evil.example/", headers, clear=False)
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(Refused, match="chmod 600"):
        Secrets(tmp_path, {}).all()
    with pytest.raises(Refused, match="32 bytes"):
        Secrets(tmp_path, {VARIABLE: "short"})
    (tmp_path / KEY).chmod(0o640)
    with pytest.raises(Refused, match="chmod 600"):
        Secrets(tmp_path, {})


def test_a_file_of_the_version_before_is_read(tmp_path: Path) -> None:
    """It had no kinds, and no accounts."""
    secrets = Secrets(tmp_path, {})
    secrets.put(Secret("token", "a.example", "authorization", ("bot",)), VALUE)
    (kept,) = json.loads((tmp_path / FILE).read_text())
    del kept["kind"], kept["oauth"]
    (tmp_path / FILE).write_text(json.dumps([kept]))
    headers = [("Authorization", secrets.placeholder("token", "bot"))]
    filled = Secrets(tmp_path, {}).fill("bot", "https://a.example/", headers, clear=False)
    assert filled.headers == (("Authorization", VALUE),)


@pytest.mark.parametrize("value", ["", "short", "line\r\nX: y-long", "naïve-value", " padded"])
def test_what_no_header_carries_is_no_secret(tmp_path: Path, value: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        Secrets(tmp_path, {}).put(Secret("token", "a.example", "authorization", None), value)


ENV = {"COUNTERSIGN_KEY": "csr_x", "AGENT_PASSWORD": "a-long-enough-password"}


def test_the_commands(tmp_path: Path) -> None:
    assert run("keys", "new", cwd=tmp_path).code == 0
    made = run("gateway", "init", "--keys", "keys", cwd=tmp_path)
    assert made.code == 0
    pin = json.loads(run("keys", "public", cwd=tmp_path).out)["keys"][0]["kid"]
    assert pin in (tmp_path / "gateway.yaml").read_text()
    assert run("gateway", "init", "--thumbprint", pin, cwd=tmp_path).code == 1  # it is there
    assert run("gateway", "check", cwd=tmp_path, **ENV).code == 0
    unset = run("gateway", "check", cwd=tmp_path)
    assert (unset.code, "gateway.yaml:7:" in unset.err) == (3, True)
    authority = run("gateway", "ca", cwd=tmp_path, **ENV).out
    assert authority.startswith("-----BEGIN CERTIFICATE-----")
    assert run("gateway", "ca", cwd=tmp_path, **ENV).out == authority
    given = ("--host", "API.example.com:443", "--header", "Authorization")
    kept = run("secret", "set", "stripe", *given, cwd=tmp_path, stdin=f"{VALUE}\n", **ENV)
    assert kept.code == 0
    held = run("secret", "placeholder", "stripe", "--agent", "agent", cwd=tmp_path, **ENV).out
    assert held.strip() in kept.out
    assert held.startswith("csk_placeholder_agent_stripe_")
    listed = run("secret", "list", cwd=tmp_path, **ENV).out
    assert listed == "stripe  value  api.example.com  authorization  every agent  not used yet\n"
    for words in (("--agent", "nobody"), ("--host", "a/b"), ("--header", "a b"), ("--host", "")):
        wrong = run("secret", "set", "x", *given, *words, cwd=tmp_path, stdin=VALUE, **ENV)
        assert wrong.code == 1, words
    assert run("secret", "rm", "stripe", cwd=tmp_path, **ENV).code == 0
    assert run("secret", "rm", "stripe", cwd=tmp_path, **ENV).code == 1
    for file in ("ca.key", "secrets.key", "secrets.json"):
        assert oct((tmp_path / "gateway" / file).stat().st_mode)[-3:] == "600"
    assert oct((tmp_path / "gateway").stat().st_mode)[-3:] == "700"


def test_the_commands_speak_json(tmp_path: Path) -> None:
    def said(*words: str, stdin: str = "") -> Any:
        return run(*words, "--json", cwd=tmp_path, stdin=stdin, **ENV).json

    assert run("keys", "new", cwd=tmp_path).code == 0
    pin = said("keys", "public")["keys"][0]["kid"]
    made = said("gateway", "init", "--thumbprint", pin)
    assert (made["config"], made["thumbprint"]) == ("gateway.yaml", pin)
    assert said("gateway", "check") == []
    unset = run("gateway", "check", "--json", cwd=tmp_path)
    assert unset.code == 3
    assert {"file", "line", "column", "message", "hint"} == set(unset.json[0])
    assert said("gateway", "ca")["certificate"].startswith("-----BEGIN CERTIFICATE-----")
    given = ("--host", "API.example.com:443", "--header", "Authorization")
    kept = said("secret", "set", "stripe", *given, stdin=f"{VALUE}\n")
    assert (kept["host"], kept["header"]) == ("api.example.com", "authorization")
    held = said("secret", "placeholder", "stripe", "--agent", "agent")
    assert kept["placeholders"] == {"agent": held["placeholder"]}
    listed = said("secret", "list")
    where = {"host": "api.example.com", "header": "authorization", "agents": None}
    unused = {"last_used": None, "last_failed": None, "error": None}
    assert listed == [{"name": "stripe", "kind": "value", **where, **unused}]


def test_faults_of_the_file_name_their_line_and_quote_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    run("gateway", "init", "--thumbprint", "A" * 43, cwd=tmp_path)
    sound = file.read_text()
    for old, new, line in (
        ("rules:", "rulez:", 17),
        ("private: []", "private: [example.com]", 14),
        ("receipt_key: A", "receipt_key: ", 10),
        ("127.0.0.1:8081", "everywhere", 3),
        ('"${AGENT_PASSWORD}"', "hunter2", 12),
        ("then: ask", "then: maybe", 18),
        ("- model-providers", "- no-such", 16),
        ("{url}", "{url}", 0),
    ):
        file.write_text(sound.replace(old, new))
        ran = run("gateway", "check", cwd=tmp_path, **ENV)
        assert (ran.code == 3) == (line > 0)
        assert not line or f"gateway.yaml:{line}:" in ran.err, ran.err
        assert "hunter2" not in ran.err
    assert run("gateway", cwd=tmp_path, **{**ENV, "AGENT_PASSWORD": ""}).code == 3


async def test_a_folder_that_others_may_read_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "gateway").mkdir(mode=0o755)
    with pytest.raises(Refused, match="chmod 700"):
        async with gate(tmp_path):
            pass


SPELLINGS = (
    "csk_placeholder_x", "%63sk%5Fplaceholder_x", "CSK_Placeholder_",
    "%2525252563sk_place%2568older_", "%" + "25" * 300 + "63sk_placeholder%255f",
)  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
def test_law_15_a_placeholder_is_seen_however_it_is_spelt_and_cut(text: str) -> None:
    assert spelt(text)
    assert not spelt(text[:-9])
    for cut in range(1, len(text)):
        look = Spelling()
        found = [look.feed(text[:cut].encode()), look.feed(text[cut:].encode())]
        assert any(found), cut
    look = Spelling()
    assert any(look.feed(text[at : at + 1].encode()) for at in range(len(text)))


TOKENS = ("csk_placeholder_", "csk_", "%63", "%25", "%", "25", "C", "%5F", "laceholder", "p", "%2b")


@given(st.lists(st.sampled_from(TOKENS), max_size=40), st.integers(1, 50))
def test_law_15_what_is_searched_first_hides_no_spelling(tokens: list[str], size: int) -> None:
    """Beside one expression over the whole text, which is what a placeholder is."""
    text = "".join(tokens)
    whole = re.sub("%(?:25)+", "%", text.lower())
    spelling = "".join(f"(?:{char}|%{ord(char):02x})" for char in "csk_placeholder_")
    look = Spelling()
    pieces = [text[at : at + size].encode() for at in range(0, len(text), size)]
    assert any(map(look.feed, pieces)) is bool(re.search(spelling, whole))


HOSTILE = (b"%", b"%25", b"25", b"%63", b"csk_placeholder", b"c", b"cs%6", b"%2")


@pytest.mark.parametrize("unit", HOSTILE)
def test_law_32_looking_for_placeholders_is_linear(unit: bytes) -> None:
    """Counted in steps: each is bounded by its size, and a long text has as many more of them."""
    steps = list[int]()
    look = Spelling()
    raw = b"%" + unit * (4 * STEP // len(unit))
    for at in range(0, len(raw), STEP):
        assert not look.feed(raw[at : at + STEP])
        steps.append(len(look._tail))
    assert max(steps) <= 3 * len("csk_placeholder_")


async def test_law_32_a_form_of_many_fields_is_not_taken_apart(tmp_path: Path) -> None:
    """So a placeholder in it is out of place, as in any other body."""
    async with origin() as there, gate(tmp_path) as our:
        held = our.secret(VALUE, f"127.0.0.1:{there.port}", "form:key")
        kind = "Content-Type: application/x-www-form-urlencoded"
        few, many = b"&" * 999, b"&" * 1_000
        for more, status in ((few, 200), (many, 403)):
            body = f"key={held}".encode() + more
            assert (await our.ask(f"{there.url}/", "POST", kind, body=body))[0] == status
        assert [raw.partition(b"key=")[2] for raw in there.seen] == [VALUE.encode() + few]
        name = b"key" + b"%00" * 500
        body = name + f"={held}".encode()
        assert (await our.ask(f"{there.url}/", "POST", kind, body=body))[0] == 403


async def test_a_body_is_not_looked_through_where_there_is_no_secret(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path) as our:
        body = b"csk_placeholder_bot_token_0"
        assert (await our.ask(f"{there.url}/", "POST", body=body))[0] == 200
        our.secret(VALUE, f"127.0.0.1:{there.port}")
        assert (await our.ask(f"{there.url}/", "POST", body=body))[0] == 403
        assert (await our.ask(f"{there.url}/", "POST", body=b"x" * 200_000 + body))[0] == 403


ODD = "sk/fake+fake&fake_0/end=='<q>"


def _spellings() -> dict[str, str]:
    import html
    from urllib.parse import quote_plus

    coded = "".join(f"\\u{ord(c):04X}" if c in "&<>+'\"`" else c for c in ODD)
    return {
        "PHP": json.dumps(ODD).replace("/", "\\/"),
        "Python": json.dumps(ODD),
        "Go": json.dumps(ODD).translate({38: "\\u0026", 60: "\\u003c", 62: "\\u003e"}),
        ".NET": f'"{coded}"',
        "HTML": html.escape(ODD),
        "HTML of Go": html.escape(ODD).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
        "an address": quote(ODD, safe=""),
        "lower-case codes": re.sub("%..", lambda code: code[0].lower(), quote(ODD, safe="")),
        "a form": quote_plus(ODD),
        "within base64": base64.b64encode(f"user:{ODD}:more".encode()).decode(),
    }


@pytest.mark.parametrize("name", _spellings())
def test_law_15_a_value_is_crossed_out_as_ordinary_encoders_write_it(name: str) -> None:
    values = tuple(sorted(_shapes(ODD), key=len, reverse=True))
    text = _spellings()[name]
    crossed = Scrubber(values).whole(text.encode()).decode()
    assert "*" * 12 in crossed
    assert "fake" not in crossed
    assert len(crossed) == len(text)


@pytest.mark.parametrize(
    ("place", "path", "lines", "body", "sent"),
    [
        ("query:key", "/x?a=1&key=PLACE&b", [], b"", b"GET /x?a=1&key=REAL&b HTTP"),
        ("path:", "/botPLACE/send", [], b"", b"GET /botREAL/send HTTP"),
        ("form:token", "/x", ["Content-Type: application/x-www-form-urlencoded"],
         b"a=1&token=PLACE", b"\r\n\r\na=1&token=REAL"),
        ("authorization", "/x", ["Authorization: Basic BASIC"], b"", b"Authorization: Basic "),
    ],
)  # fmt: skip
async def test_law_15_a_value_goes_into_a_query_a_path_a_form_or_basic_and_does_not_come_back(
    tmp_path: Path, place: str, path: str, lines: list[str], body: bytes, sent: bytes
) -> None:
    async with origin() as there, gate(tmp_path) as our:
        host = f"127.0.0.1:{there.port}"
        held = our.secret(VALUE, f"a.example,{host}", place)
        there.reply = lambda raw: (
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(raw), raw)
        )
        lines = [line.replace("BASIC", b64(f"u:{held}")) for line in lines]
        filled = body.replace(b"PLACE", held.encode())
        method = "POST" if body else "GET"
        url = there.url + path.replace("PLACE", held)
        status, said = await our.ask(url, method, *lines, body=filled)
        assert status == 200
        assert sent.replace(b"REAL", VALUE.encode()) in there.seen[0]
        assert b"csk_placeholder" not in there.seen[0]
        assert VALUE.encode() not in said
        if body:
            assert (
                b"Content-Length: %d\r\n" % len(there.seen[0].partition(b"\r\n\r\n")[2])
                in there.seen[0]
            )
        assert VALUE not in (our.settings.folder / "audit.jsonl").read_text()
        for elsewhere in (
            (f"/y?other={held}", f"/{held}") if place != "path:" else (f"/y?k={held}",)
        ):
            assert (await our.ask(there.url + elsewhere, method))[0] == 403
        assert (await our.ask(f"{there.url}/y", "POST", body=held.encode()))[0] == 403
        assert len(there.seen) == 1


@pytest.mark.parametrize(
    ("host", "there"),
    [("gmail.googleapis.com,www.googleapis.com", True), ("*.googleapis.com", True),
     ("googleapis.com", False), ("*.gmail.googleapis.com", False), ("*.apis.com", False),
     ("gmail.googleapis.com:8443", False)],
)  # fmt: skip
def test_law_15_a_secret_goes_to_its_hosts_only(host: str, there: bool) -> None:
    assert Secret("google", host, "authorization", None).at("gmail.googleapis.com") is there


def test_secret_set_takes_several_hosts_and_one_place(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(
        "service: {url: 'http://127.0.0.1:9', key: k, requester: g, issuer: i, "
        f"receipt_key: {'A' * 43}}}\nagents: {{bot: {{password: {PASSWORD}}}}}\n"
    )

    def set_(*words: str) -> tuple[int, str]:
        from typer.testing import CliRunner

        from approvals.app.exits import Stop
        from approvals.cli.commands import app

        told = CliRunner().invoke(app, ["secret", "set", "g", *words, "-c", str(config)], VALUE)
        failed = isinstance(told.exception, Stop)
        return (1, str(told.exception)) if failed else (told.exit_code, told.stdout)

    hosts = ("--host", "gmail.googleapis.com", "--host", "*.example.com")
    assert set_(*hosts, "--header", "Authorization")[0] == 0
    assert Secrets(tmp_path / "gateway", {}).all()[0].host == "*.example.com,gmail.googleapis.com"
    assert set_(*hosts, "--query", "key")[0] == 0
    assert "one of header" in set_(*hosts)[1]
    assert "one of header" in set_(*hosts, "--path", "--form", "x")[1]
    assert "far too much" in set_("--host", "*.com", "--path")[1]


async def test_a_secret_may_be_printed_by_a_command_each_time_it_is_needed(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path) as our:
        count, host = tmp_path / "count", f"127.0.0.1:{there.port}"
        script = f"echo x >> {count}; echo {VALUE}"
        secrets = Secrets(our.settings.folder, {})

        def keep(command: str) -> str:
            secret = Secret("token", host, "authorization", None, kind=COMMAND)
            secrets.put(secret, command)
            return f"Authorization: Bearer {secrets.placeholder('token', 'bot')}"

        line = keep(f"sh -c {shlex.quote(script)}")
        assert VALUE.encode() not in (our.settings.folder / "secrets.json").read_bytes()
        for _ in range(3):
            assert (await our.ask(f"{there.url}/", "GET", line))[0] == 200
        assert VALUE.encode() in there.seen[0]
        assert count.read_text() == "x\n"
        for bad in ("false", "echo short", "/no/such/program"):
            status, said = await our.ask(f"{there.url}/", "GET", keep(bad))
            assert (status, said["type"]) == (502, "secret_unavailable")
        assert len(there.seen) == 3
