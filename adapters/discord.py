"""Discord: embeds with buttons, signed interactions or the gateway. What others wrote stands in
code, which Discord does not read; a tap brings its message along to be compared."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import logging
import re
import time
import warnings
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Final

import aiohttp
from pydantic_core import from_json, to_json  # half of json.loads' time; the service has it anyway
from yarl import URL

from approvals import channel as port
from approvals.model import Address, Busy, Card, Fact, Malformed, MessageRef, Refused, Tier
from approvals.proof import check_ed25519, check_fresh
from approvals.text import utf16_len

log = logging.getLogger("countersign.discord")

# Characters: https://docs.discord.com/developers/resources/message#embed-object-embed-limits and
# https://docs.discord.com/developers/components/reference#button
NAMES = ("content", "title", "description", "name", "value", "text", "label", "custom_id", "url")
LIMITS: Final = dict(zip(NAMES, (2000, 256, 4096, 256, 1024, 2048, 80, 100, 512), strict=True))
COLOURS: Final = {"low": 0x57F287, "medium": 0xFEE75C, "high": 0xED4245}
# What a person sees and what a press does, of an embed and of a component. All else is added by
# Discord's store: id, content_scan_version, proxies, false flags.
SHOWN: Final = re.compile(
    "type|title|description|url|color|timestamp|footer|author|image|thumbnail|video|provider|fields"
    "|name|value|text|icon_url|components|label|custom_id|style|emoji|disabled|content|accessory"
    "|items|media|spoiler|accent_color|options|placeholder|sku_id"
)
# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json. Nothing about the card
# or the person: what our bot may do, an operator mends. And what is wrong with a person.
OURS: Final = {40001, 50001, 50013, 50014}
THEIRS: Final = {10013, 50007, 50033, 50278}


def inert(text: str) -> str:
    """Text that nothing gets out of a code span or block: a backtick stands as `\\u{60}`."""
    return text.replace("`", "\\u{60}") or "(empty)"


@dataclass(frozen=True, slots=True)
class Discord:
    """`mode` webhook needs the application's `public_key` (hex); gateway needs no address."""

    bot_token: str = field(repr=False)
    application_id: str
    render: port.Render = field(repr=False)
    public_key: str = ""
    mode: str = "webhook"
    api_url: str = "https://discord.com/api/v10"
    gateway_url: str = "wss://gateway.discord.gg/"
    _io: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    name: ClassVar[str] = "discord"
    # title, fact label and value, facts, payload, note, buttons, label: together under 6000
    limits: ClassVar = port.Limits(150, 40, 120, 8, 1500, 400, 3, 80, lambda x: utf16_len(inert(x)))

    def __post_init__(self) -> None:
        if not self.bot_token.strip() or not self.application_id.isdecimal():
            raise ValueError("discord: needs bot_token, and application_id, which is a number")
        if self.mode not in ("webhook", "gateway"):
            raise ValueError(f"discord: mode is webhook or gateway, not {self.mode!r}")
        if self.mode == "webhook" and not re.fullmatch("[0-9a-f]{64}", self.public_key):
            raise ValueError("discord: mode webhook needs public_key, 64 hex digits")

    @property
    def abilities(self) -> port.Abilities:
        return port.Abilities(True, True, True, True, False, self.mode == "gateway", Tier.B)

    def escape(self, text: str) -> str:
        # Within code nothing else is markup: https://docs.discord.com/developers/reference
        return inert(text)

    def layout(self, card: Card) -> port.Payload:
        link = card.review if card.review and port.reachable(card.review) else None
        values = {"card": _tamed(card), "colour": COLOURS[card.risk], "link": link}
        payload = self.render(values) | {"allowed_mentions": {"parse": []}}
        rows = [row["components"] for row in payload["components"]]
        taps = [(one["label"], one["custom_id"]) for row in rows for one in row if "url" not in one]
        port.same_buttons(card, taps)
        total = sum(_measured(embed) for embed in payload["embeds"])
        many = [len(embed.get("fields", ())) for embed in payload["embeds"]]
        _measured(payload)
        if total > 6000 or max(many) > 25 or len(many) > 10 or max(map(len, rows), default=0) > 5:
            raise Refused("discord: over 6000 characters, 25 fields, 10 embeds or 5 buttons")
        return payload

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        head, key = inbound.headers.get, bytes.fromhex(self.public_key)
        # Five minutes. Discord names no time, and its own examples check none:
        # https://docs.discord.com/developers/interactions/overview#setting-up-an-endpoint
        check_fresh(sent := head("x-signature-timestamp"), inbound.at, 300_000)
        check_ed25519(key, str(sent).encode() + inbound.body, head("x-signature-ed25519"))
        return port.Proven(inbound)

    def read(self, proven: port.Proven) -> port.Event:
        try:
            return self._event(proven.claims.get("sent") or from_json(proven.inbound.body))
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise Malformed(f"discord: {type(error).__name__}") from None

    def _event(self, body: Any) -> port.Event:
        if body["type"] == 1:
            return port.Handshake(port.Response(body=b'{"type":1}'))
        if body["application_id"] != self.application_id:
            raise Malformed("discord: for another application")
        # In a server there is a member, in a direct message a user.
        user, data = (body.get("member") or body)["user"], body["data"]
        if body["type"] == 3 and data["component_type"] == 2:
            message = body["message"]["id"]
            more = {"message": message, "echo": self.echo(body["message"])}
        elif body["type"] == 5:
            # It brings the card along as it was when the prompt opened: not compared, so that
            # it may decline only.
            (row,) = data["components"]
            message = (row.get("component") or row["components"][0])["value"]
            more = {"message": None, "reason": message}
        else:
            raise KeyError(body["type"])
        told = (body["id"], user["id"], body["channel_id"], data["custom_id"], body["token"])
        if {*map(type, (*told, message))} != {str}:
            raise TypeError
        event, who, place, token, answer = told
        more["stranger"] = "a bot" if user.get("bot") or user.get("system") else None
        to = {"id": event, "token": answer} if self.mode == "gateway" else {}
        return port.Tap("discord", event, who, place, token=token, reply_to=to, **more)

    async def open(self, account: str) -> Address:
        # There is no look-up by address, and it takes a server that the bot shares.
        if not re.fullmatch("[1-9][0-9]{16,19}", account):
            raise Refused(f"discord: {account} is no id of a person: 17 to 20 digits")
        user = await self._call("GET", "/users/{user_id}", user_id=account)
        if user.get("bot") or user.get("system"):
            raise Refused(f"discord: {account} may not approve: a bot")
        opened = await self._call("POST", "/users/@me/channels", {"recipient_id": account})
        return Address("discord", opened["id"], account=account)

    def echo(self, payload: port.Payload) -> str:
        # An embed's type is Discord's to set. Flag 4 hides all embeds.
        embeds = [one | {"type": None} for one in payload.get("embeds") or ()]
        seen: list[Any] = [_seen(embeds), _seen(payload.get("components") or [])]
        names = ("content", "attachments", "poll", "sticker_items")
        seen += [(payload.get("flags") or 0) & 4, *(payload.get(name) or None for name in names)]
        return hashlib.sha256(to_json(seen)).hexdigest()

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        # https://docs.discord.com/developers/resources/message#create-message: 25 characters
        once = {"nonce": hashlib.sha256(key.encode()).hexdigest()[:25], "enforce_nonce": True}
        path = "/channels/{channel_id}/messages"
        sent = await self._call("POST", path, payload | once, channel_id=address.conversation)
        if self.echo(sent) != self.echo(payload):
            log.warning("discord stored %s otherwise than sent: no tap on it counts", sent["id"])
        return MessageRef("discord", address.conversation, sent["id"])

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> None:
        # Attachments that are not named stay: what somebody else put there goes with this.
        to = {"channel_id": ref.conversation, "message_id": ref.message}
        path, body = "/channels/{channel_id}/messages/{message_id}", payload | {"attachments": []}
        await self._call("PATCH", path, body, **to)

    def answer(self, tap: port.Tap, notice: port.Notice) -> port.Response | None:
        # https://docs.discord.com/developers/interactions/receiving-and-responding: 3 seconds
        said: dict[str, Any] = {"type": 6}  # seen; the card says it
        if notice.kind is port.NoticeKind.ASK_REASON:
            said = {"type": 9, "data": self.render({"prompt": tap.token})}
        elif notice.kind is not port.NoticeKind.COUNTED:
            # Flag 64: only who tapped sees it.
            data = {"content": f"`{inert(notice.text)}`", "flags": 64}
            said = {"type": 4, "data": data | {"allowed_mentions": {"parse": []}}}
        return port.Response(body=to_json(said))

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        if (response := self.answer(tap, notice)) and tap.reply_to:
            path, said = "/interactions/{id}/{token}/callback", from_json(response.body)
            await self._call("POST", path, said, **tap.reply_to)

    async def listen(self, deliver: port.Deliver) -> None:
        # Discord waits for no acknowledgement: a tap that we could not store gets no answer, and
        # the person is told by Discord that it failed.
        discord = self._sdk()
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = URL(self.gateway_url)
        more: Any = {"enable_debug_events": True, "http_trace": self._trace()}
        client: Any = discord.Client(intents=discord.Intents.none(), **more)
        # Its own reading of an interaction ends the connection where one lacks a field.
        client._connection.parsers.pop("INTERACTION_CREATE")

        async def heard(raw: str) -> None:
            if (sent := from_json(raw)).get("t") == "INTERACTION_CREATE":
                await self._take(sent["d"], deliver)

        client.on_socket_raw_receive = heard
        try:
            await client.start(self.bot_token)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as why:
            raise Busy(f"discord: the gateway: {type(why).__name__}") from None
        finally:
            await client.close()

    async def _take(self, sent: Any, deliver: port.Deliver) -> None:
        try:
            event = self.read(port.Proven(port.Inbound("", "", "", {}, b"", 0), {"sent": sent}))
            notice = await deliver(event)
            if notice and isinstance(event, port.Tap):
                await self.tell(event, notice)
        except (Busy, Refused, Malformed) as why:
            log.warning("discord: an interaction was not answered: %s", why)

    async def check(self) -> list[port.Finding]:
        try:
            app = await self._call("GET", "/applications/@me")
        except (Busy, Refused) as why:
            return [port.Finding("token", False, str(why))]
        url, key = app.get("interactions_endpoint_url"), app["verify_key"]
        return [
            port.Finding("application", app["id"] == self.application_id, f"token: {app['id']}"),
            port.Finding("public key", self.public_key in ("", key), f"theirs: {key}"),
            port.Finding("endpoint", bool(url) == (self.mode == "webhook"), url or "not set"),
            port.clock_finding(self._io.get("date"), int(time.time() * 1000)),
        ]

    async def close(self) -> None:
        if "http" in self._io:
            await self._io["http"].close()
        self._io.clear()

    def _sdk(self) -> Any:
        # At DEBUG and WARNING it logs payloads and addresses, with the tokens in them.
        logging.getLogger("discord").setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of audioop, for voice
            discord: Any = importlib.import_module("discord")
        discord.http.Route.BASE = self.api_url
        return discord

    def _trace(self) -> aiohttp.TraceConfig:
        # The SDK sleeps and tries again by itself; the outbox does that, and with other buttons.
        async def ended(session: Any, context: Any, sent: aiohttp.TraceRequestEndParams) -> None:
            answer, self._io["date"] = sent.response, sent.response.headers.get("Date")
            if answer.status == 429 or answer.status >= 500:
                answer.close()
                after = port.retry_after(answer.headers.get("Retry-After"))
                raise Busy(f"discord: {answer.status}", after)

        (trace := aiohttp.TraceConfig()).on_request_end.append(ended)
        return trace

    async def _http(self) -> Any:
        async with self._io.setdefault("lock", asyncio.Lock()):
            if "http" not in self._io:
                sdk, loop = self._sdk().http, asyncio.get_running_loop()
                http = sdk.HTTPClient(loop, http_trace=self._trace(), max_ratelimit_timeout=30)
                try:
                    await http.static_login(self.bot_token)
                except BaseException:
                    await http.close()
                    raise
                self._io["http"] = http
        return self._io["http"]

    async def _call(self, method: str, path: str, body: Any = None, **to: str) -> Any:
        discord = self._sdk()
        try:
            async with asyncio.timeout(10):
                http, route = await self._http(), discord.http.Route(method, path, **to)
                return await http.request(route, **({} if body is None else {"json": body}))
        except discord.RateLimited as why:
            raise Busy(f"discord: {method} {path}: slower", int(why.retry_after * 1000)) from None
        except (discord.LoginFailure, discord.HTTPException) as why:
            status, code = getattr(why, "status", 401), getattr(why, "code", 0)
            opening = path.startswith("/users/") and code not in THEIRS
            if status == 401 or code in OURS or opening:
                log.error("discord refuses us, not the person: %s: %s", path, code or status)
                raise Busy(f"discord: {method} {path}: {status}, code {code}") from None
            raise Refused(f"discord: {method} {path}: {status}, code {code}") from None
        except (discord.DiscordException, aiohttp.ClientError, OSError) as why:
            raise Busy(f"discord: {method} {path}: {type(why).__name__}") from None


def _tamed(card: Card) -> Card:
    # Every text of others in it, so that it cannot end the code that it stands in.
    texts = {one.name: getattr(card, one.name) for one in fields(card) if one.name != "review"}
    tame: Any = {name: inert(text) for name, text in texts.items() if type(text) is str}
    facts = tuple(Fact(inert(fact.label), inert(fact.value)) for fact in card.facts)
    return replace(card, facts=facts, **tame)


def _seen(node: Any) -> Any:
    if isinstance(node, list):
        return [_seen(item) for item in node]
    if isinstance(node, dict):
        return [(x, _seen(node[x])) for x in sorted(node) if SHOWN.fullmatch(x) and node[x]]
    return node


def _measured(node: Any) -> int:
    # How many characters; `Refused`: a text is empty or over its limit.
    total = 0
    for name, value in node.items() if isinstance(node, dict) else ():
        if isinstance(value, str) and name in LIMITS:
            total += (size := utf16_len(value))
            if not 0 < size <= LIMITS[name]:
                raise Refused(f"discord: {name}: {size} long and not 1 to {LIMITS[name]}")
        total += _measured(value)
    return total + sum(map(_measured, node)) if isinstance(node, list) else total
