"""`countersign preview`: every channel's card for a request, sent to nobody.

The request goes through packs, rules, templates and the product's own renderer, as if it had been
opened; only sending is left out. Without a configuration every pack is on and one rule asks at
medium risk.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from approvals import cards
from approvals.app import channels
from approvals.app.exits import Exit, Stop
from approvals.cli.rules import outbound, parsed
from approvals.config import Config
from approvals.model import (
    Agent,
    Ask,
    Button,
    Card,
    Instant,
    Kind,
    Refused,
    Requester,
    Risk,
)
from approvals.packs import PACKS, RuleBook, rule_book
from approvals.policy import DEFAULT, Policy
from approvals.port import Channel, Payload
from approvals.proposal import Proposal, draft
from approvals.proxy.rules import Rules
from approvals.readings import Readings, held

GATEWAY: Final = Requester("gateway", Kind.GATEWAY)
AGENT: Final = Requester("agent", Kind.AGENT)
SITE: Final = "https://approve.example.com"
UNDRAWN: Final = "This channel cannot draw it."


@dataclass(frozen=True, slots=True)
class Preview:
    """One channel's card, as it is shown there. `payload` None: the channel cannot draw it, and
    `refused` says why."""

    channel: str
    card: Card
    payload: Payload | None
    refused: str | None = None

    def plain(self) -> dict[str, Any]:
        """For programs."""
        card = self.card
        said: dict[str, Any] = {
            "title": card.title,
            "risk": card.risk.value,
            "facts": [{"label": fact.label, "value": fact.value} for fact in card.facts],
            "buttons": [str(button.label) for button in card.buttons],
            "review_needed": card.review_needed,
            "line": card.line,
            "reading": card.payload + card.payload_tail,
            "left_out": card.elided,
        }
        return said | ({"refused": self.refused} if self.refused else {})


@dataclass(frozen=True, slots=True)
class Setting:
    """What decides how a request is shown. `risk` None: the rules decide it."""

    policy: Policy
    book: RuleBook
    adapters: Mapping[str, Channel]
    stubs: frozenset[str]
    risk: Risk | None


def setting(config: Config | None, names: Sequence[str], risk: Risk | None) -> Setting:
    """`names`: the channels; empty: all of them, with a configuration those that are on."""
    sections = channels.samples() | (dict(config.channels) if config is not None else {})
    known = [*sections] if config is None else [*config.channels] or [*sections]
    wanted = list(names) or known
    for name in wanted:
        if name not in sections:
            raise Stop(
                Exit.FAILED, f"There is no channel {name}. There are: {', '.join(sections)}."
            )
    own = {} if config is None else config.templates
    adapters = channels.made({name: sections[name] for name in wanted}, own)
    if config is not None:
        stubs = channels.stubs(config.channels)
        return Setting(config.policy, config.book, adapters, stubs, risk)
    ask = Ask(rule="everything", quorum=((DEFAULT, 1),), risk=Risk.MEDIUM)
    rules = replace(Policy.of((), {DEFAULT: frozenset(("dana",))}), default_ask=ask)
    faults: list[str] = []
    book = rule_book({"packs": [*PACKS]}, lambda *fault: faults.append(str(fault)))
    if faults:
        raise Stop(Exit.FAILED, "\n".join(faults))
    return Setting(rules, book, adapters, frozenset(), risk or Risk.MEDIUM)


def preview(text: str, how: Setting, kind: Kind | None, now: Instant) -> list[Preview]:
    """The cards of one request. Raises `Stop` that says what is wrong with it.

    `text`: the form that `rules test` takes, or the body of `POST /v1/requests`. `kind`: of the
    requester; by default a gateway for the first form and an agent for the second.
    """
    by, asked = _asked(text, how.book, kind)
    http = held(asked.http, summary=asked.summary)
    readings = Readings()
    reading = asyncio.run(readings.of(http, asked.payload, how.book.dialect(http)))
    try:
        made = draft(
            by, asked, reading, how.policy, how.book, request_id="req_preview", revision=1, now=now
        )
    except (Refused, ValueError) as error:
        raise Stop(Exit.FAILED, f"This request cannot be opened: {error}.") from error
    case = made.case
    if how.risk is not None:
        case = replace(case, ask=replace(case.ask, risk=how.risk, step_up=None, four_eyes=False))
    found = []
    for name, channel in how.adapters.items():
        stub = name in how.stubs
        labels = cards.labels_for(
            case, made.request, reading, channel.abilities, channel.limits, stub=stub
        )
        card = cards.build(
            case,
            made.request,
            reading,
            buttons=[Button(label, f"preview{at:013d}") for at, label in enumerate(labels)],
            limits=channel.limits,
            review=f"{SITE}/requests/{case.id}",
            salt=b"preview",
            needs=case.ask.quorum,
            stub=stub,
        )
        try:
            drawn = channel.drawn(card)
        except Refused as error:
            none = replace(card, buttons=(), review_needed=card.review_needed or UNDRAWN)
            found.append(Preview(name, none, None, str(error)))
        else:
            found.append(Preview(name, drawn.card, drawn.payload))
    return found


def _asked(text: str, book: RuleBook, kind: Kind | None) -> tuple[Requester, Proposal]:
    try:
        given = parsed(text)
    except ValueError as error:
        raise Stop(Exit.FAILED, f"This is not a request: {error}.") from error
    if isinstance(given, dict) and "url" in given:
        request = outbound(text)
        said = Rules(book).decide(request)
        by = GATEWAY if kind is not Kind.AGENT else AGENT
        return by, Proposal(
            action=said.action,
            agent=Agent(request.agent),
            http=replace(request.http(), body_complete=True),
        )
    from approvals.web.api import proposal  # noqa: PLC0415 - half a second, for this form only
    from approvals.web.problems import Problem  # noqa: PLC0415 - as above

    by = AGENT if kind is not Kind.GATEWAY else GATEWAY
    try:
        return by, proposal(by, text.encode())[0]
    except Problem as problem:
        raise Stop(Exit.FAILED, f"This is not a request: {problem.detail}") from problem


def write(found: Sequence[Preview], html: Path | None, png: Path | None) -> list[Path]:
    """A page, a picture or both for each channel. Raises `Stop` where Chromium is missing."""
    pages: dict[str, str] = {}
    for one in found:
        if one.payload is not None:
            pages[one.channel] = channels.folder(one.channel).page(one.payload, _scripts())
    written = []
    if html is not None:
        html.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            written.append(html / f"{name}.html")
            written[-1].write_text(text)
    if png is not None:
        written += _pictures(pages, png)
    return written


def _scripts() -> Path | None:
    """The folder with the platforms' own renderers: here, or in a checkout of this repository."""
    places = (Path(), Path("tests/browser"))
    return next((place for place in places if (place / "node_modules").is_dir()), None)


def _pictures(pages: Mapping[str, str], folder: Path) -> list[Path]:
    chromium = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    )
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only pictures need it
    except ImportError as error:
        raise Stop(Exit.FAILED, "Pictures need `pip install playwright`.") from error
    if chromium is None:
        raise Stop(Exit.FAILED, "Pictures need Chromium: install it, or name it in CHROMIUM.")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 480, "height": 200}, device_scale_factor=2)
        for name, text in pages.items():
            view.set_content(text)
            written.append(folder / f"{name}.png")
            view.screenshot(path=written[-1], full_page=True)
        browser.close()
    return written


def show(console: Console, one: Preview) -> None:
    """One channel's card in words."""
    card = one.card
    console.print(Text(f"\n{one.channel}", "bold") + Text(f" · {card.risk} risk", "dim"))
    console.print(Text(card.title, "bold"), soft_wrap=True)
    for fact in card.facts:
        console.print(Text(f"{fact.label}: ", "dim") + Text(fact.value), soft_wrap=True)
    console.print(Text(card.line, "dim"), soft_wrap=True)
    console.print(Text(card.payload), soft_wrap=True)
    if card.elided:
        console.print(Text(f"… {card.elided} bytes are not shown here …", "yellow"))
        console.print(Text(card.payload_tail), soft_wrap=True)
    review = ["[Review and approve…]"] if card.review_needed and card.review else []
    buttons = [*review, *(f"[{button.label}]" for button in card.buttons)]
    console.print(Text(" ".join(buttons) or "no buttons", "green"), soft_wrap=True)
    for why in (card.review_needed, one.refused):
        if why:
            console.print(Text(why, "yellow"), soft_wrap=True)
