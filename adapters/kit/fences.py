"""A card for chats that read no markup in code (Discord, Mattermost): all that others wrote stands
in code spans and blocks."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from adapters.kit import tame
from approvals import port
from approvals.model import Card
from approvals.text import fitting

# Three backticks end a block. A zero-width space between two of them is not seen, and cleaned text
# has none of its own.
FENCE: Final = re.compile("`(?=``)")


def inert(text: str) -> str:
    """The text, unable to end the code span around it: clients disagree about longer fences
    (https://github.com/discord/SimpleAST, CodeRules.kt), so a backtick is drawn by a letter that
    looks like one, behind a zero-width space, which cleaned text brings none of. In code there is
    no markup, no mention, no hashtag, no emoji and no link:
    https://docs.mattermost.com/end-user-guide/collaborate/format-messages.html#code,
    https://docs.discord.com/developers/reference"""
    return text.replace("`", "\u200bˋ") or "(empty)"


def fenced(text: str) -> str:
    """The text, unable to end the block around it."""
    return FENCE.sub("`\u200b", text) or "(empty)"


def plain(text: str) -> str:
    """Undoes `inert` and `fenced`."""
    return text.replace("\u200bˋ", "`").replace("\u200b", "")


def values(card: Card, longest: int) -> dict[str, Any]:
    """What a template draws: `card`, for lines of code; `fences`, its blocks; `who` asks, and who
    decides, in one line that is no longer than `longest`; `link`, if anybody could follow it."""
    blocks = {name: getattr(card, name) or "" for name in ("payload", "payload_tail", "note")}
    fences = {name: fenced(text) for name, text in blocks.items()}
    fences["facts"] = port.block(card.facts, fenced)
    return {
        "card": replace(tame.texts(card, inert), facts=tame.facts(card, inert)),
        "fences": fences,
        "who": fitting(inert(f"From {card.agent}. {card.progress}".strip()), longest),
        "link": card.review if card.review and port.reachable(card.review) else None,
    }
