"""Requests as botocore makes them, for every operation of a service, with nothing sent."""

import contextlib
from collections.abc import Iterator
from typing import Any

import botocore.awsrequest
import botocore.session
from botocore.config import Config

from approvals.model import Http

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # AWS's documented example
SESSION = botocore.session.Session()


def client(service: str) -> Any:
    return SESSION.create_client(
        service,
        region_name="eu-west-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key=SECRET,
        config=Config(parameter_validation=False, retries={"max_attempts": 0}),
    )


def sent(client: Any, operation: str, parameters: dict[str, Any]) -> Http | None:
    """The request that a call sends; None where botocore does not make one of these parameters."""
    caught: list[botocore.awsrequest.AWSPreparedRequest] = []

    def catch(request: botocore.awsrequest.AWSPreparedRequest, **_: Any) -> None:
        caught.append(request)
        raise InterruptedError

    client.meta.events.register_first("before-send", catch)
    with contextlib.suppress(Exception):
        client._make_api_call(operation, parameters)
    client.meta.events.unregister("before-send", catch)
    if not caught:
        return None
    request = caught[-1]
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    raw = body.encode() if isinstance(body, str) else bytes(body)
    headers = tuple(
        (name, value.decode() if isinstance(value, bytes) else str(value))
        for name, value in request.headers.items()
    )
    return Http(request.method, request.url, headers, raw)


def operations(service: str, every: int) -> Iterator[tuple[str, Http]]:
    """Each `every`-th operation with the request for it."""
    one = client(service)
    model = one.meta.service_model
    for operation in list(model.operation_names)[::every]:
        shape = model.operation_model(operation).input_shape
        request = sent(one, operation, _value(shape) if shape is not None else {})
        if request is not None:
            yield operation, request


def _value(shape: Any, depth: int = 0) -> Any:
    """The required members of a shape, with a value each."""
    match shape.type_name:
        case "structure":
            if depth > 6:
                return {}
            return {name: _value(shape.members[name], depth + 1) for name in shape.required_members}
        case "list":
            return [_value(shape.member, depth + 1)]
        case "map":
            return {"key": _value(shape.value, depth + 1)}
        case "string":
            return shape.enum[0] if shape.enum else "acme-data"
        case "integer" | "long":
            return 7
        case "float" | "double":
            return 0.5
        case "boolean":
            return True
        case "blob":
            return b"data"
        case _:
            return "2026-01-01T00:00:00Z"
