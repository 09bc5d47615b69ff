"""The pages that the links in a mail open: the whole request, with that mail's buttons.

Scanners follow every link, and some run scripts: GET, HEAD and OPTIONS change nothing. The form's
POST decides through `Service.tap`, as a tap by the mailbox that the card was sent to. So whoever
holds a link can decide for that mailbox, at low and medium risk; for anything that a tap may not
approve, the page leads to the one behind the sign-in.

A form is accepted only from our own origin and with a proof that this browser got with the page: a
cookie that no other site can set or read, and in the form a MAC under it.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

from aiohttp import web

from approvals import buttons, policy, words
from approvals.model import Case, Choice, Person, Request, Status
from approvals.people import EMAIL
from approvals.port import Tap
from approvals.service import Answer
from approvals.store import CardState, Press
from approvals.web import views
from approvals.web.deps import Deps
from approvals.web.guard import Form, open_get, open_post, slowed
from approvals.web.inbox import content_of, reason_of, sheet_of
from approvals.web.sheet import Sheet
from approvals.web.site import NOT_UNDERSTOOD, Say, render, say
from approvals.web.views import Message, calm

TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{20}([A-Za-z0-9_-]{20})?")
SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
PRESS: Final = re.compile(r"[0-9a-f]{32}")
SECONDS: Final = 3600
"""How long the buttons of an open page work; then it must be opened again."""

DEAD: Final = calm(
    "This link does not work", "Nothing was changed. What waits for you is in the inbox.", "empty"
)
NOBODY: Final = calm(
    "This address may not decide here",
    "It belongs to no approver of this request. Nothing was changed.",
    "lock",
    None,
)
CHANGED: Final = calm(
    "This request has changed",
    "This mail is about what was asked before. Your vote wasn't recorded. There is a newer mail.",
    "medium",
)
SOON: Final = calm(
    "Try again in a moment",
    "The mail server has not confirmed this mail yet. Nothing was changed.",
    "expired",
    None,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the forms of a page carry. `approve`, `decline`: the tokens of that mail, if any."""

    account: str
    csrf: str = field(repr=False)
    press: str
    approve: str = field(repr=False)
    decline: str = field(repr=False)


def routes(deps: Deps) -> list[web.RouteDef]:
    """The page of a link, and its form."""

    async def show(request: web.Request) -> web.StreamResponse:
        press, person = await _held(deps, request)
        case, card = press.case, press.card
        content = await content_of(deps, case)
        secret = request.cookies.get(_cookie(deps), "")
        if not SECRET.fullmatch(secret):
            secret = urlsafe_b64encode(deps.random(32)).decode().rstrip("=")
        tokens = await _tokens(deps, press, request.match_info["token"])
        whole = await sheet_of(deps, case, content)
        once = deps.random(16).hex()
        forms = Shown(
            card.account or "",
            _proof(secret, card.id, once),
            once,
            tokens.get(Choice.APPROVE, ""),
            tokens.get(Choice.DECLINE, ""),
        )

        def page() -> web.Response:
            view, sign_in = _view(deps, case, content, whole, person, forms)
            return render(
                "mail", visitor=None, reader=person, view=view, form=forms, sign_in=sign_in,
                declining=press.stored.binding.choice is Choice.DECLINE,
            )  # fmt: skip

        answer = await asyncio.to_thread(page)  # ten megabytes take a while
        deps.site.give(answer, _cookie(deps), secret, seconds=SECONDS)
        return answer

    async def decide(request: web.Request, form: Form) -> web.StreamResponse:
        press, _ = await _held(deps, request)
        card, token, once = press.card, request.match_info["token"], form.get("press", "")
        secret = request.cookies.get(_cookie(deps), "")
        proof = _proof(secret, card.id, once) if SECRET.fullmatch(secret) else ""
        if not hmac.compare_digest(form.get("csrf", "").encode(), proof.encode()) or not proof:
            raise Say(403, _old(token))
        if not PRESS.fullmatch(once):
            raise Say(400, NOT_UNDERSTOOD)
        if card.state is CardState.POSTING:
            raise Say(503, SOON, {"Retry-After": "1"})
        content = await content_of(deps, press.case)
        reason = reason_of(press.case, form, f"/m/{token}")
        declines = press.stored.binding.choice is Choice.DECLINE
        tap = Tap(
            channel=EMAIL,
            event=once,
            account=card.account or "",
            conversation=card.conversation,
            message=card.message or "",
            token=token,
            reason=reason if declines else None,
        )
        answer = await deps.service.tap(tap)
        deps.metrics.tapped(EMAIL, answer.notice.kind.value)
        status, message = _told(answer, views.title(content, salt=deps.salt), f"/m/{token}")
        return say(message, status=status)

    return [open_get(deps, "/m/{token}", show), open_post(deps, "/m/{token}", decide)]


async def _held(deps: Deps, request: web.Request) -> tuple[Press, Person]:
    """The button behind a link, and the owner of the mailbox that it was sent to.

    Raises `Say`: the same page for everything that is not our link, which counts as a forgery; and
    to holders of a real link, why it decides nothing any more.
    """
    token, press = request.match_info["token"], None
    if TOKEN.fullmatch(token):
        (press,) = await deps.store.presses([(buttons.lookup(token), "")])
    if press is None or not _ours(deps, press, token):
        slowed(deps.forgeries.take, request.remote)
        raise Say(404, DEAD)
    case, person = press.case, deps.directory.by_account(EMAIL, press.card.account or "")
    if person is None or await deps.visible(person, case.id) is None:
        raise Say(403, NOBODY)
    if press.stored.binding.revision != case.revision:
        raise Say(409, CHANGED)
    return press, person


def _ours(deps: Deps, press: Press, token: str) -> bool:
    """Is this the token of a button on a mail? A button of another channel opens nothing here."""
    genuine = buttons.genuine(deps.service.trust.ring, press.stored, token)
    bound, card = press.stored.binding, press.card
    where = bound.channel, bound.conversation, bound.addressee
    return genuine and where == (EMAIL, card.conversation, card.account)


async def _tokens(deps: Deps, press: Press, token: str) -> dict[Choice, str]:
    tail = token[buttons.LENGTH :]
    ring = deps.service.trust.ring
    found = await deps.store.buttons_of(press.card.id)
    return {one.binding.choice: buttons.token_of(ring, one) + tail for one in found}


def _view(
    deps: Deps, case: Case, content: Request, sheet: Sheet, person: Person, forms: Shown
) -> tuple[views.Whole, bool]:
    """The request's page with what this mail may decide; and whether signing in allows more."""
    tap = policy.Tap(deps.service.trust.channels[EMAIL].tier)

    def may(choice: Choice) -> policy.Seats | policy.No:
        return policy.may(person, case, choice, tap)

    names, now = deps.directory.names, deps.clock()
    whole = views.whole(
        case, content, sheet, person,
        fresh=True, receipt=False, salt=deps.salt, names=names, now=now,
    )  # fmt: skip
    said, left, approve = whole.say, now < case.expires_at, may(Choice.APPROVE)
    more = isinstance(approve, policy.No) or not forms.approve
    if case.open and not left:
        said = words.state(replace(case, status=Status.EXPIRED))
    elif whole.can_approve and more:
        said = approve.why if isinstance(approve, policy.No) else "This mail can only decline."
    decline = isinstance(may(Choice.DECLINE), policy.Seats) and bool(forms.decline)
    shown = replace(
        whole,
        say=said,
        can_approve=whole.can_approve and left and not more,
        can_decline=whole.can_decline and left and decline,
        sign_in=False,
        reveals=False,
    )
    return shown, whole.can_approve and left and more


def _told(answer: Answer, title: str, back: str) -> tuple[int, Message]:
    """Status and message after a press: only what is committed."""
    if answer.counted and answer.case is not None:
        after = answer.case
        look: dict[str, Any] = {"href": back, "go": "See what comes of it"}
        if after.open:
            said = (title, answer.notice.text.partition(". ")[2])
            return 200, Message("Your approval counts", said, "good", "approved", **look)
        if after.status is Status.APPROVED:
            said = (title, words.GOES_ON)
            return 200, Message(words.label(after), said, "good", "approved", **look)
        said = (title, words.NOTHING_RUN)
        return 200, Message(words.label(after), said, "calm", "declined", **look)
    return views.not_counted(answer.notice, title, back)


def _old(token: str) -> Message:
    why = "It was opened long ago, or in another browser. Nothing was changed."
    return calm("Open the page again", why, "expired", f"/m/{token}", "Open it")


def _cookie(deps: Deps) -> str:
    return f"{deps.site.cookie}-mail"


def _proof(secret: str, card: str, once: str) -> str:
    """Proves that the form is from the page that this browser got for this card, this one time."""
    said = f"countersign/mail/1 {card} {once}".encode()
    return hmac.new(secret.encode(), said, sha256).hexdigest()
