"""The audit chain at any size: exported and checked a part at a time, never held whole."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import IO, Final, TypeAlias, cast

from approvals.app import database, serve
from approvals.app.exits import Exit, Stop
from approvals.audit import COMMAND_LINE, Kind
from approvals.evidence import Chain, ChainReport, Checkpoint, read_checkpoint
from approvals.model import Refused
from approvals.store import Store

GZIP: Final = b"\x1f\x8b"
"""Begins every gzip file: https://www.rfc-editor.org/rfc/rfc1952#page-6"""
_LEVEL: Final = 6


async def export(config: Path, *, after: int, compressed: bool) -> None:
    """Write the chain above `after` to stdout. The reading is an entry of it."""
    async with serve.base(serve.configuration(config), migrate=False) as on:
        await serve.note(on, Kind.AUDIT_READ, by=COMMAND_LINE, after=after)
        lines = ("".join(f"{row.line()}\n" for row in page) async for page in on.store.chain(after))
        if not compressed:
            async for some in lines:
                sys.stdout.write(some)
            return
        # No time of ours in it: the same rows make the same file.
        with gzip.GzipFile("", "wb", _LEVEL, sys.stdout.buffer, mtime=0) as packed:
            async for some in lines:
                packed.write(some.encode())


def checkpoint_heads(
    checkpoints: Iterable[str], trusted: Iterable[Mapping[str, str]] | None
) -> list[str]:
    """The heads that signed checkpoints name. Raises `Stop`: one is not genuine, or no key is
    trusted."""
    found = []
    for signed in checkpoints:
        if trusted is None:
            raise Stop(Exit.FAILED, "A checkpoint needs --key, the public keys to trust.")
        found.append(genuine(signed, trusted).head)
    return found


def genuine(signed: str, trusted: Iterable[Mapping[str, str]], cure: str = "") -> Checkpoint:
    """A signed checkpoint, read. Raises `Stop`, with this cure, where it is not genuine."""
    try:
        return read_checkpoint(signed.strip(), trusted)
    except Refused as error:
        raise Stop(Exit.UNVERIFIED, f"✗ checkpoint: {error}", cure) from error


def verify_export(export: Path, *, after: str, heads: Iterable[str]) -> tuple[ChainReport, str]:
    """Check an export until its end or its first bad row, and how the file is damaged, if it is.

    Raises `OSError`, and `ValueError` for a head that is none.
    """
    chain, damage = Chain(heads=heads, after=after), ""
    with sys.stdin.buffer if str(export) == "-" else export.open("rb") as raw:
        packed = cast("BufferedReader", raw).peek(2)[:2] == GZIP
        plain = cast("IO[bytes]", gzip.GzipFile(fileobj=raw) if packed else raw)
        # What is no UTF-8 is no row of ours, and is found to be none.
        lines = TextIOWrapper(plain, "utf-8", "surrogateescape", newline="\n")
        try:
            for line in lines:
                if (row := line.rstrip("\r\n")) and not row.isspace() and not chain.line(row):
                    break
        except EOFError:
            damage = "the compressed file is cut off."
        except (zlib.error, gzip.BadGzipFile) as error:
            damage = f"the compressed file is damaged ({error})."
    return chain.report(), damage


Chained: TypeAlias = tuple[Store, Iterable[Mapping[str, str]] | None]
"""A store, and the receipt keys that its checkpoints are checked with; None: they are not."""


@asynccontextmanager
async def installation(config: Path) -> AsyncIterator[Chained]:
    """This installation's own store and key."""
    async with serve.base(serve.configuration(config), migrate=False) as on:
        yield on.store, [on.keys.receipt.jwk()]


@asynccontextmanager
async def copy(url: str, trusted: Iterable[Mapping[str, str]] | None) -> AsyncIterator[Chained]:
    """A copy of a database, opened for reading only."""
    store = await database.connect(url, migrate=False, read_only=True)
    try:
        yield store, trusted
    finally:
        await store.close()


async def verify(
    where: AbstractAsyncContextManager[Chained], *, after: str, heads: Iterable[str]
) -> ChainReport:
    """Check a stored chain above the head `after`. `ValueError`: a head is none.

    The newest stored checkpoint must be in it. It is signed, so older ones add nothing.
    """
    async with where as (store, trusted):
        newest = await store.checkpoint() if trusted is not None else None
        stored = checkpoint_heads([newest] if newest else [], trusted)
        chain = Chain(heads=[*heads, *stored], after=after)
        async for page in store.chain(int(after.partition(":")[0])):
            if not all(chain.row(row.seq, row.entry, row.commitment, row.link) for row in page):
                break
        return chain.report()
