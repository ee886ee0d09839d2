"""Bad input ends in one line that says what to do, and exit code 1 or 2."""

import shutil

import pytest

CONFIG = "resnet50_8xb32_in1k"


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
def test_a_mistake_in_a_setting(option, words, error_message):
    message = error_message("train", CONFIG, options=[option])
    assert [word for word in words if word not in message] == []


def test_a_config_that_does_not_exist(error_message):
    assert "'resnet50_8xb32_in1k'" in error_message("train", "configs/resnet50_8xb32_in1.py")


def test_a_gpu_that_is_not_there(error_message, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "--device cpu" in error_message("train", CONFIG, "--device", "cuda")


def test_a_checkpoint_of_another_architecture(error_message, trained):
    path = str(trained / "epoch_1.pth")
    deeper = "model.backbone.depth=34"
    for message in (
        error_message("test", CONFIG, path, options=[deeper]),
        error_message("train", CONFIG, options=[deeper, f"load_from={path}"]),
        error_message("train", CONFIG, "--resume", path, options=[deeper]),
    ):
        assert "80 are missing in it" in message
        assert "it holds ResNet-18, and the model has ResNet-34" in message
    narrow = [f"model.{key}" for key in ("backbone.stem_channels=4", "backbone.base_channels=4")]
    message = error_message("test", CONFIG, path, options=[*narrow, "model.head.in_channels=32"])
    assert "100 have another shape (backbone.conv1.weight: file (8, 3, 7, 7), model (4, " in message
    assert "differ in width" in message


@pytest.mark.full
def test_weights_with_another_head_may_start_a_training(call, trained, tmp_path, tiny_images):
    images = tmp_path / "two"
    shutil.copytree(tiny_images, images)
    for split in ("train", "val"):
        shutil.rmtree(images / split / "owl")
    options = [f"load_from={trained / 'epoch_1.pth'}", f"data_root={images}", "num_classes=2"]
    assert call("train", CONFIG, "--work-dir", tmp_path / "work", options=options) == 0


def test_a_checkpoint_that_is_not_there(error_message):
    assert "no checkpoint at 'nothing.pth'" in error_message("test", CONFIG, "nothing.pth")


@pytest.mark.parametrize(("content", "code"), [(b"nonsense", 1), (b"", 2)])
@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_cannot_be_decoded(
    content, code, workers, error_message, tiny_images, tmp_path
):
    images = tmp_path / "images"
    shutil.copytree(tiny_images, images)
    broken = images / "train" / "dog" / "1.jpg"
    broken.write_bytes(content)
    options = [f"data_root={images}", f"num_workers={workers}"]
    message = error_message("train", CONFIG, options=options, code=code)
    assert str(broken) in message
    assert "cannot be used: " in message
    assert "on_bad_sample='skip'" in message


def test_bad_images_are_skipped_and_listed(call, tiny_images, tmp_path, capfd):
    images = tmp_path / "images"
    shutil.copytree(tiny_images, images)
    for path in ("train/dog/1.jpg", "val/owl/0.jpg"):
        (images / path).write_bytes(b"nonsense")
    options = [f"data_root={images}", "on_bad_sample=skip", "train_cfg.max_epochs=2"]
    options += [f"{part}_dataloader.dataset.max_bad_share=0.2" for part in ("train", "val")]
    assert call("train", CONFIG, "--work-dir", tmp_path / "w", options=options) == 0
    said = capfd.readouterr().out
    for iteration in (3, 6):
        could_not = f"iteration {iteration}: 1 file could not be used, and"
        assert f"Training up to {could_not} other images took their place" in said
        assert f"Validation at {could_not} gray images took their place" in said
    assert f"  '{images}/train/dog/1.jpg': it is in no known image format" in said
    options += ["train_dataloader.dataset.max_bad_share=0.01"]
    assert call("train", CONFIG, "--work-dir", tmp_path / "v", options=options) == 1
    assert "1 file of 12 cannot be used, more than max_bad_share=0.01" in capfd.readouterr().err


def test_one_image_at_1x1_with_batch_norm(error_message):
    options = ["batch_size=1", "train_dataloader.dataset.pipeline.1.scale=32"]
    message = error_message("train", CONFIG, options=options, code=1)
    assert "batch size of at least 2" in message


def test_class_folders_that_differ(error_message, tiny_images, tmp_path):
    images = tmp_path / "images"
    shutil.copytree(tiny_images, images)
    (images / "val" / "dog").rename(images / "val" / "fox")
    message = error_message("train", CONFIG, options=[f"data_root={images}"])
    assert f"only in '{images / 'train'}': dog" in message
    assert f"only in '{images / 'val'}': fox" in message


def test_a_folder_without_class_folders(error_message, tmp_path):
    (tmp_path / "train").mkdir()
    assert "no class folders" in error_message("train", CONFIG, options=[f"data_root={tmp_path}"])


def test_testing_needs_no_images_to_train_on(call, trained, tiny_images, tmp_path):
    shutil.copytree(tiny_images / "val", tmp_path / "val")
    options = [f"data_root={tmp_path}"]
    work = tmp_path / "work"
    assert call("test", CONFIG, trained / "epoch_1.pth", "--work-dir", work, options=options) == 0
