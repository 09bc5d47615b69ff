"""Filling a channel's template: no value leaves its place, nothing is computed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, TemplateRuntimeError, Undefined
from jinja2.sandbox import SandboxedEnvironment

from approvals.cards import template_rules
from approvals.model import Button, Card, Fact, Refused
from approvals.port import Payload, Render


def renderer(name: str, source: str) -> Render:
    """Compile a template once; the result fills it. `name` says what it is: `desk.json.j2`.

    `*.json.j2`: each `{{ … }}` is printed as one whole JSON literal and the result parsed; a
    template that puts a tag inside a string of its own is a `ValueError`, here. `*.html.j2`:
    escaped by autoescape, and the payload is `{"html": …}`.

    Templates see plain values only: no calls, no globals, a handful of filters, no `safe`; what
    they may be made of, and how much they may make, stands in `template_rules`.
    Rendering raises `Refused`; no message holds a value. That the buttons drawn are the card's own
    is for the adapter to ask (`channel.same_buttons`), which knows where they stand.
    """
    html = name.endswith(".html.j2")
    if not html and not name.endswith(".json.j2"):
        raise ValueError(f"{name}: a template is called *.json.j2 or *.html.j2")
    env = _Environment(
        undefined=StrictUndefined,
        autoescape=html,
        finalize=_present if html else _literal,
        cache_size=0,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.clear()
    env.filters = {key: env.filters[key] for key in _FILTERS}
    try:
        if not html:
            _check_strings(name, env, source)
        template = env.from_string(template_rules.read(name, source, env))
    except TemplateError as error:
        raise ValueError(f"{name}: {error}") from None
    except (RecursionError, SyntaxError):  # Python takes a hundred levels
        raise ValueError(f"{name}: it is nested too deeply") from None

    def render(values: Mapping[str, Any]) -> Payload:
        try:
            text = template.render(values)
            payload = {"html": text} if html else json.loads(text)
        except (TemplateError, json.JSONDecodeError) as error:
            # A decoding error's `doc` and a traceback hold the payload: leave both behind.
            raise Refused(f"{name}: {error}") from None
        except Exception as error:
            raise Refused(f"{name}: {type(error).__name__} while filling it in") from None
        if not isinstance(payload, dict):
            raise Refused(f"{name}: the result is not a JSON object")
        return payload

    return render


_FIELDS: Final[Mapping[type, frozenset[str]]] = {
    kind: frozenset(one.name for one in fields(kind)) for kind in (Card, Fact, Button)
}
_FILTERS: Final = ("default", "first", "last", "length", "lower", "upper", "join", "trim")


class _Environment(SandboxedEnvironment):
    """Templates read values; they call nothing."""

    concat = staticmethod(template_rules.joined)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict:  # a key called "items" is that key; and this is the hot road
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if attribute in _FIELDS.get(type(obj), ()):  # data of ours: nothing to be guarded from
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not attr.startswith("_") and not callable(value)

    def is_safe_callable(self, obj: Any) -> bool:
        return False


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, Undefined):
        return str(value)  # raises, naming what is missing
    if value is None or isinstance(value, (int, float, dict, list, tuple)):
        return json.dumps(value, allow_nan=False)
    raise TemplateRuntimeError(f"a {type(value).__name__} is no plain value")


def _present(value: Any) -> Any:
    if value is None:
        raise TemplateRuntimeError("None is printed as text")
    return value


def _check_strings(name: str, env: SandboxedEnvironment, source: str) -> None:
    """Refuse a tag inside a JSON string of the template, where a value could end the string, and a
    value as a key, where it could take another key's place."""
    inside = escaped = False
    before = ""
    for line, kind, value in env.lex(source):
        if kind == "data":
            if before == "variable_end" and value.lstrip().startswith(":"):
                raise ValueError(f"{name}, line {line}: a value stands as a key")
            for char in value:
                if escaped:
                    escaped = False
                elif char == "\\":
                    escaped = inside
                elif char == '"':
                    inside = not inside
        elif kind in ("variable_begin", "block_begin") and inside:
            raise ValueError(f"{name}, line {line}: a tag stands inside a JSON string")
        before = kind
