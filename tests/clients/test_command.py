"""`countersign-client ask` and `pin` as a script or a pipeline runs them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.commands import Agents
from tests.harness.house import HANGS
from tests.harness.installation import Ran, ended
from tools.ports import free_port

PLAN = "+ aws_instance.web\n- aws_db.main\n"


def ask(agents: Agents, *words: str | Path, **env: str) -> Ran:
    """A command that ends by itself."""
    return ended(agents.start("ask", "--action", "deploy", *words, **env))


def decided(agents: Agents, choice: str, *words: str | Path, reason: str | None = None) -> Ran:
    started = agents.start("ask", "--action", "deploy", *words)
    agents.decide(choice, reason)
    return ended(started)


def test_an_approval_of_these_bytes_is_exit_code_0(agents: Agents) -> None:
    (agents.home / "plan.txt").write_text(PLAN)
    started = agents.start("ask", "--action", "deploy", "--file", "plan.txt", "--note", "Friday")
    request = agents.pending()
    shown = json.dumps(agents.shown(request))
    assert json.dumps(PLAN)[1:-1] in shown
    agents.decide()
    ran = ended(started)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.splitlines()[-1] == f"✓ Approved: {request}"


def test_a_decline_is_3_with_its_reason_on_stderr(agents: Agents) -> None:
    ran = decided(agents, "decline", reason="Not on a Friday\u202e.")
    assert ran.code == 3
    assert ran.err.splitlines()[-1] == "✗ Declined: Not on a Friday\\u{202e}."


def test_nobody_in_time_is_4(agents: Agents) -> None:
    assert ask(agents, "--expires-in", "1s").code == 4


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"COUNTERSIGN_URL": "http://127.0.0.1:1"}, "cannot be reached"),
        ({"COUNTERSIGN_URL": "http://approve.example.com"}, "in plain text"),
        ({"COUNTERSIGN_KEY": "csr_wrong"}, "COUNTERSIGN_KEY is not a key"),
        ({"COUNTERSIGN_KEY": ""}, "Not set: COUNTERSIGN_KEY"),
        ({"COUNTERSIGN_RECEIPT_KEY": "short"}, "no thumbprint"),
        ({"COUNTERSIGN_AGENT": "another"}, "The service refused"),
    ],
)
def test_what_cannot_be_asked_is_5_in_words(agents: Agents, env: dict[str, str], says: str) -> None:
    ran = ask(agents, "--patience", "0", **env)
    assert ran.code == 5
    assert says in ran.err
    assert "Traceback" not in ran.err


def test_law_01_another_pinned_key_is_5(agents: Agents) -> None:
    started = agents.start("ask", "--action", "deploy", COUNTERSIGN_RECEIPT_KEY="A" * 43)
    agents.decide()
    ran = ended(started)
    assert ran.code == 5
    assert "does not have the receipt key that is pinned here" in ran.err


def test_law_01_a_file_that_changes_while_it_waits_is_5(agents: Agents) -> None:
    plan = agents.home / "plan.txt"
    plan.write_text(PLAN)
    started = agents.start("ask", "--action", "deploy", "--file", plan)
    agents.pending()
    plan.write_text(PLAN + "- aws_s3.backups\n")
    agents.decide()
    ran = ended(started)
    assert ran.code == 5
    assert "What would run now is not what was approved." in ran.err


def test_law_01_an_approval_is_used_once_across_processes(agents: Agents) -> None:
    assert decided(agents, "approve", "--key", "release-7").code == 0
    again = ask(agents, "--key", "release-7")
    assert again.code == 5
    assert "was used before" in again.err


def test_a_stopped_pipeline_withdraws_and_a_killed_one_goes_on(agents: Agents) -> None:
    killed = agents.start("ask", "--action", "deploy", "--key", "build-1")
    request = agents.pending()
    killed.send_signal(signal.SIGKILL)
    ended(killed)
    again = agents.start("ask", "--action", "deploy", "--key", "build-1")
    assert request in read_until_waiting(again)
    again.send_signal(signal.SIGTERM)
    ran = ended(again)
    assert ran.code == 143
    assert "The request is withdrawn." in ran.err
    assert agents.shown(request)["status"] == "withdrawn"


def read_until_waiting(started: subprocess.Popen[str]) -> str:
    assert started.stderr is not None
    return started.stderr.readline()


def test_files_that_cannot_be_shown_are_asked_about_by_digest_only_if_told(agents: Agents) -> None:
    (agents.home / "app.bin").write_bytes(b"\xff\x00")
    ran = ask(agents, "--file", "app.bin")
    assert ran.code == 5
    assert "--by-digest" in ran.err
    (agents.home / "long.txt").write_text("x" * (256 * 1024 + 1))
    assert "too many to be shown" in ask(agents, "--file", "long.txt").err
    assert "cannot be read: No such file" in ask(agents, "--file", "none.txt").err
    words = ("--file", "app.bin", "--file", "long.txt", "--by-digest")
    started = agents.start("ask", "--action", "deploy", *words)
    files = agents.shown(agents.pending())["asked"]["payload"]["files"]  # type: ignore[index] # of JSON
    assert [one["bytes"] for one in files] == [2, 256 * 1024 + 1]
    agents.decide()
    assert ended(started).code == 0


@pytest.mark.parametrize("text", ["{", '{"a":1,"a":2}', "[1e400]", "[" * 70, '"\\ud800"'])
def test_junk_as_a_payload_is_5_before_anything_is_sent(agents: Agents, text: str) -> None:
    ran = ask(agents, "--payload", text, COUNTERSIGN_URL="http://127.0.0.1:1")
    assert ran.code == 5
    assert "--payload is not JSON" in ran.err


def test_a_payload_comes_from_stdin_and_a_megabyte_is_refused(agents: Agents) -> None:
    started = agents.start("ask", "--action", "deploy", "--payload", "-", stdin='{"commit":"4f"}')
    agents.decide()
    assert ended(started).code == 0
    large = json.dumps("x" * (1024 * 1024 + 1))
    ran = ended(agents.start("ask", "--action", "deploy", "--payload", "-", stdin=large))
    assert ran.code == 5
    assert "Ask about less at a time" in ran.err


def test_pin_wants_the_thumbprint_and_writes_what_only_this_user_reads(agents: Agents) -> None:
    bare = {f"COUNTERSIGN_{name}": "" for name in ("URL", "RECEIPT_KEY", "REQUESTER", "ISSUER")}
    first = ended(agents.start("pin", "--url", agents.place.url, **bare))
    assert first.code == 5, first.err
    assert f"It publishes {agents.pin}" in first.err, first.err
    assert "countersign doctor" in first.err
    # A thumbprint may begin with a hyphen.
    other = "-" + "B" * 42
    wrong = ended(agents.start("pin", "--url", agents.place.url, "--receipt-key", other, **bare))
    assert (wrong.code, "does not have that key" in wrong.err) == (5, True), wrong.err
    path = agents.home / ".config/countersign-client/service.json"
    assert not path.exists()
    words = ("pin", "--url", agents.place.url, "--receipt-key", agents.pin)
    ran = ended(agents.start(*words, **bare))
    assert ran.code == 0, ran.err
    assert json.loads(path.read_text())["requester"] == "bot"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    # From now on nothing else is needed.
    started = agents.start("ask", "--action", "deploy", COUNTERSIGN_KEY="", **bare)
    agents.decide()
    ran = ended(started)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"{", "Expecting"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"// a comment\n{}", "Expecting"),
        (b'{"url": "https://a.example", "url": "https://b.example"}', "a key twice"),
        (b"[" * 100_000, "nested deeper"),
        ('{"requester": "bö"}'.encode("latin-1"), "can't decode"),
    ],
)
def test_a_file_of_settings_that_cannot_be_read_in_one_way_says_why(
    agents: Agents, text: bytes, why: str
) -> None:
    (agents.home / "service.json").write_bytes(text)
    ran = ask(agents, COUNTERSIGN_CLIENT_FILE=str(agents.home / "service.json"))
    assert ran.code == 5
    assert "service.json cannot be read" in ran.err
    assert why in ran.err


def test_a_file_that_cannot_be_written_says_so(agents: Agents) -> None:
    (agents.home / "gone").symlink_to(agents.home / "nowhere")
    where = str(agents.home / "gone/service.json")
    words = ("pin", "--url", agents.place.url, "--receipt-key", agents.pin)
    ran = ended(agents.start(*words, COUNTERSIGN_CLIENT_FILE=where))
    assert ran.code == 5
    assert "service.json cannot be written: File exists" in ran.err


HOMELESS = """
import sys
from pathlib import Path

def homeless():
    raise RuntimeError("Could not determine home directory.")

Path.home = homeless
from countersign_client.command import main
main()
"""


@pytest.mark.parametrize(
    "words",
    ["ask --action deploy", "observed", "connect status", "connect claude-code", "mcp-proxy -- x"],
)
def test_a_user_without_a_home_reads_what_to_set(agents: Agents, words: str) -> None:
    env = agents.env(COUNTERSIGN_STATE="", XDG_STATE_HOME="")
    ran = subprocess.run(
        [sys.executable, "-c", HOMELESS, *words.split()],
        env=env, cwd=agents.home, capture_output=True, text=True, timeout=HANGS, check=False,
    )  # fmt: skip
    assert ran.returncode == 5
    assert "Set HOME" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("closed", "words", "code"),
    [
        ("<&-", "ask --action deploy --payload -", 5),
        ("<&-", "mcp-proxy -- cat", 0),
        (">&-", "observed", 0),
        ("2>&-", "connect status", 0),
        ("2>&-", "hook --client codex", 2),
        ("<&-", "hook --client codex", 2),
    ],
)
def test_a_stream_that_is_closed_breaks_nothing_off(
    agents: Agents, closed: str, words: str, code: int
) -> None:
    (agents.home / "state").mkdir()
    event = {"door": "ask", "action": "deploy", "would": "ask"}
    (agents.home / "state/observed.jsonl").write_text(json.dumps(event) + "\n")
    ran = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "countersign_client",
         *words.split()],
        env=agents.env(), cwd=agents.home, capture_output=True, text=True, timeout=HANGS,
        input="{", check=False,
    )  # fmt: skip
    assert ran.returncode == code
    assert "Traceback" not in ran.stderr


def test_what_was_observed_is_printed_in_any_locale(agents: Agents) -> None:
    (agents.home / "state").mkdir()
    event = {"door": "ask", "action": "bücher.kaufen", "would": "ask"}
    (agents.home / "state/observed.jsonl").write_text(json.dumps(event) + "\n")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = ended(agents.start("observed", **plain))
    assert ran.code == 0
    assert "b\\xfccher.kaufen" in ran.out


def test_pin_with_nobody_there_says_so(agents: Agents) -> None:
    ran = ended(agents.start("pin", "--url", f"http://127.0.0.1:{free_port()}"))
    assert ran.code == 5
    assert "cannot be reached" in ran.err
