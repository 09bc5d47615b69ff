"""The service's receipt key, kept on disk for the next process: a hook is one for each call.

Nothing is believed for lying there. A key proves by its thumbprint that it is the pinned one, so
whoever writes in the folder can make us fetch it again, and no more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from countersign_client.receipt import thumbprint
from countersign_client.settings import write_private

X: Final = 43
"""Characters of an Ed25519 key, in base64url."""


class ReceiptKey:
    """The key of this thumbprint. `folder`: where keys lie, each in a file named by its own."""

    def __init__(self, folder: Path, pin: str) -> None:
        self._path, self._pin = folder / pin, pin

    def read(self) -> Mapping[str, Any] | None:
        """As a JWK. None: it is not there, or what is there is another one, or none."""
        try:
            with self._path.open("rb") as file:
                jwk = {"kty": "OKP", "crv": "Ed25519", "x": file.read(X + 1).decode()}
        except (OSError, ValueError):
            return None
        return jwk if thumbprint(jwk) == self._pin else None

    def write(self, jwk: Mapping[str, Any]) -> None:
        """Keep it. Where that fails, it is fetched again."""
        with contextlib.suppress(OSError):
            write_private(self._path, str(jwk["x"]))
