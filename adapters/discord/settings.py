"""The section `channels.discord` of the configuration."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import SecretStr, model_validator

from approvals.port.setup import Linking, Section, Shape, Wanted
from approvals.proof import ed25519_key


class Settings(Section):
    """`mode` webhook needs the application's `public_key`; gateway no public URL. `api_url`,
    `gateway_url`: for a test peer."""

    library: ClassVar = ("discord", "discord")
    account: ClassVar = Shape(
        "[0-9]{17,20}", "the id of a Discord account", "17 to 20 digits, in quotes: Copy User ID"
    )
    room: ClassVar = Shape(
        "[0-9]{17,20}", "the id of a Discord channel", "17 to 20 digits: Copy Channel ID"
    )
    outbound: ClassVar = "gateway"
    wanted: ClassVar = (
        Wanted(
            "application_id",
            "The Application ID (https://discord.com/developers/applications)",
            "",
            "",
            r"[0-9]{17,20}",
        ),
        Wanted("bot_token", "The bot's token", "DISCORD_BOT_TOKEN", "discord.key"),
    )
    # Only who types a command sees it.
    linking: ClassVar = Linking(
        command="/link code:{code}", where="a direct message to the bot on Discord"
    )

    bot_token: SecretStr
    application_id: str
    public_key: str = ""
    mode: Literal["webhook", "gateway"] = "webhook"
    api_url: str = "https://discord.com/api/v10"
    gateway_url: str = "wss://gateway.discord.gg/"

    @model_validator(mode="after")
    def _has_its_key(self) -> Settings:
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


def sample() -> Settings:
    """Draws cards and sends nothing."""
    return Settings(bot_token=SecretStr("preview"), application_id="1" * 18, public_key="d7" * 32)
