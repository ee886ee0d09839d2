"""Training and testing a recipe: its config is completed and checked, then a Runner runs it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmresnet import compat
from mmresnet.config.preflight.build_errors import explain_build_errors
from mmresnet.config.preflight.checks import NOT_TESTED, NOT_TRAINED
from mmresnet.config.preflight.coco import follow_data
from mmresnet.config.preflight.files import check_data
from mmresnet.config.preflight.findings import collecting, raise_errors, warnings
from mmresnet.config.preflight.initial_weights import check_exists
from mmresnet.config.trackers import add_trackers, remove_trackers
from mmresnet.engine.assembly import choose_device, import_packages
from mmresnet.engine.checkpoints.files import check_intact
from mmresnet.engine.nodes.meeting import Meeting
from mmresnet.engine.nodes.start import check_same_config, continues, keep_images_per_step
from mmresnet.engine.precision import autocast_tests, configure_training
from mmresnet.engine.preflight import check, prepare_checked
from mmresnet.engine.protocols import use_protocol
from mmresnet.engine.score_files import describe_test, write_scores
from mmresnet.errors import UserError
from mmresnet.memory import collect_again
from mmresnet.weights.checkpoint import read, read_head, trained_classes

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner

    from mmresnet.weights.coverage import Coverage


def train(
    config: str | os.PathLike[str] | Config,
    work_dir: str | None = None,
    resume: bool | str = False,
    amp: bool = False,
    precision: str | None = None,
    auto_scale_lr: bool = False,
    cfg_options: Mapping[str, Any] | None = None,
    launcher: str = "none",
    device: str = "auto",
    verbose: bool = False,
    profile: bool = False,
    trackers: Sequence[str] = (),
) -> Runner:
    """Train ``config`` (a path, a shipped recipe's name or a Config) and return its Runner.

    Args:
        resume: True continues from the newest intact checkpoint of the work directory, or starts
            from the beginning if there is none yet; a path continues from that checkpoint.
        amp: Compute in 16 bits also where the device does not natively.
        precision: "auto" (16 bits where the device computes in them natively), "float32",
            "bfloat16" or "float16". By default the config's setting ``precision``, or else "auto".
        auto_scale_lr: Scale the learning rate by this run's images per step over
            ``auto_scale_lr.base_batch_size``.
        cfg_options: Settings to override, as :func:`mmresnet.config.load.load_config` takes them.
        launcher: "none", or what started several processes: "pytorch", "slurm" or "mpi".
        device: "auto", "cpu" or "cuda".
        verbose: Show all of the log in the terminal, where otherwise a summary is: a header, a
            line per epoch, and warnings. The log file has everything.
        profile: Train for a few steps only, print where their time went, and write a trace into the
            folder ``profile`` of the work directory. No checkpoint is written.
        trackers: Of "tensorboard", "wandb" and "mlflow": what records the curves as well.

    Raises:
        UserError: A mistake in the configuration, the data folder or the checkpoint, or the package
            of a tracker is not installed.
    """
    from mmresnet.engine import profiling

    with Meeting.join(launcher).settling() as meeting:
        kind = choose_device(device)
        cfg, findings = prepare_checked(config, work_dir, cfg_options, launcher, kind)
        configure_training(cfg, kind, precision, amp)
        add_trackers(cfg, trackers)
        check_same_config(meeting, cfg)
        resume = continues(meeting, cfg.work_dir) or resume
        note = keep_images_per_step(cfg, meeting.size)
        initial_weights = cfg.get("load_from")
        folders = profiling.configure(cfg) if profile else []
        if resume:
            cfg.resume = True
            cfg.load_from = resume if isinstance(resume, str) else None
        if auto_scale_lr:
            if not cfg.get("auto_scale_lr", {}).get("base_batch_size"):
                raise UserError(
                    "--auto-scale-lr needs auto_scale_lr.base_batch_size in the config: the number "
                    "of images per step that its learning rate was chosen for."
                )
            cfg.auto_scale_lr.enable = True
        loaders = (
            "train_dataloader",
            *(["val_dataloader"] if cfg.get("val_cfg") is not None else []),
        )
        findings += check(cfg, without=NOT_TRAINED)
        checkpoint, notes = None, []
        with collecting(findings):
            if cfg.get("resume") and cfg.get("load_from"):
                check_intact(cfg.load_from)
                checkpoint = read_head(cfg.load_from)
            classes = None if checkpoint is None else trained_classes(checkpoint)
            notes = follow_data(cfg, loaders, cfg_options, classes, cfg.get("load_from"))
        raise_errors(findings)
        meeting.exchange(None)  # nobody has found a mistake
        notes += [note] if note else []
        notes += [f"Warning: {finding}" for finding in warnings(findings)]

    coverage: Coverage = "all" if cfg.get("resume") else "all_but_heads"
    with _running(cfg, kind, coverage, checkpoint, notes, verbose) as runner:
        del checkpoint
        runner.initial_weights = initial_weights
        if profile:
            profiling.profile(runner, folders)
        else:
            runner.train()
    return runner


def test(
    config: str | os.PathLike[str] | Config,
    checkpoint: str,
    work_dir: str | None = None,
    amp: bool = False,
    precision: str | None = None,
    cfg_options: Mapping[str, Any] | None = None,
    launcher: str = "none",
    device: str = "auto",
    verbose: bool = False,
    protocol: str = "recipe",
    scales: Sequence[int] | None = None,
    scores: str | os.PathLike[str] | None = None,
) -> dict[str, float]:
    """Return the metrics of ``checkpoint`` on the recipe's test set, by name.

    The other arguments are those of :func:`train`. By default a test computes in float32.

    Args:
        protocol: "recipe", the config's own test pipeline; or for a classifier "ten-crop" or
            "dense", see :func:`mmresnet.engine.protocols.use_protocol`.
        scales: Short sides of the images for "dense".
        scores: An ``.npz`` file to write a classifier's scores to, see
            :func:`mmresnet.datasets.class_scores.save`.

    Raises:
        UserError: A mistake in the configuration or data, a checkpoint of another model, or
            ``scores`` holds those of another test.
    """
    check_exists(checkpoint)
    kind = choose_device(device)
    cfg, findings = prepare_checked(config, work_dir, cfg_options, launcher, kind)
    cfg.load_from, cfg.resume = checkpoint, False
    cfg.logical_shards = None  # of trainings
    remove_trackers(cfg)
    content = read(checkpoint)
    findings += check(cfg, without=NOT_TESTED, files=(check_data,))
    notes = []
    with collecting(findings):
        classes = trained_classes(content)
        notes = follow_data(cfg, ("test_dataloader",), cfg_options, classes, checkpoint)
    with collecting(findings):
        sides = use_protocol(cfg, protocol, scales)
        if sides:
            notes.append(f"Short sides of the images: {', '.join(map(str, sides))}")
        if scores is not None:
            computed = "amp" if amp else precision or "float32"
            described = describe_test(cfg, checkpoint, protocol, sides, cfg_options, computed)
            write_scores(cfg, scores, described)
    raise_errors(findings)
    notes += [f"Warning: {finding}" for finding in warnings(findings)]
    with (
        autocast_tests(cfg, kind, precision, amp),
        _running(cfg, kind, "all", content, notes, verbose) as runner,
    ):
        del content
        return runner.test()


@contextlib.contextmanager
def _running(
    cfg: Config, device: str, coverage: Coverage, checkpoint: Any, notes: list[str], verbose: bool
) -> Iterator[Runner]:
    """Yield the Runner of ``cfg``; give terminal and log back however the run ends."""
    from mmengine.logging import MMLogger

    from mmresnet.engine.allocator import keep_freed_memory
    from mmresnet.engine.checkpoints.hook import CheckpointHook
    from mmresnet.engine.nodes.hook import ProcessesHook
    from mmresnet.engine.progress import ProgressHook
    from mmresnet.engine.runner import QuietRunner, Runner
    from mmresnet.engine.terminal import announce, restore

    import_packages(cfg)
    collect_again()  # before the Runner, which may be garbage, with its loaders' processes
    if device == "cpu":
        keep_freed_memory()
    with (
        compat.DEVICE.apply(device),
        explain_build_errors(cfg),
        contextlib.ExitStack() as at_end,
    ):
        # before the Runner: it may fail after it has built its log
        at_end.callback(lambda: restore(MMLogger.get_current_instance()))
        kind = Runner if verbose else QuietRunner
        runner = kind.from_cfg(cfg, coverage, checkpoint)
        for note in notes:
            announce(runner.logger, note)
        for hook in runner.hooks:
            if isinstance(hook, (CheckpointHook, ProcessesHook, ProgressHook)):
                at_end.callback(hook.close)
        yield runner
