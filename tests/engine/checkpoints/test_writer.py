"""Writing of checkpoints in the background."""

import torch

from mmresnet.engine.checkpoints.writer import CheckpointWriter, Save


def test_operators_of_the_writing_thread_run_in_it_alone():
    """So that the training keeps the CPUs' threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    seen = []
    try:
        writer = CheckpointWriter()
        writer.submit(Save({"one": lambda: seen.append(torch.get_num_threads())}))
        writer.wait()
    finally:
        torch.set_num_threads(threads)
    assert seen == [1]
