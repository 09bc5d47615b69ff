"""The laws of the store, each on both databases."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from approvals.evidence import GENESIS, Entry, commitment, link, verify_chain
from approvals.model import (
    Busy,
    Outcome,
    Refused,
    Request,
    Status,
)
from approvals.store import (
    Account,
    CardState,
    Change,
    Job,
    LoginLink,
    Press,
    Result,
    Session,
    Store,
    Token,
    metadata,
    schema,
)
from approvals.store.audit import _SEAL as SEAL
from approvals.store.cases import is_move
from tests import conftest
from tests.harness.house import HANGS
from tests.harness.postgres import postgres
from tests.harness.stored import (
    ASK,
    NOW,
    a_card,
    a_case,
    a_request,
    a_vote,
    an_entry,
    crash_ids,
    given,
    opening,
    voting,
)


async def test_a_case_comes_back_as_it_went_in(store: Store) -> None:
    case = a_case()
    await given(store, case)
    assert await store.cases(["req_1", "req_2"]) == {"req_1": case}
    closed = replace(
        case,
        status=Status.APPROVED,
        version=2,
        votes=(a_vote("lee"), replace(a_vote("kim"), reason=None)),
        decided_at=NOW + 5,
        reason='said "yes"\x00\ud800',
        outcome=Outcome(True, NOW + 6, 201),
        escalated=True,
        reminded=1,
        head="7:abcd",
    )
    assert await store.commit([Change(closed, 1)]) == [Result.WON]
    assert await store.cases(["req_1"]) == {"req_1": closed}
    assert await store.content("req_1", 1) == a_request(case)
    assert await store.content("req_1", 2) is None


async def test_a_press_finds_all_that_a_tap_needs(store: Store) -> None:
    one, two = a_case("req_1"), a_case("req_2")
    await given(store, one, two)
    card, stored = a_card(one)
    await store.add_card(card, stored, [an_entry(one, "posting")])
    voted = voting(one, "lee", "slack:e1")
    assert await store.commit([voted]) == [Result.WON]
    assert await store.presses(
        [(stored[0].lookup, "slack:e1"), (b"?" * 16, "e2"), (stored[0].lookup, "e3")]
    ) == [
        Press(stored[0], card, voted.case, True),
        None,
        Press(stored[0], card, voted.case, False),
    ]
    assert await store.presses([]) == []


async def test_store_law_3_one_losing_change_takes_no_other_with_it(store: Store) -> None:
    cases = [a_case(f"req_{n}") for n in range(6)]
    await given(store, *cases)
    assert await store.commit([voting(cases[1], "x", "seen")]) == [Result.WON]
    assert await store.commit([voting(cases[2], "x")]) == [Result.WON]
    results = await store.commit(
        [
            voting(cases[0], "lee"),
            voting(cases[2], "lee"),
            voting(cases[3], "lee", "seen"),
            voting(cases[4], "lee", "new"),
            opening(cases[5]),
            opening(a_case("req_new")),
        ]
    )
    assert results == [
        Result.WON, Result.LOST, Result.SEEN, Result.WON, Result.LOST, Result.WON,
    ]  # fmt: skip
    versions = {i: c.version for i, c in (await store.cases([c.id for c in cases])).items()}
    assert versions == {"req_0": 2, "req_1": 2, "req_2": 2, "req_3": 1, "req_4": 2, "req_5": 1}
    for case, kinds in ((cases[0], ["opened", "vote"]), (cases[3], ["opened"])):
        assert [e.kind for e in await store.history(case.id)] == kinds
    jobs = await store.claim("slack", worker="w", now=NOW, lease=10, limit=100)
    moved = sorted(job.request_id for job in jobs if job.kind == "redraw")
    assert moved == ["req_0", "req_1", "req_2", "req_4"]


async def test_any_text_goes_the_quick_way(store: Store) -> None:
    case = a_case()
    await given(store, case)
    words = ["NULL", "", '{"a":"\\\\x41"}', 'a,b\n"c"\t{}', "\\", "é \u202e 🎉", "'; --"]
    entries = tuple(Entry("default", NOW, word, None, word, bytes(range(256))) for word in words)
    erased = Entry("default", NOW, "erased", "req_1", None, None)
    change = voting(case, 'lee "\\', '{"e",\\}')
    jobs = tuple(Job("post", "r", "quick", NOW, word) for word in words)
    change = replace(change, entries=(*entries, erased), effects=jobs)
    assert await store.commit([change]) == [Result.WON]
    assert (await store.cases(["req_1"]))["req_1"] == change.case
    found = await store.claim("quick", worker="w", now=NOW, lease=1, limit=99)
    assert [job.data for job in found] == words
    assert (await store.history("req_1"))[-1] == erased
    assert await store.commit([change]) == [Result.SEEN]


async def test_store_law_4_a_seen_event_commits_nothing_twice(store: Store) -> None:
    case = a_case()
    await given(store, case)
    first = voting(case, "lee", "slack:e1")
    assert await store.commit([first]) == [Result.WON]
    assert await store.commit([first]) == [Result.SEEN]
    assert await store.commit([voting(first.case, "kim", "slack:e1")]) == [Result.SEEN]
    assert (await store.cases(["req_1"]))["req_1"] == first.case


async def test_an_event_seen_by_another_case_loses_alone(store: Store) -> None:
    cases = [a_case(f"req_{n}") for n in range(3)]
    await given(store, *cases)
    assert await store.commit([voting(cases[0], "lee", "e")]) == [Result.WON]
    batch = [voting(cases[1], "lee", "e"), voting(cases[2], "lee", "f")]
    assert await store.commit(batch) == [Result.SEEN, Result.WON]


async def test_only_one_of_two_changes_of_a_case_wins(store: Store) -> None:
    case = a_case()
    await given(store, case)
    results = await store.commit([voting(case, "lee"), voting(case, "kim")])
    assert sorted(results) == [Result.LOST, Result.WON]
    assert len(await store.history("req_1")) == 2


@pytest.mark.parametrize(
    ("name", "nth", "find"),
    [
        ("read", 1, lambda store, _: store.cases(["req_1"])),
        ("read", 1, lambda store, _: store.asked("req_1")),
        ("read", 2, lambda store, _: store.page()),  # the first finds ids only
        ("presses", 1, lambda store, button: store.presses([(button.lookup, "e")])),
    ],
    ids=["by id", "with its content", "a page", "a press"],
)
async def test_a_read_that_a_verdict_overtakes_finds_the_case(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str, nth: int, find: Any
) -> None:
    """What was read before the commit, and is looked at after it, is no row written back."""
    case = a_case()
    await given(store, case)
    card, (button, _) = a_card(case)
    await store.add_card(card, [button], [])
    closed = replace(case, version=case.version + 1, status=Status.WITHDRAWN, decided_at=NOW)
    read, calls = getattr(store._db, name), 0

    async def overtaken(*args: Any, **more: Any) -> Any:
        nonlocal calls
        old, calls = await read(*args, **more), calls + 1
        if calls == nth:
            withdrawing = Change(closed, case.version, (an_entry(case, "withdrawn"),))
            assert await store.commit([withdrawing]) == [Result.WON]
        return old

    monkeypatch.setattr(store._db, name, overtaken)
    found = await find(store, button)
    assert calls > nth
    match found:
        case {"req_1": now} | [Press(case=now)] | [now] | [now, Request()]:
            assert now == closed
        case _:
            pytest.fail(f"not found: {found}")


async def test_an_idempotency_key_opens_one_case(store: Store) -> None:
    mine = ("billing", "key", "hash")
    first = opening(a_case("req_1"), idempotency=mine)
    again = opening(a_case("req_2"), idempotency=mine)
    other = opening(a_case("req_3"), idempotency=("billing", "key", "another"))
    theirs = opening(a_case("req_4"), idempotency=("shipping", "key", "another"))
    assert await store.idempotent("billing", "key") is None
    assert await store.commit([first, again, other, theirs]) == [
        Result.WON, Result.SEEN, Result.MISMATCH, Result.WON,
    ]  # fmt: skip
    assert await store.idempotent("billing", "key") == ("hash", "req_1")
    assert set(await store.cases(["req_1", "req_2", "req_3", "req_4"])) == {"req_1", "req_4"}
    assert await store.history("req_2") == []


async def test_a_revision_replaces_terms_and_audience_and_keeps_both_contents(
    store: Store,
) -> None:
    case = a_case()
    await given(store, case)
    revised = replace(
        case, revision=2, version=2, digest="sha-256:2", ask=replace(ASK, rule="x"), barred=()
    )
    change = Change(revised, 1, content=a_request(revised), audiences=("group:infra",))
    assert await store.commit([change]) == [Result.WON]
    assert await store.cases(["req_1"]) == {"req_1": revised}
    assert await store.content("req_1", 1) == a_request(case)
    assert await store.content("req_1", 2) == a_request(revised)
    assert await store.asked("req_1") == (revised, a_request(revised))
    assert await store.asked("req_2") == (None, None)
    assert not await store.visible("req_1", ["group:finance", "person:dana"])
    assert await store.visible("req_1", ["group:infra"])


async def test_pages_are_newest_first_and_show_only_what_one_may_see(store: Store) -> None:
    cases = [
        a_case(f"req_{n}", agent="even" if n % 2 == 0 else "odd", requester=f"by{n % 3}")
        for n in range(9)
    ]
    await store.commit(
        [
            opening(c, audiences=("group:a",) if n < 5 else ("person:b",))
            for n, c in enumerate(cases)
        ]
    )
    closed = replace(cases[8], status=Status.DECLINED, version=2)
    assert await store.commit([Change(closed, 1)]) == [Result.WON]

    async def ids(**filters: object) -> str:
        return "".join(case.id[-1] for case in await store.page(**filters))  # type: ignore[arg-type] # real ones

    assert await ids() == "876543210"
    assert await ids(limit=3) == "876"
    assert await ids(limit=3, before="req_6") == "543"
    assert await ids(status=Status.PENDING) == "76543210"
    assert await ids(status=Status.DECLINED) == "8"
    assert await ids(agent="even", requester="by0") == "60"
    assert await ids(audiences=["group:a"]) == "43210"
    assert await ids(audiences=["group:a", "person:b"], status=Status.PENDING) == "76543210"
    assert await ids(audiences=[]) == ""
    assert await ids(org="another") == ""


async def test_time_wakes_open_cases_only_and_at_expiry_at_the_latest(store: Store) -> None:
    one, two, three = (a_case(f"req_{n}") for n in range(3))
    late = one.expires_at + 1
    await store.commit([opening(one), opening(two, wake_at=NOW + 5), opening(three, wake_at=late)])
    assert await store.due(NOW) == []
    assert await store.due(NOW + 5) == ["req_1"]
    assert await store.due(one.expires_at, limit=2) == ["req_1", "req_0"]
    assert len(await store.due(one.expires_at)) == 3
    closed = replace(two, status=Status.EXPIRED, version=2)
    assert await store.commit([Change(closed, 1, wake_at=NOW)]) == [Result.WON]
    assert "req_1" not in await store.due(late)


async def test_a_card_goes_from_posting_to_posted_to_drawn(store: Store) -> None:
    case = a_case()
    await given(store, case)
    card, stored = a_card(case)
    card = replace(card, echo_next="first")
    await store.add_card(card, stored, [an_entry(case, "card.posting")])
    assert await store.card(card.id) == card
    assert await store.card("none") is None
    assert sorted(await store.buttons_of(card.id), key=lambda s: s.lookup) == stored
    await store.bind_message(card.id, "171.5", [an_entry(case, "card.posted")])
    posted = replace(card, message="171.5", echo="first", echo_next=None, state=CardState.POSTED)
    assert await store.card_by_message("slack", "D1", "171.5") == posted
    await store.drawing(card.id, "second")
    assert await store.cards_of("req_1") == [replace(posted, echo_next="second")]
    await store.drawn(card.id, 2, [an_entry(case, "card.drawn")])
    assert await store.card(card.id) == replace(posted, echo="second", drawn=2)
    await store.drawing(card.id, "old")
    await store.drawn(card.id, 1)
    assert await store.card(card.id) == replace(posted, echo="second", echo_next="old", drawn=0)
    other, _ = a_card(case, 2)
    await store.add_card(other, [])
    await store.fail_card(other.id, [an_entry(case, "card.failed")])
    assert [c.state for c in await store.cards_of("req_1")] == [CardState.POSTED, CardState.FAILED]
    kinds = [e.kind for e in await store.history("req_1")]
    assert kinds == ["opened", "card.posting", "card.posted", "card.drawn", "card.failed"]


async def test_a_job_is_one_workers_until_its_lease_ends(store: Store) -> None:
    await store.append([], [Job("post", f"r{n}", "slack", NOW + n, str(n)) for n in range(3)])
    await store.append([], [Job("post", "r9", "teams", NOW)])

    async def claim(worker: str, now: int, limit: int = 9) -> list[Job]:
        return await store.claim("slack", worker=worker, now=now, lease=100, limit=limit)

    assert await claim("a", NOW - 1) == []
    [first] = await claim("a", NOW + 2, limit=1)
    assert (first.request_id, first.data, first.attempts) == ("r0", "0", 1)
    rest = await claim("b", NOW + 2)
    assert [job.request_id for job in rest] == ["r1", "r2"]
    assert await claim("c", NOW + 101) == []
    again = await claim("c", NOW + 102)
    assert (again[0].id, again[0].attempts) == (first.id, 2)
    # The one who was too late changes nothing.
    await store.done([first])
    await store.retry(first, due=0, error="late")
    await store.park(first, now=NOW, error="late")
    assert await store.parked() == []
    assert await claim("d", NOW + 103) == []
    await store.done(again)
    assert await claim("d", NOW + 9999) == []
    [other] = await store.claim("teams", worker="a", now=NOW, lease=1, limit=9)
    assert other.request_id == "r9"


async def test_a_claim_that_the_server_lost_leaves_its_job_due(postgresql_database: str) -> None:
    """Nobody waits for the disk when a job is taken; what is written next is in the log behind it,
    and waits."""
    store = await Store.connect(postgresql_database)
    admin = await asyncpg.connect(postgresql_database)
    await store.append([], [Job("post", "r", "slack", NOW)])
    row = await admin.fetchrow("SELECT * FROM outbox")
    assert row is not None
    [lost] = await store.claim("slack", worker="a", now=NOW, lease=100, limit=9)
    # As after a crash that came before the log was written.
    await admin.execute("UPDATE outbox SET attempts = 0, due_at = $1, worker = NULL", row["due_at"])
    [held] = await store.claim("slack", worker="b", now=NOW + 1, lease=100, limit=9)
    assert (held.id, held.attempts) == (lost.id, lost.attempts)
    await store.done([lost])
    assert await store.renew(held, NOW + 200), "who lost the claim ended the other's job"
    # Only this statement: the connection that carried it out waits for the disk again.
    pool: Any = store._db._pool  # type: ignore[attr-defined] # to see the driver's own connections
    for connection in [await pool.acquire() for _ in range(pool.get_size())]:
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
        await pool.release(connection)
    await admin.close()
    await store.close()


async def test_jobs_are_retried_parked_and_sent_again(store: Store) -> None:
    await store.append([], [Job("post", "r", "slack", NOW)])
    [job] = await store.claim("slack", worker="a", now=NOW, lease=5, limit=9)
    await store.retry(job, due=NOW + 50, error="busy")
    assert await store.claim("slack", worker="a", now=NOW + 49, lease=5, limit=9) == []
    [job] = await store.claim("slack", worker="a", now=NOW + 50, lease=5, limit=9)
    assert job.attempts == 2
    counts = await store.counts()
    assert (counts.pending, dict(counts.jobs), counts.parked) == (
        0, {("post", "slack"): (1, NOW + 55)}, 0,
    )  # fmt: skip
    await store.park(job, now=NOW + 51, error="refused", entries=[an_entry(a_case(), "parked")])
    [parked] = await store.parked()
    assert (parked.job.id, parked.error, parked.at) == (job.id, "refused", NOW + 51)
    assert (await store.counts()).parked == 1
    assert await store.claim("slack", worker="a", now=NOW + 9999, lease=5, limit=9) == []
    assert not await store.resend(job.id + 1, NOW)
    assert await store.resend(job.id, NOW + 60, [an_entry(a_case(), "resent")])
    assert not await store.resend(job.id, NOW + 60, [an_entry(a_case(), "resent")])
    [job] = await store.claim("slack", worker="a", now=NOW + 60, lease=5, limit=9)
    assert [e.kind for e in await store.history("req_1")] == ["parked", "resent"]


async def test_a_receipt_is_signed_once(store: Store) -> None:
    await store.put_receipts([("req_1", "first"), ("req_2", "x")])
    await store.put_receipts([("req_1", "second"), ("req_3", "y")])
    assert [await store.receipt(f"req_{n}") for n in range(1, 5)] == ["first", "x", "y", None]
    assert sorted(await store.concluded(["req_1", "req_3", "req_4"])) == ["req_1", "req_3"]
    assert await store.concluded([]) == []


async def test_law_21_the_sealer_links_every_entry_into_a_chain_that_verifies(
    store: Store,
) -> None:
    case = a_case()
    start = await store.head()
    assert start == f"0:{GENESIS.hex()}"
    await store.append([an_entry(case, f"k{n}", NOW + n) for n in range(5)])
    assert (await store.counts()).unsealed == 5
    assert await store.seal(NOW, limit=3) == 3
    assert await store.seal(NOW, lambda point: f"{point.head}@{point.at}", limit=3) == 2
    assert await store.seal(NOW) == 0
    rows = await store.audit()
    assert [(row.seq, row.entry.kind) for row in rows] == [(n + 1, f"k{n}") for n in range(5)]
    previous = GENESIS
    for row in rows:
        assert row.commitment == commitment(row.entry)
        assert row.link == link(previous, row.seq, row.entry, row.commitment)
        previous = row.link
    head = await store.head()
    assert head == f"5:{previous.hex()}"
    assert await store.checkpoints() == [f"{head}@{NOW}"]
    assert await store.audit(after=4, limit=1) == rows[4:]
    report = verify_chain([line async for line in store.export()], heads=[head])
    assert (report.bad, report.head) == (None, head)


async def test_law_21_erasing_deletes_content_and_never_the_link(store: Store) -> None:
    case = a_case()
    await given(store, case)
    await store.append([an_entry(a_case("req_2"))])
    told = an_entry(a_case("req_2"), "erased")
    assert await store.erase("req_1", lambda many: told) == 0
    assert await store.content("req_1", 1) is None
    assert await store.asked("req_1") == (case, None)
    await store.seal(NOW)
    assert await store.erase("req_1", lambda many: told) == 1
    assert [e.content for e in await store.history("req_1")] == [None]
    report = verify_chain([line async for line in store.export()], heads=[await store.head()])
    assert (report.bad, report.erased) == (None, 1)


async def test_entries_are_sealed_in_the_order_of_their_change(store: Store) -> None:
    cases = [a_case(f"req_{n}") for n in range(20)]
    await given(store, *cases)
    changes = [
        replace(voting(c, "lee"), entries=tuple(an_entry(c, f"{c.id}/{n}") for n in range(3)))
        for c in reversed(cases)
    ]
    await store.commit(changes)
    kinds = [row.entry.kind for row in await store.audit() if "/" in row.entry.kind]
    assert kinds == []
    while await store.seal(NOW, limit=50):
        pass
    kinds = [row.entry.kind for row in await store.audit() if "/" in row.entry.kind]
    assert kinds == [f"{c.id}/{n}" for c in reversed(cases) for n in range(3)]


async def test_store_law_5_sessions_links_and_tokens_are_found_by_hash_and_end(
    store: Store,
) -> None:
    session = Session("dana", "link", NOW, NOW + 10)
    await store.put_session("cookie", session)
    assert await store.session("cookie", NOW + 9) == session
    assert await store.session("cookie", NOW + 10) is None
    assert await store.session("cooki", NOW) is None
    fresher = replace(session, at=NOW + 5)
    await store.put_session("cookie", fresher)
    assert await store.session("cookie", NOW) == fresher
    await store.end_session("cookie")
    assert await store.session("cookie", NOW) is None
    token = Token("dana", "laptop", NOW)
    await store.add_token("secret", token)
    await store.add_token("other", replace(token, name="phone", at=NOW + 1, expires_at=NOW + 5))
    assert await store.token("secret", NOW + 10**9) == token
    assert await store.token("other", NOW + 5) is None
    assert [t.name for t in await store.tokens("dana")] == ["laptop", "phone"]
    assert await store.revoke_token("dana", "laptop")
    assert not await store.revoke_token("dana", "laptop")
    assert await store.token("secret", NOW) is None


async def test_law_08_a_sign_in_link_is_used_once_and_looking_does_not_use_it(store: Store) -> None:
    link_ = LoginLink("dana", "req_1", b"mac", NOW + 10)
    await store.add_link("secret", link_)
    assert await store.link("secret", NOW) == link_
    assert await store.link("secret", NOW + 10) is None
    assert await store.use_link("secret", NOW + 10) is None
    uses = await asyncio.gather(*(store.use_link("secret", NOW) for _ in range(8)))
    assert [use for use in uses if use] == [link_]
    assert await store.link("secret", NOW) is None


async def test_accounts_and_values_are_kept_and_renewed(store: Store) -> None:
    await store.put_account("slack", "U1", "dana", "vetted", NOW)
    await store.put_account("slack", "U1", None, "refused", NOW + 1)
    known = Account("slack", "U1", None, "refused", NOW + 1)
    assert await store.account("slack", "U1") == known
    assert await store.account("slack", "U2") is None
    assert await store.accounts() == [known]
    assert await store.meta("salt") is None
    assert await store.put_meta("salt", "1", once=True) == "1"
    assert await store.put_meta("salt", "2", once=True) == "1"
    assert await store.put_meta("salt", "3") == await store.meta("salt") == "3"


async def test_the_last_word_of_an_account_counts_until_its_window_ended(store: Store) -> None:
    assert (
        await store.last_heard("whatsapp", "1") == await store.end_window("whatsapp", "1", 5) == 0
    )
    await store.heard_from("whatsapp", {})
    await store.heard_from("whatsapp", {"2": 20, "1": 10})
    await store.heard_from("whatsapp", {"1": 9})  # an older one that comes late
    assert await store.last_heard("whatsapp", "1") == 10
    assert await store.end_window("whatsapp", "1", 15) == 15
    assert await store.end_window("whatsapp", "1", 16) == 15  # it has ended already
    assert await store.last_heard("whatsapp", "1") == 0
    await store.heard_from("whatsapp", {"1": 14})  # written before, and told after
    assert await store.last_heard("whatsapp", "1") == 0
    await store.heard_from("whatsapp", {"1": 17})
    assert await store.last_heard("whatsapp", "1") == 17
    assert [await store.last_heard(*key) for key in (("whatsapp", "2"), ("x", "1"))] == [20, 0]


async def test_copies_that_hear_the_same_people_do_not_wait_for_each_other(store: Store) -> None:
    names = [str(n) for n in range(20)]
    heard = [dict.fromkeys(names[:: (-1) ** at], at) for at in range(1, 11)]
    await asyncio.gather(*(store.heard_from("whatsapp", one) for one in heard))
    assert {await store.last_heard("whatsapp", name) for name in names} == {10}


async def test_pruning_forgets_what_nobody_repeats(store: Store) -> None:
    case = a_case()
    await given(store, case)
    assert await store.commit([voting(case, "lee", "e")]) == [Result.WON]
    await store.put_session("s", Session("dana", "link", NOW, NOW + 10))
    await store.add_link("l", LoginLink("dana", None, b"", NOW + 10))
    year_3000 = 32_503_680_000_000
    await store.heard_from("whatsapp", {"1": NOW})
    await store.prune(NOW, keep=0)
    assert await store.session("s", NOW) is not None
    assert await store.last_heard("whatsapp", "1") == NOW
    assert await store.commit([voting(case, "lee", "e")]) == [Result.SEEN]
    await store.prune(year_3000, keep=1000)
    assert await store.session("s", NOW) is None
    assert await store.link("l", NOW) is None
    assert await store.last_heard("whatsapp", "1") == 0
    assert await store.commit([voting(case, "lee", "e")]) == [Result.LOST]
    assert len(await store.history("req_1")) == 2


async def test_whoever_listens_hears_of_each_commit(store: Store) -> None:
    heard: list[str] = []
    woken = asyncio.Event()

    def hear(ids: Collection[str] | None) -> None:
        heard.extend(ids or ())
        woken.set()

    store.listen(hear)
    case = a_case()
    await given(store, case)
    await store.commit([voting(case, "lee"), voting(a_case("none"), "lee")])
    await store.put_receipts([("req_7", "jws")])
    await store.append([an_entry(case)], [Job("draw", "req_8", "slack", NOW)])
    await store.append([an_entry(case)])
    await asyncio.wait_for(woken.wait(), HANGS)
    assert heard == ["req_1", "req_1", "req_7", "req_8"]


async def test_another_copy_hears_of_it_too_and_of_lost_notices(postgresql_database: str) -> None:
    one = await Store.connect(postgresql_database)
    two = await Store.connect(postgresql_database)
    heard: asyncio.Queue[Collection[str] | None] = asyncio.Queue()
    two.listen(heard.put_nowait)
    assert await asyncio.wait_for(heard.get(), HANGS) is None
    case = a_case()
    await given(one, case)
    assert await asyncio.wait_for(heard.get(), HANGS) == ["req_1"]
    await one.commit([voting(case, "lee")])
    assert await asyncio.wait_for(heard.get(), HANGS) == ["req_1"]
    admin = await asyncpg.connect(postgresql_database)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await admin.close()
    assert await asyncio.wait_for(heard.get(), HANGS) is None
    await one.close()
    await two.close()


async def test_store_law_3_two_copies_never_both_win_and_never_stop_each_other(
    postgresql_database: str,
) -> None:
    one = await Store.connect(postgresql_database)
    two = await Store.connect(postgresql_database)
    cases = [a_case(f"req_{n:02}") for n in range(24)]
    await given(one, *cases)
    won: dict[tuple[str, int], int] = {}

    async def race(store: Store, name: str, order: int) -> None:
        for turn in range(12):
            live = await store.cases([case.id for case in cases])
            # The same events on both sides, in opposite orders, as a platform that delivers twice.
            changes = [
                voting(live[case.id], name, f"{turn}:{case.id}" if n % 3 == 0 else None)
                for n, case in enumerate(cases)
            ][::order]
            for change, result in zip(changes, await store.commit(changes), strict=True):
                if result is Result.WON:
                    key = (change.case.id, change.case.version)
                    won[key] = won.get(key, 0) + 1

    await asyncio.gather(race(one, "lee", 1), race(two, "kim", -1), race(two, "sam", 1))
    assert set(won.values()) == {1}
    after = await one.cases([case.id for case in cases])
    assert sum(case.version - 1 for case in after.values()) == len(won)
    for case in after.values():
        assert len(case.votes) == case.version - 1 == len(await one.history(case.id)) - 1
    await one.close()
    await two.close()


async def test_only_one_sealer_at_a_time(postgresql_database: str) -> None:
    stores = [await Store.connect(postgresql_database) for _ in range(3)]
    await stores[0].append([an_entry(a_case(), f"k{n}") for n in range(200)])

    async def seal(store: Store) -> int:
        done = 0
        while (sealed := await store.seal(NOW, limit=20)) != 0:  # None: another one is at it
            done += sealed or 0
        return done

    async with asyncio.timeout(HANGS):
        assert sum(await asyncio.gather(*map(seal, stores))) == 200
    lines = [line async for line in stores[0].export()]
    assert verify_chain(lines, heads=[await stores[0].head()]).bad is None
    assert len(lines) == 200
    for store in stores:
        await store.close()


async def test_a_sealer_is_told_whether_nothing_is_left_or_another_is_at_it(
    postgresql_database: str,
) -> None:
    """E8: both were 0, and who sealed until nothing was left stopped too soon."""
    store, other = await Store.connect(postgresql_database), await asyncpg.connect(
        postgresql_database
    )  # fmt: skip
    await store.append([an_entry(a_case())])
    async with other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock($1)", SEAL)
        assert await store.seal(NOW) is None
    assert await store.seal(NOW) == 1
    assert await store.seal(NOW) == 0
    await other.close()
    await store.close()


async def test_jobs_are_claimed_once_whoever_asks(postgresql_database: str) -> None:
    stores = [await Store.connect(postgresql_database) for _ in range(3)]
    await stores[0].append([], [Job("post", f"r{n}", "slack", NOW) for n in range(120)])

    async def work(store: Store, name: str) -> list[str]:
        mine: list[str] = []
        while jobs := await store.claim("slack", worker=name, now=NOW, lease=10**6, limit=7):
            assert len(jobs) <= 7
            mine += [job.request_id for job in jobs]
        return mine

    taken = await asyncio.gather(*(work(store, str(n)) for n, store in enumerate(stores)))
    assert sorted(id_ for mine in taken for id_ in mine) == sorted(f"r{n}" for n in range(120))
    for store in stores:
        await store.close()


async def test_store_law_2_kill_9_leaves_each_change_whole_or_undone(
    database: str, tmp_path: Path
) -> None:
    """A writer is killed in the middle, again and again; what it was told is durable is there."""
    told = tmp_path / "told"
    child = Path(__file__).parents[1] / "harness/crash.py"
    for turn in range(3):
        process = subprocess.Popen(
            [sys.executable, child, database, told, str(turn)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        for _ in range(4 + turn):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    store = await Store.connect(database)
    acknowledged = [json.loads(line) for line in told.read_text().splitlines()]
    assert acknowledged
    ids = sorted({case_id for turn in range(3) for case_id in crash_ids(turn)})
    live = await store.cases(ids)
    for case_id, version in acknowledged:
        assert live[case_id].version >= version
    jobs = await store.claim("slack", worker="w", now=NOW, lease=1, limit=10**6)
    for case in live.values():
        moves = case.version - 1
        assert len(case.votes) == moves
        assert len(await store.history(case.id)) == 1 + 2 * moves
        assert sum(job.request_id == case.id for job in jobs) == 1 + moves
        presses = [f"{case.id}:{n}" for n in range(1, moves + 2)]
        again = [voting(replace(case, version=case.version + 9), "x", event) for event in presses]
        results = [(await store.commit([change]))[0] for change in again]
        assert results == [Result.SEEN] * moves + [Result.LOST]
    await store.close()


async def test_commits_of_many_callers_share_one_transaction(sqlite_database: str) -> None:
    store = await Store.connect(sqlite_database)
    cases = [a_case(f"req_{n:03}") for n in range(100)]
    await asyncio.gather(*(store.commit([opening(case)]) for case in cases))
    votes = [store.commit([voting(case, "lee")]) for case in cases]
    bad = store.put_meta("key", None)  # type: ignore[arg-type] # on purpose
    results = await asyncio.gather(*votes, bad, return_exceptions=True)
    assert results[:-1] == [[Result.WON]] * 100
    assert isinstance(results[-1], Exception)
    await store.close()


async def test_a_connection_that_is_cut_off_in_the_middle_of_a_call_is_busy(
    postgresql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await Store.connect(postgresql_database)
    prepare = asyncpg.Connection._get_statement  # type: ignore[attr-defined] # its own, cut into

    async def cut_off(self: Any, *args: Any, **more: Any) -> Any:
        statement = await prepare(self, *args, **more)
        self.terminate()
        return statement

    monkeypatch.setattr(asyncpg.Connection, "_get_statement", cut_off)
    with pytest.raises(Busy, match="database: InterfaceError"):
        await store.head()
    monkeypatch.undo()
    await store.head()
    await store.close()


async def test_a_database_that_is_away_is_busy(postgresql_database: str, tmp_path: Path) -> None:
    with pytest.raises(Busy):
        await Store.connect(f"postgresql://countersign@/none?host={tmp_path}")
    with pytest.raises(Busy):
        await Store.connect(f"sqlite:///{tmp_path}/no/such/folder.db")
    store = await Store.connect(postgresql_database)
    await store.close()
    with pytest.raises(Busy):
        await store.ping()


async def test_a_closed_store_is_busy(store: Store) -> None:
    await store.ping()
    await store.close()
    with pytest.raises(Busy):
        await store.ping()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "", "x.db"])
async def test_other_urls_are_refused_in_words(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///file\.db or postgresql://"):
        await Store.connect(url)


async def test_no_secret_is_in_the_file(sqlite_database: str) -> None:
    store = await Store.connect(sqlite_database)
    await store.put_session("hunter2-cookie", Session("dana", "link", NOW, NOW + 10))
    await store.add_link("hunter2-link", LoginLink("dana", None, b"", NOW + 10))
    await store.add_token("hunter2-token", Token("dana", "x", NOW))
    await store.close()
    path = Path(sqlite_database.removeprefix("sqlite:///"))
    everything = b"".join(f.read_bytes() for f in path.parent.glob(f"{path.name}*"))
    assert b"dana" in everything
    assert b"hunter2" not in everything


# Migrations


def _differences(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_migrations_make_exactly_the_tables(database: str) -> None:
    if database.startswith("sqlite"):
        engine = sa.create_engine(database)
        with engine.connect() as connection:
            assert _differences(connection) == []
        engine.dispose()
    else:
        remote = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(database)
        )
        async with remote.connect() as connection_:
            assert await connection_.run_sync(_differences) == []
        await remote.dispose()


def test_the_newest_migration_is_the_one_that_is_asked_for() -> None:
    scripts = ScriptDirectory(str(Path(schema.__file__).parents[1] / "migrations"))
    assert scripts.get_heads() == [schema.HEAD]


async def test_no_migrate_refuses_in_words(blank: str) -> None:
    with pytest.raises(Refused, match=f"revision none and this version needs {schema.HEAD}"):
        await Store.connect(blank, migrate=False)
    await (await Store.connect(blank)).close()
    await (await Store.connect(blank, migrate=False)).close()


async def _older_card(url: str, id_: str) -> None:
    columns = "id, request_id, revision, channel, conversation, message, echo, state, drawn"
    values = f"'{id_}', 'req_1', 1, 'slack', 'C1', '1.1', 'seal', 'posted', 1"
    insert = f"INSERT INTO cards ({columns}) VALUES ({values})"
    if url.startswith("sqlite"):
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text(insert))
        engine.dispose()
    else:
        raw = await asyncpg.connect(url)
        await raw.execute(insert)
        await raw.close()


async def test_every_released_version_is_brought_up_with_what_it_holds(
    blank: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = ScriptDirectory(str(Path(schema.__file__).parents[1] / "migrations"))
    for older in [one.revision for one in scripts.walk_revisions()][:0:-1]:
        with monkeypatch.context() as before:
            before.setattr(schema, "HEAD", older)
            store = await Store.connect(blank)
            await store.put_meta(older, "kept")
            if older < "0003":  # a card as that version wrote it
                await _older_card(blank, f"crd_{older}")
            await store.close()
        with pytest.raises(Refused, match=f"revision {older} and this version needs {schema.HEAD}"):
            await Store.connect(blank, migrate=False)
    store = await Store.connect(blank)
    assert await store.meta(older) == "kept"
    await store.heard_from("whatsapp", {"1": 1})
    assert await store.last_heard("whatsapp", "1") == 1
    card = await store.card("crd_0001")
    assert card is not None
    assert (card.echo, card.drawn, card.altered, card.instead) == ("seal", 1, None, None)
    assert await store.alter(card.id, "$.blocks[0]")
    assert not await store.alter(card.id, "$.blocks[1]")
    assert await store.altered("crd_") == [("slack", "crd_0001", "$.blocks[0]")]
    assert [
        job.data for job in await store.claim("slack", worker="w", now=1, lease=1, limit=9)
    ] == ["crd_0001"]
    await store.close()


async def test_copies_that_start_together_migrate_once(blank: str) -> None:
    program = (
        "import asyncio, sys; from approvals.store import Store\n"
        "async def main(): await (await Store.connect(sys.argv[1])).close()\n"
        "asyncio.run(main())"
    )
    copies = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, blank, cwd=Path(__file__).parents[2], env=os.environ
        )
        for _ in range(3)
    ]
    assert [await copy.wait() for copy in copies] == [0, 0, 0]
    await (await Store.connect(blank, migrate=False)).close()


def test_an_up_to_date_store_never_imports_alembic(sqlite_database: str) -> None:
    program = (
        "import asyncio, sys; from approvals.store import Store\n"
        "async def main(): await (await Store.connect(sys.argv[1])).close()\n"
        "asyncio.run(main()); print('alembic' in sys.modules, 'asyncpg' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, sqlite_database],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert said.stdout.split() == ["False", "False"]


def test_a_vote_goes_the_quick_way() -> None:
    case = a_case()
    assert is_move(voting(case, "lee", "e"))
    assert not is_move(opening(case))


async def test_a_machine_without_postgresql_runs_the_one_from_the_wheel() -> None:
    with postgres(wheel=True) as url:
        store = await Store.connect(url)
        assert await store.cases([]) == {}
        await store.close()


async def test_a_database_that_tests_hand_on_is_as_new(
    postgres_url: str, postgres_template: str
) -> None:
    """Or it is not handed on: see `postgresql_database`."""
    url = await conftest.create(postgres_url, postgres_template)
    new = await conftest.looks(url)
    store = await Store.connect(url)
    await store.append([], [Job("post", "req_1", "slack", 1)])
    claim = partial(store.claim, "slack", worker="w1", now=2, lease=1, limit=9)
    (first,) = await claim()
    assert await conftest.looks(url, empty=True) == new
    assert await claim() == []
    await store.append([], [Job("post", "req_1", "slack", 1)])
    assert [job.id for job in await claim()] == [first.id]
    await store.close()
    name = conftest.name_of(url)
    for change in (
        "CREATE TABLE more (one int)",
        "ALTER TABLE cases ALTER COLUMN requester DROP NOT NULL",
        f"ALTER DATABASE {name} SET default_transaction_read_only = on",
        f"ALTER DATABASE {name} CONNECTION LIMIT 7",
        "UPDATE alembic_version SET version_num = 'x'",
        "DROP INDEX outbox_due",
    ):
        direct = await asyncpg.connect(url)
        await direct.execute("BEGIN READ WRITE; " + change + "; COMMIT")
        await direct.close()
        before, new = new, await conftest.looks(url)
        assert new != before, change
    await conftest.drop(postgres_url, url)
