"""Reading images and videos, preprocessing and prefetching."""

import numpy as np
import pytest
from PIL import Image as Picture

pytest.importorskip("torch")
pytest.importorskip("mmpretrain")
cv2 = pytest.importorskip("cv2")

from mmengine.config import Config  # noqa: E402

from mmresnet.errors import UserError  # noqa: E402
from mmresnet.inference.pipeline import Failure, Reader, prefetch, run_in_threads  # noqa: E402
from mmresnet.inference.sources import Source, find_sources  # noqa: E402

LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackInputs"}


def reader(*pipeline, kind="CustomDataset"):
    dataset = {"type": kind, "pipeline": list(pipeline)}
    return Reader(Config({"default_scope": "mmpretrain", "test_dataloader": {"dataset": dataset}}))


def write_video(path, frames=6, size=(64, 48), code="mp4v", rate=12.5):
    file = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), rate, size)
    generator = np.random.default_rng(0)
    for number in range(frames):
        noise = generator.integers(0, 20, (size[1], size[0], 3), dtype=np.uint8)
        file.write(noise + np.uint8(number * 30 % 240))
    file.release()
    return str(path)


def test_the_recipe_s_test_pipeline_preprocesses(tiny_images):
    path = str(tiny_images / "val" / "cat" / "0.jpg")
    steps = (
        {"type": "ResizeEdge", "scale": 32, "edge": "short"},
        {"type": "CenterCrop", "crop_size": 24},
    )
    (image,) = reader(LOAD, *steps, PACK).read(find_sources(path))
    assert image.pixels.shape == (40, 48, 3)
    assert (image.pixels == cv2.imread(path)).all()
    assert image.data["inputs"].shape == (3, 24, 24)
    assert tuple(image.data["data_samples"].ori_shape) == (40, 48)


def test_an_array_is_preprocessed_like_the_file(tiny_images):
    path = str(tiny_images / "val" / "cat" / "0.jpg")
    for load in ({}, {"to_float32": True}, {"color_type": "grayscale"}):
        reading = reader(LOAD | load, PACK)
        by_path, by_array = reading.read(find_sources([path, cv2.imread(path)]))
        first, second = by_path.data["inputs"], by_array.data["inputs"]
        assert first.shape == second.shape
        assert first.dtype == second.dtype
        # the luma in the JPEG and the grey of its decoded colours differ by rounding
        assert (first.float() - second.float()).abs().max() <= ("color_type" in load) * 20
        assert by_path.pixels.shape == by_array.pixels.shape == (40, 48, 3)
        assert by_array.pixels.dtype == np.uint8


def test_steps_that_load_annotations_are_skipped(tiny_images):
    steps = LOAD, {"type": "mmcv.LoadAnnotations"}, PACK
    assert len(list(reader(*steps).read(find_sources(tiny_images / "val")))) == 6


def test_a_cifar_recipe_gets_rgb_of_32_pixels(tiny_images):
    sources = find_sources(tiny_images / "val" / "cat" / "0.jpg")
    (image,) = reader(PACK, kind="CIFAR10").read(sources)
    assert image.data["inputs"].shape == (3, 32, 32)
    assert image.data["inputs"].float().mean((1, 2)).argmax() == 0  # cats are red here
    assert image.pixels.shape == (40, 48, 3)


def test_a_pipeline_that_does_not_begin_with_loading_is_refused():
    with pytest.raises(UserError, match="must begin with LoadImageFromFile"):
        reader(PACK)
    with pytest.raises(UserError, match=r"no test_dataloader\.dataset\.pipeline"):
        Reader(Config({"default_scope": "mmpretrain"}))


@pytest.mark.parametrize("backend", ["cv2", "pillow"])
def test_a_file_that_cannot_be_decoded_is_a_failure_and_the_others_are_read(backend, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"nonsense")
    (tmp_path / "b.jpg").write_bytes(b"")
    Picture.new("L", (5, 4), 200).save(tmp_path / "c.png")
    reading = reader(LOAD | {"imdecode_backend": backend}, PACK)
    first, second, third = reading.read(find_sources(tmp_path))
    reason = "it is in no known image format (it begins with b'nonsense')"
    assert first == Failure(str(tmp_path / "a.jpg"), reason)
    assert second.path == str(tmp_path / "b.jpg")
    assert (third.pixels == 200).all()


def test_a_failure_gives_the_reason_of_the_operating_system(tmp_path):
    (failure,) = reader(LOAD, PACK).read([Source("gone", str(tmp_path / "gone.jpg"))])
    assert failure.reason == "no such file or directory"


def test_the_exif_orientation_is_applied(tmp_path):
    exif = Picture.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    Picture.new("RGB", (60, 40)).save(tmp_path / "a.jpg", exif=exif)
    (image,) = reader(LOAD, PACK).read(find_sources(tmp_path / "a.jpg"))
    assert image.pixels.shape == (60, 40, 3)


def test_frames_have_number_time_and_rate(tmp_path):
    path = write_video(tmp_path / "film.mp4")
    images = list(reader(LOAD, PACK).read(find_sources(path)))
    assert [image.frame for image in images] == [0, 1, 2, 3, 4, 5]
    assert [image.time for image in images] == [0.0, 0.08, 0.16, 0.24, 0.32, 0.4]
    assert {image.rate for image in images} == {12.5}
    assert [round(image.pixels.mean() / 30) for image in images] == [0, 1, 2, 3, 4, 5]
    assert images[0].data["inputs"].shape == (3, 48, 64)


def test_a_truncated_video_gives_its_frames_and_then_a_failure(tmp_path):
    whole = write_video(tmp_path / "whole.avi", frames=20, code="MJPG")
    content = (tmp_path / "whole.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 2])
    assert all(not isinstance(one, Failure) for one in reader(LOAD, PACK).read(find_sources(whole)))
    *frames, failure = reader(LOAD, PACK).read(find_sources(tmp_path / "cut.avi"))
    assert 1 < len(frames) < 15
    assert failure.reason == f"it ends after {len(frames)} of 20 frames"


def test_a_file_that_is_not_a_video_is_a_failure(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"nonsense")
    (failure,) = reader(LOAD, PACK).read(find_sources(tmp_path))
    assert "OpenCV cannot decode it as a video" in failure.reason


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_keep_the_order_of_images_and_frames(threads, tiny_images, tmp_path):
    film = write_video(tmp_path / "film.mp4")
    (tmp_path / "bad.jpg").write_bytes(b"nonsense")
    paths = sorted(map(str, (tiny_images / "train").rglob("*.jpg")))
    sources = find_sources([*paths[:6], film, tmp_path / "bad.jpg", *paths[6:]])
    cfg = {"test_dataloader": {"dataset": {"type": "CustomDataset", "pipeline": [LOAD, PACK]}}}
    reading = Reader(Config({"default_scope": "mmpretrain", **cfg}), threads)
    for _ in range(2):  # every pipeline is given back
        images = list(reading.read(sources))
        names = [getattr(one, "path", None) or one.source.path for one in images]
        assert names == [*paths[:6], *[film] * 6, str(tmp_path / "bad.jpg"), *paths[6:]]
        assert [one.frame for one in images[6:12]] == [0, 1, 2, 3, 4, 5]
        for path, one in zip(paths[:6], images, strict=False):
            assert (one.pixels == cv2.imread(path)).all()


def test_threads_work_at_the_same_time_and_not_far_ahead():
    import threading

    meeting, started = threading.Barrier(3, timeout=60), []

    def steps():
        for number in range(30):
            started.append(number)
            yield (lambda number=number: number) if number > 2 else meeting.wait

    results = run_in_threads(steps(), 3)
    assert next(results) in (0, 1, 2)  # three threads met
    assert len(started) <= 8
    assert list(results)[2:] == list(range(3, 30))


def test_an_error_in_a_thread_is_passed_on_and_the_threads_end():
    import threading

    before = threading.active_count()

    def fail():
        raise ValueError("broken")

    results = run_in_threads(iter([lambda: 1, fail, lambda: 3]), 2)
    assert next(results) == 1
    with pytest.raises(ValueError, match="broken"):
        next(results)
    assert threading.active_count() == before


def test_operators_of_these_threads_run_in_them_alone():
    """So that the net keeps the CPUs' threads."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert list(run_in_threads(iter([torch.get_num_threads] * 2), 2)) == [1, 1]
        assert list(prefetch((torch.get_num_threads() for _ in range(2)), depth=1)) == [1, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_prefetching_keeps_the_order_and_passes_errors_on():
    assert list(prefetch(iter(range(50)), depth=3)) == list(range(50))

    def failing():
        yield 1
        raise ValueError("broken")

    items = prefetch(failing(), depth=3)
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_the_prefetching_thread_ends_with_its_consumer():
    import threading

    before = threading.active_count()
    made = []

    def endless():
        while True:
            made.append(len(made))
            yield made[-1]

    items = prefetch(endless(), depth=2)
    assert next(items) == 0
    assert threading.active_count() == before + 1
    items.close()
    assert threading.active_count() == before
    assert len(made) <= 5
