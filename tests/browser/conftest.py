"""A house with people in it: the real pages over the real service and a database of its own, on
loopback, with a clock that the test turns; and a browser that looks at it.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from adapters import CHANNELS
from approvals import linking
from approvals.budgets import Budgets
from approvals.buttons import Key, KeyRing
from approvals.evidence import ReceiptKey
from approvals.faces import Faces, Look
from approvals.model import (
    MINUTE,
    Agent,
    Ask,
    Case,
    Fact,
    Http,
    Instant,
    Kind,
    Person,
    Requester,
    Risk,
)
from approvals.people import Directory
from approvals.policy import Policy
from approvals.proposal import Proposal
from approvals.readings import Readings
from approvals.service import Service, Trust
from approvals.store import JOBS, Store
from approvals.web import credentials, inbox, login
from approvals.web.deps import Deps
from approvals.web.limits import Limit
from approvals.web.live import Live
from approvals.web.metrics import Metrics
from approvals.web.signin.link import KIND, Links
from approvals.web.site import Site
from tests.browser.adaptive import RENDERER
from tests.harness.house import Whisperer

HERE = Path(__file__).parent
START: Instant = 1_795_000_000_000
GATEWAY = Requester("billing", Kind.GATEWAY, owner="olga")
AGENT = Requester("scripts")
PEOPLE = (
    Person("dana", "dana@example.com", groups=frozenset({"default"})),
    Person("lee", groups=frozenset({"default"})),
    Person("kim", groups=frozenset({"default", "infra"})),
    Person("sam"),
    Person("olga"),
    Person("ada", roles=frozenset({"auditor"})),
)
GROUPS = {
    group: frozenset(person.id for person in PEOPLE if group in person.groups)
    for group in {group for person in PEOPLE for group in person.groups}
}
PAYOUT = Proposal(
    action="stripe.payouts.create",
    agent=Agent("billing-bot", "Billing bot"),
    title="Pay ACME GmbH 12,400.00 EUR",
    http=Http(
        "POST",
        "https://api.stripe.com/v1/payouts?expand=balance&to=acct_1032D82eZvKYlo2C",
        (
            ("Content-Type", "application/json"),
            ("Idempotency-Key", "5b6c1c0e-7f6d-4bd6-9a31-3f6d2f0f1c55"),
            ("Authorization", "Bearer csk_placeholder_stripe"),
        ),
        b'{"amount":1240000,"currency":"eur","destination":"ba_1MtIhL2eZvKYlo2CAElKwKu2",'
        b'"statement_descriptor":"ACME 2026-11","metadata":{"invoice":"2026-1107"}}',
    ),
    facts=(
        Fact("Amount", "12,400.00 EUR"),
        Fact("To", "ACME GmbH, DE89 3704 0044 0532 0130 00"),
        Fact("Reference", "Invoice 2026-1107"),
    ),
    note="The invoice is due today and matches purchase order 8841.\nThe bank details are the"
    " same as last month.",
)


@dataclass
class Clock:
    """Time as the test tells it."""

    now: Instant = START

    def __call__(self) -> Instant:
        return self.now


@dataclass
class House:
    """Everything of one running instance, and the shortest words to use it."""

    deps: Deps
    clock: Clock
    origin: str
    port: int
    http: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)
    gateway: Requester = GATEWAY
    agent: Requester = AGENT
    mailbox: Whisperer = field(default_factory=lambda: Whisperer(name="email"))
    payout: Proposal = PAYOUT

    async def open(self, asked: Proposal = PAYOUT, by: Requester = GATEWAY) -> Case:
        case, _ = await self.deps.service.open(by, asked)
        return case

    async def case(self, case: Case) -> Case:
        return (await self.deps.store.cases([case.id]))[case.id]

    def rule(self, ask: Ask) -> None:
        """What policy says from now on."""
        trust = self.deps.service.trust
        policy = Policy((), GROUPS, ask, "sha-256:policy")
        self.deps.service.trust = Trust(policy, trust.directory, trust.ring)

    async def link(self, person: str = "dana", request_id: str | None = None) -> str:
        return await credentials.make_link(
            self.deps.store,
            self.deps.service.trust.ring,
            person,
            now=self.clock(),
            random=secrets.token_bytes,
            request_id=request_id,
        )

    async def sent(self) -> str:
        """The link that was asked for and sent last, once all is carried."""
        (links,) = self.deps.ways
        assert isinstance(links, Links)
        for lane in ("", "email"):
            for job in await self.deps.store.claim(
                lane, worker="w", now=self.clock(), lease=MINUTE, limit=99, kinds=(*JOBS, KIND)
            ):
                if job.kind == KIND:
                    await self.deps.store.done([job], then=await links.carry(job))
        return self.mailbox.letters[-1][1].link

    async def sign_in(self, person: str = "dana") -> None:
        """Sign in the way a person does; the cookie is kept for the next calls."""
        answer = await self.post("/login", link=await self.link(person))
        assert answer.status == 303

    async def get(self, path: str, **headers: str) -> Answer:
        return await self._call("GET", path, None, headers)

    async def post(self, path: str, headers: dict[str, str] | None = None, **form: str) -> Answer:
        sent = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        return await self._call("POST", path, form, sent if headers is None else headers)

    async def form(self, path: str, action: str) -> dict[str, str]:
        """The hidden fields of a form of a page, as a browser would send them."""
        page = (await self.get(path)).text
        found = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.S)
        assert found, f"no form for {action} in {path}"
        return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found[1]))

    async def decide(self, case: Case, /, choice: str, **more: str) -> Answer:
        path = f"/requests/{case.id}"
        fields = await self.form(path, f"{path}/decision")
        form = {**fields, "choice": choice, **more}
        answer = await self.post(f"{path}/decision", None, **form)
        if answer.status == 303:  # as a browser does
            assert answer.headers["Location"] == f"{path}/result"
            return await self.get(answer.headers["Location"])
        return answer

    async def _call(
        self, method: str, path: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> Answer:
        told = {"Host": self.deps.site.host, **headers}
        if self.cookies:
            told["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.http.request(
            method, url, data=form, headers=told, allow_redirects=False
        ) as answer:
            for name, morsel in answer.cookies.items():
                self.cookies.pop(name, None)
                if morsel.value:
                    self.cookies[name] = morsel.value
            return Answer(answer.status, answer.headers, await answer.read())


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@pytest_asyncio.fixture(loop_scope="session")
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = Clock()
    store = await Store.connect(f"sqlite:///{tmp_path}/house.db")
    ring = KeyRing({"k1": Key("k1", b"k" * 32)}, "k1")
    ask = Ask("everything", (("default", 1),), risk=Risk.MEDIUM, expires=15 * MINUTE)
    live = Live(store)
    store.listen(live.changed)
    readings = Readings()
    service = Service(
        store,
        Trust(Policy((), GROUPS, ask, "sha-256:policy"), Directory(PEOPLE, GROUPS), ring),
        key=ReceiptKey(Ed25519PrivateKey.generate()),
        issuer="http://localhost",
        clock=clock,
        random=secrets.token_bytes,
        readings=readings,
    )
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    async def no_faults() -> tuple[str, ...]:
        return ()

    async def refresh() -> None:
        linked = await store.linked()
        known = linking.directory(lambda links: Directory(PEOPLE, GROUPS, links), ring, [], linked)
        service.trust = replace(service.trust, directory=known)

    mailbox = Whisperer(name="email")
    site = Site.at(f"http://127.0.0.1:{port}", "k3v9x2")
    links = Links(
        store=store,
        service=service,
        channels={"email": mailbox},
        origin=site.origin,
        clock=clock,
        random=secrets.token_bytes,
        each=Limit(clock, burst=10, per_second=0.1),
        all=Limit(clock, burst=100, per_second=1),
    )
    deps = Deps(
        service=service,
        store=store,
        live=live,
        site=site,
        clock=clock,
        random=secrets.token_bytes,
        requesters={},
        jwks={},
        metrics=Metrics(),
        metrics_open=False,
        faults=no_faults,
        warnings=tuple,
        opens=Limit(clock, burst=100, per_second=1),
        budgets=Budgets(time.monotonic_ns),
        forgeries=Limit(clock, burst=100, per_second=1),
        sign_ins=Limit(clock, burst=5, per_second=0.1),
        link_codes=Limit(clock, burst=5, per_second=1 / 60),
        linkable={"telegram": partial(linking.bot, None, "our_bot")},
        linking={"telegram": CHANNELS["telegram"].section().linking},
        salt=b"",
        glance=Faces(store, service, Look(lambda case_id: None, b"")).glance,
        refresh=refresh,
        ways=(links,),
    )
    app = web.Application()
    app.add_routes([*login.routes(deps), *inbox.routes(deps)])
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    working = [asyncio.create_task(service.run()), asyncio.create_task(live.run())]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield House(deps, clock, deps.site.origin, port, http, mailbox=mailbox)
    for task in working:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await runner.cleanup()
    await readings.close()
    await store.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "Set CHROMIUM to the path of a Chromium."
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        await started.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    path = HERE / "node_modules/axe-core/axe.min.js"
    assert path.exists(), "Run `npm ci` in tests/browser, or `make test`."
    return path.read_text(encoding="utf-8")


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, house: House) -> AsyncIterator[BrowserContext]:
    """A browser with an empty profile; whatever it complains about is an error."""
    house.clock.now = time.time_ns() // 1_000_000  # the browser counts down by its own clock
    made = await browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    complaints: list[str] = []
    made.on("weberror", lambda error: complaints.append(str(error.error)))
    made.on("console", lambda m: complaints.append(m.text) if "Security Policy" in m.text else None)
    yield made
    await made.close()
    assert complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def dana(context: BrowserContext, house: House) -> Any:
    """A page of dana's, who has just signed in with the button."""
    page = await context.new_page()
    await page.goto(f"{house.origin}/login/{await house.link('dana')}")
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/inbox")
    return page


@asynccontextmanager
async def with_the_renderer(browser: Browser) -> AsyncIterator[Page]:
    """An empty page with Microsoft's renderer in it, in a time zone that is not UTC."""
    assert RENDERER.exists(), "Run `npm ci` in tests/browser, or `make test`."
    context = await browser.new_context(
        viewport={"width": 464, "height": 800}, locale="en-GB", timezone_id="Europe/Berlin"
    )
    made = await context.new_page()
    await made.add_script_tag(path=RENDERER)
    yield made
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of its own, to be clicked on and resized."""
    async with with_the_renderer(browser) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def canvas(browser: Browser) -> AsyncIterator[Page]:
    """One page for what a file only draws and looks at: each card replaces the one before. (Outlook
    and Webex know fewer elements than Teams: what they set of the renderer stays on the page.)"""
    async with with_the_renderer(browser) as made:
        yield made
