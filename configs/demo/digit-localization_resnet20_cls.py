"""ResNet-20 on pictures of one large digit: the classifier of the localization demo.

    mmresnet demo-data localization data/digit_localization
    mmresnet train digit-localization_resnet20_cls

2,000 pictures to train on, 400 held out, about 112×112 pixels. Its weights are where
``digit-localization_resnet20_rpn`` starts, and its scores give the classes to localize:

    mmresnet test digit-localization_resnet20_cls \\
        work_dirs/digit-localization_resnet20_cls/epoch_12.pth --scores digits_scores.npz
"""

_base_ = ["../_base_/default_runtime.py"]

data_root = "data/digit_localization"
num_classes = 10
batch_size = 32
num_workers = 0  # reading such small images is faster than passing them between processes
on_bad_sample = "stop"  # or "skip": go on without unusable images and list them
epochs = 12

data_preprocessor = dict(num_classes=num_classes, mean=[70.0] * 3, std=[50.0] * 3, to_rgb=True)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomResizedCrop", scale=64, crop_ratio_range=(0.5, 1.0)),
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="ResizeEdge", scale=72, edge="short"),
    dict(type="CenterCrop", crop_size=64),
    dict(type="PackInputs"),
]

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    persistent_workers=False,
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="mmresnet.CustomDataset",
        data_root=data_root,
        data_prefix="Data/CLS-LOC/train",
        on_bad_sample=on_bad_sample,
        pipeline=train_pipeline,
    ),
    sampler=dict(type="DefaultSampler", shuffle=True),
    drop_last=True,
)
val_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    persistent_workers=False,
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="mmresnet.ImageNetLoc",  # whose validation images lie in no class folders
        data_root=data_root,
        split="val",
        test_mode=True,
        on_bad_sample=on_bad_sample,
        pipeline=test_pipeline,
    ),
    sampler=dict(type="DefaultSampler", shuffle=False),
)
test_dataloader = val_dataloader

val_evaluator = dict(type="Accuracy", topk=(1, 5))
test_evaluator = val_evaluator

model = dict(
    type="ImageClassifier",
    backbone=dict(type="mmresnet.CifarResNet", depth=20, strides=(2, 2, 2)),
    neck=dict(type="mmresnet.GlobalAveragePooling"),
    head=dict(
        type="mmresnet.LinearClsHead",
        num_classes=num_classes,
        in_channels=64,
        loss=dict(type="mmresnet.CrossEntropyLoss", loss_weight=1.0),
    ),
)

optim_wrapper = dict(
    optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=True, end=2, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", by_epoch=True, begin=2, end=epochs, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=4)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=batch_size)
default_hooks = dict(logger=dict(interval=10))
