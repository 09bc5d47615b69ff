"""What becomes of requests as the vendors' SDKs make them, on every channel, at medium risk.

`GOLDEN=1 pytest tests/cards/test_real_requests.py` draws the table of docs/channels/README.md.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Final

import pytest

from adapters import CHANNELS
from approvals.model import Label, Tier
from approvals.port import Channel
from tests.harness.channel_contract import ROOT, kit, strings
from tests.harness.real_requests import NAMES, previewed, real

PAGE: Final = ROOT / "docs/channels/README.md"
START, END = (
    "<!-- table: made by tests/cards/test_real_requests.py -->\n",
    "<!-- end of the table -->\n",
)
LEAST: Final = {"slack": 0.9, "teams": 0.9, "telegram": 0.9, "discord": 0.9, "whatsapp": 0.7}
ORDER: Final = tuple(
    name for name in re.findall(r"\| \[([a-z_]+)\.md\]", PAGE.read_text()) if name != "inbox"
)
"""As in the page's first table, which says how each channel is set up."""


@cache
def channel(name: str) -> Channel:
    return kit(name).make("http://127.0.0.1:9/")


@cache
def drawn(name: str, where: str) -> tuple[bool, bool, str]:
    """May a tap approve it there, does the card show every fact, and why not."""
    card = previewed(name)[where].card
    whole = len(card.facts) == len(real(name).request.facts)
    whole = whole and not any(fact.label == "More" for fact in card.facts)
    approve = any(button.label is Label.APPROVE for button in card.buttons)
    return approve, whole, card.review_needed or ""


def plain(name: str) -> bool:
    """Has it no part that no card can show?"""
    return not real(name).reading.opaque


def test_the_page_has_every_channel() -> None:
    assert sorted(ORDER) == sorted(CHANNELS)


def table() -> str:
    """Of channels where a tap may approve at medium risk."""
    shown = [where for where in ORDER if channel(where).abilities.tier is not Tier.C]
    rows = [
        f"| Request | Title | {' | '.join(where.replace('_', ' ').title() for where in shown)} |",
        f"|---|---|{'---|' * len(shown)}",
    ]
    for name in NAMES:
        title = real(name).card(channel("email")).title.replace("|", "\\|")
        cells = []
        for where in shown:
            approve, whole, _ = drawn(name, where)
            cells.append("yes" if approve and whole else "review")
        rows.append(f"| {name} | {title} | {' | '.join(cells)} |")
    known = [name for name in NAMES if plain(name)]
    shares = [sum(all(drawn(n, where)[:2]) for n in known) / len(known) for where in shown]
    total = " | ".join(f"{share:.0%}" for share in shares)
    rows.append(f"| **of {len(known)} without opaque parts** | | {total} |")
    return "\n".join(rows) + "\n"


def test_the_table_of_the_channels_page_is_what_the_cards_say() -> None:
    page = PAGE.read_text()
    before, rest = page.split(START)
    after = rest.split(END)[1]
    made = f"{before}{START}{table()}{END}{after}"
    if os.environ.get("GOLDEN"):
        PAGE.write_text(made)
    assert PAGE.read_text() == made


@pytest.mark.parametrize("where", LEAST)
def test_most_requests_are_one_tap_away_at_medium_risk(where: str) -> None:
    known = [name for name in NAMES if plain(name)]
    tapped = [name for name in known if all(drawn(name, where)[:2])]
    missing = {name: drawn(name, where)[2] for name in known if name not in tapped}
    assert len(tapped) / len(known) >= LEAST[where], missing


@pytest.mark.parametrize("where", sorted(CHANNELS))
@pytest.mark.parametrize("name", NAMES)
def test_a_card_that_a_tap_approves_has_nothing_encoded(name: str, where: str) -> None:
    approve, _, _ = drawn(name, where)
    if not approve:
        return
    card = real(name).card(channel(where))
    for text in (card.title, card.payload, *(fact.value for fact in card.facts)):
        assert not re.search(r"%[0-9A-F]{2}%[0-9A-F]{2}|\\n|\\u[0-9a-f]{4}", text)
        assert not re.search(r"(?<![\w-])(?!0x)[A-Za-z0-9+/]{120,}={0,2}", text)


@pytest.mark.parametrize("where", sorted(CHANNELS))
@pytest.mark.parametrize("name", NAMES)
def test_no_element_of_a_card_ends_in_white_space(name: str, where: str) -> None:
    """X1: a platform would cut it off, and no tap on the card would count."""
    payload = channel(where).layout(real(name).card(channel(where)))
    ends = [text for text in strings(payload) if text != text.rstrip() and "</html>" not in text]
    # A label of ours stands before the value that follows it in the same line.
    assert [text for text in ends if not text.endswith(": ")] == (
        [payload["text"]] if where == "email" else []
    )
