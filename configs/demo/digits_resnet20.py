"""ResNet-20 on scikit-learn's handwritten digits: end to end in less than a minute, on a CPU.

    python tools/make_digits.py data/digits
    python tools/train.py configs/demo/digits_resnet20.py

1,437 images to train on, 360 held out, 8×8 pixels enlarged to 16×16. The net is the paper's for
CIFAR (He et al. 2015, Sec. 4.2). Augmentation is a shift by up to two pixels and a rotation by up
to 10°; no flips, since a mirrored digit is not a digit.
"""

_base_ = ["../_base_/default_runtime.py"]

data_root = "data/digits"
num_classes = 10
batch_size = 64
num_workers = 0  # reading such small images is faster than passing them between processes
on_bad_sample = "stop"  # or "skip": go on without unusable images and list them
epochs = 20

data_preprocessor = dict(num_classes=num_classes, mean=[78.0] * 3, std=[96.0] * 3, to_rgb=True)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=16),
    dict(type="RandomCrop", crop_size=16, padding=2),
    dict(
        type="Rotate",
        magnitude_range=(0, 10),
        magnitude_level=10,
        magnitude_std="inf",  # an angle drawn uniformly from the range
        random_negative_prob=0.5,
        prob=0.7,
        interpolation="bilinear",
        pad_val=0,
    ),
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=16),
    dict(type="PackInputs"),
]

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    persistent_workers=False,  # mmpretrain's tools/train.py has True by default
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="mmresnet.CustomDataset",
        data_root=data_root,
        data_prefix="train",
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
        type="mmresnet.CustomDataset",
        data_root=data_root,
        data_prefix="val",
        test_mode=True,
        on_bad_sample=on_bad_sample,
        pipeline=test_pipeline,
    ),
    sampler=dict(type="DefaultSampler", shuffle=False),
)
test_dataloader = val_dataloader

val_evaluator = dict(type="Accuracy", topk=(1,))
test_evaluator = val_evaluator

model = dict(
    type="ImageClassifier",
    backbone=dict(type="mmresnet.CifarResNet", depth=20),
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
train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=1)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=batch_size)
default_hooks = dict(logger=dict(interval=10))
