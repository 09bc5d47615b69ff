"""Teams' quirks: whose tokens count, whose taps, where our own token goes, and what fits."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from microsoft_teams.cards import AdaptiveCard

from adapters.teams import connector
from adapters.teams.adapter import ISSUER, Teams, inert
from adapters.teams.connector import SERVICE
from approvals import linking
from approvals.app import channels, keys
from approvals.buttons import Key, KeyRing
from approvals.model import (
    Address,
    Busy,
    Escalation,
    Fact,
    Forged,
    Kind,
    Malformed,
    Outcome,
    Person,
    Refused,
    Risk,
    Status,
)
from approvals.people import Directory
from approvals.port import (
    Event,
    Glance,
    Ignored,
    Inbound,
    Notice,
    NoticeKind,
    Payload,
    Reply,
    Resolved,
    Tap,
)
from approvals.store import Linked, Store
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import CARDS, NOW, card, strings, words
from tests.harness.house import HANGS, RING, Clock, Place, everything, open_house, rule
from tests.harness.installation import install
from tests.harness.samples import CASE, REQUEST, vote
from tests.harness.samples import card as built
from tests.peers.teams import (
    APP,
    DANA,
    FIXTURES,
    KEY,
    KIND,
    ROOM,
    SECRET,
    STRANGE,
    TENANT,
    UNENDORSED,
    SigningKey,
    TeamsPeer,
    buttons,
    delivery,
    fixture,
    make,
    member,
    mentioned,
    token,
    written,
)

AWAY = "http://127.0.0.1:9/"
LEE = "1d2ba6d4-9c54-4f3c-8b4e-6f2f3f1a9b11"
EVE = "2d2ba6d4-9c54-4f3c-8b4e-6f2f3f1a9b12"
MINUTE = 60_000


@pytest.fixture
async def teams() -> AsyncIterator[TeamsPeer]:
    async with TeamsPeer(people={who: member(who) for who in (DANA, LEE)}) as peer:
        yield peer


@pytest.fixture
async def channel(teams: TeamsPeer) -> AsyncIterator[Teams]:
    made = make(teams.api)
    yield made
    await made.close()


def read(channel: Teams, activity: dict[str, Any]) -> Event:
    return channel.read(Resolved.of(channel.authenticate(delivery(activity, NOW))))


def tapped(channel: Teams, activity: dict[str, Any]) -> Tap:
    event = read(channel, activity)
    assert isinstance(event, Tap)
    return event


def forged(channel: Teams, bearer: str, activity: Any = None, at: int = NOW) -> None:
    with pytest.raises(Forged):
        channel.authenticate(
            delivery(fixture("execute") if activity is None else activity, at, bearer)
        )


# Configuration


@pytest.mark.parametrize("absent", ["app_id", "tenant_id", "app_secret"])
def test_law_09_an_absent_secret_is_an_error_at_start(absent: str) -> None:
    given: dict[str, Any] = {absent: " "}
    with pytest.raises(ValueError, match=absent):
        make(AWAY, **given)


def test_a_configured_channel_has_its_ids_as_teams_writes_them() -> None:
    section = channels.SECTIONS["teams"].model_validate(
        {"app_id": APP.upper(), "tenant_id": TENANT.upper(), "app_secret": SECRET}
    )
    made: Any = channels.made({"teams": section}, {})["teams"]
    assert (made.app_id, made.tenant_id, made.app_secret) == (APP, TENANT, SECRET)


# Whose tokens count


@pytest.mark.parametrize(
    "claims",
    [
        # What a bot gets to send with: its own, and the SDK's check takes it.
        {"iss": f"https://sts.windows.net/{TENANT}/", "appid": APP, "aud": ISSUER},
        {"iss": f"https://sts.windows.net/{TENANT}/"},
        {"iss": f"https://login.microsoftonline.com/{TENANT}/v2.0"},
        {"iss": "https://api.botframework.com/"},
        {"iss": None},
        {"aud": "00000000-0000-0000-0000-000000000000"},
        {"aud": [APP]},
        {"aud": None},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": [9999999999]},
        {"exp": float("nan")},
        {"exp": NOW // 1000 - 301},
        {"nbf": NOW // 1000 + 301},
        {"nbf": "0"},
        {"serviceurl": None},
        {"serviceurl": "https://smba.trafficmanager.net/emea/"},
        {"serviceurl": ""},
    ],
    ids=str,
)
def test_law_09_a_token_that_lacks_one_thing_is_forged(claims: dict[str, Any]) -> None:
    forged(make(AWAY), token(NOW, **claims))


@pytest.mark.parametrize("late", [-299, 299])
def test_law_09_a_clock_may_be_five_minutes_away(late: int) -> None:
    exp, nbf = NOW // 1000 + min(late, 0), NOW // 1000 + max(late, 0)
    good = delivery(fixture("execute"), NOW, token(NOW, exp=exp, nbf=nbf))
    assert make(AWAY).authenticate(good)


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_law_09_only_rs256_counts() -> None:
    channel, kid = make(AWAY), KEY.kid
    head, claims, _ = token(NOW).split(".")
    public = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    n = base64.urlsafe_b64decode(KEY.jwk()["n"] + "==")
    for secret in (public, public.strip(), n, KEY.jwk()["n"].encode(), b""):
        first = part({"alg": "HS256", "kid": kid, "typ": "JWT"})
        proof = hmac.digest(secret, f"{first}.{claims}".encode(), "sha256")
        forged(channel, f"{first}.{claims}.{part(proof)}")
    said = jwt.decode(token(NOW), options={"verify_signature": False})
    for alg in ("RS384", "RS512", "PS256"):
        forged(channel, jwt.encode(said, KEY.private, alg, {"kid": kid}))
    odd: tuple[Any, ...] = ("none", "None", "NONE", "", None, 7, ["RS256"])
    for alg in odd:
        first = part({"alg": alg, "kid": kid})
        forged(channel, f"{first}.{claims}.")
        forged(channel, f"{first}.{claims}.{token(NOW).split('.')[2]}")
    forged(channel, f"{head}.{claims}.")
    forged(channel, f"{head}.{claims}")


def test_law_09_a_key_of_the_senders_own_proves_nothing() -> None:
    channel = make(AWAY)
    forged(channel, token(NOW, STRANGE))
    forged(channel, token(NOW, SigningKey("of-my-own")))
    said = jwt.decode(token(NOW), options={"verify_signature": False})
    for more in ({"jwk": STRANGE.jwk()}, {"jku": "http://127.0.0.1/"}, {"crit": ["b64"]}):
        forged(channel, jwt.encode(said, STRANGE.private, "RS256", {"kid": KEY.kid, **more}))


@pytest.mark.parametrize(
    "head", ['{"kid":["a"]}', '{"kid":{}}', "[]", "7", "null", "[" * 5000, '{"kid":null}', "\x00"]
)
def test_law_09_a_strange_header_is_forged_and_nothing_else(head: str) -> None:
    for bearer in (f"{part(head.encode())}.e30.AA", "..", ".", "é.é.é", "a" * 100_000):
        forged(make(AWAY), bearer)


def test_law_09_a_key_that_is_not_endorsed_for_teams_proves_nothing() -> None:
    channel = make(AWAY, keys=(KEY, UNENDORSED))
    forged(channel, token(NOW, UNENDORSED))
    for other in ("emulator", "webchat", "", None, ["msteams"]):
        forged(channel, token(NOW), {**fixture("execute"), "channelId": other})


def test_law_09_an_activity_without_a_service_is_forged() -> None:
    bare = fixture("execute")
    del bare["serviceUrl"]
    for activity in (bare, {**bare, "serviceUrl": None}, {**bare, "serviceUrl": [SERVICE]}):
        forged(make(AWAY), token(NOW), activity)
        forged(make(AWAY), token(NOW, serviceurl=None), activity)
    for body in (b"", b"[]", b"{", b"[" * 100_000, b'"x"', b"\xff"):
        forged(make(AWAY), token(NOW), body)


# Keys


async def test_law_09_a_new_key_is_read_before_it_is_asked_for(teams: TeamsPeer) -> None:
    channel, good = make(teams.api, keys=()), delivery(fixture("execute"), NOW)
    with pytest.raises(Forged):
        channel.authenticate(good)
    await channel.prepare(good)
    assert channel.authenticate(good)
    fresh = SigningKey("next-week")
    teams.keys = [fresh]
    later = delivery(fixture("execute"), NOW + MINUTE, token(NOW, fresh))
    await channel.prepare(later)
    assert channel.authenticate(later)
    # The old one was withdrawn, so it is believed no longer.
    with pytest.raises(Forged):
        channel.authenticate(replace(good, at=later.at))
    assert teams.key_reads == 2
    await channel.close()


async def test_law_27_a_storm_of_invented_keys_makes_us_look_once_a_minute(
    teams: TeamsPeer,
) -> None:
    channel = make(teams.api, keys=())
    storm = [delivery({}, NOW, token(NOW, replace(STRANGE, kid=f"k{n}"))) for n in range(50)]
    await asyncio.gather(*map(channel.prepare, storm))
    assert teams.key_reads == 1
    await asyncio.gather(*(channel.prepare(replace(one, at=NOW + MINUTE)) for one in storm))
    assert teams.key_reads == 2
    await channel.close()


async def test_law_26_while_no_keys_can_be_had_a_delivery_must_wait(teams: TeamsPeer) -> None:
    channel, good = make(teams.api, keys=()), delivery(fixture("execute"), NOW)
    teams.away = True
    with pytest.raises(Busy):
        await channel.prepare(good)
    teams.away = False
    later = replace(good, at=NOW + MINUTE)
    await channel.prepare(later)
    assert channel.authenticate(later)
    # A day later they are old, but better than none.
    teams.away, old = True, delivery(fixture("execute"), NOW + 25 * 60 * MINUTE)
    await channel.prepare(old)
    assert channel.authenticate(old)
    await channel.close()


async def test_law_10_keys_are_read_from_microsofts_own_host(teams: TeamsPeer) -> None:
    channel = make(teams.api, keys=())
    async with TeamsPeer() as other:
        teams.jwks_uri = f"{other.api}v1/.well-known/keys"
        with pytest.raises(Busy):
            await channel.prepare(delivery(fixture("execute"), NOW))
        assert other.key_reads == 0
    await channel.close()


@pytest.mark.parametrize(
    "document", [{}, {"keys": None}, {"keys": [1]}, {"keys": [{"kty": "RSA", "kid": "a"}]}, []]
)
def test_a_document_that_holds_no_keys_is_busy_and_changes_nothing(document: Any) -> None:
    channel = make(AWAY)
    with pytest.raises(Busy):
        channel.signers.trust(document, NOW)
    assert channel.authenticate(delivery(fixture("execute"), NOW))


# Cards


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    path = FIXTURES / "golden" / f"{state}.json"
    payload = make(AWAY).layout(CARDS[state])
    if os.environ.get("GOLDEN"):
        path.write_text(json.dumps(payload, indent=1, ensure_ascii=False) + "\n")
    assert payload == json.loads(path.read_text())


def accepted(payload: Payload) -> None:
    """Microsoft's own models take the card, know each of its keys, and it is within every limit."""
    assert len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()) <= 28_000
    (hung,) = payload["attachments"]
    whole = AdaptiveCard.model_validate(hung["content"], strict=True)
    kept = whole.model_dump(by_alias=True, exclude_unset=True, mode="json")
    assert json.loads(json.dumps(kept)) == hung["content"]
    assert '"unknown"' not in json.dumps(kept)


@pytest.mark.parametrize("path", sorted((FIXTURES / "golden").glob("*.json")), ids=lambda p: p.stem)
def test_microsofts_own_models_accept_every_golden_card(path: Path) -> None:
    accepted(json.loads(path.read_text()))


@pytest.mark.parametrize("texts", hostile.BATCHES, ids=range(len(hostile.BATCHES)))
def test_microsofts_own_models_accept_a_request_with_hostile_words_everywhere(
    texts: tuple[str, ...],
) -> None:
    channel = make(AWAY)
    for text in texts:
        for _, payload in on_platforms.full_of(channel, text):
            accepted(payload)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("fill", ["x", "😀", "\u202e", "é", "{{DATE(", "  ", '"\\'])
def test_whatever_it_is_full_of_a_card_fits_and_can_say_how_it_ended(
    status: Status, fill: str
) -> None:
    channel = make(AWAY)
    facts = tuple(Fact(fill * 60, fill * 400) for _ in range(10))
    texts: dict[str, Any] = {"title": fill * 400, "action": fill * 400, "note": fill * 3000}
    request = replace(REQUEST, http=None, kind=Kind.GATEWAY, facts=facts, **texts)
    request = replace(request, payload=fill * 3000)
    votes = () if status is Status.PENDING else (vote("dana"), vote("lee"))
    case = replace(CASE, status=status, votes=votes, reason=fill * 1000 if votes else None)
    if status is Status.APPROVED:
        case = replace(case, outcome=Outcome(False, 9, 500, fill * 1000))
    accepted(channel.layout(built(case, request, limits=channel.limits)))


def test_law_11_values_stand_in_nodes_that_teams_does_not_parse() -> None:
    value = "[Approve](https://evil.example) <at>Dana</at>"
    shown = card(title=value, payload=value, note=value, facts=(Fact(value, value),))

    def look(node: Any) -> None:
        if isinstance(node, dict):
            own = [item for item in node.values() if isinstance(item, str)]
            assert node.get("type") == "TextRun" or value not in own
            node = list(node.values())
        for item in node if isinstance(node, list) else ():
            look(item)

    payload = make(AWAY).layout(shown)
    look(payload)
    assert "entities" not in payload


def test_law_12_a_macro_of_the_platform_changes_no_text() -> None:
    assert inert("{{DATE(2017-02-14T06:00:00Z)}} {{ time(x)") == (
        "{\u200b{DATE(2017-02-14T06\u200b:00:00Z)}} {{ time(x)"
    )
    assert inert("{{{Time(") == "{{\u200b{Time("


def test_a_word_that_would_be_cut_off_can_be_wrapped() -> None:
    """C4: it would run out of the card."""
    shown = inert("id " + "A" * 55 + "PAYMALLORY")
    assert max(map(len, re.split("[ \u200b]", shown))) <= 20
    assert shown.replace("\u200b", "") == "id " + "A" * 55 + "PAYMALLORY"


def test_law_14_what_no_tap_may_approve_has_review_and_no_approve() -> None:
    (actions,) = [
        block["actions"]
        for block in make(AWAY).layout(CARDS["uninspectable"])["attachments"][0]["content"]["body"]
        if block["type"] == "ActionSet"
    ]
    assert [one["title"] for one in actions] == ["Review and approve…", "Decline…"]


def inside(actions: Any) -> Any:
    """The Decline that the second button opens."""
    return actions[1]["card"]["actions"][0]


def changed(change: Any) -> Any:
    inner = make(AWAY).render

    def render(values: Any) -> Payload:
        payload = inner(values)
        body = payload["attachments"][0]["content"]["body"]
        (actions,) = [block["actions"] for block in body if block["type"] == "ActionSet"]
        change(actions, body)
        return payload

    return render


@pytest.mark.parametrize(
    "change",
    [
        lambda actions, body: actions[0].update(data=inside(actions)["data"]),
        lambda actions, body: actions[0]["fallback"].update(data=inside(actions)["data"]),
        lambda actions, body: inside(actions).update(title="Approve"),
        lambda actions, body: inside(actions)["fallback"].update(title="Approve"),
        lambda actions, body: actions[0].pop("fallback"),
        lambda actions, body: actions.pop(0),
        lambda actions, body: actions.reverse(),
        lambda actions, body: actions[0].update(data="Q" * 20),
        lambda actions, body: body[0].update(
            selectAction={"type": "Action.Submit", "data": {"token": "Q" * 20}}
        ),
    ],
)
def test_a_template_that_draws_other_buttons_is_refused(change: Any) -> None:
    with pytest.raises(Refused):
        make(AWAY, render=changed(change)).layout(card())


# Reading


def test_a_press_says_who_where_and_what() -> None:
    tap = tapped(make(AWAY), fixture("execute"))
    assert (tap.account, tap.conversation, tap.message, tap.token) == (
        DANA,
        "a:1lZ5kGq0dana",
        "1767326126000",
        "Q" * 20,
    )
    assert (tap.stranger, tap.reason, tap.echo) == (None, None, None)


def test_an_older_clients_press_is_read_too() -> None:
    tap = tapped(make(AWAY), fixture("submit"))
    assert (tap.account, tap.token, tap.reason) == (DANA, "S" * 20, "Wrong account")
    assert make(AWAY).answer(tap, Notice(NoticeKind.REFUSED, "No.")) is None


def test_a_press_in_a_channel_is_of_the_room_and_not_of_its_thread() -> None:
    press = fixture("execute")
    press["conversation"]["id"] = f"{ROOM};messageid=1767326126000"
    assert tapped(make(AWAY), press).conversation == ROOM


def test_law_08_a_look_at_the_card_is_no_vote() -> None:
    for action in (fixture("automatic")["value"]["action"], fixture("execute")["value"]["action"]):
        look = {**fixture("automatic"), "value": {"action": action, "trigger": "automatic"}}
        event = read(make(AWAY), look)
        assert isinstance(event, Glance)
        assert (event.account, event.message, event.by_hand) == (DANA, "1767326126000", False)
        assert "Q" * 20 not in repr(event)
    by_hand = fixture("automatic")
    by_hand["value"]["trigger"] = "manual"
    event = read(make(AWAY), by_hand)
    assert isinstance(event, Glance)
    assert event.by_hand


@pytest.mark.parametrize(
    "activity",
    [
        fixture("installed"),
        {**fixture("submit"), "value": None},
        {**fixture("submit"), "value": {"other": "app"}},
        {**fixture("submit"), "value": "token"},
        {**fixture("execute"), "name": "composeExtension/query"},
        {**fixture("execute"), "type": "typing"},
        {**fixture("execute"), "type": "messageReaction"},
    ],
)
def test_what_is_no_press_is_ignored(activity: dict[str, Any]) -> None:
    assert isinstance(read(make(AWAY), activity), Ignored)


@pytest.mark.parametrize(
    "change",
    [
        {"channelData": {"tenant": {"id": "other"}}},
        {"conversation": {"id": "a:1", "tenantId": "other"}},
        {"conversation": {"id": "a:1"}, "channelData": {}},
        {"conversation": {"id": "a:1"}, "channelData": None},
        {"from": {"id": f"28:{APP}", "role": "bot"}},
        {"from": {"id": "29:x", "aadObjectId": EVE, "role": "bot"}},
        {"from": {"id": "29:anonymous"}},
        {"from": {"id": "29:anonymous", "aadObjectId": ""}},
    ],
)
def test_law_02_foreign_tenants_bots_and_the_nameless_are_strangers(change: dict[str, Any]) -> None:
    assert tapped(make(AWAY), {**fixture("execute"), **change}).stranger
    said = {**written(WROTE), **change}
    said["conversation"] = {**said["conversation"], "conversationType": "personal"}
    assert wrote(make(AWAY), said).stranger


WROTE = "link CS-0123-4567-89AB-CDEF"
BOT = {"type": "mention", "mentioned": {"id": f"28:{APP}"}, "text": "<at>Countersign</at>"}


def wrote(channel: Teams, activity: dict[str, Any]) -> Reply:
    event = read(channel, activity)
    assert isinstance(event, Reply)
    return event


@pytest.mark.parametrize(
    "activity",
    [
        written(WROTE),
        written(f"  {WROTE}\n"),
        written(WROTE.replace(" ", "\xa0")),
        written(WROTE.replace(" ", "&nbsp;") + "\u200b"),
        written(f"<div>{WROTE}</div>\n", textFormat="xml"),
        written(f"<at>Countersign</at> {WROTE}", entities=[BOT]),
        written(f"<at>Countersign</at>&nbsp;{WROTE}\n", entities=[{"type": "clientInfo"}, BOT]),
        {**written(WROTE), "text": None},
        {**written(WROTE), "text": ""},
        {**written(WROTE), "attachments": None, "entities": None, "channelData": None},
    ],
)
def test_a_message_is_read_without_what_teams_puts_into_it(activity: dict[str, Any]) -> None:
    reply = wrote(make(AWAY), activity)
    assert reply.text.replace("\n", " ").strip() == WROTE
    assert (reply.account, reply.conversation, reply.stranger) == (DANA, "a:1lZ5kGq0dana", None)


@pytest.mark.parametrize(
    "activity",
    [
        mentioned(WROTE),
        {**mentioned(WROTE), "conversation": {"id": "19:x@thread.v2", "tenantId": TENANT}},
        written(WROTE, conversation={"id": "19:x", "conversationType": "groupChat"}),
        written(WROTE, conversation={"id": "a:1", "conversationType": "personal", "isGroup": True}),
        written("x" * 5_000),
        written(" \xa0"),
        written(WROTE, type="messageUpdate"),
    ],
)
def test_law_06_what_others_could_read_and_what_is_no_text_is_ignored(
    activity: dict[str, Any],
) -> None:
    assert isinstance(read(make(AWAY), activity), Ignored)


@pytest.mark.parametrize(
    "change", [{"text": ["x"]}, {"entities": [{"type": "mention", "text": 7}]}, {"from": {}}]
)
def test_a_strange_message_is_malformed_or_nothing(change: dict[str, Any]) -> None:
    with suppress(Malformed):
        assert isinstance(read(make(AWAY), {**written(WROTE), **change}), Ignored)


# Where our own token goes


async def test_law_10_our_token_goes_to_microsoft_only(teams: TeamsPeer, channel: Teams) -> None:
    async with TeamsPeer() as other:
        for service in (
            other.service,
            "http://169.254.169.254/",
            "https://smba.trafficmanager.net.evil.example/",
            "https://smba.trafficmanager.net@evil.example/",
            "https://smba.trafficmanager.net:444/",
            "http://smba.trafficmanager.net/",
            f"{teams.service}\\@evil.example",
        ):
            tap = tapped(channel, {**fixture("execute"), "serviceUrl": service})
            await channel.tell(tap, Notice(NoticeKind.COUNTED, "Counted."))
            reply = wrote(channel, written(WROTE, serviceUrl=service))
            teams.rooms.add(reply.conversation)
            await channel.say(reply, Notice(NoticeKind.COUNTED, "Linked."))
            assert (await channel.post(Address("teams", ROOM), channel.layout(card()), "k")).message
        assert other.calls == []


async def test_the_region_is_learnt_from_a_tap(teams: TeamsPeer, channel: Teams) -> None:
    press = {**fixture("execute"), "serviceUrl": f"{teams.base}/emea/{TENANT}/"}
    await channel.tell(tapped(channel, press), Notice(NoticeKind.COUNTED, "Counted."))
    assert channel._bot.service == f"{teams.base}/emea/{TENANT}/"
    stranger = {
        **press,
        "serviceUrl": f"{teams.base}/apac/",
        "channelData": {"tenant": {"id": "x"}},
    }
    await channel.tell(tapped(channel, stranger), Notice(NoticeKind.REFUSED, "No."))
    assert channel._bot.service == f"{teams.base}/emea/{TENANT}/"
    teams.rooms.add("a:1lZ5kGq0dana")
    here = wrote(channel, written(WROTE, serviceUrl=f"{teams.base}/apac/"))
    await channel.say(here, Notice(NoticeKind.REFUSED, "No."))
    assert channel._bot.service == f"{teams.base}/apac/"


async def test_a_redirect_is_not_followed(teams: TeamsPeer, channel: Teams) -> None:
    await channel.post(Address("teams", ROOM), channel.layout(card()), "k")
    async with TeamsPeer() as other:
        teams.break_next(307, None)
        teams.fail[-1].headers["Location"] = other.service
        with pytest.raises(Busy):
            await channel.post(Address("teams", ROOM), channel.layout(card()), "k")
        assert other.calls == []


async def test_a_token_is_asked_for_once_and_anew_when_it_is_refused(
    teams: TeamsPeer, channel: Teams
) -> None:
    where, payload = Address("teams", ROOM), channel.layout(card())
    await asyncio.gather(*(channel.post(where, payload, f"k{n}") for n in range(5)))
    assert teams.tokens == 1
    teams.break_next(401, None)
    with pytest.raises(Busy):
        await channel.post(where, payload, "k")
    await channel.post(where, payload, "k")
    assert teams.tokens == 2


async def test_law_26_those_who_wait_for_a_token_wait_no_longer_than_one_call(
    teams: TeamsPeer, channel: Teams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "PATIENCE", 2)
    where, payload = Address("teams", ROOM), channel.layout(card())
    teams.signing = asyncio.Event()
    posts = (channel.post(where, payload, f"k{n}") for n in range(4))
    said = await asyncio.gather(*posts, return_exceptions=True)
    teams.signing.set()
    assert {type(one) for one in said} == {Busy}
    assert teams.tokens < 4  # one after the other each would have asked, and waited for itself
    await channel.post(where, payload, "k")


# People


@pytest.mark.parametrize(
    "other",
    [
        {"userRole": "guest"},
        {"userRole": "anonymous"},
        {"tenantId": "other"},
        {"tenantId": None},
        {"userPrincipalName": "dana_partner.example#EXT#@example.onmicrosoft.com"},
        {"aadObjectId": EVE, "objectId": EVE},
    ],
)
async def test_law_02_who_can_never_approve_is_refused(
    teams: TeamsPeer, channel: Teams, other: dict[str, Any]
) -> None:
    teams.people[DANA] = member(DANA, **other)
    with pytest.raises(Refused):
        await channel.open(DANA)


async def test_a_person_is_opened_by_their_object_id(teams: TeamsPeer, channel: Teams) -> None:
    address = await channel.open(DANA.upper())
    assert address == Address("teams", f"a:1{DANA[:8]}", account=DANA)
    for other in ("dana@example.com", "29:1Eniglq0", "", "../../members", EVE):
        with pytest.raises(Refused):
            await channel.open(other)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, "MessageWritesBlocked", Refused),
        (403, "BotNotInConversationRoster", Busy),
        (403, "BotDisabledByAdmin", Busy),
        (401, "BotNotRegistered", Busy),
        (412, "PreconditionFailed", Busy),
        (504, "GatewayTimeout", Busy),
        (404, "ConversationNotFound", Refused),
        (413, "MessageSizeTooBig", Refused),
    ],
)
async def test_what_an_operator_can_mend_is_not_held_against_anybody(
    teams: TeamsPeer, channel: Teams, status: int, code: str, error: type[Exception]
) -> None:
    teams.fail.append(teams._error(status, code))
    with pytest.raises(error, match=code):
        await channel.post(Address("teams", ROOM), channel.layout(card()), "k")


async def test_an_app_that_entra_does_not_know_is_in_the_log(
    teams: TeamsPeer, caplog: pytest.LogCaptureFixture
) -> None:
    """AADSTS700016. Entra's errors are of another shape than the Connector's."""
    teams.refusal = "unauthorized_client"
    channel = make(teams.api)
    with pytest.raises(Busy):
        await channel.open(DANA)
    assert "app_token_not_issued" in caplog.text
    assert "unauthorized_client" in caplog.text
    await channel.close()


async def test_a_wrong_secret_is_ours_to_mend_and_is_not_said(
    teams: TeamsPeer, caplog: pytest.LogCaptureFixture
) -> None:
    channel = make(teams.api, app_secret="wrong-one")
    with pytest.raises(Busy):
        await channel.open(DANA)
    findings = {one.subject: one.ok for one in await channel.check()}
    assert findings == {"token": False, "keys": True, "clock": True}
    assert "wrong-one" not in caplog.text
    await channel.close()


async def test_a_healthy_channel_has_no_findings(channel: Teams) -> None:
    assert all(one.ok for one in await channel.check())


# What the person is told


async def test_law_02_a_refusal_is_said_in_private_only(teams: TeamsPeer, channel: Teams) -> None:
    no = Notice(NoticeKind.REFUSED, "You are not an approver of this request.")
    teams.rooms.add("a:1lZ5kGq0dana")
    execute = tapped(channel, {**fixture("execute"), "serviceUrl": teams.service})
    answer = channel.answer(execute, no)
    assert answer is not None
    assert json.loads(answer.body) == {
        "statusCode": 200,
        "type": "application/vnd.microsoft.activity.message",
        "value": no.text,
    }
    await channel.tell(execute, no)
    submit = {**fixture("submit"), "serviceUrl": teams.service}
    public = {**submit, "conversation": {**submit["conversation"], "conversationType": "channel"}}
    await channel.tell(tapped(channel, public), no)
    assert teams.messages == {}
    await channel.tell(tapped(channel, submit), no)
    (said,) = teams.messages.values()
    assert said == {"type": "message", "text": no.text, "textFormat": "plain"}


# The whole way

PEOPLE = (
    Person("dana", None, {"teams": DANA}),
    Person("lee", None, {"teams": LEE}),
)
GROUPS = {"default": frozenset({"dana", "lee"})}
RULES = (
    rule("room", via=(f"teams:{ROOM}",)),
    rule("two", quorum=(("default", 2),), via=(f"teams:{ROOM}",)),
)


@pytest.fixture
async def place(store: Store, teams: TeamsPeer) -> AsyncIterator[Place]:
    channel: Any = make(teams.api, keys=())
    async with open_house(
        store, desks=(channel,), clock=Clock(), people=PEOPLE, groups=GROUPS, rules=RULES
    ) as here:
        yield here
    await channel.close()


async def send(place: Place, activity: dict[str, Any]) -> tuple[int, str]:
    """Deliver it as Teams would; the status, and what is shown to the person."""
    tap: Inbound = delivery(activity, place.clock())
    url = f"{place.url}/channels/teams/events"
    async with place.http.post(url, data=tap.body, headers=tap.headers) as answer:
        raw = await answer.read()
        return answer.status, json.loads(raw)["value"] if raw else ""


async def test_a_request_is_approved_by_one_tap(place: Place, teams: TeamsPeer) -> None:
    asked = await place.opened()
    await place.carried()
    (room, id_) = next(key for key in teams.messages if key[0].endswith(DANA[:8]))
    approve = teams.press(room, id_, "Approve")
    assert await send(place, {**approve, "from": {"id": "x", "aadObjectId": EVE}}) != (200, "")
    assert (await place.case(asked["id"])).open
    assert (await send(place, approve))[0] == 200
    assert (await place.case(asked["id"])).status is Status.APPROVED
    await place.carried()
    for message in teams.messages:
        text = json.dumps(teams.card(*message))
        assert "Approved by dana" in text
        assert "Action.Execute" not in text
    again = await send(place, approve)
    late = await send(place, {**approve, "id": "f:late"})
    assert again[0] == late[0] == 200
    assert len((await place.case(asked["id"])).votes) == 1


async def test_in_a_room_strangers_are_told_privately_and_two_make_a_quorum(
    place: Place, teams: TeamsPeer
) -> None:
    asked = await place.opened("two.pay")
    await place.carried()
    ((room, id_),) = teams.messages
    before = json.dumps(teams.card(room, id_))
    for change in (
        {"from": {"id": "29:e", "aadObjectId": EVE}},
        {"channelData": {"tenant": {"id": "other"}}},
        {"from": {"id": "29:anonymous"}},
    ):
        status, said = await send(place, {**teams.press(room, id_, "Approve"), **change})
        assert (status, "approve" in said) == (200, True)
    await place.carried()
    assert json.dumps(teams.card(room, id_)) == before
    await send(place, teams.press(room, id_, "Approve", DANA))
    await send(place, teams.press(room, id_, "Approve", DANA))
    await place.carried()
    assert (await place.case(asked["id"])).open
    assert "dana approved, one more" in json.dumps(teams.card(room, id_))
    await send(place, teams.press(room, id_, "Approve", LEE))
    assert (await place.case(asked["id"])).status is Status.APPROVED


async def test_a_reason_is_asked_for_and_kept(place: Place, teams: TeamsPeer) -> None:
    asked = await place.opened("room.mail")
    await place.carried()
    ((room, id_),) = teams.messages
    await send(place, teams.press(room, id_, "Decline", reason="Wrong account"))
    case = await place.case(asked["id"])
    assert (case.status, case.reason) == (Status.DECLINED, "Wrong account")


async def test_law_03_a_late_tap_says_that_nothing_was_run(place: Place, teams: TeamsPeer) -> None:
    asked = await place.opened("room.mail")
    await place.carried()
    ((room, id_),) = teams.messages
    approve = teams.press(room, id_, "Approve")
    place.clock.turn(16 * MINUTE)
    status, said = await send(place, approve)
    assert (status, said) == (200, "Expired. Nothing was run.")
    assert (await place.case(asked["id"])).status is Status.EXPIRED


async def test_law_08_looking_at_a_card_changes_nothing(place: Place, teams: TeamsPeer) -> None:
    asked = await place.opened("room.mail")
    await place.carried()
    ((room, id_),) = teams.messages
    look = teams.press(room, id_, "Approve")
    look["value"]["trigger"] = "automatic"
    assert (await send(place, look))[0] == 200
    assert (await place.case(asked["id"])).open


# A face of one's own

KIM = "3d2ba6d4-9c54-4f3c-8b4e-6f2f3f1a9b13"


@pytest.fixture
async def room(store: Store, teams: TeamsPeer) -> AsyncIterator[Place]:
    """A room with dana, lee, who approve, with kim, who is called in late, and with eve, whom
    nobody knows; cards lead to a page that everybody can open."""
    teams.people |= {who: member(who) for who in (EVE, KIM)}
    channel: Any = make(teams.api, keys=())
    late = {"quorum": (("finance", 1),), "escalate": Escalation(MINUTE, "late")}
    async with open_house(
        store,
        desks=(channel,),
        clock=Clock(),
        people=(*PEOPLE, Person("kim", None, {"teams": KIM})),
        groups={**GROUPS, "finance": frozenset({"dana"}), "late": frozenset({"kim"})},
        rules=(
            *RULES,
            rule("eyes", four_eyes=True, via=(f"teams:{ROOM}",), escalate=late["escalate"]),
            rule("high", risk=Risk.HIGH, via=(f"teams:{ROOM}",)),
            rule("late", via=(f"teams:{ROOM}",), **late),
        ),
        review_url=lambda case_id: f"https://approve.example.com/requests/{case_id}",
    ) as here:
        yield here
    await channel.close()


async def asks(place: Place, teams: TeamsPeer, action: str, **more: Any) -> tuple[Any, str]:
    """A request whose card stands in the room; its message id there."""
    asked = await place.opened(action, **more)
    await place.carried()
    return asked, list(teams.messages)[-1][1]


async def face(
    place: Place, teams: TeamsPeer, id_: str, who: str, **more: Any
) -> tuple[list[str], str]:
    """Their client asks what to show: the labels on it then, and every word, or what it is told."""
    tap = delivery(teams.look(ROOM, id_, who, **more), place.clock())
    url = f"{place.url}/channels/teams/events"
    async with place.http.post(url, data=tap.body, headers=tap.headers) as answer:
        assert answer.status == 200
        said = json.loads(await answer.read())
    teams.answered(ROOM, id_, who, said)
    if said["type"] == KIND:
        accepted({"attachments": [{"content": said["value"]}]})
        return titles(said["value"]), json.dumps(said["value"])
    return [], said["value"]


def titles(card: dict[str, Any]) -> list[str]:
    return [one["title"] for one in buttons(card)]


ALL = ["Approve", "Decline", "Details"]
REVIEW = ["Details"]


async def test_law_02_in_a_room_only_those_who_may_press_are_shown_the_buttons(
    room: Place, teams: TeamsPeer
) -> None:
    asked, id_ = await asks(room, teams, "two.pay")
    base = teams.card(ROOM, id_)
    assert titles(base) == REVIEW
    assert base["refresh"]["userIds"] == [f"29:{DANA}", f"29:{LEE}"]
    assert "Refresh card" in json.dumps(base)
    # As a client does: those who are listed ask, and each is shown their own.
    for who in teams.looks(ROOM, id_):
        labels, words = await face(room, teams, id_, who)
        assert labels == ALL
        assert "Refresh card" not in words
    assert await send(room, teams.press(ROOM, id_, "Approve", DANA)) == (
        200, "Your approval counts. Needs two people: you approved, one more.",
    )  # fmt: skip
    await room.carried()
    assert titles(teams.seen(ROOM, id_, DANA)) == REVIEW  # the message changed
    labels, words = await face(room, teams, id_, DANA)
    assert labels == ALL[1:]
    assert "You approved this. It waits for others." in words
    labels, words = await face(room, teams, id_, LEE)
    assert labels == ALL
    assert "dana approved, one more" in words
    assert (await send(room, teams.press(ROOM, id_, "Approve", LEE)))[1] == "Approved."
    case = await room.case(asked["id"])
    assert (case.status, [v.person for v in case.votes]) == (Status.APPROVED, ["dana", "lee"])
    # A client that looks before the card is redrawn is shown the verdict, and no button.
    labels, words = await face(room, teams, id_, DANA)
    assert labels == REVIEW
    assert "Approved by dana and lee" in words
    await room.carried()
    assert "refresh" not in teams.card(ROOM, id_)
    assert teams.looks(ROOM, id_) == []


async def test_law_02_who_may_not_press_is_shown_no_button(room: Place, teams: TeamsPeer) -> None:
    asked, id_ = await asks(room, teams, "room.mail")
    no = "You are not an approver of this request."
    before = len(teams.calls)
    assert await face(room, teams, id_, EVE, by_hand=True) == ([], no)
    assert await face(room, teams, id_, EVE) == ([], "Nothing new.")
    for change in (
        {"channelData": {"tenant": {"id": "other"}}},
        {"from": {"id": "29:x", "aadObjectId": DANA, "role": "bot"}},
        {"from": {"id": "29:anonymous"}},
    ):
        assert await face(room, teams, id_, DANA, by_hand=True, **change) == ([], no)
    labels, words = await face(room, teams, id_, KIM)  # somebody here, and not asked
    assert (labels, no in words) == (REVIEW, True)
    assert len(teams.calls) == before
    assert (await room.case(asked["id"])).votes == ()


async def test_law_02_who_may_only_decline_is_shown_only_that(
    room: Place, teams: TeamsPeer
) -> None:
    _, id_ = await asks(room, teams, "eyes.mail", key="csr_scripts", agent={"id": "bot"})
    for who in (DANA, LEE):
        labels, words = await face(room, teams, id_, who)
        assert labels == ALL[1:]
        assert "This agent is yours or acts for you" in words
    _, id_ = await asks(room, teams, "high.mail")
    assert titles(teams.card(ROOM, id_)) == ["Review and approve…"]
    labels, words = await face(room, teams, id_, DANA)
    assert labels == ["Review and approve…", "Decline"]
    assert "Approving this needs a fresh sign-in on the review page." in words


async def test_law_02_who_is_called_in_late_is_shown_the_buttons_then(
    room: Place, teams: TeamsPeer
) -> None:
    asked, id_ = await asks(room, teams, "late.pay")
    assert teams.looks(ROOM, id_) == [DANA]
    assert (await face(room, teams, id_, KIM))[0] == REVIEW
    room.clock.turn(MINUTE)
    async with asyncio.timeout(HANGS):
        while not (await room.case(asked["id"])).escalated:
            await room.house.service.tick()
    await room.carried()
    assert {*teams.looks(ROOM, id_)} == {DANA, KIM}
    assert (await face(room, teams, id_, KIM))[0] == ALL
    assert (await send(room, teams.press(ROOM, id_, "Approve", KIM)))[1] == "Approved."


async def test_law_08_looking_writes_nothing_and_consumes_nothing(
    room: Place, teams: TeamsPeer, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    asked, id_ = await asks(room, teams, "room.mail")
    await room.sealed()
    before = await kept(database)
    for by_hand in (False, True):
        for who in (DANA, LEE, EVE, KIM):
            await face(room, teams, id_, who, by_hand=by_hand)
        # Whatever button's data it carries: nobody pressed.
        look = teams.press(ROOM, id_, "Approve")
        look["value"]["trigger"] = "automatic"
        assert (await send(room, look))[0] == 200
    assert await kept(database) == before
    assert (await room.case(asked["id"])).votes == ()
    tokens = [one["data"]["token"] for one in buttons(teams.seen(ROOM, id_, DANA))[:-1]]
    assert len(set(tokens)) == 2
    for secret in tokens:
        assert secret not in caplog.text
        assert secret not in before
        assert secret not in json.dumps(teams.messages[ROOM, id_])
    assert (await send(room, teams.press(ROOM, id_, "Approve")))[1] == "Approved."


async def kept(database: str) -> str:
    """Everything that is stored but the clocks of the service itself."""
    return re.sub(r"'written', '\d+'", "", await everything(database))


async def test_law_09_who_looks_is_proven_as_who_taps_is(room: Place, teams: TeamsPeer) -> None:
    _, id_ = await asks(room, teams, "room.mail")
    look, url = teams.look(ROOM, id_), f"{room.url}/channels/teams/events"
    for bearer in (token(room.clock(), STRANGE), token(room.clock(), aud="another"), ""):
        forger = delivery(look, room.clock(), bearer)
        async with room.http.post(url, data=forger.body, headers=forger.headers) as answer:
            assert (answer.status, await answer.read()) == (401, b"")


async def test_law_06_a_card_is_shown_in_its_own_room_only(room: Place, teams: TeamsPeer) -> None:
    _, id_ = await asks(room, teams, "room.mail")
    look = teams.look(ROOM, id_)
    for change in (
        {"conversation": {"id": "19:other@thread.tacv2", "tenantId": TENANT}},
        {"replyToId": "1"},
        {"replyToId": "\x00"},
        {"replyToId": None},
    ):
        assert await send(room, {**look, **change}) == (200, "Nothing new.")
    # One that was sent to a person has one face, and its client does not ask.
    await room.opened("mail.send")
    await room.carried()
    (alone, one) = next(key for key in teams.messages if key[0] == f"a:1{DANA[:8]}")
    assert titles(teams.card(alone, one)) == ALL
    assert "refresh" not in teams.card(alone, one)
    asked = teams.activity(alone, one, name=look["name"], value=look["value"])
    assert await send(room, asked) == (200, "Nothing new.")


async def test_a_look_that_overtakes_the_answer_to_the_post_waits_for_it(
    room: Place, teams: TeamsPeer
) -> None:
    teams.held = asyncio.Event()
    await room.opened("room.mail")
    posting = asyncio.create_task(room.carried())
    async with asyncio.timeout(HANGS):
        while not teams.messages:
            teams.heard.clear()
            await teams.heard.wait()
    ((_, id_),) = teams.messages
    looking = asyncio.create_task(face(room, teams, id_, DANA))
    teams.held.set()
    assert (await looking)[0] == ALL
    await posting


async def test_who_is_not_in_the_room_is_not_listed_and_the_roster_is_asked_once(
    room: Place, teams: TeamsPeer
) -> None:
    teams.elsewhere = {LEE}
    _, id_ = await asks(room, teams, "two.pay")
    assert teams.card(ROOM, id_)["refresh"]["userIds"] == [f"29:{DANA}"]
    await face(room, teams, id_, DANA)
    await send(room, teams.press(ROOM, id_, "Approve"))
    await room.carried()
    looked = [path for _, path, _, _ in teams.calls if path.endswith((f"/{DANA}", f"/{LEE}"))]
    assert len([path for path in looked if "19:" in unquote(path)]) == 2
    # Where nobody's client could ask, everybody sees the buttons: else nobody would have any.
    teams.elsewhere, channel = {LEE, DANA}, cast(Any, room.channel)
    channel._bot._ids.clear()
    _, id_ = await asks(room, teams, "two.again")
    assert titles(teams.card(ROOM, id_)) == ALL
    assert "refresh" not in teams.card(ROOM, id_)


async def test_law_26_a_roster_that_is_busy_makes_the_card_wait(
    room: Place, teams: TeamsPeer
) -> None:
    await room.opened("room.mail")
    channel = cast(Any, room.channel)
    for who in (DANA, LEE):
        await channel.open(who)
    before = len(teams.calls)
    teams.fail += [teams._error(429, "TooManyRequests", headers={"Retry-After": "3"})]
    with pytest.raises(Busy) as caught:
        await channel.viewers(ROOM, [DANA])
    assert (caught.value.retry_after, len(teams.calls)) == (3000, before + 1)
    assert await channel.viewers(ROOM, [DANA, LEE]) == [f"29:{DANA}", f"29:{LEE}"]


async def test_law_06_a_key_that_is_gone_makes_no_buttons(room: Place, teams: TeamsPeer) -> None:
    _, id_ = await asks(room, teams, "room.mail")
    service = room.house.service
    service.trust = replace(service.trust, ring=KeyRing({"k2": Key("k2", b"2" * 32)}, "k2"))
    assert await face(room, teams, id_, DANA) == ([], "Nothing new.")


@pytest.mark.parametrize("many", [0, 1, 60, 200])
@pytest.mark.parametrize("fill", [0, 3000])
def test_as_many_clients_are_listed_as_may_be_and_as_fit(many: int, fill: int) -> None:
    channel, long = make(AWAY), "29:" + "é" * 117
    facts = tuple(Fact("x" * 60, "\u202e" * 12) for _ in range(10))
    shown = card(payload="\\u" * (fill // 2), note="n" * (fill // 2), facts=facts)
    payload = channel.shared(shown, [f"{long}{n}" for n in range(many)])
    accepted(payload)
    content = payload["attachments"][0]["content"]
    assert titles(content) == REVIEW
    listed = content["refresh"]["userIds"]
    assert len(listed) == min(many, 60) or (len(listed) >= 15 and fill)
    assert listed == [f"{long}{n}" for n in range(len(listed))]


def test_the_shared_face_is_as_it_was() -> None:
    path = FIXTURES / "golden" / "shared.json"
    payload = make(AWAY).shared(CARDS["one-of-two"], [f"29:{DANA}", f"29:{LEE}"])
    if os.environ.get("GOLDEN"):
        path.write_text(json.dumps(payload, indent=1, ensure_ascii=False) + "\n")
    assert payload == json.loads(path.read_text())
    assert not {*strings(payload)} & {button.token for button in card().buttons}


def test_a_card_whose_face_would_not_fit_is_refused_before_it_is_sent() -> None:
    channel = make(AWAY)
    bare = channel.shared(card(payload="x", buttons=()), [])
    long = card(payload="x " * ((24_000 - len(json.dumps(bare).encode())) // 2))
    assert channel.shared(replace(long, buttons=()), ["29:x"])
    for laid in (channel.layout, lambda one: channel.shared(one, ["29:x"])):
        with pytest.raises(Refused):
            laid(long)


def test_a_template_of_another_shape_is_refused() -> None:
    inner = make(AWAY).render
    shapes: tuple[Any, ...] = ([], [{"content": []}], 7)
    for shape in shapes:
        change = {"attachments": shape}
        channel = make(AWAY, render=lambda values, change=change: inner(values) | change)
        with pytest.raises(Refused):
            channel.shared(replace(card(), buttons=()), ["29:x"])


# Linking an account


async def hears(place: Place, teams: TeamsPeer, activity: dict[str, Any]) -> str:
    """Deliver what somebody wrote; what the bot answers there, in private."""
    room, before = activity["conversation"]["id"], len(teams.messages)
    teams.rooms.add(room)
    assert await send(place, {**activity, "serviceUrl": teams.service}) == (200, "")
    async with asyncio.timeout(HANGS):
        while len(teams.messages) == before:
            teams.heard.clear()
            await teams.heard.wait()
    ((where, _), said) = list(teams.messages.items())[-1]
    assert where == room
    assert said["type"] == "message"
    return str(said["text"])


async def code(place: Place, person: str, channel: str = "teams") -> str:
    return await linking.make_code(
        place.store, RING, person, channel, by="a test", now=place.clock(), random=os.urandom
    )


@pytest.fixture
async def unlinked(store: Store, teams: TeamsPeer) -> AsyncIterator[Place]:
    """dana and lee approve, and nobody has said yet which accounts are theirs."""
    channel: Any = make(teams.api, keys=())
    people = (Person("dana"), Person("lee"))
    async with open_house(
        store, desks=(channel,), people=people, groups=GROUPS, rules=RULES
    ) as here:
        yield here
    await channel.close()


async def test_law_02_who_sends_the_code_to_the_bot_alone_is_that_person_from_now_on(
    unlinked: Place, teams: TeamsPeer
) -> None:
    secret = await code(unlinked, "dana")
    assert await hears(unlinked, teams, written(words("teams", secret)[-1])) == (
        "This account is dana's from now on."
    )
    asked = await unlinked.opened()
    await unlinked.carried()
    (room, id_) = next(key for key in teams.messages if key[0] == f"a:1{DANA[:8]}")
    assert (await send(unlinked, teams.press(room, id_, "Approve")))[1] == "Approved."
    case = await unlinked.case(asked["id"])
    assert [(vote.person, vote.channel) for vote in case.votes] == [("dana", "teams")]
    assert "linked" in await unlinked.kinds()


async def test_law_02_what_the_command_line_says_to_write_is_what_links(
    tmp_path: Path, database: str, store: Store
) -> None:
    alone, path = install(tmp_path, database), tmp_path / "countersign.yaml"
    section = {"app_id": APP, "tenant_id": TENANT, "app_secret": SECRET}
    path.write_text(f"channels: {json.dumps({'teams': section})}\n{path.read_text()}")
    made = await asyncio.to_thread(alone.run, "link", "dana", "teams", "--json")
    assert made.code == 0, made.err
    first, *_, last = made.json["words"]
    assert "Send this text to the bot in Teams, in a chat with it alone" in first
    reply = wrote(make(AWAY), written(last))
    found = linking.code_in(reply.text)
    assert found == made.json["code"]
    assert found is not None
    ring, known = keys.load(alone.folder / "keys").ring, Directory([Person("dana")], {})
    done = await linking.take(
        store, ring, known, reply, found, now=int(time.time() * 1000), random=os.urandom
    )
    assert isinstance(done, Linked)
    assert (done.person, done.account) == ("dana", DANA)


async def test_law_06_every_code_that_links_nothing_gets_one_answer(
    unlinked: Place, teams: TeamsPeer, caplog: pytest.LogCaptureFixture
) -> None:
    real, elsewhere = await code(unlinked, "dana"), await code(unlinked, "lee", "slack")
    deps = unlinked.house.deps
    guest = {"channelData": {"tenant": {"id": "other"}}}
    for who, activity in (
        (LEE, written(f"link {real[:-1]}{'0' if real[-1] != '0' else '1'}")),
        (LEE, written(f"link {elsewhere}")),
        (EVE, written("link CS-1")),
        (EVE, written(f"link {real}", **guest)),
    ):
        sent = {**activity, "from": {"id": "29:x", "aadObjectId": who}}
        assert await hears(unlinked, teams, sent) == linking.DEAD.text
        assert deps.directory.by_account("teams", who) is None
    # In a channel it is not even heard, and took nothing: the code is good still.
    before = len(teams.messages)
    heard = mentioned(f"link {real}", serviceUrl=teams.service)
    assert await send(unlinked, heard) == (200, "")
    assert deps.directory.by_account("teams", DANA) is None
    forger = delivery(written(f"link {real}"), unlinked.clock(), token(unlinked.clock(), STRANGE))
    url = f"{unlinked.url}/channels/teams/events"
    async with unlinked.http.post(url, data=forger.body, headers=forger.headers) as answer:
        assert answer.status == 401
    assert len(teams.messages) == before
    assert "from now on" in await hears(unlinked, teams, written(f"link {real}"))
    assert real not in caplog.text


async def test_law_26_a_delivery_that_cannot_be_proven_yet_is_told_to_come_again(
    place: Place, teams: TeamsPeer
) -> None:
    teams.away = True
    tap = delivery(fixture("execute"), place.clock())
    url = f"{place.url}/channels/teams/events"
    async with place.http.post(url, data=tap.body, headers=tap.headers) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


def test_law_23_no_secret_is_in_the_adapters_repr() -> None:
    assert SECRET not in repr(make(AWAY))
