"""Depth on CIFAR-10: Table 6, Fig. 1, 6 and 7 (He et al. 2015, Sec. 4.2)."""

from __future__ import annotations

from mmresnet.paper.experiment import (
    LOG_ACCURACY,
    Column,
    Experiment,
    Protocol,
    Row,
    Step,
    error,
    train,
)

_DATA = "CIFAR-10 in its own files, cifar-10-batches-py/ (mmresnet prepare cifar10)"
_SMALL_DATA = "CIFAR-10 as images: train/<class>/*.jpg and test/<class>/*.jpg"
_SMALL_RECIPE = "resnet20_1xb128_cifar10-images"
_SMALL_SAYS = (
    "an equal number of epochs for each net, the learning rate divided by 10 after 50 and 75 % of "
    "them as in the paper"
)
_RUNS = 5  # of ResNet-110
_TEST = Column("test error, %", "accuracy/top1", error)
_TRAIN = Column("training error, %", "train/top1", error)


def _full(net: str, number: int | None = None) -> Step:
    """Return the training of ``plain-20``, ``resnet-110``, …, or one of several."""
    recipe = f"{net.replace('-', '', 1)}_1xb128_cifar10"
    if number is None:
        return train(net, recipe, LOG_ACCURACY)
    return train(f"{net}-run{number}", recipe, f"randomness.seed={number - 1} {LOG_ACCURACY}")


def _small(net: str) -> Step:
    kind, depth = net.split("-")
    plain = "model.backbone.type=mmresnet.CifarPlainNet " if kind == "plain" else ""
    return train(
        net,
        _SMALL_RECIPE,
        f"{plain}model.backbone.depth={depth} {LOG_ACCURACY} train_cfg.max_epochs={{epochs}} "
        "param_scheduler.milestones=[{50%},{75%}]",
    )


def _protocols(
    nets: tuple[str, ...],
    of_small: tuple[str, ...],
    full: tuple[Step, ...] = (),
    small: tuple[Step, ...] = (),
) -> tuple[Protocol, Protocol]:
    """Return both protocols: train the nets, and then what follows."""
    return (
        Protocol(_DATA, (*map(_full, nets), *full)),
        Protocol(_SMALL_DATA, (*map(_small, of_small), *small), epochs=8, says=_SMALL_SAYS),
    )


def _panels(picture: str, *panels: tuple[str, ...], high: int) -> Step:
    drawn = " ".join(f"--panel {' '.join(f'{{out}}/{net}' for net in nets)}" for nets in panels)
    return Step(picture, f"plot errors {{out}}/{picture}.png {drawn} --limits 0 {high}")


_PLAIN = ("plain-20", "plain-32", "plain-44", "plain-56")
_RESIDUAL = ("resnet-20", "resnet-32", "resnet-44", "resnet-56")
_OF_110 = tuple(f"resnet-110-run{number}" for number in range(1, _RUNS + 1))
_RUNS_OF_110 = tuple(_full("resnet-110", number) for number in range(1, _RUNS + 1))

TABLE6 = Experiment(
    "table6",
    "Test error on CIFAR-10 by depth; ResNet-110 five times: the best, and mean ± deviation",
    (_TEST,),
    (
        Row("ResNet-20", (8.75,), ("resnet-20",), recipe="resnet20_1xb128_cifar10-images"),
        Row("ResNet-32", (7.51,), ("resnet-32",)),
        Row("ResNet-44", (7.17,), ("resnet-44",)),
        Row("ResNet-56", (6.97,), ("resnet-56",), recipe="resnet56_1xb128_cifar10-images"),
        Row("ResNet-110", (6.43,), _OF_110, note="6.61 ± 0.16"),
        Row("ResNet-1202", (7.93,), ("resnet-1202",)),
    ),
    *_protocols(
        _RESIDUAL,
        ("resnet-20", "resnet-56"),  # those of Fig. 6 as well
        (*_RUNS_OF_110, _full("resnet-1202")),
    ),
)


def _rows(*nets: str) -> tuple[Row, ...]:
    """Return a row for each net: the paper shows its errors as curves."""
    return tuple(Row(net.replace("resnet", "ResNet"), (None, None), (net,)) for net in nets)


FIGURE1 = Experiment(
    "figure1",
    "Training and test errors of plain nets of 20 and 56 layers on CIFAR-10",
    (_TEST, _TRAIN),
    _rows("plain-20", "plain-56"),
    *_protocols(
        ("plain-20", "plain-56"),
        ("plain-20", "plain-56"),
        (_panels("figure1", ("plain-20", "plain-56"), high=20),),
        (_panels("figure1", ("plain-20", "plain-56"), high=60),),
    ),
    pictures=("figure1.png",),
)

_TWO = ("plain-20", "plain-56", "resnet-20", "resnet-56")
FIGURE6 = Experiment(
    "figure6",
    "Training and test errors of plain and residual nets on CIFAR-10",
    (_TEST, _TRAIN),
    (
        *_rows(*_PLAIN),
        Row("plain-110", (None, None), ("plain-110",), note="above 60 %, not shown"),
        Row("ResNet-20", (8.75, None), ("resnet-20",)),
        Row("ResNet-32", (7.51, None), ("resnet-32",)),
        Row("ResNet-44", (7.17, None), ("resnet-44",)),
        Row("ResNet-56", (6.97, None), ("resnet-56",)),
        Row("ResNet-110", (6.43, None), ("resnet-110-run1",), note="the best of five runs"),
        Row("ResNet-1202", (7.93, None), ("resnet-1202",)),
    ),
    *_protocols(
        (*_PLAIN, "plain-110", *_RESIDUAL),
        _TWO,
        (
            _RUNS_OF_110[0],
            _full("resnet-1202"),
            _panels(
                "figure6",
                _PLAIN,
                (*_RESIDUAL, "resnet-110-run1"),
                ("resnet-110-run1", "resnet-1202"),
                high=20,
            ),
        ),
        (_panels("figure6", _TWO[:2], _TWO[2:], high=60),),
    ),
    pictures=("figure6.png",),
)


def _responses(small: bool, nets: tuple[str, ...]) -> Step:
    parts = []
    for net in nets:
        recipe = (
            _SMALL_RECIPE if small else f"{net.split('-run')[0].replace('-', '', 1)}_1xb128_cifar10"
        )
        run = f"{{out}}/{net}"
        parts.append(f"--net {net} {run}/{recipe}.py {run}/weights/last.pth")
    return Step(
        "figure7",
        f"plot responses {{out}}/figure7.png {' '.join(parts)} --cfg-options data_root={{data}}",
    )


_OF_FIGURE7 = ("plain-20", "plain-56", "resnet-20", "resnet-56", "resnet-110-run1")
FIGURE7 = Experiment(
    "figure7",
    "Standard deviations of the responses of the 3×3 layers on CIFAR-10",
    tuple(
        Column(f"{which} standard deviation", f"responses/{which}", decimals=3)
        for which in ("mean", "lowest", "highest")
    ),
    tuple(
        Row(net.removesuffix("-run1").replace("resnet", "ResNet"), (None,) * 3, (f"figure7:{net}",))
        for net in _OF_FIGURE7
    ),
    *_protocols(
        _TWO,
        _TWO,
        (_RUNS_OF_110[0], _responses(False, _OF_FIGURE7)),
        (_responses(True, _TWO),),
    ),
    pictures=("figure7.png",),
)

EXPERIMENTS = (TABLE6, FIGURE1, FIGURE6, FIGURE7)
