"""How Matrix writes its ids. https://spec.matrix.org/v1.18/appendices/#identifier-grammar"""

from __future__ import annotations

from typing import Final

SERVER: Final = r"(?:[A-Za-z0-9.-]{1,230}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
USER: Final = rf"@[!-9;-~]{{1,200}}:{SERVER}"
ROOM: Final = r"![!-~]{1,254}"
"""Since room version 12 the id of a room has no server: https://spec.matrix.org/v1.18/rooms/v12/"""
EVENT_ID: Final = r"\$[A-Za-z0-9_+/=.:~-]{1,254}"
"""Base64 since room version 3; before, the opaque words of a server. One with other marks in it
would only be refused by what stands before a homeserver."""


def server(user: str) -> str:
    """The homeserver that vouches for a user. Nothing else says whose somebody is."""
    return user.partition(":")[2]
