"""Linking an account by a code: who may, who may not, and that a row alone links nobody."""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model

from approvals import linking
from approvals.app import channels, keys
from approvals.app.exits import Exit
from approvals.app.host import clock
from approvals.buttons import Key, KeyRing
from approvals.model import MINUTE, Person, Tier
from approvals.people import GOOD, Directory, Link
from approvals.port import Abilities, Notice, NoticeKind, Reply
from approvals.store import LinkCode, Linked, Store
from tests.harness.channel_contract import words
from tests.harness.house import (
    GROUPS,
    HANGS,
    PEOPLE,
    RING,
    Clock,
    Desk,
    Place,
    code,
    everything,
    open_house,
    whose,
)
from tests.harness.installation import Installation, Ran, install
from tests.peers.telegram import BOT_TOKEN, TelegramPeer

THEIRS = KeyRing({"k1": Key("k1", b"9" * 32)}, "k1")
"""Keys of somebody who has the database and not ours."""


async def said(place: Place, reply: Reply) -> Notice:
    """What the account is told that wrote this."""
    before = len(place.desk.told)
    assert await place.write(reply) == (200, None)
    async with asyncio.timeout(HANGS):
        while len(place.desk.told) == before:
            await asyncio.sleep(0)
    assert place.desk.told[-1][0] == reply.account
    return place.desk.told[-1][1]


@pytest.mark.parametrize("text", ["{}", "/start {}", "/start@our_bot {}", "link {}", " Link  {}\n"])
async def test_law_02_who_sends_the_code_is_that_person_from_now_on(
    store: Store, text: str
) -> None:
    async with open_house(store) as place:
        request = await place.opened()
        secret = await code(place, "dana")
        told = await said(place, place.desk.reply(text.format(secret).swapcase(), "U-new"))
        assert (told.kind, told.text) == (
            NoticeKind.COUNTED,
            "This account is dana's from now on.",
        )
        card = await place.card(request, "U-dana")
        assert card.address.person == "dana"
        assert whose(place, "U-new") == "dana"


async def test_law_02_letters_that_look_alike_are_one(store: Store) -> None:
    async with open_house(store) as place:
        secret = await linking.make_code(
            store,
            RING,
            "dana",
            "desk",
            by="a test",
            now=place.clock(),
            random=lambda n: b"\x00" * n,
        )
        assert secret == "CS-0000-0000-0000-0000"
        assert linking.code_in("cs-oooo-0O0o-0000-0000") == secret


def test_what_is_no_code_is_about_something_else() -> None:
    for text in ("", "/start", "link", "Please do not pay them", "CS-1234", "CS-" + "1234-" * 4):
        assert linking.code_in(text) is None
    for text in ("/start x", "link CS-1234", "link " + "9" * 64):
        assert linking.code_in(text) == ""


async def test_law_06_a_stranger_with_a_guessed_code_is_nobody(store: Store) -> None:
    async with open_house(store) as place:
        real = await code(place, "dana")
        elsewhere = await code(place, "lee", "pager")
        guessed = real[:-1] + ("0" if real[-1] != "0" else "1")
        answers = {}
        for n, text in enumerate((guessed, elsewhere, "link CS-1", "link " + real[3:], "/start x")):
            answers[text] = await said(place, place.desk.reply(text, f"U-{n}"))
            assert whose(place, f"U-{n}") is None
        bot = place.desk.reply(real, "U-bot", stranger="a bot")
        answers["bot"] = await said(place, bot)
        place.clock.turn(10 * MINUTE)
        answers["old"] = await said(place, place.desk.reply(real, "U-late"))
        assert {*answers.values()} == {linking.DEAD}
        assert Counter(await place.kinds())["link.refused"] == len(answers)


async def test_law_06_guesses_are_slowed_down_and_then_not_answered(store: Store) -> None:
    async with open_house(store) as place:
        secret = await code(place, "dana")
        for _ in range(5):
            assert await said(place, place.desk.reply("link CS-1", "U-9")) == linking.DEAD
        told = len(place.desk.told)
        await place.write(place.desk.reply(secret, "U-9"))
        assert (len(place.desk.told), whose(place, "U-9")) == (told, None)
        # It took nothing from the others, and the code is there still.
        assert (await said(place, place.desk.reply(secret, "U-8"))).kind is NoticeKind.COUNTED
        assert Counter(await place.kinds())["link.refused"] == 5


async def test_law_06_a_code_that_two_accounts_send_at_once_links_one(database: str) -> None:
    one, two = await Store.connect(database), await Store.connect(database)
    try:
        clock = Clock()
        async with (
            open_house(one, clock=clock) as here,
            open_house(two, clock=clock, desks=(Desk(),)) as there,
        ):
            for round in range(5):
                secret = await code(here, "dana")
                accounts = [f"U-{round}-{n}" for n in range(4)]
                told = await asyncio.gather(
                    *(
                        said_by(place, place.desk.reply(secret, account))
                        for place, account in zip((here, there) * 2, accounts, strict=True)
                    )
                )
                kinds = Counter(notice.kind for notice in told)
                assert kinds == {NoticeKind.COUNTED: 1, NoticeKind.REFUSED: 3}
            assert len(await one.linked()) == 5
            async with asyncio.timeout(HANGS):
                while len(await here.kinds()) < 5 * 5:  # the other copy may be sealing just now
                    await asyncio.sleep(0.01)
            assert Counter(await here.kinds())["linked"] == 5
    finally:
        await one.close()
        await two.close()


async def said_by(place: Place, reply: Reply) -> Notice:
    """As `said`, while others write at the same desk."""
    assert await place.write(reply) == (200, None)
    async with asyncio.timeout(HANGS):
        while not (mine := [word for who, word in place.desk.told if who == reply.account]):
            await asyncio.sleep(0)
    return mine[-1]


async def test_law_06_a_row_written_into_the_database_links_nobody(store: Store) -> None:
    async with open_house(store) as place:
        now = place.clock()
        # A code that somebody else made up, with a seal of theirs, and with ours of another code.
        foreign = await linking.make_code(
            store, THEIRS, "dana", "desk", by="eve", now=now, random=os.urandom
        )
        assert await said(place, place.desk.reply(foreign, "U-1")) == linking.DEAD
        real = await code(place, "eve")
        found = await store.code(real, now)
        assert found is not None
        await store.add_code("CS-AAAA-AAAA-AAAA-AAAA", replace(found, person="dana"), [])
        assert await said(place, place.desk.reply("CS-AAAA-AAAA-AAAA-AAAA", "U-1")) == linking.DEAD

        # An account, with no seal, with theirs, and with ours of another account.
        genuine = Linked("desk", "U-eve-2", "eve", now)
        assert (await said(place, place.desk.reply(real, "U-eve-2"))).kind is NoticeKind.COUNTED
        row = await store.linked_as("desk", "U-eve-2")
        assert row is not None
        assert replace(row, seal="") == genuine
        for n, seal in enumerate(("", row.seal)):
            secret = f"CS-{n}BBB-BBBB-BBBB-BBBB"
            await store.add_code(secret, LinkCode("dana", "desk", now + MINUTE), [])
            forged_row = Linked("desk", f"U-f{n}", "dana", now, seal=seal)
            assert await store.bind(
                secret, LinkCode("dana", "desk", now + MINUTE), forged_row, now, []
            )
        await place.house.deps.refresh()
        assert [whose(place, f"U-f{n}") for n in range(2)] == [None, None]
        assert whose(place, "U-eve-2") == "eve"


async def test_law_06_a_forged_row_keeps_nobody_from_linking(store: Store) -> None:
    async with open_house(store) as place:
        now = place.clock()
        forged = Linked("desk", "U-9", "eve", now, seal="k1:00")
        await store.add_code("x", LinkCode("eve", "desk", now + MINUTE), [])
        assert await store.bind("x", LinkCode("eve", "desk", now + MINUTE), forged, now, [])
        told = await said(place, place.desk.reply(await code(place, "dana"), "U-9"))
        assert (told.kind, whose(place, "U-9")) == (NoticeKind.COUNTED, "dana")


async def test_law_02_somebody_elses_account_is_not_taken(store: Store) -> None:
    async with open_house(store) as place:
        secret = await code(place, "eve")
        for account, owner in (("U-lee", "lee"), ("U-dana", "dana")):
            told = await said(place, place.desk.reply(secret, account))
            assert told.kind is NoticeKind.CLOSED
            assert owner in told.text
            assert whose(place, account) == owner
        # The same is said whatever it sends, so that it learns nothing of the code.
        assert await said(place, place.desk.reply("link x", "U-dana")) == told
        assert (await said(place, place.desk.reply(secret, "U-7"))).kind is NoticeKind.COUNTED
        other = await said(place, place.desk.reply(await code(place, "kim"), "U-7"))
        assert (other.kind, whose(place, "U-7")) == (NoticeKind.CLOSED, "eve")


async def test_law_06_two_people_who_link_one_account_at_once(store: Store) -> None:
    async with open_house(store) as place:
        codes = [await code(place, person) for person in ("kim", "sam")]
        replies = [place.desk.reply(secret, "U-9") for secret in codes]
        await asyncio.gather(*map(place.write, replies))
        assert whose(place, "U-9") in ("kim", "sam")
        assert len(await store.linked()) == 1


async def test_law_02_one_person_with_two_linked_accounts_is_one_person(store: Store) -> None:
    async with open_house(store) as place:
        for account in ("U-d2", "U-d3"):
            told = await said(place, place.desk.reply(await code(place, "dana"), account))
            assert told.kind is NoticeKind.COUNTED
        request = await place.opened("two.pay")
        await place.carried()
        for account in ("U-dana", "U-d2", "U-d3"):
            tap = place.desk.press(place.desk.of(request["id"], "U-dana")[-1], by=account)
            tap = replace(tap, conversation="D-U-dana")
            await place.tap(tap)
            await place.carried()
        case = await place.case(request["id"])
        assert (case.open, [vote.person for vote in case.votes]) == (True, ["dana"])


async def test_law_02_a_linked_account_gets_the_cards_and_its_tap_counts(store: Store) -> None:
    people = (Person("dana", None), *PEOPLE[1:])
    async with open_house(store, people=people) as place:
        await said(place, place.desk.reply(await code(place, "dana"), "U-9"))
        request = await place.opened()
        card = await place.card(request, "U-9")  # and the desk vouched for it, as for any other
        status, answer = await place.tap(place.desk.press(card))
        assert (status, answer["kind"]) == (200, "counted")
        assert (await place.case(request["id"])).votes[0].person == "dana"


async def test_law_02_an_unlinked_account_counts_no_more_at_any_copy(database: str) -> None:
    one, two = await Store.connect(database), await Store.connect(database)
    clock = Clock()
    try:
        people = (Person("dana", None), *PEOPLE[1:])
        async with (
            open_house(one, clock=clock, people=people) as here,
            open_house(two, clock=clock, people=people, desks=(Desk(),)) as there,
        ):
            await said(here, here.desk.reply(await code(here, "dana"), "U-9"))
            request = await here.opened()
            card = await here.card(request, "U-9")
            async with asyncio.timeout(HANGS):
                while whose(there, "U-9") != "dana":
                    await asyncio.sleep(0.01)
            ended = await linking.unlink(
                one, "dana", "desk", by="a test", now=clock(), random=os.urandom
            )
            assert ended == ["U-9"]
            async with asyncio.timeout(HANGS):
                while whose(there, "U-9") or whose(here, "U-9"):
                    await asyncio.sleep(0.01)
            for place in (here, there):
                _, answer = await place.tap(here.desk.press(card))
                assert answer["kind"] == "refused"
            assert (await here.case(request["id"])).votes == ()
            # What the platform said of it meanwhile does not bring it back.
            assert await one.account("desk", "U-9") is not None
            assert Counter(await here.kinds())["unlinked"] == 1
    finally:
        await one.close()
        await two.close()


async def test_law_06_a_key_that_is_gone_ends_what_was_linked_with_it(store: Store) -> None:
    async with open_house(store) as place:
        await said(place, place.desk.reply(await code(place, "dana"), "U-9"))
        rows = await store.linked()
        directory = linking.directory(
            lambda links: Directory(PEOPLE, GROUPS, links), THEIRS, [], rows
        )
        assert directory.by_account("desk", "U-9") is None


async def test_law_02_the_configuration_beats_a_code(store: Store) -> None:
    async with open_house(store) as place:
        await said(place, place.desk.reply(await code(place, "eve"), "U-9"))
    people = (*PEOPLE[:-1], Person("ada", None, {"desk": "U-9"}))
    async with open_house(store, people=people) as place:
        assert whose(place, "U-9") == "ada"
        directory = place.house.service.trust.directory
        shown = linking.shown(directory, RING, await store.accounts(), await store.linked())
        faults = {(one.person, one.account): one.fault for one in shown if one.fault}
        assert faults == {("eve", "U-9"): "left out: it is ada's"}


def test_law_02_a_code_beats_what_a_platform_said_of_an_address() -> None:
    learnt = Link("desk", "U-9", "lee", learnt=True)
    directory = Directory(PEOPLE, GROUPS, [learnt, replace(learnt, person="dana", by_code=True)])
    owner = directory.by_account("desk", "U-9")
    assert owner is not None
    assert owner.id == "dana"
    assert directory.conflicts == (learnt,)
    assert [link.standing for link in directory.links if link.account == "U-9"] == [GOOD]


async def test_law_21_what_was_linked_is_in_the_chain_without_the_code(
    store: Store, database: str
) -> None:
    async with open_house(store) as place:
        secret = await code(place, "dana")
        await said(place, place.desk.reply(secret, "U-9"))
        await linking.unlink(
            store, "dana", "desk", "U-9", by="a test", now=place.clock(), random=os.urandom
        )
        assert await place.kinds() == ["link.code_made", "linked", "unlinked"]
        kept = await everything(database)
        assert secret not in kept
        assert secret.replace("-", "") not in kept


async def test_law_23_the_code_is_in_no_repr(store: Store) -> None:
    async with open_house(store) as place:
        secret = await code(place, "dana")
        assert secret not in repr(place.desk.reply(secret, "U-9"))
        assert secret not in repr(await store.code(secret, place.clock()))


async def test_a_newer_code_ends_the_older_one(store: Store) -> None:
    async with open_house(store) as place:
        older, newer = await code(place, "dana"), await code(place, "dana")
        assert await said(place, place.desk.reply(older, "U-9")) == linking.DEAD
        assert (await said(place, place.desk.reply(newer, "U-9"))).kind is NoticeKind.COUNTED
        await store.prune(place.clock() + 20 * MINUTE, MINUTE)


async def test_a_code_that_comes_by_a_socket_links_too(store: Store) -> None:
    desk = Desk(tier=Tier.A, listens=True)
    async with open_house(store, desks=(desk,), outbound_only=frozenset({"desk"})) as place:
        desk.written.put_nowait(desk.reply(await code(place, "dana"), "U-9"))
        async with asyncio.timeout(HANGS):
            while not desk.told:
                await asyncio.sleep(0.01)
        assert whose(place, "U-9") == "dana"


async def test_an_account_that_the_platform_barred_is_told_so(store: Store) -> None:
    async with open_house(store) as place:
        await store.put_account("desk", "U-9", "dana", "a guest", place.clock())
        await place.house.deps.refresh()
        told = await said(place, place.desk.reply(await code(place, "dana"), "U-9"))
        assert (told.kind, whose(place, "U-9")) == (NoticeKind.REFUSED, None)


def test_the_words_name_what_to_send_or_open() -> None:
    secret = "CS-0000-0000-0000-0000"
    assert words("telegram", secret, "@our_bot")[-1] == f"https://t.me/our_bot?start={secret}"
    assert words("telegram", secret)[-1] == f"link {secret}"
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", secret)  # what Telegram lets a link carry
    for said in (
        words("whatsapp", secret, "+4915112345678"),
        words("email", secret),
        words("teams", secret),
    ):
        assert secret in said[-1]
    # In a channel everybody would read it, and there it is not listened to.
    assert "alone" in words("teams", secret)[0]
    for channel, command in (("slack", "/countersign"), ("discord", "/link")):
        how, _, send = words(channel, secret)
        assert how.startswith("Type this command in ")
        assert (send.startswith(command), secret in send) == (True, True)


# The command line


class Bell(Desk):
    """A desk where nobody can write, and which finds people by their address."""

    say = None  # type: ignore[assignment] # so that it does not talk

    @property
    def abilities(self) -> Abilities:
        return replace(super().abilities, open_by_email=True)


@pytest.fixture
def alone(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation with a desk, where codes can be sent, on each database; not started."""
    more = {name: create_model("Desk", bot_name=(str, "")) for name in ("desk", "bell")}
    monkeypatch.setattr(channels, "SECTIONS", {**channels.SECTIONS, **more})
    real = channels.made
    there = {"desk": Desk, "bell": Bell}

    def made(sections: Mapping[str, Any], own: Mapping[str, Path]) -> Mapping[str, Any]:
        others = {name: one for name, one in sections.items() if name not in there}
        return {**real(others, own), **{name: there[name]() for name in there if name in sections}}

    monkeypatch.setattr(channels, "made", made)
    place = install(tmp_path, database)
    path = tmp_path / "countersign.yaml"
    text = path.read_text().replace("lee:      {}", "lee:      {desk: U-lee}")
    path.write_text(f"channels: {{desk: {{}}, bell: {{}}}}\n{text}")
    return place


async def run(place: Installation, *words: str, code: int = 0) -> Ran:
    """A command, which runs a loop of its own."""
    ran = await asyncio.to_thread(place.run, *words)
    assert ran.code == code, ran.out + ran.err
    return ran


async def test_the_command_line_links_lists_and_unlinks(alone: Installation, store: Store) -> None:
    made = (await run(alone, "link", "dana", "desk", "--json")).json
    assert made["expires_in"] == 600
    assert made["words"][-1] == f"link {made['code']}"
    ring = keys.load(alone.folder / "keys").ring
    reply = Reply("desk", "E1", "U-9", "D-9", made["code"])
    known = Directory(PEOPLE, GROUPS)
    done = await linking.take(
        store, ring, known, reply, made["code"], now=clock(), random=os.urandom
    )
    assert isinstance(done, Linked)

    rows = (await run(alone, "links", "--json")).json
    by = {(row["person"], row["channel"]): row for row in rows}
    assert by["dana", "desk"]["how"] == "code"
    assert by["dana", "desk"]["since"].startswith("20")
    assert by["lee", "desk"] == {
        **{"person": "lee", "channel": "desk", "account": "U-lee", "how": "configuration"},
        **{"since": None, "fault": None},
    }
    shown = await run(alone, "links")
    assert "U-9" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80

    path = alone.folder / "countersign.yaml"
    path.write_text(path.read_text().replace("{desk: U-lee}", "{desk: [U-lee, U-9]}"))
    (row,) = [row for row in (await run(alone, "links", "--json")).json if row["fault"]]
    assert row["fault"] == "left out: it is lee's"
    found = (await run(alone, "doctor", "--json", code=5)).json
    (line,) = [line for line in found if line["check"] == "people"]
    assert line["state"] == "warning"
    assert "it is lee's" in line["detail"]

    ended = (await run(alone, "unlink", "dana", "desk", "--json")).json
    assert ended["accounts"] == ["U-9"]
    assert await store.linked() == []
    again = await run(alone, "unlink", "dana", "desk", code=Exit.FAILED)
    assert "No account of dana on desk was linked by a code." in again.err
    configured = await run(alone, "unlink", "lee", "desk", code=Exit.FAILED)
    assert "under `people` ends there" in configured.err


async def test_a_code_is_made_for_a_person_on_a_channel_that_reads_it(alone: Installation) -> None:
    shown = await run(alone, "link", "dana", "desk")
    assert re.search(r"^  link CS(-[0-9A-Z]{4}){4}$", shown.out, re.MULTILINE)
    for asked, why in (
        (("nobody", "desk"), "There is no person 'nobody'"),
        (("dana", "telegraph"), "telegraph is not on. On: bell, desk."),
        (("dana", "bell"), "`people.NAME.email`, by which bell finds them"),
        (("dana", "bell", "--bot", "our_bot"), "On bell no code can be sent."),
    ):
        assert why in (await run(alone, "link", *asked, code=Exit.FAILED)).err


async def test_the_link_names_the_bot_as_its_platform_does(alone: Installation) -> None:
    path = alone.folder / "countersign.yaml"
    plain = path.read_text()

    async def last(api: str, more: str = "", *words: str) -> str:
        section = f'bot_token: "{BOT_TOKEN}", mode: polling, api_url: "{api}"{more}'
        path.write_text(plain.replace("desk: {}", f"telegram: {{{section}}}", 1))
        ran = await run(alone, "link", "dana", "telegram", "--json", *words)
        said: str = ran.json["words"][-1]
        return said.replace(ran.json["code"], "CODE")

    async with TelegramPeer() as peer:
        assert await last(peer.api) == "https://t.me/approvals_bot?start=CODE"
        asked = len(peer.calls)
        assert await last(peer.api, ", bot_name: other_bot") == "https://t.me/other_bot?start=CODE"
        assert await last(peer.api, "", "--bot", "third") == "https://t.me/third?start=CODE"
        assert len(peer.calls) == asked
        peer.break_next(500, None)
        assert await last(peer.api) == "link CODE"
    assert await last("http://127.0.0.1:9/bot") == "link CODE"
