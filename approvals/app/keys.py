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
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from approvals.app.exits import Exit, Stop
from approvals.buttons import Key, KeyRing
from approvals.evidence import ReceiptKey
from approvals.marked import open_to_others
from approvals.model import Instant

RING: Final = "ring.json"
RECEIPT: Final = "receipt.pem"


class KeyFault(Stop):
    """Something is wrong with the key folder."""

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(Exit.CONFIG, message, cure)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a folder. `waiting`: the newest button key, if it does not sign yet."""

    ring: KeyRing
    receipt: ReceiptKey
    waiting: str | None


def load(folder: Path) -> Keys:
    """Read the folder. Raises `KeyFault` if it is incomplete or others may read it."""
    listed = _listed(folder)
    try:
        kids = [str(item["kid"]) for item in listed["keys"]]
        files = {kid: folder / f"button-{kid}.key" for kid in kids}
        _only_ours([*files.values(), folder / RECEIPT])
        keys = {kid: Key(kid, base64.b64decode(_read(file))) for kid, file in files.items()}
        newest = kids[-1]
        ring = KeyRing(keys, listed["active"])
        pem = load_pem_private_key(_read(folder / RECEIPT), None)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        # Not with the error's own words: a parser may quote what it read.
        raise KeyFault(
            f"{folder}: the keys cannot be read.", "Restore the folder from a backup."
        ) from error
    if not isinstance(pem, Ed25519PrivateKey):
        raise KeyFault(f"{folder / RECEIPT}: not an Ed25519 key.", "Restore it from a backup.")
    return Keys(ring, ReceiptKey(pem), newest if newest != ring.active else None)


def version(folder: Path) -> tuple[int, int]:
    """Changes whenever the list of keys does."""
    listed = (folder / RING).stat()
    return listed.st_mtime_ns, listed.st_ino


def ignore(folder: Path, created: list[Path]) -> None:
    """Keep what an installation stores here out of commits, whatever repository it is in.
    `created`: gets the path of a file that is new."""
    path = folder / ".gitignore"
    lines = ("keys/", "*.key", "*.db", "*.db-wal", "*.db-shm", "gateway/", ".env", "gateway.env")
    text = path.read_text() if path.exists() else None
    missing = [line for line in lines if line not in (text or "").splitlines()]
    if text is None:
        head = "# Keys, tokens and the database of Countersign: never in a commit.\n"
        path.write_text(head + "".join(f"{line}\n" for line in missing))
        created.append(path)
    elif missing:
        begun = "" if not text or text.endswith("\n") else "\n"
        with path.open("a") as file:
            file.write(begun + "".join(f"{line}\n" for line in missing))


def new(folder: Path, *, now: Instant, random: Callable[[int], bytes]) -> Keys:
    """Make a folder with one button key and a receipt key. Raises `KeyFault` if there is one."""
    if (folder / RING).exists():
        raise KeyFault(f"{folder}: there are keys already. `countersign keys rotate` adds one.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / ".gitignore").exists():  # wherever it was made, no commit takes it along
        _write(folder / ".gitignore", b"*\n")
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
    listed = _listed(folder)
    kid = _add(folder, random)
    _list(folder, listed["active"], [*listed["keys"], {"kid": kid, "added_at": now}])
    return kid


def activate(folder: Path, kid: str) -> None:
    """Let this key sign from now on; the others go on verifying."""
    listed = _listed(folder)
    if kid not in [item["kid"] for item in listed["keys"]]:
        raise KeyFault(f"{folder}: there is no key {kid!r}.")
    _list(folder, kid, listed["keys"])


def revoke(folder: Path, kid: str) -> None:
    """Forget a key at once: every button and vote it signed is worth nothing from now on."""
    listed = _listed(folder)
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


def put(path: Path, content: str, created: list[Path], kept: list[Path]) -> None:
    """Write a new file that only its owner may read; one that is there is kept as it is."""
    try:
        _write(path, content.encode())
    except FileExistsError:
        kept.append(path)
    else:
        created.append(path)


def token(size: int, random: Callable[[int], bytes]) -> str:
    """A secret of so many random bytes, as text."""
    return base64.urlsafe_b64encode(random(size)).rstrip(b"=").decode()


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _listed(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads(_read(folder / RING))
    except FileNotFoundError:
        raise KeyFault(f"{folder}: no keys here.", _new(folder)) from None
    except (ValueError, RecursionError) as error:
        why = f"{folder / RING}: the list of keys cannot be read."
        raise KeyFault(why, "Restore the folder from a backup.") from error
    if not isinstance(found, dict) or not isinstance(found.get("keys"), list):
        why = f"{folder / RING}: this is not a list of keys."
        raise KeyFault(why, "Restore the folder from a backup.")
    return found


def _only_ours(files: list[Path]) -> None:
    """Say of all files at once what is wrong with them."""
    gone = [file for file in files if not file.exists()]
    if gone:
        raise KeyFault(f"{_named(gone)}: missing.", "Restore the folder from a backup.")
    if wide := [file for file in files if open_to_others(file.stat(), os.geteuid())]:
        paths = " ".join(shlex.quote(str(file)) for file in wide)
        raise KeyFault(f"{_named(wide)}: others may read it.", f"Run `chmod 600 {paths}`.")


def _named(files: list[Path]) -> str:
    return ", ".join(map(str, files))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except PermissionError as error:
        raise KeyFault(f"{path}: this user may not read it.", "Run this as its owner.") from error
    except OSError as error:
        raise KeyFault(f"{path}: {error.strerror}.") from error


def _new(folder: Path) -> str:
    where = "" if folder == Path("keys") else f" --dir {shlex.quote(str(folder))}"
    return f"Make them: `countersign keys new{where}`."
