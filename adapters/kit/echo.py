"""Compares a card with what its platform gives back, and forgives what nobody can see.

Forgiven, on both sides, before anything is hashed or compared:

1. NFC. Canonically equivalent texts have "the same appearance and behavior when correctly
   displayed" (https://www.unicode.org/reports/tr15/#Canon_Compat_Equivalence, revision 57).
2. White space at the ends of a text, a few characters of it: nothing stands there to be read. More
   could push what follows out of sight, and counts. Where texts stand beside each other in a line
   it counts too, or "12 " and "400" would be "12400", unless a colon stands between them.
3. A flag that is off, an empty text or list, and none: all three draw nothing.

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
"""Characters of white space that may come or go at one end of a text."""
LONGEST: Final = 10_000
"""Characters of a text up to which it is normalised: more than a card has on any platform, and few
enough for marks in a wrong order, which take quadratic time to sort."""
MOST: Final = 20
"""Differences that are reported."""


def settled(text: str, *, start: bool = True, end: bool = True) -> str:
    """A text without what nobody can see; `start`, `end`: does nothing stand before, after it?"""
    if not text.isascii() and len(text) <= LONGEST:
        text = unicodedata.normalize("NFC", text)
    if start and len(text) - len(bare := text.lstrip()) <= EDGE:
        text = bare
    if end and len(text) - len(bare := text.rstrip()) <= EDGE:
        text = bare
    return text


def digest(seen: Any) -> str:
    """SHA-256 (hex) over what is seen of a message."""
    return hashlib.sha256(to_json(seen)).hexdigest()


def differences(sent: Any, stored: Any) -> tuple[Difference, ...]:
    """Where two views, of dicts, lists and scalars, differ; the first `MOST`."""
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
