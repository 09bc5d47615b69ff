"""`countersign serve`: from the configuration to a running service, until it is told to stop.

Acts here and on the command line are in the audit chain like all others: a configuration or key
ring that has changed since the last start, a sign-in link, an export.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import structlog

from approvals import audit
from approvals.app import channels, database, descriptors, keys, template_check
from approvals.app.certificate import served_until
from approvals.app.compose import House, Plan, running
from approvals.app.exits import Exit, Stop
from approvals.app.host import clock, random, settled, steady
from approvals.buttons import KeyRing
from approvals.config import Config, Unsafe, load
from approvals.gateways.onecli import Seat
from approvals.gateways.webhook import Webhook
from approvals.marked import Place
from approvals.memory import ChannelMemory
from approvals.model import Requester
from approvals.port import Channel, Remembers
from approvals.service import Trust
from approvals.store import Store
from approvals.store.schema import HEAD
from approvals.web import credentials
from approvals.web.api import view
from approvals.web.site import Site

log = structlog.get_logger()
REACHED: Final = 10.0
"""Seconds within which our own public address answers."""


@dataclass(frozen=True, slots=True)
class Base:
    """An installation as commands need it: its configuration, keys and store."""

    config: Config
    keys: keys.Keys
    store: Store
    site: Site

    @property
    def url(self) -> str:
        """Where the service says it is; also the issuer of its receipts."""
        listen = self.config.listen
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        return self.config.public_url or f"http://{host}:{listen.port}"


def configuration(path: Path) -> Config:
    """The checked configuration. Raises `Stop` that lists every fault with its line."""
    try:
        return load(path, os.environ, sections=channels.SECTIONS)
    except Unsafe as error:
        raise Stop(Exit.CONFIG, "\n".join(str(fault) for fault in error.faults)) from error
    except OSError as error:
        raise Stop(Exit.CONFIG, f"{path}: {error.strerror}. --config says where it is.") from error


def written(config: Config) -> Iterator[tuple[Place, str, str]]:
    """Faults of a sound configuration that only channels and templates can find."""
    yield from template_check.faults(config)
    yield from channels.faults(config)


def around(config: Config) -> Iterator[tuple[Place, str, str]]:
    """Faults in and around a sound configuration, for `check`."""
    yield from written(config)
    try:
        keys.load(config.keys_dir)
    except keys.KeyFault as error:
        yield ("keys", "dir"), error.message.rstrip("."), error.cure.rstrip(".")
    if wrong := database.look(config.database_url):
        yield ("database", "url"), *wrong


@asynccontextmanager
async def base(config: Config, *, migrate: bool = True) -> AsyncIterator[Base]:
    """Keys and store of an installation. Raises `Stop` where they cannot be opened."""
    held = keys.load(config.keys_dir)
    store = await database.connect(config.database_url, migrate=migrate)
    try:
        label = await store.put_meta("site", random(8).hex(), once=True)
        yield Base(config, held, store, Site.at(_site_url(config), label))
    finally:
        await store.close()


def recalls(channel: Channel, name: str, on: Base) -> None:
    """Give a channel its memory, if it has one. Without it a command would use a token that the
    service has since exchanged."""
    if isinstance(channel, Remembers):
        channel.remember(ChannelMemory(on.store, lambda: on.keys.ring, name))


def _with_port(config: Config) -> Config:
    """Port 0 is chosen before anything names it: links and receipts say where we are."""
    if config.listen.port:
        return config
    with socket.create_server((config.listen.host, 0)) as free:
        return replace(config, listen=replace(config.listen, port=free.getsockname()[1]))


def _site_url(config: Config) -> str:
    return config.public_url or f"http://127.0.0.1:{config.listen.port}"


async def note(on: Base, kind: audit.Kind, about: str | None = None, /, **content: Any) -> None:
    """An audit entry about the installation, or about a request. Never with a secret."""
    await on.store.append([audit.entry(kind, clock(), random, about, **content)])


async def login_link(on: Base, person: str) -> str:
    """A link that signs this person in once, within ten minutes."""
    await note(on, audit.Kind.LINK_MADE, person=person)
    secret = await credentials.make_link(on.store, on.keys.ring, person, now=clock(), random=random)
    return f"{on.site.origin}/login/{secret}"


async def noted(on: Base, kind: audit.Kind, ring: KeyRing, salt: bytes) -> None:
    """Put into the chain which parts of the configuration have changed since the last entry."""
    before = json.loads(await on.store.meta("configuration") or "{}")
    now = _parts(on, ring, salt)
    changed = sorted(part for part in now if now[part] != before.get(part))
    if changed:
        await note(on, kind, changed=changed, before=before, now=now)
        await on.store.put_meta("configuration", json.dumps(now))


def _agents(by: Requester) -> list[Any]:
    """The agents that it may speak for, and the people of each."""
    own = {agent: people.ids() for agent, people in sorted(by.agent_people.items())}
    return [by.agents, by.on_behalf_of, by.owner, *([own] if own else [])]


def _parts(on: Base, ring: KeyRing, salt: bytes) -> Mapping[str, Any]:
    """The parts of the configuration that verdicts rest on.

    The policy's digest, key ids and thumbprint are those that receipts and keys name. The others
    are salted hashes: they show that something changed, and not what.
    """
    config, directory = on.config, on.config.directory()

    def fingerprint(*values: Any) -> str:
        return hmac.new(salt, json.dumps(values, sort_keys=True).encode(), sha256).hexdigest()

    return {
        "policy": config.policy.digest,
        "people": fingerprint(
            [[p.id, p.email, p.accounts, sorted(p.roles)] for p in directory.people()],
            [[more.channel, more.account, more.person] for more in config.more_accounts],
            {name: sorted(members) for name, members in directory.groups.items()},
        ),
        "requesters": fingerprint(
            [
                [sha.hex(), by.name, by.kind, *_agents(by)]
                for sha, name in sorted(config.key_hashes.items())
                for by in [config.requesters[name]]
            ]
        ),
        "webhooks": fingerprint(
            {
                name: [hook.url, [sha256(key).hexdigest() for key in hook.secrets]]
                for name, hook in config.webhooks.items()
            }
        )
        if config.webhooks
        else None,
        "gateways": fingerprint(
            [
                [
                    *(one.name, one.url, sha256(one.key.encode()).hexdigest(), one.workspace),
                    *(by.name, *_agents(by)),
                ]
                for one in config.gateways
                for by in [one.requester]
            ]
        )
        if config.gateways
        else None,
        "channels": fingerprint(
            {name: made.model_dump(mode="json") for name, made in config.channels.items()},
            {name: path.read_text() for name, path in config.templates.items()},
            on.site.origin,
        ),
        "keys": {"active": ring.active, "kids": sorted(ring.keys)},
        "receipt_key": on.keys.receipt.thumbprint,
    }


def webhooks(on: Base) -> dict[str, Webhook]:
    """The endpoints that verdicts are pushed to, by requester."""
    return {
        name: Webhook(
            name, hook.url, hook.secrets, on.store, clock, random, partial(view, names=False)
        )
        for name, hook in on.config.webhooks.items()
    }


async def plan(on: Base) -> Plan:
    """The plan of an installation's service; changes since the last start are noted."""
    config = on.config
    salt = bytes.fromhex(await on.store.put_meta("salt", random(16).hex(), once=True))
    await noted(on, audit.Kind.CONFIGURATION_CHANGED, on.keys.ring, salt)
    adapters = channels.made(config.channels, config.templates)
    listening = frozenset(name for name, made in adapters.items() if made.abilities.listen)

    # The ring and the version of the folder that it was read from, replaced together. The first
    # look reads again: the folder may have changed since the start.
    held: tuple[KeyRing, object] = (on.keys.ring, None)

    def reload(trust: Trust) -> Trust:
        """Read the key folder again: a new key verifies from now on, a revoked one no longer."""
        nonlocal held
        if (now := keys.version(config.keys_dir)) != held[1]:
            held = (keys.load(config.keys_dir).ring, now)
        return trust if trust.ring is held[0] else replace(trust, ring=held[0])

    in_use, hooks = on.keys.ring, webhooks(on)

    async def reloaded(trust: Trust) -> None:
        nonlocal in_use
        if trust.ring is not in_use:
            await noted(on, audit.Kind.KEYS_CHANGED, trust.ring, salt)
            in_use = trust.ring

    return Plan(
        trust=Trust(
            policy=config.policy,
            directory=config.directory(),
            ring=on.keys.ring,
            book=config.book,
            channels={name: made.abilities for name, made in adapters.items()},
        ),
        directory=config.directory,
        key=on.keys.receipt,
        issuer=on.url,
        site=on.site,
        listen=(config.listen.host, config.listen.port),
        requesters={sha: config.requesters[name] for sha, name in config.key_hashes.items()},
        channels=adapters,
        worker=f"{socket.gethostname()}.{os.getpid()}.{random(4).hex()}",
        stub=channels.stubs(config.channels),
        sign_in_link=config.sign_in_link,
        authzen=config.authzen,
        retention=config.retention,
        linking={name: channels.linking(name) for name in adapters},
        bots=channels.bots(config.channels),
        outbound_only=listening,
        salt=salt,
        carriers={hook.lane: hook for hook in hooks.values()},
        routes={name: (hook.lane,) for name, hook in hooks.items()},
        gateways=tuple(
            Seat(one.name, one.requester, one.url, one.key, one.workspace)
            for one in config.gateways
        ),
        certificate=partial(served_until, on.url, within=REACHED),
        metrics_listen=(config.metrics.host, config.metrics.port) if config.metrics else None,
        review_url=lambda case_id: f"{on.site.origin}/requests/{case_id}",
        reload=reload,
        reloaded=reloaded,
    )


async def serve(path: Path, *, migrate: bool, started: Callable[[House, Base], None]) -> None:
    """Run until SIGINT or SIGTERM. `started` is called once it listens."""
    config = _with_port(configuration(path))
    async with base(config, migrate=migrate) as on:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        try:
            made = replace(await plan(on), connections=descriptors.raised())
            async with running(made, on.store, clock=clock, random=random, steady=steady) as house:
                with settled():
                    started(house, on)
                    if on.store.revision != HEAD:
                        log.warning(
                            "tables_are_newer",
                            tables=on.store.revision,
                            this_version=HEAD,
                            next="bring this copy up to the version of the others",
                        )
                    await stop.wait()
        except OSError as error:
            where = f"{config.listen.host}:{config.listen.port}"
            raise Stop(Exit.CONFIG, f"Cannot listen on {where}: {error.strerror}.") from error
