"""What a platform's small forms send back: why somebody declined, and codes that link accounts."""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = "[A-Za-z0-9_-]{20}"


def is_token(value: object) -> bool:
    """Is it what our buttons carry? Another feature of the same app has values of its own."""
    return isinstance(value, str) and re.fullmatch(_TOKEN, value) is not None


def ready(value: object) -> int | None:
    """The place of a ready reason, as a dialog of ours sends it back; None: none was chosen.
    `ValueError`: no dialog of ours has that."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not re.fullmatch("[0-7]", value):
        raise ValueError("not the place of a ready reason")
    return int(value)


def choice(token: str, place: int | None) -> str:
    """What a button of a prompt sends, where a prompt is made of buttons: the token of the Decline…
    that opened it, and which ready reason it is; None: no reason."""
    return f"{token}.{'' if place is None else place}"


def chosen(value: str) -> tuple[str, int | None] | None:
    """Token and place of a `choice`; None: it is none."""
    found = re.fullmatch(rf"({_TOKEN})\.([0-7]?)", value)
    return (found[1], ready(found[2])) if found else None


def typed(text: str) -> str:
    """What stood behind a command that links an account, as the `Reply.text` that asks for that:
    whatever it is, it gets an answer.
    """
    words = text.split()
    return f"link {words[-1][:64] if words else '-'}"
