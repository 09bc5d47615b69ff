"""Which service is asked, as whom, and which key is believed.

From the environment, then from one file that `countersign-client pin` writes. What cannot be safe
is refused here, in words.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from countersign_client.digest import read_json
from countersign_client.errors import Misconfigured

_ADDRESS: Final = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(?::[0-9]{1,5})?")
LOOPBACK: Final = re.compile(r"localhost|.*\.localhost|127(\.\d{1,3}){3}|::1")
_VARIABLES: Final = {
    "url": "COUNTERSIGN_URL",
    "key": "COUNTERSIGN_KEY",
    "receipt_key": "COUNTERSIGN_RECEIPT_KEY",
    "requester": "COUNTERSIGN_REQUESTER",
    "issuer": "COUNTERSIGN_ISSUER",
}
_ARE: Final = {
    "url": "the address of the service, like https://approve.example.com",
    "key": "this requester's key",
    "receipt_key": "the thumbprint of the key that signs receipts",
    "requester": "the name that the service's configuration gives this key",
    "issuer": "the name that the service signs as, its public address",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`receipt_key`: the pin, an RFC 7638 thumbprint that a person took from the service's host.

    `requester` and `issuer` are pinned too: a receipt for another requester, or of another service,
    releases nothing. `key` proves who asks; it can decide nothing. `agent`: which agent, where the
    requester has several.
    """

    url: str
    key: str = field(repr=False)
    receipt_key: str
    requester: str
    issuer: str
    agent: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", self.url.rstrip("/"))
        host = _host(self.url)
        if host is None:
            raise Misconfigured(
                "The service's url has more or less than scheme, host and port.",
                "Write it like https://approve.example.com, without a path.",
            )
        if self.url.startswith("http:") and not LOOPBACK.fullmatch(host):
            raise Misconfigured(
                f"The service at {host} would be asked in plain text: the key could be read.",
                "Use https://. Plain http:// is for this machine only.",
            )
        if not re.fullmatch(r"[A-Za-z0-9_-]{43}", self.receipt_key):
            raise Misconfigured(
                "The receipt key is no thumbprint: it has 43 letters, digits, - and _.",
                "`countersign doctor` on the service's host shows it.",
            )
        if not re.fullmatch(r"[!-~]+", self.key):
            raise Misconfigured(
                "The requester's key is empty, or has blanks or other characters than ASCII.",
                "It is the `key` of this requester in the service's configuration.",
            )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Service:
        """The variables COUNTERSIGN_URL, _KEY (or _KEY_FILE), _RECEIPT_KEY, _REQUESTER, _ISSUER and
        _AGENT; what is not set is taken from `file(environ)`. `Misconfigured`."""
        environ = os.environ if environ is None else environ
        path = file(environ)
        given = known(environ)
        missing = [name for name in _VARIABLES if not given.get(name)]
        if missing:
            listed = ", ".join(f"{_VARIABLES[name]} ({_ARE[name]})" for name in missing)
            raise Misconfigured(
                f"Not set: {listed}.",
                f"Set them, or run `countersign-client pin`, which writes {path}.",
            )
        return cls(**{name: given[name] for name in _VARIABLES}, agent=given.get("agent"))


def known(environ: Mapping[str, str]) -> dict[str, str]:
    """What is set, by the names of `Service`, complete or not. `Misconfigured`: unreadable."""
    return {**_read(file(environ)), **_set(environ)}


def observes(environ: Mapping[str, str]) -> bool:
    """Whether COUNTERSIGN_OBSERVE is 1. `Misconfigured`: it is set to something else."""
    given = environ.get("COUNTERSIGN_OBSERVE", "").strip()
    if given not in ("", "0", "1"):
        raise Misconfigured(
            "COUNTERSIGN_OBSERVE is neither 1 nor 0.",
            "Set it to 1 to hold nothing and record, or take it out. Nothing was run.",
        )
    return given == "1"


def file(environ: Mapping[str, str]) -> Path:
    """Where `pin` writes: COUNTERSIGN_CLIENT_FILE, or the user's configuration folder."""
    if given := environ.get("COUNTERSIGN_CLIENT_FILE"):
        return Path(given)
    config = environ.get("XDG_CONFIG_HOME")
    folder = Path(config) if config else home() / ".config"
    return folder / "countersign-client" / "service.json"


def home() -> Path:
    """This user's folder. `Misconfigured`: there is none, as in some containers."""
    try:
        return Path.home()
    except RuntimeError:
        raise Misconfigured(
            "This user has no home folder.",
            "Set HOME, or both COUNTERSIGN_CLIENT_FILE and COUNTERSIGN_STATE.",
        ) from None


def write(service: Service, path: Path) -> None:
    """Keep it for this user, readable by nobody else. `Misconfigured`: it cannot be written."""
    kept = {name: getattr(service, name) for name in (*_VARIABLES, "agent")}
    text = json.dumps({name: value for name, value in kept.items() if value}, indent=2) + "\n"
    try:
        write_private(path, text)
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be written: {error.strerror}.",
            "Make its folder writable, or name another file in COUNTERSIGN_CLIENT_FILE.",
        ) from error


def _host(url: str) -> str | None:
    """The host of a plain scheme://host[:port] that can be looked up. None: it is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:
        return None
    return host if _ADDRESS.fullmatch(url) and host and port != 0 else None


def write_private(path: Path, text: str) -> None:
    """A whole file or none, in the place of what was there, readable by nobody else. `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
        made.write(text)
    beside.replace(path)


def _set(environ: Mapping[str, str]) -> dict[str, str]:
    given = {name: environ[env].strip() for name, env in _VARIABLES.items() if environ.get(env)}
    if agent := environ.get("COUNTERSIGN_AGENT"):
        given["agent"] = agent
    if "key" not in given and (path := environ.get("COUNTERSIGN_KEY_FILE")):
        try:
            given["key"] = Path(path).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise Misconfigured(
                f"COUNTERSIGN_KEY_FILE names {path}, which cannot be read: {why}.",
                "Write the requester's key there, readable by this user only.",
            ) from error
    return given


def _read(path: Path) -> dict[str, str]:
    try:
        value = read_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Misconfigured(
            f"{path} cannot be read: {why}.",
            "Fix it, or remove it and run `countersign-client pin`.",
        ) from error
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise Misconfigured(
            f"{path} is not an object of texts.", "Remove it and run `countersign-client pin`."
        )
    return value
