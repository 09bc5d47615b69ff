"""Files that a call writes in base64: what they say, however short they are. Pure.

Recognised by path: the contents and blobs of GitHub's API, also below `/api/v3` of a server of
one's own, and the files and commits of GitLab's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from approvals.reading.content import text_of
from approvals.reading.encoded import base64_bytes, from_base64
from approvals.reading.values import UNCLEAR, Meaning, Opaque, Part, Path, Reading


def written(reading: Reading) -> Meaning | None:
    """`file.path`, `file.text` (of one file, where it is a text) and `file.size` in bytes; of
    several files (a commit), `file.paths`."""
    target, tree = reading.target, reading.body.tree
    if target is None or target.method not in ("POST", "PUT", "PATCH"):
        return None
    match = _CALL.fullmatch(target.path)
    if match is None or reading.body.kind != "json":
        return None
    if not isinstance(tree, Mapping):
        return Meaning(
            name="file", values=dict.fromkeys(("path", "paths", "text", "size"), UNCLEAR)
        )
    found = list(_files(tree, contents=match["contents"] is not None))
    if not found:
        return None
    inside: dict[Path, Part | Opaque] = {}
    values: dict[str, Any] = {}
    for path, name, text, raw in found:
        part = None if raw is None else from_base64(text)
        if part is not None:
            inside[path] = part
        if len(found) == 1:
            said = text if raw is None else text_of(raw)
            values = {"text": said, "size": len(text.encode() if raw is None else raw)}
            values["path"] = name or _named(target.segments)
    values["paths"] = [name or _named(target.segments) for _, name, _, _ in found]
    return Meaning(name="file", values=values, inside=inside)


def _files(
    tree: Mapping[str, Any], *, contents: bool
) -> Iterator[tuple[Path, str, str, bytes | None]]:
    """Where the content stands, the file's own name, the content, and its bytes if it is encoded.

    `contents`: this call takes nothing but base64; the others say so in `encoding`.
    """
    places: list[tuple[Path, Any]] = [((), tree)]
    if isinstance(actions := tree.get("actions"), list):
        places = [(("actions", at), one) for at, one in enumerate(actions)]
    for path, one in places:
        content = one.get("content") if isinstance(one, Mapping) else None
        if not isinstance(content, str):
            continue
        encoded = contents or one.get("encoding") == "base64"
        raw = base64_bytes(content) if encoded else None
        yield (*path, "content"), str(one.get("file_path") or ""), content, raw


def _named(segments: tuple[str, ...]) -> str:
    """The file's path as the call's own path gives it."""
    for at, segment in enumerate(segments):
        if at >= 3 and segment in ("contents", "files"):
            return "/".join(segments[at + 1 :])
    return ""


_CALL: Final = re.compile(
    r"(?P<contents>(?:/api/v3)?/repos/[^/]+/[^/]+/contents/.+)"
    r"|(?:/api/v3)?/repos/[^/]+/[^/]+/git/blobs"
    r"|/api/v4/projects/[^/]+/repository/(?:files/[^/]+|commits)"
)
