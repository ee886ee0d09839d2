"""Images for the benchmarks, and the loaders that hand them to a training."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from _measuring import installed
from PIL import Image


def write_jpegs(folder: Path, number: int, different: int = 320) -> None:
    """Write JPEG files of 500×375 to the class folders ``train/a`` and ``train/b``.

    They hold smooth noise, which takes as long to decode as photos do. Those after the first
    ``different`` ones are hard links to these.
    """
    generator = np.random.default_rng(0)
    paths = [folder / "train" / "ab"[index % 2] / f"{index}.jpg" for index in range(number)]
    for index, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        if index >= different:
            os.link(paths[index % different], path)
            continue
        pixels = generator.integers(0, 255, (47, 63, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((500, 375), Image.Resampling.BICUBIC).save(path, quality=90)


def own_loader(root: Path, batch: int, workers: int, size: int = 224, device: str = "cpu") -> Any:
    """Return the loader with which ``mmresnet train resnet50_8xb32_in1k`` trains on ``root``."""
    from mmresnet.engine.assembly import building, prepare_run
    from mmresnet.engine.resume.loader import ResumableDataLoader
    from mmresnet.engine.runner import Runner

    cfg = prepare_run("resnet50_8xb32_in1k", cfg_options=options(root, batch), device=device)
    settings = loading(cfg.train_dataloader, workers, size)
    with building(cfg):
        return ResumableDataLoader(Runner.build_dataloader(settings, seed=0), 0)


def stock_loader(root: Path, batch: int, workers: int, size: int = 224, device: str = "cpu") -> Any:
    """Return mmpretrain's loader of the same images, with the same steps."""
    from mmengine.runner import Runner

    from mmresnet.engine.assembly import building, prepare_run

    cfg = prepare_run("resnet50_8xb32_in1k", cfg_options=options(root, batch), device=device)
    with building(cfg):
        return Runner.build_dataloader(stock_settings(root, batch, workers, size, device), seed=0)


def stock_settings(root: Path, batch: int, workers: int, size: int, device: str) -> dict[str, Any]:
    """Return the settings of mmpretrain's loader."""
    from mmresnet.engine.assembly import prepare_run

    cfg = prepare_run("resnet50_8xb32_in1k", cfg_options=options(root, batch), device=device)
    settings = loading(cfg.train_dataloader, workers, size)
    settings["dataset"].pop("on_bad_sample", None)
    settings["dataset"]["type"] = "mmpretrain.CustomDataset"
    settings["dataset"]["extensions"] = (".jpg",)
    return settings


def options(root: Path, batch: int) -> dict[str, Any]:
    """Return the settings with which the recipe reads the two folders of ``write_jpegs``."""
    return {"data_root": str(root), "num_classes": 2, "batch_size": batch}


def loading(settings: dict[str, Any], workers: int, size: int) -> dict[str, Any]:
    """Set the number of workers and the size of the crops."""
    settings["num_workers"], settings["persistent_workers"] = workers, workers > 0
    pipeline = settings["dataset"]["pipeline"]
    next(s for s in pipeline if s["type"] == "RandomResizedCrop")["scale"] = size
    return settings


def loaders(root: Path, batch: int, workers: int, size: int, device: str) -> dict[str, Any]:
    """Return loaders of the images below ``root``, with random crops and flips."""
    import torch
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    arguments = (root, batch, workers, size, device)
    found = {
        "mmpretrain": stock_loader(*arguments),
        "**mmresnet**": own_loader(*arguments),
    }
    steps = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip()]
    normalize = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    found["torchvision (Pillow)"] = DataLoader(
        ImageFolder(
            str(root / "train"), transforms.Compose([*steps, transforms.ToTensor(), normalize])
        ),
        batch,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device == "cuda",
    )
    if installed("timm"):
        from timm.data import create_loader

        found["timm (Pillow)"] = create_loader(
            ImageFolder(str(root / "train")),
            (3, size, size),
            batch,
            is_training=True,
            color_jitter=0.0,
            num_workers=workers,
            device=torch.device(device),
            pin_memory=device == "cuda",
        )
    return found
