"""The section `channels.whatsapp` of the configuration."""

from __future__ import annotations

import re
from typing import ClassVar, Final, Literal

from pydantic import Field, SecretStr, model_validator

from adapters.whatsapp.news import ACCOUNT
from approvals.port.setup import Linking, Section, Shape, installed

NEEDS: Final = {
    "meta": ("access_token", "app_secret", "verify_token", "phone_number_id"),
    "twilio": ("account_sid", "auth_token", "sender", "webhook_url"),
}


class Settings(Section):
    """`provider` meta: Meta's Cloud API; twilio: Twilio. Each needs the secrets of its own.

    `templates`: names or content SIDs of other templates than our page's. `accounts`: which id of a
    person counts where a delivery has both.
    """

    title: ClassVar = "WhatsApp"
    account: ClassVar = Shape(
        ACCOUNT,
        "a WhatsApp account",
        "the number with its country and without + or blanks, like 15551234567",
    )
    room: ClassVar = Shape(
        "(?!)", "a room: WhatsApp has none for us", "write `whatsapp`: each approver gets a card"
    )
    # The bot's name is its number, digits only: https://faq.whatsapp.com/5913398998672934
    linking: ClassVar = Linking(deep="https://wa.me/{bot}?text=link%20{code}")

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

    @model_validator(mode="after")
    def _has_what_its_provider_needs(self) -> Settings:
        for provider, wanted in NEEDS.items():
            for name in wanted:
                if bool(getattr(self, name)) != (provider == self.provider):
                    how = "needs" if provider == self.provider else "has no use for"
                    raise ValueError(f"provider {self.provider} {how} {name}")
        word = self.verify_token.get_secret_value() if self.verify_token else ""
        if not re.fullmatch("([A-Za-z0-9_-]{8,})?", word):
            raise ValueError("verify_token is 8 or more of the characters A-Z a-z 0-9 - _")
        if self.provider == "twilio":
            installed("twilio", "whatsapp")
        if self.provider == "twilio" and not {"request", "review", "notice"} <= {*self.templates}:
            raise ValueError("provider twilio needs templates: {request, review, notice}")
        return self


def sample() -> Settings:
    """Draws cards and sends nothing."""
    return Settings(
        provider="meta",
        access_token=SecretStr("preview"),
        app_secret=SecretStr("preview"),
        verify_token=SecretStr("preview-"),
        phone_number_id="1",
    )
