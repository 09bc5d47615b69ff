"""The sections of `channels:` in the configuration, and the adapters that are made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from pydantic import BaseModel

from adapters import CHANNELS, Adapter, Folder, find, installed
from approvals.cards import renderer
from approvals.config import Config
from approvals.marked import Place
from approvals.model import Tier
from approvals.port import Abilities, Channel, Render
from approvals.port.setup import Linking, Section, fields

__all__ = [
    "CHANNELS",
    "SECTIONS",
    "bots",
    "faults",
    "folder",
    "linking",
    "made",
    "samples",
    "stubs",
]


def folder(name: str) -> Folder:
    """The channel of this name: ours, or one that an installed package brings. `KeyError`."""
    found = find(name)
    if found is None:
        raise KeyError(name)
    return found


class _Sections(Mapping[str, type[Section]]):
    """Read only when it is asked for: what a package brings is off unless a configuration names
    it."""

    def __getitem__(self, name: str) -> type[Section]:
        return folder(name).section()

    def __iter__(self) -> Iterator[str]:
        yield from CHANNELS
        yield from installed()

    def __len__(self) -> int:
        return len(CHANNELS) + len(installed())


SECTIONS: Final[Mapping[str, type[Section]]] = _Sections()
"""Every channel that there is an adapter for, with the model of its section."""


def made(sections: Mapping[str, BaseModel], own: Mapping[str, Path]) -> dict[str, Channel]:
    """The adapters of the channels that are on. `own`: templates of the owner's, by channel."""
    return {
        name: _kind(name, section)(render=template(name, own), **fields(section))
        for name, section in sections.items()
    }


def _kind(name: str, section: BaseModel) -> Adapter:
    """The channel's class; with the section's `tier`, where that is less than it proves."""
    adapter = folder(name).adapter()
    tier: Tier | None = getattr(section, "tier", None)
    if tier is None:
        return adapter

    base: Any = adapter
    whole = base.abilities

    def abilities(self: Any) -> Abilities:
        own: Abilities = whole.__get__(self) if isinstance(whole, property) else whole
        return replace(own, tier=max(own.tier, tier))  # "A" < "B" < "C"

    more = {"__slots__": (), "abilities": property(abilities)}
    return cast(Adapter, type(base.__name__, (base,), more))


def faults(config: Config) -> Iterator[tuple[Place, str, str]]:
    """Sections whose `tier` is more than the channel proves."""
    for name, section in config.channels.items():
        tier: Tier | None = getattr(section, "tier", None)
        if tier is None:
            continue
        proves = made({name: section}, {})[name].abilities.tier
        if tier < proves:
            place: Place = ("channels", name, "tier")
            yield place, f"a tap on {name} proves {proves} at most, not {tier}", "leave it out"


def template(channel: str, own: Mapping[str, Path] | None = None) -> Render:
    """What fills this channel's template. `own`: paths of an owner's templates, by channel."""
    if own and channel in own:
        return renderer(own[channel].name, own[channel].read_text())
    return renderer(*folder(channel).template())


def stubs(sections: Mapping[str, BaseModel]) -> frozenset[str]:
    """The channels whose cards show the title only."""
    return frozenset(name for name, section in sections.items() if getattr(section, "stub", False))


def bots(sections: Mapping[str, BaseModel]) -> dict[str, str]:
    """What our bot is called, on the channels whose sections say so (`bot_name`)."""
    named = {name: getattr(section, "bot_name", "") for name, section in sections.items()}
    return {name: bot for name, bot in named.items() if bot}


def linking(channel: str) -> Linking:
    """How a code is sent from an account there."""
    return getattr(SECTIONS[channel], "linking", Linking())


def samples() -> dict[str, BaseModel]:
    """Sections that draw cards and send nothing: `countersign preview`."""
    return {name: folder.sample() for name, folder in CHANNELS.items()}
