"""Law 21: whatever is done is in the chain. The service as `countersign serve` makes it."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from approvals import audit
from approvals.app import host, keys, serve
from approvals.app.compose import running
from approvals.app.exits import Stop
from approvals.cli.browser import Browser, Form
from approvals.evidence import commitment, read_checkpoint, verify_chain
from approvals.model import Instant, Status
from tests.harness.house import HANGS, Clock, Desk, Place, intrude
from tools.ports import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
KEY: Final = "csr_gate_0123456789abcdefghi"
CONFIGURATION: Final = """\
server:     {{listen: "127.0.0.1:{port}"}}
database:   {{url: "{database}"}}
requesters: {{gate: {{key: "{key}", kind: gateway}}}}
people:
  dana:     {{slack: UDANA}}
  lee:      {{slack: ULEE}}
groups:     {{default: [dana], finance: [lee]}}
roles:      {{auditor: [dana]}}
rules:
  - {{name: money, when: {{action: money}}, ask: {{quorum: {{finance: 1}}}}}}
"""
KINDS: Final = {
    *("request.opened", "request.revised", "request.withdrawn", "request.ticked"),
    *("request.reported", "vote", "refused", "tampered"),
    *("card.posting", "card.posted", "card.redrawing", "card.redrawn", "parked"),
    *("link.made", "signed_in", "token.made", "token.revoked", "signed_out", "audit.read"),
    *("configuration.changed", "keys.changed"),
}


def installation(folder: Path, database: str) -> Path:
    """A configuration and its keys. The file's path."""
    keys.new(folder / "keys", now=host.clock(), random=os.urandom)
    port = free_port()
    path = folder / "countersign.yaml"
    path.write_text(CONFIGURATION.format(port=port, database=database, key=KEY))
    return path


@asynccontextmanager
async def served(path: Path, clock: Clock) -> AsyncIterator[Place]:
    """What `countersign serve` runs, with a desk where Slack would be."""
    desk = Desk(name="slack")
    async with serve.base(serve.configuration(path)) as on:
        made = await serve.plan(on)
        trust = replace(made.trust, channels={"slack": desk.abilities})
        made = replace(made, trust=trust, channels={"slack": desk})
        async with (
            running(
                made, on.store, clock=clock, random=os.urandom, steady=clock.steady, carry=False
            ) as house,
            aiohttp.ClientSession() as http,
        ):
            yield Place(house, desk, clock, on.keys.receipt, http)


async def command(path: Path, *words: str) -> str:
    """What `countersign …` prints, as a process of its own."""

    def run() -> str:
        return subprocess.run(
            [sys.executable, "-m", "approvals.cli", *words, "--config", path],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ).stdout

    return await asyncio.to_thread(run)


async def rows(place: Place) -> list[dict[str, Any]]:
    """The chain as it is now, sealed and verified up to its newest signed head."""
    lines = await place.sealed()
    jwks = [place.key.jwk()]
    heads = [read_checkpoint(signed, jwks).head for signed in await place.store.checkpoints()]
    report = verify_chain(lines, heads=[*heads, await place.store.head()])
    assert report.bad is None, report.why
    return [json.loads(line) for line in lines]


def said(row: dict[str, Any]) -> Any:
    return json.loads(row["content"])


async def test_law_21_every_kind_of_act_is_in_the_chain(tmp_path: Path, database: str) -> None:
    path = installation(tmp_path, database)
    async with served(path, Clock(host.clock())) as place, Browser.opened() as browser:
        await _requests_and_cards(place, database)
        await browser.sign_in((await command(path, "login-link", "dana")).strip())
        settings = (await browser.get("/settings")).form("/settings/tokens")
        page = await browser.send(settings, {"name": "script", "days": "7"})
        token = page.text[page.text.index("csp_") :].split()[0]
        assert (await place.call("GET", "/v1/audit", key=token))[0] == 200
        await browser.send(_filled(page.form("/settings/tokens/revoke"), "script"), {})
        with pytest.raises(Stop, match="401"):  # the inbox, which asks to sign in
            await browser.send((await browser.get("/inbox")).form("/logout"), {})
        keys.add(tmp_path / "keys", now=host.clock(), random=os.urandom)
        assert await command(path, "audit", "export")
        async with asyncio.timeout(HANGS):
            while {"keys.changed": 1, "audit.read": 2}.items() - Counter(
                await place.kinds()
            ).items():
                await asyncio.sleep(0.05)
        chain = await rows(place)
        assert KINDS - {row["kind"] for row in chain} == set()
        assert [said(row).get("person") for row in chain if row["kind"] == "audit.read"] == [
            "dana",
            None,
        ]
        secrets = (KEY, token, *(file.read_text() for file in (tmp_path / "keys").glob("*.key")))
        assert [s for s in secrets if any(s in row["content"] for row in chain)] == []


async def _requests_and_cards(place: Place, database: str) -> None:
    async def opened(action: str = "mail.send") -> Any:
        return await place.opened(action, key=KEY)

    tried = await opened()
    card = await place.card(tried, "UDANA")
    await place.tap(place.desk.press(card, by="U-nobody"))
    await place.tap(place.desk.press(card))
    await place.carried()
    outcome = f"/v1/requests/{tried['id']}/outcome"
    assert (await place.call("POST", outcome, {"delivered": True, "status": 200}, key=KEY))[
        0
    ] == 200
    changed = f"/v1/requests/{(await opened())['id']}"
    body = {"action": "mail.send", "payload": {"to": "eve"}}
    assert (await place.call("PUT", changed, body, key=KEY))[0] == 200
    assert (await place.call("DELETE", changed, key=KEY))[0] == 200
    place.desk.barred = frozenset({"ULEE"})
    await opened("money")
    await place.carried()
    forged = await opened()
    assert (await place.page(forged, "decline", by="dana")).counted
    await intrude(database, replace(await place.case(forged["id"]), status=Status.APPROVED))
    await place.carried()
    assert (await place.read(forged["id"], key=KEY))["receipt"] is None
    late = await place.opened(key=KEY, expires_in=10)
    place.clock.turn(10_000)
    await place.house.service.tick()
    assert (await place.read(late["id"], "?wait=5", key=KEY))["status"] == "expired"


@pytest.mark.parametrize("content", [{}, {"person": "dana", "token": "csp_1"}])
def test_law_21_an_entry_has_the_fields_of_its_kind_and_no_other(content: dict[str, str]) -> None:
    made = audit.entry(audit.Kind.SIGNED_OUT, 0, os.urandom, None, person="dana")
    assert (made.kind, made.content) == ("signed_out", '{"person":"dana"}')
    with pytest.raises(TypeError, match="signed_out") as refused:
        audit.entry(audit.Kind.SIGNED_OUT, 0, os.urandom, None, **content)
    assert "csp_1" not in str(refused.value)


def test_what_is_no_text_is_escaped_in_an_entry() -> None:
    made = audit.entry(audit.Kind.SIGNED_OUT, 0, os.urandom, None, person="\ud800é")
    assert json.loads(made.content or "") == {"person": "\ud800é"}
    assert commitment(made)


def test_law_21_every_kind_is_written_somewhere_and_every_entry_has_a_kind() -> None:
    used, makers = set[str](), set[str]()
    for path in (ROOT / "approvals").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Attribute(value=ast.Attribute(attr="Kind") | ast.Name("Kind"), attr=name):
                    used.add(name)
                case ast.Attribute(value=ast.Name("RecordKind"), attr=name):
                    used.add(f"record {name}")
                case ast.Call(func=ast.Name("Entry")):
                    makers.add(path.relative_to(ROOT).as_posix())
    known = {kind.name for kind in audit.Kind} | {f"record {it.name}" for it in audit.RecordKind}
    assert known - used == set()
    assert makers == {"approvals/audit.py", "approvals/store/audit.py"}, "the second reads rows"


def test_every_field_of_an_entry_is_explained() -> None:
    kinds = (*audit.Kind, *audit.RecordKind)
    assert {name for kind in kinds for name in kind.fields} == set(audit.FIELDS)
    assert {who for kind in kinds for who in kind.who.split(", ")} == set(audit.WHO)


def _filled(form: Form, name: str) -> Form:
    assert form.fields["name"] == name
    return form


@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        (("", ""), []),
        (("quorum: {finance: 1}", "quorum: {default: 1}"), ["policy"]),
        (("slack: ULEE", "slack: UOTHER"), ["people"]),
        (("auditor: [dana]", "auditor: [lee]"), ["people"]),
        (("finance: [lee]", "finance: [lee, dana]"), ["people", "policy"]),
        (("csr_gate_0123", "csr_gate_3210"), ["requesters"]),
        (("kind: gateway", "kind: agent"), ["requesters"]),
    ],
)
async def test_law_21_a_start_notes_which_parts_of_the_configuration_are_others(
    tmp_path: Path, sqlite_database: str, edit: tuple[str, str], changed: list[str]
) -> None:
    path = installation(tmp_path, sqlite_database)

    async def noted() -> list[Any]:
        async with serve.base(serve.configuration(path)) as on:
            await serve.plan(on)
            now: Instant = host.clock()
            await on.store.seal(now)
            chain = [json.loads(line) async for line in on.store.export()]
            return [said(row) for row in chain if row["kind"] == "configuration.changed"]

    (first,) = await noted()
    everything = ["channels", "keys", "people", "policy", "receipt_key", "requesters"]
    assert (first["changed"], first["before"]) == (everything, {})
    path.write_text(path.read_text().replace(*edit) if edit[0] else path.read_text())
    later = (await noted())[1:]
    assert [one["changed"] for one in later] == ([changed] if changed else [])
    for one in later:
        assert one["before"] == first["now"]
        assert {part for part in one["now"] if one["now"][part] != one["before"][part]} == {
            *changed
        }
