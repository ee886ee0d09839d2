"""A checkpoint that mmengine downloads is read as carefully as one from a file."""

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine.logging import HistoryBuffer

REPOSITORY = Path(__file__).parents[2]

FETCH = """
import sys
if sys.argv[2] == "patched":
    import mmresnet.registry
from mmengine.runner.checkpoint import load_from_http, load_from_local
state = load_from_http(sys.argv[1], map_location="cpu")
print("loaded", sorted(state))
"""


class Witness:
    """Unpickled, it leaves a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address under which the files of ``tmp_path`` are served."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetch(url: str, how: str, cache: Path, code: str = FETCH) -> subprocess.CompletedProcess:
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "TORCH_HOME": str(cache),
        "no_proxy": "127.0.0.1",
    }
    return subprocess.run(
        [sys.executable, "-c", code, url, how],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_code_behind_a_url_is_run_by_upstream_and_refused_here(tmp_path, served) -> None:
    witness = tmp_path / "witness"
    torch.save({"state_dict": Witness(witness)}, tmp_path / "net.pth")
    fetch(f"{served}/net.pth", "alone", tmp_path / "cache_alone")
    assert witness.exists(), "upstream is fixed; remove the patch of load_url"
    witness.rmdir()

    refused = fetch(f"{served}/net.pth", "patched", tmp_path / "cache_patched")
    assert refused.returncode != 0
    assert not witness.exists()
    last = refused.stderr.strip().splitlines()[-1]
    assert f"{served}/net.pth holds" in last
    assert "nothing in it was run" in last


@pytest.mark.full
def test_tensors_behind_a_url_are_loaded(tmp_path, served) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "net.pth")
    done = fetch(f"{served}/net.pth", "patched", tmp_path / "cache")
    assert done.stdout.splitlines()[-1] == "loaded ['weight']", done.stderr


@pytest.mark.full
def test_a_history_behind_a_url_loads_after_a_file(tmp_path, served) -> None:
    """The fork's own reader takes allowed types away again when it is done with a file."""
    file = tmp_path / "net.pth"
    torch.save({"history": HistoryBuffer([1.0], [1])}, file)
    code = FETCH.replace("state =", f"load_from_local({str(file)!r}, None)\nstate =")
    done = fetch(f"{served}/net.pth", "patched", tmp_path / "cache", code)
    assert done.stdout.splitlines()[-1:] == ["loaded ['history']"], done.stderr
