"""What the app shows besides cards: its Home tab, and the same list where somebody asks for it.

Nothing here is a button of a request: rows lead to their pages. What others wrote stands in
rich_text nodes, which Slack does not parse, as on cards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from approvals.port import Home, HomeRow
from approvals.text import fitting

Inert = Callable[[str], str]
"""Makes a text stand as it is."""

TAB: Final = "app_home_opened"
"""The event that says somebody looks at it: https://docs.slack.dev/reference/events/app_home_opened"""
SHORTCUT: Final = "countersign_waiting"
"""The callback id of the app's shortcut, as in its manifest."""
NOBODY: Final = (
    "This account isn't linked to a person here. Ask the operator for a code "
    "(countersign link), or get one in the inbox, then type /countersign and the code."
)
TITLE: Final = 150
STATE: Final = 300
# As on cards: https://docs.slack.dev/reference/block-kit/blocks/context-block
RISKS: Final = {
    "low": ":large_green_circle: Low risk",
    "medium": ":large_orange_circle: Medium risk",
    "high": ":red_circle: High risk",
}


def tab(home: Home | None, inert: Inert) -> dict[str, Any]:
    """The view of the Home tab: https://docs.slack.dev/reference/views/home-tab-views"""
    if home is None:
        return {"type": "home", "blocks": [_words(NOBODY)]}
    blocks = _waiting(home, inert)
    if home.decided:
        blocks += [_heading("You decided"), *_rows(home.decided, "Closed", inert)]
    return {"type": "home", "blocks": blocks}


def message(home: Home | None, inert: Inert) -> dict[str, Any]:
    """The answer to a command, which nobody else sees, and which Slack may drop:
    https://docs.slack.dev/interactivity/implementing-slash-commands"""
    blocks = [_words(NOBODY)] if home is None else _waiting(home, inert)
    text = NOBODY if home is None else _heard(home)
    return {"response_type": "ephemeral", "text": text, "blocks": blocks}


def modal(home: Home | None, inert: Inert) -> dict[str, Any]:
    """The view that a shortcut opens."""
    blocks = [_words(NOBODY)] if home is None else _waiting(home, inert)
    titles = {"title": _plain("Countersign"), "close": _plain("Close")}
    return {"type": "modal", "callback_id": SHORTCUT, **titles, "blocks": blocks}


def _heard(home: Home) -> str:
    count = len(home.waiting) + home.more
    return f"{count} waiting for you" if count else "Nothing is waiting for you."


def _waiting(home: Home, inert: Inert) -> list[dict[str, Any]]:
    blocks = [_heading("Waiting for you")] if home.waiting else [_words(_heard(home))]
    blocks += _rows(home.waiting, "Answer by", inert)
    more = f"All {len(home.waiting) + home.more} in the inbox" if home.more else "Open the inbox"
    return [*blocks, _text([_link(home.inbox, more)])]


def _rows(rows: Sequence[HomeRow], when: str, inert: Inert) -> list[dict[str, Any]]:
    drawn = list[dict[str, Any]]()
    for row in rows:
        lines = [_link(row.link, fitting(inert(row.title), TITLE), bold=True)]
        if row.state:
            lines.append({"type": "text", "text": f"\n{fitting(inert(row.state), STATE)}"})
        at, plain = row.at // 1000, f"{datetime.fromtimestamp(row.at // 1000, UTC):%Y-%m-%d %H:%M}"
        # Each reader's own zone: https://docs.slack.dev/messaging/formatting-message-text#date-formatting
        date = f"{when} <!date^{at}^{{date_short_pretty}} {{time}}|{plain} UTC>"
        risk = {"type": "plain_text", "emoji": True, "text": RISKS[row.risk]}
        about = [risk, {"type": "mrkdwn", "verbatim": True, "text": date}]
        drawn += [_text(lines), {"type": "context", "elements": about}]
    return drawn


def _link(url: str, text: str, *, bold: bool = False) -> dict[str, Any]:
    # https://docs.slack.dev/reference/block-kit/blocks/rich-text-block#link-element-type
    link = {"type": "link", "url": url, "text": text}
    return {**link, "style": {"bold": True}} if bold else link


def _text(elements: list[dict[str, Any]]) -> dict[str, Any]:
    section = {"type": "rich_text_section", "elements": elements}
    return {"type": "rich_text", "elements": [section]}


def _words(text: str) -> dict[str, Any]:
    return _text([{"type": "text", "text": text}])


def _heading(text: str) -> dict[str, Any]:
    return {"type": "header", "text": _plain(text)}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
