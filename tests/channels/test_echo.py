"""Law 7, on platforms that alter what they store: what nobody can see is forgiven, anything else
takes Approve away at once."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.kit.echo import EDGE, differences, settled
from approvals.model import MINUTE, Fact, Person
from approvals.port import Channel, Inbound, Resolved, Tap
from approvals.store import TAPPED, Job, Store
from tests.harness.channel_contract import Kit, card, kit
from tests.harness.house import Place, open_house, rule, until
from tests.peers import slack as on_slack
from tests.peers import telegram as on_telegram
from tests.peers.slack import SlackPeer

DANA = "U024BE7LH"
PEOPLE = (Person("dana", accounts={"slack": DANA}, groups=frozenset({"default"})),)
Change = Callable[[str], str]


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


UNSEEN: tuple[Change, ...] = (str.rstrip, str.strip, composed, decomposed, lambda text: text + "\n")
SEEN: tuple[Change, ...] = (
    lambda text: text.replace("12,400.00", "12.40"),
    lambda text: text.replace("ACME", "EMCA"),
    lambda text: text + "\n" * 40,
    lambda text: text.replace(",", ", "),
    str.casefold,
)


@pytest.fixture(params=["slack", "telegram", "discord", "google_chat"])
def echoing(request: pytest.FixtureRequest) -> Kit:
    return kit(request.param)


def whole(**changes: Any) -> Any:
    """A card with texts that a platform could touch without anybody seeing it, and a blank at
    every end that a template leaves there."""
    facts = (Fact("Amount", "12,400.00 EUR"), Fact("To", decomposed("ACME & Söhne GmbH")))
    return card(facts=facts, payload="currency=eur\nmethod=instant \n", **changes)


@pytest.mark.parametrize("change", UNSEEN)
async def test_law_07_a_difference_that_nobody_can_see_is_none(
    echoing: Kit, change: Change
) -> None:
    async with echoing.peer() as peer:
        channel, posted = echoing.make(peer.api), whole()
        peer.alters = change  # type: ignore[attr-defined]  # of those platforms that echo
        ref = await channel.post(echoing.address, channel.layout(posted), "crd_1")
        assert ref.altered == ()
        now_at = await channel.redraw(ref, channel.layout(whole(progress="1 of 2")))
        assert now_at is None or (now_at == ref and not now_at.altered)
        await channel.close()


@pytest.mark.parametrize("change", SEEN)
async def test_law_07_a_difference_that_somebody_could_see_is_told_with_its_place(
    echoing: Kit, change: Change
) -> None:
    async with echoing.peer() as peer:
        channel = echoing.make(peer.api)
        good = await channel.post(echoing.address, channel.layout(whole()), "crd_0")
        peer.alters = change  # type: ignore[attr-defined]  # of those platforms that echo
        ref = await channel.post(echoing.address, channel.layout(whole()), "crd_1")
        assert ref.altered
        now_at = await channel.redraw(good, channel.layout(whole(progress="1 of 2")))
        assert now_at is not None
        assert now_at.altered
        for one in ref.altered:
            assert re.match(r"\$\.[a-z_]", one.path)
            assert not re.search("ACME|12,|instant", one.path + repr(one))
        await channel.close()


@pytest.mark.parametrize("text", ["a b", "a\n b", "a  \n  b", "12 400", " " * (EDGE + 1) + "a"])
def test_law_07_white_space_within_a_text_counts_and_so_does_much_of_it(text: str) -> None:
    assert settled(text) == text
    assert settled(f"  {text.lstrip()}\n") == settled(text.lstrip())


def test_law_07_a_blank_between_two_texts_of_one_line_counts_unless_a_colon_stands_before_it() -> (
    None
):
    def echo(*texts: str) -> str:
        parts = [{"type": "text", "text": text} for text in texts]
        line = {"type": "rich_text_section", "elements": parts}
        return channel.echo({"blocks": [{"type": "rich_text", "elements": [line]}]})  # type: ignore[return-value]  # Slack echoes

    channel = kit("slack").make("http://127.0.0.1:9/")
    assert echo("12 ", "400") == echo("12 ", "400\n")
    assert echo("12 ", "400") != echo("12", "400")
    assert echo("12", " 400") != echo("12", "400")
    assert echo("To: ", "400") == echo("To:", " 400") == echo("To:", "400")


def test_differences_are_named_by_their_places() -> None:
    sent = {"a": "one\ntwo\nthree", "b": [{"c": "x"}, {"c": "y"}], "d": None}
    stored = {"a": "one\n2\nthree", "b": [{"c": "x"}], "d": {"e": 1}}
    found = [(one.path, one.sent) for one in differences(sent, stored)]
    assert found == [("$.a, line 2", "two"), ("$.b[1]", ""), ("$.d", "")]
    assert differences(sent, sent) == ()


# The whole way


@asynccontextmanager
async def slack_house(
    store: Store, people: Sequence[Person] = PEOPLE
) -> AsyncIterator[tuple[Place, SlackPeer, Channel]]:
    async with SlackPeer(users={DANA: on_slack.person(DANA)}) as slack:
        channel = on_slack.make(slack.api)
        groups = {"default": frozenset(person.id for person in people)}
        rules = (rule("two", quorum=(("default", 2),)),)
        async with open_house(
            store,
            desks=(channel,),
            people=people,
            groups=groups,
            rules=rules,
            review_url=lambda case: f"https://approve.example.com/r/{case}",
        ) as place:
            yield place, slack, channel


def shown(slack: SlackPeer) -> list[dict[str, Any]]:
    return list(slack.messages.values())


def actions(message: dict[str, Any]) -> list[str]:
    return [
        part["action_id"]
        for block in message["blocks"]
        if block["type"] == "actions"
        for part in block["elements"]
    ]


async def pressed(
    place: Place, slack: SlackPeer, action: str, ts: str, **more: Any
) -> dict[str, Any]:
    room = next(room for room, at in slack.messages if at == ts)
    interaction = slack.press(room, ts, action, DANA, **more)
    answer: dict[str, Any] = await sent(place, interaction)
    return answer


async def declined(place: Place, slack: SlackPeer, ts: str) -> None:
    """Decline… opens a dialog, where the reason may stay empty."""
    await pressed(place, slack, "decline_prompt", ts)
    await until(lambda: slack.views)
    await sent(place, slack.submit("", DANA))


async def sent(place: Place, payload: Any) -> Any:
    inbound = on_slack.signed(payload, place.clock())
    headers = dict(inbound.headers)
    url = f"{place.url}{inbound.path}"
    async with place.http.post(url, data=inbound.body, headers=headers) as answer:
        assert answer.status == 200, answer.status
        return await answer.text()


def swapped(text: str) -> str:
    return text.replace("12,400.00", "12.40")


ASKED: Any = {"title": "Pay 12,400.00 EUR to ACME"}


async def metric(place: Place, name: str) -> str:
    text = place.house.deps.metrics.text(await place.store.counts(), 0, place.clock()).decode()
    return "\n".join(line for line in text.split("\n") if line.startswith(name))


async def test_law_07_a_card_with_an_unseen_difference_is_approved_by_a_tap(store: Store) -> None:
    """Slack cuts off the line end at the end of a text: nobody can see it."""
    async with slack_house(store) as (place, slack, _):
        slack.alters = str.rstrip
        request = await place.opened(**ASKED, note="the end has a blank ")
        await place.carried()
        ((_, ts),) = slack.messages
        await pressed(place, slack, "approve", ts)
        assert (await place.read(request["id"]))["status"] == "approved"
        assert await store.altered("") == []


async def test_law_07_a_card_that_comes_back_otherwise_loses_approve_at_once(store: Store) -> None:
    """Told apart in the platform's own answer: nobody has tapped yet."""
    with capture_logs() as logs:
        async with slack_house(store) as (place, slack, _):
            slack.alters = swapped
            request = await place.opened(**ASKED)
            await place.carried()
            (message,) = shown(slack)
            assert actions(message) == ["review", "decline_prompt"]
            assert "Slack altered this card, so a tap on it can't be trusted" in json.dumps(message)
            ((name, card_id, where),) = await store.altered("")
            assert (name, where[:9]) == ("slack", "$.blocks[")
            assert (await metric(place, "countersign_cards_altered_total")).endswith("1.0")
            (line,) = [one for one in logs if one["event"] == "card_altered"]
            assert (line["channel"], line["where"]) == ("slack", where)
            assert "12" not in line["where"]
            assert (await place.kinds(request["id"])).count("card.altered") == 1
            # Another look at the same card says nothing new, and gives nothing back.
            slack.alters = None
            await store.append([], [_draw(request, card_id, place)])
            await place.carried()
            assert "approve" not in actions(shown(slack)[0])
            assert (await store.card(card_id)).altered == where  # type: ignore[union-attr]  # it is there
            assert len([one for one in logs if one["event"] == "card_altered"]) == 1


async def test_law_07_nobody_approves_on_a_card_that_came_back_otherwise(store: Store) -> None:
    """Whoever kept its Approve is sent to the page; no other card is posted, however often."""
    async with slack_house(store) as (place, slack, _):
        slack.alters = swapped
        request = await place.opened(**ASKED)
        await place.house.outbox.drain("")
        await place.house.outbox.drain("slack")  # posted, and not drawn again yet
        ((room, ts),) = slack.messages
        assert "approve" in actions(shown(slack)[0])
        kept = [slack.press(room, ts, "approve", DANA) for _ in range(5)]
        for press in kept:
            await sent(place, press)
            await place.carried()
        assert (await place.read(request["id"]))["status"] == "pending"
        assert len(slack.messages) == 1
        assert {one["text"] for one in slack.whispers} == {
            "This message isn't the card we sent, so your tap wasn't counted. "
            "Decide on the review page."
        }


@pytest.mark.parametrize("again", [False, True])
async def test_law_07_decline_counts_on_a_card_that_came_back_otherwise(
    store: Store, again: bool
) -> None:
    async with slack_house(store) as (place, slack, _):
        slack.alters = swapped
        request = await place.opened(**ASKED)
        await place.carried()
        if again:  # it is another one with each look
            slack.alters = str.upper
            slack.messages = {
                where: message | {"blocks": json.loads(json.dumps(message["blocks"]))}
                for where, message in slack.messages.items()
            }
        ((_, ts),) = slack.messages
        await declined(place, slack, ts)
        assert (await place.read(request["id"]))["status"] == "declined"
        await place.carried()
        (message,) = shown(slack)
        assert actions(message) in ([], ["review"])


async def test_law_07_a_redraw_that_comes_back_otherwise_takes_approve_away(store: Store) -> None:
    """The card was as sent until it had to say that one of two has approved."""
    people = [*PEOPLE, Person("lee", groups=frozenset({"default"}))]
    async with slack_house(store, people) as (place, slack, _):
        request = await place.opened("two.pay", **ASKED)
        await place.carried()
        assert "approve" in actions(shown(slack)[0])
        slack.alters = swapped
        assert (await place.decide(request, by="lee"))[0] == 200
        await place.carried()
        (message,) = shown(slack)
        assert "approve" not in actions(message)
        assert [one[0] for one in await store.altered("")] == ["slack"]


async def test_law_07_what_only_a_tap_shows_is_replaced_once_and_then_left_to_the_page(
    store: Store,
) -> None:
    """Slack's answer to the post shows the card as sent, and what it shows people is another."""
    async with slack_house(store) as (place, slack, _):
        slack.alters, slack.admits = swapped, False
        request = await place.opened(**ASKED)
        await place.carried()
        for _ in range(5):
            room, ts = list(slack.messages)[-1]
            place.clock.turn(1000)
            if "approve" in actions(slack.messages[room, ts]):
                await pressed(place, slack, "approve", ts)
            await place.carried()
        assert len(slack.messages) == 2
        assert [actions(one) for one in shown(slack)] == [["review", "decline_prompt"]] * 2
        assert {where for _, _, where in await store.altered("")} == {TAPPED}
        assert (await place.read(request["id"]))["status"] == "pending"
        assert "2.0" in await metric(place, "countersign_cards_altered_total")
        await declined(place, slack, ts)
        assert (await place.read(request["id"]))["status"] == "declined"


async def test_law_07_a_reposted_card_of_another_cause_keeps_its_approve(store: Store) -> None:
    """A copy of the message is not the message: the card itself was altered by nobody."""
    async with slack_house(store) as (place, slack, _):
        await place.opened(**ASKED)
        await place.carried()
        ((room, ts),) = slack.messages
        copied = slack.press(room, ts, "approve", DANA)
        copied["container"] = {**copied["container"], "message_ts": "1767326199.000001"}
        await sent(place, copied)
        await place.carried()
        assert ["approve" in actions(one) for one in shown(slack)] == [True, True]
        assert await store.altered("") == []


def _draw(request: Any, card_id: str, place: Place) -> Job:
    return Job("draw", request["id"], "slack", place.clock(), f"{card_id} again")


@pytest.mark.parametrize("mode", ["webhook", "polling"])
async def test_law_03_a_press_on_buttons_that_should_be_gone_draws_the_message_again(
    store: Store, mode: str
) -> None:
    """Telegram takes no answer to an old press, so the person would learn nothing."""
    async with on_telegram.TelegramPeer() as telegram:
        channel = on_telegram.make(telegram.api, mode=mode)
        dana = Person("dana", accounts={"telegram": str(on_telegram.DANA)})
        async with open_house(
            store,
            desks=(channel,),
            people=[dana],
            groups={"default": frozenset({"dana"})},
        ) as place:
            await place.opened()
            await place.carried()
            ((chat, id_),) = telegram.messages
            live = telegram.messages[chat, id_]
            place.clock.turn(20 * MINUTE)
            await place.house.service.tick()
            await place.carried()
            telegram.messages[chat, id_] = live  # what their client shows, and the store of it
            update = telegram.press(chat, id_, "Approve", on_telegram.DANA)
            telegram._queries.clear()
            if mode == "webhook":
                inbound = on_telegram.delivery(update, place.clock())
                url, headers = f"{place.url}{inbound.path}", dict(inbound.headers)
                async with place.http.post(url, data=inbound.body, headers=headers) as answer:
                    assert answer.status == 200
            else:
                event = channel.read(Resolved(GETUPDATES, {"update": update}))
                assert isinstance(event, Tap)
                said = await place.house.service.tap(event)
                assert said.notice.text == "This request is closed, so your tap wasn't counted."
            await place.carried()
            now = telegram.messages[chat, id_]
            assert "reply_markup" not in now
            assert "Nothing was run." in now["text"]
        await channel.close()


GETUPDATES = Inbound("GETUPDATES", "", "", {}, b"", 0)


@pytest.mark.parametrize("number", range(len(on_slack.foreign(0))))
async def test_deliveries_for_other_features_are_answered_200_and_logged(
    store: Store, number: int
) -> None:
    """Slack shows its user a warning sign for anything else, and in time turns the URL off."""
    with capture_logs() as logs:
        async with slack_house(store) as (place, _, _):
            inbound = on_slack.foreign(place.clock())[number]
            url, headers = f"{place.url}{inbound.path}", dict(inbound.headers)
            async with place.http.post(url, data=inbound.body, headers=headers) as answer:
                assert answer.status == 200
            assert await place.kinds() == []
    assert [one["channel"] for one in logs if one["event"] == "delivery_ignored"] == ["slack"]


async def test_slacks_challenge_to_the_address_for_events_is_answered(store: Store) -> None:
    async with slack_house(store) as (place, _, _):
        asked = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()
        assert json.loads(await sent(place, asked)) == {"challenge": "3eZbrw1a"}
