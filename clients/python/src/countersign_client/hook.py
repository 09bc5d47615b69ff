"""`countersign-client hook --client NAME`: what a coding agent runs before it runs a tool.

The event comes on stdin; the answer goes to stdout in the client's dialect. The law: only a
verified approval of exactly this input lets it through. Whatever else happens, an error of this
program included, ends with exit code 2, which blocks in every client.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from countersign_client import used
from countersign_client.client import Client
from countersign_client.dialects import DIALECTS, Dialect, Event, Malformed, Moment
from countersign_client.digest import digest_payload, read_json
from countersign_client.errors import CountersignError, NotApproved, printable
from countersign_client.logs import say
from countersign_client.observe import FLAG, Observer
from countersign_client.protocol import Then
from countersign_client.settings import Service

BLOCK: Final = 2
LONGEST: Final = 8 * 1024 * 1024
"""Bytes of an event."""
WITHIN: Final = 3600
MARGIN: Final = 30
"""Seconds before the client's own limit by which the request has expired. A client that stops a
hook at its limit may let the call through."""
RESULTS: Final = frozenset({"tool_response"})
"""What a tool answered: whatever it likes, and nothing that is read here."""
REMEMBERED: Final = 7 * 24 * 3600


def add(commands: Any) -> None:
    """The command's part of the command line."""
    parser = commands.add_parser("hook", help="what a coding agent runs before it runs a tool")
    parser.add_argument("--client", required=True, choices=tuple(DIALECTS))
    parser.add_argument(
        "--within", type=int, default=WITHIN, metavar="SECONDS",
        help="the client's own limit for this hook",
    )  # fmt: skip
    parser.add_argument("--observe", action="store_true", help=FLAG)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, ask, answer. Never raises: what goes wrong blocks, unless it only observes."""
    if args.observe:
        return _observe(args.client)
    watch = threading.Timer(max(args.within - MARGIN / 2, 1), lambda: os._exit(BLOCK))
    watch.daemon = True
    watch.start()
    try:
        return _run(args, os.environ)
    except CountersignError as error:
        return _block(f"{printable(error.message)} {printable(error.cure)}")
    except _Ran as error:
        why = printable(str(error))
        say(f"Countersign cannot read what came of a call: {why}. It may have run.")
        return BLOCK  # if it has not, this keeps it from running
    except Malformed as error:
        return _block(f"What the client sent cannot be asked about: {printable(str(error))}.")
    except BaseException as error:  # also a signal: the client must not take it for a pass
        return _block(f"The hook failed ({type(error).__name__}).")


def _observe(name: str) -> int:
    """Record that it would have been asked about. No answer: the client does what it would do
    without this hook. `connect` has said that it observes; a hook is a process for each call."""
    try:
        dialect = DIALECTS[name]
        event = dialect.read(_stdin(dialect))
        if event.moment is Moment.BEFORE:
            Observer(name).note(Then.ASK, event.action)
    except Exception as error:
        say(f"Countersign did not record this: {printable(str(error))[:200]}")
    return 0


def _block(why: str) -> int:
    last = "" if "Nothing was run." in why else " Nothing was run."
    say(f"Countersign blocked this: {why.strip()}{last}")
    return BLOCK


def _run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    dialect = DIALECTS[args.client]
    event = dialect.read(_stdin(dialect))
    calls = _Calls(environ)
    if event.moment is Moment.AFTER:
        return _after(event, calls)
    # Its own settings say whether it observes, and `connect status` reads them: no variable does.
    service = Service.from_environment(environ)
    with Client(service, patience=patience(environ), observe=False) as client:
        decision = client.ask(
            action=event.action,
            payload=event.payload,
            note=event.note and event.note[:10_000],
            expires_in=max(args.within - MARGIN, 1),
            key=event.call and sha256(event.call.encode()).hexdigest(),
        )
    try:
        decision.require()
    except NotApproved as error:
        _answer(dialect.deny(event.name, str(error)))
        return 0
    calls.note(event, decision.request_id)
    _answer(dialect.allow(event.name))
    return 0


def _stdin(dialect: Dialect) -> Mapping[str, Any]:
    if sys.stdin is None:
        raise Malformed("stdin is closed")
    raw = sys.stdin.buffer.read(LONGEST + 1)
    try:
        if len(raw) > LONGEST:
            raise Malformed("it is too long")
        try:
            event = read_json(raw, without=RESULTS)
        except ValueError as error:
            raise Malformed(f"it is not JSON: {error}") from None
    except Malformed as error:
        if any(f'"{name}"'.encode() in raw for name in dialect.after):
            raise _Ran(str(error)) from None
        raise
    if not isinstance(event, dict):
        raise Malformed("it is not an object")
    return event


class _Ran(Exception):
    """It cannot be read, and may tell of a call that has run."""


def _answer(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def patience(environ: Mapping[str, str]) -> float:
    """COUNTERSIGN_PATIENCE: seconds for which a service that is away is asked again."""
    try:
        return float(environ.get("COUNTERSIGN_PATIENCE", "30"))
    except ValueError:
        return 30.0


def _after(event: Event, calls: _Calls) -> int:
    """Report what came of it. Another hook may have changed the input after ours had said yes: then
    what ran is not what was approved, and the approvers are told."""
    known = calls.take(event)
    if known is None:
        return 0  # it was not asked about: this hook's matcher did not hold it
    same = known["digest"] == digest_payload(action=event.action, payload=event.payload)
    changed = "Another input ran than the one that was approved: a hook or the client changed it."
    try:
        with Client(Service.from_environment(), patience=0, observe=False) as client:
            client.report(
                known["request"], delivered=True if same else None, error=None if same else changed
            )
    except CountersignError as error:
        # Not for the model, which would read that it was blocked, and make the call again.
        say(f"Countersign: this call ran, and that is not reported: {printable(error.message)}")
    if same:
        return 0
    say(f"Countersign: {changed}")
    return BLOCK


class _Calls:
    """Which request approved which call, until the call has run."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._folder = used.folder(environ) / "calls"

    def note(self, event: Event, request_id: str) -> None:
        if event.call is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for old in self._folder.iterdir():
                if old.stat().st_mtime + REMEMBERED < time.time():
                    old.unlink(missing_ok=True)
            digest = digest_payload(action=event.action, payload=event.payload)
            self._path(event.call).write_text(json.dumps({"request": request_id, "digest": digest}))
        except OSError:
            return  # only the report of the outcome is lost

    def take(self, event: Event) -> dict[str, str] | None:
        if event.call is None:
            return None
        try:
            path = self._path(event.call)
            known = read_json(path.read_bytes())
            path.unlink()
            return {"request": str(known["request"]), "digest": str(known["digest"])}
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _path(self, call: str) -> Path:
        return self._folder / sha256(call.encode()).hexdigest()[:40]
