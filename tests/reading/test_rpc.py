"""JSON-RPC, MCP and batches: what `approvals/reading/rpc.py` makes of them."""

import json
from typing import Any

import pytest

from approvals.model import Http
from approvals.reading import UNCLEAR, find, read, read_payload
from tests.reading.made import JSON, known, meaning, post, recorded

RPC = "https://rpc.example.com/"


def test_a_batch_of_json_rpc_names_each_of_its_calls() -> None:
    reading = read(recorded("jsonrpc-batch"))
    rpc = meaning(reading, "rpc")
    assert rpc.says == "2 calls: eth_getTransactionCount, eth_sendRawTransaction"
    assert find(reading, "rpc.methods") == ["eth_getTransactionCount", "eth_sendRawTransaction"]
    assert find(reading, "rpc.calls.*.method") == rpc.values["methods"]
    assert rpc.values["calls"][0]["params"][1] == "latest"
    assert find(reading, "rpc.method") is UNCLEAR


def test_a_single_call_is_named_by_its_method() -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": ["0x02f8"]}
    rpc = meaning(post(RPC, call), "rpc")
    assert (rpc.says, rpc.values["method"]) == ("eth_sendRawTransaction", "eth_sendRawTransaction")
    assert meaning(read_payload(json.dumps(call)), "rpc").says == "eth_sendRawTransaction"


def test_a_batch_never_leaves_out_what_it_deletes() -> None:
    methods = [f"item_get{n:02}_with_a_rather_long_name" for n in range(60)] + ["wallet.drop"]
    batch = [{"jsonrpc": "2.0", "id": n, "method": name} for n, name in enumerate(methods)]
    says = meaning(post(RPC, batch), "rpc").says
    assert says is not None
    assert says.startswith("61 calls: wallet.drop, ")
    assert says.endswith(" more")


def test_an_mcp_tool_call_says_which_tool_and_with_what() -> None:
    reading = read(recorded("mcp-call"))
    mcp = meaning(reading, "mcp")
    assert mcp.says == "tools/call send_invoice"
    assert find(reading, "mcp.tool") == "send_invoice"
    assert find(reading, "mcp.arguments.amount") == 12400
    assert mcp.values["reads"] is False


@pytest.mark.parametrize(
    "method", ["tools/list", "initialize", "ping", "notifications/initialized"]
)
def test_an_mcp_listing_reads(method: str) -> None:
    mcp = meaning(post(RPC, {"jsonrpc": "2.0", "id": 1, "method": method}), "mcp")
    assert (mcp.says, mcp.values["reads"], mcp.values["tool"]) == (method, True, None)


def test_an_mcp_batch_with_one_call_among_listings_does_not_read() -> None:
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "wipe"}},
        {"jsonrpc": "2.0", "id": 3, "method": "company/secret"},
    ]
    reading = read(post(RPC, batch))
    mcp = meaning(reading, "mcp")
    assert mcp.values["reads"] is False
    assert mcp.values["tools"] == ["wipe"]
    assert find(reading, "mcp.tool") is UNCLEAR


def salesforce() -> Http:
    """The documentation's example of a composite request, shortened (cases, C3)."""
    data = "/services/data/v62.0/sobjects"
    return post(
        "https://example.my.salesforce.com/services/data/v62.0/composite",
        {
            "allOrNone": True,
            "compositeRequest": [
                {"method": "PATCH", "url": f"{data}/Account/001000000000001", "referenceId": "a",
                 "body": {"Phone": "030 000000"}},
                {"method": "POST", "url": f"{data}/Task", "referenceId": "b",
                 "body": {"Subject": "Call back"}},
                {"method": "DELETE", "url": f"{data}/Opportunity/006000000000001",
                 "referenceId": "c"},
            ],
        },
    )  # fmt: skip


def test_a_composite_request_names_what_it_changes_and_deletes() -> None:
    reading = read(salesforce())
    assert meaning(reading, "batch").says == (
        "3 calls: PATCH …/Account/001000000000001, POST …/sobjects/Task, "
        "DELETE …/Opportunity/006000000000001"
    )
    assert find(reading, "batch.methods") == ["PATCH", "POST", "DELETE"]
    assert find(reading, "batch.reads") is False
    assert meaning(reading, "batch").values["calls"][0]["body"] == {"Phone": "030 000000"}


def test_a_long_batch_counts_its_methods_and_begins_with_the_worst() -> None:
    requests = [{"id": str(n), "method": "GET", "url": f"/me/messages/{n}"} for n in range(18)]
    requests.insert(9, {"id": "x", "method": "delete", "url": "/users/dana@example.com"})
    graph = post("https://graph.microsoft.com/v1.0/$batch", {"requests": requests})
    says = meaning(graph, "batch").says
    assert says is not None
    assert says.startswith("19 calls (1 DELETE, 18 GET): DELETE …/users/dana@example.com, GET")


@pytest.mark.parametrize(
    ("url", "body", "methods"),
    [
        ("https://x.my.salesforce.com/services/data/v62.0/composite/batch",
         {"batchRequests": [{"method": "DELETE", "url": "v62.0/sobjects/Account/1"}]}, ["DELETE"]),
        ("https://x.my.salesforce.com/services/data/v62.0/composite/graph",
         {"graphs": [{"graphId": "1", "compositeRequest": [{"method": "GET", "url": "/a"}]},
                     {"graphId": "2", "compositeRequest": [{"method": "DELETE", "url": "/b"}]}]},
         ["GET", "DELETE"]),
        ("https://api.example.com/batch", [{"method": "GET", "path": "/a"}], ["GET"]),
    ],
)  # fmt: skip
def test_batches_of_other_apis_are_found_by_their_shape(
    url: str, body: Any, methods: list[str]
) -> None:
    assert meaning(post(url, body), "batch").values["methods"] == methods


def test_metas_batch_is_read_from_its_form() -> None:
    body = b"batch=" + b"%5B%7B%22method%22%3A%22DELETE%22%2C%22relative_url%22%3A%22123%22%7D%5D"
    form = (("content-type", "application/x-www-form-urlencoded"),)
    assert meaning(post("https://graph.facebook.com/", body, form), "batch").values["methods"] == [
        "DELETE"
    ]


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "2", "url": "/users/1"}, {"id": "2", "method": "PURGE", "url": "/users/1"},
        {"id": "2", "Method": "DELETE", "url": "/users/1"}, "DELETE /users/1", None,
        {"id": "2", "method": "GET", "httpMethod": "DELETE", "url": "/users/1"},
        {"id": "2", "method": "GET", "url": "/a", "path": "/users/1"},
    ],
)  # fmt: skip
def test_a_batch_with_a_call_that_cannot_be_read_is_unclear(odd: Any) -> None:
    body = {"requests": [{"id": "1", "method": "GET", "url": "/me"}, odd]}
    reading = read(post("https://graph.microsoft.com/v1.0/$batch", body))
    assert find(reading, "batch.methods") is UNCLEAR
    assert find(reading, "batch.reads") is False
    assert meaning(reading, "batch").says is None


@pytest.mark.parametrize(
    "odd", [{"Method": "wipe"}, {"method": 5}, 7, {"jsonrpc": "2.0", "id": 4}, {}]
)
def test_a_json_rpc_call_that_cannot_be_read_is_unclear(odd: Any) -> None:
    reading = read(post(RPC, [{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, odd]))
    assert find(reading, "rpc.methods") is UNCLEAR
    assert find(reading, "mcp.reads") is False
    assert meaning(reading, "rpc").says is None


def test_a_reader_gives_no_values_where_the_body_is_unclear() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}'
    reading = read(post(RPC, body))
    assert known(reading) == []
    assert find(reading, "mcp.method") is UNCLEAR


@pytest.mark.parametrize(
    "body",
    [{"method": "card", "amount": 5}, {"requests": [{"method": "card"}]}, [], {}, 5, [[]],
     {"jsonrpc": "2.0", "id": 1, "result": {}}],
)  # fmt: skip
def test_other_json_is_no_call(body: Any) -> None:
    assert not {"rpc", "mcp", "batch"} & set(known(post(RPC, body, JSON)))


def test_calls_in_json_that_is_sent_as_text_are_calls() -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "wipe"}}
    for headers in ((), (("content-type", "text/plain"),)):
        reading = read(post(RPC, call, headers))
        assert find(reading, "mcp.tool") == "wipe"
    twice = b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}'
    reading = read(post(RPC, twice, (("content-type", "text/plain"),)))
    assert find(reading, "mcp.method") is UNCLEAR
    plain = (("content-type", "text/plain"),)
    assert find(read(post(RPC, b"hello", plain)), "mcp.method") is None
    assert find(read(post(RPC, b"hello", ())), "mcp.method") is UNCLEAR  # a form to Rack
