"""Packages are found without pkg_resources, and their configs."""

import importlib.metadata
import importlib.util

import pytest
from mmengine.config import Config

import mmresnet.registry  # noqa: F401  which applies the patches
from mmresnet.compat import installed_packages


@pytest.mark.parametrize(
    ("package", "base", "backbone"),
    [
        ("mmpretrain", "resnet/resnet50_8xb32_in1k.py", "ResNet"),
        ("mmdet", "retinanet/retinanet_r50_fpn_1x_coco.py", "ResNet"),
    ],
)
def test_a_config_inherits_from_an_installed_package(tmp_path, package, base, backbone) -> None:
    pytest.importorskip(package)
    child = tmp_path / "child.py"
    child.write_text(f"_base_ = '{package}::{base}'\nmodel = dict(backbone=dict(depth=18))\n")
    config = Config.fromfile(child)
    assert config.model.backbone.type == backbone
    assert config.model.backbone.depth == 18


def test_is_installed_tells_distributions_modules_and_nothing() -> None:
    assert installed_packages.is_installed("mmengine")
    assert installed_packages.is_installed("json")
    assert not installed_packages.is_installed("no_such_package")
    with pytest.raises(importlib.metadata.PackageNotFoundError, match="no_such_package"):
        installed_packages.get_installed_path("no_such_package")
