"""Every command. What goes wrong is said in words on stderr, with an exit code of `exits`.

The rooms of a running service are imported by the commands that need them: the others, which ask a
service over HTTP or read a file, start in half the time.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable, Coroutine, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from approvals import __version__
from approvals.app import keys as folder
from approvals.app.exits import Exit, Stop
from approvals.app.host import clock, random
from approvals.cli import failures, gateway, remote, secret
from approvals.cli.output import counted, safari
from approvals.cli.output import print_json as _print_json
from approvals.evidence import ROOT, read_receipt, thumbprint
from approvals.marked import wording
from approvals.model import Choice, Kind, Refused, Risk
from approvals.text import clean

if TYPE_CHECKING:
    from approvals.app.compose import House
    from approvals.app.serve import Base
    from approvals.cli.backup import Restored
    from approvals.cli.first import Answers, Made

T = TypeVar("T")
CONFIG = Path("countersign.yaml")
GATEWAY = Path("gateway.yaml")


class _Commands(TyperGroup):
    """Says in our words what pydantic, which reads values for typer, finds wrong with one."""

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
    help="What was asked, or a person, before its time; the audit chain stays verifiable.",
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
AlwaysJson = Annotated[bool, typer.Option("--json", help="It is JSON in any case.")]
GatewayPath = Annotated[Path, typer.Option("--config", "-c", help="The gateway's file.")]
RequestId = Annotated[str, typer.Argument(help="The request's id, req_…", metavar="ID")]
Reason = Annotated[str | None, typer.Option(help="Told to the agent.")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


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
    email: Annotated[str, typer.Option(help="Your mailbox, by which channels find you.")] = "",
    channel: Annotated[
        str, typer.Option(metavar="CHANNEL", help="Where you are asked: web, or a channel.")
    ] = "",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Where the inbox listens.")] = 8080,
    start: Annotated[
        bool | None,
        typer.Option("--start/--no-start", help="Start the service and ask for something."),
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
        out.print(Text("Three questions, and you have an installation.", "bold"))
    answers = _answers(talk, name=name, email=email, channel=channel, port=first.port(port))
    made = first.write(config, answers, os.environ)
    if as_json:
        _print_json(made.as_json())
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
    """What was given on the command line, or is said now."""
    from approvals.cli import first

    def ask(question: str, given: str, usual: str, wrong: Callable[[str], str]) -> str:
        while True:
            said = given or (typer.prompt(question, default=usual) if talk else usual)
            said = said.strip()
            if not (why := wrong(said)):
                return said
            if given or not talk:
                raise Stop(Exit.FAILED, why, "" if given else "Give it with --name.")
            err.print(Text(why, "yellow"), soft_wrap=True)

    user = first.user()
    name = ask("Your name, as cards and receipts show it", name, user, first.named)
    email = ask("Your mailbox (empty: none)", email, "", first.mailbox)
    where = f"Where do you want to be asked? ({', '.join((first.WEB, *first.CHANNELS))})"
    channel = ask(where, channel, first.WEB, first.channel)
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
            err.print(Text("This does not look like one.", "yellow"))
    return first.Answers(name, email, channel, port, secrets)


def _print_made(made: Made) -> None:
    for path in made.created:
        out.print(Text(f"✓ {path}", "green"), soft_wrap=True)
    for path in made.kept:
        out.print(Text(f"· {path} was there, and is used.", "dim"), soft_wrap=True)
    for fault in made.faults:
        err.print(Text(str(fault)), soft_wrap=True)
    for hint in made.hints:
        out.print(Text(f"· {hint}", "dim"), soft_wrap=True)
    if not made.faults:
        out.print(Text(f"✓ {made.config} is sound.", "green"), soft_wrap=True)


def _print_next(made: Made) -> None:
    serve, sign_in = made.next()
    out.print(Text("\nNow start it, and in another terminal sign in:\n"))
    out.print(Text(f"  {serve}\n  {sign_in}", "bold"), soft_wrap=True)
    if code := made.link():
        out.print(Text(f"  {code}", "bold"), soft_wrap=True)
    out.print(Text("\nThen ask for something harmless, as an agent would:\n"))
    out.print(Text(f"  {made.ask()}"), soft_wrap=True)


def _tell(kind: str, text: str) -> None:
    style = {"link": "bold cyan", "done": "green", "bad": "red"}.get(kind, "")
    out.print(Text(f"\n  {text}\n" if kind == "link" else text, style), soft_wrap=True)
    if kind == "link" and (hint := safari(text)):
        out.print(Text(f"{hint}\n", "dim"), soft_wrap=True)


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
        Choice | None, typer.Option(help="Decide by itself, as a browser would, and end.")
    ] = None,
    port: Annotated[int, typer.Option(help="Where the inbox listens; 0: any free port.")] = 8080,
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
        bool, typer.Option("--file-only", help="Without keys and database, as before deploying.")
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
        _print_json([_as_dict(fault) for fault in found])
    else:
        for fault in found:
            err.print(Text(str(fault)), soft_wrap=True)
        if not found:
            loaded = serve.configuration(config)
            for why in (*loaded.off.values(), *loaded.hints):
                out.print(Text(f"· {why}", "dim"), soft_wrap=True)
            sound = f"✓ {config} is sound: {counted(len(loaded.policy.rules), 'rule')}."
            out.print(Text(sound, "green"), soft_wrap=True)
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
    kind: Annotated[Kind | None, typer.Option(help="What the requester is.")] = None,
    risk: Annotated[Risk | None, typer.Option(help="Look at it at this risk.")] = None,
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
        _print_json({"channels": {one.channel: one.plain() for one in found}})
        return
    written = previews.write(found, html, png)
    for path in written:
        out.print(Text(str(path)), soft_wrap=True)
    for one in () if written else found:
        previews.show(out, one)


@app.command(rich_help_panel=RUN)
def doctor(
    channel: Annotated[
        str | None,
        _channel("Ask this channel only."),
    ] = None,
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
    """Print what is found, as soon as it is; the exit code that the first fault has, or 0."""
    from approvals.cli import doctor as checks

    found: list[checks.Line] = []

    async def look() -> None:
        async for line in checks.examine(config, channel, card_to):
            found.append(line)
            if not as_json:
                out.print(Text(str(line), line.state.style), soft_wrap=True)

    _run(look())
    if as_json:
        _print_json([line.as_json() for line in found])
    return next((line.code for line in found if line.state is checks.State.BAD), 0)


@app.command(rich_help_panel=PEOPLE)
def setup(
    channel: Annotated[str, _channel("What is set up.")],
    url: Annotated[
        str | None, typer.Option(help="Our address; else server.public_url of the file.")
    ] = None,
    outbound: Annotated[
        bool, typer.Option("--outbound", help="Nothing reaches us: we open the connection.")
    ] = False,
    app_id: Annotated[
        UUID | None, typer.Option(help="The bot's App ID, where the channel's app is a package.")
    ] = None,
    provider: Annotated[
        str, typer.Option(help="Through whom, where the channel's page names several.")
    ] = "",
    card_to: Annotated[
        str | None, typer.Option(metavar="PERSON", help="In the end, send them a test card.")
    ] = None,
    folder_out: Annotated[
        Path | None, typer.Option("--out", help="Write what the platform wants into this folder.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Tell the platform without asking.")] = False,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Say how a channel is set up: what to do there, what to paste, what to write here."""
    from approvals.cli import setup as guides
    from approvals.port.setup import Wishes

    held, known = guides.address(config)
    wishes = Wishes(app_id, provider)
    outbound = outbound or (url is None and guides.outbound(held, channel))
    made = guides.guide(channel, (url or known or "").rstrip("/"), outbound=outbound, wishes=wishes)
    if made.missing and not as_json:
        err.print(Text(f"! {made.missing}\n", "yellow"), soft_wrap=True)
    if folder_out is not None:
        try:
            folder_out.mkdir(parents=True, exist_ok=True)
            for name, content in made.files.items():
                (folder_out / name).write_bytes(content)
        except OSError as error:
            raise Stop(Exit.FAILED, f"{error.filename}: {error.strerror}.") from error
    if as_json:
        _print_json(made.as_json())
    else:
        _print_guide(made.steps, made.files, folder_out, made.section, made.events_url)
    told = None if url else guides.order(held, made)
    if told is not None and (yes or not as_json):
        asked = f"Tell {told.channel} to {told.what}?"
        if yes or (sys.stdin.isatty() and typer.confirm(asked)):
            _run(guides.give(told))
            err.print(Text(f"✓ {told.channel} {told.done}.", "green"), soft_wrap=True)
        else:
            nothing = f"· {told.channel} was told nothing: --yes does it."
            err.print(Text(nothing, "dim"), soft_wrap=True)
    if as_json or url:  # an address that is only tried out says nothing of what is
        return
    if held is not None and channel in held.channels:
        out.print(Text("How it is now:", "dim"))
        _examine(config, channel, card_to, as_json=False)
    else:
        again = f"Once that is there: countersign check, and countersign doctor {channel}."
        out.print(Text(again, "dim"), soft_wrap=True)


def _print_guide(
    steps: tuple[str, ...],
    files: Mapping[str, bytes],
    folder_out: Path | None,
    section: str,
    events: str | None,
) -> None:
    for number, step in enumerate(steps, 1):
        out.print(Text(f"{number}. {step}"), soft_wrap=True)
    for name, content in files.items():
        if folder_out is not None:
            out.print(Text(f"\n✓ {folder_out / name}", "green"), soft_wrap=True)
        elif name.endswith(".json"):
            out.print(Text(f"\n{name}:", "dim"))
            out.print(Text(content.decode()), soft_wrap=True)
        else:
            out.print(Text(f"\n--out DIR writes {name}.", "dim"), soft_wrap=True)
    if events:
        out.print(Text("\nWhere the platform delivers:", "dim"))
        out.print(Text(f"  {events}", "bold"), soft_wrap=True)
    out.print(Text("\nInto the configuration:", "dim"))
    out.print(Text(section), soft_wrap=True)


@app.command("login-link", rich_help_panel=PEOPLE)
def login_link(
    person: Annotated[str, typer.Argument(help="Who signs in, as in `people:`.")],
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Print a link that signs a person in once, within ten minutes."""
    from approvals.app import serve
    from approvals.web import credentials

    async def make() -> str:
        checked = serve.configuration(config)
        if checked.directory().person(person) is None:
            known = ", ".join(sorted(p.id for p in checked.people))
            raise Stop(Exit.FAILED, f"There is no person {person!r} in {config}. Known: {known}.")
        async with serve.base(checked, migrate=False) as on:
            return await serve.login_link(on, person)

    link = _run(make())
    if as_json:
        _print_json({"person": person, "link": link, "expires_in": credentials.LINK // 1000})
    else:
        out.print(Text(link), soft_wrap=True)
        if hint := safari(link):
            err.print(Text(hint, "dim"), soft_wrap=True)


@app.command(rich_help_panel=PEOPLE)
def link(
    person: Annotated[str, typer.Argument(help="Whose account it is, as in `people:`.")],
    channel: Annotated[
        str,
        _channel("Where the account is."),
    ],
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
        _print_json(made.as_json())
        return
    for line in made.words[:-1]:
        out.print(Text(line), soft_wrap=True)
    out.print(Text(f"\n  {made.words[-1]}\n", "bold"), soft_wrap=True)
    if made.code is not None:
        only = f"Whoever sends it is {person}: give it to nobody else."
        out.print(Text(only, "dim"), soft_wrap=True)


@app.command("channels", rich_help_panel=PEOPLE)
def channels_command(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """List every channel: which are on, what each can do, its last card and its last error."""
    from approvals.cli import channels

    found, why = _run(channels.listed(config)) if config.exists() else (channels.rows(None), "")
    if why:
        err.print(Text(f"! Last cards and errors are not known: {why}", "yellow"), soft_wrap=True)
    if as_json:
        _print_json([one.as_json() for one in found])
    else:
        out.print(channels.table(found))


@app.command("links", rich_help_panel=PEOPLE)
def links_command(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """List whose accounts are whose, how that is known, and what is left out."""
    from approvals.cli import links

    found = _run(links.listed(config))
    if as_json:
        _print_json([links.as_json(one) for one in found])
    elif found:
        out.print(links.table(found))
    else:
        out.print(Text("Nobody has an account on any channel.", "dim"))


@app.command(rich_help_panel=PEOPLE)
def unlink(
    person: Annotated[str, typer.Argument(help="Whose account it was, as in `people:`.")],
    channel: Annotated[
        str,
        _channel("Where the account is."),
    ],
    account: Annotated[
        str | None, typer.Argument(help="This one only; else all on the channel.")
    ] = None,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """End what a code linked, at every copy of the service within a second."""
    from approvals.cli import links

    ended = _run(links.end(config, person, channel, account))
    if as_json:
        _print_json({"person": person, "channel": channel, "accounts": ended})
        return
    for one in ended:
        gone = f"✓ {clean(one)} on {channel} is {person}'s no more."
        out.print(Text(gone, "green"), soft_wrap=True)


@app.command("list", rich_help_panel=DECIDE)
def list_command(
    status: Annotated[
        str, typer.Option(help="pending, approved, declined, expired, withdrawn or all.")
    ] = "pending",
    agent: Annotated[str | None, typer.Option(help="Only this agent's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 50,
    after: Annotated[str | None, typer.Option(help="Go on below this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the requests that you may see, the newest first. --status all: decided ones too."""
    wanted = None if status == "all" else status
    answer = remote.Remote(os.environ).get(
        "/v1/requests", status=wanted, agent=agent, limit=str(limit), after=after
    )
    if as_json:
        _print_json(answer)
    elif answer["requests"]:
        out.print(remote.table(answer["requests"]))
        if answer["next"]:
            out.print(Text(f"There are more: --after {answer['next']}", "dim"))
    else:
        out.print(Text("Nothing is waiting." if wanted == "pending" else "Nothing here.", "dim"))


@app.command(rich_help_panel=DECIDE)
def watch(
    agent: Annotated[str | None, typer.Option(help="Only this agent's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what waits, what comes and what is decided, as it happens, until Ctrl-C."""
    import signal
    import threading

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
                err.print(Text(str(news), "yellow"), soft_wrap=True)
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
    case = remote.Remote(os.environ).get(f"/v1/requests/{request_id}")
    _print_json(case) if as_json else remote.sheet(out, case)


@app.command(rich_help_panel=DECIDE)
def approve(
    request_id: RequestId,
    digest: Annotated[
        str | None, typer.Option(help="Of what you were shown; else it is shown and asked.")
    ] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Approve a request of low or medium risk. Above that, opens its page and exits with 4."""
    _decide(Choice.APPROVE, request_id, digest, reason, as_json)


@app.command(rich_help_panel=DECIDE)
def decline(
    request_id: RequestId,
    digest: Annotated[str | None, typer.Option(help="Of what you were shown.")] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Decline a request."""
    _decide(Choice.DECLINE, request_id, digest, reason, as_json)


def _decide(
    choice: Choice, request_id: str, digest: str | None, reason: str | None, as_json: bool
) -> None:
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
    _print_json(after) if as_json else remote.sheet(out, after)


def _open_page(url: str) -> None:
    """In the person's browser, where there is one; the words on stderr name it in any case."""
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
        _print_json({"verified": True, "expired": expired, "claims": claims})
        return
    out.print(Text("✓ The receipt is genuine.", "green"))
    if expired:
        out.print(Text("· It has expired: it releases nothing any more.", "yellow"))
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
        _print_json({"checkpoint": signed})
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
        typer.Option(metavar="URL", help="A copy, only read; the configuration is not needed."),
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
        _print_json(_as_dict(report))
    elif report.bad is None:
        read = int(report.head.partition(":")[0]) - int(after.partition(":")[0])
        said = f"✓ The chain is intact: {counted(read, 'entry', 'entries')}, head {report.head}."
        out.print(Text(said, "green"), soft_wrap=True)
        if report.erased:
            many = counted(report.erased, "entry was", "entries were")
            erased = f"· {many} erased; the links still verify."
            out.print(Text(erased, "dim"), soft_wrap=True)
    else:
        err.print(Text(f"✗ Row {report.bad}: {report.why}", "red"), soft_wrap=True)
    if report.bad is not None:
        raise typer.Exit(Exit.UNVERIFIED)


def _verify_records(export: Path, other: Path | None, heads: list[str], *, as_json: bool) -> None:
    """A gateway's record, and what it and its service tell differently."""
    from approvals.cli import chains

    source = chains.source(export)
    said = chains.checked(source, heads)
    beside = chains.checked(chains.source(other), []) if other is not None else None
    apart = chains.apart(source, said, chains.source(other), beside) if other and beside else []
    if as_json:
        one = said.as_dict()
        _print_json(one if beside is None else {**one, "with": beside.as_dict(), "apart": apart})
    else:
        for text, style in chains.sentences(said, beside, apart):
            (err if style == "red" else out).print(Text(text, style), soft_wrap=True)
    if apart or any(it.report.bad is not None for it in (said, beside) if it is not None):
        raise typer.Exit(Exit.UNVERIFIED)


@app.command(rich_help_panel=RUN)
def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Copy the SQLite database into a new folder, also while the service runs."""
    from approvals.cli import backup as copies

    made = _run(copies.make(config, folder))
    if as_json:
        _print_json(_as_dict(made))
        return
    said = f"✓ {made.folder}: {made.size:,} bytes, head {made.head}."
    out.print(Text(said, "green"), soft_wrap=True)
    out.print(Text("· The key folder is not in it: keep a copy of it elsewhere.", "dim"))


@app.command(rich_help_panel=RUN)
def restore(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="As `backup` made it.")
    ] = None,
    reconcile: Annotated[
        bool, typer.Option("--reconcile", help="PostgreSQL: its own tools put it back just now.")
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
    say = err if as_json else out
    sound = f"The backup of {looked.at} is sound; its chain ends at {looked.head}."
    say.print(sound, soft_wrap=True)
    if looked.newest:
        lost = int(looked.newest.partition(":")[0]) - int(looked.head.partition(":")[0])
        said = f"! {counted(lost, 'later entry is', 'later entries are')} known and not in it."
        say.print(Text(said, "yellow"))
    if not yes:
        if not sys.stdin.isatty():
            raise Stop(Exit.FAILED, "Nothing was changed: --yes puts it back.")
        if not typer.confirm("Put it back?", err=as_json):
            raise Stop(Exit.FAILED, "Nothing was changed.")
    _put_back(_run(copies.restore(config, folder, looked)), as_json)


def _put_back(done: Restored, as_json: bool) -> None:
    if as_json:
        _print_json(_as_dict(done))
        return
    out.print(Text("✓ Put back.", "green"))
    if done.kept:
        out.print(f"The file that was replaced is {done.kept}.", soft_wrap=True)
    many = counted(done.withdrawn, "request that waited was", "requests that waited were")
    out.print(f"{many} withdrawn; cards are drawn again when the service runs.", soft_wrap=True)
    links = "Accounts that were unlinked since the backup are linked again: `countersign links`."
    out.print(f"Everybody is signed out. {links}", soft_wrap=True)


@erase_app.command("request")
def erase_request(
    request_id: RequestId, config: ConfigPath = CONFIG, as_json: AsJson = False
) -> None:
    """Erase what a closed request asked. Who decided it, and its receipt, stay."""
    from approvals.cli import erase

    many = _run(erase.request(config, request_id))
    if as_json:
        _print_json({"request": request_id, "entries": many})
        return
    said = f"✓ Erased, with the text of {counted(many, 'audit entry', 'audit entries')}."
    out.print(Text(said, "green"))


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
        _print_json(_as_dict(done))
        return
    entries = counted(done.entries, "audit entry lost its text", "audit entries lost their text")
    requests = counted(done.requests, "request no longer names", "requests no longer name")
    out.print(Text(f"✓ {entries}; {requests} them.", "green"), soft_wrap=True)
    if done.left:
        left = counted(done.left, "request still names", "requests still name")
        said = f"! {left} them: open, or decided within the last hour. Run it again later."
        out.print(Text(said, "yellow"), soft_wrap=True)


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
        _print_json([parked.as_json(one) for one in found])
    elif found:
        out.print(parked.table(found))
    else:
        out.print(Text("Nothing is parked.", "dim"))


@outbox_app.command("resend")
def outbox_resend(
    job: Annotated[
        int | None, typer.Argument(help="Its number, as `outbox list` says it.", metavar="ID")
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
        _print_json({"resent": sent})
    else:
        said = f"✓ {len(sent)} due again: the service sends within a second." if sent else "None."
        out.print(Text(said, "green" if sent else "dim"), soft_wrap=True)


@keys_app.command("new")
def keys_new(
    directory: Annotated[Path, typer.Option("--dir", help="The key folder.")] = Path("keys"),
    as_json: AsJson = False,
) -> None:
    """Make a key folder: one button key and the receipt key."""
    made = _keys(lambda: folder.new(directory, now=clock(), random=random))
    pin = made.receipt.thumbprint
    if as_json:
        _print_json({"dir": str(directory), "active": made.ring.active, "thumbprint": pin})
        return
    out.print(Text(f"✓ Keys are in {directory}, readable by you alone.", "green"), soft_wrap=True)
    out.print(Text("  A gateway pins the receipt key by its thumbprint:"))
    out.print(Text(f"  {pin}", "bold"))


@keys_app.command("rotate")
def keys_rotate(
    directory: Annotated[Path, typer.Option("--dir", help="The key folder.")] = Path("keys"),
    revoke: Annotated[
        str | None, typer.Option(help="Forget this button key at once: it was compromised.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Two steps. First: add a button key that verifies. Again, once it is everywhere: it signs."""
    if revoke is not None:
        gone = revoke
        _keys(lambda: folder.revoke(directory, gone))
        said = f"The key {gone} is forgotten: what it signed is worth nothing within a second."
    elif (waiting := _keys(lambda: folder.load(directory)).waiting) is None:
        kid = _keys(lambda: folder.add(directory, now=clock(), random=random))
        said = (
            f"The key {kid} is added and verifies within a second. Copy the folder to every "
            "replica, then run this again to let it sign."
        )
    else:
        _keys(lambda: folder.activate(directory, waiting))
        said = f"The key {waiting} signs from now on. The older ones still verify."
    after = _keys(lambda: folder.load(directory))
    if as_json:
        kids = list(after.ring.keys)
        _print_json({"active": after.ring.active, "keys": kids, "waiting": after.waiting})
    else:
        out.print(Text(f"✓ {said}", "green"), soft_wrap=True)


@keys_app.command("public")
def keys_public(
    directory: Annotated[Path, typer.Option("--dir", help="The key folder.")] = Path("keys"),
    as_json: AlwaysJson = True,
) -> None:
    """Print the public receipt key as a JWKS, for `verify` and for gateways."""
    held = _keys(lambda: folder.load(directory))
    _print_json({"keys": [held.receipt.jwk()]})


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
        _print_json(said)
        return
    for step in said["tried"]:
        sign = {True: "✓", False: "·", None: "?"}[step["matched"]]
        why = f": {clean(step['why'])}" if step["why"] else ""
        out.print(Text(f"{sign} {step['rule']}{why}", "dim"), soft_wrap=True)
    colour = {"allow": "green", "ask": "yellow", "deny": "red"}[said["verb"]]
    out.print(Text(f"{said['verb']}: {clean(said['why'])}", colour), soft_wrap=True)
    for name in ("title", "action", "risk"):
        if said[name] and said["verb"] != "allow":
            out.print(Text(f"  {name:<7}", "dim") + Text(said[name]), soft_wrap=True)
    for fact in said["facts"]:
        out.print(Text(f"  {fact['label']}: {clean(fact['value'])}"), soft_wrap=True)


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
        faults = [_as_dict(fault) for fault in checked.faults]
        _print_json({"faults": faults, "findings": [_as_dict(one) for one in found]})
    else:
        for fault in checked.faults:
            err.print(Text(str(fault)), soft_wrap=True)
        for one in found:
            where = f"the rule `{one.rule}`: " if one.rule else ""
            err.print(Text(f"{config}: {where}{one.why}"), soft_wrap=True)
        if not checked.faults and not found:
            sound = f"✓ {config} is sound: {counted(len(checked.rules.rules), 'rule')}."
            out.print(Text(sound, "green"), soft_wrap=True)
    if checked.faults or found:
        raise typer.Exit(Exit.CONFIG if checked.faults else Exit.FAILED)


@app.command(rich_help_panel=EVIDENCE)
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    _print_json({"version": __version__}) if as_json else out.print(__version__)


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
        err.print(Text(said, "red"), soft_wrap=True)
        sys.exit(code)


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _keys(act: Any) -> Any:
    try:
        return act()
    except folder.KeyFault as error:
        raise Stop(Exit.CONFIG, error.message, error.cure) from error
    except OSError as error:
        raise Stop(Exit.CONFIG, f"{error.filename}: {error.strerror}.") from error


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
    """A file's text, or standard input's for `-`."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text()
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise Stop(Exit.FAILED, f"{path}: there is no such file.") from error
        raise Stop(Exit.FAILED, f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Stop(Exit.FAILED, f"{path} cannot be read: it is not text.") from error


def _as_dict(value: Any) -> dict[str, Any]:
    names = type(value).__slots__
    return {name: str(v) if isinstance(v := getattr(value, name), Path) else v for name in names}
