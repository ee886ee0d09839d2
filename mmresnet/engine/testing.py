"""Measure a checkpoint on the test set of a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.config.preflight import check
from mmresnet.config.preflight.coco import follow_data
from mmresnet.engine.check_checkpoint import read_checkpoint, trained_classes
from mmresnet.engine.training import closing_progress, prepare
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config


def test(
    config: str | Config,
    checkpoint: str,
    work_dir: str | None = None,
    amp: bool = False,
    cfg_options: dict[str, object] | None = None,
    launcher: str = "none",
    device: str = "auto",
) -> dict[str, float]:
    """Return the metrics of ``checkpoint`` on the recipe's test set, by name.

    Raises:
        UserError: a mistake in the configuration or data, or a checkpoint of another model.
    """
    if "://" not in checkpoint and not Path(checkpoint).is_file():
        raise UserError(f"There is no checkpoint at '{checkpoint}'.")
    cfg = prepare(config, work_dir, cfg_options, launcher, device)
    cfg.load_from, cfg.resume = checkpoint, False
    if amp:
        cfg.test_cfg["fp16"] = True
    loaded = read_checkpoint(checkpoint)
    classes = trained_classes(loaded)
    notes = follow_data(cfg, ("test_dataloader",), cfg_options, classes, checkpoint)
    check.check_data(cfg, ("test_dataloader",))

    from mmengine.runner import Runner

    with check.explain_mistakes(cfg):
        runner = Runner.from_cfg(cfg)
        check.check_checkpoint(runner.model, checkpoint, head_may_differ=False, loaded=loaded)
        del loaded
        for note in notes:
            runner.logger.info(note)
        with closing_progress(runner):
            return runner.test()
