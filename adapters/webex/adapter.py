"""Webex: Adaptive Cards in a bot's messages. Taps come by webhook and are fetched again.

A delivery says which action it is about, and nothing else of it counts: what was pressed, by whom
and on which message is what Webex answers when it is asked. The message is fetched too, and
compared with what we last sent.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final
from urllib.parse import quote

from pydantic_core import from_json, to_json

from adapters.kit import adaptive
from adapters.kit.base import Base
from adapters.kit.echo import differences, digest, settled
from adapters.kit.http import FAULTS, Denied
from adapters.webex.api import Api, path
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
from approvals.proof import check_secret
from approvals.text import breakable, unlinked

# Where a delivery's signature stands, and under which name. Documented is the first alone:
# https://developer.webex.com/blog/using-a-webhook-secret. The second header has both of the others,
# `SHA-256=…, SHA-512=…`: https://github.com/wxsd-sales/webex-webhook-manager (read 2026-11).
SIGNED: Final = {
    "sha1": ("x-spark-signature", ""),
    "sha256": ("x-webex-signature", "SHA-256"),
    "sha512": ("x-webex-signature", "SHA-512"),
}
# https://developer.webex.com/docs/api/guides/webhooks
PRESSED: Final = ("attachmentActions", "created")
WRITTEN: Final = ("messages", "created")
# Bytes of a message with its card. Webex names no limit for a card; 22 kB is what is said of it.
SIZE: Final = 21_000
# "The maximum message length is 7439 bytes" of the text beside the card:
# https://developer.webex.com/docs/api/v1/messages/create-a-message
TEXT: Final = 7439
# "Cards may include up to five buttons (actions)":
# https://developer.webex.com/docs/buttons-and-cards
ACTIONS: Final = 5
# Bytes that one more line takes besides its text, and a fact.
LINE: Final = 130
ROW: Final = 330
# Under which name a button sends its token: Approve, and the Decline on the card that Decline…
# opens. Another feature of the bot has data of its own.
TAPS: Final = ("token", "declines")
REASON: Final = 500
# A conversation with one person: its room exists only once something was written there.
PERSON: Final = "person:"
# What a client may expand, even in a TextRun: date macros, and template expressions, as Webex's own
# component does (https://github.com/webex/components, AdaptiveCard.jsx).
MACROS: Final = re.compile(r"\$(?=\{)|\{(?=\{(?:DATE|TIME)\()", re.IGNORECASE)
NUMBER: Final = re.compile(r"(?<=\d\.)\u200b(?=\d)")
BLANKS: Final = re.compile(r" (?:(?<=[ \n] )|(?<![\s\S] ))")


def inert(text: str) -> str:
    """Text that every client draws as it is: a zero-width space, which cleaned text brings none of,
    breaks what a client could expand and words that would run out of the card, and keeps a blank at
    the end of a line."""
    text = BLANKS.sub("\xa0", MACROS.sub("\\g<0>\u200b", breakable(text))) or "(empty)"
    return f"{text}\u200b" if text[-1].isspace() else text


def size(text: str) -> int:
    """Bytes of a text in a message, where each line is an element of its own."""
    return len(to_json(inert(text))) - 2 + LINE * text.count("\n")


@dataclass(frozen=True, slots=True)
class Webex(Base):
    """`org_id`: whose people approve; nobody else's tap counts. `webhook_secret`: what the webhooks
    were made with. `signature`: which one is believed. `api_url`: another cloud, or a test peer."""

    token: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    org_id: str
    render: port.Render = field(repr=False)
    signature: str = "sha1"
    api_url: str = "https://webexapis.com/v1/"
    _api: Api = field(init=False, repr=False, compare=False)
    _rooms: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The room of a conversation with one person, which an edit must name."""
    name: ClassVar[str] = "webex"
    # Together under SIZE, less what its end takes.
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
        total=13_000,
        each=ROW,
        together=6000,
    )
    # The reason is asked for on the card itself: Decline… opens it.
    abilities: ClassVar = port.Abilities(
        edit=True,
        echo=True,
        private_notice=True,
        open_by_email=True,
        tier=Tier.A,
        says_counted=False,
    )

    def __post_init__(self) -> None:
        self.needs("token", "webhook_secret", "org_id")
        if self.signature not in SIGNED:
            raise ValueError(f"webex: signature is one of {', '.join(SIGNED)}")
        object.__setattr__(self, "_api", Api(self.api_url, self.token))

    def drawn(self, card: Card) -> port.Drawn:
        return adaptive.whole(card, self._draw, inert)

    def _draw(self, card: Card) -> port.Drawn:
        link = card.review if card.review and port.reachable(card.review) else None
        payload = self.render({"card": card, "link": link})
        match payload:
            case {"text": str(text), "attachments": [{"content": dict(shown)}]}:
                pass
            case _:
                raise Refused("webex: a template makes text and one attachment, the card")
        drawn: list[tuple[Any, Any]] = []
        _tame(shown, drawn)
        port.same_buttons(card, drawn)
        # No address in it becomes a link; a number is not broken.
        payload = {**payload, "text": NUMBER.sub("", unlinked(text))}
        # Some is left free while it is open: if it could not say how it ended, buttons would stay.
        most = SIZE - 2000 * (card.status is Status.PENDING)
        if len(to_json(payload)) > most or len(payload["text"].encode()) > TEXT:
            raise Refused(f"webex: over {SIZE} bytes, 2000 of them for its end")
        if len(payload) > 2 or len(shown.get("actions", ())) > ACTIONS:
            raise Refused(f"webex: more than text and card, or over {ACTIONS} actions")
        return port.Drawn(card, payload, [*adaptive.seen(shown.get("body"))])

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        header, name = SIGNED[self.signature]
        given = inbound.headers.get(header, "")
        if name:
            given = dict(one.strip().partition("=")[::2] for one in given.split(",")).get(name, "")
        ours = hmac.digest(self.webhook_secret.encode(), inbound.body, self.signature).hex()
        check_secret(ours, given)
        return port.Proven(inbound)

    async def resolve(self, proven: port.Proven) -> port.Resolved:
        try:
            kind, data = _kind(proven.inbound.body)
            id = data["id"]
            if kind == PRESSED:
                return port.Resolved.of(
                    proven, **await self._pressed(path("attachment/actions", id))
                )
            # What others read too is not fetched. Of what is, the room is looked at again.
            if kind == WRITTEN and data.get("roomType") != "group":
                return port.Resolved.of(proven, **await self._written(path("messages", id)))
        except Denied as why:
            # Anybody can write to a bot and delete it at once, and Webex switches a webhook off
            # that answers with many errors: this is ignored, and no error.
            return port.Resolved.of(proven, absent=str(why))
        except FAULTS:
            pass  # `read` says it
        return port.Resolved.of(proven)

    async def _pressed(self, where: str) -> dict[str, Any]:
        action = await self._api.call("GET", where)
        if _tapped(action.get("inputs")) is None:
            return {"action": action}
        person, message, me = await asyncio.gather(
            self._api.call("GET", path("people", str(action.get("personId")))),
            self._api.call("GET", path("messages", str(action.get("messageId")))),
            self._api.me(),
        )
        # A button with our token on another's message, or elsewhere, was not put there by us.
        if message.get("personId") != me or message.get("roomId") != action.get("roomId"):
            return {"absent": "not a message of our bot"}
        return {"action": action, "person": person, "message": message}

    async def _written(self, where: str) -> dict[str, Any]:
        message, me = await asyncio.gather(self._api.call("GET", where), self._api.me())
        if message.get("personId") == me or message.get("roomType") != "direct":
            return {"message": message}
        person = await self._api.call("GET", path("people", str(message.get("personId"))))
        return {"message": message, "person": person}

    def read(self, resolved: port.Resolved) -> port.Event:
        try:
            kind, data = _kind(resolved.inbound.body)
            said = resolved.claims
            if "absent" in said:
                return port.Ignored(said["absent"])
            if kind == PRESSED:
                return self._tap(said["action"], said.get("person"), said.get("message"))
            if kind == WRITTEN and data.get("roomType") != "group" and said["message"]:
                return self._reply(said["message"], said.get("person"))
        except FAULTS as error:
            raise Malformed(f"webex: {type(error).__name__}") from None
        return port.Ignored("nothing was pressed, and nothing written to us alone")

    def _tap(self, action: Any, person: Any, message: Any) -> port.Event:
        found = _tapped(action["inputs"])
        if found is None:
            return port.Ignored("a card of another feature of the bot")
        name, token = found
        inputs = action["inputs"] if name == "declines" else {}
        reason = inputs.get("reason") or ""
        try:
            ready = port.ready(inputs.get("ready"))
        except ValueError:
            reason = None
        if not isinstance(reason, str):
            # By the API, whoever sees a card can send what it has no input for: no error either.
            return port.Ignored("inputs that our cards do not have")
        account, at, room = (action[one] for one in ("personId", "messageId", "roomId"))
        if {*map(type, (account, at, room, action["id"]))} != {str}:
            raise TypeError
        return port.Tap(
            channel="webex",
            event=action["id"],
            account=account,
            conversation=_conversation(message, account),
            message=at,
            token=token,
            stranger=self._barred(person),
            echo=digest(_view(message)),
            reason=reason[:REASON] or None,
            ready=ready,
            reply_to={"person": account},
        )

    def _reply(self, message: Any, person: Any) -> port.Event:
        text = message.get("text")
        if person is None or not text:
            return port.Ignored("our own words, what others read too, or a file alone")
        account, event = message["personId"], message["id"]
        if {*map(type, (account, text, event))} != {str}:
            raise TypeError
        place = _conversation(message, account)
        to = {"person": account}
        return port.Reply("webex", event, account, place, text, None, self._barred(person), to)

    def _barred(self, person: Any) -> str | None:
        """Why this account can never be an approver's, or None. `type` is also bot, or appuser,
        which is a guest: https://developer.webex.com/docs/api/v1/people/get-person-details"""
        if person.get("type") != "person":
            return "not a person's account"
        return None if person.get("orgId") == self.org_id else "of another organisation"

    async def open(self, account: str) -> Address:
        if "@" in account:
            found = (await self._api.call("GET", f"people?email={quote(account)}")).get("items")
            # One account has one address; whoever else is listed is not this one.
            known = [one for one in found or () if account.lower() in _mails(one)]
            if len(known) != 1:
                raise Refused(f"webex: no account has the address {account}")
            (person,) = known
        else:
            person = await self._api.call("GET", path("people", account))
        if why := self._barred(person):
            raise Refused(f"webex: {account} may not approve: {why}")
        id = str(person.get("id"))
        return Address("webex", f"{PERSON}{id}", account=id)

    def echo(self, payload: port.Payload) -> str:
        return digest(_view(payload))

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        sent = await self._api.call("POST", "messages", {**_to(address.conversation), **payload})
        id, room = sent.get("id"), sent.get("roomId")
        if not isinstance(id, str) or not isinstance(room, str):
            raise Busy("webex: it does not say that it took the message")
        self._rooms[address.conversation] = room
        return MessageRef("webex", address.conversation, id, _altered(payload, sent))

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> MessageRef:
        # By its documentation Webex edits a message ten times, and none with a card; the sample of
        # its own that plays chess does edit cards. So it is tried, and looked at.
        # https://developer.webex.com/docs/api/v1/messages/edit-a-message
        # https://github.com/CiscoDevNet/webex-chess-card-sample
        with suppress(Denied):  # with which status is documented nowhere
            body = {"roomId": await self._room(ref), **payload}
            sent = await self._api.call("PUT", path("messages", ref.message), body)
            if _view(sent) == _view(payload):
                return replace(ref, altered=())
        return await self._moved(ref, payload)

    async def _moved(self, ref: MessageRef, payload: port.Payload) -> MessageRef:
        # Deleted first: a decided card keeps no buttons, and trying again does no harm.
        try:
            await self._api.call("DELETE", path("messages", ref.message))
        except Denied as why:
            if why.code != 404:
                raise
        return await self.post(Address("webex", ref.conversation), payload, "")

    async def _room(self, ref: MessageRef) -> str:
        place = ref.conversation
        if not place.startswith(PERSON):
            return place
        if place not in self._rooms:
            message = await self._api.call("GET", path("messages", ref.message))
            self._rooms[place] = str(message.get("roomId"))
        return self._rooms[place]

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        if notice.kind is not port.NoticeKind.COUNTED:  # that one the card says
            await self._say(tap.reply_to["person"], notice)

    async def say(self, reply: port.Reply, notice: port.Notice) -> None:
        await self._say(reply.reply_to["person"], notice)

    async def _say(self, account: str, notice: port.Notice) -> None:
        # In a room others would read it: a bot writes to one person in a room of the two.
        await self._api.call("POST", "messages", {"toPersonId": account, "text": notice.text})

    async def check(self) -> list[port.Finding]:
        try:
            me = await self._api.call("GET", "people/me")
            hooks = (await self._api.call("GET", "webhooks?max=100")).get("items") or ()
        except (Busy, Refused) as why:
            return [port.Finding("token", False, str(why))]
        bot = me.get("type") == "bot"
        mail = ", ".join(sorted(_mails(me)))
        return [
            port.Finding("token", bot, mail if bot else f"{mail} is not a bot"),
            self._webhook("taps", PRESSED, hooks),
            self._webhook("what people write", WRITTEN, hooks),
            self._api.http.clock(),
        ]

    def _webhook(
        self, subject: str, kind: tuple[str, str], hooks: Sequence[Mapping[str, Any]]
    ) -> port.Finding:
        """Is there a webhook for this, working and with our secret?"""
        resource, event = kind
        ours = [
            one
            for one in hooks
            if one.get("resource") in (resource, "all") and one.get("event") in (event, "all")
        ]
        if not ours:
            return port.Finding(
                subject, False, f"no webhook for {resource}: countersign setup webex"
            )
        active = [one for one in ours if one.get("status") == "active"]
        if not active:
            why = "Webex switched its webhook off: delete it, then countersign setup webex"
            return port.Finding(subject, False, why)
        if {one.get("secret", self.webhook_secret) for one in ours} != {self.webhook_secret}:
            why = "a webhook has another secret: delete it, then countersign setup webex"
            return port.Finding(subject, False, why)
        # Only the operator can say whether that is here.
        where = ", ".join(sorted({str(one.get("targetUrl")) for one in active}))
        return port.Finding(subject, True, f"delivered to {where}")

    async def close(self) -> None:
        await self._api.http.close()


def _kind(body: bytes) -> tuple[tuple[Any, Any], Any]:
    """What a delivery is about, and its data."""
    sent = from_json(body)
    data = sent["data"]
    if not isinstance(data, dict):
        raise TypeError
    return (sent["resource"], sent["event"]), data


def _tapped(inputs: Any) -> tuple[str, str] | None:
    """Under which name a button of ours sent its token, and the token; None: it is none of ours."""
    if not isinstance(inputs, dict):
        return None
    found = [(name, inputs[name]) for name in TAPS if name in inputs]
    if len(found) != 1 or not port.is_token(found[0][1]):
        return None
    return found[0][0], str(found[0][1])


def _conversation(message: Any, account: str) -> str:
    """As `open` named it, or the room."""
    match message["roomType"]:
        case "direct":
            return f"{PERSON}{account}"
        case "group" if isinstance(message["roomId"], str):
            return str(message["roomId"])
    raise ValueError("no such kind of room")


def _to(conversation: str) -> dict[str, str]:
    """Whom a message is for."""
    if conversation.startswith(PERSON):
        return {"toPersonId": conversation.removeprefix(PERSON)}
    return {"roomId": conversation}


def _mails(person: Any) -> set[str]:
    return {str(one).lower() for one in person.get("emails") or ()}


def _tame(node: Any, drawn: list[tuple[Any, Any]]) -> None:
    """Makes texts inert, and gives each line an element of its own, since it is documented nowhere
    how a client draws a line break. Notes every button, and whatever else may send data."""
    if isinstance(node, list):
        node[:] = [part for item in node for part in _lines(item)]
        for item in node:
            if isinstance(item, dict | list):
                _tame(item, drawn)
    elif isinstance(node, dict):
        if "data" in node or node.get("type") in ("Action.Submit", "Action.Execute"):
            found = _tapped(node.get("data"))
            drawn.append((node.get("title"), found and found[1]))
        if node.get("type") == "TextRun":
            node["text"] = inert(node["text"])
        for item in node.values():
            if isinstance(item, dict | list):
                _tame(item, drawn)


def _lines(block: Any) -> list[Any]:
    match block:
        case {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": str(text)} as run]}:
            first, *rest = text.split("\n")
            made = [block | {"inlines": [run | {"text": first}]}]
            for line in rest:
                inlines = [run | {"text": line or "\u200b"}]
                made.append(block | {"spacing": "None", "inlines": inlines})
            return made
    return [block]


def _altered(payload: port.Payload, sent: Any) -> tuple[Difference, ...]:
    # An answer without the card does not say how it looks. The next tap will.
    return differences(_view(payload), _view(sent)) if sent.get("attachments") else ()


def _view(message: Any) -> dict[str, Any]:
    """What a person sees of a message, and what its buttons send."""
    return {
        "text": settled(message.get("text") or ""),
        "markdown": message.get("markdown") or None,
        "files": message.get("files") or None,
        "attachments": [_seen(one) for one in message.get("attachments") or ()],
    }


def _seen(node: Any) -> Any:
    if isinstance(node, list):
        return [_seen(item) for item in node]
    if isinstance(node, dict):
        seen = {name: _seen(node[name]) for name in sorted(node) if name != "isVisible"}
        # A renderer of Microsoft's reads the text "false", too.
        seen["hidden"] = node.get("isVisible") not in (None, True)
        return {name: value for name, value in seen.items() if value}
    return settled(node) if isinstance(node, str) else node
