"""`--observe`: nothing is held; what would have been is counted.

One line of JSON an event: when, which action, what the rules say. No arguments: they may hold
secrets, and nobody was asked to look at them. `countersign-client observed` counts them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from countersign_client import used
from countersign_client.errors import printable
from countersign_client.gate import Then, log


@dataclass(frozen=True, slots=True)
class Record:
    """A file that several processes add to."""

    path: Path

    @classmethod
    def default(cls, environ: Mapping[str, str]) -> Record:
        """Where this user's doors record: `observed.jsonl` beside the used approvals."""
        return cls(used.folder(environ) / "observed.jsonl")

    def note(self, then: Then, action: str, *, now: float | None = None) -> None:
        """Add one event. What cannot be recorded is logged; observing never holds a call."""
        at = time.time() if now is None else now
        line = json.dumps({"at": int(at), "action": action, "would": str(then)}) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # One write of one line in append mode: processes do not cut into each other.
            made = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(made, line.encode())
            finally:
                os.close(made)
        except OSError as error:
            log.warning("not recorded: %s", error.strerror)

    def counts(self) -> Counter[tuple[str, str]]:
        """How often each action, by what would have become of it."""
        found = Counter[tuple[str, str]]()
        try:
            lines = self.path.read_text().splitlines()
        except FileNotFoundError:
            return found
        for line in lines:
            try:
                event = json.loads(line)
                found[str(event["would"]), str(event["action"])] += 1
            except (ValueError, TypeError, KeyError):
                continue
        return found


def report() -> int:
    """One line an action, the most frequent first."""
    record = Record.default(os.environ)
    counts = record.counts()
    for (would, action), times in counts.most_common():
        sys.stdout.write(f"{times:>6}  would {would:<5}  {printable(action)}\n")
    if not counts:
        sys.stderr.write(f"Nothing was observed yet: {record.path} has no events.\n")
    return 0
