"""Pictures in COCO's format for the tests of this folder."""

from pathlib import Path

import numpy as np
import pytest

CLASSES = ("cat", "dog", "owl")


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures of 96×64 pixels with a box of each class."""
    import cv2
    from mmengine.fileio import dump

    folder = tmp_path_factory.mktemp("scenes")
    (folder / "val").mkdir()
    generator = np.random.default_rng(0)
    content: dict[str, list] = {"images": [], "annotations": [], "categories": []}
    for index, name in enumerate(CLASSES):
        pixels = generator.integers(0, 256, (6, 9, 3), dtype=np.uint8)
        file = f"{index}.png"
        cv2.imwrite(str(folder / "val" / file), cv2.resize(pixels, (96, 64)))
        content["images"].append({"id": index, "file_name": file, "width": 96, "height": 64})
        content["categories"].append({"id": index + 1, "name": name})
        box = {"bbox": [10, 10, 40, 30], "area": 1200, "iscrowd": 0}
        numbers = {"id": index + 1, "image_id": index, "category_id": index + 1}
        content["annotations"].append({**numbers, **box})
    (folder / "annotations").mkdir()
    for part in ("train", "val"):
        dump(content, str(folder / "annotations" / f"instances_{part}.json"))
    return folder
