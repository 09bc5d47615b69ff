"""Commands as processes of their own, forked from one that has imported what they import.

To import it takes a second of the processor, again and again. What is forked is a process like any
other (its own pid, pipes, folder, environment, signals and exit code) and only did not load its
program itself: what a program loads, and when, is for tests that start an interpreter.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
LOADED: Final[Mapping[str, tuple[str, ...]]] = {
    "approvals.cli": (
        *("approvals.cli.commands", "approvals.cli.gateway", "approvals.cli.demo"),
        *("approvals.app.serve", "approvals.app.compose", "approvals.proxy.proxy"),
    ),
    "tests.harness.serving": ("approvals.app.serve", "approvals.app.compose", "approvals.app.log"),
    "countersign_client": ("countersign_client.command", "httpx", "joserfc.jwk", "joserfc.jws"),
}
"""Program, as `python -m` calls it, and what it loads sooner or later."""
PATHS: Final = (str(ROOT), str(ROOT / "clients/python/src"))
"""PYTHONPATH of what is forked."""
READ_ONCE: Final = ("PYTHONIOENCODING", "PYTHONUNBUFFERED", "PYTHONUTF8", "LC_ALL")
"""What an interpreter reads at its own start only."""


class Forked(subprocess.Popen[str]):
    """`python -m PROGRAM …`, already loaded."""

    def __init__(self, program: str, words: Sequence[str], **how: Any) -> None:
        self._parent = _parent(program, how["env"]["PYTHONPATH"])
        super().__init__([program, *words], text=True, **how)

    def _execute_child(self, args: Sequence[str], *more: Any) -> None:
        """In place of fork and exec; of CPython's own from 3.11 on, whose arguments these are."""
        cwd, env = more[4], more[5]
        stdin, in_, out, stdout, err, stderr = more[9:15]
        ours = (stdin, stdout, stderr)
        given = [at if fd == -1 else fd for at, fd in enumerate(ours)]
        asked = {"words": args[1:], "cwd": os.fspath(cwd), "env": dict(env)}
        self.pid = int(self._parent.ask(asked, given))
        self._child_created = True
        self._close_pipe_fds(stdin, in_, out, stdout, err, stderr)  # type: ignore[attr-defined] # Popen's own

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None:
            self.returncode = self._parent.ask({"pid": self.pid})
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is not None:
            return self.returncode
        ends = os.pidfd_open(self.pid)
        try:
            poll = select.poll()
            poll.register(ends, select.POLLIN)
            while (code := self._internal_poll()) is None:
                if not poll.poll(None if timeout is None else timeout * 1000):
                    assert timeout is not None
                    raise subprocess.TimeoutExpired(self.args, timeout)
        finally:
            os.close(ends)
        return code


class _Parent:
    """The process that forks. It ends with us."""

    def __init__(self, program: str, path: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (path, str(ROOT))))}
        pipe = subprocess.PIPE
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, program, str(theirs.fileno())],
                pass_fds=[theirs.fileno()], env=env, cwd="/",
                stdin=pipe, stdout=pipe, stderr=pipe,  # as its children's are: no file
            )  # fmt: skip
        self._line, self._lock = ours, threading.Lock()
        _PARENTS.append(self)

    def ask(self, what: Mapping[str, Any], fds: Sequence[int] = ()) -> Any:
        with self._lock:
            socket.send_fds(self._line, [json.dumps(what).encode()], list(fds))
            said = self._line.recv(64)
        assert said, self._process.communicate(timeout=10)
        return json.loads(said)

    def end(self) -> None:
        self._line.close()
        self._process.communicate(timeout=10)


_PARENTS: Final[list[_Parent]] = []


def end() -> None:
    """Nothing is forked from now on."""
    while _PARENTS:
        _PARENTS.pop().end()


atexit.register(end)


@cache
def _parent(program: str, path: str) -> _Parent:
    return _Parent(program, path)


def command(
    program: str,
    *words: str | Path,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int | IO[Any] = subprocess.DEVNULL,
    anew: bool = False,
) -> subprocess.Popen[str]:
    """`python -m PROGRAM WORDS`, its output piped to us. `anew`: by an interpreter of its own, as
    it is anyway where the environment says what only such a one reads."""
    how: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": stdin}
    how |= {"cwd": cwd, "env": dict(env)}
    anew |= sys.platform != "linux" or env.get("PYTHONPATH") not in PATHS
    if not (anew or any(env.get(name) != os.environ.get(name) for name in READ_ONCE)):
        return Forked(program, [*map(str, words)], **how)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", program, *map(str, words)], text=True, **how
    )


def _serve(line: socket.socket) -> list[str]:
    """Fork whenever it is asked for. In the child, and there alone, it returns: its words."""
    while True:
        said, fds, _, _ = socket.recv_fds(line, 2**20, 3)
        if not said:
            os._exit(0)
        asked = json.loads(said)
        if "pid" in asked:
            pid, status = os.waitpid(asked["pid"], os.WNOHANG)
            line.send(json.dumps(os.waitstatus_to_exitcode(status) if pid else None).encode())
        elif child := os.fork():
            line.send(str(child).encode())
            for fd in fds:
                os.close(fd)
        else:
            line.close()
            for at, fd in enumerate(fds):
                os.dup2(fd, at)
                os.close(fd)
            os.chdir(asked["cwd"])
            os.environ.clear()
            os.environ.update(asked["env"])
            time.tzset()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return list(asked["words"])


def _main(program: str, line: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for those whom it forked
    for name in LOADED[program]:
        import_module(name)
    gc.freeze()
    sys.argv = [program, *_serve(socket.socket(fileno=int(line)))]
    runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
