"""`countersign-client github`: a deployment of GitHub Actions that waits for a person.

A custom deployment protection rule of an environment, as a GitHub App of its own:
https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/create-custom-protection-rules,
https://docs.github.com/en/webhooks/webhook-events-and-payloads#deployment_protection_rule and
https://docs.github.com/en/rest/actions/workflow-runs (November 2026, read). The laws:

1. Nothing is read of a delivery that the App's webhook secret did not sign. Without a secret it
   does not start.
2. A deployment is let through only on a verified approval of this attempt of this run, for this
   environment and commit; whatever fails rejects it. One that observes lets all of them through,
   and says in GitHub's log of the deployment that no person was asked.
3. No address out of a delivery is called: the run's is made of its repository and its number.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from countersign_client.client import Client
from countersign_client.errors import Misconfigured, printable
from countersign_client.gateways.deliveries import Malformed, Once, json_object, listen, taken
from countersign_client.gateways.held import Gone, clients, hold
from countersign_client.logs import Line, log
from countersign_client.observe import NOBODY
from countersign_client.settings import LOOPBACK

APP_ID: Final = "COUNTERSIGN_GITHUB_APP"
KEY: Final = "COUNTERSIGN_GITHUB_KEY_FILE"
SECRET: Final = "COUNTERSIGN_GITHUB_SECRET"
API: Final = "https://api.github.com"
VERSION: Final = "2022-11-28"
"""https://docs.github.com/en/rest/about-the-rest-api/api-versions"""
GOOD_FOR: Final = 540
"""Seconds of the App's own token: GitHub takes ten minutes at most."""
PAUSES: Final = (1, 2, 4)
"""Seconds between attempts, where it does not answer."""
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_RUN: Final = re.compile(r"/actions/runs/([1-9][0-9]{0,14})/deployment_protection_rule")
_COMMIT: Final = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


def run(args: argparse.Namespace) -> int:
    """Listen until interrupted."""
    app = App.of(args.api, os.environ)
    secret = os.environ.get(SECRET, "")
    if not secret:
        raise Misconfigured(
            f"{SECRET} is not set: anybody could send a deployment.",
            "Give the GitHub App a webhook secret, and set the same here.",
        )
    asking = clients(args, "github")
    deployments = Deployments(secret.encode(), app=app, beat=args.beat, client=asking)
    return listen(args.listen, deployments.take)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What waits. `id`: GitHub's, for one environment of one attempt of a run."""

    id: int
    repository: str
    run: int
    environment: str
    commit: str
    ref: str
    description: str | None
    installation: int


def read(body: bytes) -> Deployment | None:
    """A signed body; None: it is another event. `Malformed`."""
    value = json_object(body)
    # It signs no headers: what happened is told by the body.
    if value.get("action") != "requested" or "deployment_callback_url" not in value:
        return None
    try:
        deployment, repository = value["deployment"], value["repository"]["full_name"]
        where = urlsplit(value["deployment_callback_url"]).path.partition(f"/repos/{repository}")[2]
        found = _RUN.fullmatch(where)
        texts = (value["environment"], deployment["sha"], deployment["ref"])
        numbers = (deployment["id"], value["installation"]["id"])
        sound = {*map(type, texts)} == {str} and {*map(type, numbers)} == {int}
        if not sound or not found or not _REPOSITORY.fullmatch(repository):
            raise ValueError
        if not texts[0] or not _COMMIT.fullmatch(texts[1]):
            raise ValueError
        description = deployment.get("description")
    except (LookupError, TypeError, ValueError, AttributeError):
        raise Malformed("it has no run, environment, commit or installation") from None
    return Deployment(
        id=numbers[0],
        repository=repository,
        run=int(found[1]),
        environment=texts[0],
        commit=texts[1],
        ref=texts[2],
        description=description if isinstance(description, str) else None,
        installation=numbers[1],
    )


@dataclass(slots=True)
class Deployments:
    """Takes signed deployments, each in a thread of its own."""

    secret: bytes = field(repr=False)
    app: App
    beat: float
    client: Callable[[], Client]
    _once: Once = field(default_factory=Once)

    def take(self, body: bytes, headers: Message) -> int:
        """The status for GitHub. A deployment that comes again is taken once."""
        given = headers.get("X-Hub-Signature-256", "")
        wanted = "sha256=" + hmac.new(self.secret, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
            return 401
        return taken(lambda: read(body), self.decide)

    def decide(self, deployment: Deployment) -> None:
        """Ask, wait, and tell GitHub. Never raises."""
        if not self._once.first(deployment.id):
            return
        waiting = _Waiting(deployment, self.app)
        with self.client() as client:
            hold(client, waiting, beat=self.beat)
        if waiting.untold:  # or “Redeliver” would do nothing, and it would wait for thirty days
            self._once.forget(deployment.id)


class _Waiting:
    """A deployment that waits for its rule."""

    action = "github.deploy"
    expires_in: int | None = None  # GitHub waits for thirty days

    def __init__(self, deployment: Deployment, app: App) -> None:
        self._one, self._app = deployment, app
        self.key = f"github:{deployment.repository}:{deployment.run}:{deployment.id}"
        self.note = deployment.description
        self._said = False
        self.untold = False
        """Whether it was decided, and GitHub did not take that."""

    def payload(self) -> Any:
        one = self._one
        run = self._run()
        return {
            "repository": one.repository,
            "environment": one.environment,
            "sha": run["head_sha"],
            # Of a pull request it is merged for the run.
            "deployed_sha": one.commit,
            "ref": one.ref,
            "workflow": run["path"],
            "run_id": one.run,
            "run_attempt": run["run_attempt"],
            "started_by": (run.get("triggering_actor") or {}).get("login"),
            "deployment_id": one.id,
        }

    def waiting(self, request_id: str) -> None:
        with suppress(Away):  # the next look may tell
            self._run()
        if not self._said:  # a comment without a state leaves it waiting
            self._said = self._tell(f"Waiting for a person ({request_id}).")

    def release(self, request_id: str) -> bool:
        return self._decided(f"Approved by a person ({request_id}).", "approved")

    def refuse(self, why: str) -> None:
        self._decided(why, "rejected")

    def observed(self) -> None:
        self._decided(NOBODY, "approved")

    def _decided(self, comment: str, state: str) -> bool:
        self.untold = True  # also where it raises
        self.untold = not self._tell(comment, state)
        return not self.untold

    def _run(self) -> Any:
        run = self._app.call("GET", self._path, self._one.installation)
        if run["status"] == "completed":
            raise Gone  # cancelled, or decided there
        return run

    @property
    def _path(self) -> str:
        return f"/repos/{self._one.repository}/actions/runs/{self._one.run}"

    def _tell(self, comment: str, state: str | None = None) -> bool:
        body = {"environment_name": self._one.environment, "comment": comment[:1000]}
        if state:
            body["state"] = state
        path = f"{self._path}/deployment_protection_rule"
        try:
            self._app.call("POST", path, self._one.installation, body)
        except (Away, Malformed) as error:
            log.warning(Line("platform_not_told", why=error))
            return False
        return True


class Away(Exception):
    """GitHub does not answer, or wants us slower."""


@dataclass(frozen=True, slots=True)
class App:
    """The GitHub App. `api`: the address of GitHub's API, without a slash at its end."""

    api: str
    id: str
    key: Any = field(repr=False)

    @classmethod
    def of(cls, api: str, environ: Mapping[str, str]) -> App:
        """`Misconfigured`: it is not whole."""
        from joserfc.jwk import RSAKey  # noqa: PLC0415 - only this command signs

        where = urlsplit(api)
        plain = where.scheme == "http" and LOOPBACK.fullmatch(where.hostname or "")
        if not (where.scheme == "https" or plain) or where.query or where.fragment:
            raise Misconfigured(
                f"--api {printable(api)} is not an https:// address.",
                f"It is {API}, or https://HOST/api/v3 of a GitHub Enterprise Server.",
            )
        if not re.fullmatch("[1-9][0-9]{0,14}", environ.get(APP_ID, "")):
            raise Misconfigured(f"{APP_ID} is not set.", "Set it to the App ID of your GitHub App.")
        try:
            key = RSAKey.import_key(Path(environ.get(KEY, "")).read_text())
        except (OSError, ValueError):
            raise Misconfigured(
                f"{KEY} is not the private key of a GitHub App.",
                "Set it to the path of the .pem file that GitHub made for the App.",
            ) from None
        return cls(api.rstrip("/"), environ[APP_ID], key)

    def call(self, method: str, path: str, installation: int, body: Any = None) -> Any:
        """What it answers. `Away`, or `Malformed`: it never will."""
        for pause in PAUSES:
            try:
                return self._once(method, path, installation, body)
            except Away as error:
                log.info(Line("platform_away", why=error))
                time.sleep(pause)
        return self._once(method, path, installation, body)

    def _once(self, method: str, path: str, installation: int, body: Any) -> Any:
        own = f"/app/installations/{installation}/access_tokens"
        got = self._ask("POST", own, self._own())
        if not isinstance(got, dict) or not isinstance(got.get("token"), str):
            raise Away("not GitHub's answer")
        return self._ask(method, path, got["token"], body)

    def _own(self) -> str:
        from joserfc import jwt  # noqa: PLC0415 - as above

        now = int(time.time())
        claims = {"iss": self.id, "iat": now - 60, "exp": now + GOOD_FOR}
        return jwt.encode({"alg": "RS256", "typ": "JWT"}, claims, self.key)

    def _ask(self, method: str, path: str, token: str, body: Any = None) -> Any:
        import httpx  # noqa: PLC0415 - it takes longer than all of this package

        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": VERSION,
            "User-Agent": "countersign-client",
        }
        try:
            answer = httpx.request(method, self.api + path, json=body, headers=headers, timeout=15)
            status = answer.status_code
            if status == 204:
                return {}
            said = answer.json()
        except httpx.HTTPError as error:
            raise Away(type(error).__name__) from None
        except ValueError:
            raise Away("not GitHub's answer") from None
        if status < 300:
            return said
        slower = status == 403 and "rate limit" in str(said).lower()
        if status in (401, 429) or status >= 500 or slower:
            raise Away(f"HTTP {status}")
        raise Malformed(f"HTTP {status} from GitHub")
