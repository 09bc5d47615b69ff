"""A card as Messages draws it, nearly: `countersign preview`."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any, Final

from adapters.kit.preview import button_row, whole
from approvals.port import Payload

STYLE: Final = """
body { background: #fff; }
.lines { background: #e9e9eb; color: #000; border-radius: 18px; padding: 10px 14px;
  margin-bottom: 8px; overflow-wrap: anywhere; }
.button { border-radius: 18px; border: 1px solid #0a84ff; background: #fff; color: #0a84ff; }
"""


def page(payload: Payload, scripts: Path | None) -> str:
    """Its bubbles, and its quick replies."""
    return whole("imessage", "".join(map(_bubble, payload["messages"])), style=STYLE)


def _bubble(message: Any) -> str:
    choice = message.get("choice_message", {})
    kept = choice.get("text_message") or message.get("text_message") or message
    text = kept.get("text") or kept.get("message") or ""
    buttons = [(one["text_message"]["text"], "") for one in choice.get("choices", ())]
    return f'<div class="lines">{escape(text)}</div>{button_row(buttons) if buttons else ""}'
