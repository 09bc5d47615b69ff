"""How long a request takes to read, beside `json.loads` and `email.message_from_bytes`.

The same bytes to each: a JSON body of many objects, a form, and a mail with an attachment. Ours
counts the values, looks for encoded texts and says what is unclear; theirs only parse. A body of
more than 1 MiB is not taken apart by us, and one of many thousand values neither: the last rows
are the slowest inputs that we know of.
"""

from __future__ import annotations

import base64
import email
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from approvals.model import Http
from approvals.reading import read
from bench.parts import Part, Rounds, Setting, number
from bench.record import Sheet

SIZES: Final = {"10 kB": 10_000, "64 kB": 65_536, "1 MiB": 1_048_000, "10 MiB": 10_485_000}
COLUMNS: Final = ("ours_ms", "json_ms", "email_ms")
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"


def bodies(largest: int) -> dict[tuple[str, str], tuple[str, bytes]]:
    """What is read and how large it is, to its content type and bytes."""
    found: dict[tuple[str, str], tuple[str, bytes]] = {}
    for size, count in SIZES.items():
        if count > largest:
            break
        found["JSON: texts", size] = (JSON, _texts(count))
        found["form", size] = (FORM, _form(count))
        found["mail", size] = ("message/rfc822", _mail(count))
        found["JSON: lists in lists", size] = (JSON, _lists(count))
        found["JSON: numbers", size] = (JSON, b"[" + b"1," * (count // 2 - 2) + b"1]")
    return found


def _texts(count: int) -> bytes:
    """Forty values, as a document or a long prompt has them."""
    text = "It's a text, as people write them. " * (count // 40 // 36 + 1)
    fields = {f"field{at}": text[: count // 40 - 16] for at in range(40)}
    return json.dumps(fields, separators=(",", ":")).encode()


def _form(count: int) -> bytes:
    value = b"a+text%2C+as+people+write+them" * (count // 40 // 30 + 1)
    return b"&".join(b"f[%d]=%s" % (at, value[: count // 40 - 8]) for at in range(40))


def _mail(count: int) -> bytes:
    head = (
        b"From: a@example.com\r\nTo: b@example.com\r\nSubject: Offer\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; "
        b"charset=utf-8\r\n\r\nPlease find it attached.\r\n--x\r\nContent-Type: application/pdf\r\n"
        b'Content-Disposition: attachment; filename="offer.pdf"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head + base64.encodebytes(b"%PDF-1.7\xff" * (count * 10 // 136)) + b"--x--\r\n"


def _lists(count: int) -> bytes:
    """The slowest that is read at all: values at the greatest depth."""
    one = b"[" * 60 + b"]" * 60
    return b"[" + b",".join([one] * (count // (len(one) + 1))) + b"]"


def measure(setting: Setting) -> Rounds:
    """In each round as many readings as make up the bytes that are wanted, at least one."""
    rounds, each = Rounds(), bodies(setting.sizes["largest"])
    for round_ in range(setting.sizes["rounds"]):
        for (what, size), (kind, body) in each.items():
            http = Http("POST", "https://api.example.com/v1/x", (("Content-Type", kind),), body)
            ours = _ms(partial(read, http), body, setting)
            theirs: dict[str, float | None] = {"json_ms": None, "email_ms": None}
            if kind == JSON:
                theirs["json_ms"] = _ms(partial(json.loads, body), body, setting)
            if kind == "message/rfc822":
                theirs["email_ms"] = _ms(partial(email.message_from_bytes, body), body, setting)
            rounds.append(
                {"peer": "reading", "what": what, "size": size, "bad": 0, "ours_ms": ours}
                | {name: took for name, took in theirs.items() if took is not None}
            )
        setting.console.print(f"{round_ + 1}. {len(each)} bodies read")
    return rounds


def _ms(work: Callable[[], object], body: bytes, setting: Setting) -> float:
    """Milliseconds of processor time for one reading."""
    times = max(1, min(2_000, setting.sizes["reads"] // len(body)))
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) * 1_000 / times


def sheet(made: Mapping[str, Any]) -> Sheet:
    """One row for each body."""
    found = made["medians"]
    return Sheet(
        f"Reading a request: medians of {made['sizes']['rounds']} rounds",
        ("body", "size", "read ms", "json.loads ms", "email.message_from_bytes ms"),
        tuple(
            (what, size, *(number(found[f"{what} {size}"].get(name), 2) for name in COLUMNS))
            for what, size in bodies(made["sizes"].get("largest", max(SIZES.values())))
        ),
    )


PART: Final = Part(
    says="how long a request takes to read",
    measure=measure,
    by=("what", "size"),
    sheet=sheet,
)
