"""Gateways of others: products that hold a run, a workflow or a command until somebody answers.

One module each, which this table names. The name is also that of its command, of its page in
`docs/agents/` and of its tests. A module has `run(args)`; what it holds is a `held.Held`, and
`held.hold` does the rest. It is imported when it runs: a hook is started for each call of a tool.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from countersign_client.logs import setup
from countersign_client.observe import FLAG

BEAT: Final = 240.0
"""Seconds between signs of life to Terraform: one that is silent for ten minutes has failed. And
between two looks at a run of GitHub Actions, which may have been cancelled."""
EVERY: Final = 10.0
"""Seconds between two looks at what OpenClaw holds: each starts its command."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """`options`: adds its arguments to a parser."""

    name: str
    help: str
    options: Callable[[argparse.ArgumentParser], object]

    def run(self, args: argparse.Namespace) -> int:
        """Hold what comes, until interrupted."""
        setup()
        ran: int = import_module(f"{__name__}.{self.name}").run(args)
        return ran


def add(commands: Any) -> None:
    """Their part of the command line."""
    for gateway in GATEWAYS.values():
        parser = commands.add_parser(gateway.name, help=gateway.help)
        gateway.options(parser)
        parser.add_argument("--observe", action="store_true", help=FLAG)
        parser.set_defaults(run=gateway.run)


def _listens(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", default="127.0.0.1:8090", metavar="HOST:PORT")


def _github(parser: argparse.ArgumentParser) -> None:
    _listens(parser)
    parser.add_argument(
        "--api", default="https://api.github.com", metavar="URL",
        help="GitHub's API; https://HOST/api/v3 of a GitHub Enterprise Server",
    )  # fmt: skip
    parser.add_argument("--beat", type=float, default=BEAT, help=argparse.SUPPRESS)


def _n8n(parser: argparse.ArgumentParser) -> None:
    _listens(parser)
    parser.add_argument(
        "--host", action="append", required=True, metavar="HOST",
        help="where n8n's resume URLs lie, like n8n.example.com; repeatable",
    )  # fmt: skip


def _openclaw(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--command", default="openclaw", metavar="PATH", help="OpenClaw's command")
    parser.add_argument(
        "--every", type=float, default=EVERY, metavar="SECONDS",
        help="how often to look for what it holds",
    )  # fmt: skip


def _terraform(parser: argparse.ArgumentParser) -> None:
    _listens(parser)
    parser.add_argument(
        "--host", action="append", metavar="HOST",
        help="Terraform's own address, repeatable; app.terraform.io if none is given",
    )  # fmt: skip
    parser.add_argument("--beat", type=float, default=BEAT, help=argparse.SUPPRESS)


GATEWAYS: Final[Mapping[str, Gateway]] = {
    one.name: one
    for one in (
        Gateway("github", "decide about deployments that GitHub Actions holds", _github),
        Gateway("n8n", "resume a workflow of n8n that waits for a person", _n8n),
        Gateway("openclaw", "answer what OpenClaw holds for approval", _openclaw),
        Gateway("terraform", "a run task of HCP Terraform", _terraform),
    )
}
"""Every gateway that there is, by its name."""
