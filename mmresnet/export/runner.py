"""The text of ``run.py``: plain Python that runs an exported model without this package."""

from __future__ import annotations

import inspect
import re

from mmresnet.export.preparation import indented
from mmresnet.export.targets import Target
from mmresnet.export.task import Task

_TEMPLATE = '''\
"""{purpose} with {file}: python run.py IMAGE...

pip install numpy opencv-python {packages}
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
{imports}
FOLDER = Path(__file__).parent


def prepare(path):
    """Return the image in a file as the model takes it: (H, W, 3) uint8 in BGR."""
    image = cv2.imread(str(path))
    if image is None:
        sys.exit(f"'{{path}}' is not an image.")
{preparation}
    return image


{load}

{main}


if __name__ == "__main__":
    main(sys.argv[1:])
'''


def runner(task: Task, target: Target) -> str:
    """Return the content of ``run.py``."""
    preparation = task.preparation
    packages = [*target.runtime, *(["pillow"] if preparation.imports else [])]
    text = _TEMPLATE.format(
        purpose=task.purpose,
        file=target.file,
        packages=" ".join(packages),
        imports="".join(f"{line}\n" for line in preparation.imports),
        preparation=indented(preparation.lines),
        load=_without_types(inspect.getsource(target.module.load)),
        main=task.main.strip(),
    )
    return text.replace("\n\n    return image", "\n    return image")


def _without_types(source: str) -> str:
    """Return ``load`` with ``FOLDER`` as its default, without annotations and comments for us."""
    source = re.sub(r"def load\(folder: Path\) -> .*:\n", "def load(folder=FOLDER):\n", source)
    source = re.sub(r"(def \w+)\(images: np.ndarray\) -> .*:\n", r"\1(images):\n", source)
    return re.sub(r"  # noqa: \w+  ", "  # ", source)
