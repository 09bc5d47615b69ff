"""Instagram's professional account and people, from the documentation that tests/peers/meta.py
names, and https://developers.facebook.com/docs/instagram-platform, its "Instagram API with
Instagram Login", "Messaging"."""

from __future__ import annotations

from functools import partial
from typing import Any

from adapters.instagram.adapter import Instagram
from approvals.model import Address
from approvals.port import Inbound
from tests.harness.channel_contract import Kit, Seat, template
from tests.peers import meta
from tests.peers.meta import VERIFY, SendPeer

ACCOUNT, TOKEN = "17841400008460056", "IGAAJBpeerInstagramUserToken"
SECRET = "1b7f0c7a9b3d4e2f8a6b1c0d9e8f7a6b"
DANA = "1535148674817116"
FIELDS = ["messages", "messaging_postbacks", "messaging_referral", "messaging_seen"]

body = partial(meta.body, "instagram")


def InstagramPeer() -> SendPeer:
    return SendPeer(
        own=ACCOUNT,
        token=TOKEN,
        secret=SECRET,
        path="/channels/instagram/events",
        me={"id": "6432109876543210", "user_id": ACCOUNT, "username": "acme.approvals"},
        object="instagram",
        most=1000,
        in_bytes=True,
        fields=FIELDS,
        open={DANA},
    )


def signed(payload: Any, at: int, secret: str = SECRET) -> Inbound:
    return meta.signed(payload, at, secret, "instagram")


def make(api: str, **more: Any) -> Instagram:
    given: dict[str, Any] = {"access_token": TOKEN, "app_secret": SECRET, "verify_token": VERIFY}
    given |= {"account_id": ACCOUNT, "api_url": f"{api.rstrip('/')}/v26.0"}
    made = Instagram(**{**given, "render": template("instagram"), **more})

    async def just_now(account: str) -> int:
        return made.clock()

    made.recall(just_now)  # there is nothing to be sent to anybody else
    return made


def write(at: int, text: str) -> Inbound:
    said = {"mid": "aWdTEXT", "text": text}
    return signed(meta.delivered("instagram", ACCOUNT, DANA, at, message=said), at)


ADDRESS = Address("instagram", DANA, account=DANA)
KIT = Kit(
    name="instagram",
    make=make,
    tap=lambda at: signed(body("postback"), at),
    proofs=("x-hub-signature-256",),
    stale=None,
    unknown=lambda at: tuple(signed(one, at) for one in meta.unknown(body("postback"))),
    foreign=lambda at: tuple(signed(one, at) for one in meta.foreign(body("postback"))),
    peer=InstagramPeer,
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
