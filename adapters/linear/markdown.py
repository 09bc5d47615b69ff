"""Text of others in Linear's Markdown, and what a person sees of Markdown.

Linear finds mentions, addresses, issue identifiers and emoji in plain text, and draws Markdown:
https://linear.app/developers/graphql#adding-mentions-in-markdown. In code it finds nothing. So text
stands in code, but where it is plainly harmless.

How much of a line clients show of a block of code is not documented, so there is none: each line is
a line of code, which wraps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from adapters.kit.echo import settled

# Words and numbers with the signs of prose: no sign that Markdown reads, no dot within a word but a
# number's, no colon before a word, no emoji (:100:), no identifier of an issue (ENG-123) and no
# "1." at the start.
HARMLESS: Final = re.compile(
    r"(?![0-9]+[.)] )(?!.*[^\W\d_][^\W_]*-[0-9])(?!.*:[0-9]+:)"
    r"(?:[^\W_]|(?<=[^\W_])-(?=[^\W_])|(?<=[0-9])[.:,](?=[0-9])|[.:;,?](?=[ )]|$)|&(?= )"
    r"|(?<=\S) (?=\S)|[()%€$£“”„’…–—])+"
)
NUMBERED: Final = re.compile("[0-9]+[.)]")
PROSE: Final = 300
"""Characters of a line that may be prose."""
LONGEST: Final = 20_000
"""Characters up to which Markdown is read: more than a card of ours has."""
LINK: Final = re.compile(r"\[([^\[\]\n]+)\]\(<?([^()\[<>\s]*)>?\)")
BULLET: Final = re.compile(r"^[ \t]*[-*+] +", re.MULTILINE)
# No tilde: three of them open a block of code, and what stands behind those is not drawn.
SIGNS: Final = re.compile(r"[\\*_#>]+")


def code(text: str) -> str:
    """A line that nothing gets out of: a backtick is drawn by a letter that looks like one, behind
    a zero-width space, which cleaned text brings none of. No blank is lost."""
    shown = text.replace("`", "\u200bˋ").replace("\t", "    ")
    shown = re.sub(r"^ | (?= )| $", "\u00a0", shown)
    return f"`{shown or '(empty)'}`"


def said(text: str) -> str:
    """A line as prose where it is harmless, else in code."""
    return text if len(text) <= PROSE and HARMLESS.fullmatch(text) else code(text)


def title(text: str) -> str:
    """A line of which only the words that are not harmless stand in code."""
    words = text.split(" ")
    if len(text) > PROSE or "" in words or NUMBERED.fullmatch(words[0]):
        return said(text)
    made = list[str]()
    for harmless, run in groupby(words, lambda one: one == "&" or bool(HARMLESS.fullmatch(one))):
        piece = " ".join(run)
        made.append(piece if harmless else code(piece))
    return " ".join(made)


def lines(text: str, *, prose: bool = False) -> str:
    """Lines, each on its own. `prose`: harmless ones are not in code."""
    return "  \n".join((said if prose else code)(line) for line in text.split("\n"))


def quoted(text: str) -> str:
    """Lines that somebody else said."""
    return "> " + lines(text, prose=True).replace("\n", "\n> ")


def plain(text: str) -> str:
    """What stands in Markdown of ours, as it was written."""
    shown = "".join(
        piece if verbatim else piece.replace("**", "").replace("  \n", "\n")
        for piece, verbatim in _pieces(_unfolded(text))
    )
    return unquoted(shown)


def unquoted(text: str) -> str:
    """Without what `code` puts in for a sign."""
    return text.replace("\u200bˋ", "`").replace("\u00a0", " ")


def seen(text: str) -> list[str]:
    """What a person reads of Markdown, however it is written: Linear keeps a document of its own,
    and makes Markdown of that. Code counts to the letter, the rest by its words."""
    if len(text) > LONGEST:
        return [text]
    found = list[str]()
    for piece, verbatim in _pieces(settled(text)):
        found += [piece.strip(" ")] if verbatim else _words(piece)
    return found


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, and whether each is code: https://spec.commonmark.org/0.31.2/#code-spans.
    In linear time, whatever it is."""
    runs = [(match.start(), match.end()) for match in re.finditer("`+", text)]
    ends, nearest = list[int | None](), dict[int, int]()
    for index in range(len(runs) - 1, -1, -1):
        length = runs[index][1] - runs[index][0]
        ends.append(nearest.get(length))
        nearest[length] = index
    ends.reverse()
    index, at = 0, 0
    while index < len(runs):
        if (end := ends[index]) is None:
            index += 1
            continue
        yield text[at : runs[index][0]], False
        yield text[runs[index][1] : runs[end][0]], True
        index, at = end + 1, runs[end][1]
    yield text[at:], False


def _unfolded(text: str) -> str:
    """Without what is folded until somebody opens it:
    https://linear.app/developers/graphql#adding-collapsible-sections-in-markdown"""
    kept, folded = list[str](), False
    for line in text.split("\n"):
        if line.startswith("+++"):
            folded = line.strip() != "+++"
        elif not folded:
            kept.append(line)
    return "\n".join(kept)


def _words(text: str) -> list[str]:
    # Where a link leads is not read: it is no word, or one of ours could be hidden there.
    text = LINK.sub(r" \1 ](\2 ", BULLET.sub("", text))
    return SIGNS.sub("", text).split()
