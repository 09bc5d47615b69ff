"""The section `channels.matrix` of the configuration."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, model_validator

from adapters.matrix.ids import ROOM, SERVER, USER
from approvals.port.setup import Linking, Section, Shape, Wanted, safe_url


class Settings(Section):
    """`api_url`: the homeserver. `user`: our bot's id there. `access_token`: the bot's, or in mode
    appservice the registration's `as_token`; there `hs_token` as well.

    `servers`: whose users may decide, without it those of the bot's own.
    """

    account: ClassVar = Shape(USER, "the id of a Matrix user", "like @dana:acme.example")
    room: ClassVar = Shape(
        ROOM, "the id of a Matrix room", "like !AbC…, from the room's settings; not its #alias"
    )
    outbound: ClassVar = "sync"
    wanted: ClassVar = (
        Wanted("api_url", "The homeserver's address", "MATRIX_URL", pattern=r"https?://[^\s/]+/?"),
        Wanted(
            "user", "The bot's user id, like @countersign:acme.example", "MATRIX_USER", pattern=USER
        ),
        Wanted("access_token", "The bot's access token", "MATRIX_ACCESS_TOKEN", "matrix.key"),
    )
    linking: ClassVar = Linking(to="the bot on Matrix, in a chat with it alone, unencrypted")

    api_url: str
    user: str = Field(pattern=rf"^{USER}$")
    access_token: SecretStr
    hs_token: SecretStr | None = None
    mode: Literal["sync", "appservice"] = "sync"
    servers: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_sound(self) -> Settings:
        safe_url(self.api_url, "the bot's token is sent to api_url")
        if (self.mode == "appservice") == (self.hs_token is None):
            raise ValueError("mode appservice needs hs_token, and mode sync must not have it")
        for one in self.servers:
            if not re.fullmatch(SERVER, one):
                raise ValueError(f"servers: {one!r} is no server name; like acme.example")
        return self


def sample() -> Settings:
    """Draws cards and sends nothing."""
    return Settings(
        api_url="https://matrix.example.com",
        user="@countersign:example.com",
        access_token=SecretStr("preview"),
    )
