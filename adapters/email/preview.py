"""A card as a mail: the payload is the page."""

from __future__ import annotations

from pathlib import Path

from approvals.port import Payload


def page(payload: Payload, scripts: Path | None) -> str:
    """The mail itself."""
    return str(payload["html"])
