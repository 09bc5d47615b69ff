"""The served contract and the service are the same: schemathesis asks, and compares the answers."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from approvals.store import Store
from approvals.web.app import contract
from tests.harness.house import open_house

EXAMPLES = 6
"""Of each operation, caller and kind of data: ten seconds together."""


@dataclass(frozen=True, slots=True)
class Served:
    """A house in a thread of its own. `pending` opens a request and returns its id."""

    url: str
    keys: dict[str, str]
    pending: Callable[[], str]


@contextmanager
def served(database: str) -> Iterator[Served]:
    """schemathesis calls and waits, so the service lives on another thread's loop."""
    loop = asyncio.new_event_loop()
    started, stop = threading.Event(), asyncio.Event()
    found: list[Served] = []

    async def run() -> None:
        store = await Store.connect(database)
        async with open_house(store, carry=True, authzen=True) as place:

            def pending() -> str:
                opening = asyncio.run_coroutine_threadsafe(place.opened(), loop)
                return str(opening.result(10)["id"])

            keys = {who: await place.token(who) for who in ("dana", "ada")}
            found.append(Served(place.url, {"requester": "csr_billing", **keys}, pending))
            started.set()
            await stop.wait()
        await store.close()

    def work() -> None:
        try:
            loop.run_until_complete(run())
        finally:
            started.set()
            loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert started.wait(60)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)


def test_the_served_contract_and_the_service_agree(database: str) -> None:
    """Status codes, content types and schemas of every operation, for good data and bad, as a
    requester and as a person; nobody gets in without a key, and nothing is an error of ours."""
    wrong = []
    with served(database) as here, requests.Session() as session:
        document = session.get(f"{here.url}/openapi.json", timeout=60).json()
        assert document == json.loads(contract(authzen=True))
        schema = schemathesis.openapi.from_dict(document)
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            callers = set(here.keys) - ({"ada"} if operation.path != "/v1/audit" else {"dana"})
            for caller in sorted(callers):
                for mode in GenerationMode:
                    try:
                        ask(operation, mode, here, session, here.keys[caller])
                    except FailureGroup as group:
                        wrong.append(f"{operation.label}, {mode.value}, as {caller}: {group}")
    assert not wrong, "\n\n".join(wrong)


def ask(
    operation: Any, mode: GenerationMode, here: Served, session: requests.Session, key: str
) -> None:
    """Every answer must be one that the contract knows. Raises `FailureGroup`."""
    if mode is GenerationMode.NEGATIVE and not (
        operation.body or operation.query or operation.path_parameters
    ):
        return  # nothing can be wrong with it
    excluded: list[Any] = []
    if operation.body:
        # A schema cannot say which URLs have one reading, nor that a number is too large for JCS.
        excluded.append(positive_data_acceptance)
    else:
        # Like everybody's, our GETs do not mind a parameter that they do not know.
        excluded.append(negative_data_rejection)
    real = here.pending()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def asking(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = real
        if case.query and "wait" in case.query:
            case.query["wait"] = 0
        case.call_and_validate(
            base_url=here.url,
            session=session,
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
            excluded_checks=excluded,
        )

    asking()
