"""What commands print and ask: lines for people, JSON for programs (`--json`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.text import Text

from approvals.app.exits import Exit, Stop

out: Final = Console(highlight=False)
err: Final = Console(stderr=True, highlight=False)
_STYLES: Final = {"✓": "green", "·": "dim", "!": "yellow", "✗": "red"}


def say(text: str, style: str | None = None, *, to: Console = out) -> None:
    """Print a line as it stands: nothing in it is markup, and only the terminal wraps it. `style`
    None: by the sign that it begins with."""
    style = _STYLES.get(text[:1], "") if style is None else style
    to.print(Text(text, style), soft_wrap=True)


def say_files(created: Iterable[Path], kept: Iterable[Path]) -> None:
    """The files that are new, and those that were there."""
    for path in created:
        say(f"✓ {path}")
    for path in kept:
        say(f"· {path} was there, and is used.")


def ask(
    option: str, question: str, given: str | None, usual: str, wrong: Callable[[str], str], *,
    talk: bool,
) -> str:  # fmt: skip
    """The option's value if `given`, else a person's answer if we `talk`, else the `usual` one.
    `wrong`: why a text is not acceptable, or "". Raises `Stop` where nobody can be asked again."""
    while True:
        text = typer.prompt(question, default=usual) if given is None and talk else given or usual
        text = text.strip()
        if not (why := wrong(text)):
            return text
        if given is not None or not talk:
            raise Stop(Exit.FAILED, f"{option}: {why}")
        say(why, "yellow", to=err)


def print_json(value: Any) -> None:
    """One line; at a terminal several."""
    sys.stdout.write(json.dumps(value, indent=2 if sys.stdout.isatty() else None) + "\n")


def counted(number: int, one: str, many: str = "") -> str:
    """`1 rule`, `2 rules`, `no rules`."""
    return f"{number or 'no'} {one if number == 1 else many or one + 's'}"


def safari(url: str) -> str:
    """A hint to print below an address on this machine, or "": Safari before macOS 26 can't resolve
    names below localhost (docs/adr/0010), and a line in /etc/hosts helps it."""
    host = urlsplit(url).hostname or ""
    if not host.endswith(".localhost"):
        return ""
    return (
        "Safari before macOS 26 does not find this name. Use another browser, or once: "
        f"echo '127.0.0.1 {host}' | sudo tee -a /etc/hosts"
    )
