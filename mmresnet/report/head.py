"""The first sections: what was run, how it ended, how to repeat it, with which settings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import timedelta

from mmresnet.config.differences import changes
from mmresnet.config.find import recipe_paths
from mmresnet.config.load import load_config
from mmresnet.engine.assembly import prepare_run
from mmresnet.errors import UserError
from mmresnet.report.html import code, details, escape, note, number, pairs, table
from mmresnet.report.images import Images
from mmresnet.report.page import Section
from mmresnet.report.run import Run

# settings that a run has by itself: its place, its device, what it continues from
_OF_EVERY_RUN = re.compile(
    r"^(work_dir|launcher|resume|load_from|custom_hooks|env_cfg|log_level|visualizer|vis_backends"
    r"|default_hooks\.checkpoint\.type|val_cfg\.type|optim_wrapper\.(type|dtype)"
    r"|\w+_dataloader\.pin_memory)\b"
)
_MOST_METRICS = 6


def sections(run: Run, images: Images) -> list[Section]:
    """Return the summary, and the settings of the run."""
    parts = [_figures(run), pairs(dict(_facts(run))), "<h3>To repeat it</h3>", code(_command(run))]
    settings = [_differences(run)]
    if run.config is not None:
        settings.append(details("The whole config", code(run.config.pretty_text)))
    if run.environment:
        settings.append("<h3>Environment</h3>" + pairs(run.environment))
    return [
        Section("summary", "Summary", "".join(parts)),
        Section("settings", "Settings", "".join(settings)),
    ]


def _figures(run: Run) -> str:
    """Return the metrics: the best ones of a training, and those of a test."""
    shown = dict(_best(run))
    shown |= {f"{name} of the test": number(value) for name, value in run.test_metrics.items()}
    boxes = (
        f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>"
        for name, value in list(shown.items())[: 2 * _MOST_METRICS]
    )
    return f'<div class="figures">{"".join(boxes)}</div>'


def _best(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the first metrics at the step where the first of them was best."""
    curves = run.curves
    if curves is None or not curves.metrics:
        return
    names = list(curves.metrics)[:_MOST_METRICS]
    first = curves.metrics[names[0]]
    best = max(first, key=first.__getitem__)
    where = f"epoch {curves.epoch[best]}" if best in curves.epoch else f"iteration {best:,}"
    yield f"best {names[0]}, {where}", number(first[best])
    for name in names[1:]:
        if best in curves.metrics[name]:
            yield f"{name}, {where}", number(curves.metrics[name][best])


def _facts(run: Run) -> Iterator[tuple[str, object]]:
    logs = run.main_logs
    kind = "Training" if run.trained else "Test"
    yield kind, run.recipe or (run.config_file.stem if run.config_file else run.name)
    header = logs[-1].header if logs else {}
    for label in ("model", "data", "device", "lr"):
        if label in header:
            yield ("learning rate" if label == "lr" else label).capitalize(), header[label]
    if run.curves is not None:
        yield (
            "Iterations",
            f"{max(run.curves.loss):,}"
            + (f" in {max(run.curves.epoch.values()):,} epochs" if run.curves.epoch else ""),
        )
    durations = [log.duration for log in logs if log.duration]
    if durations:
        started = f", from {logs[0].start:%Y-%m-%d %H:%M}" if logs[0].start else ""
        starts = f" in {len(durations)} starts" if len(durations) > 1 else ""
        yield "Time", f"{sum(durations, timedelta())}{starts}{started}"
    if run.checkpoint is not None:
        yield "Weights", run.checkpoint


def _command(run: Run) -> str:
    """Return the command line of the log, else one that runs the config that was kept."""
    for log in reversed(run.main_logs):
        if log.command:
            return log.command
    config = str(run.config_file or "CONFIG")
    if run.trained:
        return shlex.join(["mmresnet", "train", config])
    return shlex.join(["mmresnet", "test", config, str(run.checkpoint or "CHECKPOINT")])


def _differences(run: Run) -> str:
    """Return a table of what the config of the run does not share with its recipe."""
    recipe = run.recipe or (run.config_file and recipe_paths().get(run.config_file.stem))
    if run.config is None or not recipe:
        return note("The recipe of this run is not known; the whole config is below.")
    try:
        before = prepare_run(load_config(recipe)).to_dict()
    except (UserError, ImportError, OSError) as error:
        return note(f"The recipe {recipe} cannot be read: {error}")
    rows = [
        change
        for change in changes(before, run.config.to_dict())
        if not _OF_EVERY_RUN.match(change[0])
    ]
    if not rows:
        return note(f"As in the recipe {recipe}.")
    return note(f"Differs from the recipe {recipe} in:") + table(
        ["setting", "recipe", "this run"], rows
    )
