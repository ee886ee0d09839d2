"""The registries in use, children of mmengine's with the scope ``mmresnet``.

mmengine imports this module by itself when it meets ``type='mmresnet.…'``; what is named here by a
string is imported when it is first needed. Importing it also applies the patches of
:mod:`mmresnet.compat`, so that they take effect in anybody's tool.
"""

from importlib import import_module
from typing import Any

from mmresnet import compat
from mmresnet.errors import require

require("mmengine", "A registry of mmresnet")

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS  # noqa: E402  after the check
from mmengine.registry import DATASETS as MMENGINE_DATASETS  # noqa: E402
from mmengine.registry import HOOKS as MMENGINE_HOOKS  # noqa: E402
from mmengine.registry import LOOPS as MMENGINE_LOOPS  # noqa: E402
from mmengine.registry import METRICS as MMENGINE_METRICS  # noqa: E402
from mmengine.registry import MODEL_WRAPPERS as MMENGINE_MODEL_WRAPPERS  # noqa: E402
from mmengine.registry import MODELS as MMENGINE_MODELS  # noqa: E402
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS  # noqa: E402
from mmengine.registry import STRATEGIES as MMENGINE_STRATEGIES  # noqa: E402
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS  # noqa: E402
from mmengine.registry import VISBACKENDS as MMENGINE_VISBACKENDS  # noqa: E402
from mmengine.registry import Registry  # noqa: E402

compat.apply(*compat.ON_IMPORT)
compat.apply(compat.WEIGHTS, replacements=("mmresnet.weights.in_mmengine",))


class LazyRegistry(Registry):
    """A registry of classes that need an optional dependency: each is imported when it is named.

    mmengine's registry imports all of its modules when any part is asked for. Then a data set for
    classification would need mmdet.

    Args:
        modules: the module of each part, by the part's name.
    """

    def __init__(self, *args: Any, modules: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules

    def get(self, key: str) -> type | None:
        """Return the class named ``key``, as mmengine's registry does.

        Raises:
            ImportError: a package that the class needs is not installed.
        """
        scope, name = self.split_scope_key(key)
        if scope in (None, self.scope) and name in self._modules:
            import_module(self._modules[name])
        return super().get(key)


MODELS = LazyRegistry(
    "model",
    parent=MMENGINE_MODELS,
    scope="mmresnet",
    locations=["mmresnet.models"],
    modules={
        "DetectorEnsemble": "mmresnet.detection.ensemble",
        "FasterRCNN": "mmresnet.detection.faster_rcnn",
        "Localizer": "mmresnet.models.localizers",
        "PerClassRPNHead": "mmresnet.models.localizers",
        "PerClassRegionHead": "mmresnet.models.localizers",
        "RegionLocalizer": "mmresnet.models.localizers",
        "RegionLocalizerEnsemble": "mmresnet.models.localizers",
        "RoIHead": "mmresnet.detection.roi_head",
    },
)
HOOKS = LazyRegistry(
    "hook",
    parent=MMENGINE_HOOKS,
    scope="mmresnet",
    locations=["mmresnet.engine"],
    modules={
        "ReportHook": "mmresnet.report.hook",
        "ShardedCheckpointHook": "mmresnet.engine.sharding.hook",
    },
)
MODEL_WRAPPERS = Registry(
    "model wrapper",
    parent=MMENGINE_MODEL_WRAPPERS,
    scope="mmresnet",
    locations=["mmresnet.engine"],
)
LOOPS = Registry("loop", parent=MMENGINE_LOOPS, scope="mmresnet", locations=["mmresnet.engine"])
OPTIM_WRAPPERS = Registry(
    "optim wrapper",
    parent=MMENGINE_OPTIM_WRAPPERS,
    scope="mmresnet",
    locations=["mmresnet.engine"],
)
DATASETS = LazyRegistry(
    "dataset",
    parent=MMENGINE_DATASETS,
    scope="mmresnet",
    modules={
        "CIFAR10": "mmresnet.datasets.cifar",
        "CIFAR100": "mmresnet.datasets.cifar",
        "CocoDataset": "mmresnet.datasets.coco.dataset",
        "CustomDataset": "mmresnet.datasets.class_folders",
        "ImageNet": "mmresnet.datasets.class_folders",
        "ImageNetDET": "mmresnet.datasets.imagenet_det.dataset",
        "ImageNetLoc": "mmresnet.datasets.imagenet_loc.dataset",
        "VOCDataset": "mmresnet.datasets.voc.dataset",
    },
)
DATA_SAMPLERS = LazyRegistry(
    "data sampler",
    parent=MMENGINE_DATA_SAMPLERS,
    scope="mmresnet",
    modules={"ShardSampler": "mmresnet.datasets.shards.sampler"},
)
TRANSFORMS = LazyRegistry(
    "transform",
    parent=MMENGINE_TRANSFORMS,
    scope="mmresnet",
    modules={
        "AlternatingFlip": "mmresnet.datasets.alternating_flip",
        "CropRegion": "mmresnet.datasets.imagenet_loc.regions",
        "CornerCrop": "mmresnet.datasets.ten_crop",
        "LoadImageFromFile": "mmresnet.datasets.loading",
        "LoadImageWithBoxes": "mmresnet.datasets.imagenet_loc.transforms",
        "ProgressiveRandomResizedCrop": "mmresnet.datasets.progressive_resizing",
        "TransformWithBoxes": "mmresnet.datasets.imagenet_loc.transforms",
    },
)
METRICS = LazyRegistry(
    "metric",
    parent=MMENGINE_METRICS,
    scope="mmresnet",
    modules={
        "CocoMetric": "mmresnet.evaluation.detection.coco_metric",
        "DumpScores": "mmresnet.evaluation.dump_scores",
        "LocalizationError": "mmresnet.evaluation.localization_error",
        "ImageNetDETMetric": "mmresnet.evaluation.detection.imagenet_det_metric",
        "VOCMetric": "mmresnet.evaluation.detection.voc_metric",
    },
)
VISBACKENDS = LazyRegistry(
    "visualization backend",
    parent=MMENGINE_VISBACKENDS,
    scope="mmresnet",
    modules={
        "MLflowVisBackend": "mmresnet.engine.trackers.mlflow",
        "WandbVisBackend": "mmresnet.engine.trackers.wandb",
    },
)
STRATEGIES = LazyRegistry(
    "strategy",
    parent=MMENGINE_STRATEGIES,
    scope="mmresnet",
    modules={"FSDP2": "mmresnet.engine.sharding.strategy"},
)
