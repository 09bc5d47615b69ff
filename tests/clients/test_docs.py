"""The pages of the doors are true: what they show runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from countersign_client.command import _parser
from countersign_client.gateways import GATEWAYS

from tests.clients.commands import Agents
from tests.clients.pages import PAGES, ROOT, blocks, observing, shell
from tests.harness.installation import PAUSE, environment


@contextmanager
def deciding(agents: Agents, choice: str = "approve") -> Iterator[list[Mapping[str, Any]]]:
    """Dana decides whatever comes, until the block ends; what it was."""
    seen, over = list[Mapping[str, Any]](), threading.Event()

    def decide() -> None:
        while not over.wait(PAUSE):
            _, page = agents.place.call("GET", "/v1/requests?status=pending")
            if page["requests"]:
                seen.append(agents.shown(agents.decide(choice, "Because.")))

    thread = threading.Thread(target=decide)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("at", range(4))
def test_the_python_that_is_shown_runs(agents: Agents, at: int) -> None:
    (agents.home / "shown.py").write_text(blocks("python.md", "python")[at])
    assert len(blocks("python.md", "python")) == 5
    said = ["approved: deploy now", "paying 1240000 to ACME GmbH", "approved: send it", "migrated"]
    with deciding(agents) as seen:
        ran = shell(agents, f"{shlex.quote(sys.executable)} shown.py")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == said[at]
    assert len(seen) == 1


def test_the_python_that_is_shown_runs_nothing_when_declined(agents: Agents) -> None:
    for at, said in enumerate(["not approved: declined Because.", "not paid: Because.", "", ""]):
        (agents.home / "shown.py").write_text(blocks("python.md", "python")[at])
        with deciding(agents, "decline"):
            # Its key was approved by the test above, in this very service: here it is another.
            script = f"sed -i s/migration-42/migration-43/ shown.py; {sys.executable} shown.py"
            ran = shell(agents, script)
        assert (ran.returncode, ran.stdout.strip()) == (0, said), ran.stderr


def test_what_is_shown_of_observing_runs_without_a_service(agents: Agents) -> None:
    away = {f"COUNTERSIGN_{name}": "" for name in ("URL", "KEY", "RECEIPT_KEY", "REQUESTER")}
    (agents.home / "plan.txt").write_text("+ web\n")
    (agents.home / "deploy.sh").write_text("#!/bin/sh\necho deployed $1\n")
    (agents.home / "deploy.sh").chmod(0o755)
    (agents.home / "shown.py").write_text(observing("python.md", "python"))
    script = f"{shlex.quote(sys.executable)} shown.py"
    for one, said in (
        (observing("README.md"), ["deployed", "1 would ask deploy (ask)"]),
        (observing("command.md"), ["deployed plan.txt"] * 2 + ["3 would ask deploy (ask)"]),
        (script, ["deploy now; observed: True approved: False"]),
    ):
        ran = shell(agents, one, **away)
        assert ran.returncode == 0, ran.stderr
        assert [" ".join(line.split()) for line in ran.stdout.splitlines()] == said
        assert "NOTHING IS HELD" in ran.stderr


@pytest.mark.parametrize("page", ["mcp.md", *(f"{name}.md" for name in GATEWAYS)])
def test_what_is_shown_of_observing_is_what_the_command_takes(page: str) -> None:
    """Each of these is run with its flags by its own tests."""
    lines = observing(page).splitlines()
    assert lines.pop() == "countersign-client observed"
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "countersign-client"
        assert _parser().parse_args(words).observe is True


def test_the_commands_that_are_shown_run(agents: Agents) -> None:
    first, second, _, hook = blocks("command.md", "sh")
    (agents.home / "plan.txt").write_text("+ web\n")
    deploy = agents.home / "deploy.sh"
    deploy.write_text("#!/bin/sh\necho deployed $1\n")
    deploy.chmod(0o755)
    with deciding(agents, "decline"):
        declined = shell(agents, first)
    assert (declined.returncode, declined.stdout) == (3, "")
    git = (
        "git init -q -b main && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x\n"
    )
    with deciding(agents) as seen:
        ran = shell(agents, f"{first}{git}{second}")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "deployed plan.txt\n"
    assert [one["asked"]["action"] for one in seen] == ["deploy", "scale", "release"]
    pushed = agents.home / ".git/hooks/pre-push"
    pushed.write_text(hook)
    pushed.chmod(0o755)
    push = "git init -q --bare ../there-$$ && git push -q ../there-$$ main"
    with deciding(agents, "decline"):
        assert shell(agents, push).returncode != 0
    with deciding(agents) as seen:
        assert shell(agents, push).returncode == 0
    assert [one["asked"]["action"] for one in seen] == ["git.push.main"]
    make = re.findall(r"In a Makefile: `(.*)`", (PAGES / "command.md").read_text())[0]
    (agents.home / "Makefile").write_text(make + "\n")
    with deciding(agents):
        assert "deployed plan.txt" in shell(agents, "make deploy").stdout


def test_the_way_to_pin_and_to_connect_runs(agents: Agents) -> None:
    pin = blocks("README.md", "sh")[0]
    bare = {f"COUNTERSIGN_{name}": "" for name in ("URL", "RECEIPT_KEY", "REQUESTER", "ISSUER")}
    script = "".join((pin, *blocks("claude-code.md", "sh")))
    ran = shell(agents, script, URL=agents.place.url, THUMBPRINT=agents.pin, **bare)
    assert ran.returncode == 0, ran.stderr
    for said in ("✓ Pinned in", "✓ Claude Code asks before Bash|Edit", "✓ claude-code", "asks no"):
        assert said in ran.stderr
    assert (agents.home / ".claude/settings.json").read_text() == "{}\n"
    assert [one.name for one in (agents.home / ".claude").iterdir()] == ["settings.json"]


def steps(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def test_the_github_action_asks_about_its_inputs_and_takes_none_for_code(agents: Agents) -> None:
    action = steps("clients/github/action.yml")
    _, wait = action["runs"]["steps"]
    assert "${{" not in wait["run"]
    evil = "x'; touch evil; echo $(touch evil) `touch evil`"
    given = {"action": "deploy", "file": "plan.txt\nnotes.txt\n", "title": evil, "note": evil,
             "url": agents.place.url, "key": agents.env()["COUNTERSIGN_KEY"], "risk": "medium",
             "receipt-key": agents.pin, "requester": "bot", "issuer": agents.place.url}  # fmt: skip
    inputs = {name: str(one.get("default", "")) for name, one in action["inputs"].items()} | given
    env = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], value)
        for name, value in wait["env"].items()
    }
    (agents.home / "plan.txt").write_text("+ web\n")
    (agents.home / "notes.txt").write_text("Release 7\n")
    shell(agents, "mkdir -p countersign/bin && cp tools/* countersign/bin")
    for choice, code in (("decline", 3), ("approve", 0)):
        with deciding(agents, choice) as seen:
            ran = shell(agents, wait["run"], RUNNER_TEMP=str(agents.home), **env)
        assert ran.returncode == code, ran.stderr
        (asked,) = [one["asked"] for one in seen]
        assert asked["note"] == evil
        assert [one["name"] for one in asked["payload"]["files"]] == ["plan.txt", "notes.txt"]
    assert not (agents.home / "evil").exists()
    shown = steps_of_the_page("uses: OWNER")
    assert set(shown[0]["with"]) <= set(action["inputs"])
    wanted = {name for name, one in action["inputs"].items() if one.get("required")}
    assert wanted <= set(shown[0]["with"])


def steps_of_the_page(wanted: str) -> Any:
    (text,) = [block for block in blocks("command.md", "yaml") if wanted in block]
    return yaml.safe_load(text)


def test_the_gitlab_template_waits_for_a_verdict(agents: Agents) -> None:
    job = steps("clients/gitlab/approval.yml")[".countersign"]
    shown = steps_of_the_page("extends: .countersign")["approve"]["variables"]
    env = {**job["variables"], **shown}
    assert set(shown) <= set(job["variables"])
    (agents.home / "plan.txt").write_text("+ web\n")
    shell(agents, "mkdir -p .countersign/bin && cp tools/* .countersign/bin")
    _, wait = job["script"]
    for choice, code in (("decline", 3), ("approve", 0)):
        with deciding(agents, choice) as seen:
            ran = shell(agents, wait, **env)
        assert ran.returncode == code, ran.stderr
        assert [one["asked"]["payload"]["file"]["name"] for one in seen] == ["plan.txt"]


def test_the_wheel_stands_alone(tmp_path: Path) -> None:
    """It is built, installed without anything else, and its command and types are in it."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT / "clients/python", check=True, capture_output=True, env=environment(),
    )  # fmt: skip
    (wheel,) = tmp_path.glob("countersign_client-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"countersign_client"}
    assert "countersign_client/py.typed" in names
    target = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index",
         "--disable-pip-version-check", "--target", target, wheel],
        check=True, capture_output=True,
    )  # fmt: skip
    ran = subprocess.run(
        [target / "bin/countersign-client", "ask", "--help"], capture_output=True, text=True,
        check=True, env=environment(PYTHONPATH=str(target)),
    )  # fmt: skip
    assert "--by-digest" in ran.stdout
