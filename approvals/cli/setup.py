"""`countersign setup CHANNEL`: what to do on the platform, what to paste there, what to write here.

It needs no account anywhere and reads the configuration only for our address. The platform's own
API is asked where it can do a step (Telegram), after the person said yes.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiohttp

from approvals.cli import serve, whatsapp
from approvals.cli.exits import Exit, Stop
from approvals.config import Config

OURS: Final = "<server.public_url>"
"""Stands for our address where none is known; `check` refuses it."""
OUTBOUND: Final = {"discord": "gateway", "slack": "socket", "telegram": "polling"}
"""The channels that work without an address of ours, and what their `mode` is then."""
PATIENCE: Final = 20.0
SCOPES: Final = ("chat:write", "commands", "im:write", "users:read", "users:read.email")
"""What the Slack app may do; a test compares them with what the adapter checks."""
UPDATES: Final = ("callback_query", "message")
"""https://core.telegram.org/bots/api#update; a test compares them with the adapter's."""
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
"""What Discord is told that a code is typed into; a test compares it with the adapter's."""


@dataclass(frozen=True, slots=True)
class Guide:
    """What a person does, in order; files to give the platform; what to write into our file."""

    channel: str
    steps: tuple[str, ...]
    section: str
    events_url: str | None
    """Where the platform delivers; None: we open the connection."""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    missing: str = ""
    """What has to be known before this can be followed, and how it becomes known."""

    def as_json(self) -> dict[str, Any]:
        names = sorted(self.files)
        named = {"channel": self.channel, "events_url": self.events_url, "files": names}
        steps = {"steps": list(self.steps), "section": self.section}
        return {**named, **steps, "missing": self.missing or None}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What some channels need to be told. `app_id`: Teams, the bot's; `provider`: of WhatsApp."""

    app_id: UUID | None = None
    provider: str = "meta"


def guide(channel: str, url: str | None, *, outbound: bool, wishes: Wishes) -> Guide:
    """How this channel is set up. `Stop` for an unknown one.

    `url`: our address, if it is known. `outbound`: none that the platform could reach.
    """
    if channel not in GUIDES:
        raise Stop(Exit.FAILED, f"There is no channel {channel!r}. Known: {', '.join(GUIDES)}.")
    events = None if outbound else f"{url or OURS}/channels/{channel}/events"
    made = GUIDES[channel](events, wishes)
    if url or made.events_url is None:
        return made
    other = f", or choose --outbound (mode: {OUTBOUND[channel]})" if channel in OUTBOUND else ""
    missing = (
        f"server.public_url is missing: {channel} has to know where to deliver. Write it into the "
        f"configuration, give it with --url https://…{other}."
    )
    # A file with a wrong address in it would be pasted all the same.
    files = {name: body for name, body in made.files.items() if channel == "whatsapp"}
    steps = (
        "Set the address first, then run this again: it goes into what you paste.",
        *made.steps,
    )
    return replace(made, events_url=None, steps=steps, files=files, missing=missing)


def outbound(config: Config | None, channel: str) -> bool:
    """Is the channel configured so that we open the connection?"""
    section: Any = config.channels.get(channel) if config else None
    return getattr(section, "mode", "") == OUTBOUND.get(channel, "none")


def address(path: Path) -> tuple[Config | None, str | None]:
    """The configuration, if there is a sound one, and our address by it."""
    if not path.exists():
        return None, None
    config = serve.configuration(path)
    return config, config.public_url


def _slack(events: str | None, wishes: Wishes) -> Guide:
    # https://docs.slack.dev/reference/app-manifest
    interactivity: dict[str, Any] = {"is_enabled": True}
    command: dict[str, Any] = {
        "command": "/countersign",
        "description": "Says that this account is yours",
        "usage_hint": "CS-…, the code that Countersign gave you",
        "should_escape": False,
    }
    if events:
        interactivity["request_url"] = command["url"] = events
    manifest = {
        "display_information": {
            "name": "Countersign",
            "description": "A human signs off before an agent acts",
        },
        "features": {
            "bot_user": {"display_name": "Countersign", "always_online": True},
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
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
    return Guide("slack", steps, section, events, {"slack-manifest.json": _json(manifest)})


def _telegram(events: str | None, wishes: Wishes) -> Guide:
    first = "In Telegram write to @BotFather: /newbot, a name, a user name. Note the token."
    each = (
        "Every approver opens the bot and presses Start, before which it cannot write to them: the "
        "link of `countersign link NAME telegram` does that, and says whose account it is."
    )
    if events is None:
        section = (
            'channels:\n  telegram:\n    bot_token: "${TELEGRAM_BOT_TOKEN}"\n    mode: polling\n'
        )
        steps: tuple[str, ...] = (first, "Put it into the environment as TELEGRAM_BOT_TOKEN.", each)
        return Guide("telegram", steps, section, None)
    section = (
        'channels:\n  telegram:\n    bot_token: "${TELEGRAM_BOT_TOKEN}"\n'
        '    secret_token: "${TELEGRAM_SECRET_TOKEN}"\n'
    )
    steps = (
        first,
        "Make a secret: openssl rand -hex 32",
        "Put both into the environment as TELEGRAM_BOT_TOKEN and TELEGRAM_SECRET_TOKEN.",
        "Write the section below into the configuration and run this again: it tells Telegram "
        "where to deliver.",
        each,
    )
    return Guide("telegram", steps, section, events)


def _discord(events: str | None, wishes: Wishes) -> Guide:
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
        "Run this again: it registers the command /link, by which people link their accounts.",
    )
    return Guide("discord", steps, section, events)


def _teams(events: str | None, wishes: Wishes) -> Guide:
    app_id = wishes.app_id
    if events is None:
        raise Stop(Exit.FAILED, "Teams delivers over https only: it needs server.public_url.")
    section = (
        f"channels:\n  teams:\n    app_id: {app_id or '…'}\n"
        '    app_secret: "${TEAMS_APP_SECRET}"\n    tenant_id: …\n'
    )
    files = {} if app_id is None else {"countersign-teams.zip": _teams_package(app_id, events)}
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


def _email(events: str | None, wishes: Wishes) -> Guide:
    section = (
        "channels:\n  email:\n    host: …  # your provider's submission server\n    user: …\n"
        '    password: "${SMTP_PASSWORD}"\n    from: Countersign <…>\n'
    )
    steps = (
        "At your mail provider make a mailbox, or a sender, of its own for this, with a password "
        "for SMTP.",
        "Have the provider sign for its domain (DKIM), and publish SPF and DMARC for it: mail "
        "that is not signed ends up as spam.",
        "Switch click tracking off: it would rewrite the links and open them by itself.",
        "Put the password into the environment as SMTP_PASSWORD.",
        "People are written to at `people.NAME.email`, or at a mailbox that they link: "
        "`countersign link NAME email --to ADDRESS`. Links in mails need server.public_url.",
    )
    return Guide("email", steps, section, None)


def _whatsapp(events: str | None, wishes: Wishes) -> Guide:
    if events is None:
        raise Stop(Exit.FAILED, "WhatsApp delivers over https only: it needs server.public_url.")
    files = whatsapp.files(wishes.provider)
    names = ", ".join(files)
    if wishes.provider == "twilio":
        section = (
            "channels:\n  whatsapp:\n    provider: twilio\n"
            '    account_sid: "${TWILIO_ACCOUNT_SID}"\n    auth_token: "${TWILIO_AUTH_TOKEN}"\n'
            f'    sender: "+…"  # the number\n    webhook_url: {events}\n    templates:\n'
            + "".join(f"      {kind}: HX…\n" for kind in whatsapp.kinds(files))
        )
        steps: tuple[str, ...] = (
            "In the Twilio console get a WhatsApp sender (Messaging, Senders). Note the Account "
            "SID and the Auth Token.",
            f"As the sender's Webhook URL for incoming messages enter {events}, method POST.",
            f"Make a content of each file ({names}): POST it to "
            "https://content.twilio.com/v1/Content. Each answer has a sid (HX…).",
            "Have the first three approved: POST /v1/Content/HX…/ApprovalRequests/whatsapp with "
            '{"name": "countersign_request", "category": "UTILITY"}, each with its name.',
            "Put both into the environment as TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.",
        )
        return Guide("whatsapp", steps, section, events, files)
    section = (
        "channels:\n  whatsapp:\n    provider: meta\n"
        '    access_token: "${WHATSAPP_ACCESS_TOKEN}"\n'
        '    app_secret: "${WHATSAPP_APP_SECRET}"\n'
        '    verify_token: "${WHATSAPP_VERIFY_TOKEN}"\n    phone_number_id: "…"  # in quotes\n'
    )
    steps = (
        "At https://developers.facebook.com/apps make an app of type Business, add WhatsApp and "
        "your number. Note the phone number ID and, under App settings, Basic, the app secret.",
        "In Business settings, System users, make one with whatsapp_business_messaging and "
        "whatsapp_business_management, and generate a token that does not expire.",
        "Make a word for the handshake: openssl rand -hex 16",
        "Put them into the environment as WHATSAPP_ACCESS_TOKEN, WHATSAPP_APP_SECRET and "
        "WHATSAPP_VERIFY_TOKEN, and start the service.",
        f"Only then, under WhatsApp, Configuration, Webhook, enter {events} and that word, and "
        "subscribe to the field messages.",
        f"Register each file ({names}): POST it to "
        "https://graph.facebook.com/v23.0/<WhatsApp business account ID>/message_templates with "
        "the access token as bearer. Approval takes minutes to a day.",
    )
    return Guide("whatsapp", steps, section, events, files)


GUIDES: Final[Mapping[str, Callable[[str | None, Wishes], Guide]]] = {
    "discord": _discord,
    "email": _email,
    "slack": _slack,
    "teams": _teams,
    "telegram": _telegram,
    "whatsapp": _whatsapp,
}


def _teams_package(app_id: UUID, events: str) -> bytes:
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
        package.writestr("manifest.json", _json(manifest))
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


@dataclass(frozen=True, slots=True)
class Order:
    """What a platform's API can be told. `what`: the question, without its mark; `done`: after."""

    channel: str
    what: str
    done: str
    url: str = field(repr=False)  # Telegram's holds the token
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def order(config: Config | None, made: Guide) -> Order | None:
    """What its API can be told of this guide, if all that it needs is configured."""
    section: Any = config.channels.get(made.channel) if config else None
    if config is None or section is None or made.channel not in ("discord", "telegram"):
        return None
    token, url = section.bot_token.get_secret_value(), made.events_url
    if made.channel == "discord":
        # Of a name there is one: what was is written over. #create-global-application-command
        return Order(
            "Discord",
            "register the command /link, by which people link their accounts",
            "knows /link from now on",
            f"{section.api_url}/applications/{section.application_id}/commands",
            COMMAND,
            {"Authorization": f"Bot {token}"},
        )
    if url is None or not config.public_url or section.mode != "webhook":
        return None
    # https://core.telegram.org/bots/api#setwebhook
    secret = section.secret_token.get_secret_value()
    said = {"url": url, "secret_token": secret, "allowed_updates": list(UPDATES)}
    done, method = "delivers there from now on", f"{section.api_url}{token}/setWebhook"
    return Order("Telegram", f"deliver to {url}", done, method, said)


async def give(one: Order) -> None:
    """Tell the platform. `Stop` with its own words where it refuses."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=one.headers) as http,
            http.post(one.url, json=one.body, allow_redirects=False) as answer,
        ):
            body = await answer.json(content_type=None)
            # Telegram says `ok`, Discord gives back what it made.
            ok = answer.status < 300 and (body.get("ok") is True or "id" in body)
            why = str(body.get("description") or body.get("message") or answer.status)
    except (aiohttp.ClientError, OSError, ValueError, AttributeError, TimeoutError) as error:
        # Nothing of the address may stand in what is said of a failure.
        why = f"{one.channel} does not answer: {type(error).__name__}."
        raise Stop(Exit.UNREACHABLE, why) from None
    if not ok:
        raise Stop(Exit.FAILED, f"{one.channel} refuses: {why}")


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"
