"""What became of the weights in a file: for the log, and as an object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from mmresnet.weights.hub.preprocessing import Preprocessing


@dataclass
class Report:
    """How much of a file is in the model, and how much of the model comes from the file.

    Attributes:
        source: Path or name of the file; empty for tensors that came from none.
        layout: Whose names the file has, a key of ``mmresnet.weights.names.layouts.LAYOUTS``.
        wrapper: Where in the checkpoint the weights were, and what its names began with.
        net: What the file holds, such as ``ResNet-50-D``.
        loaded, total: Tensors of the backbone that were loaded, and that it has; without
            ``num_batches_tracked``.
        counters: How many ``num_batches_tracked`` the file lacks; they start at 0.
        statistics: Means and variances that the file lacks, since it is of FrozenBatchNorm layers,
            whose scale and bias include them; they are set to 0 and 1.
        added: Tensors of operators and plugins, which the file of a plain net lacks; they are left
            unchanged, and not counted.
        head: What became of the classifier.
        others: Tensors of the model's other parts that were loaded, and that it has.
        replaced: Tensors of heads for another number of classes, left unchanged in the model,
            as ``name: file (…), model (…)``.
        missing: Tensors of the backbone that were not loaded, under the model's names.
        shapes: Tensors that were not loaded, since their shapes differ otherwise.
        left_over: Names in the file that the model has no place for.
        preprocessing: How the images were prepared that the weights were trained on, if known.
        recipe: How they were trained, in their publisher's words, if known.
        style: Where the stride of their bottlenecks is, "pytorch" or "caffe", if known.
        notes: What else a reader should know.
    """

    source: str = ""
    layout: str = ""
    wrapper: str = ""
    net: str = ""
    loaded: int = 0
    total: int = 0
    counters: int = 0
    statistics: int = 0
    added: list[str] = field(default_factory=list)
    head: str = ""
    others: tuple[int, int] = (0, 0)
    replaced: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    shapes: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    preprocessing: Preprocessing | None = None
    recipe: str = ""
    style: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every tensor of the backbone was loaded."""
        return self.loaded == self.total

    def __str__(self) -> str:
        where = f" at '{self.wrapper}'" if self.wrapper else ""
        what = f"{self.net}, {self.layout} layout" if self.net else "tensors by name"
        lines = [f"Weights of {self.source or 'a state dict'}: {what}{where}."]
        if self.net:
            lines.append(f"  backbone: {self.loaded} of {self.total} tensors loaded")
        if self.counters:
            lines[-1] += f"; {self.counters} num_batches_tracked are not in the file and start at 0"
        if self.statistics:
            lines[-1] += (
                f"; {self.statistics} running statistics are part of the file's FrozenBatchNorm "
                "layers, so means are 0 and variances 1"
            )
        if self.added:
            lines.append(
                f"  {len(self.added)} tensors of operators and plugins, which a plain net lacks, "
                f"are left unchanged: {listed(self.added)}"
            )
        if self.missing:
            lines.append(f"  not loaded: {listed(self.missing)}")
        if self.shapes:
            lines.append(f"  other shapes: {listed(self.shapes)}")
        if self.head:
            lines.append(f"  head: {self.head}")
        if self.others[1]:
            lines.append(f"  other parts: {self.others[0]} of {self.others[1]} tensors loaded")
        if self.replaced:
            lines.append(f"  for other classes, and left unchanged: {listed(self.replaced)}")
        if self.left_over:
            lines.append(
                f"  left over in the file: {len(self.left_over)} tensors ({listed(self.left_over)})"
            )
        if self.preprocessing:
            how = f" ({self.recipe})" if self.recipe else ""
            lines.append(f"  trained on images with {self.preprocessing}{how}")
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)


@dataclass
class Fit:
    """What is loaded, and what is not.

    Attributes:
        tensors: The file's, under its names.
        state: The model's.
        report: What became of them.
        state_dict: Tensors of the file under the model's names.
        shapes: Names in the model to names in the file, where the shapes differ.
        unused: Names in the file of tensors that the model has no place for.
    """

    tensors: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    report: Report
    state_dict: dict[str, Tensor] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)


def listed(names: list[str], shown: int = 3) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
