"""What the client logs: `log.warning(Line("cannot_ask", why=why))`.

A program that is ours (a gateway, an MCP proxy) writes JSON lines, as the service does; within
somebody else's program their `logging` decides. docs/logs.md explains each event.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

log: Final = logging.getLogger("countersign_client")


class Line:
    """An event by its name, which stays as it is, and what is known of it. Never a secret.

    https://docs.python.org/3/howto/logging.html#using-arbitrary-objects-as-messages
    """

    __slots__ = ("event", "fields")

    def __init__(self, event: str, **fields: object) -> None:
        self.event = event
        self.fields = {
            name: value if isinstance(value, str | int | None) else str(value)
            for name, value in fields.items()
        }

    def __str__(self) -> str:
        return " ".join((self.event, *(f"{name}={it!r}" for name, it in self.fields.items())))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever is in it."""
        line = record.msg
        said = {"event": line.event, **line.fields} if isinstance(line, Line) else {}
        about = {
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "logger": record.name,
        }
        if record.exc_info:
            about["exception"] = self.formatException(record.exc_info)
        return json.dumps({"event": record.getMessage(), **said, **about})


def written(line: Line) -> str:
    """How to write a line beside `logging`: as JSON where `setup` chose that, else its `why`."""
    if any(isinstance(one.formatter, _Json) for one in logging.getLogger().handlers):
        about = {"msg": line, "name": log.name, "levelname": "WARNING"}
        return _Json().format(logging.makeLogRecord(about))
    return f"countersign: {line.fields['why']}"


def say(text: str) -> None:
    """A line for whoever looks on. That stderr is closed or full stops nothing."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def out(text: str) -> None:
    """A line of a result, on stdout. That nobody reads it stops nothing."""
    if sys.stdout is not None:
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except (OSError, ValueError):
            # What it still holds would fail again when Python ends.
            # https://docs.python.org/3/library/signal.html#note-on-sigpipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def setup(level: int = logging.INFO) -> None:
    """Of a program that is ours: JSON lines on standard error, or words where a person looks on.

    Of libraries only warnings: at INFO httpx logs addresses, and some hold a token.
    """
    words = sys.stderr.isatty()
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("countersign: %(message)s") if words else _Json())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    log.setLevel(level)
