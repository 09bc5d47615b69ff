"""The app in several workspaces: slack-bolt's OAuth flow, behind a proof of our own.

1. GET changes nothing (law 8): the way to Slack keeps nothing here, the way back shows a button.
2. An installation was begun in the same browser, at most ten minutes ago, and ends once: its state
   is signed, stands in a cookie, and is remembered as used until it has expired.
3. Only the workspaces of the configuration: the token of another is given back at once. That of our
   own workspace is not: it is the bot's whose token the configuration has.
4. Tokens are sealed in the channel's memory.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from importlib import import_module
from typing import Any, Final
from urllib.parse import parse_qs, urljoin

import aiohttp
from pydantic_core import from_json, to_json

from adapters.slack.setup import SCOPES
from adapters.slack.web import BOLT, Web, log
from approvals.model import MINUTE, Busy, Forged, Instant, Malformed, Refused, Scope
from approvals.port import (
    Handshake,
    Inbound,
    Line,
    Memory,
    Proven,
    Resolved,
    Response,
    Visit,
    reason,
)
from approvals.proof import check_hmac, check_secret, hmac_sha256
from approvals.text import clean

START: Final = "/channels/slack/install"
BACK: Final = "/channels/slack/oauth_redirect"
COOKIE: Final = "__Host-countersign-slack"
AGE: Final = 10 * MINUTE
"""Of a state: what bolt gives its cookie, and about what a person needs at Slack."""
MOST: Final = 500
"""States used within `AGE`; with more, nothing is installed until some have expired."""
TRIES: Final = 5
_PURPOSE: Final = "countersign/slack/state/1"
_USED: Final = "states"
# As on our own pages: no script, no frame, nothing from elsewhere, nothing kept.
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}


@dataclass(slots=True)
class Workspaces:
    """Where the app may be installed, and the tokens of where it is.

    `allowed`: ids of workspaces; `home`: our own.
    """

    client_id: str
    secret: str = field(repr=False)
    app_id: str
    home: str
    allowed: tuple[str, ...]
    web: Web
    memory: Memory | None = None

    async def token(self, team: str) -> str:
        """The bot's token there. `Busy`: there is none yet, or the store is away."""
        kept = await self._memory().get(_name(team))
        if kept is None:
            # Only what is for this workspace waits until somebody has installed the app there.
            raise Busy(f"slack: not installed in {team}: {START}", scope=Scope.CONVERSATION)
        return str(from_json(kept)["token"])

    def authenticate(self, inbound: Inbound) -> Proven:
        """A browser on its way to Slack or back. Only a POST changes something: `Forged` unless its
        state is ours, new enough, and of this browser."""
        if inbound.method == "POST":
            given = _form(inbound)
            self._check(given.get("state", ""), inbound)
            return Proven(inbound, {"install": given})
        return Proven(inbound, {"install": {}})

    async def resolve(self, proven: Proven) -> Resolved:
        """Bolt's way to Slack, with a new state. It is kept nowhere but in the browser."""
        inbound = proven.inbound
        if inbound.method == "POST" or inbound.path != START:
            return Resolved.of(proven)
        bolt = await asyncio.to_thread(import_module, "slack_bolt.async_app")
        flow = await self._flow(inbound.at)
        answer = await flow.handle_installation(bolt.AsyncBoltRequest(body="", query=""))
        return Resolved.of(proven, answer=_response(answer))

    def read(self, resolved: Resolved) -> Handshake | Visit:
        """The page, or the installation."""
        inbound, given = resolved.inbound, resolved.claims["install"]
        if inbound.path != BACK:
            return Handshake(resolved.claims["answer"])
        if inbound.method == "POST":
            body = {**given, "cookie": inbound.headers.get("cookie", ""), "at": inbound.at}
            return Visit("slack", "installation", body, waits=True)
        came = _only(inbound.query)
        if error := came.get("error"):
            return Handshake(_page("Not installed", f"Slack says: {error}. Nothing was changed."))
        try:
            self._check(came.get("state", ""), inbound)
        except Forged:
            old = "This was begun in another browser, or more than ten minutes ago."
            return Handshake(_page("Not installed", old, again=True))
        return Handshake(_page("Install the app", "Finish the installation?", form=came))

    async def finish(self, visit: Visit) -> Response:
        """Bolt's way back: the state is used up, the code exchanged, the token kept. `Busy`."""
        bolt = await asyncio.to_thread(import_module, "slack_bolt.async_app")
        body, flow = visit.body, await self._flow(visit.body["at"])
        query = {name: body[name] for name in ("code", "state") if name in body}
        headers = {"cookie": body["cookie"]}
        asked = bolt.AsyncBoltRequest(body="", query=query, headers=headers)
        try:
            return _response(await flow.handle_callback(asked))
        except (aiohttp.ClientError, OSError, ValueError, LookupError) as why:
            raise Busy(f"slack: installing: {reason(why)}") from None

    def _check(self, state: str, inbound: Inbound) -> None:
        until, _, rest = state.partition(".")
        nonce, _, proof = rest.partition(".")
        message = f"{_PURPOSE}:{until}.{nonce}".encode()
        check_hmac(self.secret.encode(), message, proof)
        if not 0 <= int(until) - inbound.at <= AGE:  # ours, so it is a number
            raise Forged("the state is too old")
        check_secret(state, _cookie(inbound.headers.get("cookie", "")))

    def _memory(self) -> Memory:
        if self.memory is None:
            raise Busy("slack: what is installed is known to the running service only")
        return self.memory

    async def _flow(self, at: Instant) -> Any:
        oauth = await asyncio.to_thread(import_module, "slack_bolt.oauth.async_oauth_flow")
        settings = import_module("slack_bolt.oauth.async_oauth_settings")
        options = import_module("slack_bolt.oauth.async_callback_options")
        made = settings.AsyncOAuthSettings(
            client_id=self.client_id,
            client_secret=self.secret,
            scopes=list(SCOPES),
            user_scopes=[],
            install_path=START,
            install_page_rendering_enabled=False,
            redirect_uri_path=BACK,
            callback_options=options.AsyncCallbackOptions(success=_installed, failure=_failed),
            authorization_url=urljoin(self.web.url, "/oauth/v2/authorize"),
            installation_store=_Installations(self, at),
            state_store=_States(self, at),
            state_cookie_name=COOKIE,
            state_expiration_seconds=AGE // 1000,
            logger=BOLT,
        )
        # It looks for this one in the environment.
        made.redirect_uri = made.authorize_url_generator.redirect_uri = None
        return oauth.AsyncOAuthFlow(client=self.web.client(), logger=BOLT, settings=made)

    def issue(self, at: Instant) -> str:
        """A new state."""
        begun = f"{at + AGE}.{os.urandom(16).hex()}"
        return f"{begun}.{hmac_sha256(self.secret.encode(), f'{_PURPOSE}:{begun}'.encode())}"

    async def use(self, state: str, at: Instant) -> bool:
        """Use a state up; its proof was checked. False: it is used up, or too many were."""
        memory, now = self._memory(), at
        for _ in range(TRIES):
            kept = await memory.get(_USED)
            used = {one: until for one, until in from_json(kept or b"{}").items() if until >= now}
            if state in used or len(used) >= MOST:
                return False
            used[state] = int(state.partition(".")[0])
            if await memory.put(_USED, to_json(used), was=kept):
                return True
        return False

    async def keep(self, found: Any, at: Instant) -> None:
        """Keep the token of an installation. `Refused`: it is of no workspace that is listed, and
        was given back."""
        right = found.team_id in self.allowed and not found.is_enterprise_install
        if not right or self.app_id not in ("", found.app_id) or not found.bot_token:
            if found.team_id != self.home:
                await self._give_back(found)
            raise Refused("slack: this workspace is not in the configuration")
        memory, name = self._memory(), _name(found.team_id)
        value = {"token": found.bot_token, "by": found.user_id, "at": at}
        for _ in range(TRIES):
            if await memory.put(name, to_json(value), was=await memory.get(name)):
                log.warning(Line("workspace_installed", team=found.team_id, by=found.user_id))
                return
        raise Busy("slack: another copy keeps this installation")

    async def _give_back(self, found: Any) -> None:
        # It deactivates the bot and takes it out of its rooms, so never at home, where anybody who
        # may install apps would end ours: https://docs.slack.dev/reference/methods/auth.revoke
        try:
            await self.web.call(str(found.bot_token), "auth.revoke", {})
        except (Busy, Refused) as why:
            log.warning(Line("workspace_token_not_revoked", why=why))


@dataclass(slots=True)
class _States:
    """Bolt's state store: https://docs.slack.dev/tools/bolt-python/concepts/authenticating-oauth"""

    workspaces: Workspaces
    at: Instant

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        return self.workspaces.issue(self.at)

    async def async_consume(self, state: str) -> bool:
        return await self.workspaces.use(state, self.at)


@dataclass(slots=True)
class _Installations:
    """Bolt's installation store, of which the flow only writes."""

    workspaces: Workspaces
    at: Instant

    async def async_save(self, installation: Any) -> None:
        from slack_bolt.error import BoltError  # noqa: PLC0415 - imported where the channel is on

        try:
            await self.workspaces.keep(installation, self.at)
        except Refused as why:
            raise BoltError(str(why)) from None


async def _installed(args: Any) -> Any:
    name = args.installation.team_name or args.installation.team_id
    return _bolts(args, 200, "Installed", f"Countersign is installed in {name}.")


async def _failed(args: Any) -> Any:
    why = str(args.error) if args.error else str(args.reason)
    return _bolts(args, 400, "Not installed", f"{why}. Nothing was changed.", again=True)


def _bolts(args: Any, status: int, title: str, line: str, *, again: bool = False) -> Any:
    from slack_bolt.response import BoltResponse  # noqa: PLC0415 - imported where the channel is on

    page = _page(title, line, again=again).body.decode()
    gone = args.settings.state_utils.build_set_cookie_for_deletion()
    return BoltResponse(status=status, body=page, headers={"Set-Cookie": gone})


def _response(answer: Any) -> Response:
    first = answer.first_headers()
    kept = {
        name: first[name.lower()] for name in ("Location", "Set-Cookie") if name.lower() in first
    }
    return Response(answer.status, answer.body.encode(), "text/html", {**_HEADERS, **kept})


def _page(
    title: str, line: str, *, form: Mapping[str, str] | None = None, again: bool = False
) -> Response:
    """A page of ours, which needs no script and no style."""
    parts = [f"<h1>{escape(title)}</h1>", f"<p>{escape(clean(line))}</p>"]
    if form is not None:
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{escape(form.get(name, ""))}">'
            for name in ("code", "state")
        )
        parts.append(f'<form method="post" action="{BACK}">{fields}<button>Install</button></form>')
    if again:
        parts.append(f'<p><a href="{START}">Start again</a></p>')
    head = (
        f"<meta charset=utf-8><meta name=viewport content=width=device-width><title>{escape(title)}"
    )
    whole = f"<!doctype html><html lang=en>{head}</title>{''.join(parts)}</html>"
    return Response(200, whole.encode(), "text/html", _HEADERS)


def _form(inbound: Inbound) -> dict[str, str]:
    try:
        return _only(inbound.body.decode("ascii"))
    except UnicodeDecodeError:
        raise Malformed("slack: not a form") from None


def _only(query: str) -> dict[str, str]:
    """The fields that stand there once."""
    try:
        found = parse_qs(query, True, max_num_fields=20)
    except ValueError:
        raise Malformed("slack: not a form") from None
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _cookie(header: str) -> str:
    # The whole name: another site of this domain may set every other one.
    pairs = [one.strip().partition("=") for one in header.split(";")]
    found = [value for name, _, value in pairs if name == COOKIE]
    return found[0] if len(found) == 1 else ""


def _name(team: str) -> str:
    return f"installation/{team}"
