"""A message of Meta's Send API roughly as its apps draw it: for `countersign preview`."""

from __future__ import annotations

from html import escape
from typing import Final

from approvals.port import Payload

STYLE: Final = """
body { background: #fff; }
.bubble { background: #f0f0f0; border-radius: 18px; overflow: hidden; max-width: 310px;
  margin-bottom: 3px; }
.said { white-space: pre-wrap; padding: 9px 12px; }
.tall { display: block; text-align: center; font-weight: 600; padding: 9px;
  border-top: 1px solid #dcdcdc; }
"""


def bubbles(payload: Payload) -> str:
    """The text before the message, if there is one, and the message with its buttons."""
    template = payload["message"].get("attachment", {}).get("payload", {})
    tall = "".join(
        f'<span class="tall">{escape(one["title"])}</span>' for one in template.get("buttons", ())
    )
    said = payload["message"].get("text") or template["text"]
    shown = [(payload["before"], "")] if payload["before"] else []
    return "".join(
        f'<div class="bubble"><div class="said">{escape(text)}</div>{buttons}</div>'
        for text, buttons in (*shown, (said, tall))
    )
