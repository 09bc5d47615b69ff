"""A browser without a screen: our own pages over HTTP, with cookies, as forms send them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from approvals.web import credentials
from tests.harness.house import RING, Place


@dataclass(slots=True)
class Browser:
    """A browser: its cookies, and our pages."""

    place: Place
    cookies: dict[str, str] = field(default_factory=dict)

    async def signed_in(self, person: str) -> Browser:
        """This browser, with a new session of this person."""
        place = self.place
        self.cookies[place.house.deps.site.cookie] = await credentials.start_session(
            place.store, RING, person, "link", now=place.clock(), random=os.urandom
        )
        return self

    async def get(self, path: str, method: str = "GET") -> Answer:
        return await self._call(method, path, None)

    async def post(self, path: str, **form: str) -> Answer:
        return await self._call("POST", path, form)

    async def _call(self, method: str, path: str, form: Mapping[str, str] | None) -> Answer:
        site = self.place.house.deps.site
        headers = {"Host": site.host, "Origin": site.origin, "Sec-Fetch-Site": "same-origin"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        url = self.place.url + path
        async with self.place.http.request(
            method, url, data=form, headers=headers, allow_redirects=False
        ) as answer:
            for name, morsel in answer.cookies.items():
                self.cookies[name] = morsel.value
            return Answer(answer.status, answer.headers.get("Location"), await answer.text())


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    location: str | None
    text: str

    def form(self, action: str) -> dict[str, str]:
        """The hidden fields of a form of this page."""
        found = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', self.text, re.S)
        assert found, f"no form for {action}"
        return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', found[0]))
