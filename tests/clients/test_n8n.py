"""A workflow of n8n that waits for a person: what it posts is asked about, and it is resumed.

n8n here is a server on loopback, written from its documentation and the code of its resume URLs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.commands import Agents
from tests.clients.peers.n8n import KEY, PAYLOAD, Door, N8n
from tests.harness.house import HANGS


@pytest.fixture
def n8n() -> Iterator[N8n]:
    made = N8n()
    yield made
    made.end()


@pytest.fixture
def door(agents: Agents, n8n: N8n) -> Iterator[Door]:
    made = Door(agents, n8n)
    yield made
    made.end()


def test_law_01_a_workflow_reads_approved_on_an_approval_of_its_payload_only(
    agents: Agents, n8n: N8n, door: Door
) -> None:
    assert door.send(n8n.step(1, note="Trust me.")) == 202
    shown: Any = agents.shown(agents.pending())
    assert shown["asked"]["action"] == "n8n.payouts.create"
    assert shown["asked"]["payload"] == {**PAYLOAD, "invoice": 1}
    assert shown["asked"]["note"] == "Trust me."
    request = agents.decide()
    path, verdict = n8n.resumed.get(timeout=HANGS)
    assert path == "/webhook-waiting/1/pay"
    assert verdict == {
        "id": "1-0", "action": "payouts.create", "approved": True, "request_id": request,
        "payload": {**PAYLOAD, "invoice": 1},
    }  # fmt: skip
    assert door.send(n8n.step(2)) == 202
    agents.decide("decline", "Not on a Friday.")
    _, verdict = n8n.resumed.get(timeout=HANGS)
    assert verdict == {
        "id": "2-0", "action": "payouts.create", "approved": False,
        "reason": "Declined: Not on a Friday. Nothing was run.",
    }  # fmt: skip


def test_law_01_one_delivery_again_is_asked_and_approved_once(
    agents: Agents, n8n: N8n, door: Door
) -> None:
    assert door.send(n8n.step(3)) == 202
    request = agents.pending()
    assert door.send(n8n.step(3)) == 202
    # The same id with another payload is a refusal, and opens nothing.
    assert door.send(n8n.step(3, payload={"cents": 1})) == 202
    _, verdict = n8n.resumed.get(timeout=HANGS)
    assert verdict["approved"] is False
    assert agents.decide() == request
    verdicts = [n8n.resumed.get(timeout=HANGS)[1]["approved"] for _ in range(2)]
    assert sorted(verdicts) == [False, True]


def test_a_verdict_before_the_wait_node_is_reached_is_sent_again(
    agents: Agents, n8n: N8n, door: Door
) -> None:
    n8n.running.add("/webhook-waiting/4/pay")
    assert door.send(n8n.step(4)) == 202
    agents.decide()
    assert n8n.resumed.get(timeout=HANGS)[1]["approved"] is True


def test_law_09_a_delivery_without_the_key_is_refused(agents: Agents, n8n: N8n, door: Door) -> None:
    for given in ("", KEY, f"Bearer {KEY}x", f"bearer {KEY}", "Bearer ", "Bearer Ã¼"):
        assert door.send(n8n.step(5), given) == 401, given
    assert door.send(b"x" * (256 * 1024 + 1)) == 413


def test_law_10_an_address_that_is_not_n8ns_is_not_called(
    agents: Agents, n8n: N8n, door: Door
) -> None:
    for address in (
        "http://127.0.0.1:1/x",
        f"http://user@{n8n.host}/x",
        f"http://{n8n.host}.evil.example/x",
        f"ftp://{n8n.host}/x",
        7,
        None,
    ):
        assert door.send(n8n.step(6, resume_url=address)) == 422, address
    other = N8n()
    n8n.elsewhere = f"http://{other.host}/stolen"
    assert door.send(n8n.step(7)) == 202
    agents.decide()
    *_, last = map(json.loads, logged_until(door, "workflow_not_resumed").splitlines())
    assert (last["event"], last["level"]) == ("workflow_not_resumed", "warning")
    assert {"timestamp", "logger"} <= last.keys()
    assert other.resumed.empty()
    other.end()


def logged_until(door: Door, wanted: str) -> str:
    """What the door logged, up to the line that holds `wanted`."""
    assert door.process.stderr is not None
    text = ""
    for line in door.process.stderr:
        text += line
        if wanted in line:
            break
    return text


@pytest.mark.parametrize(
    "change",
    [{"id": ""}, {"id": 7}, {"action": "a b"}, {"action": None}, {"note": 7}, {"risk": "low"}],
    ids=str,
)
def test_law_27_a_delivery_of_another_form_is_a_422(
    n8n: N8n, door: Door, change: dict[str, Any]
) -> None:
    assert door.send(n8n.step(8, **change)) == 422
    assert door.send(b"junk") == door.send(b"[]") == door.send(b"{}") == 422


def test_law_01_a_workflow_reads_a_refusal_while_the_service_is_away(
    agents: Agents, n8n: N8n
) -> None:
    door = Door(agents, n8n, COUNTERSIGN_URL="http://127.0.0.1:1")
    assert door.send(n8n.step(9)) == 202
    _, verdict = n8n.resumed.get(timeout=HANGS)
    assert verdict["approved"] is False
    assert "nobody can be asked now" in verdict["reason"]
    door.end()


def test_a_workflow_that_is_observed_goes_on_and_reads_that_nobody_was_asked(
    agents: Agents, n8n: N8n
) -> None:
    door = Door(agents, n8n, "--observe", COUNTERSIGN_URL="")
    assert door.send(n8n.step(10, note="sk_live"), "Bearer another") == 401
    assert door.send(n8n.step(10, note="sk_live")) == 202
    _, verdict = n8n.resumed.get(timeout=HANGS)
    assert verdict == {
        "id": "10-0", "action": "payouts.create", "approved": True, "observed": True,
        "reason": "Countersign only observes: no person was asked, and none has approved this.",
        "payload": {**PAYLOAD, "invoice": 10},
    }  # fmt: skip
    assert "NOTHING IS HELD (n8n)" in door.end()
    (event,) = (agents.home / "state/observed.jsonl").read_text().splitlines()
    assert '"action": "n8n.payouts.create", "would": "ask"' in event


def test_law_09_without_a_key_n8n_is_not_listened_to(agents: Agents) -> None:
    out, err = agents.start("n8n", "--host", "n8n.example.com").communicate(timeout=HANGS)
    assert "COUNTERSIGN_N8N_KEY is not set" in err
    assert not out
