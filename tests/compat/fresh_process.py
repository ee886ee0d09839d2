"""Code run in a new process, where nothing has been imported."""

import subprocess
import sys
import textwrap


def run(code: str) -> None:
    code = textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
