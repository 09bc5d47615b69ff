"""A stand-in for Linear, written from its documentation and its published schema: the GraphQL API
as far as an app that asks needs it, the token endpoint, and webhooks signed as Linear signs them.

What is sent to it is executed by graphql-core against fixtures/linear/schema.graphql, cut out of
https://github.com/linear/linear; rules that no schema says come from
https://linear.app/developers/agent-interaction, /agent-signals, /webhooks, /rate-limiting and
/oauth-2-0-authentication. It shares no code with what is tested.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID, uuid4

from aiohttp import ClientSession, web
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from adapters.linear.adapter import Linear
from approvals.model import Address
from approvals.port import Inbound, Payload, Render
from tests.harness.channel_contract import NOW, ROOT, Kit, Seat, says, template
from tests.peers.loopback import started

FIXTURES: Final = ROOT / "tests/fixtures/linear"
SCHEMA: Final[GraphQLSchema] = build_schema((FIXTURES / "schema.graphql").read_text())
CLIENT, CLIENT_SECRET = "0123456789abcdef0123456789abcdef", "peer-client-secret-0123456789"
WEBHOOK_SECRET: Final = "lin_wh_peer_0123456789"
ACME: Final = "0d5a4f2e-1c3b-4a6d-9e8f-7b6a5c4d3e2f"
APP: Final = "a11a11a1-0000-4000-8000-00000000000a"
DANA, LEE, GUEST, GONE, ROBOT = (f"da0a0000-0000-4000-8000-00000000000{n}" for n in range(1, 6))
ISSUE, OTHER = (f"155ee000-0000-4000-8000-00000000000{n}" for n in range(1, 3))
CARD: Final = "c0331e17-0000-4000-8000-000000000001"
SESSION: Final = "5e55105e-0000-4000-8000-000000000001"
TAPPED: Final = "T" * 20
ASKED: Final = {"options": [{"label": "Approve", "value": TAPPED}]}
"""What the question of the fixture offers."""


def user(id: str, name: str, **more: Any) -> dict[str, Any]:
    base = {"active": True, "app": False, "guest": False, "email": f"{name}@example.com"}
    url = f"https://linear.app/acme/profiles/{name}"
    return {"id": id, "name": name.capitalize(), "url": url, **base, **more}


def make(
    api: str, *, kind: type[Linear] = Linear, render: Render | None = None, **more: Any
) -> Linear:
    given = {"client_id": CLIENT, "client_secret": CLIENT_SECRET, "issue": ISSUE, **more}
    given = {"webhook_secret": WEBHOOK_SECRET, "api_url": api, **given}
    return kind(render=render or template("linear"), **given)


# Deliveries: https://linear.app/developers/webhooks


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def delivery(sent: Any, at: int) -> Inbound:
    """Signed: the hex HMAC-SHA256 of the body, which says when it was sent, in milliseconds."""
    body = json.dumps({**sent, "webhookTimestamp": at}).encode()
    proof = hmac.digest(WEBHOOK_SECRET.encode(), body, "sha256").hex()
    heads = {"content-type": "application/json; charset=utf-8", "user-agent": "Linear-Webhook"}
    heads |= {"linear-signature": proof, "linear-event": str(sent.get("type"))}
    heads["linear-delivery"] = str(uuid4())
    return Inbound("POST", "/channels/linear/events", "", heads, body, at)


def prompted(at: int, text: str = TAPPED, **more: Any) -> Inbound:
    """A person answered the question of the fixture. `more`: of the activity."""
    sent = fixture("prompted")
    sent["agentActivity"] |= {"content": {"type": "prompt", "body": text}, **more}
    return delivery(sent, at)


def commented(at: int, text: str, **more: Any) -> Inbound:
    sent = fixture("comment")
    sent["data"] |= {"body": text, **more}
    return delivery(sent, at)


def unknown(at: int) -> tuple[Inbound, ...]:
    return (
        delivery({}, at),
        delivery({"type": 7, "action": []}, at),
        delivery({**fixture("prompted"), "agentActivity": None}, at),
        delivery({**fixture("prompted"), "agentSession": {"id": "../x"}}, at),
        prompted(at, userId="dana"),
        prompted(at, userId=None),
        prompted(at, content={"type": "prompt"}),
        prompted(at, content=None),
        commented(at, "decline a1b2c3d4", userId="dana"),
        delivery({**fixture("comment"), "data": None}, at),
    )


def foreign(at: int) -> tuple[Inbound, ...]:
    return (
        prompted(at, "What is this about?"),
        prompted(at, content={"type": "thought", "body": TAPPED}),
        delivery({**fixture("prompted"), "action": "created", "agentActivity": None}, at),
        delivery({"type": "Issue", "action": "update", "data": {"id": ISSUE}}, at),
        delivery({"type": "PermissionChange", "action": "teamAccessChanged"}, at),
        delivery({**fixture("comment"), "action": "update"}, at),
        commented(at, "I would decline that."),
        # Of somebody in Slack, by a synced thread; and on a document.
        commented(at, "decline a1b2c3d4", userId=None, externalUserId=DANA),
        commented(at, "decline a1b2c3d4", issueId=None),
    )


# The API


def fault(message: str, kind: str = "invalid input", code: str = "INPUT_ERROR") -> GraphQLError:
    more = {"type": kind, "code": code, "userError": True, "userPresentableMessage": message}
    return GraphQLError(message, extensions=more)


@cache
def validated(text: str) -> tuple[DocumentNode, list[GraphQLError]]:
    """A document and what is wrong with it. There are a dozen, and each takes a while."""
    document = parse(text)
    return document, validate(SCHEMA, document)


def rewritten(body: str) -> str:
    """Markdown as Linear makes it of the document that it keeps."""
    body = re.sub(r"^- ", "* ", body, flags=re.MULTILINE).replace("  \n", "\\\n")
    return re.sub(r"\]\((http[^)]*)\)", r"](<\1>)", body)


@dataclass
class LinearPeer:
    """`async with LinearPeer() as linear`: `linear.api` is its base URL."""

    users: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            APP: user(APP, "countersign", app=True),
            DANA: user(DANA, "dana"),
            LEE: user(LEE, "lee"),
            GUEST: user(GUEST, "guest", guest=True),
            GONE: user(GONE, "gone", active=False),
            ROBOT: user(ROBOT, "robot", app=True),
        }
    )
    issues: dict[str, str] = field(default_factory=lambda: {ISSUE: "OPS-7", OTHER: "OPS-8"})
    comments: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    activities: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    """The operations that were asked for, and "token" for each new token."""
    faults: list[str] = field(default_factory=list)
    """What no good client sends."""
    organization: str = ACME
    newest_first: bool = True
    """How connections are sorted, which https://linear.app/developers/pagination does not say."""
    agents: bool = True
    """May apps open sessions in this workspace?"""
    asks: bool = True
    """May they ask in them?"""
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    """What another copy of our app does, just before this one says something."""
    broken: list[web.Response] = field(default_factory=list)
    breaks: str = ""
    """Only this operation breaks."""
    token: str = ""
    granting: asyncio.Event = field(default_factory=asyncio.Event)
    """Not set: whoever asks for a token waits for it."""
    grants: bool = True
    """Client credentials tokens are turned on."""
    base: str = ""
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def __aenter__(self) -> LinearPeer:
        self.granting.set()
        # The card that the fixture answers.
        self.comments[CARD] = {"id": CARD, "body": "Pay", "issueId": ISSUE, "userId": APP}
        self._open(SESSION, CARD)
        self._add(SESSION, APP, {"type": "elicitation", "body": "Pay"}, "select", ASKED)
        self.sessions[SESSION]["status"] = "awaitingInput"
        app = web.Application()
        app.router.add_post("/graphql", self._asked)
        app.router.add_post("/oauth/token", self._granted)
        self._runner, self.base = await started(app)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def api(self) -> str:
        return self.base

    def break_next(self, status: int, retry_after: int | None) -> None:
        """A rate limit comes as 400: https://linear.app/developers/rate-limiting"""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        slow = fault("Rate limit exceeded", "ratelimited", "RATELIMITED").formatted
        said = {"errors": [slow]} if status == 429 else {"error": "Internal Server Error"}
        status = 400 if status == 429 else status
        self.broken.append(web.json_response(said, status=status, headers=headers))

    # What people do

    def choose(self, comment: str, label: str, who: str, at: int = NOW) -> Inbound:
        """Somebody picks an option of the question that stands at the end of this thread: its value
        is what they said. https://linear.app/developers/agent-signals#select"""
        last = self.line(comment)[-1]
        assert last["signal"] == "select", f"no options stand there: {last}"
        (option,) = [o for o in last["signalMetadata"]["options"] if o["label"] == label]
        return self.write(comment, option["value"], who, at)

    def write(
        self, comment: str, text: str, who: str, at: int = NOW, signal: str | None = None
    ) -> Inbound:
        """Somebody writes into the session below this comment: options, if any, are gone."""
        (id,) = [id for id, one in self.sessions.items() if one["comment"] == comment]
        made = self._add(id, who, {"type": "prompt", "body": text}, signal)
        self.sessions[id]["status"] = "active"
        sent = fixture("prompted")
        person = {name: self.users[who][name] for name in ("id", "name", "email", "url")}
        session = sent["agentSession"]
        session |= {"id": id, "commentId": comment, "issueId": self.comments[comment]["issueId"]}
        sent["agentActivity"] |= {"id": made["id"], "createdAt": made["createdAt"]}
        sent["agentActivity"] |= {"agentSessionId": id, "userId": who, "user": person}
        sent["agentActivity"] |= {"content": {"type": "prompt", "body": text}, "signal": signal}
        sent["agentActivity"]["sourceCommentId"] = str(uuid4())
        return delivery(sent, at)

    async def deliver(self, url: str, inbound: Inbound) -> tuple[int, str]:
        async with (
            ClientSession() as session,
            session.post(url, data=inbound.body, headers=inbound.headers) as answer,
        ):
            return answer.status, await answer.text()

    def line(self, comment: str) -> list[dict[str, Any]]:
        """The activities below this comment, the oldest first."""
        (id,) = [id for id, one in self.sessions.items() if one["comment"] == comment]
        return self.activities[id]

    def say(self, comment: str, like: dict[str, Any]) -> None:
        """What somebody with the app's token puts below this comment."""
        (id,) = [id for id, one in self.sessions.items() if one["comment"] == comment]
        made = self._add(id, APP, {"type": "elicitation", "body": "x"})
        made |= {name: like[name] for name in ("content", "signal", "signalMetadata")}

    def threads(self) -> dict[str, list[str]]:
        """What stands in each comment and below it."""
        return {
            one["comment"]: [
                self.comments[one["comment"]]["body"],
                *(each["content"]["body"] for each in self.activities[id]),
            ]
            for id, one in self.sessions.items()
        }

    def asked(self) -> list[str]:
        """The comments whose question waits: its options, or its link, stand there."""
        return [
            one["comment"]
            for id, one in self.sessions.items()
            if one["status"] == "awaitingInput" and self.activities[id][-1]["signal"]
        ]

    # What it answers

    async def _granted(self, request: web.Request) -> web.Response:
        """https://linear.app/developers/oauth-2-0-authentication#client-credentials-tokens"""
        form = dict(await request.post())
        if form.get("client_id") != CLIENT or form.get("client_secret") != CLIENT_SECRET:
            return web.json_response({"error": "invalid_client"}, status=401)
        if form.get("grant_type") != "client_credentials" or not form.get("scope"):
            return web.json_response({"error": "invalid_request"}, status=400)
        if not self.grants:
            why = "Client does not support the client_credentials grant type"
            return web.json_response({"error": "Error", "error_description": why}, status=400)
        self.calls.append("token")
        await self.granting.wait()
        # One at a time: a new one ends the one before.
        self.token = f"lin_oauth_peer_{next(self._count):040}"
        scope = str(form["scope"]).replace(",", " ")
        said = {"access_token": self.token, "token_type": "Bearer", "expires_in": 2_591_999}
        return web.json_response({**said, "scope": scope})

    async def _asked(self, request: web.Request) -> web.Response:
        if not self.token or request.headers.get("Authorization") != f"Bearer {self.token}":
            why = fault("Authentication required", "authentication error", "AUTHENTICATION_ERROR")
            return web.json_response({"errors": [why.formatted]}, status=401)
        sent = await request.json()
        name = re.findall(r"^(?:query|mutation) (\w+)", sent["query"])[0]
        self.calls.append(name)
        if self.broken and self.breaks in ("", name):
            return self.broken.pop(0)
        document, wrong = validated(sent["query"])
        found = ExecutionResult(None, wrong)
        if not wrong:
            found = execute_sync(SCHEMA, document, self._root(), None, sent.get("variables"))
        if any(not error.extensions for error in found.errors or ()):  # the schema's own
            self.faults += [str(error) for error in found.errors or ()]
        return web.json_response(found.formatted, status=400 if found.data is None else 200)

    def _root(self) -> dict[str, Any]:
        """Query and Mutation."""
        return {
            "viewer": self.users[APP],
            "organization": {"id": self.organization, "name": "Acme"},
            "user": self._user,
            "users": self._users,
            "issue": self._issue,
            "comment": self._comment,
            "agentSession": self._session,
            "commentCreate": self._comment_create,
            "commentUpdate": self._comment_update,
            "commentDelete": self._comment_delete,
            "agentSessionCreateOnComment": self._session_create,
            "agentActivityCreate": self._activity_create,
        }

    def _user(self, info: Any, id: str) -> Any:
        return self._found(self.users, id, "User")

    def _users(self, info: Any, filter: Any, first: int) -> Any:
        wanted = filter["email"]["eqIgnoreCase"].lower()
        nodes = [one for one in self.users.values() if one["email"].lower() == wanted]
        return {"nodes": nodes[:first]}

    def _issue(self, info: Any, id: str) -> Any:
        return {"id": id, "identifier": self._found(self.issues, id, "Issue")}

    def _comment(self, info: Any, id: str) -> Any:
        kept = self._found(self.comments, id, "Comment")
        mine = [id_ for id_, one in self.sessions.items() if one["comment"] == id]
        return {**kept, "agentSession": self._session(info, mine[0]) if mine else None}

    def _session(self, info: Any, id: str) -> Any:
        kept = self._found(self.sessions, id, "AgentSession")
        issue = self.comments[kept["comment"]]["issueId"]

        def activities(info: Any, first: int, filter: Any) -> Any:
            (comparator, kind), *more = filter["type"].items()
            assert not more
            all_ = [
                one
                for one in self.activities[id][:: -1 if self.newest_first else 1]
                if (one["content"]["type"] == kind) == (comparator == "eq")
            ]
            return {"nodes": all_[:first], "pageInfo": {"hasNextPage": len(all_) > first}}

        ids = {"issue": {"id": issue}, "comment": {"id": kept["comment"]}}
        status = kept["status"]
        return {
            "id": id,
            "status": status,
            "appUser": self.users[APP],
            "activities": activities,
            **ids,
        }

    def _comment_create(self, info: Any, input: Any) -> Any:
        id, issue = input.get("id") or str(uuid4()), input.get("issueId") or ""
        if UUID(id).version != 4 or id in self.comments or not input.get("body"):
            raise fault("Argument Validation Error")
        self._found(self.issues, issue, "Issue")
        kept = {"id": id, "body": rewritten(input["body"]), "issueId": issue, "userId": APP}
        self.comments[id] = {**kept, "parentId": input.get("parentId")}
        return {"success": True, "comment": {"id": id}}

    def _comment_update(self, info: Any, id: str, input: Any) -> Any:
        self._found(self.comments, id, "Comment")["body"] = rewritten(input["body"])
        return {"success": True, "comment": {"id": id}}

    def _comment_delete(self, info: Any, id: str) -> Any:
        self._found(self.comments, id, "Comment")
        del self.comments[id]
        return {"success": True}

    def _session_create(self, info: Any, input: Any) -> Any:
        if not self.agents:
            why = "Agent sessions are not available"
            raise fault(why, "feature not accessible", "FEATURE_NOT_ACCESSIBLE")
        on = self._found(self.comments, input["commentId"], "Comment")
        if on.get("parentId"):
            raise fault("A session is created on a root comment")
        id = str(uuid4())
        self._open(id, on["id"])
        return {"success": True, "agentSession": {"id": id}}

    def _activity_create(self, info: Any, input: Any) -> Any:
        """https://linear.app/developers/agent-interaction#activity-content-payload: "validated
        server-side, and invalid shapes will be rejected"."""
        if not self.asks:
            raise fault("This app may not ask", "forbidden", "FORBIDDEN")
        session, content = input["agentSessionId"], input["content"]
        if self.meanwhile:
            self.meanwhile.pop()()
        kept, kind = self._found(self.sessions, session, "AgentSession"), content.get("type")
        signal, meta = input.get("signal"), input.get("signalMetadata")
        shapes = {"thought", "elicitation", "response", "error"}
        if kind not in shapes or content.keys() != {"type", "body"} or not content["body"]:
            raise fault("Argument Validation Error")
        if input.get("ephemeral") and kind != "thought":
            raise fault("Only thoughts and actions can be ephemeral")
        if signal and kind != "elicitation":
            raise fault("This signal is for elicitations")
        if signal == "select" and not _options(meta):
            raise fault("options is a list of values")
        if signal == "auth" and not str((meta or {}).get("url")).startswith("http"):
            raise fault("url is required")
        made = self._add(session, APP, content, signal, meta)
        states = {"thought": "active", "elicitation": "awaitingInput", "error": "error"}
        kept["status"] = states.get(kind, "complete")
        return {"success": True, "agentActivity": made}

    def _found(self, kept: dict[str, Any], id: str, what: str) -> Any:
        if id not in kept:
            raise fault(f"Entity not found: {what}")
        return kept[id]

    def _open(self, id: str, comment: str) -> None:
        self.sessions[id] = {"comment": comment, "status": "pending"}
        self.activities[id] = []

    def _add(
        self, session: str, who: str, content: Any, signal: str | None = None, meta: Any = None
    ) -> dict[str, Any]:
        kind = f"AgentActivity{content['type'].capitalize()}Content"
        # https://linear.app/developers/graphql: dates are ISO 8601
        at = datetime(2026, 1, 2, 3, 50, tzinfo=UTC) + timedelta(milliseconds=next(self._count))
        made: dict[str, Any] = {
            "id": str(uuid4()),
            "createdAt": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z",
        }
        made |= {"signal": signal, "signalMetadata": meta, "userId": who}
        made["content"] = {**content, "__typename": kind, "body": rewritten(content["body"])}
        self.activities[session].append(made)
        return made


def _options(meta: Any) -> bool:
    options = meta.get("options") if isinstance(meta, dict) else None
    return bool(options) and all(type(one.get("value")) is str for one in options or ())


# What Linear reads: https://linear.app/developers/graphql, Markdown
SPANS: Final = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)]*)\)")
MARKUP: Final = re.compile(
    r"https?:|www\.|[^\W\d]\.\w|@\w|[A-Za-z]\w*-\d|:\w+:|[<\[\]*_~|`#\\]|^\+\+\+"
    r"|^\s*\d+[.)] |&\w+;",
    re.MULTILINE,
)


def unstyled(payload: Payload) -> list[str]:
    """The strings in which Linear reads Markdown, mentions and addresses, without code and without
    the template's own links."""
    texts = [payload[name] for name in ("subject", "card", "end")]
    return [LINK.sub("", SPANS.sub("", text)) for text in texts]


def links(payload: Payload) -> list[str]:
    """Every address that can be followed, and whatever would be markup."""
    found = [payload["link"]] if payload["link"] else []
    found += LINK.findall(SPANS.sub("", payload["card"] + payload["subject"]))
    ours = re.compile(r"\*\*|^## |^- |^> ", re.MULTILINE)
    for text in unstyled(payload):
        found += [match[0] for match in MARKUP.finditer(ours.sub("", text))]
    return found


KIT = Kit(
    name="linear",
    make=make,
    tap=prompted,
    proofs=("linear-signature",),
    stale=60_000,
    unknown=unknown,
    foreign=foreign,
    peer=LinearPeer,
    address=Address("linear", OTHER),
    parsed=unstyled,
    links=links,
    secrets=(CLIENT_SECRET, WEBHOOK_SECRET, "lin_oauth_peer_"),
)


def _pressed(peer: LinearPeer, digest: str, at: int) -> Inbound:
    return peer.choose(says(digest, peer.threads()), "Approve", DANA, at)


SEAT = Seat(account=DANA, messages=lambda peer: peer.threads().values(), press=_pressed)
