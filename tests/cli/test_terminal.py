"""What the command line says when something is wrong: in words, where, and what helps."""

from __future__ import annotations

import io
import json
import logging
import os
import stat
import subprocess
import sys
import warnings
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import structlog

from approvals import config
from approvals.app import database, log
from approvals.app.exits import Exit, Stop
from approvals.cli import browser, commands, failures, remote
from approvals.cli.output import counted, safari
from approvals.model import Busy, Refused
from approvals.port import Line, reason
from approvals.store import Store
from approvals.web import credentials
from tests.harness.installation import (
    ROOT,
    SECRETS,
    Installation,
    ended,
    environment,
    install,
    process,
    run,
)

KEY = "csr_" + "k" * 24
SMALL = "people: {dana: {email: dana@example.com}}\ngroups: {default: [dana]}\n"


@pytest.fixture
def alone(tmp_path: Path) -> Installation:
    """An installation of this test's own, not started."""
    return install(tmp_path)


# `check` finds what cannot work


MAIL = "email: {host: 127.0.0.1, security: none, from: approve@example.com}"


@pytest.mark.parametrize(
    ("text", "place", "why", "cure"),
    [
        ("channels: {slack: {bot_tokn: x}}", "3:30", "unknown key `bot_tokn`", "`bot_token`"),
        ("channels: {telegram: {stb: true}}", "3:28", "unknown key `stb`", "`stub`"),
        (f"channels: {{{MAIL}}}", "3:12", "links in mails lead nowhere", "server.public_url"),
        ("channels: {slack: {bot_token: …, app_token: b, mode: socket}}", "3:31", "your own value",
         ""),
        ("channels: {slack: {bot_token: ' ', app_token: b, mode: socket}}", "3:31",
         "your own value", ""),
        ("channels: {discord: {bot_token: a, application_id: '12345678901234567', public_key: "
         f"'01{'0' * 62}'}}}}", "3:12", "low order", "Developer Portal"),
        ("channels: {slack: {bot_token: xapp-1, app_token: xoxb-2, mode: socket}}", "3:12",
         "bot_token is another kind of token: it begins with xoxb-", ""),
        ("channels: {slack: {bot_token: a, app_token: xoxb-2, mode: socket}}", "3:12",
         "app_token is another kind of token: it begins with xapp-", ""),
        ("channels: {slack: {bot_token: a, signing_secret: b, app_id: dana}}", "3:12",
         "app_id is not an app's, like A0123ABCD", ""),
        ("channels: {slack: {bot_token: a, signing_secret: b, team_id: acme}}", "3:12",
         "team_id is not a workspace's, like T0123ABCD", ""),
        (f"channels: {{{MAIL[:-1]}, port: 465, security: starttls}}}}".replace(
            "security: none, ", ""), "3:12", "port 465", "security: tls"),
        (f"channels: {{{MAIL}}}\nserver: {{public_url: 'https://a.example'}}\n"
         "rules: [{name: r, ask: {quorum: {default: 1}, via: ['email:team@a.example']}}]", "5:53",
         "mail has none", "each approver gets a mail"),
        ("metrics: {listen: 127.0.0.1:8080}", "3:19", "served there already", "another port"),
        ("rules: [{name: r, title: '{{ a | mony }}', ask: {quorum: {default: 1}}}]", "3:26",
         "no filter `mony`", "`money`"),
        ("rules: [{name: r, title: \"{{ '%9d' % 1 }}\", ask: {quorum: {default: 1}}}]", "3:26",
         "only reads values", ""),
        ("templates: {slack: t.json.j2}", "3:20", "arithmetic", ""),
        ("templates: {slack: t.txt}", "3:20", "called *.json.j2", ""),
    ],
)  # fmt: skip
def test_check_names_what_cannot_work(
    tmp_path: Path, text: str, place: str, why: str, cure: str
) -> None:
    (tmp_path / "t.json.j2").write_text('{"a": {{ 9**(9**9) }}}')
    (tmp_path / "t.txt").write_text("{}")
    assert run("keys", "new", cwd=tmp_path).code == 0
    (tmp_path / "countersign.yaml").write_text(f"{SMALL}{text}\n")
    ran = run("check", cwd=tmp_path)
    assert ran.code == Exit.CONFIG, ran.out
    first = ran.err.splitlines()[0]
    assert first.startswith(f"countersign.yaml:{place}: ")
    assert (why in first, cure in first) == (True, True), first


@pytest.mark.parametrize(
    ("section", "mode"),
    [
        ("slack: {bot_token: x, signing_secret: y}", "socket"),
        ("telegram: {bot_token: '1:a', secret_token: b}", "polling"),
        (
            "discord: {bot_token: a, application_id: '12345678901234567', public_key: "
            "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c}",
            "gateway",
        ),
    ],
)
def test_check_says_where_no_tap_may_come(tmp_path: Path, section: str, mode: str) -> None:
    """No fault: a tunnel may lead here unnamed."""
    assert run("keys", "new", cwd=tmp_path).code == 0
    (tmp_path / "countersign.yaml").write_text(f"{SMALL}channels: {{{section}}}\n")
    ran = run("check", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert f"Set server.public_url, or mode: {mode}, which needs none" in ran.out


def test_check_says_where_links_lead_to_this_machine_only(tmp_path: Path) -> None:
    """T1: no fault, since all of it may be on one machine."""
    assert run("keys", "new", cwd=tmp_path).code == 0
    text = f"{SMALL}channels: {{{MAIL}}}\nserver: {{public_url: 'http://127.0.0.1:8080'}}\n"
    (tmp_path / "countersign.yaml").write_text(text)
    ran = run("check", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert "email: its links lead to this machine only" in ran.out


@pytest.mark.parametrize(
    ("account", "fits"),
    [
        ("telegram: dana_k", False),
        ("telegram: '@dana'", False),
        ("telegram: 100000001", True),
        ("slack: dana", False),
        ("slack: '@U024BE7LH'", False),
        ("slack: [U024BE7LH, W0123ABC]", True),
        ("discord: dana", False),
        ("discord: '1033044521375764530'", True),
        ("teams: dana@example.com", False),
        ("teams: 0D2BA6D4-9C54-4F3C-8B4E-6F2F3F1A9B10", False),
        ("teams: 0d2ba6d4-9c54-4f3c-8b4e-6f2f3f1a9b10", True),
        ("whatsapp: '+15551234567'", False),
        ("whatsapp: '15551234567'", True),
    ],
)
def test_an_account_is_written_as_its_platform_does(
    tmp_path: Path, account: str, fits: bool
) -> None:
    assert run("keys", "new", cwd=tmp_path).code == 0
    text = f"people: {{dana: {{{account}}}}}\ngroups: {{default: [dana]}}\n"
    (tmp_path / "countersign.yaml").write_text(text)
    ran = run("check", cwd=tmp_path)
    assert (ran.code == 0) is fits, ran.err
    if not fits:
        assert "countersign.yaml:1:" in ran.err
        assert "this is not " in ran.err
        assert "countersign link dana" in ran.err


@pytest.mark.parametrize(
    ("via", "fits"),
    [("slack:#general", False), ("slack:C024BE91L", True), ("discord:x", False)],
)
def test_a_room_is_written_as_its_platform_does(tmp_path: Path, via: str, fits: bool) -> None:
    assert run("keys", "new", cwd=tmp_path).code == 0
    rule = f"rules: [{{name: r, ask: {{quorum: {{default: 1}}, via: ['{via}']}}}}]\n"
    channels = f"channels: {{{via.partition(':')[0]}: }}\n"
    (tmp_path / "countersign.yaml").write_text(SMALL + rule + channels)
    ran = run("check", cwd=tmp_path)
    assert (ran.code == 0) is fits, ran.err


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_secret_file_that_others_may_read_is_a_fault(tmp_path: Path, mode: int) -> None:
    place = install(tmp_path)
    path = tmp_path / "countersign.yaml"
    path.write_text(path.read_text().replace('{key: "${BOT_KEY}"', "{key_file: bot.key"))
    (tmp_path / "bot.key").write_text(KEY)
    (tmp_path / "bot.key").chmod(0o600)
    assert place.run("check").code == 0
    (tmp_path / "bot.key").chmod(mode)
    ran = place.run("check")
    assert ran.code == Exit.CONFIG
    assert "countersign.yaml:4:" in ran.err
    assert "can be read by others (chmod 600 bot.key)" in ran.err
    assert KEY not in ran.err


def test_a_mounted_secret_of_another_user_may_be_the_groups(tmp_path: Path) -> None:
    from approvals.marked import open_to_others

    def file(mode: int, owner: int) -> os.stat_result:
        return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, owner, 0, 0, 0, 0, 0))

    assert not open_to_others(file(0o440, 0), 1000)
    assert open_to_others(file(0o444, 0), 1000)
    assert open_to_others(file(0o440, 1000), 1000)
    assert not open_to_others(file(0o400, 1000), 1000)


@pytest.mark.parametrize(
    ("broken", "line", "cure"),
    [
        ("gone", "no keys here", "countersign keys new"),
        ("wide", "others may read it", "chmod 600"),
        ("lost", "missing", "backup"),
        ("torn", "cannot be read", "backup"),
        ("list", "not a list of keys", "backup"),
        ("database", "is not a database", "name another file"),
        ("folder", "there is no folder", "make it"),
    ],
)
def test_check_looks_at_what_the_file_names(
    alone: Installation, broken: str, line: str, cure: str
) -> None:
    folder, keys = alone.folder, alone.folder / "keys"
    match broken:
        case "gone":
            keys.rename(folder / "other")
        case "wide":
            (keys / "receipt.pem").chmod(0o644)
        case "lost":
            (keys / "receipt.pem").unlink()
        case "torn":
            (keys / "ring.json").write_text("{")
        case "list":
            (keys / "ring.json").write_text("[]")
        case "database":
            (folder / "countersign.db").write_text("this is a text of some length, and no database")
        case "folder":
            path = folder / "countersign.yaml"
            path.write_text(path.read_text().replace("///", "///no/such/"))
    ran = alone.run("check")
    assert ran.code == Exit.CONFIG, ran.out
    assert (line in ran.err, cure in ran.err) == (True, True), ran.err
    assert ran.err.startswith("countersign.yaml:")


def test_one_of_a_thing_is_in_the_singular(alone: Installation) -> None:
    assert [counted(n, "rule") for n in range(3)] == ["no rules", "1 rule", "2 rules"]
    assert counted(1, "entry", "entries") == "1 entry"
    path = alone.folder / "countersign.yaml"
    kept = [line for line in path.read_text().splitlines() if "payouts" not in line]
    path.write_text("\n".join(line for line in kept if "name: two" not in line) + "\n")
    assert "is sound: 1 rule." in alone.run("check").out


# Databases


@pytest.mark.parametrize("command", [["serve"], ["doctor"], ["links"], ["audit", "export"]])
def test_a_file_that_is_no_database_is_a_line_and_5(
    alone: Installation, command: list[str]
) -> None:
    (alone.folder / "countersign.db").write_text("no database, " * 100)
    ran = ended(process(*command, cwd=alone.folder, **SECRETS))
    assert ran.code == Exit.UNREACHABLE
    said = ran.out + ran.err
    assert "Traceback" not in said
    assert "is not a database (or it is encrypted)" in said
    assert "sqlite3" not in said
    if command != ["doctor"]:
        assert ran.err.count("\n") == 1


async def test_a_database_that_is_damaged_inside_is_busy(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    store = await Store.connect(url)
    await store.close()
    raw = bytearray((tmp_path / "a.db").read_bytes())
    raw[4096:] = os.urandom(len(raw) - 4096)
    (tmp_path / "a.db").write_bytes(raw)
    with pytest.raises(Stop) as stopped:
        await database.connect(url, migrate=False)
    assert stopped.value.code == Exit.UNREACHABLE
    assert "is damaged" in str(stopped.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://nobody:hush@127.0.0.1:1/x", "127.0.0.1:1 does not answer: connection ref"),
        ("postgresql://nobody:hush@no.such.invalid/x", "no such host name"),
        ("sqlite:////no/such/folder/x.db", "There is no folder /no/such/folder"),
        ("sqlite:////tmp", "is a folder"),
    ],
)
async def test_a_database_that_cannot_be_opened_is_explained(url: str, why: str) -> None:
    with pytest.raises(Stop) as stopped:
        await database.connect(url, migrate=True)
    said = str(stopped.value)
    assert why in said
    assert stopped.value.cure
    for hidden in ("hush", "Errno", "Error", "Traceback"):
        assert hidden not in said


async def test_postgresql_that_refuses_is_explained(postgresql_database: str) -> None:
    parts = urlsplit(postgresql_database)
    nobody = parts._replace(netloc=f"nobody_known@{parts.netloc.rpartition('@')[2]}")
    for wrong, why in (
        (parts._replace(path="/no_such_database"), "it has no database of that name."),
        (nobody, "it does not let this user in."),
    ):
        url = wrong.geturl()
        with pytest.raises(Stop) as stopped:
            await database.connect(url, migrate=True)
        assert why in str(stopped.value)
        assert stopped.value.code == Exit.UNREACHABLE


# The doctor


def test_the_doctor_says_the_cure_and_goes_on(alone: Installation) -> None:
    for path in (alone.folder / "keys").glob("*.*"):
        if path.suffix in (".pem", ".key"):
            path.chmod(0o644)
    path = alone.folder / "countersign.yaml"
    url = '"postgresql://a:hush@127.0.0.1:1/b"'
    path.write_text(path.read_text().replace('"sqlite:///countersign.db"', url))
    ran = alone.run("doctor", "--json")
    assert ran.code == Exit.CONFIG
    found = {line["check"]: line for line in ran.json}
    assert "others may read it" in found["keys"]["detail"]
    assert found["keys"]["next"].count("chmod 600") == 1
    assert found["keys"]["next"].count("keys/") == 2  # both files, in one command
    assert "127.0.0.1:1 does not answer: connection refused" in found["database"]["detail"]
    assert "database.url" in found["database"]["next"]
    assert {"service", "gateway gate"} <= set(found)
    assert "Error" not in ran.out
    assert "hush" not in ran.out


def test_the_doctor_explains_a_mail_server_that_refuses(alone: Installation) -> None:
    path = alone.folder / "countersign.yaml"
    mail = "{host: 127.0.0.1, port: 1, security: none, from: a@example.com}"
    server = 'server:     {public_url: "https://sign.example.org", '
    path.write_text(
        path.read_text().replace("server:     {", server) + f"channels: {{email: {mail}}}\n"
    )
    ran = alone.run("doctor", "email")
    assert ran.code != 0
    assert "connection refused" in ran.out
    assert "Error" not in ran.out


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionRefusedError(111, "x"), "connection refused"),
        (TimeoutError(), "no answer in time"),
        (OSError(113, "No route to host secret"), "no route to host"),
        (ValueError("secret"), "its answer is not as documented"),
        (KeyError("secret"), "the call failed"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1')"), "connection ref"),
    ],
)
def test_why_a_call_failed_is_words_without_names_or_secrets(error: Exception, why: str) -> None:
    assert why in reason(error)
    wrapped = RuntimeError("secret")
    wrapped.__cause__ = error
    assert why in reason(wrapped)
    assert "secret" not in reason(wrapped)
    assert "Error" not in reason(wrapped)


# Tokens


def test_what_tokens_begin_with_is_said_the_same_twice() -> None:
    assert (remote.PERSONAL, remote.REQUESTER) == (credentials.PREFIX, config.PREFIX)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "COUNTERSIGN_TOKEN is not set"),
        (KEY, "This is a requester's key; a person's token begins with csp_."),
        (f" {KEY}\n", "This is a requester's key; a person's token begins with csp_."),
        ("nonsense", "is not a personal token: a person's token begins with csp_"),
        ("xoxb-1-2", "is not a personal token"),
        ("csp_", "is not a personal token"),
        ("csp_a\nb", "is not a personal token"),
        ("Bearer csp_abc", "is not a personal token"),
    ],
)
@pytest.mark.parametrize("words", [["list"], ["show", "req_1"], ["approve", "req_1"]])
def test_a_wrong_token_is_told_before_anybody_is_asked(
    tmp_path: Path, words: list[str], token: str, why: str
) -> None:
    env = {"COUNTERSIGN_URL": "http://127.0.0.1:1", "COUNTERSIGN_TOKEN": token}
    ran = run(*words, cwd=tmp_path, **env)
    assert (ran.code, ran.out) == (Exit.DENIED, "")
    assert why in ran.err
    assert "inbox, under Settings" in ran.err
    assert token.strip() in ("", "csp_") or token.strip() not in ran.err


@pytest.mark.parametrize("url", ["", "localhost:8080", "http://", "http://h/x", "ftp://h"])
def test_a_wrong_address_is_told(tmp_path: Path, url: str) -> None:
    ran = run("list", cwd=tmp_path, COUNTERSIGN_URL=url, COUNTERSIGN_TOKEN="csp_x")
    assert (ran.code, "not the address of a service" in ran.err) == (Exit.UNREACHABLE, True)


# setup


@pytest.mark.parametrize("channel", ["slack", "telegram", "discord", "teams", "whatsapp"])
def test_setup_without_an_address_says_so_and_prints_no_other(tmp_path: Path, channel: str) -> None:
    ran = run("setup", channel, cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert "server.public_url is missing" in ran.err
    assert "example.com/channels" not in ran.out + ran.err
    said = run("setup", channel, "--json", cwd=tmp_path).json
    assert "server.public_url is missing" in said["missing"]
    assert said["events_url"] is None
    made = run("setup", channel, "--out", "new", cwd=tmp_path)
    assert made.code == 0
    for path in (tmp_path / "new").iterdir():
        assert b"channels/" not in path.read_bytes()


def test_what_setup_prints_is_not_sound_before_it_is_filled_in(tmp_path: Path) -> None:
    place = install(tmp_path)
    path = tmp_path / "countersign.yaml"
    before = path.read_text()
    secrets = {"SLACK_BOT_TOKEN": "a", "SLACK_SIGNING_SECRET": "b", "SMTP_PASSWORD": "c"}
    url = 'server:     {public_url: "https://sign.example.org", '
    for channel in ("slack", "email"):
        path.unlink()
        said = run("setup", channel, "--url", "https://a.example", "--json", cwd=tmp_path).json
        path.write_text(before.replace("server:     {", url) + said["section"])
        ran = place.run("check", **secrets)
        assert (ran.code, "write your own value" in ran.err) == (Exit.CONFIG, True), ran.err


# Logs


def test_everything_that_logs_writes_json_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log.setup(console=False)
    log.setup(console=False)
    structlog.get_logger().info("serving", port=1)
    adapter = logging.getLogger("countersign.telegram")
    adapter.warning(Line("notice_not_told", why=Refused("two\nlines"), status=403))
    logging.getLogger("some.sdk").warning("of %d bytes", 7)
    adapter.info("a body, which is nobody's")
    try:
        raise ValueError("wrong")
    except ValueError:
        adapter.exception("it failed")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        log.setup(console=False)
        warnings.warn("old", stacklevel=1)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["level"] for line in lines] == ["info", "warning", "warning", "error", "warning"]
    said = {name: lines[1][name] for name in ("event", "why", "status")}
    assert said == {"event": "notice_not_told", "why": "two\nlines", "status": 403}
    assert lines[1]["logger"] == "countersign.telegram"
    assert (lines[2]["logger"], lines[2]["event"]) == ("some.sdk", "of 7 bytes")
    assert "ValueError: wrong" in lines[3]["exception"]
    assert all("timestamp" in line for line in lines)


class Unread(io.StringIO):
    """A pipe whose reader is gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_log_that_nobody_reads_any_more_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    for stream in (closed, Unread()):
        monkeypatch.setattr(sys, "stderr", stream)
        log.setup(console=False)
        closed.close()
        structlog.get_logger().error("something")
        logging.getLogger("countersign.telegram").error("something")


def test_what_a_library_or_a_finalizer_gets_wrong_is_a_json_line_too(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(
        "import logging\n"
        "from approvals.app import log\n"
        "log.setup(console=False)\n"
        "logging.getLogger('some.sdk').warning('of %d bytes', 'a token')\n"
        "class Thing:\n"
        "    def __del__(self):\n"
        "        raise ValueError('two\\nlines')\n"
        "Thing()\n"
    )
    ran = subprocess.run(
        [sys.executable, "run.py"], cwd=tmp_path, env=environment(), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    wrong, ignored = [json.loads(line) for line in ran.stderr.splitlines()]
    assert (wrong["event"], wrong["line"]) == ("line_not_formatted", "of %d bytes")
    assert "a token" not in ran.stderr, "law 23: it is not said what could not be put in"
    assert (ignored["level"], ignored["event"]) == ("error", "error_not_caught")


# Loopback, without a network


NO_NETWORK = """\
import socket
real = socket.getaddrinfo
def none(host, *args, **more):
    if host and not str(host).replace(".", "").isdigit():
        raise socket.gaierror(-9, "Address family for hostname not supported")
    return real(host, *args, **more)
socket.getaddrinfo = none
"""


@pytest.mark.parametrize("name", ["localhost", "a.localhost", "A.b.LOCALHOST", "x.localhost."])
async def test_names_below_localhost_ask_nobody(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def none(*args: object, **more: object) -> None:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr("socket.getaddrinfo", none)
    found = await browser.Loopback().resolve(name, 80)
    assert [(one["host"], one["port"]) for one in found] == [("127.0.0.1", 80)]
    with pytest.raises(AssertionError):
        await browser.Loopback().resolve("localhost.example.com", 80)


def test_the_demo_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    words = ("demo", "--tap", "approve", "--port", "0")
    ran = ended(process(*words, cwd=tmp_path, PYTHONPATH=path), 120)
    assert ran.code == 0, ran.err
    assert ran.out.count("✓ verified") == 4


def test_below_a_link_stands_what_helps_safari(alone: Installation) -> None:
    assert safari("https://approve.example.com/login/x") == ""
    alone.start()
    try:
        ran = alone.run("login-link", "dana")
    finally:
        alone.stop()
    host = ran.out.split("//")[1].split(":")[0]
    assert ran.out.count("\n") == 1  # and nothing but the link
    assert f"echo '127.0.0.1 {host}' | sudo tee -a /etc/hosts" in ran.err


# The last word


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ValueError("s3cret"), Exit.FAILED, "Please report it as a bug"),
        (ExceptionGroup("", [ValueError(), Stop(Exit.DENIED, "No.")]), Exit.DENIED, "No."),
        (Busy("database: locked"), Exit.UNREACHABLE, "database: locked"),
        (PermissionError(13, "x", "/a/b"), Exit.FAILED, "/a/b: Permission denied."),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "s3cret"), Exit.FAILED, "not text"),
        (MemoryError(), Exit.FAILED, "not enough memory"),
        (RecursionError("s3cret"), Exit.FAILED, "Please report it"),
    ],
)
def test_nobody_sees_a_traceback_unasked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, code: Exit, words: str
) -> None:
    def fails(**_: object) -> None:
        raise error

    monkeypatch.setattr(commands, "app", fails)
    ran = run("list", cwd=tmp_path)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert "s3cret" not in ran.err
    shown = run("list", cwd=tmp_path, **{failures.DEBUG: "1"})
    assert (shown.code, "Traceback" in shown.err, words in shown.err) == (code, True, True)


def test_an_unexpected_failure_says_where_and_of_which_version() -> None:
    code, said = failures.explained(ZeroDivisionError("x"), {})
    assert code == Exit.FAILED
    assert "ZeroDivisionError in an unknown place" in said
    try:
        counted("no number", "thing")  # type: ignore[arg-type] # on purpose: it must fail
        raise ZeroDivisionError
    except ZeroDivisionError as error:
        _, said = failures.explained(error, {})
    assert "test_terminal.py, line " in said
    assert f"{failures.DEBUG}=1" in said


def test_a_terminal_without_our_signs_gets_others(tmp_path: Path) -> None:
    env = environment(PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C")
    ran = ended(process("keys", "new", cwd=tmp_path, **env))
    assert (ran.code, ran.err) == (0, "")
    assert "\\u2713 Keys are in keys" in ran.out


# Files that are given


def test_what_is_given_and_cannot_be_read_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    for words, why in (
        (("verify", "x", "--key", "y"), "y: there is no such file."),
        (("verify", "x", "--key", "x"), "x cannot be read: it is not text."),
        (("verify", "x", "--key", "."), ". cannot be read: Is a directory."),
    ):
        ran = run(*words, cwd=tmp_path)
        assert (ran.code, why in ran.err, "Errno" in ran.err) == (Exit.FAILED, True, False), ran.err
    for name, given in (("-", "no json\n"), ("x", "")):
        ran = run("audit", "verify", name, cwd=tmp_path, stdin=given)
        assert (ran.code, "✗ Row 1: it is not JSON" in ran.err) == (Exit.UNVERIFIED, True)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("[" * 100_000, "it is nested too deeply"),
        ('{"url": ' + "[" * 100_000, "it is nested too deeply"),
        ("{\n  nothing", "it is not JSON: line 2, column 3"),
        ('{"agent": ' + "9" * 5_000 + "}", "a number in it has too many digits"),
    ],
)
def test_a_request_that_is_not_json_is_explained(tmp_path: Path, given: str, why: str) -> None:
    (tmp_path / "gateway.yaml").write_text("rules: []\n")
    for words in (("preview", "-"), ("rules", "test", "-")):
        ran = run(*words, cwd=tmp_path, stdin=given)
        assert (ran.code, ran.out) == (Exit.FAILED, ""), ran.err
        assert why in ran.err
        assert "bug" not in ran.err
        assert "Expecting" not in ran.err


def test_a_list_of_keys_that_is_nested_too_deeply_is_no_bug(tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("[" * 100_000)
    ran = run("verify", "deep", "--key", "deep", cwd=tmp_path)
    assert (ran.code, ran.err.strip()) == (Exit.FAILED, "deep is not a JWKS.")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("demo", "--port", "x"), "it must be a whole number"),
        (("demo", "--tap", "maybe"), "'maybe' is not one of 'approve', 'decline'"),
        (("preview", "-", "--risk", "extreme"), "'extreme' is not one of"),
    ],
)
def test_a_wrong_value_on_the_command_line_is_explained_in_our_words(
    tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    ran = run(*words, cwd=tmp_path)
    assert (ran.code, why in " ".join(ran.err.split())) == (2, True), ran.err
    assert "Value error" not in ran.err
    assert "nput should" not in ran.err


def test_help_is_in_groups_and_the_version_is_an_option(tmp_path: Path) -> None:
    from approvals import __version__

    said = run("--help", cwd=tmp_path).out
    groups = (commands.RUN, commands.PEOPLE, commands.DECIDE, commands.EVIDENCE, commands.HOLD)
    places = [said.index(f"─ {group} ─") for group in groups]
    assert places == sorted(places)
    assert "─ Commands ─" not in said
    assert "--install-completion" in said
    assert run("--version", cwd=tmp_path).out.strip() == __version__
