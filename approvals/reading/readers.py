"""The special readers: what a protocol makes of a body that was read already.

A reader is a pure function from a `Reading` to a `Meaning`, or None where the request is not of its
kind. Adding one is a module and a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from approvals.reading import (
    aws,
    files,
    git,
    graphql,
    kubernetes,
    mail_calls,
    models,
    multipart,
    rpc,
    shell,
    sql,
)
from approvals.reading.json_text import read_json
from approvals.reading.values import LARGEST, Meaning, Part, Reading

Reader: TypeAlias = Callable[[Reading], Meaning | None]

READERS: Final[tuple[Reader, ...]] = (
    aws.aws,
    kubernetes.kubernetes,
    git.git,
    sql.sql,
    shell.shell,
    shell.edit,
    graphql.graphql,
    rpc.mcp,
    rpc.calls,
    rpc.batch,
    mail_calls.message,
    mail_calls.gmail,
    mail_calls.fields,
    files.written,
    multipart.upload,
    models.model,
)
"""In the order in which they are tried; each recognises its own requests by their shape."""

NAMESPACES: Final = (
    "mail", "aws", "git", "graphql", "kubernetes", "rpc", "mcp", "batch", "sql", "shell", "edit",
    "file", "upload", "xml", "llm",
)  # fmt: skip
"""Every `Meaning.name` that there may be: what titles, facts and sources may name."""


def meanings(reading: Reading) -> tuple[Meaning, ...]:
    """What every reader that recognises this request made of it.

    JSON that is sent as plain text is read as JSON: to a server that does not take it so, it is
    nothing (browsers' `sendBeacon` and many clients of JSON-RPC send it so).
    """
    body = hidden_json(reading.body)
    if body is not None and body.unclear is None:
        reading = replace(reading, body=body)
    found = (reader(reading) for reader in READERS)
    return tuple(one for one in found if one is not None)


def hidden_json(body: Part) -> Part | None:
    """A text that begins as JSON does, as JSON; None for all others."""
    text = getattr(body.leaves[0], "value", None) if body.leaves else None
    if body.kind != "text" or body.unclear is not None or not isinstance(text, str):
        return None
    begins = text[:64].lstrip(" \t\r\n")[:1] in ("{", "[")
    return read_json(text) if begins and len(text) <= LARGEST else None
