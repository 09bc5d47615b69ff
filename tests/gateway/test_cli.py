"""`countersign gateway env`, `init`, `doctor`, and a start that says what is wrong."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from typer.testing import CliRunner

from approvals.app.exits import Exit, Stop
from approvals.app.host import clock
from approvals.cli.commands import app
from approvals.cli.gateway import settings_of
from approvals.proxy.ca import DAY, Authority, utc
from approvals.proxy.environment import FIXED, PROXY, TRUST, environment, written
from approvals.proxy.refusal import Asked, refusal
from approvals.proxy.wire import Problem
from tests.harness.gateway import ISSUER, KEY, config, started

ROOT = Path(__file__).parents[2]


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["gateway", *words])
    if isinstance(result.exception, Stop):
        return result.exception.code, str(result.exception)
    return result.exit_code, result.stdout


def test_env_prints_the_login_and_the_ca_for_a_shell_docker_and_programs(tmp_path: Path) -> None:
    file = str(config(tmp_path, listen="127.0.0.1:8081"))
    code, shell = run("env", "bot", "-c", file)
    assert code == 0
    asked = subprocess.run(
        ["bash", "-c", f'{shell}\nprintf "%s|%s|%s" "$HTTPS_PROXY" "$AWS_CA_BUNDLE" "$NO_PROXY"'],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    ca = tmp_path / "gateway/ca.pem"
    assert ca.exists()
    login = "http://bot:it%27s%20a%20p%40ss%3Aword@127.0.0.1:8081"
    assert asked == f"{login}|{ca}|"
    _, said = run("env", "bot", "-c", file, "--format", "json", "--proxy", "gateway:8081")
    variables = json.loads(said)
    assert variables["http_proxy"].endswith("@gateway:8081")
    assert {*PROXY, *TRUST, *FIXED} <= variables.keys()
    _, said = run("env", "bot", "-c", file, "--format", "docker", "--ca", "/run/ca.pem")
    assert "SSL_CERT_FILE=/run/ca.pem\n" in said
    code, said = run("env", "nobody", "-c", file)
    assert code == Exit.FAILED
    assert "bot, other" in said


def test_env_a_value_cannot_leave_its_quotes() -> None:
    shell = written(environment("http://u:p@h:1", "/it's; echo bad"), "shell")
    out = subprocess.run(
        ["bash", "-c", f'{shell}\nprintf %s "$PIP_CERT"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout == "/it's; echo bad"


@pytest.mark.parametrize("name", ["deploy/sandbox/netns.sh", "deploy/sandbox/compose.yaml"])
def test_the_sandboxes_set_what_env_prints(name: str) -> None:
    text = (ROOT / name).read_text()
    missing = [variable for variable in (*TRUST, *FIXED) if variable not in text]
    assert missing == []


@asynccontextmanager
async def service(who: dict[str, str], status: int = 200) -> AsyncIterator[str]:
    async def requester(_: web.Request) -> web.Response:
        return web.json_response(who, status=status)

    async def jwks(_: web.Request) -> web.Response:
        return web.json_response({"keys": [KEY.jwk()]})

    made = web.Application()
    made.add_routes([web.get("/v1/requester", requester), web.get("/.well-known/jwks.json", jwks)])
    runner = web.AppRunner(made, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


GATE = {"name": "billing", "kind": "gateway", "issuer": ISSUER}


@pytest.mark.parametrize(
    ("who", "status", "words"),
    [
        ({"type": "unauthorized", "status": 401}, 401, "COUNTERSIGN_KEY"),
        ({**GATE, "name": "gw"}, 200, "Write `requester: gw`"),
        ({**GATE, "kind": "agent"}, 200, "kind: gateway"),
        ({**GATE, "issuer": "https://other.example"}, 200, "service.issuer"),
    ],
    ids=["a wrong key", "another name", "an agent's key", "another issuer"],
)
async def test_a_start_and_doctor_say_what_is_wrong_with_the_service(
    tmp_path: Path, who: dict[str, str], status: int, words: str
) -> None:
    async with service(who, status) as url:
        file = config(tmp_path, url)
        code, said = await started(file)
        assert code == Exit.CONFIG
        assert words in said
        assert "Traceback" not in said
        code, said = await asyncio.to_thread(run, "doctor", "-c", str(file))
        assert code == Exit.FAILED
        assert words in said


async def test_a_pin_that_the_service_does_not_sign_with_is_said_at_the_start(
    tmp_path: Path,
) -> None:
    async with service(GATE) as url:
        code, said = await started(config(tmp_path, url, pin="A" * 43))
        assert (code, "service.receipt_key" in said) == (Exit.CONFIG, True)


@pytest.mark.parametrize(
    ("old", "state", "code"), [(3650 - 70, "ok", 0), (3650 - 50, "warning", 0), (3651, "bad", 1)]
)
async def test_doctor_says_until_when_agents_believe_the_ca(
    tmp_path: Path, old: int, state: str, code: int
) -> None:
    async with service(GATE) as url:
        file = config(tmp_path, url, listen="127.0.0.1:1")
        settings = await asyncio.to_thread(settings_of, file)
        settings.folder.mkdir(parents=True, exist_ok=True)
        Authority(settings.folder, utc(clock()) - old * DAY)
        ended, said = await asyncio.to_thread(run, "doctor", "-c", str(file), "--json")
        (line,) = [line for line in json.loads(said) if line["check"] == "ca"]
        assert (line["state"], bool(ended)) == (state, bool(code))
        assert "good until 20" in line["detail"]


async def test_doctor_is_content_with_a_sound_gateway(tmp_path: Path) -> None:
    async with service(GATE) as url:
        file = config(tmp_path, url, listen="127.0.0.1:1")
        code, said = await asyncio.to_thread(run, "doctor", "-c", str(file), "--json")
        assert code == 0
        found = {line["check"]: line["state"] for line in json.loads(said)}
        assert found == {"configuration": "ok", "gateway": "warning", "service": "ok"}


async def test_a_service_that_is_away_is_logged_and_the_gateway_runs(tmp_path: Path) -> None:
    code, said = await started(config(tmp_path), until="approval_service_not_reached")
    assert code == 0
    assert "http://127.0.0.1:9" in said


async def test_a_port_that_is_taken_is_said_in_full(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        code, said = await started(config(tmp_path, listen=place))
    assert code == Exit.CONFIG
    assert re.search(rf"{place}.*in use", said.replace("\n", " "))
    assert "Unclosed" not in said


def test_init_writes_what_the_service_calls_it(tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    words = ["--thumbprint", "A" * 43, "--requester", "gw", "-c", str(file)]
    assert run("init", *words)[0] == 0
    assert re.search(r"requester: gw +#", file.read_text())


WORDS = "Not without a ticket: <b>é & “x”"
DECLINED = Problem(403, "declined", f"{WORDS}. Don't send it again.", request="req_1", again=False)


def test_a_refusal_has_its_words_where_sdks_look() -> None:
    told = refusal(DECLINED, Asked("api.openai.com", [("User-Agent", "OpenAI/Python 3")]))
    said = json.loads(told.body)
    assert told.kind == "application/problem+json"
    assert said["type"] == "declined"
    assert {WORDS in text for text in (said["detail"], said["message"], said["error"]["message"])}
    assert (said["error"]["code"], said["retryable"], said["request"]) == (403, False, "req_1")
    assert ("x-should-retry", "false") in told.headers
    assert told.phrase.startswith(b"Not without a ticket: <b>e & ?x?.")


SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20261128/eu-west-1/{}/aws4_request, Signature=a"


@pytest.mark.parametrize(
    ("host", "headers", "kind", "inside"),
    [
        ("s3.eu-west-1.amazonaws.com", [], "application/xml", "<Error><Code>Declined</Code>"),
        ("abc.s3.amazonaws.com", [], "application/xml", "<Error><Code>Declined</Code>"),
        ("ec2.eu-west-1.amazonaws.com", [], "application/xml", "<Response><Errors><Error>"),
        ("sns.eu-west-1.amazonaws.com", [("Content-Type", "application/x-www-form-urlencoded")],
         "application/xml", "<ErrorResponse><Error><Type>Sender</Type>"),
        ("dynamodb.eu-west-1.amazonaws.com", [("content-type", "application/x-amz-json-1.0")],
         "application/x-amz-json-1.0", '"__type": "Declined"'),
        ("minio.example.com", [("Authorization", SIGNED.format("s3"))],
         "application/xml", "<Error><Code>Declined</Code>"),
        ("aws.example.com", [("Authorization", SIGNED.format("ec2"))],
         "application/xml", "<Response><Errors><Error>"),
        ("lambda.eu-west-1.amazonaws.com", [], "application/json", '"message": "Not without'),
        ("api.notion.com", [], "application/problem+json", '"code": "restricted_resource"'),
        ("gmail.googleapis.com", [], "application/problem+json", '"status": "PERMISSION_DENIED"'),
        ("git.example.com", [("user-agent", "git/2.40")], "text/plain", "Not without a ticket"),
    ],
)  # fmt: skip
def test_a_refusal_is_in_the_protocol_of_its_api(
    host: str, headers: list[tuple[str, str]], kind: str, inside: str
) -> None:
    from xml.etree import ElementTree

    told = refusal(DECLINED, Asked(host, headers))
    assert told.kind == kind
    assert inside in told.body.decode()
    if kind == "application/xml":  # our own, not an agent's
        tree = ElementTree.fromstring(told.body)
        assert (tree.findtext(".//Message") or "").startswith(WORDS)


@pytest.mark.parametrize("words", ["a\r\nX-Evil: 1", "a\0b", "x" * 5000, "ü\u202e\ud800"])
def test_law_13_no_persons_words_leave_the_reason_phrase(words: str) -> None:
    phrase = refusal(Problem(403, "declined", words), Asked()).phrase
    assert re.fullmatch(rb"[ -~]{1,200}", phrase)


async def test_an_agent_that_is_made_at_run_time_has_a_derived_password(tmp_path: Path) -> None:
    from tests.harness.gateway import basic, gate, origin

    key = "k" * 32
    async with (
        origin() as there,
        gate(tmp_path, more=f"derived: {{prefix: group-, key: {key}}}") as our,
    ):
        _, said = run("env", "group-7", "-c", str(tmp_path / "gateway.yaml"), "--format", "json")
        login = json.loads(said)["http_proxy"].removeprefix("http://").partition("@")[0]
        assert (await our.ask(f"{there.url}/", agent=basic(*login.split(":"))))[0] == 200
        password = login.partition(":")[2]
        for other in ("group-8", "group-", "bot", "other-7", "group-7/x"):
            assert (await our.ask(f"{there.url}/", agent=basic(other, password)))[0] == 407


def test_a_gateway_without_agents_is_a_fault(tmp_path: Path) -> None:
    file = config(tmp_path)
    file.write_text(file.read_text().replace("agents:", "rules: []  #"))
    result = CliRunner().invoke(app, ["gateway", "check", "-c", str(file)])
    assert result.exit_code != 0 or isinstance(result.exception, Stop)
    assert "no agent may use this gateway" in result.output + result.stderr
