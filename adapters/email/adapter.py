"""E-mail: a card with links, never with a form. A mail decides nothing: its links open our own page
(`/m/<token>`, web/mail.py), and the button there does. Nothing inbound is read, but the presses on
Outlook's own cards, where those are on."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email import policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import ClassVar, Final
from urllib.parse import urljoin

from adapters.email import letter as letters
from adapters.email.outlook import Outlook, draw, script
from adapters.email.page import drawn, with_head
from adapters.email.smtp import Smtp
from adapters.kit import tame
from adapters.kit.base import Base
from approvals import port as channel  # `port` is the mail server's here
from approvals.model import Address, Busy, Card, Forged, Malformed, MessageRef, Refused, Tier

# Bytes of HTML. Gmail hides what is beyond about 102 kB behind a link: so well below.
HTML: Final = 50_000
# Bytes of HTML that a fact takes besides its texts.
ROW: Final = 320
# What a browser takes for an address (https://html.spec.whatwg.org/#valid-e-mail-address): no
# quoting, no comments, no line ends, ASCII. Length: RFC 5321, 4.5.3.1.3, erratum 1690.
ADDRESS: Final = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*"
)
# Where mail programs find addresses to follow: behind a scheme, in a name with a dot, around an @.
# (The characters come first: an expression that begins by looking back is tried at each of a text.)
LINKY: Final = re.compile(r"[:.@](?:(?<=[A-Za-z]:)(?=//)|(?<=\w\.)(?=[^\W\d_])|(?<=\S@)(?=\S))")
LOOPBACK: Final = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


def inert(text: str) -> str:
    """Text that no mail program makes a link of: a word joiner (unseen, zero wide) breaks it."""
    return LINKY.sub("\\g<0>\u2060", text)


def _measure(text: str) -> int:
    # As if every one were broken: a text is as long as its parts together, in any order.
    joiners = text.count(".") + text.count(":") + text.count("@")
    return len(html.escape(text).encode(errors="surrogatepass")) + 3 * joiners


@dataclass(frozen=True, slots=True)
class Email(Base):
    """`sender`: From. `security` none: only to a server on this machine. `actionable`: the fields
    of an `Outlook`, whose cards stand in the mails; None: no mail has one."""

    host: str
    sender: str
    render: channel.Render = field(repr=False)
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    reply_to: str = ""
    security: str = "starttls"
    actionable: Mapping[str, str] | None = None
    _outlook: Outlook | None = field(init=False, repr=False, compare=False)
    _smtp: Smtp = field(init=False, repr=False, compare=False)
    name: ClassVar[str] = "email"
    # In bytes, as escaped.
    limits: ClassVar = channel.Limits(
        title=300,
        fact_label=1200,
        fact_value=4000,
        facts=40,
        payload=16_000,
        note=2000,
        buttons=3,
        label=20,
        measure=_measure,
        total=26_000,
        each=ROW,
        together=18_000,
    )
    abilities: ClassVar = channel.Abilities(
        private_notice=True,
        tier=Tier.B,
        links=True,
    )

    def __post_init__(self) -> None:
        if self.security not in ("starttls", "tls", "none"):
            raise ValueError("email: security is starttls, tls or none")
        if self.security == "none" and not LOOPBACK.fullmatch(self.host):
            raise ValueError("email: security none is for a server on this machine only")
        if bool(self.user) != bool(self.password):
            raise ValueError("email: user and password go together")
        for given in (self.sender, self.reply_to or self.sender):
            if not given.isprintable() or not ADDRESS.fullmatch(parseaddr(given)[1]):
                raise ValueError(f"email: {given!r} is not an address, with or without a name")
        server = Smtp(
            self.host, self.port, self.user, self.password, self.security, helo=self._domain
        )
        object.__setattr__(self, "_smtp", server)
        outlook = Outlook(**self.actionable) if self.actionable else None
        object.__setattr__(self, "_outlook", outlook)

    def drawn(self, card: Card) -> channel.Drawn:
        if card.buttons and not card.review:
            raise Refused("email: without server.public_url there is nothing to link to")
        return channel.whole(card, self._draw, inert)

    def _draw(self, card: Card) -> channel.Drawn:
        links = [(str(b.label), urljoin(card.review or "", f"/m/{b.token}")) for b in card.buttons]
        shown = replace(tame.texts(card, inert), facts=tame.facts(card, inert))
        values = {"card": shown, "links": links, "subject": shown.subject}
        page = str(self.render(values)["html"])
        buttons, texts = drawn(page, card, links)
        channel.same_buttons(card, buttons)
        if len(page.encode()) > HTML:
            raise Refused(f"email: over {HTML} bytes: a part of it would not be shown")
        tokens = {str(button.label): button.token for button in card.buttons}
        # The subject stands on locked screens: title and risk, and never a word of the agent's.
        said: channel.Payload = {"subject": " ".join(card.subject.split()), "html": page}
        said["text"] = _text(shown, links)
        if self._outlook and (native := draw(shown, self._outlook.originator)):
            said["native"] = native
        payload = {**said, "buttons": tokens, "open": card.status == "pending"}
        return channel.Drawn(card, payload, texts)

    async def prepare(self, inbound: channel.Inbound) -> None:
        if self._outlook:
            await self._outlook.prepare(inbound)

    def authenticate(self, inbound: channel.Inbound) -> channel.Proven:
        if self._outlook is None:
            # Nothing is ever delivered to us: who presses does it on our own page.
            raise Forged("email has no deliveries")
        return self._outlook.authenticate(inbound)

    def read(self, resolved: channel.Resolved) -> channel.Event:
        if self._outlook is None:
            raise Malformed("email has no deliveries")
        return self._outlook.read(resolved, self._domain)

    async def open(self, account: str) -> Address:
        if not ADDRESS.fullmatch(account):
            raise Refused(f"email: {account!r} is not an address that mail can be sent to")
        return Address("email", account, account=account)

    async def post(self, address: Address, payload: channel.Payload, key: str) -> MessageRef:
        if address.account is None:
            raise Refused("email: a shared address does not say who answers")
        ref = MessageRef("email", address.conversation, f"<{key}@{self._domain}>")
        if native := payload.get("native"):
            own = script(native, key, address.conversation)
            payload = {**payload, "html": with_head(payload["html"], own)}
        await self._send(ref.conversation, ref.message, payload)
        return ref

    async def invite(self, account: str, person: str, by: str, link: str) -> None:
        said = letters.invitation(account, person, by, link, inert)
        await self._send(account, make_msgid("link", self._domain), said)

    async def whisper(self, account: str, letter: channel.Letter) -> None:
        said = letters.drawn(letter, inert)
        await self._send(account, make_msgid("sign-in", self._domain), said)

    async def redraw(self, ref: MessageRef, payload: channel.Payload) -> None:
        """A mail stays as it is: a short closing one follows it, once there is a verdict."""
        if payload["open"]:
            return
        closing = f"{ref.message.rpartition('@')[0]}.end@{self._domain}>"
        thread = {"In-Reply-To": ref.message, "References": ref.message}
        await self._send(ref.conversation, closing, payload, thread)

    def answer(self, tap: channel.Tap, notice: channel.Notice) -> channel.Response | None:
        return self._outlook.answer(notice) if self._outlook else None

    async def tell(self, tap: channel.Tap, notice: channel.Notice) -> None:
        return None  # the page has said it

    async def check(self) -> list[channel.Finding]:
        try:
            async with self._smtp.connected() as server:
                await server.noop()
        except (Busy, Refused) as why:
            return [channel.Finding("server", False, str(why))]
        return [channel.Finding("server", True, f"{self.security}, login {self.user or 'none'}")]

    async def close(self) -> None:
        if self._outlook:
            await self._outlook.close()

    @property
    def _domain(self) -> str:
        return parseaddr(self.sender)[1].rpartition("@")[2]

    async def _send(
        self, to: str, id_: str, payload: channel.Payload, thread: dict[str, str] | None = None
    ) -> None:
        if not ADDRESS.fullmatch(to):
            raise Refused(f"email: {to!r} is not an address that mail can be sent to")
        own = parseaddr(self.sender)[1]
        back = parseaddr(self.reply_to or self.sender)[1]
        message = EmailMessage(policy=policy.SMTP)
        headers = {
            "From": self.sender,
            "To": to,
            "Subject": payload["subject"],
            "Date": formatdate(),
            "Message-ID": id_,
            **(thread or {}),
            **({"Reply-To": self.reply_to} if self.reply_to else {}),
            # RFC 3834, 5 and learn.microsoft.com/openspecs [MS-OXCMAIL]: no out-of-office answers.
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            # RFC 2919, RFC 2369. A mail to a person: RFC 8058's one click would not be one's own.
            "List-Id": f"Countersign <countersign.{self._domain}>",
            "List-Unsubscribe": f"<mailto:{back}?subject=unsubscribe>",
        }
        for name, value in headers.items():
            message[name] = value
        message.set_content(payload["text"], cte="quoted-printable")
        message.add_alternative(payload["html"], subtype="html", cte="quoted-printable")
        async with self._smtp.connected() as server:
            await server.sendmail(own, [to], message.as_bytes())


def _text(card: Card, links: list[tuple[str, str]]) -> str:
    """The same card as plain text. Lines of others are marked: none can pass for one of ours."""
    risk = f"{card.risk.capitalize()} risk"
    if card.status != "pending":
        when = f"Closed {card.decided}. " if card.decided else ""
        said = [card.title, "", card.headline, f"{when}{risk}. From {card.agent}.", ""]
        said += [channel.block(card.facts), ""] if card.facts else []
        said += [f"Details: {card.review}"] if card.review else []
        return "\n".join([*said, f"Digest {card.digest}", ""])
    said = [card.title, risk, f"From {card.agent}. {card.progress}".strip()]
    said += [f"Answer by {card.until}."]
    said += ["", channel.block(card.facts)] if card.facts else []
    if card.note:
        said += ["", "Agent's note, unverified:", *(f"> {x}" for x in card.note.split("\n"))]
    said += ["", card.line] if card.line else [""]
    if card.payload:
        said += [f"| {line}" for line in card.payload.split("\n")]
    if card.elided:
        said += [f"… {card.elided} bytes of {card.payload_size} are not shown here …"]
    if card.payload_tail:
        said += [f"| {line}" for line in card.payload_tail.split("\n")]
    said += ["", card.review_needed] if card.review_needed else []
    review = "Review and approve" if card.review_needed else "Details"
    way = [f"{review}: {card.review}"] if card.review else []
    ours = [f"{label}: {url}" for label, url in links]
    said += ["", *([*way, *ours] if card.review_needed else [*ours, *way])]
    return "\n".join([*said, "", f"Digest {card.digest}.", "", *PLEDGE, ""])


PLEDGE: Final = (
    "The links open a page with all of it. Nothing is decided before you press the button there.",
    "Do not forward this mail: whoever has it can answer for you. A reply decides nothing.",
)
