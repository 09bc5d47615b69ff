"""Where platforms deliver taps and messages: first the proof, then a durable vote, then the answer.

Calls to the platform (a private notice, a reason prompt) come after the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping
from functools import partial
from typing import Final

import structlog
from aiohttp import web

from approvals import audit, linking, words
from approvals.evidence import Entry
from approvals.model import Busy, Forged, Malformed, Refused
from approvals.port import (
    Answers,
    Channel,
    Event,
    GivenUp,
    Glance,
    Handshake,
    Hears,
    Hosts,
    Ignored,
    Inbound,
    Lost,
    Notice,
    NoticeKind,
    Prepares,
    Reply,
    Resolved,
    Response,
    Route,
    Routed,
    Several,
    Talks,
    Tap,
    Visit,
    resolve,
)
from approvals.proposal import ulid
from approvals.reroute import Failed, onward
from approvals.store import CardState, again_job
from approvals.web import typed_codes
from approvals.web.bodies import Bodies
from approvals.web.deps import Deps
from approvals.web.problems import Problem

log = structlog.get_logger()
LIMIT: Final = 1024 * 1024
"""Bytes of one delivery; the largest platform event (a dialog) is under 250 kB."""
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS: Final = frozenset({"GET", "POST", "PUT"})
"""Of the routes that a channel names itself."""
RESOLVED: Final = 2.5
"""Seconds for asking a platform about its delivery; the least patient waits three for an answer."""
HOSTED: Final = 10.0
"""Seconds for a page that somebody waits for."""
SLOWED: Final = 1.0
"""Seconds by which a 429 to an unproven delivery is delayed."""
MOST_SLOWED: Final = 1_000
"""Delayed answers at one time. Each holds a connection; others are answered immediately."""


class Events:
    """The handler of `/channels/{channel}/events`, and of what else channels name (`Routed`).

    Raises `ValueError` for an address that is not a channel's to name, or is named twice.
    """

    def __init__(self, deps: Deps, channels: Mapping[str, Channel]) -> None:
        self._deps = deps
        self._channels = channels
        self._prepares = {n: one for n, one in channels.items() if isinstance(one, Prepares)}
        self._hears = {n: one for n, one in channels.items() if isinstance(one, Hears)}
        self._terse = {n for n, one in channels.items() if not one.abilities.says_counted}
        self._named = named_routes(channels)
        self._told: set[asyncio.Task[None]] = set()
        self._bodies = Bodies()
        self._slow = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/channels/{channel}/events", self._of_the_path),
            web.get("/channels/{channel}/events", self._of_the_path, allow_head=False),
            *(
                web.route(route.method, route.path, partial(self._at, route, self._channels[name]))
                for route, name in self._named.items()
            ),
        ]

    async def _of_the_path(self, request: web.Request) -> web.Response:
        channel = self._channels.get(request.match_info["channel"])
        if channel is None:
            raise Problem(404, "not_found", "This channel is not configured.")
        return await self.receive(channel, request)

    async def _at(self, route: Route, channel: Channel, request: web.Request) -> web.Response:
        answer = await self.receive(channel, request)
        taken = answer.status == 200 and not answer.body
        return _http(Response(body=route.done)) if taken and route.done else answer

    async def receive(self, channel: Channel, request: web.Request) -> web.Response:
        """Take one delivery."""
        # Nobody has proven anything yet: no byte more than the limit is taken in, and not for long.
        body = await self._bodies.read(request, LIMIT)
        headers: dict[str, str] = {}
        for name, value in request.headers.items():
            headers.setdefault(name.lower(), value)
        inbound = Inbound(
            request.method, request.path, request.query_string, headers, body, self._deps.clock()
        )
        unproven = 0
        try:
            if prepares := self._prepares.get(channel.name):
                await prepares.prepare(inbound)
            proven = channel.authenticate(inbound)
            # The platform waits for our answer, so there is little time to ask it anything.
            async with asyncio.timeout(RESOLVED):
                resolved = await resolve(channel, proven)
            event = channel.read(resolved)
        # Only unproven deliveries are slowed down: behind a proxy everybody has the same address,
        # and nobody may block the taps of others.
        except Forged:
            self._deps.metrics.deliveries.labels(channel.name, "forged").inc()
            unproven = 401
        except Malformed as error:
            self._deps.metrics.deliveries.labels(channel.name, "malformed").inc()
            unproven, why = 400, str(error)
        except (Busy, Refused, TimeoutError) as error:
            why = str(error) or "no answer in time"
            log.error("delivery_not_resolved", channel=channel.name, why=why)
            return web.Response(status=503, headers={"Retry-After": "1"})
        if unproven:
            del body, inbound, headers  # not held while it waits, nor by what was raised
            await self._slowed(request.remote)
            if unproven == 400:
                log.warning("malformed_delivery", channel=channel.name, why=why)
            return web.Response(status=unproven)
        if request.method in SAFE and not isinstance(event, Handshake):
            return web.Response(status=405, headers={"Allow": "POST"})  # it changes nothing
        if hears := self._hears.get(channel.name):
            await self._remember(hears, channel.name, resolved)
        return await self._heard(channel, event)

    async def _slowed(self, remote: str | None) -> None:
        """Count an unproven delivery. After too many, raise a 429, delayed: a flood over the same
        connections then leaves time for genuine deliveries."""
        try:
            self._deps.forgeries.take(remote)
        except Problem:
            if self._slow < MOST_SLOWED:
                self._slow += 1
                try:
                    await asyncio.sleep(SLOWED)
                finally:
                    self._slow -= 1
            raise

    async def _remember(self, channel: Hears, name: str, resolved: Resolved) -> None:
        """Store who wrote before acting on it: how we may answer depends on that.

        If it cannot be stored, we answer as if they had not written.
        """
        try:
            await self._deps.store.heard_from(name, channel.heard(resolved))
        except Busy as error:
            log.warning("last_words_not_kept", channel=name, why=str(error))

    async def _heard(self, channel: Channel, event: Event) -> web.Response:
        """Act on a proven event; nothing is acknowledged before it is durable."""
        match event:
            case Handshake(response):
                return _http(response)
            case Tap():
                return await self._tapped(channel, event)
            case Ignored(why):
                log.info("delivery_ignored", channel=channel.name, why=why)
            case Glance():
                return await self._glanced(channel, event)
            case Visit():
                return await self._visited(channel, event)
            case Reply() | GivenUp() | Lost():
                try:
                    notice = await self._noted(event)
                except Busy as error:
                    log.error("event_not_stored", channel=channel.name, why=str(error))
                    return web.Response(status=503, headers={"Retry-After": "1"})
                if isinstance(event, Reply):
                    if notice and isinstance(channel, Answers):
                        return _http(channel.word(event, notice))
                    self._say(channel, event, notice)
            case Several(events):
                for each in events:
                    answered = await self._heard(channel, each)
                    if answered.status >= 500:  # all come again; what counted counts once
                        return answered
        return web.Response()

    async def _tapped(self, channel: Channel, tap: Tap) -> web.Response:
        try:
            notice = await self._judged(tap)
        except Busy as error:
            # Nothing is stored, and the platform must not be told that it was.
            log.error("tap_not_stored", channel=channel.name, why=str(error))
            return web.Response(status=503, headers={"Retry-After": "1"})
        if notice is None:
            return web.Response()
        self.tell(channel, tap, notice)
        response = channel.answer(tap, notice)
        return web.Response() if response is None else _http(response)

    async def _judged(self, tap: Tap) -> Notice | None:
        """The notice for the person who tapped; None: they reacted to another message than a card.
        Raises `Busy`."""
        service = self._deps.service
        answer = await (service.tap(tap) if tap.choice is None else service.tap_on(tap))
        if answer is None:
            log.info("delivery_ignored", channel=tap.channel, why="that message is no card of ours")
            return None
        self._deps.metrics.tapped(tap.channel, answer.notice.kind.value)
        return answer.notice

    async def _glanced(self, channel: Channel, glance: Glance) -> web.Response:
        try:
            response = await self._deps.glance(channel, glance)
        except Busy as error:
            log.error("glance_not_answered", channel=channel.name, why=str(error))
            return web.Response(status=503, headers={"Retry-After": "1"})
        return _http(response)

    async def _visited(self, channel: Channel, visit: Visit) -> web.Response:
        if not isinstance(channel, Hosts):
            return web.Response()
        if not visit.waits:
            self._later(_tell(channel, channel.host(visit)))
            return web.Response()
        try:
            async with asyncio.timeout(HOSTED):
                return _http(await channel.host(visit))
        except (Busy, Refused, TimeoutError) as error:
            why = str(error) or "no answer in time"
            log.error("visit_not_answered", channel=channel.name, what=visit.what, why=why)
            return web.Response(status=503, headers={"Retry-After": "1"})

    def tell(self, channel: Channel, tap: Tap, notice: Notice) -> None:
        """Send the private notice in the background: the tap itself is done."""
        terse = notice.kind is NoticeKind.COUNTED and channel.name in self._terse
        if tap.reply_to and not terse:
            self._later(_tell(channel, channel.tell(tap, notice)))

    def _later(self, word: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(word)
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    def _say(self, channel: Channel, reply: Reply, notice: Notice | None) -> None:
        """The same, to the person who wrote."""
        if notice and isinstance(channel, Talks):
            self._later(_tell(channel, channel.say(reply, notice)))

    async def _noted(self, event: Reply | GivenUp | Lost) -> Notice | None:
        """Store the event. Returns the notice for the person who wrote, if there is one."""
        deps = self._deps
        match event:
            case Reply():
                return await self._written(event)
            case GivenUp():
                now, random = deps.clock(), deps.random
                if await linking.give_up(deps.store, deps.directory, event, now=now, random=random):
                    log.warning("account_given_up", channel=event.channel, account=event.account)
                    await deps.refresh()
            case Lost():
                await self._lost(event)
        return None

    async def _lost(self, lost: Lost) -> None:
        """A card did not arrive: post it again, in the form that needs no open conversation.

        A card that was posted when we knew that the conversation was closed had that form already:
        then the next entry of `via` is tried.
        """
        store, now, where = self._deps.store, self._deps.clock(), (lost.channel, lost.conversation)
        known = await store.end_window(*where, now)
        if lost.card:
            card = await store.card(lost.card)
        else:
            card = await store.card_by_message(*where, lost.message)
        if card is None or (card.channel, card.conversation) != where:
            return
        if lost.card and card.state is CardState.POSTING:  # its last message is still on its way
            raise Busy("a card of which a part is lost is just being posted")
        if card.state is not CardState.POSTED:
            return
        case = (await store.cases([card.request_id]))[card.request_id]
        random, trust = self._deps.random, self._deps.service.trust
        jobs, entries = [again_job(case, card, now)], list[Entry]()
        if card.id >= "crd_" + ulid(known, bytes(10)):
            room = None if card.account else card.conversation
            failed = Failed(lost.channel, room, card.person, "it did not arrive")
            jobs, entries = await onward(store, trust, case, failed, now=now, random=random)
            if not (jobs and case.open):
                log.error("card_lost", channel=lost.channel, request=card.request_id)
                if not (lost.card and case.open):
                    return  # else the part that did arrive would still take taps
        said = {"card": card.id, "channel": lost.channel, "message": lost.message}
        entry = audit.entry(audit.Kind.CARD_LOST, now, random, case.id, **said)
        await store.fail_card(card.id, [entry, *entries], jobs)

    async def _written(self, reply: Reply) -> Notice | None:
        """Act on a message: a code that links an account or declines a request; None: neither."""
        deps, who = self._deps, f"{reply.channel} {reply.account}"
        code, typed = linking.code_in(reply.text), typed_codes.decline_in(reply.text)
        if code is None and typed is None:
            return None
        try:
            deps.link_codes.check(who)
        except Problem:
            # No answer: it would count towards the platform's rate limit, for which cards wait.
            log.warning("typed_codes_too_many", channel=reply.channel, account=reply.account)
            return None
        now, random = deps.clock(), deps.random
        if code is None:
            return await self._declined(reply, typed, who) if typed else None
        done = await linking.take(
            deps.store, deps.service.trust.ring, deps.directory, reply, code,
            now=now, random=random,
        )  # fmt: skip
        if isinstance(done, Notice):
            deps.link_codes.count(who)
            await deps.store.append([linking.refused(reply, now, random)])
            return done
        await deps.refresh()
        if deps.directory.by_account(reply.channel, reply.account) is None:
            said = "This account was linked, and may not decide: the platform had barred it."
            return Notice(NoticeKind.REFUSED, said)
        name = words.Voice(names=deps.directory.names).name(done.person)
        return Notice(NoticeKind.COUNTED, f"This account is {name}'s from now on.")

    async def _declined(self, reply: Reply, typed: typed_codes.Typed, who: str) -> Notice:
        deps = self._deps
        person = None
        if not reply.stranger:
            person = deps.directory.by_account(reply.channel, reply.account)
        found = await typed_codes.decline(deps, person, typed, reply) if person else None
        if found is not None:
            return found
        deps.link_codes.count(who)
        await deps.store.append([typed_codes.refused(reply, deps.clock(), deps.random)])
        return typed_codes.DEAD

    async def listen(self, channel: Channel) -> None:
        """Outbound-only mode: the same events by a connection that we opened."""

        async def deliver(event: Event) -> Notice | None:
            match event:
                case Tap():
                    return await self._judged(event)
                case Ignored(why):
                    log.info("delivery_ignored", channel=channel.name, why=why)
                case Reply() | GivenUp() | Lost():
                    notice = await self._noted(event)
                    if isinstance(event, Reply):
                        self._say(channel, event, notice)
                case Several(events):
                    for each in events:
                        notice = await deliver(each)
                        if notice is not None and isinstance(each, Tap):
                            self.tell(channel, each, notice)
            return None

        await channel.listen(deliver)


def named_routes(channels: Mapping[str, Channel]) -> dict[Route, str]:
    """Each route that a channel names itself, and the channel's name. `ValueError`: one is not its
    own to name."""
    named: dict[Route, str] = {}
    for name, channel in channels.items():
        for route in channel.routes if isinstance(channel, Routed) else ():
            own = route.path.startswith((f"/channels/{name}/", "/_"))
            if not own or route.method not in METHODS or route in named:
                raise ValueError(
                    f"{name}: {route.method} {route.path} is not its own to name: GET, POST or PUT"
                    f" and a path that begins with /channels/{name}/ or /_, named once"
                )
            named[route] = name
    return named


def _http(response: Response) -> web.Response:
    answer = web.Response(
        status=response.status, body=response.body, content_type=response.content_type
    )
    answer.headers.update(response.headers)
    return answer


async def _tell(channel: Channel, word: Awaitable[object]) -> None:
    try:
        await word
    except Exception as error:
        log.warning("notice_not_told", channel=channel.name, why=type(error).__name__)
