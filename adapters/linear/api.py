"""Linear's GraphQL API, as far as our app needs it, with our errors, and the app's token.

The token is one of the client credentials grant: our app acts as itself. There is one at a time,
and each new one ends the one before, so all copies of the service share it, sealed in the channel's
memory: https://linear.app/developers/oauth-2-0-authentication#client-credentials-tokens
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic_core import from_json, to_json

from adapters.kit.http import FAULTS, Denied, Http
from approvals import port
from approvals.model import Busy, Refused

log = logging.getLogger("countersign.linear")

SCOPES: Final = "read,write,app:mentionable"
"""To ask for others would end the token that is in use."""
TOKEN: Final = "token"
"""What it is called in the channel's memory."""
EARLY: Final = 3_600_000
"""Milliseconds before its end from which a token is replaced: it lasts thirty days."""
RENEWING: Final = 15_000
"""Milliseconds that a copy which renews the token has for it."""

# Who is asked about an activity: the app, the workspace, the account and the session it is in, with
# what our app said there. Without what people said: nobody can push our question out of the page.
PRESSED: Final = """query Pressed($user: String!, $session: String!) {
  viewer { id }
  organization { id }
  user(id: $user) { id active app guest }
  agentSession(id: $session) {
    id
    appUser { id }
    issue { id }
    comment { id }
    ours: activities(first: 50, filter: {type: {neq: "prompt"}}) {
      nodes {
        createdAt
        signal
        signalMetadata
        content { __typename ... on AgentActivityElicitationContent { body } }
      }
      pageInfo { hasNextPage }
    }
  }
}"""
WHO: Final = """query Who($user: String!) {
  viewer { id }
  organization { id }
  user(id: $user) { id url active app guest }
}"""
BY_EMAIL: Final = """query ByEmail($email: String!) {
  users(filter: {email: {eqIgnoreCase: $email}}, first: 2) {
    nodes { id email url active app guest }
  }
}"""
ISSUE: Final = "query Issue($id: String!) { issue(id: $id) { id identifier } }"
ME: Final = """query Me {
  viewer { id name app }
  organization { id name }
}"""
THREAD: Final = """query Thread($id: String!) {
  comment(id: $id) {
    id
    agentSession {
      id
      ours: activities(first: 50, filter: {type: {neq: "prompt"}}) {
        nodes {
          createdAt
          signal
          signalMetadata
          content {
            __typename
            ... on AgentActivityElicitationContent { body }
            ... on AgentActivityResponseContent { body }
          }
        }
      }
      theirs: activities(first: 50, filter: {type: {eq: "prompt"}}) {
        nodes { createdAt }
        pageInfo { hasNextPage }
      }
    }
  }
}"""
COMMENT: Final = """mutation Comment($input: CommentCreateInput!) {
  commentCreate(input: $input) { success comment { id } }
}"""
EDIT: Final = """mutation Edit($id: String!, $input: CommentUpdateInput!) {
  commentUpdate(id: $id, input: $input) { success }
}"""
DELETE: Final = "mutation Delete($id: String!) { commentDelete(id: $id) { success } }"
SESSION: Final = """mutation Session($input: AgentSessionCreateOnComment!) {
  agentSessionCreateOnComment(input: $input) { success agentSession { id } }
}"""
ACTIVITY: Final = """mutation Activity($input: AgentActivityCreateInput!) {
  agentActivityCreate(input: $input) {
    success
    agentActivity {
      id
      signal
      signalMetadata
      content { __typename ... on AgentActivityElicitationContent { body } }
    }
  }
}"""

# `extensions.type` of an error, as Linear's own client knows them:
# https://github.com/linear/linear/blob/master/packages/sdk/src/error.ts. What is not here will
# never work, for this card.
LATER: Final = frozenset(
    ("internal error", "lock timeout", "network error", "ratelimited", "bootstrap error", "unknown")
)
OURS: Final = "authentication error"


@dataclass(frozen=True, slots=True)
class Token:
    """`until`: from then it is replaced, in Unix milliseconds; `claimed`: until then one copy does
    so."""

    value: str = field(repr=False)
    until: int
    claimed: int = 0

    @classmethod
    def read(cls, kept: bytes | None) -> Token:
        """What the memory holds; one that has ended, where it holds none."""
        try:
            given = from_json(kept or b"")
            return cls(str(given["value"]), int(given["until"]), int(given["claimed"]))
        except FAULTS:
            return cls("", 0)

    @property
    def kept(self) -> bytes:
        return to_json({"value": self.value, "until": self.until, "claimed": self.claimed})


class Api:
    """One app's connection to Linear."""

    def __init__(self, url: str, client_id: str, client_secret: str) -> None:
        self._url = url.rstrip("/")
        self._client = {"client_id": client_id, "client_secret": client_secret}
        self.http = Http()
        self._token = Token("", 0)
        self._renewing = asyncio.Lock()
        self._renewal: set[asyncio.Task[str]] = set()
        self.memory: port.Memory | None = None
        self.home: str | None = None
        """The id of our workspace, once Linear said it."""

    async def call(self, document: str, **variables: Any) -> Any:
        """What the document asks for. `Busy`, `Denied`."""
        token = await self._current()
        try:
            return await self._asked(token, document, variables)
        except _Expired:
            # Another copy has another one by now, or it was taken back in Linear.
            token = await self._current(instead=token)
        try:
            return await self._asked(token, document, variables)
        except _Expired:
            log.error(port.Line("platform_refused_app", why="the app's new token"))
            raise Busy("linear: the app's new token was rejected") from None

    async def _asked(self, token: str, document: str, variables: Any) -> Any:
        heads = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = to_json({"query": document, "variables": variables})
        url = f"{self._url}/graphql"
        status, text = await self.http.ask("POST", url, headers=heads, data=body)
        name = document.split("(", maxsplit=1)[0].split(" {", maxsplit=1)[0]
        if status == 401:
            raise _Expired
        try:
            said = from_json(text)
            faults, data = said.get("errors"), said.get("data")
            if faults:
                more = faults[0].get("extensions") or {}
                kind, why = str(more.get("type", "")).lower(), str(more.get("code", ""))
        except FAULTS:
            faults, data = None, None
        if faults:
            self._fail(name, kind, why)
        whole = isinstance(data, dict) and data and all(isinstance(x, dict) for x in data.values())
        if status != 200 or not whole:
            raise Busy(f"linear: {name}: {status}, not Linear's answer")
        for one in data.values():
            if one.get("success") is False:
                raise Denied(f"linear: {name} was not done")
        return data

    def _fail(self, name: str, kind: str, code: str) -> None:
        # Errors come with 200 or with 400: https://linear.app/developers/graphql#error-handling.
        # https://linear.app/developers/rate-limiting#handling-rate-limit-errors
        why = f"linear: {name}: {kind or code or 'an error'}"
        if kind == OURS or code == "AUTHENTICATION_ERROR":
            raise _Expired
        if kind == "ratelimited" or code == "RATELIMITED":
            raise Busy(why, self._reset())
        raise (Busy if kind in LATER else Denied)(why)

    def _reset(self) -> int | None:
        """Milliseconds until it takes calls again: in seconds, or the time when it does."""
        heads = self.http.heads
        if (wait := port.retry_after(heads.get("Retry-After"))) is not None:
            return wait
        for name in ("X-RateLimit-Requests-Reset", "X-RateLimit-Complexity-Reset"):
            of = name.replace("Reset", "Remaining")
            text = heads.get(name, "")
            if heads.get(of) == "0" and text.isascii() and text.isdigit() and len(text) <= 15:
                return max(int(text) - _now(), 0)
        return None

    async def _current(self, instead: str = "") -> str:
        """The token. `instead`: of this one, which Linear did not take."""
        if self._token.value != instead and _now() < self._token.until:
            return self._token.value
        # Whoever waits may have no time left. What Linear makes is kept all the same: it has ended
        # the token before, and no other copy makes one while this one has claimed to.
        task = asyncio.create_task(self._renewed(instead))
        self._renewal.add(task)
        task.add_done_callback(self._renewal.discard)
        return await asyncio.shield(task)

    async def _renewed(self, instead: str) -> str:
        async with self._renewing:
            kept = await self.memory.get(TOKEN) if self.memory is not None else None
            known = Token.read(kept) if self.memory is not None else self._token
            if known.value != instead and _now() < known.until:
                self._token = known
                return known.value
            if self.memory is None:
                self._token = await self._made()
                return self._token.value
            # Each new token ends the one before: two copies that renew at once would not stop.
            if _now() < known.claimed:
                raise Busy("linear: another copy renews the token", 1000)
            claim = Token(known.value, known.until, _now() + RENEWING)
            if not await self.memory.put(TOKEN, claim.kept, was=kept):
                raise Busy("linear: another copy renews the token", 1000)
            try:
                made = await self._made()
            except (Busy, Refused):
                await self.memory.put(TOKEN, known.kept, was=claim.kept)
                raise
            await self.memory.put(TOKEN, made.kept, was=claim.kept)
            self._token = made
            return made.value

    async def _made(self) -> Token:
        form = {**self._client, "grant_type": "client_credentials", "scope": SCOPES}
        status, text = await self.http.ask("POST", f"{self._url}/oauth/token", data=form)
        try:
            said = json.loads(text)
            value, lasts = said["access_token"], said["expires_in"]
            if status != 200 or type(value) is not str or type(lasts) is not int:
                raise ValueError
        except FAULTS:
            log.error(port.Line("app_token_not_issued", status=status))
            what = "check client_id, client_secret and that Client credentials tokens are on"
            raise Busy(f"linear: no token for the app ({status}): {what}") from None
        lasts *= 1000
        return Token(value, _now() + max(lasts - EARLY, lasts // 2))

    async def close(self) -> None:
        for task in (tasks := [*self._renewal]):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.http.close()


class _Expired(Exception):
    """Linear does not take this token."""


def _now() -> int:
    return int(time.time() * 1000)
