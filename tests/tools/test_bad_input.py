"""What bad input gets: one sentence that says what to do, and exit code 1 or 2."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / "configs" / "resnet50_8xb32_in1k.py")


@pytest.fixture
def said(call, tmp_path, capsys):
    """``said(tool, *arguments, options=[…], code=2)`` returns the one line of the mistake."""

    def run(tool, *arguments, options=(), code=2):
        assert call(tool, *arguments, "--work-dir", tmp_path / "work", options=options) == code
        lines = [line for line in capsys.readouterr().err.splitlines() if line]
        sentences = [line for line in lines if not is_a_warning(line)]
        assert len(sentences) == 1, sentences
        return sentences[0]

    return run


def is_a_warning(line: str) -> bool:
    return "Warning" in line or line.startswith("  ")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("model.backbone.depth=51", ["no depth 51", "18, 34, 50, 101, 152", "'50'"]),
        ("model.backbone.out_indices=(4,)", ["out_indices", "from 0 to 3"]),
        ("model.backbone.dept=18", ["model.backbone.dept:", "Did you mean 'depth'?"]),
        ("model.head.loss.los_weight=1.0", ["model.head.loss.los_weight:", "'loss_weight'"]),
        ("model.backbone.type=mmresnet.ResNett", ["model.backbone.type:", "mean 'ResNet'?"]),
        ("model.type=ImageClassifer", ["model.type:", "mean 'ImageClassifier'?"]),
        ("optim_wrapper.optimizer.type=SDG", ["optim_wrapper.optimizer.type:", "'SGD'"]),
        ("optim_wrapper.optimizer.momentun=0", ["optimizer.momentun:", "'momentum'"]),
        ("train_dataloader.dataset.pipeline.1.type=RandomResizedCrp", ["'RandomResizedCrop'"]),
        ("model.head.in_channels=65", ["in_channels=65", "set in_channels=64"]),
        ("num_classes=4", ["num_classes is 4", "holds 3 class folders", "num_classes=3"]),
        ("data_root=no/such", ["'no/such/train' does not exist", "<class name>/<image>.jpg"]),
        ("load_from=no/such.pth", ["no checkpoint at 'no/such.pth'"]),
    ],
)
def test_a_mistake_in_a_setting(option, words, said):
    sentence = said("train", CONFIG, options=[option])
    assert [word for word in words if word not in sentence] == []


def test_a_config_that_does_not_exist(said):
    assert "'resnet50_8xb32_in1k'" in said("train", "configs/resnet50_8xb32_in1.py")


def test_a_gpu_that_is_not_there(said, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "--device cpu" in said("train", CONFIG, "--device", "cuda")


def test_a_checkpoint_of_another_architecture(said, trained):
    path = str(trained / "epoch_1.pth")
    deeper = "model.backbone.depth=34"
    for sentence in (
        said("test", CONFIG, path, options=[deeper]),
        said("train", CONFIG, options=[deeper, f"load_from={path}"]),
        said("train", CONFIG, "--resume", path, options=[deeper]),
    ):
        assert "80 are missing in it" in sentence
        assert "it holds ResNet-18, and the model has ResNet-34" in sentence
    narrow = [f"model.{key}" for key in ("backbone.stem_channels=4", "backbone.base_channels=4")]
    sentence = said("test", CONFIG, path, options=[*narrow, "model.head.in_channels=32"])
    assert (
        "100 have another shape (backbone.conv1.weight: file (8, 3, 7, 7), model (4, " in sentence
    )
    assert "differ in width" in sentence


def test_weights_with_another_head_may_start_a_training(call, trained, tmp_path, tiny_images):
    images = tmp_path / "two"
    shutil.copytree(tiny_images, images)
    for split in ("train", "val"):
        shutil.rmtree(images / split / "owl")
    options = [f"load_from={trained / 'epoch_1.pth'}", f"data_root={images}", "num_classes=2"]
    assert call("train", CONFIG, "--work-dir", tmp_path / "work", options=options) == 0


def test_a_checkpoint_that_is_not_there(said):
    assert "no checkpoint at 'nothing.pth'" in said("test", CONFIG, "nothing.pth")


@pytest.mark.parametrize("content", [b"nonsense", b""])
@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_cannot_be_decoded(content, workers, said, tiny_images, tmp_path):
    images = tmp_path / "images"
    shutil.copytree(tiny_images, images)
    broken = images / "train" / "dog" / "1.jpg"
    broken.write_bytes(content)
    options = [f"data_root={images}", f"num_workers={workers}"]
    assert f"'{broken}' cannot be decoded" in said("train", CONFIG, options=options, code=1)


def test_one_image_at_1x1_with_batch_norm(said):
    options = ["batch_size=1", "train_dataloader.dataset.pipeline.1.scale=32"]
    sentence = said("train", CONFIG, options=options, code=1)
    assert "batch size of at least 2" in sentence


def test_class_folders_that_differ(said, tiny_images, tmp_path):
    images = tmp_path / "images"
    shutil.copytree(tiny_images, images)
    (images / "val" / "dog").rename(images / "val" / "fox")
    sentence = said("train", CONFIG, options=[f"data_root={images}"])
    assert f"only in '{images / 'train'}': dog" in sentence
    assert f"only in '{images / 'val'}': fox" in sentence


def test_a_folder_without_class_folders(said, tmp_path):
    (tmp_path / "train").mkdir()
    assert "no class folders" in said("train", CONFIG, options=[f"data_root={tmp_path}"])


def test_testing_needs_no_images_to_train_on(call, trained, tiny_images, tmp_path):
    shutil.copytree(tiny_images / "val", tmp_path / "val")
    options = [f"data_root={tmp_path}"]
    work = tmp_path / "work"
    assert call("test", CONFIG, trained / "epoch_1.pth", "--work-dir", work, options=options) == 0
