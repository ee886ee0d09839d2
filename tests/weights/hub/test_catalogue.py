"""The catalogue against the packages whose weights it lists, where they are installed."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmresnet.errors import UserError
from mmresnet.weights.hub import addresses, catalogue
from mmresnet.weights.hub.preprocessing import Preprocessing
from mmresnet.weights.names.layouts import LAYOUTS

DEPTHS = (18, 34, 50, 101, 152)


def folder_of(package: str) -> Path:
    """Return a package's folder without importing it, which may take long."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        pytest.skip(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0])


def entries_of(publisher: str) -> dict[str, catalogue.Entry]:
    scheme = f"{publisher}://"
    found = {e.name: e for e in catalogue.entries() if e.name.startswith(scheme)}
    return {name.removeprefix(scheme): entry for name, entry in found.items()}


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.name)
def test_each_entry_is_consistent(entry):
    for name in (entry.name, *entry.aliases):
        assert catalogue.find(name) is entry
    assert catalogue.find(entry.url).url == entry.url
    assert entry.layout in LAYOUTS
    assert entry.style in ("pytorch", "caffe")
    assert re.fullmatch("([0-9a-f]{8}|[0-9a-f]{64})?", entry.sha256)
    assert entry.sha256[:8] == addresses.hash_in_name(entry.url.rpartition("/")[2])
    if entry.sha256:
        assert catalogue.find(entry.url.rpartition("/")[2]).url == entry.url
    assert entry.top1 is None or 60 < entry.top1 < 100
    assert (entry.preprocessing.resize is None) or entry.preprocessing.interpolation
    images = entry.preprocessing
    assert images.channel_order == ("bgr" if entry.style == "caffe" else "rgb")
    assert images.mean == tuple(sorted(images.mean, reverse=images.channel_order == "rgb"))


def test_names_are_unique():
    names = [name for entry in catalogue.entries() for name in (entry.name, *entry.aliases)]
    assert len({name.lower() for name in names}) == len(names)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("torchvision://resnet50", "torchvision://resnet50.imagenet1k_v1"),  # as in mmengine
        ("torchvision://ResNet50_Weights.IMAGENET1K_V2", "torchvision://resnet50.imagenet1k_v2"),
        ("modelzoo://resnet18", "torchvision://resnet18.imagenet1k_v1"),
        ("resnet50-11ad3fa6.pth", "torchvision://resnet50.imagenet1k_v2"),
        ("timm://resnet50d", "timm://resnet50d.ra2_in1k"),
        ("hf://timm/resnet50d.ra2_in1k/model.safetensors", "timm://resnet50d.ra2_in1k"),
        (
            "https://huggingface.co/microsoft/resnet-50/resolve/main/model.safetensors",
            "hf://microsoft/resnet-50",
        ),
        ("openmmlab://resnet50_v1c", "open-mmlab://resnet50_v1c"),
        ("mmcls://resnet50_v1d", "mmpretrain://resnetv1d50_8xb32_in1k"),
        ("https://mirror.example/resnet20-12fca82f.th", "akamaster://resnet20"),
    ],
)
def test_spellings_of_names(written, name):
    assert catalogue.get(written).name == name


@pytest.mark.parametrize("name", ["R-50.pkl", "model.safetensors", "resnet50", "", "hf://a/b"])
def test_unknown_and_ambiguous_names(name):
    assert catalogue.find(name) is None


def test_an_unknown_name_and_the_nearest_one():
    with pytest.raises(UserError, match=r"no weights 'timm://resnet50e'\. Did you mean 'timm://re"):
        catalogue.get("timm://resnet50e")
    assert {entry.depth for entry in catalogue.search("AKAMASTER")} == {20, 32, 44, 56, 110, 1202}


def test_the_import_is_light():
    code = (
        "import sys; from mmresnet.weights.hub import catalogue, download; catalogue.entries(); "
        "print({'torch', 'timm', 'mmengine', 'huggingface_hub'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_variants_and_depths_are_those_of_our_classes():
    from mmresnet.models import backbones

    classes = {n.lower(): found for n, found in vars(backbones).items() if isinstance(found, type)}
    for entry in catalogue.entries():
        if entry.variant == "cifarresnet":
            assert (entry.depth - 2) % 6 == 0
            assert entry.variant in classes
        else:
            assert entry.depth in classes[entry.variant].arch_settings, entry.name


def test_torchvision():
    models = pytest.importorskip("torchvision.models")
    known = entries_of("torchvision")
    for depth in DEPTHS:
        weights = getattr(models, f"ResNet{depth}_Weights")
        for one in weights:
            entry = known.pop(f"resnet{depth}.{one.name.lower()}")
            images = one.transforms()
            assert entry.url == one.url
            assert (entry.depth, entry.variant) == (depth, "resnet")
            assert entry.top1 == one.meta["_metrics"]["ImageNet-1K"]["acc@1"]
            assert entry.preprocessing == Preprocessing(
                scaled(images.mean),
                scaled(images.std),
                size=images.crop_size[0],
                resize=images.resize_size[0],
                interpolation=images.interpolation.value,
            )
        default = catalogue.get(f"torchvision://resnet{depth}.default")
        assert default.url == weights.DEFAULT.url
    assert not known


def original(url: str) -> str:
    """Return OpenMMLab's address of a file that the forks keep on a host of their own."""
    return url.replace("https://mmassets.onedl.ai/", "https://download.openmmlab.com/")


def scaled(values) -> tuple[float, ...]:
    """Return values for pixels from 0 to 255 instead of 0 to 1."""
    return tuple(round(255 * value, 6) for value in values)


def test_timm():
    timm = pytest.importorskip("timm")
    known = entries_of("timm")
    for depth in DEPTHS:
        for letter, variant in (("", "resnet"), ("c", "resnetv1c"), ("d", "resnetv1d")):
            model = f"resnet{depth}{letter}"
            if not timm.is_model(model):  # resnet18c
                continue
            for name in timm.list_models(f"{model}.*", pretrained=True):
                entry = known.pop(name)
                given = timm.get_pretrained_cfg(name)
                size = (given.test_input_size or given.input_size)[-1]
                crop_pct = given.test_crop_pct or given.crop_pct
                assert entry.url == (given.url or f"hf://{given.hf_hub_id}"), name
                assert f"hf://{given.hf_hub_id}" in entry.aliases, name
                assert (entry.depth, entry.variant) == (depth, variant)
                assert entry.licence.lower() == (given.license or ""), name
                assert (entry.dataset == "ImageNet-1k") == (given.num_classes == 1000), name
                assert entry.preprocessing == Preprocessing(
                    scaled(given.mean),
                    scaled(given.std),
                    size=size,
                    resize=int(size / crop_pct),
                    interpolation=given.interpolation,
                ), name
            default = timm.get_pretrained_cfg(model)
            assert catalogue.get(f"timm://{model}").name == f"timm://{model}.{default.tag}"
    assert not known


def test_mmpretrain():
    yaml = pytest.importorskip("yaml")
    config = pytest.importorskip("mmengine.config")
    shipped = folder_of("mmpretrain") / ".mim"
    meta = yaml.safe_load((shipped / "configs" / "resnet" / "metafile.yml").read_text())
    known = entries_of("mmpretrain")
    for model in meta["Models"]:
        entry = known.pop(model["Name"])
        assert entry.url == original(model["Weights"])
        assert catalogue.find(model["Weights"]) is entry
        assert entry.top1 == model["Results"][0]["Metrics"]["Top 1 Accuracy"], entry.name
        recipe = config.Config.fromfile(shipped / model["Config"])
        backbone = recipe.model.backbone
        assert (entry.variant, entry.depth) == (backbone.type.lower(), backbone.depth), entry.name
        images = recipe.data_preprocessor
        assert entry.preprocessing.mean == tuple(images.mean), entry.name
        assert entry.preprocessing.std == tuple(images.std), entry.name
        steps = {step.type: step for step in recipe.test_dataloader.dataset.pipeline}
        if "ResizeEdge" in steps:
            resize = steps["ResizeEdge"]
            assert entry.preprocessing.resize == resize.scale, entry.name
            assert entry.preprocessing.interpolation == resize.get("interpolation", "bilinear")
        if "CenterCrop" in steps:
            assert entry.preprocessing.size == steps["CenterCrop"].crop_size, entry.name
    assert not known
    hub = json.loads((folder_of("mmengine") / "hub" / "mmcls.json").read_text())
    plain = {n: url for n, url in hub.items() if re.fullmatch(r"resnet\d+(_v1[cd])?", n)}
    assert len(plain) == 8
    for name, url in plain.items():
        assert catalogue.get(f"mmcls://{name}").url == original(url)


def test_openmmlab():
    hub = folder_of("mmengine") / "hub"
    urls = json.loads((hub / "openmmlab.json").read_text())
    renamed = json.loads((hub / "deprecated.json").read_text())
    known = entries_of("open-mmlab")
    for name, entry in known.items():
        assert entry.url == original(urls[name])
    for name in (n for n in urls if re.search(r"resnet\d+(_v1c|_caffe)$", n)):
        assert name in known
    for old, new in renamed.items():
        if new in known:
            assert catalogue.get(f"open-mmlab://{old}") is known[new]


@pytest.mark.parametrize(
    ("package", "path", "name"),
    [
        ("mmdet", "faster_rcnn/faster-rcnn_r50-caffe_fpn_1x_coco.py", "detectron2/resnet50_caffe"),
        ("mmdet", "legacy_1.x/retinanet_r50-caffe_fpn_1x_coco_v1.py", "detectron/resnet50_caffe"),
        ("mmseg", "fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py", "resnet50_v1c"),
    ],
)
def test_openmmlab_preprocessing(package, path, name):
    config = pytest.importorskip("mmengine.config")
    model = config.Config.fromfile(folder_of(package) / ".mim" / "configs" / path).model
    backbone = model.backbone
    source = model.get("pretrained") or backbone.init_cfg.checkpoint
    assert source == f"open-mmlab://{name}"
    entry = catalogue.get(source)
    images = model.data_preprocessor
    assert entry.preprocessing.mean == tuple(images.mean)
    assert entry.preprocessing.std == tuple(images.std)
    assert entry.preprocessing.channel_order == ("rgb" if images.bgr_to_rgb else "bgr")
    assert entry.style == backbone.style
    assert entry.depth == backbone.depth
    assert (entry.variant == "resnetv1c") == (backbone.type == "ResNetV1c")


def test_cifar_files_have_the_hashes_that_are_listed(sample_data):
    from mmresnet.weights.hub.download import digest

    files = list(sample_data.glob("*.th"))
    assert files
    for path in files:
        assert catalogue.get(path.name).sha256 == digest(path)
