"""A case as a card, for every channel alike: `bound` (may a tap approve), `outline` (a reading as
lines), `card` (what it says), `templates` (filling a channel's template). Pure."""

from approvals.cards.bound import Bound, bound, digest_of, summarised
from approvals.cards.card import (
    altered,
    build,
    fingerprint,
    inspectable,
    labels_for,
    plain_action,
)
from approvals.cards.templates import renderer

__all__ = [
    "Bound", "altered", "bound", "build", "digest_of", "fingerprint", "inspectable",
    "labels_for", "plain_action", "renderer", "summarised",
]  # fmt: skip
