"""One service for all of these tests, as a process of the project's own environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.doors.people import People

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def running() -> Iterator[People]:
    # With the interpreter that has the service: `make doors` says which.
    started = subprocess.Popen(
        [os.environ["SERVICE_PYTHON"], "-m", "tests.doors.service"], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert started.stdout is not None
    yield People(**json.loads(started.stdout.readline()))
    started.communicate()
    assert started.returncode == 0


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where doors that observe record."""
    monkeypatch.setenv("COUNTERSIGN_STATE", str(tmp_path))
    return tmp_path / "observed.jsonl"


@pytest.fixture
async def people(running: People) -> AsyncIterator[People]:
    yield running
    await running.clear()
