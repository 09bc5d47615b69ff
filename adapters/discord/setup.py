"""How Discord is set up: what a person does there, and what its API can be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.discord.settings import Settings
from approvals.port.setup import Guide, Order, Section, Wishes

# https://docs.discord.com/developers/interactions/application-commands. Of type 1 is what is typed,
# 3 a string; it stands where the app was added to a server, there (0) and with the bot alone (1).
COMMAND: Final[Mapping[str, Any]] = {
    "type": 1,
    "name": "link",
    "description": "Says that this account is yours, by a code that Countersign gave you",
    "options": [
        {"type": 3, "name": "code", "description": "CS-…", "required": True, "max_length": 100}
    ],
    "integration_types": [0],
    "contexts": [0, 1],
}
"""What a code is typed into."""


def guide(events: str | None, wishes: Wishes) -> Guide:
    key = "    public_key: …  # 64 hex digits\n" if events else "    mode: gateway\n"
    section = (
        'channels:\n  discord:\n    bot_token: "${DISCORD_BOT_TOKEN}"\n'
        f'    application_id: "…"  # in quotes\n{key}'
    )
    steps = (
        "At https://discord.com/developers/applications choose New Application. Note Application "
        "ID and Public Key; under Bot make a Token, and leave Public Bot off.",
        "Under Installation, Guild Install choose the scope bot with View Channels, Send Messages "
        "and Embed Links; open the link there and add the bot to your server.",
        "Put the token into the environment as DISCORD_BOT_TOKEN.",
        "Write the section below into the configuration and start the service.",
        f"Only then enter the address below as Interactions Endpoint URL: {events}"
        if events
        else "Leave Interactions Endpoint URL empty.",
        "Run this again: it registers the command /link, which links people's accounts.",
    )
    return Guide("discord", steps, section, events)


def order(section: Section, events: str | None) -> Order | None:
    """The command that takes a code. It replaces an earlier command of the same name.

    https://docs.discord.com/developers/interactions/application-commands
    """
    assert isinstance(section, Settings)  # noqa: S101 - the folder's own
    return Order(
        "Discord",
        "register the command /link, which links people's accounts",
        "knows /link from now on",
        f"{section.api_url}/applications/{section.application_id}/commands",
        COMMAND,
        {"Authorization": f"Bot {section.bot_token.get_secret_value()}"},
    )
