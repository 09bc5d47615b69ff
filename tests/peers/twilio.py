"""WhatsApp through Twilio, as the contract of channels tries it: the stand-in is whatsapp.py's."""

from __future__ import annotations

from tests.harness.channel_contract import Kit
from tests.peers.whatsapp import (
    ADDRESS,
    AUTH_TOKEN,
    DANA,
    WhatsAppPeer,
    body,
    links,
    make_twilio,
    twilio_signed,
    unknown_twilio,
    written,
)

KIT = Kit(
    name="whatsapp",
    make=make_twilio,
    tap=lambda at: twilio_signed(body("twilio_button"), at),
    proofs=("x-twilio-signature",),
    stale=None,
    unknown=unknown_twilio,
    peer=WhatsAppPeer,
    address=ADDRESS,
    parsed=lambda payload: [],
    links=links,
    secrets=(AUTH_TOKEN,),
    write=lambda at, text: twilio_signed(written(text, DANA, "twilio", at), at),
)
