"""A browser without a screen: reads our pages and sends their forms, as a person's would.

The demo with `--tap` and tests decide with it: over the same routes, with the fields in the HTML
and no others.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from approvals.app.exits import Exit, Stop
from approvals.model import Choice


@dataclass(slots=True)
class Form:
    """A form. `fields`: what it holds; `buttons`: name and value of those that have them."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """The forms of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.forms: list[Form] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given["action"]))
        elif self.forms and "name" in given and tag in ("input", "textarea"):
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif self.forms and "name" in given and tag == "button":
            self.forms[-1].buttons.append((given["name"], given["value"]))

    def handle_data(self, data: str) -> None:
        self.text += data

    def form(self, action: str, button: tuple[str, str] | None = None) -> Form:
        """The form that is sent there, with that button. Raises `Stop` where there is none."""
        for one in self.forms:
            if one.action == action and (button is None or button in one.buttons):
                return one
        raise Stop(Exit.UNVERIFIED, f"✗ No page of ours has a form for {action} here.")


class Loopback(ThreadedResolver):
    """Resolves `localhost` and all names below it to this machine, as browsers do and few resolvers
    (RFC 6761, 6.3); works without a network."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As usual, but for those names."""
        name = host.lower().rstrip(".")
        if name != "localhost" and not name.endswith(".localhost"):
            return await super().resolve(host, port, family)
        both = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, address in both.items()
            if family in (kind, socket.AF_UNSPEC)
        ]


def session(patience: float = 300) -> aiohttp.ClientSession:
    """A client for our own service, which may run on this machine under another name. `patience`:
    seconds for a call."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=Loopback()),
        timeout=aiohttp.ClientTimeout(total=patience),
    )


@dataclass(slots=True)
class Browser:
    """One browser, with its cookies. `origin`: of the site it signed in to."""

    http: aiohttp.ClientSession
    origin: str = ""

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> AsyncIterator[Browser]:
        """A new one, with no cookies yet."""
        async with session() as http:
            yield cls(http)

    async def sign_in(self, link: str) -> Page:
        """Open a sign-in link and press its button; the page that comes then."""
        self.origin, slash, secret = link.partition("/login/")
        page = await self.get(slash + secret)
        return await self.send(page.form("/login"), {})

    async def decide(
        self, request_id: str, choice: Choice, digest: str, reason: str | None
    ) -> None:
        """Press a button of a request's page, if what it shows has this digest."""
        page = await self.get(f"/requests/{request_id}")
        form = page.form(f"/requests/{request_id}/decision", ("choice", choice.value))
        if form.fields["digest"] != digest:
            raise Stop(Exit.UNVERIFIED, f"✗ The page of {request_id} shows something else.")
        typed = {"reason": reason} if reason is not None and "reason" in form.fields else {}
        await self.send(form, {"choice": choice.value, **typed})

    async def get(self, path: str) -> Page:
        """A page. Raises `Stop` where there is none."""
        async with self.http.get(self.origin + path) as answer:
            return await _page("GET", path.partition("?")[0], answer)

    async def send(self, form: Form, typed: Mapping[str, str]) -> Page:
        """A form with what was typed into it; the page that comes then."""
        # What browsers send with a form under our Referrer-Policy.
        headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
        data = {**form.fields, **typed}
        async with self.http.post(self.origin + form.action, data=data, headers=headers) as answer:
            return await _page("POST", form.action, answer)


async def _page(method: str, path: str, answer: aiohttp.ClientResponse) -> Page:
    if answer.status != 200:
        where = "/login/…" if path.startswith("/login/") else path
        raise Stop(Exit.UNVERIFIED, f"✗ {method} {where}: HTTP {answer.status}")
    return Page(await answer.text())
