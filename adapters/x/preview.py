"""A card as X draws a message that came, nearly: `countersign preview`."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Final

from adapters.kit.preview import whole
from approvals.port import Payload

STYLE: Final = """
.lines { background: #eff3f4; border-radius: 18px 18px 18px 4px; padding: 10px 14px; color: #0f1419;
  max-width: 88%; width: fit-content; }
.lines a { color: #1d9bf0; text-decoration: none; }
"""


def page(payload: Payload, scripts: Path | None) -> str:
    """Its text, in which X makes links of addresses."""
    text = re.sub(r"https?://[^\s<]+", r'<a href="\g<0>">\g<0></a>', escape(payload["text"]))
    return whole("x", f'<div class="lines">{text}</div>', style=STYLE)
