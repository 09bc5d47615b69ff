"""Linear: a comment on an issue, and below it a question with options, in an agent session.

The question holds the whole card. Nobody can edit it, and Linear is asked for it when it is
answered, so that what was answered is what we sent. The comment above it says the state.
https://linear.app/developers/agent-interaction, https://linear.app/developers/agent-signals
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar, Final
from uuid import UUID

from pydantic_core import from_json

from adapters.kit import tame
from adapters.kit.base import Base
from adapters.kit.echo import differences, digest
from adapters.kit.http import FAULTS, Denied
from adapters.linear import api, markdown
from adapters.linear.api import Api, log
from approvals import port
from approvals.model import (
    Address,
    Busy,
    Card,
    Choice,
    Fact,
    Forged,
    Label,
    Malformed,
    MessageRef,
    Refused,
    Tier,
)
from approvals.proof import check_hmac
from approvals.text import fitting, utf16_len

# Linear names no limit for a body. Nobody reads so much in a thread: this is our own.
TEXT: Final = 12_000
# https://linear.app/developers/webhooks#securing-webhooks
FRESH: Final = 60_000
ID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What somebody may type instead of choosing it, which proves less: the label as it stands there.
TYPED: Final[Mapping[str, Choice]] = {
    Label.APPROVE.value: Choice.APPROVE,
    Label.DECLINE.value: Choice.DECLINE,
}
CODE: Final = re.compile(r"\s*decline\s+[0-9a-f]{8}\b", re.IGNORECASE)
ELICITATION: Final = "AgentActivityElicitationContent"
RESPONSE: Final = "AgentActivityResponseContent"
TYPES: Final[Mapping[str, str]] = {ELICITATION: "elicitation", RESPONSE: "response"}
APP: Final = "an app"
# Linear names no length for an option's label.
OPTION: Final = 80
US: Final = "Countersign"
MOST: Final = 20
"""Questions in one thread from which only a change of the case asks again: somebody, or a script of
theirs, could answer without end, and each question costs calls that other cards wait for."""
# Where the app may ask no questions.
BARE: Final = "\n\nThere are no options here: approve on the page."


@dataclass(frozen=True, slots=True)
class Thread:
    """What stands below a comment: the session's id, what our app said there, and whether a person
    said something after that."""

    session: str
    ours: list[Any]
    answered: bool

    @property
    def last(self) -> Any:
        return _newest(self.ours)


@dataclass(frozen=True, slots=True)
class Linear(Base):
    """The fields are those of the section, in settings.py."""

    client_id: str
    client_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    issue: str
    render: port.Render = field(repr=False)
    api_url: str = "https://api.linear.app"
    _api: Api = field(init=False, repr=False, compare=False)
    _profiles: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _tasks: dict[str, asyncio.Task[None]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _due: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    name: ClassVar[str] = "linear"
    patience: ClassVar[float] = 3
    """Seconds that a typed code has to end its case, before the question is asked again."""
    limits: ClassVar = port.Limits(
        title=250,
        fact_label=410,
        fact_value=1000,
        facts=25,
        payload=5000,
        note=1000,
        buttons=2,
        label=40,
        measure=lambda text: utf16_len(markdown.lines(text)),
        total=9000,
        each=10,
        together=4000,
    )
    abilities: ClassVar = port.Abilities(
        edit=True,
        echo=True,  # not with the answer: it is asked for
        open_by_email=True,
        tier=Tier.A,
        says_counted=False,
    )

    def __post_init__(self) -> None:
        self.needs("client_id", "client_secret", "webhook_secret")
        if not ID.fullmatch(self.issue):
            raise ValueError("linear: issue is the id of an issue (Copy model UUID), not ENG-123")
        object.__setattr__(self, "_api", Api(self.api_url, self.client_id, self.client_secret))

    def remember(self, memory: port.Memory) -> None:
        self._api.memory = memory

    def drawn(self, card: Card) -> port.Drawn:
        return port.whole(card, self._draw, _flat)

    def _draw(self, card: Card) -> port.Drawn:
        link = card.review if card.review and port.reachable(card.review) else None
        values: dict[str, Any] = {
            "card": replace(tame.texts(card, markdown.said), title=markdown.title(card.title)),
            "link": link,
        }
        values["facts"] = "\n".join(map(_fact, card.facts))
        values["note"] = markdown.quoted(card.note) if card.note else ""
        values |= {
            name: markdown.lines(text) if (text := getattr(card, name)) else ""
            for name in ("payload", "payload_tail")
        }
        made = self.render(values)
        port.same_buttons(card, [(one["label"], one["value"]) for one in made["options"]])
        if utf16_len(made["card"]) > TEXT:
            raise Refused(f"linear: over {TEXT} characters")
        payload = {name: made[name] for name in ("subject", "card", "options", "end")}
        payload["options"] += _reasons(card)
        return port.Drawn(card, payload | {"link": link}, [_flat(markdown.plain(made["card"]))])

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        secret = self.webhook_secret.encode()
        check_hmac(secret, inbound.body, inbound.headers.get("linear-signature"))
        try:
            sent = from_json(inbound.body)
            at = sent["webhookTimestamp"]
        except FAULTS:
            raise Forged("linear: no time in it") from None
        # Of when it was sent, each time anew: a body that was seen before is too old soon.
        if type(at) is not int or abs(inbound.at - at) > FRESH:
            raise Forged("linear: the timestamp is not of now")
        return port.Proven(inbound, {"sent": sent})

    async def resolve(self, proven: port.Proven) -> port.Resolved:
        sent = proven.claims["sent"]
        try:
            asked = _asks(sent)
        except FAULTS:
            return port.Resolved.of(proven)  # `read` says it
        if asked is None:
            return port.Resolved.of(proven)
        # Another workspace may have installed our app, and its deliveries have the same proof. Once
        # we know which is ours, they cost no call.
        if self._api.home not in (None, sent.get("organizationId")):
            raise Forged("linear: of another workspace")
        try:
            told = await self._api.call(asked[0], **asked[1])
        except Denied as why:
            log.warning(port.Line("answer_not_confirmed", why=why))
            raise Forged(str(why)) from None
        self._api.home = told["organization"]["id"]
        if self._api.home != sent.get("organizationId"):
            raise Forged("linear: of another workspace")
        resolved = port.Resolved.of(proven, told=told)
        try:
            event = self._event(**resolved.claims)
        except FAULTS:
            return resolved
        # Whatever is said in the thread takes the options away: they are offered again. Of a tap
        # `tell` hears whether it counted; of a typed code nothing does.
        if isinstance(event, port.Ignored | port.Reply) and _stands(told):
            wait = self.patience if isinstance(event, port.Reply) else 0
            self._later(told["agentSession"]["comment"]["id"], wait)
        return resolved

    def read(self, resolved: port.Resolved) -> port.Event:
        try:
            return self._event(**resolved.claims)
        except FAULTS as error:
            raise Malformed(f"linear: {type(error).__name__}") from None

    def _event(self, sent: Any, told: Any = None) -> port.Event:
        kind, action = sent["type"], sent["action"]
        if {type(kind), type(action)} != {str}:
            raise TypeError
        if told is None:
            if _asks(sent) is not None:
                raise ValueError("Linear was not asked")
            return port.Ignored(f"{kind} {action}"[:60])
        stranger = _barred(told["user"])
        if kind == "Comment":
            data = sent["data"]
            words: dict[str, Any] = {"event": data["id"], "account": data["userId"]}
            words |= {"conversation": data["issueId"], "text": data["body"]}
            return port.Reply("linear", **words, stranger=stranger)
        session, activity = told["agentSession"], sent["agentActivity"]
        ours = session["appUser"]["id"] == told["viewer"]["id"] == sent["appUserId"]
        if not ours or session["issue"] is None or session["comment"] is None:
            return port.Ignored("a session that no card of ours is in")
        if activity["content"]["type"] != "prompt":
            return port.Ignored("our own activity")
        text = activity["content"]["body"].strip()
        # A comment comes twice: by itself, and as what was said in a session.
        event = activity.get("sourceCommentId") or activity["id"]
        about: dict[str, Any] = {"channel": "linear", "event": event}
        about |= {"account": activity["userId"], "conversation": session["issue"]["id"]}
        if CODE.match(text):
            return port.Reply(**about, text=text, stranger=stranger)
        # https://linear.app/developers/agent-signals#stop: whoever says stop does not approve.
        stop = activity.get("signal") == "stop"
        choice = Choice.DECLINE if stop else TYPED.get(text)
        token, place = port.chosen(text) or (text, None)
        if choice is None and not port.is_token(token):
            return port.Ignored("other words")
        message = session["comment"]["id"]
        return port.Tap(
            **about,
            message=message,
            token="" if choice else token,
            choice=choice,
            ready=place,
            stranger=stranger,
            echo=_echo(session["ours"], activity["createdAt"]),
            reply_to={"comment": message},
        )

    async def open(self, account: str) -> Address:
        if "@" in account:
            found = (await self._api.call(api.BY_EMAIL, email=account))["users"]["nodes"]
            if len(found) != 1 or found[0]["email"].lower() != account.lower():
                raise Refused(f"linear: nobody in the workspace has the address {account}")
            user = found[0]
        elif ID.fullmatch(account):
            user = (await self._api.call(api.WHO, user=account))["user"]
        else:
            raise Refused(f"linear: {account!r} is no id of a user (Copy model UUID)")
        if why := _barred(user):
            raise Refused(f"linear: {account} may not approve: {why}")
        self._profiles[user["id"]] = user["url"]
        return Address("linear", self.issue, account=user["id"])

    def echo(self, payload: port.Payload) -> str:
        return digest(_view(payload))

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        comment = str(UUID(bytes=sha256(key.encode()).digest()[:16], version=4))
        mention = await self._mention(address.account)
        body = {"id": comment, "issueId": address.conversation}
        body["body"] = payload["subject"] + mention
        try:
            made = await self._api.call(api.COMMENT, input=body)
        except Busy:
            await self._drop(comment)
            raise
        comment = made["commentCreate"]["comment"]["id"]
        ref = MessageRef("linear", address.conversation, comment)
        try:
            activity = await self._ask(comment, payload, address.account)
            if activity is None:  # the comment is the card then, without options
                await self._edit(comment, payload["card"] + BARE + mention)
                return ref
        except (Busy, Refused):
            await self._drop(comment)
            raise
        return replace(ref, altered=differences(_view(payload), _shown(activity)))

    async def _ask(self, comment: str, payload: port.Payload, account: str | None) -> Any:
        """Our question below this comment; None: our app may open no session, or not ask there."""
        try:
            made = await self._api.call(api.SESSION, input={"commentId": comment})
            session = made["agentSessionCreateOnComment"]["agentSession"]["id"]
            return await self._say(session, _question(payload, account))
        except Denied as why:
            log.warning(port.Line("question_not_asked", why=why))
            return None

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> MessageRef:
        thread = await self._thread(ref.message)
        last = thread.last
        if last is None:  # nothing was asked: the comment is the card
            bare = "" if payload["end"] else BARE
            await self._edit(ref.message, payload["card"] + bare)
            return ref
        await self._edit(ref.message, payload["subject"])
        if payload["end"]:
            # The session ends with it, and the options go.
            if thread.answered or _kind(last) != RESPONSE:
                end = {"content": {"type": "response", "body": payload["end"]}}
                await self._say(thread.session, end)
            return ref
        if thread.answered or _shown(last) != _view(payload):
            account = (last["signalMetadata"] or {}).get("userId")
            last = await self._say(thread.session, _question(payload, account))
        return replace(ref, altered=differences(_view(payload), _shown(last)))

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        # Nothing is private in a thread. But an answer takes the options away, whoever gave it: the
        # question is asked again, for those who may answer. One that counted has the card redrawn.
        if notice.kind is not port.NoticeKind.COUNTED and tap.stranger != APP:
            await self._again(tap.reply_to["comment"])

    async def _again(self, comment: str) -> None:
        """Ask again what stands answered below this comment."""
        thread = await self._thread(comment)
        asked = thread.last
        if asked is None or _kind(asked) != ELICITATION or not thread.answered:
            return
        if len(thread.ours) >= MOST:
            log.warning(port.Line("question_not_asked", why=f"it was asked {MOST} times"))
            return
        await self._say(thread.session, _copy(asked))
        # What another copy, or a change of the case, said meanwhile stands last again: where it was
        # decided just now, no options are left there.
        before, shown = _made(asked), _shown(asked)
        others = (one for one in (await self._thread(comment)).ours if _made(one) > before)
        newer = (one for one in others if _kind(one) in TYPES and _shown(one) != shown)
        if (newest := _newest(newer)) is not None:
            await self._say(thread.session, _copy(newest))

    async def _thread(self, comment: str) -> Thread:
        session = (await self._api.call(api.THREAD, id=comment))["comment"]["agentSession"]
        if session is None:
            return Thread("", [], answered=False)
        ours, theirs = session["ours"]["nodes"], session["theirs"]
        last, word = _newest(ours), _newest(theirs["nodes"])
        # Of more than a page nobody says which is the newest: then one of them may be.
        late = word is not None and last is not None and _made(word) >= _made(last)
        return Thread(session["id"], ours, answered=late or theirs["pageInfo"]["hasNextPage"])

    def _later(self, comment: str, wait: float) -> None:
        """Ask again in the background; once, for all that is said until then."""

        async def again() -> None:
            try:
                await asyncio.sleep(wait)
                while comment in self._due:
                    self._due.discard(comment)
                    await self._again(comment)
            except (Busy, Refused, *FAULTS) as why:
                log.warning(port.Line("question_not_asked", why=type(why).__name__))
            finally:
                del self._tasks[comment]

        self._due.add(comment)
        if comment not in self._tasks:
            self._tasks[comment] = asyncio.create_task(again())

    async def _say(self, session: str, what: Mapping[str, Any]) -> Any:
        made = await self._api.call(api.ACTIVITY, input={"agentSessionId": session, **what})
        return made["agentActivityCreate"]["agentActivity"]

    async def _drop(self, comment: str) -> None:
        # It is posted anew, with other buttons: no comment without its question stays.
        with suppress(Busy, Refused):
            await self._api.call(api.DELETE, id=comment)

    async def _edit(self, comment: str, body: str) -> None:
        await self._api.call(api.EDIT, id=comment, input={"body": body})

    async def _mention(self, account: str | None) -> str:
        """The address of a profile is a mention, which notifies:
        https://linear.app/developers/graphql#adding-mentions-in-markdown"""
        if account is None:
            return ""
        if account not in self._profiles:
            self._profiles[account] = (await self._api.call(api.WHO, user=account))["user"]["url"]
        return f"\n\n{self._profiles[account]}"

    async def check(self) -> list[port.Finding]:
        try:
            told = await self._api.call(api.ME)
        except (Busy, Refused) as why:
            return [port.Finding("token", False, str(why))]
        me, where = told["viewer"], told["organization"]["name"]
        app = me.get("app") is True
        found = [
            port.Finding("token", app, f"{me['name']} in {where}" + ("" if app else ": no app")),
            self._api.http.clock(),
        ]
        try:
            issue = (await self._api.call(api.ISSUE, id=self.issue))["issue"]["identifier"]
            return [*found, port.Finding("issue", True, f"cards to people go to {issue}")]
        except (Busy, Refused) as why:
            detail = f"{why}: the app must have access to the team of `issue`"
            return [*found, port.Finding("issue", False, detail)]

    async def close(self) -> None:
        for task in (tasks := [*self._tasks.values()]):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._api.close()


def _asks(sent: Any) -> tuple[str, dict[str, str]] | None:
    """What Linear is asked about this delivery; None: it means nothing to us."""
    match sent["type"], sent["action"]:
        case "AgentSessionEvent", "prompted":
            user, session = sent["agentActivity"]["userId"], sent["agentSession"]["id"]
            if not (ID.fullmatch(user) and ID.fullmatch(session)):
                raise ValueError("no ids")
            return api.PRESSED, {"user": user, "session": session}
        case "Comment", "create" if CODE.match(sent["data"]["body"]):
            user, issue = sent["data"]["userId"], sent["data"]["issueId"]
            if user is None or issue is None:  # synced from elsewhere, or not on an issue
                return None
            if not (ID.fullmatch(user) and ID.fullmatch(issue)):
                raise ValueError("no ids")
            return api.WHO, {"user": user}
    return None


def _barred(user: Any) -> str | None:
    """Why this account can never be an approver's, or None."""
    if user["app"]:
        return APP
    if not user["active"]:
        return "a suspended account"
    return "a guest" if user["guest"] else None


def _question(payload: port.Payload, account: str | None) -> dict[str, Any]:
    """The activity that asks. `account`: whom alone the link is for."""
    made: dict[str, Any] = {"content": {"type": "elicitation", "body": payload["card"]}}
    match _signal(payload):
        case "select":
            made |= {"signal": "select", "signalMetadata": {"options": payload["options"]}}
        case "auth":
            meta = {"url": payload["link"], "providerName": US}
            made |= {
                "signal": "auth",
                "signalMetadata": meta | ({"userId": account} if account else {}),
            }
    return made


def _signal(payload: port.Payload) -> str | None:
    """Options where one of them approves; else the link to the page, if anybody could follow it."""
    labels = [one["label"] for one in payload["options"]]
    if Label.APPROVE.value in labels or not payload["link"]:
        return "select" if labels else None
    return "auth"


def _view(payload: port.Payload) -> dict[str, Any]:
    """What a person sees of a question."""
    signal = _signal(payload)
    return {
        "card": markdown.seen(payload["card"]),
        "signal": signal,
        "options": payload["options"] if signal == "select" else None,
        "url": payload["link"] if signal == "auth" else None,
    }


def _shown(activity: Any) -> dict[str, Any] | None:
    """The same of an activity that Linear holds; None: it is no question."""
    if _kind(activity) != ELICITATION:
        return None
    signal, meta = activity["signal"], activity["signalMetadata"] or {}
    return {
        "card": markdown.seen(activity["content"]["body"]),
        "signal": signal,
        "options": meta.get("options") if signal == "select" else None,
        "url": meta.get("url") if signal == "auth" else None,
    }


def _echo(ours: Any, answered: str) -> str | None:
    """Of our question that stood there when it was answered. None: nobody can say which it was."""
    if ours["pageInfo"]["hasNextPage"]:
        return None
    before = datetime.fromisoformat(answered)
    asked = _newest(one for one in ours["nodes"] if _made(one) <= before)
    return None if asked is None else digest(_shown(asked))


def _stands(told: Any) -> bool:
    """May a question of ours stand there that a person answered? Two apps would answer each other
    without end."""
    session = told.get("agentSession")
    return bool(session and session["comment"] and not told["user"]["app"])


def _reasons(card: Card) -> list[dict[str, str]]:
    """A rule's ready reasons, each an option that declines with it."""
    decline = [one.token for one in card.buttons if one.choice is Choice.DECLINE]
    if not decline:
        return []
    return [
        {"label": f"Decline: {fitting(reason, OPTION)}", "value": port.choice(decline[0], place)}
        for place, reason in enumerate(card.reasons)
    ]


def _kind(activity: Any) -> str:
    return str(activity["content"]["__typename"])


def _copy(activity: Any) -> dict[str, Any]:
    """What is said to say this again."""
    signal = {name: activity[name] for name in ("signal", "signalMetadata") if activity[name]}
    content = {"type": TYPES[_kind(activity)], "body": activity["content"]["body"]}
    return {"content": content, **signal}


def _made(activity: Any) -> datetime:
    return datetime.fromisoformat(activity["createdAt"])


def _newest(activities: Any) -> Any:
    return max(activities, key=_made, default=None)


def _fact(fact: Fact) -> str:
    value = markdown.lines(fact.value, prose=True).replace("\n", "\n  ")
    return f"- {markdown.said(fact.label)}: **{value}**"


def _flat(text: str) -> str:
    """As `markdown.code` draws a text's blanks."""
    return text.replace("\t", "    ").replace("\u00a0", " ")
