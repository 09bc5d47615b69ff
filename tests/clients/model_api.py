"""A stand-in for the model API that Claude Code talks to: it calls the tools it was told to call.

Just enough of https://docs.claude.com/en/api/messages-streaming for the real program: one message
with `tool_use` blocks, then, when their results come back, one with text.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.harness.installation import answering


@dataclass(slots=True)
class ModelApi:
    """`calls`: (name, input) of the tools that the model calls at once. `results`: what the program
    sent back for each, by the call's id."""

    calls: list[tuple[str, dict[str, Any]]]
    results: dict[str, str] = field(default_factory=dict)

    async def messages(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        found = dict(_results(asked))
        self.results |= found
        blocks: list[dict[str, Any]] = [{"type": "text", "text": "Done."}]
        offered = {tool.get("name") for tool in asked.get("tools", [])}
        if not found and offered.issuperset(name for name, _ in self.calls):
            blocks = [
                {"type": "tool_use", "id": f"toolu_{at}", "name": name, "input": given}
                for at, (name, given) in enumerate(self.calls)
            ]
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"],
            "content": blocks, "usage": {"input_tokens": 1, "output_tokens": 1},
            "stop_sequence": None,
            "stop_reason": "tool_use" if blocks[0]["type"] == "tool_use" else "end_turn",
        }  # fmt: skip
        if not asked.get("stream"):
            return web.json_response(message)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        for event in _events(message):
            await answer.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        await answer.write_eof()
        return answer

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/messages", self.messages)
        async with answering(app) as url:
            yield url


def _results(asked: Any) -> list[tuple[str, str]]:
    found = []
    for message in asked["messages"]:
        content = message["content"]
        for block in content if isinstance(content, list) else []:
            if block.get("type") == "tool_result":
                found.append((block["tool_use_id"], json.dumps(block.get("content"))))
    return found


def _events(message: dict[str, Any]) -> list[dict[str, Any]]:
    start = {**message, "content": [], "stop_reason": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for at, block in enumerate(message["content"]):
        if block["type"] == "text":
            empty, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            text = json.dumps(block["input"])
            empty = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": text}
        events += [
            {"type": "content_block_start", "index": at, "content_block": empty},
            {"type": "content_block_delta", "index": at, "delta": delta},
            {"type": "content_block_stop", "index": at},
        ]
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": stop, "usage": {"output_tokens": 1}})
    return [*events, {"type": "message_stop"}]
