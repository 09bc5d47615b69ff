"""The inbox: pending requests, decided ones, and one request in full with the form to decide it.

A case is visible to the people it is filed for, and to auditors, who can only read. Who may decide
is for `policy.may` to say, by way of the service.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from approvals import audit, cards, grants, policy, reroute, words
from approvals.model import Case, Choice, Person, Refused, Request, Risk, Status
from approvals.port import NoticeKind
from approvals.service import Answer, NotFound
from approvals.text import clean
from approvals.web import together, views
from approvals.web.deps import Deps, shown_to
from approvals.web.guard import Form, get, post, visitor_of
from approvals.web.login import sign_in_again
from approvals.web.schemas import ID
from approvals.web.sheet import BYTES, Sheet, sheet, unread
from approvals.web.signin import see_other
from approvals.web.site import HEADERS, NOT_UNDERSTOOD, Say, Visitor, render, say
from approvals.web.views import Asked, Head, Inbox, Message, calm, refused

PAGE: Final = 25
LOOKED: Final = 300
"""Cases that are sorted, filtered and searched for one page, which says if there are more."""
SEARCH: Final = 200
"""Characters of a search, and of a name to choose."""
STREAMS: Final = 4
"""Live streams of one session: a browser has six connections to a host, and needs some."""
REASON: Final = 1000
HEARTBEAT: Final = 20.0
"""Seconds between heartbeats to an open page; each checks the session again."""


def routes(deps: Deps) -> list[web.RouteDef]:
    """The list, the request, its bytes and its receipt, the decision and its result, and the live
    changes."""

    async def home(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        return see_other("/inbox")

    async def inbox(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        asked = _asked(request)
        view = await (_decided if asked.tab == "decided" else _waiting)(
            deps, request, visitor.person, asked
        )
        return render("inbox", visitor=visitor, here="inbox", view=view)

    async def whole(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        case, content = await _load(deps, request, visitor)
        answer = await drawn(request, visitor, case, content, await sheet_of(deps, case, content))
        together.looked_at(deps, request, visitor, case, answer)
        return answer

    async def drawn(
        request: web.Request, visitor: Visitor, case: Case, content: Request, shown: Sheet
    ) -> web.StreamResponse:
        receipt = not case.open and await deps.store.receipt(case.id) is not None
        now, person, names = deps.clock(), visitor.person, deps.directory.names
        fresh = visitor.fresh(now)
        declining = request.query.get("decline") is not None
        given = await grants.of(deps.service, deps.store, case, person, now)
        grant = views.GrantShown(
            grants.offered(deps.service, case, content, person, now),
            given.expires_at if given else None,
        )

        several = len(case.ask.via) > 1
        kind = audit.Kind.CARD_REROUTED.value
        history = await deps.store.history(case.id, kind) if several else ()
        moved = reroute.said_of(history)

        def page() -> web.StreamResponse:
            view = views.whole(
                case, content, shown, person,
                fresh=fresh, receipt=receipt, salt=deps.salt, names=names, now=now, grant=grant,
                rerouted=moved,
            )  # fmt: skip
            ways = deps.ways_in(person)
            return render("request", visitor=visitor, view=view, ways=ways, declining=declining)

        # Ten megabytes take a while: nobody else waits for them.
        return await asyncio.to_thread(page)

    async def hidden(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """A reload of a page that showed a secret."""
        return see_other(f"/requests/{request.match_info['id']}")

    async def reveal(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        """The page with one secret shown, once; the audit entry is stored first."""
        case, content = await _load(deps, request, visitor)
        _same(case, form)
        place = form.get("place", "")
        shown = await sheet_of(deps, case, content, show=place)
        await _reveals(deps, visitor, case, shown, place)
        return await drawn(request, visitor, case, content, shown)

    async def body(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        case, content = await _load(deps, request, visitor)
        asked = request.query.get("revision")
        if asked is not None and asked != str(case.revision):
            raise Say(409, _changed(case.id))
        shown = await sheet_of(deps, case, content)
        if shown.bytes is None or shown.bytes.place:
            raise Say(403, _secret(case.id))
        return _bytes_of(case, content)

    async def secret_body(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        """The bytes of what holds a secret."""
        case, content = await _load(deps, request, visitor)
        _same(case, form)
        await _reveals(deps, visitor, case, await sheet_of(deps, case, content), BYTES)
        return _bytes_of(case, content)

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
        _same(case, form)
        choice = Choice(form["choice"])
        reason = reason_of(case, form, f"/requests/{case.id}")
        fresh = visitor.fresh(deps.clock())
        answer = await deps.service.decide(
            visitor.person,
            case.id,
            choice,
            form["digest"],
            reason if choice is Choice.DECLINE else None,
            way=policy.Page(fresh),
        )
        if answer.counted and answer.case is not None:
            return see_other(f"/requests/{case.id}/result")
        status, message = _refused(deps, answer, case, content, visitor.person, choice, fresh)
        return say(message, visitor=visitor, status=status)

    async def result(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """The state after a decision; it can be loaded again."""
        case = await deps.visible(visitor.person, request.match_info["id"])
        (head,) = await deps.heads_of(case) if case else (None,)
        if case is None or head is None:
            raise NotFound
        person, now = visitor.person, deps.clock()
        item = views.item(case, head, person, deps.directory.names, now)
        said = views.voice(deps.directory.names, case, person)
        left = [one.id for one in await theirs(deps, person) if one.id != case.id]
        unknown = words.outcome(case, said, now=now) == words.NOT_REPORTED
        next_one = f"/requests/{left[0]}" if left else None
        view = views.Result(item, words.GOES_ON if unknown else None, next_one, len(left))
        return render("result", visitor=visitor, view=view)

    async def grant(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        case, content = await _load(deps, request, visitor)
        if form.get("do") not in ("give", "revoke"):
            raise Say(400, NOT_UNDERSTOOD)
        _same(case, form)
        now, person, back = deps.clock(), visitor.person, f"/requests/{case.id}"
        about = (deps.service, deps.store, case)
        if form["do"] == "give":
            try:
                await grants.give(*about, content, person, now=now, random=deps.random)
            except Refused as error:
                raise Say(403, refused("Not granted", str(error), back=back)) from None
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
        gone = calm(head, views.title(content, salt=deps.salt), "declined", back, "Back")
        return say(gone, visitor=visitor, status=status)

    async def listed(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        return await together.show(deps, request, visitor, await waiting(deps, visitor.person))

    async def decided(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        return await together.decide(deps, request, visitor, form)

    streams: defaultdict[str, deque[asyncio.Future[None]]] = defaultdict(deque)

    # Not aiohttp-sse (3.0): its heartbeat knows no session, and the stream must end with that.
    async def events(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        stream = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        changes = deps.live.changes()
        coming = asyncio.ensure_future(anext(changes))  # listening before the page knows it
        mine, over = streams[visitor.secret], asyncio.get_running_loop().create_future()
        mine.append(over)
        if len(mine) > STREAMS:
            mine.popleft().set_result(None)
        try:
            await stream.prepare(request)
            await stream.write(b"retry: 3000\n\n")
            while True:
                first = asyncio.FIRST_COMPLETED
                done = await asyncio.wait([coming, over], timeout=HEARTBEAT, return_when=first)
                if over.done():  # the page then polls, instead of connecting again
                    await stream.write(b"event: enough\ndata:\n\n")
                    break
                if not done[0]:
                    await visitor_of(deps, request)
                    await stream.write(b": still here\n\n")
                    continue
                changed = coming.result()
                coming = asyncio.ensure_future(anext(changes))
                if changed is None or await deps.visible(visitor.person, changed):
                    await stream.write(f"event: change\ndata: {changed or ''}\n\n".encode())
        except (ConnectionError, Say, StopAsyncIteration):
            pass  # The page was closed, its session ended, or we stop: the browser connects again.
        finally:
            if over in mine:
                mine.remove(over)
            if not mine:
                streams.pop(visitor.secret, None)
            over.cancel()
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
        return stream

    return [
        get(deps, "/", home),
        get(deps, "/inbox", inbox),
        get(deps, "/inbox/events", events, allow_head=False),
        get(deps, "/requests/{id}", whole),
        get(deps, "/requests/{id}/reveal", hidden),
        post(deps, "/requests/{id}/reveal", reveal),
        get(deps, "/requests/{id}/body", body),
        post(deps, "/requests/{id}/body", secret_body),
        get(deps, "/requests/{id}/receipt", receipt),
        get(deps, "/requests/{id}/result", result),
        post(deps, "/requests/{id}/decision", decide),
        post(deps, "/requests/{id}/grant", grant),
        get(deps, "/inbox/together", listed),
        post(deps, "/inbox/together", decided),
    ]


async def _load(deps: Deps, request: web.Request, visitor: Visitor) -> tuple[Case, Request]:
    """The case and its content, if it is the visitor's to see."""
    case = await deps.visible(visitor.person, request.match_info["id"])
    if case is None:
        raise NotFound
    return case, await content_of(deps, case)


async def content_of(deps: Deps, case: Case) -> Request:
    """The request of a case. Raises `Say` if it was erased or altered."""
    content = await deps.store.content(case.id, case.revision)
    if content is None:
        gone = "Its content was erased. The audit chain still holds that it was decided."
        raise Say(410, calm("Not here any more", gone, "empty"))
    if await asyncio.to_thread(cards.altered, case, content):
        wrong = "Its content was changed in the database. Nobody can approve it."
        raise Say(409, refused("This is not what was asked", wrong))
    return content


async def sheet_of(deps: Deps, case: Case, content: Request, *, show: str = "") -> Sheet:
    """The sheet of a request, with the changes since the revision before. `show`: the place of the
    one secret to be shown."""
    service, before = deps.service, None
    reading = await service.readings.request(content, service.trust.book)
    about = [content]
    if case.revision > 1:
        old = await deps.store.content(case.id, case.revision - 1)
        if old is not None:
            before = old, await service.readings.request(old, service.trust.book)
            about.append(old)
    made = await service.readings.draw(
        sheet, content, reading,
        about=about, salt=deps.salt, opaque=case.ask.opaque, show=show, before=before,
    )  # fmt: skip
    return made or unread(content, salt=deps.salt)


async def _reveals(deps: Deps, visitor: Visitor, case: Case, shown: Sheet, place: str) -> None:
    """Record who is about to see which secret. Raises `Say` if they may not, or there is none."""
    if not views.may_reveal(case, visitor.person):
        why = "Only those who decide this request, and auditors, can have its secrets shown."
        no = Message("Not shown", (why,), "bad", "lock", None, f"/requests/{case.id}", "Back")
        raise Say(403, no)
    if place not in shown.secrets and (shown.read or place != BYTES):
        raise Say(400, NOT_UNDERSTOOD)
    what = shown.secrets.get(place, "all of its bytes")
    said = {"by": visitor.person.id, "revision": case.revision, "place": place, "what": what}
    await deps.note(audit.Kind.SECRET_REVEALED, case.id, **said)


def reason_of(case: Case, form: Form, back: str) -> str | None:
    """The reason of a form: a ready one of the rule's, the person's own words, or both."""
    own = form.get("reason", "").replace("\r\n", "\n").strip()
    shown, ready = form.get("ready", ""), None
    if shown and (ready := {clean(x): x for x in case.ask.reasons}.get(shown)) is None:
        raise Say(400, NOT_UNDERSTOOD)
    if len(own) > REASON:
        long = f"A reason may have {REASON} characters. Nothing was changed."
        raise Say(413, refused("That is too long", long, back=back))
    return words.declining(ready, own)


def _same(case: Case, form: Form) -> None:
    """Raises `Say` unless the form is about what is asked now."""
    if form.get("revision") != str(case.revision) or form.get("digest") != case.digest:
        raise Say(409, _changed(case.id))


async def waiting(deps: Deps, person: Person) -> list[Case]:
    """The newest `LOOKED` + 1 pending cases that this person may see, the newest first."""
    return await deps.store.page(
        status=Status.PENDING, audiences=shown_to(person), limit=LOOKED + 1
    )


async def theirs(deps: Deps, person: Person) -> list[Case]:
    """What waits for this person to decide, the nearest deadline first."""
    mine = [case for case in await waiting(deps, person) if views.may_decide(case, person)]
    return sorted(mine, key=SORTS["deadline"])


SORTS: Final[Mapping[str, Callable[[Case], tuple[Any, ...]]]] = {
    "deadline": lambda case: (case.expires_at, -case.ask.risk.rank(), case.id),
    "risk": lambda case: (-case.ask.risk.rank(), case.expires_at, case.id),
    "age": lambda case: (-case.created_at,),
}
"""Cases of the same millisecond keep the order of `waiting`: the newest first."""


def _asked(request: web.Request) -> Asked:
    """The fields of the list's form. Raises `Say` for values that our form cannot send."""
    given = request.query
    values = {name: given.get(name, "").strip() for name in ("agent", "rule", "risk", "q")}
    risk, sort = values["risk"], given.get("sort") or "deadline"
    plain = all(len(value) <= SEARCH and (value.isprintable()) for value in values.values())
    if not plain or (risk and risk not in set(Risk)) or sort not in SORTS:
        raise Say(400, NOT_UNDERSTOOD)
    tab = "decided" if given.get("tab") == "decided" else "waiting"
    return Asked(tab=tab, sort=sort, mine=given.get("mine") == "1", **values)


def _chosen(asked: Asked, case: Case) -> bool:
    """Does the case match the filters, as far as they don't need its content?"""
    pairs = ((asked.agent, case.agent), (asked.rule, case.ask.rule), (asked.risk, case.ask.risk))
    return all(wanted in ("", is_) for wanted, is_ in pairs)


async def _matching(deps: Deps, asked: Asked, cases: Sequence[Case]) -> list[tuple[Case, Head]]:
    """The cases that match the search, with their heads; altered ones are left out."""
    heads = await deps.heads_of(*cases)
    wanted = asked.q.casefold().split()
    found = []
    for case, head in zip(cases, heads, strict=True):
        if head is None:
            continue
        where = " ".join((head.title, head.agent, head.action, case.agent, case.ask.rule, case.id))
        if all(word in where.casefold() for word in wanted):
            found.append((case, head))
    return found


async def _waiting(deps: Deps, request: web.Request, person: Person, asked: Asked) -> Inbox:
    """Pending cases: first those that this person decides, then the others."""
    at = request.query.get("page", "1")
    if not re.fullmatch("[1-9][0-9]{0,3}", at):
        raise Say(400, NOT_UNDERSTOOD)
    cases = await waiting(deps, person)
    more, cases = len(cases) > LOOKED, cases[:LOOKED]
    theirs = {case.id for case in cases if views.may_decide(case, person)}
    chosen = [
        case for case in cases if _chosen(asked, case) and (case.id in theirs or not asked.mine)
    ]
    chosen.sort(key=SORTS[asked.sort])
    chosen.sort(key=lambda case: case.id not in theirs)
    if asked.q:
        chosen = [case for case, _ in await _matching(deps, asked, chosen)]
    start = (int(at) - 1) * PAGE
    shown = await _matching(deps, asked, chosen[start : start + PAGE])
    now, names = deps.clock(), deps.directory.names
    items = [views.item(case, head, person, names, now) for case, head in shown]
    low = [case for case in cases if case.id in theirs and case.ask.risk is Risk.LOW]
    pages = {
        "older": asked.query(page=str(int(at) + 1)) if len(chosen) > start + PAGE else None,
        "newer": asked.query(page=str(int(at) - 1)) if start else None,
    }
    return Inbox(
        asked=asked,
        mine=tuple(item for item in items if item.mine),
        others=tuple(item for item in items if not item.mine),
        count=len(theirs),
        more=more,
        agents=_choices(case.agent for case in cases),
        rules=_choices(case.ask.rule for case in cases),
        together=len(low),
        **{name: where and f"/inbox{where}" for name, where in pages.items()},
    )


async def _decided(deps: Deps, request: web.Request, person: Person, asked: Asked) -> Inbox:
    """Decided cases, the newest first, from one id downwards."""
    before = start = request.query.get("before")
    if before is not None and not ID.fullmatch(before):
        raise Say(400, NOT_UNDERSTOOD)
    audience = shown_to(person)
    found = list[tuple[Case, Head]]()
    looked, more, seen = 0, True, list[Case]()
    while len(found) <= PAGE and more and looked < LOOKED:
        cases = await deps.store.page(
            closed=True, audiences=audience, before=before, limit=4 * PAGE
        )
        more = len(cases) == 4 * PAGE
        looked += len(cases)
        seen += cases
        chosen = [
            case
            for case in cases
            if _chosen(asked, case)
            and (not asked.mine or any(vote.person == person.id for vote in case.votes))
        ]
        found += await _matching(deps, asked, chosen)
        before = cases[-1].id if cases else None
    shown = found[:PAGE]
    after = shown[-1][0].id if len(found) > PAGE else before if more else None
    now, names = deps.clock(), deps.directory.names
    return Inbox(
        asked=asked,
        mine=(),
        others=tuple(views.item(case, head, person, names, now) for case, head in shown),
        count=0,
        more=False,
        agents=_choices(case.agent for case in seen),
        rules=_choices(case.ask.rule for case in seen),
        older=f"/inbox{asked.query(before=after)}" if after else None,
        newer=f"/inbox{asked.query()}" if start else None,
    )


def _choices(values: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """What can be chosen, and how it is shown."""
    plain = sorted({value for value in values if len(value) <= SEARCH and value.isprintable()})
    return tuple((value, clean(value)) for value in plain)


def _refused(
    deps: Deps,
    answer: Answer,
    case: Case,
    content: Request,
    person: Person,
    choice: Choice,
    fresh: bool,
) -> tuple[int, Message]:
    """Status and message after a decision that was not counted."""
    title, back = views.title(content, salt=deps.salt), f"/requests/{case.id}"
    if answer.conflict:
        return 409, _changed(case.id)
    if answer.notice.kind is not NoticeKind.CLOSED and not fresh:
        may = policy.may(person, case, choice, policy.Page(fresh=True))
        if isinstance(may, policy.Seats):
            return 403, sign_in_again(deps, person, "Approving at high risk", back)
    return views.not_counted(answer.notice, title, back)


def _changed(case_id: str) -> Message:
    why = "It isn't what you were looking at any more. Your vote wasn't recorded. Read it again."
    return calm("This request has changed", why, "medium", f"/requests/{case_id}", "Read it again")


def _secret(case_id: str) -> Message:
    why = "These bytes hold a secret. The button on the page of the request downloads them."
    return calm("Not this way", why, "lock", f"/requests/{case_id}", "Open it")


def _bytes_of(case: Case, content: Request) -> web.Response:
    data = content.http.body if content.http else (content.payload or "").encode()
    return _download(data, f"{case.id}.{'bin' if content.http else 'json'}")


def _download(data: bytes, name: str) -> web.Response:
    """Bytes as a download, which no browser may take for a page. `name` is ours."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    }
    return web.Response(body=data, content_type="application/octet-stream", headers=headers)
