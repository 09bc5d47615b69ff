"""`countersign init`: from an empty folder to an installation that starts and is asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from approvals.app import keys
from approvals.app.exits import Exit, Stop
from approvals.cli import commands, first
from approvals.cli.browser import Browser
from approvals.model import Choice
from tests.harness.installation import Ran, ended, process, read_until, run
from tools.ports import free_port

TOKEN = "123456:ABC-DEF"


def talked(folder: Path, *answers: str, words: tuple[str, ...] = (), **env: str) -> Ran:
    """The conversation, with these answers."""
    lines = "".join(f"{answer}\n" for answer in answers)
    return run("init", "--port", str(free_port()), *words, cwd=folder, stdin=lines, **env)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_a_conversation_makes_an_installation_that_is_sound(tmp_path: Path) -> None:
    ran = talked(tmp_path, "dana", "dana@example.com", "web", "n")
    assert ran.code == 0, ran.err
    assert "countersign.yaml is sound" in ran.out
    assert "\n  countersign serve\n  countersign login-link dana\n" in ran.out
    made = yaml.safe_load((tmp_path / "countersign.yaml").read_text())
    assert made["people"] == {"dana": {"email": "dana@example.com"}}
    assert made["groups"] == {"default": ["dana"]}
    assert {*modes(tmp_path)} == {"countersign.yaml", "keys", "bot.key", ".gitignore"}
    assert modes(tmp_path)["bot.key"] == modes(tmp_path)["countersign.yaml"] == 0o600
    assert (tmp_path / "bot.key").read_text().startswith("csr_")
    assert (tmp_path / "bot.key").read_text().strip() not in ran.out + ran.err
    assert run("check", cwd=tmp_path).code == 0


def test_wrong_answers_are_asked_again(tmp_path: Path) -> None:
    ran = talked(
        tmp_path,
        *("../dana", "dana", "not a mailbox", "", "pigeon", "email", "telegram"),
        *("no token", TOKEN, "n"),
    )
    assert ran.code == 0, ran.err
    for why in (
        "A name has up to 64",
        "not an e-mail address",
        "There is no channel 'pigeon'",
        "email needs an https address of your own",
        "This does not look like one",
    ):
        assert why in ran.err
    assert TOKEN not in ran.out + ran.err + (tmp_path / "countersign.yaml").read_text()
    assert (tmp_path / "telegram.key").read_text().strip() == TOKEN
    assert modes(tmp_path)["telegram.key"] == 0o600
    assert "countersign link dana telegram" in ran.out
    found = yaml.safe_load((tmp_path / "countersign.yaml").read_text())
    assert found["channels"] == {"telegram": {"mode": "polling", "bot_token_file": "telegram.key"}}
    assert found["people"] == {"dana": {}}


@pytest.mark.parametrize("channel", first.CHANNELS)
def test_without_a_token_the_channel_waits_for_its_variable(tmp_path: Path, channel: str) -> None:
    ran = run("init", "--yes", "--name", "dana", "--channel", channel, cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert f"{channel} is off" in ran.out
    section = yaml.safe_load((tmp_path / "countersign.yaml").read_text())["channels"][channel]
    assert section["mode"] in ("polling", "socket", "gateway", "sync")
    variables = [one.variable for one in first.CHANNELS[channel].wanted if one.variable]
    assert [f"${{{name}}}" in section.values() for name in variables] == [True] * len(variables)


def test_nothing_is_written_over_and_what_a_broken_run_left_is_used(tmp_path: Path) -> None:
    assert run("init", "--yes", "--name", "dana", cwd=tmp_path).code == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = run("init", "--yes", "--name", "lee", cwd=tmp_path)
    assert (again.code, again.out) == (Exit.CONFIG, "")
    assert "is there already, and nothing was changed" in again.err
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    (tmp_path / "countersign.yaml").unlink()
    (tmp_path / ".gitignore").write_text("mine")  # an editor may leave out the last line end
    ran = run("init", "--yes", "--name", "lee", "--json", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert (ran.json["created"], ran.json["kept"]) == (["countersign.yaml"], ["keys", "bot.key"])
    assert ran.json["next"][:2] == ["countersign serve", "countersign login-link lee"]
    ignored = (tmp_path / ".gitignore").read_text().splitlines()
    assert ignored[0] == "mine"
    assert {"keys/", "*.key", "*.db"} < set(ignored)
    for path in (tmp_path / "keys").iterdir():
        assert path.read_bytes() == before[path]


def test_git_takes_nothing_of_it_along(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    home = tmp_path / "deep" / "home"
    ran = run("init", "--yes", "--name", "dana", "-c", "deep/home/mine.yaml", cwd=tmp_path)
    assert ran.code == 0, ran.err
    (home / "countersign.db").touch()
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.split() == ["deep/home/.gitignore", "deep/home/mine.yaml"]
    assert "cd deep/home && countersign serve -c mine.yaml" in ran.out
    assert "cd deep/home && countersign login-link dana -c mine.yaml" in ran.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--name", "a/b"], "A name has up to 64"),
        (["--name", "dana", "--email", "dana"], "not an e-mail address"),
        (["--name", "dana", "--channel", "whatsapp"], "countersign setup whatsapp"),
        (["--name", "dana", "--channel", "telegam"], "Known: web, telegram"),
    ],
)
def test_wrong_options_change_nothing(tmp_path: Path, words: list[str], why: str) -> None:
    ran = run("init", "--yes", *words, cwd=tmp_path)
    assert (ran.code, why in ran.err) == (Exit.FAILED, True), ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["no", "true", "123", "null", "Ana Lee", "1.5", "a@b"])
def test_names_that_yaml_reads_otherwise_stay_names(tmp_path: Path, name: str) -> None:
    ran = run("init", "--yes", "--name", name, cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert ran.out.count("is sound") == 1
    link = run("login-link", name, cwd=tmp_path)
    assert "There is no database yet" in link.err  # and not: nobody of that name


def test_a_port_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        ran = run("init", "--yes", "--name", "a", "--port", str(port), "--json", cwd=tmp_path)
    assert int(ran.json["url"].rpartition(":")[2]) > port
    assert (
        f"listen: {ran.json['url'].removeprefix('http://')}"
        in (tmp_path / "countersign.yaml").read_text()
    )


def test_keys_that_others_may_read_stop_it_before_the_configuration(tmp_path: Path) -> None:
    assert run("keys", "new", cwd=tmp_path).code == 0
    (tmp_path / "keys" / keys.RECEIPT).chmod(0o644)
    ran = run("init", "--yes", "--name", "dana", cwd=tmp_path)
    assert (ran.code, "chmod 600" in ran.err) == (Exit.CONFIG, True)
    assert not (tmp_path / "countersign.yaml").exists()
    (tmp_path / "keys" / keys.RECEIPT).chmod(0o600)
    (tmp_path / "bot.key").write_text("short")
    ran = run("init", "--yes", "--name", "dana", cwd=tmp_path)
    assert (ran.code, "bot.key does not hold a requester" in ran.err) == (Exit.CONFIG, True)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = run("init", "--yes", "--name", "dana", "-c", "file/countersign.yaml", cwd=tmp_path)
    assert ran.code == Exit.FAILED
    assert ran.err.count("\n") == 1
    with pytest.raises(Stop, match="is not a folder"):
        first.wish(tmp_path / "file" / "countersign.yaml")


def test_a_conversation_that_is_broken_off_writes_nothing(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        ended = CliRunner().invoke(commands.app, ["init"], input="dana\n")
    assert ended.exit_code == 1
    assert "Your mailbox" in ended.output
    assert list(tmp_path.iterdir()) == []


def test_the_first_request_is_asked_and_decided(tmp_path: Path) -> None:
    """From an empty folder, as a process of its own, to a verdict."""
    port = free_port()
    words = ("--yes", "--name", "dana", "--port", str(port), "--start")
    started = process("init", *words, cwd=tmp_path)
    try:
        said = read_until(started, r"http://\w+\.localhost")
        (link,) = re.findall(r"http://\S+/login/\S+", said)
        assert "A first request waits for you" in said
        asyncio.run(_approve(link))
        assert "Your first request was approved" in read_until(started, "Your first request")
        started.send_signal(signal.SIGINT)
        ran = ended(started)
        assert ran.code == 0, ran.err
        assert "Traceback" not in ran.err
    finally:
        started.kill()
        started.communicate()


async def _approve(link: str) -> None:
    async with Browser.opened() as browser:
        await browser.sign_in(link)
        (asked,) = set(re.findall(r"req_\w{26}", (await browser.get("/inbox")).html))
        page = await browser.get(f"/requests/{asked}")
        assert "Nothing will be done" in page.text
        (digest,) = set(re.findall(r"sha-256:\w{64}", page.text))
        await browser.decide(asked, Choice.APPROVE, digest, None)


def test_what_it_says_to_run_runs(tmp_path: Path) -> None:
    """The command that asks is a request that our API takes."""
    ran = run("init", "--yes", "--name", "dana", "--json", cwd=tmp_path)
    asked = ran.json["next"][2]
    body = json.loads(re.findall(r"-d '(.*)'$", asked)[0])
    assert body["action"] == "countersign.hello"
    assert '"Authorization: Bearer $(cat bot.key)"' in asked
