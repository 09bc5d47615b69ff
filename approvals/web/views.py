"""What each page says, as values made from a case, its request and the person who looks; pure.

Every string that somebody else wrote has passed `text.clean`; the templates escape what is left.
Nothing is shortened on the page of a request: it is the place that shows all of what is bound.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, urlencode

from approvals import cards, policy, text, words
from approvals.model import (
    Case,
    Choice,
    Fact,
    Http,
    Instant,
    Kind,
    Person,
    Request,
    Risk,
    Status,
)

GLANCE: Final = 3
"""Facts in a row of the list: as much as a phone shows without scrolling."""
CUT: Final = 500
"""Characters of a title or fact in a list; its page has the rest."""

INDENT_SIZE: Final = 200_000
INDENT_DEPTH: Final = 32
"""Beyond these the exact text alone is shown: indenting could make a page of gigabytes."""


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
    """After a decision: how the case stands now, what the person did, what came of it, and which
    of the `left` others is next."""

    item: Item
    own: str | None
    outcome: str | None
    next: str | None
    left: int


@dataclass(frozen=True, slots=True)
class HttpShown:
    method: str
    host: str
    url: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a body, or the payload. `cut`: the rest was never received."""

    title: str
    size: str
    text: str
    binary: bool
    cut: bool
    indented: str | None


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
    facts: tuple[Fact, ...]
    http: HttpShown | None
    body: Body | None
    claimed_name: str | None
    claimed_title: str | None
    claimed_facts: tuple[Fact, ...]
    note: str | None
    tense: str
    """Of what is asked: it "will be", "was" or "would have been" sent."""
    votes: tuple[VoteShown, ...]
    outcome: str | None
    receipt: bool
    say: str | None
    can_approve: bool
    can_decline: bool
    sign_in: bool
    """They may approve, but only after signing in again: no Approve button, but the way to it."""
    unseen: bool
    grant: GrantShown = GrantShown()


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


def calm(title: str, line: str, icon: str, href: str | None = "/inbox") -> Message:
    """Nothing is wrong, and nothing came of it."""
    return Message(title, (line,), "calm", icon, href=href)


ERASED: Final = Head("Its content was erased", "", "", ())


def head(request: Request, *, salt: bytes) -> Head:
    """What a list says of a request. `salt`: of redactions."""
    facts = tuple(Fact(f.label[:CUT], f.value[:CUT]) for f in _facts(request.facts[:GLANCE]))
    return Head(
        title(request, salt=salt)[:CUT], text.clean(request.action)[:CUT], _agent(request), facts
    )


def voice(names: Mapping[str, str], case: Case, person: Person) -> words.Voice:
    """How the pages speak to this person of this case."""
    seated = isinstance(_may_approve(case, person), policy.Seats)
    return words.Voice(names=names, reader=person.id if seated else None)


def item(
    case: Case, shown: Head, person: Person, names: Mapping[str, str], now: Instant | None = None
) -> Item:
    """How a case looks in the list to `person`. `names`: people's, by id."""
    said, may = voice(names, case, person), _may_approve(case, person)
    own = words.own(case, said)
    needs = policy.needs(case.ask.quorum, case.votes) if case.open else ()
    why = own
    if case.open and own is None and isinstance(may, policy.No):
        why = may.why
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
        mine=case.open and own is None and isinstance(may, policy.Seats),
        why=why,
    )


def title(request: Request, *, salt: bytes) -> str:
    """A gateway's title; else what we read ourselves, redacted. Never the agent's words."""
    if request.kind is Kind.GATEWAY and request.title and request.title.strip():
        return text.clean(text.redact(request.title, salt).text)
    if request.http is None:
        return text.clean(text.redact(cards.plain_action(request.action), salt).text)
    method, found = text.clean(request.http.method), _ADDRESS.fullmatch(request.http.url)
    if found is None:
        return f"{method} to an address that is not plain"
    host, path, _ = text.redact_address(found[1], found[2] or "/", "", salt)
    named = text.clean(host.text) if host.changed else text.show_host(host.text)
    return f"{method} {named}{text.clean(path.text)}"


def may_decide(case: Case, person: Person) -> bool:
    """Does it wait for this person: may they approve it on a page, and have not voted?"""
    voted = any(v.person == person.id and v.revision == case.revision for v in case.votes)
    return case.open and not voted and isinstance(_may_approve(case, person), policy.Seats)


def _may_approve(case: Case, person: Person) -> policy.Seats | policy.No:
    """As if they had just signed in: to do that is theirs."""
    return policy.may(person, case, Choice.APPROVE, tier=None, page=True, fresh=True)


def whole(
    case: Case,
    request: Request,
    person: Person,
    *,
    fresh: bool,
    receipt: bool,
    salt: bytes,
    names: Mapping[str, str],
    now: Instant | None = None,
    grant: GrantShown = GrantShown(),
) -> Whole:
    """Everything about a request. `fresh`: the person signed in not more than five minutes ago.

    Titles are redacted, and credentials in headers that exist for nothing else, as on cards; all
    else is shown whole, because this page is where it can be seen. `names`: people's, by id.
    """
    said = voice(names, case, person)
    named = title(request, salt=salt)
    shown = replace(item(case, head(request, salt=salt), person, names, now), title=named)
    approve = policy.may(person, case, Choice.APPROVE, tier=None, page=True, fresh=fresh)
    rested = _may_approve(case, person)
    decline = policy.may(person, case, Choice.DECLINE, tier=None, page=True, fresh=fresh)
    voted = any(v.person == person.id and v.revision == case.revision for v in case.votes)
    can_approve = case.open and not voted and isinstance(approve, policy.Seats)
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
    return Whole(
        item=shown,
        version=case.version,
        revision=case.revision,
        digest=case.digest,
        rule=text.clean(", and perhaps ".join((case.ask.rule, *case.ask.also))),
        requester=text.clean(case.requester),
        on_behalf_of=said.name(request.agent.on_behalf_of) if request.agent.on_behalf_of else None,
        complete=case.complete,
        summary=cards.summarised(case.digest),
        facts=_facts(request.facts),
        http=_http(request.http, salt) if request.http else None,
        body=_body(request),
        claimed_name=text.clean(name) if name else None,
        claimed_title=text.clean(request.claimed_title) if request.claimed_title else None,
        claimed_facts=_facts(request.claimed_facts),
        note=text.clean(request.note, line=False) if request.note else None,
        tense=words.tense(case),
        votes=tuple(
            VoteShown(
                said.name(v.person),
                v.choice,
                v.channel,
                v.at,
                text.clean(v.reason, line=False) if v.reason else None,
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
        unseen=not case.complete,
        grant=grant,
    )


def indented(source: str) -> str | None:
    """JSON with white space added between its values and nothing else changed; None if it is none.

    The text is not parsed and written again: numbers, escapes, and keys that come twice stay.
    """
    if len(source) > INDENT_SIZE:
        return None
    try:
        if not isinstance(json.loads(source), dict | list):
            return None
    except (ValueError, RecursionError):
        return None
    out: list[str] = []
    depth, quoted, escaped = 0, False, False
    for i, c in enumerate(source):
        if quoted:
            out.append(c)
            quoted = escaped or c != '"'
            escaped = not escaped and c == "\\"
        elif c == '"':
            quoted = True
            out.append(c)
        elif c in "{[":
            empty = _CLOSES.match(source, i + 1) is not None
            depth += 1
            if depth > INDENT_DEPTH:
                return None
            out.append(c if empty else c + "\n" + "  " * depth)
        elif c in "}]":
            depth -= 1
            out.append(c if out[-1] in ("{", "[") else "\n" + "  " * depth + c)
        elif c == ",":
            out.append(",\n" + "  " * depth)
        elif c == ":":
            out.append(": ")
        elif c not in " \t\r\n":
            out.append(c)
    return "".join(out)


def size(count: int) -> str:
    """A number of bytes in words: exact up to 1 kB, then both."""
    if count < 1000:
        return f"{count} byte" + ("" if count == 1 else "s")
    return f"{count / 1000:.1f} kB ({count:,} bytes)"


def _agent(request: Request) -> str:
    """Its id; its name too where a gateway says it."""
    agent = request.agent
    if request.kind is Kind.GATEWAY and agent.name and agent.name.strip():
        return f"{text.clean(agent.name)} ({text.clean(agent.id)})"
    return text.clean(agent.id)


def _facts(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    return tuple(Fact(text.clean(f.label), text.clean(f.value)) for f in facts)


def _host(url: str) -> str:
    found = _ADDRESS.fullmatch(url)
    return text.show_host(found[1]) if found else "The address is not plain: look at it closely"


def _http(http: Http, salt: bytes) -> HttpShown:
    _, _, query = http.url.partition("?")
    try:
        pairs = parse_qsl(
            query.partition("#")[0], keep_blank_values=True, errors="backslashreplace"
        )
    except ValueError:
        pairs = [("(not decodable)", query)]
    return HttpShown(
        method=text.clean(http.method),
        host=_host(http.url),
        url=text.clean(http.url),
        query=tuple((text.clean(n), text.clean(v)) for n, v in pairs),
        headers=tuple(
            (text.clean(n), text.clean(v)) for n, v in text.hide_credentials(http.headers, salt)
        ),
    )


def _body(request: Request) -> Body | None:
    if request.http is None:
        payload = request.payload or ""
        pretty = indented(payload)
        return Body(
            title="Payload (JSON)",
            size=size(len(payload.encode(errors="surrogatepass"))),
            text=text.clean(payload, line=False),
            binary=False,
            cut=False,
            indented=text.clean(pretty, line=False) if pretty else None,
        )
    body = request.http.body
    kinds = [v for n, v in request.http.headers if n.lower() == "content-type"]
    summary = cards.summarised(request.digest)
    kind = kinds[0] if len(kinds) == 1 and not summary else None
    shown = text.show_bytes(body, kind)
    pretty = None if shown.binary else indented(text.decode(body, kind) or "")
    return Body(
        title="Body, summed up" if summary else "Body (hexadecimal)" if shown.binary else "Body",
        size=size(len(body)),
        text=shown.text,
        binary=shown.binary,
        cut=not request.http.body_complete and not summary,
        indented=text.clean(pretty, line=False) if pretty else None,
    )


_CLOSES: Final = re.compile(r"[ \t\r\n]*[\]}]")
# No backslash, blank, user name or fragment: parsers disagree about what those mean.
_ADDRESS: Final = re.compile(
    r"https?://([^\x00-\x20/?#@\\%<>^|\"`{}\s]+)(/[^?#\s]*)?(?:\?[^#\s]*)?", re.IGNORECASE
)
