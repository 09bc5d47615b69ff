"""Faults in the meaning of a file of the right shape; and its configuration, if there is none."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel

from approvals import decoders, matching, rule_schema
from approvals.cards import renderer
from approvals.config.schema import ABOUT, AskingSection, AskSection, File
from approvals.config.values import Config, Gateway, Hook, Listen, Sections, hash_of
from approvals.marked import Marked, Place, nearest
from approvals.model import (
    MINUTE,
    SECOND,
    WEB,
    Ask,
    Duration,
    Escalation,
    Kind,
    Person,
    Requester,
    Risk,
)
from approvals.packs import RuleBook, rule_book
from approvals.people import EMAIL, Link
from approvals.policy import DEFAULT, Policy, Rule, Subject, When, effective, nobody
from approvals.port.network import is_loopback
from approvals.retention import Retention

ORG_KEY: Final = "oc_org_"
"""Begins a key of OneCLI that is good for every workspace of an organisation."""
MIN_KEY: Final = 24
"""Characters of a requester's key at least: 24 of base64 are 144 bits."""
PREFIX: Final = "csr_"
"""Begins a requester's key, so that scanners for leaked secrets can know it."""
NEW_KEY: Final = f"""python3 -c 'import secrets; print("{PREFIX}" + secrets.token_urlsafe(32))'"""
HOOK_PREFIX: Final = "whsec_"
HOOK_BYTES: Final = range(24, 65)
"""Bytes of a webhook's secret, by the Standard Webhooks specification (192 to 512 bits)."""
NEW_HOOK: Final = (
    "python3 -c 'import base64, secrets; "
    f"""print("{HOOK_PREFIX}" + base64.b64encode(secrets.token_bytes(32)).decode())'"""
)
MAX_RELEASE: Final[Duration] = 60 * MINUTE
_OTHER_VERBS: Final = {
    "allow": "`allow` stands in a gateway's own file",
    "ask": "say whom: `ask: {quorum: {default: 1}}`",
}
MIN_EXPIRES: Final[Duration] = 10 * SECOND
MAX_EXPIRES: Final[Duration] = 7 * 24 * 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Checks:
    """One file of the right shape. Each method adds faults to `marked`."""

    marked: Marked
    file: File
    sections: Sections

    def config(self, channels: Mapping[str, BaseModel], off: Mapping[str, str]) -> Config:
        file, folder = self.file, self.marked.path.parent
        public_url = self.public_url()
        if public_url is None:
            for name, section in channels.items():
                if why := getattr(section, "needs_public_url", str)():
                    hint = "set server.public_url to the address at which people reach this"
                    self.marked.fault(("channels", name), why, hint)
        groups = self.groups()
        people, more = self.people(groups)
        packs = rule_book({"packs": file.packs}, self.marked.fault)
        known = self.decoded_types(packs)
        requesters, gateways = self.requesters(), self.gateways()
        asking = (*requesters.values(), *(one.requester for one in gateways))
        rules = self.rules(groups, known, people, asking)
        found = rule_schema.decoders_of(file.decoders, self.marked.fault)
        also = [dataclasses.asdict(one) for one in found], dict(known), list(file.packs)
        policy = Policy.of(rules, groups, also)
        return Config(
            path=self.marked.path,
            listen=file.server.listen,
            public_url=public_url,
            database_url=self.database_url(),
            keys_dir=folder / file.keys.dir,
            metrics=self.metrics(),
            requesters=requesters,
            key_hashes=self.key_hashes(),
            webhooks=self.webhooks(),
            gateways=gateways,
            channels=channels,
            off=off,
            templates=self.templates(),
            people=people,
            more_accounts=more,
            policy=policy,
            book=dataclasses.replace(packs, decoders=(*found, *packs.decoders)),
            sign_in_link=file.sign_in.link,
            authzen=file.server.authzen,
            retention=self.retention(),
            hints=(
                *(
                    f"the key of the requester {name} does not begin with {PREFIX}: scanners for "
                    "leaked secrets would not know it"
                    for name, one in file.requesters.items()
                    if not one.key.get_secret_value().startswith(PREFIX)
                ),
                *(
                    f"the key of the gateway {one.name} travels in clear text: only over a network "
                    "that no agent can listen to"
                    for one in file.gateways
                    if one.url.startswith("http://") and not is_loopback(_address(one.url)[0] or "")
                ),
                *(
                    f"{name}: {why}"
                    for name, one in channels.items()
                    if public_url is None and (why := getattr(one, "wants_public_url", str)())
                ),
                *(
                    f"{name}: its links lead to this machine only. Set server.public_url to the "
                    "address at which people reach this"
                    for name, one in channels.items()
                    if public_url is not None
                    and is_loopback(_address(public_url)[0] or "")
                    and getattr(one, "needs_public_url", str)()
                ),
                *four_eyes_hints(rules, policy.default_ask, people, asking),
            ),
        )

    def metrics(self) -> Listen | None:
        found, server = self.file.metrics, self.file.server.listen
        if found is not None and found.listen == server and server.port:
            self.marked.fault(
                ("metrics", "listen"),
                "the pages are served there already",
                "choose another port; or leave `metrics` out, for /metrics on this one from "
                "this machine only",
            )
        return found.listen if found is not None else None

    def retention(self) -> Retention:
        content, cases = self.file.retention.content, self.file.retention.cases
        for name, span in (("content", content), ("cases", cases)):
            if span is not None and span <= MAX_EXPIRES:
                self.marked.fault(
                    ("retention", name),
                    "a request may wait for 7 days, and is not erased meanwhile",
                    "use 8d or more",
                )
        if content is not None and cases is not None and cases < content:
            self.marked.fault(
                ("retention", "cases"),
                "a request would be deleted before its content is erased",
                "let `cases` be at least as long as `content`",
            )
        return Retention(content=cases if content is None else content, cases=cases)

    def somebody(self, place: Place, person: str | None) -> None:
        if person is not None and person not in self.file.people:
            self.marked.fault(
                place, f"there is nobody called `{person}`", nearest(person, self.file.people)
            )

    def public_url(self) -> str | None:
        server, place = self.file.server, ("server", "public_url")
        secure = False
        if server.public_url is not None:
            host, scheme = _address(server.public_url, site=True)
            secure = scheme == "https"
            if host is None:
                self.marked.fault(
                    place, "this is not the address of a site", "like https://approve.example.com"
                )
            elif not secure and not is_loopback(host):
                self.marked.fault(
                    place,
                    "people would sign in and decide in clear text",
                    "use https; http is for loopback only",
                )
        if not server.listen.loopback and not secure:
            self.marked.fault(
                ("server", "listen"),
                "it can be reached from other machines, and there is no https public_url",
                "listen on 127.0.0.1, or put TLS in front and set public_url",
            )
        return server.public_url and server.public_url.rstrip("/")

    def database_url(self) -> str:
        url = self.file.database.url.get_secret_value()
        scheme, _, rest = url.partition("://")
        if scheme not in ("sqlite", "postgresql"):
            self.marked.fault(
                ("database", "url"),
                "this is not a database that Countersign knows",
                "sqlite:///file.db or postgresql://user@host/database",
            )
        file = rest.removeprefix("/")
        if scheme == "sqlite" and file and not file.startswith((":", "/")):
            return f"sqlite:///{(self.marked.path.parent / file).absolute()}"
        return url

    def requesters(self) -> dict[str, Requester]:
        for name, one in self.file.requesters.items():
            place = ("requesters", name)
            if len(one.key.get_secret_value()) < MIN_KEY:
                self.marked.fault(
                    (*place, "key"),
                    f"a requester's key has at least {MIN_KEY} characters",
                    f"make one with `{NEW_KEY}`",
                )
            self.agents(place, one)
        return {
            name: one.requester(name, one.kind, self.file.limits)
            for name, one in self.file.requesters.items()
        }

    def agents(self, place: Place, one: AskingSection) -> None:
        if one.agents is not None and not one.agents:
            self.marked.fault((*place, "agents"), "it lists nobody", "leave it out for any id")
        self.somebody((*place, "on_behalf_of"), one.on_behalf_of)
        self.somebody((*place, "owner"), one.owner)
        for id, people in (one.agents or {}).items():
            self.somebody((*place, "agents", id, "on_behalf_of"), people.on_behalf_of)
            self.somebody((*place, "agents", id, "owner"), people.owner)

    def key_hashes(self) -> dict[bytes, str]:
        hashes: dict[bytes, str] = {}
        for name, one in self.file.requesters.items():
            first = hashes.setdefault(hash_of(one.key.get_secret_value()), name)
            if first != name:
                self.marked.fault(
                    ("requesters", name, "key"), f"`{first}` has the same key", "make another one"
                )
        return hashes

    def webhooks(self) -> dict[str, Hook]:
        found = {}
        for name, one in self.file.requesters.items():
            if one.webhook is None:
                continue
            place: Place = ("requesters", name, "webhook")
            url = one.webhook.url.get_secret_value()
            host, scheme = _address(url)
            if host is None:
                self.marked.fault(
                    (*place, "url"),
                    "this is not the address of an endpoint, without user name and fragment",
                    "like https://billing.example.com/hooks",
                )
            elif scheme != "https" and not is_loopback(host):
                self.marked.fault(
                    (*place, "url"),
                    "verdicts would be sent in clear text",
                    "use https; http is for loopback only",
                )
            keys = [_hook_key(secret.get_secret_value()) for secret in one.webhook.secret]
            if None in keys:
                shape = f"base64 of {HOOK_BYTES[0]} to {HOOK_BYTES[-1]} bytes"
                self.marked.fault(
                    (*place, "secret"),
                    f"it is `{HOOK_PREFIX}` and {shape}",
                    f"make one with `{NEW_HOOK}`",
                )
            elif len(set(keys)) < len(keys):
                self.marked.fault((*place, "secret"), "it is the same twice", "remove one")
            found[name] = Hook(url, tuple(filter(None, keys)))
        return found

    def gateways(self) -> tuple[Gateway, ...]:
        found: list[Gateway] = []
        for at, one in enumerate(self.file.gateways):
            place, key = ("gateways", at), one.key.get_secret_value()
            url = one.url.rstrip("/")
            if _address(one.url, site=True)[0] is None:
                self.marked.fault(
                    (*place, "url"),
                    "this is not the address of a OneCLI gateway",
                    "like http://127.0.0.1:10255",
                )
            if not re.fullmatch(r"oc_[!-~]+", key):
                self.marked.fault(
                    (*place, "key"),
                    "this is not a key of OneCLI",
                    "it begins with oc_; an organisation's with oc_org_",
                )
            if one.workspaces is not None and not one.workspaces:
                self.marked.fault((*place, "workspaces"), "it lists none", "leave it out")
            if len(one.workspaces or ()) > 1 and not key.startswith(ORG_KEY):
                self.marked.fault(
                    (*place, "workspaces"),
                    "a workspace's key is good for one workspace",
                    "list the others with keys of their own, or use an organisation's (oc_org_…)",
                )
            if key.startswith(ORG_KEY) and not one.workspaces:
                self.marked.fault(
                    (*place, "workspaces"),
                    "an organisation's key does not say which workspace is meant",
                    "list them: `workspaces: [ws_…]`",
                )
            self.agents(place, one)
            for workspace, name in one.named():
                if name in self.file.requesters or name in (g.requester.name for g in found):
                    self.marked.fault(
                        (*place, "name"),
                        f"there is a requester or gateway `{name}` already",
                        "its requests could not be told apart; rename one",
                    )
                if any(
                    (g.url, g.key) == (url, key)
                    and (g.workspace == workspace or None in (g.workspace, workspace))
                    for g in found
                ):
                    self.marked.fault(
                        place,
                        "the same is listed before: everything would be asked twice",
                        "remove one",
                    )
                by = one.requester(name, Kind.GATEWAY, self.file.limits)
                found.append(
                    Gateway(name=one.name, requester=by, url=url, key=key, workspace=workspace)
                )
        return tuple(found)

    def templates(self) -> dict[str, Path]:
        found = {}
        for channel, path in self.file.templates.items():
            found[channel] = self.marked.path.parent / path
            place = ("templates", channel)
            if channel not in self.sections:
                hint = nearest(channel, self.sections)
                self.marked.fault(place, f"there is no channel `{channel}`", hint)
            elif not found[channel].is_file():
                self.marked.fault(place, "there is no such file", "paths start at this file's")
            else:
                try:
                    renderer(found[channel].name, found[channel].read_text("utf-8"))
                except OSError as error:
                    self.marked.fault(place, f"the template cannot be read: {error.strerror}")
                except UnicodeDecodeError:
                    self.marked.fault(place, "the template is not text", "save it as UTF-8")
                except ValueError as error:
                    self.marked.fault(place, f"the template cannot be used: {error}")
        return found

    def groups(self) -> dict[str, frozenset[str]]:
        if DEFAULT not in self.file.groups:
            self.marked.fault(
                ("groups",),
                "there is no group `default`: nobody could decide what no rule is about",
                "add `default: [<somebody>]`",
            )
        for name, members in self.file.groups.items():
            if not members:
                self.marked.fault(("groups", name), f"the group `{name}` is empty", "add somebody")
            for at, person in enumerate(members):
                self.somebody(("groups", name, at), person)
        for role in ("auditor", "operator"):
            for at, person in enumerate(getattr(self.file.roles, role)):
                self.somebody(("roles", role, at), person)
        return {name: frozenset(members) for name, members in self.file.groups.items()}

    def people(
        self, groups: Mapping[str, frozenset[str]]
    ) -> tuple[tuple[Person, ...], tuple[Link, ...]]:
        channels, owners = self.sections.keys() | {EMAIL}, dict[tuple[str, str], str]()
        people, more = [], []
        for id, given in self.file.people.items():
            about = {key: given[key] for key in ABOUT if key in given}
            accounts = {key: ids for key, ids in given.items() if key not in ABOUT}
            for word, values in about.items():
                right, why, hint = ABOUT[word]
                if len(values) != 1 or not right(values[0]):
                    self.marked.fault(("people", id, word), why, hint)
            for channel, ids in accounts.items():
                place = ("people", id, channel)
                if channel not in channels:
                    hint = nearest(channel, {*channels, *ABOUT})
                    self.marked.fault(place, f"there is no channel `{channel}`", hint)
                for account in ids:
                    key = channel, account.casefold() if channel == EMAIL else account
                    if (first := owners.setdefault(key, id)) != id:
                        self.marked.fault(
                            place,
                            f"`{first}` has the same {channel} account",
                            "an account belongs to one person",
                        )
                    shape = getattr(self.sections.get(channel), "account", None)
                    if shape is not None and not re.fullmatch(shape.pattern, account):
                        hint = f"{shape.hint}; or leave it out: countersign link {id} {channel}"
                        self.marked.fault(place, f"this is not {shape.name}", hint)
                    if channel == EMAIL and not re.fullmatch(r"[^@\s]+@[^@\s]+", account):
                        self.marked.fault(place, "this is not an e-mail address")
                more += [Link(channel, account, id) for account in ids[1:]]
            people.append(
                Person(
                    id=id,
                    email=accounts[EMAIL][0] if EMAIL in accounts else None,
                    accounts={channel: ids[0] for channel, ids in accounts.items()},
                    groups=frozenset(name for name, who in groups.items() if id in who),
                    roles=frozenset(
                        role
                        for role in ("auditor", "operator")
                        if id in getattr(self.file.roles, role)
                    ),
                    **{word: values[0] for word, values in about.items()},
                )
            )
        return tuple(people), tuple(more)

    def decoded_types(self, packs: RuleBook) -> Mapping[str, str]:
        known = decoders.types(packs.decoders)
        for name, kind in self.file.decoded.items():
            if known.setdefault(name, kind) != kind:
                self.marked.fault(
                    ("decoded", name), f"a built-in decoder says {known[name]}", "rename it"
                )
        rule_schema.add_types(known, self.file.decoders, self.marked.fault)
        return known

    def rules(
        self,
        groups: Mapping[str, frozenset[str]],
        known: Mapping[str, str],
        people: tuple[Person, ...],
        asking: tuple[Requester, ...],
    ) -> list[Rule]:
        found: list[Rule] = []
        read = rule_schema.checked(self.file.rules, known, self.marked.fault, taken=(DEFAULT,))
        for place, rule, condition in read:
            name = f"the rule `{rule.name}`"
            if found and found[-1].when == When() and found[-1].condition is None:
                self.marked.fault(
                    place,
                    f"{name} never applies: `{found[-1].name}` before it matches everything",
                    "move it up",
                )
            if rule.then is not None and rule.then != "deny":
                hint = _OTHER_VERBS.get(rule.then, "")
                self.marked.fault((*place, "then"), f"{name}: `then` can only be `deny`", hint)
            if (rule.ask is None) == (rule.then is None):
                self.marked.fault(place, f"{name} needs either `ask` or `then: deny`")
            ask = None if rule.ask is None else _frozen(rule.name, rule.ask)
            four_eyes = None if rule.ask is None else rule.ask.four_eyes
            found.append(Rule(rule.name, rule.when.frozen(), condition, ask, four_eyes, rule.words))
            if rule.ask is not None and self.ask((*place, "ask"), rule.ask, groups):
                self.reachable((*place, "ask", "quorum"), found[-1], groups, people, asking)
        return found

    def ask(self, place: Place, ask: AskSection, groups: Mapping[str, frozenset[str]]) -> bool:
        """Are all groups of the quorum there?"""
        for entry, via in enumerate(ask.via):
            self.via((*place, "via", entry), via)
            if via in ask.via[:entry]:
                hint = "each way is tried once, in this order"
                self.marked.fault((*place, "via", entry), f"`{via}` stands there twice", hint)
        if not MIN_EXPIRES <= ask.expires <= MAX_EXPIRES:
            self.marked.fault((*place, "expires"), "a request waits 10s at least and 7d at most")
        if ask.release_within > MAX_RELEASE:
            self.marked.fault(
                (*place, "release_within"), "a verdict is good for 1h at most", "60s is the default"
            )
        for entry, after in enumerate(ask.remind):
            if after >= ask.expires:
                self.marked.fault((*place, "remind", entry), "the request has expired by then")
        if ask.escalate is not None:
            if ask.escalate.to not in groups:
                self.no_group((*place, "escalate", "to"), ask.escalate.to)
            if ask.escalate.after >= ask.expires:
                self.marked.fault((*place, "escalate", "after"), "the request has expired by then")
        unknown = [group for group in ask.quorum if group not in groups]
        for group in unknown:
            self.no_group((*place, "quorum", group), group)
        return not unknown

    def no_group(self, place: Place, group: str) -> None:
        hint = nearest(group, self.file.groups)
        self.marked.fault(place, f"there is no group `{group}`", hint)

    def via(self, place: Place, via: str) -> None:
        channel, colon, room = via.partition(":")
        if channel == WEB:
            if colon:
                self.marked.fault(place, "the inbox has no rooms", "write `web`")
            return
        if channel not in self.sections:
            hint = nearest(channel, {*self.sections, WEB})
            self.marked.fault(place, f"there is no channel `{channel}`", hint)
        elif channel not in self.file.channels:
            hint = f"add `{channel}` under `channels`"
            self.marked.fault(place, f"the channel `{channel}` is not configured", hint)
        elif colon and not room:
            self.marked.fault(place, "the room is missing", f"{channel}:<id of the room>")
        elif colon:
            shape = getattr(self.sections.get(channel), "room", None)
            if shape is not None and not re.fullmatch(shape.pattern, room):
                self.marked.fault(place, f"this is not {shape.name}", shape.hint)

    def reachable(
        self,
        place: Place,
        rule: Rule,
        groups: Mapping[str, frozenset[str]],
        people: tuple[Person, ...],
        asking: tuple[Requester, ...],
    ) -> None:
        """Could the quorum ever be filled, by those of each agent who may approve?"""
        ask = rule.ask
        assert ask is not None  # noqa: S101 - of rules that ask
        for group, count in ask.quorum:
            if count > len(groups[group]):
                self.marked.fault(
                    (*place, group),
                    f"`{group}` has {len(groups[group])} members and {count} must approve",
                    "add members or ask for fewer",
                )
        if why := nobody(ask, people, ()):
            self.marked.fault(place, f"it can never be filled: {why}", "add members")
        elif stuck := stuck_with_four_eyes(rule.when, ask, people, asking):
            self.marked.fault(
                place,
                f"it can never be filled for {'; for '.join(stuck)}",
                "add members, `escalate`, or say `four_eyes: false`",
            )


def stuck_with_four_eyes(
    when: When, ask: Ask, people: Iterable[Person], asking: Iterable[Requester]
) -> list[str]:
    """For which requesters and agents nobody could approve, and why; none where the ask has no
    four eyes."""
    members, found = tuple(people), dict[tuple[str, tuple[str, ...]], str]()
    for by in asking if ask.four_eyes else ():
        for agent in _agents_of(by, when):
            barred = by.people_of(agent).ids()
            if barred and (why := nobody(ask, members, barred)):
                whose = f"agent `{agent}` of `{by.name}`" if by.agent_people else f"`{by.name}`"
                found.setdefault((by.name, barred), f"{whose}: {why}")
    return list(found.values())


def four_eyes_hints(
    rules: Sequence[Rule], default: Ask, people: Sequence[Person], asking: Sequence[Requester]
) -> list[str]:
    """Where four eyes bar nobody, and where nobody could approve if the risk were raised."""
    found = []
    for by in asking:
        about = {
            rule.name: agents
            for rule in rules
            if rule.ask is not None
            and rule.ask.four_eyes
            and (
                agents := [one for one in _agents_of(by, rule.when) if not by.people_of(one).ids()]
            )
        }
        if not about:
            continue
        ids = [
            one for one in dict.fromkeys(one for agents in about.values() for one in agents) if one
        ]
        whose = f"agent {_named(ids)} of `{by.name}`" if ids else f"the agents of `{by.name}`"
        cure = f"`agents: {{{ids[0] if ids else '<agent id>'}: {{on_behalf_of: <person>}}}}`"
        gateway = by.kind is Kind.GATEWAY
        unless = ", unless the gateway names the person in every request" if gateway else ""
        found.append(
            f"four eyes bar nobody for {whose} (rule {_named(about)}): it has no person. "
            f"Write {cure} there, or `on_behalf_of` for all its agents{unless}"
        )
    matching_all = any(rule.when == When() and rule.condition is None for rule in rules)
    raised = [(f"rule `{r.name}`", r.when, r.ask) for r in rules if r.ask and r.four_eyes is None]
    raised += [] if matching_all else [("no rule", When(), default)]
    for name, when, ask in raised:
        if not ask.four_eyes:
            high = effective(ask, Risk.HIGH, None)
            found += [
                f"a request that matches {name} is refused if its requester raises the risk to "
                f"high, for {stuck}. Add an approver"
                for stuck in stuck_with_four_eyes(when, high, people, asking)
            ]
    return found


def _agents_of(by: Requester, when: When) -> list[str]:
    """Those of its agents that a rule could be about; one without a name where any id is."""
    about = When(requester=when.requester, agent=when.agent if by.agents is not None else None)
    return [
        agent
        for agent in (("",) if by.agents is None else by.agents)
        if matching.match(about, None, Subject(by.name, agent, ""))
    ]


def _named(names: Iterable[str]) -> str:
    first, *rest = names
    shown = [f"`{name}`" for name in (first, *rest[:2])]
    return ", ".join(shown) + (f" and {len(rest) - 2} more" if len(rest) > 2 else "")


def _frozen(name: str, ask: AskSection) -> Ask:
    escalate = ask.escalate
    return Ask(
        rule=name,
        quorum=tuple(ask.quorum.items()),
        via=ask.via,
        risk=ask.risk,
        expires=ask.expires,
        release_within=ask.release_within,
        four_eyes=ask.needs_four_eyes,
        allow_unseen=ask.allow_unseen,
        opaque=ask.opaque == "named",
        reasons=ask.reasons,
        remind=tuple(sorted(ask.remind)),
        escalate=None if escalate is None else Escalation(escalate.after, escalate.to),
    )


def _hook_key(secret: str) -> bytes | None:
    """The bytes of a webhook's secret; None if it is not one."""
    text = secret.removeprefix(HOOK_PREFIX)
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if text != secret and len(key) in HOOK_BYTES else None


def _address(url: str, *, site: bool = False) -> tuple[str | None, str]:
    """Host and scheme of a plain http(s) address; (None, "") for anything else.

    `site`: it is a host and nothing more.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None, ""
    if not usable or "@" in parts.netloc or re.search(r"[^!-~]|[#\\]", url):
        return None, ""
    if site and (parts.path not in ("", "/") or "?" in url):
        return None, ""
    return parts.hostname, parts.scheme
