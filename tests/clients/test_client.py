"""The Python client against the real service: what it takes for an approval, and what it refuses.

Law 1 on this door: whatever is not a verified approval of exactly this action raises or is false.
"""

from __future__ import annotations

import ast
import asyncio
import json
import ssl
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from countersign_client import (
    AlreadyUsed,
    AsyncClient,
    Client,
    Declined,
    Expired,
    Folder,
    Http,
    Memory,
    Misconfigured,
    NotAccepted,
    Service,
    Unreachable,
    Unverified,
    Withdrawn,
    requires_approval,
)
from countersign_client.gate import Gate, ToolCall, told
from countersign_client.protocol import Lost
from countersign_client.receipt import thumbprint, thumbprints, verify
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.evidence import ReceiptKey, sign_receipt
from tests.clients.house import DEPLOY, blocking, client, decided, meanwhile, pending, service
from tests.clients.impostor import (
    FORGER,
    LIES,
    NOW,
    OWN,
    PINNED,
    SIGNED,
    Impostor,
    approved,
    asked_of,
    digest,
    genuine,
    waited_for,
)
from tests.harness.house import ISSUER, Place, until
from tests.harness.installation import environment
from tools.ports import free_port

SOURCE = Path(__file__).parents[2] / "clients/python/src"


async def test_an_approval_is_true_and_says_what_it_is_of(house: Place) -> None:
    async with client(house) as asking:
        running = asyncio.create_task(asking.ask(**DEPLOY, title="Deploy", note="It is tested."))
        case = await decided(house)
        decision = await running
    assert decision
    assert (decision.request_id, decision.digest) == (case["id"], case["digest"])
    assert decision.require() is decision


async def test_the_blocking_client_does_the_same(house: Place) -> None:
    with blocking(house) as asking:
        decision = await meanwhile(lambda: asking.ask(**DEPLOY), then=decided(house))
    assert decision


async def test_an_http_request_is_asked_about_as_it_will_be_sent(house: Place) -> None:
    http = Http("POST", "https://erp.example.com/x?a=1", (("x-a", "1"), ("x-a", "2")), b"\xff")
    async with client(house) as asking:
        running = asyncio.create_task(asking.ask(action="erp.pay", http=http))
        await decided(house)
        assert await running


async def test_a_call_that_asks_itself_and_is_declined_is_not_said_to_have_not_run(
    house: Place,
) -> None:
    async with client(house) as asking:
        gate, ran = Gate(asking, surface="tools"), []

        async def tool() -> None:
            ran.append("the first half")
            (await asking.ask(**DEPLOY)).require()

        running = asyncio.create_task(gate.run(ToolCall(tool="deploy", arguments={}), tool))
        await decided(house)
        await decided(house, "decline")
        with pytest.raises(Declined) as caught:
            await running
    assert ran
    assert told(caught.value).startswith("It was approved, it ran, and it failed: Declined")


async def test_law_01_a_decline_is_false_and_carries_the_reason(house: Place) -> None:
    async with client(house) as asking:
        running = asyncio.create_task(asking.ask(**DEPLOY))
        await decided(house, "decline", reason="Not on a Friday\u202e.")
        decision = await running
    assert not decision
    assert decision.reason == "Not on a Friday\u202e."
    with pytest.raises(Declined, match=r"Declined: Not on a Friday\\u\{202e\}\. Nothing was run"):
        decision.require()


async def test_law_01_an_expired_request_is_false(house: Place) -> None:
    async with client(house) as asking:
        running = asyncio.create_task(asking.ask(**DEPLOY, expires_in=60))
        await pending(house)
        house.clock.turn(61_000)
        await house.carried()
        decision = await running
    assert not decision
    with pytest.raises(Expired, match="Nobody decided in time"):
        decision.require()


async def test_law_01_a_withdrawn_request_is_false(house: Place) -> None:
    async with client(house) as asking:
        running = asyncio.create_task(asking.ask(**DEPLOY))
        await asking.withdraw((await pending(house))["id"])
        decision = await running
        with pytest.raises(Withdrawn):
            decision.require()
        with pytest.raises(NotAccepted, match="The service refused"):
            await asking.withdraw(decision.request_id)


async def test_a_cancelled_wait_withdraws_its_request(house: Place) -> None:
    async with client(house) as asking:
        running = asyncio.create_task(asking.ask(**DEPLOY))
        case = await pending(house)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await asking.wait(case["id"])).status == "withdrawn"


async def test_a_wait_that_is_cancelled_twice_withdraws_all_the_same(house: Place) -> None:
    async with client(house) as asking:
        running = asyncio.create_task(asking.ask(**DEPLOY))
        case = await pending(house)
        running.cancel()
        await asyncio.sleep(0)  # the withdrawal is on its way
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    after = await house.read(case["id"], key="csr_scripts")
    assert after["status"] == "withdrawn"


async def test_a_proxy_in_the_environment_is_not_asked_about_loopback(
    house: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with client(house) as asking:
        assert (await asking.open(**DEPLOY)).status == "pending"


async def test_an_interrupted_program_withdraws_its_request(house: Place, tmp_path: Path) -> None:
    script = (
        "import os, countersign_client as c\n"
        "c.Client(store=c.Memory()).ask(action='deploy', payload=None)\n"
    )
    known = service(house)
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stderr=subprocess.PIPE, cwd=tmp_path,
        env=environment(
            PYTHONPATH=str(SOURCE), COUNTERSIGN_URL=known.url, COUNTERSIGN_KEY=known.key,
            COUNTERSIGN_RECEIPT_KEY=known.receipt_key, COUNTERSIGN_REQUESTER=known.requester,
            COUNTERSIGN_ISSUER=known.issuer,
        ),
    )  # fmt: skip
    case = await pending(house)
    started.send_signal(2)
    assert b"KeyboardInterrupt" in (await started.communicate())[1]
    after = await house.read(case["id"], key="csr_scripts")
    assert after["status"] == "withdrawn"


async def test_a_program_that_was_killed_takes_up_its_request_by_key(house: Place) -> None:
    async with client(house) as asking:
        first = await asking.open(**DEPLOY, key="release-7")
        again = asyncio.create_task(asking.ask(**DEPLOY, key="release-7"))
        await decided(house)
        decision = await again
    assert decision
    assert decision.request_id == first.id


async def test_the_same_key_for_something_else_is_refused(house: Place) -> None:
    async with client(house) as asking:
        await asking.open(**DEPLOY, key="release-7")
        with pytest.raises(NotAccepted, match="Give each action a key of its own") as caught:
            await asking.ask(action="deploy", payload={"commit": "other"}, key="release-7")
    assert caught.value.type == "idempotency_mismatch"


async def test_who_stores_state_opens_waits_and_collects_later(house: Place) -> None:
    async with client(house) as asking:
        opened = await asking.open(**DEPLOY)
        assert (await asking.wait(opened.id, seconds=0)).status == "pending"
        with pytest.raises(Unverified, match="Nobody has decided yet"):
            await asking.receipt(opened.id, **DEPLOY)
        await decided(house)
        assert (await asking.wait(opened.id)).status == "approved"
        with pytest.raises(Unverified, match="What would run now is not what was approved"):
            await asking.receipt(opened.id, action="deploy", payload={"commit": "other"})
        assert await asking.receipt(opened.id, **DEPLOY)
        await asking.report(opened.id, delivered=True)
    after = await house.read(opened.id, key="csr_scripts")
    assert after["outcome"]["delivered"] is True


async def test_law_01_an_approval_is_for_one_run(house: Place, tmp_path: Path) -> None:
    async with client(house, store=Folder(tmp_path)) as asking:
        opened = await asking.open(**DEPLOY, key="once")
        await decided(house)
        assert await asking.ask(**DEPLOY, key="once")
    # Another process of the same user, after a crash, or at the same time.
    async with client(house, store=Folder(tmp_path)) as again:
        with pytest.raises(AlreadyUsed, match="it is for one run"):
            await again.ask(**DEPLOY, key="once")
        with pytest.raises(AlreadyUsed):
            await again.receipt(opened.id, **DEPLOY)
    # Another machine: it knows nothing of the folder, and the reported outcome refuses.
    async with client(house) as elsewhere:
        await elsewhere.report(opened.id, delivered=True)
        with pytest.raises(AlreadyUsed):
            await elsewhere.receipt(opened.id, **DEPLOY)


async def test_of_many_who_hold_one_approval_one_runs(house: Place, tmp_path: Path) -> None:
    async with client(house, store=Folder(tmp_path)) as asking:
        opened = await asking.open(**DEPLOY)
        await decided(house)
        await asking.wait(opened.id)
        several = [asking.receipt(opened.id, **DEPLOY) for _ in range(8)]
        ended = await asyncio.gather(*several, return_exceptions=True)
    won = [one for one in ended if not isinstance(one, BaseException)]
    assert len(won) == 1
    assert {type(one) for one in ended if isinstance(one, BaseException)} == {AlreadyUsed}


async def test_law_01_what_changes_while_it_waits_is_not_run(house: Place) -> None:
    payload: dict[str, Any] = {"to": ["bob"]}
    async with client(house) as asking:
        running = asyncio.create_task(asking.ask(action="mail.send", payload=payload))
        await pending(house)
        payload["to"].append("mallory")
        await decided(house)
        with pytest.raises(Unverified, match="What would run now is not what was approved"):
            await running


async def test_an_approval_that_is_collected_too_late_releases_nothing(house: Place) -> None:
    async with client(house) as asking:
        opened = await asking.open(**DEPLOY)
        await decided(house)
        await asking.wait(opened.id)
        house.clock.turn(24 * 3600 * 1000)
        with pytest.raises(Unverified, match="The receipt has expired"):
            await asking.receipt(opened.id, **DEPLOY)


async def test_a_pin_requester_or_issuer_that_is_not_the_services_releases_nothing(
    house: Place,
) -> None:
    other = ReceiptKey(Ed25519PrivateKey.generate()).thumbprint
    opened = None
    for changed, why in (
        ({"receipt_key": other}, "does not have the receipt key that is pinned here"),
        ({"requester": "billing"}, "The receipt's aud is 'scripts' and not 'billing'"),
        ({"issuer": "https://evil.example"}, "The receipt's iss is"),
    ):
        async with client(house, **changed) as asking:
            if opened is None:
                opened = await asking.open(**DEPLOY)
                await decided(house)
            await asking.wait(opened.id)
            with pytest.raises(Unverified, match=why):
                await asking.receipt(opened.id, **DEPLOY)


async def test_a_key_that_the_service_does_not_know_says_where_it_comes_from(house: Place) -> None:
    async with client(house, key="csr_wrong") as asking:
        with pytest.raises(NotAccepted, match="COUNTERSIGN_KEY is not a key that this service"):
            await asking.ask(**DEPLOY)


async def test_a_service_that_is_away_is_an_error_that_says_what_to_do(house: Place) -> None:
    async with client(house, url=f"http://127.0.0.1:{free_port()}") as asking:
        with pytest.raises(Unreachable, match=r"cannot be reached.*COUNTERSIGN_URL right"):
            await asking.ask(**DEPLOY)


async def test_the_impostor_with_a_genuine_receipt_is_believed() -> None:
    """What the next test changes, one thing at a time."""
    says = approved(digest(), genuine())
    impostor = Impostor(keys=[PINNED.jwk()], answer=lambda *_: web.json_response(says))
    assert await asked_of(impostor)


@pytest.mark.parametrize("kind", [AsyncClient, Client])
async def test_law_22_a_stored_key_verifies_what_it_signed_and_nothing_else(kind: Any) -> None:
    """The key is fetched once. A receipt of another key is refused all the same, and where the
    service no longer has the pinned key, the error says so."""
    says = [approved(digest(), genuine())]
    impostor = Impostor(keys=[FORGER.jwk(), PINNED.jwk()], answer=lambda *_: answer())

    def answer() -> web.Response:
        return web.json_response(says[-1])

    async def ask() -> Any:
        if kind is AsyncClient:
            return await asking.ask(**DEPLOY)
        return await asyncio.to_thread(asking.ask, **DEPLOY)

    def fetched() -> int:
        return impostor.calls.count("GET /.well-known/jwks.json")

    async with impostor.open() as url:
        known = replace(OWN, url=url)
        asking = kind(known, store=Memory(), patience=0.0, clock=lambda: NOW)
        assert await ask()
        says.append(approved(digest(), genuine(sub="req_2"), id="req_2"))
        assert await ask()
        assert fetched() == 1
        with pytest.raises(AlreadyUsed):
            await ask()
        assert fetched() == 1
        says.append(approved(digest(), genuine(FORGER, sub="req_3"), id="req_3"))
        with pytest.raises(Unverified, match="does not verify"):
            await ask()
        impostor.said["keys"] = [FORGER.jwk()]
        with pytest.raises(Unverified, match="does not have the receipt key that is pinned here"):
            await ask()
        await (asking.aclose() if kind is AsyncClient else asyncio.to_thread(asking.close))


async def test_law_22_a_key_that_was_kept_on_disk_is_known_by_its_thumbprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each client here is a process of its own, as far as it can tell. Whoever writes another key
    in the folder gets no receipt past it: the pinned one is fetched, and kept again."""
    monkeypatch.setenv("COUNTERSIGN_STATE", str(tmp_path))
    file = tmp_path / "keys" / PINNED.thumbprint
    says = list[dict[str, Any]]()
    impostor = Impostor(
        keys=[FORGER.jwk(), PINNED.jwk()], answer=lambda *_: web.json_response(says[-1])
    )

    async def ask(url: str, key: ReceiptKey = PINNED) -> int:
        """How often the key was fetched for it."""
        number, before = len(says) + 1, impostor.calls.count("GET /.well-known/jwks.json")
        receipt = genuine(key, sub=f"req_{number}")
        says.append(approved(digest(), receipt, id=f"req_{number}"))
        async with AsyncClient(replace(OWN, url=url), patience=0.0, clock=lambda: NOW) as asking:
            assert await asking.ask(**DEPLOY)
        return impostor.calls.count("GET /.well-known/jwks.json") - before

    async with impostor.open() as url:
        assert [await ask(url), await ask(url)] == [1, 0]
        kept = file.read_bytes()
        assert kept.decode() == PINNED.jwk()["x"]
        assert file.stat().st_mode & 0o777 == 0o600
        forged = str(FORGER.jwk()["x"]).encode()
        for other in (forged, kept + b"A", kept[:-1], b"", b"\xff\xfe", b"[" * 100_000):
            file.write_bytes(other)
            with pytest.raises(Unverified, match="does not verify"):
                await ask(url, FORGER)
            assert [await ask(url), await ask(url)] == [1, 0]
            assert file.read_bytes() == kept
        impostor.said["keys"] = [FORGER.jwk()]
        with pytest.raises(Unverified, match="does not have the receipt key that is pinned here"):
            await ask(url, FORGER)
    assert [one.name for one in file.parent.iterdir()] == [PINNED.thumbprint]


async def test_a_key_that_cannot_be_kept_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERSIGN_STATE", str(tmp_path))
    (tmp_path / "keys").write_text("no folder")
    says = approved(digest(), genuine())
    impostor = Impostor(keys=[PINNED.jwk()], answer=lambda *_: web.json_response(says))
    async with (
        impostor.open() as url,
        AsyncClient(replace(OWN, url=url), patience=0.0, clock=lambda: NOW) as asking,
    ):
        assert await asking.ask(**DEPLOY)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://127.0.0.1:1"])
def test_certificates_are_read_where_they_are_needed(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For plain HTTP on this machine to read them would be most of what a hook takes."""
    read = list[object]()
    load = ssl.SSLContext.load_verify_locations

    def noted(context: ssl.SSLContext, *args: Any, **named: Any) -> None:
        read.append(args or named)
        load(context, *args, **named)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", noted)
    asking = Client(replace(OWN, url=url), store=Memory(), patience=0.0)
    with asking, pytest.raises(Unreachable, match="nothing answers there"):
        asking.ask(**DEPLOY)
    assert bool(read) is url.startswith("https:")


@pytest.mark.parametrize("when", SIGNED)
async def test_a_decision_that_was_waited_for_is_not_asked_for_again(when: str) -> None:
    signed, reads = SIGNED[when]
    says = waited_for(signed)
    impostor = Impostor(keys=[PINNED.jwk()], answer=lambda *_: web.json_response(says.pop(0)))
    assert await asked_of(impostor)
    assert impostor.calls.count("GET /v1/requests/req_1") == reads


@pytest.mark.parametrize("lie", LIES)
async def test_law_01_whoever_answers_on_the_services_port_proves_nothing(lie: str) -> None:
    kind, why, says = LIES[lie]
    impostor = Impostor(keys=[PINNED.jwk()], answer=lambda *_: web.json_response(says()))
    with pytest.raises(kind, match=why):
        await asked_of(impostor)


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(text="<html>", content_type="text/html"),
        web.Response(body=b'{"a":1,"a":2}'),
        web.Response(body=b"x" * (1024 * 1024 + 1)),
        web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        web.Response(status=500, text="{}"),
        web.Response(body=b"\xff\xfe"),
        web.Response(body=b"[" * 100_000),
    ],
    ids=["html", "a key twice", "too long", "a redirect", "500", "no text", "deep"],
)
async def test_law_01_an_answer_that_is_none_is_an_outage(answer: web.Response) -> None:
    impostor = Impostor(
        keys=[],
        answer=lambda *_: web.Response(
            body=answer.body, status=answer.status, headers=dict(answer.headers)
        ),
    )
    with pytest.raises(Unreachable):
        await asked_of(impostor)


async def test_back_pressure_is_waited_for_and_no_outage() -> None:
    busy = [429, 429, 503]

    def answer(*_: Any) -> web.Response:
        if not busy:
            return web.json_response(approved(digest(), genuine()))
        slug = {"type": "/problems/too_many_waiting", "detail": "Slower, please."}
        return web.json_response(slug, status=busy.pop(), headers={"Retry-After": "0"})

    # Its patience with an outage is zero, and it still gets its answer.
    assert await asked_of(Impostor(keys=[PINNED.jwk()], answer=answer))


async def test_a_lost_answer_opens_no_second_request(house: Place) -> None:
    """The connection breaks after the service has stored it: the retry has the same key."""
    async with client(house, patience=5.0) as asking:
        lost = [True]
        send = asking._do

        async def losing(step: Any) -> Any:
            answer = await send(step)
            if getattr(step, "method", "") == "POST" and lost:
                lost.clear()
                raise Lost("cut off")
            return answer

        asking._do = losing  # type: ignore[method-assign] # in its place
        running = asyncio.create_task(asking.ask(**DEPLOY))
        await decided(house)
        assert await running
    _, page = await house.call("GET", "/v1/requests", key="csr_scripts")
    assert len(page["requests"]) == 1


async def test_a_megabyte_is_refused_in_words(house: Place) -> None:
    async with client(house) as asking:
        with pytest.raises(NotAccepted, match="Ask about less at a time"):
            await asking.ask(action="deploy", payload="x" * (1024 * 1024 + 1))


@pytest.mark.parametrize("payload", [{1, 2}, {"a": b""}, float("inf"), "\ud800", {1: 2}])
async def test_what_is_no_json_is_refused_before_anything_is_sent(payload: Any) -> None:
    asking = AsyncClient(OWN, store=Memory(), patience=0.0)
    with pytest.raises(Misconfigured, match="cannot be asked about"):
        await asking.ask(action="deploy", payload=payload)


async def test_a_decorated_function_runs_only_when_approved(house: Place) -> None:
    ran: list[tuple[str, bool]] = []
    asking = blocking(house)

    @requires_approval("deploy", client=asking)
    def deploy(commit: str, *, force: bool = False) -> str:
        ran.append((commit, force))
        return "done"

    with asking:
        answer = await meanwhile(lambda: deploy("4f1d2ab"), then=decided(house))
        assert (answer, ran) == ("done", [("4f1d2ab", False)])
        with pytest.raises(Declined):
            await meanwhile(lambda: deploy("4f1d2ab", force=True), then=decided(house, "decline"))
    assert len(ran) == 1
    _, page = await house.call("GET", "/v1/requests?status=approved", key="csr_scripts")
    assert page["requests"][0]["outcome"]["delivered"] is True


async def test_a_decorated_coroutine_too_and_its_failure_is_unknown(house: Place) -> None:
    async with client(house) as asking:

        @requires_approval("pay", client=asking, payload=lambda given: {"to": given["to"]})
        async def pay(to: str, bank: object) -> None:
            raise ZeroDivisionError(f"secret of {to} at {bank}")

        running = asyncio.create_task(pay("bob", object()))
        case = await decided(house)
        with pytest.raises(ZeroDivisionError):
            await running
    outcome = (await house.read(case["id"], key="csr_scripts"))["outcome"]
    assert (outcome["delivered"], outcome["error"]) == (None, "it raised ZeroDivisionError")


@pytest.mark.parametrize("payload", [None, lambda given: {"to": [*given["to"]]}])
async def test_law_01_a_decorated_function_does_not_run_with_changed_arguments(
    house: Place, payload: Callable[[Any], Any] | None
) -> None:
    ran, to = list[Any](), ["bob"]
    async with client(house) as asking:

        @requires_approval("mail", client=asking, payload=payload)
        async def mail(to: list[str]) -> None:
            ran.append(to)

        running = asyncio.create_task(mail(to))
        await pending(house)
        to.append("mallory")
        await decided(house)
        with pytest.raises(Unverified):
            await running
    assert ran == []


def test_law_01_a_receipt_by_another_key_is_refused_whoever_hands_the_key_over() -> None:
    about: dict[str, Any] = {
        "pin": PINNED.thumbprint, "issuer": ISSUER, "requester": "scripts", "now": NOW,
        "request_id": "req_1", "digest": digest(),
    }  # fmt: skip
    claims = json.loads(urlsafe_b64decode(genuine().split(".")[1] + "=="))
    assert verify(genuine(), PINNED.jwk(), **about) == claims["exp"]
    forged = sign_receipt(FORGER, claims)
    with pytest.raises(Unverified, match="its key is not the pinned one"):
        verify(forged, FORGER.jwk(), **about)
    with pytest.raises(Unverified, match="does not verify"):
        verify(forged, PINNED.jwk(), **about)


async def test_law_05_the_client_has_no_way_to_decide(house: Place) -> None:
    async with client(house) as asking:
        opened = await asking.open(**DEPLOY)
        body = {"choice": "approve", "digest": opened.digest}
        path = f"/v1/requests/{opened.id}/decision"
        status, problem = await house.call("POST", path, body, key=asking.service.key)
    assert (status, problem["type"].rsplit("/", 1)[-1]) == (403, "forbidden")
    assert not [name for name in dir(Client) if "approve" in name or "decide" in name]


def test_law_23_the_key_is_in_no_repr_and_no_error() -> None:
    assert OWN.key not in repr(OWN)
    with pytest.raises(Misconfigured) as caught:
        Service(url=OWN.url, key="csr_ secret", receipt_key=OWN.receipt_key,
                requester="a", issuer="b")  # fmt: skip
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"url": "http://approve.example.com"}, "in plain text"),
        ({"url": "http://127.0.0.1.example.com"}, "in plain text"),
        ({"url": "https://approve.example.com/v1"}, "without a path"),
        ({"url": "https://user@approve.example.com"}, "without a path"),
        ({"url": "approve.example.com"}, "without a path"),
        ({"url": "http://[::1"}, "scheme, host and port"),
        ({"url": "https://approve..example.com"}, "scheme, host and port"),
        ({"url": "https://approve.example.com:99999"}, "scheme, host and port"),
        ({"url": "https://[::1]]:8080"}, "scheme, host and port"),
        ({"receipt_key": "abc"}, "`countersign doctor`"),
        ({"key": ""}, "empty, or has blanks"),
    ],
)
def test_settings_that_cannot_be_safe_are_refused(changed: dict[str, str], why: str) -> None:
    given = {"url": OWN.url, "key": OWN.key, "receipt_key": OWN.receipt_key,
             "requester": "scripts", "issuer": ISSUER}  # fmt: skip
    with pytest.raises(Misconfigured, match=why):
        Service(**{**given, **changed})


@pytest.mark.parametrize(
    "env",
    [
        {"HTTPS_PROXY": "junk://user:secret@proxy.example"},
        {"HTTPS_PROXY": "http://user:secret#word@proxy.example"},
        {"ALL_PROXY": "socks5://user:secret@127.0.0.1:1"},
        {"SSL_CERT_FILE": "/nonexistent"},
    ],
    ids=lambda env: next(iter(env)),
)
async def test_surroundings_that_cannot_be_used_are_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str]
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    asked = Service(
        url="https://approve.example.com", key=OWN.key, receipt_key=OWN.receipt_key,
        requester="scripts", issuer=ISSUER,
    )  # fmt: skip
    with (
        Client(asked, store=Memory(), patience=0) as client,
        pytest.raises(Misconfigured, match=next(iter(env))) as caught,
    ):
        client.ask(**DEPLOY)
    assert "secret" not in str(caught.value)
    async with AsyncClient(asked, store=Memory(), patience=0) as patient:
        with pytest.raises(Misconfigured, match="Nothing was run"):
            await patient.ask(**DEPLOY)


def test_a_host_that_cannot_be_looked_up_is_an_outage() -> None:
    asked = Service(
        url="https://xn--.example.com", key=OWN.key, receipt_key=OWN.receipt_key,
        requester="scripts", issuer=ISSUER,
    )  # fmt: skip
    with (
        Client(asked, store=Memory(), patience=0) as client,
        pytest.raises(Unreachable, match="Is COUNTERSIGN_URL right"),
    ):
        client.ask(**DEPLOY)


def test_published_keys_of_other_kinds_are_passed_over() -> None:
    x = "A" * 43
    published = [{"kty": "RSA"}, {"kty": "OKP", "crv": "Ed25519", "x": "\ud800"}, {}]
    assert thumbprints(published) == []
    ours = {"kty": "OKP", "crv": "Ed25519", "x": x}
    assert thumbprints([*published, ours]) == [thumbprint(ours)]


def test_a_key_file_that_is_no_text_says_so(tmp_path: Path) -> None:
    (tmp_path / "bot.key").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Misconfigured, match="cannot be read: it is not text"):
        Service.from_environment({"COUNTERSIGN_KEY_FILE": str(tmp_path / "bot.key")})


def test_what_is_not_set_is_named(tmp_path: Path) -> None:
    env = {"COUNTERSIGN_CLIENT_FILE": str(tmp_path / "service.json"), "COUNTERSIGN_KEY": "x"}
    with pytest.raises(Misconfigured, match=r"COUNTERSIGN_URL.*COUNTERSIGN_RECEIPT_KEY") as caught:
        Service.from_environment(env)
    assert "COUNTERSIGN_KEY (" not in str(caught.value)
    assert "countersign-client pin" in str(caught.value)


def test_it_stands_alone_and_imports_little() -> None:
    """Nothing but a part of the standard library when it is imported; later httpx and joserfc."""
    script = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); import countersign_client; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('httpx', 'joserfc', 'cryptography', 'asyncio', 'approvals', 'aiohttp', 'sqlite3', "
        "'mcp')])"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_it_imports_nothing_but_the_standard_library_and_two_more() -> None:
    found = set[str]()
    package = SOURCE / "countersign_client"
    # These need what they are a door to, and no other module imports them as it is loaded.
    doors = {package / f"mcp{name}.py" for name in ("", "_proxy", "_tools")}
    for path in set(package.glob("*.py")) - doors:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module).split(".")[0])
    assert found - sys.stdlib_module_names == {"countersign_client", "httpx", "joserfc"}


def test_used_approvals_are_forgotten_long_after_they_expired(tmp_path: Path) -> None:
    store = Folder(tmp_path / "used")
    store.note("req_1", expires=NOW, now=NOW - 60)
    store.note("req_2", expires=NOW, now=NOW + 3600)
    with pytest.raises(AlreadyUsed):
        store.note("req_1", expires=NOW, now=NOW + 3600)
    store.note("req_3", expires=NOW + 10**6, now=NOW + 10**6)
    assert len([*(tmp_path / "used").iterdir()]) == 2  # with when it was looked through


def test_used_approvals_are_looked_through_once_an_hour(tmp_path: Path) -> None:
    """A folder with many of them does not slow down each decision."""
    store = Folder(tmp_path)
    store.note("req_1", expires=NOW, now=NOW)
    (tmp_path / "old").write_text("1\n")
    store.note("req_2", expires=NOW, now=NOW + 3599)
    assert (tmp_path / "old").exists()
    store.note("req_3", expires=NOW, now=NOW + 3600)
    assert not (tmp_path / "old").exists()


def test_law_01_what_cannot_be_noted_is_not_released(tmp_path: Path) -> None:
    (tmp_path / "used").write_text("a file where the folder should be")
    with pytest.raises(Misconfigured, match="COUNTERSIGN_STATE"):
        Folder(tmp_path / "used").note("req_1", expires=NOW, now=NOW)


async def test_a_service_that_restarts_while_somebody_waits_is_waited_for(house: Place) -> None:
    """It is away for one poll, and the wait goes on."""
    away = [True]
    async with client(house, patience=5.0) as asking:
        send = asking._do

        async def failing(step: Any) -> Any:
            if getattr(step, "method", "") == "GET" and away:
                away.clear()
                raise Lost("away")
            return await send(step)

        asking._do = failing  # type: ignore[method-assign] # in its place
        running = asyncio.create_task(asking.ask(**DEPLOY))
        await decided(house)
        assert await running
    await until(lambda: not away)
