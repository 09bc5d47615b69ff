"""The section `channels.email` of the configuration."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from approvals.port.setup import Section, Shape, fields, safe


class Actionable(BaseModel):
    """Outlook's cards. `originator`: the provider's id. `tenant_id`: whose people's presses count.
    `app_id`: our registration with Microsoft Entra. `login_url`: for other clouds and test peers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    originator: UUID
    tenant_id: UUID
    app_id: UUID
    login_url: Annotated[str, safe("its keys verify button presses")] = (
        "https://login.microsoftonline.com/"
    )


class Settings(Section):
    """`from`, and `reply_to`: an address, with a name or without. `port` 0: as `security` has it.

    `security` none: without TLS, to a server on this machine only. A server that wants no login
    has neither `user` nor `password`. `actionable`: mails carry Outlook's own cards as well.
    """

    title: ClassVar = "E-mail"
    library: ClassVar = ("aiosmtplib", "email")

    room: ClassVar = Shape(
        "(?!)",
        "a room: mail has none, since a shared mailbox does not say who answers",
        "write `email`: each approver gets a mail",
    )
    secretless: ClassVar[bool] = True  # where no variable is named that is not set

    host: str = Field(min_length=1)
    port: int = Field(default=0, ge=0, le=65535)
    user: str = ""
    password: SecretStr = SecretStr("")
    sender: str = Field(alias="from")
    reply_to: str = ""
    security: Literal["starttls", "tls", "none"] = "starttls"
    actionable: Actionable | None = None

    def needs_public_url(self) -> str:
        return "without server.public_url the links in mails lead nowhere"

    @model_validator(mode="after")
    def _can_be_used(self) -> Settings:
        # Whatever the adapter refuses, it refuses in words.
        from adapters.email.adapter import Email  # noqa: PLC0415 - where the channel is on

        Email(render=lambda values: {}, **fields(self))
        if (self.port, self.security) in ((465, "starttls"), (587, "tls")):
            other = "tls" if self.port == 465 else "starttls"
            raise ValueError(f"port {self.port} needs security: {other}")
        return self


def sample() -> Settings:
    """Draws cards and sends nothing."""
    return Settings.model_validate({"host": "localhost", "from": "countersign@example.com"})
