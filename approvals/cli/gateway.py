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
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from approvals.app.exits import Exit, Stop
from approvals.app.host import clock, random, settled
from approvals.cli.output import ask, counted, err, out, print_json, say, say_files
from approvals.model import Refused

if TYPE_CHECKING:
    from approvals.marked import Fault
    from approvals.proxy.ca import Authority
    from approvals.proxy.proxy import Gateway
    from approvals.proxy.settings import Settings

T = TypeVar("T")


app = typer.Typer(help="Our own gateway: holds what agents send, and asks before it sends it.")

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The gateway's configuration.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
CONFIG = Path("gateway.yaml")


@app.callback(invoke_without_command=True)
def run(context: typer.Context, config: ConfigPath = CONFIG) -> None:
    """Run the gateway until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    from approvals.app import log

    log.setup(console=sys.stderr.isatty())
    settings = settings_of(config)
    sound(lambda: asyncio.run(_serve(settings)))


@app.command()
def init(
    keys: Annotated[Path | None, typer.Option(help="The service's key folder.")] = None,
    thumbprint: Annotated[
        str | None, typer.Option(help="Of the receipt key, as `keys new` printed it.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Where the service is.")] = None,
    requester: Annotated[
        str | None,
        typer.Option(help="What this gateway is called among the service's requesters."),
    ] = None,
    agent: Annotated[str | None, typer.Option(help="The first agent.")] = None,
    pack: Annotated[
        list[str] | None, typer.Option(help="An API that the agent uses (repeatable): github.")
    ] = None,
    models: Annotated[
        bool | None, typer.Option("--models/--no-models", help="Calls to model providers pass.")
    ] = None,
    registry: Annotated[
        list[str] | None, typer.Option(help="A package registry's host (repeatable).")
    ] = None,
    read: Annotated[
        list[str] | None, typer.Option(help="A host whose GETs pass (repeatable).")
    ] = None,
    observe: Annotated[
        bool | None, typer.Option("--observe/--hold", help="Ask nobody yet, only write down.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; use the options.")] = False,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Write a configuration by a few questions: what passes, what is asked, of which service."""
    from approvals.cli import gateway_init as first
    from approvals.proxy.settings import Mode

    if keys is not None and thumbprint is not None:
        raise Stop(Exit.FAILED, "Give --keys or --thumbprint, not both.")
    talk = sys.stdin.isatty() and not (yes or as_json)
    _unwritten(config, talk)

    asked = partial(ask, talk=talk)

    def agreed(question: str, given: bool | None, usual: bool) -> bool:
        if given is not None:
            return given
        return typer.confirm(question, default=usual) if talk else usual

    usual_keys = "keys" if Path("keys").is_dir() else ""
    given = thumbprint or (str(keys) if keys is not None else None)
    if given is None and not talk:
        raise Stop(Exit.FAILED, "Give --keys, the service's key folder, or --thumbprint.")
    where = asked("--url", "Where is the service?", url, "http://127.0.0.1:8080", first.url)
    question = "Its key folder, or the thumbprint of its receipt key"
    pinned = asked("--keys", question, given, usual_keys, lambda text: first.pin(text)[1])
    question = "What is this gateway called there?"
    called = asked("--requester", question, requester, "gateway", first.name)
    whose = asked("--agent", "The first agent's name", agent, "agent", first.name)
    known = ", ".join(first.offered())
    question = f"Which of these does it use, with commas ({known})? Their reads pass"
    packs = asked("--pack", question, _joined(pack), "", first.packs)
    passing = agreed("May its calls to model providers pass?", models, True)
    question = "Hosts of package registries that it may fetch from, with commas"
    registries = asked("--registry", question, _joined(registry), "", first.hosts)
    question = "Other hosts whose GETs pass, with commas"
    reads = asked("--read", question, _joined(read), "", first.hosts)
    question = "Begin by watching only, with nobody asked (mode: observe)?"
    watching = agreed(question, observe, False)
    made = first.write(
        config,
        first.Answers(
            url=where, pin=first.pin(pinned)[0], requester=called, agent=whose, models=passing,
            packs=first.listed(packs), registries=first.listed(registries),
            reads=first.listed(reads), mode=Mode.OBSERVE if watching else Mode.HOLD,
        ),
    )  # fmt: skip
    if as_json:
        created = [str(path) for path in made.created]
        print_json({"config": str(config), "thumbprint": first.pin(pinned)[0], "created": created})
        return
    say_files(made.created, made.kept)
    key, env = (config.parent / name for name in (first.KEY, first.ENVIRONMENT))
    say("\nIn the service's countersign.yaml:\n")
    entry = f"{{key_file: {key}, kind: gateway, agents: [{whose}]}}"
    say(f"  requesters: {{{called}: {entry}}}", "bold")
    option = "" if config == CONFIG else f" -c {config}"
    source = env if env.is_absolute() else f"./{env}"
    say("\nThen, here:\n")
    say(f"  . {source} && countersign gateway{option}", "bold")


def _joined(given: list[str] | None) -> str | None:
    return None if given is None else ",".join(given)


def _unwritten(config: Path, talk: bool) -> None:
    """Move an existing file away if a person agrees. Raises `Stop`."""
    if not config.exists():
        return
    old = config.with_name(f"{config.name}.old")
    if not talk or old.exists():
        raise Stop(Exit.FAILED, f"{config} is there already, and nothing was changed.")
    if not typer.confirm(f"{config} is there already. Move it to {old} and write another?"):
        raise Stop(Exit.FAILED, "Nothing was changed.")
    config.rename(old)


@app.command()
def check(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Explain every fault of the configuration, with its line."""
    if as_json:
        read, faults = _read(config)
        clash = [{"message": f"{why}."} for why in _clashes(read)] if read is not None else []
        print_json([*(asdict(fault) for fault in faults), *clash])
        raise typer.Exit(Exit.CONFIG if read is None or clash else Exit.OK)
    from approvals.proxy.observing import LOUD
    from approvals.proxy.settings import Mode

    settings = settings_of(config)
    if found := _clashes(settings):
        raise Stop(Exit.CONFIG, f"{config}: {found[0]}.")
    many = f"{counted(len(settings.agents), 'agent')}, {counted(len(settings.rules.rules), 'rule')}"
    say(f"✓ {config} is sound: {many}.")
    if settings.mode is Mode.OBSERVE:
        say(f"! {LOUD}")
    for rule in settings.rules.rules:
        if rule.tunnel:
            hosts, whose = rule.when.host or (), rule.when.agent or ("agents",)
            what = f"what {', '.join(whose)} send to {', '.join(hosts)}"
            say(f"! {rule.id}: {what} passes unopened, and nobody sees it.")


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
    pem = _authority(settings_of(config)).pem
    print_json({"certificate": pem}) if as_json else sys.stdout.write(pem)


def _authority(settings: Settings) -> Authority:
    """The gateway's CA, made when there is none."""
    from approvals.proxy.ca import Authority, utc

    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return sound(lambda: Authority(settings.folder, utc(clock())))


@app.command()
def env(
    agent: Annotated[str, typer.Argument(help="The agent.")],
    form: Annotated[
        Literal["shell", "docker", "json"], typer.Option("--format", help="The format.")
    ] = "shell",
    proxy: Annotated[
        str | None, typer.Option(help="Where the agent reaches the gateway: host:port.")
    ] = None,
    ca: Annotated[str | None, typer.Option(help="Where the agent finds the CA.")] = None,
    config: ConfigPath = CONFIG,
) -> None:
    """Print what an agent's environment needs: the proxy with its login, and the CA."""
    from urllib.parse import quote

    from approvals.proxy.ca import CERTIFICATE
    from approvals.proxy.environment import environment, written
    from approvals.proxy.revoked import Revoked

    settings = settings_of(config)
    password = settings.password(agent)
    if password is None:
        known = ", ".join(settings.agents)
        raise Stop(Exit.FAILED, f"{config} has no agent {agent!r}. There are: {known}.")
    if ca is None:
        _authority(settings)
        ca = str((settings.folder / CERTIFICATE).absolute())
    if Revoked(settings.folder).holds(agent):
        raise Stop(Exit.FAILED, f"{agent} is revoked: `countersign gateway revoke --undo {agent}`.")
    host, port = settings.listen
    place = proxy or (f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    login = f"{quote(agent, safe='')}:{quote(password, safe='')}"
    variables = environment(f"http://{login}@{place}", ca)
    if form == "json":
        print_json(variables)
    else:
        sys.stdout.write(written(variables, form))


@app.command()
def revoke(
    agent: Annotated[str, typer.Argument(help="The agent whose password is no longer accepted.")],
    undo: Annotated[bool, typer.Option("--undo", help="Accept it again.")] = False,
    config: ConfigPath = CONFIG,
) -> None:
    """Shut one agent out at once, without a restart, even one whose password is derived."""
    from approvals.proxy.revoked import Revoked

    settings = settings_of(config)
    if settings.password(agent) is None:
        raise Stop(Exit.FAILED, f"{config} has no agent {agent!r}.")
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    sound(lambda: Revoked(settings.folder).put(agent, undo=undo))
    said = "may send again" if undo else "is shut out: every request of it gets 407"
    say(f"✓ {agent} {said}.")


@app.command()
def doctor(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Check this gateway from the outside: its service, its key, its CA."""
    from approvals.app import log

    log.setup(console=sys.stderr.isatty(), quiet=True)  # beside what is printed, which may be JSON
    settings = settings_of(config)
    lines = sound(lambda: asyncio.run(_checked(settings)))
    if as_json:
        print_json([{"check": c, "state": s, "detail": d} for c, s, d in lines])
    else:
        signs = {"ok": "✓", "warning": "!", "bad": "✗"}
        for what, state, detail in lines:
            say(f"{signs[state]} {what}: {detail}")
    if any(state == "bad" for _, state, _ in lines):
        raise typer.Exit(Exit.FAILED)


@app.command()
def report(
    since: Annotated[str, typer.Option(help="How far back: 7d, 12h, 30m.")] = "7d",
    service: Annotated[
        Path | None, typer.Option(help="The service's file: whom would it ask?")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows of each table.")] = 20,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show what was, or would have been, asked, refused and allowed, and what would quiet it."""
    from approvals.app import serve
    from approvals.cli import report as reports

    settings = settings_of(config)
    beside = serve.configuration(service) if service is not None else None
    made = reports.tally(settings.folder, reports.since(since, clock()))
    lines = reports.lines(made, beside, settings.service.requester)
    if as_json:
        print_json(reports.as_json(made, lines, settings.mode))
    else:
        reports.show(out, made, lines, mode=settings.mode, most=limit)


async def _checked(settings: Settings) -> list[tuple[str, str, str]]:
    """(what, ok | warning | bad, detail) of each check. Changes nothing but a missing folder."""
    import tempfile

    from approvals.cli.secret import credentials
    from approvals.proxy.ask import Approvals, Away, Slower, Used
    from approvals.proxy.observing import LOUD
    from approvals.proxy.settings import Mode
    from approvals.proxy.wire import PATIENCE

    host, port = settings.listen
    lines = [("configuration", "ok", counted(len(settings.agents), "agent"))]
    if settings.mode is Mode.OBSERVE:
        lines.append(("mode", "warning", LOUD))
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
    return lines + _expiry(settings) + credentials(settings)


def _expiry(settings: Settings) -> list[tuple[str, str, str]]:
    """How long agents may still believe our CA; nothing where there is none yet."""
    from datetime import timedelta

    from approvals.proxy.ca import CERTIFICATE, ends, utc

    path = settings.folder / CERTIFICATE
    if not path.exists():
        return []
    try:
        end = ends(path.read_bytes())
    except (OSError, ValueError):
        return [("ca", "bad", f"{path} can't be read as a certificate.")]
    left = end - utc(clock())
    until = f"good until {end:%Y-%m-%d}"
    if left > timedelta(days=60):
        return [("ca", "ok", until)]
    state = "warning" if left > timedelta() else "bad"
    how = "move ca.pem and ca.key away, restart, and give the new ca.pem to every agent"
    return [("ca", state, f"{until}; then no agent believes this gateway: {how}.")]


async def _serve(settings: Settings) -> None:
    import resource

    import structlog

    from approvals.proxy.observing import LOUD
    from approvals.proxy.proxy import running
    from approvals.proxy.settings import Mode

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
            mode=settings.mode,
        )
        if settings.mode is Mode.OBSERVE:
            structlog.get_logger().warning("nothing_is_held", why=LOUD)
        asking = asyncio.create_task(_introduced(gateway, settings))
        ending = asyncio.create_task(stop.wait())
        try:
            with settled():
                await asyncio.wait({asking, ending}, return_when=asyncio.FIRST_COMPLETED)
                if asking.done():
                    asking.result()
                await ending
        finally:
            asking.cancel()
            ending.cancel()


async def _introduced(gateway: Gateway, settings: Settings) -> None:
    """Ask the service who we are, until it answers. `Refused`: it would release nothing."""
    import structlog

    from approvals.proxy.settings import Mode

    said = False
    while (wrong := await gateway.faults()) is None:
        if not said:
            structlog.get_logger().warning(
                "approval_service_not_reached", service=settings.service.url,
                next="start `countersign serve` there",
            )  # fmt: skip
        said = True
        await asyncio.sleep(5)
    if wrong and settings.mode is Mode.OBSERVE:  # nobody is asked yet
        structlog.get_logger().warning("service_faults", why="; ".join(wrong))
    elif wrong:
        raise Refused("; ".join(wrong))


def _read(config: Path) -> tuple[Settings | None, list[Fault]]:
    from approvals.proxy.settings import read

    try:
        return read(config, os.environ)
    except OSError as error:
        raise Stop(Exit.CONFIG, f"{config}: {error.strerror}.") from error


def settings_of(config: Path) -> Settings:
    settings, faults = _read(config)
    for fault in faults:
        say(str(fault), to=err)
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
