"""Mattermost: a post with an attachment and buttons, sent by a bot of your own server.

A press is proven by what only the server knows (`press`); then the post and the account are fetched
from it, so that what was tapped is compared with what we sent, and guests and bots are known.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, ClassVar, Final
from urllib.parse import quote

from pydantic_core import from_json, to_json

from adapters.kit import fences
from adapters.kit.base import Base
from adapters.kit.echo import differences, digest, settled
from adapters.kit.fences import inert, plain
from adapters.kit.http import FAULTS, Denied
from adapters.mattermost import press
from adapters.mattermost.api import Api, log
from approvals import port
from approvals.model import (
    Address,
    Busy,
    Card,
    Forged,
    Instant,
    Malformed,
    MessageRef,
    Refused,
    Status,
    Tier,
)
from approvals.text import fitting, utf16_len

# Runes of a post's props, where the attachment stands (`PostPropsMaxRunes`), and of its message
# (`PostMessageMaxRunesV2`): https://github.com/mattermost/mattermost/blob/master/server/public/
# model/post.go. Nobody reads so much in a chat: our own limit is smaller.
MESSAGE: Final = 16_383
TEXT: Final = 12_000
OPTION: Final = 100
WHO: Final = 300
COLOURS: Final = {"low": "#2ea44f", "medium": "#dba500", "high": "#d24b4e"}
CLOSED: Final = {"approved": "#2ea44f", "declined": "#d24b4e"}
GREY: Final = "#8a8f99"
# A field of a post that a person sees, or that a press depends on. The server adds ids, cookies and
# empty values, and keeps a button's `integration` to itself.
SHOWN: Final = re.compile(
    "color|pretext|text|author_name|author_link|author_icon|title|title_link|fields|value|image_url"
    "|thumb_url|footer|footer_icon|actions|name|type|style|disabled|options|data_source"
)
ACCOUNT: Final = re.compile("[a-z0-9]{26}")
CONFIG: Final = "/config/client?format=old"
# Milliseconds after which it is asked for its key again, if it did not tell it.
PAUSE: Final = 10_000
# The server's `PostEditTimeLimit` is over; since 11.7 not only for the message.
TOO_LATE: Final = "api.post.update_post.permissions_time_limit.app_error"
UNVERIFIED: Final = (
    "mattermost: {} may be anybody's, because this server does not verify addresses "
    "(RequireEmailVerification): write the person's id instead, as `mmctl user search` shows it"
)


@dataclass(frozen=True, slots=True)
class Mattermost(Base):
    """`url`: of your server. `events_url`: where it delivers to us. `server_key`: its public key
    (`AsymmetricSigningPublicKey`); "": it is asked for it."""

    url: str
    token: str = field(repr=False)
    secret: str = field(repr=False)
    events_url: str
    render: port.Render = field(repr=False)
    server_key: str = ""
    _api: Api = field(init=False, repr=False, compare=False)
    _keys: list[str] = field(default_factory=list, init=False, repr=False, compare=False)
    _asking: asyncio.Lock = field(
        default_factory=asyncio.Lock, init=False, repr=False, compare=False
    )
    _asked: list[Instant] = field(default_factory=list, init=False, repr=False, compare=False)
    name: ClassVar[str] = "mattermost"
    limits: ClassVar = port.Limits(
        title=200,
        fact_label=400,
        fact_value=1000,
        facts=25,
        payload=5000,
        note=1000,
        buttons=3,
        label=40,
        measure=lambda text: utf16_len(inert(text)),
        total=9000,
        together=4000,
    )
    # B: a server may let anybody sign up, and single sign-on is the server's business.
    abilities: ClassVar = port.Abilities(
        edit=True,
        echo=True,
        private_notice=True,
        reason_prompt=True,
        open_by_email=True,
        tier=Tier.B,
    )

    def __post_init__(self) -> None:
        self.needs("url", "token", "secret", "events_url")
        if len(self.secret) < 32:
            raise ValueError("mattermost: secret has 32 characters at least")
        object.__setattr__(self, "_api", Api(self.url, self.token))
        if self.server_key:
            self._keys.append(press.server_key(self.server_key))

    def drawn(self, card: Card) -> port.Drawn:
        return port.whole(card, self._draw, plain)

    def _draw(self, card: Card) -> port.Drawn:
        open_ = card.status is Status.PENDING
        colour = COLOURS[card.risk] if open_ else CLOSED.get(card.status, GREY)
        made = self.render(fences.values(card, WHO) | {"colour": colour})
        attachment = made["attachment"]
        port.same_buttons(card, [(one["name"], one["token"]) for one in attachment["actions"]])
        actions = [self._button(one) for one in attachment["actions"]]
        payload: port.Payload = {"message": made["message"]}
        payload["props"] = {"attachments": [{**attachment, "actions": actions}]}
        texts = [made["message"], attachment["text"]]
        texts += [one["value"] for one in attachment["fields"]]
        if utf16_len(made["message"]) > MESSAGE or sum(map(utf16_len, texts)) > TEXT:
            raise Refused(f"mattermost: over {TEXT} characters")
        return port.Drawn(card, payload, [plain(text) for text in texts])

    def _button(self, made: Any) -> dict[str, Any]:
        integration = {"url": self.events_url, "context": press.context(self.secret, made["token"])}
        shown = {name: made[name] for name in ("id", "name", "style")}
        return {**shown, "type": "button", "integration": integration}

    async def prepare(self, inbound: port.Inbound) -> None:
        # Without its key no press is proven. It keeps one key for good. It is not asked because of
        # what cannot be a press, whatever the key.
        if not self._keys and _is_ours(self.secret, inbound.body):
            async with self._asking:
                if self._keys:
                    return
                if self._asked and inbound.at - self._asked[0] < PAUSE:
                    raise Busy("mattermost: the server's public key is not known yet")
                self._asked[:] = [inbound.at]
                await self._have_key()

    async def _have_key(self) -> None:
        said = await self._api.call("GET", CONFIG)
        try:
            self._keys[:] = [press.server_key(said["AsymmetricSigningPublicKey"])]
        except FAULTS:
            raise Busy("mattermost: the server does not tell its public key") from None

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        try:
            sent = from_json(inbound.body)
        except ValueError:
            raise Forged("mattermost: not JSON") from None
        if not isinstance(sent, dict):
            raise Forged("mattermost: not an object")
        if sent.get("type") == "dialog_submission":
            who = sent.get("user_id")
            asked = press.check_state(self.secret, sent.get("state"), who, inbound.at)
            return port.Proven(inbound, {"sent": sent, "asked": asked})
        if not self._keys:
            raise Forged("mattermost: the server's key is not known")
        press.check_context(self.secret, sent.get("context"))
        given, who = sent.get("trigger_id"), sent.get("user_id")
        pressed = press.check_trigger(self._keys[0], given, who, inbound.at)
        return port.Proven(inbound, {"sent": sent, "pressed": pressed})

    async def resolve(self, proven: port.Proven) -> port.Resolved:
        sent = proven.claims["sent"]
        who, message = (str(sent.get(name)) for name in ("user_id", "post_id"))
        if not ACCOUNT.fullmatch(who):
            raise Forged("mattermost: no account")
        if "asked" in proven.claims:
            return port.Resolved.of(proven, user=await self._user(who))
        if not ACCOUNT.fullmatch(message):
            raise Forged("mattermost: no post")
        try:
            user, post, me = await asyncio.gather(
                self._user(who),
                self._api.call("GET", f"/posts/{message}", about=True),
                self._api.me(),
            )
        except Refused as why:
            raise Forged(f"mattermost: {why}") from None
        # A button with our token on another's post, or elsewhere, was not put there by us.
        if post.get("user_id") != me or post.get("channel_id") != sent.get("channel_id"):
            raise Forged("mattermost: not our bot's post")
        return port.Resolved.of(proven, user=user, post=post)

    async def _user(self, who: str) -> Any:
        return await self._api.call("GET", f"/users/{who}", about=True)

    def read(self, resolved: port.Resolved) -> port.Event:
        try:
            return self._event(**resolved.claims)
        except FAULTS as error:
            raise Malformed(f"mattermost: {type(error).__name__}") from None

    def _event(
        self,
        sent: Any,
        user: Any,
        pressed: str = "",
        post: Any = None,
        asked: press.Asked | None = None,
    ) -> port.Event:
        stranger = _barred(user)
        if asked is not None:
            if sent.get("cancelled"):
                return port.Ignored("a dialog that was closed")
            given = sent["submission"]
            reason = given.get("reason") or ""
            if not isinstance(reason, str):
                raise TypeError
            return port.Tap(
                channel="mattermost",
                event=sha256(sent["state"].encode()).hexdigest(),
                account=sent["user_id"],
                conversation=asked.conversation,
                message=None,
                token=asked.token,
                stranger=stranger,
                reason=reason,
                ready=port.ready(given.get("ready")),
                reply_to={"way": "dialog"},
            )
        if sent.get("type") not in ("", "button", None):
            raise ValueError("not a button")
        return port.Tap(
            channel="mattermost",
            event=pressed,
            account=sent["user_id"],
            conversation=sent["channel_id"],
            message=sent["post_id"],
            token=sent["context"]["token"],
            stranger=stranger,
            echo=self.echo(post),
            reply_to={"way": "button", "trigger": sent["trigger_id"]},
        )

    async def open(self, account: str) -> Address:
        if "@" in account:
            # Else whoever signs up with it has it.
            # https://docs.mattermost.com/administration-guide/configure/
            # authentication-configuration-settings.html#require-email-verification
            if (await self._api.call("GET", CONFIG)).get("RequireEmailVerification") != "true":
                raise Refused(UNVERIFIED.format(account))
            user = await self._api.call("GET", f"/users/email/{quote(account)}", about=True)
        elif ACCOUNT.fullmatch(account):
            user = await self._user(account)
        else:
            raise Refused(f"mattermost: {account!r} is no id of a user: 26 letters and digits")
        if why := _barred(user):
            raise Refused(f"mattermost: {account} may not approve: {why}")
        pair = [await self._api.me(), user["id"]]
        opened = await self._api.call("POST", "/channels/direct", pair)
        return Address("mattermost", opened["id"], account=user["id"])

    def echo(self, payload: port.Payload) -> str:
        return digest(_view(payload))

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        # A room that is not ours to write to is the configuration's fault, and not this card's.
        body = {"channel_id": address.conversation, **payload}
        sent = await self._api.call("POST", "/posts", body)
        return MessageRef("mattermost", address.conversation, sent["id"], _altered(payload, sent))

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> MessageRef:
        try:
            sent = await self._api.call("PUT", f"/posts/{ref.message}/patch", payload)
        except Denied as why:
            if why.code != TOO_LATE:
                raise
            return await self._moved(ref, payload)
        if sent["id"] != ref.message:
            raise Busy("mattermost: it does not say that it took the edit")
        return replace(ref, altered=_altered(payload, sent))

    async def _moved(self, ref: MessageRef, payload: port.Payload) -> MessageRef:
        # No card keeps buttons that it should not have.
        now_at = await self.post(Address("mattermost", ref.conversation), payload, "")
        try:
            await self._api.call("DELETE", f"/posts/{ref.message}")
        except (Busy, Refused) as why:
            log.warning(port.Line("old_card_not_deleted", why=why))
        return now_at

    def answer(self, tap: port.Tap, notice: port.Notice) -> port.Response | None:
        # Anything but JSON and 200 is shown as an error.
        said: dict[str, Any] = {}
        if notice.kind not in (port.NoticeKind.COUNTED, port.NoticeKind.ASK_REASON):
            if tap.reply_to.get("way") == "dialog":
                said = {"error": notice.text}
            else:
                said = {"ephemeral_text": notice.text, "skip_slack_parsing": True}
        return port.Response(body=to_json(said))

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        if notice.kind is not port.NoticeKind.ASK_REASON or "trigger" not in tap.reply_to:
            return  # the answer has said it
        asked = press.Asked(tap.token, tap.conversation)
        state = press.state(self.secret, asked, tap.account, int(time.time() * 1000))
        reasons = [fitting(one, OPTION) for one in notice.reasons]
        dialog = self.render({"prompt": state, "reasons": reasons})
        to = {"trigger_id": tap.reply_to["trigger"], "url": self.events_url}
        await self._api.call("POST", "/actions/dialogs/open", {**to, "dialog": dialog})

    async def check(self) -> list[port.Finding]:
        try:
            me = await self._api.call("GET", "/users/me")
            if not self._keys:
                await self._have_key()
        except (Busy, Refused) as why:
            return [port.Finding("token", False, str(why))]
        bot = bool(me.get("is_bot"))
        return [
            port.Finding("token", bot, f"@{me.get('username')}" + ("" if bot else " is no bot")),
            port.Finding("server's key", bool(self._keys), "presses can be proven"),
            self._api.http.clock(),
        ]

    async def close(self) -> None:
        await self._api.http.close()


def _barred(user: Any) -> str | None:
    """Why this account can never be an approver's, or None.

    https://developers.mattermost.com/api-documentation/#/operations/GetUser; guests have the role
    `system_guest`, and people of another server, in a shared channel, a `remote_id`.
    """
    if user.get("is_bot"):
        return "a bot"
    if user.get("delete_at"):
        return "a deactivated account"
    if "system_guest" in str(user.get("roles")).split():
        return "a guest"
    return "from another server" if user.get("remote_id") else None


def _is_ours(secret: str, body: bytes) -> bool:
    """Does this bring a button of ours?"""
    try:
        press.check_context(secret, from_json(body).get("context"))
    except (Forged, *FAULTS):
        return False
    return True


def _altered(payload: port.Payload, sent: Any) -> Any:
    # What has no message is no post of Mattermost's.
    return differences(_view(payload), _view(sent)) if "message" in sent else ()


def _view(post: Any) -> dict[str, Any]:
    """What a person sees of a post."""
    props = post.get("props") or {}
    return {
        "message": settled(post.get("message") or ""),
        "attachments": [_shown(one) for one in props.get("attachments") or ()],
        "blocks": props.get("mm_blocks") or None,
        "files": post.get("file_ids") or None,
    }


def _shown(node: Any) -> Any:
    if isinstance(node, list):
        return [_shown(item) for item in node]
    if isinstance(node, dict):
        seen = {name: _shown(node[name]) for name in sorted(node) if SHOWN.fullmatch(name)}
        return {name: value for name, value in seen.items() if value}
    return settled(node) if isinstance(node, str) else node
