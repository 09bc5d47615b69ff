"""The process that works on large requests: `python -m approvals.reading.worker`; see `readings`.

One call after the other on standard input (a function and what it is given), its answer on standard
output, each as a length and a pickle. A length of 0 says first that it has started. It ends when
its input does.
"""

from __future__ import annotations

import pickle
import struct
import sys
from typing import BinaryIO, Final

LENGTH: Final = "!Q"


def main(source: BinaryIO, sink: BinaryIO) -> None:
    size = struct.calcsize(LENGTH)
    sink.write(struct.pack(LENGTH, 0))
    sink.flush()
    while len(head := source.read(size)) == size:
        (length,) = struct.unpack(LENGTH, head)
        function, args, named = pickle.loads(source.read(length))  # noqa: S301 # from our parent
        said = pickle.dumps(function(*args, **named))
        sink.write(struct.pack(LENGTH, len(said)) + said)
        sink.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
