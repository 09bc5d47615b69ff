"""The section `channels.telegram` of the configuration."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, model_validator

from approvals.port.setup import Linking, Section, Shape, Wanted


class Settings(Section):
    """`mode` webhook needs the `secret_token` that setWebhook was given; polling no public URL.

    `bot_name`: the bot's user name, for the link that the inbox shows to who links an account.
    `api_url`: for a test peer or a server of one's own; the bot's token and the method follow it.
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
    outbound: ClassVar = "polling"
    wanted: ClassVar = (
        Wanted(
            "bot_token",
            "The bot's token (write /newbot to @BotFather in Telegram)",
            "TELEGRAM_BOT_TOKEN",
            "telegram.key",
            r"[0-9]+:\S+",
        ),
    )
    # https://core.telegram.org/bots/features#deep-linking
    linking: ClassVar = Linking(deep="https://t.me/{bot}?start={code}")

    bot_token: SecretStr
    secret_token: SecretStr | None = None
    mode: Literal["webhook", "polling"] = "webhook"
    bot_name: str = Field("", pattern=r"^@?[A-Za-z0-9_]{0,32}$")
    api_url: str = "https://api.telegram.org/bot"

    @model_validator(mode="after")
    def _has_its_secret(self) -> Settings:
        if not re.fullmatch(r"[0-9]+:\S+", self.bot_token.get_secret_value()):
            raise ValueError("bot_token is a number, a colon and letters, as @BotFather gave it")
        if self.mode == "webhook" and self.secret_token is None:
            raise ValueError("mode webhook needs secret_token (the one that setWebhook was given)")
        secret = self.secret_token.get_secret_value() if self.secret_token else "-"
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise ValueError("secret_token is 1 to 256 characters of A-Z, a-z, 0-9, _ and -")
        return self


def sample() -> Settings:
    """Draws cards and sends nothing."""
    return Settings(bot_token=SecretStr("1:preview"), secret_token=SecretStr("preview"))
