"""The channels: one module each, found here by name and imported only when it is switched on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final, TypeAlias, cast

from approvals.channel import Channel

Adapter: TypeAlias = Callable[..., Channel]
"""An adapter's class: called with its configuration (its dataclass fields), it is a `Channel`."""


def _later(module: str, name: str) -> Callable[[], Adapter]:
    return lambda: cast(Adapter, getattr(import_module(f"adapters.{module}"), name))


CHANNELS: Final[Mapping[str, Callable[[], Adapter]]] = {
    "discord": _later("discord", "Discord"),
    "email": _later("email", "Email"),
    "slack": _later("slack", "Slack"),
    "telegram": _later("telegram", "Telegram"),
    "teams": _later("teams", "Teams"),
    "whatsapp": _later("whatsapp", "WhatsApp"),
}
"""Name -> what imports its module and returns its class. Importing this table imports no SDK."""
