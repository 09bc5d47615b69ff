"""Requests that agents sign with placeholders reach AWS with a signature of the real keys."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.app.host import clock
from approvals.evidence import ReceiptKey
from approvals.proxy.aws import Unsigned, resigned
from approvals.proxy.ca import utc
from approvals.proxy.credentials import AWS, KeyPair, Secret, key_pair
from approvals.proxy.secrets import Secrets
from approvals.proxy.wire import Problem
from tests.harness.gateway import Gate, authority, gate, liar, ran
from tests.peers import sigv4
from tests.peers.sigv4 import ACCESS, SECRET, Aws

KEY = ReceiptKey(Ed25519PrivateKey.generate())
SUITE = json.loads((Path(__file__).parents[1] / "fixtures/aws/sigv4.json").read_text())
TOKEN = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBu=="
HELD = "csk_placeholder_bot_aws_0123456789abcdef01234567"
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
LINES = f"aws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n"


def keep(our: Gate, host: str, text: str = LINES) -> str:
    secrets = Secrets(our.settings.folder, {})
    secrets.put(Secret("aws", host, "authorization", None, kind=AWS), text)
    return secrets.placeholder("aws", "bot")


@asynccontextmanager
async def house(
    folder: Path, token: str | None = None, **more: Any
) -> AsyncIterator[tuple[Gate, Aws]]:
    theirs = authority(folder / "theirs").context("localhost", utc(clock()))
    async with (
        sigv4.aws(theirs, lambda: clock() / 1000, token) as there,
        gate(folder, ca_file=folder / "theirs/ca.pem", **more) as our,
    ):
        yield our, there


CLIENTS = """
import io, json, sys
from botocore.config import Config
from botocore.session import get_session
from botocore.exceptions import ClientError
url, which = sys.argv[1:]
config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
def client(name, **more):
    return get_session().create_client(
        name, region_name="eu-central-1", endpoint_url=url, config=config.merge(Config(**more)))
try:
    if which == "s3":
        s3 = client("s3")
        body = bytes(range(256)) * 9
        s3.put_object(Bucket="b", Key="a b/ü+~(1).txt", Body=body)
        got = s3.get_object(Bucket="b", Key="a b/ü+~(1).txt")["Body"].read()
        part = s3.get_object(Bucket="b", Key="a b/ü+~(1).txt", Range="bytes=3-5")["Body"].read()
        print(len(got) >= len(body), part == got[3:6])
        class Stream(io.BytesIO):
            pass
        s3.put_object(Bucket="b", Key="stream", Body=Stream(body), ChecksumAlgorithm="SHA256")
        s3.put_object(Bucket="b", Key="md5", Body=body, ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
        s3.delete_object(Bucket="b", Key="x", VersionId="ü&=+ /")
    if which == "unsigned":
        s3 = client("s3", request_checksum_calculation="when_required")
        s3.meta.config.s3["payload_signing_enabled"] = False
        s3.put_object(Bucket="b", Key="x", Body=b"abc")
        print(True)
    if which == "dynamodb":
        print(client("dynamodb").get_item(TableName="t", Key={"id": {"S": "ü"}})["Item"])
    if which == "sts":
        print(client("sts").get_caller_identity()["Arn"])
    if which == "ec2":
        client("ec2").terminate_instances(InstanceIds=["i-1", "i-2"])
        print(True)
    if which == "lambda":
        arn = "arn:aws:lambda:eu-central-1:1:function:x y"
        client("lambda").invoke(FunctionName=arn, Payload=b"{}")
        print(True)
except ClientError as error:
    print("refused:", error)
"""


async def run(our: Gate, there: Aws, which: str, held: str, folder: Path, **env: str) -> str:
    keys = {
        "AWS_ACCESS_KEY_ID": held,
        "AWS_SECRET_ACCESS_KEY": held,
        "AWS_EC2_METADATA_DISABLED": "1",
    }
    given = {**our.environ(), **keys, **env}
    return await ran(sys.executable, "-c", CLIENTS, there.url, which, cwd=folder, env=given)


@pytest.mark.parametrize("token", [None, TOKEN], ids=["user", "session"])
@pytest.mark.parametrize("which", ["s3", "unsigned", "dynamodb", "sts", "ec2", "lambda"])
async def test_botocores_clients_sign_with_a_placeholder(
    tmp_path: Path, which: str, token: str | None
) -> None:
    async with house(tmp_path, token) as (our, there):
        lines = LINES + (f"aws_session_token = {token}\n" if token else "")
        held = keep(our, there.url.removeprefix("https://"), lines)
        env = {"AWS_SESSION_TOKEN": held} if token else {}
        out = await run(our, there, which, held, tmp_path, **env)
        assert "refused" not in out, (out, there.why)
        assert "False" not in out
        assert there.seen
        assert there.why == []
        for _, target, headers, body in there.seen:
            assert "csk_placeholder" not in f"{target}{headers}{body!r}"
        assert SECRET not in str(there.seen)


async def test_what_a_person_approved_is_signed_when_it_is_sent(tmp_path: Path) -> None:
    async with liar(KEY) as service:
        given = {"rules": "", "service": service.url, "pin": KEY.thumbprint}
        async with house(tmp_path, **given) as (our, there):
            held = keep(our, there.url.removeprefix("https://"))
            out = await run(our, there, "ec2", held, tmp_path)
            assert out.split() == ["True"], (out, there.why)
            (asked,) = service.opened
            shown = asked["http"]["headers"]["authorization"][0]
            assert f"Credential={held}/" in shown
            assert ACCESS not in json.dumps(asked)
            ((_, _, headers, body),) = there.seen
            assert b"Action=TerminateInstances" in body
            # Nothing but the signature, its time and its key differ from what was shown.
            theirs = {"authorization", "x-amz-date", "x-amz-security-token", "connection"}
            shown_headers = {name: ", ".join(it) for name, it in asked["http"]["headers"].items()}
            assert {n: v for n, v in headers.items() if n not in theirs} == {
                n: v for n, v in shown_headers.items() if n not in theirs
            }


async def test_a_wrong_secret_key_of_the_agent_is_named(tmp_path: Path) -> None:
    async with house(tmp_path) as (our, there):
        held = keep(our, there.url.removeprefix("https://"))
        out = await run(our, there, "sts", held, tmp_path, AWS_SECRET_ACCESS_KEY="something-else")
        assert "refused:" in out
        assert "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in out
        assert there.seen == []
        assert there.why == []


async def test_keys_go_to_their_hosts_only_and_expire(tmp_path: Path) -> None:
    async with house(tmp_path) as (our, there):
        held = keep(our, "*.amazonaws.com")
        assert "refused:" in await run(our, there, "sts", held, tmp_path)
        old = json.dumps({"Version": 1, "AccessKeyId": ACCESS, "SecretAccessKey": SECRET,
                          "SessionToken": TOKEN, "Expiration": "2020-01-01T00:00:00Z"})  # fmt: skip
        held = keep(our, there.url.removeprefix("https://"), old)
        assert "its keys have expired" in await run(our, there, "sts", held, tmp_path)
        assert there.seen == []


def signed(
    method: str, target: str, headers: list[tuple[str, str]], body: bytes = b"", *,
    names: list[str] | None = None, service: str = "service", key: str = HELD, secret: str = HELD,
) -> list[tuple[str, str]]:  # fmt: skip
    """As an agent signs it."""
    names = names or sorted({name.lower() for name, _ in headers})
    payload = dict(headers).get("X-Amz-Content-SHA256") or sha256(body).hexdigest()
    time = dict(headers).get("X-Amz-Date", "20150830T123600Z")
    scope = f"{time[:8]}/us-east-1/{service}/aws4_request"
    timed = headers if "X-Amz-Date" in dict(headers) else [*headers, ("X-Amz-Date", time)]
    made = sigv4.signature(method, target, timed, names, payload, secret, scope)
    said = f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={';'.join(names)}, "
    return [*headers, ("Authorization", f"{said}Signature={made}")]


@pytest.mark.parametrize("case", SUITE["cases"], ids=lambda case: case["name"])
def test_awss_own_suite(case: dict[str, Any]) -> None:
    """Signed by the agent with a placeholder, it gets the signature that AWS publishes."""
    headers = [(name, value) for name, value in case["headers"]]
    token = dict(headers).get("X-Amz-Security-Token")
    headers = [it for it in headers if it[0] != "X-Amz-Security-Token"]
    # As HTTP clients send it: AWS's requests have raw UTF-8 in their targets.
    target = case["target"].encode().decode("latin-1")
    target = "".join(c if c.isascii() else f"%{ord(c):02X}" for c in target)
    body = case["body"].encode()
    names = case["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    names = [name for name in names if name != "x-amz-security-token"]
    given = signed(case["method"], target, headers, body, names=names)
    request = Unsigned(case["method"], f"https://example.amazonaws.com{target}", given, body)
    keys = KeyPair(SUITE["access_key"], SUITE["secret_key"], token)
    made = resigned(request, HELD, keys, NOW)
    assert dict(made)["Authorization"] == case["authorization"]


HOST = ("Host", "b.s3.amazonaws.com")
DATE = ("X-Amz-Date", "20150830T123600Z")
STREAMED = ("X-Amz-Content-SHA256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
TRAILED = ("X-Amz-Content-SHA256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
CURVES = f"AWS4-ECDSA-P256-SHA256 Credential={HELD}/20150830/s3/aws4_request, SignedHeaders=host"
REFUSED: dict[str, tuple[list[tuple[str, str]], str]] = {
    "chunks that are signed": (
        signed("PUT", "/k", [HOST, DATE, STREAMED], service="s3"), "each chunk of the body"),
    "chunks that are signed, with a trailer": (
        signed("PUT", "/k", [HOST, DATE, TRAILED], service="s3"), "UNSIGNED-PAYLOAD-TRAILER"),
    "elliptic curves": (
        [HOST, DATE, ("Authorization", f"{CURVES}, Signature=00")], "AWS4-HMAC-SHA256"),
    "version 2": ([HOST, DATE, ("Authorization", f"AWS {HELD}:c2lnbmF0dXJl")], "Version 4"),
    "bearer": ([HOST, DATE, ("Authorization", f"Bearer {HELD}")], "Version 4"),
    "express": (signed("PUT", "/k", [HOST, DATE], service="s3express"), "S3 Express"),
    "no date": (signed("PUT", "/k", [HOST], service="s3"), "X-Amz-Date"),
    "another day": ([HOST, ("X-Amz-Date", "20150831T123600Z"),
                     signed("PUT", "/k", [HOST, DATE], service="s3")[-1]], "date of the signature"),
    "no host": (signed("PUT", "/k", [HOST, DATE], names=["x-amz-date"]), "cover the Host"),
    "another key": (signed("PUT", "/k", [HOST, DATE], key=HELD + "x"), "placeholder alone"),
    "another secret": (signed("PUT", "/k", [HOST, DATE], secret="x"), "does not fit"),
    "a header that was changed": (
        [*signed("PUT", "/k", [HOST, DATE, ("X-Amz-Acl", "private")], service="s3")[:2],
         ("X-Amz-Acl", "public-read"),
         signed("PUT", "/k", [HOST, DATE, ("X-Amz-Acl", "private")], service="s3")[-1]],
        "does not fit"),
    "another path": (signed("PUT", "/other", [HOST, DATE], service="s3"), "does not fit"),
    "another method": (signed("GET", "/k", [HOST, DATE], service="s3"), "does not fit"),
    "another body": (signed("PUT", "/k", [HOST, DATE], b"x", service="s3"), "does not fit"),
    "a session of its own": (
        signed("PUT", "/k", [HOST, DATE, ("X-Amz-Security-Token", "mine")], service="s3"),
        "AWS_SESSION_TOKEN"),
    "two signatures": (
        [*signed("PUT", "/k", [HOST, DATE]), signed("PUT", "/k", [HOST, DATE])[-1]], "twice"),
    "two dates": ([DATE, *signed("PUT", "/k", [HOST, DATE])], "twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_law_15_what_cannot_be_signed_anew_is_refused_in_words(name: str) -> None:
    headers, why = REFUSED[name]
    request = Unsigned("PUT", "https://b.s3.amazonaws.com/k", headers, b"")
    with pytest.raises(Problem) as refused:
        resigned(request, HELD, KeyPair(ACCESS, SECRET), NOW)
    assert why in refused.value.detail
    assert (refused.value.status, refused.value.again) == (403, False)


def test_a_body_that_is_not_kept_is_signed_by_what_its_header_says() -> None:
    for payload, fits in (("UNSIGNED-PAYLOAD", True), ("0" * 64, True), (None, False)):
        more = [("X-Amz-Content-SHA256", payload)] if payload else []
        headers = signed("PUT", "/k", [HOST, DATE, *more], service="s3")
        request = Unsigned("PUT", "https://b.s3.amazonaws.com/k", headers, None)
        if fits:
            made = resigned(request, HELD, KeyPair(ACCESS, SECRET), NOW + timedelta(hours=3))
            assert dict(made)["X-Amz-Date"] == "20150830T153600Z"
            assert dict(made)["X-Amz-Content-SHA256"] == payload
        else:
            with pytest.raises(Problem, match="oversize: true"):
                resigned(request, HELD, KeyPair(ACCESS, SECRET), NOW)


async def test_a_presigned_address_is_refused(tmp_path: Path) -> None:
    async with gate(tmp_path) as our:
        held = keep(our, "127.0.0.1:1")
        url = f"http://127.0.0.1:1/k?X-Amz-Credential={held}%2F20150830%2Fx&X-Amz-Signature=00"
        status, said = await our.ask(url)
        assert (status, said["type"]) == (403, "signature_refused")
        assert "presigned" in said["detail"]


async def test_a_signed_request_has_no_other_placeholder(tmp_path: Path) -> None:
    async with gate(tmp_path) as our:
        held = keep(our, "127.0.0.1:1")
        secrets = Secrets(our.settings.folder, {})
        secrets.put(Secret("key", "127.0.0.1:1", "x-api-key", None), "a-real-api-key")
        key = ("X-Api-Key", secrets.placeholder("key", "bot"))
        headers = [("Host", "127.0.0.1:1"), DATE, key]
        lines = [": ".join(it) for it in signed("GET", "/k", headers, key=held, secret=held)[1:]]
        status, said = await our.ask("http://127.0.0.1:1/k", "GET", *lines)
        problem = json.loads(said)
        assert (status, problem["__type"]) == (403, "SignatureRefused")
        assert "another placeholder" in problem["detail"]


@pytest.mark.parametrize(
    "text",
    [LINES, f"[default]\n# mine\n{LINES}",
     f"export AWS_ACCESS_KEY_ID={ACCESS}\nexport AWS_SECRET_ACCESS_KEY='{SECRET}'",
     json.dumps({"Version": 1, "AccessKeyId": ACCESS, "SecretAccessKey": SECRET})],
)  # fmt: skip
def test_keys_are_read_as_aws_writes_them(text: str) -> None:
    assert key_pair(text) == KeyPair(ACCESS, SECRET)
    assert SECRET not in repr(key_pair(text))


@pytest.mark.parametrize(
    "text",
    ["", "x", ACCESS, f"aws_access_key_id={ACCESS}", "{}", "{", f"{LINES}aws_session_token=a b"],
)
def test_what_holds_no_keys_is_refused_when_it_is_kept(text: str) -> None:
    with pytest.raises(ValueError, match=r"lines|JSON|printable"):
        key_pair(text)
