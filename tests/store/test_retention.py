"""What is kept for how long, and what can be erased before; on both databases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from approvals import audit, retention
from approvals.evidence import Entry, verify_chain
from approvals.model import Case, Choice, Refused, Status, Vote
from approvals.proposal import ulid
from approvals.proxy.ask import KEEP, Used
from approvals.retention import Retention
from approvals.store import Change, LinkCode, Linked, Session, Store
from tests.harness.installation import Installation, install
from tests.harness.stored import a_card, a_case, an_entry, opening

DAY = 24 * 60 * 60_000
NOW = 1_790_000_000_000
KEPT = Retention(content=90 * DAY, cases=730 * DAY)


def random(count: int) -> bytes:
    return bytes(count)


def id_at(days_ago: int) -> str:
    return f"req_{ulid(NOW - days_ago * DAY, bytes(range(10)))}"


async def decided(
    store: Store, days_ago: int, person: str = "lee", status: Status = Status.DECLINED
) -> Case:
    """A request of that age that somebody decided."""
    at = NOW - days_ago * DAY
    case = a_case(id_at(days_ago), created_at=at, expires_at=at + 900_000, barred=("dana",))
    said = json.dumps({"by": person, "reason": "no", "digest": "x"})
    voted = Entry("default", at, "vote", case.id, said, b"s" * 16)
    vote = Vote(person, Choice.DECLINE, ("finance",), "slack", 1, at, "too much", kid="k1", mac="a")
    after = replace(case, version=2, status=status, votes=(vote,), decided_at=at, reason="too much")
    opened = replace(an_entry(case, "opened"), at=at)
    await store.commit([opening(case, entries=(opened,))])
    if status is not Status.PENDING:
        await store.commit([Change(after, 1, (voted,))])
        await store.put_receipts([(case.id, "jws")])
    card, stored = a_card(case)
    await store.add_card(replace(card, person=person), stored)
    return case


async def exported(store: Store) -> list[str]:
    return [line async for line in store.export()]


async def kinds(store: Store) -> Sequence[str]:
    while await store.seal(NOW):
        pass
    return [json.loads(line)["kind"] for line in await exported(store)]


async def test_law_21_content_is_erased_and_later_the_case_and_the_chain_still_verifies(
    store: Store,
) -> None:
    young, old, ancient = [await decided(store, days) for days in (10, 100, 800)]
    waits = await decided(store, 801, status=Status.PENDING)
    while await store.seal(NOW):
        pass
    before, head = await exported(store), await store.head()
    await retention.retire(store, KEPT, now=NOW, random=random)

    known = await store.cases([one.id for one in (young, old, ancient, waits)])
    assert set(known) == {young.id, old.id, waits.id}
    assert await store.content(young.id, 1) is not None
    assert await store.content(waits.id, 1) is not None, "what waits is never touched"
    assert await store.content(old.id, 1) is None
    assert (await store.receipt(old.id), await store.receipt(ancient.id)) == ("jws", None)
    assert [bool(await store.cards_of(one.id)) for one in (young, old, ancient)] == [
        True, False, False,
    ]  # fmt: skip
    assert await store.buttons_of(f"{old.id}-card-1") == []
    assert known[old.id].votes[0].person == "lee", "who decided stays as long as the case"
    assert not await store.visible(ancient.id, ["group:finance"])

    after = await exported(store)
    report = verify_chain(after, heads=[head])
    assert (report.bad, report.head) == (None, head)
    assert report.erased > 0
    for was, line in zip(map(json.loads, before), map(json.loads, after), strict=True):
        gone = was["request_id"] in (old.id, ancient.id)
        assert ("content" in line, "salt" in line) == (not gone, not gone)
        for kept in ("seq", "at", "kind", "request_id", "commitment", "link"):
            assert line[kept] == was[kept]
    assert (await kinds(store))[-2:] == ["retention.erased", "retention.deleted"]
    await retention.retire(store, KEPT, now=NOW, random=random)
    assert (await kinds(store))[-1] == "retention.deleted", "nothing more to do, nothing to say"
    assert len(await exported(store)) == len(before) + 2


async def test_nothing_is_erased_unless_it_is_configured(store: Store) -> None:
    old = await decided(store, 4000)
    await store.seal(NOW)
    await retention.retire(store, Retention(), now=NOW, random=random)
    assert await store.content(old.id, 1) is not None
    assert verify_chain(await exported(store)).erased == 0


async def test_law_25_what_is_erased_at_once_is_little(store: Store) -> None:
    for n in range(12):
        await decided(store, 100 + n)
    assert await store.empty(id_at(0)) == 5
    assert [await store.empty(id_at(0)) for _ in range(3)] == [5, 2, 0]
    assert await store.remove(id_at(0)) == 5


async def test_an_entry_from_a_wrong_clock_holds_up_no_other(store: Store) -> None:
    old = Entry("default", NOW - 800 * DAY, "link.made", None, "{}", b"s" * 16)
    await store.append([replace(old, at=NOW + 800 * DAY), old])
    await store.seal(NOW)
    await retention.retire(store, KEPT, now=NOW, random=random)
    assert [row.entry.content for row in await store.audit()] == [None, None]


async def test_entries_of_no_request_lose_their_text_with_the_cases(store: Store) -> None:
    old = [
        Entry("default", NOW - 800 * DAY, "link.made", None, '{"person":"lee"}', bytes([n]) * 16)
        for n in range(30)
    ]
    young = replace(old[0], at=NOW - 10 * DAY)
    await store.append([*old, young])
    await store.seal(NOW)
    await retention.retire(store, KEPT, now=NOW, random=random)
    rows = await store.audit()
    assert [row.entry.content is None for row in rows] == [True] * 30 + [False]
    assert verify_chain(await exported(store), heads=[await store.head()]).bad is None


async def test_law_21_a_request_is_erased_before_its_time_but_not_while_it_waits(
    store: Store,
) -> None:
    case, waits = await decided(store, 1), await decided(store, 2, status=Status.PENDING)
    while await store.seal(NOW):
        pass
    done = await retention.erase_request(store, case.id, by="x", now=NOW, random=random)
    assert done == 2
    assert await store.content(case.id, 1) is None
    assert await store.receipt(case.id) == "jws"
    with pytest.raises(Refused, match="waits to be decided"):
        await retention.erase_request(store, waits.id, by="x", now=NOW, random=random)
    with pytest.raises(Refused, match="there is no request"):
        await retention.erase_request(store, "req_none", by="x", now=NOW, random=random)
    assert (await kinds(store))[-1] == "request.erased"
    assert verify_chain(await exported(store), heads=[await store.head()]).bad is None


async def test_law_21_an_account_is_erased_however_an_entry_spells_it(store: Store) -> None:
    said = {"channel": "email", "account": "josé@example.com", "why": "no such code here"}
    older = json.dumps(said)  # as entries were written once, with what is not ASCII escaped
    await store.append([Entry("default", NOW, "link.refused", None, older, b"s" * 16)])
    await store.append([audit.entry(audit.Kind.LINK_REFUSED, NOW, random, None, **said)])
    while await store.seal(NOW):
        pass
    account = ("email", "josé@example.com")
    done = await retention.erase_person(store, "lee", [account], by="x", now=NOW, random=random)
    assert done.entries == 2
    assert "example.com" not in "".join(await exported(store))


async def test_law_21_a_person_is_erased_everywhere_and_the_chain_still_verifies(
    store: Store, database: str
) -> None:
    theirs, other = await decided(store, 3, "lee-unique"), await decided(store, 4, "kim")
    barred = replace(a_case(id_at(5)), barred=("lee-unique",), status=Status.EXPIRED, decided_at=1)
    await store.commit([opening(barred)])
    waits = replace(a_case(id_at(1)), barred=("lee-unique",))
    await store.commit([opening(waits)])
    await store.put_session("s", Session("lee-unique", "link", NOW, NOW + DAY))
    await store.put_account("slack", "U-lee-unique", "lee-unique", "good", NOW)
    mine = Linked("telegram", "lee-unique-phone", "lee-unique", NOW, "default", "seal")
    said = '{"account":"lee-unique-phone","by":"dana"}'
    await store.append([Entry("default", NOW, "linked", None, said, b"s" * 16)])
    code = LinkCode("lee-unique", "telegram", NOW + DAY, "default", "seal")
    await store.add_code("code", code, [])
    assert await store.bind("code", code, mine, NOW, [])
    while await store.seal(NOW):
        pass
    head = await store.head()
    done = await retention.erase_person(
        store, "lee-unique", [("email", "lee-unique@example.com")], by="x", now=NOW, random=random
    )
    assert (done.requests, done.left) == (2, 1)
    assert done.entries >= 2
    assert await store.session("s", NOW) is None
    assert (await store.linked(), await store.accounts()) == ([], [])
    known = await store.cases([theirs.id, other.id, barred.id])
    assert known[theirs.id].votes[0].person == "(erased)"
    assert (known[theirs.id].votes[0].reason, known[theirs.id].reason) == (None, None)
    assert known[theirs.id].votes[0].mac == "a", "receipts name it"
    assert known[barred.id].barred == ("(erased)",)
    assert known[other.id].votes[0].person == "kim"
    assert await store.cards_of(theirs.id) == []
    assert len(await store.cards_of(other.id)) == 1
    report = verify_chain(await exported(store), heads=[head])
    assert (report.bad, report.erased) == (None, done.entries)
    assert (await kinds(store))[-1] == "person.erased"
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as file:
            dump = "\n".join(line for line in file.iterdump() if waits.id not in line)
        assert "lee-unique" not in dump.replace("lee-unique@", "")


@pytest.mark.parametrize("step", ["unname", "blank_entries", "forget", "append"])
async def test_law_24_an_erasure_that_was_cut_off_is_finished_by_the_next_one(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Their accounts are known from the database alone."""
    await decided(store, 3, "lee-unique")
    await store.put_account("slack", "U-lee-unique", "lee-unique", "good", NOW)
    said = '{"who":"U-lee-unique","channel":"slack","why":"late"}'
    await store.append([Entry("default", NOW, "refused", None, said, b"s" * 16)])
    while await store.seal(NOW):
        pass

    async def cut(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(store, step, cut)
        with pytest.raises(RuntimeError):
            await retention.erase_person(store, "lee-unique", [], by="x", now=NOW, random=random)
    await retention.erase_person(store, "lee-unique", [], by="x", now=NOW, random=random)
    assert "lee-unique" not in "".join(await exported(store))
    assert (await kinds(store))[-1] == "person.erased"


async def test_law_24_what_was_erased_and_the_entry_of_it_commit_together(store: Store) -> None:
    case = await decided(store, 1)
    while await store.seal(NOW):
        pass

    def none(_: int) -> Entry:
        raise RuntimeError("cut off")

    with pytest.raises(RuntimeError):
        await store.erase(case.id, none)
    assert await store.content(case.id, 1) is not None


async def test_a_person_who_is_called_as_a_channel_or_a_choice_takes_no_other_entry_along(
    store: Store,
) -> None:
    said = {"by": "dana", "via": "slack", "choice": "approve", "reason": None, "seal": "x"}
    case = {"status": "approved", "revision": 1, "digest": "d", "version": 2}
    vote = audit.entry(audit.Kind.VOTE, NOW, random, None, **said, **case)
    parked = audit.entry(audit.Kind.PARKED, NOW, random, None, job="post", lane="slack", why="no")
    await store.append([vote, parked])
    while await store.seal(NOW):
        pass
    for name in ("slack", "approve", "approved", "post"):
        done = await retention.erase_person(store, name, [], by="x", now=NOW, random=random)
        assert done.entries == 0
    assert (await retention.erase_person(store, "dana", [], by="x", now=NOW, random=random)).entries


def test_the_commands_erase_and_say_so(tmp_path: Path) -> None:
    alone = install(tmp_path)
    alone.start()
    try:
        _erases(alone)
    finally:
        alone.stop()


def _erases(alone: Installation) -> None:
    asked = alone.small()
    alone.call("DELETE", f"/v1/requests/{asked['id']}")
    ran = alone.run("erase", "request", asked["id"])
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("✓ Erased, with the text of ")
    ran = alone.run("erase", "person", "dana")
    assert (ran.code, "may decide" in ran.err) == (1, True)
    ran = alone.run("erase", "person", "former", "--account", "slack:U1", "--json")
    assert (ran.code, ran.json) == (0, {"entries": 0, "requests": 0, "left": 0})
    for wrong in ("U1", "slack:", ":U1", ":", "slack:\udcff"):
        ran = alone.run("erase", "person", "former", "--account", wrong)
        assert (ran.code, "should not" in ran.err) == (1, False)
    for nobody in ("", "\udcff", "a\0b"):
        ran = alone.run("erase", "person", nobody)
        assert (ran.code, "nobody's name" in ran.err) == (1, True)
    assert alone.run("audit", "export", "--after", "9" * 20).code == 2
    ran = alone.run("audit", "verify")
    assert (ran.code, ran.err) == (0, "")
    assert "erased; the links still verify" in ran.out


async def test_law_31_the_gateway_forgets_a_used_receipt_long_after_it_expired(
    tmp_path: Path,
) -> None:
    used = Used(tmp_path / "used.db")
    for n in range(20):
        await used.note({"jti": f"j{n}", "sub": f"s{n}"}, NOW + n)
    later = NOW + KEEP + 10
    with pytest.raises(Refused, match="used before"):
        await used.note({"jti": "j0", "sub": "s0"}, later - 11)
    for n in range(20, 26):
        await used.note({"jti": f"j{n}", "sub": f"s{n}"}, later)
    assert [await used.released(f"s{n}") for n in (0, 9, 10, 19, 25)] == [
        False, False, True, True, True,
    ]  # fmt: skip
    used.close()
