"""`make fuzz`: requests changed at random, against every reader, for SECONDS each.

`python -m tests.reading.fuzzing --seconds 60 [reader …]`. What is found is printed with the request
and its seed. No reader may raise, give values where it is unclear, or answer differently the second
time. The suite runs a bounded number of the same (test_fuzzed.py).
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from typing import Final

from approvals.model import Http
from approvals.reading import UNCLEAR, Leaf, Reading, find, names, read, read_payload
from approvals.reading.headers import identity, read_headers
from tests.differential.corpus import FORM, JSON, TRAPS, mutated, ordinary
from tests.differential.peers import HOST, Case

SEEDS: Final[Mapping[str, bytes]] = {
    "application/x-www-form-urlencoded": b"a=1&b[c]=2&d[]=3&d[]=4&e[0][f]=%C3%A4",
    "application/json": b'{"a":[1,2.5,null,true,"\\u00e4"],'
    b'"b":{"c":"{\\"d\\":1}","e":"aGVsbG8gd29ybGQhISE="}}',
    "application/x-ndjson": b'{"a":1}\n{"a":2}\n',
    "application/graphql": b"mutation { remove(id: 1) { ok } }",
    "multipart/form-data; boundary=x": b"--x\r\n"
    b'Content-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\nContent-Type: text/plain'
    b"\r\n\r\nhello\r\n--x--\r\n",
    "multipart/related; boundary=x": b'--x\r\nContent-Type: application/json\r\n\r\n{"a":1}\r\n'
    b"--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x--",
    "message/rfc822": b"From: a@example.com\r\nTo: b@example.com\r\nSubject: =?utf-8?B?aGk=?=\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n",
    "application/xml": b'<?xml version="1.0"?><a b="c"><d>e</d><!-- f --><![CDATA[g]]></a>',
    "text/plain": b"aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxk",
    "text/csv": b"a,b\r\n1,2\r\n",
    "application/yaml": b"apiVersion: v1\nkind: Secret\ndata: {a: aGk=}\n---\na: &x [1]\nb: *x\n",
    "application/octet-stream": b"\x00\x01\x02PK\x03\x04",
    "application/x-git-receive-pack-request": b"00a80000000000000000000000000000000000000000 "
    b"6dcb09b5b57875f334f61aebed695e2e4193db5e refs/heads/main\0 report-status0000PACK",
    "application/x-amz-json-1.1": b'{"TableName":"orders"}',
    "": b"anything",
}
"""A body of every kind that has, or may get, a reader, by its content type."""

Check = Callable[[Random], object]


def request(seeds: Sequence[Case], random: Random) -> Case:
    case = random.choice(seeds)
    for _ in range(random.choice([1, 1, 2, 6])):
        case = mutated(case, random)
    return case


def checked(case: Case) -> Reading:
    """Read it, twice, and look at all of what was read. AssertionError for a broken promise."""
    http = Http(case.method, f"https://{HOST}{case.target}", case.headers, case.body)
    reading = read(http)
    assert reading == read(http), "two readings of the same bytes"
    _looked_at(reading)
    identity(case.headers)
    read_headers(case.headers)
    read(replace(http, body_complete=False))
    return reading


def payload(text: str) -> Reading:
    reading = read_payload(text)
    _looked_at(reading)
    return reading


def _looked_at(reading: Reading) -> None:
    for part in (reading.query, reading.body):
        assert part.unclear is None or part.tree is UNCLEAR, "values although it is unclear"
        for leaf in part.walk():
            if isinstance(leaf, Leaf) and leaf.path and isinstance(leaf.path[0], str):
                for source in ("query", "form", "json", "header", "path"):
                    find(reading, f"{source}.{leaf.path[0]}" if source != "path" else "path.1-")
    assert isinstance(reading.faithful, bool)
    assert not (reading.faithful and reading.unclear)
    names(reading)
    _ = reading.opaque, reading.undecoded


def _of(cases: Sequence[Case], random: Random) -> Reading:
    return checked(request(cases, random))


def checks() -> dict[str, Check]:
    """Every reader with requests of its kind, and requests of all kinds."""
    found: dict[str, Check] = {}
    for kind, body in SEEDS.items():
        headers = (("Content-Type", kind),) if kind else ()
        seeds = [Case("POST", "/v1/a?b=1", headers, body)]
        seeds += [one for one in TRAPS.values() if dict(one.headers).get("Content-Type") == kind]
        found[kind or "no type"] = partial(_of, seeds)
    everything = [case for case in [*TRAPS.values(), *ordinary()] if len(case.body) < 20_000]
    found["requests"] = partial(_of, everything)
    payloads = [case for case in TRAPS.values() if (("Content-Type", JSON)) in case.headers]
    found["payload"] = lambda random: payload(
        request(payloads, random).body.decode("utf-8", "replace")
    )
    assert FORM in found
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reading.fuzzing", description=__doc__)
    parser.add_argument("readers", nargs="*", help=", ".join(checks()))
    parser.add_argument("--seconds", type=float, default=60.0, help="for each reader")
    parser.add_argument("--seed", type=int, default=time.time_ns())
    options = parser.parse_args()
    bad = 0
    for name, check in checks().items():
        if options.readers and name not in options.readers:
            continue
        random, until, done = Random(options.seed), time.monotonic() + options.seconds, 0
        while time.monotonic() < until:
            state = random.getstate()
            try:
                check(random)
            except Exception:
                bad += 1
                traceback.print_exc()
                random.setstate(state)
                print(f"{name}, seed {options.seed}, after {done}")
                break
            done += 1
        print(f"{name}: {done:,} requests in {options.seconds:.0f} s", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
