"""What the web's handlers need, as the composition root gives it; and who may see which case."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from approvals import audit
from approvals.budgets import Budgets
from approvals.model import Case, Instant, Person, Requester
from approvals.people import Directory
from approvals.port import Channel, Glance, Response
from approvals.port.setup import Linking
from approvals.service import Service
from approvals.store import Store
from approvals.web import credentials
from approvals.web.heads import Heads
from approvals.web.limits import Limit
from approvals.web.live import Live
from approvals.web.metrics import Metrics
from approvals.web.schemas import ID
from approvals.web.site import Site
from approvals.web.views import Head

if TYPE_CHECKING:
    from approvals.web.signin import Way


@dataclass(frozen=True, slots=True)
class Deps:
    """`clock` gives the time; `random(n)` n bytes from the operating system's generator.

    `requesters`: by the SHA-256 of their key. `jwks`: the public keys, as served. `faults`: what
    keeps us from deciding and delivering, in sentences; empty: ready. `warnings`: what fails and
    keeps nobody waiting but its own (a platform's connection). `metrics_open`: `/metrics`
    answers anybody on this port. `opens` counts by requester, `budgets` by agent; `forgeries`
    (deliveries and bearer tokens that prove nothing) and `sign_ins` count failures, by remote
    address; `link_codes` those of an account. `linkable`: the channels where a code can be sent,
    and what says our bot's name there, or ""; `linking`: how it is sent there. `salt`: of
    redactions, as on cards. `glance`: what to show whoever looks at a card. `refresh`:
    look at keys and accounts now, not within a second. `ways`: how people sign in.
    `heads`: what lists say of requests (`heads_of`). `authzen`: its dialect is on.
    """

    service: Service
    store: Store
    live: Live
    site: Site
    clock: Callable[[], Instant]
    random: Callable[[int], bytes] = field(repr=False)
    requesters: Mapping[bytes, Requester] = field(repr=False)
    jwks: Mapping[str, Any]
    metrics: Metrics
    metrics_open: bool
    faults: Callable[[], Awaitable[Sequence[str]]]
    warnings: Callable[[], Sequence[str]]
    opens: Limit
    budgets: Budgets
    forgeries: Limit
    sign_ins: Limit
    link_codes: Limit
    linkable: Mapping[str, Callable[[], Awaitable[str]]] = field(repr=False)
    salt: bytes = field(repr=False)
    glance: Callable[[Channel, Glance], Awaitable[Response]]
    refresh: Callable[[], Awaitable[None]]
    ways: tuple[Way, ...] = ()
    linking: Mapping[str, Linking] = field(default_factory=dict)
    heads: Heads = field(default_factory=Heads, repr=False)
    authzen: bool = False

    def ways_in(self, person: Person | None = None) -> tuple[str, ...]:
        """The forms by which this person can sign in; None: all, to whoever it is."""
        return tuple(w.template for w in self.ways if person is None or w.reaches(person))

    @property
    def directory(self) -> Directory:
        """The people as they are configured now."""
        return self.service.trust.directory

    async def heads_of(self, *cases: Case) -> list[Head | None]:
        """What lists say of each case; None for one that was altered: nobody may see it."""
        return await self.heads.of(self.store, cases, self.salt)

    async def note(self, kind: audit.Kind, about: str | None = None, **content: object) -> None:
        """Put it into the audit chain. `about`: a request's id. Never with a secret."""
        entry = audit.entry(kind, self.clock(), self.random, about, **content)
        await self.store.append([entry])

    async def person_of_token(self, token: str) -> Person | None:
        """Whose personal token this is, if it is live and genuine."""
        ring = self.service.trust.ring
        found = await credentials.token(self.store, ring, token, self.clock())
        return self.directory.person(found.person) if found else None

    async def visible(self, person: Person, request_id: str) -> Case | None:
        """The case, if this person may see it: an auditor any, others what is theirs."""
        if not ID.fullmatch(request_id):
            return None
        names = shown_to(person)
        if names is not None and not await self.store.visible(request_id, names):
            return None
        return (await self.store.cases([request_id])).get(request_id)


def audits(person: Person) -> bool:
    """May this person read everything (and, as an auditor, decide nothing)?"""
    return "auditor" in person.roles


def shown_to(person: Person) -> tuple[str, ...] | None:
    """The names under which the cases are filed that a person may see; None: all cases."""
    return None if audits(person) else audiences(person)


def audiences(person: Person) -> tuple[str, ...]:
    """The names under which the cases are filed that a person decides, asks for or owns."""
    return (f"person:{person.id}", *(f"group:{group}" for group in sorted(person.groups)))
