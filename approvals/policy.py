"""What the rules say about a request, and who may decide it. Pure.

Laws: the first rule that matches decides, and where none does, the group `default`. Doubt never
makes it easier: a rule that asks or denies matches when it cannot be told whether it does, and of
it and what would have come after it the stricter is taken. `may` is the one function that decides
who may; it takes a person, never a name. Every seat of a quorum is filled by another person.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from approvals.conditions import Condition
from approvals.matching import Subject, When, match
from approvals.model import Ask, Case, Choice, Duration, Person, Risk, Tier, Vote
from approvals.reading.presentation import Words

__all__ = [
    "DEFAULT", "ESCALATED", "Deny", "No", "Policy", "Rule", "Seats", "Subject", "When",
    "decide", "effective", "filled", "may", "needs", "vacant", "words_of",
]  # fmt: skip

DEFAULT: Final = "default"
ESCALATED: Final = "*"
"""Among `Seats.groups` and `Vote.groups`: called in by escalation, may fill any seat."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`ask` None: deny. `four_eyes` None: the rule does not say, so the risk does. `words`: the
    operator's title and facts for the card."""

    name: str
    when: When = field(default_factory=When)
    condition: Condition | None = None
    ask: Ask | None = None
    four_eyes: bool | None = None
    words: Words = field(default_factory=Words)


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules and groups. `digest` names them in every receipt; `Policy.of` computes it."""

    rules: tuple[Rule, ...]
    groups: Mapping[str, frozenset[str]]
    default_ask: Ask
    digest: str

    @classmethod
    def of(
        cls, rules: Sequence[Rule], groups: Mapping[str, frozenset[str]], also: object = None
    ) -> Policy:
        """`also`: what else gives the rules their meaning (the decoders), as JSON-able values."""
        content = {
            "rules": [
                dataclasses.asdict(replace(rule, condition=None))
                | {"condition": rule.condition and rule.condition.source}
                for rule in rules
            ],
            "groups": {name: sorted(members) for name, members in groups.items()},
            "also": also,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        digest = "sha-256:" + hashlib.sha256(text.encode()).hexdigest()
        stamped = tuple(
            replace(rule, ask=rule.ask and replace(rule.ask, policy=digest)) for rule in rules
        )
        default = Ask(rule=DEFAULT, quorum=((DEFAULT, 1),), policy=digest)
        return cls(stamped, dict(groups), default, digest)


@dataclass(frozen=True, slots=True)
class Deny:
    """The rule of that name refuses; nobody is asked."""

    rule: str


def decide(
    policy: Policy,
    subject: Subject,
    *,
    risk: Risk | None = None,
    expires_in: Duration | None = None,
) -> Ask | Deny:
    """Whom to ask and how. `risk` and `expires_in` are the requester's wishes: see `effective`."""
    answer: Ask | Deny = effective(policy.default_ask, risk, expires_in)
    doubtful: list[Ask | Deny] = []
    for rule in policy.rules:
        matched = match(rule.when, rule.condition, subject)
        if matched is False:
            continue
        said: Ask | Deny = Deny(rule.name)
        if rule.ask is not None:
            said = effective(rule.ask, risk, expires_in, four_eyes=rule.four_eyes)
        if matched:
            answer = said
            break
        doubtful.append(said)
    return max((*doubtful, answer), key=_strictness)  # of equals the first


def words_of(policy: Policy, rule: str) -> Words:
    """The operator's words in the rule of that name; none for the default."""
    return next((one.words for one in policy.rules if one.name == rule), Words())


def effective(
    ask: Ask, risk: Risk | None, expires_in: Duration | None, *, four_eyes: bool | None = None
) -> Ask:
    """The ask with a requester's wishes: risk only rises, the deadline only comes nearer.

    `four_eyes`: what the rule says in so many words; None: as in `ask`, and true at high risk.
    """
    raised = max(ask.risk, risk or ask.risk, key=Risk.rank)
    if four_eyes is None:
        four_eyes = ask.four_eyes or raised is Risk.HIGH
    expires = ask.expires if expires_in is None else min(ask.expires, expires_in)
    return replace(ask, risk=raised, expires=expires, four_eyes=four_eyes)


@dataclass(frozen=True, slots=True)
class Seats:
    """This person may. `groups`: those of the quorum they sit in, and `ESCALATED` if called in."""

    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class No:
    """This person may not. `why` is a short sentence for them."""

    why: str


def may(
    person: Person | None,
    case: Case,
    choice: Choice,
    *,
    tier: Tier | None,
    page: bool,
    fresh: bool,
) -> Seats | No:
    """May this person make this choice in this way? The one function that decides who may.

    `page`: on our own page or CLI, signed in; else `tier` is that of the channel that was tapped.
    `fresh`: the step-up for high risk was just passed. Roles give no vote. Whether the case is
    still open is the machine's business.
    """
    if person is None:
        return No("This account is not linked to anybody here.")
    seats = [group for group, _ in case.ask.quorum if group in person.groups]
    escalate = case.ask.escalate
    if case.escalated and escalate is not None and escalate.to in person.groups:
        seats.append(ESCALATED)
    if not seats:
        return No("You are not an approver of this request.")
    if choice is Choice.DECLINE:
        return Seats(tuple(seats))
    if person.id in case.barred:
        return No("This agent is yours or acts for you, so somebody else must approve.")
    strict = case.ask.risk is Risk.HIGH or case.ask.step_up is not None
    if not page:
        if strict:
            return No("This is approved on the review page, never by a tap.")
        if tier is None or not tier.carries(case.ask.risk):
            return No("A tap here does not prove enough for this risk. Use the review page.")
        if not (case.inspectable and case.complete):
            return No("The card cannot show all of this request. Use the review page.")
    if not case.complete and not case.ask.allow_unseen:
        return No("Part of this request was never received, so it cannot be approved.")
    if strict and not fresh:
        return No("This needs a sign-in of the last five minutes: prove once more it is you.")
    return Seats(tuple(seats))


def filled(quorum: Sequence[tuple[str, int]], votes: Sequence[Vote]) -> bool:
    """Is every seat filled by another approving person? A quorum without seats never is."""
    return any(count > 0 for _, count in quorum) and not needs(quorum, votes)


def needs(quorum: Sequence[tuple[str, int]], votes: Sequence[Vote]) -> tuple[tuple[str, int], ...]:
    """The seats still empty, by group, when these approvals fill as many as they can."""
    sits = {vote.person: vote.groups for vote in votes if vote.choice is Choice.APPROVE}
    empty = vacant(quorum, sits)
    return tuple((group, empty.count(group)) for group in dict.fromkeys(empty))


def vacant(quorum: Sequence[tuple[str, int]], sits: Mapping[str, Sequence[str]]) -> list[str]:
    """The seats (by group) that stay empty when these people, by their groups, take all they can.

    A maximum bipartite matching by augmenting paths: a seat's holder moves on where they can.
    """
    seats = [group for group, count in quorum for _ in range(count)]
    taken: dict[int, str] = {}

    def find(person: str, tried: set[int]) -> bool:
        for seat, group in enumerate(seats):
            if seat in tried or not (group in sits[person] or ESCALATED in sits[person]):
                continue
            tried.add(seat)
            if seat not in taken or find(taken[seat], tried):
                taken[seat] = person
                return True
        return False

    for person in sits:
        find(person, set())
    return [group for seat, group in enumerate(seats) if seat not in taken]


def _strictness(said: Ask | Deny) -> tuple[bool, int, int]:
    if isinstance(said, Deny):
        return True, 0, 0
    return False, said.risk.rank(), sum(count for _, count in said.quorum)
