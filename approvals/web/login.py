"""Signing out, a person's own settings, and where a sign-in link leads.

How people sign in: `signin`. A link is made there, or on the command line (`countersign login-link
NAME`). Opening it changes nothing and shows a button; the button's POST uses it up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from approvals import audit, linking
from approvals.model import Instant, Person
from approvals.people import GOOD
from approvals.port.setup import Linking
from approvals.text import clean
from approvals.web import credentials
from approvals.web.credentials import DAY
from approvals.web.deps import Deps
from approvals.web.guard import Form, get, post
from approvals.web.signin import link, see_other
from approvals.web.site import STATIC, Say, Visitor, render
from approvals.web.views import Message, refused

LIFETIMES: Final = (7, 30, 90)
"""Days a personal token may live."""
TOKENS: Final = 20
"""Tokens of one person: nobody keeps track of more."""
NAME: Final = 60


@dataclass(frozen=True, slots=True)
class Made:
    """A token that was just made; the only time its secret is seen."""

    name: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenShown:
    name: str
    created_at: Instant
    expires_at: Instant
    expired: bool


@dataclass(frozen=True, slots=True)
class AccountShown:
    """An account of the visitor's. `by_code`: they can unlink it here."""

    channel: str
    account: str
    by_code: bool
    barred: str


@dataclass(frozen=True, slots=True)
class CodeMade:
    """A code that was just made, what to do with it, and the text to send or the link to open."""

    channel: str
    words: tuple[str, ...]
    send: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    tokens: tuple[TokenShown, ...]
    made: Made | None
    accounts: tuple[AccountShown, ...]
    linkable: tuple[str, ...]
    code: CodeMade | None
    lifetimes: tuple[int, ...] = LIFETIMES


def routes(deps: Deps) -> list[web.RouteDef]:
    """Sign-in, sign-out, settings, and the static files."""

    async def sign_out(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        await deps.store.end_session(visitor.secret)
        await deps.note(audit.Kind.SIGNED_OUT, person=visitor.person.id)
        answer = see_other("/inbox")
        answer.del_cookie(
            deps.site.cookie, path="/", secure=deps.site.secure, httponly=True, samesite="Lax"
        )
        return answer

    async def settings(
        visitor: Visitor, made: Made | None = None, code: CodeMade | None = None
    ) -> web.Response:
        now = deps.clock()
        found = await deps.store.tokens(visitor.person.id)
        shown = tuple(
            TokenShown(clean(t.name), t.at, t.expires_at or 0, (t.expires_at or 0) <= now)
            for t in sorted(found, key=lambda t: t.at)
        )
        accounts = tuple(
            AccountShown(
                link.channel,
                clean(link.account),
                link.by_code,
                "" if link.standing == GOOD else clean(link.standing),
            )
            for link in deps.directory.links
            if link.person == visitor.person.id
        )
        view = Settings(shown, made, accounts, tuple(sorted(deps.linkable)), code)
        return render("settings", visitor=visitor, here="settings", view=view)

    async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        return await settings(visitor)

    async def make(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        now, person = deps.clock(), visitor.person.id
        name, days = form.get("name", "").strip(), form.get("days", "")
        if not (0 < len(name) <= NAME and name.isprintable()) or days not in map(str, LIFETIMES):
            raise _not_made(422, f"A token needs a name of at most {NAME} letters and a lifetime.")
        if not visitor.fresh(now):
            raise Say(403, sign_in_again(deps, visitor.person, "Making a token", "/settings"))
        known = await deps.store.tokens(person)
        if any(t.name == name for t in known):
            raise _not_made(
                409,
                "You already have a token with this name: revoke it, or choose another.",
            )
        if len(known) >= TOKENS:
            raise _not_made(409, f"You have {TOKENS} tokens. Revoke one that you do not use.")
        secret = await credentials.make_token(
            deps.store,
            deps.service.trust.ring,
            person,
            name,
            int(days),
            now=now,
            random=deps.random,
        )
        await deps.note(
            audit.Kind.TOKEN_MADE, person=person, name=name, expires_at=now + int(days) * DAY
        )
        return await settings(visitor, Made(clean(name), secret))

    async def revoke(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        name = form.get("name", "")
        if name.isprintable() and await deps.store.revoke_token(visitor.person.id, name):
            await deps.note(audit.Kind.TOKEN_REVOKED, person=visitor.person.id, name=name)
        return see_other("/settings")

    async def account(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        now, person, channel = deps.clock(), visitor.person.id, form.get("channel", "")
        if channel not in deps.linkable:
            why = "There is no such channel to link an account on."
            raise Say(422, refused("No code was made", why, back="/settings"))
        if not visitor.fresh(now):
            raise Say(403, sign_in_again(deps, visitor.person, "Linking an account", "/settings"))
        code = await linking.make_code(
            deps.store,
            deps.service.trust.ring,
            person,
            channel,
            by=person,
            now=now,
            random=deps.random,
        )
        bot = await deps.linkable[channel]()
        *words, send = linking.words(channel, deps.linking.get(channel, Linking()), code, bot)
        return await settings(visitor, code=CodeMade(channel, tuple(words), send))

    async def unlink(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        person, account = visitor.person.id, form.get("account", "")
        await linking.unlink(
            deps.store,
            person,
            form.get("channel", ""),
            account,
            by=person,
            now=deps.clock(),
            random=deps.random,
        )
        await deps.refresh()
        return see_other("/settings")

    return [
        *link.opened(deps, dead_link(deps)),
        *(route for way in deps.ways for route in way.routes(deps)),
        post(deps, "/logout", sign_out),
        get(deps, "/settings", show),
        post(deps, "/settings/tokens", make),
        post(deps, "/settings/tokens/revoke", revoke),
        post(deps, "/settings/accounts", account),
        post(deps, "/settings/accounts/unlink", unlink),
        web.get("/static/{name}", static_file),
    ]


async def static_file(request: web.Request) -> web.Response:
    """A file of ours, by name; read once, at the start."""
    if request.match_info["name"] not in STATIC:
        raise web.HTTPNotFound
    body, kind = STATIC[request.match_info["name"]]
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)


def dead_link(deps: Deps) -> Message:
    """The page of a used, expired or unknown link: how to get another."""
    other = "Ask for another one here." if deps.ways else "To make another, run this:"
    return Message(
        "This link does not work any more",
        (f"A sign-in link works once, for ten minutes. {other}",),
        tone="calm",
        icon="expired",
        command="countersign login-link NAME",
        href="/inbox",
        ways=deps.ways_in(),
    )


def sign_in_again(deps: Deps, person: Person, what: str, back: str) -> Message:
    """Why the session is too old for this, and what to do. `back`: the page they come from."""
    ways = deps.ways_in(person)
    how = "" if ways else " Run this, open the link in this browser, and come back:"
    return Message(
        "Please sign in again",
        (f"{what} needs a sign-in of the last five minutes. Nothing was changed.{how}",),
        icon="lock",
        command=f"countersign login-link {person.id}",
        href=back,
        go="Back",
        ways=ways,
        who=person.id,
        back=back.removeprefix("/requests/") if back.startswith("/requests/") else "",
    )


def _not_made(status: int, why: str) -> Say:
    return Say(status, refused("No token was made", why, back="/settings"))
