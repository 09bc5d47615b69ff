"""The sections of `channels:` in the configuration, and the adapters that are made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from adapters import CHANNELS
from approvals.channel import Channel
from approvals.cli import templates
from approvals.config import Shape
from approvals.proof import ed25519_key


class Section(BaseModel):
    """What every channel's section has. `account`, `room`: how the platform writes these ids.
    `library`: what the channel needs installed, and the name of the extra that brings it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    account: ClassVar[Shape | None] = None
    room: ClassVar[Shape | None] = None
    library: ClassVar[tuple[str, str] | None] = None

    def needs_public_url(self) -> str:
        """Why the channel cannot work without `server.public_url`; "" where it can."""
        return ""

    def wants_public_url(self) -> str:
        """Why it most likely does not; "" where it does. A tunnel may lead to us unnamed."""
        return ""

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
            _installed(*self.library)
        return self


def _installed(module: str, extra: str) -> None:
    try:
        there = find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it would be in
        there = False
    if not there:
        how = f"pip install 'countersign-server[{extra}]'"
        raise ValueError(f"the library of {extra} is not installed: {how}")


class Slack(Section):
    """`mode` webhook needs `signing_secret`, socket needs `app_token` and no public URL.

    `stub`: cards show the title and a link only. `api_url`: for a test peer.
    """

    library: ClassVar = ("slack_sdk", "slack")
    account: ClassVar = Shape(
        "[UW][A-Z0-9]+", "a Slack member id", "like U024BE7LH: profile, ⋮, Copy member ID"
    )
    room: ClassVar = Shape(
        "[CGD][A-Z0-9]+", "the id of a Slack room", "like C024BE91L: at the end of About"
    )

    bot_token: SecretStr
    signing_secret: SecretStr | None = None
    app_token: SecretStr | None = None
    mode: Literal["webhook", "socket"] = "webhook"
    app_id: str = ""
    team_id: str = ""
    api_url: str = "https://slack.com/api/"
    stub: bool = False

    def wants_public_url(self) -> str:
        return _unheard("Slack", self.api_url, self.mode, "socket")

    @model_validator(mode="after")
    def _has_its_secret(self) -> Slack:
        if self.mode == "webhook" and self.signing_secret is None:
            raise ValueError("mode webhook needs signing_secret (Basic Information, in Slack)")
        if self.mode == "socket" and self.app_token is None:
            raise ValueError("mode socket needs app_token (Basic Information, App-Level Tokens)")
        return self


class Telegram(Section):
    """`mode` webhook needs the `secret_token` that setWebhook was given; polling no public URL.

    `bot_name`: the bot's user name, for the link that the inbox shows to who links an account.
    `stub`: cards show the title and a link only. `api_url`: for a test peer or a server of one's
    own; the bot's token and the method follow it.
    """

    library: ClassVar = ("telegram", "telegram")
    account: ClassVar = Shape(
        "[1-9][0-9]{0,19}",
        "the number of a Telegram account",
        "like 100000001; a user name can pass to somebody else",
    )
    room: ClassVar = Shape(
        "-?[1-9][0-9]{0,19}(/[0-9]+)?", "the number of a Telegram chat", "like -1001234567890"
    )

    bot_token: SecretStr
    secret_token: SecretStr | None = None
    mode: Literal["webhook", "polling"] = "webhook"
    bot_name: str = Field("", pattern=r"^@?[A-Za-z0-9_]{0,32}$")
    api_url: str = "https://api.telegram.org/bot"
    stub: bool = False

    def wants_public_url(self) -> str:
        return _unheard("Telegram", self.api_url, self.mode, "polling")

    @model_validator(mode="after")
    def _has_its_secret(self) -> Telegram:
        if not re.fullmatch(r"[0-9]+:\S+", self.bot_token.get_secret_value()):
            raise ValueError("bot_token is a number, a colon and letters, as @BotFather gave it")
        if self.mode == "webhook" and self.secret_token is None:
            raise ValueError("mode webhook needs secret_token (the one that setWebhook was given)")
        secret = self.secret_token.get_secret_value() if self.secret_token else "-"
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise ValueError("secret_token is 1 to 256 characters of A-Z, a-z, 0-9, _ and -")
        return self


class Discord(Section):
    """`mode` webhook needs the application's `public_key`; gateway no public URL.

    `stub`: cards show the title and a link only. `api_url`, `gateway_url`: for a test peer.
    """

    library: ClassVar = ("discord", "discord")
    account: ClassVar = Shape(
        "[0-9]{17,20}", "the id of a Discord account", "17 to 20 digits, in quotes: Copy User ID"
    )
    room: ClassVar = Shape(
        "[0-9]{17,20}", "the id of a Discord channel", "17 to 20 digits: Copy Channel ID"
    )

    bot_token: SecretStr
    application_id: str
    public_key: str = ""
    mode: Literal["webhook", "gateway"] = "webhook"
    api_url: str = "https://discord.com/api/v10"
    gateway_url: str = "wss://gateway.discord.gg/"
    stub: bool = False

    def wants_public_url(self) -> str:
        return _unheard("Discord", self.api_url, self.mode, "gateway")

    @model_validator(mode="after")
    def _has_its_key(self) -> Discord:
        if not re.fullmatch("[0-9]{17,20}", self.application_id):
            raise ValueError("application_id is 17 to 20 digits, in quotes (General Information)")
        if self.mode == "webhook" and not re.fullmatch("[0-9a-f]{64}", self.public_key):
            raise ValueError("mode webhook needs public_key, 64 hex digits (General Information)")
        if self.public_key:
            try:
                ed25519_key(bytes.fromhex(self.public_key))
            except ValueError as error:
                raise ValueError(
                    f"public_key: {error}; copy it from the Developer Portal, General Information"
                ) from None
        return self


class Teams(Section):
    """`tenant_id`: whose people approve. `login_tenant`: where the bot is registered, if elsewhere.

    `stub`: cards show the title and a link only. The URLs: for other clouds and test peers.
    """

    library: ClassVar = ("botbuilder.schema", "teams")
    account: ClassVar = Shape(
        "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "an Entra object id",
        "in small letters, like 0d2ba6d4-9c54-4f3c-8b4e-6f2f3f1a9b10",
    )

    app_id: UUID
    app_secret: SecretStr
    tenant_id: UUID
    login_tenant: str = ""
    service_url: str = "https://smba.trafficmanager.net/teams/"
    login_url: str = "https://login.microsoftonline.com/"
    openid_url: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    stub: bool = False

    def wants_public_url(self) -> str:
        return _unheard("Teams", self.service_url)

    @field_validator("service_url", "login_url", "openid_url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        return _safe(url, "our secret or token goes there")


class Actionable(BaseModel):
    """Outlook's cards. `originator`: the provider's id. `tenant_id`: whose people's presses count.
    `app_id`: our registration with Microsoft Entra. `login_url`: for other clouds and test peers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    originator: UUID
    tenant_id: UUID
    app_id: UUID
    login_url: str = "https://login.microsoftonline.com/"

    @field_validator("login_url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        return _safe(url, "its keys verify button presses")


class Email(Section):
    """`from`, and `reply_to`: an address, with a name or without. `port` 0: as `security` has it.

    `security` none: without TLS, to a server on this machine only. A server that wants no login
    has neither `user` nor `password`. `actionable`: mails carry Outlook's own cards as well.
    """

    library: ClassVar = ("aiosmtplib", "email")

    secretless: ClassVar[bool] = True  # where no variable is named that is not set

    host: str = Field(min_length=1)
    port: int = Field(default=0, ge=0, le=65535)
    user: str = ""
    password: SecretStr = SecretStr("")
    sender: str = Field(alias="from")
    reply_to: str = ""
    security: Literal["starttls", "tls", "none"] = "starttls"
    actionable: Actionable | None = None
    stub: bool = False

    def needs_public_url(self) -> str:
        return "without server.public_url the links in mails lead nowhere"

    @model_validator(mode="after")
    def _can_be_used(self) -> Email:
        # Whatever the adapter refuses, it refuses in words.
        CHANNELS["email"]()(render=lambda values: {}, **_fields(self))
        return self


class WhatsApp(Section):
    """`provider` meta: Meta's Cloud API; twilio: Twilio. Each needs the secrets of its own.

    `templates`: names or content SIDs of other templates than our page's. `accounts`: which id of a
    person counts where a delivery has both. `stub`: cards show the title and a link only.
    """

    account: ClassVar = Shape(
        r"[1-9][0-9]{5,14}|[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}",
        "a WhatsApp account",
        "the number with its country and without + or blanks, like 15551234567",
    )

    provider: Literal["meta", "twilio"]
    access_token: SecretStr | None = None
    app_secret: SecretStr | None = None
    verify_token: SecretStr | None = None
    phone_number_id: str = Field("", pattern=r"^[0-9]*$")
    account_sid: str = Field("", pattern=r"^(AC[0-9a-f]{32})?$")
    auth_token: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    sender: str = Field("", pattern=r"^(\+[1-9][0-9]{5,14})?$")
    webhook_url: str = Field("", pattern=r"^(https://[^?#\s]+)?$")
    templates: dict[
        Literal["request", "review", "notice", "session_request", "session_review"], str
    ] = Field(default_factory=dict)
    language: str = Field("en", pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")
    accounts: Literal["phone", "user_id"] = "phone"
    api_url: str = ""
    stub: bool = False

    def wants_public_url(self) -> str:
        return _unheard("WhatsApp", self.api_url or "https://")

    @model_validator(mode="after")
    def _has_what_its_provider_needs(self) -> WhatsApp:
        names = {
            "meta": ("access_token", "app_secret", "verify_token", "phone_number_id"),
            "twilio": ("account_sid", "auth_token", "sender", "webhook_url"),
        }
        for provider, wanted in names.items():
            for name in wanted:
                if bool(getattr(self, name)) != (provider == self.provider):
                    how = "needs" if provider == self.provider else "has no use for"
                    raise ValueError(f"provider {self.provider} {how} {name}")
        word = self.verify_token.get_secret_value() if self.verify_token else ""
        if not re.fullmatch("([A-Za-z0-9_-]{8,})?", word):
            raise ValueError("verify_token is 8 or more of the characters A-Z a-z 0-9 - _")
        if self.provider == "twilio":
            _installed("twilio", "whatsapp")
        if self.provider == "twilio" and not {"request", "review", "notice"} <= {*self.templates}:
            raise ValueError("provider twilio needs templates: {request, review, notice}")
        return self


SECTIONS: Final[Mapping[str, type[BaseModel]]] = {
    "discord": Discord,
    "email": Email,
    "slack": Slack,
    "teams": Teams,
    "telegram": Telegram,
    "whatsapp": WhatsApp,
}
"""Every channel that there is an adapter for; a test proves that these are CHANNELS."""

_OURS: Final = frozenset({"stub", "bot_name"})
"""Keys of a section that are for the core and not for the adapter."""


def made(sections: Mapping[str, BaseModel], own: Mapping[str, Path]) -> dict[str, Channel]:
    """The adapters of the channels that are on. `own`: templates of the owner's, by channel."""
    return {
        name: CHANNELS[name]()(render=templates.load(name, own), **_fields(section))
        for name, section in sections.items()
    }


def stubs(sections: Mapping[str, BaseModel]) -> frozenset[str]:
    """The channels whose cards show the title only."""
    return frozenset(name for name, section in sections.items() if getattr(section, "stub", False))


def bots(sections: Mapping[str, BaseModel]) -> dict[str, str]:
    """What our bot is called, on the channels whose sections say so (`bot_name`)."""
    named = {name: getattr(section, "bot_name", "") for name, section in sections.items()}
    return {name: bot for name, bot in named.items() if bot}


def _unheard(platform: str, api_url: str, mode: str = "", outbound: str = "") -> str:
    """Why no tap may come: the platform delivers them to an address, and we have none. A peer on
    this machine needs none."""
    if mode == outbound != "" or urlsplit(api_url).hostname in ("127.0.0.1", "localhost", "::1"):
        return ""
    other = f", or mode: {outbound}, which needs none" if outbound else ""
    return f"{platform} delivers taps to an address. Set server.public_url{other}"


def _safe(url: str, why: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise ValueError(f"{why}: it must begin with https://")
    return url


def _fields(section: BaseModel) -> dict[str, Any]:
    values = {name: getattr(section, name) for name in type(section).model_fields}
    return {
        name: _plain(value)
        for name, value in values.items()
        if value is not None and name not in _OURS
    }


def _plain(value: Any) -> Any:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case UUID():
            return str(value)
        case BaseModel():
            return _fields(value)
    return value


def samples() -> dict[str, BaseModel]:
    """Sections that draw cards and send nothing: `countersign preview`."""
    return {
        "slack": Slack(bot_token=SecretStr("xoxb-preview"), signing_secret=SecretStr("preview")),
        "teams": Teams(app_id=UUID(int=1), app_secret=SecretStr("preview"), tenant_id=UUID(int=2)),
        "telegram": Telegram(bot_token=SecretStr("1:preview"), secret_token=SecretStr("preview")),
        "discord": Discord(
            bot_token=SecretStr("preview"), application_id="1" * 18, public_key="d7" * 32
        ),
        "whatsapp": WhatsApp(
            provider="meta",
            access_token=SecretStr("preview"),
            app_secret=SecretStr("preview"),
            verify_token=SecretStr("preview-"),
            phone_number_id="1",
        ),
        "email": Email.model_validate({"host": "localhost", "from": "countersign@example.com"}),
    }
