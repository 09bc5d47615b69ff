"""What a reader is shown of a card: the same as everybody, or in a room a face of their own.

1. What is shown decides nothing: a tap is judged as if everybody had seen every button.
2. Who looks is proven as who taps is. A button is shown to those of whom `policy.may` says that
   they may press it.
3. Looking writes nothing and consumes nothing. Tokens are made anew each time.
4. Nobody is kept from deciding: where a client cannot ask for its face, the card leads to the
   review page; where there is no such page, or no client could ask, everybody sees the buttons.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from approvals import buttons, cards, policy, words
from approvals.cards import Bound
from approvals.model import (
    Button,
    Card,
    Case,
    Choice,
    Label,
    Person,
    Refused,
    Request,
    Status,
    Tier,
)
from approvals.port import Channel, Glance, Payload, Personal, Response, reachable
from approvals.reading import Reading
from approvals.service import Service
from approvals.store import CardRow, CardState, Store

log = structlog.get_logger()
NOTHING: Final = "Nothing new."
NOT_YOURS: Final = "You are not an approver of this request."
LOST: Final = "There is a newer card about this, and this one counts for nothing. Decide there."
ALTERED: Final = (
    "{} altered this card, so a tap on it can't be trusted to mean what you saw. Review it instead."
)
OVERTAKEN: Final = (0.1, 0.3)
"""Seconds after which a card is looked for again: a client may be faster than the answer to the
post, and asks again only after a minute."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a card needs besides the case: where its page is, and the salt of its redactions."""

    review_url: Callable[[str], str | None]
    salt: bytes
    stub: frozenset[str] = frozenset()


class Faces:
    """Builds cards from what is stored."""

    def __init__(self, store: Store, service: Service, look: Look) -> None:
        self._store = store
        self._service = service
        self._look = look

    async def reading(self, request: Request) -> Reading:
        """What the request means; a large one is read apart."""
        return await self._service.readings.request(request, self._service.trust.book)

    def bound(self, case: Case, request: Request, reading: Reading) -> Bound:
        """What is bound, as cards show it: for `cards.labels_for` and `card`."""
        return cards.bound(request, reading, salt=self._look.salt, opaque=case.ask.opaque)

    async def card(
        self,
        case: Case,
        request: Request,
        channel: Channel,
        tappable: Sequence[Button],
        person: str | None,
        what: Bound | None = None,
    ) -> Card:
        """The card of a case as it is now, with these buttons. `person`: whom it is sent to."""
        directory = self._service.trust.directory
        asked = {one.id for one in directory.approvers(case.ask, case.escalated)}
        return cards.build(
            case,
            request,
            await self.reading(request),
            buttons=tappable,
            limits=channel.limits,
            names=directory.names,
            reader=person if person in asked and person not in case.barred else None,
            shared=person is None,
            zone=_zone(directory.person(person) if person else None),
            needs=policy.needs(case.ask.quorum, case.votes) if case.open else (),
            review=self._look.review_url(case.id),
            salt=self._look.salt,
            stub=channel.name in self._look.stub,
            what=what,
        )

    async def again(
        self, row: CardRow, case: Case, request: Request, channel: Channel
    ) -> tuple[Case, Card]:
        """The case that a posted card shows, and the card anew; without Approve where its platform
        altered it. Raises `Refused`: a key is gone."""
        if row.revision != case.revision:
            # What was said of the newer revision is not about this one.
            gone = replace(case, status=Status.WITHDRAWN, shown="", reason=None)
            case = replace(gone, revision=row.revision, digest=request.digest)
        found = list[Button]()
        if case.open:
            ring, order = self._service.trust.ring, list(Label)
            found = [
                Button(stored.binding.label, buttons.token_of(ring, stored))
                for stored in await self._store.buttons_of(row.id)
            ]
            found.sort(key=lambda button: order.index(button.label))
        kept = [one for one in found if row.altered is None or one.choice is Choice.DECLINE]
        if row.state is not CardState.POSTED:
            card = await self.card(case, request, channel, (), row.person)
            return case, replace(card, review_needed=LOST) if case.open else card
        card = await self.card(case, request, channel, kept, row.person)
        if len(kept) < len(found):
            card = replace(card, review_needed=ALTERED.format(words.channel(channel.name)))
        return case, card

    async def viewers(
        self, channel: Channel, case: Case, conversation: str, account: str | None
    ) -> Sequence[str]:
        """Whose clients will ask for a face of their own. None: all see the same. Raises `Busy`."""
        review = self._look.review_url(case.id)
        alone = account is not None or channel.name in self._look.stub
        if alone or not (case.open and isinstance(channel, Personal)):
            return ()
        if review is None or not reachable(review):
            return ()
        asked = self._service.trust.directory.approvers(case.ask, case.escalated)
        known = (person.accounts.get(channel.name) for person in asked)
        return await channel.viewers(conversation, [one for one in known if one is not None])

    def payload(
        self, channel: Channel, card: Card, viewers: Sequence[str]
    ) -> tuple[Payload, Sequence[Button]]:
        """What is posted, and the buttons that it offers: what was drawn may have fewer than the
        card. Raises `Refused` where it does not fit."""
        drawn = channel.drawn(card)
        if viewers and card.buttons and isinstance(channel, Personal):
            return channel.shared(card, viewers), drawn.card.buttons
        return drawn.payload, drawn.card.buttons

    async def glance(self, channel: Channel, glance: Glance) -> Response:
        """The face for who looks. Raises `Busy` while the store is away."""
        if not isinstance(channel, Personal):
            return Response()
        directory = self._service.trust.directory
        person = directory.by_account(glance.channel, glance.account)
        if glance.stranger or person is None:  # not a word of the store for them
            return channel.face(glance, None, NOT_YOURS if glance.by_hand else NOTHING)
        try:
            return channel.face(glance, *await self._own(channel, glance, person))
        except (Refused, ValueError) as why:  # an id that no database can hold is a ValueError
            log.warning("no_face", channel=channel.name, why=str(why))
            return channel.face(glance, None, NOTHING)

    async def _own(
        self, channel: Channel, glance: Glance, person: Person
    ) -> tuple[Card | None, str]:
        if (row := await self._posted(glance)) is not None:
            case = (await self._store.cases([row.request_id])).get(row.request_id)
            request = await self._store.content(row.request_id, row.revision)
            if case is not None and request is not None:
                shown, card = await self.again(row, case, request, channel)
                return theirs(person, shown, card, channel.abilities.tier)
        return None, NOTHING

    async def _posted(self, glance: Glance) -> CardRow | None:
        """The card in a room that they look at; one sent to a person has one face."""
        where = (glance.channel, glance.conversation, glance.message)
        for wait in (*OVERTAKEN, None):
            if row := await self._store.card_by_message(*where):
                return row if row.state is CardState.POSTED and row.account is None else None
            if wait is not None:
                await asyncio.sleep(wait)
        return None


def _zone(person: Person | None) -> tzinfo:
    """The zone that this person reads times in."""
    return ZoneInfo(person.time_zone) if person and person.time_zone else UTC


def theirs(person: Person, case: Case, card: Card, tier: Tier) -> tuple[Card, str]:
    """The card with the buttons that this person may press now, and a word on what they cannot."""
    votes = [v for v in case.votes if v.person == person.id and v.revision == case.revision]
    kept, why, tap = [], "", policy.Tap(tier)
    for button in card.buttons:
        choice = button.label.choice
        may = policy.may(person, case, choice, tap)
        if isinstance(may, policy.No):
            why = why or may.why
        elif not (votes and choice is Choice.APPROVE):
            kept.append(button)
    if votes and case.open:
        why = words.own(case, words.Voice(reader=person.id)) or why
    return replace(card, buttons=tuple(kept)), why
