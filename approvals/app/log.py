"""Logs: JSON lines for machines, or a few calm lines for a person at a terminal. Never a secret.

Each line that we write has an `event`, whose name never changes; docs/logs.md lists them all. Rooms
log with structlog, adapters with `logging` and a `Line`.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, TextIO, cast

import structlog

from approvals.port import Line

if TYPE_CHECKING:
    from approvals.app.serve import Base


class _Stream:
    """Standard error, as it is when something is written. A line that cannot be written is lost: a
    full disk, or a collector that is gone, ends no request."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


class _Handler(logging.StreamHandler[Any]):
    """Hears `logging`: adapters and libraries use it, everything else structlog."""

    def handleError(self, record: logging.LogRecord) -> None:
        """A line that cannot be put together. Never with its arguments: logging's own report prints
        them over several lines, and one may be a token."""
        if record.args:
            why = Line("line_not_formatted", line=str(record.msg))
            self.emit(logging.makeLogRecord({**record.__dict__, "msg": why, "args": None}))


def _lines(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A `Line` by its name and fields; what a library says stands as it is."""
    said = event["_record"].msg
    return {**event, **said.fields, "event": said.event} if isinstance(said, Line) else event


def setup(*, console: bool, quiet: bool = False) -> None:
    """Choose the form; `quiet` keeps to warnings.

    Whoever logs, and however, there is one stream of one form: a collector that reads JSON lines
    drops whatever is none, and alarms are among it.
    """
    stream = _Stream()
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any]
    if console:
        # Not the default, which prints every local variable: tokens and keys are among them.
        plain = structlog.dev.plain_traceback
        last = [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
        ]
    else:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if quiet else logging.INFO
        ),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", stream)),
    )
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_lines, *shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    for before in [one for one in root.handlers if isinstance(one, _Handler)]:
        root.removeHandler(before)
    root.addHandler(handler)
    # Libraries log bodies and tokens at lower levels (one SDK does, at INFO): warnings only.
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_failed
    if sys.unraisablehook is sys.__unraisablehook__:  # not a test runner's
        sys.unraisablehook = _ignored


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and failed.exc_type is not SystemExit:
        logging.getLogger("countersign").error(Line("thread_failed"), exc_info=failed.exc_value)


def _ignored(failed: sys.UnraisableHookArgs) -> None:
    """What nobody could be told of: from a finalizer, or at the end of the process."""
    if failed.exc_value is not None:
        logging.getLogger("countersign").error(Line("error_not_caught"), exc_info=failed.exc_value)


def started(url: str, on: Base) -> None:
    """What an operator wants to know first."""
    log = structlog.get_logger()
    log.info(
        "serving",
        listen=url,
        pages=on.site.origin,
        channels=sorted(on.config.channels),
        receipt_key=on.keys.receipt.thumbprint,
        database=on.config.database_url.partition(":")[0],
    )
    for why in on.config.off.values():
        log.info("channel_off", why=why)
