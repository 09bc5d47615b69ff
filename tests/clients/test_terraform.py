"""A run task of HCP Terraform: what it signs is asked about, and what was decided it is told.

Terraform here is a server on loopback, written from its documentation and the types of go-tfe.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from countersign_client.gateways import deliveries

from tests.clients.commands import Agents
from tests.clients.peers.terraform import KEY, PLAN, Door, Terraform
from tests.harness.house import HANGS

PAGE = Path(__file__).parents[2] / "docs/agents/terraform.md"


@pytest.fixture
def terraform() -> Iterator[Terraform]:
    made = Terraform()
    yield made
    made.end()


@pytest.fixture
def door(agents: Agents, terraform: Terraform) -> Iterator[Door]:
    made = Door(agents, terraform)
    yield made
    made.end()


def test_law_01_a_run_passes_on_an_approval_of_its_plan_only(
    agents: Agents, terraform: Terraform, door: Door
) -> None:
    assert door.send(terraform.task(1)) == 200
    shown: Any = agents.shown(agents.pending())
    asked = shown["asked"]
    assert asked["action"] == "terraform.post_plan"
    assert asked["payload"]["run_id"] == "run-1"
    assert asked["payload"]["plan"] == {
        "sha256": hashlib.sha256(json.dumps(PLAN).encode()).hexdigest(),
        "changes": [{"address": "aws_db.main", "actions": ["delete", "create"]}],
    }
    assert asked["note"] == "Trust me, it is only a label."
    request = agents.decide()
    assert terraform.last() == ("passed", f"Approved by a person ({request}).")

    assert door.send(terraform.task(2)) == 200
    agents.decide("decline", "Not on a Friday.")
    assert terraform.last() == ("failed", "Declined: Not on a Friday. Nothing was run.")
    # The same task again is taken once, and the token went to Terraform's API alone.
    assert door.send(terraform.task(2)) == 200
    assert door.send(terraform.task(3)) == 200
    agents.decide()
    assert terraform.last()[0] == "passed"
    assert terraform.told.empty()
    plan = "/api/v2/plans/plan-1/json-output"
    assert terraform.tokens.count((plan, "Bearer token-2")) == 1
    for path, token in terraform.tokens:
        assert token == (None if path == "/stored" else f"Bearer {token and token[7:]}")
        assert path == "/stored" or token in {"Bearer token-1", "Bearer token-2", "Bearer token-3"}


def test_a_run_that_is_observed_passes_and_says_that_nobody_was_asked(
    agents: Agents, terraform: Terraform
) -> None:
    door = Door(agents, terraform, "--observe", COUNTERSIGN_URL="")
    assert door.send(terraform.task(8), "") == 401
    # Its plan is not read, so a plan that cannot be read stops nothing.
    assert door.send(terraform.task(8, plan_json_api_url=f"http://{terraform.host}/none")) == 200
    status, said = terraform.last()
    assert (status, "no person was asked" in said) == ("passed", True)
    assert "NOTHING IS HELD (terraform)" in door.end()
    (event,) = (agents.home / "state/observed.jsonl").read_text().splitlines()
    assert '"action": "terraform.post_plan", "would": "ask"' in event


def test_law_09_a_request_that_the_key_did_not_sign_is_refused(
    agents: Agents, terraform: Terraform, door: Door
) -> None:
    raw = json.dumps(terraform.task(3)).encode()
    signed = hmac.new(KEY.encode(), raw, hashlib.sha512).hexdigest()
    other = hmac.new(b"another key", raw, hashlib.sha512).hexdigest()
    for signature in ("", "Ã¼", other, signed.upper(), signed[:-1], f"{signed}, {signed}"):
        assert door.send(raw, signature) == 401, signature
    assert door.send(raw + b" ", signed) == 401
    assert door.send(b"x" * (256 * 1024 + 1)) == 413
    assert agents.place.call("GET", "/v1/requests?status=pending")[1]["requests"] == []


def test_law_10_an_address_that_is_not_terraforms_is_not_called(
    terraform: Terraform, door: Door, agents: Agents
) -> None:
    for name in ("task_result_callback_url", "plan_json_api_url"):
        for address in (
            "http://127.0.0.1:1/x",
            f"http://user@{terraform.host}/x",
            f"http://{terraform.host}.evil.example/x",
            "https://app.terraform.io/x",
            "file:///etc/passwd",
            f"http://{terraform.host}\n/x",
            f"\thttp://{terraform.host}/x",
            "https://[",
            7,
        ):
            assert door.send(terraform.task(4, **{name: address})) == 422, address
    # A redirect of the plan to somewhere else fails the run, and nobody is asked.
    other = Terraform()
    terraform.elsewhere = f"http://{other.host}/stored"
    assert door.send(terraform.task(5)) == 200
    assert terraform.last() == ("failed", "Countersign could not ask about this. Nothing was run.")
    assert other.tokens == []
    other.end()
    assert agents.place.call("GET", "/v1/requests?status=pending")[1]["requests"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"payload_version": 2},
        {"task_result_id": ""},
        {"task_result_id": 7},
        {"stage": None},
        {"access_token": None},
        {"plan_json_api_url": None},
        {"plan_json_api_url": "", "stage": "pre_apply"},
    ],
    ids=str,
)
def test_law_27_a_signed_body_that_is_no_task_is_a_422(
    terraform: Terraform, door: Door, change: dict[str, Any]
) -> None:
    assert door.send(terraform.task(6, **change)) == 422


def test_law_27_a_length_that_is_none_is_a_413(terraform: Terraform, door: Door) -> None:
    for length in ("0" * 9 + "9999999", "0" * 5_000, "262145", "-1", "+1", "1_0", "\u0661", ""):
        connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=HANGS)
        connection.request("POST", "/", b"", {"Content-Length": length.encode()})
        assert connection.getresponse().status == 413, length
        connection.close()


@contextmanager
def listening() -> Iterator[tuple[str, int]]:
    with deliveries._Server(("127.0.0.1", 0), lambda *_: 200) as server:
        threading.Thread(target=server.serve_forever).start()
        yield ("127.0.0.1", server.server_port)
        server.shutdown()


def test_law_27_one_request_too_many_at_once_is_closed_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deliveries, "AT_ONCE", 1)
    monkeypatch.setattr(deliveries, "PATIENCE", HANGS)
    with listening() as address, socket.create_connection(address, HANGS) as first:
        said = b""
        with socket.create_connection(address, HANGS) as second, suppress(ConnectionError):
            second.sendall(b"POST / HTTP/1.0\r\n\r\n")
            said = second.recv(100)
        assert said == b""
        first.sendall(b"POST / HTTP/1.0\r\n\r\n")
        assert b" 413 " in first.recv(100)


def test_law_27_a_request_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "PATIENCE", 0.5)
    with listening() as address, socket.create_connection(address, 0.1) as slow:
        for _ in range(int(HANGS * 10)):
            with suppress(TimeoutError):
                slow.sendall(b"x")
                assert slow.recv(100) == b""
                break
        else:
            pytest.fail("it is still read")


def test_an_address_that_cannot_be_called_stops_no_task(
    agents: Agents, terraform: Terraform, door: Door
) -> None:
    address = f"http://{terraform.host}/" + "x" * 70_000
    assert door.send(terraform.task(8, task_result_callback_url=address)) == 200
    request = agents.decide()
    while (outcome := agents.shown(request)["outcome"]) is None:
        pass
    assert outcome["delivered"] is None  # type: ignore[index] # JSON


def test_terraforms_own_trial_is_answered_and_asks_nobody(terraform: Terraform, door: Door) -> None:
    trial = {"payload_version": 1, "stage": "test", "access_token": "test-token"}
    assert door.send(trial) == 200
    assert door.send(b"junk") == door.send(b"[]") == 422
    assert "token" not in door.end()


def test_law_01_a_run_fails_while_the_service_is_away(agents: Agents, terraform: Terraform) -> None:
    door = Door(agents, terraform, COUNTERSIGN_URL="http://127.0.0.1:1")
    assert door.send(terraform.task(7)) == 200
    status, message = terraform.last()
    assert status == "failed"
    assert "nobody can be asked now" in message
    door.end()


def test_law_09_without_a_key_it_does_not_start(agents: Agents) -> None:
    (shown,) = re.findall(r"^ +countersign-client (.*)$", PAGE.read_text(), re.MULTILINE)
    out, err = agents.start(*shown.split()).communicate(timeout=HANGS)
    assert "COUNTERSIGN_TERRAFORM_KEY is not set" in err
    assert not out
