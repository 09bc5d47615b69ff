"""WhatsApp, through Meta's Cloud API or Twilio: reply buttons within 24 hours of a person's last
word, else an approved template. Nothing can be edited: the end of a case is one more message."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Final

from pydantic_core import from_json

from adapters.kit import meta, tame
from adapters.kit.base import Base
from adapters.kit.http import FAULTS, Http, Outside
from adapters.kit.marks import unmarked, visible
from adapters.kit.window import Window, remember
from adapters.whatsapp import graph, twilio
from adapters.whatsapp.news import ACCOUNT, Fared, Foreign, Moved, News, Wrote
from adapters.whatsapp.settings import NEEDS
from approvals import model, port
from approvals.model import Address, Busy, Card, Malformed, MessageRef, Refused
from approvals.text import unlinked, utf16_len

log = logging.getLogger("countersign.whatsapp")
# The SDK gets this one too: below WARNING it logs what it sends, with the tokens in it.
log.setLevel(logging.WARNING)

# https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-reply-buttons-messages
# and for a template with its values https://www.twilio.com/docs/errors/63021. FIXED: characters of
# the templates in docs/channels/whatsapp.md without their values.
BODY, FOOTER, FIXED = 1024, 60, 240
KINDS: Final = ("notice", "review", "request")
LIST: Final = "Choose a reason"
NO_REASON: Final = "Without a reason"
UNASKED: Final = (
    "The list of reasons could not be sent, so nothing is declined yet. "
    "Press Decline again, or decline on the review page."
)
ABOUT: Final = "?fields=display_phone_number,quality_rating"
# A mark formats at the edge of a word only, a backtick anywhere
# (https://faq.whatsapp.com/539178204879377), and `┃` is what stands between the values of a
# template.
ANYWHERE: Final = "`┃"


def inert(text: str) -> str:
    """Text that WhatsApp shows as it is: what would format is drawn by what looks like it, nothing
    links."""
    return unlinked(unmarked(text, ANYWHERE))


def flat(text: str) -> str:
    """A value of a template has no line end, tab or four blanks (132018), and is not empty."""
    text = text.replace("⏎", "\u200b↵").replace("\n", "⏎").replace("\t", "\u200b⇥")
    return text.replace("    ", "   \u200b \u200b")


@dataclass(frozen=True, slots=True)
class WhatsApp(Base):
    """`templates`: names (meta) or content SIDs (twilio) of `request`, `review`, `notice`, and of
    twilio's `session_request` and `session_review`. `webhook_url`: ours, as Twilio has it."""

    render: port.Render = field(repr=False)
    provider: str = "meta"
    access_token: str = field(default="", repr=False)
    app_secret: str = field(default="", repr=False)
    verify_token: str = field(default="", repr=False)
    phone_number_id: str = ""
    account_sid: str = ""
    auth_token: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    sender: str = ""
    webhook_url: str = ""
    templates: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"
    accounts: str = "phone"
    api_url: str = ""
    clock: Callable[[], int] = field(default=lambda: int(time.time() * 1000), repr=False)
    _io: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _ended: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    _window: Window = field(default_factory=Window, init=False, repr=False, compare=False)
    _http: Http = field(default_factory=Http, init=False, repr=False, compare=False)
    name: ClassVar[str] = "whatsapp"
    # Together they may be more than a message takes: then `layout` tries the card shorter, in the
    # end without Approve.
    limits: ClassVar = port.Limits(
        title=120,
        fact_label=400,
        fact_value=400,
        facts=20,
        payload=800,
        note=200,
        buttons=3,
        label=20,
        measure=lambda text: utf16_len(flat(inert(text))),
        line=200,
    )

    def __post_init__(self) -> None:
        for name in NEEDS.get(self.provider, ("provider meta or twilio",)):
            if not getattr(self, name, ""):
                raise ValueError(f"whatsapp: provider {self.provider!r} needs {name}")
        if self.provider == "twilio" and not self.templates:
            raise ValueError("whatsapp: provider 'twilio' needs templates")

    @property
    def abilities(self) -> port.Abilities:
        # A list is a message of its own at Meta, and takes no words; Twilio wants a content for it.
        lists = self.provider == "meta"
        return port.Abilities(
            private_notice=True,
            tier=model.Tier.B,
            ready_prompt=lists,
        )

    def drawn(self, card: Card) -> port.Drawn:
        if len(card.payload) + len(card.payload_tail) > self.limits.payload:
            raise Refused("whatsapp: more of the payload than a card shows")
        return port.whole(card, self._draw, lambda text: visible(inert(text)))

    def _draw(self, card: Card) -> port.Drawn:
        """Both ways to send it: which one, shows when it is sent. A template takes less, so that it
        may be the one without Approve."""
        drawn: port.Drawn | None = None
        for one in port.shorter(card, self.limits.measure):
            made = self.render({"card": tame.lines(one, inert)})
            buttons = made["buttons"]
            port.same_buttons(one, [(button["title"], button["id"]) for button in buttons])
            if drawn is None and self._fits(made):
                session = self._session(made, buttons)
                payload = {"session": session, "final": one.status != "pending"}
                drawn = port.Drawn(one, payload, [visible(text) for text in made["body"]])
            if drawn is not None and (template := self._template(made, buttons)) is not None:
                # Which of the two is sent shows later: neither may leave out what a tap approves.
                if port.approves(one) and (missing := _unsaid(one, made)):
                    return self._draw(port.reviewed(card, missing))
                if drawn.payload["session"] is None:  # the template is all that is ever sent
                    drawn = replace(drawn, card=one, texts=[visible(x) for x in made["body"]])
                return replace(drawn, payload=drawn.payload | {"template": template})
        raise Refused(f"whatsapp: over {BODY} characters however short its texts are cut")

    def _session(self, made: Any, buttons: Any) -> Any:
        """The message within the 24 hours. None: Twilio was given none for it."""
        body = self._body(made)
        if not buttons:
            return self._text(body)
        if self.provider == "twilio":
            ids = _replies(buttons)
            return twilio.content(self.templates.get(f"session_{KINDS[len(ids)]}"), [body, *ids])
        return graph.replies(body, made["footer"], buttons)

    def _body(self, made: Any) -> str:
        # Twilio's quick replies have no footer.
        ours = [made["footer"]] if made["buttons"] and self.provider == "twilio" else []
        return "\n".join([*made["body"], *ours])

    def _fits(self, made: Any) -> bool:
        return utf16_len(self._body(made)) <= BODY and utf16_len(made["footer"]) <= FOOTER

    def _template(self, made: Any, buttons: Any) -> Any:
        """The message outside of them. None: it is too long for one."""
        values = [" ┃ ".join(map(flat, x)).strip() or "–" for x in made["values"]]
        if FIXED + sum(map(utf16_len, values)) > BODY:
            return None
        ids = _replies(buttons)
        name = self.templates.get(KINDS[len(ids)], f"countersign_{KINDS[len(ids)]}")
        if self.provider == "twilio":
            return twilio.content(name, [*values, *ids])
        return graph.template(name, self.language, values, ids)

    def _text(self, body: str) -> Any:
        return {"body": body} if self.provider == "twilio" else graph.text(body)

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        if self.provider == "meta":
            return meta.authenticate(inbound, self.app_secret, self.verify_token)
        twilio.check_signed(inbound, self.webhook_url, self.auth_token, self.webhook_secret)
        return port.Proven(inbound)

    def read(self, resolved: port.Resolved) -> port.Event:
        if hello := resolved.claims.get("hello"):
            return port.Handshake(hello)
        try:
            events = [event for one in self._news(resolved) for event in self._events(one)]
            return events[0] if len(events) == 1 else port.Several(tuple(events))
        except FAULTS as error:
            raise Malformed(f"whatsapp: {type(error).__name__}") from None

    def heard(self, resolved: port.Resolved) -> Mapping[str, model.Instant]:
        found = dict[str, int]()
        for one in () if "hello" in resolved.claims else self._news(resolved):
            if isinstance(one, Wrote) and one.opens:
                found |= {known: max(one.at, found.get(known, 0)) for known in one.ids}
        return found

    def recall(self, last: port.Last) -> None:
        self._window.recall(last)

    def _news(self, resolved: port.Resolved) -> list[News]:
        body, at = resolved.inbound.body, resolved.inbound.at
        if self.provider == "twilio":
            form = dict(twilio.pairs(body))
            return [twilio.news(form, self.account_sid, self.sender, at)]
        found = [*graph.news(from_json(body), self.phone_number_id, at, log)]
        if not found:
            raise ValueError("nothing in it is understood")
        return found

    def _events(self, one: News) -> Iterator[port.Tap | port.Reply | port.Ignored | port.Aside]:
        match one:
            case Wrote(ids, _, event, _, card, token, text):
                who = ids[0 if self.accounts == "phone" else -1]
                tapped = partial(
                    port.Tap,
                    channel=self.name,
                    event=event,
                    account=who,
                    conversation=who,
                    reply_to={"to": who},
                )
                if port.is_token(token):
                    yield tapped(message=card, token=token)
                elif (asked := port.chosen(token)) is not None:  # in a list: it may decline only
                    yield tapped(message=None, token=asked[0], reason="", ready=asked[1])
                elif text is not None:
                    yield port.Reply(self.name, event, who, who, text, reply_to={"to": who})
                else:
                    yield port.Ignored("no button of ours, and no words")
            case Moved(ids, at):
                yield from (port.GivenUp(self.name, known, at) for known in ids)
            case Fared(ids, message, codes):
                if codes:
                    log.warning(port.Line("message_not_delivered", why=" ".join(sorted(codes))))
                if codes & {graph.CODES.outside, twilio.CODES.outside} and message.isprintable():
                    yield from (port.Lost(self.name, known, message) for known in ids)
                else:
                    yield port.Ignored("how a message fared")
            case Foreign():
                yield port.Ignored("of another field or number")

    async def open(self, account: str) -> Address:
        if not re.fullmatch(ACCOUNT, account):
            raise Refused("whatsapp: an account is a number in digits, 15551234567, or a user id")
        return Address("whatsapp", account, account=account)

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        sent = await self._send(address.conversation, payload["session"], payload["template"])
        return MessageRef("whatsapp", address.conversation, sent)

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> None:
        # Its end is told once: what came of the verdict is on the page.
        session = payload["session"]
        if not payload["final"] or ref.message in self._ended:
            return
        remember(self._ended, ref.message, self.clock())
        if self.provider == "meta":
            session = session | {"context": {"message_id": ref.message}}
        try:
            await self._send(ref.conversation, session, payload["template"])
        except BaseException:
            del self._ended[ref.message]
            raise

    def answer(self, tap: port.Tap, notice: port.Notice) -> port.Response | None:
        twiml = port.Response(body=b"<Response/>", content_type="text/xml")
        return twiml if self.provider == "twilio" else None

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        # The tap has just opened the window. What the closing message says is not said twice.
        if notice.kind is port.NoticeKind.ASK_REASON:
            rows = [(one, port.choice(tap.token, at)) for at, one in enumerate(notice.reasons)]
            rows.append((NO_REASON, port.choice(tap.token, None)))
            try:
                await self._deliver(tap.account, graph.choices(notice.text, LIST, rows))
            except (Busy, Refused):
                await self._deliver(tap.account, self._text(UNASKED))
                raise
        elif not notice.decided:
            await self._deliver(tap.account, self._text(inert(notice.text)))

    async def say(self, reply: port.Reply, notice: port.Notice) -> None:
        # They have just written: the window is open. The words are ours, a backtick's effect too.
        await self._deliver(reply.account, self._text(unlinked(notice.text)))

    async def whisper(self, account: str, letter: port.Letter) -> None:
        # Free text is for 24 hours after they wrote; a template with a link is not ours to send.
        if await self._window.since(account, self.clock()) is None:
            raise Refused("whatsapp: they have not written to us within 24 hours")
        await self._deliver(account, self._text(letter.text))

    async def called(self) -> str:
        number = self.sender
        if self.provider == "meta":
            number = str((await self._graph("GET", ABOUT)).get("display_phone_number", ""))
        return re.sub("[^0-9]", "", number)

    async def check(self) -> list[port.Finding]:
        try:
            if self.provider == "twilio":
                account = self._client().api.accounts(self.account_sid)
                said = str((await twilio.answered(account.fetch_async(), log)).status)
            else:
                about = await self._graph("GET", ABOUT)
                said = "active" if about.get("display_phone_number") else "not a phone number's id"
        except (Busy, Refused) as why:
            return [port.Finding("access", False, str(why))]
        clock = port.clock_finding(self._http.heads.get("Date"), self.clock())
        return [port.Finding("access", said == "active", said), clock]

    async def close(self) -> None:
        await self._http.close()

    async def _send(self, account: str, session: Any, template: Any) -> str:
        since = await self._window.since(account, self.clock()) if session else None
        if since is not None:
            try:
                return await self._deliver(account, session)
            except Outside:
                self._window.over(account, since)
        return await self._deliver(account, template)

    async def _deliver(self, account: str, message: port.Payload) -> str:
        try:
            if self.provider == "twilio":
                ours = {"from_": twilio.address(self.sender), "status_callback": self.webhook_url}
                to = twilio.address(account)
                return await twilio.send(self._client(), to, message | ours, log)
            whom = "to" if account.isdigit() else "recipient"  # as the page on user ids says
            head = {"messaging_product": "whatsapp", "recipient_type": "individual", whom: account}
            sent = await self._graph("POST", "/messages", json=head | message)
            known = {contact.get("wa_id", account) for contact in sent.get("contacts", ())}
            if known - {account}:
                names = " ".join(map(str, known))
                log.error(port.Line("account_written_differently", account=account, known=names))
            return str(sent["messages"][0]["id"])
        except FAULTS as error:
            raise Busy(f"whatsapp: no message id: {type(error).__name__}") from None

    async def _graph(self, method: str, path: str, **more: Any) -> Any:
        url = f"{(self.api_url or meta.FACEBOOK).rstrip('/')}/{self.phone_number_id}{path}"
        ours = (self.access_token, graph.CODES, log)
        return await meta.call(self._http, method, url, *ours, **more)

    def _client(self) -> Any:
        if "client" not in self._io:
            url, ours = self.api_url or twilio.URL, (self.account_sid, self.auth_token)
            self._io["client"] = twilio.client(self._http, *ours, url, log)
        return self._io["client"]


def _unsaid(card: Card, made: Any) -> str | None:
    """What the values of the template leave out of the card; None: nothing."""
    texts = [visible(flat(part)) for value in made["values"] for part in value]
    return port.left_out(card, texts, lambda text: visible(flat(inert(text))))


def _replies(buttons: Any) -> list[str]:
    return [x["id"] for x in buttons if x["title"] != model.Label.DECLINE_WITH_REASON]
