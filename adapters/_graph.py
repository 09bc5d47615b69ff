"""Meta's Graph API: how it proves what it delivers, and how it is called."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic_core import from_json

from adapters._http import FAULTS, Codes, Http
from approvals.channel import Inbound, Proven, Response
from approvals.model import Busy, Forged
from approvals.proof import check_hmac, check_secret

URL: Final = "https://graph.facebook.com/v23.0"
# https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
CODES: Final = Codes(
    outside="131047",
    busy="[124]|80007|130429|1310(00|16|48|56|57)|133004",
    ours="0|3|10|33|190|2..|368|1310(05|30|31|37|42|45)|1320(00|01|07|12|15|16)|133010|134011",
)


def authenticate(inbound: Inbound, app_secret: str, verify_token: str) -> Proven:
    """A delivery, or the handshake: then the claim `hello` is what Meta wants to see.

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


def changes(body: Any, kind: str) -> Iterator[tuple[str, Any]]:
    """Field and value of each change in a delivery about this kind of object.

    One of `_http.FAULTS`: it is none, or has none.
    """
    if body["object"] != kind or not body["entry"][0]["changes"]:
        raise ValueError("of another object, or empty")
    for entry in body["entry"]:
        for change in entry["changes"]:
            yield change["field"], change["value"]


def text(body: str) -> dict[str, Any]:
    """A WhatsApp message of text, without a preview of the links in it."""
    return {"type": "text", "text": {"preview_url": False, "body": body}}


def replies(header: str, body: str, footer: str, buttons: list[Any]) -> dict[str, Any]:
    """A WhatsApp message with reply buttons (`id` and `title`)."""
    told = {
        "type": "button",
        "header": {"type": "text", "text": header},
        "body": {"text": body},
        "footer": {"text": footer},
        "action": {"buttons": [{"type": "reply", "reply": button} for button in buttons]},
    }
    return {"type": "interactive", "interactive": told}


def template(name: str, language: str, values: list[str], ids: list[str]) -> dict[str, Any]:
    """An approved WhatsApp template, its variables filled, and what its quick replies send."""
    given = [{"type": "text", "text": value} for value in values]
    parts: list[dict[str, Any]] = [{"type": "body", "parameters": given}]
    for index, token in enumerate(ids):
        pressed = [{"type": "payload", "payload": token}]
        what = {"type": "button", "sub_type": "quick_reply", "index": str(index)}
        parts.append(what | {"parameters": pressed})
    named = {"name": name, "language": {"code": language}, "components": parts}
    return {"type": "template", "template": named}


async def call(
    http: Http, method: str, url: str, token: str, log: logging.Logger, **more: Any
) -> dict[str, Any]:
    """The answer, an object. `Busy`, `Refused`, `Outside`: what its error code means."""
    heads = {"Authorization": f"Bearer {token}"}
    status, said = await http.ask(method, url, headers=heads, **more)
    try:
        body: dict[str, Any] = from_json(said)
        error = body.get("error")
        # 100 is a wrong id of ours (its subcode is 33) or a wrong message.
        code = error and error.get("error_subcode" if error["code"] == 100 else "code")
    except FAULTS as why:
        raise Busy(f"{status}: {type(why).__name__}") from None
    if error:
        CODES.fail(status, code, log)
    return body
