"""Adaptive Cards (https://adaptivecards.io/explorer): drawing one, and what everybody sees of it at
once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from approvals import port
from approvals.model import Card, Refused

PARTS: Final[Mapping[str, str]] = {
    "Container": "items",
    "ColumnSet": "columns",
    "Column": "items",
    "RichTextBlock": "inlines",
}
"""The key of an element's content, by type: the elements of version 1.3 that a card uses."""
TABLES: Final[Mapping[str, str]] = {"Table": "rows", "TableRow": "cells", "TableCell": "items"}
"""Those of version 1.5 as well."""
HIDING: Final = ("maxLines", "requires")
"""Keys that may cut an element off or drop it: `requires` drops it if a client lacks a feature.
https://adaptivecards.io/explorer/Container.html"""
WIDTH: Final = re.compile(r"auto|stretch|[1-9]|[5-9]\dpx|1\d\dpx")
"""Allowed widths of a column with text: automatic, a share of the card, or 50 to 199 pixels: room
for a word, on a phone too."""


def seen(nodes: Any, parts: Mapping[str, str] = PARTS) -> Iterator[str]:
    """The visible texts of these elements: nothing hidden or cut off, no types that a client may
    not know, no fallbacks, and nothing that a button opens."""
    for node in nodes if isinstance(nodes, list) else ():
        # A client may read "false" as false, so only the word true shows.
        if not isinstance(node, dict) or node.get("isVisible", True) is not True:
            continue
        kind = str(node.get("type"))
        if any(name in node for name in HIDING):
            continue
        if kind == "Column" and not WIDTH.fullmatch(str(node.get("width", "stretch"))):
            continue
        # A TextBlock is one line and cut off unless it says `wrap`; a RichTextBlock always wraps:
        # https://adaptivecards.io/explorer/TextBlock.html, /RichTextBlock.html
        if kind == "TextRun" or (kind == "TextBlock" and node.get("wrap") is True):
            yield node["text"]
        elif kind in parts:
            yield from seen(node.get(parts[kind]), parts)


def whole(
    card: Card, draw: Callable[[Card], port.Drawn], inert: Callable[[str], str]
) -> port.Drawn:
    """As `port.whole`. A card that is too long loses its ready reasons first: the page has them."""
    try:
        return port.whole(card, draw, inert)
    except Refused:
        if not card.reasons:
            raise
    return port.whole(replace(card, reasons=()), draw, inert)
