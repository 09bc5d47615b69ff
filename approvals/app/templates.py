"""Reads the card templates: the packaged ones, or an owner's own by path."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from approvals.cards import renderer
from approvals.port import Render


def load(channel: str, own: Mapping[str, Path] | None = None) -> Render:
    """What fills this channel's template. `own`: paths of an owner's templates, by channel."""
    if own and channel in own:
        path = own[channel]
        return renderer(path.name, path.read_text())
    folder = files("card_templates")
    name = next(f.name for f in folder.iterdir() if f.name.split(".")[0] == channel)
    return renderer(name, (folder / name).read_text())
