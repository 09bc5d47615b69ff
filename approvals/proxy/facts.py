"""Facts that data cannot describe, by name: those of a mail. Pure; what is unclear gives none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from approvals.conditions import Value
from approvals.decoders import fact
from approvals.model import Http
from approvals.proxy.rules import Reading
from approvals.reading import Leaf, Part, find, read

Read: TypeAlias = Callable[[Http], Reading]


def mail(http: Http) -> Reading:
    """Who gets a mail, what it says and what is attached, however the call holds it."""
    request = read(http)
    attached, recipients = find(request, "mail.attachments"), find(request, "mail.recipients")
    if request.unclear is not None or not isinstance(attached, list):
        return Reading()
    part = _mail(request.body)
    facts = [
        fact(_LABELS[str(leaf.path[0])], _said(leaf))
        for leaf in part.leaves
        if isinstance(leaf, Leaf) and leaf.path[0] in _LABELS
    ]
    many = f"{len(attached)}: {', '.join(attached)}" if attached else "none"
    decoded: dict[str, Value] = {"attachments": len(attached)}
    if recipients:
        decoded["recipients"] = recipients
    if subject := find(request, "mail.subject"):
        decoded["subject"] = subject
    return Reading((*facts, fact("Attachments", many)), decoded)


READERS: Final[Mapping[str, tuple[Mapping[str, str], Read]]] = {
    "gmail": (
        {"recipients": "list(string)", "subject": "string", "attachments": "int"},
        mail,
    ),
}
"""Name -> the types of the values that it may give, and how it reads."""

_LABELS: Final = {
    "from": "From",
    "to": "To",
    "cc": "Cc",
    "bcc": "Bcc",
    "reply_to": "Reply-To",
    "subject": "Subject",
    "text": "Text",
    "html": "HTML, as text",
}


def _mail(body: Part) -> Part:
    """The mail that a body is or holds."""
    inside = (leaf.inside for leaf in body.leaves if isinstance(leaf, Leaf))
    held = (part for part in inside if isinstance(part, Part) and part.kind == "mail")
    return body if body.kind == "mail" else next(held, Part(kind="none"))


def _said(leaf: Leaf) -> str:
    """A leaf's text: of HTML, its words."""
    first: object = leaf
    if leaf.path[0] == "html" and isinstance(leaf.inside, Part):
        first = leaf.inside.leaves[0]
    return str(first.value) if isinstance(first, Leaf) else ""
