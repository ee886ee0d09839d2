"""ImageNetDETMetric equals the development kit's definition."""

import numpy as np
import pytest
import torch

from mmresnet.datasets.imagenet_det.classes import CLASSES, NAME_OF
from mmresnet.errors import UserError
from mmresnet.evaluation.detection.imagenet_det_metric import ImageNetDETMetric

NAME = "ILSVRC2012_val_{:08d}"


def sample(number, objects, detections):
    """Return a data sample of (class, box) and (class, score, box); boxes count pixels from 0."""

    def boxes(listed):
        found = torch.tensor(np.array(listed, float).reshape(-1, 4))
        found[:, 2:] += 1
        return found.float()

    def labels(listed):
        return torch.tensor([CLASSES.index(one[0]) for one in listed], dtype=torch.long)

    return {
        "img_id": NAME.format(number),
        "gt_instances": {"bboxes": boxes([o[1] for o in objects]), "labels": labels(objects)},
        "ignored_instances": {"bboxes": boxes([]), "labels": labels([])},
        "pred_instances": {
            "bboxes": boxes([d[2] for d in detections]),
            "scores": torch.tensor([d[1] for d in detections], dtype=torch.float32),
            "labels": labels(detections),
        },
    }


def evaluate(samples, **keywords):
    metric = ImageNetDETMetric(classwise=True, **keywords)
    metric.dataset_meta = {"classes": CLASSES}
    metric.process(None, samples)
    found = metric.evaluate(len(samples))
    return {key.removeprefix("imagenet_det/"): value for key, value in found.items()}


def test_a_small_object_has_a_lower_threshold():
    """An object of 10 x 10 pixels has 100 / 400, which a box of 20 x 20 around it reaches.

    For one of 30 x 30 it is 0.5: a box of 60 x 60 around it has 1 / 4, and is wrong.
    """
    found = evaluate(
        [
            sample(1, [("ant", (40, 40, 49, 49))], [("ant", 0.9, (35, 35, 54, 54))]),
            sample(2, [("bee", (40, 40, 69, 69))], [("bee", 0.9, (25, 25, 84, 84))]),
        ]
    )
    assert found["ant_AP"] == 1
    assert found["bee_AP"] == 0
    assert found["mAP"] == 0.5  # the other 198 classes have no object here


def test_a_further_detection_takes_the_next_free_object():
    """Two dogs beside each other: both detections overlap the first most, by 0.9 and by 90 / 110.

    VOC's kit would call the second wrong. Here the second dog is free, and is overlapped by
    60 / 140 < 0.5: wrong as well; but a third detection at its place is right. So the recalls are
    1/2, 1/2, 1 with the precisions 1, 1/2, 2/3, and the area is 1/2 + 1/2 * 2/3.
    """
    dogs = [("dog", (0, 0, 9, 99)), ("dog", (4, 0, 13, 99))]
    boxes = [(0, 0, 8, 99), (0, 0, 9, 99), (4, 0, 13, 99)]
    found = evaluate(
        [sample(1, dogs, [("dog", 0.9 - 0.1 * n, box) for n, box in enumerate(boxes)])]
    )
    assert found["dog_AP"] == pytest.approx(1 / 2 + 1 / 3)


def draw(seed):
    generator = np.random.default_rng(seed)
    for number in range(1, 31):
        objects, detections = [], []
        for _ in range(generator.integers(0, 5)):
            name = ("ant", "dog")[generator.integers(2)]
            x, y = generator.integers(0, 40, 2)
            w, h = generator.integers(2, 40, 2)
            objects.append((name, (x, y, x + w, y + h)))
            for _ in range(generator.integers(0, 4)):
                box = np.array(objects[-1][1]) + generator.integers(-5, 6, 4)
                box[2:] = np.maximum(box[2:], box[:2])
                detections.append((name, float(generator.random()), tuple(box)))
        yield number, objects, detections


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_development_kit(seed, devkit):
    drawn = list(draw(seed))
    found = evaluate([sample(*one) for one in drawn])
    for name in ("ant", "dog"):
        objects = {n: [box for one, box in there if one == name] for n, there, _ in drawn}
        detections = [(n, s, b) for n, _, found in drawn for one, s, b in found if one == name]
        positives = sum(map(len, objects.values()))
        wanted = devkit.ap(devkit.ilsvrc(detections, objects), positives, "area")
        assert 0 < wanted < 1
        assert found[f"{name}_AP"] == pytest.approx(wanted, abs=1e-6)


def test_blacklisted_images_are_left_out_for_their_class(tmp_path):
    """In image 2 the ants do not count: neither the object that is missed nor the detection."""
    ant, elsewhere = (10, 10, 59, 59), (100, 100, 150, 150)
    samples = [
        sample(1, [("ant", ant)], [("ant", 0.5, ant)]),
        sample(2, [("ant", ant), ("bee", ant)], [("ant", 0.9, elsewhere), ("bee", 0.9, ant)]),
    ]
    assert evaluate(samples)["ant_AP"] == pytest.approx(1 / 2 * 1 / 2)
    images = tmp_path / "val.txt"
    images.write_text("".join(f"{NAME.format(n)} {n + 10}\n" for n in (1, 2)))
    for entry in ("12 n02219486\n", f"{NAME.format(2)} n02219486\n"):
        blacklist = tmp_path / "blacklist.txt"
        blacklist.write_text(entry)
        found = evaluate(samples, blacklist=str(blacklist), image_list=str(images))
        assert found["ant_AP"] == found["bee_AP"] == 1


def test_the_file_of_results(tmp_path):
    images = tmp_path / "test.txt"
    images.write_text(f"{NAME.format(7)} 3\n")
    one = sample(7, [], [("zebra", 0.25, (0, 4, 10, 20)), ("accordion", 0.5, (1, 2, 3, 4))])
    prefix = str(tmp_path / "out" / "det")
    assert evaluate([one], format_only=True, image_list=str(images), outfile_prefix=prefix) == {}
    lines = (tmp_path / "out" / "det.txt").read_text().splitlines()
    assert [[float(word) for word in line.split()] for line in lines] == [
        [3, 200, 0.25, 0, 4, 10, 20],
        [3, 1, 0.5, 1, 2, 3, 4],
    ]
    with pytest.raises(UserError, match=r"there are results already, such as .*det\.txt"):
        ImageNetDETMetric(image_list=str(images), outfile_prefix=prefix)
    metric = ImageNetDETMetric(image_list=str(images), outfile_prefix=prefix + "1")
    metric.dataset_meta = {"classes": ("zebras",)}
    metric.process(None, [one])
    with pytest.raises(UserError, match=r"'zebras' is none of DET's 200 .* mean 'zebra'"):
        metric.evaluate(1)
    one["img_id"] = "other"
    with pytest.raises(UserError, match="image_list has no image 'other'"):
        evaluate([one], image_list=str(images), outfile_prefix=prefix + "2")


def test_wrong_files(tmp_path):
    file = tmp_path / "list.txt"

    def refused(content, message, **keywords):
        file.write_text(content)
        with pytest.raises(UserError, match=message):
            ImageNetDETMetric(**keywords)

    refused("a b c\n", "has the line 'a b c', not an image and a class", blacklist=str(file))
    refused(
        "a n02219487\n",
        "'n02219487', which is no WordNet id .* Did you mean 'n0",
        blacklist=str(file),
    )
    refused("5 n02219486\n", "image number 5: set image_list", blacklist=str(file))
    refused("a\n", "not the name and number of an image", image_list=str(file))
    refused("", "set image_list to", outfile_prefix=str(tmp_path / "x"))
    with pytest.raises(UserError, match=r"blacklist: ./none. cannot be read .No such file"):
        ImageNetDETMetric(blacklist="/none")


def test_the_classes_are_mmdets():
    names = pytest.importorskip("mmdet.evaluation.functional").imagenet_det_classes()
    assert list(CLASSES) == names
    assert len(NAME_OF) == len(set(CLASSES)) == 200
    assert [NAME_OF[wnid] for wnid in ("n02672831", "n02084071", "n00007846", "n02391049")] == [
        *("accordion", "dog", "person", "zebra"),
    ]
