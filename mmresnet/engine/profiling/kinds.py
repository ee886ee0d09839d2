"""The kinds of work in a training step, and the names of the operators that do it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

# what annotates the parts of a step that no operator's name tells
PREPROCESSING = "mmresnet::preprocessing"
FORWARD = "mmresnet::forward"
HEAD = "mmresnet::head"
LOSS = "mmresnet::loss"
BACKWARD = "mmresnet::backward"
OPTIMIZER = "mmresnet::optimizer"

ENGINE = "autograd::engine::evaluate_function: "  # precedes the name of a node of the backward pass

_MEMORY = "passes over memory (BN, ReLU, additions, copies)"
_BOXES = "RoIAlign, NMS and heads"


@dataclass(frozen=True)
class Kind:
    """A kind of work.

    Attributes:
        name: Its row of the table.
        bound: What bounds a step that consists of it for the most part.
        pattern: Found in the names of its operators and annotations; empty if it has none.
        whole: Whether all work inside of these is of this kind. Otherwise an operator inside that
            is of another kind counts as that: the cast of a weight to 16 bits, of a convolution.
    """

    name: str
    bound: str
    pattern: str = ""
    whole: bool = False


INPUT = Kind("input: waiting for data", "input", r"^enumerate\(DataLoader\)", whole=True)
COMMUNICATION = Kind("communication", "communication", r"^c10d::|^nccl:", whole=True)
LOSSES = Kind("losses", "losses", re.escape(LOSS), whole=True)
REST_OF_HEADS = Kind("heads, the rest", _BOXES)
OTHER = Kind("other operators", "other operators")
PYTHON = Kind("Python, the rest", "Python")

# in the order of the table; an operator is of the first one whose pattern its name has
KINDS = (
    INPUT,
    Kind("input: transfer, normalization", "input", re.escape(PREPROCESSING), whole=True),
    Kind("convolutions", "convolutions", r"conv(olution|[123]d|_depthwise|_transpose)|DeformConv"),
    Kind(
        "normalization layers",
        _MEMORY,
        r"(batch|group|instance|layer)_norm|SyncBatchNorm",
        whole=True,
    ),
    Kind("ReLU", _MEMORY, r"::((leaky_)?relu6?_?|threshold_backward|gelu|silu|hardtanh)"),
    Kind("additions", _MEMORY, r"^aten::add_?$"),
    Kind("RoIAlign", _BOXES, r"roi_?(align|pool)|R[oO]I(Align|Pool)", whole=True),
    Kind("pooling", _MEMORY, r"pool[123]d"),
    Kind("linear layers", "linear layers", r"::(linear|mkldnn_linear|addmm|mm|bmm|matmul)\b"),
    Kind("copies, casts", _MEMORY, r"::(copy_|_to_copy|to|clone|contiguous|cat|stack)$"),
    Kind("NMS", _BOXES, r"::nms|NMSop", whole=True),
    REST_OF_HEADS,
    LOSSES,
    Kind("optimizer", "the optimizer", rf"{re.escape(OPTIMIZER)}|^Optimizer\.", whole=True),
    COMMUNICATION,
    OTHER,
    PYTHON,
)


@cache
def kind_of(name: str) -> Kind | None:
    """Return the kind of an operator or annotation, by its name alone, or None."""
    return next((k for k in KINDS if k.pattern and re.search(k.pattern, name)), None)


@cache
def is_operator(name: str) -> bool:
    """Return whether an event is an operator: not an annotation, nor a node of autograd."""
    return "::" in name and not name.startswith(("mmresnet::", "autograd::", "torch::autograd::"))
