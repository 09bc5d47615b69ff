"""The contract as served: OpenAPI 3.1, made from the table of routes and the models of `schemas`.

Each handler enters itself into a table (`Operation`), with what it takes and what it may answer.
The application's routes and the document are both read from there. What follows from that is not
said again: a body can be malformed, an id unknown, a change too late, a caller too fast.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from types import GenericAlias
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from approvals import __version__
from approvals.web import schemas
from approvals.web.problems import Problem

LONGEST: Final = 17
"""Digits of a number in a query: what follows goes to a database, and int() of many is slow."""
NOBODY: Final = ()
REQUESTER: Final = ("requester",)
PERSON: Final = ("person",)
EITHER: Final = (*REQUESTER, *PERSON)
"""Who may call: the names of security schemes, one of which is wanted."""
SCHEMES: Final = {
    "requester": "A requester's key.",
    "person": "A personal token, made in the inbox (`csp_…`).",
}
Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its schema, and the check that a text has it. `must`: the check in words."""

    name: str
    schema: Mapping[str, Any]
    fits: Callable[[str], object]
    must: str
    about: str = ""
    place: str = "query"

    def of(self, request: web.Request) -> str | None:
        """What was sent; None: nothing was. Raises a 422 problem that names it."""
        text = request.query.get(self.name)
        if text is not None and not self.fits(text):
            raise Problem(422, "invalid_parameter", f"{self.name} must {self.must}")
        return text

    @property
    def described(self) -> dict[str, Any]:
        """Itself in the document."""
        more = {"description": self.about} if self.about else {}
        needed = {"required": True} if self.place == "path" else {}
        return {"name": self.name, "in": self.place, **needed, "schema": self.schema, **more}


def number(name: str, least: int, most: int, about: str = "") -> Parameter:
    """A whole number within bounds."""

    def fits(text: str) -> bool:
        digits = text.isascii() and text.isdigit() and len(text) <= LONGEST
        return digits and least <= int(text) <= most

    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Parameter(name, schema, fits, f"be a number from {least} to {most}", about)


def matching(name: str, pattern: str, about: str = "", *, place: str = "query") -> Parameter:
    """A text of this shape."""
    schema = {"type": "string", "pattern": pattern}
    fits = re.compile(pattern).fullmatch
    return Parameter(name, schema, fits, f"match {pattern}", about, place)


def one_of(name: str, values: Sequence[str]) -> Parameter:
    """One of these words."""
    schema = {"enum": [*map(str, values)]}
    return Parameter(name, schema, values.__contains__, f"be one of {', '.join(values)}")


_ID: Final = matching("id", schemas.ID.pattern, "The request's id.", place="path")


@dataclass(slots=True)
class Operation:
    """One route, and the decorator that enters its handler, a method, into a table of them. The
    document has the handler's name in camel case, and its docstring as the summary.

    `body`: what has to come, or may (`optional`). `answers`: by status, a type as JSON or the media
    type of a text. `problems`: the statuses that do not follow from the rest.
    """

    table: list[Operation] = field(repr=False)
    method: str
    path: str
    callers: Sequence[str]
    answers: Mapping[int, Any]
    body: type[BaseModel] | None = None
    _: KW_ONLY
    optional: bool = False
    parameters: Sequence[Parameter] = ()
    problems: Sequence[int] = ()
    handler: str = field(default="", init=False)
    summary: str = field(default="", init=False)

    def __call__(self, handler: Handler) -> Handler:
        about = (inspect.getdoc(handler) or "").partition("\n\n")[0]
        self.handler, self.summary = handler.__name__, " ".join(about.split()).rstrip(".")
        self.table.append(self)
        return handler

    def fails(self) -> list[int]:
        """The statuses of all its problems."""
        found = {*self.problems}
        found |= {401, 429, 503} if self.callers else set()
        found |= {409} if self.method != "GET" else set()
        found |= {403} if len(self.callers) == 1 else set()
        found |= {404} if "{id}" in self.path else set()
        found |= {422} if any(one.place == "query" for one in self.parameters) else set()
        found |= {400, 408, 413, 415, 422} if self.body else set()
        return sorted(found)


def routes(table: Iterable[Operation], of: object) -> Iterator[web.RouteDef]:
    """What the application mounts; the handlers are methods `of` this object."""
    for one in table:
        more = {"allow_head": False} if one.method == "GET" else {}
        yield web.route(one.method, one.path, getattr(of, one.handler), **more)


def document(*tables: Iterable[Operation]) -> dict[str, Any]:
    """The whole document, as JSON-able values."""
    operations = [one for table in tables for one in table]
    answered = [what for one in operations for what in one.answers.values()]
    refs, named = _schemas("validation", [one.body for one in operations if one.body])
    more = _schemas(
        "serialization", [schemas.Problem, *(t for t in answered if not isinstance(t, str))]
    )
    ref, components = refs | more[0], named | more[1]
    paths: dict[str, Any] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, ref)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Countersign",
            "version": __version__,
            "summary": "A human signs off before an agent acts.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": about}
                for name, about in SCHEMES.items()
            },
        },
    }


def _schemas(mode: JsonSchemaMode, types: Iterable[Any]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The schema of each type, and the components that they refer to. As one tuple: what several of
    them hold is read once."""
    each = tuple(dict.fromkeys(types))
    whole: Any = GenericAlias(tuple, each)
    made = TypeAdapter(whole).json_schema(mode=mode, ref_template="#/components/schemas/{model}")
    return dict(zip(each, made["prefixItems"], strict=True)), made["$defs"]


def _operation(one: Operation, ref: Mapping[Any, Any]) -> dict[str, Any]:
    def answer(kind: str, schema: Any) -> dict[str, Any]:
        return {"description": kind, "content": {kind: {"schema": schema}}}

    responses = {
        str(status): answer(what, {"type": "string"})
        if isinstance(what, str)
        else answer("application/json", ref[what])
        for status, what in one.answers.items()
    }
    for status in one.fails():
        responses[str(status)] = answer("application/problem+json", ref[schemas.Problem])
    parameters = [*([_ID] if "{id}" in one.path else []), *one.parameters]
    made: dict[str, Any] = {
        "summary": one.summary,
        "operationId": re.sub(r"_(.)", lambda found: found[1].upper(), one.handler),
        "security": [{caller: []} for caller in one.callers],
        **({"parameters": [each.described for each in parameters]} if parameters else {}),
        "responses": responses,
    }
    if one.body:
        content = {"application/json": {"schema": ref[one.body]}}
        made["requestBody"] = {"required": not one.optional, "content": content}
    return made
