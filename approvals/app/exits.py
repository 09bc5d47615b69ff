"""Exit codes, the same for every command, and the error that carries one."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a script may rely on. 2 is a wrong command line."""

    OK = 0
    FAILED = 1
    """Refused, not found, or already decided: the message says which."""
    CONFIG = 3
    """The configuration or the key folder has faults."""
    DENIED = 4
    """No token, a wrong token, or this person may not."""
    UNREACHABLE = 5
    """The service or the database does not answer."""
    UNVERIFIED = 6
    """A receipt, a chain or a digest does not verify."""


class Stop(Exception):
    """End the command with this code and these words: what is wrong, and what helps (`cure`)."""

    def __init__(self, code: Exit, message: str, cure: str = "") -> None:
        super().__init__(f"{message} {cure}" if cure else message)
        self.code = code
        self.message = message
        self.cure = cure
