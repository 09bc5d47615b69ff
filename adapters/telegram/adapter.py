"""Telegram: inline keyboards, by webhook or by asking for updates. What others wrote stands in code
and pre entities, which Telegram does not read; a tap brings its message along to be compared."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from pydantic_core import from_json, to_json  # half of json.loads' time; the service has it anyway

from adapters.kit.base import Base
from adapters.kit.echo import differences, digest, settled
from adapters.kit.http import FAULTS, read_as
from adapters.telegram.api import Api, log
from adapters.telegram.setup import UPDATES
from approvals import port
from approvals.model import Address, Busy, Card, Malformed, MessageRef, Refused, Tier
from approvals.proof import check_secret
from approvals.text import utf16_len

# https://core.telegram.org/bots/api: #sendmessage, #inlinekeyboardbutton, #answercallbackquery,
# #setwebhook
TEXT: Final = 4096
CALLBACK: Final = 64
TOAST: Final = 200
SECRET: Final = re.compile("[A-Za-z0-9_-]{1,256}")
# How long a getUpdates waits for something to happen, in seconds.
POLL: Final = 25
# Marks, in our own template, of how a text stands there.
STYLES: Final = ("text", "bold", "italic", "code", "pre")
# Senders that stand for somebody unseen: an anonymous administrator, a channel, Telegram itself:
# https://core.telegram.org/bots/api#message, `from`
NOBODY: Final = {1087968824, 136817688, 777000}
# Telegram turns a tab into a blank and drops these three marks, and then it is not what was sent:
# https://github.com/tdlib/td/blob/master/td/telegram/misc.cpp (clean_input_string)
CHANGED: Final = re.compile("[\t\u030a\u0333\u033f]")
# What a prompt ends with: the answer to it carries the prompt's text and nothing else of ours.
ASKED: Final = re.compile(r"Reference ([A-Za-z0-9_-]{20})\Z")
REASON: Final = 500
ANSWER: Final = "Press a button, or reply to this message in your own words. The agent reads it."
NO_REASON: Final = "Decline without a reason"


def inert(text: str) -> str:
    """Text that Telegram stores and shows as it is: what it would change stands as `\\u{…}`."""
    return CHANGED.sub(lambda match: f"\\u{{{ord(match[0]):x}}}", text) or "(empty)"


@dataclass(frozen=True, slots=True)
class Telegram(Base):
    """`mode` webhook needs `secret_token`, as setWebhook was given it; polling none."""

    bot_token: str = field(repr=False)
    render: port.Render = field(repr=False)
    secret_token: str = field(default="", repr=False)
    mode: str = "webhook"
    api_url: str = "https://api.telegram.org/bot"
    _api: Api = field(init=False, repr=False, compare=False)
    name: ClassVar[str] = "telegram"
    # Together under TEXT.
    limits: ClassVar = port.Limits(
        title=200,
        fact_label=400,
        fact_value=900,
        facts=24,
        payload=3200,
        note=800,
        buttons=3,
        label=40,
        measure=lambda text: utf16_len(inert(text)),
        total=3500,
        together=2400,
    )

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]+:\S+", self.bot_token):
            raise ValueError("telegram: bot_token looks like 123456:ABC-DEF, as BotFather gave it")
        if self.mode not in ("webhook", "polling"):
            raise ValueError(f"telegram: mode is webhook or polling, not {self.mode!r}")
        if self.mode == "webhook" and not SECRET.fullmatch(self.secret_token):
            raise ValueError("telegram: webhook needs secret_token: 1 to 256 of A-Z a-z 0-9 _ -")
        object.__setattr__(self, "_api", Api(self.bot_token, self.api_url))

    @property
    def abilities(self) -> port.Abilities:
        return port.Abilities(
            edit=True,
            echo=True,
            private_notice=True,
            reason_prompt=True,
            listen=self.mode == "polling",
            tier=Tier.B,
        )

    def drawn(self, card: Card) -> port.Drawn:
        return port.whole(card, self._draw, inert)

    def _draw(self, card: Card) -> port.Drawn:
        link = card.review if card.review and port.reachable(card.review) else None
        drawn = self.render({"card": card, "facts": port.block(card.facts), "link": link})
        text, entities = _written(drawn["lines"])
        rows = drawn["inline_keyboard"]
        each = [one for row in rows for one in row if "url" not in one]
        taps = [(one["text"], one["callback_data"]) for one in each]
        port.same_buttons(card, taps)
        if utf16_len(text) > TEXT or any(len(value.encode()) > CALLBACK for _, value in taps):
            raise Refused(f"telegram: over {TEXT} characters, or {CALLBACK} bytes in a button")
        shown = {"text": text, "entities": entities, "reply_markup": {"inline_keyboard": rows}}
        return port.Drawn(card, shown | {"link_preview_options": {"is_disabled": True}}, [text])

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        # Only this proves the sender; neither body nor time is signed.
        check_secret(self.secret_token, inbound.headers.get("x-telegram-bot-api-secret-token"))
        return port.Proven(inbound)

    def read(self, resolved: port.Resolved) -> port.Event:
        try:
            update = resolved.claims.get("update") or from_json(resolved.inbound.body)
            if isinstance(update["update_id"], bool) or not isinstance(update["update_id"], int):
                raise TypeError
            by = "api" if "update" in resolved.claims else "answer"
            if query := update.get("callback_query"):
                return self._pressed(query, by)
            if message := update.get("message"):
                return self._answered(message)
        except FAULTS as error:
            raise Malformed(f"telegram: {type(error).__name__}") from None
        return port.Ignored("not a kind of update that we asked for")

    def _pressed(self, query: Any, by: str) -> port.Event:
        if not {"data", "message"} <= query.keys():
            return port.Ignored("a game, or a message that was sent from elsewhere")
        message, token = query["message"], query["data"]
        asked = port.chosen(token) if isinstance(token, str) else None
        if isinstance(token, str) and not (asked or port.is_token(token)):
            return port.Ignored("a button of another feature of the bot")
        who, stranger = _sender(query["from"])
        if {*map(type, (query["id"], token))} != {str} or type(message["message_id"]) is not int:
            raise TypeError
        if asked is not None:  # on the prompt, not on the card: it may decline only
            return port.Tap(
                channel="telegram",
                event=query["id"],
                account=who,
                conversation=_place(message),
                message=None,
                token=asked[0],
                stranger=stranger,
                reason="",
                ready=asked[1],
                reply_to={"query": query["id"], "by": by, "prompt": str(message["message_id"])},
            )
        # Of a message that it has forgotten Telegram tells the place and the date 0.
        echo = self.echo(message) if message["date"] else None
        return port.Tap(
            channel="telegram",
            event=query["id"],
            account=who,
            conversation=_place(message),
            message=str(message["message_id"]),
            token=token,
            stranger=stranger,
            echo=echo,
            reply_to={"query": query["id"], "by": by},
        )

    def _answered(self, message: Any) -> port.Event:
        # The prompt is ours, as Telegram says; what stands in it is a token or it is nothing. It
        # has no message to be compared, so that it may decline only.
        prompt, me = message.get("reply_to_message") or {}, int(self.bot_token.partition(":")[0])
        found, text = ASKED.search(prompt.get("text") or ""), message.get("text")
        ours = found is not None and prompt["from"]["id"] == me
        private = message["chat"]["type"] == "private"
        if not text or not (ours or private):
            return port.Ignored("a message to others, or without text")
        if type(text) is not str:
            raise TypeError
        who, stranger = _sender(message["from"])
        stranger = "somebody unseen" if message.get("sender_chat") else stranger
        place = _place(message)
        event = f"{place}:{int(message['message_id'])}"
        if not ours or found is None:
            return port.Reply("telegram", event, who, place, text, stranger=stranger)
        return port.Tap(
            channel="telegram",
            event=event,
            account=who,
            conversation=place,
            message=None,
            token=found[1],
            stranger=stranger,
            reason=text[:REASON],
            reply_to={"prompt": str(int(prompt["message_id"]))},
        )

    async def open(self, account: str) -> Address:
        # There is no look-up by address or telephone number, and a bot cannot write first.
        if not re.fullmatch("[1-9][0-9]{0,15}", account):
            raise Refused(f"telegram: {account} is no id of a person: it is a number")
        chat = await self._api.call("get_chat", chat_id=int(account))
        if chat.type != "private" or chat.id in NOBODY:
            raise Refused(f"telegram: {account} is a {chat.type}, not a person")
        return Address("telegram", str(chat.id), account=str(chat.id))

    def echo(self, payload: port.Payload) -> str:
        return digest(_view(payload))

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        sent = await self._api.call("send_message", **_where(address.conversation), **payload)
        with read_as("telegram"):
            altered = differences(_view(payload), _view(sent.to_dict()))
            return MessageRef("telegram", address.conversation, str(sent.id), altered)

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> MessageRef | None:
        where = {"chat_id": _where(ref.conversation)["chat_id"], "message_id": int(ref.message)}
        sent = await self._api.call("edit_message_text", **where, **payload)
        if not sent:  # it was so already, says Telegram
            return None
        with read_as("telegram"):
            return replace(ref, altered=differences(_view(payload), _view(sent.to_dict())))

    def answer(self, tap: port.Tap, notice: port.Notice) -> port.Response | None:
        # https://core.telegram.org/bots/api#making-requests-when-getting-updates
        if tap.reply_to.get("by") != "answer":
            return None
        return port.Response(body=to_json({"method": "answerCallbackQuery"} | _toast(tap, notice)))

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        if tap.reply_to.get("by") == "api":
            await self._api.call("answer_callback_query", **_toast(tap, notice))
        if notice.kind is port.NoticeKind.ASK_REASON:
            await self._ask(tap, notice)
            return
        if (asked := tap.reply_to.get("prompt")) is None:
            return
        if "query" not in tap.reply_to and notice.kind is not port.NoticeKind.COUNTED:
            # What was written has no toast: a word in private, and the card says the rest.
            await self._api.call("send_message", chat_id=tap.account, text=inert(notice.text))
        if notice.kind is not port.NoticeKind.REFUSED:  # its buttons are of no more use to anybody
            chat = _where(tap.conversation)["chat_id"]
            await self._api.call("delete_message", chat_id=chat, message_id=int(asked))

    async def say(self, reply: port.Reply, notice: port.Notice) -> None:
        where = _where(reply.conversation)
        await self._api.call("send_message", **where, text=inert(notice.text))

    async def whisper(self, account: str, letter: port.Letter) -> None:
        where = _where((await self.open(account)).conversation)
        # Protected: a thief of the bot's token could otherwise forward it to another chat.
        # https://core.telegram.org/bots/api#sendmessage, `protect_content`
        quiet: Any = {"link_preview_options": {"is_disabled": True}, "protect_content": True}
        await self._api.call("send_message", **where, **quiet, text=letter.text)

    async def called(self) -> str:
        return str((await self._api.call("get_me")).username)

    async def _ask(self, tap: port.Tap, notice: port.Notice) -> None:
        # A message is answered by swiping it; who is named is notified of it. Such answers reach a
        # bot in a group, too: https://core.telegram.org/bots/features#privacy-mode
        said, who = inert(notice.text), {"id": int(tap.account), "is_bot": False, "first_name": ""}
        named = {"type": "text_mention", "offset": 0, "length": utf16_len(said), "user": who}
        to = {"message_id": int(tap.message or 0), "allow_sending_without_reply": True}
        text = f"{said}\n{ANSWER}\nReference {tap.token}"
        prompt: Any = {"text": text, "entities": [named], "reply_parameters": to}
        rows = [(one, port.choice(tap.token, at)) for at, one in enumerate(notice.reasons)]
        rows.append((NO_REASON, port.choice(tap.token, None)))
        keys = [[{"text": inert(said), "callback_data": sent}] for said, sent in rows]
        prompt["reply_markup"] = {"inline_keyboard": keys}
        await self._api.call("send_message", **_where(tap.conversation), **prompt)

    async def listen(self, deliver: port.Deliver) -> None:
        # Telegram keeps an update until a later offset is asked for: one is confirmed when all that
        # came with it was delivered. Whatever goes wrong, it comes again, with the same ids.
        offset = 0
        while True:
            more = {"timeout": POLL, "allowed_updates": UPDATES}
            updates = await self._api.call("get_updates", offset=offset, **more)
            taken = (self._take(update.to_dict(), deliver) for update in updates)
            for failed in await asyncio.gather(*taken, return_exceptions=True):
                if failed:
                    raise failed
            offset = max((update.update_id + 1 for update in updates), default=offset)

    async def _take(self, update: dict[str, Any], deliver: port.Deliver) -> None:
        inbound = port.Inbound("GETUPDATES", "", "", {}, b"", int(time.time() * 1000))
        try:
            event = self.read(port.Resolved(inbound, {"update": update}))
        except Malformed as why:
            event = port.Ignored(str(why))
        notice = await deliver(event)
        if notice and isinstance(event, port.Tap):
            try:
                await self.tell(event, notice)
            except (Busy, Refused) as why:
                log.warning(port.Line("notice_not_told", why=why))

    async def check(self) -> list[port.Finding]:
        try:
            me, hook = await self._api.call("get_me"), await self._api.call("get_webhook_info")
        except (Busy, Refused) as why:
            return [port.Finding("token", False, str(why))]
        missing = " ".join({*UPDATES} - {*(hook.allowed_updates or UPDATES)})
        failed = hook.last_error_message
        return [
            port.Finding("token", True, f"@{me.username}"),
            port.Finding(
                "webhook", bool(hook.url) == (self.mode == "webhook"), hook.url or "not set"
            ),
            port.Finding("updates", not missing, f"missing: {missing or 'none'}"),
            port.Finding("deliveries", not failed, failed or "none failed"),
        ]

    async def close(self) -> None:
        await self._api.close()


def _written(lines: Any) -> tuple[str, list[dict[str, Any]]]:
    # [[{style: text}, …], …] as one text, and where in it each style stands, in UTF-16 units.
    text, entities = "", list[dict[str, Any]]()
    for line in lines:
        for style, raw in (pair for part in line for pair in part.items()):
            if style not in STYLES:
                raise Refused(f"telegram: a part of a line is one of {STYLES}")
            said = inert(raw)
            if style != "text":
                at = {"offset": utf16_len(text), "length": utf16_len(said)}
                entities.append({"type": style, **at})
            text += said
        text += "\n"
    return text[:-1], entities


def _view(payload: port.Payload) -> dict[str, Any]:
    # Of the entities, what is beyond our styles: a link, a spoiler, what folds away.
    odd = [one for one in payload.get("entities") or () if one["type"] not in STYLES]
    preview = payload.get("link_preview_options") or {}
    keyboard = (payload.get("reply_markup") or {}).get("inline_keyboard") or ()
    return {
        "text": settled(payload.get("text") or ""),
        "entities": [_on(one) for one in odd],
        "link_preview": None if preview.get("is_disabled") else preview.get("url"),
        "inline_keyboard": [[_on(one) for one in row] for row in keyboard],
    }


def _on(node: Any) -> dict[str, Any]:
    # A button or an entity. Not the colour of a button: not every server gives it back.
    kept = {k: v for k, v in sorted(node.items()) if v and k != "style"}
    return kept | {"text": settled(kept["text"])} if "text" in kept else kept


def _toast(tap: port.Tap, notice: port.Notice) -> dict[str, Any]:
    quiet = notice.kind in (port.NoticeKind.COUNTED, port.NoticeKind.ASK_REASON)
    text = inert(notice.text)[: TOAST // 2]  # it counts characters; a pair may be two
    return {"callback_query_id": tap.reply_to["query"], "text": text, "show_alert": not quiet}


def _sender(user: Any) -> tuple[str, str | None]:
    if type(user["is_bot"]) is not bool:
        raise TypeError
    unseen = "somebody unseen" if user["id"] in NOBODY else None
    return f"{user['id']:d}", unseen or ("a bot" if user["is_bot"] else None)


def _place(message: Any) -> str:
    chat = f"{message['chat']['id']:d}"  # ids are numbers: anything else raises
    return f"{chat}/{message['message_thread_id']:d}" if message.get("is_topic_message") else chat


def _where(conversation: str) -> dict[str, Any]:
    chat, _, thread = conversation.partition("/")
    return {"chat_id": chat, "message_thread_id": int(thread) if thread else None}
