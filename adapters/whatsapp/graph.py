"""WhatsApp's messages by Meta's Graph API: what is delivered, and what is sent."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any, Final

from adapters.kit import meta
from adapters.kit.http import FAULTS, Codes
from adapters.whatsapp.news import ACCOUNT, Fared, Foreign, Moved, News, Wrote
from approvals.port import Line
from approvals.text import fitting, utf16_len

# https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
CODES: Final = Codes(
    outside="131047",
    busy="[124]|80007|130429|1310(00|16|48|56|57)|133004",
    ours="0|3|10|100/33|190|2..|368|1310(05|30|31|37|42|45)|1320(00|01|07|12|15|16)|133010|134011",
)

# Kinds of a person's message that begin their 24 hours. Of a reaction, of what WhatsApp does not
# show us and of its own words about somebody it is not said that they do.
OPEN: Final = re.compile(
    "text|button|interactive|image|audio|video|document|sticker|location|contacts|order"
)


def changes(body: Any, kind: str) -> Iterator[tuple[str, Any]]:
    """Field and value of each change in a delivery about this kind of object.

    One of `http.FAULTS`: it is none, or has none.
    """
    for entry in meta.entries(body, kind):
        for change in entry["changes"]:
            yield change["field"], change["value"]


def news(body: Any, number: str, now: int, log: logging.Logger) -> Iterator[News]:
    """What a delivery says about our WhatsApp number of that id. One of `_http.FAULTS`: nothing
    that is known; of several messages, one that is not understood is left out."""
    for named, value in changes(body, "whatsapp_business_account"):
        if named != "messages" or value.get("metadata", {}).get("phone_number_id") != number:
            yield Foreign()
            continue
        for one in value.get("statuses", ()):
            ids = _ids(one, "recipient_id", "recipient_user_id")
            codes = frozenset(str(error["code"]) for error in one.get("errors", ()))
            yield Fared(ids, str(one.get("id")), codes)
        for one in value.get("messages", ()):
            try:
                yield _message(one, now)
            except FAULTS as error:  # the others count: it would bring this one for days
                log.warning(Line("event_not_understood", why=type(error).__name__))


def _message(one: Any, now: int) -> News:
    kind, at = one["type"], min(now, int(one["timestamp"]) * 1000)
    if kind == "system":
        return _moved(one, at)
    ids = tuple(one[name] for name in ("from", "from_user_id") if one.get(name))
    if not ids or not all(re.fullmatch(ACCOUNT, known) for known in ids):
        raise ValueError("from nobody")
    token, card, text = "", None, None
    if kind == "interactive" and one["interactive"]["type"] == "button_reply":
        token = one["interactive"]["button_reply"]["id"]
    elif kind == "interactive" and one["interactive"]["type"] == "list_reply":
        token = one["interactive"]["list_reply"]["id"]
    elif kind == "button":
        token = one["button"]["payload"]
    if token:
        card = one["context"]["id"]
    elif kind == "text":
        text = one["text"]["body"]
    if "group_id" in one:  # others read along, and it is a group's 24 hours that began
        return Wrote(ids, at, one["id"], opens=False, card=card)
    return Wrote(ids, at, one["id"], bool(OPEN.fullmatch(kind)), card, token, text)


def _moved(one: Any, at: int) -> News:
    # https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system/
    told = one["system"]
    if told["type"] not in ("user_changed_number", "user_changed_user_id"):
        return Foreign()
    new = _ids(told, "wa_id", "user_id", "parent_user_id")
    old = _ids(one, "from", "from_user_id")
    old += _ids(told, "previous_user_id", "previous_parent_user_id")
    return Moved(tuple(known for known in old if known not in new), at)


def _ids(node: Any, *names: str) -> tuple[str, ...]:
    found = (node.get(name) for name in names)
    return tuple(x for x in found if isinstance(x, str) and re.fullmatch(ACCOUNT, x))


def text(body: str) -> dict[str, Any]:
    """A WhatsApp message of text, without a preview of the links in it."""
    return {"type": "text", "text": {"preview_url": False, "body": body}}


def replies(body: str, footer: str, buttons: list[Any]) -> dict[str, Any]:
    """A WhatsApp message with reply buttons (`id` and `title`)."""
    told = {
        "type": "button",
        "body": {"text": body},
        "footer": {"text": footer},
        "action": {"buttons": [{"type": "reply", "reply": button} for button in buttons]},
    }
    return {"type": "interactive", "interactive": told}


# Characters of a row: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-list-messages
ROW, BELOW = 24, 72


def choices(body: str, button: str, rows: list[tuple[str, str]]) -> dict[str, Any]:
    """A WhatsApp message with a list behind a button: at most ten rows of text and id."""
    listed = []
    for said, id_ in rows:
        more = {"description": fitting(said, BELOW)} if utf16_len(said) > ROW else {}
        listed.append({"id": id_, "title": fitting(said, ROW), **more})
    action = {"button": button, "sections": [{"rows": listed}]}
    told = {"type": "list", "body": {"text": body}, "action": action}
    return {"type": "interactive", "interactive": told}


def template(name: str, language: str, values: list[str], ids: list[str]) -> dict[str, Any]:
    """An approved WhatsApp template, its variables filled, and what its quick replies send."""
    given = [{"type": "text", "text": value} for value in values]
    parts: list[dict[str, Any]] = [{"type": "body", "parameters": given}]
    for index, token in enumerate(ids):
        pressed = [{"type": "payload", "payload": token}]
        what = {"type": "button", "sub_type": "quick_reply", "index": str(index)}
        parts.append(what | {"parameters": pressed})
    named = {"name": name, "language": {"code": language}, "components": parts}
    return {"type": "template", "template": named}
