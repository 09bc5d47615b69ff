"""The sections of `channels:` in the configuration, and the adapters that are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from adapters import CHANNELS
from approvals.app import templates
from approvals.port import Channel
from approvals.port.setup import Linking, Section, fields

__all__ = ["CHANNELS", "SECTIONS", "bots", "linking", "made", "samples", "stubs"]

SECTIONS: Final[Mapping[str, type[Section]]] = {
    name: folder.section() for name, folder in CHANNELS.items()
}
"""Every channel that there is an adapter for, with the model of its section."""


def made(sections: Mapping[str, BaseModel], own: Mapping[str, Path]) -> dict[str, Channel]:
    """The adapters of the channels that are on. `own`: templates of the owner's, by channel."""
    return {
        name: CHANNELS[name].adapter()(render=templates.load(name, own), **fields(section))
        for name, section in sections.items()
    }


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
