"""A card as Linear draws it, nearly: `countersign preview`."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Final

from adapters.kit.preview import whole
from approvals.port import Payload

STYLE: Final = """
main.card { font: 15px/1.5 Inter, system-ui, sans-serif; color: #23252a; }
.card article { border: 1px solid #e4e5e9; border-radius: 8px; padding: 12px 14px; }
.card article + article { border-top: 0; border-top-left-radius: 0; border-top-right-radius: 0; }
.card article:first-child { border-bottom-left-radius: 0; border-bottom-right-radius: 0; }
.card header { font-size: 13px; color: #6b6f76; margin-bottom: 4px; }
.card header b { color: #23252a; font-weight: 500; }
.card header i { font-style: normal; border: 1px solid #dcdde1; border-radius: 3px; padding: 0 4px;
  font-size: 11px; }
.card h2 { font-size: 18px; line-height: 1.35; font-weight: 600; margin: 4px 0 6px; }
.card p, .card li { overflow-wrap: anywhere; margin: 6px 0; }
.card ul { padding-left: 20px; margin: 6px 0; }
.card blockquote { border-left: 3px solid #dcdde1; margin: 6px 0; padding-left: 10px; }
.card code { font: 13px/1.5 ui-monospace, monospace; background: #f3f4f6; border-radius: 4px;
  padding: 1px 3px; white-space: pre-wrap; }
.card .options span { display: block; border: 1px solid #dcdde1; border-radius: 6px; margin: 6px 0;
  padding: 6px 12px; font-weight: 500; }
"""


def page(payload: Payload, scripts: Path | None) -> str:
    """The comment, and below it the question with its options."""
    said = [payload["subject"], payload["card"]]
    if payload["end"]:
        said.append(payload["end"])
    options = [one["label"] for one in payload["options"]]
    if options and "Approve" not in options and payload["link"]:
        options = ["Link account"]  # what Linear calls a link of the signal `auth`
    drawn = "".join(f"<span>{escape(str(one))}</span>" for one in options)
    who = "<header><b>Countersign</b> <i>Agent</i> now</header>"
    parts = [f"<article>{who}{_marked(text)}</article>" for text in said]
    if drawn:
        parts[1] = parts[1].replace("</article>", f'<div class="options">{drawn}</div></article>')
    return whole("linear", "".join(parts), style=STYLE)


def _marked(text: str) -> str:
    """The Markdown that the template writes, as HTML."""
    out = list[str]()
    for block in text.split("\n\n"):
        if block.startswith("## "):
            title, _, rest = block[3:].partition("\n")
            out.append(f"<h2>{_inline(title)}</h2><p>{_inline(rest)}</p>")
        elif block.startswith("- "):
            items = re.split(r"^- ", block, flags=re.MULTILINE)[1:]
            out.append(f"<ul>{''.join(f'<li>{_inline(one)}</li>' for one in items)}</ul>")
        elif block.startswith("> "):
            quoted = re.sub(r"^> ", "", block, flags=re.MULTILINE)
            out.append(f"<blockquote>{_inline(quoted)}</blockquote>")
        elif block:
            out.append(f"<p>{_inline(block)}</p>")
    return "".join(out)


def _inline(text: str) -> str:
    made = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text.strip()))
    made = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", made, flags=re.DOTALL)
    made = re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', made)
    return made.replace("\n", "<br>")
