"""What is not weights is refused with an error message; nothing runs or is left behind."""

import os
import pickle
import random
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from broken_files import ALLOCATING, ATTACKS, TABLE, error_of_bomb, little_memory
from file_builders import arrays, tensors, torch_file
from mmengine.logging import HistoryBuffer
from safetensors.torch import save

from mmresnet.errors import UserError
from mmresnet.weights.formats.files import read_weights


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the temporary files of the process lie too."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal_of(path: Path) -> str:
    """The error message for a file; nothing is left behind by the attempt."""
    with pytest.raises(UserError) as refusal:
        read_weights(path)
    assert os.listdir(path.parent) == [path.name]
    message = str(refusal.value)
    assert message.startswith(f"The file '{path}' ")
    assert message.endswith(".")
    assert message.isprintable()
    return message


@pytest.mark.parametrize("kind", TABLE)
def test_what_is_not_weights_is_refused(folder: Path, kind: str) -> None:
    content, words = TABLE[kind]
    path = folder / "net"
    path.write_bytes(content())
    with little_memory():
        assert re.search(words, message := refusal_of(path)), message


@pytest.fixture(scope="module")
def new_process() -> Iterator[ProcessPoolExecutor]:
    """A process that keeps no freed memory, as this one may have been told to."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        yield executor


@pytest.mark.parametrize("kind", ALLOCATING)
def test_a_bomb_goes_off_where_nothing_stops_it(new_process, kind: str) -> None:
    error = new_process.submit(error_of_bomb, kind).result()
    assert re.fullmatch("(?s)MemoryError|(MemoryError|RuntimeError).*(memory|alloc).*", error), (
        error
    )


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_pickle_runs_anything(folder: Path, attack: str, suffix: str) -> None:
    witness, path = folder / "witness", folder / f"net{suffix}"
    build, words = ATTACKS[attack]
    path.write_bytes(build(witness))
    run_unguarded(path, witness)
    witness.unlink()  # it is there: the attack works where nothing stops it

    assert re.search(words, message := refusal_of(path)), message


def run_unguarded(path: Path, witness: Path) -> None:
    with path.open("rb") as file:
        with suppress(RuntimeError, pickle.UnpicklingError):  # no file of torch's, or a broken one
            torch.load(file, weights_only=False)
        if not witness.exists():
            file.seek(0)
            pickle.load(file)


def whole_files() -> dict[str, bytes]:
    content = {
        "state_dict": tensors(),
        "meta": {"history": HistoryBuffer([1.0], [1]), "epoch": 3, "value": np.float64(3)},
    }
    return {
        "zip": torch_file(content),
        "legacy": torch_file(content, zipped=False),
        "safetensors": save(tensors(), metadata={"format": "pt"}),
        **{f"pickle {n}": pickle.dumps(arrays(), protocol=n) for n in (0, 2, 4, 5)},
    }


@pytest.mark.parametrize("kind", whole_files())
def test_wherever_a_byte_is_wrong_the_file_is_read_or_refused(folder: Path, kind: str) -> None:
    whole, path, draw = whole_files()[kind], folder / "net", random.Random(0)
    refused = 0
    for _ in range(60):
        content = bytearray(whole)
        place = draw.choice((draw.randrange(400), -draw.randrange(1, 400))) % len(content)
        content[place] = draw.randrange(256)
        path.write_bytes(content)
        try:
            read_weights(path)
        except UserError as error:
            refused += 1
            assert str(error).isprintable()
    assert refused > 5
