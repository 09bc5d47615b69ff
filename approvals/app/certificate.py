"""When the certificate of our public address (nginx's, Caddy's, a load balancer's) ends."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any
from urllib.parse import urlsplit

from approvals.model import SECOND, Instant


async def served_until(url: str, *, within: float) -> Instant | None:
    """When the certificate of this URL ends; None: it needs none.

    `OSError` (an `ssl.SSLCertVerificationError` too): nobody answers, or nobody would believe it.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        return None
    async with asyncio.timeout(within):
        _, writer = await asyncio.open_connection(
            parts.hostname, parts.port or 443, ssl=ssl.create_default_context()
        )
    served: dict[str, Any] = writer.get_extra_info("peercert")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    # "Jan  5 09:34:43 2018 GMT", which is read by ssl alone (docs.python.org/3/library/ssl.html).
    return int(ssl.cert_time_to_seconds(served["notAfter"])) * SECOND
