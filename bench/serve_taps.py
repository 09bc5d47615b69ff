"""Countersign as a peer of the bench: cases with posted Slack cards, then the service itself.

Everything is the product: the service opens the cases, the outbox lays the cards out and writes
their buttons down, and the taps come in by HTTP. Only what would go to Slack is short-circuited,
because Slack is not what is measured here. Made once a run, the database is copied for each round,
so that every round starts from the same state.

Besides what `peers` says, it reads BENCH_POSTGRES (the URL of a server; without it, SQLite),
BENCH_DECIDED (how many decided requests are there already), BENCH_CARRY (the outbox works; without
it, it is paused) and BENCH_SAMPLE (a file: where the processor's time went). SIGUSR1 turns the
service's clock on by 25 hours, so that everything that is open expires.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg

import approvals
from adapters.slack.adapter import Slack
from approvals.app import descriptors, keys
from approvals.app.channels import template as load
from approvals.app.compose import House, Plan, running
from approvals.app.host import settled, steady
from approvals.evidence import sign_checkpoint
from approvals.model import (
    Address,
    Agent,
    Ask,
    Http,
    Kind,
    MessageRef,
    Person,
    Requester,
    Risk,
)
from approvals.people import Directory
from approvals.policy import Policy
from approvals.port import Payload, Tap
from approvals.proposal import Proposal
from approvals.service import Trust
from approvals.store import Store
from approvals.web.site import Site
from bench import loading, taps
from bench.peers import database, prefix
from bench.sample import Sampler

GATEWAY = Requester("bench", Kind.GATEWAY)
KEY = "csr_bench"
HOUR = 3_600_000
PEOPLE = 97
ahead = 0
"""Milliseconds by which the service's clock is before this machine's."""


def clock() -> int:
    return time.time_ns() // 1_000_000 + ahead


class Posted(Slack):
    """The Slack adapter, whose posts are written down instead of sent."""

    sent: list[taps.Card] = []  # noqa: RUF012 - one list for the process

    async def open(self, account: str) -> Address:
        return Address("slack", "D" + account[1:], account)

    async def post(self, address: Address, payload: Payload, key: str) -> MessageRef:
        ts = f"{1_767_326_126 + len(self.sent)}.{len(self.sent) % 1_000_000:06}"
        blocks = [{"block_id": f"b{n}", **block} for n, block in enumerate(payload["blocks"])]
        message = {"type": "message", "user": taps.BOT, "ts": ts, "text": payload["text"]}
        buttons = [e for b in blocks if b["type"] == "actions" for e in b["elements"]]
        self.sent.append(
            taps.Card(
                token=next(b["value"] for b in buttons if b["text"]["text"] == "Approve"),
                channel=address.conversation,
                ts=ts,
                user=address.account or "",
                message={**message, "blocks": blocks},
                request=next(b["url"] for b in buttons if "url" in b).rpartition("/")[2],
            )
        )
        return MessageRef("slack", address.conversation, ts)

    async def redraw(self, ref: MessageRef, payload: Payload) -> MessageRef:
        """As if Slack had taken it."""
        return ref


def plan(folder: Path, secret: str, worker: str = "bench") -> Plan:
    """The service as it would be configured."""
    held = keys.load(folder / "keys")
    people = [Person(f"p{n}", accounts={"slack": f"U{n:08}"}) for n in range(PEOPLE)]
    groups = {f"g{n}": frozenset({f"p{n}"}) for n in range(PEOPLE)}
    slack = Posted(
        bot_token="xoxb-bench",
        render=load("slack"),
        signing_secret=secret,
        app_id=taps.APP,
        team_id=taps.TEAM,
    )
    ask = Ask("bench", (("g0", 1),), risk=Risk.MEDIUM, expires=24 * HOUR, policy="sha-256:bench")
    return Plan(
        trust=Trust(
            Policy((), groups, ask, "sha-256:bench"),
            Directory(people, groups),
            held.ring,
            channels={"slack": slack.abilities},
        ),
        directory=lambda links: Directory(people, groups, links),
        key=held.receipt,
        issuer="https://approve.example.com",
        site=Site.at("https://approve.example.com", ""),
        listen=("127.0.0.1", 0),
        requesters={hashlib.sha256(KEY.encode()).digest(): GATEWAY},
        channels={"slack": slack},
        worker=worker,
        metrics_open=True,
        opens_per_second=1e9,
        review_url=lambda case_id: f"https://approve.example.com/requests/{case_id}",
    )


def proposal(n: int) -> Proposal:
    """A payment like those of the other peers' cards: about 3 kB as a tap."""
    body = {
        "amount": n * 100 + 40,
        "currency": "eur",
        "destination": "ba_1Nv0FGQ9RKHgCVdK",
        "description": f"Invoice {n} of the supplier, due at the end of the month",
        "statement_descriptor": "EXAMPLE GMBH",
    }
    headers = (("content-type", "application/json"),)
    return Proposal(
        action="stripe.payouts.create",
        agent=Agent("billing-bot", "Billing bot"),
        title=f"Pay invoice {n}",
        http=Http(
            "POST",
            "https://api.stripe.com/v1/payouts",
            headers,
            json.dumps(body, indent=1).encode(),
        ),
        note="The supplier reminded us.",
    )


async def open_cases(house: House, base: Plan, start: int, end: int) -> None:
    """Open cases, for `PEOPLE` people in turn."""
    service, opens = house.service, []
    for n in range(start, end):
        group = f"g{n % PEOPLE}"
        ask = replace(base.trust.policy.default_ask, quorum=((group, 1),))
        policy = replace(base.trust.policy, default_ask=ask)
        service.trust = replace(service.trust, policy=policy)
        opens.append(asyncio.create_task(service.open(GATEWAY, proposal(n))))
        await asyncio.sleep(0)
    await asyncio.gather(*opens)


async def drain(house: House, lane: str) -> int:
    """Carry out all that is due in a lane; how much it was."""
    total = 0
    while done := await house.outbox.drain(lane):
        total += done
    return total


async def fill(house: House, count: int, base: Plan) -> None:
    """`count` open cases, each with a card on Slack."""
    for start in range(0, count, 500):
        await open_cases(house, base, start, min(start + 500, count))
        await drain(house, "slack")
        say(f"{min(start + 500, count):,} of {count:,} cards")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the environment asks for: `count` open cases beside `decided` others."""

    folder: Path
    secret: str
    count: int
    decided: int
    server: str | None

    @classmethod
    def read(cls) -> Wanted:
        given = os.environ
        return cls(
            Path(given["BENCH_STATE"]),
            given["BENCH_SIGNING_SECRET"],
            int(given["BENCH_TAPS"]),
            int(given.get("BENCH_DECIDED", "0")),
            given.get("BENCH_POSTGRES"),
        )

    @property
    def made(self) -> Path:
        """The folder of the prepared state: keys, cards, and the database on SQLite."""
        return self.folder / f"made-{self.count}-{self.decided}"

    @property
    def done(self) -> bool:
        """It is there already."""
        copied = self.made / "on-postgresql"
        return copied.exists() if self.server else (self.made / "cards").exists()


async def prepare(wanted: Wanted) -> None:
    """The state that every round starts from."""
    made, file = wanted.made, wanted.made / "made.db"
    if wanted.decided and not made.exists():
        empty = replace(wanted, decided=0)
        await prepare(empty)
        shutil.copytree(empty.made, made, ignore=lambda *_: ["cards", "on-postgresql", "round.db"])
        say(f"{wanted.decided:,} decided requests")
        async with _house(wanted, file) as (house, base):
            request = await decide_one(house, base, wanted.count)
        loading.multiply(file, request, wanted.decided)
        async with _house(wanted, file):
            pass  # seals
        shutil.copy(empty.made / "cards", made / "cards")
    elif not (made / "cards").exists():
        made.mkdir(parents=True)
        keys.new(made / "keys", now=clock(), random=os.urandom)
        async with _house(wanted, file) as (house, base):
            await fill(house, wanted.count, base)
        taps.write(made / "cards", Posted.sent)
    if wanted.server and not wanted.done:
        say("the same on PostgreSQL")
        name = f"{prefix(wanted.folder)}_{wanted.count}_{wanted.decided}"
        admin = await asyncpg.connect(wanted.server)
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.close()
        await loading.copy(file, database(wanted.server, name))
        (made / "on-postgresql").write_text(name)
    say("")


@asynccontextmanager
async def _house(wanted: Wanted, file: Path) -> AsyncIterator[tuple[House, Plan]]:
    """The service with its outbox paused; afterwards every audit entry is in the chain."""
    base = plan(wanted.made, wanted.secret)
    store = await Store.connect(f"sqlite:///{file}")
    async with running(
        base, store, clock=clock, random=os.urandom, steady=steady, carry=False
    ) as house:
        yield house, base
    while await store.seal(
        clock(), lambda head: sign_checkpoint(base.key, head, issuer=base.issuer)
    ):
        pass
    await store.close()


def pressed(card: taps.Card, event: str, echo: str | None) -> Tap:
    """The press on a card's Approve, as the adapter reads it."""
    return Tap(
        channel="slack",
        event=event,
        account=card.user,
        conversation=card.channel,
        message=card.ts,
        token=card.token,
        echo=echo,
    )


async def decide_one(house: House, base: Plan, number: int) -> str:
    """A request from its opening to its receipt; returns its id."""
    await open_cases(house, base, number, number + 1)
    await drain(house, "slack")
    card = Posted.sent[-1]
    echo = base.channels["slack"].echo(card.message)
    answer = await house.service.tap(pressed(card, f"{card.ts}:1:1", echo))
    assert answer.counted, answer
    await drain(house, "")
    await drain(house, "slack")
    return card.request


async def fresh(wanted: Wanted) -> str:
    """URL of a copy of the prepared database."""
    if wanted.server is None:
        copied = wanted.made / "round.db"
        for stale in wanted.made.glob("round.db*"):
            stale.unlink()
        shutil.copy(wanted.made / "made.db", copied)
        os.sync()  # or the first commits would wait until the copy is written
        return f"sqlite:///{copied}"
    name = (wanted.made / "on-postgresql").read_text()
    admin = await asyncpg.connect(wanted.server)
    await admin.execute(f"DROP DATABASE IF EXISTS {name}_round WITH (FORCE)")
    how = " STRATEGY FILE_COPY" if admin.get_server_version().major >= 15 else ""
    await admin.execute(f"CREATE DATABASE {name}_round TEMPLATE {name}{how}")
    await admin.execute("CHECKPOINT")
    await admin.close()
    return database(wanted.server, f"{name}_round")


def say(text: str) -> None:
    print(f"\r\x1b[K{text}", file=sys.stderr, end="", flush=True)


def turn_clock() -> None:
    global ahead  # noqa: PLW0603 - a signal has nowhere else to put it
    ahead += 25 * HOUR


async def main(wanted: Wanted) -> None:
    url = await fresh(wanted)
    shutil.copy(wanted.made / "cards", os.environ["BENCH_CARDS"])
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, turn_clock)
    carry = bool(os.environ.get("BENCH_CARRY"))
    # As `serve` does: thousands that wait need more descriptors than a process is given.
    made = replace(plan(wanted.made, wanted.secret), connections=descriptors.raised())
    store = await Store.connect(url)
    async with running(
        made, store, clock=clock, random=os.urandom, steady=steady, carry=carry
    ) as house:
        listening: dict[str, Any] = {"port": int(house.url.rpartition(":")[2])}
        listening.update(version=approvals.__version__, count="/metrics")
        listening["metric"] = 'countersign_taps_total{answer="counted",channel="slack"}'
        print(json.dumps(listening), flush=True)
        sampler = Sampler(os.environ.get("BENCH_SAMPLE"))
        sampler.start()
        with settled():
            await stop.wait()
        sampler.stop()
    await store.close()


if __name__ == "__main__":
    if not Wanted.read().done:
        # Preparing leaves memory behind that the service would not have: serve in a new process.
        asyncio.run(prepare(Wanted.read()))
        os.execv(sys.executable, [sys.executable, "-m", "bench.serve_taps"])
    asyncio.run(main(Wanted.read()))
