"""Cards a second by themselves, and the outbox by itself: posts, receipts, verdicts and redraws.

All on one core, in this process, without HTTP. The outbox's figures are durable: a post is a card
with its buttons, its intent and its message written down, each before the next. "A card on …" is
one of the vendors' own requests (tests/fixtures/requests), bound, built, laid out and hashed.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from approvals import cards, policy
from approvals.app import channels, keys
from approvals.app.compose import House, running
from approvals.app.host import steady
from approvals.model import Button
from approvals.port import Tap
from approvals.store import Store
from bench import serve_taps, taps
from bench.parts import Part, Rounds, Setting, number, turn_about
from bench.peers import POSTGRESQL, database, prefix
from bench.record import Sheet
from bench.serve_taps import Posted, clock, drain, pressed
from tests.harness.real_requests import NAMES, real

AT_ONCE = 64
"""Taps, and receipts, that are given to the service together."""


@dataclass(slots=True)
class Stopwatch:
    """Seconds by the clock and of this process's processor time."""

    clock: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add what the block takes."""
        began, used = time.perf_counter(), time.process_time()
        yield
        self.clock += time.perf_counter() - began
        self.cpu += time.process_time() - used


def measure(setting: Setting) -> Rounds:
    """Each of our databases in turn."""
    count, rounds = setting.sizes["cards"], Rounds()
    for round_ in range(setting.sizes["rounds"]):
        for name in turn_about(setting.ours(), round_):
            folder = setting.bed.folder / f"cards-{name}-{round_}"
            folder.mkdir()
            found = asyncio.run(_round(setting, name, folder, count))
            for what, (n, watch) in found.items():
                done = {
                    "peer": name,
                    "what": what,
                    "rate": n / watch.clock,
                    "cpu_us": watch.cpu / n * 1e6,
                    "bad": 0,
                }
                rounds.append(done)
                setting.console.print(
                    f"{round_ + 1}. {name:<24} {what:<24} {done['rate']:8,.0f} /s  "
                    f"{done['cpu_us']:6.0f} µs"
                )
    return rounds


async def _round(
    setting: Setting, name: str, folder: Path, count: int
) -> dict[str, tuple[int, Stopwatch]]:
    url = f"sqlite:///{folder / 'cards.db'}"
    if name == POSTGRESQL:
        assert setting.bed.postgres is not None
        made = f"{prefix(setting.bed.folder)}_{folder.name.replace('-', '_')}"
        admin = await asyncpg.connect(setting.bed.postgres)
        await admin.execute(f"CREATE DATABASE {made}")
        await admin.close()
        url = database(setting.bed.postgres, made)
    keys.new(folder / "keys", now=clock(), random=os.urandom)
    base = serve_taps.plan(folder, "s" * 32)
    Posted.sent.clear()
    store = await Store.connect(url)
    try:
        async with running(
            base, store, clock=clock, random=os.urandom, steady=steady, carry=False
        ) as house:
            await serve_taps.open_cases(house, base, 0, count)
            found = await _timed(house, base.channels["slack"], count)
    finally:
        await store.close()
    return found


async def _timed(house: House, slack: Any, count: int) -> dict[str, tuple[int, Stopwatch]]:
    found: dict[str, tuple[int, Stopwatch]] = {}

    async def timed(what: str, n: int, work: Callable[[], Awaitable[Any]]) -> None:
        watch = Stopwatch()
        with watch.running():
            await work()
        found[what] = (n, watch)

    await timed("cards posted", count, lambda: drain(house, "slack"))
    posted = [*Posted.sent]
    assert len(posted) == count, f"{len(posted)} of {count} cards were posted"
    found["cards built and laid out"] = (count, await _laid_out(house, slack, posted))
    for name, channel in channels.made(channels.samples(), {}).items():
        found[f"a card on {name}"] = _on(channel, count)
    half = count // 2

    async def receipts() -> None:
        for start in range(0, half, AT_ONCE):
            part = posted[start : min(start + AT_ONCE, half)]
            await house.service.conclude([card.request for card in part])

    await timed("taps, without HTTP", half, lambda: _tap(house, slack, posted[:half]))
    await timed("receipts signed", half, receipts)
    await drain(house, "")
    await drain(house, "slack")
    await _tap(house, slack, posted[half:])
    await timed("verdicts forwarded", count - half, lambda: drain(house, ""))
    await timed("cards redrawn", count - half, lambda: drain(house, "slack"))
    left = await house.store.counts()
    jobs = {kind for kind, _ in left.jobs} - {"lapse"}  # due when the receipts have run out
    assert (left.pending, left.parked, jobs) == (0, 0, set()), left
    return found


def _on(channel: Any, count: int) -> tuple[int, Stopwatch]:
    """So many cards of the vendors' requests, each in turn, on this channel."""
    watch, each = Stopwatch(), [real(name) for name in NAMES]
    for one in each:  # what is compiled once
        channel.layout(one.card(channel))
    with watch.running():
        for at in range(count):
            channel.echo(channel.layout(each[at % len(each)].card(channel)))
    return count, watch


async def _laid_out(house: House, slack: Any, posted: list[taps.Card]) -> Stopwatch:
    """As the outbox does it, but for reading the case and writing the card."""
    watch = Stopwatch()
    found = await house.store.cases([card.request for card in posted])
    for case in found.values():
        request = await house.store.content(case.id, case.revision)
        assert request is not None
        reading = await house.service.readings.request(request, house.service.trust.book)
        with watch.running():
            what = cards.bound(request, reading, salt=b"", opaque=case.ask.opaque)
            labels = cards.labels_for(
                case, request, reading, slack.abilities, slack.limits, what=what
            )
            tappable = [Button(label, "t" * 20) for label in labels]
            card = cards.build(
                case,
                request,
                reading,
                buttons=tappable,
                limits=slack.limits,
                needs=policy.needs(case.ask.quorum, case.votes),
                review=f"https://approve.example.com/requests/{case.id}",
                salt=b"",
                what=what,
            )
            slack.echo(slack.layout(card))
    return watch


async def _tap(house: House, slack: Any, posted: list[taps.Card]) -> None:
    for start in range(0, len(posted), AT_ONCE):
        answers = await asyncio.gather(
            *(house.service.tap(_pressed(slack, card)) for card in posted[start : start + AT_ONCE])
        )
        assert all(answer.counted for answer in answers), answers


def _pressed(slack: Any, card: taps.Card) -> Tap:
    return pressed(card, f"{card.ts}:1:1", slack.echo(card.message))


def sheet(record: Mapping[str, Any]) -> Sheet:
    """One row for each kind of work, the databases side by side."""
    medians = record["medians"]
    peers = list(dict.fromkeys(key.partition(" ")[0] for key in medians))
    kinds = list(dict.fromkeys(key.partition(" ")[2] for key in medians))
    rows = []
    for kind in kinds:
        figures = [medians[f"{peer} {kind}"] for peer in peers]
        cells = [(number(m["rate"]), number(m["cpu_us"])) for m in figures]
        rows.append((kind, *(cell for pair in cells for cell in pair)))
    heads = [(f"{peer}, a second", "CPU µs each") for peer in peers]
    s = record["sizes"]
    return Sheet(
        f"Cards and the outbox: medians of {s['rounds']} rounds of {s['cards']:,}",
        ("work", *(cell for pair in heads for cell in pair)),
        tuple(rows),
    )


PART = Part("cards a second, and the outbox by itself", measure, ("peer", "what"), sheet)
