"""GraphQL: which operation runs, and what its root fields do with which arguments. Pure.

The document is parsed by graphql-core, bounded first. Variables are put in their places, fragments
expanded, @skip and @include evaluated; where one of these cannot be told, the fields are `UNCLEAR`.
A request that names its document by a hash only is one whose document is not shown.

https://spec.graphql.org/September2025/ · https://graphql.github.io/graphql-over-http/draft/ ·
https://www.apollographql.com/docs/apollo-server/performance/apq (November 2026)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLError, get_operation_ast, parse, print_ast
from graphql.language import ast

from approvals.reading.json_text import parse as parse_json
from approvals.reading.shapes import field, in_words, listed, short
from approvals.reading.values import UNCLEAR, Leaf, Meaning, Part, Path, Reading

MAX_DOCUMENT: Final = 64 * 1024
"""Characters of a document that is parsed."""
MAX_TOKENS: Final = 2_000
"""Tokens of a document: parsed in about 20 ms."""
MAX_REQUESTS: Final = 10
"""Requests in one batch that are taken apart."""


def graphql(reading: Reading) -> Meaning | None:
    """`graphql.type` (query, mutation, subscription), `.operation` (its name), `.fields`: the root
    fields as [{name, alias, arguments}], `.names` of them, `.reads`; of a batch all fields, and
    `.operations`: [{type, name, fields}] for each."""
    if reading.unclear is not None:
        return None
    requests = [*_requests(reading)]
    if not requests:
        return None
    operations: list[_Operation | None] = []
    inside: dict[Path, Part] = {}
    tokens = 0
    for one in requests[:MAX_REQUESTS]:
        document = _parsed(one.text, tokens) if one.text is not None else None
        tokens += document.token_count if document is not None else 0
        operations.append(_operation(one, document) if document is not None else None)
        inside |= _inside(one, document)
    known = [one for one in operations if one is not None]
    clear = len(known) == len(requests)
    fields = [one for operation in known for one in operation.fields or ()]
    told = clear and all(operation.fields is not None for operation in known)
    kinds = list(dict.fromkeys(operation.type for operation in known))
    single = clear and len(known) == 1
    every = [{"type": one.type, "name": one.name, "fields": [*(one.fields or ())]} for one in known]
    values = {
        "type": kinds[0] if clear and len(kinds) == 1 else UNCLEAR,
        "operation": known[0].name if single else UNCLEAR,
        "fields": fields if told else UNCLEAR,
        "names": [one["name"] for one in fields] if told else UNCLEAR,
        "operations": every if told else UNCLEAR,
        "reads": told and kinds == ["query"],
    }
    says = _says(known) if told else None
    return Meaning(name="graphql", values=values, says=says, inside=inside)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """`text` None: only a hash or an id of the document was sent. `place`: where it stands."""

    text: str | None
    place: Path
    name: Any
    variables: Any
    hash: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    """`fields` None: they cannot be told."""

    type: str
    name: str | None
    fields: tuple[dict[str, Any], ...] | None


_DOCUMENT: Final = re.compile(
    r"(?>(?:[\s,\ufeff]++|#[^\n]*+)*)(?:\{|(?:query|mutation|subscription)\b[^{]*+\{|fragment\s++\w++\s++on\b)"
)
_KEYS: Final = frozenset(("query", "extensions"))
_IDS: Final = ("documentId", "doc_id", "queryId", "query_hash", "id")
"""Where clients send the id of a document that the server keeps, beside `persistedQuery`."""


def _requests(reading: Reading) -> Iterator[_Request]:
    target, body, query = reading.target, reading.body, reading.query.tree
    at_graphql = target is not None and "graphql" in target.path.lower()
    given = query if isinstance(query, dict) else {}
    if body.kind in ("json", "form") and isinstance(body.tree, list | dict):
        items = body.tree if isinstance(body.tree, list) else [body.tree]
        many = isinstance(body.tree, list)
        found = [
            _request({**given, **item}, (at,) if many else (), at_graphql=at_graphql)
            if isinstance(item, dict) and (at_graphql or _KEYS & {str(key).lower() for key in item})
            else None
            for at, item in enumerate(items)
        ]
        if any(one is not None for one in found):
            # One of a batch that is not understood leaves the batch unclear.
            for one in found:
                yield one or _Request(text=None, place=("?",), name=None, variables=None)
            return
    typed = [one.value for one in reading.headers if one.name.lower() == "content-type"]
    if body.kind == "text" and typed and typed[0].strip().lower().startswith("application/graphql"):
        text = str(getattr(body.leaves[0], "value", "")) if body.leaves else ""
        yield _Request(
            text=text, place=(), name=given.get("operationName"), variables=given.get("variables")
        )
    elif body.kind == "none" and (one := _request(given, (), at_graphql=at_graphql)) is not None:
        yield one


def _request(fields: Mapping[str, Any], place: Path, *, at_graphql: bool) -> _Request | None:
    text = field(fields, "query")
    extensions = _object(field(fields, "extensions"))
    persisted = field(extensions, "persistedQuery") if isinstance(extensions, dict) else None
    hash_ = field(persisted, "sha256Hash") if isinstance(persisted, dict) else None
    name, variables = field(fields, "operationName"), field(fields, "variables")
    if isinstance(text, str) and text.strip():
        if not at_graphql and not _DOCUMENT.match(text):
            return None
        return _Request(
            text=text, place=(*place, "query"), name=name, variables=variables, hash=hash_
        )
    where: Path | None = ("query",) if at_graphql and text is UNCLEAR else None
    if isinstance(persisted, dict):
        where = ("extensions", "persistedQuery", "sha256Hash")
    elif at_graphql:
        where = next(((key,) for key in _IDS if key in fields), where)
    if where is None:
        return None
    return _Request(text=None, place=(*place, *where), name=name, variables=variables, hash=hash_)


def _object(value: Any) -> Any:
    """Extensions and variables in a query are JSON in a text."""
    if isinstance(value, str):
        try:
            return parse_json(value) if value.strip() else None
        except (ValueError, RecursionError):
            return UNCLEAR
    return value


def _inside(request: _Request, document: ast.DocumentNode | None) -> dict[Path, Part]:
    if request.text is None:
        why = "The document is not in the request: it is named by a hash or an id only."
        return {request.place: Part(kind="text", undecoded=why)}
    text = request.text
    if document is not None and "\n" not in text:
        text = print_ast(document)
    return {request.place: Part(kind="graphql", leaves=(Leaf((), text),))}


def _parsed(text: str, used: int) -> ast.DocumentNode | None:
    if len(text) > MAX_DOCUMENT:
        return None
    try:
        return parse(text, no_location=True, max_tokens=max(MAX_TOKENS - used, 1))
    except (GraphQLError, RecursionError, ValueError):
        return None


def _operation(request: _Request, document: ast.DocumentNode) -> _Operation | None:
    """The one that runs; None where it cannot be told."""
    operations, fragments = [], {}
    for definition in document.definitions:
        match definition:
            case ast.OperationDefinitionNode():
                operations.append(definition)
            case ast.FragmentDefinitionNode() if definition.name.value not in fragments:
                fragments[definition.name.value] = definition
            case _:
                return None
    named = [one.name.value if one.name is not None else None for one in operations]
    if len(set(named)) != len(named) or not isinstance(request.name, str | None):
        return None
    running = get_operation_ast(document, request.name or None)
    if running is None:
        return None
    if request.hash is not None:
        digest = hashlib.sha256((request.text or "").encode()).hexdigest()
        if not isinstance(request.hash, str) or request.hash.lower() != digest:
            return None
    reader = _Fields(running, fragments, _object(request.variables))
    try:
        fields: tuple[dict[str, Any], ...] | None = tuple(reader.read())
    except (_Unknown, RecursionError, ValueError):
        fields = None
    name = running.name.value if running.name is not None else None
    return _Operation(type=running.operation.value, name=name, fields=fields)


class _Unknown(Exception):
    """Something of it cannot be told."""


class _Fields:
    """The root fields of one operation, with their arguments."""

    def __init__(
        self,
        operation: ast.OperationDefinitionNode,
        fragments: Mapping[str, ast.FragmentDefinitionNode],
        variables: Any,
    ) -> None:
        self.operation, self.fragments = operation, fragments
        self.given = {} if variables is None else variables
        self.defaults: dict[str, Any] = {}
        self.declared: set[str] = set()
        self.seen: set[str] = set()

    def read(self) -> Iterator[dict[str, Any]]:
        for definition in self.operation.variable_definitions or ():
            name = definition.variable.name.value
            if name in self.declared:
                raise _Unknown
            self.declared.add(name)
            if definition.default_value is not None:
                self.defaults[name] = self._value(definition.default_value)
        if not isinstance(self.given, dict) or self.given.keys() - self.declared:
            raise _Unknown
        if self.operation.directives:
            raise _Unknown
        yield from self._selected(self.operation.selection_set)

    def _selected(self, selections: ast.SelectionSetNode) -> Iterator[dict[str, Any]]:
        for selection in selections.selections:
            if not self._included(selection.directives or ()):
                continue
            match selection:
                case ast.FieldNode():
                    arguments: dict[str, Any] = {}
                    for argument in selection.arguments or ():
                        if argument.name.value in arguments:
                            raise _Unknown
                        arguments[argument.name.value] = self._value(argument.value)
                    alias = selection.alias.value if selection.alias is not None else None
                    yield {"name": selection.name.value, "alias": alias, "arguments": arguments}
                case ast.InlineFragmentNode():
                    yield from self._selected(selection.selection_set)
                case ast.FragmentSpreadNode():
                    name = selection.name.value
                    if name not in self.fragments:
                        raise _Unknown
                    if name not in self.seen:
                        self.seen.add(name)
                        yield from self._selected(self.fragments[name].selection_set)

    def _included(self, directives: tuple[ast.DirectiveNode, ...]) -> bool:
        included = True
        for directive in directives:
            name = directive.name.value
            if name not in ("skip", "include") or len(directive.arguments or ()) != 1:
                raise _Unknown
            (argument,) = directive.arguments or ()
            value = self._value(argument.value)
            if argument.name.value != "if" or not isinstance(value, bool):
                raise _Unknown
            included = included and value is (name == "include")
        return included

    def _value(self, node: ast.ValueNode) -> Any:
        match node:
            case ast.VariableNode():
                name = node.name.value
                if name in self.given and name in self.declared:
                    return self.given[name]
                if name in self.defaults:
                    return self.defaults[name]
            case ast.IntValueNode():
                number = int(node.value) if len(node.value) < 17 else 2**53
                if abs(number) >= 2**53:
                    raise _Unknown
                return number
            case ast.FloatValueNode():
                return float(node.value)
            case ast.StringValueNode() | ast.EnumValueNode() | ast.BooleanValueNode():
                return node.value
            case ast.NullValueNode():
                return None
            case ast.ListValueNode():
                return [self._value(one) for one in node.values]
            case ast.ObjectValueNode():
                fields = {one.name.value: self._value(one.value) for one in node.fields}
                if len(fields) != len(node.fields):
                    raise _Unknown
                return fields
        raise _Unknown


def _says(operations: list[_Operation]) -> str:
    head = " and ".join(dict.fromkeys(operation.type for operation in operations))
    shown = [
        _shown(one, whole=operation.type != "query")
        for operation in sorted(operations, key=lambda one: one.type == "query")
        for one in operation.fields or ()
    ]
    many = f"{len(operations)} operations, " if len(operations) > 1 else ""
    return f"{many}{head}: {listed(shown, 180)}" if shown else f"{many}{head} of nothing"


def _shown(one: Mapping[str, Any], *, whole: bool) -> str:
    alias = f"{short(one['alias'], 30)}: " if one["alias"] else ""
    arguments = one["arguments"]
    inner = arguments.get("input") if len(arguments) == 1 else None
    pairs = inner if isinstance(inner, dict) else arguments
    words = [f"{short(str(key), 30)} {in_words(value, 40)}" for key, value in pairs.items()]
    return f"{alias}{one['name']}" + (f" ({listed(words, 110)})" if whole and words else "")
