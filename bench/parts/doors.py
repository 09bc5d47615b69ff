"""What a door of the Python client costs: a decision, the process of a hook, an import.

The service beside it approves at once, so that what is measured is the door: digest, two or three
exchanges, the receipt's signature, the note on disk. A figure is of the processor, of the whole
process and in milliseconds; the clock's stands beside it, with the service and the disk in it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from bench.doors import CALL, REQUESTER
from bench.parts import Part, Rounds, Setting, number
from bench.record import ROOT, Sheet

DECISIONS: Final = {
    "client": "`client.ask`, a decision",
    "gate": "a framework's tool, a decision",
}
HOOK: Final = "`countersign-client hook`, the whole process"
IMPORT: Final = "`import countersign_client`, the whole process"
BARE: Final = "`python` without it"
MEMORY: Final = "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
"""kB at most. Not `getrusage`: Linux lets a new program begin with its parent's (getrusage(2))."""
KEY: Final = "csr_bench_0123456789abcdef"


def measure(setting: Setting) -> Rounds:
    """Each door in turn, in fresh processes."""
    rounds = Rounds()
    count = setting.sizes["decisions"]
    hooked = {
        "session_id": "bench", "cwd": "/srv", "hook_event_name": "PreToolUse",
        "tool_name": "mcp__bank__pay", "tool_use_id": "toolu_1", "tool_input": CALL,
    }  # fmt: skip
    with _service() as service:
        for round_ in range(setting.sizes["rounds"]):
            for what, name in DECISIONS.items():
                with _state(service) as environ:
                    ran = _run(["-m", "bench.doors", "ask", what, str(count)], environ)
                rounds.append({"peer": "doors", "what": name, "bad": 0, **json.loads(ran.out)})
            for name, words in (
                (BARE, ["-c", MEMORY]),
                (IMPORT, ["-c", f"import countersign_client; {MEMORY}"]),
                (HOOK, ["-m", "countersign_client", "hook", "--client", "claude-code"]),
            ):
                with _state(service) as environ:
                    if name == HOOK:  # the first one keeps the service's key for all that follow
                        _run(words, environ, json.dumps(hooked))
                    ran = _run(words, environ, json.dumps(hooked))
                took = {"cpu_ms": ran.cpu * 1000, "clock_ms": ran.clock * 1000}
                if name == HOOK:
                    took["bad"] = int('"permissionDecision": "allow"' not in ran.out)
                else:
                    took |= {"bad": 0, "mb": int(ran.out) / 1024}
                rounds.append({"peer": "doors", "what": name, **took})
            setting.console.print(
                f"{round_ + 1}. "
                + "  ".join(f"{one['what']}: {one['cpu_ms']:.1f} ms" for one in rounds[-5:])
            )
    return rounds


@dataclass(frozen=True, slots=True)
class _Ran:
    """A process that ended well: its output, seconds of processor and of the clock."""

    out: str
    cpu: float
    clock: float


def _run(words: Sequence[str], environ: Mapping[str, str], given: str = "") -> _Ran:
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environ, text=True, input=given, check=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    clock, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Ran(ran.stdout, used, clock)


@contextmanager
def _service() -> Iterator[dict[str, str]]:
    """The environment of whoever asks it."""
    known = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'clients/python/src'}"}
    known = {name: value for name, value in known.items() if not name.startswith("COUNTERSIGN_")}
    started = subprocess.Popen(
        [sys.executable, "-m", "bench.doors", "serve"], cwd=ROOT, env=known, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert started.stdout is not None
        there = json.loads(started.stdout.readline())
        url = f"http://127.0.0.1:{there['port']}"
        yield {
            **known, "COUNTERSIGN_URL": url, "COUNTERSIGN_ISSUER": url, "COUNTERSIGN_KEY": KEY,
            "COUNTERSIGN_RECEIPT_KEY": there["pin"], "COUNTERSIGN_REQUESTER": REQUESTER,
        }  # fmt: skip
    finally:
        started.communicate()


@contextmanager
def _state(service: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """With a folder of used approvals of its own."""
    with tempfile.TemporaryDirectory() as folder:
        yield {**service, "COUNTERSIGN_STATE": folder}


def sheet(made: Mapping[str, Any]) -> Sheet:
    """One row a door."""
    rows = tuple(
        (what, number(m["cpu_ms"], 1), number(m["clock_ms"], 1), number(m.get("mb"), 0))
        for what, m in made["medians"].items()
    )
    sizes = made["sizes"]
    return Sheet(
        f"The doors of the Python client: medians of {sizes['rounds']} rounds of "
        f"{sizes['decisions']:,} decisions",
        ("what", "processor, ms", "clock, ms", "MB at most"),
        rows,
    )


PART: Final = Part("what a door of the client costs", measure, ("what",), sheet)
