"""A card as Slack draws it, made from the payload itself: `countersign preview`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from adapters.kit.preview import button_row, moment, whole
from approvals.port import Payload

STYLE: Final = """
p { white-space: pre-wrap; }
"""


def page(payload: Payload, scripts: Path | None) -> str:
    """The payload as Slack would draw it, nearly."""
    return whole("slack", "".join(map(_block, payload["blocks"])), style=STYLE)


def _block(block: Mapping[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f"<h1>{escape(block['text']['text'])}</h1>"
        case "rich_text":
            return "".join(map(_rich, block["elements"]))
        case "context":
            texts = (_dated(_emoji(escape(one["text"]))) for one in block["elements"])
            return f'<p class="dim">{" &nbsp; ".join(texts)}</p>'
        case "actions":
            return button_row(
                (one["text"]["text"], one.get("style", "")) for one in block["elements"]
            )
    return ""


def _rich(part: Mapping[str, Any]) -> str:
    text = "".join(map(_run, part["elements"]))
    match part["type"]:
        case "rich_text_preformatted":
            return f"<pre>{text}</pre>"
        case "rich_text_quote":
            return f"<blockquote>{text}</blockquote>"
    return f"<p>{text}</p>"


def _run(run: Mapping[str, Any]) -> str:
    if run["type"] == "emoji":
        code = run.get("unicode", "")
        return "".join(chr(int(one, 16)) for one in code.split("-")) if code else run["name"]
    text, style = escape(str(run.get("text", ""))), run.get("style") or {}
    for name, tag in (("bold", "b"), ("italic", "i"), ("code", "code")):
        if style.get(name):
            text = f"<{tag}>{text}</{tag}>"
    return text


def _dated(text: str) -> str:
    """Slack's dates: `<!date^seconds^format|fallback>`."""
    return re.sub(r"&lt;!date\^(\d+)\^[^|]*\|[^&]*&gt;", lambda one: moment(int(one[1])), text)


def _emoji(text: str) -> str:
    return re.sub(r":([a-z_]+):", lambda one: _EMOJI.get(one[1], one[0]), text)


_EMOJI: Final = {
    "large_green_circle": "🟢", "large_orange_circle": "🟠", "red_circle": "🔴",
    "white_check_mark": "✅", "no_entry": "⛔", "hourglass": "⌛", "wastebasket": "🗑",
}  # fmt: skip
