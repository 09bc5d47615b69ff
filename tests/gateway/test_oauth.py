"""Access tokens that the gateway fetches itself, from oauthlib's authorization server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from approvals.app.host import clock
from approvals.evidence import ReceiptKey
from approvals.model import MINUTE, SECOND, Instant
from approvals.proxy.ca import utc
from approvals.proxy.credentials import OAUTH, Client, OAuth, Secret, client
from approvals.proxy.fetched import FILE, SOON, YOUNG
from approvals.proxy.oauth import Denied, answer, question
from approvals.proxy.post import poster
from approvals.proxy.reach import Reach
from approvals.proxy.secrets import Secrets
from tests.harness.gateway import QUICK, Gate, Origin, authority, gate, liar, origin
from tests.harness.house import HANGS
from tests.peers.oauth import (
    CLIENT,
    REFRESH,
    SECRET,
    AuthorizationServer,
    authorization_server,
)

KEY = ReceiptKey(Ed25519PrivateKey.generate())
BOTH = f"client_secret={SECRET}\nrefresh_token={REFRESH}"


@dataclass(slots=True)
class Time:
    now: Instant

    def __call__(self) -> Instant:
        return self.now


@dataclass(slots=True)
class House:
    """An upstream, an authorization server, a gateway between, and the time."""

    there: Origin
    server: AuthorizationServer
    our: Gate
    time: Time

    def keep(self, text: str = BOTH, **more: str) -> str:
        """The placeholder of a credential made of this."""
        host = f"127.0.0.1:{self.there.port},localhost:{self.there.port}"
        account = OAuth(**{"token_url": self.server.url, "client_id": CLIENT, **more})  # type: ignore[arg-type] # of any kind
        secrets = Secrets(self.our.settings.folder, {})
        secret = Secret("mail", host, "authorization", None, kind=OAUTH, oauth=account)
        secrets.put(secret, text)
        return secrets.placeholder("mail", "bot")

    async def ask(self, held: str, method: str = "GET") -> tuple[int, object]:
        line = f"Authorization: Bearer {held}"
        return await self.our.ask(f"{self.there.url}/", method, line)

    def sent(self) -> list[str]:
        """The access tokens that came upstream."""
        heads = [raw.partition(b"\r\n\r\n")[0].decode().split("\r\n") for raw in self.there.seen]
        found = [line.partition(" Bearer ")[2] for head in heads for line in head]
        return [token for token in found if token]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[House]:
    time = Time(clock())
    async with (
        origin() as there,
        authorization_server() as server,
        gate(folder, clock=time) as our,
    ):
        yield House(there, server, our, time)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as made:
        yield made


@pytest.mark.parametrize("way", ["basic", "post"])
@pytest.mark.parametrize("text", [BOTH, f"client_secret={SECRET}"], ids=["refresh", "client"])
async def test_an_access_token_is_fetched_and_used_until_shortly_before_its_end(
    house: House, way: str, text: str
) -> None:
    held = house.keep(text, client_auth=way, scope="mail")
    for _ in range(3):
        assert (await house.ask(held))[0] == 200
    house.time.now += 58 * MINUTE
    assert (await house.ask(held))[0] == 200
    assert house.sent() == house.server.given * 4
    house.time.now += 1 * MINUTE + SECOND
    assert (await house.ask(held))[0] == 200
    assert len(house.server.given) == 2
    assert house.sent()[-1] == house.server.given[1] != house.server.given[0]


async def test_many_requests_wait_for_one_refresh(house: House) -> None:
    held = house.keep()
    house.server.gate.clear()
    asking = [asyncio.create_task(house.ask(held)) for _ in range(20)]
    await asyncio.wait_for(house.server.arrived.wait(), HANGS)
    asking[0].cancel()  # whoever came first may leave
    house.server.gate.set()
    answers = await asyncio.gather(*asking[1:])
    assert {status for status, _ in answers} == {200}
    assert len(house.server.asked) == 1


async def test_a_rotated_refresh_token_is_kept_over_a_restart(tmp_path: Path) -> None:
    time = Time(clock())
    async with origin() as there, authorization_server() as server:
        server.rotates = True
        async with gate(tmp_path, clock=time) as our:
            house = House(there, server, our, time)
            held = house.keep()
            for _ in range(3):
                assert (await house.ask(held))[0] == 200
                time.now += 60 * MINUTE
        assert len(server.given) == 3
        (newest,) = server.live
        assert newest != REFRESH
        async with gate(tmp_path, clock=time) as again:
            assert (await House(there, server, again, time).ask(held))[0] == 200
            assert len(server.given) == 4
            for token in (newest, *server.given, *server.live, REFRESH, SECRET):
                for file in filter(Path.is_file, tmp_path.rglob("*")):
                    assert token.encode() not in file.read_bytes(), file
            assert oct((again.settings.folder / FILE).stat().st_mode)[-3:] == "600"


async def test_two_processes_do_not_use_a_refresh_token_twice(house: House) -> None:
    """As `secret check` beside a running gateway: the second takes what the first has fetched."""
    house.server.rotates = True
    held = house.keep()
    settings = house.our.settings
    reach = Reach(settings.private, settings.ca_file, QUICK)
    beside = Secrets(settings.folder, {}, clock=house.time, post=poster(reach))
    (secret,) = beside.all()
    house.server.gate.clear()
    asking = asyncio.create_task(house.ask(held))
    await asyncio.wait_for(house.server.arrived.wait(), HANGS)
    checking = asyncio.create_task(beside.ready(secret))
    for _ in range(20):  # by then it would have asked, if nothing kept it
        assert (await house.our.ask(f"{house.there.url}/"))[0] == 200
    house.server.gate.set()
    assert (await asking)[0] == 200
    await checking
    assert len(house.server.asked) == 1
    await beside.close()
    reach.close()


async def test_a_401_is_followed_by_one_refresh(house: House) -> None:
    held = house.keep()
    assert (await house.ask(held))[0] == 200
    house.time.now += int(YOUNG) * SECOND
    house.there.reply = lambda raw: (
        b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"
        if house.server.given[0].encode() in raw
        else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    )
    # A POST is not sent twice: its agent sees the 401, and its next try has another token.
    assert (await house.ask(held, "POST"))[0] == 401
    assert (await house.ask(held, "POST"))[0] == 200
    assert len(house.there.seen) == 3
    assert len(house.server.given) == 2
    # An upstream that always refuses does not make the gateway ask in a loop.
    house.there.reply = lambda _: b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"
    for _ in range(5):
        assert (await house.ask(held))[0] == 401
    assert len(house.server.given) == 2
    uses = Secrets(house.our.settings.folder, {}).uses.all()
    assert uses["mail"].error == "a server answered 401 to it"


async def test_what_only_reads_is_sent_once_more_after_a_401(tmp_path: Path) -> None:
    time, theirs = Time(clock()), authority(tmp_path / "theirs")
    tls = theirs.context("localhost", utc(clock()))
    async with (
        origin(tls) as there,
        authorization_server() as server,
        gate(tmp_path, clock=time, ca_file=tmp_path / "theirs/ca.pem") as our,
    ):
        house = House(there, server, our, time)
        held = house.keep().encode()
        there.reply = lambda raw: (
            b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"
            if server.given[0].encode() in raw
            else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        )

        async def ask() -> bytes:
            reader, writer = await our.inside(there.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n" % there.port)
            writer.write(b"Authorization: Bearer %b\r\n\r\n" % held)
            status = await asyncio.wait_for(reader.readline(), HANGS)
            writer.close()
            return status.split()[1]

        assert await ask() == b"401"  # a token that has just come is not renewed
        time.now += int(YOUNG) * SECOND
        assert await ask() == b"200"
        assert house.sent() == [server.given[0], *server.given]
        assert [it["status"] for it in our.lines() if it["event"] == "sent"] == [401, 401, 200]


async def test_what_a_server_says_of_a_refusal_reaches_agent_and_operator_without_a_token(
    house: House,
) -> None:
    held = house.keep()
    house.server.live.clear()
    with capture_logs() as logs:
        status, said = await house.ask(held)
        again, _ = await house.ask(held)
    assert (status, again) == (502, 502)
    assert isinstance(said, dict)
    assert said["type"] == "secret_unavailable"
    assert said["retryable"] is False
    assert "invalid_grant" in said["detail"]
    assert "was revoked" in said["detail"]
    assert "countersign secret set mail" in said["detail"]
    assert len(house.server.asked) == 1  # the refusal is remembered for a minute
    assert house.there.seen == []
    use = Secrets(house.our.settings.folder, {}).uses.all()["mail"]
    assert use.error is not None
    assert "invalid_grant" in use.error
    for text in (json.dumps(said), json.dumps(logs, default=str), use.error):
        assert REFRESH not in text
        assert SECRET not in text
    assert [it["event"] for it in logs if it["log_level"] == "error"] == ["credential_failed"]
    # A new one is used at once.
    house.server.live.add("refresh-token-0001")
    house.keep(f"client_secret={SECRET}\nrefresh_token=refresh-token-0001")
    assert (await house.ask(held))[0] == 200
    assert Secrets(house.our.settings.folder, {}).uses.all()["mail"].error is None


async def test_law_15_an_access_token_does_not_come_back(house: House) -> None:
    held = house.keep()
    house.there.reply = lambda raw: (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(raw), raw)
    )
    status, said = await house.ask(held)
    assert status == 200
    assert isinstance(said, bytes)
    assert house.server.given[0].encode() in house.there.seen[0]
    assert house.server.given[0].encode() not in said
    assert b"Bearer ****" in said
    log = (house.our.settings.folder / "audit.jsonl").read_text()
    assert house.server.given[0] not in log


async def test_what_waits_for_a_person_is_sent_with_a_token_of_then(tmp_path: Path) -> None:
    """Digest and card hold the placeholder, so the token may be another when it is sent."""
    time, waited = Time(clock()), 61 * MINUTE

    async def meanwhile(request: web.Request) -> None:
        if request.method == "POST":
            time.now += waited

    async with (
        origin() as there,
        authorization_server() as server,
        liar(KEY) as service,
        gate(tmp_path, clock=time, rules="", service=service.url, pin=KEY.thumbprint) as our,
    ):
        service.before = meanwhile
        late = waited // SECOND
        service.claims = lambda it: {**it, "iat": it["iat"] + late, "exp": it["exp"] + late}
        house = House(there, server, our, time)
        held = house.keep()
        assert (await house.ask(held, "POST"))[0] == 200
        assert len(server.given) == 2
        assert house.sent() == [server.given[1]]
        (asked,) = service.opened
        assert asked["http"]["headers"]["authorization"] == [f"Bearer {held}"]


async def test_a_token_endpoint_is_reached_by_the_gateways_own_rules(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        for url, why in (
            ("https://127.0.0.1:1/token", "does not answer"),
            ("https://10.1.2.3/token", "not public and not listed"),
            (house.server.url.replace("http:", "https:"), "does not prove who it is"),
            (house.server.url.replace("127.0.0.1", "localhost"), "neither https nor a listed"),
        ):
            held = house.keep(token_url=url)
            status, said = await house.ask(held)
            assert status == 502
            assert isinstance(said, dict)
            assert why in said["detail"], said
        assert house.server.asked == []


async def test_law_23_an_authorization_server_cannot_have_a_secret_written_down(
    house: House,
) -> None:
    held = house.keep(f"client_secret={SECRET}\nrefresh_token=all_lower_refresh")
    for error in ("all_lower_refresh", "refresh", f"x {REFRESH}", [REFRESH]):
        body = {"error": error, "error_description": REFRESH}
        house.server.answer = lambda body=body: web.json_response(body, status=400)
        house.time.now += 10 * MINUTE
        with capture_logs() as logs:
            status, said = await house.ask(held)
        assert status == 502
        assert isinstance(said, dict)
        assert "400, without an error code" in said["detail"]
        assert "refresh" not in json.dumps(logs, default=str).replace("refreshes", "")
    for odd in (
        web.Response(text="<html>"), web.Response(text="[1]"), web.Response(text="{" * 999),
        web.json_response({"access_token": "a b\r\nX: y"}), web.json_response({}),
        web.json_response({"access_token": "long-enough", "token_type": "mac"}),
        web.Response(status=302, headers={"Location": "/token"}),
    ):  # fmt: skip
        house.server.answer = lambda odd=odd: odd
        house.time.now += 10 * MINUTE
        assert (await house.ask(held))[0] == 502
    assert house.there.seen == []


async def test_a_server_that_is_away_for_a_moment_is_asked_again_soon(house: House) -> None:
    held = house.keep()
    house.server.answer = lambda: web.Response(status=503, text="busy")
    status, said = await house.ask(held)
    assert status == 502
    assert isinstance(said, dict)
    assert said["retryable"] is True
    house.server.answer = None
    house.time.now += int(SOON) * SECOND
    assert (await house.ask(held))[0] == 200


def test_what_is_asked_and_answered() -> None:
    account = OAuth("https://a.example/t", "id", "a b", "none", (("audience", "https://x"),))
    headers, body = question(account, Client("id", None, "refresh/1"))
    assert dict(headers)["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in dict(headers)
    assert body == (
        b"audience=https%3A%2F%2Fx&grant_type=refresh_token&refresh_token=refresh%2F1"
        b"&scope=a+b&client_id=id"
    )
    # The example of RFC 6749, 6 and 2.3.1.
    account = OAuth("https://server.example.com/token")
    headers, body = question(account, Client("s6BhdRkqt3", "gX1fBat3bV", "tGzv3JOkF0XG5Qx2TlKWIA"))
    assert dict(headers)["Authorization"] == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"
    assert body == b"grant_type=refresh_token&refresh_token=tGzv3JOkF0XG5Qx2TlKWIA"
    me = Client("id", "secret-secret", None)
    for expires, until in ((100, 90.0), ("100", 90.0), (None, 3540.0), ("soon", 3540.0), (0, 0.0)):
        said = json.dumps({"access_token": "A" * 9, "token_type": "bearer", "expires_in": expires})
        assert answer(200, said.encode(), me, 0.0).until == until
    with pytest.raises(Denied, match="JSON object"):
        answer(200, b'{"access_token": "a", "access_token": "b"}', me, 0.0)


@pytest.mark.parametrize("text", ["", "client_secret=", "just-a-token", "{", "refresh_token=short"])
def test_what_is_no_client_is_refused_when_it_is_kept(text: str) -> None:
    with pytest.raises(ValueError, match=r"client_secret|lines|JSON|printable"):
        client(OAuth("https://a.example/t", "id"), text)


def test_googles_file_for_a_user_is_read() -> None:
    """What `gcloud auth application-default login` writes."""
    file = {"client_id": "x.apps", "client_secret": "d-FL95Q19q7MQmFpd7hHD0Ty",
            "refresh_token": "1//0abcdefgh", "type": "authorized_user", "account": ""}  # fmt: skip
    made = client(OAuth("https://oauth2.googleapis.com/token"), json.dumps(file))
    assert made == Client("x.apps", "d-FL95Q19q7MQmFpd7hHD0Ty", "1//0abcdefgh")
    assert "1//0" not in repr(made)
