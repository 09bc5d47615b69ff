"""The documentation is true: what is drawn is current, shown runs, and linked is there."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from typer.main import get_command

from approvals.app.exits import Exit
from approvals.cli.browser import Browser
from approvals.cli.commands import app
from approvals.model import Choice
from approvals.web.app import SLUGS
from tests.harness.house import HANGS
from tests.harness.installation import (
    BOT,
    Installation,
    ended,
    environment,
    install,
    listening,
)
from tools import audit, bad_input, channels, laws, logs, packs, paths, rule_keys, site, transitions
from tools.ports import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, heading: str = "") -> list[str]:
    """The shell blocks of a page, or of one part of it."""
    text = page.read_text()
    if heading:
        text = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


DRAWN: Final = [audit, bad_input, channels, laws, logs, packs, paths, rule_keys, transitions]


@pytest.mark.parametrize("tool", DRAWN)
def test_what_is_drawn_from_the_code_is_current(tool: ModuleType) -> None:
    assert tool.PAGE.read_text() == tool.text(), "run `make docs`"


def test_every_line_of_the_log_has_a_name_that_is_explained() -> None:
    programs, nameless = logs.logged()
    assert nameless == []
    assert {name for events in programs.values() for name in events} == set(logs.EVENTS)
    alerts = re.findall(r"^### (\w+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    named = {alert for _, cure in logs.EVENTS.values() for alert in re.findall(r"Counter\w+", cure)}
    assert named - set(alerts) == set()


def test_every_law_of_this_version_has_its_tests() -> None:
    held = laws.held()
    assert {number for number in laws.LAWS if number not in held} == set(laws.LATER)
    assert set(held) <= set(laws.LAWS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_linked_is_there(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text)
    local = [link for pair in links for link in pair if link and "://" not in link]
    gone = [link for link in local if not (page.parent / link.partition("#")[0]).exists()]
    assert gone == []


def test_the_commands_page_names_every_command_and_option() -> None:
    text = (ROOT / "docs/cli.md").read_text()
    table = text.split("|---|---|\n", 1)[1].split("\n\n")[0]
    shown = {
        re.sub(r" [A-Z\[].*", "", name): set(re.findall(r"--[a-z-]+", does))
        for name, does in re.findall(r"^\| `([^`]+)` \| (.*) \|$", table, re.MULTILINE)
    }
    assert shown == dict(_commands(get_command(app), ""))


def _commands(command: object, name: str) -> Iterator[tuple[str, set[str]]]:
    inner = getattr(command, "commands", {})
    if not inner or (getattr(command, "invoke_without_command", False) and name):
        options = {o for param in command.params for o in param.opts if o.startswith("--")}  # type: ignore[attr-defined] # click's
        yield name, options - {"--json", "--help"}
    for word, one in inner.items():
        yield from _commands(one, f"{name} {word}".strip())


def test_the_exit_codes_are_those_of_the_code() -> None:
    text = (ROOT / "docs/cli.md").read_text().split("## Exit codes")[1]
    listed = {int(code) for code in re.findall(r"^\| (\d) \|", text, re.MULTILINE)}
    assert listed == {*map(int, Exit), 2}


def test_the_types_of_problems_are_those_of_the_code() -> None:
    raised = set(SLUGS.values())
    for path in (ROOT / "approvals/web").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem":
                found = [part for part in ast.walk(node.args[1]) if isinstance(part, ast.Constant)]
                raised |= {(str(part.value)) for part in found if part.value}
    text = (ROOT / "docs/api.md").read_text()
    listed = set(re.findall(r"`([a-z_]+)`", text.split("| status | `type` | when |")[1]))
    assert listed - {"type"} == raised - {"internal_error"} | {"closed"}


def shell(script: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run it as a reader would, with `countersign` on the path."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    command = tools / "countersign"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m approvals.cli "$@"\n')
    command.chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment(PATH=path, **env),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Installation]:
    """A service of this test's own."""
    place = install(tmp_path)
    place.start()
    yield place
    ran = place.stop()
    assert ran.code == 0, ran.err


def test_the_examples_of_the_api_run_as_they_stand(service: Installation) -> None:
    assert shutil.which("curl"), "the tests need curl"
    parts = blocks(ROOT / "docs/api.md")
    script = "\necho; echo @@@\n".join(parts)
    ran = shell(script, service.folder, URL=service.url, KEY=BOT, TOKEN=service.token("dana"))
    assert ran.returncode == 0, ran.stderr
    said = [part.strip() for part in ran.stdout.split("@@@\n")]
    assert len(said) == len(parts)
    assert said[:2] == ["", ""]
    one, many = _values(said[2])
    assert (one["status"], [row["id"] for row in many["requests"]]) == ("pending", [one["id"]])
    revised, withdrawn = _values(said[3])
    assert (revised["revision"], withdrawn["status"]) == (2, "withdrawn")
    (decided,) = _values(said[4])
    assert (decided["id"], decided["status"]) == (one["id"], "approved")
    receipt, rest = said[5].split("{", 1)
    assert receipt.count(".") == 2
    keys, reported = _values("{" + rest)
    assert (len(keys["keys"]), reported["outcome"]["delivered"]) == (1, True)
    assert all(set(json.loads(line)) >= {"seq", "link"} for line in said[6].splitlines())
    shown = (ROOT / "docs/api.md").read_text().split("```json\n")[1].split("```")[0]
    assert list(json.loads(shown)) == [key for key in one if key != "asked"]


def _values(text: str) -> list[dict[str, Any]]:
    """Several JSON values, one after the other."""
    decoder, found = json.JSONDecoder(), []
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


def checkout(folder: Path) -> dict[str, str]:
    """A folder like a checkout after `make install`: `make` is a stand-in, and the command is
    nowhere but in its `.venv/bin`. The environment of a shell in it."""
    installed, tools = folder / ".venv/bin", folder.parent / "tools"
    for place, name, script in (
        (installed, "countersign", f'exec {shlex.quote(sys.executable)} -m approvals.cli "$@"'),
        (tools, "make", 'test "$*" = install && test -f README.md'),
    ):
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(f"#!/bin/sh\n{script}\n")
        (place / name).chmod(0o755)
    (folder / "README.md").touch()
    own = str(Path(sys.executable).parent)
    path = [one for one in os.environ["PATH"].split(os.pathsep) if one != own]
    return environment(PATH=os.pathsep.join([str(tools), *path]))


def pasted(script: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What a reader sees who pastes it into a shell there."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@contextmanager
def serving(home: Path, port: int) -> Iterator[None]:
    """`countersign serve` in another terminal, from when it listens; it ends well."""
    served = subprocess.Popen(
        [sys.executable, "-m", "approvals.cli", "serve"],
        cwd=home,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + HANGS
        while not listening(port):
            assert time.monotonic() < deadline
            assert served.poll() is None, served.communicate()
        yield
    finally:
        served.terminate()
        assert ended(served).code == 0


def test_the_readme_can_be_followed(tmp_path: Path) -> None:
    port, root = free_port(), tmp_path / "countersign"
    setup, sign_in, ask = (
        block.replace("8080", str(port)) for block in blocks(ROOT / "README.md", "Use it for real")
    )
    home, env = root / "countersign-home", checkout(root)
    assert pasted("command -v countersign", root, env).returncode != 0
    assert setup.rstrip().endswith("\ncountersign serve")
    assert "\ncountersign init " in setup
    setup = re.sub(r"(\ncountersign init .*)", rf"\1 --port {port}", setup)
    ran = pasted(setup.replace("\ncountersign serve\n", "\n"), root, env)
    assert ran.returncode == 0, ran.stderr
    assert "is sound" in ran.stdout
    with serving(home, port):
        link = pasted(sign_in, home, env).stdout.strip()
        person = threading.Thread(target=asyncio.run, args=[_approve_what_comes(link)])
        person.start()
        # The same terminal, in which the line before has put the command into the PATH.
        ran = pasted(sign_in.splitlines()[0] + "\n" + ask, home, env)
        person.join()
        assert ran.returncode == 0, ran.stderr
        assert '"status": "approved"' in ran.stdout
        assert "✓ The receipt is genuine." in ran.stdout


def test_the_card_of_a_payout_at_stripe_says_what_the_page_promises(tmp_path: Path) -> None:
    (script,) = blocks(ROOT / "docs/agents/README.md", "Stripe")
    ran = shell(script, tmp_path)
    assert ran.returncode == 0, ran.stderr
    for said in ("12,400.00 EUR", "ba_1MtIhL2eZvKYlo2CAElKwKu2", "high"):
        assert said in ran.stdout


def test_the_tutorial_can_be_followed(tmp_path: Path) -> None:
    """Every command of it, in its order; the service runs between the third block and the last."""
    port, root = free_port(), tmp_path / "countersign"
    found = [block.replace("8080", str(port)) for block in blocks(ROOT / "docs/tutorial.md")]
    setup, rule, preview, start, sign_in, ask, audit = found
    home, env = root / "countersign-home", checkout(root)
    setup = re.sub(r"(\ncountersign init .*)", rf"\1 --port {port}", setup)
    path = sign_in.splitlines()[0] + "\n"
    for script, folder, said in (
        (setup, root, "is sound"),
        (path + rule, home, "is sound: 1 rule"),
        (path + preview, home, "Pay 12,400.00 EUR to ACME GmbH"),
    ):
        ran = pasted(script, folder, env)
        assert (ran.returncode, said in ran.stdout) == (0, True), ran.stdout + ran.stderr
    assert start.strip() == "countersign serve"
    with serving(home, port):
        link = pasted(sign_in, home, env).stdout.strip()
        person = threading.Thread(target=asyncio.run, args=[_approve_what_comes(link)])
        person.start()
        ran = pasted(path + ask, home, env)
        person.join()
        assert (ran.returncode, "genuine" in ran.stdout) == (0, True), ran.stdout + ran.stderr
        assert '"status": "approved"' in (home / "decided.json").read_text()
        ran = pasted(path + audit, home, env)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_pages_make_a_site_without_a_warning(tmp_path: Path) -> None:
    """Links to other pages and to places in them; what is no page of the site is its text alone."""
    site.build(tmp_path / "site")
    made = {
        path.relative_to(tmp_path / "site/site")
        for path in (tmp_path / "site/site").rglob("*.html")
    }
    pages = {path.relative_to(site.DOCS) for path in site.DOCS.rglob("*.md")}
    assert len(made) >= len(pages)
    assert "](../" not in site.on_the_site(site.DOCS / "laws.md")


async def _approve_what_comes(link: str) -> None:
    async with Browser.opened() as browser, asyncio.timeout(HANGS):
        await browser.sign_in(link)
        news = await browser.http.get(f"{browser.origin}/inbox/events")
        await news.content.readline()
        page = await browser.get("/inbox")
        while not (found := re.findall(r"req_\w{26}", page.html)):
            await news.content.readuntil(b"data: ")
            page = await browser.get("/inbox")
        news.close()
        whole = await browser.get(f"/requests/{found[0]}")
        digest = re.findall(r"sha-256:\w{64}", whole.text)[0]
        await browser.decide(found[0], Choice.APPROVE, digest, None)
