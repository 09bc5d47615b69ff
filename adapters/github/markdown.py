"""Text of others in GitHub's Markdown: each line of it as code.

In code GitHub makes no mention, link, cross-reference, emoji or HTML. It wraps long lines of it. A
block it does not wrap: on a phone it would be cut off.
https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax,
https://github.github.com/gfm/#code-spans
"""

from __future__ import annotations

import re
from itertools import count
from typing import Final

BREAK: Final = "\\\n"
"""Ends a line within a paragraph: https://github.github.com/gfm/#hard-line-breaks"""
SPAN: Final = re.compile(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)")
# A word of only these letters could be a commit's name.
HEX: Final = re.compile(r"\b[a-f]{7,}\b", re.IGNORECASE)
WORDS: Final = re.compile("[A-Z]?[a-z]+( [A-Za-z]?[a-z]+)*")


def code(text: str) -> str:
    """Text that shows as it is. Blank lines at its ends are left out."""
    lines = text.strip("\n").split("\n")
    return BREAK.join(_span(line) if line.strip() else "" for line in lines) or "`(empty)`"


def label(text: str) -> str:
    """What something is called, in bold: plain where nothing can be read into it, else as code."""
    harmless = WORDS.fullmatch(text) and not HEX.search(text)
    return f"**{text if harmless else code(text)}**"


def plain(markdown: str) -> str:
    """What others wrote in it, as they wrote it, between what is ours."""
    return SPAN.sub(_inside, markdown).replace(BREAK, "\n")


def around(markdown: str) -> str:
    """All that is not code: the part in which GitHub reads anything."""
    return SPAN.sub("``", markdown)


def _span(line: str) -> str:
    runs = {len(run) for run in re.findall("`+", line)}
    fence = "`" * next(length for length in count(1) if length not in runs)
    ends = (line[0], line[-1])
    pad = " " if "`" in ends or ends == (" ", " ") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _inside(span: re.Match[str]) -> str:
    text = span[2]
    padded = text[:1] == text[-1:] == " " and text.strip()
    return text[1:-1] if padded else text
