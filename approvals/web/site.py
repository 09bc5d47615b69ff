"""Where the pages live and what goes with each of them: origin, headers, session, CSRF, templates.

The laws of these pages: GET, HEAD and OPTIONS change nothing. A POST is heard only from a page of
our own origin, and inside a session only with that session's token. No page is kept, framed,
indexed, or loads anything from elsewhere.

Cookies know no ports. On loopback, therefore, the pages live on `<random>.localhost`, a name that
no other program of this machine has a reason to be opened under, and its cookie is host-only. What
this does not stop: a program that learns the name (any local program can ask us; we redirect it)
and talks the person into opening that name on its own port gets the cookie, and with it all that
the person can do here; high risk within five minutes of a sign-in only, but that too. Off loopback
the cookie has the `__Host-` prefix and wants https.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from approvals.model import MINUTE, Instant, Person
from approvals.port.network import is_loopback
from approvals.web.bodies import timely
from approvals.web.views import Message, refused

FRESH: Final = 5 * MINUTE
"""A sign-in not older than this carries high risk."""
FORM_LIMIT: Final = 16 * 1024
CSP: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Say(Exception):
    """Answer with a page that says `message`, under `status`; nothing was changed."""

    def __init__(
        self, status: int, message: Message, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message.title)
        self.status = status
        self.message = message
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Site:
    """Where the pages live. `origin` is what a browser sends as Origin: scheme, host, port."""

    origin: str

    @classmethod
    def at(cls, url: str, label: str) -> Site:
        """The site of a public URL; on loopback its host becomes `<label>.localhost`, if it is not
        a name below localhost already, which its owner chose.

        ValueError if the URL is not http(s), or is plain http off loopback.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host or parts.path.strip("/"):
            raise ValueError(f"{url!r} is not the address of a site: write https://host")
        port = f":{parts.port}" if parts.port else ""
        if host.endswith(".localhost"):
            return cls(f"{parts.scheme}://{host}{port}")
        if is_loopback(host):
            return cls(f"{parts.scheme}://{label}.localhost{port}")
        if parts.scheme != "https":
            raise ValueError(f"{url!r}: off loopback the pages need https")
        return cls(f"https://{parts.netloc.rpartition('@')[2].lower()}")

    @property
    def host(self) -> str:
        """Host and port, as in the Host header."""
        return urlsplit(self.origin).netloc

    @property
    def secure(self) -> bool:
        return self.origin.startswith("https:")

    @property
    def cookie(self) -> str:
        """The session cookie's name. `__Host-`: https only, this host only, every path."""
        return "__Host-countersign" if self.secure else "countersign"

    def give(
        self,
        answer: web.StreamResponse,
        name: str,
        value: str,
        *,
        seconds: int | None = None,
        samesite: Literal["Lax", "Strict"] = "Strict",
    ) -> None:
        """Set a cookie that no script reads. `seconds`: how long it lasts; None: as long as the
        browser runs."""
        answer.set_cookie(
            name,
            value,
            max_age=seconds,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite=samesite,
        )


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody signed in. `secret` is the cookie's value; the store knows its SHA-256."""

    person: Person
    secret: str = field(repr=False)
    signed_in_at: Instant

    @property
    def csrf(self) -> str:
        """What every form of this session carries; another site can neither read nor guess it."""
        return hmac.new(self.secret.encode(), b"countersign/csrf/1", sha256).hexdigest()

    def fresh(self, now: Instant) -> bool:
        return 0 <= now - self.signed_in_at <= FRESH


def render(
    name: str,
    *,
    visitor: Visitor | None,
    status: int = 200,
    here: str = "",
    reader: Person | None = None,
    **values: Any,
) -> web.Response:
    """The page `name` as a response; the values are the template's. `reader`: who reads it, where
    that is known though nobody is signed in: times are in their zone."""
    reader = visitor.person if visitor else reader
    values |= {"visitor": visitor, "here": here, "zone": reader.time_zone if reader else None}
    values |= {"language": reader.language if reader else None}
    page = _PAGES.get_template(f"{name}.html.j2").render(values)
    return web.Response(text=page, status=status, content_type="text/html", charset="utf-8")


def say(message: Message, *, visitor: Visitor | None = None, status: int = 200) -> web.Response:
    """A page with one thing to say."""
    return render("message", visitor=visitor, status=status, view=message)


def same_origin(site: Site, headers: Mapping[str, str]) -> bool:
    """Did one of our pages send this POST?

    Under `Referrer-Policy: no-referrer` a browser sends `Origin: null` with a form, even to its
    own origin (Fetch, "append a request Origin header"); then `Sec-Fetch-Site: same-origin` must
    say it, which no page can forge. No Origin and no Sec-Fetch-Site is no.
    """
    fetched = headers.get("Sec-Fetch-Site")
    origin = headers.get("Origin")
    if origin == site.origin:
        return fetched in (None, "same-origin")
    return origin in (None, "null") and fetched == "same-origin"


async def form(request: web.Request) -> dict[str, str]:
    """The fields of a POST; a field that comes twice is a 400."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Say(415, Message("This is not a form", tone="bad", icon="declined"))
    if request.content_length is None or request.content_length > FORM_LIMIT:
        raise Say(413, refused("That is too long"))
    try:
        body = (await timely(request)).decode("ascii")
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise Say(400, NOT_UNDERSTOOD) from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Say(400, NOT_UNDERSTOOD)
    return fields


def static(name: str) -> str:
    """The address of a static file; it changes with the file, so that it may be kept for long."""
    return f"/static/{name}?v={_VERSIONS[name]}"


def _static_files() -> dict[str, tuple[bytes, str]]:
    kinds = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    folder = Path(__file__).parent / "static"
    return {p.name: (p.read_bytes(), kinds[p.suffix]) for p in folder.iterdir()}


def _iso(at: Instant) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")


def _when(at: Instant, zone: str | None) -> str:
    """In the reader's zone; where none is configured in UTC, and a script makes it the browser's.

    `%Z` is empty for zones without an abbreviation, which then have their offset as a name.
    """
    time = datetime.fromtimestamp(at / 1000, ZoneInfo(zone) if zone else UTC)
    return f"{time.day} {time:%b %Y, %H:%M:%S %Z}"


NOT_UNDERSTOOD: Final = refused("That was not understood", "Nothing was changed.")
STATIC: Final = _static_files()
_VERSIONS: Final = {name: sha256(body).hexdigest()[:10] for name, (body, _) in STATIC.items()}
_PAGES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters["iso"] = _iso
_PAGES.filters["when"] = _when
_PAGES.globals["static"] = static
