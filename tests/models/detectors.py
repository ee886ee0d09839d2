"""Detectors with our backbone and with mmdet's, and images to train both on."""

import contextlib
import copy
import json
import tarfile
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, MODELS, DefaultScope
from PIL import Image
from torch import nn

from mmresnet.config.load import load_config
from mmresnet.config.walk import parts, type_name

CLASSES = ("RBC", "WBC", "Platelets")
FEW_REGIONS = {
    "model.train_cfg.rpn_proposal.max_per_img": 100,
    "model.train_cfg.rcnn.sampler.num": 32,
    "model.test_cfg.rpn.max_per_img": 30,
    "model.test_cfg.rcnn.max_per_img": 20,
}


def recipe(name: str, options: dict[str, object] | None = None) -> Config:
    """Return a recipe for three classes, without pretrained weights and with every box kept."""
    always = {"num_classes": len(CLASSES), "model.test_cfg.rcnn.score_thr": 0.0}
    cfg = load_config(name, {**always, **(options or {})})
    for _, part in parts(cfg.model, "model"):
        if type_name(part.get("init_cfg")) == "Pretrained":
            del part["init_cfg"]
        if "fc_out_channels" in part:  # 14 M parameters of 41 M, which are drawn and compared
            part.fc_out_channels = 64
    return cfg


def build(model: ConfigDict, seed: int = 0) -> nn.Module:
    """Build a detector and initialize its weights as the Runner does."""
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope("mmdet"):
        detector = MODELS.build(model)
    logger = MMLogger.get_current_instance()
    logger.setLevel("WARNING")  # else every parameter and its initialization is listed
    detector.init_weights()
    logger.setLevel("INFO")
    return detector


def with_mmdets_backbone(model: ConfigDict) -> ConfigDict:
    """Return a copy of a detector's config in which the backbone is mmdet's own."""
    theirs = copy.deepcopy(model)
    theirs.backbone.type = model.backbone.type.removeprefix("mmresnet.")
    if theirs.backbone.type == "ResNetV1c":  # an argument there
        theirs.backbone.update(type="ResNet", deep_stem=True)
    return theirs


def randomise_norms(backbone: nn.Module, seed: int = 0) -> None:
    """Draw the norm layers' weights and statistics, small enough for a detector to be stable."""
    generator = torch.Generator().manual_seed(seed)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                module.weight.uniform_(0.2, 0.6, generator=generator)
                module.bias.normal_(0, 0.1, generator=generator)
                module.running_mean.normal_(0, 0.1, generator=generator)
                module.running_var.uniform_(0.5, 1.5, generator=generator)


def draw_images(folder: Path, count: int = 6, seed: int = 0) -> Path:
    """Draw ``count`` images of 160×120 with two to six discs, boxes and outlines, as COCO has them.

    The layout is that of the sample data: ``annotations/instances_train.json``, ``train/*.png``.
    """
    generator = np.random.default_rng(seed)
    (folder / "annotations").mkdir(parents=True)
    (folder / "train").mkdir()
    images, boxes = [], []
    y, x = np.mgrid[:120, :160]
    for index in range(count):
        pixels = generator.integers(150, 256, (120, 160, 3), dtype=np.uint8)
        for _ in range(generator.integers(2, 7)):
            radius = int(generator.integers(17, 40))
            cx, cy = int(generator.integers(radius, 160 - radius)), 60
            kind = int(generator.integers(3))
            pixels[(x - cx) ** 2 + (y - cy) ** 2 < radius**2, kind] //= 3
            turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            outline = np.stack([cx + radius * np.cos(turn), cy + radius * np.sin(turn)], axis=1)
            boxes.append(
                {
                    "id": len(boxes) + 1,
                    "image_id": index,
                    "category_id": kind + 1,
                    "bbox": [cx - radius, cy - radius, 2 * radius, 2 * radius],
                    "area": 4 * radius**2,
                    "iscrowd": 0,
                    "segmentation": [outline.flatten().tolist()],
                }
            )
        name = f"{index}.png"
        Image.fromarray(pixels).save(folder / "train" / name)
        images.append({"id": index, "file_name": name, "width": 160, "height": 120})
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)]
    document = {"images": images, "annotations": boxes, "categories": categories}
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(document))
    return folder


def unpack_photographs(archive: Path, folder: Path, count: int = 6) -> Path:
    """Unpack the first ``count`` training images of the blood cells, and their boxes alone."""
    names = set()
    with tarfile.open(archive) as members:
        for member in members:
            path = Path(member.name)
            if path.name == "instances_train.json":
                document = json.load(members.extractfile(member))
            elif path.parent.name == "train" and path.suffix == ".jpg":
                (folder / "train").mkdir(parents=True, exist_ok=True)
                data = members.extractfile(member).read()
                (folder / "train" / path.name).write_bytes(data)
                names.add(path.name)
            if len(names) == count:
                break
    document["images"] = [i for i in document["images"] if i["file_name"] in names]
    kept = {image["id"] for image in document["images"]}
    document["annotations"] = [a for a in document["annotations"] if a["image_id"] in kept]
    (folder / "annotations").mkdir()
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(document))
    return folder


def batches(cfg: Config, folder: Path, scale: tuple[int, int], size: int = 2) -> list[dict]:
    """Return batches of ``size`` images from the recipe's training pipeline."""
    pipeline = [
        {**step, "scale": scale} if step.type == "Resize" else step for step in cfg.train_pipeline
    ]
    with DefaultScope.overwrite_default_scope("mmdet"):
        data = DATASETS.build(
            dict(
                type="CocoDataset",
                data_root=str(folder),
                ann_file="annotations/instances_train.json",
                data_prefix=dict(img="train/"),
                metainfo=dict(classes=CLASSES),
                pipeline=pipeline,
            )
        )
    with fixed_seed(0):
        samples = [data[index] for index in range(len(data))]
    return [
        {key: [sample[key] for sample in samples[start : start + size]] for key in samples[0]}
        for start in range(0, len(samples) - size + 1, size)
    ]


@contextlib.contextmanager
def fixed_seed(seed: int):
    """Seed torch and NumPy, which mmdet's transforms use."""
    np.random.seed(seed)
    torch.manual_seed(seed)
    yield


def losses(detector: nn.Module, batch: dict, seed: int) -> dict[str, torch.Tensor]:
    """Return the total as ``loss``, with its graph, and each of its parts."""
    data = detector.data_preprocessor(copy.deepcopy(batch), training=True)
    with fixed_seed(seed):
        total, parts = detector.parse_losses(detector(**data, mode="loss"))
    return {**parts, "loss": total}


def predictions(detector: nn.Module, batch: dict) -> list[dict[str, torch.Tensor]]:
    """Return boxes, scores, labels and, if any, masks of each image, in evaluation mode."""
    detector.eval()  # which returns None for some of mmdet's parts
    with torch.no_grad():
        found = detector.test_step(copy.deepcopy(batch))
    return [dict(sample.pred_instances.items()) for sample in found]
