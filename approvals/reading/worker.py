"""The process that reads large requests: `python -m approvals.reading.worker`; see `readings`.

One request after the other on standard input, its reading on standard output, each as a length and
a pickle. It ends when its input does.
"""

from __future__ import annotations

import pickle
import struct
import sys
from typing import BinaryIO, Final

from approvals.reading import read, read_payload

LENGTH: Final = "!Q"


def main(source: BinaryIO, sink: BinaryIO) -> None:
    size = struct.calcsize(LENGTH)
    while len(head := source.read(size)) == size:
        (length,) = struct.unpack(LENGTH, head)
        http, payload, dialect = pickle.loads(source.read(length))  # noqa: S301 # from our parent
        if http is not None:
            found = read(http, dialect=dialect)
        else:
            found = read_payload("null" if payload is None else payload, dialect=dialect)
        said = pickle.dumps(found)
        sink.write(struct.pack(LENGTH, len(said)) + said)
        sink.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
