"""Matrix's client-server API, as far as we call it, and its errors as ours.

https://spec.matrix.org/v1.18/client-server-api/
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp

from adapters.kit.http import Denied, Http, object_of
from approvals.model import Busy
from approvals.port import Line

log = logging.getLogger("countersign.matrix")
# Our token, or our account: nobody who taps can be blamed for it.
# https://spec.matrix.org/v1.18/client-server-api/#standard-error-response
OURS: Final = {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED"}


class Unheard(Busy):
    """A refusal (4xx), and not in a homeserver's words: of what stands before it, mostly."""


class Said(dict[str, Any]):
    """What a homeserver answered. Without what it must have it is not its own answer."""

    def __missing__(self, name: str) -> Any:
        raise Busy(f"matrix: an answer without {name}")


@dataclass(frozen=True, slots=True)
class Api:
    """`call` with one account's token. Two sessions: waiting for news holds up no card."""

    url: str
    token: str = field(repr=False)
    calls: Http = field(default_factory=Http, repr=False)
    _waits: Http = field(default_factory=Http, repr=False)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, object] | None = None,
        patience: float = 0,
    ) -> Any:
        """The JSON object of the answer. `query`: what is None in it is left out. `patience`:
        seconds that it may take to answer, if longer than usual. `Busy`, `Unheard`, `Denied`."""
        more: dict[str, Any] = {"headers": {"Authorization": f"Bearer {self.token}"}}
        if body is not None:
            more["json"] = body
        if patience:
            more["timeout"] = aiohttp.ClientTimeout(total=patience)
        given = urlencode({k: v for k, v in (query or {}).items() if v is not None})
        url = f"{self.url.rstrip('/')}/_matrix/client{path}" + (f"?{given}" if given else "")
        http = self._waits if patience else self.calls
        try:
            status, text = await http.ask(method, url, **more)
        except Busy as why:
            raise Busy(f"matrix: {why}", why.retry_after, scope=why.scope) from None
        said = object_of(text)
        if status == 200 and said is not None:
            return Said(said)
        code = said.get("errcode") if said else None
        if not isinstance(code, str):
            kind = Unheard if 400 <= status < 500 else Busy
            raise kind(f"matrix: {status}, and not a homeserver's own answer")
        if code in OURS:
            log.error(Line("platform_refused_app", why=code))
            raise Busy(f"matrix: {code}")
        raise Denied(f"matrix: {code}", code)

    async def close(self) -> None:
        """Give the connections back."""
        await self.calls.close()
        await self._waits.close()


def at(template: str, *ids: str) -> str:
    """A path with these ids in it, each as one segment."""
    return template.format(*(quote(one, safe="") for one in ids))
