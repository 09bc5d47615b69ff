"""Text for chats that format by marks and have no escape character."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

ALIKE: Final = {"`": "ˋ", "┃": "│", "*": "∗", "_": "ˍ", "~": "∼"}
"""Characters that look like each mark. A zero-width space before one, which cleaned text never has,
shows that we put it there."""


def unmarked(text: str, anywhere: str = "`") -> str:
    """Text in which nothing is bold, italic, struck through or code: each mark is replaced by a
    character that looks like it. `*`, `_` and `~` are replaced at the edges of words, where they
    format; those of `anywhere` within words, too."""
    return _marks(anywhere).sub(lambda match: f"\u200b{ALIKE[match[0]]}", text)


@lru_cache
def _marks(anywhere: str) -> re.Pattern[str]:
    return re.compile(
        rf"[{anywhere}*_~](?:(?<=[{anywhere}])|(?<![A-Za-z0-9][*_~])|(?![A-Za-z0-9]))"
    )


def visible(text: str) -> str:
    """The text without the zero-width spaces that we put in."""
    return text.replace("\u200b", "")
