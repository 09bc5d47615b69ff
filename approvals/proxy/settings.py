"""gateway.yaml as frozen values: what cannot be safe does not start, and says on which line."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from approvals.evidence import frame
from approvals.marked import Fault, Marked, Section, explain
from approvals.model import MINUTE, SECOND, Duration
from approvals.proxy.credentials import (
    AWS,
    NAME,
    OAUTH,
    VALUE,
    ClientAuth,
    Command,
    OAuth,
    Secret,
    described,
    token_url,
)
from approvals.proxy.reach import Private
from approvals.proxy.record import Limits
from approvals.proxy.rules import Rules, rulebook

SHORTEST: Final = 16
"""Characters of an agent's password."""


def _listen(text: str) -> str:
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", text)
    if found is None or int(found[2]) > 65_535:
        raise ValueError("an address to listen on is written like 127.0.0.1:8081")
    return text


def _on_loopback(listen: str) -> bool:
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(text: str) -> str:
    if re.fullmatch(r"https?://[^/?#@\s]+", text) is None:
        raise ValueError("a service is written like https://approve.example.com, without a path")
    return text


class Mode(StrEnum):
    """Whether requests are held and asked about, or only watched."""

    HOLD = "hold"
    OBSERVE = "observe"


class Service(Section):
    """The approval service; `receipt_key` is the pin, an RFC 7638 thumbprint."""

    url: Annotated[str, AfterValidator(_url)]
    key: SecretStr = Field(min_length=1)
    requester: str = Field(min_length=1)
    issuer: str = Field(min_length=1)
    receipt_key: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$")


class _Agent(Section):
    password: SecretStr = Field(min_length=SHORTEST)


def _duration(value: object) -> int:
    found = re.fullmatch(r"([0-9]{1,6})(s|m|h)", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("a duration is written like 50s, 10m or 1h")
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]] * SECOND


_Span = Annotated[int, BeforeValidator(_duration)]


@dataclass(frozen=True, slots=True)
class Holding:
    """How long and how much is held.

    `rejoin_within`: after the last connection of a held request ended, an identical one may join
    it. `hold`: a connection is kept waiting so long, then told to come again; None: as long as it
    takes. `requests`, `agent_bytes`: of one agent; `bytes`: of all, on disk.
    """

    rejoin_within: Duration = 10 * MINUTE
    hold: Duration | None = None
    requests: int = 10_000
    agent_bytes: int = 2 * 1024**3
    bytes: int = 4 * 1024**3


class _Held(Section):
    requests: int = Field(default=Holding().requests, ge=1)
    agent_bytes: int = Field(default=Holding().agent_bytes, ge=1)
    bytes: int = Field(default=Holding().bytes, ge=1)


class _Record(Section):
    bytes: int = Field(default=Limits().bytes, ge=65_536)
    age: _Span = Limits().age


class _Metrics(Section):
    listen: Annotated[str, AfterValidator(_listen)]
    open: bool = False

    @model_validator(mode="after")
    def _kept_from_agents(self) -> Self:
        if not (self.open or _on_loopback(self.listen)):
            raise ValueError(
                "figures are for this machine alone: listen on 127.0.0.1:9102, or [::1]; or say "
                "`open: true` where a firewall keeps the agents from this port"
            )
        return self


class _Derived(Section):
    """Agents that are not listed: each password follows from the key and the agent's name."""

    key: SecretStr = Field(min_length=32)
    prefix: Annotated[str, Field(pattern=f"^{NAME}$")]


class _OAuth(Section):
    token_url: Annotated[str, AfterValidator(token_url)]
    client_id: str = ""
    scope: str = ""
    client_auth: ClientAuth = "basic"
    parameters: dict[str, str] = Field(default_factory=dict)

    def made(self) -> OAuth:
        extra = tuple(self.parameters.items())
        return OAuth(self.token_url, self.client_id, self.scope, self.client_auth, extra)


class _Secret(Section):
    """A credential whose value a command prints: nothing of it is kept here."""

    command: tuple[str, ...] = Field(min_length=1)
    host: tuple[str, ...] = ()
    header: str | None = None
    query: str | None = None
    form: str | None = None
    path: bool = False
    agents: tuple[str, ...] | None = None
    cache: _Span = 5 * MINUTE
    timeout: _Span = 20 * SECOND
    aws: bool = False
    oauth: _OAuth | None = None

    @field_validator("host", "agents", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _sound(self) -> Self:
        self.made("x")
        return self

    def made(self, name: str) -> Secret:
        """`ValueError`: it says too much or too little."""
        if self.aws and self.oauth:
            raise ValueError("give one of aws and oauth")
        return described(
            name, kind=OAUTH if self.oauth else AWS if self.aws else VALUE, host=self.host,
            header=self.header, query=self.query, form=self.form, path=self.path,
            agents=self.agents, oauth=self.oauth.made() if self.oauth else None,
            command=Command(self.command, self.cache / SECOND, self.timeout / SECOND),
        )  # fmt: skip


class _Upstream(Section):
    private: tuple[
        Annotated[str, AfterValidator(lambda text: Private.read(text) and text)], ...
    ] = ()
    ca_file: str | None = None


class _File(Section):
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8081"
    mode: Mode = Mode.HOLD
    folder: str = "gateway"
    service: Service
    agents: dict[Annotated[str, Field(pattern=f"^{NAME}$")], _Agent] = Field(default_factory=dict)
    derived: _Derived | None = None
    upstream: _Upstream = _Upstream()
    rejoin_within: _Span = Holding().rejoin_within
    hold: _Span | None = None
    http2: bool = False
    held: _Held = _Held()
    secrets: dict[Annotated[str, Field(pattern=f"^{NAME}$")], _Secret] = Field(default_factory=dict)
    record: _Record = _Record()
    metrics: _Metrics | None = None
    packs: object = None  # these three are the rulebook's
    decoders: object = None
    rules: object = None


@dataclass(frozen=True, slots=True)
class Settings:
    """A gateway's configuration."""

    listen: tuple[str, int]
    folder: Path
    service: Service
    agents: Mapping[str, SecretStr]
    private: tuple[Private, ...]
    ca_file: Path | None
    rules: Rules
    derived: tuple[str, SecretStr] | None = None
    """A prefix of names, and the key that these agents' passwords follow from."""
    holding: Holding = Holding()
    secrets: tuple[Secret, ...] = ()
    """Those whose values commands print."""
    record: Limits = field(default_factory=Limits)
    mode: Mode = Mode.HOLD
    http2: bool = False
    """May agents speak HTTP/2?"""
    metrics: tuple[str, int] | None = None
    """Where figures are for Prometheus; None: nowhere."""

    def password(self, agent: str) -> str | None:
        """An agent's; None: there is no such agent."""
        if (known := self.agents.get(agent)) is not None:
            return known.get_secret_value()
        if self.derived is None or not re.fullmatch(NAME, agent):
            return None
        prefix, key = self.derived
        if not agent.startswith(prefix) or agent == prefix:
            return None
        message = frame("countersign/agent/1", agent)
        return hmac.digest(key.get_secret_value().encode(), message, "sha256").hex()[:40]


def read(path: Path, env: Mapping[str, str]) -> tuple[Settings | None, list[Fault]]:
    """The settings, or every fault in the order of the file. `OSError`: it cannot be read."""
    marked = Marked(path, env, lenient="")
    rules = rulebook(marked.values, marked.fault)
    try:
        file = _File.model_validate(marked.values)
    except ValidationError as error:
        explain(error, _File, (), marked.fault, marked.unset)
        return None, marked.faults
    ca_file = path.parent / file.upstream.ca_file if file.upstream.ca_file else None
    if ca_file and not ca_file.is_file():
        marked.fault(("upstream", "ca_file"), f"there is no file {ca_file}")
    passwords = {agent.password.get_secret_value() for agent in file.agents.values()}
    if len(passwords) < len(file.agents):
        marked.fault(("agents",), "two agents have the same password")
    if not file.agents and file.derived is None:
        marked.fault(("agents",), "no agent may use this gateway: name one, or set `derived`")
    for name, it in file.secrets.items():
        unknown = set(it.agents or ()) - set(file.agents)
        if unknown and file.derived is None:  # derived agents have no line here
            marked.fault(("secrets", name, "agents"), f"there is no agent {min(unknown)!r}")
    if marked.faults:
        return None, marked.faults
    settings = Settings(
        listen=_place(file.listen),
        folder=path.parent / file.folder,
        service=file.service,
        agents={name: agent.password for name, agent in file.agents.items()},
        private=tuple(map(Private.read, file.upstream.private)),
        ca_file=ca_file,
        rules=rules,
        derived=(file.derived.prefix, file.derived.key) if file.derived else None,
        holding=Holding(file.rejoin_within, file.hold, **file.held.model_dump()),
        secrets=tuple(it.made(name) for name, it in file.secrets.items()),
        record=Limits(file.record.bytes, file.record.age),
        mode=file.mode,
        http2=file.http2,
        metrics=_place(file.metrics.listen) if file.metrics else None,
    )
    return settings, []


def _place(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)
