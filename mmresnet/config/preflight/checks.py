"""The pre-flight: every check of a config, in the order in which the findings are listed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mmengine.registry import DefaultScope

from mmresnet.config.preflight.channels import check_channels
from mmresnet.config.preflight.class_counts import check_classes
from mmresnet.config.preflight.files import check_data
from mmresnet.config.preflight.findings import Finding, collecting
from mmresnet.config.preflight.hooks import check_hooks
from mmresnet.config.preflight.initial_weights import check_initial_weights
from mmresnet.config.preflight.loaders import check_loaders
from mmresnet.config.preflight.logical_shards import check_logical_shards
from mmresnet.config.preflight.metrics import check_metrics
from mmresnet.config.preflight.preprocessing import check_normalization, compare_with_weights
from mmresnet.config.preflight.schedules import check_loops, check_schedules
from mmresnet.config.preflight.scopes import check_scopes
from mmresnet.config.preflight.types import check_types
from mmresnet.config.preflight.variables import check_variables
from mmresnet.config.trackers import check_trackers

if TYPE_CHECKING:
    from mmengine.config import Config

Check = Callable[["Config"], Iterable[Finding]]

CHECKS: tuple[Check, ...] = (
    check_scopes,
    check_types,
    check_channels,
    check_classes,
    check_metrics,
    check_hooks,
    check_trackers,
    check_loaders,
    check_normalization,
    check_loops,
    check_logical_shards,
    check_schedules,
    check_variables,
)
FILES: tuple[Check, ...] = (check_initial_weights, check_data)
# What a run says itself when it has loaded weights
ADVICE: tuple[Check, ...] = (compare_with_weights,)

# The settings that a training, and a test, does not read
NOT_TRAINED = ("test_dataloader", "test_cfg", "test_evaluator")
NOT_TESTED = (
    *("train_dataloader", "train_cfg", "optim_wrapper", "param_scheduler"),
    *("val_dataloader", "val_cfg", "val_evaluator"),
)


def find_mistakes(
    cfg: Config, checks: Iterable[Check] = CHECKS, without: Iterable[str] = ()
) -> list[Finding]:
    """Return what the checks find in a config, of which the packages have been imported.

    Args:
        without: Top-level settings that the run does not read.
    """
    findings: list[Finding] = []
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope") or "mmpretrain"):
        for check in checks:
            with collecting(findings):
                findings.extend(check(cfg))
    return [one for one in findings if one.where.partition(".")[0] not in without]


def find_missing_files(
    cfg: Config, checks: Iterable[Check] = FILES, without: Iterable[str] = ()
) -> list[Finding]:
    """Return what the checks find in the files that a config names; see :func:`find_mistakes`."""
    read = type(cfg)({key: value for key, value in cfg.items() if key not in without})
    return find_mistakes(read, checks)
