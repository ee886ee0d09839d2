"""A config's model with a checkpoint's weights: the number of classes, their names, refusals."""

import copy
import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

from mmengine.config import Config  # noqa: E402

from mmresnet.engine import loading  # noqa: E402
from mmresnet.errors import UserError  # noqa: E402

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


@pytest.mark.parametrize("rows", [CLASSIFIER, DETECTOR, CASCADE])
def test_classes_are_counted_in_the_last_layer(rows):
    assert loading.count_classes(checkpoint(rows)) == 3
    # the names of a data set that had more of them than were trained on
    assert loading.count_classes(checkpoint(rows, ["a"] * 1000)) == 3


def test_elsewhere_the_names_count_and_else_nothing():
    rows = {"bbox_head.retina_cls.weight": 27}
    assert loading.count_classes(checkpoint(rows, ["a", "b"])) == 2
    assert loading.count_classes(checkpoint(rows)) is None
    assert loading.count_classes({"head.fc.weight": torch.zeros(5, 2)}) == 5  # a bare state dict


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
    loading.follow_checkpoint(cfg, checkpoint(CASCADE))
    head = cfg.model.roi_head
    assert [stage.num_classes for stage in head.bbox_head] == [3, 3]
    assert (head.mask_head.num_classes, head.semantic_head.num_classes) == (3, 183)
    assert cfg.model.rpn_head.num_classes == 1


def test_a_proposal_head_knows_one_class_though_the_recipe_does_too():
    cfg = recipe({"rpn_head": {"num_classes": 1}, "bbox_head": {"num_classes": 1}})
    loading.follow_checkpoint(cfg, checkpoint(DETECTOR))
    assert (cfg.model.rpn_head.num_classes, cfg.model.bbox_head.num_classes) == (1, 3)


def test_a_head_without_classes_stays_as_it_is():
    cfg = recipe({"head": {"type": "ClsHead"}})
    loading.follow_checkpoint(cfg, checkpoint(CLASSIFIER))
    assert "num_classes" not in cfg.model.head


def test_names_are_those_that_fit_the_checkpoint_first(tmp_path):
    (tmp_path / "coco.json").write_text(
        json.dumps({"categories": [{"id": 9, "name": "x"}, {"id": 2, "name": "y"}]})
    )
    own = {"metainfo": {"classes": ("a", "b", "c")}}
    told = checkpoint(CLASSIFIER, ["d", "e", "f"])
    assert loading.class_names(recipe(**own), told) == ["d", "e", "f"]
    old = {"state_dict": told["state_dict"], "meta": {"CLASSES": ("d", "e", "f")}}
    assert loading.class_names(recipe(**own), old) == ["d", "e", "f"]
    too_many = checkpoint(CLASSIFIER, ["d"] * 1000)
    assert loading.class_names(recipe(**own), too_many) == ["a", "b", "c"]
    of_file = recipe(data_root=str(tmp_path), ann_file="coco.json")
    assert loading.class_names(of_file, checkpoint({"head.fc.weight": 2})) == ["x", "y"]
    assert loading.class_names(of_file, checkpoint(CLASSIFIER)) == ["0", "1", "2"]
    cifar = checkpoint({"head.fc.weight": 10})
    assert loading.class_names(recipe(type="CIFAR10"), cifar)[0] == "airplane"
    imagenet = checkpoint({"head.fc.weight": 1000})
    assert loading.class_names(recipe(data_root="data/imagenet"), imagenet)[7] == "cock"
    assert loading.class_names(recipe(), imagenet)[7] == "7"


@pytest.fixture(scope="module")
def digits():
    """A recipe of ten classes, and the content of a checkpoint of it with three."""
    from mmresnet.apis import get_model, load_config

    return load_config("digits_resnet20"), get_model("digits_resnet20", 3).state_dict()


def test_the_model_is_that_of_the_checkpoint(digits):
    cfg, weights = copy.deepcopy(digits[0]), digits[1]
    content = {"state_dict": {f"module.{key}": value for key, value in weights.items()}}
    loading.follow_checkpoint(cfg, content)
    model = loading.load_model(cfg, "given", "cpu", content)
    assert not model.training
    assert model.head.num_classes == 3
    assert all((value == weights[key]).all() for key, value in model.state_dict().items())


def test_a_checkpoint_of_another_net_is_refused(digits):
    with pytest.raises(UserError, match="of another architecture"):
        loading.load_model(digits[0], "given", "cpu", {"state_dict": digits[1]})


def test_weights_of_a_training_that_diverged_are_refused(digits):
    cfg, weights = copy.deepcopy(digits[0]), dict(digits[1])
    weights["backbone.conv1.weight"] = weights["backbone.conv1.weight"] * float("nan")
    content = {"state_dict": weights}
    loading.follow_checkpoint(cfg, content)
    with pytest.raises(UserError, match=r"no numbers \(the first: backbone\.conv1\.weight\)"):
        loading.load_model(cfg, "given", "cpu", content)


def test_the_default_scope_stays_what_it_is(digits):
    from mmengine.registry import DefaultScope, init_default_scope

    init_default_scope("mmengine")
    with loading.parts_of(digits[0]):
        assert DefaultScope.get_current_instance().scope_name == "mmpretrain"
    assert DefaultScope.get_current_instance().scope_name == "mmengine"


def test_a_config_that_was_loaded_is_left_as_it_is(digits):
    cfg = loading.load_settings(digits[0], {"model.head.num_classes": 4}, "cpu")
    assert cfg.model.head.num_classes == 4
    assert digits[0].model.head.num_classes == 10
