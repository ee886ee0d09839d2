"""One of two processes: share arrays or detection sets, and write a report.

Usage: shared_annotations.py RANK PORT OUT arrays|ROOT…
"""

import gc
import json
import sys
import time

import numpy as np
import torch.distributed as dist

from mmresnet.errors import UserError


def share_arrays() -> dict:
    """Share two arrays, and then an error."""
    from mmresnet.datasets.node_shared import once_per_node

    calls = []

    def make():
        calls.append(1)
        return [np.arange(1000), np.full((3, 2), 0.5, dtype=np.float32)], {"made_by": rank}

    def fail():
        calls.append(1)
        raise UserError("this cannot be made")

    (numbers, halves), state = once_per_node(make)
    report = {"sum": int(numbers.sum()), "halves": halves.tolist(), **state}
    report |= {"writeable": numbers.flags.writeable, "file": file_of(numbers)}
    try:
        once_per_node(fail)
    except UserError as error:
        report["error"] = str(error)
    return {**report, "calls": len(calls)}


def load_sets(roots: list[str]) -> dict:
    """Load detection sets as a training does."""
    from mmresnet.datasets.coco import dataset as coco
    from mmresnet.datasets.coco.dataset import CocoDataset

    parsed = []
    read = coco.read_columns
    coco.read_columns = lambda *args: parsed.append(args) or read(*args)

    report = {"errors": []}
    for root in roots:
        try:
            dataset = CocoDataset(
                data_root=root,
                ann_file="annotations/instances_train2017.json",
                data_prefix={"img": "train2017/"},
            )
        except UserError as error:
            report["errors"].append(str(error))
        else:
            report["data"] = [dataset.get_data_info(i) for i in range(len(dataset))]
            report["classes"] = dataset.metainfo["classes"]
            report["file"] = file_of(dataset._table._box)
    return {**report, "parsed": len(parsed)}


def file_of(array: np.ndarray) -> str | None:
    """Return the file that an array is mapped from."""
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    return None if array is None else str(array.filename)


if __name__ == "__main__":
    rank, port, out, *what = sys.argv[1:]
    dist.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=int(rank), world_size=2
    )
    report = share_arrays() if what == ["arrays"] else load_sets(what)
    with open(f"{out}/{rank}.json", "w") as file:
        json.dump(report, file)
    time.sleep(0.1)  # see _leave_process_group in mmresnet/cli/command.py
    dist.destroy_process_group()
    gc.collect()  # a group's threads end with the last that refers to it
