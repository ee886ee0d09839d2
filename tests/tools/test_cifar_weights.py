"""Published weights of CIFAR nets: tested unchanged, and fine-tuned with a new head."""

import itertools
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope

from mmresnet.config.load import load_config

WEIGHTS = {20: "resnet20-12fca82f.th", 56: "resnet56-4bfd9763.th"}
FROZEN = "resnet20-finetune_1xb128_cifar10-images"
LAYER_LR = "resnet20-finetune-layer-lr_1xb128_cifar10-images"
CLASSES = ("cat", "dog", "frog")
_numbers = itertools.count()


def unpack(archive: Path, folder: Path, wanted: str) -> Path:
    """Unpack the files whose whole names match ``wanted``; return ``folder``."""
    with tarfile.open(archive) as packed:
        for member in packed:
            if re.fullmatch(wanted, member.name):
                packed.extract(member, folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def tenth(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth image of CIFAR-10: 5,000 to train on and 1,000 held out. Tests only read it."""
    folder = tmp_path_factory.mktemp("cifar10_tenth")
    return unpack(sample_data / "cifar10_jpeg.tar.xz", folder, r"(train|test)/\w+/\d+0\.jpg")


@pytest.fixture(scope="session")
def all_held_out(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same 5,000 images to train on, and all 10,000 held out. Tests only read it."""
    folder = tmp_path_factory.mktemp("cifar10_all_held_out")
    wanted = r"train/\w+/\d+0\.jpg|test/\w+/\d+\.jpg"
    return unpack(sample_data / "cifar10_jpeg.tar.xz", folder, wanted)


@pytest.fixture(scope="session")
def other_classes(tenth: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three of the ten classes, with 50 images each to train on and 20 held out."""
    root = tmp_path_factory.mktemp("three_classes")
    for split, name in itertools.product(("train", "test"), CLASSES):
        (root / split / name).mkdir(parents=True)
        images = sorted((tenth / split / name).iterdir())
        for image in images[: 50 if split == "train" else 20]:
            shutil.copy(image, root / split / name)
    return root


@pytest.fixture(scope="session")
def call(load_tool) -> Callable[..., None]:
    """``call(tool, *arguments, options=(…))`` runs a tool on the CPU and without workers."""

    def call_tool(tool: str, *arguments: str | Path, options: tuple | list = ()) -> None:
        settings = ("num_workers=0", f"experiment_name=cifar_weights{next(_numbers)}")
        argv = [*map(str, arguments), "--device", "cpu", "--cfg-options", *settings, *options]
        load_tool(tool).main(argv)

    return call_tool


def accuracy(out: str) -> float:
    """Return the top-1 accuracy in percent that ``tools/test.py`` printed last."""
    return float(re.fullmatch(r"accuracy/top1: ([\d.]+)", out.splitlines()[-1])[1])


# --- unchanged ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depth", "correct", "total", "images"),
    [
        (20, 795, 1_000, "tenth"),
        pytest.param(56, 838, 1_000, "tenth", marks=pytest.mark.full),
        pytest.param(20, 8_103, 10_000, "all_held_out", marks=pytest.mark.full),
        pytest.param(56, 8_320, 10_000, "all_held_out", marks=pytest.mark.full),
    ],
)
def test_published_weights(
    depth, correct, total, images, call, sample_data, tmp_path, capsys, request
):
    """The publisher's own code gets the same in float32 on images decoded by OpenCV."""
    recipe = f"resnet{depth}_1xb128_cifar10-images"
    options = (f"data_root={request.getfixturevalue(images)}",)
    call("test", recipe, sample_data / WEIGHTS[depth], "--work-dir", tmp_path, options=options)
    assert accuracy(capsys.readouterr().out) == pytest.approx(correct / total * 100, abs=1e-4)


# --- fine-tuned -----------------------------------------------------------------------------


def published(sample_data: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of ResNet-20's file under our names, without the head."""
    content = torch.load(sample_data / WEIGHTS[20], map_location="cpu", weights_only=True)
    names = {name: f"backbone.{name.removeprefix('module.')}" for name in content["state_dict"]}
    return {names[k]: v for k, v in content["state_dict"].items() if ".linear." not in k}


def split_by_change(folder: Path, epoch: int, before: dict) -> tuple[set[str], set[str]]:
    """Return the modules of the backbone that a training left unchanged, and those it changed."""
    after = torch.load(folder / f"epoch_{epoch}.pth", weights_only=True)["state_dict"]
    assert before.keys() <= after.keys()
    same = {name for name, tensor in before.items() if torch.equal(after[name], tensor)}
    return tuple({name.split(".")[1] for name in names} for names in (same, before.keys() - same))


@pytest.mark.parametrize(
    "ways",
    [(FROZEN, "checkpoint={}"), ("resnet20_1xb128_cifar10-images", "load_from={}")],
    ids=["init_cfg", "load_from"],
)
def test_other_classes_get_a_new_head(ways, call, sample_data, other_classes, tmp_path):
    recipe, start = ways
    options = ["num_classes=3", "batch_size=50", "train_cfg.max_epochs=1"]
    options += [f"data_root={other_classes}", start.format(sample_data / WEIGHTS[20])]
    options += ["model.backbone.frozen_stages=1", "optim_wrapper.optimizer.lr=0.01"]
    call("train", recipe, "--work-dir", tmp_path, options=options)
    frozen, trained = split_by_change(tmp_path, 1, published(sample_data))
    assert frozen == {"conv1", "bn1", "layer1"}
    assert trained == {"layer2", "layer3"}
    after = torch.load(tmp_path / "epoch_1.pth", weights_only=True)
    assert after["state_dict"]["head.fc.weight"].shape == (3, 64)
    assert after["meta"]["dataset_meta"]["classes"] == CLASSES
    log = next(tmp_path.glob("2*/*.log")).read_text()
    assert "backbone: 95 of 95 tensors loaded" in log
    left = "for 10 classes in the file and 3 in the model; the model's is left unchanged"
    assert (left in log) == (start == "load_from={}")


def test_learning_rates_decay_from_the_head_to_the_stem():
    cfg = load_config(LAYER_LR)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(dict(cfg.model))
        groups = build_optim_wrapper(model, dict(cfg.optim_wrapper)).optimizer.param_groups
    rates = {group["param_name"]: group["lr"] for group in groups}
    assert rates.keys() == dict(model.named_parameters()).keys()  # nothing is frozen
    blocks = [f"backbone.layer{stage}.{block}.conv2" for stage in (1, 2, 3) for block in (0, 1, 2)]
    for steps, layer in enumerate(["head.fc", *reversed(blocks), "backbone.bn1"]):
        assert rates[f"{layer}.weight"] == pytest.approx(0.03 * 0.8**steps)
    assert rates["backbone.conv1.weight"] == rates["backbone.bn1.weight"]


def fine_tune(
    call: Callable[..., None], recipe: str, data: Path, folder: Path, *options: str
) -> float:
    """Train for two epochs; return the accuracy on the held-out images in percent."""
    settings = (f"data_root={data}", "train_cfg.max_epochs=2", "train_cfg.val_interval=2")
    call("train", recipe, "--amp", "--work-dir", folder, options=(*settings, *options))
    log = next(folder.glob("2*/*.log")).read_text()
    return float(re.findall(r"accuracy/top1: ([\d.]+)", log)[-1])


@pytest.mark.full
@pytest.mark.parametrize("recipe", [FROZEN, LAYER_LR])
def test_fine_tuning_beats_the_published_weights(recipe, call, sample_data, all_held_out, tmp_path):
    """On 5,000 of the JPEGs, with a new head; the published weights reach 81.03 %."""
    weights = f"checkpoint={sample_data / WEIGHTS[20]}"
    assert fine_tune(call, recipe, all_held_out, tmp_path, weights) > 82.5
    frozen, trained = split_by_change(tmp_path, 2, published(sample_data))
    stem_and_first = {"conv1", "bn1", "layer1"}
    assert frozen == (stem_and_first if recipe == FROZEN else set())
    assert trained >= {"layer2", "layer3"}


@pytest.mark.full
def test_random_weights_reach_far_less(call, all_held_out, tmp_path):
    random = ("model.backbone.init_cfg=None", "model.backbone.frozen_stages=-1")
    rate = "optim_wrapper.optimizer.lr=0.1"
    assert fine_tune(call, FROZEN, all_held_out, tmp_path, *random, rate) < 50
