"""The command `countersign-client`, for scripts, CI and coding agents.

`ask` exits with 0 only on a verified approval of exactly what it was given, or where it was told to
observe; `pin` writes down which service and which key are believed; `connect` and `hook` hold the
tools of coding agents; `mcp-proxy` holds those of an MCP server, `mcp-tools` is one; `github`,
`n8n`, `openclaw` and `terraform` answer what those products hold themselves.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import signal
import sys
import uuid
from collections.abc import Callable, Sequence
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from countersign_client import connect, gateways, hook, mcp_commands, settings
from countersign_client.client import PATIENCE, Client
from countersign_client.digest import read_json
from countersign_client.errors import CountersignError, Misconfigured, printable
from countersign_client.logs import say
from countersign_client.observe import FLAG, Observer, observer
from countersign_client.protocol import Action
from countersign_client.receipt import thumbprints

SHOWN: Final = 256 * 1024
"""Bytes of files that a person is shown; more is asked about by its digest, and only if told to."""


class Exit(IntEnum):
    """What a script may rely on. Anything but 0: do not run it."""

    APPROVED = 0
    USAGE = 2
    DECLINED = 3
    EXPIRED = 4
    CANNOT = 5
    """It could not be asked, or the answer proves nothing. The message says what to do."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command, and exit."""
    if sys.stdout is not None and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: a locale has not all letters
    signal.signal(signal.SIGTERM, _terminated)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, _terminated)
    args = _parser().parse_args(_joined(sys.argv[1:] if argv is None else argv))
    try:
        run: Callable[[argparse.Namespace], int] = args.run
        code = run(args)
    except CountersignError as error:
        say(f"✗ {printable(error.message)}")
        if error.cure:
            say(f"  {printable(error.cure)}")
        code = Exit.CANNOT
    except KeyboardInterrupt:
        say("Interrupted. Nothing was approved.")
        code = 130
    sys.exit(int(code))


def _joined(words: Sequence[str]) -> list[str]:
    """A thumbprint may begin with a hyphen, which argparse takes for an option of its own."""
    found = list[str]()
    for word in words:
        if found and found[-1] == "--receipt-key":
            found[-1] += f"={word}"
        else:
            found.append(word)
    return found


def _terminated(number: int, _frame: FrameType | None) -> NoReturn:
    """A stop from outside unwinds, so that what waits is withdrawn."""
    raise SystemExit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="countersign-client", description="Ask a person before something runs."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    ask = commands.add_parser(
        "ask", help="ask and wait: exit 0 only if exactly this was approved",
        epilog="Exit codes: 0 approved, 2 wrong usage, 3 declined, 4 expired, 5 cannot ask.",
    )  # fmt: skip
    ask.add_argument("--action", required=True, help="what it is called, like deploy")
    what = ask.add_mutually_exclusive_group()
    what.add_argument(
        "--file", action="append", metavar="PATH", default=[],
        help="a file that is part of what is approved; may be given several times",
    )  # fmt: skip
    what.add_argument("--payload", metavar="JSON", help="any JSON value instead, or - for stdin")
    ask.add_argument(
        "--by-digest", action="store_true",
        help="ask about the SHA-256 of files that cannot be shown: binary, or larger than 256 KiB",
    )  # fmt: skip
    ask.add_argument("--title", help="your words, shown as unverified")
    ask.add_argument("--note", help="why, in your words, shown as unverified")
    ask.add_argument("--risk", choices=("low", "medium", "high"), help="can only raise it")
    ask.add_argument("--expires-in", type=_seconds, metavar="15m", help="can only shorten it")
    ask.add_argument("--key", help="the same key takes up the same request after a crash")
    ask.add_argument("--observe", action="store_true", help=FLAG)
    ask.add_argument("--patience", type=float, default=PATIENCE, help=argparse.SUPPRESS)
    ask.set_defaults(run=_ask)

    pin = commands.add_parser("pin", help="write down which service and which key are believed")
    pin.add_argument("--url", help="like https://approve.example.com")
    pin.add_argument("--receipt-key", metavar="THUMBPRINT", help="from the service's own host")
    pin.add_argument("--agent", help="which agent asks, where the requester has several")
    pin.set_defaults(run=_pin)

    hook.add(commands)
    connect.add(commands)
    mcp_commands.add(commands)
    gateways.add(commands)
    return parser


def _seconds(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,5})(s|m|h)?", text)
    if found is None:
        raise argparse.ArgumentTypeError("a duration is written like 90s, 15m or 1h")
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2] or "s"]


def _ask(args: argparse.Namespace) -> int:
    watching = observer(args.observe or None, door="ask")
    if watching is not None:
        return _observe(args, watching)
    payload = _payload(args)
    with Client(
        settings.Service.from_environment(), patience=args.patience, observe=False
    ) as client:
        opened = client.open(
            action=args.action, payload=payload, title=args.title, note=args.note, risk=args.risk,
            expires_in=args.expires_in, key=args.key or uuid.uuid4().hex,
        )  # fmt: skip
        try:
            if opened.status == "pending":
                say(f"Waiting for a person until {printable(opened.expires_at)}: {opened.id}")
            while opened.status == "pending":
                opened = client.wait(opened.id)
        except (KeyboardInterrupt, SystemExit):
            _withdraw(client, opened.id)
            raise
        # The files as they are now: these bytes, and no others, are what may run.
        decision = client.receipt(
            opened.id, action=args.action, payload=_payload(args) if args.file else payload
        )
    match decision.status:
        case "approved":
            say(f"✓ Approved: {decision.request_id}")
            return Exit.APPROVED
        case "declined":
            why = f": {printable(decision.reason)}" if decision.reason else "."
            say(f"✗ Declined{why}")
            return Exit.DECLINED
        case "expired":
            say("✗ Nobody decided in time. Ask again.")
            return Exit.EXPIRED
    say("✗ The request was withdrawn.")
    return Exit.CANNOT


def _observe(args: argparse.Namespace, watching: Observer) -> int:
    """The script goes on, whatever it is."""

    def what() -> Action:
        try:
            return Action(action=args.action, payload=_payload(args))
        except CountersignError as error:
            say(f"! This cannot be asked about: {printable(error.message)}")
            raise

    watching.ask(args.action, what)
    say("Observed: nobody was asked, and nobody has approved this.")
    return 0


def _withdraw(client: Client, request_id: str) -> None:
    try:
        client.withdraw(request_id)
        say("The request is withdrawn.")
    except CountersignError as error:
        say(f"The request could not be withdrawn: {printable(error.message)}")


def _payload(args: argparse.Namespace) -> Any:
    if args.payload is not None:
        if args.payload == "-" and sys.stdin is None:
            raise Misconfigured("--payload - reads stdin, which is closed.", "Pipe the JSON in.")
        try:
            return read_json(sys.stdin.buffer.read() if args.payload == "-" else args.payload)
        except ValueError as error:
            raise Misconfigured(
                f"--payload is not JSON: {printable(str(error))}.", "Quote it for the shell."
            ) from None
    files = [_file(path, args.by_digest) for path in args.file]
    return {"files": files} if len(files) > 1 else {"file": files[0]} if files else None


def _file(path: str, by_digest: bool) -> dict[str, Any]:
    """A file as it is asked about: its text, which is all of its bytes, or their SHA-256."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}.", "Name a file.") from error
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and len(raw) <= SHOWN:
        return {"name": path, "text": text}
    if not by_digest:
        why = "is not text" if text is None else f"has {len(raw):,} bytes: too many to be shown"
        raise Misconfigured(
            f"{path} {why}.", "Give --by-digest to ask about its name, size and SHA-256 instead."
        )
    return {"name": path, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


def _pin(args: argparse.Namespace) -> int:
    known = settings.known(os.environ)
    known |= {name: value for name in ("url", "agent") if (value := getattr(args, name))}
    pin = args.receipt_key or known.get("receipt_key", "")
    if not known.get("url") or not known.get("key"):
        raise Misconfigured(
            "The service's address and this requester's key are needed.",
            "Give --url, and the key as COUNTERSIGN_KEY or in the file COUNTERSIGN_KEY_FILE names.",
        )
    # Nothing is believed yet: with this thumbprint, that no key has, nothing could be.
    asking = settings.Service(
        url=known["url"], key=known["key"], receipt_key="A" * 43, requester="?", issuer="?"
    )
    with Client(asking, patience=0, observe=False) as client:
        requester, issuer, kind = client.identity()
        published = thumbprints(client.published())
    if pin not in published:
        say("✗ The service does not have that key." if pin else "✗ No receipt key is given.")
        for one in published:
            say(f"  It publishes {printable(one)}")
        say("  Whoever answers there could publish any key: take the thumbprint from the service's")
        say("  own host (`countersign doctor` shows it), and give it as --receipt-key.")
        return Exit.CANNOT
    pinned = settings.Service(
        url=asking.url, key=asking.key, receipt_key=pin, requester=requester, issuer=issuer,
        agent=known.get("agent"),
    )  # fmt: skip
    path = settings.file(os.environ)
    settings.write(pinned, path)
    say(f"✓ Pinned in {path}, readable by you alone:")
    say(f"  service      {pinned.url}, which signs as {printable(issuer)}")
    say(f"  requester    {printable(requester)} (kind: {printable(kind)})")
    say(f"  receipt key  {pinned.receipt_key}")
    return Exit.APPROVED
