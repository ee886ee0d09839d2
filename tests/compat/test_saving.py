"""A hook gets the checkpoint that mmengine's Runner would write itself."""

import mmengine.runner
from mmengine.runner import runner as module

from mmresnet.compat import SAVING


def test_upstream_writes_at_once():
    assert SAVING.needed(), "Runner.save_checkpoint returns the checkpoint; remove the patch"


def test_inside_another_function_writes():
    before = module.save_checkpoint
    given = []
    with SAVING.apply(lambda *arguments: given.append(arguments)):
        module.save_checkpoint({"a": 1}, "a.pth")
        mmengine.runner.save_checkpoint({"b": 1}, "b.pth")
    assert given == [({"a": 1}, "a.pth"), ({"b": 1}, "b.pth")]
    assert module.save_checkpoint is mmengine.runner.save_checkpoint is before
