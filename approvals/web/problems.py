"""Errors as RFC 9457 problem documents, with a `type` that is stable and meant for programs."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import web

from approvals.web import schemas

UNKNOWN: Final = (
    "The database does not answer. It is not known whether this was stored. "
    "Look again before you repeat it."
)
UNCHANGED: Final = "The database does not answer. Nothing was changed."


def away(method: str) -> str:
    """What to say when the database was away: a commit may have happened, a look changes none."""
    return UNCHANGED if method in ("GET", "HEAD") else UNKNOWN


class Problem(Exception):
    """Raise it anywhere under the API; the middleware answers with the document.

    `slug`: the stable `type`. `detail`: what is wrong, where, and what to do next.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.headers = headers or {}
        self.more = more

    def response(self) -> web.Response:
        document: schemas.Problem = {
            "type": self.slug,
            "title": self.slug.replace("_", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
        }
        return web.Response(
            status=self.status,
            body=json.dumps({**document, **self.more}).encode(),
            content_type="application/problem+json",
            headers=self.headers,
        )
