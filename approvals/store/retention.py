"""What is deleted for good, and the little that stays of it.

Every script here is a short transaction over a few rows, however much there is to delete: taps
commit between them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import takewhile
from typing import Any, Final

import sqlalchemy as sa

from approvals.evidence import Entry
from approvals.model import ORG, Case, Duration, Instant, Status
from approvals.store.cards import card_of, select_cards
from approvals.store.cases import (
    CASE,
    IS_OPEN,
    case_of,
    delete_audiences,
    select_cases,
    state_row,
    terms_row,
)
from approvals.store.meta import put_meta, select_meta
from approvals.store.outbox import write
from approvals.store.people import moved
from approvals.store.requests import delete_contents
from approvals.store.statements import (
    P,
    Params,
    Row,
    Script,
    Statement,
    delete_by,
    one,
    select,
    update,
)
from approvals.store.subject import Subject
from approvals.store.tables import (
    accounts,
    audit,
    buttons,
    cards,
    cases,
    contents,
    grants,
    idempotency,
    link_codes,
    linked,
    login_links,
    receipts,
    seen,
    sessions,
    tokens,
    windows,
)

PAGE: Final = 1000
"""Rows that are looked at in one read."""
SOME: Final = 5
"""Requests in one transaction. Their bodies may be 10 MiB each, and every page of one is freed."""
ENTRIES: Final = 250
"""Audit entries in one transaction."""
NOBODY: Final = "(erased)"
"""Stands where an erased person was named. No person of a configuration can be called so."""
_RETIRE: Final = 0x636F756E03
"""The advisory lock on PostgreSQL of whoever deletes what is old."""


_LETS_IN: Final = (sessions, login_links, link_codes, tokens, grants)
"""Tables of what lets a person in, or gives an approval in advance."""


# What ends by itself


def _ageing(now: Instant, keep: Duration) -> Iterator[tuple[sa.Table, str, Instant]]:
    """Tables, the column that says how old a row is, and from when on it stays."""
    for table in _LETS_IN:
        yield table, "expires_at", now
    for table in (seen, idempotency, windows):
        yield table, "at", now - keep


@lru_cache
def _select_ages_of(table: sa.Table, column: str, after: bool) -> Statement:
    """Keys and ages of a page of rows, in the order of the key; with `after`, above a key."""
    keys = list(table.primary_key)
    what = sa.select(*keys, table.c[column]).order_by(*keys).limit(P("most"))
    if not after:
        return what
    last = sa.tuple_(*(P(f"{key.name}_", type_=key.type) for key in keys))
    return what.where(sa.tuple_(*keys) > last)


def _key_of(table: sa.Table, row: Row) -> Params:
    """The parameters that name a row of `ages`."""
    return {f"{key.name}_": value for key, value in zip(table.primary_key, row, strict=False)}


@lru_cache
def _delete_old(table: sa.Table, column: str) -> Statement:
    """One row by its key, unless it was renewed meanwhile."""
    mine = [key == P(f"{key.name}_", type_=key.type) for key in table.primary_key]
    return table.delete().where(*mine, table.c[column] < P("before"))


# Requests

_delete_cards: Final = delete_by(cards, "request_id")
_delete_receipt: Final = delete_by(receipts, "request_id")
_delete_case: Final = delete_by(cases, "id")
_delete_buttons: Final = buttons.delete().where(
    buttons.c.card_id.in_(select(cards, ["id"], "request_id"))
)
_request: Final = contents.c.request_id
_select_with_content: Final = (
    sa.select(_request)
    .distinct()
    .where(_request < P("before_"), ~sa.exists().where(cases.c.id == _request, IS_OPEN))
    .order_by(_request)
    .limit(P("most"))
)
_select_closed: Final = (
    sa.select(cases.c.id)
    .where(cases.c.id < P("before_"), sa.text(f"status <> '{Status.PENDING}'"))
    .order_by(cases.c.id)
    .limit(P("most"))
)
_blanked: Final = audit.update().values(content=sa.null(), salt=sa.null())
_update_erased: Final = _blanked.where(
    audit.c.request_id == P("request_id_"), audit.c.seq.is_not(None), audit.c.salt.is_not(None)
).returning(audit.c.id)


def _empty_one(request_id: str) -> Script[int]:
    """Erase content, cards, buttons, and the texts of audit entries: how many. Who decided what,
    the receipt and the chain's links stay."""
    key = {"request_id_": request_id}
    yield _delete_buttons, key
    yield _delete_cards, key
    erased = yield _update_erased, key
    yield delete_contents, key
    return len(erased)


def _erase_one(request_id: str, told: Callable[[int], Entry]) -> Script[int]:
    many = yield from _empty_one(request_id)
    yield from write([told(many)])
    return many


def _empty(before: str) -> Script[int]:
    """Erase what some closed requests below this id asked; of how many."""
    found = yield _select_with_content, {"before_": before, "most": SOME}
    for (request_id,) in found:
        yield from _empty_one(request_id)
    return len(found)


def _remove(before: str) -> Script[int]:
    """Delete some closed requests below this id; how many. Their audit entries stay, erased."""
    found = yield _select_closed, {"before_": before, "most": SOME}
    for (request_id,) in found:
        yield from _empty_one(request_id)
        key = {"request_id_": request_id}
        yield _delete_receipt, key
        yield delete_audiences, key
        yield _delete_case, {"id_": request_id}
    return len(found)


# Audit entries

_MARK: Final = "erased:"
"""Begins the `meta` key that says up to which entry all texts are erased, of an organisation."""
_select_ages: Final = (
    sa.select(audit.c.seq, audit.c.at)
    .where(audit.c.org == P("org_"), audit.c.seq > P("after"))
    .order_by(audit.c.seq)
    .limit(P("most"))
)
_update_blanked: Final = _blanked.where(
    audit.c.org == P("org_"), audit.c.seq == P("seq_"), audit.c.salt.is_not(None)
)


def _blank(seqs: Sequence[int], org: str) -> Script[None]:
    """Erase the texts of sealed entries; their commitments and links stay."""
    yield _update_blanked, [{"org_": org, "seq_": seq} for seq in seqs]


def _blank_before(before: Instant, now: Instant, org: str) -> Script[int]:
    """Erase the texts of some entries that are older; how many."""
    mark = yield select_meta, {"key_": _MARK + org}
    after = int(mark[0][0]) if mark else 0
    found = yield _select_ages, {"org_": org, "after": after, "most": ENTRIES}
    # As far as they are old: their order is that of sealing, which is all but that of time. One
    # that a wrong clock dated into the future holds up none.
    old = [seq for seq, _ in takewhile(lambda row: not before <= row[1] <= now, found)]
    if old:
        yield from _blank(old, org)
        yield from put_meta(_MARK + org, str(old[-1]), False)
    return len(old)


# People

_delete_window: Final = delete_by(windows, "org", "channel", "account")
_OF_A_PERSON: Final = tuple(
    delete_by(table, "org", "person") for table in (*_LETS_IN, accounts, linked)
)
_OF_EVERYBODY: Final = tuple(map(delete_by, _LETS_IN))


def _sign_everybody_out() -> Script[None]:
    for build in _OF_EVERYBODY:
        yield build, {}


def _forget(person: str, known: Sequence[tuple[str, str]], org: str) -> Script[None]:
    """All that lets them in or reaches them. `known`: channel and account each."""
    for build in _OF_A_PERSON:
        yield build, {"org_": org, "person_": person}
    yield from moved()
    for channel, account in known:
        yield _delete_window, {"org_": org, "channel_": channel, "account_": account}


_select_page: Final = (
    select(cases, CASE, "org", order="id").where(cases.c.id > P("after_")).limit(P("most"))
)
_update_rewritten: Final = update(cases, ("terms", "state"), "id", "version")


def _unname(ids: Sequence[str], person: str, org: str) -> Script[None]:
    """Take a person out of closed cases: their name, their reasons, their cards.

    The MACs stay as they were, since receipts name them; they can prove nothing any more.
    """
    # The cards before the cases, as everywhere, so that none waits in a ring.
    for row in (yield select_cards, {"ids": list(ids)}):
        card = card_of(row)
        if card.person == person:
            yield _delete_buttons_of, {"card_id_": card.id}
            yield _delete_card, {"id_": card.id}
    for row in (yield select_cases, {"ids": list(ids)}):
        case = case_of(row)
        votes = tuple(
            replace(vote, person=NOBODY, reason=None) if vote.person == person else vote
            for vote in case.votes
        )
        theirs = any(vote.person == person and vote.reason for vote in case.votes)
        case = replace(
            case,
            votes=votes,
            reason=None if theirs else case.reason,
            barred=tuple(NOBODY if one == person else one for one in case.barred),
        )
        said = {"terms": terms_row(case), "state": state_row(case)}
        yield _update_rewritten, {"id_": case.id, "version_": case.version, **said}


_delete_buttons_of: Final = delete_by(buttons, "card_id")
_delete_card: Final = delete_by(cards, "id")


class RetentionStore(Subject):
    """What ends by itself, and what is erased."""

    async def prune(self, now: Instant, keep: Duration) -> None:
        """Delete what has expired, and seen events and idempotency keys older than `keep`.

        `keep` must exceed the time for which any platform or requester repeats itself. Everything
        is read, a page at a time, and only what is old is written.
        """
        for table, column, before in _ageing(now, keep):
            key: Mapping[str, Any] = {}
            full = True
            while full:
                build = _select_ages_of(table, column, bool(key))
                page = await self._read(build, **key, most=PAGE)
                old = [row for row in page if row[-1] is not None and row[-1] < before]
                if old:
                    params = [{**_key_of(table, row), "before": before} for row in old]
                    gone = _delete_old(table, column)
                    await self._db.alone(one(gone, params))
                full = len(page) == PAGE
                key = _key_of(table, page[-1]) if full else {}

    async def empty(self, before: str) -> int:
        """Erase what a few closed requests with ids below `before` asked, and their cards.

        How many; 0: there are no more, or another copy is at it. Call it until then.
        """
        return await self._db.locked(_empty(before), _RETIRE) or 0

    async def remove(self, before: str) -> int:
        """Delete a few closed requests with ids below `before`, receipts too; as `empty`."""
        return await self._db.locked(_remove(before), _RETIRE) or 0

    async def blank(self, before: Instant, now: Instant, *, org: str = ORG) -> int:
        """Erase the texts of a few sealed audit entries that are older; as `empty`."""
        return await self._db.locked(_blank_before(before, now, org), _RETIRE) or 0

    async def blank_entries(self, seqs: Sequence[int], *, org: str = ORG) -> None:
        """Erase the texts of these sealed audit entries; their commitments and links stay."""
        for start in range(0, len(seqs), ENTRIES):
            some = seqs[start : start + ENTRIES]
            await self._db.write(_blank(some, org))

    async def forget(
        self, person: str, known: Sequence[tuple[str, str]], *, org: str = ORG
    ) -> None:
        """Delete all that lets a person in or reaches them. `known`: channel, account each."""
        await self._db.write(_forget(person, known, org))

    async def sign_everybody_out(self) -> None:
        """Delete every session, sign-in link, personal token, linking code and grant."""
        await self._db.write(_sign_everybody_out())

    async def every_case(self, *, org: str = ORG) -> AsyncIterator[list[Case]]:
        """All that there are, the oldest first, some at a time."""
        after = ""
        while found := await self._read(_select_page, org_=org, after_=after, most=PAGE):
            yield [case_of(row) for row in found]
            after = found[-1][0]

    async def unname(self, ids: Sequence[str], person: str, *, org: str = ORG) -> None:
        """Take a person out of closed cases, and delete their cards of these."""
        for start in range(0, len(ids), SOME):
            some = ids[start : start + SOME]
            await self._db.write(_unname(some, person, org))

    async def erase(self, request_id: str, told: Callable[[int], Entry]) -> int:
        """Delete a request's content and cards, and text and salt of its sealed entries: how many.

        `told`: the entry that says so, which commits with it. What is not sealed yet stays, or it
        could never be linked: `seal` first.
        """
        return await self._db.write(_erase_one(request_id, told))
