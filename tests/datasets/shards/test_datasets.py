"""Data sets whose ``data_root`` holds shards: the same samples as from the folder."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faulty_proxy import Fault, Proxy
from mmengine.config import Config
from small_shards import ADDRESS

from mmresnet.config.preflight.coco import follow_data
from mmresnet.config.preflight.files import check_data
from mmresnet.datasets.class_folders import CustomDataset, ImageNet
from mmresnet.datasets.coco.dataset import CocoDataset
from mmresnet.datasets.shards import shard_set
from mmresnet.datasets.shards.sampler import ShardSampler
from mmresnet.datasets.statistics import _size_of
from mmresnet.errors import SampleError, ShardError, UserError
from mmresnet.registry import DATASETS

PIPELINE = [dict(type="LoadImageFromFile")]


def classified(root: object, **kwargs: Any) -> CustomDataset:
    return CustomDataset(data_root=str(root), data_prefix="train", pipeline=PIPELINE, **kwargs)


def check_same(found: Any, expected: Any, root: object) -> None:
    """Check that two data sets have the same samples, but for where they are."""
    assert len(found) == len(expected) > 0
    assert found.metainfo == expected.metainfo
    for index in range(len(expected)):
        one, other = found[index], expected[index]
        assert np.array_equal(one.pop("img"), other.pop("img"))
        path = one.pop("img_path")
        assert path.startswith(f"{root}/")
        assert Path(other.pop("img_path")).match(f"*/{path.removeprefix(f'{root}/')}")
        assert one == other


def test_class_folders_in_a_folder_of_shards(images: Path, shards: Path) -> None:
    check_same(classified(shards), classified(images), shards)


def test_class_folders_in_a_store(images: Path, store: Proxy) -> None:
    found = classified(ADDRESS)
    check_same(found, classified(images), ADDRESS)
    assert set(store.gets()) == {name for name in store.gets() if name.startswith("train")}
    other = pickle.loads(pickle.dumps(found))  # as it is sent to workers
    assert np.array_equal(other[3]["img"], found[3]["img"])
    check_same(found.get_subset([4, 2]), classified(images).get_subset([4, 2]), ADDRESS)
    assert _size_of(found.get_data_info(0)) == (16, 16)


def test_imagenet_reads_its_split(images: Path, store: Proxy) -> None:
    expected = ImageNet(str(images), split="val", pipeline=PIPELINE, classes=["x", "y", "z"])
    check_same(
        ImageNet(ADDRESS, split="val", pipeline=PIPELINE, classes=["x", "y", "z"]),
        expected,
        ADDRESS,
    )


def test_a_list_of_images(images: Path, store: Proxy, tmp_path: Path) -> None:
    lines = [f"b c/{number:03}.png {number % 2}" for number in (4, 28, 16)]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    kwargs: dict[str, Any] = dict(ann_file=str(tmp_path / "list.txt"), data_prefix="val")
    kwargs |= dict(pipeline=PIPELINE, metainfo={"classes": ["x", "y"]})
    found = CustomDataset(data_root=ADDRESS, **kwargs)
    check_same(found, CustomDataset(data_root=str(images), **kwargs), ADDRESS)
    assert len(ShardSampler(found, seed=0)) == 3


def test_a_shard_that_fails_is_not_passed_over(store: Proxy) -> None:
    found = classified(ADDRESS, on_bad_sample="skip")
    len(found)
    store.fault = lambda method, path, times: Fault(status=503)
    with pytest.raises(ShardError, match=r"train-.*cannot be read after 4 attempts"):
        found[0]
    store.fault = lambda method, path, times: None
    assert found[0]["img"].shape == (16, 16, 3)


def test_an_image_that_the_shards_do_not_have_is_a_bad_sample(store: Proxy) -> None:
    loader = classified(ADDRESS).pipeline.transforms[0]
    with pytest.raises(SampleError, match=r"'s3://bucket/some/set/train/a/x.png' cannot be used"):
        loader.load(f"{ADDRESS}/train/a/x.png")


COCO = "s3://bucket/some/coco"


def detected(root: object) -> CocoDataset:
    return CocoDataset(
        data_root=str(root),
        ann_file="annotations/instances_train2017.json",
        data_prefix=dict(img="train2017/"),
        pipeline=PIPELINE,
    )


def test_coco_in_a_store(coco: Path, store: Proxy) -> None:
    found = detected(COCO)
    check_same(found, detected(coco), COCO)
    assert found.metainfo["classes"] == ("cat", "dog")
    assert sorted(ShardSampler(found, seed=0, streams=2)) == list(range(12))
    check_same(detected(COCO), detected(coco), COCO)
    assert len(store.gets(".json")) == 1
    assert len(store.gets()) == len(set(store.gets()))


def test_coco_in_a_folder_of_shards(coco: Path, shards: Path) -> None:
    root = shards.parent / "coco"
    check_same(detected(root), detected(coco), root)


def test_images_that_the_shards_do_not_have(coco: Path, shards: Path, tmp_path: Path) -> None:
    content = json.loads((coco / "annotations" / "instances_train2017.json").read_text())
    content["images"][0]["file_name"] = "gone.png"
    (tmp_path / "list.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"1 of the 12 images .* are missing .*'gone.png'"):
        CocoDataset(
            data_root=str(shards.parent / "coco"),
            ann_file=str(tmp_path / "list.json"),
            data_prefix=dict(img="train2017"),
            pipeline=PIPELINE,
        )


def test_the_preflight_finds_annotations_in_a_store(coco: Path, store: Proxy) -> None:
    dataset = dict(type="mmresnet.CocoDataset", data_root=f"{COCO}/")
    dataset |= dict(
        ann_file="annotations/instances_train2017.json", data_prefix=dict(img="train2017/")
    )
    cfg = Config(dict(model=dict(num_classes=80), val_dataloader=dict(dataset=dataset)))
    cfg.val_evaluator = dict(type="mmresnet.CocoMetric", ann_file=f"{COCO}/annotations/x.json")
    assert list(check_data(cfg)) == []
    follow_data(cfg, ("val_dataloader",))
    assert cfg.model.num_classes == 2
    expected = (coco / "annotations" / "instances_train2017.json").read_text()
    assert Path(cfg.val_evaluator.ann_file).read_text() == expected
    cfg.val_dataloader.dataset.ann_file = "annotations/none.json"
    (told,) = map(str, check_data(cfg))
    assert f"There is no 'annotations/none.json' among the shards at '{COCO}'" in told


def checked(root: object, **kwargs: Any) -> list[str]:
    dataset = dict(type="mmresnet.CustomDataset", data_root=str(root), data_prefix="train")
    loader = dict(dataset=dataset | kwargs, sampler=dict(type="DefaultSampler", shuffle=True))
    cfg = Config(dict(model=dict(head=dict(num_classes=3)), train_dataloader=loader))
    return [str(finding) for finding in check_data(cfg)]


def test_the_preflight_knows_shards(shards: Path, store: Proxy) -> None:
    assert checked(ADDRESS) == checked(shards) == []
    (told,) = checked("s3://bucket/none")
    assert "There are no shards at 's3://bucket/none" in told
    (told,) = checked(ADDRESS, data_prefix="trian")
    assert "no class folders 'trian/<class name>'" in told
    assert "'train', 'val'" in told
    (told,) = checked(ADDRESS, type="CustomDataset")
    assert "which type='mmresnet.CustomDataset' reads" in told


def test_the_preflight_wants_an_order_that_fits_the_cache(
    store: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE_LIMIT", "30KB")
    (told,) = checked(ADDRESS)
    assert "train_dataloader.sampler.type is DefaultSampler" in told
    assert "mmresnet.ShardSampler" in told
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE_LIMIT", "3MB")
    assert checked(ADDRESS) == []


def test_names_of_types(shards: Path) -> None:
    built = DATASETS.build(
        dict(
            type="mmresnet.CustomDataset",
            data_root=str(shards),
            data_prefix="train",
            pipeline=PIPELINE,
            extensions=(".png",),
        )
        | dict(lazy_init=True)
    )
    with pytest.raises(UserError, match="extensions is for folders of images"):
        built.full_init()
    assert str(shards) in shard_set.opened()
