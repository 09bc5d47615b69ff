"""What an adapter does where its platform asks for nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from approvals import port
from approvals.model import Card, Refused


class Base(ABC):
    """A channel to which no card comes back, whose HTTP answers are empty, and that cannot listen.

    The class itself says its `name`, `limits` and `abilities`.
    """

    __slots__ = ()
    name: ClassVar[str]

    def needs(self, *names: str) -> None:
        """`ValueError` unless each of these fields is filled in."""
        for name in names:
            if not getattr(self, name).strip():
                raise ValueError(f"{self.name}: needs {name}")

    @abstractmethod
    def drawn(self, card: Card) -> port.Drawn:
        """See `port.Channel`."""

    def layout(self, card: Card) -> port.Payload:
        return self.drawn(card).payload

    def echo(self, payload: port.Payload) -> str | None:
        return None

    def answer(self, tap: port.Tap, notice: port.Notice) -> port.Response | None:
        return None

    async def listen(self, deliver: port.Deliver) -> None:
        raise Refused(f"{self.name} has no outbound mode")
