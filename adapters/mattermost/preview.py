"""A card as Mattermost draws it, nearly: `countersign preview`."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Final

from adapters.kit.preview import button_row, whole
from approvals.port import Payload

STYLE: Final = """
section { border: 1px solid #e0e1e3; border-left: 4px solid; border-radius: 4px; padding: 8px 12px;
  margin: 6px 0; }
p { white-space: pre-wrap; margin: 6px 0; }
b { display: block; font-size: 14px; }
.good { background: #3db887; color: #fff; }
.danger { background: #d24b4e; color: #fff; }
"""


def page(payload: Payload, scripts: Path | None) -> str:
    """The message, its attachment and the buttons."""
    parts = [f"<p>{_marked(payload['message'])}</p>"]
    for one in payload["props"]["attachments"]:
        inside = [f"<p>{_marked(one['text'])}</p>"]
        for field in one["fields"]:
            title = f"<b>{escape(field['title'])}</b>" if field["title"] else ""
            inside.append(f"{title}<p>{_marked(field['value'])}</p>")
        inside.append(button_row((button["name"], button["style"]) for button in one["actions"]))
        parts.append(
            f'<section style="border-color:{escape(one["color"])}">{"".join(inside)}</section>'
        )
    return whole("mattermost", "".join(parts), style=STYLE)


def _marked(text: str) -> str:
    """Mattermost's code, bold and links."""
    out = []
    for at, piece in enumerate(re.split(r"```\n(.*?)\n```", text, flags=re.DOTALL)):
        if at % 2:
            out.append(f"<pre>{escape(piece)}</pre>")
        elif piece.strip():
            said = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(piece.strip("\n")))
            said = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", said)
            out.append(re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', said))
    return "".join(out)
