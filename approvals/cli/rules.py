"""`countersign rules`: what the gateway's rules do with a request, and likely mistakes in them."""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from approvals.app.exits import Exit, Stop
from approvals.config import Config
from approvals.evidence import split_url
from approvals.marked import Fault, Marked
from approvals.matching import Subject
from approvals.model import WEB, Ask, Kind, Requester
from approvals.packs import Rule, Verb
from approvals.policy import Deny, decide, nobody
from approvals.proxy.lint import Finding, lint, samples
from approvals.proxy.rules import Outbound, Rules, rulebook
from approvals.reading import read as read_request

SECTIONS = ("packs", "decoders", "rules")


@dataclass(frozen=True, slots=True)
class Checked:
    """A rules file. With `faults` the rules must not be used."""

    rules: Rules
    faults: list[Fault]


def read(path: Path) -> Checked:
    """The rules of a gateway's file; its other sections are not looked at. Raises `Stop`."""
    try:
        marked = Marked(path, os.environ, lenient="")
    except OSError as error:
        raise Stop(Exit.CONFIG, f"{path}: {error.strerror}. --config says where it is.") from error
    rules = rulebook(marked.values, marked.fault)
    return Checked(rules, marked.within(*SECTIONS))


def load(path: Path) -> Rules:
    """The same, and `Stop` with every fault."""
    checked = read(path)
    if checked.faults:
        raise Stop(Exit.CONFIG, "\n".join(map(str, checked.faults)))
    return checked.rules


def parsed(text: str) -> Any:
    """The value of a JSON text. `ValueError` in our own words."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: line {error.lineno}, column {error.colno}") from error
    except ValueError as error:
        # https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
        raise ValueError("a number in it has too many digits") from error


def outbound(text: str) -> Outbound:
    """A request as people write it for `rules test`. Raises `Stop`, which shows the form.

    `{"agent", "method", "url", "headers": {name: value or list}, "body": text}`; for bytes
    `body_base64`; a body of `null` is one that was not read yet.
    """
    try:
        given = parsed(text)
        unknown = set(given) - {"agent", "method", "url", "headers", "body", "body_base64"}
        if unknown:
            raise ValueError(f"unknown key {min(unknown)!r}")
        headers = tuple(
            (str(name), str(value))
            for name, values in given.get("headers", {}).items()
            for value in (values if isinstance(values, list) else [values])
        )
        body: bytes | None = b""
        if "body_base64" in given:
            body = base64.b64decode(given["body_base64"], validate=True)
        elif given.get("body", "") is None:
            body = None
        elif "body" in given:
            body = str(given["body"]).encode()
        return Outbound(
            str(given["agent"]), str(given.get("method", "GET")), str(given["url"]), headers, body
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        match error:
            case binascii.Error():
                why = "body_base64 is not base64"
            case TypeError() | AttributeError():
                why = "a value in it is of another kind"
        raise Stop(
            Exit.FAILED,
            f"This is not a request ({why}). It looks like "
            '{"agent": "builder", "method": "GET", "url": "https://…", "headers": {}, "body": ""}.',
        ) from error


def answer(rules: Rules, request: Outbound) -> dict[str, Any]:
    """The decision and how it came about, as plain values."""
    http = request.http()
    meant = read_request(http, dialect=rules.book.dialect(http))
    said = rules.decide(request, meant)
    try:
        tunnel = rules.tunnel(request.agent, split_url(request.url)[1])
    except ValueError:
        tunnel = None
    return {
        "verb": said.verb.value,
        "rule": said.rule,
        "why": said.why,
        "needs_body": said.needs_body,
        "risk": said.risk and said.risk.value,
        "action": said.action,
        "title": said.title,
        "facts": [{"label": fact.label, "value": fact.value} for fact in said.facts],
        "decoded": dict(said.decoded),
        "reading": {
            "kind": meant.body.kind,
            "faithful": meant.faithful,
            "unclear": meant.unclear,
            "undecoded": meant.undecoded,
            "says": [one.says for one in meant.meanings if one.says],
            "opaque": [
                {"name": one.name, "type": one.media_type, "size": one.size, "sha256": one.sha256}
                for one in meant.opaque
            ],
        },
        "websocket": said.websocket,
        "oversize": said.oversize,
        "tunnel": tunnel.id if tunnel is not None else None,
        "tried": [
            {"rule": step.rule.id, "matched": step.matched, "why": step.why}
            for step in rules.explain(request)
        ],
    }


def findings(rules: Rules, service: Config | None) -> list[Finding]:
    """The findings of the rules alone, then those together with the service's configuration."""
    found = lint(rules)
    if service is None:
        return found
    gateways = [one for one in service.requesters.values() if one.kind is Kind.GATEWAY]
    if not gateways:
        why = "the service has no requester of `kind: gateway`, so that facts are an agent's words"
        return [*found, Finding("", "no-gateway", why)]
    for rule in (*rules.rules, Rule("what no rule is about", Verb.ASK)):
        if rule.verb is Verb.ASK:
            whys = [_unanswerable(rule, gateway, service) for gateway in gateways]
            found += [Finding(rule.id, "unanswerable", why) for why in whys if why][:1]
    return found


def _unanswerable(rule: Rule, gateway: Requester, service: Config) -> str | None:
    """Why nobody could approve what this rule asks about; None where somebody can."""
    for sample in samples(rule.when, most=20):
        for sent in _as_sent(sample, rule, gateway):
            said = decide(service.policy, sent, risk=rule.risk)
            if isinstance(said, Deny):
                return f"the service's rule `{said.rule}` refuses what it asks about"
            if why := _unreached(said, gateway.people_of(sent.agent).ids(), service):
                return f"the service's rule `{said.rule}` cannot be answered: {why}"
    return None


def _as_sent(sample: Subject, rule: Rule, gateway: Requester) -> list[Subject]:
    """The sample as sent by each agent of the gateway; by one where all have the same people."""
    agents = (gateway.agents or ())[: None if gateway.agent_people else 1]
    action = rule.action or f"http.{(sample.method or '').lower()}"
    return [
        replace(sample, requester=gateway.name, agent=agent, action=action)
        for agent in (agents if agents and rule.when.agent is None else (sample.agent,))
    ]


def _unreached(ask: Ask, barred: tuple[str, ...], service: Config) -> str | None:
    if why := nobody(ask, service.people, barred):
        return why
    if not ask.via or any(via == WEB or ":" in via for via in ask.via):
        return None
    reached = {*ask.via} & {*service.channels}
    seated = service.directory().approvers(ask, escalated=True)
    able = [one for one in seated if not (ask.four_eyes and one.id in barred)]
    if not any(reached & {*person.accounts} for person in able):
        return f"none of its approvers has an account on {' or '.join(ask.via)}"
    return None
