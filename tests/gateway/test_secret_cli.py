"""`countersign secret`, the credentials of gateway.yaml, and the commands that print values."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from approvals.app.host import clock
from approvals.model import SECOND
from approvals.proxy.ca import utc
from approvals.proxy.credentials import Command, Unavailable
from approvals.proxy.fetched import PRINTED, run
from approvals.proxy.secrets import Secrets
from approvals.proxy.settings import read
from tests.harness import installation
from tests.harness.gateway import PASSWORD, Gate, authority, gate, origin
from tests.peers import sigv4
from tests.peers.oauth import CLIENT, REFRESH, SECRET, authorization_server

VALUE = "sk_live_4eC39HqLyjWDarjtT1"
KEYS = f"AWS_ACCESS_KEY_ID={sigv4.ACCESS}\nAWS_SECRET_ACCESS_KEY={sigv4.SECRET}"


async def said(our: Gate, *words: str, stdin: str = "") -> installation.Ran:
    """A command beside the running gateway."""
    folder = our.settings.folder.parent
    return await asyncio.to_thread(installation.run, *words, cwd=folder, stdin=stdin)


async def test_secret_set_checks_that_an_account_gives_tokens_and_that_they_work(
    tmp_path: Path,
) -> None:
    async with origin() as there, authorization_server() as server, gate(tmp_path) as our:
        server.rotates = True
        host = ("--host", f"127.0.0.1:{there.port}")
        account = ("--oauth", server.url, "--client-id", CLIENT, "--scope", "mail calendar")
        text = f"client_secret={SECRET}\nrefresh_token={REFRESH}\n"
        url = f"{there.url}/me"
        kept = await said(our, "secret", "set", "mail", *host, *account, "--check", url, stdin=text)
        assert kept.code == 0, kept.err
        assert f"127.0.0.1:{there.port} answered 200: it works" in kept.out
        assert there.seen[0].startswith(b"GET /me HTTP/1.1\r\n")
        assert f"Authorization: Bearer {server.given[0]}".encode() in there.seen[0]
        listed = await said(our, "secret", "list")
        assert listed.out.startswith(f"mail  oauth  127.0.0.1:{there.port}  authorization  every ")
        assert "  used 20" in listed.out
        # What the check has fetched, the gateway uses.
        held = Secrets(our.settings.folder, {}).placeholder("mail", "bot")
        assert (await our.ask(url, "GET", f"Authorization: Bearer {held}"))[0] == 200
        assert len(server.given) == 1
        assert (await said(our, "gateway", "doctor", "--json")).json[-1]["state"] == "ok"
        there.reply = lambda _: b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
        refused = await said(our, "secret", "check", "mail", url)
        assert refused.code == 1
        assert "answered 403: it refuses the credential" in refused.out
        there.reply = lambda _: b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
        unclear = await said(our, "secret", "check", "mail", url, "--json")
        assert (unclear.code, unclear.json["works"]) == (1, False)
        assert "says nothing about the credential" in unclear.json["detail"]
        server.live.clear()
        lost = await said(our, "secret", "set", "mail", *host, *account, stdin=text)
        assert lost.code == 1
        assert "invalid_grant" in lost.out
        listed = await said(our, "secret", "list", "--json")
        assert listed.json[0]["kind"] == "oauth"
        assert "invalid_grant" in listed.json[0]["error"]
        doctor = await said(our, "gateway", "doctor")
        assert doctor.code == 1
        assert "✗ secret mail: its authorization server refuses" in doctor.out
        for it in (kept, listed, refused, unclear, lost, doctor):
            for token in (*server.given, SECRET, REFRESH):
                assert token not in it.out + it.err


async def test_secret_set_checks_keys_of_aws(tmp_path: Path) -> None:
    theirs = authority(tmp_path / "theirs").context("localhost", utc(clock()))
    async with (
        sigv4.aws(theirs, lambda: clock() / SECOND) as there,
        gate(tmp_path, ca_file=tmp_path / "theirs/ca.pem") as our,
    ):
        host = ("--host", there.url.removeprefix("https://"))
        url = f"{there.url}/?Action=GetCallerIdentity&Version=2011-06-15"
        words = ("secret", "set", "aws", "--aws", *host, "--check", url)
        kept = await said(our, *words, stdin=KEYS)
        assert kept.code == 0, (kept.out, there.why)
        assert "answered 200: it works" in kept.out
        assert "both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in kept.out
        wrong = await said(our, *words, stdin=KEYS[:-1] + "x")
        assert wrong.code == 1
        assert "answered 403" in wrong.out
        assert there.why == ["the signature does not match"]
        assert (await said(our, "secret", "set", "aws", "--aws", stdin=KEYS)).code == 0
        (only,) = (await said(our, "secret", "list", "--json")).json
        assert (only["kind"], only["host"]) == ("aws", "*.amazonaws.com")
        for wrong_words, text, why in (
            (("--aws", "--header", "X-Key"), KEYS, "always in Authorization"),
            (("--aws", "--oauth", "https://a.example/t"), KEYS, "one of --command"),
            (("--aws",), "AKIA", "NAME=VALUE"),
            (("--aws",), "a=b", "aws_access_key_id="),
            (("--oauth", "http://a.example/t", *host), "x", "https://auth.example.com"),
            (("--oauth", "https://a.example/t"), "client_secret=12345678", "--host"),
            (("--oauth", "https://a.example/t", *host), "client_secret=12345678", "client id"),
            (("--oauth", "https://a.example/t", *host, "--param", "x"), "", "name=value"),
        ):
            bad = await said(our, "secret", "set", "x", *wrong_words, stdin=text)
            assert bad.code == 1
            assert why in bad.err, bad.err


async def test_signing_for_aws_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gate(tmp_path) as our:
        assert (await said(our, "secret", "set", "aws", "--aws", stdin=KEYS)).code == 0
        monkeypatch.setitem(sys.modules, "botocore.auth", None)
        bad = await said(our, "secret", "set", "more", "--aws", stdin=KEYS)
        assert 'pip install "countersign-server[aws]"' in bad.err
        assert 'pip install "countersign-server[aws]"' in (await said(our, "gateway", "doctor")).out


@pytest.mark.parametrize(
    ("place", "url", "form", "sent"),
    [
        (("--header", "Authorization"), "/x", None, f"\r\nAuthorization: Bearer {VALUE}\r\n"),
        (("--header", "Authorization"), "/x", "token {}", f"\r\nAuthorization: token {VALUE}\r\n"),
        (("--header", "Authorization"), "/x", "Basic {}:", "Basic c2tfbGl2ZV80ZUMzOUhxTHlqV0Rhcmp"),
        (("--header", "X-Api-Key"), "/x", None, f"\r\nX-Api-Key: {VALUE}\r\n"),
        (("--query", "key"), "/x?a=1", None, f"GET /x?a=1&key={VALUE} "),
        (("--path",), "/bot{}/getMe", None, f"GET /bot{VALUE}/getMe "),
    ],
)
async def test_secret_check_puts_it_in_its_place(
    tmp_path: Path, place: tuple[str, ...], url: str, form: str | None, sent: str
) -> None:
    async with origin() as there, gate(tmp_path) as our:
        host = ("--host", f"127.0.0.1:{there.port}")
        assert (await said(our, "secret", "set", "x", *host, *place, stdin=VALUE)).code == 0
        more = ("--check-as", form) if form else ()
        tried = await said(our, "secret", "check", "x", there.url + url, *more)
        assert (tried.code, "it works" in tried.out) == (0, True), tried.out
        assert sent in there.seen[0].decode()
        assert VALUE not in tried.out
        away = await said(our, "secret", "check", "x", "http://127.0.0.2:1/{}")
        assert away.code == 1
        assert len(there.seen) == 1
        assert "URL" in (await said(our, "secret", "check", "x")).err
        assert "no secret" in (await said(our, "secret", "check", "y", there.url)).err


async def test_a_command_of_the_configuration_prints_a_value(tmp_path: Path) -> None:
    theirs = authority(tmp_path / "theirs").context("localhost", utc(clock()))
    keys = {"Version": 1, "AccessKeyId": sigv4.ACCESS, "SecretAccessKey": sigv4.SECRET}
    count, keyfile = tmp_path / "count", tmp_path / "keys.json"
    keyfile.write_text(json.dumps(keys))
    script = f"echo x >> {count}; echo not-for-the-agent >&2; test ! -e {tmp_path}/broken || exit 7"
    now = [clock()]
    async with origin() as there, sigv4.aws(theirs, lambda: now[0] / SECOND) as aws:
        more = f"""
secrets:
  token:
    host: 127.0.0.1:{there.port}
    header: Authorization
    command: [sh, -c, "{script}; echo {VALUE}"]
    cache: 2m
  aws:
    host: [{aws.url.removeprefix("https://")}, "*.amazonaws.com"]
    aws: true
    command: [cat, {keyfile}]
"""
        ca = tmp_path / "theirs/ca.pem"
        async with gate(tmp_path, more=more, ca_file=ca, clock=lambda: now[0]) as our:
            shown = await said(our, "secret", "list")
            assert [line.split()[:2] for line in shown.out.splitlines()] == [
                ["token", "command"], ["aws", "aws"],
            ]  # fmt: skip
            given = await said(our, "secret", "placeholder", "token", "--agent", "bot")
            line = f"Authorization: Bearer {given.out.strip()}"

            async def ask() -> tuple[int, Any]:
                return await our.ask(f"{there.url}/", "GET", line)

            assert [(await ask())[0] for _ in range(3)] == [200] * 3
            assert VALUE.encode() in there.seen[2]
            assert count.read_text() == "x\n"
            assert (await our.ask(f"{there.url}/"))[0] == 200  # runs nothing
            now[0] += 121 * SECOND
            assert (await ask())[0] == 200
            assert count.read_text() == "x\nx\n"
            (tmp_path / "broken").touch()
            now[0] += 121 * SECOND
            status, problem = await ask()
            assert status == 502
            assert "'token' can't be used: its command exits with 7" in problem["detail"]
            assert "not-for-the-agent" not in json.dumps(problem)
            checked = await said(our, "secret", "check", "aws", f"{aws.url}/?Action=X")
            assert checked.code == 0, (checked.out, aws.why)
            taken = await said(our, "secret", "set", "token", "--path", "--host", "a.b", stdin="x")
            assert "is in the configuration" in taken.err
            for file in our.settings.folder.rglob("*"):
                assert not file.is_file() or VALUE.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("sh", "-c", "echo secret >&2; exit 3"), "exits with 3"),
        (("sh", "-c", "sleep 600 & wait"), "no answer in 0.05 s"),
        (("/no/such/program",), "can't be run: no such file"),
        (("yes",), f"more than {PRINTED} bytes"),
    ],
    ids=["fails", "waits", "is not there", "floods"],
)
async def test_a_command_that_fails_is_told_in_words(words: tuple[str, ...], why: str) -> None:
    timeout = 0.05 if "wait" in words[-1] else 30.0
    with pytest.raises(Unavailable) as failed:
        await run("token", Command(words, timeout=timeout))
    assert why in str(failed.value)
    assert "secret" not in failed.value.why


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("host: a.example, header: X", 6, "`command` is missing"),
        ("host: a.example, header: X, command: op read x", 6, "command"),
        ("header: X, command: [op]", 6, "host is missing"),
        ("host: a.example, command: [op]", 6, "one of header, query, form and path"),
        ("host: '*.com', header: X, command: [op]", 6, "far too much"),
        ("host: a.example, header: X, command: [op], agents: [nobody]", 6, "no agent 'nobody'"),
        ("aws: true, command: [op], header: X", 6, "always in Authorization"),
        (
            "host: a.example, command: [op], oauth: {token_url: 'http://x.example'}",
            6,
            "https://auth",
        ),
        ("host: a.example, command: [op], header: X, value: hunter2222", 6, "unknown key `value`"),
        ("aws: true, command: [op]", 0, ""),
    ],
)
def test_faults_of_a_secret_name_their_line(tmp_path: Path, text: str, line: int, why: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        "service: {url: 'http://127.0.0.1:9', key: k, requester: g, issuer: i,\n"
        f"  receipt_key: {'A' * 43}}}\n"
        f"agents:\n  bot: {{password: {PASSWORD}}}\n"
        f"secrets:\n  token: {{{text}}}\n"
    )
    settings, faults = read(file, {})
    assert (settings is None) == bool(line)
    if line:
        (fault,) = faults
        assert (fault.line, why in fault.message) == (line, True), fault
        assert "hunter2222" not in str(fault)
