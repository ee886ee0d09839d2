"""The paper's recipe for ImageNet (Sec. 3.4): scales, colours, schedule; and its small form."""

import numpy as np
import pytest

from mmresnet.config.load import load_config

pytest.importorskip("mmpretrain")

# AlexNet's colour components as torch's fb.resnet.torch gives them: RGB on [0, 1], a column each
EIGENVALUES = np.array([0.2175, 0.0188, 0.0045])
COMPONENTS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)


def transform(recipe, number):
    from mmengine.registry import TRANSFORMS, DefaultScope

    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return TRANSFORMS.build(load_config(recipe).train_pipeline[number])


@pytest.mark.parametrize(
    ("recipe", "low", "high"),
    [
        ("resnet34-paper_8xb32_in1k", 256, 480),
        ("resnet34-paper_1xb256_cifar10-images", 37, 69),  # 256/7 = 36.6, 480/7 = 68.6
    ],
)
def test_short_sides_are_drawn_uniformly_and_the_aspect_ratio_is_kept(recipe, low, high):
    np.random.seed(0)
    resize = transform(recipe, 1)
    sides = []
    for _ in range(600):
        image = resize({"img": np.zeros((30, 60, 3), np.uint8)})["img"]
        assert image.shape[1] == pytest.approx(2 * image.shape[0], abs=1)
        sides.append(image.shape[0])
    assert low <= min(sides) < low + 12 and high - 12 < max(sides) <= high
    assert np.mean(sides) == pytest.approx((low + high) / 2, abs=4 * (high - low) / 84)


def test_colours_change_along_the_principal_components():
    """Each draw adds one colour, of covariance V diag((0.1 λ)²) Vᵀ; images are read as BGR."""
    np.random.seed(0)
    lighting = transform("resnet34-paper_8xb32_in1k", 4)
    grey = np.full((2, 2, 3), 100, np.uint8)
    colours = []
    for _ in range(4000):
        added = lighting({"img": grey.copy()})["img"].astype(float) - 100
        assert np.ptp(added, axis=(0, 1)).max() < 1e-3
        colours.append(added[0, 0, ::-1] / 255)
    expected = COMPONENTS @ np.diag((0.1 * EIGENVALUES) ** 2) @ COMPONENTS.T
    np.testing.assert_allclose(np.cov(np.transpose(colours)), expected, atol=0.1 * expected.max())
    # the sum is rounded down to whole grey levels, by a half on average
    np.testing.assert_allclose(np.mean(colours, axis=0), -0.5 / 255, atol=0.001)


def test_the_schedule_is_600_000_steps_of_256_images():
    cfg = load_config("resnet34-paper_8xb32_in1k")
    assert cfg.auto_scale_lr.base_batch_size == 8 * cfg.batch_size == 256
    steps = cfg.train_cfg.max_epochs * 1_281_167 / 256
    assert steps == pytest.approx(600_000, rel=0.002)
    assert (cfg.optim_wrapper.optimizer.lr, cfg.param_scheduler.gamma) == (0.1, 0.1)
    assert cfg.model.backbone.zero_init_residual is False


def test_checkpointing_is_the_only_difference_of_its_recipe(differences):
    plain, checkpointed = (
        load_config(f"resnet1202{name}_1xb128_cifar10").to_dict() for name in ("", "-cp")
    )
    assert differences(plain, checkpointed) == {"model.backbone.with_cp": (None, True)}
