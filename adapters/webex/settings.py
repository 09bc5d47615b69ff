"""The section `channels.webex` of the configuration."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import SecretStr, field_validator

from approvals.port.setup import Linking, LongSecret, Section, Shape, safe

CONSUMER: Final = "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi9jb25zdW1lcg"
"""The organisation of all free accounts (`ciscospark://us/ORGANIZATION/consumer`)."""


class Settings(Section):
    """`token`: of our bot. `webhook_secret`: 32 characters or more of your own, with which Webex
    signs what it delivers. `org_id`: whose people approve. `signature`: which of Webex's is
    believed. `api_url`: for other clouds and peers."""

    account: ClassVar = Shape(
        "[A-Za-z0-9_-]{20,200}={0,2}",
        "the id of a Webex person",
        "like Y2lzY29zcGFyazovL3VzL1BFT1BMRS9…: `List People` on developer.webex.com",
    )
    room: ClassVar = Shape(
        "[A-Za-z0-9_-]{20,200}={0,2}",
        "the id of a Webex space",
        "like Y2lzY29zcGFyazovL3VzL1JPT00v…: `List Rooms` on developer.webex.com",
    )
    by_email: ClassVar = True
    # In a space everybody would read it.
    linking: ClassVar = Linking(
        to="the bot in Webex, in a chat with it alone (search for its address, …@webex.bot)"
    )

    token: SecretStr
    webhook_secret: LongSecret
    org_id: str
    signature: Literal["sha1", "sha256", "sha512"] = "sha1"
    api_url: Annotated[str, safe("the bot's token is sent to api_url")] = (
        "https://webexapis.com/v1/"
    )

    @field_validator("org_id")
    @classmethod
    def _is_an_organisation(cls, value: str) -> str:
        if value.rstrip("=") == CONSUMER:
            raise ValueError("that is the organisation of all free accounts: anybody can be in it")
        return value


def sample() -> Settings:
    """Draws cards and sends nothing."""
    return Settings(
        token=SecretStr("preview"), webhook_secret=SecretStr("p" * 32), org_id="preview"
    )
