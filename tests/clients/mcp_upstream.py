"""An MCP server of others, as a process: it writes down what its tools really did."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer


def server(ran: Path) -> MCPServer[Any]:
    made: MCPServer[Any] = MCPServer("files")

    @made.tool()
    async def delete(path: str) -> str:
        """Delete a file."""
        with ran.open("a") as out:
            out.write(f"{path}\n")
        return f"deleted {path}"

    @made.tool()
    async def read(path: str) -> str:
        """Read a file."""
        ours = [name for name in os.environ if name.startswith("COUNTERSIGN_")]
        return f"{path}: {ours}"

    @made.tool()
    async def fail() -> str:
        """Fail."""
        raise RuntimeError("no")

    return made


if __name__ == "__main__":
    if len(sys.argv) > 2:
        server(Path(sys.argv[1])).run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
    else:
        server(Path(sys.argv[1])).run("stdio")
