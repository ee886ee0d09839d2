"""The output folder: paths of the pictures, and videos, complete or removed."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Picture

cv2 = pytest.importorskip("cv2")

from mmresnet.errors import UserError  # noqa: E402
from mmresnet.inference.sources import Source  # noqa: E402
from mmresnet.inference.writer import OutputFolder  # noqa: E402


def image(source, value=0, frame=None):
    pixels = np.full((481, 641, 3), value, np.uint8)
    return SimpleNamespace(source=source, pixels=pixels, frame=frame, rate=10.0)


def frames_of(path):
    video = cv2.VideoCapture(str(path))
    rate, frames = video.get(cv2.CAP_PROP_FPS), []
    while (read := video.read())[0]:
        frames.append(read[1])
    return rate, frames


def test_a_picture_has_the_relative_path_of_its_image(tmp_path):
    result = {"objects": []}
    with OutputFolder(tmp_path / "out", pictures=True, score_thr=0.3) as output:
        output.add(image(Source("deep/a", "photos/deep/a.png"), 200), result)
    assert result["picture"] == "pictures/deep/a.jpg"
    written = np.asarray(Picture.open(tmp_path / "out" / result["picture"]))
    assert (written == 200).all()
    assert written.shape == (481, 641, 3)


def test_without_pictures_only_the_folder_is_created(tmp_path):
    result = {"objects": []}
    with OutputFolder(tmp_path / "out", pictures=False, score_thr=0.3) as output:
        output.add(image(Source("a", "a.png")), result)
    assert result == {"objects": []}
    assert list((tmp_path / "out").iterdir()) == []


def test_each_video_has_its_own_frames(tmp_path):
    first, second = Source("a", "a.avi"), Source("b", "b.mp4")
    with OutputFolder(tmp_path, pictures=True, score_thr=0.3) as output:
        for source, values in ((first, (0, 100, 200)), (second, (250, 50))):
            for number, value in enumerate(values):
                result = {"objects": []}
                output.add(image(source, value, number), result)
                assert result["picture"] == f"pictures/{source.name}.mp4"
    for name, values in (("a", (0, 100, 200)), ("b", (250, 50))):
        rate, frames = frames_of(tmp_path / "pictures" / f"{name}.mp4")
        assert rate == 10
        assert [round(frame.mean(), -1) for frame in frames] == list(values)
        assert frames[0].shape == (482, 642, 3)  # even: the last row and column are repeated
    assert len(list((tmp_path / "pictures").iterdir())) == 2


def test_an_unfinished_video_is_removed(tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        OutputFolder(tmp_path, pictures=True, score_thr=0.3) as output,
    ):
        output.add(image(Source("a", "a.avi"), frame=0), {"objects": []})
        raise KeyboardInterrupt
    assert list((tmp_path / "pictures").iterdir()) == []


def test_a_folder_that_cannot_be_created_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match=r"Nothing can be written to '.*out': "):
        OutputFolder(tmp_path / "out", pictures=True, score_thr=0.3)


def test_a_video_that_cannot_be_written_raises_a_user_error(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2.VideoWriter, "fourcc", lambda *_: 0x20202020)
    with (
        pytest.raises(UserError, match="has no MPEG-4 encoder"),
        OutputFolder(tmp_path, pictures=True, score_thr=0.3) as output,
    ):
        output.add(image(Source("a", "a.avi"), frame=0), {"objects": []})
