"""Run command lines in the test's process, on models that train in a second."""

import importlib.util
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mmresnet.cli import command as cli

TOOLS = Path(__file__).parents[2] / "tools"
CLASSIFIER = "resnet50_8xb32_in1k"
DETECTOR = "faster-rcnn_r18_fpn_1x_coco"
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
_numbers = (
    itertools.count()
)  # of runs: mmengine names global objects by second, which two can share


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """The models here are too small to gain from more threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def load_tool() -> Callable[[str], ModuleType]:
    """``load_tool(name)`` returns ``tools/<name>.py`` as a module."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"tool_{name}", TOOLS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def call(load_tool: Callable[[str], ModuleType], tiny_images: Path) -> Callable[..., int]:
    """``call(tool, *arguments, options=[…])`` runs a tool on the tiny images; returns its code."""

    def call_tool(tool: str, *arguments: str | Path, options: tuple | list = ()) -> int:
        name = f"experiment_name=run{next(_numbers)}"
        argv = [*map(str, arguments), "--cfg-options", f"data_root={tiny_images}", *SMALL, name]
        return cli.run(load_tool(tool).main, [*argv, *options], resumable=tool == "train")

    return call_tool


@pytest.fixture(scope="session")
def call_detector(
    load_tool: Callable[[str], ModuleType], small_detector: dict[str, object]
) -> Callable[..., int]:
    """``call_detector(tool, *arguments, options=[…])`` does so on the tiny detection set."""

    def call_tool(tool: str, *arguments: str | Path, options: tuple | list = ()) -> int:
        settings = [f"{key}={value}" for key, value in small_detector.items()]
        name = f"detector{next(_numbers)}"
        settings += [f"experiment_name={name}", f"visualizer.name={name}"]
        argv = [*map(str, arguments), "--device", "cpu", "--cfg-options", *settings, *options]
        return cli.run(load_tool(tool).main, argv, resumable=tool == "train")

    return call_tool


@pytest.fixture
def error_message(
    call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture
) -> Callable[..., str]:
    """``error_message(tool, *arguments, options=[…], code=2)`` returns the line of each error."""

    def run(tool: str, *arguments: str | Path, options: tuple | list = (), code: int = 2) -> str:
        assert call(tool, *arguments, "--work-dir", tmp_path / "work", options=options) == code
        printed = capsys.readouterr()
        assert len(printed.out.splitlines()) < 15, printed.out
        lines = [line for line in printed.err.splitlines() if line]
        messages = [x for x in lines if "Warning" not in x and not x.startswith("  ")]
        assert len(messages) == 1, messages
        several = messages[0].endswith("errors:")
        return "\n".join(lines[lines.index(messages[0]) :]) if several else messages[0]

    return run


@pytest.fixture(scope="session")
def trained(call: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work directory of a training of one epoch. Tests only read it."""
    folder = tmp_path_factory.mktemp("trained")
    assert call("train", CLASSIFIER, "--work-dir", folder) == 0
    return folder


@pytest.fixture(scope="session")
def trained_detector(
    call_detector: Callable[..., int], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The work directory of a training of one epoch. Tests only read it."""
    folder = tmp_path_factory.mktemp("trained_detector")
    assert call_detector("train", DETECTOR, "--work-dir", folder) == 0
    return folder
