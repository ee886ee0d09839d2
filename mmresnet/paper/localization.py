"""ImageNet localization: Table 13 (He et al. 2015, App. C)."""

from __future__ import annotations

from mmresnet.paper.experiment import Column, Experiment, Protocol, Row, Step

_DATA = "imagenet/ (mmresnet prepare imagenet) and ILSVRC/ (mmresnet prepare imagenet-loc)"
_GIVEN = Column("error on the given class, %", "loc/error_gt_class", decimals=1)
_TOP5 = Column("top-5 error on predicted classes, %", "loc/error_top5", decimals=1)
_SCORES = "{out}/loc-classes.npz"
_OF_PROPOSALS = (
    f"scores={_SCORES} train_dataloader.dataset.proposals={{out}}/loc-propose-train "
    "val_dataloader.dataset.proposals={out}/loc-propose-val "
    "test_dataloader.dataset.proposals={out}/loc-propose-val"
)


def _steps(
    classifier: Step,
    scores: str,
    recipes: tuple[str, str, str],
    root: str,
    initial: str,
    count: int,
    dense: str = "",
    flags: str = "",
) -> tuple[Step, ...]:
    """Return the steps from the classifier to R-CNN.

    Args:
        classifier: Its training, called ``loc-classifier``.
        scores: The words of the test that writes its scores.
        recipes: Of the RPN, of its dense testing and of R-CNN.
        root: The folder with ILSVRC's layout.
        initial: Options of the initial weights of both localizers.
        count: Of the proposals for each class.
        dense: Options of dense testing.
        flags: Of the trainings.
    """
    rpn, rpn_dense, rcnn = recipes
    options, weights = f"--cfg-options data_root={root}", "{out}/loc-rpn/weights/last.pth"
    of_test = f"test_dataloader.dataset.scores={_SCORES}"
    propose = f"propose {rpn_dense} {weights} {{out}}/loc-propose"
    templates = {
        "loc-classes": f"{scores} --scores {_SCORES}",
        "loc-rpn": f"train {rpn} --work-dir {{out}}/loc-rpn --resume {flags} {options} {initial}",
        "loc-rpn-crop": f"test {rpn} {weights} --work-dir {{out}}/loc-rpn-crop {options} {of_test}",
        "loc-rpn-dense": f"test {rpn_dense} {weights} --work-dir {{out}}/loc-rpn-dense {options} "
        f"{of_test} {dense}",
        "loc-propose-train": f"{propose}-train --split train --count {count} {options} {dense}",
        "loc-propose-val": f"{propose}-val --count {count} {options} {of_test} {dense}",
        "loc-rcnn": f"train {rcnn} --work-dir {{out}}/loc-rcnn --resume {flags} {options} "
        f"{_OF_PROPOSALS} {initial}",
        "loc-rcnn-test": f"test {rcnn} {{out}}/loc-rcnn/weights/last.pth --work-dir "
        f"{{out}}/loc-rcnn-test {options} {_OF_PROPOSALS}",
    }
    return classifier, *(Step(name, template) for name, template in templates.items())


_NET = "model.backbone.depth=101 model.backbone.style=caffe model.head.in_channels=2048"
_CLASSIFIER = "resnet34-paper_8xb32_in1k"
_WEIGHTS = "{out}/loc-classifier/weights/last.pth"
_FULL = _steps(
    Step(
        "loc-classifier",
        f"train {_CLASSIFIER} --work-dir {{out}}/loc-classifier --resume --auto-scale-lr "
        f"--cfg-options data_root={{data}}/imagenet {_NET}",
    ),
    f"test {_CLASSIFIER} {_WEIGHTS} --work-dir {{out}}/loc-classes --protocol dense "
    f"--cfg-options data_root={{data}}/imagenet {_NET}",
    (
        "resnet101-rpn_8xb32_imagenet-loc",
        "resnet101-rpn-dense_8xb32_imagenet-loc",
        "resnet101-rcnn_8xb32_imagenet-loc",
    ),
    "{data}/ILSVRC",
    f"model.backbone.style=caffe model.backbone.init_cfg.checkpoint={_WEIGHTS} "
    "model.backbone.init_cfg.prefix=backbone.",
    200,
    flags="--auto-scale-lr",
)
_SMALL_CLASSIFIER = "digit-localization_resnet20_cls"
_SMALL_ROOT = "{out}/loc-pictures"
_SMALL = (
    Step("loc-pictures", "demo-data localization {out}/loc-pictures"),
    *_steps(
        Step(
            "loc-classifier",
            f"train {_SMALL_CLASSIFIER} --work-dir {{out}}/loc-classifier --resume "
            f"--cfg-options data_root={_SMALL_ROOT}",
        ),
        f"test {_SMALL_CLASSIFIER} {_WEIGHTS} --work-dir {{out}}/loc-classes "
        f"--cfg-options data_root={_SMALL_ROOT}",
        (
            "digit-localization_resnet20_rpn",
            "digit-localization_resnet20_rpn",
            "digit-localization_resnet20_rcnn",
        ),
        _SMALL_ROOT,
        f"model.backbone.init_cfg.checkpoint={_WEIGHTS}",
        50,
        # the five short sides over 3.5, as all lengths of the recipe
        "model.test_cfg.scales=(64,73,110,137,183) model.test_cfg.crop=None",
    ),
)

TABLE13 = Experiment(
    "table13",
    "Localization error on ImageNet's validation set: per-class RPN, and R-CNN on its proposals",
    (_GIVEN, _TOP5),
    (
        Row("VGG-16, center crop", (33.1, None)),
        Row("RPN, ResNet-101, center crop", (13.3, None), ("loc-rpn-crop",)),
        Row("RPN, ResNet-101, dense", (11.7, 14.4), ("loc-rpn-dense",)),
        Row("RPN and R-CNN, ResNet-101, dense", (None, 10.6), ("loc-rcnn-test",)),
    ),
    Protocol(_DATA, _FULL),
    Protocol(
        "",
        _SMALL,
        says="pictures of one large digit, ResNet-20, 50 proposals, 12 epochs",
    ),
)

EXPERIMENTS = (TABLE13,)
