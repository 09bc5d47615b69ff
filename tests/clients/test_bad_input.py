"""Bad input on every door, and somebody who tampers between it and the service: nothing runs, and
the refusal says why.

`WORDS` is what docs/agents/bad-input.md shows: tools/bad_input.py draws it. The service is real,
and so are the receipts that are stolen and the answers that are replayed (middleman.py).
"""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.clients.commands import Agents
from tests.clients.doors import DOORS, INPUTS, LIES, WORDS, Place
from tests.clients.middleman import Does, between
from tests.harness.house import HANGS


@pytest.mark.parametrize("name", DOORS)
async def test_law_01_bad_input_and_lies_run_nothing_on_any_door(agents: Agents, name: str) -> None:
    words = WORDS[name]
    with between(agents) as middle:
        place = Place(agents, middle)
        async with asyncio.timeout(2 * HANGS), DOORS[name](place) as ask:
            assert (await ask("good", 0))[0], "what the rest is measured against"
            for number, (tried, wanted) in enumerate(words.items(), 1):
                if wanted is None:
                    continue
                middle.does = LIES.get(tried, Does.PASSES)
                again = middle.does is Does.REPLAYS
                given = tried if tried in INPUTS else "good"
                ran, answer = await ask(given, 0 if again else number)
                assert not ran, tried
                pattern = ".*".join(map(re.escape, wanted.split("…")))
                assert re.search(pattern, answer, re.DOTALL), (tried, answer[:500])
