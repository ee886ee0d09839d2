"""The number of classes and their names: one rule."""

import json

import pytest
import torch
from mmengine.config import Config

from mmresnet.config.classes import (
    class_names,
    class_parts,
    count_classes,
    follow_checkpoint,
    set_num_classes,
)
from mmresnet.engine.assembly import building

CLASSIFIER = {"head.fc.weight": 3}
DETECTOR = {"roi_head.bbox_head.fc_cls.weight": 4, "rpn_head.rpn_cls.weight": 7}
CASCADE = {"module.roi_head.bbox_head.0.fc_cls.weight": 4}


def checkpoint(rows, names=None, key="dataset_meta"):
    meta = {} if names is None else {key: {"classes": names}}
    return {"state_dict": {k: torch.zeros(n, 2) for k, n in rows.items()}, "meta": meta}


def recipe(model=None, **dataset):
    dataset = {"type": "CustomDataset", "pipeline": []} | dataset
    loader = {"dataset": {"type": "RepeatDataset", "dataset": dataset}}
    return Config({"default_scope": "mmpretrain", "model": model or {}, "test_dataloader": loader})


def names(cfg, content):
    with building(cfg):
        return class_names(cfg.test_dataloader.dataset.dataset, content)


@pytest.mark.parametrize("rows", [CLASSIFIER, DETECTOR, CASCADE])
def test_classes_are_counted_in_the_last_layer(rows):
    assert count_classes(checkpoint(rows)) == 3
    # the names of a data set that had more of them than were trained on
    assert count_classes(checkpoint(rows, ["a"] * 1000)) == 3


def test_elsewhere_the_names_count_and_else_nothing():
    rows = {"bbox_head.retina_cls.weight": 27}
    assert count_classes(checkpoint(rows, ["a", "b"])) == 2
    assert count_classes(checkpoint(rows)) is None
    assert count_classes({"head.fc.weight": torch.zeros(5, 2)}) == 5  # a bare state dict


def test_the_heads_follow_the_checkpoint():
    stage = {"type": "Shared2FCBBoxHead", "num_classes": 80}
    model = {
        "rpn_head": {"num_classes": 1},
        "roi_head": {
            "bbox_head": [dict(stage), dict(stage)],
            "mask_head": {"num_classes": 80},
            "semantic_head": {"num_classes": 183},
        },
    }
    cfg = recipe(model)
    follow_checkpoint(cfg, checkpoint(CASCADE))
    head = cfg.model.roi_head
    assert [stage.num_classes for stage in head.bbox_head] == [3, 3]
    assert (head.mask_head.num_classes, head.semantic_head.num_classes) == (3, 183)
    assert cfg.model.rpn_head.num_classes == 1


def test_a_proposal_head_knows_one_class_though_the_recipe_does_too():
    cfg = recipe({"rpn_head": {"num_classes": 1}, "bbox_head": {"num_classes": 1}})
    follow_checkpoint(cfg, checkpoint(DETECTOR))
    assert (cfg.model.rpn_head.num_classes, cfg.model.bbox_head.num_classes) == (1, 3)


def test_a_head_without_classes_stays_as_it_is():
    cfg = recipe({"head": {"type": "ClsHead"}})
    follow_checkpoint(cfg, checkpoint(CLASSIFIER))
    assert "num_classes" not in cfg.model.head


def test_names_are_those_that_fit_the_checkpoint_first(tmp_path):
    (tmp_path / "coco.json").write_text(
        json.dumps({"categories": [{"id": 9, "name": "x"}, {"id": 2, "name": "y"}]})
    )
    own = {"metainfo": {"classes": ("a", "b", "c")}}
    told = checkpoint(CLASSIFIER, ["d", "e", "f"])
    assert names(recipe(**own), told) == ["d", "e", "f"]
    old = {"state_dict": told["state_dict"], "meta": {"CLASSES": ("d", "e", "f")}}
    assert names(recipe(**own), old) == ["d", "e", "f"]
    too_many = checkpoint(CLASSIFIER, ["d"] * 1000)
    assert names(recipe(**own), too_many) == ["a", "b", "c"]
    of_file = recipe(data_root=str(tmp_path), ann_file="coco.json")
    assert names(of_file, checkpoint({"head.fc.weight": 2})) == ["x", "y"]
    assert names(of_file, checkpoint(CLASSIFIER)) == ["0", "1", "2"]
    cifar = checkpoint({"head.fc.weight": 10})
    assert names(recipe(type="CIFAR10"), cifar)[0] == "airplane"
    imagenet = checkpoint({"head.fc.weight": 1000})
    assert names(recipe(data_root="data/imagenet"), imagenet)[7] == "cock"
    assert names(recipe(), imagenet)[7] == "7"


def test_the_rule_goes_by_places_and_not_by_values():
    model = {
        "data_preprocessor": {"num_classes": 1},
        "rpn_head": {"num_classes": 1},
        "bbox_head": [{"num_classes": 1}, {"num_classes": 7}],
        "semantic_head": {"num_classes": 1},
        "train_cfg": {"augments": [{"type": "Mixup", "num_classes": 1}]},
    }
    cfg = Config({"num_classes": 1, "model": model})
    assert set_num_classes(cfg, 3) == 4
    assert [path for path, _ in class_parts(cfg)] == [
        "model.data_preprocessor",
        "model.bbox_head.0",
        "model.bbox_head.1",
        "model.train_cfg.augments.0",
    ]
    assert {part["num_classes"] for _, part in class_parts(cfg)} == {cfg.num_classes} == {3}
    assert cfg.model.rpn_head.num_classes == cfg.model.semantic_head.num_classes == 1


def test_class_folders_have_names(tiny_images):
    folders = recipe(type="mmresnet.CustomDataset", data_root=str(tiny_images), data_prefix="val")
    assert names(folders, checkpoint(CLASSIFIER)) == ["cat", "dog", "owl"]
    assert names(folders, checkpoint({"head.fc.weight": 4})) == ["0", "1", "2", "3"]
    folders = recipe(type="mmresnet.CustomDataset", data_root="nowhere", data_prefix="val")
    assert names(folders, checkpoint(CLASSIFIER)) == ["0", "1", "2"]
