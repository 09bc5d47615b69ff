"""The message templates that a business registers before it may write on WhatsApp."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

CARD: Final = (
    "An agent asks for approval at {{1}} risk. State: {{2}}.\nRequest: {{3}}\nAction: {{4}}\n"
    "Agent: {{5}}\nFacts: {{6}}\nWhat will be sent: ```{{7}}```\n"
    "The agent's note, unverified: {{8}}\nVotes so far: {{9}}. Answer by {{10}}. "
    "Digest: {{11}}.\nAll of it: {{12}} (you need to sign in)"
)
"""Its values, in their order, are those of `card_templates/whatsapp.json.j2`."""
NOTICE: Final = (
    "There is news of the approval request {{1}}: {{2}} Its digest is {{3}}, and all of it is at "
    "{{4}} (you need to sign in)."
)
_SHOWN: Final = (
    "You can approve this alone.",
    "Pay out 12,400.00 EUR to ba_1MtIhL2eZvKYlo2CAElKwKu2",
    "POST api.stripe.com/v1/payouts · form, 156 bytes",
    "billing-bot for Dana Lee",
    "Amount: 12,400.00 EUR ┃ To: ba_1MtIhL2eZvKYlo2CAElKwKu2",
    "amount: 1240000⏎currency: eur⏎destination: ba_1MtIhL2eZvKYlo2CAElKwKu2",
    "Pay the invoice",
    "as above",
    "2 Jan 04:10 UTC",
    "a1b2c3d4",
    "https://approve.example.com/r/req_01K8ZJ3V9Q",
)
_TOLD: Final = (_SHOWN[1], "Approved by Dana Lee", _SHOWN[9], _SHOWN[10])
# What the buttons of each say. High risk is never approved by a tap: its card has no Approve.
_KINDS: Final[Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]]] = {
    "request": (CARD, ("medium", *_SHOWN), ("Approve", "Decline")),
    "review": (CARD, ("high", *_SHOWN), ("Decline",)),
    "notice": (NOTICE, _TOLD, ()),
}


_CARDS: Final = ("request", "review")


def meta(language: str) -> dict[str, Any]:
    """File name → body of `POST /<WhatsApp business account>/message_templates`.

    https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates
    """
    made = {}
    for kind, (text, example, labels) in _KINDS.items():
        body = {"type": "BODY", "text": text, "example": {"body_text": [[*example]]}}
        buttons = [{"type": "QUICK_REPLY", "text": label} for label in labels]
        made[f"countersign_{kind}.json"] = {
            "name": f"countersign_{kind}",
            "language": language,
            "category": "UTILITY",
            "components": [body, *([{"type": "BUTTONS", "buttons": buttons}] if buttons else [])],
        }
    return made


def twilio(language: str) -> dict[str, Any]:
    """File name → body of `POST https://content.twilio.com/v1/Content`.

    https://www.twilio.com/docs/content/content-api-resources
    """
    session = {f"session_{kind}": ("{{1}}", ("the card",), _KINDS[kind][2]) for kind in _CARDS}
    made = {}
    for kind, (text, values, labels) in {**_KINDS, **session}.items():
        at = range(len(values) + 1, len(values) + 1 + len(labels))
        actions = [
            {"type": "QUICK_REPLY", "title": label, "id": f"{{{{{number}}}}}"}
            for number, label in zip(at, labels, strict=True)
        ]
        numbered = enumerate((*values, *(label.lower() for label in labels)), 1)
        shape = {"twilio/quick-reply": {"body": text, "actions": actions}}
        made[f"countersign_{kind}.json"] = {
            "friendly_name": f"countersign_{kind}",
            "language": language,
            "variables": {str(number): value for number, value in numbered},
            "types": shape if labels else {"twilio/text": {"body": text}},
        }
    return made


def kinds(files: Iterable[str]) -> list[str]:
    """What the configuration calls the templates in these files, in `templates`."""
    return [name.removeprefix("countersign_").removesuffix(".json") for name in files]


def files(provider: str, language: str = "en") -> dict[str, bytes]:
    """File name → JSON, of what this provider has approved before a card can be sent."""
    made = twilio(language) if provider == "twilio" else meta(language)
    return {
        name: json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n"
        for name, body in made.items()
    }
