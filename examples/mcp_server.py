"""An MCP server whose tools run only once a person has approved them: `python mcp_server.py`."""

from countersign_client.gate import Rules
from countersign_client.mcp import Countersign
from mcp.server.mcpserver import MCPServer

gate = Countersign(name="payments", rules=Rules(allow=("list_*",)))
server = MCPServer("payments", extensions=[gate])


@server.tool()
async def list_invoices() -> list[str]:
    """Open invoices."""
    return ["2291"]


@server.tool()
async def refund(invoice: str, cents: int) -> str:
    """Pay money back."""
    return f"paid {cents} for {invoice}"


if __name__ == "__main__":
    server.run("stdio")
