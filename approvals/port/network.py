"""What an adapter knows of the network between us and its platform, in words for its owner."""

from __future__ import annotations

import errno
import os
import re
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from approvals.model import Duration, Instant
from approvals.port.values import Finding


def reachable(url: str) -> bool:
    """Could anybody else follow it? Platforms refuse a whole card ("Wrong HTTP URL",
    URL_TYPE_INVALID_URL) for a button to a place that is not: seen for localhost, IPv6 and hosts
    without a dot. Then the address stands in the text.
    """
    host = urlsplit(url).hostname or ""
    return "." in host and ":" not in host and not host.endswith((".localhost", ".local"))


def retry_after(value: str | None) -> Duration | None:
    """The header of that name, in seconds on every platform that we know, as milliseconds."""
    seconds = re.fullmatch(r"\s*([0-9]{1,6})(?:\.([0-9]+))?\s*", value or "")
    return int(float(seconds[0]) * 1000) if seconds else None


def reason(error: BaseException) -> str:
    """Why nothing came of a call to another machine, in words for its owner. Never with the error's
    own text, which may hold an address or a token, and never with an exception's name."""
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
        "its TLS certificate is not trusted here, or for another name",
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
"""By the names of exceptions and of what they derive from: httpx, aiohttp and aiosmtplib have their
own, and not each is imported."""


def clock_finding(date: str | None, now: Instant) -> Finding:
    """Our clock against a platform's `Date` header: signatures are too old on a wrong one."""
    try:
        late = now / 1000 - parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Finding("clock", False, "it did not say what time it is")
    return Finding("clock", abs(late) < 60, f"{late:+.0f} s from theirs")
