"""Class activation maps: what they add up to, and what computes them in another way."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

import torch

from mmresnet.config.load import load_config
from mmresnet.engine.assembly import build_model
from mmresnet.errors import UserError
from mmresnet.inference.cam import Explainer, exact_map, find_class
from mmresnet.inference.sources import find_sources

GEM = {"model.neck.type": "mmresnet.GeneralizedMeanPooling"}


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_images):
    """A config for the tiny images, and a checkpoint of an untrained model."""
    settings = {"data_root": str(tiny_images), "num_classes": 3, "batch_size": 4}
    cfg = load_config("digits_resnet20", settings)
    torch.manual_seed(0)
    net = build_model(cfg)
    torch.nn.init.normal_(net.head.fc.weight)
    torch.nn.init.normal_(net.head.fc.bias)
    checkpoint = tmp_path_factory.mktemp("run") / "model.pth"
    torch.save({"state_dict": net.state_dict()}, checkpoint)
    return cfg, checkpoint


@pytest.fixture(scope="module")
def exact(model):
    return Explainer(*model)


@pytest.fixture(scope="module")
def gradients(model):
    pytest.importorskip("captum")
    return Explainer(*model, "grad-cam")


@pytest.fixture(scope="module")
def image(exact, tiny_images):
    (found,) = exact.reader.read(find_sources(tiny_images / "val" / "dog" / "0.jpg"))
    return found


def inputs_of(explainer, image):
    batch = {"inputs": [image.data["inputs"]], "data_samples": None}
    return explainer.model.data_preprocessor(batch)["inputs"]


def test_an_exact_map_adds_up_to_the_logit_without_its_bias(exact, image):
    assert exact.method == "cam"
    with torch.no_grad():
        logits = exact.model(inputs_of(exact, image), mode="tensor")[0]
    maps = exact(image, range(3))
    bias = exact.model.head.fc.bias.detach()
    for one in maps:
        logit = logits[one.class_id] - bias[one.class_id]
        assert one.values.shape == (4, 4)
        assert one.values.sum() == pytest.approx(float(logit), rel=1e-4)
        assert one.score == pytest.approx(float(logits.softmax(0)[one.class_id]), rel=1e-4)


def test_an_exact_map_by_hand():
    features = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]]]])  # two channels of 1×2
    weight = torch.tensor([[2.0, -1.0]])
    assert exact_map(features, weight).tolist() == [[[[1.0, 0.5]]]]


def test_grad_cam_of_the_last_features_is_the_exact_map_where_that_is_positive(
    exact, gradients, image
):
    maps = zip(exact(image, range(3)), gradients(image, range(3)), strict=True)
    for one, other in maps:
        np.testing.assert_allclose(one.values.clip(0), other.values, rtol=1e-4, atol=1e-6)
        assert one.score == pytest.approx(other.score)


def test_grad_cam_of_a_layer_is_what_its_paper_says(model, image):
    pytest.importorskip("captum")
    explainer = Explainer(*model, layer="backbone.layer2")
    found = explainer(image, range(3))
    kept = []
    layer = explainer.model.backbone.layer2
    with layer.register_forward_hook(lambda module, args, output: kept.append(output)):
        logits = explainer.model(inputs_of(explainer, image), mode="tensor")
    for number, one in enumerate(found):
        (gradient,) = torch.autograd.grad(logits[0, number], kept[0], retain_graph=True)
        weights = gradient.mean((2, 3), keepdim=True)  # its equation 1, then 2
        expected = (weights * kept[0]).sum(1).relu()[0].detach()
        assert one.values.shape == (8, 8)
        np.testing.assert_allclose(one.values, expected, rtol=1e-4, atol=1e-7)
    assert max(one.values.max() for one in found) > 0


def test_the_predicted_class_is_the_default(exact, gradients, image):
    best = max(exact(image, range(3)), key=lambda one: one.score)
    for explainer in (exact, gradients):
        (found,) = explainer(image)
        assert found.class_id == best.class_id


def test_without_average_pooling_there_is_only_grad_cam(model, image, tmp_path):
    pytest.importorskip("captum")
    cfg = load_config(model[0].copy(), GEM)
    net = build_model(cfg)
    torch.save({"state_dict": net.state_dict()}, tmp_path / "gem.pth")
    with pytest.raises(UserError, match=r"GeneralizedMeanPooling.*: take the method grad-cam"):
        Explainer(cfg, tmp_path / "gem.pth", "cam")
    explainer = Explainer(cfg, tmp_path / "gem.pth")
    (found,) = explainer(image)
    assert explainer.method == "grad-cam"
    assert found.values.shape == (4, 4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gradcam",), "no method 'gradcam': cam or grad-cam. Did you mean 'grad-cam'"),
        (("cam", "backbone.layer2"), "for the layer 'backbone.layer2', take the method grad-cam"),
        (("grad-cam", "backbone.layr2"), "Did you mean 'backbone.layer2'"),
        (("grad-cam", ""), "no layer ''"),
    ],
)
def test_a_mistake_has_a_way_out(model, arguments, words):
    pytest.importorskip("captum")
    with pytest.raises(UserError, match=words):
        Explainer(*model, *arguments)


def test_grad_cam_needs_a_map(model, image):
    pytest.importorskip("captum")
    with pytest.raises(UserError, match=r"a GlobalAveragePooling, has no output \(N, C, h, w\)"):
        Explainer(*model, "grad-cam", "neck")(image)


def test_a_class_is_found_by_its_name_or_a_synonym():
    classes = ["tench, Tinca tinca", "crane", "crane, lifter", "sea lion"]
    assert find_class("sea lion", classes) == 3
    assert find_class("Tinca tinca", classes) == 0
    assert find_class("crane", classes) == 1
    assert find_class("lifter", classes) == 2
    with pytest.raises(UserError, match="Several classes are a 'crane': a, crane; crane, b"):
        find_class("crane", ["a, crane", "crane, b"])
    with pytest.raises(UserError, match=r"no class 'tensh' among its 4\. Did you mean 'tench'"):
        find_class("tensh", classes)
