"""What proves a press, and what a dialog was opened with.

Mattermost signs no delivery. It keeps a button's `context` to itself, so that what we put there
comes from it; and it signs the trigger that it makes for each press, with who pressed and when:

- `context` of a button: our token and a MAC of it. The server shows it to our bot as well, in the
  history of a post's edits (`GET /posts/{id}/edit_history`): it is no more secret than our token.
- `trigger_id` of a press: base64 of `<id>:<user>:<milliseconds>:<base64 of an ECDSA signature>` by
  the server's own key, which is in its client configuration as `AsymmetricSigningPublicKey`.
- `state` of a dialog: it goes through the client of who pressed, so it proves no more than that
  this account was asked: token, conversation, until when, and a MAC over them and the account.

https://github.com/mattermost/mattermost/blob/master/server/public/model/integration_action.go
(`GenerateTriggerId`), https://developers.mattermost.com/integrate/plugins/interactive-messages
("Authenticating the server"), read 2026-11.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from approvals.model import MINUTE, Duration, Forged, Instant
from approvals.proof import check_fresh, check_hmac, hmac_sha256

FRESH: Final[Duration] = 5 * MINUTE
ANSWERED: Final[Duration] = 60 * MINUTE
"""How long a dialog may stand open."""
_STATE: Final = re.compile(r"([A-Za-z0-9_-]{20}) ([a-z0-9]{26}) ([0-9]{1,15}) ([0-9a-f]{64})")


def context(secret: str, token: str) -> dict[str, str]:
    """What a button carries."""
    return {"token": token, "proof": hmac_sha256(secret.encode(), b"button:" + token.encode())}


def check_context(secret: str, given: Any) -> None:
    """`Forged` unless we made it."""
    context = given if isinstance(given, dict) else {}
    token, proof = context.get("token"), context.get("proof")
    if not isinstance(token, str) or not isinstance(proof, str):
        raise Forged("mattermost: no context of ours")
    check_hmac(secret.encode(), b"button:" + token.encode(errors="replace"), proof)


def check_trigger(key: str, given: Any, user: Any, now: Instant) -> str:
    """The id of this press. `Forged` unless the server says that this user pressed, just now.

    `key`: its public key, as it writes it. The id is not the signature's: of one press there could
    be several.
    """
    try:
        said, _, signature = b64decode(given, validate=True).rpartition(b":")
        id_, who, at = said.split(b":")
        _key(key).verify(b64decode(signature, validate=True), said + b":", ECDSA(SHA256()))
        same = isinstance(user, str) and who.decode("ascii") == user
    except (InvalidSignature, Error, ValueError, TypeError) as error:
        raise Forged("mattermost: no trigger of this server's") from error
    if not same or not at.isdigit():
        raise Forged("mattermost: somebody else pressed")
    check_fresh(str(int(at) // 1000), now, FRESH)
    return id_.decode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a dialog was opened about."""

    token: str
    conversation: str


def state(secret: str, asked: Asked, account: str, now: Instant) -> str:
    """What a dialog carries that this account is shown."""
    what = f"{asked.token} {asked.conversation} {now + ANSWERED}"
    return f"{what} {hmac_sha256(secret.encode(), f'dialog:{account}:{what}'.encode())}"


def check_state(secret: str, given: Any, account: Any, now: Instant) -> Asked:
    """`Forged` unless we asked this account, not long ago."""
    said = _STATE.fullmatch(given) if isinstance(given, str) else None
    if said is None or not isinstance(account, str):
        raise Forged("mattermost: no dialog of ours")
    token, conversation, until, proof = said.groups()
    what = f"{token} {conversation} {until}"
    check_hmac(secret.encode(), f"dialog:{account}:{what}".encode(), proof)
    if not now < int(until) <= now + ANSWERED + FRESH:
        raise Forged("mattermost: the dialog stood open too long")
    return Asked(token, conversation)


def server_key(text: str) -> str:
    """The key as it is written, if it is one. `ValueError`."""
    try:
        _key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("mattermost: this is no public key as the server writes it") from error
    return text


def _key(text: str) -> EllipticCurvePublicKey:
    found = load_der_public_key(b64decode(text, validate=True))
    if not isinstance(found, EllipticCurvePublicKey):
        raise ValueError("not a key of an elliptic curve")
    return found
