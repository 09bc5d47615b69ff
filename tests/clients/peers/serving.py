"""What the stand-ins here share: a server on a thread of its own, and answers with a length."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answers(BaseHTTPRequestHandler):
    """One request. Nothing is logged."""

    def sent(self) -> bytes:
        """Its body."""
        return self.rfile.read(int(self.headers["Content-Length"]))

    def answer(self, body: bytes = b"", status: int = 200, location: str | None = None) -> None:
        """Send this; 204 has no body."""
        self.send_response(status)
        if location is not None:
            self.send_header("Location", location)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Peer:
    """Listens from `listen` to `end`. `host`: where."""

    def listen(self, handler: type[Answers]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever).start()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()
