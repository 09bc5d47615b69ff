"""A channel that an installed package brings: known by its name, off unless configured, and drawn,
checked and set up like one of ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.harness.house import HANGS
from tests.harness.repository import ROOT

CONFIG: Final = """
server: {listen: 127.0.0.1:0}
database: {url: sqlite:///countersign.db}
keys: {dir: keys}
requesters:
  bot: {key: "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", kind: agent}
people:
  dana: {%s}
groups: {default: [dana]}
"""
ROOM: Final = "acme: ddddddddddddddddddddddddd1"
SECTION: Final = """
channels:
  acme: {url: "https://chat.example.com", token: "tttttttttttttttttttttttttt", secret: "%s",
         events_url: "https://approve.example.com/channels/acme/events"}
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Mattermost's folder and template under another name, as a package on a path of its own."""
    site = tmp_path / "site"
    folder = site / "acme_chat"
    folder.mkdir(parents=True)
    for one in (ROOT / "adapters/mattermost").glob("*.py"):
        text = one.read_text().replace("adapters.mattermost", "acme_chat")
        (folder / one.name).write_text(re.sub(r"\bmattermost\b", "acme", text))
    template = ROOT / "card_templates/mattermost.json.j2"
    (folder / "acme.json.j2").write_text(template.read_text())
    told = site / "acme_chat-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-chat\nVersion: 1.0\n")
    points = "[countersign.channels]\nacme = acme_chat:Mattermost\nslack = acme_chat:Mattermost\n"
    (told / "entry_points.txt").write_text(points)
    return site


def ran(package: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=package.parent,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{package}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS,
    )


def test_it_is_checked_and_set_up_by_its_name(package: Path) -> None:
    (package.parent / "countersign.yaml").write_text(CONFIG % ROOM + SECTION % ("s" * 40))
    done = ran(package, "-m", "approvals.cli", "check", "--file-only")
    assert done.returncode == 0, done.stdout + done.stderr
    done = ran(
        package, "-m", "approvals.cli", "preview", str(asked(package)), "-c", "countersign.yaml"
    )
    assert (done.returncode, "acme" in done.stdout) == (0, True), done.stdout + done.stderr
    done = ran(package, "-m", "approvals.cli", "setup", "acme", "--url", "https://x.example")
    assert (done.returncode, "https://x.example/channels/acme/events" in done.stdout) == (0, True)


def test_its_settings_are_checked_as_ours_are(package: Path) -> None:
    (package.parent / "countersign.yaml").write_text(CONFIG % ROOM + SECTION % "short")
    done = ran(package, "-m", "approvals.cli", "check", "--file-only")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "`secret`: secret has 32 characters at least" in done.stderr


def test_nothing_of_it_is_imported_unless_it_is_configured(package: Path) -> None:
    (package / "acme_chat/__init__.py").write_text("raise SystemExit('imported')")
    (package.parent / "countersign.yaml").write_text(CONFIG % "email: dana@example.com")
    done = ran(package, "-m", "approvals.cli", "check", "--file-only")
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_cannot_take_the_name_of_one_of_ours(package: Path) -> None:
    script = (
        "import adapters; print(adapters.find('slack').adapter().__module__, *adapters.installed())"
    )
    assert ran(package, "-c", script).stdout.split() == ["adapters.slack.adapter", "acme"]


def asked(package: Path) -> Path:
    path = package.parent / "request.json"
    path.write_text('{"action": "pay", "title": "Pay Bob", "payload": {"to": "bob"}}')
    return path
