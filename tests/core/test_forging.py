"""Laws 6 and 7 under siege: structured forgeries, of which not one is accepted.

The attacker here is the strongest that the laws know: whatever they make arrives as a tap with the
platform's valid signature. They hold every token ever issued, the bot token and the database (to
read, then to write), or the key without the database. Afterwards the genuine tap still counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from approvals import buttons
from approvals.evidence import read_receipt
from approvals.model import MINUTE, Address, Busy, Choice, Label, Malformed, Status, Vote
from approvals.policy import Page
from approvals.port import NoticeKind, Tap
from approvals.service import Answer
from approvals.store import Job, metadata
from approvals.web import credentials
from tests.harness.house import HANGS, Thief
from tests.harness.siege import (
    ACCOUNTS,
    PERSON,
    Clock,
    Issued,
    Siege,
    audiences_of,
    besieged,
    colleagues,
)
from tests.peers.slack import SlackPeer

HOUR: Final = 60 * MINUTE
MANY: Final = 20_000
"""Forgeries in the great siege, at least, and each of them another one."""


@pytest.fixture
async def slack() -> AsyncIterator[SlackPeer]:
    async with SlackPeer(users=colleagues()) as peer:
        yield peer


@pytest.fixture
async def siege(tmp_path: Path, sqlite_database: str, slack: SlackPeer) -> AsyncIterator[Siege]:
    async with besieged(tmp_path, sqlite_database, slack, clock=Clock()) as siege:
        yield siege


@pytest.fixture
async def open_city(tmp_path: Path, database: str, slack: SlackPeer) -> AsyncIterator[Siege]:
    """On each of the two databases; somebody else writes into them."""
    async with besieged(tmp_path, database, slack, clock=Clock()) as siege:
        yield siege


# Everything that was ever issued


def an_http_request(n: int) -> dict[str, Any]:
    return {
        "http": {
            "method": "POST",
            "url": f"https://api.stripe.com/v1/payouts?expand=balance&n={n}",
            "headers": {"content-type": "application/x-www-form-urlencoded"},
            "body": "YW1vdW50PTEyNDAwMDA=",
        }
    }


async def issue_everything(siege: Siege, scale: int) -> tuple[list[Issued], list[Issued]]:
    """Requests of every kind and fate: (buttons that are good now, buttons that are not any more).

    Buttons of another revision, of withdrawn, expired, decided and high-risk requests included.
    """
    for n in range(scale):
        await siege.open(f"one.{n}", **(an_http_request(n) if n % 3 == 0 else {}))
        await siege.open(f"two.{n}")
        await siege.open(f"room.{n}")
    await siege.open("high.1")
    revised = [await siege.open(f"one.revised.{n}") for n in range(2)]
    withdrawn = await siege.open("room.withdrawn")
    expired = await siege.open("one.expired", expires_in=60)
    decided = await siege.open("two.decided")
    await siege.settle()
    before = await siege.issued()
    for request in revised:
        body = {"action": "one.revised", "payload": {"another": "thing"}}
        assert (await siege.call("PUT", f"/v1/requests/{request['id']}", json=body))[0] == 200
    assert (await siege.call("DELETE", f"/v1/requests/{withdrawn['id']}"))[0] == 200
    mine = [b for b in before if b.request_id == decided["id"] and b.label == "Approve"]
    for number, button in enumerate(mine[:2]):
        (user,) = audiences_of(button)
        tap = siege.tap(button.press(user, number))
        assert (await siege.house.service.tap(tap)).counted
    assert isinstance(siege.clock, Clock)
    siege.clock.now += 61_000
    await siege.house.service.tick()
    await siege.settle()
    cases = await siege.house.store.cases([request["id"] for request in (expired, decided)])
    assert cases[expired["id"]].status is Status.EXPIRED
    assert cases[decided["id"]].status is Status.APPROVED
    now = await siege.issued()
    alive = {button.token for button in now}
    return now, [button for button in before if button.token not in alive]


Place = tuple[str, str, str, str | None]
"""Account, conversation, message, echo."""


def swaps(mine: Sequence[tuple[str, Place]], good: Callable[[str, Place], bool]) -> Iterator[Any]:
    """Every token, with every part of where it was replaced by that of every other: each once."""
    made: set[tuple[str, Place]] = set()
    chosen = [
        mask for mask in itertools.product((False, True), repeat=4) if any(mask)
    ]  # which parts come from the other one
    for token, here in mine:
        for _, there in mine:
            for mask in chosen:
                parts = zip(here, there, mask, strict=True)
                place: Any = tuple(b if swapped else a for a, b, swapped in parts)
                if place != here and (token, place) not in made and not good(token, place):
                    made.add((token, place))
                    yield token, place


async def pressed(siege: Siege, tap: Tap) -> Answer:
    """A platform comes again where the service is busy: a thousand refusals are one commit."""
    async with asyncio.timeout(HANGS):
        while True:
            with contextlib.suppress(Busy):
                return await siege.house.service.tap(tap)


async def storm(siege: Siege, taps: Iterable[Tap]) -> int:
    """Send them all, a thousand at a time. How many there were; none may count, or ask more."""
    sent = 0
    while batch := list(itertools.islice(taps, 1000) if isinstance(taps, Iterator) else taps):
        answers = await asyncio.gather(*(pressed(siege, tap) for tap in batch))
        for tap, answer in zip(batch, answers, strict=True):
            assert not answer.counted, tap
            assert answer.notice.kind in (NoticeKind.REFUSED, NoticeKind.CLOSED), (tap, answer)
        sent += len(batch)
        if not isinstance(taps, Iterator):
            break
    return sent


async def state_of(siege: Siege) -> dict[str, tuple[Status, int, int]]:
    """What has been decided, of every request."""
    cases = await siege.house.store.page(limit=10_000)
    return {case.id: (case.status, case.version, len(case.votes)) for case in cases}


async def everybody_decides(siege: Siege, alive: Sequence[Issued]) -> int:
    """The control: of every open request one genuine tap, of each label in turn, is accepted."""
    by_request: dict[str, list[Issued]] = {}
    for button in alive:
        by_request.setdefault(button.request_id, []).append(button)
    accepted = 0
    for number, mine in enumerate(by_request.values()):
        label = (Label.APPROVE, Label.DECLINE_PROMPT)[number % 2]
        button = next((b for b in mine if b.label == label), mine[0])
        user = sorted(audiences_of(button))[0]
        tap = siege.tap(button.press(user, number))
        answer = await siege.house.service.tap(tap)
        if Label(button.label).prompts:
            assert answer.notice.kind is NoticeKind.ASK_REASON, answer
            prompt = replace(tap, message=None, echo=None, reason="no", event=f"V{number}")
            answer = await siege.house.service.tap(prompt)
        assert answer.counted, (button, answer)
        accepted += 1
    return accepted


async def test_law_06_of_twenty_thousand_forged_taps_none_is_accepted(siege: Siege) -> None:
    alive, dead = await issue_everything(siege, 6)
    place_of: dict[str, Place] = {}
    owners: dict[str, set[str]] = {}
    for button in (*alive, *dead):
        tap = siege.tap(button.press(min(audiences_of(button))))
        assert tap.message is not None
        place_of[tap.token] = (tap.account, tap.conversation, tap.message, tap.echo)
        owners[tap.token] = audiences_of(button)
    for button in dead:
        owners[button.token] = set()

    def good(token: str, place: Place) -> bool:
        """Only another account differs, and it is one that may press this very button."""
        return place[1:] == place_of[token][1:] and place[0] in owners[token]

    before = await state_of(siege)
    everyone = [*PERSON, "U0BOT", "", "dana", "u024be7da"]
    places = dict(place_of)
    mine = list(places.items())
    number = itertools.count()

    def a_tap(token: str, place: Place, **more: Any) -> Tap:
        account, conversation, message, echo = place
        event = f"forged-{next(number)}"
        return Tap(
            channel="slack",
            event=event,
            account=account,
            conversation=conversation,
            message=message,
            token=token,
            echo=echo,
            **more,
        )

    sent = await storm(siege, (a_tap(token, place) for token, place in swaps(mine, good)))
    assert sent >= MANY, sent
    # Each button in each hand; on another channel; on a message of nobody; without the echo.
    hands = (
        a_tap(token, (user, *place[1:]))
        for (token, place), user in itertools.product(mine, everyone)
        if user not in owners[token]
    )
    sent += await storm(siege, hands)
    # A prompt may decline only: nobody approves without the message.
    approving = [b for b in (*alive, *dead) if b.label == Label.APPROVE]
    prompts = (
        replace(a_tap(b.token, place_of[b.token], reason="yes"), message=None) for b in approving
    )
    sent += await storm(siege, prompts)
    bare = (a_tap(t, (*p[:3], echo)) for t, p in mine for echo in (None, "", "0" * 64, "é"))
    sent += await storm(siege, bare)
    # What is over is over, in the right hands too.
    sent += await storm(siege, (a_tap(b.token, place_of[b.token]) for b in dead))
    assert await state_of(siege) == before
    assert await everybody_decides(siege, alive) >= 20
    # Replays, of the same press and as a new one.
    again = [siege.tap(b.press(min(audiences_of(b)), n)) for n, b in enumerate(alive)]
    settled = await state_of(siege)
    decided = {id_ for id_, (status, _, _) in settled.items() if status is not Status.PENDING}
    replays = [t for t, b in zip(again, alive, strict=True) if b.request_id in decided]
    await storm(siege, replays)
    await storm(siege, iter([replace(t, event=f"again-{n}") for n, t in enumerate(replays)]))
    assert await state_of(siege) == settled


async def test_law_06_no_altered_token_is_accepted(siege: Siege) -> None:
    alive, _ = await issue_everything(siege, 1)
    before = await state_of(siege)

    def altered(token: str) -> Iterator[str]:
        for index in range(len(token)):
            for letter in "A_-z9=":
                if token[index] != letter:
                    yield token[:index] + letter + token[index + 1 :]
            yield token[:index] + token[index + 1 :]
            yield token[:index]
        yield from (token + "A", token + "=", token + "\n", " " + token, token.swapcase())
        yield from (token[::-1], token * 2, "\ud800" + token[1:], token.encode().hex(), "é" * 20)
        yield from ("", "0", "A" * 20, "x" * 100_000, "' OR 1=1 --", "\x00" * 20, token + "\x00")

    tokens = {button.token for button in alive}
    forged = []
    for number, button in enumerate(alive):
        genuine = siege.tap(button.press(min(audiences_of(button)), number))
        forged += [
            replace(genuine, token=token, event=f"{number}.{n}")
            for n, token in enumerate(altered(button.token))
            if token not in tokens
        ]
    assert await storm(siege, iter(forged)) > 1000
    assert await state_of(siege) == before
    await everybody_decides(siege, alive)


def edits(message: Mapping[str, Any], others: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The message with one thing on it changed, each thing that a person sees or presses."""
    paths: list[tuple[Any, ...]] = []

    def walk(node: Any, path: tuple[Any, ...]) -> None:
        if isinstance(node, dict | list):
            for key, value in node.items() if isinstance(node, dict) else enumerate(node):
                walk(value, (*path, key))
        else:
            paths.append(path)

    walk(message["blocks"], ())
    unseen = {"block_id", "verbatim", "border", "emoji"}
    for path in paths:
        if path[-1] in unseen:
            continue
        new = [others[0]] if path[-1] == "value" else ["12.40", "Decline", "Approve", " "]
        for text in new:
            copy = deepcopy(dict(message))
            node = copy["blocks"]
            for step in path[:-1]:
                node = node[step]
            old = node[path[-1]]
            node[path[-1]] = not old if isinstance(old, bool) else text
            if node[path[-1]] != old:
                yield copy
    blocks = message["blocks"]
    for index in range(len(blocks)):
        for changed in (
            [*blocks[:index], *blocks[index + 1 :]],
            [*blocks[:index], blocks[index], *blocks[index:]],
            [blocks[index], *blocks[:index], *blocks[index + 1 :]] if index else [],
        ):
            yield {**message, "blocks": changed}
    row = next(block for block in blocks if block["type"] == "actions")
    yield {**message, "blocks": [*blocks[:-1], {**row, "elements": row["elements"][::-1]}]}
    yield {**message, "attachments": [{"text": "Approved by: CFO"}]}
    yield {**message, "files": [{"title": "invoice.pdf"}]}


async def test_law_07_no_tap_on_an_edited_card_is_accepted(siege: Siege) -> None:
    alive, _ = await issue_everything(siege, 1)
    before = await state_of(siege)
    cards = {(b.room, b.ts): b for b in alive if b.label == Label.APPROVE}
    tokens = [button.token for button in alive]
    forged: list[Tap] = []
    for card in cards.values():
        user = min(audiences_of(card))
        others = [token for token in tokens if token != card.token]
        for message in edits(card.message, others):
            tap = siege.tap(replace(card, message=message).press(user, len(forged)))
            forged.append(tap)
    assert await storm(siege, iter(forged)) > 500
    assert await state_of(siege) == before
    alarmed = await siege.house.store.history(alive[0].request_id)
    assert any('"why":"echo"' in (entry.content or "") for entry in alarmed)
    await everybody_decides(siege, alive)


async def test_law_06_two_thousand_signed_forgeries_over_http_change_nothing(siege: Siege) -> None:
    alive, dead = await issue_everything(siege, 3)
    before = await state_of(siege)
    every = [*alive, *dead]
    bodies: list[dict[str, Any]] = []
    for (a, b), n in zip(itertools.permutations(every, 2), itertools.count()):
        if a.token == b.token or (a.room, a.ts) == (b.room, b.ts):
            continue
        user = min(audiences_of(a))
        moved = (
            replace(a, room=b.room, ts=b.ts, message=b.message),
            replace(a, ts=b.ts),
            replace(a, message=b.message),
            replace(a, token=b.token, label=b.label),
        )[n % 4]
        bodies.append(moved.press(user, n))
    bodies = bodies[:: max(1, len(bodies) // 2000)][:2000]
    assert len(bodies) == 2000
    for start in range(0, len(bodies), 50):
        sent = [siege.deliver(body) for body in bodies[start : start + 50]]
        assert set(await asyncio.gather(*sent)) == {200}
    assert await state_of(siege) == before
    # Whoever cannot sign is told nothing at all, and soon nothing any more.
    unsigned = [
        await siege.deliver(alive[0].press(min(audiences_of(alive[0]))), **{"x-slack-signature": s})
        for s in ("", "v0=", "v0=" + "0" * 64, "v0=é", "v1=x") * 21
    ]
    assert set(unsigned) == {401, 429}
    assert await state_of(siege) == before


async def test_law_06_the_key_without_the_database_makes_no_button(siege: Siege) -> None:
    alive, _ = await issue_everything(siege, 1)
    before = await state_of(siege)
    ring = siege.house.service.trust.ring
    cases = await siege.house.store.cases([button.request_id for button in alive])
    nonces = [bytes(16), b"\xff" * 16, *(n.to_bytes(16, "big") for n in range(1, 200))]
    nonces += [n.to_bytes(16, "little") for n in range(1, 200)]
    nonces += [os.urandom(16) for _ in range(1000)]
    forged: list[Tap] = []
    for button in alive:
        if button.label != Label.APPROVE:
            continue
        user = min(audiences_of(button))
        genuine = siege.tap(button.press(user))
        card = await siege.house.store.card_by_message("slack", button.room, button.ts)
        assert card is not None
        address = Address("slack", card.conversation, card.account, card.person)
        for nonce in nonces:
            _, token = buttons.mint(
                ring,
                nonce,
                card_id=card.id,
                case=cases[button.request_id],
                label=Label.APPROVE,
                address=address,
            )
            forged.append(replace(genuine, token=token, event=f"k{len(forged)}"))
    assert await storm(siege, iter(forged)) > 5000
    assert await state_of(siege) == before
    await everybody_decides(siege, alive)


# Write access to the database


@pytest.fixture
def thief(database: str) -> Thief:
    return Thief(database)


async def card_of(siege: Siege, action: str, **more: Any) -> list[Issued]:
    """Open a request and post it; its Approve buttons."""
    request = await siege.open(action, **more)
    await siege.settle()
    mine = [b for b in await siege.issued() if b.request_id == request["id"]]
    return [b for b in mine if b.label == Label.APPROVE] or mine


async def press(siege: Siege, button: Issued, user: str | None = None) -> bool:
    """A genuine tap; does it count? A row that cannot even be read is a refusal as well."""
    press_ = button.press(user or min(audiences_of(button)), next(PRESSES))
    try:
        tap = siege.tap(press_)
        if Label(button.label).prompts:  # answered without a reason
            tap = replace(tap, message=None, echo=None, reason="")
        return (await siege.house.service.tap(tap)).counted
    except (ValueError, KeyError, TypeError, Malformed):
        return False


PRESSES: Final = itertools.count(1)


async def receipt_of(siege: Siege, request_id: str) -> Mapping[str, Any] | None:
    """The claims of the receipt that the service gives now, if it gives one."""
    try:
        await siege.house.service.conclude([request_id])
    except (ValueError, KeyError, TypeError, Busy):
        return None
    signed = await siege.house.store.receipt(request_id)
    if signed is None:
        return None
    keys = siege.house.deps.jwks["keys"]
    return read_receipt(signed, keys, now=siege.clock())[0]


async def nobody_approved(siege: Siege, request_id: str) -> None:
    claims = await receipt_of(siege, request_id)
    assert claims is None or claims["choice"] != "approve", claims


def other(value: Any) -> list[Any]:
    """The same, a little different."""
    match value:
        case None:
            return ["x"]
        case bytes():
            return [bytes([value[0] ^ 1]) + value[1:], bytes(len(value))]
        case int():
            return [value + 1, value - 1, 0]
        case str():
            return [value + "x", value.swapcase() if value != value.swapcase() else "", ""]
    raise AssertionError(value)


UNBOUND: Final = {
    "cards": {
        # The button itself is bound to these; here they only say where a redraw or an alert goes.
        *("revision", "channel", "conversation", "account", "person"),
        *("drawn", "echo_next", "instead", "former"),
    },
    "cases": {"wake_at", "version"},  # when the clock looks, and which change comes next
    "buttons": set[str](),
}
"""Columns whose change cannot make a tap mean something else; every other one must stop it."""


@pytest.mark.parametrize("table", UNBOUND)
async def test_write_access_to_any_column_behind_a_button_makes_no_approval(
    open_city: Siege, thief: Thief, table: str
) -> None:
    siege = open_city
    (donor,) = await card_of(siege, "room.donor", **an_http_request(1))
    assert await press(siege, donor)
    key = {"buttons": "lookup", "cards": "id", "cases": "id"}[table]

    async def key_of(button: Issued) -> Any:
        card = await siege.house.store.card_by_message("slack", button.room, button.ts)
        found = {"cards": card and card.id, "cases": button.request_id}
        return found.get(table, buttons.lookup(button.token))

    async def victim() -> tuple[Issued, Any, dict[str, Any]]:
        (button,) = await card_of(siege, "one.victim")
        at = await key_of(button)
        (row,) = await thief.run(f"SELECT * FROM {table} WHERE {key} = ?", at)
        return button, at, row

    (donated,) = await thief.run(f"SELECT * FROM {table} WHERE {key} = ?", await key_of(donor))
    refused = 0
    for column in (c.name for c in metadata.tables[table].columns):
        button, at, mine = await victim()
        for value in dict.fromkeys([donated[column], *other(mine[column])]):
            if value == mine[column]:
                continue
            try:
                await thief.put(table, column, value, key, at)
            except (sqlite3.IntegrityError, asyncpg.PostgresError):
                continue  # there cannot be such a row
            if await press(siege, button):
                assert column in UNBOUND[table], (column, mine[column], value)
                button, at, mine = await victim()
                continue
            refused += 1
            await nobody_approved(siege, button.request_id)
            await thief.put(table, column, mine[column], key, value if column == key else at)
        # The control: with the row as it was, the very same button counts.
        assert await press(siege, button), column
    assert refused > 10


TERMS: Final[dict[str, dict[str, Any]]] = {
    "a quorum of one": {"quorum": [["finance", 1]]},
    "a quorum of others": {"quorum": [["ops", 1]]},
    "no quorum": {"quorum": []},
    "a lower risk": {"risk": "low"},
    "somebody else barred": {"barred": ["sam"]},
    "another rule": {"rule": "everything else"},
    "another policy": {"policy": "sha-256:0"},
    "a longer release": {"release_within": 10**9},
    "what was never seen": {"allow_unseen": True, "complete": True},
    "what cannot be shown": {"inspectable": False},
    "an escalation": {"escalate": [0, "ops"]},
    "no four eyes": {"four_eyes": False, "step_up": "none"},
}


@pytest.mark.parametrize("what", TERMS)
async def test_write_access_to_the_terms_makes_no_approval(
    open_city: Siege, thief: Thief, what: str
) -> None:
    siege, directory = open_city, open_city.house.service.trust.directory
    cards = await card_of(siege, "two.pay")
    id_ = cards[0].request_id
    await thief.terms(id_, **TERMS[what])
    case = (await siege.house.store.cases([id_]))[id_]
    assert not await press(siege, cards[0])
    for name in ("dana", "lee", "kim", "sam"):
        person = directory.person(name)
        assert person is not None
        answer = await siege.house.service.decide(
            person, id_, Choice.APPROVE, case.digest, None, way=Page(fresh=True)
        )
        assert not answer.counted, name
    await nobody_approved(siege, id_)
    # A no needs no proof: whoever could approve may still refuse.
    mine = [b for b in await siege.issued() if (b.request_id, b.label) == (id_, "Decline…")]
    hers = next(b for b in mine if b.room == "D" + ACCOUNTS["dana"][1:])
    assert await press(siege, hers) == (what not in ("a quorum of others", "no quorum"))


async def test_a_yes_that_was_barred_stays_barred(open_city: Siege, thief: Thief) -> None:
    headers = {"Authorization": "Bearer another-key-" + "o" * 24}
    status, request = await open_city.call(
        "POST", "/v1/requests", json={"action": "high.pay", "payload": 1}, headers=headers
    )
    assert status == 201
    await thief.terms(request["id"], barred=[], risk="medium", four_eyes=False)
    await open_city.settle()
    mine = [b for b in await open_city.issued() if b.request_id == request["id"]]
    for button in mine:
        if button.label == Label.APPROVE:
            assert not await press(open_city, button)
    await nobody_approved(open_city, request["id"])


VOTE: Final = [field.name for field in fields(Vote)]
OTHER_VOTE: Final[dict[str, Any]] = {
    "person": "sam",
    "choice": "decline",
    "groups": ["finance", "lead"],
    "channel": "web",
    "revision": 2,
    "at": 1,
    "reason": "of course",
    "unseen": True,
    "kid": "00000000",
    "mac": "0" * 64,
}


@pytest.mark.parametrize("field", VOTE)
async def test_write_access_to_a_vote_makes_no_receipt(
    open_city: Siege, thief: Thief, field: str
) -> None:
    (button,) = await card_of(open_city, "one.pay")
    assert await press(open_city, button)
    id_ = button.request_id
    case = (await open_city.house.store.cases([id_]))[id_]
    vote = [*json.loads(json.dumps([getattr(case.votes[0], name) for name in VOTE]))]
    vote[VOTE.index(field)] = OTHER_VOTE[field]
    await thief.state(id_, votes=[vote])
    await nobody_approved(open_city, id_)
    assert (await open_city.call("GET", f"/v1/requests/{id_}/receipt"))[0] in (404, 503)
    alarms = [entry.kind for entry in await open_city.house.store.history(id_)].count("tampered")
    # A key that is not here may be on its way: that is waited for, and no alarm.
    assert bool(alarms) == (field != "kid")
    # As it was, it is a verdict.
    vote[VOTE.index(field)] = json.loads(json.dumps(getattr(case.votes[0], field)))
    await thief.state(id_, votes=[vote])
    claims = await receipt_of(open_city, id_)
    assert claims is not None
    assert claims["choice"] == "approve"


async def test_write_access_to_a_verdict_makes_no_receipt(open_city: Siege, thief: Thief) -> None:
    siege, store = open_city, open_city.house.store
    (donor,) = await card_of(siege, "one.donor")
    assert await press(siege, donor)
    given = (await store.cases([donor.request_id]))[donor.request_id]
    whole = [json.loads(json.dumps([getattr(given.votes[0], name) for name in VOTE]))]

    async def half_done() -> tuple[str, list[Any]]:
        """One of two has approved."""
        cards = await card_of(siege, "two.half")
        assert await press(siege, cards[0])
        case = (await store.cases([cards[0].request_id]))[cards[0].request_id]
        return case.id, json.loads(json.dumps([getattr(case.votes[0], name) for name in VOTE]))

    async def written(id_: str, votes: list[Any], **more: Any) -> None:
        at = votes[-1][VOTE.index("at")] if votes else siege.clock()
        await thief.state(id_, votes=votes, **{"decided_at": at, **more})
        await thief.put("cases", "status", "approved", "id", id_)
        await nobody_approved(siege, id_)
        assert (await siege.call("GET", f"/v1/requests/{id_}"))[1]["receipt"] is None

    forgeries: tuple[Callable[[list[Any]], list[Any]], ...] = (
        lambda vote: [],
        lambda vote: [vote],
        lambda vote: [vote, vote],
        lambda vote: [vote, ["lee", *vote[1:]]],
        lambda vote: whole,
        lambda vote: [vote, *whole],
    )
    for make in forgeries:
        id_, vote = await half_done()
        await written(id_, make(vote))
    id_, vote = await half_done()
    await thief.terms(id_, quorum=[["finance", 1]])
    await written(id_, [vote])
    # A veto that was turned into a yes.
    (button,) = await card_of(siege, "one.no")
    no = next(b for b in await siege.issued() if (b.ts, b.label) == (button.ts, "Decline…"))
    assert await press(siege, no)
    case = (await store.cases([no.request_id]))[no.request_id]
    vote = json.loads(json.dumps([getattr(case.votes[0], name) for name in VOTE]))
    await written(case.id, [[vote[0], "approve", *vote[2:]]])


async def test_an_approval_that_ran_out_is_not_revived(open_city: Siege, thief: Thief) -> None:
    siege = open_city
    (button,) = await card_of(siege, "one.pay")
    assert await press(siege, button)
    id_ = button.request_id
    await siege.settle()
    first = await siege.house.store.receipt(id_)
    assert first is not None
    decided_at = (await siege.house.store.cases([id_]))[id_].decided_at
    await thief.run("DELETE FROM receipts WHERE request_id = ?", id_)
    await thief.state(id_, decided_at=siege.clock() + HOUR)
    await nobody_approved(siege, id_)
    # Asked for again as it was decided, it is the same to the letter.
    await thief.state(id_, decided_at=decided_at)
    await siege.house.service.conclude([id_])
    assert await siege.house.store.receipt(id_) == first


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.PENDING])
async def test_a_closed_request_that_is_opened_by_hand_takes_no_old_tap(
    open_city: Siege, thief: Thief, status: Status
) -> None:
    siege = open_city
    assert isinstance(siege.clock, Clock)
    cards = await card_of(siege, "two.pay", expires_in=60)
    mine = [b for b in await siege.issued() if b.request_id == cards[0].request_id]
    id_ = cards[0].request_id
    if status is Status.APPROVED:
        assert [await press(siege, card) for card in cards[:2]] == [True, True]
    elif status is Status.DECLINED:
        assert await press(siege, next(b for b in mine if b.label == "Decline…"))
    elif status is Status.WITHDRAWN:
        assert (await siege.call("DELETE", f"/v1/requests/{id_}"))[0] == 200
    siege.clock.now += 61_000
    await siege.house.service.tick()
    assert (await siege.house.store.cases([id_]))[id_].status is status
    await thief.put("cases", "status", "pending", "id", id_)
    await thief.put("cases", "expires_at", siege.clock.now + HOUR, "id", id_)
    await thief.state(id_, votes=[], decided_at=None)
    assert [await press(siege, card) for card in cards] == [False] * len(cards)
    lead = siege.house.service.trust.directory.person("dana")
    assert lead is not None
    digest = (await siege.house.store.cases([id_]))[id_].digest
    answer = await siege.house.service.decide(
        lead, id_, Choice.APPROVE, digest, None, way=Page(fresh=True)
    )
    assert not answer.counted
    await nobody_approved(siege, id_)


async def test_an_escalation_that_was_written_in_calls_nobody(
    open_city: Siege, thief: Thief
) -> None:
    siege = open_city
    assert isinstance(siege.clock, Clock)
    (button,) = await card_of(siege, "late.pay")
    id_ = button.request_id
    case = (await siege.house.store.cases([id_]))[id_]
    lee = siege.house.service.trust.directory.person("lee")
    assert lee is not None
    await thief.state(id_, escalated=True)

    async def decides() -> bool:
        service = siege.house.service
        return (
            await service.decide(lee, id_, Choice.APPROVE, case.digest, None, way=Page(fresh=True))
        ).counted

    assert not await decides()
    await thief.state(id_, escalated=False)
    siege.clock.now += 10 * 60_000
    await siege.house.service.tick()
    assert await decides()


CONTENT: Final[dict[str, tuple[str, Any]]] = {
    "title": ("title", "Pay ACME 12.40"),
    "facts": ("facts", [["Amount", "12.40 EUR"]]),
    "note": ("note", "it is fine"),
    "agent": ("agent", {"id": "payroll", "name": None, "on_behalf_of": None}),
    "action": ("action", "one.harmless"),
    "address": ("http", ["POST", "https://api.stripe.com/v1/charges", [], True]),
    "received": ("http", ["POST", "https://api.stripe.com/v1/payouts", [], False]),
    "who asks": ("requester", "other"),
}


@pytest.mark.parametrize("what", [*CONTENT, "body", "digest"])
async def test_what_is_shown_cannot_be_altered_in_the_database(
    open_city: Siege, thief: Thief, what: str
) -> None:
    siege, store = open_city, open_city.house.store
    asked = {"title": "Pay ACME 12,400", "facts": [{"label": "Amount", "value": "12,400"}]}
    request = await siege.open("one.pay", **asked, **an_http_request(1))
    id_ = request["id"]
    if what == "body":
        await thief.put("contents", "body", b"amount=1240", "request_id", id_)
    else:
        (row,) = await thief.run("SELECT meta FROM contents WHERE request_id = ?", id_)
        meta = json.loads(row["meta"])
        name, value = CONTENT.get(what, ("digest", "sha-256:" + "0" * 64))
        meta[name] = value
        await thief.put("contents", "meta", json.dumps(meta), "request_id", id_)
        if what == "digest":
            await thief.put("cases", "digest", value, "id", id_)
    with contextlib.suppress(ValueError, KeyError, TypeError):
        await siege.settle()
    assert not siege.slack.messages
    # And on our own page.
    cookie = await credentials.start_session(
        store,
        siege.house.service.trust.ring,
        "dana",
        "link",
        now=siege.clock(),
        random=os.urandom,
    )
    headers = {"Cookie": f"{siege.house.deps.site.cookie}={cookie}", "Host": "approve.example.com"}
    for path, wanted in ((f"/requests/{id_}", 409), ("/inbox", 200)):
        async with siege.http.get(siege.house.url + path, headers=headers) as answer:
            page = await answer.text()
            assert answer.status == wanted, page
            assert "12.40" not in page
            assert "Pay ACME 12,400" not in page


async def test_the_message_that_counts_cannot_be_named_in_the_database(
    open_city: Siege, thief: Thief
) -> None:
    """With the bot token: a message of the bot's own, whose Decline carries the approving token."""
    siege = open_city
    (button,) = await card_of(siege, "one.pay")
    swapped = json.loads(
        json.dumps(button.message).replace('"Approve"', '"*"').replace('"Decline"', '"Approve"')
    )
    forged = replace(button, ts="1767326199.000001", message=swapped)
    user = min(audiences_of(button))
    tap = siege.tap(forged.press(user, 1))
    for echo in (tap.echo, f"k1:{tap.echo}"):
        await thief.put("cards", "echo", echo, "message", button.ts)
        await thief.run("UPDATE cards SET echo_next = echo WHERE message = ?", button.ts)
        (row,) = await thief.run("SELECT id FROM cards WHERE message = ?", button.ts)
        await thief.put("cards", "message", forged.ts, "id", row["id"])
        assert not await press(siege, forged, user)
        await thief.put("cards", "message", button.ts, "id", row["id"])
    await nobody_approved(siege, button.request_id)
    # Nor can the seal of another card's message be lent to it.
    (second,) = await card_of(siege, "one.pay")
    (lent,) = await thief.run("SELECT echo FROM cards WHERE message = ?", second.ts)
    await thief.put("cards", "echo", lent["echo"], "message", button.ts)
    assert not await press(siege, replace(button, message=second.message), user)
    assert await press(siege, second, user)


async def test_a_row_makes_nobody_an_approver(
    tmp_path: Path, database: str, slack: SlackPeer
) -> None:
    thief, mallory = Thief(database), ACCOUNTS["mallory"]
    async with besieged(tmp_path, database, slack, clock=Clock()) as siege:
        (button,) = await card_of(siege, "room.pay")
        (good,) = await thief.run("SELECT * FROM accounts WHERE person = ?", "lee")
        forged = {**good, "account": mallory}
        names, marks = ", ".join(forged), ", ".join("?" * len(forged))
        await thief.run(f"INSERT INTO accounts ({names}) VALUES ({marks})", *forged.values())
        # A job that says so makes her none either.
        to = json.dumps({"person": "lee", "account": mallory, "room": None})
        await siege.house.store.append((), [Job("post", button.request_id, "slack", 0, to)])
        await siege.settle()
        assert [p.job.data for p in await siege.house.store.parked()] == [to]
        assert not [room for room, _ in slack.messages if room == "D" + mallory[1:]]
    async with besieged(tmp_path, database, slack, clock=Clock()) as siege:  # started anew
        assert not await press(siege, button, mallory)
        assert await press(siege, button, ACCOUNTS["lee"])


async def test_a_row_signs_nobody_in(open_city: Siege, thief: Thief) -> None:
    siege, far = open_city, open_city.clock() + HOUR
    (button,) = await card_of(siege, "one.pay")
    secret = "a" * 43
    token, cookie = f"csp_{secret}{'b' * 20}", f"{secret}.{'b' * 20}"

    def sha(text: str) -> bytes:
        return sha256(text.encode()).digest()

    await thief.run(
        "INSERT INTO tokens (sha, org, person, name, at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        *(sha(token), "default", "dana", "mine", 0, far),
    )
    await thief.run(
        "INSERT INTO sessions (sha, org, person, how, at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        *(sha(cookie), "default", "dana", "link", siege.clock(), far),
    )
    body = {"choice": "approve", "digest": "sha-256:" + "0" * 64}
    path = f"/v1/requests/{button.request_id}/decision"
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await siege.call("POST", path, json=body, headers=bearer))[0] == 401
    headers = {"Cookie": f"{siege.house.deps.site.cookie}={cookie}", "Host": "approve.example.com"}
    async with siege.http.get(siege.house.url + "/inbox", headers=headers) as answer:
        assert answer.status in (401, 403)
    await nobody_approved(siege, button.request_id)
