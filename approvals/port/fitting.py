"""Fits a card into a platform's limits, with exactly its own buttons; without Approve if it doesn't
show everything that it approves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from approvals.model import Card, Fact, Label, Refused
from approvals.port.values import Payload
from approvals.text import Measure, fit, utf8_len


def same_buttons(card: Card, drawn: Sequence[tuple[str, str]]) -> None:
    """`Refused` unless the template drew the card's own buttons, (label, token) in order.

    An operator's template could leave one out, or put a label on another button's token.
    """
    if [*drawn] != [(str(button.label), button.token) for button in card.buttons]:
        raise Refused("the template draws other buttons than the card's own")


LEAVES_OUT: Final = "This channel's template leaves out "
"""The sentence on a card that lost Approve because of its template begins like this."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn card: `card` (shortened if necessary), its payload, and the texts that a person sees
    on it, in order."""

    card: Card
    payload: Payload
    texts: Sequence[str]


def whole(card: Card, draw: Callable[[Card], Drawn], inert: Callable[[str], str]) -> Drawn:
    """The drawn card, without Approve if the template leaves out something that it approves.

    `inert`: makes a text harmless, as the adapter does.
    """
    drawn = draw(card)
    if not approves(drawn.card) or (missing := left_out(drawn.card, drawn.texts, inert)) is None:
        return drawn
    return draw(reviewed(card, missing))


def approves(card: Card) -> bool:
    """May a tap on it approve?"""
    return any(button.label is Label.APPROVE for button in card.buttons)


def reviewed(card: Card, missing: str) -> Card:
    """The card without Approve, since its template leaves out `missing`."""
    kept = tuple(button for button in card.buttons if button.label is not Label.APPROVE)
    return replace(card, buttons=kept, review_needed=f"{LEAVES_OUT}{missing}.")


def left_out(card: Card, texts: Sequence[str], inert: Callable[[str], str]) -> str | None:
    """Which part of the card these texts leave out; None: they show everything that a tap approves.

    The parts may come in any order, but each must be whole, its lines in order; lines may be
    indented.
    """
    drawn = "\n".join(texts)

    def shows(parts: Sequence[str]) -> bool:
        at = 0
        for line in (line for part in parts for line in part.split("\n") if line.strip()):
            found = drawn.find(inert(line), at)
            if found < 0:
                return False
            at = found + len(line)
        return True

    if not shows([text for fact in card.facts for text in (fact.label, fact.value)]):
        return "a fact"
    if not shows([card.line]):
        return "method and address"
    if not shows([card.payload, card.payload_tail]):
        return "a part of the request"
    return None if shows([card.note or ""]) else "the agent's note"


def block(facts: Sequence[Fact], inert: Callable[[str], str] = str) -> str:
    """Facts as lines, for a block without markup. Further lines of a value are indented."""
    lines = [f"{inert(one.label)}: {inert(one.value)}" for one in facts]
    return "\n".join(line.replace("\n", "\n  ") for line in lines)


def shorter(card: Card, measure: Measure) -> Iterator[Card]:
    """The card, then shorter versions of it, for platforms whose messages are too short for it.

    First the texts are shortened that a tap doesn't approve. Then, without Approve, as many facts
    as fit (no label is ever cut) and both ends of the reading: 900 characters are left, finally
    600, and `review_needed` says that only the page shows everything.
    """

    def short(text: str, limit: int) -> str:
        kept = fit(text, limit - 16 if measure(text) > limit else limit, measure)
        return f"{kept.head}…[{kept.elided} more]…{kept.tail}" if kept.elided else text

    yield card
    terse = replace(
        card,
        headline=short(card.headline, 100),
        title=short(card.title, 100),
        agent=short(card.agent, 60),
        note=short(card.note, 60) if card.note else None,
        progress=short(card.progress, 80),
    )
    if terse != card:
        yield terse
    yield from (_cut(terse, short, measure, room, ends) for room, ends in ((300, 120), (60, 40)))


def _cut(
    card: Card, short: Callable[[str, int], str], measure: Measure, room: int, ends: int
) -> Card:
    """Without Approve. `room`: for the facts; `ends`: of the reading, at each end."""
    kept = list[Fact]()
    for fact in card.facts:
        # A few readable facts say more than all of them cut to nothing.
        told = Fact(fact.label, short(fact.value, max(room // 3, 40)))
        room -= measure(told.label) + measure(told.value) + 3
        if room < 0:
            break
        kept.append(told)
    if left := len(card.facts) - len(kept):
        kept.append(Fact("More", f"{left} facts not shown here"))
    start, end = fit(card.payload, ends, measure), fit(card.payload_tail, ends, measure)
    head, tail = start.head.rstrip(), (end.tail or end.head or start.tail).lstrip()
    whole_ = utf8_len(card.payload) + utf8_len(card.payload_tail)
    return replace(
        card,
        title=short(card.title, 60),
        action=short(card.action, 60),
        line=short(card.line, 80),
        note=card.note and short(card.note, 40),
        facts=tuple(kept),
        payload=head,
        payload_tail=tail,
        elided=card.elided + whole_ - utf8_len(head) - utf8_len(tail),
        buttons=tuple(one for one in card.buttons if one.label is not Label.APPROVE),
        review_needed=(card.review_needed or "It is too long for this card.")
        if card.buttons
        else None,
    )
