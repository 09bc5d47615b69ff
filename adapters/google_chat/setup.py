"""How Google Chat is set up: what a person does there."""

from __future__ import annotations

from approvals.port.setup import Guide, Wishes


def guide(events: str | None, wishes: Wishes) -> Guide:
    section = (
        "channels:\n  google_chat:\n    service_account_file: google-chat.json\n"
        '    project_number: "…"  # in quotes\n'
        "    domains: […]  # of your organisation's mail addresses\n"
    )
    if events is None:
        section += "    mode: pubsub\n    subscription: projects/…/subscriptions/countersign\n"
        connection: tuple[str, ...] = (
            "Under Pub/Sub make a topic, and give chat-api-push@system.gserviceaccount.com the "
            "role Pub/Sub Publisher on it, and nobody else. Anyone who may publish there can make "
            "up taps.",
            "Add a subscription named countersign to the topic, delivery type Pull, and give the "
            "service account the role Pub/Sub Subscriber on it.",
            "In the same Configuration, Connection settings: Cloud Pub/Sub, with the topic's name.",
        )
    else:
        connection = (
            f"In the same Configuration, Connection settings: HTTP endpoint URL {events}, and as "
            "Authentication Audience the Project Number (not the URL: then any other app could "
            "deliver to you).",
        )
    steps = (
        "At https://console.cloud.google.com make a project. Note its Project number (Cloud "
        "overview, Dashboard), and under APIs & Services enable the Google Chat API.",
        "IAM & Admin, Service Accounts: create one, without a role. Keys, Add key, JSON. Save the "
        "file as google-chat.json beside the configuration, readable by the service alone.",
        "APIs & Services, Google Chat API, Configuration: clear “Build this Chat app as a Google "
        "Workspace add-on”; enter a name, an avatar and a description; turn Interactive features "
        "on, with “Join spaces and group conversations”.",
        *connection,
        "Visibility: make it available to those who approve, or to your domain. Save.",
        "Every approver opens the app in Google Chat (New chat, search for its name), or an "
        "administrator installs it for them: an app cannot begin a conversation.",
        "Give each a code by `countersign link NAME google_chat`: they write it to the app.",
    )
    return Guide("google_chat", steps, section, events)
