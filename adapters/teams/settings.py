"""The section `channels.teams` of the configuration."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from pydantic import SecretStr, field_validator

from approvals.port.setup import Linking, Section, Shape, safe_url


class Settings(Section):
    """`tenant_id`: whose people approve. `login_tenant`: where the bot is registered, if elsewhere.
    The URLs: for other clouds and test peers."""

    title: ClassVar = "Microsoft Teams"
    library: ClassVar = ("botbuilder.schema", "teams")
    account: ClassVar = Shape(
        "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "an Entra object id",
        "in small letters, like 0d2ba6d4-9c54-4f3c-8b4e-6f2f3f1a9b10",
    )
    # In a channel everybody would read it.
    linking: ClassVar = Linking(
        to="the bot in Teams, in a chat with it alone (search for the app's name, Open)"
    )

    app_id: UUID
    app_secret: SecretStr
    tenant_id: UUID
    login_tenant: str = ""
    service_url: str = "https://smba.trafficmanager.net/teams/"
    login_url: str = "https://login.microsoftonline.com/"
    openid_url: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"

    def wants_public_url(self) -> str:
        return self.unheard(self.service_url)

    @field_validator("service_url", "login_url", "openid_url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        return safe_url(url, "our secret or token goes there")


def sample() -> Settings:
    """Draws cards and sends nothing."""
    return Settings(app_id=UUID(int=1), app_secret=SecretStr("preview"), tenant_id=UUID(int=2))
