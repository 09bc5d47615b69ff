"""Observe mode: what would have been asked or refused is written down, and passes.

What is refused for safety (an address that is not public, a request with two readings, a
placeholder out of place) is refused here too: only rules and their limits are suspended.
"""

from __future__ import annotations

from approvals.packs import PACKS, Verb
from approvals.proxy.rules import Outbound, Rules, rulebook
from approvals.reading import Reading

LOUD = (
    "NOTHING IS HELD: mode is observe. No person is asked and no rule refuses anything. "
    "See `countersign gateway report`; `mode: hold` ends it."
)


def unused(rules: Rules) -> Rules:
    """The packs that are not turned on, as one set of rules."""
    on = {rule.pack for rule in rules.rules}
    names = [name for name in PACKS if name not in on]
    # Some packs know no hosts until they are told, which is a fault of a file and none here.
    return rulebook({"packs": names}, lambda *_: None)


def quieted_by(packs: Rules, seen: Outbound, request: Reading) -> str | None:
    """The pack that would let this pass; None: none would."""
    said = packs.decide(seen, request)
    if said.verb is not Verb.ALLOW or said.rule is None:
        return None
    return said.rule.partition(":")[0]
