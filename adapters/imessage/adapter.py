"""iMessage, three ways: Apple Messages for Business with quick replies, Photon, BlueBubbles.

Only quick replies can approve. Of the other two a card is a text bubble that leads to the page, and
declines by the code that it shows. Nothing is edited: the end of a case is one more bubble.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from adapters.imessage import bluebubbles, photon, sinch
from adapters.imessage.provider import NAME, Provider
from adapters.imessage.settings import NEEDS
from adapters.kit import tame
from adapters.kit.base import Base
from adapters.kit.http import FAULTS
from adapters.kit.marks import visible
from approvals import port
from approvals.model import Address, Card, Malformed, MessageRef, Refused, Status, Tier
from approvals.text import fitting, unlinked, utf16_len

# Of a bubble of Apple Messages for Business (https://www.infobip.com/docs/
# apple-messages-for-business/message-types). Apple names none for iMessage itself.
TEXT: Final = 3000
# Of each text in an interactive message, which is of printable characters only: Apple's rule for
# Messages for Business since 2026-08-21.
QUESTION: Final = 200
ASKED: Final = "? The message above says all of it. Digest "
PAGE: Final = "? Only the page linked above can approve it. Digest "
ABOVE: Final = "The request above"
# What could be taken for an address: as in `unlinked`, but for the dot before a digit. No space of
# no width is a printable character, so that such a title stands in the bubble only.
ADDRESSES: Final = re.compile(r"\w[.。．｡](?=[^\W\d])|:(?=//)|\S@(?=\w)")
SINCH: Final = "https://{}.conversation.api.sinch.com"
SINCH_AUTH: Final = "https://auth.sinch.com"
SPECTRUM: Final = "https://spectrum.photon.codes"


def inert(text: str) -> str:
    """Text in which Messages finds no address; it has no other markup in text that is sent to it.
    Dates and long numbers may still be offered as such."""
    return unlinked(text)


@dataclass(frozen=True, slots=True)
class IMessage(Base):
    """The fields are those of the section, in settings.py."""

    render: port.Render = field(repr=False)
    provider: str = "sinch"
    project_id: str = ""
    app_id: str = ""
    key_id: str = ""
    key_secret: str = field(default="", repr=False)
    region: str = "us"
    project_secret: str = field(default="", repr=False)
    line: str = ""
    url: str = ""
    password: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    api_url: str = ""
    auth_url: str = ""
    _by: Provider = field(init=False, repr=False, compare=False)
    name: ClassVar[str] = NAME

    def __post_init__(self) -> None:
        for name in NEEDS.get(self.provider, ("provider sinch, photon or bluebubbles",)):
            if not getattr(self, name, ""):
                raise ValueError(f"imessage: provider {self.provider!r} needs {name}")
        object.__setattr__(self, "_by", self._made())

    def _made(self) -> Provider:
        if self.provider == "sinch":
            return sinch.Sinch(
                project_id=self.project_id,
                app_id=self.app_id,
                key_id=self.key_id,
                key_secret=self.key_secret,
                webhook_secret=self.webhook_secret,
                api_url=self.api_url or SINCH.format(self.region),
                auth_url=self.auth_url or SINCH_AUTH,
            )
        if self.provider == "photon":
            return photon.Photon(
                project_id=self.project_id,
                project_secret=self.project_secret,
                webhook_secret=self.webhook_secret,
                url=self.url,
                line=self.line,
                api_url=self.api_url or SPECTRUM,
            )
        return bluebubbles.BlueBubbles(self.url, self.password, self.webhook_secret)

    @property
    def limits(self) -> port.Limits:
        return port.Limits(
            title=150,
            fact_label=400,
            fact_value=600,
            facts=20,
            payload=1500,
            note=300,
            buttons=2 if self.provider == "sinch" else 0,
            label=20,
            measure=lambda text: utf16_len(inert(text)),
            total=2800,
            together=1500,
        )

    @property
    def abilities(self) -> port.Abilities:
        return port.Abilities(
            private_notice=True,
            # B: signed by a provider that Apple vouches for. Photon signs too, but does not say
            # whether it was an iMessage or an SMS, in which anybody can write any number.
            tier=Tier.B if self.provider == "sinch" else Tier.C,
        )

    def drawn(self, card: Card) -> port.Drawn:
        if not self.limits.buttons:
            card = replace(card, buttons=())
        if len(card.payload) + len(card.payload_tail) > self.limits.payload:
            raise Refused("imessage: more of the payload than a card shows")
        return port.whole(card, self._draw, lambda text: visible(inert(text)))

    def _draw(self, card: Card) -> port.Drawn:
        for one in port.shorter(card, self.limits.measure):
            code = one.digest[:8]
            made = self.render(
                {"card": tame.lines(one, inert), "code": code, "question": _asked(one, code)}
            )
            buttons = [(button["title"], button["token"]) for button in made["buttons"]]
            port.same_buttons(one, buttons)
            text, question = "\n".join(made["lines"]), made["question"]
            if utf16_len(question) > QUESTION or not question.isprintable():
                raise Refused(f"imessage: not a question of {QUESTION} printable characters")
            if utf16_len(text) <= TEXT:
                payload: port.Payload = {"messages": [self._words(text)]}
                if buttons:
                    payload["messages"].append(sinch.choice(question, buttons))
                payload["final"] = one.status is not Status.PENDING
                return port.Drawn(one, payload, [visible(text)])
        raise Refused(f"imessage: over {TEXT} characters however short its texts are cut")

    def _words(self, text: str) -> port.Payload:
        kind = {"sinch": sinch.words, "photon": photon.words}
        return kind.get(self.provider, bluebubbles.words)(text)

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        return self._by.authenticate(inbound)

    async def resolve(self, proven: port.Proven) -> port.Resolved:
        return await self._by.resolve(proven)

    def read(self, resolved: port.Resolved) -> port.Event:
        try:
            return self._by.read(resolved)
        except FAULTS as error:
            raise Malformed(f"imessage: {type(error).__name__}") from None

    async def open(self, account: str) -> Address:
        if not re.fullmatch(self._by.account, account):
            raise Refused("imessage: no such account: docs/channels/imessage.md, Whose account")
        return Address(NAME, account, account=account)

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        # The bubble first: whoever sees the question has what it is about above it. A press names
        # the last one.
        for number, message in enumerate(payload["messages"]):
            sent = await self._by.send(address.conversation, message, f"{key}-{number}")
        return MessageRef(NAME, address.conversation, sent)

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> None:
        # Its end is told once: what came of the verdict is on the page.
        if payload["final"]:
            for message in payload["messages"]:
                await self._by.send(ref.conversation, message, f"{ref.message}-end")

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        # What the closing message says is not said twice.
        if not notice.decided:
            await self._tell(tap.account, notice, tap.event)

    async def say(self, reply: port.Reply, notice: port.Notice) -> None:
        await self._tell(reply.account, notice, reply.event)

    async def _tell(self, account: str, notice: port.Notice, event: str) -> None:
        await self._by.send(account, self._words(unlinked(notice.text)), f"{event}-word")

    async def check(self) -> list[port.Finding]:
        return await self._by.check()

    async def close(self) -> None:
        await self._by.close()


def _asked(card: Card, code: str) -> str:
    """What stands above the quick replies, where no space of no width may stand."""
    title = ABOVE if ADDRESSES.search(card.title) or not card.title.isprintable() else card.title
    end = f"{ASKED if port.approves(card) else PAGE}{code}"
    return f"{fitting(title, QUESTION - len(end))}{end}"
