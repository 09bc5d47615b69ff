"""How Instagram is set up: what a person does there, and what its API can be told."""

from __future__ import annotations

from adapters.instagram.settings import Settings
from adapters.kit.direct import HELLO
from adapters.kit.meta import INSTAGRAM
from approvals.port.setup import Guide, Order, Section, Wishes


def guide(events: str | None, wishes: Wishes) -> Guide:
    if events is None:
        raise ValueError("Instagram delivers over https only: it needs server.public_url.")
    section = (
        'channels:\n  instagram:\n    account_id: "…"  # in quotes\n'
        '    access_token: "${INSTAGRAM_ACCESS_TOKEN}"\n'
        '    app_secret: "${INSTAGRAM_APP_SECRET}"\n'
        '    verify_token: "${INSTAGRAM_VERIFY_TOKEN}"\n'
    )
    steps = (
        "Make an Instagram account for this alone, and switch it to a professional account "
        "(Settings, Account type and tools).",
        "At https://developers.facebook.com/apps choose Create app, with the use case “Manage "
        "messaging & content on Instagram”. Under Use cases, Customize, API setup with Instagram "
        "login, note the Instagram app secret: it differs from the app's own.",
        "Make a verify token for the handshake: openssl rand -hex 16",
        "On the same page, Generate access tokens: add the account. Note its id and its token.",
        "Put them into the environment as INSTAGRAM_ACCESS_TOKEN, INSTAGRAM_APP_SECRET and "
        "INSTAGRAM_VERIFY_TOKEN, and start the service.",
        f"Only then, on the same page, Configure webhooks: enter {events} and that token, "
        "subscribe to messages, messaging_postbacks and messaging_referral, and turn on Webhook "
        "subscription beside the account. Publish the app: without that nothing is delivered.",
        "In the account's settings, Messages and story replies, Message controls, Connected tools: "
        "allow access to messages.",
        "Run this again: it sets the question with which a conversation can begin.",
        "Give each approver a link by `countersign link NAME instagram`, to be opened on a phone.",
    )
    return Guide("instagram", steps, section, events)


def order(section: Section, events: str | None) -> Order | None:
    """The question that a conversation can begin with. Without one our links don't work for people
    who never wrote to the account.

    https://developers.facebook.com/documentation/instagram-platform/instagram-api-with-instagram-login/messaging-api/ice-breakers
    """
    assert isinstance(section, Settings)  # noqa: S101 - the folder's own
    question = {"question": "Link my account", "payload": HELLO}
    begin = [{"call_to_actions": [question], "locale": "default"}]
    said = {"platform": "instagram", "ice_breakers": begin}
    heads = {"Authorization": f"Bearer {section.access_token.get_secret_value()}"}
    url = f"{(section.api_url or INSTAGRAM).rstrip('/')}/me/messenger_profile"
    what = "set the question that a conversation with the account can begin with"
    return Order("Instagram", what, "the account has it now", url, said, heads)
