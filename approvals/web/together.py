"""Deciding several requests of low risk together, each of which was looked at.

1. Only low risk, and only what the person may approve on a page without a fresh sign-in.
2. Each is decided by its own call of the same function, with its digest from the form: one that has
   changed since is not decided, the others are.
3. One that was not looked at is not decided. Opening a request's page, or unfolding it in this
   list, gives a mark of exactly this revision and session. The marks are in a cookie, so that a GET
   writes nothing here.

A mark proves that this browser, in this session, fetched the page of this revision. It does not
prove that anybody read it.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from aiohttp import web

from approvals import policy, words
from approvals.evidence import frame
from approvals.model import Case, Choice, Person, Risk
from approvals.port import NoticeKind
from approvals.service import NotFound
from approvals.web import views
from approvals.web.deps import Deps
from approvals.web.guard import Form
from approvals.web.schemas import ID
from approvals.web.site import NOT_UNDERSTOOD, Say, Visitor, render
from approvals.web.views import Item

MOST: Final = 12
"""Requests in one form: `site.form` takes 20 fields, and nobody weighs more at once."""
MARKS: Final = 100
"""Marks that a browser keeps, the newest: 17 bytes each, of the 4 kB that a cookie may have."""
_MARK: Final = re.compile(r"[A-Za-z0-9_-]{16}")


@dataclass(frozen=True, slots=True)
class Row:
    """One request in the form."""

    item: Item
    digest: str
    looked: bool


@dataclass(frozen=True, slots=True)
class Together:
    """The form. `more`: others that wait until these are decided."""

    rows: tuple[Row, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one of them. `counted`: the vote is committed."""

    id: str
    title: str
    said: str
    counted: bool


def looked_at(
    deps: Deps, request: web.Request, visitor: Visitor, case: Case, answer: web.StreamResponse
) -> None:
    """Give the visitor the mark of the page that they are being served, if it is of use."""
    seen = request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", "")
    if not seen or not fit(case, visitor.person):
        return
    mark = _mark(deps, visitor, case)
    marks = [*dict.fromkeys((mark, *_marks(deps, request)))][:MARKS]
    deps.site.give(answer, _cookie(deps), ".".join(marks))


def fit(case: Case, person: Person) -> bool:
    """May this be decided together with others by this person?"""
    return case.ask.risk is Risk.LOW and case.complete and views.may_decide(case, person)


async def show(
    deps: Deps, request: web.Request, visitor: Visitor, waiting: Sequence[Case]
) -> web.Response:
    """The form, the nearest deadline first."""
    person, marks = visitor.person, set(_marks(deps, request))
    cases = sorted((c for c in waiting if fit(c, person)), key=lambda c: (c.expires_at, c.id))
    heads = await deps.heads_of(*cases[:MOST])
    names, now = deps.directory.names, deps.clock()
    rows = tuple(
        Row(
            views.item(case, head, person, names, now),
            case.digest,
            _mark(deps, visitor, case) in marks,
        )
        for case, head in zip(cases, heads, strict=False)
        if head is not None
    )
    view = Together(rows, max(0, len(cases) - MOST))
    return render("together", visitor=visitor, here="together", view=view)


async def decide(deps: Deps, request: web.Request, visitor: Visitor, form: Form) -> web.Response:
    """Each that is ticked, one after the other, and what became of each."""
    if form.get("choice") not in set(Choice):
        raise Say(400, NOT_UNDERSTOOD)
    ticked = [name.removeprefix("do.") for name in form if name.startswith("do.")]
    if len(ticked) > MOST or not all(map(ID.fullmatch, ticked)):
        raise Say(400, NOT_UNDERSTOOD)
    choice, marks = Choice(form["choice"]), set(_marks(deps, request))
    done = [
        await _one(deps, visitor, case_id, choice, form[f"do.{case_id}"], marks)
        for case_id in ticked
    ]
    status = 200 if all(one.counted for one in done) else 409
    return render("done", visitor=visitor, status=status, view=tuple(done))


async def _one(
    deps: Deps, visitor: Visitor, case_id: str, choice: Choice, digest: str, marks: set[str]
) -> Done:
    person = visitor.person
    case = await deps.visible(person, case_id)
    if case is None:
        return Done(case_id, "A request", "There is no such request, or it is not yours.", False)
    (head,) = await deps.heads_of(case)
    title = head.title if head else "A request that was altered"

    def no(why: str) -> Done:
        return Done(case_id, title, why, False)

    if head is None:
        return no("Its content was changed in the database. Nobody can approve it.")
    if case.ask.risk is not Risk.LOW:
        return no("Only requests of low risk are decided together. Decide it on its page.")
    if case.open and case.digest == digest and _mark(deps, visitor, case) not in marks:
        return no("You have not looked at it. Nothing was changed.")
    try:
        way = policy.Page(fresh=False)
        answer = await deps.service.decide(person, case_id, choice, digest, None, way=way)
    except NotFound:
        return no("There is no such request, or it is not yours.")
    if answer.counted and answer.case is not None:
        said = views.voice(deps.directory.names, answer.case, person)
        after = words.own(answer.case, said) if answer.case.open else words.state(answer.case, said)
        return Done(case_id, title, after or answer.notice.text, True)
    if answer.conflict:
        return no("It has changed since you looked at it. Your vote wasn't recorded.")
    if answer.notice.kind is NoticeKind.CLOSED:
        return no(answer.notice.text)
    return no(f"{answer.notice.text} Nothing was changed.")


def _mark(deps: Deps, visitor: Visitor, case: Case) -> str:
    """Only we can make it, for this session and revision."""
    ring, session = deps.service.trust.ring, sha256(visitor.secret.encode()).digest()
    what = frame("countersign/looked/1", session, case.id, case.revision, case.digest)
    made = hmac.digest(ring.keys[ring.active].secret, what, "sha256")[:12]
    return urlsafe_b64encode(made).decode()


def _marks(deps: Deps, request: web.Request) -> list[str]:
    given = request.cookies.get(_cookie(deps), "").split(".")
    return [mark for mark in given[:MARKS] if _MARK.fullmatch(mark)]


def _cookie(deps: Deps) -> str:
    return f"{deps.site.cookie}-looked"
