"""A file server on this machine that fails as real ones do, and a file for it."""

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
LARGE = BODY * 24  # bytes; http_get writes, and so resumes, 10 MiB at a time
LARGE_NAME = f"net-{hashlib.sha256(LARGE).hexdigest()[:8]}.pth"


@dataclasses.dataclass
class Answer:
    """How a request is answered.

    Attributes:
        body: The whole file.
        status: Of a whole answer; a part of the file is 206.
        cut: Bytes of the body after which the connection is closed.
        stall: Bytes of the body after which nothing more is sent.
        ranges: A requested range of the file is sent, not all of it.
        careless: The range is sent whatever ETag is expected.
        etag: Changes with the file; empty for none.
        headers: Further headers, which replace others.
        head: The status of the answer to HEAD, if it is another.
        gate: Set when a GET is to be answered.
    """

    body: bytes = b""
    status: int = 200
    cut: int | None = None
    stall: int | None = None
    ranges: bool = True
    careless: bool = False
    etag: str = '"first"'
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    head: int | None = None
    gate: threading.Event | None = None


class Server(ThreadingHTTPServer):
    """Answers each GET of a path with the next of its answers; the last one is repeated.

    Attributes:
        answers: By path. Other paths are answered with 404.
        seen: Each GET: its path and its headers.
        heads: Likewise each HEAD, which is answered as the next GET will be.
        end: Set when the server closes, for answers that wait.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.heads: list[tuple[str, dict[str, str]]] = []
        self.end = threading.Event()
        self._lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def answers_of(self, path: str) -> list[Answer]:
        return self.answers.get(path) or [Answer(status=404)]

    def next_answer(self, path: str, headers: dict[str, str]) -> Answer:
        with self._lock:
            self.seen.append((path, headers))
            answers = self.answers_of(path)
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def ranges(self, path: str) -> list[str | None]:
        """Return the ranges that were requested, None for a whole file."""
        return [headers.get("Range") for asked, headers in self.seen if asked == path]

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what is tested here."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.server.heads.append((self.path, dict(self.headers)))
        answer = self.server.answers_of(self.path)[0]
        self._send_headers(answer, answer.head or answer.status, len(answer.body))

    def do_GET(self) -> None:
        answer = self.server.next_answer(self.path, dict(self.headers))
        if answer.gate is not None:
            answer.gate.wait(30)
        start = self._start(answer)
        body = answer.body[start:]
        self._send_headers(answer, 206 if start else answer.status, len(body))
        sent = min(len(body), *(n for n in (answer.cut, answer.stall, len(body)) if n is not None))
        with contextlib.suppress(OSError):
            self.wfile.write(body[:sent])
            self.wfile.flush()
            if answer.stall is not None:
                self.server.end.wait(30)
            if answer.cut is not None:
                self.connection.shutdown(socket.SHUT_RDWR)

    def _send_headers(self, answer: Answer, status: int, size: int) -> None:
        self.send_response(status)
        headers = {"Content-Length": str(size), "ETag": answer.etag}
        if status == 206:
            whole = len(answer.body)
            headers["Content-Range"] = f"bytes {whole - size}-{whole - 1}/{whole}"
        for name, value in (headers | answer.headers).items():
            if value:
                self.send_header(name, value)
        self.end_headers()

    def _start(self, answer: Answer) -> int:
        """Return the position of the first byte to send."""
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
