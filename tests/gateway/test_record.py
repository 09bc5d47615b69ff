"""Law 21 for the gateway: its record is one chain, whatever stops it, tied to the service's."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from approvals.app.exits import Exit, Stop
from approvals.app.host import random
from approvals.audit import RecordKind
from approvals.cli.commands import app
from approvals.evidence import GENESIS, Entry, ReceiptKey, commitment, export_line, link
from approvals.model import MINUTE, Instant, Refused
from approvals.proxy.record import LOG, Limits, Record, files, rows, verify
from approvals.store import Store
from tests.harness.gateway import Gate, Origin, gate, origin
from tests.harness.house import Clock, Place, open_house


class Now:
    def __init__(self) -> None:
        self.at: Instant = 1_800_000_000_000

    def __call__(self) -> Instant:
        return self.at


@contextmanager
def record(folder: Path, now: Now | None = None, **limits: int) -> Iterator[Record]:
    kept = Limits(**{"bytes": 2**30, **limits})
    made = Record(folder, org="gate", clock=now or Now(), random=random, limits=kept)
    try:
        yield made
    finally:
        made.close()


def about(number: int) -> dict[str, str]:
    return {"agent": "bot", "digest": str(number)}


def kinds(folder: Path) -> list[str]:
    return [json.loads(line)["kind"] for line in rows(folder)]


def test_law_21_the_record_is_a_chain_across_stops(tmp_path: Path) -> None:
    for number in range(3):
        with record(tmp_path) as made:
            assert made.note(RecordKind.OPENED, about(number), f"req_{number}")
            head = made.head
    report = verify(rows(tmp_path), heads=[head])
    assert (report.bad, report.head, report.known) == (None, head, 3)
    assert (tmp_path / LOG).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("row", range(5))
def test_law_21_a_changed_row_is_named(tmp_path: Path, row: int) -> None:
    with record(tmp_path) as made:
        for number in range(5):
            made.note(RecordKind.OPENED, about(number))
        head = made.head
    lines = list(rows(tmp_path))
    changed = [*lines]
    changed[row] = changed[row].replace(f'\\"digest\\":\\"{row}', '\\"digest\\":\\"9')
    assert changed != lines
    assert verify(iter(changed)).bad == row + 1
    assert verify(iter([*lines[:row], *lines[row + 1 :]]), heads=[head]).bad == row + 1


def test_law_21_rotation_by_size_keeps_the_chain_and_files_verify_alone(tmp_path: Path) -> None:
    with record(tmp_path, bytes=1_000) as made:
        for number in range(20):
            made.note(RecordKind.OPENED, about(number))
        head = made.head
    assert len(files(tmp_path)) > 5
    assert verify(rows(tmp_path), heads=[head]).bad is None
    for file in files(tmp_path):
        assert verify(rows(file)).bad is None
    middle = files(tmp_path)[2]
    middle.unlink()
    assert verify(rows(tmp_path)).bad is not None


def test_law_21_rotation_by_age(tmp_path: Path) -> None:
    now = Now()
    with record(tmp_path, now, age=60 * MINUTE) as made:
        made.note(RecordKind.OPENED, about(0))
        now.at += 59 * MINUTE
        made.note(RecordKind.OPENED, about(0))
        assert len(files(tmp_path)) == 1
    now.at += 2 * MINUTE
    with record(tmp_path, now, age=60 * MINUTE) as made:  # its age survives a restart
        made.note(RecordKind.OPENED, about(0))
        now.at += 61 * MINUTE
        made.note(RecordKind.OPENED, about(0))
    assert len(files(tmp_path)) == 3
    assert kinds(tmp_path).count(RecordKind.CONTINUED) == 2
    assert verify(rows(tmp_path)).bad is None


def test_law_21_a_first_row_that_names_another_head_is_bad(tmp_path: Path) -> None:
    with record(tmp_path, bytes=1_000) as made:
        for number in range(9):
            made.note(RecordKind.OPENED, about(number))
    last = files(tmp_path)[-1]
    lines = last.read_text().splitlines(keepends=True)
    row = json.loads(lines[0])
    after = json.loads(row["content"])["after"]
    row["content"] = json.dumps({"after": after[:-1] + ("0" if after[-1] != "0" else "1")})
    assert verify(iter([json.dumps(row), *lines[1:]])).bad == row["seq"]
    assert verify(
        iter(lines), heads=[after[:-1] + "x"[:0] + ("0" if after[-1] != "0" else "1")]
    ).bad
    missing = verify(iter(lines), heads=[f"1:{'0' * 64}"])
    assert missing.bad == 1
    assert "not given" in missing.why


@pytest.mark.parametrize("cut", [1, 7, 200])
def test_law_21_a_torn_last_line_is_cut_off_and_said(tmp_path: Path, cut: int) -> None:
    with record(tmp_path) as made:
        made.note(RecordKind.OPENED, about(1))
        made.note(RecordKind.OPENED, about(2))
    path = tmp_path / LOG
    os.truncate(path, path.stat().st_size - cut)
    with record(tmp_path) as made:
        made.note(RecordKind.OPENED, about(3))
    assert verify(rows(tmp_path)).bad is None
    assert kinds(tmp_path) == ["opened", "record.repaired", "opened"]


def test_law_21_a_record_of_one_torn_line_begins_where_the_files_before_it_end(
    tmp_path: Path,
) -> None:
    with record(tmp_path, bytes=400) as made:
        made.note(RecordKind.OPENED, about(1))
        made.note(RecordKind.OPENED, about(2))
        made.note(RecordKind.OPENED, about(3))
    path = tmp_path / LOG
    path.write_text(path.read_text()[:40])
    with record(tmp_path) as made:
        made.note(RecordKind.OPENED, about(4))
    assert verify(rows(tmp_path)).bad is None
    path.unlink()  # or a crash before the next file was begun
    with record(tmp_path) as made:
        made.note(RecordKind.OPENED, about(5))
    assert verify(rows(tmp_path)).bad is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace('digest\\":\\"2', 'digest\\":\\"3'),
        lambda text: '{"at": "2026-01-01", "event": "sent"}\n',
        lambda text: text + "not a row\n",
        lambda text: text + text.splitlines(keepends=True)[-1],
    ],
    ids=["changed", "an older version's", "a line more", "the last one twice"],
)
def test_law_21_other_damage_stops_the_start(tmp_path: Path, damage: Any) -> None:
    with record(tmp_path) as made:
        made.note(RecordKind.OPENED, about(1))
        made.note(RecordKind.OPENED, about(2))
    path = tmp_path / LOG
    path.write_text(damage(path.read_text()))
    before = path.read_text()
    with pytest.raises(Refused, match="Move it away"), record(tmp_path):
        pass
    assert path.read_text() == before


def test_law_21_two_processes_on_one_record_are_refused(tmp_path: Path) -> None:
    with (
        record(tmp_path),
        pytest.raises(Refused, match="another gateway"),
        record(tmp_path),
    ):
        pass
    with record(tmp_path) as made:
        assert made.note(RecordKind.OPENED, about(0))


async def test_law_21_a_second_gateway_changes_nothing(tmp_path: Path) -> None:
    async with gate(tmp_path / "one") as first:
        path = first.settings.folder / LOG
        before = path.read_bytes()
        with pytest.raises(Refused, match="another gateway"):
            async with gate(tmp_path / "one"):
                pass
        assert path.read_bytes() == before


async def test_law_21_nothing_passes_while_no_row_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: /dev/full is one."""
    async with origin() as there, gate(tmp_path) as our:
        kept = our.gateway._record
        full = os.open("/dev/full", os.O_WRONLY)
        real, kept._file = kept._file, full
        assert kept.note(RecordKind.OPENED, about(0)) is False
        status, said = await our.ask(f"{there.url}/")
        assert (status, said["type"]) == (503, "record_not_written")
        assert there.seen == []
        kept._file = real
        os.close(full)
        assert (await our.ask(f"{there.url}/"))[0] == 200
        assert verify(rows(our.settings.folder)).bad is None


WRITER = """
import os, sys
from pathlib import Path
from approvals.app.host import clock
from approvals.audit import RecordKind
from approvals.proxy.record import Limits, Record
made = Record(Path(sys.argv[1]), org="gate", clock=clock, random=os.urandom, limits=Limits(20_000))
print("ready", flush=True)
while True:
    made.note(RecordKind.OPENED, {"agent": "bot", "digest": "x" * 200})
"""


async def test_law_24_kill_9_at_any_moment_leaves_a_record_that_goes_on(tmp_path: Path) -> None:
    for lines in (1, 40, 400):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        await process.stdout.readline()
        begun = sum(1 for _ in rows(tmp_path))
        while sum(1 for _ in rows(tmp_path)) < begun + lines:
            await asyncio.sleep(0)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        with record(tmp_path, bytes=20_000) as made:
            made.note(RecordKind.OPENED, about(0))
        assert verify(rows(tmp_path)).bad is None
    assert len(files(tmp_path)) > 3


KEY = ReceiptKey(Ed25519PrivateKey.generate())


@pytest.fixture
async def house(sqlite_database: str) -> AsyncIterator[Place]:
    store = await Store.connect(sqlite_database)
    async with open_house(store, clock=Clock(time.time_ns() // 10**6), key=KEY) as made:
        yield made
    await store.close()


async def asked(our: Gate, there: Origin, house: Place, choice: str) -> str:
    """One request through the gateway and the real service, decided. Its id."""
    sent = asyncio.create_task(our.ask(f"{there.url}/{choice}", "POST", body=b"amount=5"))
    while not (found := (await house.call("GET", "/v1/requests?status=pending"))[1]["requests"]):
        await asyncio.sleep(0.01)
    assert (await house.decide(found[0], choice, by="dana"))[0] == 200
    await house.carried()
    await sent
    while choice == "approve" and (await house.read(found[0]["id"]))["outcome"] is None:
        await asyncio.sleep(0.01)
    return str(found[0]["id"])


def verified(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["audit", "verify", *map(str, words)])
    if isinstance(result.exception, Stop):
        return result.exception.code, str(result.exception)
    return result.exit_code, result.stdout + result.stderr


def without(lines: list[str], *names: str) -> str:
    """The chain again, as who can write it would make it, without some rows."""
    made, linked, seq = [], GENESIS, 0
    for line in lines:
        row = json.loads(line)
        if {row["kind"], row["request_id"]} & {*names}:
            continue
        seq, at = seq + 1, datetime.fromisoformat(row["at"]).timestamp() * 1000
        salt = bytes.fromhex(row["salt"])
        org, kind, id_, content = row["org"], row["kind"], row["request_id"], row["content"]
        entry = Entry(org, round(at), kind, id_, content, salt)
        linked = link(linked, seq, entry, commitment(entry))
        made.append(export_line(seq, entry, commitment(entry), linked) + "\n")
    return "".join(made)


async def test_law_21_the_record_and_the_services_chain_are_tied(
    tmp_path: Path, house: Place
) -> None:
    async with origin() as there:
        pin = KEY.thumbprint
        async with gate(tmp_path / "gate", rules="", service=house.url, pin=pin) as our:
            approved = await asked(our, there, house, "approve")
            declined = await asked(our, there, house, "decline")
            folder = our.settings.folder
        head = json.loads(list(rows(folder))[-1])
        clean = await house.sealed()
        house.clock.turn(10 * MINUTE)
        elsewhere = await house.opened()  # with the gateway's key, and not by it
        export = await house.sealed()
    service = tmp_path / "export.jsonl"
    service.write_text("".join(line + "\n" for line in clean))
    run = asyncio.to_thread
    assert await run(verified, folder) == await run(verified, folder, "--head", _named(head))
    code, said = await run(verified, folder, "--with", service)
    assert (code, "same requests" in said) == (0, True), said
    assert (await run(verified, service, "--with", folder))[0] == 0
    service.write_text("".join(line + "\n" for line in export))
    code, said = await run(verified, folder, "--with", service)
    assert (code, said.count("✗")) == (Exit.UNVERIFIED, 1)
    assert f"{elsewhere['id']} is in the service's chain" in said

    forged = tmp_path / "forged.jsonl"
    for names, missing in (
        (("released",), f"{approved} was reported as delivered, and the gateway's record has no"),
        (("opened", "released", "sent", "refused"), f"{declined} is in the service's chain and"),
    ):
        forged.write_text(without(list(rows(folder)), *names))
        code, said = await run(verified, forged)
        assert code == 0, said  # by itself it is a chain
        code, said = await run(verified, forged, "--with", service)
        assert code == Exit.UNVERIFIED
        assert missing in said.replace("\n", " ")
    forged.write_text(without(export, approved))
    code, said = await run(verified, folder, "--with", forged)
    assert code == Exit.UNVERIFIED
    assert f"{approved} is in the gateway's record and not in the service's chain" in said
    assert (await run(verified, folder, "--with", folder))[0] == Exit.FAILED


def _named(row: dict[str, Any]) -> str:
    return f"{row['seq']}:{row['link']}"
