"""How WhatsApp is set up: what a person does there."""

from __future__ import annotations

from adapters.kit.meta import FACEBOOK
from adapters.whatsapp import registered
from approvals.port.setup import Guide, Wishes


def guide(events: str | None, wishes: Wishes) -> Guide:
    if events is None:
        raise ValueError("WhatsApp delivers over https only: it needs server.public_url.")
    if wishes.provider not in ("", "meta", "twilio"):
        raise ValueError("WhatsApp comes through --provider meta or twilio.")
    files = registered.files(wishes.provider)
    names = ", ".join(files)
    if wishes.provider == "twilio":
        section = (
            "channels:\n  whatsapp:\n    provider: twilio\n"
            '    account_sid: "${TWILIO_ACCOUNT_SID}"\n    auth_token: "${TWILIO_AUTH_TOKEN}"\n'
            f'    sender: "+…"  # the number\n    webhook_url: {events}\n    templates:\n'
            + "".join(f"      {kind}: HX…\n" for kind in registered.kinds(files))
        )
        steps: tuple[str, ...] = (
            "In the Twilio console get a WhatsApp sender (Messaging, Senders). Note the Account "
            "SID and the Auth Token.",
            f"As the sender's Webhook URL for incoming messages enter {events}, method POST.",
            f"Make a content of each file ({names}): POST it to "
            "https://content.twilio.com/v1/Content. Each answer has a sid (HX…).",
            "Have the first three approved: POST /v1/Content/HX…/ApprovalRequests/whatsapp with "
            '{"name": "countersign_request", "category": "UTILITY"}, each with its name.',
            "Put both into the environment as TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.",
        )
        return Guide("whatsapp", steps, section, events, files, addressed=False)
    section = (
        "channels:\n  whatsapp:\n    provider: meta\n"
        '    access_token: "${WHATSAPP_ACCESS_TOKEN}"\n'
        '    app_secret: "${WHATSAPP_APP_SECRET}"\n'
        '    verify_token: "${WHATSAPP_VERIFY_TOKEN}"\n    phone_number_id: "…"  # in quotes\n'
    )
    steps = (
        "At https://developers.facebook.com/apps make an app of type Business, add WhatsApp and "
        "your number. Note the phone number ID and, under App settings, Basic, the app secret.",
        "In Business settings, System users, make one with whatsapp_business_messaging and "
        "whatsapp_business_management, and generate a token that does not expire.",
        "Make a verify token for the handshake: openssl rand -hex 16",
        "Put them into the environment as WHATSAPP_ACCESS_TOKEN, WHATSAPP_APP_SECRET and "
        "WHATSAPP_VERIFY_TOKEN, and start the service.",
        f"Only then, under WhatsApp, Configuration, Webhook, enter {events} and that token, and "
        "subscribe to the field messages.",
        f"Register each file ({names}): POST it to "
        f"{FACEBOOK}/<WhatsApp business account ID>/message_templates with "
        "the access token as bearer. Approval takes minutes to a day.",
    )
    return Guide("whatsapp", steps, section, events, files, addressed=False)
