"""Slack: Block Kit cards, signed interactions or Socket Mode. A tap brings its message along,
which is compared with what we last sent: whoever has the bot token still cannot swap a button."""

from __future__ import annotations

import re
import time
import unicodedata
from binascii import a2b_qp
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

from pydantic_core import from_json, to_json  # half of json.loads' time; the service has it anyway

from adapters.kit.base import Base
from adapters.kit.echo import differences, digest, settled
from adapters.kit.http import FAULTS, read_as
from adapters.slack import home, install
from adapters.slack.install import Workspaces
from adapters.slack.pages import Pages, wanted
from adapters.slack.setup import SCOPES
from adapters.slack.web import Web, log, socket
from approvals import port
from approvals.model import (
    Address,
    Busy,
    Card,
    Difference,
    Malformed,
    MessageRef,
    Refused,
    Scope,
    Tier,
)
from approvals.proof import check_fresh, check_hmac
from approvals.text import fitting, unlinked

# Milliseconds: https://docs.slack.dev/authentication/verifying-requests-from-slack
WINDOW: Final = 300_000
# Characters in a message. Slack names no number; 11,341 were refused with msg_blocks_too_long:
# https://github.com/slackapi/bolt-js/issues/2867 (2026-04-11).
TEXT: Final = 10_000
# Characters of a text, items of a list: https://docs.slack.dev/reference/block-kit
LIMITS: Final = {"header": 150, "button": 75, "mrkdwn": 3000, "plain_text": 3000, "context": 10}
# What a person sees and what a press does, by type (a dialog and a style have none). All else in
# what we send is added or dropped by Slack's store: block_id, verbatim, border, false flags.
# Of an option's text: https://docs.slack.dev/reference/block-kit/composition-objects/option-object
OPTION: Final = 75
SHOWN: Final[dict[str | None, tuple[str, ...]]] = {
    **dict.fromkeys(("header", "mrkdwn"), ("text",)),
    **dict.fromkeys(("context", "actions", "rich_text"), ("elements",)),
    **{f"rich_text_{kind}": ("elements",) for kind in ("section", "preformatted", "quote")},
    "plain_text": ("text", "emoji"),
    "text": ("text", "style"),
    "button": ("text", "action_id", "value", "url", "style", "confirm", "accessibility_label"),
    None: ("title", "text", "confirm", "deny", "style", "bold", "italic", "strike", "code"),
}
# What Slack stores otherwise than sent: entities are decoded, emoji become `:names:`
# (https://github.com/dylex/slack-libpurple/pull/185). So each stands there by its name, Slack's own
# where it is a common one (https://github.com/iamcal/emoji-data), else that of Unicode.
CHANGED: Final = re.compile(
    "&(?=(?:amp|lt|gt);)|[©®‼⁉™ℹ\u20e3\u2194-\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23faⓂ\u25aa-\u25fe"
    "\u2600-\u2712\u2714-\u27bf⤴⤵\u2b05-\u2b55〰〽㊗㊙\ufe0f\u200d\U0001f000-\U0001faff]"
)
NAMES: Final = dict(
    pair.split("=")
    for pair in [
        "©=copyright",
        "®=registered",
        "™=tm",
        "✅=white_check_mark",
        "❌=x",
        "❗=exclamation",
        "❓=question",
        "⚠=warning",
        "❤=heart",
        "⭐=star",
        "✨=sparkles",
        "👍=+1",
        "👎=-1",
        "👋=wave",
        "🙏=pray",
        "👏=clap",
        "🎉=tada",
        "🔥=fire",
        "💥=boom",
        "🐛=bug",
        "🔒=lock",
        "💰=moneybag",
        "📈=chart_with_upwards_trend",
        "📌=pushpin",
        "📝=memo",
        "📣=mega",
        "🚨=rotating_light",
        "🛑=octagonal_sign",
        "😀=grinning",
        "😄=smile",
        "😂=joy",
        "😊=blush",
        "🤖=robot_face",
    ]
)
FORM: Final = bytes.maketrans(b"+%", b" =")
BARRED: Final = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")


def inert(text: str) -> str:
    """Text that Slack stores and shows as it is: an emoji stands as its `:name:`, and an entity is
    broken by a zero-width space, which cleaned text brings none of."""
    return CHANGED.sub(lambda match: _named(match[0]), text) or "(empty)"


def _mrkdwn(text: str) -> str:
    # https://docs.slack.dev/messaging/formatting-message-text#escaping
    return inert(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _named(char: str) -> str:
    if char == "&":
        return "&\u200b"
    if char in "\ufe0f\u200d":
        return ""  # how an emoji is drawn, or that two are joined: their names say it
    name = NAMES.get(char) or unicodedata.name(char, f"u+{ord(char):x}").lower()
    return f":{name.replace(' ', '_')}:"


@dataclass(frozen=True, slots=True)
class Slack(Base):
    """`mode` webhook needs `signing_secret`, socket `app_token`; `team_id` is whose taps count.

    `workspaces`: others whose taps count, once the app is installed there. What is of one of them
    is written `<workspace>/<id>`, here and in the configuration.
    """

    bot_token: str = field(repr=False)
    render: port.Render = field(repr=False)
    signing_secret: str = field(default="", repr=False)
    mode: str = "webhook"
    app_token: str = field(default="", repr=False)
    app_id: str = ""
    team_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    workspaces: tuple[str, ...] = ()
    api_url: str = "https://slack.com/api/"
    _web: Web = field(init=False, repr=False, compare=False)
    _late: dict[str, Pages] = field(default_factory=dict, init=False, repr=False, compare=False)
    _others: Workspaces = field(init=False, repr=False, compare=False)
    name: ClassVar[str] = "slack"
    # Together under TEXT, less what its end, its dialog and our own words take.
    limits: ClassVar = port.Limits(
        title=150,
        fact_label=400,
        fact_value=1000,
        facts=25,
        payload=6000,
        note=1000,
        buttons=3,
        label=75,
        measure=lambda text: len(inert(text)),
        total=8000,
        together=5000,
    )

    def __post_init__(self) -> None:
        needs = {"webhook": "signing_secret", "socket": "app_token"}
        for secret in ("bot_token", needs.get(self.mode, "to be webhook or socket")):
            if not getattr(self, secret, "").strip():
                raise ValueError(f"slack: mode {self.mode!r} needs {secret}")
        if self.workspaces and not (self.team_id and self.client_id and self.client_secret):
            raise ValueError("slack: workspaces need team_id, client_id and client_secret")
        web = Web(self.api_url)
        object.__setattr__(self, "_web", web)
        others = Workspaces(
            client_id=self.client_id,
            secret=self.client_secret,
            app_id=self.app_id,
            home=self.team_id,
            allowed=self.workspaces,
            web=web,
        )
        object.__setattr__(self, "_others", others)

    @property
    def abilities(self) -> port.Abilities:
        socket = self.mode == "socket"
        return port.Abilities(
            edit=True,
            echo=True,
            private_notice=True,
            reason_prompt=True,
            open_by_email=True,
            listen=socket,
            tier=Tier.A,
            says_counted=False,
        )

    @property
    def routes(self) -> Sequence[port.Route]:
        if not self.workspaces:
            return ()
        ways = (("GET", install.START), ("GET", install.BACK), ("POST", install.BACK))
        return [port.Route(method, path) for method, path in ways]

    def remember(self, memory: port.Memory) -> None:
        self._others.memory = memory

    def drawn(self, card: Card) -> port.Drawn:
        return port.whole(card, self._draw, inert)

    def _draw(self, card: Card) -> port.Drawn:
        # No value begins a line: it could pass for a fact of its own. Values of several lines stand
        # in a box each, for which `facts` has them as they are.
        flat = tuple(replace(x, value=x.value.replace("\n", "⏎")) for x in card.facts)
        asked = "\n".join((card.title, *(f"{x.label}: {x.value}" for x in flat[:3])))
        values = {"text": _mrkdwn(card.subject), "confirm": _dialog(asked), "facts": card.facts}
        payload = self.render({"card": replace(card, facts=flat), **values})
        blocks = payload["blocks"]
        drawn = [one for block in blocks for one in block.get("elements", ()) if "value" in one]
        port.same_buttons(card, [(one["text"]["text"], one["value"]) for one in drawn])
        # Some is left free while it has buttons: if it could not say how it ended, they would stay.
        if len(blocks) > 50 or _tame(blocks) > TEXT - 1_000 * bool(card.buttons):
            raise Refused(f"slack: over 50 blocks or {TEXT} characters, 1000 of them for its end")
        shown = [x for block in blocks if block["type"] == "rich_text" for x in _texts(block)]
        return port.Drawn(card, payload, shown)

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        head = inbound.headers.get
        if inbound.path in (install.START, install.BACK) and self.workspaces:
            return self._others.authenticate(inbound)
        check_fresh(sent := head("x-slack-request-timestamp"), inbound.at, WINDOW)
        signed, secret = b"v0:%b:%b" % (str(sent).encode(), inbound.body), self.signing_secret
        check_hmac(secret.encode(), signed, head("x-slack-signature"), prefix="v0=")
        return port.Proven(inbound)

    async def resolve(self, proven: port.Proven) -> port.Resolved:
        if "install" in proven.claims:
            return await self._others.resolve(proven)
        return port.Resolved.of(proven)

    def read(self, resolved: port.Resolved) -> port.Event:
        body = resolved.inbound.body
        if "install" in resolved.claims:
            return self._others.read(resolved)
        try:
            if sent := resolved.claims.get("payload"):
                if "command" in sent:
                    return self._typed(sent)
                return self._told(sent) if "event" in sent else self._event(sent)
            if body.startswith(b"{"):
                return self._told(from_json(body, cache_strings=False))
            if not body.startswith(b"payload="):
                # A command is a form by itself, without a `payload`.
                form = parse_qsl(body.decode("ascii"), True, True, errors="strict")
                return self._typed(dict(form))
            # A quoted-printable decoder reads percent-encoding too, 20 times faster than urllib.
            text = a2b_qp(body.removeprefix(b"payload=").translate(FORM))
            return self._event(from_json(text, cache_strings=False))
        except FAULTS as error:
            raise Malformed(f"slack: {type(error).__name__}") from None

    def _typed(self, body: Any) -> port.Event:
        # A command is private wherever it is typed: Slack shows others neither it nor what stood
        # behind it, unless the answer says `in_channel`; ours is empty. Whatever it is called, it
        # is for us. https://docs.slack.dev/interactivity/implementing-slash-commands
        if self.app_id and body["api_app_id"] != self.app_id:
            raise Malformed("slack: for another app")
        event, who, place = body["trigger_id"], body["user_id"], body["channel_id"]
        if {*map(type, (event, who, place, body["command"], body["text"]))} != {str}:
            raise TypeError
        team = body["team_id"]
        far = None if team == self._home(team) else "foreign team"
        who, place = self._id(team, who), self._id(team, place)
        if not far and not body["text"].strip():
            return self._visit("what waits", team, body["user_id"], body, waits=True)
        return port.Reply("slack", event, who, place, port.typed(body["text"]), stranger=far)

    def _event(self, body: Any) -> port.Event:
        kind, message, echo, reason, ready = body["type"], None, None, None, None
        if kind == "shortcut":
            return self._page(body)
        if kind not in ("block_actions", "view_submission"):
            return port.Ignored("not a press on a button")
        if self.app_id and body["api_app_id"] != self.app_id:
            raise Malformed("slack: for another app")
        if kind == "block_actions":
            if not any(port.is_token(one.get("value")) for one in body["actions"]):
                return port.Ignored("a link, or what another feature of the app shows")
        elif body["view"]["callback_id"] != "reason":
            return port.Ignored("a dialog of another feature of the app")
        user, team = body["user"], (body.get("team") or {}).get("id")
        home = self._home(team)
        far = None if home and user.get("team_id") == home == (team or home) else "foreign team"
        account = self._id(home, user["id"])
        if kind == "block_actions":
            (action,), where = body["actions"], body["container"]
            message, token = where["message_ts"], action["value"]
            place = self._id(home, where["channel_id"])
            event = f"{message}:{action['action_ts']}:{account}"
            echo = self.echo(body.get("message") or {})
        else:
            view = body["view"]
            event, (place, token) = view["id"], view["private_metadata"].split(" ")
            given = view["state"]["values"]
            reason = str(given["reason"]["reason"]["value"] or "")
            # None of the radio buttons pressed: null, says the reference of view submissions.
            picked = given.get("ready", {}).get("ready", {}).get("selected_option") or {}
            ready = port.ready(picked.get("value"))
        sent = (user["id"], token, event, message or "")
        if {*map(type, (*sent, where["channel_id"] if message else place))} != {str}:
            raise TypeError
        to = {"trigger": str(body.get("trigger_id")), "prompt": "" if message else "answered"}
        return port.Tap(
            channel="slack",
            event=event,
            account=account,
            conversation=place,
            message=message,
            token=token,
            stranger=far,
            echo=echo,
            reason=reason,
            ready=ready,
            reply_to=to,
        )

    def _told(self, body: Any) -> port.Event:
        # The Events API. Slack wants its challenge back, once:
        # https://docs.slack.dev/reference/events/url_verification
        if body["type"] == "url_verification":
            challenge = to_json({"challenge": str(body["challenge"])})
            return port.Handshake(port.Response(body=challenge))
        return self._page(body)

    def _page(self, body: Any) -> port.Event:
        if not (what := wanted(body)):
            return port.Ignored("an event or a shortcut of another feature of the app")
        if self.app_id and body.get("api_app_id", self.app_id) != self.app_id:
            raise Malformed("slack: for another app")
        if body["type"] == "shortcut":
            where, whose = body["team"]["id"], body["user"]["team_id"]
            user = body["user"]["id"]
        else:
            where = whose = body["team_id"]
            user = body["event"]["user"]
        if not whose == where == self._home(where):
            return port.Ignored("a page is shown to our own teams only")
        return self._visit(what, where, user, body)

    def _visit(
        self, what: str, team: Any, user: Any, body: Any, *, waits: bool = False
    ) -> port.Visit:
        # Who looks, and by whose token they are answered, is said here and not by bolt, which
        # gathers its ids from other places of the same body.
        if {type(team), type(user)} != {str}:
            raise TypeError
        visit = {"team": team, "user": user, "delivery": body}
        return port.Visit("slack", what, visit, waits=waits)

    def _home(self, team: Any) -> Any:
        """The workspace of ours that somebody must be of who does something in `team`."""
        return team if team in self.workspaces else self.team_id or team

    def _id(self, team: Any, id: Any) -> str:
        """What an id of a workspace is called here."""
        return f"{team}/{id}" if team in self.workspaces else id

    async def open(self, account: str) -> Address:
        # Mailboxes are looked up at home: another workspace's owner says whose is whose there.
        mailbox = "@" in account
        by = ("users.lookupByEmail", "email") if mailbox else ("users.info", "user")
        team, bare = ("", account) if mailbox else _parts(account)
        user = (await self._call(by[0], {by[1]: bare}, "data", team=team))["user"]
        why = [flag for flag in BARRED if user.get(flag)]
        if why or (team or self.team_id) not in ("", user.get("team_id")):
            raise Refused(f"slack: {account} may not approve: {why or 'of another team'}")
        opened = await self._call("conversations.open", {"users": user["id"]}, team=team)
        place, who = opened["channel"]["id"], user["id"]
        return Address("slack", self._id(team, place), account=self._id(team, who))

    def echo(self, payload: port.Payload) -> str:
        return digest(_view(payload))

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        team, place = _parts(address.conversation)
        body = {"channel": place, "unfurl_links": False, "unfurl_media": False}
        sent = await self._call("chat.postMessage", body | payload, team=team)
        with read_as("slack"):
            where = self._id(team, sent["channel"])
            return MessageRef("slack", where, sent["ts"], _altered(payload, sent))

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> MessageRef:
        # Attachments that are not named stay: what somebody else put there goes with this.
        team, place = _parts(ref.conversation)
        to = {"channel": place, "ts": ref.message, "attachments": []}
        sent = await self._call("chat.update", to | payload, team=team)
        if sent.get("ts") != ref.message:
            raise Busy("slack: it does not say that it took the edit")
        with read_as("slack"):
            return replace(ref, altered=_altered(payload, sent))

    def answer(self, tap: port.Tap, notice: port.Notice) -> port.Response | None:
        errors = {"response_action": "errors", "errors": {"reason": notice.text}}
        asked = tap.reply_to.get("prompt") and notice.kind is not port.NoticeKind.COUNTED
        return port.Response(body=to_json(errors)) if asked else None

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        # No `response_url` is called: a URL out of a payload that we can do without.
        if notice.kind is port.NoticeKind.COUNTED or self.answer(tap, notice):
            return  # the card says it, or the prompt does
        text, method = _mrkdwn(notice.text), "chat.postEphemeral"
        (team, place), (_, who) = _parts(tap.conversation), _parts(tap.account)
        said: dict[str, Any] = {"channel": place, "user": who, "text": text}
        if notice.kind is port.NoticeKind.ASK_REASON:
            reasons = [fitting(one, OPTION) for one in notice.reasons]
            view = self.render({"prompt": f"{tap.conversation} {tap.token}", "reasons": reasons})
            method, said = "views.open", {"trigger_id": tap.reply_to["trigger"], "view": view}
        try:
            await self._call(method, said, team=team)
        except Refused:
            await self._call("chat.postMessage", {"channel": who, "text": text}, team=team)

    async def say(self, reply: port.Reply, notice: port.Notice) -> None:
        team, who = _parts(reply.account)
        said = {"channel": who, "text": _mrkdwn(notice.text)}
        await self._call("chat.postMessage", said, team=team)

    async def whisper(self, account: str, letter: port.Letter) -> None:
        # A bot's token reads its messages only with im:history, which ours does not ask for.
        team, place = _parts((await self.open(account)).conversation)
        to = {"channel": place}
        quiet = {"unfurl_links": False, "unfurl_media": False}
        said = {"text": _mrkdwn(letter.text), "mrkdwn": False}  # a bare address links anyway
        await self._call("chat.postMessage", to | quiet | said, team=team)

    def look_up(self, homes: port.Homes) -> None:
        self._late["pages"] = Pages(
            homes=homes,
            web=self._web,
            token=self._token,
            account=self._id,
            inert=inert,
        )

    async def host(self, visit: port.Visit) -> port.Response:
        if visit.what == "installation":
            return await self._others.finish(visit)
        seen = visit.body
        return await self._late["pages"].dispatch(seen["team"], seen["user"], seen["delivery"])

    async def show(self, account: str, home_: port.Home) -> None:
        team, who = _parts(account)
        body = {"user_id": who, "view": home.tab(home_, inert)}
        await self._call("views.publish", body, team=team)

    async def listen(self, deliver: port.Deliver) -> None:
        # Socket Mode. An envelope is acknowledged when `deliver` has committed it, not before.
        async def answered(client: Any, id: str, said: port.Response | None) -> None:
            ack = {"payload": from_json(said.body)} if said and said.body else {}
            await client.send_socket_mode_response(ack | {"envelope_id": id})

        async def take(client: Any, request: Any) -> None:
            inbound = port.Inbound("SOCKET", "", "", {}, b"", int(time.time() * 1000))
            try:
                event = self.read(port.Resolved(inbound, {"payload": request.payload}))
            except Malformed as why:
                event = port.Ignored(str(why))
            if isinstance(event, port.Visit):
                await self._visited(event, partial(answered, client, request.envelope_id))
                return
            notice = await deliver(event)
            said = self.answer(event, notice) if notice and isinstance(event, port.Tap) else None
            await answered(client, request.envelope_id, said)
            if notice and isinstance(event, port.Tap):
                await self.tell(event, notice)

        async def opened() -> str:
            sent = await self._call("apps.connections.open", {"token": self.app_token})
            return str(sent["url"])

        await socket(self.app_token, self._web.client(), opened, take)

    async def _visited(
        self, visit: port.Visit, answered: Callable[[port.Response | None], Awaitable[None]]
    ) -> None:
        try:
            if visit.waits:
                await answered(await self.host(visit))
            else:
                await answered(None)
                await self.host(visit)
        except (Busy, Refused) as why:
            log.warning(port.Line("visit_not_answered", what=visit.what, why=why))

    async def check(self) -> list[port.Finding]:
        try:
            if self.mode == "socket":
                await self._call("apps.connections.open", {"token": self.app_token})
            who, heads = await self._call("auth.test", {}), self._web.heads
        except (Busy, Refused) as why:
            return [port.Finding("tokens", False, str(why))]
        lacks = " ".join({*SCOPES} - set(re.split("[, ]+", heads.get("X-OAuth-Scopes", ""))))
        return [
            port.Finding("scopes", not lacks, f"missing: {lacks or 'none'}"),
            port.Finding("team", self.team_id in ("", who["team_id"]), f"token: {who['team_id']}"),
            port.clock_finding(heads.get("Date"), int(time.time() * 1000)),
            *[await self._installed(team) for team in self.workspaces if self._others.memory],
        ]

    async def _installed(self, team: str) -> port.Finding:
        try:
            who = await self._call("auth.test", {}, team=team)
        except (Busy, Refused) as why:
            return port.Finding(f"workspace {team}", False, str(why))
        return port.Finding(f"workspace {team}", who["team_id"] == team, f"token: {who['team_id']}")

    async def close(self) -> None:
        await self._web.close()

    async def _token(self, team: str) -> str:
        return await self._others.token(team) if team in self.workspaces else self.bot_token

    async def _call(
        self, method: str, body: dict[str, Any], how: str = "json", *, team: str = ""
    ) -> Any:
        if team and team not in self.workspaces:
            raise Refused(f"slack: {team} is no workspace of the configuration")
        try:
            token = await self._token(team)
            return await self._web.call(token, method, body, how)
        except Busy as why:
            if not team:
                raise
            # What one workspace does to its app keeps no other waiting.
            raise Busy(str(why), why.retry_after, scope=Scope.CONVERSATION) from None


def _parts(id: str) -> tuple[str, str]:
    """The workspace of an id, "" for our own, and the id there."""
    team, _, bare = id.rpartition("/")
    return team, bare


def _dialog(text: str) -> str:
    """What is asked, for the dialog of Approve: at most 300 characters, and no link."""
    text = unlinked(inert(text))
    return text if len(text) <= 300 else f"{text[:299].rstrip()}…"


def _texts(node: Any) -> Iterator[str]:
    if node["type"] == "text":
        yield node["text"]
    for one in node.get("elements", ()):
        yield from _texts(one)


def _altered(payload: port.Payload, sent: Any) -> tuple[Difference, ...]:
    # An answer without blocks says nothing of them: chat.update's own example has only the text
    # (https://docs.slack.dev/reference/methods/chat.update). A tap tells, then.
    stored = sent.get("message") or {}
    return differences(_view(payload), _view(stored)) if "blocks" in stored else ()


def _view(payload: port.Payload) -> dict[str, Any]:
    # Not the top-level `text`: it is not on the card, and Slack rewrites links in it. Other
    # people's attachments and files are in.
    seen = {name: payload.get(name) or None for name in ("attachments", "files")}
    return seen | {"blocks": [_shown(block) for block in payload.get("blocks") or ()]}


def _shown(node: Any) -> Any:
    if isinstance(node, list):
        return [_shown(item) for item in node]
    if isinstance(node, str):
        return _decoded(node)
    if not isinstance(node, dict):
        return node or None
    kind = node.get("type")
    seen = {"type": kind}
    for name in SHOWN.get(kind) or sorted(node):
        value = _shown(node.get(name))
        if name == "text" and isinstance(value, str) and kind != "text":
            value = settled(value)
        if value:
            seen[name] = value
    parts = seen.get("elements")
    if isinstance(parts, list) and str(kind).startswith("rich_text_"):
        seen["elements"] = _line([one for one in parts if one])
    return seen


def _line(parts: list[Any]) -> list[Any]:
    # Texts beside each other: what stands at an end is at an end of the line, or at a colon.
    texts = [str(one.get("text", "")) if isinstance(one, dict) else "" for one in parts]
    colon = [True, *(text.rstrip().endswith(":") for text in texts[:-1])]
    ends = [*colon[1:], True]
    for one, text, start, end in zip(parts, texts, colon, ends, strict=True):
        if text:
            one["text"] = settled(text, start=start, end=end)
    return parts


def _decoded(text: str) -> str:
    # `&<>` come back as entities, and `inert` leaves none of their own:
    # https://github.com/slackapi/bolt-python/issues/513 (2021-11-02).
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _tame(node: Any) -> int:
    # Makes its texts inert and counts them. `Refused`: a text or list is empty or over its limit.
    if not isinstance(node, dict):
        return sum(map(_tame, node)) if isinstance(node, list) else 0
    if isinstance(parts := node.get("elements"), list):
        _join(parts)
    total = sum(map(_tame, node.values()))
    if isinstance(node.get("text"), str):
        node["text"] = inert(node["text"])
        total += len(node["text"])
    own: Any = node.get("text", node.get("elements", "?"))
    own = own["text"] if isinstance(own, dict) else own
    most = LIMITS.get(node.get("type", ""), TEXT)
    if not 0 < len(own) <= most or node.get("type") not in SHOWN or len(node.get("url", "")) > 3000:
        raise Refused(f"slack: {node.get('type')}: unknown, or {len(own)} long and not 1 to {most}")
    return total


def _join(parts: list[Any]) -> None:
    # A blank between two texts begins the second: where one ends a text, Slack may cut it off.
    for one, after in pairwise(parts):
        texts = [x.get("text") if isinstance(x, dict) else None for x in (one, after)]
        match texts:
            case [str(text), str(following)] if bare := text.rstrip(" "):
                one["text"], after["text"] = bare, text[len(bare) :] + inert(following)
