"""A proxy before an object store that breaks what it passes on, as told."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Fault:
    """What becomes of an answer.

    Attributes:
        status: Answered in its place; the store is not asked.
        cut_after: The connection is reset after so many bytes of the body.
        flip: The byte of the body of which a bit is flipped.
        wait: Seconds before the answer begins.
        pause: Seconds before each eighth of the body.
    """

    status: int | None = None
    cut_after: int | None = None
    flip: int | None = None
    wait: float = 0
    pause: float = 0


@dataclass
class Proxy:
    """A running proxy.

    Attributes:
        fault: Called with method, path and how often these were asked for before; may return a
            :class:`Fault`.
        asked: Method and path of each request.
        sent: Bytes of bodies that were passed on, by path.
    """

    url: str
    fault: Callable[[str, str, int], Fault | None] = lambda method, path, times: None
    asked: list[tuple[str, str]] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Pass everything on, and forget what was asked for."""
        with self.lock:
            self.fault = lambda method, path, times: None
            self.asked.clear()
            self.sent.clear()

    def gets(self, ending: str = ".tar") -> list[str]:
        """Return the names of the objects that were asked for, once for each time."""
        names = [path.rpartition("/")[2] for method, path in self.asked if method == "GET"]
        return [name for name in names if name.endswith(ending)]


@contextmanager
def faulty_proxy(store: str) -> Iterator[Proxy]:
    """Run a proxy before the server at the address ``store`` (``http://127.0.0.1:…``)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(urlsplit(store).netloc))
    server.daemon_threads = True
    server.proxy = Proxy(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(store: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def _pass_on(self) -> None:
            proxy, path = self.server.proxy, urlsplit(self.path).path
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with proxy.lock:
                times = proxy.asked.count((self.command, path))
                proxy.asked.append((self.command, path))
            fault = proxy.fault(self.command, path, times) or Fault()
            time.sleep(fault.wait)
            if fault.status is not None:
                self.send_response(fault.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            upstream = http.client.HTTPConnection(store, timeout=60)
            headers = dict(self.headers.items())
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            content = answer.read()
            upstream.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            length = answer.headers.get("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            self._send(content, fault)
            with proxy.lock:
                proxy.sent[path] = proxy.sent.get(path, 0) + len(content)

        def _send(self, content: bytes, fault: Fault) -> None:
            if fault.flip is not None and fault.flip < len(content):
                changed = bytearray(content)
                changed[fault.flip] ^= 1
                content = bytes(changed)
            if fault.cut_after is not None:
                self.wfile.write(content[: fault.cut_after])
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            step = -(-len(content) // 8) or 1
            for start in range(0, len(content), step):
                time.sleep(fault.pause)
                self.wfile.write(content[start : start + step])

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on

    return Handler
