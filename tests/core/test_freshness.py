"""Law 31: what this process saw end stays ended, whatever old rows are written back.

Each test writes with SQL of its own into the real database, as somebody who has no key and an older
copy of it; on both databases.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from approvals.model import Status
from approvals.people import GOOD
from approvals.store import (
    Change,
    Grant,
    LinkCode,
    Linked,
    LoginLink,
    Result,
    Session,
    Store,
    Token,
)
from tests.harness.house import Thief
from tests.harness.stored import NOW, a_card, a_case, a_vote, given

LATER = NOW + 1_000_000


@pytest.fixture
def thief(database: str) -> Thief:
    return Thief(database)


@asynccontextmanager
async def older(thief: Thief, *tables: str) -> AsyncIterator[None]:
    """What is in the tables now is written back at the end of the block, and nothing else."""
    copies = {table: await thief.run(f"SELECT * FROM {table}") for table in tables}
    yield
    for table, found in copies.items():
        await thief.run(f"DELETE FROM {table}")
        for row in found:
            marks = ", ".join("?" * len(row))
            await thief.run(
                f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values()
            )


async def count(thief: Thief, table: str) -> Any:
    return (await thief.run(f"SELECT count(*) AS n FROM {table}"))[0]["n"]


async def test_law_31_a_signed_out_session_stays_signed_out(store: Store, thief: Thief) -> None:
    for name, person in (("one", "dana"), ("two", "kim")):
        await store.put_session(name, Session(person, "link", NOW, LATER))
    async with older(thief, "sessions"):
        await store.end_session("one")
    assert await count(thief, "sessions") == 2
    assert await store.session("one", NOW) is None
    assert await store.session("two", NOW) is not None, "what did not end goes on"


async def test_law_31_a_used_sign_in_link_stays_used(store: Store, thief: Thief) -> None:
    await store.add_link("secret", LoginLink("dana", None, b"mac", LATER))
    async with older(thief, "login_links"):
        assert await store.use_link("secret", NOW) is not None
    assert (await thief.run("SELECT used_at FROM login_links"))[0]["used_at"] is None
    assert await store.link("secret", NOW) is None
    assert await store.use_link("secret", NOW) is None


async def test_law_31_a_revoked_token_stays_revoked(store: Store, thief: Thief) -> None:
    await store.add_token("secret", Token("dana", "laptop", NOW, LATER))
    async with older(thief, "tokens"):
        assert await store.revoke_token("dana", "laptop")
    assert await count(thief, "tokens") == 1
    assert await store.token("secret", NOW) is None


async def test_law_31_whatever_changes_an_account_or_a_link_moves_the_mark(store: Store) -> None:
    """By which a copy knows that it has to look again."""
    code = LinkCode("dana", "slack", LATER, seal="code")
    one = Linked("slack", "U1", "dana", NOW, seal="one")
    await store.add_code("secret", code, [])
    marks = [await store.people_mark()]
    for change in (
        lambda: store.put_account("slack", "U1", "dana", "good", NOW),
        lambda: store.bind("secret", code, one, NOW, []),
        lambda: store.unbind(one, []),
        lambda: store.forget("dana", ()),
    ):
        await change()
        marks.append(await store.people_mark())
    assert len(set(marks)) == 5
    assert not await store.bind("secret", code, one, NOW, [])
    assert not await store.unbind(one, [])
    assert await store.people_mark() == marks[-1]


async def test_law_31_a_used_code_and_an_ended_link_stay_ended(store: Store, thief: Thief) -> None:
    code = LinkCode("dana", "slack", LATER, seal="code")
    one = Linked("slack", "U1", "dana", NOW, seal="one")
    await store.add_code("secret", code, [])
    async with older(thief, "link_codes"):
        assert await store.bind("secret", code, one, NOW, [])
    assert await store.code("secret", NOW) is None
    assert not await store.bind("secret", code, replace(one, account="U2", seal="two"), NOW, [])
    assert await store.linked() == [one]
    async with older(thief, "linked"):
        assert await store.unbind(one, [])
    assert await count(thief, "linked") == 1
    assert (await store.linked(), await store.linked_as("slack", "U1")) == ([], None)
    again = replace(one, at=NOW + 1, seal="again")
    await thief.run("DELETE FROM linked")
    await store.add_code("other", code, [])
    assert await store.bind("other", code, again, NOW, [])
    assert await store.linked() == [again], "a new code links the account again"


async def test_law_31_a_link_that_another_process_ended_stays_ended(
    store: Store, thief: Thief
) -> None:
    row = {"org": "default", "channel": "slack", "account": "U1", "person": "dana"}
    one = Linked("slack", "U1", "dana", NOW, seal="one")
    names = ", ".join([*row, "at", "seal"])
    await thief.run(f"INSERT INTO linked ({names}) VALUES (?, ?, ?, ?, ?, ?)",
                    *row.values(), NOW, "one")  # fmt: skip
    assert await store.linked() == [one]
    async with older(thief, "linked"):
        await thief.run("DELETE FROM linked")  # `countersign unlink`, beside the service
        assert await store.linked() == []
    assert await count(thief, "linked") == 1
    assert await store.linked() == []


async def test_law_31_a_barred_account_stays_barred(store: Store, thief: Thief) -> None:
    await store.put_account("slack", "U1", "kim", GOOD, NOW, seal="good")
    async with older(thief, "accounts"):
        await store.put_account("slack", "U1", "kim", "it is a guest there", NOW + 1)
        (barred,) = await store.accounts()
    assert (await thief.run("SELECT standing FROM accounts"))[0]["standing"] == GOOD
    assert (await store.accounts(), await store.account("slack", "U1")) == ([barred], barred)
    await thief.run("DELETE FROM accounts")
    assert (await store.accounts(), await store.account("slack", "U1")) == ([barred], barred)
    await store.put_account("slack", "U1", "kim", GOOD, NOW + 2, seal="better")
    assert [one.standing for one in await store.accounts()] == [GOOD], "vetted again"


@pytest.mark.parametrize("way", ["used", "revoked"])
async def test_law_31_a_used_grant_stays_used(store: Store, thief: Thief, way: str) -> None:
    grant = Grant("grt_1", "same", "dana", "req_1", NOW, LATER, seal="seal")
    await store.add_grant(grant, [])
    case = a_case()
    await given(store, case)
    async with older(thief, "seen"):
        if way == "revoked":
            assert await store.spend("grt_1", [])
        else:
            after = replace(case, version=2, votes=(a_vote("dana"),))
            assert await store.commit([Change(after, 1, seen="grant:grt_1")]) == [Result.WON]
    assert await count(thief, "seen") == 0
    assert await store.grants(identity="same") == [(grant, True)]
    assert not await store.spend("grt_1", [])


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.PENDING])
async def test_law_31_a_closed_request_does_not_wait_again(
    store: Store, thief: Thief, status: Status
) -> None:
    case = a_case()
    await given(store, case)
    card, stored = a_card(case)
    await store.add_card(card, stored)
    async with older(thief, "cases"):
        closed = replace(case, version=2, status=status, decided_at=NOW, votes=(a_vote("lee"),))
        assert await store.commit([Change(closed, 1)]) == [Result.WON]
    await thief.run("DELETE FROM receipts")
    assert (await thief.run("SELECT status FROM cases"))[0]["status"] == "pending"
    assert await store.cases([case.id]) == {}
    assert await store.presses([(stored[0].lookup, "event")]) == [None]
