"""The TypeScript client: the Python client's laws, kept by another implementation.

Its scenarios are TypeScript that Node runs as it is: clients/typescript/test.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from countersign_client.observe import counts
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals import evidence
from tests.clients.commands import Agents
from tests.clients.digests import HEADERS, PIECES, VALUES, VECTORS, said
from tests.clients.house import DEPLOY
from tests.clients.impostor import (
    FORGER,
    LIES,
    NOW,
    OWN,
    PINNED,
    SIGNED,
    Impostor,
    approved,
    digest,
    genuine,
    waited_for,
)
from tests.clients.pages import blocks, observing, shell
from tests.harness.house import HANGS
from tests.harness.installation import PAUSE, environment
from tests.harness.node import NODE

PACKAGE: Final = Path(__file__).parents[2] / "clients/typescript"
MODULES: Final = PACKAGE / "node_modules"


@pytest.fixture(autouse=True)
def packages() -> None:
    assert (MODULES / "jose").exists(), "run npm ci in clients/typescript; make test does"


def node(file: str, *only: str, given: Any = None, env: Mapping[str, str] | None = None) -> Any:
    """What the scenarios of a file print."""
    ran = subprocess.run(
        [NODE, "--disable-warning=ExperimentalWarning", PACKAGE / "test" / f"{file}.ts", *only],
        input=json.dumps(given), capture_output=True, text=True, check=False, timeout=2 * HANGS,
        env=env or environment(),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@contextmanager
def deciding(
    agents: Agents, choose: Callable[[Mapping[str, Any]], str | None]
) -> Iterator[dict[str, Mapping[str, Any]]]:
    """Dana decides by what she is shown, until the block ends; what it was, by its id."""
    seen, over = dict[str, Mapping[str, Any]](), threading.Event()

    def decide() -> None:
        while not over.wait(PAUSE):
            _, page = agents.place.call("GET", "/v1/requests?status=pending")
            for one in page["requests"]:
                path = f"/v1/requests/{one['id']}"
                status, shown = agents.place.call("GET", path, key=agents.token)
                if status != 200 or shown["status"] != "pending":
                    continue
                seen[one["id"]] = shown
                if choice := choose(shown["asked"]):
                    reason = "Too much." if choice == "decline" else None
                    body = {"choice": choice, "digest": shown["digest"], "reason": reason}
                    agents.place.call("POST", f"{path}/decision", body, key=agents.token)

    thread = threading.Thread(target=decide)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def by_name(asked: Mapping[str, Any]) -> str | None:
    """`approve.*` and `decline.*` are what they say; the rest waits."""
    word = str(asked["action"]).split(".")[0]
    return word if word in {"approve", "decline"} else None


def test_law_01_the_typescript_client_returns_on_a_verified_approval_only(agents: Agents) -> None:
    with deciding(agents, by_name) as seen:
        found = node("client", env=agents.env())
    shown = seen[found["approved"]["requestId"]]
    assert shown["digest"] == found["approved"]["digest"]
    assert shown["asked"]["note"] == "Now."
    assert shown["asked"]["payload"]["to"] == "production"
    assert agents.shown(shown["id"])["outcome"]["delivered"] is True  # type: ignore[index] # JSON
    sent = seen[found["http"]["requestId"]]["asked"]["http"]
    assert (sent["method"], sent["url"]) == ("POST", "https://api.example.com/v1/x?a=%20")
    assert base64.b64decode(sent["body"]) == "hé".encode()

    assert found["declined"] == ["Declined", "Declined: Too much. Nothing was run."]
    status, early, withdrawn = found["undecided"]
    assert (status, early[0], withdrawn[0]) == ("pending", "Unverified", "Withdrawn")
    changed, first, second = found["used"]
    assert changed[0] == "Unverified"
    assert "not what was approved" in changed[1]
    assert first is True
    assert second[0] == found["reported"][0] == "AlreadyUsed"
    assert "was used before" in second[1]
    assert found["refusing"] == ["Error", "the database is down"]
    kind, why = found["nofolder"]
    assert (kind, "cannot be noted" in why) == ("Misconfigured", True)
    assert found["changed"][0] == "Unverified"
    assert found["aborted"] == [["AbortError", "This operation was aborted"], "withdrawn"]
    same, other = found["resumed"]
    assert same is True
    assert other[0] == "NotAccepted"
    assert "a key of its own" in other[1]
    pin, requester, issuer = found["pin"]
    assert {one[0] for one in (pin, requester, issuer)} == {"Unverified"}
    assert "receipt key that is pinned" in pin[1]
    assert "aud is 'bot'" in requester[1]
    assert "iss is 'http" in issuer[1]
    old, young = found["late"]
    assert "has expired" in old[1]
    assert "from the future" in young[1]
    assert "COUNTERSIGN_KEY is not a key" in found["key"][1]
    assert found["away"][0] == "Unreachable"
    assert "nothing answers there" in found["away"][1]
    assert "Ask about less" in found["megabyte"][1]
    assert {one[0] for one in found["junk"]} == {"Misconfigured"}


def test_law_23_the_typescript_client_shows_its_key_to_nobody(agents: Agents) -> None:
    assert node("client", "dump", env=agents.env())["dump"] is False


async def test_law_01_lies_on_the_services_port_prove_nothing_in_typescript() -> None:
    known = {
        "url": OWN.url, "key": OWN.key, "receiptKey": OWN.receipt_key,
        "requester": OWN.requester, "issuer": OWN.issuer,
    }  # fmt: skip

    def liar(says: Any) -> Impostor:
        return Impostor(keys=[PINNED.jwk()], answer=lambda *_: web.json_response(says))

    async with AsyncExitStack() as open_:
        urls = {
            name: await open_.enter_async_context(liar(says()).open())
            for name, (_, _, says) in LIES.items()
        }
        urls["the truth"] = await open_.enter_async_context(
            liar(approved(digest(), genuine())).open()
        )
        observed = {**approved(digest(), genuine()), "status": "observed", "observed": True}
        urls["observed"] = await open_.enter_async_context(liar(observed).open())
        asked = {"settings": known, "now": NOW, "asked": DEPLOY, "urls": urls}
        found = await asyncio.to_thread(node, "lies", given=asked)
    assert found.pop("observed")[0] == "Withdrawn"
    assert found.pop("the truth") == {"requestId": "req_1", "digest": digest()}
    for name, (kind, why, _) in LIES.items():
        assert found[name][0] == kind.__name__, name
        assert why in found[name][1], name


async def test_law_22_a_stored_key_verifies_what_it_signed_and_nothing_else_in_typescript() -> None:
    """As the Python client's: one fetch, until a receipt does not verify."""
    opened = list[dict[str, Any]]()

    def answer(request: web.Request, _: bytes) -> web.Response:
        if request.method == "POST":
            number = len(opened) + 1
            key = PINNED if number < 3 else FORGER
            receipt = genuine(key, sub=f"req_{number}")
            opened.append(approved(digest(), receipt, id=f"req_{number}"))
            if number == 4:
                impostor.said["keys"] = [FORGER.jwk()]
        return web.json_response(opened[-1])

    impostor = Impostor(keys=[FORGER.jwk(), PINNED.jwk()], answer=answer)
    async with impostor.open() as url:
        known = {
            "url": url, "key": OWN.key, "receiptKey": OWN.receipt_key,
            "requester": OWN.requester, "issuer": OWN.issuer,
        }  # fmt: skip
        asked = {"settings": known, "now": NOW, "asked": DEPLOY}
        found = await asyncio.to_thread(node, "kept", given=asked)
    ids = [found[name]["requestId"] for name in ("first", "second")]
    assert ids == ["req_1", "req_2"]
    assert "does not verify" in found["forged"][1]
    assert "does not have the receipt key that is pinned here" in found["replaced"][1]
    # The first, and one look for each receipt that did not verify.
    assert impostor.calls.count("GET /.well-known/jwks.json") == 3


@pytest.mark.parametrize("when", SIGNED)
async def test_a_decision_that_was_waited_for_is_not_asked_for_again_in_typescript(
    when: str,
) -> None:
    signed, reads = SIGNED[when]
    says = waited_for(signed)
    impostor = Impostor(keys=[PINNED.jwk()], answer=lambda *_: web.json_response(says.pop(0)))
    async with impostor.open() as url:
        known = {
            "url": url, "key": OWN.key, "receiptKey": OWN.receipt_key,
            "requester": OWN.requester, "issuer": OWN.issuer,
        }  # fmt: skip
        asked = {"settings": known, "now": NOW, "asked": DEPLOY}
        found = await asyncio.to_thread(node, "kept", "first", given=asked)
    assert found["first"]["requestId"] == "req_1"
    assert impostor.calls.count("GET /v1/requests/req_1") == reads


def test_the_ten_vectors_and_the_services_canonical_form_in_typescript() -> None:
    """Generated values too: one process reads a few hundred of each."""
    values, sent = list[Any](), list[dict[str, Any]]()

    @settings(max_examples=60, database=None)
    @given(VALUES)
    def collect(value: Any) -> None:
        values.append(value)

    @settings(max_examples=120, database=None)
    @given(
        st.sampled_from(["http", "https", "HTTP", "ftp"]),
        st.sampled_from(
            ["h.example", "H.example:80", "h:443", "[::1]:8", "u@h", "h:0", "h..x", ""]
        ),
        PIECES,
        HEADERS,
        st.binary(max_size=8),
    )
    def collect_http(scheme: str, host: str, path: str, headers: Any, body: bytes) -> None:
        url = f"{scheme}://{host}/{path}"
        sent.append({"method": "POST", "url": url, "headers": headers, "body": body})

    collect()
    collect_http()
    more = [
        {"action": "a", "revision": 1, "http": {**one, "body": base64.b64encode(body).decode()}}
        for one in sent
        for body in [one["body"]]
    ]  # fmt: skip
    found = node("digest", given={"vectors": [*VECTORS, *more], "values": values})
    assert found["vectors"][: len(VECTORS)] == [one["digest"] for one in VECTORS]
    for theirs, one in zip(found["vectors"][len(VECTORS) :], sent, strict=True):
        ours = said(lambda one=one: evidence.digest_http(action="a", revision=1, **one))  # type: ignore[misc] # bound
        assert theirs.startswith("refused") if ours.startswith("refused") else theirs == ours, one
    for theirs, value in zip(found["values"], values, strict=True):
        assert theirs == evidence.canonical(json.dumps(value)), value


def by_sum(asked: Mapping[str, Any]) -> str | None:
    """Odd sums are approved, even ones declined, and those below zero left."""
    cents = asked["payload"]["tool_input"]["cents"]
    return None if cents < 0 else "approve" if cents % 2 else "decline"


def test_law_01_a_tool_of_the_ai_sdk_runs_on_its_approval_only(agents: Agents) -> None:
    with deciding(agents, by_sum) as seen:
        found = node("ai", env=agents.env())
    assert {one["asked"]["action"] for one in seen.values()} == {"ai-sdk.transfer"}

    ran, (read,) = found["approved"]
    assert (ran, "sent 5 to ACME" in read) == ([5], True)
    ran, (read,) = found["declined"]
    assert (ran, "Declined: Too much. Nothing was run." in read) == ([], True)
    ran, (first, second) = found["streamed"]
    assert (ran, "sent 7" in first, "Too much" in second) == ([7], True, True)
    assert "sent 9" in found["generator"][0]
    ran, (read,) = found["away"]
    assert (ran, "nobody can be asked now" in read) == ([], True)
    (free, _), (closed, (read,)) = found["rules"]
    assert (free, closed, "A rule denies" in read) == ([5], [], True)

    question, bracket, plain = found["patterns"]
    assert {question[0], bracket[0]} == {"Misconfigured"}
    assert "transfe? has ? or [" in question[1]
    assert plain == ["transfer"]
    assert "Bank A sent 11" in found["bound"][0]

    ran, (first, second), after, (again, _) = found["later"]
    assert (ran, after) == ([105], [105])
    assert "sent 105" in first
    assert "Too much" in second
    assert "was used before" in again
    none, (read,), ran = found["undecided"]
    assert (none, ran, "Nobody has decided yet" in read) == (True, [], True)
    differs, (asked,), (read,), ran = found["changed"]
    assert (differs, ran) == (True, [])
    assert "not those that were asked about" in asked
    assert "not those that were asked about" in read
    ran, (read,) = found["unwrapped"]
    assert (ran, "is not held" in read) == ([], True)


def test_law_01_a_tool_of_mastra_runs_on_its_approval_only(agents: Agents) -> None:
    with deciding(agents, by_sum) as seen:
        found = node("mastra", env=agents.env())
    assert {one["asked"]["action"] for one in seen.values()} == {"mastra.transfer"}
    ran, (read,) = found["approved"]
    assert (ran, "5 to ACME" in read) == ([5], True)
    ran, (read,) = found["declined"]
    assert (ran, "Declined: Too much. Nothing was run." in read) == ([], True)
    ran, (read,) = found["away"]
    assert (ran, "nobody can be asked now" in read) == ([], True)
    approved, declined, undecided, changed = found["later"]
    assert [one[0] for one in found["later"]] == ["suspended"] * 4
    _, ran, (read,) = approved
    assert (ran, "105 to ACME" in read) == ([105], True)
    _, ran, (read,) = declined
    assert (ran, "Too much" in read) == ([], True)
    _, ran, (read,), none = undecided
    assert (ran, none, "Nobody has decided yet" in read) == ([], True, True)
    _, ran, (read,), _ = changed
    assert (ran, "not those that were asked about" in read) == ([], True)


def test_law_01_what_is_observed_in_typescript_runs_and_nobody_has_approved_it(
    tmp_path: Path,
) -> None:
    env = environment(HOME=str(tmp_path), COUNTERSIGN_STATE=str(tmp_path / "state"))
    found = node("observe", env=env)
    asked, status, same, observed, service = found["client"]
    assert asked == {"requestId": asked["requestId"], "digest": "", "observed": True}
    assert asked["requestId"].startswith("observed_")
    assert (status, same, observed, service[0]) == ("observed", True, True, "Misconfigured")
    pinned, on, held, _, off, held_too, _, unclear, held_again, word = found["variable"]
    assert (pinned, on) == (True, True)
    for one in (held, off, held_too, held_again, word):  # in code it holds, whatever is set
        assert (one[0], "Not set" in one[1]) == ("Misconfigured", True)
    assert "neither 1 nor 0" in unclear[1]
    assert found["gate"] == ["ran", "ran"]
    for ran, (read,), approval in found["ai"]:
        assert (ran, "sent 5" in read, approval) == ([5], True, False)
    observed, holds = found["homeless"]
    assert (observed, holds) == (True, ["Error", "no home"])
    ran, (read,), answer, left, early = found["aiLater"]
    assert (left[0], "did not wrap" in left[1], early) == ("Misconfigured", True, 1)
    assert (ran, "sent 7" in read, answer["approved"]) == ([7], True, True)
    assert "no person was asked" in answer["reason"]
    ran, (first,), (second,), left = found["mastra"]
    assert (left[0], "did not wrap" in left[1]) == ("Misconfigured", True)
    assert (ran, "5" in first, "6" in second) == ([5, 6], True, True)

    record = tmp_path / "state/observed.jsonl"
    assert counts(record) == {
        ("ask", "deploy", "typescript"): 1, ("ask", "migrate", "typescript"): 1,
        ("deny", "late", "typescript"): 1, ("ask", "x.a", "typescript"): 1,
        ("ask", "ai-sdk.transfer", "ai-sdk"): 4, ("deny", "ai-sdk.transfer", "ai-sdk"): 1,
        ("allow", "ai-sdk.transfer", "ai-sdk"): 1, ("ask", "mastra.transfer", "mastra"): 2,
    }  # fmt: skip
    assert "sk_live" not in record.read_text()
    assert record.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_stops_nothing_in_typescript_and_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/observed.jsonl").symlink_to("/dev/full")
    script = str(PACKAGE / "test/observe.ts")
    words = [NODE, "--disable-warning=ExperimentalWarning", script, "client"]
    env = environment(HOME=str(tmp_path), COUNTERSIGN_STATE=str(tmp_path / "state"))
    ran = subprocess.run(words, capture_output=True, text=True, check=True, timeout=HANGS, env=env)
    assert json.loads(ran.stdout)["client"][0]["observed"] is True
    holds, disk = ran.stderr.splitlines()
    assert "NOTHING IS HELD (typescript)" in holds
    assert "cannot be recorded: ENOSPC" in disk


def tsc(*words: str | Path) -> None:
    ran = subprocess.run(
        [NODE, MODULES / "typescript/bin/tsc", *words], cwd=PACKAGE, capture_output=True, text=True,
        check=False, timeout=2 * HANGS,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project: the package as it would be published, beside the frameworks."""
    folder = tmp_path_factory.mktemp("project")
    modules = folder / "node_modules"
    package = modules / "@countersign/client"
    package.mkdir(parents=True)
    (package / "package.json").write_text((PACKAGE / "package.json").read_text())
    tsc("-p", "tsconfig.build.json", "--outDir", package / "dist")
    for name in MODULES.iterdir():
        (modules / name.name).symlink_to(name)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def test_the_package_is_typed_and_has_nothing_but_its_own(project: Path) -> None:
    tsc("-p", "tsconfig.json")  # with the scenarios and the examples
    manifest = json.loads((PACKAGE / "package.json").read_text())
    assert set(manifest["dependencies"]) == {"jose"}
    # The examples again, with the types that a user gets.
    config = json.loads((PACKAGE / "tsconfig.json").read_text())
    del config["compilerOptions"]["customConditions"]
    (project / "tsconfig.json").write_text(json.dumps({**config, "include": ["*.ts"]}))
    for example in (PACKAGE / "examples").iterdir():
        (project / example.name).write_text(example.read_text())
    tsc("-p", project / "tsconfig.json")


def test_the_typescript_that_is_shown_runs(agents: Agents, project: Path) -> None:
    shown, *examples = blocks("typescript.md", "ts")
    (project / "shown.ts").write_text(shown)
    command = [NODE, "--disable-warning=ExperimentalWarning", "shown.ts"]
    for choice, words in (
        ("approve", "approved: deploy now"),
        ("decline", "not approved: Too much."),
    ):
        with deciding(agents, lambda _, choice=choice: choice):  # type: ignore[misc] # bound
            ran = subprocess.run(
                command, cwd=project, env=agents.env(), capture_output=True, text=True, check=False,
                timeout=HANGS,
            )  # fmt: skip
        assert (ran.returncode, ran.stdout.strip()) == (0, words), ran.stderr
    (project / "agent.ts").write_text(shown)
    there = f'export PATH="$PATH:{Path(NODE).parent}"; cd {shlex.quote(str(project))}\n'
    ran = shell(agents, there + observing("typescript.md"), COUNTERSIGN_URL="")
    assert ran.returncode == 0, ran.stderr
    said = ["approved: deploy now", "1 would ask deploy (typescript)"]
    assert [" ".join(line.split()) for line in ran.stdout.splitlines()] == said
    for name, text in zip(("ai", "mastra"), examples, strict=True):
        assert (PACKAGE / f"examples/{name}.ts").read_text().endswith(f"\n\n{text}")
    readme = (PACKAGE / "README.md").read_text()
    assert "await client.ask({ action: 'deploy', payload:" in readme
