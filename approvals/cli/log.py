"""Logs: JSON lines for machines, or a few calm lines for a person at a terminal. Never a secret."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from approvals.cli.serve import Base


def setup(*, console: bool, quiet: bool = False) -> None:
    """Choose the form; `quiet` keeps to warnings."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if console:
        # Not the default, which prints every local variable: tokens and keys are among them.
        plain = structlog.dev.plain_traceback
        shared.append(
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
        )
    else:
        shared += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if quiet else logging.INFO
        ),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries log bodies and tokens at lower levels (slack-bolt does, at INFO): warnings only.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


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
