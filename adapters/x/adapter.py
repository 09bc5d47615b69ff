"""X: a direct message with a link to the page, where a request is approved. A reply declines it.

X gives apps no buttons and no way to edit a message: the end of a case is one more message. Nothing
on a card approves, and a reply only declines (tier C). X signs each delivery as a whole.
"""

from __future__ import annotations

import asyncio
import re
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

from pydantic_core import from_json, to_json

from adapters.kit import tame
from adapters.kit.base import Base
from adapters.kit.http import FAULTS, exact
from adapters.x import outage
from adapters.x.api import CREATED, RECEIVED, WINDOW, Api, fail, log, signature
from adapters.x.tokens import Tokens
from approvals import port
from approvals.model import Address, Busy, Card, Forged, Malformed, MessageRef, Refused, Tier
from approvals.proof import check_secret
from approvals.text import unlinked, utf16_len

# UNCONFIRMED: X's pages name no limit. Its help pages said 10,000 characters.
TEXT: Final = 10_000
ID: Final = "([0-9]{1,19})"  # components/schemas/UserId of X's OpenAPI document
# https://docs.x.com/x-api/webhooks/introduction#signature-headers
SIGNED, SIGNED_BEFORE = "x-twitter-webhooks-signature-oauth2", "x-twitter-webhooks-signature"
# A challenge is signed with the same secret as a delivery. So only an opaque word is signed, and no
# word is a delivery: otherwise anybody could get a delivery of their own signed here.
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_+/=-]{1,256}")
# https://docs.x.com/x-api/activity/event-payloads#dm-received
EVENT: Final = "dm.received"
# What X makes links of, besides addresses: https://github.com/twitter/twitter-text, extract.js
# A tag may begin with marks that are no letters, like "·".
MARKS: Final = re.compile(r"[@＠#＃](?=[^\s\u200b])|[$＄](?=[A-Za-z])")
REFUSALS: Final = 3
"""Refusals that a copy says in 15 minutes, to everybody together. Anybody may write to the account,
and cards share its 15 messages."""


def inert(text: str) -> str:
    """Text in which X finds no address, no name, no tag: a zero-width space breaks each."""
    return MARKS.sub("\\g<0>\u200b", unlinked(text))


@dataclass(frozen=True, slots=True)
class X(Base):
    """The fields are those of the section, in settings.py."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    bearer_token: str = field(repr=False)
    user_id: str
    render: port.Render = field(repr=False)
    webhook_id: str = ""
    consumer_secret: str = field(default="", repr=False)
    api_url: str = ""
    clock: Callable[[], int] = field(default=lambda: int(time.time() * 1000), repr=False)
    _api: Api = field(init=False, repr=False, compare=False)
    _tokens: Tokens = field(init=False, repr=False, compare=False)
    _outages: outage.Outages = field(init=False, repr=False, compare=False)
    _refusals: deque[int] = field(
        init=False, repr=False, compare=False, default_factory=lambda: deque(maxlen=REFUSALS)
    )
    name: ClassVar[str] = "x"
    # Only the page approves, so a card says no more than a reader takes in on a phone.
    limits: ClassVar = port.Limits(
        title=160,
        fact_label=800,
        fact_value=300,
        facts=8,
        payload=500,
        note=300,
        buttons=0,
        label=0,
        measure=lambda text: utf16_len(inert(text)),
        line=160,
        total=2600,
        together=1200,
    )
    abilities: ClassVar = port.Abilities(
        private_notice=True,
        tier=Tier.C,
    )

    def __post_init__(self) -> None:
        api = Api(self.api_url, self.clock)
        app = f"{self.client_id}:{self.client_secret}".encode()
        tokens = Tokens(api, f"Basic {b64encode(app).decode()}", self.refresh_token)
        own = outage.Outages(api, f"Bearer {self.bearer_token}", self.webhook_id)
        for name, made in (("_api", api), ("_tokens", tokens), ("_outages", own)):
            object.__setattr__(self, name, made)

    def charge(self, count: port.Count) -> None:
        self._api.count = count

    def remember(self, memory: port.Memory) -> None:
        self._tokens.memory = memory

    def drawn(self, card: Card) -> port.Drawn:
        if len(card.payload) + len(card.payload_tail) > self.limits.payload:
            raise Refused("x: more of the request than a card shows")
        card = replace(card, buttons=())
        made = self.render({"card": tame.lines(card, inert, rule="| "), "code": card.digest[:8]})
        text = "\n".join(made["lines"])
        if utf16_len(text) > TEXT:
            raise Refused(f"x: over {TEXT} characters")
        return port.Drawn(card, {"text": text, "final": card.status != "pending"}, [text])

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        if inbound.method == "GET":
            return port.Proven(inbound, {"hello": self._challenged(inbound.query)})
        now, before = (inbound.headers.get(name) for name in (SIGNED, SIGNED_BEFORE))
        secret = self.client_secret if now is not None else self.consumer_secret
        check_secret(signature(secret, inbound.body), before if now is None else now)
        if _kind(inbound.body) == EVENT:
            self._api.count(RECEIVED)
        return port.Proven(inbound)

    def _challenged(self, query: str) -> port.Response:
        # https://docs.x.com/x-api/webhooks/quickstart#2-the-crc-check
        try:
            asked = parse_qsl(query, max_num_fields=10)
            (word,) = (value for name, value in asked if name == "crc_token")
        except FAULTS as error:
            raise Forged("no challenge of X's") from error
        if not CHALLENGE.fullmatch(word):
            raise Forged("a challenge that could be more than one")
        said = signature(self.consumer_secret or self.client_secret, word.encode())
        return port.Response(body=to_json({"response_token": said}))

    def read(self, resolved: port.Resolved) -> port.Event:
        if hello := resolved.claims.get("hello"):
            return port.Handshake(hello)
        try:
            data = from_json(resolved.inbound.body)["data"]
            if exact(r"([a-z._]{1,60})", data["event_type"]) != EVENT:
                return port.Ignored("another event than a message to us")
            if data["filter"].get("user_id") != self.user_id:
                return port.Ignored("of another account")
            wrote = [self._wrote(one) for one in data["payload"]["direct_message_events"]]
            if not wrote:
                raise ValueError("no message in it")
            return wrote[0] if len(wrote) == 1 else port.Several(tuple(wrote))
        except FAULTS as error:
            raise Malformed(f"x: {type(error).__name__}") from None

    def _wrote(self, one: Any) -> port.Reply | port.Ignored:
        if exact(r"([a-z_]{1,60})", one["type"]) != "message_create":
            return port.Ignored("nothing that somebody wrote")
        said = one["message_create"]
        who, id_ = exact(ID, said["sender_id"]), exact(ID, one["id"])
        text = said["message_data"]["text"]
        if not isinstance(text, str):
            raise TypeError
        if who == self.user_id or said["target"].get("recipient_id") != self.user_id:
            return port.Ignored("our own, or not to us alone")
        return port.Reply("x", id_, who, who, text, reply_to={"to": who})

    async def open(self, account: str) -> Address:
        # Not looked up: that costs nearly as much as a message to them, which fails the same way.
        if not re.fullmatch(ID, account):
            raise Refused("x: an account is its id in digits, not its @name")
        if account == self.user_id:
            raise Refused("x: this is our own account")
        return Address("x", account, account=account)

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        sent = await self._send(address.conversation, payload["text"])
        return MessageRef("x", address.conversation, sent)

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> None:
        # Messages cannot be edited: one more says how it ended.
        if payload["final"]:
            await self._send(ref.conversation, payload["text"])

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        return None  # nothing is ever pressed

    async def say(self, reply: port.Reply, notice: port.Notice) -> None:
        if notice.kind is port.NoticeKind.REFUSED:
            now, latest = self.clock(), self._refusals
            if len(latest) == REFUSALS and abs(now - latest[0]) < WINDOW:
                raise Busy("x: too many refusals in 15 minutes, and cards need the rest")
            latest.append(now)
        await self._send(reply.account, inert(notice.text))

    async def called(self) -> str:
        return self.user_id

    async def catch_up(self) -> None:
        while (memory := self._tokens.memory) is not None:
            await self._tokens.settled()
            await self._outages.watch(memory, self.clock())
            await asyncio.sleep(outage.EVERY)

    async def check(self) -> list[port.Finding]:
        try:
            status, said = await self._api.call("GET", "/2/webhooks", self._outages.bearer)
            if status >= 300:
                fail(status, said)
            known = {one["id"]: one["valid"] is True for one in said.get("data") or ()}
        except (Busy, Refused) as why:
            return [port.Finding("access", False, str(why))]
        except FAULTS:
            return [port.Finding("access", False, "x: the list of webhooks is not in X's words")]
        good = known.get(self.webhook_id, False)
        if good:
            state = "it delivers"
        elif not self.webhook_id:
            state = "webhook_id is not configured"
        elif self.webhook_id in known:
            state = "X disabled it: no reply arrives (docs/channels/x.md, After an outage)"
        else:
            state = "this app has no webhook with this webhook_id"
        clock = port.clock_finding(self._api.http.heads.get("Date"), self.clock())
        return [port.Finding("webhook", good, state), await self._token_finding(), clock]

    async def _token_finding(self) -> port.Finding:
        if self._tokens.memory is None:
            return port.Finding("tokens", True, "not tried: they change with each use")
        try:
            await self._tokens.access(self.clock())
        except (Busy, Refused) as why:
            return port.Finding("tokens", False, str(why))
        return port.Finding("tokens", True, "there is an access token")

    async def close(self) -> None:
        try:
            await self._tokens.settled()
        except Busy:
            log.error(port.Line("app_tokens_not_stored"))
        await self._api.http.close()

    async def _send(self, account: str, text: str) -> str:
        # components: CreateDirectMessagesByParticipantIdRequest
        path, refused = f"/2/dm_conversations/with/{account}/messages", ""
        for _ in range(2):
            token = await self._tokens.access(self.clock(), refused=refused)
            self._api.count(CREATED)
            bearer, sent = f"Bearer {token}", {"text": text}
            status, said = await self._api.call("POST", path, bearer, json=sent)
            if status != 401:
                break
            refused = token  # revoked before its time: once more, with a new one
        if status >= 300:
            fail(status, said)
        # Not X's: a proxy's, or a portal's.
        if status != 201 and not isinstance(said.get("data"), dict):
            raise Busy(f"x: {status}, and not in X's words")
        try:
            return exact(ID, said["data"]["dm_event_id"])
        except FAULTS as error:
            # It was sent: to try again would send and pay for it again, without an end.
            raise Refused(f"x: sent, without a message id: {type(error).__name__}") from None


def _kind(body: bytes) -> Any:
    try:
        return from_json(body)["data"]["event_type"]
    except FAULTS:
        return None
