"""A card as Teams draws it: by Microsoft's own renderer, where it is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from adapters.kit.preview import button_row, whole
from approvals.port import Payload

RENDERER: Final = Path("node_modules/adaptivecards/dist/adaptivecards.min.js")
"""Microsoft's renderer: `npm install adaptivecards` (https://adaptivecards.io/sdk/)."""
HOST: Final = {
    "fontFamily": "Segoe UI, system-ui, sans-serif",
    "containerStyles": {
        "default": {"backgroundColor": "#ffffff", "foregroundColors": {
            "default": {"default": "#242424", "subtle": "#616161"},
            "good": {"default": "#237b4b", "subtle": "#237b4b"},
            "warning": {"default": "#8a5300", "subtle": "#8a5300"},
            "attention": {"default": "#c4314b", "subtle": "#c4314b"}}},
        "emphasis": {"backgroundColor": "#f5f5f5", "foregroundColors": {
            "default": {"default": "#242424", "subtle": "#616161"}}},
    },
}  # fmt: skip
STYLE: Final = """
main { border: 1px solid #e0e0e0; border-radius: 6px; padding: 12px; }
section { background: #f5f5f5; padding: 8px; }
.ac-richTextBlock, .ac-richTextBlock * {
  white-space: pre-wrap !important; overflow-wrap: anywhere; }
"""


def page(payload: Payload, scripts: Path | None) -> str:
    """By `RENDERER`, where `scripts` has it; else as text in boxes."""
    script = ""
    if scripts is not None and (scripts / RENDERER).exists():
        card = json.dumps(_card(payload)).replace("<", "\\u003c")
        script = (
            f"<script>{(scripts / RENDERER).read_text()}</script><script>"
            "const made = new AdaptiveCards.AdaptiveCard();"
            f"made.hostConfig = new AdaptiveCards.HostConfig({json.dumps(HOST)});"
            f"made.parse({card});"
            "document.querySelector('.card').replaceChildren(made.render());</script>"
        )
    plain = "".join(map(_element, _card(payload)["body"]))
    return whole("teams", plain, style=STYLE, script=script)


def _card(payload: Payload) -> Any:
    return payload["attachments"][0]["content"]


def _element(one: Mapping[str, Any]) -> str:
    match one["type"]:
        case "TextBlock":
            return f"<p>{escape(one['text'])}</p>"
        case "RichTextBlock":
            return f"<p class=lines>{''.join(escape(run['text']) for run in one['inlines'])}</p>"
        case "ColumnSet":
            inner = "".join(
                f"<span>{''.join(map(_element, column['items']))}</span>"
                for column in one["columns"]
            )
            return f'<div class="columns">{inner}</div>'
        case "Container":
            return f"<section>{''.join(map(_element, one['items']))}</section>"
        case "ActionSet":
            styles = {"positive": "primary", "destructive": "danger"}
            return button_row(
                (a["title"], styles.get(a.get("style", ""), "")) for a in one["actions"]
            )
    return ""
