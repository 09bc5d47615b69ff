"""May the agent's request pass, must a human be asked, or is it refused? Pure. The laws:

1. The first rule that matches decides; where none does, a human is asked.
2. A rule that allows matches what it certainly means; one that asks or denies, also in doubt.
3. What has no one reading (its host, its path, its method) is denied, whatever the rules say.
4. A rule behind the one that decided changes nothing.
5. Before the body is read nothing is decided that the body could change: `needs_body`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as altered
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, Final

from approvals import decoders
from approvals.conditions import Value
from approvals.evidence import split_url
from approvals.marked import FaultAt
from approvals.matching import Subject, When, match, weigh
from approvals.model import Fact, Http, Risk
from approvals.packs import Rule, Verb, rule_book
from approvals.packs.model import RuleBook
from approvals.reading import Reading, read
from approvals.reading.presentation import present
from approvals.reading.target import framing


@dataclass(frozen=True, slots=True)
class Outbound:
    """What an agent wants to send. `url`: raw and absolute, exactly as it will be sent.

    `body` None: there is one, and it was not read yet; without a body it is `b""`.
    """

    agent: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None = field(repr=False)

    def http(self) -> Http:
        """As an `Http`. A body that was not read yet is incomplete there, with no byte."""
        body = self.body or b""
        return Http(self.method, self.url, self.headers, body, self.body is not None)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say. `why` is for people and quotes no value of the request.

    `rule` None: no rule decided. `risk` None: the service's rule says it. `needs_body`: decide
    again with the body, the answer may change; until then `verb` is never `ALLOW`.
    """

    verb: Verb
    rule: str | None
    why: str
    action: str
    title: str | None = None
    facts: tuple[Fact, ...] = ()
    decoded: Mapping[str, Value] = field(default_factory=dict)
    risk: Risk | None = None
    websocket: bool = False
    oversize: bool = False
    needs_body: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that was tried. `matched` None: uncertain. `why`: what does not match."""

    rule: Rule
    matched: bool | None
    decides: bool
    why: str
    needs_body: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """A rule book, and the gateway's decisions by it."""

    book: RuleBook = field(default_factory=RuleBook)

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.book.rules

    def decide(self, outbound: Outbound, request: Reading | None = None) -> Decision:
        """Pure; never raises, whatever an agent sent.

        `request`: its reading, if there is one already (large ones are read in another process).
        """
        seen = self._look(outbound, request)
        if isinstance(seen, str):
            return Decision(Verb.DENY, None, seen, _action(outbound))
        steps = self._steps(seen, silent=True)
        last = next((step for step in steps if step.decides or step.needs_body), None)
        telling = self._telling(seen, last.rule if last is not None else None)
        said = present(telling.words, seen.request)
        decision = Decision(
            verb=Verb.ASK,
            rule=None,
            why="no rule is about this request, so a human is asked",
            action=telling.action or _action(outbound),
            title=said.title,
            facts=said.facts,
            decoded=seen.subject.decoded,
            risk=telling.risk,
            needs_body=not seen.whole and bool(telling.words),
        )
        if last is None:
            return decision
        if last.needs_body:
            return altered(decision, rule=last.rule.id, why=last.why, needs_body=True)
        return altered(
            decision,
            verb=last.rule.verb,
            rule=last.rule.id,
            why=f"the rule `{last.rule.id}` says {last.rule.verb}"
            + (f" ({last.why})" if last.why else ""),
            risk=last.rule.risk or telling.risk if last.rule.verb is Verb.ASK else None,
            websocket=last.rule.websocket and last.rule.verb is not Verb.DENY,
            oversize=last.rule.oversize and last.rule.verb is Verb.ALLOW,
            needs_body=decision.needs_body and last.rule.verb is Verb.ASK,
        )

    def tunnel(self, agent: str, authority: str) -> Rule | None:
        """The rule by which a CONNECT there passes unopened; None: it is opened.

        An earlier rule that may be about a request to this host decides first, as everywhere.
        """
        if not _is_one_host(authority):
            return None
        subject = Subject("", agent, "", method="CONNECT", scheme="https", host=authority, path="/")
        for rule in filter(lambda rule: rule.decides, self.rules):
            about = match(When(host=rule.when.host, agent=rule.when.agent), None, subject)
            if about is not False:
                return rule if rule.tunnel and about else None
        return None

    def explain(self, outbound: Outbound) -> tuple[Step, ...]:
        """Every rule that was tried, up to the deciding one; none where the request is unclear."""
        seen = self._look(outbound)
        steps: list[Step] = []
        for step in () if isinstance(seen, str) else self._steps(seen):
            steps.append(step)
            if step.decides or step.needs_body:
                break
        return tuple(steps)

    def _look(self, outbound: Outbound, request: Reading | None = None) -> _Seen | str:
        """The request as rules see it, or why it is unclear what it is."""
        if odd := _oddity(outbound):
            return odd
        whole, http = outbound.body is not None, outbound.http()
        dialect = self.book.dialect(http)
        request = request or read(http, dialect=dialect)
        if request.target is None or request.target.refused:
            return "the path has several readings, and a server may take another than these rules"
        subject = Subject.of("", outbound.agent, "", http, dialect=dialect, target=request.target)
        decoded = dict[str, Value | None](decoders.decode(subject, request, self.book.decoders))
        unread = set[str]()
        if outbound.body is None:
            for decoder in self.book.decoders:
                if match(decoder.when, None, subject) is True:
                    unread |= {n for n, one in decoder.fields.items() if decoders.from_body(one)}
        known = {n: value for n, value in decoded.items() if value is not None and n not in unread}
        return _Seen(
            subject=altered(subject, decoded=known),
            request=request,
            whole=whole,
            unread=frozenset(unread),
        )

    def _steps(self, seen: _Seen, *, silent: bool = False) -> Iterator[Step]:
        """The rules in order, each with its result. `silent`: only those that may match."""
        for rule in self.rules:
            if (
                not rule.decides
                or rule.tunnel
                or (silent and match(rule.when, None, seen.subject) is False)
            ):
                continue
            needs = f"decoded.{name}" if (name := _unread(rule, seen)) else None
            said = weigh(rule.when, None if needs else rule.condition, seen.subject)
            no = [key for key, one in said.items() if one is False]
            doubt = [key for key, one in said.items() if one is None]
            if no:
                yield Step(rule, False, False, _parts(no, "does not match", "do not match"))
            elif needs:
                yield Step(rule, None, False, f"`{needs}` is in the body, not read yet", True)
            elif doubt:
                why = _parts(doubt, "cannot be told for certain", "cannot be told for certain")
                yield Step(rule, None, rule.verb is not Verb.ALLOW, why)
            else:
                yield Step(rule, True, True, "")

    def _telling(self, seen: _Seen, deciding: Rule | None) -> Rule:
        """The deciding rule, or the first other one that describes this request for certain."""
        if deciding is not None and (deciding.action or deciding.words):
            return deciding
        return self.book.describes(seen.subject) or deciding or Rule("", Verb.ASK)


def rulebook(values: Mapping[str, Any], fault: FaultAt) -> Rules:
    """The rules of a whole file, read as plain values. Where `fault` was called they are not
    complete: do not use them."""
    return Rules(rule_book(values, fault))


@dataclass(frozen=True, slots=True)
class _Seen:
    """`unread`: `decoded` names that the body, not read yet, may give or take away."""

    subject: Subject
    request: Reading
    whole: bool
    unread: frozenset[str]


_METHOD: Final = re.compile(r"[A-Z][A-Z0-9_-]{0,31}")


def _oddity(outbound: Outbound) -> str | None:
    """Why it is unclear what this request is; None where it is clear."""
    if _METHOD.fullmatch(outbound.method) is None:
        return "the method is not in capitals, and servers read such in several ways"
    try:
        scheme, authority, *_ = split_url(outbound.url)
    except ValueError as error:
        return f"the host cannot be told: {error}"
    if not _is_one_host(authority):
        return "the host cannot be told: it is neither a name nor an address in its plain form"
    for name, value in outbound.headers:
        if name.lower() == "host":
            try:
                named = split_url(f"{scheme}://{value.strip()}/")
            except ValueError:
                named = None
            if named is None or named[1:] != (authority, "/", None):
                return "the host cannot be told: the Host header names another than the URL"
    if frame := framing(outbound.headers):
        return f"the header {frame} is another header to some servers, and frames the message there"
    return None


def _is_one_host(authority: str) -> bool:
    """`127.1`, `0x7f000001` and `2130706433` are addresses to some (WHATWG URL, inet_aton)."""
    name = re.sub(r":[0-9]+$", "", authority)
    try:
        if name.startswith("["):
            IPv6Address(name[1:-1])
        elif re.fullmatch(r"[0-9]+|0x[0-9a-f]*", name.rstrip(".").rpartition(".")[2]):
            IPv4Address(name)
    except AddressValueError:
        return False
    return len(name) <= 254


def _action(outbound: Outbound) -> str:
    """What to call a request that no rule has words for."""
    known = _METHOD.fullmatch(outbound.method) is not None
    return f"http.{outbound.method.lower()}" if known else "http.request"


def _unread(rule: Rule, seen: _Seen) -> str | None:
    named = rule.condition.names if rule.condition is not None else {}
    return next((name for name in sorted(seen.unread) if f"decoded.{name}" in named), None)


def _parts(keys: Sequence[str], one: str, several: str) -> str:
    return f"{' and '.join(f'`{key}`' for key in keys)} {several if len(keys) > 1 else one}"
