"""`countersign erase`: what was asked, or a person, on somebody's request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from approvals import retention
from approvals.app import serve
from approvals.app.exits import Exit, Stop
from approvals.app.host import clock, random
from approvals.audit import COMMAND_LINE
from approvals.model import Refused
from approvals.retention import Erased


async def request(path: Path, request_id: str) -> int:
    """Erase what it asked; of how many audit entries the text went. Raises `Stop`."""
    async with serve.base(serve.configuration(path), migrate=False) as on:
        await _seal(on)
        try:
            return await retention.erase_request(
                on.store, request_id, by=COMMAND_LINE, now=clock(), random=random
            )
        except Refused as error:
            raise Stop(Exit.FAILED, f"Not erased: {error}.") from error


async def person(path: Path, name: str, accounts: Sequence[str]) -> Erased:
    """Erase one who is in the configuration no longer. Raises `Stop`."""
    config = serve.configuration(path)
    known = [tuple(text.split(":", 1)) for text in accounts]
    if any(len(pair) != 2 or not all(pair) for pair in known):
        raise Stop(Exit.FAILED, "--account is written as channel:id.")
    if not (name and all(map(str.isprintable, (name, *accounts)))):
        said = "That is nobody's name or account: it is empty, or cannot be printed."
        raise Stop(Exit.FAILED, said, cure="Nothing was erased.")
    if any(one.id == name for one in config.people):
        raise Stop(
            Exit.FAILED,
            f"{name} is in {path}, and may decide.",
            cure="Take them out of `people:` and `groups:` first, and restart the service.",
        )
    async with serve.base(config, migrate=False) as on:
        await _seal(on)
        return await retention.erase_person(
            on.store, name, [(pair[0], pair[1]) for pair in known], by=COMMAND_LINE, now=clock(),
            random=random,
        )  # fmt: skip


async def _seal(on: serve.Base) -> None:
    """What is not in the chain yet cannot be erased from it."""
    while await on.store.seal(clock()):
        pass
