"""The sandbox: an agent in it reaches the gateway, and nothing goes around that.

Real processes: service, gateway and an agent that deploy/sandbox/netns.sh started. The agent knows
nothing of Countersign; it does what it is told on a pipe.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from approvals.app import keys
from approvals.cli.browser import Browser
from approvals.model import Choice
from approvals.proxy.environment import FIXED, PROXY, TRUST
from tests.harness.house import HANGS
from tests.harness.installation import (
    GATE,
    ROOT,
    Installation,
    install,
    process,
    run,
)
from tools.ports import free_port

SANDBOX: Final = ROOT / "deploy" / "sandbox"
VALUE: Final = "sk_live_4242424242424242"
PASSWORD: Final = "correct-horse-battery"
WHO: Final = "nobody"

AGENT: Final = """
import base64, json, os, socket, sys, urllib.error, urllib.parse, urllib.request
from pathlib import Path

def tried(act, *words):
    try:
        return act(*words)
    except OSError as error:
        return f"{type(error).__name__}: {error}"

def connect(family, address, port=0):
    address = "\\0" + address[1:] if address[0] == "@" else address
    with socket.socket(getattr(socket, family)) as out:
        out.settimeout(3)
        out.connect(address if family == "AF_UNIX" else (address, port))
        return "connected"

def ask(host, port):
    query = bytes.fromhex("0001 0100 0001 0000 0000 0000 07") + b"example\\3com\\0\\0\\1\\0\\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.settimeout(0.2)
        out.connect((host, port))
        out.send(query)
        return out.recv(512).hex()

def get(url, authorization):
    request = urllib.request.Request(url, headers={"Authorization": authorization})
    try:
        with urllib.request.urlopen(request) as answer:
            return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()]

kept = []

def send(url):
    proxy = urllib.parse.urlsplit(os.environ["http_proxy"])
    login = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
    kept.append(socket.create_connection((proxy.hostname, proxy.port)))
    host = urllib.parse.urlsplit(url).netloc
    lines = f"GET {url} HTTP/1.1", f"Host: {host}", f"Proxy-Authorization: Basic {login}", "", ""
    kept[-1].sendall("\\r\\n".join(lines).encode())

def hang_up():
    kept.pop().close()

def look():
    return {
        "environ": dict(os.environ), "uid": os.getuid(), "groups": os.getgroups(),
        "devices": os.listdir("/sys/class/net"), "routes": Path("/proc/net/route").read_text(),
        "routes6": Path("/proc/net/ipv6_route").read_text() if socket.has_ipv6 else "",
        "files": sorted(str(path) for top in ("/run", "/tmp", "/dev/shm", "/var/tmp")
                        for path in Path(top).rglob("*")),
        "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
        "open": [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.exists()],
        "status": Path("/proc/self/status").read_text(),
    }

def read(path):
    return Path(path).read_text()

def resolve(name):
    return str(socket.getaddrinfo(name, 80))

key = os.environ["PAY_API_KEY"]  # kept, as an agent would
for line in sys.stdin:
    name, *words = json.loads(line)
    print(json.dumps(tried(globals()[name], *words)), flush=True)
"""


def _forbidden() -> str:
    """Why no sandbox can be made on this machine; empty: one can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces are made by root on Linux"
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    made = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "true"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return f"this machine forbids namespaces: {made.stderr.strip()}" if made.returncode else ""


FORBIDDEN: Final = _forbidden()
namespaces = pytest.mark.skipif(bool(FORBIDDEN), reason=FORBIDDEN)


@dataclass(slots=True)
class Upstream:
    """An API on every address of this machine that takes its real key only."""

    port: int
    arrived: list[str] = field(default_factory=list)


@contextmanager
def upstream() -> Iterator[Upstream]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.arrived.append(self.path)
            right = self.headers["Authorization"] == f"Bearer {VALUE}"
            said = json.dumps({"right": right, "echo": self.headers["Authorization"]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            """Not to the terminal."""

    with ThreadingHTTPServer(("0.0.0.0", 0), Handler) as server:
        made = Upstream(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


@dataclass(slots=True)
class Agent:
    """The agent in its sandbox, and netns.sh around it."""

    process: subprocess.Popen[str]
    folder: Path

    @property
    def namespace(self) -> str:
        return f"countersign-{self.process.pid}"

    def start(self, *words: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr and self.process.stderr.read()
        return json.loads(line)

    def do(self, *words: Any) -> Any:
        self.start(*words)
        return self.answer()

    def pids(self) -> list[int]:
        """Whoever is in the network namespace, as the host counts."""
        command = ["ip", "netns", "pids", self.namespace]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return [int(pid) for pid in done.stdout.split()]


@dataclass(frozen=True, slots=True)
class House:
    """Service, gateway, an API and an agent's folder; `proxy`: the gateway's port."""

    service: Installation
    proxy: int
    api: Upstream
    folder: Path
    placeholder: str

    @contextmanager
    def agent(self, *command: str, **more: Any) -> Iterator[Agent]:
        """One in a sandbox; ended when the test is."""
        words = command or ("python3", "-I", "agent.py")
        around = subprocess.Popen(
            [SANDBOX / "netns.sh", "--user", WHO, "--folder", self.folder,
             "--ca", self.service.folder / "ca.pem", "--gateway", f"127.0.0.1:{self.proxy}",
             "--env", self.service.folder / "agent.env", "--", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "LEAKED": VALUE}, **more,
        )  # fmt: skip
        try:
            yield Agent(around, self.folder)
        finally:
            around.terminate()
            around.communicate(timeout=HANGS)
            assert not Path("/run/netns", f"countersign-{around.pid}").exists()

    def held(self) -> Any:
        """The one request that waits for a person."""
        until = time.monotonic() + HANGS
        while time.monotonic() < until:
            found = self.service.call("GET", "/v1/requests", key=GATE)[1]["requests"]
            if waiting := [case for case in found if case["status"] == "pending"]:
                (case,) = waiting
                return case
        raise AssertionError("the gateway did not ask")

    def decide(self, case: Any, choice: Choice) -> None:
        link = self.service.run("login-link", "dana").out.strip()

        async def tap() -> None:
            async with Browser.opened() as browser:
                await browser.sign_in(link)
                await browser.decide(case["id"], choice, case["digest"], None)

        asyncio.run(tap())


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with ExitStack() as stack:
        here = tmp_path_factory.mktemp("sandbox")
        service = install(here)
        api = stack.enter_context(upstream())
        proxy = free_port()
        (here / "gateway.yaml").write_text(f"""\
listen: 127.0.0.1:{proxy}
service: {{url: "{service.url}", key: {GATE}, requester: gate, issuer: "{service.url}",
          receipt_key: {keys.load(here / "keys").receipt.thumbprint}}}
agents: {{bot: {{password: "{PASSWORD}"}}}}
upstream: {{private: ["127.0.0.1:{api.port}"]}}
rules: [{{name: status, when: {{host: "127.0.0.1:{api.port}", path: /status}}, then: allow}}]
""")
        (here / "ca.pem").write_text(run("gateway", "ca", cwd=here).out)
        place = ("--host", f"127.0.0.1:{api.port}", "--header", "Authorization")
        kept = run("secret", "set", "pay", *place, cwd=here, stdin=VALUE)
        placeholder = re.findall(r"csk_placeholder_\S+", kept.out)[0]
        (here / "agent.env").write_text(f"PROXY_LOGIN=bot:{PASSWORD}\nPAY_API_KEY={placeholder}\n")
        service.start()
        stack.callback(service.stop)
        gateway = process("gateway", cwd=here)
        stack.callback(gateway.communicate, timeout=HANGS)
        stack.callback(gateway.terminate)
        assert gateway.stderr is not None
        assert json.loads(gateway.stderr.readline())["event"] == "gateway"
        folder = here / "agent"
        folder.mkdir()
        (folder / "agent.py").write_text(AGENT)
        shutil.chown(folder, WHO)
        yield House(service, proxy, api, folder, placeholder)


@namespaces
def test_law_01_an_approve_lets_it_through_a_decline_does_not(house: House) -> None:
    url, authorization = f"http://127.0.0.1:{house.api.port}", f"Bearer {house.placeholder}"
    with house.agent() as agent:
        assert agent.do("get", f"{url}/status", authorization)[0] == 200
        for choice, path in ((Choice.APPROVE, "/yes"), (Choice.DECLINE, "/no")):
            agent.start("get", url + path, authorization)
            case = house.held()
            assert path not in house.api.arrived
            house.decide(case, choice)
            status, said = agent.answer()
            if choice is Choice.APPROVE:
                assert (status, json.loads(said)["right"]) == (200, True)
                assert json.loads(said)["echo"] == "Bearer " + "*" * len(VALUE)
            else:
                assert (status, json.loads(said)["type"]) == (403, "declined")
        assert "/yes" in house.api.arrived
        assert "/no" not in house.api.arrived


@namespaces
def test_law_01_nothing_goes_around_the_gateway(house: House, tmp_path: Path) -> None:
    """Not the API, the service, the host's other ports or sockets, its names, or the metadata."""
    own = socket.gethostbyname(socket.gethostname())
    others = {"127.0.0.1", own, "169.254.169.254", "192.0.2.1"}
    before = list(house.api.arrived)
    named = "@countersign-test-" + tmp_path.name
    with (
        closing(socket.socket(socket.AF_UNIX)) as abstract,
        closing(socket.socket(socket.AF_UNIX)) as file,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as resolver,
    ):
        abstract.bind("\0" + named[1:])
        file.bind("/tmp/" + named[1:])
        resolver.bind(("0.0.0.0", 0))
        for one in (abstract, file):
            one.listen()
        Path("/tmp", named[1:]).chmod(0o777)
        try:
            with house.agent() as agent:
                for host in others:
                    for port in (house.api.port, house.service.port):
                        said = agent.do("connect", "AF_INET", host, port)
                        assert "Errno 1" in said, said  # 101: no route; 111: nobody there
                    said = agent.do("ask", host, resolver.getsockname()[1])
                    assert "Errno 1" in said, said
                said = agent.do("connect", "AF_INET6", "2001:db8::1", 80)
                assert "Errno 101" in said or "Errno 99" in said, said
                for address in (named, "/tmp/" + named[1:]):
                    said = agent.do("connect", "AF_UNIX", address)
                    assert said.startswith(("ConnectionRefused", "FileNotFound")), said
                for line in Path("/etc/resolv.conf").read_text().splitlines():
                    if line.startswith("nameserver ") and ":" not in line:
                        assert "Errno 1" in agent.do("ask", line.split()[1], 53)
                assert agent.do("resolve", "example.com").startswith("gaierror")
        finally:
            Path("/tmp", named[1:]).unlink()
        resolver.setblocking(False)
        with pytest.raises(BlockingIOError):
            resolver.recv(512)
    assert house.api.arrived == before


@namespaces
def test_law_23_the_secret_is_nowhere_in_the_sandbox(house: House) -> None:
    """Not in the agent's environment, files or memory, while it waits nor when it was answered."""
    with house.agent() as agent:
        seen = agent.do("look")
        proxy = f"http://bot:{PASSWORD}@127.0.0.1:{house.proxy}"
        names, files = set(PROXY), set(TRUST)
        more = {*FIXED, "NO_PROXY", "no_proxy", "JAVA_TOOL_OPTIONS"}
        plain = {"HOME", "USER", "LOGNAME", "PATH", "PWD", "LANG", "TERM", "SHLVL", "_", "LC_CTYPE"}
        assert {seen["environ"][name] for name in names} == {proxy}
        assert {seen["environ"][name] for name in files} == {"/run/ca.pem"}
        assert set(seen["environ"]) - plain == names | files | more | {"PAY_API_KEY"}
        assert seen["environ"]["PAY_API_KEY"] == house.placeholder

        for kept in ("gateway/secrets.json", "gateway/secrets.key", "gateway.yaml", "agent.env"):
            assert "Error" in agent.do("read", str(house.service.folder / kept))
        url = f"http://127.0.0.1:{house.api.port}/quietly"
        agent.start("get", url, f"Bearer {house.placeholder}")
        case = house.held()
        assert _remembered(agent, house.placeholder)
        assert not _remembered(agent, VALUE)
        house.decide(case, Choice.APPROVE)
        assert agent.answer()[0] == 200
        assert _remembered(agent, house.placeholder)
        assert not _remembered(agent, VALUE)
        top = f"/proc/{agent.pids()[-1]}/root"
        for place in ("run", "tmp", "dev/shm", "var/tmp"):
            for path in Path(top, place).rglob("*"):
                assert not path.is_file() or VALUE.encode() not in path.read_bytes(), path


def _remembered(agent: Agent, text: str) -> bool:
    """Is it anywhere in the memory of a process of the sandbox?"""
    pids = agent.pids()
    assert pids
    return any(text.encode() in _memory(pid) for pid in pids)


def _memory(pid: int) -> bytes:
    """All that a process can read of its own memory, without what is not there."""
    found = bytearray()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if line.split()[1].startswith("r") and "[v" not in line:  # [vvar], [vdso], [vsyscall]
                memory.seek(begin)
                while begin < end and (piece := memory.read(end - begin)):
                    begin += len(piece)
                    found += piece
                found += b"\0"
    return bytes(found)


@namespaces
def test_what_an_agent_has(house: House) -> None:
    """A loopback, its own processes and files, no rights, and no file of whoever started it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as leaked:
        leaked.set_inheritable(True)
        with house.agent(pass_fds=[leaked.fileno()]) as agent:
            seen = agent.do("look")
    assert seen["devices"] == ["lo"]
    assert len(seen["routes"].splitlines()) <= 1  # the heading
    assert {line.split()[-1] for line in seen["routes6"].splitlines()} <= {"lo"}
    assert seen["uid"] != 0
    assert seen["groups"] == []
    status = dict(line.split(":\t", 1) for line in seen["status"].splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    rights = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    assert {int(status[name], 16) for name in rights} == {0}
    assert {path.split("/")[2] for path in seen["files"] if path.startswith("/run/")} <= {
        "agent", "ca.pem", "mount",
    }  # fmt: skip
    assert not [path for path in seen["files"] if not path.startswith("/run/")]
    assert seen["processes"] <= 4
    assert not [name for name in seen["open"] if "socket" in name]
    assert len(seen["open"]) <= 4


@namespaces
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_all_of_it_ends_together(house: House, number: signal.Signals) -> None:
    with house.agent() as agent:
        agent.do("look")
        inside = agent.pids()
        relay = [int(pid) for pid in _children(agent.process.pid) if int(pid) not in inside]
        assert len(inside) >= 2
        assert len(relay) == 1
        agent.process.send_signal(number)
        agent.process.wait(30)
        while any(Path(f"/proc/{pid}").exists() for pid in [*inside, *relay]):
            pass
        if number is signal.SIGKILL:  # nobody was left to clean up: an empty namespace is
            subprocess.run(["ip", "netns", "delete", agent.namespace], check=True)
        assert not Path("/run/netns", agent.namespace).exists()


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@namespaces
def test_the_relay_passes_on_that_a_side_has_hung_up(house: House) -> None:
    with house.agent() as agent:
        agent.do("send", f"http://127.0.0.1:{house.api.port}/gone")
        path = f"/v1/requests/{house.held()['id']}"
        agent.do("hang_up")
        # A hang-up withdraws nothing at once: the agent may ask again (law 28).
        after = house.service.call("GET", path + "?wait=1", key=GATE)[1]
        assert after["status"] == "pending"
    assert "/gone" not in house.api.arrived


@namespaces
def test_its_code_is_the_commands_and_a_gateway_that_is_away_is_no_way_out(house: House) -> None:
    with house.agent("sh", "-c", "exit 7") as agent:
        assert agent.process.wait(30) == 7
    with replace(house, proxy=free_port()).agent() as agent:
        said = agent.do("get", f"http://127.0.0.1:{house.api.port}/status", "none")
        assert isinstance(said, str), said


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--user", WHO, "--", "true"],
        ["--user", "root", "--folder", "/", "--ca", "/dev/null", "--", "true"],
        ["--user", WHO, "--folder", "/nowhere", "--ca", "/dev/null", "--", "true"],
        ["--what", "is", "--", "true"],
    ],
)
def test_it_refuses_what_is_no_sandbox(words: list[str]) -> None:
    done = subprocess.run(
        [SANDBOX / "netns.sh", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("netns.sh: ")


# Where there is a container engine


def compose() -> Any:
    return yaml.safe_load((SANDBOX / "compose.yaml").read_text())


def test_the_agents_container_has_no_way_out_but_the_gateway() -> None:
    file = compose()
    services, networks = file["services"], file["networks"]
    of = {name: set(service["networks"]) for name, service in services.items()}
    shared = {name for name in of if name != "agent" and of[name] & of["agent"]}
    assert of["agent"] == {"agent"}
    assert shared == {"gateway"}
    assert {name for name in of if name != "service" and of[name] & of["service"]} == {"gateway"}
    assert networks["agent"]["internal"] is True
    assert set(networks["agent"]["driver_opts"].values()) == {"isolated"}
    agent = services["agent"]
    assert not {"ports", "network_mode", "privileged", "cap_add", "extra_hosts", "pid"} & set(agent)
    assert agent["user"].split(":")[0] != "0"
    for service in services.values():
        assert service["cap_drop"] == ["ALL"]
        assert not any("docker.sock" in str(volume) for volume in service.get("volumes", ()))


def test_the_agents_container_is_given_no_secret() -> None:
    services = compose()["services"]
    agent = services["agent"]
    assert agent["volumes"] == ["./ca.pem:/run/ca.pem:ro"]
    used = set(re.findall(r"\$\{(\w+)", json.dumps(agent["environment"])))
    assert used == {"AGENT_PASSWORD"}
    assert agent["environment"]["https_proxy"].endswith("@gateway:8081")
    assert "COUNTERSIGN_KEY" in services["gateway"]["environment"]


def test_what_the_containers_are_configured_with_is_sound(tmp_path: Path) -> None:
    given = {
        "COUNTERSIGN_PUBLIC_URL": "https://approve.example.com",
        "COUNTERSIGN_KEY": GATE,
        "AGENT_PASSWORD": PASSWORD,
        "RECEIPT_KEY": "A" * 43,
    }
    services = compose()["services"]
    for name, words in (("service", ["check", "--file-only"]), ("gateway", ["gateway", "check"])):
        environment = services[name]["environment"]
        assert environment.keys() <= given.keys()
        (file,) = [v for v in services[name]["volumes"] if v.startswith("./")]
        source, target, mode = file.split(":")
        assert (Path(target).parent, mode) == (Path("/etc/countersign"), "ro")
        shutil.copy(SANDBOX / source, tmp_path / Path(target).name)
        ran = run(*words, cwd=tmp_path, **{key: given[key] for key in environment})
        assert ran.code == 0, ran.err


def test_the_image_is_small_pinned_and_not_roots() -> None:
    text = (ROOT / "deploy" / "Containerfile").read_text()
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"python:3-slim"}
    assert "--require-hashes -r requirements.lock" in text
    user = re.findall(r"^USER (\d+):(\d+)$", text, re.MULTILINE)
    assert user
    assert "0" not in user[-1]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    taken = (ROOT / "deploy" / "Containerfile.dockerignore").read_text().splitlines()
    for name in " ".join(copied).split():
        assert (ROOT / name).exists()
        assert f"!{name}" in taken
    assert 'ENTRYPOINT ["countersign"]' in text
