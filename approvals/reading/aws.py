"""AWS: which operation a request is, on what, and whether it only reads. Pure.

The host says service and region; the operation stands in the request (`Action` of the query
protocols, `X-Amz-Target` of JSON, the path of RPC v2 CBOR) or follows from method, path and query
(REST, by `aws_operations`). Where a request names two, or holds what the operation does not know,
the operation is `UNCLEAR`.

https://smithy.io/2.0/aws/protocols/index.html ·
https://docs.aws.amazon.com/general/latest/gr/rande.html (both read in November 2026)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from approvals.reading.aws_operations import PREFIXES, REST
from approvals.reading.headers import dashed
from approvals.reading.json_text import parse
from approvals.reading.shapes import listed, short
from approvals.reading.values import UNCLEAR, Meaning, Reading, Repeated, Target


def aws(reading: Reading) -> Meaning | None:
    """`aws.service` (as in the host: `ec2`, `s3`), `aws.region` (None: the service has none),
    `aws.operation`, `aws.members` (nested, as the service names them; documents of JSON as what
    they say), `aws.reads`: it changes nothing and hands out no credentials, `aws.privileged`: it
    hands out credentials or secrets."""
    target = reading.target
    place = _place(target.host) if target is not None else None
    if target is None or place is None:
        return None
    repeated = [name for name in reading.query.repeated if not reading.dialect.lists(name)]
    if target.unclear or reading.query.unclear or repeated:
        return None
    operation, members = _operation(reading, target, place)
    known = isinstance(operation, str)
    values = {
        "service": place.service,
        "region": place.region,
        "operation": operation,
        "members": members,
        "reads": known and only_reads(place.service, operation, members),
        "privileged": not known or privileged(operation, members),
    }
    says = _says(place.service, operation, members) if known else None
    return Meaning(name="aws", values=values, says=says)


def only_reads(service: str, operation: str, members: Any) -> bool:
    """By its name, and it hands out no credentials; what no list knows does not only read."""
    if privileged(operation, members):
        return False
    return _READS.match(operation) is not None or operation in _MORE_READS.get(service, ())


def privileged(operation: str, members: Any) -> bool:
    """Does it hand out credentials, secrets or signed addresses?

    `GetParameter` does where it decrypts; the names are those of botocore's models that return such
    values, found by the shape of their output.
    """
    if operation in ("GetParameter", "GetParameters", "GetParametersByPath", "GetParameterHistory"):
        decrypts = members.get("WithDecryption", False) if isinstance(members, dict) else UNCLEAR
        return str(decrypts).lower() != "false"
    if operation.startswith(("List", "Describe")):
        return False
    return _SECRETS.search(operation) is not None


_DOMAINS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_REGION: Final = re.compile(r"(?:[a-z]{2}|us-gov|us-iso[a-z]?)-[a-z]{4,10}(?:-[a-z]{4,10})?-[0-9]")
_PREFIXES: Final[Mapping[str, list[str]]] = {
    prefix: kinds for prefix, *kinds in map(str.split, PREFIXES.splitlines())
}
_GLOBAL: Final = frozenset({
    "iam", "sts", "route53", "cloudfront", "s3", "organizations", "ec2", "sqs", "waf", "budgets",
    "savingsplans", "importexport",
})  # fmt: skip
"""Services whose host may have no region
(https://docs.aws.amazon.com/general/latest/gr/rande.html#global-endpoints)."""
_ALIASES: Final = {
    "ddb": "dynamodb",
    "queue": "sqs",
    "s3-accesspoint": "s3",
    "s3express-control": "s3-control",
    **{prefix: kinds[0][1:] for prefix, kinds in _PREFIXES.items() if kinds[0][0] == "="},
}
_READS: Final = re.compile(
    r"(?:Get|Describe|List|Head|BatchGet|BatchDescribe|Lookup|Search)(?=[A-Z0-9]|$)"
)
_MORE_READS: Final[Mapping[str, tuple[str, ...]]] = {
    "dynamodb": ("Query", "Scan", "TransactGetItems"),
    "logs": ("FilterLogEvents", "TestMetricFilter"),
    "s3": ("SelectObjectContent",),
    "ecr": ("BatchCheckLayerAvailability",),
    "iam": ("SimulatePrincipalPolicy", "SimulateCustomPolicy"),
    "sts": ("DecodeAuthorizationMessage",),
}
_SECRETS: Final = re.compile(
    r"Credential|Token|Secret|Password|PrivateKey|Decrypt|Pre[Ss]igned|DataKey|AssumeRole|OpenId"
    r"|AccessKey(?!LastUsed)|AccessDetails|(?:Data|Instance|Compute|Console)Access|Url$|KeyPair"
    r"|SessionEndpoint|CreateSession|StartSession|JobDetails|IceServer|ApiKey|GetSdk|GetExport$"
    r"|GetConnection|GetId$|GetWirelessDevice$|DocumentContent|GetRelationalDatabase|GetOidcInfo"
    r"|GetPromptFile|GetBranch$|GetApp$|GetReport$|ForReport$|GetAsset$|VersionArtifact"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """`before`: what stands before the service in the host (a bucket, an account)."""

    service: str
    region: str | None
    before: str = ""


def _place(host: str) -> _Place | None:
    domain = next((end for end in _DOMAINS if host.endswith(end)), None)
    if domain is None:
        return None
    labels = [label for label in host.removesuffix(domain).split(".") if label != "dualstack"]
    region = None
    if labels and _REGION.fullmatch(labels[-1]):
        region = labels.pop()
        if labels and re.fullmatch("s3express-[a-z0-9]+-az[0-9]", labels[-1]):
            labels[-1] = "s3"
    elif labels and (old := re.fullmatch(rf"s3[.-]({_REGION.pattern})", labels[-1])):
        labels[-1], region = "s3", old[1]
    for at in range(len(labels)):
        prefix = ".".join(labels[at:]).removesuffix("-fips")
        prefix = _ALIASES.get(prefix, prefix)
        if prefix not in _PREFIXES or (region is None and prefix not in _GLOBAL):
            continue
        before = ".".join(labels[:at])
        # Other services have hosts of their customers there: `example.es`, `db.rds`.
        if before and prefix not in ("s3", "s3-control", "dynamodb"):
            return None
        return _Place(service=prefix, region=region, before=before)
    return None


def _operation(reading: Reading, target: Target, place: _Place) -> tuple[Any, Any]:
    """Its name and members; `UNCLEAR` where there is none or more than one."""
    headers = _headers(reading)
    named = _named(reading, target, headers)
    kinds = _PREFIXES[place.service]
    if "rest" in kinds and not ("named" in kinds and named and target.path == "/"):
        return (
            _rest(reading, target, place, headers) if place.service in REST else (UNCLEAR, UNCLEAR)
        )
    if reading.body.unclear is not None or len(named) != 1:
        return UNCLEAR, UNCLEAR
    name, members = named[0]
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        return UNCLEAR, UNCLEAR
    return name, members


def _named(reading: Reading, target: Target, headers: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Each operation that the request names, with its members."""
    query = reading.query.tree
    body = reading.body.tree if isinstance(reading.body.tree, dict) else {}
    fields = body if reading.body.kind == "form" else {}
    inner = _opened(body) if reading.body.kind in ("json", "none") else UNCLEAR
    found: list[tuple[Any, Any]] = []
    # A body of another type may be read as what it looks like, and name another operation.
    if "Action" in fields or "Action" in query:
        sure = reading.body.kind in ("form", "none")
        action = fields.get("Action", query.get("Action")) if sure else UNCLEAR
        found.append((action, grown({**query, **fields})))
    if "x-amz-target" in headers:
        text = headers["x-amz-target"] if reading.body.kind in ("json", "none") else UNCLEAR
        found.append((text.rpartition(".")[2] if isinstance(text, str) else UNCLEAR, inner))
    rpc = re.fullmatch(r"/service/[A-Za-z0-9_.]+/operation/([A-Za-z0-9_]+)", target.path)
    if rpc is not None:
        found.append((rpc[1], inner))
    return found


_DEEPEST: Final = 16
"""Steps in the name of a member; EC2's longest have seven."""


def grown(fields: Mapping[str, Any]) -> Any:
    """The members of the query protocols: `Filter.1.Value.1`, `Tags.member.1.Key`, `entry` for maps
    (https://smithy.io/2.0/aws/protocols/aws-query-protocol.html); `UNCLEAR` where they clash."""
    tree: dict[str, Any] = {}
    for name, value in fields.items():
        steps = name.split(".")
        if name in ("Action", "Version") or name.startswith("X-Amz-"):
            continue
        if not isinstance(value, str) or len(steps) > _DEEPEST:
            return UNCLEAR
        at: Any = tree
        for step in steps[:-1]:
            at = at.setdefault(step, {})
            if not isinstance(at, dict):
                return UNCLEAR
        if steps[-1] in at:
            return UNCLEAR
        at[steps[-1]] = value
    return _lists(tree)


def _lists(value: Any) -> Any:
    """Mappings with the keys 1 to n as lists; their wrappers `member` and `entry` left out."""
    if not isinstance(value, dict):
        return _document(value)
    inner = value.get("member", value.get("entry")) if len(value) == 1 else None
    if isinstance(inner, dict) and "1" in inner:
        return _lists(inner)
    if value.keys() == {str(number) for number in range(1, len(value) + 1)}:
        return [_lists(value[str(number)]) for number in range(1, len(value) + 1)]
    return {key: _lists(one) for key, one in value.items()}


def _document(value: Any) -> Any:
    """A policy or another document of JSON in a text, as what it says."""
    if isinstance(value, str) and value[:1] in ("{", "[") and len(value) > 2:
        try:
            return parse(value)
        except (ValueError, RecursionError):
            return value
    return value


def _opened(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a JSON body, documents in them as what they say."""
    return {key: _document(value) for key, value in tree.items()}


def _headers(reading: Reading) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for header in reading.headers:
        name = dashed(header.name)
        sure = name not in found and "_" not in header.name and not reading.some_headers
        found[name] = header.value.strip(" \t") if sure else UNCLEAR
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rest:
    """One operation of a REST service. `places`: ("u" | "q" | "h", name) -> (member, required)."""

    name: str
    path: tuple[str, ...]
    constants: Mapping[str, str]
    places: Mapping[tuple[str, str], tuple[str, bool]]


@lru_cache(maxsize=64)
def _table(service: str) -> Mapping[str, tuple[_Rest, ...]]:
    """A service's operations by method."""
    found: dict[str, list[_Rest]] = {}
    for line in REST[service].splitlines():
        name, method, uri, *places = line.split(" ")
        path, _, query = uri.partition("?")
        constants = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
        found.setdefault(method, []).append(
            _Rest(
                name=name,
                path=tuple(path.strip("/").split("/")) if path.strip("/") else (),
                constants=constants,
                places={
                    (place[0], at): (member or at, place[1] == "!")
                    for place in places
                    for at, _, member in (place[2:].partition("="),)
                },
            )
        )
    return {method: tuple(operations) for method, operations in found.items()}


def _rest(
    reading: Reading, target: Target, place: _Place, headers: Mapping[str, Any]
) -> tuple[Any, Any]:
    """The operation that knows all of the query and requires most of what is there."""
    segments = list(target.segments)
    if place.before and place.service == "s3":
        segments = [place.before, *segments]
    query: Mapping[str, Any] = reading.query.tree
    best: list[tuple[int, str, dict[str, Any]]] = []
    for operation in _table(place.service).get(target.method, ()):
        members = _matched(operation.path, segments, operation.places)
        if members is None:
            continue
        weight = _fits(operation, query, headers, members)
        if weight >= 0:
            literal = sum(not step.startswith("{") for step in operation.path)
            best.append((literal * 100 + weight, operation.name, members))
    best.sort(key=lambda one: one[0], reverse=True)
    if not best or (len(best) > 1 and best[0][0] == best[1][0]):
        return UNCLEAR, UNCLEAR
    _, name, members = best[0]
    body = reading.body.tree
    if name in _PAYLOADS:
        return name, members
    if reading.body.unclear is not None:
        return name, UNCLEAR
    if reading.body.kind in ("json", "xml") and isinstance(body, dict):
        members = {**_opened(body), **members}
    return name, members


def _matched(
    path: Sequence[str], segments: Sequence[str], places: Mapping[tuple[str, str], tuple[str, bool]]
) -> dict[str, Any] | None:
    """The members that stand in the path, or None where it is another one."""
    members: dict[str, Any] = {}
    greedy = bool(path) and path[-1].endswith("+}")
    given = list(segments)
    if not greedy and given and given[-1] == "":
        given.pop()
    if len(given) != len(path) if not greedy else len(given) < len(path):
        return None
    for at, step in enumerate(path):
        if not step.startswith("{"):
            if step != given[at]:
                return None
            continue
        name = step.strip("{}+")
        text = "/".join(given[at:]) if step.endswith("+}") else given[at]
        if not text:
            return None
        members[places.get(("u", name), (name, True))[0]] = text
    return members


def _fits(
    operation: _Rest, query: Mapping[str, Any], headers: Mapping[str, Any], members: dict[str, Any]
) -> int:
    """How much of the request the operation requires; -1 where it is another operation."""
    weight = 0
    for key, value in operation.constants.items():
        if query.get(key) != value:
            return -1
        weight += 10
    for (place, name), (member, required) in operation.places.items():
        if place == "u":
            continue
        source = query if place == "q" else headers
        key = name if place == "q" else name.lower().replace("_", "-")
        if key in source:
            value = source[key]
            if place == "q" or "oken" not in member:  # sso's accessToken is a credential
                members[member] = list(value.texts) if isinstance(value, Repeated) else value
            weight += required
        elif required:
            return -1
    for key in query:
        if key in operation.constants or ("q", key) in operation.places or key == "x-id":
            continue
        if not key.startswith("X-Amz-"):
            return -1
    return weight


_PAYLOADS: Final = ("PutObject", "UploadPart", "Invoke", "InvokeModel")
"""Operations whose body is the data itself, which no member of theirs depends on."""
_TELLING: Final = re.compile(
    r"(?:^|[a-z])(?:Names?|Ids?|Arns?|ARNs?|Identifiers?|Emails?|Urls?)$|^(?:id|name|arn|ARN)$"
)
_NOISE: Final = re.compile(r"Token|RequestId|CallerReference|Idempotency|AccessKey|VersionId")


def _says(service: str, operation: str, members: Any) -> str:
    """`TerminateInstances: i-1, i-2`; of S3, where to, and for whom it may be read from then on."""
    if not isinstance(members, dict):
        return operation
    if service == "s3" and "Bucket" in members:
        return _of_s3(operation, members)
    names: list[str] = []
    for key, value in members.items():
        if not _TELLING.search(key) or _NOISE.search(key):
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and one:
                names.append(short(one))
    return f"{operation}: {listed(names, 120)}" if names else operation


def _of_s3(operation: str, members: Mapping[str, Any]) -> str:
    place = "/".join(short(str(members[key]), 80) for key in ("Bucket", "Key") if key in members)
    words = "to " if operation.startswith(("Put", "Copy", "Upload", "Create", "Complete")) else ""
    words = words if "Key" in members else ""
    said = f"{operation} {words}{place}"
    if "CopySource" in members:
        said += f", copied from {short(str(members['CopySource']), 80)}"
    extra = [
        str(value) if key == "ACL" else f"{key} {short(str(value))}"
        for key, value in members.items()
        if key == "ACL" or key.startswith("Grant") or key == "BypassGovernanceRetention"
    ]
    return ", ".join((said, *extra))
