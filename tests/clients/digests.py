"""What is digested: the vectors of docs/digest.md, and anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

DOCUMENT = (Path(__file__).parents[2] / "docs" / "digest.md").read_text(encoding="utf-8")
VECTORS: list[dict[str, Any]] = json.loads(DOCUMENT.split("```json\n")[1].split("```")[0])
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-(2**53) + 1, 2**53 - 1)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)

PIECES = st.text("/ab%26.;&=+~|\\[]{}\"'<>^`:@?#\u00e9 ", max_size=12)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["x-a", "X-A", "x-b", "Connection", "TE", "Host", "x y", ""]),
        st.sampled_from(["1", " 2\t", "close, x-a", "h.example", "H.example:80", "a\n", "\u00ff"]),
    ),
    max_size=4,
)


def said(digest: Callable[[], str]) -> str:
    """A digest, or why there is none."""
    try:
        return digest()
    except ValueError as error:
        return f"refused: {error}"
