"""Writes until it is killed: `python tests/harness/crash.py URL TOLD TURN`, run by test_store.

Every vote that `commit` calls won is noted in TOLD, after the commit; each round prints a line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from approvals.store import Result, Store
from tests.harness.stored import a_case, an_entry, crash_ids, opening, voting


async def main(url: str, told: str, turn: int) -> None:
    store = await Store.connect(url)
    cases = [a_case(id_) for id_ in crash_ids(turn)]
    await store.commit([opening(case) for case in cases])
    with Path(told).open("a", buffering=1) as out:
        while True:
            changes = []
            for case in cases:
                change = voting(case, "lee", f"{case.id}:{case.version}")
                changes.append(replace(change, entries=(an_entry(case), an_entry(case, "more"))))
            results = await store.commit(changes)
            assert set(results) == {Result.WON}
            cases = [change.case for change in changes]
            out.write("".join(json.dumps([c.id, c.version]) + "\n" for c in cases))
            print("round", flush=True)


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
