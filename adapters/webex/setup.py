"""How Webex is set up: what a person does there, and what its API can be told."""

from __future__ import annotations

from adapters.webex.settings import Settings
from approvals.port.setup import Guide, Order, Section, Wishes


def guide(events: str | None, wishes: Wishes) -> Guide:
    if events is None:
        raise ValueError("Webex delivers to an address: it needs server.public_url.")
    section = (
        'channels:\n  webex:\n    token: "${WEBEX_TOKEN}"\n'
        '    webhook_secret: "${WEBEX_WEBHOOK_SECRET}"\n    org_id: …\n'
    )
    api = "https://developer.webex.com/docs/api/v1"
    steps = (
        "At https://developer.webex.com/my-apps, signed in with an account of your organisation: "
        "Create a New App, Create a Bot. Name it Countersign. Note the Bot Access Token; it is "
        "shown once.",
        "Make a secret: openssl rand -hex 32",
        "Put both into the environment as WEBEX_TOKEN and WEBEX_WEBHOOK_SECRET.",
        f"At {api}/people/get-my-own-details press Run, signed in as one of the approvers. Note "
        "orgId of the answer: only people of that organisation can approve.",
        "Write the section below into the configuration and run this again: it tells Webex to "
        f"deliver taps, and messages that only the bot reads, to {events}.",
        "Approvers need no linking where `people.NAME.email` is their address on Webex. For cards "
        "in a space, add the bot to it by its address (…@webex.bot).",
    )
    return Guide("webex", steps, section, events)


def order(section: Section, events: str | None) -> Order | None:
    """Two webhooks: https://developer.webex.com/docs/api/v1/webhooks/create-a-webhook"""
    assert isinstance(section, Settings)  # noqa: S101 - the folder's own
    if events is None:
        return None
    same = {"targetUrl": events, "secret": section.webhook_secret.get_secret_value()}
    taps = {"resource": "attachmentActions", "event": "created", "name": "Countersign: taps"}
    words = {"resource": "messages", "event": "created", "name": "Countersign: words"}
    return Order(
        "Webex",
        f"deliver to {events}",
        "delivers there from now on",
        f"{section.api_url.rstrip('/')}/webhooks",
        same | taps,
        {"Authorization": f"Bearer {section.token.get_secret_value()}"},
        also=(same | words | {"filter": "roomType=direct"},),
    )
