"""Localization of a large digit by R-CNN on the proposals of an RPN: ImageNet's recipe in minutes.

    mmresnet propose digit-localization_resnet20_rpn-dense \\
        work_dirs/digit-localization_resnet20_rpn/epoch_12.pth data/digit_proposals/train \\
        --split train --count 50
    mmresnet propose digit-localization_resnet20_rpn-dense \\
        work_dirs/digit-localization_resnet20_rpn/epoch_12.pth data/digit_proposals/val \\
        --count 50 --cfg-options test_dataloader.dataset.scores=digits_scores.npz
    mmresnet train digit-localization_resnet20_rcnn --cfg-options scores=digits_scores.npz

As ``resnet101-rcnn_8xb32_imagenet-loc``, with 50 proposals where ImageNet's images have 200, and
regions of 48×48 pixels. The last epoch ends with a validation, which is the longest part.
"""

_base_ = ["../_base_/datasets/imagenet_loc.py", "../_base_/default_runtime.py"]

data_root = "data/digit_localization"
num_classes = 10
batch_size = 32
epochs = 12
scores = None  # the file with which the proposals for validation were made

data_preprocessor = dict(mean=[70.0] * 3, std=[50.0] * 3)

train_pipeline = [
    dict(type="mmresnet.LoadImageWithBoxes"),
    dict(type="mmresnet.CropRegion", size=48, flip_prob=0.0),
    dict(type="PackInputs", algorithm_keys=("region_label", "region_deltas")),
]
loading = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(
        data_root=data_root, proposals="data/digit_proposals/train", pipeline=train_pipeline
    ),
    drop_last=True,
    **loading,
)
val_dataloader = dict(
    dataset=dict(data_root=data_root, scores=scores, proposals="data/digit_proposals/val"),
    **loading,
)
test_dataloader = val_dataloader

model = dict(
    type="mmresnet.RegionLocalizer",
    backbone=dict(
        type="mmresnet.CifarResNet",
        depth=20,
        strides=(2, 2, 2),
        init_cfg=dict(
            type="Pretrained",
            prefix="backbone.",
            checkpoint="work_dirs/digit-localization_resnet20_cls/epoch_12.pth",
        ),
    ),
    head=dict(type="mmresnet.PerClassRegionHead", num_classes=num_classes, in_channels=64),
    size=48,
)

optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.05, momentum=0.9, weight_decay=1e-4))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=True, end=1, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", by_epoch=True, begin=1, end=epochs, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=epochs)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=batch_size)
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(save_best="loc/error_gt_class", rule="less"),
)
