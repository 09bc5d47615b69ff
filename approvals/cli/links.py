"""`countersign link`, `links` and `unlink`: accounts of people, by a code that they send, or that a
mailbox is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table
from rich.text import Text

from approvals import linking
from approvals.app import channels, serve
from approvals.app.exits import Exit, Stop
from approvals.app.host import clock, random
from approvals.audit import COMMAND_LINE
from approvals.config import Config
from approvals.evidence import rfc3339
from approvals.linking import Shown
from approvals.model import Busy, Refused
from approvals.port import Channel, Invites, Talks
from approvals.text import clean


@dataclass(frozen=True, slots=True)
class Made:
    """A new code, which is shown only this once, and what to do with it. `code` None: it was sent
    to the account, and nobody else sees it."""

    person: str
    channel: str
    code: str | None = field(repr=False)
    words: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        named = {"person": self.person, "channel": self.channel, "code": self.code}
        return {**named, "expires_in": linking.LIFETIME // 1000, "words": list(self.words)}


async def make(path: Path, person: str, channel: str, bot: str, to: str) -> Made:
    """A code for this person on this channel. `to`: the account that it is sent to, on a channel
    where nobody can write to us. Raises `Stop`: there is no such person or channel."""
    config = serve.configuration(path)
    known(config, person)
    if channel not in config.channels:
        others = ", ".join(sorted(config.channels)) or "none"
        raise Stop(Exit.FAILED, config.off.get(channel) or f"{channel} is not on. On: {others}.")
    one = channels.made({channel: config.channels[channel]}, config.templates)[channel]
    try:
        if isinstance(one, Invites):
            return await _invited(config, one, person, to)
        async with serve.base(config, migrate=False) as on:
            serve.recalls(one, channel, on)
            bot = await _reads(config, channel, one, bot, to)
            code = await linking.make_code(
                on.store, on.keys.ring, person, channel, by=COMMAND_LINE, now=clock(), random=random
            )
    finally:
        await one.close()
    return Made(person, channel, code, linking.words(channel, channels.linking(channel), code, bot))


async def _invited(config: Config, one: Channel, person: str, to: str) -> Made:
    """Send the code to the account alone: the person who made it does not see it."""
    assert isinstance(one, Invites)  # noqa: S101 - for the type checker
    if not to:
        why = f"On {one.name} the account is sent a link: say which, with --to ADDRESS."
        raise Stop(Exit.FAILED, why)
    try:
        account = (await one.open(to)).account or to
        async with serve.base(config, migrate=False) as on:
            accounts = await on.store.accounts(), await on.store.linked()
            people = linking.directory(config.directory, on.keys.ring, *accounts)
            owner = people.by_account(one.name, account)
            if owner is not None:
                raise Stop(Exit.FAILED, f"{clean(account)} is {owner.id}'s already.")
            code = await linking.make_code(
                on.store, on.keys.ring, person, one.name,
                by=COMMAND_LINE, now=clock(), random=random, account=account,
            )  # fmt: skip
            name = config.directory().names.get(person, person)
            await one.invite(account, name, COMMAND_LINE, f"{on.site.origin}/link/{code}")
    except Busy as error:
        raise Stop(Exit.UNREACHABLE, f"No mail was sent: {clean(str(error))}") from error
    except Refused as error:
        raise Stop(Exit.FAILED, f"No mail was sent: {clean(str(error))}") from error
    words = (
        f"{person} opens the link in it, signed in to the inbox, and presses the button there.",
        "It works once, for ten minutes.",
        f"A mail is on its way to {clean(account)}.",
    )
    return Made(person, one.name, None, words)


async def listed(path: Path) -> list[Shown]:
    """Every account that is linked to a person, or was to be."""
    config = serve.configuration(path)
    async with serve.base(config, migrate=False) as on:
        accounts, linked, ring = await on.store.accounts(), await on.store.linked(), on.keys.ring
    people = linking.directory(config.directory, ring, accounts, linked)
    return linking.shown(people, ring, accounts, linked)


async def end(path: Path, person: str, channel: str, account: str | None) -> list[str]:
    """Unlink, and return the accounts. Raises `Stop` where there is none, and says where else the
    person may have one from."""
    config = serve.configuration(path)
    async with serve.base(config, migrate=False) as on:
        ended = await linking.unlink(
            on.store, person, channel, account, by=COMMAND_LINE, now=clock(), random=random
        )
    if ended:
        return ended
    why = f"No account of {person} on {channel} was linked by a code."
    listed = config.directory().person(person)
    if listed is not None and channel in listed.accounts:
        why += f" What {path} says of it under `people` ends there."
    raise Stop(Exit.FAILED, f"{why} `countersign links` lists what is.")


def as_json(one: Shown) -> dict[str, str | None]:
    """A row for programs."""
    since = None if one.since is None else rfc3339(one.since)
    named = {"person": one.person, "channel": one.channel, "account": one.account, "how": one.how}
    return {**named, "since": since, "fault": one.fault or None}


def table(found: list[Shown]) -> Table:
    """Rows for a person."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("person", "channel", "account", "how", "since"):
        made.add_column(name, overflow="fold")
    for one in found:
        how = Text(one.how) + (Text(f"\n✗ {clean(one.fault)}", "red") if one.fault else Text())
        since = "" if one.since is None else rfc3339(one.since)[:10]
        made.add_row(*map(clean, (one.person, one.channel, one.account)), how, since)
    return made


def known(config: Config, person: str) -> None:
    """Raises `Stop`: there is no such person."""
    if config.directory().person(person) is None:
        ids = ", ".join(sorted(one.id for one in config.people))
        raise Stop(Exit.FAILED, f"There is no person {person!r} in {config.path}. Known: {ids}.")


async def _reads(config: Config, name: str, one: Channel, bot: str, to: str) -> str:
    """What our bot is called there, or "". `Stop`: nobody there would read the code."""
    if to:
        why = f"On {name} a code is sent from the account: --to is for e-mail only."
        raise Stop(Exit.FAILED, why)
    if isinstance(one, Talks):
        return await linking.bot(one, bot or channels.bots(config.channels).get(name, ""))
    other = f"`people.NAME.{name}: <the account's id>`"
    if one.abilities.open_by_email:
        other = f"`people.NAME.email`, by which {name} finds them, or {other}"
    raise Stop(Exit.FAILED, f"On {name} no code can be sent. In {config.path}: {other}.")
