"""Pictures beside each other in a row, each with a line or two below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmresnet.report.html import escape

SCRIPT = "strips.js"  # a click enlarges


@dataclass(frozen=True)
class Frame:
    """A picture of a row: its index in the page, or None where it has none, and its caption."""

    picture: int | None
    title: str
    lines: Sequence[str] = ()


def strip(frames: Sequence[Frame], wide: bool = False) -> str:
    """Return the pictures in a row, which scrolls where the page is narrow.

    Args:
        wide: Larger pictures, for images in which details count.
    """
    kind = "strip wide" if wide else "strip"
    return f'<div class="{kind}">{"".join(map(_figure, frames))}</div>'


def grid(strips: Sequence[str]) -> str:
    """Return rows of pictures, several beside each other where there is room."""
    return f'<div class="strips">{"".join(strips)}</div>'


def _figure(frame: Frame) -> str:
    if frame.picture is None:
        image = '<span class="no-picture">no picture</span>'
    else:
        image = f'<img data-picture="{frame.picture}" alt="{escape(frame.title)}">'
    lines = "".join(f"<span>{escape(line)}</span>" for line in frame.lines)
    return f"<figure>{image}<figcaption><b>{escape(frame.title)}</b>{lines}</figcaption></figure>"
