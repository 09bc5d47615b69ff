"""The section `channels.messenger` of the configuration."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from adapters.kit.app import App
from approvals.port.setup import Linking, Shape


class Settings(App):
    """`page_id`: of the page that writes. `templates`: names of the utility messages that Meta has
    approved, in this `language`; without them nobody is written to after the 24 hours."""

    account: ClassVar = Shape(
        "[1-9][0-9]{4,24}", "a Messenger account", "`countersign link NAME messenger` finds it"
    )
    # https://developers.facebook.com/documentation/business-messaging/messenger-platform/discovery/m-me-links
    linking: ClassVar = Linking(deep="https://m.me/{bot}?ref=link_{code}", to="the page")

    page_id: str = Field(pattern="^[1-9][0-9]{4,24}$")
    templates: dict[Literal["request", "notice"], str] = Field(default_factory=dict)
    language: str = Field("en", pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")


def sample() -> Settings:
    """Draws cards and sends nothing."""
    word = SecretStr("preview-")
    return Settings(access_token=word, app_secret=word, verify_token=word, page_id="10000")
