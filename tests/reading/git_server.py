"""A git server on loopback (git's own http-backend) that keeps every request it is sent."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from approvals.model import Http

PLAIN = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Dana", "GIT_AUTHOR_EMAIL": "dana@example.com",
    "GIT_COMMITTER_NAME": "Dana", "GIT_COMMITTER_EMAIL": "dana@example.com",
    "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1",
}  # fmt: skip


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ("git", *words), cwd=folder, env=PLAIN, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@contextmanager
def serving(root: Path, sent: list[Http]) -> Iterator[str]:
    """Serve the bare repositories below a folder; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self._body()
            url = f"https://github.com{self.path}"
            sent.append(Http(self.command, url, tuple(self.headers.items()), body))
            path, _, query = self.path.partition("?")
            variables = {
                **PLAIN, "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command, "PATH_INFO": path, "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("content-type", ""), "REMOTE_USER": "dana",
                "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
                "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
                "CONTENT_LENGTH": str(len(body)),
            }  # fmt: skip
            done = subprocess.run(
                ("git", "http-backend"), input=body, env=variables, capture_output=True, check=True
            )
            head, _, answer = done.stdout.partition(b"\r\n\r\n")
            lines = [line.partition(": ")[::2] for line in head.decode().split("\r\n")]
            status = next((value for name, value in lines if name == "Status"), "200 OK")
            self.send_response(int(status[:3]))
            for name, value in lines:
                if name != "Status":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("content-length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
