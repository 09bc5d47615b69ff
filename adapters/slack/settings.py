"""The section `channels.slack` of the configuration."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import SecretStr, model_validator

from approvals.port.setup import Linking, Section, Shape, Wanted


class Settings(Section):
    """`mode` webhook needs `signing_secret`, socket needs `app_token` and no public URL.

    `workspaces`: others than `team_id`, in which the app may be installed by
    `/channels/slack/install`. `api_url`: for a test peer.
    """

    library: ClassVar = ("slack_bolt", "slack")
    account: ClassVar = Shape(
        "(T[A-Z0-9]+/)?[UW][A-Z0-9]+",
        "a Slack member id",
        "like U024BE7LH: profile, ⋮, Copy member ID; in another workspace T024BE7LE/U024BE7LH",
    )
    room: ClassVar = Shape(
        "(T[A-Z0-9]+/)?[CGD][A-Z0-9]+",
        "the id of a Slack room",
        "like C024BE91L: at the end of About; in another workspace T024BE7LE/C024BE91L",
    )
    outbound: ClassVar = "socket"
    wanted: ClassVar = (
        Wanted(
            "bot_token",
            "The bot token, xoxb-… (`countersign setup slack --outbound` says how to make it)",
            "SLACK_BOT_TOKEN",
            "slack-bot.key",
        ),
        Wanted(
            "app_token",
            "The app-level token, xapp-…, with the scope connections:write",
            "SLACK_APP_TOKEN",
            "slack-app.key",
        ),
    )
    by_email: ClassVar = True
    # Only who types a command sees it.
    linking: ClassVar = Linking(command="/countersign {code}", where="any conversation on Slack")

    bot_token: SecretStr
    signing_secret: SecretStr | None = None
    app_token: SecretStr | None = None
    mode: Literal["webhook", "socket"] = "webhook"
    app_id: str = ""
    team_id: str = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    workspaces: tuple[str, ...] = ()
    api_url: str = "https://slack.com/api/"

    @model_validator(mode="after")
    def _has_its_secret(self) -> Settings:
        # What tokens begin with: https://docs.slack.dev/authentication/tokens. One in the other's
        # place never works.
        for name, wrong in (("bot_token", "xapp-|xoxp-|xoxe-"), ("app_token", "xox[a-z]-")):
            token: SecretStr | None = getattr(self, name)
            if token and re.match(wrong, token.get_secret_value()):
                begins = "xoxb-" if name == "bot_token" else "xapp-"
                raise ValueError(f"{name} is another kind of token: it begins with {begins}")
        # With another app's or team's, no tap would ever count.
        if not re.fullmatch("(A[A-Z0-9]+)?", self.app_id):
            raise ValueError("app_id is not an app's, like A0123ABCD (Basic Information, in Slack)")
        if not re.fullmatch("([TE][A-Z0-9]+)?", self.team_id):
            raise ValueError("team_id is not a workspace's, like T0123ABCD (in Slack's address)")
        if not all(re.fullmatch("T[A-Z0-9]+", team) for team in self.workspaces):
            raise ValueError("workspaces are ids like T0123ABCD (in Slack's address)")
        if len({*self.workspaces, self.team_id}) <= len(self.workspaces):
            raise ValueError("workspaces are others than team_id, each once")
        if self.workspaces and not (self.team_id and self.client_id and self.client_secret):
            lacks = "team_id, client_id and client_secret (Basic Information, in Slack)"
            raise ValueError(f"workspaces need {lacks}")
        if self.mode == "webhook" and self.signing_secret is None:
            raise ValueError("mode webhook needs signing_secret (Basic Information, in Slack)")
        if self.mode == "socket" and self.app_token is None:
            raise ValueError("mode socket needs app_token (Basic Information, App-Level Tokens)")
        return self


def sample() -> Settings:
    """Draws cards and sends nothing."""
    return Settings(bot_token=SecretStr("xoxb-preview"), signing_secret=SecretStr("preview"))
