"""Instagram: direct messages of a professional account, within 24 hours of a person's last word.
After them nothing automatic may be sent, and the next entry of `via` is asked."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, ClassVar

from adapters.instagram.tokens import Tokens
from adapters.kit import meta
from adapters.kit.direct import Direct, inert
from approvals import port
from approvals.text import utf8_len


@dataclass(frozen=True, slots=True, kw_only=True)
class Instagram(Direct):
    """`account_id`: our professional account's, as the webhook has it."""

    account_id: str
    _io: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    name: ClassVar[str] = "instagram"
    kind: ClassVar[str] = "instagram"
    url: ClassVar[str] = meta.INSTAGRAM
    me: ClassVar[str] = "user_id"
    fields: ClassVar = frozenset({"messages", "messaging_postbacks", "messaging_referral"})
    # Bytes: https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api
    longest: ClassVar[int] = 1000
    log: ClassVar = logging.getLogger("countersign.instagram")
    # As of Messenger, in bytes.
    limits: ClassVar = port.Limits(
        title=120,
        fact_label=1200,
        fact_value=600,
        facts=20,
        payload=880,
        note=200,
        buttons=3,
        label=20,
        measure=lambda text: utf8_len(inert(text)),
        line=200,
    )

    @property
    def own(self) -> str:
        return self.account_id

    def size(self, text: str) -> int:
        return utf8_len(text)

    def remember(self, memory: port.Memory) -> None:
        self._tokens().memory = memory

    def _tokens(self) -> Tokens:
        if "tokens" not in self._io:
            self._io["tokens"] = Tokens(self.access_token, self.base, self.log)
        found: Tokens = self._io["tokens"]
        return found

    async def _token(self) -> str:
        return await self._tokens().access(self._http, self.clock())
