"""What the log file of a run says of it: when, where, by which command."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

_TIME = re.compile(r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) - ")
_SETTING = re.compile(r"^    ([^:]+): (.+)$")
_LEFT_OUT = ("PyTorch compiling details", "sys.platform", "mp_cfg", "MUSA available")
_HEAD = 1 << 20  # bytes, in which the environment and the header are
_TAIL = 1 << 16


@dataclass
class Log:
    """A log file.

    Attributes:
        command: The command line, where the log has it.
        config: The path of the config, where the log has it.
        header: The lines on model, data and device with which a run begins, by their label.
        environment: Versions, devices and settings.
    """

    path: Path
    start: datetime | None = None
    end: datetime | None = None
    command: str | None = None
    config: str | None = None
    header: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def duration(self) -> timedelta | None:
        """The time from the first to the last line."""
        return self.end - self.start if self.start and self.end else None


def read_log(path: Path) -> Log:
    """Read the beginning and the end of a log file."""
    log = Log(path)
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD).decode("utf-8", "replace")
            file.seek(max(0, path.stat().st_size - _TAIL))
            tail = file.read().decode("utf-8", "replace")
    except OSError:
        return log
    times = [found for line in head.splitlines() if (found := _TIME.match(line))]
    last = [found for line in tail.splitlines() if (found := _TIME.match(line))]
    with contextlib.suppress(ValueError, IndexError):
        log.start, log.end = _time(times[0][1]), _time((last or times)[-1][1])
    log.command, log.config = _line(head, "Command: "), _line(head, "Config file: ")
    log.environment = _environment(head)
    log.header = _header(head)
    return log


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y/%m/%d %H:%M:%S")


def _line(text: str, begin: str) -> str | None:
    found = re.search(rf"^\d.* - INFO - {re.escape(begin)}(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else None


def _environment(text: str) -> dict[str, str]:
    block = re.search(r"^System environment:\n(.*?)^-{20,}$", text, re.DOTALL | re.MULTILINE)
    lines = block[1].splitlines() if block else []
    settings = [found for line in lines if (found := _SETTING.match(line))]
    return {one[1]: one[2].strip() for one in settings if one[1] not in _LEFT_OUT}


def _header(text: str) -> dict[str, str]:
    """Return the lines that TerminalHook announces."""
    block = re.search(r"- INFO - (Training|Testing) [^\n]*: ([^\n]*)\n((?:  [^\n]*\n)+)", text)
    if not block:
        return {}
    rows = [line.strip().split(maxsplit=1) for line in block[3].splitlines()]
    return {"model": block[2], **{row[0]: row[1] for row in rows if len(row) == 2}}
