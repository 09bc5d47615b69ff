"""The table of other products' gateways: the name of one is its address everywhere."""

from __future__ import annotations

import socket
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from countersign_client import Client, Memory, Misconfigured, Service
from countersign_client.gateways import GATEWAYS
from countersign_client.gateways.deliveries import listen
from countersign_client.gateways.held import hold

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "clients/python/src/countersign_client/gateways"
SHARED = {"__init__", "deliveries", "held"}


def test_the_table_names_every_module() -> None:
    assert {*GATEWAYS} == {path.stem for path in FOLDER.glob("*.py")} - SHARED


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("nowhere", "not HOST:PORT"),
        ("127.0.0.1:99999", "not HOST:PORT"),
        ("{taken}", "cannot be listened on: Address already in use"),
        ("[::1]:0", "cannot be listened on"),
    ],
)
def test_an_address_that_cannot_be_listened_on_says_why(words: str, why: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = words.format(taken=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Misconfigured, match=why):
            listen(address, lambda _body, _headers: 200)


class Broken:
    """A gateway whose client of HTTP raises what it likes."""

    action = "deploy"
    key = "key"
    note: str | None = None
    expires_in: int | None = None

    def __init__(self) -> None:
        self.asked = list[str]()

    def payload(self) -> Any:
        return {}

    def waiting(self, request_id: str) -> None:
        raise AssertionError(request_id)

    def release(self, request_id: str) -> bool:
        raise AssertionError(request_id)

    def refuse(self, why: str) -> None:
        self.asked.append(why)
        raise ImportError("Using SOCKS proxy, but the 'socksio' package is not installed.")

    def observed(self) -> None:
        self.asked.append("observed")
        raise ValueError("Unknown scheme for proxy URL")


def test_a_gateway_that_cannot_be_told_ends_nothing_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    away = Service(
        url="http://127.0.0.1:1", key="x", receipt_key="A" * 43, requester="bot", issuer="x"
    )
    broken = Broken()
    for client in (Client(away, store=Memory(), patience=0), Client(observe=True)):
        with client:
            hold(client, broken, beat=1)
    assert [one[:9] for one in broken.asked] == ["This need", "observed"]
    assert [str(one.msg) for one in caplog.records if "platform_not_told" in str(one.msg)] == [
        "platform_not_told why='ImportError'", "platform_not_told why='ValueError'",
    ]  # fmt: skip


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_gateway_has_a_module_a_page_and_tests(name: str) -> None:
    assert callable(import_module(f"countersign_client.gateways.{name}").run)
    assert (ROOT / f"tests/clients/test_{name}.py").is_file()
    page = (ROOT / f"docs/agents/{name}.md").read_text()
    assert f"countersign-client {name}" in page
    assert f"]({name}.md)" in (ROOT / "docs/agents/README.md").read_text()
