"""Weights enter a run by one way: a file is read once, and its names are matched once."""

import pytest
import torch
from mmengine.device import get_device, utils
from mmengine.logging import MMLogger
from small_classifier import SMALL

import mmresnet.weights.fit
import mmresnet.weights.formats.files
from mmresnet.apis import test as measure
from mmresnet.apis import train
from mmresnet.engine.precision import choose_precision
from mmresnet.engine.terminal import TerminalFilter
from mmresnet.errors import UserError

RECIPE = "resnet50_8xb32_in1k"
OPTIONS = {
    **SMALL,
    "batch_size": 4,
    "train_dataloader.dataset.pipeline.1.scale": 64,
    "val_dataloader.dataset.pipeline.2.crop_size": 64,
    "train_cfg.max_epochs": 1,
}


@pytest.fixture(scope="module")
def run(tiny_images, tmp_path_factory):
    """``run(train, …)`` trains, or measures, a small net on the tiny images."""
    numbers = iter(range(100))

    def run_small(function, *arguments, **settings):
        number = next(numbers)  # mmengine names its global objects by second
        options = {**OPTIONS, "data_root": str(tiny_images), "experiment_name": f"runner{number}"}
        options |= settings.pop("cfg_options", {})
        work_dir = settings.pop("work_dir", tmp_path_factory.mktemp(f"run{number}"))
        return function(
            RECIPE,
            *arguments,
            work_dir=str(work_dir),
            cfg_options=options,
            device="cpu",
            **settings,
        )

    return run_small


@pytest.fixture(scope="module")
def trained(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    run(train, work_dir=folder)
    return folder


@pytest.fixture
def counts(monkeypatch):
    """How often files were read, and names matched."""
    seen = {"read": 0, "matched": 0}

    def counting(module, name, key):
        original = getattr(module, name)

        def counted(*arguments, **settings):
            seen[key] += 1
            return original(*arguments, **settings)

        monkeypatch.setattr(module, name, counted)

    counting(mmresnet.weights.formats.files, "read_weights", "read")
    counting(mmresnet.weights.fit, "match", "matched")
    return seen


def test_a_test_reads_its_checkpoint_once(run, trained, counts):
    assert run(measure, str(trained / "epoch_1.pth"))["accuracy/top1"] >= 0
    assert counts == {"read": 1, "matched": 1}


@pytest.mark.parametrize("newest", [True, False])
def test_resuming_reads_its_checkpoint_once(newest, run, trained, counts):
    resume = True if newest else str(trained / "epoch_1.pth")
    runner = run(train, work_dir=trained, resume=resume, cfg_options={"train_cfg.max_epochs": 2})
    assert runner.epoch == 2
    assert counts == {"read": 1, "matched": 1}
    (trained / "epoch_2.pth").unlink()
    (trained / "last_checkpoint").write_text(str(trained / "epoch_1.pth"))


def test_starting_from_weights_reads_them_once(run, trained, counts):
    path = str(trained / "epoch_1.pth")
    runner = run(train, cfg_options={"load_from": path})
    assert counts == {"read": 1, "matched": 1}
    assert runner.model.weights_report.source == path


def test_a_newest_checkpoint_of_another_net_is_refused(run, trained):
    with pytest.raises(UserError, match="holds ResNet-18, and the model has ResNet-34"):
        run(train, work_dir=trained, resume=True, cfg_options={"model.backbone.depth": 34})


def test_the_cpu_is_used_and_no_gpu_is_hidden(run, monkeypatch):
    """As on a machine with a GPU, which mmengine has chosen when it was imported."""
    monkeypatch.setattr(utils, "DEVICE", "cuda")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    import os

    runner = run(train)
    assert next(runner.model.parameters()).device == torch.device("cpu")
    assert get_device() == "cuda"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_the_fast_way_is_the_ordinary_one(run, monkeypatch):
    kept = []
    monkeypatch.setattr("mmresnet.engine.allocator.keep_freed_memory", lambda: kept.append(True))
    runner = run(train)
    weight = runner.model.backbone.layer1[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    native = choose_precision("cpu") is not None
    assert (type(runner.optim_wrapper).__name__ == "AmpOptimWrapper") == native
    assert runner.optim_wrapper.optimizer.defaults["fused"]
    assert kept == [True]
    convs = [one for one in runner.model.modules() if isinstance(one, torch.nn.Conv2d)]
    strided = [one for one in convs if one.stride[0] > 1 and one.kernel_size[0] > 1]
    assert strided and all(one._forward_pre_hooks for one in strided)  # for narrow maps
    assert type(run(train, precision="float32").optim_wrapper).__name__ == "OptimWrapper"


def test_the_backbone_is_compiled_in_place(run):
    plain = run(train)
    compiled = run(train, cfg_options={"compile": {"backend": "eager"}})
    assert compiled.model.backbone._compiled_call_impl is not None
    expected = plain.model.state_dict()
    assert all(map(torch.equal, expected.values(), compiled.model.state_dict().values()))
    assert list(compiled.model.state_dict()) == list(expected)


def test_a_batch_that_is_larger_than_the_set(run):
    options = {"batch_size": 5000, "train_dataloader.drop_last": True}
    with pytest.raises(UserError, match="12 images fills no batch of 5000, and drop_last"):
        run(train, cfg_options=options)


def test_a_work_dir_that_is_a_file(run, tmp_path):
    (tmp_path / "README.md").touch()
    with pytest.raises(UserError, match=r"README\.md' is a file: name a folder"):
        run(train, work_dir=tmp_path / "README.md")


def test_a_neck_for_other_feature_maps(small_detector, tmp_path):
    options = {**small_detector, "model.backbone.out_indices": (2, 3)}
    with pytest.raises(UserError, match=r"\[8, 16, 32, 64\], and the backbone gives .*\[32, 64\]"):
        train("faster-rcnn_r18_fpn_1x_coco", str(tmp_path), cfg_options=options, device="cpu")


@pytest.mark.parametrize("options", [{}, {"model.head.loss.type": "NoSuchLoss"}])
def test_the_log_shows_everything_after_a_run(run, options):
    """What a program logs afterwards is for its reader, also if the model could not be built."""
    if options:
        with pytest.raises(UserError, match="NoSuchLoss"):
            run(train, cfg_options=options)
    else:
        run(train)
    handlers = MMLogger.get_current_instance().handlers
    assert not any(isinstance(one, TerminalFilter) for h in handlers for one in h.filters)
