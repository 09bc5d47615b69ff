"""A backup is taken while the service runs; nothing that was open in it is decided by it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest

from approvals.app.exits import Exit
from approvals.cli import backup
from tests.harness.house import HANGS
from tests.harness.installation import Installation, Ran, install


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    """An installation on SQLite, running."""
    made = install(tmp_path)
    made.start()
    yield made
    if made.process:
        made.process.kill()
        made.process.communicate()


def status(place: Installation, request: str) -> str:
    code, body = place.call("GET", f"/v1/requests/{request}")
    assert code == 200, body
    return str(body["status"])


def sealed(place: Installation, kind: str) -> None:
    """Until an entry of this kind is in the chain."""
    deadline = time.monotonic() + HANGS
    while f'"kind": "{kind}"' not in place.run("audit", "export").out:
        assert time.monotonic() < deadline


def test_law_24_a_backup_is_one_moment_of_a_running_service(place: Installation) -> None:
    asked = place.small()["id"]
    ran = place.run("backup", "../kept", "--json")
    assert (ran.code, ran.err) == (0, "")
    folder = place.folder / "../kept"
    assert sorted(one.name for one in folder.iterdir()) == ["backup.json", "countersign.db"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "countersign.db").stat().st_mode & 0o777 == 0o600
    note = json.loads((folder / "backup.json").read_text())
    assert (note["head"], note["size"]) == (ran.json["head"], ran.json["size"])
    with closing(sqlite3.connect(folder / "countersign.db")) as copied:
        assert copied.execute("SELECT id FROM cases").fetchall() == [(asked,)]
        assert copied.execute("SELECT count(*) FROM audit WHERE kind = 'backup.made'").fetchone()
    ran = place.run("audit", "verify", "--database", f"sqlite:///{folder}/countersign.db")
    assert (ran.code, ran.err) == (0, "")
    again = place.run("backup", "../kept")
    assert (again.code, "is not empty" in again.err) == (Exit.FAILED, True)


def test_law_31_what_was_open_in_a_backup_is_withdrawn_when_it_is_put_back(
    place: Installation,
) -> None:
    waiting = place.small()["id"]
    token = place.token("dana")
    assert place.by(token, "list").code == 0
    assert place.run("backup", "kept").code == 0
    ran = place.by(token, "decline", waiting, "--digest", place.call(
        "GET", f"/v1/requests/{waiting}"
    )[1]["digest"])  # fmt: skip
    assert ran.code == 0, ran.err
    later = place.small()["id"]
    ran = place.run("restore", "kept", "--yes")
    assert (ran.code, "in use" in ran.err) == (Exit.FAILED, True)
    assert status(place, later) == "pending", "nothing was changed"
    sealed(place, "vote")
    place.stop()
    ran = place.run("restore", "kept")
    assert (ran.code, "--yes" in ran.err) == (Exit.FAILED, True)
    ran = place.run("restore", "kept", "--yes")
    assert (ran.code, ran.err) == (0, "")
    assert re.search("later entr(y is|ies are) known and not in it", ran.out)
    assert "1 request that waited was withdrawn" in ran.out
    (kept,) = place.folder.glob("countersign.db.before-*")
    with closing(sqlite3.connect(kept)) as replaced:
        assert replaced.execute("SELECT 1 FROM cases WHERE id = ?", (later,)).fetchone()
    place.start()
    assert status(place, waiting) == "withdrawn"
    assert place.call("GET", f"/v1/requests/{later}")[0] == 404
    ran = place.by(token, "list")
    assert ran.code == Exit.DENIED, "whatever was revoked since could not be told from it"
    ran = place.run("audit", "verify")
    assert (ran.code, ran.err) == (0, "")
    lines = [json.loads(line) for line in place.run("audit", "export").out.splitlines()]
    (restored,) = [line for line in lines if line["kind"] == "backup.restored"]
    said = json.loads(restored["content"])
    assert int(said["newest"].partition(":")[0]) > int(said["head"].partition(":")[0])


def test_law_22_a_backup_is_held_to_a_newer_checkpoint_and_to_its_own_file(
    place: Installation, tmp_path: Path
) -> None:
    place.small()
    assert place.run("backup", "kept").code == 0
    place.small()
    (place.folder / "point").write_text(place.run("audit", "checkpoint").out)
    place.stop()
    for more in place.folder.glob("countersign.db*"):
        more.unlink()
    good = place.folder / "kept"
    changes: dict[str, Callable[[bytes], bytes]] = {
        "flipped": lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]),
        "cut": lambda raw: raw[:-4096],
    }
    for name, change in changes.items():
        shutil.copytree(good, place.folder / name)
        file = place.folder / name / "countersign.db"
        file.write_bytes(change(file.read_bytes()))
        ran = place.run("restore", name, "--yes")
        assert (ran.code, "is not the file" in ran.err) == (Exit.UNVERIFIED, True)
    with closing(sqlite3.connect(good / "countersign.db")) as file_:
        file_.execute("UPDATE audit SET kind = 'other' WHERE seq = 2")
        file_.commit()
    note = json.loads((good / "backup.json").read_text())
    note["sha256"] = sha256((good / "countersign.db").read_bytes()).hexdigest()
    (good / "backup.json").write_text(json.dumps(note))
    ran = place.run("restore", "kept", "--yes", "--checkpoint", "point")
    assert (ran.code, "Row 2 of the backup's chain" in ran.err) == (Exit.UNVERIFIED, True)
    with closing(sqlite3.connect(good / "countersign.db")) as file_:
        (kind,) = file_.execute("SELECT kind FROM audit WHERE seq = 2").fetchone()
        assert kind == "other"
    ran = place.run("restore", "nowhere", "--yes")
    assert (ran.code, "is no backup" in ran.err) == (Exit.FAILED, True)
    assert not (place.folder / "countersign.db").exists(), "nothing was put there"


def test_law_31_a_restore_that_is_cut_off_leaves_the_old_database_or_a_reconciled_one(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off at each step that changes a file: nothing that was open in the backup is decided."""
    waiting, token = place.small()["id"], place.token("dana")
    assert place.run("backup", "kept").code == 0
    assert place.by(token, "decline", waiting, "--digest", place.call(
        "GET", f"/v1/requests/{waiting}"
    )[1]["digest"]).code == 0  # fmt: skip
    place.stop()

    def state() -> str:
        with closing(sqlite3.connect(place.folder / "countersign.db")) as now:
            (found,) = now.execute("SELECT status FROM cases WHERE id = ?", (waiting,)).fetchone()
        return str(found)

    class Cut(BaseException):
        """What nothing catches: as near to `kill -9` as a test in this process comes."""

    steps = ["_unused", "_copy_into", "_flush", "_reconcile", "_replace"]
    steps += ["os.link", "Path.rename", "Path.replace"]
    for step in steps:
        # `rename` moves what a damaged database left beside it: here there is nothing to move.
        for late in (False, True) if step != "Path.rename" else (False,):
            owner, _, name = step.rpartition(".")
            where: Any = {"": backup, "os": os, "Path": Path}[owner]
            plain = getattr(where, name)

            def cut(*args: Any, late: bool = late, plain: Any = plain, **more: Any) -> Any:
                if late:
                    plain(*args, **more)
                raise Cut

            async def cut_(*args: Any, late: bool = late, plain: Any = plain, **more: Any) -> Any:
                if late:
                    await plain(*args, **more)
                raise Cut

            with monkeypatch.context() as patch:
                patch.setattr(where, name, cut_ if iscoroutinefunction(plain) else cut)
                with pytest.raises(Cut):
                    place.run("restore", "kept", "--yes")
            assert state() in ("declined", "withdrawn"), (step, late)
    ran = place.run("restore", "kept", "--yes")
    assert (ran.code, ran.err, state()) == (0, "", "withdrawn")
    assert not list(place.folder.glob("*.new*"))


def test_a_restore_leaves_another_one_that_is_at_work_alone(place: Installation) -> None:
    place.small()
    assert place.run("backup", "kept").code == 0
    place.stop()
    with backup._alone(place.folder / "countersign.db.new"):
        ran = place.run("restore", "kept", "--yes")
        assert (ran.code, "Another restore is at work" in ran.err) == (Exit.FAILED, True)
    assert place.run("restore", "kept", "--yes").code == 0


def test_two_backups_never_share_a_folder(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = backup._make

    def both(folder: Path) -> None:
        plain(folder)
        with monkeypatch.context() as patch:
            patch.setattr(backup, "_make", plain)
            with ThreadPoolExecutor(1) as other:
                first.append(other.submit(place.run, "backup", "kept").result())

    first: list[Ran] = []
    monkeypatch.setattr(backup, "_make", both)
    ran = place.run("backup", "kept")
    assert (first[0].code, ran.code, "is not empty" in ran.err) == (0, Exit.FAILED, True)
    place.stop()
    assert place.run("restore", "kept", "--yes").code == 0


@pytest.mark.parametrize(
    "note", [{"head": 7}, {"head": "x:y"}, {"head": None}, {"checkpoint": {}}, {"at": []}, None]
)
def test_a_note_of_any_shape_is_refused_in_words(place: Installation, note: Any) -> None:
    assert place.run("backup", "kept").code == 0
    place.stop()
    file = place.folder / "kept/backup.json"
    file.write_text(json.dumps(note and json.loads(file.read_text()) | note))
    ran = place.run("restore", "kept", "--yes")
    assert (ran.code, "backup.json cannot be read" in ran.err) == (Exit.FAILED, True)


def test_law_31_a_database_that_its_own_tools_put_back_is_reconciled(
    tmp_path: Path, database: str
) -> None:
    place = install(tmp_path, database)
    place.start()
    try:
        waiting, token = place.small()["id"], place.token("dana")
        ran = place.run("restore", "--reconcile", "--json")
        assert (ran.code, ran.json["withdrawn"]) == (0, 1)
        assert status(place, waiting) == "withdrawn"
        assert place.by(token, "list").code == Exit.DENIED
        assert place.run("restore").code == 2
        assert place.run("restore", "kept", "--reconcile").code == 2
    finally:
        place.stop()


def test_a_backup_of_postgresql_is_its_own_tools_work(
    tmp_path: Path, postgresql_database: str
) -> None:
    alone = install(tmp_path, postgresql_database)
    ran = alone.run("backup", "kept")
    assert (ran.code, "pg_dump" in ran.err) == (Exit.FAILED, True)
