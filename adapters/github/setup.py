"""How GitHub is set up: what a person does there."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from approvals.port.setup import Guide, Wishes

PERMISSIONS: Final = {"checks": "write", "issues": "write", "pull_requests": "write"}
EVENTS: Final = ("check_run", "issue_comment")
"""What the App is told of."""


def guide(events: str | None, wishes: Wishes) -> Guide:
    if events is None:
        raise ValueError("GitHub delivers to an address: it needs server.public_url.")
    section = (
        "channels:\n  github:\n    app_id: …\n    installation_id: …\n"
        "    private_key_file: github.pem\n"
        '    webhook_secret: "${GITHUB_WEBHOOK_SECRET}"\n'
        "    repositories: [owner/repository]  # where cards may stand\n"
        "    inbox: owner/repository#1  # the issue for requests that name no commit or issue\n"
    )
    steps = (
        "Make a secret (`openssl rand -hex 32`) and put it into the environment as "
        "GITHUB_WEBHOOK_SECRET.",
        f"Open {registration(events)} with your organisation's name in it (for a personal account: "
        "https://github.com/settings/apps/new, followed by the same parameters). Choose a name and "
        "a home page, enter the secret as Webhook secret, leave “Only on this account”, and press "
        "Create GitHub App.",
        "Note the App ID. Under Private keys press Generate a private key, and save the file as "
        "github.pem beside the configuration, readable by the service alone.",
        "Install App: choose “Only select repositories”, and those where cards may stand. The "
        "number at the end of the page's address is the installation_id.",
        "For requests that name no commit or issue, open an issue in a private repository, and "
        "let everybody who approves subscribe to it.",
        "Every approver's account is named by its id: `gh api users/LOGIN --jq .id`, then "
        'people: {dana: {github: "583231"}}. They need write access to the repository.',
    )
    return Guide("github", steps, section, events)


def registration(events: str, organisation: str = "ORGANISATION") -> str:
    """GitHub's form with all filled in that it takes from an address, which a secret is not:
    https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-using-url-parameters
    """
    said = {"public": "false", "webhook_active": "true", "webhook_url": events, **PERMISSIONS}
    words = urlencode([*said.items(), *(("events[]", one) for one in EVENTS)], safe=":/[]")
    return f"https://github.com/organizations/{organisation}/settings/apps/new?{words}"
