"""What answers in a platform's place: a captive portal, a proxy in between, nothing at all."""

from __future__ import annotations

HTML = b"<!doctype html><title>Sign in to the network</title><h1>Please accept our terms</h1>"
PLACES = (
    *("ok", "success", "id", "ts", "channel", "message", "message_id", "result", "name", "data"),
    *("posts", "event_id", "external_id", "access_token", "expires_in", "token", "expires_at"),
    *("permissions", "sid", "url", "user", "body", "title", "output"),
)
"""Where one platform or another says something."""


def everywhere(value: bytes) -> bytes:
    """An object that has this JSON in every place."""
    return b"{%b}" % b", ".join(b'"%b": %b' % (place.encode(), value) for place in PLACES)


PLAIN, PAGE, JSON = "text/plain", "text/html; charset=utf-8", "application/json"
ANSWERS: dict[str, tuple[int, str, bytes]] = {
    "a captive portal": (200, PAGE, HTML),
    "a captive portal that calls it JSON": (200, JSON, HTML),
    "a portal's redirect": (302, PAGE, HTML),
    "network authentication required": (511, PAGE, HTML),
    "an empty object": (200, JSON, b"{}"),
    "an empty list": (200, JSON, b"[]"),
    "a null": (200, JSON, b"null"),
    "nothing": (200, JSON, b""),
    "no content": (204, PLAIN, b""),
    "half an answer": (200, JSON, b'{"ok": true, "id": "'),
    "a text": (200, PLAIN, b"OK"),
    "a page in an encoding that it does not name": (503, "text/html", b"<h1>Stra\xdfe</h1>"),
    "a page in an encoding that is none": (200, "text/html; charset=base64", HTML),
    "a proxy's own object": (403, JSON, b'{"message": "blocked by policy", "error": "blocked"}'),
    "a proxy's own not found": (404, JSON, b'{"detail": "no route"}'),
    **{
        f"a proxy's page with {status}": (status, PAGE, HTML)
        for status in (400, 403, 404, 405, 407, 410, 413, 421, 451)
    },
    "lists in lists without end": (200, JSON, b"[" * 200_000),
    "JSON in an encoding that is none": (200, f"{JSON}; charset=zlib", b'{"ok": true}'),
    "that all is well": (200, JSON, b'{"ok": true, "success": true, "status": "ok"}'),
    "truths for texts": (200, JSON, everywhere(b"true")),
    "numbers without end": (200, JSON, everywhere(b"1e999")),
    "a number too large": (200, JSON, everywhere(b"9" * 400)),
    "a proxy's own reason": (404, JSON, b'{"error": "blocked", "reason": "policy"}'),
    "an error of another shape": (400, JSON, b'{"code": 0, "message": "x", "errors": "x"}'),
    "a proxy's 403 without a body": (403, PLAIN, b""),
    "a proxy's 404 without a body": (404, PLAIN, b""),
}
