"""The pages of the doors."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.clients.commands import Agents

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = ROOT / "docs/agents"


def blocks(page: str, language: str) -> list[str]:
    text = (PAGES / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def shell(agents: Agents, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """As a reader would run it, with the command on the path and the service in variables."""
    tools = agents.home / "tools"
    tools.mkdir(exist_ok=True)
    command = tools / "countersign-client"
    python = shlex.quote(sys.executable)
    command.write_text(f'#!/bin/sh\nexec {python} -P -m countersign_client "$@"\n')
    command.chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=agents.home, timeout=180, text=True,
        capture_output=True, check=False, stdin=subprocess.DEVNULL,
        env=agents.env(PATH=path, **env),
    )  # fmt: skip


def observing(page: str, language: str = "sh") -> str:
    """What a page shows under "Observe first"."""
    text = (PAGES / page).read_text().split("\n## Observe first\n")[1].split("\n## ")[0]
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)
