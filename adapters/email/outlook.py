"""Outlook's actionable messages: an Adaptive Card in a mail, and presses on it, which come with a
token of Microsoft Entra that names who pressed.

A token proves who acts and not what they saw, and no part of the card comes back: tier B.
https://learn.microsoft.com/outlook/actionable-messages/adaptive-card
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urljoin

from adapters.kit.http import FAULTS, Http, object_of
from adapters.kit.openid import bearer, keys
from approvals.model import Busy, Card, Forged, Label, Malformed
from approvals.port import Inbound, Notice, NoticeKind, Proven, Resolved, Response, Tap, ready
from approvals.proof import Signers, check_jwt
from approvals.text import breakable

# Who calls, whatever mail it is about. The tokens that it sends are Entra's: those of its own
# (issued by substrate.office.com) ended on 2026-06-08.
# https://learn.microsoft.com/outlook/actionable-messages/enable-entra-token-for-actionable-messages
ACTIONS: Final = "48af08dc-f6d2-435f-b2a7-069abd99c086"
LEEWAY: Final = 300_000  # milliseconds
# Bytes of a card. Nobody says how many Outlook takes: a mail with a longer one has links only.
SIZE: Final = 20_000
REASON: Final = 1000
# Cards are of version 1.0, the only one of which every Outlook draws Action.Http, and which has
# TextBlocks alone: whatever markdown, or HTML within it, could read is escaped, and so are runs of
# blanks. https://github.com/microsoft/AdaptiveCards/issues/5145,
# https://github.com/OfficeDev/outlook-dev-docs/issues/984
MARKS: Final = re.compile(r"([\\`*_{}\[\]()#+.!|<>&~-])")
BLANKS: Final = re.compile(r"(?<= ) |^ | $")
EDGES: Final = re.compile("^(?=\xa0)|(?<=\xa0)$")  # a joiner there: nothing is trimmed
PRESSED: Final = re.compile(
    r"([A-Za-z0-9_-]{20,40}) (\S{1,80}) (\S{3,254})(?: reason (\d*))?(?:\n(.*))?", re.DOTALL
)


COLOURS: Final = {"low": "good", "medium": "warning", "high": "attention"}


def escape(text: str) -> str:
    """A line of others' that a TextBlock shows as it is."""
    text = breakable(text.expandtabs(4))
    spaced = EDGES.sub("\u2060", BLANKS.sub("\xa0", text))
    return MARKS.sub(r"\\\1", spaced) or "\u2060"


def _text(text: str, **how: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **how}


def _lines(text: str, **how: Any) -> dict[str, Any]:
    """A box with a block for each line: what a line end means, no two Outlooks agree on."""
    lines = [_text(escape(line), spacing="None") for line in text.split("\n")]
    return {"type": "Container", **how, "items": lines}


def _row(label: str, value: str) -> dict[str, Any]:
    left = {"type": "Column", "width": "90px", "items": [_text(escape(label), isSubtle=True)]}
    lines = [_text(escape(line), spacing="None") for line in value.split("\n")]
    right = {"type": "Column", "width": "stretch", "items": lines}
    return {"type": "ColumnSet", "spacing": "Small", "columns": [left, right]}


def _send(title: str, url: str, body: str) -> dict[str, Any]:
    # As plain text what was typed goes into the body as it is, and nothing in it means anything.
    heads = [{"name": "Content-Type", "value": "text/plain"}]
    sent = {"method": "POST", "url": url, "headers": heads, "body": body}
    return {"type": "Action.Http", "title": title, **sent}


def draw(card: Card, originator: str) -> dict[str, Any] | None:
    """The card of a mail, its presses not addressed yet; None: this mail has links only."""
    if not card.buttons or not (card.review or "").startswith("https://"):
        return None
    url = urljoin(card.review or "", "/channels/email/events")
    who = f"From {card.agent}. {card.progress} Answer by {card.until}."
    body = [
        _text(escape(card.title), weight="Bolder", size="Medium"),
        _text(f"{card.risk.capitalize()} risk", spacing="None", color=COLOURS[card.risk]),
        _text(escape(who), isSubtle=True, size="Small"),
        *(_row(fact.label, fact.value) for fact in card.facts),
    ]
    if card.note:
        body += [_text("Agent's note, unverified", isSubtle=True, size="Small")]
        body += [_lines(card.note, style="emphasis", spacing="Small")]
    if card.line:
        body += [_text(escape(card.line), isSubtle=True, size="Small")]
    if card.payload:
        body += [_lines(card.payload, style="emphasis")]
    if card.elided:
        hidden = f"… {card.elided} bytes of {card.payload_size} are not shown here …"
        body += [_text(hidden, weight="Bolder")]
    if card.payload_tail:
        body += [_lines(card.payload_tail, style="emphasis")]
    if card.review_needed:
        body += [_text(escape(card.review_needed), weight="Bolder")]
    body += [_text(f"Digest {card.digest}", isSubtle=True, size="Small")]
    ask = "Reason, if you decline (optional; the agent reads it)"
    if card.reasons:
        choices = [{"title": one, "value": str(at)} for at, one in enumerate(card.reasons)]
        body += [{"type": "Input.ChoiceSet", "id": "ready", "choices": choices}]
        body[-1]["placeholder"] = "Reason, if you decline"
        ask = "In your own words (optional; the agent reads it)"
    given = {"id": "reason", "placeholder": ask, "isMultiline": True, "maxLength": 500}
    body += [{"type": "Input.Text", **given}]
    review = "Review and approve…" if card.review_needed else "Details"
    way = [{"type": "Action.OpenUrl", "title": review, "url": card.review}]
    presses = [_send(str(button.label), url, button.token) for button in card.buttons]
    actions = [*way, *presses] if card.review_needed else [*presses, *way]
    whole = _card(body, actions, originator, hide=True)
    if len(json.dumps(whole)) <= SIZE:
        return whole
    return draw(replace(card, reasons=()), originator) if card.reasons else None


def _card(body: list[Any], actions: list[Any], originator: str, *, hide: bool) -> dict[str, Any]:
    schema = {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "version": "1.0"}
    ours = {"originator": originator, "hideOriginalBody": hide}
    return {**schema, "type": "AdaptiveCard", **ours, "body": body, "actions": actions}


def script(card: dict[str, Any], key: str, to: str) -> str:
    """The card as an element of the mail `key` to this mailbox, which its presses come from."""
    offers = any(one.get("id") == "ready" for one in card["body"])
    typed = " reason {{ready.value}}" * offers + "\n{{reason.value}}"
    actions = [_addressed(action, f"{key} {to}", typed) for action in card["actions"]]
    text = json.dumps(card | {"actions": actions})
    for mark in "<>&":  # nothing in it can end the element, or begin another
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return f'<script type="application/adaptivecard+json">{text}</script>'


def _addressed(action: dict[str, Any], where: str, typed: str) -> dict[str, Any]:
    if action["type"] != "Action.Http":
        return action
    typed = "" if action["title"] == Label.APPROVE else typed
    return action | {"body": f"{action['body']} {where}{typed}"}


@dataclass(frozen=True, slots=True)
class Outlook:
    """`originator`: our provider id at Microsoft. `tenant_id`: whose people's presses count.
    `app_id`: of our registration with Entra, for which the tokens are. `login_url`: for other
    clouds and for test peers."""

    originator: str
    tenant_id: str
    app_id: str
    login_url: str = "https://login.microsoftonline.com/"
    signers: Signers = field(default_factory=Signers, init=False, repr=False, compare=False)
    _http: Http = field(default_factory=Http, init=False, repr=False, compare=False)

    @property
    def issuer(self) -> str:
        """Of tokens of version 2.0, for which the audience is the bare `app_id`."""
        return f"{self.login_url}{self.tenant_id}/v2.0"

    async def prepare(self, inbound: Inbound) -> None:
        url = f"{self.issuer}/.well-known/openid-configuration"
        await self.signers.have(bearer(inbound), partial(keys, self._get, url), inbound.at)

    def authenticate(self, inbound: Inbound) -> Proven:
        us, now = self.app_id, inbound.at
        claims, _ = check_jwt(
            self.signers,
            bearer(inbound),
            issuer=self.issuer,
            audience=us,
            now=now,
            leeway=LEEWAY,
        )
        if claims.get("tid") != self.tenant_id or claims.get("azp") != ACTIONS:
            raise Forged("email: the token is of another tenant, or was not given to Outlook")
        return Proven(inbound, claims)

    def read(self, resolved: Resolved, domain: str) -> Tap:
        """The press. The mailbox is as we wrote it, if it is that of who pressed."""
        try:
            said = PRESSED.fullmatch(resolved.inbound.body.decode())
            who = resolved.claims["preferred_username"].lower()
            if said is None or not who:
                raise ValueError("not a press")
            token, key, to, place, typed = said.groups()
            picked = ready(place)
        except FAULTS as error:
            raise Malformed(f"email: {type(error).__name__}") from None
        if typed is not None and len(typed) > REASON:
            raise Malformed("email: too long a reason")
        # One from another directory has a name here that somebody else gave.
        foreign = resolved.claims.get("idp") or resolved.claims.get("acct") == 1
        guest = "a guest" if foreign else None
        box = to if to.lower() == who else who
        event = sha256(bearer(resolved.inbound).encode() + resolved.inbound.body).hexdigest()
        return Tap(
            channel="email",
            event=event,
            account=box,
            conversation=box,
            message=f"<{key}@{domain}>",
            token=token,
            stranger=guest,
            reason=(typed or "").strip() or None,
            ready=picked,
        )

    def answer(self, notice: Notice) -> Response:
        """What Outlook says of the press, and shows instead of the card once it is over."""
        line = " ".join(notice.text.split())
        heads = {"CARD-ACTION-STATUS": line.encode("ascii", "replace").decode()}
        if notice.kind not in (NoticeKind.COUNTED, NoticeKind.CLOSED):
            return Response(403, headers=heads)
        below = _text("Below is the mail as it was sent. Its links show how it stands.")
        body = [_text(escape(line), weight="Bolder"), below]
        card = json.dumps(_card(body, [], self.originator, hide=False)).encode()
        return Response(body=card, headers={**heads, "CARD-UPDATE-IN-BODY": "true"})

    async def close(self) -> None:
        await self._http.close()

    async def _get(self, url: str) -> Any:
        status, text = await self._http.ask("GET", url)
        found = object_of(text)
        if status != 200 or found is None:
            raise Busy(f"email: {status}, and no keys")
        return found
