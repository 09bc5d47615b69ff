"""Messenger's page, people and utility messages, from the documentation that tests/peers/meta.py
names."""

from __future__ import annotations

from functools import partial
from typing import Any

from adapters.messenger import registered
from adapters.messenger.adapter import Messenger
from approvals.model import Address
from approvals.port import Inbound
from tests.harness.channel_contract import Kit, Seat, template
from tests.peers import meta
from tests.peers.meta import VERIFY, SendPeer

PAGE, TOKEN = "1906385232743851", "EAAJBpeerPageAccessToken"
SECRET = "7a1f0c7a9b3d4e2f8a6b1c0d9e8f7a6b"
DANA = "27161130920158013"
SITE = "https://approve.example.com"
TEMPLATES = {one["name"]: one for one in registered.templates("en", SITE).values()}
NAMES = {kind: f"countersign_{kind}" for kind in registered.TEXTS}
FIELDS = ["messages", "messaging_postbacks", "messaging_referrals", "message_deliveries"]

body = partial(meta.body, "messenger")


def MessengerPeer() -> SendPeer:
    return SendPeer(
        own=PAGE,
        token=TOKEN,
        secret=SECRET,
        path="/channels/messenger/events",
        me={"id": PAGE, "name": "Approvals", "username": "acme.approvals"},
        object="page",
        most=2000,
        in_bytes=False,
        fields=FIELDS,
        templates=TEMPLATES,
    )


def signed(payload: Any, at: int, secret: str = SECRET) -> Inbound:
    return meta.signed(payload, at, secret, "messenger")


def make(api: str, **more: Any) -> Messenger:
    given: dict[str, Any] = {"access_token": TOKEN, "app_secret": SECRET, "verify_token": VERIFY}
    given |= {"page_id": PAGE, "api_url": f"{api.rstrip('/')}/v26.0", "templates": NAMES}
    return Messenger(**{**given, "render": template("messenger"), **more})


def write(at: int, text: str) -> Inbound:
    said = {"mid": "m_TEXT", "text": text}
    return signed(meta.delivered("page", PAGE, DANA, at, message=said), at)


ADDRESS = Address("messenger", DANA, account=DANA)
KIT = Kit(
    name="messenger",
    make=make,
    tap=lambda at: signed(body("postback"), at),
    proofs=("x-hub-signature-256",),
    stale=None,
    unknown=lambda at: tuple(signed(one, at) for one in meta.unknown(body("postback"))),
    foreign=lambda at: tuple(signed(one, at) for one in meta.foreign(body("postback"))),
    peer=MessengerPeer,
    address=ADDRESS,
    parsed=lambda payload: [],
    links=meta.links,
    secrets=(TOKEN, SECRET, VERIFY),
    write=write,
)


def _pressed(peer: SendPeer, digest: str, at: int) -> Inbound:
    card = next(id for id in peer.sent if digest in peer.text(id) and "Approve" in peer.buttons(id))
    return signed(peer.press(card, "Approve", at=at), at)


SEAT = Seat(
    account=DANA,
    messages=lambda peer: [peer.text(one) for one in peer.sent],
    text=str,
    press=_pressed,
    anew=True,
    ready=lambda peer: peer.open.add(DANA),
)
