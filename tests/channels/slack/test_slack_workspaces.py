"""One Slack app in several workspaces: installing it, and whose token is used for whom."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from pydantic import ValidationError

from adapters.slack import home
from adapters.slack.install import AGE, BACK, COOKIE, START
from adapters.slack.settings import Settings
from approvals.app.channels import made
from approvals.memory import ChannelMemory
from approvals.model import Address, Busy, Forged, Person, Refused, Risk, Scope
from approvals.port import Inbound, Reply, Tap, Visit
from approvals.store import Store
from tests.harness.channel_contract import NOW, card
from tests.harness.house import GROUPS, RING, Place, everything, open_house, rule
from tests.peers.slack import (
    BOT_TOKEN,
    CLIENT,
    CLIENT_SECRET,
    OTHER,
    TEAM,
    SlackPeer,
    form,
    make,
    person,
    read,
    send,
    shown,
    signed,
)

DANA, LEE = "U024BE7LH", "U024BE7LJ"
HERS = f"{OTHER}/{LEE}"
PEOPLE = (Person("dana", accounts={"slack": DANA}), Person("lee", accounts={"slack": HERS}))
SEVERAL: Mapping[str, Any] = {
    "client_id": CLIENT,
    "client_secret": CLIENT_SECRET,
    "workspaces": (OTHER,),
}
AWAY = "http://127.0.0.1:9/"


@pytest.fixture
async def slack() -> AsyncIterator[SlackPeer]:
    users = {DANA: person(DANA), LEE: person(LEE, team_id=OTHER)}
    async with SlackPeer(users=users) as peer:
        yield peer


@asynccontextmanager
async def house(store: Store, slack: SlackPeer) -> AsyncIterator[Place]:
    desks: Any = (make(slack.api, **SEVERAL),)
    groups = {**GROUPS, "default": frozenset({"dana", "lee"})}
    rules = (rule("low", risk=Risk.LOW),)
    async with open_house(store, desks=desks, people=PEOPLE, groups=groups, rules=rules) as one:
        yield one


async def browse(
    place: Place, method: str, path: str, *, cookie: str = "", body: str = ""
) -> tuple[int, Mapping[str, str], str]:
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    headers |= {"Cookie": cookie} if cookie else {}
    asked = place.http.request(
        method, place.url + path, data=body or None, headers=headers, allow_redirects=False
    )
    async with asked as answer:
        return answer.status, answer.headers, await answer.text()


async def begun(place: Place) -> tuple[str, str]:
    """The state of a new installation, and the browser's cookie."""
    status, headers, _ = await browse(place, "GET", START)
    assert status == 302
    where = parse_qs(urlsplit(headers["Location"]).query)
    assert (where["client_id"], urlsplit(headers["Location"]).path) == (
        [CLIENT],
        "/oauth/v2/authorize",
    )
    assert set(where["scope"][0].split(",")) >= {"chat:write", "commands"}
    name, _, rest = headers["Set-Cookie"].partition("=")
    assert (name, "HttpOnly" in rest, "Secure" in rest) == (COOKIE, True, True)
    (state,) = where["state"]
    return state, f"theme=dark; {COOKIE}={state}"


async def installed(place: Place, slack: SlackPeer, team: str = OTHER) -> tuple[int, str]:
    """Go to Slack, come back, press the button: what the page says then."""
    state, cookie = await begun(place)
    slack.codes["c0de"] = team
    back = f"{BACK}?{urlencode({'code': 'c0de', 'state': state})}"
    status, headers, page = await browse(place, "GET", back, cookie=cookie)
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    filled = urlencode({name: html.unescape(value) for name, value in hidden.items()})
    status, _, said = await browse(place, "POST", BACK, cookie=cookie, body=filled)
    return status, said


async def test_the_app_is_installed_in_another_workspace_and_its_people_decide(
    store: Store, slack: SlackPeer
) -> None:
    async with house(store, slack) as place:
        status, said = await installed(place, slack)
        assert (status, f"installed in Workspace &lt;{OTHER}&gt;" in said) == (200, True)
        (token,) = slack.tokens.keys() - {BOT_TOKEN}
        request = await place.opened("low.send", title="Send it to Bob")
        await place.carried()
        posted = {
            body["channel"]: sent for how, sent, body in slack.calls if how == "chat.postMessage"
        }
        assert posted == {f"D{DANA[1:]}": BOT_TOKEN, f"D{LEE[1:]}": token}
        (ts,) = [ts for where, ts in slack.messages if where == f"D{LEE[1:]}"]
        press = slack.press(f"D{LEE[1:]}", ts, "approve", LEE)
        await send(place, signed(press, place.clock()))
        case = await place.case(request["id"])
        assert [vote.person for vote in case.votes] == ["lee"]
        # Her Home tab is her workspace's.
        assert "You decided" in await shown(slack, place, LEE)
        assert slack.calls[-1][:2] == ("views.publish", token)


async def test_law_23_the_token_of_a_workspace_is_sealed_and_in_no_log(
    store: Store, slack: SlackPeer, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with house(store, slack) as place:
        assert (await installed(place, slack))[0] == 200
        (token,) = slack.tokens.keys() - {BOT_TOKEN}
        memory = ChannelMemory(store, lambda: RING, "slack")
        assert token.encode() in (await memory.get(f"installation/{OTHER}") or b"")
    assert token not in await everything(database)
    assert token not in caplog.text
    assert CLIENT_SECRET not in caplog.text
    assert "c0de" not in caplog.text


async def test_law_02_a_workspace_that_is_not_configured_gets_its_token_back(
    store: Store, slack: SlackPeer
) -> None:
    async with house(store, slack) as place:
        status, said = await installed(place, slack, "T0EVIL")
        assert (status, "not in the configuration" in said) == (400, True)
        assert await ChannelMemory(store, lambda: RING, "slack").get("installation/T0EVIL") is None
    assert slack.tokens == {BOT_TOKEN: TEAM}


async def test_law_02_who_may_install_apps_at_home_ends_not_our_own(
    store: Store, slack: SlackPeer
) -> None:
    async with house(store, slack) as place:
        status, said = await installed(place, slack, TEAM)
        assert (status, "not in the configuration" in said) == (400, True)
        assert await ChannelMemory(store, lambda: RING, "slack").get(f"installation/{TEAM}") is None
    assert "auth.revoke" not in [method for method, _, _ in slack.calls]


async def test_law_08_coming_back_changes_nothing_before_the_button(
    store: Store, slack: SlackPeer, database: str
) -> None:
    async with house(store, slack) as place:
        slack.codes["c0de"] = OTHER
        state, cookie = await begun(place)
        query = urlencode({"code": "c0de", "state": state})
        status, _, page = await browse(place, "GET", f"{BACK}?{query}", cookie=cookie)
        assert (status, '<form method="post"' in page) == (200, True)
        # Without the browser that began it there is no button, and what Slack says is only shown.
        odd = f"{BACK}?error=%3Cb%3E%E2%80%AE"
        for path in (f"{BACK}?{query}", f"{BACK}?code=c0de", odd, BACK):
            status, _, page = await browse(place, "GET", path)
            assert (status, "<form" in page, "<b>" in page) == (200, False, False)
            assert "\u202e" not in page
    assert slack.calls == []
    assert slack.codes == {"c0de": OTHER}


async def test_law_09_a_state_is_of_one_browser_ten_minutes_old_at_most_and_used_once(
    store: Store, slack: SlackPeer
) -> None:
    async with house(store, slack) as place:
        state, cookie = await begun(place)
        other, others = await begun(place)
        slack.codes["c0de"] = OTHER

        async def post(sent: str, given: str) -> int:
            body = urlencode({"code": "c0de", "state": sent})
            return (await browse(place, "POST", BACK, cookie=given, body=body))[0]

        flipped = state[:-1] + ("0" if state[-1] != "0" else "1")
        later = f"{int(state[:13]) + 1}{state[13:]}"
        for sent, given in (
            (state, ""),
            (state, others),
            (state, f"x{COOKIE}={state}"),
            (other, cookie),
            (flipped, f"{COOKIE}={flipped}"),
            (later, f"{COOKIE}={later}"),
            ("", f"{COOKIE}="),
            ("é", f"{COOKIE}=x"),
        ):
            assert await post(sent, given) == 401
        assert slack.calls == []
        assert await post(state, cookie) == 200
        slack.codes["c0de"] = OTHER
        assert await post(state, cookie) == 400
        assert slack.codes == {"c0de": OTHER}
        place.clock.turn(AGE + 1)
        assert await post(other, others) == 401


async def test_what_stands_in_the_environment_is_no_way_back(
    store: Store, slack: SlackPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_REDIRECT_URI", "https://other.example/")
    monkeypatch.setenv("SLACK_USER_SCOPES", "admin")
    async with house(store, slack) as place:
        _, headers, _ = await browse(place, "GET", START)
        where = parse_qs(urlsplit(headers["Location"]).query, keep_blank_values=True)
    assert ("redirect_uri" in where, where["user_scope"]) == (False, [""])


def test_law_02_taps_and_words_of_another_workspace_are_its_own() -> None:
    channel, peer = make(AWAY, **SEVERAL), SlackPeer(users={LEE: person(LEE, team_id=OTHER)})
    ref = ("D1", "1767326126.000001")
    peer.messages[ref] = {"blocks": channel.layout(card())["blocks"]}
    press = peer.press(*ref, "approve", LEE)
    tap = read(channel, signed(press, NOW))
    assert isinstance(tap, Tap)
    assert (tap.account, tap.conversation, tap.stranger) == (HERS, f"{OTHER}/D1", None)
    # An id of our own workspace is another account, though it is spelt the same.
    at_home = {**press, "team": {"id": TEAM}, "user": {"id": LEE, "team_id": TEAM}}
    assert read(channel, signed(at_home, NOW)).account == LEE
    for change in (
        {"team": {"id": TEAM}},
        {"user": {"id": LEE, "team_id": TEAM}},
        {"user": {"id": LEE, "team_id": "T0EVIL"}, "team": {"id": "T0EVIL"}},
    ):
        assert read(channel, signed({**press, **change}, NOW)).stranger == "foreign team"
    typed = read(channel, signed(form(peer.command("CS-1", LEE, "C1")), NOW))
    assert isinstance(typed, Reply)
    assert (typed.account, typed.conversation, typed.stranger) == (HERS, f"{OTHER}/C1", None)
    assert isinstance(read(channel, signed(peer.shortcut(home.SHORTCUT, LEE), NOW)), Visit)


async def test_law_02_a_mailbox_is_looked_up_at_home_only(store: Store, slack: SlackPeer) -> None:
    async with house(store, slack) as place:
        assert (await installed(place, slack))[0] == 200
        channel: Any = place.channel
        with pytest.raises(Refused, match="of another team"):
            await channel.open(f"{LEE.lower()}@example.com")
        # A mailbox may have a slash in it.
        with pytest.raises(Refused, match="users_not_found"):
            await channel.open(f"{OTHER}/{LEE.lower()}@example.com")
        found = await channel.open(HERS)
        assert found == Address("slack", f"{OTHER}/D{LEE[1:]}", account=HERS)
        with pytest.raises(Refused):
            await channel.open(f"{OTHER}/{DANA}")
        with pytest.raises(Refused, match="no workspace"):
            await channel.open(f"T0EVIL/{LEE}")


async def test_law_26_a_workspace_without_the_app_keeps_no_other_waiting(
    store: Store, slack: SlackPeer
) -> None:
    async with house(store, slack) as place:
        channel: Any = place.channel
        with pytest.raises(Busy, match="not installed") as raised:
            await channel.post(Address("slack", f"{OTHER}/D1"), channel.layout(card()), "k")
        assert raised.value.scope is Scope.CONVERSATION
        await place.opened("low.send")
        await place.carried()
        assert [where for where, _ in slack.messages] == [f"D{DANA[1:]}"]
        findings = {one.subject: one.ok for one in await channel.check()}
        assert findings[f"workspace {OTHER}"] is False
        assert (await installed(place, slack))[0] == 200
        findings = {one.subject: one.ok for one in await channel.check()}
        assert findings[f"workspace {OTHER}"] is True


async def test_law_10_no_address_of_a_payload_is_called_where_there_is_no_token(
    store: Store, slack: SlackPeer
) -> None:
    async with house(store, slack) as place:
        typed = slack.command("", LEE, "C024BE91L") | {"response_url": f"{slack.api}hook"}
        await send(place, signed(form(typed), place.clock()), 503)
        assert slack.calls == []
        assert (await installed(place, slack))[0] == 200
        answer = await send(place, signed(form(typed), place.clock()))
        assert answer["text"] == "Nothing is waiting for you."
    assert "hook" not in [method for method, _, _ in slack.calls]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"workspaces": ["U024BE7LE"]}, "ids like"),
        ({"workspaces": [TEAM]}, "others than team_id"),
        ({"workspaces": [OTHER, OTHER]}, "others than team_id"),
        ({"team_id": ""}, "need team_id"),
        ({"client_id": ""}, "client_id"),
        ({"client_secret": None}, "client_secret"),
    ],
)
def test_a_section_says_what_workspaces_need(change: dict[str, Any], word: str) -> None:
    given = {"bot_token": BOT_TOKEN, "signing_secret": "s", "team_id": TEAM, **SEVERAL}
    whole = Settings.model_validate(given)
    channel: Any = made({"slack": whole}, {})["slack"]
    assert (channel.workspaces, channel.client_secret) == ((OTHER,), CLIENT_SECRET)
    assert CLIENT_SECRET not in repr(channel) + repr(whole) + repr(channel._others)
    with pytest.raises(ValidationError, match=word):
        Settings.model_validate(given | change)


def test_without_workspaces_there_is_no_way_to_install() -> None:
    assert make(AWAY).routes == ()
    with pytest.raises(Forged):
        make(AWAY).authenticate(Inbound("GET", START, "", {}, b"", NOW))
    with pytest.raises(ValueError, match="client_id"):
        make(AWAY, workspaces=(OTHER,))
