"""The composition root: puts the rooms together into one running service, and takes it apart."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeAlias

import structlog
from aiohttp import web

from approvals import linking
from approvals.app import connections
from approvals.app.supervisor import Parts
from approvals.budgets import Budgets
from approvals.buttons import KeyRing
from approvals.evidence import ReceiptKey, sign_checkpoint
from approvals.faces import Look
from approvals.gateways.onecli import OneCli, Seat
from approvals.memory import ChannelMemory
from approvals.model import MINUTE, SECOND, Busy, Duration, Instant, Kind, Requester
from approvals.outbox import LEASE, Carrier, Outbox
from approvals.people import Directory, Link
from approvals.port import CatchesUp, Channel, Charged, Hears, Hosts, Remembers, Talks
from approvals.port.setup import Linking
from approvals.readings import Readings
from approvals.retention import Retention, retire
from approvals.service import Service, Trust
from approvals.store import Account, Linked, Store
from approvals.web.app import application, metrics_only
from approvals.web.deps import Deps
from approvals.web.homes import AccountHomes
from approvals.web.limits import Limit
from approvals.web.live import Live
from approvals.web.metrics import Metrics
from approvals.web.signin.link import KIND, Links
from approvals.web.site import Site

log = structlog.get_logger()
TICK: Final = 0.25
"""Seconds between looks at the clock: how late an expiry may be."""
SEAL: Final = 0.5
"""Seconds between sealings: an entry is in the chain within one."""
REFRESH: Final = 1.0
"""Seconds until this copy knows of another one's changes: a vetted account, a new key."""
WHOLE: Final[Duration] = 10 * SECOND
"""How often all accounts and links are read although no change was announced: an older version
running beside this one does not announce them."""
WRITES: Final = 2.0
"""Seconds between looks whether the database still accepts writes: one small row."""
ANSWERS: Final = 2.0
"""Seconds it gets for that. Together with `WRITES` less than 5, so `/readyz` is right within 5."""
DRAIN: Final = 10.0
"""Seconds that requests in progress get to finish when the service stops: more than the database
gets to answer. Clients that wait for a verdict are released at once."""
PRUNE_EVERY: Final = 3600.0
STANDINGS: Final = 3600.0
"""Seconds between looks for accounts of bad standing that nobody asked about for a day."""
CERTIFIED: Final = 3600.0
"""Seconds between looks at the certificate of our public address."""
SWEEP: Final = 60.0
"""Seconds between looks for jobs that no copy takes."""
KEEP: Final[Duration] = 7 * 24 * 60 * MINUTE
"""How long seen events and idempotency keys are kept; no platform repeats itself for longer."""


_Known: TypeAlias = tuple[Sequence[Account], Sequence[Linked]]
"""What the store holds about accounts: their standing, and those linked by a code."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a service is made of, as values. `listen`: host and port; port 0: any."""

    trust: Trust
    directory: Callable[[Iterable[Link]], Directory]
    key: ReceiptKey
    issuer: str
    site: Site
    listen: tuple[str, int]
    requesters: Mapping[bytes, Requester]
    channels: Mapping[str, Channel]
    worker: str
    stub: frozenset[str] = frozenset()
    outbound_only: frozenset[str] = frozenset()
    salt: bytes = b""
    metrics_listen: tuple[str, int] | None = None
    metrics_open: bool = False
    connections: int | None = None
    """How many are held at once; None: any number."""
    opens_per_second: float = 50.0
    carriers: Mapping[str, Carrier] = field(default_factory=dict)
    """Where verdicts are taken, by the lane's name."""
    routes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The lanes that a requester's verdicts go to."""
    gateways: tuple[Seat, ...] = ()
    """The workspaces of OneCLIs that are asked what they hold; their verdicts go back there."""
    linking: Mapping[str, Linking] = field(default_factory=dict)
    """How a code is sent from an account, by channel."""
    bots: Mapping[str, str] = field(default_factory=dict)
    """What our bot is called, by channel, where that is known: for links that open it."""
    lease: Duration = LEASE
    """How long a job of a copy that died is left to it."""

    sign_in_link: bool = True
    """People may ask for a sign-in link, where a channel can carry one."""
    authzen: bool = False
    """Requests may be opened in AuthZEN's dialect too."""
    retention: Retention = field(default_factory=Retention)
    certificate: Callable[[], Awaitable[Instant | None]] | None = None
    """Until when the certificate before us is good; None: there is none. `OSError`."""
    review_url: Callable[[str], str | None] = lambda case_id: None
    reload: Callable[[Trust], Trust] = lambda trust: trust
    """Reads the key folder again; called every second."""
    reloaded: Callable[[Trust], Awaitable[None]] | None = None
    """Told every second what is in use now."""


@dataclass(frozen=True, slots=True)
class House:
    """A running service. `url`: where it listens."""

    url: str
    store: Store
    service: Service
    outbox: Outbox
    live: Live
    deps: Deps


@asynccontextmanager
async def running(
    plan: Plan,
    store: Store,
    *,
    clock: Callable[[], Instant],
    random: Callable[[int], bytes],
    steady: Callable[[], Instant],
    carry: bool = True,
) -> AsyncIterator[House]:
    """The service, listening, until the block ends. `carry` False leaves the outbox alone.

    `clock` is what time it is, and may be set; `steady` only ever goes on, and limits and pauses
    count by it.
    """
    async with AsyncExitStack() as stack:
        # Whoever waits leaves room for taps, pages and new requests.
        live = Live(store, most=plan.connections and plan.connections * 3 // 4)
        metrics = Metrics()
        parts = Parts(asyncio.get_running_loop().time)
        readings = Readings()
        stack.push_async_callback(readings.close)

        service = Service(
            store,
            plan.trust,
            key=plan.key,
            issuer=plan.issuer,
            clock=clock,
            random=random,
            readings=readings,
            committed=metrics.committed,  # the outbox hears of it as it hears of other copies'
        )
        service.head = await store.head()
        built: tuple[KeyRing | None, _Known] = (None, ((), ()))
        refreshing, asked, looked = asyncio.Lock(), 0, 0
        seen: tuple[str | None, Instant] = (None, steady())

        def look(known: _Known) -> None:
            """Build the directory again if the key ring or the accounts changed."""
            nonlocal built
            ring = service.trust.ring
            if ring is not built[0] or known != built[1]:
                directory = _directory(plan, ring, *known)
                service.trust = replace(service.trust, directory=directory)
                built = (ring, known)

        async def refresh(*, whole: bool = True) -> None:
            """Read the key folder and the accounts again. Callers that come during one look share
            the next. `whole` False: accounts and links only where a change was announced."""
            nonlocal asked, looked, seen
            asked += 1
            mine = asked
            async with refreshing:
                if looked >= mine:
                    return
                by_now = asked
                try:
                    # In force before anything that may fail: a revoked key is worth nothing now.
                    service.trust = plan.reload(service.trust)
                    look(built[1])
                finally:
                    mark = await store.people_mark()  # before what it is about
                    whole = whole or mark != seen[0] or steady() - seen[1] >= WHOLE
                    if whole:
                        look((await store.accounts(), await store.linked()))
                        seen = (mark, steady())
                if plan.reloaded:
                    await plan.reloaded(service.trust)
                if whole:
                    looked = by_now

        await refresh()
        gateways = [
            OneCli(
                seat,
                service,
                store,
                keys=[plan.key.jwk()],
                issuer=plan.issuer,
                clock=clock,
                random=random,
                opened=metrics.opened,
            )
            for seat in plan.gateways
        ]
        metrics.polls({one.seat.requester.name: (one.seat.name, one.age) for one in gateways})
        service.holders = {one.seat.requester.name: one.look for one in gateways}
        polled = {one.seat.requester.name: (one.lane,) for one in gateways}
        routes: Mapping[str, tuple[str, ...]] = {**plan.routes, **polled}
        links = Links(
            store=store,
            service=service,
            channels=plan.channels,
            origin=plan.site.origin,
            clock=clock,
            random=random,
            each=Limit(steady, burst=10, per_second=0.1),
            all=Limit(steady, burst=100, per_second=1),
        )
        budgets = Budgets(steady)
        asking = (*plan.requesters.values(), *(seat.requester for seat in plan.gateways))
        outbox = Outbox(
            store,
            service,
            plan.channels,
            Look(plan.review_url, plan.salt, plan.stub),
            worker=plan.worker,
            clock=clock,
            random=random,
            steady=steady,
            vetted=refresh,
            lease=plan.lease,
            carriers={**plan.carriers, **{one.lane: one for one in gateways}},
            routes=routes,
            reporters={
                by.name
                for by in plan.requesters.values()
                if by.kind is Kind.GATEWAY and by.name not in routes
            },
            errands={KIND: links.carry},
            altered=metrics.altered,
            failed=metrics.failed,
            budgets=(budgets, {by.name: by for by in asking}),
            posted=lambda case: metrics.posted(case, clock()),
        )
        metrics.late(outbox.lanes.late)

        homes: dict[str, AccountHomes] = {}

        def heard(ids: Iterable[str] | None) -> None:
            live.changed(ids)
            outbox.kick()
            for home in homes.values():
                home.changed()

        store.listen(heard)

        async def faults() -> Sequence[str]:
            try:
                await store.ping(within=ANSWERS)
            except Busy:
                return ["The database does not answer."]
            return [*parts.faults(), *filter(None, (one.fault for one in gateways))]

        deps = Deps(
            service=service,
            store=store,
            live=live,
            site=plan.site,
            clock=clock,
            random=random,
            requesters=plan.requesters,
            jwks={"keys": [plan.key.jwk()]},
            metrics=metrics,
            metrics_open=plan.metrics_open,
            faults=faults,
            warnings=lambda: [*parts.warnings(), *outbox.lanes.warnings()],
            opens=Limit(steady, burst=plan.opens_per_second * 4, per_second=plan.opens_per_second),
            budgets=budgets,
            forgeries=Limit(steady, burst=100, per_second=2),
            sign_ins=Limit(steady, burst=10, per_second=0.1),
            link_codes=Limit(steady, burst=5, per_second=1 / 60),
            linkable={
                name: partial(linking.bot, one, plan.bots.get(name, ""))
                for name, one in plan.channels.items()
                if isinstance(one, Talks)
            },
            linking=plan.linking,
            salt=plan.salt,
            glance=outbox.faces.glance,
            refresh=refresh,
            ways=(links,) if plan.sign_in_link and links.carried else (),
            authzen=plan.authzen,
        )
        app, events = application(deps, plan.channels)
        for name, channel in plan.channels.items():
            if isinstance(channel, Hears):
                channel.recall(partial(store.last_heard, name))
            if isinstance(channel, Charged):
                channel.charge(partial(metrics.charge, name))
            if isinstance(channel, Remembers):
                channel.remember(ChannelMemory(store, lambda: service.trust.ring, name))
            if isinstance(channel, Hosts):
                homes[name] = AccountHomes(deps, name, channel, stub=name in plan.stub)
                channel.look_up(homes[name])

        async def tick() -> None:
            await service.tick()

        async def seal() -> None:
            while await store.seal(
                clock(), lambda point: sign_checkpoint(plan.key, point, issuer=plan.issuer)
            ):
                pass
            # Whichever copy sealed: receipts name the newest head that this one can know.
            service.head = await store.head()

        async def write() -> None:
            # A disk that is full, or a database that is read-only, answers every question.
            await store.put_meta("written", str(clock()), within=ANSWERS)

        async def certified() -> None:
            if plan.certificate is not None:
                metrics.certificate(await _believed(plan.certificate))

        async def prune() -> None:
            await store.prune(clock(), KEEP)
            await retire(store, plan.retention, now=clock(), random=random)

        # Taken apart in the reverse order: the outbox ends what it is sending, then they close.
        for channel in plan.channels.values():
            stack.push_async_callback(channel.close)
        for one in gateways:
            stack.push_async_callback(one.close)
        stack.push_async_callback(parts.stop)
        parts.keep("turns", service.run)
        parts.keep("live", live.run)
        parts.repeat("clock", TICK, tick)
        parts.repeat("sealer", SEAL, seal)
        parts.repeat("refresh", REFRESH, partial(refresh, whole=False))
        parts.repeat("writing to the database", WRITES, write)
        parts.repeat("prune", PRUNE_EVERY, prune, vital=False)
        parts.repeat("certificate", CERTIFIED, certified, vital=False)
        if carry:
            parts.keep("outbox", outbox.run)
            parts.repeat("sweep", SWEEP, outbox.sweep, vital=False)
            parts.repeat("standings", STANDINGS, outbox.ask_again, vital=False)
        for one in gateways:
            parts.keep(f"{one.lane} watch", one.watch, vital=False)
            parts.keep(f"{one.lane} reconcile", one.reconcile, vital=False)
        for name, home in homes.items():
            parts.keep(f"home pages {name}", home.run, vital=False)
        for name in plan.outbound_only:
            # One platform that is away takes no copy out of the others' service.
            listen = partial(events.listen, plan.channels[name])
            parts.keep(f"listen {name}", listen, vital=False)
        loop, dropped = asyncio.get_running_loop(), metrics.dropped
        stack.callback(loop.set_exception_handler, loop.get_exception_handler())
        loop.set_exception_handler(connections.full(dropped, loop.time))
        url = await _listen(stack, app, plan.listen, plan.connections, dropped)
        for name, channel in plan.channels.items():
            if isinstance(channel, CatchesUp):  # once we listen: its platform may look
                parts.keep(f"catch up {name}", channel.catch_up, vital=False)
        if plan.metrics_listen:
            # Not counted with the others: who looks what is wrong must get through.
            await _listen(stack, metrics_only(deps), plan.metrics_listen, None, dropped)
        stack.callback(live.close)
        yield House(url, store, service, outbox, live, deps)


EXPIRED: Final = 10
"""`X509_V_ERR_CERT_HAS_EXPIRED`: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/"""


async def _believed(until: Callable[[], Awaitable[Instant | None]]) -> Instant | None:
    """When it ends; 0: it has ended; None: it is not known."""
    try:
        return await until()
    except ssl.SSLCertVerificationError as error:
        # Any other may be ours alone: a private CA, or the name leads elsewhere from in here.
        return 0 if error.verify_code == EXPIRED else None
    except OSError:  # not every machine reaches itself by the address that others use
        return None


def _directory(
    plan: Plan, ring: KeyRing, accounts: Sequence[Account], linked: Sequence[Linked]
) -> Directory:
    directory = linking.directory(plan.directory, ring, accounts, linked)
    for link in directory.conflicts:
        log.error(
            "account_left_out",
            channel=link.channel,
            account=link.account,
            person=link.person,
            why="by the configuration it is somebody else's",
        )
    return directory


async def _listen(
    stack: AsyncExitStack,
    app: web.Application,
    where: tuple[str, int],
    most: int | None,
    dropped: connections.Dropped,
) -> str:
    runner = connections.Runner(
        app,
        most=most,
        dropped=dropped,
        access_log=None,
        logger=connections.LOGGER,
        shutdown_timeout=2.0,
        handle_signals=False,
        keepalive_timeout=75,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    stack.push_async_callback(runner.drain, DRAIN)
    return await connections.listen(runner, where)
