"""Observe: nothing is held, and what would have been asked about is recorded.

The one place that decides whether a door observes, and all that comes out of one that does. The
laws:

1. Only its owner makes a door observe: by an argument or `--observe`, or by COUNTERSIGN_OBSERVE
   where neither is given. No answer of a service does. What is unclear holds.
2. Nothing that comes out of observing is an approval: `approved` is false, and there is no receipt.
3. Observing holds nothing and breaks nothing. What cannot be recorded is said once.
4. A door that observes says so at its start, on stderr.

The record is one line of JSON an event: when, which door, which action, what would have become of
it. No arguments: they may hold secrets, and nobody was asked to look at them.
`countersign-client observed` counts them.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from countersign_client import settings, used
from countersign_client.digest import read_json
from countersign_client.errors import Misconfigured, printable
from countersign_client.logs import Line, out, say, written
from countersign_client.protocol import Action, Decision, Opened, Then

FLAG: Final = "hold nothing: let every call pass, and record what would have been asked"
"""What `--observe` does, on every command that has it."""
NOBODY: Final = "Countersign only observes: no person was asked, and none has approved this."
"""For whoever reads the answer of a door that observes."""
LONGEST: Final = 200
"""Characters of an action's name in the record."""
STATUS: Final = "observed"
_said = set[str]()


@dataclass(frozen=True, slots=True)
class Observer:
    """What a door has that observes, in place of the service. `door`: its name in the record."""

    door: str

    def note(self, then: Then, action: str) -> None:
        """Record one event: what would have become of it. Never raises."""
        at = int(time.time())
        event = {"at": at, "door": self.door, "action": str(action)[:LONGEST], "would": str(then)}
        line = json.dumps(event).encode() + b"\n"
        try:
            path = file(os.environ)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # One write of one line in append mode: processes do not cut into each other.
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(made, line)
            finally:
                os.close(made)
        except (OSError, ValueError, Misconfigured) as error:  # also: a user without a home
            why = getattr(error, "strerror", None) or str(error).partition(".")[0]
            why = f"what is observed cannot be recorded: {why}. The agent goes on."
            _say(Line("not_recorded", why=why))

    def ask(self, action: str, what: Callable[[], Action]) -> Decision:
        """Nobody is asked. `what` would have been asked about, or refused because it cannot be."""
        try:
            what().digest()
        except Exception:  # whatever it is: it would have stopped the agent, and is not to
            self.note(Then.DENY, action)
        else:
            self.note(Then.ASK, action)
        return self.decision(f"observed_{uuid.uuid4().hex}")

    def decision(self, request_id: str) -> Decision:
        """It may go on, and nobody has approved it."""
        return Decision(
            approved=False, observed=True, status=STATUS, request_id=request_id, digest=""
        )

    def opened(self, request_id: str) -> Opened:
        """Nobody was asked, and nobody need be waited for."""
        return Opened(id=request_id, status=STATUS, digest="", expires_at="", reason=None)


Switch: TypeAlias = bool | Observer | None
"""Whether a door observes. None: as COUNTERSIGN_OBSERVE says."""


def observer(observe: Switch, *, door: str) -> Observer | None:
    """What records for a door that observes; None: it holds. Says so, once. `Misconfigured`: the
    variable is neither."""
    if isinstance(observe, Observer):
        return observe
    if observe is None:
        observe = settings.observes(os.environ)
    if observe is not True:
        return None
    why = (
        f"NOTHING IS HELD ({door}): it only observes. No person is asked and no rule refuses. "
        "`countersign-client observed` counts what would have been."
    )
    _say(Line("nothing_is_held", why=why))
    return Observer(door)


def file(environ: Mapping[str, str]) -> Path:
    """Where this user's doors record: `observed.jsonl` beside the used approvals."""
    return used.folder(environ) / "observed.jsonl"


def counts(path: Path) -> Counter[tuple[str, str, str]]:
    """How often each action of each door, by what would have become of it. `Misconfigured`."""
    found = Counter[tuple[str, str, str]]()
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return found
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be read: {error.strerror}.",
            "Doors that observe record there; COUNTERSIGN_STATE names another folder.",
        ) from error
    for line in lines:
        try:
            event = read_json(line)
            door = str(event.get("door", ""))
            found[str(event["would"]), str(event["action"]), door] += 1
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # cut off where the disk was full
    return found


def report(_: argparse.Namespace) -> int:
    """The command `observed`: one line an action, the most frequent first."""
    path = file(os.environ)
    found = counts(path)
    for (would, action, door), times in found.most_common():
        named = not door or action.startswith(f"{door}.")  # most actions begin with their door
        by = "" if named else f"  ({printable(door)})"
        out(f"{times:>6}  would {would:<5}  {printable(action)}{by}")
    if not found:
        say(f"Nothing was observed yet: {path} has no events.")
    return 0


def _say(line: Line) -> None:
    """Once in a process. Not through logging, which an agent may have turned off."""
    text = written(line)
    if str(line) in _said:
        return
    _said.add(str(line))
    say(text)
