"""What is in deploy/: read by the programs that it is for, in step with the code, and run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from approvals.app import keys
from approvals.cli.browser import Browser, Loopback
from approvals.model import Choice
from approvals.proxy.metrics import Metrics as OfGateway
from approvals.proxy.metrics import State
from approvals.store import Store
from approvals.web.metrics import Metrics
from tests.harness.house import HANGS, START, open_house
from tests.harness.installation import BOT, ROOT, Installation, install, listening, run
from tools import deploy_check
from tools.ports import free_port

DEPLOY: Final = ROOT / "deploy"
ALERTS: Final = DEPLOY / "prometheus" / "alerts.yaml"
SECRETS: Final = {
    "database_url": "sqlite:///countersign.db",
    "gateway_key": "csr_" + "g" * 40,
    "agent_password": "correct-horse-battery",
}


@pytest.mark.parametrize("name", deploy_check.SMALL)
def test_its_own_program_finds_no_fault(name: str, tmp_path: Path) -> None:
    deploy_check.CHECKS[name](tmp_path)


def test_a_fault_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "deploy"
    shutil.copytree(DEPLOY, broken)
    monkeypatch.setattr(deploy_check, "DEPLOY", broken)
    monkeypatch.setattr(deploy_check, "CHART", broken / "helm" / "countersign")
    for file, line in (
        ("systemd/countersign.service", "\n[Service]\nProtectSystem=no\nCapabilityBoundingSet=~\n"),
        ("nginx/countersign.conf", "\nproxy_passs http://x;\n"),
        ("helm/countersign/templates/service.yaml", "\n{{ .Values.nothing.there }}\n"),
    ):
        with (broken / file).open("a") as opened:
            opened.write(line)
    for name in deploy_check.SMALL:
        with pytest.raises(deploy_check.Faulty):
            deploy_check.CHECKS[name](tmp_path)


# Metrics, alerts, dashboard


def used(text: str) -> set[str]:
    return set(re.findall(r"\bcountersign_[a-z_]+", text))


async def printed(store: Store) -> set[str]:
    """The names of all series that the service and a gateway can print."""
    async with open_house(store, metrics_open=True) as place:
        status, text = await place.call("GET", "/metrics")
        assert status == 200
    metrics = Metrics()
    metrics.polls({"home.ws": ("home", lambda: 1.0)})
    metrics.certificate(START)
    text += metrics.text(await store.counts(), 0, 0).decode()
    gateway = OfGateway(lambda: State(0, 0, True, 0.0))
    text += generate_latest(gateway.registry).decode()
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    return {
        family.name + end
        for family in text_string_to_metric_families(text)
        for end in ends.get(family.type, ())
    }


async def test_dashboard_alerts_and_autoscaler_name_only_what_the_service_prints(
    store: Store,
) -> None:
    there = await printed(store)
    files = [ALERTS, DEPLOY / "grafana" / "countersign.json"]
    files += (DEPLOY / "helm/countersign/templates").iterdir()
    for file in files:
        names = {name for name in used(file.read_text()) if not name.startswith("countersign_rate")}
        assert names - there == set(), file
    assert len(used(files[1].read_text())) > 10


def test_every_alert_has_its_part_of_the_runbook() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    headings = re.findall(r"^### (Countersign\w+)$", text, re.MULTILINE)
    rules = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
    assert headings == [rule["alert"] for rule in rules]
    for rule in rules:
        anchor = f"docs/operations.md#{rule['alert'].lower()}"
        assert rule["annotations"]["runbook"] == anchor
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_the_dashboard_has_panels_apart() -> None:
    board = json.loads((DEPLOY / "grafana" / "countersign.json").read_text())
    cells = [
        (x, y)
        for panel in board["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


# Compose and chart


def in_folder(folder: Path, config: Mapping[str, Any] | str, name: str) -> Path:
    """A configuration as it is mounted, with its secrets in this folder."""
    text = config if isinstance(config, str) else yaml.safe_dump(config)
    for secret, value in SECRETS.items():
        file = folder / secret
        file.write_text(value)
        file.chmod(0o600)
        text = text.replace(f"/run/secrets/{secret}", str(file))
    text = text.replace("/var/lib/countersign", str(folder)).replace("/run/keys", f"{folder}/keys")
    (folder / name).write_text(text)
    return folder


def test_compose_keeps_apart_what_must_not_meet(tmp_path: Path) -> None:
    made = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services, networks = made["services"], made["networks"]
    for name, one in services.items():
        assert one["read_only"], name
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert int(one["user"].partition(":")[0]) > 0
        assert one["healthcheck"]["test"][0] == "CMD"
        given = " ".join(one["environment"])
        assert not re.search(r"PASSWORD(?!_FILE)|_KEY\b(?<!RECEIPT_KEY)|SECRET", given), given
        assert set(one["secrets"]) <= set(made["secrets"])
    on = {net: {n for n, one in services.items() if net in one["networks"]} for net in networks}
    assert on["agents"] == {"gateway"}
    assert on["database"] == {"service", "postgres"}
    assert on["approvals"] == {"service", "gateway"}
    assert "postgres" not in on["world"] | on["inbox"]
    assert all(networks[net]["internal"] for net in ("agents", "approvals", "database", "metrics"))
    assert all("file" in secret for secret in made["secrets"].values())
    assert [port for one in services.values() for port in one.get("ports", [])] == [
        "127.0.0.1:8080:8080"
    ]
    env = {"COUNTERSIGN_PUBLIC_URL": "https://approve.example.com", "RECEIPT_KEY": "A" * 43}
    assert run("keys", "new", "--dir", "keys", cwd=tmp_path).code == 0
    for name in ("countersign", "gateway"):
        text = (DEPLOY / "config" / f"{name}.yaml").read_text()
        in_folder(tmp_path, text, f"{name}.yaml")
    assert run("check", cwd=tmp_path, **env).err == ""
    ran = run("gateway", "check", cwd=tmp_path, **env)
    assert ran.code == 0, ran.err


def pods(documents: list[Any]) -> Iterator[tuple[str, Any]]:
    for one in documents:
        if one["kind"] in ("Deployment", "StatefulSet"):
            yield one["kind"], one["spec"]["template"]["spec"]


def test_the_chart_runs_nothing_as_root_and_its_secrets_are_files(tmp_path: Path) -> None:
    documents = list(yaml.safe_load_all(deploy_check.rendered(tmp_path)))
    assert [kind for kind, _ in pods(documents)] == ["Deployment", "StatefulSet"]
    for kind, pod in pods(documents):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        (box,) = pod["containers"]
        held = box["securityContext"]
        assert held["readOnlyRootFilesystem"] is True
        assert held["allowPrivilegeEscalation"] is False
        assert held["capabilities"] == {"drop": ["ALL"]}
        assert "env" not in box
        assert "envFrom" not in box
        ready = "/readyz" if kind == "Deployment" else "/healthz"
        assert box["readinessProbe"]["httpGet"]["path"] == ready
        assert box["livenessProbe"]["httpGet"]["path"] == "/healthz"
        writable = [m["name"] for m in box["volumeMounts"] if not m.get("readOnly")]
        assert set(writable) <= {"tmp", "data"}
        # Less than SIGTERM's drain and the wait before it.
        assert pod["terminationGracePeriodSeconds"] > 30
    kinds = [one["kind"] for one in documents]
    assert kinds.count("PodDisruptionBudget") == 2
    assert "Secret" not in kinds
    (scaler,) = [one for one in documents if one["kind"] == "HorizontalPodAutoscaler"]
    by = [m["external"]["metric"]["name"] for m in scaler["spec"]["metrics"] if "external" in m]
    assert by == ["countersign_pending", "countersign_outbox_oldest_seconds"]


def test_the_charts_policies_leave_the_agents_the_gateway_alone(tmp_path: Path) -> None:
    documents = list(yaml.safe_load_all(deploy_check.rendered(tmp_path)))
    policies = {
        one["metadata"]["name"]: one["spec"] for one in documents if one["kind"] == "NetworkPolicy"
    }
    assert all(one["policyTypes"] == ["Ingress", "Egress"] for one in policies.values())
    agents = policies["countersign-agents"]
    assert agents["ingress"] == []
    (way,) = agents["egress"]
    assert way["ports"] == [{"port": 8081}]
    (to,) = way["to"]
    component = to["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
    assert component == "gateway"
    proxied, figures = policies["countersign-gateway"]["ingress"]
    assert (proxied["ports"], figures["ports"]) == ([{"port": 8081}], [{"port": 9102}])
    assert "namespaceSelector" in figures["from"][0], "Prometheus, and no agent, reads the figures"
    private = deploy_check.rendered(tmp_path).count("169.254.0.0/16")
    assert private == 2  # neither process reaches the cloud's metadata


def test_an_empty_list_in_the_chart_lets_nobody_in(tmp_path: Path) -> None:
    """In Kubernetes a rule whose `from` is empty is about everybody."""
    lists = [f"network.{name}=[]" for name in ("agents", "monitoring", "ingressController")]
    documents = yaml.safe_load_all(deploy_check.rendered(tmp_path, *lists))
    policies = [one["spec"] for one in documents if one["kind"] == "NetworkPolicy"]
    assert len(policies) == 3
    rules = [rule for one in policies for rule in one["ingress"] or ()]
    assert [rule["ports"] for rule in rules] == [[{"port": 8080}]], "the gateway, to the service"
    assert all(rule["from"] for rule in rules)


def test_keys_that_are_mounted_for_our_group_are_taken_and_open_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes mounts them as root's, readable by the group of the pod."""
    assert run("keys", "new", "--dir", "keys", cwd=tmp_path).code == 0
    folder = tmp_path / "keys"
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    for mode in (0o440, 0o444):
        for file in folder.iterdir():
            file.chmod(mode)
        if mode == 0o440:
            assert keys.load(folder).ring.active
        else:
            with pytest.raises(keys.KeyFault, match="others may read it"):
                keys.load(folder)
    monkeypatch.undo()
    for file in folder.iterdir():
        file.chmod(0o440)
    with pytest.raises(keys.KeyFault, match="others may read it"):
        keys.load(folder)


def test_the_charts_configurations_are_sound(tmp_path: Path) -> None:
    documents = list(yaml.safe_load_all(deploy_check.rendered(tmp_path)))
    for one in documents:
        if one["kind"] == "ConfigMap":
            for name, text in one["data"].items():
                in_folder(tmp_path, text, name)
    assert run("keys", "new", "--dir", "keys", cwd=tmp_path).code == 0
    assert run("check", cwd=tmp_path).err == ""
    ran = run("gateway", "check", cwd=tmp_path)
    assert ran.code == 0, ran.err


# The release


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    """At any time, in any folder, by any user."""
    made = []
    for number, mask in enumerate((0o022, 0o077)):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copyfile(ROOT / name, folder / name)
        for name in ("approvals", "adapters", "card_templates"):
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        for file in folder.rglob("*"):
            file.chmod(file.stat().st_mode & ~mask)
            os.utime(file, (number * 1e6, 1e9 + number * 1e6))
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-d", folder / "dist"],
            cwd=folder,
            env={
                **os.environ,
                "SOURCE_DATE_EPOCH": "1790000000",
                "TZ": ("UTC", "Asia/Tokyo")[number],
            },
            check=True,
            capture_output=True,
        )
        made.append({f.name: f.read_bytes() for f in (folder / "dist").iterdir()})
    assert sorted(made[0]) == sorted(made[1])
    assert len(made[0]) == 2
    for name, content in made[0].items():
        assert content == made[1][name], name


# All of it on loopback: TLS in nginx, the service, PostgreSQL


@contextmanager
def nginx(folder: Path, service: int) -> Iterator[tuple[int, ssl.SSLContext]]:
    """Our configuration in a real nginx before this port of loopback."""
    http, https = free_port(), free_port()
    whole = deploy_check.nginx_file(folder, http=http, https=https, service=service)
    with subprocess.Popen(["nginx", "-e", "stderr", "-c", whole], stderr=subprocess.PIPE) as runs:
        try:
            while not listening(https):
                assert runs.poll() is None, runs.stderr and runs.stderr.read()
            trust = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
            yield https, trust
        finally:
            runs.terminate()


def test_a_request_is_decided_through_nginx_with_postgresql_behind(
    tmp_path: Path, postgresql_database: str
) -> None:
    place = install(tmp_path, postgresql_database)
    with nginx(tmp_path, place.port) as (port, trust):
        file = tmp_path / "countersign.yaml"
        listen = f'listen: "127.0.0.1:{place.port}"'
        public = f'{listen}, public_url: "https://countersign.localhost:{port}"'
        file.write_text(file.read_text().replace(listen, public))
        place.start()
        try:
            asyncio.run(decided_through(place, f"https://countersign.localhost:{port}", trust))
        finally:
            assert place.stop().code == 0


async def decided_through(place: Installation, url: str, trust: ssl.SSLContext) -> None:
    link = (await asyncio.to_thread(place.run, "login-link", "dana")).out.strip()
    assert link.startswith(f"{url}/login/")
    connector = aiohttp.TCPConnector(resolver=Loopback(), ssl=trust)
    async with aiohttp.ClientSession(connector=connector) as http, asyncio.timeout(HANGS):
        key = {"Authorization": f"Bearer {BOT}"}
        body = {"agent": {"id": "bot"}, "action": "mail.send", "payload": {"to": "bob"}}
        async with http.post(f"{url}/v1/requests", json=body, headers=key) as answer:
            assert answer.status == 201
            asked = await answer.json()
        browser = Browser(http)
        await browser.sign_in(link)
        waits = asyncio.ensure_future(
            http.get(f"{url}/v1/requests/{asked['id']}?wait=60", headers=key)
        )
        await browser.decide(asked["id"], Choice.APPROVE, asked["digest"], None)
        async with await waits as answer:
            case = await answer.json()
        assert case["status"] == "approved"
        assert case["receipt"].count(".") == 2
        assert answer.headers["Strict-Transport-Security"]
        async with http.get(f"{url}/metrics") as answer:
            assert answer.status == 404
        async with http.get(f"{url}/readyz") as answer:
            assert answer.status == 200
