"""Cards, their buttons, and the jobs that post and draw them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

import sqlalchemy as sa
from pydantic_core import to_json

from approvals.buttons import Binding, Stored
from approvals.evidence import Entry
from approvals.model import Case, Choice, Instant, Label
from approvals.store.columns import named
from approvals.store.outbox import Job, delete_done, held, write, write_if
from approvals.store.statements import (
    Dialect,
    P,
    Params,
    Row,
    Script,
    delete_by,
    insert,
    select,
    update,
)
from approvals.store.subject import Subject
from approvals.store.tables import buttons, cards, cases


class CardState(StrEnum):
    """POSTING until the platform confirms: a tap on such a card is refused."""

    POSTING = "posting"
    POSTED = "posted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CardRow:
    """One attempt to show a case at one address.

    `echo`: the seal that fits what a tap must echo; `echo_next`: the one that may fit as well while
    a redraw is on its way. `drawn`: the case's version that was last drawn. `altered`: where the
    platform shows it otherwise than sent (a JSON path, or `TAPPED`): no tap on it approves any
    more. `instead`: the card that it was posted in place of. `former`: the message that it was
    before it had to be posted again; no tap on that counts.
    """

    id: str
    request_id: str
    revision: int
    channel: str
    conversation: str
    account: str | None = None
    person: str | None = None
    message: str | None = None
    echo: str | None = None
    echo_next: str | None = None
    state: CardState = CardState.POSTING
    drawn: int = 0
    altered: str | None = None
    instead: str | None = None
    former: str | None = None


TAPPED: Final = "seen at a tap"
"""`CardRow.altered` of a card that came back as sent, and was another one when it was tapped."""


def post_job(case: Case, channel: str, due: Instant, **to: str | None) -> Job:
    """A card to post: to the `account` of a `person`, or in a `room`; `instead` of which card."""
    return Job("post", case.id, channel, due, to_json(to | {"revision": case.revision}).decode())


def again_job(case: Case, card: CardRow, due: Instant, why: str = "") -> Job:
    """Another card where this one is, or was to be. `why` "echo": a tap showed that this one was
    altered."""
    room = None if card.account else card.conversation
    to = {"room": room, "person": card.person, "account": card.account, "instead": card.id}
    return post_job(case, card.channel, due, **to, why=why)


def draw_job(card: CardRow, due: Instant, *, again: bool = False) -> Job:
    """Make this card say what its case says now. `again`: also where it was told to already."""
    data = f"{card.id} again" if again else card.id
    return Job("draw", card.request_id, card.channel, due, data)


FOUND: Final = "found "


def found_job(card: CardRow, message: str, due: Instant) -> Job:
    """A press named the message of a card that we never heard of again: say there that it is not
    the one to decide on."""
    return Job("draw", card.request_id, card.channel, due, f"{card.id} {FOUND}{message}")


_CHOICE: Final = {c.value: c for c in Choice}
_LABEL: Final = {c.value: c for c in Label}
_CARD: Final = {c.value: c for c in CardState}

CARD: Final = tuple(c.name for c in cards.columns)
_STATE: Final = CARD.index("state")
BUTTON: Final = tuple(c.name for c in buttons.columns)

_binding: Final[Callable[[Binding], tuple[Any, ...]]] = attrgetter(*BUTTON[3:])


def card_of(row: Row) -> CardRow:
    """From the columns `CARD`."""
    fields = [*row]
    fields[_STATE] = _CARD[fields[_STATE]]
    return CardRow(*fields)


def button_of(row: Row) -> Stored:
    """From the columns `BUTTON`."""
    lookup, card_id, nonce, kid, request_id, revision, digest, choice, label, *rest = row
    binding = Binding(kid, request_id, revision, digest, _CHOICE[choice], _LABEL[label], *rest)
    return Stored(lookup, card_id, nonce, binding)


def button_params(stored: Stored) -> dict[str, Any]:
    """Every column of a button."""
    values = (stored.lookup, stored.card_id, stored.nonce, *_binding(stored.binding))
    return dict(zip(BUTTON, values, strict=True))


_insert_card: Final = insert(cards)
_insert_button: Final = insert(buttons)
_select_card: Final = select(cards, CARD, "id")
_select_by_message: Final = select(cards, CARD, "channel", "conversation", "message")
_select_by_former: Final = select(cards, CARD, "channel", "conversation", "former")
_select_buttons: Final = select(buttons, BUTTON, "card_id")
_update_expected: Final = update(cards, ["echo_next"], "id")
_delete_button: Final = delete_by(buttons, "lookup")


_update_failed: Final = (
    cards.update()
    .where(cards.c.id == P("id_"), cards.c.state != CardState.FAILED.value)
    .values(state=P("state"))
    .returning(cards.c.id)
)
_select_posting: Final = (
    select(cards, ["id"], "channel", "conversation")
    .where(
        cards.c.message.is_(None),
        cards.c.state == CardState.POSTING.value,
        cards.c.id >= P("since"),
    )
    .limit(1)
)


def select_cards(d: Dialect) -> Any:
    what = sa.select(*(cards.c[n] for n in CARD))
    return what.where(d.among(cards.c.request_id, "ids")).order_by(cards.c.id)


# The case is locked until the card is there for all: the redraw of whoever moves it finds the card.
_version: Final = (
    sa.select(cases.c.version).where(cases.c.id == cards.c.request_id).with_for_update(read=True)
)
_update_bound: Final = (
    cards.update()
    .where(cards.c.id == P("id_"))
    .values(
        message=P("message"),
        state=P("state"),
        echo=sa.func.coalesce(P("given"), cards.c.echo_next),
        echo_next=sa.null(),
    )
    .returning(
        cards.c.request_id,
        cards.c.channel,
        _version.correlate(cards).scalar_subquery() > cards.c.drawn,
    )
)
"""Returns whether the case has moved on since it was drawn for this card."""
_update_reposted: Final = (
    cards.update()
    .where(cards.c.id == P("id_"))
    .values(message=P("message"), former=cards.c.message, echo_next=P("echo"))
)
_update_adopted: Final = (
    cards.update()
    .where(cards.c.id == P("id_"), cards.c.message.is_(None))
    # Drawn never: should a copy that had stopped still hear of its post, it is drawn again.
    .values(message=P("message"), state=P("state"), drawn=0)
    .returning(cards.c.id)
)
_update_altered: Final = (
    cards.update()
    .where(cards.c.id == P("id_"), cards.c.altered.is_(None))
    .values(altered=P("altered"), drawn=0)
    .returning(cards.c.request_id, cards.c.channel)
)


def _alter(card_id: str, altered: str, entries: Sequence[Entry]) -> Script[bool]:
    """Note it, the first time, and order a draw, due at once, however new what it shows is."""
    found = yield _update_altered, {"id_": card_id, "altered": altered}
    jobs = [Job("draw", request_id, channel, 0, card_id) for request_id, channel in found]
    yield from write(entries if found else (), jobs)
    return bool(found)


_select_altered: Final = (
    sa.select(cards.c.channel, cards.c.id, cards.c.altered)
    .where(cards.c.altered.is_not(None), cards.c.id >= P("since"))
    .order_by(cards.c.id.desc())
    .limit(P("most"))
)
_newest: Final = (
    sa.select(cards.c.channel, cards.c.id, cards.c.message)
    .where(cards.c.id >= P("since"))
    .order_by(cards.c.id.desc())
    .limit(P("most"))
    .subquery()
)
_select_newest: Final = (
    sa.select(_newest.c.channel, sa.func.max(_newest.c.id))
    .where(_newest.c.message.is_not(None))
    .group_by(_newest.c.channel)
)
"""The newest card that was posted on each channel, of so many cards altogether."""


def _drawing(
    card_id: str, echo: str | None, without: Sequence[bytes], entries: Sequence[Entry]
) -> Script[None]:
    """What a redraw will show, and what it will not offer any more."""
    yield _update_expected, {"id_": card_id, "echo_next": echo}
    for one in without:
        yield _delete_button, {"lookup_": one}
    yield from write(entries)


_update_drawn: Final = (
    cards.update()
    .where(cards.c.id == P("id_"), cards.c.drawn < P("version"))
    .values(
        echo=sa.func.coalesce(cards.c.echo_next, cards.c.echo),
        echo_next=sa.null(),
        drawn=P("version"),
    )
    .returning(cards.c.id)
)
_update_overdrawn: Final = (
    cards.update()
    .where(cards.c.id == P("id_"), cards.c.drawn > P("version"))
    .values(drawn=0)
    .returning(cards.c.request_id, cards.c.channel)
)


def _drawn(
    card_id: str,
    version: int,
    entries: Sequence[Entry],
    finished: Sequence[Params],
    moved: tuple[str, str] | None,
) -> Script[bool]:
    """Note the draw, the message that the card is now, and the jobs that end with it; where it came
    after a newer one's, order another, due at once."""
    params = {"id_": card_id, "version": version}
    if moved is not None:
        yield _update_reposted, {"id_": card_id, "message": moved[0], "echo": moved[1]}
    found = yield _update_drawn, params
    over = () if found else (yield _update_overdrawn, params)
    again = [Job("draw", request_id, channel, 0, card_id) for request_id, channel in over]
    if finished:
        yield delete_done, finished
    yield from write(entries, again)
    return bool(found)


def _bind(
    card: Params, altered: str | None, entries: Sequence[Entry], finished: Sequence[Params]
) -> Script[None]:
    """The message of a card, the jobs that end with it, and a draw where another one is due."""
    if finished:
        yield delete_done, finished
    ordered = altered is not None and (yield from _alter(card["id_"], altered, ()))
    yield from write(entries)
    found = yield _update_bound, card  # at the end: whoever votes waits for what comes after
    if not ordered:
        moved = [(request, channel) for request, channel, moved in found if moved]
        yield from write((), [Job("draw", *which, 0, card["id_"]) for which in moved])


_lock_card: Final = select(cards, ["id"], "id").with_for_update()
_lock_case: Final = select(cases, ["id"], "id").with_for_update()
_TIME: Final = len("crd_") + 10
"""Characters with which a card's id says when it was made, so that ids order by time."""


def _add(
    card: CardRow,
    stored: Sequence[Params],
    entries: Sequence[Entry],
    instead: str | None,
    since: str,
    once: bool,
) -> Script[bool]:
    """The card, its buttons and the intent; nothing if `instead` was replaced already, or if it is
    to be there `once` and there is one."""
    # The card before the case, as everywhere, so that none waits in a ring. Whoever comes second
    # waits at the lock, and then sees the first one's card.
    if instead is not None:
        yield _lock_card, {"id_": instead}
        begun = {CardState.POSTED: instead, CardState.POSTING: max(instead, since)}
        if (yield from _taken(card, instead, begun)):
            return False
    if once:
        yield _lock_case, {"id_": card.request_id}
        begun = {CardState.POSTED: "", CardState.POSTING: since}
        if (yield from _taken(card, instead, begun, card.revision)):
            return False
    yield _insert_card, named(card)
    yield _insert_button, stored
    yield from write(entries)
    return True


def _taken(
    card: CardRow, instead: str | None, begun: Mapping[CardState, str], revision: int | None = None
) -> Script[bool]:
    """Is another card at this address, besides `instead`? `begun`: the states that count, each with
    the id of the oldest card that does. `revision`: only cards of this one."""
    for row in (yield select_cards, {"ids": [card.request_id]}):
        other = card_of(row)
        counts = other.state in begun and other.id[:_TIME] >= begun[other.state][:_TIME]
        here = _address(other) == _address(card) and revision in (None, other.revision)
        if counts and here and other.id != instead:
            return True
    return False


def _address(card: CardRow) -> tuple[str, str | None, str]:
    """Where it is; whose it is matters more than how the conversation is called."""
    return card.channel, card.account, "" if card.account else card.conversation


class CardStore(Subject):
    """Every attempt to show a case."""

    async def add_card(
        self,
        card: CardRow,
        stored: Sequence[Stored],
        entries: Sequence[Entry] = (),
        *,
        instead: str | None = None,
        since: str = "",
        once: bool = False,
    ) -> bool:
        """Before each attempt to post: the card, its buttons and the intent, together.

        `instead`: the card that this one is to replace. False, and nothing is added, where one
        that is not older is there at the same address already: posted, or being posted and not
        older than `since` (ids of cards begin with their time). `once`: the same, where any card
        of this revision is there so.
        """
        params = [button_params(each) for each in stored]
        return await self._db.write(_add(card, params, entries, instead, since, once))

    async def bind_message(
        self,
        card_id: str,
        message: str,
        entries: Sequence[Entry] = (),
        *,
        echo: str | None = None,
        altered: str | None = None,
        done: Sequence[Job] = (),
    ) -> None:
        """The platform took the card: its message id and echo (None: `echo_next` is it now).

        `altered`: where it shows another one than was sent. In the same transaction those that are
        `done` are finished; and where it is altered, or its case moved on meanwhile, a `draw` of it
        is due at once, so that no crash leaves it as it is.
        """
        params = {"id_": card_id, "message": message, "given": echo, "state": CardState.POSTED}
        finished = [held(job) for job in done]
        await self._db.write(_bind(params, altered, entries, finished))

    async def drawing(
        self,
        card_id: str,
        echo: str | None,
        entries: Sequence[Entry] = (),
        *,
        without: Sequence[bytes] = (),
    ) -> None:
        """Before a redraw: from now on taps may echo the new card as well as the old. `without`:
        the look-ups of buttons that it offers no more, which end for good."""
        await self._db.write(_drawing(card_id, echo, without, entries))

    async def drawn(
        self,
        card_id: str,
        version: int,
        entries: Sequence[Entry] = (),
        *,
        done: Sequence[Job] = (),
        moved: tuple[str, str] | None = None,
    ) -> bool:
        """A redraw succeeded: only the new echo holds. Jobs that are `done` end in the same
        transaction. `moved`: the message as which it had to be posted again, and its echo.

        False: this version, or a newer one, was noted before, and the echoes stay as they are. Of
        a newer one the message may show the older face by now: then a `draw` of it is due at once.
        """
        finished = [held(job) for job in done]
        return await self._db.write(_drawn(card_id, version, entries, finished, moved))

    async def alter(self, card_id: str, altered: str, entries: Sequence[Entry] = ()) -> bool:
        """The platform shows another card than was sent: no tap on it approves, from now on.

        False, and nothing is changed, where that is known. Else a `draw` of it is due at once.
        """
        return await self._db.write(_alter(card_id, altered, entries))

    async def altered(self, since: str, limit: int = 1000) -> list[tuple[str, str, str]]:
        """(channel, card id, where) of altered cards whose ids are not below `since`, the newest
        first."""
        found = await self._read(_select_altered, since=since, most=limit)
        return [(row[0], row[1], row[2]) for row in found]

    async def newest_cards(self, since: str, of: int = 10_000) -> dict[str, str]:
        """The id of the newest card that each channel posted, of the newest `of` cards whose ids
        are not below `since`."""
        found = await self._read(_select_newest, since=since, most=of)
        return {row[0]: row[1] for row in found}

    async def adopt(self, card_id: str, message: str, entries: Sequence[Entry] = ()) -> bool:
        """This is the message of a card that was never heard of again. Its taps are refused for
        good. False, and nothing is changed, where its message is known."""
        params = {"id_": card_id, "message": message, "state": CardState.FAILED}
        return await self._db.write(write_if(_update_adopted, params, entries))

    async def fail_card(
        self, card_id: str, entries: Sequence[Entry] = (), jobs: Sequence[Job] = ()
    ) -> bool:
        """The post failed, or nobody knows: its taps are refused for good. False, and nothing
        follows, where that is known."""
        params = {"id_": card_id, "state": CardState.FAILED}
        script = write_if(_update_failed, params, entries, jobs)
        return await self._db.write(script, {job.request_id for job in jobs})

    async def card(self, card_id: str) -> CardRow | None:
        """One card."""
        found = await self._read(_select_card, id_=card_id)
        return card_of(found[0]) if found else None

    async def card_by_message(
        self, channel: str, conversation: str, message: str
    ) -> CardRow | None:
        """The card that a message is, for taps that carry no data of ours."""
        found = await self._read(
            _select_by_message,
            channel_=channel,
            conversation_=conversation,
            message_=message,
        )
        return card_of(found[0]) if found else None

    async def card_by_former(self, channel: str, conversation: str, message: str) -> CardRow | None:
        """The card that this message was before it had to be posted again."""
        found = await self._read(
            _select_by_former,
            channel_=channel,
            conversation_=conversation,
            former_=message,
        )
        return card_of(found[0]) if found else None

    async def posting(self, channel: str, conversation: str, since: str) -> bool:
        """Is a card just being posted there, whose message is not known yet? `since`: the id that
        one had which was begun when no answer can come any more."""
        found = await self._read(
            _select_posting, channel_=channel, conversation_=conversation, since=since
        )
        return bool(found)

    async def cards_of(self, *request_ids: str) -> list[CardRow]:
        """Every attempt for these requests, by card id."""
        found = await self._read(select_cards, ids=list(request_ids))
        return [card_of(row) for row in found]

    async def buttons_of(self, card_id: str) -> list[Stored]:
        """A card's buttons, in no order."""
        found = await self._read(_select_buttons, card_id_=card_id)
        return [button_of(row) for row in found]
