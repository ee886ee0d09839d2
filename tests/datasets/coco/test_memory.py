"""The memory of workers that read annotations does not grow with the epochs."""

import gc
import json
import multiprocessing
import sys
from pathlib import Path

import pytest

pytest.importorskip("mmdet")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

IMAGES, BOXES = 3000, 8


def unique_kilobytes() -> int:
    """Return the memory of this process that no other process shares."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private"))


def read_epochs(dataset, epochs, results):
    gc.disable()  # it would write to memory that other tests have left in the process
    used = []
    for _ in range(epochs):
        boxes = sum(len(dataset.get_data_info(i)["instances"]) for i in range(len(dataset)))
        assert boxes == IMAGES * BOXES
        used.append(unique_kilobytes())
    results.put(used)


@pytest.fixture
def many(tmp_path):
    """A set of 3,000 (empty) images with 24,000 boxes."""
    (tmp_path / "images").mkdir()
    images = [
        {"id": i, "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in range(IMAGES)
    ]
    for image in images:
        (tmp_path / "images" / image["file_name"]).touch()
    annotations = [
        {
            "id": i * BOXES + k + 1,
            "image_id": i,
            "category_id": 1,
            "bbox": [k, k, 50.5, 60.5],
            "segmentation": [[float(v) for v in range(60)]],
        }
        for i in range(IMAGES)
        for k in range(BOXES)
    ]
    content = dict(images=images, annotations=annotations, categories=[dict(id=1, name="cat")])
    (tmp_path / "a.json").write_text(json.dumps(content))
    return tmp_path


def memory_of_reader(dataset, epochs):
    """Return the unshared memory of a forked reader after each epoch, in kilobytes."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    worker = context.Process(target=read_epochs, args=(dataset, epochs, results))
    worker.start()
    used = results.get(timeout=120)
    worker.join()
    print("unshared kilobytes after each epoch:", used)
    return used


@pytest.mark.full
def test_a_workers_unshared_memory_does_not_grow(many):
    from mmresnet.datasets.coco.columns import read_columns
    from mmresnet.datasets.coco.dataset import CocoDataset

    keywords = dict(data_root=str(many), ann_file="a.json", data_prefix={"img": "images/"})
    dataset = CocoDataset(**keywords)
    columns = read_columns(many / "a.json").arrays
    size = sum(column.nbytes for column in columns.values()) // 1024
    assert size > 8000
    used = memory_of_reader(dataset, epochs=12)
    assert max(used) - used[0] < size / 20
    # the measure detects copies: reading plain objects changes their reference counts
    plain = CocoDataset(**keywords, serialize_data=False)
    copied = max(memory_of_reader(plain, epochs=1))
    assert copied > size
    assert max(used) < copied / 2  # the annotations are in memory shared with the parent
