"""A deployment protection rule of GitHub: what its App is told is asked about, and GitHub answered.

GitHub here is a server on loopback: what it delivers fits GitHub's published schema of the event,
and what it is told must fit GitHub's description of its API (tests/peers/github.py).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.commands import Agents
from tests.clients.peers.github import GATE, MERGED, REPOSITORY, RUN, SECRET, Door, GitHub
from tests.harness.house import HANGS
from tests.peers.github import APP, PEM, SHA

PAGE = Path(__file__).parents[2] / "docs/agents/github.md"


@pytest.fixture
def github() -> Iterator[GitHub]:
    made = GitHub()
    yield made
    made.end()


@pytest.fixture
def door(agents: Agents, github: GitHub) -> Iterator[Door]:
    made = Door(agents, github)
    yield made
    made.end()


def test_law_01_a_deployment_is_let_through_on_an_approval_of_this_run_only(
    agents: Agents, github: GitHub, door: Door
) -> None:
    assert door.send(github.asks(1)) == 200
    shown: Any = agents.shown(agents.pending())
    assert shown["asked"]["action"] == "github.deploy"
    assert shown["asked"]["payload"] == {
        "repository": REPOSITORY,
        "environment": "production",
        "sha": SHA,
        "deployed_sha": MERGED,
        "ref": "main",
        "workflow": ".github/workflows/deploy.yml",
        "run_id": RUN,
        "run_attempt": 1,
        "started_by": "mallory",
        "deployment_id": 1,
    }
    assert shown["asked"]["note"] == "Trust me, it is a typo."
    waiting = ("production", None, f"Waiting for a person ({shown['id']}).")
    assert github.told.get(timeout=HANGS) == waiting
    request = agents.decide()
    assert github.last() == ("approved", f"Approved by a person ({request}).")

    assert door.send(github.asks(2)) == 200
    agents.decide("decline", "Not on a Friday.")
    assert github.last() == ("rejected", "Declined: Not on a Friday. Nothing was run.")
    # The same deployment again is taken once.
    assert door.send(github.asks(2)) == 200
    assert door.send(github.asks(3)) == 200
    agents.decide()
    assert github.last()[0] == "approved"
    assert github.told.empty()


def test_law_01_what_became_another_attempt_meanwhile_is_rejected(
    agents: Agents, github: GitHub, door: Door
) -> None:
    assert door.send(github.asks(4)) == 200
    agents.pending()
    github.run["run_attempt"] = 2
    agents.decide()
    assert github.last()[0] == "rejected"


def test_a_run_that_was_cancelled_is_withdrawn_and_not_answered(
    agents: Agents, github: GitHub, door: Door
) -> None:
    assert door.send(github.asks(5)) == 200
    request = agents.pending()
    github.run["status"] = "completed"
    while agents.shown(request)["status"] != "withdrawn":
        pass
    assert {github.told.get()[1] for _ in range(github.told.qsize())} <= {None}


def test_law_26_a_github_that_is_away_for_a_moment_rejects_nothing(
    agents: Agents, github: GitHub, door: Door
) -> None:
    github.away = 1
    assert door.send(github.asks(6)) == 200
    agents.pending()
    github.away = 1
    agents.decide()
    assert github.last()[0] == "approved"


@pytest.mark.parametrize(("choice", "number"), [("approve", 11), ("decline", 12)])
def test_law_01_a_decision_that_github_did_not_take_is_a_rejection_once_it_is_redelivered(
    agents: Agents, github: GitHub, door: Door, choice: str, number: int
) -> None:
    github.strict = True
    assert door.send(github.asks(number)) == 200
    agents.decide(choice)
    assert github.refused.get(timeout=HANGS) == {"approve": "approved"}.get(choice, "rejected")
    github.strict = False
    while github.told.qsize() < 2:  # the first is the comment that it waits
        assert door.send(github.asks(number)) == 200
    assert github.last()[0] == "rejected"


def test_law_09_a_delivery_that_the_secret_did_not_sign_is_refused(
    agents: Agents, github: GitHub, door: Door
) -> None:
    raw = json.dumps(github.asks(7)).encode()
    signed = "sha256=" + hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    other = "sha256=" + hmac.new(b"another secret", raw, hashlib.sha256).hexdigest()
    for signature in ("", "Ã¼", other, signed.upper(), signed[:-1], signed.removeprefix("sha256=")):
        assert door.send(raw, signature) == 401, signature
    assert door.send(raw + b" ", signed) == 401
    assert github.calls == []
    assert agents.place.call("GET", "/v1/requests?status=pending")[1]["requests"] == []


def test_a_deployment_that_is_observed_goes_on_and_says_that_nobody_was_asked(
    agents: Agents, github: GitHub
) -> None:
    door = Door(agents, github, "--observe", COUNTERSIGN_URL="")
    assert door.send(github.asks(13), "") == 401
    assert door.send(github.asks(13)) == 200
    state, said = github.last()
    assert (state, "no person was asked" in said) == ("approved", True)
    assert door.send(github.asks(13)) == 200  # taken once
    assert "NOTHING IS HELD (github)" in door.end()
    (event,) = (agents.home / "state/observed.jsonl").read_text().splitlines()
    assert '"action": "github.deploy", "would": "ask"' in event


STRANGE: tuple[dict[str, Any], ...] = (
    {"deployment_callback_url": "https://api.github.com/repos/acme/other/actions/runs/1/x"},
    {"deployment_callback_url": f"https://api.github.com/repos/{REPOSITORY}/actions/runs/../1"},
    {"deployment_callback_url": 7},
    {"deployment_callback_url": "https://["},
    {"environment": ""},
    {"environment": None},
    {"deployment": None},
    {"deployment": {"id": "1", "sha": MERGED, "ref": "main"}},
    {"deployment": {"id": 1, "sha": "main", "ref": "main"}},
    {"repository": {"full_name": "../.."}},
    {"repository": {"full_name": 7}},
    {"installation": {}},
)


def test_law_27_a_signed_body_that_is_no_deployment_is_a_422(github: GitHub, door: Door) -> None:
    for change in STRANGE:
        assert door.send(github.asks(8, **change)) == 422, change


def test_law_10_the_address_of_a_delivery_is_not_called(
    agents: Agents, github: GitHub, door: Door
) -> None:
    other = GitHub()
    assert door.send(github.asks(9, deployment_callback_url=f"{other.api}{GATE}")) == 200
    agents.decide()
    assert github.last()[0] == "approved"
    assert other.calls == []
    other.end()


def test_other_events_of_the_app_are_answered_and_ask_nobody(github: GitHub, door: Door) -> None:
    other: tuple[Any, ...] = (
        {"zen": "Design for failure.", "hook_id": 1},
        {"action": "created", "installation": {"id": 1}},
        {"action": "requested", "check_suite": {}},
    )
    for sent in other:
        assert door.send(sent) == 200
    assert door.send(b"junk") == door.send(b"[]") == 422
    assert github.calls == []


def test_law_01_a_deployment_is_rejected_while_the_service_is_away(
    agents: Agents, github: GitHub
) -> None:
    door = Door(agents, github, COUNTERSIGN_URL="http://127.0.0.1:1")
    assert door.send(github.asks(10)) == 200
    state, comment = github.last()
    assert state == "rejected"
    assert "nobody can be asked now" in comment
    assert "ghs_" not in door.end()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"COUNTERSIGN_GITHUB_SECRET": ""}, "COUNTERSIGN_GITHUB_SECRET is not set"),
        ({"COUNTERSIGN_GITHUB_APP": "my-app"}, "COUNTERSIGN_GITHUB_APP is not set"),
        ({"COUNTERSIGN_GITHUB_KEY_FILE": "/nowhere.pem"}, "not the private key"),
    ],
)
def test_law_09_without_its_secret_its_app_or_its_key_it_does_not_start(
    agents: Agents, change: dict[str, str], why: str
) -> None:
    (shown,) = re.findall(r"^ +countersign-client (.*)$", PAGE.read_text(), re.MULTILINE)
    key = agents.home / "github.pem"
    key.write_text(PEM)
    given = {
        "COUNTERSIGN_GITHUB_APP": str(APP),
        "COUNTERSIGN_GITHUB_KEY_FILE": str(key),
        "COUNTERSIGN_GITHUB_SECRET": SECRET,
    }
    out, err = agents.start(*shown.split(), **given | change).communicate(timeout=HANGS)
    assert why in err
    assert not out


def test_law_23_the_apps_tokens_go_nowhere_in_plain_text(agents: Agents) -> None:
    words = ("github", "--listen", "127.0.0.1:0", "--api", "http://github.example.com/api/v3")
    out, err = agents.start(*words).communicate(timeout=HANGS)
    assert "is not an https:// address" in err
    assert not out
