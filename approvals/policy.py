"""What the rules say about a request, and who may decide it. Pure.

Laws: the first rule that matches decides, and where none does, the group `default`. Doubt adds up:
where it is unclear whether a rule matches, its demands are added to those of the rule that decides,
and a doubtful rule that denies, denies. `may` is the one function that decides who may, and in
which `Way`; it takes a person, never a name. Every seat of a quorum is filled by another person.
`nobody` says beforehand whether a request could ever be approved.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias, assert_never

from approvals.conditions import Condition
from approvals.matching import Subject, When, match
from approvals.model import (
    WEB,
    Ask,
    Case,
    Choice,
    Duration,
    Escalation,
    Person,
    Risk,
    Tier,
    Vote,
)
from approvals.reading.presentation import Words

__all__ = [
    "DEFAULT", "ESCALATED", "Deny", "No", "Page", "Policy", "Rule", "Seats", "Subject", "Tap",
    "Way", "When", "decide", "effective", "filled", "may", "needs", "nobody", "tap_tier", "vacant",
    "words_of",
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
    demands: list[tuple[Ask, bool | None]] = []
    for rule in policy.rules:
        matched = match(rule.when, rule.condition, subject)
        if matched is False:
            continue
        if rule.ask is None:
            return Deny(rule.name)
        demands.append((rule.ask, rule.four_eyes))
        if matched:
            break
    else:
        demands.append((policy.default_ask, None))
    # All of them at the highest risk of any, so that a rule that does not mention four eyes has
    # them at high risk, also where the risk is another rule's.
    highest = max((ask.risk for ask, _ in demands), key=Risk.rank)
    raised = max(highest, risk or highest, key=Risk.rank)
    *doubtful, decided = (
        effective(ask, raised, expires_in, four_eyes=four_eyes) for ask, four_eyes in demands
    )
    return _added(decided, doubtful) if doubtful else decided


def _added(decided: Ask, doubtful: Sequence[Ask]) -> Ask:
    """The demands of all of them. Whoever may approve this could approve each of them alone."""
    every = (decided, *doubtful)
    # A group has the most seats that any of them asks of it. The seats of each are then among these
    # seats, so people who fill these fill those too; and to ask the same group twice of a different
    # person would be a demand that none of them makes. One without seats is never filled.
    seats = Counter[str]()
    for ask in every:
        seats |= Counter(group for group, count in ask.quorum for _ in range(count))
    fillable = all(any(count > 0 for _, count in ask.quorum) for ask in every)
    return replace(
        decided,
        also=tuple(ask.rule for ask in doubtful),
        quorum=tuple(seats.items()) if fillable else (),
        via=_shared([ask.via for ask in every if ask.via]),
        expires=min(ask.expires for ask in every),
        release_within=min(ask.release_within for ask in every),
        four_eyes=any(ask.four_eyes for ask in every),
        allow_unseen=all(ask.allow_unseen for ask in every),
        step_up=next((ask.step_up for ask in every if ask.step_up), None),
        remind=tuple(sorted({after for ask in every for after in ask.remind})),
        reasons=tuple(dict.fromkeys(reason for ask in every for reason in ask.reasons)),
        escalate=_agreed([ask.escalate for ask in every]),
    )


def _shared(vias: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """What all of these name, in the order of the first. Those that limit nothing are left out.

    Where they share nothing, the inbox: every rule has it, and a card on any channel would be on
    one that some rule does not want.
    """
    first = vias[0] if vias else ()
    shared = tuple(entry for entry in first if all(entry in via for via in vias))
    return shared or ((WEB,) if vias else ())


def _agreed(late: Sequence[Escalation | None]) -> Escalation | None:
    """Only whom every rule calls in may fill any seat, and not before each of them says so."""
    given = [one for one in late if one is not None]
    if len(given) < len(late) or len({one.to for one in given}) != 1:
        return None
    return max(given, key=lambda one: one.after)


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


@dataclass(frozen=True, slots=True)
class Tap:
    """By a button, or a code typed into a channel. `tier`: how much that proves (`tap_tier`); None:
    enough to decline, and no more."""

    tier: Tier | None


@dataclass(frozen=True, slots=True)
class Page:
    """Signed in, on our own page or command line. `fresh`: in the last five minutes."""

    fresh: bool


Way: TypeAlias = Tap | Page
"""How a person makes a choice."""


def may(person: Person | None, case: Case, choice: Choice, way: Way) -> Seats | No:
    """May this person make this choice in this way? The one function that decides who may.

    Roles give no vote. Whether the case is still open is the machine's business.
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
    match way:
        case Tap(tier):
            if strict:
                return No("This is approved on the review page, never by a tap.")
            if tier is None or not tier.carries(case.ask.risk):
                return No("A tap here does not prove enough for this risk. Use the review page.")
            if not (case.inspectable and case.complete):
                return No("The card cannot show all of this request. Use the review page.")
        case Page(fresh):
            if not case.complete and not case.ask.allow_unseen:
                return No("Part of this request was never received, so it cannot be approved.")
            if strict and not fresh:
                return No(
                    "This needs a sign-in of the last five minutes: prove once more it is you."
                )
        case _:
            assert_never(way)
    return Seats(tuple(seats))


def tap_tier(
    tier: Tier, *, token: bool, message: bool, names_message: bool, alone: bool
) -> Tier | None:
    """What a tap on a channel of this tier proves, by what it brings. None: it may decline only.

    A tap brings our `token` and says on which `message` it was. Without our token (a reaction, a
    label) anything of the same look would do: C, which is low risk. Without the message a thief of
    the bot's token could have put other words around the button: B at most, which is medium risk,
    where the channel never names it and the card is for one account `alone`; else, as of a
    submitted prompt, nothing is approved.
    """
    if not token:
        return Tier.C
    if message:
        return tier
    if names_message or not alone:
        return None
    return Tier.B if tier is Tier.A else tier


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


def nobody(
    ask: Ask, people: Iterable[Person], barred: Collection[str], *, wait: Duration | None = None
) -> str | None:
    """Why these people could never fill the quorum, without a full stop; None where they could.

    `barred`: whom four eyes bar, if they hold. `wait`: how long the request is open; `ask.expires`
    unless it says otherwise. Those whom an escalation calls in before that count too.
    """
    if not any(count > 0 for _, count in ask.quorum):
        return "no approver is asked for"
    groups = dict.fromkeys(group for group, _ in ask.quorum)
    open_for = ask.expires if wait is None else wait
    called = ask.escalate.to if ask.escalate and ask.escalate.after < open_for else None
    sits = {
        person.id: [
            *(group for group in groups if group in person.groups),
            *([ESCALATED] if called in person.groups else []),
        ]
        for person in people
    }
    kept_out = [id for id in dict.fromkeys(barred if ask.four_eyes else ()) if sits.pop(id, None)]
    empty = dict.fromkeys(vacant(ask.quorum, sits))
    if not empty:
        return None
    left = {group for seats in sits.values() for group in seats}
    other = "other " if kept_out else ""
    missing = [
        f"too few {other}approvers are in the group {group}: every seat needs another person"
        if group in left
        else f"no {other}approver is in the group {group}"
        for group in empty
    ]
    eyes = [f"four eyes bar {' and '.join(kept_out)}"] if kept_out else []
    return ", and ".join((*eyes, *missing))
