"""Save shards in two processes, on a disk that then is full; print what came of it.

    python save_on_full_disk.py FOLDER first|second

"first": nobody can write. "second": only the second process cannot, for its part is the larger one.
"""

import os
import sys
import tempfile
from functools import partial
from pathlib import Path

import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

from mmresnet.engine.checkpoints.files import find_newest
from mmresnet.engine.checkpoints.writer import CheckpointWriter, Save
from mmresnet.engine.sharding.write import write_sharded


def save(folder: Path, kind: str, rank: int, meeting: str) -> None:
    distributed.init_process_group("gloo", meeting, rank=rank, world_size=2)
    mesh, group = init_device_mesh("cpu", (2,)), distributed.new_group(backend="gloo")
    writer = CheckpointWriter()
    for number, size in ((1, 1000), (2, 500_000 if kind == "first" else 1000)):
        tensors = {"weight": distribute_tensor(torch.zeros(size), mesh, [Shard(0)])}
        if kind == "second" and number == 2:
            tensors["more"] = torch.zeros(500_000 if rank else 0)
            if not rank:
                del tensors["more"]
        state = {"meta": {"iter": number}, "optimizer": {}, "seed": torch.tensor(number)}
        path = str(folder / f"iter_{number}.dcp")
        job = Save({path: partial(write_sharded, path, tensors, state, group)})
        if rank == 0:
            job.marker = (str(folder / "last_checkpoint"), path)
        writer.submit(job)
        outcome = writer.wait()
        if rank == 0:
            print("\n".join(outcome.problems), flush=True)
    distributed.barrier()


def main() -> None:
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)
    meeting, processes = f"file://{tempfile.mkdtemp()}/store", []
    for rank in range(2):
        process = os.fork()
        if process == 0:
            code = 1
            try:
                save(folder, kind, rank, meeting)
                code = 0
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(code)
        processes.append(process)
    assert [os.waitpid(one, 0)[1] for one in processes] == [0, 0]
    newest = find_newest(folder)
    print("intact:", Path(newest.path or "none").name)
    print("left:", *sorted(path.name for path in folder.iterdir()))


if __name__ == "__main__":
    main()
