"""A card as WhatsApp draws it, made from the payload itself: `countersign preview`."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Final

from adapters.kit.preview import button_row, whole
from approvals.port import Payload

STYLE: Final = """
.row { margin-top: 4px; }
.button { flex: 1; text-align: center; border: 0; border-radius: 8px;
  background: #fff; color: #027eb5; }
body { background: #efeae2; }
.lines { background: #fff; border-radius: 8px; padding: 10px; }
"""


def page(payload: Payload, scripts: Path | None) -> str:
    """The payload as WhatsApp would draw it, nearly."""
    session = payload["session"]
    found = session.get("interactive", session)
    body = found.get("body") or found.get("text") or session.get("body") or ""
    text = str(body.get("text", body.get("body", "")) if isinstance(body, dict) else body)
    said = re.sub(r"```(.*?)```", r"<pre>\1</pre>", escape(text), flags=re.DOTALL)
    said = re.sub(r"(?m)^\*(.+)\*$", r"<b>\1</b>", said)
    footer = found.get("footer", {})
    foot = str(footer.get("text", "") if isinstance(footer, dict) else footer)
    buttons = (found.get("action") or {}).get("buttons", ())
    rows = "".join(button_row([(one["reply"]["title"], "link")]) for one in buttons)
    return whole(
        "whatsapp",
        f'<div class="lines">{said}</div><p class="dim">{escape(foot)}</p>{rows}',
        style=STYLE,
    )
