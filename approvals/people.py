"""Who an account belongs to, who may be asked, and where their cards go. Values only.

An account is found by its exact id, never by a name that somebody can choose. One account belongs
to one person; one person with two accounts is one person. An account whose standing went bad (it
became a guest, it was deactivated) stands for nobody, whatever the configuration says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from approvals.model import WEB, Ask, Case, Person, Request, Requester

EMAIL: Final = "email"
"""The channel whose accounts are people's addresses."""
GOOD: Final = "good"
GIVEN_UP: Final = "given up"
"""The standing of an account that is its person's no more, as its platform told us."""


@dataclass(frozen=True, slots=True)
class Link:
    """This account on this channel is this person's.

    `standing` is `GOOD`, or why the account may not speak for them any more. `learnt`: a platform
    said so, or its owner by a code; the configuration says the rest, and where they disagree the
    configuration wins, then the code.
    """

    channel: str
    account: str
    person: str
    standing: str = GOOD
    learnt: bool = False
    by_code: bool = False
    """Learnt from the account itself, which sent a code that this person was given."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a card goes: a person's account, or a room.

    `account` is the account's id there, or an e-mail address on a channel that opens by e-mail
    (`by_email`).
    """

    channel: str
    person: str | None = None
    account: str | None = None
    room: str | None = None
    by_email: bool = False

    @property
    def entry(self) -> str:
        """The entry of `via` that this is."""
        return f"{self.channel}:{self.room}" if self.room else self.channel


class Directory:
    """The people, with the accounts that the configuration and the links give them.

    A person's first account on a channel is where their cards go; all of them may speak for them.
    Raises `ValueError` for an account that the configuration gives to two people and for members
    of nobody known. A learnt link to somebody else's account is left out, and is in `conflicts`.
    """

    def __init__(
        self,
        people: Iterable[Person],
        groups: Mapping[str, frozenset[str]],
        links: Iterable[Link] = (),
    ) -> None:
        self._people: dict[str, Person] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self.groups = dict(groups)
        accounts: dict[str, dict[str, str]] = {}
        for person in people:
            if person.id in self._people:
                raise ValueError(f"there are two people called {person.id}")
            self._people[person.id] = person
            accounts[person.id] = {}
        for group, members in self.groups.items():
            if strangers := members - self._people.keys():
                raise ValueError(f"the group {group} lists nobody known: {sorted(strangers)}")
        links = tuple(sorted(links, key=lambda link: (link.learnt, not link.by_code)))
        bad = {
            (link.channel, link.account): link.standing for link in links if link.standing != GOOD
        }
        configured = [Link(*account) for person in self._people.values() for account in _of(person)]
        configured += [link for link in links if not link.learnt]
        self._named = {(link.channel, link.account, link.person) for link in configured}
        conflicts: list[Link] = []
        taken: dict[tuple[str, str], Link] = {}
        for link in (*configured, *(link for link in links if link.learnt)):
            if link.person not in self._people:
                continue  # removed from the configuration since: their accounts say nothing
            key = link.channel, link.account
            if self._owners.setdefault(key, link.person) != link.person:
                if link.learnt:
                    conflicts.append(link)
                    continue
                raise ValueError(
                    f"one {link.channel} account belongs to both "
                    f"{self._owners[key]} and {link.person}"
                )
            taken.setdefault(key, replace(link, standing=bad.get(key, GOOD)))
            if link.by_code:
                self._named.add((*key, link.person))
            if key not in bad:
                accounts[link.person].setdefault(link.channel, link.account)
        self.conflicts = tuple(conflicts)
        # Every account that is somebody's, once, with its standing; the configured ones first.
        self.links = tuple(taken.values())
        for key in bad:
            self._owners.pop(key, None)
        for id, person in self._people.items():
            member_of = frozenset(name for name, who in self.groups.items() if id in who)
            self._people[id] = replace(person, accounts=accounts[id], groups=member_of)

        self.names = {id: person.name for id, person in self._people.items() if person.name}
        """What people are called, by their ids; without those that have an id only."""

    def person(self, id: str) -> Person | None:
        return self._people.get(id)

    def people(self) -> tuple[Person, ...]:
        """Everybody, in the order of the configuration."""
        return tuple(self._people.values())

    def by_account(self, channel: str, account: str) -> Person | None:
        """Whose account this is; None for an unknown one. Compared exactly."""
        owner = self._owners.get((channel, account))
        return None if owner is None else self._people[owner]

    def grounds(self, channel: str, account: str, person: str) -> tuple[str, ...]:
        """What the configuration, or a code, says by which an account may be this person's.

        The account itself, if it is theirs by configuration or by a code, and their e-mail address:
        what a platform answered for another address says nothing (any more).
        """
        known = self._people.get(person)
        itself = (account,) if (channel, account, person) in self._named else ()
        return itself if known is None or known.email is None else (*itself, known.email)

    def approvers(self, ask: Ask, escalated: bool) -> tuple[Person, ...]:
        """Everybody who sits in the quorum, and once escalated those called in, each once."""
        groups = {group for group, _ in ask.quorum}
        if escalated and ask.escalate is not None:
            groups.add(ask.escalate.to)
        return tuple(person for person in self._people.values() if groups & person.groups)

    def destinations(
        self, ask: Ask, available: Mapping[str, bool], *, escalated: bool = False
    ) -> tuple[Destination, ...]:
        """Where the cards of this ask go, each place once.

        `available`: the channels that are on, and whether they open a conversation by e-mail
        address. With `via`, an approver is reached on the first of its entries that can; a room
        reaches everybody. Without, on every channel they have. The inbox is nobody's destination.
        """
        found: dict[Destination, None] = {}
        for person in self.approvers(ask, escalated):
            if ask.via:
                first = _first(person, ask.via, available)
                places = [] if first is None else [first]
            else:
                each = (_reach(person, channel, available) for channel in available)
                places = [place for place in each if place is not None]
            found |= dict.fromkeys(places)
        return tuple(found)

    def after(
        self, ask: Ask, available: Mapping[str, bool], entry: str, person: str
    ) -> Destination | None:
        """Where this person's card goes when that entry of `via` could not reach them: by the next
        that can. None: there is none. `available`: as of `destinations`."""
        whose = self._people.get(person)
        if whose is None or entry not in ask.via:
            return None
        # An entry that stands there twice is tried once: two that refuse would go round for ever.
        via = tuple(dict.fromkeys(ask.via))
        return _first(whose, via[via.index(entry) + 1 :], available)

    def first(self, ask: Ask, available: Mapping[str, bool], person: str) -> Destination | None:
        """Where this person's card goes at first, by `via`. `available`: as of `destinations`."""
        whose = self._people.get(person)
        return None if whose is None else _first(whose, ask.via, available)


def audiences(case: Case, by: Requester, request: Request) -> tuple[str, ...]:
    """Who may see a case: the groups that are asked, the owner, and whom it is done for."""
    groups = [group for group, _ in case.ask.quorum]
    if case.ask.escalate:
        groups.append(case.ask.escalate.to)
    people = [p for p in (by.people_of(request.agent.id).owner, request.agent.on_behalf_of) if p]
    return tuple(dict.fromkeys([f"group:{g}" for g in groups] + [f"person:{p}" for p in people]))


def _of(person: Person) -> list[tuple[str, str, str]]:
    accounts = [(channel, account, person.id) for channel, account in person.accounts.items()]
    if person.email is not None and EMAIL not in person.accounts:
        accounts.append((EMAIL, person.email, person.id))
    return accounts


def _first(person: Person, via: Iterable[str], available: Mapping[str, bool]) -> Destination | None:
    reached = (_reach(person, entry, available) for entry in via)
    return next((place for place in reached if place is not None), None)


def _reach(person: Person, entry: str, available: Mapping[str, bool]) -> Destination | None:
    """`entry`: a channel, or `channel:conversation` for a room."""
    channel, colon, room = entry.partition(":")
    if channel == WEB or channel not in available:
        return None
    if colon:
        return Destination(channel, room=room)
    if account := person.accounts.get(channel):
        return Destination(channel, person.id, account)
    if available[channel] and person.email is not None:
        return Destination(channel, person.id, person.email, by_email=True)
    return None
