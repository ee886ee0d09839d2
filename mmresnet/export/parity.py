"""What a comparison of a written file with its model is allowed to find, and has found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Tolerance:
    """Limits; beyond any of them nothing is kept.

    Attributes:
        difference: Of a score, as a part of the image's highest score, or of a box in pixels.
            None: any, as of a model with 8 bits.
        agreement: The part of the images with the same best class, or of matched boxes.
        accuracy: How many points less than the model's own.
    """

    difference: float | None = 1e-3
    agreement: float = 0.99
    accuracy: float = 0.5


@dataclass
class Parity:
    """The result of a comparison.

    Attributes:
        figures: What was measured, for the report.
        problems: What is out of the tolerance, each a clause: "the scores differ by up to 0.2".
        summary: What was found, in one line.
        images: A batch on which a score differs most, (N, H, W, 3); None if it is in the samples.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    summary: str = ""
    images: np.ndarray | None = None

    def check(self, name: str, value: float, limit: float | None, problem: str) -> None:
        """Note a figure, and the problem if it is above its limit, or not a number."""
        self.figures[name] = value
        if limit is not None and not value <= limit:
            self.problems.append(problem)

    def report(self, tolerance: Tolerance) -> dict[str, Any]:
        """Return the entry of report.json."""
        return {**self.figures, "tolerance": asdict(tolerance)}
