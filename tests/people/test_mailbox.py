"""Linking a mailbox by a mail: the mail proves the mailbox, the session proves the person."""

from __future__ import annotations

import asyncio
import json
import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from approvals import linking
from approvals.app.exits import Exit
from approvals.buttons import Key, KeyRing
from approvals.model import MINUTE, Person, Refused
from approvals.store import Store
from approvals.web import credentials
from approvals.web.mailbox import DEAD
from tests.harness.house import RING, Place, everything, open_house
from tests.harness.installation import Installation, Ran, install
from tests.harness.visitor import OWNED, SITE, Seen, Visitor
from tests.peers.email import MailServer, Page, Received, make

MAILBOX = "dana@private.example"
PEOPLE = (Person("dana"), Person("kim", "kim@example.com"), Person("eve"))
THEIRS = KeyRing({"k1": Key("k1", b"9" * 32)}, "k1")


@dataclass
class Letterbox:
    """A house, its mail server, and links that were sent."""

    place: Place
    server: MailServer
    browsers: dict[str, Visitor] = field(default_factory=dict)

    async def code(self, person: str = "dana", account: str | None = MAILBOX) -> str:
        return await linking.make_code(
            self.place.store, RING, person, "email",
            by="a test", now=self.place.clock(), random=os.urandom, account=account,
        )  # fmt: skip

    async def sent(self, person: str = "dana", account: str = MAILBOX) -> str:
        """Make a link and send it; its path, as a person finds it in the mail."""
        link = f"{SITE.origin}/link/{await self.code(person, account)}"
        await make(self.server.api).invite(account, person, "a test", link)
        (found,) = Page(self.server.mails[-1].part("html")).links
        assert found == ("Link this mailbox", link)
        return link.removeprefix(SITE.origin)

    async def browser(self, person: str) -> Visitor:
        """Signed in as this person."""
        if person not in self.browsers:
            browser, place = Visitor(self.place), self.place
            secret = await credentials.make_link(
                place.store, RING, person, now=place.clock(), random=os.urandom
            )
            assert (await browser.post("/login", {"link": secret})).status == 303
            self.browsers[person] = browser
        return self.browsers[person]

    async def press(self, person: str, path: str) -> Seen:
        browser = await self.browser(person)
        page = await browser.get("/settings")
        return await browser.post(path, {"csrf": page.forms["/logout"]["csrf"]})

    def whose(self, account: str = MAILBOX) -> str | None:
        found = self.place.house.service.trust.directory.by_account("email", account)
        return found.id if found else None


@asynccontextmanager
async def letterbox(store: Store) -> AsyncIterator[Letterbox]:
    async with (
        MailServer() as server,
        open_house(
            store,
            desks=[make(server.api)],
            people=PEOPLE,
            rules=OWNED,
            groups={"default": frozenset({"dana"}), "finance": frozenset({"kim"})},
            site=SITE,
            review_url=lambda case_id: f"{SITE.origin}/requests/{case_id}",
        ) as place,
    ):
        yield Letterbox(place, server)


@pytest.fixture
async def house(store: Store) -> AsyncIterator[Letterbox]:
    async with letterbox(store) as made:
        yield made


@pytest.fixture
async def small(sqlite_database: str) -> AsyncIterator[Letterbox]:
    store = await Store.connect(sqlite_database)
    async with letterbox(store) as made:
        yield made
    await store.close()


def dead(answer: Seen) -> None:
    """The one answer to whatever does not link."""
    assert (answer.status, DEAD.lines[0] in answer.text) == (404, True)
    for word in (MAILBOX, "dana", "kim"):
        assert word not in re.sub(r"(?s)<header.*?</header>", "", answer.text)


async def test_law_02_a_mailbox_is_linked_and_its_card_decides_as_that_person(
    house: Letterbox,
) -> None:
    path = await house.sent()
    # A stranger who has the link, or a scanner, is told how to sign in, and comes back.
    stranger = await Visitor(house.place).get(path)
    assert stranger.status == 401
    assert "countersign login-link NAME" in stranger.text
    assert f'href="{path}"' in stranger.text
    assert MAILBOX not in stranger.text
    browser = await house.browser("dana")
    page = await browser.get(path)
    assert page.status == 200
    for word in (MAILBOX, "dana", "a test"):
        assert word in page.text
    linked = await browser.post(path, page.forms[path])
    assert (linked.status, "<h1>Linked</h1>" in linked.text) == (200, True)
    assert house.whose() == "dana"
    assert Counter(await house.place.kinds())["linked"] == 1

    request = await house.place.opened()
    await house.place.carried()
    card = house.server.mails[-1]
    assert card.recipients == [MAILBOX]
    links = dict(Page(card.part("html")).links)
    approve = links["Approve"].removeprefix(SITE.origin)
    assert "<h1>Approved</h1>" in (await Visitor(house.place).press(approve)).text
    assert [vote.person for vote in (await house.place.case(request["id"])).votes] == ["dana"]

    ended = await linking.unlink(
        house.place.store, "dana", "email", MAILBOX,
        by="a test", now=house.place.clock(), random=os.urandom,
    )  # fmt: skip
    await house.place.house.deps.refresh()
    assert (ended, house.whose()) == ([MAILBOX], None)


async def test_law_08_looking_at_a_link_changes_nothing(house: Letterbox) -> None:
    path, browser = await house.sent(), await house.browser("dana")
    before = await house.place.sealed()
    for who in (browser, Visitor(house.place)):
        for method in ("GET", "HEAD", "OPTIONS", "GET", "PUT", "DELETE"):
            answer = await who.ask(method, path)
            assert answer.status in (200, 401, 405)
    assert await house.place.sealed() == before
    assert await house.place.store.linked() == []
    assert (await house.press("dana", path)).status == 200


def other_account(path: str, account: str) -> str:
    """The link, as if it had been made for another mailbox."""
    front, _, about = path.rpartition(".")
    said = json.loads(urlsafe_b64decode(about + "=" * (-len(about) % 4)))
    changed = json.dumps([account, *said[1:]]).encode()
    return f"{front}.{urlsafe_b64encode(changed).decode().rstrip('=')}"


async def test_law_06_every_refusal_is_one_same_answer(house: Letterbox) -> None:
    place, path = house.place, await house.sent()
    foreign = await linking.make_code(
        place.store, THEIRS, "kim", "email",
        by="eve", now=place.clock(), random=os.urandom, account=MAILBOX,
    )  # fmt: skip
    plain = await linking.make_code(
        place.store, RING, "eve", "desk",
        by="a test", now=place.clock(), random=os.urandom, account=MAILBOX,
    )  # fmt: skip
    wrong = {
        "eve": path,  # another person, who read that mail
        "dana": other_account(path, "eve@evil.example"),
        "kim": f"/link/{foreign}",
    }
    for person, bad in wrong.items():
        dead(await (await house.browser(person)).get(bad))
        dead(await house.press(person, bad))
    dead(await (await house.browser("eve")).get(f"/link/{plain}"))
    dead(await house.press("eve", f"/link/{plain}"))
    dead(await house.press("dana", path[:-1] + ("A" if path[-1] != "A" else "B")))
    assert await place.store.linked() == []
    assert Counter(await place.kinds())["link.refused"] == 5
    # What was refused used nothing up; what links does, and what is old does not.
    assert (await house.press("dana", path)).status == 200
    dead(await house.press("dana", path))
    late = await house.sent("kim", "kim@private.example")
    place.clock.turn(10 * MINUTE)
    dead(await house.press("kim", late))
    assert [one.account for one in await place.store.linked()] == [MAILBOX]


async def test_law_06_a_code_without_an_account_is_no_link(small: Letterbox) -> None:
    code = await small.code(account=None)
    for path in (f"/link/{code}", f"/link/{code}.", f"/link/{code}.W10"):
        dead(await small.press("dana", path))
    assert await small.place.store.linked() == []


async def test_law_06_a_newer_link_ends_the_older_one(small: Letterbox) -> None:
    older, newer = await small.sent(), await small.sent(account="dana@new.example")
    dead(await small.press("dana", older))
    assert (await small.press("dana", newer)).status == 200
    assert (small.whose(), small.whose("dana@new.example")) == (None, "dana")


async def test_law_06_guesses_are_slowed_down_for_who_makes_them(small: Letterbox) -> None:
    path = await small.sent()
    for _ in range(5):
        dead(await small.press("eve", path))
    slow = await small.press("eve", path)
    assert (slow.status, slow.headers["Retry-After"]) == (429, "60")
    assert Counter(await small.place.kinds())["link.refused"] == 5
    assert (await small.press("dana", path)).status == 200


async def test_law_08_a_form_of_another_page_links_nothing(small: Letterbox) -> None:
    path, browser = await small.sent(), await small.browser("dana")
    good = (await browser.get(path)).forms[path]
    others = (await (await small.browser("eve")).get("/settings")).forms["/logout"]
    for fields in ({}, {"csrf": ""}, {"csrf": good["csrf"][:-1] + "x"}, others):
        assert (await browser.post(path, fields)).status == 403
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"X": "y"},
    ):
        assert (await browser.post(path, good, **headers)).status == 403
    assert (await Visitor(small.place).post(path, good)).status == 401
    assert await small.place.store.linked() == []
    assert (await browser.post(path, good)).status == 200


async def test_law_02_somebody_elses_mailbox_is_not_taken(small: Letterbox) -> None:
    path = await small.sent(account="kim@example.com")
    answer = await small.press("dana", path)
    assert (answer.status, "kim&#39;s already" in answer.text) == (409, True)
    assert small.whose("kim@example.com") == "kim"


async def test_law_02_a_barred_mailbox_is_told_so(small: Letterbox) -> None:
    place = small.place
    await place.store.put_account("email", MAILBOX, "dana", "left", place.clock())
    await place.house.deps.refresh()
    answer = await small.press("dana", await small.sent())
    assert (answer.status, "may not decide" in answer.text) == (409, True)
    assert small.whose() is None


async def test_law_06_a_link_that_is_pressed_twice_at_once_links_once(house: Letterbox) -> None:
    path, browser = await house.sent(), await house.browser("dana")
    form = (await browser.get(path)).forms[path]
    answers = await asyncio.gather(*(browser.post(path, form) for _ in range(4)))
    assert Counter(answer.status for answer in answers)[200] == 1
    assert {answer.status for answer in answers} <= {200, 404, 409}
    assert Counter(await house.place.kinds())["linked"] == 1


async def test_law_23_the_code_is_stored_and_logged_nowhere(
    store: Store, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with letterbox(store) as house:
        path = await house.sent()
        await house.press("eve", path)
        await house.press("dana", path)
        kept = await everything(database)
    secret = path.removeprefix("/link/")
    for part in (secret, secret.partition(".")[0]):
        assert part not in kept
        assert part not in caplog.text


# The mail


async def invited(server: MailServer, **other: str) -> Received:
    given = {
        "account": MAILBOX,
        "person": "dana",
        "by": "the command line",
        "link": "https://approve.example.com/link/CS-1",
    }
    await make(server.api).invite(**{**given, **other})
    return server.mails[-1]


async def test_the_mail_says_what_its_link_does_and_holds_nothing_else() -> None:
    async with MailServer() as server:
        mail = await invited(server)
    found = mail.parsed
    assert mail.recipients == [MAILBOX]
    assert found["subject"] == "Link this mailbox to Countersign"
    assert (found["auto-submitted"], found["x-auto-response-suppress"]) == ("auto-generated", "All")
    page = Page(mail.part("html"))
    assert {tag for tag, _ in page.elements} <= {
        *("html", "head", "meta", "title", "body", "p", "a")
    }
    assert [href for _, href in page.links] == ["https://approve.example.com/link/CS-1"]
    for part in (mail.part("plain"), page.text):
        said = " ".join(part.replace("\u2060", "").split())
        for word in ("dana", MAILBOX, "the command line asked", "within ten minutes"):
            assert word in said
    assert re.findall(r"https?://\S+", mail.part("plain")) == [page.links[0][1]]


@pytest.mark.parametrize(
    "word", ["Ann <a@b.example>\r\nBcc: eve@evil.example", "</p><a href=https://evil.example>x</a>"]
)
async def test_law_13_no_name_makes_a_header_or_a_link(word: str) -> None:
    async with MailServer() as server:
        plain = await invited(server)
        wild = await invited(server, person=word, by=word)
        assert wild.parsed.keys() == plain.parsed.keys()
        assert wild.parsed["subject"] == plain.parsed["subject"]
        assert wild.recipients == [MAILBOX]
        assert Page(wild.part("html")).links == Page(plain.part("html")).links
        for account in ("a@b.example\r\nBcc: e@evil.example", "a@b.example, e@evil.example", "a"):
            with pytest.raises(Refused):
                await invited(server, account=account)
        assert len(server.mails) == 2


# The command line


async def run(place: Installation, *words: str, code: int = 0) -> Ran:
    """A command, which runs a loop of its own."""
    ran = await asyncio.to_thread(place.run, *words)
    assert ran.code == code, ran.out + ran.err
    return ran


@pytest.fixture
async def alone(tmp_path: Path, database: str) -> AsyncIterator[tuple[Installation, MailServer]]:
    """An installation that sends mail, on each database; not started."""
    async with MailServer() as server:
        place = install(tmp_path, database)
        path = tmp_path / "countersign.yaml"
        sends = f"email: {{host: 127.0.0.1, port: {server.port}, security: none, password: ''"
        slack = "slack: {bot_token: x, signing_secret: y}"
        told = f"channels: {{{sends}, from: approve@example.com}}, {slack}}}\n"
        site = f"public_url: http://approve.localhost:{place.port}, "
        path.write_text(told + path.read_text().replace("{listen:", f"{{{site}listen:"))
        yield place, server


async def test_the_command_line_sends_a_link_and_prints_no_code(
    alone: tuple[Installation, MailServer], store: Store
) -> None:
    place, server = alone
    made = await run(place, "link", "lee", "email", "--to", "lee@private.example", "--json")
    (mail,) = server.mails
    ((_, link),) = Page(mail.part("html")).links
    code = re.fullmatch(r"http://approve\.localhost:\d+/link/(\S+)", link)
    assert code
    assert code[1].partition(".")[0] not in made.out + made.err
    assert (made.json["code"], made.json["expires_in"]) == (None, 600)
    assert "on its way to lee@private.example" in made.json["words"][-1]
    assert mail.recipients == ["lee@private.example"]
    shown = await run(place, "link", "lee", "email", "--to", "lee@private.example")
    assert "signed in to the inbox" in shown.out
    assert "CS-" not in shown.out
    assert await store.linked() == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("lee", "email"), "--to ADDRESS"),
        (("lee", "email", "--to", "lee"), "not an address"),
        (("lee", "email", "--to", "lee@x.example\r\nBcc: e@evil.example"), "not an address"),
        (("lee", "email", "--to", "dana@example.com"), "dana@example.com is dana's already"),
        (("lee", "slack", "--to", "lee@x.example"), "--to is for e-mail only"),
        (("nobody", "email", "--to", "lee@x.example"), "There is no person 'nobody'"),
    ],
)
async def test_what_cannot_be_linked_is_said_and_no_mail_is_sent(
    alone: tuple[Installation, MailServer], words: tuple[str, ...], why: str
) -> None:
    place, server = alone
    ran = await run(place, "link", *words, code=Exit.FAILED)
    assert why in ran.err
    assert server.mails == []


async def test_a_mail_that_is_not_sent_is_said(alone: tuple[Installation, MailServer]) -> None:
    place, server = alone
    for answer, code in (("451 4.3.0 Later", Exit.UNREACHABLE), ("550 5.1.1 No such", Exit.FAILED)):
        server.refuse("RCPT", answer)
        ran = await run(place, "link", "lee", "email", "--to", "lee@x.example", code=code)
        assert answer[:3] in ran.err
    assert server.mails == []
