"""The commands that talk to a running service as a person: list, show, approve, decline."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from rich.cells import chop_cells
from rich.console import Console
from rich.table import Table
from rich.text import Text

from approvals import words
from approvals.app.exits import Exit, Stop
from approvals.cards import bound, digest_of, summarised
from approvals.cli.browser import session
from approvals.evidence import canonical
from approvals.model import ORG, Agent, Fact, Http, Kind, Outcome, Request, Status
from approvals.port import reason
from approvals.reading import read, read_payload
from approvals.reading.content import text_of
from approvals.readings import held
from approvals.text import clean, show_hex

STYLES = {
    "pending": "yellow",
    "approved": "green",
    "declined": "red",
    "expired": "dim",
    "withdrawn": "dim",
    "low": "green",
    "medium": "yellow",
    "high": "bold red",
}


_ADDRESS: Final = re.compile(r"https?://[^\s/?#@]+", re.IGNORECASE)
PERSONAL: Final = "csp_"
REQUESTER: Final = "csr_"
"""What tokens and keys begin with. Repeated here, because importing the modules that make them
takes longer than asking the service; a test compares them."""
_MAKE_ONE: Final = "Make a personal token in the inbox, under Settings."


def _no_token(text: str) -> str:
    """Why this cannot be a person's token; "" where it may be one."""
    if not text:
        return "COUNTERSIGN_TOKEN is not set."
    begins = f"a person's token begins with {PERSONAL}."
    if text.startswith(REQUESTER):
        return f"COUNTERSIGN_TOKEN: This is a requester's key; {begins}"
    if not re.fullmatch(rf"{PERSONAL}[A-Za-z0-9_-]+", text):
        return f"COUNTERSIGN_TOKEN is not a personal token: {begins}"
    return ""


LARGE: Final = "Not shown in a list: `countersign show` has all of it"
"""In place of a title that the service does not tell."""


class Remote:
    """A service, and the personal token of the person at this terminal."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._url = environ.get("COUNTERSIGN_URL", "http://127.0.0.1:8080").rstrip("/")
        if not _ADDRESS.fullmatch(self._url):
            raise Stop(
                Exit.UNREACHABLE,
                "COUNTERSIGN_URL is not the address of a service.",
                "It is like http://127.0.0.1:8080 or https://approve.example.com, without a path.",
            )
        self._token = environ.get("COUNTERSIGN_TOKEN", "").strip()
        if wrong := _no_token(self._token):
            raise Stop(Exit.DENIED, wrong, _MAKE_ONE)

    def get(self, path: str, **query: str | None) -> Any:
        """The JSON at a path. Raises `Stop` in words."""
        given = {name: value for name, value in query.items() if value is not None}
        where = path + (f"?{urlencode(given)}" if given else "")
        return asyncio.run(self._send("GET", where, None))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send JSON to a path, get JSON. Raises `Stop` in words."""
        return asyncio.run(self._send("POST", path, body))

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with (
                session(30) as http,
                http.request(
                    method, self._url + path, json=body, headers=headers, allow_redirects=False
                ) as answer,
            ):
                raw = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Stop(
                Exit.UNREACHABLE,
                f"{self._url} does not answer: {reason(error)}.",
                "Is `countersign serve` running there? COUNTERSIGN_URL says where to look.",
            ) from error
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise Stop(Exit.UNREACHABLE, f"{self._url} is not a Countersign service.") from error
        if answer.status < 400:
            return value
        if not isinstance(value, dict):
            raise Stop(Exit.UNREACHABLE, f"{self._url} is not a Countersign service.")
        said = str(value.get("detail", "")) or f"HTTP {answer.status}"
        if answer.status >= 500:
            raise Stop(Exit.UNREACHABLE, clean(said))
        if answer.status == 401:
            why = f"{self._url} does not take the token in COUNTERSIGN_TOKEN"
            raise Stop(Exit.DENIED, f"{why}: it is unknown, expired or revoked.", _MAKE_ONE)
        raise Stop(Exit.DENIED if answer.status == 403 else Exit.FAILED, clean(said))


EVERY: Final = 2.0
"""Seconds between two looks of `watch`."""


def follow(
    service: Remote, agent: str | None, *, sleep: Callable[[float], object]
) -> Iterator[dict[str, Any] | Stop]:
    """What waits, then what is new and what is decided, as it happens; for ever. A `Stop`, once:
    the service does not answer for the moment."""
    waiting: dict[str, Any] = {}
    lost = False
    while True:
        try:
            listed = service.get("/v1/requests", status="pending", agent=agent, limit="100")
            now = {case["id"]: case for case in listed["requests"]}
            ended = [] if listed["next"] else [known for known in waiting if known not in now]
            changed = [service.get(f"/v1/requests/{known}") for known in ended]
        except Stop as stop:
            if stop.code is not Exit.UNREACHABLE:
                raise
            if not lost:
                yield stop
            lost = True
        else:
            lost = False
            changed += [case for known, case in reversed(now.items()) if known not in waiting]
            waiting = now
            yield from changed
        sleep(EVERY)


def line(case: Mapping[str, Any]) -> Text:
    """A request in one line."""
    said = [_styled(case["status"]), _styled(case["risk"]), Text(clean(case["title"] or LARGE))]
    if case["status"] != "pending" and case.get("state"):
        said.append(Text(clean(case["state"]), "dim"))
    elif case.get("agent"):
        said.append(Text(clean(case["agent"]), "dim"))
    return Text("  ").join([Text(case["id"], "dim"), *said])


def table(cases: list[dict[str, Any]]) -> Table:
    """Requests as a table that fits into a narrow terminal, too."""
    shown = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    shown.add_column("REQUEST", no_wrap=True)
    shown.add_column("STATUS", no_wrap=True)
    shown.add_column("RISK", no_wrap=True)
    shown.add_column("WHAT", overflow="fold", ratio=1)
    for case in cases:
        what = Text(clean(case.get("title") or LARGE), overflow="fold")
        waits = case.get("progress") or ", ".join(case["needs"])
        over = case.get("state") if case["status"] != "pending" else ""
        why = case.get("why") if case["status"] == "pending" else ""
        for more in (case.get("agent"), waits, why, over):
            what.append(f"\n{clean(more)}" if more else "", "dim")
        shown.add_row(case["id"], _styled(case["status"]), _styled(case["risk"]), what)
    return shown


def bound_request(case: Mapping[str, Any]) -> Request | None:
    """The request as a value; None where the service does not show it (to a requester's key).

    Raises `Stop` where the digest is of something else: then nobody should decide on it.
    """
    asked = case.get("asked")
    if asked is None:
        return None
    try:
        found = _request(case, asked)
        digest = digest_of(
            found.http,
            found.payload,
            revision=found.revision,
            action=found.action,
            summary=summarised(str(case["digest"])),  # a gateway's, and called what it is
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Stop(Exit.UNVERIFIED, f"✗ What the service shows cannot be read: {error}") from error
    if digest != case["digest"]:
        raise Stop(Exit.UNVERIFIED, "✗ What the service shows is not what the digest is of.")
    return found


def sheet(console: Console, case: Mapping[str, Any]) -> None:
    """One request, whole, as a person reads it. What others wrote is cleaned and never markup.

    Every line of a body or note has a bar before it, so that none can pass for one of ours; a line
    that did not fit goes on behind a dotted one.
    """
    found = bound_request(case)
    if found is not None:
        console.print(Text(clean(case["title"] or ""), "bold"), overflow="fold")
        asks = _who(found.agent) if found.kind is Kind.GATEWAY else clean(found.agent.id)
        whose = found.agent.on_behalf_of
        behalf = f", for {_name(case, whose)}," if whose else ""
        console.print(Text(f"{asks}{behalf} asks through {clean(found.requester)}"))
        console.print()
    _pairs(
        console,
        [
            ("Request", Text(case["id"])),
            ("Status", _styled(case["status"])),
            ("Risk", _styled(case["risk"])),
            ("Rule", Text(clean(case["rule"]))),
            ("State", Text(clean(case.get("state") or ""))),
            ("Needs", Text(clean(case.get("progress") or ", ".join(case["needs"])))),
            ("Expires", Text(_until(case) if case["status"] == "pending" else "")),
            ("Decided", Text(_when(case["decided_at"]) if case["decided_at"] else "")),
            *(("Vote", Text(clean(_vote(case, vote)))) for vote in case["votes"]),
            ("Reason", Text(clean(case["reason"] or ""))),
            ("Outcome", Text(clean(_outcome(case["outcome"])))),
            ("Digest", Text(case["digest"])),
        ],
    )
    if found is not None:
        _asked(console, case, found)


def _asked(console: Console, case: Mapping[str, Any], found: Request) -> None:
    http = held(found.http, summary=summarised(found.digest))
    reading = read(http) if http is not None else read_payload(found.payload or "null")
    what = bound(found, reading, salt=None)
    if found.facts:
        console.print(Text("\nWhat it does", "bold"))
        _pairs(console, _texts(found.facts))
    told = _told(case["outcome"])
    tense = words.tense(Status(case["status"]), told, lapsed=case.get("lapsed", False))
    summary = summarised(found.digest)
    heading = words.over_the_bytes(tense, http=http is not None, summary=summary)
    console.print(Text(f"\n{heading}", "bold"))
    _pairs(console, _texts([Fact("Action", found.action)]))
    console.print(Text(what.line), overflow="fold")
    if what.text:
        _block(console, what.text)
    if found.http is not None and text_of(found.http.body) is None:
        console.print(Text("\nIts bytes", "bold"))
        _block(console, show_hex(found.http.body))
    if not found.complete:
        console.print(Text("The rest was never received by anyone here.", "bold yellow"))
    if found.note or found.claimed_title or found.claimed_facts or found.agent.name:
        _note(console, found)
    console.print(Text("\nIts page: ", "dim") + Text(clean(case["review"])), overflow="fold")


def _note(console: Console, found: Request) -> None:
    """The agent's words, apart and quoted."""
    said: list[str] = []
    if found.agent.name and found.kind is Kind.AGENT:
        said.append(f"It calls itself “{clean(found.agent.name)}”.")
    if found.claimed_title:
        said.append(f"“{clean(found.claimed_title)}”")
    said += [f"“{clean(f.label)}”: “{clean(f.value)}”" for f in found.claimed_facts]
    said += [clean(found.note, line=False)] if found.note else []
    if said:
        console.print(Text("\nAgent’s note, unverified", "bold yellow"))
        _block(console, "\n".join(said))


def _block(console: Console, text: str) -> None:
    width = max(console.width - 2, 8)
    for line in text.split("\n"):
        parts = chop_cells(line.expandtabs(4), width) or [""]
        for bar, part in zip("│" + "┊" * (len(parts) - 1), parts, strict=True):
            console.print(Text(f"{bar} ", "dim") + Text(part), soft_wrap=True)


def _pairs(console: Console, pairs: list[tuple[str, Text]]) -> None:
    grid = Table.grid(padding=(0, 1, 0, 0))  # so that a digest fits into 80 columns, in one piece
    grid.add_column(style="dim", overflow="fold", max_width=max(console.width // 3, 8))
    grid.add_column(overflow="fold")
    for label, value in pairs:
        if value.plain:
            grid.add_row(Text(label), value)
    console.print(grid)


def _texts(facts: Iterable[Fact]) -> list[tuple[str, Text]]:
    return [(clean(fact.label), Text(clean(fact.value))) for fact in facts]


def _styled(word: str) -> Text:
    return Text(word, STYLES.get(word, ""))


def _who(agent: Agent) -> str:
    return f"{clean(agent.name)} ({clean(agent.id)})" if agent.name else clean(agent.id)


def _name(case: Mapping[str, Any], person: str) -> str:
    return clean(case.get("names", {}).get(person, person))


def _vote(case: Mapping[str, Any], vote: Mapping[str, Any]) -> str:
    said = {"approve": "approved", "decline": "declined"}.get(vote["choice"], vote["choice"])
    who = f"{_name(case, vote['person'])} " if "person" in vote else ""
    where = f" on {vote['channel']}" if "channel" in vote else ""
    return f"{who}{said}{where}, {_when(vote['at'])}"


def _when(at: str) -> str:
    """A time in this terminal's zone: "29 Nov 2026 14:20 CET"."""
    there = datetime.fromisoformat(at).astimezone()
    return f"{there.day} {there:%b %Y %H:%M} {there.tzname()}"


def _until(case: Mapping[str, Any]) -> str:
    left = datetime.fromisoformat(case["expires_at"]) - datetime.now(UTC)
    minutes = max(0, int(left.total_seconds()) // 60)
    hours, days = minutes // 60, minutes // (24 * 60)
    much = f"{days} d {hours % 24} h" if days else f"{hours} h {minutes % 60} min" if hours else ""
    return f"{_when(case['expires_at'])}, {much or f'{minutes} min'} left"


def _told(outcome: Mapping[str, Any] | None) -> Outcome | None:
    if outcome is None:
        return None
    return Outcome(outcome["delivered"], 0, outcome["status"])


def _outcome(outcome: Mapping[str, Any] | None) -> str:
    told = _told(outcome)
    return words.delivery(told, outcome["error"] or None) if told and outcome else ""


def _request(case: Mapping[str, Any], asked: Mapping[str, Any]) -> Request:
    agent, http = asked["agent"], asked["http"]
    return Request(
        id=case["id"],
        org=ORG,
        revision=case["revision"],
        requester=asked["requester"]["name"],
        kind=Kind(asked["requester"]["kind"]),
        agent=Agent(agent["id"], agent["name"], agent["on_behalf_of"]),
        action=asked["action"],
        http=http
        and Http(
            method=http["method"],
            url=http["url"],
            headers=tuple((name, value) for name, value in http["headers"]),
            body=base64.b64decode(http["body"], validate=True),
            body_complete=http["body_complete"],
        ),
        payload=None if http else canonical(json.dumps(asked["payload"])),
        digest=case["digest"],
        created_at=0,
        facts=_facts(asked["facts"]),
        claimed_title=asked["claimed_title"],
        claimed_facts=_facts(asked["claimed_facts"]),
        note=asked["note"],
    )


def _facts(listed: Iterable[Mapping[str, str]]) -> tuple[Fact, ...]:
    return tuple(Fact(fact["label"], fact["value"]) for fact in listed)
