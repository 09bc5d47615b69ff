"""What people will read of a structured text: blocks, documents, messages with marks. Pure.

Chat blocks, editor documents (a tree of `content`) and lists of styled runs all become plain lines:
the words, and behind each link where it leads. What is only structure (types, ids, styles) is left
out; any other text is shown, so that a kind of block that is not known here hides nothing.

https://docs.slack.dev/reference/block-kit/blocks ·
https://docs.slack.dev/messaging/formatting-message-text ·
https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/ ·
https://developers.notion.com/reference/rich-text (all read in November 2026)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from approvals.reading.json_text import parse
from approvals.reading.values import UNCLEAR, Repeated, nodes

MOST: Final = 3_900
"""Characters of words that are put together: a fact has room for 4,000."""
LARGEST_JSON: Final = 64 * 1024
"""Characters of a text that is taken apart as JSON: Slack's blocks are at most 50 of 3,000 each
(https://docs.slack.dev/reference/block-kit/blocks/section-block), and every reader waits for it."""


def words(value: Any) -> str:
    """The lines of a structured text, or of a text that holds one as JSON (in a form).

    `ValueError` where it is unclear or says nothing. At most `MOST` characters; it shows its cut.
    """
    if isinstance(value, str) and (tree := _json(value)) is not None:
        value = tree
    text = "\n".join(_first(line for line in _lines(value) if line.strip()))
    if not text:
        raise ValueError("it says nothing")
    return text


def values(fields: Any) -> str:
    """Fields with structured values, each in a line with what it says: `{"Amount": {"number": 5},
    "Due": null}` is "Amount: 5" and "Due: (none)". `ValueError` where there are none, or one is
    unclear.
    """
    if not isinstance(fields, Mapping) or not fields:
        raise ValueError("no fields")
    return "\n".join(_first(f"{name}: {_said(value)}" for name, value in fields.items()))


def marked(text: str) -> str:
    """A text with chat marks as people will see it: `<https://x.example|invoice>` is
    "invoice (https://x.example)", `<!channel>` is "@channel"."""
    if len(text) > MOST:
        text = f"{text[:MOST]}… and more"
    shown = _MARK.sub(_mark, text) if "<" in text else text
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def broadcasts(value: Any) -> list[str]:
    """The words in it that notify everybody in a room: "@channel", "@here", "@everyone"."""
    found: dict[str, None] = {}
    for text in _texts(value):
        if "@" not in text and "<!" not in text:
            continue
        found |= dict.fromkeys(f"@{word}" for word in _EVERYBODY.findall(text))
    return list(found)


_STRUCTURE: Final = frozenset({
    "type", "id", "object", "version", "style", "color", "annotations", "marks", "verbatim",
    "block_id", "action_id", "localId", "accessory_type", "language", "layout", "collection",
    "mrkdwn_in", "callback_id", "attachment_type", "emoji", "indent", "border", "ts",
})  # fmt: skip
_MARK: Final = re.compile(r"<(![^<>|\n]+|[^<>|\s]+)(?:\|([^<>\n]*))?>")
_EVERYBODY: Final = re.compile(r"(?:<!|@)(channel|here|everyone)(?=[>|\s.,:;!?)]|$)")
_SIGNS: Final[Mapping[str, tuple[str, str]]] = {
    "user": ("user_id", "@"),
    "usergroup": ("usergroup_id", "@"),
    "channel": ("channel_id", "#"),
    "broadcast": ("range", "@"),
}


def _first(lines: Iterable[str]) -> Iterator[str]:
    """As many lines as there is room for."""
    room = MOST
    for line in lines:
        if len(line) >= room:
            yield f"{line[:room]}… and more"
            return
        yield line
        room -= len(line) + 1


def _said(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        lines = [*_first(line for line in _lines(value) if line.strip())]
        scalars = (one for one in nodes(value) if not isinstance(one, Mapping | list | tuple))
        plain = [*islice(scalars, 1_000)]
        numbers = [_scalar(one) for one in plain if not isinstance(one, str) and one is not None]
        found = [*lines, *numbers] or [_scalar(one) for one in plain]
        return " ".join(", ".join(found).split()) or "(none)"
    [*_lines(value)]  # raises where it is unclear
    return " ".join(marked(_scalar(value)).split())


def _scalar(value: Any) -> str:
    if value is None:
        return "(none)"
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


def _mark(found: re.Match[str]) -> str:
    what, label = found[1], found[2]
    if what.startswith("!date^"):
        return label or what
    if what.startswith("!"):
        return label or f"@{what[1:].partition('^')[0]}"
    if what[0] in "@#":
        return f"{what[0]}{label} ({what[1:]})" if label else what
    return f"{label} ({what})" if label and label != what else what


def _json(text: str) -> Any:
    """What it holds as JSON; None where it is no object and no list."""
    if len(text) > LARGEST_JSON or text[:1] not in ("[", "{"):
        return None
    try:
        return parse(text)
    except (ValueError, RecursionError):
        return None


def _lines(value: Any) -> Iterator[str]:
    if value is UNCLEAR or isinstance(value, Repeated):
        raise ValueError("unclear")
    if isinstance(value, str):
        yield marked(value)
    elif isinstance(value, list | tuple):
        runs = [_run(one) for one in value]
        if value and all(run is not None for run in runs):
            yield "".join(run or "" for run in runs)
        else:
            for one in value:
                yield from _lines(one)
    elif isinstance(value, dict):
        if (run := _run(value)) is not None:
            yield run
            return
        for key, one in value.items():
            if key == "emoji" and isinstance(one, str):
                yield one
            elif key not in _STRUCTURE:
                yield from _lines(one)


def _run(node: Any) -> str | None:
    """A piece of a line; None for what is a line or more by itself."""
    if not isinstance(node, dict):
        return None
    kind, text = str(node.get("type")), node.get("text")
    given = node.get("attrs")
    attributes: dict[str, Any] = given if isinstance(given, dict) else {}
    if kind == "button":
        label = "".join(_lines(text)) if text is not None else ""
        return f"[{label}] ({node['url']})" if "url" in node else f"[{label}]"
    if kind in ("mrkdwn", "plain_text") and isinstance(text, str):
        return marked(text)
    if kind == "text" and isinstance(text, str):
        marks = node.get("marks")
        links = (_href(mark) for mark in marks) if isinstance(marks, list) else ()
        return _linked(text, next((link for link in links if link), None))
    if kind == "link" and isinstance(node.get("url"), str):
        return _linked(text if isinstance(text, str) else "", node["url"])
    if kind == "emoji":
        return str(attributes.get("shortName") or f":{node.get('name', '')}:")
    if kind in _SIGNS and isinstance(node.get(_SIGNS[kind][0]), str):
        return _SIGNS[kind][1] + str(node[_SIGNS[kind][0]])
    if kind == "mention" and attributes:
        return str(attributes.get("text") or f"@{attributes.get('id', '')}")
    if kind == "hardBreak":
        return "\n"
    if kind in ("inlineCard", "blockCard") and isinstance(attributes.get("url"), str):
        return str(attributes["url"])
    if isinstance(text, dict) and isinstance(text.get("content"), str):
        return _linked(text["content"], _href(text.get("link")))
    return None


def _href(link: Any) -> str | None:
    if not isinstance(link, dict):
        return None
    attributes = link.get("attrs")
    found = link.get("url") or (attributes.get("href") if isinstance(attributes, dict) else None)
    return found if isinstance(found, str) else None


def _linked(text: str, url: str | None) -> str:
    if url is None or url == text:
        return text
    return f"{text} ({url})" if text else url


def _texts(value: Any) -> Iterator[str]:
    """Every text in it, whatever its key; a text that holds JSON is taken apart."""
    for node in nodes(value):
        if isinstance(node, str):
            tree = _json(node)
            yield from (node,) if tree is None else _texts(tree)
        elif isinstance(node, dict) and node.get("type") == "broadcast":
            yield f"@{node.get('range')}"
