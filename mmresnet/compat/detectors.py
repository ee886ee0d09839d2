"""Detectors without mmpretrain.

mmdet 3.3 and onedl-mmdetection 3.5 import it wherever it is installed, with 400 modules of its own,
for the models of re-identification alone; where it is not installed, they do without.
"""

import sys


def import_detectors(with_mmpretrain: bool) -> None:
    """Import ``mmdet.models``, and mmpretrain only if it is wanted or there already.

    Without it, mmdet's models of re-identification cannot be built in this process.
    """
    hide = not with_mmpretrain and "mmpretrain" not in sys.modules
    if hide:
        sys.modules["mmpretrain"] = None  # an import of it fails, as where it is not installed
    try:
        import mmdet.models  # noqa: F401
    finally:
        if hide:
            del sys.modules["mmpretrain"]
