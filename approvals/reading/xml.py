"""XML as a tree. Pure, linear.

Clear is what XML parsers read alike without a schema: UTF-8, no document type, no entities beyond
the five, no processing instruction; no comment and no CDATA within a text, which some programs cut
there (https://duo.com/blog/duo-finds-saml-vulnerabilities-affecting-multiple-implementations).
An element is a mapping of its `@attributes` and children, or its text; elements of one name are a
list; text between elements is kept in order (`#content`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final
from xml.parsers import expat

from approvals.reading.values import (
    MAX_DEPTH,
    MAX_LEAVES,
    TOO_MANY,
    Doubtful,
    Part,
    nested,
    unclear_text,
)


def read_xml(text: str) -> Part:
    """Never raises."""
    try:
        return nested("xml", _Tree().read(text))
    except Doubtful as doubt:
        why = str(doubt)
    except (expat.ExpatError, ValueError):
        why = "It is not well-formed XML."
    return replace(unclear_text("xml", text, why), undecoded=why)


@dataclass(slots=True)
class _Element:
    """`content`: texts, and children as (name, value), in order. `broken`: a text in it does not
    stand in one piece. `closed`: a CDATA section ended in it."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    content: list[str | tuple[str, Any]] = field(default_factory=list)
    broken: bool = False
    closed: bool = False

    def value(self) -> Any:
        texts = [one for one in self.content if isinstance(one, str)]
        children = [one for one in self.content if not isinstance(one, str)]
        said = "".join(texts)
        if self.broken and said.strip():
            raise Doubtful("A comment or CDATA stands within a text; some programs cut it there.")
        found: dict[str, Any] = {f"@{name}": value for name, value in self.attributes.items()}
        if not children:
            if not found:
                return said
            return found | {"#text": said} if said else found
        if said.strip():
            mixed = [one if isinstance(one, str) else {one[0]: one[1]} for one in self.content]
            return found | {"#content": mixed}
        local: dict[str, str] = {}
        counts: dict[str, list[Any]] = {}
        for name, value in children:
            plain = name.rpartition(":")[2]
            if not name.startswith("#") and local.setdefault(plain, name) != name:
                raise Doubtful(f"`{plain[:60]}` appears with and without a namespace.")
            counts.setdefault(name, []).append(value)
        return found | {
            name: values[0] if len(values) == 1 else values for name, values in counts.items()
        }


class _Tree:
    """Events of the parser, made into a tree. A comment is a child named `#comment`."""

    def __init__(self) -> None:
        self._open: list[_Element] = [_Element("")]
        self._count = 0
        self._source = b""
        self._parser = expat.ParserCreate(encoding="utf-8")

    def read(self, text: str) -> Any:
        if text.startswith("\ufeff"):
            raise Doubtful("It begins with a byte order mark, which not all servers skip.")
        parser = self._parser
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = _refuse("a document type")
        parser.EntityDeclHandler = _refuse("an entity")
        parser.ProcessingInstructionHandler = _refuse("a processing instruction")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.CommentHandler = self._comment
        parser.StartCdataSectionHandler = self._cdata_starts
        parser.EndCdataSectionHandler = self._cdata_ends
        self._source = text.encode()
        parser.Parse(self._source, True)
        found: dict[str, list[Any]] = {}
        for child in self._open[0].content:
            if not isinstance(child, str):
                found.setdefault(child[0], []).append(child[1])
        return {name: values if name == "#comment" else values[0] for name, values in found.items()}

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        if version != "1.0":
            raise Doubtful("It is a version of XML that few programs read.")
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
            raise Doubtful(f"It says that its encoding is {encoding[:40]!r}.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if attributes and not _TAG.match(self._source, self._parser.CurrentByteIndex):
            raise Doubtful("An attribute holds a line end or a tab, which not all programs keep.")
        self._count += 1 + len(attributes)
        if self._count > MAX_LEAVES:
            raise Doubtful(TOO_MANY)
        if len(self._open) > MAX_DEPTH:
            raise Doubtful(f"It is nested deeper than {MAX_DEPTH} levels.")
        self._open.append(_Element(name, attributes))

    def _end(self, name: str) -> None:
        element = self._open.pop()
        self._open[-1].content.append((name, element.value()))

    def _text(self, text: str) -> None:
        element = self._open[-1]
        element.broken = element.broken or element.closed
        element.content.append(text)

    def _comment(self, text: str) -> None:
        self._count += 1
        if self._count > MAX_LEAVES:
            raise Doubtful(TOO_MANY)
        self._open[-1].broken = len(self._open) > 1
        self._open[-1].content.append(("#comment", text))

    def _cdata_starts(self) -> None:
        element = self._open[-1]
        element.broken = element.broken or bool(element.content)

    def _cdata_ends(self) -> None:
        self._open[-1].closed = True


_TAG: Final = re.compile(
    rb"<[^\s/>\"']++"
    rb"(?>(?:\s++[^\s=/>\"']++\s*+=\s*+(?:\"[^\"\t\r\n]*+\"|'[^'\t\r\n]*+'))*)\s*+/?>"
)


def _refuse(what: str) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise Doubtful(f"It holds {what}, which some programs act on and others ignore.")

    return refuse
