"""No false alarm: the shipped recipes, and the configs that other packages ship."""

import pytest

from mmresnet.config.find import find_config, recipe_paths
from mmresnet.config.preflight.checks import find_mistakes
from mmresnet.config.preflight.findings import errors
from mmresnet.engine.assembly import import_packages, prepare_run

# (package, folder): configs that cannot be built as they are shipped, and why
FOLDERS = {
    ("mmpretrain", "resnet"): {
        "resnet50_8xb32-cutmix_in1k.py": ["there is no batch augment 'BatchCutMix'"],
        # Runner refuses a val_cfg and test_cfg without data loaders
        "resnet50_8xb128_coslr-90e_in21k.py": ["it is missing, and val_cfg needs it."] * 2
        + ["it is missing, and test_cfg needs it."] * 2,
    },
    ("mmdet", "faster_rcnn"): {},
    ("mmdet", "mask_rcnn"): {},
    ("mmdet", "retinanet"): {},
}


@pytest.mark.parametrize("name", recipe_paths())
def test_nothing_is_found_in_our_recipes(name):
    cfg = prepare_run(name)
    import_packages(cfg)
    assert [str(one) for one in find_mistakes(cfg)] == []


@pytest.mark.full
@pytest.mark.parametrize(("package", "folder"), FOLDERS)
def test_only_true_errors_are_found_in_the_configs_of_others(package, folder):
    pytest.importorskip(package)
    example = {"mmpretrain": "resnet/resnet50_8xb32_in1k.py"}
    known = example.get(package, "faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py")
    paths = sorted((find_config(f"{package}::{known}").parents[1] / folder).glob("*.py"))
    assert len(paths) > 10
    found = {}
    for path in paths:
        cfg = prepare_run(path)
        if "model" in cfg:  # else a base
            import_packages(cfg)
            messages = [str(one) for one in errors(find_mistakes(cfg))]
            if messages:
                found[path.name] = messages
    expected = FOLDERS[package, folder]
    assert found.keys() == expected.keys(), found
    for name, messages in expected.items():
        assert len(messages) == len(found[name])
        assert all(any(words in one for one in found[name]) for words in messages)
