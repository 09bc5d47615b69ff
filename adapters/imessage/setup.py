"""How iMessage is set up with each provider: what a person does there."""

from __future__ import annotations

from approvals.port.setup import Guide, Wishes


def guide(events: str | None, wishes: Wishes) -> Guide:
    if events is None:
        raise ValueError("iMessage delivers to an address: it needs server.public_url.")
    made = {"": _sinch, "sinch": _sinch, "photon": _photon, "bluebubbles": _bluebubbles}
    if wishes.provider not in made:
        raise ValueError("iMessage comes through --provider sinch, photon or bluebubbles.")
    steps, section = made[wishes.provider](events)
    return Guide("imessage", steps, section, events)


def _sinch(events: str) -> tuple[tuple[str, ...], str]:
    section = (
        "channels:\n  imessage:\n    provider: sinch\n    region: us  # of the app: us, eu or br\n"
        '    project_id: "…"\n    app_id: "…"\n    key_id: "…"\n'
        '    key_secret: "${SINCH_KEY_SECRET}"\n    webhook_secret: "${SINCH_WEBHOOK_SECRET}"\n'
    )
    steps = (
        "At https://register.apple.com add a Messages for Business account, and choose Sinch as "
        "its Messaging Service Provider. Apple reviews it, which takes days.",
        "In the Sinch Build Dashboard, Conversation API, make an app (mode Conversation) and set "
        "up Apple Messages for Business on it. Note the project ID and the app ID.",
        "Under Settings, Access keys, make a key. Note its ID, and put its secret into the "
        "environment as SINCH_KEY_SECRET.",
        "Make a signing secret (`openssl rand -hex 32`) and put it there as SINCH_WEBHOOK_SECRET.",
        f"On the app add a webhook: target {events}, with that secret, triggers "
        "MESSAGE_INBOUND and MESSAGE_DELIVERY.",
        "Each approver begins the conversation: Apple lets no business write first. The code of "
        "`countersign link PERSON imessage` is a good first message.",
    )
    return steps, section


def _photon(events: str) -> tuple[tuple[str, ...], str]:
    section = (
        "channels:\n  imessage:\n    provider: photon\n"
        '    project_id: "…"\n    project_secret: "${PHOTON_PROJECT_SECRET}"\n'
        '    webhook_secret: "${PHOTON_WEBHOOK_SECRET}"\n'
        "    url: http://127.0.0.1:8080  # of the bridge; https:// where it runs elsewhere\n"
    )
    steps = (
        "At https://app.photon.codes make a project and enable iMessage. Note the project ID, and "
        "put the secret into the environment as PHOTON_PROJECT_SECRET.",
        "Run Photon's HTTP bridge (imessage-server-v2-http) beside Countersign: Photon's own "
        "service sends over gRPC only.",
        "Register the webhook: curl -u $PROJECT_ID:$PHOTON_PROJECT_SECRET -H 'Content-Type: "
        "application/json' https://spectrum.photon.codes/projects/$PROJECT_ID/webhooks/ "
        f'-d \'{{"webhookUrl": "{events}"}}\'',
        "Put the signingSecret of the answer, which is shown once, into the environment as "
        "PHOTON_WEBHOOK_SECRET.",
        "Each approver writes to the line first, the code of `countersign link PERSON imessage` "
        "for example: a first message with a link in it looks like spam to Apple.",
    )
    return steps, section


def _bluebubbles(events: str) -> tuple[tuple[str, ...], str]:
    section = (
        "channels:\n  imessage:\n    provider: bluebubbles\n"
        "    url: https://…  # of the BlueBubbles server, over your VPN\n"
        '    password: "${BLUEBUBBLES_PASSWORD}"\n'
        '    webhook_secret: "${BLUEBUBBLES_WEBHOOK_SECRET}"\n'
    )
    steps = (
        "On a Mac that is always on, signed in to Messages with an Apple Account of its own, "
        "install BlueBubbles Server. Anyone with its password can read and write everything there: "
        "keep it off the internet, in a VPN or behind a proxy that asks for a certificate.",
        "Put the server's password into the environment as BLUEBUBBLES_PASSWORD.",
        "Make a secret for the address below (`openssl rand -hex 32`) and put it there as "
        "BLUEBUBBLES_WEBHOOK_SECRET.",
        f"In BlueBubbles Server, API & Webhooks, Manage, add {events}?secret=<that secret> for "
        "New Messages.",
        "Each approver writes to the Mac's number or address first, the code of "
        "`countersign link PERSON imessage` for example.",
    )
    return steps, section
