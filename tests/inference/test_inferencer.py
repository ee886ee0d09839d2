"""infer and Inferencer: a classifier and detectors on files, arrays and videos."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image as Picture

torch = pytest.importorskip("torch")
pytest.importorskip("mmpretrain")
pytest.importorskip("mmdet")

from mmresnet.apis import Inferencer, UnreadableImages, infer, load_config  # noqa: E402
from mmresnet.errors import UserError  # noqa: E402
from mmresnet.evaluation.results import decode_mask  # noqa: E402

DETECTOR = """
_base_ = ["mmdet::_base_/models/{kind}_r50_fpn.py"]
default_scope = "mmdet"
narrow = dict(out_channels=16)
model = dict(
    backbone=dict(
        _delete_=True, type="mmresnet.ResNet", depth=18, out_indices=(0, 1, 2, 3), stem_channels=8,
        base_channels=8,
    ),
    neck=dict(in_channels=[8, 16, 32, 64], **narrow),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(
        bbox_roi_extractor=narrow,
        bbox_head=dict(in_channels=16, fc_out_channels=32),
        {mask}
    ),
    test_cfg=dict(rpn=dict(nms_pre=50, max_per_img=20), rcnn=dict(max_per_img=10)),
)
test_dataloader = dict(dataset=dict(type="CocoDataset", pipeline=[
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(96, 80), keep_ratio=True),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs"),
]))
"""
MASK = """mask_roi_extractor=narrow,
        mask_head=dict(in_channels=16, conv_out_channels=16, num_convs=1),"""


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """``detector(kind)``: a config for 80 classes, and a checkpoint of it for three."""
    folder = tmp_path_factory.mktemp("detectors")

    def make(kind="faster-rcnn"):
        config, checkpoint = folder / f"{kind}.py", folder / f"{kind}.pth"
        if not checkpoint.exists():
            from mmresnet.config.classes import set_num_classes
            from mmresnet.engine.assembly import build_model, prepare

            config.write_text(DETECTOR.format(kind=kind, mask=MASK if "mask" in kind else ""))
            cfg = prepare(config)
            set_num_classes(cfg, 3)
            torch.manual_seed(0)
            model = build_model(cfg)
            with torch.no_grad():  # so that scores differ from box to box
                model.roi_head.bbox_head.fc_cls.weight.mul_(5)
            meta = {"dataset_meta": {"classes": ("cat", "dog", "owl")}}
            torch.save({"state_dict": model.state_dict(), "meta": meta}, checkpoint)
        return str(config), str(checkpoint)

    return make


def paths_of(tiny_images):
    return sorted((tiny_images / "val").rglob("*.jpg"))


def all_labels(results, key):
    return [label[key] for one in results for label in one["labels"]]


def mmdet_prediction(config, checkpoint, path):
    """Return mmdet's own prediction for an image, through the recipe's whole pipeline."""
    from mmengine.dataset import Compose, pseudo_collate

    from mmresnet.config.classes import set_num_classes
    from mmresnet.engine.assembly import building, load_model
    from mmresnet.weights.checkpoint import read

    cfg = load_config(config)
    set_num_classes(cfg, 3)
    model = load_model(cfg, read(checkpoint), "cpu")
    steps = [step for step in cfg.test_dataloader.dataset.pipeline if "Annot" not in step["type"]]
    with building(cfg):
        data = Compose(steps)({"img_path": str(path), "img_id": 0})
    with torch.inference_mode():
        return model.test_step(pseudo_collate([data]))[0].pred_instances


def test_a_classifier_returns_scored_labels_in_the_order_of_the_images(classifier, tiny_images):
    results = infer(*classifier, tiny_images / "val")
    names = [one["labels"][0]["name"] for one in results]
    assert names == ["cat", "cat", "dog", "dog", "owl", "owl"]
    assert [one["path"] for one in results] == [str(path) for path in paths_of(tiny_images)]
    assert [(one["width"], one["height"]) for one in results] == [(48, 40)] * 6
    for one in results:
        assert len(one["labels"]) == 3
        assert sum(label["score"] for label in one["labels"]) == pytest.approx(1, abs=1e-5)
        assert "picture" not in one


def test_many_images_are_computed_by_openvino(classifier, tiny_images, tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setenv("MMRESNET_CACHE", str(tmp_path))
    images = [*paths_of(tiny_images), str(tiny_images / "val")]  # each file once
    wanted = infer(*classifier, images, precision="float32")
    assert not (tmp_path / "openvino").exists()
    monkeypatch.setattr("mmresnet.inference.engines.CLASSIFIER_PAYS_FROM", 6)
    assert Inferencer(*classifier).engine == "pytorch"
    assert Inferencer(*classifier, expected_images=6, device="cpu").engine == "openvino"
    for precision in ("float32", "auto"):
        found = infer(*classifier, images, precision=precision, device="cpu")
        assert all_labels(found, "name") == all_labels(wanted, "name")
        scores = pytest.approx(
            all_labels(wanted, "score"), abs=1e-4 if precision != "auto" else 0.1
        )
        assert all_labels(found, "score") == scores
    assert any((tmp_path / "openvino").iterdir())


def test_results_do_not_depend_on_batches_or_on_paths_and_arrays(classifier, tiny_images):
    inferencer = Inferencer(*classifier, precision="float32")
    assert inferencer.classes == ["cat", "dog", "owl"]
    paths = paths_of(tiny_images)
    arrays = [cv2.imread(str(path)) for path in paths]
    one_by_one = [inferencer(array)[0] for array in arrays]
    assert {one["path"] for one in one_by_one} == {None}
    for together in (inferencer(paths, batch_size=4), inferencer(arrays, batch_size=4)):
        assert all_labels(together, "name") == all_labels(one_by_one, "name")
        scores = pytest.approx(all_labels(one_by_one, "score"), abs=2e-6)
        assert all_labels(together, "score") == scores


def test_a_detector_returns_the_objects_of_mmdet(detector, tiny_images):
    config, checkpoint = detector()
    inferencer = Inferencer(config, checkpoint, precision="float32")
    for path in paths_of(tiny_images)[::2]:
        wanted = mmdet_prediction(config, checkpoint, path)
        (result,) = inferencer(path, score_thr=0.0)
        assert len(result["objects"]) == len(wanted) > 3
        order = wanted.scores.argsort(descending=True)
        for one, index in zip(result["objects"], order, strict=True):
            assert one["score"] == pytest.approx(float(wanted.scores[index]), abs=1e-6)
            assert one["box"] == pytest.approx(wanted.bboxes[index].tolist(), abs=0.006)
            assert one["class_id"] == int(wanted.labels[index])
            assert one["name"] == ("cat", "dog", "owl")[one["class_id"]]


def test_boxes_are_in_pixels_of_the_original_image(detector, tiny_images):
    small = cv2.imread(str(paths_of(tiny_images)[0]))
    large = cv2.resize(small, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    resized = cv2.resize(small, (96, 80))  # as the recipe resizes both
    assert (resized == large).all()
    inferencer = Inferencer(*detector())
    first, second = inferencer([small, large], score_thr=0.0)
    assert (second["width"], second["height"]) == (96, 80)
    assert len(first["objects"]) > 3
    for one, other in zip(first["objects"], second["objects"], strict=True):
        assert [2 * value for value in one["box"]] == pytest.approx(other["box"], abs=0.03)


def test_a_batch_can_have_images_of_several_shapes(detector, tiny_images):
    array = cv2.imread(str(paths_of(tiny_images)[0]))
    images = [array, array[:, :20], array[:20]]
    inferencer = Inferencer(*detector())
    together = inferencer(images, score_thr=0.0, batch_size=3)
    for image, result in zip(images, together, strict=True):
        assert (result["height"], result["width"]) == image.shape[:2]
        assert len(result["objects"]) > 3
        for one in result["objects"]:
            x1, y1, x2, y2 = one["box"]
            assert 0 <= x1 <= x2 <= result["width"]
            assert 0 <= y1 <= y2 <= result["height"]


def test_masks_have_the_size_of_the_original_image(detector, tiny_images, tmp_path):
    config, checkpoint = detector("mask-rcnn")
    inferencer = Inferencer(config, checkpoint, precision="float32")
    path = paths_of(tiny_images)[0]
    wanted = mmdet_prediction(config, checkpoint, path)
    (result,) = inferencer(path, tmp_path, score_thr=0.0)
    order = wanted.scores.argsort(descending=True)
    masks = [decode_mask(one["mask"]) for one in result["objects"]]
    assert sum(mask.any() for mask in masks) > 3
    for mask, index in zip(masks, order, strict=True):
        assert (mask == wanted.masks[index].numpy()).all()
    assert (tmp_path / result["picture"]).is_file()


@pytest.mark.parametrize("kind", ["faster-rcnn", "mask-rcnn"])
def test_mixed_precision_changes_the_scores_little(kind, detector, tiny_images):
    images = paths_of(tiny_images)
    exact = infer(*detector(kind), images, score_thr=0.0, precision="float32")
    mixed = infer(*detector(kind), images, score_thr=0.0, amp=True)
    assert exact != mixed
    for one, other in zip(exact, mixed, strict=True):
        best, same = one["objects"][0], other["objects"][0]
        assert type(same["score"]) is float
        assert same["score"] == pytest.approx(best["score"], abs=0.1)
    json.dumps(mixed)


@pytest.mark.parametrize("native", [True, False])
def test_the_default_is_16_bits_where_they_are_native(native, classifier, monkeypatch):
    features = {"avx512_bf16"} if native else {"avx2"}
    monkeypatch.setattr("mmresnet.processor.features", lambda: features)

    def dtype_of(**settings):
        model = Inferencer(*classifier, device="cpu", **settings).model
        assert model.head.fc.weight.dtype == torch.float32
        return next(model.backbone.parameters()).dtype

    assert dtype_of() == (torch.bfloat16 if native else torch.float32)
    assert dtype_of(amp=True) == torch.bfloat16
    assert dtype_of(cfg_options={"precision": "float32"}) == torch.float32
    assert dtype_of(cfg_options={"precision": "float32"}, precision="float16") == torch.float16


def test_freed_memory_is_kept_on_a_cpu(classifier, monkeypatch):
    kept = []
    monkeypatch.setattr("mmresnet.engine.allocator.keep_freed_memory", lambda: kept.append(True))
    Inferencer(*classifier, device="cpu")
    assert kept == [True]


def test_objects_below_the_threshold_are_left_out(detector, tiny_images):
    inferencer = Inferencer(*detector())
    path = paths_of(tiny_images)[0]
    (everything,) = inferencer(path, score_thr=0.0)
    scores = [one["score"] for one in everything["objects"]]
    assert scores == sorted(scores, reverse=True)
    middle = (scores[1] + scores[2]) / 2
    (best,) = inferencer(path, score_thr=middle)
    assert best["objects"] == everything["objects"][:2]


def test_the_json_holds_the_returned_results(classifier, tiny_images, tmp_path):
    results = infer(*classifier, tiny_images / "val", tmp_path / "out", score_thr=0.4)
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    assert written["results"] == results
    assert (written["failed"], written["score_thr"]) == ([], 0.4)
    assert written["classes"] == ["cat", "dog", "owl"]
    assert written["checkpoint"] == classifier[1]
    for one in results:
        with Picture.open(tmp_path / "out" / one["picture"]) as picture:
            assert picture.width > one["width"]
    again = infer(*classifier, tiny_images / "val", tmp_path / "out", pictures=False)
    assert "picture" not in again[0]


def test_a_video_gives_a_result_per_frame_and_an_annotated_video(classifier, tiny_images, tmp_path):
    frames = [cv2.imread(str(path)) for path in paths_of(tiny_images)]
    file = cv2.VideoWriter(str(tmp_path / "film.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 5, (48, 40))
    for frame in frames:
        file.write(frame)
    file.release()
    images = [tmp_path / "film.mp4", paths_of(tiny_images)[0]]
    results = infer(*classifier, images, tmp_path / "out", batch_size=4)
    names = ["cat", "cat", "dog", "dog", "owl", "owl", "cat"]
    assert [one["labels"][0]["name"] for one in results] == names
    assert [one.get("frame") for one in results] == [0, 1, 2, 3, 4, 5, None]
    assert [one.get("time") for one in results] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, None]
    assert {one["picture"] for one in results} == {"pictures/film.mp4", "pictures/0.jpg"}
    video = cv2.VideoCapture(str(tmp_path / "out" / "pictures" / "film.mp4"))
    assert (video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)) == (6, 5)
    channels = []
    while (read := video.read())[0]:
        channels.append(int(read[1][:300].mean((0, 1)).argmax()))
    assert channels == [2, 2, 1, 1, 0, 0]


def test_unreadable_images_are_reported_after_the_others(classifier, tiny_images, tmp_path):
    good = paths_of(tiny_images)[:2]
    (tmp_path / "bad.jpg").write_bytes(b"nonsense")
    images = [good[0], tmp_path / "bad.jpg", good[1]]
    with pytest.raises(
        UnreadableImages, match=r"Error reading '.*bad\.jpg': it is in no"
    ) as caught:
        infer(*classifier, images, tmp_path / "out")
    assert [one["path"] for one in caught.value.results] == [str(path) for path in good]
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    assert written["results"] == caught.value.results
    reason = "it is in no known image format (it begins with b'nonsense')"
    assert written["failed"] == [{"path": str(tmp_path / "bad.jpg"), "reason": reason}]


def test_a_multi_label_head_gives_the_labels_that_reach_the_threshold(classifier, tiny_images):
    inferencer = Inferencer(*classifier)
    path = paths_of(tiny_images)[0]
    inferencer.model.head.thr = 0.5  # as multi-label heads have it
    (result,) = inferencer(path, score_thr=0.999)
    assert result["labels"] == []


def test_pictures_of_an_earlier_run_are_left_out(classifier, tiny_images):
    import shutil

    folder = tiny_images.parent / "own"
    shutil.copytree(tiny_images / "val", folder)
    first = infer(*classifier, folder, folder / "output")
    assert first == infer(*classifier, folder, folder / "output")


def test_invalid_arguments_are_refused_before_the_model_is_loaded(classifier):
    array = np.zeros((4, 4, 3), np.uint8)
    for kwargs, words in (
        ({"score_thr": 1.5}, "between 0 and 1, not 1.5"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"engine": "pytorsh"}, "Did you mean 'pytorch'?"),
    ):
        with pytest.raises(UserError, match=words):
            infer("no config", "no checkpoint", array, **kwargs)
    with pytest.raises(UserError, match="no file or folder 'no images'"):
        infer("no config", "no checkpoint", "no images")
    with pytest.raises(UserError, match=r"There is no checkpoint at 'no\.pth'"):
        infer(classifier[0], "no.pth", array)
    with pytest.raises(UserError, match=r"not 'float23'\. Did you mean 'float32'"):
        infer(*classifier, array, precision="float23")
    with pytest.raises(UserError, match="There is no config"):
        infer("no config", classifier[1], array)


def test_the_progress_bar_counts_images_and_needs_a_terminal(
    classifier, tiny_images, tmp_path, monkeypatch, capsys
):
    from mmresnet.inference.progress_bar import image_bar
    from mmresnet.inference.sources import find_sources

    inferencer = Inferencer(*classifier)
    inferencer(tiny_images / "val", progress=True)
    assert "time left" not in capsys.readouterr().out
    totals = []
    bar = SimpleNamespace(add_task=lambda name, total: totals.append(total), advance=print)
    monkeypatch.setattr("rich.progress.Progress.__enter__", lambda self: bar)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    file = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 5, (48, 40))
    for _ in range(4):
        file.write(np.zeros((40, 48, 3), np.uint8))
    file.release()
    sources = find_sources([tiny_images / "val", tmp_path / "a.avi"])
    with image_bar(sources) as advance:
        assert totals == [10]
        advance(3)
    assert capsys.readouterr().out.strip() == "None 3"


@pytest.mark.full
def test_16_bits_hardly_change_the_labels_of_a_trained_net(sample_data, tmp_path):
    import itertools
    import tarfile

    with tarfile.open(sample_data / "cifar10_jpeg.tar.xz") as archive:
        members = (one for one in archive if "test/" in one.name and one.isfile())
        for member in itertools.islice(members, 0, 1000, 2):
            archive.extract(member, tmp_path, filter="data")
    net = "resnet20_1xb128_cifar10-images", sample_data / "resnet20-12fca82f.th"
    exact = infer(*net, tmp_path, precision="float32", batch_size=100)
    mixed = infer(*net, tmp_path, precision="bfloat16", batch_size=100)
    pairs = [(a["labels"][0], b["labels"][0]) for a, b in zip(exact, mixed, strict=True)]
    assert len(pairs) == 500
    assert sum(a["class_id"] == b["class_id"] for a, b in pairs) >= 490
    same = [abs(a["score"] - b["score"]) for a, b in pairs if a["class_id"] == b["class_id"]]
    assert 0 < max(same) < 0.2
    assert sum(same) / len(same) < 0.01
