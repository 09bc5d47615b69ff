"""What commands print: for programs (`--json`), and numbers of things for people."""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import urlsplit


def print_json(value: Any) -> None:
    """One line; at a terminal several."""
    sys.stdout.write(json.dumps(value, indent=2 if sys.stdout.isatty() else None) + "\n")


def counted(number: int, one: str, many: str = "") -> str:
    """`1 rule`, `2 rules`, `no rules`."""
    return f"{number or 'no'} {one if number == 1 else many or one + 's'}"


def safari(url: str) -> str:
    """What to say below an address on this machine, or "": Safari before macOS 26 finds no name
    below localhost (docs/adr/0010), and a line in /etc/hosts is what helps it."""
    host = urlsplit(url).hostname or ""
    if not host.endswith(".localhost"):
        return ""
    return (
        "Safari before macOS 26 does not find this name. Use another browser, or once: "
        f"echo '127.0.0.1 {host}' | sudo tee -a /etc/hosts"
    )
