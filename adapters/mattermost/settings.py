"""The section `channels.mattermost` of the configuration."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import SecretStr, field_validator

from adapters.mattermost.press import server_key
from approvals.port.setup import LongSecret, Section, Shape, safe


class Settings(Section):
    """`url`: of your Mattermost server. `token`: of a bot account there. `secret`: 32 characters or
    more of your own, by which we know our buttons again. `events_url`: where the server delivers
    presses. `server_key`: its public key; absent: it is asked for it."""

    account: ClassVar = Shape(
        "[a-z0-9]{26}", "the id of a Mattermost user", "26 letters and digits: `mmctl user search`"
    )
    room: ClassVar = Shape(
        "[a-z0-9]{26}", "the id of a Mattermost channel", "26 letters and digits: View Info"
    )
    by_email: ClassVar = True

    url: Annotated[str, safe("the bot's token is sent to url")]
    token: SecretStr
    secret: LongSecret
    events_url: Annotated[str, safe("presses, and what proves our buttons, are sent to events_url")]
    server_key: str = ""

    @field_validator("server_key")
    @classmethod
    def _is_a_key(cls, value: str) -> str:
        try:
            return server_key(value) if value else value
        except ValueError:
            why = "server_key is AsymmetricSigningPublicKey of /api/v4/config/client?format=old"
            raise ValueError(why) from None


def sample() -> Settings:
    """Draws cards and sends nothing."""
    return Settings(
        url="https://mattermost.example.com",
        token=SecretStr("preview"),
        secret=SecretStr("p" * 32),
        events_url="https://approve.example.com/channels/mattermost/events",
    )
