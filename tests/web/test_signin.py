"""Signing in without a shell: a link that is asked for on a page, on both databases."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest

from approvals.model import MINUTE, Person
from approvals.people import Directory, Link
from approvals.port import Letter
from approvals.store import Store
from approvals.web.signin.link import KIND, LIVE, named
from tests.harness.browsing import Answer, Browser
from tests.harness.house import GROUPS, PEOPLE, Place, Whisperer, everything, open_house
from tests.peers.email import MailServer, Page, make

DANA = Person("dana", "dana@example.com", {"desk": "U-dana"}, name="Dana Lee")
KNOWN = (DANA, *PEOPLE[1:])


@pytest.fixture
async def place(store: Store) -> AsyncIterator[Place]:
    async with open_house(store, desks=[Whisperer()], people=KNOWN) as place:
        yield place


def letters(place: Place) -> list[tuple[str, Letter]]:
    desk = place.desk
    assert isinstance(desk, Whisperer)
    return desk.letters


async def asked(place: Place, who: str = "dana", back: str = "") -> str:
    """The path of the link that came of asking for one."""
    answer = await Browser(place).post("/sign-in/link", who=who, back=back)
    assert answer.status == 200
    await place.carried()
    link = letters(place)[-1][1].link
    assert link.startswith(f"{place.house.deps.site.origin}/login/")
    return "/login/" + link.rpartition("/")[2]


async def used(browser: Browser, path: str) -> Answer:
    return await browser.post("/login", link=path.rpartition("/")[2])


async def jobs(place: Place) -> Mapping[tuple[str, str], int]:
    found = (await place.store.counts()).jobs
    return {key: count for key, (count, _) in found.items() if key[0] == KIND}


async def test_a_person_signs_in_by_a_link_that_they_asked_for(place: Place) -> None:
    browser = Browser(place)
    page = await browser.get("/inbox")
    assert page.status == 401
    assert 'action="/sign-in/link"' in page.text
    path = await asked(place)
    account, letter = letters(place)[0]
    assert account == "U-dana"
    assert "Dana Lee" in letter.text
    assert "Sign in as Dana Lee" in (await browser.get(path)).text
    answer = await used(browser, path)
    assert (answer.status, answer.location) == (303, "/inbox")
    assert (await browser.get("/inbox")).status == 200
    kinds = await place.kinds()
    assert kinds == ["sign_in.asked", "sign_in.sent", "signed_in"]


@pytest.mark.parametrize(
    "who",
    ["dana", "DANA", " dana ", "Dana Lee", "dana lee", "dana@example.com", "Dana@Example.com"],
)
async def test_a_person_may_type_any_name_of_theirs(place: Place, who: str) -> None:
    assert await asked(place, who)


def test_a_name_that_two_people_have_means_nobody() -> None:
    people = [replace(DANA, id=id, email=None, accounts={}) for id in ("a", "b")]
    directory = Directory(people, {})
    assert named(directory, "Dana Lee") is None
    assert named(directory, "") is None
    assert named(directory, "a") == directory.person("a")


async def test_everybody_is_answered_alike_and_causes_the_same_write(
    place: Place, database: str
) -> None:
    said, left = set(), []
    people = ("dana", "sam", "ada", "nobody", "nobody@example.com", "", "x" * 300, "a\nb", "\u202e")
    for who in people:  # ada has no account that a link could go to
        answer = await Browser(place).post("/sign-in/link", who=who)
        said.add((answer.status, answer.text))
        left.append(await jobs(place))
    assert len(said) == 1
    assert left == [{(KIND, ""): count} for count in range(1, len(people) + 1)]
    await place.carried()
    assert sorted(account for account, _ in letters(place)) == ["U-dana", "U-sam"]
    assert await jobs(place) == {}


async def test_law_23_the_secret_of_a_link_is_in_no_row(place: Place, database: str) -> None:
    place.desk.down = True
    await Browser(place).post("/sign-in/link", who="dana")
    await place.carried()
    before = await everything(database)
    place.desk.down = False
    place.clock.turn(MINUTE)
    await place.carried()
    ((_, letter),) = letters(place)
    secret = letter.link.rpartition("/")[2]
    assert len(secret) == 43
    assert secret not in before + await everything(database) + repr(letter)


async def test_a_link_is_never_sent_to_an_address_that_was_typed(store: Store) -> None:
    async with (
        MailServer() as server,
        open_house(store, desks=[make(server.api)], people=KNOWN) as place,
    ):
        for who in ("evil@example.net", "dana@example.com, evil@example.net", "dana@example.com"):
            await Browser(place).post("/sign-in/link", who=who)
        await place.carried()
        assert [mail.recipients for mail in server.mails] == [["dana@example.com"]]
        (mail,) = server.mails
        assert mail.parsed["subject"] == "Sign in to Countersign"
        (link,) = [url for label, url in Page(mail.part("html")).links if label == "Sign in"]
        assert link in mail.part("plain")
        answer = await used(Browser(place), link)
        assert answer.status == 303


async def test_a_link_is_used_once_also_by_two_presses_at_once(place: Place) -> None:
    path = await asked(place)
    one, other = Browser(place), Browser(place)
    answers = await asyncio.gather(used(one, path), used(other, path))
    assert sorted(answer.status for answer in answers) == [303, 410]
    again = await used(Browser(place), path)
    assert again.status == 410
    assert 'action="/sign-in/link"' in again.text, "it says how to get another"


async def test_a_link_ends_after_ten_minutes(place: Place) -> None:
    path = await asked(place)
    place.clock.turn(10 * MINUTE)
    assert (await Browser(place).get(path)).status == 410
    assert (await used(Browser(place), path)).status == 410


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_law_08_a_scanner_that_follows_a_link_signs_nobody_in(
    place: Place, method: str
) -> None:
    path = await asked(place)
    scanner = Browser(place)
    for _ in range(5):
        await scanner.get(path, method)
        await scanner.get("/sign-in/link?who=dana", method)
    assert scanner.cookies == {}
    assert len(letters(place)) == 1
    assert (await used(Browser(place), path)).status == 303


async def test_a_link_signs_in_the_browser_that_it_is_opened_in_and_no_other(
    place: Place,
) -> None:
    desk, phone = Browser(place), Browser(place)
    path = await asked(place)
    assert (await used(phone, path)).status == 303
    assert (await phone.get("/inbox")).status == 200
    assert (await desk.get("/inbox")).status == 401


async def test_a_person_who_was_removed_is_sent_nothing_and_signed_in_by_nothing(
    place: Place,
) -> None:
    path = await asked(place)
    await Browser(place).post("/sign-in/link", who="dana")
    house, people = place.house, [person for person in KNOWN if person.id != "dana"]
    await house.outbox.drain("")  # who is meant was found out; then they go
    groups = {name: who - {"dana"} for name, who in GROUPS.items()}
    house.service.trust = replace(house.service.trust, directory=Directory(people, groups))
    await house.outbox.drain("desk")
    assert len(letters(place)) == 1
    assert (await Browser(place).get(path)).status == 410
    assert (await used(Browser(place), path)).status == 410
    (parked,) = await place.store.parked()
    assert "not configured any more" in parked.error


async def test_an_account_that_is_barred_is_sent_nothing(place: Place) -> None:
    trust = place.house.service.trust
    barred = Directory(KNOWN, trust.directory.groups, [Link("desk", "U-dana", "dana", "a guest")])
    place.house.service.trust = replace(trust, directory=barred)
    await Browser(place).post("/sign-in/link", who="dana")
    await place.carried()
    assert letters(place) == []
    rows = [json.loads(line) for line in await place.sealed()]
    assert "no account" in json.loads(rows[0]["content"])["refused"]


async def test_law_26_a_dead_mail_server_is_the_operators_to_see(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_house(store, desks=[make("smtp://127.0.0.1:9")], people=KNOWN) as place:
        answer = await Browser(place).post("/sign-in/link", who="dana")
        unknown = await Browser(place).post("/sign-in/link", who="nobody")
        assert answer == unknown, "the person is told nothing else"
        await place.carried()
        assert await jobs(place) == {(KIND, "email"): 1}, "it is tried again"
        assert await store.live_links("dana", place.clock()) == 0, "what was not sent is dead"
        for _ in range(40):
            place.clock.turn(MINUTE)
            await place.carried()
        (parked,) = await store.parked()
        assert (parked.job.target, parked.job.kind) == ("email", KIND)
        assert "could not be reached in time" in parked.error
        assert "dana@example.com" not in capsys.readouterr().out


async def test_law_26_an_account_that_cannot_be_reached_leaves_it_to_the_next(
    store: Store,
) -> None:
    dana = replace(DANA, accounts={"desk": "U-dana", "other": "O-dana"})
    first = Whisperer(refuses=frozenset({"U-dana"}))
    second = Whisperer(name="other")
    async with open_house(store, desks=[first, second], people=[dana]) as place:
        await Browser(place).post("/sign-in/link", who="dana")
        await place.carried()
        assert [account for account, _ in second.letters] == ["O-dana"]
        assert await store.live_links("dana", place.clock()) == 1


async def test_a_mailbox_is_preferred_to_a_chat(store: Store) -> None:
    desk = Whisperer()
    async with (
        MailServer() as server,
        open_house(store, desks=[desk, make(server.api)], people=KNOWN) as place,
    ):
        await Browser(place).post("/sign-in/link", who="dana")
        await place.carried()
        assert (len(server.mails), desk.letters) == (1, [])


async def test_nobodys_mailbox_is_filled_by_who_knows_a_name(place: Place) -> None:
    for who in ("dana", "dana@example.com", "Dana Lee", "dana", "DANA"):
        assert (await Browser(place).post("/sign-in/link", who=who)).status == 200
        await place.carried()
    assert len(letters(place)) == LIVE
    place.clock.turn(10 * MINUTE)
    await asked(place)
    assert len(letters(place)) == LIVE + 1


async def test_law_27_one_source_is_slowed_down_whomever_it_names(place: Place) -> None:
    answers = [await Browser(place).post("/sign-in/link", who=f"p{n}") for n in range(12)]
    assert [answer.status for answer in answers] == [200] * 10 + [429] * 2
    assert (await jobs(place))[KIND, ""] == 10


async def test_law_08_a_link_is_asked_for_from_our_own_pages_only(place: Place) -> None:
    site = place.house.deps.site
    for headers in ({"Host": site.host}, {"Host": site.host, "Origin": "https://evil.example"}):
        async with place.http.post(
            f"{place.url}/sign-in/link", data={"who": "dana"}, headers=headers
        ) as answer:
            assert answer.status == 403
    await place.carried()
    assert letters(place) == []


async def test_the_box_for_a_fresh_sign_in_leads_back_to_the_request(place: Place) -> None:
    browser = Browser(place)
    await used(browser, await asked(place))
    request = await place.opened("high.pay")
    path = f"/requests/{request['id']}"
    place.clock.turn(6 * MINUTE)
    page = (await browser.get(path)).text
    box = re.search(r'<form[^>]*action="/sign-in/link".*?</form>', page, re.S)
    assert box, "High risk needs a fresh sign-in."
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', box[0]))
    assert form == {"who": "dana", "back": request["id"]}
    assert 'value="approve"' not in page
    await browser.post("/sign-in/link", **form)
    await place.carried()
    answer = await used(browser, letters(place)[-1][1].link)
    assert (answer.status, answer.location) == (303, path)
    page = (await browser.get(path)).text
    assert 'value="approve"' in page


async def test_where_no_channel_carries_links_the_command_is_told(store: Store) -> None:
    async with open_house(store) as place:  # a desk that cannot write by itself
        page = await Browser(place).get("/inbox")
        assert "countersign login-link NAME" in page.text
        assert "/sign-in/link" not in page.text
        assert (await Browser(place).post("/sign-in/link", who="dana")).status in (404, 405)


async def test_it_can_be_turned_off(store: Store) -> None:
    async with open_house(store, desks=[Whisperer()], sign_in_link=False) as place:
        assert "/sign-in/link" not in (await Browser(place).get("/inbox")).text
        assert (await Browser(place).post("/sign-in/link", who="dana")).status in (404, 405)


async def test_who_is_signed_in_without_a_linked_account_is_shown_the_command(
    place: Place,
) -> None:
    plain = replace(DANA, email=None, accounts={})
    trust = place.house.service.trust
    path = await asked(place)
    directory = Directory([plain, *KNOWN[1:]], trust.directory.groups)
    place.house.service.trust = replace(trust, directory=directory)
    browser = Browser(place)
    await used(browser, path)
    request = await place.opened("high.pay")
    place.clock.turn(6 * MINUTE)
    page = (await browser.get(f"/requests/{request['id']}")).text
    assert "countersign login-link dana" in page
    assert "/sign-in/link" not in page
