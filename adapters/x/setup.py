"""How X is set up: an app, an account of its own that writes, a webhook and a subscription."""

from __future__ import annotations

from typing import Final

from approvals.port.setup import Guide, Wishes

SCOPES: Final = ("tweet.read", "users.read", "dm.read", "dm.write", "offline.access")
CALLBACK: Final = "http://127.0.0.1:8080/x"
SECTION: Final = (
    'channels:\n  x:\n    client_id: "${X_CLIENT_ID}"\n    client_secret: "${X_CLIENT_SECRET}"\n'
    '    refresh_token: "${X_REFRESH_TOKEN}"\n    bearer_token: "${X_BEARER_TOKEN}"\n'
    '    user_id: "…"  # of the account that writes, in quotes\n'
    '    webhook_id: ""  # once you have it, in quotes\n'
)


def guide(events: str | None, wishes: Wishes) -> Guide:
    """https://docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token,
    https://docs.x.com/x-api/webhooks/quickstart, https://docs.x.com/x-api/activity/quickstart"""
    if events is None:
        raise ValueError("X delivers to an https address: it needs server.public_url.")
    scopes = "%20".join(SCOPES)
    steps = (
        "On X make an account for approvals alone, label it as automated, and let anyone message "
        "it. Every approver allows messages from it: by following it, or in their settings.",
        "At https://console.x.com make an app and buy credits: each message costs money, see "
        "docs/channels/x.md. Under User authentication settings choose Read and write and Direct "
        f"message, the type Automated App or Bot, and the callback {CALLBACK}.",
        "From Keys and tokens put into the environment: X_CLIENT_ID, X_CLIENT_SECRET (OAuth 2.0) "
        "and X_BEARER_TOKEN (app-only).",
        "Signed in to X as that account, open https://x.com/i/oauth2/authorize?response_type=code"
        f"&client_id=$X_CLIENT_ID&redirect_uri={CALLBACK}&scope={scopes}&state=s"
        "&code_challenge=$WORD&code_challenge_method=plain with a word of `openssl rand -hex 32` "
        "for $WORD. The page that follows does not open; its address has code=….",
        "Soon after: curl -u $X_CLIENT_ID:$X_CLIENT_SECRET https://api.x.com/2/oauth2/token "
        f"-d grant_type=authorization_code -d redirect_uri={CALLBACK} -d code_verifier=$WORD "
        "-d code=…. Put refresh_token into the environment as X_REFRESH_TOKEN; keep access_token "
        "for the last step. Use neither anywhere else: each refresh token works once.",
        "Configure and start the service: it answers X's challenge, which comes at once with the "
        "next step.",
        'curl -H "Authorization: Bearer $X_BEARER_TOKEN" -H "Content-Type: application/json" '
        f'https://api.x.com/2/webhooks -d \'{{"url": "{events}"}}\'. Write its id into the '
        "configuration as webhook_id, and restart.",
        'curl -H "Authorization: Bearer $ACCESS_TOKEN" -H "Content-Type: application/json" '
        "https://api.x.com/2/activity/subscriptions -d '"
        '{"event_type": "dm.received", "filter": {"user_id": "…", "direction": "inbound"}, '
        '"webhook_id": "…"}\'',
    )
    return Guide("x", steps, SECTION, events)
