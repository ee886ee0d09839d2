"""What weights were trained with, against what a model does."""

import re

import pytest
from nets import classifier, ours
from other_libraries import randomise

from mmresnet.weights.checkpoint import Origin, with_origin
from mmresnet.weights.compare import differences, style_of
from mmresnet.weights.hub.preprocessing import IMAGENET, MSRA_CAFFE
from mmresnet.weights.load import load_weights

RGB = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
BGR = dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0], to_rgb=False)
PIPELINE = [
    dict(type="LoadImageFromFile"),
    dict(type="ResizeEdge", scale=256, edge="short"),
    dict(type="CenterCrop", crop_size=224),
]


def differences_of(origin, preprocessing, pipeline=PIPELINE, **settings):
    """Load weights of that origin into a classifier with that preprocessing; compare them."""
    from mmpretrain.models import ClsDataPreprocessor

    model = classifier(depth=50, **settings)
    model.data_preprocessor = ClsDataPreprocessor(**preprocessing)
    content = {"state_dict": randomise(ours(depth=50)).state_dict()}
    content = with_origin(content, origin)
    return differences(model, load_weights(model, content), pipeline)


def test_a_recipe_that_fits_has_no_differences():
    assert differences_of(Origin("a", IMAGENET, "pytorch"), RGB) == []
    assert differences_of(Origin("a", MSRA_CAFFE, "caffe"), BGR, style="caffe") == []
    assert differences_of(Origin("a"), BGR) == []  # nothing is known of the weights


@pytest.mark.parametrize(
    ("origin", "preprocessing", "words"),
    [
        (
            Origin("a", MSRA_CAFFE),
            RGB,
            [
                "trained on BGR images, and the config gives RGB: set to_rgb .* to False",
                "with mean .103.53, 116.28, 123.675. .*the config has .123.675, 116.28, 103.53",
                "with std .1.0, 1.0, 1.0.",
            ],
        ),
        (Origin("a", IMAGENET), dict(RGB, to_rgb=False), ["RGB images, and the config gives BGR"]),
        (Origin("a", IMAGENET), dict(RGB, mean=None, std=None), ["the config has none", "std"]),
        (Origin("a", IMAGENET), dict(RGB, std=[60.0, 57.12, 57.375]), ["with std"]),
        (Origin("a", None, "caffe"), RGB, ["in its first .1×1. convolution.*set style='caffe'"]),
    ],
)
def test_each_difference_has_a_message(origin, preprocessing, words):
    messages = differences_of(origin, preprocessing)
    assert len(messages) == len(words)
    for message, word in zip(messages, words, strict=True):
        assert re.search(word, message), message


def test_sizes():
    other = [dict(type="ResizeEdge", scale=232, interpolation="bicubic"), *PIPELINE[2:]]
    messages = differences_of(Origin("a", IMAGENET), RGB, other)
    assert [message.split("are for ")[1] for message in messages] == [
        "the shorter edge resized to 256, and the config has 232.",
        "the interpolation bilinear, and the config has bicubic.",
    ]
    detection = [dict(type="Resize", scale=(1333, 800))]
    assert differences_of(Origin("a", IMAGENET), RGB, detection) == []


def test_eps():
    settings = dict(norm_cfg=dict(type="BN", eps=1e-3))
    (message,) = differences_of(Origin("a", IMAGENET), RGB, **settings)
    assert "adds eps=0.001" in message
    assert differences_of(Origin("a"), RGB, **settings) == []


def test_a_detector_swaps_channels():
    mmdet = pytest.importorskip("mmdet.models.data_preprocessors")
    model = classifier(depth=50)
    content = randomise(ours(depth=50)).state_dict()
    content = with_origin(content, Origin("a", IMAGENET))
    report = load_weights(model, content)
    for swap in (True, False):
        model.data_preprocessor = mmdet.DetDataPreprocessor(
            mean=RGB["mean"], std=RGB["std"], bgr_to_rgb=swap
        )
        assert len(differences(model, report)) == (not swap)


@pytest.mark.parametrize(
    ("depth", "style", "found"),
    [(50, "pytorch", "pytorch"), (50, "caffe", "caffe"), (18, "pytorch", None)],
)
def test_the_style_is_seen(depth, style, found):
    assert style_of(ours(depth=depth, style=style)) == found
