"""The inbox: what waits, what was decided, and one request whole, with the form that decides it.

Who may see a case: those with an audience of theirs, and auditors, who may only read. Who may
decide is not known here: `policy.may`, by way of the service, says it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from aiohttp import web

from approvals import cards, grants, policy
from approvals.channel import NoticeKind
from approvals.model import Case, Choice, Person, Refused, Request, Status
from approvals.service import Answer, NotFound
from approvals.web import views
from approvals.web.deps import Deps, audiences, audits
from approvals.web.guard import Form, get, post, visitor_of
from approvals.web.login import see_other, sign_in_again
from approvals.web.site import HEADERS, NOT_UNDERSTOOD, Say, Visitor, render, say
from approvals.web.views import Message

PAGE: Final = 25
REASON: Final = 1000
HEARTBEAT: Final = 20.0
"""Seconds between signs of life to an open page; its session is looked at again each time."""


def routes(deps: Deps) -> list[web.RouteDef]:
    """The list, the request, its bytes and its receipt, the decision, and the live changes."""

    async def home(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        return see_other("/inbox")

    async def inbox(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        decided = request.query.get("tab") == "decided"
        before = request.query.get("before")
        if before is not None and not before.isprintable():
            raise Say(400, NOT_UNDERSTOOD)
        cases, more = await _some(deps, visitor.person, decided, before)
        # A list reads only what is small: fifty bodies of ten megabytes would keep everybody.
        found = await asyncio.gather(*(deps.store.small_content(c.id, c.revision) for c in cases))
        items = tuple(
            views.item(case, content, visitor.person, salt=deps.salt)
            for case, content in zip(cases, found, strict=True)
            if content is None or not cards.altered(case, content)
        )
        tab = "?tab=decided" if decided else ""
        next_to = f"{tab}&before={more}" if tab else f"?before={more}"
        view = views.Inbox(
            tab="decided" if decided else "waiting",
            items=items,
            count=f"{len(items)}{'+' if more or before else ''}",
            older=f"/inbox{next_to}" if more else None,
            newest=f"/inbox{tab}" if before else None,
        )
        return render("inbox", visitor=visitor, here="inbox", view=view)

    async def whole(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        case, content = await _load(deps, request, visitor)
        receipt = not case.open and await deps.store.receipt(case.id) is not None
        now, person = deps.clock(), visitor.person
        fresh = visitor.fresh(now)
        given = await grants.of(deps.service, deps.store, case, person, now)
        grant = views.GrantShown(
            grants.offered(case, content, person, now), given.expires_at if given else None
        )

        def page() -> web.StreamResponse:
            view = views.whole(
                case, content, person, fresh=fresh, receipt=receipt, salt=deps.salt, grant=grant
            )
            return render("request", visitor=visitor, view=view)

        # Ten megabytes take seconds: nobody else waits for them.
        return await asyncio.to_thread(page)

    async def body(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        case, content = await _load(deps, request, visitor)
        asked = request.query.get("revision")
        if asked is not None and asked != str(case.revision):
            raise Say(409, _changed(case.id))
        data = content.http.body if content.http else (content.payload or "").encode()
        return _download(data, f"{case.id}.{'bin' if content.http else 'json'}")

    async def receipt(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        case = await deps.visible(visitor.person, request.match_info["id"])
        found = await deps.store.receipt(case.id) if case else None
        if case is None or found is None:
            raise NotFound
        return _download(found.encode(), f"{case.id}.jws")

    async def decide(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        case, content = await _load(deps, request, visitor)
        if form.get("choice") not in set(Choice) or not form.get("digest"):
            raise Say(400, NOT_UNDERSTOOD)
        if form.get("revision") != str(case.revision) or form["digest"] != case.digest:
            raise Say(409, _changed(case.id))
        choice = Choice(form["choice"])
        reason = form.get("reason", "").replace("\r\n", "\n").strip()
        if len(reason) > REASON:
            long = (f"A reason may have {REASON} characters. Nothing was changed.",)
            back = f"/requests/{case.id}"
            raise Say(413, Message("That is too long", long, "bad", "declined", None, back, "Back"))
        fresh = visitor.fresh(deps.clock())
        answer = await deps.service.decide(
            visitor.person,
            case.id,
            choice,
            form["digest"],
            reason if reason and choice is Choice.DECLINE else None,
            fresh=fresh,
        )
        title = views.title(content, salt=deps.salt)
        status, message = _result(answer, case, title, visitor.person, choice, fresh=fresh)
        return say(message, visitor=visitor, status=status)

    async def grant(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        case, content = await _load(deps, request, visitor)
        if form.get("do") not in ("give", "revoke"):
            raise Say(400, NOT_UNDERSTOOD)
        if form.get("revision") != str(case.revision) or form.get("digest") != case.digest:
            raise Say(409, _changed(case.id))
        now, person, back = deps.clock(), visitor.person, f"/requests/{case.id}"
        about = (deps.service, deps.store, case)
        if form["do"] == "give":
            try:
                await grants.give(*about, content, person, now=now, random=deps.random)
            except Refused as error:
                no = Message("Not granted", (str(error),), "bad", "declined", None, back, "Back")
                raise Say(403, no) from None
            said = (
                views.title(content, salt=deps.salt),
                "The next request exactly like it, within ten minutes.",
            )
            head = "The next one goes through"
            return say(Message(head, said, "good", "approved", None, back, "Back"), visitor=visitor)
        known = await grants.of(*about, person, now)
        ended = known is not None and await grants.revoke(
            deps.store, known, now=now, random=deps.random
        )
        head = "Taken back" if ended else "There is nothing to take back"
        status = 200 if ended else 409
        gone = Message(
            head, (views.title(content, salt=deps.salt),), "calm", "declined", None, back, "Back"
        )
        return say(gone, visitor=visitor, status=status)

    async def events(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        stream = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        changes = deps.live.changes()
        coming = asyncio.ensure_future(anext(changes))  # listening before the page knows it
        try:
            await stream.prepare(request)
            await stream.write(b"retry: 3000\n\n")
            while True:
                if not (await asyncio.wait([coming], timeout=HEARTBEAT))[0]:
                    await visitor_of(deps, request)
                    await stream.write(b": still here\n\n")
                    continue
                changed = coming.result()
                coming = asyncio.ensure_future(anext(changes))
                if changed is None or await deps.visible(visitor.person, changed):
                    await stream.write(f"event: change\ndata: {changed or ''}\n\n".encode())
        except (ConnectionError, Say, StopAsyncIteration):
            pass  # The page has gone, its session has, or we go: then the browser asks again.
        finally:
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
        return stream

    return [
        get(deps, "/", home),
        get(deps, "/inbox", inbox),
        get(deps, "/inbox/events", events, allow_head=False),
        get(deps, "/requests/{id}", whole),
        get(deps, "/requests/{id}/body", body),
        get(deps, "/requests/{id}/receipt", receipt),
        post(deps, "/requests/{id}/decision", decide),
        post(deps, "/requests/{id}/grant", grant),
    ]


async def _load(deps: Deps, request: web.Request, visitor: Visitor) -> tuple[Case, Request]:
    """The case and its content, if it is the visitor's to see."""
    case = await deps.visible(visitor.person, request.match_info["id"])
    if case is None:
        raise NotFound
    return case, await content_of(deps, case)


async def content_of(deps: Deps, case: Case) -> Request:
    """What a case is about, as it was asked. Raises `Say` if it is erased, or was altered."""
    content = await deps.store.content(case.id, case.revision)
    if content is None:
        gone = ("Its content was erased. The audit chain still holds that it was decided.",)
        raise Say(410, Message("Not here any more", gone, "calm", "empty", href="/inbox"))
    if await asyncio.to_thread(cards.altered, case, content):
        wrong = ("Its content was changed in the database. Nobody can approve it.",)
        raise Say(
            409, Message("This is not what was asked", wrong, "bad", "declined", href="/inbox")
        )
    return content


async def _some(
    deps: Deps, person: Person, decided: bool, before: str | None
) -> tuple[Sequence[Case], str | None]:
    """One page of pending or decided cases, newest first, and the id to go on from, if any."""
    mine = None if audits(person) else audiences(person)
    status = None if decided else Status.PENDING
    found = await deps.store.page(
        status=status, closed=decided, audiences=mine, before=before, limit=PAGE + 1
    )
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None


def _result(
    answer: Answer, case: Case, title: str, person: Person, choice: Choice, *, fresh: bool
) -> tuple[int, Message]:
    """What the page says after a decision: only what is committed."""
    back = f"/requests/{case.id}"
    text = answer.notice.text
    if answer.conflict:
        return 409, _changed(case.id)
    if answer.counted and answer.case is not None:
        if answer.case.open:
            said = (title, text)
            return 200, Message("Your approval counts", said, "good", "approved", href="/inbox")
        if answer.case.status is Status.APPROVED:
            said = (title, "The signed receipt is made now; with it the request may go on.")
            return 200, Message("Approved", said, "good", "approved", href="/inbox")
        said = (title, "Nothing was run.")
        return 200, Message("Declined", said, "calm", "declined", href="/inbox")
    if answer.notice.kind is NoticeKind.CLOSED:
        return 409, Message(text, (title,), "calm", "expired", href="/inbox")
    may = policy.may(person, case, choice, tier=None, page=True, fresh=True)
    if not fresh and isinstance(may, policy.Seats):
        return 403, sign_in_again(person.id, "Approving at high risk", back)
    lines = (title, text, "Nothing was changed.")
    return 403, Message("Not counted", lines, "bad", "declined", None, back, "Back")


def _changed(case_id: str) -> Message:
    return Message(
        "This request has changed",
        ("It is not what you were looking at any more. Nothing was counted. Read it again.",),
        tone="calm",
        icon="medium",
        href=f"/requests/{case_id}",
        go="Read it again",
    )


def _download(data: bytes, name: str) -> web.Response:
    """Bytes to keep, never to show: no browser may take them for a page. `name` is ours."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    }
    return web.Response(body=data, content_type="application/octet-stream", headers=headers)
