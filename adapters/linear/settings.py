"""The section `channels.linear` of the configuration."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Final

from pydantic import SecretStr, field_validator

from approvals.port.setup import Section, Shape, safe

UUID: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
WHERE: Final = "Cmd/Ctrl K, “Copy model UUID”"


class Settings(Section):
    """`client_id`, `client_secret`: of our OAuth application, with client credentials tokens turned
    on. `webhook_secret`: the signing secret of its webhook. `issue`: the issue on which people get
    their cards. `api_url`: for a test peer."""

    account: ClassVar = Shape(UUID, "the id of a Linear user", f"open the profile, {WHERE}")
    room: ClassVar = Shape(UUID, "the id of a Linear issue", f"open the issue, {WHERE}")
    by_email: ClassVar = True

    client_id: str
    client_secret: SecretStr
    webhook_secret: SecretStr
    issue: str
    api_url: Annotated[str, safe("our app's secret and token are sent to api_url")] = (
        "https://api.linear.app"
    )

    @field_validator("issue")
    @classmethod
    def _is_an_id(cls, text: str) -> str:
        if not re.fullmatch(UUID, text):
            raise ValueError(f"issue is the id of an issue ({WHERE}), not ENG-123")
        return text


def sample() -> Settings:
    """Draws cards and sends nothing."""
    return Settings(
        client_id="preview",
        client_secret=SecretStr("preview"),
        webhook_secret=SecretStr("preview"),
        issue="00000000-0000-4000-8000-000000000000",
    )
