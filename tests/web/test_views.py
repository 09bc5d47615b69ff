"""What pages say, and where they live: the pure parts."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from approvals import cards
from approvals.cli import remote
from approvals.model import Agent, Ask, Case, Http, Kind, Outcome, Person, Request, Status
from approvals.reading import read
from approvals.web import views
from approvals.web.api import view
from approvals.web.sheet import sheet
from approvals.web.site import Site, same_origin
from tests.harness.house import ROOM


def test_the_site_is_a_random_name_on_loopback_and_wants_https_elsewhere() -> None:
    for url in ("http://127.0.0.1:8080", "http://localhost:8080/", "http://[::1]:8080"):
        site = Site.at(url, "k3v9")
        assert (site.origin, site.host) == ("http://k3v9.localhost:8080", "k3v9.localhost:8080")
        assert (site.cookie, site.secure) == ("countersign", False)
    site = Site.at("https://Approve.example.com", "k3v9")
    assert (site.origin, site.cookie) == ("https://approve.example.com", "__Host-countersign")
    for bad in ("http://approve.example.com", "ftp://x", "approve.example.com", "https://x/y"):
        with pytest.raises(ValueError, match=r"site|https"):
            Site.at(bad, "k3v9")


@pytest.mark.parametrize(
    ("origin", "fetched", "taken"),
    [
        ("http://k.localhost:8080", None, True),
        ("http://k.localhost:8080", "same-origin", True),
        ("http://k.localhost:8080", "cross-site", False),
        ("null", "same-origin", True),
        (None, "same-origin", True),
        (None, None, False),
        (None, "none", False),
        ("null", None, False),
        ("http://k.localhost:8081", None, False),
        ("https://k.localhost:8080", "same-origin", False),
    ],
)
def test_law_08_only_our_own_origin_is_ours(
    origin: str | None, fetched: str | None, taken: bool
) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": fetched}
    given = {name: value for name, value in headers.items() if value is not None}
    assert same_origin(Site("http://k.localhost:8080"), given) is taken


def _request(url: str, **more: Any) -> Request:
    http = Http("POST", url, (), b"")
    return Request(
        "req_1", "default", 1, "r", Kind.AGENT, Agent("a"), "act", http, None, "", 0, **more
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://api.stripe.com@evil.example/x",
        "https://api.stripe.com:x@evil.example/",
        "https://api.stripe.com\\@evil.example/",
        "https://api.stripe.com%2f@evil.example/",
        "https://[::1",
        "javascript:alert(1)",
    ],
)
def test_law_12_an_address_with_two_readings_gives_no_title(url: str) -> None:
    assert "stripe" not in views.title(_request(url), salt=b"")


def test_law_11_a_claimed_title_is_never_the_title() -> None:
    request = _request("https://a.example:8443/p?q", claimed_title="Harmless")
    assert views.title(request, salt=b"") == "POST a.example:8443/p"


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome(True, 9, 201), "Delivered: 201"),
        (Outcome(False, 9, error="connection\nrefused"), "Not delivered: connection⏎refused"),
        (Outcome(None, 9), "Delivery unknown"),
        (Outcome(None, 9, error="unknown, probably delivered"), "Delivery unknown, probably deliv"),
        (Outcome(None, 9, 200, "passed on to OneCLI"), "Passed on to OneCLI"),
    ],
    ids=range(5),
)
def test_law_03_page_card_and_terminal_say_what_came_of_it_in_the_same_words(
    outcome: Outcome, words: str
) -> None:
    request = _request("https://api.example.com/")
    closed = Case(
        *("req_1", "default", 1, "", "r", "a"),
        Ask("any", (("default", 1),)),
        *(0, 9),
        status=Status.APPROVED,
        outcome=outcome,
    )
    assert request.http is not None
    reading = read(request.http)
    card = cards.build(closed, request, reading, limits=ROOM, review=None, salt=b"")
    what = sheet(request, reading, salt=b"")
    page = views.whole(
        closed, request, what, Person("dana"), fresh=True, receipt=False, salt=b"", names={}
    )
    told = Console(width=200, file=io.StringIO())
    remote.sheet(told, {**view(closed, None, names=True), "title": "x"})
    assert page.outcome is not None
    assert page.outcome.startswith(words)
    assert card.headline == f"Approved. {page.outcome}"
    assert page.outcome in told.file.getvalue()  # type: ignore[attr-defined] # a StringIO
