"""`countersign channels`: every channel in a table, what it can do, and the state of those that are
on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from approvals.app import channels, serve
from approvals.app.exits import Stop
from approvals.app.host import clock
from approvals.config import Config
from approvals.evidence import rfc3339
from approvals.model import SECOND, Busy, Duration, Instant, Tier
from approvals.port import Channel
from approvals.port.setup import Section
from approvals.proposal import made_at, ulid
from approvals.store import Store
from approvals.text import clean

WEB: Final = "web"
RECENT: Final[Duration] = 90 * 24 * 3600 * SECOND
"""How far back a newest card is looked for."""
CAN: Final[Mapping[str, str]] = {
    "edit": "edits its card",
    "private_notice": "answers in private",
    "reason_prompt": "asks for a reason",
    "ready_prompt": "offers ready reasons",
    "open_by_email": "finds people by mailbox",
    "echo": "shows what it altered",
    "links": "buttons are links",
}
"""What each ability is called, in the order of the table."""


@dataclass(frozen=True, slots=True)
class Row:
    """One channel. `mode`: how deliveries come, if it is on; `outbound`: the mode that needs no
    public URL, if there is one. `card`: when the newest card was posted; `error`: the newest
    message that was given up, or since when the platform is down."""

    name: str
    title: str
    on: bool
    tier: Tier
    can: tuple[str, ...]
    outbound: str
    off: str = ""
    mode: str = ""
    card: Instant | None = None
    error: str = ""

    def as_json(self) -> dict[str, object]:
        card = None if self.card is None else rfc3339(self.card)
        said = {"channel": self.name, "on": self.on, "off": self.off or None, "mode": self.mode}
        could = {"tier": self.tier.value, "can": list(self.can), "outbound_mode": self.outbound}
        return {**said, **could, "last_card": card, "last_error": self.error or None}


async def listed(path: Path) -> tuple[list[Row], str]:
    """The inbox and every channel, by name; and why the last cards and errors are not known, ""
    where they are."""
    config = serve.configuration(path)
    try:
        async with serve.base(config, migrate=False) as on:
            cards, errors = await _known(on.store, [*config.channels])
    except (Stop, Busy) as error:
        return rows(config), str(error)
    return rows(config, cards=cards, errors=errors), ""


def rows(
    config: Config | None,
    *,
    cards: Mapping[str, Instant] | None = None,
    errors: Mapping[str, str] | None = None,
) -> list[Row]:
    """The table. `cards`, `errors`: what is known of the channels that are on."""
    held: Mapping[str, Any] = {} if config is None else config.channels
    off: Mapping[str, str] = {} if config is None else config.off
    sections = {**channels.samples(), **held}
    return [
        Row(WEB, "Web inbox", True, Tier.A, ("shows all of a request",), "", mode="always on"),
        *(
            replace(
                _row(name, one, sections[name], on=name in held),
                off=off.get(name, ""),
                card=(cards or {}).get(name),
                error=(errors or {}).get(name, ""),
            )
            for name, one in sorted(channels.made(sections, {}).items())
        ),
    ]


def _row(name: str, channel: Channel, section: Any, *, on: bool) -> Row:
    """The row of a channel, without what the store knows of it."""
    kind: type[Section] = type(section)
    abilities = channel.abilities
    return Row(
        name,
        kind.title or name.replace("_", " ").title(),
        on,
        abilities.tier,
        tuple(words for ability, words in CAN.items() if getattr(abilities, ability)),
        kind.outbound,
        mode=getattr(section, "mode", "webhook") if on else "",
    )


async def _known(store: Store, names: Sequence[str]) -> tuple[dict[str, Instant], dict[str, str]]:
    """Each channel's last card and last error."""
    oldest = "crd_" + ulid(clock() - RECENT, bytes(10))
    cards = {name: made_at(id) for name, id in (await store.newest_cards(oldest)).items()}
    errors = dict[str, str]()
    for one in await store.parked(10_000):
        if one.job.target in names:
            errors.setdefault(one.job.target, f"given up {rfc3339(one.at)}: {clean(one.error)}")
    for name in names:
        if since := await store.meta(f"outage {name}"):
            errors[name] = f"down since {rfc3339(int(since))}"
    return cards, errors


def table(found: Sequence[Row]) -> Table:
    """Rows for a person."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("channel", "on", "tier", "can", "without an address", "last card", "last error"):
        made.add_column(name, overflow="fold")
    for one in found:
        on = Text(one.mode, "green") if one.on else Text("off" if one.off else "·", "dim")
        card = "" if one.card is None else rfc3339(one.card)[:16].replace("T", " ")
        error = Text(one.error or one.off, "red" if one.error else "dim")
        can = ", ".join(one.can)
        made.add_row(Text(one.title), on, str(one.tier), can, one.outbound, card, error)
    return made
