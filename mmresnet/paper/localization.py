"""ImageNet localization: Tables 13 and 14 (He et al. 2015, App. C)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmresnet.paper.experiment import Column, Experiment, Protocol, Row, Step

_DATA = "imagenet/ (mmresnet prepare imagenet) and ILSVRC/ (mmresnet prepare imagenet-loc)"
_GIVEN = Column("error on the given class, %", "loc/error_gt_class", decimals=1)
_TOP5 = Column("top-5 error on predicted classes, %", "loc/error_top5", decimals=1)


@dataclass(frozen=True)
class _Way:
    """The recipes of a protocol, and their options.

    Attributes:
        classifier: Recipe of the classifiers, from whose weights the localizers start.
        images: Their ``data_root``.
        rpn: Recipe of the RPNs.
        rpn_dense: Of their dense testing.
        rcnn: Recipe of the R-CNNs.
        root: The folder with ILSVRC's layout.
        count: Of the proposals for each class.
        nets: Options of the first net and of the second one of the ensemble.
        classes: Flags of the tests that write the classifiers' scores.
        dense: Options of dense testing.
        of_classifier: Options of the classifiers.
        of_localizer: Options of the localizers.
        initial: Where the localizers find the backbone in the classifiers' weights.
        flags: Of the trainings.
    """

    classifier: str
    images: str
    rpn: str
    rpn_dense: str
    rcnn: str
    root: str
    count: int
    nets: tuple[str, str]
    classes: str = ""
    dense: str = ""
    of_classifier: str = ""
    of_localizer: str = ""
    initial: str = ""
    flags: str = ""


class _Net:
    """The commands of one net: a classifier, and an RPN and an R-CNN that start from it.

    Args:
        way: The protocol.
        options: Of the net.
        suffix: Of the names of its steps and files.
    """

    def __init__(self, way: _Way, options: str, suffix: str = "") -> None:
        self.way, self.suffix = way, suffix
        self.of_classifier = f"data_root={way.images} {way.of_classifier} {options}"
        self.of_localizer = f"data_root={way.root} {way.of_localizer} {options}"

    def step(self, name: str, template: str) -> Step:
        return Step(name + self.suffix, " ".join(template.split()))

    def folder(self, name: str) -> str:
        return f"{{out}}/{name}{self.suffix}"

    def weights(self, name: str) -> str:
        return f"{self.folder(name)}/weights/last.pth"

    @property
    def scores(self) -> str:
        """The file of the classifier's scores."""
        return f"{self.folder('loc-classes')}.npz"

    @property
    def initial(self) -> str:
        of_classifier = self.weights("loc-classifier")
        return f"model.backbone.init_cfg.checkpoint={of_classifier} {self.way.initial}"

    def classify(self) -> list[Step]:
        """Train the classifier, and write its scores."""
        options, recipe = f"--cfg-options {self.of_classifier}", self.way.classifier
        place, of_test = self.folder("loc-classifier"), self.folder("loc-classes")
        return [
            self.step(
                "loc-classifier",
                f"train {recipe} --work-dir {place} --resume {self.way.flags} {options}",
            ),
            self.step(
                "loc-classes",
                f"test {recipe} {self.weights('loc-classifier')} --work-dir {of_test} "
                f"{self.way.classes} {options} --scores {self.scores}",
            ),
        ]

    def train_rpn(self) -> Step:
        return self.step(
            "loc-rpn",
            f"train {self.way.rpn} --work-dir {self.folder('loc-rpn')} --resume {self.way.flags} "
            f"--cfg-options {self.of_localizer} {self.initial}",
        )

    def test_rpn(self, name: str, recipe: str, dense: str = "") -> Step:
        return self.step(
            name,
            f"test {recipe} {self.weights('loc-rpn')} --work-dir {self.folder(name)} --cfg-options "
            f"{self.of_localizer} test_dataloader.dataset.scores={self.scores} {dense}",
        )

    def propose(self, name: str, flags: str = "", scores: str = "") -> Step:
        """Write proposals into the folder ``name``, for the classes of ``scores`` as well."""
        of_test = f"test_dataloader.dataset.scores={scores}" if scores else ""
        return self.step(
            name,
            f"propose {self.way.rpn_dense} {self.weights('loc-rpn')} {self.folder(name)} {flags} "
            f"--count {self.way.count} --cfg-options {self.of_localizer} {of_test} "
            f"{self.way.dense}",
        )

    def of_proposals(self, proposals: str, scores: str) -> str:
        """Return the options of data sets with these proposals for the classes of ``scores``."""
        return (
            f"scores={scores} "
            f"train_dataloader.dataset.proposals={self.folder('loc-propose-train')} "
            f"val_dataloader.dataset.proposals={proposals} "
            f"test_dataloader.dataset.proposals={proposals}"
        )

    def train_rcnn(self, proposals: str, scores: str) -> Step:
        return self.step(
            "loc-rcnn",
            f"train {self.way.rcnn} --work-dir {self.folder('loc-rcnn')} --resume {self.way.flags} "
            f"--cfg-options {self.of_localizer} {self.of_proposals(proposals, scores)} "
            f"{self.initial}",
        )

    def test_rcnn(self, proposals: str) -> Step:
        return self.step(
            "loc-rcnn-test",
            f"test {self.way.rcnn} {self.weights('loc-rcnn')} --work-dir "
            f"{self.folder('loc-rcnn-test')} --cfg-options {self.of_localizer} "
            f"{self.of_proposals(proposals, self.scores)}",
        )


def _single(way: _Way) -> list[Step]:
    """Return the steps of one net, from the classifier to R-CNN."""
    net = _Net(way, way.nets[0])
    proposals = net.folder("loc-propose-val")
    return [
        *net.classify(),
        net.train_rpn(),
        net.test_rpn("loc-rpn-crop", way.rpn),
        net.test_rpn("loc-rpn-dense", way.rpn_dense, way.dense),
        net.propose("loc-propose-train", "--split train"),
        net.propose("loc-propose-val", scores=net.scores),
        net.train_rcnn(proposals, net.scores),
        net.test_rcnn(proposals),
    ]


def _ensemble(way: _Way) -> list[Step]:
    """Return the steps of the second net, and of the ensemble of both."""
    nets = first, second = [_Net(way, way.nets[0]), _Net(way, way.nets[1], "-2")]
    scores, folder, name = "{out}/loc-classes-both.npz", "{out}/loc-ensemble", "loc-propose-both"
    members = " ".join(
        f"{net.folder('loc-rcnn')}/{way.rcnn}.py {net.weights('loc-rcnn')}" for net in nets
    )
    union = ",".join(f"'{net.folder(name)}'" for net in nets)
    return [
        *second.classify(),
        Step("loc-classes-both", f"ensemble {first.scores} {second.scores} --out {scores}"),
        second.train_rpn(),
        second.propose("loc-propose-train", "--split train"),
        *(net.propose(name, scores=scores) for net in nets),
        second.train_rcnn(second.folder(name), scores),
        Step("loc-ensemble", f"ensemble-detectors --out {folder} {members}"),
        Step(
            "loc-ensemble-test",
            f"test {folder}/loc-ensemble.py {folder}/loc-ensemble.pth "
            f"--work-dir {{out}}/loc-ensemble-test --cfg-options "
            f"test_dataloader.dataset.scores={scores} "
            f'"test_dataloader.dataset.proposals=[{union}]"',
        ),
    ]


_FULL = _Way(
    classifier="resnet34-paper_8xb32_in1k",
    images="{data}/imagenet",
    rpn="resnet101-rpn_8xb32_imagenet-loc",
    rpn_dense="resnet101-rpn-dense_8xb32_imagenet-loc",
    rcnn="resnet101-rcnn_8xb32_imagenet-loc",
    root="{data}/ILSVRC",
    count=200,
    nets=("model.backbone.depth=101", "model.backbone.depth=152"),
    classes="--protocol dense",
    of_classifier="model.backbone.style=caffe model.head.in_channels=2048",
    of_localizer="model.backbone.style=caffe",
    initial="model.backbone.init_cfg.prefix=backbone.",
    flags="--auto-scale-lr",
)
_SMALL = _Way(
    classifier="digit-localization_resnet20_cls",
    images="{out}/loc-pictures",
    rpn="digit-localization_resnet20_rpn",
    rpn_dense="digit-localization_resnet20_rpn",
    rcnn="digit-localization_resnet20_rcnn",
    root="{out}/loc-pictures",
    count=50,
    nets=("", "randomness.seed=1"),
    # the five short sides over 3.5, as all lengths of the recipe
    dense="model.test_cfg.scales=(64,73,110,137,183) model.test_cfg.crop=None",
)
_PICTURES = Step("loc-pictures", "demo-data localization {out}/loc-pictures")


def _experiment(
    name: str, title: str, columns: tuple[Column, ...], rows: Sequence[Row]
) -> Experiment:
    """Return a table of all that is measured by one net and by an ensemble of two."""
    return Experiment(
        name,
        title,
        columns,
        tuple(rows),
        Protocol(_DATA, (*_single(_FULL), *_ensemble(_FULL))),
        Protocol(
            "",
            (_PICTURES, *_single(_SMALL), *_ensemble(_SMALL)),
            says="pictures of one large digit, ResNet-20, 50 proposals, 12 epochs; the ensemble "
            "is of two nets with other random numbers",
        ),
    )


TABLE13 = _experiment(
    "table13",
    "Localization error on ImageNet's validation set: per-class RPN, and R-CNN on its proposals",
    (_GIVEN, _TOP5),
    (
        Row("VGG-16, center crop", (33.1, None)),
        Row("RPN, ResNet-101, center crop", (13.3, None), ("loc-rpn-crop",)),
        Row("RPN, ResNet-101, dense", (11.7, 14.4), ("loc-rpn-dense",)),
        Row("RPN and R-CNN, ResNet-101, dense", (None, 10.6), ("loc-rcnn-test",)),
        Row("RPN and R-CNN, ensemble, dense", (None, 8.9), ("loc-ensemble-test",)),
    ),
)
TABLE14 = _experiment(
    "table14",
    "Localization error of the challenges' best entries, on ImageNet's validation set",
    (_TOP5,),
    (
        Row("OverFeat, 2013", (30.0,), note="test set: 29.9"),
        Row("GoogLeNet, 2014", (None,), note="test set: 26.7"),
        Row("VGG, 2014", (26.9,), note="test set: 25.3"),
        Row("ResNet, 2015", (8.9,), ("loc-ensemble-test",), note="test set: 9.0"),
    ),
)

EXPERIMENTS = (TABLE13, TABLE14)
