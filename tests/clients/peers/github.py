"""GitHub Actions, as far as we speak to it: a protection rule of an environment."""

from __future__ import annotations

import hashlib
import hmac
import json
from queue import Queue
from typing import Any

import jsonschema_rs

from tests.clients.commands import Agents
from tests.clients.listening import Listening, raw
from tests.clients.peers.serving import Answers, Peer
from tests.harness.house import HANGS
from tests.peers.github import APP, INSTALLATION, PEM, SHA, event, fits, fixture, is_the_apps

SECRET = "a webhook secret of the App"
REPOSITORY = "acme/api"
RUN = 12_345_678_901
GATE = f"/repos/{REPOSITORY}/actions/runs/{RUN}/deployment_protection_rule"
MERGED = "6dcb09b5b57875f334f61aebed695e2e4193db5e"


class GitHub(Peer):
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

        class Handler(Answers):
            def do_GET(self) -> None:
                self._answer(*there.answer("GET", self.path, self._bearer(), None))

            def do_POST(self) -> None:
                raw = self.sent()
                body = json.loads(raw) if raw else {}
                self._answer(*there.answer("POST", self.path, self._bearer(), body))

            def _bearer(self) -> str:
                assert self.headers["X-GitHub-Api-Version"] == "2022-11-28"
                return self.headers["Authorization"].removeprefix("Bearer ")

            def _answer(self, status: int, said: Any) -> None:
                self.answer(b"" if status == 204 else json.dumps(said).encode(), status)

        self.listen(Handler)
        self.api = f"http://{self.host}"

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
