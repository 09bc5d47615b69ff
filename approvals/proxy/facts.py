"""Decoders for what data cannot describe, by name. Pure; what is unclear gives no facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from approvals.model import Http
from approvals.proxy.rules import Reading

Read: TypeAlias = Callable[[Http], Reading]

READERS: Final[Mapping[str, tuple[Mapping[str, str], Read]]] = {}
"""Name -> the types of the values that it may give, and how it reads."""
