"""A stand-in for Telegram's Bot API, written from its documentation: the methods that Countersign
calls, with their limits, and what its store makes of a text; presses and answers as updates, by
getUpdates or as webhook deliveries.

https://core.telegram.org/bots/api. What becomes of a text: `fix_formatted_text` of
https://github.com/tdlib/td (td/telegram/MessageEntity.cpp). It shares no code with what is tested.
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
from typing import Any

from aiohttp import web

from adapters.telegram.adapter import Telegram
from approvals.model import Address
from approvals.port import Inbound, Payload
from tests.harness.channel_contract import ROOT, Kit, Seat, says, template

BOT = 777000123
BOT_TOKEN = f"{BOT}:AAE-peer-token"
SECRET = "hook-Secret_0123456789"
DANA, LEE, GROUP = 100000001, 100000002, -1001234567890
FIXTURES = ROOT / "tests/fixtures/telegram"
SIMPLE = {"bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "blockquote"}
# What Telegram finds by itself in text that is neither code nor pre.
FOUND = {
    "mention": r"(?<!\w)@[A-Za-z]\w{3,}",
    "hashtag": r"(?<!\w)#\w+",
    "cashtag": r"(?<!\w)\$[A-Z]{1,8}\b",
    "bot_command": r"(?<![\w/])/[A-Za-z]\w*",
    "url": r"(?:https?|ftp|tg|ton)://\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|example|org|net|de|io|local)\b\S*",
    "email": r"\b[\w.+-]+@[\w-]+\.[\w.]+",
    "phone_number": r"\+?\d[\d ()-]{8,}\d",
}


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


class Wrong(Exception):
    """What the API answers with 400."""


@dataclass
class TelegramPeer:
    """`async with TelegramPeer() as telegram`: `telegram.api` is its base URL. What was sent lies
    in `messages` by (chat, id), what was whispered in `toasts`; `calls` are (method, body)."""

    started: set[int] = field(default_factory=lambda: {DANA, LEE})
    """Who pressed Start, or has written to the bot."""
    groups: set[int] = field(default_factory=lambda: {GROUP})
    messages: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    toasts: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    fail: deque[web.Response] = field(default_factory=deque)
    """Answers to give instead, first come first served."""
    updates: list[dict[str, Any]] = field(default_factory=list)
    webhook: dict[str, Any] = field(default_factory=lambda: {"url": ""})
    base: str = ""
    said: asyncio.Event = field(default_factory=asyncio.Event)
    """Something was answered or sent since it was cleared."""
    alters: Callable[[str], str] = str
    """What is made of a text when it is stored."""
    _queries: set[str] = field(default_factory=set)
    _count: Any = field(default_factory=lambda: itertools.count(1))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _confirmed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def api(self) -> str:
        return f"{self.base}/bot"

    async def __aenter__(self) -> TelegramPeer:
        app = web.Application()
        app.router.add_post("/bot{token}/{method}", self._method)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.base = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._changed.set()
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        """Answer the next call with this."""
        said = {429: "Too Many Requests"}.get(status, "Internal Server Error")
        more = {} if retry_after is None else {"parameters": {"retry_after": retry_after}}
        self.fail.append(self._failed(status, said, **more))

    def _failed(self, status: int, said: str, **more: Any) -> web.Response:
        body = {"ok": False, "error_code": status, "description": said, **more}
        return web.json_response(body, status=status)

    async def _method(self, request: web.Request) -> web.StreamResponse:
        method, token = request.match_info["method"], request.match_info["token"]
        body: dict[str, Any] = {}
        for name, value in (await request.post()).items():
            assert isinstance(value, str)
            try:
                body[name] = json.loads(value)
            except ValueError:
                body[name] = value
            if name == "text":
                body[name] = value
        if method != "getUpdates":
            self.calls.append((method, body))
        if self.fail:
            return self.fail.popleft()
        if token != BOT_TOKEN:
            return self._failed(401, "Unauthorized")
        if method == "getUpdates":
            if self.webhook["url"]:
                why = "can't use getUpdates method while webhook is active"
                return self._failed(409, f"Conflict: {why}; use deleteWebhook first")
            return web.json_response({"ok": True, "result": await self._get_updates(body)})
        try:
            result = getattr(self, f"_{method}")(body)
        except Wrong as why:
            status = 403 if str(why).startswith("Forbidden") else 400
            return self._failed(status, str(why))
        self.said.set()
        return web.json_response({"ok": True, "result": result})

    async def _get_updates(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        # Confirmed is what is below the offset: https://core.telegram.org/bots/api#getupdates
        offset = body.get("offset", 0)
        self.updates[:] = [one for one in self.updates if one["update_id"] >= offset]
        self._confirmed.set()
        wanted = body.get("allowed_updates")
        ends = time.monotonic() + body.get("timeout", 0)
        while True:
            found = [one for one in self.updates if not wanted or {*wanted} & one.keys()]
            left = ends - time.monotonic()
            if found or left <= 0:
                return found[:100]
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                return []

    def _getMe(self, body: Any) -> dict[str, Any]:
        return self._self()

    def _getWebhookInfo(self, body: Any) -> dict[str, Any]:
        return {"has_custom_certificate": False, "pending_update_count": 0, **self.webhook}

    def _getChat(self, body: Any) -> dict[str, Any]:
        chat = int(body["chat_id"])
        if chat not in self.started | self.groups:
            raise Wrong("Bad Request: chat not found")
        # https://core.telegram.org/bots/api#chatfullinfo
        gifts = dict.fromkeys(
            ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription"), True
        )
        gifts["gifts_from_channels"] = True
        more = {"accent_color_id": 1, "max_reaction_count": 11, "accepted_gift_types": gifts}
        return {**self.chat(chat), **more}

    def _sendMessage(self, body: Any) -> dict[str, Any]:
        chat = int(body["chat_id"])
        if chat not in self.started | self.groups:
            if chat < 0:
                raise Wrong("Bad Request: chat not found")
            raise Wrong("Forbidden: bot can't initiate conversation with a user")
        id = next(self._count)
        message = {
            "message_id": id,
            "from": self._self(),
            "chat": self.chat(chat),
            "date": 1767326126,
        }
        if thread := body.get("message_thread_id"):
            message |= {"message_thread_id": thread, "is_topic_message": True}
        self.messages[chat, id] = message | self._content(body)
        return self.messages[chat, id]

    def _editMessageText(self, body: Any) -> dict[str, Any]:
        where = int(body["chat_id"]), int(body["message_id"])
        if where not in self.messages:
            raise Wrong("Bad Request: message to edit not found")
        before = self.messages[where]
        kept = {
            name: before[name]
            for name in before
            if name not in ("text", "entities", "reply_markup")
        }
        after = {**kept, **self._content(body)}
        if after == {**before}:
            raise Wrong(
                "Bad Request: message is not modified: specified new message content and reply "
                "markup are exactly the same as a current content and reply markup of the message"
            )
        self.messages[where] = after
        return after

    def _deleteMessage(self, body: Any) -> bool:
        if self.messages.pop((int(body["chat_id"]), int(body["message_id"])), None) is None:
            raise Wrong("Bad Request: message to delete not found")
        return True

    def _answerCallbackQuery(self, body: Any) -> bool:
        if str(body["callback_query_id"]) not in self._queries:
            raise Wrong(
                "Bad Request: query is too old and response timeout expired or ID is invalid"
            )
        if len(str(body.get("text", ""))) > 200:
            raise Wrong("Bad Request: MESSAGE_TOO_LONG")
        self.toasts.append(body)
        return True

    def _content(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("parse_mode"):
            raise Wrong("Bad Request: nothing here is to be parsed")
        raw, given = body["text"], body.get("entities", [])
        taken: list[tuple[int, int]] = []
        for one in given:
            if one["type"] not in SIMPLE | {"text_link", "text_mention"}:
                raise Wrong("Bad Request: unknown type of entity")
            if not 0 <= one["offset"] <= one["offset"] + one["length"] <= units(raw):
                raise Wrong("Bad Request: entity is out of the text")
            raw.encode("utf-16-le")[2 * one["offset"] :].decode("utf-16-le")  # never inside a pair
            if one["type"] in ("code", "pre"):
                taken.append((one["offset"], one["offset"] + one["length"]))
        # Within the text nothing may change its length, or what is written here were too simple.
        text = re.sub(r"[\x00-\x09\x0b-\x1f]", " ", raw)
        if re.search("[\r\u2028-\u202e\u030a\u0333\u033f]", raw):
            text = re.sub("[\r\u2028-\u202e\u030a\u0333\u033f]", "", text)
        if not text.strip():
            raise Wrong("Bad Request: message text is empty")
        if units(text) > 4096:
            raise Wrong("Bad Request: message is too long")
        text = self.alters(text.rstrip(" \n"))
        entities = [one for one in given if one["length"]]
        for kind, form in FOUND.items():
            for match in re.finditer(form, text):
                start, end = units(text[: match.start()]), units(text[: match.end()])
                if not any(start < last and first < end for first, last in taken):
                    entities.append({"type": kind, "offset": start, "length": end - start})
        found: dict[str, Any] = {"text": text}
        if entities:
            found["entities"] = sorted(entities, key=lambda one: one["offset"])
        keyboard = (body.get("reply_markup") or {}).get("inline_keyboard")
        if keyboard:
            self._check_keyboard(keyboard)
            found["reply_markup"] = {"inline_keyboard": keyboard}
        return found

    def _check_keyboard(self, keyboard: list[list[dict[str, Any]]]) -> None:
        if sum(map(len, keyboard)) > 100:
            raise Wrong("Bad Request: reply markup is too long")
        for button in itertools.chain(*keyboard):
            if not button.get("text") or len({"url", "callback_data"} & button.keys()) != 1:
                raise Wrong("Bad Request: a button has a text and exactly one more")
            if button.keys() - {"text", "url", "callback_data", "style"}:
                raise Wrong("Bad Request: a field that we do not send")
            if button.get("style", "primary") not in ("primary", "success", "danger"):
                raise Wrong("Bad Request: invalid button style")
            if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
                raise Wrong("Bad Request: BUTTON_DATA_INVALID")
            host = re.match(r"https?://([^/:?#]+)", button.get("url", "https://a.b"))
            if not host or "." not in host[1] or host[1].endswith("localhost"):
                raise Wrong("Bad Request: inline keyboard button URL is invalid: Wrong HTTP URL")

    def _self(self) -> dict[str, Any]:
        return {"id": BOT, "is_bot": True, "first_name": "Approvals", "username": "approvals_bot"}

    def chat(self, id: int) -> dict[str, Any]:
        if id < 0:
            return {"id": id, "type": "supergroup", "title": "Ops"}
        return {"id": id, "type": "private", "first_name": "Test"}

    def press(self, chat: int, message: int, label: str, user: int, **more: Any) -> dict[str, Any]:
        """The update that Telegram makes of a press on a button as it stands there now."""
        card = deepcopy(self.messages[chat, message])
        buttons = itertools.chain(*card["reply_markup"]["inline_keyboard"])
        (data,) = [one["callback_data"] for one in buttons if one["text"] == label]
        query = {
            "id": f"4382{next(self._count):014}",
            "from": person(user),
            "message": card,
            "chat_instance": "-1234567890123456789",
            "data": data,
            **more,
        }
        self._queries.add(query["id"])
        return self._queued({"callback_query": query})

    def reply(self, chat: int, prompt: int, text: str, user: int, **more: Any) -> dict[str, Any]:
        """The update that Telegram makes of an answer to a message."""
        answered = deepcopy(self.messages[chat, prompt])
        return self.write(chat, text, user, reply_to_message=answered, **more)

    def write(self, chat: int, text: str, user: int, **more: Any) -> dict[str, Any]:
        """The update that Telegram makes of a message, and of a link with `start` followed."""
        if chat == user:
            self.started.add(user)
        message = {
            "message_id": next(self._count),
            "from": person(user),
            "chat": self.chat(chat),
            "date": 1767326140,
            "text": text,
            **more,
        }
        return self._queued({"message": message})

    def _queued(self, update: dict[str, Any]) -> dict[str, Any]:
        whole = {"update_id": 312744884 + next(self._count), **update}
        self.updates.append(whole)
        self._changed.set()
        return whole

    async def drained(self) -> None:
        """Wait until every update was confirmed."""
        while self.updates:
            self._confirmed.clear()
            await asyncio.wait_for(self._confirmed.wait(), 5)

    def newest(self, chat: int) -> dict[str, Any]:
        """The last message in a chat."""
        return self.messages[max(where for where in self.messages if where[0] == chat)]


def person(id: int, **more: Any) -> dict[str, Any]:
    return {"id": id, "is_bot": False, "first_name": "Test", "language_code": "en", **more}


def delivery(update: Any, at: int, secret: str = SECRET) -> Inbound:
    """A webhook delivery. `at`: milliseconds."""
    body = update if isinstance(update, bytes) else json.dumps(update).encode()
    headers = {"content-type": "application/json", "x-telegram-bot-api-secret-token": secret}
    return Inbound("POST", "/channels/telegram/events", "", headers, body, at)


def make(api: str, **more: Any) -> Telegram:
    given = {"bot_token": BOT_TOKEN, "secret_token": SECRET, "render": template("telegram")}
    return Telegram(**{**given, "api_url": api, **more})


def fixture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())["body"]
    return found


def written(at: int, text: str, name: str = "start") -> Inbound:
    """A delivery of this text, in private, or as another fixture has it."""
    update = fixture(name)
    update["message"]["text"] = text
    return delivery(update, at)


def unknown(at: int) -> tuple[Inbound, ...]:
    good = fixture("callback_query")
    query = good["callback_query"]

    def other(**more: Any) -> dict[str, Any]:
        return {**good, "callback_query": {**query, **more}}

    updates: list[Any] = [
        {},
        [],
        None,
        "text",
        7,
        {**good, "update_id": "1"},
        {**good, "update_id": True},
        {"update_id": 1, "callback_query": "approve"},
        other(id=7),
        other(data=None),
        other(data={"a": 1}),
        other(**{"from": None}),
        other(**{"from": {"id": "100000001", "is_bot": False}}),
        other(**{"from": {"id": 100000001}}),
        other(message=None),
        other(message={"message_id": 17}),
        other(message={**query["message"], "message_id": "17"}),
        other(message={**query["message"], "chat": {"id": "100000001"}}),
        other(message={**query["message"], "entities": "all"}),
        other(message={**query["message"], "reply_markup": {"inline_keyboard": [["x"]]}}),
        {"update_id": 1, "message": {**fixture("reason")["message"], "from": 7}},
        {"update_id": 1, "message": {**fixture("start")["message"], "from": None}},
        {"update_id": 1, "message": {**fixture("start")["message"], "text": ["/start"]}},
        {"update_id": 1, "message": {**fixture("start")["message"], "message_id": "x"}},
        {"update_id": 1, "message": {**fixture("start")["message"], "chat": {"id": DANA}}},
    ]
    bodies = (b"", b"{", b"\xff", b"[" * 100_000)
    return tuple(delivery(one, at) for one in (*updates, *bodies))


def unstyled(payload: Payload) -> list[str]:
    """What Telegram looks through for links and mentions: all that is neither code nor pre."""
    text, last, found = payload["text"].encode("utf-16-le"), 0, []
    for one in payload["entities"]:
        if one["type"] in ("code", "pre"):
            found.append(text[last : 2 * one["offset"]].decode("utf-16-le"))
            last = 2 * (one["offset"] + one["length"])
    return [*found, text[last:].decode("utf-16-le")]


def links(payload: Payload) -> list[str]:
    found = [one for row in payload["reply_markup"]["inline_keyboard"] for one in row]
    words = [
        kind for said in unstyled(payload) for kind, form in FOUND.items() if re.search(form, said)
    ]
    return [*(one["url"] for one in (*found, *payload["entities"]) if "url" in one), *words]


def foreign(at: int) -> tuple[Inbound, ...]:
    good = fixture("callback_query")
    query = good["callback_query"]
    game = {name: query[name] for name in query if name != "data"} | {"game_short_name": "chess"}
    updates: list[Any] = [
        {**good, "callback_query": {**query, "data": "lunch:17"}},
        {**good, "callback_query": game},
        {"update_id": 1, "edited_message": fixture("message_in_a_group")["message"]},
        {"update_id": 1, "poll": {"id": "1"}},
        fixture("message_in_a_group"),
    ]
    return tuple(delivery(one, at) for one in updates)


KIT = Kit(
    name="telegram",
    make=make,
    foreign=foreign,
    tap=lambda at: delivery(fixture("callback_query"), at),
    proofs=("x-telegram-bot-api-secret-token",),
    stale=None,
    unknown=unknown,
    peer=TelegramPeer,
    address=Address("telegram", str(GROUP)),
    parsed=unstyled,
    links=links,
    secrets=(BOT_TOKEN, SECRET),
    signs_body=False,
    write=written,
    overheard=lambda at, text: written(at, text, "message_in_a_group"),
    by_conversation=True,
    slow_in_words=True,
)


def _pressed(peer: TelegramPeer, digest: str, at: int) -> Inbound:
    return delivery(peer.press(*says(digest, peer.messages), "Approve", DANA), at)


SEAT = Seat(account=str(DANA), messages=lambda peer: peer.messages.values(), press=_pressed)
