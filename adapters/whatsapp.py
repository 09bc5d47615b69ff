"""WhatsApp, through Meta's Cloud API or Twilio: reply buttons within 24 hours of a person's last
word, else an approved template. Nothing can be edited: the end of a case is one more message."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

import aiohttp
from pydantic_core import from_json, to_json

from approvals import channel as port
from approvals import model
from approvals.model import Address, Busy, Card, Fact, Forged, Malformed, MessageRef, Refused
from approvals.proof import check_hmac, check_secret
from approvals.text import unlinked, utf16_len

log = logging.getLogger("countersign.whatsapp")
# The SDK gets this one too: below WARNING it logs what it sends, with the tokens in it.
log.setLevel(logging.WARNING)

# Milliseconds: a day, less what a message may be under way.
WINDOW: Final = 24 * 3_600_000 - 300_000
# Accounts whose last word, and cards whose end, are remembered.
REMEMBERED: Final = 10_000
# https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-reply-buttons-messages
# and for a template with its values https://www.twilio.com/docs/errors/63021. FIXED: characters of
# the templates in docs/channels/whatsapp.md without their values.
BODY, HEADER, FOOTER, FIXED = 1024, 60, 60, 240
# A number as WhatsApp writes it (`wa_id`), or a business-scoped user id:
# https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids/
ACCOUNT: Final = r"[1-9][0-9]{5,14}|[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}"
SID: Final = "(?:SM|MM)[0-9a-f]{32}"
# There is no escape character. A mark formats at the edge of a word only, a backtick anywhere
# (https://faq.whatsapp.com/539178204879377); `┃` is what stands between the values of a template.
MARKS: Final = re.compile(r"[`┃]|(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])")
# https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes and
# https://www.twilio.com/docs/api/errors: outside the 24 hours; slower, please; ours to mend.
OUTSIDE: Final = {"131047", "63016"}
BUSY: Final = re.compile("[124]|80007|130429|1310(00|16|48|56|57)|133004|20429|63018")
OURS: Final = re.compile(
    "0|3|10|33|190|2..|368|1310(05|30|31|37|42|45)|1320(00|01|07|12|15|16)|133010|134011"
    "|2000[35]|20404|21212|2160[36]|2165[56]|63007|6302[78]|63112"
)
NEEDS: Final = {
    "meta": ("access_token", "app_secret", "verify_token", "phone_number_id"),
    "twilio": ("account_sid", "auth_token", "sender", "webhook_url", "templates"),
}
# What of a notice the closing message says too: that is not said twice.
ENDS: Final = ("Approved.", "Declined.")
FAULTS: Final = (LookupError, TypeError, ValueError, AttributeError, RecursionError)


def inert(text: str) -> str:
    """Text that WhatsApp shows as it is: what would format stands as `\\u{…}`, nothing links."""
    return unlinked(MARKS.sub(lambda match: f"\\u{{{ord(match[0]):x}}}", text))


def flat(text: str) -> str:
    """A value of a template has no line end, tab or four blanks (132018), and is not empty."""
    text = text.replace("⏎", "\\u{23ce}").replace("\n", "⏎").replace("\t", "\\u{9}")
    return text.replace("    ", "   \\u{20}").strip()


@dataclass(frozen=True, slots=True)
class WhatsApp:
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
    name: ClassVar[str] = "whatsapp"
    # Title, fact label and value, facts, payload, note, buttons, label. Together they may be more
    # than a message takes: then `layout` tries the card shorter, in the end without Approve.
    limits: ClassVar = port.Limits(
        120, 30, 200, 10, 600, 200, 3, 20, lambda text: utf16_len(flat(inert(text)) + "x") - 1
    )
    abilities: ClassVar = port.Abilities(False, False, True, False, False, False, model.Tier.B)

    def __post_init__(self) -> None:
        for name in NEEDS.get(self.provider, ("provider meta or twilio",)):
            if not getattr(self, name, ""):
                raise ValueError(f"whatsapp: provider {self.provider!r} needs {name}")

    def escape(self, text: str) -> str:
        return inert(text)

    def layout(self, card: Card) -> port.Payload:
        measure, names = self.limits.measure, ("title", "headline", "action", "agent", "progress")
        if len(card.payload) + len(card.payload_tail) > self.limits.payload:
            raise Refused("whatsapp: more of the payload than a card shows")
        for one in port.shorter(card, measure):
            safe: dict[str, Any] = {name: inert(getattr(one, name)) for name in names}
            safe["facts"] = tuple(Fact(inert(x.label), inert(x.value)) for x in one.facts)
            safe["note"] = inert(one.note or "").replace("\n", "\n> ")
            safe["review_needed"] = inert(one.review_needed or "")
            safe |= {"payload": inert(one.payload), "payload_tail": inert(one.payload_tail)}
            utc = time.strftime("%d %b %H:%M UTC", time.gmtime(one.deadline // 1000))
            made = self.render({"card": replace(one, **safe), "utc": utc})
            port.same_buttons(one, [(button["title"], button["id"]) for button in made["buttons"]])
            if payload := self._native(made, made["buttons"]):
                return payload | {"final": one.status != "pending"}
        raise Refused(f"whatsapp: over {BODY} characters however short its texts are cut")

    def _native(self, made: Any, buttons: Any) -> port.Payload | None:
        # Both ways to send it: which one, shows when it is sent. None: it is too long for one.
        body, header, footer = "\n".join(made["body"]), made["header"], made["footer"]
        values = [" ┃ ".join(map(flat, x)).strip() or "–" for x in made["values"]]
        ids = [x["id"] for x in buttons if x["title"] != model.Label.DECLINE_WITH_REASON]
        kind, twilio = ("notice", "review", "request")[len(ids)], self.provider == "twilio"
        if buttons and twilio:  # its quick replies have neither header nor footer
            body = f"*{header}*\n{body}\n{footer}"
        sizes = (utf16_len(body), FIXED + sum(map(utf16_len, values)))
        if max(sizes) > BODY or utf16_len(header) > HEADER or utf16_len(footer) > FOOTER:
            return None
        session: port.Payload | None = self._text(body)
        if buttons and twilio:
            session = self._template(f"session_{kind}", [body], ids)
        elif buttons:
            action = {"buttons": [{"type": "reply", "reply": button} for button in buttons]}
            told: dict[str, Any] = {"type": "button", "action": action, "body": {"text": body}}
            told |= {"header": {"type": "text", "text": header}, "footer": {"text": footer}}
            session = {"type": "interactive", "interactive": told}
        return {"session": session, "template": self._template(kind, values, ids)}

    def _template(self, kind: str, values: list[str], ids: list[str]) -> port.Payload | None:
        name = self.templates.get(kind)
        if self.provider == "twilio":
            numbered = {str(number): x for number, x in enumerate([*values, *ids], 1)}
            return {"content_sid": name, "content_variables": numbered} if name else None
        parts = [{"type": "body", "parameters": [{"type": "text", "text": x} for x in values]}]
        for index, token in enumerate(ids):
            pressed: dict[str, Any] = {"type": "button", "sub_type": "quick_reply"}
            pressed |= {"index": str(index), "parameters": [{"type": "payload", "payload": token}]}
            parts.append(pressed)
        made = {"name": name or f"countersign_{kind}", "language": {"code": self.language}}
        return {"type": "template", "template": made | {"components": parts}}

    def _text(self, body: str) -> port.Payload:
        text = {"type": "text", "text": {"preview_url": False, "body": body}}
        return {"body": body} if self.provider == "twilio" else text

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        try:
            if self.provider == "twilio":
                self._check_form(inbound)
                return port.Proven(inbound)
            if inbound.method != "GET":
                proof = inbound.headers.get("x-hub-signature-256")
                check_hmac(self.app_secret.encode(), inbound.body, proof, prefix="sha256=")
                return port.Proven(inbound)
            asked = dict(parse_qsl(inbound.query, max_num_fields=10))
            check_secret(self.verify_token, asked.get("hub.verify_token"))
            if asked["hub.mode"] == "subscribe" and asked["hub.challenge"].isalnum():
                return port.Proven(inbound, {"challenge": asked["hub.challenge"]})
        except FAULTS as error:
            raise Forged("not as the platform sends it") from error
        raise Forged("no subscription")

    def _check_form(self, inbound: port.Inbound) -> None:
        # Signed are our address, as Twilio has it, and the fields, without bounds between name and
        # value: so each name once, and `read` takes values of exact shape. Of a body that is no
        # form nothing would be signed: https://www.twilio.com/docs/usage/security
        from twilio.request_validator import RequestValidator  # noqa: PLC0415 - imported where the channel is on

        heads, pairs = inbound.headers, _pairs(inbound.body)
        kind = heads.get("content-type", "").partition(";")[0].strip().lower()
        proof, form = heads.get("x-twilio-signature"), dict(pairs)
        # Which algorithm a secret has we know ourselves: no header picks it.
        secret = self.webhook_secret or self.auth_token
        with_ = "HMAC_SHA256" if self.webhook_secret else "HMAC_SHA1"
        once = form and len(form) == len(pairs) and not inbound.query
        if kind != "application/x-www-form-urlencoded" or not once:
            raise Forged("not a form, or a field twice")
        if not proof or not RequestValidator(secret).validate(self.webhook_url, form, proof, with_):
            raise Forged("the signature is absent or not Twilio's")

    def read(self, proven: port.Proven) -> port.Event:
        # It also remembers who wrote when, for the 24 hours. No decision rests on that.
        body, at = proven.inbound.body, proven.inbound.at
        if challenge := proven.claims.get("challenge"):
            said = port.Response(body=challenge.encode(), content_type="text/plain")
            return port.Handshake(said)
        try:
            if self.provider == "twilio":
                return self._twilio(dict(_pairs(body)), at)
            events = [*self._meta(from_json(body), at)]
        except FAULTS as error:
            raise Malformed(f"whatsapp: {type(error).__name__}") from None
        return events[0] if len(events) == 1 else port.Several(tuple(events))

    def _meta(self, body: Any, at: int) -> Iterator[port.Tap | port.Ignored]:
        if body["object"] != "whatsapp_business_account" or not body["entry"][0]["changes"]:
            raise ValueError
        for change in (change for entry in body["entry"] for change in entry["changes"]):
            value = change["value"]
            ours = value.get("metadata", {}).get("phone_number_id") == self.phone_number_id
            if change["field"] != "messages" or not ours:
                yield port.Ignored("of another field or number")
                continue
            for one in value.get("statuses", ()):
                codes = {str(error["code"]) for error in one.get("errors", ())}
                yield self._status(one.get("recipient_id"), codes)
            for one in value.get("messages", ()):
                try:
                    yield self._message(one, at)
                except FAULTS as error:  # the other taps count: it would bring this one for days
                    if len(body["entry"]) == len(value["messages"]) == 1:
                        raise
                    log.warning("one of several is not understood: %s", type(error).__name__)

    def _message(self, one: Any, at: int) -> port.Tap | port.Ignored:
        ids = [one[name] for name in ("from", "from_user_id") if one.get(name)]
        for known in ids:
            self._remember(
                "heard", _exact(f"({ACCOUNT})", known), min(at, int(one["timestamp"]) * 1000)
            )
        token, kind = "", one["type"]
        if kind == "interactive" and one["interactive"]["type"] == "button_reply":
            token = one["interactive"]["button_reply"]["id"]
        elif kind == "button":
            token = one["button"]["payload"]
        card = one["context"]["id"] if token else None
        account = ids[0 if self.accounts == "phone" else -1]
        return self._tap(one["id"], account, card, "" if "group_id" in one else token)

    def _twilio(self, form: Mapping[str, str], at: int) -> port.Tap | port.Ignored:
        if form["AccountSid"] != self.account_sid:
            raise ValueError
        event, card = _exact(f"({SID})", form["MessageSid"]), form.get("OriginalRepliedMessageSid")
        if "MessageStatus" in form:
            account = _exact(rf"whatsapp:\+?({ACCOUNT})", form["To"])
            return self._status(account, {form.get("ErrorCode", "")} - {""})
        account = _exact(rf"whatsapp:\+?({ACCOUNT})", form["From"])
        if form["To"] != _address(self.sender):
            raise ValueError
        self._remember("heard", account, at)
        token = form.get("ButtonPayload", "")
        return self._tap(event, account, _exact(f"({SID})", card) if card else None, token)

    def _tap(self, event: str, who: str, card: str | None, token: str) -> port.Tap | port.Ignored:
        if {*map(type, (event, card or "", token))} != {str}:
            raise TypeError
        if not re.fullmatch("[A-Za-z0-9_-]{20}", token):
            return port.Ignored("no button of ours")
        return port.Tap(self.name, event, who, who, card, token, reply_to={"to": who})

    def _status(self, account: Any, codes: set[str]) -> port.Ignored:
        if codes & OUTSIDE:
            self._io.get("heard", {}).pop(account, None)  # the next one goes by template
        if codes:
            log.warning("whatsapp did not deliver a message: %s", sorted(codes))
        return port.Ignored("how a message fared")

    def _remember(self, what: str, name: str, at: int) -> None:
        known = self._io.setdefault(what, {})
        known[name] = max(at, known.pop(name, 0))
        if len(known) > REMEMBERED:
            known.pop(next(iter(known)))

    async def open(self, account: str) -> Address:
        if not re.fullmatch(ACCOUNT, account):
            raise Refused("whatsapp: an account is a number in digits, 15551234567, or a user id")
        return Address("whatsapp", account, account=account)

    def echo(self, payload: port.Payload) -> None:
        return None

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        sent = await self._send(address.conversation, payload["session"], payload["template"])
        return MessageRef("whatsapp", address.conversation, sent)

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> None:
        # Its end is told once: what came of the verdict is on the page.
        session, ended = payload["session"], self._io.setdefault("ended", {})
        if not payload["final"] or ref.message in ended:
            return
        self._remember("ended", ref.message, self.clock())
        if self.provider == "meta":
            session = session | {"context": {"message_id": ref.message}}
        try:
            await self._send(ref.conversation, session, payload["template"])
        except BaseException:
            del ended[ref.message]
            raise

    def answer(self, tap: port.Tap, notice: port.Notice) -> port.Response | None:
        twiml = port.Response(body=b"<Response/>", content_type="text/xml")
        return twiml if self.provider == "twilio" else None

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        # The tap has just opened the window.
        if notice.text not in ENDS:
            await self._deliver(tap.account, self._text(inert(notice.text)))

    async def listen(self, deliver: port.Deliver) -> None:
        raise Refused("whatsapp has no outbound mode")

    async def check(self) -> list[port.Finding]:
        try:
            if self.provider == "twilio":
                account = self._client().api.accounts(self.account_sid)
                said = str((await self._asked(account.fetch_async())).status)
            else:
                about = await self._graph("GET", "?fields=display_phone_number,quality_rating")
                said = "active" if about.get("display_phone_number") else "not a phone number's id"
        except (Busy, Refused) as why:
            return [port.Finding("access", False, str(why))]
        clock = port.clock_finding(self._io["heads"].get("Date"), self.clock())
        return [port.Finding("access", said == "active", said), clock]

    async def close(self) -> None:
        if self._io.get("http"):
            await self._io["http"].close()
        self._io.clear()

    async def _send(self, account: str, session: Any, template: Any) -> str:
        heard = self._io.setdefault("heard", {})
        if session and self.clock() - heard.get(account, 0) < WINDOW:
            try:
                return await self._deliver(account, session)
            except _Outside:
                heard.pop(account, None)
        return await self._deliver(account, template)

    async def _deliver(self, account: str, message: port.Payload) -> str:
        try:
            if self.provider == "twilio":
                whence = {"from_": _address(self.sender), "status_callback": self.webhook_url}
                if values := message.get("content_variables"):
                    whence["content_variables"] = to_json(values).decode()
                create = self._client().messages.create_async
                sent = await self._asked(create(_address(account), **(message | whence)))
                return _exact(f"({SID})", sent.sid)
            whom = "to" if account.isdigit() else "recipient"  # as the page on user ids says
            head = {"messaging_product": "whatsapp", "recipient_type": "individual", whom: account}
            sent = await self._graph("POST", "/messages", json=head | message)
            for contact in sent.get("contacts", ()):
                if contact.get("wa_id", account) != account:
                    log.error("write %s as %s, or no tap of theirs counts", *contact.values())
            return str(sent["messages"][0]["id"])
        except FAULTS as error:
            raise Busy(f"whatsapp: no message id: {type(error).__name__}") from None

    async def _graph(self, method: str, path: str, **more: Any) -> Any:
        url = (self.api_url or "https://graph.facebook.com/v23.0").rstrip("/")
        more["headers"] = {"Authorization": f"Bearer {self.access_token}"}
        status, text = await self._http(method, f"{url}/{self.phone_number_id}{path}", **more)
        try:
            body = from_json(text)
            if error := body.get("error"):
                # 100 is a wrong id of ours (33) or a wrong message.
                code = error.get("error_subcode" if error["code"] == 100 else "code")
                _fail(status, code)
        except FAULTS as why:
            raise Busy(f"whatsapp: {status}: {type(why).__name__}") from None
        return body

    async def _http(self, method: str, url: str, **more: Any) -> tuple[int, str]:
        if "http" not in self._io:
            self._io["http"] = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        more["allow_redirects"] = False
        try:
            async with self._io["http"].request(method, url, **more) as answer:
                self._io["heads"], text = answer.headers, await answer.text()
        except (aiohttp.ClientError, OSError, ValueError) as why:
            raise Busy(f"whatsapp: {type(why).__name__}") from None
        if answer.status == 429 or answer.status >= 500:
            after = port.retry_after(answer.headers.get("Retry-After"))
            raise Busy(f"whatsapp: {answer.status}", after)
        return answer.status, text

    def _client(self) -> Any:
        # The SDK's own HTTP keeps no timeout, and its errors no headers.
        if "client" not in self._io:
            from twilio.http import async_http_client, response  # noqa: PLC0415 - imported where the channel is on
            from twilio.rest import Client  # noqa: PLC0415 - as above

            class Http(async_http_client.AsyncTwilioHttpClient):  # type: ignore[misc] # untyped
                async def request(_, method: str, url: str, *given: Any, **more: Any) -> Any:
                    proof = aiohttp.encode_basic_auth(self.account_sid, self.auth_token)
                    heads = more["headers"] | {"Authorization": proof}
                    more = {"params": more["params"], "data": more["data"], "headers": heads}
                    return response.Response(*await self._http(method, url, **more))

            http = Http(pool_connections=False, logger=log)
            client = Client(self.account_sid, self.auth_token, http_client=http)
            client.api.base_url = self.api_url or "https://api.twilio.com"
            self._io["client"] = client
        return self._io["client"]

    async def _asked(self, call: Awaitable[Any]) -> Any:
        from twilio.base.exceptions import TwilioException  # noqa: PLC0415 - imported where the channel is on

        try:
            return await call
        except (TwilioException, *FAULTS) as error:
            _fail(getattr(error, "status", 500), getattr(error, "code", None))


class _Outside(Refused):
    pass


def _fail(status: int, code: Any) -> None:
    # 131047 and 63016 of the very call; they come as a status webhook, too.
    why = str(code or status)
    ours = status in (401, 403) or OURS.fullmatch(why)
    if why in OUTSIDE:
        raise _Outside(f"whatsapp: {why}")
    if ours:
        log.error("whatsapp refuses us, not the person: %s", why)
    slower = ours or status >= 500 or BUSY.fullmatch(why)
    raise (Busy if slower else Refused)(f"whatsapp: {why}")


def _pairs(body: bytes) -> list[tuple[str, str]]:
    text = body.decode("ascii")
    return parse_qsl(text, True, True, errors="strict", max_num_fields=256)


def _exact(pattern: str, text: str) -> str:
    found = re.fullmatch(pattern, text)
    if not found:
        raise ValueError
    return found[1]


def _address(account: str) -> str:
    bare = account.removeprefix("whatsapp:").removeprefix("+")
    return f"whatsapp:+{bare}" if bare.isdigit() else f"whatsapp:{bare}"
