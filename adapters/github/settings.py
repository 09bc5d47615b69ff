"""The section `channels.github` of the configuration."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from adapters.github.places import REPOSITORY, ROOM
from adapters.github.signing import signing_key
from approvals.port.setup import LongSecret, Section, Shape, safe


class Settings(Section):
    """`app_id`, `installation_id`, `private_key`, `webhook_secret`: of a GitHub App of your own.

    `repositories`: where people's cards may stand, at the commit or in the issue that a request
    names; `inbox`: the issue for the others. `permission`: what an approver must have in the
    repository. `public`: cards may stand where everybody reads them. `api_url`: of a GitHub
    Enterprise Server.
    """

    title: ClassVar = "GitHub"
    account: ClassVar = Shape(
        "[0-9]{1,20}",
        "the id of a GitHub account",
        "a number in quotes: `gh api users/LOGIN --jq .id`; a login can pass to another",
    )
    room: ClassVar = Shape(
        ROOM, "a repository or an issue on GitHub", "owner/repository or owner/repository#12"
    )

    app_id: int = Field(gt=0)
    installation_id: int = Field(gt=0)
    private_key: SecretStr
    webhook_secret: LongSecret
    repositories: tuple[str, ...] = ()
    inbox: str = ""
    permission: Literal["read", "write", "admin"] = "write"
    public: bool = False
    api_url: Annotated[str, safe("the App's tokens are sent to api_url")] = (
        "https://api.github.com/"
    )

    @field_validator("private_key")
    @classmethod
    def _is_a_key(cls, given: SecretStr) -> SecretStr:
        try:
            signing_key(given.get_secret_value())
        except ValueError:
            why = "write private_key_file: the .pem file that GitHub gives for the App"
            raise ValueError(why) from None
        return given

    @field_validator("repositories")
    @classmethod
    def _are_repositories(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            if not re.fullmatch(REPOSITORY, one):
                raise ValueError(f"repositories: {one!r} is not owner/repository")
        return tuple(one.lower() for one in given)

    @field_validator("inbox")
    @classmethod
    def _is_an_issue(cls, given: str) -> str:
        if given and not (re.fullmatch(ROOM, given) and "#" in given):
            raise ValueError("inbox is an issue: owner/repository#12")
        return given

    @model_validator(mode="after")
    def _bars_strangers(self) -> Self:
        if self.public and self.permission == "read":
            raise ValueError(
                "permission: read bars nobody where public: true: everybody can read a public "
                "repository. Write permission: write or admin."
            )
        return self


def sample() -> Settings:
    """Draws cards and sends nothing."""
    from adapters.kit.sample import private_key  # noqa: PLC0415 - for previews only

    return Settings(
        app_id=1,
        installation_id=1,
        private_key=SecretStr(private_key()),
        webhook_secret=SecretStr("p" * 32),
        repositories=("acme/api",),
    )
