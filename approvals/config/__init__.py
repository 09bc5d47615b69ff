"""One YAML file and the environment -> frozen values; refuses what is unsafe, with line and cure.

Laws: unknown and repeated keys are faults; no secret has a default; a configuration that cannot be
safe does not start. First the file's shape is checked, then what it means; each time all faults are
reported at once. A channel none of whose secrets is set is off, and `Config.off` says so; one with
only some of them is a fault. Relative paths start at the file's folder.

`schema` has the file's shape, `checks` what it may still say wrong, `values` what it comes to.
The channels' sections are models that the caller hands in, so this room knows no adapter. Of
pydantic only they leave this room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from approvals.config.checks import MIN_KEY, PREFIX, Checks
from approvals.config.schema import SHAPES, File, duration, listen
from approvals.config.values import Config, Gateway, Hook, Listen, Sections, Unsafe
from approvals.marked import Fault, Marked, Place, explain, nearest

__all__ = (
    "MIN_KEY", "PREFIX", "Config", "Gateway", "Hook", "Listen", "Sections", "Unsafe",
    "duration", "faults", "listen", "load",
)  # fmt: skip

Also: TypeAlias = Callable[[Config], Iterable[tuple[Place, str, str]]]
"""Further checks of a valid file: for each fault its place in the file, what, and how to fix it."""


def load(path: Path, env: Mapping[str, str], *, sections: Sections) -> Config:
    """Read the file. Raises `Unsafe` with every fault, `OSError` where it cannot be read."""
    config, found = _read(path, env, sections)
    if config is None:
        raise Unsafe(found)
    return config


def faults(
    path: Path, env: Mapping[str, str], *, sections: Sections, also: Also | None = None
) -> list[Fault]:
    """What `load` would refuse, in the order of the file; empty if nothing. `also`: checks that
    follow if there is none of that."""
    return _read(path, env, sections, also)[1]


def _read(
    path: Path, env: Mapping[str, str], sections: Sections, also: Also | None = None
) -> tuple[Config | None, list[Fault]]:
    marked = Marked(path, env, lenient="channels")
    if marked.faults and not marked.values:
        return None, marked.faults
    file = None
    try:
        file = File.model_validate(marked.values)
    except ValidationError as error:
        explain(error, File, (), marked.fault, marked.unset, SHAPES)
    channels, off = _channels(marked, sections)
    if file is None or marked.faults:
        return None, marked.faults
    config = Checks(marked, file, sections).config(channels, off)
    if also and not marked.faults:
        for place, message, hint in also(config):
            marked.fault(place, message, hint)
    return (None if marked.faults else config), marked.faults


def _channels(marked: Marked, sections: Sections) -> tuple[dict[str, BaseModel], dict[str, str]]:
    """The sections of the channels that are on, and why the others are off."""
    found: dict[str, BaseModel] = {}
    off: dict[str, str] = {}
    given = marked.values.get("channels")
    for name, section in given.items() if isinstance(given, dict) else ():
        place: Place = ("channels", name)
        model, settings = sections.get(name), section or {}
        if model is None:
            marked.fault(place, f"there is no channel `{name}`", nearest(name, sections))
        elif isinstance(settings, dict):
            names = {info.alias or key for key, info in model.model_fields.items()}
            for key in (key for key in settings if key not in names):
                marked.fault((*place, key), f"unknown key `{key}`", nearest(key, names))
            secrets = [key for key, info in model.model_fields.items() if _is_secret(info)]
            unset = any((*place, key) in marked.unset for key in secrets)
            some = any(key in settings for key in secrets)
            if secrets and not some and (unset or not getattr(model, "secretless", False)):
                missing = ", ".join(
                    f"{key} ({marked.unset[(*place, key)]})"
                    if (*place, key) in marked.unset
                    else key
                    for key in secrets
                )
                off[name] = f"{name} is off: none of its secrets is set: {missing}"
                continue
            try:
                found[name] = model.model_validate(settings)
            except ValidationError as error:
                explain(error, model, place, marked.fault, marked.unset)
    return found, off


def _is_secret(info: Any) -> bool:
    return info.annotation is SecretStr or SecretStr in get_args(info.annotation)
