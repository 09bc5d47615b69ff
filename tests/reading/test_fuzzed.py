"""No bytes make a reader raise, give values where it is unclear, or read twice differently.

A bounded number of what `make fuzz` runs for a minute per reader; and the slowest inputs known.
"""

from __future__ import annotations

from random import Random

import pytest

from approvals.model import Http
from approvals.reading import read, read_payload
from approvals.reading.values import MAX_LEAVES, TOO_MANY
from tests.reading.fuzzing import checks


@pytest.mark.parametrize("name", checks())
def test_no_bytes_make_a_reader_raise(name: str) -> None:
    check, random = checks()[name], Random(name)
    for _ in range(300):
        check(random)


@pytest.mark.parametrize(
    ("text", "too_many"),
    [
        ("[" + "1," * (MAX_LEAVES - 1) + "1]", False),
        ("[" + "1," * MAX_LEAVES + "1]", True),
        ("[" + "{}," * MAX_LEAVES + "{}]", True),
        ("[" + ("[" * 50 + "]" * 50 + ",") * 299 + "1]", False),
        ("[" + ("[" * 50 + "]" * 50 + ",") * 301 + "1]", True),
        ("[" + "[1,2]," * (MAX_LEAVES // 2) + "1]", True),
        ('["' + "," * 3 * MAX_LEAVES + '"]', False),
        ('["' + '\\",' * 3 * MAX_LEAVES + '"]', False),
        ("{" + ",".join(f'"{n}":{{"a":[]}}' for n in range(MAX_LEAVES)) + "}", False),
        ("{" + ",".join(f'"{n}":{{"a":[]}}' for n in range(MAX_LEAVES + 1)) + "}", True),
    ],
)
def test_values_are_counted_before_a_text_is_taken_apart(text: str, too_many: bool) -> None:
    assert (read_payload(text).unclear == TOO_MANY) is too_many


def test_law_32_a_long_content_type_is_not_read() -> None:
    kind = "application/json" + "".join(f";a{n}=1" for n in range(10_000))
    http = Http("POST", "https://api.example.com/", (("Content-Type", kind),), b"{}")
    assert read(http).unclear == "Its content type is too long."
