"""Calls of a language model, and what the provider would run meanwhile: `models.py`."""

from typing import Any

import pytest

from approvals.model import Http
from approvals.reading import UNCLEAR, find, read
from tests.reading.made import JSON, post

OPENAI = "https://api.openai.com/v1/responses"
CLAUDE = "https://api.anthropic.com/v1/messages"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent"
BEDROCK = "https://bedrock-runtime.eu-central-1.amazonaws.com/model/x/converse"
FUNCTION = {"type": "function", "name": "refund", "parameters": {}}


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (OPENAI, {"model": "gpt-5", "input": "search the web", "tools": [FUNCTION]}),
        (OPENAI, {"model": "gpt-5", "tools": [{"type": "local_shell"}], "mcp_servers": []}),
        (CLAUDE, {"model": "x", "tools": [{"name": "refund", "input_schema": {}}]}),
        (CLAUDE, {"model": "x", "tools": [{"type": "bash_20250124", "name": "bash"}]}),
        (GEMINI, {"tools": [{"functionDeclarations": [{"name": "f"}]}]}),
        (BEDROCK, {"toolConfig": {"tools": [{"toolSpec": {"name": "f"}}, {"cachePoint": {}}]}}),
    ],
)
def test_a_call_with_the_callers_own_tools_only_answers(url: str, body: dict[str, Any]) -> None:
    reading = read(post(url, body))
    assert find(reading, "llm.answers") is True
    assert find(reading, "llm.runs") == []


@pytest.mark.parametrize(
    ("url", "body", "runs"),
    [
        (OPENAI, {"tools": [FUNCTION, {"type": "mcp", "server_url": "https://x"}]}, ["mcp"]),
        (OPENAI, {"tools": [{"type": "mcp"}, {}]}, ["mcp"]),
        (OPENAI, {"tools": [{"type": "code_interpreter"}]}, ["code_interpreter"]),
        (OPENAI, {"prompt": {"id": "pmpt_1"}}, ["prompt"]),
        (OPENAI, {"Tools": {"type": "mcp"}, "tools": "mcp"}, None),
        (OPENAI, {"Tools": [{"type": "mcp"}]}, ["Tools"]),
        (CLAUDE, {"mcp_servers": [{"url": "https://x"}]}, ["mcp_servers"]),
        (CLAUDE, {"tools": [{"input_schema": {}, "type": "web_fetch_20250910"}]}, None),
        (GEMINI, {"tools": [{"functionDeclarations": [], "codeExecution": {}}]}, None),
        (GEMINI, {"tools": [{"googleSearch": {}}]}, ["googleSearch"]),
        (BEDROCK, {"toolConfig": {"tools": [{"systemTool": {"name": "g"}}]}}, ["systemTool"]),
    ],
)
def test_what_the_provider_would_run_is_named(
    url: str, body: dict[str, Any], runs: list[str] | None
) -> None:
    reading = read(post(url, body))
    assert find(reading, "llm.answers") is False
    assert runs is None or find(reading, "llm.runs") == runs


def test_law_29_a_call_that_servers_read_differently_is_no_answer() -> None:
    doubled = b'{"model": "gpt-5", "tools": [], "tools": [{"type": "mcp"}]}'
    reading = read(Http("POST", OPENAI, JSON, doubled))
    assert find(reading, "llm.answers") is False
    assert find(reading, "llm.runs") is UNCLEAR
