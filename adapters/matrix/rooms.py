"""Rooms: the private one with each approver, which we make, and those that we are invited to.

A private room has two members, and nobody but us can invite a third or turn encryption on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from adapters.kit.http import Denied
from adapters.matrix.api import Api, at
from approvals.model import Busy, Refused
from approvals.port import Line, Memory

log = logging.getLogger("countersign.matrix")
THERE: Final = {"join", "invite"}
NAME: Final = "Approvals"
UNREADABLE: Final = (
    "I can't read encrypted messages. Please write to me here: this room isn't encrypted."
)


@dataclass(slots=True)
class Rooms:
    """`user`: our own id. `memory`: where rooms are remembered, once the service has given it."""

    api: Api
    user: str
    memory: Memory | None = field(default=None, repr=False)

    async def direct(self, account: str) -> str:
        """Our private room with an account; made, and the account invited, where there is none.
        `Busy`, `Refused`."""
        key = f"room {account}"
        kept = await self.memory.get(key) if self.memory else None
        if kept and await self._theirs(kept.decode(), account):
            return kept.decode()
        made = await self._made(account)
        if self.memory is None or await self.memory.put(key, made.encode(), was=kept):
            return made
        faster = await self.memory.get(key)  # another copy made one at the same time
        return faster.decode() if faster else made

    async def known(self, account: str) -> str | None:
        """The same, if there is one already."""
        kept = await self.memory.get(f"room {account}") if self.memory else None
        return kept.decode() if kept and await self._theirs(kept.decode(), account) else None

    async def members(self, room: str) -> set[str]:
        """Who reads along there."""
        return {*(await self.api.call("GET", at("/v3/rooms/{}/joined_members", room)))["joined"]}

    async def alone(self, room: str, account: str) -> bool:
        """Are this account and we the only members, so that nobody else reads along?"""
        return await self.members(room) == {self.user, account}

    async def encrypted(self, room: str) -> bool:
        """We have no keys: what is said there is not for us, and we say nothing there."""
        try:
            said = await self.api.call("GET", at("/v3/rooms/{}/state/m.room.encryption/", room))
        except Denied as why:
            if why.code == "M_NOT_FOUND":
                return False
            raise
        # Required: https://spec.matrix.org/v1.18/client-server-api/#mroomencryption
        if not isinstance(said.get("algorithm"), str):
            raise Busy("matrix: not a homeserver's own answer")
        return True

    async def join(self, room: str) -> None:
        """`Denied` where we are not invited."""
        await self.api.call("POST", at("/v3/join/{}", room), {})

    async def invited(self, room: str, inviter: str, *, direct: bool, encrypted: bool) -> None:
        """Somebody whom we may listen to invites us. Into other rooms than private ones we go when
        there is a card for them; where we cannot read, we ask to be written to elsewhere."""
        try:
            if direct and encrypted:
                await self.say(await self.direct(inviter), UNREADABLE)
            elif direct:
                await self.join(room)
        except (Busy, Refused) as why:
            log.warning(Line("invitation_not_followed", why=why))

    async def say(self, room: str, text: str, **more: Any) -> None:
        """A notice: clients set it apart, and no push comes of it."""
        words = {"msgtype": "m.notice", "body": text, "m.mentions": {}, **more}
        await self.send(room, "m.room.message", words, txn())

    async def send(self, room: str, kind: str, content: Any, key: str) -> str:
        """The id of the event. `key`: sent again with the same one, it is the same event."""
        path = at("/v3/rooms/{}/send/{}/{}", room, kind, key)
        said = await self.api.call("PUT", path, content)
        return str(said["event_id"])

    async def _theirs(self, room: str, account: str) -> bool:
        try:
            said = await self.api.call("GET", at("/v3/rooms/{}/members", room))
        except Denied:
            return False  # we left, or were put out
        there = [
            one["state_key"] for one in said["chunk"] if one["content"].get("membership") in THERE
        ]
        return set(there) == {self.user, account} and not await self.encrypted(room)

    async def _made(self, account: str) -> str:
        # https://spec.matrix.org/v1.18/client-server-api/#post_matrixclientv3createroom
        levels = {"users_default": 0, "events_default": 0, "state_default": 100}
        may = {"invite": 100, "kick": 100, "ban": 100, "redact": 100}
        state = [
            {"type": "m.room.guest_access", "content": {"guest_access": "forbidden"}},
            {"type": "m.room.history_visibility", "content": {"history_visibility": "invited"}},
        ]
        wish: dict[str, Any] = {
            "preset": "private_chat",
            "is_direct": True,
            "invite": [account],
            "name": NAME,
            "initial_state": [{"state_key": "", **one} for one in state],
            "power_level_content_override": levels | may,
        }
        return str((await self.api.call("POST", "/v3/createRoom", wish))["room_id"])


def txn() -> str:
    """A transaction id of its own: what is sent with it is not what was sent before."""
    return uuid4().hex
