"""Values in columns: what has fields is kept by their names, in JSON where it is structured."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic_core import PydanticSerializationError, to_json

# Escapes all that is not ASCII: a NUL or a lone surrogate in an agent's words is no text to a
# database, but its escape is.
load: Final = json.JSONDecoder().decode


def dump(value: Any) -> str:
    """As JSON."""
    # The standard encoder makes itself anew for each call, which cost as much as a row. It alone
    # writes a lone surrogate.
    try:
        return to_json(value).decode()
    except PydanticSerializationError:
        return json.dumps(value)


def frozen(value: Any) -> Any:
    """With tuples for lists, as our values hold them."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def named(value: Any) -> dict[str, Any]:
    """The fields of a slotted dataclass, by name."""
    return {name: getattr(value, name) for name in value.__slots__}
