"""Every answer that a test gets from a house is held against the contract that the house serves.

Stricter than the contract itself: clients must expect further fields, but each field that we send
has to be in the document.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import aiohttp
import jsonschema_rs

from approvals.web.app import contract


class Contract:
    """The served document, ready to check answers. `authzen`: with that dialect."""

    def __init__(self, *, authzen: bool) -> None:
        document = json.loads(contract(authzen=authzen))
        for schema in document["components"]["schemas"].values():
            if "properties" in schema:
                schema.setdefault("additionalProperties", False)
        self._components = document["components"]
        self._paths = {
            re.compile(re.sub(r"\{\w+\}", "[^/]+", path)): operations
            for path, operations in document["paths"].items()
        }
        self._schemas: dict[str, jsonschema_rs.Validator] = {}

    def check(self, method: str, path: str, status: int, kind: str, body: bytes) -> None:
        """Raises an `AssertionError` for an answer of a known operation that it does not know."""
        for pattern, operations in self._paths.items():
            operation = operations.get(method.lower())
            if operation is None or not pattern.fullmatch(path):
                continue
            about = f"{method} {pattern.pattern}: {status} {kind}"
            answer = operation["responses"].get(str(status))
            assert answer is not None, f"{about}: not in the contract"
            assert kind in answer["content"], f"{about}: not of that type in the contract"
            if kind.endswith(("/json", "+json")):
                faults = list(
                    self._validator(answer["content"][kind]["schema"]).iter_errors(json.loads(body))
                )
                assert not faults, f"{about}: {faults}"

    def _validator(self, schema: Any) -> jsonschema_rs.Validator:
        key = json.dumps(schema)
        if key not in self._schemas:
            whole = schema | {"components": self._components}
            self._schemas[key] = jsonschema_rs.validator_for(whole, validate_formats=True)
        return self._schemas[key]


@cache
def held(*, authzen: bool) -> type[aiohttp.ClientResponse]:
    """For a client's session: an answer that is checked when it is read."""
    document = Contract(authzen=authzen)

    class Held(aiohttp.ClientResponse):
        async def read(self) -> bytes:
            body = await super().read()
            document.check(self.method, self.url.path, self.status, self.content_type, body)
            return body

    return Held
