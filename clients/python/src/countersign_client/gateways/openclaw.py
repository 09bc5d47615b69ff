"""`countersign-client openclaw`: what OpenClaw holds for approval is asked about, and answered.

By OpenClaw's own command, as its operator: `approvals pending --json` and
`approvals resolve ID allow-once|deny --reason TEXT`. https://docs.openclaw.ai/cli/approvals
(November 2026). The laws:

1. `allow-once` is said on a verified approval of what OpenClaw lists at that moment, and
   `allow-always` never. Whatever fails is denied; what cannot be denied expires in OpenClaw. One
   that observes answers nothing: OpenClaw asks where it would without this command.
2. No text of an agent becomes an option of the command.
3. The command gets nothing of ours: no key, no address.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from countersign_client.client import Client
from countersign_client.digest import read_json
from countersign_client.errors import Misconfigured, Unverified, printable
from countersign_client.gateways.held import Gone, clients, hold
from countersign_client.logs import Line, log, out

PATIENCE: Final = 60.0
"""Seconds for OpenClaw's command."""
MOST: Final = 50
"""Approvals that are asked about at a time; the others wait for the next look."""
REASON: Final = 500
MARGIN: Final = 5
"""Seconds by which a request expires before OpenClaw's own approval does."""
UNKNOWN: Final = "(summary unavailable)"
"""What OpenClaw lists for an approval of which it has nothing to show."""
# The ids that OpenClaw itself takes for safe on a terminal; `id64_` marks an encoded one there.
_ID: Final = re.compile(r"(?!id64_)[A-Za-z0-9._:][A-Za-z0-9._:-]{0,127}")
_KIND: Final = re.compile(r"[a-z][a-z-]{0,40}")


def run(args: argparse.Namespace) -> int:
    """Look until interrupted."""
    command = shutil.which(args.command)
    if command is None:
        raise Misconfigured(
            f"There is no command {args.command}.", "Name OpenClaw's with --command PATH."
        )
    asking = clients(args, "openclaw")
    approvals = Approvals(OpenClaw(command), asking, every=args.every)
    out("Looking for approvals of OpenClaw")
    while True:
        approvals.look()
        time.sleep(args.every)


class Failed(Exception):
    """OpenClaw's command did not do what it was told, or said nothing that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What OpenClaw lists of an approval. `expires`: seconds since 1970."""

    id: str
    kind: str
    agent: str | None
    session: str | None
    summary: str
    expires: float


def read(output: bytes) -> list[Entry]:
    """What `approvals pending --json` prints. `Failed`: it is another form. An approval that cannot
    be named on a command line is left out, and expires in OpenClaw."""
    try:
        listed = read_json(output)["approvals"]
        found = [
            Entry(
                id=str(one["id"]), kind=str(one["kind"]), agent=one.get("agentId"),
                session=one.get("sessionKey"), summary=str(one["summary"]),
                expires=float(one["expiresAtMs"]) / 1000,
            )
            for one in listed
        ]  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failed(f"OpenClaw's list is of another form: {type(error).__name__}") from None
    safe = [one for one in found if _ID.fullmatch(one.id) and _KIND.fullmatch(one.kind)]
    if len(safe) < len(found):
        log.warning(Line("unsafe_ids_left_out", count=len(found) - len(safe)))
    return safe


@dataclass(frozen=True, slots=True)
class OpenClaw:
    """Its command."""

    command: str

    def pending(self) -> list[Entry]:
        """`Failed`."""
        return read(self._run("pending", "--json"))

    def resolve(self, id_: str, *verdict: str) -> None:
        """`Failed`."""
        self._run("resolve", id_, *verdict)

    def _run(self, *words: str) -> bytes:
        env = {name: to for name, to in os.environ.items() if not name.startswith("COUNTERSIGN_")}
        try:
            ran = subprocess.run(  # noqa: S603 - the operator names the command
                (self.command, "approvals", *words), env=env, stdin=subprocess.DEVNULL,
                capture_output=True, timeout=PATIENCE, check=False,
            )  # fmt: skip
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise Failed(f"OpenClaw's command did not run: {type(error).__name__}") from None
        if ran.returncode:
            said = ran.stderr.decode("utf-8", "replace").strip().partition("\n")[0][:300]
            raise Failed(f"OpenClaw's command ended with {ran.returncode}: {said}")
        return ran.stdout


@dataclass(slots=True)
class Approvals:
    """Asks about each approval in a thread of its own. `every`: seconds between two looks."""

    openclaw: OpenClaw
    client: Callable[[], Client]
    every: float
    clock: Callable[[], float] = time.time
    listed: Mapping[str, Entry] = field(default_factory=dict)
    _asked: dict[str, threading.Thread] = field(default_factory=dict)

    def look(self) -> None:
        """Take up what is new. Never raises."""
        try:
            self.listed = {one.id: one for one in self.openclaw.pending()}
        except Failed as error:
            log.warning(Line("platform_away", why=error))
            return
        for id_, thread in [*self._asked.items()]:
            if id_ not in self.listed and not thread.is_alive():
                del self._asked[id_]
        room = MOST - sum(thread.is_alive() for thread in self._asked.values())
        for entry in [one for id_, one in self.listed.items() if id_ not in self._asked][:room]:
            thread = threading.Thread(target=self._decide, args=(entry,), daemon=True)
            self._asked[entry.id] = thread
            thread.start()

    def _decide(self, entry: Entry) -> None:
        with self.client() as client:
            hold(client, _Approval(self, entry), beat=self.every)


class _Approval:
    """One approval, while OpenClaw lists it."""

    note: str | None = None

    def __init__(self, approvals: Approvals, entry: Entry) -> None:
        self._approvals, self._entry, self._asked = approvals, entry, False
        self.action = f"openclaw.{entry.kind}"
        self.key = sha256(f"openclaw:{entry.id}".encode()).hexdigest()
        left = entry.expires - approvals.clock() - MARGIN
        self.expires_in: int | None = max(1, min(int(left), 7 * 24 * 3600))

    def payload(self) -> Any:
        """As it was taken up, and before it is released as it is listed then."""
        entry = self._listed() if self._asked else self._entry
        self._asked = True
        if entry.summary == UNKNOWN:
            raise Unverified("OpenClaw does not say what would run.", "Nothing was run.")
        payload = {"agent": entry.agent, "session": entry.session, "kind": entry.kind}
        return {**payload, "command" if entry.kind == "exec" else "summary": entry.summary}

    def _listed(self) -> Entry:
        for one in self._approvals.openclaw.pending():
            if one.id == self._entry.id:
                return one
        raise Gone

    def waiting(self, request_id: str) -> None:
        if self._entry.id not in self._approvals.listed:
            raise Gone

    def release(self, request_id: str) -> bool:
        return self._resolve("allow-once")

    def refuse(self, why: str) -> None:
        said = printable(why).replace("\n", " ")[:REASON]
        self._resolve("deny", f"--reason={said}")

    def observed(self) -> None:
        """Left alone: whoever answers in OpenClaw does."""

    def _resolve(self, *verdict: str) -> bool:
        try:
            self._approvals.openclaw.resolve(self._entry.id, *verdict)
        except Failed as error:
            log.warning(Line("platform_not_told", why=error))
            return False
        return True
