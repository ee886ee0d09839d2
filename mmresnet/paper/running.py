"""Running the steps of an experiment: each once, and what was interrupted goes on."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mmresnet.atomic import atomic_write
from mmresnet.errors import UserError

_IN_A_TERMINAL = ("train", "test")  # these show progress there, and write their figures to files


@dataclass(frozen=True)
class Work:
    """A step with its folders filled in.

    Attributes:
        name: Of the step.
        words: Its command, after ``mmresnet``.
        record: The file that says whether it is finished.
    """

    name: str
    words: list[str]
    record: Path

    @property
    def command(self) -> str:
        """The line to type in a shell."""
        return shlex.join(["mmresnet", *self.words])

    @property
    def printed(self) -> str:
        """What the finished step wrote to its standard output, where that is kept."""
        path = self.record.with_suffix(".txt")
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def is_finished(self) -> bool:
        """Return whether an earlier run has finished it.

        Raises:
            UserError: What was done or begun under this name is another command.
        """
        if not self.record.exists():
            return False
        content: dict[str, Any] = json.loads(self.record.read_text(encoding="utf-8"))
        if content["command"] != self.command:
            raise UserError(
                f"'{self.record}' is of another command: '{content['command']}', where this run "
                f"has '{self.command}'. Give another --out."
            )
        return content["finished"] is not None

    def write_record(self, finished: bool) -> None:
        """Note that the step has begun, or is finished."""
        self.record.parent.mkdir(parents=True, exist_ok=True)
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        content = {"command": self.command, "finished": now if finished else None}
        with atomic_write(self.record) as file:
            json.dump(content, file, indent=1)


def record_of(out: str, name: str) -> Path:
    """Return the file that says whether the step ``name`` is finished."""
    return Path(out) / "steps" / f"{name}.json"


def run_all(steps: Sequence[Work]) -> None:
    """Run what is not finished, in order; print each command before it runs.

    Raises:
        UserError: A finished step is of another command.
        SystemExit: A step failed or was interrupted; the code is the step's.
    """
    done = [step.is_finished() for step in steps]  # all checked before the first one runs
    for number, (step, finished) in enumerate(zip(steps, done, strict=True), start=1):
        state = "  (finished)" if finished else ""
        print(f"[{number}/{len(steps)}] {step.command}{state}", flush=True)
        if finished:
            continue
        step.write_record(finished=False)
        code = _run(step)
        if code:
            print(
                f"Step {number} of {len(steps)}, '{step.name}', ended with exit code {code}. "
                "The same command goes on from there.",
                file=sys.stderr,
            )
            raise SystemExit(code)
        step.write_record(finished=True)


def _run(step: Work) -> int:
    """Run a step in a process of its own, and return its exit code."""
    command = [sys.executable, "-m", "mmresnet", *step.words]
    if step.words[0] in _IN_A_TERMINAL:
        with _process(command) as process:
            code = process.wait()
    else:
        with (
            atomic_write(step.record.with_suffix(".txt")) as file,
            _process(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process,
        ):
            for line in process.stdout or ():
                print(line, end="", flush=True)
                file.write(line)
            code = process.wait()
    return code if code >= 0 else 128 - code  # as a shell gives the signal that killed it


@contextlib.contextmanager
def _process(command: list[str], **keywords: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start a process that answers SIGINT and SIGTERM itself, by saving its state.

    A terminal sends Ctrl-C to both; SIGTERM comes to this process alone, and is passed on.
    """
    started: list[subprocess.Popen[Any]] = []
    asked_to_end = False

    def pass_on(*_: object) -> None:
        nonlocal asked_to_end
        asked_to_end = True
        for process in started:
            process.terminate()

    earlier = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, pass_on),
    }
    try:
        started.append(subprocess.Popen(command, **keywords))
        if asked_to_end:  # before there was a process
            pass_on()
        yield started[0]
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
