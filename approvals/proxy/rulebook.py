"""The rules of gateway.yaml -> `Rules`; every fault with its line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from approvals.marked import FaultAt
from approvals.packs import PACKS, rule_book
from approvals.proxy.rules import Rules

__all__ = ["PACKS", "rulebook"]


def rulebook(values: Mapping[str, Any], fault: FaultAt) -> Rules:
    """The rules that a file says. Where `fault` was called they are not complete: do not use them.

    `values`: the whole file as plain values; other sections than `packs`, `decoders` and `rules`
    are not looked at.
    """
    return Rules(rule_book(values, fault))
