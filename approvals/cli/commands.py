"""Every command. Errors are words on stderr, with an exit code of `exits`.

What takes long to import (the parts of a running service, a client of one) is imported only by the
commands that need it: the others start in a third of the time.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.text import Text
from typer.core import TyperGroup

from approvals import __version__
from approvals.app import keys as folder
from approvals.app.exits import Exit, Stop
from approvals.app.host import clock, free_port, random
from approvals.cli import failures, gateway, secret
from approvals.cli.output import ask, counted, err, out, print_json, safari, say, say_files
from approvals.evidence import ROOT, read_receipt, thumbprint
from approvals.marked import wording
from approvals.model import Choice, Kind, Refused, Risk
from approvals.text import clean

if TYPE_CHECKING:
    from approvals.app.compose import House
    from approvals.app.serve import Base
    from approvals.cli.backup import Restored
    from approvals.cli.first import Answers, Made
    from approvals.port.setup import Guide

T = TypeVar("T")
CONFIG = Path("countersign.yaml")
GATEWAY = Path("gateway.yaml")


class _Commands(TyperGroup):
    """Puts the errors of pydantic, which reads values for typer, into our words."""

    def invoke(self, ctx: Any) -> Any:  # typer keeps the type of its contexts to itself
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            if isinstance(error.__cause__, ValidationError):
                found = error.__cause__.errors(include_url=False)[0]
                error.message = wording(found, "it", ())[0].removeprefix("it: ")
            raise


app = typer.Typer(
    name="countersign",
    cls=_Commands,
    help="A human signs off before an AI agent acts.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done · 1 refused · 2 wrong command line · 3 configuration · "
    "4 not allowed · 5 unreachable · 6 does not verify",
)
audit_app = typer.Typer(help="The audit chain.", no_args_is_help=True)
keys_app = typer.Typer(help="Button keys and the receipt key.", no_args_is_help=True)
outbox_app = typer.Typer(help="Messages that are no longer being delivered.", no_args_is_help=True)
erase_app = typer.Typer(
    help="Erase a request or a person early; the audit chain stays verifiable.",
    no_args_is_help=True,
)
rules_app = typer.Typer(help="The gateway's own rules.", no_args_is_help=True)

RUN: Final = "Set up and run"
PEOPLE: Final = "People and channels"
DECIDE: Final = "Decide, from a terminal"
EVIDENCE: Final = "Keys, evidence, repair"
HOLD: Final = "The gateway in front of agents"


def _channels(incomplete: str) -> list[str]:
    from approvals.app.channels import CHANNELS

    return [name for name in CHANNELS if name.startswith(incomplete)]


def _channel(what: str) -> Any:
    return typer.Argument(help=what, metavar="CHANNEL", autocompletion=_channels)


ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
AlwaysJson = Annotated[bool, typer.Option("--json", help="The output is always JSON.")]
GatewayPath = Annotated[Path, typer.Option("--config", "-c", help="The gateway's file.")]
RequestId = Annotated[str, typer.Argument(help="The request's id, req_…", metavar="ID")]
Reason = Annotated[str | None, typer.Option(help="Shown to the agent.")]


def _version(asked: bool) -> None:
    if asked:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A human signs off before an AI agent acts."""


@app.command(rich_help_panel=RUN)
def init(
    name: Annotated[str, typer.Option(help="Your name, as cards and receipts show it.")] = "",
    email: Annotated[str, typer.Option(help="Your mailbox: some channels find you by it.")] = "",
    channel: Annotated[
        str, typer.Option(metavar="CHANNEL", help="Where you get requests: web, or a channel.")
    ] = "",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The inbox's port.")] = 8080,
    start: Annotated[
        bool | None,
        typer.Option("--start/--no-start", help="Start the service and open a first request."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; use the options.")] = False,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Set up an installation in this folder, in a short conversation, and ask a first request."""
    from approvals.cli import first

    first.wish(config)
    talk = not (yes or as_json)
    if talk:
        say("Three questions, and you have an installation.", "bold")
    answers = _answers(talk, name=name, email=email, channel=channel, port=free_port(port))
    made = first.write(config, answers, os.environ)
    if as_json:
        print_json(made.as_json())
    else:
        _print_made(made)
    if made.faults:
        raise typer.Exit(Exit.CONFIG)
    if start is None and talk:
        start = typer.confirm("\nStart it now, and ask for a first approval?", default=True)
    if start:
        from approvals.app import log

        log.setup(console=sys.stderr.isatty(), quiet=True)
        _run(first.begin(made, _tell))
    elif not as_json:
        _print_next(made)


def _answers(talk: bool, *, name: str, email: str, channel: str, port: int) -> Answers:
    """The answers of the command line, and of a person if we `talk`."""
    from approvals.cli import first

    whose, mailbox = "Your name, as cards and receipts show it", "Your mailbox (empty: none)"
    where = f"Where do you want to be asked? ({', '.join((first.WEB, *first.CHANNELS))})"
    name = ask("--name", whose, name or None, first.user(), first.named, talk=talk)
    email = ask("--email", mailbox, email or None, "", first.mailbox, talk=talk)
    channel = ask("--channel", where, channel or None, first.WEB, first.channel, talk=talk)
    secrets: dict[str, str] = {}
    for one in first.CHANNELS[channel].wanted if channel in first.CHANNELS else ():
        known = os.environ.get(one.variable, "") if one.variable else ""
        if known or not talk:
            continue  # the configuration names the variable
        hint = f"; empty: set {one.variable} later" if one.variable else ""
        while True:
            hidden = bool(one.file) and sys.stdin.isatty()
            said = typer.prompt(f"{one.question}{hint}", "", hide_input=hidden, show_default=False)
            if not said.strip() and one.variable:
                break
            if re.fullmatch(one.pattern, said.strip()):
                secrets[one.key] = said.strip()
                break
            say("This does not look like one.", "yellow", to=err)
    return first.Answers(name, email, channel, port, secrets)


def _print_made(made: Made) -> None:
    say_files(made.created, made.kept)
    for fault in made.faults:
        say(str(fault), to=err)
    for hint in made.hints:
        say(f"· {hint}")
    if not made.faults:
        say(f"✓ {made.config} is sound.")


def _print_next(made: Made) -> None:
    serve, sign_in = made.next()
    say("\nNow start it, and in another terminal sign in:\n")
    say(f"  {serve}\n  {sign_in}", "bold")
    if code := made.link():
        say(f"  {code}", "bold")
    say("\nThen ask for something harmless, as an agent would:\n")
    say(f"  {made.ask()}")


def _tell(kind: str, text: str) -> None:
    style = {"link": "bold cyan", "done": "green", "bad": "red"}.get(kind, "")
    say(f"\n  {text}\n" if kind == "link" else text, style)
    if kind == "link" and (hint := safari(text)):
        say(f"{hint}\n", "dim")


@app.command("serve", rich_help_panel=RUN)
def serve_command(
    config: ConfigPath = CONFIG,
    no_migrate: Annotated[
        bool, typer.Option("--no-migrate", help="Refuse to start instead of changing tables.")
    ] = False,
) -> None:
    """Run the service until Ctrl-C."""
    from approvals.app import log, serve

    log.setup(console=sys.stderr.isatty())

    def started(house: House, on: Base) -> None:
        log.started(house.url, on)

    _run(serve.serve(config, migrate=not no_migrate, started=started))


@app.command(rich_help_panel=RUN)
def demo(
    tap: Annotated[
        Choice | None, typer.Option(help="Decide without a person, as a browser would, and exit.")
    ] = None,
    port: Annotated[int, typer.Option(help="The inbox's port; 0: any free one.")] = 8080,
) -> None:
    """The whole job on this machine: an agent asks, you decide, the verdict verifies."""
    from approvals.app import log
    from approvals.cli import demo as story

    log.setup(console=True, quiet=True)
    _run(story.tell(out, tap=tap, port=port))


@app.command(rich_help_panel=RUN)
def check(
    config: ConfigPath = CONFIG,
    file_only: Annotated[
        bool, typer.Option("--file-only", help="Skip keys and database: for use before deploying.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Explain every fault of the configuration, with its line and how to mend it."""
    from approvals.app import channels, serve
    from approvals.config import faults

    try:
        also = serve.written if file_only else serve.around
        found = faults(config, os.environ, sections=channels.SECTIONS, also=also)
    except OSError as error:
        raise Stop(Exit.CONFIG, f"{config}: {error.strerror}.") from error
    if as_json:
        print_json([asdict(fault) for fault in found])
    else:
        for fault in found:
            say(str(fault), to=err)
        if not found:
            loaded = serve.configuration(config)
            for why in (*loaded.off.values(), *loaded.hints):
                say(f"· {why}")
            say(f"✓ {config} is sound: {counted(len(loaded.policy.rules), 'rule')}.")
    if found:
        raise typer.Exit(Exit.CONFIG)


@app.command(rich_help_panel=RUN)
def preview(
    request: Annotated[
        Path, typer.Argument(help="A request as JSON; - reads stdin.", metavar="REQUEST.json")
    ],
    channel: Annotated[
        list[str] | None, typer.Option(help="A channel; several are allowed. all: every one.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The configuration file; none: all packs.")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="The kind of requester.")] = None,
    risk: Annotated[Risk | None, typer.Option(help="Preview it at this risk.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page for each into DIR.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write a picture of each into DIR.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show every channel's card for a request, and send it to nobody."""
    from approvals.cli import preview as previews

    loaded = None
    if config is not None:
        from approvals.app import serve

        loaded = serve.configuration(config)
    names = [name for name in channel or [] if name != "all"]
    how = previews.setting(loaded, names, risk)
    found = previews.preview(_read(request), how, kind, clock())
    if as_json:
        print_json({"channels": {one.channel: one.plain() for one in found}})
        return
    written = previews.write(found, html, png)
    for path in written:
        say(str(path))
    for one in () if written else found:
        previews.show(out, one)


@app.command(rich_help_panel=RUN)
def doctor(
    channel: Annotated[str | None, _channel("Ask this channel only.")] = None,
    card_to: Annotated[
        str | None, typer.Option(metavar="PERSON", help="Send this person a test card there.")
    ] = None,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Look at the whole installation, part by part, and say what to do next."""
    worst = _examine(config, channel, card_to, as_json=as_json)
    if worst:
        raise typer.Exit(worst)


def _examine(config: Path, channel: str | None, card_to: str | None, *, as_json: bool) -> int:
    """Print each finding as soon as it is there. Returns the first fault's exit code, or 0."""
    from approvals.cli import doctor as checks

    found: list[checks.Line] = []

    async def look() -> None:
        async for line in checks.examine(config, channel, card_to):
            found.append(line)
            if not as_json:
                say(str(line))

    _run(look())
    if as_json:
        print_json([line.as_json() for line in found])
    return next((line.code for line in found if line.state is checks.State.BAD), 0)


@app.command(rich_help_panel=PEOPLE)
def setup(
    channel: Annotated[str, _channel("The channel to set up.")],
    url: Annotated[
        str | None, typer.Option(help="Our public URL; default: server.public_url.")
    ] = None,
    outbound: Annotated[
        bool, typer.Option("--outbound", help="We have no public URL: we open the connection.")
    ] = False,
    app_id: Annotated[
        UUID | None, typer.Option(help="The bot's App ID, where the channel's app is a package.")
    ] = None,
    provider: Annotated[
        str, typer.Option(help="The provider, where the channel's page names several.")
    ] = "",
    card_to: Annotated[
        str | None, typer.Option(metavar="PERSON", help="Then send this person a test card.")
    ] = None,
    folder_out: Annotated[
        Path | None, typer.Option("--out", help="Write the platform's files into this folder.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Change the platform's settings without asking.")
    ] = False,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Explain how to set up a channel: what to do there, what to paste, what to write here."""
    from approvals.cli import setup as guides
    from approvals.port.setup import Wishes

    held, known = guides.address(config)
    wishes = Wishes(app_id, provider)
    outbound = outbound or (url is None and guides.outbound(held, channel))
    made = guides.guide(channel, (url or known or "").rstrip("/"), outbound=outbound, wishes=wishes)
    if made.missing and not as_json:
        say(f"! {made.missing}\n", to=err)
    if folder_out is not None:
        try:
            folder_out.mkdir(parents=True, exist_ok=True)
            for name, content in made.files.items():
                (folder_out / name).write_bytes(content)
        except OSError as error:
            raise Stop(Exit.FAILED, f"{error.filename}: {error.strerror}.") from error
    if as_json:
        print_json(made.as_json())
    else:
        _print_guide(made, folder_out)
    told = None if url else guides.order(held, made)
    if told is not None and (yes or not as_json):
        asked = f"Tell {told.channel} to {told.what}?"
        if yes or (sys.stdin.isatty() and typer.confirm(asked)):
            _run(guides.give(told))
            say(f"✓ {told.channel} {told.done}.", to=err)
        else:
            say(f"· {told.channel} was told nothing: --yes does it.", to=err)
    if as_json or url:  # an address that is only tried out says nothing of what is
        return
    if held is not None and channel in held.channels:
        say("How it is now:", "dim")
        _examine(config, channel, card_to, as_json=False)
    else:
        say(f"Once that is there: countersign check, and countersign doctor {channel}.", "dim")


def _print_guide(made: Guide, folder_out: Path | None) -> None:
    for number, step in enumerate(made.steps, 1):
        say(f"{number}. {step}")
    for name, content in made.files.items():
        if folder_out is not None:
            say(f"\n✓ {folder_out / name}", "green")
        elif name.endswith(".json"):
            say(f"\n{name}:", "dim")
            say(content.decode())
        else:
            say(f"\n--out DIR writes {name}.", "dim")
    if made.events_url:
        say("\nWhere the platform delivers:", "dim")
        say(f"  {made.events_url}", "bold")
    say("\nInto the configuration:", "dim")
    say(made.section)


@app.command("login-link", rich_help_panel=PEOPLE)
def login_link(
    person: Annotated[str, typer.Argument(help="Who signs in, as in `people:`.")],
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Print a link that signs a person in once, within ten minutes."""
    from approvals.app import serve
    from approvals.cli import links
    from approvals.web import credentials

    async def make() -> str:
        checked = serve.configuration(config)
        links.known(checked, person)
        async with serve.base(checked, migrate=False) as on:
            return await serve.login_link(on, person)

    link = _run(make())
    if as_json:
        print_json({"person": person, "link": link, "expires_in": credentials.LINK // 1000})
    else:
        say(link)
        if hint := safari(link):
            say(hint, "dim", to=err)


@app.command(rich_help_panel=PEOPLE)
def link(
    person: Annotated[str, typer.Argument(help="Whose account it is, as in `people:`.")],
    channel: Annotated[str, _channel("Where the account is.")],
    bot: Annotated[str, typer.Option(help="Our bot's name there, for a link that opens it.")] = "",
    to: Annotated[
        str, typer.Option(metavar="ADDRESS", help="E-mail: the mailbox that is sent a link.")
    ] = "",
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Print a code that links an account to a person once it is sent from there.

    On e-mail the mailbox is sent a link, which that person opens while signed in.
    """
    from approvals.cli import links

    made = _run(links.make(config, person, channel, bot, to))
    if as_json:
        print_json(made.as_json())
        return
    for line in made.words[:-1]:
        say(line)
    say(f"\n  {made.words[-1]}\n", "bold")
    if made.code is not None:
        say(f"Whoever sends it is {person}: give it to nobody else.", "dim")


@app.command("channels", rich_help_panel=PEOPLE)
def channels_command(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """List every channel: which are on, what each can do, its last card and its last error."""
    from approvals.cli import channels

    found, why = _run(channels.listed(config)) if config.exists() else (channels.rows(None), "")
    if why:
        say(f"! Last cards and errors are not known: {why}", to=err)
    if as_json:
        print_json([one.as_json() for one in found])
    else:
        out.print(channels.table(found))


@app.command("links", rich_help_panel=PEOPLE)
def links_command(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """List the linked accounts, how each was linked, and those that are left out."""
    from approvals.cli import links

    found = _run(links.listed(config))
    if as_json:
        print_json([links.as_json(one) for one in found])
    elif found:
        out.print(links.table(found))
    else:
        say("Nobody has an account on any channel.", "dim")


@app.command(rich_help_panel=PEOPLE)
def unlink(
    person: Annotated[str, typer.Argument(help="Whose account it was, as in `people:`.")],
    channel: Annotated[str, _channel("Where the account is.")],
    account: Annotated[
        str | None, typer.Argument(help="This one only; else all on the channel.")
    ] = None,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Unlink accounts that a code linked, at every copy of the service within a second."""
    from approvals.cli import links

    ended = _run(links.end(config, person, channel, account))
    if as_json:
        print_json({"person": person, "channel": channel, "accounts": ended})
        return
    for one in ended:
        say(f"✓ {clean(one)} on {channel} is no longer {person}'s.")


@app.command("list", rich_help_panel=DECIDE)
def list_command(
    status: Annotated[
        str, typer.Option(help="pending, approved, declined, expired, withdrawn or all.")
    ] = "pending",
    agent: Annotated[str | None, typer.Option(help="Only this agent's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 50,
    after: Annotated[str | None, typer.Option(help="Continue after this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the requests that you may see, the newest first. --status all: decided ones too."""
    from approvals.cli import remote

    wanted = None if status == "all" else status
    answer = remote.Remote(os.environ).get(
        "/v1/requests", status=wanted, agent=agent, limit=str(limit), after=after
    )
    if as_json:
        print_json(answer)
    elif answer["requests"]:
        out.print(remote.table(answer["requests"]))
        if answer["next"]:
            say(f"There are more: --after {answer['next']}", "dim")
    else:
        say("Nothing is waiting." if wanted == "pending" else "Nothing here.", "dim")


@app.command(rich_help_panel=DECIDE)
def watch(
    agent: Annotated[str | None, typer.Option(help="Only this agent's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print waiting, new and decided requests as it happens, until Ctrl-C."""
    import signal
    import threading

    from approvals.cli import remote

    ended = threading.Event()

    def end(*_: object) -> None:
        # Between two looks: an exception in the middle of one can be lost. A second Ctrl-C raises.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        ended.set()

    def pause(seconds: float) -> None:
        if ended.wait(seconds):
            raise KeyboardInterrupt

    service = remote.Remote(os.environ)
    signal.signal(signal.SIGINT, end)
    try:
        for news in remote.follow(service, agent, sleep=pause):
            if isinstance(news, Stop):
                say(str(news), "yellow", to=err)
            elif as_json:
                sys.stdout.write(json.dumps(news) + "\n")
                sys.stdout.flush()
            else:
                out.print(remote.line(news), soft_wrap=True)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


@app.command(rich_help_panel=DECIDE)
def show(request_id: RequestId, as_json: AsJson = False) -> None:
    """Show one request, whole."""
    from approvals.cli import remote

    case = remote.Remote(os.environ).get(f"/v1/requests/{request_id}")
    print_json(case) if as_json else remote.sheet(out, case)


@app.command(rich_help_panel=DECIDE)
def approve(
    request_id: RequestId,
    digest: Annotated[
        str | None, typer.Option(help="The digest you were shown. Default: it is shown now.")
    ] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Approve a request of low or medium risk. Above that, opens its page and exits with 4."""
    _decide(Choice.APPROVE, request_id, digest, reason, as_json)


@app.command(rich_help_panel=DECIDE)
def decline(
    request_id: RequestId,
    digest: Annotated[str | None, typer.Option(help="The digest you were shown.")] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Decline a request."""
    _decide(Choice.DECLINE, request_id, digest, reason, as_json)


def _decide(
    choice: Choice, request_id: str, digest: str | None, reason: str | None, as_json: bool
) -> None:
    from approvals.cli import remote

    service = remote.Remote(os.environ)
    case = service.get(f"/v1/requests/{request_id}")
    if choice is Choice.APPROVE and case["risk"] == "high" and case["status"] == "pending":
        page = case.get("review", "the inbox")
        _open_page(page)
        why = f"High risk is approved on its page, after a fresh sign-in: {page}"
        raise Stop(Exit.DENIED, why, safari(page))
    if digest is None:
        if not sys.stdin.isatty():
            raise Stop(Exit.FAILED, "Say what you decide on: --digest, as `show --json` prints it.")
        remote.sheet(err if as_json else out, case)
        if not typer.confirm(f"\n{choice.capitalize()} this?", err=as_json):
            raise Stop(Exit.FAILED, "Nothing was changed.")
        digest = case["digest"]
    body = {"choice": choice.value, "digest": digest, "reason": reason}
    after = service.post(f"/v1/requests/{request_id}/decision", body)
    print_json(after) if as_json else remote.sheet(out, after)


def _open_page(url: str) -> None:
    """Open it in the person's browser, if there is one; stderr names the page in any case."""
    screen = sys.platform in ("darwin", "win32") or {"DISPLAY", "WAYLAND_DISPLAY"} & {*os.environ}
    if sys.stdout.isatty() and screen and url.startswith(("http://", "https://")):
        typer.launch(url)


@app.command(rich_help_panel=EVIDENCE)
def verify(
    receipt: Annotated[Path, typer.Argument(help="A file with the receipt; - reads stdin.")],
    key: Annotated[Path, typer.Option(help="The public keys: a JWKS file.")],
    pin: Annotated[str | None, typer.Option(help="The thumbprint that the key must have.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a receipt, offline. An expired one is reported as expired and remains evidence."""
    trusted = _public_keys(key, pin)
    token = _read(receipt).strip()
    try:
        claims, expired = read_receipt(token, trusted, now=clock())
    except Refused as error:
        raise Stop(Exit.UNVERIFIED, f"✗ {error}") from error
    if as_json:
        print_json({"verified": True, "expired": expired, "claims": claims})
        return
    say("✓ The receipt is genuine.")
    if expired:
        say("· It has expired: it releases nothing any more.", "yellow")
    for name, value in claims.items():
        said = Text(f"{name:<9} ", "dim") + Text(json.dumps(value) if value else "–")
        out.print(said, soft_wrap=True)


@audit_app.command("export")
def audit_export(
    after: Annotated[
        int, typer.Option(min=0, max=2**53, help="Only entries above this number.")
    ] = 0,
    gzip: Annotated[bool, typer.Option("--gzip", help="Compressed.")] = False,
    config: ConfigPath = CONFIG,
    as_json: AlwaysJson = True,
) -> None:
    """Write the chain to stdout, one JSON object a line."""
    from approvals.cli import audit

    _run(audit.export(config, after=after, compressed=gzip))


@audit_app.command("checkpoint")
def audit_checkpoint(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Print the newest signed head of the chain, to be kept elsewhere for `audit verify`."""
    from approvals.app import serve

    async def newest() -> str:
        async with serve.base(serve.configuration(config), migrate=False) as on:
            signed = await on.store.checkpoint()
            if signed is None:
                raise Stop(Exit.FAILED, "There is none yet: `countersign serve` seals and signs.")
            return signed

    signed = _run(newest())
    if as_json:
        print_json({"checkpoint": signed})
    else:
        sys.stdout.write(signed + "\n")


@audit_app.command("verify")
def audit_verify(
    export: Annotated[
        Path | None,
        typer.Argument(
            help="An export, also gzipped, or a gateway's folder or record; - reads stdin. "
            "None: this installation."
        ),
    ] = None,
    other: Annotated[
        Path | None,
        typer.Option("--with", help="The other side: with a gateway's record, an export."),
    ] = None,
    key: Annotated[Path | None, typer.Option(help="A JWKS file, to check checkpoints.")] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A signed checkpoint that was kept elsewhere.")
    ] = None,
    head: Annotated[
        list[str] | None, typer.Option(help="A head that a receipt names (seq:hash).")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Check what follows: a signed checkpoint's file or a head."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A copy, which is only read; needs no configuration."),
    ] = None,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Name the first bad row of a chain that was altered, reordered or cut off.

    With a gateway's record and an export of its service: also what either side lacks.
    """
    from approvals.cli import audit, chains

    trusted = None if key is None else _public_keys(key, None)
    after = ROOT
    if start is not None:
        plain = re.fullmatch(r"[0-9]+:[0-9a-f]+", start)
        (after,) = [start] if plain else audit.checkpoint_heads([_read(Path(start))], trusted)
    known = [*audit.checkpoint_heads(map(_read, checkpoint or ()), trusted), *(head or ())]
    if export is not None and (other is not None or chains.is_gateways(export)):
        if start is not None or database is not None:
            why = "--from and --database are for the service's chain, not for a gateway's record."
            raise Stop(Exit.FAILED, why)
        _verify_records(export, other, known, as_json=as_json)
        return
    if other is not None:
        raise Stop(Exit.FAILED, "--with wants a gateway's record and an export of the service.")
    try:
        if export is not None:
            report, damage = audit.verify_export(export, after=after, heads=known)
        else:
            damage = ""
            where = audit.copy(database, trusted) if database else audit.installation(config)
            report = _run(audit.verify(where, after=after, heads=known))
    except OSError as error:
        raise Stop(Exit.FAILED, f"{export} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Stop(Exit.FAILED, f"{error}.") from error
    if report.bad is None and damage:
        raise Stop(Exit.UNVERIFIED, f"✗ After row {report.head.partition(':')[0]}: {damage}")
    if as_json:
        print_json(asdict(report))
    else:
        read = int(report.head.partition(":")[0]) - int(after.partition(":")[0])
        _say_all(chains.sentences(chains.Checked(report, read), None, ()))
    if report.bad is not None:
        raise typer.Exit(Exit.UNVERIFIED)


def _verify_records(export: Path, other: Path | None, heads: list[str], *, as_json: bool) -> None:
    """Verify a gateway's record, and print where it and its service's chain differ."""
    from approvals.cli import chains

    source = chains.source(export)
    said = chains.checked(source, heads)
    beside = chains.checked(chains.source(other), []) if other is not None else None
    apart = chains.apart(source, said, chains.source(other), beside) if other and beside else []
    if as_json:
        one = said.as_dict()
        print_json(one if beside is None else {**one, "with": beside.as_dict(), "apart": apart})
    else:
        _say_all(chains.sentences(said, beside, apart))
    if apart or any(it.report.bad is not None for it in (said, beside) if it is not None):
        raise typer.Exit(Exit.UNVERIFIED)


@app.command(rich_help_panel=RUN)
def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Copy the SQLite database into a new folder, even while the service runs."""
    from approvals.cli import backup as copies

    made = _run(copies.make(config, folder))
    if as_json:
        print_json(asdict(made))
        return
    say(f"✓ {made.folder}: {made.size:,} bytes, head {made.head}.")
    say("· The key folder is not in it: keep a copy of it elsewhere.")


@app.command(rich_help_panel=RUN)
def restore(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The backup's folder.")
    ] = None,
    reconcile: Annotated[
        bool, typer.Option("--reconcile", help="PostgreSQL: after its own tools restored it.")
    ] = False,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A signed checkpoint that was kept elsewhere.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Check a backup and put it in the place of the database. Stop the service first."""
    from approvals.cli import backup as copies

    if (folder is None) is not reconcile:
        raise typer.BadParameter("name a backup, or say --reconcile")
    if folder is None:
        _put_back(_run(copies.reconcile(config)), as_json)
        return
    looked = _run(copies.look(config, folder, map(_read, checkpoint or ())))
    to = err if as_json else out
    say(f"The backup of {looked.at} is sound; its chain ends at {looked.head}.", to=to)
    if looked.newest:
        lost = int(looked.newest.partition(":")[0]) - int(looked.head.partition(":")[0])
        later = counted(lost, "later entry is", "later entries are")
        say(f"! {later} known and not in it.", to=to)
    if not yes:
        if not sys.stdin.isatty():
            raise Stop(Exit.FAILED, "Nothing was changed: --yes puts it back.")
        if not typer.confirm("Put it back?", err=as_json):
            raise Stop(Exit.FAILED, "Nothing was changed.")
    _put_back(_run(copies.restore(config, folder, looked)), as_json)


def _put_back(done: Restored, as_json: bool) -> None:
    if as_json:
        print_json(asdict(done))
        return
    say("✓ Put back.")
    if done.kept:
        say(f"The file that was replaced is {done.kept}.")
    many = counted(done.withdrawn, "request that waited was", "requests that waited were")
    say(f"{many} withdrawn; cards are drawn again when the service runs.")
    links = "Accounts that were unlinked since the backup are linked again: `countersign links`."
    say(f"Everybody is signed out. {links}")


@erase_app.command("request")
def erase_request(
    request_id: RequestId, config: ConfigPath = CONFIG, as_json: AsJson = False
) -> None:
    """Erase what a closed request asked. Who decided it, and its receipt, stay."""
    from approvals.cli import erase

    many = _run(erase.request(config, request_id))
    if as_json:
        print_json({"request": request_id, "entries": many})
        return
    say(f"✓ Erased, with the text of {counted(many, 'audit entry', 'audit entries')}.")


@erase_app.command("person")
def erase_person(
    person: Annotated[str, typer.Argument(help="Who they were in `people:`; not in it any more.")],
    account: Annotated[
        list[str] | None,
        typer.Option(metavar="CHANNEL:ACCOUNT", help="An account that the file named."),
    ] = None,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Erase a person: accounts, sessions, votes, cards, and the audit entries that name them."""
    from approvals.cli import erase

    done = _run(erase.person(config, person, account or ()))
    if as_json:
        print_json(asdict(done))
        return
    entries = counted(done.entries, "audit entry lost its text", "audit entries lost their text")
    requests = counted(done.requests, "request no longer names", "requests no longer name")
    say(f"✓ {entries}; {requests} them.")
    if done.left:
        left = counted(done.left, "request still names", "requests still name")
        say(f"! {left} them: open, or decided within the last hour. Run it again later.")


@outbox_app.command("list")
def outbox_list(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """List the messages that are no longer being delivered, newest first."""
    from approvals.cli import parked

    found = _run(parked.listed(config, limit))
    if as_json:
        print_json([parked.as_json(one) for one in found])
    elif found:
        out.print(parked.table(found))
    else:
        say("Nothing is parked.", "dim")


@outbox_app.command("resend")
def outbox_resend(
    job: Annotated[
        int | None, typer.Argument(help="Its number in `outbox list`.", metavar="ID")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are parked.")] = False,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Try again to deliver one of these messages, or --all."""
    from approvals.cli import parked

    if (job is None) is not every:
        raise typer.BadParameter("say either a number or --all")
    sent = _run(parked.resent(config, job))
    if as_json:
        print_json({"resent": sent})
    else:
        said = f"✓ {len(sent)} due again: the service sends within a second." if sent else "None."
        say(said, "green" if sent else "dim")


@keys_app.command("new")
def keys_new(
    directory: Annotated[Path, typer.Option("--dir", help="The key folder.")] = Path("keys"),
    as_json: AsJson = False,
) -> None:
    """Make a key folder: one button key and the receipt key."""
    made = gateway.sound(lambda: folder.new(directory, now=clock(), random=random))
    pin = made.receipt.thumbprint
    if as_json:
        print_json({"dir": str(directory), "active": made.ring.active, "thumbprint": pin})
        return
    say(f"✓ Keys are in {directory}, readable by you alone.")
    say("  A gateway pins the receipt key by its thumbprint:")
    say(f"  {pin}", "bold")


@keys_app.command("rotate")
def keys_rotate(
    directory: Annotated[Path, typer.Option("--dir", help="The key folder.")] = Path("keys"),
    revoke: Annotated[
        str | None, typer.Option(help="Forget this button key at once: it was compromised.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Two steps. First: add a button key that verifies. Again, once it is everywhere: it signs."""
    said, after = gateway.sound(partial(_rotated, directory, revoke))
    if as_json:
        kids = list(after.ring.keys)
        print_json({"active": after.ring.active, "keys": kids, "waiting": after.waiting})
    else:
        say(f"✓ {said}")


def _rotated(directory: Path, revoke: str | None) -> tuple[str, folder.Keys]:
    """One step of a rotation, in words, and the keys after it."""
    if revoke is not None:
        folder.revoke(directory, revoke)
        said = f"The key {revoke} is forgotten: what it signed is worth nothing within a second."
    elif (waiting := folder.load(directory).waiting) is None:
        kid = folder.add(directory, now=clock(), random=random)
        said = (
            f"The key {kid} is added and verifies within a second. Copy the folder to every "
            "replica, then run this again to let it sign."
        )
    else:
        folder.activate(directory, waiting)
        said = f"The key {waiting} signs from now on. The older ones still verify."
    return said, folder.load(directory)


@keys_app.command("public")
def keys_public(
    directory: Annotated[Path, typer.Option("--dir", help="The key folder.")] = Path("keys"),
    as_json: AlwaysJson = True,
) -> None:
    """Print the public receipt key as a JWKS, for `verify` and for gateways."""
    held = gateway.sound(lambda: folder.load(directory))
    print_json({"keys": [held.receipt.jwk()]})


@rules_app.command("test")
def rules_test(
    request: Annotated[Path, typer.Argument(help="A request as JSON; - reads stdin.")],
    config: GatewayPath = GATEWAY,
    as_json: AsJson = False,
) -> None:
    """Say what the rules do with a request, and why each earlier rule did not match."""
    from approvals.cli import rules

    book = rules.load(config)
    given = _read(request)
    said = rules.answer(book, rules.outbound(given))
    if as_json:
        print_json(said)
        return
    for step in said["tried"]:
        sign = {True: "✓", False: "·", None: "?"}[step["matched"]]
        why = f": {clean(step['why'])}" if step["why"] else ""
        say(f"{sign} {step['rule']}{why}", "dim")
    colour = {"allow": "green", "ask": "yellow", "deny": "red"}[said["verb"]]
    say(f"{said['verb']}: {clean(said['why'])}", colour)
    for name in ("title", "action", "risk"):
        if said[name] and said["verb"] != "allow":
            out.print(Text(f"  {name:<7}", "dim") + Text(said[name]), soft_wrap=True)
    for fact in said["facts"]:
        say(f"  {fact['label']}: {clean(fact['value'])}")


@rules_app.command("lint")
def rules_lint(
    config: GatewayPath = GATEWAY,
    service: Annotated[
        Path | None, typer.Option(help="The service's file: can somebody say yes to every ask?")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find rules that do not parse, never match, allow too much, or ask where nobody can answer."""
    from approvals.app import serve
    from approvals.cli import rules

    checked = rules.read(config)
    beside = serve.configuration(service) if service is not None else None
    found = [] if checked.faults else rules.findings(checked.rules, beside)
    if as_json:
        faults = [asdict(fault) for fault in checked.faults]
        print_json({"faults": faults, "findings": [asdict(one) for one in found]})
    else:
        for fault in checked.faults:
            say(str(fault), to=err)
        for one in found:
            where = f"the rule `{one.rule}`: " if one.rule else ""
            say(f"{config}: {where}{one.why}", to=err)
        if not checked.faults and not found:
            sound = f"✓ {config} is sound: {counted(len(checked.rules.rules), 'rule')}."
            say(sound, "green")
    if checked.faults or found:
        raise typer.Exit(Exit.CONFIG if checked.faults else Exit.FAILED)


@app.command(rich_help_panel=EVIDENCE)
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    print_json({"version": __version__}) if as_json else out.print(__version__)


for _made, _name, _panel in (
    (keys_app, "keys", EVIDENCE),
    (audit_app, "audit", EVIDENCE),
    (erase_app, "erase", EVIDENCE),
    (outbox_app, "outbox", EVIDENCE),
    (gateway.app, "gateway", HOLD),
    (secret.app, "secret", HOLD),
    (rules_app, "rules", HOLD),
):
    app.add_typer(_made, name=_name, rich_help_panel=_panel)


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that has no ✓ gets \\u2713, not an error
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="countersign")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        code, said = failures.explained(error, os.environ)
        say(said, "red", to=err)
        sys.exit(code)


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _public_keys(path: Path, pin: str | None) -> list[Mapping[str, str]]:
    try:
        listed = [key for key in json.loads(_read(path))["keys"] if key.get("crv") == "Ed25519"]
        found = [key for key in listed if thumbprint(key) == (pin or thumbprint(key))]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Stop(Exit.FAILED, f"{path} is not a JWKS.") from error
    if not found:
        which = f"key with the thumbprint {pin}" if pin else "Ed25519 key"
        raise Stop(Exit.UNVERIFIED, f"✗ {path} holds no {which}.")
    return found


def _read(path: Path) -> str:
    """The text of a file, or of standard input for `-`."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text()
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise Stop(Exit.FAILED, f"{path}: there is no such file.") from error
        raise Stop(Exit.FAILED, f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Stop(Exit.FAILED, f"{path} cannot be read: it is not text.") from error


def _say_all(lines: Iterable[str]) -> None:
    for line in lines:
        say(line, to=err if line.startswith("✗") else out)
