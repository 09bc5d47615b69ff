"""SMTP: one connection, logged in, and whose fault a refusal is."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from approvals.model import Busy, Refused
from approvals.port import Line, reason

log = logging.getLogger("countersign.email")

# Seconds for one mail with all that is said: what the outbox took must be sent within its lease.
TIMEOUT: Final = 20.0
# Refusals (RFC 4954, 6; RFC 3463, 3.8) that say nothing of the person: our login, our permission.
OURS: Final = re.compile(r"53[0458]\b|5\d\d[ -]5\.7\.")


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server. `security`: starttls, tls or none. `helo`: who we say we are."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    security: str
    helo: str
    _io: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Any]:
        """A connection, logged in; what goes wrong in it as `Busy` or `Refused`."""
        import aiosmtplib as smtp  # noqa: PLC0415 - imported where the channel is on

        if self.security != "none" and "tls" not in self._io:
            self._io["tls"] = ssl.create_default_context()
        to = {"hostname": self.host, "port": self.port or None, "local_hostname": self.helo}
        how = {"use_tls": self.security == "tls", "start_tls": self.security == "starttls"}
        login = {"username": self.user or None, "password": self.password or None}
        client: Any = smtp.SMTP
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                client(**to, **how, **login, tls_context=self._io.get("tls"), timeout=10) as server,
            ):
                yield server
        except smtp.SMTPRecipientsRefused as refused:
            raise self._fault(refused.recipients[0], theirs=True) from None
        except smtp.SMTPResponseException as error:
            raise self._fault(error, theirs=isinstance(error, smtp.SMTPDataError)) from None
        except (smtp.SMTPException, OSError, ValueError) as error:
            raise Busy(f"email: {self.host}: {reason(error)}") from None

    def _fault(self, error: Any, *, theirs: bool) -> Exception:
        """`theirs`: a refusal for good that came to the person's address, or to the mail itself."""
        said = f"{error.code} {error.message}".splitlines()[0][:200]
        if theirs and 500 <= error.code < 600 and not OURS.match(said):
            return Refused(f"email: {self.host}: {said}")
        if error.code >= 500:
            log.error(Line("platform_refused_app", host=self.host, why=said))
        return Busy(f"email: {self.host}: {said}")
