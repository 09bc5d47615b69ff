"""The conversation with the service, without a socket, a clock or a disk.

Each function is a generator: it yields what is to be done (`Call`, `Pause`, `Note`), is sent the
answer, and returns the outcome. `client.py` drives them, once blocking and once with asyncio. The
laws:

1. Only a receipt that verifies for what is about to run makes a `Decision` that is approved. No
   answer makes one that is observed: `observe` does, before anybody is asked.
2. What is digested is what the caller holds, before asking and again after the verdict.
3. An approval is noted as used before it is given out.
4. Whatever fails raises; a wait that is broken off withdraws its request.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias, TypeVar

from countersign_client import receipt, used
from countersign_client.digest import digest_http, digest_payload
from countersign_client.errors import (
    AlreadyUsed,
    CountersignError,
    Declined,
    Expired,
    Misconfigured,
    NotAccepted,
    Unreachable,
    Unverified,
    Withdrawn,
    printable,
)
from countersign_client.settings import Service

POLL: Final = 25
"""Seconds of one long poll: below the 30 and 60 s after which proxies cut a quiet connection."""
ROUNDS: Final = 10
"""Seconds for which a receipt that is still being signed is asked for."""
LONGEST_PAUSE: Final = 60.0
BUSY: Final = 600.0
"""Seconds of pauses that a service may ask for (`Retry-After`) before it counts as away."""
_ID: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"


class Then(StrEnum):
    """What a rule says of a call, before anybody is asked."""

    ASK = "ask"
    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Http:
    """An HTTP request as it will be sent."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What shall run: a name, and either a JSON `payload` or `http`."""

    action: str
    payload: Any = None
    http: Http | None = None

    def digest(self) -> str:
        """Of what it holds now. `Misconfigured`: it has no one meaning."""
        try:
            if self.http is not None:
                sent = self.http
                return digest_http(
                    action=self.action, method=sent.method, url=sent.url,
                    headers=sent.headers, body=sent.body,
                )  # fmt: skip
            return digest_payload(action=self.action, payload=self.payload)
        except ValueError as error:
            raise Misconfigured(
                f"This cannot be asked about: {error}.", "Send plain JSON values."
            ) from None

    def fields(self) -> dict[str, Any]:
        """Its part of the body of a request."""
        if self.http is None:
            return {"action": self.action, "payload": self.payload}
        headers: dict[str, list[str]] = {}
        for name, value in self.http.headers:
            headers.setdefault(name, []).append(value)
        body = base64.b64encode(self.http.body).decode()
        http = {"method": self.http.method, "url": self.http.url, "headers": headers, "body": body}
        return {"action": self.action, "http": http}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is said beside it. `title` and `note` are the agent's words, shown as unverified.

    `risk` can only raise what the service's rule says, `expires_in` (seconds) only shorten it.
    """

    title: str | None = None
    note: str | None = None
    risk: str | None = None
    expires_in: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A request as the service tells of it. It proves nothing: only `receipt` does."""

    id: str
    status: str
    digest: str
    expires_at: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome of a request. It is true only where it was approved and proven, or where the
    client observes: then `approved` is false and `observed` is true, and nobody was asked."""

    approved: bool
    status: str
    request_id: str
    digest: str
    reason: str | None = None
    observed: bool = False

    def __bool__(self) -> bool:
        return self.approved or self.observed

    def require(self) -> Decision:
        """Itself where it is true; else raises `Declined`, `Expired` or `Withdrawn`."""
        if self:
            return self
        about: dict[str, Any] = {"request_id": self.request_id, "reason": self.reason}
        match self.status:
            case "declined":
                why = f": {printable(self.reason)}" if self.reason else "."
                raise Declined(f"Declined{why}", "Nothing was run.", **about)
            case "expired":
                raise Expired(
                    "Nobody decided in time. Nothing was run.", "Ask again, or ask a person.",
                    **about,
                )  # fmt: skip
        raise Withdrawn("The request was withdrawn. Nothing was run.", "Ask again.", **about)


def same(now: Action, decision: Decision) -> Decision:
    """The decision, if it is about what would run now: arguments may be objects that somebody
    changed while the request waited. Raises `Unverified`."""
    if decision.approved and now.digest() != decision.digest:
        raise Unverified(
            "The arguments changed after they were approved. Nothing was run.",
            "Do not change an argument while its call waits for approval.",
        )
    return decision


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request to the service. `wait`: seconds that the answer may take beyond the usual."""

    method: str
    path: str
    body: bytes | None = None
    key: str = ""
    wait: float = 0


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Note:
    """Verify this receipt against the clock, and note it as used: on disk when it returns."""

    token: str
    jwk: Mapping[str, Any]
    request_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`value`: the JSON object of the body. `retry_after`: seconds, 0 if it did not say."""

    status: int
    value: Mapping[str, Any]
    retry_after: float = 0


class Lost(Exception):
    """No answer, or none of a Countersign service. The driver throws it into the generator."""


Step: TypeAlias = Call | Pause | Note
Keys: TypeAlias = dict[str, Mapping[str, Any]]
"""Receipt keys (JWK) by their thumbprint, which says which key it is, whoever sent it."""
T = TypeVar("T")
Steps: TypeAlias = Generator[Step, Answer | None, T]


def ask(
    service: Service, action: Action, about: About, *, key: str, keys: Keys, patience: float
) -> Steps[Decision]:
    """Open, wait, verify, note. A wait that is broken off withdraws the request."""
    opened: Opened | None = None
    told: Mapping[str, Any] | None = None
    try:
        opened = yield from open_request(service, action, about, key=key, patience=patience)
        while opened.status == "pending":
            opened, told = yield from _told(opened.id, POLL, patience)
    except (CountersignError, GeneratorExit):
        raise  # it stays open: the same key takes it up again
    except BaseException:  # cancelled, or interrupted: nobody waits any more
        if opened is None:
            yield from abandon(service, action, about, key=key)
        else:
            yield from _quietly(Call("DELETE", f"/v1/requests/{opened.id}"))
        raise
    return (yield from settle(service, action, opened.id, keys=keys, patience=patience, told=told))


def abandon(service: Service, action: Action, about: About, *, key: str) -> Steps[None]:
    """Withdraw what this key may have opened: the service may have it, and only the key finds it
    again. Where that fails, it expires by itself."""
    body = _body(service, action, about)
    found = yield from _quietly(Call("POST", "/v1/requests", body, key))
    if found is not None and found.status < 300:
        yield from _quietly(Call("DELETE", f"/v1/requests/{_opened(found.value).id}"))


def open_request(
    service: Service, action: Action, about: About, *, key: str, patience: float
) -> Steps[Opened]:
    """Open it, or take up the one that this key opened before. `Unverified`: it is another."""
    digest, body = action.digest(), _body(service, action, about)
    answer = yield from _insist(Call("POST", "/v1/requests", body, key), patience)
    opened = _opened(answer.value)
    if opened.digest != digest:
        if opened.status == "pending":
            yield from _quietly(Call("DELETE", f"/v1/requests/{opened.id}"))
        raise Unverified(
            "The service binds something else than what would run here.",
            "Is COUNTERSIGN_URL the right service, and of a version that goes with this client?",
        )
    return opened


def poll(request_id: str, seconds: float, *, patience: float) -> Steps[Opened]:
    """The request, as soon as it is decided or `seconds` have passed."""
    return (yield from _told(request_id, seconds, patience))[0]


def _told(
    request_id: str, seconds: float, patience: float
) -> Steps[tuple[Opened, Mapping[str, Any]]]:
    """As `poll`, with the whole answer."""
    wait = min(int(seconds), POLL)
    path = f"/v1/requests/{_id(request_id)}" + (f"?wait={wait}" if wait > 0 else "")
    answer = yield from _insist(Call("GET", path, wait=wait), patience)
    opened = _opened(answer.value)
    if opened.id != request_id:
        raise Unreachable("The service answered about another request.", _SERVICE)
    return opened, answer.value


def settle(
    service: Service,
    action: Action,
    request_id: str,
    *,
    keys: Keys,
    patience: float,
    told: Mapping[str, Any] | None = None,
) -> Steps[Decision]:
    """What became of a request; an approval is verified for this action, and used.

    `keys`: the receipt keys that had the pinned thumbprint; one that is there is not fetched.
    `told`: what the service has just answered about this request; with a receipt in it, it is not
    asked once more.
    """
    path = f"/v1/requests/{_id(request_id)}"
    for _ in range(1 + int(min(ROUNDS, patience))):
        if told is None or not isinstance(told.get("receipt"), str):
            told = (yield from _insist(Call("GET", path), patience)).value
        opened, token = _opened(told), told.get("receipt")
        if opened.status == "pending":
            raise Unverified("Nobody has decided yet.", "Wait for it first: `client.wait`.")
        digest = action.digest()
        if opened.status != "approved":
            return Decision(
                approved=False, status=opened.status, request_id=request_id, digest=digest,
                reason=opened.reason,
            )  # fmt: skip
        if told.get("outcome") is not None:
            raise used.used(request_id)
        if opened.digest != digest:
            raise Unverified(
                "What would run now is not what was approved.",
                "It changed after it was asked about. Nothing was run: ask again.",
            )
        if isinstance(token, str):
            jwk = keys.get(service.receipt_key)
            stored = jwk is not None
            if jwk is None:
                jwk = keys[service.receipt_key] = yield from _pinned(service, patience)
            try:
                yield Note(token, jwk, request_id, digest)
            except Unverified as error:
                if stored and not isinstance(error, AlreadyUsed):
                    # Was the service's key replaced? Then this raises the error that says so.
                    yield from _pinned(service, patience)
                raise
            return Decision(approved=True, status="approved", request_id=request_id, digest=digest)
        yield Pause(1)
    raise Unverified(
        "It is approved, and the service has signed no receipt for it.",
        "`countersign doctor` on the service's host says why. Nothing was run.",
    )


def withdraw(request_id: str, *, patience: float) -> Steps[None]:
    """Nobody waits any more. `NotAccepted`: it is decided already."""
    yield from _insist(Call("DELETE", f"/v1/requests/{_id(request_id)}"), patience)


def report(
    request_id: str, *, delivered: bool | None, error: str | None, patience: float
) -> Steps[None]:
    """Tell the service what came of it; None: unknown."""
    said: dict[str, Any] = {"delivered": delivered}
    if error:
        said["error"] = error[:1000]
    path = f"/v1/requests/{_id(request_id)}/outcome"
    yield from _insist(Call("POST", path, json.dumps(said).encode()), patience)


def identity(patience: float) -> Steps[tuple[str, str, str]]:
    """What the service says of itself and of this key: requester, issuer, kind. Believed by nobody:
    a person compares."""
    who = (yield from _insist(Call("GET", "/v1/requester"), patience)).value
    return str(who.get("name")), str(who.get("issuer")), str(who.get("kind"))


def published(patience: float) -> Steps[list[dict[str, Any]]]:
    """The keys that the service publishes."""
    listed = (yield from _insist(Call("GET", "/.well-known/jwks.json"), patience)).value.get("keys")
    found = listed if isinstance(listed, list) else []
    return [jwk for jwk in found if isinstance(jwk, dict)]


def _pinned(service: Service, patience: float) -> Steps[Mapping[str, Any]]:
    for jwk in (yield from published(patience)):
        try:
            if receipt.thumbprint(jwk) == service.receipt_key:
                return jwk
        except ValueError:
            continue
    raise Unverified(
        "The service does not have the receipt key that is pinned here.",
        "Was its key replaced? Compare the thumbprint that `countersign doctor` shows on its host, "
        "then run `countersign-client pin` again.",
    )


def _body(service: Service, action: Action, about: About) -> bytes:
    fields = action.fields()
    if service.agent is not None:
        fields["agent"] = {"id": service.agent}
    for name in ("title", "note", "risk", "expires_in"):
        if (value := getattr(about, name)) is not None:
            fields[name] = value
    try:
        return json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Misconfigured(
            f"This cannot be asked about: {error}.", "Send plain JSON values."
        ) from None


def _insist(call: Call, patience: float) -> Steps[Answer]:
    """The answer, tried again while the service is away, for `patience` seconds of pauses."""
    pause, waited, busy = 0.5, 0.0, 0.0
    while True:
        try:
            answer = yield call
        except Lost as error:
            why, delay = str(error), pause
        else:
            assert answer is not None  # noqa: S101 - drivers answer calls
            if answer.status < 300:
                return answer
            if answer.status < 500 and answer.status != 429:
                raise _refused(answer)
            why, delay = _said(answer), min(answer.retry_after or pause, LONGEST_PAUSE)
            # It is there, and wants us slower: that is no outage.
            if (answer.status == 429 or _slug(answer) == "too_many_waiting") and busy < BUSY:
                yield Pause(delay)
                busy += delay
                continue
        if waited >= patience:
            raise Unreachable(f"The approval service cannot be reached: {why}.", _SERVICE)
        delay = min(delay, max(patience - waited, 0.1))
        yield Pause(delay)
        waited, pause = waited + delay, min(pause * 2, 10)


_SERVICE: Final = "Is COUNTERSIGN_URL right, and is the service up? Nothing was run."


def _quietly(call: Call) -> Steps[Answer | None]:
    try:
        return (yield call)
    except Lost:
        return None  # it expires by itself


def _refused(answer: Answer) -> NotAccepted:
    slug = _slug(answer)
    cure = {
        401: "COUNTERSIGN_KEY is not a key that this service knows: compare its configuration.",
        403: "The service's configuration says what this requester may do, and for which agents.",
        413: "Ask about less at a time, or by its digest.",
    }.get(answer.status, "")
    if slug == "idempotency_mismatch":
        cure = "This key was used to ask about something else. Give each action a key of its own."
    said = f"The service refused: {_said(answer)}"
    return NotAccepted(said, cure, type=printable(slug)[:100])


def _slug(answer: Answer) -> str:
    return str(answer.value.get("type", "")).rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def _said(answer: Answer) -> str:
    detail = answer.value.get("detail")
    return printable(detail)[:500] if isinstance(detail, str) else f"HTTP {answer.status}"


def _opened(value: Mapping[str, Any]) -> Opened:
    fields = {name: value.get(name) for name in ("id", "status", "digest", "expires_at")}
    reason = value.get("reason")
    if not all(isinstance(one, str) for one in fields.values()):
        raise Unreachable("The answer is not that of a Countersign service.", _SERVICE)
    _id(str(fields["id"]))
    return Opened(
        **{name: str(one) for name, one in fields.items()},
        reason=reason if isinstance(reason, str) else None,
    )


def _id(text: str) -> str:
    """An id goes into a path: it has nothing in it that could name another."""
    if not text or len(text) > 100 or text.strip(_ID):
        raise Unreachable("The answer names no request of a Countersign service.", _SERVICE)
    return text
