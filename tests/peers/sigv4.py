"""AWS's side of Signature Version 4, written from its published algorithm and from nothing else.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from ssl import SSLContext
from urllib.parse import quote, unquote

from aiohttp import web

ACCESS, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
Headers = Sequence[tuple[str, str]]


def signature(
    method: str, target: str, headers: Headers, signed: Sequence[str], payload: str, secret: str,
    scope: str,
) -> str:  # fmt: skip
    """`scope`: date/region/service/aws4_request; `signed`: names in lower case, sorted."""
    date, region, service, _ = scope.split("/")
    path, _, query = target.partition("?")
    path = unquote(path)
    if service != "s3":
        kept = list[str]()
        for part in path.split("/"):
            if part == "..":
                kept = kept[:-1]
            elif part not in ("", "."):
                kept.append(part)
        folder = path.endswith(("/", "/.", "/..")) and kept
        path = "/" + "/".join(kept) + ("/" if folder else "")
        path = quote(path, safe="/-_.~")
    path = quote(path, safe="/-_.~")
    fields = [pair.partition("=") for pair in query.split("&") if pair]
    pairs = sorted(
        (quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~"))
        for name, _, value in fields
    )
    canonical = [method, path, "&".join(f"{name}={value}" for name, value in pairs)]
    for name in signed:
        values = [re.sub(" +", " ", value.strip()) for it, value in headers if it.lower() == name]
        canonical.append(f"{name}:{','.join(values)}")
    canonical += ["", ";".join(signed), payload]
    time = next(value for name, value in headers if name.lower() == "x-amz-date")
    digest = sha256("\n".join(canonical).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


@dataclass(slots=True)
class Aws:
    """Answers what a signature proves. `token`: the session's; `now`: seconds; `seen`: method,
    target, headers and body of all that verified; `why`: what was wrong with the others."""

    now: Callable[[], float]
    token: str | None = None
    url: str = ""
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = [(n.decode().lower(), v.decode()) for n, v in request.raw_headers]
        if wrong := self.wrong(request.method, request.raw_path, headers, body):
            self.why.append(wrong)
            xml = f"<Error><Code>SignatureDoesNotMatch</Code><Message>{wrong}</Message></Error>"
            return web.Response(status=403, text=xml, content_type="application/xml")
        self.seen.append((request.method, request.raw_path, dict(headers), body))
        return self.answer(request, dict(headers), body)

    def wrong(self, method: str, target: str, headers: Headers, body: bytes) -> str | None:
        named = dict(headers)
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8}/[^/]+/[^/]+/aws4_request), "
            r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
            named.get("authorization", ""),
        )
        if found is None:
            return "no signature"
        key, scope, signed, given = found.groups()
        names = signed.split(";")
        if key != ACCESS:
            return f"nobody has the key {key}"
        if named.get("x-amz-security-token") != self.token:
            return "another session"
        must = {"host"} | {name for name, _ in headers if name.startswith("x-amz-")}
        if not must <= set(names) or names != sorted(names):
            return "not all is signed"
        sent = datetime.strptime(named["x-amz-date"] + "+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
        if abs(sent - self.now()) > 300 or named["x-amz-date"][:8] != scope[:8]:
            return "not signed now"
        payload = named.get("x-amz-content-sha256")
        digest = sha256(body).hexdigest()
        if payload is not None and len(payload) == 64 and payload != digest:
            return "another body"
        made = signature(method, target, headers, names, payload or digest, SECRET, scope)
        return None if hmac.compare_digest(made, given) else "the signature does not match"

    def answer(self, request: web.Request, headers: dict[str, str], body: bytes) -> web.Response:
        """As little as the client takes for an answer."""
        service = headers["authorization"].split("/")[3]
        xml = "application/xml"
        if service == "dynamodb":
            item = '{"Item": {"id": {"S": "1"}}}'
            return web.Response(text=item, content_type="application/x-amz-json-1.0")
        if service == "sts":
            inner = "<Arn>arn:aws:iam::1:user/x</Arn>"
            inner = f"<GetCallerIdentityResult>{inner}</GetCallerIdentityResult>"
            text = f"<GetCallerIdentityResponse>{inner}</GetCallerIdentityResponse>"
            return web.Response(text=text, content_type=xml)
        if service == "ec2":
            text = "<TerminateInstancesResponse><requestId>r</requestId>"
            return web.Response(text=f"{text}</TerminateInstancesResponse>", content_type=xml)
        if request.method == "PUT":
            self.objects[request.path] = body
            return web.Response(headers={"ETag": '"x"'})
        whole = self.objects.get(request.path, b"")
        if (part := re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", ""))) is None:
            return web.Response(body=whole)
        first, last = int(part[1]), int(part[2])
        span = {"Content-Range": f"bytes {first}-{last}/{len(whole)}"}
        return web.Response(status=206, body=whole[first : last + 1], headers=span)


@asynccontextmanager
async def aws(
    tls: SSLContext, now: Callable[[], float], token: str | None = None
) -> AsyncIterator[Aws]:
    made = Aws(now, token)
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{rest:.*}", made.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1, auto_decompress=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    made.url = f"https://localhost:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
