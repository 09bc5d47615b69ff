"""Files that are handed to a platform."""

from __future__ import annotations

import json
from typing import Any


def written(value: Any) -> bytes:
    """JSON as a person reads it."""
    return json.dumps(value, indent=2).encode() + b"\n"
