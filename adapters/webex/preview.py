"""A card as Webex draws it, nearly: `countersign preview`."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from adapters.kit.preview import button_row, whole
from approvals.port import Payload

STYLE: Final = """
main { border: 1px solid #d9d9d9; border-radius: 8px; padding: 12px 16px; color: #171717;
  font: 14px/20px Inter, 'Noto Sans', Arial, sans-serif, 'Noto Color Emoji'; }
section { background: #f3f3f3; padding: 8px; margin: 8px 0; }
p { margin: 0; white-space: pre-wrap; } .gap { margin-top: 8px; } .small { font-size: 12px; }
.medium { font-size: 16px; } .subtle { color: #666; } .bolder { font-weight: 600; }
.italic { font-style: italic; } .monospace { font-family: 'DejaVu Sans Mono', monospace; }
.good { color: #00663e; } .warning { color: #945000; } .attention { color: #b3101e; }
.columns { margin-top: 8px; } .columns p { flex: 1; } .columns p:first-child { flex: 0 0 90px; }
.columns p span:first-child { color: #171717; } .columns p .subtle:first-child { color: #666; }
.button { border-radius: 16px; border-color: #767676; }
.primary { background: #00663e; border-color: #00663e; }
.danger { background: #fff; color: #b3101e; border-color: #b3101e; }
"""
STYLES: Final = {"positive": "primary", "destructive": "danger"}


def page(payload: Payload, scripts: Path | None) -> str:
    """The card. What Decline… opens is not drawn."""
    card = payload["attachments"][0]["content"]
    buttons = ((one["title"], STYLES.get(one.get("style", ""), "")) for one in _actions(card))
    return whole("webex", "".join(map(_element, card["body"])) + button_row(buttons), style=STYLE)


def _actions(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    red = {"style": "destructive"}
    return [
        one | (red if one["type"] == "Action.ShowCard" else {}) for one in card.get("actions", ())
    ]


def _element(one: Mapping[str, Any]) -> str:
    gap = "" if one.get("spacing") in ("None", "Small") else "gap"
    match one["type"]:
        case "TextBlock":
            return f'<p class="{gap} {_look(one)}">{escape(one["text"])}</p>'
        case "RichTextBlock":
            runs = (
                f'<span class="{_look(run)}">{escape(run["text"])}</span>' for run in one["inlines"]
            )
            return f'<p class="{gap}">{"".join(runs)}</p>'
        case "ColumnSet":
            cells = (f"<p>{_cell(column)}</p>" for column in one["columns"])
            return f'<div class="columns">{"".join(cells)}</div>'
        case "Container":
            return f"<section>{''.join(map(_element, one['items']))}</section>"
    return ""


def _cell(column: Mapping[str, Any]) -> str:
    lines = ("".join(escape(run["text"]) for run in item["inlines"]) for item in column["items"])
    subtle = column["items"][0]["inlines"][0].get("isSubtle")
    return f'<span class="{"subtle" if subtle else ""}">{"<br>".join(lines)}</span>'


def _look(run: Mapping[str, Any]) -> str:
    """Its CSS classes."""
    words = [str(run.get(name, "")).lower() for name in ("size", "weight", "color", "fontType")]
    return " ".join(
        [*words, "subtle" * bool(run.get("isSubtle")), "italic" * bool(run.get("italic"))]
    )
