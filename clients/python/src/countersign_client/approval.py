"""`@requires_approval`: a function that runs only after a person has approved its arguments."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

from countersign_client.client import AsyncClient, Client
from countersign_client.errors import CountersignError, Misconfigured, raised
from countersign_client.protocol import Action, Decision, same

P = ParamSpec("P")
R = TypeVar("R")
Payload = Callable[[Mapping[str, Any]], Any]


def requires_approval(
    action: str,
    *,
    client: Client | AsyncClient | None = None,
    title: str | None = None,
    note: str | None = None,
    payload: Payload | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Ask about each call; run it only on an approval of exactly these arguments.

    The arguments, by name and with their defaults, are the payload and so must be JSON values;
    `payload` makes another of them (leave out what cannot change what is done, such as `self`). An
    `async def` wants an `AsyncClient`. Without `client`, one is made from the environment at each
    call. Raises `Declined`, `Expired`, or whatever else kept it from running. The outcome is
    reported: delivered where the function returned, unknown where it raised. With a client that
    observes, the function runs.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        def asked(*args: P.args, **kwargs: P.kwargs) -> Action:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            given = bound.arguments
            return Action(action=action, payload=payload(given) if payload else dict(given))

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                ours = client or AsyncClient()
                if not isinstance(ours, AsyncClient):
                    raise Misconfigured("An async function is asked about by an AsyncClient.")
                if ours.observer is not None:
                    ours.observer.ask(action, lambda: asked(*args, **kwargs))
                    return await function(*args, **kwargs)
                what = asked(*args, **kwargs)
                try:
                    decision = await ours.ask(
                        action=action, payload=what.payload, title=title, note=note
                    )
                    same(asked(*args, **kwargs), decision.require())
                    try:
                        result = await function(*args, **kwargs)
                    except BaseException as error:
                        with contextlib.suppress(CountersignError):
                            await ours.report(
                                decision.request_id, delivered=None, error=raised(error)
                            )
                        raise
                    with contextlib.suppress(CountersignError):
                        await ours.report(decision.request_id, delivered=True)
                    return result
                finally:
                    if client is None:
                        await ours.aclose()

            return cast(Callable[P, R], awaited)

        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            ours = client or Client()
            if not isinstance(ours, Client):
                raise Misconfigured("A plain function is asked about by a Client.")
            if ours.observer is not None:
                ours.observer.ask(action, lambda: asked(*args, **kwargs))
                return function(*args, **kwargs)
            try:
                decision = approved(ours, lambda: asked(*args, **kwargs), title=title, note=note)
                return reported(ours, decision, lambda: function(*args, **kwargs))
            finally:
                if client is None:
                    ours.close()

        return called

    return decorate


def approved(
    client: Client,
    asked: Callable[[], Action],
    *,
    title: str | None = None,
    note: str | None = None,
) -> Decision:
    """Ask about the action that `asked` makes, then make it once more: it has to be the same.
    Raises `CountersignError`: it must not run."""
    what = asked()
    decision = client.ask(action=what.action, payload=what.payload, title=title, note=note)
    return same(asked(), decision.require())


def reported(client: Client, decision: Decision, function: Callable[[], R]) -> R:
    """Run what was approved, and report the outcome. That it cannot be reported stops nothing."""
    try:
        result = function()
    except BaseException as error:
        with contextlib.suppress(CountersignError):
            client.report(decision.request_id, delivered=None, error=raised(error))
        raise
    with contextlib.suppress(CountersignError):
        client.report(decision.request_id, delivered=True)
    return result
