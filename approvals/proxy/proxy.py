"""The gateway itself: a forward proxy that holds what its rules do not simply allow.

Laws: nothing is sent that was not allowed by a rule or released by a receipt for exactly it; what
is sent is what was digested, with placeholders filled in; whatever fails, fails to a refusal.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hmac
import json
import os
import re
import socket
import sqlite3
from asyncio.sslproto import SSLProtocol
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias, cast

import h11
import structlog

from approvals import __version__
from approvals.audit import RecordKind
from approvals.evidence import end_to_end, split_url
from approvals.model import SECOND, Fact, Instant, Refused
from approvals.packs import Rule, Verb
from approvals.proxy.ask import Approvals, Away, Slower, Used
from approvals.proxy.ca import Authority, utc
from approvals.proxy.clients import interim, limit
from approvals.proxy.credentials import Unavailable
from approvals.proxy.held import Copy, Holdings, Ticket, aside, digest_of, still_waiting
from approvals.proxy.http2 import Connection as Multiplexed
from approvals.proxy.metrics import Metrics, State
from approvals.proxy.observing import quieted_by, unused
from approvals.proxy.post import poster
from approvals.proxy.reach import Reach, Upstream, place
from approvals.proxy.record import OURS, Record
from approvals.proxy.refusal import Asked, refusal
from approvals.proxy.revoked import Revoked
from approvals.proxy.rules import Decision, Outbound, Rules
from approvals.proxy.secrets import Filled, Misuse, Scrubber, Secrets, Spelling, spelt
from approvals.proxy.settings import Mode, Settings
from approvals.proxy.tunnel import Passed, Tunnels, clashes, joined
from approvals.proxy.wire import MAX_LINES, PATIENCE, PIECE, Gone, Patience, Problem, Reader, Wire
from approvals.readings import Readings
from approvals.text import redact

LARGEST: Final = 10 * 1024 * 1024
"""Bytes of a body that is held."""
GUESSED: Final = 60.0
"""Seconds in which the refusals of callers from one address are one line of the audit file."""
ROOM: Final = 3
"""Bodies over 64 KiB of one agent that are in memory at the same time; the next is read when one of
these is decided or lies on disk."""
FREE: Final = 20
"""Refusals within `GUESSED` that are answered at once: clients that send their password only when
they are asked for it need one for each connection."""
OPENS: Final = Fact("WebSocket", "Opens a connection; what is sent on it afterwards is not shown.")
"""Stands first on the card of a request that, once approved, becomes a tunnel."""
_UNFIT: Final = frozenset({"accept-encoding", "range", "if-range", "sec-websocket-extensions"})
"""Headers that allow answers in which a secret could not be recognised and crossed out."""
_HEADS: Final = frozenset({
    b"connection", b"content-encoding", b"content-length", b"content-range", b"content-type",
    b"keep-alive", b"location", b"proxy-authenticate", b"set-cookie", b"te", b"trailer",
    b"transfer-encoding", b"upgrade", b"www-authenticate",
})  # fmt: skip
_NOTED: Final = ("request", "rule", "reason")
"""Members of a refusal that are in its row of the record, too."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FAILED: Final = (OSError, TimeoutError, h11.RemoteProtocolError)
ESTABLISHED: Final = h11.Response(status_code=200, headers=[], reason=b"Connection established")
Tell: TypeAlias = Callable[..., None]
Talk: TypeAlias = Callable[[Wire], Coroutine[Any, Any, None]]
# asyncio gives every TLS connection a buffer of this size, 256 KiB unless it is told (CPython's
# Lib/asyncio/sslproto.py): 1.2 GB for 5,000 requests that are held. One TLS record is enough.
SSLProtocol.max_size = 16 * 1024
About: TypeAlias = dict[str, Any]
Answer: TypeAlias = h11.Response | h11.InformationalResponse


@asynccontextmanager
async def running(
    settings: Settings, env: Mapping[str, str], *, clock: Callable[[], Instant],
    random: Callable[[int], bytes], patience: Patience = PATIENCE,
) -> AsyncIterator[Gateway]:  # fmt: skip
    """A listening gateway. `Refused`: its folder or its address cannot be used."""
    folder = settings.folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        raise Refused(f"{folder} is open to others: chmod 700 {folder}")
    org, limits = OURS + settings.service.requester, settings.record
    record = Record(folder, org=org, clock=clock, random=random, limits=limits)
    try:
        gateway = Gateway(settings, env, clock, random, patience, record)
        record.note(RecordKind.GATEWAY_STARTED, {"mode": settings.mode, "version": __version__})
    except BaseException:
        record.close()
        raise
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(gateway.close)
        gateway.port = await _listening(stack, gateway.protocol, settings.listen)
        if settings.metrics is not None:
            watched = partial(gateway.protocol, gateway.metrics.talk)
            gateway.metrics_port = await _listening(stack, watched, settings.metrics)
        yield gateway


async def _listening(
    stack: contextlib.AsyncExitStack, protocol: Callable[[], asyncio.Protocol],
    where: tuple[str, int],
) -> int:  # fmt: skip
    """The port on which connections are accepted until the stack ends. `Refused`."""
    loop, (host, port) = asyncio.get_running_loop(), where
    try:
        server = await loop.create_server(protocol, host, port, backlog=4096)
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise Refused(f"cannot listen on {host}:{port}: {why}") from None
    stack.callback(server.close)
    return int(server.sockets[0].getsockname()[1])


class Gateway:
    """Takes each request from its head to its answer."""

    def __init__(
        self, settings: Settings, env: Mapping[str, str], clock: Callable[[], Instant],
        random: Callable[[int], bytes], patience: Patience, record: Record,
    ) -> None:  # fmt: skip
        folder, self._record = settings.folder, record
        self.port, self.metrics_port, self._closing = 0, 0, False
        self.metrics = Metrics(self._state)
        self._settings, self._patience = settings, patience
        self._clock, self._salt = clock, random(16)
        alpn = ("h2", "http/1.1") if settings.http2 else ("http/1.1",)
        self._authority = Authority(folder, utc(clock()), alpn=alpn)
        self._revoked = Revoked(folder)
        self._observing = settings.mode is Mode.OBSERVE
        self._unused = unused(settings.rules) if self._observing else Rules()
        self._reach = Reach(settings.private, settings.ca_file, patience)
        self._secrets = Secrets(
            folder, env, declared=settings.secrets, clock=clock, post=poster(self._reach)
        )
        if found := clashes(settings.rules.rules, self._secrets.all()):
            raise Refused(found[0])
        self._tunnels = Tunnels()
        self._readings = Readings(remembered=0)  # each is read once
        self._approvals = Approvals(
            settings.service, Used(folder / "used.db"), clock=clock, random=random,
            patience=patience,
        )  # fmt: skip
        self._holdings = Holdings(folder, settings.holding, self._approvals, patience, self._note)
        self._connections: set[asyncio.Task[None]] = set()
        self._multiplexed: set[Multiplexed] = set()
        self._guesses = Guesses()
        self._rooms = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(ROOM))
        self._busy: set[asyncio.Task[Any]] = set()  # connections with a request under way

    def protocol(self, talk: Talk | None = None) -> asyncio.StreamReaderProtocol:
        """The protocol of one connection, on which `talk` speaks: by default, with an agent."""
        reader, talk = Reader(), talk or self._conversation

        def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._begin(talk(Wire(reader, writer, self._patience)))

        return asyncio.StreamReaderProtocol(reader, accept, loop=asyncio.get_running_loop())

    def _begin(self, talk: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(talk)
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        return task

    async def faults(self) -> list[str] | None:
        """What is wrong between the service and us, in words; None: it does not answer."""
        try:
            return await self._approvals.faults()
        except (Away, Slower):
            return None

    def _state(self) -> State:
        held, service = self._holdings, self._approvals.answers
        return State(len(held), held.bytes, service, self._authority.ends)

    async def close(self) -> None:
        """End idle connections at once, held ones with a 503; wait a while for released ones."""
        if self._closing:
            return
        self._closing = True
        await self._holdings.close()
        for connection in tuple(self._multiplexed):
            connection.drain()
        for task in self._connections - self._busy:
            task.cancel()
        if self._busy:
            await asyncio.wait(tuple(self._busy), timeout=self._patience.drain)
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._secrets.close()
        self._reach.close()
        await self._approvals.close()
        self._holdings.end()
        await self._readings.close()
        self._record.close()

    def _note(self, kind: RecordKind, about: Mapping[str, Any]) -> bool:
        """A row of the record, in which placeholders stand for secrets."""
        said = {name: value for name, value in about.items() if name != "request"}
        return self._record.note(kind, said, about.get("request"))

    async def _conversation(self, wire: Wire) -> None:
        about: About = {}
        try:
            while True:
                about = {"agent": wire.agent} if wire.agent else {}
                request = await wire.head()
                if request is None:
                    break
                if request.method == b"CONNECT" and not wire.origin:
                    await self._connect(wire, request, about)
                    break
                task = asyncio.current_task()
                assert task is not None  # noqa: S101 - each connection is a task
                self._busy.add(task)
                try:
                    async with contextlib.AsyncExitStack() as room:
                        await self._one(wire, request, about, room)
                finally:
                    self._busy.discard(task)
                if self._closing or not wire.again():
                    break
        except Problem as problem:
            self.metrics.refused(problem.slug)
            reported: About = {
                "type": problem.slug,
                "status": problem.status,
                "why": problem.detail,
            }
            pause = 0.0
            if problem.slug == "unknown_agent":
                peer = str((wire.writer.get_extra_info("peername") or ("",))[0])
                pause, count = self._guesses.take(peer, asyncio.get_running_loop().time())
                reported["count"] = count
            if reported.get("count") != 0:
                more: About = {name: it for name, it in problem.more.items() if name in _NOTED}
                self._note(RecordKind.REFUSED, {**about, **reported, **more})
            if pause:
                await wire.reader.unless_gone(asyncio.sleep(pause))
            if wire.answerable:
                told = refusal(problem, _asker(wire))
                headers = [*told.headers, ("connection", "close")]
                with contextlib.suppress(OSError, TimeoutError):
                    await wire.answer(problem.status, told.kind, told.body, headers, told.phrase)
            else:
                wire.abort()
        except (Gone, OSError, TimeoutError):
            pass
        except Exception:
            structlog.get_logger().exception("gateway_fault")
            wire.abort()
        finally:
            await wire.close()

    async def _connect(self, wire: Wire, request: h11.Request, about: About) -> None:
        """Answer as the host would: TLS with our certificate for it, or plain HTTP."""
        agent = about["agent"] = self._agent(request)
        target = request.target.decode("latin-1")
        if re.fullmatch(r"[^/?]+:\d+", target) is None:
            raise Problem(400, "malformed", "CONNECT takes a host and a port.")
        try:
            clear, secure = _origin(f"http://{target}"), _origin(f"https://{target}")
        except ValueError as error:
            raise Problem(400, "malformed", f"{error}.") from None
        if wire.length:
            raise Problem(400, "malformed", "CONNECT has no body.")
        if wire.reader.early:
            why = "Bytes for the tunnel came before CONNECT was answered: wait for its 200."
            raise Problem(400, "malformed", why)
        authority = split_url(secure)[1]
        if (rule := self._settings.rules.tunnel(agent, authority)) is not None:
            about |= {"method": "CONNECT", "url": authority, "rule": rule.id}
            self.metrics.decided(rule.id, "tunnel")
            await self._tunnel(wire, rule, clear, about)
            return
        await wire.send(ESTABLISHED)
        transport = cast(asyncio.Transport, wire.writer.transport)
        if await _first_byte(transport, self._patience.head) != b"\x16":  # a TLS handshake
            inner = Wire(wire.reader, wire.writer, self._patience, agent, clear)
            await self._conversation(inner)
            return
        # A new reader: no byte that came in clear becomes part of the encrypted stream.
        loop, reader = asyncio.get_running_loop(), Reader()
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        context = self._authority.context(place(secure)[1], utc(self._clock()))
        patience = self._patience.head
        secured = await loop.start_tls(
            transport, protocol, context, server_side=True, ssl_handshake_timeout=patience
        )
        if secured is None:
            return
        protocol.connection_made(secured)
        forgotten = wire.writer  # kept: a writer that is forgotten closes its transport
        wire.writer = asyncio.StreamWriter(secured, protocol, reader, loop)
        if secured.get_extra_info("ssl_object").selected_alpn_protocol() == "h2":
            await self._streams(reader, wire.writer, agent, secure)
        else:
            inner = Wire(reader, wire.writer, self._patience, agent, secure)
            inner.tls = cast(SSLProtocol, transport.get_protocol())
            await self._conversation(inner)
        del forgotten

    async def _streams(
        self, reader: Reader, writer: asyncio.StreamWriter, agent: str, origin: str
    ) -> None:
        """A connection in HTTP/2: each stream is a conversation of one request."""

        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - each connection is a task
        made = Multiplexed(
            reader, writer, self._patience, agent, origin,
            begin=lambda stream: self._begin(self._conversation(stream)),
        )  # fmt: skip
        self._multiplexed.add(made)
        self._busy.add(task)  # as long as one of its streams: `drain` ends it
        try:
            if self._closing:
                made.drain()
            await made.run()
        finally:
            self._busy.discard(task)
            self._multiplexed.discard(made)

    async def _tunnel(self, wire: Wire, rule: Rule, clear: str, about: About) -> None:
        """Pass its bytes unopened, with a row of the record at its beginning and its end."""
        try:
            found = clashes([rule], self._secrets.all())  # a secret may be newer than the start
        except (Refused, OSError, ValueError):
            found = ["the secrets cannot be read"]
        if found:
            structlog.get_logger().error("tunnel_refused", rule=rule.id, why=found[0])
            raise Problem(403, "tunnel_refused", "A tunnel may not go where a secret may.")
        with self._tunnels.one(about["agent"]):
            addresses = await self._reach.addresses(clear, listed=False)
            upstream = await self._reach.connect(clear, addresses)
            passed, began = Passed(), self._clock()
            if not self._note(RecordKind.TUNNEL_OPENED, about):
                await upstream.close()
                raise _unrecorded()
            try:
                await wire.send(ESTABLISHED)
                ends = (wire.reader, wire.writer), (upstream.reader, upstream.writer)
                shut_out = partial(self._revoked.holds, about["agent"])
                await joined(*ends, self._patience, passed, shut_out)
            finally:
                more = {"sent": passed.sent, "received": passed.received, "end": passed.end}
                seconds = (self._clock() - began) // SECOND
                self._note(RecordKind.TUNNEL_CLOSED, {**about, **more, "seconds": seconds})
                await upstream.close()

    def _agent(self, request: h11.Request) -> str:
        given = [value for name, value in request.headers if name == b"proxy-authorization"]
        scheme, _, token = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        try:
            name, _, password = base64.b64decode(token.strip(), validate=True).partition(b":")
            known = self._settings.password(name.decode("latin-1"))
            right = known.encode() if known else os.urandom(16)
            if scheme.lower() == b"basic" and hmac.compare_digest(password, right):
                return self._let_in(name.decode("latin-1"))
        except binascii.Error:
            pass
        raise _unknown()

    def _let_in(self, agent: str) -> str:
        """The agent, unless it was shut out, even since it opened this connection."""
        if self._revoked.holds(agent):
            raise _unknown()
        return agent

    async def _one(
        self, wire: Wire, request: h11.Request, about: About, room: contextlib.AsyncExitStack
    ) -> None:
        """One request. `room`: its body's share of the agent's memory, until it is left."""
        target = request.target.decode("latin-1")
        if target.startswith("/") and not wire.origin:
            if request.method != b"GET" or target not in ("/", "/healthz"):
                raise Problem(404, "not_found", "This is a proxy. Its own page is /healthz.")
            mode = json.dumps({"status": "ok", "mode": self._settings.mode}).encode()
            await wire.answer(200, "application/json", mode)
            return
        agent = self._let_in(wire.agent) if wire.agent else self._agent(request)
        about["agent"] = agent
        if not self._record.writable():
            raise _unrecorded()
        seen = self._seen(agent, request, wire.origin + target, wire)
        shown = redact(seen.url, self._salt).text.partition("?")[0]
        about |= {"method": seen.method, "url": shown}
        seen, decision, barred = await self._decided(wire, seen, room)
        about["rule"] = decision.rule
        upgrades = [v for n, v in request.headers if n == b"upgrade" and v.lower() == b"websocket"]
        upgrade = request.method == b"GET" and bool(upgrades)
        if upgrade and not decision.websocket and barred is None:
            barred = Problem(403, "websocket_refused", "No rule lets WebSockets pass here.")
        if barred is not None and not self._observing:
            self.metrics.decided(decision.rule, "denied")
            raise barred
        # `Upgrade` is hop by hop, so no digest binds it; `Sec-WebSocket-Key` is bound, and every
        # handshake has one (RFC 6455, 4.1). With one never being there without the other, what a
        # person approved as a plain request cannot open a connection, nor the other way round.
        keyed = any(name.lower() == "sec-websocket-key" for name, _ in seen.headers)
        if upgrade is not keyed and decision.verb is not Verb.ALLOW:
            why = "Upgrade: websocket and Sec-WebSocket-Key come together or not at all."
            raise Problem(400, "malformed", why)
        addresses = await self._reach.addresses(seen.url)  # before anybody is asked
        await self._looked_through(seen)
        if (filled := await self._filled(seen)).values:
            kept = [header for header in seen.headers if header[0].lower() not in _UNFIT]
            seen = replace(seen, headers=(*kept, ("Accept-Encoding", "identity")))
        if self._observing:
            await self._observed(seen, decision, barred, about)
        elif decision.verb is not Verb.ALLOW:
            version = request.http_version
            asking = self._ask(wire, seen, decision, upgrade, about, version, room)
            del seen, filled  # its body lies on disk while it is held
            await asking
            return
        if filled.values:
            filled = await self._filled(seen)
        passes = barred is None and decision.verb is Verb.ALLOW
        self.metrics.decided(decision.rule, "allowed" if passes else "observed")
        await self._send(wire, seen, filled, upgrade, _untold, about, addresses)

    def _seen(self, agent: str, request: h11.Request, url: str, wire: Wire) -> Outbound:
        """The request as it will be sent; its body is not read yet."""
        method = request.method.decode("latin-1")
        if method in ("CONNECT", "TRACE"):  # TRACE echoes headers
            raise Problem(405, "method_refused", f"{method} does not pass here.")
        raw = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.headers.raw_items()]
        try:
            scheme, authority, path, query = split_url(url)
            bound = {name for name, _ in end_to_end(raw)} - {"expect"}
        except ValueError as error:
            raise Problem(400, "malformed", f"{error}.") from None
        headers = [(name, value) for name, value in raw if name.lower() in bound]
        if "host" not in bound:
            headers.insert(0, ("Host", authority))
        url = f"{scheme}://{authority}{path}" + ("" if query is None else f"?{query}")
        return Outbound(agent, method, url, tuple(headers), None if wire.length != 0 else b"")

    async def _decided(
        self, wire: Wire, seen: Outbound, room: contextlib.AsyncExitStack
    ) -> tuple[Outbound, Decision, Problem | None]:
        """The request with its body, unless that may pass as it comes; the decision; and the
        refusal, if it is denied or too large. `Problem`: it has two readings."""
        decision = self._settings.rules.decide(seen)
        denied = decision.verb is Verb.DENY and not decision.needs_body and not self._observing
        streams = decision.verb is Verb.ALLOW and decision.oversize and not decision.needs_body
        if seen.body is None and not denied and not streams:
            body = bytearray()
            if wire.length > LARGEST:
                return seen, decision, _oversized(decision)
            if not 0 <= wire.length <= PIECE:
                await room.enter_async_context(self._rooms[seen.agent])
            async for piece in wire.body():
                body += piece
                if len(body) > LARGEST:
                    wire.begun = bytes(body)
                    return seen, decision, _oversized(decision)
            kept = [header for header in seen.headers if header[0].lower() != "content-length"]
            kept.append(("Content-Length", str(len(body))))
            seen = replace(seen, headers=tuple(kept), body=bytes(body))
            rules, http = self._settings.rules, seen.http()
            reading = await self._readings.of(http, None, rules.book.dialect(http))
            decision = rules.decide(seen, reading)
        if decision.verb is not Verb.DENY:
            return seen, decision, None
        if decision.rule is None:
            raise Problem(400, "ambiguous", decision.why, rule=None)
        return seen, decision, Problem(403, "denied", decision.why, rule=decision.rule)

    async def _observed(
        self, seen: Outbound, decision: Decision, barred: Problem | None, about: About
    ) -> None:
        """Write down what `mode: hold` would do with it, before it passes."""
        if barred is None and decision.verb is Verb.ALLOW:
            return
        about["would"] = "ask" if barred is None else barred.slug
        said: About = {"why": decision.why, "action": decision.action}
        said |= {"risk": decision.risk.value} if decision.risk else {}
        if barred is None and seen.body is not None:
            http, packs = seen.http(), self._unused
            reading = await self._readings.of(http, None, packs.book.dialect(http))
            said |= {"pack": name} if (name := quieted_by(packs, seen, reading)) else {}
        if not self._note(RecordKind.OBSERVED, {**about, **said}):
            raise _unrecorded()

    async def _filled(self, seen: Outbound) -> Filled:
        clear = self._reach.listed(seen.url)
        try:
            sent = (seen.agent, seen.url, seen.headers, seen.body)
            await self._secrets.fetch(*sent)
            return self._secrets.fill(*sent, clear=clear, method=seen.method)
        except Misuse as error:
            structlog.get_logger().error("placeholder_misused", agent=seen.agent, where=str(error))
            raise _misplaced(error) from None
        except Unavailable as error:
            raise Problem(502, "secret_unavailable", f"{error}.", again=error.again) from None
        except (Refused, OSError, ValueError) as error:
            structlog.get_logger().error("secret_unavailable", why=str(error))
            raise Problem(502, "secret_unavailable", "A credential cannot be read.") from None

    async def _looked_through(self, seen: Outbound) -> None:
        """`Problem`: the body has a placeholder out of place. Large bodies are read in a thread."""
        if not seen.body or not self._spells():
            return
        body = self._secrets.blank(seen.agent, seen.url, seen.headers, seen.body)
        if spelt(body) if len(body) <= PIECE else await asyncio.to_thread(spelt, body):
            structlog.get_logger().error("placeholder_misused", where="the body")
            raise _misplaced("the body")

    def _spells(self) -> bool:
        """Is there any secret that a placeholder could stand for?"""
        try:
            return bool(self._secrets.all())
        except (Refused, OSError, ValueError):
            return True

    async def _ask(
        self, wire: Wire, seen: Outbound, decision: Decision, upgrade: bool, about: About,
        version: bytes, room: contextlib.AsyncExitStack,
    ) -> None:  # fmt: skip
        """Hold it until a receipt releases exactly this, or join an identical held request."""
        try:
            digest = await aside(partial(digest_of, decision.action, seen), len(seen.body or b""))
        except ValueError as error:
            raise Problem(400, "malformed", f"{error}.") from None
        kind = "websocket" if upgrade else "http"
        asked = _question(seen, decision, opens=upgrade)
        ticket, new = await self._holdings.enter(seen, asked, digest, kind=kind)
        headers = seen.headers
        del seen  # the held bytes are sent, not these
        await room.aclose()
        about["digest"] = ticket.digest
        self.metrics.decided(decision.rule, "asked" if new else "joined")
        self._note(RecordKind.ASKED if new else RecordKind.JOINED, about)
        with self._holdings.waiting(ticket) as place:
            hold = self._settings.holding.hold
            most, client = hold / SECOND if hold else None, limit(headers)
            if client is not None:
                most = min(most or client.seconds, client.seconds)
            waiting = asyncio.create_task(self._keep_waiting(wire, headers, version))
            try:
                async with asyncio.timeout(most):
                    result = await wire.reader.unless_gone(ticket.turn(place))
            except TimeoutError:
                if client is None:
                    raise still_waiting(ticket.request) from None
                raise still_waiting(
                    ticket.request, status=client.status, again=client.again
                ) from None
            finally:
                waiting.cancel()
                if ticket.request:
                    about["request"] = ticket.request
            if isinstance(result, Problem):
                self._holdings.finish(ticket, result, collected=True)
                raise result
            if isinstance(result, Copy):
                await self._copied(wire, result, about)
                self._holdings.finish(ticket, result, collected=True)
                return
            await self._released(wire, ticket, upgrade, about)

    async def _keep_waiting(
        self, wire: Wire, headers: Sequence[tuple[str, str]], version: bytes
    ) -> None:
        """Send interim answers, each of which restarts the client's read timeout."""
        kept = interim(headers, version=version)
        with contextlib.suppress(OSError, TimeoutError):
            while kept is not None:
                await asyncio.sleep(self._patience.interim or kept.seconds)
                await wire.send(h11.InformationalResponse(status_code=kept.status, headers=[]))

    async def _copied(self, wire: Wire, copy: Copy, about: About) -> None:
        if copy.pieces is None:
            raise _lost(about["request"], copy.head.status_code)
        self._note(RecordKind.ANSWERED_AGAIN, {**about, "status": copy.head.status_code})
        body = b"".join(copy.pieces)
        await wire.send(copy.head, h11.Data(data=body), h11.EndOfMessage())

    async def _released(self, wire: Wire, ticket: Ticket, upgrade: bool, about: About) -> None:
        """Send the held request, once its receipt is noted; report and keep its outcome."""
        case, id_ = ticket.case, ticket.request
        assert case is not None  # noqa: S101 - only what was approved is released
        if wire.reader.gone.done():
            raise Gone  # the agent's next try collects it
        tell = partial(self._approvals.report, id_)
        try:
            seen = await self._holdings.whole(ticket)
            filled = await self._filled(seen)
            await self._approvals.release(case, ticket.digest)
        except Refused as error:
            structlog.get_logger().error("receipt_refused", request=id_, why=str(error))
            if not await self._approvals.used.released(id_):
                tell(delivered=False, error=f"the gateway refused the receipt: {error}"[:1000])
            why = f"What the service calls approved is not proven: {error}. Nothing was sent."
            problem = Problem(502, "receipt_refused", why, request=id_)
            self._holdings.finish(ticket, problem, collected=True)
            raise problem from None
        except sqlite3.Error as error:
            structlog.get_logger().error("receipt_not_noted", why=type(error).__name__)
            why = "The gateway cannot write its notes. Nothing was sent."
            raise Problem(503, "receipt_not_noted", why, again=True) from None
        if not self._note(RecordKind.RELEASED, about):
            tell(delivered=False, error="the gateway cannot write its record")
            problem = _unrecorded(id_)
            self._holdings.finish(ticket, problem, collected=True)
            raise problem
        outcome = _Outcome(tell)
        slow = asyncio.get_running_loop().call_later(self._patience.slow, outcome.slow)
        cut = Problem(
            502, "upstream_failed", "It was approved and sent; what came of it is not known.",
            request=id_, again=None,
        )  # fmt: skip
        result: Problem | Copy = cut
        collected = False
        try:
            copy = await self._send(wire, seen, filled, upgrade, outcome, about, ())
            result, collected = copy or cut, copy is None or copy.taken
        except Problem as problem:
            problem.more.setdefault("request", id_)
            result, collected = problem, not wire.reader.gone.done()
            raise
        except asyncio.CancelledError:
            outcome(delivered=None, error="unknown: the gateway stopped before an answer came")
            raise
        finally:
            slow.cancel()
            if result is cut and outcome.status is not None:
                result = _lost(id_, outcome.status)
            self._holdings.finish(ticket, result, collected=collected)
        if not collected:
            raise Gone

    async def _watched(self, wire: Wire) -> AsyncIterator[bytes]:
        """A body that is passed on as it comes: the part that was read already, and the rest."""
        look = Spelling() if self._spells() else None
        begun, wire.begun = wire.begun, b""
        for part in (_whole(begun), wire.body()):
            async for piece in part:
                if look and look.feed(piece):
                    raise _misplaced("the body")
                yield piece

    async def _send(
        self, wire: Wire, seen: Outbound, filled: Filled, upgrade: bool, tell: Tell, about: About,
        addresses: Sequence[str],
    ) -> Copy | None:  # fmt: skip
        """Send it and pass the answer on; return a copy of that where a person released it."""
        # A request that a person released, that may change something or that is in clear has a
        # connection of its own. Others share one only with the same secrets: these are crossed out.
        origin, alone = _origin(seen.url), tell is not _untold
        plain = origin.startswith("https:") and seen.method in _SAFE and seen.body == b""
        again = plain and not alone and not upgrade
        whose = (seen.agent, origin, filled.values)
        upgraded = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
        hop = upgraded if upgrade else [] if again else [("Connection", "close")]
        headers = [*filled.headers, *hop]
        if seen.body is None and not any(n.lower() == "content-length" for n, _ in headers):
            headers.append(("Transfer-Encoding", "chunked"))
        whole = filled.body if filled.body is not None else seen.body
        body = self._watched(wire) if whole is None else _whole(whole)
        try:
            head = h11.Request(
                method=seen.method,
                target=(filled.url or seen.url).removeprefix(origin),
                headers=[(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers],
            )
            addresses = addresses or await self._reach.addresses(seen.url)
            upstream = await self._reach.kept(whose, addresses) if again else None
            upstream = upstream or await self._reach.connect(seen.url, addresses)
        except h11.LocalProtocolError:
            tell(delivered=False, error="it cannot be sent as it was digested")
            raise Problem(400, "malformed", "This cannot be sent byte for byte.") from None
        except Problem as problem:
            tell(delivered=False, error=problem.detail)
            self.metrics.failed(problem.slug)
            raise
        kept = False
        try:
            try:
                exchange = upstream.exchange(head, body)
                # After an approval the outcome is worth waiting for, even if the agent has left.
                answer = await (exchange if alone else wire.reader.unless_gone(exchange))
            except _FAILED as error:
                tell(delivered=None, error=f"no answer ({type(error).__name__})")
                self.metrics.failed("upstream_failed")
                status = 504 if isinstance(error, TimeoutError) else 502
                why = (
                    "No answer came. It is not known what was done: check before sending it again."
                )
                raise Problem(status, "upstream_failed", why, again=None) from None
            tell(delivered=True, status=answer.status_code)
            self._note(RecordKind.SENT, {**about, "status": answer.status_code})
            self._secrets.answered(filled, answer.status_code)
            # 401: "the request has not been applied" (RFC 9110, 15.5.2). A request that only reads
            # is sent once more with a new access token; others are for the agent to send again.
            if again and answer.status_code == 401 and any(filled.used.values()):
                renewed = await self._filled(seen)
                if renewed.used != filled.used:
                    return await self._send(wire, seen, renewed, upgrade, tell, about, ())
            shut_out = partial(self._revoked.holds, seen.agent)
            relayed = _relay(wire, upstream, answer, filled, shut_out, whole=alone)
            copy = await (relayed if alone else wire.reader.unless_gone(relayed))
            kept = again and self._reach.keep(whose, upstream)
            return copy
        finally:
            if not kept:
                await upstream.close()


class Guesses:
    """Callers without a valid password: their refusals are counted, and slowed down if many."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, int, int]] = {}  # since, how many, how many not noted

    def take(self, peer: str, now: float) -> tuple[float, int]:
        """(seconds to wait before the answer, refusals to note: this one and those before it)."""
        since, number, silent = self._seen.get(peer, (now - GUESSED, 0, 0))
        if now - since >= GUESSED:
            since, number, noted = now, 0, silent + 1
            silent = 0
        else:
            noted, silent = 0, silent + 1
        if len(self._seen) >= 1_000:
            self._seen.clear()
        self._seen[peer] = since, number + 1, silent
        return (1.0 if number >= FREE else 0.0), noted


class _Outcome:
    """Reports the outcome of a release to the service: the first certain one, and no other."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._certain = tell, False
        self.status: int | None = None
        """The status of the upstream's answer, once there is one."""

    def __call__(self, **said: Any) -> None:
        if not self._certain:
            self._certain, self.status = True, said.get("status")
            self._tell(**said)

    def slow(self) -> None:
        """Report that no answer came yet: else people might think it was never sent."""
        if not self._certain:
            self._tell(delivered=None, error="unknown so far: it was sent, and no answer came yet")


async def _relay(
    wire: Wire, upstream: Upstream, answer: Answer, filled: Filled, shut_out: Callable[[], bool],
    *, whole: bool,
) -> Copy | None:  # fmt: skip
    """Pass the answer on as it comes, without the secrets. `shut_out`: ends a WebSocket.

    `whole`: take it to its end and return a copy, even if the agent leaves meanwhile; `Gone` is
    raised then only where it is too large to copy.
    """
    scrub, switching = Scrubber(filled.values), isinstance(answer, h11.InformationalResponse)
    coded = any(n == b"content-encoding" and v.lower() != b"identity" for n, v in answer.headers)
    if filled.values and coded:
        why = "The answer is compressed though it may not be."
        raise Problem(502, "compressed_answer", why, again=None)
    headers = [(n, scrub.whole(value)) for n, value in _answered(answer, switching=switching)]
    reason = scrub.whole(answer.reason)
    head = type(answer)(status_code=answer.status_code, headers=headers, reason=reason)
    copy = Copy(head) if whole and isinstance(head, h11.Response) else None
    there = True

    async def send(*events: h11.Event) -> None:
        nonlocal there
        there = there and not (copy and wire.reader.gone.done())
        try:
            if there:
                await wire.send(*events)
        except (OSError, TimeoutError):
            if copy is None:
                raise
            there = False
        if not there and copy and copy.pieces is None:
            raise Gone

    await send(head)
    if switching:
        await _joined(wire, upstream, scrub, shut_out)
        return None
    try:
        async for piece in upstream.data():
            if out := scrub.feed(piece):
                if copy:
                    copy.add(out)
                await send(h11.Data(data=out))
    except _FAILED:
        wire.abort()  # cut off for the agent, too: it must not look whole
        raise Gone from None
    last = scrub.end()
    if copy and last:
        copy.add(last)
    # Without fields that belong in a head (RFC 9110, 6.5.1).
    kept = [(n, v) for n, v in upstream.trailers if n not in _HEADS] if wire.trailers else []
    trailers = [(n, scrub.whole(v)) for n, v in kept[:MAX_LINES]]
    await send(h11.Data(data=last), h11.EndOfMessage(headers=trailers))
    if copy:
        copy.taken = there
    return copy


def _answered(answer: Answer, *, switching: bool) -> Iterator[tuple[bytes, bytes]]:
    """The headers of an answer without those of the connection it came on."""
    listed = b",".join(v for n, v in answer.headers if n == b"connection").lower().split(b",")
    hops = {name.strip() for name in listed} | {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer",
        b"transfer-encoding", b"upgrade",
    }  # fmt: skip
    if any(name == b"transfer-encoding" for name, _ in answer.headers):
        hops.add(b"content-length")
    for name, value in answer.headers.raw_items():
        if name.lower() not in hops:
            yield name, value
    if switching:
        yield from ((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))


async def _joined(
    wire: Wire, upstream: Upstream, scrub: Scrubber, shut_out: Callable[[], bool]
) -> None:
    """Pass bytes both ways until one side ends, or the agent is shut out."""
    sent, came = wire.http.trailing_data[0], upstream.http.trailing_data[0]
    out = _poured(sent, wire.reader, upstream.writer, lambda data: data, shut_out)
    back = _poured(came, upstream.reader, wire.writer, scrub.feed, shut_out)
    ways = [asyncio.create_task(out), asyncio.create_task(back)]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _poured(
    data: bytes, reader: Reader, writer: asyncio.StreamWriter, through: Callable[[bytes], bytes],
    shut_out: Callable[[], bool],
) -> None:  # fmt: skip
    while (data or (data := await reader.read(PIECE))) and not shut_out():
        writer.write(through(data))
        await writer.drain()
        data = b""


async def _first_byte(transport: asyncio.Transport, seconds: float) -> bytes:
    """The first byte of the other side, which stays to be read. `TimeoutError`."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    transport.pause_reading()
    with transport.get_extra_info("socket").dup() as peek:
        loop.add_reader(peek, ready.set)
        try:
            async with asyncio.timeout(seconds):
                await ready.wait()
            return bytes(peek.recv(1, socket.MSG_PEEK))
        finally:
            loop.remove_reader(peek)
            transport.resume_reading()


def _untold(**_: Any) -> None:
    """Report nothing: nobody was asked."""


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), PIECE):
        yield body[at : at + PIECE]


def _question(seen: Outbound, decision: Decision, *, opens: bool) -> dict[str, Any]:
    """The service's request, without the body."""
    headers: dict[str, list[str]] = {}
    for name, value in end_to_end(seen.headers):
        headers.setdefault(name, []).append(value)
    asked: dict[str, Any] = {"action": decision.action, "agent": {"id": seen.agent}}
    asked["http"] = {"method": seen.method, "url": seen.url, "headers": headers}
    facts = (*((OPENS,) if opens else ()), *decision.facts)
    asked["facts"] = [{"label": fact.label, "value": fact.value} for fact in facts]
    asked["decoded"] = json.loads(json.dumps(dict(decision.decoded), default=list))
    asked |= {"title": decision.title} if decision.title else {}
    asked |= {"risk": decision.risk.value} if decision.risk else {}
    return asked


def _asker(wire: Wire) -> Asked:
    """What is known of the client that will read a refusal."""
    if wire.asked is None:
        return Asked()
    headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in wire.asked.headers]
    target = wire.asked.target.decode("latin-1")
    try:
        return Asked(place(wire.origin + target)[1].strip("[]"), headers)
    except ValueError:
        return Asked("", headers)


def _origin(url: str) -> str:
    scheme, authority, *_ = split_url(url)
    return f"{scheme}://{authority}"


def _lost(request: str, status: int) -> Problem:
    why = (
        f"It was approved, sent once and answered with {status}; that answer was too large to keep "
        "for a retry, or was cut off. Sending it again asks a person again."
    )
    return Problem(502, "answer_lost", why, request=request, again=None)


def _unknown() -> Problem:
    why = "Send an agent's name and its proxy password."
    challenge = ("proxy-authenticate", 'Basic realm="countersign gateway"')
    return Problem(407, "unknown_agent", why, headers=[challenge])


def _unrecorded(request: str = "") -> Problem:
    why = "The gateway cannot write its record: its disk is full or not writable. Nothing was sent."
    return Problem(503, "record_not_written", why, again=True, request=request)


def _misplaced(where: object) -> Problem:
    return Problem(403, "placeholder_refused", f"A placeholder may not stand in {where}.")


def _oversized(decision: Decision) -> Problem:
    """Says what to change within a reason phrase: git and registries send large bodies."""
    rule = f"the rule {decision.rule!r}" if decision.rule else "no rule"
    why = (
        f"The body is over {LARGEST // 2**20} MiB, and {rule} decides. To let it pass, write a "
        "rule with `then: allow` and `oversize: true` before it in gateway.yaml."
    )
    structlog.get_logger().warning(
        "body_too_large", rule=decision.rule, setting="oversize: true", file="gateway.yaml"
    )
    return Problem(413, "too_large", why, rule=decision.rule)
