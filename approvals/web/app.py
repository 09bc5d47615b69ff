"""The application: every route, and what turns an error into an answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from approvals.model import SECOND, Busy
from approvals.people import EMAIL
from approvals.port import Channel
from approvals.port.network import is_loopback
from approvals.proposal import ulid
from approvals.web import inbox, login, mail, mailbox, openapi, schemas
from approvals.web.api import API, BODY_LIMIT, Api, as_json, problem_of
from approvals.web.authzen import AUTHZEN, Dialect
from approvals.web.deps import Deps
from approvals.web.events import Events
from approvals.web.guard import visitor_of
from approvals.web.metrics import AGES, Metrics
from approvals.web.openapi import NOBODY, Operation, routes
from approvals.web.problems import Problem, away
from approvals.web.site import HEADERS, Say, say
from approvals.web.views import calm

log = structlog.get_logger()
METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE"})
"""Callers can invent others, and each would be a label in the metrics."""
NO_PAGE: Final = calm("There is no such page", "The address may be misspelt or cut off.", "empty")
SLUGS: Final = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
"""The `type` of what aiohttp refuses by itself."""
FORWARDED: Final = frozenset({"Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"})
"""What a proxy adds."""
HEALTH: Final[list[Operation]] = []
"""What `Health` answers."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
REQUEST_LIMIT: Final = BODY_LIMIT * 4 // 3 + 1024 * 1024
"""A held body of the largest size as base64, and a megabyte for everything around it."""


def application(deps: Deps, channels: Mapping[str, Channel]) -> tuple[web.Application, Events]:
    """The application and its events, which the outbound-only modes deliver to as well."""
    app = web.Application(
        client_max_size=REQUEST_LIMIT,
        middlewares=[_measured(deps.metrics), _answering(partial(_no_page, deps)), _plain],
    )
    events = Events(deps, channels)
    app.add_routes(events.routes())
    api = Api(deps)
    app.add_routes(routes(API, api))
    if deps.authzen:
        app.add_routes(routes(AUTHZEN, Dialect(api, deps.service.issuer)))
    app.add_routes(routes(HEALTH, Health(deps)))
    app.add_routes([*login.routes(deps), *inbox.routes(deps)])
    if EMAIL in channels:
        app.add_routes([*mail.routes(deps), *mailbox.routes(deps)])

    async def let_go(app: web.Application) -> None:
        deps.live.close()

    app.on_shutdown.append(let_go)
    return app, events


@cache
def contract(*, authzen: bool) -> bytes:
    """The document of all that is mounted, as JSON."""
    tables = (API, AUTHZEN, HEALTH) if authzen else (API, HEALTH)
    return json.dumps(openapi.document(*tables)).encode()


def metrics_only(deps: Deps) -> web.Application:
    """What listens on the metrics port, if there is one."""
    app = web.Application(middlewares=[_answering(partial(_no_page, deps))])
    app.router.add_get("/metrics", Health(deps).metrics_always, allow_head=False)
    return app


class Health:
    """Alive; able to decide and deliver; how it goes; and the contract."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._contract = contract(authzen=deps.authzen)

    @Operation(HEALTH, "GET", "/healthz", NOBODY, {200: schemas.Alive})
    async def read_health(self, request: web.Request) -> web.Response:
        """Is the process alive?"""
        alive: schemas.Alive = {"status": "ok"}
        return as_json(alive)

    @Operation(HEALTH, "GET", "/readyz", NOBODY, {200: schemas.Ready}, problems=[503])
    async def read_readiness(self, request: web.Request) -> web.Response:
        """Can it decide and deliver?"""
        faults, warnings = await self._deps.faults(), [*self._deps.warnings()]
        if faults:
            again = {"Retry-After": "5"}
            raise Problem(503, "not_ready", " ".join(faults), headers=again, warnings=warnings)
        ready: schemas.Ready = {"status": "ready", "warnings": warnings}
        return as_json(ready)

    @Operation(HEALTH, "GET", "/openapi.json", NOBODY, {200: dict[str, Any]})
    async def read_contract(self, request: web.Request) -> web.Response:
        """This document."""
        return web.Response(body=self._contract, content_type="application/json")

    @Operation(HEALTH, "GET", "/metrics", NOBODY, {200: "text/plain"}, problems=[404])
    async def read_metrics(self, request: web.Request) -> web.Response:
        """Prometheus metrics: for callers on this machine, unless the configuration opens them."""
        if not (self._deps.metrics_open or _from_here(request)):
            raise Problem(
                404, "not_found", "Metrics are for loopback callers, or on their own port."
            )
        return await self.metrics_always(request)

    async def metrics_always(self, request: web.Request) -> web.Response:
        deps = self._deps
        now = deps.clock()
        older = {age: "req_" + ulid(now - age * SECOND, bytes(10)) for age in AGES}
        counts = await deps.store.counts(older)
        text = deps.metrics.text(counts, deps.live.waiting, now)
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4"})


def _measured(metrics: Metrics) -> Middleware:
    """Times API calls, except those that wait."""

    @web.middleware
    async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
        timed = request.path.startswith("/v1/requests") and "wait" not in request.query
        if not timed or request.method not in METHODS:
            return await handler(request)
        with metrics.api_seconds.labels(request.method).time():
            return await handler(request)

    return measured


@web.middleware
async def _plain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse compressed bodies: unpacking costs a thousand times what sending costs, and signatures
    are over the bytes as sent."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        detail = "Send the body as it is, without Content-Encoding."
        raise Problem(415, "encoded_body", detail, headers={"Accept-Encoding": "identity"})
    return await handler(request)


def _answering(no_page: Callable[[web.Request], Awaitable[web.Response]]) -> Middleware:
    """Turns errors into answers. `no_page`: a browser's 404."""

    @web.middleware
    async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            if error.status == 404 and _reads_pages(request):
                return await no_page(request)
            # aiohttp's own words change with Python's version
            slug = SLUGS.get(error.status, "bad_request")
            allow = error.headers.get("Allow")
            detail = f"Allowed here: {allow}." if allow else f"{request.method}: {error.reason}."
            headers = {"Allow": allow} if allow else None
            return Problem(error.status, slug, detail, headers=headers).response()
        except Busy:
            detail = away(request.method)
            return Problem(503, "unavailable", detail, headers={"Retry-After": "1"}).response()
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                log.exception("unexpected_error", method=request.method, route=_route(request))
                problem = Problem(500, "internal_error", "Something went wrong here; it is logged.")
            return problem.response()

    return answering


def _reads_pages(request: web.Request) -> bool:
    """Is this a person's browser? Programs ask for JSON, or for anything."""
    return "text/html" in request.headers.get("Accept", "").lower()


async def _no_page(deps: Deps, request: web.Request) -> web.Response:
    """A 404 in the frame of the other pages."""
    visitor = None
    if request.host.lower() == deps.site.host:
        with suppress(Say, Busy):
            visitor = await visitor_of(deps, request)
    answer = say(NO_PAGE, visitor=visitor, status=404)
    answer.headers.update(HEADERS)
    return answer


def _route(request: web.Request) -> str:
    """The route's pattern: the path itself may hold what doesn't belong in a log."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"


def _from_here(request: web.Request) -> bool:
    """Asked by this machine itself, with no proxy between: not every proxy says that it is one, but
    the pages are there under the name of the site only, so that it must pass that name on."""
    try:
        here = ip_address(request.remote or "").is_loopback
        named = is_loopback(urlsplit(f"//{request.host}").hostname or "")
    except ValueError:
        return False
    return here and named and not request.headers.keys() & FORWARDED
