"""Does a rule apply to a request? Pure; rules, decoders and a gateway's own rules share it.

The answer is yes, no, or None: it cannot be told (a path that servers may read in two ways, a value
that is not there). Whoever asks takes the strict side of None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final

from approvals.conditions import Condition, Undecidable, Value
from approvals.model import Http
from approvals.reading.headers import dashed, named
from approvals.reading.target import PORTS, UNRESERVED, path_faults, read_target
from approvals.reading.values import PLAIN, Dialect, Target


@dataclass(frozen=True, slots=True)
class Subject:
    """What rules look at. Host, path and query are raw, as they will be sent.

    `method` None: not HTTP. With a method, `host` or `path` None means that it cannot be told.
    `headers` are those that will be sent. `doubts`: "method", "host", "path" or "spelling" (of the
    path), and why servers may take another one (`reading.target`); "header" where there may be more
    than these.
    `decoded` comes from our decoders or a gateway, never from an agent's own facts.
    """

    requester: str
    agent: str
    action: str
    method: str | None = None
    scheme: str | None = None
    host: str | None = None
    path: str | None = None
    query: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    decoded: Mapping[str, Value] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    encoded_slash: bool = False

    @classmethod
    def of(
        cls,
        requester: str,
        agent: str,
        action: str,
        http: Http | None,
        *,
        dialect: Dialect = PLAIN,
        target: Target | None = None,
    ) -> Subject:
        """Still without `decoded`: decoding needs a subject to choose its decoders by.

        `target`: of the request's reading, if it was read already.
        """
        if http is None:
            return cls(requester, agent, action)
        if target is None:
            body = bool(http.body) or not http.body_complete
            target = read_target(http.method, http.url, http.headers, body=body, dialect=dialect)
        return cls(
            requester=requester,
            agent=agent,
            action=action,
            method=http.method,
            scheme=target.scheme or None,
            host=target.host or None,
            path=target.path or None,
            query=(target.query or "") if target.path else None,
            headers=http.headers,
            doubts=target.doubts,
            encoded_slash=dialect.encoded_slash,
        )


@dataclass(frozen=True, slots=True)
class When:
    """What a rule is about; None: anything. Several values under one key: any of them.

    `host`: exact or `*.example.com` (below it, not itself); a port only where one is meant.
    `method`: upper case. `path`: `*` within a segment, `**` any number of segments.
    `action`, `agent`, `requester`: `*` is any text. `header`: name -> texts, `*` is any text; every
    name must be there. `faults` says what is wrong with a pattern.
    """

    host: tuple[str, ...] | None = None
    method: tuple[str, ...] | None = None
    path: tuple[str, ...] | None = None
    action: tuple[str, ...] | None = None
    agent: tuple[str, ...] | None = None
    requester: tuple[str, ...] | None = None
    header: tuple[tuple[str, tuple[str, ...]], ...] | None = None


def match(when: When, condition: Condition | None, subject: Subject) -> bool | None:
    """Does it apply? None: that cannot be told."""
    doubt = False
    for _, said in _weighed(when, condition, subject):
        if said is False:
            return False
        doubt = doubt or said is None
    return None if doubt else True


def weigh(when: When, condition: Condition | None, subject: Subject) -> dict[str, bool | None]:
    """What each part of a rule says, by its key; `if` only where no other part says no."""
    return dict(_weighed(when, condition, subject))


def _weighed(
    when: When, condition: Condition | None, subject: Subject
) -> Iterator[tuple[str, bool | None]]:
    """One part after the other: most rules are about another host, and looked at no further."""
    verdicts: list[bool | None] = []
    for key, patterns, test in (
        ("action", when.action, lambda text: glob(text, subject.action)),
        ("agent", when.agent, lambda text: glob(text, subject.agent)),
        ("requester", when.requester, lambda text: glob(text, subject.requester)),
        ("host", when.host, lambda host: _host(host, subject)),
        ("method", when.method, lambda method: _method(method, subject)),
    ):
        verdicts.append(_any(patterns, test))
        yield key, verdicts[-1]
    if when.path is not None:
        verdicts.append(_path(when.path, subject))
        yield "path", verdicts[-1]
    # What one header overrides, a server may take all of from there: no rule is certain of any.
    if subject.doubts.keys() & _OVERRIDDEN and (when.host or when.method or when.path):
        yield "an overriding header or field", None
    for name, globs in when.header or ():
        verdicts.append(_header(name, globs, subject))
        yield f"header {name}", verdicts[-1]
    if condition is not None and False not in verdicts:
        try:
            yield "if", condition.holds(_variables(subject))
        except Undecidable:
            yield "if", None


def normal_path(raw: str, *, encoded_slash: bool = False) -> str | None:
    """The path with its escapes in one spelling, or None where servers fold it in different ways
    (`reading.target.path_faults`)."""
    refused, _ = path_faults(raw, encoded_slash=encoded_slash)
    return None if refused else re.sub(r"%([0-9A-Fa-f]{2})", _unescape, raw)


def glob(pattern: str, text: str) -> bool:
    """`*` is any text. Leftmost pieces are enough, so this is linear where a regex might not be."""
    first, *pieces = pattern.split("*")
    if not pieces:
        return text == pattern
    if not text.startswith(first):
        return False
    at, last = len(first), pieces.pop()
    for piece in pieces:
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return len(text) - len(last) >= at and text.endswith(last)


def faults(when: When) -> list[tuple[str, str]]:
    """What is wrong with the patterns, as (key, sentence); an empty list where nothing is."""
    found = []
    for name, globs in when.header or ():
        if re.fullmatch(_NAME, name) is None or not globs:
            found.append(("header", "a header is its name and one text at least"))
    for key, test, complaint in _SHAPES:
        patterns: tuple[str, ...] | None = getattr(when, key)
        if patterns == ():
            found.append((key, "it lists nothing, so the rule could never match"))
        elif not all(map(test, patterns or ())):
            found.append((key, complaint))
    return found


_OVERRIDDEN: Final = {"method", "host", "path"}
_HOST: Final = re.compile(r"([a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])\.?(?::([0-9]+))?")
_NAME: Final = re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]+")


def _unescape(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if UNRESERVED.fullmatch(character) else escape[0].upper()


def _any(patterns: tuple[str, ...] | None, test: Callable[[str], bool | None]) -> bool | None:
    if patterns is None:
        return True
    verdicts = {test(pattern) for pattern in patterns}
    return True if True in verdicts else None if None in verdicts else False


def _method(method: str, subject: Subject) -> bool | None:
    if subject.method is None:
        return False
    if "method" in subject.doubts:
        return None
    return subject.method.upper() == method


def _header(name: str, globs: tuple[str, ...], subject: Subject) -> bool | None:
    if subject.method is None:
        return False
    if "header" in subject.doubts:  # another line of this name may be sent
        return None
    found = named(subject.headers, dashed(name))
    if not found:
        return False
    # Two lines of one name are one list (RFC 9110 section 5.3), and servers read either end of it.
    if len(found) > 1 or not any(given.lower() == name.lower() for given, _ in subject.headers):
        return None
    value = found[0].strip(" \t")
    # A `*` that swallows a comma has swallowed another value of the list.
    whole = [text.count(",") == value.count(",") for text in globs if glob(text, value)]
    return any(whole) or (None if whole else False)


@lru_cache(1_000)  # every rule asks it of the same request
def _host_and_port(host: str, scheme: str) -> tuple[str, str] | None:
    """Name in lower case and port ("" the scheme's own), or None where it cannot be told."""
    parts = _HOST.fullmatch(host.lower())
    if parts is None:
        return None
    port = parts[2] or ""
    return _one_name(parts[1]), "" if port == PORTS.get(scheme) else port


def _one_name(name: str) -> str:
    """The one spelling of an IPv6 address; other names are as they are."""
    try:
        return f"[{IPv6Address(name[1:-1])}]" if name.startswith("[") else name
    except ValueError:
        return name


def _host(pattern: str, subject: Subject) -> bool | None:
    if subject.method is None:
        return False
    found = _host_and_port(subject.host or "", subject.scheme or "")
    if found is None or "host" in subject.doubts:
        return None
    name, port = found
    wanted, colon, wanted_port = pattern.lower().rpartition(":")
    if not colon or wanted_port.endswith("]"):
        wanted, wanted_port = pattern.lower(), ""
    wanted = _one_name(wanted.removesuffix("."))
    same = name.endswith(wanted[1:]) if wanted.startswith("*.") else name == wanted
    if not same:
        return False
    if wanted_port:
        return wanted_port == (port or PORTS.get(subject.scheme or ""))
    return True if not port else None  # another service may listen there: not clearly meant


def _path(patterns: tuple[str, ...], subject: Subject) -> bool | None:
    if subject.method is None:
        return False
    path = normal_path(subject.path or "", encoded_slash=subject.encoded_slash)
    if path is None or "path" in subject.doubts:
        return None
    if "spelling" not in subject.doubts and any(_segments(one, path) for one in patterns):
        return True
    loose = _loose(path)
    return None if any(_segments(_loose(pattern), loose) for pattern in patterns) else False


def _loose(path: str) -> str:
    """Many servers ignore case (GitHub's too), a slash at the end, or a segment's `;parameters`;
    and most read an escape that was not needed, as in `messages%3Asend`."""
    plain = re.sub(r"%(2[146-9A-E]|3A|3B|3D|40)", lambda one: chr(int(one[1], 16)), path)
    return re.sub(r";[^/]*", "", plain).rstrip("/").lower()


def _segments(pattern: str, path: str) -> bool:
    """All positions in the pattern at once, so that the time is the product of the lengths."""
    parts, places = pattern.split("/"), {0}
    for name in path.split("/"):
        places = {
            place + (parts[place] != "**")
            for place in _skipping(parts, places)
            if place < len(parts) and (parts[place] == "**" or glob(parts[place], name))
        }
    return len(parts) in _skipping(parts, places)


def _skipping(parts: list[str], places: set[int]) -> set[int]:
    """`**` may stand for no segment at all."""
    reached = set(places)
    for place, part in enumerate(parts):
        if part == "**" and place in reached:
            reached.add(place + 1)
    return reached


def _variables(subject: Subject) -> dict[str, Value | None]:
    """What a condition may name; what cannot be told is missing."""
    host, doubts = _host_and_port(subject.host or "", subject.scheme or ""), {*subject.doubts}
    path = normal_path(subject.path or "", encoded_slash=subject.encoded_slash)
    return {f"decoded.{name}": value for name, value in subject.decoded.items()} | {
        "http.method": subject.method if "method" not in doubts else None,
        "http.host": host[0] if host and "host" not in doubts else None,
        "http.path": path if not {"path", "spelling"} & doubts else None,
        "http.query": subject.query,
        "action": subject.action,
        "agent": subject.agent,
        "requester": subject.requester,
    }


def _host_is_sound(pattern: str) -> bool:
    return _HOST.fullmatch(pattern.removeprefix("*.").lower()) is not None


def _path_is_sound(pattern: str) -> bool:
    whole = all(segment == "**" or "**" not in segment for segment in pattern.split("/"))
    return whole and normal_path(pattern) == pattern


_SHAPES: Final[tuple[tuple[str, Callable[[str], bool], str], ...]] = (
    ("host", _host_is_sound, "a host is `api.example.com` or `*.example.com`"),
    (
        "method",
        lambda method: re.fullmatch(r"[A-Z]+", method) is not None,
        "methods are in capitals",
    ),
    ("path", _path_is_sound, "a path starts with `/`; `**` stands for whole segments"),
    ("action", bool, "an action is not empty"),
    ("agent", bool, "an agent is not empty"),
    ("requester", bool, "a requester is not empty"),
)
