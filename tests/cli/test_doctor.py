"""`countersign doctor` and `countersign outbox`: what is wrong is said, with what to do next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from approvals.app import channels, keys
from approvals.app.exits import Exit
from approvals.app.host import clock
from approvals.cli import doctor
from approvals.cli.doctor import SLOW, WRONG, Line, State
from approvals.config import load
from approvals.model import MINUTE
from approvals.proposal import ulid
from approvals.proxy.ca import CERTIFICATE, DAY, Authority, utc
from approvals.store import CardRow, Job, Store
from tests.harness.house import HANGS
from tests.harness.installation import SECRETS, Installation, Ran, answering, install
from tests.peers.email import MailServer
from tests.peers.outlook import APP, PROVIDER, TENANT
from tests.peers.receiver import Receiver
from tests.peers.slack import APP_TOKEN, BOT_TOKEN, SECRET, TEAM, SlackPeer

MILLISECOND = timedelta(milliseconds=1)
HOOK = "whsec_bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4="


@pytest.fixture
def alone(tmp_path: Path, database: str) -> Iterator[Installation]:
    """An installation of this test's own, on each database; not started."""
    place = install(tmp_path, database)
    yield place
    _killed(place)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    """The same on SQLite, for what has nothing to do with the database."""
    place = install(tmp_path)
    yield place
    _killed(place)


def _killed(place: Installation) -> None:
    if place.process:
        place.process.kill()
        place.process.communicate()


def change(place: Installation, before: str, after: str) -> None:
    path = place.folder / "countersign.yaml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def hooked(place: Installation, receiver: Receiver) -> None:
    hook = f', webhook: {{url: "{receiver.url}", secret: "{HOOK}"}}}}'
    change(place, "refusals_for: never}}", "refusals_for: never}" + hook)


async def run(place: Installation, *words: str) -> Ran:
    """A command, which runs a loop of its own."""
    return await asyncio.to_thread(place.run, *words)


async def lines(place: Installation, *words: str, code: int = 0) -> dict[str, list[Any]]:
    """What the doctor found, by check. `code` -1: however it ended."""
    ran = await run(place, "doctor", *words, "--json")
    assert code in (-1, ran.code), ran.out + ran.err
    found: dict[str, list[Any]] = {}
    for line in ran.json:
        assert list(line) == ["check", "state", "detail", "next"]
        assert (line["state"] == "ok") is (line["next"] == ""), line
        found.setdefault(line["check"], []).append(line)
    return found


def states(found: dict[str, list[Any]]) -> dict[str, list[str]]:
    return {check: [line["state"] for line in some] for check, some in found.items()}


@asynccontextmanager
async def looked_at(place: Installation) -> AsyncIterator[doctor.Installation]:
    """The installation as the checks see it."""
    config = load(place.folder / "countersign.yaml", SECRETS, sections=channels.SECTIONS)
    store = await Store.connect(config.database_url)
    try:
        yield doctor.Installation(config, keys.load(config.keys_dir), store)
    finally:
        await store.close()


async def said(check: doctor.Check, on: doctor.Installation) -> list[Line]:
    return [line async for line in check(on)]


async def test_the_doctor_follows_a_verdict_that_was_given_up(alone: Installation) -> None:
    async with Receiver() as receiver:
        hooked(alone, receiver)
        await asyncio.to_thread(alone.start)
        well = await lines(alone)
        assert list(well) == [
            *("configuration", "keys", "database", "service", "clock", "people"),
            *("webhook bot", "outbox", "gateway gate"),
        ]
        sound, *hints = well["configuration"]
        assert (sound["state"], {hint["state"] for hint in hints}) == ("ok", {"warning"})
        for hint, whose in zip(
            hints, ("agent `bot` of `bot`", "the agents of `gate`"), strict=True
        ):
            assert hint["detail"].startswith(f"four eyes bar nobody for {whose}")
            assert "on_behalf_of" in hint["next"]
        others = {check: found for check, found in states(well).items() if check != "configuration"}
        assert {state for some in others.values() for state in some} == {"ok"}
        assert "never reached yet" in well["webhook bot"][0]["detail"]

        receiver.answer(410)
        asked = await asyncio.to_thread(alone.small)
        await asyncio.to_thread(alone.call, "DELETE", f"/v1/requests/{asked['id']}")
        await asyncio.wait_for(receiver.arrived.wait(), HANGS)
        while not (parked := (await run(alone, "outbox", "list", "--json")).json):
            await asyncio.sleep(0.05)
        (one,) = parked
        assert (one["lane"], one["request_id"]) == ("webhook:bot", asked["id"])
        assert (one["kind"], one["attempts"]) == ("verdict", 1)
        table = (await run(alone, "outbox", "list")).out
        assert "HTTP 410: the receiver wants no more" in " ".join(table.split())

        ill = await lines(alone, code=Exit.FAILED)
        assert states(ill)["webhook bot"] == ["bad"]
        assert states(ill)["outbox"] == ["warning"]
        assert f"countersign outbox resend {one['id']}" in ill["outbox"][0]["next"]
        plain = await run(alone, "doctor")
        assert f"✗ webhook bot: {ill['webhook bot'][0]['detail']} → look at 127" in plain.out
        assert plain.err == ""
        assert "path-secret" not in plain.out + table

        receiver.arrived.clear()
        assert (await run(alone, "outbox", "resend", str(one["id"] + 7))).code == Exit.FAILED
        assert (await run(alone, "outbox", "resend")).code == 2
        sent = await run(alone, "outbox", "resend", str(one["id"]), "--json")
        assert sent.json == {"resent": [one["id"]]}
        await asyncio.wait_for(receiver.arrived.wait(), HANGS)
        first, second = receiver.got
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        while states(again := await lines(alone, code=-1))["outbox"] != ["ok"]:
            await asyncio.sleep(0.05)
        assert "last reached 2" in again["webhook bot"][0]["detail"]
        assert (await run(alone, "outbox", "resend", "--all")).out.strip() == "None."
        assert (await run(alone, "outbox", "list")).out.strip() == "Nothing is parked."
        chain = [
            json.loads(line) for line in (await run(alone, "audit", "export")).out.splitlines()
        ]
        (resent,) = [row for row in chain if row["kind"] == "resent"]
        assert resent["request_id"] == asked["id"]
        ran = await asyncio.to_thread(alone.stop)
        assert ran.code == 0


def test_the_doctor_stops_at_a_faulty_configuration(tmp_path: Path) -> None:
    place = install(tmp_path)
    change(place, "groups:", "grups:")
    ran = place.run("doctor")
    assert ran.code == Exit.CONFIG
    assert "✗ configuration: countersign.yaml:10: unknown key `grups` → do you mean" in ran.out
    assert {line.split(":")[0] for line in ran.out.splitlines()} == {"✗ configuration"}
    assert place.run("doctor", "--config", "nowhere.yaml").code == Exit.CONFIG


def test_the_doctor_makes_no_keys_and_no_database(tmp_path: Path) -> None:
    place = install(tmp_path)
    ran = place.run("doctor")
    assert ran.code == Exit.CONFIG
    assert "✗ database: There is no database yet: no file " in ran.out
    assert "→ Start the service once" in ran.out
    assert "✗ service: " in ran.out  # the others are made all the same
    assert not (tmp_path / "countersign.db").exists()
    (tmp_path / "keys").rename(tmp_path / "gone")
    ran = place.run("doctor")
    assert ran.code == Exit.CONFIG
    assert "✗ keys: " in ran.out
    (tmp_path / "gone").rename(tmp_path / "keys")
    (tmp_path / "countersign.db").touch()
    ran = place.run("doctor", "--json")
    assert ran.code == Exit.CONFIG
    database = next(line for line in ran.json if line["check"] == "database")
    assert database["detail"] == "The database has no Countersign tables yet."
    assert "without --no-migrate" in database["next"]


async def test_the_doctor_knows_a_stranger_at_the_service_s_address(alone: Installation) -> None:
    assert states(await lines(alone, code=Exit.UNREACHABLE))["service"] == ["bad"]
    answers: dict[str, Any] = {"/healthz": {"status": "ok"}, "/readyz": {"status": "ready"}}

    async def answer(request: web.Request) -> web.Response:
        found = answers.get(request.path, {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": 7}]})
        status = 503 if found == {} else 200
        return web.json_response(found, status=status, headers={"Date": "soon"})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with answering(app, alone.port):
        for found, why in (
            ({}, "signs with another receipt key"),
            ({"/healthz": {}}, "is something else (HTTP 503)"),
            ({"/healthz": ["ok"]}, "is something else (HTTP 200)"),
            (
                {"/.well-known/jwks.json": {"keys": ["none", {"kty": "RSA"}]}},
                "signs with another receipt key",
            ),
        ):
            answers |= found
            (line,) = (await lines(alone, code=Exit.UNREACHABLE))["service"]
            assert why in line["detail"]
            answers["/healthz"] = {"status": "ok"}


async def test_the_doctor_compares_clocks(alone: Installation) -> None:
    async with looked_at(alone) as on:
        now = clock()
        for where, late in (("close", SLOW), ("slow", -SLOW - 1), ("wrong", WRONG + 1)):
            on.dates[where] = (now + late, now)
        found = await said(doctor.clocks, on)
        assert [line.state.value for line in found] == ["ok", "ok", "warning", "bad"]
        assert "+30.0 s at wrong" in found[-1].detail


async def test_the_doctor_asks_the_channels_that_are_configured(alone: Installation) -> None:
    assert (await run(alone, "doctor", "telegraph")).code == Exit.FAILED
    assert "✗" not in (await run(alone, "doctor", "slack")).out
    async with SlackPeer() as peer:
        secrets = f"bot_token: {BOT_TOKEN}, signing_secret: {SECRET}"
        slack = f'channels: {{slack: {{{secrets}, team_id: {TEAM}, api_url: "{peer.api}"}}}}'
        change(alone, "people:\n", f"{slack}\npeople:\n")
        found = await lines(alone, "slack")
        assert states(found) == {"configuration": ["ok"], "slack": ["ok"] * 3}
        peer.break_next(503, None)
        (line,) = (await lines(alone, "slack", code=Exit.FAILED))["slack"]
        assert (line["state"], line["next"]) == ("bad", "docs/channels/slack.md")
        assert "tokens" in line["detail"]


async def test_the_doctor_sees_what_nobody_carries_out(alone: Installation) -> None:
    async with looked_at(alone) as on:
        assert [line.state.value for line in await said(doctor.outbox, on)] == ["ok"]
        long_ago, coming = clock() - 5 * MINUTE, clock() + MINUTE
        jobs = [
            Job("forward", "req_1", "", long_ago),
            Job("forward", "req_2", "", coming),
            Job("verdict", "req_1", "webhook:gone", coming),
            Job("draw", "req_1", "slack", coming),
            Job("verdict", "req_1", "elsewhere:of another kind", coming),
        ]
        assert on.store is not None
        await on.store.append([], jobs)
        slack, overdue, hook = await said(doctor.outbox, on)
        assert "2 forward in the core, due since" in overdue.detail
        assert "1 wait for slack, which is not configured any more" in slack.detail
        assert "1 wait for webhook:gone" in hook.detail


async def test_the_doctor_names_a_platform_that_alters_cards(alone: Installation) -> None:
    """Whichever copy noticed, and not for ever."""
    await asyncio.to_thread(alone.start)
    await asyncio.to_thread(alone.stop)
    async with looked_at(alone) as on:
        assert on.store is not None
        assert await said(doctor.altered, on) == []
        for age in (8 * 24 * 60 * MINUTE, MINUTE, 0):
            card_id = "crd_" + ulid(clock() - age, bytes([age > 0] * 10))
            row = CardRow(card_id, f"req_{age}", 1, "slack", "C1", "U1")
            assert await on.store.add_card(row, [])
            await on.store.bind_message(card_id, f"{age}.1", altered="$.blocks[1].elements[0].text")
        (line,) = await said(doctor.altered, on)
    assert str(line) == (
        "! cards: slack altered 2 cards in the last 7 days, last at $.blocks[1].elements[0].text; "
        "they lost Approve → see which values it alters: "
        "`countersign doctor slack --card-to PERSON`"
    )


async def test_what_others_wrote_is_cleaned(alone: Installation) -> None:
    async with looked_at(alone) as on:
        job = Job("post", "req_1", "slack", 1)
        assert on.store is not None
        await on.store.append([], [job])
        (held,) = await on.store.claim("slack", worker="w", now=2, lease=1, limit=1)
        await on.store.park(held, now=3, error="no\x1b[2J\u202eroom\n✓ all is well")
        (line, *_) = await said(doctor.outbox, on)
        assert "no\\u{1b}[2J\\u{202e}room⏎✓ all is well" in line.detail
    table = (await run(alone, "outbox", "list")).out
    assert "\x1b" not in table
    assert not [row for row in table.splitlines() if row.startswith("✓")]


@asynccontextmanager
async def door(status: int) -> AsyncIterator[str]:
    """Something that answers everything with this status, as a proxy may."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with answering(app) as url:
        yield url


async def test_the_doctor_knocks_where_taps_are_delivered(here: Installation) -> None:
    async with SlackPeer() as peer:
        secrets = f'bot_token: {BOT_TOKEN}, signing_secret: {SECRET}, api_url: "{peer.api}"'
        path = here.folder / "countersign.yaml"
        path.write_text(f"channels: {{slack: {{{secrets}, team_id: {TEAM}}}}}\n{path.read_text()}")
        change(here, 'listen: "', f'public_url: "{here.url}", listen: "')
        shut = (await lines(here, "slack", code=Exit.UNREACHABLE))["slack"][-1]
        assert shut["state"] == "bad"
        assert "nothing answers at" in shut["detail"]
        await asyncio.to_thread(here.start)
        ours = (await lines(here, "slack"))["slack"][-1]
        assert ours["detail"].endswith(
            "/channels/slack/events is open, and refuses what is not signed"
        )
        for status in (200, 302, 404):
            async with door(status) as other:
                text = path.read_text()
                path.write_text(text.replace(f'public_url: "{here.url}"', f'public_url: "{other}"'))
                theirs = (await lines(here, "slack", code=Exit.UNREACHABLE))["slack"][-1]
                path.write_text(text)
            assert f"answers {status} to what is not signed, and not 401" in theirs["detail"]


async def test_the_doctor_knocks_for_mail_only_where_outlooks_presses_are_delivered(
    alone: Installation,
) -> None:
    path = alone.folder / "countersign.yaml"
    before, ids = path.read_text(), f"originator: {PROVIDER}, tenant_id: {TENANT}, app_id: {APP}"
    async with MailServer() as server, door(404) as other:
        mail = f"host: 127.0.0.1, port: {server.port}, security: none, from: a@example.com"
        for more, code in (("", 0), (f", actionable: {{{ids}}}", Exit.UNREACHABLE)):
            path.write_text(f"channels: {{email: {{{mail}{more}}}}}\n{before}")
            change(alone, 'listen: "', f'public_url: "{other}", listen: "')
            found = (await lines(alone, "email", code=code))["email"]
            knocked = "answers 404" in found[-1]["detail"]
            assert (found[0]["state"], knocked) == ("ok", bool(more))


@pytest.mark.parametrize(
    ("token", "state", "said"),
    [
        (APP_TOKEN, "ok", "the service listens for taps"),
        ("xapp-other", "bad", "its connection is failing"),
    ],
)
async def test_the_doctor_asks_whether_somebody_listens(
    here: Installation, token: str, state: str, said: str
) -> None:
    async with SlackPeer() as peer:
        secrets = f'bot_token: {BOT_TOKEN}, mode: socket, app_token: {token}, api_url: "{peer.api}"'
        path = here.folder / "countersign.yaml"
        path.write_text(f"channels: {{slack: {{{secrets}, team_id: {TEAM}}}}}\n{path.read_text()}")
        nobody = (await lines(here, "slack", code=-1))["slack"][-1]
        assert (nobody["state"], nobody["next"]) == ("warning", "start it: `countersign serve`")
        await asyncio.to_thread(here.start)
        heard = (await lines(here, "slack", code=-1))["slack"][-1]
        assert (heard["state"], heard["detail"]) == (state, said)


@pytest.mark.parametrize("how", ["soon", "later", "not believed"])
async def test_law_32_a_certificate_that_ends_soon_is_said(
    here: Installation, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Of what stands before us. One that is not believed at all is the word of `service`."""
    today = utc(clock())
    context = Authority(here.folder, today).context("localhost", today)  # for eight days
    if how != "not believed":
        monkeypatch.setenv("SSL_CERT_FILE", str(here.folder / CERTIFICATE))
    if how == "later":
        monkeypatch.setattr(doctor, "RENEWED", 6 * DAY // MILLISECOND)
    server = await asyncio.start_server(lambda _, there: there.close(), "localhost", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server, looked_at(here) as on:
        config = replace(on.config, public_url=f"https://localhost:{port}")
        found = await said(doctor.certificate, replace(on, config=config))
    expected = {"soon": [State.WARNING], "later": [State.OK], "not believed": []}
    assert [line.state for line in found] == expected[how]
    assert all("localhost is good until 20" in line.detail for line in found)
