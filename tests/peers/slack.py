"""A stand-in for Slack, written from its documentation: the Web API methods that Countersign calls,
with their limits; presses of buttons, with the message as Slack's store gives it back; Socket Mode.

https://docs.slack.dev/reference/methods, /reference/block-kit, /apis/events-api/using-socket-mode.
It checks limits by code of its own, shared with nothing under test.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections import deque
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from adapters.slack.adapter import Slack
from approvals.model import Address
from approvals.port import Inbound, Resolved
from tests.harness.channel_contract import ROOT, Kit, Seat, says, template
from tests.harness.house import Place, until
from tests.peers.loopback import started

TEAM, APP, BOT = "T024BE7LD", "A024BE7AP", "U024BE7BT"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
BOT_TOKEN, APP_TOKEN = "xoxb-peer-bot", "xapp-peer-app"
CLIENT, CLIENT_SECRET = "2141029472.691202649728", "0f5c2b6f9c1d4e7a8b3c"
OTHER = "T024BE7LE"
"""Another workspace, for those that the app is installed in by OAuth."""
SCOPES = "chat:write,commands,im:write,users:read,users:read.email"
FIXTURES = ROOT / "tests/fixtures/slack"
SHORTCODES = {"✅": ":white_check_mark:", "🚀": ":rocket:", "™": ":tm:", "©": ":copyright:"}


def person(id: str, **more: Any) -> dict[str, Any]:
    """A user object as users.info returns it (https://docs.slack.dev/reference/objects/user-object)."""
    profile = {"email": f"{id.lower()}@example.com", "real_name": id}
    flags = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_app_user")
    return {"id": id, "team_id": TEAM, "profile": profile, **dict.fromkeys(flags, False), **more}


def stored(blocks: list[Any]) -> list[Any]:
    """Blocks as they come back: block ids are made, entities escaped, emoji named, flags filled in,
    keys in another order."""
    ids = itertools.count(1)

    def text(value: str) -> str:
        value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return re.sub("|".join(SHORTCODES), lambda match: SHORTCODES[match[0]], value)

    def walk(node: Any, top: bool = False) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        kept = {name: walk(item) for name, item in reversed(node.items())}
        if isinstance(node.get("text"), str) and node.get("type") != "mrkdwn":
            kept["text"] = text(node["text"])
        if node.get("type") == "plain_text":
            kept.setdefault("emoji", True)
        if node.get("type") == "mrkdwn":
            kept.setdefault("verbatim", False)
        if node.get("type") == "rich_text_preformatted":
            kept.setdefault("border", 0)
        if top:
            kept.setdefault("block_id", f"b{next(ids)}")
        return kept

    return [walk(block, top=True) for block in blocks]


def _each_text(change: Callable[[str], str], node: Any) -> Any:
    if isinstance(node, list):
        return [_each_text(change, item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {name: _each_text(change, item) for name, item in node.items()}
    return kept | {"text": change(node["text"])} if isinstance(node.get("text"), str) else kept


def faults(blocks: Any, most: int = 50) -> list[str]:
    """What Slack would answer `invalid_blocks` for, as JSON pointers. `most`: blocks; of a view 100
    (https://docs.slack.dev/reference/block-kit/blocks)."""
    found: list[str] = []

    def need(ok: bool, where: str) -> None:
        if not ok:
            found.append(where)

    def text(node: Any, where: str, most: int, kinds: tuple[str, ...] = ("plain_text",)) -> None:
        need(isinstance(node, dict) and node.get("type") in kinds, where)
        need(0 < len(node.get("text", "")) <= most, f"{where}/text")
        known = {"plain_text": {"emoji"}, "mrkdwn": {"verbatim"}}.get(node.get("type"), set())
        need(not node.keys() - {"type", "text"} - known, where)

    def button(node: Any, where: str) -> None:
        need(node.get("type") == "button" and 0 < len(node.get("action_id", "")) <= 255, where)
        text(node.get("text"), f"{where}/text", 75)
        need(len(node.get("value", "")) <= 2000 and len(node.get("url", "")) <= 3000, where)
        need(node.get("style", "primary") in ("primary", "danger"), where)
        if dialog := node.get("confirm"):
            for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
                text(dialog.get(name), f"{where}/confirm/{name}", most)

    def rich(node: Any, where: str) -> None:
        kinds = ("rich_text_section", "rich_text_preformatted", "rich_text_quote")
        need(node.get("type") in kinds and bool(node.get("elements")), where)
        for number, leaf in enumerate(node.get("elements", ())):
            ok = leaf.get("type") == "text" or (leaf.get("type") == "link" and leaf.get("url"))
            need(bool(ok and leaf.get("text")), f"{where}/elements/{number}")

    need(isinstance(blocks, list) and 0 < len(blocks) <= most, "/blocks")
    actions: list[str] = []
    for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
        here, kind, parts = f"/blocks/{index}", block.get("type"), block.get("elements", [])
        if kind == "header":
            text(block.get("text"), here, 150)
        elif kind == "context":
            need(0 < len(parts) <= 10, here)
            for number, part in enumerate(parts):
                text(part, f"{here}/elements/{number}", 3000, ("plain_text", "mrkdwn"))
        elif kind == "rich_text":
            need(bool(parts), here)
            for number, part in enumerate(parts):
                rich(part, f"{here}/elements/{number}")
        elif kind == "actions":
            need(0 < len(parts) <= 25, here)
            for number, part in enumerate(parts):
                button(part, f"{here}/elements/{number}")
                actions.append(part.get("action_id"))
            need(len(set(actions)) == len(actions), here)
        else:
            need(False, here)
    return found


@dataclass
class SlackPeer:
    """`async with SlackPeer() as slack`: `slack.api` is its base URL. What was sent lies in
    `messages`, `whispers`, `views`; `calls` are (method, token, body) in order."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    rooms: set[str] = field(default_factory=lambda: {"C024BE91L"})
    messages: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    whispers: list[dict[str, Any]] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    homes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The Home tabs that were published, by user, the newest last."""
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    acks: list[dict[str, Any]] = field(default_factory=list)
    fail: deque[web.Response] = field(default_factory=deque)
    """Answers to give instead, first come first served."""
    scopes: str = SCOPES
    triggers: set[str] = field(default_factory=set)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    whispered: asyncio.Event = field(default_factory=asyncio.Event)
    sent: asyncio.Event = field(default_factory=asyncio.Event)
    published: asyncio.Event = field(default_factory=asyncio.Event)
    tokens: dict[str, str] = field(default_factory=lambda: {BOT_TOKEN: TEAM})
    """Whose each bot token is."""
    codes: dict[str, str] = field(default_factory=dict)
    """Codes that can be exchanged for a token, and of which workspace. Each once."""
    base: str = ""
    alters: Callable[[str], str] | None = None
    """What is made of every text of a block when it is stored."""
    admits: bool = True
    """Is what was made of it in the answer to a post?"""
    _count: Any = field(default_factory=lambda: itertools.count(1))
    _team: str = TEAM
    """That of the call which is answered."""

    @property
    def api(self) -> str:
        return f"{self.base}/api/"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/api/{method}", self._method)
        app.router.add_get("/link", self._link)
        self._runner, self.base = await started(app)
        return self

    async def __aexit__(self, *error: object) -> None:
        for socket in self.sockets:
            await socket.close()
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        """Answer the next call with this."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        body = {"ok": False, "error": "ratelimited" if status == 429 else "internal_error"}
        self.fail.append(web.json_response(body, status=status, headers=headers))

    async def _method(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.content_type == "application/json":
            body = await request.json()
        else:
            body = dict(await request.post())
        self.calls.append((method, token, body))
        if self.fail:
            return self.fail.popleft()
        if method == "oauth.v2.access":
            return self._answer(**self._exchange(request.headers.get("Authorization", ""), body))
        known = {APP_TOKEN} if method == "apps.connections.open" else self.tokens
        if token not in known:
            return self._answer(error="invalid_auth" if token else "not_authed")
        # https://docs.slack.dev/reference/methods/users.info: form-encoded only
        if method.startswith("users.") and request.content_type == "application/json":
            return self._answer(error="invalid_arguments")
        self._team = self.tokens.get(token, TEAM)
        handler = getattr(self, "_" + method.replace(".", "_"), None)
        if handler is None:
            return self._answer(error="unknown_method")
        return self._answer(**handler(body))

    def _answer(self, error: str | None = None, **more: Any) -> web.Response:
        body = {"ok": error is None, **({"error": error} if error else {}), **more}
        return web.json_response(body, headers={"X-OAuth-Scopes": self.scopes})

    def _exchange(self, proof: str, body: Any) -> dict[str, Any]:
        """https://docs.slack.dev/reference/methods/oauth.v2.access"""
        if proof != aiohttp.encode_basic_auth(CLIENT, CLIENT_SECRET):
            return {"error": "bad_client_secret"}
        team = self.codes.pop(body.get("code", ""), None)
        if team is None:
            return {"error": "invalid_code"}
        token = f"xoxb-{team}-{next(self._count)}"
        self.tokens[token] = team
        return {
            "access_token": token,
            "token_type": "bot",
            "scope": SCOPES,
            "bot_user_id": BOT,
            "app_id": APP,
            "team": {"id": team, "name": f"Workspace <{team}>"},
            "enterprise": None,
            "authed_user": {"id": "U0ADMIN"},
            "is_enterprise_install": False,
        }

    def _auth_revoke(self, body: Any) -> dict[str, Any]:
        gone = [token for token, team in self.tokens.items() if team == self._team]
        del self.tokens[gone[-1]]
        return {"revoked": True}

    def _auth_test(self, body: Any) -> dict[str, Any]:
        who = {"user": "countersign", "user_id": BOT, "bot_id": "B024BE7BB"}
        return {"team": "Acme", "team_id": self._team, **who}

    def _users_info(self, body: Any) -> dict[str, Any]:
        user = self.users.get(body.get("user", ""))
        user = user if user and user["team_id"] in (self._team, "T0OTHER") else None
        return {"user": user} if user else {"error": "user_not_found"}

    def _users_lookupByEmail(self, body: Any) -> dict[str, Any]:
        found = [u for u in self.users.values() if u["profile"]["email"] == body.get("email")]
        return {"user": found[0]} if found else {"error": "users_not_found"}

    def _conversations_open(self, body: Any) -> dict[str, Any]:
        if self.users.get(body.get("users"), {}).get("team_id") not in (self._team, "T0OTHER"):
            return {"error": "user_not_found"}
        room = "D" + body["users"][1:]
        self.rooms.add(room)
        return {"channel": {"id": room}}

    def _chat_postMessage(self, body: Any) -> dict[str, Any]:
        room = body.get("channel", "")
        if room in self.users:
            room = self._conversations_open({"users": room})["channel"]["id"]
        if room not in self.rooms:
            return {"error": "channel_not_found"}
        ts = f"1767326126.{next(self._count):06}"
        self.sent.set()
        return self._keep(room, ts, body)

    def _chat_update(self, body: Any) -> dict[str, Any]:
        where = (body.get("channel", ""), body.get("ts", ""))
        if where not in self.messages:
            return {"error": "message_not_found"}
        return self._keep(*where, body)

    def _keep(self, room: str, ts: str, body: Any) -> dict[str, Any]:
        blocks = body.get("blocks")
        if blocks is not None and (wrong := faults(blocks)):
            return {"error": "invalid_blocks", "response_metadata": {"messages": wrong}}
        if not blocks and not body.get("text"):
            return {"error": "no_text"}
        # Measured by others: https://github.com/slackapi/bolt-js/issues/2867
        if len(json.dumps(blocks or [], ensure_ascii=False)) > 20_000:
            return {"error": "msg_blocks_too_long"}
        before = self.messages.get((room, ts), {})
        message = {
            "type": "message",
            "user": BOT,
            "bot_id": "B024BE7BB",
            "app_id": APP,
            "team": TEAM,
            "ts": ts,
            "text": re.sub(r"(https?://[^\s>]+)", r"<\1>", body.get("text", "")),
            "blocks": stored(blocks or []),
            "attachments": body.get("attachments", before.get("attachments", [])),
        }
        if not message["attachments"]:
            del message["attachments"]
        kept = message | {"blocks": _each_text(self.alters or str, message["blocks"])}
        self.messages[room, ts] = kept
        return {"channel": room, "ts": ts, "message": kept if self.admits else message}

    def _chat_postEphemeral(self, body: Any) -> dict[str, Any]:
        if body.get("channel") not in self.rooms:
            return {"error": "channel_not_found"}
        self.whispers.append(body)
        self.whispered.set()
        return {"message_ts": "1767326126.9"}

    def _views_open(self, body: Any) -> dict[str, Any]:
        if body.get("trigger_id") not in self.triggers:
            return {"error": "expired_trigger_id"}
        self.triggers.remove(body["trigger_id"])  # valid once, for 3 s
        view = body["view"]
        if len(view["title"]["text"]) > 24 or len(view.get("private_metadata", "")) > 3000:
            return {"error": "invalid_arguments"}
        # https://docs.slack.dev/reference/block-kit/block-elements/radio-button-group-element
        for block in view["blocks"]:
            options = block.get("element", {}).get("options", [])
            sizes = [(len(one["text"]["text"]), len(one["value"])) for one in options]
            if len(options) > 10 or not all(0 < a <= 75 and 0 < b <= 150 for a, b in sizes):
                return {"error": "invalid_arguments"}
        self.views.append(view)
        return {"view": {"id": f"V{len(self.views)}", **view}}

    def _views_publish(self, body: Any) -> dict[str, Any]:
        """https://docs.slack.dev/reference/methods/views.publish"""
        if body.get("user_id") not in self.users:
            return {"error": "user_not_found"}
        view = body.get("view", {})
        if view.get("type") != "home" or view.keys() - {"type", "blocks"}:
            return {"error": "invalid_arguments"}
        if wrong := faults(view.get("blocks"), 100):
            return {"error": "invalid_blocks", "response_metadata": {"messages": wrong}}
        self.homes.setdefault(body["user_id"], []).append(view)
        self.published.set()
        return {"view": {"id": "V0", **view}}

    def _apps_connections_open(self, body: Any) -> dict[str, Any]:
        return {"url": f"{self.base.replace('http', 'ws')}/link?ticket={next(self._count)}"}

    async def _link(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_json({"type": "hello", "num_connections": 1})
        self.connected.set()
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.acks.append(json.loads(message.data))
                self.acked.set()
        return socket

    async def envelope(self, payload: dict[str, Any], id: str) -> dict[str, Any]:
        """Send an interaction down the newest socket; the acknowledgement that comes back."""
        self.acked.clear()
        kind = "slash_commands" if "command" in payload else "interactive"
        kind = "events_api" if "event" in payload else kind
        envelope = {"type": kind, "envelope_id": id, "accepts_response_payload": True}
        await self.sockets[-1].send_json({**envelope, "payload": payload})
        await asyncio.wait_for(self.acked.wait(), 5)
        return self.acks[-1]

    async def refresh(self) -> None:
        """Ask for a new socket, as Slack does every few hours, and wait until it is there."""
        self.connected.clear()
        await self.sockets[-1].send_json({"type": "disconnect", "reason": "refresh_requested"})
        await asyncio.wait_for(self.connected.wait(), 5)

    def press(self, room: str, ts: str, action_id: str, user: str, **more: Any) -> dict[str, Any]:
        """The interaction that Slack makes of a press on a button as it stands there now."""
        message = deepcopy(self.messages[room, ts])
        buttons = [
            part
            for block in message["blocks"]
            if block["type"] == "actions"
            for part in block["elements"]
        ]
        (button,) = [part for part in buttons if part["action_id"] == action_id]
        trigger = f"{next(self._count)}.3901254001572.2e2548aa918b35fd"
        self.triggers.add(trigger)
        action = {"block_id": "b9", "action_ts": f"1767326130.{next(self._count):06}"}
        kept = ("type", "action_id", "text", "value", "style", "confirm")
        return {
            "type": "block_actions",
            "user": self.account(user),
            "api_app_id": APP,
            "token": "deprecated",
            "container": {
                "type": "message",
                "message_ts": ts,
                "channel_id": room,
                "is_ephemeral": False,
            },
            "trigger_id": trigger,
            "team": {"id": self.account(user)["team_id"], "domain": "acme"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": room, "name": "directmessage"},
            "message": message,
            "state": {"values": {}},
            "response_url": f"https://hooks.slack.com/actions/{TEAM}/1/x",
            "actions": [{**action, **{name: button[name] for name in kept if name in button}}],
            **more,
        }

    def submit(self, reason: str, user: str, ready: str | None = None) -> dict[str, Any]:
        """The interaction that Slack makes of the prompt opened last, filled in and sent; `ready`:
        the radio button that was pressed, by what it says."""
        view = {"id": f"V{len(self.views)}", "team_id": TEAM, "app_id": APP, **self.views[-1]}
        field_ = {"type": "plain_text_input", "value": reason}
        values: dict[str, Any] = {"reason": {"reason": field_}}
        for block in view["blocks"]:
            if block["block_id"] == "ready":
                options = block["element"]["options"]
                picked = [one for one in options if one["text"]["text"] == ready]
                radio = {"type": "radio_buttons", "selected_option": picked[0] if picked else None}
                values["ready"] = {"ready": radio}
        view["state"] = {"values": values}
        return {
            "type": "view_submission",
            "team": {"id": TEAM, "domain": "acme"},
            "user": self.account(user),
            "api_app_id": APP,
            "trigger_id": "9.9.9",
            "view": view,
        }

    def command(self, text: str, user: str, room: str) -> dict[str, Any]:
        """What Slack makes of `/countersign` with this text, typed in any conversation."""
        team = self.account(user)["team_id"]
        trigger = f"{next(self._count)}.3901254001572.2e2548aa918b35fd"
        typed = {"user_id": user, "channel_id": room, "team_id": team, "trigger_id": trigger}
        return {**command(text), **typed}

    def opened_home(self, user: str, **more: Any) -> dict[str, Any]:
        """What Slack makes of somebody opening the Home tab: /reference/events/app_home_opened."""
        event = {"type": "app_home_opened", "user": user, "channel": f"D{user[1:]}", "tab": "home"}
        team = self.account(user)["team_id"]
        return event_of({**event, "event_ts": "1515449522000016", **more}, team)

    def shortcut(self, callback_id: str, user: str) -> dict[str, Any]:
        """https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload"""
        trigger = f"{next(self._count)}.3901254001572.2e2548aa918b35fd"
        self.triggers.add(trigger)
        return {
            "type": "shortcut",
            "callback_id": callback_id,
            "trigger_id": trigger,
            "api_app_id": APP,
            "user": self.account(user),
            "team": {"id": self.account(user)["team_id"], "domain": "acme"},
            "action_ts": "1581106241.371594",
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def account(self, user: str) -> dict[str, Any]:
        team = self.users.get(user, {}).get("team_id", TEAM)
        return {"id": user, "username": user.lower(), "name": user.lower(), "team_id": team}


def event_of(event: dict[str, Any], team: str = TEAM) -> dict[str, Any]:
    """An event as it is delivered: https://docs.slack.dev/apis/events-api"""
    where = {"team_id": team, "api_app_id": APP, "token": "deprecated"}
    whom = {"enterprise_id": None, "team_id": team, "user_id": BOT, "is_bot": True}
    sent = {"event_id": "Ev0PV52K25", "event_time": 1767326126, "authorizations": [whom]}
    return {**where, "type": "event_callback", "event": event, **sent}


def command(text: str) -> dict[str, Any]:
    """`/countersign` with this text, typed in a room."""
    found: dict[str, Any] = json.loads((FIXTURES / "slash_command.json").read_text())["body"]
    return {**found, "text": text}


def form(command: dict[str, Any]) -> bytes:
    """As Slack delivers a command."""
    return urlencode(command).encode()


def signed(payload: Any, at: int | None = None, secret: str = SECRET) -> Inbound:
    """A delivery, form-encoded and signed by Slack's own class. `at`: milliseconds."""
    at = int(time.time() * 1000) if at is None else at
    raw = payload if isinstance(payload, bytes) else None
    body = raw if raw is not None else urlencode({"payload": json.dumps(payload)}).encode()
    sent = str(at // 1000)
    proof = SignatureVerifier(secret).generate_signature(timestamp=sent, body=body)
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "x-slack-request-timestamp": sent,
        "x-slack-signature": proof or "",
    }
    return Inbound("POST", "/channels/slack/events", "", headers, body, at)


def _nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for item in node for found in _nodes(item)]
    if isinstance(node, dict):
        return [node, *(found for item in node.values() for found in _nodes(item))]
    return []


def make(api: str, **more: Any) -> Slack:
    given = {"bot_token": BOT_TOKEN, "signing_secret": SECRET, "app_id": APP, "team_id": TEAM}
    return Slack(**{**given, "render": template("slack"), "api_url": api, **more})


def tap(at: int) -> Inbound:
    return signed(json.loads((FIXTURES / "block_actions.json").read_text())["body"], at)


def unknown(at: int) -> tuple[Inbound, ...]:
    good = json.loads((FIXTURES / "block_actions.json").read_text())["body"]
    action = good["actions"][0]
    payloads: list[Any] = [
        {},
        [],
        None,
        "text",
        7,
        {**good, "api_app_id": "A0OTHER"},
        {**good, "actions": [action, action]},
        {**good, "actions": "approve"},
        {**good, "container": {}},
        {**good, "container": {"message_ts": ["1"], "channel_id": "C1"}},
        {**good, "user": None},
        {**good, "user": {"id": 7}},
        {**good, "message": {"blocks": json.loads("[" * 900 + "]" * 900)}},
        {**good, "type": "view_submission", "view": {"private_metadata": "x", "id": "V1"}},
    ]
    bodies: tuple[bytes, ...] = (
        b"",
        b"payload=",
        b"payload=%7B",
        b"payload={}&payload={}",
        b"other=1",
        b"{}",
        b"payload=%ff",
    )
    typed = command("x")
    for name in ("command", "user_id", "team_id", "channel_id", "trigger_id", "api_app_id"):
        bodies = (*bodies, form({key: typed[key] for key in typed if key != name}))
    bodies = (*bodies, form({**typed, "api_app_id": "A0OTHER"}), form(typed) + b"&x=%ff")
    opened = {"type": "app_home_opened", "tab": "home"}
    for broken in (opened, {**opened, "user": 7}):
        bodies = (*bodies, json.dumps(event_of(broken)).encode())
    shortcut = {"type": "shortcut", "callback_id": "countersign_waiting", "api_app_id": APP}
    payloads += [shortcut, {**shortcut, "team": {"id": TEAM}, "user": {"team_id": TEAM}}]
    deep = b"payload=" + b"%5B" * 100_000
    return (
        *(signed(payload, at) for payload in payloads),
        *(signed(body, at) for body in (*bodies, deep)),
    )


def foreign(at: int) -> tuple[Inbound, ...]:
    """Shapes: https://docs.slack.dev/reference/interaction-payloads and /reference/events."""
    good = json.loads((FIXTURES / "block_actions.json").read_text())["body"]
    view = {"id": "V1", "callback_id": "lunch", "private_metadata": "", "state": {"values": {}}}
    event = {"type": "app_mention", "user": "U1", "text": "<@U2> hello", "channel": "C1"}
    chosen = {"type": "static_select", "action_id": "dish", "selected_option": {"value": "soup"}}
    payloads: list[Any] = [
        {"type": "shortcut", "callback_id": "lunch", "trigger_id": "1.1", "api_app_id": APP},
        {"type": "message_action", "callback_id": "lunch", "api_app_id": APP},
        {**good, "type": "block_suggestion"},
        {**good, "actions": []},
        {**good, "actions": [{**good["actions"][0], "value": None}]},
        {**good, "actions": [{**good["actions"][0], "value": {"a": 1}}]},
        {**good, "actions": [{"type": "button", "action_id": "order", "value": "lunch:17"}]},
        {**good, "actions": [{"type": "button", "action_id": "approve", "value": "approve"}]},
        {**good, "actions": [chosen]},
        {"type": "view_submission", "api_app_id": APP, "user": {"id": "U1"}, "view": view},
        {"type": "view_closed", "api_app_id": APP, "user": {"id": "U1"}, "view": view},
    ]
    called: dict[str, Any] = {"token": "x", "team_id": TEAM, "api_app_id": APP, "event": event}
    called |= {"type": "event_callback", "event_id": "Ev1", "event_time": 1767326126}
    return (*(signed(one, at) for one in payloads), signed(json.dumps(called).encode(), at))


KIT = Kit(
    name="slack",
    make=make,
    foreign=foreign,
    tap=tap,
    proofs=("x-slack-signature", "x-slack-request-timestamp"),
    stale=300_000,
    unknown=unknown,
    peer=SlackPeer,
    address=Address("slack", "C024BE91L"),
    parsed=lambda payload: (
        [payload["text"]]
        + [node["text"] for node in _nodes(payload["blocks"]) if node.get("type") == "mrkdwn"]
    ),
    links=lambda payload: [node["url"] for node in _nodes(payload) if "url" in node],
    secrets=(BOT_TOKEN, SECRET),
    write=lambda at, text: signed(form(command(text)), at),
    by_conversation=True,
)


def _pressed(peer: SlackPeer, digest: str, at: int) -> Inbound:
    room, ts = says(digest, peer.messages)
    return signed(peer.press(room, ts, "approve", "U024BE7LH"), at)


SEAT = Seat(
    account="U024BE7LH",
    messages=lambda peer: peer.messages.values(),
    press=_pressed,
    ready=lambda peer: peer.users.update({"U024BE7LH": person("U024BE7LH")}),
)


async def send(place: Place, inbound: Inbound, status: int = 200) -> Any:
    url = f"{place.url}/channels/slack/events"
    async with place.http.post(url, data=inbound.body, headers=dict(inbound.headers)) as answer:
        assert answer.status == status
        return await answer.json() if await answer.read() else None


def event(body: dict[str, Any], at: int) -> Inbound:
    return signed(json.dumps(body).encode(), at)


async def shown(slack: SlackPeer, place: Place, user: str) -> str:
    """What the Home tab says once this user has opened it."""
    before = len(slack.homes.get(user, ()))
    assert await send(place, event(slack.opened_home(user), place.clock())) is None
    await until(lambda: len(slack.homes.get(user, ())) > before)
    return json.dumps(slack.homes[user][-1], ensure_ascii=False)


def read(channel: Slack, inbound: Inbound) -> Any:
    return channel.read(Resolved.of(channel.authenticate(inbound)))
