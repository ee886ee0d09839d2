"""A training that is killed at random moments and resumed, beside one that is not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from mmresnet.errors import UserError

_POLL = 0.002  # seconds


@dataclass
class Timeline:
    """When an unbroken training logged its iterations, in seconds from its start.

    Attributes:
        steps: Iterations, ascending.
        times: When each was logged.
        end: When the process ended.
    """

    steps: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    end: float = 0.0

    def draw(self, number: int, generator: random.Random) -> list[Moment]:
        """Return moments, ascending.

        Iterations are drawn uniformly, and for each a time until the next one is logged, with the
        saves and the validation in between. What follows the last iteration counts no longer than
        the longest of these: a process takes seconds to end, with nothing left to lose.
        """
        if not self.times:
            return []
        gaps = [after - before for before, after in pairwise([*self.times, self.end])]
        gaps[-1] = min(gaps[-1], max(gaps[:-1], default=gaps[-1]))
        indices = range(len(gaps))
        drawn = sorted((generator.choice(indices), generator.random()) for _ in range(number))
        return [Moment(self.steps[i], share * gaps[i]) for i, share in drawn]


@dataclass(frozen=True)
class Moment:
    """So many seconds after an iteration was logged: in the next one, a save or a validation."""

    step: int
    delay: float


class Training:
    """``mmresnet train`` in processes of its own.

    Args:
        arguments: Of the command.
        work_dir: The folder for its results; what it prints goes to a file beside it.
        processes: How many train together. They get the environment that torchrun gives them,
            which would start each in a session of its own, out of the reach of a kill.
        port: A free port for several processes.
    """

    def __init__(self, arguments: list[str], work_dir: Path, processes: int, port: int) -> None:
        self.log = work_dir.with_name(f"{work_dir.name}.log")
        self.work_dir = work_dir
        self.started = time.monotonic()
        self._earlier = set(self._curves())
        command = [sys.executable, "-m", "mmresnet", "train", *arguments]
        command += ["--work-dir", str(work_dir)]
        if processes > 1:
            command += ["--launcher", "pytorch"]
        environment = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", **os.environ}  # for determinism
        environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        environment |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
        with self.log.open("a") as file:
            self._processes = [
                subprocess.Popen(
                    command,
                    stdout=file,
                    stderr=file,
                    env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                    start_new_session=True,  # so that a kill reaches its workers, too
                )
                for rank in range(processes)
            ]
        self._read = 0  # bytes of the curve

    def seconds(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started

    def is_running(self) -> bool:
        """Return whether it has not ended yet."""
        return any(process.poll() is None for process in self._processes)

    def new_steps(self) -> list[int]:
        """Return the iterations that were logged since the last call."""
        new = [path for path in self._curves() if path not in self._earlier]
        if not new:
            return []
        with new[-1].open("rb") as file:
            file.seek(self._read)
            *lines, _ = file.read().split(b"\n")
        self._read += sum(len(line) + 1 for line in lines)
        numbers = [json.loads(line) for line in lines]
        return [entry["step"] for entry in numbers if "iter" in entry and "loss" in entry]

    def finish(self) -> Timeline:
        """Wait for the end, and return when the iterations were logged.

        Raises:
            UserError: The training failed.
        """
        timeline = Timeline()
        while self.is_running():
            for step in self.new_steps():
                timeline.steps.append(step)
                timeline.times.append(self.seconds())
            time.sleep(_POLL)
        timeline.end = self.seconds()
        codes = [process.returncode for process in self._processes if process.returncode]
        if codes:
            raise UserError(
                f"The training ended with exit code {codes[0]}; '{self.log}' has what it printed, "
                f"at last:\n{self._last_lines()}"
            )
        return timeline

    def kill_at(self, moment: Moment) -> bool:
        """Kill all of its processes by SIGKILL; return False if the training ended before.

        Raises:
            UserError: The training failed.
        """
        while self.is_running() and not any(step >= moment.step for step in self.new_steps()):
            time.sleep(_POLL)
        time.sleep(moment.delay)
        if not self.is_running():
            self.finish()
            return False
        self.kill()
        return True

    def kill(self) -> None:
        """Kill all of its processes by SIGKILL."""
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        for process in self._processes:
            process.wait()

    def _curves(self) -> list[Path]:
        return sorted(self.work_dir.glob("*/vis_data/scalars.json"))

    def _last_lines(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
