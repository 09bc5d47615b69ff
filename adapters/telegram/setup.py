"""How Telegram is set up: what a person does there, and what its API can be told."""

from __future__ import annotations

from typing import Final

from adapters.telegram.settings import Settings
from approvals.port.setup import Guide, Order, Section, Wishes

UPDATES: Final = ("callback_query", "message")
"""https://core.telegram.org/bots/api#update"""


def guide(events: str | None, wishes: Wishes) -> Guide:
    first = "In Telegram write to @BotFather: /newbot, a name, a user name. Note the token."
    each = (
        "Every approver opens the bot and presses Start; until then it can't write to them. The "
        "link of `countersign link NAME telegram` does that and links the account."
    )
    if events is None:
        section = (
            'channels:\n  telegram:\n    bot_token: "${TELEGRAM_BOT_TOKEN}"\n    mode: polling\n'
        )
        steps: tuple[str, ...] = (first, "Put it into the environment as TELEGRAM_BOT_TOKEN.", each)
        return Guide("telegram", steps, section, None)
    section = (
        'channels:\n  telegram:\n    bot_token: "${TELEGRAM_BOT_TOKEN}"\n'
        '    secret_token: "${TELEGRAM_SECRET_TOKEN}"\n'
    )
    steps = (
        first,
        "Make a secret: openssl rand -hex 32",
        "Put both into the environment as TELEGRAM_BOT_TOKEN and TELEGRAM_SECRET_TOKEN.",
        "Write the section below into the configuration and run this again: it tells Telegram "
        "where to deliver.",
        each,
    )
    return Guide("telegram", steps, section, events)


def order(section: Section, events: str | None) -> Order | None:
    """Where it delivers: https://core.telegram.org/bots/api#setwebhook"""
    assert isinstance(section, Settings)  # noqa: S101 - the folder's own
    if events is None or section.mode != "webhook" or section.secret_token is None:
        return None
    secret = section.secret_token.get_secret_value()
    said = {"url": events, "secret_token": secret, "allowed_updates": list(UPDATES)}
    method = f"{section.api_url}{section.bot_token.get_secret_value()}/setWebhook"
    return Order("Telegram", f"deliver to {events}", "delivers there from now on", method, said)
