"""Files of weights are read bit for bit and written whole or not at all."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from file_builders import tensors, torch_file
from mmengine.logging import HistoryBuffer
from safetensors.torch import save

from mmresnet.errors import UserError
from mmresnet.weights.formats import files
from mmresnet.weights.formats.files import read_weights, write_weights


def same(left: torch.Tensor, right: torch.Tensor) -> bool:
    return left.dtype == right.dtype and left.numpy().tobytes() == right.numpy().tobytes()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the temporary files of the process lie too."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", ["net.pth", "net.pth.tar", "net.th", "net.safetensors", "net"])
def test_files_of_torch_are_read_whatever_their_suffix(folder: Path, name: str, zipped) -> None:
    content = {
        "state_dict": {**tensors(), "half": torch.tensor([1.5, float("nan")]).half()},
        "same": (shared := torch.arange(3)),
        "again": [shared, {"epoch": 7}],
        "part": torch.arange(12).reshape(3, 4).t()[1:],
        "meta": {"classes": ("cat", "dog"), "history": HistoryBuffer([1.0, 2.0], [1, 1])},
    }
    (folder / name).write_bytes(torch_file(content, zipped))
    read = read_weights(folder / name)
    assert read.keys() == content.keys()
    assert all(same(read["state_dict"][key], value) for key, value in content["state_dict"].items())
    assert same(read["part"], content["part"])
    assert read["again"][0] is read["same"]
    assert read["again"][1] == {"epoch": 7}
    assert read["meta"]["history"].mean() == 1.5


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_what_models_are_saved_with_is_read(folder: Path, zipped: bool) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 3, 8, 8)).sum().backward()
    optimizer.step()
    net[0].weight.of_the_user = "attribute"
    path = folder / "net.pth"
    content = {
        "state_dict": net.state_dict(),
        "parameters": dict(net.named_parameters()),
        "optimizer": optimizer.state_dict(),
        "rng": torch.get_rng_state(),
        "size": net[0].weight.shape,
        "names": {"a", "b"},
    }
    path.write_bytes(torch_file(content, zipped))
    read = read_weights(path)
    net.load_state_dict(read["state_dict"])
    assert read["state_dict"]._metadata == net.state_dict()._metadata
    assert same(read["parameters"]["0.weight"].detach(), net[0].weight.detach())
    optimizer.load_state_dict(read["optimizer"])
    assert read["size"] == (4, 3, 3, 3)


@pytest.mark.filterwarnings("ignore:.*parse .*invariant")
def test_values_that_weights_rarely_hold_are_read(folder: Path) -> None:
    content = {
        "sparse": torch.eye(3).to_sparse(),
        "names": np.array(["cat", "dog"]),
        "bytes": [b"\xff\0", b"", bytearray(b"ab")],
        "history": HistoryBuffer(),
        "device": torch.device("cpu"),
    }
    (folder / "net.pth").write_bytes(torch_file(content))
    read = read_weights(folder / "net.pth")
    assert torch.equal(read["sparse"].to_dense(), torch.eye(3))
    assert read["names"] == ["cat", "dog"]
    assert read["bytes"] == content["bytes"]
    assert read["history"].data[0].size == 0
    assert read["device"] == content["device"]


def test_a_file_of_torch_with_arrays_is_read(folder: Path) -> None:
    content = {"model": {"conv1.weight": np.arange(6, dtype=">f4").reshape(2, 3), "n": np.int64(3)}}
    (folder / "net.pth").write_bytes(torch_file(content))
    read = read_weights(folder / "net.pth")
    assert read["model"]["conv1.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read["model"]["conv1.weight"].dtype == torch.float32
    assert read["model"]["n"] == 3


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth"])
def test_safetensors_are_read_with_their_metadata(folder: Path, name: str) -> None:
    given = {**tensors(), "b": torch.ones(2, dtype=torch.bfloat16), "none": torch.zeros(0, 3)}
    path = folder / name
    path.write_bytes(save(given, metadata={"format": "pt"}))
    read = read_weights(path)
    assert read.pop("__metadata__") == {"format": "pt"}
    assert read.keys() == given.keys()
    assert all(torch.equal(read[key], value) for key, value in given.items())
    path.write_bytes(bytes(path.stat().st_size))  # what was read is no longer the file's
    assert torch.equal(read["conv1.weight"], given["conv1.weight"])

    path.write_bytes(save(tensors()))
    assert read_weights(path).keys() == tensors().keys()


def test_real_weights_are_read(sample_data: Path) -> None:
    read = read_weights(sample_data / "resnet20-12fca82f.th")
    known = torch.load(sample_data / "resnet20-12fca82f.th", "cpu", weights_only=True)
    assert read["best_prec1"] == known["best_prec1"]
    assert all(same(read["state_dict"][key], value) for key, value in known["state_dict"].items())


def test_tensors_come_to_the_place_that_is_asked_for(folder: Path) -> None:
    for name, content in {"a": torch_file(tensors()), "b": save(tensors())}.items():
        (folder / name).write_bytes(content)
        read = read_weights(folder / name, map_location="meta")
        assert read["conv1.weight"].device.type == "meta"


def test_no_file_a_folder_and_a_pipe_are_named(folder: Path) -> None:
    (folder / "resnet50.pth").write_bytes(torch_file(tensors()))
    with pytest.raises(FileNotFoundError, match=r"resnet5\.pth'\. Did you mean 'resnet50\.pth'"):
        read_weights(folder / "resnet5.pth")
    with pytest.raises(FileNotFoundError, match=r"no file of weights '.*nowhere/net\.pth'\.$"):
        read_weights(folder / "nowhere" / "net.pth")
    with pytest.raises(UserError, match=r"is a folder: .* such as '.*resnet50\.pth'"):
        read_weights(folder)
    os.mkfifo(folder / "pipe")
    with pytest.raises(UserError, match="is a pipe or a device"):
        read_weights(folder / "pipe")


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth"])
def test_what_is_written_is_read(folder: Path, name: str) -> None:
    whole = torch.arange(100_000.0)
    given = {
        "turned": torch.arange(6.0).reshape(2, 3).t(),
        "parameter": torch.nn.Parameter(torch.tensor([float("nan"), 0.0])),
        "part": whole[:3],
        "tied": (tied := torch.ones(2)),
        "tied.too": tied,
        "count": torch.tensor(3),
    }
    write_weights(folder / name, given, {"layout": "mmresnet"})
    assert (folder / name).stat().st_size < 10_000  # of the whole, only the part is written
    assert os.listdir(folder) == [name]
    read = read_weights(folder / name)
    metadata = read.pop("__metadata__") if name.endswith("s") else read["meta"]
    assert metadata == {"layout": "mmresnet"}
    read = read if name.endswith("s") else read["state_dict"]
    assert read.keys() == given.keys()
    assert all(same(read[key], value.detach()) for key, value in given.items())


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth"])
def test_the_same_weights_make_the_same_file(folder: Path, name: str) -> None:
    write_weights(folder / name, tensors(), {})
    first = (folder / name).read_bytes()
    write_weights(folder / name, tensors(), {})
    assert (folder / name).read_bytes() == first


def test_writing_says_what_it_does_not_take(folder: Path) -> None:
    with pytest.raises(UserError, match=r"not as 'net\.safetensor'\. Did you mean '\.safetensors'"):
        write_weights(folder / "net.safetensor", tensors(), {})
    with pytest.raises(UserError, match=r"nowhere/net\.pth': No such file or directory"):
        write_weights(folder / "nowhere" / "net.pth", tensors(), {})
    with pytest.raises(TypeError, match="'epoch' is a int"):
        write_weights(folder / "net.pth", {"epoch": 3}, {})
    with pytest.raises(TypeError, match="str by name"):
        write_weights(folder / "net.pth", tensors(), {"depth": 50})
    with pytest.raises(ValueError, match="cannot be called '__metadata__'"):
        write_weights(folder / "net.pth", {"__metadata__": torch.ones(1)}, {})
    assert os.listdir(folder) == []


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth"])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(folder: Path, monkeypatch, name, step) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_weights(folder / name, tensors(), {})
    before = (folder / name).read_bytes()
    monkeypatch.setattr(files.os, step, fails)
    with pytest.raises(UserError, match="No space left on device; what was there before"):
        write_weights(folder / name, {"other": torch.ones(3)}, {})
    assert (folder / name).read_bytes() == before
    assert os.listdir(folder) == [name]


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth"])
def test_a_full_disk_leaves_the_old_file(folder: Path, name: str) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        write_weights(disk / name, tensors(), {})
        before = (disk / name).read_bytes()
        with pytest.raises(UserError, match="No space left on device"):
            write_weights(disk / name, {"large": torch.ones(2**19)}, {})
        assert (disk / name).read_bytes() == before
        assert os.listdir(disk) == [name]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


WRITER = """
import os, sys, torch
from mmresnet.weights.formats import files
write = os.fsync
def fsync(number):
    print("written", flush=True)
    sys.stdin.read()
files.os.fsync = fsync
files.write_weights(sys.argv[1], {"other": torch.ones(10**6)}, {})
"""


def test_a_process_killed_while_it_writes_leaves_the_old_file(folder: Path) -> None:
    path = folder / "net.safetensors"
    write_weights(path, tensors(), {})
    before = path.read_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(files.__file__).parents[3],
    ) as writer:
        assert writer.stdout.readline() == b"written\n"
        assert len(os.listdir(folder)) == 2
        writer.send_signal(signal.SIGKILL)
    assert path.read_bytes() == before
    assert read_weights(path).keys() == tensors().keys()


def python(code: str, path: Path) -> str:
    """The output of a process of its own, which is given ``path``."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}", str(path)],
        capture_output=True,
        text=True,
        cwd=Path(files.__file__).parents[3],
    )
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.mark.full
def test_reading_imports_no_optional_dependency(folder: Path) -> None:
    (folder / "net.pth").write_bytes(torch_file({"n": np.int64(3), **tensors()}))
    code = (
        "from mmresnet.weights.formats.files import read_weights; read_weights(sys.argv[1])\n"
        "print(sorted({'mmdet', 'mmengine', 'mmpretrain', 'safetensors'} & set(sys.modules)))"
    )
    assert python(code, folder / "net.pth") == "[]\n"


@pytest.mark.full
def test_without_mmengine_its_history_is_refused_and_nothing_else(folder: Path) -> None:
    (folder / "net.pth").write_bytes(torch_file({"n": np.int64(3), **tensors()}))
    content = {"history": HistoryBuffer([1.0], [1]), **tensors()}
    (folder / "history.pth").write_bytes(torch_file(content))
    code = (
        "sys.modules['mmengine'] = None  # importing it fails\n"
        "from mmresnet.weights.formats.files import read_weights\n"
        "print(read_weights(sys.argv[1] + '/net.pth')['n'])\n"
        "try: read_weights(sys.argv[1] + '/history.pth')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    read, refused = python(code, folder).splitlines()
    assert read == "3"
    assert refused.startswith("UserError The file")
    assert "holds 'mmengine.logging.history_buffer.HistoryBuffer'" in refused


def test_reading_allows_the_same_types_only_once(folder: Path) -> None:
    (folder / "net.pth").write_bytes(
        torch_file({"history": HistoryBuffer([1.0], [1]), **tensors()})
    )
    read_weights(folder / "net.pth")
    allowed = len(torch.serialization.get_safe_globals())
    read_weights(folder / "net.pth")
    assert len(torch.serialization.get_safe_globals()) == allowed
