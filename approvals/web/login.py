"""Signing in and out, and a person's own settings.

A sign-in link is made on the command line (`countersign login-link NAME`). Opening it changes
nothing and shows a button; the button's POST uses it up. Each sign-in makes a new session and ends
the one this browser had.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from approvals import linking
from approvals.evidence import Entry
from approvals.model import ORG, Instant
from approvals.people import GOOD
from approvals.text import clean
from approvals.web import credentials
from approvals.web.credentials import DAY, SESSION
from approvals.web.deps import Deps
from approvals.web.guard import Form, get, open_get, open_post, post, slowed
from approvals.web.site import STATIC, Say, Visitor, render
from approvals.web.views import Message

LIFETIMES: Final = (7, 30, 90)
"""Days a personal token may live."""
TOKENS: Final = 20
"""Most tokens of one person: nobody keeps track of more."""
NAME: Final = 60

DEAD_LINK: Final = Message(
    "This link does not work any more",
    (
        "A sign-in link works once, for ten minutes.",
        "To make another, run this with your name where Countersign runs:",
    ),
    tone="calm",
    icon="expired",
    command="countersign login-link NAME",
)


@dataclass(frozen=True, slots=True)
class Link:
    """The page a sign-in link opens."""

    person: str
    link: str = field(repr=False)


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

    async def landing(request: web.Request) -> web.StreamResponse:
        secret = request.match_info["link"]
        ring, now = deps.service.trust.ring, deps.clock()
        link = await credentials.see_link(deps.store, ring, secret, now)
        if link is None:
            raise Say(410, DEAD_LINK)
        return render("login", visitor=None, view=Link(clean(link.person), secret))

    async def sign_in(request: web.Request, form: Form) -> web.StreamResponse:
        ring, now = deps.service.trust.ring, deps.clock()
        link = await credentials.use_link(deps.store, ring, form.get("link", ""), now)
        if link is None or deps.directory.person(link.person) is None:
            # Only failures are slowed down: others may come from the same address.
            slowed(deps.sign_ins.take, request.remote)
            raise Say(410, DEAD_LINK)
        if old := request.cookies.get(deps.site.cookie):
            await deps.store.end_session(old)
        cookie = await credentials.start_session(
            deps.store, ring, link.person, "link", now=now, random=deps.random
        )
        await _note(deps, "signed_in", link.person, how="link")
        answer = see_other(f"/requests/{link.request_id}" if link.request_id else "/inbox")
        answer.set_cookie(
            deps.site.cookie,
            cookie,
            max_age=SESSION // 1000,
            path="/",
            secure=deps.site.secure,
            httponly=True,
            samesite="Lax",
        )
        return answer

    async def sign_out(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        await deps.store.end_session(visitor.secret)
        await _note(deps, "signed_out", visitor.person.id)
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
            raise Say(403, sign_in_again(person, "Making a token", "/settings"))
        known = await deps.store.tokens(person)
        if any(t.name == name for t in known):
            raise _not_made(409, "You have a token of that name. Revoke it first, or name it else.")
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
        await _note(deps, "token.made", person, name=name, expires_at=now + int(days) * DAY)
        return await settings(visitor, Made(clean(name), secret))

    async def revoke(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        name = form.get("name", "")
        if name.isprintable() and await deps.store.revoke_token(visitor.person.id, name):
            await _note(deps, "token.revoked", visitor.person.id, name=name)
        return see_other("/settings")

    async def link(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        now, person, channel = deps.clock(), visitor.person.id, form.get("channel", "")
        if channel not in deps.linkable:
            why = ("There is no such channel to link an account on.",)
            raise Say(422, Message("No code was made", why, "bad", "declined", None, "/settings"))
        if not visitor.fresh(now):
            raise Say(403, sign_in_again(person, "Linking an account", "/settings"))
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
        *words, send = linking.words(channel, code, bot)
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
        open_get(deps, "/login/{link}", landing),
        open_post(deps, "/login", sign_in),
        post(deps, "/logout", sign_out),
        get(deps, "/settings", show),
        post(deps, "/settings/tokens", make),
        post(deps, "/settings/tokens/revoke", revoke),
        post(deps, "/settings/accounts", link),
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


def see_other(path: str) -> web.Response:
    """Go on with a GET of `path`, so that loading the page again sends nothing twice."""
    return web.Response(status=303, headers={"Location": path})


def sign_in_again(person: str, what: str, back: str) -> Message:
    """Why the session is too old for this, and what to do."""
    return Message(
        "Please sign in again",
        (
            f"{what} needs a sign-in that is not older than five minutes. Nothing was changed.",
            "Run this, open the link in this browser, and come back:",
        ),
        icon="lock",
        command=f"countersign login-link {person}",
        href=back,
        go="Back",
    )


def _not_made(status: int, why: str) -> Say:
    lines = (why,)
    return Say(
        status, Message("No token was made", lines, "bad", "declined", None, "/settings", "Back")
    )


async def _note(deps: Deps, kind: str, person: str, **content: object) -> None:
    """Remember it in the audit chain. Never with a secret."""
    text = json.dumps({"person": person, **content}, sort_keys=True, separators=(",", ":"))
    entry = Entry(ORG, deps.clock(), kind, None, text, deps.random(16))
    await deps.store.append([entry])
