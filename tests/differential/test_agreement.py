"""Law 29: wherever a reading is clear, every server that takes the request read the same.

The servers are Express 5 (both ways of reading names), Fastify, Node's own URL and Request, Django,
Starlette, aiohttp, Flask, PHP, Sinatra on Rack and, where a toolchain is, Go's net/http.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.differential import corpus
from tests.differential.agree import differences, reading_of
from tests.differential.corpus import RECORDED, TRAPS, document, form, ordinary, query
from tests.differential.peers import HERE, WANTED, Case, Peer, running
from tests.differential.run import Tally, compare, mutations

MUTATED = 4_000
"""In the suite; `make differential` does a hundred thousand."""
SHRINKING = settings(
    max_examples=40,
    derandomize=True,  # a commit passes or fails; `make differential` goes looking for more
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass(frozen=True, slots=True)
class Servers:
    """All of them, on a loop of their own."""

    peers: list[Peer]
    runner: asyncio.Runner

    def compare(self, *cases: Case) -> Tally:
        tally = Tally()
        self.runner.run(compare(self.peers, cases, tally))
        return tally


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with asyncio.Runner() as runner:
        started = running(tmp_path_factory.mktemp("servers"))
        yield Servers(runner.run(started.__aenter__()), runner)
        runner.run(started.__aexit__(None, None, None))


def lines(case: Case) -> str:
    return f"{case.method} {case.target[:40]} {case.body[:30]!r}"


def plain() -> list[Case]:
    """Without the upload in chunks, which only object stores take apart (`aws-chunked`)."""
    return [one for one in ordinary() if ("content-encoding", "aws-chunked") not in one.headers]


@pytest.mark.parametrize("case", plain(), ids=lines)
def test_law_29_ordinary_requests_stay_clear(case: Case) -> None:
    assert reading_of(case).unclear is None


def test_every_server_is_there_and_takes_ordinary_requests(servers: Servers) -> None:
    tally = servers.compare(*ordinary())
    assert set(WANTED) <= set(tally.taken)
    assert min(tally.taken.values()) >= len(ordinary()) * 0.8, tally.taken
    assert not tally.found


def test_law_29_known_traps_are_read_alike_or_not_at_all(servers: Servers) -> None:
    tally = servers.compare(*TRAPS.values())
    assert not tally.found, "\n".join(tally.found)
    assert tally.clear < len(TRAPS) * 0.6, "these are traps"


@pytest.mark.parametrize(
    "strategy",
    [
        corpus.pairs().map(query),
        corpus.pairs().map(form),
        corpus.documents().map(document),
        corpus.paths().map(corpus.at),
        corpus.cases(),
    ],
    ids=["queries", "forms", "JSON", "paths", "requests"],
)
def test_law_29_what_is_clear_is_read_alike(
    servers: Servers, strategy: st.SearchStrategy[Case]
) -> None:
    @SHRINKING
    @given(st.lists(strategy, min_size=1, max_size=25))
    def holds(cases: list[Case]) -> None:
        tally = servers.compare(*cases)
        assert not tally.found, "\n".join(tally.found)

    holds()


def test_law_29_unclear_never_becomes_clear_under_mutation_where_servers_disagree(
    servers: Servers,
) -> None:
    found: list[str] = []
    clear = 0
    for cases in mutations(MUTATED, seed=29):
        tally = servers.compare(*cases)
        found += tally.found
        clear += tally.clear
    assert not found, "\n".join(found)
    assert clear > MUTATED * 0.2, "a reading that is never clear agrees with everybody"


@pytest.mark.parametrize(
    ("sent", "taken_for"),
    [
        (query("a=1"), query("a=2")),
        (query("a=1"), query("b=1")),
        (form("a[b]=1"), form("a[c]=1")),
        (form("a=1&b=2"), form("a=1")),
        (document({"a": 1}), document({"a": True})),
        (document({"a": "1"}), document({"a": 1})),
        (document({"a": [1, 2]}), document({"a": [2, 1]})),
        (document({"a": 1}), document({"A": 1})),
        (corpus.at("/admin/x"), corpus.at("/public/x")),
        (corpus.at("/v1/a/b"), corpus.at("/v1/b/a")),
        (corpus.at("/v1/a/b", "PUT"), corpus.at("/v1/a/b", "DELETE")),
    ],
    ids=lines,
)
def test_a_difference_is_found_at_every_server(
    servers: Servers, sent: Case, taken_for: Case
) -> None:
    for peer in servers.peers:
        answer = servers.runner.run(peer.ask([sent]))[0]
        assert not differences(reading_of(sent), answer, peer.name)
        assert differences(reading_of(taken_for), answer, peer.name)


def test_the_recorded_requests_are_all_among_the_ordinary() -> None:
    assert len(list(RECORDED.glob("*.json"))) == 22


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (HERE / "package-lock.json").read_text()


def test_a_missing_toolchain_is_said_and_not_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    async def start() -> None:
        async with running(HERE):
            raise AssertionError("started without PHP")

    with pytest.raises(AssertionError, match="php-cli"):
        asyncio.run(start())
