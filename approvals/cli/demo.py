"""`countersign demo`: the whole job on one machine, told in the terminal.

Three processes as in production, over a new folder that is removed at the end: the service, the
gateway, and an agent that has a proxy and a placeholder for its key, and nothing else. An upstream
here takes the real key only. A person decides in the inbox; with `tap` nobody is needed: the pages
are read and their forms sent over the same routes a browser uses.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp
from aiohttp import web
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from approvals import audit
from approvals.app import keys
from approvals.app.exits import Exit, Stop
from approvals.app.host import clock, free_port, random
from approvals.app.serve import Base, base, configuration, login_link, note
from approvals.cli.browser import Browser
from approvals.cli.output import safari
from approvals.evidence import (
    digest_http,
    read_checkpoint,
    read_receipt,
    verify_chain,
    verify_receipt,
)
from approvals.model import Choice, Refused
from approvals.proxy.credentials import Secret
from approvals.proxy.secrets import Secrets
from approvals.text import clean
from approvals.web import credentials
from approvals.web.site import FRESH

AGENT: Final = "billing-bot"
REQUESTER: Final = "gateway"
PERSON: Final = "you"

PATIENCE: Final = 30.0
"""Seconds that a process has to start, and the service to hear what became of a request."""
SEALED: Final = 10.0
"""Seconds to wait for the chain; an entry is in it within one."""

SERVICE: Final = """\
server:     {{listen: 127.0.0.1:{port}}}
database:   {{url: sqlite:///countersign.db}}
keys:       {{dir: keys}}
requesters:
  gateway:  {{key_file: gateway.key, kind: gateway, agents: [billing-bot]}}
people:
  you:      {{}}
groups:     {{default: [you]}}
roles:      {{auditor: [you]}}
rules:
  - name: reading invoices
    when: {{action: pay.invoices.list}}
    ask:  {{quorum: {{default: 1}}, risk: low, expires: 1h}}
  - name: payouts
    when: {{action: pay.payouts.create}}
    ask:  {{quorum: {{default: 1}}, risk: high, expires: 1h}}
  - name: everything else
    ask:  {{quorum: {{default: 1}}, risk: medium, expires: 1h}}
"""
GATEWAY: Final = """\
listen: 127.0.0.1:{port}
folder: gateway
service:
  url: "{url}"
  key: "${{COUNTERSIGN_KEY}}"
  requester: gateway
  issuer: "{url}"
  receipt_key: {pin}
agents: {{billing-bot: {{password: "${{AGENT_PASSWORD}}"}}}}
upstream: {{private: ["{upstream}"]}}
rules:
  - name: the balance may be read
    when: {{host: "{upstream}", method: GET, path: /v1/balance}}
    then: allow
  - name: invoices
    when: {{host: "{upstream}", method: GET, path: /v1/invoices}}
    then: ask
    action: pay.invoices.list
    title: Read the open invoices
  - name: payouts
    when: {{host: "{upstream}", method: POST, path: /v1/payouts}}
    then: ask
    action: pay.payouts.create
    title: "Pay {{{{ amount | money(currency) }}}} to {{{{ destination }}}}"
    facts:
      Amount: "{{{{ amount | money(currency) }}}}"
      To: "{{{{ destination }}}}"
      Invoice: "{{{{ memo }}}}"
  - name: messages
    when: {{host: "{upstream}", method: POST, path: /v1/messages}}
    then: ask
    action: pay.messages.send
    title: "Send a message to {{{{ to }}}}"
    facts:
      To: "{{{{ to }}}}"
      Subject: "{{{{ subject }}}}"
      Text: "{{{{ body.body }}}}"
"""


@dataclass(slots=True)
class Asked:
    """One request of the agent: what it asks for, and its outcome."""

    name: str
    title: str
    about: str
    rule: str
    path: str
    action: str
    risk: str = ""
    id: str = ""
    digest: str = ""
    status: str = "pending"
    reason: str | None = None
    outcome: Mapping[str, Any] | None = None
    claims: Mapping[str, Any] | None = None


ASKED: Final = (
    # name, title, about, rule, path, action
    ("invoices", "Read the open invoices", "harmless",
     "reading invoices", "/v1/invoices", "pay.invoices.list"),
    ("payout", "Pay 12,400.00 EUR to ACME GmbH", "moves money",
     "payouts", "/v1/payouts", "pay.payouts.create"),
    ("message", "Send a message to everyone@example.com", "hostile words",
     "everything else", "/v1/messages", "pay.messages.send"),
)  # fmt: skip


async def tell(console: Console, *, tap: Choice | None, port: int) -> None:
    """Tell the story. `tap` None: until Ctrl-C. Raises `Stop` if anything does not verify."""
    with TemporaryDirectory(prefix="countersign-demo-") as folder, _stopped() as stopped:
        story = asyncio.ensure_future(_story(console, Path(folder), tap=tap, port=port))
        stop = asyncio.ensure_future(stopped.wait())
        await asyncio.wait({story, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if story.done():
            return story.result()
        story.cancel()
        await asyncio.wait({story})
        console.print(Text("\nEnded. Nothing is left of it.", "dim"))
        if tap is not None:
            raise Stop(Exit.UNVERIFIED, "It was ended before everything had verified.")
    return None


@contextmanager
def _stopped() -> Iterator[asyncio.Event]:
    """Set by Ctrl-C, by `kill`, and when the terminal is closed."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _story(console: Console, here: Path, *, tap: Choice | None, port: int) -> None:
    free, proxy = free_port(port), free_port(0)
    pinned = keys.new(here / "keys", now=clock(), random=random).receipt
    secret, password, real = ("csr_" + random(24).hex(), random(16).hex(), "sk_" + random(16).hex())
    (here / "gateway.key").touch(mode=0o600)
    (here / "gateway.key").write_text(secret)
    (here / "countersign.yaml").write_text(SERVICE.format(port=free))
    async with AsyncExitStack() as stack:
        on = await stack.enter_async_context(base(configuration(here / "countersign.yaml")))
        upstream = await stack.enter_async_context(Upstream.listening(real))
        (here / "gateway.yaml").write_text(
            GATEWAY.format(port=proxy, url=on.url, pin=pinned.thumbprint, upstream=upstream.host)
        )
        (here / "gateway").mkdir(mode=0o700)
        vault = Secrets(here / "gateway", {})
        vault.put(Secret("pay", upstream.host, "authorization", (AGENT,)), real)
        console.print(Text("Countersign: a person signs off before an agent acts.", "bold"))
        console.print(
            "Service, gateway and agent are three processes in a temporary folder.", style="dim"
        )
        if port not in (0, free):
            console.print(Text(f"Port {port} is busy, so the inbox listens on {free}.", "yellow"))
        env = dict(os.environ)
        gateway_env = env | {"COUNTERSIGN_KEY": secret, "AGENT_PASSWORD": password}
        ours = [sys.executable, "-m", "approvals.cli"]
        service = [*ours, "serve", "--config", "countersign.yaml"]
        gateway = [*ours, "gateway", "--config", "gateway.yaml"]
        http = await stack.enter_async_context(aiohttp.ClientSession())
        await asyncio.gather(
            _started(stack, http, service, on.url, here, env),
            _started(stack, http, gateway, f"http://127.0.0.1:{proxy}", here, gateway_env),
        )
        given = {
            "http_proxy": f"http://{AGENT}:{password}@127.0.0.1:{proxy}",
            "PAY_API": f"http://{upstream.host}",
            "PAY_API_KEY": vault.placeholder("pay", AGENT),
        }
        script = [sys.executable, "-I", str(Path(__file__).with_name("demo_agent.py"))]
        agent = await _process(stack, script, here, given, stdout=asyncio.subprocess.PIPE)
        swapped = (real, given["PAY_API_KEY"])
        watch = Watch(on.url, secret, [pinned.jwk()], upstream, swapped, http, agent)
        asked = [Asked(*one) for one in ASKED]
        await watch.first(asked)
        link = await login_link(on, PERSON)
        console.print("\nThe agent has a proxy and a placeholder, no key:")
        console.print(Text(f"  PAY_API_KEY={given['PAY_API_KEY']}", "dim"), soft_wrap=True)
        allowed = ("A rule lets it read the balance: ", ("200", "green"), ", with the real key.")
        console.print(Text.assemble(*allowed))
        if tap is None:
            console.print("\nOpen this link in a browser on this machine. It signs you in, once:\n")
            console.print(Text(link, "bold cyan"), soft_wrap=True)
            console.print(Text(f"\n{safari(link)}", "dim"), soft_wrap=True)
            console.print("\nFor three things it waits for your word, each a request that hangs.\n")
        else:
            console.print(f"\nSigning in by {link.rpartition('/')[0]}/… as a browser would.\n")
        await _decided(console, on, watch, asked, tap, link)
        await _audited(console, on, watch, asked)
        if tap is None:
            console.print("\nThe inbox stays open, for you to look around. Ctrl-C ends it.")
            await asyncio.Event().wait()


async def _process(
    stack: AsyncExitStack, command: list[str], here: Path, env: Mapping[str, str], **io: Any
) -> asyncio.subprocess.Process:
    """A process that is terminated when the story ends."""
    # Their own session: Ctrl-C reaches us alone, and we end them in order.
    process = await asyncio.create_subprocess_exec(
        *command, cwd=here, env=env, stdin=asyncio.subprocess.DEVNULL, start_new_session=True, **io
    )

    async def end() -> None:
        if process.returncode is None:
            process.terminate()
        await process.wait()

    stack.push_async_callback(end)
    return process


async def _started(
    stack: AsyncExitStack, http: aiohttp.ClientSession, command: list[str], url: str, here: Path,
    env: Mapping[str, str],
) -> None:  # fmt: skip
    """Return once it answers. Raises `Stop` if it ends, or does not answer in time."""
    log = stack.enter_context((here / f"{command[3]}.log").open("w+"))
    process = await _process(stack, command, here, env, stdout=log, stderr=log)
    try:
        async with asyncio.timeout(PATIENCE):
            while process.returncode is None:
                try:
                    async with http.get(f"{url}/healthz"):
                        return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    log.seek(0)
    raise Stop(Exit.FAILED, f"`countersign {command[3]}` did not start.\n{log.read()[-2000:]}")


async def _decided(
    console: Console, on: Base, watch: Watch, asked: list[Asked], tap: Choice | None, link: str
) -> None:
    """Wait until all are decided: a picture of the three, and each verdict as it comes."""
    if not console.is_terminal:
        console.print(_picture(asked))

    async def follow() -> None:
        async for one, status in watch.answers(asked):
            await watch.verify(one, status)
            if tap is not None and (one.claims or {})["choice"] != tap:
                why = f"✗ {one.title} was not what was pressed: {one.status}."
                raise Stop(Exit.UNVERIFIED, why)
            _say(console, one, status)
            live.update(_picture(asked), refresh=True)

    with Live(_picture(asked), console=console, auto_refresh=False, transient=True) as live:
        work = [follow()]
        work.append(_renewed(console, on, asked, link) if tap is None else _tap(link, asked, tap))
        tasks = [asyncio.ensure_future(part) for part in work]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _renewed(console: Console, on: Base, asked: list[Asked], link: str) -> None:
    """Another link where the first is too old, or the sign-in for high risk is; until decided."""
    made, used = clock(), None
    while any(one.claims is None for one in asked):
        await asyncio.sleep(1)
        secret = link.rpartition("/")[2]
        seen = await credentials.see_link(on.store, on.keys.ring, secret, clock())
        if seen is None and used is None and clock() < made + credentials.LINK:
            used = clock()
        high = any(one.claims is None and one.risk == "high" for one in asked)
        if (clock() > used + FRESH and high) if used else seen is None:
            why = "High risk needs a fresh sign-in" if used else "That link has grown old"
            link, made, used = await login_link(on, PERSON), clock(), None
            console.print(f"{why}. Another link:\n")
            console.print(Text(f"{link}\n", "bold cyan"), soft_wrap=True)


# What the terminal shows


def _picture(asked: list[Asked]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for one in asked:
        waits = one.claims is None
        grid.add_row(
            Text("  ●" if waits else "  ✓", "yellow" if waits else "dim"),
            Text(one.title),
            Text(one.risk, {"low": "green", "high": "bold red"}.get(one.risk, "yellow")),
            Text(one.about, "dim"),
            Text("waiting", "yellow") if waits else _verdict(one),
        )
    return grid


def _verdict(one: Asked) -> Text:
    approved = one.claims is not None and one.claims["choice"] == "approve"
    return Text("approved", "green") if approved else Text(one.status, "red")


def _say(console: Console, one: Asked, status: int) -> None:
    """A verdict, what was verified of it, and what the agent got."""
    claims = one.claims or {}
    if claims["choice"] == "approve":
        meaning = "the pinned key signed this verdict on exactly the bytes that arrived"
        told = f"the upstream saw the real key; the agent got {status}; Delivered: {status}"
    else:
        meaning = "the pinned key signed this verdict; it releases nothing"
        told = f"nothing reached the upstream; the agent got {status}"
    lines = [Text.assemble("● ", _verdict(one), "  ", (one.title, "bold"))]
    lines += [Text(f"  reason    {clean(one.reason)}")] if one.reason else []
    lines += [
        Text(f"  receipt   {claims['choice']}, of {claims['iss']}"),
        Text(f"  digest    {claims['digest']}"),
        Text(f"  outcome   {told}"),
        Text.assemble(("  ✓ verified", "green"), f": {meaning}\n"),
    ]
    console.print(Text("\n").join(lines), soft_wrap=True)


async def _audited(console: Console, on: Base, watch: Watch, asked: list[Asked]) -> None:
    """Fetch the chain as an auditor does, and verify it up to every head that is known."""
    said = {"person": PERSON, "name": "demo", "expires_at": clock() + credentials.DAY}
    await note(on, audit.Kind.TOKEN_MADE, **said)
    token = await credentials.make_token(
        on.store, on.keys.ring, PERSON, "demo", 1, now=clock(), random=random
    )
    heads = [one.claims["head"] for one in asked if one.claims and one.claims["head"]]
    try:
        async with asyncio.timeout(SEALED):
            while True:
                if _tells([line async for line in on.store.export()], asked):
                    break
                await asyncio.sleep(0.1)
        signed = await on.store.checkpoints()
        lines = await watch.chain(token)
        heads += [read_checkpoint(point, watch.pinned).head for point in signed]
    except TimeoutError as error:
        raise Stop(Exit.UNVERIFIED, "✗ The audit chain lacks what happened.") from error
    except Refused as error:
        raise Stop(Exit.UNVERIFIED, f"✗ A checkpoint of the audit chain: {error}") from error
    report = verify_chain(lines, heads=heads)
    if report.bad is not None:
        raise Stop(Exit.UNVERIFIED, f"✗ The audit chain, row {report.bad}: {report.why}")
    console.print(
        Text("✓ verified", "green")
        + Text(f": the audit chain of {len(lines)} entries, fetched as an auditor does")
    )


def _tells(lines: list[str], asked: list[Asked]) -> bool:
    """Is every request in the chain, from its opening to its end?"""
    kinds: dict[str, set[str]] = {one.id: set() for one in asked}
    for row in map(json.loads, lines):
        kinds.get(row["request_id"], set()).add(row["kind"])
    last = {"approved": "request.reported", "declined": "vote", "expired": "request.ticked"}
    return all({"request.opened", last[one.status]} <= kinds[one.id] for one in asked)


# What arrives, and what is believed


@dataclass(slots=True)
class Upstream:
    """A payment service that takes its real key only, and remembers what arrived."""

    real: str = field(repr=False)
    host: str = ""
    arrived: dict[str, tuple[str, str, tuple[tuple[str, str], ...], bytes]] = field(
        default_factory=dict
    )

    @classmethod
    @asynccontextmanager
    async def listening(cls, real: str) -> AsyncIterator[Upstream]:
        here = cls(real)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", here.take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            here.host = "{}:{}".format(*runner.addresses[0])
            yield here
        finally:
            await runner.cleanup()

    async def take(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.real}":
            return web.json_response({"error": "this is not the key"}, status=401)
        headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in request.raw_headers)
        url = f"http://{self.host}{request.raw_path}"
        self.arrived[request.path] = (request.method, url, headers, await request.read())
        return web.json_response({"ok": True}, status=201 if request.method == "POST" else 200)


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks at all sides, and trusts the receipt alone.

    `pinned`: the public receipt key as it was given beforehand; it is not learnt from the service.
    `swapped`: the upstream's key, and the placeholder that the agent has for it.
    """

    url: str
    secret: str = field(repr=False)
    pinned: list[Mapping[str, str]]
    upstream: Upstream
    swapped: tuple[str, str] = field(repr=False)
    http: aiohttp.ClientSession
    agent: asyncio.subprocess.Process

    async def first(self, asked: list[Asked]) -> None:
        """Return once the balance was read and the three are held. Raises `Stop`."""
        name, status = await self._line()
        if (name, status) != ("balance", 200):
            raise Stop(Exit.FAILED, f"✗ What a rule allows did not pass: {name}, {status}.")
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    held = (await self._call("GET", "/v1/requests"))["requests"]
                    if len(held) == len(asked):
                        break
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise Stop(Exit.FAILED, "✗ The gateway did not ask.") from error
        for one in asked:
            (case,) = (case for case in held if case["rule"] == one.rule)
            one.id, one.digest, one.risk = case["id"], case["digest"], case["risk"]

    async def answers(self, asked: list[Asked]) -> AsyncIterator[tuple[Asked, int]]:
        """What the agent got, as it gets it: the status of each."""
        for _ in asked:
            name, status = await self._line()
            yield next(one for one in asked if one.name == name), status

    async def verify(self, one: Asked, status: int) -> None:
        """The receipt, against the pinned key and against what arrived. Raises `Stop`."""
        case = await self._outcome(one)
        arrived = self.upstream.arrived.get(one.path)
        try:
            claims, _ = read_receipt(case["receipt"] or "", self.pinned, now=clock())
            if claims["choice"] == "approve":
                if arrived is None or status not in (200, 201):
                    raise Refused(f"it was approved and did not arrive ({status})")
                claims = verify_receipt(
                    case["receipt"], self.pinned, issuer=self.url, audience=REQUESTER,
                    subject=one.id, digest=self._digest(one, arrived), now=clock(),
                )  # fmt: skip
            elif arrived is not None or status != 403:
                raise Refused(f"it was not approved and yet ({status})")
            named = {"iss": self.url, "aud": REQUESTER, "sub": one.id, "digest": one.digest}
            if wrong := [name for name, value in named.items() if claims.get(name) != value]:
                raise Refused(f"the receipt is about another {wrong[0]}")
        except Refused as error:
            raise Stop(Exit.UNVERIFIED, f"✗ {one.title}: {error}") from error
        one.status, one.reason, one.claims = case["status"], case["reason"], claims

    async def chain(self, token: str) -> list[str]:
        """The audit chain, fetched with an auditor's token."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self.http.get(f"{self.url}/v1/audit", headers=headers) as answer:
            if answer.status != 200:
                raise Stop(Exit.UNVERIFIED, f"✗ The audit chain: HTTP {answer.status}")
            return (await answer.text()).splitlines()

    def _digest(
        self, one: Asked, arrived: tuple[str, str, tuple[tuple[str, str], ...], bytes]
    ) -> str:
        """Of what the upstream got, with the placeholder where the real key stood."""
        method, url, got, body = arrived
        headers = [(name, value.replace(*self.swapped)) for name, value in got]
        return digest_http(
            revision=1, action=one.action, method=method, url=url, headers=headers, body=body
        )

    async def _outcome(self, one: Asked) -> Any:
        """The closed case; of an approved one, once the gateway has told what became of it."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    case = await self._call("GET", f"/v1/requests/{one.id}?wait=10")
                    told = case["status"] != "approved" or case["outcome"] is not None
                    if case["status"] != "pending" and case["receipt"] and told:
                        return case
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            why = f"✗ {one.title}: the gateway did not report its outcome."
            raise Stop(Exit.UNVERIFIED, why) from error

    async def _line(self) -> tuple[str, int]:
        assert self.agent.stdout is not None  # noqa: S101 - it is a pipe
        line = await self.agent.stdout.readline()
        if not line:
            raise Stop(Exit.FAILED, "✗ The agent ended before it was answered.")
        told = json.loads(line)
        return told["name"], told["status"]

    async def _call(self, method: str, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.secret}"}
        async with self.http.request(method, self.url + path, headers=headers) as answer:
            said = await answer.json(content_type=None)
            if answer.status >= 400:
                raise Stop(Exit.FAILED, f"{method} {path}: {said['detail']}")
            return said


async def _tap(link: str, asked: list[Asked], choice: Choice) -> None:
    """The person, where there is none."""
    async with Browser.opened() as browser:
        await browser.sign_in(link)
        for one in asked:
            reason = "Not today." if choice is Choice.DECLINE else None
            await browser.decide(one.id, choice, one.digest, reason)
