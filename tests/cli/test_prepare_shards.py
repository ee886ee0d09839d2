"""Archives and folders to shards."""

from pathlib import Path

import published_archives as published
import pytest

from mmresnet.cli import command
from mmresnet.datasets.shards.shard_set import ShardSet

main = command.main_of("prepare")


def images(folder: Path) -> dict[str, bytes]:
    return {
        path: content
        for path, content in published.files_below(folder).items()
        if path.endswith(".JPEG")
    }


def test_archives_become_a_folder_and_shards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target, shards = tmp_path / "source", tmp_path / "target", tmp_path / "shards"
    published.write_imagenet(source)
    arguments = ["imagenet", source, target, "--shards", shards, "--no-checksum"]
    assert command.run(main, [*map(str, arguments)]) == 0
    assert f"{shards}: 10 images in 2 shards, 0 other files" in capsys.readouterr().out
    found = ShardSet(str(shards))
    paths = [found.index.path(row) for row in range(len(found.index))]
    assert {path: found.content(path) for path in paths} == images(target)
    assert command.run(main, ["folder", str(target), "--shards", str(tmp_path / "again")]) == 0
    assert published.files_below(tmp_path / "again") == published.files_below(shards)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["folder", "a"], "folder takes the folder with the images, and --shards"),
        (["folder", "a", "b", "--shards", "c"], "folder takes the folder with the images"),
        (["imagenet", "a"], "imagenet needs a folder to write to"),
        (["voc", "a", "b", "--shards", "c"], "--shards is for imagenet, coco, folder, not for voc"),
        (["folder", "a", "--shards", "c", "--shard-size", "0"], "--shard-size 0: give megabytes"),
        (["folder", "a", "--shards", "c"], "There is no folder 'a'"),
        (["foldr", "a"], "Did you mean 'folder'?"),
    ],
)
def test_mistakes(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(main, arguments) == 2
    assert told in capsys.readouterr().err
