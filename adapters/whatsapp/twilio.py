"""Twilio: how it proves what it delivers, and its SDK, with a timeout and with our errors."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import aiohttp
from pydantic_core import to_json

from adapters.kit.http import FAULTS, Codes, Http, exact
from adapters.whatsapp.news import ACCOUNT, Fared, News, Wrote
from approvals.model import Busy, Forged
from approvals.port import Inbound

URL: Final = "https://api.twilio.com"
# https://www.twilio.com/docs/api/errors
CODES: Final = Codes(
    outside="63016",
    busy="20429|63018",
    ours="2000[35]|20404|21212|2160[36]|2165[56]|63007|6302[78]|63112",
)


OWN: Final = 10_000
"""Twilio's codes begin here. The SDK puts the status where there is none: a proxy's answer."""
SID: Final = "(?:SM|MM)[0-9a-f]{32}"
"""A message's id."""


def pairs(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form. `ValueError`: it is none."""
    text = body.decode("ascii")
    return parse_qsl(text, True, True, errors="strict", max_num_fields=256)


def check_signed(inbound: Inbound, url: str, auth_token: str, shared_key: str) -> None:
    """`Forged` unless it is a form that Twilio signed for `url`, which is ours as Twilio has it.

    The signature is over the address and the fields, without bounds between a name and its value:
    so each name once, and whoever reads it takes values of exact shape only. Of a body that is no
    form nothing would be signed. With a `shared_key`, its SHA-256 is all that counts: which
    algorithm a secret has, no header says. https://www.twilio.com/docs/usage/security
    """
    from twilio.request_validator import RequestValidator  # noqa: PLC0415 - imported where the channel is on

    kind = inbound.headers.get("content-type", "").partition(";")[0].strip().lower()
    proof = inbound.headers.get("x-twilio-signature")
    try:
        given = pairs(inbound.body)
        form = dict(given)
        if not form or len(form) < len(given) or inbound.query or not proof:
            raise Forged("not signed, no form, or a field twice")
        check = RequestValidator(shared_key or auth_token).validate
        good = check(url, form, proof, "HMAC_SHA256" if shared_key else "HMAC_SHA1")
    except FAULTS as error:
        raise Forged("not as Twilio sends it") from error
    if kind != "application/x-www-form-urlencoded" or not good:
        raise Forged("the signature is not Twilio's")


def news(form: Mapping[str, str], account_sid: str, sender: str, now: int) -> News:
    """What a form says that is about our account and our WhatsApp number. One of `_http.FAULTS`:
    nothing that is known. https://www.twilio.com/docs/messaging/guides/webhook-request"""
    if form["AccountSid"] != account_sid:
        raise ValueError("of another account")
    told = "MessageStatus" in form
    ids = (exact(rf"whatsapp:\+?({ACCOUNT})", form["To" if told else "From"]),)
    if told:
        codes = frozenset({form.get("ErrorCode", "")} - {""})
        return Fared(ids, form.get("MessageSid", ""), codes)
    if form["To"] != address(sender):
        raise ValueError("to another number")
    event = exact(f"({SID})", form["MessageSid"])
    card = exact(f"({SID})?", form.get("OriginalRepliedMessageSid", "")) or None
    # What a button says, and what stands under a picture, is in `Body` too.
    typed = form.get("MessageType", "text") == "text" and form.get("NumMedia", "0") == "0"
    token, text = form.get("ButtonPayload", ""), form.get("Body") if typed else None
    return Wrote(ids, now, event, True, card, token, None if token else text)


def client(http: Http, account_sid: str, auth_token: str, url: str, log: logging.Logger) -> Any:
    """The SDK's client, over `http`: its own keeps no timeout, and its errors no headers."""
    from twilio.http import async_http_client, response  # noqa: PLC0415 - imported where the channel is on
    from twilio.rest import Client  # noqa: PLC0415 - as above

    proof = {"Authorization": aiohttp.encode_basic_auth(account_sid, auth_token)}

    class Over(async_http_client.AsyncTwilioHttpClient):  # type: ignore[misc] # the SDK is untyped
        async def request(self, method: str, url: str, *given: Any, **more: Any) -> Any:
            sent = {"params": more["params"], "data": more["data"]}
            heads = more["headers"] | proof
            return response.Response(*await http.ask(method, url, headers=heads, **sent))

    over = Over(pool_connections=False, logger=log)
    made: Any = Client(account_sid, auth_token, http_client=over)
    made.api.base_url = url
    return made


def address(account: str) -> str:
    """Where a WhatsApp account is: `whatsapp:+15551234567`."""
    bare = account.removeprefix("whatsapp:").removeprefix("+")
    return f"whatsapp:+{bare}" if bare.isdigit() else f"whatsapp:{bare}"


def content(sid: str | None, values: list[str]) -> dict[str, Any] | None:
    """A content of that SID, its variables filled in their order; None: there is none."""
    numbered = {str(number): value for number, value in enumerate(values, 1)}
    return {"content_sid": sid, "content_variables": numbered} if sid else None


async def send(made: Any, to: str, message: dict[str, Any], log: logging.Logger) -> str:
    """Send it with the SDK's client; the message's id."""
    if values := message.get("content_variables"):
        message = message | {"content_variables": to_json(values).decode()}
    sent = await answered(made.messages.create_async(to, **message), log)
    if not re.fullmatch(SID, sent.sid):
        raise ValueError("no id of a message")
    return str(sent.sid)


async def answered(call: Awaitable[Any], log: logging.Logger) -> Any:
    """What the SDK returns. `Busy`, `Refused`, `Outside`: what its error means."""
    from twilio.base.exceptions import TwilioException  # noqa: PLC0415 - imported where the channel is on

    try:
        return await call
    except (TwilioException, *FAULTS) as error:
        status, code = getattr(error, "status", 500), getattr(error, "code", None)
        if not isinstance(code, int) or code < OWN:
            raise Busy(f"{status}, and no code of Twilio's") from None
        CODES.fail(status, code, log)
