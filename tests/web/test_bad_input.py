"""Bad input gets a clear 4xx and changes nothing, or becomes a card that is safe to look at.

Each on both databases, because what one of them cannot store the other can.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest

from approvals.store import Store
from approvals.web.api import AROUND_LIMIT, BODY_LIMIT
from approvals.web.app import REQUEST_LIMIT
from tests.harness.house import Place, open_house
from tests.harness.turns import counted

JSON = {"Content-Type": "application/json"}
KEY = {"Authorization": "Bearer csr_billing"}


@pytest.fixture
async def place(store: Store) -> AsyncIterator[Place]:
    async with open_house(store) as place:
        yield place


async def send(
    place: Place, body: bytes | AsyncIterator[bytes], headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Open a request with exactly these bytes. A problem document is checked for its shape."""
    data: Any = BytesIO(body) if isinstance(body, bytes) else body
    sent = {**JSON, **KEY, **(headers or {})}
    async with place.http.post(f"{place.url}/v1/requests", data=data, headers=sent) as answer:
        raw = await answer.read()
        said = json.loads(raw)
        if answer.status >= 400:
            assert answer.content_type == "application/problem+json"
            assert set(said) >= {"type", "title", "status", "detail"}
            assert said["status"] == answer.status
            assert said["detail"]
        return answer.status, said


def asked(**fields: Any) -> bytes:
    return json.dumps({"action": "mail.send", "payload": 1} | fields).encode()


def held(**fields: Any) -> dict[str, Any]:
    return {"method": "POST", "url": "https://api.example.com/v1/pay"} | fields


def of(body: bytes) -> str:
    return base64.b64encode(body).decode()


async def nothing_stored(place: Place) -> None:
    assert await place.store.page() == []
    assert await place.kinds() == []


STRETCH = 60_000
"""Calls that one turn of the loop may make."""
NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"action=mail.send",
    "half of it": b'{"action":"mail.send","payload":',
    "something behind it": b'{"action":"mail.send","payload":1}{}',
    "single quotes": b"{'action':'mail.send','payload':1}",
    "a comment": b'{"action":"mail.send"/**/,"payload":1}',
    "a trailing comma": b'{"action":"mail.send","payload":1,}',
    "NaN": b'{"action":"mail.send","payload":NaN}',
    "Infinity": b'{"action":"mail.send","payload":-Infinity}',
    "a byte order mark": b'\xef\xbb\xbf{"action":"mail.send","payload":1}',
    "UTF-16": '{"action":"mail.send","payload":1}'.encode("utf-16-le"),
    "no UTF-8": b'{"action":"mail.send","payload":"\xff\xfe"}',
    "an overlong form": b'{"action":"mail.send","payload":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"action":"mail.send","payload":"\xed\xa0\x80"}',
    "a raw NUL": b'{"action":"mail.send","payload":"\x00"}',
    "a raw line end": b'{"action":"mail.send","payload":"\n"}',
    "a key twice": b'{"action":"mail.send","payload":{"to":"bob","to":"eve"}}',
    "a key twice by an escape": b'{"action":"mail.send","payload":{"to":"bob","t\\u006f":"eve"}}',
    "a field twice": b'{"action":"mail.send","payload":1,"payload":2}',
    "a field twice in http": b'{"action":"a","http":{"method":"GET","method":"PUT","url":"https://x"}}',
    "an integer too large": b'{"action":"mail.send","payload":9007199254740992}',
    "an integer too small": b'{"action":"mail.send","payload":{"n":-9007199254740992}}',
    "a large number in disguise": b'{"action":"mail.send","payload":1e16}',
    "an integer without end": b'{"action":"mail.send","payload":' + b"9" * 5000 + b"}",
    "an exponent without end": b'{"action":"mail.send","payload":1e' + b"9" * 5000 + b"}",
    "too deep": b'{"action":"mail.send","payload":' + b"[" * 65 + b"]" * 65 + b"}",
    "far too deep": b'{"action":"mail.send","payload":' + b"[" * 99_000,
    "too deep objects": b'{"action":"mail.send","payload":' + b'{"a":' * 70 + b"1" + b"}" * 71,
    "a lone surrogate": b'{"action":"mail.send","payload":"\\ud800"}',
    "a lone surrogate in the title": b'{"action":"mail.send","payload":1,"title":"\\uD83D"}',
    "a lone surrogate as a key": b'{"action":"mail.send","payload":{"\\udfff":1}}',
    "surrogates in the wrong order": b'{"action":"mail.send","payload":"\\ude00\\ud83d"}',
    "a lone surrogate in the note": b'{"action":"mail.send","payload":1,"note":"\\udbff x"}',
}


async def test_law_27_what_is_not_one_plain_json_value_is_a_422(place: Place) -> None:
    for what, body in NOT_JSON.items():
        status, problem = await send(place, body)
        assert (status, problem["type"]) == (422, "invalid_json"), what
        assert len(problem["detail"]) < 300, what
    await nothing_stored(place)


NOT_A_REQUEST: dict[str, bytes] = {
    "a list": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "nothing in it": b"{}",
    "no action": b'{"payload":1}',
    "nothing bound": b'{"action":"mail.send"}',
    "two things bound": asked(http=held()),
    "an unknown field": asked(urgent=True),
    "an unknown field of the agent": asked(agent={"id": "bot", "admin": True}),
    "an unknown field of http": b'{"action":"a","http":{"method":"GET","url":"https://x","to":1}}',
    "an empty action": asked(action=""),
    "a long action": asked(action="a" * 201),
    "an action of another type": asked(action=1),
    "a title of another type": asked(title=["x"]),
    "an empty title": asked(title=""),
    "a long title": asked(title="x" * 501),
    "a long note": asked(note="x" * 20_001),
    "a risk that there is not": asked(risk="none"),
    "a risk of another type": asked(risk=3),
    "no time": asked(expires_in=0),
    "negative time": asked(expires_in=-1),
    "time as text": asked(expires_in="900"),
    "half a second": asked(expires_in=0.5),
    "time as a truth": asked(expires_in=True),
    "too much time": asked(expires_in=7 * 24 * 3600 + 1),
    "facts of another type": asked(facts={"Amount": "1"}),
    "a fact of another type": asked(facts=["Amount: 1"]),
    "a fact without a label": asked(facts=[{"value": "1"}]),
    "a fact that is a number": asked(facts=[{"label": "Amount", "value": 1}]),
    "ten thousand facts": asked(facts=[{"label": f"L{n}", "value": "v"} for n in range(10_000)]),
    "an agent without an id": asked(agent={"name": "x"}),
    "an agent with an empty id": asked(agent={"id": ""}),
    "an agent with a NUL": asked(agent={"id": "bot\0"}),
    "an agent with a line end": asked(agent={"id": "bot\nadmin"}),
    "an agent as text": asked(agent="bot"),
    "decoded as a list": asked(decoded=[1]),
    "decoded without end": asked(decoded={str(n): n for n in range(201)}),
    "decoded too deep for a rule": asked(decoded={"amount": {"value": 1}}),
    "nothing decoded": asked(decoded={"amount": None}),
    "decoded numbers in a list": asked(decoded={"to": [1]}),
}


async def test_law_27_what_is_no_request_is_a_422_that_names_the_field(place: Place) -> None:
    for what, body in NOT_A_REQUEST.items():
        status, problem = await send(place, body)
        assert (status, problem["type"]) == (422, "invalid_request"), what
    await nothing_stored(place)
    _, problem = await send(place, asked(facts=[{"label": "A", "value": "1"}, {"label": "B"}]))
    assert problem["detail"] == "`facts.1.value` is missing."


CANNOT_BE_SENT: dict[str, dict[str, Any]] = {
    "no base64": held(body="?"),
    "base64 without its end": held(body="YQ"),
    "base64 with blanks": held(body="YW Jj"),
    "base64 with line ends": held(body="YWJj\n"),
    "base64 for URLs": held(body="-_-_"),
    "base64 that ends twice": held(body="YQ==YQ=="),
    "base64 that is not ASCII": held(body="YWJé"),
    "a method with a blank": held(method="GET /"),
    "a method with a line end": held(method="GET\r\n"),
    "an empty method": held(method=""),
    "no URL": held(url=""),
    "a relative URL": held(url="/v1/pay"),
    "another scheme": held(url="ftp://example.com/"),
    "javascript": held(url="javascript:alert(1)"),
    "a user in the URL": held(url="https://good.example@evil.example/"),
    "a fragment": held(url="https://example.com/#x"),
    "a blank in the URL": held(url="https://example.com/a b"),
    "a line end in the URL": held(url="https://example.com/\r\nHost: evil"),
    "a backslash": held(url="https://example.com\\@evil.example/"),
    "a host in another script": held(url="https://аpi.example.com/"),
    "a port that there is not": held(url="https://example.com:99999/"),
    "a long URL": held(url="https://example.com/" + "a" * 16_384),
    "a header with a line end": held(headers={"X": "a\r\nAuthorization: b"}),
    "a header with a NUL": held(headers={"X": "a\0"}),
    "a header that is not Latin-1": held(headers={"X": "\u2028"}),
    "a header name with a colon": held(headers={"X:": "a"}),
    "an empty header name": held(headers={"": "a"}),
    "a header that is a number": held(headers={"X": 1}),
    "another host in a header": held(headers={"Host": "evil.example"}),
    "a connection header with secrets": held(headers={"Connection": "x-pay", "X-Pay": "1"}),
}


async def test_law_27_what_cannot_be_sent_as_it_stands_is_a_422(place: Place) -> None:
    for what, http in CANNOT_BE_SENT.items():
        body = json.dumps({"action": "mail.send", "http": http}).encode()
        status, problem = await send(place, body)
        assert status == 422, what
        assert problem["type"] in ("invalid_request", "invalid_body"), what
    await nothing_stored(place)


async def test_law_27_another_content_type_is_a_415(place: Place) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "text/json", "", "json", "é"):
        status, problem = await send(place, asked(), {"Content-Type": kind})
        assert (status, problem["type"]) == (415, "unsupported_media_type"), kind
    await nothing_stored(place)
    parameters = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await send(place, asked(), parameters))[0] == 201


async def test_law_09_no_key_is_a_401_before_anything_is_read(place: Place) -> None:
    for header in ("Bearer nobody", "Bearer é\u20ac", "Basic x", "Bearer", "\x80"):
        status, problem = await send(place, b"not even JSON", {"Authorization": header})
        assert (status, problem["type"]) == (401, "unauthorized"), header
    sent = {"Content-Type": "application/json"}
    async with place.http.post(f"{place.url}/v1/requests", data=asked(), headers=sent) as answer:
        assert answer.status == 401
    await nothing_stored(place)


async def test_law_27_an_idempotency_key_is_short_printable_ascii(place: Place) -> None:
    for key in ("", "x" * 201, "é", "a\tb"):
        status, problem = await send(place, asked(), {"Idempotency-Key": key})
        assert (status, problem["type"]) == (422, "invalid_idempotency_key"), key
    await nothing_stored(place)


async def test_law_27_other_bodies_are_checked_alike(place: Place) -> None:
    """A revision, an outcome and a decision go through the same reader."""
    one = await place.opened()
    before = await place.case(one["id"])
    path = f"{place.url}/v1/requests/{one['id']}"
    token = await place.token("dana")
    digest = one["digest"]
    wrong: list[tuple[str, str, list[Any]]] = [
        ("PUT", "csr_billing", [{}, {"action": "x"}, {"action": "", "payload": 1}]),
        (
            "POST /outcome",
            "csr_billing",
            [
                *({}, {"delivered": "yes"}, {"delivered": 1}, {"delivered": True, "status": 99}),
                *({"delivered": True, "status": "201"}, {"delivered": True, "x": 1}),
                {"delivered": False, "error": "x" * 1001},
            ],
        ),
        (
            "POST /decision",
            token,
            [
                *({}, {"choice": "approve"}, {"choice": "yes", "digest": digest}),
                *({"choice": "approve", "digest": "x"}, {"choice": ["approve"], "digest": digest}),
                {"choice": "approve", "digest": digest.upper()},
                {"choice": "approve", "digest": digest + "\n"},
                {"choice": "approve", "digest": digest, "as": "kim"},
                {"choice": "approve", "digest": digest, "reason": "x" * 1001},
            ],
        ),
    ]
    for call, key, bodies in wrong:
        method, _, tail = call.partition(" ")
        for body in bodies:
            status, problem = await place.call(
                method, f"/v1/requests/{one['id']}{tail}", body, key=key
            )
            assert (status, problem["type"]) == (422, "invalid_request"), body
        headers = {"Authorization": f"Bearer {key}"}
        for raw, kind, status in (
            (b'{"choice":"approve","choice":"decline"}', "application/json", 422),
            (b"\xff", "application/json", 422),
            (b"{}", "text/plain", 415),
            (b"[" * (AROUND_LIMIT + 2), "application/json", 413),
        ):
            sent = {**headers, "Content-Type": kind}
            async with place.http.request(
                method, path + tail, data=BytesIO(raw), headers=sent
            ) as answer:
                assert answer.status == status, raw[:50]
    assert await place.case(one["id"]) == before


# Sizes


async def test_law_27_a_body_over_the_limit_is_a_413(place: Place) -> None:
    for what, body in {
        "a body one byte too long": json.dumps(
            {"action": "mail.send", "http": held(body=of(b"x" * (BODY_LIMIT + 1)))}
        ).encode(),
        "more than can be": b" " * (REQUEST_LIMIT + 1),
        "a payload": asked(payload="x" * AROUND_LIMIT),
        "a payload of many": asked(payload=[0] * 500_000),
        "a payload of strings": asked(payload=["abcdefghijklmnopqrstuvwxyz"] * 60_000),
        "a payload of lists": asked(payload=[[]] * 100_000),
        "blanks": asked() + b" " * AROUND_LIMIT,
    }.items():
        status, problem = await send(place, body)
        assert (status, problem["status"], problem["type"]) == (413, 413, "body_too_large"), what
    await nothing_stored(place)


async def test_law_27_a_chunked_body_over_the_limit_is_a_413(place: Place) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"action":"mail.send","payload":"'
        while sent < REQUEST_LIMIT * 2:
            sent += 2**20
            yield b"x" * 2**20

    status, problem = await send(place, chunks())
    assert (status, problem["status"], problem["type"]) == (413, 413, "body_too_large")
    await nothing_stored(place)


async def test_law_27_a_delivery_over_its_limit_is_a_413(place: Place) -> None:
    url = f"{place.url}/channels/desk/events"

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 2**20

    for data in (BytesIO(b"x" * (2**20 + 1)), chunks()):
        async with place.http.post(url, data=data) as answer:
            assert answer.status == 413


async def turned(place: Place, body: bytes) -> tuple[int, Any]:
    """Open and post its cards: the most calls in one turn of the loop, and what was opened."""
    with counted() as turns:
        status, opened = await send(place, body)
        assert status == 201, opened
        await place.carried()
    return turns.longest, opened


async def test_law_27_a_payload_of_very_many_values_holds_nobody_up(place: Place) -> None:
    many: list[tuple[Any, int]] = [([[]], 45_000), (1, 340_000), ({"a": 1}, 90_000), ("x", 200_000)]
    for value, times in many:
        payload = [value] * times
        body = json.dumps({"action": "mail.send", "payload": payload}).encode().replace(b" ", b"")
        stretch, opened = await turned(place, body)
        assert stretch < STRETCH
        case = await place.case(opened["id"])
        assert case.inspectable is False


@pytest.mark.parametrize("what", ["text", "json", "binary", "secrets", "escapes", "many brackets"])
async def test_law_27_ten_megabytes_are_opened_quickly_and_hold_nobody_up(
    place: Place, what: str
) -> None:
    bodies = {
        "text": b"a b\n" * (BODY_LIMIT // 4),
        "json": b'{"k":["' + b'v","' * ((BODY_LIMIT - 20) // 4) + b'"]}',
        "binary": bytes(range(256)) * (BODY_LIMIT // 256),
        "secrets": b"token=hunter2hunter2hunter2&" * (BODY_LIMIT // 28),
        "escapes": b'"\\\x01<' * (BODY_LIMIT // 4),
        "many brackets": b"x" * (BODY_LIMIT - 300_000),
    }
    http = held(body=of(bodies[what]), headers={"content-type": "application/json"})
    decoded = {"d": ["[" * 90] * 1000} if what == "many brackets" else {}
    body = json.dumps({"action": "mail.send", "http": http, "decoded": decoded}).encode()
    stretch, opened = await turned(place, body)
    assert stretch < STRETCH
    card = await place.card(opened, "U-dana")
    assert "Approve" not in dict(card.now["buttons"])
    assert card.now["payload"][1] > 0 or "a file (" in card.now["payload"][0]
    case = await place.case(opened["id"])
    request = await place.store.content(case.id, 1)
    assert request is not None
    assert request.http is not None
    assert request.http.body == bodies[what], "what will be digested is what was sent"


# What is strange and allowed becomes a safe card


STRANGE = {
    "bidi": "Pay \u202e001 RUE\u202c to ACME",
    "zero width": "Pay\u200b ACME\ufeff\u2060",
    "a line that forges another": "ACME\nApproved by: CFO",
    "controls": "a\x07\x1b[31mb\x7f\x85",
    "tags": "a\U000e0041b",
    "combining": "a" + "\u0301" * 60,
    "markup": "<!channel> <@U1> *b* `c` [x](https://evil.example) @everyone ||s|| ```",
    "a NUL": "a\x00b",
    "not a character": "\uffff \ufdd0",
}


@pytest.mark.parametrize("key", ["csr_billing", "csr_scripts"])
async def test_law_12_strange_text_is_shown_as_what_it_is(place: Place, key: str) -> None:
    for what, text in STRANGE.items():
        sent = {
            "title": text,
            "note": text,
            "facts": [{"label": text[:200], "value": text}],
            "payload": {text: text},
            "agent": {"id": "bot", "name": text},
        }
        opened = await place.opened("low.read", key=key, **sent)
        shown = (await place.card(opened, "U-dana")).now
        visible = json.dumps(shown, ensure_ascii=False)
        for char in set(text) & set(
            "\u202e\u202c\u200b\ufeff\u2060\x07\x1b\x7f\x85\x00\U000e0041\uffff\ufdd0"
        ):
            assert char not in visible, (what, hex(ord(char)))
        for name in ("headline", "title", "progress"):
            assert "\n" not in shown[name], what
        if key == "csr_scripts":
            assert text[:4] not in shown["title"]
        assert await place.read(opened["id"], key=key) == opened
        case = await place.case(opened["id"])
        request = await place.store.content(case.id, 1)
        assert request is not None
        assert request.note == text, "what is kept is the original"


async def test_law_12_an_action_is_shown_as_what_it_is(place: Place) -> None:
    for action in ("a\u202eb", "a\nb", "a\x00b", "<@U1>", "a" * 200):
        opened = await place.opened(action)
        shown = (await place.card(opened, "U-dana")).now
        assert "\u202e" not in json.dumps(shown, ensure_ascii=False)
        assert "\n" not in shown["title"]
        assert "\x00" not in shown["title"]
