"""A card as Telegram draws it, made from the payload itself: `countersign preview`."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from adapters.kit.preview import button_row, whole
from approvals.port import Payload

STYLE: Final = """
body { background: #d7e3ec; }
.lines { background: #fff; border-radius: 12px; padding: 10px; }
.row { margin-top: 4px; }
.button { flex: 1; text-align: center; border: 0; border-radius: 8px;
  background: #7ca0bd; color: #fff; }
.success { background: #3fae5a; }
.danger { background: #d9534f; }
"""


def page(payload: Payload, scripts: Path | None) -> str:
    """The payload as Telegram would draw it, nearly."""
    raw, out, at = payload["text"].encode("utf-16-le"), [], 0
    tags = {"bold": "b", "italic": "i", "code": "code", "pre": "pre"}

    def text(start: int, end: int) -> str:
        return escape(raw[2 * start : 2 * end].decode("utf-16-le"))

    for entity in sorted(payload.get("entities", ()), key=lambda one: one["offset"]):
        start, end = entity["offset"], entity["offset"] + entity["length"]
        tag = tags.get(entity["type"], "span")
        out += [text(at, start), f"<{tag}>{text(start, end)}</{tag}>"]
        at = end
    out.append(text(at, len(raw) // 2))
    said = f'<div class="lines">{"".join(out)}</div>'.replace("</pre>\n", "</pre>")
    keys = payload["reply_markup"]["inline_keyboard"]
    rows = (button_row([(one["text"], one.get("style", "link"))]) for row in keys for one in row)
    return whole("telegram", said + "".join(rows), style=STYLE)
