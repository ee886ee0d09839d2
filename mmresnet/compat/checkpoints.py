"""mmengine reads checkpoints without running code, its own included."""

import functools
import inspect

from mmresnet.weights.formats.detect import reported_for
from mmresnet.weights.formats.torch_files import (
    allow_checkpoint_types,
    explain_errors,
    load_checkpoint_file,
)


class _SafeTorch:
    """The module torch as mmengine's checkpoint reader sees it: its ``load`` never runs code."""

    def __getattr__(self, name: str) -> object:
        import torch

        return getattr(torch, name)

    @staticmethod
    def load(file: object, map_location: object = None, **_: object) -> dict:
        return load_checkpoint_file(file, map_location)


def reads_only_values() -> bool:
    from mmengine.runner import checkpoint

    source = inspect.getsource(checkpoint)
    return "weights_only=True" in source and "weights_only=False" not in source


def patch_loading() -> None:
    from mmengine.runner import checkpoint

    allow_checkpoint_types(of_mmengine=True)
    checkpoint.torch = _SafeTorch()
    if hasattr(checkpoint, "_safe_torch_load"):  # the fork's; it disallows our types after a file
        checkpoint._safe_torch_load = _SafeTorch.load
    upstream_load_url = checkpoint.load_url  # torch.hub's, which runs what it downloads

    @functools.wraps(upstream_load_url)
    def load_url(url: str, *args: object, **kwargs: object) -> object:
        kwargs["weights_only"] = True
        with reported_for(url), explain_errors():
            return upstream_load_url(url, *args, **kwargs)

    checkpoint.load_url = load_url
