"""The examples fit the libraries: each is loaded, up to where it would need a model's key."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    "name",
    [
        *("openai_agents_later", "langchain_agent", "pydantic_ai_agent", "claude_agent"),
        *("google_adk_agent", "agent_framework_agent"),
    ],
)
def test_an_example_loads(name: str) -> None:
    assert "main" in runpy.run_path(str(EXAMPLES / f"{name}.py"))
