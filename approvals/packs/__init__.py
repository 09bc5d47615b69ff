"""Packs: what is known of one API, as data (`*.yaml`): its rules, values, titles, facts and risk.

The gateway and the service read the same files. Adding one costs no code: docs/packs.md.
"""

from approvals.packs.model import Rule, RuleBook, Verb
from approvals.packs.rule_file import PACKS, rule_book

__all__ = ["PACKS", "Rule", "RuleBook", "Verb", "rule_book"]
