"""A stand-in for Microsoft Teams, written from its documentation: the Bot Connector, the endpoints
of its keys, and Microsoft Entra's token endpoint; presses, signed as Microsoft signs them.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference,
https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication.
It signs with PyJWT, which nothing under test uses.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import deque
from copy import deepcopy
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from adapters.teams.adapter import Teams
from approvals.model import Address
from approvals.port import Inbound, Payload
from tests.harness.channel_contract import ROOT, Kit, Seat, says, template
from tests.peers.loopback import started

FIXTURES: Final = ROOT / "tests/fixtures/teams"
APP: Final = "5b6c1c0e-7f6d-4bd6-9a31-3f6d2f0f1c55"
TENANT: Final = "8a2c1c0e-5f6d-4bd6-9a31-3f6d2f0f1c55"
SECRET: Final = "9Qz8Q~not-a-real-secret-of-any-app_aB3dE"
DANA: Final = "0d2ba6d4-9c54-4f3c-8b4e-6f2f3f1a9b10"
ROOM: Final = "19:5e1f0c8a@thread.tacv2"
SERVICE: Final = f"https://smba.trafficmanager.net/amer/{TENANT}/"
KIND: Final = "application/vnd.microsoft.card.adaptive"
MOST: Final = 28 * 1024
"""Bytes of an activity that even the oldest page of the documentation allows."""


@dataclass(frozen=True)
class SigningKey:
    """A key of Microsoft's, as published and as it signs."""

    kid: str
    private: RSAPrivateKey = field(
        default_factory=lambda: generate_private_key(65537, 2048), repr=False
    )
    endorsements: tuple[str, ...] = ("msteams", "webchat")

    def jwk(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key()))
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": public["n"],
            "e": public["e"],
            "endorsements": list(self.endorsements),
        }


KEY: Final = SigningKey("GCxArwyt0Q3sSPxHcnwLhNmcRUU")
STRANGE: Final = SigningKey("GCxArwyt0Q3sSPxHcnwLhNmcRUU")
"""Another private key under the same name: a forger's."""
UNENDORSED: Final = SigningKey("unendorsed", endorsements=("skype",))


def token(at: int, key: SigningKey = KEY, **claims: Any) -> str:
    """A bearer token of `at` (milliseconds). A claim None is left out."""
    now = at // 1000
    said = {
        "serviceurl": SERVICE,
        "nbf": now - 300,
        "exp": now + 3600,
        "iss": "https://api.botframework.com",
        "aud": APP,
        **claims,
    }
    kept = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(kept, key.private, "RS256", {"kid": key.kid, "x5t": key.kid})


def delivery(activity: Any, at: int | None = None, bearer: str | None = None) -> Inbound:
    """A delivery of this activity at `at`, with Microsoft's token or another."""
    at = int(time.time() * 1000) if at is None else at
    if bearer is None:
        service = activity.get("serviceUrl", SERVICE) if isinstance(activity, dict) else SERVICE
        bearer = token(at, serviceurl=service)
    headers = {
        "authorization": f"Bearer {bearer}",
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Microsoft-SkypeBotApi (Microsoft-BotFramework/3.0)",
    }
    body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
    return Inbound("POST", "/channels/teams/events", "", headers, body, at)


def member(who: str, **other: Any) -> dict[str, Any]:
    """A member of a conversation, as `…/members/{id}` answers."""
    return {
        "id": f"29:{who}",
        "name": "Dana",
        "objectId": who,
        "aadObjectId": who,
        "givenName": "Dana",
        "surname": "D",
        "email": "dana@example.com",
        "userPrincipalName": "dana@example.com",
        "tenantId": TENANT,
        "userRole": "user",
        **other,
    }


def buttons(card: Any) -> list[dict[str, Any]]:
    """The actions of a card, where they may stand, and for one that opens a card its own."""
    found: list[dict[str, Any]] = []
    for block in card.get("body", []):
        if block["type"] == "ActionSet":
            found += block["actions"]
    return [
        one
        for action in found + card.get("actions", [])
        for one in (buttons(action["card"]) if action["type"] == "Action.ShowCard" else [action])
    ]


@dataclass
class TeamsPeer:
    """`async with TeamsPeer() as teams`: `teams.api` is its base URL. What was sent lies in
    `messages`, by conversation and id; `calls` are (method, path, token, body) in order."""

    people: dict[str, dict[str, Any]] = field(default_factory=lambda: {DANA: member(DANA)})
    rooms: set[str] = field(default_factory=lambda: {ROOM})
    elsewhere: set[str] = field(default_factory=set)
    """Who is not a member of the room."""
    messages: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    faces: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    """What a client shows instead of a message's card, to whom: gone when the message changes."""
    calls: list[tuple[str, str, str, Any]] = field(default_factory=list)
    keys: list[SigningKey] = field(default_factory=lambda: [KEY])
    fail: deque[web.Response] = field(default_factory=deque)
    """Answers to give instead, first come first served."""
    jwks_uri: str = ""
    key_reads: int = 0
    tokens: int = 0
    away: bool = False
    refusal: str = ""
    """The error with which Entra refuses the app."""
    """The endpoints of the keys and of the token give 503."""
    signing: asyncio.Event | None = None
    """The answer to a sign-in waits for this."""
    base: str = ""
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event | None = None
    """What is sent arrives, and its answer waits for this."""
    _count: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def api(self) -> str:
        return f"{self.base}/"

    @property
    def service(self) -> str:
        return f"{self.base}/amer/"

    async def __aenter__(self) -> TeamsPeer:
        app = web.Application(client_max_size=10**6)
        app.router.add_get("/v1/.well-known/openidconfiguration", self._openid)
        app.router.add_get("/v1/.well-known/keys", self._keys)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._sign_in)
        v3 = "/{region}/v3/conversations"
        app.router.add_post(v3, self._create)
        app.router.add_get(v3 + "/{room}/members/{who}", self._member)
        app.router.add_post(v3 + "/{room}/activities", self._send)
        app.router.add_put(v3 + "/{room}/activities/{id}", self._send)
        self._runner, self.base = await started(app)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        """Answer the next call with this."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.fail.append(self._error(status, "TooManyRequests", headers=headers))

    @staticmethod
    def _error(status: int, code: str, message: str = "", **more: Any) -> web.Response:
        error = {"error": {"code": code, "message": message}}
        return web.json_response(error, status=status, **more)

    async def _openid(self, request: web.Request) -> web.Response:
        if self.away:
            return web.Response(status=503)
        return web.json_response(
            {
                "issuer": "https://api.botframework.com",
                "jwks_uri": self.jwks_uri or f"{self.base}/v1/.well-known/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _keys(self, request: web.Request) -> web.Response:
        self.key_reads += 1
        return web.json_response({"keys": [key.jwk() for key in self.keys]})

    async def _sign_in(self, request: web.Request) -> web.Response:
        self.tokens += 1
        form = dict(await request.post())
        if self.signing is not None:
            await self.signing.wait()
        if self.away:
            return web.Response(status=503)
        wanted = {
            "grant_type": "client_credentials",
            "client_id": APP,
            "client_secret": SECRET,
            "scope": "https://api.botframework.com/.default",
        }
        if self.refusal:
            return web.json_response({"error": self.refusal}, status=400)
        if form != wanted or request.match_info["tenant"] != TENANT:
            return web.json_response({"error": "invalid_client"}, status=401)
        body = {"token_type": "Bearer", "expires_in": 3599, "access_token": f"eyJ.{self.tokens}"}
        return web.json_response(body)

    async def _heard(self, request: web.Request) -> tuple[Any, web.Response | None]:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.calls.append((request.method, request.path, bearer, body))
        self.heard.set()
        if self.fail:
            return body, self.fail.popleft()
        if bearer != f"eyJ.{self.tokens}":
            return body, self._error(401, "BotNotRegistered", "Authorization has been denied")
        if len(raw) > MOST:
            return body, self._error(413, "MessageSizeTooBig")
        return body, None

    async def _create(self, request: web.Request) -> web.Response:
        body, wrong = await self._heard(request)
        if wrong:
            return wrong
        if body.get("tenantId") != TENANT:
            return self._error(400, "BadSyntax", "Could not parse tenant id")
        (one,) = body["members"]
        if body["isGroup"] or one["id"] not in self.people:
            return self._error(400, "BadSyntax", "Invalid user identity in provided tenant")
        room = f"a:1{one['id'][:8]}"
        self.rooms.add(room)
        return web.json_response({"id": room}, status=201)

    async def _member(self, request: web.Request) -> web.Response:
        _, wrong = await self._heard(request)
        found = self.people.get(request.match_info["who"])
        if request.match_info["room"] == ROOM and request.match_info["who"] in self.elsewhere:
            found = None
        if wrong or found is None:
            return wrong or self._error(404, "MemberNotFoundInConversation")
        return web.json_response(found)

    async def _send(self, request: web.Request) -> web.Response:
        body, wrong = await self._heard(request)
        if wrong:
            return wrong
        room, id_ = request.match_info["room"], request.match_info.get("id")
        if room not in self.rooms:
            return self._error(403, "BotNotInConversationRoster", "The bot is not there.")
        if id_ and (room, id_) not in self.messages:
            return self._error(404, "ActivityNotFoundInConversation")
        if body["type"] != "message" or not (body.get("attachments") or body.get("text")):
            return self._error(400, "BadSyntax", "Empty message")
        for hung in body.get("attachments", []):
            if hung["contentType"] != KIND or hung["content"]["type"] != "AdaptiveCard":
                return self._error(400, "BadArgument", "Unknown attachment type")
            if len(hung["content"].get("refresh", {}).get("userIds", [])) > 60:
                return self._error(400, "BadArgument", "refresh.userIds")
        id_ = id_ or str(1767326126000 + next(self._count))
        self.messages[room, id_] = body
        self.heard.set()
        if self.held is not None:
            await self.held.wait()
        for who in [key for key in self.faces if key[:2] == (room, id_)]:
            del self.faces[who]
        return web.json_response({"id": id_}, status=200 if request.method == "PUT" else 201)

    def card(self, room: str, id_: str) -> dict[str, Any]:
        """The Adaptive Card of a message as it stands there now."""
        (hung,) = self.messages[room, id_]["attachments"]
        card: dict[str, Any] = hung["content"]
        return card

    def looks(self, room: str, id_: str) -> list[str]:
        """Whose clients ask by themselves what to show of this card, when it is sent or changes."""
        listed = self.card(room, id_).get("refresh", {}).get("userIds", [])
        return [person["aadObjectId"] for person in self.people.values() if person["id"] in listed]

    def look(
        self, room: str, id_: str, who: str = DANA, *, by_hand: bool = False, **other: Any
    ) -> dict[str, Any]:
        """The activity of this person's client that asks for a face of its own: by itself, or since
        they chose "Refresh card" in the card's menu."""
        action = self.card(room, id_)["refresh"]["action"]
        value = {
            "action": {"type": "Action.Execute", "id": "", **action},
            "trigger": "manual" if by_hand else "automatic",
        }
        return self.activity(room, id_, who, name="adaptiveCard/action", value=value, **other)

    def seen(self, room: str, id_: str, who: str) -> dict[str, Any]:
        """The card as this person's client shows it now."""
        return self.faces.get((room, id_, who)) or self.card(room, id_)

    def answered(self, room: str, id_: str, who: str, answer: dict[str, Any]) -> None:
        """What an invoke was answered: a card is shown to this person from now on."""
        assert answer["statusCode"] == 200
        if answer["type"] == KIND:
            assert answer["value"]["type"] == "AdaptiveCard"
            self.faces[room, id_, who] = answer["value"]

    def press(
        self,
        room: str,
        id_: str,
        title: str,
        who: str = DANA,
        reason: str = "",
        ready: str | None = None,
        **other: Any,
    ) -> dict[str, Any]:
        """The activity that Teams makes of a press on a button of this card as they see it."""
        (action,) = [one for one in buttons(self.seen(room, id_, who)) if one["title"] == title]
        data = dict(action["data"])
        if action.get("associatedInputs") != "none":
            data["reason"] = reason
            data |= {} if ready is None else {"ready": ready}
        value = {
            "action": {"type": "Action.Execute", "id": "", "verb": action["verb"], "data": data},
            "trigger": "manual",
        }
        return self.activity(room, id_, who, name="adaptiveCard/action", value=value, **other)

    def activity(
        self, room: str, id_: str, who: str = DANA, *, type: str = "invoke", **other: Any
    ) -> dict[str, Any]:
        personal = room.startswith("a:")
        return {
            "type": type,
            "id": f"f:{next(self._count)}",
            "channelId": "msteams",
            "serviceUrl": self.service,
            "from": {"id": f"29:{who}", "name": "Dana", "aadObjectId": who},
            "conversation": {
                "id": room if personal else f"{room};messageid={id_}",
                "conversationType": "personal" if personal else "channel",
                "tenantId": TENANT,
            },
            "recipient": {"id": f"28:{APP}", "name": "Countersign"},
            "channelData": {"tenant": {"id": TENANT}},
            "replyToId": id_,
            **other,
        }


def fixture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())["body"]
    return found


def make(api: str, *, keys: tuple[SigningKey, ...] = (KEY,), **more: Any) -> Teams:
    """The adapter against that base URL, with these keys read already."""
    urls = {
        "service_url": f"{api}amer/",
        "login_url": api,
        "openid_url": f"{api}v1/.well-known/openidconfiguration",
    }
    given = {"app_id": APP, "tenant_id": TENANT, "app_secret": SECRET, **urls, **more}
    made = Teams(**{"render": template("teams"), **given})
    if keys:
        made.signers.trust({"keys": [key.jwk() for key in keys]}, 1_767_326_130_000)
    return made


def written(text: str, **other: Any) -> dict[str, Any]:
    """What Teams makes of this text, written to the bot in a personal chat."""
    html = f"<p>{escape(text)}</p>"
    hung = [{"contentType": "text/html", "content": html}]
    return {**fixture("written"), "text": text, "attachments": hung, **other}


def mentioned(text: str, **other: Any) -> dict[str, Any]:
    """The same in a channel, where everybody reads it."""
    return {**fixture("mentioned"), "text": f"<at>Countersign</at>&nbsp;{text}", **other}


def unknown(at: int) -> tuple[Inbound, ...]:
    good = fixture("execute")
    value, action = good["value"], good["value"]["action"]
    other: list[dict[str, Any]] = [
        {"value": None},
        {"value": {}},
        {"value": "approve"},
        {"value": {**value, "action": None}},
        {"value": {**value, "action": {**action, "data": {"token": "Q" * 20, "reason": [1]}}}},
        {"from": None},
        {"from": {}},
        {"from": {"aadObjectId": 7}},
        {"conversation": {}},
        {"conversation": {"id": 7, "tenantId": TENANT}},
        {"conversation": {"id": "a:1", "tenantId": ["x"]}},
        {"channelData": "x"},
        {"id": None},
        {"replyToId": None},
        {"type": None, "name": []},
    ]
    changed = [deepcopy({**good, **one}) for one in other]
    changed[-1]["type"] = "invoke"
    changed[-1]["name"] = "adaptiveCard/action"
    changed[-1]["value"] = []
    bare = {name: item for name, item in good.items() if name != "type"}
    return tuple(delivery(one, at) for one in (*changed, bare))


def foreign(at: int) -> tuple[Inbound, ...]:
    good = fixture("execute")
    value, action = good["value"], good["value"]["action"]
    soup = {"token": "soup"}
    data: list[Any] = [None, {}, {"dish": "soup"}, {"token": 7}, {"token": ["Q" * 20]}, soup]
    pressed = [{**good, "value": {**value, "action": {**action, "data": one}}} for one in data]
    others = (
        {"name": "task/fetch", "value": {"data": {"dish": "soup"}}},
        {"name": "composeExtension/query"},
    )
    return tuple(delivery(one, at) for one in (*pressed, *({**good, **one} for one in others)))


def _nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for item in node for found in _nodes(item)]
    if isinstance(node, dict):
        return [node, *(found for item in node.values() for found in _nodes(item))]
    return []


def _parsed(payload: Payload) -> list[str]:
    """Where Teams reads markdown: everything but TextRuns."""
    names = ("text", "title", "label", "value", "summary", "fallbackText", "errorMessage")
    return [
        node[name]
        for node in _nodes(payload)
        if node.get("type") != "TextRun"
        for name in names
        if isinstance(node.get(name), str)
    ]


KIT: Final = Kit(
    name="teams",
    foreign=foreign,
    make=make,
    tap=lambda at: delivery(fixture("execute"), at),
    proofs=("authorization",),
    stale=3_900_000,
    unknown=unknown,
    peer=TeamsPeer,
    address=Address("teams", ROOM),
    parsed=_parsed,
    links=lambda payload: [node["url"] for node in _nodes(payload) if "url" in node],
    secrets=(SECRET, token(1_767_326_130_000)),
    signs_body=False,
    write=lambda at, text: delivery(written(text), at),
    overheard=lambda at, text: delivery(mentioned(text), at),
)


def _pressed(peer: TeamsPeer, digest: str, at: int) -> Inbound:
    return delivery(peer.press(*says(digest, peer.messages), "Approve", DANA), at)


SEAT: Final = Seat(account=DANA, messages=lambda peer: peer.messages.values(), press=_pressed)
