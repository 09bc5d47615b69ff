"""What is special about GitHub. What every channel keeps is in test_channels.py."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from adapters.github.markdown import code, label, plain
from adapters.github.settings import Settings, sample
from adapters.github.setup import registration
from approvals.cards import renderer
from approvals.model import (
    Address,
    Agent,
    Busy,
    Choice,
    Fact,
    Forged,
    Http,
    Kind,
    Malformed,
    Person,
    Refused,
    Request,
    Risk,
)
from approvals.port import CatchesUp, Ignored, Inbound, Resolved, Tap
from approvals.store import Store
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import AWAY, CARDS, HOSTILE, NOW, ROOT, card, event_of, natural
from tests.harness.house import HANGS, Place, Wall, open_house, rule, until
from tests.harness.node import NODE
from tests.peers.github import (
    APP,
    BOT,
    DANA,
    HEAD,
    INSTALLATION,
    LEE,
    MARKDOWN,
    PEM,
    READER,
    REPOSITORY,
    SECRET,
    SHA,
    SITE,
    GitHubPeer,
    account,
    links,
    make,
    parsed,
    press,
    pressed,
    read_markdown,
    signed,
    wrote,
)
from tests.peers.loopback import started
from tools.ports import free_port

PEERS = ROOT / "tests/peers"
COMMIT = Address("github", f"{REPOSITORY}@{SHA}")
ISSUE = Address("github", f"{REPOSITORY}#12")
CODE = "RRRRRRRR"
TEXTS = [*HOSTILE, *(batch[0] for batch in hostile.BATCHES if batch[0])]


@pytest.fixture
async def github() -> AsyncIterator[GitHubPeer]:
    async with GitHubPeer() as peer:
        yield peer


@asynccontextmanager
async def channel_of(github: GitHubPeer, **more: Any) -> AsyncIterator[Any]:
    channel = make(github.api, **more)
    try:
        yield channel
    finally:
        await channel.close()


def low(**more: Any) -> Any:
    return natural(card(risk=Risk.LOW, **more), make(AWAY).abilities)


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    on_platforms.as_it_was(make(AWAY), state)


# What others wrote


@pytest.mark.parametrize(
    "text", [*TEXTS, "`", "``a`", " a ", "  ", "a\n\nb", "\n`\n", "a`b``c", " `x` ", "x" * 500]
)
def test_law_13_every_line_of_others_is_read_as_one_piece_of_code(text: str) -> None:
    lines = [line for line in text.strip("\n").split("\n") if line.strip()] or ["(empty)"]
    found = read_markdown(code(text))
    assert [content for kind, content in found if kind == "code_inline"] == lines
    assert {kind for kind, content in found if content.strip()} == {"code_inline"}
    if text.strip():
        assert [one for one in plain(code(text)).split("\n") if one.strip()] == lines


async def test_law_13_whatever_others_wrote_does_nothing_in_a_comment(github: GitHubPeer) -> None:
    known = {
        "text", "code_inline", "link_open", "link_close", "paragraph_open", "paragraph_close",
        "strong_open", "strong_close", "em_open", "em_close", "hardbreak",
    }  # fmt: skip
    async with channel_of(github) as channel:
        tame = channel.layout(low(facts=(Fact("x", "x"),), title="x", note="x", payload="x"))
        for text in TEXTS:
            wild = low(facts=(Fact(text, text),), title=text, subject=text, note=text, payload=text)
            ref = await channel.post(ISSUE, channel.layout(wild), "crd_1")
            assert links(channel.layout(wild)) == links(tame)
            drawn = read_markdown(github.comments[int(ref.message)]["body"])
            outside = [content for kind, content in drawn if kind != "code_inline" and content]
            assert not [one for one in outside if re.search(r"[@#<&]|\bwww\.", one)], text
            assert {kind for kind, content in drawn} <= known, text


@pytest.mark.parametrize("text", ["fixes", "deadbeef", "GH-12", "@dana", "a.b", "To *", "Defaced"])
def test_law_13_a_label_that_could_mean_something_is_code(text: str) -> None:
    assert label("Amount due") == "**Amount due**"
    assert label(text) == ("**fixes**" if text == "fixes" else f"**`{text}`**")


@pytest.mark.parametrize(
    "hides", ['"<!-- " ~ card.line ~ " -->', '"[//]: # (" ~ card.line ~ ")\\n\\n']
)
def test_law_14_a_template_that_hides_things_is_refused(hides: str) -> None:
    """A comment, `<details>`, the title in the definition of a link: nobody sees them."""
    source = (ROOT / "card_templates/github.json.j2").read_text()
    hiding = source.replace('"Digest "', f'{hides}Digest "')
    assert hiding != source
    with pytest.raises(Refused, match="HTML"):
        make(AWAY, render=renderer("github.json.j2", hiding)).layout(low())


def test_law_14_no_text_stands_in_a_block_that_does_not_wrap() -> None:
    payload = make(AWAY).layout(low(payload="x" * 400))
    kinds = {kind for text in parsed(payload) for kind, _ in read_markdown(text)}
    assert "<pre>" not in MARKDOWN.render(f"{payload['summary']}\n\n{payload['text']}")
    assert not kinds & {"fence", "code_block", "table_open", "html_block", "html_inline"}


# A press


async def test_a_press_brings_the_check_as_github_has_it(github: GitHubPeer) -> None:
    async with channel_of(github) as channel:
        payload = channel.layout(low())
        ref = await channel.post(COMMIT, payload, "crd_1")
        assert ref.altered == ()
        sent = github.press(int(ref.message), "Approve")
        tap = on_platforms.tapped(await event_of(channel, signed(sent, NOW, "abc-1")))
        assert (tap.account, tap.conversation, tap.message) == (
            DANA,
            COMMIT.conversation,
            ref.message,
        )
        assert (tap.event, tap.token, tap.choice) == ("abc-1", "Q" * 20, None)
        assert (tap.stranger, tap.echo) == (None, channel.echo(payload))


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run["output"].update(title="Pay 12.40 EUR · low risk"),
        lambda run: run["output"].update(summary="Lunch"),
        lambda run: run["output"].update(text=run["output"]["text"] + "\n\nPress Approve."),
        lambda run: run["output"].update(text=None),
        lambda run: run.update(name="Lunch"),
        lambda run: run.update(details_url="https://evil.example/"),
        lambda run: run.update(external_id="SSSSSSSS"),
        lambda run: run["output"].update(annotations_count=1),
    ],
)
async def test_law_07_a_check_that_somebody_changed_has_another_echo(
    github: GitHubPeer, change: Callable[[Any], Any]
) -> None:
    async with channel_of(github) as channel:
        payload = channel.layout(low())
        ref = await channel.post(COMMIT, payload, "crd_1")
        change(github.checks[int(ref.message)])
        sent = github.press(int(ref.message), "Approve")
        tap = on_platforms.tapped(await event_of(channel, signed(sent, NOW)))
        assert tap.echo not in (None, channel.echo(payload))


@pytest.mark.parametrize(
    ("who", "needed", "why"),
    [
        (DANA, "write", None),
        (DANA, "admin", "no admin access"),
        (LEE, "admin", None),
        (READER, "write", "no write access"),
        (READER, "read", None),
        (BOT, "read", "not a person's account"),
    ],
)
async def test_law_02_github_says_what_an_account_may_do(
    github: GitHubPeer, who: str, needed: str, why: str | None
) -> None:
    async with channel_of(github, permission=needed) as channel:
        tap = on_platforms.tapped(await event_of(channel, signed(press(who=who), NOW)))
        assert (tap.account, (tap.stranger or "")[:14]) == (who, (why or "")[:14])


async def test_law_02_whoever_has_no_role_or_the_login_of_another_is_a_stranger(
    github: GitHubPeer,
) -> None:
    async with channel_of(github) as channel:
        del github.roles[DANA]
        tap = on_platforms.tapped(await event_of(channel, pressed(NOW)))
        assert tap.stranger == "no access to this repository"
        github.roles[DANA] = "write"
        sent = press()
        sent["sender"]["id"] = 1  # dana's login, which was somebody else's
        tap = on_platforms.tapped(await event_of(channel, signed(sent, NOW)))
        assert tap.stranger == "another account"


async def test_a_github_that_is_away_is_busy_and_nothing_is_forged() -> None:
    channel = make(AWAY)
    with pytest.raises(Busy):
        await channel.resolve(channel.authenticate(pressed(NOW)))
    await channel.close()


def test_law_09_nothing_is_read_that_was_not_resolved() -> None:
    channel = make(AWAY)
    with pytest.raises(Malformed):
        channel.read(Resolved.of(channel.authenticate(pressed(NOW))))


async def test_an_answer_that_is_not_githubs_is_busy(github: GitHubPeer) -> None:
    async with channel_of(github) as channel:
        await channel.open(DANA)
        for said in ("[]", "<html>", '"x"'):
            github.broken.append(web.Response(text=said, content_type="application/json"))
            with pytest.raises(Busy):
                await event_of(channel, pressed(NOW))


def test_law_09_the_signature_of_sha1_alone_proves_nothing() -> None:
    good = pressed(NOW)
    headers = {k: v for k, v in good.headers.items() if k != "x-hub-signature-256"}
    assert "x-hub-signature" in headers
    with pytest.raises(Forged):
        make(AWAY).authenticate(replace(good, headers=headers))


# A command


async def commanded(channel: Any, github: GitHubPeer, text: str, **more: Any) -> Any:
    return await event_of(channel, signed(github.write(text, **more), NOW))


async def test_a_command_is_a_tap_on_the_card_that_has_its_code(github: GitHubPeer) -> None:
    async with channel_of(github) as channel:
        payload = channel.layout(low())
        ref = await channel.post(ISSUE, payload, "crd_1")
        await channel.post(ISSUE, channel.layout(low(buttons=other())), "crd_2")
        body = github.comments[int(ref.message)]["body"]
        assert f"comment `/approve {CODE}`" in body
        tap = on_platforms.tapped(await commanded(channel, github, f" /approve {CODE}\r\n"))
        assert (tap.account, tap.conversation) == (DANA, ISSUE.conversation)
        assert (tap.message, tap.choice, tap.token) == (ref.message, Choice.APPROVE, "")
        assert (tap.stranger, tap.echo) == (None, channel.echo(payload))
        tap = on_platforms.tapped(
            await commanded(channel, github, f"/decline {CODE}\n\nNot on *Friday*")
        )
        assert (tap.choice, tap.reason) == (Choice.DECLINE, "Not on *Friday*")


def other() -> Any:
    return tuple(replace(one, token=one.token.swapcase()) for one in low().buttons)


async def test_law_06_only_at_low_risk_a_comment_is_told_how_to_approve(
    github: GitHubPeer,
) -> None:
    async with channel_of(github) as channel:
        for state in ("pending", "high"):
            shown = natural(CARDS[state], channel.abilities)
            ref = await channel.post(ISSUE, channel.layout(shown), "crd_1")
            body = github.comments[int(ref.message)]["body"]
            assert "`/approve" not in body
            assert f"/decline {CODE}" in body
            tap = on_platforms.tapped(await commanded(channel, github, f"/approve {CODE}"))
            assert tap.token == ""  # so that it is of tier C, whatever the card says
            del github.comments[int(ref.message)]


async def test_law_05_what_an_app_wrote_for_a_person_is_not_theirs(github: GitHubPeer) -> None:
    async with channel_of(github) as channel:
        await channel.post(ISSUE, channel.layout(low()), "crd_1")
        app = github._app()
        said = await commanded(channel, github, f"/approve {CODE}", performed_via_github_app=app)
        assert on_platforms.tapped(said).stranger == "an app wrote this for them"


async def test_law_06_a_code_that_two_cards_have_means_neither(github: GitHubPeer) -> None:
    """Or somebody could put another card's code under words of theirs."""
    async with channel_of(github) as channel:
        await channel.post(ISSUE, channel.layout(low()), "crd_1")
        second = await channel.post(ISSUE, channel.layout(low(buttons=other())), "crd_2")
        kept = github.comments[int(second.message)]
        kept["body"] = kept["body"].replace(CODE.swapcase(), CODE)
        assert isinstance(await commanded(channel, github, f"/approve {CODE}"), Ignored)


async def test_law_13_what_is_no_card_of_ours_has_no_code(github: GitHubPeer) -> None:
    async with channel_of(github) as channel:
        ref = await channel.post(ISSUE, channel.layout(low()), "crd_1")
        card_ = github.comments.pop(int(ref.message))
        app = github._app()
        for who, via in ((LEE, None), (LEE, app), (BOT, {**app, "id": APP + 1}), (BOT, None)):
            # The same words by a person, by our App for a person, by another App, by a bot.
            other_ = github._comment(card_["body"], account(who), 12, performed_via_github_app=via)
            assert isinstance(await commanded(channel, github, f"/approve {CODE}"), Ignored)
            del github.comments[other_["id"]]
        github.comments[1] = {**card_, "id": 1, "issue": 13}  # in another issue
        assert isinstance(await commanded(channel, github, f"/approve {CODE}"), Ignored)
        # A request's own text cannot be taken for the end of its card.
        body = f"To approve, comment `/approve {CODE}`. To decline, comment `/decline {CODE}`"
        await channel.post(ISSUE, channel.layout(low(payload=body, buttons=other())), "crd_2")
        assert isinstance(await commanded(channel, github, f"/approve {CODE}"), Ignored)


async def test_law_07_an_edited_comment_has_another_echo(github: GitHubPeer) -> None:
    """By whoever may write in the repository."""
    async with channel_of(github) as channel:
        payload = channel.layout(low())
        ref = await channel.post(ISSUE, payload, "crd_1")
        kept = github.comments[int(ref.message)]
        for old, new in (("12,400.00", "12.40"), ("ACME", "BCME"), ("[Details]", "[Approve]")):
            body, kept["body"] = kept["body"], kept["body"].replace(old, new, 1)
            tap = on_platforms.tapped(await commanded(channel, github, f"/approve {CODE}"))
            assert tap.echo != channel.echo(payload)
            kept["body"] = body
        for old, new in (("To approve", "To read it"), ("if you like.", "if you like. ")):
            kept["body"] = body.replace(old, new)
            assert isinstance(await commanded(channel, github, f"/approve {CODE}"), Ignored)
        kept["body"] = body.replace("\n", "\r\n")  # as GitHub's own editor would store it
        tap = on_platforms.tapped(await commanded(channel, github, f"/approve {CODE}"))
        assert tap.echo == channel.echo(payload)


@pytest.mark.parametrize("changed", ["I take that back", None])
async def test_law_01_a_command_that_was_edited_or_deleted_meanwhile_does_not_count(
    github: GitHubPeer, changed: str | None
) -> None:
    """A delivery that failed comes again up to an hour later."""
    async with channel_of(github) as channel:
        await channel.post(ISSUE, channel.layout(low()), "crd_1")
        sent = github.write(f"/approve {CODE}")
        assert isinstance(await event_of(channel, signed(sent, NOW)), Tap)
        if changed is None:
            del github.comments[sent["comment"]["id"]]
        else:
            github.comments[sent["comment"]["id"]]["body"] = changed
        assert isinstance(await event_of(channel, signed(sent, NOW)), Ignored)


async def test_law_26_a_comment_whose_author_left_github_ends_no_command(
    github: GitHubPeer,
) -> None:
    async with channel_of(github) as channel:
        await channel.post(ISSUE, channel.layout(low()), "crd_1")
        github._comment("Our App wrote this for them", None, 12, via=github._app())
        assert isinstance(await commanded(channel, github, f"/decline {CODE}"), Tap)


@pytest.mark.parametrize(("later", "found"), [(0, True), (98, True), (250, True), (400, False)])
async def test_a_card_is_looked_for_among_the_newest_comments(
    github: GitHubPeer, later: int, found: bool
) -> None:
    async with channel_of(github) as channel:
        await channel.post(ISSUE, channel.layout(low()), "crd_1")
        for _ in range(later):
            github.write("More words")
        said = await commanded(channel, github, f"/decline {CODE}")
        assert isinstance(said, Tap) is found
        assert sum("/comments" in call for call in github.calls if call[:3] == "GET") <= 3


async def test_law_26_where_anybody_can_comment_a_stranger_costs_one_call(
    github: GitHubPeer,
) -> None:
    """And none where no card may stand."""
    sent = wrote(f"/approve {CODE}", READER, where=SITE)
    for public in (True, False):
        async with channel_of(github, public=public) as channel:
            await channel.open(DANA)
            github.calls.clear()
            assert isinstance(await event_of(channel, signed(sent, NOW)), Ignored)
            assert len(github.calls) == public


# Where a card stands


def asked(payload: Any = None, url: str = "") -> Request:
    http = Http("POST", url, (), b"") if url else None
    text = None if http else json.dumps(payload)
    words = ("req_1", "default", 1, "gate", Kind.GATEWAY, Agent("a"), "x", http, text, "d", NOW)
    return Request(*words)


API = "https://api.github.com/repos/acme/API"
ROOM = Address("github", "Acme/api")
PERSON = Address("github", f"@{DANA}", account=DANA)


@pytest.mark.parametrize(
    ("whom", "request_", "where"),
    [
        (ROOM, asked({"repository": "acme/api", "sha": SHA}), COMMIT.conversation),
        (ROOM, asked({"repository": "acme/api", "issue": 12}), ISSUE.conversation),
        (ROOM, asked({"repository": "acme/api", "pull_request": 7}), f"acme/api@{HEAD}"),
        (ROOM, asked(url=f"{API}/pulls/7/merge"), f"acme/api@{HEAD}"),
        (ROOM, asked(url=f"{API}/issues/12/comments"), ISSUE.conversation),
        (ROOM, asked(url=f"{API}/statuses/{SHA}"), COMMIT.conversation),
        (ROOM, asked(url=f"{API}/issues/comments/12"), None),
        (ROOM, asked(url=f"{API}/contents/README.md"), None),
        (ROOM, asked(url="https://api.github.com.evil.example/repos/acme/api/pulls/7"), None),
        (ROOM, asked({"repository": "acme/api", "sha": "main"}), None),
        (ROOM, asked({"repository": "acme/api", "sha": ["x"]}), None),
        (ROOM, asked({"repository": "acme/other", "sha": SHA}), None),
        (ROOM, asked({"repository": ["acme/api"], "sha": SHA}), None),
        (ROOM, asked({"repository": "acme/api"}), None),
        (ROOM, asked("text"), None),
        (Address("github", "acme/api#12"), asked({"to": "bob"}), ISSUE.conversation),
        (PERSON, asked({"repository": "acme/api", "sha": SHA}), COMMIT.conversation),
        (PERSON, asked({"repository": "acme/other", "sha": SHA}), "acme/api#1"),
        (PERSON, asked({"to": "bob"}), "acme/api#1"),
        (PERSON, asked({"repository": "acme/site", "sha": SHA}), None),
    ],
)
async def test_a_card_stands_where_its_request_lives(
    github: GitHubPeer, whom: Address, request_: Request, where: str | None
) -> None:
    async with channel_of(github) as channel:
        object.__setattr__(channel, "api_url", "https://api.github.com/")  # what requests name
        if where is None:
            with pytest.raises(Refused):
                await channel.place(whom, request_)
        else:
            assert await channel.place(whom, request_) == Address("github", where)


async def test_what_everybody_can_read_is_no_place_unless_it_is_allowed(
    github: GitHubPeer,
) -> None:
    there = asked({"repository": SITE, "sha": SHA})
    async with channel_of(github) as channel:
        with pytest.raises(Refused, match="public: everybody would read"):
            await channel.place(PERSON, there)
    async with channel_of(github, public=True, inbox="") as channel:
        assert (await channel.place(PERSON, there)).conversation == f"{SITE}@{SHA}"
        with pytest.raises(Refused, match="inbox"):
            await channel.place(PERSON, asked({"to": "bob"}))


async def test_law_02_only_a_persons_account_is_opened(github: GitHubPeer) -> None:
    async with channel_of(github) as channel:
        assert await channel.open(DANA) == PERSON
        for other_ in (BOT, "999", "dana-lee", "1/../2"):
            with pytest.raises(Refused):
                await channel.open(other_)


async def test_a_card_is_redrawn_where_it_is(github: GitHubPeer) -> None:
    async with channel_of(github) as channel:
        for address in (COMMIT, ISSUE):
            ref = await channel.post(address, channel.layout(low()), "crd_1")
            for state in ("one-of-two", "expired", "approved"):
                shown = natural(CARDS[state], channel.abilities)
                now_at = await channel.redraw(ref, channel.layout(shown))
                assert (now_at, now_at.altered) == (ref, ())
            with pytest.raises(Refused):
                await channel.redraw(replace(ref, message="1"), channel.layout(low()))
        (check,) = github.checks.values()
        (comment,) = github.comments.values()
        assert (check["status"], check["conclusion"], github.actions[check["id"]]) == (
            "completed",
            "success",
            [],
        )
        assert "`/approve" not in comment["body"]
        assert "Approved by Dana Lee" in comment["body"]


# The App


async def test_one_token_serves_many_calls_and_a_revoked_one_is_replaced(
    github: GitHubPeer,
) -> None:
    async with channel_of(github) as channel:
        payload = channel.layout(low())
        await asyncio.gather(*(channel.post(COMMIT, payload, f"crd_{one}") for one in range(5)))
        assert len(github.tokens) == 1
        github.tokens.clear()
        assert (await channel.post(COMMIT, payload, "crd_9")).message
        assert len(github.tokens) == 1


@pytest.mark.parametrize("more", [{"app_id": APP + 1}, {"installation_id": 7}])
async def test_law_26_what_our_app_may_not_do_is_nobodys_fault(
    github: GitHubPeer, more: dict[str, Any]
) -> None:
    async with channel_of(github, **more) as channel:
        with pytest.raises(Busy, match="our App"):
            await channel.open(DANA)
        assert await on_platforms.found(channel) == {"app": False}


async def test_law_26_a_rate_limit_is_waited_for_and_a_refusal_is_not(github: GitHubPeer) -> None:
    async with channel_of(github) as channel:
        await channel.open(DANA)
        reset = str(int(time.time()) + 100)
        for status, wait, heads in (
            (403, 7, {}),
            (403, None, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}),
            (429, None, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}),
        ):
            github.break_next(status, wait, **heads)
            with pytest.raises(Busy) as caught:
                await channel.open(DANA)
            assert 0 < (caught.value.retry_after or 0) <= (wait or 100) * 1000
        github.locked.add(12)
        with pytest.raises(Refused, match="locked"):
            await channel.post(ISSUE, channel.layout(low()), "crd_1")
        with pytest.raises(Refused, match="422"):
            await channel.post(
                replace(COMMIT, conversation=f"acme/api@{'0' * 40}"), channel.layout(low()), "c"
            )


async def test_law_26_what_github_could_not_deliver_is_asked_for_again(
    github: GitHubPeer,
) -> None:
    assert isinstance(make(AWAY), CatchesUp)
    now = int(time.time() * 1000)
    before = now - 120_000
    github.delivered("gone", 502, before)
    github.delivered("taken", 200, before)
    github.delivered("refused", 401, before)
    github.delivered("missed", 502, before)
    github.delivered("missed", 504, now - 60_000, redelivery=True)
    github.delivered("just missed", 502, now - 10_000)
    github.delivered("resting", 502, now - 60_000)
    github.delivered("resting", 502, now - 50_000, redelivery=True)
    github.delivered("old", 502, now - 3_700_000)
    github.delivered("not ours", 502, before, installation_id=INSTALLATION + 1)
    github.delivered("push", 502, before, event="push", action=None)
    github.delivered("a check of another App", 502, before, action="completed")
    for _ in range(7):
        github.delivered("in vain", 502, now - 3_000_000)
    github.delivered("unheard", 0, before)
    for one in range(97):  # as where many people comment
        github.delivered(f"comment {one}", 200, now, event="issue_comment", action="created")
    github.delivered("later", 503, before)
    github.delivered("later", 200, before, redelivery=True)
    ids = {one["guid"]: one["id"] for one in github.deliveries}
    async with channel_of(github) as channel:
        github.broken.append(web.json_response([{"id": 1}]))  # not as documented: it goes on
        task = asyncio.create_task(channel.catch_up())
        await until(lambda: github.calls and not github.broken)
        assert not task.done()
        task.cancel()
        github.forgotten.add(ids["gone"])
        github.calls.clear()
        await channel._repeat(now)
        asked_for = [call for call in github.calls if call.endswith("/attempts")]
        assert sorted(asked_for) == [
            f"POST /app/hook/deliveries/{ids[one]}/attempts"
            for one in ("gone", "missed", "unheard")
        ]


async def test_check_looks_at_the_app_its_permissions_events_and_repositories(
    github: GitHubPeer,
) -> None:
    sound = {"app": True, "permissions": True, "events": True, "clock": True, REPOSITORY: True}
    assert await on_platforms.found(make(github.api, public=True)) == {**sound, SITE: True}
    github.permissions["checks"] = "read"
    github.events = ["issue_comment"]
    found = await on_platforms.found(make(github.api, repositories=("acme/gone",)))
    lacking = {"permissions": False, "events": False, "acme/gone": False}
    assert found == {**sound, **lacking}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"api_url": "http://github.example.com/api/v3/"}, "https"),
        ({"webhook_secret": SecretStr("short")}, "32 characters"),
        ({"private_key": SecretStr("-----BEGIN")}, "private_key_file"),
        ({"repositories": ("acme",)}, "owner/repository"),
        ({"inbox": "acme/api"}, "an issue"),
        ({"permission": "owner"}, "read"),
        ({"permission": "read", "public": True}, "everybody can read"),
        ({"app_id": 0}, "greater"),
    ],
)
def test_law_23_what_cannot_work_is_said_at_once(change: dict[str, Any], why: str) -> None:
    sound = {key: getattr(sample(), key) for key in Settings.model_fields}
    assert Settings(**sound | {"private_key": SecretStr(PEM)})
    with pytest.raises(ValidationError, match=why):
        Settings(**sound | change)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"private_key": "none"}, "private key"),
        ({"webhook_secret": " "}, "webhook_secret"),
        ({"permission": "push"}, "read, write, admin"),
    ],
)
def test_an_adapter_that_cannot_work_is_not_made(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make(AWAY, **change)


def test_the_form_asks_for_what_the_adapter_needs() -> None:
    form = registration("https://approve.example.com/channels/github/events")
    for words in ("checks=write", "issues=write", "events[]=check_run", "events[]=issue_comment"):
        assert words in form


# In the house


async def test_a_whole_approval_on_a_check(store: Store, github: GitHubPeer) -> None:
    channel = make(github.api)
    async with on_platforms.house(
        store, channel, dana=DANA, lee=LEE, room=REPOSITORY, clock=Wall()
    ) as place:
        url = f"{place.url}/channels/github/events"
        request = await place.opened("room.a", payload={"repository": REPOSITORY, "sha": SHA})
        await place.carried()
        ((check, _),) = github.checks.items()
        for who in (LEE, READER):
            assert await github.deliver(url, github.press(check, "Approve", who)) == 200
            assert (await place.read(request["id"]))["status"] == "pending"
        assert await github.deliver(url, github.press(check, "Approve")) == 200
        assert (await place.read(request["id"]))["status"] == "approved"
        await place.carried()
        assert github.checks[check]["conclusion"] == "success"
        assert github.actions[check] == []
        await channel.close()


async def test_law_07_a_changed_check_approves_nothing_and_a_fresh_card_comes(
    store: Store, github: GitHubPeer
) -> None:
    channel = make(github.api)
    async with on_platforms.house(
        store, channel, dana=DANA, lee=LEE, room=REPOSITORY, clock=Wall()
    ) as place:
        request = await place.opened("room.a", payload={"repository": REPOSITORY, "sha": SHA})
        await place.carried()
        ((check, kept),) = github.checks.items()
        kept["output"]["title"] = "Lunch · low risk"
        url = f"{place.url}/channels/github/events"
        assert await github.deliver(url, github.press(check, "Approve")) == 200
        assert (await place.read(request["id"]))["status"] == "pending"
        await place.carried()
        assert len(github.checks) == 2
        await channel.close()


@asynccontextmanager
async def commented(store: Store, github: GitHubPeer) -> AsyncIterator[tuple[Place, str]]:
    """dana and kim decide what is asked in the inbox, at low risk and at medium; and where to
    deliver."""
    channel = make(github.api)
    rules = (
        rule("low", risk=Risk.LOW, via=("github",)),
        rule("medium", via=("github",)),
    )
    people = [
        Person("dana", accounts={"github": DANA}, groups=frozenset({"default"})),
        Person("kim", accounts={"github": LEE}, groups=frozenset({"default"})),
    ]
    desks: Any = (channel,)
    async with open_house(
        store,
        clock=Wall(),
        desks=desks,
        people=people,
        groups={"default": frozenset({"dana", "kim"})},
        rules=rules,
    ) as place:
        yield place, f"{place.url}/channels/github/events"
        await channel.close()


async def newest(place: Place, github: GitHubPeer) -> str:
    """The code of the one new card."""
    await place.carried()
    (found,) = [one for one in github.comments.values() if "/decline" in one["body"]]
    assert found["issue"] == 1
    ((_, said),) = re.findall("/(decline) ([A-Za-z0-9_-]{8})`", found["body"])
    return str(said)


async def test_law_06_a_comment_approves_at_low_risk_and_declines_at_any(
    store: Store, github: GitHubPeer
) -> None:
    async with commented(store, github) as (place, url):
        request = await place.opened("low.a")
        given = await newest(place, github)  # one card for both of them
        for who in (READER, BOT):
            sent = github.write(f"/approve {given}", who, 1)
            assert await github.deliver(url, sent) == 200
        assert (await place.read(request["id"]))["status"] == "pending"
        sent = github.write(f"/approve {given}", issue=1)
        for _ in range(2):  # GitHub, or somebody in its settings, delivers it again
            assert await github.deliver(url, sent) == 200
        assert (await place.read(request["id"]))["status"] == "approved"
        other_ = await place.opened("medium.a")
        given = await newest(place, github)
        assert await github.deliver(url, github.write(f"/approve {given}", issue=1)) == 200
        assert (await place.read(other_["id"]))["status"] == "pending"
        sent = github.write(f"/decline {given} not on Friday", LEE, 1)
        assert await github.deliver(url, sent) == 200
        declined = await place.read(other_["id"])
        assert (declined["status"], declined["reason"]) == ("declined", "not on Friday")


async def test_law_26_a_github_that_is_away_for_a_moment_loses_no_card_and_no_press(
    store: Store, github: GitHubPeer
) -> None:
    async with commented(store, github) as (place, url):
        github.break_next(503, None)
        request = await place.opened("low.a")
        await place.carried()
        place.clock.turn(60_000)
        given = await newest(place, github)
        sent = github.write(f"/approve {given}", issue=1)
        github.break_next(502, None)
        assert await github.deliver(url, sent) == 503
        assert (await place.read(request["id"]))["status"] == "pending"
        assert await github.deliver(url, sent) == 200  # “Redeliver”, or the person again
        assert (await place.read(request["id"]))["status"] == "approved"


# A peer that nobody here wrote


@pytest.fixture
async def emulate(tmp_path: Path) -> AsyncIterator[tuple[str, asyncio.Queue[Inbound]]]:
    """The GitHub of npm's `emulate` 0.12.2 (`make test` installs it), which checks an App's token
    and signs what it delivers; and its deliveries. Of checks it keeps no buttons, and of comments
    it doesn't say that an App wrote them."""
    came: asyncio.Queue[Inbound] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        heads = {name.lower(): value for name, value in request.headers.items()}
        came.put_nowait(Inbound("POST", request.path, "", heads, await request.read(), NOW))
        return web.Response()

    hooks = web.Application()
    hooks.router.add_post("/events", take)
    runner, ours = await started(hooks)
    may = {"checks": "write", "issues": "write", "pull_requests": "write", "metadata": "read"}
    app = {
        "app_id": APP, "slug": "countersign", "name": "Countersign", "private_key": PEM,
        "permissions": may, "events": ["check_run", "issue_comment"],
        "webhook_url": f"{ours}/events", "webhook_secret": SECRET,
        "installations": [
            {"installation_id": INSTALLATION, "account": "acme", "permissions": may,
             "events": ["check_run", "issue_comment"]},
        ],
    }  # fmt: skip
    seed = {
        "tokens": {"dana_token": {"login": "dana", "scopes": ["repo"]}},
        "github": {
            "users": [{"login": "dana"}],
            "orgs": [{"login": "acme", "members": [{"login": "dana", "role": "admin"}]}],
            "repos": [{"owner": "acme", "name": "api", "private": True}],
            "apps": [app],
        },
    }
    (tmp_path / "seed.json").write_text(json.dumps(seed))
    assert (PEERS / "node_modules").exists(), "run npm ci in tests/peers; make test does"
    port = free_port()
    command = (NODE, "emulate.mjs", "github", str(port), str(tmp_path / "seed.json"))
    with subprocess.Popen(command, cwd=PEERS, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = await asyncio.to_thread(process.stdout.readline)
        assert said.startswith("http"), said
        yield f"http://127.0.0.1:{port}", came
        process.terminate()
    await runner.cleanup()


async def test_emulate_takes_our_app_and_its_comments_and_signs_what_people_write(
    emulate: tuple[str, asyncio.Queue[Inbound]],
) -> None:
    api, came = emulate
    channel = make(api)
    as_dana = {"Authorization": "Bearer dana_token"}
    at = f"{api}/repos/acme/api/issues"
    async with aiohttp.ClientSession(headers=as_dana) as dana:
        async with dana.post(at, json={"title": "Approvals"}) as made:
            number = (await made.json())["number"]
        here = await channel.place(PERSON, asked({"repository": REPOSITORY, "issue": number}))
        payload = channel.layout(low())
        ref = await channel.post(here, payload, "crd_1")
        assert ref.altered == ()
        shown = natural(CARDS["approved"], channel.abilities)
        assert (await channel.redraw(ref, channel.layout(shown))).altered == ()
        text = {"body": f"/decline {CODE}"}
        async with dana.post(f"{at}/{number}/comments", json=text) as written:
            assert written.status == 201
    why = ""
    while not why.startswith("a code"):  # dana may; but emulate names no App as the card's author
        inbound = await asyncio.wait_for(came.get(), HANGS)
        with pytest.raises(Forged):
            channel.authenticate(replace(inbound, body=inbound.body + b" "))
        event_ = await event_of(channel, inbound)
        assert isinstance(event_, Ignored)
        why = event_.why
    await channel.close()
