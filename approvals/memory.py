"""What a channel remembers: small values in the store, sealed by a button key.

1. A thief of the database reads no value: each is encrypted with a key that is made from a button
   key, which is not in it.
2. Who writes in the database makes no value up, and moves none to another name or channel. They can
   bring back a value that was there before.
3. Of two copies that change a value at once one wins, and the other is told.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from approvals.buttons import Key, KeyRing
from approvals.evidence import frame
from approvals.model import ORG
from approvals.store import Store

MOST: Final = 64 * 1024
"""Bytes of a value."""
_NONCE: Final = 12  # NIST SP 800-38D, 8.2: 96 bits
_PURPOSE: Final = "countersign/memory/1"


@dataclass(frozen=True, slots=True)
class ChannelMemory:
    """That of one channel. `ring`: the keys as they are now."""

    store: Store
    ring: Callable[[], KeyRing]
    channel: str

    async def get(self, key: str) -> bytes | None:
        """None: there is none, or none that a key of ours made."""
        kept = await self.store.remembered(self.channel, key)
        if kept is None:
            return None
        value = self._opened(key, kept)
        if value is not None and not kept.startswith(_head(self.ring().active)):
            # It outlives the key that it was sealed by.
            await self.store.put_remembered(self.channel, key, self._sealed(key, value), was=kept)
        return value

    async def put(self, key: str, value: bytes | None, *, was: bytes | None) -> bool:
        """Keep it, or forget it (None), unless another than `was` is kept. `ValueError`: it is too
        long."""
        if value is not None and len(value) > MOST:
            raise ValueError(f"a channel remembers {MOST} bytes under a name at most")
        kept = await self.store.remembered(self.channel, key)
        if was != (None if kept is None else self._opened(key, kept)):
            return False
        sealed = None if value is None else self._sealed(key, value)
        return await self.store.put_remembered(self.channel, key, sealed, was=kept)

    def _sealed(self, key: str, value: bytes) -> bytes:
        ring = self.ring()
        by, nonce = ring.keys[ring.active], os.urandom(_NONCE)
        box = _cipher(by).encrypt(nonce, value, self._about(by, key))
        return _head(by.kid) + nonce + box

    def _opened(self, key: str, kept: bytes) -> bytes | None:
        kid, _, rest = kept.partition(b"\0")
        by = self.ring().keys.get(kid.decode(errors="replace"))
        if by is None:
            return None
        try:
            return _cipher(by).decrypt(rest[:_NONCE], rest[_NONCE:], self._about(by, key))
        except (InvalidTag, ValueError):
            return None

    def _about(self, by: Key, key: str) -> bytes:
        return frame(_PURPOSE, by.kid, ORG, self.channel, key)


def _head(kid: str) -> bytes:
    return kid.encode() + b"\0"


def _cipher(by: Key) -> AESGCM:
    # A key of its own: no MAC of a button says anything about it.
    return AESGCM(hmac.digest(by.secret, frame(_PURPOSE), "sha256"))
