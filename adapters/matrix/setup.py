"""How Matrix is set up: a bot's account, or an application service."""

from __future__ import annotations

from typing import Final

from approvals.port.setup import Guide, Wishes

FILE: Final = "countersign-registration.yaml"
SECTION: Final = (
    "channels:\n  matrix:\n    api_url: https://matrix.acme.example\n"
    '    user: "@countersign:acme.example"\n    access_token: "${MATRIX_ACCESS_TOKEN}"\n'
)
PEOPLE: Final = (
    'Every approver accepts the bot\'s invitation to the room "Approvals". Until then no card '
    "reaches them. `countersign link NAME matrix` links their accounts."
)
ROOMS: Final = (
    'For a card in a room, invite the bot to it and write via: ["matrix:!…"] with the id from the '
    "room's settings. The room must not be encrypted."
)


def guide(events: str | None, wishes: Wishes) -> Guide:
    """Without an address of our own the bot syncs; with one, the homeserver pushes to us."""
    if events is None:
        steps: tuple[str, ...] = (
            "Make an account for the bot on your homeserver. With Synapse: "
            "register_new_matrix_user -c homeserver.yaml -u countersign --no-admin",
            "Sign in as the bot once to get its token: curl -X POST "
            "https://matrix.acme.example/_matrix/client/v3/login -d "
            '\'{"type":"m.login.password","user":"countersign","password":"…"}\'. Where accounts '
            "are managed by Matrix Authentication Service: "
            "mas-cli manage issue-compatibility-token countersign",
            "Put its access_token into the environment as MATRIX_ACCESS_TOKEN.",
            PEOPLE,
            ROOMS,
        )
        return Guide("matrix", steps, SECTION, None)
    base = events.removesuffix("/channels/matrix/events")
    steps = (
        "Make two secrets: openssl rand -hex 32, twice. Write them into "
        f"{FILE} as as_token and hs_token.",
        f"Give {FILE} to the homeserver. With Synapse: list it under app_service_config_files in "
        f"homeserver.yaml and restart. The homeserver then delivers to {base}/_matrix/app/v1/.",
        "Put as_token into the environment as MATRIX_ACCESS_TOKEN and hs_token as MATRIX_HS_TOKEN.",
        PEOPLE,
        ROOMS,
    )
    section = f'{SECTION}    mode: appservice\n    hs_token: "${{MATRIX_HS_TOKEN}}"\n'
    return Guide("matrix", steps, section, base, {FILE: _registration(base)})


def _registration(url: str) -> bytes:
    # https://spec.matrix.org/v1.18/application-service-api/#registration
    return (
        f"id: countersign\nurl: {url}\n"
        'as_token: "<the first secret>"\nhs_token: "<the second secret>"\n'
        "sender_localpart: countersign\nrate_limited: true\n"
        "namespaces: {users: [], aliases: [], rooms: []}\n"
    ).encode()
