"""What buttons and small forms send back: tokens, reasons to decline, codes that link accounts."""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = "[A-Za-z0-9_-]{20}"


def is_token(value: object) -> bool:
    """Is this the token of a button? Other features of the same app send values of their own."""
    return isinstance(value, str) and re.fullmatch(_TOKEN, value) is not None


def ready(value: object) -> int | None:
    """The place of a ready reason, as our dialog sends it back; None: none was chosen.
    `ValueError`: our dialogs never send that."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not re.fullmatch("[0-7]", value):
        raise ValueError("not the place of a ready reason")
    return int(value)


def choice(token: str, place: int | None) -> str:
    """What a prompt's button sends, where a prompt has buttons: the token of the Decline… that
    opened it, and the place of a ready reason; None: no reason."""
    return f"{token}.{'' if place is None else place}"


def chosen(value: str) -> tuple[str, int | None] | None:
    """Token and place in a `choice`; None: it isn't one."""
    found = re.fullmatch(rf"({_TOKEN})\.([0-7]?)", value)
    return (found[1], ready(found[2])) if found else None


def typed(text: str) -> str:
    """What was typed after a command that links an account, as the `Reply.text` that links it.
    Whatever was typed gets an answer.
    """
    words = text.split()
    return f"link {words[-1][:64] if words else '-'}"
