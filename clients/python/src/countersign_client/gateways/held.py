"""What a gateway of others holds, and how it is answered. The laws:

1. It is released only on a receipt that verifies for what the gateway holds at that moment, and is
   used once. Whatever fails refuses it.
2. What the gateway no longer holds is withdrawn here, and not answered there.
3. The gateway is told the approver's reason, or that nobody could be asked; nothing else of ours.
4. Where its command was started with `--observe`, it goes on at once, and is told that no person
   was asked. No variable turns that on: these are servers, and their operator starts them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from countersign_client.client import Client
from countersign_client.errors import CountersignError, NotApproved
from countersign_client.gate import told
from countersign_client.hook import patience
from countersign_client.logs import Line, log
from countersign_client.observe import observer
from countersign_client.protocol import Opened, Then
from countersign_client.settings import Service

NOTE = 10_000
"""Characters of a note that the service takes."""


class Gone(Exception):
    """The gateway does not hold it any more: somebody answered it there, or its time is over."""


class Held(Protocol):
    """One thing that a gateway holds. `action`: its name; `note`: the words that came with it;
    `key`: the same for the same thing, always; `expires_in`: seconds for which it is held."""

    action: str
    key: str
    note: str | None
    expires_in: int | None

    def payload(self) -> Any:
        """What will happen, as the gateway has it now. Asked for before a person is, and again
        before it is released. Raises `Gone`, or anything else: then it is refused."""

    def waiting(self, request_id: str) -> None:
        """A person has been asked. Called again with each beat. Raises `Gone`."""

    def release(self, request_id: str) -> bool:
        """Let it happen; whether the gateway took the answer. Never raises."""

    def refuse(self, why: str) -> None:
        """Do not let it happen. Never raises."""

    def observed(self) -> None:
        """Nobody is asked: let it go on as it would without this door, in words that nobody takes
        for an approval. Never raises."""


def clients(args: argparse.Namespace, door: str) -> Callable[[], Client]:
    """What makes a client for each thing that is held. `Misconfigured`: no service is set, and
    without `--observe` one is needed."""
    watching = observer(args.observe, door=door)
    service = None if watching else Service.from_environment()
    return partial(Client, service, patience=patience(os.environ), observe=watching or False)


def hold(client: Client, held: Held, *, beat: float) -> None:
    """Ask, wait, verify, answer, and tell the approvers what came of it. Never raises."""
    if client.observer is not None:
        client.observer.note(Then.ASK, held.action)
        _answered(held.observed)
        return
    opened: Opened | None = None
    try:
        opened = client.open(
            action=held.action, payload=held.payload(), note=(held.note or "")[:NOTE] or None,
            expires_in=held.expires_in, key=held.key,
        )  # fmt: skip
        while opened.status == "pending":
            held.waiting(opened.id)
            opened = client.wait(opened.id, seconds=beat)
        decision = client.receipt(opened.id, action=held.action, payload=held.payload())
        request_id = decision.require().request_id
    except Gone:
        log.info(Line("no_longer_held", key=held.key))
        _withdraw(client, opened)
    except CountersignError as error:
        _answered(held.refuse, told(error))
        if not isinstance(error, NotApproved):
            _withdraw(client, opened)
    except Exception as error:
        log.warning(Line("not_asked", action=held.action, why=type(error).__name__))
        _answered(held.refuse, "Countersign could not ask about this. Nothing was run.")
        _withdraw(client, opened)
    else:
        released = _answered(held.release, request_id)
        try:
            client.report(request_id, delivered=True if released else None)
        except CountersignError as error:
            log.info(Line("outcome_not_reported", why=error.message))


def _answered(answer: Callable[..., object], *told: str) -> bool:
    """Tell the gateway, and say whether it took that. Whatever its HTTP client raises (a proxy
    setting that is wrong gives a ValueError) is logged, so that no thread ends in silence."""
    try:
        return answer(*told) is not False
    except Exception as error:
        log.warning(Line("platform_not_told", why=type(error).__name__))
        return False


def _withdraw(client: Client, opened: Opened | None) -> None:
    if opened is not None and opened.status == "pending":
        with contextlib.suppress(CountersignError):
            client.withdraw(opened.id)
