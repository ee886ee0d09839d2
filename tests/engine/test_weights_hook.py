"""What weights were trained with is compared with the config before a run."""

import re

import cv2
import numpy as np
import pytest

from mmresnet.engine.run import test as measure


@pytest.fixture
def ten_classes(tmp_path):
    for number in range(10):
        folder = tmp_path / "data" / "test" / f"class{number}"
        folder.mkdir(parents=True)
        image = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
        cv2.imwrite(str(folder / "0.png"), image)
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("to_rgb", "told"), [(True, []), (False, ["trained on RGB images, and the config gives BGR"])]
)
def test_a_difference_is_a_warning(to_rgb, told, ten_classes, sample_data, tmp_path, capsys):
    options = {
        "data_root": str(ten_classes),
        "num_workers": 0,
        "data_preprocessor.to_rgb": to_rgb,
        "experiment_name": f"weights_hook_{to_rgb}",  # mmengine's own has but seconds
    }
    measure(
        "resnet20_1xb128_cifar10-images",
        str(sample_data / "resnet20-12fca82f.th"),
        work_dir=str(tmp_path / "work"),
        cfg_options=options,
        device="cpu",
    )
    log = capsys.readouterr().out
    (line,) = [line for line in log.splitlines() if line.startswith("Weights of ")]
    assert re.search(
        r"resnet20-12fca82f\.th: ResNet-20 .*, backbone: 95 of 95 tensors loaded$", line
    )
    warnings = [
        line for line in log.splitlines() if line.startswith("Warning: The weights were trained")
    ]
    assert len(warnings) == len(told)
    assert all(words in line for words, line in zip(told, warnings, strict=True))
