"""A card whose texts are harmless, by the channel's own `inert`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, Final

from approvals.model import Card, Fact

Inert = Callable[[str], str]
NAMES: Final = ("title", "headline", "action", "agent", "line", "progress")


def texts(card: Card, inert: Inert) -> Card:
    """All texts of the card except the page's address; facts stay as they are."""
    found = {one.name: getattr(card, one.name) for one in fields(card) if one.name != "review"}
    tame: Any = {name: inert(text) for name, text in found.items() if text and type(text) is str}
    return replace(card, **tame)


def facts(card: Card, inert: Inert) -> tuple[Fact, ...]:
    """Labels and values."""
    return tuple(Fact(inert(one.label), inert(one.value)) for one in card.facts)


def lines(card: Card, inert: Inert, rule: str = "") -> Card:
    """For messages made of lines: the second and later lines of a fact are indented, and lines of
    the note are quoted. So no line of theirs looks like one of ours. `rule`: stands before each
    line of the request."""

    def ruled(text: str) -> str:
        return "\n".join(f"{rule}{line}" for line in inert(text).split("\n")) if text else text

    safe: dict[str, Any] = {name: inert(getattr(card, name)) for name in NAMES}
    safe |= {name: ruled(getattr(card, name)) for name in ("payload", "payload_tail")}
    indented = ((x.label, x.value.replace("\n", "\n  ")) for x in card.facts)
    safe["facts"] = tuple(Fact(inert(label), inert(value)) for label, value in indented)
    safe["note"] = inert(card.note or "").replace("\n", "\n> ")
    safe["review_needed"] = inert(card.review_needed or "")
    return replace(card, **safe)
