"""ILSVRC's localization task: images with one class each, and boxes of its objects.

The layout of the archive: ``data/ILSVRC/Data/CLS-LOC`` and ``data/ILSVRC/Annotations/CLS-LOC``.
Training crops are those of the paper's classification nets (He et al. 2015, Sec. 3.4): a short side
from 256 to 480 pixels, 224×224 of that, mirrored or not. Test images come in their own size, since
the model resizes them. ``scores`` names a file of class scores for the test images, which
``mmresnet test --scores`` writes; without one, the errors are those for the given class alone.
"""

data_root = "data/ILSVRC"
num_classes = 1000
batch_size = 32  # per device
num_workers = 5  # per device
scores = None
on_bad_sample = "stop"  # or "skip": go on without unusable images and list them

data_preprocessor = dict(
    type="ImgDataPreprocessor",
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,  # images are read as BGR; mean and std are those of RGB
)

train_pipeline = [
    dict(type="mmresnet.LoadImageWithBoxes"),
    dict(
        type="mmresnet.TransformWithBoxes",
        transforms=dict(
            RandomResize=dict(min_size=256, max_size=481),  # the short side, at most 480
            RandomCrop=dict(size=224),
            RandomHorizontalFlip=dict(),
        ),
    ),
    dict(type="PackInputs", algorithm_keys=("gt_bboxes",)),
]
test_pipeline = [
    dict(type="mmresnet.LoadImageWithBoxes"),
    dict(
        type="PackInputs",
        algorithm_keys=("gt_bboxes", "predicted_classes", "proposals"),
    ),
]

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    persistent_workers=True,
    pin_memory=True,
    dataset=dict(
        type="mmresnet.ImageNetLoc",
        data_root=data_root,
        split="train",
        on_bad_sample=on_bad_sample,
        pipeline=train_pipeline,
    ),
    sampler=dict(type="DefaultSampler", shuffle=True),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=num_workers,
    persistent_workers=True,
    pin_memory=True,
    dataset=dict(
        type="mmresnet.ImageNetLoc",
        data_root=data_root,
        split="val",
        scores=scores,
        test_mode=True,
        on_bad_sample=on_bad_sample,
        pipeline=test_pipeline,
    ),
    sampler=dict(type="DefaultSampler", shuffle=False),
)
test_dataloader = val_dataloader

val_evaluator = dict(type="mmresnet.LocalizationError")
test_evaluator = val_evaluator
