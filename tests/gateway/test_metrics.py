"""A gateway's figures: on a port of their own, for this machine, and without a word of an agent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.evidence import ReceiptKey
from approvals.proxy.ca import Authority
from approvals.proxy.metrics import NO_RULE
from approvals.proxy.settings import read
from tests.harness.gateway import Gate, Origin, basic, gate, liar, origin
from tests.harness.house import HANGS

KEY = ReceiptKey(Ed25519PrivateKey.generate())
RULES = """\
- {name: reads, when: {method: GET}, then: allow}
- {name: never, when: {method: DELETE}, then: deny}
"""
LISTEN = 'metrics: {listen: "127.0.0.1:0"}'


@pytest.fixture
async def there() -> AsyncIterator[Origin]:
    async with origin() as made:
        yield made


async def figures(our: Gate, path: str = "/metrics") -> tuple[int, str]:
    url = f"http://127.0.0.1:{our.gateway.metrics_port}{path}"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return answer.status, await answer.text()


async def value(our: Gate, series: str) -> float | None:
    """Of one series; None: it is not there."""
    lines = (line.rpartition(" ") for line in (await figures(our))[1].splitlines())
    return next((float(number) for name, _, number in lines if name == series), None)


def counted(rule: str, verdict: str) -> str:
    return f'countersign_gateway_requests_total{{rule="{rule}",verdict="{verdict}"}}'


async def test_requests_are_counted_by_the_rule_and_what_it_came_to(
    tmp_path: Path, there: Origin
) -> None:
    async with (
        liar(KEY) as service,
        gate(tmp_path, rules=RULES, service=service.url, pin=KEY.thumbprint, more=LISTEN) as our,
    ):
        assert (await our.ask(f"{there.url}/a"))[0] == 200
        assert (await our.ask(f"{there.url}/b"))[0] == 200
        assert (await our.ask(f"{there.url}/c", "DELETE"))[0] == 403
        assert (await our.ask(f"{there.url}/d", "POST"))[0] == 200
        assert await value(our, counted("reads", "allowed")) == 2
        assert await value(our, counted("never", "denied")) == 1
        assert await value(our, counted(NO_RULE, "asked")) == 1
        assert await value(our, 'countersign_gateway_refused_total{type="denied"}') == 1
        assert await value(our, "countersign_gateway_service_up") == 1


async def test_what_is_held_and_joined_is_told(tmp_path: Path, there: Origin) -> None:
    asked = asyncio.Event()
    decided = asyncio.Event()

    async def before(request: object) -> None:
        asked.set()
        await decided.wait()

    async with (
        liar(KEY) as service,
        gate(tmp_path, rules="", service=service.url, pin=KEY.thumbprint, more=LISTEN) as our,
    ):
        service.before = before
        sent = [asyncio.create_task(our.ask(f"{there.url}/", "POST", body=b"12345"))]
        await asked.wait()
        sent.append(asyncio.create_task(our.ask(f"{there.url}/", "POST", body=b"12345")))
        async with asyncio.timeout(HANGS):
            while not await value(our, counted(NO_RULE, "joined")):
                await asyncio.sleep(0.01)
        assert await value(our, "countersign_gateway_held") == 1
        assert await value(our, "countersign_gateway_held_bytes") == 5
        decided.set()
        assert [status for status, _ in await asyncio.gather(*sent)] == [200, 200]
        async with asyncio.timeout(HANGS):
            while await value(our, "countersign_gateway_held"):
                await asyncio.sleep(0.01)


async def test_a_service_that_is_away_and_an_upstream_that_fails_are_told(
    tmp_path: Path, there: Origin
) -> None:
    there.reply = lambda raw: b""
    async with gate(tmp_path, rules=RULES, more=LISTEN) as our:
        assert await value(our, "countersign_gateway_service_up") is None
        assert (await our.ask(f"{there.url}/", "POST"))[0] == 503
        assert await value(our, "countersign_gateway_service_up") == 0
        assert (await our.ask(f"{there.url}/"))[0] == 502
        assert (await our.ask("http://127.0.0.1:9/"))[0] == 502
        for type_ in ("upstream_failed", "upstream_unreachable"):
            name = f'countersign_gateway_upstream_failures_total{{type="{type_}"}}'
            assert await value(our, name) == 1


async def test_in_observe_mode_what_would_not_have_passed_is_observed(
    tmp_path: Path, there: Origin
) -> None:
    async with gate(tmp_path, rules=RULES, more=f"{LISTEN}\nmode: observe") as our:
        for method in ("GET", "DELETE", "POST"):
            assert (await our.ask(f"{there.url}/", method))[0] == 200
        assert await value(our, counted("reads", "allowed")) == 1
        assert await value(our, counted("never", "observed")) == 1
        assert await value(our, counted(NO_RULE, "observed")) == 1


async def test_the_end_of_the_ca_is_that_of_its_certificate(tmp_path: Path) -> None:
    async with gate(tmp_path, more=LISTEN) as our:
        authority: Authority = our.gateway._authority
        told = await value(our, "countersign_gateway_ca_expires_timestamp_seconds")
        assert told == authority.ends


async def test_law_23_no_figure_says_a_word_of_an_agent_or_a_secret(
    tmp_path: Path, there: Origin
) -> None:
    async with gate(tmp_path, rules=RULES, more=LISTEN) as our:
        our.secret("s3cr3t-value-of-it", "127.0.0.1")
        before = {line.rpartition(" ")[0] for line in (await figures(our))[1].splitlines()}
        for n in range(3):
            await our.ask(f"{there.url}/word{n}?q=word", "GET", f"X-Word{n}: word")
            await our.ask(f"{there.url}/", f"WORD{n}", agent=basic(f"word{n}"))
            await our.ask(f"http://word{n}.example/", "GET")
        text = (await figures(our))[1]
        assert "word" not in text.lower()
        assert "s3cr3t" not in text
        new = {line.rpartition(" ")[0] for line in text.splitlines()} - before
        # A counter and the time of its making for each: one rule, three types of refusals.
        assert len([name for name in new if name.startswith("countersign")]) <= 12


async def test_nothing_else_is_on_that_port_and_agents_do_not_reach_it(tmp_path: Path) -> None:
    async with gate(tmp_path, private="127.0.0.1:1", more=LISTEN) as our:
        assert (await figures(our, "/healthz"))[0] == 404
        for method in ("POST", "CONNECT"):
            reader, writer = await asyncio.open_connection("127.0.0.1", our.gateway.metrics_port)
            writer.write(f"{method} /metrics HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        status, told = await our.ask(f"http://127.0.0.1:{our.gateway.metrics_port}/metrics")
        assert (status, told["type"]) == (403, "address_refused")


async def test_without_the_setting_there_are_none(tmp_path: Path) -> None:
    async with gate(tmp_path) as our:
        assert our.gateway.metrics_port == 0


@pytest.mark.parametrize("listen", ["0.0.0.0:9102", "[::]:9102", "10.0.0.5:9102", "host:9102"])
def test_an_address_that_others_reach_is_refused(tmp_path: Path, listen: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(f'metrics: {{listen: "{listen}"}}\n')
    settings, faults = read(file, {})
    assert settings is None
    assert [one for one in faults if "figures are for this machine alone" in one.message]
    file.write_text(f'metrics: {{listen: "{listen}", open: true}}\n')
    assert not [one for one in read(file, {})[1] if "figures" in one.message]
