"""Pages of the app besides cards, dispatched by slack-bolt.

Bolt sees what `authenticate` has proven and `read` took for a page, never a tap. It finds the
listener and, by `authorize`, the token of the workspace that `read` found. It is built without its
own checks (they parse before they verify), and gets no `response_url`: where nothing is authorized
it would call that one, and a URL out of a payload is not ours to call (law 10).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from adapters.slack import home
from adapters.slack.web import BOLT, Web
from approvals.model import Busy
from approvals.port import Homes, Response

Account = Callable[[str, str], str]
"""The account of a user of a workspace: team, user."""


@dataclass(slots=True)
class Pages:
    """The listeners of one app, built when the first page is asked for.

    `token`: that of a workspace; `Refused` without one.
    """

    homes: Homes
    web: Web
    token: Callable[[str], Awaitable[str]]
    account: Account
    inert: home.Inert
    _app: Any = None

    async def dispatch(self, team: str, user: str, body: Mapping[str, Any]) -> Response:
        """Show the page that a delivery asks for to this user. `Busy`, `Refused`."""
        # Half a second, once, and not at the start of the service; nobody else waits for it.
        bolt = await asyncio.to_thread(import_module, "slack_bolt.async_app")
        if self._app is None:
            self._app = self._built(bolt)
        given = {name: value for name, value in body.items() if name != "response_url"}
        # Proven already, so there are no headers to check: that is what this mode means to bolt.
        seen = {"seen": (team, user)}
        asked = bolt.AsyncBoltRequest(body=given, context=seen, mode="socket_mode")
        answer = await self._app.async_dispatch(asked)
        if answer.status != 200:
            raise Busy(f"slack: bolt answered {answer.status}")
        return Response(body=answer.body.encode())

    def _built(self, bolt: Any) -> Any:
        from slack_bolt.authorization import AuthorizeResult  # noqa: PLC0415 - imported where the channel is on

        async def authorize(context: Any) -> Any:
            team, _ = context["seen"]
            token = await self.token(team)
            return AuthorizeResult(enterprise_id=None, team_id=team, bot_token=token)

        app = bolt.AsyncApp(
            name=BOLT.name,  # bolt sets the level of the logger of this name
            logger=BOLT,
            client=self.web.client(),
            authorize=authorize,
            process_before_response=True,  # its other mode polls for the answer
            request_verification_enabled=False,
            ssl_check_enabled=False,
            url_verification_enabled=False,
            ignoring_self_events_enabled=False,
        )
        app.event(home.TAB)(self._opened)
        app.command(re.compile("/.+"))(self._command)  # whatever the manifest calls it
        app.shortcut(home.SHORTCUT)(self._shortcut)
        app.error(_raised)
        return app

    # Bolt calls these with what their parameters are named after.

    async def _opened(self, context: Any) -> None:
        team, user = context["seen"]
        listed = await self.homes.of(self.account(team, user), stays=True)
        body = {"user_id": user, "view": home.tab(listed, self.inert)}
        await self.web.call(context.bot_token, "views.publish", body)

    async def _command(self, ack: Any, context: Any) -> None:
        who = self.account(*context["seen"])
        await ack(home.message(await self.homes.of(who, stays=False), self.inert))

    async def _shortcut(self, body: dict[str, Any], context: Any) -> None:
        who = self.account(*context["seen"])
        view = home.modal(await self.homes.of(who, stays=False), self.inert)
        where = {"trigger_id": body["trigger_id"], "view": view}
        await self.web.call(context.bot_token, "views.open", where)


async def _raised(error: Exception) -> None:
    raise error  # what happened is for us to tell, not for bolt


def wanted(body: Mapping[str, Any]) -> str:
    """What page a delivery of the Events API or a shortcut asks for; "": none of ours."""
    if body["type"] == "shortcut":
        return home.SHORTCUT if body.get("callback_id") == home.SHORTCUT else ""
    event = body.get("event") or {}
    if event.get("type") != home.TAB or event.get("tab", "home") != "home":
        return ""
    return home.TAB
