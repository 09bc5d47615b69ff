"""The section of a channel that uses a Meta app."""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import SecretStr, field_validator

from approvals.port.setup import Section, Shape


class App(Section):
    """`access_token`: our account's. `app_secret`: signs the app's deliveries. `verify_token`: a
    secret that you make up, for the handshake. `api_url`: for a test peer."""

    room: ClassVar = Shape("(?!)", "a room: there is none for us", "each approver gets a card")

    access_token: SecretStr
    app_secret: SecretStr
    verify_token: SecretStr
    api_url: str = ""

    @field_validator("verify_token")
    @classmethod
    def _is_a_word(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch("[A-Za-z0-9_-]{8,}", value.get_secret_value()):
            raise ValueError("verify_token is 8 or more of the characters A-Z a-z 0-9 - _")
        return value
