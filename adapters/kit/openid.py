"""OpenID: a platform's signing keys, from the address in its own configuration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from approvals.model import Busy
from approvals.port import Inbound


def bearer(inbound: Inbound) -> str:
    """The bearer token of a delivery, or ""."""
    scheme, _, token = inbound.headers.get("authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


async def keys(get: Callable[[str], Awaitable[Any]], openid_url: str) -> Any:
    """The JWKS document. `get`: fetches a JSON object from a URL. `Busy`: it is on another host."""
    where = str((await get(openid_url)).get("jwks_uri"))
    if urlsplit(where)[:2] != urlsplit(openid_url)[:2]:
        raise Busy("its keys are on another host")
    return await get(where)
