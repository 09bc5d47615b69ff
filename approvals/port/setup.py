"""What a channel's folder holds besides its adapter: settings, guide, words for linking.

The service takes these values from the folder, so that it doesn't have to know a platform's name.
docs/adding-a-channel.md lists a folder's files and what each must hold.
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
from approvals.port.network import is_loopback


@dataclass(frozen=True, slots=True)
class Shape:
    """How a platform writes an id: a regular expression, the id's name, and where to find one."""

    pattern: str
    name: str
    hint: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A value that only the channel's owner knows. `file`: where a secret is stored."""

    key: str
    question: str
    variable: str
    file: str = ""
    pattern: str = r"\S+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linking:
    """How a person sends a code from their account, which links the account to them.

    `deep`: a link that sends it, with `{bot}` and `{code}`, where the bot's name is known.
    `command`: what to type, with `{code}`, and `where`. `to`: whom to send the code to, where there
    is neither. If all are empty: "the bot on <channel>".
    """

    deep: str = ""
    command: str = ""
    where: str = ""
    to: str = ""


class Section(BaseModel):
    """What every channel's section of the configuration has.

    `title`: the platform's own spelling of its name, if it isn't the channel's name capitalised.
    `account`, `room`: how the platform writes these ids. `library`: the module that the channel
    needs, and the extra that installs it. `outbound`: the `mode` in which we open the connection,
    or "". `wanted`: the values that `countersign init` asks for; none where the channel needs an
    https address first. `by_email`: a person's mailbox is enough, without linking. `linking`: how
    an account is linked.
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
    """The tier of its taps, to make it lower than what the channel proves."""
    stub: bool = False
    """Its cards show the title and a link only."""

    def needs_public_url(self) -> str:
        """Why the channel can't work without `server.public_url`; "" if it can."""
        return ""

    def wants_public_url(self) -> str:
        """Why the channel probably won't work without `server.public_url`; "" if it will. A tunnel
        that the configuration doesn't name may lead here all the same."""
        url = getattr(self, "api_url", None)
        return "" if url is None else self.unheard(url)

    def unheard(self, url: str) -> str:
        """Why no tap may arrive: the platform delivers taps to a URL, and we have none. `url`: the
        platform's API; a stand-in on this machine needs no public URL."""
        if getattr(self, "mode", "") == self.outbound != "" or is_loopback(
            urlsplit(url).hostname or ""
        ):
            return ""
        other = f", or mode: {self.outbound}, which needs none" if self.outbound else ""
        return f"it delivers taps to a public URL. Set server.public_url{other}"

    @field_validator("*")
    @classmethod
    def _is_filled_in(cls, value: object) -> object:
        """`setup` prints `…` and `<server.public_url>` as placeholders."""
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
    """Options of some guides. `app_id`: our bot's, where the platform assigns one. `provider`:
    which one, where there are several; "": the first."""

    app_id: UUID | None = None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Guide:
    """Steps for a person, in order; files for the platform; a section for our configuration."""

    channel: str
    steps: tuple[str, ...]
    section: str
    events_url: str | None
    """Where the platform delivers; None: we open the connection."""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    missing: str = ""
    """What is still missing before a person can follow the steps, and how to get it."""
    addressed: bool = True
    """The files contain our URL, so they aren't handed out with a wrong one."""

    def as_json(self) -> dict[str, Any]:
        names = sorted(self.files)
        named = {"channel": self.channel, "events_url": self.events_url, "files": names}
        steps = {"steps": list(self.steps), "section": self.section}
        return {**named, **steps, "missing": self.missing or None}


@dataclass(frozen=True, slots=True)
class Order:
    """A call that sets up the platform. `what`: the question to confirm it, without question mark;
    `done`: the message afterwards. `also`: more bodies, sent after `body` to the same address."""

    channel: str
    what: str
    done: str
    url: str = field(repr=False)  # it may hold a token
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    also: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


def installed(module: str, extra: str) -> None:
    """Raises `ValueError`, with the command to run, if the library isn't installed."""
    try:
        there = find_spec(module) is not None
    except ModuleNotFoundError:  # not even its parent package
        there = False
    if not there:
        how = f"pip install 'countersign-server[{extra}]'"
        raise ValueError(f"the library for {extra} is not installed: {how}")


def safe_url(url: str, why: str) -> str:
    """The URL, if what is sent there is encrypted on the way. Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise ValueError(f"{why}: it must begin with https://")
    return url


def safe(why: str) -> AfterValidator:
    """`safe_url` for a field: `Annotated[str, safe("…")]`."""
    return AfterValidator(lambda url: safe_url(url, why))


def _is_long(secret: SecretStr, about: ValidationInfo) -> SecretStr:
    if len(secret.get_secret_value()) < 32:
        raise ValueError(f"{about.field_name} has 32 characters at least: openssl rand -hex 32")
    return secret


LongSecret = Annotated[SecretStr, AfterValidator(_is_long)]
"""A secret that the operator makes up."""


def fields(section: BaseModel) -> dict[str, Any]:
    """The section's values as arguments of its adapter's class: secrets and ids as plain text."""
    values = {name: getattr(section, name) for name in type(section).model_fields}
    return {
        name: _plain(value)
        for name, value in values.items()
        if value is not None and name not in _OURS
    }


_OURS: Final = frozenset({"stub", "bot_name", "tier"})
"""Keys of a section that the core uses, not the adapter."""


def _plain(value: Any) -> Any:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case UUID():
            return str(value)
        case BaseModel():
            return fields(value)
    return value
