"""Calls of a language model: does it only answer, or does the provider act meanwhile? Pure.

A provider may itself search the web, run code or call another server's tools while it answers
(OpenAI's Responses, Anthropic's server tools and MCP connector, Gemini's and Bedrock's grounding).
A tool that the caller runs is declared as a function and does nothing at the provider.

https://platform.openai.com/docs/api-reference/responses/create ·
https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview ·
https://ai.google.dev/api/caching#Tool (November 2026)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from approvals.reading.shapes import listed, short
from approvals.reading.values import UNCLEAR, Meaning, Reading


def model(reading: Reading) -> Meaning | None:
    """`llm.model` (None: it stands in the path), `llm.runs`: what the provider would run or fetch
    itself, `llm.answers`: nothing of that kind, for certain."""
    target = reading.target
    if target is None or target.method != "POST" or _CALL.fullmatch(target.path) is None:
        return None
    tree = reading.body.tree
    if reading.unclear is not None or reading.body.kind != "json" or not isinstance(tree, Mapping):
        return Meaning(name="llm", values={"model": UNCLEAR, "runs": UNCLEAR, "answers": False})
    runs = list(dict.fromkeys(_runs(tree)))
    values = {"model": tree.get("model"), "runs": runs, "answers": not runs}
    return Meaning(name="llm", values=values, says=f"runs {listed(runs, 60)}" if runs else None)


_CALL: Final = re.compile(
    r"/(?:openai/)?(?:deployments/[^/]+/)?(?:v1/)?(?:responses|chat/completions)|/v1/messages"
    r"|/v1(?:beta)?/(?:models|tunedModels)/[^/:]+:(?:generateContent|streamGenerateContent)"
    r"|/model/[^/]+/converse(?:-stream)?"
)
_ACTS: Final = re.compile(
    r"mcp|server|search|agent|skill|connector|plugin|container|conversation|^prompt$"
)
"""Names of fields by which a call brings in what is kept or run at the provider."""
_FUNCTIONS: Final = frozenset(("functionDeclarations", "function_declarations", "toolSpec"))
_MARKS: Final = frozenset(("cachePoint", "cache_control"))
_CALLERS: Final = re.compile(
    r"function|custom|local_shell|apply_patch|computer_use_preview"
    r"|(?:bash|text_editor|computer|memory)_[0-9]{8}"
)
"""Types of tools that the caller runs."""


def _runs(tree: Mapping[str, Any]) -> Iterator[str]:
    for key, value in tree.items():
        # Some servers take a name in another letter case.
        if key.lower() in ("tools", "toolconfig") and key not in ("tools", "toolConfig"):
            yield short(key)
        if _ACTS.search(key.lower()) and value not in (None, [], {}):
            yield short(key)
    config = tree.get("toolConfig")
    for tools in (tree.get("tools"), config.get("tools") if isinstance(config, Mapping) else None):
        if isinstance(tools, list):
            yield from (said for tool in tools if (said := _tool(tool)) is not None)
        elif tools is not None:
            yield "tools"


def _tool(tool: Any) -> str | None:
    """What the provider would run; None for what the caller declares and runs."""
    if not isinstance(tool, Mapping):
        return "a tool"
    kind = tool.get("type")
    if kind is None and (set(tool) <= _FUNCTIONS | _MARKS or "input_schema" in tool):
        return None
    if isinstance(kind, str) and _CALLERS.fullmatch(kind):
        return None
    return short(kind if isinstance(kind, str) else next(iter(tool), "a tool"))
