"""Both demo recipes on a GPU, in float32 and with ``amp``: a short training, tests, inference."""

from pathlib import Path
from typing import NamedTuple

import pytest

from mmresnet import apis
from mmresnet.datasets.demo.digit_scenes import write_digit_scenes
from mmresnet.datasets.demo.digits import write_digits

pytestmark = pytest.mark.gpu


class Run(NamedTuple):
    """A training that is finished."""

    config: str
    options: dict[str, object]
    checkpoint: Path
    device: str  # that the model was on


@pytest.fixture(scope="module", params=[False, True], ids=["float32", "amp"])
def amp(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the digits and of the scenes of digits."""
    folder = tmp_path_factory.mktemp("data")
    write_digits(folder / "digits")
    write_digit_scenes(folder / "scenes")
    return folder


@pytest.fixture(scope="module")
def classifier(amp: bool, data: Path, device: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    options = {"data_root": str(data / "digits"), "train_cfg.max_epochs": 5}
    options["custom_hooks"] = [dict(type="mmresnet.ChannelsLastHook")]
    return train_recipe("digits_resnet20", options, tmp_path_factory, amp, device)


@pytest.fixture(scope="module")
def detector(
    classifier: Run, amp: bool, data: Path, device: str, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    options = {"data_root": f"{data / 'scenes'}/", "train_cfg.max_epochs": 2}
    options["model.backbone.init_cfg.checkpoint"] = str(classifier.checkpoint)
    name = "digits_faster-rcnn_resnet20_fpn"
    return train_recipe(name, options, tmp_path_factory, amp, device)


def train_recipe(
    config: str, options: dict, folders: pytest.TempPathFactory, amp: bool, device: str
) -> Run:
    folder = folders.mktemp("run")
    runner = apis.train(config, str(folder), amp=amp, cfg_options=options, device=device)
    (used,) = {parameter.device.type for parameter in runner.model.parameters()}
    return Run(config, options, folder / f"epoch_{runner.max_epochs}.pth", used)


@pytest.mark.parametrize(
    ("recipe", "metric", "least"),
    [("classifier", "accuracy/top1", 60), ("detector", "coco/bbox_mAP_50", 0.5)],
)
def test_a_recipe_learns(
    recipe: str,
    metric: str,
    least: float,
    amp: bool,
    device: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    run = request.getfixturevalue(recipe)
    assert run.device == device
    options = {"amp": amp, "cfg_options": run.options, "device": device}
    metrics = apis.test(run.config, str(run.checkpoint), str(tmp_path), **options)
    assert metrics[metric] > least


@pytest.mark.parametrize("recipe", ["classifier", "detector"])
def test_inference_agrees_with_the_cpu(
    recipe: str, amp: bool, device: str, request: pytest.FixtureRequest
) -> None:
    """The best label or object of nearly every image is the same, with about the same score."""
    run = request.getfixturevalue(recipe)
    images = sorted(Path(str(run.options["data_root"]), "val").rglob("*.png"))[::3]
    best = {}
    for place, mixed in ((device, amp), ("cpu", False)):
        infer = apis.Inferencer(
            run.config, run.checkpoint, amp=mixed, device=place, cfg_options=run.options
        )
        assert next(infer.model.parameters()).device.type == place
        results = infer(images, batch_size=8)
        best[place, mixed] = [(one.get("labels") or one["objects"])[0] for one in results]
    ours, theirs = best[device, amp], best["cpu", False]
    same = [
        a["class_id"] == b["class_id"] and abs(a["score"] - b["score"]) < 0.1
        for a, b in zip(ours, theirs, strict=True)
    ]
    assert sum(same) >= 0.9 * len(same)
