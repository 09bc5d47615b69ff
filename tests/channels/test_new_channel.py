"""`make new-channel`: what it writes is whole, draws cards, and says what is still missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.harness.house import HANGS
from tests.harness.repository import ROOT, tracked
from tools import new_channel

NAME: Final = "relay"
DRAWING: Final = {
    "test_an_unchanged_layout_has_an_unchanged_echo",
    "test_law_03_a_card_says_its_state_and_has_no_button_but_its_own",
    "test_law_07_no_element_of_a_card_ends_in_white_space",
    "test_law_12_nothing_unseen_gets_onto_a_card",
    "test_law_14_a_card_that_is_too_long_is_refused_not_cut",
    "test_law_14_a_template_that_leaves_out_what_is_approved_has_no_approve",
    "test_law_23_no_secret_is_in_a_repr",
    "test_importing_an_adapter_imports_no_sdk",
    "test_a_channel_is_called_as_the_table_calls_it",
}
"""The first half of the contract: a card is drawn, and the folder is in order."""
TALKING: Final = {
    "test_law_09_a_proven_press_is_read": "tests/peers/relay.py: tap: ",
    "test_what_is_not_understood_is_malformed": "tests/peers/relay.py: unknown: ",
    "test_law_13_no_value_makes_a_link_a_mention_a_field_or_a_button": "relay.py: parsed: ",
    "test_law_26_a_platform_that_is_busy_names_the_delay": "tests/peers/relay.py: peer: ",
    "test_law_26_a_platform_that_is_away_is_busy": "adapters/relay/adapter.py: post: ",
}
"""Of the second half: what is said there."""


def ran(copy: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Python in the copy, which knows nothing of this checkout."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of this checkout that the scaffold and the contract need."""
    root = tmp_path_factory.mktemp("copy")
    needed = ("adapters/", "approvals/", "card_templates/", "docs/channels/", "tests/", "tools/")
    for name, text in tracked():
        if name.startswith(needed) or name == "pyproject.toml":
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    made = ran(root, "-m", "tools.new_channel", NAME)
    assert (made.returncode, made.stderr) == (0, "")
    return root


def outcomes(said: str) -> dict[str, set[str]]:
    """The contract's tests of the new channel, by name -> how they ended."""
    found: dict[str, set[str]] = {}
    for how, name in re.findall(r"^(PASSED|FAILED|ERROR) \S+::(\w+)", said, re.MULTILINE):
        found.setdefault(name, set()).add(how)
    return found


def test_the_new_folder_passes_the_first_half_and_says_what_the_rest_needs(copy: Path) -> None:
    words = ("-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-p", "no:xdist")
    said = ran(
        copy, *words, "tests/channels/test_channels.py", "-k", f"{NAME} or five", COLUMNS="200"
    ).stdout
    found = outcomes(said)
    assert {name: found.get(name) for name in DRAWING} == {one: {"PASSED"} for one in DRAWING}, said
    assert found["test_the_five_sets_are_equal"] == {"PASSED"}
    assert {name: found.get(name) for name in TALKING} == {one: {"FAILED"} for one in TALKING}
    assert [words for words in TALKING.values() if words not in said] == []
    # Nothing fails for another reason than that it is not written yet.
    assert set(re.findall(r"^E +(\w+(?:\.\w+)*): ", said, re.MULTILINE)) == {"NotImplementedError"}


def test_its_golden_cards_are_written_and_then_held(copy: Path) -> None:
    words = (
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"tests/channels/{NAME}/test_{NAME}.py",
    )
    before = ran(copy, *words)
    assert "GOLDEN=1 pytest writes it" in before.stdout
    assert ran(copy, *words, GOLDEN="1").returncode == 0
    assert ran(copy, *words).returncode == 0


def test_what_is_written_is_as_the_house_writes(copy: Path) -> None:
    new = [
        name for to in new_channel.FILES.values() if (name := to.format(name=NAME))[-3:] == ".py"
    ]
    for words in (("check",), ("format", "--check")):
        done = ran(copy, "-m", "ruff", *words, *new, new_channel.TABLE)
        assert done.returncode == 0, done.stdout
    done = ran(copy, "-m", "mypy", f"adapters/{NAME}", f"tests/peers/{NAME}.py")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["slack", "kit", "web", "Two words", "../x", "", "_"])
def test_a_name_that_is_taken_or_none_writes_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"NAME is|nothing was written"):
        new_channel.write(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_two_words_has_a_class_of_two(tmp_path: Path) -> None:
    (tmp_path / "adapters").mkdir()
    table = tmp_path / new_channel.TABLE
    table.write_text((ROOT / new_channel.TABLE).read_text())
    new_channel.write("rocket_chat", tmp_path)
    assert "class RocketChat(Base):" in (tmp_path / "adapters/rocket_chat/adapter.py").read_text()
    assert '        Folder("rocket_chat", "RocketChat"),\n' in table.read_text()


def test_the_guide_lists_what_is_written() -> None:
    guide = (ROOT / "docs/adding-a-channel.md").read_text()
    for path in (*new_channel.FILES.values(), new_channel.TABLE):
        assert f"`{path.format(name=NAME)}`" in guide


def test_the_guide_names_every_module_of_the_kit() -> None:
    guide = (ROOT / "docs/adding-a-channel.md").read_text()
    kit = {path.stem for path in (ROOT / "adapters/kit").glob("[!_]*.py")}
    table = guide.partition("| in `adapters/kit` |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", table, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"\w+", row)} == kit
