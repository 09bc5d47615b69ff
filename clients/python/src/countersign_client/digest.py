"""The digest of an action: what an approval is bound to. Pure.

It is always computed from what is about to run, never from what the service says. The layout, and
ten vectors that the tests run, stand in docs/digest.md of the service. RFC 8785 (JCS) is the
canonical form of JSON: https://www.rfc-editor.org/rfc/rfc8785
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any, Final

MAX_DEPTH: Final = 64
MAX_NUMBER: Final = 2**53 - 1
"""A double, and so JCS, cannot tell larger neighbours apart."""


def digest_payload(*, action: str, payload: Any, revision: int = 1) -> str:
    """ "sha-256:" and hex of an action with any JSON value. `ValueError`: it has no one meaning."""
    fields = _text(action), _text(canonical(payload))
    return _hash(_text("countersign/digest/payload/1"), _integer(revision), *fields)


def digest_http(
    *,
    action: str,
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    revision: int = 1,
) -> str:
    """ "sha-256:" and hex of an HTTP request as it will be sent. `ValueError`: it cannot be."""
    if not _TOKEN.fullmatch(method):
        raise ValueError(f"{method!r} is not an HTTP method")
    scheme, authority, path, query = _split(url)
    bound = _end_to_end(headers)
    for name, value in bound:
        if name == "host" and _split(f"{scheme}://{value}/") != (scheme, authority, "/", None):
            raise ValueError("the Host header names another host than the URL")
    return _hash(
        _text("countersign/digest/http/1"),
        _integer(revision),
        *map(_text, (action, method, scheme, authority, path)),
        b"n:" if query is None else _text(query),
        _integer(len(bound)),
        *(_text(part) for header in bound for part in header),
        b"b%d:%b" % (len(body), body),
    )


def canonical(value: Any) -> str:
    """The JCS form of a JSON value. `ValueError`, in words, for anything that is none."""
    out: list[str] = []
    _write(value, out, 0)
    return "".join(out)


def read_json(text: str | bytes, *, without: Collection[str] = ()) -> Any:
    """The one reading of a JSON text. `ValueError`: it has none, or several (a key twice).

    `without`: keys of the outermost object that are dropped, with whatever numbers they hold.
    """
    text = text if isinstance(text, str) else text.decode()
    try:
        value = json.loads(text, object_pairs_hook=_object)
        if isinstance(value, dict):
            value = {name: one for name, one in value.items() if name not in without}
        canonical(value)  # its depth and its numbers
    except RecursionError:
        raise ValueError(f"the JSON is nested deeper than {MAX_DEPTH}") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(value := dict(pairs)) != len(pairs):
        raise ValueError("the JSON has a key twice in one object")
    return value


def _write(value: Any, out: list[str], depth: int) -> None:
    match value:
        case None | True | False:
            out.append({None: "null", True: "true", False: "false"}[value])
        case str():
            out.append(_quoted(value))
        case int() | float():
            out.append(_number(value))
        case dict() | list() | tuple() if depth >= MAX_DEPTH:
            raise ValueError(f"the JSON is nested deeper than {MAX_DEPTH}")
        case dict():
            quoted = dict[str, str]()
            for key in value:
                if not isinstance(key, str):
                    raise ValueError(f"a key of an object is {type(key).__name__}, not text")
                quoted[key] = _quoted(key)
            # RFC 8785 §3.2.3: sorted by UTF-16 code units.
            for at, key in enumerate(sorted(quoted, key=lambda key: key.encode("utf-16-be"))):
                out += ["," if at else "{", quoted[key], ":"]
                _write(value[key], out, depth + 1)
            out.append("}" if value else "{}")
        case list() | tuple():
            for at, one in enumerate(value):
                out.append("," if at else "[")
                _write(one, out, depth + 1)
            out.append("]" if value else "[]")
        case _:
            raise ValueError(f"{type(value).__name__} is not a JSON value")


def _quoted(text: str) -> str:
    if _SURROGATE.search(text):
        raise ValueError("a text has half a character (a lone surrogate)")
    return encode_basestring(str(text))


def _number(value: float) -> str:
    """ECMA-262 §6.1.6.1.20, Number::toString, for what JSON can hold."""
    if not math.isfinite(value) or abs(value) > MAX_NUMBER:
        raise ValueError("a number is beyond ±(2^53-1)")
    if value == int(value):
        return str(int(value))
    digits, _, exponent = repr(float(value)).partition("e")
    if not exponent:
        sign, plain = ("-", digits[1:]) if digits[0] == "-" else ("", digits)
        return sign + plain
    power = int(exponent)
    sign = "-" if digits[0] == "-" else ""
    mantissa = digits.lstrip("-").removesuffix(".0").replace(".", "")
    if power >= -6:  # Python writes 1e-05 where ECMAScript writes 0.00001
        return f"{sign}0.{'0' * (-power - 1)}{mantissa}"
    rest = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{sign}{mantissa[0]}{rest}e{power}"


_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST: Final = r"(\[[0-9a-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?)(?::([1-9]\d{0,4}))?"
_URL: Final = re.compile(rf"(?ai)(https?)://{_HOST}(/[!-\"$->@-~]*)?(?:\?([!-\"$-~]*))?")
_HOP_BY_HOP: Final = frozenset(
    (
        *("connection", "http2-settings", "keep-alive", "te", "trailer", "transfer-encoding"),
        *("upgrade", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
    )
)
"""RFC 9110 §7.6.1 and its forerunners: they end at the next hop."""


def _split(url: str) -> tuple[str, str, str, str | None]:
    found = _URL.fullmatch(url)
    if found is None or int(found[3] or 0) > 65535:
        raise ValueError("not a plain http(s)://host[:port]/path?query, no user, no fragment")
    scheme, host, port = found[1].lower(), found[2].lower(), found[3]
    plain = port in {None, "80" if scheme == "http" else "443"}
    return scheme, host if plain else f"{host}:{port}", found[4] or "/", found[5]


def _end_to_end(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    listed = []
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or re.search(r"[^\t -~\x80-\xff]", value):
            raise ValueError(f"the header {name!r} has a name or value that cannot be sent")
        listed.append((name.lower(), value.strip(" \t")))
    bound = [header for header in listed if header[0] not in _HOP_BY_HOP]
    options = ",".join(value for name, value in listed if name == "connection").lower()
    dropped = {option.strip(" \t") for option in options.split(",")} & {name for name, _ in bound}
    if dropped:
        raise ValueError(f"the Connection header names {min(dropped)}, which is sent end to end")
    return sorted(bound, key=lambda header: header[0])


def _text(value: str) -> bytes:
    if _SURROGATE.search(value):
        raise ValueError("a text has half a character (a lone surrogate)")
    raw = value.encode()
    return b"s%d:%b" % (len(raw), raw)


def _integer(value: int) -> bytes:
    return b"i%d:" % value


def _hash(*framed: bytes) -> str:
    return "sha-256:" + sha256(b"".join(framed)).hexdigest()
