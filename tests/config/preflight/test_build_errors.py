"""Errors while parts are built, beside those that tests/tools/test_bad_input.py shows in use."""

import pytest
from mmengine.config import Config

from mmresnet.config.preflight.build_errors import explain_build_errors
from mmresnet.errors import UserError


@pytest.mark.parametrize(
    ("error", "message"),
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
def test_a_failure_to_build_names_the_place(error, message):
    backbone = {"type": "scope.Net", "widht": 3}
    train_cfg = {"augments": [{"type": "Mixp"}]}
    cfg = Config({"model": {"backbone": backbone, "train_cfg": train_cfg}})
    with pytest.raises(UserError) as caught, explain_build_errors(cfg):
        raise error
    assert str(caught.value) == message


def test_an_accident_while_building_passes_through():
    accident = TypeError("f.__init__() got an unexpected keyword argument 'elsewhere'")
    with (
        pytest.raises(TypeError, match="elsewhere"),
        explain_build_errors(Config({"model": {"type": "Net"}})),
    ):
        raise accident


def test_an_empty_image_is_looked_for_in_the_data_folders_alone(tmp_path, monkeypatch):
    (tmp_path / "empty").touch()
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    opencv = RuntimeError("(-215:Assertion failed) !buf.empty() in function 'imdecode_'")
    with pytest.raises(RuntimeError, match="buf"), explain_build_errors(Config({})):
        raise opencv
    (tmp_path / "data" / "none.jpg").touch()
    cfg = Config({"train_dataloader": {"dataset": {"data_root": "data"}}})
    missing = pytest.raises(OSError, match=r"failed to load image: data/none\.jpg")
    with missing, explain_build_errors(cfg):
        raise opencv
