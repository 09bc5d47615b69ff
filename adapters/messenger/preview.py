"""A card as Messenger draws it, nearly: `countersign preview`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from adapters.kit.bubble import STYLE, bubbles
from adapters.kit.preview import whole
from approvals.port import Payload

OWN: Final = ".tall { color: #0a7cff; background: #f7f7f7; }"


def page(payload: Payload, scripts: Path | None) -> str:
    """The message within the 24 hours."""
    return whole("messenger", bubbles(payload), style=STYLE + OWN)
