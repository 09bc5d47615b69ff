"""What each page says, as values made from a case, its request and the person who looks; pure.

Every string that somebody else wrote has passed `text.clean`; the templates escape what is left.
Nothing is shortened on the page of a request: it is the place that shows all of what is bound.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from approvals import cards, policy, text, words
from approvals.model import (
    Case,
    Choice,
    Fact,
    Http,
    Instant,
    Kind,
    Outcome,
    Person,
    Request,
    Risk,
    Status,
)

HEADLINES: Final = {
    Status.PENDING: "Waiting for approval",
    Status.APPROVED: "Approved",
    Status.DECLINED: "Declined",
    Status.EXPIRED: "Expired. Nothing was run.",
    Status.WITHDRAWN: "Withdrawn. Nothing was run.",
}
GLANCE: Final = 3
"""Facts in a row of the list: as much as a phone shows without scrolling."""

INDENT_SIZE: Final = 200_000
INDENT_DEPTH: Final = 32
"""Beyond these the exact text alone is shown: indenting could make a page of gigabytes."""


@dataclass(frozen=True, slots=True)
class Item:
    """One row of the list, and the head of the request's page."""

    id: str
    title: str
    status: Status
    headline: str
    risk: Risk
    action: str
    agent: str
    created_at: Instant
    expires_at: Instant
    decided_at: Instant | None
    facts: tuple[Fact, ...]
    progress: str
    yours: str | None
    """What the person who looks has done, if anything."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """The list. `older` and `newest` are addresses of other pages of it, where there are any."""

    tab: str
    items: tuple[Item, ...]
    count: str
    older: str | None = None
    newest: str | None = None


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
    seats: tuple[str, ...]
    votes: tuple[VoteShown, ...]
    needs: str
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
    """One thing to say. `tone`: good, bad, calm or plain; `command` is shown to be copied."""

    title: str
    lines: tuple[str, ...] = ()
    tone: str = "plain"
    icon: str = "lock"
    command: str | None = None
    href: str | None = None
    go: str = "Open the inbox"


def calm(title: str, line: str, icon: str, href: str | None = "/inbox") -> Message:
    """Nothing is wrong, and nothing came of it."""
    return Message(title, (line,), "calm", icon, href=href)


LARGE: Final = "Not shown in a list: open it to see what is asked"


def item(case: Case, request: Request | None, person: Person, *, salt: bytes) -> Item:
    """How a case looks in the list to `person`. None: too large to be read, or erased."""
    return Item(
        id=case.id,
        title=title(request, salt=salt) if request else LARGE,
        status=case.status,
        headline=HEADLINES[case.status],
        risk=case.ask.risk,
        action=text.clean(request.action) if request else "",
        agent=_agent(request) if request else text.clean(case.agent),
        created_at=case.created_at,
        expires_at=case.expires_at,
        decided_at=case.decided_at,
        facts=_facts(request.facts[:GLANCE]) if request else (),
        progress=_progress(case),
        yours=_yours(case, person),
    )


def title(request: Request, *, salt: bytes) -> str:
    """A gateway's title; else what we read ourselves, redacted. Never the agent's words."""
    if request.kind is Kind.GATEWAY and request.title and request.title.strip():
        return text.clean(text.redact(request.title, salt).text)
    if request.http is None:
        return text.clean(text.redact(request.action, salt).text)
    method, found = text.clean(request.http.method), _ADDRESS.fullmatch(request.http.url)
    if found is None:
        return f"{method} to an address that is not plain"
    host, path, _ = text.redact_address(found[1], found[2] or "/", "", salt)
    named = text.clean(host.text) if host.changed else text.show_host(host.text)
    return f"{method} {named}{text.clean(path.text)}"


def whole(
    case: Case,
    request: Request,
    person: Person,
    *,
    fresh: bool,
    receipt: bool,
    salt: bytes,
    grant: GrantShown = GrantShown(),
) -> Whole:
    """Everything about a request. `fresh`: the person signed in not more than five minutes ago.

    Titles are redacted, and credentials in headers that exist for nothing else, as on cards; all
    else is shown whole, because this page is where it can be seen.
    """
    shown = item(case, request, person, salt=salt)
    approve = policy.may(person, case, Choice.APPROVE, tier=None, page=True, fresh=fresh)
    rested = policy.may(person, case, Choice.APPROVE, tier=None, page=True, fresh=True)
    decline = policy.may(person, case, Choice.DECLINE, tier=None, page=True, fresh=fresh)
    voted = any(v.person == person.id and v.revision == case.revision for v in case.votes)
    can_approve = case.open and not voted and isinstance(approve, policy.Seats)
    can_decline = case.open and isinstance(decline, policy.Seats)
    sign_in = not can_approve and case.open and not voted and isinstance(rested, policy.Seats)
    say = None
    if not case.open:
        say = _closed(case)
    elif voted:
        say = "You approved this. It waits for others."
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
        on_behalf_of=text.clean(request.agent.on_behalf_of) if request.agent.on_behalf_of else None,
        complete=case.complete,
        summary=cards.summarised(case.digest),
        facts=_facts(request.facts),
        http=_http(request.http, salt) if request.http else None,
        body=_body(request),
        claimed_name=text.clean(name) if name else None,
        claimed_title=text.clean(request.claimed_title) if request.claimed_title else None,
        claimed_facts=_facts(request.claimed_facts),
        note=text.clean(request.note, line=False) if request.note else None,
        seats=tuple(f"{seats} of {group}" for group, seats in case.ask.quorum),
        votes=tuple(
            VoteShown(
                v.person,
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
        needs=_needs(case) if case.open else "",
        outcome=_outcome(case.status, case.outcome),
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


def _names(case: Case) -> str:
    return ", ".join(v.person for v in case.votes if v.revision == case.revision)


def _needs(case: Case) -> str:
    current = tuple(v for v in case.votes if v.revision == case.revision)
    return " and ".join(f"{n} of {group}" for group, n in policy.needs(case.ask.quorum, current))


def _progress(case: Case) -> str:
    seats = sum(n for _, n in case.ask.quorum)
    current = [v for v in case.votes if v.revision == case.revision]
    match case.status:
        case Status.PENDING:
            return f"{len(current)} of {seats}" if seats > 1 or current else ""
        case Status.APPROVED | Status.DECLINED:
            return f"by {_names(case)}" if current else ""
        case _:
            return ""


def _yours(case: Case, person: Person) -> str | None:
    if any(v.person == person.id and v.revision == case.revision for v in case.votes):
        return "you voted" if case.open else None
    return None


def _closed(case: Case) -> str:
    match case.status:
        case Status.APPROVED:
            return "This was approved. Nothing is left to decide."
        case Status.DECLINED:
            return "This was declined. Nothing was run."
        case Status.WITHDRAWN if case.reason:
            return f"Withdrawn. {text.clean(case.reason)}"
        case Status.WITHDRAWN:
            return "The requester took this back. Nothing was run."
        case _:
            return "Nobody decided in time. Nothing was run."


def _outcome(status: Status, outcome: Outcome | None) -> str | None:
    if status is not Status.APPROVED and outcome is None:
        return None
    if outcome is None:
        return "Not reported yet"
    return words.delivery(outcome, text.clean(outcome.error) if outcome.error else None)


_CLOSES: Final = re.compile(r"[ \t\r\n]*[\]}]")
# No backslash, blank, user name or fragment: parsers disagree about what those mean.
_ADDRESS: Final = re.compile(
    r"https?://([^\x00-\x20/?#@\\%<>^|\"`{}\s]+)(/[^?#\s]*)?(?:\?[^#\s]*)?", re.IGNORECASE
)
