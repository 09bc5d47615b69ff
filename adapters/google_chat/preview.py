"""A card as Google Chat draws it, nearly: `countersign preview`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path
from typing import Any, Final

from adapters.kit.preview import button_row, whole
from approvals.port import Payload

STYLE: Final = """
main { border: 1px solid #dadce0; border-radius: 8px; color: #202124;
  font: 14px/20px Roboto, 'Noto Sans', Arial, sans-serif, 'Noto Color Emoji'; }
section { padding: 8px 16px; } section + section { border-top: 1px solid #dadce0; }
p { white-space: pre-wrap; margin: 0; padding: 4px 0; }
.button { border-radius: 18px; border-color: #747775; color: #0b57d0; font-weight: 500; }
.primary { background: #0b57d0; border-color: #0b57d0; color: #fff; }
"""


TAGS: Final = re.compile(r'(</?[bi]>|<font color="#[0-9a-f]{6}">|</font>)')


def page(payload: Payload, scripts: Path | None) -> str:
    """The payload as Google Chat would draw it, nearly."""
    (card,) = payload["message"]["cardsV2"]
    sections = (
        f"<section>{''.join(map(_widget, section['widgets']))}</section>"
        for section in card["card"]["sections"]
    )
    return whole("google_chat", "".join(sections), style=STYLE)


def _widget(widget: Mapping[str, Any]) -> str:
    if text := widget.get("textParagraph"):
        return f"<p>{_html(text['text'])}</p>"
    if row := widget.get("buttonList"):
        return button_row(
            (one["text"], "primary" if one.get("type") == "FILLED" else "")
            for one in row["buttons"]
        )
    return ""


def _html(text: str) -> str:
    """The tags that our own template has; any other is drawn as text, so that it is seen."""
    parts = TAGS.split(text)
    return "".join(part if at % 2 else escape(unescape(part)) for at, part in enumerate(parts))
