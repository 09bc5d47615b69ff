"""A stand-in for GitHub's REST API and its webhooks, as an App meets them.

What it takes and what it answers must fit GitHub's own description of its API, of which the part
that is needed is in fixtures/github/openapi.json. What it delivers are GitHub's own examples, with
other ids in them, signed as
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries says. It checks the
App's tokens with PyJWT, which nothing under test uses:
https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import time
import uuid
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import aiohttp
import jsonschema_rs
import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from markdown_it import MarkdownIt

from adapters.github.adapter import GitHub
from approvals.model import Address
from approvals.port import Inbound, Payload, Render
from tests.harness.channel_contract import NOW, ROOT, Kit, Seat, template
from tests.peers.loopback import started

FIXTURES: Final = ROOT / "tests/fixtures/github"
APP: Final = 25811
INSTALLATION: Final = 690857
SECRET: Final = "not-a-real-webhook-secret-of-32-chars"
REPOSITORY: Final = "acme/api"
SITE: Final = "acme/site"
"""A public one."""
SHA: Final = "5bd5f196a46b8222fb7484f05faba41a73cf34bd"
HEAD: Final = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
"""The newest commit of the pull request 7."""
DANA: Final = "583231"
LEE: Final = "583232"
READER: Final = "583233"
BOT: Final = "583239"
LOGINS: Final = {DANA: "dana-lee", LEE: "lee", READER: "reader", BOT: "acme-bot[bot]"}
CHECK: Final = 1494503112
"""The check of the example."""
TAPPED: Final = "T" * 20

_KEY: Final = generate_private_key(65537, 2048)
PEM: Final = _KEY.private_bytes(
    Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
).decode()
"""As GitHub gives it: -----BEGIN RSA PRIVATE KEY-----"""


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def make(api: str, *, render: Render | None = None, **more: Any) -> GitHub:
    given: dict[str, Any] = {
        "app_id": APP,
        "installation_id": INSTALLATION,
        "private_key": PEM,
        "webhook_secret": SECRET,
        "repositories": (REPOSITORY, SITE),
        "inbox": f"{REPOSITORY}#1",
    }
    return GitHub(render=render or template("github"), api_url=api, **given | more)


# What it delivers


def signed(sent: Any, at: int, delivery: str = "", **heads: str) -> Inbound:
    """A delivery of this, as GitHub signs it. `delivery`: its id, else a new one."""
    body = sent if isinstance(sent, bytes) else json.dumps(sent, separators=(",", ":")).encode()
    headers = {
        "accept": "*/*",
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/044aadd",
        "x-github-delivery": delivery or str(uuid.uuid4()),
        "x-github-event": "check_run" if b'"check_run"' in body else "issue_comment",
        "x-github-hook-id": "292430182",
        "x-github-hook-installation-target-id": str(APP),
        "x-github-hook-installation-target-type": "integration",
        "x-hub-signature": "sha1=" + hmac.digest(SECRET.encode(), body, "sha1").hex(),
        "x-hub-signature-256": "sha256="
        + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }
    return Inbound("POST", "/channels/github/events", "", headers | heads, body, at)


def account(id: str) -> dict[str, Any]:
    """An account, as events and answers have it."""
    other = {"login": LOGINS[id], "id": int(id), "type": "Bot" if id == BOT else "User"}
    return {**fixture("check_run.requested_action")["sender"], **other}


def event(name: str, who: str, repository: str = REPOSITORY) -> Any:
    """The example of this event, by this account in this repository."""
    sent = fixture(name)
    sent["sender"] = account(who)
    sent["repository"] |= {"full_name": repository, "private": repository != SITE}
    sent["installation"]["id"] = INSTALLATION
    return sent


def press(token: str = TAPPED, who: str = DANA, **run: Any) -> Any:
    """The body of a press. `run`: of the check."""
    sent = event("check_run.requested_action", who)
    sent["check_run"] |= {"head_sha": SHA, "name": "Countersign a1b2c3d4", **run}
    sent["check_run"]["app"]["id"] = APP
    sent["requested_action"]["identifier"] = token
    return sent


def pressed(at: int) -> Inbound:
    return signed(press(), at, "72d3162e-cc78-11e3-81ab-4c9367dc0958")


def wrote(
    body: str,
    who: str = DANA,
    issue: int = 12,
    comments: int = 1,
    where: str = REPOSITORY,
    **more: Any,
) -> Any:
    """The body of what is delivered when this account writes a comment."""
    sent = event("issue_comment.created", who, where)
    sent["issue"] |= {"number": issue, "comments": comments}
    # That is what members are whose membership is private, too.
    sent["comment"] |= {"body": body, "user": account(who), "author_association": "CONTRIBUTOR"}
    sent["comment"] |= more
    return sent


def unknown(at: int) -> tuple[Inbound, ...]:
    def broken(change: dict[str, Any], part: str = "", **heads: str) -> Inbound:
        sent = press()
        (sent[part] if part else sent).update(change)
        return signed(sent, at, **heads)

    def command(**change: Any) -> Inbound:
        return signed(wrote("/decline ABCDEFGH") | change, at)

    return (
        signed(b"[]", at),
        signed(b"{", at),
        signed(b"\xff", at),
        broken({"sender": None}),
        broken({"id": "7"}, "sender"),
        broken({"head_sha": "../../user"}, "check_run"),
        broken({"id": True}, "check_run"),
        broken({"output": None}, "check_run"),
        broken({"full_name": 7}, "repository"),
        broken({"full_name": "acme/api/../x"}, "repository"),
        broken({"requested_action": None}),
        broken({}, **{"x-github-delivery": "a b"}),
        command(sender=account(LEE)),  # not whose comment it is
        command(issue={"number": -1, "comments": 1}),
    )


def foreign(at: int) -> tuple[Inbound, ...]:
    other, elsewhere = press(), press()
    other["check_run"]["app"]["id"] = APP + 1
    elsewhere["installation"]["id"] = INSTALLATION + 1
    sent: list[Any] = [
        {"zen": "Design for failure.", "hook_id": 292430182, "hook": {}},
        press() | {"action": "rerequested"},
        press() | {"action": "created"},
        press(token="lgtm|26764"),
        other,
        elsewhere,
        {key: value for key, value in press().items() if key != "installation"},
        wrote("Looks good to me"),
        wrote("> /approve ABCDEFGH"),
        wrote("/approve ABCDEFGH but not on Friday"),
        wrote("/approve"),
        wrote("/decline ABCDEFGH") | {"action": "edited"},
        wrote("/decline ABCDEFGH"),  # of no card
    ]
    return tuple(signed(one, at) for one in sent)


# What it takes and answers


@cache
def _operations() -> Any:
    return fixture("openapi")


@cache
def _validator(operation: str, part: str) -> Any:
    document = _operations()
    schema = document["operations"][operation][part]
    return jsonschema_rs.validator_for({**schema, "$defs": document["$defs"]})


def fits(operation: str, value: Any) -> Any:
    """The body of a request. Raises `ValueError` where GitHub's description forbids it."""
    _validator(operation, "request").validate(value)
    known = _operations()["operations"][operation]["request"].get("properties")
    if known and (more := value.keys() - known.keys()):
        raise ValueError(f"GitHub knows no {more}")
    return value


def answered(operation: str, value: Any) -> web.Response:
    """An answer as GitHub describes it: with another this stand-in would not be one."""
    found = [error.message for error in _validator(operation, "response").iter_errors(value)]
    assert not found, found
    return _ok(value, _operations()["operations"][operation]["status"])


@dataclass
class GitHubPeer:
    """`async with GitHubPeer() as github`: `github.api` is its base URL."""

    checks: dict[int, dict[str, Any]] = field(default_factory=dict)
    actions: dict[int, list[dict[str, str]]] = field(default_factory=dict)
    """The buttons of a check, which no answer has."""
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    """In the order of their ids; `issue` says which one's."""
    roles: dict[str, str] = field(
        default_factory=lambda: {DANA: "write", LEE: "admin", READER: "read", BOT: "write"}
    )
    permissions: dict[str, str] = field(
        default_factory=lambda: {"checks": "write", "issues": "write", "pull_requests": "write"}
    )
    events: list[str] = field(default_factory=lambda: ["check_run", "issue_comment"])
    locked: set[int] = field(default_factory=set)
    broken: list[web.Response] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    """Those that are good."""
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    """What it delivered, or could not, as the App's settings list it."""
    forgotten: set[int] = field(default_factory=set)
    """Of these, what it lists and does not deliver again."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(2_000_000_001))

    async def __aenter__(self) -> GitHubPeer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner, self.api = await started(app)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None, **heads: str) -> None:
        """Answer the next call with this."""
        if retry_after is not None:
            heads["Retry-After"] = str(retry_after)
        said = "API rate limit exceeded for installation." if status == 403 else "No."
        self.broken.append(web.json_response({"message": said}, status=status, headers=heads))

    def press(self, check: int, label: str, who: str = DANA) -> Any:
        """The body of what is delivered when this account presses that button."""
        (token,) = [one["identifier"] for one in self.actions[check] if one["label"] == label]
        return press(token, who, **deepcopy(self.checks[check]))

    def delivered(self, guid: str, status: int, at: int, **more: Any) -> None:
        """One more delivery, or attempt at one, that was answered with this status."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at / 1000))
        made = {"id": next(self._numbers), "guid": guid, "delivered_at": when, "duration": 0.1}
        made |= {"status": "…", "status_code": status, "event": "check_run", "redelivery": False}
        made |= {"action": "requested_action", "installation_id": INSTALLATION}
        self.deliveries.append({**made, "repository_id": 1, **more})

    def write(self, body: str, who: str = DANA, issue: int = 12, **more: Any) -> Any:
        """The same, when it writes a comment, which stands there then."""
        kept = self._comment(body, account(who), issue, **more)
        count = sum(one["issue"] == issue for one in self.comments.values())
        return wrote(body, who, issue, count, id=kept["id"], **more)

    async def deliver(self, url: str, sent: Any) -> int:
        inbound = signed(sent, NOW)
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, data=inbound.body, headers=inbound.headers) as answer,
        ):
            return answer.status

    async def _take(self, request: web.Request) -> web.Response:
        path, raw = request.path, await request.read()
        self.calls.append(f"{request.method} {path}")
        if self.broken:
            return self.broken.pop(0)
        if request.headers.get("X-GitHub-Api-Version") != "2022-11-28":
            return _no(400, "no such version")
        if not request.headers.get("User-Agent"):
            return _no(403, "Request forbidden by administrative rules.")
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        as_app = path == "/app" or path.startswith("/app/")
        if not (is_the_apps(given) if as_app else given in self.tokens):
            return _no(401, "Bad credentials")
        body = json.loads(raw) if raw else {}
        try:
            return self._answer(request.method, path, request.query, body)
        except ValueError as why:
            return _no(422, f"Invalid request. {why}".partition("\n")[0])

    def _answer(self, method: str, path: str, query: Any, body: Any) -> web.Response:
        match method, path.strip("/").split("/"):
            case "GET", ["app"]:
                return answered("apps/get-authenticated", self._app())
            case "GET", ["app", "hook", "deliveries"]:
                failed = query.get("status") == "failure"
                listed = [
                    one
                    for one in self.deliveries[::-1]
                    if not failed or 400 <= one["status_code"] <= 599
                ]
                newest = listed[: int(query.get("per_page", 30))]
                return answered("apps/list-webhook-deliveries", newest)
            case "POST", ["app", "hook", "deliveries", id, "attempts"]:
                known = {one["id"] for one in self.deliveries}
                if int(id) not in known - self.forgotten:
                    return _no(422, "no such delivery")
                return _ok({}, 202)
            case "POST", ["app", "installations", id, "access_tokens"]:
                if int(id) != INSTALLATION:
                    return _no(404, "Not Found")
                operation = "apps/create-installation-access-token"
                fits(operation, body)
                # Of the form that is new in 2026: ghs_, the App, a token.
                self.tokens.append(f"ghs_{APP}_{next(self._numbers)}")
                until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
                got: dict[str, Any] = {"token": self.tokens[-1], "expires_at": until}
                got |= {"permissions": self.permissions, "repository_selection": "selected"}
                return answered(operation, got)
            case "GET", ["user", id]:
                return _ok(account(id)) if id in LOGINS else _no(404, "Not Found")
            case method, ["repos", owner, name, *rest]:
                # GitHub does not tell small letters from large ones.
                repository = f"{owner}/{name}".lower()
                if repository not in (REPOSITORY, SITE):
                    return _no(404, "Not Found")
                return self._in(repository, method, rest, query, body)
        return _no(404, "Not Found")

    def _in(
        self, repository: str, method: str, rest: list[str], query: Any, body: Any
    ) -> web.Response:
        match method, rest:
            case "GET", []:
                return _ok({"full_name": repository, "private": repository != SITE})
            case "GET", ["pulls", "7"]:
                return _ok({"number": 7, "head": {"sha": HEAD}})
            case "GET", ["collaborators", login, "permission"]:
                found = [id for id, known in LOGINS.items() if known == login]
                if not found or found[0] not in self.roles:
                    return _no(404, f"{login} is not a user")
                role = self.roles[found[0]]
                user = {**account(found[0]), "role_name": role}
                got = {"permission": role, "role_name": role, "user": user}
                return answered("repos/get-collaborator-permission-level", got)
            case "POST", ["check-runs"]:
                sent = fits("checks/create", body)
                if sent["head_sha"] not in (SHA, HEAD):
                    return _no(422, f"No commit found for SHA: {sent['head_sha']}")
                return self._check(next(self._numbers), sent, "checks/create")
            case "PATCH", ["check-runs", id]:
                if int(id) not in self.checks:
                    return _no(404, "Not Found")
                return self._check(int(id), fits("checks/update", body), "checks/update")
            case "GET", ["issues", number, "comments"]:
                theirs = [one for one in self.comments.values() if one["issue"] == int(number)]
                size, page = int(query["per_page"]), int(query["page"])
                found_ = [_public(one) for one in theirs[(page - 1) * size : page * size]]
                return answered("issues/list-comments", found_)
            case "POST", ["issues", number, "comments"]:
                sent = fits("issues/create-comment", body)
                if int(number) in self.locked:
                    return _no(403, "Unable to create comment because issue is locked.")
                if len(sent["body"]) > 65_536:
                    return _no(422, "Body is too long (maximum is 65536 characters)")
                made = self._comment(sent["body"], self._bot(), int(number), via=self._app())
                return answered("issues/create-comment", _public(made))
            case "PATCH", ["issues", "comments", id]:
                if int(id) not in self.comments:
                    return _no(404, "Not Found")
                sent = fits("issues/update-comment", body)
                self.comments[int(id)] = {**self.comments[int(id)], "body": sent["body"]}
                return answered("issues/update-comment", _public(self.comments[int(id)]))
        return _no(404, "Not Found")

    def _check(self, id: int, sent: Any, operation: str) -> web.Response:
        example = fixture("check_run.requested_action")["check_run"]
        kept = self.checks.get(id) or {
            **example, "id": id, "external_id": "", "completed_at": None, "pull_requests": [],
            "details_url": "https://example.com/the-homepage-of-the-app", "app": self._app(),
        }  # fmt: skip
        shown = ("name", "head_sha", "details_url", "external_id", "status", "conclusion")
        output = {**kept["output"], **sent.get("output", {}), "annotations_count": 0}
        self.checks[id] = {**kept, **{one: sent[one] for one in shown if one in sent}}
        self.checks[id]["output"] = output
        self.actions[id] = sent.get("actions", self.actions.get(id, []))
        return answered(operation, self.checks[id])

    def _comment(
        self, body: str, user: Any, issue: int, via: Any = None, **more: Any
    ) -> dict[str, Any]:
        example = fixture("issue_comment.created")["comment"]
        id = next(self._numbers)
        kept = {**example, "id": id, "body": body, "user": user, "issue": issue}
        self.comments[id] = {**kept, "performed_via_github_app": via, **more}
        return self.comments[id]

    def _app(self) -> Any:
        app = fixture("check_run.requested_action")["check_run"]["app"]
        return {**app, "id": APP, "permissions": self.permissions, "events": self.events}

    def _bot(self) -> Any:
        return {**account(DANA), "id": 99_000_001, "login": "countersign[bot]", "type": "Bot"}


def _public(comment: Any) -> Any:
    return {name: value for name, value in comment.items() if name != "issue"}


def is_the_apps(token: str) -> bool:
    try:
        needed = {"require": ["iss", "iat", "exp"]}
        said = jwt.decode(token, _KEY.public_key(), algorithms=["RS256"], options=needed)  # type: ignore[arg-type] # its own type of options is not exported
    except jwt.PyJWTError:
        return False
    # "no more than 10 minutes into the future", and issued in the past.
    return bool(said["iss"] == str(APP) and said["exp"] <= time.time() + 600)


def _ok(said: Any, status: int = 200) -> web.Response:
    return web.json_response(said, status=status, headers={"Date": _date()})


def _no(status: int, message: str) -> web.Response:
    said = {"message": message, "documentation_url": "https://docs.github.com/rest"}
    return web.json_response({**said, "status": str(status)}, status=status)


def _date() -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())


# What people see


MARKDOWN: Final = MarkdownIt("commonmark").enable(["table", "strikethrough"])
"""A parser that nothing under test uses. https://github.github.com/gfm/ is built on CommonMark."""


def read_markdown(text: str) -> list[tuple[str, str]]:
    """(kind, content) of all that is in it: text, code, links' addresses, HTML."""
    found = list[tuple[str, str]]()
    for block in MARKDOWN.parse(text):
        for one in [block, *(block.children or ())]:
            if one.type in (
                "text",
                "code_inline",
                "html_inline",
                "html_block",
                "fence",
                "code_block",
            ):
                found.append((one.type, one.content))
            elif one.type in ("link_open", "image"):
                found.append((one.type, str(one.attrs.get("href") or one.attrs.get("src"))))
            elif one.type not in ("inline",):
                found.append((one.type, ""))
    return found


def parsed(payload: Payload) -> list[str]:
    """What GitHub looks through: all but code. The title of a check is no Markdown."""
    texts = [payload["summary"], payload["text"], payload["answers"]]
    found = [one for text in texts for one in read_markdown(text)]
    return [content for kind, content in found if kind != "code_inline" and content]


READ: Final = re.compile(r"https?://|www\.|[@#<&]|\b[0-9a-f]{7,}\b|:\w+:|\b[A-Z]+-\d")
"""What GitHub makes something of in a text that is no code."""


def links(payload: Payload) -> list[str]:
    """Every address that can be followed, and whatever else would do something."""
    ours = [payload["link"]] if payload["link"] else []
    return [*ours, *(text for text in parsed(payload) if READ.search(text))]


KIT = Kit(
    name="github",
    make=make,
    tap=pressed,
    proofs=("x-hub-signature-256",),
    stale=None,
    unknown=unknown,
    foreign=foreign,
    peer=GitHubPeer,
    address=Address("github", f"{REPOSITORY}@{SHA}"),
    parsed=parsed,
    links=links,
    secrets=(SECRET, PEM, "ghs_"),
)


def _cards(peer: GitHubPeer) -> list[Any]:
    """Our comments: a request that names no commit has its card in the inbox."""
    return [one for one in peer.comments.values() if one["performed_via_github_app"]]


def _pressed(peer: GitHubPeer, digest: str, at: int) -> Inbound:
    card = next(one for one in _cards(peer) if digest in one["body"])
    command = re.search("`(/approve [A-Za-z0-9_-]{8})`", card["body"])
    assert command is not None
    return signed(peer.write(command[1], DANA, card["issue"]), at)


SEAT = Seat(account=DANA, messages=_cards, press=_pressed)
