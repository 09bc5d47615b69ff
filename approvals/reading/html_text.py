"""HTML as text: its words, and where it leads. Pure, linear."""

from __future__ import annotations

import re
from html import unescape
from typing import Final


def html_as_text(html: str) -> str:
    """Every word in it, also what a style or a comment hides, with the attributes that a reader
    could see or follow in brackets.

    Not by `html.parser`: on tags that never end its time grows with the square of the length.
    """
    words: list[str] = []
    for at, piece in enumerate(_TAG.split(html)):
        if not at % 2:
            words.append(piece)
        elif piece.startswith(("!", "?")):
            if inner := _DECLARATION.sub("", piece).strip():
                words.append(f" [{inner}] ")
        else:
            words += [f" [{shown}] " for shown in _attributes(piece)]
            if _BLOCK.match(piece):
                words.append("\n")
    lines = unescape("".join(words)).split("\n")
    return "\n".join(line for line in (" ".join(line.split()) for line in lines) if line)


def _attributes(tag: str) -> list[str]:
    shown = []
    for name, quoted in _ATTRIBUTE.findall(tag):
        value = quoted.strip("\"'")
        if name.lower() in _LINKS:
            shown.append(value)
        elif name.lower() not in _LOOKS or (name.lower() == "style" and _ACTIVE.search(value)):
            shown.append(f"{name.lower()}: {value}")
    return shown


_TAG: Final = re.compile(r"<([A-Za-z/!?][^<>]*)>")
_BLOCK: Final = re.compile(
    r"/?(?:p|div|br|tr|li|ul|ol|table|h[1-6]|hr|blockquote|pre|title|style|head|body|script)\b",
    re.IGNORECASE,
)
_ATTRIBUTE: Final = re.compile(r"""[\s"'/]([A-Za-z][\w:.-]{0,40})=("[^"]*"|'[^']*'|[^\s"']+)""")
_LINKS: Final = frozenset(("href", "src", "action", "formaction", "background", "poster", "cite"))
_ACTIVE: Final = re.compile(r"(?i)url|content|import")
_DECLARATION: Final = re.compile(r"^!(?:--|(?i:doctype[^\[]*))|--$|^!?\[(?:if|endif)[^\]]*\]$")
_LOOKS: Final = frozenset({
    "class", "id", "style", "width", "height", "align", "valign", "bgcolor", "color", "face", "dir",
    "border", "cellpadding", "cellspacing", "colspan", "rowspan", "size", "lang", "role", "rel",
    "target", "xmlns", "name", "type", "charset", "media", "clear",
})  # fmt: skip
"""Attributes that only say how something looks or is called."""
