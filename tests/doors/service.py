"""A running service for the frameworks' tests, from the project's own environment: they have none.

It prints where it is and how to ask and decide there, and ends when stdin does.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.harness.installation import BOT, install


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = install(Path(folder))
        place.start()
        try:
            pin = place.call("GET", "/.well-known/jwks.json")[1]["keys"][0]["kid"]
            known = {"url": place.url, "key": BOT, "pin": pin, "token": place.token("dana")}
            sys.stdout.write(json.dumps(known) + "\n")
            sys.stdout.flush()
            sys.stdin.read()
        finally:
            place.stop()


if __name__ == "__main__":
    main()
