"""Layers that a format has no operator for: which, and what to take instead."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from mmresnet.errors import UserError
from mmresnet.export.targets import Target

_MISSING = (  # in the messages of torch's exporters and of OpenVINO's converter
    r"No ONNX function found for <OpOverload\(op='(?P<name>[\w:.]+)'",
    r"No (?:decompositions|conversion) registered for .*?(?P<name>[\w:]+\.\w+)",
    r"No conversion rule found for operations?:? *(?P<name>[\w:.]+(?:, *[\w:.]+)*)",
    r"(?s)failed to convert the operations?.*?(?P<name>(?:aten|torchvision|mmcv)[.:]+\w+)",
)
_INSTEAD = {
    "onnx": "--to torch and --to aoti have all of PyTorch's operators",
    "openvino": "--to torch and --to aoti have all of PyTorch's operators",
    "torch": "the model has to be written without what torch.export cannot trace",
    "aoti": "--to torch needs no code for it",
}


@contextlib.contextmanager
def explain_operators(target: Target) -> Iterator[None]:
    """Explain the error of a format's writer that lacks an operator, or cannot trace a model."""
    try:
        yield
    except (UserError, OSError, KeyboardInterrupt):
        raise
    except Exception as error:  # writers raise any
        text = "\n".join(_messages(error))
        for pattern in _MISSING:
            if found := re.search(pattern, text):
                raise UserError(
                    f"{target.title} has no operator for {found['name']}, which the model needs: "
                    f"{_INSTEAD[target.name]}."
                ) from error
        raise


def _messages(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield str(error)
        error = error.__cause__ or error.__context__
