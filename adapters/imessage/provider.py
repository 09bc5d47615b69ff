"""What each of the three ways to iMessage brings, so that the adapter need not know which it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, Protocol, TypeAlias, TypeVar

from pydantic_core import from_json

from adapters.kit.http import FAULTS, exact
from approvals.model import Busy, Malformed
from approvals.port import Event, Finding, Inbound, Payload, Proven, Resolved

log: Final = logging.getLogger("countersign.imessage")

T = TypeVar("T")
NAME: Final = "imessage"
HANDLE: Final = r"\+[1-9][0-9]{5,14}|[^\s@;,/A-Z]{1,64}@[^\s@;,/A-Z]{1,190}"
"""A phone number, or an Apple Account's address in small letters."""


class Provider(Protocol):
    """How messages are sent, and how what people write is proven."""

    account: ClassVar[str]
    """How the provider writes an account, as a regular expression."""

    def authenticate(self, inbound: Inbound) -> Proven:
        """As of a `Channel`."""
        ...

    async def resolve(self, proven: Proven) -> Resolved:
        """As of `port.Resolves`."""
        ...

    def read(self, resolved: Resolved) -> Event:
        """As of a `Channel`; one of `FAULTS` for what is not understood."""
        ...

    async def send(self, account: str, message: Payload, key: str) -> str:
        """Send one message, as the provider's API takes it; its id. `key`: the same for a call that
        is made again. `Busy` or `Refused`."""
        ...

    async def check(self) -> list[Finding]:
        """As of a `Channel`."""
        ...

    async def close(self) -> None:
        """As of a `Channel`."""
        ...


Buttons: TypeAlias = Sequence[tuple[str, str]]
"""What each button says, and its token."""


def handle(value: object) -> str:
    """The phone number or address in a delivery. `TypeError` or `ValueError`: it is neither."""
    if not isinstance(value, str):
        raise TypeError("not a handle")
    # Of ASCII only: U+212A, the Kelvin sign, would become the k of somebody else.
    return exact(f"({HANDLE})", value.lower() if value.isascii() else value)


def text_of(value: object) -> str:
    """A text that somebody wrote. `TypeError`: it is none."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def its_own(part: Callable[[], T]) -> T:
    """This part of an answer. `Busy`: it is not there, so that a proxy has answered instead."""
    try:
        return part()
    except FAULTS:
        raise Busy("not an answer of the provider's own") from None


def parsed(body: bytes | str) -> object:
    """The JSON of a delivery. `Malformed`: it is none."""
    try:
        return from_json(body)
    except ValueError:
        raise Malformed("imessage: not JSON") from None


def answered(text: str) -> object:
    """The JSON of an answer. `Busy`: a proxy's page, most likely."""
    try:
        return from_json(text)
    except ValueError:
        raise Busy("the answer is not JSON") from None
