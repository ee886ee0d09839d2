import gc
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmresnet.cli.main import main
from mmresnet.memory import collect_again, peak_memory, without_collection

NEW_PROCESS = "from mmresnet.memory import peak_memory; print(peak_memory())"


@pytest.mark.skipif(sys.platform == "win32", reason="it is not known there")
def test_grows_and_stays():
    before = peak_memory()
    held = bytearray(int(before) * 2**20 + 50 * 2**20)  # more than the process has held
    held[:: 2**12] = bytes([1]) * len(held[:: 2**12])  # each page is written
    size = len(held) / 2**20
    after = peak_memory()
    assert after > size
    del held
    assert peak_memory() > size  # the kernel's counts are off by up to a MB


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not inherited")
def test_begins_anew_in_a_new_process():
    held = bytearray(400 * 2**20)
    held[:: 2**12] = bytes([1]) * len(held[:: 2**12])
    assert peak_memory() > 400
    done = subprocess.run([sys.executable, "-c", NEW_PROCESS], capture_output=True, check=True)
    assert float(done.stdout) < 200
    assert len(held) == 400 * 2**20


def test_no_garbage_is_searched_for_until_it_is_asked_for():
    with without_collection():
        assert not gc.isenabled()
        collect_again()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    collect_again()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    with pytest.raises(ValueError, match="mistake"), without_collection():
        raise ValueError("mistake")
    assert gc.isenabled()


def test_who_searches_for_none_still_does_not():
    gc.disable()
    try:
        with without_collection():
            collect_again()
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


@HOOKS.register_module(force=True)
class IsCollecting(Hook):
    """Notes whether garbage is searched for, as in a step of a training it is."""

    seen: list[bool] = []  # noqa: RUF012

    def before_run(self, runner):
        self.seen.append(gc.isenabled())


def test_a_training_searches_for_garbage(tiny_images: Path, tmp_path: Path):
    options = [f"data_root={tiny_images}", "model.backbone.depth=18", "model.head.in_channels=512"]
    options += ["num_classes=3", "batch_size=4", "train_cfg.max_epochs=1", "num_workers=0"]
    options += [
        "train_dataloader.dataset.pipeline.1.scale=32",
        "custom_hooks=[{'type': 'IsCollecting'}]",
    ]
    command = ["train", "resnet50_8xb32_in1k", "--work-dir", str(tmp_path), "--cfg-options"]
    assert main([*command, *options]) == 0
    assert IsCollecting.seen == [True]
    assert gc.isenabled()
