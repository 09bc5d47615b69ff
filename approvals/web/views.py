"""What each page says, as values made from a case, its request and the person who looks; pure.

Every string that somebody else wrote has passed `text.clean`; the templates escape what is left.
Nothing is shortened on the page of a request: it is the place that shows all of what is bound
(`sheet`). Secrets are hidden there, too, until a press shows one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from approvals import cards, policy, text, words
from approvals.model import (
    Case,
    Choice,
    Fact,
    Instant,
    Kind,
    Person,
    Request,
    Risk,
    Status,
)
from approvals.port import Notice, NoticeKind
from approvals.web.sheet import Sheet

GLANCE: Final = 3
"""Facts in a row of the list: as much as a phone shows without scrolling."""
CUT: Final = 500
"""Characters of a title or fact in a list; its page has the rest."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a list says of a request, whatever its size. Cleaned."""

    title: str
    action: str
    agent: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One row of the list, and the head of the request's page."""

    id: str
    title: str
    status: Status
    label: str
    state: str
    risk: Risk
    action: str
    agent: str
    created_at: Instant
    expires_at: Instant
    decided_at: Instant | None
    facts: tuple[Fact, ...]
    progress: str
    mine: bool
    """The person who looks may approve it, and has not yet."""
    why: str | None
    """Why it is not theirs to decide, or what they did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How the list was asked for: what is chosen in its form. "": everything."""

    tab: str = "waiting"
    sort: str = "deadline"
    agent: str = ""
    rule: str = ""
    risk: str = ""
    mine: bool = False
    q: str = ""

    @property
    def filtered(self) -> bool:
        return bool(self.agent or self.rule or self.risk or self.mine or self.q)

    def query(self, **more: str) -> str:
        """As the query of an address, "" or with its question mark."""
        given = {"tab": self.tab if self.tab != "waiting" else ""}
        given |= {"q": self.q, "agent": self.agent, "rule": self.rule, "risk": self.risk}
        given |= {"mine": "1" if self.mine else ""}
        given |= {"sort": self.sort if self.sort != "deadline" else "", **more}
        chosen = {name: value for name, value in given.items() if value}
        return f"?{urlencode(chosen)}" if chosen else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """The list. `older` and `newer` are addresses of other pages of it, where there are any."""

    asked: Asked
    mine: tuple[Item, ...]
    others: tuple[Item, ...]
    count: int
    """How many wait for the person who looks, whatever is filtered."""
    more: bool
    """There are more than were looked through."""
    agents: tuple[tuple[str, str], ...] = ()
    """To choose from: the value and how it is shown."""
    rules: tuple[tuple[str, str], ...] = ()
    together: int = 0
    """How many of low risk can be decided together."""
    older: str | None = None
    newer: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """After a decision: how the case stands now, that it goes on (None: it does not, or did), and
    which of the `left` others is next."""

    item: Item
    goes_on: str | None
    next: str | None
    left: int


@dataclass(frozen=True, slots=True)
class VoteShown:
    person: str
    choice: Choice
    channel: str
    at: Instant
    reason: str | None
    unseen: bool
    revision: int
    old: bool


@dataclass(frozen=True, slots=True)
class GrantShown:
    """May the person who looks let the next identical request through; until when they did."""

    offered: bool = False
    until: Instant | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """The page of one request."""

    item: Item
    version: int
    revision: int
    digest: str
    rule: str
    requester: str
    on_behalf_of: str | None
    complete: bool
    summary: bool
    """The body is a gateway's description of it."""
    http: bool
    sheet: Sheet
    reveals: bool
    """The person who looks may have secrets shown."""
    page_only: str | None
    """Why no tap on a card may approve this, as a sentence; None where one may, or none could."""
    reasons: tuple[str, ...]
    """Ready reasons to decline with."""
    claimed_name: str | None
    claimed_title: str | None
    claimed_facts: tuple[Fact, ...]
    tense: str
    """Of what is asked: it "will be", "was" or "would have been" sent."""
    heading: str
    """What stands over the bytes, in that tense."""
    votes: tuple[VoteShown, ...]
    outcome: str | None
    receipt: bool
    say: str | None
    can_approve: bool
    can_decline: bool
    sign_in: bool
    """They may approve, but only after signing in again: no Approve button, but the way to it."""
    grant: GrantShown = GrantShown()
    rerouted: tuple[str, ...] = ()
    """Whom one entry of `via` could not reach, and how they were asked instead; a sentence each."""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to say. `tone`: good, bad, calm or plain; `command` is shown to be copied.

    `ways`: the forms by which somebody signs in here; `back`: the request they then come back to.
    """

    title: str
    lines: tuple[str, ...] = ()
    tone: str = "plain"
    icon: str = "lock"
    command: str | None = None
    href: str | None = None
    go: str = "Open the inbox"
    ways: tuple[str, ...] = ()
    who: str = ""
    back: str = ""


def calm(
    title: str, line: str, icon: str, href: str | None = "/inbox", go: str = "Open the inbox"
) -> Message:
    """A message in a calm tone: nothing went wrong."""
    return Message(title, (line,), "calm", icon, href=href, go=go)


def refused(title: str, *lines: str, back: str = "") -> Message:
    """A message that something was refused. `back`: the page to go back to, if that helps."""
    go = (back, "Back") if back else ("/inbox", "Open the inbox")
    return Message(title, lines, "bad", "declined", None, *go)


def not_counted(notice: Notice, title: str, back: str) -> tuple[int, Message]:
    """Status and page after a press on a request of this title that did not count."""
    if notice.kind is NoticeKind.CLOSED:
        return 409, calm(notice.text, title, "expired", back, "Look at it")
    return 403, refused("Not counted", title, notice.text, "Nothing was changed.", back=back)


ERASED: Final = Head("Its content was erased", "", "", ())


def head(request: Request, *, salt: bytes) -> Head:
    """What a list says of a request. `salt`: of redactions."""
    facts = tuple(Fact(f.label[:CUT], f.value[:CUT]) for f in _facts(request.facts[:GLANCE], salt))
    return Head(
        title(request, salt=salt)[:CUT],
        text.safe(request.action, salt)[:CUT],
        _agent(request),
        facts,
    )


def voice(names: Mapping[str, str], case: Case, person: Person) -> words.Voice:
    """How the pages speak to this person of this case."""
    seated = isinstance(_may_approve(case, person), policy.Seats)
    return words.Voice(names=names, reader=person.id if seated else None)


def item(
    case: Case, shown: Head, person: Person, names: Mapping[str, str], now: Instant | None = None
) -> Item:
    """How a case looks in the list to `person`. `names`: people's, by id."""
    said = voice(names, case, person)
    mine, why = theirs(case, person, said)
    needs = policy.needs(case.ask.quorum, case.votes) if case.open else ()
    return Item(
        id=case.id,
        title=shown.title,
        status=case.status,
        label=words.label(case),
        state=words.state(case, said, now=now),
        risk=case.ask.risk,
        action=shown.action,
        agent=shown.agent or text.clean(case.agent),
        created_at=case.created_at,
        expires_at=case.expires_at,
        decided_at=case.decided_at,
        facts=shown.facts,
        progress=words.progress(case, needs, said),
        mine=mine,
        why=why,
    )


def theirs(case: Case, person: Person, said: words.Voice) -> tuple[bool, str | None]:
    """Does it wait for this person; and why it is not theirs to decide, or what they did."""
    own, may = words.own(case, said), _may_approve(case, person)
    if case.open and own is None and isinstance(may, policy.No):
        return False, may.why
    return case.open and own is None, own


def title(request: Request, *, salt: bytes) -> str:
    """The operator's or the gateway's; else what we read ourselves, redacted. Never the agent's
    words, which are in `claimed_title`."""
    if request.title and request.title.strip():
        return text.safe(request.title, salt)
    if request.http is None:
        return text.safe(cards.plain_action(request.action), salt)
    method, found = text.clean(request.http.method), _ADDRESS.fullmatch(request.http.url)
    if found is None:
        return f"{method} to an address that is not plain"
    host, path, _ = text.redact_address(found[1], found[2] or "/", "", salt)
    named = text.clean(host.text) if host.changed else text.show_host(host.text)
    return f"{method} {named}{text.clean(path.text)}"


def may_decide(case: Case, person: Person) -> bool:
    """Does it wait for this person: may they approve it on a page, and have not voted?"""
    may = isinstance(_may_approve(case, person), policy.Seats)
    return case.open and may and not _voted(case, person)


def _voted(case: Case, person: Person) -> bool:
    return any(v.person == person.id and v.revision == case.revision for v in case.votes)


def may_reveal(case: Case, person: Person) -> bool:
    """May this person have a secret of it shown: somebody who decides it, or an auditor?"""
    seat = policy.may(person, case, Choice.DECLINE, policy.Page(fresh=True))
    return "auditor" in person.roles or isinstance(seat, policy.Seats)


def _may_approve(case: Case, person: Person) -> policy.Seats | policy.No:
    """May they, once they have signed in again?"""
    return policy.may(person, case, Choice.APPROVE, policy.Page(fresh=True))


def whole(
    case: Case,
    request: Request,
    sheet: Sheet,
    person: Person,
    *,
    fresh: bool,
    receipt: bool,
    salt: bytes,
    names: Mapping[str, str],
    now: Instant | None = None,
    grant: GrantShown = GrantShown(),
    rerouted: Sequence[tuple[str, str, str]] = (),
) -> Whole:
    """Everything about a request. `fresh`: the person signed in not more than five minutes ago.

    `sheet`: what it holds. `names`: people's, by id. `rerouted`: as `reroute.said_of` has it.
    """
    said = voice(names, case, person)
    named = title(request, salt=salt)
    shown = replace(item(case, head(request, salt=salt), person, names, now), title=named)
    approve = policy.may(person, case, Choice.APPROVE, policy.Page(fresh))
    rested = _may_approve(case, person)
    decline = policy.may(person, case, Choice.DECLINE, policy.Page(fresh))
    voted = _voted(case, person)
    can_approve = case.open and not voted and isinstance(approve, policy.Seats)
    can_approve = can_approve and sheet.read  # what cannot be drawn was seen by nobody
    can_decline = case.open and isinstance(decline, policy.Seats)
    sign_in = not can_approve and case.open and not voted and isinstance(rested, policy.Seats)
    say = None
    if not case.open:
        say = shown.state
    elif voted:
        say = words.own(case, said)
    elif isinstance(rested, policy.No):
        say = rested.why
    name = request.agent.name if request.kind is Kind.AGENT else None
    http, summary = request.http is not None, cards.summarised(case.digest)
    tense = words.tense(case.status, case.outcome, lapsed=words.lapsed(case, now))
    return Whole(
        item=shown,
        version=case.version,
        revision=case.revision,
        digest=case.digest,
        rule=text.clean(", and perhaps ".join((case.ask.rule, *case.ask.also))),
        requester=text.clean(case.requester),
        on_behalf_of=said.name(request.agent.on_behalf_of) if request.agent.on_behalf_of else None,
        complete=case.complete,
        summary=summary,
        http=http,
        sheet=sheet,
        reveals=may_reveal(case, person),
        page_only=sheet.refusal if case.open and sheet.read else None,
        reasons=tuple(text.clean(reason) for reason in case.ask.reasons),
        claimed_name=text.safe(name, salt) if name else None,
        claimed_title=text.safe(request.claimed_title, salt) if request.claimed_title else None,
        claimed_facts=_facts(request.claimed_facts, salt),
        tense=tense,
        heading=words.over_the_bytes(tense, http=http, summary=summary),
        votes=tuple(
            VoteShown(
                said.name(v.person),
                v.choice,
                v.channel,
                v.at,
                text.safe(v.reason, salt, line=False) if v.reason else None,
                v.unseen,
                v.revision,
                v.revision != case.revision,
            )
            for v in case.votes
        ),
        outcome=words.outcome(case, said, now=now),
        receipt=receipt,
        say=say,
        can_approve=can_approve,
        can_decline=can_decline,
        sign_in=sign_in,
        grant=grant,
        rerouted=tuple(
            f"{_entry(first)} couldn't reach {said.name(who)}, so the card goes to {_entry(next_)}."
            for who, first, next_ in rerouted
        ),
    )


def _entry(entry: str) -> str:
    """An entry of `via`, as a person reads it."""
    channel, _, room = text.clean(entry).partition(":")
    title = words.channel(channel)
    return f"{title} ({room})" if room else title


def _agent(request: Request) -> str:
    """Its id; its name too where a gateway says it."""
    agent = request.agent
    if request.kind is Kind.GATEWAY and agent.name and agent.name.strip():
        return f"{text.clean(agent.name)} ({text.clean(agent.id)})"
    return text.clean(agent.id)


def _facts(facts: Sequence[Fact], salt: bytes) -> tuple[Fact, ...]:
    return tuple(
        Fact(text.safe(f.label, salt), text.clean(text.redact_field(f.label, f.value, salt).text))
        for f in facts
    )


# No backslash, blank, user name or fragment: parsers disagree about what those mean.
_ADDRESS: Final = re.compile(
    r"https?://([^\x00-\x20/?#@\\%<>^|\"`{}\s]+)(/[^?#\s]*)?(?:\?[^#\s]*)?", re.IGNORECASE
)
