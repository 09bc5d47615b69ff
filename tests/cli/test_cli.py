"""The command line: what it prints, what it exits with, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import io
import json
import os
import pty
import re
import select
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web
from rich.console import Console

from approvals import __version__, buttons
from approvals.app import keys
from approvals.app.exits import Exit, Stop
from approvals.cli import remote
from approvals.cli.browser import Browser, Loopback
from approvals.evidence import sign_receipt
from approvals.model import Address, Ask, Case, Choice, Label
from tests.harness.house import HANGS
from tests.harness.installation import (
    BOT,
    GATE,
    SECRETS,
    Installation,
    Ran,
    ended,
    environment,
    install,
    listening,
    process,
    read_until,
    run,
)
from tools.ports import free_port


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A service that runs while this module's tests do."""
    place = install(tmp_path_factory.mktemp("service"))
    place.start()
    yield place
    if place.process:
        ran = place.stop()
        assert ran.code == 0, ran.err


@pytest.fixture(scope="module")
def dana(service: Installation) -> str:
    """dana's token: she decides by default, on money, and may read the chain."""
    return service.token("dana")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Installation]:
    """An installation of this test's own, not started."""
    place = install(tmp_path)
    yield place
    if place.process:
        place.process.kill()
        place.process.communicate()


# Words, codes and JSON


def test_version_in_text_and_json_and_as_a_process(tmp_path: Path) -> None:
    assert run("version", cwd=tmp_path).out.strip() == __version__
    assert run("version", "--json", cwd=tmp_path).json == {"version": __version__}
    ran = ended(process("version", cwd=tmp_path))
    assert (ran.code, ran.out.strip(), ran.err) == (0, __version__, "")


def test_help_names_every_command_and_every_exit_code(tmp_path: Path) -> None:
    said = run("--help", cwd=tmp_path).out
    named = "serve demo check doctor login-link list show approve decline verify audit keys"
    assert [
        word
        for word in [*named.split(), "outbox", "version"]
        if not re.search(rf"^│ {word} ", said, re.M)
    ] == []
    epilog = " ".join(said.split("Exit codes:")[1].split())
    assert [int(code) for code in re.findall(r"\b\d\b", epilog)] == [
        *(code.value for code in Exit if code < 2),
        2,
        *(code.value for code in Exit if code > 2),
    ]


@pytest.mark.parametrize("words", [["nonsense"], ["show"], ["list", "--limit", "many"], []])
def test_a_wrong_command_line_is_2(tmp_path: Path, words: list[str]) -> None:
    assert run(*words, cwd=tmp_path).code == 2


# check


def test_check_says_what_is_sound_and_which_channel_is_off(alone: Installation) -> None:
    path = alone.folder / "countersign.yaml"
    path.write_text(path.read_text() + 'channels: {slack: {bot_token: "${NO_SUCH_TOKEN}"}}\n')
    ran = alone.run("check")
    assert ran.code == 0, ran.err
    assert "✓ countersign.yaml is sound: 3 rules." in ran.out
    assert "slack is off" in ran.out
    assert "requester" not in ran.out
    assert alone.run("check", "--json").json == []


def test_check_says_which_requesters_key_a_scanner_would_not_know(alone: Installation) -> None:
    ran = run("check", cwd=alone.folder, BOT_KEY="0123456789abcdefghijklmn", GATE_KEY=GATE)
    assert ran.code == 0, ran.err
    hint, *_, sound = ran.out.splitlines()
    assert hint.startswith("· the key of the requester bot does not begin with csr_")
    assert sound.startswith("✓ ")


def test_check_explains_every_fault_with_its_line(alone: Installation) -> None:
    path = alone.folder / "countersign.yaml"
    path.write_text(path.read_text().replace("groups:", "grups:").replace("risk: low", "risk: no"))
    ran = alone.run("check")
    assert ran.code == Exit.CONFIG
    lines = {int(found) for found in re.findall(r"countersign\.yaml:(\d+):\d+: ", ran.err)}
    assert {10, 13} <= lines
    assert "do you mean `groups`?" in ran.err
    assert all(line.startswith("countersign.yaml:") for line in ran.err.splitlines()), "not folded"
    found = alone.run("check", "--json")
    assert found.code == Exit.CONFIG
    assert lines == {fault["line"] for fault in found.json}
    assert {"file", "line", "column", "message", "hint"} == set(found.json[0])


def test_check_of_no_file_says_so(tmp_path: Path) -> None:
    ran = run("check", "--config", "nowhere.yaml", cwd=tmp_path)
    assert ran.code == Exit.CONFIG
    assert ran.err.startswith("nowhere.yaml: No such file")


def test_law_23_no_fault_quotes_a_secret(alone: Installation) -> None:
    path = alone.folder / "countersign.yaml"
    path.write_text(path.read_text().replace("agents: [bot]", 'kee: "csr_very_secret_value"'))
    ran = alone.run("check")
    assert ran.code == Exit.CONFIG
    assert "csr_" not in ran.out + ran.err


# login-link


def test_a_login_link_works_in_the_running_service_and_once(service: Installation) -> None:
    found = service.run("login-link", "lee", "--json").json
    assert (found["person"], found["expires_in"]) == ("lee", 600)

    async def sign_in() -> str:
        async with Browser.opened() as browser:
            page = await browser.sign_in(found["link"])
            with pytest.raises(Stop, match="HTTP 410"):
                await browser.sign_in(found["link"])
            return page.text

    assert "Inbox" in asyncio.run(sign_in())


def test_a_login_link_for_nobody_is_refused(service: Installation) -> None:
    ran = service.run("login-link", "mallory")
    assert (ran.code, ran.out) == (Exit.FAILED, "")
    assert "Known: ada, dana, lee." in ran.err


# list, show


def test_list_tells_requests_apart(service: Installation, dana: str) -> None:
    made = service.ask(
        action="web.get", http={"method": "GET", "url": "https://api.example.com/things"}
    )
    ran = service.by(dana, "list")
    assert ran.code == 0, ran.err
    assert made["id"] in ran.out
    assert "GET api.example.com/things" in ran.out
    rows = service.by(dana, "list", "--json", "--limit", "1").json
    assert [row["id"] for row in rows["requests"]] == [made["id"]]
    assert rows["requests"][0]["title"] == "GET api.example.com/things"
    assert "asked" not in rows["requests"][0]
    assert service.by(dana, "list", "--agent", "nobody").out.strip() == "Nothing is waiting."


def test_list_goes_on_after_a_page(service: Installation, dana: str) -> None:
    made = [service.small()["id"] for _ in range(3)]
    first = service.by(dana, "list", "--limit", "2")
    (after,) = re.findall(r"--after (\S+)", first.out)
    assert after == made[1]
    rest = service.by(dana, "list", "--limit", "1", "--after", after, "--json").json
    assert [row["id"] for row in rest["requests"]] == made[:1]


def test_list_shows_decided_ones_when_asked(service: Installation, dana: str) -> None:
    made = service.small()
    service.by(dana, "decline", made["id"], "--digest", made["digest"])
    assert made["id"] not in service.by(dana, "list").out
    assert made["id"] in service.by(dana, "list", "--status", "all").out
    assert made["id"] in service.by(dana, "list", "--status", "declined").out
    ran = service.by(dana, "list", "--status", "maybe")
    assert ran.code == Exit.FAILED
    assert "status must be one of" in ran.err


HOSTILE: Final[dict[str, Any]] = {
    "action": "mail.send",
    "title": "Weekly rep\u202etxt.exe",
    "agent": {"id": "bot", "name": "[bold red]Approved[/bold red]\nApproved by: CFO"},
    "payload": {"body": "one\nStatus    approved\n\x1b[2J\x07", "tag": "[link=https://x]y[/link]"},
    "facts": [{"label": "[red]Risk", "value": "none\nApproved by: CFO"}],
    "note": "@channel\nDigest   sha-256:0000\n[blink]click[/blink]",
}


def test_law_12_show_prints_hostile_text_as_it_is(service: Installation, dana: str) -> None:
    made = service.ask(**HOSTILE)
    said = service.by(dana, "show", made["id"]).out
    assert "\u202e" not in said
    assert "\x1b" not in said
    assert "\\u{202e}" in said
    assert "[bold red]Approved[/bold red]⏎Approved by: CFO" in said
    assert "[red]Risk" in said
    assert "[blink]click[/blink]" in said
    for line in said.splitlines():
        assert not line.startswith(("Approved by", "@channel", "Digest   sha-256:0000"))
    status = [line.split() for line in said.splitlines() if line.startswith("Status")]
    assert status == [["Status", "pending"]]


def test_law_11_the_agents_words_stand_apart(service: Installation, dana: str) -> None:
    made = service.ask(**HOSTILE)
    said = service.by(dana, "show", made["id"]).out
    ours, _, theirs = said.partition("Agent’s note, unverified")
    assert "Weekly" not in ours
    assert "Weekly" in theirs
    assert ours.startswith("mail.send\n")


def test_show_prints_all_that_is_asked(service: Installation, dana: str) -> None:
    body = bytes(range(256)) * 3
    made = service.ask(
        key=GATE,
        action="files.put",
        title="Put a file",
        agent={"id": "any", "name": "Filer", "on_behalf_of": "lee"},
        http={
            "method": "PUT",
            "url": "https://files.example.com/a%40b?x=1&y=%E2%82%AC",
            "headers": {"content-type": "application/octet-stream", "x-more": ["one", "two"]},
            "body": base64.b64encode(body).decode(),
        },
        facts=[{"label": "Size", "value": "768 bytes"}],
    )
    said = service.by(dana, "show", made["id"]).out
    flat = re.sub(r"[\s│┊]+", "", said)
    for wanted in (
        *("Put a file", "Filer (any), for lee, asks through gate", made["id"], made["digest"]),
        *("PUT", "files.example.com/a%40b", "?x: 1", "?y: €", "x-more: one", "x-more: two"),
        *("Size", "768 bytes", f"localhost:{service.port}/requests/{made['id']}"),
    ):
        assert wanted.replace(" ", "") in flat
    shown = re.findall(r"^[│┊] [0-9a-f]{8} +((?:[0-9a-f]{2} +)+)", said, re.M)
    assert bytes.fromhex("".join(shown)) == body
    asked = service.by(dana, "show", made["id"], "--json").json["asked"]
    assert base64.b64decode(asked["http"]["body"]) == body
    assert ["x-more", "two"] in asked["http"]["headers"]
    assert asked["facts"] == [{"label": "Size", "value": "768 bytes"}]
    assert asked["requester"] == {"name": "gate", "kind": "gateway"}


def test_show_has_names_the_times_of_this_place_and_the_right_tense(
    service: Installation, dana: str
) -> None:
    made = service.small()
    said = service.by(dana, "show", made["id"]).out
    assert re.search(r"Expires +\d+ \w{3} \d{4} \d\d:\d\d \w+, \d+ min left", said), said
    assert "Exactly what will be done" in said
    service.by(dana, "decline", made["id"], "--digest", made["digest"])
    case = service.call("GET", f"/v1/requests/{made['id']}", key=dana)[1]
    console = Console(width=100, file=io.StringIO(), highlight=False)
    remote.sheet(console, {**case, "names": {"dana": "Dana Lee"}})
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert re.search(r"Vote +Dana Lee declined on cli, \d+ \w{3} \d{4} \d\d:\d\d", said), said
    assert "What would have been done" in said
    assert "will be" not in said


def test_show_says_that_a_body_was_not_received_whole(service: Installation, dana: str) -> None:
    http = {"method": "POST", "url": "https://a.example.com/", "body": "YWJj"}
    made = service.ask(action="x", http={**http, "body_complete": False})
    assert "The rest was never received" in service.by(dana, "show", made["id"]).out


def test_a_requester_is_shown_no_names_and_not_what_it_asked(service: Installation) -> None:
    made = service.small()
    status, shown = service.call("GET", f"/v1/requests/{made['id']}", key=BOT)
    assert status == 200
    assert {"asked", "title", "agent", "review"} & set(shown) == set()
    listed = service.call("GET", "/v1/requests", key=BOT)[1]["requests"]
    assert {"asked", "title", "agent", "review"} & set(listed[0]) == set()


@pytest.mark.parametrize("width", [20, 40, 80])
def test_show_and_list_fit_a_narrow_terminal(service: Installation, dana: str, width: int) -> None:
    made = service.ask(**HOSTILE)
    status, case = service.call("GET", f"/v1/requests/{made['id']}", key=dana)
    assert status == 200
    console = Console(width=width, file=io.StringIO(), highlight=False)
    remote.sheet(console, case)
    console.print(remote.table([case]))
    assert isinstance(console.file, io.StringIO)
    assert max(map(len, console.file.getvalue().splitlines())) <= max(width, 8)


def test_watch_says_what_comes_and_what_is_decided(service: Installation, dana: str) -> None:
    env = {"COUNTERSIGN_URL": service.url, "COUNTERSIGN_TOKEN": dana}
    started = process("watch", cwd=service.folder, PYTHONUNBUFFERED="1", **env)
    try:
        made = service.small("watch.this")
        said = read_until(started, made["id"]).splitlines()[-1]
        assert re.search(rf"^{made['id']}  pending  medium  watch.this  bot$", said), said
        ran = service.by(dana, "decline", made["id"], "--digest", made["digest"])
        assert ran.code == 0, ran.err
        said = read_until(started, "declined").splitlines()[-1]
        assert said.startswith(f"{made['id']}  declined  medium  watch.this  Declined by dana")
        started.send_signal(signal.SIGINT)
        assert ended(started).code == 0
    finally:
        started.kill()
        started.communicate()


def test_watch_goes_on_when_the_service_is_away_for_a_moment() -> None:
    answers: list[Any] = [
        {"requests": [{"id": "a"}], "next": None},
        Stop(Exit.UNREACHABLE, "away"),
        Stop(Exit.UNREACHABLE, "away"),
        {"requests": [{"id": "b"}, {"id": "a"}], "next": None},
        Stop(Exit.DENIED, "revoked"),
    ]

    class Service(remote.Remote):
        def get(self, path: str, **_: object) -> Any:
            answer = answers.pop(0)
            if isinstance(answer, Stop):
                raise answer
            return answer

    slept: list[float] = []
    news = remote.follow(
        Service({"COUNTERSIGN_TOKEN": "csp_" + "x" * 43}), None, sleep=slept.append
    )
    found = [next(news), next(news), next(news)]
    assert (found[0], str(found[1]), found[2]) == ({"id": "a"}, "away", {"id": "b"})
    with pytest.raises(Stop, match="revoked"):
        next(news)
    assert slept == [remote.EVERY] * 4


async def _liar(case: Mapping[str, Any]) -> AsyncIterator[str]:
    """A service that shows something else than it has the digest of."""

    async def show(request: web.Request) -> web.Response:
        return web.json_response(case)

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", show)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := free_port()).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("change", ["payload", "digest", "shape"])
async def test_what_does_not_have_its_digest_is_not_shown(
    service: Installation, dana: str, change: str
) -> None:
    made = await asyncio.to_thread(service.small)
    case = (await asyncio.to_thread(service.call, "GET", f"/v1/requests/{made['id']}", key=dana))[1]
    match change:
        case "payload":
            case["asked"]["payload"]["to"] = "mallory"
        case "digest":
            case["digest"] = "sha-256:" + "0" * 64
        case "shape":
            del case["asked"]["agent"]
    async for url in _liar(case):
        started = process(
            "show", made["id"], cwd=service.folder, COUNTERSIGN_URL=url, COUNTERSIGN_TOKEN=dana
        )
        ran = await asyncio.to_thread(ended, started)
    assert (ran.code, ran.out) == (Exit.UNVERIFIED, "")
    assert ran.err.startswith("✗ What the service shows")


# approve, decline


def test_approve_and_decline_by_personal_token(service: Installation, dana: str) -> None:
    made = service.small()
    ran = service.by(dana, "approve", made["id"], "--digest", made["digest"], "--json")
    assert ran.code == 0, ran.err
    assert ran.json["status"] == "approved"
    (vote,) = ran.json["votes"]
    assert (vote["person"], vote["channel"]) == ("dana", "cli")
    made = service.small()
    given = ("--digest", made["digest"], "--reason", "Not today.")
    ran = service.by(dana, "decline", made["id"], *given)
    assert ran.code == 0, ran.err
    assert re.search(r"Status +declined", ran.out)
    assert re.search(r"Reason +Not today\.", ran.out)
    assert service.call("GET", f"/v1/requests/{made['id']}")[1]["reason"] == "Not today."


def test_a_quorum_is_told_how_far_it_is(service: Installation, dana: str) -> None:
    made = service.small("two")
    ran = service.by(dana, "approve", made["id"], "--digest", made["digest"])
    assert ran.code == 0
    assert re.search(r"Status +pending", ran.out)
    assert "Needs two people from finance: you approved, one more." in ran.out
    again = service.by(dana, "approve", made["id"], "--digest", made["digest"])
    assert again.code == Exit.DENIED
    assert "You have approved this already." in again.err


def test_what_is_decided_on_must_be_named_where_nobody_can_be_asked(
    service: Installation, dana: str
) -> None:
    made = service.small()
    ran = service.by(dana, "approve", made["id"])
    assert ran.code == Exit.FAILED
    assert "--digest" in ran.err
    assert service.call("GET", f"/v1/requests/{made['id']}")[1]["status"] == "pending"


def test_another_digest_a_closed_case_and_no_case_are_refused(
    service: Installation, dana: str
) -> None:
    made = service.small()
    other = service.by(dana, "approve", made["id"], "--digest", "sha-256:" + "0" * 64)
    assert other.code == Exit.FAILED
    assert service.call("GET", f"/v1/requests/{made['id']}")[1]["status"] == "pending"
    assert service.by(dana, "decline", made["id"], "--digest", made["digest"]).code == 0
    late = service.by(dana, "approve", made["id"], "--digest", made["digest"])
    assert (late.code, late.err.strip()) == (Exit.FAILED, "Declined by dana")
    ran = service.by(dana, "show", "req_" + "0" * 26)
    assert ran.code == Exit.FAILED
    assert "no such request" in ran.err


def test_law_19_high_risk_is_not_approved_on_the_command_line(
    service: Installation, dana: str
) -> None:
    http = {"method": "POST", "url": "https://api.stripe.com/v1/payouts", "body": "YT0x"}
    made = service.ask(action="pay", http=http)
    ran = service.by(dana, "approve", made["id"], "--digest", made["digest"])
    assert ran.code == Exit.DENIED
    page = re.search(rf"http://(\w+\.localhost):{service.port}/requests/{made['id']}", ran.err)
    assert page
    assert f"echo '127.0.0.1 {page[1]}'" in ran.err, "I3: what helps Safari"
    body = {"choice": "approve", "digest": made["digest"]}
    status, problem = service.call("POST", f"/v1/requests/{made['id']}/decision", body, key=dana)
    assert (status, problem["type"]) == (403, "forbidden")
    assert service.by(dana, "decline", made["id"], "--digest", made["digest"]).code == 0


def test_law_05_a_requesters_key_decides_nothing(service: Installation) -> None:
    made = service.small()
    for word in ("approve", "decline"):
        ran = service.by(BOT, word, made["id"], "--digest", made["digest"])
        assert (ran.code, "This is a requester's key" in ran.err) == (Exit.DENIED, True)
        body = {"choice": word, "digest": made["digest"]}
        path = f"/v1/requests/{made['id']}/decision"
        status, problem = service.call("POST", path, body, key=BOT)
        assert (status, problem["detail"]) == (403, "A requester's key cannot decide, ever.")
    assert service.call("GET", f"/v1/requests/{made['id']}", key=GATE)[0] == 404
    assert service.call("GET", f"/v1/requests/{made['id']}")[1]["status"] == "pending"


def test_law_02_who_is_no_approver_is_refused(service: Installation) -> None:
    made = service.small()
    ada, lee = service.token("ada"), service.token("lee")
    ran = service.by(ada, "approve", made["id"], "--digest", made["digest"])
    assert (ran.code, ran.err.strip()) == (
        Exit.DENIED,
        "You are not an approver of this request.",
    )
    assert service.by(lee, "show", made["id"]).code == Exit.FAILED


def test_no_token_a_wrong_one_and_a_revoked_one_are_4(service: Installation) -> None:
    no_token = run("list", cwd=service.folder, COUNTERSIGN_URL=service.url)
    assert no_token.code == Exit.DENIED
    assert "COUNTERSIGN_TOKEN is not set" in no_token.err
    for wrong in ("csp_" + "A" * 63, "nonsense"):
        assert service.by(wrong, "list").code == Exit.DENIED
    assert service.by(service.token("lee") + "\n", "list").code == 0


def test_who_does_not_answer_is_5(service: Installation, dana: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    for url in (nobody, "nonsense", "http://"):
        env = {"COUNTERSIGN_URL": url, "COUNTERSIGN_TOKEN": dana}
        ran = run("list", cwd=service.folder, **env)
        assert ran.code == Exit.UNREACHABLE, ran.err
        asked = "Is `countersign serve` running there?"
        assert (asked if url == nobody else "is not the address of a service") in ran.err
        assert dana not in ran.err


def test_who_answers_something_else_is_5(service: Installation, dana: str) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<p>Hello")

        def log_message(self, *said: object) -> None:
            return None

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        answers = threading.Thread(target=server.handle_request)
        answers.start()
        env = {"COUNTERSIGN_URL": f"http://127.0.0.1:{server.server_port}"}
        ran = run("list", cwd=service.folder, COUNTERSIGN_TOKEN=dana, **env)
        answers.join()
    assert ran.code == Exit.UNREACHABLE
    assert "is not a Countersign service" in ran.err


def test_the_address_of_the_pages_is_good_too(service: Installation, dana: str) -> None:
    link = service.run("login-link", "dana").out.strip()
    env = {"COUNTERSIGN_URL": link.partition("/login/")[0], "COUNTERSIGN_TOKEN": dana}
    assert run("list", cwd=service.folder, **env).code == 0


async def test_other_names_are_looked_up_as_usual() -> None:
    found = await Loopback().resolve("127.0.0.1", 80)
    assert [one["host"] for one in found] == ["127.0.0.1"]


def test_at_a_terminal_json_stands_alone_on_stdout(service: Installation, dana: str) -> None:
    made = service.small()
    outer, inner = pty.openpty()
    started = subprocess.Popen(
        [sys.executable, "-m", "approvals.cli", "approve", made["id"], "--json"],
        cwd=service.folder,
        env=environment(COUNTERSIGN_URL=service.url, COUNTERSIGN_TOKEN=dana),
        stdin=inner,
        stdout=subprocess.PIPE,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    os.write(outer, b"y\n")  # it waits for us, or finds it there
    shown = b""
    with contextlib.suppress(OSError):  # Linux: EIO once the other end is closed
        while part := os.read(outer, 4096):
            shown += part
    printed, _ = started.communicate(timeout=HANGS)
    os.close(outer)
    assert started.returncode == 0
    assert b"Approve this?" in shown
    assert json.loads(printed)["status"] == "approved"


@pytest.mark.parametrize(("said", "code", "status"), [("n", 1, "pending"), ("y", 0, "approved")])
def test_at_a_terminal_it_shows_all_and_asks(
    service: Installation, dana: str, said: str, code: int, status: str
) -> None:
    made = service.small()
    outer, inner = pty.openpty()
    started = subprocess.Popen(
        [sys.executable, "-m", "approvals.cli", "approve", made["id"]],
        cwd=service.folder,
        env=environment(COUNTERSIGN_URL=service.url, COUNTERSIGN_TOKEN=dana),
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    shown = b""
    while b"Approve this?" not in shown:
        assert select.select([outer], [], [], 30)[0], shown
        shown += os.read(outer, 4096)
    os.write(outer, said.encode() + b"\n")
    with contextlib.suppress(OSError):  # Linux: EIO once the other end is closed
        while os.read(outer, 4096):
            pass
    assert started.wait(30) == code
    os.close(outer)
    assert b"to: bob" in shown
    assert made["digest"].encode() in shown
    assert service.call("GET", f"/v1/requests/{made['id']}")[1]["status"] == status


# verify


@pytest.fixture(scope="module")
def receipt(service: Installation, dana: str) -> str:
    """Of an approved request."""
    made = service.small()
    assert service.by(dana, "approve", made["id"], "--digest", made["digest"]).code == 0
    status, text = service.call("GET", f"/v1/requests/{made['id']}/receipt")
    assert status == 200
    return str(text)


@pytest.fixture(scope="module")
def jwks(service: Installation) -> Path:
    """The public keys, as a file."""
    path = service.folder / "jwks.json"
    path.write_text(service.run("keys", "public").out)
    return path


def test_law_22_a_genuine_receipt_verifies_offline(
    service: Installation, receipt: str, jwks: Path, tmp_path: Path
) -> None:
    (tmp_path / "receipt").write_text(receipt + "\n")
    ran = run("verify", "receipt", "--key", jwks, cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert "✓ The receipt is genuine." in ran.out
    assert f'"{service.url}"' in ran.out
    pin = json.loads(jwks.read_text())["keys"][0]["kid"]
    found = run("verify", "-", "--key", jwks, "--pin", pin, "--json", cwd=tmp_path, stdin=receipt)
    assert (found.code, found.json["verified"]) == (0, True)
    assert found.json["claims"]["choice"] == "approve"
    assert service.call("GET", "/.well-known/jwks.json")[1] == json.loads(jwks.read_text())


def test_law_22_an_expired_receipt_is_said_to_be_and_is_evidence(
    service: Installation, receipt: str, jwks: Path
) -> None:
    claims = json.loads(base64.urlsafe_b64decode(receipt.split(".")[1] + "=="))
    old = {**claims, "iat": claims["iat"] - 9_000, "exp": claims["exp"] - 9_000}
    signed = sign_receipt(keys.load(service.folder / "keys").receipt, old)
    ran = run("verify", "-", "--key", jwks, cwd=service.folder, stdin=signed)
    assert ran.code == 0
    assert "It has expired" in ran.out
    found = run("verify", "-", "--key", jwks, "--json", cwd=service.folder, stdin=signed)
    assert found.json["expired"] is True


def test_law_22_an_altered_receipt_or_another_key_does_not_verify(
    service: Installation, receipt: str, jwks: Path, tmp_path: Path
) -> None:
    head, payload, mac = receipt.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "choice": "approve "}).encode())
    for text in (f"{head}.{forged.decode().rstrip('=')}.{mac}", receipt[:-8], "nonsense", ""):
        ran = run("verify", "-", "--key", jwks, cwd=tmp_path, stdin=text)
        assert (ran.code, ran.out) == (Exit.UNVERIFIED, "")
        assert ran.err.startswith("✗ ")
    assert run("keys", "new", cwd=tmp_path).code == 0
    (tmp_path / "other.json").write_text(run("keys", "public", cwd=tmp_path).out)
    ran = run("verify", "-", "--key", "other.json", cwd=tmp_path, stdin=receipt)
    assert ran.code == Exit.UNVERIFIED
    ran = run("verify", "-", "--key", jwks, "--pin", "A" * 43, cwd=tmp_path, stdin=receipt)
    assert ran.code == Exit.UNVERIFIED


def test_files_that_cannot_be_read_are_1(tmp_path: Path, jwks: Path) -> None:
    assert run("verify", "nowhere", "--key", jwks, cwd=tmp_path).code == Exit.FAILED
    for text in ("[]", '{"keys": {}}', "nonsense", '{"keys": [{"kty": "RSA"}]}', '{"keys": [7]}'):
        (tmp_path / "bad.json").write_text(text)
        ran = run("verify", "-", "--key", "bad.json", cwd=tmp_path, stdin="x.y.z")
        assert ran.code in (Exit.FAILED, Exit.UNVERIFIED), (text, ran)
        assert "Traceback" not in ran.err


# audit


@pytest.fixture(scope="module")
def chain(service: Installation, receipt: str) -> list[str]:
    """The audit chain so far, once all that was asked before is in it."""
    made = [service.small()["id"] for _ in range(3)]
    deadline = time.monotonic() + HANGS
    while True:
        ran = service.run("audit", "export")
        assert ran.code == 0, ran.err
        if all(one in ran.out for one in made):
            return ran.out.splitlines()
        assert time.monotonic() < deadline


def verified(lines: list[str], cwd: Path, *words: str | Path) -> Ran:
    return run("audit", "verify", "-", *words, cwd=cwd, stdin="\n".join(lines))


def test_law_22_an_export_verifies_whole_and_as_the_installation(
    service: Installation, chain: list[str], tmp_path: Path
) -> None:
    ran = verified(chain, tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"✓ The chain is intact: {len(chain)} entries, head ")
    assert ran.out.count("\n") == 1, "piped, a line is a line"
    found = verified(chain, tmp_path, "--json").json
    assert (found["bad"], found["head"].partition(":")[0]) == (None, str(len(chain)))
    (tmp_path / "chain").write_text("\n".join(chain) + "\n")
    assert run("audit", "verify", "chain", cwd=tmp_path).code == 0
    own = service.run("audit", "verify", "--json")
    assert (own.code, own.json["bad"]) == (0, None)
    assert own.json["known"] > 0


def test_law_22_the_first_bad_row_is_named(chain: list[str], tmp_path: Path) -> None:
    altered = [*chain]
    row = json.loads(altered[2])
    altered[2] = json.dumps({**row, "content": '{"by":"dana"}'})
    swapped = [*chain[:3], chain[4], chain[3], *chain[5:]]
    missing = [*chain[:1], *chain[2:]]
    for lines, bad in ((altered, 3), (swapped, 4), (missing, 2)):
        ran = verified(lines, tmp_path)
        assert (ran.code, ran.out) == (Exit.UNVERIFIED, "")
        assert ran.err.startswith(f"✗ Row {bad}: ")
        found = verified(lines, tmp_path, "--json")
        assert (found.code, found.json["bad"]) == (Exit.UNVERIFIED, bad)


def test_law_22_a_cut_below_a_known_head_is_seen(
    service: Installation, chain: list[str], jwks: Path, tmp_path: Path
) -> None:
    head = verified(chain, tmp_path, "--json").json["head"]
    assert verified(chain, tmp_path, "--head", head).code == 0
    ran = verified(chain[:-1], tmp_path, "--head", head)
    assert ran.code == Exit.UNVERIFIED
    assert ran.err.startswith(f"✗ Row {len(chain)}: it is missing")
    (tmp_path / "point").write_text(_checkpoint(service, len(chain)))
    assert verified(chain, tmp_path, "--checkpoint", "point", "--key", jwks).code == 0
    cut = verified(chain[:2], tmp_path, "--checkpoint", "point", "--key", jwks)
    assert (cut.code, cut.err[:8]) == (Exit.UNVERIFIED, "✗ Row 3:")
    (tmp_path / "point").write_text("nonsense")
    bad = verified(chain, tmp_path, "--checkpoint", "point", "--key", jwks)
    assert bad.code == Exit.UNVERIFIED
    assert verified(chain, tmp_path, "--checkpoint", "point").code == Exit.FAILED
    assert verified(chain, tmp_path, "--head", "nonsense").code == Exit.FAILED


def _checkpoint(service: Installation, most: int) -> str:
    """A signed head of the service's, not above row `most`."""
    from approvals.evidence import read_checkpoint
    from approvals.store import Store

    async def read() -> str:
        store = await Store.connect(f"sqlite:///{service.folder}/countersign.db")
        try:
            signed = await store.checkpoints()
        finally:
            await store.close()
        trusted = [keys.load(service.folder / "keys").receipt.jwk()]
        return [one for one in signed if 3 < read_checkpoint(one, trusted).seq <= most][-1]

    return asyncio.run(read())


def test_law_22_a_signed_head_is_kept_elsewhere(
    service: Installation, chain: list[str], jwks: Path, tmp_path: Path
) -> None:
    point = service.run("audit", "checkpoint")
    assert point.code == 0, point.err
    (tmp_path / "point").write_text(point.out)
    known = ("--checkpoint", "point", "--key", jwks)
    later = service.run("audit", "export", "--json").out.splitlines()
    found = verified(later, tmp_path, *known, "--json").json
    assert found["bad"] is None
    assert 0 < found["known"] <= len(later)
    cut = verified(later[: found["known"] - 1], tmp_path, *known)
    assert cut.code == Exit.UNVERIFIED
    assert cut.err.startswith(f"✗ Row {found['known']}: it is missing")
    assert service.run("audit", "checkpoint", "--json").json["checkpoint"].count(".") == 2


def test_law_22_an_export_goes_on_where_it_ended_and_is_checked_from_there(
    service: Installation, chain: list[str], jwks: Path, tmp_path: Path
) -> None:
    rest = service.run("audit", "export", "--after", "5").out.splitlines()
    assert rest[: len(chain) - 5] == chain[5:]
    fifth = json.loads(chain[4])
    head = f"5:{fifth['link']}"
    ran = verified(rest, tmp_path, "--from", head)
    assert (ran.code, ran.err) == (0, "")
    assert f"intact: {len(rest)} entries" in ran.out
    assert verified(rest, tmp_path).err.startswith("✗ Row 1: ")
    assert verified(rest, tmp_path, "--from", "5:" + "0" * 64).err.startswith("✗ Row 6: ")
    assert verified(rest, tmp_path, "--from", "5:12").code == Exit.FAILED
    point = _checkpoint(service, len(chain))
    (tmp_path / "point").write_text(point)
    from approvals.evidence import read_checkpoint

    seq = read_checkpoint(point, json.loads(jwks.read_text())["keys"]).seq
    later = service.run("audit", "export", "--after", str(seq)).out.splitlines()
    known = ("--from", tmp_path / "point", "--key", jwks)
    assert verified(later, tmp_path, *known).code == 0
    assert verified(later, tmp_path, *known[:2]).code == Exit.FAILED
    ran = service.run("audit", "verify", *known)
    assert (ran.code, ran.err) == (0, "")


def test_law_22_an_export_is_compressed_and_checked_as_it_is(
    service: Installation, chain: list[str], tmp_path: Path
) -> None:
    words = [sys.executable, "-m", "approvals.cli", "audit", "export", "--gzip"]
    env = {**os.environ, **SECRETS}
    packed = subprocess.run(
        words, cwd=service.folder, env=env, capture_output=True, check=True
    ).stdout
    assert gzip.decompress(packed).decode().splitlines()[: len(chain)] == chain
    (tmp_path / "chain.gz").write_bytes(packed)
    ran = run("audit", "verify", "chain.gz", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    (tmp_path / "cut.gz").write_bytes(packed[:-200])
    ran = run("audit", "verify", "cut.gz", cwd=tmp_path)
    assert (ran.code, ran.out) == (Exit.UNVERIFIED, "")
    assert "cut off" in ran.err
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    (tmp_path / "bad.gz").write_bytes(damaged)
    assert run("audit", "verify", "bad.gz", cwd=tmp_path).code == Exit.UNVERIFIED


def test_law_22_a_read_only_copy_is_checked_without_the_installation(
    service: Installation, chain: list[str], jwks: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    with (
        contextlib.closing(sqlite3.connect(service.folder / "countersign.db")) as theirs,
        contextlib.closing(sqlite3.connect(folder / "copy.db")) as ours,
    ):
        theirs.backup(ours)
    (folder / "copy.db").chmod(0o400)
    folder.chmod(0o500)
    url = f"sqlite:///{folder}/copy.db"
    before = sorted(folder.iterdir())
    try:
        ran = run("audit", "verify", "--database", url, "--key", jwks, "--json", cwd=tmp_path)
        assert (ran.code, ran.err) == (0, "")
        assert ran.json["known"] > 0
        assert sorted(folder.iterdir()) == before, "nothing was written beside it"
    finally:
        folder.chmod(0o700)
        (folder / "copy.db").chmod(0o600)
    with contextlib.closing(sqlite3.connect(folder / "copy.db")) as ours:
        ours.execute("UPDATE audit SET kind = 'other' WHERE seq = 3")
        ours.commit()
    ran = run("audit", "verify", "--database", url, "--key", jwks, cwd=tmp_path)
    assert (ran.code, ran.err[:8]) == (Exit.UNVERIFIED, "✗ Row 3:")
    with contextlib.closing(sqlite3.connect(folder / "copy.db")) as ours:
        ours.execute("DELETE FROM audit WHERE seq > 2")
        ours.commit()
    ran = run("audit", "verify", "--database", url, "--key", jwks, cwd=tmp_path)
    assert (ran.code, ran.err[:8]) == (Exit.UNVERIFIED, "✗ Row 3:")
    assert "it is missing" in ran.err


def test_before_anything_is_sealed_there_is_no_head(alone: Installation) -> None:
    from approvals.store import Store

    async def migrate() -> None:
        await (await Store.connect(f"sqlite:///{alone.folder}/countersign.db")).close()

    asyncio.run(migrate())
    ran = alone.run("audit", "checkpoint")
    assert (ran.code, ran.out) == (Exit.FAILED, "")
    assert "There is none yet" in ran.err


def test_the_chain_over_http_is_the_auditors(
    service: Installation, chain: list[str], dana: str, tmp_path: Path
) -> None:
    status, text = service.call("GET", "/v1/audit", key=dana)
    assert (status, text.splitlines()[: len(chain)]) == (200, chain)
    assert service.call("GET", "/v1/audit", key=service.token("lee"))[0] == 403


# keys


def test_keys_new_is_private_and_never_overwrites(tmp_path: Path) -> None:
    made = run("keys", "new", "--json", cwd=tmp_path)
    assert made.code == 0
    folder = tmp_path / "keys"
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(modes) == 4
    assert (folder / ".gitignore").read_text() == "*\n"
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    for _ in range(2):
        again = run("keys", "new", cwd=tmp_path)
        assert again.code == Exit.CONFIG
        assert "there are keys already" in again.err
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert made.json["thumbprint"] == keys.load(folder).receipt.thumbprint


def test_law_23_no_command_prints_a_secret_key(tmp_path: Path) -> None:
    said = ""
    for words in (["new"], ["rotate"], ["rotate", "--json"], ["public"]):
        ran = run("keys", *words, cwd=tmp_path)
        said += ran.out + ran.err
    for path in (tmp_path / "keys").glob("*.key"):
        assert path.read_text() not in said
    assert "PRIVATE" not in said
    assert '"d"' not in said


def test_keys_rotate_in_two_steps_and_old_buttons_verify(tmp_path: Path) -> None:
    assert run("keys", "new", cwd=tmp_path).code == 0
    folder = tmp_path / "keys"
    first = keys.load(folder).ring

    asked = Ask("rule", (("default", 1),))
    case = Case("req", "default", 1, "sha-256:" + "0" * 64, "bot", "bot", asked, 0, 1)

    def mint(ring: buttons.KeyRing) -> tuple[buttons.Stored, str]:
        where = Address("slack", "C1")
        return buttons.mint(
            ring, os.urandom(16), card_id="card", case=case, label=Label.APPROVE, address=where
        )

    old = mint(first)
    added = run("keys", "rotate", "--json", cwd=tmp_path).json
    assert added["active"] == first.active
    assert added["waiting"] in added["keys"]
    ring = keys.load(folder).ring
    assert buttons.genuine(ring, *old)
    assert mint(ring)[0].binding.kid == first.active
    signs = run("keys", "rotate", "--json", cwd=tmp_path).json
    assert (signs["active"], signs["waiting"]) == (added["waiting"], None)
    ring = keys.load(folder).ring
    new = mint(ring)
    assert new[0].binding.kid == signs["active"]
    assert buttons.genuine(ring, *old)
    assert buttons.genuine(ring, *new)
    refused = run("keys", "rotate", "--revoke", signs["active"], cwd=tmp_path)
    assert refused.code == Exit.CONFIG
    ran = run("keys", "rotate", "--revoke", first.active, cwd=tmp_path)
    assert ran.code == 0
    assert not (folder / f"button-{first.active}.key").exists()
    ring = keys.load(folder).ring
    assert not buttons.genuine(ring, *old)
    assert buttons.genuine(ring, *new)
    assert run("keys", "rotate", "--revoke", first.active, cwd=tmp_path).code == Exit.CONFIG


def test_keys_rotate_while_serving(alone: Installation) -> None:
    alone.start()
    before, token = alone.run("keys", "rotate", "--json").json, alone.token("dana")
    old = before["active"]
    after = alone.run("keys", "rotate", "--json").json
    assert after["active"] == before["waiting"] != old
    deadline = time.monotonic() + HANGS
    newer = ""
    while not newer:  # until the service knows the key by which the link is signed
        assert time.monotonic() < deadline
        with contextlib.suppress(Stop):
            newer = alone.token("dana")
    assert alone.by(token, "list").code == 0
    assert alone.run("keys", "rotate", "--revoke", old).code == 0
    deadline += HANGS
    while alone.by(token, "list").code != Exit.DENIED:
        assert time.monotonic() < deadline
    again = alone.token("dana")
    assert alone.by(again, "list").code == 0
    assert newer != again
    ran = alone.stop()
    assert (ran.code, "error" in ran.err) == (0, False)


@pytest.mark.parametrize("harm", ["mode", "gone", "ring", "empty", "receipt", "no folder"])
def test_a_key_folder_with_a_fault_is_3_in_words(alone: Installation, harm: str) -> None:
    folder = alone.folder / "keys"
    button = next(folder.glob("button-*.key"))
    match harm:
        case "mode":
            button.chmod(0o644)
        case "gone":
            button.unlink()
        case "ring":
            (folder / "ring.json").write_text("nonsense")
        case "empty":
            (folder / "ring.json").write_text("{}")
        case "receipt":
            (folder / "receipt.pem").write_text("nonsense")
        case _:
            folder.rename(alone.folder / "elsewhere")
    for words in (["keys", "rotate"], ["serve"], ["login-link", "dana"]):
        ran = alone.run(*words)
        assert (ran.code, ran.out) == (Exit.CONFIG, ""), ran.err
        assert ran.err.startswith("keys"), ran.err
    assert not listening(alone.port)


# serve


def test_serve_of_a_broken_configuration_lists_every_fault(alone: Installation) -> None:
    path = alone.folder / "countersign.yaml"
    path.write_text(path.read_text().replace("groups:", "grups:").replace("risk: low", "risk: no"))
    ran = ended(process("serve", cwd=alone.folder, **SECRETS))
    assert (ran.code, ran.out) == (Exit.CONFIG, "")
    lines = {int(found) for found in re.findall(r"countersign\.yaml:(\d+):", ran.err)}
    assert {10, 13} <= lines
    unset = ended(process("serve", cwd=alone.folder))
    assert unset.code == Exit.CONFIG
    assert "BOT_KEY" in unset.err


def test_serve_on_a_busy_port_is_3(service: Installation, alone: Installation) -> None:
    path = alone.folder / "countersign.yaml"
    path.write_text(path.read_text().replace(str(alone.port), str(service.port)))
    ran = ended(process("serve", cwd=alone.folder, **SECRETS))
    assert (ran.code, ran.out) == (Exit.CONFIG, "")
    assert f"Cannot listen on 127.0.0.1:{service.port}: Address already in use" in ran.err


@pytest.mark.parametrize(
    "url", ["postgresql://nobody:hush@127.0.0.1:1/none", "sqlite:////no/such/folder/x.db"]
)
def test_serve_without_its_database_is_5(tmp_path: Path, url: str) -> None:
    place = install(tmp_path, url)
    ran = ended(process("serve", cwd=place.folder, **SECRETS))
    assert (ran.code, ran.out) == (Exit.UNREACHABLE, "")
    why = "PostgreSQL at 127.0.0.1:1 does not answer: connection refused."
    assert ("There is no folder /no/such/folder." if "sqlite" in url else why) in ran.err
    assert ran.err.count("\n") == 1
    assert "hush" not in ran.err


def test_serve_no_migrate_refuses_a_database_that_is_not_ready(alone: Installation) -> None:
    ran = ended(process("serve", "--no-migrate", cwd=alone.folder, **SECRETS))
    assert ran.code == Exit.CONFIG
    assert "There is no database yet" in ran.err
    (alone.folder / "countersign.db").touch()
    ran = ended(process("serve", "--no-migrate", cwd=alone.folder, **SECRETS))
    assert ran.code == Exit.CONFIG
    assert "no Countersign tables yet. Start the service once, without --no-migrate" in ran.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_at_once_and_leaves_nothing(alone: Installation, number: int) -> None:
    """With a gateway that waits for a verdict and a page that waits for news."""
    alone.start()
    token = alone.token("dana")
    made = alone.small()
    link = alone.run("login-link", "dana").out.strip()

    async def waiting_while_it_ends() -> None:
        headers = {"Authorization": f"Bearer {BOT}"}
        async with Browser.opened() as browser, aiohttp.ClientSession(headers=headers) as http:
            await browser.sign_in(link)
            page = await browser.http.get(f"{browser.origin}/inbox/events")
            url = f"{alone.url}/v1/requests/{made['id']}?wait=60"
            waits = asyncio.ensure_future(http.get(url))
            async with asyncio.timeout(HANGS):
                while not await counted(http, "countersign_waiting"):
                    await asyncio.sleep(0)
            assert alone.process is not None
            alone.process.send_signal(number)
            async with asyncio.timeout(45):  # it asked to wait for 60 seconds
                answer = await waits
            assert (await answer.json())["status"] == "pending"
            assert (await page.content.read()).startswith(b"retry")

    async def counted(http: aiohttp.ClientSession, name: str) -> float:
        async with http.get(f"{alone.url}/metrics") as answer:
            return float(re.findall(rf"^{name}\S* (\S+)$", await answer.text(), re.M)[0])

    asyncio.run(waiting_while_it_ends())
    ran = alone.stop(0)
    assert ran.code == 0, ran.err
    assert "Traceback" not in ran.err
    assert not listening(alone.port)
    assert token not in ran.err
    alone.start()
    assert alone.by(token, "show", made["id"]).code == 0
    alone.stop()


# demo


def demo(tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    (tmp_path / "tmp").mkdir(exist_ok=True)
    return process("demo", *words, cwd=tmp_path, TMPDIR=str(tmp_path / "tmp"))


def nothing_left(tmp_path: Path) -> bool:
    return list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(("tap", "verdict"), [("approve", "approved"), ("decline", "declined")])
def test_the_demo_without_a_person_verifies_everything(
    tmp_path: Path, tap: str, verdict: str
) -> None:
    ran = ended(demo(tmp_path, "--tap", tap, "--port", "0"))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count(f"● {verdict}  ") == 3
    assert ran.out.count("✓ verified: the pinned key signed this verdict") == 3
    assert ran.out.count(f"  receipt   {tap}, of http://127.0.0.1:") == 3
    assert ran.out.count("Not today.") == (3 if tap == "decline" else 0)
    arrived = "the upstream saw the real key; the agent got 20"
    assert ran.out.count(arrived) == (3 if tap == "approve" else 0)
    nothing = "nothing reached the upstream; the agent got 403"
    assert ran.out.count(nothing) == (3 if tap == "decline" else 0)
    assert re.search(r"✓ verified: the audit chain of \d+ entries", ran.out)
    assert nothing_left(tmp_path)


def test_the_demo_with_a_person_goes_on_until_it_is_ended(tmp_path: Path) -> None:
    started = demo(tmp_path, "--port", "0")
    (link,) = re.findall(r"http://\S+/login/\S+", read_until(started, "hostile words"))

    async def decide() -> None:
        async with Browser.opened() as browser:
            inbox = await browser.sign_in(link)
            for found in dict.fromkeys(re.findall(r"req_\w{26}", inbox.html)):
                page = await browser.get(f"/requests/{found}")
                digest = re.findall(r"sha-256:\w{64}", page.text)[0]
                choice = Choice.DECLINE if "everyone@" in page.text else Choice.APPROVE
                await browser.decide(found, choice, digest, "No.")
            said = await asyncio.to_thread(read_until, started, "Ctrl-C ends it")
            assert said.count("✓ verified: ") == 4
            assert said.count("approved  ") == 2
            assert "reason    No." in said
            assert "Approved" in (await browser.get("/inbox?tab=decided")).text

    asyncio.run(decide())
    port = int(re.findall(r"localhost:(\d+)", link)[0])
    started.send_signal(signal.SIGINT)
    ran = ended(started)
    assert (ran.code, ran.err) == (0, "")
    assert nothing_left(tmp_path)
    assert not listening(port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_demo_ended_early_leaves_nothing(tmp_path: Path, number: int) -> None:
    started = demo(tmp_path, "--port", "0")
    read_until(started, "/login/")
    started.send_signal(number)
    ran = ended(started)
    assert (ran.code, ran.err) == (0, "")
    assert nothing_left(tmp_path)


def test_the_demo_takes_the_next_port_where_one_is_busy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        ran = ended(demo(tmp_path, "--tap", "decline", "--port", str(port)))
    assert ran.code == 0, ran.err
    (said,) = re.findall(rf"Port {port} is busy, so the inbox listens on (\d+)\.", ran.out)
    assert int(said) > port


@pytest.mark.parametrize(
    "words", [("login-link", "dana"), ("audit", "export"), ("audit", "verify")]
)
def test_no_command_but_serve_and_demo_changes_tables(
    alone: Installation, words: tuple[str, ...]
) -> None:
    ran = run(*words, cwd=alone.folder, **SECRETS)
    assert ran.code == 3
    assert "Start the service once: `countersign serve`" in ran.err
    assert not (alone.folder / "countersign.db").exists()
