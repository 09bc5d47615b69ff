"""The commands for MCP and what was observed, as the command line has them.

They are imported when they run: a hook is started for each call of a tool, and needs none of it.
"""

from __future__ import annotations

import argparse
from typing import Any, Final

from countersign_client.observe import FLAG, report

HOLD: Final = 50.0
"""Seconds: below the 60 s of the TypeScript SDK."""


def add(commands: Any) -> None:
    """Their part of the command line."""
    proxy = commands.add_parser(
        "mcp-proxy", help="ask before an MCP server's tools run",
        epilog="Example: countersign-client mcp-proxy --name files --allow 'read_*' -- npx SERVER",
    )  # fmt: skip
    proxy.add_argument("--url", help="a server of streamable HTTP instead of COMMAND")
    proxy.add_argument(
        "--bearer", metavar="VARIABLE", help="the variable that holds the token for --url"
    )
    proxy.add_argument("--name", help="the server's name, part of the action: mcp.NAME.TOOL")
    for name, what in (
        ("ask", "ask about tools like this, also where --allow names them"),
        ("allow", "let tools like this pass"),
        ("deny", "refuse tools like this"),
    ):
        proxy.add_argument(f"--{name}", action="append", default=[], metavar="PATTERN", help=what)
    proxy.add_argument(
        "--hold", type=float, default=HOLD, metavar="SECONDS",
        help="how long a call of a client before 2026-07-28 is held; stay below its time-out",
    )  # fmt: skip
    proxy.add_argument("--round", type=float, default=20.0, help=argparse.SUPPRESS)
    proxy.add_argument("--patience", type=float, default=10.0, help=argparse.SUPPRESS)
    proxy.add_argument("--observe", action="store_true", help=FLAG)
    proxy.add_argument("command", nargs="*", metavar="COMMAND", help="what starts the server")
    proxy.set_defaults(run=_proxy)

    tools = commands.add_parser(
        "mcp-tools", help="an MCP server with request_approval and approval_status"
    )
    tools.add_argument(
        "--http", type=int, metavar="PORT", help="streamable HTTP on 127.0.0.1, in place of stdio"
    )
    tools.add_argument(
        "--hold", type=float, default=HOLD, metavar="SECONDS",
        help="how long one call waits; stay below the client's time-out",
    )  # fmt: skip
    tools.add_argument("--observe", action="store_true", help=FLAG)
    tools.set_defaults(run=_tools)

    observed = commands.add_parser("observed", help="count what --observe recorded")
    observed.set_defaults(run=report)


def _proxy(args: argparse.Namespace) -> int:
    from countersign_client import mcp_proxy  # noqa: PLC0415 # only where it is used

    return mcp_proxy.run(args)


def _tools(args: argparse.Namespace) -> int:
    from countersign_client import mcp_tools  # noqa: PLC0415 # only where it is used

    return mcp_tools.run(args)
