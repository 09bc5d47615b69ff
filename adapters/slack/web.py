"""Slack's Web API and Socket Mode by its SDK, with our errors, and without its trying again: the
outbox does that, and with other buttons."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp

from adapters.kit.http import FAULTS
from approvals.model import Busy, Refused, Scope
from approvals.port import Line, reason, retry_after

log = logging.getLogger("countersign.slack")
# The SDK gets this one too: below WARNING it logs whole payloads, with the tokens in them.
log.setLevel(logging.WARNING)
BOLT: Final = log.getChild("bolt")
"""Bolt's logger. Below ERROR it logs request bodies and codes, and tells of variables of the
environment that Bolt looks up by itself."""
BOLT.setLevel(logging.ERROR)
BUSY: Final = re.compile("ratelimited|(internal|fatal)_error|service_unavailable|request_timeout")
# Nothing about the card or the person: our token, our scopes, our workspace's settings. An
# operator mends these, and then what waited goes on.
OURS: Final = re.compile(
    "invalid_auth|not_authed|account_inactive|token_(revoked|expired)|not_allowed_token_type|missing"
    "_scope|no_permission|(ekm_)?access_denied|team_access_not_granted|org_login_required|access"
    "limited|enterprise_is_restricted|(team|org)_(disabled|not_found)"
)
# What Slack says of a person who cannot be asked. Only this is held against them.
THEIRS: Final = re.compile("users?_not_(found|visible)|user_disabled|cannot_dm_bot")
OPENING: Final = ("users.lookupByEmail", "users.info", "conversations.open")


class Web:
    """One app's connections, opened when first needed. `url`: of the Web API; `heads`: the last
    answer's headers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heads: Mapping[str, str] = {}
        self._session: aiohttp.ClientSession | None = None
        self._client: Any = None

    async def call(self, token: str, method: str, body: dict[str, Any], how: str = "json") -> Any:
        """What the method returns. `Busy`, `Refused`.

        `how`: json, or data: a form, which methods that read want.
        """
        # A failure may come with status 200 and `ok` false.
        from slack_sdk.errors import SlackApiError, SlackClientError  # noqa: PLC0415 - imported where the channel is on

        try:
            # The SDK takes a token out of the parameters, and puts it where it belongs.
            sent = await self.client().api_call(method, params={"token": token}, **{how: body})
        except SlackApiError as error:
            answer, data = error.response, getattr(error.response, "data", None)
            status = getattr(answer, "status_code", None) or answer.status
            said = isinstance(data, dict) and data.get("ok") is False and data.get("error")
            # Without a code it is not Slack that refuses: a proxy, a portal, half an answer.
            code = said if isinstance(said, str) else ""
            ours = OURS.fullmatch(code) or (method in OPENING and not THEIRS.fullmatch(code))
            busy, why = not code or status == 429 or status >= 500, code or status
            busy = busy or BUSY.fullmatch(code)
            if ours and not busy:
                log.error(Line("platform_refused_app", call=method, why=why))
            if ours or busy:
                after = retry_after(answer.headers.get("Retry-After"))
                # https://docs.slack.dev/apis/web-api/rate-limits: of posting, "one message per
                # second per channel"; other methods are limited by workspace.
                narrow = status == 429 and method == "chat.postMessage"
                scope = Scope.CONVERSATION if narrow else Scope.PLATFORM
                raise Busy(f"slack: {method}: {why}", after, scope=scope) from None
            raise Refused(f"slack: {method}: {why}") from None
        except (SlackClientError, aiohttp.ClientError, OSError, *FAULTS) as why:
            raise Busy(f"slack: {method}: {reason(why)}") from None
        if not isinstance(sent.data, dict) or sent.data.get("ok") is not True:
            raise Busy(f"slack: {method}: not Slack's own answer")
        self.heads = sent.headers
        return sent.data

    def client(self) -> Any:
        """The SDK's client. It has no token: each call brings that of its workspace."""
        if self._client is None:
            from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415 - imported where the channel is on
            from slack_sdk.web.async_slack_response import AsyncSlackResponse  # noqa: PLC0415 - as above

            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
            rest: Any = {"session": self._session, "logger": log, "retry_handlers": []}

            class Client(AsyncWebClient):
                # The SDK's own (3.48) makes an `aiohttp.BasicAuth`, which aiohttp 3.14 deprecates.
                async def oauth_v2_access(
                    self, *, client_id: str, client_secret: str, **body: Any
                ) -> AsyncSlackResponse:
                    proof = aiohttp.encode_basic_auth(client_id, client_secret)
                    to = {"Authorization": proof}
                    return await self.api_call("oauth.v2.access", data=body, headers=to)

            self._client = Client(None, self.url, **rest)
        return self._client

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()
        self._session = self._client = None


async def socket(
    app_token: str,
    client: Any,
    opened: Callable[[], Awaitable[str]],
    take: Callable[[Any, Any], Awaitable[None]],
) -> None:
    """Socket Mode: hand what comes to `take`, with the connection, until cancelled.

    `opened`: asks Slack for the address of a connection; `Busy`, `Refused`.
    """
    from slack_sdk.socket_mode.aiohttp import SocketModeClient  # noqa: PLC0415 - imported where the channel is on

    made: Any = SocketModeClient(app_token, log, client)
    made.socket_mode_request_listeners.append(take)
    try:
        made.wss_uri = await opened()
        await made.connect()
        await made.message_processor  # for ever
    finally:
        await made.close()
