"""Google Chat: cards by the Chat API, taps by HTTPS or by Pub/Sub.

Google's token proves who delivers a request, but not its body, which only https protects. A tap
carries its message, or we ask Google for it, and it is compared with what we last sent. So even
someone with the service account's key cannot swap a button.
"""

from __future__ import annotations

import re
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import unescape
from typing import Any, ClassVar, Final
from urllib.parse import quote
from uuid import UUID, uuid5

from pydantic_core import from_json, to_json

from adapters.google_chat.api import BATCH, CHAT, PUBSUB, Account, Google, log
from adapters.kit.base import Base
from adapters.kit.echo import differences, digest, settled
from adapters.kit.http import FAULTS
from adapters.kit.openid import bearer
from approvals import port
from approvals.model import (
    SECOND,
    Address,
    Busy,
    Card,
    Difference,
    Fact,
    Forged,
    Malformed,
    MessageRef,
    Refused,
    Risk,
    Scope,
    Status,
    Tier,
)
from approvals.proof import Signers, check_jwt
from approvals.text import fitting, unlinked

# Who signs, for whom, and with what keys. Of an app: the audience "Project number" of its
# configuration. With the audience "HTTP endpoint URL" any app that somebody points at our address
# would be proven, so that one is not taken:
# https://developers.google.com/workspace/chat/verify-requests-from-chat
ISSUER: Final = "chat@system.gserviceaccount.com"
CERTS: Final = f"https://www.googleapis.com/service_accounts/v1/metadata/x509/{ISSUER}"
# Of an add-on: an OpenID token for our address, by the service agent of our own project and no
# other: https://developers.google.com/workspace/add-ons/guides/alternate-runtimes
OPENID: Final = "https://accounts.google.com"
JWKS: Final = "https://www.googleapis.com/oauth2/v3/certs"
AGENT: Final = "service-{}@gcp-sa-gsuiteaddons.iam.gserviceaccount.com"
LEEWAY: Final = 60_000  # milliseconds
# Bytes of a message, and widgets of a card: `spaces.messages.create` and `Card.sections` of
# https://chat.googleapis.com/$discovery/rest?version=v1 (revision 20261107)
SIZE: Final = 32_000
WIDGETS: Final = 100
# Bytes that a fact takes besides its texts.
WIDGET: Final = 60
# Google names no limit for an item of a choice; a dialog has no room for more.
OPTION: Final = 200
REASON: Final = 500
NAME: Final = re.compile(r"spaces/([A-Za-z0-9_-]+)(?:/messages/([A-Za-z0-9_.-]+))?")
USER: Final = re.compile("users/([0-9]{1,30})")
FUNCTION: Final = "countersign"
NUMBER: Final = re.compile(r"(?<=\d\.)\u200b(?=\d)")
BLANKS: Final = re.compile(r" (?:(?<=[ \n] )|(?<![\s\S] ))")
ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\t": "\xa0" * 4}
ESCAPED: Final = re.compile("[&<>\t]")
TAG: Final = re.compile(r"(<[^<>]*>)")
# What nobody sees of a card, or Google's store may add or drop.
UNSEEN: Final = frozenset(
    (
        "cardId",
        "ownerUser",
        "name",
        "type",
        "color",
        "altText",
        "loadIndicator",
        "persistValues",
        "horizontalAlignment",
        "sectionDividerStyle",
        "openAs",
        "onClose",
    )
)
# Of the rest, what is read as text: the ends of it may be cut off.
TEXTS: Final = frozenset(("text", "topLabel", "bottomLabel", "header", "title", "subtitle"))
# What else a message can hold besides its cards. Ours hold none of it.
BESIDE: Final = ("cards", "accessoryWidgets", "attachment", "attachedGifs", "quotedMessageMetadata")


def inert(text: str) -> str:
    """Text that shows as it is: no tag, no entity, no address to be linked, and no blank lost."""
    text = NUMBER.sub("", unlinked(text))  # a number is not broken
    text = ESCAPED.sub(lambda match: ENTITIES[match[0]], text)
    return BLANKS.sub("\xa0", text) or "(empty)"


def size(text: str) -> int:
    """Bytes of a text in a message."""
    return max(len(to_json(inert(text))) - 2, len(text))


@dataclass(frozen=True, slots=True)
class GoogleChat(Base):
    """`app` addon, or classic: how its events look and who signs them. `domains`: of the mail
    addresses of those who may approve. `endpoint_url`: our own address, which an add-on's tokens
    and buttons name. `subscription`: where `mode` pubsub looks. The URLs are for test peers."""

    service_account: str = field(repr=False)
    project_number: str
    domains: Sequence[str]
    render: port.Render = field(repr=False)
    app: str = "classic"
    mode: str = "webhook"
    endpoint_url: str = ""
    subscription: str = ""
    api_url: str = "https://chat.googleapis.com/"
    token_url: str = "https://oauth2.googleapis.com/token"
    keys_url: str = ""
    pubsub_url: str = "https://pubsub.googleapis.com/"
    signers: Signers = field(default_factory=Signers, init=False, repr=False, compare=False)
    _google: Google = field(init=False, repr=False, compare=False)
    name: ClassVar[str] = "google_chat"
    # Together under SIZE, less what its end takes.
    limits: ClassVar = port.Limits(
        title=300,
        fact_label=1200,
        fact_value=2000,
        facts=25,
        payload=9000,
        note=1500,
        buttons=3,
        label=40,
        measure=size,
        total=20_000,
        each=WIDGET,
        together=10_000,
    )

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9]{6,20}", self.project_number):
            raise ValueError("google_chat: project_number is a number, not the project's name")
        if self.app not in ("classic", "addon") or self.mode not in ("webhook", "pubsub"):
            raise ValueError("google_chat: app is classic or addon, mode is webhook or pubsub")
        if not self.domains:
            raise ValueError("google_chat: needs domains: whose people may approve")
        if self.mode == "pubsub" and (self.app != "classic" or not self.subscription):
            raise ValueError("google_chat: mode pubsub needs subscription, and app: classic")
        if self.app == "addon" and not self.endpoint_url:
            raise ValueError("google_chat: app: addon needs endpoint_url")
        google = Google(
            Account.read(self.service_account),
            scopes=(CHAT, PUBSUB) if self.mode == "pubsub" else (CHAT,),
            chat=self.api_url,
            token_url=self.token_url,
            keys_url=self.keys_url or (JWKS if self.app == "addon" else CERTS),
        )
        object.__setattr__(self, "_google", google)

    @property
    def abilities(self) -> port.Abilities:
        listens = self.mode == "pubsub"
        return port.Abilities(
            edit=True,
            echo=True,
            private_notice=True,
            # A dialog is an answer, and what comes by Pub/Sub has none.
            reason_prompt=not listens,
            # Not open_by_email: the Chat API takes an address for an id only from a signed-in user.
            listen=listens,
            # Whoever may publish to the topic could make up a tap.
            tier=Tier.B if listens else Tier.A,
            says_counted=False,
        )

    def drawn(self, card: Card) -> port.Drawn:
        return port.whole(card, self._draw, inert)

    def _draw(self, card: Card) -> port.Drawn:
        link = card.review if card.review and port.reachable(card.review) else None
        values = {"subject": card.subject, "link": link, "function": self._function}
        message = self.render({"card": _tamed(card), **values})
        cards = message.get("cardsV2")
        if not isinstance(cards, list) or message.get("text"):
            raise Refused("google_chat: a template makes cardsV2 and fallbackText, and no text")
        taps: list[tuple[Any, Any]] = []
        _taps(message, taps)
        port.same_buttons(card, taps)
        # Some is left free while it is open: if it could not say how it ended, buttons would stay.
        most = SIZE - 2_000 * (card.status is Status.PENDING)
        if len(to_json(message)) > most or _widgets(cards) > WIDGETS:
            raise Refused(f"google_chat: over {WIDGETS} widgets or {SIZE} bytes, 2000 for its end")
        # Only what is urgent to one person breaks their "do not disturb".
        urgent = card.risk is Risk.HIGH and card.status is Status.PENDING and not card.shared
        notify = "NOTIFICATION_TYPE_FORCE_NOTIFY" if urgent else "NOTIFICATION_TYPE_NONE"
        return port.Drawn(card, {"message": message, "notify": notify}, [*_texts(cards)])

    @property
    def _function(self) -> str:
        """What a button names: https://developers.google.com/workspace/add-ons/chat/convert"""
        return self.endpoint_url if self.app == "addon" else FUNCTION

    async def prepare(self, inbound: port.Inbound) -> None:
        if self.mode == "webhook":
            await self.signers.have(bearer(inbound), self._google.keys, inbound.at)

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        if self.mode != "webhook":
            raise Forged("google_chat: taps come by Pub/Sub")
        addon = self.app == "addon"
        claims, _ = check_jwt(
            self.signers,
            bearer(inbound),
            issuer=OPENID if addon else ISSUER,
            audience=self.endpoint_url if addon else self.project_number,
            now=inbound.at,
            leeway=LEEWAY,
        )
        # They have no `nbf`.
        if not isinstance(made := claims.get("iat"), int) or made * SECOND > inbound.at + LEEWAY:
            raise Forged("google_chat: the token is not of now")
        ours = AGENT.format(self.project_number)
        if addon and (claims.get("email"), claims.get("email_verified")) != (ours, True):
            raise Forged("google_chat: the token is another project's")
        return port.Proven(inbound)

    async def resolve(self, proven: port.Proven) -> port.Resolved:
        """Not every event has the cards of its message: then Google is asked for them."""
        resolved = port.Resolved.of(proven)
        try:
            event = resolved.claims.get("event") or from_json(proven.inbound.body)
            resolved = port.Resolved.of(proven, event=event)
            tap = self._event(event, None)
        except FAULTS:
            return resolved  # `read` says it
        if not isinstance(tap, port.Tap) or tap.message is None or tap.echo is not None:
            return resolved
        try:
            shown = await self._google.call("GET", _path(tap.conversation, tap.message))
        except Refused as why:
            raise Forged(str(why)) from None
        return port.Resolved.of(proven, event=event, message=shown)

    def read(self, resolved: port.Resolved) -> port.Event:
        try:
            event = resolved.claims.get("event") or from_json(resolved.inbound.body)
            return self._event(event, resolved.claims.get("message"))
        except FAULTS as error:
            raise Malformed(f"google_chat: {type(error).__name__}") from None

    def _event(self, sent: Any, shown: Any) -> port.Event:
        """`shown`: the message, as Google told it when it was asked."""
        way = "addon" if "chat" in sent else "classic"
        if way == "addon":
            chat, common = sent["chat"], sent.get("commonEventObject") or {}
            user, at = chat["user"], chat["eventTime"]
            written, pressed = chat.get("messagePayload"), chat.get("buttonClickedPayload")
        else:
            common, user, at = sent.get("common") or {}, sent["user"], sent["eventTime"]
            written = sent if sent["type"] == "MESSAGE" else None
            pressed = sent if sent["type"] == "CARD_CLICKED" else None
        if pressed is None and written is None:
            return port.Ignored("nothing was pressed, and nothing written to us")
        account, far = self._who(user)
        inside = (pressed or written)["space"]
        place = _named(inside["name"])[0]
        if {type(at), type(inside.get("type", ""))} != {str}:
            raise TypeError
        alone = inside.get("singleUserBotDm") is True
        to = {"way": way, "room": "" if alone else place}
        if pressed is None:
            message = written["message"]
            text, name = message.get("text"), _named(message["name"])[1]
            if not alone or not text:
                return port.Ignored("what others read too, or without text")
            if type(text) is not str or not name:
                raise TypeError
            event = f"{place}:{name}"
            return port.Reply("google_chat", event, account, place, text, None, far, to)
        given = _given(common, pressed)
        token, asked = given.get("token"), given.get("declines")
        kind = pressed.get("dialogEventType") or ""
        if not port.is_token(asked or token) or kind == "CANCEL_DIALOG":
            return port.Ignored("a button or a dialog of another feature of the app")
        if asked is not None:  # in the dialog, not on the card: it may decline only
            inputs = common.get("formInputs") or {}
            event = digest([place, account, at, asked])
            return port.Tap(
                channel="google_chat",
                event=event,
                account=account,
                conversation=place,
                message=None,
                token=asked,
                stranger=far,
                reason=(_input(inputs, "reason") or "")[:REASON],
                ready=port.ready(_input(inputs, "ready")),
                reply_to=to | {"dialog": "submitted"},
            )
        where, name = _named(pressed["message"]["name"])
        if where != place or not name:
            raise ValueError("a message of another space")
        told = shown or pressed["message"]
        dialog = "asked" if kind == "REQUEST_DIALOG" else ""
        return port.Tap(
            channel="google_chat",
            event=digest([place, name, account, at, token]),
            account=account,
            conversation=place,
            message=name,
            token=str(token),
            stranger=far,
            echo=digest(_view(told)) if told.get("cardsV2") else None,
            reply_to=to | {"dialog": dialog},
        )

    def _who(self, user: Any) -> tuple[str, str | None]:
        """The account, and why it is a stranger's."""
        found, mail = USER.fullmatch(user["name"]), user.get("email")
        if not found:
            raise ValueError("not the id of a user")
        if user.get("type") != "HUMAN" or user.get("isAnonymous"):
            return found[1], "not a person's account"
        _, at, domain = mail.rpartition("@") if isinstance(mail, str) else ("", "", "")
        return found[1], None if at and domain.lower() in self.domains else "foreign domain"

    async def open(self, account: str) -> Address:
        # An app can begin no conversation: a person opens it, or an administrator installs it for
        # them. https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces/setup
        if not re.fullmatch("[0-9]{1,30}", account):
            raise Refused(f"google_chat: {account!r} is no id of a person: it is a number")
        who = {"name": f"users/{account}"}
        try:
            space = await self._google.call("GET", "spaces:findDirectMessage", who)
            place, _ = _named(space["name"])
            member = await self._google.call("GET", f"{_path(place)}/members/{account}")
            person, outside = member["member"], member.get("affiliation")
            known = person["name"] == who["name"] and person.get("type") == "HUMAN"
        except FAULTS as why:
            raise Busy(f"google_chat: not Google's answer: {type(why).__name__}") from None
        mail = str(person.get("email", "")).rpartition("@")[2].lower()
        foreign = outside in ("EXTERNAL", "MANAGED_EXTERNAL") or mail not in ("", *self.domains)
        if not known or foreign or member.get("state") != "JOINED":
            raise Refused(f"google_chat: {account} may not approve: no person of ours")
        return Address("google_chat", place, account=account)

    def echo(self, payload: port.Payload) -> str:
        return digest(_view(payload["message"]))

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        # The same key is the same message, if our answer was lost.
        query = {"requestId": str(uuid5(UUID(int=0), key))}
        query["createMessageNotificationOptions.notificationType"] = payload["notify"]
        sent = await self._message("POST", address.conversation, payload["message"], query)
        try:
            where, name = _named(sent["name"])
        except FAULTS:
            where, name = "", ""
        if where != address.conversation or not name:
            raise Busy("google_chat: it does not say that it took the message")
        return MessageRef("google_chat", where, name, _altered(payload, sent))

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> MessageRef:
        # `fallbackText` is no path of a mask. Text that somebody else put there goes with this.
        query = {"updateMask": "cardsV2,text"}
        path = _path(ref.conversation, ref.message)
        sent = await self._google.call(
            "PATCH", path, query, payload["message"], scope=Scope.CONVERSATION
        )
        try:
            drawn = _named(sent["name"]) == (ref.conversation, ref.message)
        except FAULTS:
            drawn = False
        if not drawn:
            raise Busy("google_chat: it does not say that it took the edit")
        return replace(ref, altered=_altered(payload, sent))

    def answer(self, tap: port.Tap, notice: port.Notice) -> port.Response | None:
        if self.mode == "pubsub":
            return None
        way, dialog = tap.reply_to["way"], tap.reply_to["dialog"]
        if notice.kind is port.NoticeKind.ASK_REASON:
            reasons = [fitting(one, OPTION) for one in notice.reasons]
            values = {"prompt": tap.token, "reasons": reasons, "function": self._function}
            return _answered(way, dialog=self.render(values))
        if dialog:
            return _answered(way, end=notice.text)
        if notice.kind is port.NoticeKind.COUNTED:
            return port.Response(body=b"{}")  # the card says it
        return _answered(way, message=_private(tap, notice))

    def word(self, reply: port.Reply, notice: port.Notice) -> port.Response:
        return _answered(reply.reply_to["way"], message={"text": _plain(notice.text)})

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        if self.mode == "pubsub" and notice.kind is not port.NoticeKind.COUNTED:
            await self._message("POST", tap.conversation, _private(tap, notice))

    async def say(self, reply: port.Reply, notice: port.Notice) -> None:
        await self._message("POST", reply.conversation, {"text": _plain(notice.text)})

    async def _message(
        self, method: str, space: str, body: Any, query: Mapping[str, str] | None = None
    ) -> Any:
        # Writes are limited to one a second in a space:
        # https://developers.google.com/workspace/chat/limits
        path = f"{_path(space)}/messages"
        return await self._google.call(method, path, query, body, scope=Scope.CONVERSATION)

    async def listen(self, deliver: port.Deliver) -> None:
        # https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions/pull
        # What is not acknowledged comes again, with the same ids: whatever goes wrong, it counts
        # once.
        url = f"{self.pubsub_url}v1/{self.subscription}"
        while True:
            got = await self._google.pulled("POST", f"{url}:pull", {"maxMessages": BATCH})
            for one in got.get("receivedMessages") or ():
                await self._take(one, deliver)
                await self._google.pulled("POST", f"{url}:acknowledge", {"ackIds": [one["ackId"]]})

    async def _take(self, one: Any, deliver: port.Deliver) -> None:
        inbound = port.Inbound("PUBSUB", "", "", {}, b"", int(time.time() * 1000))
        try:
            sent = from_json(b64decode(one["message"]["data"], validate=True))
            if not isinstance(sent, dict) or not sent:
                raise TypeError
            event = self.read(await self.resolve(port.Proven(inbound, {"event": sent})))
        except (Malformed, Forged, *FAULTS) as why:
            event = port.Ignored(f"google_chat: {type(why).__name__}")
        notice = await deliver(event)
        if notice and isinstance(event, port.Tap):
            try:
                await self.tell(event, notice)
            except (Busy, Refused) as why:
                log.warning(port.Line("notice_not_told", why=why))

    async def check(self) -> list[port.Finding]:
        found = []
        asks: list[tuple[str, Any]] = [
            ("token", self._google.token),
            ("Chat API", lambda: self._google.call("GET", "spaces", {"pageSize": "1"})),
        ]
        pulls = self.mode == "pubsub"
        asks.append(("subscription", self._may) if pulls else ("keys", self._google.keys))
        for subject, ask in asks:
            try:
                await ask()
                found.append(port.Finding(subject, True, "as it should be"))
            except (Busy, Refused) as why:
                found.append(port.Finding(subject, False, str(why)))
        return [*found, self._google.http.clock()]

    async def _may(self) -> None:
        """`Refused`: we may not pull."""
        needs = "pubsub.subscriptions.consume"
        url = f"{self.pubsub_url}v1/{self.subscription}:testIamPermissions"
        may = await self._google.pulled("POST", url, {"permissions": [needs]})
        if needs not in (may.get("permissions") or ()):
            raise Refused("google_chat: the service account needs the role Pub/Sub Subscriber")

    async def close(self) -> None:
        await self._google.close()


def _path(space: str, message: str = "") -> str:
    return f"spaces/{quote(space, '')}" + (f"/messages/{quote(message, '')}" if message else "")


def _named(name: Any) -> tuple[str, str]:
    """Space and message of a resource's name; the message is "" in that of a space."""
    found = NAME.fullmatch(name)
    if not found:
        raise ValueError("not the name of a space or a message")
    return found[1], found[2] or ""


def _given(common: Any, pressed: Any) -> dict[str, Any]:
    """The parameters of the action, by key."""
    if (given := common.get("parameters")) is None:
        listed = (pressed.get("action") or {}).get("parameters") or ()
        given = {one["key"]: one.get("value") for one in listed}
    if not isinstance(given, dict):
        raise TypeError
    return given


def _input(inputs: Any, name: str) -> str | None:
    """What was entered there; None: nothing."""
    values = ((inputs.get(name) or {}).get("stringInputs") or {}).get("value") or [None]
    if not isinstance(values[0], str | None):
        raise TypeError
    return values[0]


def _answered(way: str, *, message: Any = None, dialog: Any = None, end: str = "") -> port.Response:
    """A message, a dialog, or the end of one, with a line for the person who had it open.

    https://developers.google.com/workspace/chat/dialogs, and of an add-on
    https://developers.google.com/workspace/add-ons/chat/dialogs
    """
    said: dict[str, Any]
    if way == "classic":
        status = {"statusCode": "OK", "userFacingMessage": end}
        inner = {"dialog": {"body": dialog}} if dialog else {"actionStatus": status}
        said = {"actionResponse": {"type": "DIALOG", "dialogAction": inner}}
        if message:
            said = {"actionResponse": {"type": "NEW_MESSAGE"}} | message
    elif message:
        said = {
            "hostAppDataAction": {"chatDataAction": {"createMessageAction": {"message": message}}}
        }
    elif dialog:
        said = {"action": {"navigations": [{"pushCard": dialog}]}}
    else:
        closed = [{"endNavigation": {"action": "CLOSE_DIALOG"}}]
        said = {"action": {"navigations": closed, "notification": {"text": end}}}
    return port.Response(body=to_json(said))


def _private(tap: port.Tap, notice: port.Notice) -> dict[str, Any]:
    # https://developers.google.com/workspace/chat/create-messages#private
    viewer = {"privateMessageViewer": {"name": f"users/{tap.account}"}}
    return {"text": _plain(notice.text)} | (viewer if tap.reply_to["room"] else {})


def _plain(text: str) -> str:
    """For a message's text, in which Google reads mentions and links in angle brackets."""
    return text.replace("<", "<\u200b")


def _tamed(card: Card) -> Card:
    """The card with everything that others wrote made inert."""
    names = ("title", "headline", "action", "agent", "line", "progress", "payload", "payload_tail")
    texts = {name: getattr(card, name) for name in (*names, "note", "review_needed")}
    needed = ("title", "headline", "agent")
    safe: dict[str, Any] = {x: inert(text) for x, text in texts.items() if text or x in needed}
    facts = tuple(Fact(inert(one.label), inert(one.value)) for one in card.facts)
    return replace(card, facts=facts, **safe)


def _taps(node: Any, found: list[tuple[Any, Any]]) -> None:
    """Notes every button, and whatever else would call us."""
    for item in node if isinstance(node, list) else ():
        _taps(item, found)
    if isinstance(node, dict):
        for name, item in node.items():
            action = item.get("action") if name == "onClick" and isinstance(item, dict) else None
            if isinstance(action, dict):
                match action.get("parameters"):
                    case [{"key": "token", "value": token}]:
                        found.append((node.get("text"), token))
                    case _:
                        found.append((node.get("text"), None))
            elif name == "function" or name.endswith("Action"):
                found.append((None, None))  # an input that calls us when it changes
            else:
                _taps(item, found)


def _widgets(cards: Sequence[Any]) -> int:
    sections = (section for one in cards for section in one["card"]["sections"])
    return sum(len(section["widgets"]) for section in sections)


def _texts(cards: Sequence[Any]) -> Iterator[str]:
    """What is to be seen at once: nothing that a client cuts off or folds in."""
    for section in (section for one in cards for section in one["card"]["sections"]):
        if section.get("collapsible"):
            continue
        for widget in section["widgets"]:
            one = widget.get("textParagraph") or {}
            other = widget.get("decoratedText") or {}
            if widget.get("visibility", "VISIBLE") == "VISIBLE" and not one.get("maxLines"):
                yield one.get("text", "")
                yield other.get("text", "") if other.get("wrapText") else ""


def _altered(payload: port.Payload, sent: Any) -> tuple[Difference, ...]:
    # An answer without cards does not say how they look. The next tap will.
    return differences(_view(payload["message"]), _view(sent)) if sent.get("cardsV2") else ()


def _view(message: Any) -> dict[str, Any]:
    # Not `fallbackText`: it stands in notifications only, and cannot be changed.
    seen = {name: message.get(name) or None for name in BESIDE}
    text = message.get("text")
    seen["text"] = settled(text) if isinstance(text, str) else None
    return seen | {"cardsV2": _shown(message.get("cardsV2") or [])}


def _shown(node: Any, name: str = "") -> Any:
    if isinstance(node, list):
        return [_shown(item) for item in node]
    if isinstance(node, dict):
        seen = {name: _shown(node[name], name) for name in sorted(node) if name not in UNSEEN}
        return {name: value for name, value in seen.items() if value}
    return _read(node) if isinstance(node, str) and name in TEXTS else node


def _read(text: str) -> str:
    """Tags as they are, and between them what is read: Google may write an entity otherwise. A
    zero-width space is ours always, and a `<` that no tag ends is not."""
    parts = TAG.split(text.replace("\u200b", "").replace("\xa0", " "))
    parts[::2] = [
        unescape(part.replace("<", "\0")).replace("&", "&amp;").replace("<", "&lt;")
        for part in parts[::2]
    ]
    return settled("".join(parts))
