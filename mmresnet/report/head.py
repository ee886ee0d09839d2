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
from mmresnet.visualization.curves import Curves

# settings that a run has by itself: its place, its device, what it continues from
_OF_EVERY_RUN = re.compile(
    r"^(work_dir|launcher|resume|load_from|custom_hooks|env_cfg|log_level|visualizer|vis_backends"
    r"|default_hooks\.checkpoint\.type|val_cfg\.type|optim_wrapper\.(type|dtype)"
    r"|\w+_dataloader\.pin_memory)\b"
)
_MOST_METRICS = 6


def summary(run: Run, images: Images) -> list[Section]:
    """Return what was run, how it ended, and how to repeat it."""
    parts = [_figures(run), pairs(dict(_facts(run))), "<h3>To repeat it</h3>", code(_command(run))]
    return [Section("summary", "Summary", "".join(parts))]


def settings(run: Run, images: Images) -> list[Section]:
    """Return what differs from the recipe, the config, and the environment."""
    parts = [_differences(run)]
    if run.config is not None:
        parts.append(details("The whole config", code(run.config.pretty_text)))
    if run.environment:
        parts.append("<h3>Environment</h3>" + pairs(run.environment))
    return [Section("settings", "Settings", "".join(parts))]


def _figures(run: Run) -> str:
    """Return the metrics: the best and last ones of a training, and those of a test."""
    shown = [*_of_validation(run)]
    shown += [(f"{name}, test", value) for name, value in run.test_metrics.items() if value != -1]
    boxes = (
        f"<div><b>{number(value)}</b><span>{escape(name)}</span></div>"
        for name, value in shown[: 2 * _MOST_METRICS]
    )
    return f'<div class="figures">{"".join(boxes)}</div>'


def _of_validation(run: Run) -> Iterator[tuple[str, float]]:
    """Yield the metrics at the step whose checkpoint is the best one, and its last value."""
    curves = run.curves
    if curves is None or not curves.metrics:
        return
    main, lower = _best_by(run, list(curves.metrics))
    values = curves.metrics[main]
    best = (min if lower else max)(values, key=values.__getitem__)
    last = max(values)
    yield f"{main}, best: {_position(curves, best)}", values[best]
    if last != best:
        yield f"{main}, last: {_position(curves, last)}", values[last]
    for name in [name for name in curves.metrics if name != main][: _MOST_METRICS - 2]:
        if best in curves.metrics[name]:
            yield f"{name}: {_position(curves, best)}", curves.metrics[name][best]


def _best_by(run: Run, names: list[str]) -> tuple[str, bool]:
    """Return the metric that the best checkpoint is chosen by, and whether lower is better."""
    hook = ((run.config or {}).get("default_hooks") or {}).get("checkpoint") or {}
    main = hook.get("save_best")
    main = main if main in names else names[0]
    lower = hook.get("rule") == "less" or any(word in main for word in ("loss", "error"))
    return main, lower


def _position(curves: Curves, step: int) -> str:
    return f"epoch {curves.epoch[step]:,}" if step in curves.epoch else f"iteration {step:,}"


def _facts(run: Run) -> Iterator[tuple[str, object]]:
    logs = run.main_logs
    kind = "Training" if run.trained else "Test"
    yield kind, run.config_name
    header = (logs[-1].header if logs else {}) or _of_config(run)
    for label in ("model", "data", "device", "lr"):
        if label in header:
            name = "learning rate" if label == "lr" else label
            yield name.capitalize(), header[label].rstrip(".")
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
        yield (
            "Best weights" if run.checkpoint.name.startswith("best") else "Weights",
            run.checkpoint,
        )


def _of_config(run: Run) -> dict[str, str]:
    """Return model and data as the config names them, for runs of other tools."""
    model = (run.config or {}).get("model") or {}
    types = [str(one["type"]) for one in (model, model.get("backbone")) if one and "type" in one]
    loader = (run.config or {}).get("train_dataloader" if run.trained else "test_dataloader") or {}
    root = (loader.get("dataset") or {}).get("data_root")
    found = {"model": ", ".join(types), "data": str(root or "")}
    return {name: text for name, text in found.items() if text}


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
    recipe = run.recipe or recipe_paths().get(run.config_name)
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
