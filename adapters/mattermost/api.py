"""Mattermost's REST API, as far as a bot needs it, with our errors:
https://developers.mattermost.com/api-documentation/"""

from __future__ import annotations

import logging
from typing import Any, Final

from pydantic_core import to_json

from adapters.kit.http import Denied, Http, object_of
from approvals.model import Busy
from approvals.port import Line

log = logging.getLogger("countersign.mattermost")
WITHOUT_ID: Final = ("/config/client?format=old", "/actions/dialogs/open")
"""What returns no object of its own."""


class Api:
    """One bot's connection to one server."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/") + "/api/v4"
        self._token = token
        self.http = Http(after="X-Ratelimit-Reset")
        self._me = ""

    async def me(self) -> str:
        """The id of our bot."""
        if not self._me:
            self._me = str((await self.call("GET", "/users/me"))["id"])
        return self._me

    async def call(self, method: str, path: str, body: Any = None, *, about: bool = False) -> Any:
        """What the route returns. `Busy`, `Denied`. `about`: a 403 is about whom or what is asked
        for, and not about our bot."""
        heads = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        sent = {} if body is None else {"data": to_json(body)}
        status, text = await self.http.ask(method, self._url + path, headers=heads, **sent)
        said = object_of(text)
        if said is None:
            raise Busy(f"mattermost: {method} {path}: {status}, not Mattermost's answer")
        bare = method == "DELETE" or path in WITHOUT_ID
        if status in (200, 201) and (bare or isinstance(said.get("id"), str)):
            return said
        # Every error is of this shape: https://developers.mattermost.com/api-documentation/#/errors
        code = said.get("id")
        if not isinstance(code, str) or said.get("status_code") != status:
            raise Busy(f"mattermost: {method} {path}: {status}, not Mattermost's answer")
        if status == 401 or (status == 403 and not about):
            # Our token, or what our bot may do: an operator mends that.
            log.error(Line("platform_refused_app", call=path, why=code))
            raise Busy(f"mattermost: {method} {path}: {code}")
        raise Denied(f"mattermost: {method} {path}: {code}", code)
