"""Ways to sign in to our pages: one port, one module for each way.

A way proves a person and nothing else. What follows is the same for all: `admit` ends this
browser's session, starts a new one, records it, and goes back to where the person was. So a way
needs a form (`template`, on the sign-in page and wherever a fresh sign-in is asked for), and its
own routes, of which only POSTs sign in (law 8).

The form's template sees `who` (the id of a person who is signed in already, or ""), and `back` (the
request that they come from, or "").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from approvals import audit
from approvals.model import Person
from approvals.web import credentials
from approvals.web.credentials import SESSION

if TYPE_CHECKING:
    from approvals.web.deps import Deps


class Way(Protocol):
    """One way in."""

    @property
    def name(self) -> str:
        """What the session and the audit chain call it."""
        ...

    @property
    def template(self) -> str:
        """The page part with the form that it begins with, below `pages/`."""
        ...

    def reaches(self, person: Person) -> bool:
        """Can this person sign in by it? Asked about signed-in people only: for everybody else the
        page looks the same."""
        ...

    def routes(self, deps: Deps) -> list[web.RouteDef]:
        """Where its forms lead. A GET may show; it never signs in."""
        ...


async def admit(
    deps: Deps, request: web.Request, person: Person, how: str, back: str | None
) -> web.Response:
    """Sign this proven person in, in this browser, and go on. `back`: a request's id."""
    ring, now = deps.service.trust.ring, deps.clock()
    if old := request.cookies.get(deps.site.cookie):
        await deps.store.end_session(old)
    cookie = await credentials.start_session(
        deps.store, ring, person.id, how, now=now, random=deps.random
    )
    await deps.note(audit.Kind.SIGNED_IN, person=person.id, how=how)
    answer = see_other(f"/requests/{back}" if back else "/inbox")
    deps.site.give(answer, deps.site.cookie, cookie, seconds=SESSION // 1000, samesite="Lax")
    return answer


def see_other(path: str) -> web.Response:
    """Go on with a GET of `path`, so that loading the page again sends nothing twice."""
    return web.Response(status=303, headers={"Location": path})
