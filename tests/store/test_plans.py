"""Law 32 in the database: opening, deciding and listing read no more because more was decided.

Statements are run as the service runs them, then each is explained by its own database.
"""

from __future__ import annotations

import json
import pkgutil
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

import approvals.store as store_room
from approvals.model import Status
from approvals.store import Change, Job, Result, Store, metadata
from approvals.store.cases import select_cases
from approvals.store.counts import _count_open
from approvals.store.lists import select_newest
from approvals.store.postgresql import _MOVE, _PRESSES, SETTINGS
from approvals.store.sqlite import _move_text, _press_text
from tests.harness.stored import NOW, a_card, a_case, opening, voting

GROWING = frozenset(
    (
        "audiences",
        "audit",
        "buttons",
        "cards",
        "cases",
        "contents",
        "idempotency",
        "outbox",
        "receipts",
        "seen",
    )
)
"""What has more rows with each request that was ever asked."""
AUDIENCES = ("group:finance", "person:dana", "person:lee")
LISTED = [
    (status, closed, agent, requester, audiences, before)
    for status, closed in [(None, False), (None, True), *((one, False) for one in Status)]
    for agent in (None, "billing-bot")
    for requester in (None, "billing")
    for audiences in (None, AUDIENCES[:1], AUDIENCES)
    for before in (None, "req_9")
]


async def use(store: Store) -> None:
    """Open, ask, post, tap, conclude, list: every statement of it is then known."""
    case = a_case()
    first = opening(case, idempotency=("billing", "key", "sha"))
    assert await store.commit([first]) == [Result.WON]
    await store.idempotent("billing", "key")
    await store.last_key("billing", "key")
    revised = replace(case, revision=2, version=2)
    assert await store.commit([opening(revised, before=1)]) == [Result.WON]
    card, stored = a_card(case)
    await store.add_card(card, stored)
    await store.bind_message(card.id, "message")
    await store.presses([(stored[0].lookup, "event")])
    assert await store.commit([voting(revised, "dana", "event")]) == [Result.WON]
    await store.cases([case.id])
    await store.cards_of(case.id)
    await store.buttons_of(card.id)
    await store.card_by_message(card.channel, card.conversation, "message")
    await store.content(case.id, 2)
    await store.asked(case.id)
    await store.small_content(case.id, 2)
    await store.visible(case.id, AUDIENCES)
    await store.history(case.id)
    await store.concluded([case.id])
    await store.put_receipts([(case.id, "jws")])
    await store.receipt(case.id)
    await store.due(NOW)
    (job, *_) = await store.claim("slack", worker="w", now=NOW, lease=1000, limit=8)
    await store.retry(job, due=NOW, error="busy")
    await store.done([job], then=[Job("draw", case.id, "slack", NOW, card.id)])
    await store.drawing(card.id, "echo")
    await store.drawn(card.id, 9)
    assert await store.seal(NOW) is not None
    await store.head()
    for status, closed, agent, requester, audiences, before in LISTED:
        await store.page(
            status=status, closed=closed, agent=agent, requester=requester,
            audiences=audiences, before=before,
        )  # fmt: skip


async def forget(store: Store) -> None:
    """Everything that is done to what is old."""
    for keep in (0, 1):
        await store.prune(NOW, keep)
    for before in ("req_0", "req_z"):
        await store.empty(before)
        await store.remove(before)
    await store.blank(NOW, NOW)
    await store.altered("crd_")
    await store.newest_cards("crd_")
    await store.forget("dana", [("slack", "U1")])


def known(store: Store) -> Mapping[str, str]:
    """The text of each statement that ran, by a name for people; but what counts open requests for
    metrics, which has to walk them."""
    dialect: Any = store._db._dialect  # type: ignore[attr-defined] # both drivers have one
    named = {
        f"{NAMES.get(statement, '')} {number}": sql.text
        for number, (statement, sql) in enumerate(dialect._known.items())
    }
    counted = [dialect.sql(_count_open(ages)).text for ages in range(8)]
    return {name: text for name, text in named.items() if text not in counted}


def walks(text: str, *, postgresql: bool) -> bool:
    """May it walk rows in order? Only where each is wanted, or closed, so that its limit ends it:
    the newest of all requests, of those that wait, and of the chain. Of one state: PostgreSQL knows
    how frequent it is, and takes the index of states for one that is not."""
    parts = re.split(r"\bUNION\b", text)
    if len(parts) > 1:
        return all(walks(part, postgresql=postgresql) for part in parts)
    where = " ".join(text.partition("WHERE")[2].partition("ORDER BY")[0].split())
    state = r"status = '[a-z]+'( AND status <> 'pending')?" if postgresql else "status = 'pending'"
    all_of = rf"({state})?( ?AND )?(cases\.id < \S+)?"
    newest = r"audit\.org = \S+ AND audit\.seq IS NOT NULL"
    return "LIMIT" in text and re.fullmatch(f"{all_of}|{newest}", where) is not None


LITTLE = ("audit_unsealed", "cards_altered")
"""Partial indexes of what is not sealed yet, or was altered: they hold little, however much there
was. What is open may be much, too."""
NAMES = {
    value: name
    for module in pkgutil.iter_modules(store_room.__path__, "approvals.store.")
    for name, value in vars(import_module(module.name)).items()
    if callable(value) or isinstance(value, sa.Executable)
}
"""What the statements are called that are not made for each question anew."""


def scanned_by_sqlite(connection: sqlite3.Connection, text: str) -> list[str]:
    """The steps of its plan that read all rows, or all of an organisation, which is as many."""
    plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", [None] * text.count("?"))
    return [said for *_, said in plan if scans(said)]


def scans(step: str) -> bool:
    found = re.match(r"(?:SCAN|SEARCH) (\w+)", step)
    index = re.search(r"INDEX (\w+)", step)
    # Only what stands first in the index, without a gap, is named here.
    by = set(re.findall(r"(\w+)[=<>]", step)) - {"org"}
    return bool(
        found and NAMED.get(found[1], found[1]) in GROWING and not by
        and not (index and index[1] in LITTLE)
    )  # fmt: skip


NAMED = {"b": "buttons", "c": "cards", "k": "cases", "s": "seen"}


async def scanned_by_postgresql(connection: asyncpg.Connection, text: str) -> list[str]:
    """As above. PostgreSQL names a condition also where the index has others before it."""
    count = max([int(n) for n in re.findall(r"\$(\d+)", text)], default=0)
    await connection.execute(f"PREPARE asked AS {text}")
    nothing = f"({', '.join(['NULL'] * count)})" if count else ""
    plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked{nothing}")
    await connection.execute("DEALLOCATE asked")
    leading: dict[str, str] = {}
    for name, made in await connection.fetch("SELECT indexname, indexdef FROM pg_indexes"):
        columns = made.partition("(")[2].partition(")")[0].split(", ")
        leading[name] = next(one for one in [*columns, ""] if one != "org")
    return [
        f"{node['Node Type']} on {node['Relation Name']} by {node.get('Index Name')}"
        for node in nodes(json.loads(plan)[0]["Plan"])
        if node.get("Relation Name") in GROWING
        and "Scan" in node["Node Type"]
        and node.get("Index Name") not in LITTLE
        and not re.search(
            rf"\b{leading.get(node.get('Index Name', ''), 'none')}\b", node.get("Index Cond", "")
        )
    ]  # fmt: skip


UNIQUE = frozenset(("request_id", "due_at", "message", "seq"))
SHARED = {"requester": 50, "agent": 50, "audience": 50, "target": 5}
"""Columns of which many rows have one value, and how many values there are."""


CLOSED = (Status.DECLINED, Status.EXPIRED, Status.WITHDRAWN)


async def grown(connection: asyncpg.Connection) -> None:
    """Each row a thousand times, under ids of its own, and counted: plans are those of a year."""
    for table in sorted(GROWING):
        own = {
            column.name: {
                "BIGINT": f"to_jsonb(n + 1000 * (r.{column.name} % 1000))",
                "TEXT": f"to_jsonb(r.{column.name} || n % {SHARED.get(column.name, 1000)})",
                "BLOB": "to_jsonb('\\x' || md5(n::text))",
            }[str(column.type)]
            for column in metadata.tables[table].columns
            if column.name in UNIQUE or column.name in SHARED or column.primary_key
            if column.name != "org"
        }
        if table == "cases":
            states = [Status.PENDING, *[Status.APPROVED] * 5, *CLOSED]
            own["status"] = (
                f"to_jsonb((ARRAY{[str(one) for one in states]})[1 + n % {len(states)}])"
            )
        changed = ", ".join(f"'{name}', {value}" for name, value in own.items())
        await connection.execute(
            f"INSERT INTO {table} SELECT (jsonb_populate_record(r, to_jsonb(r) "
            f"|| jsonb_build_object({changed}))).* "
            f"FROM {table} r, generate_series(1, 1000) n ON CONFLICT DO NOTHING"
        )
    await connection.execute("ANALYZE")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's steps. A bitmap's table is read by the index below it."""
    below = plan.get("Plans", [])
    if plan["Node Type"] == "Bitmap Heap Scan":
        below = [{"Relation Name": plan["Relation Name"], **one} for one in below]
    else:
        yield plan
    for one in below:
        yield from nodes(one)


async def test_law_32_no_statement_reads_all_that_was_ever_asked(
    store: Store, database: str
) -> None:
    await use(store)
    await forget(store)
    dialect: Any = store._db._dialect  # type: ignore[attr-defined] # both drivers have one
    for condition in ("", "closed", "agent", "requester", "audience", *map(str, Status)):
        for before, many in ((False, 1), (True, 1), (True, 3)):
            dialect.sql(select_newest(condition, before, many))
    texts, faults = known(store), dict[str, object]()
    assert len(texts) > 60, "the statements of all that was done are looked at"
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as theirs:
            for name, text in {
                **texts, "move": _move_text(2), "press": _press_text(2)
            }.items():  # fmt: skip
                if not walks(text, postgresql=False) and (found := scanned_by_sqlite(theirs, text)):
                    faults[name] = found, text
    else:
        connection = await asyncpg.connect(database, server_settings=SETTINGS)
        await grown(connection)
        for name, text in {**texts, "move": _MOVE, "press": _PRESSES}.items():
            if not walks(text, postgresql=True) and (
                found := await scanned_by_postgresql(connection, text)
            ):
                faults[name] = found, text
        await connection.close()
    assert not faults


async def test_law_32_the_clock_looks_only_at_what_is_due(store: Store, database: str) -> None:
    """Four times a second, however much waits: a range of the index by time, and no sorting."""
    await use(store)
    ((_, text),) = [one for one in known(store).items() if one[0].startswith("_select_due ")]
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as theirs:
            plan = theirs.execute(f"EXPLAIN QUERY PLAN {text}", (NOW, 100, 0)).fetchall()
        assert [said for *_, said in plan] == ["SEARCH cases USING INDEX cases_due (wake_at<?)"]
        return
    connection = await asyncpg.connect(database, server_settings=SETTINGS)
    await grown(connection)
    await connection.execute(f"PREPARE asked AS {text}")
    raw = await connection.fetchval("EXPLAIN (FORMAT JSON) EXECUTE asked(0, 0)")
    await connection.close()
    limit, scan = nodes(json.loads(raw)[0]["Plan"])
    assert (limit["Node Type"], scan["Index Name"]) == ("Limit", "cases_due")
    assert re.fullmatch(r"\(wake_at <= \$1\)", scan["Index Cond"])


async def test_law_32_what_waits_is_not_walked_through_for_what_was_decided(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many decided ones lie below 1,500 that wait; all are one person's and agent's."""
    decided = range(150)
    every = [a_case(f"req_{n:04}") for n in range(1_650)]
    for start in range(0, len(every), 150):
        opened = [opening(one) for one in every[start : start + 150]]
        assert set(await store.commit(opened)) == {Result.WON}
    closed = [Change(replace(every[n], status=Status.DECLINED, version=2), 1) for n in decided]
    assert set(await store.commit(closed)) == {Result.WON}
    looked_at = 0
    read = store._read

    async def counted(build: Any, **params: Any) -> Any:
        nonlocal looked_at
        if build is select_cases:
            looked_at += len(params["ids"])
        return await read(build, **params)

    monkeypatch.setattr(store, "_read", counted)
    newest = [f"req_{n:04}" for n in reversed(decided)][:50]
    for what in ({"status": Status.DECLINED}, {"closed": True}):
        for whose in ({"audiences": AUDIENCES}, {"agent": every[0].agent}):
            wanted: Any = {**what, **whose}
            looked_at = 0
            assert [one.id for one in await store.page(**wanted)] == newest
            assert looked_at < 400
            below = [one.id for one in await store.page(**wanted, before="req_0002")]
            assert below == ["req_0001", "req_0000"]
    looked_at = 0
    theirs = {"audiences": AUDIENCES, "agent": every[0].agent}
    assert await store.page(status=Status.EXPIRED, **theirs) == []  # type: ignore[arg-type] # real ones
    assert looked_at == 0
