"""A copy with smaller images: what it holds, and that a run goes on where another one ended."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import odd_images as odd
import pytest
from PIL import Image

pytest.importorskip("mmcv")

from mmresnet.cli import command
from mmresnet.datasets.decoding import decode
from mmresnet.datasets.resizing.record import FILE

ROOT = Path(__file__).parents[2]
main = command.main_of("resize_dataset")


def resize(source, target, *options, code=0, size=32):
    """Run the command, which exits itself if something is bad."""
    argv = [str(source), str(target), "--size", str(size), "--workers", "0", *map(str, options)]
    if code != 1:
        assert command.run(main, argv) == code
        return
    with pytest.raises(SystemExit) as caught:
        command.run(main, argv)
    assert caught.value.code == 1


def contents(folder):
    """Return a hash of each file below a folder but the record."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != FILE]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).digest() for f in files}


@pytest.fixture
def images(tiny_images, tmp_path):
    """18 images of 48x40 in ImageNet's layout."""
    return shutil.copytree(tiny_images, tmp_path / "images")


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "small"


@pytest.mark.parametrize("workers", [0, 2])
def test_a_tree_keeps_names_labels_and_lists(workers, images, target, capsys):
    from mmengine.registry import DATASETS

    (images / "meta").mkdir()
    (images / "meta" / "train.txt").write_text("cat/0.jpg 0\ndog/1.jpg 1\n")
    (images / "train" / "ant").mkdir()  # a class without images has a label, too
    (images / "images.zip").write_bytes(b"PK")
    Image.new("RGB", (33, 32)).save(images / "val" / "cat" / "small.png")
    before = contents(images)
    resize(images, target, "--workers", workers)
    assert contents(images) == before
    assert contents(target).keys() == before.keys() - {"images.zip"}
    for name in ("meta/train.txt", "val/cat/small.png"):
        assert contents(target)[name] == before[name]
    said = capsys.readouterr().out
    assert "19 of 19 images, 18 resized and 1 copied as they are\n" in said
    assert "  not copied   1 file: images.zip\n" in said
    assert decode((target / "train" / "owl" / "3.jpg").read_bytes()).shape == (32, 38, 3)
    source = dict(type="mmresnet.CustomDataset", data_prefix="train", pipeline=[])
    old, new = (DATASETS.build({**source, "data_root": str(root)}) for root in (images, target))
    assert old.metainfo["classes"] == new.metainfo["classes"] == ("ant", "cat", "dog", "owl")
    for index in range(12):
        one, other = old[index], new[index]
        assert one["gt_label"] == other["gt_label"]
        assert one["img_path"].replace(str(images), "") == other["img_path"].replace(
            str(target), ""
        )
    listed = {**source, "data_root": str(target), "ann_file": "meta/train.txt"}
    assert [info["gt_label"] for info in DATASETS.build(listed)] == [0, 1]


def test_pixels_are_those_of_training_averaged(tmp_path, target):
    names = [name for name in odd.TAKEN if not name.startswith("one_")]
    source = tmp_path / "odd"
    source.mkdir()
    for name in names:
        odd.write(source, name)
    (source / "palette.jpg").write_bytes(odd.JPEG)  # beside palette.png
    resize(source, target, "--quality", 100, size=30)
    for path in source.iterdir():
        whole = decode(path.read_bytes())
        height, width = (side // 2 for side in whole.shape[:2])
        expected = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
        got = decode((target / path.name).read_bytes())
        assert got.shape == expected.shape, path.name
        difference = np.abs(got.astype(int) - expected).mean()
        assert difference < 8, (path.name, difference)  # of colour at half the size


def test_quality(images, tmp_path):
    sizes = []
    for quality in (50, 95):
        folder = tmp_path / str(quality)
        resize(images, folder, "--quality", quality)
        sizes.append(sum(path.stat().st_size for path in folder.rglob("*.jpg")))
    assert 2 * sizes[0] < sizes[1]


def test_bad_images_are_listed_and_tried_again(images, target, capsys):
    cut = images / "train" / "dog" / "1.jpg"
    whole = cut.read_bytes()
    cut.write_bytes(whole[:300])
    (images / "val" / "owl" / "nothing.jpg").symlink_to("no.jpg")
    resize(images, target, code=1)
    said = capsys.readouterr().out
    assert "17 of 19 images, 17 resized" in said
    assert f"  bad          2\n    '{cut}': it is cut off or damaged" in said
    assert f"'{images}/val/owl/nothing.jpg': No such file or directory\n" in said
    assert not (target / "train" / "dog" / "1.jpg").exists()
    (images / "val" / "owl" / "nothing.jpg").unlink()
    cut.write_bytes(whole)
    resize(images, target)
    assert "18 of 18 images (17 by an earlier run), 18 resized" in capsys.readouterr().out


def test_what_has_changed_is_made_again(images, target, capsys):
    resize(images, target)
    first = contents(target)
    times = {path: path.stat().st_mtime_ns for path in target.rglob("*.jpg")}
    changed = images / "train" / "cat" / "0.jpg"
    Image.new("RGB", (50, 60)).save(changed)
    (target / "train" / "cat" / "1.jpg").write_bytes(b"")  # as after a power failure
    (target / "train" / "cat" / "2.jpg").unlink()
    (images / "val" / "cat" / "0.jpg").unlink()
    flipped = target / "train" / "cat" / "3.jpg"
    flipped.write_bytes(odd.flipped(flipped.read_bytes()))
    resize(images, target, code=1)
    said = capsys.readouterr().out
    assert "17 of 17 images (14 by an earlier run)" in said
    assert "  to delete    not in the source: 1 file: val/cat/0.jpg\n" in said
    assert decode((target / "train" / "cat" / "0.jpg").read_bytes()).shape == (38, 32, 3)
    (target / "val" / "cat" / "0.jpg").unlink()
    resize(images, target, "--verify")
    assert "17 of 17 images (16 by an earlier run)" in capsys.readouterr().out
    new = contents(target)
    assert {name for name in new if new[name] != first[name]} == {"train/cat/0.jpg"}
    untouched = [path for path in times if path.parts[-2:] == ("dog", "0.jpg")]
    assert [path.stat().st_mtime_ns for path in untouched] == [times[path] for path in untouched]


def test_a_record_that_is_cut_off_or_damaged(images, target, capsys):
    resize(images, target)
    record = target / FILE
    lines = record.read_text().splitlines(keepends=True)
    for content, kept in (
        ("".join(lines)[:-20], 17),
        ("".join(lines[:9]) + "\0" * 50 + "\n", 8),
        ("", 0),
    ):
        record.write_text(content)
        capsys.readouterr()
        resize(images, target)
        said = capsys.readouterr().out
        assert f"({kept} by an earlier run)" in said if kept else "earlier" not in said
        assert sorted(record.read_text().splitlines(keepends=True)) == sorted(lines)


def test_mistakes(images, target, tmp_path, capsys):
    resize(images, target)
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "again").symlink_to(tmp_path / "loop")
    for arguments, words in (
        ([images, target, "--quality", 80], "was made with --size 32 --quality 90, not with --s"),
        ([target, images], f"'{images}' is there already, and was not made by this command"),
        ([images, images], "are the same folder, or one lies in the other"),
        ([images, images / "small"], "one lies in the other"),
        ([images / "val", images], "one lies in the other"),
        ([tmp_path / "no", target], f"There is no folder '{tmp_path}/no'"),
        ([tmp_path / "empty", target], "There is no image in"),
        ([tmp_path / "loop", target], "loop/again' links to a folder that it lies in"),
        ([images, target, "--size", 0], "--size 0"),
        ([images, target, "--quality", 101], "--quality 101"),
        ([images, target, "--workers", -1], "--workers -1"),
    ):
        resize(*arguments, code=2)
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line


def write_photos(folder, number, side=256):
    """Write images that take a few milliseconds each."""
    pixels = np.random.default_rng(0).integers(0, 256, (side // 8, side // 8, 3), np.uint8)
    content = cv2.imencode(".png", cv2.resize(pixels, (side, side)))[1].tobytes()
    for name in range(number):
        path = folder / "ab"[name % 2] / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def start(words, new):
    """Run the command in a new process, or in a fork of this one; return its id."""
    if new:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        arguments = [sys.executable, "-m", "mmresnet", "resize-dataset", *words]
        return os.posix_spawn(sys.executable, arguments, environment)
    process = os.fork()
    if process == 0:
        try:
            command.run(main, words)
        finally:
            os._exit(1)  # it ended by itself
    return process


def recorded_in(target):
    record = target / FILE
    return record.read_bytes().count(b"\n") - 1 if record.exists() else 0


def kill_when(process, target, number):
    """Kill a process once so many images are there, and return how many there are after it.

    It also waits until some are recorded, which the main process does.
    """
    while len(list(target.glob("*/*.png"))) < number or recorded_in(target) < 1:
        assert os.waitpid(process, os.WNOHANG) == (0, 0), "it has ended by itself"
        time.sleep(0.005)
    os.kill(process, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
    time.sleep(0.3)  # its workers finish what they have begun
    return len(list(target.glob("*/*.png")))


@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.full)])
def test_a_killed_run_goes_on(kills, tmp_path, target, capsys):
    number = 60 + 200 * kills
    source = write_photos(tmp_path / "photos", number)
    words = [str(source), str(target), "--size", "64", "--workers", "2"]
    done = 0
    for _ in range(kills):
        done = kill_when(start(words, new=kills > 1), target, done + 40)
        assert done < number
        for path in target.glob("*/*.png"):
            assert decode(path.read_bytes()).shape == (64, 64, 3)
    recorded = recorded_in(target)
    assert 0 < recorded <= done
    resize(source, target, size=64)
    said = capsys.readouterr().out
    assert f"{number:,} of {number:,} images ({recorded:,} by an earlier run)" in said
    assert len(set(contents(target).values())) == 1
    assert [name for name in os.listdir(target / "a") if name.startswith(".")] == []


@pytest.fixture
def disk(tmp_path):
    """A file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_full_disk(workers, disk, tmp_path, capsys):
    source = write_photos(tmp_path / "photos", 40)
    options = ["--workers", workers, "--quality", 100]
    resize(source, disk / "small", *options, size=240, code=2)
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be written (No space left on device): make room, and run the same" in line
    written = list((disk / "small").glob("*/*"))
    assert 8 < len(written) < 40
    for path in written:
        assert decode(path.read_bytes()).shape == (240, 240, 3)
    subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
    resize(source, disk / "small", *options, size=240)
    assert "40 of 40 images (" in capsys.readouterr().out
    assert len(list((disk / "small").glob("*/*"))) == 40
