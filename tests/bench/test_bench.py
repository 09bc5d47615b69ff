"""The bench in its smallest size, so that it does not rot. What it measures here says nothing.

All parts run as `make bench` runs them, in a process of its own, because it keeps to one core. The
npm package `chat` is not installed for the tests: the peers are ours.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import record, report
from bench.run import PARTS
from tests.harness.postgres import GIVEN

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("ours", "parts"),
    [("countersign", [*PARTS]), ("countersign-postgresql", ["full", "growth"])],
)
def test_each_part_measures_and_keeps_a_whole_record(
    tmp_path: Path, postgres_url: str, ours: str, parts: list[str]
) -> None:
    """Every part on SQLite, and on PostgreSQL those that fill a database."""
    told = (*parts, "--quick", "--results", tmp_path, "--peers", ours)
    done = subprocess.run(
        [sys.executable, "-m", "bench.run", *map(str, told)],
        cwd=ROOT,
        env={**os.environ, GIVEN: postgres_url},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in parts:
        part, found = PARTS[name], record.newest(tmp_path, name, quick=True)
        assert found is not None, name
        peers = {one["peer"] for one in found["rounds"]}
        others = {"gateway": {"direct", "countersign gateway"}}
        others |= {one: {one} for one in ("reading", "doors")}
        assert peers - {"tinyproxy", "mitmproxy"} == others.get(name, {ours})
        assert not any(one["bad"] for one in found["rounds"])
        assert found["calibration"]["before"].keys() == {"clock_us", "cpu_us"}
        assert {"processor", "cores", "files_on"} <= found["machine"].keys()
        assert {"python", "aiohttp", "sqlite"} <= found["versions"].keys()
        assert found["command"][:3] == ["python", "-m", "bench.run"]
        sheet = part.sheet(found)
        assert sheet.rows
        assert {len(row) for row in sheet.rows} == {len(sheet.columns)}
    assert {path.suffix for path in tmp_path.iterdir()} == {".json"}, "something was left behind"


def test_the_document_has_a_place_for_every_part_and_is_filled_from_records_alone(
    tmp_path: Path,
) -> None:
    text = report.DOCUMENT.read_text()
    places = re.findall(r"<!-- bench:([a-z]+) -->", text)
    assert sorted(places) == sorted([*PARTS, "goals", "machine"])
    assert text.count("<!-- /bench -->") == len(places)
    assert report.filled(text, dict.fromkeys(PARTS)) == text, "what was measured once stays"
    empty = report.PLACE.sub(r"\1\4", text)
    assert "| not measured |" in report.filled(empty, dict.fromkeys(PARTS))
    for section in re.split(r"\n(?=\*\*|## )", report.PLACE.sub("", empty)):
        if re.search(r"\d[\d,.]* (?:taps a second|taps/s|MB|ms)\b", section):
            assert re.search(r"`[^`]*(?:python|make|lighthouse) [^`]*`", section), section[:200]


def test_goals_are_judged_by_what_was_measured_and_others_keep_their_row() -> None:
    found: dict[str, Any] = dict.fromkeys(PARTS)
    rates = {"chat 0": 4000, "countersign 0": 4400, "countersign-postgresql 0": 1900}
    found["taps"] = {"medians": {peer: {"rate": rate} for peer, rate in rates.items()}}
    waited = {"countersign": {"p99_ms": 12.0}, "countersign-postgresql": {"p99_ms": 45.5}}
    found["wait"] = {"medians": waited}
    before = "| p50 added by our gateway, http | ≤ 1 ms | 1.27 ms | no |\n"
    lines = report.goals(found, before).splitlines()
    assert "| taps/s against chat's, SQLite | ≥ 1 × | 1.10 × | yes |" in lines
    assert "| taps/s against chat's, PostgreSQL | ≥ 0.7 × | 0.47 × | no |" in lines
    assert "| tap to verdict at 200 a second, p99, SQLite | ≤ 20 ms | 12.00 ms | yes |" in lines
    assert "| tap to verdict at 200 a second, p99, PostgreSQL | ≤ 20 ms | 45.50 ms | no |" in lines
    assert before.strip() in lines
    assert "| cards posted a second, SQLite |  | not measured |  |" in lines


def test_a_quick_run_is_never_the_newest_record(tmp_path: Path) -> None:
    for at, quick in (("2026-01-01T00-00-00Z", False), ("2026-01-02T00-00-00Z", True)):
        made = {"part": "taps", "at": at, "quick": quick}
        (tmp_path / f"taps-{at}.json").write_text(json.dumps(made))
    found = record.newest(tmp_path, "taps")
    assert found is not None
    assert found["at"] == "2026-01-01T00-00-00Z"
