"""Builds the cards that are posted and redrawn from what is stored, with tokens made anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from approvals import buttons, cards, policy
from approvals.channel import Channel
from approvals.model import (
    Button,
    Card,
    Case,
    Label,
    Request,
    Status,
)
from approvals.service import Service
from approvals.store import CardRow, Store


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

    def card(
        self, case: Case, request: Request, channel: Channel, tappable: Sequence[Button]
    ) -> Card:
        """The card of a case as it is now, with these buttons."""
        return cards.build(
            case,
            request,
            buttons=tappable,
            limits=channel.limits,
            needs=policy.needs(case.ask.quorum, case.votes) if case.open else (),
            review=self._look.review_url(case.id),
            salt=self._look.salt,
            stub=channel.name in self._look.stub,
        )

    async def again(
        self, row: CardRow, case: Case, request: Request, channel: Channel
    ) -> tuple[Case, Card]:
        """The case that a posted card shows, and the card anew. Raises `Refused`: a key is gone."""
        if row.revision != case.revision:
            gone = replace(case, status=Status.WITHDRAWN, shown="")
            case = replace(gone, revision=row.revision, digest=request.digest)
        found = list[Button]()
        if case.open:
            ring, order = self._service.trust.ring, list(Label)
            found = [
                Button(stored.binding.label, buttons.token_of(ring, stored))
                for stored in await self._store.buttons_of(row.id)
            ]
            found.sort(key=lambda button: order.index(button.label))
        return case, self.card(case, request, channel, found)
