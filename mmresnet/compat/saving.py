"""Writing of the checkpoints that mmengine's Runner puts together."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def writes_at_once() -> bool:
    from mmengine.runner import Runner

    return "        save_checkpoint(" in inspect.getsource(Runner.save_checkpoint)


@contextmanager
def mmengine_writes_by(write: Callable[..., None]) -> Iterator[None]:
    """Let ``write`` take the place of mmengine's function ``save_checkpoint`` inside.

    Args:
        write: Called as that is: with the checkpoint, its path, and ``file_client_args`` and
            ``backend_args`` for another place than the disk.
    """
    from mmengine import runner
    from mmengine.runner import runner as module

    before = runner.save_checkpoint
    # the Runner's own name of it, and the one that hooks import
    module.save_checkpoint = runner.save_checkpoint = write
    try:
        yield
    finally:
        module.save_checkpoint = runner.save_checkpoint = before
