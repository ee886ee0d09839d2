"""What one training asks of the file system until the end of its first iteration."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from _measuring import print_table
from startup import HOOK

from mmresnet.config.find import recipe_paths
from mmresnet.datasets.demo.digits import write_digits

LOOK_UPS = (
    "stat",
    "lstat",
    "newfstatat",
    "statx",
    "access",
    "faccessat2",
    "readlink",
    "readlinkat",
)
CALL = re.compile(r"^\d+ +(\w+)\((?:AT_FDCWD, )?(?:\"((?:[^\"\\]|\\.)*)\")?.*= (-?\d+)")
NO_FILES = ("/proc/", "/sys/", "/dev/")
RANKS = 1024


def calls_of(trace: Path) -> tuple[Counter[str], set[str]]:
    """Return the number of calls by kind, and the files that were opened."""
    counts: Counter[str] = Counter()
    files = set()
    for line in trace.read_text(errors="replace").splitlines():
        found = CALL.match(line)
        if not found or not found[2] or found[2].startswith(NO_FILES):
            continue
        name, path, result = found.groups()
        if name in ("open", "openat"):
            counts["opened" if int(result) >= 0 else "not found"] += 1
            if int(result) >= 0:
                files.add(path)
        elif name in LOOK_UPS:
            counts["looked up"] += 1
    return counts, files


def traced_start(folder: Path) -> tuple[Counter[str], set[str]]:
    """Train for an iteration on the handwritten digits, and return the calls and files."""
    data = folder / "digits"
    write_digits(data)
    (folder / "end_after_an_iteration.py").write_text(HOOK)
    (folder / "config.py").write_text(
        f"_base_ = {str(recipe_paths()['digits_resnet20'])!r}\n"
        "one = dict(num_workers=0, persistent_workers=False)\n"
        f"train_dataloader = dict(dataset=dict(data_root={str(data)!r}), **one)\n"
        f"val_dataloader = dict(dataset=dict(data_root={str(data)!r}), **one)\n"
        "test_dataloader = val_dataloader\n"
        "custom_imports = dict(imports=['end_after_an_iteration'])\n"
        "custom_hooks = [dict(type='mmengine.EndAfterAnIteration')]\n"
    )
    trace = folder / "trace"
    kinds = ",".join(("open", "openat", *LOOK_UPS))
    command = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", f"trace=?{kinds.replace(',', ',?')}"]
    command += ["-o", str(trace), sys.executable, "-m", "mmresnet", "train", "config.py"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(folder)])}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 99:
        raise RuntimeError(done.stdout[-1000:] + done.stderr[-1000:])
    return calls_of(trace)


def print_start() -> None:
    """Print the calls of one process, and of 1,024 on one file system."""
    if shutil.which("strace") is None:
        raise SystemExit("This needs strace: apt install strace.")
    with tempfile.TemporaryDirectory() as name:
        counts, files = traced_start(Path(name))
        sizes = [os.path.getsize(path) for path in files if os.path.isfile(path)]
        own = [path for path in files if path.startswith(name)]
    values = {
        "files opened": counts["opened"],
        "opened in vain": counts["not found"],
        "looked up (stat, access, readlink)": counts["looked up"],
        "different files": len(files) - len(own),
        "MB of these files": round(sum(sizes) / 1e6),
    }
    rows = [(key, f"{value:,}", f"{RANKS * value:,}") for key, value in values.items()]
    print_table(("until the end of the first iteration", "one process", f"{RANKS:,}"), rows)
