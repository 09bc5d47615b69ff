"""A card as Discord draws it, made from the payload itself: `countersign preview`."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Final

from adapters.kit.preview import button_row, moment, whole
from approvals.port import Payload

STYLE: Final = """
body { background: #313338; color: #dbdee1; }
.dim { color: #949ba4; }
section { background: #2b2d31; border-left: 4px solid; border-radius: 4px; padding: 8px 12px;
  margin: 6px 0; max-width: 516px; }
pre, code { background: #1e1f22; border-color: #1e1f22; color: #dbdee1; }
.button { background: #4e5058; color: #fff; border: 0; }
.primary { background: #248046; }
.danger { background: #da373c; }
"""


def page(payload: Payload, scripts: Path | None) -> str:
    """The payload as Discord would draw it, nearly."""
    parts = [f"<p>{_marked(payload.get('content') or '')}</p>"]
    for embed in payload["embeds"]:
        inside = [
            f"<p class=dim>{escape(embed['author']['name'])}</p>" if "author" in embed else ""
        ]
        inside.append(_marked(embed.get("description", "")))
        for field in embed.get("fields", ()):
            inside.append(f"<p><b>{_marked(field['name'])}</b></p>{_marked(field['value'])}")
        if "footer" in embed:
            inside.append(f"<p class=dim>{escape(embed['footer']['text'])}</p>")
        colour = f"#{embed.get('color') or 0:06x}"
        parts.append(f'<section style="border-color:{colour}">{"".join(inside)}</section>')
    styles = {3: "primary", 4: "danger", 5: "link"}
    for row in payload["components"]:
        parts.append(
            button_row((one["label"], styles.get(one["style"], "")) for one in row["components"])
        )
    return whole("discord", "".join(parts), style=STYLE)


def _marked(text: str) -> str:
    """Discord's code spans and fences, and its times."""
    out = []
    for at, piece in enumerate(re.split(r"(`{3,})\n?(.*?)\n?\1", text, flags=re.DOTALL)):
        if at % 3 == 2:
            out.append(f"<pre>{escape(piece)}</pre>")
        elif at % 3 == 0 and piece.strip():
            said = re.sub(r"(`+)(.+?)\1", r"<code>\2</code>", escape(piece.strip("\n")))
            said = re.sub(r" \(&lt;t:\d+:R&gt;\)", "", said)  # "in 15 minutes": a page has no clock
            said = re.sub(r"&lt;t:(\d+):[a-zA-Z]&gt;", lambda one: moment(int(one[1])), said)
            out.append(f"<p>{said}</p>")
    return "".join(out)
