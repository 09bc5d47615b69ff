"""A stand-in for Google Chat, written from its documentation: the Chat API, Google's token
endpoint, Pub/Sub's pull, and presses in both formats of events, signed as Google signs them.

https://chat.googleapis.com/$discovery/rest?version=v1 (revision 20261107), of which the part that
is needed is in fixtures/google_chat/chat.v1.json: every message and dialog must fit it.
https://developers.google.com/workspace/chat/verify-requests-from-chat,
https://developers.google.com/workspace/add-ons/chat/convert (both formats beside each other),
https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions. It signs and checks
with PyJWT, which nothing under test uses.
"""

from __future__ import annotations

import asyncio
import datetime
import itertools
import json
import re
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

import jsonschema_rs
import jwt
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from adapters.google_chat.adapter import GoogleChat
from approvals.model import Address
from approvals.port import Inbound, Payload
from tests.harness.channel_contract import ROOT, Kit, Seat, says, template
from tests.peers.loopback import started

FIXTURES: Final = ROOT / "tests/fixtures/google_chat"
PROJECT: Final = "123456789012"
DOMAIN: Final = "example.com"
DANA: Final = "100000000000000000001"
LEE: Final = "100000000000000000002"
APP: Final = "100000000000000000009"
ROOM: Final = "AAQAO1heGsE"
ENDPOINT: Final = "https://approve.example.com/channels/google_chat/events"
AGENT: Final = f"service-{PROJECT}@gcp-sa-gsuiteaddons.iam.gserviceaccount.com"
CHAT: Final = "chat@system.gserviceaccount.com"
SUBSCRIPTION: Final = f"projects/approvals-{PROJECT}/subscriptions/countersign"
MOST: Final = 32_000
"""Bytes of a message: spaces.messages.create."""
CHAT_SCOPE: Final = "https://www.googleapis.com/auth/chat.bot"
PUBSUB_SCOPE: Final = "https://www.googleapis.com/auth/pubsub"


@dataclass(frozen=True)
class SigningKey:
    """A key that signs tokens, and how it is published."""

    kid: str
    private: RSAPrivateKey = field(
        default_factory=lambda: generate_private_key(65537, 2048), repr=False
    )

    def certificate(self) -> str:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, CHAT)])
        start = datetime.datetime(2025, 12, 1, tzinfo=datetime.UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
        made = made.public_key(self.private.public_key()).serial_number(7)
        made = made.not_valid_before(start).not_valid_after(start + datetime.timedelta(days=900))
        return made.sign(self.private, SHA256()).public_bytes(Encoding.PEM).decode()

    def jwk(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key()))
        named = {"kid": self.kid, "kty": "RSA", "alg": "RS256", "use": "sig"}
        return {**named, "n": public["n"], "e": public["e"]}


KEY: Final = SigningKey("b6f1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9")
STRANGE: Final = SigningKey(KEY.kid)
"""Another private key under the same name: a forger's."""
OURS: Final = SigningKey("0a1b2c3d4e5f60718293a4b5c6d7e8f901234567")
"""The key of our service account."""
PEM: Final = OURS.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
MAIL: Final = "countersign@approvals.iam.gserviceaccount.com"
ACCOUNT: Final = json.dumps(
    {
        "type": "service_account",
        "project_id": "approvals",
        "private_key_id": OURS.kid,
        "private_key": PEM,
        "client_email": MAIL,
        "token_uri": "https://oauth2.googleapis.com/token",
    }
)


def token(at: int, key: SigningKey = KEY, **claims: Any) -> str:
    """A bearer token of `at` (milliseconds), as Chat signs it for an app. A claim None is left
    out."""
    now = at // 1000
    said = {"iss": CHAT, "aud": PROJECT, "iat": now, "exp": now + 3600, **claims}
    kept = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(kept, key.private, "RS256", {"kid": key.kid})


def addon_token(at: int, key: SigningKey = KEY, **claims: Any) -> str:
    """The same for an add-on: an OpenID token."""
    openid = {"iss": "https://accounts.google.com", "aud": ENDPOINT, "azp": DANA, "sub": DANA}
    return token(at, key, **{**openid, "email": AGENT, "email_verified": True, **claims})


def delivery(event: Any, at: int | None = None, bearer: str | None = None) -> Inbound:
    """A delivery of this event at `at`, with Google's token or another."""
    at = int(time.time() * 1000) if at is None else at
    if bearer is None:
        addon = isinstance(event, dict) and "chat" in event
        bearer = (addon_token if addon else token)(at)
    headers = {
        "authorization": f"Bearer {bearer}",
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Google-Dynamite",
    }
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return Inbound("POST", "/channels/google_chat/events", "", headers, body, at)


def person(who: str = DANA, **other: Any) -> dict[str, Any]:
    """A user, as events and memberships have them."""
    named = {"name": f"users/{who}", "displayName": "Dana Lee", "email": f"p{who[-1]}@{DOMAIN}"}
    return {**named, "type": "HUMAN", "domainId": "12juw1z", **other}


def space(name: str) -> dict[str, Any]:
    """A space, as events have it: a chat with the app alone, or a room."""
    if name.startswith("dm"):
        alone = {"type": "DM", "spaceType": "DIRECT_MESSAGE", "singleUserBotDm": True}
        return {"name": f"spaces/{name}", **alone}
    return {"name": f"spaces/{name}", "type": "ROOM", "spaceType": "SPACE", "displayName": "Ops"}


def _schema() -> dict[str, Any]:
    """The discovery document's schemas as JSON Schema; what it does not name is refused."""

    def turned(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return {"$ref": f"#/$defs/{node['$ref']}"}
        return {name: turned(item) for name, item in node.items() if name != "format"}

    document = json.loads((FIXTURES / "chat.v1.json").read_text())
    return {
        name: {
            "type": "object",
            "additionalProperties": False,
            "properties": {key: turned(item) for key, item in properties.items()},
        }
        for name, properties in document["schemas"].items()
    }


_DEFS: Final = _schema()
_VALIDATORS: Final[dict[str, Any]] = {}


def fits(name: str, value: Any) -> None:
    """Raises `jsonschema_rs.ValidationError` where this is no `name` of the Chat API."""
    if name not in _VALIDATORS:
        whole = {"$ref": f"#/$defs/{name}", "$defs": _DEFS}
        _VALIDATORS[name] = jsonschema_rs.validator_for(whole)
    _VALIDATORS[name].validate(value)


def checked(message: Any) -> None:
    """`ValueError` where the documentation of cards and messages forbids it."""
    fits("Message", message)
    if len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()) > MOST:
        raise ValueError("Message size exceeds 32000 bytes")
    if not message.get("text") and not message.get("cardsV2"):
        raise ValueError("Message cannot be empty")
    for one in message.get("cardsV2", ()):
        drawn(one["card"])


def drawn(card: Any) -> None:
    """`ValueError` where a card has what no card may have."""
    fits("GoogleAppsCardV1Card", card)
    widgets = [widget for section in card["sections"] for widget in section["widgets"]]
    if len(widgets) > 100 or not all(section["widgets"] for section in card["sections"]):
        raise ValueError("1 to 100 widgets: Card.sections, Section.widgets")
    for widget in widgets:
        (kind,) = widget.keys() - {"horizontalAlignment", "visibility"}
        if kind == "textParagraph" and not widget[kind]["text"]:
            raise ValueError("a text paragraph without text")
        for button in widget[kind].get("buttons", ()) if kind == "buttonList" else ():
            if not button["text"] or len(button["onClick"]) != 1:
                raise ValueError("Button.onClick: exactly one action")
            if link := button["onClick"].get("openLink"):
                if not re.match(r"https?://[^/]+\.", link["url"]):
                    raise ValueError("not an address")
            else:
                assert button["onClick"]["action"]["function"]


def buttons(message: Any) -> list[dict[str, Any]]:
    """The buttons of a message's cards, or of a card."""
    return [
        button
        for card in message.get("cardsV2", [{"card": message}])
        for section in card["card"]["sections"]
        for widget in section["widgets"]
        for button in widget.get("buttonList", {}).get("buttons", ())
    ]


@dataclass
class GoogleChatPeer:
    """`async with GoogleChatPeer() as google`: `google.api` is its base URL. What was sent lies in
    `messages`, by space and id; `calls` are (method, path, query, body) in order."""

    people: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {who: person(who) for who in (DANA, LEE)}
    )
    dms: dict[str, str] = field(default_factory=lambda: {DANA: "dmDana", LEE: "dmLee"})
    """Who has opened the app, and where."""
    rooms: set[str] = field(default_factory=lambda: {ROOM})
    affiliation: str | None = "INTERNAL"
    addon: bool = False
    with_cards: bool = True
    """An event brings the cards of its message along."""
    alters: Callable[[str], str] | None = None
    """What becomes of each text that is stored."""
    messages: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    private: list[tuple[str, str, str]] = field(default_factory=list)
    """Space, text and user of what one person alone sees."""
    calls: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    fail: deque[web.Response] = field(default_factory=deque)
    """Answers to give instead, first come first served."""
    keys: list[SigningKey] = field(default_factory=lambda: [KEY])
    key_reads: int = 0
    tokens: int = 0
    live: dict[str, str] = field(default_factory=dict)
    """What the tokens that are good may be used for; each as a header has it."""
    away: bool = False
    """The endpoints of the keys and of the token give 503."""
    may_pull: bool = True
    queue: list[tuple[str, dict[str, Any] | bytes]] = field(default_factory=list)
    """What Pub/Sub still has: ack id and event."""
    taken: set[str] = field(default_factory=set)
    """Ack ids that were acknowledged."""
    pulling: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    base: str = ""
    _requests: dict[str, str] = field(default_factory=dict)
    _count: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def api(self) -> str:
        return f"{self.base}/"

    async def __aenter__(self) -> GoogleChatPeer:
        app = web.Application(client_max_size=10**6)
        app.router.add_post("/token", self._sign_in)
        app.router.add_get("/certs", self._certs)
        app.router.add_get("/jwks", self._jwks)
        app.router.add_get("/v1/spaces", self._spaces)
        app.router.add_get("/v1/spaces:findDirectMessage", self._find)
        app.router.add_get("/v1/spaces/{space}/members/{who}", self._member)
        app.router.add_post("/v1/spaces/{space}/messages", self._create)
        app.router.add_patch("/v1/spaces/{space}/messages/{id}", self._patch)
        app.router.add_get("/v1/spaces/{space}/messages/{id}", self._get)
        app.router.add_post("/v1/projects/{project}/subscriptions/{rest}", self._pubsub)
        self._runner, self.base = await started(app)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        """Answer the next call with this."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        code = {429: "RESOURCE_EXHAUSTED", 403: "PERMISSION_DENIED"}.get(status, "UNAVAILABLE")
        self.fail.append(self.error(status, code, headers=headers))

    @staticmethod
    def error(status: int, code: str, reason: str = "", **more: Any) -> web.Response:
        """https://cloud.google.com/apis/design/errors#error_model"""
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}
        details = [{**info, "domain": "googleapis.com"}] if reason else []
        said = {"code": status, "message": "No.", "status": code, "details": details}
        return web.json_response({"error": said}, status=status, **more)

    async def _sign_in(self, request: web.Request) -> web.Response:
        """https://developers.google.com/identity/protocols/oauth2/service-account#httprest"""
        if self.away:
            return web.Response(status=503)
        form = await request.post()
        refused = web.json_response({"error": "invalid_grant"}, status=400)
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        try:
            said = str(form["assertion"])
            assert jwt.get_unverified_header(said)["kid"] == OURS.kid
            audience = "https://oauth2.googleapis.com/token"
            claims = jwt.decode(said, OURS.private.public_key(), ["RS256"], audience=audience)
        except (jwt.PyJWTError, KeyError, AssertionError):
            return refused
        known = {CHAT_SCOPE, PUBSUB_SCOPE}
        if claims["iss"] != MAIL or claims["exp"] - claims["iat"] > 3600:
            return refused
        if not set(claims["scope"].split()) <= known:
            return web.json_response({"error": "invalid_scope"}, status=400)
        self.tokens += 1
        self.live[f"Bearer ya29.{self.tokens}"] = claims["scope"]
        body = {"access_token": f"ya29.{self.tokens}", "expires_in": 3599, "token_type": "Bearer"}
        return web.json_response(body)

    async def _certs(self, request: web.Request) -> web.Response:
        self.key_reads += 1
        if self.away:
            return web.Response(status=503)
        return web.json_response({key.kid: key.certificate() for key in self.keys})

    async def _jwks(self, request: web.Request) -> web.Response:
        self.key_reads += 1
        if self.away:
            return web.Response(status=503)
        return web.json_response({"keys": [key.jwk() for key in self.keys]})

    async def _heard(self, request: web.Request) -> tuple[Any, web.Response | None]:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        self.calls.append((request.method, request.path, dict(request.query), body))
        self.heard.set()
        if self.fail:
            return body, self.fail.popleft()
        if (scopes := self.live.get(request.headers.get("Authorization", ""))) is None:
            return body, self.error(401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED")
        where = request.match_info.get("space")
        if where and where not in (*self.rooms, *self.dms.values()):
            return body, self.error(403, "PERMISSION_DENIED")
        needed = PUBSUB_SCOPE if request.path.startswith("/v1/projects") else CHAT_SCOPE
        if needed not in scopes.split():
            return body, self.error(403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        return body, None

    async def _spaces(self, request: web.Request) -> web.Response:
        _, wrong = await self._heard(request)
        return wrong or web.json_response({"spaces": [space(name) for name in self.rooms]})

    async def _find(self, request: web.Request) -> web.Response:
        _, wrong = await self._heard(request)
        if wrong:
            return wrong
        # By the id alone: an address is for who is signed in as a user.
        found = re.fullmatch("users/([0-9]+)", request.query["name"])
        if found is None:
            return self.error(400, "INVALID_ARGUMENT")
        where = self.dms.get(found[1])
        return web.json_response(space(where)) if where else self.error(404, "NOT_FOUND")

    async def _member(self, request: web.Request) -> web.Response:
        _, wrong = await self._heard(request)
        who = request.match_info["who"]
        if wrong or who not in self.people:
            return wrong or self.error(404, "NOT_FOUND")
        # To an app Google names no address.
        one = {name: item for name, item in self.people[who].items() if name != "email"}
        member = {
            "name": f"spaces/{request.match_info['space']}/members/{who}",
            "state": "JOINED",
            "role": "ROLE_MEMBER",
            "member": one,
        } | ({"affiliation": self.affiliation} if self.affiliation else {})
        fits("Membership", member)
        return web.json_response(member)

    def _stored(self, where: str, id_: str, body: Any) -> dict[str, Any]:
        """As Google stores it and gives it back: its own fields come in, what is for input only
        goes."""

        def kept(node: Any, name: str = "") -> Any:
            if isinstance(node, list):
                return [kept(item) for item in node]
            if isinstance(node, dict):
                return {key: kept(item, key) for key, item in node.items()}
            return self.alters(node) if self.alters and name == "text" else node

        shown = {x: kept(body[x], x) for x in ("text", "cardsV2", "fallbackText") if body.get(x)}
        own = {
            "name": f"spaces/{where}/messages/{id_}",
            "sender": {"name": f"users/{APP}", "displayName": "Countersign", "type": "BOT"},
            "createTime": "2026-01-02T03:55:30.123456Z",
            "space": {"name": f"spaces/{where}"},
            "thread": {"name": f"spaces/{where}/threads/{id_.partition('.')[0]}"},
        }
        return own | shown

    async def _create(self, request: web.Request) -> web.Response:
        body, wrong = await self._heard(request)
        if wrong:
            return wrong
        where, once = request.match_info["space"], request.query.get("requestId", "")
        notify = request.query.get("createMessageNotificationOptions.notificationType")
        kinds = ("NONE", "FORCE_NOTIFY", "SILENT")
        if notify is not None and notify not in {f"NOTIFICATION_TYPE_{one}" for one in kinds}:
            return self.error(400, "INVALID_ARGUMENT")
        try:
            checked(body)
        except (ValueError, KeyError, TypeError, AssertionError):
            return self.error(400, "INVALID_ARGUMENT")
        if viewer := body.get("privateMessageViewer"):
            self.private.append((where, body["text"], viewer["name"]))
            self.heard.set()
        if once and once in self._requests:
            return web.json_response(self.messages[where, self._requests[once]])
        number = next(self._count)
        id_ = f"A6woZAHrIjs.{number:011d}"
        self._requests[once] = id_
        self.messages[where, id_] = self._stored(where, id_, body)
        return web.json_response(self.messages[where, id_])

    async def _patch(self, request: web.Request) -> web.Response:
        body, wrong = await self._heard(request)
        where = request.match_info["space"], request.match_info["id"]
        if wrong or where not in self.messages:
            return wrong or self.error(404, "NOT_FOUND")
        mask = request.query.get("updateMask", "").split(",")
        if not set(mask) <= {"text", "attachment", "cards", "cardsV2", "accessoryWidgets"}:
            return self.error(400, "INVALID_ARGUMENT")
        try:
            checked(body)
        except (ValueError, KeyError, TypeError, AssertionError):
            return self.error(400, "INVALID_ARGUMENT")
        new = self._stored(*where, {name: body.get(name) for name in mask})
        old = {x: item for x, item in self.messages[where].items() if x not in mask}
        self.messages[where] = old | {name: new[name] for name in mask if name in new}
        return web.json_response(self.messages[where])

    async def _get(self, request: web.Request) -> web.Response:
        _, wrong = await self._heard(request)
        where = request.match_info["space"], request.match_info["id"]
        if wrong or where not in self.messages:
            return wrong or self.error(404, "NOT_FOUND")
        return web.json_response(self.messages[where])

    async def _pubsub(self, request: web.Request) -> web.Response:
        body, wrong = await self._heard(request)
        if wrong:
            return wrong
        verb = request.path.rpartition(":")[2]
        if verb == "testIamPermissions":
            asked = body["permissions"] if self.may_pull else []
            return web.json_response({"permissions": asked} if asked else {})
        if verb == "acknowledge":
            self.taken |= set(body["ackIds"])
            self.queue = [one for one in self.queue if one[0] not in self.taken]
            return web.json_response({})
        assert verb == "pull"
        if not self.may_pull:
            return self.error(403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED")
        self.pulling.set()
        while not self.queue:  # it waits for something to come
            self.arrived.clear()
            await self.arrived.wait()
        found = [
            {
                "ackId": ack,
                "message": {
                    "data": b64encode(
                        sent if isinstance(sent, bytes) else json.dumps(sent).encode()
                    ).decode(),
                    "messageId": ack,
                    "publishTime": "2026-01-02T03:55:30.5Z",
                },
            }
            for ack, sent in self.queue[: body["maxMessages"]]
        ]
        return web.json_response({"receivedMessages": found})

    def publish(self, event: dict[str, Any] | bytes) -> str:
        """Something comes by Pub/Sub; its ack id."""
        ack = f"ack{next(self._count)}"
        self.queue.append((ack, event))
        self.arrived.set()
        return ack

    def press(self, where: str, id_: str, label: str, who: str = DANA, **user: Any) -> Any:
        """The event of a press on this button of this card."""
        message = self.messages[where, id_]
        (button,) = [one for one in buttons(message) if one["text"] == label]
        if not self.with_cards:
            message = {name: item for name, item in message.items() if name != "cardsV2"}
        action = button["onClick"]["action"]
        kind = "REQUEST_DIALOG" if action.get("interaction") == "OPEN_DIALOG" else ""
        return self.event(where, action, message, person(who, **user), kind, {})

    def submit(
        self, where: str, id_: str, dialog: Any, who: str = DANA, **given: str | None
    ) -> Any:
        """The event of a press on a dialog's button, with what was entered."""
        drawn(dialog)
        (button,) = buttons(dialog)
        inputs = {
            name: {"stringInputs": {"value": [text]}}
            for name, text in given.items()
            if text is not None
        }
        message = self.messages[where, id_]
        action = button["onClick"]["action"]
        return self.event(where, action, message, person(who), "SUBMIT_DIALOG", inputs)

    def event(
        self, where: str, action: Any, message: Any, user: Any, kind: str, inputs: Any
    ) -> dict[str, Any]:
        at = f"2026-01-02T03:55:30.{next(self._count):06d}Z"
        message = {**message, "space": space(where)}
        dialog = {"isDialogEvent": True, "dialogEventType": kind} if kind else {}
        given = {one["key"]: one["value"] for one in action["parameters"]}
        common = {"userLocale": "en", "hostApp": "CHAT", "parameters": given}
        common |= {"formInputs": inputs} if inputs else {}
        if self.addon:
            assert action["function"] == ENDPOINT
            clicked = {"space": space(where), "message": message, **dialog}
            chat = {"user": user, "eventTime": at, "buttonClickedPayload": clicked}
            return {"commonEventObject": {**common, "platform": "WEB"}, "chat": chat}
        assert not action["function"].startswith("http")
        form = {"actionMethodName": action["function"], "parameters": action["parameters"]}
        event = {
            "type": "CARD_CLICKED",
            "eventTime": at,
            "user": user,
            "space": space(where),
            "message": message,
            "action": form,
            "common": {**common, "invokedFunction": action["function"]},
            **dialog,
        }
        fits("DeprecatedEvent", event)
        return event

    def wrote(self, where: str, text: str, who: str = DANA, **user: Any) -> dict[str, Any]:
        """The event of what somebody wrote, to the app alone or in a room where it was named."""
        number = next(self._count)
        return written(text, where, person(who, **user), f"W{number}.W{number}", self.addon)


def written(text: str, where: str, user: Any, id_: str, addon: bool = False) -> dict[str, Any]:
    at = "2026-01-02T03:55:28.751807Z"
    message = {
        "name": f"spaces/{where}/messages/{id_}",
        "sender": user,
        "createTime": at,
        "text": text,
        "thread": {"name": f"spaces/{where}/threads/{id_.partition('.')[0]}"},
        "space": space(where),
    }
    if addon:
        payload = {"space": space(where), "message": message}
        chat = {"user": user, "eventTime": at, "messagePayload": payload}
        return {"commonEventObject": {"userLocale": "en", "hostApp": "CHAT"}, "chat": chat}
    whole = {"type": "MESSAGE", "eventTime": at, "user": user, "space": space(where)}
    return whole | {"message": message}


def answered(body: bytes, *, addon: bool) -> tuple[str, Any]:
    """What this answer does: ("message", text and viewer), ("dialog", card), ("closed", word) or
    ("nothing", None). `AssertionError`, `ValueError`: no answer of the documentation."""
    said = json.loads(body or b"{}")
    if not said:
        return "nothing", None
    if not addon:
        # https://developers.google.com/workspace/chat/dialogs
        fits("Message", said)
        way = said["actionResponse"]["type"]
        if way == "NEW_MESSAGE":
            checked(said)
            return "message", (said["text"], said.get("privateMessageViewer", {}).get("name"))
        assert way == "DIALOG"
        inner = said["actionResponse"]["dialogAction"]
        assert len(inner) == 1
        if "dialog" in inner:
            drawn(inner["dialog"]["body"])
            return "dialog", inner["dialog"]["body"]
        assert inner["actionStatus"]["statusCode"] == "OK"
        return "closed", inner["actionStatus"]["userFacingMessage"]
    # https://developers.google.com/workspace/add-ons/chat/dialogs, .../send-messages
    match said:
        case {"hostAppDataAction": {"chatDataAction": {"createMessageAction": {"message": new}}}}:
            checked(new)
            return "message", (new["text"], new.get("privateMessageViewer", {}).get("name"))
        case {"action": {"navigations": [{"pushCard": card}]}}:
            drawn(card)
            return "dialog", card
        case {
            "action": {
                "navigations": [{"endNavigation": {"action": "CLOSE_DIALOG"}}],
                "notification": {"text": str(word)},
            }
        }:
            return "closed", word
    raise ValueError("no answer of an add-on")


def fixture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())["body"]
    return found


def make(api: str, *, keys: tuple[SigningKey, ...] = (KEY,), **more: Any) -> GoogleChat:
    """The adapter against that base URL, with these keys read already."""
    addon = more.get("app") == "addon"
    given = {
        "service_account": ACCOUNT,
        "project_number": PROJECT,
        "domains": (DOMAIN,),
        "api_url": api,
        "token_url": f"{api}token",
        "keys_url": f"{api}{'jwks' if addon else 'certs'}",
        "pubsub_url": api,
        "endpoint_url": ENDPOINT if addon else "",
        "subscription": SUBSCRIPTION if more.get("mode") == "pubsub" else "",
        **more,
    }
    made = GoogleChat(**{"render": template("google_chat"), **given})
    if keys:
        made.signers.trust({"keys": [key.jwk() for key in keys]}, 1_767_326_130_000)
    return made


def unknown(at: int) -> tuple[Inbound, ...]:
    good = fixture("card_clicked")
    other: list[dict[str, Any]] = [
        {"type": None, "message": None, "space": None, "user": None},
        {"user": None},
        {"user": {}},
        {"user": {"name": "users/", "type": "HUMAN"}},
        {"user": {"name": 7, "type": "HUMAN"}},
        {"space": None},
        {"space": {"name": "spaces/"}},
        {"space": {"name": 7}},
        {"space": {"name": "spaces/Other", "type": "ROOM"}},
        {"message": None},
        {"message": {"name": "spaces/x"}},
        {"message": {"name": ["spaces/x"]}},
        {"eventTime": None},
        {"eventTime": 7},
        {"common": {"parameters": ["token"]}},
    ]
    changed = [deepcopy({**good, **one}) for one in other]
    changed[0]["type"] = "CARD_CLICKED"
    bare = {name: item for name, item in good.items() if name != "type"}
    form = deepcopy(good)
    form["common"] = {
        "parameters": {"declines": "Q" * 20},
        "formInputs": {"reason": {"stringInputs": {"value": [7]}}},
    }
    return tuple(
        delivery(one, at, token(at)) for one in (*changed, bare, form, b"", b"[]", b"\xff")
    )


def foreign(at: int) -> tuple[Inbound, ...]:
    good = fixture("card_clicked")
    given: list[dict[str, str]] = [{}, {"dish": "soup"}, {"token": "soup"}, {"token": ""}]
    given.append({"declines": "soup"})
    pressed = [{**good, "common": {**good["common"], "parameters": one}} for one in given]
    closed = {**good, "isDialogEvent": True, "dialogEventType": "CANCEL_DIALOG"}
    kinds = ("ADDED_TO_SPACE", "REMOVED_FROM_SPACE", "WIDGET_UPDATED", "APP_COMMAND")
    others = [{**good, "type": kind} for kind in kinds]
    return tuple(delivery(one, at) for one in (*pressed, closed, *others))


def nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for item in node for found in nodes(item)]
    if isinstance(node, dict):
        return [node, *(found for item in node.values() for found in nodes(item))]
    return []


OWN: Final = re.compile(r'</?[bi]>|<font color="#[0-9a-f]{6}">|</font>')
"""The tags of our own template, which `test_google_chat` counts."""


def parsed(payload: Payload) -> list[str]:
    """Where Google reads HTML, without the tags of our own template."""
    texts = [
        node["textParagraph"]["text"]
        for node in nodes(payload["message"]["cardsV2"])
        if "textParagraph" in node
    ]
    return [OWN.sub("", text) for text in texts]


def links(payload: Payload) -> list[str]:
    """Every address that can be followed."""
    found = [node["url"] for node in nodes(payload) if "url" in node]
    return found + [link for text in parsed(payload) for link in re.findall("<a [^>]*>", text)]


KIT: Final = Kit(
    name="google_chat",
    make=make,
    tap=lambda at: delivery(fixture("card_clicked"), at),
    proofs=("authorization",),
    stale=3_660_000,
    unknown=unknown,
    foreign=foreign,
    peer=GoogleChatPeer,
    address=Address("google_chat", ROOM),
    parsed=parsed,
    links=links,
    secrets=(PEM, PEM.split("\n")[3], token(1_767_326_130_000)),
    signs_body=False,
    by_conversation=True,
    write=lambda at, text: delivery(written(text, "dmDana", person(), "W1.W1"), at),
    overheard=lambda at, text: delivery(written(text, ROOM, person(), "W2.W2"), at),
)


def _pressed(peer: GoogleChatPeer, digest: str, at: int) -> Inbound:
    return delivery(peer.press(*says(digest, peer.messages), "Approve"), at)


SEAT: Final = Seat(account=DANA, messages=lambda peer: peer.messages.values(), press=_pressed)
