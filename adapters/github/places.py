"""Where a card stands on GitHub: at a commit as a check, or in an issue as a comment.

A conversation is written `acme/api@<commit>` or `acme/api#12`, in small letters, as GitHub does not
tell them apart from large ones. A pull request is an issue whose check stands at its newest commit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic_core import from_json

from approvals.model import Request

# https://docs.github.com/en/rest/repos/repos: a name of an account, one of a repository
REPOSITORY: Final = r"[A-Za-z0-9_-]{1,100}/[A-Za-z0-9_.-]{1,100}"
COMMIT: Final = "[0-9a-f]{40}|[0-9a-f]{64}"
NUMBER: Final = "[1-9][0-9]{0,9}"
ROOM: Final = f"{REPOSITORY}(?:#{NUMBER})?"


@dataclass(frozen=True, slots=True)
class Spot:
    """Something in a repository: one of commit, pull request and issue; none: the repository."""

    repository: str
    commit: str = ""
    pull: int = 0
    issue: int = 0

    @property
    def conversation(self) -> str:
        """Of a commit or an issue."""
        return (
            f"{self.repository}@{self.commit}" if self.commit else f"{self.repository}#{self.issue}"
        )


def room(text: str) -> Spot:
    """What stands in `via`: a repository, an issue; or a conversation of ours. `ValueError`."""
    if re.fullmatch(REPOSITORY, text):
        return Spot(text.lower())
    return spot(text)


def spot(conversation: str) -> Spot:
    """What a conversation of ours is. `ValueError`."""
    found = re.fullmatch(f"({REPOSITORY})(?:@({COMMIT})|#({NUMBER}))", conversation)
    if found is None:
        raise ValueError("not owner/repository, an issue of one or a commit")
    return Spot(found[1].lower(), commit=found[2] or "", issue=int(found[3] or 0))


def lives(request: Request, api_url: str) -> Spot | None:
    """What a request names: by its address, if it goes to GitHub's API, or by `repository` and one
    of `sha`, `pull_request` and `issue` of its payload. None: nothing that a card can stand at."""
    try:
        if request.http is not None:
            return _of_address(request.http.url, api_url)
        said = from_json(request.payload or "null")
        return _of_payload(said) if isinstance(said, dict) else None
    except ValueError:
        return None


def _of_address(url: str, api_url: str) -> Spot | None:
    where, api = urlsplit(url), urlsplit(api_url)
    if (where.scheme, where.hostname, where.port or 443) != (
        api.scheme, api.hostname, api.port or 443,
    ):  # fmt: skip
        return None
    base = api.path.rstrip("/")
    if not where.path.startswith(f"{base}/repos/"):
        return None
    match where.path.removeprefix(f"{base}/repos/").split("/"):
        case [owner, name, "pulls", number, *_]:
            return _named(f"{owner}/{name}", pull=number)
        case [owner, name, "issues", number, *_]:
            return _named(f"{owner}/{name}", issue=number)
        case [owner, name, "commits" | "statuses", commit, *_]:
            return _named(f"{owner}/{name}", commit=commit)
    return None


def _of_payload(said: dict[str, Any]) -> Spot | None:
    repository = said.get("repository")
    if not isinstance(repository, str):
        return None
    for key, kind in (("sha", "commit"), ("pull_request", "pull"), ("issue", "issue")):
        if (value := said.get(key)) is not None:
            return _named(repository, **{kind: str(value)})
    return None


def _named(repository: str, *, commit: str = "", pull: str = "", issue: str = "") -> Spot | None:
    numbers = [one for one in (pull, issue) if one]
    if not re.fullmatch(REPOSITORY, repository) or (commit and not re.fullmatch(COMMIT, commit)):
        return None
    if not all(re.fullmatch(NUMBER, one) for one in numbers):
        return None
    return Spot(repository.lower(), commit, int(pull or 0), int(issue or 0))
