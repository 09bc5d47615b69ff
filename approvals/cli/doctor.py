"""`countersign doctor`: looks at an installation from the outside, and says what to do next.

It changes nothing and only reads, except for a test card on request. Each finding is a line; a
check that depends on one that failed is left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import aiohttp

from approvals import linking
from approvals.app import channels, database, keys, serve
from approvals.app.certificate import served_until
from approvals.app.exits import Exit, Stop
from approvals.app.host import clock, random
from approvals.app.template_check import SAMPLE
from approvals.cli.browser import session
from approvals.cli.output import counted
from approvals.config import Config, faults
from approvals.evidence import rfc3339, thumbprint
from approvals.gateways.webhook import PREFIX
from approvals.model import (
    SECOND,
    Busy,
    Card,
    Difference,
    Duration,
    Fact,
    Instant,
    Kind,
    Person,
    Refused,
    Risk,
    Status,
)
from approvals.port import Channel, Remembers, reason
from approvals.proposal import ulid
from approvals.store import Parked, Store
from approvals.text import clean, ends

PATIENCE: Final = 20.0
"""Seconds for one question to another side."""
SLOW: Final[Duration] = 5 * SECOND
WRONG: Final[Duration] = 30 * SECOND
"""Differences between clocks that are worth a warning, and a fault (the skew receipts allow)."""
RECENT: Final[Duration] = 7 * 24 * 3600 * SECOND
"""How long ago a card may have been altered to be reported."""
RENEWED: Final[Duration] = 14 * 24 * 3600 * SECOND
"""A certificate that ends sooner should have been renewed already."""
OVERDUE: Final[Duration] = 60 * SECOND
"""A job that has been due for so long is not being carried out."""
ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked at, not bound to


class State(StrEnum):
    """The state of what was checked. Only BAD makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"

    @property
    def mark(self) -> str:
        return {"ok": "✓", "warning": "!", "bad": "✗"}[self]


@dataclass(frozen=True, slots=True)
class Line:
    """A finding. `next`: what to do about it. `code`: the command's exit code for it."""

    check: str
    state: State
    detail: str
    next: str = ""
    code: Exit = Exit.FAILED

    def __str__(self) -> str:
        then = f" → {self.next}" if self.next else ""
        return f"{self.state.mark} {self.check}: {self.detail}{then}"

    def as_json(self) -> dict[str, str]:
        named = {"check": self.check, "state": self.state.value}
        return {**named, "detail": self.detail, "next": self.next}


@dataclass(frozen=True, slots=True)
class Installation:
    """What the checks look at. `keys`, `store`: None where they cannot be read, which was reported.
    `dates`: by address, the service's time and ours."""

    config: Config
    keys: keys.Keys | None
    store: Store | None
    dates: dict[str, tuple[Instant, Instant]] = field(default_factory=dict)


Check: TypeAlias = Callable[[Installation], AsyncIterator[Line]]


async def examine(
    path: Path, channel: str | None = None, card_to: str | None = None
) -> AsyncIterator[Line]:
    """Every finding, in order, as soon as it is there. `channel`: only this channel's. `card_to`:
    the person who is sent a test card there.

    Raises `Stop` for an unknown channel, or a file that cannot be read.
    """
    try:
        found = faults(path, os.environ, sections=channels.SECTIONS)
    except OSError as error:
        raise Stop(Exit.CONFIG, f"{path}: {error.strerror}. --config says where it is.") from error
    if channel is not None and channel not in channels.SECTIONS:
        known = ", ".join(sorted(channels.SECTIONS))
        raise Stop(Exit.FAILED, f"There is no channel {channel!r}. Known: {known}.")
    if card_to is not None and channel is None:
        raise Stop(Exit.FAILED, "--card-to needs a channel: countersign doctor CHANNEL --card-to.")
    for fault in found:
        where = f"{fault.file}:{fault.line}: {fault.message}"
        yield Line("configuration", State.BAD, where, fault.hint or "fix it", Exit.CONFIG)
    if found:
        return
    config = serve.configuration(path)
    rules = counted(len(config.policy.rules), "rule")
    yield Line("configuration", State.OK, f"{path} is sound: {rules}")
    if channel is not None:
        async for line in _channel(config, channel):
            yield line
        if card_to is not None and channel in config.channels:
            async for line in _card(config, channel, card_to):
                yield line
        return
    for hint in config.hints:
        what, _, then = hint.partition(". ")
        yield Line("configuration", State.WARNING, what, then or "docs/configuration.md says more")
    held = None
    try:
        held = keys.load(config.keys_dir)
    except keys.KeyFault as error:
        yield Line("keys", State.BAD, error.message, error.cure, Exit.CONFIG)
    if held is not None:
        said = f"{held.ring.active} signs; receipts: {held.receipt.thumbprint}"
        yield Line("keys", State.OK, said)
        if held.waiting:
            again = "once it is on every replica: `countersign keys rotate`"
            why = f"{held.waiting} verifies and does not sign yet"
            yield Line("keys", State.WARNING, why, again)
    async with AsyncExitStack() as stack:
        store = None
        try:
            store = await database.connect(config.database_url, migrate=False)
        except Stop as error:
            yield Line("database", State.BAD, error.message, error.cure, error.code)
        if store is not None:
            stack.push_async_callback(store.close)
            kind = config.database_url.partition(":")[0]
            yield Line("database", State.OK, f"{kind} answers, and its tables are of this version")
        on = Installation(config, held, store)
        for check in CHECKS:
            try:
                async for line in check(on):
                    yield line
            except Busy as error:
                again = "look at the database's own log"
                yield Line("database", State.BAD, str(error), again, Exit.UNREACHABLE)
                on = replace(on, store=None)  # for the checks that follow


_BEFORE: Final = "DNS, TLS and the proxy before it"


async def service(on: Installation) -> AsyncIterator[Line]:
    """Does the service answer where it listens, and where people and platforms look for it?"""
    config = on.config
    urls = [url for url in (_here(config), config.public_url) if url]
    async with session(PATIENCE) as http:
        for url in urls:
            own = url != config.public_url
            again = "start it: `countersign serve`" if own else f"look at {_BEFORE}"
            try:
                status, alive, date = await _get(http, f"{url}/healthz")
                _, jwks, _ = await _get(http, f"{url}/.well-known/jwks.json")
                code, ready, _ = await _get(http, f"{url}/readyz")
            except (aiohttp.ClientError, OSError, ValueError) as error:
                why = f"nothing answers at {url}: {reason(error)}"
                yield Line("service", State.BAD, why, again, Exit.UNREACHABLE)
                continue
            if date is not None:
                on.dates[url] = date
            if (status, alive.get("status")) != (200, "ok"):
                why = f"what answers at {url} is something else (HTTP {status})"
                yield Line("service", State.BAD, why, again, Exit.UNREACHABLE)
            elif on.keys and on.keys.receipt.thumbprint not in _thumbprints(jwks):
                why = f"what answers at {url} signs with another receipt key"
                again = "look at server.listen, public_url and keys.dir"
                yield Line("service", State.BAD, why, again, Exit.UNREACHABLE)
            elif code != 200:
                why = f"{url} is not ready: {ready.get('detail', code)}"
                yield Line("service", State.BAD, why, "its log says more", Exit.UNREACHABLE)
            else:
                yield Line("service", State.OK, f"{url} is ready")
            for warning in ready.get("warnings", ()):
                yield Line("service", State.WARNING, clean(warning), "its log says more")


async def certificate(on: Installation) -> AsyncIterator[Line]:
    """How long is the certificate of our public address valid? No line where it is not valid or
    nobody answers: `service` reports that."""
    url = on.config.public_url or ""
    try:
        end = await served_until(url, within=PATIENCE)
    except OSError:
        return
    if end is None:
        return
    until = f"that of {urlsplit(url).hostname} is good until {rfc3339(end)}"
    if end - clock() > RENEWED:
        yield Line("certificate", State.OK, until)
    else:
        again = "renew it: what renews it by itself should have by now"
        yield Line("certificate", State.WARNING, until, again)


def _here(config: Config) -> str | None:
    """Where the service listens on this machine; None: on any free port."""
    listen = config.listen
    host = ANYWHERE.get(listen.host, listen.host)
    at = f"http://[{host}]" if ":" in host else f"http://{host}"
    return f"{at}:{listen.port}" if listen.port else None


async def _get(
    http: aiohttp.ClientSession, url: str
) -> tuple[int, dict[str, Any], tuple[Instant, Instant] | None]:
    """Status, JSON object, and what time it is there and here."""
    async with http.get(url, allow_redirects=False) as answer:
        here, date = clock(), answer.headers.get("Date", "")
        raw = await answer.content.read(65536)
        try:
            known = (int(parsedate_to_datetime(date).timestamp()) * 1000, here)
        except (ValueError, TypeError, OverflowError):
            known = None
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            body = None
        return answer.status, body if isinstance(body, dict) else {}, known


def _thumbprints(jwks: dict[str, Any]) -> set[str]:
    listed = jwks.get("keys")
    found = set()
    for key in listed if isinstance(listed, list) else ():
        with contextlib.suppress(ValueError, KeyError, AttributeError):
            found.add(thumbprint(key))
    return found


async def clocks(on: Installation) -> AsyncIterator[Line]:
    """Do the clocks here, in the database and at the service agree?"""
    seen = dict(on.dates)
    if on.store is not None:
        before = clock()
        there = await on.store.time()
        seen = {"the database": (there, (before + clock()) // 2), **seen}
    for where, (theirs, ours) in seen.items():
        late = theirs - ours
        said = f"{late / 1000:+.1f} s at {where}"
        state = State.OK if abs(late) <= SLOW else State.WARNING
        if abs(late) > WRONG:
            state = State.BAD
        again = "" if state is State.OK else "synchronise the clocks (NTP): receipts live a minute"
        yield Line("clock", state, said, again)


async def every_channel(on: Installation) -> AsyncIterator[Line]:
    """The checks of each configured channel."""
    for name in (*on.config.channels, *on.config.off):
        async for line in _channel(on.config, name):
            yield line


async def _channel(config: Config, name: str) -> AsyncIterator[Line]:
    if name not in config.channels:
        why = config.off.get(name, f"{name} is not configured")
        yield Line(name, State.WARNING, why, "set its secrets, or leave it out")
        return
    again = f"docs/channels/{name}.md"
    made = None
    stack = AsyncExitStack()
    try:
        made = channels.made({name: config.channels[name]}, config.templates)[name]
        if isinstance(made, Remembers):
            with contextlib.suppress(Stop, Busy):  # other checks say what keys or database lack
                base = await stack.enter_async_context(serve.base(config, migrate=False))
                serve.recalls(made, name, base)
        findings = await asyncio.wait_for(made.check(), PATIENCE)
    except Exception as error:  # an adapter's fault, or its platform's: the others follow
        why = clean(str(error)) if isinstance(error, Busy | Refused | Stop) else reason(error)
        yield Line(name, State.BAD, f"it could not be asked: {why}", again, Exit.UNREACHABLE)
    else:
        for finding in findings:
            said = f"{finding.subject}: {clean(finding.detail)}"
            state = State.OK if finding.ok else State.BAD
            yield Line(name, state, said, "" if finding.ok else again)
        if not findings:
            yield Line(name, State.OK, "it has nothing to check")
        async for line in _heard(config, name, listens=made.abilities.listen):
            yield line
    finally:
        if made is not None:
            await made.close()
        await stack.aclose()


async def _heard(config: Config, name: str, *, listens: bool) -> AsyncIterator[Line]:
    """Would a tap reach the service, at the platform's address for it or by our own socket?"""
    section: Any = config.channels[name]
    async with session(PATIENCE) as http:
        if listens and getattr(section, "mode", "webhook") != "webhook":
            if url := _here(config):
                yield await _listening(http, url, name)
            return
        door = getattr(section, "webhook_url", "") or (
            config.public_url and f"{config.public_url}/channels/{name}/events"
        )
        delivered = name != "email" or section.actionable is not None
        if door and delivered:
            yield await _knocked(http, door, name)


async def _listening(http: aiohttp.ClientSession, url: str, name: str) -> Line:
    """Has the service that runs here a connection of its own to the platform?"""
    try:
        _, ready, _ = await _get(http, f"{url}/readyz")
    except (aiohttp.ClientError, OSError, ValueError):
        why = "the service does not run here, so nobody listens for taps"
        return Line(name, State.WARNING, why, "start it: `countersign serve`")
    if any(f"'listen {name}'" in said for said in ready.get("warnings", ())):
        return Line(name, State.BAD, "its connection is failing", "its log says more")
    return Line(name, State.OK, "the service listens for taps")


async def _knocked(http: aiohttp.ClientSession, door: str, name: str) -> Line:
    """Does the service answer there? It may, and still not be reachable for the platform."""
    try:
        async with http.post(door, data=b"", allow_redirects=False) as answer:
            status = answer.status
    except (aiohttp.ClientError, OSError, ValueError) as error:
        why = f"nothing answers at {door}: {reason(error)}"
        again = f"start the service; look at {_BEFORE}"
        return Line(name, State.BAD, why, again, Exit.UNREACHABLE)
    # Our own answer to an unsigned request; a proxy would answer 404, or show a login page.
    if status == HTTPStatus.UNAUTHORIZED:
        return Line(name, State.OK, f"{door} is open, and refuses what is not signed")
    why = f"{door} answers {status} to what is not signed, and not 401"
    again = "the proxy before the service must hand it on as it is"
    return Line(name, State.BAD, why, again, Exit.UNREACHABLE)


async def _card(config: Config, name: str, person: str) -> AsyncIterator[Line]:
    """Send a card that asks nothing to this person, and compare it with what comes back."""
    async with serve.base(config, migrate=False) as on:
        known = await on.store.accounts(), await on.store.linked()
        who = linking.directory(config.directory, on.keys.ring, *known).person(person)
        if who is None:
            raise Stop(Exit.FAILED, f"There is no person {person!r} in {config.path}.")
        made = channels.made({name: config.channels[name]}, config.templates)[name]
        serve.recalls(made, name, on)
        try:
            async for line in _posted(made, name, who):
                yield line
        finally:
            await made.close()


async def _posted(made: Channel, name: str, who: Person) -> AsyncIterator[Line]:
    account = who.accounts.get(name)
    if account is None and made.abilities.open_by_email:
        account = who.email
    if account is None:
        why, again = f"{who.id} has no account there", f"`countersign link {who.id} {name}`"
        yield Line(f"card to {who.id}", State.BAD, why, again)
        return
    try:
        async with asyncio.timeout(PATIENCE):
            address = await made.open(account)
            payload = made.layout(_test_card(clock()))
            ref = await made.post(address, payload, random(16).hex())
    except Exception as error:  # an adapter's fault, or its platform's
        why = clean(str(error)) if isinstance(error, Busy | Refused) else reason(error)
        again = f"docs/channels/{name}.md"
        yield Line(f"card to {who.id}", State.BAD, why, again, Exit.UNREACHABLE)
        return
    yield Line(f"card to {who.id}", State.OK, f"sent to {clean(account)}: is it there?")
    yield _echoed(name, ref.altered, echoes=made.abilities.echo)


HOSTILE: Final = {
    "Emoji": "emoji ✅ 🚀 © ™ 1\ufe0f\u20e3",
    "Blanks": "blanks: a\ttab, two  in a row, two at the end  ",
    "Accents": "accents: Zu\u0308rich, cafe\u0301",
    "Mentions": "mentions @everyone @here <!channel> <@U024BE7LH>",
    "Links": "links https://example.com www.example.com [x](https://example.com)",
    "Markup": "markup *b* _i_ ~s~ `c` ```f``` > q # h",
    "Entities": 'entities &amp; &lt;b&gt; <b> & "',
    "Right to left": "right to left \u05e9\u05dc\u05d5\u05dd 12.40 \u202e04.21",
}
"""Values that platforms alter, by name; each begins with its name, so that a difference shows which
value it is in. Accents are decomposed."""


def _echoed(channel: str, altered: Sequence[Difference], *, echoes: bool) -> Line:
    """Which of the test card's values were altered: cards with such values have no Approve."""
    check = "cards come back as sent"
    if not echoes:
        why = f"{channel} does not give messages back: a tap is as good as the bot's secret"
        return Line(check, State.OK, why)
    if not altered:
        names = ", ".join(HOSTILE).lower()
        return Line(check, State.OK, f"as sent: {names}")
    said = "\n".join(one.sent for one in altered).lower()
    names = ", ".join(name.lower() for name in HOSTILE if name.lower() in said)
    why = f"otherwise than sent: {names or 'something else'} (first at {clean(altered[0].path)})"
    again = f"such cards can be approved on their page only: docs/channels/{channel}.md"
    return Line(check, State.WARNING, why, again)


def _test_card(now: Instant) -> Card:
    return replace(
        SAMPLE,
        request_id="req_test",
        status=Status.WITHDRAWN,
        headline="Nothing to decide",
        title="This is a test",
        subject="This is a test",
        risk=Risk.LOW,
        action="test",
        agent="countersign doctor",
        facts=tuple(Fact(name, ends(clean(value, line=False))) for name, value in HOSTILE.items()),
        line="Nothing is sent",
        payload="Nothing is asked of you.",
        payload_tail="",
        payload_size=24,
        note=None,
        deadline=now,
        until="",
        decided_at=now,
        progress="",
        buttons=(),
        review=None,
    )


async def people(on: Installation) -> AsyncIterator[Line]:
    """Accounts that don't count: of two people, barred by their platform, or not linked by us."""
    if on.store is None or on.keys is None:
        return
    accounts, linked, ring = await on.store.accounts(), await on.store.linked(), on.keys.ring
    known = linking.directory(on.config.directory, ring, accounts, linked)
    found = linking.shown(known, ring, accounts, linked)
    for one in found:
        if one.fault:
            why = clean(f"{one.channel} {one.account} of {one.person}: {one.fault}")
            then = "`countersign unlink`" if one.how == "code" else "`countersign links` says more"
            yield Line("people", State.WARNING, why, then)
    if not any(one.fault for one in found):
        codes = sum(one.how == "code" for one in found)
        many = counted(len(found), "account")
        yield Line("people", State.OK, f"{many}, {codes} linked by a code")


async def webhooks(on: Installation) -> AsyncIterator[Line]:
    """When was each endpoint last reached, and what waits for it?"""
    if on.store is None:
        return
    jobs = (await on.store.counts()).jobs
    for name in on.config.webhooks:
        check, waiting = f"webhook {name}", jobs.get(("verdict", PREFIX + name), (0, 0))[0]
        good = await _known(on.store, f"webhook.delivered {name}")
        bad = await _known(on.store, f"webhook.failed {name}")
        reached = f"last reached {rfc3339(good['at'])}" if good else "never reached yet"
        if bad and bad["at"] > (good["at"] if good else 0):
            why = f"{bad['why']} at {rfc3339(bad['at'])}; {reached}; {waiting} wait"
            again = f"look at {bad['host']}; it is asked again by itself"
            yield Line(check, State.BAD, why, again)
        else:
            yield Line(check, State.OK, f"{reached}; {waiting} wait")


async def _known(store: Store, key: str) -> dict[str, Any] | None:
    found = await store.meta(key)
    return json.loads(found) if found else None


async def outbox(on: Installation) -> AsyncIterator[Line]:
    """Messages that are parked, overdue, or for a channel that is no longer configured."""
    if on.store is None:
        return
    config, now = on.config, clock()
    parked = await on.store.parked(10_000)
    newest: dict[str, Parked] = {}
    for one in parked:
        newest.setdefault(one.job.target, one)
    for lane, count in sorted(Counter(one.job.target for one in parked).items()):
        why = f"{count} parked in {lane or 'the core'}: {clean(newest[lane].error)}"
        again = f"`countersign outbox resend {newest[lane].job.id}`, or `--all`"
        yield Line("outbox", State.WARNING, why, again)
    well = True
    for (kind, lane), (count, due) in sorted((await on.store.counts()).jobs.items()):
        ours = {*config.channels, *(PREFIX + name for name in config.webhooks)}
        gone = (lane.startswith(PREFIX) or lane in channels.SECTIONS) and lane not in ours
        if gone:
            well, why = False, f"{count} wait for {lane}, which is not configured any more"
            yield Line("outbox", State.WARNING, why, "configure it again, or leave them")
        elif now - due > OVERDUE:
            well, why = False, f"{count} {kind} in {lane or 'the core'}, due since {rfc3339(due)}"
            yield Line("outbox", State.WARNING, why, "is the service running?")
    if well and not parked:
        yield Line("outbox", State.OK, "nothing is parked, nothing is overdue")


async def gateways(on: Installation) -> AsyncIterator[Line]:
    """Requesters that hold requests, without the gateways that we ask."""
    for name, one in on.config.requesters.items():
        if one.kind is Kind.GATEWAY:
            hook = name in on.config.webhooks
            verdicts = "is told by its webhook" if hook else "asks for its verdicts"
            yield Line(f"gateway {name}", State.OK, f"it has a key, and {verdicts}")


async def altered(on: Installation) -> AsyncIterator[Line]:
    """Platforms that altered cards, whichever copy of the service noticed."""
    if on.store is None:
        return
    found = await on.store.altered("crd_" + ulid(clock() - RECENT, bytes(10)))
    for name, count in sorted(Counter(channel for channel, _, _ in found).items()):
        newest = next(where for channel, _, where in found if channel == name)
        why = f"{name} altered {counted(count, 'card')} in the last 7 days, last at {newest}"
        again = f"see which values it alters: `countersign doctor {name} --card-to PERSON`"
        yield Line("cards", State.WARNING, f"{why}; they lost Approve", again)


CHECKS: Final[tuple[Check, ...]] = (
    service,
    certificate,
    clocks,
    every_channel,
    people,
    webhooks,
    outbox,
    altered,
    gateways,
)
