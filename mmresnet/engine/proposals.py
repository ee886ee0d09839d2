"""Proposals of a trained localizer for the images of a data set, written once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS
from torch.utils.data import DataLoader, Subset

from mmresnet.config.classes import follow_checkpoint
from mmresnet.config.preflight.initial_weights import check_exists
from mmresnet.datasets.imagenet_loc.proposals import ProposalFiles
from mmresnet.engine.assembly import build_model, building, choose_device, prepare
from mmresnet.errors import UserError, did_you_mean
from mmresnet.models.localizers.localizer import Localizer
from mmresnet.weights.checkpoint import read
from mmresnet.weights.load import load_weights

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import nn


SPLITS = ("train", "test")


def make_proposals(
    config: str | os.PathLike[str] | Config,
    checkpoint: str,
    folder: str | os.PathLike[str],
    split: str = "test",
    count: int = 200,
    batch_size: int = 8,
    workers: int = 0,
    device: str = "auto",
    cfg_options: Mapping[str, Any] | None = None,
) -> tuple[ProposalFiles, Iterator[int]]:
    """Find the boxes with the highest scores in each image, for its own and predicted classes.

    The images are those of ``test_dataloader.dataset``; with ``split="train"`` those of the same
    data set's training images, without predicted classes. What an earlier call has done is kept.

    Args:
        config: A localizer's config, and ``checkpoint`` its weights.
        folder: Where the proposals go.
        count: How many for each class.
        batch_size: Images that are computed at once.
        workers: Processes that load images.
        device: "auto", "cpu" or "cuda".
        cfg_options: Settings to override.

    Returns:
        The proposals, and an iterator that makes what is missing and yields the number of images
        that were done since.

    Raises:
        UserError: A mistake in the arguments, or ``folder`` holds anything else.
    """
    for name, value in (("--count", count), ("--batch-size", batch_size)):
        if value < 1:
            raise UserError(f"{name} {value}: give at least 1.")
    if split not in SPLITS:
        raise UserError(
            f"--split is 'train' or 'test', not {split!r}.{did_you_mean(split, SPLITS)}"
        )
    cfg = prepare(config, cfg_options)
    check_exists(checkpoint)
    content = read(checkpoint)
    follow_checkpoint(cfg, content)
    settings = cfg.test_dataloader.dataset
    if split == "train":
        settings = settings.copy()
        settings.update(split="train", scores=None)
    model: Any = build_model(cfg)
    if not isinstance(model, Localizer):
        raise UserError(
            f"'{cfg.filename or 'config'}' trains a {type(model).__name__}, and proposals are made "
            "by a Localizer."
        )
    load_weights(model, content, coverage="all")
    model.to(choose_device(device)).eval()
    with building(cfg):
        dataset = DATASETS.build(settings)
        if len(dataset) == 0:
            raise UserError("The data set has no image to make proposals for.")
    samples = [dataset.get_data_info(index) for index in range(len(dataset))]
    predicted = [list(map(int, sample.get("predicted_classes", ()))) for sample in samples]
    made_with = {
        "weights": _digest(model),
        "scales": list(model.scales),
        "crop": model.crop,
        "split": split,
        "predicted classes": hashlib.sha256(str(predicted).encode()).hexdigest()[:16],
    }
    images = [Path(sample["img_path"]).stem for sample in samples]
    files = ProposalFiles.create(folder, images, (1 + len(predicted[0]), count), made_with)
    rest = (~files.done).nonzero()[0].tolist()
    loader: DataLoader[Any] = DataLoader(
        Subset(dataset, rest), batch_size, num_workers=workers, collate_fn=pseudo_collate
    )
    return files, _write(files, rest, loader, model, count)


def _write(
    files: ProposalFiles, rows: list[int], loader: DataLoader[Any], model: Localizer, count: int
) -> Iterator[int]:
    for batch in loader:
        data = model.data_preprocessor(batch, False)
        found = model.propose(data["inputs"], data["data_samples"], count)
        now, rows = rows[: len(found[0])], rows[len(found[0]) :]
        files.write(now, *(tensor.cpu().numpy() for tensor in found))
        yield len(now)


def _digest(model: nn.Module) -> str:
    """Return a hash of all weights."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
