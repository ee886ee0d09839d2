"""CIFAR's sets give what mmpretrain's give, for any recipe."""

import pickle

import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS

from mmresnet.config.load import load_config
from mmresnet.datasets.cifar import CIFAR10, CIFAR100
from mmresnet.engine.resume.data_order import SampleIndex, SeededDataset

pytestmark = pytest.mark.usefixtures("mmpretrain_scope")


def write(folder, kind, monkeypatch):
    """Write 40 images in the layout of CIFAR's archive, without its checksums."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3072), np.uint8)
    root = folder / kind.base_folder
    root.mkdir()
    labels = "labels" if kind is CIFAR10 else "fine_labels"
    for name in ("train", "test"):
        content = {"data": pixels, labels: [n % 10 for n in range(40)]}
        (root / name).write_bytes(pickle.dumps(content))
    for stock in (kind, kind.__mro__[2]):
        monkeypatch.setattr(stock, "train_list", [["train", None]])
        monkeypatch.setattr(stock, "test_list", [["test", None]])


@pytest.mark.parametrize("split", ["train_dataloader", "test_dataloader"])
@pytest.mark.parametrize(
    "recipe, kind",
    [
        ("resnet20_1xb128_cifar10", CIFAR10),
        ("resnet50_8xb16_cifar10", CIFAR10),
        ("resnet50_8xb16_cifar100", CIFAR100),
    ],
)
def test_equals_mmpretrains(recipe, kind, split, tmp_path, monkeypatch):
    write(tmp_path, kind, monkeypatch)
    cfg = load_config(recipe, {"data_root": str(tmp_path)})[split].dataset
    assert cfg.type == f"mmresnet.{kind.__name__}"
    own = DATASETS.build(cfg)
    cfg.type = f"mmpretrain.{kind.__name__}"
    stock = DATASETS.build(cfg)
    assert isinstance(own, kind) and not isinstance(stock, kind)
    assert own.metainfo == stock.metainfo
    quick = [type(step).__module__ for step in own.pipeline.transforms]
    assert set(quick) == {"mmresnet.datasets.quick_steps"}
    indices = [SampleIndex(n % 40, 1, n) for n in range(60)]
    ours, theirs = (SeededDataset(data, 3).__getitems__(indices) for data in (own, stock))
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a["inputs"], b["inputs"])
        assert torch.equal(a["data_samples"].gt_label, b["data_samples"].gt_label)
        assert a["data_samples"].metainfo == b["data_samples"].metainfo
