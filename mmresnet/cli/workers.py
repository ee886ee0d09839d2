"""Errors of the workers of a data loader: what they mean, without their traceback."""

from __future__ import annotations

import re

_IN_WORKER = re.compile(r"Caught (?P<name>\w+) in DataLoader worker process \d+\.")
_KILLED = re.compile(r"DataLoader worker \(pid(?:\(s\))? [\d, ]+\)")
# what the system's names for signals begin with: cause, and what to do
_CAUSES = {
    "Killed": (
        "the system ended it, most likely since memory ran out (the kernel's log, dmesg, then "
        "names it)",
        "use fewer or no workers, num_workers=…, a smaller batch_size, or a machine with more "
        "memory",
    ),
    "Bus error": (
        "its shared memory is full",
        "give /dev/shm more room (docker run --shm-size=8g), or use fewer workers, num_workers=…",
    ),
    "Segmentation fault": (
        "a library crashed, perhaps at a damaged image",
        "run mmresnet check-dataset, which names such files, or num_workers=0 to see where",
    ),
    "Terminated": ("another program or a scheduler ended it", "start the run again"),
}
_UNKNOWN = (
    "it ended without a message, as a process does that runs out of memory",
    "use num_workers=0 to see the error, or fewer workers",
)


def explain_worker(error: BaseException) -> str | None:
    """Return the message for a worker that was killed, or None for another error."""
    if not _KILLED.search(str(error)):
        return None
    # torch raises "exited unexpectedly" from the error that names the signal
    text = f"{error} {error.__cause__ or error.__context__}"
    signal = re.search(r"killed by signal: ([A-Za-z ]+)", text)
    said = signal.group(1).strip() if signal else "exited unexpectedly"
    cause, remedy = _CAUSES.get(said, _UNKNOWN)
    return f"A worker of the data loader died ({said}): {cause}. To go on, {remedy}."


def without_traceback(error: BaseException) -> str:
    """Return the message of an error, which torch's data loader puts a worker's traceback before.

    The last line that begins with the error's name is the error itself; those before it are what
    caused it.
    """
    text = str(error)
    found = _IN_WORKER.match(text)
    if not found:
        return text
    starts = list(re.finditer(rf"^(?:\w+\.)*{found['name']}: ", text, re.MULTILINE))
    return text[starts[-1].end() :].rstrip() if starts else text
