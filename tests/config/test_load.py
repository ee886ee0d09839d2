"""load_config: configs found by path or name, overrides take effect, errors say what to do."""

import pytest

from mmresnet.config.find import config_folder, find_config
from mmresnet.config.load import load_config
from mmresnet.config.overrides import follow
from mmresnet.errors import UserError

R50 = "resnet50_8xb32_in1k"
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def mistake(*args):
    with pytest.raises(UserError) as caught:
        load_config(*args)
    return str(caught.value)


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


# --- finding ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [R50, f"{R50}.py", f"configs/{R50}.py", f"mmresnet::{R50}.py", config_folder() / f"{R50}.py"],
    ids=str,
)
def test_found(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # outside of the checkout
    assert load_config(given).model.backbone.depth == 50


def test_found_in_a_folder_of_the_recipes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    by_name = find_config("resnet20_1xb128_cifar10")
    assert by_name == find_config("configs/cifar/resnet20_1xb128_cifar10.py")
    assert by_name == find_config("cifar/resnet20_1xb128_cifar10.py")
    assert by_name == find_config("cifar/resnet20_1xb128_cifar10")


def test_own_file_goes_before_a_recipe_of_its_name(write, tmp_path, monkeypatch):
    write(f"{R50}.py", "mine = 1\n")
    monkeypatch.chdir(tmp_path)
    assert load_config(f"{R50}.py").mine == 1


def test_found_in_other_packages():
    assert load_config("mmpretrain::resnet/resnet18_8xb32_in1k.py").model.backbone.depth == 18
    assert load_config("mmdet::faster-rcnn_r50_fpn_1x_coco.py").model.type == "FasterRCNN"


def test_missing_config_names_the_nearest(write, tmp_path):
    assert f"'{R50}'" in mistake("resnet50_8xb23_in1k")
    assert f"'{R50}'" in mistake("configs/resnet50_8xb23_in1k.py")
    write("my_net.py", "a = 1\n")
    assert "'my_net'" in mistake(tmp_path / "my_nett.py")
    assert "faster-rcnn_r50_fpn_1x_coco.py" in mistake(
        "mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x.py"
    )
    assert "'mmnothing', which is not installed" in mistake("mmnothing::a.py")
    assert "is a folder" in mistake(tmp_path)


# --- mistakes in a file ------------------------------------------------------------------------


def test_error_in_python_names_file_and_line(write):
    path = write("a.py", "one = 1\ntwo = one + three\n")
    text = mistake(path)
    assert f"'{path}' fails in line 2: NameError" in text and "\n" not in text


def test_error_in_a_base_names_the_base(write):
    base = write("base.py", "lr = 1 / 0\n")
    path = write("a.py", "_base_ = './base.py'\n")
    assert f"'{base}' fails in line 1: ZeroDivisionError" in mistake(path)


def test_syntax_error_names_file_and_line(write):
    path = write("a.py", "one = 1\nmodel = dict(depth=50\n")
    text = mistake(path)
    assert f"'{path}' is not Python in line 2 (`model = dict(depth=50`)" in text


def test_syntax_error_in_a_base_names_the_base(write):
    base = write("base.py", "one = 1\ntwo = = 2\n")
    path = write("a.py", "_base_ = './base.py'\n")
    assert f"'{base}' is not Python in line 2 (`two = = 2`)" in mistake(path)


def test_missing_base_is_named(write):
    path = write("a.py", "_base_ = './nothing.py'\n")
    assert "nothing.py" in mistake(path)


# --- overrides -----------------------------------------------------------------------------------


def check_follows(cfg):
    assert [cfg[loader].dataset.data_root for loader in LOADERS] == ["/my/folder"] * 3
    assert cfg.model.head.num_classes == cfg.data_preprocessor.num_classes == 5


def test_two_options_suffice_for_another_folder():
    check_follows(load_config(R50, {"data_root": "/my/folder", "num_classes": 5}))


def test_an_inheriting_file_does_the_same(write):
    recipe = config_folder() / f"{R50}.py"
    path = write("a.py", f"_base_ = '{recipe}'\ndata_root = '/my/folder'\nnum_classes = 5\n")
    check_follows(load_config(path))
    # and an option on top of it, and a file that inherits from this file
    cfg = load_config(path, {"num_classes": 7})
    assert cfg.model.head.num_classes == cfg.data_preprocessor.num_classes == 7
    cfg = load_config(write("b.py", "_base_ = './a.py'\nnum_classes = 9\n"))
    assert cfg.model.head.num_classes == cfg.data_preprocessor.num_classes == 9
    assert cfg.val_dataloader.dataset.data_root == "/my/folder"


def test_a_dotted_option_has_the_last_word():
    cfg = load_config(R50, {"batch_size": 8, "val_dataloader.batch_size": 2})
    assert [cfg[loader].batch_size for loader in LOADERS] == [8, 2, 8]


def test_options_can_be_used_again():
    """mmengine takes ``_delete_`` out of what it merges."""
    options = {"train_cfg": {"_delete_": True, "by_epoch": False, "max_iters": 9}}
    for _ in range(2):
        assert "max_epochs" not in load_config("resnet50_8xb32_in1k", options).train_cfg


def test_a_changed_pipeline_takes_effect():
    pipeline = [{"type": "LoadImageFromFile"}, {"type": "PackInputs"}]
    cfg = load_config(R50, {"test_pipeline": pipeline})
    assert cfg.val_dataloader.dataset.pipeline == cfg.test_dataloader.dataset.pipeline == pipeline
    assert cfg.train_dataloader.dataset.pipeline == cfg.train_pipeline != pipeline


def test_paths_below_a_folder_follow_it():
    """mmdet's evaluators hold ``data_root + 'annotations/…'``."""
    cfg = load_config("mmdet::faster-rcnn_r50_fpn_1x_coco.py", {"data_root": "/coco"})
    assert cfg.val_evaluator.ann_file == "/coco/annotations/instances_val2017.json"
    assert cfg.train_dataloader.dataset.data_root == "/coco"


def test_values_are_followed_only_under_the_same_name():
    part = {"num_classes": 10, "depth": 10, "inner": [{"num_classes": 10}, {"num_classes": 3}]}
    assert follow(part, "num_classes", 10, 5) == 2
    assert part == {
        "num_classes": 5,
        "depth": 10,
        "inner": [{"num_classes": 5}, {"num_classes": 3}],
    }


def test_true_is_not_one():
    assert follow({"flag": True}, "flag", 1, 5) == 0


def test_fewer_than_five_classes_have_no_top_5():
    cfg = load_config(R50, {"num_classes": 3})
    assert cfg.val_evaluator.topk == cfg.test_evaluator.topk == cfg.model.head.topk == (1,)
    assert load_config(R50, {"num_classes": 5}).val_evaluator.topk == (1, 5)


def test_no_workers_do_not_persist():
    cfg = load_config(R50, {"num_workers": 0})
    assert [cfg[loader].persistent_workers for loader in LOADERS] == [False] * 3
    assert load_config(R50).train_dataloader.persistent_workers


def test_an_element_of_a_list_is_set_by_its_index():
    cfg = load_config(R50, {"train_dataloader.dataset.pipeline.1.scale": 96})
    assert cfg.train_dataloader.dataset.pipeline[1].scale == 96
    assert len(cfg.train_dataloader.dataset.pipeline) == 4


def test_settings_of_the_runner_may_be_new():
    assert load_config(R50, {"work_dir": "w", "custom_hooks": []}).work_dir == "w"


@pytest.mark.parametrize(
    "option, expected",
    [
        ("optim_wraper.x", "no setting 'optim_wraper' (given as 'optim_wraper.x'). The nearest is"),
        ("data_rot", "The nearest is 'data_root'"),
        ("optim_wrapper.optimizr.lr", "Did you mean 'optim_wrapper.optimizer'?"),
        ("optim_wrapper.optimizer.lr.x", "optim_wrapper.optimizer.lr is 0.1"),
        ("train_dataloader.dataset.pipeline.9.scale", "is a list of 4 elements"),
        ("train_dataloader.dataset.pipeline.9", "is a list of 4 elements"),
    ],
)
def test_an_option_that_names_nothing(option, expected):
    assert expected in mistake(R50, {option: 1})


def test_a_name_that_stands_only_inside_of_parts():
    text = mistake("mmpretrain::resnet/resnet18_8xb32_in1k.py", {"num_classes": 3})
    assert "model.head.num_classes=…" in text


def test_an_option_without_effect(write):
    path = write("a.py", "width = 3\nmodel = dict(type='A', depth=3)\n")
    text = mistake(path, {"width": 4})
    assert "width=4 would have no effect" in text and "stands at model.depth" in text


@pytest.mark.parametrize(
    "option, expected",
    [
        ("optim_wrapper.optimizer.lr", "lr is 0.1, and cannot be 'fast': give a number"),
        ("batch_size", "batch_size is 32, and cannot be 'fast': give a number"),
        ("train_dataloader.sampler.shuffle", "is True, and cannot be 'fast': give True or False"),
    ],
)
def test_a_text_for_a_number(option, expected):
    assert expected in mistake(R50, {option: "fast"})
