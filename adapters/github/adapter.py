"""GitHub: a check with buttons at the commit that a request is about, or a comment in its issue.

A press on a check comes from GitHub's own pages: no API makes one. A comment can be written with a
token of the account, which an agent may hold. So it is a tap by message and choice, of tier C: it
may approve at low risk. For both, GitHub is asked what the account may do in the repository.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from pydantic_core import from_json

from adapters.github import places
from adapters.github.api import Api, log
from adapters.github.markdown import BREAK, around, code, label, plain
from adapters.github.missed import EVERY, missed
from adapters.github.places import Spot
from adapters.github.setup import EVENTS, PERMISSIONS
from adapters.github.signing import signing_key
from adapters.kit import tame
from adapters.kit.base import Base
from adapters.kit.echo import differences, digest, settled
from adapters.kit.http import FAULTS, Denied, read_as
from approvals import port
from approvals.model import (
    Address,
    Busy,
    Card,
    Choice,
    Instant,
    Label,
    Malformed,
    MessageRef,
    Refused,
    Request,
    Risk,
    Status,
    Tier,
)
from approvals.proof import check_hmac
from approvals.text import utf16_len

# `output.summary` and `output.text` of https://docs.github.com/en/rest/checks/runs take 65,535
# characters each, a comment takes 65,536. Nobody reads so much.
TEXT: Final = 40_000
# The same page: the label has 20 characters, the description 40, the identifier 20.
DESCRIPTIONS: Final = {Choice.APPROVE: "Let it run, once", Choice.DECLINE: "Refuse it"}
CONCLUSIONS: Final = {
    Status.PENDING: "action_required",
    Status.APPROVED: "success",
    Status.DECLINED: "failure",
    Status.EXPIRED: "timed_out",
    Status.WITHDRAWN: "cancelled",
}
DELIVERY: Final = re.compile("[0-9a-fA-F-]{1,64}")
# Of a button's token: enough that nobody finds another card with the same.
CODE: Final = 8
COMMAND: Final = re.compile(
    r"\s*/(approve|decline)[ \t]+([A-Za-z0-9_-]{8})(?:\s+(\S.*))?\s*", re.DOTALL
)
REASON: Final = 500
# With the short code of an enterprise behind it, where that manages its users.
LOGIN: Final = re.compile("[A-Za-z0-9-]{1,60}(_[A-Za-z0-9]{1,20})?")
# The end of a comment: how it is answered.
ONE: Final = "To decline, comment `/decline {0}`, with a reason if you like."
BOTH: Final = f"To approve, comment `/approve {{0}}`. {ONE}"
PAGE_ONLY: Final = f"Approve it on its page, not here. {ONE}"
HEADING: Final = re.compile(r"\*\*(`.+`)\*\*")
ANSWER: Final = re.compile("/decline ([A-Za-z0-9_-]{8})`")
# HTML, and the definition of a link, which GitHub does not show:
# https://github.github.com/gfm/#link-reference-definitions
HIDES: Final = re.compile(r"<|\]:")
LINK: Final = re.compile(r"\]\(([^()\s]+)\)")
# https://docs.github.com/en/rest/collaborators/collaborators: each has what stands before it.
LEVELS: Final = ("read", "write", "admin")
PAGE: Final = 100
PAGES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A button of a check. `shown`: the check as GitHub has it."""

    at: Spot
    account: str
    login: str
    stranger: str | None
    token: str = field(repr=False)
    message: str
    delivery: str
    shown: Any = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A command in a comment. `comments`: how many its issue has. `public`: anybody can comment."""

    at: Spot
    account: str
    login: str
    stranger: str | None
    choice: Choice
    code: str
    reason: str | None
    comment: int
    text: str = field(repr=False)
    comments: int
    public: bool


@dataclass(frozen=True, slots=True)
class GitHub(Base):
    """The fields are those of the section, in settings.py."""

    app_id: int
    installation_id: int
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    render: port.Render = field(repr=False)
    repositories: Sequence[str] = ()
    inbox: str = ""
    permission: str = "write"
    public: bool = False
    api_url: str = "https://api.github.com/"
    _api: Api = field(init=False, repr=False, compare=False)
    name: ClassVar[str] = "github"
    limits: ClassVar = port.Limits(
        title=200,
        fact_label=1200,
        fact_value=2000,
        facts=25,
        payload=12_000,
        note=1500,
        buttons=3,
        label=20,
        measure=lambda text: utf16_len(code(text)),
        total=20_000,
        each=10,
        together=8000,
    )
    abilities: ClassVar = port.Abilities(
        edit=True,
        echo=True,
        tier=Tier.A,
        says_counted=False,
    )

    def __post_init__(self) -> None:
        self.needs("webhook_secret")
        if self.permission not in LEVELS:
            raise ValueError(f"github: permission is one of {', '.join(LEVELS)}")
        key = signing_key(self.private_key)
        object.__setattr__(self, "_api", Api(self.api_url, self.app_id, self.installation_id, key))

    def drawn(self, card: Card) -> port.Drawn:
        return port.whole(card, self._draw, str)

    def _draw(self, card: Card) -> port.Drawn:
        link = card.review if card.review and port.reachable(card.review) else None
        who = code(f"From {card.agent}. {card.progress}".strip())
        facts = BREAK.join(f"{label(one.label)} {code(one.value)}" for one in card.facts)
        values = {"card": tame.texts(card, code), "facts": facts, "who": who}
        made = self.render({**values, "subject": card.subject, "link": link})
        port.same_buttons(card, [(one["label"], one["token"]) for one in made["actions"]])
        texts = [made["summary"], made["text"]]
        if sum(map(utf16_len, texts)) > TEXT:
            raise Refused(f"github: over {TEXT} characters")
        if any(HIDES.search(around(text)) for text in texts):
            raise Refused(
                "github: a template makes Markdown without HTML and without definitions "
                "of links, which can hide things"
            )
        actions = [
            {
                "label": one["label"],
                "description": DESCRIPTIONS[button.choice],
                "identifier": one["token"],
            }
            for one, button in zip(made["actions"], card.buttons, strict=True)
        ]
        payload: port.Payload = {
            "name": f"Countersign {card.digest}",
            "title": made["title"],
            "summary": made["summary"],
            "text": made["text"],
            "link": link,
            "actions": actions,
            "conclusion": CONCLUSIONS[card.status],
            "code": "",
            "answers": "",
        }
        if card.buttons:
            # Each has a decline, and it is the last one.
            payload["code"] = card.buttons[-1].token[:CODE]
            low = card.risk is Risk.LOW and card.buttons[0].label is Label.APPROVE
            payload["answers"] = (BOTH if low else PAGE_ONLY).format(payload["code"])
        return port.Drawn(card, payload, [made["title"], *map(plain, texts)])

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries. It signs
        # the body alone, neither a time nor the headers: what happened is told by the body.
        given = inbound.headers.get("x-hub-signature-256")
        check_hmac(self.webhook_secret.encode(), inbound.body, given, prefix="sha256=")
        return port.Proven(inbound)

    async def resolve(self, proven: port.Proven) -> port.Resolved:
        """What the account may do in the repository; and for a command, which card it is about."""
        try:
            said = self._said(proven.inbound)
        except FAULTS:
            return port.Resolved.of(proven)  # `read` says it
        if isinstance(said, port.Ignored):
            return port.Resolved.of(proven)
        try:
            barred, card = await self._barred(said), None
            # In a public repository anybody can make us ask.
            if isinstance(said, Typed) and not (barred and said.public):
                card = await self._card(said)
        except FAULTS as error:
            raise Busy(f"github: not its answer: {type(error).__name__}") from None
        return port.Resolved.of(proven, barred=barred, card=card)

    async def _barred(self, said: Pressed | Typed) -> str | None:
        """Why this account may decide nothing here, or None."""
        if said.stranger:
            return said.stranger
        path = f"/repos/{said.at.repository}/collaborators/{said.login}/permission"
        try:
            found = await self._api.call("GET", path)
        except Denied as why:
            if why.code != 404:
                raise
            return "no access to this repository"
        # Somebody else may have that login by now.
        if str((found.get("user") or {}).get("id")) != said.account:
            return "another account"
        has = found.get("permission")
        if has in LEVELS and LEVELS.index(has) >= LEVELS.index(self.permission):
            return None
        return f"no {self.permission} access to this repository"

    async def _card(self, typed: Typed) -> Any:
        """Our comment of this code, if there is one alone among the newest of its issue, and if
        the command still stands there as it was delivered, which may have been long ago."""
        # https://docs.github.com/en/rest/issues/comments: the oldest first.
        last = max(1, -(-(typed.comments + 1) // PAGE))
        path = f"/repos/{typed.at.repository}/issues/{typed.at.issue}/comments?per_page={PAGE}"
        pages = range(last, max(0, last - PAGES), -1)
        found = await asyncio.gather(
            *(self._api.call("GET", f"{path}&page={page}", many=True) for page in pages)
        )
        newest = [one for page in found for one in page]
        ours = [
            one
            for one in newest
            if self._is_ours(one) and _of_comment(one.get("body"))["code"] == typed.code
        ]
        stands = any((one["id"], one["body"]) == (typed.comment, typed.text) for one in newest)
        return ours[0] if stands and len(ours) == 1 else None

    def _is_ours(self, comment: Any) -> bool:
        app = comment.get("performed_via_github_app") or {}
        author = comment.get("user") or {}  # of an account that was deleted: null
        return app.get("id") == self.app_id and author.get("type") == "Bot"

    def read(self, resolved: port.Resolved) -> port.Event:
        try:
            said = self._said(resolved.inbound)
            if isinstance(said, port.Ignored):
                return said
            return self._event(said, **resolved.claims)
        except FAULTS as error:
            raise Malformed(f"github: {type(error).__name__}") from None

    def _event(self, said: Pressed | Typed, barred: str | None, card: Any) -> port.Event:
        where, who = said.at.conversation, said.account
        if isinstance(said, Pressed):
            return port.Tap(
                channel="github",
                event=said.delivery,
                account=who,
                conversation=where,
                message=said.message,
                token=said.token,
                stranger=barred,
                echo=digest(_of_check(said.shown)),
            )
        if card is None:
            why = "a code that no card of ours has in this issue, or several have; or a command "
            why += "that was edited or deleted"
            return port.Ignored(barred or why)
        return port.Tap(
            channel="github",
            event=f"comment {said.comment}",
            account=who,
            conversation=where,
            message=str(card["id"]),
            choice=said.choice,
            stranger=barred,
            echo=digest(_of_comment(card["body"])),
            reason=said.reason,
        )

    def _said(self, inbound: port.Inbound) -> Pressed | Typed | port.Ignored:
        """Raises one of `FAULTS`, where it is no event of GitHub's."""
        sent = from_json(inbound.body)
        if not isinstance(sent, dict):
            raise TypeError
        # https://docs.github.com/en/webhooks/webhook-events-and-payloads#check_run, #issue_comment
        match sent.get("action"):
            case "requested_action" if "check_run" in sent:
                pressed = True
            case "created" if "comment" in sent and "issue" in sent:
                pressed = False
            case _:
                return port.Ignored("no press and no comment")
        if not pressed and not COMMAND.fullmatch(_text(sent["comment"]["body"])):
            return port.Ignored("a comment that is no command")
        if _number((sent.get("installation") or {}).get("id", 0)) != self.installation_id:
            return port.Ignored("another installation of the App")
        sender, repository = sent["sender"], _text(sent["repository"]["full_name"]).lower()
        stranger = None if sender["type"] == "User" else "not a person's account"
        if stranger is None and not LOGIN.fullmatch(_text(sender["login"])):
            raise ValueError
        who = {"account": str(_number(sender["id"])), "login": sender["login"]}
        if pressed:
            run, token = sent["check_run"], _text(sent["requested_action"]["identifier"])
            if run["app"]["id"] != self.app_id or not port.is_token(token):
                return port.Ignored("a button of another App, or of another feature")
            delivery = inbound.headers["x-github-delivery"]
            if not DELIVERY.fullmatch(delivery):
                raise ValueError
            at = places.spot(f"{repository}@{_text(run['head_sha'])}")
            message = str(_number(run["id"]))
            more = {"message": message, "delivery": delivery, "shown": run}
            return Pressed(at=at, **who, stranger=stranger, token=token, **more)
        comment, issue = sent["comment"], sent["issue"]
        public = sent["repository"].get("private") is not True
        if public and not self.public:
            # No card stands there, and anybody could make us ask.
            return port.Ignored("a comment in a public repository")
        if comment["user"]["id"] != sender["id"]:
            raise ValueError
        if comment.get("performed_via_github_app"):
            stranger = "an app wrote this for them"
        command = COMMAND.fullmatch(comment["body"])
        assert command is not None  # noqa: S101 - else it was ignored above
        verb, given, rest = command.groups()
        if verb == "approve" and rest:
            return port.Ignored("an approval with more words: it may mean anything")
        return Typed(
            at=places.spot(f"{repository}#{_number(issue['number'])}"),
            **who,
            stranger=stranger,
            choice=Choice(verb),
            code=given,
            reason=(rest or "").strip()[:REASON] or None,
            comment=_number(comment["id"]),
            text=comment["body"],
            comments=_number(issue["comments"]),
            public=public,
        )

    async def open(self, account: str) -> Address:
        # It has no direct messages: where the card stands is found for each request.
        if not re.fullmatch("[0-9]{1,20}", account):
            raise Refused(f"github: {account!r} is no id of an account: it is a number")
        found = await self._api.call("GET", f"/user/{account}")
        if found.get("type") != "User" or found.get("suspended_at"):
            raise Refused(f"github: {account} may not approve: not a person's account")
        return Address("github", f"@{account}", account=account)

    async def place(self, whom: Address, request: Request) -> Address:
        found = places.lives(request, self.api_url)
        if whom.account is None:
            # For a card that is posted again it is the place of the old one.
            try:
                spot = places.room(whom.conversation)
            except ValueError as why:
                raise Refused(f"github: {whom.conversation!r} is {why}") from None
            if not spot.commit and not spot.issue:
                if found is None or found.repository != spot.repository:
                    raise Refused(f"github: it names no commit or issue of {spot.repository}")
                spot = found
        elif found is not None and found.repository in self.repositories:
            spot = found
        elif self.inbox:
            spot = places.room(self.inbox)
        else:
            raise Refused("github: it names no commit or issue of `repositories`, and no `inbox`")
        repository = await self._api.call("GET", f"/repos/{spot.repository}")
        if repository.get("private") is not True and not self.public:
            raise Refused(
                f"github: {spot.repository} is public: everybody would read the request there "
                "(public: true allows it)"
            )
        if spot.pull:
            pull = await self._api.call("GET", f"/repos/{spot.repository}/pulls/{spot.pull}")
            spot = places.spot(f"{spot.repository}@{pull['head']['sha']}")
        return Address("github", spot.conversation)

    def echo(self, payload: port.Payload) -> str:
        return digest(_view(payload["title"], _body(payload), payload["code"]))

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        spot = places.spot(address.conversation)
        if spot.commit:
            path, body = f"/repos/{spot.repository}/check-runs", _check(payload)
            body |= {"head_sha": spot.commit, "external_id": payload["code"]}
        else:
            path = f"/repos/{spot.repository}/issues/{spot.issue}/comments"
            body = {"body": _comment(payload)}
        sent = await self._api.call("POST", path, body)
        return MessageRef("github", address.conversation, _id(sent), _altered(payload, sent))

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> MessageRef:
        spot = places.spot(ref.conversation)
        if spot.commit:
            path, body = f"/repos/{spot.repository}/check-runs/{ref.message}", _check(payload)
        else:
            path = f"/repos/{spot.repository}/issues/comments/{ref.message}"
            body = {"body": _comment(payload)}
        sent = await self._api.call("PATCH", path, body)
        if _id(sent) != ref.message:
            raise Busy("github: it does not say that it took the edit")
        return replace(ref, altered=_altered(payload, sent))

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        """GitHub has no private messages: the card says what counted."""

    async def catch_up(self) -> None:
        while True:
            try:
                await self._repeat(int(time.time() * 1000))
            except (Busy, Refused, *FAULTS) as why:
                log.warning(
                    port.Line("missed_deliveries_unknown", why=str(why) or type(why).__name__)
                )
            await asyncio.sleep(EVERY)

    async def _repeat(self, now: Instant) -> None:
        # Each copy of the service asks: what comes twice counts once. Failures by themselves too:
        # where many people comment, the newest hundred may be of the last minute.
        path = "/app/hook/deliveries?per_page=100"
        found = [
            one
            for which in ("", "&status=failure")
            for one in await self._api.as_app("GET", path + which, many=True)
        ]
        for one in missed(found, self.installation_id, now):
            try:
                await self._api.as_app("POST", f"/app/hook/deliveries/{one}/attempts")
            except Refused as why:  # of the others it may say something else
                log.warning(port.Line("missed_deliveries_not_repeated", why=why))

    async def check(self) -> list[port.Finding]:
        try:
            app = await self._api.as_app("GET", "/app")
            await self._api.token()
            clock = self._api.http.clock()
            seen = [await self._seen(one) for one in self._everywhere()]
        except (Busy, Refused) as why:
            return [port.Finding("app", False, str(why))]
        has = self._api.permissions
        lacking = [f"{one}: {need}" for one, need in PERMISSIONS.items() if has.get(one) != need]
        unheard = [one for one in EVENTS if one not in app.get("events", ())]
        return [
            port.Finding("app", True, str(app.get("slug"))),
            port.Finding("permissions", not lacking, _lacks(lacking)),
            port.Finding("events", not unheard, _lacks(unheard)),
            clock,
            *seen,
        ]

    def _everywhere(self) -> list[str]:
        inbox = [self.inbox.partition("#")[0].lower()] if self.inbox else []
        return [*dict.fromkeys([*self.repositories, *inbox])]

    async def _seen(self, repository: str) -> port.Finding:
        try:
            found = await self._api.call("GET", f"/repos/{repository}")
        except Refused as why:
            return port.Finding(repository, False, str(why))
        private = found.get("private") is True
        said = "private" if private else "public: everybody can read what stands there"
        return port.Finding(repository, private or self.public, said)

    async def close(self) -> None:
        await self._api.close()


def _lacks(missing: Sequence[str]) -> str:
    return f"the App lacks {', '.join(missing)}" if missing else "all that are needed"


def _body(payload: port.Payload) -> str:
    return f"{payload['summary']}\n\n{payload['text']}"


def _check(payload: port.Payload) -> dict[str, Any]:
    """Complete at once: GitHub shows the buttons of a check only when it has ended."""
    output = {one: payload[one] for one in ("title", "summary", "text")}
    made = {"name": payload["name"], "status": "completed", "conclusion": payload["conclusion"]}
    linked = {"details_url": payload["link"]} if payload["link"] else {}
    return {**made, **linked, "output": output, "actions": payload["actions"]}


def _comment(payload: port.Payload) -> str:
    parts = (f"**{code(payload['title'])}**", _body(payload), payload["answers"])
    return "\n\n".join(part for part in parts if part)


def _view(title: Any, body: Any, given: Any) -> dict[str, Any]:
    """What is seen of a card, at a commit and in an issue alike."""
    texts = {"title": title or "", "body": (body or "").replace("\r\n", "\n")}
    return {**{one: settled(text) for one, text in texts.items()}, "code": given or ""}


def _of_check(run: Any) -> dict[str, Any]:
    output = run["output"]
    body = f"{output['summary'] or ''}\n\n{output['text'] or ''}"
    view = _view(output["title"], body, run["external_id"])
    # What stands around it, where it is not ours.
    if not re.fullmatch("Countersign [0-9a-f]{8}", run["name"]):
        view["name"] = run["name"]
    if output.get("annotations_count"):  # they would stand below our text
        view["annotations"] = output["annotations_count"]
    links = LINK.findall(around(body))
    if links and run.get("details_url") not in links:
        view["link"] = run.get("details_url")
    return view


def _of_comment(body: Any) -> dict[str, Any]:
    text = (body or "").replace("\r\n", "\n")
    head, _, last = text.rpartition("\n\n")
    given = found[1] if (found := ANSWER.search(last)) else ""
    if last not in (BOTH.format(given), PAGE_ONLY.format(given)):
        head, given = text, ""  # no buttons, or not our card
    title, _, body = head.partition("\n\n")
    heading = HEADING.fullmatch(title)
    return _view(plain(heading[1]), body, given) if heading else _view("", text, "")


def _altered(payload: port.Payload, sent: Any) -> Any:
    with read_as("github"):
        shown = _of_check(sent) if "output" in sent else _of_comment(sent.get("body"))
        # The code of a card without buttons is of no use to anybody.
        ours = _view(payload["title"], _body(payload), payload["code"] or shown["code"])
        return differences(ours, shown)


def _id(sent: Any) -> str:
    if type(given := sent.get("id")) is not int:
        raise Busy("github: it does not say that it took the card")
    return str(given)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value
