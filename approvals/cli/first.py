"""`countersign init`: from an empty folder to an installation that starts, and its first request.

It writes into one folder: the configuration, the keys, the key of a first requester, the tokens
that were typed in, each a file that only its owner may read, and a `.gitignore` that keeps all of
it out of commits. The configuration is written last and never over another: where something went
wrong before, the same command goes on from what is there.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from approvals.app import channels, keys, serve
from approvals.app.exits import Exit, Stop
from approvals.app.host import clock, random
from approvals.config import MIN_KEY, PREFIX, faults
from approvals.marked import Fault
from approvals.port import reason
from approvals.port.setup import Section, Wanted

NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_. @-]{0,63}"
"""What a person or requester is called, as the configuration takes it."""
EMAIL: Final = r"[^@\s]+@[^@\s]+"
AGENT: Final = "bot"
WEB: Final = "web"
OURS: Final = {name: channels.SECTIONS[name] for name in channels.CHANNELS}
CHANNELS: Final[Mapping[str, type[Section]]] = {
    name: section
    for name, section in sorted(OURS.items(), key=lambda one: len(one[1].wanted))
    if section.wanted
}
"""The channels that work from behind any router, those that ask for the least (`wanted`) first.
The others need an https address of one's own first, so `countersign setup` comes before them."""
LATER: Final = tuple(sorted({*OURS} - {*CHANNELS}))


@dataclass(frozen=True, slots=True)
class Answers:
    """The person's answers. `given`: values of the channel's `Wanted`, by key, as far as typed."""

    name: str
    email: str
    channel: str
    port: int
    given: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Made:
    """The installation. `created`: the files that are new; `kept`: those that were there."""

    config: Path
    answers: Answers
    created: tuple[Path, ...]
    kept: tuple[Path, ...]
    faults: tuple[Fault, ...]
    hints: tuple[str, ...]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.answers.port}"

    def next(self) -> list[str]:
        """The commands that come now, in their order."""
        return [self._command("serve"), self._command("login-link", self.answers.name)]

    def link(self) -> str:
        """The command that links an account on the channel to this person; "" where none is needed:
        some channels find people by their mailbox."""
        channel = self.answers.channel
        if channel == WEB or (self.answers.email and CHANNELS[channel].by_email):
            return ""
        return self._command("link", self.answers.name, channel)

    def _command(self, *words: str) -> str:
        folder, file = str(self.config.parent), self.config.name
        here = f"cd {shlex.quote(folder)} && " if folder != "." else ""
        more = ["-c", file] if file != "countersign.yaml" else []
        return here + shlex.join(["countersign", *words, *more])

    def ask(self) -> str:
        """The command that asks for something harmless, as an agent would."""
        body = json.dumps(_first(self.answers.name))
        return (
            f'curl -s {self.url}/v1/requests -H "Authorization: Bearer $(cat {AGENT}.key)" '
            f"-H 'Content-Type: application/json' -d {shlex.quote(body)}"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "config": str(self.config),
            "created": [str(path) for path in self.created],
            "kept": [str(path) for path in self.kept],
            "person": self.answers.name,
            "channel": self.answers.channel,
            "url": self.url,
            "faults": [str(fault) for fault in self.faults],
            "next": [*self.next(), self.ask()],
        }


def wish(config: Path) -> None:
    """Raises `Stop` where there is an installation already: it is never written over."""
    if config.exists():
        raise Stop(
            Exit.CONFIG,
            f"{config} is there already, and nothing was changed.",
            "`countersign check` looks at it; --config names another file.",
        )
    if config.parent != Path() and config.parent.exists() and not config.parent.is_dir():
        raise Stop(Exit.FAILED, f"{config.parent} is not a folder.")


def user() -> str:
    """A name to suggest: that of this machine's user."""
    try:
        name = getpass.getuser().lower()
    except (OSError, KeyError):
        return ""
    return name if re.fullmatch(NAME, name) and name != "root" else ""


def named(text: str) -> str:
    """Why this cannot be a person's name; "" where it can."""
    if re.fullmatch(NAME, text):
        return ""
    return "A name has up to 64 letters, digits, blanks, _ . @ or -; a letter or digit comes first."


def mailbox(text: str) -> str:
    """Why this cannot be a mailbox; "" where it can, or where there is none."""
    if not text or re.fullmatch(EMAIL, text):
        return ""
    return "This is not an e-mail address."


def channel(text: str) -> str:
    """Why there is no such channel to begin with; "" where there is."""
    if text in (WEB, *CHANNELS):
        return ""
    if text in LATER:
        return (
            f"{text} needs an https address of your own: begin with {WEB}, and then "
            f"`countersign setup {text}` says how."
        )
    return f"There is no channel {text!r}. Known: {', '.join((WEB, *CHANNELS))}."


def write(config: Path, answers: Answers, environ: Mapping[str, str]) -> Made:
    """Write the installation's files. Raises `Stop` where one cannot be written."""
    folder = config.parent
    created: list[Path] = []
    kept: list[Path] = []

    def put(path: Path, content: str) -> None:
        keys.put(path, content, created, kept)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        keys.ignore(folder, created)
        if (folder / "keys" / keys.RING).exists():
            keys.load(folder / "keys")  # or its fault, before anything rests on it
            kept.append(folder / "keys")
        else:
            keys.new(folder / "keys", now=clock(), random=random)
            created.append(folder / "keys")
        own = folder / f"{AGENT}.key"
        if own.exists() and len(own.read_text().strip()) < MIN_KEY:
            raise Stop(Exit.CONFIG, f"{own} does not hold a requester's key.", "Move it away.")
        put(own, f"{PREFIX}{keys.token(32, random)}\n")
        for one in _wanted(answers.channel):
            if one.file and one.key in answers.given:
                put(folder / one.file, answers.given[one.key] + "\n")
        put(config, _configuration(answers))
    except UnicodeDecodeError as error:
        raise Stop(
            Exit.CONFIG, f"{AGENT}.key does not hold a requester's key.", "Move it away."
        ) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Stop(Exit.FAILED, f"{where}{error.strerror}.", "Nothing else was written.") from error
    found = faults(config, environ, sections=channels.SECTIONS, also=serve.around)
    hints: tuple[str, ...] = ()
    if not found:
        loaded = serve.configuration(config)
        hints = (*loaded.off.values(), *loaded.hints)
    return Made(config, answers, tuple(created), tuple(kept), tuple(found), hints)


def _wanted(name: str) -> tuple[Wanted, ...]:
    return CHANNELS[name].wanted if name in CHANNELS else ()


def _configuration(answers: Answers) -> str:
    """The file. Answers are quoted wherever YAML could read them as something else."""
    name = _text(answers.name)
    account = f"{{email: {_text(answers.email)}}}" if answers.email else "{}"
    lines = [
        "# Countersign. `countersign check` explains every fault; every key is described in",
        "# docs/configuration.md.",
        f"server:     {{listen: 127.0.0.1:{answers.port}}}",
        f"requesters: {{{AGENT}: {{key_file: {AGENT}.key, kind: agent, agents: [{AGENT}]}}}}",
        f"people:     {{{name}: {account}}}",
        f"groups:     {{default: [{name}]}}",
    ]
    if answers.channel in CHANNELS:
        section = CHANNELS[answers.channel]
        lines += ["channels:", f"  {answers.channel}:", f"    mode: {section.outbound}"]
        for one in section.wanted:
            if one.file and one.key in answers.given:
                lines.append(f"    {one.key}_file: {one.file}")
            elif one.variable:
                lines.append(f'    {one.key}: "${{{one.variable}}}"')
            elif one.key in answers.given:
                lines.append(f"    {one.key}: {json.dumps(answers.given[one.key])}")
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    plain = re.fullmatch(r"(?!(?:true|false|null)$)[A-Za-z][A-Za-z0-9_.@-]*", value)
    return value if plain else json.dumps(value, ensure_ascii=False)


def _first(person: str) -> dict[str, Any]:
    """A request without consequences, whatever is decided."""
    note = "Your first request. Nothing will be done, whatever you decide."
    asked = {"action": "countersign.hello", "agent": {"id": AGENT}}
    return {**asked, "payload": {"hello": person}, "note": note}


async def begin(made: Made, tell: Any) -> None:
    """Run the service until Ctrl-C; open a first request in it, and say what is decided.

    `tell(kind, text)`: prints what there is to say; of kind "link" it is an address.
    """
    asked: list[asyncio.Task[None]] = []

    def started(_: Any, on: serve.Base) -> None:
        asked.append(asyncio.ensure_future(_asked(made, on, tell)))

    try:
        await serve.serve(made.config, migrate=True, started=started)
    finally:
        for task in asked:
            task.cancel()
        for end in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(end, Stop):
                raise end


async def _asked(made: Made, on: serve.Base, tell: Any) -> None:
    name = made.answers.name
    key = (made.config.parent / f"{AGENT}.key").read_text().strip()
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with aiohttp.ClientSession(headers=headers) as http:
            url = f"{on.url}/v1/requests"
            async with http.post(url, json=_first(name)) as answer:
                case = await answer.json(content_type=None)
                if answer.status != 201:
                    raise Stop(Exit.FAILED, f"The first request was refused: {case['detail']}")
            link = await serve.login_link(on, name)
            tell("say", "A first request waits for you. This link signs you in, once:")
            tell("link", link)
            if code := made.link():
                tell("say", f"To be asked on {made.answers.channel}, in another terminal: {code}")
            tell("say", "Ctrl-C ends the service; `countersign serve` starts it again.")
            while case["status"] == "pending":
                async with http.get(f"{url}/{case['id']}?wait=60") as answer:
                    case = await answer.json(content_type=None)
    except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
        tell("bad", f"The first request could not be asked: {reason(error)}.")
        return
    tell("done", f"Your first request was {case['status']}. The signed receipt is ready:")
    tell(
        "say",
        f"  curl -s {on.url}/v1/requests/{case['id']}/receipt \\\n"
        f'    -H "Authorization: Bearer $(cat {AGENT}.key)"',
    )
