"""A card's payload as a page that looks as the platform's app draws it: `countersign preview`.

Approximations of Slack, Discord, Telegram and WhatsApp, made from the payload itself; a mail as the
mail that it is; a Teams card by Microsoft's own renderer where the npm package `adaptivecards` is
at hand. Everything that stands in a payload is escaped.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from approvals.channel import Payload

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


def page(channel: str, payload: Payload, *, scripts: Path | None = None) -> str:
    """The whole page. `scripts`: a folder in which `RENDERER` may be."""
    if channel == "email":
        return str(payload["html"])
    draw: Callable[[Payload], str] = _DRAWN.get(channel, _plain)
    script = ""
    if channel == "teams" and scripts is not None and (scripts / RENDERER).exists():
        card = json.dumps(_teams_card(payload)).replace("<", "\\u003c")
        script = (
            f"<script>{(scripts / RENDERER).read_text()}</script><script>"
            "const made = new AdaptiveCards.AdaptiveCard();"
            f"made.hostConfig = new AdaptiveCards.HostConfig({json.dumps(HOST)});"
            f"made.parse({card});"
            "document.querySelector('.card').replaceChildren(made.render());</script>"
        )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(channel)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{_STYLE}</style><body class="{escape(channel)}"><main class="card">{draw(payload)}'
        f"</main>{script}</body></html>"
    )


def _slack(payload: Payload) -> str:
    return "".join(map(_block, payload["blocks"]))


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
            return _row((one["text"]["text"], one.get("style", "")) for one in block["elements"])
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


def _discord(payload: Payload) -> str:
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
            _row((one["label"], styles.get(one["style"], "")) for one in row["components"])
        )
    return "".join(parts)


def _marked(text: str) -> str:
    """Discord's code spans and fences, and its times."""
    out = []
    for at, piece in enumerate(re.split(r"(`{3,})\n?(.*?)\n?\1", text, flags=re.DOTALL)):
        if at % 3 == 2:
            out.append(f"<pre>{escape(piece)}</pre>")
        elif at % 3 == 0 and piece.strip():
            said = re.sub(r"(`+)(.+?)\1", r"<code>\2</code>", escape(piece.strip("\n")))
            said = re.sub(r" \(&lt;t:\d+:R&gt;\)", "", said)  # "in 15 minutes": a page has no clock
            said = re.sub(r"&lt;t:(\d+):[a-zA-Z]&gt;", lambda one: _moment(int(one[1])), said)
            out.append(f"<p>{said}</p>")
    return "".join(out)


def _telegram(payload: Payload) -> str:
    raw, out, at = payload["text"].encode("utf-16-le"), [], 0
    tags = {"bold": "b", "italic": "i", "code": "code", "pre": "pre"}

    def text(start: int, end: int) -> str:
        return escape(raw[2 * start : 2 * end].decode("utf-16-le"))

    for entity in sorted(payload.get("entities", ()), key=lambda one: one["offset"]):
        start, end = entity["offset"], entity["offset"] + entity["length"]
        tag = tags.get(entity["type"], "span")
        out += [text(at, start), f"<{tag}>{text(start, end)}</{tag}>"]
        at = end
    out.append(text(at, len(raw) // 2))
    said = f'<div class="lines">{"".join(out)}</div>'.replace("</pre>\n", "</pre>")
    keys = payload["reply_markup"]["inline_keyboard"]
    rows = (_row([(one["text"], one.get("style", "link"))]) for row in keys for one in row)
    return said + "".join(rows)


def _whatsapp(payload: Payload) -> str:
    session = payload["session"]
    found = session.get("interactive", session)
    body = found.get("body") or found.get("text") or session.get("body") or ""
    text = str(body.get("text", body.get("body", "")) if isinstance(body, dict) else body)
    said = re.sub(r"```(.*?)```", r"<pre>\1</pre>", escape(text), flags=re.DOTALL)
    said = re.sub(r"(?m)^\*(.+)\*$", r"<b>\1</b>", said)
    footer = found.get("footer", {})
    foot = str(footer.get("text", "") if isinstance(footer, dict) else footer)
    buttons = (found.get("action") or {}).get("buttons", ())
    rows = "".join(_row([(one["reply"]["title"], "link")]) for one in buttons)
    return f'<div class="lines">{said}</div><p class="dim">{escape(foot)}</p>{rows}'


def _teams_card(payload: Payload) -> Any:
    return payload["attachments"][0]["content"]


def _teams(payload: Payload) -> str:
    return "".join(map(_element, _teams_card(payload)["body"]))


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
            return _row((a["title"], styles.get(a.get("style", ""), "")) for a in one["actions"])
    return ""


def _plain(payload: Payload) -> str:
    return f"<pre>{escape(json.dumps(payload, indent=2, ensure_ascii=False))}</pre>"


def _row(buttons: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> str:
    drawn = (
        f'<span class="button {style}">{escape(str(label))}</span>' for label, style in buttons
    )
    return f'<div class="row">{"".join(drawn)}</div>'


def _moment(seconds: int) -> str:
    return time.strftime("%d %b %Y %H:%M UTC", time.gmtime(seconds))


def _dated(text: str) -> str:
    """Slack's dates: `<!date^seconds^format|fallback>`."""
    return re.sub(r"&lt;!date\^(\d+)\^[^|]*\|[^&]*&gt;", lambda one: _moment(int(one[1])), text)


def _emoji(text: str) -> str:
    return re.sub(r":([a-z_]+):", lambda one: _EMOJI.get(one[1], one[0]), text)


_EMOJI: Final = {
    "large_green_circle": "🟢", "large_orange_circle": "🟠", "red_circle": "🔴",
    "white_check_mark": "✅", "no_entry": "⛔", "hourglass": "⌛", "wastebasket": "🗑",
}  # fmt: skip
_DRAWN: Final[Mapping[str, Callable[[Payload], str]]] = {
    "slack": _slack,
    "discord": _discord,
    "telegram": _telegram,
    "whatsapp": _whatsapp,
    "teams": _teams,
}
_STYLE: Final = (files("approvals.cli") / "preview.css").read_text()
