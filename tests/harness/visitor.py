"""Whoever opens the links of a mail: a browser without scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from approvals.model import (
    Risk,
)
from approvals.web.site import Site
from tests.harness.house import Place, rule

TOKEN: Final = r"/m/([A-Za-z0-9_-]{40})"
SITE: Final = Site.at("http://127.0.0.1:8080", "k3v9")
OWNED: Final = (
    rule("two", quorum=(("finance", 2),)),
    rule("low", risk=Risk.LOW),
    rule("high", risk=Risk.HIGH),
    rule("room", via=("email:all@example.com",)),
)


@dataclass(frozen=True)
class Seen:
    """An answer to a browser."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def forms(self) -> dict[str, dict[str, str]]:
        """The hidden fields of each form, by its address."""
        return {
            action: dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', inner))
            for action, inner in re.findall(
                r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', self.text, re.S
            )
        }


@dataclass
class Visitor:
    """A browser without scripts: cookies, forms, and the headers that browsers send."""

    place: Place
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, form: Mapping[str, str] | None = None, **headers: str
    ) -> Seen:
        sent = {"Host": SITE.host, **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        async with self.place.http.request(
            method, self.place.url + path, data=form, headers=sent, allow_redirects=False
        ) as answer:
            self.cookies |= {name: morsel.value for name, morsel in answer.cookies.items()}
            return Seen(answer.status, answer.headers, await answer.text())

    async def get(self, path: str) -> Seen:
        return await self.ask("GET", path)

    async def post(self, path: str, form: Mapping[str, str], **headers: str) -> Seen:
        own = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
        return await self.ask("POST", path, form, **(headers or own))

    async def press(self, path: str, **more: str) -> Seen:
        """Open the page and press the button that the link is named after."""
        page = await self.get(path)
        return await self.post(path, {**page.forms[path], **more})
