"""A small classifier with unusual weights, to be exported."""

from pathlib import Path

import pytest

RECIPE = "digits_resnet20"


@pytest.fixture(scope="session")
def small_options(tiny_images: Path) -> dict:
    """Options with which the recipe's model is small and its data are the tiny images."""
    return {"data_root": str(tiny_images), "num_classes": 3, "model.backbone.depth": 8}


@pytest.fixture(scope="session")
def small_checkpoint(tmp_path_factory: pytest.TempPathFactory, small_options: dict) -> Path:
    """A checkpoint whose scores differ between images, and norm layers between channels."""
    import torch

    from mmresnet.engine.assembly import build_model, prepare

    torch.manual_seed(0)
    cfg = prepare(RECIPE, small_options)
    cfg.model.head.num_classes = 3
    model = build_model(cfg)
    for name, tensor in model.state_dict().items():
        if name.endswith("running_var") or (".bn" in name and name.endswith("weight")):
            tensor.uniform_(0.5, 2)
        elif name.endswith(("running_mean", "bias")):
            tensor.normal_(0, 0.2)
    fit_head(model)
    path = tmp_path_factory.mktemp("small") / "small.pth"
    meta = {"dataset_meta": {"classes": ("cat", "dog", "owl")}}
    torch.save({"state_dict": model.state_dict(), "meta": meta}, path)
    return path


def fit_head(model) -> None:
    """Let each class be for a colour; the input is BGR."""
    import torch

    colours = torch.eye(3).flip(1).mul(150).add(50)[:, :, None, None].expand(3, 3, 16, 16)
    with torch.no_grad():
        (feats,) = model.eval().extract_feat(model.data_preprocessor({"inputs": colours})["inputs"])
        model.head.fc.weight.copy_(3 * torch.nn.functional.normalize(feats - feats.mean(0)))
        model.head.fc.bias.copy_(-model.head.fc.weight @ feats.mean(0))


@pytest.fixture(scope="session")
def checkpoint_with_outliers(
    tmp_path_factory: pytest.TempPathFactory, small_options: dict, small_checkpoint: Path
) -> Path:
    """A checkpoint with a large channel before the last convolution, which does not use it.

    In 8 bits nothing is left of the others, on which the classes depend.
    """
    import torch

    from mmresnet.engine.assembly import build_model, prepare

    cfg = prepare(RECIPE, small_options)
    cfg.model.head.num_classes = 3
    model = build_model(cfg)
    content = torch.load(small_checkpoint)
    model.load_state_dict(content["state_dict"])
    block = model.backbone.layer3[-1]
    with torch.no_grad():
        block.bn1.bias[0] = 1e6
        block.conv2.weight[:, 0] = 0
        block.bn2.weight *= 30
    fit_head(model)
    path = tmp_path_factory.mktemp("outliers") / "outliers.pth"
    torch.save({**content, "state_dict": model.state_dict()}, path)
    return path
