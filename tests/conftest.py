"""Fixtures that several tests share."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TINY_CLASSES = ("cat", "dog", "owl")


@pytest.fixture(autouse=True)
def own_default_scope() -> Iterator[None]:
    """Let no test change the default scope of the next: mmengine keeps the last for the process."""

    def scopes() -> dict:
        registry = sys.modules.get("mmengine.registry")
        return registry.DefaultScope._instance_dict if registry else {}

    before = dict(scopes())
    yield
    scopes().clear()
    scopes().update(before)


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """The folder of real sample data that MMRESNET_DATA names; without it, the test is skipped."""
    folder = os.environ.get("MMRESNET_DATA")
    if not folder:
        pytest.skip("needs real data: set MMRESNET_DATA to the folder of the sample data")
    if not Path(folder).is_dir():
        pytest.fail(f"MMRESNET_DATA names '{folder}', which is no folder")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of JPEGs in ImageNet's layout: three classes, 4 to train on and 2 held out each.

    The classes differ in colour, so that a net can learn them. Tests only read it.
    """
    root = tmp_path_factory.mktemp("tiny_images")
    generator = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2)):
        for channel, name in enumerate(TINY_CLASSES):
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(0, 100, (40, 48, 3), dtype=np.uint8)
                pixels[..., channel] += 150
                Image.fromarray(pixels).save(folder / f"{index}.jpg")
    return root
