"""Microsoft Teams: Adaptive Cards through the Bot Connector, whose tokens prove who delivers a tap.

A token proves the sender and not the body, which https alone protects, and Teams does not send the
card along: a tap is as good as the secrecy of the bot's secret, tier B.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Final

from pydantic_core import from_json, to_json

from adapters.kit import adaptive
from adapters.kit.adaptive import PARTS, TABLES
from adapters.kit.base import Base
from adapters.kit.http import FAULTS
from adapters.kit.openid import bearer
from adapters.teams.connector import OPENID, SERVICE, Connector, written
from approvals import port
from approvals.model import (
    Address,
    Busy,
    Card,
    Forged,
    Malformed,
    MessageRef,
    Refused,
    Status,
    Tier,
)
from approvals.proof import Signers, check_jwt
from approvals.text import breakable

# The checks on a token, and their numbers:
# https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
ISSUER: Final = "https://api.botframework.com"
LEEWAY: Final = 300_000  # milliseconds
# Bytes of an activity. Teams takes about 100 kB, its older pages say 28:
# https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format
SIZE: Final = 28_000
# Whose clients may ask for a view of their own, at most, and how they say that nobody pressed:
# https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/universal-actions-for-adaptive-cards/user-specific-views
VIEWERS: Final = 60
LOOK: Final = "refresh"
SHARED: Final = (
    "Approvers see their buttons here. Missing yours? Choose Refresh card in this message's menu, "
    "or Details."
)
# Bytes that a fact takes besides its texts.
ROW: Final = 310
CARD: Final = "application/vnd.microsoft.card.adaptive"
# Clients read these even in a TextRun; and runs of blanks would be drawn as one.
DATES: Final = re.compile(r"\{(?=\{(?:DATE|TIME)\()", re.IGNORECASE)
BLANKS: Final = re.compile(r" (?:(?<=[ \n] )|(?<![\s\S] ))")
ACCOUNT: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def inert(text: str) -> str:
    """Text that every client draws as it is: a date macro is broken by a zero-width space, which
    cleaned text brings none of, and so is a word that would run out of the card and be cut off."""
    return BLANKS.sub("\xa0", DATES.sub("{\u200b", breakable(text))) or "(empty)"


def size(text: str) -> int:
    """Bytes of a text in an activity."""
    return len(to_json(inert(text))) - 2


@dataclass(frozen=True, slots=True)
class Teams(Base):
    """`tenant_id`: whose people approve; nobody else's tap counts. `login_tenant`: where the bot
    itself is registered, if not there. The URLs are for other clouds and for test peers."""

    app_id: str
    tenant_id: str
    render: port.Render = field(repr=False)
    app_secret: str = field(default="", repr=False)
    login_tenant: str = ""
    service_url: str = SERVICE
    login_url: str = "https://login.microsoftonline.com/"
    openid_url: str = OPENID
    signers: Signers = field(default_factory=Signers, init=False, repr=False, compare=False)
    _bot: Connector = field(init=False, repr=False, compare=False)
    name: ClassVar[str] = "teams"
    # Together under SIZE.
    limits: ClassVar = port.Limits(
        title=300,
        fact_label=800,
        fact_value=2000,
        facts=25,
        payload=8000,
        note=1500,
        buttons=3,
        label=75,
        measure=size,
        total=14_000,
        each=ROW,
        together=9_000,
    )
    # The reason is asked for on the card itself: Decline opens it.
    abilities: ClassVar = port.Abilities(
        edit=True,
        private_notice=True,
        tier=Tier.B,
    )

    def __post_init__(self) -> None:
        self.needs("app_id", "tenant_id", "app_secret")
        tenant = self.login_tenant or self.tenant_id
        urls = (self.service_url, self.login_url, self.openid_url)
        bot = Connector(self.app_id, self.app_secret, tenant, *urls)
        object.__setattr__(self, "_bot", bot)

    def drawn(self, card: Card) -> port.Drawn:
        return self._lay(card, "")

    def shared(self, card: Card, viewers: Sequence[str]) -> port.Payload:
        self._lay(card, SHARED)  # a face that does not fit would be noticed when somebody looks
        payload = self._lay(replace(card, buttons=()), SHARED).payload
        # What was left free for the end holds them: at the end nobody is to ask any more.
        left, kept = SIZE - len(to_json(_asking(payload, ()))), []
        for one in viewers[:VIEWERS]:
            if (left := left - len(to_json(one)) - 1) >= 0:
                kept.append(one)
        return _asking(payload, kept)

    def face(self, glance: port.Glance, card: Card | None, word: str) -> port.Response:
        if card is None:
            return _said(word)
        payload = self._lay(card, word).payload
        if card.status is Status.PENDING:
            payload = _asking(payload, (glance.reply_to["viewer"],))
        return _answered(CARD, payload["attachments"][0]["content"])

    def _lay(self, card: Card, word: str) -> port.Drawn:
        return adaptive.whole(card, partial(self._draw, word=word), inert)

    def _draw(self, card: Card, word: str) -> port.Drawn:
        closed = _instant(card.decided_at) if card.decided_at else ""
        values = {"when": _instant(card.deadline), "closed": closed, "word": word}
        payload = self.render({"card": card, **values})
        drawn: list[tuple[Any, Any]] = []
        _tame(payload, drawn)
        if drawn[::2] != drawn[1::2]:
            raise Refused("teams: each Action.Execute needs a fallback that does the same")
        port.same_buttons(card, drawn[::2])
        # Some is left free while it is open: if it could not say how it ended, buttons would stay.
        if len(to_json(payload)) > SIZE - 4_000 * (card.status is Status.PENDING):
            raise Refused(f"teams: over {SIZE} bytes, 4000 of them for its end")
        return port.Drawn(card, payload, [*_seen(payload)])

    async def prepare(self, inbound: port.Inbound) -> None:
        await self.signers.have(bearer(inbound), self._bot.keys, inbound.at)

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        us, now = self.app_id, inbound.at
        claims, endorsed = check_jwt(
            self.signers, bearer(inbound), issuer=ISSUER, audience=us, now=now, leeway=LEEWAY
        )
        try:
            sent = from_json(inbound.body)
            service, where = sent["serviceUrl"], sent["channelId"]
        except FAULTS as error:
            raise Forged(f"teams: no activity: {type(error).__name__}") from None
        if not isinstance(service, str) or claims.get("serviceurl") != service:
            raise Forged("teams: the token is for another service")
        if where != "msteams" or where not in endorsed:
            raise Forged("teams: its key does not speak for Teams")
        return port.Proven(inbound, {"activity": sent})

    def read(self, resolved: port.Resolved) -> port.Event:
        try:
            return self._event(resolved.claims["activity"])
        except FAULTS as error:
            raise Malformed(f"teams: {type(error).__name__}") from None

    def _event(self, sent: Any) -> port.Event:
        way, value, room = sent["type"], sent.get("value"), sent["conversation"]
        # In a channel or a group chat others read along: what is said there links nobody.
        private = room.get("conversationType") == "personal" and not room.get("isGroup")
        if way == "invoke" and sent.get("name") == "adaptiveCard/action":
            action, by_hand = value["action"], value.get("trigger") != "automatic"
            if not by_hand or action.get("verb") == LOOK:  # looked at: nobody pressed a button
                _, account, place, far, to = self._from(sent)
                message, to = str(sent.get("replyToId")), to | {"viewer": str(sent["from"]["id"])}
                return port.Glance("teams", account, place, message, by_hand, far, to)
            value = action.get("data")
            if not isinstance(value, dict) or not port.is_token(value.get("token")):
                return port.Ignored("an action on a card of another feature of the app")
        elif way == "message" and not value and private and (text := written(sent)):
            event, account, place, far, to = self._from(sent)
            return port.Reply("teams", event, account, place, text, None, far, to)
        elif way != "message" or not isinstance(value, dict) or "token" not in value:
            return port.Ignored(f"{way}: nothing was pressed, and nothing written to us alone")
        event, account, place, far, to = self._from(sent)
        reason, message, token = value.get("reason"), sent["replyToId"], value["token"]
        if {*map(type, (message, token, reason or ""))} != {str}:
            raise TypeError
        return port.Tap(
            channel="teams",
            event=event,
            account=account,
            conversation=place,
            message=message,
            token=token,
            stranger=far,
            reason=reason or None,
            ready=port.ready(value.get("ready")),
            reply_to=to,
        )

    def _from(self, sent: Any) -> tuple[str, str, str, str | None, dict[str, str]]:
        """Event, account, conversation, why it is a stranger's, and what an answer needs."""
        who, room, data = sent["from"], sent["conversation"], sent.get("channelData") or {}
        homes = {room.get("tenantId"), (data.get("tenant") or {}).get("id")} - {None}
        account, far = who.get("aadObjectId"), None
        if homes != {self.tenant_id}:
            far = "foreign tenant"
        elif not account or who.get("role") in ("bot", "skill"):
            far, account = "not a person's account", account or who["id"]
        place, event = room["id"].partition(";messageid=")[0], sent["id"]
        if {*map(type, (account, place, event))} != {str}:
            raise TypeError
        to = {"way": sent["type"], "kind": str(room.get("conversationType"))}
        return f"{place}:{event}", account.lower(), place, far, to | {"service": sent["serviceUrl"]}

    async def open(self, account: str) -> Address:
        from botbuilder.schema import ChannelAccount, ConversationParameters  # noqa: PLC0415 - imported where the channel is on

        who = account.lower()
        if not ACCOUNT.fullmatch(who):
            raise Refused(f"teams: {account!r} is not the object id of a Microsoft Entra user")
        asked = ConversationParameters(
            is_group=False,
            bot=ChannelAccount(id=f"28:{self.app_id}"),
            members=[ChannelAccount(id=who)],
            channel_data={"tenant": {"id": self.tenant_id}},
        )
        # The SDK writes `tenantID`, the platform reads `tenantId`.
        asked = asked.serialize() | {"tenantId": self.tenant_id}
        place = (await self._bot.call("POST", "v3/conversations", asked))["id"]
        member = await self._bot.member(place, who)
        # userRole is also `guest` or `anonymous`; a guest's name ends in #EXT#@…
        guest = "#EXT#" in str(member.get("userPrincipalName", "")).upper()
        same = str(member.get("aadObjectId") or member.get("objectId")).lower() == who
        home = member.get("tenantId") == self.tenant_id
        if guest or not same or not home or member.get("userRole", "user") not in ("user", "owner"):
            raise Refused(f"teams: {account} may not approve: a guest, or of another tenant")
        return Address("teams", place, account=who)

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        sent = await self._bot.send(address.conversation, payload)
        return MessageRef("teams", address.conversation, sent)

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> None:
        await self._bot.send(ref.conversation, payload, instead=ref.message)

    def answer(self, tap: port.Tap, notice: port.Notice) -> port.Response | None:
        return _said(notice.text) if tap.reply_to.get("way") == "invoke" else None

    async def viewers(self, conversation: str, accounts: Sequence[str]) -> Sequence[str]:
        found: list[str] = []
        for account in accounts:
            if len(found) < VIEWERS and (known := await self._bot.id_of(conversation, account)):
                found.append(known)
        return found

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        self._heed(tap)
        counted = notice.kind is port.NoticeKind.COUNTED
        # An old client's press has no answer: a word in private, and none in public.
        if tap.reply_to["way"] == "message" and tap.reply_to["kind"] == "personal" and not counted:
            await self._bot.say(tap.conversation, notice.text)

    async def say(self, reply: port.Reply, notice: port.Notice) -> None:
        self._heed(reply)
        await self._bot.say(reply.conversation, notice.text)

    async def whisper(self, account: str, letter: port.Letter) -> None:
        await self._bot.say((await self.open(account)).conversation, letter.text)

    def _heed(self, event: port.Tap | port.Reply) -> None:
        """Whoever is of our own tenant tells us its region, if that is Microsoft's."""
        if event.stranger is None and self._bot.ours(event.reply_to["service"]):
            self._bot.service = event.reply_to["service"]

    async def check(self) -> list[port.Finding]:
        found = []
        for subject, ask in (("token", self._bot.token), ("keys", self._bot.keys)):
            try:
                await ask()
                found.append(port.Finding(subject, True, "as it should be"))
            except Busy as why:
                found.append(port.Finding(subject, False, str(why)))
        return [*found, self._bot.http.clock()]

    async def close(self) -> None:
        await self._bot.close()


def _said(text: str) -> port.Response:
    return _answered("application/vnd.microsoft.activity.message", text)


def _answered(kind: str, value: Any) -> port.Response:
    # https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model#response-format
    return port.Response(body=to_json({"statusCode": 200, "type": kind, "value": value}))


def _asking(payload: port.Payload, viewers: Sequence[str]) -> port.Payload:
    """The card, for which these clients ask by themselves, and others by "Refresh card" in its
    menu. Not the template's work: an owner's own could forget it, and nobody would have buttons."""
    action = {"type": "Action.Execute", "title": "Refresh", "verb": LOOK, "data": {}}
    refresh = {"action": action, "userIds": [*viewers]}
    try:
        (hung,) = payload["attachments"]
        content = hung["content"] | {"refresh": refresh}
    except FAULTS:
        raise Refused("teams: a template makes one attachment, the card") from None
    return payload | {"attachments": [hung | {"content": content}]}


def _instant(at: int) -> str:
    """A time in the reader's own zone."""
    utc = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 1000))
    return f"{{{{DATE({utc}, SHORT)}}}} {{{{TIME({utc})}}}}"


def _seen(payload: port.Payload) -> Iterator[str]:
    found = payload.get("attachments")
    for one in found if isinstance(found, list) else ():
        content = one.get("content") if isinstance(one, dict) else None
        if isinstance(content, dict):
            yield from adaptive.seen(content.get("body"), {**PARTS, **TABLES})


def _tame(node: Any, drawn: list[tuple[Any, Any]]) -> None:
    # Makes texts inert, and notes every button, or whatever else may send data.
    for item in node if isinstance(node, list) else ():
        _tame(item, drawn)
    if isinstance(node, dict):
        if "data" in node:
            data = node["data"]
            drawn.append((node.get("title"), data.get("token") if type(data) is dict else None))
        if node.get("type") == "TextRun":
            node["text"] = inert(node["text"])
        for item in node.values():
            _tame(item, drawn)
