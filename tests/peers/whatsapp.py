"""Stand-ins for Meta's Cloud API and for Twilio's Messages, written from their documentation.

https://developers.facebook.com/documentation/business-messaging/whatsapp: /messages,
/webhooks/reference/messages, /support/error-codes, /business-scoped-user-ids;
https://www.twilio.com/docs: /messaging/api/message-resource, /content, /usage/security.
What they have approved as templates is what `countersign setup` tells people to register. Limits
are checked by code of its own, shared with nothing under test.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from adapters.whatsapp import registered as templates
from adapters.whatsapp.adapter import WhatsApp
from approvals.model import (
    Address,
    Person,
)
from approvals.port import (
    Inbound,
)
from tests.harness.channel_contract import NOW, ROOT, Kit, Seat, template
from tests.harness.house import Place
from tests.peers.loopback import started

NUMBER_ID, NUMBER = "106540352242922", "15550783881"
ACCESS_TOKEN, APP_SECRET = "EAAJBpeerAccessToken", "5e1f0c7a9b3d4e2f8a6b1c0d9e8f7a6b"
VERIFY = "a-random-word-of-ours"
ACCOUNT_SID, AUTH_TOKEN = "AC" + "0" * 32, "peer-auth-token-0123456789abcdef"
SENDER = "whatsapp:+15550000000"
WEBHOOK = "https://approve.example.com/channels/whatsapp/events"
DANA = "16505551234"
FIXTURES = ROOT / "tests/fixtures/whatsapp"
TEMPLATES = {one["name"]: one for one in templates.meta("en").values()}
CONTENTS = {f"HX{number:032}": one for number, one in enumerate(templates.twilio("en").values(), 1)}
SIDS = {one["friendly_name"].removeprefix("countersign_"): sid for sid, one in CONTENTS.items()}
LINK = re.compile(
    r"(?:https?://|www\.(?=\w))[^\s┃]+|[^\s@/:]+@[^\s@]+\.\w+|\b[\w-]+(?:\.[a-z]{2,})+\b\S*"
)


def size(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def filled(text: str, values: list[str]) -> str:
    return re.sub(r"\{\{(\d+)\}\}", lambda found: values[int(found[1]) - 1], text)


def wrong_value(text: Any) -> str | None:
    """Why a template takes no such value (132018, 63013)."""
    if not isinstance(text, str) or not text:
        return "empty"
    if re.search(r"[\n\t\r]| {5}", text):
        return "new-line/tab characters or more than 4 consecutive spaces"
    return None


def list_fault(body: dict[str, Any]) -> tuple[int, str] | None:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-list-messages"""
    rows = [row for section in body["action"]["sections"] for row in section["rows"]]
    if not 0 < size(body["body"]["text"]) <= 4096 or not 0 < size(body["action"]["button"]) <= 20:
        return 131009, "body or button"
    if not 1 <= len(rows) <= 10 or len({row["id"] for row in rows}) < len(rows):
        return 131009, "rows"
    for row in rows:
        parts = ((row["id"], 200), (row["title"], 24), (row.get("description", "x"), 72))
        if not all(0 < size(said) <= most for said, most in parts):
            return 131009, "row"
    return None


def fault(message: dict[str, Any], open_: bool) -> tuple[int, str] | None:
    """The code that the Cloud API refuses this message with, and what it says."""

    def text(node: Any, most: int, key: str = "text") -> bool:
        return isinstance(node, dict) and 0 < size(node.get(key) or "") <= most

    kind = message.get("type")
    if message.get("messaging_product") != "whatsapp" or kind not in message:
        return 100, "Invalid parameter"
    body = message[kind]
    if kind == "template":
        known = TEMPLATES.get(body.get("name"))
        if known is None or body.get("language", {}).get("code") != known["language"]:
            return 132001, "Template name does not exist in the translation"
        parts = body.get("components", [])
        said = next(one["text"] for one in known["components"] if one["type"] == "BODY")
        values = [
            x.get("text") for one in parts if one["type"] == "body" for x in one["parameters"]
        ]
        if len(values) != len(set(re.findall(r"\{\{\d+\}\}", said))):
            return 132000, "Number of parameters does not match"
        if why := next(filter(None, map(wrong_value, values)), None):
            return 132018, why
        if size(filled(said, values)) > 1024:
            return 132005, "Translated text too long"
        known_buttons = [x for one in known["components"] for x in one.get("buttons", ())]
        pressed = [one for one in parts if one["type"] == "button"]
        if [one["index"] for one in pressed] != [str(i) for i in range(len(known_buttons))]:
            return 132000, "Buttons do not match"
        for one in pressed:
            (parameter,) = one["parameters"]
            if one["sub_type"] != "quick_reply" or parameter["type"] != "payload":
                return 132012, "Parameter format does not match"
            if not 0 < len(parameter["payload"]) <= 128:
                return 131009, "Parameter value is not valid"
        return None
    if not open_:
        return 131047, "Re-engagement message"
    if kind == "text":
        return None if text(body, 4096, "body") else (131009, "body")
    if kind == "interactive" and body.get("type") == "list":
        return list_fault(body)
    if kind != "interactive" or body.get("type") != "button":
        return 131051, "Unsupported message type"
    if not text(body.get("body"), 1024):
        return 131009, "body"
    if "header" in body and not (body["header"]["type"] == "text" and text(body["header"], 60)):
        return 131009, "header"
    if "footer" in body and not text(body["footer"], 60):
        return 131009, "footer"
    replies = [one["reply"] for one in body["action"]["buttons"] if one["type"] == "reply"]
    titles, ids = [one["title"] for one in replies], [one["id"] for one in replies]
    if not 1 <= len(replies) == len(body["action"]["buttons"]) <= 3:
        return 131009, "buttons"
    if len({*titles}) < len(titles) or len({*ids}) < len(ids):
        return 131009, "buttons are not unique"
    if not all(0 < size(x) <= 20 for x in titles):
        return 131009, "title"
    if not all(0 < size(x) <= 256 and x == x.strip() for x in ids):
        return 131009, "id"
    return None


@dataclass
class WhatsAppPeer:
    """`async with WhatsAppPeer() as whatsapp`: `whatsapp.api` is the base URL of both.

    `sent`: (account, message) by message id, in order. `open`: who wrote within 24 hours. `later`:
    what is sent to others is taken all the same, and how it fared is told by `failed`.
    """

    open: set[str] = field(default_factory=set)
    sent: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    later: bool = False
    wa_ids: dict[str, str] = field(default_factory=dict)
    fail: deque[web.Response] = field(default_factory=deque)
    """Answers to give instead, first come first served."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    base: str = ""
    _count: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def api(self) -> str:
        return self.base

    async def __aenter__(self) -> WhatsAppPeer:
        app = web.Application()
        app.router.add_post("/v26.0/{number}/messages", self._graph_send)
        app.router.add_get("/v26.0/{number}", self._graph_number)
        app.router.add_post("/2010-04-01/Accounts/{sid}/Messages.json", self._twilio_send)
        app.router.add_get("/2010-04-01/Accounts/{sid}.json", self._twilio_account)
        self._runner, self.base = await started(app)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        """Answer the next call with this."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        code = 130429 if status == 429 else 131000
        body = {"error": {"message": f"(#{code})", "type": "OAuthException", "code": code}}
        self.fail.append(web.json_response(body, status=status, headers=headers))

    # Meta

    def _error(self, code: int, message: str, status: int = 400, **more: Any) -> web.Response:
        said = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, **more}
        said["fbtrace_id"] = "AwMMAADqOMgrDJ2YmXPJ3sk"
        return web.json_response({"error": said}, status=status)

    def _graph_refused(self, request: web.Request) -> web.StreamResponse | None:
        if self.fail:
            return self.fail.popleft()
        if request.headers.get("Authorization") != f"Bearer {ACCESS_TOKEN}":
            return self._error(190, "Invalid OAuth access token", 401)
        if request.match_info["number"] != NUMBER_ID:
            return self._error(100, "Unsupported request", error_subcode=33)
        return None

    async def _graph_number(self, request: web.Request) -> web.StreamResponse:
        said = {"display_phone_number": "+1 555-078-3881", "id": NUMBER_ID}
        return self._graph_refused(request) or web.json_response(said)

    async def _graph_send(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.calls.append(("meta", body))
        if refused := self._graph_refused(request):
            return refused
        # `to` for numbers, `recipient` for user ids; `to` comes first where both are there.
        account = str(body.get("to") or body.get("recipient") or "")
        if not account or ("to" in body) != account.isdigit():
            return self._error(100, "The parameter to is required")
        if account in self.unknown:
            return self._error(131026, "Message undeliverable")
        if wrong := fault(body, self.later or account in self.open):
            return self._error(*wrong)
        id = f"wamid.HBg{next(self._count):06}"
        self._keep(id, account, body)
        known = {"input": account}
        known |= {"wa_id": self.wa_ids.get(account, account)} if "to" in body else {}
        return web.json_response(
            {"messaging_product": "whatsapp", "contacts": [known], "messages": [{"id": id}]}
        )

    def _keep(self, id: str, account: str, body: dict[str, Any]) -> None:
        self.sent[id] = (account, body)
        self.arrived.set()

    # Twilio

    def _twilio_error(self, code: int, message: str, status: int = 400) -> web.Response:
        more = f"https://www.twilio.com/docs/errors/{code}"
        said = {"code": code, "message": message, "more_info": more, "status": status}
        return web.json_response(said, status=status)

    def _twilio_refused(self, request: web.Request) -> web.StreamResponse | None:
        if self.fail:
            return self.fail.popleft()
        given = request.headers.get("Authorization", "")
        if given != aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN):
            return self._twilio_error(20003, "Authenticate", 401)
        if request.match_info["sid"] != ACCOUNT_SID:
            return self._twilio_error(20404, "not found", 404)
        return None

    async def _twilio_account(self, request: web.Request) -> web.StreamResponse:
        said = {"sid": ACCOUNT_SID, "status": "active", "friendly_name": "peer"}
        return self._twilio_refused(request) or web.json_response(said)

    async def _twilio_send(self, request: web.Request) -> web.StreamResponse:
        form: dict[str, Any] = dict(await request.post())
        self.calls.append(("twilio", form))
        if refused := self._twilio_refused(request):
            return refused
        if form.get("From") != SENDER:
            return self._twilio_error(63007, "Could not find a Channel with the From address")
        if not re.fullmatch(r"whatsapp:(\+\d{6,15}|[A-Z]{2}\.\w+)", form.get("To", "")):
            return self._twilio_error(21211, "Invalid 'To' Phone Number")
        account = form["To"].removeprefix("whatsapp:").removeprefix("+")
        if account in self.unknown:
            return self._twilio_error(63024, "Invalid message recipient")
        content, values = CONTENTS.get(form.get("ContentSid", "")), dict[str, str]()
        if "ContentSid" in form:
            if content is None:
                return self._twilio_error(21655, "The ContentSid is invalid")
            values = json.loads(form.get("ContentVariables", "{}"))
            numbers = [str(number) for number in range(1, len(values) + 1)]
            if [*values] != numbers or values.keys() != content["variables"].keys():
                return self._twilio_error(21656, "The ContentVariables parameter is invalid")
            approved = "session" not in content["friendly_name"]
            if approved and any(map(wrong_value, values.values())):
                return self._twilio_error(63013, "Channel policy violation")
            (kind,) = content["types"].values()
            if size(filled(kind["body"], [*values.values()])) > 1024:
                return self._twilio_error(63021, "Channel invalid content error")
        elif not 0 < size(form.get("Body", "")) <= 1600:
            return self._twilio_error(21617, "The concatenated message body exceeds the limit")
        if (content is None or not approved) and not (self.later or account in self.open):
            return self._twilio_error(63016, "Outside the allowed window")
        sid = f"MM{next(self._count):032x}"
        self._keep(sid, account, {**form, "ContentVariables": values})
        said = {"sid": sid, "status": "queued", "to": form["To"], "from": SENDER}
        return web.json_response(said, status=201)

    # What a person does

    def buttons(self, id: str) -> dict[str, str]:
        """What a message's buttons say, and what they send."""
        _, body = self.sent[id]
        if "From" in body:
            content = CONTENTS.get(body.get("ContentSid", ""))
            if content is None:
                return {}
            (kind,) = content["types"].values()
            values = [*body["ContentVariables"].values()]
            return {x["title"]: filled(x["id"], values) for x in kind.get("actions", ())}
        if body["type"] == "interactive":
            action = body["interactive"]["action"]
            if "sections" in action:
                rows = [row for section in action["sections"] for row in section["rows"]]
                return {one["title"]: one["id"] for one in rows}
            return {one["reply"]["title"]: one["reply"]["id"] for one in action["buttons"]}
        if body["type"] != "template":
            return {}
        named = TEMPLATES[body["template"]["name"]]
        titles = [x["text"] for one in named["components"] for x in one.get("buttons", ())]
        given = [one for one in body["template"]["components"] if one["type"] == "button"]
        return {t: x["parameters"][0]["payload"] for t, x in zip(titles, given, strict=True)}

    def text(self, id: str) -> str:
        """What a message shows, without its buttons."""
        _, body = self.sent[id]
        if "From" in body:
            content = CONTENTS.get(body.get("ContentSid", ""))
            if content is None:
                return str(body["Body"])
            (kind,) = content["types"].values()
            return filled(kind["body"], [*body["ContentVariables"].values()])
        match body["type"]:
            case "interactive":
                told = body["interactive"]
                parts = (
                    told[name]["text"] for name in ("header", "body", "footer") if name in told
                )
                return "\n".join(parts)
            case "template":
                named = TEMPLATES[body["template"]["name"]]
                parameters = body["template"]["components"][0]["parameters"]
                return filled(named["components"][0]["text"], [x["text"] for x in parameters])
            case _:
                return str(body["text"]["body"])

    def press(self, id: str, label: str, by: str | None = None, at: int = 0) -> dict[str, Any]:
        """What is delivered when this button is pressed: Meta's JSON, or Twilio's form.

        Whoever presses has written, and the 24 hours begin anew.
        """
        account, body = self.sent[id]
        by, token, number = by or account, self.buttons(id)[label], next(self._count)
        self.open.add(by)
        if "From" in body:
            form: dict[str, Any] = json.loads((FIXTURES / "twilio_button.json").read_text())["body"]
            sid = f"SM{number:032x}"
            form |= {"MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "WaId": by}
            form |= {"ButtonPayload": token, "ButtonText": label, "Body": label}
            return form | {"From": f"whatsapp:+{by}", "OriginalRepliedMessageSid": id}
        one: dict[str, Any] = {
            "context": {"from": NUMBER, "id": id},
            "id": f"wamid.TAP{number}",
            "timestamp": str(at // 1000),
            "type": "interactive",
            "interactive": {"type": "button_reply", "button_reply": {"id": token, "title": label}},
        }
        one |= {"from": by} if by.isdigit() else {"from_user_id": by}
        if body["type"] == "interactive" and body["interactive"]["type"] == "list":
            told = {"id": token, "title": label}
            one["interactive"] = {"type": "list_reply", "list_reply": told}
        if body["type"] == "template":
            del one["interactive"]
            one |= {"type": "button", "button": {"payload": token, "text": label}}
        return delivered(one)

    def wrote(self, text: str, by: str, provider: str, at: int = 0) -> dict[str, Any]:
        """What is delivered when this account writes this to us alone; the 24 hours begin anew."""
        self.open.add(by)
        return written(text, by, provider, at, next(self._count))

    def failed(self, id: str) -> dict[str, Any]:
        """What is delivered when a message that was taken turns out to be outside the 24 hours."""
        account, body = self.sent[id]
        if "From" in body:
            form: dict[str, Any] = json.loads((FIXTURES / "twilio_status.json").read_text())["body"]
            return form | {"MessageSid": id, "SmsSid": id, "To": f"whatsapp:+{account}"}
        status = json.loads((FIXTURES / "failed.json").read_text())["body"]
        one = status["entry"][0]["changes"][0]["value"]["statuses"][0]
        return delivered(statuses=[{**one, "id": id, "recipient_id": account}])


def written(text: str, by: str, provider: str, at: int, number: int = 0) -> dict[str, Any]:
    """A message of text: Meta's JSON, or Twilio's form."""
    if provider == "twilio":
        form: dict[str, Any] = body("twilio_text")
        sid = f"SM{number:032x}"
        form |= {"MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "WaId": by}
        return form | {"From": f"whatsapp:+{by}", "Body": text}
    one: dict[str, Any] = {"id": f"wamid.TEXT{number}", "timestamp": str(at // 1000)}
    one |= {"from": by} if by.isdigit() else {"from_user_id": by}
    return delivered(one | {"type": "text", "text": {"body": text}})


def changed_number(old: str, new: str, at: int) -> dict[str, Any]:
    """WhatsApp says that who had the number `old` has `new` now."""
    one = body("changed_number")["entry"][0]["changes"][0]["value"]["messages"][0]
    told = {"type": "user_changed_number", "body": "changed", "wa_id": new}
    return delivered({**one, "from": old, "timestamp": str(at // 1000), "system": told})


def delivered(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A webhook of the field `messages` with these in it."""
    about = {"display_phone_number": NUMBER, "phone_number_id": NUMBER_ID}
    value = {"messaging_product": "whatsapp", "metadata": about, **more}
    if messages:
        value["messages"] = [*messages]
    change = {"value": value, "field": "messages"}
    entry = {"id": "102290129340398", "changes": [change]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def in_a_group(payload: Any) -> Any:
    """The same in a group: https://developers.facebook.com/documentation/business-messaging/whatsapp/groups"""
    for one in payload["entry"][0]["changes"][0]["value"]["messages"]:
        one["group_id"] = "Y2FwaV9ncm91cDoxOTUwNTU1MDA3OToxMjAzNjM0"
    return payload


def signed(payload: Any, at: int, secret: str = APP_SECRET) -> Inbound:
    """As Meta signs (https://developers.facebook.com/docs/graph-api/webhooks/getting-started)."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    proof = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": f"sha256={proof}"}
    return Inbound("POST", "/channels/whatsapp/events", "", headers, body, at)


def twilio_signed(
    form: Any, at: int, url: str = WEBHOOK, secret: str = AUTH_TOKEN, algorithm: str = "sha1"
) -> Inbound:
    """As Twilio signs (https://www.twilio.com/docs/usage/security#validating-requests)."""
    pairs = sorted(form.items()) if isinstance(form, dict) else []
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    whole = url + "".join(name + value for name, value in pairs)
    proof = base64.b64encode(hmac.new(secret.encode(), whole.encode(), algorithm).digest()).decode()
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "x-twilio-signature": proof,
        "i-twilio-idempotency-token": "e0f6f2c1-3f4d-4b8e-9f0a-0123456789ab",
    }
    return Inbound("POST", "/channels/whatsapp/events", "", headers, body, at)


def body(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))["body"]


def make(api: str, **more: Any) -> WhatsApp:
    given = {"access_token": ACCESS_TOKEN, "app_secret": APP_SECRET, "verify_token": VERIFY}
    given |= {"phone_number_id": NUMBER_ID, "api_url": api.rstrip("/") + "/v26.0"}
    return WhatsApp(**{**given, "render": template("whatsapp"), **more})


def make_twilio(api: str, **more: Any) -> WhatsApp:
    given: dict[str, Any] = {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "sender": SENDER}
    given |= {"webhook_url": WEBHOOK, "templates": SIDS, "api_url": api.rstrip("/")}
    return WhatsApp(**{**given, "provider": "twilio", "render": template("whatsapp"), **more})


def unknown(at: int) -> tuple[Inbound, ...]:
    good = body("button_reply")
    one = good["entry"][0]["changes"][0]["value"]["messages"][0]
    bad: list[Any] = [
        *({}, [], None, "text", 7, {**good, "object": "page"}, {**good, "entry": []}),
        *({**good, "entry": [{}]}, {**good, "entry": [{"changes": []}]}, {**good, "entry": 7}),
        {**good, "entry": [{"changes": [{"field": "messages", "value": None}]}]},
        *(delivered({**one, name: None}) for name in ("id", "from", "timestamp", "context")),
        *(delivered({**one, "from": x}) for x in (7, ["1"], "+16505551234", "dana", "0123456")),
        delivered({**one, "interactive": {"type": "button_reply", "button_reply": {}}}),
        delivered({**one, "interactive": None}),
        delivered({**one, "type": "button"}),
        delivered({**one, "timestamp": "now"}),
        delivered({**one, "timestamp": float("inf")}),
        delivered({**one, "interactive": {"type": "button_reply", "button_reply": {"id": [1]}}}),
        delivered({**one, "context": {"id": 7}}),
        delivered({**one, "from": None, "from_user_id": None}),
    ]
    bad[bad.index(delivered({**one, "from": None}))] = delivered({**one, "from_user_id": "x"})
    raw = (b"", b"{", b"\xff", b"[" * 100_000, b"{}{}")
    return tuple(signed(one, at) for one in (*bad, *raw))


def foreign(at: int) -> tuple[Inbound, ...]:
    good = body("button_reply")
    one = good["entry"][0]["changes"][0]["value"]["messages"][0]
    reply = {"id": "lunch:17", "title": "Order"}
    messages: list[Any] = [
        {**one, "interactive": {"type": "button_reply", "button_reply": reply}},
        {**one, "interactive": {"type": "list_reply", "list_reply": reply}},
        {**one, "type": "image", "image": {"id": "1"}},
    ]
    return tuple(signed(delivered(each), at) for each in messages)


def unknown_twilio(at: int) -> tuple[Inbound, ...]:
    good = body("twilio_button")
    changes: list[dict[str, str]] = [
        {"AccountSid": "AC1"},
        {"To": "whatsapp:+15559999999"},
        *(
            {"From": x}
            for x in ("+16505551234", "whatsapp:dana", "whatsapp:+1", "sms:+16505551234")
        ),
        *({"MessageSid": x} for x in ("", "SM1", "SM" + "g" * 32)),
        {"OriginalRepliedMessageSid": "MM1"},
        {"MessageStatus": "failed", "To": "dana"},
    ]
    lacking = [{k: v for k, v in good.items() if k != n} for n in ("From", "To", "MessageSid")]
    return tuple(twilio_signed(x, at) for x in (*({**good, **x} for x in changes), *lacking))


def links(payload: Any) -> list[str]:
    """What a client would make a link of, by its looks."""
    return [found for text in _strings(payload) for found in LINK.findall(text)]


def _strings(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    if isinstance(node, (dict, list, tuple)):
        parts = node.values() if isinstance(node, dict) else node
        return [text for part in parts for text in _strings(part)]
    return []


ADDRESS = Address("whatsapp", DANA, account=DANA)
KIT = Kit(
    name="whatsapp",
    make=make,
    foreign=foreign,
    tap=lambda at: signed(body("button_reply"), at),
    proofs=("x-hub-signature-256",),
    stale=None,
    unknown=unknown,
    peer=WhatsAppPeer,
    address=ADDRESS,
    parsed=lambda payload: [],
    links=links,
    secrets=(ACCESS_TOKEN, APP_SECRET, VERIFY),
    write=lambda at, text: signed(written(text, DANA, "meta", at), at),
    overheard=lambda at, text: signed(in_a_group(written(text, DANA, "meta", at)), at),
)


def _pressed(peer: WhatsAppPeer, digest: str, at: int) -> Inbound:
    card = next(one for one in peer.sent if digest in peer.text(one))
    return signed(peer.press(card, "Approve", at=at), at)


SEAT = Seat(
    account=DANA,
    messages=lambda peer: [peer.text(one) for one in peer.sent],
    text=str,
    press=_pressed,
    anew=True,
)


MAKERS = {"meta": make, "twilio": make_twilio}


def deliver(payload: Any, at: int = NOW) -> Inbound:
    """As the provider sends it: Meta's webhook or Twilio's form."""
    return signed(payload, at) if "entry" in payload else twilio_signed(payload, at)


SECTION: dict[str, dict[str, Any]] = {
    "meta": {
        "provider": "meta",
        "access_token": "t",
        "app_secret": "s",
        "verify_token": "a-word-of-ours",
        "phone_number_id": "1",
    },
    "twilio": {
        "provider": "twilio",
        "account_sid": ACCOUNT_SID,
        "auth_token": "t",
        "sender": "+15550000000",
        "webhook_url": WEBHOOK,
        "templates": SIDS,
    },
}

LEE = "15557654321"
PEOPLE = (
    Person("dana", None, {"whatsapp": DANA}),
    Person("lee", None, {"whatsapp": LEE}),
    Person("eve", None, {"whatsapp": "15550006666"}),
)
GROUPS = {"default": frozenset({"dana"}), "finance": frozenset({"dana", "lee"})}


async def pressed(place: Place, payload: Any) -> int:
    """Deliver a press; the status that the platform gets."""
    sent = deliver(payload, place.clock())
    url = f"{place.url}/channels/whatsapp/events"
    async with place.http.post(url, data=sent.body, headers=dict(sent.headers)) as answer:
        return answer.status
