"""The section `channels.instagram` of the configuration."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from adapters.kit.app import App
from approvals.port.setup import Linking, Shape


class Settings(App):
    """`account_id`: of the professional account that writes."""

    account: ClassVar = Shape(
        "[1-9][0-9]{4,24}", "an Instagram account", "`countersign link NAME instagram` finds it"
    )
    # https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/ig-me-links
    linking: ClassVar = Linking(deep="https://ig.me/m/{bot}?ref=link_{code}", to="the account")

    account_id: str = Field(pattern="^[1-9][0-9]{4,24}$")


def sample() -> Settings:
    """Draws cards and sends nothing."""
    word = SecretStr("preview-")
    return Settings(access_token=word, app_secret=word, verify_token=word, account_id="10000")
