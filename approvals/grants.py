"""Approvals in advance: "let the next identical request through", once, for ten minutes.

What this room holds to, each a test:

1. Who may approve the request may give one, and only for what was shown whole, never at high risk.
2. It lets through what has the same digest, which covers all that is bound, the headers too, of
   the same agent of the same requester.
3. It is used once, in the transaction of the vote that it gives; revoking it is the same event.
4. Its MAC is ours: a row that somebody wrote into the database gives no vote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Final

from approvals import audit, buttons, policy
from approvals.evidence import Entry, frame
from approvals.model import (
    MINUTE,
    Case,
    Choice,
    Duration,
    Instant,
    Person,
    Refused,
    Request,
    Status,
)
from approvals.proposal import ulid
from approvals.service import Service
from approvals.store import Grant, Store

LIFETIME: Final[Duration] = 10 * MINUTE
OFFERED: Final[Duration] = 60 * MINUTE
"""For how long after a request ran out its approvers are offered one."""
_SEAL: Final = "countersign/grant/1"


def identity(case: Case) -> str:
    """Of a request, what makes another one identical: who asks, and all that is bound."""
    what = (case.requester, case.agent, case.digest)
    return sha256(frame("countersign/identical/2", *what)).hexdigest()


def offered(service: Service, case: Case, request: Request, person: Person, now: Instant) -> bool:
    """May this person let the next one like it through? Only where its gateway cannot wait."""
    # As one who just signed in may not: no grant where the rule asks for more than being signed in.
    may = policy.may(person, case, Choice.APPROVE, policy.Page(fresh=False))
    waited = case.status is Status.EXPIRED and now < case.expires_at + OFFERED
    whole = case.complete and request.http is not None and request.http.body_complete
    return waited and whole and case.requester in service.holders and isinstance(may, policy.Seats)


def live(service: Service, found: tuple[Grant, bool], now: Instant) -> bool:
    """Not used, not revoked, not over, and ours."""
    grant, spent = found
    ours = buttons.sealed(service.trust.ring, grant.seal, _SEAL, *_said(grant))
    return ours and not spent and now < grant.expires_at


async def of(
    service: Service, store: Store, case: Case, person: Person, now: Instant
) -> Grant | None:
    """The live grant that this person gave on this request."""
    found = await store.grants(request_id=case.id)
    mine = (each for each in found if each[0].person == person.id and live(service, each, now))
    return next((grant for grant, _ in mine), None)


async def give(
    service: Service,
    store: Store,
    case: Case,
    request: Request,
    person: Person,
    *,
    now: Instant,
    random: Callable[[int], bytes],
) -> Grant:
    """Let the next identical request through. `Refused` where this person may not."""
    if not offered(service, case, request, person, now):
        raise Refused("The next one like this cannot be let through in advance.")
    if (known := await of(service, store, case, person, now)) is not None:
        return known
    id = "grt_" + ulid(now, random(10))
    made = Grant(id, identity(case), person.id, case.id, now, now + LIFETIME)
    made = replace(made, seal=buttons.seal(service.trust.ring, _SEAL, *_said(made)))
    await store.add_grant(made, [_entry(audit.Kind.GRANT_GIVEN, made, now, random)])
    return made


async def revoke(
    store: Store, grant: Grant, *, now: Instant, random: Callable[[int], bytes]
) -> bool:
    """Take it back. False: it was used, or revoked."""
    return await store.spend(grant.id, [_entry(audit.Kind.GRANT_REVOKED, grant, now, random)])


async def use(service: Service, store: Store, case: Case, *, now: Instant) -> None:
    """Give the votes that were given in advance to a request like this, one for each person."""
    if not (case.open and case.complete):
        return
    voted = {vote.person for vote in case.votes}
    for found in await store.grants(identity=identity(case)):
        grant, _ = found
        person = service.trust.directory.person(grant.person)
        if person is None or person.id in voted or not live(service, found, now):
            continue
        answer = await service.granted(person, case, grant.id, grant.expires_at)
        if answer.counted:
            voted.add(person.id)


def _said(grant: Grant) -> tuple[str | int, ...]:
    what = (grant.id, grant.org, grant.identity, grant.person, grant.request_id)
    return *what, grant.at, grant.expires_at


def _entry(kind: audit.Kind, grant: Grant, now: Instant, random: Callable[[int], bytes]) -> Entry:
    said = {"grant": grant.id, "person": grant.person, "identity": grant.identity}
    return audit.entry(kind, now, random, grant.request_id, **said)
