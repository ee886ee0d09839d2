"""The figure of matched detections: which images are chosen, and the colours of the boxes."""

import pytest
from PIL import Image

pytest.importorskip("matplotlib")

from mmresnet.errors import UserError
from mmresnet.evaluation.detection.matching import Box, Outcome, Scene
from mmresnet.visualization.detections import COLOURS, _choose, plot_detections

TP, FP, FN = Outcome


def scene(path, *outcomes):
    """Return a scene with a box of each outcome, side by side."""
    boxes = [Box((12 * i + 2, 2, 12 * i + 12, 14), "cat", one) for i, one in enumerate(outcomes)]
    return Scene(str(path), boxes)


def test_images_with_mistakes_come_first_and_leave_room_for_others():
    correct = [scene(number, TP) for number in (1, 2, 3, 4)]
    worst = scene(5, FN, FP)
    scenes = [*correct, scene(6, FP), worst]

    def paths(count):
        return "".join(one.path for one in _choose(scenes, count))

    assert paths(6) == paths(9) == "561234"
    assert paths(4) == "5613"
    assert paths(2) == "51"
    assert paths(1) == "5"


def test_with_mistakes_everywhere_all_places_are_filled():
    assert len(_choose([scene(number, FN) for number in (1, 2, 3)], 3)) == 3


def test_each_outcome_is_drawn_in_its_colour(tmp_path):
    Image.new("RGB", (40, 30), (20, 20, 20)).save(tmp_path / "image.png")
    plot_detections([scene(tmp_path / "image.png", *Outcome)], tmp_path / "new" / "picture.png")
    picture = Image.open(tmp_path / "new" / "picture.png").convert("RGB")
    drawn = {colour for _, colour in picture.getcolors(1 << 20)}
    for colour in COLOURS.values():
        assert tuple(bytes.fromhex(colour[1:])) in drawn


def test_a_count_below_one_is_refused(tmp_path):
    with pytest.raises(UserError, match="count must be at least 1, not 0"):
        plot_detections([scene("image.png")], tmp_path / "picture.png", count=0)
