"""Reading the requests that OneCLI's approval API lists. Pure.

Laws, each a test:

1. A reply of absurd size or shape is refused with a reason; one bad row does not hide the others.
2. Unknown fields are ignored; fields that older gateways lack are not guessed.
3. The deadline is ours: OneCLI's clock is used for ages only, and a wrong clock denies nothing.
4. What OneCLI leaves out is never taken for shown.
5. An agent's description of its task is a note, never a title, a fact or a value for rules.

Since August 2026 a row carries the body as the agent sent it (`rawBody`), up to 8 KiB of UTF-8
text; a body that is cut, binary or masked says so
(https://github.com/onecli/onecli, apps/gateway/crates/approval/src/lib.rs: `RawBody::from_bytes`,
`pending_approval_row`; read on 2026-11-28). Where it is whole, people decide on it.

Otherwise there is only a summary of the first 16 KiB (`bodyPreview` is that summary as text), which
leaves things out in its own ways (crates/summary/src). Summaries of one service (Gmail, calendars)
omit unknown parts without a sign, and the length does not tell either: OneCLI drops
`content-length` (crates/proxy/src/forward.rs). The card of such a summary says that parts may be
missing. Gateways before May 2026 gave the first 4 kB of the body as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any, Final

from approvals.evidence import frame
from approvals.model import SECOND, Agent, Duration, Fact, Http, Instant
from approvals.proposal import Proposal

LARGEST: Final = 8 * 1024 * 1024
"""Bytes of a reply that are read. A row has 16 KiB of preview at most."""
MOST_ROWS: Final = 1_000
PEEKED: Final = 16 * 1024
"""Bytes of a body that OneCLI looks at: of a longer one it knows no more."""
RAW: Final = 4_000
"""Characters of a body that gateways before the summaries gave (4 kB) less what a cut may hide."""
CUT: Final = 240
"""Characters at which OneCLI cuts a value (MAX_VALUE_LEN)."""
GUESTS: Final = 10
"""Guests of an event that OneCLI names (summary/google_calendar.rs); it does not say that there are
more."""
LIFETIME: Final[Duration] = 180 * SECOND
"""How long a request is held where the reply does not say (300 s before May 2026)."""
REMIND: Final[tuple[Duration, ...]] = (60 * SECOND, 120 * SECOND)
LABEL: Final = "OneCLI id"
"""The fact that says which held request it is; nothing else does."""


@dataclass(frozen=True, slots=True)
class Raw:
    """The body as OneCLI shows it. `lacks`: why `text` is not all of it, byte for byte; None: it
    is."""

    text: str
    lacks: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What the agent says of the task that the request is a part of: its own words."""

    id: str
    label: str | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """One held request, as OneCLI lists it. `action` and `details`: its summary, if it has one;
    `verb`: the action without the record that it is about ("Create Contact")."""

    id: str
    workspace: str | None
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    preview: str | None
    action: str | None
    details: tuple[Fact, ...]
    agent: Agent
    created_at: Instant | None
    expires_at: Instant | None
    verb: str | None = None
    raw: Raw | None = None
    batch: Batch | None = None


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that cannot be read, and why. It is there all the same, if its id can be read."""

    id: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What is held. `lifetime`: how long each is, from its creation. `date`: OneCLI's clock."""

    rows: tuple[Row | Bad, ...]
    lifetime: Duration | None = None
    date: Instant | None = None

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(row.id for row in self.rows if row.id is not None)


def read(raw: bytes, date: str | None) -> Reply:
    """A reply to a poll. `date`: its header. `ValueError`, in words: it is no such reply."""
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(said, dict) or not isinstance(said.get("requests"), list):
        raise ValueError("it lists no requests")
    if len(said["requests"]) > MOST_ROWS:
        raise ValueError(f"it lists more than {MOST_ROWS} requests")
    seconds = said.get("timeoutSeconds")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds <= 86_400:
        seconds = None
    rows = tuple(_row(one) for one in said["requests"])
    named = [row.id for row in rows if row.id is not None]
    if len(set(named)) < len(named):
        raise ValueError("it lists one id twice")
    return Reply(rows, None if seconds is None else seconds * SECOND, _date(date))


def left(row: Row, reply: Reply) -> Duration:
    """For how long OneCLI still holds it, from now on; never less than a second.

    Ages are differences of OneCLI's own times, so that ours plays no part. What is listed is held:
    an age beyond the lifetime is a clock's fault and no reason to give up.
    """
    lifetime = reply.lifetime
    if lifetime is None and row.created_at is not None and row.expires_at is not None:
        lifetime = row.expires_at - row.created_at
    if lifetime is None or not 0 < lifetime <= 86_400 * SECOND:
        lifetime = LIFETIME
    age = 0
    if row.created_at is not None and reply.date is not None:
        age = max(0, reply.date - row.created_at)
    return lifetime - age if age < lifetime else lifetime


def unseen(row: Row) -> str | None:
    """What OneCLI left out of the body or its summary, in words; None: nothing that it lets see."""
    declared = _declared(row)
    if row.raw is not None:
        length = len(row.raw.text.encode(errors="surrogatepass"))
        if row.raw.lacks is None and declared not in (None, length):
            return f"the body has {declared} bytes, and {length} are shown"
        return row.raw.lacks
    values = [fact.value for fact in row.details]
    labels = {fact.label.strip().lower() for fact in row.details}
    text = row.preview or ""
    raw = row.action is None and text != ""
    if declared == 0 or (
        declared is None and row.method in _BODILESS and "body" not in labels and not raw
    ):
        return None
    if not text and not values:
        return "it shows nothing of the body"
    if declared is not None and declared > len(text.encode(errors="surrogatepass")):
        return f"the body has {declared} bytes, and not as many are shown"
    if len(text.encode(errors="surrogatepass")) >= PEEKED:
        return "it looks at the first 16 KiB only"
    if row.action is None and len(text) >= RAW:
        return "it shows the first 4 kB only"
    if any(_LEFT_OUT.search(one) for one in (text, row.action or "", *values)):
        return "parts of the body are replaced by their length, or cut"
    if any(len(value) >= CUT for value in values):
        return f"values of {CUT} characters may be cut"
    if labels & _NAMED_ONLY:
        return "attachments are named and not shown"
    if any(
        fact.label.strip().lower() == "attendees" and fact.value.count(",") + 1 >= GUESTS
        for fact in row.details
    ):
        return f"of the guests {GUESTS} are named, and there may be more"
    if any(name == "content-encoding" for name, _ in row.headers):
        return "the body is compressed"
    # "POST request" is what it says where it knows no better; then any body would be shown.
    if not labels and text.strip() in ("", row.action) and not _generic(row):
        return "it says nothing of what is in the body"
    return None


def proposal(row: Row, reply: Reply) -> Proposal:
    """The request to open. A body that OneCLI shows whole is read like any other, and its summary
    is a help; otherwise the summary is the body. Everything is bound."""
    lacks = unseen(row)
    whole = row.raw is not None and lacks is None
    body = row.raw.text if row.raw is not None and whole else _description(row)
    facts = [Fact("Summary", row.action)] if row.action else []
    return Proposal(
        action="onecli." + (_slug(row.verb or row.action) or "request"),
        agent=row.agent,
        title=row.action,
        http=Http(row.method, row.url, row.headers, body.encode(), lacks is None),
        facts=(*facts, *row.details),
        mark=(Fact(LABEL, row.id),),
        note=None if row.batch is None else _task(row.batch),
        expires_in=left(row, reply),
        summary=not whole,
        some_headers=True,  # credentials are not listed, nor is a second line of one name
        hints=whole,
        remind=REMIND,
    )


def fingerprint(row: Row) -> str:
    """A hash over everything that is asked, without what may change. `ValueError`: bad text."""
    flat = [part for header in row.headers for part in header]
    flat += [part for d in row.details for part in (d.label, d.value)]
    what = (row.id, row.method, row.url, row.preview, row.action, row.agent.id, row.verb)
    raw = (None, None) if row.raw is None else (row.raw.text, row.raw.lacks)
    task = None if row.batch is None else _task(row.batch)
    counts = (len(row.headers), len(row.details))
    return sha256(frame("countersign/onecli/2", *what, *raw, task, *counts, *flat)).hexdigest()


def _description(row: Row) -> str:
    """Everything that OneCLI says of a body that it does not show whole."""
    text = row.preview or ""
    said = (row.action or "", *(part for d in row.details for part in (d.label, d.value)))
    if not all(part in text for part in said):
        lines = [row.action or "", *(f"{d.label}: {d.value}" for d in row.details)]
        text = "\n".join(filter(None, [text, *lines]))
    if row.raw is not None and row.raw.text:
        text = f"{text}\n\nOf the body itself:\n{row.raw.text}"
    return text


def _task(batch: Batch) -> str:
    """The note, which cards show as the agent's unverified words."""
    count = f", {batch.total} requests" if batch.total is not None else ""
    return f"Part of the task {batch.id!r}{count}" + (f": {batch.label}" if batch.label else "")


_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_METHOD: Final = re.compile(r"[A-Z]{1,32}")
_LACKS: Final = {
    "truncated": "of the body OneCLI shows the beginning only",
    "binary": "the body is not text, and OneCLI shows none of it",
    "redacted": "OneCLI hides parts of the body that are named like secrets",
}
"""By the flag that says so; one that is missing or no truth value counts as set."""
_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "DELETE", "TRACE"})
_NAMED_ONLY: Final = frozenset({"attachments", "attachment", "files", "file"})
# `<n chars>`, `<n chars, base64>`, `<binary, n+ bytes>`; `***` for what has a secret's name; `…` at
# the end of what was cut; `(filenames not in preview)`; `+3 more fields`; what was not UTF-8.
_LEFT_OUT: Final = re.compile(
    r"<[^<>\n]{0,40}(?:chars|bytes|binary|base64)[^<>\n]{0,40}>|\*\*\*|…\s*(?:$|\n|[\"'})\]])"
    r"|not in preview|truncated|\+[0-9]+ more|\ufffd"
)


def _row(said: Any) -> Row | Bad:
    id = said.get("id") if isinstance(said, dict) else None
    if not isinstance(id, str) or not _ID.fullmatch(id):
        return Bad(None, "it has no id, or not one that fits into an address")
    try:
        return _read_row(id, said)
    except ValueError as error:
        return Bad(id, str(error))


def _read_row(id: str, said: Mapping[str, Any]) -> Row:
    method = _text(said, "method", 32)
    if not method or not _METHOD.fullmatch(method):
        raise ValueError("it has no method")
    url = _text(said, "url", 16_384)
    if not url:
        raise ValueError("it has no url")
    headers = {} if said.get("headers") is None else said["headers"]
    if not isinstance(headers, dict) or len(headers) > 200:
        raise ValueError("its headers are no object, or too many")
    pairs = tuple(sorted((name.lower(), _text(headers, name, 65_536) or "") for name in headers))
    action, verb, details = _summary(said.get("summary"))
    workspace = _text(said, "workspaceId", 200) or _text(said, "projectId", 200)
    return Row(
        id=id,
        workspace=workspace,
        method=method,
        url=url,
        headers=pairs,
        preview=_text(said, "bodyPreview", 1024 * 1024),
        action=action,
        details=details,
        agent=_agent(said.get("agent")),
        created_at=_time(said.get("createdAt")),
        expires_at=_time(said.get("expiresAt")),
        verb=verb,
        raw=_raw(said.get("rawBody")),
        batch=_batch(said.get("batch")),
    )


def _raw(said: Any) -> Raw | None:
    """`{text, truncated, binary, redacted?}`; null where the body is empty, absent before."""
    if said is None:
        return None
    if not isinstance(said, dict):
        raise ValueError("its rawBody is no object")
    text = _text(said, "text", 1024 * 1024)
    if text is None:
        raise ValueError("its rawBody has no text")
    flags = {name: said.get(name) for name in ("truncated", "binary")}
    flags["redacted"] = said.get("redacted", False)
    for name, lacks in _LACKS.items():
        if flags[name] is not False:
            return Raw(text, lacks)
    return Raw(text, None)


def _batch(said: Any) -> Batch | None:
    """`{id, label?, total?}`. OneCLI took it from the agent's headers and cleaned it."""
    if said is None:
        return None
    if not isinstance(said, dict):
        raise ValueError("its batch is no object")
    id, total = _text(said, "id", 64), said.get("total")
    if not id:
        return None
    whole = isinstance(total, int) and not isinstance(total, bool)
    return Batch(id, _text(said, "label", 500), total if whole else None)


def _summary(said: Any) -> tuple[str | None, str | None, tuple[Fact, ...]]:
    if said is None:
        return None, None, ()
    if not isinstance(said, dict):
        raise ValueError("its summary is no object")
    details = said.get("details") or []
    if not isinstance(details, list) or len(details) > 100:
        raise ValueError("its summary's details are no list, or too many")
    facts = []
    for one in details:
        if not isinstance(one, dict):
            raise ValueError("a detail of its summary is no object")
        label, value = _text(one, "label", 200) or "", _text(one, "value", 65_536) or ""
        facts.append(Fact(label, value))
    subject = said.get("subject")
    verb = _text(subject, "verb", 500) if isinstance(subject, dict) else None
    return _text(said, "action", 500), verb, tuple(facts)


def _agent(said: Any) -> Agent:
    if not isinstance(said, dict):
        raise ValueError("it does not say which agent it is")
    id = _text(said, "externalId", 200) or _text(said, "id", 200)
    if not id:
        raise ValueError("its agent has no id")
    return Agent(id, _text(said, "name", 200))


def _text(said: Mapping[str, Any], name: str, most: int) -> str | None:
    value = said.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"its {name} is no text")
    if value is not None and len(value) > most:
        raise ValueError(f"its {name} has more than {most} characters")
    return value


def _time(said: Any) -> Instant | None:
    try:
        at = datetime.fromisoformat(said)
    except (TypeError, ValueError):
        return None
    return None if at.tzinfo is None else int(at.timestamp() * SECOND)


def _date(header: str | None) -> Instant | None:
    try:
        return int(parsedate_to_datetime(header or "").timestamp() * SECOND)
    except (ValueError, TypeError, OverflowError):
        return None


def _declared(row: Row) -> int | None:
    """What the agent said of the body's length, where OneCLI passes that on."""
    for name, value in row.headers:
        if name == "content-length":
            return int(value) if re.fullmatch(r"[0-9]{1,15}", value) else None
    return None


def _generic(row: Row) -> bool:
    return (row.action or "") == f"{row.method} request"


def _slug(action: str | None) -> str:
    return re.sub(r"[^a-z0-9]+", "_", (action or "").lower()).strip("_")[:64]
