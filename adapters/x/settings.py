"""The section `channels.x` of the configuration."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from approvals.port.setup import Linking, Section, Shape


class Settings(Section):
    """`client_id`, `client_secret`: of the app; X signs deliveries with the secret. `user_id`: of
    our account. `refresh_token`: the first one, as X gave it when the account authorised the app;
    those that follow are kept in the database. `bearer_token`: of the app itself, for its webhook.
    `webhook_id`: without it nothing is asked for after an outage. `consumer_secret`: only where X
    still signs by that. `api_url`: for a test peer."""

    account: ClassVar = Shape(
        "[0-9]{1,19}", "the id of an account on X", "digits, in quotes; `countersign link` finds it"
    )
    room: ClassVar = Shape(
        "(?!)", "a room: X has none for us", "write `x`: each approver gets a message"
    )
    # https://developer.x.com/en/docs/x-for-websites/direct-message-button
    linking: ClassVar = Linking(
        deep="https://twitter.com/messages/compose?recipient_id={bot}&text=link%20{code}"
    )

    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    refresh_token: SecretStr = Field(min_length=1)
    bearer_token: SecretStr = Field(min_length=1)
    user_id: str = Field(pattern="^[0-9]{1,19}$")
    webhook_id: str = Field("", pattern="^([0-9]{1,19})?$")
    consumer_secret: SecretStr | None = None
    api_url: str = ""

    def needs_public_url(self) -> str:
        return "without server.public_url no reply reaches us, and links in cards lead nowhere"


def sample() -> Settings:
    """Draws cards and sends nothing."""
    return Settings(
        client_id="preview",
        client_secret=SecretStr("preview"),
        refresh_token=SecretStr("preview"),
        bearer_token=SecretStr("preview"),
        user_id="1",
    )
