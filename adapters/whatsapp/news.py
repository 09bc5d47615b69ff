"""What happens on WhatsApp, in the same words whichever provider says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

# A number as WhatsApp writes it (`wa_id`), or a business-scoped user id:
# https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids/
ACCOUNT: Final = r"[1-9][0-9]{5,14}|[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}"


@dataclass(frozen=True, slots=True)
class Wrote:
    """A person wrote, or pressed a button (`token`), on the message `card` if that was said.

    `ids`: every id that they have, the number first. `text`: what they typed to us alone, or None.
    `opens`: we may now write freely for 24 hours. `TypeError`: something that is no text.
    """

    ids: tuple[str, ...]
    at: int
    event: str
    opens: bool
    card: str | None
    token: str = field(default="", repr=False)
    text: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if {*map(type, (self.event, self.card or "", self.token, self.text or ""))} != {str}:
            raise TypeError("of another type than text")


@dataclass(frozen=True, slots=True)
class Fared:
    """How a message of ours to somebody (with these ids) fared; `codes`: what went wrong."""

    ids: tuple[str, ...]
    message: str
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Moved:
    """A person has another number, and these ids are not theirs any more."""

    ids: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Foreign:
    """Of another field, or about another number than ours."""


News: TypeAlias = Wrote | Fared | Moved | Foreign
