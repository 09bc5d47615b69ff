"""A mail server: aiosmtpd (RFC 5321), which nobody here wrote, with a mailbox that lies open.

It offers what submission servers offer (STARTTLS, or TLS from the start; AUTH), and refuses what a
test tells it to, in the words of RFC 5321 and RFC 3463.
"""

from __future__ import annotations

import asyncio
import datetime
import email
import email.policy
import ipaddress
import logging
import ssl
import warnings
from collections import deque
from dataclasses import dataclass, field
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.email.adapter import Email
from approvals.model import (
    Address,
)
from approvals.port import Payload
from tests.harness.channel_contract import ROOT, Kit, Seat, template

USER, PASSWORD = "countersign", "peer-mail-password"
SENDER = "Countersign <approve@example.com>"
logging.getLogger("mail.log").setLevel(logging.WARNING)  # below, aiosmtpd logs what it receives


@dataclass
class Received:
    """One mail: its envelope, and its bytes as they came over the wire."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def parsed(self) -> EmailMessage:
        """As the standard library's parser reads it."""
        found = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        assert not [d for part in found.walk() for d in part.defects]
        return found

    def part(self, kind: str) -> str:
        """The text of its `plain` or `html` part."""
        body = self.parsed.get_body((kind,))
        assert isinstance(body, EmailMessage)
        return str(body.get_content())


@dataclass
class MailServer:
    """`login`: it wants one. `tls`: a certificate for STARTTLS; `implicit`: TLS from the start.

    `fail`: answers to give instead of the usual one, by stage: RCPT, DATA, AUTH, MAIL.
    """

    login: bool = False
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    mails: list[Received] = field(default_factory=list)
    fail: dict[str, deque[str]] = field(default_factory=dict)
    logins: list[bool] = field(default_factory=list)
    port: int = 0

    @property
    def api(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def __aenter__(self) -> MailServer:
        loop = asyncio.get_running_loop()

        def one() -> SMTP:
            starttls = None if self.implicit else self.tls
            with warnings.catch_warnings(action="ignore"):  # a login without TLS: on loopback
                return SMTP(
                    self,
                    hostname="mail.example.com",
                    tls_context=starttls,
                    require_starttls=starttls is not None,
                    auth_required=self.login,
                    auth_require_tls=False,
                    authenticator=self._authenticate,
                    loop=loop,
                )

        tls = self.tls if self.implicit else None
        self._server = await loop.create_server(one, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    def break_next(self, status: int, retry_after: int | None) -> None:
        """Turn the next mail away for now."""
        said = "451 4.7.1 Try again later" if status == 429 else "421 4.3.2 Service not available"
        self.refuse("RCPT", said)

    def refuse(self, stage: str, answer: str) -> None:
        self.fail.setdefault(stage, deque()).append(answer)

    def _instead(self, stage: str) -> str | None:
        waiting = self.fail.get(stage)
        return waiting.popleft() if waiting else None

    def _authenticate(self, server: Any, session: Any, envelope: Any, how: str, data: Any) -> Any:
        assert isinstance(data, LoginPassword)
        if answer := self._instead("AUTH"):
            return AuthResult(success=False, handled=False, message=answer)
        good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        self.logins.append(good)
        return AuthResult(success=good, handled=False)

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if answer := self._instead("MAIL"):
            return answer
        envelope.mail_from = address
        return "250 2.1.0 Sender OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if answer := self._instead("RCPT"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if answer := self._instead("DATA"):
            return answer
        assert isinstance(envelope.content, bytes)
        # RFC 5322, 2.1.1: no line over 998 octets; RFC 5321, 2.3.8: no bare CR or LF.
        for line in envelope.content.split(b"\r\n"):
            if len(line) > 998 or b"\r" in line or b"\n" in line:
                return "554 5.6.0 Line too long, or a bare line end"
        self.mails.append(Received(envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
        return "250 2.0.0 OK"


def certificate(folder: Path) -> ssl.SSLContext:
    """A context with a certificate for 127.0.0.1; `folder/ca.pem` is what vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


class Page(HTMLParser):
    """A page as the standard parser reads it: every element with its attributes, and its texts."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.links: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self._href: str | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))
        if tag == "a":
            self._href = dict(attrs).get("href")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._href is not None:
            self.links.append((data.strip(), self._href))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._href = None

    @property
    def style(self) -> str:
        """The text of its style sheet."""
        return next(text for text in self.texts if "color-scheme" in text)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def make(api: str, **more: Any) -> Email:
    at = urlsplit(api)
    given: dict[str, Any] = {"host": at.hostname or "", "port": at.port or 0, "sender": SENDER}
    return Email(**{**given, "security": "none", "render": template("email"), **more})


def _structure(payload: Payload) -> list[str]:
    return [str(element) for element in Page(payload["html"]).elements]


KIT = Kit(
    name="email",
    make=make,
    tap=None,
    proofs=(),
    stale=None,
    unknown=lambda at: (),
    peer=MailServer,
    address=Address("email", "dana@example.com", account="dana@example.com"),
    parsed=lambda payload: [payload["subject"]],
    links=_structure,
    secrets=(PASSWORD,),
    delays=False,
)


SEAT = Seat(
    account="dana@example.com",
    messages=lambda server: server.mails,
    text=lambda mail: mail.part("plain"),
    press=None,
    anew=True,
)


SOURCE: Final = (ROOT / "card_templates/email.html.j2").read_text()
BODY: Final = '<div class="page"'
