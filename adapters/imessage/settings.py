"""The section `channels.imessage` of the configuration."""

from __future__ import annotations

import re
from typing import ClassVar, Final, Literal

from pydantic import Field, SecretStr, model_validator

from approvals.port.setup import Linking, Section, Shape, safe_url

NEEDS: Final = {
    "sinch": ("project_id", "app_id", "key_id", "key_secret", "webhook_secret"),
    "photon": ("project_id", "project_secret", "webhook_secret", "url"),
    "bluebubbles": ("url", "password", "webhook_secret"),
}
MAY: Final = {"sinch": {"auth_url"}, "photon": {"line"}, "bluebubbles": set[str]()}


class Settings(Section):
    """`provider` sinch: Apple Messages for Business through Sinch; photon: Photon Spectrum;
    bluebubbles: a BlueBubbles server on a Mac of yours. Each has fields of its own.

    `webhook_secret`: what the provider signs with; of bluebubbles, a word of yours in the address
    that it delivers to. `url`: of Photon's HTTP bridge, or of the BlueBubbles server. `line`: the
    number that we send from. `api_url`, `auth_url`: for test peers.
    """

    title: ClassVar = "iMessage"
    account: ClassVar = Shape(
        r"\+[1-9][0-9]{5,14}|[^\s@;,/A-Z]{1,64}@[^\s@;,/A-Z]{1,190}|[A-Za-z0-9:/+=._-]{6,400}",
        "an iMessage account",
        "the number with + and country, like +15551234567, or the Apple Account's address; for "
        "Apple Messages for Business the id that linking finds out (urn:mbid:…)",
    )
    room: ClassVar = Shape(
        "(?!)", "a room: groups get no cards", "write `imessage`: each approver gets a card"
    )
    linking: ClassVar = Linking(to="the number or business that your cards come from, in Messages")

    provider: Literal["sinch", "photon", "bluebubbles"]
    project_id: str = Field("", pattern=r"^[A-Za-z0-9_-]*$")
    app_id: str = Field("", pattern=r"^[A-Za-z0-9_-]*$")
    key_id: str = ""
    key_secret: SecretStr | None = None
    region: Literal["us", "eu", "br"] = "us"
    project_secret: SecretStr | None = None
    line: str = Field("", pattern=r"^(\+[1-9][0-9]{5,14})?$")
    url: str = ""
    password: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    api_url: str = ""
    auth_url: str = ""

    def wants_public_url(self) -> str:
        # A BlueBubbles server may be on this machine; a bridge of Photon's says nothing about that.
        return self.unheard(self.url if self.provider == "bluebubbles" else self.api_url)

    @model_validator(mode="after")
    def _has_what_its_provider_needs(self) -> Settings:
        wanted = {*NEEDS[self.provider]}
        for name in {name for names in (*NEEDS.values(), *MAY.values()) for name in names}:
            given = bool(getattr(self, name))
            if name in wanted and not given:
                raise ValueError(f"provider {self.provider} needs {name}")
            if given and name not in wanted | MAY[self.provider]:
                raise ValueError(f"provider {self.provider} has no use for {name}")
        secret = self.webhook_secret.get_secret_value() if self.webhook_secret else ""
        if self.provider == "bluebubbles" and not re.fullmatch("[A-Za-z0-9_-]{32,}", secret):
            raise ValueError("webhook_secret is 32 or more of the characters A-Z a-z 0-9 - _")
        for name in ("url", "api_url", "auth_url"):
            if where := getattr(self, name):
                safe_url(where, f"{name}: a secret is sent there")
        return self


def sample() -> Settings:
    """Draws cards and sends nothing."""
    return Settings(
        provider="sinch",
        project_id="preview",
        app_id="preview",
        key_id="preview",
        key_secret=SecretStr("preview"),
        webhook_secret=SecretStr("preview"),
    )
