"""Values as rows and back. The state of a case is read and written with every tap: it is short.

What does not move is JSON by name, so that a field can be added; votes are by place, for speed: a
new field of `Vote` or `Outcome` goes to the end and has a default.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, TypeAlias

from pydantic_core import PydanticSerializationError, to_json

from approvals.buttons import Binding, Stored
from approvals.evidence import Entry
from approvals.model import (
    Agent,
    Ask,
    Case,
    Choice,
    Escalation,
    Fact,
    Http,
    Instant,
    Kind,
    Label,
    Outcome,
    Request,
    Risk,
    Status,
    Vote,
)
from approvals.store.tables import buttons, cards
from approvals.store.values import CardRow, CardState, Change, Job, Press

Row: TypeAlias = Sequence[Any]
Params: TypeAlias = Mapping[str, Any]

# Escapes all that is not ASCII: a NUL or a lone surrogate in an agent's words is no text to a
# database, but its escape is.
_load: Final = json.JSONDecoder().decode

_CHOICE: Final = {c.value: c for c in Choice}
_LABEL: Final = {c.value: c for c in Label}
_STATUS: Final = {c.value: c for c in Status}
_CARD: Final = {c.value: c for c in CardState}

CASE: Final = (
    *("id", "org", "revision", "digest", "requester", "agent", "terms", "created_at"),
    *("expires_at", "status", "version", "state"),
)
"""The columns of `case`, in order."""
CARD: Final = tuple(c.name for c in cards.columns)
_STATE: Final = CARD.index("state")
BUTTON: Final = tuple(c.name for c in buttons.columns)
ENTRY: Final = Entry.__slots__
JOB: Final = Job.__slots__
QUEUED: Final = JOB[:5]

_vote: Final[Callable[[Vote], tuple[Any, ...]]] = attrgetter(*Vote.__slots__)
_outcome: Final[Callable[[Outcome], tuple[Any, ...]]] = attrgetter(*Outcome.__slots__)
_binding: Final[Callable[[Binding], tuple[Any, ...]]] = attrgetter(*BUTTON[3:])
_plain: Final[Callable[[Case], tuple[Any, ...]]] = attrgetter(*CASE[:6])
entry_row: Final[Callable[[Entry], tuple[Any, ...]]] = attrgetter(*ENTRY)
job_row: Final[Callable[[Job], tuple[Any, ...]]] = attrgetter(*QUEUED)


def named(value: Any) -> dict[str, Any]:
    """The fields of a slotted dataclass, by name."""
    return {name: getattr(value, name) for name in value.__slots__}


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _dump(value: Any) -> str:
    # The standard encoder makes itself anew for each call, which cost as much as a row. It alone
    # writes a lone surrogate.
    try:
        return to_json(value).decode()
    except PydanticSerializationError:
        return json.dumps(value)


# A rule's cases share their terms, and these are the longest part of a row: hence the caches.


@lru_cache(maxsize=1024)
def _terms_text(ask: Ask, barred: tuple[str, ...], inspectable: bool, complete: bool) -> str:
    escalate = ask.escalate and [ask.escalate.after, ask.escalate.to]
    return _dump([{**named(ask), "escalate": escalate}, barred, inspectable, complete])


@lru_cache(maxsize=1024)
def _terms(text: str) -> tuple[Ask, tuple[str, ...], bool, bool]:
    fields, barred, inspectable, complete = _load(text)
    fields = {name: _frozen(value) for name, value in fields.items()}
    fields["risk"] = Risk(fields["risk"])
    fields["escalate"] = fields["escalate"] and Escalation(*fields["escalate"])
    return Ask(**fields), tuple(barred), inspectable, complete


def terms_row(case: Case) -> str:
    """The case's own seal and fingerprint, then what it shares with others of its rule."""
    shared = _terms_text(case.ask, case.barred, case.inspectable, case.complete)
    return f"{case.seal} {case.shown} {shared}"


_ROOM: Final = 320
"""Characters of state that a new case is given, by blanks: in SQLite a row that grew with its first
vote would burst its page, and each burst is three pages more to write."""
_FRESH: Final = "[[],null,null,null,false,0,null]".ljust(_ROOM)
_UNMOVED: Final = ((), None, None, None, False, 0, None)


def state(case: Case) -> str:
    """What moves in a case, besides the columns."""
    outcome = case.outcome and _outcome(case.outcome)
    return _dump(
        (
            [_vote(vote) for vote in case.votes],
            case.decided_at,
            case.reason,
            outcome,
            case.escalated,
            case.reminded,
            case.head,
            *((True,) if case.lapsed else ()),
        )
    )


def _moved(text: str) -> tuple[Any, ...]:
    if text == _FRESH:
        return _UNMOVED
    votes, decided_at, reason, outcome, *rest = _load(text)
    return (
        tuple([Vote(p, _CHOICE[c], tuple(groups), *more) for p, c, groups, *more in votes]),
        decided_at,
        reason,
        outcome and Outcome(*outcome),
        *rest,
    )


def wake(change: Change) -> Instant | None:
    """When time next matters; None once the case is closed."""
    case = change.case
    if not case.open:
        return None
    return case.expires_at if change.wake_at is None else min(change.wake_at, case.expires_at)


def case_params(change: Change) -> dict[str, Any]:
    """Every column of the case."""
    case = change.case
    return {
        **dict(zip(CASE[:6], _plain(case), strict=True)),
        "terms": terms_row(case),
        "created_at": case.created_at,
        "expires_at": case.expires_at,
        "status": case.status,
        "version": case.version,
        "state": state(case).ljust(_ROOM),
        "wake_at": wake(change),
    }


def case(row: Row) -> Case:
    """From the columns `CASE`."""
    id_, org, revision, digest, by, agent, terms, created, expires, status, version, state_ = row
    seal, shown, shared = terms.split(" ", 2)
    ask, barred, inspectable, complete = _terms(shared)
    votes, decided, reason, outcome, escalated, reminded, head, *lapsed = _moved(state_)
    moved = (votes, decided, reason, outcome, escalated, reminded, head)
    return Case(
        *(id_, org, revision, digest, by, agent, ask, created, expires, barred, inspectable),
        complete,
        _STATUS[status],
        version,
        *(*moved, shown, seal, *lapsed),
    )


def content_params(request: Request) -> dict[str, Any]:
    """The content, its body apart and as it is."""
    http = request.http
    fields = named(request)
    fields["agent"] = named(request.agent)
    fields["http"] = http and [http.method, http.url, http.headers, http.body_complete]
    for name in ("facts", "claimed_facts"):
        fields[name] = [(fact.label, fact.value) for fact in fields[name]]
    meta = {k: v for k, v in fields.items() if k not in ("id", "revision")}
    return {
        "request_id": request.id,
        "revision": request.revision,
        "meta": _dump(meta),
        "body": http and http.body,
    }


def content(id_: str, revision: int, meta: str, body: bytes | None) -> Request:
    """The request, whole."""
    fields = _load(meta)
    fields["kind"] = Kind(fields["kind"])
    fields["agent"] = Agent(**fields["agent"])
    if fields["http"]:
        method, url, headers, whole = fields["http"]
        fields["http"] = Http(method, url, _frozen(headers), body or b"", whole)
    for name in ("facts", "claimed_facts"):
        fields[name] = tuple(Fact(*fact) for fact in fields[name])
    return Request(id=id_, revision=revision, **fields)


def card(row: Row) -> CardRow:
    """From the columns `CARD`."""
    fields = [*row]
    fields[_STATE] = _CARD[fields[_STATE]]
    return CardRow(*fields)


def button(row: Row) -> Stored:
    """From the columns `BUTTON`."""
    lookup, card_id, nonce, kid, request_id, revision, digest, choice, label, *rest = row
    binding = Binding(kid, request_id, revision, digest, _CHOICE[choice], _LABEL[label], *rest)
    return Stored(lookup, card_id, nonce, binding)


def button_params(stored: Stored) -> dict[str, Any]:
    """Every column of a button."""
    values = (stored.lookup, stored.card_id, stored.nonce, *_binding(stored.binding))
    return dict(zip(BUTTON, values, strict=True))


_CARD_FROM: Final = 2 + len(BUTTON)
_CASE_FROM: Final = _CARD_FROM + len(CARD)


def presses(n: int, rows: Iterable[Row]) -> list[Press | None]:
    """From rows of: place, seen, `BUTTON`, `CARD`, `CASE`."""
    found: list[Press | None] = [None] * n
    for row in rows:
        found[row[0]] = Press(
            button(row[2:_CARD_FROM]),
            card(row[_CARD_FROM:_CASE_FROM]),
            case(row[_CASE_FROM:]),
            bool(row[1]),
        )
    return found


def job(row: Row) -> Job:
    """From the columns `JOB`."""
    return Job(*row)
