"""Localization of a large digit by a per-class RPN on ResNet-20: ImageNet's recipe in minutes.

    mmresnet train digit-localization_resnet20_rpn
    mmresnet test digit-localization_resnet20_rpn \\
        work_dirs/digit-localization_resnet20_rpn/epoch_12.pth \\
        --cfg-options test_dataloader.dataset.scores=digits_scores.npz

1,000 pictures with a box to train on, 400 held out. It starts from the classifier that
``digit-localization_resnet20_cls`` trains. All lengths in pixels are those of
``resnet101-rpn_8xb32_imagenet-loc`` over 3.5. No mirroring, since a mirrored digit is not a digit.
"""

_base_ = ["../_base_/datasets/imagenet_loc.py", "../_base_/default_runtime.py"]

data_root = "data/digit_localization"
num_classes = 10
batch_size = 32
epochs = 12

data_preprocessor = dict(mean=[70.0] * 3, std=[50.0] * 3)

train_pipeline = [
    dict(type="mmresnet.LoadImageWithBoxes"),
    dict(
        type="mmresnet.TransformWithBoxes",
        transforms=dict(
            RandomResize=dict(min_size=72, max_size=137),
            RandomCrop=dict(size=64),
            RandomHorizontalFlip=dict(p=0.0),
        ),
    ),
    dict(type="PackInputs", algorithm_keys=("gt_bboxes",)),
]
loading = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(data_root=data_root, pipeline=train_pipeline),
    drop_last=True,
    **loading,
)
val_dataloader = dict(dataset=dict(data_root=data_root), **loading)
test_dataloader = val_dataloader

model = dict(
    type="mmresnet.Localizer",
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
    head=dict(
        type="mmresnet.PerClassRPNHead",
        num_classes=num_classes,
        in_channels=64,
        feat_channels=64,
        stride=8,
        anchor_sizes=(18, 36, 72),
        anchor_ratios=(1.0, 1.6),
    ),
    test_cfg=dict(scales=(72,), crop=64),
)

optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.05, momentum=0.9, weight_decay=1e-4))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=True, end=1, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", by_epoch=True, begin=1, end=epochs, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=4)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=batch_size)
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(save_best="loc/error_gt_class", rule="less"),
)
