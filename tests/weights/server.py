"""A file server on this machine that answers as real ones do on bad days, and a file for it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = b"PK\x03\x04" + bytes(range(256)) * 4096  # begins as a file of torch.save does
SHA256 = hashlib.sha256(BODY).hexdigest()
NAME = f"net-{SHA256[:8]}.pth"


@dataclasses.dataclass
class Answer:
    """How a request is answered.

    Attributes:
        body: The whole file.
        status: Of a whole answer; a part of the file is 206.
        cut: Bytes of the body after which the connection is closed.
        stall: Bytes of the body after which nothing comes any more.
        ranges: Parts of the file are given where asked for.
        careless: Parts are given of whatever file is there, also of another than asked for.
        etag: Changes with the file; empty for none.
        headers: What else is told.
        gate: What is waited for before the answer.
    """

    body: bytes = b""
    status: int = 200
    cut: int | None = None
    stall: int | None = None
    ranges: bool = True
    careless: bool = False
    etag: str = '"first"'
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    gate: threading.Event | None = None


class Server(ThreadingHTTPServer):
    """Answers each path with its list of answers in turn, and with the last ever after.

    Attributes:
        answers: By path. Other paths are answered with 404.
        seen: Each request: its path and its headers.
        end: Set when the server closes, for answers that wait.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.end = threading.Event()
        self._lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def next_answer(self, path: str, headers: dict[str, str]) -> Answer:
        with self._lock:
            self.seen.append((path, headers))
            answers = self.answers.get(path) or [Answer(status=404)]
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def ranges(self, path: str) -> list[str | None]:
        """Return the parts that were asked for, None for a whole file."""
        return [headers.get("Range") for asked, headers in self.seen if asked == path]

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what is tested here."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        answer = self.server.next_answer(self.path, dict(self.headers))
        if answer.gate is not None:
            answer.gate.wait(30)
        start = self._start(answer)
        body = answer.body[start:]
        self.send_response(206 if start else answer.status)
        if start:
            whole = len(answer.body)
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        if answer.etag:
            self.send_header("ETag", answer.etag)
        for name, value in ({"Content-Length": str(len(body))} | answer.headers).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        sent = min(len(body), *(n for n in (answer.cut, answer.stall, len(body)) if n is not None))
        with contextlib.suppress(OSError):
            self.wfile.write(body[:sent])
            self.wfile.flush()
            if answer.stall is not None:
                self.server.end.wait(30)
            if answer.cut is not None:
                self.connection.shutdown(socket.SHUT_RDWR)

    def _start(self, answer: Answer) -> int:
        """Return the first byte that is given."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = answer.careless or self.headers.get("If-Range", answer.etag) == answer.etag
        given = answer.status == 200 and answer.ranges and same
        return int(asked[1]) if asked and given else 0

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Serve until the end of the block."""
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.end.set()
        server.shutdown()
        server.server_close()
