"""Depth and shortcuts on ImageNet: Tables 1 to 5, Fig. 4 (He et al. 2015, Sec. 4.1)."""

from __future__ import annotations

from mmresnet.paper.experiment import (
    LOG_ACCURACY,
    Column,
    Experiment,
    Protocol,
    Row,
    Step,
    error,
    test,
    train,
)

_RECIPE = "resnet34-paper_8xb32_in1k"
_SMALL_RECIPE = "resnet34-paper_1xb256_cifar10-images"
_DATA = "ImageNet: train/<class>/*.JPEG and val/<class>/*.JPEG (mmresnet prepare imagenet)"
_SMALL_DATA = "CIFAR-10 as images: train/<class>/*.jpg and test/<class>/*.jpg"
_SMALL_SAYS = (
    "crops of 32×32 at short sides from 37 to 69, a seventh of the paper's, and nets with a 3×3 "
    "stem and a quarter of the width"
)
_NETS = {  # name: options of the recipe, channels of the last stage
    "plain-18": ("model.backbone.type=mmresnet.{plain} model.backbone.depth=18", 512),
    "plain-34": ("model.backbone.type=mmresnet.{plain}", 512),
    "resnet-18-a": ("model.backbone.shortcut=A model.backbone.depth=18", 512),
    "resnet-34-a": ("model.backbone.shortcut=A", 512),
    "resnet-34-b": ("", 512),
    "resnet-34-c": ("model.backbone.shortcut=C", 512),
    "resnet-50": ("model.backbone.depth=50", 2048),
    "resnet-101": ("model.backbone.depth=101", 2048),
    "resnet-152": ("model.backbone.depth=152", 2048),
    "resnet-152-second": ("model.backbone.depth=152 randomness.seed=1", 2048),
}
_TOP1 = Column("top-1 error, %", "accuracy/top1", error)
_TOP5 = Column("top-5 error, %", "accuracy/top5", error)


def _options(net: str, small: bool) -> str:
    """Return the options that make the recipe's net another one."""
    own, channels = _NETS[net]
    own = own.format(plain="PlainNet_CIFAR" if small else "PlainNet")
    if channels == 512:
        return own
    channels = channels // 4 if small else channels
    return f"{own} model.backbone.style=caffe model.head.in_channels={channels}"


def _train(net: str, small: bool) -> Step:
    options = f"{_options(net, small)} {LOG_ACCURACY}".strip()
    if small:
        schedule = "train_cfg.max_epochs={epochs} param_scheduler.milestones=[{25%},{50%},{75%}]"
        return train(net, _SMALL_RECIPE, f"{options} {schedule}")
    return train(net, _RECIPE, options, "--auto-scale-lr")


def _test(net: str, protocol: str, small: bool) -> Step:
    name = f"{net}-{protocol}"
    flags = f"--protocol {protocol} --scores {{out}}/{name}.npz"
    recipe = _SMALL_RECIPE if small else _RECIPE
    return test(name, net, recipe, _options(net, small), flags)


def _protocols(
    nets: tuple[str, ...],
    protocol: str | None,
    full: tuple[Step, ...] = (),
    small: tuple[Step, ...] = (),
    small_nets: tuple[str, ...] | None = None,
) -> tuple[Protocol, Protocol]:
    """Return both protocols: train each net, test it, and then what follows."""

    def steps(is_small: bool) -> tuple[Step, ...]:
        chosen = small_nets if is_small and small_nets else nets
        tests = [_test(net, protocol, is_small) for net in chosen] if protocol else []
        return (*(_train(net, is_small) for net in chosen), *tests)

    return (
        Protocol(_DATA, (*steps(False), *full)),
        Protocol(_SMALL_DATA, (*steps(True), *small), epochs=12, says=_SMALL_SAYS),
    )


_GIGA = Column("multiply-adds, 10⁹", "multiply-adds", decimals=1)
_COST = {
    "ResNet-18": 1.8,
    "ResNet-34": 3.6,
    "ResNet-50 caffe": 3.8,
    "ResNet-101 caffe": 7.6,
    "ResNet-152 caffe": 11.3,
    "VGG-16": 15.3,
    "VGG-19": 19.6,
}
TABLE1 = Experiment(
    "table1",
    "Cost of the nets for ImageNet, and of VGG, which is eight times shallower than ResNet-152",
    (_GIGA,),
    tuple(Row(name, (value,), (f"complexity:{name}",)) for name, value in _COST.items()),
    Protocol(
        "",
        (
            Step(
                "complexity",
                "complexity --picture {out}/table1.png --only ResNet-18 ResNet-34 caffe VGG-",
            ),
        ),
    ),
    pictures=("table1.png",),
)

_DEPTH = ("plain-18", "plain-34", "resnet-18-a", "resnet-34-a")
TABLE2 = Experiment(
    "table2",
    "Plain and residual nets of 18 and 34 layers without extra parameters, 10 crops",
    (_TOP1,),
    (
        Row("plain-18", (27.94,), ("plain-18-ten-crop",)),
        Row("plain-34", (28.54,), ("plain-34-ten-crop",)),
        Row("ResNet-18", (27.88,), ("resnet-18-a-ten-crop",)),
        Row("ResNet-34", (25.03,), ("resnet-34-a-ten-crop",)),
    ),
    *_protocols(_DEPTH, "ten-crop"),
)

_SHORTCUTS = ("plain-34", "resnet-34-a", "resnet-34-b", "resnet-34-c")
_DEEP = ("resnet-50", "resnet-101", "resnet-152")
TABLE3 = Experiment(
    "table3",
    "Shortcuts A, B and C, and depth up to 152, 10 crops",
    (_TOP1, _TOP5),
    (
        Row("VGG-16", (28.07, 9.33)),
        Row("plain-34", (28.54, 10.02), ("plain-34-ten-crop",)),
        Row("ResNet-34 A", (25.03, 7.76), ("resnet-34-a-ten-crop",)),
        Row("ResNet-34 B", (24.52, 7.46), ("resnet-34-b-ten-crop",), recipe="resnet34_8xb32_in1k"),
        Row("ResNet-34 C", (24.19, 7.40), ("resnet-34-c-ten-crop",)),
        Row("ResNet-50", (22.85, 6.71), ("resnet-50-ten-crop",), recipe="resnet50_8xb32_in1k"),
        Row("ResNet-101", (21.75, 6.05), ("resnet-101-ten-crop",), recipe="resnet101_8xb32_in1k"),
        Row("ResNet-152", (21.43, 5.71), ("resnet-152-ten-crop",), recipe="resnet152_8xb32_in1k"),
    ),
    *_protocols((*_SHORTCUTS, *_DEEP), "ten-crop"),
)

TABLE4 = Experiment(
    "table4",
    "Single models, applied densely at five scales",
    (_TOP1, _TOP5),
    (
        Row("ResNet-34 B", (21.84, 5.71), ("resnet-34-b-dense",)),
        Row("ResNet-34 C", (21.53, 5.60), ("resnet-34-c-dense",)),
        Row("ResNet-50", (20.74, 5.25), ("resnet-50-dense",)),
        Row("ResNet-101", (19.87, 4.60), ("resnet-101-dense",)),
        Row("ResNet-152", (19.38, 4.49), ("resnet-152-dense",)),
    ),
    *_protocols(("resnet-34-b", "resnet-34-c", *_DEEP), "dense"),
)

# The paper's six are "of different depth", two of them of 152 layers; which ones it does not say.
_MEMBERS = ("resnet-34-b", "resnet-34-c", *_DEEP, "resnet-152-second")
_SMALL_MEMBERS = ("resnet-34-a", "resnet-34-b", "resnet-34-c", *_DEEP)  # of Tables 2 to 4


def _ensemble(nets: tuple[str, ...]) -> Step:
    scores = " ".join(f"{{out}}/{net}-dense.npz" for net in nets)
    return Step("ensemble", f"ensemble {scores} --subsets")


TABLE5 = Experiment(
    "table5",
    "An ensemble of six models, two of them of 152 layers; on the validation set",
    (_TOP5,),
    (Row("ensemble of six", (3.57,), ("ensemble",), note="on the test set"),),
    *_protocols(
        _MEMBERS, "dense", (_ensemble(_MEMBERS),), (_ensemble(_SMALL_MEMBERS),), _SMALL_MEMBERS
    ),
)


def _curves(high: int) -> Step:
    return Step(
        "figure4",
        "plot errors {out}/figure4.png --panel {out}/plain-18 {out}/plain-34 "
        f"--panel {{out}}/resnet-18-a {{out}}/resnet-34-a --limits 20 {high}",
    )


FIGURE4 = Experiment(
    "figure4",
    "Training and validation errors of plain and residual nets of 18 and 34 layers",
    (_TOP1, Column("training error, %", "train/top1", error)),
    tuple(
        Row(label, (None, None), (net,))
        for label, net in zip(
            ("plain-18", "plain-34", "ResNet-18", "ResNet-34"), _DEPTH, strict=True
        )
    ),
    *_protocols(
        _DEPTH,
        None,
        (_curves(high=60),),
        (_curves(high=80),),
    ),
    pictures=("figure4.png",),
)

EXPERIMENTS = (TABLE1, TABLE2, TABLE3, TABLE4, TABLE5, FIGURE4)
