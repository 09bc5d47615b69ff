"""An MCP server with a tool that is asked about."""

from __future__ import annotations

from typing import Any

from countersign_client.mcp import Countersign
from mcp.server.extension import Extension
from mcp.server.mcpserver import MCPServer


def server(
    gate: Countersign, ran: list[int], *before: Extension, fails: bool = False
) -> MCPServer[Any]:
    made: MCPServer[Any] = MCPServer("payments", extensions=[*before, gate])

    @made.tool()
    async def refund(cents: int, to: str = "ACME") -> str:
        """Pay money back."""
        ran.append(cents)
        if fails:
            raise RuntimeError("the bank is closed")
        return f"paid {cents} to {to}"

    return made
