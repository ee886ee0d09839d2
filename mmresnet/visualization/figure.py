"""matplotlib figures that need no display, and saving them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.errors import MissingPackageError, UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of that size in inches, independent of pyplot and of any display.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "Drawing needs matplotlib, which is not installed: pip install matplotlib."
        ) from error
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure in the format of the extension of ``path``; create missing folders.

    Raises:
        UserError: matplotlib does not know the extension.
    """
    allowed = sorted(figure.canvas.get_supported_filetypes())
    path = Path(path)
    if path.suffix[1:].lower() not in allowed:
        raise UserError(
            f"The picture cannot be written to '{path}': the file name must end in one of "
            f"{', '.join('.' + name for name in allowed)}."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
