"""Write approvals/reading/aws_operations.py from botocore's service models.

    python tools/aws_operations.py > approvals/reading/aws_operations.py

What only the models know is how REST services name their operations: by method, path, query and
headers. The other protocols name the operation in the request. The REST services listed here are
those with which an agent can change an account, its data or what it costs; of the others the
service and region are known, and the operation is not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

import botocore
import botocore.session

REST: Final = """
    accessanalyzer account amp amplify apigateway apigatewayv2 appconfig appsync backup batch
    bedrock bedrock-agent bedrock-agent-runtime bedrock-runtime cloudfront codeartifact dlm ebs
    efs eks emr-containers emr-serverless es fis glacier grafana guardduty iot iot-data kafka
    lakeformation lambda mq mwaa opensearch opensearchserverless pipes polly ram rds-data
    resource-groups rolesanywhere route53 s3 s3control s3tables scheduler schemas securityhub
    serverlessrepo sesv2 signer sso sso-oidc ssm-incidents synthetics vpc-lattice xray
""".split()  # noqa: SIM905 # a list that is read and kept in order by people
"""Names of botocore's services."""


def table() -> str:
    """The text of the module."""
    session = botocore.session.get_session()
    prefixes: dict[str, set[str]] = {}
    operations: dict[str, list[str]] = {}
    for name in session.get_available_services():
        model = session.get_service_model(name)
        rest = model.metadata["protocol"].startswith("rest")
        prefixes.setdefault(model.endpoint_prefix, set()).add("rest" if rest else "named")
        for before in _before(model):
            prefixes.setdefault(before + model.endpoint_prefix, {f"={model.endpoint_prefix}"})
        if name in REST and rest:
            operations.setdefault(model.endpoint_prefix, []).extend(_lines(model))
    lines = [
        '"""Endpoints of AWS and the operations of its REST services, for `aws.py`.',
        "",
        f"Made by tools/aws_operations.py from botocore {botocore.__version__}",
        "(https://github.com/boto/botocore, Apache-2.0); do not edit.",
        '"""',
        "",
        "# ruff: noqa: E501 # made by a tool: an operation a line",
        "from typing import Final",
        "",
        'PREFIXES: Final = """\\',
        *(f"{prefix} {' '.join(sorted(kinds))}" for prefix, kinds in sorted(prefixes.items())),
        '"""',
        '"""The labels of a host before the region, and how its operations are told: `rest`, or',
        '`named` in the request; `=`: it is that service."""',
        "",
        "REST: Final[dict[str, str]] = {",
    ]
    for prefix, found in sorted(operations.items()):
        lines += [f'    "{prefix}": """\\', *sorted(found), '""",']
    lines += [
        "}",
        '"""By prefix, an operation a line: name, method, path, and the members that stand in the',
        'query (`q:`), in headers (`h:`), `!` where they are required, as `place=member`."""',
    ]
    return "\n".join(lines) + "\n"


def _before(model: Any) -> Iterator[str]:
    """What some operations put before the service in the host (`data-`, `env.`)."""
    for name in model.operation_names:
        prefix = (model.operation_model(name).endpoint or {}).get("hostPrefix", "{")
        if "{" not in prefix:
            yield prefix


def _lines(model: Any) -> Iterator[str]:
    all_of_it = [model.operation_model(name) for name in model.operation_names]
    current = {str(operation.http) for operation in all_of_it if not operation.deprecated}
    for operation in all_of_it:
        if operation.deprecated and str(operation.http) in current:
            continue
        if operation.name == "ListDirectoryBuckets":  # ListBuckets, at a host of its own
            continue
        shape = operation.input_shape
        required = set(shape.required_members) if shape else set()
        places = []
        for member, inner in (shape.members if shape else {}).items():
            place = inner.serialization.get("location")
            where = inner.serialization.get("name", member)
            if place == "uri" and where != member:
                places.append(f"u:{where}={member}")
            if place == "querystring" or (place == "header" and _telling(member)):
                sign = "!" if member in required else ":"
                same = where == member
                places.append(f"{place[0]}{sign}{where}" + ("" if same else f"={member}"))
        yield " ".join(
            (operation.name, operation.http["method"], operation.http["requestUri"], *places)
        )


def _telling(member: str) -> bool:
    """Headers that say what is done, not how bytes are checked or keys are handed over."""
    plumbing = ("Checksum", "Content", "CacheControl", "Expires", "Expected", "RequestPayer", "MFA")
    keys = ("SSE", "ServerSideEncryption", "BucketKey", "CopySourceSSE", "CopySourceIf", "If")
    return not member.startswith((*plumbing, *keys))


if __name__ == "__main__":
    sys.stdout.write(table())
