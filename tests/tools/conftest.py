"""Run a command line inside of the test's process, on a net that takes a second to train."""

import importlib.util
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmresnet.cli import command as cli

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / "configs" / "resnet50_8xb32_in1k.py")
DETECTOR = str(ROOT / "configs" / "coco" / "faster-rcnn_r18_fpn_1x_coco.py")
SMALL = [
    "num_classes=3",
    "batch_size=4",
    "num_workers=0",
    "model.backbone.depth=18",
    "model.backbone.stem_channels=8",
    "model.backbone.base_channels=8",
    "model.head.in_channels=64",
    "train_dataloader.dataset.pipeline.1.scale=64",
    "val_dataloader.dataset.pipeline.2.crop_size=64",
    "train_cfg.max_epochs=1",
    "default_hooks.logger.interval=1",
]
_numbers = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """The nets here are too small to be worth more than one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def load_tool(name: str) -> Callable[[list[str] | None], None]:
    """Return the ``main`` of ``tools/<name>.py``."""
    spec = importlib.util.spec_from_file_location(f"tool_{name}", ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture(scope="session")
def call(tiny_images: Path) -> Callable[..., int]:
    """``call(tool, *arguments, options=[…])`` runs it on the tiny images; it returns the code."""

    def call_tool(tool: str, *arguments: str | Path, options: tuple | list = ()) -> int:
        # mmengine names its global objects by second, which two runs here can share
        name = f"experiment_name=run{next(_numbers)}"
        argv = [*map(str, arguments), "--cfg-options", f"data_root={tiny_images}", *SMALL, name]
        return cli.run(load_tool(tool), [*argv, *options], resumable=tool == "train")

    return call_tool


@pytest.fixture(scope="session")
def trained(call: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work directory of a training of one epoch. Tests only read it."""
    folder = tmp_path_factory.mktemp("trained")
    assert call("train", CONFIG, "--work-dir", folder) == 0
    return folder


@pytest.fixture(scope="session")
def call_detector(small_detector: dict[str, object]) -> Callable[..., int]:
    """``call_detector(tool, *arguments, options=[…])`` does the same on the tiny detection set."""

    def call_tool(tool: str, *arguments: str | Path, options: tuple | list = ()) -> int:
        own = [f"{key}={value}" for key, value in small_detector.items()]
        name = f"detector{next(_numbers)}"
        own += [f"experiment_name={name}", f"visualizer.name={name}"]  # both are kept by name
        argv = [*map(str, arguments), "--device", "cpu", "--cfg-options", *own, *options]
        return cli.run(load_tool(tool), argv, resumable=tool == "train")

    return call_tool


@pytest.fixture(scope="session")
def trained_detector(
    call_detector: Callable[..., int], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The work directory of a training of one epoch. Tests only read it."""
    folder = tmp_path_factory.mktemp("trained_detector")
    assert call_detector("train", DETECTOR, "--work-dir", folder) == 0
    return folder
