"""Meta's Graph API for WhatsApp, Messenger and Instagram: its version, how its deliveries are
proven, and how it is called."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic_core import from_json

from adapters.kit.http import FAULTS, Codes, Http
from approvals.model import Busy, Forged
from approvals.port import Inbound, Proven, Response, reason
from approvals.proof import check_hmac, check_secret

VERSION: Final = "v26.0"
"""The newest with a published number, of 29 July 2026. A version lives for two years, and a call
that names a dead one is answered by the oldest that lives:
https://developers.facebook.com/docs/graph-api/changelog/versions"""
FACEBOOK: Final = f"https://graph.facebook.com/{VERSION}"
INSTAGRAM: Final = f"https://graph.instagram.com/{VERSION}"


def authenticate(inbound: Inbound, app_secret: str, verify_token: str) -> Proven:
    """A delivery, or the handshake: then the claim `hello` is the answer that Meta expects.

    https://developers.facebook.com/docs/graph-api/webhooks/getting-started
    """
    if inbound.method != "GET":
        proof = inbound.headers.get("x-hub-signature-256")
        check_hmac(app_secret.encode(), inbound.body, proof, prefix="sha256=")
        return Proven(inbound)
    try:
        asked = dict(parse_qsl(inbound.query, max_num_fields=10))
        check_secret(verify_token, asked.get("hub.verify_token"))
        if asked["hub.mode"] == "subscribe" and asked["hub.challenge"].isalnum():
            said = Response(body=asked["hub.challenge"].encode(), content_type="text/plain")
            return Proven(inbound, {"hello": said})
    except FAULTS as error:
        raise Forged("not a handshake of Meta's") from error
    raise Forged("no subscription")


def entries(body: Any, kind: str) -> Iterator[Any]:
    """A delivery's entries about this kind of object. One of `http.FAULTS`: there are none."""
    if body["object"] != kind or not body["entry"]:
        raise ValueError("of another object, or empty")
    yield from body["entry"]


async def call(
    http: Http, method: str, url: str, token: str, codes: Codes, log: logging.Logger, **more: Any
) -> dict[str, Any]:
    """The answer, an object. `Busy`, `Refused`, `Outside`: what its error code means.

    https://developers.facebook.com/docs/graph-api/guides/error-handling
    """
    heads = {"Authorization": f"Bearer {token}"}
    status, said = await http.ask(method, url, headers=heads, **more)
    try:
        body: dict[str, Any] = from_json(said)
        error = body.get("error")
        code, sub = (error["code"], error.get("error_subcode", "")) if error else ("", "")
    except FAULTS as why:
        raise Busy(f"{status}: {reason(why)}") from None
    if error:
        codes.fail(status, code, log, str(sub))
    return body
