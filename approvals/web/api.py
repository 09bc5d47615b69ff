"""The public contract (`/v1`): what gateways, agents, scripts and the command line call.

Requester keys open, read, withdraw and report their own requests and can decide nothing. People
come with a personal token (`csp_…`); what a person sees and may do is what the inbox shows them.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from approvals import audit, cards, policy, words
from approvals.budgets import Spent, account_of, room
from approvals.evidence import Ordered, read_json, rfc3339
from approvals.marked import keys_of, model_at, wording
from approvals.model import (
    MINUTE,
    SECOND,
    Agent,
    Case,
    Choice,
    Conflict,
    Fact,
    Http,
    Kind,
    Outcome,
    Person,
    Refused,
    Request,
    Requester,
    Risk,
    Status,
    Vote,
)
from approvals.packs import RuleBook
from approvals.proposal import Proposal
from approvals.reading.target import read_target
from approvals.service import Mismatch, NotFound
from approvals.web import schemas, views
from approvals.web.bodies import LARGE_SECONDS, timely
from approvals.web.deps import Deps, audits, shown_to
from approvals.web.limits import spent
from approvals.web.openapi import (
    EITHER,
    NOBODY,
    PERSON,
    REQUESTER,
    Operation,
    matching,
    number,
    one_of,
)
from approvals.web.problems import Problem
from approvals.web.schemas import (
    ID,
    AgentBody,
    DecisionBody,
    HttpBody,
    OpenBody,
    OutcomeBody,
    WithdrawBody,
)

BODY_LIMIT: Final = 10 * 1024 * 1024
"""Bytes of a held request's body; base64 and the JSON around it may add to that."""
AROUND_LIMIT: Final = 1024 * 1024
"""Bytes of JSON besides the held body: they cost time to parse, base64 costs next to nothing."""
CONTAINERS: Final = 100_000
"""JSON lists and objects in a body: parsing more would keep everybody else waiting too long."""
AT_ONCE: Final = 64 * 1024
"""Bytes of JSON that are parsed on the event loop; larger bodies are parsed in a thread."""
PATIENCE: Final = 1.0
"""Seconds to wait for the receipt of a verdict that is younger than `FRESH`."""
FRESH: Final = 10 * SECOND

API: Final[list[Operation]] = []
"""What `Api` answers."""
CASE: Final = {200: schemas.Request}
WAIT: Final = number("wait", 0, 60, "Seconds to hold the answer while the request is pending.")
AFTER: Final = number("after", 0, 2**53, "Only entries after this sequence number.")
STATUS: Final = one_of("status", [*Status])
AGENT: Final = matching("agent", schemas.AGENT)
LIMIT: Final = number("limit", 1, 100)
BEFORE: Final = matching("after", ID.pattern, "The `next` of the page before.")
IDEMPOTENCY: Final = matching(
    "Idempotency-Key",
    "^[!-~]([ -~]{0,198}[!-~])?$",
    "The same key and body: the first answer again. Another body: 409.",
    place="header",
)

T = TypeVar("T")
Caller = Requester | Person
Read = Callable[[Requester, bytes], tuple[Proposal, bool]]
"""The proposal in a body, and whether it may join a pending one. Raises a 4xx problem."""
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def view(case: Case, receipt: str | None, *, names: bool) -> schemas.Request:
    """A case as JSON. A requester sees no names: it should not learn whom to persuade."""
    missing = policy.needs(case.ask.quorum, case.votes) if case.open else ()
    shown: schemas.Request = {
        "id": case.id,
        "revision": case.revision,
        "status": case.status,
        "digest": case.digest,
        "rule": case.ask.rule,
        "risk": case.ask.risk,
        "votes": [_vote(vote, names) for vote in case.votes],
        "needs": [f"{n} more of {group}" if names else f"{n} more" for group, n in missing],
        "created_at": rfc3339(case.created_at),
        "expires_at": rfc3339(case.expires_at),
        "decided_at": None if case.decided_at is None else rfc3339(case.decided_at),
        "reason": case.reason,
        "outcome": _outcome(case.outcome) if case.outcome else None,
        "receipt": receipt,
    }
    if case.ask.also:
        shown["also"] = list(case.ask.also)
    if case.lapsed:
        shown["lapsed"] = True
    return shown


def asked(request: Request) -> schemas.Asked:
    """The whole request, for a person who decides outside our pages."""
    http, agent = request.http, request.agent
    return {
        "action": request.action,
        "requester": {"name": request.requester, "kind": request.kind},
        "agent": {"id": agent.id, "name": agent.name, "on_behalf_of": agent.on_behalf_of},
        "http": _http(http) if http else None,
        "payload": None if request.payload is None else json.loads(request.payload),
        "facts": _facts(request.facts),
        "note": request.note,
        "claimed_title": request.claimed_title,
        "claimed_facts": _facts(request.claimed_facts),
    }


def _http(http: Http) -> schemas.AskedHttp:
    return {
        "method": http.method,
        "url": http.url,
        "headers": list(http.headers),
        "body": base64.b64encode(http.body).decode(),
        "body_complete": http.body_complete,
    }


def _facts(facts: Iterable[Fact]) -> list[schemas.Fact]:
    return [{"label": fact.label, "value": fact.value} for fact in facts]


def _vote(vote: Vote, names: bool) -> schemas.Vote:
    seen: schemas.Vote = {"choice": vote.choice, "at": rfc3339(vote.at)}
    return {"person": vote.person, "channel": vote.channel, **seen} if names else seen


def _outcome(outcome: Outcome) -> schemas.Outcome:
    return {
        "delivered": outcome.delivered,
        "status": outcome.status,
        "error": outcome.error,
        "at": rfc3339(outcome.at),
    }


class Api:
    """The handlers; the application mounts them by `API`."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._numbers = count()
        # One thread: however many large bodies come, only one at a time takes processor time.
        self._aside = ThreadPoolExecutor(1, "countersign-large-bodies")

    # Who calls

    async def caller(self, request: web.Request) -> Caller:
        """Whoever the bearer token names. Raises a 401 problem, without giving a reason."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            key = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
            requester = self._deps.requesters.get(key)
            if requester is not None:
                return requester
            person = await self._deps.person_of_token(token)
            if person is not None:
                return person
        if token:
            self._deps.forgeries.take(f"bearer {request.remote}")
        raise Problem(
            401,
            "unauthorized",
            "Send `Authorization: Bearer` with a requester key or a personal token.",
            headers={"WWW-Authenticate": 'Bearer realm="countersign"'},
        )

    async def requester(self, request: web.Request) -> Requester:
        caller = await self.caller(request)
        if not isinstance(caller, Requester):
            raise Problem(403, "forbidden", "Only a requester's key may do this.")
        return caller

    # Requesters

    @Operation(
        API,
        "POST",
        "/v1/requests",
        REQUESTER,
        CASE | {201: schemas.Request},
        body=OpenBody,
        parameters=[IDEMPOTENCY],
    )
    async def open_request(self, request: web.Request) -> web.Response:
        """Open a request."""
        case, receipt, created = await self.opened(request, proposal)
        return as_json(view(case, receipt, names=False), 201 if created else 200)

    async def opened(self, request: web.Request, read: Read) -> tuple[Case, str | None, bool]:
        """Open or join the request in a body that `read` parses: the case, its receipt, and whether
        it is new."""
        by = await self.requester(request)
        self._deps.opens.take(by.name)
        (asked, join), sha, size = await self._body(request, partial(_opening, by, read))
        _unambiguous(asked, self._deps.service.trust.book)
        key = request.headers.get("Idempotency-Key")
        if key is not None and not IDEMPOTENCY.fits(key):
            raise Problem(
                422, "invalid_idempotency_key", "Idempotency-Key: 1 to 200 ASCII characters"
            )
        known = (key, sha) if key else None
        try:
            async with self._room(by, asked.agent.id, size) as opened:
                if known is None and (join or by.kind is Kind.AGENT):
                    sent = None if join else sha
                    case, created = await self._deps.service.join(by, asked, sent=sent)
                else:
                    case, created = await self._deps.service.open(by, asked, known)
                opened(case if created else None)
        except Mismatch as error:
            raise Problem(
                409, "idempotency_mismatch", f"the key {str(error)!r} came with another body before"
            ) from error
        except ValueError as error:  # what cannot be digested
            raise Problem(422, "invalid_request", str(error)) from error
        if created:
            self._deps.metrics.opened(case)
        return case, await self._deps.store.receipt(case.id), created

    async def owned(self, request: web.Request) -> tuple[Case, str | None]:
        """The requester's own request that the path names, and its receipt."""
        by = await self.requester(request)
        case = await self._deps.service.own(by, _id(request))
        return case, await self._receipt(case, PATIENCE)

    @Operation(API, "PUT", "/v1/requests/{id}", REQUESTER, CASE, body=OpenBody)
    async def revise_request(self, request: web.Request) -> web.Response:
        """Ask for something else instead: a new revision, and votes start anew."""
        by = await self.requester(request)
        self._deps.opens.take(by.name)
        (asked, _), _, size = await self._body(request, partial(_opening, by, proposal))
        _unambiguous(asked, self._deps.service.trust.book)
        revised = _id(request)
        try:
            async with self._room(by, asked.agent.id, size, revised) as opened:
                case = await self._deps.service.revise(by, revised, asked)
                opened(case)
        except ValueError as error:  # what cannot be digested
            raise Problem(422, "invalid_request", str(error)) from error
        return as_json(view(case, None, names=False))

    @Operation(
        API, "DELETE", "/v1/requests/{id}", REQUESTER, CASE, body=WithdrawBody, optional=True
    )
    async def withdraw_request(self, request: web.Request) -> web.Response:
        """Withdraw a request."""
        return as_json(view(await self.withdrawn(request, WithdrawBody), None, names=False))

    async def withdrawn(self, request: web.Request, model: type[BaseModel]) -> Case:
        """Withdraw the request in the path. Only a `WithdrawBody` has a reason for the cards."""
        by = await self.requester(request)
        reason = None
        if request.body_exists:
            body = await self._body(request, partial(parse, model))
            # An agent's words have no place in a headline.
            if isinstance(body, WithdrawBody) and by.kind is Kind.GATEWAY:
                reason = body.reason
        return await self._deps.service.withdraw(by, _id(request), reason)

    @Operation(API, "POST", "/v1/requests/{id}/outcome", REQUESTER, CASE, body=OutcomeBody)
    async def report_outcome(self, request: web.Request) -> web.Response:
        """Report what became of an approved request."""
        by = await self.requester(request)
        body = await self._body(request, partial(parse, OutcomeBody))
        said = Outcome(body.delivered, self._deps.clock(), body.status, body.error)
        case = await self._deps.service.report(by, _id(request), said)
        return as_json(view(case, await self._deps.store.receipt(case.id), names=False))

    @Operation(API, "GET", "/v1/requester", REQUESTER, {200: schemas.Requester})
    async def read_requester(self, request: web.Request) -> web.Response:
        """What the caller's key is called here, so that a gateway can check its configuration."""
        by = await self.requester(request)
        issuer = self._deps.service.issuer
        who: schemas.Requester = {"name": by.name, "kind": by.kind, "issuer": issuer}
        return as_json(who)

    # Both

    @Operation(API, "GET", "/v1/requests/{id}", EITHER, CASE, parameters=[WAIT], problems=[409])
    async def read_request(self, request: web.Request) -> web.Response:
        """Read a request; with `wait`, as soon as it is no longer pending."""
        caller = await self.caller(request)
        case = await self._visible(caller, _id(request))
        wait = int(WAIT.of(request) or 0)
        if wait and case.open:
            if self._deps.live.full:
                detail = "As many wait as there is room for. Ask again soon, or without `wait`."
                raise Problem(503, "too_many_waiting", detail, headers={"Retry-After": "2"})
            known = case.id
            del case  # thousands may wait
            await self._deps.live.closed(known, wait)
            case = await self._visible(caller, known)
        return as_json(await self._view(case, caller, whole=True))

    @Operation(
        API,
        "GET",
        "/v1/requests",
        EITHER,
        {200: schemas.Requests},
        parameters=[STATUS, AGENT, LIMIT, BEFORE],
    )
    async def list_requests(self, request: web.Request) -> web.Response:
        """List requests, newest first."""
        caller = await self.caller(request)
        status, limit = STATUS.of(request), int(LIMIT.of(request) or 50)
        cases = await self._deps.store.page(
            status=Status(status) if status else None,
            agent=AGENT.of(request),
            requester=caller.name if isinstance(caller, Requester) else None,
            audiences=shown_to(caller) if isinstance(caller, Person) else None,
            before=BEFORE.of(request),
            limit=limit + 1,
        )
        page = cases[:limit]
        listed: schemas.Requests = {
            "requests": [await self._view(case, caller) for case in page],
            "next": page[-1].id if len(cases) > limit else None,
        }
        return as_json(listed)

    @Operation(API, "GET", "/v1/requests/{id}/receipt", EITHER, {200: "application/jose"})
    async def read_receipt(self, request: web.Request) -> web.Response:
        """The signed verdict, a compact JWS."""
        case = await self._visible(await self.caller(request), _id(request))
        receipt = await self._receipt(case, PATIENCE)
        if receipt is None:
            why = "There is no receipt: it is being signed, or the stored votes do not verify."
            if case.open:
                why = "It is still pending: a receipt comes with the verdict."
            raise Problem(404, "not_found", why)
        return web.Response(text=receipt, content_type="application/jose")

    # People

    @Operation(API, "POST", "/v1/requests/{id}/decision", PERSON, CASE, body=DecisionBody)
    async def decide_request(self, request: web.Request) -> web.Response:
        """Decide, as a person."""
        caller = await self.caller(request)
        if not isinstance(caller, Person):
            raise Problem(403, "forbidden", "A requester's key cannot decide, ever.")
        body = await self._body(request, partial(parse, DecisionBody))
        case = await self._visible(caller, _id(request))
        answer = await self._deps.service.decide(
            caller,
            case.id,
            Choice(body.choice),
            body.digest,
            body.reason,
            way=policy.Page(fresh=False),
            channel="cli",
        )
        if answer.conflict:
            raise Problem(409, "digest_mismatch", answer.notice.text)
        if answer.counted and answer.case is not None:
            return as_json(await self._view(answer.case, caller))
        closed = answer.case is not None and not answer.case.open
        raise Problem(
            409 if closed else 403, "closed" if closed else "forbidden", answer.notice.text
        )

    @Operation(API, "GET", "/v1/audit", PERSON, {200: "application/x-ndjson"}, parameters=[AFTER])
    async def read_audit(self, request: web.Request) -> web.StreamResponse:
        """The audit chain, one JSON object a line."""
        caller = await self.caller(request)
        if not isinstance(caller, Person) or not audits(caller):
            raise Problem(403, "forbidden", "Only the role `auditor` may read the audit chain.")
        after = int(AFTER.of(request) or 0)
        await self._deps.note(audit.Kind.AUDIT_READ, person=caller.id, after=after)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(request)
        # Small pages: each is written out on the event loop, where taps are answered, too.
        async for page in self._deps.store.chain(after, page=200):
            await response.write("".join(f"{row.line()}\n" for row in page).encode())
        await response.write_eof()
        return response

    @Operation(API, "GET", "/.well-known/jwks.json", NOBODY, {200: schemas.Keys})
    async def read_keys(self, request: web.Request) -> web.Response:
        """Public keys that verify receipts."""
        return as_json(self._deps.jwks)

    # Common parts

    @asynccontextmanager
    async def _room(
        self, by: Requester, agent: str, size: int, revised: str = ""
    ) -> AsyncIterator[Callable[[Case | None], None]]:
        """Reserve room in the agent's budget while a request is being opened, or revised: in the
        place of `revised`. Call the yielded function with the case, or with None if nothing was
        opened. Raises 429 problems."""
        budgets, reserved = self._deps.budgets, f"being opened {next(self._numbers)}"
        account = budgets.account(by, agent)
        account.expire(self._deps.clock())
        try:
            room(by, agent, account, size, revised)
        except Spent:  # others may have closed some since
            now = await self._deps.store.cases([one for one in account.open if ID.fullmatch(one)])
            for one, case in now.items():
                # Or it was revised, and is another agent's now.
                if not case.open or account_of(by, case.agent) != account_of(by, agent):
                    account.open.pop(one, None)
            _within(partial(room, by, agent, account, size, revised))
        _within(partial(budgets.take, by, agent, size))
        made: list[Case] = []
        account.open[reserved] = (size, self._deps.clock() + MINUTE)
        try:
            yield lambda case: made.extend([case] if case else [])
        finally:
            account.open.pop(reserved, None)
            for case in made:
                if case.open:
                    account.open[case.id] = (size, case.expires_at)
            if not made:
                budgets.give_back(by, agent, size)

    async def _body(self, request: web.Request, read: Callable[[bytes], T]) -> T:
        """What `read` makes of a JSON body."""
        if request.content_type != "application/json":
            raise Problem(415, "unsupported_media_type", "Send `Content-Type: application/json`.")
        raw = await timely(request, LARGE_SECONDS)
        if len(raw) <= AT_ONCE:
            return read(raw)
        return await asyncio.get_running_loop().run_in_executor(self._aside, read, raw)

    async def _visible(self, caller: Caller, request_id: str) -> Case:
        """The case, if it is the caller's to see; else 404, as if it were not there."""
        if isinstance(caller, Requester):
            return await self._deps.service.own(caller, request_id)
        case = await self._deps.visible(caller, request_id)
        if case is None:
            raise NotFound(request_id)
        return case

    async def _view(self, case: Case, caller: Caller, *, whole: bool = False) -> schemas.Request:
        """The case as the caller may see it. `whole`: a person also gets the request itself.

        A requester knows what it asked; a thief of its key must not learn it here.
        """
        receipt = await self._receipt(case, PATIENCE if whole else 0)
        shown = view(case, receipt, names=isinstance(caller, Person))
        if isinstance(caller, Requester):
            return shown
        deps, now = self._deps, self._deps.clock()
        names = deps.directory.names
        said = views.voice(names, case, caller)
        needs = policy.needs(case.ask.quorum, case.votes) if case.open else ()
        shown["state"] = words.state(case, said, now=now)
        shown["progress"] = words.progress(case, needs, said)
        if words.lapsed(case, now):
            shown["lapsed"] = True
        shown["mine"], shown["why"] = views.theirs(case, caller, said)
        known = {vote.person for vote in case.votes}
        shown["names"] = {id: names[id] for id in sorted(known) if id in names}
        shown["agent"] = case.agent
        shown["review"] = f"{deps.site.origin}/requests/{case.id}"
        if not whole:
            (head,) = await deps.heads_of(case)
            shown["title"] = head.title if head else None
            return shown
        request = await deps.store.content(case.id, case.revision)
        if request and cards.altered(case, request):
            raise Problem(409, "altered", "What is stored is not what was asked.")
        shown["title"] = views.title(request, salt=deps.salt) if request else None
        shown["asked"] = asked(request) if request else None
        behalf = request.agent.on_behalf_of if request else None
        if behalf in names:
            shown["names"][behalf] = names[behalf]
        return shown

    async def _receipt(self, case: Case, patience: float) -> str | None:
        """The receipt. That of a fresh verdict is waited for, `patience` seconds at most; reading
        never signs."""
        if case.open:
            return None
        receipt = await self._deps.store.receipt(case.id)
        fresh = self._deps.clock() - (case.decided_at or 0) < FRESH
        if receipt is None and patience and fresh:
            await self._deps.live.closed(case.id, patience)
            receipt = await self._deps.store.receipt(case.id)
        return receipt


def proposal(by: Requester, raw: bytes) -> tuple[Proposal, bool]:
    """The proposal in a body, and whether it may join. Raises a 4xx problem.

    The default agent is the requester's only one.
    """
    return proposed(by, parse(OpenBody, raw))


def proposed(by: Requester, body: OpenBody) -> tuple[Proposal, bool]:
    """The same of a parsed body."""
    only = by.agents[0] if by.agents is not None and len(by.agents) == 1 else "agent"
    agent = body.agent or AgentBody(id=only)
    asked = Proposal(
        action=body.action,
        agent=Agent(agent.id, agent.name, agent.on_behalf_of),
        title=body.title,
        http=_held(body.http) if body.http else None,
        payload=None if body.http else _ordered(body.payload),
        facts=tuple(Fact(fact.label, fact.value) for fact in body.facts),
        note=body.note,
        risk=Risk(body.risk) if body.risk else None,
        expires_in=body.expires_in * SECOND if body.expires_in else None,
        decoded=body.decoded,
    )
    return asked, body.join


def _held(given: HttpBody) -> Http:
    """The request that a body holds. Raises 413 and 422 problems."""
    try:
        body = base64.b64decode(given.body, validate=True)
    except (binascii.Error, ValueError) as error:
        why = "http.body must be the bytes in base64, with padding and without line ends."
        raise Problem(422, "invalid_body", why) from error
    if len(body) > BODY_LIMIT:
        raise Problem(413, "body_too_large", f"http.body: more than {BODY_LIMIT} bytes")
    pairs = [
        (name, value)
        for name, values in given.headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return Http(given.method, given.url, tuple(pairs), body, given.body_complete)


def _ordered(payload: Any) -> str:
    try:
        return Ordered.of(payload)
    except ValueError as error:
        raise Problem(422, "invalid_request", str(error)) from error


def _unambiguous(asked: Proposal, book: RuleBook) -> None:
    """400 for a path that servers fold in different ways: nobody could say what was approved."""
    http = asked.http
    if http is None:
        return
    found = read_target(http.method, http.url, http.headers, dialect=book.dialect(http))
    if found.path and found.refused:
        raise Problem(400, "ambiguous", found.refused)


def _opening(by: Requester, read: Read, raw: bytes) -> tuple[tuple[Proposal, bool], str, int]:
    """The proposal, the body's hash for its idempotency key, and the body's size."""
    return read(by, raw), hashlib.sha256(raw).hexdigest(), len(raw)


def _within(limit: Callable[[], None]) -> None:
    """A budget that is used up, as a 429."""
    try:
        limit()
    except Spent as error:
        raise spent(error) from None


def parse(model: type[Any], raw: bytes) -> Any:
    """Parse and validate a body, once and strictly: what is bound must have only one reading."""
    large = Problem(413, "body_too_large", f"More than {AROUND_LIMIT} bytes besides http.body.")
    if len(raw.translate(None, _BASE64)) > AROUND_LIMIT:  # cheap, before anything costs
        raise large
    if raw.count(b"[") + raw.count(b"{") > CONTAINERS:
        raise Problem(413, "body_too_large", f"More than {CONTAINERS} lists and objects.")
    try:
        value = read_json(raw)
        if _SURROGATE.search(raw):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Problem(422, "invalid_json", _not_json(error)) from error
    try:
        body = model.model_validate(value)
    except ValidationError as error:
        raise Problem(422, "invalid_request", _complaint(error, model)) from error
    held = body.http.body if isinstance(body, OpenBody) and body.http else ""
    if len(raw) - len(held) > AROUND_LIMIT:
        raise large
    return body


def _not_json(error: Exception) -> str:
    """What is wrong with a body, without the words of a library."""
    match error:
        case json.JSONDecodeError():
            return f"The body is not JSON: line {error.lineno}, column {error.colno}."
        case UnicodeError():
            return "The body is not text in UTF-8, or a text in it has half a character."
        case RecursionError():
            return "The JSON is nested too deeply."
    return f"{str(error)[:1].upper()}{str(error)[1:]}."


# Steps that pydantic adds to a path inside a union; they aren't in the body.
_UNION: Final = re.compile(
    r"(str|int|bool|float|none|dict|list)(\[.*\])?|(function|constrained)-.*"
)
_WRITTEN: Final = {
    "method": "an HTTP method, like POST",
    "headers": "the names of headers, and texts",
    "digest": "`sha-256:` and 64 hex digits, as the request shows it",
    "decoded": "names, and for each a text, a number, true, false or a list of texts",
    "id": "a name without blanks",
}
"""What a field must be, where its type alone doesn't say it."""


def _complaint(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that is wrong, in our words. The value is never quoted."""
    first = error.errors(include_url=False)[0]
    place = [part for part in first["loc"] if part != "[key]"]
    while len(place) > 1 and isinstance(place[-1], str) and _UNION.fullmatch(place[-1]):
        place.pop()
    where = f"`{'.'.join(map(str, place))}`" if place else "The body"
    message, hint = wording(first, where, keys_of(model_at(model, first["loc"][:-1])))
    if first["type"].endswith(("_mismatch", "_type")):
        for last in reversed(range(len(place))):
            if written := _WRITTEN.get(str(place[last])):
                return f"`{'.'.join(map(str, place[: last + 1]))}` must be {written}."
    message = message.removeprefix("The body: ")
    more = f" ({hint})" if hint and first["type"] == "extra_forbidden" else ""
    return f"{message[:1].upper()}{message[1:]}{more}."


def _id(request: web.Request) -> str:
    """The id in the path; raises `NotFound` without a look-up for what cannot be one."""
    text = request.match_info["id"]
    if not ID.fullmatch(text):
        raise NotFound(text)
    return text


def as_json(value: Mapping[str, Any], status: int = 200) -> web.Response:
    """A value as JSON."""
    return web.Response(
        status=status, body=json.dumps(value).encode(), content_type="application/json"
    )


def problem_of(error: Exception) -> Problem | None:
    """The problem document for an error of the service; None for an unexpected error."""
    match error:
        case Problem():
            return error
        case NotFound():
            return Problem(404, "not_found", "There is no such request, or it is not yours to see.")
        case Conflict():
            return Problem(409, "conflict", str(error))
        case Refused():
            return Problem(403, "forbidden", str(error))
        case _:
            return None
