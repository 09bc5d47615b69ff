"""What a credential of the gateway is: the nouns, and how their texts are read. Pure.

A credential has a kind. A `value` is put in as it is kept, a `command` prints the value, `oauth` is
an account at an authorization server that gives access tokens (RFC 6749), and `aws` is a key pair
that requests are signed with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from approvals.evidence import frame, split_url
from approvals.model import Refused

VALUE: Final = "value"
COMMAND: Final = "command"
OAUTH: Final = "oauth"
AWS: Final = "aws"
SHORTEST: Final = 8
"""Characters of a value; a shorter one could not be crossed out of answers."""
NAME: Final = r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}"
CACHE: Final = 300.0
"""Seconds for which what a command printed is used, unless the configuration says otherwise."""
PATIENCE: Final = 20.0
"""Seconds that a command may take, unless the configuration says otherwise."""
ClientAuth = Literal["basic", "post", "none"]


class Unavailable(Refused):
    """A credential cannot be used now; `str()` says why to agent and operator, without secrets.

    `again`: may the same request work in a while?
    """

    def __init__(self, name: str, why: str, *, again: bool) -> None:
        super().__init__(f"The credential {name!r} can't be used: {why}")
        self.name, self.why, self.again = name, why, again


@dataclass(frozen=True, slots=True)
class OAuth:
    """Where access tokens come from, and as whom we ask. The secrets of it are kept apart.

    `client_auth`: how the client proves itself (RFC 6749, 2.3.1). `extra`: more parameters that the
    server wants, such as Auth0's `audience`.
    """

    token_url: str
    client_id: str = ""
    scope: str = ""
    client_auth: ClientAuth = "basic"
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the configuration: its words, run without a shell. `cache`, `timeout`: s."""

    words: tuple[str, ...]
    cache: float = CACHE
    timeout: float = PATIENCE


@dataclass(frozen=True, slots=True)
class Secret:
    """`host`: one or more, parted by commas: `api.example.com`, with a port, or `*.example.com`.

    `header`: where it stands: the name of a header, `query:NAME`, `form:NAME` or `path:`. `agents`
    None: every agent's placeholder. `command`: the configuration's; None: what `sealed` holds.
    """

    name: str
    host: str
    header: str
    agents: tuple[str, ...] | None
    nonce: str = field(default="", repr=False)
    sealed: str = field(default="", repr=False)
    kind: str = VALUE
    oauth: OAuth | None = None
    command: Command | None = None

    def bound(self) -> bytes:
        agents = self.agents and json.dumps(self.agents)
        kind = () if self.kind == VALUE else (self.kind,)  # there were only values once
        oauth = (json.dumps(asdict(self.oauth)),) if self.oauth else ()
        terms = (self.name, self.host, self.header, agents or None, *kind, *oauth)
        return frame("countersign/secret/1", *terms)

    def of(self, agent: str) -> bool:
        return self.agents is None or agent in self.agents

    def at(self, authority: str) -> bool:
        """May it go there? `*.example.com` is every name below example.com, and not that itself."""
        return any(
            authority == host or (host.startswith("*.") and authority.endswith(host[1:]))
            for host in self.host.split(",")
        )

    def record(self) -> dict[str, Any]:
        """What is stored of it."""
        return {name: value for name, value in asdict(self).items() if name != "command"}


def described(
    name: str, *, kind: str, host: Iterable[str], header: str | None, query: str | None,
    form: str | None, path: bool, agents: Iterable[str] | None, oauth: OAuth | None,
    command: Command | None = None,
) -> Secret:  # fmt: skip
    """A `Secret` as an operator describes it. `ValueError`: they say too much or too little."""
    if kind in (AWS, OAUTH) and not (header or query or form or path):
        header = "authorization"
    where = place(header=header, query=query, form=form, path=path)
    if kind == AWS and where != "authorization":
        raise ValueError("a signature for AWS is always in Authorization")
    allowed = hosts(host or (("*.amazonaws.com",) if kind == AWS else ()))
    if not allowed:
        raise ValueError("host is missing: where may it go?")
    whose = tuple(sorted(agents)) if agents else None
    return Secret(name, allowed, where, whose, kind=kind, oauth=oauth, command=command)


def stored(record: Mapping[str, Any]) -> Secret:
    """A `Secret` from its `record`. `TypeError`, `KeyError`: it is none."""
    agents, oauth = record["agents"], record.get("oauth")
    if oauth is not None:
        oauth = OAuth(**{**oauth, "extra": tuple((k, v) for k, v in oauth["extra"])})
    return Secret(**{**record, "agents": agents and tuple(agents), "oauth": oauth})


@dataclass(frozen=True, slots=True)
class Client:
    """The secrets of an OAuth client. `refresh_token` None: client credentials."""

    client_id: str
    client_secret: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)

    def secrets(self) -> list[str]:
        return [it for it in (self.client_secret, self.refresh_token) if it]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """AWS keys. `until`: when they expire, in seconds since 1970."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    until: float | None = None


def fit(value: str) -> None:
    """`ValueError`: no header could carry it, or it could not be crossed out."""
    if len(value) < SHORTEST or re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", value) is None:
        raise ValueError(f"a value is {SHORTEST} or more printable ASCII characters")


def client(oauth: OAuth, text: str) -> Client:
    """From lines (`client_secret=…`, `refresh_token=…`), or JSON as Google writes it for a user.

    `ValueError`: something is missing or cannot be sent.
    """
    named = _fields(text)
    secret, refresh = named.get("client_secret"), named.get("refresh_token")
    id_ = oauth.client_id or named.get("client_id", "")
    if not id_:
        raise ValueError("there is no client id: give --client-id, or a line client_id=…")
    for value in (it for it in (secret, refresh) if it is not None):
        fit(value)
    if not secret and not refresh:
        raise ValueError("give a line client_secret=…, or refresh_token=…, or both")
    if refresh is None and (secret is None or oauth.client_auth == "none"):
        raise ValueError("without refresh_token, the client needs its client_secret")
    return Client(id_, secret, refresh)


def key_pair(text: str) -> KeyPair:
    """From lines as in AWS's credentials file or environment, or the JSON of a credential_process.

    `ValueError`: it holds no keys. The JSON:
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
    """
    named = {
        name.lower().replace("_", "").removeprefix("aws"): v for name, v in _fields(text).items()
    }
    access, secret = named.get("accesskeyid", ""), named.get("secretaccesskey", "")
    # IAM's AccessKeyId has 16 to 128 characters of \w; other makers' S3 has shorter ones.
    if not re.fullmatch(r"[A-Za-z0-9_.-]{3,128}", access) or not re.fullmatch(r"[!-~]{8,}", secret):
        raise ValueError("give the lines aws_access_key_id=… and aws_secret_access_key=…")
    token, expires = named.get("sessiontoken"), named.get("expiration")
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise ValueError("the session token is not printable ASCII")
    until = datetime.fromisoformat(expires).timestamp() if expires else None
    return KeyPair(access, secret, token, until)


def _fields(text: str) -> dict[str, str]:
    if text.lstrip().startswith("{"):
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("it begins with { and is not JSON") from None
        return {name: it for name, it in read.items() if isinstance(it, str)}
    named = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith(("#", "[")):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        if not equals:
            raise ValueError("its lines are written NAME=VALUE")
        named[name.strip().lower()] = value.strip().strip("\"'")
    return named


def hosts(texts: Iterable[str]) -> str:
    """As `Secret.host` has them. `ValueError`."""
    return ",".join(sorted({_host(text) for text in texts}))


def _host(text: str) -> str:
    """A host as requests name it, or every name below one."""
    wide, name = text.startswith("*."), text.removeprefix("*.")
    try:
        _, authority, path, query = split_url(f"https://{name}")
    except ValueError:
        authority, path, query = "", "", None
    if path != "/" or "/" in name or query is not None:
        raise ValueError("a host is a host name, or one with a port")
    if wide and "." not in authority:
        raise ValueError(f"the host {text} would be far too much: *.example.com")
    return ("*." if wide else "") + authority


def place(*, header: str | None, query: str | None, form: str | None, path: bool) -> str:
    """As `Secret.header` has it: exactly one of these. `ValueError`."""
    places = [header and header.lower(), query and f"query:{query}", form and f"form:{form}"]
    given = [it for it in (*places, "path:" if path else None) if it]
    if len(given) != 1:
        raise ValueError("give one of header, query, form and path")
    name = header and header.lower()
    if name and (not re.fullmatch(r"[a-z0-9!#$%&'*+.^_`|~-]+", name) or name == "host"):
        raise ValueError("header is the name of a header")
    return given[0]


def token_url(text: str) -> str:
    """`ValueError`: access tokens may not be fetched from there."""
    try:
        scheme, _, _, _ = split_url(text)
        loopback = urlsplit(text).hostname in ("127.0.0.1", "::1", "localhost")
    except ValueError:
        scheme, loopback = "", False
    if scheme != "https" and not (scheme == "http" and loopback):
        raise ValueError("a token endpoint is written like https://auth.example.com/oauth/token")
    return text
