"""What a mail program makes of a filled template: an owner's may draw, and do nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any, Final

from approvals.model import Card, Refused

# All that a card needs. Nothing here runs, is filled in, or is fetched from anywhere.
TAGS: Final = re.compile(
    "html|head|meta|title|style|body|table|tbody|tr|td|div|span|p|h[1-3]|pre|b|strong|em|i|br|hr"
    "|blockquote|small|[uod]l|li|d[td]|a"
)
ATTRIBUTES: Final = re.compile(
    "lang|charset|name|content|media|style|class|id|role|v?align|width|height|border|bgcolor"
    "|cellpadding|cellspacing|dir|href"
)
UNSEEN: Final = ("title", "style")
KNOWN: Final[dict[str, tuple[str, list[tuple[str, str | None]]]]] = {}
"""What start tags say that were seen before, by their own characters; never of a link."""
HARMLESS: Final[set[str]] = set()
"""Styles that were looked at before: the same in every mail of a template."""
MOST: Final = 256
# What a style can keep from the reader: the plain ways, since nobody knows every one.
HIDES: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|mso-hide|max-height"
    r"|position\s*:\s*(?:absolute|fixed)|text-indent\s*:\s*-|(?<![-\w])clip(?:-path)?\s*:"
    r"|(?<![-\w])color\s*:\s*transparent"
    r"|(?<![-\w])(?:opacity|font-size|line-height|height|width|max-width)\s*:\s*0(?![.\d]*[1-9])",
    re.IGNORECASE,
)
FETCHES: Final = re.compile(r"url\s*\(|@import|expression|\\", re.IGNORECASE)


def drawn(
    page: str, card: Card, links: list[tuple[str, str]]
) -> tuple[list[tuple[str, str]], list[str]]:
    """The buttons that the page draws, (label, token) in order, and its texts. `Refused`: it does
    more.

    `links`: label and address of each button of the card, the only ones besides its review link.
    """
    seen = _Seen(card, links)
    seen.feed(page.lstrip().removeprefix("<!doctype html>"))
    seen.close()
    return seen.drawn, seen.texts


def with_head(page: str, element: str) -> str:
    """The page with an element of ours at the end of its head, after all checks."""
    found = re.search("</head>", page, re.IGNORECASE)
    if found is None:
        raise Refused("email: the template has no </head>, which Outlook's card stands before")
    return page[: found.start()] + element + page[found.start() :]


class _Seen(HTMLParser):
    """Reads a filled template as a mail program does, and refuses what a card never needs."""

    def __init__(self, card: Card, links: list[tuple[str, str]]) -> None:
        super().__init__(convert_charrefs=True)
        self.drawn: list[tuple[str, str]] = []
        self._tokens = {u: b.token for (_, u), b in zip(links, card.buttons, strict=True)}
        self._review = card.review
        self._open = self._text = ""
        self._tag: tuple[str, list[tuple[str, str | None]]] | None = None
        self.texts: list[str] = []
        self._inside: list[str] = []

    def updatepos(self, i: int, j: int) -> int:
        return j  # nobody asks for lines and columns, and to count them is a quarter of the work

    def parse_starttag(self, i: int) -> int:
        # The same tags, attribute by attribute, in every mail of a template: half of all the work.
        # What a tag says is in its own characters alone.
        written = self.rawdata[i : self.rawdata.find(">", i) + 1]
        if (known := KNOWN.get(written)) is not None:
            self.handle_starttag(*known)
            return i + len(written)
        self._tag = None
        end = super().parse_starttag(i)
        # A link is another in each mail; and within <style> the parser goes on in another way.
        whole = self.rawdata[i:end] == written and len(KNOWN) < MOST
        if whole and self._tag and self._tag[0] not in ("a", *UNSEEN):
            KNOWN[written] = self._tag
        return end

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = (tag, attrs)
        for name, value in attrs:
            if name == "style":
                _look(value or "", tag)
            if (name == "href" and tag != "a") or not ATTRIBUTES.fullmatch(name):
                raise Refused(f"email: the template has the attribute {name} in <{tag}>")
        if not TAGS.fullmatch(tag):
            raise Refused(f"email: the template has <{tag}>")
        if tag in UNSEEN:
            self._inside.append(tag)
        if tag == "a":
            href = dict(attrs).get("href") or ""
            if self._open or href not in (*self._tokens, self._review):
                raise Refused("email: the template links to somewhere else")
            self._open, self._text = href, ""

    def handle_data(self, data: str) -> None:
        self._text += data
        if not self._inside:
            self.texts.append(data)
        if self.cdata_elem:
            _look(data, self.cdata_elem)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            self._inside.remove(tag)
        if tag == "a":
            if token := self._tokens.get(self._open):
                self.drawn.append((" ".join(self._text.split()), token))
            self._open = ""

    def _never(self, data: str) -> None:
        raise Refused("email: the template has a declaration or a comment, which Outlook runs")

    handle_decl: Any = _never
    unknown_decl = handle_pi = handle_comment = _never


def _look(style: str, tag: str) -> None:
    """`Refused`: a style fetches something, or hides what the reader should see."""
    if style in HARMLESS:
        return
    if FETCHES.search(style):
        raise Refused(f"email: a style of the template fetches something, in <{tag}>")
    if HIDES.search(style):
        raise Refused(f"email: a style of the template hides something, in <{tag}>")
    if len(HARMLESS) < MOST:
        HARMLESS.add(style)
