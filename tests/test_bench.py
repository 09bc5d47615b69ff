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
from tests.postgres import GIVEN

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("ours", "parts"),
    [("countersign", [*PARTS]), ("countersign-postgresql", ["full", "wait", "growth"])],
)
def test_each_part_measures_and_keeps_a_whole_record(
    tmp_path: Path, postgres_url: str, ours: str, parts: list[str]
) -> None:
    """Every part on SQLite, and on PostgreSQL those that fill a database or wait on it."""
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
    empty = report.filled(text, dict.fromkeys(PARTS))
    assert "not measured" in empty
    assert report.filled(empty, dict.fromkeys(PARTS)) == empty
    for section in re.split(r"\n(?=\*\*|## )", report.PLACE.sub("", empty)):
        if re.search(r"\d[\d,.]* (?:taps a second|taps/s|MB|ms)\b", section):
            assert re.search(r"`[^`]*(?:python|make|lighthouse) [^`]*`", section), section[:200]


def test_goals_are_judged_by_the_ratio_to_the_baseline() -> None:
    def medians(rate: float, p99: float, rss: float) -> dict[str, float]:
        return {"rate": rate, "p99_ms": p99, "rss_mb": rss}

    found: dict[str, Any] = dict.fromkeys(PARTS)
    found["taps"] = {
        "medians": {
            "chat 0": medians(4000, 20, 150),
            "countersign 0": medians(4400, 12, 100),
            "countersign-postgresql 0": medians(1900, 16, 160),
        }
    }
    lines = report.goals(found).splitlines()
    met = {line.split(" | ")[0]: line.split(" | ")[-1] for line in lines if line.startswith("| ")}
    assert met["| taps/s of chat's, countersign"] == "aim |"
    assert met["| taps/s of chat's, countersign-postgresql"] == "least |"
    assert met["| p99, countersign"] == "yes |"
    assert met["| p99, countersign-postgresql"] == "no |"
    assert met["| memory after the taps, countersign"] == "yes |"
    assert met["| memory after the taps, countersign-postgresql"] == "no |"


def test_a_quick_run_is_never_the_newest_record(tmp_path: Path) -> None:
    for at, quick in (("2026-01-01T00-00-00Z", False), ("2026-01-02T00-00-00Z", True)):
        made = {"part": "taps", "at": at, "quick": quick}
        (tmp_path / f"taps-{at}.json").write_text(json.dumps(made))
    found = record.newest(tmp_path, "taps")
    assert found is not None
    assert found["at"] == "2026-01-01T00-00-00Z"
