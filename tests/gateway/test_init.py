"""`countersign gateway init`: from a few answers to a file that says what passes."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from approvals.app import keys
from approvals.app.exits import Exit, Stop
from approvals.app.host import clock, random
from approvals.cli.commands import app
from approvals.cli.gateway_init import HOSTED, MODELS, Answers, offered, text
from approvals.model import Risk
from approvals.packs import Verb
from approvals.proxy.rules import Outbound
from approvals.proxy.settings import Settings, read
from tests.harness.house import HANGS

PIN = "A" * 43
MESSAGES = b'{"model":"m","messages":[]}'
ENV = {"COUNTERSIGN_KEY": "csr_x", "AGENT_PASSWORD": "p" * 32}


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["gateway", "init", *map(str, words)])
    if isinstance(result.exception, Stop):
        return result.exception.code, str(result.exception)
    return result.exit_code, result.stdout


def settings(path: Path) -> Settings:
    made, faults = read(path, ENV)
    assert made is not None, [str(fault) for fault in faults]
    return made


def test_init_writes_a_policy_of_which_every_line_says_what_it_is_for(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    code, said = run(
        "--yes", "--thumbprint", PIN, "--agent", "billing-bot", "--pack", "github", "--pack",
        "stripe", "--registry", "npm.example.com", "--read", "wiki.example.com", "--observe",
        "-c", file,
    )  # fmt: skip
    assert code == 0, said
    assert all("#" in line for line in file.read_text().splitlines())
    made = settings(file)
    assert (made.mode, [*made.agents]) == ("observe", ["billing-bot"])
    assert f". {tmp_path / 'gateway.env'} && countersign gateway -c {file}" in said
    assert "requesters: {gateway: {key_file: " in said
    for name in ("gateway.env", "gateway.key", "gateway.yaml"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    shell = f'. {tmp_path / "gateway.env"}; printf \'%s|%s\' "$COUNTERSIGN_KEY" "$AGENT_PASSWORD"'
    out = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout
    key, _, password = out.partition("|")
    assert (key, len(password)) == ((tmp_path / "gateway.key").read_text().strip(), 32)
    assert re.fullmatch(r"csr_[\w-]{43}", key)


@pytest.mark.parametrize(
    ("method", "url", "body", "verb", "risk"),
    [
        ("POST", "https://api.anthropic.com/v1/messages", MESSAGES, "allow", None),
        ("GET", "https://npm.example.com/left-pad", b"", "allow", None),
        ("GET", "https://api.github.com/repos/a/b/pulls", b"", "allow", None),
        ("GET", "https://wiki.example.com/page", b"", "allow", None),
        ("POST", "https://wiki.example.com/page", b"x=1", "ask", None),
        ("GET", "https://other.example.com/", b"", "ask", None),
        ("DELETE", "https://other.example.com/x", b"", "ask", Risk.HIGH),
        ("DELETE", "https://wiki.example.com/x", b"", "ask", Risk.HIGH),
        ("DELETE", "https://api.github.com/repos/a/b", b"", "deny", None),
    ],
)  # fmt: skip
def test_init_a_first_hour_passes_what_is_routine_and_asks_the_rest(
    tmp_path: Path, method: str, url: str, body: bytes, verb: str, risk: Risk | None
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        text(
            Answers(
                url="http://127.0.0.1:8080", pin=PIN, packs=("github", "stripe"),
                registries=("npm.example.com",), reads=("wiki.example.com",),
            )
        )
    )  # fmt: skip
    headers = (("Host", url.split("/")[2]), ("Content-Type", "application/json"))
    said = settings(file).rules.decide(Outbound("agent", method, url, headers, body))
    assert (said.verb, said.risk) == (Verb(verb), risk), said.why


def test_init_with_every_pack_is_a_sound_file(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    answers = Answers(url="https://[::1]:8443", pin=f"-{PIN[1:]}", packs=tuple(offered()))
    file.write_text(text(answers))
    made = settings(file)
    assert made.service.receipt_key == answers.pin
    assert {rule.pack for rule in made.rules.rules} - {None} == {MODELS, *offered()}
    assert not HOSTED & {*offered()}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pack", "githab"], "no pack 'githab'"),
        (["--pack", "kubernetes"], "needs your hosts"),
        (["--registry", "https://npm.example.com/x"], "is not a host"),
        (["--read", "a b/"], "is not a host"),
        (["--url", "http://x/y"], "without a path"),
        (["--agent", "a b"], "A name has"),
        (["--keys", "nowhere"], "nowhere"),
        ([], "Give --keys"),
    ],
)
def test_init_says_what_is_wrong_and_writes_nothing(
    tmp_path: Path, words: list[str], said: str
) -> None:
    pin = [] if not words or "--keys" in words else ["--thumbprint", PIN]
    code, told = run("--yes", *pin, *words, "-c", tmp_path / "gateway.yaml")
    assert code != 0
    assert said in told
    assert list(tmp_path.iterdir()) == []


def test_init_never_writes_over_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("mine")
    (tmp_path / "gateway.key").write_text("csr_mine")
    code, said = run("--yes", "--thumbprint", PIN, "-c", file)
    assert (code, "is there already" in said) == (Exit.FAILED, True)
    assert file.read_text() == "mine"
    file.unlink()
    assert run("--yes", "--thumbprint", PIN, "-c", file)[0] == 0
    assert (tmp_path / "gateway.key").read_text() == "csr_mine"


class Terminal:
    """The command at a terminal, answered as a person would."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.screen, side = pty.openpty()
        command = [sys.executable, "-m", "approvals.cli", "gateway", "init", *words]
        root = str(Path(__file__).parents[2])
        env = {**os.environ, "PYTHONPATH": root, "COLUMNS": "200", "TERM": "dumb"}
        self.process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, cwd=folder, env=env
        )
        os.close(side)
        self.said = ""

    def until(self, words: str) -> None:
        while words not in self.said:
            try:
                piece = os.read(self.screen, 4096)
            except OSError:
                piece = b""
            assert piece, self.said
            self.said += piece.decode()

    def answer(self, question: str, said: str) -> None:
        self.until(question)
        self.said = ""
        os.write(self.screen, said.encode() + b"\n")

    def end(self) -> int:
        try:
            while piece := os.read(self.screen, 4096):
                self.said += piece.decode()
        except OSError:
            pass
        os.close(self.screen)
        return self.process.wait(HANGS)


async def test_init_at_a_terminal_asks_and_keeps_the_old_file_when_told_to(tmp_path: Path) -> None:
    def talk() -> None:
        keys.new(tmp_path / "keys", now=clock(), random=random)
        (tmp_path / "gateway.yaml").write_text("old")
        it = Terminal(tmp_path)
        it.answer("write another?", "y")
        it.answer("Where is the service?", "approve.example.com")
        it.answer("without a path", "https://approve.example.com")
        it.answer("thumbprint of its receipt key", "")
        it.answer("called there", "")
        it.answer("first agent's name", "bot")
        it.answer("Which of these", "github, stripe")
        it.answer("model providers", "n")
        it.answer("registries", "")
        it.answer("Other hosts", "")
        it.answer("watching only", "y")
        assert it.end() == 0, it.said
        assert ". ./gateway.env && countersign gateway" in it.said

    await asyncio.wait_for(asyncio.to_thread(talk), HANGS)
    made = settings(tmp_path / "gateway.yaml")
    pin = keys.load(tmp_path / "keys").receipt.thumbprint
    assert made.service.url == "https://approve.example.com"
    assert (made.service.receipt_key, made.mode, [*made.agents]) == (pin, "observe", ["bot"])
    packs = {rule.pack for rule in made.rules.rules} - {None}
    assert packs == {"github", "stripe"}
    assert (tmp_path / "gateway.yaml.old").read_text() == "old"


def test_git_takes_nothing_secret_of_it_along(tmp_path: Path) -> None:
    """R4: in a repository of its own, without the service's folder around it."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("node_modules")
    code, said = run("--yes", "--thumbprint", PIN, "-c", tmp_path / "gateway.yaml")
    assert code == 0, said
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "ca.pem").write_text("its own key")
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert listed.stdout.split() == [".gitignore", "gateway.yaml"]
    assert "node_modules" in (tmp_path / ".gitignore").read_text().splitlines()
