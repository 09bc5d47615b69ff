"""What a request's bytes mean, as values: `Reading`, its parts and their leaves. Pure.

Law 29: one reading, or none. A part is *clear* where mainstream servers that take the request agree
on every value in it; otherwise `Part.unclear` says why in a sentence, and it gives no values. Law
14: a reading is *faithful* where its leaves account for every byte of query, headers and body.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, NamedTuple, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands: the keys and indexes that lead to it."""

MAX_LEAVES: Final = 5_000
"""Values in one part; a part with more is unclear, because every reader waits while it is read."""
TOO_MANY: Final = "It holds too many values to be shown."
LARGEST: Final = 1024 * 1024
"""Bytes of a body that are taken apart into values. Opaque parts and attachments may be larger."""
MAX_DEPTH: Final = 64
"""Levels of nesting; System.Text.Json stops at 64, Ruby's json at 100, PHP at 512."""


class Unclear(Enum):
    """Something stands there, and servers differ in what they read."""

    UNCLEAR = "unclear"


UNCLEAR: Final = Unclear.UNCLEAR


class Doubtful(ValueError):
    """Something has more than one reading. `str()` is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """A name that was given several times, with its texts in order: a list to servers that expect
    one, the first or the last of them to others."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque:
    """Bytes that are not text: named by type, size and digest, never shown as meaning.

    `name`: a file name, if one came with it. `sha256`: hex.
    """

    media_type: str
    size: int
    sha256: str
    name: str | None = None
    path: Path = ()


class Leaf(NamedTuple):
    """One value; a tuple, because a request has thousands and a dataclass takes longer to make.

    `inside`: what an encoded text says once it is decoded (`how`: "base64", "JSON in a text" …); a
    card shows that instead of the encoded text.
    """

    path: Path
    value: Scalar
    inside: Part | Opaque | None = None
    how: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that was read: the query, a body, a file of a form, a decoded text.

    `kind`: "none", "query", "form", "json", "ndjson", "text", "multipart" (a form),
    "parts" (of an upload), "mail", "xml", "aws-chunked", "jwt", "git", "opaque" …. `leaves`:
    everything it says, in its own order. `tree`: the same as nested mappings and lists, for
    conditions and titles; `UNCLEAR` where `unclear` is set. `repeated`: names given several times
    in a form or query. `undecoded`: a sentence where text is still encoded.
    """

    kind: str
    leaves: tuple[Leaf | Opaque, ...] = ()
    tree: Any = field(default_factory=dict)
    unclear: str | None = None
    repeated: tuple[str, ...] = ()
    undecoded: str | None = None

    def walk(self) -> Iterator[Leaf | Opaque]:
        """Every leaf, those of decoded texts and inner parts too."""
        for leaf in self.leaves:
            yield leaf
            match leaf:
                case Leaf(inside=Part() as part):
                    yield from part.walk()
                case Leaf(inside=Opaque() as opaque):
                    yield opaque


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a request goes. `refused`: servers fold this address in different ways, so nobody is
    even asked. `doubts`: "method", "host", "path" or "spelling" (of the path), and
    why a server may take another one.

    `host` in lower case with its port, if it is not the scheme's own; `segments` of the path,
    percent-decoded; empty where they cannot be told.
    """

    method: str
    scheme: str = ""
    host: str = ""
    path: str = ""
    query: str | None = None
    segments: tuple[str, ...] = ()
    refused: str | None = None
    doubts: Mapping[str, str] = field(default_factory=dict)

    @property
    def unclear(self) -> str | None:
        return self.refused or next(iter(self.doubts.values()), None)


@dataclass(frozen=True, slots=True)
class Header:
    """One header as it will be sent. `ordinary`: it cannot change what is done (`headers.py`)."""

    name: str
    value: str
    ordinary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a reader of one protocol understood, beyond plain values.

    `name`: its name in titles, facts and conditions (`aws`, `git`, `graphql`, `kubernetes`, `mail`,
    `rpc`, `sql`, `shell`). `values`: what it offers there. `says`: the operation in a few plain
    words ("TerminateInstances"), for a title where no rule has words. `inside`: leaves of the body
    by path, and what their text says.
    """

    name: str
    values: Mapping[str, Any]
    says: str | None = None
    inside: Mapping[Path, Part | Opaque] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What a pack or an operator states about one API's servers, each with its source.

    `repeats`: names that the API reads as a list where they are given several times; `"*"`: all.
    `encoded_slash`: its paths hold `%2F` within a segment (GitLab's project paths, Cloud Storage's
    object names).
    """

    repeats: frozenset[str] = frozenset()
    encoded_slash: bool = False

    def lists(self, name: str) -> bool:
        return "*" in self.repeats or name in self.repeats


PLAIN: Final = Dialect()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One request, read once, for rules, facts, titles, cards and pages alike.

    `target` None: it is not HTTP, and `body` is the JSON payload. `complete` False: bytes of the
    body were never received. `some_headers`: more lines of each name may be sent than are here.
    """

    target: Target | None
    query: Part
    headers: tuple[Header, ...]
    body: Part
    meanings: tuple[Meaning, ...] = ()
    complete: bool = True
    dialect: Dialect = PLAIN
    some_headers: bool = False

    @property
    def unclear(self) -> str | None:
        """Why servers may read it in more than one way, as a sentence; None where they agree."""
        target = self.target.unclear if self.target is not None else None
        repeated = next(iter((*self.query.repeated, *self.body.repeated)), None)
        if repeated is not None:
            repeated = f"`{repeated}` is given several times; servers differ in which they take."
        return target or self.query.unclear or self.body.unclear or repeated

    @property
    def faithful(self) -> bool:
        """Do its leaves account for every byte, in one reading, with nothing left encoded?"""
        return self.complete and self.unclear is None and self.undecoded is None

    @property
    def undecoded(self) -> str | None:
        """Why some text still counts as not shown; None where all of it is decoded."""
        for part in (self.query, self.body):
            for one in (part, *_parts(part)):
                if one.undecoded is not None:
                    return one.undecoded
        return None

    @property
    def opaque(self) -> tuple[Opaque, ...]:
        """Every part that is shown by type, size and digest only."""
        return tuple(one for one in self.body.walk() if isinstance(one, Opaque))


def _parts(part: Part) -> Iterator[Part]:
    for leaf in part.walk():
        if isinstance(leaf, Leaf) and isinstance(leaf.inside, Part):
            yield leaf.inside


def under(path: Path, leaf: Leaf | Opaque) -> Leaf | Opaque:
    """The same leaf, below that path."""
    path = (*path, *leaf.path)
    return leaf._replace(path=path) if isinstance(leaf, Leaf) else replace(leaf, path=path)


def unclear_text(kind: str, text: str, why: str) -> Part:
    """A text that is shown as it stands, because servers may read it in more than one way."""
    return Part(kind=kind, leaves=(Leaf((), text),), tree=UNCLEAR, unclear=why)


def nodes(tree: Any) -> Iterator[Any]:
    """Every value in nested mappings and lists, these themselves too, in their order."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, Mapping):
            stack += [*node.values()][::-1]
        elif isinstance(node, list | tuple):
            stack += node[::-1]


_SCALARS: Final = frozenset((str, int, float, bool, type(None)))
_NESTS: Final = (dict, list, tuple, Opaque, Repeated)


def nested(kind: str, tree: Any) -> Part:
    """A part whose leaves are those of a tree of mappings, lists and scalars, in its order.

    An empty mapping or list is a leaf too (its path, None): it stands in the bytes. A tree with
    more than `MAX_LEAVES` values is unclear.
    """
    leaves: list[Leaf | Opaque] = []
    open_: list[Iterator[tuple[Path, Any]]] = [iter([((), tree)])]
    while open_:
        for path, value in open_[-1]:
            if type(value) in _SCALARS or not isinstance(value, _NESTS):
                leaves.append(Leaf(path, value))
            elif isinstance(value, dict) and value:
                open_.append(iter([((*path, key), one) for key, one in value.items()]))
                break
            elif isinstance(value, list | tuple) and value:
                open_.append(iter([((*path, at), one) for at, one in enumerate(value)]))
                break
            elif isinstance(value, Opaque):
                leaves.append(value)
            elif isinstance(value, Repeated):
                leaves += [Leaf(path, text) for text in value.texts]
            else:
                leaves.append(Leaf(path, "{}" if isinstance(value, dict) else "[]", how="empty"))
            if len(leaves) > MAX_LEAVES:
                return Part(kind=kind, tree=UNCLEAR, unclear=TOO_MANY)
        else:
            open_.pop()
    return Part(kind=kind, leaves=tuple(leaves), tree=tree)
