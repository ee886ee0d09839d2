"""Archives to folders: what is there stays, a killed run goes on, and recipes read the result."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import published_archives as published
import pytest
from filelock import FileLock

from mmresnet.cli import command
from mmresnet.cli.prepare import DATA_SETS
from mmresnet.datasets.preparing import folder as preparing
from mmresnet.datasets.preparing import writing

ROOT = Path(__file__).parents[2]
main = command.main_of("prepare")


def prepare(*arguments, code=0):
    """Run the command on archives without the published checksums."""
    assert command.run(main, [*map(str, arguments), "--no-checksum"]) == code


@pytest.fixture
def source(tmp_path):
    return tmp_path / "source"


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "target"


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_report_and_a_second_run(source, target, capsys):
    expected = published.write_imagenet(source)
    before = times(source)
    prepare("imagenet", source, target)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{target}: 10 files, 0.0 MB")
    assert said[1:4] == [f"  train/{wnid}: 2 files" for wnid in published.WNIDS]
    assert "  not compared with a published checksum: ILSVRC2012_img_train.tar, " in said[-1]
    assert published.files_below(target) == expected
    written = times(target)
    prepare("imagenet", source, target)
    assert "10 files, 0.0 MB: it was complete, and nothing was written" in capsys.readouterr().out
    assert times(target) == written
    assert times(source) == before


def test_the_tables_of_folders_are_short():
    from mmresnet.cli.prepare import describe

    left_out = {"all.zip": 1234}
    folders = {f"{part}/n{i:08}": 3 for part in ("val", "train") for i in range(1000)}
    report = preparing.Report(6000, 2_500_000_000, 1000, folders, left_out)
    assert list(describe(report, Path("data"))) == [
        "data: 6,000 files, 2.5 GB, 1,000 of them by an earlier run",
        "  train: 3,000 files in 1,000 folders",
        "  val: 3,000 files in 1,000 folders",
        "  left out  1,234 files of all.zip that no recipe reads",
    ]


def test_archives_are_added_one_after_the_other(source, target, capsys):
    expected = published.write_voc(source)
    later = source / "later"
    later.mkdir()
    for name in ("VOCtest_06-Nov-2007.tar", "VOCtrainval_11-May-2012.tar"):
        shutil.move(source / name, later)
    prepare("voc", source, target)
    said = capsys.readouterr().out
    assert "  missing  the VOC2007 test: VOCtest_06-Nov-2007.tar from http://host" in said
    assert "  missing  the VOC2012 trainval: VOCtrainval_11-May-2012.tar from http" in said
    first = times(target / "VOCdevkit")
    for path in later.iterdir():
        shutil.move(path, source)
    prepare("voc", source, target)
    said = capsys.readouterr().out
    assert f"{target}: 21 files, 0.0 MB, 7 of them by an earlier run" in said
    assert "missing" not in said
    assert published.files_below(target) == expected
    assert first.items() <= times(target / "VOCdevkit").items()
    (source / "VOCtest_06-Nov-2007.tar").unlink()  # to make room: what is there is still complete
    prepare("voc", source, target)
    assert "it was complete" in capsys.readouterr().out


def test_what_is_there_stays(source, target, capsys):
    expected = published.write_coco(source)
    names = ("train2017/000000000001.jpg", "val2017/000000000101.jpg", "val2017/000000000102.jpg")
    same, empty, other = (target / name for name in names)
    for path, content in ((same, expected[names[0]]), (empty, b""), (other, b"mine")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (target / "train2017" / "mine.jpg").write_bytes(b"mine, too")
    time_of_same = same.stat().st_mtime_ns
    prepare("coco", source, target, code=2)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"'{other}' is there already, and is not the file of '{source}/val2017.zip': move it away, "
        "or give another folder."
    )
    assert other.read_bytes() == b"mine"
    other.unlink()
    prepare("coco", source, target)
    assert published.files_below(target) == expected | {"train2017/mine.jpg": b"mine, too"}
    assert same.stat().st_mtime_ns == time_of_same


def test_a_file_that_two_archives_hold(source, target, capsys):
    expected = published.write_coco(source)
    first = next(iter(expected))
    (source / "test2017.zip").write_bytes(
        published.zipped({first: expected[first], "test2017/1.jpg": b"1"})
    )
    prepare("coco", source, target)
    assert f"{target}: {len(expected) + 1} files" in capsys.readouterr().out
    prepare("coco", source, target)
    said = capsys.readouterr().out
    assert f"{target}: {len(expected) + 1} files" in said
    assert "it was complete" in said
    assert published.files_below(target) == expected | {"test2017/1.jpg": b"1"}


def test_what_was_lost_or_changed_comes_back(source, target, capsys):
    expected = published.write_imagenet(source)
    prepare("imagenet", source, target)
    lost, emptied, changed = (target / name for name in sorted(expected)[:3])
    lost.unlink()
    prepare("imagenet", source, target)
    assert "10 files, 0.0 MB, 9 of them by an earlier run" in capsys.readouterr().out
    emptied.write_bytes(b"")  # as after a power failure
    lost.unlink()
    prepare("imagenet", source, target)
    assert published.files_below(target) == expected
    changed.write_bytes(b"mine")
    lost.unlink()
    prepare("imagenet", source, target, code=2)
    assert f"'{changed}' is there already" in capsys.readouterr().err


def test_an_archive_that_is_another_one(source, target, capsys):
    published.write_imagenet(source)
    prepare("imagenet", source, target)
    expected = published.write_imagenet(source, per_class=3)
    shutil.rmtree(target / "train")
    prepare("imagenet", source, target)
    assert published.files_below(target) == expected


def test_checksums(source, target, capsys, monkeypatch):
    expected = published.write_imagenet(source)
    assert command.run(main, ["imagenet", str(source), str(target)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"'{source}/ILSVRC2012_devkit_t12.tar.gz' has the MD5 checksum " in line
    assert "the published one has fa75699e90414af021442c21a62c3abf: download it again" in line
    assert published.files_below(target) == {}
    prepare("imagenet", source, target)
    assert command.run(main, ["imagenet", str(source), str(target)]) == 2  # it is not forgotten
    import hashlib
    from dataclasses import replace

    from mmresnet.datasets.preparing.imagenet import ImageNet

    right = [
        replace(one, md5=hashlib.md5((source / one.file).read_bytes()).hexdigest())
        for one in ImageNet.downloads[:3]
    ]
    monkeypatch.setattr(ImageNet, "downloads", right)
    capsys.readouterr()
    assert command.run(main, ["imagenet", str(source), str(target)]) == 0
    assert "published checksum" not in capsys.readouterr().out
    assert published.files_below(target) == expected


def test_mistakes(source, target, tmp_path, capsys):
    published.write_imagenet(source)
    file = source / "ILSVRC2012_img_val.tar"
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / file.name).write_bytes(file.read_bytes()[:-9000])
    shutil.copy(source / "ILSVRC2012_devkit_t12.tar.gz", tmp_path / "damaged")
    for arguments, words in (
        (["imagnet", source, target], "no data set 'imagnet'. Did you mean 'imagenet'?"),
        (["voc", source, target], "holds no archive of this data set. Download first the VOC2007"),
        (["voc", tmp_path / "no", target], f"There is no folder '{tmp_path}/no'"),
        (["imagenet", source, target, "--images"], "--images is for cifar10, not for imagenet"),
        (["voc", source, target, "--val1", "a"], "--val1 is for imagenet-det, not for voc"),
        (["imagenet-det", source, target, "--val2", "a"], "give both"),
        (["imagenet", source, target, "--workers", 0], "--workers 0: give"),
        (["imagenet", source, file], f"'{file}' is a file: give a folder"),
        (["imagenet", tmp_path / "damaged", target], f"'{tmp_path}/damaged/{file.name}' is cut of"),
    ):
        prepare(*arguments, code=2)
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line
    assert published.files_below(target) == {}


def test_two_at_a_time(source, target, capsys):
    published.write_imagenet(source)
    prepare("imagenet", source, target)
    shutil.rmtree(target / "train")
    with FileLock(target / ".prepare" / "lock"):
        prepare("imagenet", source, target, code=2)
    assert f"Another process is writing to '{target}'" in capsys.readouterr().err
    assert not (target / "train").exists()


@pytest.fixture
def disk(tmp_path):
    """A file system of 1 MB, and few files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=200", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def write_many(folder, number, size):
    """Write the archive of COCO's validation images, with some of that size."""
    folder.mkdir()
    files = {f"val2017/{i:012}.jpg": os.urandom(size) for i in range(number)}
    (folder / "val2017.zip").write_bytes(published.zipped(files))
    return files


def test_a_full_disk(source, disk, tmp_path, capsys, monkeypatch):
    expected = write_many(source, 40, 40_000)
    prepare("coco", source, disk / "coco", code=2)
    (line,) = capsys.readouterr().err.splitlines()
    assert "MB, and the files that are not there yet take 1.6 MB: make room" in line
    assert published.files_below(disk) == {}
    monkeypatch.setattr(preparing, "check_room", lambda *args: None)  # others fill it meanwhile
    monkeypatch.setattr(writing, "_FILES", 4)
    prepare("coco", source, disk / "coco", code=2)
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be written (No space left on device): make room, and run the same" in line
    written = published.files_below(disk / "coco")
    assert 8 < len(written) < 40
    assert written.items() <= expected.items()
    monkeypatch.undo()
    subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
    first = times(disk / "coco" / "val2017")
    prepare("coco", source, disk / "coco")
    assert published.files_below(disk / "coco") == expected
    assert first.items() <= times(disk / "coco" / "val2017").items()
    (source / "val2017.zip").unlink()
    write_many(source / "more", 300, 1)
    prepare("coco", source / "more", disk / "more", code=2)
    assert "more files, and 300 are not there yet" in capsys.readouterr().err


def start(source, target):
    """Run the command in a new process; return its id."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words = ["prepare", "imagenet", str(source), str(target), "--no-checksum", "--workers", "2"]
    arguments = [sys.executable, "-m", "mmresnet", *words]
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    return os.posix_spawn(sys.executable, arguments, environment, file_actions=quiet)


@pytest.mark.full
def test_a_killed_run_goes_on(source, target, capsys):
    expected = published.write_imagenet(source, per_class=3000)
    record = target / ".prepare" / "imagenet.jsonl"
    lines = 0
    for wanted in (1, 5, 40, 80):  # while it reads the archives, and while it writes
        process = start(source, target)
        while not record.exists() or record.read_bytes().count(b"\n") < wanted:
            assert os.waitpid(process, os.WNOHANG) == (0, 0), "it has ended by itself"
            time.sleep(0.002)
        os.kill(process, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
        found = published.files_below(target)
        whole = {n: d for n, d in found.items() if not n.rpartition("/")[2].startswith(".partial")}
        assert whole.items() <= expected.items()
        before, lines = lines, record.read_bytes().count(b"\n")
        assert lines > before
    assert 1000 < len(whole) < len(expected)
    first = times(target / "train")
    prepare("imagenet", source, target)
    kept = sum(64 for line in record.read_text().splitlines()[: lines - 3] if line[0] == "[")
    said = capsys.readouterr().out
    by_earlier = int(said.partition(" MB, ")[2].partition(" of them")[0].replace(",", ""))
    assert kept - 200 < by_earlier <= len(whole)
    assert published.files_below(target) == expected  # and nothing partial
    assert {p: t for p, t in first.items() if ".partial" not in p.name}.items() <= times(
        target / "train"
    ).items()


def test_a_bar_in_a_terminal(source, target):
    published.write_imagenet(source)
    terminal, slave = os.openpty()
    words = ["prepare", "imagenet", source, target, "--no-checksum"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"}
    command_line = [sys.executable, "-m", "mmresnet", *map(str, words)]
    subprocess.run(command_line, stdout=slave, env=environment, check=True)
    os.close(slave)
    shown = os.read(terminal, 1 << 16).decode()
    os.close(terminal)
    for title in ("reading", "writing"):
        assert title in shown
    assert "time left" in shown
    assert f"{target}: 10 files" in shown


def test_every_data_set_can_be_named(source, target, capsys):
    published.write_boxes(source)
    published.write_det(source)
    published.write_voc(source)
    published.write_coco(source)
    published.write_cifar10(source)
    for name in DATA_SETS:
        prepare(name, source, target)
    (target / "VOCdevkit").rename(target / "moved")
    prepare("voc", source, target)
    assert published.files_below(target / "moved") == published.files_below(target / "VOCdevkit")


# what recipes read


def test_classifiers_read_it(source, target, tmp_path):
    pytest.importorskip("mmpretrain")
    from mmengine.registry import DATASETS

    published.write_imagenet(source)
    published.write_cifar10(source)
    prepare("imagenet", source, target)
    common = {"data_root": str(target), "pipeline": [dict(type="mmpretrain.LoadImageFromFile")]}
    sets = {
        split: DATASETS.build({"type": "mmresnet.CustomDataset", "data_prefix": split, **common})
        for split in ("train", "val")
    }
    assert [len(one) for one in sets.values()] == [6, 4]
    assert sets["train"].metainfo["classes"] == published.WNIDS
    by_name = {Path(one["img_path"]).name: one["gt_label"] for one in sets["val"]}
    for number, wnid in enumerate(published.VAL, 1):
        label = by_name[f"ILSVRC2012_val_{number:08}.JPEG"]
        assert published.WNIDS[label] == wnid
    named = DATASETS.build(
        {
            **{"type": "mmresnet.ImageNet", "split": "val", **common},
            "metainfo": {"classes": [f"class {i}" for i in range(3)]},
        }
    )
    assert [one["gt_label"] for one in named] == [one["gt_label"] for one in sets["val"]]
    assert named[0]["img"].shape == (36, 40, 3)


def test_cifar_recipes_read_it(source, target, tmp_path, monkeypatch):
    pytest.importorskip("mmpretrain")
    import numpy as np
    from mmengine.registry import DATASETS
    from mmpretrain.datasets import CIFAR10

    published.write_cifar10(source)
    prepare("cifar10", source, target)
    prepare("cifar10", source, tmp_path / "images", "--images")
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda self: True)  # of the real files
    pixels, labels = published.cifar_images()
    for split, part in (("train", slice(5)), ("test", slice(5, 6))):
        settings = dict(type="mmresnet.CIFAR10", data_root=str(target), split=split, pipeline=[])
        expected = pixels[part].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        dataset = DATASETS.build({**settings, "download": False})
        assert [one["gt_label"] for one in dataset] == labels[part].ravel().tolist()
        assert np.array_equal([one["img"] for one in dataset], expected)
        load = [
            dict(type="mmpretrain.LoadImageFromFile", color_type="color", imdecode_backend="cv2")
        ]
        settings = dict(type="mmresnet.CustomDataset", data_prefix=split, pipeline=load)
        images = DATASETS.build({**settings, "data_root": str(tmp_path / "images")})
        if split == "train":  # it has all classes
            assert images.metainfo["classes"] == published.CIFAR_CLASSES
        for one in images:
            number = int(Path(one["img_path"]).stem)
            assert np.array_equal(one["img"][..., ::-1], expected[number])  # BGR
            assert (
                images.metainfo["classes"][one["gt_label"]]
                == (published.CIFAR_CLASSES[labels[part].ravel()[number]])
            )


def test_detectors_read_it(source, target):
    pytest.importorskip("mmdet")
    from mmengine.registry import DATASETS

    published.write_voc(source)
    published.write_coco(source)
    published.write_det(source)
    for name in ("voc", "coco", "imagenet-det"):
        prepare(name, source, target)
    coco = DATASETS.build(
        dict(
            type="mmresnet.CocoDataset",
            data_root=str(target),
            ann_file="annotations/instances_val2017.json",
            data_prefix=dict(img="val2017/"),
            pipeline=[dict(type="mmdet.LoadImageFromFile")],
        )
    )
    assert len(coco) == 3
    assert coco[0]["img"].shape == (36, 40, 3)
    stock = dict(type="mmdet.VOCDataset", data_root=str(target), pipeline=[])
    for year, split in ((2007, "trainval"), (2007, "test"), (2012, "trainval")):
        folder = f"VOCdevkit/VOC{year}"
        dataset = DATASETS.build(
            {
                **stock,
                "ann_file": f"{folder}/ImageSets/Main/{split}.txt",
                "data_prefix": dict(sub_data_root=f"{folder}/"),
            }
        )
        assert len(dataset) == 3
        first = dataset.get_data_info(0)
        assert dataset.metainfo["classes"][first["instances"][0]["bbox_label"]] == "cat"
        assert first["instances"][0]["bbox"] == [1, 2, 29, 30]
        assert Path(first["img_path"]).exists()
    for split in ("val1", "val2"):
        dataset = DATASETS.build(
            dict(
                type="mmresnet.ImageNetDET",
                data_root=str(target),
                ann_file=f"ImageSets/DET/{split}.txt",
                data_prefix=dict(img="Data/DET/val", ann="Annotations/DET/val"),
                pipeline=[],
            )
        )
        assert len(dataset) == 4


def test_localizers_read_it(source, target):
    from mmengine.registry import DATASETS

    published.write_boxes(source)
    prepare("imagenet-loc", source, target)
    for split, number in (("train", 6), ("val", 4)):
        dataset = DATASETS.build(
            dict(type="mmresnet.ImageNetLoc", data_root=str(target), split=split, pipeline=[])
        )
        assert len(dataset) == number
        assert dataset.metainfo["classes"] == published.WNIDS
