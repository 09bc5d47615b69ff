"""A card as GitHub draws it, nearly: the page of a check. `countersign preview`."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Final

from adapters.github.markdown import BREAK, SPAN, plain
from adapters.kit.preview import button_row, whole
from approvals.port import Payload

STYLE: Final = """
main { border: 1px solid #d1d9e0; border-radius: 6px; color: #1f2328;
  font: 14px/21px -apple-system, 'Segoe UI', 'Noto Sans', Arial, sans-serif, 'Noto Color Emoji'; }
header { border-bottom: 1px solid #d1d9e0; padding: 12px 16px; color: #59636e; }
h1 { font-size: 20px; line-height: 26px; margin: 12px 16px 4px; }
h2 { font-size: 12px; color: #59636e; text-transform: uppercase; margin: 12px 16px 0; }
p { margin: 8px 16px; }
code { background: #818b981f; border-radius: 6px; padding: 1px 5px; font-size: 12px;
  white-space: break-spaces; overflow-wrap: anywhere; }
a { color: #0969da; }
.button { border-color: #d1d9e0; background: #f6f8fa; color: #25292e; }
"""


def page(payload: Payload, scripts: Path | None) -> str:
    """Name, buttons, title, and what stands below."""
    buttons = button_row((one["label"], "") for one in payload["actions"])
    parts = [f"<header>{escape(payload['name'])}{buttons}</header>"]
    parts.append(f"<h1>{escape(payload['title'])}</h1>{_html(payload['summary'])}")
    parts.append(f"<h2>Details</h2>{_html(payload['text'])}")
    return whole("github", "".join(parts), style=STYLE)


def _html(markdown: str) -> str:
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in markdown.split("\n\n"))


def _inline(text: str) -> str:
    """Code, bold, italics, links and the ends of lines."""
    drawn, at = list[str](), 0
    for span in SPAN.finditer(text):
        drawn += [escape(text[at : span.start()]), f"<code>{escape(plain(span[0]))}</code>"]
        at = span.end()
    said = "".join([*drawn, escape(text[at:])]).replace(BREAK, "<br>")
    # What others wrote stands in <code>, where none of this is looked for.
    pieces = re.split("(<code>.*?</code>)", said, flags=re.DOTALL)
    marked = "\0".join(pieces[::2])
    marked = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", marked, flags=re.DOTALL)
    marked = re.sub(r"\*(.+?)\*", r"<i>\1</i>", marked, flags=re.DOTALL)
    marked = re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', marked)
    outside, inside = marked.split("\0"), pieces[1::2]
    return "".join(a + b for a, b in zip(outside, [*inside, ""], strict=True))
