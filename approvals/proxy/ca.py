"""The gateway's certificate authority: one key in a folder, and a leaf for each host.

Agents that trust this CA let the gateway read what they send; nobody else should. Its key never
leaves the folder; the one key of all leaves lives in memory and, for a moment, in a file that
only we can read (Python's ssl loads keys from files alone).
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from approvals.model import Refused

CERTIFICATE: Final = "ca.pem"
KEY: Final = "ca.key"
LEAVES: Final = 500
PEM: Final = serialization.Encoding.PEM
DAY: Final = timedelta(days=1)


def private(path: Path, raw: bytes) -> None:
    """A new file that only we can read, whole or not at all. `FileExistsError`."""
    handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(name, path)
    finally:
        Path(name).unlink()


def guarded(path: Path) -> bytes:
    """What only we can read. `Refused`: others can too."""
    if path.stat().st_mode & 0o077:
        raise Refused(f"{path} can be read by others: chmod 600 {path}")
    return path.read_bytes()


def ends(pem: bytes) -> datetime:
    """Until when a certificate is good. ValueError: it is none."""
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


class Authority:
    """The CA of a folder, made if there is none. `alpn`: what its contexts speak, best first."""

    def __init__(self, folder: Path, now: datetime, *, alpn: Sequence[str] = ("http/1.1",)) -> None:
        self._alpn = list(alpn)
        if not (folder / KEY).exists():
            _make(folder, now)
        key = serialization.load_pem_private_key(guarded(folder / KEY), None)
        self.pem = (folder / CERTIFICATE).read_text()
        self._certificate = x509.load_pem_x509_certificate(self.pem.encode())
        if not isinstance(key, ec.EllipticCurvePrivateKey) or (
            key.public_key() != self._certificate.public_key()
        ):
            raise Refused(f"{folder / CERTIFICATE} is not of the key beside it")
        self._key, self._folder = key, folder
        self._leaf = ec.generate_private_key(ec.SECP256R1())
        self._kept = lru_cache(LEAVES)(self._made)

    @property
    def ends(self) -> float:
        """Unix seconds until which its certificate is good."""
        return self._certificate.not_valid_after_utc.timestamp()

    def context(self, host: str, now: datetime) -> ssl.SSLContext:
        """What answers a TLS handshake for this host name or address (an IPv6 one in brackets)."""
        return self._kept(host.strip("[]"), now.replace(hour=0, minute=0, second=0, microsecond=0))

    def _made(self, host: str, day: datetime) -> ssl.SSLContext:
        try:
            name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder(self._certificate.subject, _name(host[:64]), self._leaf, day, 8 * DAY)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(self._alpn)
        with tempfile.NamedTemporaryFile(dir=self._folder) as file:  # mode 0600
            file.write(_pem(self._leaf) + certificate.public_bytes(PEM))
            file.flush()
            context.load_cert_chain(file.name)
        return context


def _make(folder: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Countersign gateway {os.urandom(4).hex()}")
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    certificate = (
        _builder(name, name, key, now, 3650 * DAY)
        .add_extension(x509.BasicConstraints(True, 0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / CERTIFICATE).write_bytes(certificate.public_bytes(PEM))
    private(folder / KEY, _pem(key))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:  # fmt: skip
    built = x509.CertificateBuilder().issuer_name(issuer).subject_name(subject)
    built = built.not_valid_before(now - DAY).not_valid_after(now + life)
    return built.public_key(key.public_key()).serial_number(x509.random_serial_number())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def utc(now: int) -> datetime:
    """An `Instant` as a date."""
    return datetime.fromtimestamp(now / 1000, UTC)
