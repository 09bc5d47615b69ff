"""`countersign setup CHANNEL`: what to do on the platform, what to paste there, what to write here.

It needs no account anywhere and reads the configuration only for our address. The steps come from
the channel's own folder. Where the platform's API can do a step, it is called once the person
agrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

import aiohttp

from approvals.app import channels, serve
from approvals.app.exits import Exit, Stop
from approvals.config import Config
from approvals.port.setup import Guide, Order, Section, Wishes

OURS: Final = "<server.public_url>"
"""Stands for our address where it is not known; `check` rejects it."""
PATIENCE: Final = 20.0


def guide(channel: str, url: str | None, *, outbound: bool, wishes: Wishes) -> Guide:
    """How this channel is set up. `Stop` for an unknown one.

    `url`: our address, if it is known. `outbound`: none that the platform could reach.
    """
    if channel not in channels.SECTIONS:
        known = ", ".join(channels.SECTIONS)
        raise Stop(Exit.FAILED, f"There is no channel {channel!r}. Known: {known}.")
    events = None if outbound else f"{url or OURS}/channels/{channel}/events"
    try:
        made = channels.folder(channel).setup().guide(events, wishes)
    except ValueError as error:
        raise Stop(Exit.FAILED, str(error)) from None
    if url or made.events_url is None:
        return made
    mode = channels.SECTIONS[channel].outbound
    other = f", or choose --outbound (mode: {mode})" if mode else ""
    missing = (
        f"server.public_url is missing: {channel} has to know where to deliver. Write it into the "
        f"configuration, give it with --url https://…{other}."
    )
    # A file with a wrong address in it would be pasted all the same.
    files = {} if made.addressed else made.files
    steps = (
        "Set the address first, then run this again: it goes into what you paste.",
        *made.steps,
    )
    return replace(made, events_url=None, steps=steps, files=files, missing=missing)


def outbound(config: Config | None, channel: str) -> bool:
    """Is the channel configured so that we open the connection?"""
    section: Any = config.channels.get(channel) if config else None
    return section is not None and getattr(section, "mode", None) == section.outbound


def address(path: Path) -> tuple[Config | None, str | None]:
    """The configuration, if there is a sound one, and our address by it."""
    if not path.exists():
        return None, None
    config = serve.configuration(path)
    return config, config.public_url


def order(config: Config | None, made: Guide) -> Order | None:
    """The part of this guide that the platform's API can do, if all it needs is configured."""
    if config is None or made.channel not in config.channels:
        return None
    section = cast(Section, config.channels[made.channel])
    url = made.events_url if config.public_url else None
    return channels.folder(made.channel).order(section, url)


async def give(one: Order) -> None:
    """Tell the platform every part, even where it refuses one: else an old setting could stand in
    the way of the rest. Raises `Stop` with the platform's own words."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with aiohttp.ClientSession(timeout=timeout, headers=one.headers) as http:
            refusals = [await _give(one, http, body) for body in (one.body, *one.also)]
    except (aiohttp.ClientError, OSError, ValueError, AttributeError, TimeoutError) as error:
        # The address may hold a token: it must not be in the error.
        why = f"{one.channel} does not answer: {type(error).__name__}."
        raise Stop(Exit.UNREACHABLE, why) from None
    if why := "; ".join(dict.fromkeys(filter(None, refusals))):
        raise Stop(Exit.FAILED, f"{one.channel} refuses: {why}")


async def _give(one: Order, http: aiohttp.ClientSession, body: Mapping[str, Any]) -> str:
    """Why the platform refuses this part; "": it took it."""
    async with http.post(one.url, json=body, allow_redirects=False) as answer:
        said = await answer.json(content_type=None)
        # Some answer `ok`, some `success`, others with what they made.
        done = said.get("ok") is True or said.get("result") == "success" or "id" in said
        if done and answer.status < 300:
            return ""
        return str(said.get("description") or said.get("message") or answer.status)
