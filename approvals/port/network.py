"""The network between us and a platform: addresses, waiting times, and failures in plain words."""

from __future__ import annotations

import errno
import os
import re
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from approvals.model import Duration, Instant
from approvals.port.values import Finding


def reachable(url: str) -> bool:
    """Can other people open it? Platforms refuse a whole card ("Wrong HTTP URL",
    URL_TYPE_INVALID_URL) because of a button that links to localhost, IPv6 or a host without a dot.
    Then the address is part of the text.
    """
    host = urlsplit(url).hostname or ""
    return "." in host and ":" not in host and not host.endswith((".localhost", ".local"))


def is_loopback(host: str) -> bool:
    """Is this name or address (without brackets) this machine's own?"""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def retry_after(value: str | None) -> Duration | None:
    """The `Retry-After` header, in seconds on every platform that we know, as milliseconds."""
    seconds = re.fullmatch(r"\s*([0-9]{1,6})(?:\.([0-9]+))?\s*", value or "")
    return int(float(seconds[0]) * 1000) if seconds else None


def reason(error: BaseException) -> str:
    """Why a call to another machine failed, in words for the operator: never the error's own text,
    which may contain an address or a token, and never an exception's name."""
    chain: list[BaseException] = []
    here: BaseException | None = error
    while here is not None and here not in chain:
        chain.append(here)
        here = getattr(here, "os_error", None) or here.__cause__ or here.__context__
    names = {kind.__name__ for one in chain for kind in type(one).__mro__}
    for known, why in _REASONS:
        if known & names:
            return why
    if any("Connect call failed" in str(one) for one in chain):  # several addresses, all refused
        return "connection refused"
    for one in chain:
        if isinstance(one, OSError) and one.errno and one.errno in errno.errorcode:
            return os.strerror(one.errno).lower()
    return "the call failed"


_REASONS: Final = (
    ({"gaierror", "ClientConnectorDNSError", "UnicodeError"}, "no such host name is known here"),
    (
        {"SSLCertVerificationError", "ClientConnectorCertificateError"},
        "its TLS certificate isn't trusted here, or is for another name",
    ),
    ({"SSLError", "ClientSSLError"}, "no TLS connection can be made"),
    ({"TimeoutError", "SMTPTimeoutError", "TimedOut", "ConnectTimeout"}, "no answer in time"),
    ({"ConnectionRefusedError"}, "connection refused"),
    (
        {"ConnectionResetError", "BrokenPipeError", "ConnectionAbortedError"}
        | {"ServerDisconnectedError", "SMTPServerDisconnected", "ClientPayloadError"}
        | {"RemoteProtocolError", "ConnectionClosed"},
        "the connection broke off",
    ),
    ({"SMTPNotSupported"}, "it has no STARTTLS, or no login of this kind"),
    ({"InvalidURL"}, "the address is not a URL"),
    ({"ResponseError", "ContentTypeError", "ValueError"}, "its answer is not as documented"),
)
"""By the names of exceptions and their base classes: httpx, aiohttp and aiosmtplib have their own,
and not all of them are imported."""


def clock_finding(date: str | None, now: Instant) -> Finding:
    """Our clock against a platform's `Date` header: if ours is wrong, signatures look too old."""
    try:
        late = now / 1000 - parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Finding("clock", False, "the platform's answer has no date")
    return Finding("clock", abs(late) < 60, f"{late:+.0f} s from theirs")
