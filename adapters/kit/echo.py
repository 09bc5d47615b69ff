"""Compares a card with the message that its platform returns, and ignores differences that nobody
can see.

Ignored, on both sides, before anything is hashed or compared:

1. NFC. Canonically equivalent texts have "the same appearance and behavior when correctly
   displayed" (https://www.unicode.org/reports/tr15/#Canon_Compat_Equivalence, revision 57).
2. A few characters of white space at the ends of a text. More could push what follows out of sight,
   so it counts. It also counts between two texts in one line, where "12 " and "400" would become
   "12400", unless a colon stands between them.
3. The difference between a flag that is off, an empty text or list, and none: nothing is drawn.

Labels, tokens, addresses, mentions, attachments and every other character of a text count.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from itertools import islice, zip_longest
from typing import Any, Final

from pydantic_core import to_json

from approvals.model import Difference

EDGE: Final = 4
"""Characters of white space that may be added or lost at one end of a text."""
LONGEST: Final = 10_000
"""Longer texts aren't normalised. No card has a text of so many characters, and combining marks in
a wrong order take quadratic time to sort."""
MOST: Final = 20
"""Differences that are reported."""


def settled(text: str, *, start: bool = True, end: bool = True) -> str:
    """A text without invisible differences. `start`, `end`: nothing stands before it, after it."""
    if not text.isascii() and len(text) <= LONGEST:
        text = unicodedata.normalize("NFC", text)
    if start and len(text) - len(bare := text.lstrip()) <= EDGE:
        text = bare
    if end and len(text) - len(bare := text.rstrip()) <= EDGE:
        text = bare
    return text


def digest(seen: Any) -> str:
    """SHA-256 (hex) over the visible parts of a message."""
    return hashlib.sha256(to_json(seen)).hexdigest()


def differences(sent: Any, stored: Any) -> tuple[Difference, ...]:
    """Where two views (dicts, lists, scalars) differ; the first `MOST`."""
    return tuple(islice(_differences(sent, stored, "$"), MOST))


def _differences(sent: Any, stored: Any, path: str) -> Iterator[Difference]:
    match sent, stored:
        case dict(), dict():
            for name in dict.fromkeys((*sent, *stored)):
                yield from _differences(sent.get(name), stored.get(name), f"{path}.{name}")
        case list(), list():
            for index, pair in enumerate(zip_longest(sent, stored)):
                yield from _differences(*pair, f"{path}[{index}]")
        case str(), str() if "\n" in sent:
            ours, theirs = sent.split("\n"), stored.split("\n")
            for number, (line, other) in enumerate(zip_longest(ours, theirs), 1):
                if line != other:
                    yield Difference(f"{path}, line {number}", line or "")
                    if len(ours) != len(theirs):
                        return  # all that follows has moved
        case _ if (sent or None) != (stored or None):
            yield Difference(path, sent if isinstance(sent, str) else "")
