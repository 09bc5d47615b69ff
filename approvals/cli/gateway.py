"""The commands of our own gateway, which holds credentials and no channel token."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from approvals.cli import keys as folder
from approvals.cli.exits import Exit, Stop
from approvals.cli.host import clock, random
from approvals.cli.output import counted, print_json
from approvals.model import Refused

if TYPE_CHECKING:
    from approvals.marked import Fault
    from approvals.proxy.secrets import Secrets
    from approvals.proxy.settings import Settings

T = TypeVar("T")

app = typer.Typer(help="Our own gateway: holds what agents send, and asks before it sends it.")
secret_app = typer.Typer(
    help="Credentials of the gateway, which agents never see.", no_args_is_help=True
)

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The gateway's configuration.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
CONFIG = Path("gateway.yaml")
Name = Annotated[str, typer.Argument(help="What the secret is called.")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

TEMPLATE = """\
listen: 127.0.0.1:8081
folder: gateway            # the CA, the secrets and the used receipts; only this user may read it
service:
  url: {url}
  key: "${{COUNTERSIGN_KEY}}"       # of a requester of kind gateway there
  requester: gateway
  issuer: {url}
  receipt_key: {pin}
agents:
  agent: {{password: "${{AGENT_PASSWORD}}"}}
upstream: {{private: []}}            # addresses that are not public and may be reached
packs: []
rules: []                          # what no rule is about is asked
"""


@app.callback(invoke_without_command=True)
def run(context: typer.Context, config: ConfigPath = CONFIG) -> None:
    """Run the gateway until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    from approvals.cli import log

    log.setup(console=sys.stderr.isatty())
    settings = _settings(config)
    _sound(lambda: asyncio.run(_serve(settings)))


@app.command()
def init(
    keys: Annotated[Path | None, typer.Option(help="The service's key folder.")] = None,
    thumbprint: Annotated[
        str | None, typer.Option(help="Of the receipt key, as `keys new` printed it.")
    ] = None,
    url: Annotated[str, typer.Option(help="Where the service is.")] = "http://127.0.0.1:8080",
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Write a configuration that pins the service's receipt key."""
    if (keys is None) == (thumbprint is None):
        raise Stop(Exit.FAILED, "Give --keys, the service's key folder, or --thumbprint.")
    if config.exists():
        raise Stop(Exit.FAILED, f"{config} is there already.")
    pin = thumbprint
    if keys is not None:
        try:
            pin = folder.load(keys).receipt.thumbprint
        except folder.KeyFault as error:
            raise Stop(Exit.CONFIG, error.message, error.cure) from error
    config.write_text(TEMPLATE.format(url=url, pin=pin))
    if as_json:
        print_json({"config": str(config), "thumbprint": pin})
        return
    out.print(Text(f"✓ {config} pins the receipt key {pin}.", "green"), soft_wrap=True)
    out.print(Text("  Set COUNTERSIGN_KEY and AGENT_PASSWORD, then: countersign gateway"))


@app.command()
def check(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Explain every fault of the configuration, with its line."""
    if as_json:
        read, faults = _read(config)
        print_json([asdict(fault) for fault in faults])
        raise typer.Exit(Exit.CONFIG if read is None else Exit.OK)
    settings = _settings(config)
    many = f"{counted(len(settings.agents), 'agent')}, {counted(len(settings.rules.rules), 'rule')}"
    sound = f"✓ {config} is sound: {many}."
    out.print(Text(sound, "green"), soft_wrap=True)


@app.command()
def ca(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Print the certificate that agents must trust. Made when there is none."""
    from approvals.proxy.ca import Authority, utc

    settings = _settings(config)
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = _sound(lambda: Authority(settings.folder, utc(clock()))).pem
    print_json({"certificate": pem}) if as_json else sys.stdout.write(pem)


@secret_app.command("set")
def secret_set(
    name: Name,
    host: Annotated[str, typer.Option(help="Where it may go: api.example.com, or with a port.")],
    header: Annotated[str, typer.Option(help="In which header.")],
    agent: Annotated[list[str] | None, typer.Option(help="For whom; none: every agent.")] = None,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Keep a secret. Its value is read from stdin."""
    import re

    from approvals.evidence import split_url
    from approvals.proxy.secrets import NAME, Secret

    settings = _settings(config)
    try:
        _, authority, path, query = split_url(f"https://{host}")
    except ValueError:
        path = ""
    if path != "/" or "/" in host or query is not None:
        raise Stop(Exit.FAILED, "--host is a host name, or one with a port.")
    if not re.fullmatch(NAME, name):
        raise Stop(Exit.FAILED, "A name has letters, digits, dots and dashes, at most 64.")
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", header) or header.lower() == "host":
        raise Stop(Exit.FAILED, "--header is the name of a header.")
    if unknown := set(agent or ()) - set(settings.agents):
        raise Stop(Exit.FAILED, f"{config} has no agent {min(unknown)!r}.")
    value = sys.stdin.read().rstrip("\r\n")
    secret = Secret(name, authority, header.lower(), tuple(sorted(agent)) if agent else None)
    try:
        _secrets(settings).put(secret, value)
    except ValueError as error:
        raise Stop(Exit.FAILED, f"{error}.") from error
    made = {who: _secrets(settings).placeholder(name, who) for who in agent or settings.agents}
    if as_json:
        where = {"name": name, "host": authority, "header": secret.header}
        print_json(where | {"placeholders": made})
        return
    out.print(Text(f"✓ {name} is kept for {authority}, header {header}.", "green"), soft_wrap=True)
    for who, placeholder in made.items():
        out.print(Text(f"  {who}: {placeholder}"), soft_wrap=True)


@secret_app.command("list")
def secret_list(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """List the secrets: where each may go, never its value."""
    kept = _secrets(_settings(config)).all()
    if as_json:
        names = ("name", "host", "header", "agents")
        print_json([{name: getattr(it, name) for name in names} for it in kept])
        return
    for it in kept:
        whom = ", ".join(it.agents) if it.agents else "every agent"
        out.print(Text(f"{it.name}  {it.host}  {it.header}  {whom}"), soft_wrap=True)


@secret_app.command("rm")
def secret_rm(name: Name, config: ConfigPath = CONFIG) -> None:
    """Forget a secret."""
    if not _secrets(_settings(config)).remove(name):
        raise Stop(Exit.FAILED, f"There is no secret {name!r}.")
    out.print(Text(f"✓ {name} is forgotten.", "green"))


@secret_app.command("placeholder")
def secret_placeholder(
    name: Name,
    agent: Annotated[str, typer.Option(help="Whose.")],
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Print what an agent has instead of the secret."""
    settings = _settings(config)
    secrets = _secrets(settings)
    found = next((it for it in secrets.all() if it.name == name), None)
    if found is None or agent not in settings.agents or agent not in (found.agents or (agent,)):
        raise Stop(Exit.FAILED, f"There is no secret {name!r} for an agent {agent!r}.")
    placeholder = secrets.placeholder(name, agent)
    if as_json:
        print_json({"name": name, "agent": agent, "placeholder": placeholder})
    else:
        out.print(Text(placeholder), soft_wrap=True)


async def _serve(settings: Settings) -> None:
    import resource

    import structlog

    from approvals.proxy.proxy import running

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # two for each request that is held
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(settings, os.environ, clock=clock, random=random) as gateway:
        structlog.get_logger().info(
            "gateway",
            listen=f"http://{settings.listen[0]}:{gateway.port}",
            service=settings.service.url,
            agents=sorted(settings.agents),
            receipt_key=settings.service.receipt_key,
        )
        await stop.wait()


def _read(config: Path) -> tuple[Settings | None, list[Fault]]:
    from approvals.proxy.settings import read

    try:
        return read(config, os.environ)
    except OSError as error:
        raise Stop(Exit.CONFIG, f"{config}: {error.strerror}.") from error


def _settings(config: Path) -> Settings:
    settings, faults = _read(config)
    for fault in faults:
        err.print(Text(str(fault)), soft_wrap=True)
    if settings is None:
        raise Stop(Exit.CONFIG, f"{config} has faults.")
    return settings


def _secrets(settings: Settings) -> Secrets:
    from approvals.proxy.secrets import Secrets

    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _sound(lambda: Secrets(settings.folder, os.environ))


def _sound(act: Callable[[], T]) -> T:
    try:
        return act()
    except Refused as error:
        raise Stop(Exit.CONFIG, f"{error}.") from error
    except OSError as error:
        raise Stop(Exit.CONFIG, f"{error.filename or ''} {error.strerror}.") from error
