"""What can go wrong, each error with what to do about it. None of them ever means "approved"."""

from __future__ import annotations


class CountersignError(Exception):
    """Nothing may run. `message`: what is wrong; `cure`: what to do next.

    `of_the_call`: the call was approved and ran, and raised this itself.
    """

    of_the_call = False

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(f"{message} {cure}" if cure else message)
        self.message, self.cure = message, cure


class Misconfigured(CountersignError):
    """A setting is missing, or cannot be safe."""


class Unreachable(CountersignError):
    """The service does not answer, or not as itself."""


class NotAccepted(CountersignError):
    """The service refused the request. `type`: the slug of its problem document."""

    def __init__(self, message: str, cure: str = "", *, type: str = "") -> None:
        super().__init__(message, cure)
        self.type = type


class Unverified(CountersignError):
    """There is an answer, and it proves nothing: the receipt or the action is not the one asked."""


class AlreadyUsed(Unverified):
    """This approval released something before. An approval is for one run."""


class NotApproved(CountersignError):
    """Nobody approved it. `request_id`; `reason`: the approver's words, or None."""

    def __init__(
        self, message: str, cure: str = "", *, request_id: str = "", reason: str | None = None
    ) -> None:
        super().__init__(message, cure)
        self.request_id, self.reason = request_id, reason


class Declined(NotApproved):
    """A person, or a rule, said no."""


class Expired(NotApproved):
    """Nobody decided in time."""


class Withdrawn(NotApproved):
    """The request was withdrawn before anybody decided."""


def raised(error: BaseException) -> str:
    """What the approvers are told of a call that raised: its text may hold anything."""
    return f"it raised {type(error).__name__}"


def printable(text: str) -> str:
    """Text of others for a terminal or a log: what cannot be seen stands as `\\u{…}`."""
    return "".join(
        char if char.isprintable() or char == "\n" else f"\\u{{{ord(char):x}}}" for char in text
    )
