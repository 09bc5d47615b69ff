"""The channels, a folder each, by name. This table imports nothing of a folder before it is used:
docs/adding-a-channel.md is the tour of a folder.

An installed package may also provide a channel, by an entry point of the group
`countersign.channels`. It is imported only if the configuration names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol, TypeAlias, cast

from approvals.port import Channel, Payload
from approvals.port.setup import Guide, Order, Section, Wishes

Adapter: TypeAlias = Callable[..., Channel]
"""An adapter's class: called with its configuration (its dataclass fields), it is a `Channel`."""


class Steps(Protocol):
    """A folder's `setup.py`."""

    def guide(self, events: str | None, wishes: Wishes) -> Guide:
        """How the channel is set up. `events`: where the platform delivers; None: we open the
        connection. Raises `ValueError` in words where that cannot be."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One channel. `made_by`: the class in its `adapter.py`; `package`: where that is."""

    name: str
    made_by: str
    package: str = ""

    def adapter(self) -> Adapter:
        return cast(Adapter, getattr(self._part("adapter"), self.made_by))

    def section(self) -> type[Section]:
        """The model of its section in the configuration."""
        return cast("type[Section]", self._part("settings").Settings)

    def sample(self) -> Section:
        """A section that draws cards and sends nothing."""
        return cast(Section, self._part("settings").sample())

    def setup(self) -> Steps:
        return cast(Steps, self._part("setup"))

    def order(self, section: Section, events: str | None) -> Order | None:
        """What the platform's API can be told, by `order` of its `setup.py`; None: a person does
        every step. `events`: None while our address is not known."""
        order = getattr(self._part("setup"), "order", None)
        return cast("Order | None", order(section, events)) if order else None

    def page(self, payload: Payload, scripts: Path | None) -> str:
        """A card's payload as a page (HTML) that looks as in the platform's app. `scripts`: a
        folder with `node_modules`, which may contain the platform's own renderer."""
        return cast(str, self._part("preview").page(payload, scripts))

    def template(self) -> tuple[str, str]:
        """The name and the text of its card's template: in `card_templates`, or in its package."""
        for one in files(self.package or "card_templates").iterdir():
            if re.fullmatch(rf"{self.name}\.(json|html)\.j2", one.name):
                return one.name, one.read_text(encoding="utf-8")
        raise FileNotFoundError(f"{self.name} has no template {self.name}.json.j2")

    def _part(self, name: str) -> ModuleType:
        return import_module(f"{self.package or f'{__name__}.{self.name}'}.{name}")


CHANNELS: Final[Mapping[str, Folder]] = {
    one.name: one
    for one in (
        Folder("discord", "Discord"),
        Folder("email", "Email"),
        Folder("github", "GitHub"),
        Folder("google_chat", "GoogleChat"),
        Folder("instagram", "Instagram"),
        Folder("imessage", "IMessage"),
        Folder("linear", "Linear"),
        Folder("mattermost", "Mattermost"),
        Folder("matrix", "Matrix"),
        Folder("messenger", "Messenger"),
        Folder("slack", "Slack"),
        Folder("teams", "Teams"),
        Folder("telegram", "Telegram"),
        Folder("webex", "Webex"),
        Folder("whatsapp", "WhatsApp"),
        Folder("x", "X"),
    )
}
"""Every built-in channel, by its name: one line each."""

GROUP: Final = "countersign.channels"


@cache
def installed() -> Mapping[str, Folder]:
    """The channels of installed packages, by name, without importing them. They can't replace a
    built-in channel."""
    found = dict[str, Folder]()
    for point in entry_points(group=GROUP):
        package, _, made_by = point.value.partition(":")
        if point.name not in CHANNELS and made_by:
            found[point.name] = Folder(point.name, made_by, package)
    return found


def find(name: str) -> Folder | None:
    """The channel of this name, built in or installed."""
    return CHANNELS.get(name) or installed().get(name)
