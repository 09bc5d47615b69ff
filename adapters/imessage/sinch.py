"""Apple Messages for Business through Sinch's Conversation API, one of Apple's providers (MSPs).

The card is a text bubble, and a choice message below it, which Messages shows as quick replies. A
choice comes back with our token and with the id of the message that it was made on.
https://developers.sinch.com/docs/conversation/channel-support/apple-messages-for-business/
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import aiohttp

from adapters.imessage.provider import NAME, Buttons, answered, its_own, log, parsed, text_of
from adapters.kit.http import FAULTS, Codes, Http, exact
from adapters.kit.token import Token
from approvals.model import MINUTE, Busy, Forged, Refused
from approvals.port import (
    Event,
    Finding,
    Ignored,
    Inbound,
    Line,
    Lost,
    Payload,
    Proven,
    Reply,
    Resolved,
    Tap,
    is_token,
)
from approvals.proof import check_fresh, check_secret

CHANNEL: Final = "APPLEBC"
# https://developers.sinch.com/docs/conversation/callbacks/#validating-callbacks leaves the window
# to us; five minutes is what other platforms name.
WINDOW: Final = 5 * MINUTE
ID: Final = "[0-9A-Za-z_-]{1,64}"
"""An id of a message: a ULID today."""
# An opaque id for one business, like urn:mbid:AQAAY5e…=; digits in Sinch's own example.
ACCOUNT: Final = r"[A-Za-z0-9:/+=._-]{6,400}"
# The names of google.rpc.Code in `error.status`.
CODES: Final = Codes(
    busy="RESOURCE_EXHAUSTED|UNAVAILABLE|ABORTED|DEADLINE_EXCEEDED|INTERNAL",
    # A recipient is written as an identity, so what is not found is our app: another region's.
    ours="UNAUTHENTICATED|PERMISSION_DENIED|FAILED_PRECONDITION|NOT_FOUND",
)
# How few quick replies Apple takes, no page says that we could read; each example has two.
LATER: Final = {"text_message": {"text": "Later"}, "postback_data": "later"}
EARLY: Final = 60.0
"""Seconds before a token ends after which it is not used any more."""


def signature(secret: str, body: bytes, nonce: str, timestamp: str) -> str:
    """What a callback is signed with, or "" without a secret."""
    if not secret:
        return ""
    signed = b".".join((body, *(x.encode(errors="surrogatepass") for x in (nonce, timestamp))))
    return b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()


def words(text: str) -> Payload:
    """A text bubble."""
    return {"text_message": {"text": text}}


def choice(question: str, buttons: Buttons) -> Payload:
    """Quick replies."""
    choices: list[Payload] = [
        {"text_message": {"text": text}, "postback_data": data} for text, data in buttons
    ]
    if len(choices) == 1:
        choices.append(LATER)
    return {"choice_message": {"text_message": {"text": question}, "choices": choices}}


@dataclass(frozen=True, slots=True)
class Sinch:
    """`api_url`: of the region in which the app was made; `auth_url`: where tokens come from."""

    project_id: str
    app_id: str
    key_id: str
    key_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    api_url: str
    auth_url: str
    account: ClassVar[str] = ACCOUNT
    _http: Http = field(default_factory=Http, init=False, repr=False, compare=False)
    _token: Token[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_token", Token(self._issued))

    def authenticate(self, inbound: Inbound) -> Proven:
        # https://developers.sinch.com/docs/conversation/callbacks/#validating-callbacks
        heads, name = inbound.headers, "x-sinch-webhook-signature"
        when, nonce = heads.get(f"{name}-timestamp"), heads.get(f"{name}-nonce", "")
        check_fresh(when, inbound.at, WINDOW)
        if not nonce:
            raise Forged("sinch: no nonce")
        expected = signature(self.webhook_secret, inbound.body, nonce, when or "")
        check_secret(expected, heads.get(name))
        return Proven(inbound)

    async def resolve(self, proven: Proven) -> Resolved:
        return Resolved.of(proven)

    def read(self, resolved: Resolved) -> Event:
        told: Any = parsed(resolved.inbound.body)
        if (told["project_id"], told["app_id"]) != (self.project_id, self.app_id):
            raise ValueError("of another app")
        if report := told.get("message_delivery_report"):
            return _fared(report)
        message = told.get("message")
        if message is None:
            return Ignored("a callback about something else")
        whose = message["channel_identity"]
        if whose["channel"] != CHANNEL or message["direction"] != "TO_APP":
            return Ignored("of another channel, or our own")
        if message.get("injected"):  # put there through the API: nobody wrote it
            return Ignored("not from the person")
        account, event = exact(f"({ACCOUNT})", whose["identity"]), exact(f"({ID})", message["id"])
        said, reply_to = message["contact_message"], {"to": account}
        if answer := said.get("choice_response_message"):
            token, card = text_of(answer["postback_data"]), exact(f"({ID})", answer["message_id"])
            if not is_token(token):
                return Ignored("no button of ours")
            return Tap(
                channel=NAME,
                event=event,
                account=account,
                conversation=account,
                message=card,
                token=token,
                reply_to=reply_to,
            )
        if "text_message" in said:
            text = text_of(said["text_message"]["text"])
            return Reply(NAME, event, account, account, text, reply_to=reply_to)
        return Ignored("neither words nor a choice")

    async def send(self, account: str, message: Payload, key: str) -> str:
        whose = {"channel": CHANNEL, "identity": account}
        body = {
            "app_id": self.app_id,
            "recipient": {"identified_by": {"channel_identities": [whose]}},
            "channel_priority_order": [CHANNEL],
            "message": message,
            # Comes back in the report: https://developers.sinch.com/docs/conversation/metadata
            "message_metadata": key,
        }
        sent = await self._call("POST", "/messages:send", json=body)
        return its_own(lambda: exact(f"({ID})", sent["message_id"]))

    async def check(self) -> list[Finding]:
        try:
            app = await self._call("GET", f"/apps/{self.app_id}")
            given = app.get("channel_credentials") or ()
            found = [one for one in given if one.get("channel") == CHANNEL]
        except (Busy, Refused, *FAULTS) as why:
            return [Finding("access", False, str(why))]
        clock = self._http.clock()
        state = found[0].get("state", {}).get("status", "not said") if found else "not set up"
        apple = Finding("Apple Messages for Business", state == "ACTIVE", state)
        return [Finding("access", True, "active"), apple, clock]

    async def close(self) -> None:
        await self._http.close()

    async def _call(self, method: str, path: str, **more: Any) -> Any:
        url = f"{self.api_url.rstrip('/')}/v1/projects/{self.project_id}{path}"
        for _ in range(2):
            token = await self._token.get()
            heads = {"Authorization": f"Bearer {token}"}
            status, text = await self._http.ask(method, url, headers=heads, **more)
            if status != 401:
                break
            self._token.forget(token)  # it ended early, or was revoked: once more, with a new one
        said: Any = answered(text)
        if status >= 300:
            CODES.fail(status, its_own(lambda: text_of(said["error"]["status"])), log)
        return said

    async def _issued(self) -> tuple[str, float]:
        # https://developers.sinch.com/docs/conversation/api-reference/ (OAuth 2.0); an hour each.
        status, text = await self._http.ask(
            "POST",
            f"{self.auth_url.rstrip('/')}/oauth2/token",
            headers={"Authorization": aiohttp.encode_basic_auth(self.key_id, self.key_secret)},
            data={"grant_type": "client_credentials"},
        )
        if status >= 300:
            CODES.fail(status, "UNAUTHENTICATED", log)
        try:
            told: Any = answered(text)
            return text_of(told["access_token"]), float(told["expires_in"]) - EARLY
        except FAULTS:
            raise Busy("sinch: no token in the answer") from None


def _fared(report: Any) -> Event:
    """What became of a message: https://developers.sinch.com/docs/conversation/callbacks/"""
    whose = report["channel_identity"]
    if whose["channel"] != CHANNEL or report["status"] != "FAILED":
        return Ignored("how a message fared")
    reason = report.get("reason") or {}
    log.warning(Line("message_not_delivered", why=str(reason.get("code"))[:60]))
    account = exact(f"({ACCOUNT})", whose["identity"])
    # Without its bubble a question says too little to be answered: the whole card is lost.
    part = re.fullmatch("(crd_[0-9A-Z]{26})-[01]", report.get("metadata") or "")
    message = exact(f"({ID})", report["message_id"])
    return Lost(NAME, account, message, card=part[1] if part else "")
