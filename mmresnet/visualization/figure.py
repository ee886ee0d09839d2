"""What the pictures share: matplotlib without a display, and saving."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of that size in inches, independent of pyplot and of any display.

    Raises:
        UserError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise UserError(
            "Pictures need matplotlib, which is not installed: pip install 'mmresnet[demo]'."
        ) from error
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def save(figure: Figure, path: str | os.PathLike) -> None:
    """Write the figure, in the format that the ending of ``path`` says; make its folder."""
    allowed = sorted(figure.canvas.get_supported_filetypes())
    path = Path(path)
    if path.suffix[1:].lower() not in allowed:
        raise UserError(
            f"A picture cannot be written to '{path}': its name must end in one of "
            f"{', '.join('.' + name for name in allowed)}."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
