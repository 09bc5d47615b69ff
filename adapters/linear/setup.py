"""How Linear is set up: what a person does there."""

from __future__ import annotations

from approvals.port.setup import Guide, Wishes


def guide(events: str | None, wishes: Wishes) -> Guide:
    if events is None:
        raise ValueError("Linear delivers to an address: it needs server.public_url.")
    section = (
        "channels:\n  linear:\n    client_id: …\n"
        '    client_secret: "${LINEAR_CLIENT_SECRET}"\n'
        '    webhook_secret: "${LINEAR_WEBHOOK_SECRET}"\n'
        "    issue: …  # its id: open the issue, Cmd/Ctrl K, Copy model UUID\n"
    )
    steps = (
        "In Linear, as an administrator: Settings, Administration, API, OAuth applications, New. "
        "Its name is what approvers see: Countersign. Any callback URL of yours will do, it is not "
        "used. Leave Public off.",
        "Turn Client credentials tokens on.",
        f"Turn Webhooks on, with the URL {events}. Check Agent session events (App events) and "
        "Comments (Data change events).",
        "Save. Note the Client ID; put the Client secret into the environment as "
        "LINEAR_CLIENT_SECRET, and the webhook's Signing secret as LINEAR_WEBHOOK_SECRET.",
        "Make an issue on which people get their cards, in a team that approvers are in and others "
        "are not, and copy its id (Cmd/Ctrl K, Copy model UUID).",
        "If that team is private: Settings, Administration, Applications, Countersign: give the "
        "app access to it. The app is listed there once `countersign doctor linear` has run.",
    )
    return Guide("linear", steps, section, events)
