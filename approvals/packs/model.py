"""Rules as data: what an API's calls are, how risky, and in which words people are asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from approvals import decoders
from approvals.conditions import Condition
from approvals.decoders import Decoder
from approvals.matching import Subject, When, match
from approvals.model import Http, Risk
from approvals.reading import PLAIN, Dialect
from approvals.reading.presentation import Words


class Verb(StrEnum):
    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `pack`: the pack it comes from; None: the operator's own file.

    `websocket`: upgrades may pass. `oversize`: a body may be larger than what we keep. `tunnel`:
    it is about CONNECT alone, whose bytes pass unopened.
    `action`: what to call such a request; `words`: for its card.
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
    words: Words = field(default_factory=Words)
    pack: str | None = None
    decides: bool = True
    """False for a pack whose hosts nobody has named: it only supplies words for requests that are
    asked about anyway."""

    @property
    def id(self) -> str:
        """How answers and logs name it."""
        return self.name if self.pack is None else f"{self.pack}: {self.name}"


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Everything in a file of rules and its packs, in order."""

    rules: tuple[Rule, ...] = ()
    decoders: tuple[Decoder, ...] = decoders.BUILT_IN
    dialects: tuple[tuple[When, Dialect], ...] = ()

    def dialect(self, http: Http | None) -> Dialect:
        """How this API's servers read, as far as a pack says."""
        if http is None or not self.dialects:
            return PLAIN
        # A path that only this API's servers read is a path here.
        subject = Subject.of("", "", "", http, dialect=Dialect(encoded_slash=True))
        own = (dialect for when, dialect in self.dialects if match(when, None, subject) is True)
        return next(own, PLAIN)

    def describes(self, subject: Subject) -> Rule | None:
        """The first rule with words that is certainly about this request; conditions count."""
        for rule in self.rules:
            if rule.action is not None and match(rule.when, rule.condition, subject) is True:
                return rule
        return None
