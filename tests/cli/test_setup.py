"""`countersign setup`: what it writes is what the platform and the adapter want."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from adapters import CHANNELS
from adapters.discord import setup as discord_setup
from adapters.slack import home as slack_home
from adapters.whatsapp import registered as whatsapp
from approvals.app.exits import Exit
from approvals.cli import doctor
from tests.harness.channel_contract import words
from tests.harness.installation import answering, install, run
from tests.peers import discord
from tests.peers.slack import BOT_TOKEN, SECRET, TEAM, SlackPeer, person

APP: str = "5b6c1c0e-7f6d-4bd6-9a31-3f6d2f0f1c55"
URL = "https://sign.example.org"


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_guide_names_the_address_and_a_section(tmp_path: Path, channel: str) -> None:
    ran = run("setup", channel, "--url", URL, cwd=tmp_path)
    assert ran.code == 0, ran.err
    own = {"email": "", "matrix": f"{URL}/_matrix/app/v1/"}
    assert own.get(channel, f"{URL}/channels/{channel}/events") in ran.out
    said = run("setup", channel, "--url", URL, "--json", cwd=tmp_path).json
    assert list(yaml.safe_load(said["section"])["channels"]) == [channel]


def test_an_unknown_channel_is_told_the_known_ones(tmp_path: Path) -> None:
    ran = run("setup", "telegraph", cwd=tmp_path)
    assert (ran.code, ", ".join(CHANNELS) in ran.err) == (Exit.FAILED, True)


@pytest.mark.parametrize(("provider", "count"), [("meta", 3), ("twilio", 5)])
def test_the_templates_of_whatsapp(tmp_path: Path, provider: str, count: int) -> None:
    words = ("setup", "whatsapp", "--url", URL, "--provider", provider, "--out", "new")
    ran = run(*words, cwd=tmp_path)
    assert ran.code == 0, ran.err
    made = {path.name: json.loads(path.read_text()) for path in (tmp_path / "new").iterdir()}
    assert made == {**(whatsapp.meta if provider == "meta" else whatsapp.twilio)("en")}
    assert len(made) == count
    section = yaml.safe_load(ran.out.split("Into the configuration:")[1])["channels"]["whatsapp"]
    for kind in section.get("templates", {}):
        assert f"countersign_{kind}.json" in made


@pytest.mark.parametrize("outbound", [False, True])
def test_the_slack_manifest(tmp_path: Path, outbound: bool) -> None:
    more = ["--outbound"] if outbound else []
    assert run("setup", "slack", "--url", URL, "--out", "new", *more, cwd=tmp_path).code == 0
    manifest = json.loads((tmp_path / "new" / "slack-manifest.json").read_text())
    assert manifest["settings"]["socket_mode_enabled"] is outbound
    url = manifest["settings"]["interactivity"].get("request_url")
    assert url == (None if outbound else f"{URL}/channels/slack/events")
    (command,) = manifest["features"]["slash_commands"]
    assert command.get("url") == url
    assert words("slack", "CS-1")[-1] == f"{command['command']} CS-1"
    events = manifest["settings"]["event_subscriptions"]
    assert (events["bot_events"], events.get("request_url")) == (["app_home_opened"], url)
    assert manifest["features"]["app_home"]["home_tab_enabled"]
    (shortcut,) = manifest["features"]["shortcuts"]
    assert (shortcut["callback_id"], shortcut["type"]) == (slack_home.SHORTCUT, "global")
    assert (len(shortcut["name"]) <= 24, len(shortcut["description"]) <= 150) == (True, True)
    # https://docs.slack.dev/reference/app-manifest
    assert len(command["command"]) <= 32
    assert max(map(len, (command["description"], command["usage_hint"]))) <= 1000


def test_the_teams_package(tmp_path: Path) -> None:
    words = ("setup", "teams", "--url", URL, "--app-id", APP, "--out", ".")
    assert run(*words, cwd=tmp_path).code == 0
    package = zipfile.ZipFile(io.BytesIO((tmp_path / "countersign-teams.zip").read_bytes()))
    manifest = json.loads(package.read("manifest.json"))
    assert (manifest["id"], manifest["bots"][0]["botId"]) == (APP, APP)
    assert len(manifest["name"]["short"]) <= 30
    assert len(manifest["description"]["short"]) <= 80
    for name, size in (("color", 192), ("outline", 32)):
        png = package.read(manifest["icons"][name])
        assert struct.unpack(">II", png[16:24]) == (size, size)
        length = int.from_bytes(png[33:37])
        pixels = zlib.decompress(png[41 : 41 + length])
        assert len(pixels) == size * (1 + 4 * size)
        assert b"\xff\xff\xff\xff" in pixels


@asynccontextmanager
async def api(answer: dict[str, Any]) -> AsyncIterator[tuple[str, list[tuple[str, Any]]]]:
    """What answers at Telegram's address, and what it was told."""
    told: list[tuple[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        told.append((request.path, await request.json()))
        return web.json_response(answer)

    app = web.Application()
    app.router.add_post("/{rest:.*}", take)
    async with answering(app) as url:
        yield f"{url}/bot", told


async def test_telegram_is_told_where_to_deliver_and_only_when_asked(tmp_path: Path) -> None:
    install(tmp_path)
    path = tmp_path / "countersign.yaml"
    plain = path.read_text().replace(
        'server:     {listen: "', f'server:     {{public_url: "{URL}", listen: "'
    )
    keys = {"BOT_KEY": "csr_" + "a" * 24, "GATE_KEY": "csr_" + "b" * 24}

    async def ran(*words: str) -> Any:
        return await asyncio.to_thread(
            lambda: run("setup", "telegram", *words, cwd=tmp_path, **keys)
        )

    for answer, code in ((True, 0), (False, Exit.FAILED)):
        async with api({"ok": answer, "description": "bad webhook"}) as (url, told):
            section = f'bot_token: "1:secret", secret_token: hush, api_url: "{url}"'
            path.write_text(f"channels: {{telegram: {{{section}}}}}\n{plain}")
            assert (await ran()).code == 0
            assert told == []
            done = await ran("--yes")
            assert done.code == code, done.err
            assert "1:secret" not in done.err + done.out
            # Then it is looked at by the doctor, whom a stand-in of one answer does not satisfy.
            assert ("✗ telegram" in done.out) is answer
            where, said = told[0]
            assert where == "/bot1:secret/setWebhook"
            assert said == {
                "url": f"{URL}/channels/telegram/events",
                **{"secret_token": "hush", "allowed_updates": ["callback_query", "message"]},
            }


def posted(peer: discord.DiscordPeer) -> list[str]:
    return [path for method, path, _ in peer.calls if method == "POST"]


@pytest.mark.parametrize("mode", ["gateway", "webhook"])
async def test_discord_is_told_the_command_and_only_when_asked(tmp_path: Path, mode: str) -> None:
    install(tmp_path)
    path = tmp_path / "countersign.yaml"
    plain = path.read_text()
    keys = {"BOT_KEY": "csr_" + "a" * 24, "GATE_KEY": "csr_" + "b" * 24}

    async def ran(*words: str) -> Any:
        return await asyncio.to_thread(
            lambda: run("setup", "discord", *words, cwd=tmp_path, **keys)
        )

    async with discord.DiscordPeer() as peer:
        for token, code in ((discord.BOT_TOKEN, 0), ("other-secret", Exit.FAILED)):
            section = (
                f'bot_token: {token}, application_id: "{discord.APP}", mode: {mode}, '
                f'public_key: "{discord.PUBLIC_KEY}", api_url: "{peer.api}"'
            )
            path.write_text(f"channels: {{discord: {{{section}}}}}\n{plain}")
            peer.calls.clear()
            before = await ran()
            assert (before.code, posted(peer)) == (0, [])
            done = await ran("--yes")
            assert done.code == code, done.err
            assert token not in done.err + done.out
            assert posted(peer) == [f"applications/{discord.APP}/commands"]
            if code == 0:  # then the doctor looks
                assert "/link is not registered" in before.out
                assert "command: /link\n" in done.out
        (known,) = peer.commands
        assert known.items() >= discord_setup.COMMAND.items()
        assert words("discord", "CS-1")[-1] == f"/{known['name']} code:CS-1"


async def test_the_doctor_sends_a_test_card_to_who_asked(tmp_path: Path) -> None:
    place = install(tmp_path, f"sqlite:///{tmp_path}/house.db")
    path = tmp_path / "countersign.yaml"
    async with SlackPeer() as peer:
        peer.users["DANA"] = person("DANA")
        secrets = f"bot_token: {BOT_TOKEN}, signing_secret: {SECRET}"
        slack = f'channels: {{slack: {{{secrets}, team_id: {TEAM}, api_url: "{peer.api}"}}}}'
        path.write_text(f"{slack}\n{path.read_text()}")
        await asyncio.to_thread(place.start)
        await asyncio.to_thread(place.stop)
        ran = await asyncio.to_thread(place.run, "doctor", "slack", "--card-to", "dana", "--json")
        line, echo = ran.json[-2:]
        assert (line["check"], line["state"]) == ("card to dana", "ok"), line
        assert (echo["check"], echo["state"]) == ("cards come back as sent", "ok"), echo
        (sent,) = peer.messages.values()
        assert "This is a test" in json.dumps(sent)
        assert "actions" not in {block["type"] for block in sent["blocks"]}
        for name in doctor.HOSTILE:
            assert name in json.dumps(sent)
        peer.alters = lambda text: text.replace("Zu", "Z").replace("www.", "")
        ran = await asyncio.to_thread(place.run, "doctor", "slack", "--card-to", "dana", "--json")
        echo = ran.json[-1]
        assert (echo["check"], echo["state"]) == ("cards come back as sent", "warning"), echo
        assert echo["detail"].startswith("otherwise than sent: accents, links (first at $.blocks[")
        none = await asyncio.to_thread(place.run, "doctor", "slack", "--card-to", "nobody")
        assert none.code == Exit.FAILED
