"""The commands of our own gateway, which holds credentials and no channel token."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
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
    from approvals.proxy.proxy import Gateway
    from approvals.proxy.settings import Settings

T = TypeVar("T")

app = typer.Typer(help="Our own gateway: holds what agents send, and asks before it sends it.")

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The gateway's configuration.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
CONFIG = Path("gateway.yaml")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

TEMPLATE = """\
listen: 127.0.0.1:8081
folder: gateway            # the CA, the secrets and the used receipts; only this user may read it
service:
  url: {url}
  key: "${{COUNTERSIGN_KEY}}"       # of a requester of kind gateway there
  requester: {requester}
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
    settings = settings_of(config)
    sound(lambda: asyncio.run(_serve(settings)))


@app.command()
def init(
    keys: Annotated[Path | None, typer.Option(help="The service's key folder.")] = None,
    thumbprint: Annotated[
        str | None, typer.Option(help="Of the receipt key, as `keys new` printed it.")
    ] = None,
    url: Annotated[str, typer.Option(help="Where the service is.")] = "http://127.0.0.1:8080",
    requester: Annotated[
        str, typer.Option(help="What this gateway is called among the service's requesters.")
    ] = "gateway",
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
    config.write_text(TEMPLATE.format(url=url, pin=pin, requester=requester))
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
        clash = [{"message": f"{why}."} for why in _clashes(read)] if read is not None else []
        print_json([*(asdict(fault) for fault in faults), *clash])
        raise typer.Exit(Exit.CONFIG if read is None or clash else Exit.OK)
    settings = settings_of(config)
    if found := _clashes(settings):
        raise Stop(Exit.CONFIG, f"{config}: {found[0]}.")
    many = f"{counted(len(settings.agents), 'agent')}, {counted(len(settings.rules.rules), 'rule')}"
    sound = f"✓ {config} is sound: {many}."
    out.print(Text(sound, "green"), soft_wrap=True)
    for rule in settings.rules.rules:
        if rule.tunnel:
            hosts, whose = (
                ", ".join(rule.when.host or ()),
                ", ".join(rule.when.agent or ("agents",)),
            )
            said = f"! {rule.id}: what {whose} send to {hosts} passes unopened, and nobody sees it."
            out.print(Text(said, "yellow"), soft_wrap=True)


def _clashes(settings: Settings) -> list[str]:
    """Where a rule's tunnel and a secret cannot both be."""
    from approvals.proxy.secrets import FILE, Secrets
    from approvals.proxy.tunnel import clashes

    kept = settings.secrets
    if (settings.folder / FILE).exists():  # else there is no key to make one with
        made = sound(lambda: Secrets(settings.folder, os.environ, declared=settings.secrets))
        kept = sound(made.all)
    return clashes(settings.rules.rules, kept)


@app.command()
def ca(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Print the certificate that agents must trust. Made when there is none."""
    from approvals.proxy.ca import Authority, utc

    settings = settings_of(config)
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = sound(lambda: Authority(settings.folder, utc(clock()))).pem
    print_json({"certificate": pem}) if as_json else sys.stdout.write(pem)


class Format(StrEnum):
    """How the environment is written."""

    SHELL = "shell"
    DOCKER = "docker"
    JSON = "json"


@app.command()
def env(
    agent: Annotated[str, typer.Argument(help="Whose environment.")],
    form: Annotated[Format, typer.Option("--format", help="For which use.")] = Format.SHELL,
    proxy: Annotated[
        str | None, typer.Option(help="Where the agent reaches the gateway: host:port.")
    ] = None,
    ca: Annotated[str | None, typer.Option(help="Where the agent finds the CA.")] = None,
    config: ConfigPath = CONFIG,
) -> None:
    """Print what an agent's environment needs: the proxy with its login, and the CA."""
    from urllib.parse import quote

    from approvals.proxy.ca import CERTIFICATE, Authority, utc
    from approvals.proxy.environment import environment, written

    settings = settings_of(config)
    password = settings.password(agent)
    if password is None:
        known = ", ".join(settings.agents)
        raise Stop(Exit.FAILED, f"{config} has no agent {agent!r}. There are: {known}.")
    if ca is None:
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sound(lambda: Authority(settings.folder, utc(clock())))
        ca = str((settings.folder / CERTIFICATE).absolute())
    host, port = settings.listen
    place = proxy or (f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    login = f"{quote(agent, safe='')}:{quote(password, safe='')}"
    variables = environment(f"http://{login}@{place}", ca)
    if form is Format.JSON:
        print_json(variables)
    else:
        sys.stdout.write(written(variables, form.value))


@app.command()
def doctor(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Check this gateway from the outside: its service, its key, its CA."""
    from approvals.cli import log

    log.setup(console=sys.stderr.isatty(), quiet=True)  # beside what is printed, which may be JSON
    settings = settings_of(config)
    lines = sound(lambda: asyncio.run(_checked(settings)))
    if as_json:
        print_json([{"check": c, "state": s, "detail": d} for c, s, d in lines])
    else:
        mark = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "bad": ("✗", "red")}
        for check_, state, detail in lines:
            sign, style = mark[state]
            out.print(Text(f"{sign} {check_}: {detail}", style), soft_wrap=True)
    if any(state == "bad" for _, state, _ in lines):
        raise typer.Exit(Exit.FAILED)


async def _checked(settings: Settings) -> list[tuple[str, str, str]]:
    """(what, ok | warning | bad, detail) of each check. Changes nothing but a missing folder."""
    import tempfile

    from approvals.cli.secret import credentials
    from approvals.proxy.ask import Approvals, Away, Slower, Used
    from approvals.proxy.wire import PATIENCE

    host, port = settings.listen
    lines = [("configuration", "ok", f"{len(settings.agents)} agents")]
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 5)
        writer.close()
        lines.append(("gateway", "ok", f"it listens on {host}:{port}"))
    except (OSError, TimeoutError):
        lines.append(("gateway", "warning", f"nothing listens on {host}:{port}: it is not running"))
    with tempfile.TemporaryDirectory() as beside:  # the running one has its own notes open
        used = Used(Path(beside) / "used.db")
        asks = Approvals(settings.service, used, clock=clock, random=random, patience=PATIENCE)
        try:
            wrong = await asks.faults()
            lines += [("service", "bad", f"{why}.") for why in wrong]
            if not wrong:
                lines.append(("service", "ok", f"{settings.service.url} knows us and our key"))
        except (Away, Slower) as error:
            url, why = settings.service.url, str(error) or "no answer"
            lines.append(("service", "bad", f"{url} can't be reached: {why}."))
        finally:
            await asks.close()
    return lines + credentials(settings)


async def _serve(settings: Settings) -> None:
    import resource

    import structlog

    from approvals.proxy.proxy import running

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # two for each request that is held
    # Else glibc keeps bodies that were freed for later ones: 350 MiB instead of 116 for 100 held
    # requests of 10 MiB. M_MMAP_THRESHOLD (malloc.h); elsewhere only memory is lost.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(-3, 1024 * 1024)
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
        asking = asyncio.create_task(_introduced(gateway, settings))
        ending = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({asking, ending}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                asking.result()
            await ending
        finally:
            asking.cancel()
            ending.cancel()


async def _introduced(gateway: Gateway, settings: Settings) -> None:
    """Ask the service who we are, until it has said so. `Refused`: nothing could be released."""
    import structlog

    said = False
    while (wrong := await gateway.faults()) is None:
        if not said:
            structlog.get_logger().warning("approval_service_not_reached", **_away(settings))
        said = True
        await asyncio.sleep(5)
    if wrong:
        raise Refused("; ".join(wrong))


def _away(settings: Settings) -> dict[str, str]:
    return {"service": settings.service.url, "next": "start `countersign serve` there"}


def _read(config: Path) -> tuple[Settings | None, list[Fault]]:
    from approvals.proxy.settings import read

    try:
        return read(config, os.environ)
    except OSError as error:
        raise Stop(Exit.CONFIG, f"{config}: {error.strerror}.") from error


def settings_of(config: Path) -> Settings:
    settings, faults = _read(config)
    for fault in faults:
        err.print(Text(str(fault)), soft_wrap=True)
    if settings is None:
        raise Stop(Exit.CONFIG, f"{config} has faults.")
    return settings


def sound(act: Callable[[], T]) -> T:
    try:
        return act()
    except Refused as error:
        raise Stop(Exit.CONFIG, f"{error}.") from error
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        raise Stop(Exit.CONFIG, f"{what}{error.strerror or error}.") from error
