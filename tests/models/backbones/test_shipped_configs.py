"""Every ResNet backbone in the configs that mmpretrain, mmdet and mmsegmentation ship, as ours.

The config's backbone is built twice, once with its own type and once with ours, given the same
weights, and all outputs are compared bit for bit. Where mmdet's or mmsegmentation's class is
replaced and the config leaves them out, its defaults that differ from ours (``out_indices``,
``norm_eval``) are set, as a user who replaces the type has to.
"""

import importlib
import json
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from other_libraries import import_mmdet_resnet, randomise, to_our_names

import mmresnet.registry  # noqa: F401  lets mmengine read `_base_ = "mmdet::…"`

import_mmdet_resnet()  # before mmpretrain, so that mmcv has its operators from the start
OURS = {"ResNet", "ResNetV1c", "ResNetV1d", "ResNet_CIFAR"}
DEFAULTS = {  # where they differ from ours
    "mmpretrain": {},
    "mmdet": dict(out_indices=(0, 1, 2, 3), norm_eval=True),
    "mmseg": dict(out_indices=(0, 1, 2, 3)),
}


def backbones(node: object) -> Iterator[dict]:
    """Yield every config of one of the four classes inside ``node``."""
    if isinstance(node, dict):
        name = str(node.get("type", "")).rpartition(".")[2]
        if name in OURS and "depth" in node:
            yield node
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for child in node:
            yield from backbones(child)


def shipped(package: str) -> dict[str, list[str]]:
    """Return ``{backbone config as JSON: files that contain it}``."""
    root = Path(find_spec(package).origin).parent / ".mim" / "configs"
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(root.rglob("*.py")):
        if "_base_" in path.parts:
            continue
        try:
            model = Config.fromfile(path).to_dict().get("model", {})
        except (KeyError, OSError, RuntimeError):
            continue  # a few shipped files name bases or variables that do not exist
        for cfg in backbones(model):
            if package == "mmdet" and str(cfg["type"]).startswith("mmpretrain."):
                continue  # mmpretrain's class, compared there
            # the weights are given here, not fetched
            key = json.dumps({k: v for k, v in cfg.items() if k != "init_cfg"})
            found[key].append(str(path.relative_to(root)))
    return found


def compare(package: str) -> int:
    """Return how many backbones agree."""
    upstream = pytest.importorskip(f"{package}.models.backbones")
    equal, deformable = 0, 0
    for key, files in shipped(package).items():
        cfg = json.loads(key)
        name = cfg["type"].rpartition(".")[2]
        theirs = getattr(upstream, name)(**{k: v for k, v in cfg.items() if k != "type"})
        ours = MODELS.build({**DEFAULTS[package], **cfg, "type": f"mmresnet.{name}"})
        ours.load_state_dict(to_our_names(randomise(theirs), ours))
        assert ours.out_indices == tuple(theirs.out_indices), key
        x = torch.randn(1, cfg.get("in_channels", 3), 64, 64)
        ours.eval()
        theirs.eval()  # which returns None there
        with torch.no_grad():
            pairs = zip(ours(x), theirs(x), strict=True)
            assert all(torch.equal(a, b) for a, b in pairs), key
        assert training_modes(ours) == training_modes(theirs), key
        equal += len(files)
        deformable += len(files) * any("Deform" in type(m).__name__ for m in ours.modules())
    print(f"\n{package}: {equal} equal, {deformable} of them deformable", flush=True)
    return equal


def training_modes(net: torch.nn.Module) -> list[tuple[bool, bool]]:
    """For each norm layer in order: whether it updates its statistics, and trains its weights."""
    net.train()
    return [
        (module.training, module.weight.requires_grad)
        for module in net.modules()
        if isinstance(module, (torch.nn.modules.batchnorm._BatchNorm, torch.nn.GroupNorm))
    ]


# how many backbones are a ResNet in the config files that each release ships
SHIPPED = {
    ("mmpretrain", "1.2.0"): 63,
    ("mmpretrain", "1.3.6"): 63,  # the forks' releases
    ("mmdet", "3.3.0"): 452,
    ("mmdet", "3.5.1"): 453,
    ("mmseg", "1.2.2"): 452,
    ("mmseg", "1.4.2"): 452,
}


@pytest.mark.full
@pytest.mark.parametrize("package", ["mmpretrain", "mmdet", "mmseg"])
def test_every_shipped_backbone_agrees(package: str) -> None:
    assert compare(package) == SHIPPED[package, importlib.import_module(package).__version__]
