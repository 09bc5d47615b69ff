"""What was asked, whole, and the keys under which requesters asked it."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from approvals.model import ORG, Agent, Fact, Http, Instant, Kind, Request
from approvals.store.columns import dump, frozen, load, named
from approvals.store.statements import P, delete_by, insert, select, upsert
from approvals.store.subject import Subject
from approvals.store.tables import contents, idempotency


def content_params(request: Request) -> dict[str, Any]:
    """The content, its body apart and as it is."""
    http = request.http
    fields = named(request)
    fields["agent"] = named(request.agent)
    fields["http"] = http and [http.method, http.url, http.headers, http.body_complete]
    for name in ("facts", "claimed_facts"):
        fields[name] = [(fact.label, fact.value) for fact in fields[name]]
    meta = {k: v for k, v in fields.items() if k not in ("id", "revision")}
    return {
        "request_id": request.id,
        "revision": request.revision,
        "meta": dump(meta),
        "body": http and http.body,
    }


def request_of(id_: str, revision: int, meta: str, body: bytes | None) -> Request:
    """The request, whole."""
    fields = load(meta)
    fields["kind"] = Kind(fields["kind"])
    fields["agent"] = Agent(**fields["agent"])
    if fields["http"]:
        method, url, headers, whole = fields["http"]
        fields["http"] = Http(method, url, frozen(headers), body or b"", whole)
    for name in ("facts", "claimed_facts"):
        fields[name] = tuple(Fact(*fact) for fact in fields[name])
    return Request(id=id_, revision=revision, **fields)


insert_content: Final = insert(contents)
_select_content: Final = select(contents, ["meta", "body"], "request_id", "revision")


_size: Final = sa.func.length(contents.c.meta) + sa.func.coalesce(
    sa.func.length(contents.c.body), 0
)
_select_small: Final = _select_content.where(_size <= P("most"))
delete_contents: Final = delete_by(contents, "request_id")
insert_idempotency: Final = insert(idempotency, quiet=True)
_upsert_idempotency: Final = upsert(idempotency)
select_idempotency: Final = select(
    idempotency, ["body_sha", "request_id"], "org", "requester", "key"
)
_IDS: Final = "req_" + "0" * 26, "req_" + "Z" * 26
"""Below and above every id of a request."""
_select_last_key: Final = (
    sa.select(idempotency.c.key)
    .where(
        idempotency.c.org == P("org_"),
        idempotency.c.requester == P("requester_"),
        idempotency.c.key >= P("first_"),
        idempotency.c.key <= P("last_"),
    )
    .order_by(idempotency.c.key.desc())
    .limit(1)
)


class RequestStore(Subject):
    """Contents and idempotency keys."""

    async def content(self, request_id: str, revision: int) -> Request | None:
        """What was asked, whole; None: never was, or erased."""
        found = await self._read(_select_content, request_id_=request_id, revision_=revision)
        return request_of(request_id, revision, *found[0]) if found else None

    async def small_content(
        self, request_id: str, revision: int, most: int = 64 * 1024
    ) -> Request | None:
        """What was asked, where it is small enough to be read for a list; else None."""
        found = await self._read(
            _select_small, request_id_=request_id, revision_=revision, most=most
        )
        return request_of(request_id, revision, *found[0]) if found else None

    async def idempotent(
        self, requester: str, key: str, *, org: str = ORG
    ) -> tuple[str, str] | None:
        """(hash of the body, request id) of the first use of a requester's key."""
        found = await self._read(select_idempotency, org_=org, requester_=requester, key_=key)
        return (found[0][0], found[0][1]) if found else None

    async def last_key(self, requester: str, first: str, *, org: str = ORG) -> str | None:
        """The last of a requester's keys of the form `<first> <request id>`, if there is one."""
        first_, last_ = (f"{first} {id}" for id in _IDS)
        found = await self._read(
            _select_last_key, org_=org, requester_=requester, first_=first_, last_=last_
        )
        return str(found[0][0]) if found and str(found[0][0]).startswith(first) else None

    async def remember(
        self, requester: str, key: str, value: str, request_id: str, at: Instant, *, org: str = ORG
    ) -> None:
        """Keep under a key of our own what `idempotent` then gives back, in the place of what was
        there; forgotten with the keys that requesters chose."""
        await self._write(
            _upsert_idempotency,
            org=org, requester=requester, key=key, body_sha=value, request_id=request_id, at=at,
        )  # fmt: skip
