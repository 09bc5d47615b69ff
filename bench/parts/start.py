"""How long `countersign serve` takes to be ready, and what it holds at rest, beside chat.

As installed: a configuration file, a key folder, SQLite, Slack in webhook mode. From the start of
the process to `/readyz` answering; chat from its start to its listening.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from approvals.app import keys
from approvals.app.host import clock
from bench.parts import Part, Rounds, Setting, number, turn_about
from bench.peers import BASELINE, PEERS, SQLITE, on_core
from bench.record import Sheet
from tools.ports import free_port

COMMAND: Final = (sys.executable, "-c", "from approvals.cli.commands import main; main()")
REST: Final = 1.5
"""Seconds after which it has settled."""
PATIENCE: Final = 60.0
SDK: Final = ("slack_sdk", "slack_bolt")


def measure(setting: Setting) -> Rounds:
    """Countersign on new tables and on those it knows, and chat."""
    rounds = Rounds()
    folder = setting.bed.folder
    core = setting.bed.core
    names = [name for name in setting.peers if name in (BASELINE, SQLITE)]
    _installed(folder / "warm")
    _ours(folder / "warm", core)  # Python compiles what it imports the first time
    for round_ in range(setting.sizes["rounds"]):
        for name in turn_about(names, round_):
            found: dict[str, dict[str, float]] = {}
            if name == BASELINE:
                found["start"] = _chat(core)
            else:
                here = folder / f"start{round_}"
                _installed(here)
                found["first start"] = _ours(here, core)
                found["start"] = _ours(here, core)
            for how, figures in found.items():
                rounds.append({"peer": name, "how": how, **figures, "bad": 0})
                setting.console.print(
                    f"{round_ + 1}. {name:<24} {how:<12} ready after {figures['ready_s']:5.2f} s"
                    f"  {figures['rss_mb']:4.0f} MB at rest"
                )
    if SQLITE in names:
        rounds[-1]["bad"] = len(_imported(folder / "warm"))
    return rounds


def _installed(folder: Path) -> None:
    folder.mkdir()
    port = free_port()
    config = {
        "server": {"listen": f"127.0.0.1:{port}"},
        "database": {"url": "sqlite:///countersign.db"},
        "keys": {"dir": "keys"},
        "requesters": {"billing": {"key": "csr_" + "k" * 32, "kind": "gateway"}},
        "channels": {"slack": {"bot_token": "xoxb-bench", "signing_secret": "s" * 32}},
        "people": {"dana": {"email": "dana@example.com", "slack": "U024BE7LH"}},
        "groups": {"default": ["dana"]},
    }
    (folder / "countersign.yaml").write_text(json.dumps(config))  # JSON is YAML
    (folder / "port").write_text(str(port))
    keys.new(folder / "keys", now=clock(), random=os.urandom)


def _serve(folder: Path) -> tuple[str, ...]:
    return (*COMMAND, "serve", "--config", str(folder / "countersign.yaml"))


def _ours(folder: Path, core: int) -> dict[str, float]:
    port = int((folder / "port").read_text())
    began = time.perf_counter()
    with on_core(core, _serve(folder), silent=True) as server:
        while not _ready(port):
            if server.poll() is not None or time.perf_counter() - began > PATIENCE:
                raise SystemExit("countersign serve did not become ready")
            time.sleep(0.005)
        return _at_rest(server.pid, time.perf_counter() - began)


def _chat(core: int) -> dict[str, float]:
    environment = {**os.environ, "BENCH_SIGNING_SECRET": "s" * 32}
    began = time.perf_counter()
    with on_core(core, PEERS[BASELINE].command, environment) as server:
        assert server.stdout is not None
        server.stdout.readline()
        return _at_rest(server.pid, time.perf_counter() - began)


def _at_rest(pid: int, ready: float) -> dict[str, float]:
    process = psutil.Process(pid)
    used = process.cpu_times()
    time.sleep(REST)
    return {
        "ready_s": ready,
        "cpu_s": used.user + used.system,
        "rss_mb": process.memory_info().rss / 1e6,
    }


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def _imported(folder: Path) -> list[str]:
    """Modules of Slack's SDK that serving imported: none should be, in webhook mode."""
    port = int((folder / "port").read_text())
    command = [sys.executable, "-X", "importtime", *_serve(folder)[1:]]
    times = folder / "imported"  # a pipe that nobody reads holds the server up when it is full
    with times.open("w") as file, subprocess.Popen(command, stderr=file) as server:
        while not _ready(port) and server.poll() is None:
            time.sleep(0.05)
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=PATIENCE)
    said = times.read_text()
    modules = [line.rpartition("|")[2].strip() for line in said.splitlines()]
    return [name for name in modules if name.partition(".")[0] in SDK]


def sheet(record: Mapping[str, Any]) -> Sheet:
    """Medians."""
    rows = tuple(
        (
            *key.split(" ", 1),
            number(m["ready_s"], 2),
            number(m["cpu_s"], 2),
            number(m["rss_mb"]),
        )
        for key, m in record["medians"].items()
    )
    return Sheet(
        f"Starting, and at rest: medians of {record['sizes']['rounds']} rounds",
        ("peer", "start", "ready after s", "CPU s", "MB at rest"),
        rows,
    )


PART = Part("start-up and memory at rest", measure, ("peer", "how"), sheet)
