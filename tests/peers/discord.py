"""A stand-in for Discord, written from its documentation: the REST calls that Countersign makes,
with their limits; presses and prompts as signed interactions or over a gateway.

https://docs.discord.com/developers: resources/message, components/reference, events/gateway,
interactions/receiving-and-responding. It shares no code with what is tested.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
import zlib
from collections import deque
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.discord.adapter import Discord
from approvals.model import Address
from approvals.port import Inbound, Payload
from tests.harness.channel_contract import ROOT, Kit, Seat, says, template

APP = "1457469483726668048"
BOT_TOKEN = "peer-discord-bot-token"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = KEY.public_key().public_bytes_raw().hex()
DANA, LEE, ROBOT = "1033044521375764530", "1033044521375764531", "1033044521375764532"
GUILD, ROOM = "1457468924290662599", "1457536551830421524"
FIXTURES = ROOT / "tests/fixtures/discord"


def person(id: str, **more: Any) -> dict[str, Any]:
    """https://docs.discord.com/developers/resources/user#user-object"""
    name = f"testuser{id[-4:]}"
    return {
        "id": id,
        "username": name,
        "discriminator": "0",
        "avatar": None,
        "global_name": None,
        **more,
    }


class Wrong(Exception):
    """What the API answers with an error: (status, code, message)."""


def faults(body: dict[str, Any]) -> list[str]:
    """What Discord would answer 50035 for, as paths."""
    found: list[str] = []

    def text(node: dict[str, Any], name: str, most: int, where: str, needed: bool = False) -> int:
        value = node.get(name)
        if value is None:
            if needed:
                found.append(f"{where}.{name}: required")
            return 0
        size = len(value.strip().encode("utf-16-le")) // 2
        if size > most or (needed and not size):
            found.append(f"{where}.{name}: {size} of {most}")
        return size

    text(body, "content", 2000, "")
    if body.get("allowed_mentions") != {"parse": []}:
        found.append("allowed_mentions: would ping")
    if len(str(body.get("nonce", ""))) > 25:
        found.append("nonce")
    total = 0
    if len(body.get("embeds", ())) > 10:
        found.append("embeds: 10")
    for number, embed in enumerate(body.get("embeds", ())):
        here = f"embeds.{number}"
        total += text(embed, "title", 256, here) + text(embed, "description", 4096, here)
        if not 0 <= embed.get("color", 0) <= 0xFFFFFF:
            found.append(f"{here}.color")
        if len(embed.get("fields", ())) > 25:
            found.append(f"{here}.fields: 25")
        for index, one in enumerate(embed.get("fields", ())):
            there = f"{here}.fields.{index}"
            total += text(one, "name", 256, there, True) + text(one, "value", 1024, there, True)
        total += text(embed.get("footer", {}), "text", 2048, f"{here}.footer", "footer" in embed)
    if total > 6000:
        found.append(f"embeds: {total} of 6000")
    rows, ids = body.get("components", []), list[str]()
    if len(rows) > 5:
        found.append("components: 5")
    for number, row in enumerate(rows):
        here = f"components.{number}"
        if row.get("type") != 1 or not 1 <= len(row.get("components", ())) <= 5:
            found.append(here)
        for index, one in enumerate(row.get("components", ())):
            there, link = f"{here}.components.{index}", one.get("style") == 5
            text(one, "label", 80, there, True)
            if one.get("type") != 2 or one.get("style") not in (1, 2, 3, 4, 5):
                found.append(there)
            text(one, "url" if link else "custom_id", 512 if link else 100, there, True)
            if ("custom_id" in one) == link or ("url" in one) != link:
                found.append(there)
            if link and not re.match(r"https?://[^/:]+\.[^/:]+", one["url"]):
                found.append(f"{there}.url: not a well formed URL")
            ids.append(one.get("custom_id", one.get("url", "")))
    if len(set(ids)) != len(ids):
        found.append("components: custom id cannot be duplicated")
    return found


def stored(body: dict[str, Any]) -> dict[str, Any]:
    """A message's content as it comes back: trimmed, with what Discord's store adds."""
    numbers = itertools.count(1)

    def component(node: dict[str, Any]) -> dict[str, Any]:
        inner = [component(one) for one in node.get("components", ())]
        return {"id": next(numbers), **node, **({"components": inner} if inner else {})}

    def trimmed(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: trimmed(node[name]) for name in reversed(node)}
        if isinstance(node, list):
            return [trimmed(one) for one in node]
        return node.strip() if isinstance(node, str) else node

    embeds = []
    for embed in trimmed(body.get("embeds", [])):
        added = [{"inline": False, **one} for one in embed.get("fields", ())]
        more = {"fields": added} if added else {}
        embeds.append({**embed, "type": "rich", "content_scan_version": 4, **more})
        if "fields" in embeds[-1] and not added:
            del embeds[-1]["fields"]
    return {
        "content": body.get("content", "").strip(),
        "embeds": embeds,
        "components": [component(one) for one in body.get("components", [])],
    }


@dataclass
class DiscordPeer:
    """`async with DiscordPeer() as discord`: `discord.api` is its base URL. What was sent lies in
    `messages` by (channel, id), answers to interactions in `answers`; `calls` are (method, path,
    body)."""

    users: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            **{id: person(id) for id in (DANA, LEE)},
            ROBOT: person(ROBOT, bot=True),
        }
    )
    rooms: dict[str, str | None] = field(default_factory=lambda: {ROOM: GUILD})
    """Channel -> its guild, None: a direct message."""
    closed: set[str] = field(default_factory=set)
    """Who takes no direct messages."""
    messages: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    fail: deque[web.Response] = field(default_factory=deque)
    """Answers to give instead, first come first served; logging in always works."""
    application: dict[str, Any] = field(default_factory=dict)
    commands: list[dict[str, Any]] = field(default_factory=list)
    """What was registered: of a name there is one."""
    sockets: list[Any] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    identified: list[dict[str, Any]] = field(default_factory=list)
    base: str = ""
    alters: Callable[[str], str] = str
    """What is made of what an embed says when it is stored."""
    _open: set[str] = field(default_factory=set)
    _nonces: dict[str, dict[str, Any]] = field(default_factory=dict)
    _count: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def api(self) -> str:
        return f"{self.base}/api/v10"

    @property
    def gateway(self) -> str:
        return f"{self.base.replace('http', 'ws')}/gateway"

    async def __aenter__(self) -> DiscordPeer:
        app = web.Application()
        app.router.add_route("*", "/api/v10/{path:.*}", self._rest)
        app.router.add_get("/gateway", self._gateway)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.base = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *error: object) -> None:
        for socket, _ in self.sockets:
            await socket.close()
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        """Answer the next call with this."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        body = {
            "message": "You are being rate limited.",
            "retry_after": retry_after,
            "global": False,
        }
        self.fail.append(self.said(body, status, **headers))

    def said(self, body: Any, status: int = 200, **headers: str) -> web.Response:
        heads = {"Content-Type": "application/json", "Date": formatdate(usegmt=True), **headers}
        return web.Response(body=json.dumps(body).encode(), status=status, headers=heads)

    def refusal(self, status: int, code: int) -> web.Response:
        return self.said({"message": "refused", "code": code}, status)

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        method, path = request.method, request.match_info["path"]
        raw = await request.read()
        body = json.loads(raw) if raw else None
        login = (method, path) == ("GET", "users/@me")
        if not login:
            self.calls.append((method, path, body))
            if self.fail:
                return self.fail.popleft()
        proven = request.headers.get("Authorization") == f"Bot {BOT_TOKEN}"
        if not (proven or path.startswith("interactions/")):
            return self.said({"message": "401: Unauthorized", "code": 0}, 401)
        for form, handler in self._routes().items():
            if found := re.fullmatch(form, f"{method} {path}"):
                try:
                    result = handler(body, *found.groups())
                except Wrong as why:
                    status, code, message = why.args
                    return self.said({"message": message, "code": code}, status)
                if result is None:
                    return web.Response(status=204)
                return self.said(result)
        return self.said({"message": "404: Not Found", "code": 0}, 404)

    def _routes(self) -> dict[str, Any]:
        return {
            "GET users/@me": lambda body: person(APP, bot=True),
            "GET (?:oauth2/)?applications/@me": lambda body: self._application(),
            f"GET applications/{APP}/commands": lambda body: self.commands,
            f"POST applications/{APP}/commands": self._register,
            "GET users/([0-9]+)": self._user,
            "POST users/@me/channels": self._direct,
            "POST channels/([0-9]+)/messages": self._create,
            "PATCH channels/([0-9]+)/messages/([0-9]+)": self._edit,
            "POST interactions/([0-9]+)/([^/]+)/callback": self._callback,
        }

    def _application(self) -> dict[str, Any]:
        whole: dict[str, Any] = {
            "id": APP, "name": "Approvals", "icon": None, "description": "", "bot_public": False,
            "bot_require_code_grant": False, "verify_key": PUBLIC_KEY, "team": None, "flags": 0,
            "owner": person(DANA), "interactions_endpoint_url": None, "redirect_uris": [],
        }  # fmt: skip
        return {**whole, **self.application}

    def _register(self, body: Any) -> dict[str, Any]:
        # https://docs.discord.com/developers/interactions/application-commands
        options = body.get("options", [])
        ok = (
            body.get("type", 1) == 1 and 1 <= len(body["description"]) <= 100 and len(options) <= 25
        )
        ok = ok and {*body["contexts"]} <= {0, 1, 2} and {*body["integration_types"]} <= {0, 1}
        for one in (body, *options):
            ok = ok and bool(re.fullmatch(r"[-_'a-z0-9]{1,32}", one["name"]))
            ok = ok and 1 <= len(one["description"]) <= 100
        ok = ok and all(1 <= one["type"] <= 11 for one in options)
        if not ok:
            raise Wrong(400, 50035, "Invalid Form Body")
        made = {"id": f"{1457540000000000000 + next(self._count)}", "application_id": APP, **body}
        others = [one for one in self.commands if one["name"] != body["name"]]
        self.commands[:] = [*others, made]
        return made

    def _user(self, body: Any, id: str) -> dict[str, Any]:
        if id not in self.users:
            raise Wrong(404, 10013, "Unknown User")
        return self.users[id]

    def _direct(self, body: Any) -> dict[str, Any]:
        user = self._user(body, body["recipient_id"])
        if user.get("bot"):
            raise Wrong(400, 50007, "Cannot send messages to this user")
        room = f"9{user['id'][1:]}"
        self.rooms[room] = None
        return {"id": room, "type": 1, "recipients": [user]}

    def _create(self, body: Any, room: str) -> dict[str, Any]:
        if room not in self.rooms:
            raise Wrong(404, 10003, "Unknown Channel")
        if f"1{room[1:]}" in self.closed:
            raise Wrong(403, 50007, "Cannot send messages to this user")
        if body.get("enforce_nonce") and body.get("nonce") in self._nonces:
            return self._nonces[body["nonce"]]
        message: dict[str, Any] = {
            "id": f"{1457536567810854934 + next(self._count)}",
            "channel_id": room,
            "author": person(APP, bot=True),
            "timestamp": "2026-01-02T03:55:26.000000+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "pinned": False,
            "type": 0,
            "flags": 0,
        }
        kept = self._keep(message, body)
        if "nonce" in body:
            self._nonces[body["nonce"]] = kept
        return kept

    def _edit(self, body: Any, room: str, id: str) -> dict[str, Any]:
        before = self.messages.get((room, id))
        if before is None:
            raise Wrong(404, 10008, "Unknown Message")
        # What is not named stays: https://docs.discord.com/developers/resources/message#edit-message
        names = {name for name in ("content", "embeds", "components") if name in body}
        after = {name: before[name] for name in before if name not in names}
        if "attachments" in body:
            after["attachments"] = [
                one for one in after["attachments"] if one in body["attachments"]
            ]
        return self._keep({**after, "edited_timestamp": "2026-01-02T03:56:00.000000+00:00"}, body)

    def _keep(self, message: dict[str, Any], body: Any) -> dict[str, Any]:
        if wrong := faults(body):
            raise Wrong(400, 50035, f"Invalid Form Body\nIn {wrong}")
        kept = stored(body)
        for embed in kept["embeds"]:
            embed["description"] = self.alters(embed.get("description", ""))
            for one in embed.get("fields", ()):
                one["value"] = self.alters(one["value"])
        whole = {
            **message,
            **{name: kept[name] for name in kept if name in body or name not in message},
        }
        if not whole["content"] and not whole["embeds"]:
            raise Wrong(400, 50006, "Cannot send an empty message")
        self.messages[message["channel_id"], message["id"]] = whole
        return whole

    def _callback(self, body: Any, id: str, token: str) -> None:
        if token not in self._open:
            raise Wrong(404, 10062, "Unknown interaction")
        self._open.remove(token)  # answered once
        if wrong := answer_faults(body):
            raise Wrong(400, 50035, f"Invalid Form Body\nIn {wrong}")
        self.answers.append(body)
        self.answered.set()

    # The gateway: https://docs.discord.com/developers/events/gateway

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        assert request.query["compress"] == "zlib-stream"
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        press = zlib.compressobj()
        self.sockets.append((socket, press))
        await self._send(10, {"heartbeat_interval": 41_250})
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            sent = json.loads(message.data)
            if sent["op"] == 2:
                self.identified.append(sent["d"])
                if sent["d"]["token"] != BOT_TOKEN:
                    await socket.close(code=4004, message=b"Authentication failed.")
                    break
                ready = {"v": 10, "user": person(APP, bot=True), "guilds": [], "session_id": "s1"}
                more = {"resume_gateway_url": self.gateway, "application": {"id": APP, "flags": 0}}
                await self._send(0, ready | more, "READY")
                self.connected.set()
            elif sent["op"] == 6:
                await self._send(0, {}, "RESUMED")
                self.connected.set()
            elif sent["op"] == 1:
                await self._send(11, None)
        return socket

    async def _send(self, op: int, data: Any, event: str | None = None) -> None:
        socket, press = self.sockets[-1]
        said = {"op": op, "d": data, "t": event, "s": next(self._count) if event else None}
        raw = press.compress(json.dumps(said).encode()) + press.flush(zlib.Z_SYNC_FLUSH)
        await socket.send_bytes(raw)

    async def dispatch(self, interaction: dict[str, Any]) -> None:
        """Send an interaction down the newest socket."""
        await self._send(0, interaction, "INTERACTION_CREATE")

    async def reconnect(self) -> None:
        """Ask for a new connection, as Discord does from time to time, and wait for it."""
        self.connected.clear()
        await self._send(7, None)
        await asyncio.wait_for(self.connected.wait(), 5)

    # What people do

    def press(self, room: str, id: str, label: str, user: str, **more: Any) -> dict[str, Any]:
        """The interaction that Discord makes of a press on a button as it stands there now."""
        message = deepcopy(self.messages[room, id])
        buttons = [one for row in message["components"] for one in row["components"]]
        (button,) = [one for one in buttons if one["label"] == label]
        data = {"component_type": 2, "custom_id": button["custom_id"], "id": button["id"]}
        return self.interaction(3, data, room, user, message=message, **more)

    def submit(
        self, modal: dict[str, Any], reason: str, room: str, user: str, ready: str | None = None
    ) -> dict[str, Any]:
        """The interaction that Discord makes of a prompt that was filled in and sent; `ready`: the
        option that was chosen, by its label."""
        components = []
        for number, label in enumerate(modal["components"]):
            field = label["component"]
            value = {"type": field["type"], "id": 2 * number + 2, "custom_id": field["custom_id"]}
            if field["type"] == 3:
                picked = [one["value"] for one in field["options"] if one["label"] == ready]
                assert picked or (ready is None and not field["required"])
                value["values"] = picked
            else:
                value["value"] = reason
            components.append({"type": 18, "id": 2 * number + 1, "component": value})
        data = {"custom_id": modal["custom_id"], "components": components}
        return self.interaction(5, data, room, user)

    def command(self, room: str, code: str, user: str) -> dict[str, Any]:
        """The interaction that Discord makes of `/link`, in a server or with the bot alone."""
        self.rooms.setdefault(room, None)
        (known,) = [one for one in self.commands if one["name"] == "link"]
        assert (0 if self.rooms[room] else 1) in known["contexts"]
        options = [{"name": "code", "type": 3, "value": code}]
        data = {"id": known["id"], "name": "link", "type": 1, "options": options}
        return self.interaction(2, data, room, user)

    def interaction(
        self, type: int, data: Any, room: str, user: str, **more: Any
    ) -> dict[str, Any]:
        number = next(self._count)
        token = f"aW50ZXJhY3Rpb246{number}"
        self._open.add(token)
        guild = self.rooms[room]
        account = self.users.get(user, person(user))
        who: dict[str, Any] = {"user": account}
        if guild:
            member = {"user": account, "roles": [], "permissions": "9007199254740991", "flags": 0}
            member |= {"joined_at": "2026-01-01T00:00:00+00:00", "deaf": False, "mute": False}
            who = {
                "member": member,
                "guild_id": guild,
                "guild": {"id": guild, "features": [], "locale": "en-US"},
            }
        return {
            "id": f"{1457536583141163186 + number}",
            "application_id": APP,
            "type": type,
            "token": token,
            "version": 1,
            "channel_id": room,
            "channel": {
                "id": room,
                "type": 0 if guild else 1,
                "name": "x",
                "permissions": "0",
                "position": 0,
            },
            "context": 0 if guild else 1,
            "data": data,
            "locale": "en-US",
            "entitlements": [],
            "app_permissions": "0",
            "attachment_size_limit": 10485760,
            "authorizing_integration_owners": {"0": guild or "0"},
            **who,
            **more,
        }

    def newest(self, room: str) -> dict[str, Any]:
        """The last message in a channel."""
        return self.messages[max(where for where in self.messages if where[0] == room)]


def direct(user: str) -> str:
    """The channel of direct messages with somebody."""
    return f"9{user[1:]}"


def answer_faults(body: dict[str, Any]) -> list[str]:
    """What Discord would refuse of an answer to an interaction."""
    kind, data = body["type"], body.get("data", {})
    if kind == 6:
        return ["data"] if data else []
    if kind == 4:
        wrong = (
            [] if data.get("flags") == 64 and 0 < len(data.get("content", "")) <= 2000 else ["data"]
        )
        return wrong + (
            [] if data.get("allowed_mentions") == {"parse": []} else ["allowed_mentions"]
        )
    if kind == 9:
        labels = data.get("components", [])
        ok = 0 < len(data.get("title", "")) <= 45 and 0 < len(data.get("custom_id", "")) <= 100
        ok = ok and 1 <= len(labels) <= 5
        for label in labels:
            ok = ok and label["type"] == 18 and 0 < len(label["label"]) <= 45
            ok = ok and label["component"]["type"] == 4 and label["component"]["style"] in (1, 2)
            ok = ok and label["component"]["max_length"] <= 4000
        return [] if ok else ["data"]
    return ["type"]


def signed(payload: Any, at: int | None = None, key: Ed25519PrivateKey = KEY) -> Inbound:
    """A delivery, signed. `at`: milliseconds."""
    at = int(time.time() * 1000) if at is None else at
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    sent = str(at // 1000)
    headers = {
        "content-type": "application/json",
        "user-agent": "Discord-Interactions/1.0 (+https://discord.com)",
        "x-signature-timestamp": sent,
        "x-signature-ed25519": key.sign(sent.encode() + body).hex(),
    }
    return Inbound("POST", "/channels/discord/events", "", headers, body, at)


def make(api: str, **more: Any) -> Discord:
    given = {"bot_token": BOT_TOKEN, "application_id": APP, "public_key": PUBLIC_KEY}
    return Discord(**{**given, "render": template("discord"), "api_url": api, **more})


def fixture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())["body"]
    return found


def written(at: int, text: str) -> Inbound:
    """A delivery of `/link`, with this text as its code."""
    body = fixture("command_in_a_direct_message")
    body["data"]["options"][0]["value"] = text
    return signed(body, at)


def unknown(at: int) -> tuple[Inbound, ...]:
    good, modal = fixture("button_in_a_server"), fixture("modal_submit")
    link = fixture("command_in_a_server")
    option = link["data"]["options"][0]
    payloads: list[Any] = [
        {},
        [],
        None,
        "text",
        7,
        {"type": 2},
        {**good, "type": 2},
        {**good, "type": "3"},
        {**good, "application_id": "1"},
        {**good, "member": None, "user": None},
        {**good, "member": {"user": {"id": 7}}},
        {**good, "channel_id": None},
        {**good, "id": 7},
        {**good, "token": None},
        {**good, "data": "approve"},
        {**good, "message": None},
        {**good, "message": {**good["message"], "id": 7}},
        {**good, "message": {**good["message"], "flags": "all"}},
        {**modal, "data": {**modal["data"], "components": []}},
        {**link, "application_id": "1"},
        {**link, "data": {**link["data"], "options": []}},
        {**link, "data": {**link["data"], "options": [option, option]}},
        {**link, "data": {**link["data"], "options": [{**option, "value": 7}]}},
        {**link, "member": None, "user": None},
        {**link, "id": 7},
        {**link, "channel_id": None},
        {**link, "token": None},
        {
            **modal,
            "data": {**modal["data"], "components": [{"type": 18, "component": {"value": 7}}]},
        },
    ]
    bodies = (b"", b"{", b"\xff", b"[" * 100_000)
    return tuple(signed(one, at) for one in (*payloads, *bodies))


def foreign(at: int) -> tuple[Inbound, ...]:
    good, modal = fixture("button_in_a_server"), fixture("modal_submit")
    link = fixture("command_in_a_server")
    payloads: list[Any] = [
        {**good, "data": {"component_type": 3, "custom_id": "x", "values": ["y"]}},
        {**good, "data": {**good["data"], "custom_id": "lunch:17"}},
        {**good, "data": {**good["data"], "custom_id": ["x"]}},
        {**modal, "data": {**modal["data"], "custom_id": "lunch"}},
        {**link, "data": {**link["data"], "name": "lunch"}},
        {**link, "type": 4, "data": {**link["data"], "name": "lunch"}},
    ]
    return tuple(signed(one, at) for one in payloads)


CODE = re.compile(r"```\n(?:(?!```).)*\n```|`[^`\n]+`|<t:[0-9]+:[fR]>", re.DOTALL)


def unstyled(payload: Payload) -> list[str]:
    """What Discord reads markdown, mentions and links in: all but code and footers."""
    embeds = payload.get("embeds", ())
    found = [payload.get("content", "")]
    for embed in embeds:
        found += [embed.get("title", ""), embed.get("description", "")]
        found += [one[name] for one in embed.get("fields", ()) for name in ("name", "value")]
    return [CODE.sub("", text) for text in found]


def links(payload: Payload) -> list[str]:
    found = [
        one["url"] for row in payload["components"] for one in row["components"] if "url" in one
    ]
    markup = re.compile(r"https?://|@|<[#@:a/]|\[|[*_~|#>`]|www\.")
    return [*found, *(text for text in unstyled(payload) if markup.search(text))]


KIT = Kit(
    name="discord",
    make=make,
    foreign=foreign,
    tap=lambda at: signed(fixture("button_in_a_server"), at),
    proofs=("x-signature-ed25519", "x-signature-timestamp"),
    stale=300_000,
    unknown=unknown,
    peer=DiscordPeer,
    address=Address("discord", ROOM),
    parsed=unstyled,
    links=links,
    secrets=(BOT_TOKEN,),
    write=written,
    by_conversation=True,
)


def _pressed(peer: DiscordPeer, digest: str, at: int) -> Inbound:
    return signed(peer.press(*says(digest, peer.messages), "Approve", DANA), at)


SEAT = Seat(account=DANA, messages=lambda peer: peer.messages.values(), press=_pressed)
