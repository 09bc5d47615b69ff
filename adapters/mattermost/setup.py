"""How Mattermost is set up: what a person does there."""

from __future__ import annotations

from approvals.port.setup import Guide, Wishes


def guide(events: str | None, wishes: Wishes) -> Guide:
    if events is None:
        raise ValueError("Mattermost delivers to an address: it needs server.public_url.")
    section = (
        "channels:\n  mattermost:\n    url: …  # of your Mattermost server, https://\n"
        '    token: "${MATTERMOST_TOKEN}"\n    secret: "${MATTERMOST_SECRET}"\n'
        f"    events_url: {events}\n"
    )
    steps = (
        "In Mattermost: System Console, Integrations, Bot Accounts: Enable Bot Account Creation. "
        "Then Integrations, Bot Accounts, Add Bot Account: name it countersign, role Member.",
        "Put the token, which is shown once, into the environment as MATTERMOST_TOKEN.",
        "Make a secret (`openssl rand -hex 32`) and put it there as MATTERMOST_SECRET.",
        "Add the bot to the team of its approvers, and to each channel that cards go to.",
        "If the address below is in your own network, add its host in System Console, Environment, "
        "Developer, Allow untrusted internal connections to.",
        f"Mattermost needs no address entered: each button carries it ({events}).",
    )
    return Guide("mattermost", steps, section, events)
