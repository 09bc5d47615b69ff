"""Facebook Messenger: private messages of a page. Within 24 hours of a person's last word a card
has buttons; after them a utility message says that it waits, where Meta has approved one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from adapters.kit import meta
from adapters.kit.direct import Direct, inert
from approvals import port
from approvals.text import fitting, utf16_len

VALUE: Final = 120
"""Characters of a value of a template: Meta does not say how many it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Messenger(Direct):
    """`page_id`: our page's. `templates`: names of the utility messages `request` and `notice`, in
    this `language`; without them nobody is written to after the 24 hours."""

    page_id: str
    templates: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"
    name: ClassVar[str] = "messenger"
    kind: ClassVar[str] = "page"
    url: ClassVar[str] = meta.FACEBOOK
    me: ClassVar[str] = "id"
    fields: ClassVar = frozenset({"messages", "messaging_postbacks", "messaging_referrals"})
    # https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages
    longest: ClassVar[int] = 2000
    log: ClassVar = logging.getLogger("countersign.messenger")
    # Together they may be more than a message takes: then `layout` tries the card shorter, in the
    # end without Approve.
    limits: ClassVar = port.Limits(
        title=120,
        fact_label=400,
        fact_value=600,
        facts=20,
        payload=1700,
        note=200,
        buttons=3,
        label=20,
        measure=lambda text: utf16_len(inert(text)),
        line=200,
    )

    @property
    def own(self) -> str:
        return self.page_id

    def size(self, text: str) -> int:
        return utf16_len(text)

    async def called(self) -> str:
        return await Direct.called(self) or self.page_id

    def _outside(self, made: Any, link: str | None) -> Any:
        name = self.templates.get("request" if made["open"] else "notice")
        if name is None or link is None:
            return None
        values = [fitting(" ".join(one.split()), VALUE) for one in made["values"]]
        body = [{"type": "text", "text": one or "–"} for one in values]
        where = [{"type": "URL", "url": urlsplit(link).path.lstrip("/")}]
        parts = [{"type": "body", "parameters": body}, {"type": "buttons", "parameters": where}]
        named = {"name": name, "language": {"code": self.language}, "components": parts}
        return {"template": named}

    def _said(self, message: Any, quiet: bool) -> dict[str, str]:
        # https://developers.facebook.com/docs/graph-api/reference/page/messages
        said = {"messaging_type": "UTILITY" if "template" in message else "RESPONSE"}
        return said | ({"notification_type": "NO_PUSH"} if quiet else {})
