"""The utility messages that a page has approved before it may write after the 24 hours.

They say that a request waits and lead to its page; nothing on them approves, since Meta may draw of
their text as little as 80 characters.
"""

from __future__ import annotations

from typing import Any, Final

from adapters.kit.manifest import written

# A text neither begins nor ends with a value. The values are those of the card's template.
TEXTS: Final = {
    "request": (
        "A request waits for your approval: {{1}}. Its risk is {{2}}. Please answer by {{3}}: "
        "until then nothing is run. Its digest is {{4}}. This is an automated message.",
        ("Pay out 12,400.00 EUR to ACME GmbH", "medium", "2 Jan 04:10 UTC", "a1b2c3d4"),
    ),
    "notice": (
        "An update on the approval request {{1}}: {{2}} Its digest is {{3}}. This is an "
        "automated message.",
        ("Pay out 12,400.00 EUR to ACME GmbH", "Approved by Dana Lee.", "a1b2c3d4"),
    ),
}


def templates(language: str, site: str) -> dict[str, dict[str, Any]]:
    """File name → body of `POST /<page>/message_templates`. `site`: the address of our pages.

    https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/utility-messages
    """
    url = f"{site}/{{{{1}}}}"
    example = {"url_suffix_example": f"{site}/r/req_01K8ZJ3V9Q"}
    button = {"type": "URL", "text": "Open the request", "url": url, "example": example}
    return {
        f"countersign_{kind}.json": {
            "name": f"countersign_{kind}",
            "language": language,
            "category": "UTILITY",
            "components": [
                {"type": "BODY", "text": text, "example": {"body_text": [[*values]]}},
                {"type": "BUTTONS", "buttons": [button]},
            ],
        }
        for kind, (text, values) in TEXTS.items()
    }


def files(site: str) -> dict[str, bytes]:
    """File name → JSON, of what Meta has to approve."""
    return {name: written(body) for name, body in templates("en", site).items()}
