"""`countersign-client mcp-tools`: an MCP server with the tools `request_approval` and
`approval_status`, for an agent that is trusted to ask.

It holds nothing: an agent that does not ask is not stopped. `approved` is said once, and only on a
receipt for exactly what is asked about in that very call; one that observes says `observed`, and
never `approved`. It needs `countersign-client[mcp]`.
"""

from __future__ import annotations

import argparse
import logging
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from countersign_client.client import AsyncClient
from countersign_client.errors import CountersignError, Misconfigured
from countersign_client.gate import told
from countersign_client.logs import setup
from countersign_client.mcp_commands import HOLD
from countersign_client.observe import NOBODY, STATUS, observer
from countersign_client.protocol import Opened

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

ADVICE: Final = (
    "Ask before an action that is hard to undo, and do exactly what you asked about. Act only on "
    "the status `approved`. While it is `pending`, call approval_status with the same action and "
    "payload; never ask again for the same thing."
)
OBSERVES: Final = (
    f" {NOBODY} On the status `{STATUS}` go on as you would without this server, and tell nobody "
    "that it was approved."
)


def run(args: argparse.Namespace) -> int:
    """Serve until the client ends."""
    setup(logging.WARNING)
    watching = observer(args.observe or None, door="mcp-tools")
    client = AsyncClient(observe=watching or False)
    try:
        made = server(client, hold=args.hold)
    except ImportError:
        raise Misconfigured("This needs the MCP SDK.", "Install countersign-client[mcp].") from None
    if args.http is None:
        made.run("stdio")
    else:
        made.run("streamable-http", host="127.0.0.1", port=args.http)
    return 0


def server(client: AsyncClient, *, hold: float = HOLD) -> MCPServer[Any]:
    """The server. `hold`: seconds for which one call waits for a person."""
    from mcp.server.mcpserver import MCPServer  # noqa: PLC0415 - only this command needs it

    advice = ADVICE if client.observer is None else ADVICE + OBSERVES
    made: MCPServer[Any] = MCPServer("countersign", instructions=advice)

    @made.tool()
    async def request_approval(
        action: str, payload: dict[str, Any], title: str = "", note: str = "", key: str = ""
    ) -> dict[str, Any]:
        """Ask a person to approve an action before you do it.

        action: a name like deploy or mail.send. payload: everything that decides what will happen.
        title, note: your words. key: the same key takes up the same request.
        """
        try:
            opened = await client.open(
                action=action, payload=payload, title=title or None, note=note or None,
                key=sha256(key.encode()).hexdigest() if key else None,
            )  # fmt: skip
        except CountersignError as error:
            return {"status": "not_asked", "reason": told(error)}
        return await status(opened.id, action, payload)

    @made.tool()
    async def approval_status(
        request_id: str, action: str, payload: dict[str, Any]
    ) -> dict[str, Any]:
        """Wait for the decision on a request, with the action and payload that you would act on.

        `approved` is said once; act on it at once, and only for this action and payload.
        """
        return await status(request_id, action, payload)

    async def status(request_id: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        try:
            opened: Opened = await client.wait(request_id, seconds=hold)
            if opened.status == "pending":
                return {"status": "pending", "request_id": request_id}
            decision = await client.receipt(request_id, action=action, payload=payload)
        except CountersignError as error:
            return {"status": "not_approved", "request_id": request_id, "reason": told(error)}
        if decision.observed:
            return {"status": STATUS, "reason": NOBODY}
        if decision:
            return {"status": "approved", "request_id": request_id}
        return {"status": decision.status, "request_id": request_id, "reason": told(decision)}

    return made
