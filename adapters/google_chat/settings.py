"""The section `channels.google_chat` of the configuration."""

from __future__ import annotations

import json
import re
from typing import ClassVar, Literal

from pydantic import SecretStr, field_validator, model_validator

from approvals.port.setup import Linking, Section, Shape, safe_url


class Settings(Section):
    """`domains`: of the mail addresses of those who may approve. `app`: classic, or addon for one
    that is built as a Google Workspace add-on, which needs `endpoint_url`.

    `mode` pubsub needs `subscription` and no public URL. `api_url`, `token_url`, `keys_url`,
    `pubsub_url`: for a test peer.
    """

    account: ClassVar = Shape(
        "[0-9]{1,30}",
        "the id of a Google account",
        "a number in quotes, like '100000000000000000001'; a mail address can pass to another",
    )
    room: ClassVar = Shape(
        "[A-Za-z0-9_-]+", "the id of a Google Chat space", "what stands behind /space/ in its URL"
    )
    outbound: ClassVar = "pubsub"
    # In a space everybody would read it.
    linking: ClassVar = Linking(
        to="the app in Google Chat, in a chat with it alone (New chat, search for its name)"
    )

    service_account: SecretStr
    project_number: str
    domains: tuple[str, ...]
    app: Literal["classic", "addon"] = "classic"
    mode: Literal["webhook", "pubsub"] = "webhook"
    endpoint_url: str = ""
    subscription: str = ""
    api_url: str = "https://chat.googleapis.com/"
    token_url: str = "https://oauth2.googleapis.com/token"
    keys_url: str = ""
    pubsub_url: str = "https://pubsub.googleapis.com/"

    @field_validator("api_url", "token_url", "keys_url", "pubsub_url", "endpoint_url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        return safe_url(url, "our token goes there, or its keys prove taps") if url else url

    @field_validator("project_number")
    @classmethod
    def _is_a_number(cls, text: str) -> str:
        if not re.fullmatch("[0-9]{6,20}", text):
            raise ValueError("a number in quotes (Cloud overview, Dashboard): not the project's id")
        return text

    @field_validator("domains")
    @classmethod
    def _are_domains(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if not given or not all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", one) for one in given):
            raise ValueError("a list of your organisation's domains, like [example.com]")
        return given

    @field_validator("service_account")
    @classmethod
    def _is_a_key(cls, given: SecretStr) -> SecretStr:
        try:
            kind = json.loads(given.get_secret_value())["type"]
        except (ValueError, LookupError, TypeError):
            kind = ""
        if kind != "service_account":
            raise ValueError("write service_account_file: the JSON file of its key, from Google")
        return given

    @model_validator(mode="after")
    def _has_what_its_mode_needs(self) -> Settings:
        if self.app == "addon" and not self.endpoint_url:
            raise ValueError(
                "app: addon needs endpoint_url: the address that Google has as HTTP endpoint URL"
            )
        if self.mode == "pubsub":
            if self.app == "addon":
                raise ValueError("mode pubsub needs app: classic")
            if not re.fullmatch("projects/[^/]+/subscriptions/[^/]+", self.subscription):
                raise ValueError("mode pubsub needs subscription: projects/…/subscriptions/…")
        return self


def sample() -> Settings:
    """Draws cards and sends nothing."""
    from adapters.kit.sample import private_key  # noqa: PLC0415 - for previews only

    account = {"type": "service_account", "client_email": "preview@example.com"}
    account |= {"private_key_id": "1", "private_key": private_key()}
    return Settings(
        service_account=SecretStr(json.dumps(account)),
        project_number="123456789012",
        domains=("example.com",),
    )
