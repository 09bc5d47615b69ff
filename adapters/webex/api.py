"""Webex's REST API, as far as a bot needs it, with our errors: https://developer.webex.com/docs/basics"""

from __future__ import annotations

import logging
import re
from typing import Any, Final

from pydantic_core import to_json

from adapters.kit.http import Denied, Http, object_of
from approvals.model import Busy
from approvals.port import Line, retry_after

log = logging.getLogger("countersign.webex")
ID: Final = re.compile("[A-Za-z0-9_=-]{8,300}")
"""How Webex writes an id; documented as opaque, so nothing is read out of one."""


def path(kind: str, id: str) -> str:
    """The path of one thing. `Denied`, as for what is not there: this is no id."""
    if not ID.fullmatch(id):
        raise Denied(f"webex: {kind}: not an id", 404)
    return f"{kind}/{id}"


class Api:
    """One bot's connection."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url.rstrip("/"), token
        self.http = Http()
        self._me = ""

    async def me(self) -> str:
        """The id of our bot."""
        if not self._me:
            id = (await self.call("GET", "people/me")).get("id")
            if not isinstance(id, str):  # kept, it would turn every tap away
                raise Busy("webex: GET people: it does not say who we are")
            self._me = id
        return self._me

    async def call(self, method: str, where: str, body: Any = None) -> Any:
        """What the route returns, an object. `Busy`, `Denied`."""
        heads = {"Authorization": f"Bearer {self._token}"}
        more: dict[str, Any] = {}
        if body is not None:
            heads["Content-Type"] = "application/json; charset=utf-8"
            more["data"] = to_json(body)
        url = f"{self._url}/{where}"
        status, text = await self.http.ask(method, url, headers=heads, **more)
        if status == 204:
            return {}
        said = object_of(text)
        what = f"webex: {method} {where.partition('/')[0].partition('?')[0]}: {status}"
        if said is None or 300 <= status < 400:  # a proxy, or a portal
            raise Busy(f"{what}, not Webex's answer")
        if status < 300:
            return said
        # Webex's support asks for the tracking id, which each of its refusals has; its words may
        # hold what a person wrote.
        tracking = re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", str(said.get("trackingId", "")))
        if tracking is None:
            raise Busy(f"{what}, not Webex's answer")
        why = f"{what} {tracking[0]}"
        if status == 401:  # our token: an operator mends that
            log.error(Line("platform_refused_app", why=why))
            raise Busy(why)
        if status == 423:  # "temporarily unavailable": https://developer.webex.com/docs/basics
            raise Busy(why, retry_after(self.http.heads.get("Retry-After")))
        raise Denied(why, status)
