"""Parts of mmengine that few runs use are imported when one is built."""

import importlib.util

import pytest
from fresh_process import run

PATCHED = """
import os, sys
from mmresnet import compat
compat.apply(compat.COMPILER, compat.UNUSED_PARTS)
import torch, mmengine.runner
from mmengine.model import is_model_wrapper
from mmengine.registry import MODEL_WRAPPERS, OPTIMIZERS, STRATEGIES

UNUSED = ("torch.distributed.fsdp", "torch.distributed.tensor", "transformers.utils")
assert not set(UNUSED) & set(sys.modules)
model = torch.nn.Linear(2, 2)

def each(uses, check):
    for use in uses.strip().split("\\n\\n"):
        if (child := os.fork()) == 0:
            exec(use, globals())
            exec(check, globals())
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, use
"""


def test_upstream_imports_them_in_any_case() -> None:
    run(
        """
        import sys
        import mmengine.runner
        assert "torch.distributed.fsdp" in sys.modules, "upstream does without; remove the patch"
        """
    )


def test_model_wrappers_and_optimizers_are_mmengines_when_they_are_used() -> None:
    uses = """
found = MODEL_WRAPPERS.get("MMFullyShardedDataParallel").train_step

from mmengine.model import MMFullyShardedDataParallel as Wrapper
class Own(Wrapper):
    def train_step(self):
        return super().train_step
import torch.distributed.fsdp
assert issubclass(Own, torch.distributed.fsdp.FullyShardedDataParallel)
assert Own.__mro__[1].__module__ == Wrapper.__module__ and not isinstance(Own, type(Wrapper))

import mmengine.model.wrappers.fully_sharded_distributed as module
module.FullyShardedDataParallel

from mmengine.model.wrappers.fully_sharded_distributed import BackwardPrefetch
"""
    check = """
from torch.distributed.fsdp import FullyShardedDataParallel
from mmengine.model import MMFullyShardedDataParallel as Named
real = MODEL_WRAPPERS.get("MMFullyShardedDataParallel")
assert issubclass(real, FullyShardedDataParallel) and Named.train_step is real.train_step
assert issubclass(real, Named) and not issubclass(torch.nn.Linear, Named)
wrapped = real.__new__(real)
assert isinstance(wrapped, Named) and not isinstance(model, Named)
assert is_model_wrapper(wrapped) and not is_model_wrapper(model)
"""
    optimizers = """
import tempfile
torch.distributed.init_process_group(
    "gloo", init_method="file://" + tempfile.mktemp(), rank=0, world_size=1
)
settings = dict(params=model.parameters(), optimizer_type="SGD", lr=0.1)
optimizer = OPTIMIZERS.build(dict(type="ZeroRedundancyOptimizer", **settings))

from mmengine.optim import ZeroRedundancyOptimizer
optimizer = ZeroRedundancyOptimizer(params=model.parameters(), optimizer_type="SGD", lr=0.1)
""".replace("\n\nfrom", "\nfrom")
    of_optimizers = """
from mmengine.optim import ZeroRedundancyOptimizer
import torch.distributed.optim
assert isinstance(optimizer, ZeroRedundancyOptimizer)
assert isinstance(optimizer, torch.distributed.optim.ZeroRedundancyOptimizer)
assert OPTIMIZERS.get("ZeroRedundancyOptimizer") is type(optimizer)
before = model.weight.detach().clone()
model(torch.ones(3, 2)).sum().backward()
optimizer.step()
assert not torch.equal(model.weight, before)
"""
    run(
        PATCHED
        + f"""
assert not is_model_wrapper(model)
Named = MODEL_WRAPPERS.get("MMFullyShardedDataParallel")
assert issubclass(Named, Named) and not issubclass(torch.nn.Linear, Named)
assert MODEL_WRAPPERS.get("MMFullyShardedDataParallel").__name__ == "MMFullyShardedDataParallel"
assert not set(UNUSED) & set(sys.modules)
each({uses!r}, {check!r})
each({optimizers!r}, {of_optimizers!r})
each("found = STRATEGIES.get('FSDPStrategy').load_checkpoint", '''
from mmengine._strategy import FSDPStrategy
from mmengine._strategy.distributed import DDPStrategy
real = STRATEGIES.get("FSDPStrategy")
assert issubclass(real, DDPStrategy) and real.load_checkpoint is FSDPStrategy.load_checkpoint
''')
"""
    )


@pytest.mark.skipif(not importlib.util.find_spec("transformers"), reason="needs transformers")
def test_transformers_is_whole_when_it_is_used() -> None:
    uses = """
optimizer = OPTIMIZERS.build(dict(type="Adafactor", params=model.parameters()))
model(torch.ones(3, 2)).sum().backward()
optimizer.step()
assert isinstance(optimizer, OPTIMIZERS.get("Adafactor"))

from transformers import Adafactor, PretrainedConfig

import transformers.utils
import transformers.optimization

import transformers
transformers.__version__
"""
    check = """
import transformers, transformers.optimization
assert sys.modules["transformers"] is transformers and transformers.__version__
assert transformers.Adafactor is transformers.optimization.Adafactor
"""
    run(
        PATCHED
        + f"""
import importlib.util
assert importlib.util.find_spec("transformers").origin
assert sys.modules["transformers"].__file__
each({uses!r}, {check!r})
"""
    )


def test_commands_do_without() -> None:
    run(
        """
        import sys
        from mmresnet.cli.command import run

        def main(arguments):
            import torch, torchvision, mmengine.runner

        assert run(main, []) == 0
        assert not {"torch._dynamo.eval_frame", "torch.distributed.fsdp"} & set(sys.modules)
        """
    )
