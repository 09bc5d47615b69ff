"""Draws docs/agents/bad-input.md, what each door says to bad input, from what its tests try:
`make docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.clients.doors import WORDS
from tests.clients.events import BAD
from tests.clients.frames import BAD as FRAMES
from tests.clients.impostor import LIES

PAGE: Final = Path(__file__).resolve().parent.parent / "docs/agents/bad-input.md"
HEAD: Final = """\
# Bad input, on every door

Written by `make docs` from what the tests try: nothing ran, and the words are part of the refusal.
`…` stands for what is left out.

## On every door

Tried by [tests/clients/test_bad_input.py](../../tests/clients/test_bad_input.py) with a real
service. *No such tool*: one that the server behind the door does not have; a hook takes any tool,
and there it is a call that names none. *Unproven*: a delivery without the gateway's own key or
signature. The last four are somebody between the door and the service: they
drop every call, put another key in, put in the receipt of an earlier request, or answer as the
service did to a request that has been used. `–`: it has no meaning at this door.
"""
DETAIL: Final = """
## In more detail

"""


def text() -> str:
    """The page."""
    tried = list(next(iter(WORDS.values())))
    lines = [
        HEAD,
        f"| door | {' | '.join(tried)} |",
        "|---" * (1 + len(tried)) + "|",
        *(
            f"| {door} | {' | '.join(words[one] or '–' for one in tried)} |"
            for door, words in WORDS.items()
        ),
        DETAIL + "| door | what comes | answer |\n|---|---|---|",
        *(f"| a hook's event | {name} | blocked: …{why}… |" for name, (_, why) in BAD.items()),
        *(
            f"| the service's answer | {name} | `{kind.__name__}`: …{why}… |"
            for name, (kind, why, _) in LIES.items()
        ),
        *(
            f"| a message to the MCP proxy | {name} | refused: …{why}… |"
            for name, (_, why) in FRAMES.items()
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
