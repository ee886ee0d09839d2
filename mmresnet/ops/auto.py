"""Importing this module installs the operators, for tools that only read a config.

mmdet's ``tools/train.py`` reads the config before it imports what needs the operators, so there
one line in the config is enough::

    custom_imports = dict(imports=["mmresnet.ops.auto"])

mmdet's ``tools/test.py`` and others import mmdet's metrics, and with them the operators, before
they read a config. Start these through this module, with their usual arguments; then the config
needs no such line::

    python -m mmresnet.ops.auto tools/test.py CONFIG CHECKPOINT
    torchrun --nproc-per-node 2 -m mmresnet.ops.auto tools/test.py … --launcher pytorch
"""

import runpy
import sys
from pathlib import Path

from mmresnet import compat
from mmresnet.ops import install

install()


def run_script(arguments: list[str]) -> None:
    """Run the script ``arguments[0]`` with the other arguments, as ``python`` would.

    Raises:
        SystemExit: No script is given, or it does not exist.
    """
    if not arguments or not Path(arguments[0]).is_file():
        problem = f"'{arguments[0]}' is not a file" if arguments else "no script is given"
        sys.exit(f"{problem}; usage: python -m mmresnet.ops.auto SCRIPT [ARGUMENTS]")
    text = Path(arguments[0]).read_text(encoding="utf-8", errors="replace")
    compat.apply(*(patch for word, patch in compat.IN_SCRIPTS.items() if word in text))
    sys.argv[:] = arguments
    sys.path.insert(0, str(Path(arguments[0]).resolve().parent))
    runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    run_script(sys.argv[1:])
