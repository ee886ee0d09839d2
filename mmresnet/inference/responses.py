"""The responses of a trained classifier's layers to its test set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config


def measure_responses(
    config: str | Config,
    checkpoint: str,
    count: int | None = None,
    cfg_options: dict[str, object] | None = None,
    device: str = "auto",
) -> dict[str, float]:
    """Return the standard deviation of each 3×3 layer's responses to the test set of ``config``.

    See :class:`mmresnet.evaluation.responses.Responses`. The net computes in float32.

    Args:
        count: The number of images, evenly spaced over the test set. None: all.

    Raises:
        UserError: A mistake in the config or data, a checkpoint of another model, or a net without
            such layers.
    """
    if count is not None and count < 1:
        raise UserError(f"The number of images must be at least 1, not {count}.")
    import torch
    from mmengine.model import BaseModel
    from mmengine.runner import Runner
    from torch import nn
    from torch.utils.data import Subset

    from mmresnet.config.preflight.image_folders import check_image_folders
    from mmresnet.config.preflight.initial_weights import check_exists
    from mmresnet.engine.assembly import building, choose_device, load_model, prepare_run
    from mmresnet.evaluation.responses import Responses
    from mmresnet.inference.progress_bar import progress_bar
    from mmresnet.weights.checkpoint import read

    check_exists(checkpoint)
    cfg = prepare_run(config, cfg_options=cfg_options, device=choose_device(device))
    check_image_folders(cfg, ("test_dataloader",))
    model: BaseModel = load_model(cfg, read(checkpoint), device)
    with building(cfg):
        loader = Runner.build_dataloader(cfg.test_dataloader, seed=0)
    total = len(loader.dataset)
    count = min(count or total, total)
    chosen = Subset(loader.dataset, [i * total // count for i in range(count)])
    loader = torch.utils.data.DataLoader(
        chosen, batch_size=loader.batch_size, collate_fn=loader.collate_fn
    )
    backbone: nn.Module = model.backbone
    with (
        torch.inference_mode(),
        Responses(backbone) as responses,
        progress_bar(Path(checkpoint).name, count, transient=True) as advance,
    ):
        for batch in loader:
            data = model.data_preprocessor(batch, training=False)
            backbone(data["inputs"])
            if advance is not None:
                advance(len(batch["inputs"]))
    deviations = responses.deviations()
    if not deviations:
        raise UserError(
            f"The backbone of '{config}', a {type(backbone).__name__}, has no 3×3 convolution "
            "followed by a norm layer."
        )
    return deviations
