"""The hook that records a few steps of a training, and ends it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from torch.profiler import ProfilerActivity, schedule
from torch.profiler import profile as Profiler

from mmresnet.engine.profiling.annotate import annotated
from mmresnet.engine.profiling.report import describe
from mmresnet.engine.profiling.shares import rows_of
from mmresnet.engine.profiling.trace import read_trace
from mmresnet.engine.terminal import announce
from mmresnet.engine.watch.batch_file import batch_size
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.runner import Runner

_STEPS = 5


class ProfileComplete(Exception):
    """The steps are recorded and reported: the run ends."""


class ProfileHook(Hook):
    """Records some steps by ``torch.profiler`` after others to warm up, reports them, and ends.

    mmengine's ``ProfilerHook`` counts from the first iteration of a training, writes the traces of
    all processes to one file, and goes on.

    Workers of a data loader prepare the first batches together. So as many steps warm up as they
    prepare in advance, and as many are recorded as there are workers, 5 at least of both.

    Raises:
        UserError: The training has fewer iterations left.
        ProfileComplete: After the last of these steps.
    """

    priority = "VERY_LOW"  # after the other hooks, whose time belongs to the step

    def __init__(self) -> None:
        self._at_end = ExitStack()
        self._profiler: Any = None
        self._warm_up = self._recorded = _STEPS
        self._images: list[int] = []  # of each step
        self._times: list[float] = []  # when each step ended

    def before_train(self, runner: Runner) -> None:
        """Begin with the steps that warm up."""
        loader = runner.train_dataloader
        workers = loader.num_workers
        self._warm_up = max(_STEPS, workers * (loader.prefetch_factor or 0))
        self._recorded = max(_STEPS, workers)
        needed, left = self._warm_up + self._recorded, runner.max_iters - runner.iter
        if left < needed:
            raise UserError(
                f"--profile takes {needed} iterations, {self._warm_up} of them to warm up, and the "
                f"training has {left} left: train for longer, or from an earlier checkpoint."
            )
        announce(
            runner.logger,
            f"Profiling {self._recorded} iterations after {self._warm_up} to warm up, and no more: "
            "no checkpoint is written.",
        )
        activities = [ProfilerActivity.CPU]
        if self._on_gpu(runner):
            activities.append(ProfilerActivity.CUDA)
        steps = schedule(wait=self._warm_up - 1, warmup=1, active=self._recorded, repeat=1)
        self._profiler = Profiler(activities=activities, schedule=steps)
        self._at_end.enter_context(annotated(runner))
        self._at_end.enter_context(self._profiler)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count an iteration; after the last one, report and end."""
        self._images.append(batch_size(data_batch))
        done = len(self._images)
        ends = done == self._warm_up + self._recorded
        if (done == self._warm_up or ends) and self._on_gpu(runner):
            torch.cuda.synchronize()  # the steps that are recorded begin and end on the GPU as well
        self._profiler.step()
        self._times.append(time.perf_counter())
        if ends:
            self.close()
            self._report(runner)
            raise ProfileComplete

    def close(self) -> None:
        """Record no longer; calling it again does nothing."""
        self._at_end.close()

    def _report(self, runner: Runner) -> None:
        rank, processes = get_rank(), get_world_size()
        name = "trace.json.gz" if processes == 1 else f"trace_rank{rank}.json.gz"
        path = Path(runner.log_dir, name)
        self._profiler.export_chrome_trace(str(path))
        trace = read_trace(path)
        rows = rows_of(trace, several=processes > 1)
        images = sum(self._images[-self._recorded :]) / self._recorded * processes
        # of the second half of those that warm up, without the last one, in which the profiler does
        before, last = self._warm_up // 2 - 1, self._warm_up - 2
        usual = (self._times[last] - self._times[before]) / (last - before)
        text = describe(
            all_gather_object(rows),
            self._recorded,
            images,
            1e3 * usual,
            runner.train_dataloader.num_workers,
            on_gpu=bool(trace.device),
        )
        traces = path if processes == 1 else path.with_name("trace_rank*.json.gz")
        announce(runner.logger, f"{text}\nTrace, for https://ui.perfetto.dev: {traces}")

    def _on_gpu(self, runner: Runner) -> bool:
        return next(runner.model.parameters()).is_cuda
