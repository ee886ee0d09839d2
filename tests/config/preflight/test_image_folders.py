"""Folders of images, beside what tests/tools/test_bad_input.py shows in use."""

import shutil

import pytest
from mmengine.config import Config

from mmresnet.config.preflight.image_folders import check_image_folders
from mmresnet.errors import UserError


def folder_config(root, classes=3, **dataset):
    dataset = {"type": "CustomDataset", "data_root": str(root), "data_prefix": "train", **dataset}
    head = {"num_classes": classes}
    return Config({"model": {"head": head}, "train_dataloader": {"dataset": dataset}})


def test_a_right_folder_passes(tiny_images):
    check_image_folders(folder_config(tiny_images), ("train_dataloader", "val_dataloader"))


@pytest.mark.parametrize("prefix", ["train", {"img_path": "train"}])
def test_the_prefix_may_be_written_either_way(prefix, tiny_images):
    with pytest.raises(UserError, match="holds 3 class folders"):
        check_image_folders(
            folder_config(tiny_images, 4, data_prefix=prefix), ("train_dataloader",)
        )


def test_a_hidden_folder_is_no_class_and_stock_classes_are_warned_of(tiny_images, tmp_path):
    root = shutil.copytree(tiny_images, tmp_path / "images")
    (root / "train" / ".ipynb_checkpoints").mkdir()
    loaders = ("train_dataloader",)
    check_image_folders(folder_config(root, type="mmresnet.CustomDataset"), loaders)
    with pytest.raises(UserError, match=r"'\.ipynb_checkpoints', .* all labels shift"):
        check_image_folders(folder_config(root), loaders)


@pytest.mark.parametrize("setting", [{"ann_file": "list.txt"}, {"with_label": False}])
def test_classes_that_are_no_folders_are_not_counted(setting, tiny_images):
    check_image_folders(folder_config(tiny_images, 4, **setting), ("train_dataloader",))


def test_another_kind_of_data_set_is_left_alone():
    check_image_folders(folder_config("no/such", type="CIFAR10"), ("train_dataloader",))
