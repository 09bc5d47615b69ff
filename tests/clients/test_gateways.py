"""The table of other products' gateways: the name of one is its address everywhere."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from countersign_client.gateways import GATEWAYS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "clients/python/src/countersign_client/gateways"
SHARED = {"__init__", "deliveries", "held"}


def test_the_table_names_every_module() -> None:
    assert {*GATEWAYS} == {path.stem for path in FOLDER.glob("*.py")} - SHARED


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_gateway_has_a_module_a_page_and_tests(name: str) -> None:
    assert callable(import_module(f"countersign_client.gateways.{name}").run)
    assert (ROOT / f"tests/clients/test_{name}.py").is_file()
    page = (ROOT / f"docs/agents/{name}.md").read_text()
    assert f"countersign-client {name}" in page
    assert f"]({name}.md)" in (ROOT / "docs/agents/README.md").read_text()
