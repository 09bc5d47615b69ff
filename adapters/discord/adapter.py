"""Discord: embeds with buttons, signed interactions or the gateway. What others wrote stands in
code, which Discord does not read; a tap brings its message along to be compared."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from pydantic_core import from_json, to_json  # half of json.loads' time; the service has it anyway

from adapters.discord.rest import Rest, log
from adapters.discord.setup import COMMAND
from adapters.kit import fences
from adapters.kit.base import Base
from adapters.kit.echo import differences, digest, settled
from adapters.kit.fences import inert, plain
from adapters.kit.http import FAULTS
from approvals import port
from approvals.model import (
    Address,
    Busy,
    Card,
    Difference,
    Malformed,
    MessageRef,
    Refused,
    Status,
    Tier,
)
from approvals.proof import check_ed25519, check_fresh, ed25519_key
from approvals.text import fitting, utf16_len

# Characters: https://docs.discord.com/developers/resources/message#embed-object-embed-limits and
# https://docs.discord.com/developers/components/reference#button
NAMES = ("content", "title", "description", "name", "value", "text", "label", "custom_id", "url")
LIMITS: Final = dict(zip(NAMES, (2000, 256, 4096, 256, 1024, 2048, 80, 100, 512), strict=True))
# Characters of an option of a select, which a dialog may hold since 2025:
# https://docs.discord.com/developers/components/using-modal-components
OPTION: Final = 100
COLOURS: Final = {"low": 0x57F287, "medium": 0xFEE75C, "high": 0xED4245}
CLOSED: Final = {"approved": 0x57F287, "declined": 0xED4245}
GREY: Final = 0x99AAB5
# What a person sees and what a press does, of an embed and of a component. All else is added by
# Discord's store: id, content_scan_version, proxies, false flags.
SHOWN: Final = re.compile(
    "type|title|description|url|color|timestamp|footer|author|image|thumbnail|video|provider|fields"
    "|name|value|text|icon_url|components|label|custom_id|style|emoji|disabled|content|accessory"
    "|items|media|spoiler|accent_color|options|placeholder|sku_id"
)
# Of these, what is read as text: the ends of it may be cut off.
TEXTS: Final = frozenset(("title", "description", "name", "value", "text", "label", "content"))
CODE: Final = re.compile("```.*?```|`[^`]*`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Discord(Base):
    """`mode` webhook needs the application's `public_key` (hex); gateway needs no address."""

    bot_token: str = field(repr=False)
    application_id: str
    render: port.Render = field(repr=False)
    public_key: str = ""
    mode: str = "webhook"
    api_url: str = "https://discord.com/api/v10"
    gateway_url: str = "wss://gateway.discord.gg/"
    _rest: Rest = field(init=False, repr=False, compare=False)
    name: ClassVar[str] = "discord"
    # An embed's description, where the facts stand, and the line with the reading, has 4096; all
    # embeds 6000.
    limits: ClassVar = port.Limits(
        title=200,
        fact_label=400,
        fact_value=900,
        facts=24,
        payload=3500,
        note=900,
        buttons=3,
        label=80,
        measure=lambda text: utf16_len(inert(text)),
        total=5200,
        together=3200,
    )

    def __post_init__(self) -> None:
        if not self.bot_token.strip() or not self.application_id.isdecimal():
            raise ValueError("discord: needs bot_token, and application_id, which is a number")
        if self.mode not in ("webhook", "gateway"):
            raise ValueError(f"discord: mode is webhook or gateway, not {self.mode!r}")
        if self.mode == "webhook" and not re.fullmatch("[0-9a-f]{64}", self.public_key):
            raise ValueError("discord: mode webhook needs public_key, 64 hex digits")
        if self.public_key:
            ed25519_key(bytes.fromhex(self.public_key))
        object.__setattr__(self, "_rest", Rest(self.bot_token, self.api_url))

    @property
    def abilities(self) -> port.Abilities:
        listens = self.mode == "gateway"
        return port.Abilities(
            edit=True,
            echo=True,
            private_notice=True,
            reason_prompt=True,
            listen=listens,
            tier=Tier.B,
        )

    def drawn(self, card: Card) -> port.Drawn:
        return port.whole(card, self._draw, plain)

    def _draw(self, card: Card) -> port.Drawn:
        colour = COLOURS[card.risk]
        if card.status is not Status.PENDING:
            colour = CLOSED.get(card.status, GREY)
        values = fences.values(card, LIMITS["name"]) | {"colour": colour}
        payload = self.render(values) | {"allowed_mentions": {"parse": []}}
        rows = [row["components"] for row in payload["components"]]
        taps = [(one["label"], one["custom_id"]) for row in rows for one in row if "url" not in one]
        port.same_buttons(card, taps)
        total = sum(_measured(embed) for embed in payload["embeds"])
        many = [len(embed.get("fields", ())) for embed in payload["embeds"]]
        _measured(payload)
        if total > 6000 or max(many) > 25 or len(many) > 10 or max(map(len, rows), default=0) > 5:
            raise Refused("discord: over 6000 characters, 25 fields, 10 embeds or 5 buttons")
        # Flag 4 hides all embeds: https://docs.discord.com/developers/resources/message
        seen = () if payload.get("flags", 0) & 4 else _texts(payload["embeds"])
        texts = [plain(text) for text in seen]
        return port.Drawn(card, payload, texts)

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        head, key = inbound.headers.get, bytes.fromhex(self.public_key)
        # Five minutes. Discord names no time, and its own examples check none:
        # https://docs.discord.com/developers/interactions/overview#setting-up-an-endpoint
        check_fresh(sent := head("x-signature-timestamp"), inbound.at, 300_000)
        check_ed25519(key, str(sent).encode() + inbound.body, head("x-signature-ed25519"))
        return port.Proven(inbound)

    def read(self, resolved: port.Resolved) -> port.Event:
        try:
            return self._event(resolved.claims.get("sent") or from_json(resolved.inbound.body))
        except FAULTS as error:
            raise Malformed(f"discord: {type(error).__name__}") from None

    def _event(self, body: Any) -> port.Event:
        if body["type"] == 1:
            return port.Handshake(port.Response(body=b'{"type":1}'))
        if body["application_id"] != self.application_id:
            raise Malformed("discord: for another application")
        # In a server there is a member, in a direct message a user.
        user, data = (body.get("member") or body)["user"], body["data"]
        far = "a bot" if user.get("bot") or user.get("system") else None
        to = {"id": body["id"], "token": body["token"]} if self.mode == "gateway" else {}
        if body["type"] == 2:
            return self._typed(body, user["id"], far, to)
        if not port.is_token(data.get("custom_id")):
            return port.Ignored("a button, a menu or a dialog of another feature")
        if body["type"] == 3 and data["component_type"] == 2:
            message = body["message"]["id"]
            more = {"message": message, "echo": self.echo(body["message"])}
        elif body["type"] == 5:
            # It brings the card along as it was when the prompt opened: not compared, so that
            # it may decline only.
            fields = (x.get("component") or x["components"][0] for x in data["components"])
            given = {one["custom_id"]: one for one in fields}
            message, picked = given["reason"]["value"], given.get("ready", {}).get("values")
            more = {"message": None, "reason": message}
            more["ready"] = port.ready(*picked) if picked else None
        else:
            raise KeyError(body["type"])
        told = (body["id"], user["id"], body["channel_id"], data["custom_id"])
        if {*map(type, (*told, message, body["token"]))} != {str}:
            raise TypeError
        event, who, place, token = told
        return port.Tap(
            channel="discord",
            event=event,
            account=who,
            conversation=place,
            token=token,
            stranger=far,
            reply_to=to,
            **more,
        )

    def _typed(self, body: Any, who: Any, far: str | None, to: dict[str, Any]) -> port.Event:
        # In a server too it is private: neither the command nor what was typed behind it is shown
        # to others where the answer is not, and every one of ours has flag 64 (`_whispered`).
        # https://github.com/discord/discord-api-docs/issues/2678 (2021-03-05), /2483
        if body["data"]["name"] != COMMAND["name"]:
            return port.Ignored("another command")
        (given,) = body["data"]["options"]
        event, place, said = body["id"], body["channel_id"], given["value"]
        if {*map(type, (event, who, place, said, body["token"]))} != {str}:
            raise TypeError
        text = port.typed(said)
        return port.Reply("discord", event, who, place, text, stranger=far, reply_to=to)

    async def open(self, account: str) -> Address:
        # There is no look-up by address, and it takes a server that the bot shares.
        if not re.fullmatch("[1-9][0-9]{16,19}", account):
            raise Refused(f"discord: {account} is no id of a person: 17 to 20 digits")
        user = await self._rest.call("GET", "/users/{user_id}", user_id=account)
        if user.get("bot") or user.get("system"):
            raise Refused(f"discord: {account} may not approve: a bot")
        opened = await self._rest.call("POST", "/users/@me/channels", {"recipient_id": account})
        return Address("discord", opened["id"], account=account)

    def echo(self, payload: port.Payload) -> str:
        return digest(_view(payload))

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        # https://docs.discord.com/developers/resources/message#create-message: 25 characters
        once = {"nonce": hashlib.sha256(key.encode()).hexdigest()[:25], "enforce_nonce": True}
        path = "/channels/{channel_id}/messages"
        sent = await self._rest.call("POST", path, payload | once, channel_id=address.conversation)
        return MessageRef("discord", address.conversation, sent["id"], _altered(payload, sent))

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> MessageRef:
        # Attachments that are not named stay: what somebody else put there goes with this.
        to = {"channel_id": ref.conversation, "message_id": ref.message}
        path, body = "/channels/{channel_id}/messages/{message_id}", payload | {"attachments": []}
        sent = await self._rest.call("PATCH", path, body, **to)
        if sent["id"] != ref.message:
            raise Busy("discord: it does not say that it took the edit")
        return replace(ref, altered=_altered(payload, sent))

    def answer(self, tap: port.Tap, notice: port.Notice) -> port.Response | None:
        # https://docs.discord.com/developers/interactions/receiving-and-responding: 3 seconds
        said: dict[str, Any] = {"type": 6}  # seen; the card says it
        if notice.kind is port.NoticeKind.ASK_REASON:
            reasons = [fitting(one, OPTION) for one in notice.reasons]
            said = {"type": 9, "data": self.render({"prompt": tap.token, "reasons": reasons})}
        elif notice.kind is not port.NoticeKind.COUNTED:
            said = _whispered(notice)
        return port.Response(body=to_json(said))

    def word(self, reply: port.Reply, notice: port.Notice) -> port.Response:
        return port.Response(body=to_json(_whispered(notice)))

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        await self._callback(tap.reply_to, self.answer(tap, notice))

    async def say(self, reply: port.Reply, notice: port.Notice) -> None:
        await self._callback(reply.reply_to, self.word(reply, notice))

    async def _callback(self, to: Mapping[str, str], response: port.Response | None) -> None:
        if response and to:
            path, said = "/interactions/{id}/{token}/callback", from_json(response.body)
            await self._rest.call("POST", path, said, **to)

    async def listen(self, deliver: port.Deliver) -> None:
        # Discord waits for no acknowledgement: a tap that we could not store gets no answer, and
        # the person is told by Discord that it failed.
        async def take(sent: Any) -> None:
            await self._take(sent, deliver)

        await self._rest.listen(self.gateway_url, take)

    async def _take(self, sent: Any, deliver: port.Deliver) -> None:
        try:
            event = self.read(port.Resolved(port.Inbound("", "", "", {}, b"", 0), {"sent": sent}))
            notice = await deliver(event)
            if notice and isinstance(event, port.Tap):
                await self.tell(event, notice)
        except (Busy, Refused, Malformed) as why:
            log.warning(port.Line("notice_not_told", why=why))

    async def check(self) -> list[port.Finding]:
        try:
            app = await self._rest.call("GET", "/applications/@me")
            path = "/applications/{application_id}/commands"
            known = await self._rest.call("GET", path, application_id=app["id"])
        except (Busy, Refused) as why:
            return [port.Finding("token", False, str(why))]
        url, key = app.get("interactions_endpoint_url"), app["verify_key"]
        typed = COMMAND["name"] in [one["name"] for one in known]
        lacks = "" if typed else " is not registered: countersign setup discord"
        return [
            port.Finding("application", app["id"] == self.application_id, f"token: {app['id']}"),
            port.Finding("public key", self.public_key in ("", key), f"theirs: {key}"),
            port.Finding("endpoint", bool(url) == (self.mode == "webhook"), url or "not set"),
            port.Finding("command", typed, f"/{COMMAND['name']}{lacks}"),
            port.clock_finding(self._rest.date, int(time.time() * 1000)),
        ]

    async def close(self) -> None:
        await self._rest.close()


def _texts(node: Any) -> Iterator[str]:
    """What everybody sees at once: no address, and nothing behind the bars of a spoiler."""
    for name, item in node.items() if isinstance(node, dict) else ((None, one) for one in node):
        if isinstance(item, str) and name in TEXTS:
            if "||" not in item or "||" not in CODE.sub("", item):
                yield item
        elif isinstance(item, dict | list):
            yield from _texts(item)


def _whispered(notice: port.Notice) -> dict[str, Any]:
    # Flag 64: only who it is for sees it.
    data = {"content": f"`{inert(notice.text)}`", "flags": 64}
    return {"type": 4, "data": data | {"allowed_mentions": {"parse": []}}}


def _altered(payload: port.Payload, sent: Any) -> tuple[Difference, ...]:
    # What has no embeds is no message of Discord's.
    known = isinstance(sent, dict) and "embeds" in sent
    return differences(_view(payload), _view(sent)) if known else ()


def _view(payload: port.Payload) -> dict[str, Any]:
    # An embed's type is Discord's to set. Flag 4 hides all embeds.
    embeds = [one | {"type": None} for one in payload.get("embeds") or ()]
    seen = {"embeds": _shown(embeds), "components": _shown(payload.get("components") or [])}
    seen["flags"] = (payload.get("flags") or 0) & 4
    seen["content"] = settled(payload.get("content") or "")
    return seen | {x: payload.get(x) or None for x in ("attachments", "poll", "sticker_items")}


def _shown(node: Any) -> Any:
    if isinstance(node, list):
        return [_shown(item) for item in node]
    if isinstance(node, dict):
        seen = {x: _shown(node[x]) for x in sorted(node) if SHOWN.fullmatch(x)}
        both = (
            (x, settled(y) if x in TEXTS and isinstance(y, str) else y) for x, y in seen.items()
        )
        return {x: y for x, y in both if y}
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
