"""Several processes run without a GPU."""

import functools
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def sets_a_gpu_regardless() -> bool:
    from mmengine.dist import utils

    source = inspect.getsource(utils._init_dist_pytorch)
    return "torch.cuda.set_device" in source and "is_cuda_available" not in source


def patch_init_dist() -> None:
    from mmengine.device import get_device
    from mmengine.dist import utils
    from torch import distributed

    upstream_init = utils._init_dist_pytorch

    def init(backend: str, init_backend: str = "torch", **kwargs: Any) -> None:
        if get_device() != "cpu":
            upstream_init(backend, init_backend=init_backend, **kwargs)
        else:  # nccl, mmengine's default, is for GPUs alone
            backend = "gloo" if backend == "nccl" else backend
            distributed.init_process_group(backend=backend, **kwargs)

    utils._init_dist_pytorch = init


def passes_device_ids_regardless() -> bool:
    from mmengine.runner import Runner

    source = inspect.getsource(Runner.wrap_model)
    return "device_ids" in source and "is_cuda_available" not in source


def patch_data_parallel() -> None:
    from mmengine.model import MMDistributedDataParallel

    upstream_init = MMDistributedDataParallel.__init__

    @functools.wraps(upstream_init)
    def init(self: Any, module: "nn.Module", *args: Any, **kwargs: Any) -> None:
        if any(parameter.device.type == "cpu" for parameter in module.parameters()):
            kwargs.pop("device_ids", None)
        upstream_init(self, module, *args, **kwargs)

    MMDistributedDataParallel.__init__ = init


def samplers_ask_who_they_are() -> bool:
    from mmengine.dataset.sampler import DefaultSampler

    parameters = inspect.signature(DefaultSampler).parameters
    return "rank" not in parameters and "num_replicas" not in parameters


@contextmanager
def mmengine_takes_for(rank: int, world_size: int) -> Iterator[None]:
    """Let mmengine say inside that this is process ``rank`` of ``world_size``."""
    from mmengine.dist import utils

    before = utils.get_rank, utils.get_world_size
    utils.get_rank, utils.get_world_size = lambda group=None: rank, lambda group=None: world_size
    try:
        yield
    finally:
        utils.get_rank, utils.get_world_size = before
