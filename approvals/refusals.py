"""A person's refusal is remembered, so that nobody learns to tap without reading.

Laws (17): the same request asked again soon is refused without a notification, with the same
reason; after `SEVERAL` refusals of one shape so are its neighbours, for a while. What a rule
refuses is not remembered: it refuses by itself. Kept in the store, so that every copy knows it.

No name that an agent chooses makes a request another one: not its own, nor that of the action
beside an HTTP request; and a request that is revised is held to what was refused before.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Final

from approvals.budgets import account_of
from approvals.cards import digest_of, summarised
from approvals.evidence import frame, rfc3339
from approvals.model import Case, Choice, Instant, Kind, Request, Requester, Status
from approvals.reading.target import read_target
from approvals.store import Store

SEVERAL: Final = 3


async def remember(store: Store, case: Case, request: Request, by: Requester, now: Instant) -> None:
    """Note that people declined this; anything else is no refusal of theirs."""
    declined = any(vote.choice is Choice.DECLINE for vote in case.votes)
    if case.status is not Status.DECLINED or not declined or not by.budget.refusals:
        return
    for key in await _keys(request, by):
        known = await store.idempotent(_of(by), key)
        if known is not None and known[1] == case.id:
            continue  # told again
        number, since = _value(known)
        again = number + 1 if abs(now - since) < by.budget.refusals else 1
        await store.remember(_of(by), key, f"{again} {now}", case.id, now)


async def lately(store: Store, by: Requester, request: Request, now: Instant) -> str | None:
    """Why this is refused without asking anybody, for the agent; None: it is not."""
    if not by.budget.refusals:
        return None
    for key, least in zip(await _keys(request, by), (1, SEVERAL), strict=True):
        known = await store.idempotent(_of(by), key)
        number, at = _value(known)
        # Also from a clock that was a little ahead; from one that was far ahead it would stay.
        if known is None or number < least or abs(now - at) >= by.budget.refusals:
            continue
        case = (await store.cases([known[1]])).get(known[1])
        reason = f" The reason was: {case.reason}" if case is not None and case.reason else ""
        until = rfc3339(at + by.budget.refusals)
        what = "The same request was declined" if least == 1 else f"{number} like it were declined"
        return f"{what} a short while ago. Asking again before {until} is of no use.{reason}"
    return None


def _of(by: Requester) -> str:
    """No requester has a line end in its name, so none can write here by a key of its own."""
    return f"{by.name}\nrefusals"


async def _keys(request: Request, by: Requester) -> tuple[str, str]:
    """Under which a refusal is kept: of exactly this request, and of its shape."""
    who, digest = account_of(by, request.agent.id), request.digest
    http, action, where = request.http, request.action, ("", "", "")
    if http is not None:
        target = read_target(http.method, http.url, http.headers)
        where = (http.method, target.host, target.path)
        action = "" if by.kind is Kind.AGENT else action
    if request.revision > 1 or action != request.action:
        # As the first revision, and without an agent's name for it. Aside: a megabyte of JSON takes
        # a second.
        digest = await asyncio.to_thread(
            digest_of,
            http,
            request.payload,
            revision=1,
            action=action,
            summary=summarised(request.digest),
        )
    same = sha256(frame("countersign/refused/2", who, digest)).hexdigest()
    shape = frame("countersign/refused/shape/2", who, action, *where)
    return f"refused {same}", f"refused like {sha256(shape).hexdigest()}"


def _value(known: tuple[str, str] | None) -> tuple[int, Instant]:
    """How many refusals in a row, and when the last one was."""
    number, _, at = (known[0] if known is not None else "0 0").partition(" ")
    return int(number), int(at)
