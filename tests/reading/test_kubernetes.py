"""Kubernetes and YAML: what is done to which object (`approvals/reading/kubernetes.py`)."""

from typing import Any

import pytest

from approvals.model import Http
from approvals.reading import UNCLEAR, doubting_headers, find, read
from tests.reading.made import JSON, known, meaning, post, recorded

HOST = "https://k8s.example.com"
APPS = f"{HOST}/apis/apps/v1/namespaces/prod/deployments"
YAML = (("content-type", "application/apply-patch+yaml"),)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("patch", "Patch deployment checkout in prod: replicas 0, image "
         "ghcr.io/acme/checkout:latest, FEATURE_X on"),
        ("scale", "Scale deployment checkout in prod: replicas 0"),
        ("apply", "Patch deployment checkout in prod: replicas 3"),
        ("json-patch", "Patch deployment checkout in prod: replace /spec/replicas 5, "
         "remove /spec/template/spec/containers/0/env"),
        ("create-secret", "Create secret db in prod: DATABASE_URL"),
        ("custom", "Patch application shop in argocd: targetRevision main"),
        ("delete-namespace", "Delete namespace prod"),
        ("delete-pods", "Delete all pods in prod: labelSelector app=checkout"),
        ("dry-run", "Dry run: delete pod web-0 in prod"),
        ("evict", "Evict pod web-0 in prod"),
        ("list-pods", "List pods in prod: labelSelector app=checkout"),
        ("role-binding", "Create clusterrolebinding bot-admin: roleRef cluster-admin, "
         "bot ServiceAccount"),
        ("token", "Issue a token for serviceaccount bot in prod"),
    ],
)  # fmt: skip
def test_a_recorded_request_says_what_it_does_to_what(name: str, says: str) -> None:
    assert meaning(recorded(f"k8s-{name}"), "kubernetes").says == says


def test_a_patch_offers_what_it_changes_by_path() -> None:
    reading = read(recorded("k8s-patch"))
    assert find(reading, "kubernetes.changes") == [
        {"path": "spec.replicas", "value": 0},
        {"path": "spec.template.spec.containers[app].image",
         "value": "ghcr.io/acme/checkout:latest"},
        {"path": "spec.template.spec.containers[app].env[FEATURE_X].value", "value": "on"},
    ]  # fmt: skip
    assert find(reading, "kubernetes.verb") == "patch"
    assert (find(reading, "kubernetes.namespace"), find(reading, "kubernetes.name")) == (
        "prod", "checkout",
    )  # fmt: skip


def test_law_15_a_secrets_data_is_in_no_value() -> None:
    patch = {"stringData": {"KEY": "hunter2"}, "metadata": {"annotations": {"last": "hunter2"}}}
    steps = [{"op": "replace", "path": "/data/KEY", "value": "hunter2"}]
    url = f"{HOST}/api/v1/namespaces/prod/secrets"
    for request in (
        post(url, {"metadata": {"name": "db"}, **patch}),
        post(f"{url}/db", patch, JSON, method="PATCH"),
        post(
            f"{url}/db", steps, (("content-type", "application/json-patch+json"),), method="PATCH"
        ),
        post(f"{url}/db", {"kind": "Secret", **patch}, (), method="PUT"),
        post(f"{HOST}/apis/x.io/v1/namespaces/a/copies", {"kind": "Secret", **patch}),
    ):
        found = meaning(request, "kubernetes")
        assert found.values["secret"] is True
        assert found.values["privileged"] is True
        assert "hunter2" not in repr(found)
    assert find(read(Http("GET", f"{url}/db", (), b"")), "kubernetes.reads") is False


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/pods", ("list", None, "pods", None, None, True, False)),
        ("GET", "/api/v1/pods?watch=true", ("watch", None, "pods", None, None, True, False)),
        ("GET", "/api/v1/pods?watch=0", ("list", None, "pods", None, None, True, False)),
        ("GET", "/api/v1/watch/namespaces/a/pods", ("watch", "a", "pods", None, None, True, False)),
        ("GET", "/api/v1/namespaces/a", ("get", None, "namespaces", "a", None, True, False)),
        ("PUT", "/api/v1/namespaces/a/finalize",
         ("update", None, "namespaces", "a", "finalize", False, False)),
        ("GET", "/api/v1/namespaces/a/pods/p/log", ("get", "a", "pods", "p", "log", True, False)),
        ("GET", "/api/v1/namespaces/a/pods/p/exec",
         ("exec", "a", "pods", "p", "exec", False, True)),
        ("POST", "/api/v1/namespaces/a/pods/p/portforward",
         ("portforward", "a", "pods", "p", "portforward", False, True)),
        ("GET", "/api/v1/nodes/n/proxy/run",
         ("proxy", None, "nodes", "n", "proxy/run", False, True)),
        ("DELETE", "/apis/apps/v1/namespaces/a/deployments/d",
         ("delete", "a", "deployments", "d", None, False, False)),
        ("DELETE", "/apis/apps/v1/namespaces/a/deployments",
         ("deletecollection", "a", "deployments", None, None, False, False)),
        ("GET", "/k8s/clusters/c-1/api/v1/pods", ("list", None, "pods", None, None, True, False)),
        ("PUT", "/apis/certificates.k8s.io/v1/certificatesigningrequests/c/approval",
         ("update", None, "certificatesigningrequests", "c", "approval", False, True)),
        ("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterroles/admin",
         ("delete", None, "clusterroles", "admin", None, False, True)),
    ],
)  # fmt: skip
def test_path_and_method_say_what_is_done(
    method: str, path: str, expected: tuple[Any, ...]
) -> None:
    values = meaning(Http(method, HOST + path, (), b""), "kubernetes").values
    keys = ("verb", "namespace", "resource", "name", "subresource", "reads", "privileged")
    assert tuple(values[key] for key in keys) == expected


def test_asking_what_one_may_do_reads() -> None:
    url = f"{HOST}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert meaning(post(url, {"spec": {}}), "kubernetes").values["reads"] is True


def test_a_command_in_a_pod_is_shown_in_its_order() -> None:
    url = f"{HOST}/api/v1/namespaces/prod/pods/web-0/exec?command=rm&command=-rf&command=/data"
    says = meaning(post(url, b"", ()), "kubernetes").says
    assert says == "Run a command in pod web-0 in prod: rm -rf /data"


@pytest.mark.parametrize(
    ("method", "url", "body", "dry"),
    [
        ("DELETE", f"{APPS}/a?dryRun=All", b"", True),
        ("DELETE", f"{APPS}/a?dryRun=All", {"kind": "DeleteOptions"}, False),
        ("DELETE", f"{APPS}/a", {"kind": "DeleteOptions", "dryRun": ["All"]}, True),
        ("PATCH", f"{APPS}/a?dryRun=None", {}, False),
        ("PATCH", f"{APPS}/a", {"dryRun": ["All"]}, False),
    ],
)
def test_a_dry_run_is_one_only_where_the_server_takes_it_for_one(
    method: str, url: str, body: Any, dry: bool
) -> None:
    assert meaning(post(url, body, JSON, method=method), "kubernetes").values["dry_run"] is dry


def test_impersonation_is_privileged_and_named() -> None:
    headers = (("Impersonate-User", "admin"),)
    values = meaning(Http("GET", f"{HOST}/api/v1/pods", headers, b""), "kubernetes").values
    assert (values["as"], values["privileged"]) == ("admin", True)


def test_law_30_nobody_is_named_where_another_line_of_the_header_may_be_sent() -> None:
    headers = (("Impersonate-User", "admin"),)
    reading = doubting_headers(read(Http("GET", f"{HOST}/api/v1/pods", headers, b"")))
    assert find(reading, "kubernetes.as") is UNCLEAR
    assert find(reading, "kubernetes.privileged") is True


@pytest.mark.parametrize(
    "path",
    ["/api/v1/users", "/api/v1", "/api/v2/pods", "/apis/shop/v1/orders", "/apis", "/pods",
     "/apis/apps/version/deployments", "/api/v1/pods/"],
)  # fmt: skip
def test_other_paths_are_not_kubernetes(path: str) -> None:
    assert "kubernetes" not in known(Http("GET", HOST + path, (), b""))


def test_yaml_is_read_as_json_is() -> None:
    body = b"""spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: app
        image: "ghcr.io/acme/checkout:1.2"  # pinned
        command: [run, --fast]
        env: []
"""
    reading = read(post(f"{APPS}/checkout?fieldManager=bot", body, YAML, method="PATCH"))
    assert reading.faithful
    assert find(reading, "json.spec.replicas") == 3
    assert meaning(reading, "kubernetes").says == (
        "Patch deployment checkout in prod: replicas 3, image ghcr.io/acme/checkout:1.2, "
        "command[0] run, command[1] --fast, env empty"
    )


@pytest.mark.parametrize(
    "text",
    ["a: &x 1\nb: *x", "a: !!str 1", "a: 1\na: 2", "a: 1\nA: 2", "a: yes", "a: 010", "a: 1_000",
     "a: 12:30:00", "a: 0x1F", "a: 2026-01-01", "<<: {a: 1}", "a: .inf", "---\na: 1\n---\nb: 2",
     "? [a]\n: 1", "a: [1", "1: a", "a: 1e5", "a: +1", "a: =", "a: 99999999999999999", "a: \x00",
     "[" * 500, "a: " + "x" * 70_000, "", "a: On", "n: 1"],
)  # fmt: skip
def test_yaml_that_parsers_read_in_two_ways_is_unclear(text: str) -> None:
    reading = read(post(f"{APPS}/checkout", text.encode(), YAML, method="PATCH"))
    if text == "":
        assert reading.body.kind == "none"
        return
    assert reading.unclear is not None
    assert find(reading, "kubernetes.verb") is UNCLEAR
    assert find(reading, "json.a") in (UNCLEAR, None)
