"""Turns what a requester sent into the request that people are asked about.

A gateway's title and facts are facts. An agent's are its own words: they go into the claims, and
whom it acts for comes from the configuration, never from its body. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from approvals import cards, policy
from approvals.conditions import Value
from approvals.decoders import decode
from approvals.model import (
    ORG,
    Agent,
    Ask,
    Case,
    Duration,
    Fact,
    Http,
    Instant,
    Kind,
    Refused,
    Request,
    Requester,
    Risk,
)
from approvals.packs import Rule as PackRule
from approvals.packs import RuleBook, Verb
from approvals.reading import Reading, doubting_headers
from approvals.reading.presentation import Presented, Words, present, said


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a requester sent, well-formed but not believed yet. `payload` is JCS text.

    `summary`: `http.body` is a gateway's description of the body, not its bytes. `some_headers`: it
    may send headers that it does not list, so no rule is sure of one, and no words name its value.
    `hints`: the title and facts are a description too, and the words of a pack, which knows the
    service, take precedence. `mark`: facts by which its gateway finds it again; no words of a rule
    or pack replace them. `remind`: when to remind the approvers, if the rule does not say.
    """

    action: str
    agent: Agent
    title: str | None = None
    http: Http | None = None
    payload: str | None = None
    facts: tuple[Fact, ...] = ()
    note: str | None = None
    risk: Risk | None = None
    expires_in: Duration | None = None
    decoded: Mapping[str, Value] = field(default_factory=dict)
    summary: bool = False
    some_headers: bool = False
    hints: bool = False
    mark: tuple[Fact, ...] = ()
    remind: tuple[Duration, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """`subject`: what rules see. `pack`: the rule of a pack that describes this request. `listed`:
    the one that would, were no more headers sent than are listed."""

    request: Request
    subject: policy.Subject
    reading: Reading
    pack: PackRule | None
    listed: PackRule | None

    @property
    def risk(self) -> Risk | None:
        """How bad the pack says a wrong approval would be; what it would deny is high."""
        packs = [one for one in (self.pack, self.listed) if one is not None]
        risks = (Risk.HIGH if one.verb is Verb.DENY else one.risk for one in packs)
        return max((one for one in risks if one is not None), key=Risk.rank, default=None)


def bind(
    by: Requester,
    asked: Proposal,
    reading: Reading,
    book: RuleBook,
    *,
    request_id: str,
    revision: int,
    now: Instant,
) -> Bound:
    """The request, with its digest, and what rules see of it.

    `reading`: of what is asked (of a summary: of its address only). Rules see what we decoded, or a
    gateway that held the request; what we decoded of an agent's request are its facts. Raises
    `Refused` for an agent id that is not this requester's.
    """
    agent, http = asked.agent, asked.http
    if by.agents is not None and agent.id not in by.agents:
        raise Refused(f"requester {by.name!r} may not speak for agent {agent.id!r}")
    trusted = by.kind is Kind.GATEWAY
    people = by.people_of(agent.id)
    behalf = people.on_behalf_of or (agent.on_behalf_of if trusted else None)
    digest = cards.digest_of(
        http, asked.payload, revision=revision, action=asked.action, summary=asked.summary
    )
    name, target, dialect = asked.action, reading.target, reading.dialect
    plain = policy.Subject.of(by.name, agent.id, name, http, dialect=dialect, target=target)

    def knowing(ours: Mapping[str, Value]) -> policy.Subject:
        return replace(plain, decoded={**asked.decoded, **ours} if trusted else ours)

    ours = decode(plain, reading, book.decoders)
    subject = knowing(ours)
    pack = listed = book.describes(subject)
    if asked.some_headers:
        reading = doubting_headers(reading)
        ours = decode(plain, reading, book.decoders)
        subject = knowing(ours)
        pack = book.describes(subject)
        doubts = {**subject.doubts, "header": "Other headers may be sent than are listed."}
        subject = replace(subject, doubts=doubts)
    request = Request(
        id=request_id,
        org=ORG,
        revision=revision,
        requester=by.name,
        kind=by.kind,
        agent=Agent(agent.id, agent.name, behalf),
        action=asked.action,
        http=http,
        payload=asked.payload,
        digest=digest,
        created_at=now,
        title=asked.title if trusted else None,
        facts=asked.facts if trusted else tuple(_fact(*item) for item in ours.items()),
        claimed_title=None if trusted else asked.title,
        claimed_facts=() if trusted else asked.facts,
        note=asked.note,
    )
    return Bound(request, subject, reading, pack, listed)


def worded(bound: Bound, asked: Proposal, words: Words) -> Request:
    """The request in the words of its rule, else of a gateway that decoded it, else of a pack, else
    of the reader of its protocol."""
    request = bound.request
    own = present(words, bound.reading)
    packs = present(bound.pack.words, bound.reading) if bound.pack is not None else Presented()
    gateway = request.kind is Kind.GATEWAY
    theirs = Presented(request.title, request.facts if gateway else ())
    first, second = (packs, theirs) if asked.hints else (theirs, packs)
    facts = own.facts or first.facts or second.facts or request.facts
    return replace(
        request,
        title=own.title or first.title or second.title or said(bound.reading),
        facts=(*facts, *(asked.mark if gateway else ())),
    )


def barred(by: Requester, asked: Agent) -> tuple[str, ...]:
    """Whom four eyes bar: the agent's people, and the person whom a gateway names in its request.

    The configuration says whose an agent is. A gateway that names somebody else too makes it
    stricter, never looser: that person is barred as well.
    """
    stated = (asked.on_behalf_of,) if by.kind is Kind.GATEWAY and asked.on_behalf_of else ()
    return tuple(dict.fromkeys((*stated, *by.people_of(asked.id).ids())))


@dataclass(frozen=True, slots=True)
class Draft:
    """A case as it would be opened. `refused`: why the rules turn it away; None where they ask."""

    request: Request
    case: Case
    refused: str | None


def draft(
    by: Requester,
    asked: Proposal,
    reading: Reading,
    rules: policy.Policy,
    book: RuleBook,
    *,
    request_id: str,
    revision: int,
    now: Instant,
) -> Draft:
    """What is asked, of whom and how, in whose words. Raises as `bind`."""
    bound = bind(by, asked, reading, book, request_id=request_id, revision=revision, now=now)
    risk = max((one for one in (asked.risk, bound.risk) if one), key=Risk.rank, default=None)
    found = policy.decide(rules, bound.subject, risk=risk, expires_in=asked.expires_in)
    request = worded(bound, asked, policy.words_of(rules, found.rule))
    ask = found if isinstance(found, Ask) else Ask(found.rule, (), policy=rules.digest)
    ask = replace(ask, remind=ask.remind or asked.remind)
    case = Case(
        id=request.id,
        org=ORG,
        revision=revision,
        digest=request.digest,
        requester=by.name,
        agent=request.agent.id,
        ask=ask,
        created_at=now,
        expires_at=now + ask.expires,
        barred=barred(by, asked.agent) if ask.four_eyes else (),
        inspectable=cards.inspectable(request, reading, opaque=ask.opaque),
        complete=request.complete,
        shown=cards.fingerprint(request),
    )
    denied = isinstance(found, policy.Deny)
    return Draft(request, case, f"Refused by the rule {ask.rule!r}." if denied else None)


def _fact(name: str, value: Value) -> Fact:
    text = ", ".join(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
    return Fact(name.replace("_", " ").capitalize(), str(text))


def ulid(now: Instant, random: bytes) -> str:
    """26 characters that sort by time: 48 bits of `now`, 80 of `random` (the ULID layout)."""
    return _spelt((now << 80) | int.from_bytes(random[:10], "big"))


def made_at(id: str) -> Instant:
    """When the id was made that ends in this ULID."""
    at = 0
    for digit in id[-26:]:
        at = at << 5 | _DIGITS.index(digit)
    return at >> 80


class Ulids:
    """ULIDs that sort in the order in which they were made here, also within one millisecond:
    lists show what came first as the first (https://github.com/ulid/spec#monotonicity)."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0

    def next(self, now: Instant, random: bytes) -> str:
        """Of this instant; of the same one, a little above the one before."""
        number = (now << 80) | int.from_bytes(random[:10], "big")
        if now == self._last >> 80:
            number = self._last + 1 + int.from_bytes(random[:5], "big")
        self._last = number
        return _spelt(number)


_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _spelt(number: int) -> str:
    return "".join(_DIGITS[(number >> (5 * i)) & 31] for i in range(25, -1, -1))
