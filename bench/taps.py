"""Slack taps as bytes on the wire: the same signed `block_actions` for every peer of the bench.

Each tap has a token, a message and a time of its own. Signing happens just before a round, outside
of its clock, because Slack's signatures are good for five minutes only.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

APP = "A00BENCH001"
TEAM = "T00BENCH001"
BOT = "U0000BOT00"


@dataclass(frozen=True, slots=True)
class Card:
    """One posted card and the button that is going to be tapped on it.

    `message` is what Slack echoes with a tap: the posted message's `ts`, `text` and `blocks`. A
    server that has cards of its own writes them as one JSON object a line (`write`). `request`: the
    id of what it decides, where there is such a thing.
    """

    token: str
    channel: str
    ts: str
    user: str
    message: dict[str, Any]
    app: str = APP
    team: str = TEAM
    action: str = "approve"
    request: str = ""


def write(path: Path, cards: Iterable[Card]) -> None:
    """Leave cards where the bench finds them."""
    with path.open("w") as out:
        out.writelines(json.dumps(asdict(card)) + "\n" for card in cards)


def read(path: Path) -> list[Card]:
    """The cards that a server wrote."""
    with path.open() as lines:
        return [Card(**json.loads(line)) for line in lines]


def synthetic(count: int) -> list[Card]:
    """Cards of the usual size (about 3 kB a tap) for a peer that is run without Countersign."""
    return list(_synthetic(count))


def _synthetic(count: int) -> Iterator[Card]:
    for n in range(count):
        token = hashlib.sha256(b"%d" % n).hexdigest()[:20]
        ts = f"{1_767_326_126 + n}.{n % 1_000_000:06}"
        yield Card(
            token=token,
            channel=f"D{n % 97:08}",
            ts=ts,
            user=f"U{n % 97:08}",
            message={
                "type": "message",
                "user": BOT,
                "bot_id": "B00BENCH001",
                "app_id": APP,
                "team": TEAM,
                "ts": ts,
                "text": f"Approval needed: pay invoice {n} (medium)",
                "blocks": _blocks(n, token),
            },
        )


def _blocks(n: int, token: str) -> list[dict[str, Any]]:
    facts = {
        "Action": "POST api.stripe.com/v1/payouts",
        "Agent": "billing-bot (on behalf of Dana Example)",
        "Risk": "medium",
        "Amount": f"EUR {n}.40",
        "Expires": "14:05 UTC, in 15 minutes",
        "Digest": token[:8],
    }
    preview = json.dumps(
        {
            "amount": n * 100 + 40,
            "currency": "eur",
            "destination": "ba_1Nv0FGQ9RKHgCVdK",
            "description": f"Invoice {n} of the supplier, due at the end of the month",
            "metadata": {"invoice": f"inv_{token}", "cost_centre": "4711", "order": f"po_{n:08}"},
            "statement_descriptor": "EXAMPLE GMBH",
        },
        indent=2,
    )
    return [
        _block("header", 0, text=_plain(f"Waiting for you: pay invoice {n}")),
        _block("section", 1, fields=[_plain(f"{name}: {fact}") for name, fact in facts.items()]),
        {
            "type": "rich_text",
            "block_id": "b2",
            "elements": [
                {
                    "type": "rich_text_preformatted",
                    "elements": [{"type": "text", "text": preview}],
                    "border": 0,
                }
            ],
        },
        _block(
            "context", 3, elements=[_plain("Agent's note, unverified: the supplier reminded us.")]
        ),
        {
            "type": "actions",
            "block_id": "verdict",
            "elements": [
                _button("approve", "Approve", token) | {"style": "primary"},
                _button("decline", "Decline", token[::-1]) | {"style": "danger"},
                _button("decline_reason", "Decline + reason", token[10:] + token[:10]),
                _button("details", "Review…", "") | {"url": f"https://approve.example.com/r/{n}"},
            ],
        },
    ]


def _block(kind: str, n: int, **members: Any) -> dict[str, Any]:
    return {"type": kind, "block_id": f"b{n}", **members}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _button(action: str, label: str, value: str) -> dict[str, Any]:
    return {"type": "button", "action_id": action, "text": _plain(label), "value": value}


def sign(cards: Iterable[Card], *, path: str, secret: str, now: float) -> list[bytes]:
    """One HTTP request a card, complete with head, signature and body; `now` in Unix seconds."""
    return [_tap(n, card, path, secret.encode(), now) for n, card in enumerate(cards)]


def _tap(n: int, card: Card, path: str, secret: bytes, now: float) -> bytes:
    payload: dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": card.user, "username": "dana", "name": "dana", "team_id": card.team},
        "api_app_id": card.app,
        "token": "not-used-any-more",
        "container": {
            "type": "message",
            "message_ts": card.ts,
            "channel_id": card.channel,
            "is_ephemeral": False,
        },
        "trigger_id": f"{int(now * 1e6)}.{n}.{card.token}",
        "team": {"id": card.team, "domain": "bench"},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": card.channel, "name": "directmessage"},
        "message": card.message,
        "state": {"values": {}},
        "response_url": f"https://hooks.slack.com/actions/{card.team}/{n}/{card.token}",
        "actions": [
            {
                "type": "button",
                "block_id": "verdict",
                "action_id": card.action,
                "text": _plain("Approve"),
                "value": card.token,
                "style": "primary",
                "action_ts": f"{now + n / 1e6:.6f}",
            }
        ],
    }
    # Slack's own servers send compact JSON, non-ASCII escaped, as one form field.
    body = b"payload=" + quote_plus(json.dumps(payload, separators=(",", ":"))).encode()
    time = b"%d" % now
    proof = hmac.new(secret, b"v0:" + time + b":" + body, hashlib.sha256).hexdigest().encode()
    return (
        b"POST " + path.encode() + b" HTTP/1.1\r\n"
        b"Host: approve.example.com\r\n"
        b"User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\n"
        b"Accept: application/json,*/*\r\n"
        b"Accept-Encoding: gzip,deflate\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: " + str(len(body)).encode() + b"\r\n"
        b"X-Slack-Request-Timestamp: " + time + b"\r\n"
        b"X-Slack-Signature: v0=" + proof + b"\r\n\r\n" + body
    )
