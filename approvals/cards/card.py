"""A case as a card: what any channel shows.

Laws: facts come from the held request, the agent's words stand apart in `note` and are never in the
title, a label or a button; a card says only what is committed; what a card cannot show whole, no
tap on it can approve. Every string of a card is redacted and cleaned: adapters only escape. The
room goes to the title and the facts, then to the reading, then to the note.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from functools import cache, partial
from hashlib import sha256
from typing import Final

from approvals import words
from approvals.buttons import flat
from approvals.cards.bound import Bound, bound, summarised
from approvals.evidence import frame
from approvals.model import (
    Button,
    Card,
    Case,
    Choice,
    Conflict,
    Fact,
    Instant,
    Kind,
    Label,
    Refused,
    Request,
    Risk,
)
from approvals.port import Abilities, Limits
from approvals.reading import Reading
from approvals.secret_shapes import suspect
from approvals.text import (
    Measure,
    clean,
    ends,
    fit,
    redact,
    redact_field,
    utf8_len,
    within,
)

REASON: Final = 200
AGENT: Final = 120
AROUND: Final = 360
"""What the state, who asks, who decides and until when take of a message, at the most."""
NOTE: Final = 120
"""Of the note, what has its place before the reading."""


def labels_for(
    case: Case,
    request: Request,
    reading: Reading,
    abilities: Abilities,
    limits: Limits,
    *,
    stub: bool = False,
    what: Bound | None = None,
) -> tuple[Label, ...]:
    """Which buttons a card gets on this channel; none once closed, none on a stub.

    Approve only where a tap may approve, and never without a decline beside it. `what`: what is
    bound, where that was computed already.
    """
    if not case.open or stub or limits.buttons < 1:
        return ()
    asks = abilities.reason_prompt or (abilities.ready_prompt and bool(case.ask.reasons))
    prompt = asks and len(Label.DECLINE_PROMPT.value) <= limits.label
    labels = [Label.DECLINE_PROMPT if prompt else Label.DECLINE]
    if limits.buttons < 2:
        return tuple(labels)
    if abilities.tier.carries(case.ask.risk) and _page_only(case) is None:
        limits = replace(limits, measure=cache(limits.measure))
        what = what or bound(request, reading, salt=b"", opaque=case.ask.opaque)
        if (what.refusal or _too_long(request, what, limits)) is None:
            labels.insert(0, Label.APPROVE)
    labels = [label for label in labels if len(label.value) <= limits.label]
    return tuple(labels[: limits.buttons])


def inspectable(request: Request, reading: Reading, *, opaque: bool = False) -> bool:
    """May a tap approve this on a channel where everything fits? (What `Case.inspectable` says.)

    `opaque`: the rule lets a tap approve files by name and digest.
    """
    return bound(request, reading, salt=b"", opaque=opaque).refusal is None


def plain_action(action: str) -> str:
    """A title if nothing better is known. An agent's action is a title only if it is an identifier;
    anything else would be the agent's words where ours are expected (law 11)."""
    return action if _IDENTIFIER.fullmatch(action) else "An action without a plain name"


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
    reading: Reading,
    *,
    buttons: Sequence[Button] = (),
    limits: Limits,
    review: str | None,
    salt: bytes,
    names: Mapping[str, str] | None = None,
    needs: Sequence[tuple[str, int]] = (),
    reader: str | None = None,
    shared: bool = False,
    zone: tzinfo = UTC,
    stub: bool = False,
    what: Bound | None = None,
) -> Card:
    """The card of a case for one address.

    `buttons`: those minted for it; an Approve that may not be there is left out, and all of them
    once the case is closed. `names`: people's display names by id. `needs`: open seats by group.
    `reader`: the person whom it is sent to and who may decide; None: a room. `shared`: several
    people see it. `zone`: the reader's. `stub`: the rule's name, state and link only. `what`: what
    is bound, with this salt, where that was computed already. Raises `Conflict` if `request` is
    not what `case` is about, `Refused` if it was altered.
    """
    if (request.id, request.revision, request.digest) != (case.id, case.revision, case.digest):
        raise Conflict("this content is not the revision that the case is about")
    if altered(case, request):
        raise Refused("this content was altered since the request was opened")
    limits = replace(limits, measure=cache(limits.measure))
    others = _others(case, request)
    cut = _Cut(salt if suspect("\n".join(others)) else None, limits.measure)
    voice = words.Voice(
        names=names or {},
        reader=reader,
        people=not stub,
        quote=None if stub else partial(cut, limit=REASON),
        short=partial(cut, limit=words.NAME),
    )
    what = what or bound(request, reading, salt=salt, opaque=case.ask.opaque)
    page_only = what.refusal or _page_only(case)
    if stub:
        page_only = "This channel shows titles only."
    page_only = page_only or _too_long(request, what, limits)
    shown = tuple(b for b in buttons if page_only is None or b.choice is not Choice.APPROVE)
    if stub:
        shown = ()
    if not case.open:
        shown, page_only = (), None
    elif page_only is None and all(button.choice is not Choice.APPROVE for button in shown):
        page_only = "A tap here may not approve this." if limits.buttons else _NO_BUTTONS
    room = _room(request, what, limits)
    body = fit("" if stub else what.text, min(limits.payload, room), limits.measure)
    # No element ends in white space: platforms cut it off, and then it is not what was sent.
    head, tail = body.head.rstrip(), body.tail.lstrip()
    elided = what.left_out + utf8_len(what.text) - utf8_len(head) - utf8_len(tail)
    left = NOTE + room - limits.measure(head) - limits.measure(tail)
    title = _title(request, what, cut, limits.title)
    if stub:
        title = cut(case.ask.rule, limits.title)
    title = title or cut.short("(empty)", limits.title)
    return Card(
        request_id=case.id,
        revision=case.revision,
        status=case.status,
        headline=words.state(case, voice),
        title=title,
        subject=_subject(case, title),
        risk=case.ask.risk,
        action=cut(request.action, limits.fact_value),
        agent=cut(_agent(request, voice), AGENT),
        facts=() if stub else _facts(request, limits, cut),
        line="" if stub else cut.short(what.line, limits.line),
        payload=head,
        payload_tail=tail,
        elided=0 if stub else elided,
        payload_size=what.size,
        note=None if stub else _note(request, min(limits.note, left), cut),
        digest=_digest(case.digest),
        deadline=case.expires_at,
        until=_when(case.expires_at, zone),
        decided_at=None if case.open else case.decided_at,
        decided="" if case.open or case.decided_at is None else _when(case.decided_at, zone),
        progress=words.progress(case, needs, voice),
        shared=shared,
        buttons=shown,
        review=review,
        review_needed=page_only,
        reasons=tuple(map(clean, case.ask.reasons)) if shown else (),
    )


_NO_BUTTONS: Final = "This can only be approved on the review page."
_TOO_LONG: Final = "It is too long for this card."
_METHOD: Final = re.compile(r"[A-Z]{1,16}")
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,99}")


@dataclass(frozen=True, slots=True)
class _Cut:
    """Redact, clean and shorten one value. `salt` None: there is nothing to redact."""

    salt: bytes | None
    measure: Measure

    def __call__(self, text: str, limit: int) -> str:
        plain = text if self.salt is None else redact(text, self.salt).text
        return self.short(ends(clean(plain)), limit)

    def field(self, label: str, value: str, limit: int, *, line: bool = True) -> str:
        """The value of a field. `line` False: with its line ends."""
        if self.salt is not None:
            value = redact_field(label, value, self.salt).text
        return self.short(ends(clean(value, line=line).replace("\t", "    ")), limit)

    def short(self, text: str, limit: int) -> str:
        """Cleaned text within `limit`, saying how many characters are missing, if that fits."""
        if within(text, limit, self.measure):
            return text
        room = limit - self.measure(f"…[{len(text)} more]…")
        told = room >= 8
        found = fit(text, room if told else limit - self.measure("…"), self.measure)
        gap = f"…[{found.elided} more]…" if told else "…" if limit >= self.measure("…") else ""
        return f"{found.head}{gap}{found.tail}"


def _digest(digest: str) -> str:
    """Eight characters of it; of a summary's, that it is one as well."""
    return digest.rpartition(":")[2][:8] + (" (summary digest)" if summarised(digest) else "")


def _page_only(case: Case) -> str | None:
    """Why no tap on any channel approves this case, whatever it holds; said on its cards."""
    if case.ask.risk is Risk.HIGH or case.ask.step_up is not None:
        return "Approving this needs a fresh sign-in on the review page."
    if not case.complete:
        return "Part of it was never received."
    # What is known of this very request says more (`bound.refusal`); this is what was recorded.
    return None if case.inspectable else "A card cannot show all of it."


def _too_long(request: Request, what: Bound, limits: Limits) -> str | None:
    measure = limits.measure
    if (
        measure(what.line) > limits.line
        or measure(what.text) > min(limits.payload, _room(request, what, limits))
        or len(request.facts) > limits.facts
        or _facts_size(request, limits) > limits.together
        or any(measure(clean(fact.label)) > limits.fact_label for fact in request.facts)
        or any(
            measure(ends(clean(fact.value, line=False))) > limits.fact_value
            for fact in request.facts
        )
    ):
        return _TOO_LONG
    return None


def _room(request: Request, what: Bound, limits: Limits) -> int:
    """What is left for the reading when title, facts and a short note have their places."""
    measure = limits.measure
    note = min(limits.note, NOTE) if _notes(request) else 0
    used = (
        AROUND + measure(what.line) + note + min(measure(clean(request.title or "")), limits.title)
    )
    return max(limits.total - used - min(_facts_size(request, limits), limits.together), 0)


def _facts_size(request: Request, limits: Limits) -> int:
    return sum(
        _fact_size(clean(fact.label), clean(fact.value, line=False), limits)
        for fact in request.facts[: limits.facts]
    )


def _fact_size(label: str, value: str, limits: Limits) -> int:
    """What a fact takes, cut to its limits; its lines but the first are indented."""
    size = min(limits.measure(label), limits.fact_label)
    size += min(limits.measure(value), limits.fact_value) + limits.each
    return size + 4 * min(value.count("\n"), limits.fact_value)


def _others(case: Case, request: Request) -> list[str]:
    """Every text that may stand on the card, but for what is bound."""
    agent, error = request.agent, case.outcome.error if case.outcome is not None else None
    texts = [request.title, request.claimed_title, request.note, request.action, case.reason]
    texts += [agent.id, agent.name, agent.on_behalf_of, error, case.ask.rule]
    for fact in (*request.facts, *request.claimed_facts):
        texts += (fact.label, ": ", fact.value)
    return [text for text in texts if text]


def _name(text: str) -> str:
    return text if _IDENTIFIER.fullmatch(text) else f"“{text}”"


def _title(request: Request, what: Bound, cut: _Cut, limit: int) -> str:
    """The words that were found when it was opened (`proposal.worded`); else method and address."""
    if request.title and request.title.strip():
        return cut(request.title, limit)
    if request.http is None:
        return cut(plain_action(request.action), limit)
    return cut.short(ends(what.line.partition(" · ")[0]), limit)


def _agent(request: Request, voice: words.Voice) -> str:
    """The id, whom it acts for, and the requester whose key proved itself."""
    agent = request.agent
    text = _name(agent.id)
    if request.kind is Kind.GATEWAY and agent.name:
        text = f"{agent.name} ({text})"
    if agent.on_behalf_of:
        text += f" for {voice.names.get(agent.on_behalf_of) or _name(agent.on_behalf_of)}"
    return text if request.requester == agent.id else f"{text} via {_name(request.requester)}"


def _facts(request: Request, limits: Limits, cut: _Cut) -> tuple[Fact, ...]:
    shown = [
        _fact(
            cut(fact.label, limits.fact_label),
            cut.field(fact.label, fact.value, limits.fact_value, line=False),
        )
        for fact in request.facts[: limits.facts]
    ]
    sizes = [_fact_size(x.label, x.value, limits) for x in shown]
    kept = len(shown)
    if len(request.facts) > kept:
        kept -= 1
    while kept > 0 and sum(sizes[:kept]) > limits.together:
        kept -= 1
    if (left_out := len(request.facts) - max(kept, 0)) and shown:
        more = cut.short(f"{left_out} facts not shown here", limits.fact_value)
        return (*shown[:kept], _fact(cut.short("More", limits.fact_label), more))
    return tuple(shown)


def _fact(label: str, value: str) -> Fact:
    # Never empty: some platforms refuse an empty text, and readers cannot see it.
    return Fact(label or "(empty)", value or "(empty)")


def _notes(request: Request) -> list[tuple[str, str]]:
    """What the agent says, each with its label."""
    lines = []
    if request.kind is Kind.AGENT and request.agent.name:
        lines.append(("Name", request.agent.name))
    if request.claimed_title:
        lines.append(("Title", request.claimed_title))
    lines += [(fact.label, fact.value) for fact in request.claimed_facts]
    if request.note:
        lines.append(("Note", request.note))
    return lines


def _note(request: Request, limit: int, cut: _Cut) -> str | None:
    """The agent's words, one line a statement: no value begins a line of its own."""
    lines = _notes(request)
    if lines == [("Note", request.note)]:  # nothing to tell apart
        return cut.field("Note", request.note or "", limit, line=False) or None
    shown = [f"{cut(label, limit)}: {cut.field(label, value, limit)}" for label, value in lines]
    return cut.short(ends("\n".join(shown)), limit) or None


def _subject(case: Case, title: str) -> str:
    """ "Pay 12,400.00 EUR to ACME · high risk"; "Approved: Pay 12,400.00 EUR to ACME"."""
    return f"{title} · {case.ask.risk} risk" if case.open else f"{words.label(case)}: {title}"


def _when(at: Instant, zone: tzinfo) -> str:
    """ "28 Nov 14:20 CET"."""
    there = datetime.fromtimestamp(at // 1000, zone)
    name = there.tzname() or "UTC"
    named = name if name[:1].isalpha() else f"UTC{name}"
    return f"{there.day} {there:%b %H:%M} {named}"
