"""Ask a person before an AI agent acts, and run only what a signed receipt approves.

`Client` and `AsyncClient` ask and wait; `requires_approval` guards a function; the command
`countersign-client` does the same for scripts and coding agents.
"""

from typing import Final

from countersign_client.approval import requires_approval
from countersign_client.client import AsyncClient, Client
from countersign_client.digest import canonical, digest_http, digest_payload
from countersign_client.errors import (
    AlreadyUsed,
    CountersignError,
    Declined,
    Expired,
    Misconfigured,
    NotAccepted,
    NotApproved,
    Unreachable,
    Unverified,
    Withdrawn,
)
from countersign_client.protocol import Decision, Http, Opened
from countersign_client.settings import Service
from countersign_client.used import Folder, Memory

__version__: Final = "0.1.0"
__all__ = [
    "AlreadyUsed",
    "AsyncClient",
    "Client",
    "CountersignError",
    "Decision",
    "Declined",
    "Expired",
    "Folder",
    "Http",
    "Memory",
    "Misconfigured",
    "NotAccepted",
    "NotApproved",
    "Opened",
    "Service",
    "Unreachable",
    "Unverified",
    "Withdrawn",
    "canonical",
    "digest_http",
    "digest_payload",
    "requires_approval",
]
