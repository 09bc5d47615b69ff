"""The Bot Connector and Microsoft Entra as a bot speaks to them: its token, the keys of those who
speak to it, one session, no redirects, and whose fault a refusal is."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from functools import partial
from html import unescape
from typing import Any, Final
from urllib.parse import quote, urlsplit

from pydantic_core import to_json
from yarl import URL

from adapters.kit.http import ERRORS, FAULTS, Http, object_of
from adapters.kit.openid import keys
from adapters.kit.token import Token
from approvals.model import Busy, Refused
from approvals.port import Line, retry_after

log = logging.getLogger("countersign.teams")
SCOPE: Final = "https://api.botframework.com/.default"
OPENID: Final = "https://login.botframework.com/v1/.well-known/openidconfiguration"
# Of all regions; a tenant's own comes with every activity. "Well known", says its maker:
# https://github.com/microsoft/BotFramework-Services/issues/342 (2022-07-15)
SERVICE: Final = "https://smba.trafficmanager.net/teams/"
# A person who blocked the bot or took it away. Every other 403 is for an operator to mend:
# https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/send-proactive-messages
THEIRS: Final = "MessageWritesBlocked"
OURS: Final = re.compile(r"tenant ?id|BotNotInConversationRoster", re.IGNORECASE)
PATIENCE = 10.0
"""Seconds for a call, all in all."""
HOUR: Final = 3600.0
MARKUP: Final = re.compile(r"<[^<>]*>")
# What clients put for a blank, or between two letters.
SPACES: Final = {0xA0: " ", 0x202F: " ", 0x200B: None, 0x2060: None, 0xFEFF: None}
LONGEST: Final = 4_000
"""Characters of what somebody wrote; nothing that we read (a code) is as long."""


class Connector:
    """`service`: where calls go."""

    def __init__(
        self, app_id: str, secret: str, tenant: str, service: str, login: str, openid: str
    ) -> None:
        self.service = self._configured = service
        self._form = {"grant_type": "client_credentials", "scope": SCOPE}
        self._form |= {"client_id": app_id, "client_secret": secret}
        self._sign_in = f"{login}{tenant}/oauth2/v2.0/token"
        self._openid = openid
        self._token, self.http = Token(self._signed_in), Http(read=ERRORS)
        self._ids: dict[tuple[str, str], tuple[str, float]] = {}

    def ours(self, url: str) -> bool:
        """May our token be sent there? To the configured service, and to Microsoft's own host."""
        known = (urlsplit(one)[:2] for one in (self._configured, SERVICE))
        return urlsplit(url)[:2] in known and "\\" not in url

    async def keys(self) -> Any:
        """Microsoft's keys, as a JWK set. `Busy`: none to be had."""
        return await keys(partial(self._fetch, "GET"), self._openid)

    async def token(self) -> str:
        """Our own, good for a while yet. `Busy`: we get none."""
        return await self._token.get()

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the service; its answer, an object. `Busy`, or `Refused`: it never will.

        All of it, waiting for a token too, within `PATIENCE`: calls that queue for a sign-in that
        hangs would outlive the lease of what they send.
        """
        data = None if body is None else to_json(body)
        url = f"{self.service.rstrip('/')}/{path}"
        try:
            async with asyncio.timeout(PATIENCE):
                head = {"Content-Type": "application/json"}
                head["Authorization"] = f"Bearer {await self.token()}"
                return await self._fetch(method, url, data=data, headers=head)
        except TimeoutError:
            raise Busy(f"teams: {method}: no answer within {PATIENCE:.0f} s") from None

    async def send(self, conversation: str, activity: Mapping[str, Any], instead: str = "") -> str:
        """Send an activity, or put it in place of another; its id."""
        from botbuilder.schema import Activity  # noqa: PLC0415 - imported where the channel is on

        path = f"v3/conversations/{quote(conversation, '')}/activities"
        method, path = ("PUT", f"{path}/{quote(instead, '')}") if instead else ("POST", path)
        sent = await self.call(method, path, Activity.from_dict(activity).serialize())
        if not isinstance(known := sent.get("id"), str) or not known:
            raise Busy("teams: it does not say that it took the activity")
        return instead or known

    async def say(self, conversation: str, text: str) -> None:
        """Send a text, in which nothing is read as markup."""
        said = {"type": "message", "text": text, "text_format": "plain"}
        await self.send(conversation, said)

    async def member(self, conversation: str, account: str) -> Any:
        """A member of a conversation, by the object id. `Refused`: there is none."""
        path = f"v3/conversations/{quote(conversation, '')}/members/{quote(account, '')}"
        return await self.call("GET", path)

    async def id_of(self, conversation: str, account: str) -> str:
        """What clients there call this account (`29:…`), known for an hour; "": it is not there."""
        known, until = self._ids.get((conversation, account), ("", 0.0))
        if time.monotonic() >= until:
            try:
                known = str((await self.member(conversation, account)).get("id", ""))
            except Refused:
                known = ""
            self._ids[conversation, account] = (known, time.monotonic() + HOUR)
        return known

    async def close(self) -> None:
        """Give the connections back, and forget."""
        await self.http.close()
        self._token.forget()
        self.service = self._configured
        self._ids.clear()

    async def _signed_in(self) -> tuple[str, float]:
        try:
            got = await self._fetch("POST", self._sign_in, data=self._form)
            return str(got["access_token"]), float(got["expires_in"]) - 300
        except (Refused, *FAULTS) as why:
            log.error(Line("app_token_not_issued", why=why))
            raise Busy("teams: we get no token") from None

    async def _fetch(self, method: str, url: str, **more: Any) -> Any:
        where = URL(url, encoded=True)
        what = f"teams: {method} {where.host}"
        try:
            status, text = await self.http.ask(method, where, **more)
        except Busy as why:
            raise Busy(f"{what}: {why}", why.retry_after) from None
        if status < 300:
            if (got := object_of(text or "{}")) is None:
                raise Busy(f"{what}: {status}, not Microsoft's answer")
            return got
        code = _code(text, oauth=url == self._sign_in)
        said = f"{what}: {status} {code}".strip()
        if status == 401:
            self._token.forget()
        ours = status == 401 or (status == 403 and THEIRS not in text) or OURS.search(text)
        if ours:
            log.error(Line("platform_refused_app", why=said))
        # https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit
        # Without a code it is not Teams that refuses: a proxy, a portal.
        if ours or not code or status == 412 or status >= 500 or status < 400:
            raise Busy(said, retry_after(self.http.heads.get("Retry-After")))
        raise Refused(said)


def _code(text: str, *, oauth: bool) -> str:
    """The error code of the Connector, or of Entra's sign-in (`oauth`); "": a proxy answered.
    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#error-response
    https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#error-object
    """
    error = (object_of(text) or {}).get("error")
    code = error if oauth else error.get("code") if isinstance(error, dict) else None
    return code[:60] if isinstance(code, str) else ""


def written(sent: Any) -> str:
    """What a person wrote, without what Teams puts around and into it; "" if nothing, or too much
    to be for us. What they format comes as HTML in an attachment too, what they mention as a tag:
    https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/conversation-messages
    """
    text = sent.get("text")
    for hung in sent.get("attachments") or ():
        if not text and hung.get("contentType") == "text/html":
            text = hung.get("content")
    if not isinstance(text, str) or len(text) > LONGEST:
        return ""
    for one in sent.get("entities") or ():
        if one.get("type") == "mention" and one.get("text"):
            text = text.replace(one["text"], " ")
    return unescape(MARKUP.sub("", text)).translate(SPACES).strip()
