"""What the configuration comes to: frozen values; of pydantic only the channels' sections."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel

from approvals.marked import Fault
from approvals.model import Person, Requester
from approvals.packs import RuleBook
from approvals.people import Directory, Link
from approvals.policy import Policy
from approvals.port.network import is_loopback
from approvals.retention import Retention

Sections: TypeAlias = Mapping[str, type[BaseModel]]
"""Each channel that exists, with the model of its section (its secrets are `SecretStr` fields)."""


class Unsafe(ValueError):
    """The configuration cannot be used; `faults` says everything that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server listens; port 0 lets the system choose."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Hook:
    """A requester's webhook, and the keys that sign its events, the newest first."""

    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One workspace of a OneCLI; `workspace` None: the key's own.

    `name` is the gateway's; its requests belong to `requester`, which has no key of its own.
    """

    name: str
    requester: Requester
    url: str
    key: str = field(repr=False)
    workspace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the file says, checked.

    `public_url` has no slash at its end. `key_hashes`: SHA-256 of each requester's key -> their
    name. `webhooks`: by the requester's name. `channels`: the sections of those that are on; `off`:
    those that are not, and why. `more_accounts`: second and further accounts of one person on one
    channel. `sign_in_link`: people may ask for a sign-in link, where a channel can carry one.
    `authzen`: requests may come in its dialect too. `retention`: how long what was asked is kept.
    `hints`: what is no fault and could be better, and what to do about it after a ". ".
    """

    path: Path
    listen: Listen
    public_url: str | None
    database_url: str = field(repr=False)
    keys_dir: Path
    metrics: Listen | None
    requesters: Mapping[str, Requester]
    key_hashes: Mapping[bytes, str] = field(repr=False)
    webhooks: Mapping[str, Hook]
    gateways: tuple[Gateway, ...]
    channels: Mapping[str, BaseModel]
    off: Mapping[str, str]
    templates: Mapping[str, Path]
    people: tuple[Person, ...]
    more_accounts: tuple[Link, ...]
    policy: Policy
    book: RuleBook
    sign_in_link: bool
    authzen: bool
    retention: Retention
    hints: tuple[str, ...]

    def directory(self, links: Iterable[Link] = ()) -> Directory:
        """The people with the accounts of the file and those linked since (see `Directory`)."""
        return Directory(self.people, self.policy.groups, (*self.more_accounts, *links))


def hash_of(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
