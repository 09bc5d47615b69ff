"""The page behind a mailed link that links a mailbox to a person.

The mail proves the mailbox: only its reader has the link, whose content is bound to the mailbox by
the code's hash. The session proves the person: the link's, signed in. GET shows who is to be linked
with what, and who asked for it; the form's POST links.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from approvals import linking
from approvals.linking import Invited
from approvals.people import EMAIL
from approvals.port import Notice, Reply
from approvals.text import clean
from approvals.web.deps import Deps
from approvals.web.guard import Form, get, post, slowed
from approvals.web.site import Say, Visitor, render, say
from approvals.web.views import Message, calm

CODE: Final = re.compile(r"CS(-[0-9A-Z]{4}){4}\.[A-Za-z0-9_-]{1,1000}")
DEAD: Final = calm(
    "This link links nothing",
    "It works once, for ten minutes, for the person whom it was made for. Nothing was changed.",
    "expired",
)


@dataclass(frozen=True, slots=True)
class Shown:
    """The page of a link."""

    person: str
    account: str
    by: str
    code: str = field(repr=False)


def routes(deps: Deps) -> list[web.RouteDef]:
    """The page of a link, and its form."""

    async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        found = await _invited(deps, request, visitor)
        if found is None:
            raise Say(404, DEAD)
        names = deps.directory.names
        person, by = (names.get(id, id) for id in (found.person, found.by))
        person, account, by = map(clean, (person, found.account, by))
        view = Shown(person, account, by, request.match_info["code"])
        return render("link", visitor=visitor, view=view)

    async def link(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        found = await _invited(deps, request, visitor)
        now, random, person = deps.clock(), deps.random, visitor.person.id
        done: object = linking.DEAD
        reply = Reply(EMAIL, "", found.account if found else "", "", "")
        if found is not None:
            done = await linking.take(
                deps.store, deps.service.trust.ring, deps.directory, reply,
                request.match_info["code"], now=now, random=random,
            )  # fmt: skip
        if isinstance(done, Notice):
            await deps.store.append([linking.refused(reply, now, random, by=person)])
            if done is linking.DEAD:
                raise Say(404, DEAD)
            return say(calm("Not linked", done.text, "lock"), visitor=visitor, status=409)
        await deps.refresh()
        if deps.directory.by_account(EMAIL, reply.account) is None:
            barred = "It was linked, and may not decide: it had been barred."
            return say(calm("This mailbox is barred", barred, "lock"), visitor=visitor, status=409)
        lines = (f"{clean(reply.account)} is yours from now on. Cards may be sent there.",)
        done_now = Message("Linked", lines, "good", "approved", href="/settings", go="Settings")
        return say(done_now, visitor=visitor)

    return [get(deps, "/link/{code}", show, back=True), post(deps, "/link/{code}", link)]


async def _invited(deps: Deps, request: web.Request, visitor: Visitor) -> Invited | None:
    """The link's invitation if it is for this visitor; None counts as a failed attempt."""
    code, who = request.match_info["code"], f"{EMAIL} {visitor.person.id}"
    slowed(deps.link_codes.check, who)
    found = None
    if CODE.fullmatch(code):
        ring, now = deps.service.trust.ring, deps.clock()
        found = await linking.invited(deps.store, ring, EMAIL, code, now)
    if found is not None and found.person == visitor.person.id:
        return found
    deps.link_codes.count(who)
    return None
