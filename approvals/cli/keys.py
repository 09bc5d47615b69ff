"""The key folder: button keys (symmetric, several) and the receipt key (Ed25519, one).

    ring.json             {"active": kid, "keys": [{"kid", "added_at"}]}   which keys there are
    button-<kid>.key      32 random bytes, base64, mode 0600
    receipt.pem           PKCS #8, mode 0600

A new button key first only verifies; it signs once every running replica lists it, so that no
replica meets a button of a key it does not know.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from approvals.buttons import Key, KeyRing
from approvals.evidence import ReceiptKey
from approvals.model import Instant

RING: Final = "ring.json"
RECEIPT: Final = "receipt.pem"


class KeyFault(Exception):
    """Something is wrong with the key folder; `str()` says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What the folder holds. `waiting`: the newest key, if it does not sign yet."""

    ring: KeyRing
    receipt: ReceiptKey
    waiting: str | None


def load(folder: Path) -> Keys:
    """Read the folder. Raises `KeyFault` if it is incomplete or others may read it."""
    ring_file = folder / RING
    if not ring_file.exists():
        raise KeyFault(f"{folder}: no keys here. Make them with `countersign keys new`.")
    try:
        listed = json.loads(ring_file.read_text())
        keys = {}
        for item in listed["keys"]:
            kid = item["kid"]
            keys[kid] = Key(kid, base64.b64decode(_private(folder / f"button-{kid}.key")))
        newest = listed["keys"][-1]["kid"]
        ring = KeyRing(keys, listed["active"])
        pem = load_pem_private_key(_private(folder / RECEIPT), None)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        # Not with the error's own words: a parser may quote what it read.
        raise KeyFault(f"{folder}: the keys cannot be read; restore the folder.") from error
    if not isinstance(pem, Ed25519PrivateKey):
        raise KeyFault(f"{folder / RECEIPT}: not an Ed25519 key.")
    return Keys(ring, ReceiptKey(pem), newest if newest != ring.active else None)


def version(folder: Path) -> tuple[int, int]:
    """Changes whenever the list of keys does."""
    listed = (folder / RING).stat()
    return listed.st_mtime_ns, listed.st_ino


def new(folder: Path, *, now: Instant, random: Callable[[int], bytes]) -> Keys:
    """Make a folder with one button key and a receipt key. Raises `KeyFault` if there is one."""
    if (folder / RING).exists():
        raise KeyFault(f"{folder}: there are keys already. `countersign keys rotate` adds one.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    receipt = Ed25519PrivateKey.generate()
    _write(
        folder / RECEIPT,
        receipt.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    kid = _add(folder, random)
    _list(folder, kid, [{"kid": kid, "added_at": now}])
    return load(folder)


def add(folder: Path, *, now: Instant, random: Callable[[int], bytes]) -> str:
    """Add a button key that verifies only, until `activate`. Returns its id."""
    listed = json.loads((folder / RING).read_text())
    kid = _add(folder, random)
    _list(folder, listed["active"], [*listed["keys"], {"kid": kid, "added_at": now}])
    return kid


def activate(folder: Path, kid: str) -> None:
    """Let this key sign from now on; the others go on verifying."""
    listed = json.loads((folder / RING).read_text())
    if kid not in [item["kid"] for item in listed["keys"]]:
        raise KeyFault(f"{folder}: there is no key {kid!r}.")
    _list(folder, kid, listed["keys"])


def revoke(folder: Path, kid: str) -> None:
    """Forget a key at once: every button and vote it signed is worth nothing from now on."""
    listed = json.loads((folder / RING).read_text())
    if kid == listed["active"]:
        raise KeyFault(f"{kid!r} is the signing key: `countersign keys rotate` first.")
    left = [item for item in listed["keys"] if item["kid"] != kid]
    if len(left) == len(listed["keys"]):
        raise KeyFault(f"{folder}: there is no key {kid!r}.")
    _list(folder, listed["active"], left)
    (folder / f"button-{kid}.key").unlink(missing_ok=True)


def _add(folder: Path, random: Callable[[int], bytes]) -> str:
    kid = random(4).hex()
    _write(folder / f"button-{kid}.key", base64.b64encode(random(32)))
    return kid


def _list(folder: Path, active: str, keys: list[dict[str, str | int]]) -> None:
    """Replace the list in one step: a replica reads the old one or the new one."""
    scratch = folder / (RING + ".new")
    scratch.unlink(missing_ok=True)
    _write(scratch, json.dumps({"active": active, "keys": keys}, indent=1).encode())
    scratch.replace(folder / RING)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _private(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise KeyFault(f"{path}: others may read it. Run `chmod 600 {path}`.")
        return path.read_bytes()
    except OSError as error:
        raise KeyFault(f"{path}: {error.strerror}.") from error
