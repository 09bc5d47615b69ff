"""BlueBubbles: a server on your own Mac, which sends and reads through the Messages app.

Its webhooks are signed by nobody, and tried once. So the address holds a secret of ours, and
nothing but a message's id is taken from one: the message is fetched from the server.
https://docs.bluebubbles.app/server/developer-guides/rest-api-and-webhooks
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

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
from approvals.model import Busy, Forged, Malformed, Refused, Scope
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
from approvals.proof import check_secret

GUID: Final = "[0-9A-Za-z-]{1,64}"
NEW: Final = "new-message"
FAILED: Final = "Messages could not send it (error {})"
# Of Messages' own numbers (`FZErrorType` of IMFoundation) those that are about the recipient: 22
# where there is no iMessage (https://github.com/BlueBubblesApp/bluebubbles-app/issues/486). The
# others are of the network, of Apple's servers or of the Mac's own account, and pass.
THEIRS: Final = (21, 22, 23, 24)
QUEUED: Final = "already queued"
"""In the words of a 400 where an earlier try with the same `tempGuid` is still under way."""
CODES: Final = Codes()


def words(text: str) -> Payload:
    """A text bubble, through AppleScript, which needs nothing installed in Messages."""
    return {"message": text, "method": "apple-script"}


@dataclass(frozen=True, slots=True)
class BlueBubbles:
    """`url`: of the server; `password`: its, which goes into every address that is called."""

    url: str
    password: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    account: ClassVar[str] = HANDLE
    _http: Http = field(
        default_factory=lambda: Http(read=frozenset({500})),
        init=False,
        repr=False,
        compare=False,
    )

    def authenticate(self, inbound: Inbound) -> Proven:
        try:
            asked = dict(parse_qsl(inbound.query, max_num_fields=10))
        except ValueError as error:
            raise Forged("bluebubbles: not the address that was entered") from error
        check_secret(self.webhook_secret, asked.get("secret"))
        return Proven(inbound)

    async def resolve(self, proven: Proven) -> Resolved:
        told: Any = parsed(proven.inbound.body)
        try:
            if told["type"] != NEW or told["data"].get("isFromMe") is True:
                return Resolved.of(proven)
            guid = exact(f"({GUID})", told["data"]["guid"])
        except FAULTS as error:
            raise Malformed(f"bluebubbles: {type(error).__name__}") from None
        try:
            found = await self._call("GET", f"/message/{guid}", params={"with": "chats"})
        except Refused as why:
            raise Forged(f"bluebubbles: the server knows no such message: {why}") from None
        return Resolved.of(proven, guid=guid, message=its_own(lambda: found["data"]))

    def read(self, resolved: Resolved) -> Event:
        if "message" not in resolved.claims:
            return Ignored("another event, or our own message")
        message: Any = resolved.claims["message"]
        if message["guid"] != resolved.claims["guid"]:
            raise ValueError("another message than was asked for")
        # Whoever sends an SMS can write any number into it.
        if message["isFromMe"] is not False or message["handle"]["service"] != "iMessage":
            return Ignored("our own, or not through iMessage")
        # A private chat's GUID has `;-;` in it, a group's `;+;`; macOS 26 begins it with `any`:
        # https://github.com/BlueBubblesApp/bluebubbles-server/issues/777
        chats = [text_of(one["guid"]) for one in message["chats"]]
        if len(chats) != 1 or ";-;" not in chats[0]:
            return Ignored("in a group")
        if message.get("associatedMessageGuid") or message.get("itemType"):
            return Ignored("a reaction, or news of the chat")
        if message["text"] is None:
            return Ignored("no words")
        account, text = handle(message["handle"]["address"]), text_of(message["text"])
        return Reply(NAME, message["guid"], account, account, text, reply_to={"to": account})

    async def send(self, account: str, message: Payload, key: str) -> str:
        # `iMessage` and never `any` or `SMS`: what is written here may not leave as an SMS.
        body = {**message, "chatGuid": f"iMessage;-;{account}", "tempGuid": key}
        sent = await self._call("POST", "/message/text", json=body)
        return its_own(lambda: exact(f"({GUID})", sent["data"]["guid"]))

    async def check(self) -> list[Finding]:
        try:
            await self._call("GET", "/ping")
            clock = self._http.clock()
            told = (await self._call("GET", "/webhook"))["data"]
            hooked = any({"*", NEW} & {*one["events"]} for one in told)
        except (Busy, Refused, *FAULTS) as why:
            return [Finding("access", False, str(why))]
        what = "delivers new messages" if hooked else f"none for {NEW}: add ours in API & Webhooks"
        return [Finding("access", True, "it answers"), Finding("webhook", hooked, what), clock]

    async def close(self) -> None:
        await self._http.close()

    async def _call(self, method: str, path: str, **more: Any) -> Any:
        url = f"{self.url.rstrip('/')}/api/v1{path}"
        more["params"] = {"password": self.password, **more.get("params", {})}
        status, text = await self._http.ask(method, url, **more)
        said: Any = answered(text)
        if status >= 300:
            why = its_own(lambda: text_of(said["error"]["message"]))
            data = said.get("data")
            if status == 500 and isinstance(data, dict) and data.get("error"):
                failed = FAILED.format(str(data["error"])[:20])
                if data["error"] in THEIRS:
                    raise Refused(failed)
                raise Busy(failed, scope=Scope.CONVERSATION)
            if status == 400 and QUEUED in why:
                raise Busy("an earlier try is still under way")
            CODES.fail(status, status, log)
        return said
