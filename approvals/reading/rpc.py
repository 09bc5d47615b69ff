"""Calls in a body: JSON-RPC 2.0, MCP, and batches of HTTP requests, in JSON or in parts. Pure.

A batch does what each of its calls does, so none is left out: `says` counts them by method, and
names those that delete first. A list in which only some items are calls is still a batch: the other
items are calls of which nothing is known, and count as the worst.

https://www.jsonrpc.org/specification ·
https://modelcontextprotocol.io/specification/2025-06-18/server/tools ·
https://learn.microsoft.com/graph/json-batching ·
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
(all read in November 2026)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from approvals.reading.json_text import parse
from approvals.reading.shapes import counted, end_of, field, listed, short
from approvals.reading.values import UNCLEAR, Meaning, Reading


def calls(reading: Reading) -> Meaning | None:
    """JSON-RPC. `rpc.calls`: [{method, params}] in their order; `rpc.method`: of a single call;
    `rpc.methods`: each once. Responses in a batch are no calls."""
    found = _rpc(reading)
    if not found:
        return None
    methods = [call["method"] for call in found]
    clear = all(isinstance(method, str) for method in methods)
    values = {
        "calls": found if clear else UNCLEAR,
        "methods": list(dict.fromkeys(methods)) if clear else UNCLEAR,
        "method": methods[0] if clear and len(found) == 1 else UNCLEAR,
        "count": len(found),
    }
    if not clear:
        return Meaning(name="rpc", values=values)
    return Meaning(name="rpc", values=values, says=_says([short(method) for method in methods]))


def mcp(reading: Reading) -> Meaning | None:
    """MCP over HTTP. `mcp.method`, `mcp.tool`, `mcp.arguments`: of a single call; `mcp.tools`:
    every tool that is called; `mcp.reads`: nothing is called, changed or answered."""
    found = _rpc(reading)
    methods = [call["method"] for call in found]
    if not any(method in _MCP for method in methods if isinstance(method, str)):
        return None
    tools = [_tool(call) for call in found if call["method"] == "tools/call"]
    single = len(found) == 1
    clear = all(isinstance(method, str) for method in methods)
    values = {
        "method": methods[0] if single else UNCLEAR,
        "tool": (tools[0][0] if tools else None) if single else UNCLEAR,
        "arguments": (tools[0][1] if tools else None) if single else UNCLEAR,
        "tools": [tool for tool, _ in tools] if clear else UNCLEAR,
        "reads": clear and _MCP_READS.issuperset(methods),
    }
    if not clear or any(tool is UNCLEAR for tool, _ in tools):
        return Meaning(name="mcp", values=values)
    names = [
        f"tools/call {short(_tool(call)[0])}" if call["method"] == "tools/call"
        else short(call["method"])
        for call in found
    ]  # fmt: skip
    return Meaning(name="mcp", values=values, says=_says(names))


def batch(reading: Reading) -> Meaning | None:
    """HTTP requests in one body. `batch.calls`: [{method, url, body}] in their order;
    `batch.methods`: each once; `batch.reads`: all are GET or HEAD."""
    if reading.unclear is not None:
        return None
    items = _items(reading)
    if items is None:
        return None
    found = [_call(item) for item in items]
    methods = list(dict.fromkeys(call["method"] for call in found))
    clear = UNCLEAR not in methods and all(call["url"] is not UNCLEAR for call in found)
    values = {
        "calls": found if clear else UNCLEAR,
        "methods": methods if clear else UNCLEAR,
        "count": len(found),
        "reads": clear and set(methods) <= {"GET", "HEAD"},
    }
    if not clear:
        return Meaning(name="batch", values=values)
    names = [f"{call['method']} {end_of(call['url'])}" for call in found]
    head = f"{len(found)} call{'s' * (len(found) != 1)}"
    if len(found) > _SHOWN:
        head += f" ({counted(sorted((call['method'] for call in found), key=_weight))})"
    return Meaning(name="batch", values=values, says=f"{head}: {_weighed(names)}")


_SHOWN: Final = 4
"""Calls that are named in their own order; of more, the worst come first."""
_VERBS: Final = ("DELETE", "PUT", "PATCH", "POST", "QUERY", "OPTIONS", "HEAD", "GET")
_WORST: Final = ("delete", "remove", "drop", "destroy", "purge", "send", "transfer", "tools/call")
_LISTS: Final = ("requests", "compositeRequest", "batchRequests", "batch", "operations", "calls")
"""Microsoft Graph and OData; Salesforce's composite and composite/batch; Meta's Graph API; and the
names that other APIs use."""
_URLS: Final = ("url", "path", "uri", "relative_url", "relativeUrl", "endpoint", "href")
_BODIES: Final = ("body", "richInput", "data", "payload")
_METHODS: Final = ("method", "httpMethod", "verb")

_MCP_READS: Final = frozenset({
    "initialize", "ping", "tools/list", "resources/list", "resources/read", "roots/list",
    "resources/templates/list", "resources/subscribe", "resources/unsubscribe", "prompts/list",
    "prompts/get", "completion/complete", "notifications/initialized", "notifications/cancelled",
    "notifications/progress", "notifications/roots/list_changed", "server/discover",
})  # fmt: skip
"""Methods of MCP that only read."""
_MCP: Final = _MCP_READS | {
    "tools/call", "logging/setLevel", "elicitation/create", "sampling/createMessage",
}  # fmt: skip


def _rpc(reading: Reading) -> list[dict[str, Any]]:
    if reading.unclear is not None or reading.body.kind not in ("json", "ndjson"):
        return []
    tree = reading.body.tree
    items = tree if isinstance(tree, list) else [tree]
    if not any(isinstance(item, dict) and _is_rpc(item) for item in items):
        return []
    found = []
    for item in items:
        if not isinstance(item, dict):
            found.append({"method": UNCLEAR, "params": UNCLEAR})
        elif field(item, "method") is not None or not _is_response(item):
            method = field(item, "method")
            known = isinstance(method, str) and "\0" not in method
            params = field(item, "params")
            found.append({"method": method if known else UNCLEAR, "params": params})
    return found


def _is_rpc(item: Mapping[str, Any]) -> bool:
    """Version 1 has no `jsonrpc` (https://www.jsonrpc.org/specification_v1)."""
    if field(item, "method") is None:
        return False
    return field(item, "jsonrpc") is not None or ("id" in item and "params" in item)


def _is_response(item: Mapping[str, Any]) -> bool:
    return "jsonrpc" in item and ("result" in item or "error" in item)


def _tool(call: Mapping[str, Any]) -> tuple[Any, Any]:
    params = call["params"]
    if not isinstance(params, dict):
        return UNCLEAR, UNCLEAR
    name = field(params, "name")
    if not isinstance(name, str):
        return UNCLEAR, UNCLEAR
    return name, field(params, "arguments") if "arguments" in params else {}


def _items(reading: Reading) -> Sequence[Any] | None:
    tree = reading.body.tree
    if reading.body.kind == "parts" and isinstance(tree, dict):
        return _from_parts(tree)
    if reading.body.kind == "form" and isinstance(tree, dict):
        return _from_form(tree)
    if reading.body.kind != "json":
        return None
    if isinstance(tree, list):
        return tree if _any_call(tree) else None
    if not isinstance(tree, dict):
        return None
    found: list[Any] = []
    for key, value in tree.items():
        if isinstance(value, list) and key in _LISTS and _any_call(value):
            found += value
        elif key == "graphs" and isinstance(value, list):
            # Salesforce's composite graphs: a list of lists of requests.
            for graph in value:
                inner = field(graph, "compositeRequest") if isinstance(graph, dict) else UNCLEAR
                found += inner if isinstance(inner, list) else [UNCLEAR]
    return found or None


def _from_form(tree: Mapping[str, Any]) -> Sequence[Any] | None:
    """Meta's Graph API: `batch=[{"method": …, "relative_url": …}]`."""
    text = tree.get("batch")
    if not isinstance(text, str) or not text.startswith("["):
        return None
    try:
        items = parse(text)
    except (ValueError, RecursionError):
        return [UNCLEAR]
    return items if isinstance(items, list) and _any_call(items) else None


def _from_parts(tree: Mapping[str, Any]) -> Sequence[Any] | None:
    """Google's and OData's batches, whose change sets are parts with parts of their own. A part
    that is no call may be anything, beside calls."""
    found: list[Any] = []
    for part in tree.values():
        inner = isinstance(part, dict) and part and all(key.isdecimal() for key in part)
        found += part.values() if inner else [part]
    return found if _any_call(found) else None


def _any_call(items: Sequence[Any]) -> bool:
    return any(
        isinstance(item, dict)
        and field(item, *_METHODS) is not None
        and field(item, *_URLS) is not None
        for item in items
    )


def _call(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        return {"method": UNCLEAR, "url": UNCLEAR, "body": UNCLEAR}
    given = [item[name] for name in _METHODS if name in item]
    places = [item[name] for name in _URLS if name in item]
    method, url = field(item, *_METHODS), field(item, *_URLS)
    known = len(given) == 1 and isinstance(method, str) and method.upper() in _VERBS
    placed = len(places) == 1 and isinstance(url, str)
    return {
        "method": method.upper() if known else UNCLEAR,
        "url": url if placed else UNCLEAR,
        "body": next((item[key] for key in _BODIES if key in item), None),
    }


def _says(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} calls: {_weighed(names)}"


def _weighed(names: Sequence[str]) -> str:
    """In their order where there are few; else the worst first, so that none is counted away."""
    return listed(names if len(names) <= _SHOWN else sorted(names, key=_weight))


def _weight(name: str) -> int:
    head = name.partition(" ")[0]
    if head in _VERBS:
        return _VERBS.index(head)
    folded = name.casefold()
    return 0 if any(word in folded for word in _WORST) else len(_VERBS)
