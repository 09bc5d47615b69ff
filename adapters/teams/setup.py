"""How Teams is set up: what a person does there."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Final
from uuid import UUID

from adapters.kit.manifest import written
from approvals.port.setup import Guide, Wishes

HERE: Final = Path(__file__).parent


def guide(events: str | None, wishes: Wishes) -> Guide:
    app_id = wishes.app_id
    if events is None:
        raise ValueError("Teams delivers over https only: it needs server.public_url.")
    section = (
        f"channels:\n  teams:\n    app_id: {app_id or '…'}\n"
        '    app_secret: "${TEAMS_APP_SECRET}"\n    tenant_id: …\n'
    )
    files = {} if app_id is None else {"countersign-teams.zip": _package(app_id, events)}
    last = (
        "Upload countersign-teams.zip in the Teams admin center (Manage apps) and have it "
        "installed for those who approve: a bot can write only to people who have the app."
        if app_id
        else "Run this again with --app-id and the App ID: it makes the app package to upload."
    )
    steps = (
        "In https://portal.azure.com create an Azure Bot, type Single Tenant. Note the Microsoft "
        "App ID and the App Tenant ID; under Manage Password make a client secret.",
        f"Configuration, Messaging endpoint: {events}",
        "Channels: add Microsoft Teams.",
        "Put the client secret into the environment as TEAMS_APP_SECRET.",
        last,
        "Write each person's Entra object id into `people.NAME.teams`, or give them a code by "
        "`countersign link NAME teams`, which they send to the app in a private chat.",
    )
    return Guide("teams", steps, section, events, files)


def _package(app_id: UUID, events: str) -> bytes:
    # https://learn.microsoft.com/microsoftteams/platform/resources/schema/manifest-schema
    url = events.removesuffix("/channels/teams/events")
    manifest = {
        "$schema": "https://developer.microsoft.com/json-schemas/teams/v1.16/"
        "MicrosoftTeams.schema.json",
        "manifestVersion": "1.16",
        "version": "1.0.0",
        "id": str(app_id),
        "developer": {
            "name": "Countersign",
            "websiteUrl": url,
            "privacyUrl": url,
            "termsOfUseUrl": url,
        },
        "name": {"short": "Countersign", "full": "Countersign"},
        "description": {
            "short": "A human signs off before an agent acts",
            "full": "Asks those who may decide before an AI agent acts, and shows what it asks.",
        },
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": "#1F5FA8",
        "bots": [
            {
                "botId": str(app_id),
                "scopes": ["personal", "team"],
                "supportsFiles": False,
                "isNotificationOnly": False,
            }
        ],
        "validDomains": [],
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("manifest.json", written(manifest))
        for icon in ("color.png", "outline.png"):
            package.writestr(icon, (HERE / icon).read_bytes())
    return made.getvalue()
