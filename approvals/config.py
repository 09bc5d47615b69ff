"""One YAML file and the environment -> frozen values; refuses what is unsafe, with line and cure.

Laws: unknown and repeated keys are faults; no secret has a default; a configuration that cannot be
safe does not start. First the file's shape is checked, then what it means; each time all faults are
reported at once. A channel none of whose secrets is set is off, and `Config.off` says so; one with
only some of them is a fault. Relative paths start at the file's folder.

The channels' sections are models that the caller hands in, so this room knows no adapter. Of
pydantic only they leave this room.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import ipaddress
import re
import zoneinfo
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from approvals import conditions, decoders, matching
from approvals.cards import renderer
from approvals.decoders import Decoder
from approvals.marked import Fault, Marked, Place, Within, explain, nearest
from approvals.model import (
    MINUTE,
    SECOND,
    WEB,
    AgentPeople,
    Ask,
    Budget,
    Duration,
    Escalation,
    Kind,
    Person,
    Requester,
    Risk,
)
from approvals.packs import RuleBook, rule_book
from approvals.people import EMAIL, Directory, Link
from approvals.policy import DEFAULT, Policy, Rule, Subject, When, effective, nobody
from approvals.reading import presentation
from approvals.reading.presentation import Words
from approvals.retention import Retention

Sections: TypeAlias = Mapping[str, type[BaseModel]]
"""Each channel that exists, with the model of its section (its secrets are `SecretStr` fields)."""

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
MIN_EXPIRES: Final[Duration] = 10 * SECOND
MAX_EXPIRES: Final[Duration] = 7 * 24 * 60 * MINUTE
NO_PASSKEYS: Final = (
    "passkeys are not in this version; high risk asks for a sign-in of the last five minutes"
)


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
        return _is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a requester is told of verdicts, and the keys that sign it, the newest first."""

    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One workspace of a OneCLI that is asked what it holds; `workspace` None: its key's own.

    `name` is the gateway's; its requests are those of `requester`, which has no key of ours.
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
    `retention`: how long what was asked is kept.
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
    retention: Retention
    hints: tuple[str, ...]

    def requester(self, key: str) -> Requester | None:
        """Whose key this is. Looked up by its hash, so that the time taken says nothing of it."""
        name = self.key_hashes.get(_hash(key))
        return None if name is None else self.requesters[name]

    def directory(self, links: Iterable[Link] = ()) -> Directory:
        """The people with the accounts of the file and those linked since (see `Directory`)."""
        return Directory(self.people, self.policy.groups, (*self.more_accounts, *links))


def load(path: Path, env: Mapping[str, str], *, sections: Sections) -> Config:
    """Read the file. Raises `Unsafe` with every fault, `OSError` where it cannot be read."""
    config, found = _read(path, env, sections, nothing)
    if config is None:
        raise Unsafe(found)
    return config


def nothing(config: Config) -> Iterable[tuple[Place, str, str]]:
    """The file alone is looked at."""
    return ()


Also: TypeAlias = Callable[[Config], Iterable[tuple[Place, str, str]]]
"""What is wrong around a sound file: the place in it that is to blame, what, and how to fix it."""


def faults(
    path: Path, env: Mapping[str, str], *, sections: Sections, also: Also = nothing
) -> list[Fault]:
    """What `load` would refuse, in the order of the file; empty where all is well. `also`: what
    more is looked at once all of that is right."""
    return _read(path, env, sections, also)[1]


def duration(text: object) -> Duration:
    """`90s`, `15m`, `1h`, `2d` in milliseconds. Raises `ValueError`."""
    found = re.fullmatch(r"([1-9][0-9]{0,6})([smhd])", text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("a duration is written like 60s, 15m, 1h or 2d")
    return int(found[1]) * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[found[2]] * SECOND


def long_duration(text: object) -> Duration:
    """`90d`, `2y` (365 days each) in milliseconds. Raises `ValueError`."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([dy])", text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("how long something is kept is written like 90d or 2y")
    return int(found[1]) * {"d": 1, "y": 365}[found[2]] * 24 * 60 * MINUTE


def listen(text: object) -> Listen:
    """`127.0.0.1:8080`, `[::1]:8080`, `localhost:0`. Raises `ValueError`."""
    shape = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})"
    found = re.fullmatch(shape, text) if isinstance(text, str) else None
    if found is None or int(found[2]) > 65_535:
        raise ValueError("an address to listen on is written like 127.0.0.1:8080")
    return Listen(found[1].strip("[]"), int(found[2]))


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | int) and not isinstance(value, bool) else value


def _agents(value: object) -> object:
    """A list of agent ids, as the mapping that names nobody."""
    listed = _listed(value)
    if isinstance(listed, list) and all(isinstance(id, str | int) for id in listed):
        return {id: {} for id in map(str, listed)}
    if isinstance(listed, dict):
        return {id: {} if people is None else people for id, people in listed.items()}
    raise ValueError(
        "list the ids of the agents, or say whose each one is: "
        "{<agent id>: {on_behalf_of: <person>, owner: <person>}}"
    )


def _words(value: object) -> object:
    """Several secrets in one value, as a file has them: with blanks or line ends between."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = " ".join(value)
    return value.split() if isinstance(value, str) else value


def _not_yet(why: str) -> BeforeValidator:
    """A name that is reserved: whoever writes it would believe that it does something."""

    def refuse(value: object) -> object:
        raise ValueError(why)

    return BeforeValidator(refuse)


def _account(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_ABOUT: Final[Mapping[str, tuple[Callable[[str], bool], str, str]]] = {
    "name": (
        lambda text: 0 < len(text.strip()) <= 64 and text.isprintable() and "\n" not in text,
        "a name is one line of at most 64 letters",
        "like Dana Lee",
    ),
    "time_zone": (
        lambda text: text in zoneinfo.available_timezones(),
        "this is not a time zone",
        "like Europe/Berlin: https://en.wikipedia.org/wiki/List_of_tz_database_time_zones",
    ),
    "language": (
        lambda text: (
            re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?", text) is not None
        ),
        "this is not a language",
        "like en, de or pt-BR",
    ),
}
"""What is said of a person besides their accounts: is it right, and if not, why and what is."""
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. @-]{0,63}$")]
_Label = Annotated[str, Field(min_length=1, max_length=60)]
_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
_Span = Annotated[int, BeforeValidator(duration)]
_Address = Annotated[Listen, BeforeValidator(listen)]
_Account = Annotated[str, BeforeValidator(_account), Field(min_length=1)]
_Accounts = Annotated[tuple[_Account, ...], BeforeValidator(_listed), Field(min_length=1)]
_Type = Literal["int", "string", "bool", "double", "list(string)"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Server(_Section):
    listen: _Address = Listen("127.0.0.1", 8080)
    public_url: str | None = None


class _Database(_Section):
    url: SecretStr = SecretStr("sqlite:///countersign.db")


class _Keys(_Section):
    dir: str = "keys"


class _Metrics(_Section):
    listen: _Address


class _Webhook(_Section):
    url: SecretStr
    secret: Annotated[tuple[SecretStr, ...], BeforeValidator(_words)] = Field(
        min_length=1, max_length=2
    )


class _AgentPeople(_Section):
    on_behalf_of: str | None = None
    owner: str | None = None


_Amount = Annotated[int, Field(ge=1)]


class _Limits(_Section):
    """Of each agent of a requester."""

    requests_a_minute: _Amount = 600
    open_requests: _Amount = 500
    cards_a_minute: _Amount = 60
    bytes_a_day: _Amount = 1_000_000_000
    held_bytes: _Amount = 250_000_000
    refusals_for: _Span | Literal["never"] = 10 * MINUTE

    def budget(self) -> Budget:
        return Budget(
            requests=self.requests_a_minute,
            open=self.open_requests,
            cards=self.cards_a_minute,
            bytes=self.bytes_a_day,
            held=self.held_bytes,
            refusals=0 if self.refusals_for == "never" else self.refusals_for,
        )


class _Asking(_Section):
    """Who asks, in `requesters` and `gateways` alike: for which agents, and whose they are."""

    agents: Annotated[dict[str, _AgentPeople], BeforeValidator(_agents)] | None = None
    on_behalf_of: str | None = None
    owner: str | None = None
    limits: _Limits | None = None

    def requester(self, name: str, kind: Kind, every: _Limits) -> Requester:
        """`every`: the limits where it has none of its own."""
        mine = {} if self.limits is None else self.limits.model_dump(exclude_unset=True)
        own = {
            id: AgentPeople(one.on_behalf_of, one.owner) for id, one in (self.agents or {}).items()
        }
        return Requester(
            name,
            kind,
            None if self.agents is None else tuple(self.agents),
            self.on_behalf_of,
            self.owner,
            {id: people for id, people in own.items() if people.ids()},
            every.model_copy(update=mine).budget(),
        )


class _Requester(_Asking):
    key: SecretStr
    webhook: _Webhook | None = None
    kind: Kind = Kind.AGENT


class _Gateway(_Asking):
    kind: Literal["onecli"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
    url: str
    key: SecretStr
    workspaces: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")], ...] | None = None

    def named(self) -> list[tuple[str | None, str]]:
        """Its workspaces, each with the name of its requester."""
        if self.workspaces is None:
            return [(None, self.name)]
        return [(workspace, f"{self.name}.{workspace}") for workspace in self.workspaces]


class _When(_Section):
    host: _Texts | None = None
    method: _Texts | None = None
    path: _Texts | None = None
    action: _Texts | None = None
    agent: _Texts | None = None
    requester: _Texts | None = None

    def frozen(self) -> When:
        return When(**{key: getattr(self, key) for key in type(self).model_fields})


class _Escalate(_Section):
    after: _Span
    to: str


_Reason = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Ask(_Section):
    quorum: dict[str, Annotated[int, Field(ge=1, le=20)]] = Field(min_length=1)
    via: tuple[str, ...] = ()
    expires: _Span = 15 * MINUTE
    release_within: _Span = MINUTE
    risk: Risk = Risk.MEDIUM
    step_up: Annotated[None, _not_yet(NO_PASSKEYS)] = None
    remind: tuple[_Span, ...] = ()
    escalate: _Escalate | None = None
    four_eyes: bool | None = None
    allow_unseen: bool = False
    opaque: Literal["named"] | None = None
    reasons: tuple[_Reason, ...] = Field(default=(), max_length=8)

    @property
    def needs_four_eyes(self) -> bool:
        return self.risk is Risk.HIGH if self.four_eyes is None else self.four_eyes


class _Rule(_Section):
    name: _Name
    when: _When = _When()
    condition: str | None = Field(default=None, alias="if")
    title: Annotated[str, Field(min_length=1, max_length=400)] | None = None
    facts: dict[_Label, str] = Field(default_factory=dict)
    then: str | None = None
    ask: _Ask | None = None


class _Field(_Section):
    source: str = Field(alias="from")
    type: _Type


class _Decoder(_Section):
    name: _Name
    when: _When
    fields: dict[_Variable, _Field] = Field(min_length=1)


class _SignIn(_Section):
    link: bool = True


class _Retention(_Section):
    content: Annotated[int, BeforeValidator(long_duration)] | None = None
    cases: Annotated[int, BeforeValidator(long_duration)] | None = None


class _Roles(_Section):
    auditor: tuple[str, ...] = ()
    operator: tuple[str, ...] = ()


class _File(_Section):
    server: _Server = _Server()
    database: _Database = _Database()
    keys: _Keys = _Keys()
    metrics: _Metrics | None = None
    requesters: dict[_Name, _Requester] = Field(default_factory=dict)
    gateways: tuple[_Gateway, ...] = ()
    limits: _Limits = _Limits()
    channels: dict[str, dict[str, Any] | None] = Field(default_factory=dict)
    templates: dict[str, str] = Field(default_factory=dict)
    people: dict[_Name, dict[str, _Accounts]]
    groups: dict[_Name, tuple[str, ...]]
    roles: _Roles = _Roles()
    packs: tuple[str | dict[str, _Texts], ...] = ()
    sign_in: _SignIn = _SignIn()
    retention: _Retention = _Retention()
    rules: tuple[_Rule, ...] = ()
    decoders: tuple[_Decoder, ...] = ()
    decoded: dict[_Variable, _Type] = Field(default_factory=dict)


_SHAPES: Final[Mapping[Place, str]] = {
    ("people",): "people: {dana: {email: dana@example.com}}",
    ("people", "*"): "dana: {email: dana@example.com}",
    ("groups",): "groups: {default: [dana]}",
    ("groups", "*"): "default: [dana]",
    ("requesters",): "requesters: {bot: {key_file: bot.key}}",
    ("requesters", "*"): "bot: {key_file: bot.key, kind: agent}",
    ("channels",): "channels: {slack: {bot_token: …}}",
    ("channels", "*"): "slack: {bot_token: …}",
    ("server",): "server: {listen: 127.0.0.1:8080}",
    ("server", "listen"): "listen: 127.0.0.1:8080",
    ("gateways",): "gateways: [{kind: onecli, …}]",
    ("roles", "*"): "auditor: [dana]",
    ("rules",): "rules: [{name: …, ask: {…}}]",
    ("rules", "*"): "{name: …, ask: {quorum: {default: 1}}}",
    ("rules", "*", "when"): "when: {host: api.example.com}",
    ("rules", "*", "ask"): "ask: {quorum: {default: 1}}",
    ("rules", "*", "ask", "quorum"): "quorum: {default: 1}",
    ("rules", "*", "ask", "via"): "via: [slack]",
    ("rules", "*", "ask", "remind"): "remind: [5m]",
    ("rules", "*", "ask", "reasons"): "reasons: [Wrong amount, Not agreed]",
    ("rules", "*", "ask", "escalate"): "escalate: {after: 10m, to: finance}",
    ("decoders",): "decoders: [{name: …, when: {…}, fields: {…}}]",
}
"""What stands at a place, shown where something of another shape does; `*`: any key or position."""


def _read(
    path: Path, env: Mapping[str, str], sections: Sections, also: Also
) -> tuple[Config | None, list[Fault]]:
    marked = Marked(path, env, lenient="channels")
    if marked.faults and not marked.values:
        return None, marked.faults
    file = None
    try:
        file = _File.model_validate(marked.values)
    except ValidationError as error:
        explain(error, _File, (), marked.fault, marked.unset, _SHAPES)
    channels, off = _channels(marked, sections)
    if file is None or marked.faults:
        return None, marked.faults
    checks = _Checks(marked, file, sections)
    config = checks.config(channels, off)
    if not marked.faults:
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


@dataclass(frozen=True, slots=True)
class _Checks:
    """What a file of the right shape may still say wrong. Each method adds faults to `marked`."""

    marked: Marked
    file: _File
    sections: Sections

    @property
    def known_channels(self) -> frozenset[str]:
        return frozenset(self.sections)

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
        found = tuple(
            Decoder(
                decoder.name,
                decoder.when.frozen(),
                {
                    name: decoders.Field(one.source, one.type)
                    for name, one in decoder.fields.items()
                },
            )
            for decoder in file.decoders
        )
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
                    if one.url.startswith("http://") and not _is_loopback(_origin(one.url)[0] or "")
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
                    and _is_loopback(_origin(public_url)[0] or "")
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
            host, scheme = _origin(server.public_url)
            secure = scheme == "https"
            if host is None:
                self.marked.fault(
                    place, "this is not the address of a site", "like https://approve.example.com"
                )
            elif not secure and not _is_loopback(host):
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

    def agents(self, place: Place, one: _Asking) -> None:
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
            first = hashes.setdefault(_hash(one.key.get_secret_value()), name)
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
            host, scheme = _endpoint(url)
            if host is None:
                self.marked.fault(
                    (*place, "url"),
                    "this is not the address of an endpoint, without user name and fragment",
                    "like https://billing.example.com/hooks",
                )
            elif scheme != "https" and not _is_loopback(host):
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
            if _origin(one.url)[0] is None:
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
            if channel not in self.known_channels:
                hint = nearest(channel, self.known_channels)
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
        channels, owners = self.known_channels | {EMAIL}, dict[tuple[str, str], str]()
        people, more = [], []
        for id, given in self.file.people.items():
            about = {key: given[key] for key in _ABOUT if key in given}
            accounts = {key: ids for key, ids in given.items() if key not in _ABOUT}
            for word, values in about.items():
                right, why, hint = _ABOUT[word]
                if len(values) != 1 or not right(values[0]):
                    self.marked.fault(("people", id, word), why, hint)
            for channel, ids in accounts.items():
                place = ("people", id, channel)
                if channel not in channels:
                    hint = nearest(channel, {*channels, *_ABOUT})
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
        known = dict(decoders.types(packs.decoders, {}))
        for name, kind in self.file.decoded.items():
            if known.setdefault(name, kind) != kind:
                self.marked.fault(
                    ("decoded", name), f"a built-in decoder says {known[name]}", "rename it"
                )
        for at, decoder in enumerate(self.file.decoders):
            self.patterns(("decoders", at, "when"), decoder.when)
            for name, one in decoder.fields.items():
                place: Place = ("decoders", at, "fields", name)
                if known.setdefault(name, one.type) != one.type:
                    self.marked.fault(place, f"elsewhere it is {known[name]}", "rename it")
                if decoders.SOURCE.fullmatch(one.source) is None:
                    self.marked.fault((*place, "from"), decoders.SOURCES)
        return known

    def patterns(self, place: Place, when: _When) -> None:
        for key, complaint in matching.faults(when.frozen()):
            self.marked.fault((*place, key), f"`{key}`: {complaint}")

    def rules(
        self,
        groups: Mapping[str, frozenset[str]],
        known: Mapping[str, str],
        people: tuple[Person, ...],
        asking: tuple[Requester, ...],
    ) -> list[Rule]:
        found: list[Rule] = []
        for at, rule in enumerate(self.file.rules):
            place, name = ("rules", at), f"the rule `{rule.name}`"
            if rule.name in (DEFAULT, *(other.name for other in found)):
                self.marked.fault((*place, "name"), f"{name} exists already", "rename one")
            if found and found[-1].when == When() and found[-1].condition is None:
                self.marked.fault(
                    place,
                    f"{name} never applies: `{found[-1].name}` before it matches everything",
                    "move it up",
                )
            self.patterns((*place, "when"), rule.when)
            condition = None
            if rule.condition is not None:
                try:
                    condition = conditions.compile(rule.condition, known)
                except conditions.Wrong as error:
                    where: Place = (*place, "if", Within(error.at or 0))
                    self.marked.fault(where, f"{name}: {error}", error.hint)
            if rule.then is not None and rule.then != "deny":
                hint = "`allow` stands in a gateway's own file" if rule.then == "allow" else ""
                self.marked.fault((*place, "then"), f"{name}: `then` can only be `deny`", hint)
            if (rule.ask is None) == (rule.then is None):
                self.marked.fault(place, f"{name} needs either `ask` or `then: deny`")
            ask = None
            if rule.ask is not None:
                ask = _frozen(rule.name, rule.ask)
            four_eyes = rule.ask.four_eyes if rule.ask is not None else None
            words = self.words(place, rule)
            found.append(Rule(rule.name, rule.when.frozen(), condition, ask, four_eyes, words))
            if rule.ask is not None and self.ask(at, rule.ask, groups):
                self.reachable(("rules", at, "ask", "quorum"), found[-1], groups, people, asking)
        return found

    def words(self, place: Place, rule: _Rule) -> Words:
        """The operator's title and facts, each a text that can be filled."""
        if rule.title is not None and (why := presentation.check(rule.title)):
            self.marked.fault((*place, "title"), why)
        for label, text in rule.facts.items():
            if why := presentation.check(text):
                self.marked.fault((*place, "facts", label), why)
        return Words(rule.title, tuple(rule.facts.items()))

    def ask(self, at: int, ask: _Ask, groups: Mapping[str, frozenset[str]]) -> bool:
        """Are all groups of the quorum there?"""
        place: Place = ("rules", at, "ask")
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
        if channel not in self.known_channels:
            hint = nearest(channel, {*self.known_channels, WEB})
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
    """Where four eyes hold and bar nobody, and where raising the risk would leave nobody."""
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


def _frozen(name: str, ask: _Ask) -> Ask:
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


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hook_key(secret: str) -> bytes | None:
    """The bytes of a webhook's secret; None where it is none."""
    text = secret.removeprefix(HOOK_PREFIX)
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if text != secret and len(key) in HOOK_BYTES else None


def _endpoint(url: str) -> tuple[str | None, str]:
    """Host and scheme of an address that something can be sent to; (None, "") otherwise."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        extra = "@" in parts.netloc or "#" in url or "\\" in url
    except ValueError:
        return None, ""
    if not usable or extra or re.search(r"[^!-~]", url):
        return None, ""
    return parts.hostname, parts.scheme


def _origin(url: str) -> tuple[str | None, str]:
    """Host and scheme of an address that is a site and nothing more; (None, "") otherwise."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme in ("http", "https") and parts.path in ("", "/")
        extra = parts.query or parts.fragment or parts.username or parts.port == 0
    except ValueError:
        return None, ""
    if not plain or extra or re.search(r"[^!-~]", url):
        return None, ""
    return parts.hostname, parts.scheme
