"""The house keeps its own rules: sizes, layers, sets that must be equal, nothing from a machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from adapters import CHANNELS
from tests.harness.repository import ROOT, tracked
from tools.core_lines import CORE_LIMIT, core

PURE = ("model", "policy", "conditions", "machine", "buttons", "evidence", "text", "cards")
IMPURE = {
    *(
        "aiohttp",
        "asyncio",
        "asyncpg",
        "http",
        "io",
        "logging",
        "os",
        "pathlib",
        "random",
        "secrets",
    ),
    *("shutil", "socket", "sqlalchemy", "sqlite3", "ssl", "structlog", "subprocess", "tempfile"),
    *("threading", "time", "urllib.request", "uuid"),
}
# Put together here, so that this file does not name them either.
REGISTRIES = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            *(("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs"), ("yarnpkg", "com")),
            ("npmmirror", ""),
        )
    )
)
MACHINES = re.compile(
    r"(?<![\w.~$}-])/(?:root|work|opt/\w+|home/\w+|Users/\w+)/|"
    + re.escape("/".join(("..", "shared")))
)
IGNORED = re.compile(r"#\s*(noqa|type:\s*ignore)(?!:? ?\[?[A-Za-z0-9, -]+\]? +(- |# )\S)")
"""A check that is switched off without its name, or without saying why."""


def test_the_core_can_be_read_in_one_sitting() -> None:
    assert sum(core().values()) < CORE_LIMIT, core()


def test_the_readme_says_how_large_the_core_is() -> None:
    found = re.findall(r"about ([0-9,]+) lines without comments", (ROOT / "README.md").read_text())
    (said,) = (int(number.replace(",", "")) for number in found)
    assert abs(said - sum(core().values())) <= 100, core()


def test_every_room_looks_down_only() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    said = subprocess.run(
        [linter, "--no-logo"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_import_no_io_no_clock_and_no_chance(room: str) -> None:
    path = ROOT / "approvals" / f"{room}.py"
    tree = ast.parse(path.read_text(encoding="utf-8") if path.exists() else "")
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module)):
                found.add(module)
            case ast.Attribute(attr="now" | "utcnow" | "today"):
                found.add("time")
    assert {name for name in found if name in IMPURE or name.split(".")[0] in IMPURE} == set()


def test_the_five_sets_of_channels_are_equal() -> None:
    sets = {
        "adapters/": {p.parent.name for p in (ROOT / "adapters").glob("*/adapter.py")},
        "card_templates/": {p.name.split(".")[0] for p in (ROOT / "card_templates").glob("*.j2")},
        "docs/channels/": {p.stem for p in (ROOT / "docs/channels").glob("*.md")} - {"README"},
        "tests/fixtures/": {
            p.name for p in (ROOT / "tests/fixtures").glob("*") if p.is_dir() and any(p.iterdir())
        }
        - {"requests", "aws"},  # outbound requests of vendors, and examples of their signatures
    }
    assert sets == {place: set(CHANNELS) for place in sets}


WORDS: Final = ("email", "github", "linear", "teams", "x")
"""Names that mean something else as well: a mailbox is how people are known and signed in, time is
linear, GitHub is an API that requests are read for and where many sources lie."""
PLATFORMS: Final = re.compile(
    "outlook|" + "|".join(name for name in CHANNELS if name not in WORDS)
    + r"|twitter|\bx\.com\b|linear\.app|(?-i:\bTeams\b|['\"](teams|linear|github)['\"])",
    re.IGNORECASE,
)  # fmt: skip
"""Names of platforms."""
MAY_NAME_ONE: Final = {
    "approvals/config/schema.py": "an example beside a fault is one that can be pasted",
    "approvals/reading/rich_text.py": "reads requests to that API, whatever channels there are",
    "approvals/secret_shapes.py": "how each vendor's secrets look, whatever channels there are",
}


def test_law_32_no_expression_repeats_a_group_possessively() -> None:
    """Python before 3.11.5, Debian 12's is one, matches those wrongly: `(?>(?:…)*)` says the same
    (https://github.com/python/cpython/issues/106052)."""
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for top in ("approvals", "adapters", "clients/python/src")
        for path in sorted((ROOT / top).rglob("*.py"))
        for line in path.read_text().splitlines()
        if re.search(r"\)(?:[*+?]|\{[0-9,]+\})\+[^ ]", line)
    ]
    assert found == []


def test_no_room_but_the_packs_names_a_platform() -> None:
    found = {
        name
        for name, text in tracked()
        if name.startswith("approvals/") and not name.startswith("approvals/packs/")
        for line in text.splitlines()
        if PLATFORMS.search(line)
    }
    assert found == MAY_NAME_ONE.keys()


def test_no_file_names_a_registry_or_a_machine() -> None:
    found = [
        f"{name}: {match.group()}"
        for name, text in tracked()
        for pattern in (REGISTRIES, MACHINES)
        for match in pattern.finditer(text)
    ]
    assert found == []


def test_every_check_that_is_switched_off_says_why() -> None:
    here = Path(__file__).name
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in tracked()
        if name.endswith(".py") and not name.endswith(here)
        for number, line in enumerate(text.splitlines(), 1)
        if IGNORED.search(line)
    ]
    assert found == []


def test_no_test_file_is_imported_by_another_file() -> None:
    """What two of them need is in a module of its own: a test file can be moved, or left out."""
    taken = re.compile(
        r"^\s*(?:from|import) tests\.(?:\w+\.)*test_|^\s*from tests[\w.]* import .*\btest_", re.M
    )
    found = [name for name, text in tracked() if name.endswith(".py") and taken.search(text)]
    assert found == []


def test_node_locks_hold_hashes_and_no_address() -> None:
    locks = {name: text for name, text in tracked() if name.endswith("package-lock.json")}
    assert [name for name, text in locks.items() if '"resolved"' in text] == []
    assert [name for name, text in locks.items() if '"integrity"' not in text] == []


EXTRAS = [name for name, one in CHANNELS.items() if one.section().library or name == "whatsapp"]
"""The channels that need a library; WhatsApp by one of its providers only."""


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.lock", EXTRAS), ("requirements-dev.lock", ["dev"])]
)
def test_the_lock_pins_what_the_project_asks_for(lock: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = list(project["dependencies"])
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    names = {_normal(re.split(r"[\[<>=!~ ;]", requirement)[0]) for requirement in asked}
    text = (ROOT / lock).read_text()
    pins = re.findall(r"^([a-z0-9._-]+)==.*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert names - set(map(_normal, pins)) == set(), "run `make lock`"
    assert re.findall(r"^-.*|^.*://.*", text, re.MULTILINE) == []


def test_decisions_are_numbered() -> None:
    records = sorted((ROOT / "docs/adr").glob("*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))


def test_the_readme_names_its_commands_and_the_command_that_counts_the_core() -> None:
    text = (ROOT / "README.md").read_text()
    missing = [
        command
        for command in ("make demo", "make test", "tools/core_lines.py")
        if command not in text
    ]
    assert missing == []


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
