"""mmengine reads checkpoints without running code, its own included."""

import functools
import inspect
import os
from typing import IO, Any

from mmresnet.errors import UserFileNotFoundError
from mmresnet.weights.formats.detect import reported_for


def load_checkpoint_file(
    file: str | os.PathLike[str] | IO[bytes], map_location: Any = None, **_: object
) -> Any:
    """Read a checkpoint, given by path or as an open file, without executing what it holds.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: The file is cut off, is not a checkpoint, or holds more than plain values.
    """
    from mmresnet.weights.formats.torch_files import load_values

    name = "The checkpoint"
    if isinstance(file, (str, os.PathLike)):
        file = name = os.path.expanduser(file)
        if not os.path.isfile(file):
            raise UserFileNotFoundError(f"There is no checkpoint {file}.")
    with reported_for(name):
        return load_values(file, map_location)


class _SafeTorch:
    """The module torch as mmengine's checkpoint reader sees it: its ``load`` never runs code."""

    load = staticmethod(load_checkpoint_file)

    def __getattr__(self, name: str) -> object:
        import torch

        return getattr(torch, name)


def reads_only_values() -> bool:
    from mmengine.runner import checkpoint

    source = inspect.getsource(checkpoint)
    return "weights_only=True" in source and "weights_only=False" not in source


def patch_loading() -> None:
    from mmengine.runner import checkpoint

    from mmresnet.weights.formats.torch_files import allow_history_buffer, explain_errors

    allow_history_buffer()
    checkpoint.torch = _SafeTorch()
    if hasattr(checkpoint, "_safe_torch_load"):  # the fork's; it disallows our types after a file
        checkpoint._safe_torch_load = load_checkpoint_file
    upstream_load_url = checkpoint.load_url  # torch.hub's, which runs what it downloads

    @functools.wraps(upstream_load_url)
    def load_url(url: str, *args: object, **kwargs: object) -> object:
        kwargs["weights_only"] = True
        with reported_for(url), explain_errors():
            return upstream_load_url(url, *args, **kwargs)

    checkpoint.load_url = load_url
