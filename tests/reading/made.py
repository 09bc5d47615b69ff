"""Requests for the tests of the special readers: `recorded` from the vendors' own SDKs (November
2026, invented data), or made here."""

import base64
import json
from pathlib import Path

from approvals.model import Http
from approvals.reading import Meaning, Reading, read

FIXTURES = Path(__file__).parent / "recorded"
JSON = (("content-type", "application/json"),)


def recorded(name: str) -> Http:
    saved = json.loads((FIXTURES / f"{name}.json").read_text())
    body = base64.b64decode(saved.get("body_base64") or "")
    return Http(saved["method"], saved["url"], tuple(saved["headers"].items()), body)


def post(
    url: str,
    body: object = None,
    headers: tuple[tuple[str, str], ...] = JSON,
    *,
    method: str = "POST",
) -> Http:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Http(method, url, headers, raw)


def meaning(reading: Reading | Http, name: str) -> Meaning:
    """What that reader made of it; an error where it did not recognise it."""
    if isinstance(reading, Http):
        reading = read(reading)
    return next(one for one in reading.meanings if one.name == name)


def known(reading: Reading | Http) -> list[str]:
    if isinstance(reading, Http):
        reading = read(reading)
    return [one.name for one in reading.meanings]
