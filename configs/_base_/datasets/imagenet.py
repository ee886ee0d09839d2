"""ImageNet, or any folder ``train/<class>/*.jpg`` and ``val/<class>/*.jpg``, at 224×224.

Classes are the names of the folders in sorted order, which for ImageNet's folders (``n01440764``
…) is the usual order of its labels; ``train`` and ``val`` must hold the same folders. Another
folder of images takes ``--cfg-options data_root=… num_classes=…``.
"""

data_root = "data/imagenet"
num_classes = 1000
batch_size = 32  # per device
num_workers = 5  # per device
on_bad_sample = "stop"  # or "skip": go on without unusable images and list them

data_preprocessor = dict(
    num_classes=num_classes,
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,  # images are read as BGR; mean and std are those of RGB
)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomResizedCrop", scale=224),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="ResizeEdge", scale=256, edge="short"),
    dict(type="CenterCrop", crop_size=224),
    dict(type="PackInputs"),
]

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="mmresnet.CustomDataset",
        data_root=data_root,
        data_prefix="train",
        on_bad_sample=on_bad_sample,
        pipeline=train_pipeline,
    ),
    sampler=dict(type="DefaultSampler", shuffle=True),
)
val_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    persistent_workers=True,
    pin_memory=True,
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

val_evaluator = dict(type="Accuracy", topk=(1, 5))
test_evaluator = val_evaluator
