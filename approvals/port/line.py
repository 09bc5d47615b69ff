"""A log event of an adapter: `log.error(Line("platform_refused_app", why=why))`.

Event names never change, because people search and alert by them; docs/logs.md explains each.
`logging` takes any object as a message
(https://docs.python.org/3/howto/logging.html#using-arbitrary-objects-as-messages), so the logger is
the one that SDKs get too.
"""

from __future__ import annotations

from typing import TypeAlias

Plain: TypeAlias = str | int | float | list[str] | None


class Line:
    """An event's name and details. Never a secret."""

    __slots__ = ("event", "fields")

    def __init__(self, event: str, **fields: object) -> None:
        self.event = event
        self.fields: dict[str, Plain] = {
            name: value if isinstance(value, str | int | float | list | None) else str(value)
            for name, value in fields.items()
        }

    def __str__(self) -> str:
        return " ".join((self.event, *(f"{name}={it!r}" for name, it in self.fields.items())))
