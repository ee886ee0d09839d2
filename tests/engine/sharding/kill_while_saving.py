"""Save shards in two processes that are killed meanwhile; print what was found after each kill.

    python kill_while_saving.py FOLDER KILLS

Folders are written at once after each other, as a training's hook does it, without a training.
After each kill every folder under a final name has to be intact, and one of them the newest.
"""

import os
import random
import signal
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

from mmresnet.engine.checkpoints.files import find_newest
from mmresnet.engine.checkpoints.writer import CheckpointWriter, Save
from mmresnet.engine.sharding.write import remove_folder, write_sharded
from mmresnet.weights.formats.sharded import damage, read_sharded

PROCESSES = 2
ROWS = 250_001  # 2 MB, which two processes do not share evenly


def save_forever(folder: Path, rank: int, meeting: str, begin: int) -> None:
    distributed.init_process_group("gloo", meeting, rank=rank, world_size=PROCESSES)
    mesh, group = init_device_mesh("cpu", (PROCESSES,)), distributed.new_group(backend="gloo")
    writer = CheckpointWriter()
    for number in range(begin, 100_000):
        whole = torch.full((ROWS, 2), float(number))
        state = {"meta": {"iter": number}, "optimizer": {}, "seed": torch.tensor(number)}
        state["state_dict"] = {"weight": "sharded tensor state_dict.weight"}
        tensors = {"state_dict.weight": distribute_tensor(whole, mesh, [Shard(0)])}
        path = str(folder / f"iter_{number}.dcp")
        save = Save({path: partial(write_sharded, path, tensors, state, group)})
        if rank == 0:
            save.marker = (str(folder / "last_checkpoint"), path)
            old = str(folder / f"iter_{number - 2}.dcp")
            if os.path.isdir(old):
                save.expired[old] = partial(remove_folder, old)
        writer.submit(save)
        outcome = writer.wait()
        assert not outcome.problems, outcome


def main() -> None:
    folder, kills = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)  # a fork has no other threads
    generator = random.Random(0)
    marker, reached, partial_folders = folder / "last_checkpoint", 0, 0
    for number in range(kills):
        before = marker.read_text() if marker.exists() else ""
        meeting = f"file://{tempfile.mkdtemp()}/store"
        processes = []
        for rank in range(PROCESSES):
            process = os.fork()
            if process == 0:
                try:
                    save_forever(folder, rank, meeting, reached + 1)
                finally:
                    os._exit(1)
            processes.append(process)
        while not marker.exists() or marker.read_text() == before:
            time.sleep(0.01)
        time.sleep(generator.random() * 0.3)
        os.kill(processes[number % PROCESSES], signal.SIGKILL)
        time.sleep(generator.random() * 0.02)  # the other one goes on until it notices
        os.kill(processes[1 - number % PROCESSES], signal.SIGKILL)
        for process in processes:
            os.waitpid(process, 0)
        found = {path: damage(path) for path in folder.glob("*.dcp") if path.name[0] != "."}
        assert set(found.values()) == {None}, found
        newest = find_newest(folder)
        assert newest.path == marker.read_text(), (newest, found)
        assert not newest.damaged, newest
        content = read_sharded(newest.path)
        done = content["meta"]["iter"]
        assert done > reached, (done, reached)
        assert content["state_dict"]["weight"].shape == (ROWS, 2)
        assert bool((content["state_dict"]["weight"] == done).all())
        reached = done
        partial_folders += any(path.name[0] == "." for path in folder.iterdir())
        print(f"kill {number + 1}: iteration {done}, {len(found)} intact", file=sys.stderr)
    print(f"{kills} kills, {partial_folders} of them while a folder was written, {reached} saved")


if __name__ == "__main__":
    main()
