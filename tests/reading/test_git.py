"""Git over HTTP: what a push moves (`approvals/reading/git.py`), as the git program sends it."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from approvals.model import Http
from approvals.reading import UNCLEAR, Opaque, find, read
from tests.reading.git_server import run, serving
from tests.reading.made import meaning, post

OLD, NEW, ZERO = "1" * 40, "2" * 40, "0" * 40
URL = "https://github.com/example-org/shop.git/git-receive-pack"
TYPE = (("Content-Type", "application/x-git-receive-pack-request"),)
CAPABILITIES = " report-status-v2 side-band-64k object-format=sha1 agent=git/2.39.5"
PACK = b"PACK\0\0\0\x02\0\0\0\x03" + b"x" * 40


def line(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return b"%04x" % (len(raw) + 4) + raw


def push(*updates: str, capabilities: str = CAPABILITIES, after: bytes = PACK) -> Http:
    lines = [
        line(text + ("\0" + capabilities if at == 0 else "")) for at, text in enumerate(updates)
    ]
    return Http("POST", URL, TYPE, b"".join(lines) + b"0000" + after)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A bare repository below `tmp_path`/served, and a clone with a commit."""
    bare = tmp_path / "served" / "example-org" / "shop.git"
    bare.mkdir(parents=True)
    run(bare, "init", "-q", "--bare", "-b", "main")
    run(bare, "config", "http.receivepack", "true")
    run(bare, "config", "receive.denyDeleteCurrent", "ignore")
    run(bare, "config", "receive.advertisePushOptions", "true")
    work = tmp_path / "work"
    work.mkdir()
    run(work, "init", "-q", "-b", "main")
    run(work, "commit", "-q", "--allow-empty", "-m", "first")
    return work


def sent_by(shop: Path, *words: str) -> list[Http]:
    sent: list[Http] = []
    with serving(shop.parent / "served", sent) as address:
        run(shop, *(word.replace("URL", f"{address}/example-org/shop.git") for word in words))
    return sent


def test_pushes_as_git_sends_them_say_what_moves(shop: Path) -> None:
    first = run(shop, "rev-parse", "HEAD")
    listing, body = sent_by(shop, "push", "-q", "URL", "main")
    assert meaning(listing, "git").values["reads"] is True
    reading = read(body)
    assert meaning(reading, "git").says == f"Create branch main of example-org/shop at {first[:7]}"
    assert find(reading, "git.updates") == [
        {"ref": "refs/heads/main", "old": ZERO, "new": first, "kind": "create"}
    ]
    (pack,) = reading.opaque
    assert (pack.media_type, pack.size > 40) == ("application/x-git-packed-objects", True)
    assert find(reading, "git.objects") == 2
    assert reading.faithful
    run(shop, "commit", "-q", "--amend", "--allow-empty", "-m", "second")
    second = run(shop, "rev-parse", "HEAD")
    *_, forced = sent_by(shop, "push", "-q", "--force", "-o", "ci.skip", "URL", "main", "main:next")
    found = meaning(forced, "git")
    assert found.says == (
        "Push to example-org/shop, may rewrite history: 2 refs: "
        f"update branch main {first[:7]} → {second[:7]}, create branch next"
    )
    assert found.values["options"] == ["ci.skip"]
    assert found.values["rewrites"] is UNCLEAR
    run(shop, "tag", "v1")
    *_, tag = sent_by(shop, "push", "-q", "--atomic", "URL", "v1", ":next")
    found = meaning(tag, "git")
    assert found.values["deletes"] is True
    assert found.values["atomic"] is True
    assert found.says == (
        "Push to example-org/shop: 2 refs, 1 of them deleted: delete branch next, create tag v1"
    )
    *_, deletion = sent_by(shop, "push", "-q", "URL", ":main")
    assert meaning(deletion, "git").says == (
        f"Delete branch main of example-org/shop, which was at {second[:7]}"
    )
    assert read(deletion).opaque == ()


def test_a_large_push_begins_with_a_question_that_moves_nothing(shop: Path) -> None:
    sent = sent_by(shop, "-c", "http.postBuffer=65536", "push", "-q", "URL", "main")
    assert read(sent[-1]).faithful
    (shop / "data").write_bytes(bytes(range(256)) * 2000 + hashlib.sha512(b"x").digest() * 3000)
    run(shop, "add", ".")
    run(shop, "-c", "core.compression=0", "commit", "-q", "-m", "large")
    sent = sent_by(
        shop, "-c", "http.postBuffer=65536", "-c", "pack.compression=0", "push", "-q", "URL", "main"
    )
    probe, body = sent[-2:]
    assert meaning(probe, "git").values["reads"] is True
    assert find(read(body), "git.updates.*.kind") == ["update"]
    assert read(body).opaque[0].size > 65536


def test_clones_and_listings_of_refs_read(shop: Path) -> None:
    sent_by(shop, "push", "-q", "URL", "main")
    requests = [
        *sent_by(shop, "clone", "-q", "URL", "copy"),
        *sent_by(shop, "ls-remote", "-q", "URL"),
        *sent_by(shop, "-c", "protocol.version=0", "clone", "-q", "URL", "other"),
    ]
    assert len(requests) >= 6
    for request in requests:
        reading = read(request)
        assert find(reading, "git.reads") is True
        assert find(reading, "git.repository") == "example-org/shop"
        assert reading.faithful


def test_a_long_fetch_is_compressed_by_git_and_is_read(shop: Path) -> None:
    sent_by(shop, "push", "-q", "URL", "main")
    for at in range(40):
        run(shop, "commit", "-q", "--allow-empty", "-m", str(at))
    other = shop.parent / "other"
    sent_by(shop, "clone", "-q", "URL", str(other))
    run(other, "commit", "-q", "--allow-empty", "-m", "elsewhere")
    sent_by(other, "push", "-q", "URL", "HEAD:main")
    sent = sent_by(shop, "fetch", "-q", "URL", "main")
    packed = [one for one in sent if ("Content-Encoding", "gzip") in one.headers]
    assert packed
    for request in packed:
        assert read(request).faithful
        assert find(read(request), "git.reads") is True


def test_one_update_of_a_branch_is_named_by_it() -> None:
    request = push(f"{OLD} {NEW} refs/heads/main")
    assert meaning(request, "git").says == (
        "Push to main of example-org/shop: 1111111 → 2222222, may rewrite history"
    )
    tag = push(f"{OLD} {NEW} refs/tags/v1")
    assert str(meaning(tag, "git").says).startswith("Push to tag v1 of example-org/shop: 1111111")


def test_of_a_push_that_was_not_all_received_the_refs_are_clear_and_the_rest_is_not() -> None:
    request = replace(push(f"{OLD} {NEW} refs/heads/main"), body_complete=False)
    reading = read(request)
    assert find(reading, "git.updates.*.ref") == ["refs/heads/main"]
    assert not reading.faithful
    assert reading.opaque[0].name == "only its beginning was received"
    cut = replace(request, body=request.body[:60])
    assert find(read(cut), "git.updates") is UNCLEAR


SHALLOW = f"shallow {OLD}"


@pytest.mark.parametrize(
    "request_",
    [
        push(f"{OLD} {NEW} refs/heads/main", after=b"JUNK"),
        push(f"{OLD} {NEW} refs/heads/main", after=b"PACK\0\0\0\x07\0\0\0\x01"),
        push(f"{OLD} {ZERO} refs/heads/main"),
        push(f"{OLD} {NEW} refs/heads/main", f"{NEW} {OLD} refs/heads/main"),
        push(f"{OLD} {NEW} refs/heads/ma\nin"),
        push(f"{OLD} {NEW} refs/heads/m\u202ein"),
        push(f"{OLD} {NEW} refs/heads/../x"),
        push(f"{OLD} {NEW}"),
        push(f"{OLD[:39]} {NEW} refs/heads/main"),
        push(f"{OLD} {'2' * 64} refs/heads/main"),
        push(f"{ZERO} {ZERO} refs/heads/main"),
        push(f"{OLD} {NEW} refs/heads/main", f"{OLD} {NEW} refs/heads/b\0 atomic"),
        push("push-cert", "certificate version 0.1"),
        push(f"{OLD} {NEW} refs/heads/main", capabilities=" push-options", after=PACK),
        Http("POST", URL, TYPE, b"0001"), Http("POST", URL, TYPE, b"0003"),
        Http("POST", URL, TYPE, b"xyz"), Http("POST", URL, TYPE, b"00ff" + OLD.encode()),
        Http("POST", URL, TYPE, line(f"{OLD} {NEW} refs/heads/main\0")),
        Http("PUT", URL, TYPE, push(f"{OLD} {NEW} refs/heads/main").body),
        Http("POST", URL, (("Content-Type", "text/plain"),), b"0000"),
        Http("POST", URL, (*TYPE, ("Content-Encoding", "gzip")), b"0000"),
        Http("POST", URL, TYPE, line(b"\xff" * 90) + b"0000"),
    ],
)  # fmt: skip
def test_a_push_that_cannot_be_read_has_no_values_and_does_not_read(request_: Http) -> None:
    reading = read(request_)
    for key in ("updates", "refs", "deletes", "rewrites"):
        assert find(reading, f"git.{key}") is UNCLEAR
    assert find(reading, "git.reads") is False
    assert meaning(reading, "git").says is None


def test_a_shallow_line_is_accounted_for() -> None:
    body = line(SHALLOW) + push(f"{OLD} {NEW} refs/heads/main").body
    reading = read(Http("POST", URL, TYPE, body))
    assert reading.faithful
    assert reading.body.tree["shallow"] == [OLD]
    assert any(isinstance(leaf, Opaque) for leaf in reading.body.leaves)


LFS = "https://github.com/example-org/shop.git/info/lfs/objects/batch"
LFS_TYPE = (("content-type", "application/vnd.git-lfs+json"),)


def test_large_files_that_are_sent_do_not_read() -> None:
    objects = [{"oid": "ab" * 32, "size": 1200}, {"oid": "cd" * 32, "size": 34}]
    up = meaning(post(LFS, {"operation": "upload", "objects": objects}, LFS_TYPE), "git")
    assert up.says == "LFS upload of 2 objects to example-org/shop"
    assert (up.values["reads"], up.values["bytes"]) == (False, 1234)
    down = meaning(post(LFS, {"operation": "download", "objects": objects}, LFS_TYPE), "git")
    assert down.values["reads"] is True


@pytest.mark.parametrize(
    "body",
    [b"", {}, [], {"operation": "wipe", "objects": []}, {"operation": "download", "objects": [1]},
     b'{"operation": "download", "operation": "upload", "objects": []}',
     {"operation": "download"}, {"operation": ["download"], "objects": []}],
)  # fmt: skip
def test_a_question_about_large_files_that_cannot_be_read_does_not_read(body: object) -> None:
    found = meaning(post(LFS, body, LFS_TYPE), "git")
    assert (found.says, found.values["reads"]) == (None, False)


def test_the_body_of_a_fetch_at_the_address_of_a_push_says_no_refs() -> None:
    head = (("content-type", "application/x-git-upload-pack-request"),)
    url = "https://github.com/a/b.git/git-receive-pack"
    reading = read(Http("POST", url, head, b"0000"))
    assert find(reading, "git.reads") is False
    assert find(reading, "git.refs") is UNCLEAR
