"""How Slack is set up: what a person does there."""

from __future__ import annotations

from typing import Any, Final

from adapters.kit.manifest import written
from adapters.slack.home import SHORTCUT, TAB
from approvals.port.setup import Guide, Wishes

SCOPES: Final = ("chat:write", "commands", "im:write", "users:read", "users:read.email")
"""What the app may do."""


def guide(events: str | None, wishes: Wishes) -> Guide:
    # https://docs.slack.dev/reference/app-manifest
    interactivity: dict[str, Any] = {"is_enabled": True}
    command: dict[str, Any] = {
        "command": "/countersign",
        "description": "Lists what waits for you, or links this account",
        "usage_hint": "nothing, or CS-…, the code that Countersign gave you",
        "should_escape": False,
    }
    app_home = {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": True,
    }
    shortcut = {
        "name": "Waiting for me",
        "type": "global",
        "callback_id": SHORTCUT,
        "description": "Lists the requests that wait for you",
    }
    subscriptions: dict[str, Any] = {"bot_events": [TAB]}
    if events:
        interactivity["request_url"] = command["url"] = events
        subscriptions["request_url"] = events
    manifest = {
        "display_information": {
            "name": "Countersign",
            "description": "A human signs off before an agent acts",
        },
        "features": {
            "app_home": app_home,
            "bot_user": {"display_name": "Countersign", "always_online": True},
            "shortcuts": [shortcut],
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": subscriptions,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": events is None,
            "token_rotation_enabled": False,
        },
    }
    secret = "SLACK_SIGNING_SECRET" if events else "SLACK_APP_TOKEN"
    what = (
        "Note the Signing Secret and the App ID under Basic Information."
        if events
        else "Under Basic Information, App-Level Tokens, make one with the scope connections:write."
    )
    more = "signing_secret" if events else "mode: socket\n    app_token"
    section = (
        f'channels:\n  slack:\n    bot_token: "${{SLACK_BOT_TOKEN}}"\n'
        f'    {more}: "${{{secret}}}"\n'
        "    app_id: A…\n    team_id: T…\n"
    )
    steps = (
        "At https://api.slack.com/apps choose Create New App, From an app manifest, your "
        "workspace, JSON, and paste slack-manifest.json.",
        "Install to Workspace. Note the Bot User OAuth Token (xoxb-…).",
        what,
        f"Put both into the environment as SLACK_BOT_TOKEN and {secret}.",
        "People are found by `people.NAME.email`; no account id is needed. Others link their "
        "account: `countersign link NAME slack`.",
    )
    return Guide("slack", steps, section, events, {"slack-manifest.json": written(manifest)})
