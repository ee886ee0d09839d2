"""torch's compiler is imported when something is compiled."""

from fresh_process import run

PATCHED = """
import collections, sys
from importlib.machinery import SourceFileLoader

executed = collections.Counter()
execute = SourceFileLoader.exec_module

def counted(self, module):
    executed[module.__name__] += 1
    execute(self, module)

SourceFileLoader.exec_module = counted
from mmresnet import compat
compat.apply(compat.COMPILER)
import torch, torchvision

def is_imported():
    return "torch._dynamo.eval_frame" in sys.modules

model = torch.nn.Linear(2, 2)
optimizer = torch.optim.Adam(model.parameters(), 0.1)

def step():
    optimizer.zero_grad()
    model(torch.ones(3, 2)).square().sum().backward()
    optimizer.step()
    return model.weight.detach().clone()

step()
assert not is_imported()
"""


def test_upstream_imports_it_in_any_case() -> None:
    run(
        """
        import sys
        import torch
        assert "torch._dynamo" not in sys.modules
        import torchvision
        assert "torch._dynamo.eval_frame" in sys.modules, "upstream does without; remove the patch"
        """
    )


USES = """
torch.compile(model, backend="eager")(torch.ones(3, 2))
torch._dynamo.config.suppress_errors
import torch._dynamo.eval_frame as found; assert found.OptimizedModule
from torch._dynamo import optimize
import torch._dynamo.utils; torch._dynamo.utils.counters
from torch._dynamo.variables import builder
import torch._inductor.config; import torch._inductor.compile_fx
torch.export.export(model, (torch.ones(3, 2),))
"""
WHOLE = """
import types
import torch._dynamo, torch._dynamo.utils, torch._dynamo.eval_frame
whole = sys.modules["torch._dynamo"]
assert torch._dynamo is whole and whole.utils is sys.modules["torch._dynamo.utils"]
assert whole.optimize and whole.utils.counters is not None
assert whole.disable.__module__ == "torch._dynamo.decorators"
for name, module in list(sys.modules.items()):
    if name.startswith("torch._dynamo"):
        assert type(module.__spec__.loader).__module__ != "mmresnet.compat.imports.deferred", name
        parent, _, last = name.rpartition(".")
        found = getattr(sys.modules[parent], last, module)
        assert found is module or not isinstance(found, types.ModuleType), name
assert {executed[name] for name in executed if name.startswith("torch._dynamo")} == {1}
before = step()
assert not torch.equal(step(), before)
compiled = torch.compile(model, backend="eager", fullgraph=True)
assert torch.equal(compiled(torch.ones(3, 2)), model(torch.ones(3, 2)))
assert torchvision.ops.roi_align.__globals__["is_compile_supported"]("cpu") is True
"""


def test_it_is_whole_when_it_is_used() -> None:
    """Its modules are those of torch, each imported once, whichever is asked for first."""
    run(
        PATCHED
        + f"""
import os
for use in {USES!r}.strip().splitlines():
    if (child := os.fork()) == 0:
        exec(use)
        assert is_imported(), use
        exec({WHOLE!r})
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, use
"""
    )


def test_nothing_is_compiled_that_was_not_to_be() -> None:
    """Optimizers, whose functions have been called before there was a compiler."""
    run(
        PATCHED
        + """
import torch._dynamo

@torch._disable_dynamo
def seen_by_none(x):
    return x + 1 if not torch.compiler.is_compiling() else x - 1

assert seen_by_none(torch.zeros(1)).item() == 1
assert not is_imported()
compiled = torch.compile(lambda x: seen_by_none(x * 2), backend="eager")
assert compiled(torch.zeros(1)).item() == 1
assert is_imported()
assert seen_by_none(torch.zeros(1)).item() == 1
"""
    )


def test_modules_that_are_looked_at_stay_as_they_are() -> None:
    run(
        PATCHED
        + """
import importlib.util, inspect, warnings
warnings.warn("x")
inspect.getmodule(step)
inspect.stack()
assert importlib.util.find_spec("torch._dynamo").origin == sys.modules["torch._dynamo"].__file__
for module in list(sys.modules.values()):
    hasattr(module, "__file__"), hasattr(module, "__warningregistry__")
assert not is_imported()
"""
    )
