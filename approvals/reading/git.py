"""Git over HTTP: which refs a push moves from where to where. Pure; only the head is taken apart.

The head of a push is lines with their lengths: `old new ref`, capabilities after a NUL, a flush,
push options if they were announced, then the pack, which is only named. Whether a push rewrites
history cannot be told from its bytes: the server has the commits.

https://git-scm.com/docs/gitprotocol-pack#_reference_update_request_and_packfile_transfer ·
https://git-scm.com/docs/gitprotocol-http · https://git-scm.com/docs/gitprotocol-common#_pkt_line_format
(all read in November 2026)
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from approvals.reading.content import opaque
from approvals.reading.shapes import listed, short
from approvals.reading.values import UNCLEAR, Leaf, Meaning, Part, Reading, nested

PUSH: Final = "application/x-git-receive-pack-request"
FETCH: Final = "application/x-git-upload-pack-request"
MAX_UPDATES: Final = 1_000
"""Refs in one push; a card can show a few dozen."""


def read_push(body: bytes, *, complete: bool = True) -> Part:
    """The body of a push. Never raises. `complete` False: only its beginning was received."""
    try:
        tree, rest = _push(body)
    except ValueError as error:
        return _as_it_is(body, PUSH, str(error))
    if why := _pack_fault(tree, rest):
        return _as_it_is(body, PUSH, why)
    if not rest and complete:
        return nested("git", tree)
    name = None if complete else "only its beginning was received"
    pack = opaque(rest, "application/x-git-packed-objects", name, ("pack",))
    return replace(nested("git", {**tree, "pack": pack}), tree=tree)


def read_fetch(body: bytes) -> Part:
    """The body of a fetch or a listing of refs: its lines as one text. It changes nothing."""
    lines: list[str] = []
    try:
        at = 0
        while at < len(body):
            line, at = _line(body, at)
            lines.append("" if isinstance(line, int) else _text(line))
    except ValueError as error:
        return _as_it_is(body, FETCH, str(error))
    return Part(kind="git", leaves=(Leaf((), "\n".join(lines).strip()),))


def git(reading: Reading) -> Meaning | None:
    """`git.repository` (`example-org/shop`), `git.service`, `git.reads`; of a push `git.updates`:
    [{ref, old, new, kind: create | update | delete}], `git.refs`, `git.deletes`, `git.rewrites`
    (False, or `UNCLEAR`), `git.atomic`, `git.options`, `git.objects` in its pack."""
    target = reading.target
    if target is None or target.unclear or reading.query.unclear or reading.query.repeated:
        return None
    *path, last = target.segments or ("",)
    if (*path[-3:], last) == ("info", "lfs", "objects", "batch"):
        return _lfs(reading, "/".join(path[:-3]).removesuffix(".git"))
    if last == "refs" and path[-1:] == ["info"]:
        service = reading.query.tree.get("service")
        if service not in ("git-upload-pack", "git-receive-pack") or target.method != "GET":
            return None
        path = path[:-1]
    elif last in ("git-upload-pack", "git-receive-pack"):
        service = last
    else:
        return None
    repository = "/".join(path).removesuffix(".git")
    if last == "refs" or service == "git-upload-pack":
        reads = target.method in ("GET", "POST")
        values = {"repository": repository, "service": service, "reads": reads}
        doing = "List the refs of" if last == "refs" else "Fetch from"
        return Meaning(name="git", values=values, says=f"{doing} {short(repository)}")
    return _pushed(reading, repository)


_WHAT: Final = ("updates", "refs", "deletes", "rewrites", "atomic", "options", "objects")
_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NO_REF: Final = re.compile(r"[\0- \x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|\.$|/\.|\.lock(?:/|$)")
"""https://git-scm.com/docs/git-check-ref-format"""


def _pushed(reading: Reading, repository: str) -> Meaning:
    head = {"repository": repository, "service": "git-receive-pack", "reads": False}
    body = reading.body
    fits = reading.target is not None and reading.target.method == "POST"
    pushed = body.kind == "git" and body.unclear is None and "updates" in body.tree
    if not pushed or not fits:  # the body of a fetch, sent to where a push goes, says no refs
        return Meaning(name="git", values={**head, **dict.fromkeys(_WHAT, UNCLEAR)})
    updates = body.tree["updates"]
    kinds = [one["kind"] for one in updates]
    values = {
        **head,
        "reads": not updates,
        "updates": updates,
        "refs": [one["ref"] for one in updates],
        "deletes": "delete" in kinds,
        "rewrites": UNCLEAR if {"update", "delete"} & set(kinds) else False,
        "atomic": "atomic" in body.tree["capabilities"].split(" "),
        "options": body.tree["options"],
        "objects": body.tree["objects"],
    }
    return Meaning(name="git", values=values, says=_says(updates, short(repository)))


def _lfs(reading: Reading, repository: str) -> Meaning:
    """Large files: asked where to fetch them from or send them to, before they are
    (https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md)."""
    body = reading.body.tree if reading.body.kind == "json" else {}
    fields = body if isinstance(body, dict) and reading.body.unclear is None else {}
    operation, objects = fields.get("operation"), fields.get("objects")
    items = objects if isinstance(objects, list) else [None]
    sizes = [one.get("size") if isinstance(one, dict) else None for one in items]
    known = operation in ("upload", "download") and all(isinstance(size, int) for size in sizes)
    values = {
        "repository": repository,
        "service": "git-lfs",
        "reads": operation == "download" and known,
        "operation": operation if known else UNCLEAR,
        "objects": len(sizes) if known else UNCLEAR,
        "bytes": sum(size for size in sizes if size is not None) if known else UNCLEAR,
    }
    way = "from" if operation == "download" else "to"
    said = f"LFS {operation} of {len(sizes)} objects {way} {short(repository)}"
    return Meaning(name="git", values=values, says=said if known else None)


def _says(updates: list[dict[str, str]], repository: str) -> str:
    match updates:
        case []:
            return f"Ask whether a push to {repository} would be let in"
        case [{"kind": "create", "ref": ref, "new": new}]:
            return f"Create {_named(ref)} of {repository} at {new[:7]}"
        case [{"kind": "delete", "ref": ref, "old": old}]:
            return f"Delete {_named(ref)} of {repository}, which was at {old[:7]}"
        case [{"ref": ref, "old": old, "new": new}]:
            name = _named(ref).removeprefix("branch ")
            return f"Push to {name} of {repository}: {old[:7]} → {new[:7]}, may rewrite history"
    order = ("delete", "update", "create")
    items = [
        f"{one['kind']} {_named(one['ref'])}"
        + (f" {one['old'][:7]} → {one['new'][:7]}" if one["kind"] == "update" else "")
        for one in sorted(updates, key=lambda one: order.index(one["kind"]))
    ]
    deletes = sum(one["kind"] == "delete" for one in updates)
    head = f"{len(updates)} refs" + (f", {deletes} of them deleted" if deletes else "")
    rewrites = ", may rewrite history" if any(one["kind"] == "update" for one in updates) else ""
    return f"Push to {repository}{rewrites}: {head}: {listed(items, 160)}"


def _named(ref: str) -> str:
    for prefix, word in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
        if ref.startswith(prefix):
            return f"{word} {short(ref.removeprefix(prefix))}"
    return short(ref)


def _push(body: bytes) -> tuple[dict[str, Any], bytes]:
    """The head as a tree, and what follows it. `ValueError` with a sentence."""
    updates: list[dict[str, str]] = []
    shallow: list[str] = []
    capabilities: str | None = None
    at = 0
    while True:
        line, at = _line(body, at)
        if line == 0:
            break
        if isinstance(line, int):
            raise ValueError("It holds a mark that does not belong in a push.")
        head, nul, after = line.partition(b"\0")
        text = _text(head)
        if capabilities is None and not text.startswith("shallow "):
            capabilities = _text(after)
            if not capabilities.isprintable():
                raise ValueError("Its capabilities are not plain text.")
        elif nul:
            raise ValueError("It announces capabilities twice.")
        if text.startswith("shallow ") and not updates and _ID.fullmatch(text[8:]):
            shallow.append(text[8:])
            continue
        updates.append(_update(text))
        if len(updates) > MAX_UPDATES:
            raise ValueError(f"It moves more than {MAX_UPDATES} refs.")
    refs = {one["ref"] for one in updates}
    if len(refs) != len(updates):
        raise ValueError("It moves one ref twice.")
    options: list[str] = []
    if "push-options" in (capabilities or "").split(" "):
        line, at = _line(body, at)
        while not isinstance(line, int):
            options.append(_text(line))
            line, at = _line(body, at)
        if line != 0:
            raise ValueError("It holds a mark that does not belong in a push.")
    rest = body[at:]
    objects = int.from_bytes(rest[8:12], "big") if rest[:4] == b"PACK" and len(rest) >= 12 else 0
    tree = {
        "updates": updates, "capabilities": (capabilities or "").strip(" "), "options": options,
        "shallow": shallow, "objects": objects,
    }  # fmt: skip
    return tree, rest


def _update(text: str) -> dict[str, str]:
    if text.startswith("push-cert"):
        raise ValueError("It is a signed push, whose certificate is not read.")
    old, _, others = text.partition(" ")
    new, _, ref = others.partition(" ")
    if not (_ID.fullmatch(old) and _ID.fullmatch(new) and len(old) == len(new)):
        raise ValueError("One of its lines does not say which ref moves from where to where.")
    if not ref or _NO_REF.search(ref) or not ref.isprintable():
        raise ValueError("One of its refs has a name that git does not allow.")
    if set(old) == set(new) == {"0"}:
        raise ValueError("It neither creates a ref nor deletes it.")
    kind = "create" if set(old) == {"0"} else "delete" if set(new) == {"0"} else "update"
    return {"ref": ref, "old": old, "new": new, "kind": kind}


def _pack_fault(tree: dict[str, Any], rest: bytes) -> str | None:
    if not rest:
        return None
    if rest[:4] != b"PACK"[: len(rest)] or rest[4:8] not in (b"", b"\0\0\0\2", b"\0\0\0\3"):
        return "What follows its refs is not a pack."
    if all(one["kind"] == "delete" for one in tree["updates"]):
        return "It sends a pack but moves no ref to a commit."
    return None


def _line(body: bytes, at: int) -> tuple[bytes | int, int]:
    """The line that begins there, without its line end, or 0 to 2 for a mark; and where the next
    one begins."""
    size = body[at : at + 4]
    if re.fullmatch(rb"[0-9a-fA-F]{4}", size) is None:
        raise ValueError("It is not in git's line format.")
    length = int(size, 16)
    if length < 3:
        return length, at + 4
    if length == 3 or len(body) < at + length:
        raise ValueError("One of its lines is cut off.")
    return body[at + 4 : at + length].removesuffix(b"\n"), at + length


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise ValueError("It holds text that is not UTF-8.") from None


def _as_it_is(body: bytes, media_type: str, why: str) -> Part:
    return Part(kind="git", leaves=(opaque(body, media_type),), tree=UNCLEAR, unclear=why)
