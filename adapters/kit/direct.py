"""Direct messages by Meta's Send API, for Messenger and Instagram.

A card is a button template. If it is too long for one, the request's text is sent as a message
before it. Buttons stay, but quick replies disappear with the next message, so that only our
questions use those. Nothing can be edited: the end of a case is one more message. A press says who
pressed and carries our token, but never names its message: only the token identifies the card.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from pydantic_core import from_json

from adapters.kit import meta, tame
from adapters.kit.base import Base
from adapters.kit.http import FAULTS, Codes, Http, Outside
from adapters.kit.marks import unmarked, visible
from adapters.kit.window import Window, remember
from approvals import model, port
from approvals.model import Address, Busy, Card, Malformed, MessageRef, Refused
from approvals.text import fitting, unlinked, utf16_len

ACCOUNT: Final = "[1-9][0-9]{4,24}"
"""A person's id, which differs for each page (PSID) or professional account (IGSID)."""
# https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/template/button
TEMPLATE, BUTTONS = 640, 3
# https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/quick-replies
LABEL: Final = 20
REF: Final = "link_"
"""How `ref=` begins in our own links; other links are ignored. Meta allows letters, digits, `-`,
`_` and `=` there."""
HELLO: Final = "countersign-hello"
"""The payload of the button that begins a conversation."""
NO_REASON: Final = "Without a reason"
WHO: Final = "You are talking to an automated service."
"""The beginning of a conversation, which California and Germany require:
https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages"""
# https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
CODES: Final = Codes(
    outside="10/(2018065|2018278|2534022)",
    theirs="551|200/1545041|100/(2018001|2534014)",
    busy="[124]|17|32|613|1200|80006",
    ours="0|3|10|102|190|2..|368|100/33",
)
# A computer's Messenger reads these as formulas: https://www.facebook.com/help/147348452522644
FORMULA: Final = re.compile(r"\$(?=\$)|\\(?=[(\[])")


def inert(text: str) -> str:
    """Text that is shown as it is, without formatting and links."""
    return unlinked(FORMULA.sub("\\g<0>\u200b", unmarked(text)))


@dataclass(frozen=True, slots=True)
class Wrote:
    """A person pressed a button (`payload`), followed a link (`ref`) or typed a `text`."""

    account: str
    at: model.Instant
    event: str
    payload: str = field(repr=False)
    ref: str = field(repr=False)
    text: str | None = field(repr=False)

    def __post_init__(self) -> None:
        said = (self.account, self.event, self.payload, self.ref, self.text or "")
        if {*map(type, said)} != {str}:
            raise TypeError("of another type than text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct(Base):
    """What Messenger and Instagram have in common; each subclass says how they differ.

    `kind`: the `object` of its deliveries; `url`: its API; `me`: the field of `/me` with our own
    id; `fields`: the webhook's subscriptions; `longest`: the most that a text may have, as `size`
    counts it.
    """

    render: port.Render = field(repr=False)
    access_token: str = field(repr=False)
    app_secret: str = field(repr=False)
    verify_token: str = field(repr=False)
    api_url: str = ""
    clock: Callable[[], int] = field(default=lambda: int(time.time() * 1000), repr=False)
    _ended: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    _turns: dict[str, asyncio.Lock] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _window: Window = field(default_factory=Window, init=False, repr=False, compare=False)
    _http: Http = field(default_factory=Http, init=False, repr=False, compare=False)
    limits: ClassVar[port.Limits]
    abilities: ClassVar = port.Abilities(
        tier=model.Tier.B, private_notice=True, ready_prompt=True, names_message=False
    )
    kind: ClassVar[str]
    url: ClassVar[str]
    me: ClassVar[str]
    fields: ClassVar[frozenset[str]]
    longest: ClassVar[int]
    log: ClassVar[logging.Logger]

    def __post_init__(self) -> None:
        self.needs("access_token", "app_secret", "verify_token")
        if not re.fullmatch(ACCOUNT, self.own):
            raise ValueError(f"{self.name} needs the id of our own account, in digits")

    @property
    @abstractmethod
    def own(self) -> str:
        """The id of our page or professional account."""

    @property
    def base(self) -> str:
        """Where the API is."""
        return (self.api_url or self.url).rstrip("/")

    @abstractmethod
    def size(self, text: str) -> int:
        """How long a text is for `longest`."""

    # Drawing

    def drawn(self, card: Card) -> port.Drawn:
        if len(card.payload) + len(card.payload_tail) > self.limits.payload:
            raise Refused(f"{self.name}: more of the payload than a card shows")
        return port.whole(card, self._draw, lambda text: visible(inert(text)))

    def _draw(self, card: Card) -> port.Drawn:
        for one in port.shorter(card, self.limits.measure):
            link = one.review if one.review and port.reachable(one.review) else None
            made = self.render(
                {"card": tame.lines(one, inert, rule="│ "), "link": link, "mark": _mark(one)}
            )
            pressed = [(x["title"], x["payload"]) for x in made["buttons"] if "payload" in x]
            port.same_buttons(one, pressed)
            if (drawn := self._bubbles(made)) is not None:
                lines = [*made["head"], *made["facts"], *made["sent"], *made["foot"]]
                payload = {**drawn, "outside": self._outside(made, link), "final": not made["open"]}
                return port.Drawn(one, payload, [visible(text) for text in lines])
        raise Refused(f"{self.name}: over {TEMPLATE} characters however short its texts are cut")

    def _bubbles(self, made: Any) -> Any:
        """The message with the buttons, and the text before it if one message is too short for
        both. None: two messages are too short as well."""
        head, facts, sent, foot = (made[name] for name in ("head", "facts", "sent", "foot"))
        whole = self._message([*head, *facts, *sent, *foot], made["buttons"])
        if whole is not None or not sent:
            return whole and {"before": "", "message": whole}
        for here, there in ((facts, sent), ([], [*facts, *sent])):
            before = "\n".join([made["above"], *there]).rstrip()
            message = self._message([*head, *here, made["refers"], *foot], made["buttons"])
            if message is not None and self._fits(before):
                return {"before": before, "message": message}
        return None

    def _message(self, lines: list[str], buttons: Any) -> Any:
        """The message with these buttons; None: it is too long for them."""
        if len(buttons) > BUTTONS:  # with three to press, the page's address stands in the text
            lines = [*lines, *(one["url"] for one in buttons if "url" in one)]
            buttons = [one for one in buttons if "payload" in one]
        text = "\n".join(lines)
        if not buttons:
            return self._text(text) if self._fits(text) else None
        if utf16_len(text) > TEMPLATE or not self._fits(text):
            return None
        drawn = [{"type": "web_url" if "url" in one else "postback", **one} for one in buttons]
        payload = {"template_type": "button", "text": text, "buttons": drawn}
        return {"attachment": {"type": "template", "payload": payload}}

    def _text(self, text: str, replies: Any = ()) -> Any:
        if not replies:
            return {"text": text}
        return {"text": text, "quick_replies": [{"content_type": "text", **x} for x in replies]}

    def _fits(self, text: str) -> bool:
        return self.size(text) <= self.longest

    def _outside(self, made: Any, link: str | None) -> Any:
        """The message after the 24 hours; None: there is none."""
        return None

    # Deliveries

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        return meta.authenticate(inbound, self.app_secret, self.verify_token)

    def read(self, resolved: port.Resolved) -> port.Event:
        if hello := resolved.claims.get("hello"):
            return port.Handshake(hello)
        try:
            events = [self._event(one) for one in self._found(resolved)]
        except FAULTS as error:
            raise Malformed(f"{self.name}: {type(error).__name__}") from None
        return events[0] if len(events) == 1 else port.Several(tuple(events))

    def heard(self, resolved: port.Resolved) -> Mapping[str, model.Instant]:
        found = dict[str, int]()
        for one in () if "hello" in resolved.claims else self._found(resolved):
            if one is not None:
                found[one.account] = max(one.at, found.get(one.account, 0))
        return found

    def recall(self, last: port.Last) -> None:
        self._window.recall(last)

    def _found(self, resolved: port.Resolved) -> list[Wrote | None]:
        """Each event of a delivery; None: not for us. Raises one of `FAULTS` if it understands none
        of them."""
        found: list[Wrote | None] = []
        for entry in meta.entries(from_json(resolved.inbound.body), self.kind):
            # What is no message of a person's to us stands under `changes` or `standby`.
            if entry["id"] != self.own or "messaging" not in entry:
                found.append(None)
                continue
            for one in entry["messaging"]:
                try:
                    found.append(self._wrote(one, resolved.inbound.at))
                except FAULTS as error:  # the others count: it would bring this one for days
                    self.log.warning(port.Line("event_not_understood", why=type(error).__name__))
        if not found:
            raise ValueError("nothing in it is understood")
        return found

    def _wrote(self, one: Any, now: model.Instant) -> Wrote | None:
        who, at = one["sender"]["id"], int(one["timestamp"])
        said = one.get("message", one.get("postback"))
        if who == self.own or (said is None and "referral" not in one):
            return None  # our own message, a reaction, a receipt
        said = {} if said is None else said
        # Instagram delivers our own messages under `messages`, too. First, whatever ids they have.
        if said.get("is_echo") or said.get("is_deleted") or said.get("is_unsupported"):
            return None
        if one["recipient"]["id"] != self.own or not re.fullmatch(ACCOUNT, who):
            raise ValueError("from nobody, or not to us")
        came, pressed = said.get("referral", one.get("referral", {})), said.get("quick_reply", {})
        ref = came.get("ref", "")
        text = said.get("text") if "message" in one and not pressed else None
        payload = pressed.get("payload", "") if "message" in one else said.get("payload", "")
        # What has no id of its own is known by all that it says.
        event = said["mid"] if "message" in one else said.get("mid", "")
        event = event or _digest(self.own, who, str(at), payload, ref)
        return Wrote(who, min(now, at), event, payload, ref, text)

    def _event(self, one: Wrote | None) -> port.Tap | port.Reply | port.Ignored:
        if one is None:
            return port.Ignored("nothing that a person said to us")
        tap = port.Tap(
            channel=self.name,
            event=one.event,
            account=one.account,
            conversation=one.account,
            message=None,
            token=one.payload,
            reply_to={"to": one.account},
        )
        if one.ref.startswith(REF):
            text = port.typed(one.ref.removeprefix(REF))
            return port.Reply(self.name, one.event, one.account, one.account, text)
        if port.is_token(one.payload):
            return tap
        if (asked := port.chosen(one.payload)) is not None:
            return replace(tap, token=asked[0], reason="", ready=asked[1])
        if one.text:
            return port.Reply(self.name, one.event, one.account, one.account, one.text)
        return port.Ignored("no button of ours, and no words")

    # Sending

    async def open(self, account: str) -> Address:
        if not re.fullmatch(ACCOUNT, account):
            raise Refused(f"{self.name}: an account is the id in digits that a code of ours found")
        return Address(self.name, account, account=account)

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        sent = await self._send(address.conversation, payload)
        return MessageRef(self.name, address.conversation, sent)

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> None:
        # Its end is told once: what came of the verdict is on the page.
        if not payload["final"] or ref.message in self._ended:
            return
        remember(self._ended, ref.message, self.clock())
        try:
            await self._send(ref.conversation, payload)
        except BaseException:
            self._ended.pop(ref.message, None)
            raise

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        # The tap has just opened the window. What the closing message says is not said twice.
        if notice.kind is port.NoticeKind.ASK_REASON:
            text, replies = notice.text, []
            for at, reason in enumerate(notice.reasons):
                text += f"\n{at + 1}. {inert(fitting(reason, 80))}"
                title = fitting(f"{at + 1}. {reason}", LABEL)
                replies.append({"title": title, "payload": port.choice(tap.token, at)})
            replies.append({"title": NO_REASON, "payload": port.choice(tap.token, None)})
            await self._deliver(
                tap.account, self._text(fitting(text, self.longest, self.size), replies)
            )
        elif not notice.decided:
            text = fitting(inert(notice.text), self.longest, self.size)
            await self._deliver(tap.account, self._text(text))

    async def say(self, reply: port.Reply, notice: port.Notice) -> None:
        # They have just written: the window is open, and most likely the conversation begins here.
        await self._deliver(reply.account, self._text(f"{unlinked(notice.text)}\n\n{WHO}"))

    async def called(self) -> str:
        return str((await self._graph("GET", "me?fields=username")).get("username", ""))

    async def check(self) -> list[port.Finding]:
        try:
            about = await self._graph("GET", f"me?fields={self.me},username")
        except (Busy, Refused) as why:
            return [port.Finding("token", False, str(why))]
        ours = about.get(self.me) == self.own
        said = f"of {about.get('username') or self.own}" if ours else "of another account"
        found = [port.Finding("token", ours, said)]
        try:
            apps = (await self._graph("GET", f"{self.own}/subscribed_apps"))["data"]
            missing = self.fields - {name for one in apps for name in one["subscribed_fields"]}
            said = f"lacks {', '.join(sorted(missing))}" if missing else "subscribed"
            found.append(port.Finding("webhook", not missing, said))
        except (Busy, Refused, *FAULTS) as why:
            found.append(port.Finding("webhook", False, str(why)))
        return [*found, port.clock_finding(self._http.heads.get("Date"), self.clock())]

    async def close(self) -> None:
        await self._http.close()

    async def _send(self, account: str, payload: port.Payload) -> str:
        since = await self._window.since(account, self.clock())
        if since is not None:
            # Two cards at once shall not come between each other's texts.
            async with self._turns.setdefault(account, asyncio.Lock()):
                try:
                    if payload["before"]:
                        await self._deliver(account, self._text(payload["before"]), quiet=True)
                    return await self._deliver(account, payload["message"])
                except Outside:
                    self._window.over(account, since)
        if payload["outside"] is None:
            raise Refused(f"{self.name}: they have not written to us within 24 hours")
        return await self._deliver(account, payload["outside"])

    async def _deliver(self, account: str, message: Any, *, quiet: bool = False) -> str:
        """`quiet`: without a notification, because the next message follows at once."""
        body = {"recipient": {"id": account}, "message": message, **self._said(message, quiet)}
        try:
            sent = await self._graph("POST", f"{self.own}/messages", json=body)
            if not isinstance(sent["message_id"], str):
                raise TypeError("not an id")
            return sent["message_id"]
        except FAULTS as error:
            raise Busy(f"{self.name}: no message id: {type(error).__name__}") from None

    def _said(self, message: Any, quiet: bool) -> dict[str, str]:
        """More fields of a message."""
        return {}

    async def _token(self) -> str:
        """Our access token."""
        return self.access_token

    async def _graph(self, method: str, path: str, **more: Any) -> Any:
        url, token = f"{self.base}/{path}", await self._token()
        return await meta.call(self._http, method, url, token, CODES, self.log, **more)


def _mark(card: Card) -> str:
    """A mark that only a card and the text before it share. Not the digest: somebody could write
    two requests whose digests begin with the same eight characters, and two copies of the service
    may send both cards at once. A card's tokens are random, and these four characters reveal
    nothing of them."""
    return _digest("mark", *(button.token for button in card.buttons))[:4]


def _digest(*said: str) -> str:
    return hashlib.sha256("\0".join(said).encode()).hexdigest()
