"""OpenClaw's approvals: each is asked about, and answered once, with allow-once or deny.

OpenClaw here is a command written from its documentation: it lists and takes what the test holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from countersign_client.gateways.openclaw import Failed, read

from tests.clients.commands import Agents
from tests.clients.peers.openclaw import OpenClaw
from tests.harness.house import HANGS
from tests.harness.installation import read_until


@pytest.fixture
def openclaw(tmp_path: Path) -> Iterator[OpenClaw]:
    made = OpenClaw(tmp_path)
    yield made
    made.end()


@pytest.fixture
def door(agents: Agents, openclaw: OpenClaw) -> Iterator[None]:
    words = ("openclaw", "--command", openclaw.command, "--every", "0.2")
    process = agents.start(*words)
    read_until(process, "Looking")
    yield
    process.terminate()
    process.communicate(timeout=HANGS)


@pytest.mark.usefixtures("door")
def test_law_01_openclaw_is_told_allow_once_on_an_approval_and_else_deny(
    agents: Agents, openclaw: OpenClaw
) -> None:
    openclaw.hold("ap_1", "rm -rf build && ./deploy.sh")
    shown: Any = agents.shown(agents.pending())
    assert shown["asked"]["action"] == "openclaw.exec"
    assert shown["asked"]["payload"] == {
        "agent": "main", "session": "agent:main:main", "kind": "exec",
        "command": "rm -rf build && ./deploy.sh",
    }  # fmt: skip
    agents.decide()
    assert openclaw.resolved.get(timeout=HANGS) == ["ap_1", "allow-once"]
    openclaw.hold("plugin:2", "Pay: 12,400 EUR to ACME", "plugin")
    agents.decide("decline", "--reason=not\nthis one")
    id_, verdict, reason = openclaw.resolved.get(timeout=HANGS)
    assert (id_, verdict) == ("plugin:2", "deny")
    assert reason == "--reason=Declined: --reason=not this one Nothing was run."


@pytest.mark.usefixtures("door")
def test_law_01_a_command_that_changed_after_it_was_shown_is_denied(
    agents: Agents, openclaw: OpenClaw
) -> None:
    openclaw.hold("ap_3", "ls")
    agents.pending()
    openclaw.held[0]["summary"] = "rm -rf /"
    agents.decide()
    id_, verdict, reason = openclaw.resolved.get(timeout=HANGS)
    assert (id_, verdict) == ("ap_3", "deny")
    assert "not what was approved" in reason


@pytest.mark.usefixtures("door")
def test_law_28_what_openclaw_no_longer_holds_is_withdrawn(
    agents: Agents, openclaw: OpenClaw
) -> None:
    openclaw.hold("ap_4", "ls -l")
    request = agents.pending()
    openclaw.held.clear()
    while agents.shown(request)["status"] == "pending":
        continue
    assert agents.shown(request)["status"] == "withdrawn"
    assert openclaw.resolved.empty()


@pytest.mark.usefixtures("door")
def test_law_01_what_openclaw_does_not_show_is_denied(agents: Agents, openclaw: OpenClaw) -> None:
    openclaw.hold("ap_5", "(summary unavailable)")
    id_, verdict, reason = openclaw.resolved.get(timeout=HANGS)
    assert (id_, verdict) == ("ap_5", "deny")
    assert "does not say what would run" in reason
    assert agents.place.call("GET", "/v1/requests?status=pending")[1]["requests"] == []


def test_law_01_openclaw_is_told_deny_while_the_service_is_away(
    agents: Agents, openclaw: OpenClaw
) -> None:
    openclaw.hold("ap_6", "ls -a")
    words = ("openclaw", "--command", openclaw.command, "--every", "0.2")
    process = agents.start(*words, COUNTERSIGN_URL="http://127.0.0.1:1")
    id_, verdict, reason = openclaw.resolved.get(timeout=HANGS)
    assert (id_, verdict) == ("ap_6", "deny")
    assert "nobody can be asked now" in reason
    process.terminate()
    process.communicate(timeout=HANGS)


def test_law_01_openclaw_is_answered_nothing_by_a_door_that_observes(
    agents: Agents, openclaw: OpenClaw
) -> None:
    openclaw.hold("ap_9", "echo sk_live")
    words = ("openclaw", "--command", openclaw.command, "--every", "0.05", "--observe")
    process = agents.start(*words, COUNTERSIGN_URL="")
    record = agents.home / "state/observed.jsonl"
    while not record.exists() or b"\n" not in record.read_bytes():
        pass
    openclaw.hold("plugin:10", "Pay", "plugin")
    while len(record.read_text().splitlines()) < 2:
        pass
    process.terminate()
    assert "NOTHING IS HELD (openclaw)" in process.communicate(timeout=HANGS)[1]
    assert [one["id"] for one in openclaw.held] == ["ap_9", "plugin:10"]
    assert openclaw.resolved.empty()
    events = [json.loads(line) for line in record.read_text().splitlines()]
    assert [event["action"] for event in events] == ["openclaw.exec", "openclaw.plugin"]
    assert "sk_live" not in record.read_text()


@pytest.mark.usefixtures("door")
def test_an_outage_of_openclaw_ends_no_wait(agents: Agents, openclaw: OpenClaw) -> None:
    openclaw.hold("ap_7", "ls -R")
    request = agents.pending()
    openclaw.away = True
    openclaw.hold("ap_8", "ls -t")
    openclaw.away = False
    assert agents.decide() in (request, agents.pending())
    agents.decide()
    answers = {tuple(openclaw.resolved.get(timeout=HANGS)) for _ in range(2)}
    assert answers == {("ap_7", "allow-once"), ("ap_8", "allow-once")}


@pytest.mark.parametrize("id_", ["--help", "-x", "id64_YQ", "a b", "a\nb", "", "x" * 129, "\u200b"])
def test_law_13_an_id_that_could_be_an_option_is_left_out(id_: str) -> None:
    entry = {"id": id_, "kind": "exec", "summary": "ls", "expiresAtMs": 1}
    safe = {**entry, "id": "a1:b.c_d-e"}
    listed = json.dumps({"approvals": [entry, safe]}).encode()
    assert [one.id for one in read(listed)] == ["a1:b.c_d-e"]


@pytest.mark.parametrize(
    "output",
    [b"", b"junk", b"[]", b"{}", b'{"approvals": 7}', b'{"approvals": [7]}', b"\xff",
     b'{"approvals": [{"id": "a"}]}'],
)  # fmt: skip
def test_a_list_of_another_form_is_refused(output: bytes) -> None:
    with pytest.raises(Failed):
        read(output)


def test_without_openclaws_command_it_does_not_start(agents: Agents) -> None:
    out, err = agents.start("openclaw", "--command", "no-such-claw").communicate(timeout=HANGS)
    assert "There is no command no-such-claw" in err
    assert not out
