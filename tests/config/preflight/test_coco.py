"""Classes, ``num_classes`` and files of a config follow its detection sets."""

import json
import shutil

import pytest
from mmengine.config import Config

from mmresnet.config.classes import class_parts
from mmresnet.config.preflight.coco import coco_sets, follow_data
from mmresnet.errors import UserError

LOADERS = ("train_dataloader", "val_dataloader")


def dataset(root, split="train2017", **more):
    return dict(
        type="mmresnet.CocoDataset",
        data_root=str(root),
        ann_file=f"annotations/instances_{split}.json",
        data_prefix=dict(img=f"{split}/"),
        **more,
    )


def config(root, train=None, val=None, **more):
    heads = [dict(type="Shared2FCBBoxHead", num_classes=80) for _ in range(3)]
    return Config(
        dict(
            num_classes=80,
            model=dict(
                type="CascadeRCNN",
                rpn_head=dict(type="RPNHead"),
                roi_head=dict(
                    bbox_head=heads,
                    mask_head=dict(type="FCNMaskHead", num_classes=80),
                    semantic_head=dict(type="FusedSemanticHead", num_classes=183),
                ),
            ),
            train_dataloader=dict(dataset=train or dataset(root)),
            val_dataloader=dict(dataset=val or dataset(root, "val2017")),
            val_evaluator=dict(type="mmresnet.CocoMetric", ann_file="elsewhere.json"),
            **more,
        )
    )


def numbers(cfg):
    return {path: part["num_classes"] for path, part in class_parts(cfg)}


def test_heads_and_sets_take_the_classes_of_the_training_set(tiny_coco):
    cfg = config(tiny_coco)
    notes = follow_data(cfg, LOADERS)
    assert numbers(cfg) == {
        "model.roi_head.bbox_head.0": 3,
        "model.roi_head.bbox_head.1": 3,
        "model.roi_head.bbox_head.2": 3,
        "model.roi_head.mask_head": 3,
    }
    assert cfg.model.roi_head.semantic_head.num_classes == 183
    assert cfg.num_classes == 3
    train, val = coco_sets(cfg, LOADERS)
    assert train.classes == val.classes == ("cat", "dog", "owl")
    assert cfg.val_evaluator.ann_file == val.ann_file
    assert val.ann_file == f"{tiny_coco}/annotations/instances_val2017.json"
    assert [note.split(":")[0] for note in notes] == [
        "num_classes 80 -> 3",
        f"val_evaluator reads '{val.ann_file}', the file of its data set.",
    ]
    assert follow_data(cfg, LOADERS) == []  # nothing is left to change


def test_a_set_inside_of_others(tiny_coco):
    inner = dict(type="ConcatDataset", datasets=[dataset(tiny_coco), dataset(tiny_coco)])
    cfg = config(tiny_coco, train=dict(type="RepeatDataset", times=2, dataset=inner))
    follow_data(cfg, LOADERS)
    assert [one.path for one in coco_sets(cfg, LOADERS)] == [
        "train_dataloader.dataset.dataset.datasets.0",
        "train_dataloader.dataset.dataset.datasets.1",
        "val_dataloader.dataset",
    ]
    assert {one.classes for one in coco_sets(cfg, LOADERS)} == {("cat", "dog", "owl")}


def test_some_of_the_categories(tiny_coco):
    cfg = config(tiny_coco, train=dataset(tiny_coco, metainfo=dict(classes=("owl", "cat"))))
    follow_data(cfg, LOADERS)
    assert set(numbers(cfg).values()) == {2}
    assert coco_sets(cfg, LOADERS)[1].classes == ("owl", "cat")


def test_an_option_has_the_last_word(tiny_coco):
    cfg = config(tiny_coco)
    with pytest.raises(UserError, match=r"bbox_head\.0\.num_classes is 80, but .* has 3 classes"):
        follow_data(cfg, LOADERS, {"num_classes": 80})
    cfg = config(tiny_coco)
    follow_data(cfg, LOADERS, {"val_evaluator.ann_file": "elsewhere.json"})
    assert cfg.val_evaluator.ann_file == "elsewhere.json"


def test_the_classes_of_a_checkpoint_come_first(tiny_coco):
    cfg = config(tiny_coco)
    follow_data(cfg, LOADERS, trained_on=("owl", "cat", "dog"), checkpoint="a.pth")
    assert coco_sets(cfg, LOADERS)[0].classes == ("owl", "cat", "dog")


@pytest.mark.parametrize("named", [None, ("dog", "cat", "owl")])
def test_config_file_and_checkpoint_that_do_not_agree(named, tiny_coco):
    train = dataset(tiny_coco, metainfo=dict(classes=named)) if named else None
    cfg = config(tiny_coco, train=train)
    with pytest.raises(UserError) as caught:
        trained_on = ("owl", "cat", "dog") if named else ("owl", "cat")
        follow_data(cfg, LOADERS, trained_on=trained_on, checkpoint="a.pth")
    said = str(caught.value)
    assert "num_classes is 80" in said
    assert ("its metainfo names 'dog', 'cat', 'owl'" in said) == bool(named)
    assert "instances_train2017.json': 'cat', 'dog', 'owl'." in said
    assert "'a.pth': 'owl', 'cat'" in said


def test_mmdets_own_class_needs_a_match(tiny_coco, tmp_path):
    pytest.importorskip("mmdet")
    from mmresnet import ops

    ops.install()
    root = shutil.copytree(tiny_coco, tmp_path / "data")
    path = root / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    theirs = {**dataset(root), "type": "CocoDataset"}
    cfg = config(tiny_coco, train=theirs, val={**dataset(root, "val2017"), "type": "CocoDataset"})
    assert follow_data(cfg, LOADERS) == []  # 'cat' and 'dog' are among the 80
    assert set(numbers(cfg).values()) == {80}
    content["categories"] = [{"id": 1, "name": "cell"}]
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"'person'.* are 'cell': none of the 80 match"):
        follow_data(cfg, LOADERS)


def test_configs_of_other_data_are_left_alone(tiny_coco):
    cfg = config(tiny_coco, train=dict(type="VOCDataset"), val=dict(type="VOCDataset"))
    before = cfg.to_dict()
    assert follow_data(cfg, LOADERS) == []
    assert cfg.to_dict() == before


def test_mmdets_own_class_needs_the_models_number(tiny_coco):
    pytest.importorskip("mmdet")
    one = {**dataset(tiny_coco, metainfo=dict(classes=("cat",))), "type": "CocoDataset"}
    with pytest.raises(UserError, match=r"bbox_head\.0\.num_classes is 80, but .* names 'cat'"):
        follow_data(config(tiny_coco, train=one, val=one), LOADERS)


def test_a_prefix_that_is_a_text(tiny_coco):
    train = {**dataset(tiny_coco), "data_prefix": "train2017/"}
    with pytest.raises(UserError, match=r"data_prefix is 'train2017/': give .*data_prefix\.img"):
        follow_data(config(tiny_coco, train=train), LOADERS)
