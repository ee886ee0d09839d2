"""``python -m mmresnet``: the command ``mmresnet``, or anyone's script with mmresnet's patches.

A script, such as mmpretrain's ``tools/train.py`` or mmdet's ``tools/test.py``, runs as by
``python``, but mmcv has its operators, and weights of any layout can be loaded::

    python -m mmresnet tools/test.py CONFIG CHECKPOINT
    torchrun --nproc-per-node 2 -m mmresnet tools/test.py … --launcher pytorch
"""

import sys
from pathlib import Path

from mmresnet.cli.command import run
from mmresnet.cli.main import main
from mmresnet.errors import UserFileNotFoundError


def run_script(arguments: list[str]) -> None:
    """Run the script ``arguments[0]`` with the other arguments.

    Raises:
        UserFileNotFoundError: There is no such script.
        MissingPackageError: mmengine or mmcv is not installed.
    """
    if not Path(arguments[0]).is_file():
        raise UserFileNotFoundError(f"There is no script '{arguments[0]}'.")

    import mmresnet.registry  # noqa: F401  applies the patches
    from mmresnet.ops import auto

    auto.run_script(arguments)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    script = bool(arguments) and Path(arguments[0]).suffix == ".py"
    sys.exit(run(run_script, arguments) if script else main(arguments))
