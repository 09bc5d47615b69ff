"""The environment that makes an agent's programs use the gateway and trust its CA.

Pure. The command, the sandboxes' test and the docs take it from here. Sources: each program's
manual, and trials through the gateway (docs/gateway.md, "Clients").
"""

from __future__ import annotations

import shlex
from typing import Final

TRUST: Final = (
    "SSL_CERT_FILE",  # OpenSSL, Python's ssl, httpx, Go on Linux, Ruby, Rust (rustls-native-certs)
    "REQUESTS_CA_BUNDLE",  # requests, and all that stands on it
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "UV_SSL_CERT_FILE",
    "npm_config_cafile",
    "AWS_CA_BUNDLE",  # boto3, AWS CLI
    "HTTPLIB2_CA_CERTS",  # google-api-python-client
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "CARGO_HTTP_CAINFO",
    "DENO_CERT",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
)
PROXY: Final = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
FIXED: Final = {
    "NODE_USE_ENV_PROXY": "1",  # Node 22.21 and 24: fetch and http take the variables above
}


def environment(proxy: str, ca: str) -> dict[str, str]:
    """Every variable. `proxy`: URL with the agent's login; `ca`: where the agent finds the CA.

    Java takes no proxy login from its environment, only the place: docs/gateway.md says the rest.
    """
    place = proxy.rpartition("@")[2].removeprefix("http://").rstrip("/")
    host, _, port = place.rpartition(":")
    java = " ".join(
        f"-D{kind}.proxyHost={host.strip('[]')} -D{kind}.proxyPort={port}"
        for kind in ("http", "https")
    )
    return {
        **dict.fromkeys(PROXY, proxy),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
        **dict.fromkeys(TRUST, ca),
        **FIXED,
        "JAVA_TOOL_OPTIONS": java,
    }


def written(variables: dict[str, str], form: str) -> str:
    """As lines for a shell, or for `docker run --env-file` (`form` "docker")."""
    if form == "docker":
        return "".join(f"{name}={value}\n" for name, value in variables.items())
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
