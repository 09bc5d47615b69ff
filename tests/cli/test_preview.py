"""`countersign preview`: what it says of a card is what stands on the card."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest

from adapters import CHANNELS
from approvals.model import Risk
from tests.harness.real_requests import NAMES, previewed

TOKEN: Final = re.compile("preview[0-9]{13}")


def texts(payload: Any) -> str:
    """Every text of a payload, in which a button's token stands if the button does."""
    return json.dumps(payload, ensure_ascii=False)


@pytest.mark.parametrize("risk", [Risk.MEDIUM, Risk.HIGH])
@pytest.mark.parametrize("name", NAMES)
def test_a_card_has_approve_exactly_where_no_review_is_needed(name: str, risk: Risk) -> None:
    for where, one in previewed(name, risk).items():
        said = one.plain()
        assert ("Approve" in said["buttons"]) is (said["review_needed"] is None), where
        declines = said["buttons"] or f"decline {one.card.digest[:8]}" in texts(one.payload)
        assert declines, "an open request can always be declined"
        assert risk is not Risk.HIGH or "Approve" not in said["buttons"]


@pytest.mark.parametrize("name", NAMES)
def test_the_buttons_that_are_named_are_those_of_the_payload(name: str) -> None:
    for where, one in previewed(name).items():
        drawn, named = texts(one.payload), {button.token for button in one.card.buttons}
        assert set(TOKEN.findall(drawn)) == named, where
        assert one.card.review_needed is None or "Review and approve" in drawn


def test_what_says_why_there_is_no_approve_stands_on_the_card() -> None:
    """A request that is too long for one message: the channel says so, not the request."""
    said = previewed("sql-snowflake")["whatsapp"].plain()
    assert (said["buttons"], said["review_needed"]) == (
        ["Decline"],
        "It is too long for this card.",
    )
    assert said["review_needed"] in texts(previewed("sql-snowflake")["whatsapp"].payload)


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_draws_its_card_as_a_page(name: str) -> None:
    one = previewed("stripe-payout", Risk.LOW)[name]
    assert one.payload is not None
    page = CHANNELS[name].page(one.payload, None)
    assert page.lower().startswith("<!doctype html>")
    assert "approve" in page.lower()
