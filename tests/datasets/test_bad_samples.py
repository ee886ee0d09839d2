"""A bad sample stops a run, or another takes its place: the same one whoever loads it."""

import copy
import pickle
import shutil

import numpy as np
import pytest
from mmengine.dataset import BaseDataset
from torch.utils.data import DataLoader

pytest.importorskip("mmpretrain")

from mmresnet.datasets.bad_samples import BadSampleLog
from mmresnet.datasets.class_folders import CustomDataset
from mmresnet.datasets.loading import LoadImageFromFile
from mmresnet.errors import SampleError

LOAD = [{"type": "LoadImageFromFile"}]
BAD = ("cat/2.jpg", "owl/0.jpg")


@pytest.fixture
def images(tiny_images, tmp_path):
    """The tiny images, two of the twelve cut off."""
    root = shutil.copytree(tiny_images, tmp_path / "images")
    for name in BAD:
        path = root / "train" / name
        path.write_bytes(path.read_bytes()[:300])
    return root


def build(root, mode="skip", share=0.2, **keywords):
    keywords = {"pipeline": LOAD, "data_prefix": "train", **keywords}
    return CustomDataset(str(root), on_bad_sample=mode, max_bad_share=share, **keywords)


def loaded(dataset, workers, **options):
    loader = DataLoader(dataset, 5, num_workers=workers, collate_fn=list, **options)
    return loader, [sample["img_path"] for batch in loader for sample in batch]


def test_stopping_names_the_file_and_the_way_out(images):
    dataset = build(images, "stop")
    assert type(dataset.pipeline.transforms[0]) is LoadImageFromFile
    assert dataset[0]["img"].shape == (40, 48, 3)
    with pytest.raises(SampleError, match=r"cat/2\.jpg' cannot be used: .*on_bad_sample='skip'"):
        dataset[2]


def test_replacements_are_the_same_with_any_workers_and_in_any_order(images):
    dataset = build(images)
    _, expected = loaded(dataset, 0)
    assert len(expected) == 12
    assert not any(path.endswith(BAD) for path in expected)
    np.random.seed(5)
    assert [dataset[i]["img_path"] for i in (8, 2)] == [expected[8], expected[2]]
    for workers in (1, 2):
        assert loaded(build(images), workers)[1] == expected


@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.full)])
def test_workers_that_persist_report_each_epoch(start, images):
    dataset = build(images)
    options = {"persistent_workers": True, "multiprocessing_context": start}
    loader, _ = loaded(dataset, 2, **options)
    events = list(dataset.bad_samples.events())
    assert {path for path, _ in events} == {str(images / "train" / name) for name in BAD}
    list(loader)
    assert sorted(dataset.bad_samples.events()) == sorted(events * 2)
    assert "cut off" in dataset.bad_samples.events()[-1][1]


def test_too_many_bad_files(images):
    dataset = build(images, share=0.1)  # one of twelve
    assert dataset[2]["img"] is not None
    assert dataset[2]["img"] is not None  # the same file again
    with pytest.raises(SampleError, match=r"2 files of 12 .* max_bad_share=0\.1"):
        dataset[8]


def test_a_worker_knows_what_the_others_have_met(images):
    with pytest.raises(SampleError, match="2 files of 12"):
        loaded(build(images, share=0.1), 2)


@pytest.mark.full
def test_a_test_keeps_every_sample(images):
    dataset = build(images, test_mode=True)
    sample = dataset[2]
    assert sample["img_path"].endswith(BAD[0])
    assert sample["gt_label"] == 0
    assert sample["ori_shape"] == (40, 48)
    assert (sample["img"] == 127).all()
    assert len(dataset.bad_samples.events()) == 1


def test_detection_takes_the_place_with_its_own_boxes(tiny_coco, tmp_path):
    pytest.importorskip("mmdet")
    from mmresnet.datasets.coco.dataset import CocoDataset

    root = shutil.copytree(tiny_coco, tmp_path / "coco")
    (root / "train2017" / "000000000003.jpg").write_bytes(b"")
    pipeline = [*LOAD, {"type": "LoadAnnotations", "with_bbox": True, "_scope_": "mmdet"}]
    pipeline[0] = {"type": "mmresnet.LoadImageFromFile"}
    keywords = dict(
        data_root=str(root),
        ann_file="annotations/instances_train2017.json",
        data_prefix={"img": "train2017/"},
        pipeline=pipeline,
    )
    with pytest.raises(SampleError, match=r"000000000003\.jpg' cannot be used: the file is empty"):
        CocoDataset(**keywords)[2]
    keywords |= dict(on_bad_sample="skip", max_bad_share=0.2)
    dataset = CocoDataset(**keywords)
    replaced = dataset[2]
    (other,) = [i for i in range(6) if dataset.get_data_info(i)["img_id"] == replaced["img_id"]]
    assert other != 2
    assert (replaced["gt_bboxes"].tensor == dataset[other]["gt_bboxes"].tensor).all()
    gray = CocoDataset(**keywords, test_mode=True)[2]
    assert (gray["img_id"], gray["img"].shape) == (3, (64, 80, 3))


def test_copies_of_a_data_set_share_the_log_and_leave_no_file():
    log = BadSampleLog()
    same, sent = copy.deepcopy({"log": log})["log"], pickle.loads(pickle.dumps(log))
    log.add("a.jpg", "it is bad")
    sent.add("b.jpg", "it is bad\ntoo")
    assert same.events() == log.events() == [("a.jpg", "it is bad"), ("b.jpg", "it is bad\ntoo")]
    path = log._path
    del sent
    assert path.exists()
    del log, same
    assert not path.exists()


def test_a_subset_is_not_made_of_earlier_ones(images):
    """mmengine remembers what it has copied by addresses, which later objects may have again."""
    memo = BaseDataset._copy_without_annotation.__defaults__[0]
    dataset = build(images)
    another = object()
    memo[id(dataset._metainfo)] = another
    try:
        assert BaseDataset._copy_without_annotation(dataset)._metainfo is another  # the fault
        assert dataset.get_subset([1])._metainfo == dataset._metainfo
    finally:
        memo.clear()
