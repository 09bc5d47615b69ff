"""A card as a Matrix client draws it, nearly: `countersign preview`."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from adapters.kit.preview import whole
from approvals.port import Payload

STYLE: Final = """
.lines code { background: #e9edf1; border-radius: 4px; padding: 0 3px; font-size: 13px; }
.lines pre { background: #f3f5f7; border: 1px solid #dfe3e8; border-radius: 6px; padding: 8px;
  margin: 6px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.lines pre code { background: none; padding: 0; }
.reaction { display: inline-block; border: 1px solid #0dbd8b; background: #e7f8f3;
  border-radius: 12px; padding: 2px 10px; margin: 6px 6px 0 0; font-size: 13px; }
"""


def page(payload: Payload, scripts: Path | None) -> str:
    """Its HTML, in which the adapter escaped all texts, and the reactions that we add."""
    keys = dict.fromkeys(one["key"] for one in payload["buttons"])
    seeds = "".join(f'<span class="reaction">{escape(key)} 1</span>' for key in keys)
    said = f'<div class="lines">{payload["content"]["formatted_body"]}</div>'
    return whole("matrix", said + seeds, style=STYLE)
