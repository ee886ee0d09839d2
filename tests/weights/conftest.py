"""An empty cache, and a server to fill it from."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from server import NAME, Answer, Server, serving

from mmresnet.weights.hub import download

ROOT = Path(__file__).parents[2]
FETCH = "import sys; from mmresnet.weights.hub import download; print(download.fetch(sys.argv[1]))"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is the cache; it does not exist yet."""
    for name in ("MMRESNET_OFFLINE", "MMRESNET_MIRROR", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MMRESNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers 404 until it has answers."""
    with serving() as server:
        yield server


@pytest.fixture
def fetch(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """``download.fetch`` into the cache, without pauses."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return download.fetch


@pytest.fixture
def get(server: Server, fetch: Callable[[str], Path]) -> Callable[..., Path]:
    """``get(Answer(…), …)`` fetches a file that the server answers for like this."""

    def fetch_answered(*answers: Answer, name: str = NAME) -> Path:
        server.answers[f"/{name}"] = list(answers)
        return fetch(f"{server.url}/{name}")

    return fetch_answered


@pytest.fixture
def left(cache: Path) -> Callable[[], set[str]]:
    """``left()`` returns the names of the files in the cache, without locks."""
    return lambda: {p.name for p in cache.rglob("*") if p.is_file() and p.suffix != ".lock"}


@pytest.fixture
def start(cache: Path) -> Callable[[str], subprocess.Popen]:
    """``start(url)`` fetches in a separate process."""

    def start_process(url: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-c", FETCH, url],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start_process
