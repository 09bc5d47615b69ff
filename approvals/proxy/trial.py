"""Does a credential work? One harmless request with it, by the code that agents' requests take."""

from __future__ import annotations

import base64
from collections.abc import Callable

import h11

from approvals.evidence import split_url
from approvals.model import Instant, Refused
from approvals.proxy import aws
from approvals.proxy.ca import utc
from approvals.proxy.credentials import AWS, Secret, Unavailable
from approvals.proxy.oauth import Denied
from approvals.proxy.post import exchanged
from approvals.proxy.reach import Reach
from approvals.proxy.secrets import Misuse, Secrets
from approvals.proxy.wire import Problem

STS = "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
"""Where keys of AWS are tried: every key may ask whose it is."""
MARK = "{}"
"""Stands for the secret."""


async def trial(
    secrets: Secrets, reach: Reach, secret: Secret, url: str, *, form: str | None, agent: str,
    clock: Callable[[], Instant],
) -> tuple[bool, str]:  # fmt: skip
    """Does it, and in words, which hold the status of the answer and nothing else of it.

    `url`: of a GET; `{}` in it stands for the secret. `form`: what stands in its header, such as
    `Bearer {}`.
    """
    placeholder = secrets.placeholder(secret.name, agent)
    try:
        headers = [("Host", split_url(url.replace(MARK, "x"))[1]), ("User-Agent", "countersign")]
        target, more = _filled_in(secret, placeholder, url, form)
        headers += more
        if secret.kind == AWS:
            headers = [*aws.as_agent(target, headers, placeholder, utc(clock()))]
        await secrets.fetch(agent, target, headers, None)
        clear = reach.listed(target)
        filled = secrets.fill(agent, target, headers, b"", clear=clear, method="GET")
        if not filled.used:
            return False, "the address has no place for it: write {} where it goes"
        status, _ = await exchanged(reach, "GET", filled.url or target, filled.headers)
    except Misuse as error:
        return False, f"it may not stand in {error}"
    except Unavailable as error:
        return False, error.why
    except (Problem, Denied, Refused, ValueError) as error:
        return False, str(error).rstrip(".")
    except h11.LocalProtocolError:
        return False, "the address can't be sent"
    secrets.answered(filled, status)
    place = split_url(target)[1]
    if status < 400:
        return True, f"{place} answered {status}: it works"
    if status in (401, 403):
        return False, f"{place} answered {status}: it refuses the credential, or what it may do"
    return False, f"{place} answered {status}: that says nothing about the credential"


def _filled_in(
    secret: Secret, placeholder: str, url: str, form: str | None
) -> tuple[str, list[tuple[str, str]]]:
    """Address and headers with the placeholder in its place. `ValueError`: it has none there."""
    kind, _, name = secret.header.partition(":")
    if secret.kind == AWS:
        return url, []
    if kind == "path":
        return url.replace(MARK, placeholder), []
    if kind == "query":
        sign = "&" if "?" in url else "?"
        return f"{url}{sign}{name}={placeholder}", []
    if kind == "form":
        raise ValueError("a secret in a form can't be tried with a GET: let an agent try it")
    text = form or ("Bearer {}" if secret.header == "authorization" else MARK)
    if text.lower().startswith("basic "):
        login = text[6:].replace(MARK, placeholder).encode()
        return url, [(secret.header.title(), f"Basic {base64.b64encode(login).decode()}")]
    return url, [(secret.header.title(), text.replace(MARK, placeholder))]
