"""Ways in: how somebody proves who they are to our pages. One port, one module a way.

A way proves a person and nothing else. What follows is the same for all of them and stands here:
`admit` ends the session that this browser had, starts a new one, notes it, and goes back to where
the person was. So a way needs a form to begin with (`template`, shown on the sign-in page and in
the box that asks for a fresh sign-in), and routes of its own, of which only POSTs sign in (law 8).

The form's template sees `who` (the person's id where they are signed in already, or ""), and `back`
(the request that they come from, or "").
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
        """Can this person come in by it? Asked about who is signed in only: to anybody else the
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
    await note(deps, audit.Kind.SIGNED_IN, person.id, how=how)
    answer = see_other(f"/requests/{back}" if back else "/inbox")
    deps.site.give(answer, deps.site.cookie, cookie, seconds=SESSION // 1000, samesite="Lax")
    return answer


def see_other(path: str) -> web.Response:
    """Go on with a GET of `path`, so that loading the page again sends nothing twice."""
    return web.Response(status=303, headers={"Location": path})


async def note(deps: Deps, kind: audit.Kind, person: str, **content: object) -> None:
    """Put it into the audit chain. Never with a secret."""
    said = {"person": person, **content}
    await deps.store.append([audit.entry(kind, deps.clock(), deps.random, None, **said)])
