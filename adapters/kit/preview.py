"""The common parts of the pages that show a card as a platform's app draws it.

Everything from a payload is escaped.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from typing import Final

_STYLE: Final = (files("adapters.kit") / "preview.css").read_text()


def whole(channel: str, card: str, *, style: str, script: str = "") -> str:
    """The page around a card. `card`, `script`: HTML; `style`: the channel's own CSS."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(channel)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{_STYLE}{style}</style><body><main class="card">{card}'
        f"</main>{script}</body></html>"
    )


def button_row(buttons: Iterable[tuple[str, str]]) -> str:
    """Buttons beside each other: label and style of each."""
    drawn = (
        f'<span class="button {style}">{escape(str(label))}</span>' for label, style in buttons
    )
    return f'<div class="row">{"".join(drawn)}</div>'


def moment(seconds: int) -> str:
    """A time as an app shows it in UTC."""
    return time.strftime("%d %b %Y %H:%M UTC", time.gmtime(seconds))
