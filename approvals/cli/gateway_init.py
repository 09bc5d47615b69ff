"""`countersign gateway init`: a policy for a first hour without noise, every line in the file.

It writes `gateway.yaml`, and beside it a key for the service and a password for the first agent,
which only their owner may read. What is there already is used, and never written over unasked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from approvals.app import keys
from approvals.app.exits import Exit, Stop
from approvals.app.host import random
from approvals.config import PREFIX
from approvals.matching import When, faults
from approvals.packs import Verb, rule_book
from approvals.packs.rule_file import PACKS
from approvals.proxy.credentials import NAME
from approvals.proxy.settings import Mode

MODELS: Final = "model-providers"
REGISTRIES: Final = "registries"
HOSTED: Final = frozenset({"kubernetes", "mcp", REGISTRIES})
"""Packs that know no hosts until they are told."""
KEY: Final = "gateway.key"
ENVIRONMENT: Final = "gateway.env"


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers. `pin`: thumbprint of the service's receipt key; `packs`: names; `registries`,
    `reads`: hosts."""

    url: str
    pin: str
    requester: str = "gateway"
    listen: str = "127.0.0.1:8081"
    agent: str = "agent"
    mode: Mode = Mode.HOLD
    models: bool = True
    packs: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


@dataclass(slots=True)
class Made:
    """The files that are new, and those that were there and are used."""

    created: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)


def url(text: str) -> str:
    """Why this is not the address of a service; "" where it is. The other checks work the same."""
    good = re.fullmatch(r"https?://[^/?#@\s]+", text)
    return "" if good else "A service is written like https://approve.example.com, without a path."


def pin(text: str) -> tuple[str, str]:
    """(thumbprint, why there is none) of a key folder or a thumbprint."""
    if re.fullmatch(r"[A-Za-z0-9_-]{43}", text) and not Path(text).exists():
        return text, ""
    try:
        return keys.load(Path(text)).receipt.thumbprint, ""
    except keys.KeyFault as error:
        return "", str(error)


def name(text: str) -> str:
    good = re.fullmatch(NAME, text)
    return "" if good else "A name has letters, digits, dots and dashes, at most 64."


def packs(text: str) -> str:
    for one in listed(text):
        if one in HOSTED:
            return f"The pack {one} needs your hosts: add it to the file, see docs/packs.md."
        if one not in PACKS:
            return f"There is no pack {one!r}. There are: {', '.join(offered())}."
    return ""


def hosts(text: str) -> str:
    for one in listed(text):
        if faults(When(host=(one,))):
            return f"{one!r} is not a host: api.example.com, or *.example.com."
    return ""


def listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(it for it in re.split(r"[,\s]+", text) if it))


def offered() -> list[str]:
    """The packs that need nothing to be said, but the one with its own question."""
    return [it for it in PACKS if it not in HOSTED and it != MODELS]


def write(config: Path, answers: Answers) -> Made:
    """Write every file, the configuration last. Raises `Stop` where one cannot be written."""
    made, folder = Made(), config.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        keys.ignore(folder, made.created)
        files = {
            folder / KEY: f"{PREFIX}{keys.token(32, random)}\n",
            folder / ENVIRONMENT: _environment(folder, keys.token(24, random)),
            config: text(answers),
        }
        for path, content in files.items():
            keys.put(path, content, made.created, made.kept)
    except OSError as error:
        raise Stop(Exit.FAILED, f"{error.filename}: {error.strerror}.") from error
    return made


def _environment(folder: Path, password: str) -> str:
    key = (folder / KEY).absolute()
    return (
        "# What gateway.yaml needs: `. ./gateway.env`. Never in a commit.\n"
        f"export COUNTERSIGN_KEY=\"$(cat '{key}')\"   # this gateway's key at the service\n"
        f"export AGENT_PASSWORD='{password}'   # of the first agent, for its proxy\n"
    )


def text(answers: Answers) -> str:
    """gateway.yaml, each line with what it is for."""
    packs = ([MODELS] if answers.models else []) + [it for it in answers.packs if it != MODELS]
    why = {MODELS: "the agent's calls to its own model pass"}
    of_packs = [(f"  - {it}", why.get(it, "its reads pass, the rest is asked")) for it in packs]
    if answers.registries:
        registries = f"  - {REGISTRIES}: {json.dumps(answers.registries)}"
        of_packs.append((registries, "packages are fetched from these; publishing is asked"))
    of_rules = [_destructive(packs)]
    if answers.reads:
        when = f"{{host: {json.dumps(answers.reads)}, method: [GET, HEAD]}}"
        of_rules.append((f"  - {{name: reads, when: {when}, then: allow}}", "reads that you named"))
    observing = answers.mode is Mode.OBSERVE
    now = "now nobody is asked: only written down" if observing else "people are asked"
    lines: list[tuple[str, str]] = [
        ("# Our gateway. `countersign gateway check` explains every fault of this file.", ""),
        (f"mode: {answers.mode}", f"{now}; `observe` or `hold`"),
        (f"listen: {_scalar(answers.listen)}", "where agents reach it"),
        ("folder: gateway", "its CA, secrets, held requests and record; only this user reads it"),
        ("service:", "whom it asks"),
        (f"  url: {_scalar(answers.url)}", "where people are asked"),
        ('  key: "${COUNTERSIGN_KEY}"', "of a requester of `kind: gateway` there; gateway.env"),
        (f"  requester: {_scalar(answers.requester)}", "what we are called there"),
        (f"  issuer: {_scalar(answers.url)}", "who signs receipts: the service's public address"),
        (f"  receipt_key: {_scalar(answers.pin)}", "nothing is sent without a receipt by this key"),
        ("agents:", "who may send, each with a password of its own"),
        (f'  {_scalar(answers.agent)}: {{password: "${{AGENT_PASSWORD}}"}}', "gateway.env"),
        ("upstream:", "where requests go"),
        ("  private: []", "addresses that are not public and may be reached, like 10.1.0.0/16"),
        ("packs:" if of_packs else "packs: []", "what is known of APIs: docs/packs.md"),
        *of_packs,
        ("rules:", "yours come before those of packs; the first that matches decides"),
        *of_rules,
        ("# What no rule is about is asked.", ""),
    ]
    width = max(len(line) for line, said in lines if said and len(line) <= 60)
    return "".join(f"{line:<{width}}  # {said}\n" if said else f"{line}\n" for line, said in lines)


def _destructive(packs: Sequence[str]) -> tuple[str, str]:
    """DELETE at high risk, but where a pack says more than that: it refuses some."""
    book = rule_book({"packs": [it for it in packs if it not in HOSTED]}, lambda *_: None)
    stricter = {
        host
        for rule in book.rules
        if rule.verb is Verb.DENY and (rule.when.method is None or "DELETE" in rule.when.method)
        for host in rule.when.host or ()
    }
    but = " && ".join(_other_than(host) for host in sorted(stricter))
    condition = f", if: {json.dumps(but)}" if but else ""
    rule = f"  - {{name: destructive, when: {{method: DELETE}}{condition}, then: ask, risk: high}}"
    return rule, "what cannot be undone"


def _other_than(host: str) -> str:
    if host.startswith("*."):
        return f"!http.host.endsWith('{host[1:]}')"
    return f"http.host != '{host}'"


def _scalar(value: str) -> str:
    """Plain where YAML reads it as this text, else quoted."""
    try:
        plain = yaml.safe_load(value) == value and not re.search(
            r"[\[\]{},#]|: |^[-?&*!|>@%]", value
        )
    except yaml.YAMLError:
        plain = False
    return value if plain else json.dumps(value)
