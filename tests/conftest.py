"""Fixtures that several tests share."""

import ast
import json
import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.config import config as mmengine_config
from mmengine.registry import DefaultScope
from mmengine.runner import runner as mmengine_runner
from PIL import Image

from mmresnet import ops
from mmresnet.config.find import config_folder

# before mmpretrain, whose fork imports mmdet, which never looks again for operators it lacked
ops.install()

# a shell lets what it starts in the background ignore it, and tests send it to processes
signal.signal(signal.SIGINT, signal.default_int_handler)

# what tests find must not depend on what earlier ones have left
os.environ["MMRESNET_INDEX_CACHE"] = "off"

# a report takes seconds; tests of it write their own
os.environ["MMRESNET_REPORT"] = "off"


def check_configs_alone(text: str, **_: object) -> tuple[str, bool]:
    """Refuse what is not Python, as yapf does, which takes longer than an epoch here."""
    ast.parse(text)
    return text, True


def read_recipes_once() -> None:
    """Remember our configs as mmengine has read them: tests do it thousands of times."""
    read, known = Config.fromfile, {}

    def from_memory(filename: str | Path, *args: object, **settings: object) -> Config:
        if args or settings or not Path(filename).is_relative_to(config_folder()):
            return read(filename, *args, **settings)
        key = str(filename)
        if key not in known:
            known[key] = pickle.dumps(read(filename))
        return pickle.loads(known[key])

    Config.fromfile = staticmethod(from_memory)


class OwnSeconds:
    """The module ``time`` for Runners: none starts in another's second, which names its folder."""

    def __init__(self) -> None:
        self._last = 0.0

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)

    def time(self) -> float:
        """Return the time, or a second after the last that was returned."""
        self._last = max(time.time(), self._last + 1)
        return self._last


mmengine_config.FormatCode = check_configs_alone
mmengine_runner.time = OwnSeconds()
read_recipes_once()

# what the tests marked gpu run on; "cpu" checks these tests where there is no GPU
DEVICE = os.environ.get("MMRESNET_TEST_DEVICE", "cuda")
TINY_CLASSES = ("cat", "dog", "owl")
SMALL_DETECTOR = {
    "batch_size": 2,
    "num_workers": 0,
    "model.backbone.init_cfg": None,
    "model.backbone.frozen_stages": -1,
    "model.backbone.stem_channels": 8,
    "model.backbone.base_channels": 8,
    "model.neck.in_channels": [8, 16, 32, 64],
    "model.neck.out_channels": 16,
    "model.rpn_head.in_channels": 16,
    "model.rpn_head.feat_channels": 16,
    "model.roi_head.bbox_roi_extractor.out_channels": 16,
    "model.roi_head.bbox_head.in_channels": 16,
    "model.roi_head.bbox_head.fc_out_channels": 32,
    "model.train_cfg.rpn_proposal.max_per_img": 32,
    "model.train_cfg.rcnn.sampler.num": 32,
    "model.test_cfg.rpn.max_per_img": 32,
    "model.test_cfg.rcnn.score_thr": 0.0,
    "train_dataloader.dataset.pipeline.2.scale": (80, 64),
    "val_dataloader.dataset.pipeline.1.scale": (80, 64),
    "test_dataloader.dataset.pipeline.1.scale": (80, 64),
    "train_cfg.max_epochs": 1,
    "default_hooks.logger.interval": 1,
}


@pytest.hookimpl(tryfirst=True)  # before fixtures are made
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the tests marked gpu where there is none."""
    if item.get_closest_marker("gpu") and DEVICE == "cuda":
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


@pytest.fixture(scope="session")
def device() -> str:
    """The device of the tests marked gpu."""
    return DEVICE


@pytest.fixture(autouse=True)
def own_default_scope() -> Iterator[None]:
    """Begin each test without a default scope: mmengine keeps the last one for the process.

    Fixtures of the session, which come first, may leave one as well.
    """
    scopes = DefaultScope._instance_dict
    scopes.clear()
    yield
    scopes.clear()


@pytest.fixture
def mmpretrain_scope() -> Iterator[None]:
    """Types without a scope are mmpretrain's."""
    from mmengine.registry import DefaultScope

    with DefaultScope.overwrite_default_scope("mmpretrain"):
        yield


@pytest.fixture
def mmdet_scope() -> Iterator[None]:
    """Types without a scope are mmdet's."""
    from mmengine.registry import DefaultScope

    pytest.importorskip("mmdet")
    with DefaultScope.overwrite_default_scope("mmdet"):
        yield


@pytest.fixture(scope="session")
def differences() -> Callable[..., dict[str, tuple]]:
    """``differences(theirs, ours)`` returns ``{dotted path: (theirs, ours)}`` of two configs.

    A value is None where it is absent. ``defaults`` are values, by key, that may be absent or not.
    """

    def leaves(part: object, path: str = "") -> Iterator[tuple[str, object]]:
        items = ()
        if isinstance(part, dict):
            items = part.items()
        elif isinstance(part, (list, tuple)) and any(isinstance(item, dict) for item in part):
            items = enumerate(part)
        for key, value in items:
            yield from leaves(value, f"{path}.{key}" if path else str(key))
        if isinstance(part, str):  # the fork's models are on a server of its own
            part = part.replace("mmassets.onedl.ai", "download.openmmlab.com")
            part = part.removeprefix("mmresnet.")
        if not items:
            yield path, tuple(part) if isinstance(part, list) else part

    def compare(theirs: dict, ours: dict, defaults: dict | None = None) -> dict[str, tuple]:
        a, b = (
            {
                path: value
                for path, value in leaves(config)
                if value != (defaults or {}).get(path.rpartition(".")[2])
            }
            for config in (theirs, ours)
        )
        return {path: (a.get(path), b.get(path)) for path in a | b if a.get(path) != b.get(path)}

    return compare


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """The folder of real sample data in MMRESNET_DATA; the test is skipped without it."""
    folder = os.environ.get("MMRESNET_DATA")
    if not folder:
        pytest.skip("needs real data: set MMRESNET_DATA to the folder of the sample data")
    if not Path(folder).is_dir():
        pytest.fail(f"MMRESNET_DATA names '{folder}', which is not a folder")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of JPEGs in ImageNet's layout: three classes, 4 to train on and 2 held out each.

    The classes differ in colour, so that a net can learn them. Tests only read it.
    """
    root = tmp_path_factory.mktemp("tiny_images")
    generator = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2)):
        for channel, name in enumerate(TINY_CLASSES):
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(0, 100, (40, 48, 3), dtype=np.uint8)
                pixels[..., channel] += 150
                Image.fromarray(pixels).save(folder / f"{index}.jpg")
    return root


@pytest.fixture(scope="session")
def tiny_coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detection set in COCO's layout: three classes, 6 images to train on and 4 held out.

    Category ids differ from labels, one image has no boxes, and one box is a crowd. Tests only
    read it.
    """
    root = tmp_path_factory.mktemp("tiny_coco")
    (root / "annotations").mkdir()
    categories = [{"id": 7 + 2 * i, "name": name} for i, name in enumerate(TINY_CLASSES)]
    generator = np.random.default_rng(0)
    for split, count in (("train2017", 6), ("val2017", 4)):
        (root / split).mkdir()
        images, annotations = [], []
        for number in range(1, count + 1):
            pixels = generator.integers(0, 100, (64, 80, 3), dtype=np.uint8)
            name = f"{number:012d}.jpg"
            images.append({"id": number, "file_name": name, "width": 80, "height": 64})
            for channel, category in enumerate(categories) if number != 2 else ():
                x, y = (int(v) for v in generator.integers(0, (40, 30)))
                w, h = (int(v) for v in generator.integers(16, (36, 32)))
                pixels[y : y + h, x : x + w, channel] += 150
                outline = [[x, y, x + w, y, x + w, y + h, x, y + h]]
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": category["id"],
                        "bbox": [x, y, w, h],
                        "area": w * h,
                        "iscrowd": int(number == 3 and channel == 0),
                        "segmentation": outline,
                    }
                )
            Image.fromarray(pixels).save(root / split / name)
        content = {"images": images, "annotations": annotations, "categories": categories}
        path = root / "annotations" / f"instances_{split}.json"
        path.write_text(json.dumps(content))
    return root


@pytest.fixture(scope="session")
def small_detector(tiny_coco: Path) -> dict[str, object]:
    """Options with which ``faster-rcnn_r18_fpn_1x_coco`` trains on the tiny set in a second."""
    pytest.importorskip("mmdet")
    return {"data_root": f"{tiny_coco}/", **SMALL_DETECTOR}
