"""The checks before every page: host and session, and for a POST its origin and CSRF token.

Routes of pages are made here only, so that none can be mounted without the checks.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from aiohttp import web

from approvals.model import Busy, Conflict, Refused
from approvals.service import NotFound
from approvals.web import credentials
from approvals.web.deps import Deps
from approvals.web.problems import Problem, away
from approvals.web.schemas import ID
from approvals.web.site import HEADERS, Say, Visitor, form, same_origin, say
from approvals.web.views import Message, calm, refused

Form: TypeAlias = Mapping[str, str]
Answer: TypeAlias = Awaitable[web.StreamResponse]

VISITOR: Final = web.RequestKey("visitor", Visitor)
"""Who is signed in, once that is known, so that error pages are drawn for them, too."""
SHELL: Final = (
    "To sign in, run this with your name on the machine where Countersign runs, and open the link"
    " that it prints:",
)
COME_BACK: Final = ("To go on, sign in in this browser, and come back to this page.",)
ELSEWHERE: Final = refused(
    "That did not come from this site",
    "Nothing was changed. Open the page again and press the button there.",
)
OLD_FORM: Final = calm(
    "This page was too old",
    "You've signed in again since you opened it. Nothing was changed.",
    "expired",
)
MISSING: Final = calm("Not found", "There is no such request, or it is not yours to see.", "empty")


def open_get(deps: Deps, path: str, show: Callable[[web.Request], Answer]) -> web.RouteDef:
    """A page that needs no session."""
    return web.get(path, _guarded(deps, show))


def open_post(deps: Deps, path: str, act: Callable[[web.Request, Form], Answer]) -> web.RouteDef:
    """A form of our own origin that needs no session."""

    async def sent(request: web.Request) -> web.StreamResponse:
        return await act(request, await _sent(deps, request))

    return web.post(path, _guarded(deps, sent))


def get(
    deps: Deps,
    path: str,
    show: Callable[[web.Request, Visitor], Answer],
    *,
    allow_head: bool = True,
    back: bool = False,
) -> web.RouteDef:
    """A page for signed-in people. `back`: others are told to sign in and come back to it."""

    async def seen(request: web.Request) -> web.StreamResponse:
        visitor = await visitor_of(deps, request, request.rel_url.raw_path if back else None)
        return await show(request, visitor)

    return web.get(path, _guarded(deps, seen), allow_head=allow_head)


def post(
    deps: Deps, path: str, act: Callable[[web.Request, Visitor, Form], Answer]
) -> web.RouteDef:
    """A form of our own origin, made for this very session."""

    async def sent(request: web.Request) -> web.StreamResponse:
        fields = await _sent(deps, request)
        visitor = await visitor_of(deps, request)
        if not hmac.compare_digest(fields.get("csrf", "").encode(), visitor.csrf.encode()):
            raise Say(403, OLD_FORM)
        return await act(request, visitor, fields)

    return web.post(path, _guarded(deps, sent))


async def visitor_of(deps: Deps, request: web.Request, back: str | None = None) -> Visitor:
    """Who is signed in, else raises `Say` with how to sign in. `back`: the path to return to."""
    cookie = request.cookies.get(deps.site.cookie)
    if cookie:
        ring = deps.service.trust.ring
        session = await credentials.session(deps.store, ring, cookie, deps.clock())
        person = deps.directory.person(session.person) if session else None
        if session and person:
            visitor = request[VISITOR] = Visitor(person, cookie, session.at)
            return visitor
    message = signed_out(deps, request.match_info.get("id", ""))
    if back is not None:
        message = replace(message, lines=COME_BACK, href=back, go="I have signed in")
    raise Say(401, message, {"WWW-Authenticate": 'Cookie realm="countersign"'})


def signed_out(deps: Deps, back: str = "") -> Message:
    """How to sign in. `back`: the request that they are at."""
    ways = deps.ways_in()
    return Message(
        "You are signed out",
        () if ways else SHELL,
        icon="lock",
        command="countersign login-link NAME",
        ways=ways,
        back=back if ID.fullmatch(back) else "",
    )


def slowed(limit: Callable[[str | None], None], who: str | None) -> None:
    """`Limit.check` or `Limit.take`, and a page that says when to come again."""
    try:
        limit(who)
    except Problem as problem:
        slow = calm("Too many attempts", problem.detail, "expired", None)
        raise Say(429, slow, problem.headers) from None


async def _sent(deps: Deps, request: web.Request) -> Form:
    if not same_origin(deps.site, request.headers):
        raise Say(403, ELSEWHERE)
    return await form(request)


def _guarded(deps: Deps, inner: Callable[[web.Request], Answer]) -> Callable[[web.Request], Answer]:
    async def guarded(request: web.Request) -> web.StreamResponse:
        answer: web.StreamResponse
        if request.host.lower() != deps.site.host:
            answer = _elsewhere(deps, request)
        else:
            try:
                answer = await inner(request)
            except Exception as error:
                answer = _said(request, error)
        if not answer.prepared:
            for name, value in HEADERS.items():
                answer.headers.setdefault(name, value)
        return answer

    return guarded


def _elsewhere(deps: Deps, request: web.Request) -> web.Response:
    """The answer under another host name: pages have only one."""
    if request.method not in ("GET", "HEAD"):
        return say(ELSEWHERE, status=421)
    path = request.rel_url.raw_path_qs
    where = deps.site.origin + (path if path.startswith("/") else "/")
    return web.Response(status=307, headers={"Location": where})


def _said(request: web.Request, error: Exception) -> web.Response:
    """The page for an error of the service; any other error is raised again."""
    visitor = request.get(VISITOR)
    match error:
        case Say():
            answer = say(error.message, visitor=visitor, status=error.status)
            answer.headers.update(error.headers)
            return answer
        case NotFound():
            return say(MISSING, visitor=visitor, status=404)
        case Conflict():
            why = "Somebody else changed it first. Your vote wasn't recorded."
            again = calm("Please look again", why, "expired")
            return say(again, visitor=visitor, status=409)
        case Refused():
            return say(refused("Refused", str(error)), visitor=visitor, status=403)
        case Busy():
            later = calm("Try again in a moment", away(request.method), "expired")
            return say(later, visitor=visitor, status=503)
        case _:
            raise error
