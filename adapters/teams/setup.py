"""How Teams is set up: what a person does there, and what its API can be told."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from uuid import UUID

from adapters.kit.manifest import written
from approvals.port.setup import Guide, Order, Section, Wishes


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
        "installed for those who approve: a bot can write only to who has the app."
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
        "Say in `people.NAME.teams` whose object id in Entra is whose, or give each a code by "
        "`countersign link NAME teams`: they write it to the app, in a chat with it alone.",
    )
    return Guide("teams", steps, section, events, files)


def order(section: Section, events: str | None) -> Order | None:
    """Nothing can be told: a person does every step."""
    return None


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
        package.writestr("color.png", _icon(192, (0x1F, 0x5F, 0xA8, 255)))
        package.writestr("outline.png", _icon(32, (0, 0, 0, 0)))
    return made.getvalue()


def _icon(size: int, ground: tuple[int, int, int, int]) -> bytes:
    """A white tick on the ground, as PNG: https://www.w3.org/TR/png-3/"""
    # Two strokes, in parts of the size, and half their width.
    strokes, half = (((0.24, 0.52), (0.43, 0.70)), ((0.43, 0.70), (0.77, 0.31))), 0.055

    def near(x: float, y: float) -> bool:
        for (ax, ay), (bx, by) in strokes:
            dx, dy = bx - ax, by - ay
            at = max(0.0, min(1.0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)))
            if (x - ax - at * dx) ** 2 + (y - ay - at * dy) ** 2 <= half * half:
                return True
        return False

    white, other = b"\xff\xff\xff\xff", bytes(ground)
    rows = b"".join(
        b"\x00"
        + b"".join(
            white if near((x + 0.5) / size, (y + 0.5) / size) else other for x in range(size)
        )
        for y in range(size)
    )

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
