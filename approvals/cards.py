"""A case as a card: what any channel shows, and filling a channel's template with it.

Laws: facts come from the held request, the agent's words stand apart in `note` and are never in the
title, a label or a button; a card says only what is committed; what a card cannot show whole, no
tap on it can approve; no value leaves its place in a template, and a payload carries exactly the
buttons it was given. Every string of a card is redacted and cleaned: adapters only escape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, TemplateRuntimeError, Undefined
from jinja2.sandbox import SandboxedEnvironment

from approvals.buttons import flat
from approvals.channel import Abilities, Limits, Payload, Render
from approvals.evidence import frame
from approvals.model import (
    Button,
    Card,
    Case,
    Choice,
    Conflict,
    Fact,
    Http,
    Kind,
    Label,
    Outcome,
    Refused,
    Request,
    Risk,
    Status,
    Vote,
)
from approvals.text import (
    Header,
    Measure,
    clean,
    decode,
    fit,
    redact,
    redact_field,
    redact_headers,
    show_hex,
    show_host,
    suspect,
    utf8_len,
    within,
)

REASON: Final = 200
NAME: Final = 64
LONGEST: Final = 32 * 1024
"""Characters of a body or payload that a card looks at: of more, the ends. No tap approves that
much, and to redact ten megabytes takes seconds, for each card."""
HEX: Final = 64
LAPSED: Final = "Approved, but never collected. Nothing was run."
SUMMARY: Final = "summary-"
"""Begins the digest of a request whose body is only described (docs/digest.md): all that was
received is bound, and no digest of the bytes themselves can ever be equal to it."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a request's digest binds, as text, uncut: `facts` and `text` together are all of it.

    `size`: bytes of the body or payload. `unseen`: why this text does not show every bound byte, as
    a sentence; None where it does. `left_out`: bytes of the middle that `text` lacks and says so.
    """

    facts: tuple[Fact, ...]
    text: str
    size: int
    unseen: str | None
    left_out: int = 0


def bound(request: Request, *, salt: bytes | None) -> Bound:
    """Everything that is bound. `salt` None: nothing is redacted and a binary body is all hex.

    With a salt, for cards, the middle of a body over `LONGEST` is left out.

    The body stands as it is. Other headers than Content-Type stand above it, one a line, and the
    fact "Headers" counts them, so that no body can pass for headers.
    """
    named = _hide(request.action, salt)[1]
    if request.http is not None:
        return _bound_http(request.http, salt, named, summary=summarised(request.digest))
    text = request.payload or ""
    ends, left_out = _ends(text, salt)
    shown, hidden = _hide(ends, salt)
    unseen = None if request.payload is not None else "Nothing is bound."
    unseen = unseen or (_HIDDEN if hidden or named else _TOO_LONG if left_out else None)
    return Bound((), clean(shown, line=False), utf8_len(text), unseen, left_out)


def inspectable(request: Request, limits: Limits | None = None) -> bool:
    """Can a card show every byte that is bound? Then, as far as the text goes, a tap may approve.

    `limits` None: on a channel where everything fits (what `Case.inspectable` records).

    No: bytes that were never received, a body that is not text or is compressed, an address or
    header that cannot be shown as it will be sent, anything cut off by `limits`, and a redacted
    secret, because whoever wrote the request may have put under a name like "token" what the
    approver had to see. Two redactions are no obstacle. A credential in a header made for
    credentials: it is opaque, so showing it would tell the approver nothing; what it is for is told
    by the host, and its length and hash are there to be compared. A placeholder: it is no secret,
    it is shown.
    """
    return _unseen(request, bound(request, salt=b""), limits) is None


def summarised(digest: str) -> bool:
    """Is this the digest of a gateway's summary of the body, and not of the body?"""
    return digest.startswith(SUMMARY)


def unknown(status: int | None, error: str | None, otherwise: str) -> str:
    """What is said of a verdict of which nobody knows what became: in the gateway's words.

    With a status it was taken, and those words are all there is to know. `otherwise`: how the
    saying begins where they do not say themselves that it is unknown.
    """
    if error and status is not None:
        return error[:1].upper() + error[1:]
    if error and error.startswith("unknown"):
        return f"Delivery {error}"
    return f"{otherwise}: {error}" if error else otherwise


def delivery(outcome: Outcome, error: str | None) -> str:
    """What became of the verdict: the same words on cards, pages and at a terminal.

    `error`: the gateway's words, as they may be shown.
    """
    if outcome.delivered is None:
        return unknown(outcome.status, error, "Delivery unknown")
    detail = ", ".join(str(part) for part in (outcome.status, error) if part is not None)
    said = "Delivered" if outcome.delivered else "Not delivered"
    return f"{said}: {detail}" if detail else said


def labels_for(
    case: Case, request: Request, abilities: Abilities, limits: Limits, *, stub: bool = False
) -> tuple[Label, ...]:
    """Which buttons a card gets on this channel; none once closed, none on a stub.

    Approve only where a tap may approve, and never without Decline beside it.
    """
    if not case.open or stub:
        return ()
    labels = [Label.DECLINE]
    if (
        abilities.tier.carries(case.ask.risk)
        and _page_only(case) is None
        and inspectable(request, limits)
    ):
        labels.insert(0, Label.APPROVE)
    if abilities.reason_prompt:
        labels.append(Label.DECLINE_WITH_REASON)
    labels = [label for label in labels if len(label.value) <= limits.label]
    if Label.DECLINE not in labels or limits.buttons < 2:
        return tuple(label for label in labels if label is Label.DECLINE)[: max(limits.buttons, 0)]
    return tuple(labels[: limits.buttons])


def fingerprint(request: Request) -> str:
    """SHA-256 (hex) over every field of a request. `ValueError`: a lone surrogate."""
    return sha256(frame("countersign/request/1", *flat(request))).hexdigest()


def altered(case: Case, request: Request) -> bool:
    """Was this content changed in the store since the case was opened? Then nobody may see it.

    A case without a fingerprint cannot be approved: its seal does not fit.
    """
    return case.shown != "" and fingerprint(request) != case.shown


def build(
    case: Case,
    request: Request,
    *,
    buttons: Sequence[Button] = (),
    limits: Limits,
    review: str | None,
    salt: bytes,
    names: Mapping[str, str] | None = None,
    needs: Sequence[tuple[str, int]] = (),
    stub: bool = False,
) -> Card:
    """The card of a case for one address.

    `buttons`: those minted for it; an Approve that may not be there is left out, and all of them
    once the case is closed. `names`: people's display names by id. `needs`: open seats by group.
    `stub`: title, state and link only. Raises `Conflict` if `request` is not what `case` is about,
    `Refused` if it was altered.
    """
    if (request.id, request.revision, request.digest) != (case.id, case.revision, case.digest):
        raise Conflict("this content is not the revision that the case is about")
    if altered(case, request):
        raise Refused("this content was altered since the request was opened")
    words = _words(case, request)
    cut = _Cut(salt if suspect("\n".join(words)) else None, limits.measure)
    what = bound(request, salt=salt)
    page_only = _page_only(case) or ("This channel shows titles only." if stub else None)
    page_only = page_only or _unseen(request, what, limits)
    shown = tuple(b for b in buttons if page_only is None or b.choice is not Choice.APPROVE)
    if stub:
        shown = ()
    if not case.open:
        shown, page_only = (), None
    elif page_only is None and all(button.choice is not Choice.APPROVE for button in shown):
        page_only = "A tap here may not approve this."
    body = fit("" if stub else what.text, limits.payload, limits.measure)
    end = len(what.text) - len(body.tail)
    elided = what.left_out + (utf8_len(what.text[len(body.head) : end]) if body.elided else 0)
    if what.left_out and not body.elided:
        head, _, tail = body.head.partition(_gap(what.left_out))
        body = replace(body, head=head, tail=tail)
    return Card(
        request_id=case.id,
        revision=case.revision,
        status=case.status,
        headline=_headline(case, names or {}, needs, cut, stub=stub),
        title=_title(request, what, cut, limits.title),
        risk=case.ask.risk,
        action=cut(request.action, limits.fact_value),
        agent=cut(_agent(request), limits.fact_value),
        facts=() if stub else _facts(request, what, limits, cut),
        payload=body.head,
        payload_tail=body.tail,
        elided=0 if stub else elided,
        payload_size=what.size,
        note=None if stub else _note(request, limits, cut),
        digest=_digest(case.digest),
        deadline=case.expires_at,
        progress=_progress(case, names or {}, cut),
        buttons=shown,
        review=review,
        review_needed=page_only,
    )


def renderer(name: str, source: str) -> Render:
    """Compile a template once; the result fills it. `name` says what it is: `slack.json.j2`.

    `*.json.j2`: each `{{ … }}` is printed as one whole JSON literal and the result parsed; a
    template that puts a tag inside a string of its own is a `ValueError`, here. `*.html.j2`:
    escaped by autoescape, and the payload is `{"html": …}`.

    Templates see plain values only: no calls, no globals, a handful of filters, no `safe`.
    Rendering raises `Refused`; no message holds a value. That the buttons drawn are the card's own
    is for the adapter to ask (`channel.same_buttons`), which knows where they stand.
    """
    html = name.endswith(".html.j2")
    if not html and not name.endswith(".json.j2"):
        raise ValueError(f"{name}: a template is called *.json.j2 or *.html.j2")
    env = _Environment(
        undefined=StrictUndefined,
        autoescape=html,
        finalize=_present if html else _literal,
        cache_size=0,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.clear()
    env.filters = {key: env.filters[key] for key in _FILTERS}
    try:
        if not html:
            _check_strings(name, env, source)
        template = env.from_string(source)
    except TemplateError as error:
        raise ValueError(f"{name}: {error}") from None

    def render(values: Mapping[str, Any]) -> Payload:
        try:
            text = template.render(values)
            payload = {"html": text} if html else json.loads(text)
        except (TemplateError, json.JSONDecodeError) as error:
            # A decoding error's `doc` and a traceback hold the payload: leave both behind.
            raise Refused(f"{name}: {error}") from None
        except Exception as error:
            raise Refused(f"{name}: {type(error).__name__} while filling it in") from None
        if not isinstance(payload, dict):
            raise Refused(f"{name}: the result is not a JSON object")
        return payload

    return render


_HIDDEN: Final = "A secret in it is not shown on cards."
_TOO_LONG: Final = "It is too long for this card."
# No backslash, blank, user name or fragment: parsers disagree about what those mean.
_ADDRESS: Final = re.compile(
    r"(https?)://([^\x00-\x20/?#@\\%<>^|\"`{}\s]+)(/[^?#\s]*)?(\?[^#\s]*)?", re.IGNORECASE
)
_METHOD: Final = re.compile(r"[A-Z]{1,16}")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,99}")
_FILTERS: Final = ("default", "first", "last", "length", "lower", "upper", "join", "trim")


class _Cut:
    """Redact, clean and shorten one single-line value. `salt` None: there is nothing to redact."""

    __slots__ = ("measure", "salt")

    def __init__(self, salt: bytes | None, measure: Measure) -> None:
        self.salt = salt
        self.measure = measure

    def __call__(self, text: str, limit: int) -> str:
        return self.short(clean(_hide(text, self.salt)[0]), limit)

    def field(self, label: str, value: str, limit: int) -> str:
        if self.salt is not None:
            value = redact_field(label, value, self.salt).text
        return self.short(clean(value), limit)

    def short(self, text: str, limit: int) -> str:
        """Cleaned text within `limit`, saying how many characters are missing, if that fits."""
        if within(text, limit, self.measure):
            return text
        room = limit - self.measure(f"…[{len(text)} more]…")
        told = room >= 8
        found = fit(text, room if told else limit - self.measure("…"), self.measure)
        gap = f"…[{found.elided} more]…" if told else "…" if limit >= self.measure("…") else ""
        return f"{found.head}{gap}{found.tail}"


def _hide(text: str, salt: bytes | None) -> tuple[str, bool]:
    if salt is None:
        return text, False
    found = redact(text, salt)
    return found.text, found.changed


def _digest(digest: str) -> str:
    """Eight characters of it; of a summary's, that it is one as well."""
    return digest.rpartition(":")[2][:8] + (" (summary digest)" if summarised(digest) else "")


def _bound_http(http: Http, salt: bytes | None, hidden: bool, *, summary: bool) -> Bound:
    unseen = None if http.body_complete else "Part of it was never received."
    parts: list[tuple[str, str | None]] = [("Method", http.method)]
    if found := _ADDRESS.fullmatch(http.url):
        scheme, host, path, query = found.groups()
        if not _hide(host, salt)[1]:
            host = show_host(host)
        # Path, then query with its "?", so that an empty query differs from none.
        parts += [("Host", host if scheme.lower() == "https" else f"http://{host}")]
        parts += [("Path", path or "/"), ("Query", query)]
    else:
        parts += [("Address", http.url)]
        unseen = unseen or "Its address is not a plain http address."
    facts = []
    for label, part in parts:
        if part is not None:
            text, secret = _hide(part, salt)
            hidden = hidden or secret
            facts.append(Fact(label, text))
    types = [value for name, value in http.headers if name.lower() == "content-type"]
    kind = types[0] if len(types) == 1 else None
    if len(types) > 1:
        unseen = unseen or "It has several content types."
    lines = []
    for header in _headers(http.headers, salt):
        hidden = hidden or header.hidden
        if kind is not None and header.name.lower() == "content-type":
            facts.append(Fact("Content type", header.value))
        else:
            lines.append(f"{header.name}: {header.value}")
    if lines:
        facts.append(Fact("Headers", f"{len(lines)}, above the body"))
    # Asked of the originals: a redacted value could hide a whole header behind a line end.
    names = (http.method, *(name for name, _ in http.headers))
    if not all(map(_TOKEN.fullmatch, names)) or any(
        "\n" in value or "\r" in value for _, value in http.headers
    ):
        unseen = unseen or "Its method or a header is not well formed."
    if summary:
        may = "and not the bytes; parts may be missing without a sign"
        left_out = may if http.body_complete else "which leaves parts of it out"
        facts.append(Fact("Body", f"as the gateway sums it up, {left_out}"))
    elif not http.body_complete:
        facts.append(Fact("Body", f"only the first {len(http.body)} bytes were received"))
    encoded = not summary and any(
        name.lower() == "content-encoding" and value.strip().lower() not in ("", "identity")
        for name, value in http.headers
    )
    of_type = None if summary else kind  # a summary is text, whatever it is about
    raw = None if encoded else decode(http.body, of_type, complete=http.body_complete)
    omitted = 0
    if raw is None:
        body = show_hex(http.body, None if salt is None else HEX)
        unseen = unseen or (None if salt is None else "Its body is not text.")
    else:
        ends, omitted = _ends(raw, salt)
        body, secret = _hide(ends, salt)
        hidden = hidden or secret
        body = clean(body, line=False)
    if lines:
        body = "\n".join((*map(clean, lines), "", body))
    if hidden:
        unseen = unseen or _HIDDEN
    if omitted:
        unseen = unseen or _TOO_LONG
    shown = tuple(Fact(fact.label, clean(fact.value)) for fact in facts)
    return Bound(shown, body, len(http.body), unseen, omitted)


def _ends(text: str, salt: bytes | None) -> tuple[str, int]:
    """For a card: the text, or its ends with a word on the bytes between them, and their number."""
    if salt is None or len(text) <= LONGEST:
        return text, 0
    half = LONGEST // 2
    left_out = utf8_len(text[half:-half])
    return text[:half] + _gap(left_out) + text[-half:], left_out


def _gap(left_out: int) -> str:
    return f"\n…[{left_out} bytes left out]…\n"


def _headers(headers: Sequence[tuple[str, str]], salt: bytes | None) -> tuple[Header, ...]:
    if salt is None:
        return tuple(Header(name, value, hidden=False) for name, value in headers)
    return redact_headers(headers, salt)


def _unseen(request: Request, what: Bound, limits: Limits | None) -> str | None:
    if what.unseen or limits is None:
        return what.unseen
    measure = limits.measure
    if (
        measure(what.text) > limits.payload
        or len(what.facts) + len(request.facts) > limits.facts
        or measure(clean(request.action)) > limits.fact_value
        or any(measure(fact.value) > limits.fact_value for fact in what.facts)
        or any(measure(clean(fact.value)) > limits.fact_value for fact in request.facts)
    ):
        return _TOO_LONG
    return None


def _page_only(case: Case) -> str | None:
    """Why no tap on any channel approves this case; said on its cards."""
    if case.ask.risk is Risk.HIGH or case.ask.step_up is not None:
        return "Approving this needs the sign-in page."
    if not case.complete:
        return "Part of it was never received."
    return None if case.inspectable else "A card cannot show all of it."


def _words(case: Case, request: Request) -> list[str]:
    """Every text that may stand on the card, but for what is bound."""
    agent, error = request.agent, case.outcome.error if case.outcome is not None else None
    words = [request.title, request.claimed_title, request.note, request.action, case.reason]
    words += [agent.id, agent.name, agent.on_behalf_of, error]
    for fact in (*request.facts, *request.claimed_facts):
        words += (fact.label, ": ", fact.value)
    return [word for word in words if word]


def _name(text: str) -> str:
    return text if _IDENTIFIER.fullmatch(text) else f"“{text}”"


def _title(request: Request, what: Bound, cut: _Cut, limit: int) -> str:
    if request.title and request.title.strip():
        return cut(request.title, limit)
    if request.http is None:
        plain = _IDENTIFIER.fullmatch(request.action)
        return cut(f"Action {request.action}" if plain else "An action without a plain name", limit)
    method, host, *rest = what.facts
    said = method.value if _METHOD.fullmatch(method.value) else "Request"
    where = f"{host.value}{rest[0].value}" if host.label == "Host" else "to a strange address"
    return cut.short(f"{said} {where}", limit)


def _agent(request: Request) -> str:
    """The id, whom it acts for, and the requester whose key proved itself."""
    agent = request.agent
    text = _name(agent.id)
    if request.kind is Kind.GATEWAY and agent.name:
        text = f"{agent.name} ({text})"
    if agent.on_behalf_of:
        text += f" for {_name(agent.on_behalf_of)}"
    return text if request.requester == agent.id else f"{text} via {_name(request.requester)}"


def _facts(request: Request, what: Bound, limits: Limits, cut: _Cut) -> tuple[Fact, ...]:
    own = [
        _fact(cut.short(fact.label, limits.fact_label), cut.short(fact.value, limits.fact_value))
        for fact in what.facts[: limits.facts]
    ]
    room = limits.facts - len(own)
    decoded = request.facts
    left_out = len(decoded) - room
    if left_out > 0 and room > 0:
        decoded, left_out = decoded[: room - 1], left_out + 1
    else:
        decoded = decoded[:room]
    shown = []
    for fact in decoded:
        label, value = cut(fact.label, limits.fact_label), fact.value
        shown.append(_fact(label, cut.field(fact.label, value, limits.fact_value)))
    if left_out > 0 and room > 0:
        more = cut.short(f"{left_out} facts not shown here", limits.fact_value)
        shown.append(_fact(cut.short("More", limits.fact_label), more))
    return (*shown, *own)


def _fact(label: str, value: str) -> Fact:
    # Never empty: some platforms refuse an empty text, and the reader cannot see one.
    return Fact(label or "(empty)", value or "(empty)")


def _note(request: Request, limits: Limits, cut: _Cut) -> str | None:
    """The agent's words, one line a statement: no value begins a line of its own."""
    lines = []
    if request.kind is Kind.AGENT and request.agent.name:
        lines.append(("Name", request.agent.name))
    if request.claimed_title:
        lines.append(("Title", request.claimed_title))
    lines += [(fact.label, fact.value) for fact in request.claimed_facts]
    if request.note:
        lines.append(("Note", request.note))
    if not lines:
        return None
    shown = [
        f"{cut(label, limits.note)}: {cut.field(label, value, limits.note)}"
        for label, value in lines
    ]
    return cut.short("\n".join(shown), limits.note)


def _votes(case: Case, choice: Choice) -> tuple[Vote, ...]:
    return tuple(v for v in case.votes if v.choice is choice and v.revision == case.revision)


def _people(votes: Sequence[Vote], names: Mapping[str, str], cut: _Cut) -> str:
    shown = [cut.short(clean(names.get(vote.person, vote.person)), NAME) for vote in votes]
    return " and ".join((", ".join(shown[:-1]), shown[-1])) if len(shown) > 1 else "".join(shown)


def _headline(
    case: Case,
    names: Mapping[str, str],
    needs: Sequence[tuple[str, int]],
    cut: _Cut,
    *,
    stub: bool,
) -> str:
    match case.status:
        case Status.PENDING:
            open_seats = ", ".join(f"{count} more of {clean(group)}" for group, count in needs)
            return "Waiting for approval" + (f": {open_seats}" if open_seats else "")
        case Status.APPROVED if case.lapsed:
            return LAPSED
        case Status.APPROVED:
            people = _people(_votes(case, Choice.APPROVE), names, cut)
            said = f"Approved by {people}" if people else "Approved"
            told = _delivery(case, cut, stub=stub)
            return f"{said}. {told}" if told else said
        case Status.DECLINED:
            people = _people(_votes(case, Choice.DECLINE), names, cut)
            said = f"Declined by {people}" if people else "Declined"
            said = f"{said}: {cut(case.reason, REASON)}" if case.reason and not stub else said
            told = _delivery(case, cut, stub=stub)
            return f"{said}. {told}" if told else said
        case Status.EXPIRED:
            return "Expired. Nothing was run."
        case Status.WITHDRAWN:
            # A reason says what is known, which may be less than that nothing was run.
            known = cut(case.reason, REASON) if case.reason else "Nothing was run."
            return f"Withdrawn. {known}"


def _delivery(case: Case, cut: _Cut, *, stub: bool) -> str:
    outcome = case.outcome
    if outcome is None:
        return ""
    return delivery(outcome, cut(outcome.error, REASON) if outcome.error and not stub else None)


def _progress(case: Case, names: Mapping[str, str], cut: _Cut) -> str:
    votes = _votes(case, Choice.APPROVE)
    seats = sum(count for _, count in case.ask.quorum)
    said = ", ".join(f"{_people((vote,), names, cut)} ✓" for vote in votes)
    return f"{len(votes)} of {seats}" + (f": {said}" if said else "")


class _Environment(SandboxedEnvironment):
    """Templates read values; they call nothing."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict:  # a key called "items" is that key; and this is the hot road
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not attr.startswith("_") and not callable(value)

    def is_safe_callable(self, obj: Any) -> bool:
        return False


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, Undefined):
        return str(value)  # raises, naming what is missing
    if value is None or isinstance(value, (int, float, dict, list, tuple)):
        return json.dumps(value, allow_nan=False)
    raise TemplateRuntimeError(f"a {type(value).__name__} is no plain value")


def _present(value: Any) -> Any:
    if value is None:
        raise TemplateRuntimeError("None is printed as text")
    return value


def _check_strings(name: str, env: SandboxedEnvironment, source: str) -> None:
    """Refuse a tag inside a JSON string of the template, where a value could end the string, and a
    value as a key, where it could take another key's place."""
    inside = escaped = False
    before = ""
    for line, kind, value in env.lex(source):
        if kind == "data":
            if before == "variable_end" and value.lstrip().startswith(":"):
                raise ValueError(f"{name}, line {line}: a value stands as a key")
            for char in value:
                if escaped:
                    escaped = False
                elif char == "\\":
                    escaped = inside
                elif char == '"':
                    inside = not inside
        elif kind in ("variable_begin", "block_begin") and inside:
            raise ValueError(f"{name}, line {line}: a tag stands inside a JSON string")
        before = kind
