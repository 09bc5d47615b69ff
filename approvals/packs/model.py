"""Rules as data: what an API's calls are, how risky, and in which words people are asked. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from approvals import decoders
from approvals.conditions import Condition
from approvals.decoders import Decoder
from approvals.matching import Subject, When, match
from approvals.model import Fact, Http, Risk
from approvals.reading import PLAIN, Dialect, Reading
from approvals.reading.presentation import Presented, Words, present


class Verb(StrEnum):
    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the rules. `pack`: whose it is; None: the owner's own.

    `websocket`: upgrades may pass. `oversize`: a body may be larger than what we keep. `tunnel`:
    it is about CONNECT alone, whose bytes pass unopened.
    `action`, `titles` and `facts` are words for the card: of the titles the first that can be
    filled; each fact has sources (`reading.find`), or texts (`reading.presentation`) of which the
    first that can be filled is shown.
    """

    name: str
    verb: Verb
    when: When = field(default_factory=When)
    condition: Condition | None = None
    risk: Risk | None = None
    websocket: bool = False
    oversize: bool = False
    tunnel: bool = False
    action: str | None = None
    titles: tuple[str, ...] = ()
    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    pack: str | None = None
    decides: bool = True
    """False of a pack whose hosts nobody has named: it finds words for what is asked anyway."""

    @property
    def id(self) -> str:
        """How answers and logs name it."""
        return self.name if self.pack is None else f"{self.pack}: {self.name}"


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Everything that a file of rules and its packs say, in order."""

    rules: tuple[Rule, ...] = ()
    decoders: tuple[Decoder, ...] = decoders.BUILT_IN
    dialects: tuple[tuple[When, Dialect], ...] = ()

    def dialect(self, http: Http | None) -> Dialect:
        """How this API's servers read, as far as a pack says."""
        if http is None or not self.dialects:
            return PLAIN
        # A path that only this API's servers read is a path here.
        subject = Subject.of("", "", "", http, dialect=Dialect(encoded_slash=True))
        for when, dialect in self.dialects:
            if match(when, None, subject) is True:
                return dialect
        return PLAIN

    def describes(self, subject: Subject) -> Rule | None:
        """The first rule with words that is certainly about this request; conditions count."""
        for rule in self.rules:
            if rule.action is not None and match(rule.when, rule.condition, subject) is True:
                return rule
        return None


def presented(rule: Rule, request: Reading) -> Presented:
    """A rule's words, filled with a request's values. Never raises."""
    title = next((t for one in rule.titles if (t := present(Words(one), request).title)), None)
    found: list[Fact] = []
    for label, sources in rule.facts:
        if is_text(sources):
            texts = (present(Words(None, ((label, one),)), request).facts for one in sources)
            found += next((fact for fact in texts if fact), ())
        else:
            found += decoders.show(request, [(label, sources)])
    return Presented(title, tuple(found))


def is_text(sources: Sequence[str]) -> bool:
    """Are these texts, of which the first that can be filled is the fact, and not sources?"""
    return any("{" in source for source in sources)
