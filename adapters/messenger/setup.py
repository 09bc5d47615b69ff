"""How Messenger is set up: what a person does there, and what its API can be told."""

from __future__ import annotations

from urllib.parse import urlsplit

from adapters.kit.direct import HELLO, WHO
from adapters.kit.meta import FACEBOOK
from adapters.messenger import registered
from adapters.messenger.settings import Settings
from approvals.port.setup import Guide, Order, Section, Wishes


def guide(events: str | None, wishes: Wishes) -> Guide:
    if events is None:
        raise ValueError("Messenger delivers over https only: it needs server.public_url.")
    section = (
        'channels:\n  messenger:\n    page_id: "…"  # in quotes\n'
        '    access_token: "${MESSENGER_ACCESS_TOKEN}"\n'
        '    app_secret: "${MESSENGER_APP_SECRET}"\n'
        '    verify_token: "${MESSENGER_VERIFY_TOKEN}"\n'
        "    # templates: {request: countersign_request, notice: countersign_notice}\n"
    )
    parts = urlsplit(events)
    files = registered.files(f"{parts.scheme}://{parts.netloc}")
    steps = (
        "Make a Facebook page for this alone, and publish it. Its Page ID stands under About, Page "
        "transparency.",
        "At https://developers.facebook.com/apps choose Create app, with the use case “Engage with "
        "customers on Messenger from Meta”. Under App settings, Basic, note the app secret.",
        "Make a verify token for the handshake: openssl rand -hex 16",
        "Under Use cases, Customize, Messenger API settings, Generate access tokens: add the page, "
        "and generate its token.",
        "Put them into the environment as MESSENGER_ACCESS_TOKEN, MESSENGER_APP_SECRET and "
        "MESSENGER_VERIFY_TOKEN, and start the service.",
        f"Only then, on the same page, Configure webhooks: enter {events} and that token, and "
        "subscribe to messages, messaging_postbacks and messaging_referrals; then add the page's "
        "subscriptions to the same three.",
        "Run this again: it sets the page's Get Started button and its greeting.",
        "As long as the app is not published, only people with a role in it get messages: add the "
        "approvers under App roles, or ask for Advanced Access to pages_messaging.",
        "If you want messages after the 24 hours: ask for pages_utility_messaging, and register "
        f"each file ({', '.join(files)}): POST it to {FACEBOOK}/<page ID>/message_templates with "
        "the access token as bearer. Then uncomment templates.",
        "Give each approver a link by `countersign link NAME messenger`.",
    )
    return Guide("messenger", steps, section, events, files)


def order(section: Section, events: str | None) -> Order | None:
    """The button and the greeting that begin a conversation. Without the button our links
    don't work for people who never wrote to the page.

    https://developers.facebook.com/documentation/business-messaging/messenger-platform/reference/messenger-profile-api
    """
    assert isinstance(section, Settings)  # noqa: S101 - the folder's own
    said = {
        "get_started": {"payload": HELLO},
        "greeting": [{"locale": "default", "text": f"{WHO} It asks for approvals."}],
    }
    heads = {"Authorization": f"Bearer {section.access_token.get_secret_value()}"}
    url = f"{(section.api_url or FACEBOOK).rstrip('/')}/me/messenger_profile"
    what = "set the page's Get Started button and greeting"
    return Order("Messenger", what, "the page has both now", url, said, heads)
