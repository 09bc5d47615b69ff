"""Access requests in AuthZEN's dialect: ordinary requests in other words, and nothing more.

The submission is the example of the profile's draft 1 (June 2026), section "Access Request
Submission": https://openid.github.io/authzen/authzen-access-request-approval-profile-1_0.html
"""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

import jwt
import pytest
from countersign_client import digest_payload

from approvals.model import MINUTE
from approvals.store import Store
from approvals.web.authzen import ERROR, PATH
from tests.harness.house import ISSUER, Place, open_house

SUBMISSION: Final[dict[str, Any]] = {
    "subject": {"type": "user", "id": "alice@example.com"},
    "resource": {"type": "document", "id": "q4-plan"},
    "action": {"name": "can_read"},
    "context": {"business_justification": "Needed for customer renewal review"},
    "requested_access": {"requested_until": "2026-05-01T00:15:00Z"},
    "denial": {
        "evaluation_id": "eval_01HX4Y2P8BQ4Y3F0V0K9D6Z7M1",
        "evaluated_at": "2026-04-30T20:15:00Z",
        "reason": "approval_required",
        "template": "manager_approval",
    },
}
BOT: Final = "csr_scripts"


@pytest.fixture
async def place(store: Store) -> AsyncIterator[Place]:
    async with open_house(store, authzen=True) as place:
        yield place


async def submitted(place: Place, body: Any = SUBMISSION, **more: Any) -> dict[str, Any]:
    status, answer = await place.call("POST", PATH, body, key=BOT, **more)
    assert status == 202, answer
    task: dict[str, Any] = answer["task"]
    return task


async def polled(place: Place, task: dict[str, Any]) -> dict[str, Any]:
    """What its status endpoint says, once all effects are carried out."""
    await place.carried()
    where = task["status_endpoint"].removeprefix(ISSUER)
    status, answer = await place.call("GET", where, key=BOT)
    assert status == 200, answer
    return dict(answer)


async def decide(place: Place, task: dict[str, Any], choice: str, **more: Any) -> None:
    case = await place.read(task["id"], key=BOT)
    status, answer = await place.decide(case, choice, by="kim", **more)
    assert status == 200, answer


async def test_a_submission_is_an_ordinary_request_with_itself_as_payload(place: Place) -> None:
    task = await submitted(place)
    here = f"{ISSUER}{PATH}/{task['id']}"
    assert task == {
        "id": task["id"], "status": "pending", "status_endpoint": here,
        "links": {"cancel": f"{here}/cancel"},
    }  # fmt: skip
    seen = await place.read(task["id"], key=await place.token("kim"))
    assert seen["digest"] == digest_payload(action="document.can_read", payload=SUBMISSION)
    assert seen["asked"]["payload"] == SUBMISSION
    assert seen["asked"]["note"] == "Needed for customer renewal review"
    assert seen["asked"]["requester"] == {"name": "scripts", "kind": "agent"}


async def test_law_22_an_approved_task_carries_the_receipt_for_its_submission(place: Place) -> None:
    task = await submitted(place)
    await decide(place, task, "approve")
    answer = await polled(place, task)
    assert answer["task"]["status"] == "approved"
    assert answer["result"]["mode"] == "reevaluate"
    approval = answer["result"]["approval"]
    _, keys = await place.call("GET", "/.well-known/jwks.json")
    header = jwt.get_unverified_header(approval["state"])
    claims = jwt.decode(
        approval["state"], jwt.PyJWKSet.from_dict(keys)[header["kid"]], algorithms=["EdDSA"],
        audience="scripts", issuer=ISSUER, options={"verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert claims["sub"] == approval["id"] == task["id"]
    assert claims["digest"] == digest_payload(action="document.can_read", payload=SUBMISSION)
    until = datetime.fromisoformat(approval["approved_until"]).timestamp()
    assert until == claims["exp"]
    assert approval["approved_at"] < approval["approved_until"]


async def test_law_01_a_task_is_approved_only_together_with_its_receipt(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approvals.web.api.PATIENCE", 0)
    task = await submitted(place)
    await decide(place, task, "approve")
    path = f"{PATH}/{task['id']}"
    status, answer = await place.call("GET", path, key=BOT)  # nobody has signed yet
    assert (status, answer["task"]["status"]) == (200, "pending")
    assert "result" not in answer
    assert (await polled(place, task))["task"]["status"] == "approved"


async def test_law_01_what_is_not_approved_has_no_result(place: Place) -> None:
    declined = await submitted(place)
    await decide(place, declined, "decline", reason="Not this quarter.")
    answer = await polled(place, declined)
    assert answer["task"]["status"] == "denied"
    assert answer["task"]["display"] == {"description": "Not this quarter."}
    assert "result" not in answer

    other = {**SUBMISSION, "resource": {"type": "document", "id": "q3-plan"}}
    expired = await submitted(place, other)
    place.clock.turn(60 * MINUTE)
    await place.house.service.tick()
    answer = await polled(place, expired)
    assert (answer["task"]["status"], "result" in answer) == ("expired", False)

    cancelled = await submitted(place, {**other, "action": {"name": "can_write"}})
    cancel = cancelled["links"]["cancel"].removeprefix(ISSUER)
    status, answer = await place.call("POST", cancel, {"comment": "Never mind."}, key=BOT)
    assert (status, answer["task"]["status"]) == (200, "cancelled")
    assert "links" not in answer["task"]
    status, answer = await place.call("POST", cancel, key=BOT)
    assert (status, answer["type"]) == (409, f"{ERROR}invalid_task_state")


async def test_law_05_its_keys_limits_and_rules_are_those_of_the_api(place: Place) -> None:
    for key in ("", "csr_wrong"):
        status, _ = await place.call("POST", PATH, SUBMISSION, key=key)
        assert status == 401
    status, answer = await place.call("POST", PATH, SUBMISSION, key=await place.token("kim"))
    assert (status, answer["type"]) == (403, "forbidden")
    status, answer = await place.call(
        "POST", PATH, {**SUBMISSION, "client": {"id": "another"}}, key=BOT
    )
    assert (status, answer["type"]) == (403, "forbidden")
    task = await submitted(place, {**SUBMISSION, "client": {"id": "bot", "name": "A PEP"}})
    for method, path in (("GET", task["id"]), ("POST", f"{task['id']}/cancel"), ("GET", "req_x")):
        status, answer = await place.call(method, f"{PATH}/{path}", key="csr_billing")
        assert (status, answer["type"]) == (404, f"{ERROR}unknown_task")
    two = {**SUBMISSION, "resource": {"type": "two", "id": "1"}}
    case = await place.read((await submitted(place, two))["id"], key=BOT)
    assert (case["rule"], case["needs"]) == ("two", ["2 more"])


async def test_an_idempotency_key_finds_its_task_again(place: Place) -> None:
    key = {"headers": {"Idempotency-Key": "7b8d0f0d"}}
    task = await submitted(place, **key)
    status, answer = await place.call("POST", PATH, SUBMISSION, key=BOT, **key)
    assert (status, answer["task"]) == (200, task)
    other = {**SUBMISSION, "action": {"name": "can_write"}}
    status, answer = await place.call("POST", PATH, other, key=BOT, **key)
    assert (status, answer["type"]) == (409, f"{ERROR}duplicate_request")


BAD: Final[dict[str, tuple[dict[str, Any], int, str]]] = {
    "no denial": ({"denial": {}}, 400, f"{ERROR}invalid_denial_binding"),
    "a reason alone": (
        {"denial": {"reason": "approval_required"}}, 400, f"{ERROR}invalid_denial_binding",
    ),
    "several items": ({"items": []}, 422, "invalid_request"),
    "a callback": ({"callback": {"endpoint": "https://a.b/c"}}, 422, "invalid_request"),
    "no subject": ({"subject": None}, 422, "invalid_request"),
    "a resource without a type": ({"resource": {"id": "1"}}, 422, "invalid_request"),
    "an action of many words": ({"action": {"name": "x" * 300}}, 422, "invalid_request"),
    "an agent with line ends": ({"client": {"id": "a\nb"}}, 422, "invalid_request"),
    "1 MB": ({"context": {"x": "-" * 2**20}}, 413, "body_too_large"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_law_27_a_submission_of_another_form_opens_nothing(place: Place, name: str) -> None:
    change, status, kind = BAD[name]
    body = io.BytesIO(json.dumps({**SUBMISSION, **change}).encode())
    headers = {"Content-Type": "application/json"}
    answered, problem = await place.call("POST", PATH, key=BOT, data=body, headers=headers)
    assert (answered, problem["type"]) == (status, kind)
    _, page = await place.call("GET", "/v1/requests", key=BOT)
    assert page["requests"] == []


async def test_it_is_off_unless_it_is_configured(store: Store) -> None:
    async with open_house(store) as place:
        status, _ = await place.call("POST", PATH, SUBMISSION, key=BOT)
    assert status == 404
