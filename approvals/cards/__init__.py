"""A case as a card, for every channel alike: `bound` (may a tap approve), `card` (what it says),
`templates` (filling a channel's template). Pure."""

from approvals.cards.bound import SUMMARY, Bound, bound, summarised
from approvals.cards.card import (
    LAPSED,
    altered,
    build,
    delivery,
    fingerprint,
    inspectable,
    labels_for,
    unfit,
    unknown,
)
from approvals.cards.templates import renderer

__all__ = [
    "LAPSED", "SUMMARY", "Bound", "altered", "bound", "build", "delivery", "fingerprint",
    "inspectable", "labels_for", "renderer", "summarised", "unfit", "unknown",
]  # fmt: skip
