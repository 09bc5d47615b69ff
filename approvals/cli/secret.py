"""The commands of the gateway's credentials: keep, check, list, forget."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from approvals.app.exits import Exit, Stop
from approvals.app.host import clock
from approvals.cli.gateway import CONFIG, AsJson, ConfigPath, settings_of, sound
from approvals.cli.output import out, print_json, say
from approvals.model import Instant, Refused

if TYPE_CHECKING:
    from approvals.proxy.credentials import Secret
    from approvals.proxy.fetched import Post, Use
    from approvals.proxy.secrets import Secrets
    from approvals.proxy.settings import Settings

app = typer.Typer(help="Credentials of the gateway, which agents never see.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="What the secret is called.")]
CheckAs = Annotated[
    str | None,
    typer.Option(
        help="The header's value in the check; {} is the secret. Default: 'Bearer {}' in "
        "Authorization, else '{}'. 'Basic {}:' is encoded."
    ),
]


@app.command("set")
def set_(
    name: Name,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Where it may go: api.example.com, with a port, or *.example.com."),
    ] = None,
    header: Annotated[str | None, typer.Option(help="The header it goes into.")] = None,
    query: Annotated[str | None, typer.Option(help="The query parameter.")] = None,
    form: Annotated[str | None, typer.Option(help="The field of a form.")] = None,
    path: Annotated[bool, typer.Option("--path", help="It goes into the path.")] = False,
    command: Annotated[
        str | None, typer.Option(help="A command that prints the value: 'op read op://…'.")
    ] = None,
    oauth: Annotated[
        str | None, typer.Option(help="Get access tokens from this OAuth token endpoint.")
    ] = None,
    client_id: Annotated[str, typer.Option(help="The OAuth client's id.")] = "",
    scope: Annotated[str, typer.Option(help="OAuth scopes, separated by blanks.")] = "",
    client_auth: Annotated[
        Literal["basic", "post", "none"], typer.Option(help="Where the client's secret is sent.")
    ] = "basic",
    param: Annotated[
        list[str] | None, typer.Option(help="One more parameter: audience=https://….")
    ] = None,
    aws: Annotated[bool, typer.Option("--aws", help="Sign with keys of AWS.")] = False,
    agent: Annotated[list[str] | None, typer.Option(help="Its agents; none: all.")] = None,
    check: Annotated[
        str | None, typer.Option(help="Then try it with a GET of this address.")
    ] = None,
    check_as: CheckAs = None,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Keep a secret. Its value is read from stdin, or printed by a command each time.

    With --oauth stdin has the lines client_secret=… and refresh_token=… (without the latter: client
    credentials), with --aws aws_access_key_id=…, aws_secret_access_key=… and, of temporary keys,
    aws_session_token=…. JSON as `gcloud` and a credential_process write it is read, too.
    """
    from approvals.proxy import credentials as kinds
    from approvals.proxy.tunnel import clashes

    settings = settings_of(config)
    if not re.fullmatch(kinds.NAME, name):
        raise Stop(Exit.FAILED, "A name has letters, digits, dots and dashes, at most 64.")
    if sum(map(bool, (command, oauth, aws))) > 1:
        raise Stop(Exit.FAILED, "Give one of --command, --oauth and --aws.")
    if unknown := [it for it in agent or () if settings.password(it) is None]:
        raise Stop(Exit.FAILED, f"{config} has no agent {min(unknown)!r}.")
    kind = kinds.OAUTH if oauth else kinds.AWS if aws else kinds.COMMAND if command else kinds.VALUE
    try:
        extra = tuple(_pair(it) for it in param or ())
        account = None
        if oauth:
            url = kinds.token_url(oauth)
            account = kinds.OAuth(url, client_id, scope, client_auth, extra)
        if not host and not aws:
            raise ValueError("give --host: where may it go?")
        secret = kinds.described(
            name, kind=kind, host=host or (), header=header, query=query, form=form, path=path,
            agents=agent, oauth=account,
        )  # fmt: skip
        secrets = _secrets(settings)
        if missing := _missing(secret):
            raise ValueError(missing)
        if found := clashes(settings.rules.rules, [secret]):
            raise ValueError(f"{config}: {found[0]}")
        secrets.put(secret, command if command else sys.stdin.read().rstrip("\r\n"))
    except ValueError as error:
        raise Stop(Exit.FAILED, f"{error}.") from error
    secret = _known(secrets, name)
    wanted = command or oauth or check  # does it work? What is simply kept is tried on demand
    tried = asyncio.run(_tried(settings, secret, check, check_as)) if wanted else None
    made = {who: secrets.placeholder(name, who) for who in agent or settings.agents}
    if as_json:
        told = {"name": name, "kind": kind, "host": secret.host, "header": secret.header}
        print_json(told | {"placeholders": made, "check": tried and tried[1]})
    else:
        where = secret.header.replace(":", " ").strip()
        said = where if ":" in secret.header else f"header {header or 'Authorization'}"
        say(f"✓ {name} is kept for {secret.host}, {said}.")
        for who, placeholder in made.items():
            say(f"  {who}: {placeholder}")
        if aws:
            say("  It is both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
        _told(name, tried)
    if tried and not tried[0]:
        raise typer.Exit(Exit.FAILED)


@app.command()
def check(
    name: Name,
    url: Annotated[
        str | None, typer.Argument(help="What to GET. With keys of AWS: who they are, at STS.")
    ] = None,
    check_as: CheckAs = None,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Try a secret: fetch what is fetched, and GET an address with it.

    The request goes the way of an agent's, without asking anybody: choose an address that only
    reads. Nothing of the answer is shown but its status.
    """
    settings = settings_of(config)
    secret = _known(_secrets(settings), name)
    tried = asyncio.run(_tried(settings, secret, url, check_as))
    if tried is None:
        raise Stop(Exit.FAILED, f"Give an address to try it with: secret check {name} URL.")
    if as_json:
        print_json({"name": name, "works": tried[0], "detail": tried[1]})
    else:
        _told(name, tried)
    if not tried[0]:
        raise typer.Exit(Exit.FAILED)


@app.command("list")
def list_(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """List the secrets: kind, where each may go, when it was last used, and what went wrong."""
    secrets = _secrets(settings_of(config))
    kept, uses = sound(secrets.all), sound(secrets.uses.all)
    if as_json:
        names = ("name", "kind", "host", "header", "agents")
        print_json([
            {name: getattr(it, name) for name in names} | _use(uses.get(it.name)) for it in kept
        ])  # fmt: skip
        return
    for it in kept:
        whom = ", ".join(it.agents) if it.agents else "every agent"
        use = _use(uses.get(it.name))
        kind = "command" if it.command and it.kind == "value" else it.kind
        when = f"used {use['last_used']}" if use["last_used"] else "not used yet"
        line = Text(f"{it.name}  {kind}  {it.host}  {it.header}  {whom}  {when}")
        if use["error"]:
            line.append(f"\n  ✗ {use['last_failed']}: {use['error']}", "red")
        out.print(line, soft_wrap=True)


@app.command()
def rm(name: Name, config: ConfigPath = CONFIG) -> None:
    """Forget a secret."""
    if not _secrets(settings_of(config)).remove(name):
        raise Stop(Exit.FAILED, f"There is no secret {name!r}.")
    say(f"✓ {name} is forgotten.")


@app.command()
def placeholder(
    name: Name,
    agent: Annotated[str, typer.Option(help="The agent.")],
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Print the placeholder that an agent has instead of the secret."""
    settings = settings_of(config)
    secrets = _secrets(settings)
    found = next((it for it in secrets.all() if it.name == name), None)
    if found is None or settings.password(agent) is None or not found.of(agent):
        raise Stop(Exit.FAILED, f"There is no secret {name!r} for an agent {agent!r}.")
    made = secrets.placeholder(name, agent)
    if as_json:
        print_json({"name": name, "agent": agent, "placeholder": made})
    else:
        say(made)


def credentials(settings: Settings) -> list[tuple[str, str, str]]:
    """What `gateway doctor` says of each: (what, ok | bad, detail). Changes nothing."""
    from approvals.proxy.secrets import FILE

    if not settings.secrets and not (settings.folder / FILE).exists():
        return []
    secrets = _secrets(settings)
    uses, lines = sound(secrets.uses.all), []
    for it in secrets.all():
        use = uses.get(it.name)
        if (missing := _missing(it)) is not None:
            state, detail = "bad", f"{missing}."
        elif use is not None and use.error is not None:
            state, detail = "bad", f"{use.error} (at {_use(use)['last_failed']})."
        else:
            state, detail = "ok", f"{it.kind}, for {it.host}"
        lines.append((f"secret {it.name}", state, detail))
    return lines


def _missing(secret: Secret) -> str | None:
    from approvals.proxy.aws import missing

    return missing() if secret.kind == "aws" else None


def _secrets(settings: Settings, post: Post | None = None) -> Secrets:
    from approvals.proxy.secrets import Secrets

    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = sound(
        lambda: Secrets(
            settings.folder, os.environ, declared=settings.secrets, clock=clock, post=post
        )
    )
    sound(made.all)
    return made


def _known(secrets: Secrets, name: str) -> Secret:
    found = next((it for it in secrets.all() if it.name == name), None)
    if found is None:
        raise Stop(Exit.FAILED, f"There is no secret {name!r}.")
    return found


async def _tried(
    settings: Settings, secret: Secret, url: str | None, form: str | None
) -> tuple[bool, str] | None:
    """Does it work, and in words; None: there was nothing to try."""
    from approvals.app import log
    from approvals.proxy.credentials import Unavailable
    from approvals.proxy.post import poster
    from approvals.proxy.reach import Reach
    from approvals.proxy.trial import STS, trial
    from approvals.proxy.wire import PATIENCE

    fetched = secret.command is not None or secret.kind in ("command", "oauth")
    target = url or (STS if secret.kind == "aws" else None)
    if target is None and not fetched:
        return None
    log.setup(console=sys.stderr.isatty(), quiet=True)  # beside what is printed, which may be JSON
    agent = next(iter(secret.agents or settings.agents), "check")
    reach = Reach(settings.private, settings.ca_file, PATIENCE)
    secrets = _secrets(settings, poster(reach))
    try:
        if target is None:
            await secrets.ready(secret)
            got = "its server gives an access token" if secret.oauth else "its command prints it"
            return True, got
        return await trial(secrets, reach, secret, target, form=form, agent=agent, clock=clock)
    except Unavailable as error:
        return False, error.why
    except Refused as error:
        return False, str(error)
    finally:
        await secrets.close()
        reach.close()


def _told(name: str, tried: tuple[bool, str] | None) -> None:
    if tried:
        say(f"{'✓' if tried[0] else '✗'} {name}: {tried[1]}")


def _use(use: Use | None) -> dict[str, str | None]:
    from approvals.proxy.fetched import Use

    def at(instant: Instant | None) -> str | None:
        if instant is None:
            return None
        return datetime.fromtimestamp(instant / 1000, UTC).isoformat(" ", "seconds")

    known = use or Use()
    return {"last_used": at(known.used), "last_failed": at(known.failed), "error": known.error}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError("a --param is written name=value")
    return name, value
