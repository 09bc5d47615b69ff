"""What a channel's folder brings besides its adapter: settings, guide, words for linking.

The rest of the service asks a folder for these values, so that it need not know a platform's name.
A folder's files and what each must hold: docs/adding-a-channel.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Annotated, Any, ClassVar, Final, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from approvals.model import Tier

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Shape:
    """How a platform writes an id: a regular expression, what it is called, where it is found."""

    pattern: str
    name: str
    hint: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A value of a channel that only its owner knows. `file`: where it is kept, if it is secret."""

    key: str
    question: str
    variable: str
    file: str = ""
    pattern: str = r"\S+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linking:
    """How a person sends a code from an account of theirs, so that the account becomes theirs here.

    `deep`: a link that sends it, with `{bot}` and `{code}`, where the bot's name is known.
    `command`: what is typed, with `{code}`, and `where`. `to`: to whom the code is written, where
    there is neither. With all of them empty it is written to "the bot on <channel>".
    """

    deep: str = ""
    command: str = ""
    where: str = ""
    to: str = ""


class Section(BaseModel):
    """What every channel's section of the configuration has.

    `title`: what the platform calls itself, where its name in capitals is not that.
    `account`, `room`: how the platform writes these ids. `library`: the module that the channel
    needs installed, and the extra that brings it. `outbound`: the `mode` in which we open the
    connection, "" where there is none. `wanted`: what `countersign init` asks for; none where the
    channel needs an https address first. `by_email`: people need no linking where their mailbox is
    known. `linking`: how an account is linked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    title: ClassVar[str] = ""
    account: ClassVar[Shape | None] = None
    room: ClassVar[Shape | None] = None
    library: ClassVar[tuple[str, str] | None] = None
    outbound: ClassVar[str] = ""
    wanted: ClassVar[tuple[Wanted, ...]] = ()
    by_email: ClassVar[bool] = False
    linking: ClassVar[Linking] = Linking()

    tier: Tier | None = None
    """What its taps count for, where that is to be less than the channel proves."""
    stub: bool = False
    """Its cards show the title and a link only."""

    def needs_public_url(self) -> str:
        """Why the channel cannot work without `server.public_url`; "" where it can."""
        return ""

    def wants_public_url(self) -> str:
        """Why it most likely does not; "" where it does. A tunnel may lead to us unnamed."""
        url = getattr(self, "api_url", None)
        return "" if url is None else self.unheard(url)

    def unheard(self, url: str) -> str:
        """Why no tap may come: the platform delivers them to an address, and we have none. `url`:
        of its API; a peer on this machine needs no address."""
        if getattr(self, "mode", "") == self.outbound != "" or urlsplit(url).hostname in LOOPBACK:
            return ""
        other = f", or mode: {self.outbound}, which needs none" if self.outbound else ""
        return f"taps are delivered to an address. Set server.public_url{other}"

    @field_validator("*")
    @classmethod
    def _is_filled_in(cls, value: object) -> object:
        """`setup` prints `…` and `<server.public_url>` where a value of one's own belongs."""
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(text, str) and re.fullmatch(
            r"\s+|<[^<>]*>|.*(…|<server\.).*", text, re.DOTALL
        ):
            raise ValueError("this is a placeholder: write your own value")
        return value

    @model_validator(mode="after")
    def _is_installed(self) -> Self:
        if self.library is not None:
            installed(*self.library)
        return self


@dataclass(frozen=True, slots=True)
class Wishes:
    """What some guides need to be told. `app_id`: of our bot, where the platform gave it one;
    `provider`: through whom, where there are several; "": the one that comes first."""

    app_id: UUID | None = None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Guide:
    """What a person does, in order; files to give the platform; what to write into our file."""

    channel: str
    steps: tuple[str, ...]
    section: str
    events_url: str | None
    """Where the platform delivers; None: we open the connection."""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    missing: str = ""
    """What has to be known before this can be followed, and how it becomes known."""
    addressed: bool = True
    """The files hold our address: with a wrong one they are not handed out."""

    def as_json(self) -> dict[str, Any]:
        names = sorted(self.files)
        named = {"channel": self.channel, "events_url": self.events_url, "files": names}
        steps = {"steps": list(self.steps), "section": self.section}
        return {**named, **steps, "missing": self.missing or None}


@dataclass(frozen=True, slots=True)
class Order:
    """What a platform's API can be told. `what`: the question, without its mark; `done`: after.
    `also`: what it is told after `body`, at the same address."""

    channel: str
    what: str
    done: str
    url: str = field(repr=False)  # it may hold a token
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    also: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


def installed(module: str, extra: str) -> None:
    """Raises `ValueError`, with what to type, where the library is not there."""
    try:
        there = find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it would be in
        there = False
    if not there:
        how = f"pip install 'countersign-server[{extra}]'"
        raise ValueError(f"the library of {extra} is not installed: {how}")


def safe_url(url: str, why: str) -> str:
    """The address, if nobody on the way can read what is sent there. Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise ValueError(f"{why}: it must begin with https://")
    return url


def safe(why: str) -> AfterValidator:
    """For a key whose value is an address, as `safe_url` wants it: `Annotated[str, safe("…")]`."""
    return AfterValidator(lambda url: safe_url(url, why))


def _is_long(secret: SecretStr, about: ValidationInfo) -> SecretStr:
    if len(secret.get_secret_value()) < 32:
        raise ValueError(f"{about.field_name} has 32 characters at least: openssl rand -hex 32")
    return secret


LongSecret = Annotated[SecretStr, AfterValidator(_is_long)]
"""A secret that the owner of the configuration makes up."""


def fields(section: BaseModel) -> dict[str, Any]:
    """The section's values as its adapter's class takes them: secrets and ids as plain text."""
    values = {name: getattr(section, name) for name in type(section).model_fields}
    return {
        name: _plain(value)
        for name, value in values.items()
        if value is not None and name not in _OURS
    }


_OURS: Final = frozenset({"stub", "bot_name", "tier"})
"""Keys of a section that are for the core and not for the adapter."""


def _plain(value: Any) -> Any:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case UUID():
            return str(value)
        case BaseModel():
            return fields(value)
    return value
