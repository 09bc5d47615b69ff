"""What went wrong in other software of this kind, each fault a test, as far as Slack and the web
can suffer it (docs: the threats that this project answers)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from approvals.model import MINUTE, Choice, Label, Status
from approvals.policy import Page
from tests.harness.house import HANGS
from tests.harness.siege import (
    ACCOUNTS,
    OTHER_KEY,
    Clock,
    Issued,
    Siege,
    besieged,
    colleagues,
    texts,
)
from tests.peers.slack import SlackPeer, signed

ROOT: Final = Path(__file__).resolve().parents[2]
DANA: Final = ACCOUNTS["dana"]


@pytest.fixture
async def slack() -> AsyncIterator[SlackPeer]:
    async with SlackPeer(users=colleagues()) as peer:
        yield peer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def siege(
    tmp_path: Path, database: str, slack: SlackPeer, clock: Clock
) -> AsyncIterator[Siege]:
    async with besieged(tmp_path, database, slack, clock=clock) as siege:
        yield siege


async def posted(siege: Siege, action: str, **more: Any) -> tuple[str, list[Issued]]:
    """Open a request and send its cards; its id and buttons."""
    request = await siege.open(action, **more)
    await siege.settle()
    return request["id"], [b for b in await siege.issued() if b.request_id == request["id"]]


def labelled(buttons: list[Issued], label: Label, account: str | None = None) -> Issued:
    return next(
        b for b in buttons if b.label == label and account in (None, "U" + b.room.removeprefix("D"))
    )


async def status(siege: Siege, request_id: str) -> Status:
    return (await siege.house.store.cases([request_id]))[request_id].status


def messages_of(slack: SlackPeer, buttons: list[Issued]) -> list[dict[str, Any]]:
    return [slack.messages[place] for place in {(b.room, b.ts): None for b in buttons}]


def held(body: bytes = b"amount=1240000", query: str = "", **more: Any) -> dict[str, Any]:
    return {
        "http": {
            "method": "POST",
            "url": f"https://api.stripe.com/v1/payouts{query}",
            "headers": {"content-type": "application/x-www-form-urlencoded"},
            "body": base64.b64encode(body).decode(),
            **more,
        }
    }


async def test_seen_in_others_a_strangers_click_does_not_use_up_the_button(siege: Siege) -> None:
    id_, buttons = await posted(siege, "room.pay")
    approve = labelled(buttons, Label.APPROVE)
    for stranger in (ACCOUNTS["mallory"], ACCOUNTS["dana"], "U0NOBODY"):
        assert await siege.deliver(approve.press(stranger)) == 200
    assert await status(siege, id_) is Status.PENDING
    assert await siege.deliver(approve.press(ACCOUNTS["lee"])) == 200
    assert await status(siege, id_) is Status.APPROVED


async def test_seen_in_others_a_stranger_is_told_in_private_and_only_there(siege: Siege) -> None:
    _, buttons = await posted(siege, "room.pay")
    before = dict(siege.slack.messages)
    approve = labelled(buttons, Label.APPROVE)
    assert await siege.deliver(approve.press(ACCOUNTS["mallory"])) == 200
    await asyncio.wait_for(siege.slack.whispered.wait(), HANGS)
    (whisper,) = siege.slack.whispers
    assert whisper["user"] == ACCOUNTS["mallory"]
    assert "not" in whisper["text"]
    assert siege.slack.messages == before


async def test_seen_in_others_a_card_in_a_direct_message_calls_back(siege: Siege) -> None:
    id_, buttons = await posted(siege, "one.pay")
    assert {b.room for b in buttons} == {"D" + DANA[1:]}
    assert await siege.deliver(labelled(buttons, Label.APPROVE).press(DANA)) == 200
    assert await status(siege, id_) is Status.APPROVED


async def test_seen_in_others_nobody_listened_for_a_moment_and_the_verdict_is_still_there(
    siege: Siege,
) -> None:
    id_, buttons = await posted(siege, "one.pay")
    waiting = asyncio.create_task(siege.call("GET", f"/v1/requests/{id_}?wait=30"))
    while not siege.house.live.waiting:
        await asyncio.sleep(0)
    waiting.cancel()  # whoever waited for the verdict is gone
    assert await siege.deliver(labelled(buttons, Label.APPROVE).press(DANA)) == 200
    await siege.settle()
    code, request = await siege.call("GET", f"/v1/requests/{id_}?wait=30")
    assert (code, request["status"]) == (200, "approved")
    assert request["receipt"]


async def test_seen_in_others_the_platform_is_not_told_200_for_what_is_not_stored(
    siege: Siege,
) -> None:
    id_, buttons = await posted(siege, "one.pay")
    press = labelled(buttons, Label.APPROVE).press(DANA)
    await siege.house.store.close()
    assert await siege.deliver(press) == 503
    async with besieged(siege.config.parent, siege.url, siege.slack, clock=siege.clock) as later:
        assert await status(later, id_) is Status.PENDING
        assert await later.deliver(press) == 200
        assert await status(later, id_) is Status.APPROVED


async def test_seen_in_others_the_same_signed_click_twice_counts_once(siege: Siege) -> None:
    id_, buttons = await posted(siege, "two.pay")
    press = labelled(buttons, Label.APPROVE, DANA).press(DANA)
    assert {await siege.deliver(press) for _ in range(3)} == {200}
    other = labelled(buttons, Label.APPROVE, DANA).press(DANA, 7)
    assert await siege.deliver(other) == 200
    case = (await siege.house.store.cases([id_]))[id_]
    assert (case.status, [vote.person for vote in case.votes]) == (Status.PENDING, ["dana"])


async def test_seen_in_others_the_same_signed_click_at_once_counts_once(siege: Siege) -> None:
    id_, buttons = await posted(siege, "two.pay")
    press = labelled(buttons, Label.APPROVE, DANA).press(DANA)
    assert set(await asyncio.gather(*(siege.deliver(press) for _ in range(20)))) == {200}
    case = (await siege.house.store.cases([id_]))[id_]
    assert [vote.person for vote in case.votes] == ["dana"]


async def test_seen_in_others_a_year_old_signed_interaction_is_nothing(
    siege: Siege, clock: Clock
) -> None:
    id_, buttons = await posted(siege, "one.pay")
    press = labelled(buttons, Label.APPROVE).press(DANA)
    old = signed(press, clock.now - 365 * 24 * 60 * MINUTE)
    url = siege.house.url + "/channels/slack/events"
    async with siege.http.post(url, data=old.body, headers=old.headers) as answer:
        assert (answer.status, await answer.read()) == (401, b"")
    assert await status(siege, id_) is Status.PENDING
    assert await siege.deliver(press) == 200
    assert await status(siege, id_) is Status.APPROVED


async def test_seen_in_others_one_failed_post_does_not_lose_the_card(
    siege: Siege, clock: Clock
) -> None:
    request = await siege.open("one.pay")
    await siege.house.outbox.drain("")
    for number in (500, 429, 503):
        siege.slack.break_next(number, None)
        await siege.settle()
        assert not siege.slack.messages
        clock.now += MINUTE
    await siege.settle()
    buttons = await siege.issued()
    assert {b.request_id for b in buttons} == {request["id"]}
    assert await siege.deliver(labelled(buttons, Label.APPROVE).press(DANA)) == 200
    assert await status(siege, request["id"]) is Status.APPROVED


async def test_seen_in_others_a_tap_that_counted_does_not_fail_with_its_redraw(
    siege: Siege, clock: Clock
) -> None:
    id_, buttons = await posted(siege, "one.pay")
    assert await siege.deliver(labelled(buttons, Label.APPROVE).press(DANA)) == 200
    siege.slack.break_next(500, None)
    await siege.settle()
    assert await status(siege, id_) is Status.APPROVED
    assert await siege.house.store.receipt(id_)
    clock.now += MINUTE
    await siege.settle()
    (message,) = messages_of(siege.slack, buttons)
    assert any("Approved" in text for text in texts(message["blocks"]))


@pytest.mark.parametrize("fate", ["approved", "declined", "expired", "withdrawn", "revised"])
async def test_seen_in_others_no_button_stays_on_a_card_that_is_decided(
    siege: Siege, clock: Clock, fate: str
) -> None:
    id_, buttons = await posted(siege, "two.pay", expires_in=60)
    match fate:
        case "approved":
            for account in (DANA, ACCOUNTS["lee"]):
                press = labelled(buttons, Label.APPROVE, account).press(account)
                assert await siege.deliver(press) == 200
                await siege.settle()
                buttons = [b for b in await siege.issued() if b.request_id == id_] or buttons
        case "declined":
            press = labelled(buttons, Label.DECLINE_PROMPT, DANA).press(DANA)
            prompt = replace(siege.tap(press), message=None, echo=None, reason="")
            assert (await siege.house.service.tap(prompt)).counted
        case "expired":
            clock.now += 60_000
            await siege.house.service.tick()
        case "withdrawn":
            assert (await siege.call("DELETE", f"/v1/requests/{id_}"))[0] == 200
        case "revised":
            body = {"action": "two.pay", "payload": "another"}
            assert (await siege.call("PUT", f"/v1/requests/{id_}", json=body))[0] == 200
    await siege.settle()
    old = messages_of(siege.slack, buttons)
    assert len(old) == 3
    for message in old:
        assert not [p for b in message["blocks"] for p in b.get("elements", ()) if "value" in p]
    said = " ".join(texts(old[0]["blocks"]))
    assert "Waiting" not in said
    # Nothing is called decided that was not: it expired, or it was taken back.
    for word, fates in {"Approved": {"approved"}, "Declined": {"declined"}}.items():
        assert (word in said) == (fate in fates), said
    assert "elsewhere" not in said


async def test_seen_in_others_a_late_tap_is_told_what_happened_and_no_more(
    siege: Siege, clock: Clock
) -> None:
    _, buttons = await posted(siege, "one.pay", expires_in=60)
    clock.now += 60_000
    press = labelled(buttons, Label.APPROVE).press(DANA)
    answer = await siege.house.service.tap(siege.tap(press))
    assert not answer.counted
    assert answer.notice.text == "Expired. Nothing was run."


async def test_seen_in_others_what_is_cut_off_has_no_approve_button(siege: Siege) -> None:
    long = b"memo=" + b"x." * 5000 + b"&to=ba_evil"
    id_, buttons = await posted(siege, "one.pay", **held(long))
    assert {b.label for b in buttons} == {Label.DECLINE_PROMPT}
    (message,) = messages_of(siege.slack, buttons)
    shown = " ".join(texts(message["blocks"]))
    assert "ba_evil" in shown, "the end is what a thief hides"
    assert "bytes" in shown
    review = [p for b in message["blocks"] for p in b.get("elements", ()) if "url" in p]
    assert [p["url"] for p in review] == [f"https://approve.example.com/requests/{id_}"]


@pytest.mark.parametrize("body", [b"\x00\xff\x00\xff", b"x" * 100])
async def test_seen_in_others_what_was_not_received_or_is_no_text_has_no_approve_button(
    siege: Siege, body: bytes
) -> None:
    more = held(body, body_complete=body[0] == 0)
    _, buttons = await posted(siege, "one.pay", **more)
    assert Label.APPROVE not in {b.label for b in buttons}


FORGED: Final = "ACME GmbH\nApproved by: CFO\r\nRisk: low\u2028Approved by: CFO"


async def test_seen_in_others_no_line_break_forges_a_line(siege: Siege) -> None:
    facts = [{"label": "To\nApproved by", "value": FORGED}]
    _, buttons = await posted(siege, "one.pay", title=FORGED, facts=facts, note="fine", **held())
    (message,) = messages_of(siege.slack, buttons)
    # A value of several lines stands in a box of its own, where no line passes for a fact.
    boxed = {
        text
        for block in message["blocks"]
        for part in block.get("elements", ())
        if part["type"] == "rich_text_preformatted"
        for text in texts([part])
    }
    assert boxed
    for text in texts(message["blocks"]):
        if "CFO" in text and text not in boxed:
            assert len(text.splitlines()) == 1, text
            assert "⏎" in text or "\\u{" in text


async def test_seen_in_others_an_agents_words_are_never_facts(siege: Siege) -> None:
    headers = {"Authorization": f"Bearer {OTHER_KEY}"}
    body = {
        "action": "one.pay",
        "title": "Approved by: CFO",
        "facts": [{"label": "Approved by", "value": "CFO"}],
        "note": "Approved by: CFO",
        **held(),
    }
    code, request = await siege.call("POST", "/v1/requests", json=body, headers=headers)
    assert code == 201
    await siege.settle()
    buttons = [b for b in await siege.issued() if b.request_id == request["id"]]
    (message,) = messages_of(siege.slack, buttons)
    places = []
    for block in message["blocks"]:
        for part in block.get("elements", ()):
            if any("CFO" in text for text in texts([part])):
                places.append(part["type"])
    assert set(places) == {"rich_text_quote"}


async def test_seen_in_others_a_query_that_changes_the_payee_is_shown(siege: Siege) -> None:
    query = "?expand=balance&destination=ba_evil"
    _, buttons = await posted(siege, "one.pay", **held(query=query))
    (message,) = messages_of(siege.slack, buttons)
    assert any("destination: ba_evil" in text for text in texts(message["blocks"]))


async def test_seen_in_others_a_refused_click_does_not_touch_the_live_card(siege: Siege) -> None:
    id_, buttons = await posted(siege, "room.pay")
    before = messages_of(siege.slack, buttons)
    approve = labelled(buttons, Label.APPROVE)
    for stranger in (ACCOUNTS["mallory"], "U0NOBODY"):
        assert await siege.deliver(approve.press(stranger)) == 200
    await siege.settle()
    assert messages_of(siege.slack, buttons) == before
    assert "chat.update" not in [method for method, _, _ in siege.slack.calls]
    assert await status(siege, id_) is Status.PENDING


async def test_seen_in_others_a_button_that_does_not_fit_is_not_dropped_in_silence(
    tmp_path: Path, database: str, slack: SlackPeer
) -> None:
    """An owner's template that draws one button of two sends no card at all, and says so."""
    template = (ROOT / "card_templates/slack.json.j2").read_text()
    assert "in card.buttons %}" in template
    own = tmp_path / "two.json.j2"
    own.write_text(template.replace("in card.buttons %}", "in card.buttons[:1] %}"))
    templates = {"slack": str(own)}
    async with besieged(tmp_path, database, slack, clock=Clock(), templates=templates) as siege:
        request = await siege.open("one.pay")
        await siege.settle()
        assert not slack.messages
        (parked,) = await siege.house.store.parked()
        assert "buttons" in parked.error
        kinds = [entry.kind for entry in await siege.house.store.history(request["id"])]
        assert "parked" in kinds
        # The inbox still can.
        dana = siege.house.service.trust.directory.person("dana")
        assert dana is not None
        answer = await siege.house.service.decide(
            dana, request["id"], Choice.APPROVE, request["digest"], None, way=Page(fresh=False)
        )
        assert answer.counted


async def test_seen_in_others_a_clock_that_is_minutes_off_refuses_nothing(
    siege: Siege, clock: Clock
) -> None:
    for off in (-4, 4):
        id_, buttons = await posted(siege, "one.pay")
        press = labelled(buttons, Label.APPROVE).press(DANA)
        inbound = signed(press, clock.now + off * MINUTE)
        url = siege.house.url + "/channels/slack/events"
        async with siege.http.post(url, data=inbound.body, headers=inbound.headers) as answer:
            assert answer.status == 200
        assert await status(siege, id_) is Status.APPROVED


async def test_seen_in_others_one_requester_touches_nothing_of_anothers(siege: Siege) -> None:
    id_, _ = await posted(siege, "one.pay")
    headers = {"Authorization": f"Bearer {OTHER_KEY}"}
    body = {"action": "one.pay", "payload": 1}
    answers = [
        await siege.call("GET", f"/v1/requests/{id_}", headers=headers),
        await siege.call("GET", f"/v1/requests/{id_}/receipt", headers=headers),
        await siege.call("DELETE", f"/v1/requests/{id_}", headers=headers),
        await siege.call("PUT", f"/v1/requests/{id_}", headers=headers, json=body),
        await siege.call(
            "POST", f"/v1/requests/{id_}/outcome", headers=headers, json={"delivered": True}
        ),
    ]
    assert {code for code, _ in answers} == {404}
    assert (await siege.call("GET", "/v1/requests", headers=headers))[1]["requests"] == []
    assert await status(siege, id_) is Status.PENDING


async def test_seen_in_others_verdicts_that_come_fast_are_all_there(siege: Siege) -> None:
    ids = [(await siege.open("one.pay"))["id"] for _ in range(60)]
    waiting = [asyncio.create_task(siege.call("GET", f"/v1/requests/{id_}?wait=60")) for id_ in ids]
    await siege.settle()
    mine = [b for b in await siege.issued() if b.label == Label.APPROVE]
    sent = await asyncio.gather(*(siege.deliver(b.press(DANA, n)) for n, b in enumerate(mine)))
    assert sent == [200] * len(ids)
    await siege.settle()
    for code, request in await asyncio.gather(*waiting):
        assert (code, request["status"]) == (200, "approved")
        assert request["receipt"]
