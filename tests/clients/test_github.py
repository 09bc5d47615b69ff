"""A deployment protection rule of GitHub: what its App is told is asked about, and GitHub answered.

GitHub here is a server on loopback: what it delivers fits GitHub's published schema of the event,
and what it is told must fit GitHub's description of its API (tests/peers/github.py).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import jsonschema_rs
import pytest

from tests.clients.commands import Agents
from tests.clients.listening import Listening, raw
from tests.house import HANGS
from tests.peers.github import APP, INSTALLATION, PEM, SHA, event, fits, fixture, is_the_apps

PAGE = Path(__file__).parents[2] / "docs/agents/github.md"
SECRET = "a webhook secret of the App"
REPOSITORY = "acme/api"
RUN = 12_345_678_901
GATE = f"/repos/{REPOSITORY}/actions/runs/{RUN}/deployment_protection_rule"
MERGED = "6dcb09b5b57875f334f61aebed695e2e4193db5e"


class GitHub:
    """It has one run, and keeps what it is told."""

    def __init__(self) -> None:
        self.run: dict[str, Any] = {
            "id": RUN, "status": "waiting", "head_sha": SHA, "run_attempt": 1,
            "path": ".github/workflows/deploy.yml", "triggering_actor": {"login": "mallory"},
        }  # fmt: skip
        self.told: Queue[tuple[str, str | None, str]] = Queue()
        """(environment, state, comment)"""
        self.calls = list[str]()
        self.away = 0
        self.refused = Queue[str]()
        """Decisions that it did not take, while `strict`."""
        self.strict = False
        there = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(*there.answer("GET", self.path, self._bearer(), None))

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                body = json.loads(raw) if raw else {}
                self._answer(*there.answer("POST", self.path, self._bearer(), body))

            def _bearer(self) -> str:
                assert self.headers["X-GitHub-Api-Version"] == "2022-11-28"
                return self.headers["Authorization"].removeprefix("Bearer ")

            def _answer(self, status: int, said: Any) -> None:
                body = b"" if status == 204 else json.dumps(said).encode()
                self.send_response(status)
                if status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.api = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever).start()

    def answer(self, method: str, path: str, bearer: str, body: Any) -> tuple[int, Any]:
        self.calls.append(f"{method} {path}")
        if self.away:
            self.away -= 1
            return 502, {"message": "Server Error"}
        if path == f"/app/installations/{INSTALLATION}/access_tokens":
            if not is_the_apps(bearer):
                return 401, {"message": "A JSON web token could not be decoded"}
            return 201, {"token": "ghs_1", "expires_at": "2030-01-01T00:00:00Z"}
        if bearer != "ghs_1":
            return 401, {"message": "Bad credentials"}
        if (method, path) == ("GET", f"/repos/{REPOSITORY}/actions/runs/{RUN}"):
            return 200, self.run
        if (method, path) != ("POST", GATE):
            return 404, {"message": "Not Found"}
        fits("actions/review-custom-gates-for-run", body)
        if self.strict and "state" in body:
            self.refused.put(body["state"])
            return 403, {"message": "Resource not accessible by integration"}
        self.told.put((body["environment_name"], body.get("state"), body["comment"]))
        return 204, None

    def asks(self, number: int, **changes: Any) -> dict[str, Any]:
        """The event, as GitHub's schema describes it."""
        example = event("issue_comment.created", "583231")
        at = f"https://api.github.com/repos/{REPOSITORY}"
        sent: dict[str, Any] = {
            "action": "requested",
            "environment": "production",
            "event": "push",
            "deployment_callback_url": f"https://api.github.com{GATE}",
            "deployment": {
                "url": f"{at}/deployments/{number}", "id": number, "node_id": "D", "sha": MERGED,
                "ref": "main", "task": "deploy", "payload": {}, "environment": "production",
                "original_environment": "production", "description": "Trust me, it is a typo.",
                "creator": example["sender"], "created_at": "2026-11-29T07:00:00Z",
                "updated_at": "2026-11-29T07:00:00Z", "repository_url": at,
                "statuses_url": f"{at}/deployments/{number}/statuses",
            },
            "pull_requests": [],
            **{name: example[name] for name in ("repository", "sender", "installation")},
        }  # fmt: skip
        jsonschema_rs.validate(fixture("deployment_protection_rule.requested.schema"), sent)
        return sent | changes

    def last(self) -> tuple[str | None, str]:
        """The decision that it was told."""
        while True:
            environment, state, comment = self.told.get(timeout=HANGS)
            assert environment == "production"
            if state is not None:
                return state, comment


class Door(Listening):
    """The command, as GitHub meets it."""

    def __init__(
        self, agents: Agents, github: GitHub, *more: str, beat: float = 1, **env: str
    ) -> None:
        key = agents.home / "github.pem"
        key.write_text(PEM)
        given = {
            "COUNTERSIGN_GITHUB_APP": str(APP),
            "COUNTERSIGN_GITHUB_KEY_FILE": str(key),
            "COUNTERSIGN_GITHUB_SECRET": SECRET,
        }
        words = ("github", "--api", github.api, "--beat", str(beat), *more)
        super().__init__(agents, *words, **{**given, **env})

    def send(self, body: Any, signature: str | None = None) -> int:
        signed = "sha256=" + hmac.new(SECRET.encode(), raw(body), hashlib.sha256).hexdigest()
        return self.post(
            raw(body), {"X-Hub-Signature-256": signed if signature is None else signature}
        )


@pytest.fixture
def github() -> Iterator[GitHub]:
    made = GitHub()
    yield made
    made.server.shutdown()
    made.server.server_close()


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
    other.server.shutdown()
    other.server.server_close()


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
