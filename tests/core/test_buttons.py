"""Button tokens and vote MACs: each law of buttons.py, and its breach."""

import base64
import dataclasses
import hashlib
import hmac
import string
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from approvals import buttons, evidence
from approvals.buttons import Binding, Key, KeyRing, Stored, flat
from approvals.model import (
    Address,
    Ask,
    Case,
    Choice,
    Escalation,
    Label,
    Refused,
    Risk,
    Vote,
)

NOW = 1_767_326_140_250
RING = KeyRing({"k1": Key("k1", b"1" * 32), "k2": Key("k2", b"2" * 32)}, "k1")
NONCE = bytes(range(16))
ASK = Ask(
    rule="payments",
    quorum=(("finance", 2), ("infra", 1)),
    via=("slack", "email"),
    risk=Risk.MEDIUM,
    step_up="passkey",
    remind=(5,),
    escalate=Escalation(10, "infra"),
    policy="sha-256:" + "c" * 64,
)
CASE = Case(
    id="req_1",
    org="default",
    revision=1,
    digest="sha-256:" + "a" * 64,
    requester="billing",
    agent="bot",
    ask=ASK,
    created_at=NOW - 1_000,
    expires_at=NOW + 9_000,
    barred=("kim",),
)
DM = Address("slack", "D1", "U1", "dana")
ROOM = Address("slack", "C1")
TAP = {"channel": "slack", "conversation": "D1", "account": "U1"}
VOTE = Vote("dana", Choice.APPROVE, ("finance",), "slack", 1, NOW, "ok", unseen=False)

OTHER: dict[str, Any] = {
    "kid": "k2",
    "request_id": "req_2",
    "revision": 2,
    "digest": "sha-256:" + "b" * 64,
    "choice": Choice.DECLINE,
    "label": Label.DECLINE,
    "channel": "telegram",
    "conversation": "D2",
    "addressee": "U2",
    "expires_at": NOW + 10_000,
}
BINDINGS = st.builds(
    Binding,
    kid=st.sampled_from(["k1", "k2"]),
    request_id=st.text(max_size=4),
    revision=st.integers(0, 99),
    digest=st.text(max_size=4),
    choice=st.sampled_from(Choice),
    label=st.sampled_from(Label),
    channel=st.text(max_size=4),
    conversation=st.text(max_size=4),
    addressee=st.none() | st.text(max_size=4),
    expires_at=st.integers(0, 99),
)


def mint(
    label: Label = Label.APPROVE, address: Address = DM, case: Case = CASE, nonce: bytes = NONCE
) -> tuple[Stored, str]:
    return buttons.mint(RING, nonce, card_id="crd_1", case=case, label=label, address=address)


def moved(stored: Stored, **changed: Any) -> Stored:
    return dataclasses.replace(stored, binding=dataclasses.replace(stored.binding, **changed))


# Tokens


def test_law_06_a_token_is_twenty_characters_that_every_platform_carries() -> None:
    stored, token = mint()
    assert len(token) == 20
    assert set(token) <= set(string.ascii_letters + string.digits + "-_")
    assert stored.lookup == hashlib.sha256(token.encode()).digest()[:16] == buttons.lookup(token)


def test_law_06_a_token_is_the_mac_of_nonce_card_and_binding_and_nothing_else() -> None:
    _, token = mint()
    fields = ("crd_1", "k1", "req_1", 1, CASE.digest, "approve", "Approve", "slack", "D1", "U1")
    message = NONCE + evidence.frame("countersign/button/1", *fields, CASE.expires_at)
    mac = hmac.new(b"1" * 32, message, hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(token) == mac[:15]


def test_law_06_a_button_binds_the_case_and_the_address() -> None:
    stored, _ = mint(Label.DECLINE_WITH_REASON, ROOM)
    binding = Binding(
        "k1",
        "req_1",
        1,
        CASE.digest,
        Choice.DECLINE,
        Label.DECLINE_WITH_REASON,
        "slack",
        "C1",
        None,
        CASE.expires_at,
    )
    assert stored == Stored(stored.lookup, "crd_1", NONCE, binding)


def test_law_06_our_own_token_is_genuine_and_can_be_rendered_again() -> None:
    stored, token = mint()
    assert buttons.mismatch(stored, CASE, **TAP) is None
    assert buttons.genuine(RING, stored, token)
    assert buttons.token_of(RING, stored) == token


@given(BINDINGS, BINDINGS)
def test_law_06_two_bindings_never_share_a_token(one: Binding, two: Binding) -> None:
    assume(one != two)
    tokens = [
        buttons.token_of(RING, Stored(b"", "crd_1", NONCE, binding)) for binding in (one, two)
    ]
    assert tokens[0] != tokens[1]
    frames = [evidence.frame("p", *dataclasses.astuple(binding)) for binding in (one, two)]
    assert frames[0] != frames[1]


@given(BINDINGS, st.data())
def test_law_06_any_change_of_any_field_of_a_binding_gives_another_token(
    binding: Binding, data: st.DataObject
) -> None:
    stored = Stored(b"", "crd_1", NONCE, binding)
    token = buttons.token_of(RING, stored)
    for field in dataclasses.fields(Binding):
        other = getattr(data.draw(BINDINGS), field.name)
        if other != getattr(binding, field.name):
            assert not buttons.genuine(RING, moved(stored, **{field.name: other}), token)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Binding)])
def test_law_06_a_stored_binding_that_was_altered_is_named_and_not_genuine(field: str) -> None:
    stored, token = mint()
    altered = moved(stored, **{field: OTHER[field]})
    named = buttons.mismatch(altered, CASE, **TAP)
    # A label alone no longer says its choice; a key id has no counterpart but in the MAC.
    assert named == {"label": "choice", "kid": None}.get(field, field)
    assert not buttons.genuine(RING, altered, token)


def test_law_06_a_button_that_was_moved_to_another_card_is_not_genuine() -> None:
    stored, token = mint()
    assert not buttons.genuine(RING, dataclasses.replace(stored, card_id="crd_2"), token)


def test_law_06_a_binding_whose_choice_and_label_were_swapped_together_is_not_genuine() -> None:
    stored, token = mint(Label.DECLINE)
    altered = moved(stored, choice=Choice.APPROVE, label=Label.APPROVE)
    assert buttons.mismatch(altered, CASE, **TAP) is None
    assert not buttons.genuine(RING, altered, token)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"id": "req_2"}, "request_id"),
        ({"revision": 2}, "revision"),
        ({"digest": "sha-256:" + "b" * 64}, "digest"),
        ({"expires_at": NOW + 99_000}, "expires_at"),
    ],
)
def test_law_06_a_token_of_another_request_or_revision_is_refused(
    changed: dict[str, Any], field: str
) -> None:
    stored, _ = mint()
    assert buttons.mismatch(stored, dataclasses.replace(CASE, **changed), **TAP) == field


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"channel": "telegram"}, "channel"),
        ({"conversation": "C9"}, "conversation"),
        ({"account": "U9"}, "addressee"),
        ({"account": ""}, "addressee"),
    ],
)
def test_law_06_a_token_of_another_conversation_is_refused(
    changed: dict[str, str], field: str
) -> None:
    stored, _ = mint()
    assert buttons.mismatch(stored, CASE, **(TAP | changed)) == field


def test_law_06_in_a_room_the_token_is_for_anyone_and_policy_says_who() -> None:
    stored, _ = mint(address=ROOM)
    for account in ("U1", "U9"):
        tap = {"channel": "slack", "conversation": "C1", "account": account}
        assert buttons.mismatch(stored, CASE, **tap) is None


def test_law_06_a_token_of_another_nonce_is_refused() -> None:
    stored, token = mint()
    again, other = mint(nonce=bytes(16))
    assert token != other
    assert not buttons.genuine(RING, stored, other)
    assert not buttons.genuine(RING, again, token)


@given(st.text() | st.text("abcXYZ019-_", min_size=20, max_size=20))
def test_law_06_any_text_at_all_is_looked_up_and_refused_quietly(text: str) -> None:
    stored, token = mint()
    assume(text != token)
    assert not buttons.genuine(RING, stored, text)
    assert len(buttons.lookup(text)) == 16


@pytest.mark.parametrize("text", ["\ud800", "é" * 20, "?" * 20, ""])
def test_law_06_text_that_is_not_ascii_is_refused_quietly(text: str) -> None:
    stored, token = mint()
    assert not buttons.genuine(RING, stored, text)
    assert not buttons.genuine(RING, stored, token + text[:1] + "=")
    assert buttons.lookup(text)


def test_law_06_a_button_needs_a_nonce_of_sixteen_bytes() -> None:
    for nonce in (b"", bytes(15), bytes(17)):
        with pytest.raises(ValueError, match="16 bytes"):
            mint(nonce=nonce)


# Keys


def test_a_key_under_32_bytes_is_refused() -> None:
    Key("k", bytes(32))
    with pytest.raises(ValueError, match="32 bytes"):
        Key("k", bytes(31))


def test_a_ring_knows_its_active_key_by_its_own_name() -> None:
    key = Key("k1", bytes(32))
    with pytest.raises(ValueError, match="not in the ring"):
        KeyRing({"k1": key}, "k2")
    with pytest.raises(ValueError, match="another name"):
        KeyRing({"k2": key}, "k2")


def test_a_key_that_was_rotated_out_still_verifies_and_the_new_one_signs() -> None:
    stored, token = mint()
    vote = buttons.seal_vote(RING, CASE, VOTE)
    later = KeyRing(RING.keys, "k2")
    assert buttons.genuine(later, stored, token)
    assert buttons.vote_genuine(later, CASE, vote)
    assert buttons.seal_vote(later, CASE, VOTE).kid == "k2"


def test_a_revoked_key_proves_nothing() -> None:
    stored, token = mint()
    vote = buttons.seal_vote(RING, CASE, VOTE)
    left = KeyRing({"k2": RING.keys["k2"]}, "k2")
    assert not buttons.genuine(left, stored, token)
    assert not buttons.vote_genuine(left, CASE, vote)
    with pytest.raises(Refused, match="k1"):
        buttons.token_of(left, stored)


def test_law_23_no_secret_nonce_or_mac_is_in_a_repr() -> None:
    stored, token = mint()
    vote = buttons.seal_vote(RING, CASE, VOTE)
    text = repr((RING, RING.keys["k1"], stored, vote))
    for secret in ("1" * 32, str(NONCE), NONCE.hex(), token, vote.mac):
        assert secret not in text


# Votes


def test_law_20_a_sealed_vote_is_genuine_and_else_unchanged() -> None:
    vote = buttons.seal_vote(RING, CASE, VOTE)
    assert buttons.vote_genuine(RING, CASE, vote)
    assert dataclasses.replace(vote, kid="", mac="") == VOTE


OTHER_VOTE: dict[str, Any] = {
    "person": "lee",
    "choice": Choice.DECLINE,
    "groups": ("finance", "infra"),
    "channel": "web",
    "revision": 2,
    "at": NOW + 1,
    "reason": None,
    "unseen": True,
    "kid": "k2",
    "mac": "0" * 64,
}
OTHER_ASK: dict[str, Any] = {
    "rule": "else",
    "quorum": (("finance", 1), ("infra", 1)),
    "via": ("slack",),
    "risk": Risk.LOW,
    "expires": 1,
    "release_within": 1,
    "four_eyes": True,
    "allow_unseen": True,
    "opaque": True,
    "step_up": None,
    "remind": (),
    "escalate": None,
    "policy": "",
    "also": ("a doubtful rule",),
    "reasons": ("Not agreed",),
}
OTHER_CASE: dict[str, Any] = {
    "id": "req_2",
    "org": "other",
    "revision": 2,
    "digest": "sha-256:" + "b" * 64,
    "requester": "other",
    "agent": "other",
    "barred": (),
    "inspectable": False,
    "complete": False,
    "shown": "the fingerprint of another content",
}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Vote)])
def test_write_access_to_the_database_cannot_alter_a_vote(field: str) -> None:
    vote = buttons.seal_vote(RING, CASE, VOTE)
    altered = dataclasses.replace(vote, **{field: OTHER_VOTE[field]})
    assert not buttons.vote_genuine(RING, CASE, altered)


SEALED = buttons.seal_case(RING, CASE)


def stands(case: Case, vote: Vote) -> bool:
    """What the service asks before it believes a stored vote."""
    return buttons.case_genuine(RING, case) and buttons.vote_genuine(RING, case, vote)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Ask)])
def test_write_access_to_the_database_cannot_alter_the_terms_of_a_vote(field: str) -> None:
    vote = buttons.seal_vote(RING, SEALED, VOTE)
    ask = dataclasses.replace(ASK, **{field: OTHER_ASK[field]})
    assert not stands(dataclasses.replace(SEALED, ask=ask), vote)


@pytest.mark.parametrize("field", OTHER_CASE)
def test_write_access_to_the_database_cannot_move_a_vote_to_another_case(field: str) -> None:
    vote = buttons.seal_vote(RING, SEALED, VOTE)
    case = dataclasses.replace(SEALED, **{field: OTHER_CASE[field]})
    assert not stands(case, vote)
    assert not stands(buttons.seal_case(RING, case), vote)


def test_a_vote_stays_genuine_while_the_case_goes_on() -> None:
    vote = buttons.seal_vote(RING, SEALED, VOTE)
    later = dataclasses.replace(SEALED, version=9, votes=(vote,), escalated=True, reminded=2)
    assert stands(later, vote)


@given(st.lists(st.text(max_size=2), max_size=3), st.lists(st.text(max_size=2), max_size=3))
def test_barred_people_and_groups_cannot_trade_places(one: list[str], two: list[str]) -> None:
    assume(one != two)
    case = buttons.seal_case(RING, dataclasses.replace(CASE, barred=(*one,)))
    vote = buttons.seal_vote(RING, case, dataclasses.replace(VOTE, groups=(*two,)))
    traded = dataclasses.replace(vote, groups=(*one,))
    assert not stands(dataclasses.replace(case, barred=(*two,)), traded)


def test_terms_of_equal_text_in_other_places_are_other_terms() -> None:
    one = dataclasses.replace(ASK, via=("a", "b"), remind=())
    two = dataclasses.replace(ASK, via=("a",), remind=())
    case = buttons.seal_case(RING, dataclasses.replace(CASE, ask=one))
    vote = buttons.seal_vote(RING, case, VOTE)
    assert stands(case, vote)
    assert not stands(dataclasses.replace(case, ask=two), vote)


def test_a_mac_that_is_not_ascii_is_no_mac() -> None:
    vote = dataclasses.replace(buttons.seal_vote(RING, SEALED, VOTE), mac="é\ud800")
    assert not stands(SEALED, vote)


def test_what_was_sealed_before_a_field_was_added_stays_genuine() -> None:
    old, also, opaque = (Ask("r", (("g", 1),)), Ask("r", (("g", 1),), also=("x",)),
                         Ask("r", (("g", 1),), opaque=True))  # fmt: skip
    fields = list(flat(old))
    assert fields == [12, "r", 1, 2, "g", 1, 0, Risk.MEDIUM, 900_000, 60_000, False, False, None,
                      0, None, ""]  # fmt: skip
    assert len({tuple(flat(one)) for one in (old, also, opaque)}) == 3
