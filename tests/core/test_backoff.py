"""The pauses of all who try again."""

from __future__ import annotations

import pytest

from approvals.backoff import backoff


@pytest.mark.parametrize(("drawn", "part"), [(b"\0\0", 0.5), (b"\x80\0", 1.0), (b"\xff\xff", 1.5)])
def test_a_pause_doubles_up_to_the_longest_and_differs_by_half(drawn: bytes, part: float) -> None:
    pauses = [backoff(n, first=2, longest=60, random=lambda _: drawn) for n in (0, 1, 4, 5, 10**9)]
    assert pauses == pytest.approx([2 * part, 4 * part, 32 * part, 60 * part, 60 * part], rel=1e-4)


def test_without_randomness_it_is_exact() -> None:
    assert [backoff(n, first=1, longest=30, random=None) for n in (0, 3, 99)] == [1, 8, 30]
