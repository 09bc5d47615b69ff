"""Kubernetes' API: what is done to which object, and what a patch changes. Pure.

Path and method say it as in the server's own RequestInfo
(https://kubernetes.io/docs/reference/using-api/api-concepts/, November 2026;
k8s.io/apiserver/pkg/endpoints/request/requestinfo.go). A Secret's data never gets into values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from approvals.reading.headers import dashed
from approvals.reading.shapes import in_words, listed, short
from approvals.reading.values import UNCLEAR, Meaning, Reading, Repeated


def kubernetes(reading: Reading) -> Meaning | None:
    """`kubernetes.verb` (as RBAC has it; `exec`, `attach`, `portforward` and `proxy` by those
    names), `.group` ("" is core), `.version`, `.namespace` (None: all, or none), `.resource`
    (plural), `.kind`, `.name`, `.subresource`, `.dry_run`, `.as` (who is impersonated), `.secret`
    (it is a Secret: its leaves are secret), `.changes` (of a patch: [{path, value}], of a JSON
    patch with `op`), `.reads` (and hands out no credentials), `.privileged`."""
    target = reading.target
    if target is None or target.unclear or reading.query.unclear or reading.body.unclear:
        return None
    repeated = {name for name in reading.query.repeated if not reading.dialect.lists(name)}
    if repeated - {"command"} or reading.body.repeated:
        return None
    thing = _thing(list(target.segments))
    if thing is None:
        return None
    # A body without a content type, which the server takes for JSON, was read as JSON.
    readable = reading.body.kind in ("json", "yaml", "none")
    body = reading.body.tree if readable else UNCLEAR
    query = reading.query.tree
    fields = body if isinstance(body, dict) else {}
    metadata = fields.get("metadata")
    verb = _verb(target.method, thing, query)
    name = thing.name
    if name is None and verb == "create" and isinstance(metadata, dict):
        name = metadata.get("name") or metadata.get("generateName")
    kind = fields.get("kind")
    secret = (thing.resource == "secrets" and not thing.group) or kind == "Secret"
    # https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
    headers = [(dashed(header.name), header.value) for header in reading.headers]
    impersonates = any(header.startswith("impersonate-") for header, _ in headers)
    users = [value for header, value in headers if header == "impersonate-user"]
    sure = len(users) == 1 and not reading.some_headers
    values = {
        "verb": verb,
        "group": thing.group,
        "version": thing.version,
        "namespace": thing.namespace,
        "resource": thing.resource,
        "kind": kind if isinstance(kind, str) and not thing.subresource else None,
        "name": name if isinstance(name, str) else None,
        "subresource": thing.subresource,
        "dry_run": _dry(target.method, query, body),
        "as": users[0] if sure else UNCLEAR if users else None,
        "secret": secret,
        "changes": _changes(body, secret=secret) if verb == "patch" else None,
        "reads": not secret and _reads(verb, thing),
        "privileged": secret or impersonates or _privileged(verb, thing),
    }
    says = None if verb is UNCLEAR else _says(values, thing, body, query)
    return Meaning(name="kubernetes", values=values, says=says)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thing:
    group: str
    version: str
    namespace: str | None
    resource: str
    name: str | None
    subresource: str | None
    watch: bool = False


_VERSION: Final = re.compile(r"v[1-9][0-9]?(?:(?:alpha|beta)[1-9][0-9]?)?")
_GROUP: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+|apps|batch|autoscaling|policy|extensions")
_CORE: Final = frozenset({
    "bindings", "componentstatuses", "configmaps", "endpoints", "events", "limitranges",
    "namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "pods", "podtemplates",
    "replicationcontrollers", "resourcequotas", "secrets", "serviceaccounts", "services",
})  # fmt: skip
_GUARDS: Final = frozenset(
    ("rbac.authorization.k8s.io", "admissionregistration.k8s.io", "certificates.k8s.io")
)
"""Groups that say who may do what."""
_CONNECTS: Final = ("exec", "attach", "portforward", "proxy")
_CHECKS: Final = frozenset({
    "selfsubjectaccessreviews", "subjectaccessreviews", "localsubjectaccessreviews",
    "selfsubjectrulesreviews", "selfsubjectreviews",
})  # fmt: skip
"""Created to ask a question: nothing is stored."""
_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_WORDS: Final = {
    "create": "Create", "update": "Replace", "patch": "Patch", "delete": "Delete", "get": "Get",
    "list": "List", "watch": "Watch", "deletecollection": "Delete all", "exec": "Run a command in",
    "attach": "Attach to", "portforward": "Forward a port to", "proxy": "Connect through",
}  # fmt: skip
_SUBRESOURCES: Final = {
    ("scale", "patch"): "Scale", ("scale", "update"): "Scale", ("eviction", "create"): "Evict",
    ("token", "create"): "Issue a token for", ("binding", "create"): "Bind",
    ("approval", "update"): "Approve", ("approval", "patch"): "Approve",
    ("ephemeralcontainers", "patch"): "Add a container to",
}  # fmt: skip
_NOTABLE: Final = re.compile(
    r"(?:^|\.)(?:replicas|image|roleRef\.name|subjects\[[^\]]*\]\.kind|privileged|hostNetwork"
    r"|hostPath\.path|type|parallelism|suspend|schedule|serviceAccountName)$"
)


def _thing(segments: list[str]) -> _Thing | None:
    if segments[:2] == ["k8s", "clusters"]:  # behind Rancher
        segments = segments[3:]
    if segments[-1:] == [""]:
        return None
    match segments:
        case ["api", version, *rest] if version == "v1" and rest:
            group = ""
        case ["apis", group, version, *rest] if _GROUP.fullmatch(group) and rest:
            pass
        case _:
            return None
    if not _VERSION.fullmatch(version):
        return None
    watch = rest[0] == "watch"
    rest = rest[1:] if watch else rest
    namespace = None
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    if not rest or (not group and rest[0] not in _CORE):
        return None
    return _Thing(
        group=group,
        version=version,
        namespace=namespace,
        resource=rest[0],
        name=rest[1] if len(rest) > 1 else None,
        subresource="/".join(rest[2:]) or None,
        watch=watch,
    )


def _verb(method: str, thing: _Thing, query: Mapping[str, Any]) -> Any:
    if thing.subresource is not None and thing.subresource.partition("/")[0] in _CONNECTS:
        return thing.subresource.partition("/")[0]
    if method in ("GET", "HEAD"):
        watch = str(query.get("watch", "false")).lower() not in ("", "0", "false")
        if thing.watch or watch:
            return "watch"
        return "list" if thing.name is None else "get"
    if thing.watch:
        return UNCLEAR
    if method == "DELETE":
        return "deletecollection" if thing.name is None else "delete"
    return _VERBS.get(method, UNCLEAR)


def _dry(method: str, query: Mapping[str, Any], body: Any) -> bool:
    """Of a DELETE with a body, the server takes the options from there and not from the query."""
    if method == "DELETE" and body != {}:
        return isinstance(body, dict) and body.get("dryRun") == ["All"]
    return query.get("dryRun") == "All"


def _reads(verb: Any, thing: _Thing) -> bool:
    if verb in ("get", "list", "watch"):
        return True
    return verb == "create" and thing.group == "authorization.k8s.io" and thing.resource in _CHECKS


def _privileged(verb: Any, thing: _Thing) -> bool:
    """Who may do what, code that runs in the cluster's name, and ways around both."""
    if verb in _CONNECTS or thing.subresource in ("token", "approval", "ephemeralcontainers"):
        return True
    if verb in ("get", "list", "watch"):
        return False
    return thing.group in _GUARDS or thing.resource in (
        "serviceaccounts",
        "customresourcedefinitions",
        "apiservices",
    )


def _changes(body: Any, *, secret: bool) -> Any:
    """What a patch sets: `[{path, value}]`; of a Secret without values."""
    keys = ("op", "path", "from") if secret else ("op", "path", "from", "value")
    if isinstance(body, dict):
        body = [{"path": path, "value": value} for path, value in _leaves(body)]
    if not isinstance(body, list):
        return UNCLEAR
    if not all(isinstance(step, dict) and isinstance(step.get("path"), str) for step in body):
        return UNCLEAR
    return [{key: step[key] for key in keys if key in step} for step in body]


def _leaves(tree: Any) -> Iterator[tuple[str, Any]]:
    """`spec.template.spec.containers[app].image` and its value; items of lists by their names."""
    stack: list[tuple[str, Any]] = [("", tree)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict) and value:
            named = len(value) > 1 and path.endswith(f"[{value.get('name')}]")
            inner = [
                (f"{path}.{key}" if path else str(key), one)
                for key, one in value.items()
                if not (named and key == "name")
            ]
            stack += reversed(inner)
        elif isinstance(value, list) and value:
            inner = []
            for at, one in enumerate(value):
                name = one.get("name") if isinstance(one, dict) else None
                inner.append((f"{path}[{name if isinstance(name, str) else at}]", one))
            stack += reversed(inner)
        else:
            yield path, value


def _says(values: Mapping[str, Any], thing: _Thing, body: Any, query: Mapping[str, Any]) -> str:
    verb = values["verb"]
    words = _SUBRESOURCES.get((thing.subresource or "", verb)) or _WORDS[verb]
    many = verb in ("list", "watch", "deletecollection") and values["name"] is None
    said = f"{words} {thing.resource if many else _singular(thing.resource)}"
    if values["name"] is not None:
        said += f" {short(values['name'])}"
    known = (thing.subresource or "", verb) in _SUBRESOURCES or verb in _CONNECTS
    if thing.subresource is not None and not known:
        said += f" ({short(thing.subresource)})"
    if thing.namespace is not None:
        said += f" in {short(thing.namespace)}"
    elif many:
        said += " in all namespaces" if thing.resource not in ("namespaces", "nodes") else ""
    details = _details(values, body, query)
    said = f"Dry run: {said[0].lower()}{said[1:]}" if values["dry_run"] else said
    return f"{said}: {listed(details, 140)}" if details else said


def _details(values: Mapping[str, Any], body: Any, query: Mapping[str, Any]) -> list[str]:
    if values["verb"] in ("exec", "attach") and "command" in query:
        command = query["command"]
        words = command.texts if isinstance(command, Repeated) else command
        words = (words,) if isinstance(words, str) else words
        return [short(" ".join(words), 120)]
    if values["verb"] in ("deletecollection", "list", "watch"):
        keys = ("labelSelector", "fieldSelector")
        return [f"{key} {short(str(query[key]))}" for key in keys if key in query]
    if body is UNCLEAR:
        return ["what it holds cannot be read"]
    if values["secret"]:
        fields = body if isinstance(body, dict) else {}
        parts = [fields.get("data"), fields.get("stringData")]
        return [short(str(key)) for part in parts if isinstance(part, dict) for key in part]
    if values["verb"] == "patch" and isinstance(body, list):
        if values["changes"] is UNCLEAR:
            return ["what it changes cannot be read"]
        return [
            f"{one.get('op', '?')} {short(one['path'])}"
            + (f" {_shown(one['value'])}" if "value" in one else "")
            for one in values["changes"]
        ]
    pairs = [*_leaves(body)] if isinstance(body, dict) else []
    if values["verb"] == "patch":
        pairs = [one for one in pairs if one[0] not in ("apiVersion", "kind", "metadata.name")]
    elif values["subresource"] in (None, "scale"):
        pairs = [one for one in pairs if _NOTABLE.search(one[0])]
    else:
        pairs = []
    return [f"{_label(path)} {_shown(value)}" for path, value in pairs]


def _label(path: str) -> str:
    """Its last step; of an item of a list, or of a role, by whose name the value is known."""
    *before, last = path.rsplit(".", 1)
    if before and last in ("value", "name", "kind"):
        item = re.search(r"([^.\[\]]+)\]?$", before[0])
        last = item[1] if item is not None else last
    return short(last)


def _shown(value: Any) -> str:
    return "removed" if value is None else in_words(value)


def _singular(resource: str) -> str:
    if resource.endswith("ies"):
        return resource[:-3] + "y"
    if resource.endswith(("sses", "xes")):
        return resource[:-2]
    return resource[:-1] if resource.endswith("s") and resource != "endpoints" else resource
