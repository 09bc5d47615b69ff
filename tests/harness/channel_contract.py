"""What every channel must keep, whatever its platform; `test_channels.py` runs it over CHANNELS.

A channel brings a `Kit`, in `tests/peers/<channel>.py` under the name `KIT`. Its own test file
holds only its quirks.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, cast

from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from adapters import CHANNELS
from approvals import cards, linking
from approvals.model import (
    Address,
    Agent,
    Ask,
    Button,
    Card,
    Case,
    Fact,
    Kind,
    Label,
    Request,
    Risk,
    Status,
)
from approvals.port import (
    Abilities,
    Channel,
    Event,
    Inbound,
    Payload,
    Render,
    Resolves,
    resolve,
)
from approvals.reading import read_payload

Key = TypeVar("Key")
ROOT: Final = Path(__file__).resolve().parents[2]
NOW: Final = 1_767_326_130_000
AWAY: Final = "http://127.0.0.1:9/"
"""Where nobody answers."""

HOSTILE: Final = (
    "<!channel> <!here> <@U024BE7LH> <#C024BE91L|ops> <!subteam^S1> <!date^1^{time}|x>",
    "@everyone @here @channel",
    "<https://evil.example|Approve> [click](https://evil.example) www.evil.example",
    "*bold* _it_ ~strike~ `code` ```fence``` > quote",
    '"}],"elements":[{"type":"button","action_id":"approve"',
    "{{ 7 * 7 }} {% raw %} {# no #} ${HOME} %s {0}",
    "&amp; &lt;b&gt; &#60; & < >",
    "✅ Approved by: CFO 🚀 © ™ ℹ ☎️ 1️⃣ 👩‍💻",
    "</pre><script>alert(1)</script>",
    ":white_check_mark: :+1: 10:30:45",
    "日本語 naïve עברית",
    "x" * 140,
)
"""Texts as `cards.build` hands them on: redacted and cleaned, so without control characters."""


LABELS: Final = (Label.APPROVE, Label.DECLINE, Label.DECLINE_WITH_REASON)
"""Every label but one, as on cards of older versions: `natural` makes them those of new cards."""


def natural(card: Card, abilities: Abilities) -> Card:
    """The card with the buttons that such a channel's cards have."""
    kept = [one for one in card.buttons if one.label is not Label.DECLINE_WITH_REASON]
    if abilities.reason_prompt:
        kept = [
            replace(one, label=Label.DECLINE_PROMPT) if one.label is Label.DECLINE else one
            for one in kept
        ]
    return replace(card, buttons=tuple(kept))


def card(**changes: Any) -> Card:
    """A pending card of medium risk, with `changes`."""
    whole = Card(
        request_id="req_01K8ZJ3V9Q",
        revision=1,
        status=Status.PENDING,
        headline="Waiting for approval",
        title="Pay 12,400.00 EUR to ACME & Söhne GmbH",
        subject="Pay 12,400.00 EUR to ACME & Söhne GmbH · medium risk",
        risk=Risk.MEDIUM,
        action="stripe.payouts.create",
        agent="billing-bot for Dana Lee",
        facts=(Fact("Amount", "12,400.00 EUR"), Fact("To", "ACME & Söhne GmbH <Berlin>")),
        line="POST api.stripe.com/v1/payouts · form, 42 bytes",
        payload="amount: 1240000\ncurrency: eur\nmethod: instant\nOrdinary headers: user-agent",
        payload_tail="",
        elided=0,
        payload_size=75,
        note="Title: Pay the invoice\nNote: it is urgent, see <https://evil.example|the contract>",
        digest="a1b2c3d4",
        deadline=NOW + 900_000,
        until="2 Jan 04:10 UTC",
        decided_at=None,
        decided="",
        progress="You can approve this alone.",
        shared=False,
        buttons=tuple(
            Button(label, token)
            for label, token in zip(LABELS, ("Q" * 20, "R" * 20, "S" * 20), strict=True)
        ),
        review="https://approve.example.com/r/req_01K8ZJ3V9Q",
    )
    return replace(whole, **changes)


def _closed(status: Status, headline: str, **more: Any) -> Card:
    closed = {"decided_at": NOW + 60_000, "decided": "2 Jan 03:56 UTC", "progress": ""}
    subject = f"{status.capitalize()}: {card().title}"
    return card(status=status, headline=headline, subject=subject, buttons=(), **{**closed, **more})


CARDS: Final[Mapping[str, Card]] = {
    "pending": card(),
    "one-of-two": card(progress="Needs two people from finance: Dana Lee approved, one more."),
    "approved": _closed(Status.APPROVED, "Approved by Dana Lee and Lee Kim. Delivered: 201"),
    "declined": _closed(Status.DECLINED, "Declined by Dana: not this <month> & not @here"),
    "expired": _closed(Status.EXPIRED, "Expired. Nothing was run."),
    "withdrawn": _closed(Status.WITHDRAWN, "Withdrawn. Nothing was run."),
    "uninspectable": card(
        payload="\n".join(["head"] * 20),
        payload_tail="\n".join(["tail"] * 20),
        elided=5946,
        payload_size=6144,
        buttons=card().buttons[1:],
        review_needed="It is too long for this card.",
    ),
    "high": card(
        risk=Risk.HIGH,
        subject=f"{card().title} · high risk",
        buttons=card().buttons[1:],
        review_needed="Approving this needs a fresh sign-in on the review page.",
    ),
    "stub": card(
        title="payouts",
        subject="payouts · medium risk",
        facts=(),
        line="",
        payload="",
        payload_size=0,
        note=None,
        buttons=(),
        review_needed="This channel shows titles only.",
    ),
}
"""The states of a card. Each channel keeps what it makes of them in `fixtures/<channel>/golden`;
`GOLDEN=1 pytest` writes them anew, to be looked at in the diff."""


class Peer(Protocol):
    """A running stand-in of a platform."""

    @property
    def api(self) -> str: ...
    def break_next(self, status: int, retry_after: int | None) -> None: ...


@dataclass(frozen=True)
class Kit:
    """What the contract needs to know of one channel.

    `make(api, **more)`: the adapter against that base URL. `tap(at)`: a delivery of a press,
    proven; None where nothing is ever pressed: there are no buttons, or they lead to our own page,
    and then nothing is delivered unless people can write (`write`): the tests of a press then take
    what they write instead. `proofs`:
    the headers without which nothing is proven; `unproven`: deliveries that prove nothing, where
    the body holds the proof. `stale`: milliseconds after which it is too late, None where the
    platform gives no time. `unknown`: proven deliveries that mean nothing.
    `foreign`: proven deliveries that are for other features of the same app.
    `parsed(payload)`: the strings in which the platform reads markup. `links(payload)`: every
    address that can be followed. `secrets`: what no log and no repr may hold. `signs_body`: False
    where the platform proves itself by a shared secret alone. `delays`: a platform that is busy
    says for how long. `write(at, text)`: a delivery of what the account of `tap` wrote to us in
    private; None where nobody can. `overheard(at, text)`: the same where others can read it.
    `by_conversation`: a 429 delays one conversation only. `slow_in_words`: only where the words of
    the answer say for how long.
    """

    name: str
    make: Callable[..., Channel]
    tap: Callable[[int], Inbound] | None
    proofs: tuple[str, ...]
    stale: int | None
    unknown: Callable[[int], tuple[Inbound, ...]]
    peer: Callable[[], AbstractAsyncContextManager[Peer]]
    address: Address
    parsed: Callable[[Payload], list[str]]
    links: Callable[[Payload], list[str]]
    secrets: tuple[str, ...]
    signs_body: bool = True
    unproven: Callable[[int], tuple[Inbound, ...]] = lambda at: ()
    delays: bool = True
    write: Callable[[int, str], Inbound] | None = None
    overheard: Callable[[int, str], Inbound] | None = None
    foreign: Callable[[int], tuple[Inbound, ...]] = lambda at: ()
    by_conversation: bool = False
    slow_in_words: bool = False

    @property
    def delivers(self) -> bool:
        """Is anything ever delivered to us?"""
        return (self.tap or self.write) is not None

    def press(self, at: int) -> Inbound:
        """A proven delivery: a press, or where there are no buttons what somebody wrote."""
        if self.tap is not None:
            return self.tap(at)
        assert self.write is not None
        return self.write(at, "decline a1b2c3d4 too much")

    @asynccontextmanager
    async def asked(self) -> AsyncIterator[Channel]:
        """The channel; with its platform, where it has to ask that about a delivery."""
        channel = self.make(AWAY)
        if not isinstance(channel, Resolves):
            yield channel
            return
        async with self.peer() as peer:
            channel = self.make(peer.api)
            yield channel
            await channel.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One approver, as a channel's stand-in has them: for tests of all channels at once.

    `account`: who they are there. `messages(peer)`: what they see there, the oldest first, each as
    it stands now; one that was edited is another object. `text`: all that such a message says.
    `press(peer, digest, at)`: what the platform delivers when they press Approve on the card that
    says this digest, or where a tap may not approve (`approves` False) when they decline there, by
    a button or the typed code; None where buttons lead to our own page. `anew`: what became of it
    is a new message, because the card cannot be edited. `ready(peer)`: what the stand-in must know
    of them first.
    """

    account: str
    messages: Callable[[Any], Iterable[Any]]
    press: Callable[[Any, str, int], Inbound | Awaitable[Inbound]] | None
    text: Callable[[Any], str] = lambda message: " ".join(strings(message))
    approves: bool = True
    anew: bool = False
    ready: Callable[[Any], object] = lambda peer: None


def seat(name: str) -> Seat:
    return cast(Seat, import_module(f"tests.peers.{name}").SEAT)


def says(digest: str, messages: Mapping[Key, Any]) -> Key:
    """The key of the message that says this."""
    return next(key for key, one in messages.items() if digest in " ".join(strings(one)))


async def event_of(channel: Channel, inbound: Inbound) -> Event:
    """What this delivery says, by the way that every delivery goes."""
    return channel.read(await resolve(channel, channel.authenticate(inbound)))


def kit(name: str) -> Kit:
    return cast(Kit, import_module(f"tests.peers.{name}").KIT)


def words(channel: str, code: str, bot: str = "") -> tuple[str, ...]:
    """What a person does with a code there, as `linking.words` says it by the channel's folder."""
    return linking.words(channel, CHANNELS[channel].section().linking, code, bot)


@cache
def template(name: str) -> Render:
    """The channel's template, filled as the product fills it: every value one JSON literal, or
    escaped as HTML."""
    (path,) = (ROOT / "card_templates").glob(f"{name}.*.j2")
    html = path.name.endswith(".html.j2")
    how: dict[str, Any] = {"autoescape": True} if html else {"finalize": json.dumps}
    env = SandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **how
    )
    compiled = env.from_string(path.read_text(encoding="utf-8"))

    def render(values: Mapping[str, Any]) -> Payload:
        filled = compiled.render(values)
        return {"html": filled} if html else cast(Payload, json.loads(filled))

    return render


def strings(node: Any) -> Iterator[str]:
    """Every string in a payload, keys left out."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for item in node.values():
            yield from strings(item)
    elif isinstance(node, list):
        for item in node:
            yield from strings(item)


REASONS: Final = ("Wrong amount", "Not <agreed> & *urgent* @here", "x" * 100, "😀" * 100)


# E-mail twice: with Outlook's cards, whose presses are delivered, and without. iMessage by each of
# its providers, WhatsApp by both of its own.
KITS = (*sorted(CHANNELS), "outlook", "photon", "bluebubbles", "twilio")


def hostile_card(text: str, channel: Channel) -> Card:
    """The product's card of a request with this text wherever others write."""
    facts = (Fact(text, text), Fact("Amount", text))
    words = ("req_1", "default", 1, text, Kind.GATEWAY, Agent(text, text, text), text, None, text)
    claimed: Any = {"claimed_title": text, "claimed_facts": facts, "note": text}
    request = Request(*words, "sha-256:00", 0, title=text, facts=facts, **claimed)
    case = Case("req_1", "default", 1, "sha-256:00", text, text, Ask("r", (("g", 1),)), 0, NOW)
    how: Any = {"buttons": card().buttons, "limits": channel.limits, "salt": b"s"}
    return cards.build(case, request, read_payload(text), review="https://a.example/r", **how)
