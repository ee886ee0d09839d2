"""Checks of configurations, beside those that tests/tools/test_bad_input.py shows in use."""

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmresnet.config.preflight import check
from mmresnet.errors import UserError


def folder_config(root, classes=3, **dataset):
    dataset = {"type": "CustomDataset", "data_root": str(root), "data_prefix": "train", **dataset}
    head = {"num_classes": classes}
    return Config({"model": {"head": head}, "train_dataloader": {"dataset": dataset}})


def test_a_right_folder_passes(tiny_images):
    check.check_data(folder_config(tiny_images), ("train_dataloader", "val_dataloader"))


@pytest.mark.parametrize("prefix", ["train", {"img_path": "train"}])
def test_the_prefix_may_be_written_either_way(prefix, tiny_images):
    with pytest.raises(UserError, match="holds 3 class folders"):
        check.check_data(folder_config(tiny_images, 4, data_prefix=prefix), ("train_dataloader",))


@pytest.mark.parametrize("setting", [{"ann_file": "list.txt"}, {"with_label": False}])
def test_classes_that_are_no_folders_are_not_counted(setting, tiny_images):
    check.check_data(folder_config(tiny_images, 4, **setting), ("train_dataloader",))


def test_another_kind_of_data_set_is_left_alone():
    check.check_data(folder_config("no/such", type="CIFAR10"), ("train_dataloader",))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            KeyError("Mixp is not in the mmpretrain::batch augments registry. Please check"),
            "model.train_cfg.augments.0.type: there is no batch augments 'Mixp'.",
        ),
        (
            TypeError("Net.__init__() missing 1 required positional argument: 'depth'"),
            "model.backbone: scope.Net needs 'depth', which it is not given.",
        ),
        (
            TypeError("Base.__init__() got an unexpected keyword argument 'widht'"),
            "model.backbone.widht: scope.Net has no keyword 'widht'.",
        ),
    ],
)
def test_a_failure_to_build_names_the_place(error, sentence):
    backbone = {"type": "scope.Net", "widht": 3}
    train_cfg = {"augments": [{"type": "Mixp"}]}
    cfg = Config({"model": {"backbone": backbone, "train_cfg": train_cfg}})
    with pytest.raises(UserError) as caught, check.explain_mistakes(cfg):
        raise error
    assert str(caught.value) == sentence


def test_an_accident_while_building_passes_through():
    accident = TypeError("f.__init__() got an unexpected keyword argument 'elsewhere'")
    with (
        pytest.raises(TypeError, match="elsewhere"),
        check.explain_mistakes(Config({"model": {"type": "Net"}})),
    ):
        raise accident


def test_a_checkpoint_must_fill_the_model(tmp_path):
    import mmresnet.registry  # noqa: F401  its loader refuses to run code

    model = nn.Sequential(nn.Linear(2, 3))
    path = str(tmp_path / "weights.pth")
    torch.save({"state_dict": model.state_dict()}, path)
    check.check_checkpoint(model, path, head_may_differ=False)
    with pytest.raises(UserError, match="2 of another shape"):
        check.check_checkpoint(nn.Sequential(nn.Linear(4, 5)), path, head_may_differ=False)
    with pytest.raises(UserError, match="2 tensors are missing, 0 unexpected"):
        check.check_checkpoint(nn.Sequential(*model, nn.Linear(3, 3)), path, head_may_differ=False)


def test_only_the_head_may_differ(tmp_path):
    import mmresnet.registry  # noqa: F401

    path = str(tmp_path / "weights.pth")
    torch.save(nn.ModuleDict({"head": nn.Linear(2, 3), "body": nn.Linear(2, 2)}).state_dict(), path)
    other_head = nn.ModuleDict({"head": nn.Linear(2, 9), "body": nn.Linear(2, 2)})
    check.check_checkpoint(other_head, path, head_may_differ=True)
    with pytest.raises(UserError, match=r"head\.bias"):
        check.check_checkpoint(other_head, path, head_may_differ=False)
