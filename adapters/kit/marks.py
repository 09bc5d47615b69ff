"""Text for chats that read marks of their own and know no escape character."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

ALIKE: Final = {"`": "ˋ", "┃": "│", "*": "∗", "_": "ˍ", "~": "∼"}
"""What looks like each mark. Behind a zero-width space, which cleaned text brings none of, so that
it is nobody else's."""


def unmarked(text: str, anywhere: str = "`") -> str:
    """Text in which nothing is bold, italic, struck through or code: what would be is drawn by what
    looks like it. `*`, `_` and `~` do something at the edge of a word only; `anywhere`: which marks
    do within one, too."""
    return _marks(anywhere).sub(lambda match: f"\u200b{ALIKE[match[0]]}", text)


@lru_cache
def _marks(anywhere: str) -> re.Pattern[str]:
    return re.compile(
        rf"[{anywhere}*_~](?:(?<=[{anywhere}])|(?<![A-Za-z0-9][*_~])|(?![A-Za-z0-9]))"
    )


def visible(text: str) -> str:
    """Without the zero-width spaces that we put in: what a text says, wherever it was cut."""
    return text.replace("\u200b", "")
