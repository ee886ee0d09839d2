"""A run assembled from a config: the model with a checkpoint's weights, settings for a Runner."""

import copy
import os
import sys

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

from mmengine.config import Config  # noqa: E402

from mmresnet.config.classes import follow_checkpoint  # noqa: E402
from mmresnet.engine.assembly import (  # noqa: E402
    _needs_mmpretrain,
    build_model,
    building,
    choose_device,
    import_packages,
    load_model,
    prepare,
    prepare_run,
)
from mmresnet.errors import UserError  # noqa: E402


@pytest.fixture(scope="module")
def digits():
    """A recipe of ten classes, and the content of a checkpoint of it with three."""
    from mmresnet.apis import get_model, load_config

    return load_config("digits_resnet20"), get_model("digits_resnet20", 3).state_dict()


def test_the_model_is_that_of_the_checkpoint(digits):
    cfg, weights = copy.deepcopy(digits[0]), digits[1]
    content = {"state_dict": {f"module.{key}": value for key, value in weights.items()}}
    follow_checkpoint(cfg, content)
    model = load_model(cfg, content, "cpu")
    assert not model.training
    assert model.head.num_classes == 3
    assert all((value == weights[key]).all() for key, value in model.state_dict().items())


def test_a_checkpoint_of_another_net_is_refused(digits):
    with pytest.raises(UserError, match="of another architecture"):
        load_model(digits[0], {"state_dict": digits[1]}, "cpu")


def test_weights_of_a_training_that_diverged_are_refused(digits):
    cfg, weights = copy.deepcopy(digits[0]), dict(digits[1])
    weights["backbone.conv1.weight"] = weights["backbone.conv1.weight"] * float("nan")
    content = {"state_dict": weights}
    follow_checkpoint(cfg, content)
    with pytest.raises(UserError, match=r"NaN \(the first: backbone\.conv1\.weight\)"):
        load_model(cfg, content, "cpu")


def test_the_default_scope_stays_what_it_is(digits):
    from mmengine.registry import DefaultScope, init_default_scope

    init_default_scope("mmengine")
    with building(digits[0]):
        assert DefaultScope.get_current_instance().scope_name == "mmpretrain"
    assert DefaultScope.get_current_instance().scope_name == "mmengine"


def test_a_config_that_was_loaded_is_left_as_it_is(digits):
    cfg = prepare(digits[0], {"model.head.num_classes": 4})
    assert cfg.model.head.num_classes == 4
    assert digits[0].model.head.num_classes == 10


def test_a_given_config_is_left_as_it_was():
    given = Config({"train_dataloader": {"batch_size": 32}})
    before = given.pretty_text
    cfg = prepare_run(given, "somewhere", {"train_dataloader.batch_size": 8})
    assert (cfg.work_dir, cfg.train_dataloader.batch_size) == ("somewhere", 8)
    assert given.pretty_text == before


def test_without_a_gpu_processes_meet_by_gloo(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    cfg = prepare_run("resnet50_8xb32_in1k", device=choose_device("auto"))
    assert cfg.env_cfg.dist_cfg.backend == "gloo"
    assert cfg.work_dir == "work_dirs/resnet50_8xb32_in1k"


def test_a_config_that_a_run_wrote_gets_no_hook_twice(tmp_path):
    (tmp_path / "config.py").write_text(prepare_run("digits_resnet20").pretty_text)
    hooks = prepare_run(tmp_path / "config.py").custom_hooks
    own = ["BadSamplesHook", "ProgressHook", "TerminalHook", "WeightsHook"]
    own += ["NonFiniteHook", "SpeedHook", "UnusedParametersHook", "PredictionsHook", "ReportHook"]
    own += ["ProcessesHook"]
    assert [hook["type"] for hook in hooks] == [f"mmresnet.{name}" for name in own]


def test_a_gpu_is_chosen_and_none_is_hidden(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    before = dict(os.environ)
    assert [choose_device(name) for name in ("auto", "cuda", "cpu")] == ["cuda", "cuda", "cpu"]
    assert dict(os.environ) == before


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert choose_device("auto") == "cuda"
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert choose_device("cpu") == "cpu"
    with pytest.raises(UserError, match="has 2 GPUs and more processes"):
        choose_device("auto")


def test_a_detector_needs_mmpretrain_where_a_part_is_of_it():
    def needs(**settings):
        return _needs_mmpretrain(Config({"model": {"type": "FasterRCNN", **settings}}))

    assert needs(backbone={"type": "mmpretrain.ConvNeXt"})
    assert needs(head={"type": "LinearReIDHead"})
    weights = {"type": "Pretrained", "checkpoint": "https://host/mmpretrain/v0/resnet50.pth"}
    assert not needs(backbone={"type": "mmresnet.ResNet", "init_cfg": weights})


def test_a_base_of_another_package_brings_its_scope_along(tmp_path):
    pytest.importorskip("mmdet")
    path = tmp_path / "config.py"
    path.write_text("_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50-caffe-c4_ms-1x_coco.py'\n")
    with torch.device("meta"):
        model = build_model(prepare(path))
    assert type(model.roi_head.shared_head).__name__ == "ResLayer"


def test_modules_that_an_option_names_are_imported(digits, tmp_path, monkeypatch):
    (tmp_path / "own_parts.py").write_text("IMPORTED = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    import_packages(prepare(digits[0], {"custom_imports": {"imports": ["own_parts"]}}))
    assert sys.modules.pop("own_parts").IMPORTED
    with pytest.raises(
        UserError, match=r"custom_imports=\{'imports': \['no_parts'\]\}: .*no_parts"
    ):
        import_packages(prepare(digits[0], {"custom_imports": {"imports": ["no_parts"]}}))
