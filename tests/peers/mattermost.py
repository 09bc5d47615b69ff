"""A stand-in for Mattermost, written from its documentation and its public model: the REST calls
that Countersign makes, presses on buttons and submitted dialogs as the server delivers them.

https://developers.mattermost.com/integrate/plugins/interactive-messages,
https://developers.mattermost.com/integrate/plugins/interactive-dialogs,
https://developers.mattermost.com/integrate/reference/message-attachments,
https://developers.mattermost.com/api-documentation/ (posts, users, channels, errors, rate limiting)
and github.com/mattermost/mattermost, server/public/model/integration_action.go, read 2026-11. It
shares no code with what is tested.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.mattermost.adapter import Mattermost
from approvals.model import Address
from approvals.port import Inbound, Payload, Render
from tests.harness.channel_contract import NOW, ROOT, Kit, Seat, says, template

TOKEN, SECRET = "peer-mattermost-bot-token", "a-secret-of-ours-with-32-characters-or-more"
KEY = ec.derive_private_key(0x0C0FFEE, ec.SECP256R1())
SERVER_KEY = b64encode(
    KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
EVENTS = "https://approve.example.com/channels/mattermost/events"
BOT, DANA, LEE = "b" * 26, "d" * 25 + "1", "l" * 25 + "2"
GUEST, GONE, ROBOT, FAR = ("g" * 26, "x" * 26, "r" * 26, "f" * 26)
ROOM, CARD = "c" * 26, "p" * 26
TAPPED = "T" * 20
FIXTURES = ROOT / "tests/fixtures/mattermost"


def make(api: str, *, render: Render | None = None, **more: Any) -> Mattermost:
    given: dict[str, Any] = {"url": api, "token": TOKEN, "secret": SECRET, "events_url": EVENTS}
    given |= {"server_key": SERVER_KEY, "render": render or template("mattermost")}
    return Mattermost(**{**given, **more})


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def user(id: str, **more: Any) -> dict[str, Any]:
    """https://developers.mattermost.com/api-documentation/#/operations/GetUser"""
    return {
        "id": id, "create_at": 1, "update_at": 1, "delete_at": 0, "username": f"u{id[:3]}{id[-1]}",
        "email": f"{id[0]}{id[-1]}@example.com", "roles": "system_user", "locale": "en", **more,
    }  # fmt: skip


USERS = {
    one["id"]: one
    for one in (
        user(BOT, is_bot=True, bot_description="Approvals"),
        user(DANA, email="dana@example.com"),
        user(LEE),
        user(GUEST, roles="system_guest"),
        user(GONE, delete_at=1_700_000_000_000),
        user(ROBOT, is_bot=True),
        user(FAR, remote_id="another-server"),
    )
}


def trigger(who: str, at: int, number: int = 1, key: ec.EllipticCurvePrivateKey = KEY) -> str:
    """`GenerateTriggerId`: what the server makes for each press."""
    said = f"{number:026d}:{who}:{at}:".encode()
    signature = b64encode(key.sign(said, ec.ECDSA(SHA256())))
    return b64encode(said + signature).decode()


def proof(token: str) -> str:
    """What our button carries besides its token: the documentation's "token" of one's own."""
    return hmac.digest(SECRET.encode(), b"button:" + token.encode(), "sha256").hex()


def pressed(at: int, body: Any = None, **more: Any) -> Inbound:
    """A press as the server delivers it. `more`: what else it says."""
    sent = {**(body or fixture("button")), **more}
    if "trigger_id" not in more:
        sent["trigger_id"] = trigger(sent["user_id"], at)
    return delivery(sent, at)


def answered(at: int, body: Any = None, **more: Any) -> Inbound:
    """A dialog as the server delivers it when it is submitted."""
    sent = {**(body or fixture("dialog_submission")), **more}
    if "state" not in more:
        until = at + 3_600_000
        what = f"{TAPPED} {ROOM} {until}"
        said = f"dialog:{sent['user_id']}:{what}".encode()
        sent["state"] = f"{what} {hmac.digest(SECRET.encode(), said, 'sha256').hex()}"
    return delivery(sent, at)


def delivery(sent: Any, at: int) -> Inbound:
    heads = {"content-type": "application/json", "accept": "application/json"}
    body = json.dumps(sent).encode()
    return Inbound("POST", "/channels/mattermost/events", "", heads, body, at)


def unknown(at: int) -> tuple[Inbound, ...]:
    return (
        pressed(at, type="select"),
        pressed(at, type=7),
        answered(at, submission=None),
        answered(at, submission={"reason": 7}),
        answered(at, submission={"reason": "", "ready": "9"}),
    )


def unproven(at: int) -> tuple[Inbound, ...]:
    """Whose proof is absent, another's, of another press, or too old."""
    good, foreign = fixture("button"), ec.derive_private_key(7, ec.SECP256R1())
    context = {"token": TAPPED, "proof": proof(TAPPED)}
    wrong: list[Any] = [
        None, {}, [], "", {"token": TAPPED}, {"proof": proof(TAPPED)},
        {**context, "token": "U" * 20}, {**context, "proof": proof(TAPPED)[:-1] + "g"},
        {**context, "proof": None},
        {**context, "token": 7}, {"token": "é" * 20, "proof": "é"},
    ]  # fmt: skip
    triggers: list[Any] = [
        None, "", 7, "é", "AAAA", trigger(LEE, at), trigger(DANA, at, key=foreign),
        trigger(DANA, at)[:-4], b64encode(b":::").decode(), b64encode(b"a:b:c:d:e:").decode(),
    ]  # fmt: skip
    state = json.loads(answered(at).body)["state"]
    states: list[Any] = [None, "", 7, state[:-1], state[:-1] + "g", state.replace(ROOM, "q" * 26)]
    return (
        *(pressed(at, context=one) for one in wrong),
        *(pressed(at, trigger_id=one) for one in triggers),
        pressed(at, user_id=LEE, trigger_id=trigger(DANA, at)),
        *(answered(at, state=one) for one in states),
        answered(at, user_id=LEE, state=state),  # what dana was asked is not lee's to answer
        answered(at, user_id=None, state=state),
        delivery(good, at),
        delivery([good], at),
        delivery("x", at),
    )


@dataclass
class MattermostPeer:
    """A server with one bot, some people, and posts."""

    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    """With what it keeps to itself: the buttons' integrations."""
    dialogs: list[dict[str, Any]] = field(default_factory=list)
    members: set[str] = field(default_factory=lambda: {ROOM})
    broken: list[tuple[int, int | None]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    verifies: bool = True
    """`RequireEmailVerification`."""
    too_late: bool = False
    """`PostEditTimeLimit` is over for every post."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def __aenter__(self) -> MattermostPeer:
        # The post that the fixture was pressed on.
        post = {"channel_id": ROOM, "message": "`Pay`", "props": {"attachments": []}}
        self._keep({**post, "id": CARD})
        app = web.Application()
        app.router.add_route("*", "/api/v4/{path:.*}", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.api = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        self.broken.append((status, retry_after))

    def press(self, post: str, name: str, who: str, at: int = NOW) -> Inbound:
        """What it delivers when this account presses the button of this name."""
        kept = self.kept[post]
        (action,) = [
            one
            for attachment in kept["props"]["attachments"]
            for one in attachment["actions"]
            if one["name"] == name
        ]
        more = {"post_id": post, "channel_id": kept["channel_id"], "user_id": who}
        more["context"] = action["integration"]["context"]
        return pressed(at, trigger_id=trigger(who, at, next(self._numbers) + 2), **more)

    def submit(self, who: str, at: int = NOW, **submission: str) -> Inbound:
        """What it delivers when this account submits the dialog that was opened last."""
        opened = self.dialogs[-1]["dialog"]
        more = {"state": opened["state"], "callback_id": opened["callback_id"]}
        return answered(at, user_id=who, submission=submission, **more)

    async def deliver(self, url: str, inbound: Inbound) -> tuple[int, Any]:
        """Bring a delivery to our service, which must answer 200 and JSON."""
        heads = {"Content-Type": "application/json"}
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, data=inbound.body, headers=heads) as answer,
        ):
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def _take(self, request: web.Request) -> web.Response:
        path, body = request.match_info["path"], await request.read()
        self.calls.append(f"{request.method} {path}")
        if self.broken:
            status, wait = self.broken.pop(0)
            heads = {"X-Ratelimit-Reset": str(wait)} if wait is not None else {}
            return web.Response(status=status, text="limit exceeded", headers=heads)
        public = path == "config/client"
        if not public and request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error(401, "api.context.session_expired.app_error")
        sent: Any = json.loads(body) if body else None
        match request.method, path.split("/"):
            case "GET", ["config", "client"]:
                said = {"AsymmetricSigningPublicKey": SERVER_KEY, "Version": "11.4.0"}
                # More of it to whoever is signed in; every value is a text.
                if request.headers.get("Authorization") == f"Bearer {TOKEN}":
                    said["RequireEmailVerification"] = str(self.verifies).lower()
                return _ok(said)
            case "GET", ["users", "me"]:
                return _ok(USERS[BOT])
            case "GET", ["users", "email", address]:
                found = [one for one in USERS.values() if one["email"] == address]
                return (
                    _ok(found[0]) if found else _error(404, "store.sql_user.missing_account.const")
                )
            case "GET", ["users", id]:
                return (
                    _ok(USERS[id]) if id in USERS else _error(404, "app.user.missing_account.const")
                )
            case "POST", ["channels", "direct"]:
                if len(set(sent)) != 2 or BOT not in sent or not set(sent) <= USERS.keys():
                    return _error(400, "api.channel.create_direct_channel.invalid_user.app_error")
                direct = hashlib.md5("".join(sorted(sent)).encode()).hexdigest()[:26]
                self.members.add(direct)
                return _ok({"id": direct, "type": "D"}, 201)
            case "GET", ["posts", id]:
                return (
                    _ok(self.posts[id])
                    if id in self.posts
                    else _error(404, "app.post.get.app_error")
                )
            case "POST", ["posts"]:
                if sent["channel_id"] not in self.members:
                    return _error(403, "api.context.permissions.app_error")
                if why := faults(sent):
                    return _error(400, why)
                return _ok(self._keep({**sent, "id": f"{next(self._numbers):026d}"}), 201)
            case "DELETE", ["posts", id]:
                del self.posts[id]
                return _ok({"status": "OK"})
            case "PUT", ["posts", id, "patch"]:
                if id not in self.posts:
                    return _error(404, "app.post.get.app_error")
                if self.too_late:
                    return _error(400, "api.post.update_post.permissions_time_limit.app_error")
                if why := faults({**self.kept[id], **sent}):
                    return _error(400, why)
                return _ok(self._keep({**self.kept[id], **sent}))
            case "POST", ["actions", "dialogs", "open"]:
                if why := dialog_faults(sent):
                    return _error(400, why)
                self.dialogs.append(sent)
                return _ok({"status": "OK"})
        return _error(404, "api.context.404.app_error")

    def _keep(self, post: dict[str, Any]) -> dict[str, Any]:
        """Keep a post; what clients are given: attachments with every field, no integration."""
        self.kept[post["id"]] = deepcopy(post)
        shown = deepcopy(post)
        empty = {
            "id": 0,
            "fallback": "",
            "color": "",
            "pretext": "",
            "author_name": "",
            "title": "",
        }
        empty |= {"text": "", "fields": None, "footer": "", "ts": None}
        shown["props"]["attachments"] = [
            {**empty, **one, "actions": [_stripped(each) for each in one.get("actions") or ()]}
            for one in shown["props"].get("attachments") or ()
        ]
        times = {"create_at": NOW, "update_at": NOW, "delete_at": 0, "root_id": "", "type": ""}
        self.posts[post["id"]] = {"user_id": BOT, **times, **shown}
        return self.posts[post["id"]]


def _stripped(action: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in action.items() if name != "integration"}
    return {**kept, "cookie": "an-encrypted-cookie"}


def faults(post: Any) -> str:
    """What the server would refuse it for; "": nothing. `PostAction.IsValid`, `Post.IsValid`."""
    if len(post["message"]) > 16_383:
        return "model.post.is_valid.message_length.app_error"
    if len(json.dumps(post["props"], ensure_ascii=False)) > 800_000:
        return "model.post.is_valid.props.app_error"
    for attachment in post["props"].get("attachments") or ():
        for action in attachment.get("actions") or ():
            known = ("default", "primary", "success", "good", "warning", "danger")
            integration = action.get("integration") or {}
            if not action.get("name") or action.get("type") != "button":
                return "action must have a name, and be a button"
            if not re.fullmatch("[A-Za-z0-9]+", action["id"]) or action["style"] not in known:
                return "action id or style"
            if not integration.get("url", "").startswith(("http://", "https://")):
                return "action must have an integration URL"
    return ""


def dialog_faults(sent: Any) -> str:
    """`OpenDialogRequest.IsValid`, with lengths in bytes as Go counts them."""
    dialog = sent["dialog"]
    if not sent["url"] or not sent["trigger_id"]:
        return "empty URL or trigger id"
    if not 0 < len(dialog["title"].encode()) <= 24:
        return "invalid dialog title"
    names = [one["name"] for one in dialog["elements"]]
    if len(set(names)) != len(names):
        return "duplicate dialog element"
    for one in dialog["elements"]:
        if not 0 < len(one["display_name"].encode()) <= 24 or len(one["name"]) > 300:
            return "DisplayName or Name"
        if len(one.get("help_text", "").encode()) > 150 or one["type"] not in (
            "select",
            "textarea",
        ):
            return "HelpText or type"
        for option in one.get("options", ()):
            if not option["text"] or not option["value"]:
                return "option"
    return ""


def _ok(said: Any, status: int = 200) -> web.Response:
    return web.json_response(said, status=status, headers={"Date": formatdate(usegmt=True)})


def _error(status: int, id: str) -> web.Response:
    said = {"id": id, "message": "Something went wrong", "request_id": "r", "status_code": status}
    return web.json_response(said, status=status)


# Code, in lines and blocks: nothing in it is read.
CODE = re.compile(r"```\n.*?\n```|`[^`]*`", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)]*)\)")


def unstyled(payload: Payload) -> list[str]:
    """What Mattermost reads markdown, mentions and links in: all but code and our own links."""
    found = [payload["message"]]
    for one in payload["props"]["attachments"]:
        found += [
            one["text"],
            *(part[name] for part in one["fields"] for name in ("title", "value")),
        ]
    return [LINK.sub("", CODE.sub("", text)) for text in found]


def links(payload: Payload) -> list[str]:
    """Every address that can be followed, and whatever would be markup."""
    (one,) = payload["props"]["attachments"]
    texts = [payload["message"], one["text"], *(part["value"] for part in one["fields"])]
    found = [match for text in texts for match in LINK.findall(CODE.sub("", text))]
    markup = re.compile(r"https?://|www\.|@|<|\[|#\w|[*_~|>`]|:\w+:")
    return [*found, *(text for text in unstyled(payload) if markup.search(text.replace("**", "")))]


KIT = Kit(
    name="mattermost",
    make=make,
    tap=pressed,
    proofs=(),
    unproven=unproven,
    stale=300_000,
    unknown=unknown,
    foreign=lambda at: (answered(at, cancelled=True),),
    peer=MattermostPeer,
    address=Address("mattermost", ROOM),
    parsed=unstyled,
    links=links,
    secrets=(TOKEN, SECRET),
    signs_body=False,
)


def _pressed(peer: MattermostPeer, digest: str, at: int) -> Inbound:
    return peer.press(says(digest, peer.posts), "Approve", DANA, at)


SEAT = Seat(account=DANA, messages=lambda peer: peer.posts.values(), press=_pressed)
