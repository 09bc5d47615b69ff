"""Photon Spectrum: signed webhooks in, and Photon's HTTP bridge to its iMessage lines out.

https://photon.codes/docs/webhooks/events and /verifying-signatures; what is sent, as the package
@photon-ai/advanced-imessage 2.2.0 has it (proto/photon/imessage/v1/message_service.proto). Photon
hosts the lines behind gRPC only: the bridge, imessage-server-v2-http, is run by its user.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import aiohttp

from adapters.imessage.provider import (
    HANDLE,
    NAME,
    answered,
    handle,
    its_own,
    log,
    parsed,
    text_of,
)
from adapters.kit.http import FAULTS, Codes, Http, exact
from adapters.kit.token import Token
from approvals.model import MINUTE, Busy, Refused, Scope
from approvals.port import (
    Event,
    Finding,
    Ignored,
    Inbound,
    Payload,
    Proven,
    Reply,
    Resolved,
)
from approvals.proof import check_fresh, check_hmac

WINDOW: Final = 5 * MINUTE
"""https://photon.codes/docs/webhooks/verifying-signatures#3-reject-stale-timestamps"""
# Opaque (https://photon.codes/docs/webhooks/events#idempotency-the-message-id-rule).
ID: Final = r"[\w:/;.+-]{1,200}"
# `errorCode` of the bridge: https://photon.codes/docs/advanced-kits/imessage/error-handling
CODES: Final = Codes(
    busy="serviceUnavailable|timeout|internalError|databaseError|networkError|.*Exceeded",
    ours="unauthenticated|tokenExpired|tokenBlocked|unauthorized|privateApiUnavailable",
)
# What holds back one recipient only.
RECIPIENT: Final = "recipient(?:CoolingDown|Locked|LimitExceeded)"
DUPLICATE: Final = "duplicateMessage"
"""An earlier try with this `clientMessageId`, whose answer was lost, got through."""
USED: Final = 0.8
"""How much of its time a token is used for."""


def words(text: str) -> Payload:
    """A text bubble. No preview of a link: it would be fetched by the line's Mac."""
    return {"text": text, "enableDataDetection": False, "enableLinkPreview": False}


@dataclass(frozen=True, slots=True)
class Photon:
    """`url`: of the bridge; `line`: our number, where the project has several; `api_url`: of
    Spectrum, which gives out the tokens."""

    project_id: str
    project_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    url: str
    line: str
    api_url: str
    account: ClassVar[str] = HANDLE
    _http: Http = field(
        default_factory=lambda: Http(narrow=f'"{RECIPIENT}"'),
        init=False,
        repr=False,
        compare=False,
    )
    _token: Token[dict[str, str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_token", Token(self._issued))

    def authenticate(self, inbound: Inbound) -> Proven:
        when = inbound.headers.get("x-spectrum-timestamp")
        check_fresh(when, inbound.at, WINDOW)
        signed = b"v0:%b:%b" % ((when or "").encode(), inbound.body)
        proof = inbound.headers.get("x-spectrum-signature")
        check_hmac(self.webhook_secret.encode(), signed, proof, prefix="v0=")
        return Proven(inbound)

    async def resolve(self, proven: Proven) -> Resolved:
        return Resolved.of(proven)

    def read(self, resolved: Resolved) -> Event:
        # A Fusor delivery bears the same signature and is no JSON: `schemaVersion` raw-inbound.v1.
        told: Any = parsed(resolved.inbound.body)
        if told["event"] != "messages":
            return Ignored("another event")
        message = told["message"]
        if message["direction"] != "inbound" or message["platform"].lower() != "imessage":
            return Ignored("our own, or of another platform")
        if message["space"]["type"] != "dm":
            return Ignored("in a group")
        account, event = handle(message["sender"]["id"]), exact(f"({ID})", message["id"])
        said = message["content"]
        if said["type"] != "text":  # a reaction can be taken back, and proves nothing
            return Ignored("no words")
        text = text_of(said["text"])
        return Reply(NAME, event, account, account, text, reply_to={"to": account})

    async def send(self, account: str, message: Payload, key: str) -> str:
        body = {**message, "chatGuid": f"any;-;{account}", "clientMessageId": key}
        try:
            sent = await self._call("POST", "/v1/messages:sendText", json=body)
        except Refused as why:
            if str(why) != DUPLICATE:
                raise
            return key
        return its_own(lambda: exact(f"({ID})", sent["message"]["guid"]))

    async def check(self) -> list[Finding]:
        try:
            await self._token.get()
            clock = self._http.clock()
        except (Busy, Refused) as why:
            return [Finding("access", False, str(why))]
        findings = [Finding("access", True, "active"), clock]
        try:
            counted = await self._call("GET", "/v1/chats:count")
            its_own(lambda: counted["count"])
        except (Busy, Refused) as why:
            return [*findings, Finding("bridge", False, str(why))]
        return [*findings, Finding("bridge", True, "it answers")]

    async def close(self) -> None:
        await self._http.close()

    async def _call(self, method: str, path: str, **more: Any) -> Any:
        url = f"{self.url.rstrip('/')}{path}"
        for _ in range(2):
            heads = await self._token.get()
            status, text = await self._http.ask(method, url, headers=heads, **more)
            if status != 401:
                break
            self._token.forget(heads)  # once more, with a new one
        said: Any = answered(text)
        if status >= 300:
            code = its_own(lambda: text_of(said.get("errorCode") or said["code"]))
            if re.fullmatch(RECIPIENT, code):
                raise Busy(code, scope=Scope.CONVERSATION)
            CODES.fail(status, code, log)
        return said

    async def _issued(self) -> tuple[dict[str, str], float]:
        proof = aiohttp.encode_basic_auth(self.project_id, self.project_secret)
        status, text = await self._http.ask(
            "POST",
            f"{self.api_url.rstrip('/')}/projects/{self.project_id}/imessage/tokens",
            headers={"Authorization": proof},
        )
        if status >= 300:
            CODES.fail(status, "unauthenticated", log)
        try:
            told: Any = answered(text)
            return self._line(told["data"]), float(told["data"]["expiresIn"]) * USED
        except FAULTS:
            raise Busy("photon: no token for this line in the answer") from None

    def _line(self, data: Any) -> dict[str, str]:
        """The headers of a call: of the project's shared line, or of one of its own."""
        if data["type"] == "shared":
            return {"Authorization": f"Bearer {text_of(data['token'])}"}
        numbers = data["numbers"]
        (server,) = [x for x in data["auth"] if not self.line or numbers.get(x) == self.line][:1]
        token = text_of(data["auth"][server])
        return {"Authorization": f"Bearer {token}", "x-photon-server": server}
