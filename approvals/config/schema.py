"""The shape of the file: a model for each section, which refuses what it does not know."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr

from approvals import rule_schema
from approvals.config.values import Listen
from approvals.marked import Place, Section
from approvals.model import MINUTE, SECOND, AgentPeople, Budget, Duration, Kind, Requester, Risk
from approvals.rule_schema import (
    DecoderSection,
    Name,
    RuleSection,
    ServiceWhen,
    Texts,
    Type,
    Variable,
    listed,
)

NO_PASSKEYS: Final = (
    "passkeys are not in this version; high risk asks for a sign-in of the last five minutes"
)


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


def _agents(value: object) -> object:
    """A list of agent ids, as the mapping that names nobody."""
    given = listed(value)
    if isinstance(given, list) and all(isinstance(id, str | int) for id in given):
        return {id: {} for id in map(str, given)}
    if isinstance(given, dict):
        return {id: {} if people is None else people for id, people in given.items()}
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


ABOUT: Final[Mapping[str, tuple[Callable[[str], bool], str, str]]] = {
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
_Span = Annotated[int, BeforeValidator(duration)]
_Address = Annotated[Listen, BeforeValidator(listen)]
_Account = Annotated[str, BeforeValidator(_account), Field(min_length=1)]
_Accounts = Annotated[tuple[_Account, ...], BeforeValidator(listed), Field(min_length=1)]


class ServerSection(Section):
    listen: _Address = Listen("127.0.0.1", 8080)
    public_url: str | None = None
    authzen: bool = False


class DatabaseSection(Section):
    url: SecretStr = SecretStr("sqlite:///countersign.db")


class KeysSection(Section):
    dir: str = "keys"


class MetricsSection(Section):
    listen: _Address


class WebhookSection(Section):
    url: SecretStr
    secret: Annotated[tuple[SecretStr, ...], BeforeValidator(_words)] = Field(
        min_length=1, max_length=2
    )


class AgentPeopleSection(Section):
    on_behalf_of: str | None = None
    owner: str | None = None


_Amount = Annotated[int, Field(ge=1)]


class LimitsSection(Section):
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


class AskingSection(Section):
    """Who asks, in `requesters` and `gateways` alike: for which agents, and whose they are."""

    agents: Annotated[dict[str, AgentPeopleSection], BeforeValidator(_agents)] | None = None
    on_behalf_of: str | None = None
    owner: str | None = None
    limits: LimitsSection | None = None

    def requester(self, name: str, kind: Kind, every: LimitsSection) -> Requester:
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


class RequesterSection(AskingSection):
    key: SecretStr
    webhook: WebhookSection | None = None
    kind: Kind = Kind.AGENT


class GatewaySection(AskingSection):
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


class EscalateSection(Section):
    after: _Span
    to: str


_Reason = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]


class AskSection(Section):
    quorum: dict[str, Annotated[int, Field(ge=1, le=20)]] = Field(min_length=1)
    via: tuple[str, ...] = ()
    expires: _Span = 15 * MINUTE
    release_within: _Span = MINUTE
    risk: Risk = Risk.MEDIUM
    step_up: Annotated[None, _not_yet(NO_PASSKEYS)] = None
    remind: tuple[_Span, ...] = ()
    escalate: EscalateSection | None = None
    four_eyes: bool | None = None
    allow_unseen: bool = False
    opaque: Literal["named"] | None = None
    reasons: tuple[_Reason, ...] = Field(default=(), max_length=8)

    @property
    def needs_four_eyes(self) -> bool:
        return self.risk is Risk.HIGH if self.four_eyes is None else self.four_eyes


class ServiceRule(RuleSection):
    """A rule of the service: it asks people, or refuses."""

    constants: ClassVar[bool] = True
    elsewhere: ClassVar[Mapping[str, str]] = {
        "risk": "it stands in `ask`",
        "action": "a requester says it; in `when` a rule may look at it",
        **dict.fromkeys(("websocket", "oversize", "tunnel"), "it stands in a gateway's own file"),
    }
    when: ServiceWhen = ServiceWhen()
    then: Annotated[
        str | None, Field(description="`deny`: refuse, ask nobody. Needed where there is no `ask`")
    ] = None
    ask: Annotated[
        AskSection | None,
        Field(description="[whom to ask, and how](configuration.md#asking)"),
    ] = None


class ServiceDecoder(DecoderSection):
    when: ServiceWhen


class SignInSection(Section):
    link: bool = True


class RetentionSection(Section):
    content: Annotated[int, BeforeValidator(long_duration)] | None = None
    cases: Annotated[int, BeforeValidator(long_duration)] | None = None


class RolesSection(Section):
    auditor: tuple[str, ...] = ()
    operator: tuple[str, ...] = ()


class File(Section):
    server: ServerSection = ServerSection()
    database: DatabaseSection = DatabaseSection()
    keys: KeysSection = KeysSection()
    metrics: MetricsSection | None = None
    requesters: dict[Name, RequesterSection] = Field(default_factory=dict)
    gateways: tuple[GatewaySection, ...] = ()
    limits: LimitsSection = LimitsSection()
    channels: dict[str, dict[str, Any] | None] = Field(default_factory=dict)
    templates: dict[str, str] = Field(default_factory=dict)
    people: dict[Name, dict[str, _Accounts]]
    groups: dict[Name, tuple[str, ...]]
    roles: RolesSection = RolesSection()
    packs: tuple[str | dict[str, Texts], ...] = ()
    sign_in: SignInSection = SignInSection()
    retention: RetentionSection = RetentionSection()
    rules: tuple[ServiceRule, ...] = ()
    decoders: tuple[ServiceDecoder, ...] = ()
    decoded: dict[Variable, Type] = Field(default_factory=dict)


SHAPES: Final[Mapping[Place, str]] = {
    **rule_schema.SHAPES,
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
    ("rules", "*", "ask"): "ask: {quorum: {default: 1}}",
    ("rules", "*", "ask", "quorum"): "quorum: {default: 1}",
    ("rules", "*", "ask", "via"): "via: [slack]",
    ("rules", "*", "ask", "remind"): "remind: [5m]",
    ("rules", "*", "ask", "reasons"): "reasons: [Wrong amount, Not agreed]",
    ("rules", "*", "ask", "escalate"): "escalate: {after: 10m, to: finance}",
}
"""What stands at a place, shown where something of another shape does; `*`: any key or position."""
